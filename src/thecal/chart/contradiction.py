"""Facts that cannot both be so."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from thecal.chart import clinical
from thecal.chart.facts import (
    Assessed,
    Explanted,
    Fact,
    Filled,
    Implanted,
    PortUsed,
    PumpReplaced,
    Revised,
    SessionEnded,
    TestBolusGiven,
)
from thecal.timeline import Instant

_TEST = "test result"


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two facts that cannot both be so (CHT-02); ``first`` is None where the one that is missing would have to come first."""

    first: Fact | None
    second: Fact
    problem: str


def contradictions(facts: Iterable[Fact], birth: date | None = None) -> tuple[Contradiction, ...]:
    """Every pair that contradicts, in order of time. What is said twice alike contradicts nothing.

    ``birth`` is the day of birth where it stands beside the chart.
    """
    ordered = sorted(facts, key=lambda fact: fact.at)
    return (*_at_once(ordered), *_too_early(ordered, birth), *_operations(ordered))


def new_contradictions(facts: Iterable[Fact], new: Iterable[Fact], birth: date | None = None) -> tuple[Contradiction, ...]:
    """What new facts contradict; not what contradicted before."""
    known = tuple(facts)
    before = set(contradictions(known, birth))
    return tuple(found for found in contradictions((*known, *new), birth) if found not in before)


def _at_once(facts: list[Fact]) -> Iterator[Contradiction]:
    """Two answers to one question at one instant: which of them counts would depend on the order of writing."""
    said: dict[tuple[Instant, object], Fact] = {}
    for fact in facts:
        question = _question(fact)
        if question is None:
            continue
        before = said.setdefault((fact.at, question), fact)
        if before != fact:
            yield Contradiction(before, fact, f"{_named(question)} is said twice at one time, and differs")


def _named(question: tuple[object, ...]) -> str:
    return " ".join(str(part) for part in question if part is not None)


def _question(fact: Fact) -> tuple[object, ...] | None:
    match fact:
        case clinical.Described():
            return ("the description",)
        case clinical.Answered(checklist=checklist, item=item):
            return (checklist, item)
        case clinical.Noticed(condition=condition):
            return ("condition", condition)
        case clinical.SymptomReported(symptom=symptom):
            return ("symptom", symptom)
        case clinical.Scored(scale=scale, part=part, rater=rater):
            return ("score", scale, part, rater)
        case clinical.Measured(measure=measure):
            return ("measure", measure)
        case clinical.Prescribed(medicine=medicine) | clinical.Discontinued(medicine=medicine):
            return ("medicine", medicine)
        case clinical.Documented(document=document):
            return ("document", document)
        case Assessed():
            return ("assessment",)
        case _:
            return None


def _too_early(facts: list[Fact], birth: date | None) -> Iterator[Contradiction]:
    """What needs something before it: a fill a pump, an effect a test, an operation a person who is born."""
    described = next((fact for fact in facts if isinstance(fact, clinical.Described) and fact.born), None)
    implant = next((fact for fact in facts if isinstance(fact, Implanted | PumpReplaced)), None)
    test = next((fact for fact in facts if isinstance(fact, TestBolusGiven)), None)
    for fact in facts:
        if isinstance(fact, Filled | SessionEnded | Revised | Explanted | PortUsed) and (implant is None or fact.at < implant.at):
            yield Contradiction(implant, fact, f"{_NAMES[type(fact)]} before an implant")
        if isinstance(fact, clinical.Answered) and fact.checklist == _TEST and (test is None or fact.at < test.at):
            yield Contradiction(test, fact, "the result of a screening test before any test")
        if isinstance(fact, clinical.Described) and described and fact.born and fact.born != described.born:
            yield Contradiction(described, fact, "two dates of birth")
        if isinstance(fact, clinical.AlarmHeard) and (implant is None or fact.at < implant.at):
            yield Contradiction(implant, fact, "the alarm of a pump before an implant")
        if isinstance(fact, clinical.Booked) and fact.cancelled and not _booked(facts, fact):
            yield Contradiction(None, fact, "a booking taken back that was never made")
    first, born = facts[0] if facts else None, birth or (described.born if described else None)
    if first and born and first.at.utc_text()[:10] < born.isoformat():
        on = "" if birth else f" on {born}"  # what stands beside the chart is not for all who read it
        yield Contradiction(described, first, f"something on {first.at.utc_text()[:10]}, before the birth{on}")


def _booked(facts: list[Fact], cancelled: clinical.Booked) -> bool:
    """Whether a visit of that kind on that instant was booked before."""
    return any(
        isinstance(fact, clinical.Booked) and not fact.cancelled and (fact.visit, fact.on) == (cancelled.visit, cancelled.on)
        for fact in facts
        if fact.at <= cancelled.at
    )


def _operations(facts: list[Fact]) -> Iterator[Contradiction]:
    """A pump goes in where none is, and nothing is done to one that is not there."""
    last: Implanted | Explanted | None = None
    for fact in facts:
        if isinstance(fact, Implanted):
            if isinstance(last, Implanted):
                yield Contradiction(last, fact, "an implant while a pump is in place")
            last = fact
        elif isinstance(fact, PumpReplaced) and last is None:
            yield Contradiction(None, fact, "a replacement before an implant")
        elif isinstance(fact, tuple(_NAMES)) and isinstance(last, Explanted) and last.at < fact.at:
            yield Contradiction(last, fact, f"{_NAMES[type(fact)]} after the explant")
        elif isinstance(fact, Explanted) and last is not None:
            last = fact


_NAMES: dict[type, str] = {
    Filled: "a fill",
    SessionEnded: "a session",
    PumpReplaced: "a replacement",
    Revised: "a revision",
    PortUsed: "a needle in the access port",
    Explanted: "an explant",
}
