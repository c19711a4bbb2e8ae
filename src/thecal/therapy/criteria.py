"""Criteria: what a chart says to each thing that a payer asks for. A chart that does not say is never taken for a yes."""

from collections.abc import Callable, Mapping
from typing import Literal

from thecal.chart.vocabulary import grouped, words
from thecal.therapy.indication import oral_failure
from thecal.therapy.look import Look
from thecal.therapy.payers import Asks, Criterion
from thecal.therapy.prescriptions import course
from thecal.therapy.response import screening_result
from thecal.therapy.rules import Limit
from thecal.timeline import WEEK_S, Instant

State = Literal["met", "not met", "not on file"]
Answer = tuple[State, str]
_TONE_AND_SPASMS = ("ashworth-0-4", "ashworth-1-5", "modified-ashworth", "penn-frequency")
REASONS = "near the end of its battery", "cannot be repaired", "abuse or neglect"


def judged(look: Look, criterion: Criterion) -> Answer:
    """Whether a criterion is met, and what the chart says."""
    return _JUDGES[criterion.asks](look, criterion)


def limits_of(look: Look, criterion: Criterion) -> tuple[Limit, ...]:
    """The limits that a criterion is held against, as the clinic has set them."""
    return tuple(look.limit(rule, name) for rule, _, name in (limit.partition(".") for limit in criterion.limits))


def longest_course_s(look: Look) -> int | None:
    """The longest unbroken course of one antispastic by mouth before the pump, in seconds; None where none is on the chart."""
    end = min(look.known.implanted.at, look.now) if look.known.implanted else look.now
    names = grouped("medicines", "antispastic") & look.known.prescriptions.keys()
    return max((length for name in names for length in _courses_s(look, name, end)), default=None)


def _courses_s(look: Look, medicine: str, end: Instant) -> list[int]:
    found: list[int] = []
    since: Instant | None = None
    for step in course(look, medicine):
        taken = step.written is not None and step.written.route == "oral"
        if step.at >= end:
            break
        if taken and since is None:
            since = step.at
        elif not taken and since is not None:
            found.append(step.at.s - since.s)
            since = None
    return found if since is None else [*found, end.s - since.s]


def _weeks_by_mouth(look: Look, criterion: Criterion) -> Answer:
    longest_s, (limit,) = longest_course_s(look), limits_of(look, criterion)
    if longest_s is None:
        return "not on file", "no antispastic by mouth is on the chart"
    told = f"the longest course by mouth was {longest_s / WEEK_S:.3g} weeks"
    return ("met" if longest_s >= limit.value * WEEK_S else "not met"), told


def _oral_trial(look: Look, _: Criterion) -> Answer:
    why, helped = oral_failure(look), look.known.answer
    if why is not None:
        return "met", why[1]
    if helped("oral trial", "inadequate response") is False and helped("oral trial", "intolerable effects") is False:
        return "not met", "treatment by mouth helps and is borne"
    return "not on file", "what treatment by mouth has done is not on the chart"


def _physical_therapy(look: Look, _: Criterion) -> Answer:
    done = look.known.answer("physical management", "physical therapy")
    if done or look.known.document("physical therapy record", look.now) is not None:
        return "met", "physical therapy was done"
    if done is False:
        return "not met", "physical therapy was not done"
    return "not on file", "physical therapy is not on the chart"


def _baseline(look: Look, _: Criterion) -> Answer:
    until = min((test.at for test in look.known.tests), default=look.now)
    scored = [fact.at for scale in _TONE_AND_SPASMS for fact in look.known.scores.get(scale, ())]
    scored += [fact.at for fact in look.known.assessments]
    if any(at <= until for at in scored) or look.known.document("baseline scales", look.now) is not None:
        return "met", "tone or spasms were scored before the test"
    return "not on file", "no score of tone or spasms before the test"


def _severe(look: Look, _: Criterion) -> Answer:
    described = look.known.described
    if described is None or described.severe is None:
        return "not on file", "whether the spasticity is severe is not on the chart"
    told = f"spasticity of {described.origin} origin"
    return ("met", f"severe {told}") if described.severe else ("not met", f"{told} that is not severe")


def _response(rule: str) -> Callable[[Look, Criterion], Answer]:
    """The outcome of the screening test, as examiners (SCR-08b) or payers (SCR-08) judge it."""

    def judge(look: Look, _: Criterion) -> Answer:
        result = screening_result(look)
        outcome = result.payer if rule == "SCR-08" else result.clinical
        told = next((text for of_rule, text in result.reasons if of_rule == rule), "no screening bolus was given")
        state: State = {"positive": "met", "negative": "not met"}.get(outcome, "not on file")  # type: ignore[assignment]
        return state, told

    return judge


def _absent(look: Look, criterion: Criterion) -> Answer:
    present = [words("conditions")[name].text for name in criterion.conditions if look.known.present(name)]
    if present:
        return "not met", " and ".join(present)
    open_ones = [name for name in criterion.conditions if name not in look.known.conditions]
    if open_ones:
        return "not on file", f"not noted, neither present nor absent: {', '.join(open_ones)}"
    return "met", f"noted as absent: {', '.join(criterion.conditions)}"


def _replacement(look: Look, _: Criterion) -> Answer:
    ending, broken, abused = (look.known.answer("replacement reason", item) for item in REASONS)
    read = look.known.interrogations[-1].report if look.known.interrogations else None
    if ending or (read is not None and read.replace_by is not None):
        return "met", "the pump is near the end of its battery"
    if broken and abused is False:
        return "met", "the pump cannot be repaired and was not abused"
    if (broken and abused) or (ending is False and broken is False):
        return "not met", "the pump was abused or neglected" if broken else "neither its battery nor a fault is the reason"
    return "not on file", "why the pump is to be replaced is not on the chart"


_JUDGES: Mapping[Asks, Callable[[Look, Criterion], Answer]] = {
    "weeks by mouth": _weeks_by_mouth,
    "oral trial failed": _oral_trial,
    "physical therapy": _physical_therapy,
    "baseline scores": _baseline,
    "severe": _severe,
    "favorable response": _response("SCR-08b"),
    "measured response": _response("SCR-08"),
    "absent": _absent,
    "replacement reason": _replacement,
}
