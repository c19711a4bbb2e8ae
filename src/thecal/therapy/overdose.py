"""Overdose: what it looks like, what is done first, and when the pump may run again."""

from collections.abc import Iterator, Mapping

from thecal.chart.facts import PortUsed
from thecal.chart.line_ledger import line_ledger, strength
from thecal.errors import sentence
from thecal.pump.program import EndOfService, Stopped
from thecal.quantity import Amount, Volume
from thecal.therapy.finding import Finding, Severity
from thecal.therapy.look import Checks, Look
from thecal.therapy.refill import discrepancy_limit
from thecal.therapy.restart import (
    answered_since,
    dose_not_suspect,
    gives,
    interruption,
    missing,
    reading,
    share,
)
from thecal.therapy.signs import (
    OVERDOSE,
    Done,
    Signs,
    begun_at,
    done_before,
    has_pump,
    lately,
    named_signs,
    noticed_overdose,
    on_baclofen,
    signs_of,
)
from thecal.therapy.totals import totals
from thecal.timeline import HOUR_S, Duration, Instant

CAUSES: tuple[Done, ...] = ("bolus", "refill", "programming")
_AFTER: dict[Done, str] = {"bolus": "a bolus", "refill": "a refill", "programming": "programming"}
_MONITORED = "monitored setting"
_STOP = "Stop the pump first, then empty the reservoir; airway at the same time (OVD-02, OVD-03)."
_LOOK = (
    "Look at breathing, wakefulness and tone now and again; interrogate, and compare the program with the order. "
    "Stop the pump as soon as anything graver shows (OVD-02): a stop has its own danger."
)


def drug_in_line(look: Look) -> tuple[Volume, Amount] | None:
    """The volume of tubing and catheter, and the most that it holds after the reservoir is emptied; None where nobody knows."""
    ledger, report = line_ledger(look.chart), reading(look) if has_pump(look) else None
    if ledger is None:
        return None
    strengths = [found for found in (strength(parcel) for parcel in ledger.line.parcels) if found is not None]
    strengths += [found for found in (report.concentration if report else None, ledger.reservoir) if found is not None]
    if not strengths:
        return None
    volume = Volume(ledger.line.volume_nl)
    return volume, volume.of(max(strengths))


def line_text(look: Look) -> str:
    """What an emptied reservoir still leaves to deliver, in words; at most three figures, as of any real pump."""
    held = drug_in_line(look)
    if held is None:
        return "the line still holds drug: its volume times the concentration"
    volume, amount = held
    return f"the line still holds {volume.ml:.2g} mL: up to about {float(f'{amount.mcg:.2g}'):,.0f} mcg"


def features_after(signs: Signs, done: dict[Done, Duration]) -> tuple[tuple[Done, frozenset[str]], ...]:
    """The features that were there after each thing that can cause an overdose."""
    after = [
        (what, frozenset(name for name in signs.overdose if signs.ago[name] <= done[what])) for what in CAUSES if what in done
    ]
    return tuple((what, names) for what, names in after if names)


def only_mild(signs: Signs, grades: Mapping[str, int]) -> bool:
    """Whether all that speaks for an overdose are side effects of the lowest grade: looked at at once, but no reason to stop."""
    effects = signs.of("side effect") - signs.of("screening stop")
    return OVERDOSE not in signs.suspected and signs.overdose <= effects and all(grades[name] <= 1 for name in signs.overdose)


def _grades(look: Look) -> Mapping[str, int]:
    """The latest grade of each symptom, of one instant the worst."""
    return {fact.symptom: fact.grade for fact in sorted(look.known.symptoms, key=lambda fact: (fact.at.s, fact.grade))}


def _features(look: Look) -> Iterator[Finding]:
    """OVD-01."""
    if not on_baclofen(look):
        return
    signs, limit = signs_of(look), look.limit("OVD-01", "after")
    if not signs.overdose and OVERDOSE not in signs.suspected:
        return
    told = named_signs(signs.overdose) or "an overdose is suspected"
    advice = _STOP if signs.suspicion == "overdose" else "Emergency: airway, and examine the tone (OVD-07)."
    advice = _LOOK if only_mild(signs, _grades(look)) else advice
    after = features_after(signs, dict(done_before(look, limit.value)))
    for what, names in after:
        asked = f"{named_signs(names)} {done_before(look, limit.value)[what]} after {_AFTER[what]}"
        yield look.passed(limit, asked, "none of the features of an overdose", advice)
    if after:
        return
    if signs.grave or OVERDOSE in signs.suspected:
        yield look.found("OVD-01", "emergency", told, "none of the features of an overdose", advice)
    else:
        advice = "A clinician sees this person the same day; interrogate, and look for other sedating drugs."
        yield look.found("OVD-01", "warn", f"{told}, after no bolus, refill or programming", "none", advice)


def overdose_first(look: Look, signs: Signs) -> bool:
    """Whether an overdose is what is acted on: it is suspected and not withdrawal as well, and grave or after a cause of one."""
    if signs.suspicion != "overdose":
        return False
    after = features_after(signs, dict(done_before(look, look.limit("OVD-01", "after").value)))
    return bool(signs.grave or after or OVERDOSE in signs.suspected)


def relieves(look: Look) -> bool:
    """Whether an order stops the pump, or gives less in a day and in no hour more than runs now, in a grave overdose (OVD-02)."""
    asked, signs = look.asked, signs_of(look)
    if asked is None or asked.orders.dosing is None or not overdose_first(look, signs) or only_mild(signs, _grades(look)):
        return False
    if asked.stops:
        return True
    report, after = reading(look), asked.after
    runs = totals(report, look.sheet) if report and look.sheet else None
    if runs is None or after is None:
        return False
    return after.day_max.pg < runs.day_max.pg and after.peak_hour.pg <= runs.peak_hour.pg


def _first_action(look: Look) -> Iterator[Finding]:
    """OVD-02: the pump stopped first, then the reservoir emptied."""
    if not has_pump(look) or not on_baclofen(look):
        return
    signs = signs_of(look)
    if not overdose_first(look, signs) or only_mild(signs, _grades(look)):
        return
    since = begun_at(look, signs)
    if not _stopped(look, since):
        advice = f"{_how(look)} {sentence(line_text(look))}."
        yield look.found("OVD-02", "emergency", "an overdose, and the pump is not known to be stopped", "a stopped pump", advice)
    elif not _emptied(look, since):
        advice = f"Empty the reservoir now; {line_text(look)}."
        yield look.found("OVD-02", "emergency", "an overdose, the pump stopped and drug left in it", "an empty reservoir", advice)


def _how(look: Look) -> str:
    without = "empty the reservoir and aspirate the catheter access port."
    if look.sheet is not None and not look.sheet.programmable:
        return f"This pump cannot be stopped: {without}"
    return f"Stop the pump first, then empty the reservoir. Without a programmer: {without}"


def _stopped(look: Look, since: Instant) -> bool:
    """Whether nothing flows any more: stopped, or, without a programmer, emptied and the catheter aspirated since then."""
    report = reading(look)
    if report is not None and isinstance(report.program, Stopped | EndOfService):
        return True
    hours = look.since(since).s / HOUR_S
    aspirated = any(isinstance(fact, PortUsed) and fact.what == "aspirate" for fact in lately(look, hours))
    return aspirated and _emptied(look, since)


def _emptied(look: Look, since: Instant) -> bool:
    return look.chart.residual is not None and look.chart.residual.at >= since


# Restart after it ------------------------------------------------------------------------------------------------------


def overdose_at(look: Look) -> tuple[Instant, bool] | None:
    """When the overdose was recorded or first suspected, and whether it is still suspected; None out of its watch."""
    hours = look.limit("OVD-06", "watch").value
    present = look.known.present(OVERDOSE)
    paper = look.known.documents.get("overdose recorded")
    times = [at for at in (noticed_overdose(look, hours), paper.at if paper else None) if at is not None]
    times = [at for at in times if look.now.s < at.s + hours * HOUR_S]
    if present:
        times.append(look.known.conditions[OVERDOSE].at)
    return (min(times), present) if times else None


def watch_until(look: Look, since: Instant) -> Instant:
    """Until when withdrawal is watched for after an overdose (OVD-06)."""
    return Instant(since.s + int(look.limit("OVD-06", "watch").value * HOUR_S))


def _after_overdose(look: Look) -> Iterator[Finding]:
    """OVD-06."""
    seen = overdose_at(look)
    if seen is None or not on_baclofen(look):
        return
    since, present = seen
    until = watch_until(look, since)
    advice = "Look for early signs of withdrawal, and plan the restart: after recovery, reduced, monitored."
    asked = f"an overdose {look.ago(since)} ago{'' if present else ', recovered'}"
    yield look.found("OVD-06", "task", asked, f"withdrawal watched for until {until.local_text(look.zone)}", advice, until)
    amount, before = gives(look.asked), dose_not_suspect(look, since, look.limit("OVD-01", "after"))
    if amount is not None:
        yield from _run_again(look, amount, before, since, present)


def _run_again(look: Look, amount: Amount, before: Amount | None, since: Instant, present: bool) -> Iterator[Finding]:
    full = look.limit("OVD-06", "full")
    stops: Severity = "warn" if signs_of(look).active_withdrawal else "block"
    allowed = "a restart after recovery, reduced and monitored"
    asked = f"{amount} in 24 h {look.ago(since)} after an overdose"
    running = look.asked.before.day_max if look.asked and look.asked.before and interruption(look) is None else Amount(0)
    if before is not None and amount.pg * 100 >= full.value * before.pg:
        told, less = f"{asked}, before it {before}", f"{allowed}: below {share(full, before)}"
        advice = "Order less, once the person has recovered."
        if stops == "block":
            yield look.passed(full, told, less, advice)
        else:
            yield look.found("OVD-06", "warn", f"{told}; in active withdrawal", less, "Monitor breathing closely.", limit=full)
    elif present and amount > running:
        told = f"{asked}, which is still suspected"
        yield look.found("OVD-06", stops, told, allowed, "Wait for recovery, and record that the suspicion has ended.")
    if amount > running and missing(look, since, _MONITORED):
        advice = "Restart where the person is monitored, and answer it in the restart checklist."
        yield look.found("OVD-06", stops, f"{asked}, without a monitored setting", allowed, advice)


def _tone(look: Look) -> Iterator[Finding]:
    """OVD-07."""
    if not on_baclofen(look):
        return
    signs = signs_of(look)
    like = named_signs(signs.early | signs.severe)
    if not like:
        return
    surgery = done_before(look, look.limit("WDL-04", "manipulation").value).get("surgery")
    if signs.limp:
        asked, advice = f"{like}, and {signs.tone} muscles", "Think of an overdose before anything is restarted or raised."
        yield look.found("OVD-07", "warn", asked, "raised tone in a withdrawal", advice)
    elif signs.tone is None and (surgery is not None or signs.suspicion == "either"):
        asked = f"{like}, and nobody has said how the tone is"
        advice = "Examine the tone: limp or normal argues for overdose, raised for withdrawal."
        yield look.found("OVD-07", "advise", asked, "the tone examined", advice)


def _overfull(look: Look) -> Iterator[Finding]:
    """OVD-08."""
    residuals, session = look.known.residuals, look.known.last_session
    amount = gives(look.asked) if residuals else None
    if amount is None or (session is not None and session.at >= residuals[-1].at):
        return
    limit = look.limit("OVD-08", "red")
    last = [fact for fact in residuals if fact.at == residuals[-1].at and fact.expected is not None and not fact.first]
    for fact in last:
        over_nl = fact.measured.nl - (fact.expected.nl if fact.expected else 0)
        if over_nl <= limit.value * discrepancy_limit(fact.reservoir).nl or answered_since(look, _MONITORED, fact.at):
            continue
        asked = f"{fact.measured} left, {fact.expected} expected, and {amount} in 24 h asked for without a monitored setting"
        allowed = "a restart after such a residual only in a monitored setting"
        advice = "Find the cause first (RPC-07, TRB-03); restart where the person is monitored."
        if signs_of(look).active_withdrawal:
            yield look.found("OVD-08", "warn", f"{asked}; in active withdrawal", allowed, advice, limit=limit)
        else:
            yield look.passed(limit, asked, allowed, advice)


CHECKS: Checks = {
    "OVD-01": _features,
    "OVD-02": _first_action,
    "OVD-06": _after_overdose,
    "OVD-07": _tone,
    "OVD-08": _overfull,
}
BEFORE_AN_ORDER: Checks = {rule: CHECKS[rule] for rule in ("OVD-06", "OVD-08")}
"""Those that an order meets after an overdose."""
