"""Loss of effect on a dose that was stable, or too much of it: step by step to pump, catheter or disease."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from thecal.chart.chart import Chart
from thecal.chart.facts import Acted, PortUsed, PumpReplaced, Revised, SessionEnded
from thecal.chart.line_ledger import DRUG_FREE, LineLedger, line_ledger
from thecal.chart.vocabulary import grouped, words
from thecal.fluid import take_front, volume_of
from thecal.quantity import Amount, Concentration, Volume
from thecal.therapy.asked import Asked
from thecal.therapy.diagnosis import EXCESS, LOSS, Conclusion, Found, Node, Standing
from thecal.therapy.diagnosis_tree import meanings, next_test
from thecal.therapy.finding import Finding
from thecal.therapy.look import Checks, Look
from thecal.therapy.service import last_report
from thecal.therapy.suspicion import (
    CHECKLIST,
    STALL,
    Suspicion,
    emergency_signs,
    residual_off,
    stalls_outside_scanners,
    suspected,
    suspicion,
)
from thecal.timeline import HOUR_S, Instant
from thecal.unit import decimal_text

_ENDED = ("end of service", "low battery reset", "critical memory error")
_UNDER = "too little was given: look for an occlusion or a rotor that stands still; do not restart at the old dose unmonitored"
_OVER = "too much left the reservoir: look for overinfusion, a leak, or drug beside the pump; do not simply refill"


def troubleshooting(look: Look) -> Standing:
    """Where the search for the cause stands, by the chart alone: what it holds is not asked again.

    What people answer is the checklist ``troubleshooting``. A later fact counts instead of an earlier one.
    """
    reason = suspicion(look)
    if reason is None:
        return Standing(None)
    found = (
        Found(reason.course, True, "; ".join(reason.why)),
        *(Found(item, yes, why) for item, (_, yes, why) in sorted(_answers(look, reason).items())),
    )
    following = next_test(found)
    return Standing(
        reason.course, found, tuple(meanings(found)), following, tuple(_prepare(look, following)), tuple(_meanwhile(reason))
    )


def contrast_after(look: Look) -> Volume | None:
    """TRB-07: what is aspirated at least before contrast goes in; None where the line's volume is not on the chart."""
    ledger = line_ledger(look.chart)
    if ledger is None:
        return None
    return Volume(ceil(ledger.line.volume_nl * look.limit("TRB-07", "aspirate").value))


@dataclass(frozen=True, slots=True)
class EmptyCatheter:
    """A catheter that was aspirated since the last session: how much of it holds no drug, and what the pump's tubing holds.

    ``volume`` is None where nobody wrote down the catheter; the rest is None where dose or concentration are not known.
    """

    at: Instant
    volume: Volume | None
    tubing: Volume
    concentration: Concentration | None

    def hours(self, dose: Amount | None) -> Fraction | None:
        """How long nothing but drug-free fluid reaches the tip at a dose a day."""
        if self.volume is None or self.concentration is None or dose is None or not dose.pg:
            return None
        return Fraction(24 * self.volume.of(self.concentration).pg, dose.pg)

    @property
    def too_much(self) -> Amount | None:
        """What a prime that counts the tubing in gives beyond the catheter."""
        return self.tubing.of(self.concentration) if self.concentration is not None else None


def empty_catheter(chart: Chart) -> EmptyCatheter | None:
    """TRB-09: the catheter after its port was used since the last session, if drug-free fluid lies in it or nobody knows."""
    used = None
    for fact in reversed(chart.facts):
        if isinstance(fact, SessionEnded | Revised | PumpReplaced):
            break
        if isinstance(fact, PortUsed):
            used = fact
    ledger = line_ledger(chart) if used is not None else None
    if used is None or ledger is None:
        return None
    volume = _drug_free(ledger)
    if volume is not None and not volume.nl:
        return None
    return EmptyCatheter(used.at, volume, ledger.tubing_volume, ledger.reservoir)


def _drug_free(ledger: LineLedger) -> Volume | None:
    if ledger.geometry is None or ledger.line.bore is None:
        return None
    catheter, _ = take_front(ledger.line.parcels, ledger.catheter_volume.nl)
    return Volume(volume_of(parcel for parcel in catheter if parcel.content in DRUG_FREE))


# What the chart answers ------------------------------------------------------------------------------------------------


def _answers(look: Look, reason: Suspicion) -> dict[str, tuple[Instant, bool, str]]:
    """The latest answer to each item since the search began, with how it is known; of one instant, people's own counts."""
    answers: dict[str, tuple[Instant, bool, str]] = {}
    rows = [*_told(look, reason), *_said(look, reason)]
    for item, at, yes, why in rows:
        if item not in answers or at >= answers[item][0]:
            answers[item] = (at, yes, why)
    return answers


def _said(look: Look, reason: Suspicion) -> Iterator[tuple[str, Instant, bool, str]]:
    for item in words("checklists")[CHECKLIST].items:
        answered = look.known.answers.get((CHECKLIST, item))
        if answered is not None and answered.at >= reason.since and item not in (LOSS, EXCESS):
            yield item, answered.at, answered.yes, f"answered on {answered.at.local_text(look.zone)}"


def _told(look: Look, reason: Suspicion) -> Iterator[tuple[str, Instant, bool, str]]:
    since, known = reason.since, look.known
    signs = emergency_signs(look, reason.course)
    if signs:
        last = max(report.at for report in known.symptoms if report.symptom in signs)
        yield "emergency signs", last, True, ", ".join(signs)
    noxious = sorted(name for name in grouped("conditions", "noxious") if known.present(name))
    if noxious:
        yield "noxious stimulus found", max(known.conditions[name].at for name in noxious), True, ", ".join(noxious)
    if look.sheet is not None and look.sheet.drive != "rotor":
        yield "no rotor", since, True, f"{look.sheet.title} has no rotor"
    positional = known.symptoms_since(since).get("positional symptoms")
    if positional is not None:
        yield "positional symptoms", positional.at, True, "reported"
    yield from _read(look, since)
    yield from _residual(look, since)
    yield from _port(look.chart, since)


def _read(look: Look, since: Instant) -> Iterator[tuple[str, Instant, bool, str]]:
    """What an interrogation since then says; that the program is the one prescribed only people can say."""
    report, last = last_report(look.known), look.known.last_session
    stalls = [at for at in stalls_outside_scanners(look) if at >= since]
    if report is None or (report.at < since and not stalls):
        return
    alarms = [name for name in (STALL, *_ENDED) if name in report.alarms]
    why = ", ".join([*alarms, *(f"stalled on {at.local_text(look.zone)}" for at in stalls)])
    yield "pump alarm or stall", report.at, bool(why), why or f"none when read on {report.at.local_text(look.zone)}"
    if "empty reservoir" in report.alarms:
        yield "reservoir empty", report.at, True, "the pump's alarm"
    left = last.report if last is not None else None
    if left is not None and (report.program, report.concentration) != (left.program, left.concentration):
        yield "program differs from order", report.at, True, "the pump does not run what the last session left"


def _residual(look: Look, since: Instant) -> Iterator[tuple[str, Instant, bool, str]]:
    last = look.known.residuals[-1] if look.known.residuals else None
    if last is None or last.at < since or last.expected is None or last.first:
        return
    off, why = residual_off(look), f"{last.measured} withdrawn, {last.expected} expected"
    yield "residual high", last.at, off is not None and last.measured > last.expected, why
    yield "residual low", last.at, off is not None and last.measured < last.expected, why
    yield "reservoir empty", last.at, not last.measured.nl, why


def _port(chart: Chart, since: Instant) -> Iterator[tuple[str, Instant, bool, str]]:
    """Whether the catheter could be aspirated: by what came, or by the attempt that was refused."""
    for fact in reversed(chart.facts):
        if fact.at < since:
            return
        if isinstance(fact, PortUsed) and fact.what == "aspirate":
            yield "port aspirates", fact.at, True, f"{fact.volume} came"
            return
        if isinstance(fact, Acted) and fact.refusal is not None and fact.refusal.rule == "CAT-10":
            yield "port aspirates", fact.at, False, "nothing came"
            return


def _prepare(look: Look, following: Node | Conclusion) -> Iterator[str]:
    """What the chart adds to a step that goes through the access port."""
    if following.rule not in ("TRB-06", "TRB-07"):
        return
    before = contrast_after(look)
    if before is None:
        yield "The volume of the line is not on the chart: aspirate until clear spinal fluid comes."
    else:
        yield f"Aspirate at least {before} before any contrast."
    ledger = line_ledger(look.chart)
    if ledger is not None and ledger.line.amount_pg:
        yield f"The line holds {Amount(ledger.line.amount_pg)}, which an injection without aspiration would give at once."


def _meanwhile(reason: Suspicion) -> Iterator[str]:
    if reason.course == LOSS:
        yield "TRB-12: oral baclofen covers while too little drug is looked into, within the limits of oral doses."
        yield "TIT-12: no further rise of the dose."
    else:
        yield "No rise of the dose and no bolus until the cause is known."


# The checks ------------------------------------------------------------------------------------------------------------


def _search(look: Look) -> Iterator[Finding]:
    """TRB-01: the emergency that leaves the tree, or that the search begins."""
    found = list(_emergency(look))
    yield from found
    reason = suspicion(look)
    if reason is not None and not found:
        allowed = "a cause that is looked for, from the history on"
        advice = "Take history, examination and vital signs; then a noxious stimulus (TRB-02), then the pump (TRB-03)."
        yield look.found("TRB-01", "advise", f"{reason.course}: {reason.why[0]}", allowed, advice)


def _emergency(look: Look) -> Iterator[Finding]:
    for course in (LOSS, EXCESS):
        signs = emergency_signs(look, course)
        if signs:
            what = "a withdrawal" if course == LOSS else "an overdose"
            advice = f"Treat {what} now; look for the fault of pump or catheter meanwhile."
            limit = look.limit("TRB-01", "window")
            yield look.passed(limit, ", ".join(signs), "no tree for an emergency", advice, look.now)


def _noxious(look: Look) -> Iterator[Finding]:
    """TRB-02."""
    if suspected(look, LOSS) is None:
        return
    soonest, latest = look.limit("TRB-02", "soonest"), look.limit("TRB-02", "latest")
    assessed = [fact.at for fact in look.known.assessments]
    assessed += [fact.at for scores in look.known.scores.values() for fact in scores]
    for name in sorted(grouped("conditions", "noxious")):
        if not look.known.present(name):
            continue
        noticed = look.known.conditions[name].at
        again = any(at.s - noticed.s >= soonest.value * HOUR_S for at in assessed)
        if not again and look.now.s - noticed.s > latest.value * HOUR_S:
            due = Instant(noticed.s + round(latest.value * HOUR_S))
            asked = f"{name} for {look.ago(noticed)}, and no assessment since its treatment began"
            yield look.passed(latest, asked, f"looked at again after {soonest} to {latest}", "Assess tone and spasms again.", due)


def _discrepancy(look: Look) -> Iterator[Finding]:
    """TRB-03."""
    off = residual_off(look)
    if off is None or off[0].expected is None:
        return
    residual, limit = off
    high = residual.measured > off[0].expected
    asked = f"{residual.measured} withdrawn where {residual.expected} was expected: {'more' if high else 'less'} than the limit"
    advice = f"Measure again; {_UNDER if high else _OVER}."
    yield look.passed(limit, asked, f"within {limit}", advice)


def _prime_catheter(look: Look) -> Iterator[Finding]:
    """TRB-09."""
    empty = empty_catheter(look.chart)
    if empty is None:
        return
    limit = look.limit("TRB-09", "without drug")
    dose = look.known.dose
    day = Amount(dose.pg_per_day) if dose is not None else None
    if look.asked is not None and look.asked.after is not None:
        day = look.asked.after.seven_day_mean
    hours, allowed = (
        empty.hours(day),
        f"a prime of the catheter only, {empty.volume or 'of which the volume is not on the chart'}",
    )
    told = f"{decimal_text(hours.numerator, hours.denominator, 1)} h without drug" if hours is not None else "hours without drug"
    much = f"; with the tubing, {empty.too_much} too much" if empty.too_much is not None and empty.tubing.nl else ""
    since = f"the access port was used on {empty.at.local_text(look.zone)}"
    if look.asked is not None and _restarts(look.asked) and (hours is None or hours > limit.value):
        asked = f"an order without a prime; {since}: {told}"
        yield look.passed(limit, asked, f"{allowed}{much}", "Order a prime of the catheter, not of the tubing.")
    elif look.asked is not None and look.asked.orders.prime:
        yield look.found("TRB-09", "advise", f"a prime; {since}", f"{allowed}{much}", "Enter it a second time by another person.")
    elif look.asked is None:
        advice = "Prime the catheter only, entered again by a second person."
        yield look.found("TRB-09", "warn", f"no prime, and {since}: {told}", f"{allowed}{much}", advice)


def _restarts(asked: Asked) -> bool:
    return not asked.stops and not asked.orders.prime and asked.orders.clock_offset_s is None


def _cover(look: Look) -> Iterator[Finding]:
    """TRB-12."""
    reason = suspected(look, LOSS)
    if reason is None or look.known.document("cover order", look.now) is not None:
        return
    taken = look.known.medicines.get("baclofen")
    if taken is None or taken.route != "oral" or not taken.per_day:
        asked = f"{reason.why[0]}, and no oral baclofen"
        advice = "Order oral baclofen as cover, within the limits of oral doses and kidney function."
        yield look.found("TRB-12", "task", asked, "oral cover while too little drug is looked into", advice)


def _stalled(look: Look) -> Iterator[Finding]:
    """TRB-13."""
    limit = look.limit("TRB-13", "near a scan")
    stalls = stalls_outside_scanners(look)
    if stalls:
        times = f"{len(stalls)} stalls, the last" if len(stalls) > 1 else "a stall"
        asked = f"{times} on {stalls[-1].local_text(look.zone)}, and no scan within {limit}"
        advice = "Take it as a failure of the pump, even recovered: work up its replacement."
        yield look.passed(limit, asked, "no stall outside a magnetic field", advice)


CHECKS: Checks = {
    "TRB-01": _search,
    "TRB-02": _noxious,
    "TRB-03": _discrepancy,
    "TRB-09": _prime_catheter,
    "TRB-12": _cover,
    "TRB-13": _stalled,
}
