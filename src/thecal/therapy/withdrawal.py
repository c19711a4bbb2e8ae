"""Withdrawal: how likely it is, whom to call, what to order, what covers it, and what restores the therapy."""

from collections.abc import Iterator

from thecal.chart.clinical import Prescribed
from thecal.chart.vocabulary import grouped, words
from thecal.therapy import restart
from thecal.therapy.finding import Finding, Severity
from thecal.therapy.look import Check, Checks, Look, in_words
from thecal.therapy.renal import adjusted
from thecal.therapy.restart import dose_before, interruption
from thecal.therapy.rules import Limit
from thecal.therapy.signs import (
    WITHDRAWAL,
    Done,
    Signs,
    begun_at,
    done_before,
    has_pump,
    named_signs,
    on_baclofen,
    signs_of,
)
from thecal.timeline import DAY_S, HOUR_S, Duration, Instant

YEAR_S = 365 * DAY_S + DAY_S // 4
DIFFERENTIAL = (
    "autonomic dysreflexia",
    "sepsis",
    "meningitis",
    "malignant hyperthermia",
    "neuroleptic malignant syndrome",
    "serotonin syndrome",
    "withdrawal of another sedative",
)
"""What looks like a withdrawal (WDL-06)."""

MANIPULATIONS: tuple[Done, ...] = ("refill", "programming", "MRI", "surgery")
COVERING = ("baclofen", "diazepam", "cyproheptadine")
"""The drugs by mouth that cover a withdrawal (WDL-08)."""

_DIFFERENTIAL_ITEM = "differential considered"


def suspected(look: Look) -> Signs | None:
    """The signs of somebody in whom a withdrawal is possible; None where nothing suggests it or baclofen was never given."""
    if not on_baclofen(look):
        return None
    signs = signs_of(look)
    return signs if signs.withdrawal_possible and (_may_withdraw(look) or WITHDRAWAL in signs.suspected) else None


def _may_withdraw(look: Look) -> bool:
    """Whether baclofen is given day by day, or was until lately. From a screening bolus alone nobody withdraws."""
    known = look.known
    if has_pump(look) or "baclofen" in known.medicines:
        return True
    last = [fact.at for fact in known.prescriptions.get("baclofen", ())[-1:]]
    last += [known.explanted.at] if known.explanted is not None else []
    return any(look.now.s - at.s <= look.limit("WDL-04", "off").value * DAY_S for at in last)


def told(signs: Signs) -> str:
    """The signs of withdrawal in words, or that somebody suspects it."""
    return named_signs(signs.early | signs.severe) or "a withdrawal is suspected"


def high_risk(look: Look) -> tuple[tuple[str, Limit | None], ...]:
    """What makes a severe course more likely (WDL-03): each in words, with the limit that it passes."""
    found: list[tuple[str, Limit | None]] = [
        (words("conditions")[name].text, None)
        for name in sorted(grouped("conditions", "withdrawal risk"))
        if look.known.present(name)
    ]
    dose, therapy = look.limit("WDL-03", "dose"), look.limit("WDL-03", "therapy")
    amount = dose_before(look)
    if amount is not None and amount.pg > dose.value * 10**6:
        found.append((f"a dose of {amount} in 24 h", dose))
    first = look.known.sessions[0].at if look.known.sessions else None
    if first is not None and look.now.s - first.s > therapy.value * YEAR_S:
        found.append((f"an intrathecal therapy for {_years(look.since(first))} years", therapy))
    return tuple(found)


def _years(since: Duration) -> str:
    return f"{since.s / YEAR_S:.1f}"


def _signs(look: Look) -> Iterator[Finding]:
    """WDL-01."""
    signs = suspected(look)
    if signs is None:
        return
    early, severe = look.limit("WDL-01", "early"), look.limit("WDL-01", "severe")
    if signs.early and len(signs.early) >= early.value:
        advice = "A clinician sees this person the same day; call a physician who knows the therapy now."
        yield look.passed(early, f"early signs of withdrawal: {named_signs(signs.early)}", "none", advice)
    if signs.severe and len(signs.severe) >= severe.value:
        advice = _in_emergency(look, signs)
        yield look.passed(severe, f"severe signs of withdrawal: {named_signs(signs.severe)}", "none", advice)


def _in_emergency(look: Look, signs: Signs) -> str:
    if signs.suspicion in ("either", "overdose"):
        return "Emergency: monitored setting, and examine the tone first: limp or normal argues for overdose (OVD-07)."
    how = "restore intrathecal baclofen" if has_pump(look) else "give baclofen again by the way it was given"
    return f"Emergency: monitored setting, and {how} as soon as possible."


def _contact(look: Look) -> Iterator[Finding]:
    """WDL-02: the clock runs from the first sign to the contact."""
    signs = suspected(look)
    if signs is None:
        return
    since = begun_at(look, signs)
    paper = look.known.document("ITB physician contacted", look.now)
    if paper is None or paper.at < since:
        asked = f"no physician who knows the therapy was told; suspected for {in_words(signs.begun)}: {told(signs)}"
        advice = "Call the physician on call for the therapy now, and record the contact."
        yield look.found("WDL-02", "emergency", asked, "a contact within minutes of any suspicion", advice, since)


def _risk(look: Look) -> Iterator[Finding]:
    """WDL-03."""
    signs = suspected(look)
    if signs is None:
        return
    for why, limit in high_risk(look):
        asked, advice = f"signs of withdrawal ({told(signs)}) and {why}", "Treat it as an emergency, also while it is mild."
        if limit is None:
            yield look.found("WDL-03", "emergency", asked, "same day only without a high risk", advice)
        else:
            yield look.passed(limit, asked, "same day only without a high risk", advice)


def _after_manipulation(look: Look) -> Iterator[Finding]:
    """WDL-04."""
    signs = suspected(look)
    if signs is None:
        return
    limit = look.limit("WDL-04", "manipulation")
    done = done_before(look, limit.value)
    for what in MANIPULATIONS:
        after = [name for name in signs.early | signs.severe if what in done and signs.ago[name] <= done[what]]
        if after:
            asked = f"{named_signs(frozenset(after))}, {done[what]} after {_an(what)}"
            allowed = (
                f"a fault of the pump, or a mistake with it, is likelier within {limit}; no elapsed time excludes withdrawal"
            )
            advice = "Interrogate, and compare program, concentration and residual with what was ordered."
            yield look.passed(limit, asked, allowed, advice)


def _an(what: str) -> str:
    return {"MRI": "an MRI", "programming": "programming", "surgery": "surgery"}.get(what, f"a {what}")


def _tests(look: Look) -> Iterator[Finding]:
    """WDL-06."""
    signs = suspected(look)
    if signs is None:
        return
    since = begun_at(look, signs)
    todo = _unanswered(look, "withdrawal tests", since)
    measured = look.known.measure("CK")
    if measured is not None and measured.at >= since:
        todo = tuple(item for item in todo if item != "CK")
    if todo:
        orders = [item for item in todo if item != _DIFFERENTIAL_ITEM]
        advice = f"Order {', '.join(orders)}." if orders else "Think of each, and record it."
        allowed = f"tests ordered, and thought of: {', '.join(DIFFERENTIAL)}"
        yield look.found("WDL-06", "task", f"signs of withdrawal; open: {', '.join(todo)}", allowed, advice, since)


def _unanswered(look: Look, checklist: str, since: Instant) -> tuple[str, ...]:
    """The items of a checklist that nobody has answered since the first sign."""
    answers = look.known.answers
    items = words("checklists")[checklist].items
    return tuple(item for item in items if (checklist, item) not in answers or answers[checklist, item].at < since)


def _definitive(look: Look) -> Iterator[Finding]:
    """WDL-07: restore the therapy, or plan a new start."""
    if not has_pump(look):
        return
    signs, off, before = suspected(look), interruption(look), dose_before(look)
    dose = f"{before} in 24 h" if before is not None else "the dose before, which is not known"
    if signs is not None and signs.active_withdrawal:
        asked = f"{told(signs)}; {off.in_words(look.now) if off else 'no interruption is known: the line may be at fault'}"
        advice = "Restore intrathecal baclofen as soon as possible (SAF-06, active withdrawal); cover it until then (WDL-08)."
        if signs.suspicion == "either":
            advice = f"Examine the tone first: limp or normal argues for overdose (OVD-07). {advice}"
        severity: Severity = "emergency" if off is not None or signs.severe else "warn"
        yield look.found("WDL-07", severity, asked, f"intrathecal baclofen at or near {dose}", advice)
        return
    limit, lasted = look.limit("WDL-07", "short"), off.lasted(look.now) if off else None
    meant = look.known.closed is not None or any(
        look.known.document(name, look.now) for name in ("taper plan", "withdrawal plan")
    )
    if off is None or off.until is not None or before is None or meant:
        return
    if lasted is None or lasted.s > limit.value * HOUR_S:
        advice = "Look for the cause; watch for withdrawal; plan a reduced, monitored start, or an end with a plan."
        asked = f"{off.in_words(look.now)}, without signs of withdrawal"
        yield look.passed(limit, asked, f"up to {limit}; then a new start instead of {dose}", advice)


def _cover(look: Look) -> Iterator[Finding]:
    """WDL-08: whether there is a cover, and whether it is as much and as often as published."""
    signs = suspected(look)
    if signs is None or not signs.active_withdrawal:
        return
    since = begun_at(look, signs)
    if look.known.document("cover order", look.now) is None:
        kidneys = adjusted(look.limit("WDL-08", "baclofen to").value, look)
        first = "baclofen by mouth or tube, " if not kidneys.avoid else f"no baclofen by mouth ({kidneys}), but "
        allowed = f"{first}diazepam and cyproheptadine; never drugs by mouth alone"
        advice = "Write the cover order, and restore intrathecal baclofen."
        yield look.found("WDL-08", "task", f"{told(signs)} without a cover order", allowed, advice, since)
    for medicine in COVERING:
        taken = look.known.medicines.get(medicine)
        if taken is not None and taken.route == "oral" and taken.at >= since:
            yield from _dosed(look, taken)


def _dosed(look: Look, taken: Prescribed) -> Iterator[Finding]:
    low, high, often, seldom = (look.limit("WDL-08", f"{taken.medicine} {name}") for name in ("from", "to", "often", "seldom"))
    dose, every = taken.per_day / max(taken.doses_a_day, 1), 24 / max(taken.doses_a_day, 1)
    asked = f"{dose:g} mg of {taken.medicine} every {every:.3g} h"
    allowed = f"{_range(low, high)} every {_range(often, seldom)}"
    part = adjusted(1, look).part if taken.medicine == "baclofen" else 1
    if dose > high.value:
        yield look.passed(high, asked, allowed, "Name the prescriber who goes above it; watch sedation and breathing.")
    elif dose < low.value * part:
        yield look.passed(low, asked, allowed, "Ask whether this covers.")
    if every < often.value:
        yield look.passed(often, asked, allowed, "Leave more time between the doses, or monitor as in intensive care.")
    elif every > seldom.value:
        yield look.passed(seldom, asked, allowed, "Ask whether this covers through the night.")


def _range(low: Limit, high: Limit) -> str:
    return str(low) if low.value == high.value else f"{low.number} to {high}"


def _device(look: Look) -> Iterator[Finding]:
    """WDL-10."""
    signs = suspected(look)
    if signs is None or not has_pump(look):
        return
    since = begun_at(look, signs)
    read = look.known.interrogations[-1:]
    done = {"interrogated"} if read and read[0].at >= since else set()
    if look.known.residuals and look.known.residuals[-1].at >= since:
        done.add("reservoir checked")
    todo = [item for item in _unanswered(look, "withdrawal device work-up", since) if item not in done]
    if todo:
        asked = f"signs of withdrawal; of the device open: {', '.join(todo)}"
        advice = "Look at the device in parallel with the treatment; do not wait with either."
        yield look.found("WDL-10", "task", asked, "pump and catheter looked at since the first sign", advice, since)


def _pressure(look: Look) -> Iterator[Finding]:
    """WDL-11."""
    if not on_baclofen(look):
        return
    signs = signs_of(look)
    pressure = signs.of("blood pressure")
    if pressure and not signs.suspected and not (signs.early | signs.severe | signs.overdose) - pressure:
        advice = "Look for the other signs of withdrawal, overdose and dysreflexia before anything is decided."
        yield look.found("WDL-11", "advise", f"{named_signs(pressure)}, and no other sign", "no decision on it alone", advice)


_OWN: dict[str, Check] = {
    "WDL-01": _signs,
    "WDL-02": _contact,
    "WDL-03": _risk,
    "WDL-04": _after_manipulation,
    "WDL-06": _tests,
    "WDL-07": _definitive,
    "WDL-08": _cover,
    "WDL-10": _device,
    "WDL-11": _pressure,
}
CHECKS: Checks = {**_OWN, **restart.CHECKS}
