"""The start of the infusion after an implant, as a dated plan: from drug at the tip to the first monthly visits."""

from collections.abc import Iterator

from thecal.errors import Refusal
from thecal.quantity import Amount
from thecal.therapy.finding import Finding
from thecal.therapy.hospital import first_session, monitored_until
from thecal.therapy.look import Look
from thecal.therapy.plan import Plan, PlanStep
from thecal.therapy.rules import all_rules
from thecal.therapy.tip import drug_at_tip
from thecal.therapy.titration import starting_dose
from thecal.timeline import DAY_S, HOUR_S, Instant

ONSET_H = (6, 8)
"""Hours from drug at the tip to the first effect of an infusion (TIT-13: patient information on the pump)."""
FULL_H = (24, 48)
"""Hours from drug at the tip to its full effect (TIT-13: recalled; dates of assessments follow from it, and no limit)."""


def planned_start(look: Look, findings: tuple[Finding, ...]) -> Plan | Refusal:
    """What follows an implant, by date, with what was found against it.

    Before the first session nobody knows when drug reaches the tip, and the plan says so.
    """
    implanted = look.chart.implanted
    if implanted is None:
        asked, limit = "a start of the infusion without a pump", "a pump and its catheter, as recorded at operation"
        return Refusal("IMP-06", asked, limit, all_rules()["IMP-06"].source, "Record the implant first.")
    session, tip = first_session(look), drug_at_tip(look.chart)
    steps = [*_first_program(look, session.at if session else None), *_outside(look, implanted.at)]
    notes = [_dose_note(starting_dose(look))]
    if session is not None:
        steps += [*_around_tip(look, tip), *_leaving(look)]
    if tip is None:
        why = "what runs brings none there" if session is not None else "nothing runs yet"
        notes.append(f"when drug reaches the tip is not known: {why} (IMP-06)")
    return Plan("Start of the infusion", tuple(sorted(steps, key=_place)), findings, tuple(notes))


def _place(step: PlanStep) -> tuple[int, str, str]:
    return step.at.s, step.rule, step.what


def _dose_note(dose: Amount | None) -> str:
    if dose is None:
        return "the first daily dose is not known: a screening test with the duration of its effect is not on the chart (TIT-01)"
    return f"first daily dose: {dose} in 24 h, from the screening test (TIT-01)"


def _first_program(look: Look, started: Instant | None) -> Iterator[PlanStep]:
    dose = starting_dose(look)
    program = f"Program {dose} in 24 h." if dose is not None else "The dose follows from the screening test."
    if started is None:
        yield PlanStep(look.now, "first program", "TIT-01", program)
        return
    yield PlanStep(started, "start", "IMP-06", "The infusion starts; the clock of benefit does not yet.")
    assess = look.limit("TIT-08", "assess")
    yield PlanStep(
        _hours(started, assess.value), "assess", "TIT-08", f"Within {assess} of the start: tone, spasms, side effects."
    )


def _around_tip(look: Look, tip: Instant | None) -> Iterator[PlanStep]:
    """What is counted from drug at the tip; nothing where nobody knows when that is."""
    if tip is None:
        return
    first = look.limit("TIT-02", "first")
    yield PlanStep(tip, "drug at the tip", "IMP-06", "By what the pump counts; the clock of benefit starts.")
    yield PlanStep(
        _hours(tip, ONSET_H[0]), "first effect", "TIT-13", f"Expected {ONSET_H[0]} to {ONSET_H[1]} h after drug is there."
    )
    yield PlanStep(_hours(tip, ONSET_H[1]), "assess", "TIT-13", "Tone, spasms, strength and side effects.")
    yield PlanStep(_hours(tip, first.value), "first rise not before", "TIT-02", f"{first} after drug reached the tip.")
    yield PlanStep(_hours(tip, FULL_H[0]), "full effect from", "TIT-13", "Assess before any rise.")
    yield PlanStep(_hours(tip, FULL_H[1]), "full effect by", "TIT-13", "Assess: what is not better by then needs another dose.")


def _leaving(look: Look) -> Iterator[PlanStep]:
    until = monitored_until(look)
    if until is None:
        return
    yield PlanStep(
        until, "monitored until", "IMP-07", f"{look.limit('IMP-07', 'monitor')} from drug at the tip, or from the start."
    )
    yield PlanStep(until, "discharge no earlier", "IMP-08", "With a referral to rehabilitation.")
    yield PlanStep(until, "discharge no earlier", "IMP-11", "With patient card, bracelet and emergency plan.")


def _outside(look: Look, implanted: Instant) -> Iterator[PlanStep]:
    first, last = look.limit("VIS-01", "first"), look.limit("VIS-01", "last")
    detail = f"Until {Instant(implanted.s + round(last.value * DAY_S)).local_text(look.zone)}: wound, soreness, leak, headache."
    yield PlanStep(Instant(implanted.s + round(first.value * DAY_S)), "post-op visit", "VIS-01", detail)
    for month in range(1, int(look.limit("VIS-03", "visits").value) + 1):
        yield PlanStep(look.later(implanted, months=month), "titration visit", "VIS-02", "Monthly until the dose is stable.")


def _hours(at: Instant, hours: float) -> Instant:
    return Instant(at.s + round(hours * HOUR_S))
