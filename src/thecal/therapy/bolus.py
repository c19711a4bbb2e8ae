"""The screening bolus: which dose comes next and when, and a dated plan of it."""

from collections.abc import Iterator
from dataclasses import dataclass

from thecal.errors import Refusal
from thecal.quantity import Amount, Concentration, Volume
from thecal.therapy import exclusion, indication
from thecal.therapy.finding import Finding, ordered
from thecal.therapy.look import Look
from thecal.therapy.plan import Plan, PlanStep
from thecal.therapy.readiness import no_medical_issue, readiness, screening_open, stop_symptoms
from thecal.therapy.response import ScreeningResult, last_bolus, screening_result
from thecal.therapy.rules import Limit, all_rules, refusal_by
from thecal.timeline import HOUR_S, Duration, Instant

_PG = 10**6
OBSERVE_AT_H = (1, 2, 3, 4)
"""Hours after the bolus at which physicians take scores, beside those before it (survey CMSC 2015 CC14)."""
_MS = "multiple sclerosis"
_SMALL = ("very small child", "relies on spasticity")
_NO_DOSE_ABOVE = "no dose above {} is given"
_CATHETER = "a trial of 48 to 72 h through a temporary catheter is an option (SCR-16)"


@dataclass(frozen=True, slots=True)
class ScreeningStep:
    """The next screening bolus: ``volume`` of the screening strength, ``earliest`` at an instant, ``why`` by a rule.

    Without a ``dose`` there is none, and ``why`` says so. ``notes`` are what else is to be weighed.
    """

    dose: Amount | None
    volume: Volume | None
    earliest: Instant | None
    rule: str
    why: str
    notes: tuple[str, ...] = ()


def screening_step(look: Look) -> ScreeningStep:
    """The next dose of the protocol (25 or 50, 75, 100 mcg), or why there is none."""
    last = last_bolus(look)
    if not screening_open(look):
        closed = look.known.closed
        return _none("SCR-05", f"closed: {closed.why}") if closed else _none("SCR-10", "a pump is implanted")
    if last is None:
        return _first(look)
    stopped = next((finding for finding in stop_symptoms(look) if finding.severity == "emergency"), None)
    if stopped is not None:
        return _none("SCR-12", stopped.asked)
    result = screening_result(look)
    if result.clinical == "positive":
        return _none("SCR-10", "the test was positive: tell the implanter")
    if result.clinical == "not decided":
        return _none("SCR-08b", "what the last bolus did is not decided")
    most = _largest(look)
    if last.dose >= most:
        spent = exhausted(look)
        return _none("SCR-05", spent) if spent else _none("SCR-05", _NO_DOSE_ABOVE.format(most), (_CATHETER,))
    return _next(look, last.dose, earliest_after(look), result)


def exhausted(look: Look) -> str | None:
    """Why no bolus is left to try: the largest one brought no response."""
    last = last_bolus(look)
    if last is None or last.dose < _largest(look) or screening_result(look).clinical != "negative":
        return None
    return f"no response to {last.dose}: not a candidate"


def small_first(look: Look) -> str | None:
    """Why the first bolus is to be the small one (SCR-03); None where the standard one will do."""
    present = [condition for condition in _SMALL if look.known.present(condition)]
    return " and ".join(present) or None


def earliest_after(look: Look) -> Instant | None:
    """When the next bolus may be given, by the last one; None without one."""
    last = last_bolus(look)
    return Instant(last.at.s + round(look.limit("SCR-04", "between").value * HOUR_S)) if last else None


def unusual_dose(look: Look, dose: Amount, number: int) -> Iterator[Finding]:
    """SCR-02 to SCR-04: a bolus larger than the protocol has it, by its number, which is 0 for the first."""
    first, small, second = look.limit("SCR-02", "standard"), look.limit("SCR-03", "small"), look.limit("SCR-04", "second")
    why = small_first(look)
    if number == 0 and dose > _dose(first):
        yield look.passed(first, f"a first bolus of {dose}", f"at most {first}", "Begin with the standard bolus.")
    if number == 0 and why is not None and dose > _dose(small):
        yield look.passed(small, f"a first bolus of {dose}: {why}", f"at most {small}", "Begin with the smaller bolus.")
    if number == 1 and dose > _dose(second):
        yield look.passed(second, f"a second bolus of {dose}", f"at most {second}", "Give the doses one after the other.")


def screening_plan(look: Look, at: Instant, dose: Amount | None = None) -> Plan | Refusal:
    """What is done at a screening test that begins at an instant, with the next dose of the protocol or another one."""
    step = screening_step(look)
    asked = dose or step.dose
    refused = _refused(look, at, asked, step)
    if refused is not None or asked is None:
        return refused or refusal_by(step.rule, "a screening bolus", step.why, "Decide that first.")
    findings = [*_gates(look), *unusual_dose(look, asked, len(look.known.tests))]
    notes = (step.why, *step.notes, _statement("SCR-14"), _statement("SCR-16"))
    return Plan(f"Screening test with {asked}", tuple(_steps(look, at, asked)), ordered(findings), notes)


def _refused(look: Look, at: Instant, asked: Amount | None, step: ScreeningStep) -> Refusal | None:
    most, between, earliest = look.limit("SCR-05", "most"), look.limit("SCR-04", "between"), earliest_after(look)
    last = last_bolus(look)
    if asked is not None and asked > _dose(most):
        told = f"a screening bolus of {asked}"
        return refusal_by("SCR-05", told, f"at most {most}", "Give the next dose of the protocol, or none.")
    if asked is not None and asked.pg <= 0:
        return refusal_by("SCR-02", "a screening bolus of nothing", "a dose above 0 mcg", "Say the dose.")
    if not screening_open(look) or exhausted(look) or step.rule == "SCR-12":
        return refusal_by(step.rule, "a screening bolus", step.why, "Do not test.")
    if earliest is not None and last is not None and at < earliest:
        since = Duration(abs(at.s - last.at.s))
        told = f"a bolus {since} {'after' if at >= last.at else 'before'} that of {last.at.local_text(look.zone)}"
        advice = f"Wait until {earliest.local_text(look.zone)}."
        return refusal_by("SCR-04", told, f"at least {between} after it", advice)
    return None


def _gates(look: Look) -> Iterator[Finding]:
    """What of candidacy and readiness stands against the bolus."""
    for judge in (indication.weakness, indication.before_test, exclusion.contraindications):
        yield from (reason.finding for reason in judge(look) if reason.finding is not None)
    yield from readiness(look)


def _steps(look: Look, at: Instant, dose: Amount) -> Iterator[PlanStep]:
    strength = Concentration(int(look.limit("SCR-02", "strength").value))
    vitals, between = look.limit("SCR-06", "vitals"), look.limit("SCR-04", "between")
    yield PlanStep(
        at, "gates", "CAN-12", "Assessed by physician and therapist, goals set, withdrawal taught, committed to refills."
    )
    yield PlanStep(at, "gates", "SCR-01", "No relapse, no infection, no wound that does not heal.")
    yield PlanStep(at, "gates", "SCR-11", "Resuscitation equipment and trained staff are at hand.")
    yield PlanStep(at, "gates", "SCR-13", "Platelets, INR and antithrombotics are checked before the lumbar puncture.")
    yield PlanStep(at, "drugs by mouth", "SCR-15", "Kept, tapered or weaned: what was chosen is recorded.")
    yield PlanStep(at, "baseline", "SCR-07", "Scores of tone and spasms before the bolus.")
    detail = (
        f"{dose} are {volume_of(dose, strength)} of {strength}, over at least {look.limit('SCR-02', 'over')}, with barbotage."
    )
    yield PlanStep(at, "bolus", "SCR-02", detail)
    yield PlanStep(at, "vital signs", "SCR-06", f"Breathing and vital signs often in the first {vitals}.")
    dated = [
        *(PlanStep(_after(at, hours), "observation", "SCR-07", f"Scores {hours} h after the bolus.") for hours in OBSERVE_AT_H),
        _ending(look, at, "observe", "observation may end", "No earlier, and only with scores, vital signs and a result."),
        _ending(look, at, "longest", "observation ends", "The result and how long the effect lasted are recorded (SCR-09)."),
    ]
    if dose < _largest(look):
        later = _after(at, between.value)
        dated.append(PlanStep(later, "earliest next bolus", "SCR-04", "Only if there was no response."))
    yield from sorted(dated, key=lambda step: step.at)


def _ending(look: Look, at: Instant, limit: str, what: str, detail: str) -> PlanStep:
    return PlanStep(_after(at, look.limit("SCR-06", limit).value), what, "SCR-06", detail)


def _first(look: Look) -> ScreeningStep:
    why, small = small_first(look), look.limit("SCR-03", "small")
    if why is not None:
        return _step(look, _dose(small), look.now, "SCR-03", f"the smaller first bolus: {why}")
    described = look.known.described
    sensitive = described is not None and described.cause == _MS
    notes = (f"in MS {small} is an option: people with MS may be more sensitive (SCR-03)",) if sensitive else ()
    return _step(look, _dose(look.limit("SCR-02", "standard")), look.now, "SCR-02", "the standard first bolus", notes)


def _next(look: Look, last: Amount, earliest: Instant | None, result: ScreeningResult) -> ScreeningStep:
    dose = next(dose for dose in _protocol(look) if dose > last)
    notes = []
    if result.clinical == "equivocal":
        notes.append(f"the answer to {last} is in doubt: {_CATHETER}")
    if any(rule == "TIT-01" for rule, _ in result.reasons):
        notes.append(f"there was a negative reaction to {last}: weigh whether to go on")
    told = "no response" if result.clinical == "negative" else "an equivocal response"
    return _step(look, dose, earliest, "SCR-04", f"{told} to {last}", tuple(notes))


def _protocol(look: Look) -> list[Amount]:
    """The doses in order; none above the largest."""
    limits = (("SCR-03", "small"), ("SCR-02", "standard"), ("SCR-04", "second"), ("SCR-05", "most"))
    most = _largest(look)
    return sorted({min(_dose(look.limit(rule, name)), most) for rule, name in limits})


def _largest(look: Look) -> Amount:
    return _dose(look.limit("SCR-05", "most"))


def _dose(limit: Limit) -> Amount:
    return Amount(round(limit.value * _PG))


def volume_of(dose: Amount, strength: Concentration) -> Volume:
    """The volume that holds a dose, rounded down to the nanolitre."""
    return Volume(dose.pg // strength.mcg_per_ml)


def _after(at: Instant, hours: float) -> Instant:
    return Instant(at.s + round(hours * HOUR_S))


def _step(look: Look, dose: Amount, earliest: Instant | None, rule: str, why: str, notes: tuple[str, ...] = ()) -> ScreeningStep:
    strength = Concentration(int(look.limit("SCR-02", "strength").value))
    postponed = tuple(f"postpone {finding.asked} ({finding.rule})" for finding in no_medical_issue(look))
    return ScreeningStep(dose, volume_of(dose, strength), earliest, rule, why, (*postponed, *notes))


def _none(rule: str, why: str, notes: tuple[str, ...] = ()) -> ScreeningStep:
    return ScreeningStep(None, None, None, rule, why, notes)


def _statement(rule: str) -> str:
    return all_rules()[rule].statement
