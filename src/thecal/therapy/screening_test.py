"""The screening test: what stands ready, what was given, how it was observed, and what it has shown."""

from collections.abc import Callable, Iterator

from thecal.chart.vocabulary import words
from thecal.therapy.bolus import (
    ScreeningStep,
    earliest_after,
    exhausted,
    screening_plan,
    screening_step,
    small_first,
    unusual_dose,
)
from thecal.therapy.finding import Finding
from thecal.therapy.look import Check, Checks, Look
from thecal.therapy.readiness import (
    booked_test,
    coagulation,
    equipped,
    no_medical_issue,
    orals_chosen,
    screening_open,
    stop_symptoms,
)
from thecal.therapy.response import ScreeningResult, last_bolus, observed, screening_result
from thecal.therapy.titration import starting_dose
from thecal.timeline import HOUR_S, Instant

__all__ = ["CHECKS", "ScreeningResult", "ScreeningStep", "screening_plan", "screening_result", "screening_step"]

_PG = 10**6
_VITALS = ("SpO2", "respiratory rate", "systolic blood pressure", "body temperature")


def _ahead(gate: Callable[[Look], Iterator[Finding]]) -> Check:
    """A gate of the next test, where one is booked."""

    def check(look: Look) -> Iterator[Finding]:
        if booked_test(look) is not None:
            yield from gate(look)

    return check


def _medical_issue(look: Look) -> Iterator[Finding]:
    """SCR-01: as long as a test may still come, booked or not."""
    if booked_test(look) is not None or (screening_open(look) and screening_result(look).clinical != "positive"):
        yield from no_medical_issue(look)


def _of_protocol(rule: str) -> Check:
    """SCR-02 to SCR-04: boluses larger than the protocol's next one."""

    def check(look: Look) -> Iterator[Finding]:
        if not screening_open(look):
            return
        given = sorted(look.known.tests, key=lambda test: (test.at, test.dose))
        for number, test in enumerate(given):
            yield from (finding for finding in unusual_dose(look, test.dose, number) if finding.rule == rule)

    return check


def _standard(look: Look) -> Iterator[Finding]:
    """SCR-02: the dose, and the strength that it was drawn from."""
    yield from _of_protocol("SCR-02")(look)
    strength = look.limit("SCR-02", "strength")
    if screening_open(look):
        for test in look.known.tests:
            if test.concentration.mcg_per_ml != strength.value:
                asked = f"a screening bolus from {test.concentration}"
                yield look.passed(strength, asked, f"{strength}", "Check what was given; draw up the screening strength.")


def _small(look: Look) -> Iterator[Finding]:
    """SCR-03: before the first bolus as well."""
    yield from _of_protocol("SCR-03")(look)
    why = small_first(look)
    if why is not None and not look.known.tests and booked_test(look) is not None:
        small = look.limit("SCR-03", "small")
        yield look.passed(small, f"a first bolus ahead: {why}", f"at most {small}", f"Order {small}.")


def _between(look: Look) -> Iterator[Finding]:
    """SCR-04: two boluses too close, until that time has passed again; and one that is booked too soon."""
    yield from _of_protocol("SCR-04")(look)
    limit, earliest = look.limit("SCR-04", "between"), earliest_after(look)
    if earliest is None or not screening_open(look):
        return
    given = sorted(test.at for test in look.known.tests)
    if len(given) > 1 and given[-1].s - given[-2].s < limit.value * HOUR_S and look.now < earliest:
        asked = f"a bolus {given[-1] - given[-2]} after the one before"
        yield look.passed(limit, asked, f"at least {limit}", "Observe for overdose, and give no other bolus.", earliest)
    ahead = booked_test(look)
    if ahead is not None and ahead.on < earliest:
        asked = f"a test booked {ahead.on - given[-1]} after the last bolus"
        yield look.passed(limit, asked, f"at least {limit}", "Book it later.", earliest)


def _largest(look: Look) -> Iterator[Finding]:
    """SCR-05."""
    if not screening_open(look):
        return
    limit, spent = look.limit("SCR-05", "most"), exhausted(look)
    for test in look.known.tests:
        if test.dose.pg > limit.value * _PG:
            advice = "Watch for overdose, and give no further bolus."
            yield look.passed(limit, f"a screening bolus of {test.dose}", f"at most {limit}", advice)
    if spent is not None:
        yield look.passed(limit, spent, f"no dose above {limit}", "Close the way to a pump, and choose another treatment.")


def _observed(look: Look) -> Iterator[Finding]:
    """SCR-06: what is missing of the observation of the last bolus."""
    bolus = last_bolus(look)
    if bolus is None or not screening_open(look):
        return
    times, within, vitals, observe, longest = (
        look.limit("SCR-06", name) for name in ("times", "within", "vitals", "observe", "longest")
    )
    hours, seen = (look.now.s - bolus.at.s) / HOUR_S, [(at.s - bolus.at.s) / HOUR_S for at in observed(look, bolus)]
    early = sum(at <= within.value for at in seen)
    if hours >= within.value and early < times.value:
        asked = f"tone or spasms measured {early} times in the first {within} after the bolus"
        yield look.passed(times, asked, f"at least {times}", "Measure now and say when; the test cannot be closed.")
    if hours >= vitals.value and not _vitals_by(look, bolus.at, vitals.value):
        asked = f"no vital sign in the first {vitals} after the bolus"
        yield look.passed(vitals, asked, "breathing and vital signs often", "Measure them now, and record them.")
    if hours >= longest.value and not any(at >= observe.value for at in seen):
        asked = f"nothing observed {observe} or more after the bolus"
        yield look.passed(
            observe, asked, f"observed for {observe} to {longest}", "Record how it ended; the test cannot be closed."
        )


def _vitals_by(look: Look, since: Instant, hours: float) -> bool:
    until = Instant(since.s + round(hours * HOUR_S))
    return any(since <= fact.at <= until for measure in _VITALS for fact in look.known.measures.get(measure, ()))


def _for_payers(look: Look) -> Iterator[Finding]:
    """SCR-08: a test that clinicians call positive and payers may not."""
    if not look.clinic.payers or not screening_open(look):
        return
    result = screening_result(look)
    if result.clinical == "positive" and result.payer != "positive":
        fall, held = look.limit("SCR-08", "fall"), look.limit("SCR-08", "held")
        asked = f"a positive test, which for a payer is {result.payer}: {dict(result.reasons)['SCR-08']}"
        advice = "Record scores and duration, and argue the goal that was met."
        yield look.passed(fall, asked, f"a fall of at least {fall} for at least {held}", advice)


def _response(look: Look) -> Iterator[Finding]:
    """SCR-08b: anything but a positive answer, once the observation is over or somebody has said it."""
    bolus = last_bolus(look)
    if bolus is None or not screening_open(look):
        return
    result, limit = screening_result(look), look.limit("SCR-08b", "fall")
    why, allowed = dict(result.reasons)["SCR-08b"], "a significant fall of tone or spasms, or a goal met"
    over_s = bolus.at.s + round(look.limit("SCR-06", "within").value * HOUR_S)
    if result.clinical == "not decided":
        if look.now.s >= over_s:
            yield look.found("SCR-08b", "task", f"the test with {bolus.dose}: {why}", allowed, "Record what the examiners say.")
    elif result.clinical != "positive":
        advice = screening_step(look).why
        told = "Decide in the team; " if result.clinical == "equivocal" else "Take the next step of the protocol; "
        yield look.passed(limit, f"the test with {bolus.dose} was {result.clinical}: {why}", allowed, f"{told}now: {advice}.")


def _lasted(look: Look) -> Iterator[Finding]:
    """SCR-09."""
    bolus = last_bolus(look)
    if bolus is None or bolus.effect_lasted is not None or not screening_open(look):
        return
    if screening_result(look).clinical == "positive":
        asked, allowed = f"how long the effect of {bolus.dose} lasted is not on record", "the duration, which sets the first dose"
        yield look.found("SCR-09", "task", asked, allowed, "Record how long the effect lasted.")


def _packet(look: Look) -> Iterator[Finding]:
    """SCR-10: what the chart holds by itself is not asked for again."""
    if not screening_open(look) or screening_result(look).clinical != "positive":
        return
    held = {
        "test dose and result": True,
        "starting dose": starting_dose(look) is not None,
        "cause": look.known.described is not None,
    }
    items = words("checklists")["implant packet"].items
    missing = [item for item in items if not held.get(item) and not look.known.answer("implant packet", item)]
    if look.known.document("implant referral", look.now) is None:
        missing.append("the packet itself")
    if missing:
        asked = f"a positive test, and the implanter was not told: {', '.join(missing)}"
        yield look.found("SCR-10", "task", asked, "the whole packet", "Complete the packet and send it.")


CHECKS: Checks = {
    "SCR-01": _medical_issue,
    "SCR-02": _standard,
    "SCR-03": _small,
    "SCR-04": _between,
    "SCR-05": _largest,
    "SCR-06": _observed,
    "SCR-08": _for_payers,
    "SCR-08b": _response,
    "SCR-09": _lasted,
    "SCR-10": _packet,
    "SCR-11": _ahead(equipped),
    "SCR-12": stop_symptoms,
    "SCR-13": _ahead(coagulation),
    "SCR-15": _ahead(orals_chosen),
}
