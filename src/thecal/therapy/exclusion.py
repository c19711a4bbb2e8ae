"""What excludes from a pump, for good or for now, what asks for a review, and what excludes nobody."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta

from thecal.chart.vocabulary import grouped, words
from thecal.therapy.look import Look
from thecal.therapy.reason import Reason, told
from thecal.timeline import Instant


def contraindications(look: Look) -> Iterator[Reason]:
    """CAN-08: of what is typed as a condition; a symptom, however grave, is no allergy."""
    allowed = "no hypersensitivity to baclofen, and no infection"
    for condition in _present(look, grouped("conditions", "contraindication")):
        advice = "Do not give baclofen; a side effect that was typed as an allergy is recorded as what it is."
        yield told("against", look.found("CAN-08", "block", _text(condition), allowed, advice))
    for condition in _present(look, grouped("conditions", "deep infection") | {"active infection"}):
        yield told("against", look.found("CAN-08", "block", _text(condition), allowed, "Treat it, and decide again after it."))


def concerns(look: Look) -> Iterator[Reason]:
    """CAN-09."""
    checklist = "relative concerns"
    for item in words("checklists")[checklist].items:
        if look.known.answer(checklist, item):
            yield told("review", look.found("CAN-09", "advise", item, "a review by the team", "Talk it over before deciding."))


def no_exclusions(look: Look) -> Iterator[Reason]:
    """CAN-10."""
    for condition in _present(look, grouped("conditions", "not an exclusion")):
        advice = "Tell the implanter; it excludes nobody."
        yield told("review", look.found("CAN-10", "advise", _text(condition), "no exclusion", advice))


def injured_lately(look: Look) -> Iterator[Reason]:
    """CAN-13."""
    described = look.known.described
    if described is None or not _brain_injury(described.cause):
        return
    limit = look.limit("CAN-13", "wait")
    if described.injured is None:
        text = f"{described.cause}, and no day of the injury"
        yield told("missing", look.passed(limit, text, f"{limit} after it", "Record the day of the injury."))
        return
    over = datetime.combine(described.injured, time(), look.zone) + timedelta(days=limit.value)
    due = Instant(int(over.timestamp()))
    if look.now < due:
        text = f"an injury of the brain on {described.injured}"
        yield told("against", look.passed(limit, text, f"{limit} after it", "Wait, and treat by mouth until then.", due))


def age_and_size(look: Look) -> Iterator[Reason]:
    """CAN-14."""
    limit, age = look.limit("CAN-14", "age"), look.age_years
    if age is not None and age < limit.value:
        text = f"an age of {age} years"
        yield told("against", look.passed(limit, text, f"at least {limit}", "Wait, and treat without a pump until then."))
    if look.known.present("body too small"):
        text, advice = _text("body too small"), "Ask the surgeon; treat without a pump until the body has grown."
        yield told("against", look.found("CAN-14", "block", text, "a body large enough for the pump", advice))


def device_stops(look: Look) -> Iterator[Reason]:
    """CAN-15."""
    limit, depth = look.limit("CAN-15", "depth"), look.known.measure("implant depth")
    if depth is not None and depth.value > limit.value:
        text, advice = f"a pump {depth.value:g} cm deep", "Ask the surgeon for a place that is not so deep."
        yield told("against", look.passed(limit, text, f"at most {limit}", advice))
    for condition in _present(look, grouped("conditions", "device stop") - {"body too small"}):
        advice = "Ask the surgeon whether a catheter can be placed."
        yield told("against", look.found("CAN-15", "block", _text(condition), "no anomaly of the spine", advice))


def _present(look: Look, conditions: frozenset[str]) -> list[str]:
    return sorted(condition for condition in conditions if look.known.present(condition))


def _text(condition: str) -> str:
    return words("conditions")[condition].text


def _brain_injury(cause: str) -> bool:
    name = cause.casefold()
    return "brain injury" in name or name == "tbi"
