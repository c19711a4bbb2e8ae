"""The observation after a screening bolus: what is due when, what was seen, and what a test lacks to be closed (SCR-06, SCR-07).

Every time is that of a rule. What was seen belongs to the due time that it is nearest to.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from thecal.chart.clinical import Measured, SymptomReported
from thecal.chart.facts import Assessed, TestBolusGiven
from thecal.chart.vocabulary import grouped, words
from thecal.therapy.bolus import OBSERVE_AT_H
from thecal.therapy.look import Look
from thecal.therapy.response import last_bolus, observed, window_end
from thecal.timeline import HOUR_S, Instant

What = Literal["scores", "vital signs", "result"]
State = Literal["done", "to come", "due", "missed"]
VITALS = ("SpO2", "respiratory rate", "systolic blood pressure", "body temperature")
"""The measures that count as vital signs after a bolus (SCR-06)."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that is to be observed at an instant, by a rule; ``seen`` is when it was.

    One that is ``due`` is so until the next one of its kind is; then it is ``missed``.
    """

    at: Instant
    what: What
    rule: str
    detail: str
    seen: Instant | None
    state: State


@dataclass(frozen=True, slots=True)
class Seen:
    """What was noted at one instant of the day of a bolus: scores, measures by name, symptoms with their grades."""

    at: Instant
    legs: float | None
    penn: float | None
    measures: tuple[tuple[str, float], ...]
    symptoms: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ObservationSheet:
    """The sheet of the last bolus. ``lacks`` is what is missing before the test can be closed; empty where it can be."""

    bolus: TestBolusGiven
    due: tuple[Observation, ...]
    seen: tuple[Seen, ...]
    lacks: tuple[str, ...]

    @property
    def next(self) -> Observation | None:
        """What is due now or comes next; None where nothing does."""
        return next((row for row in self.due if row.state in ("due", "to come")), None)


def adverse_signs() -> tuple[str, ...]:
    """The symptoms that are looked for after a bolus: those that end a test, of overdose, and of a lumbar puncture (SCR-12)."""
    groups = ("screening stop", "overdose", "overdose tone", "lumbar puncture")
    wanted = frozenset[str]().union(*(grouped("symptoms", group) for group in groups))
    return tuple(name for name in words("symptoms") if name in wanted)


def observation_sheet(look: Look) -> ObservationSheet | None:
    """What is due and was seen after the last screening bolus, by what is known now; None where none was given."""
    bolus = last_bolus(look)
    if bolus is None:
        return None
    return ObservationSheet(bolus, tuple(_due(look, bolus)), tuple(_seen(look, bolus)), tuple(_lacks(look, bolus)))


def minutes_after(bolus: TestBolusGiven, at: Instant) -> int:
    """Whole minutes from a bolus to an instant; below zero before it."""
    return (at.s - bolus.at.s) // 60


def _due(look: Look, bolus: TestBolusGiven) -> Iterator[Observation]:
    limits = {name: look.limit("SCR-06", name) for name in ("vitals", "observe", "longest")}
    hours = sorted({*map(float, OBSERVE_AT_H), limits["observe"].value})
    vital_hours = sorted({hour for hour in hours if hour <= limits["vitals"].value} | {limits["vitals"].value})
    rows = [_baseline(look, bolus)]
    rows += _rows(look, bolus, "scores", "SCR-07", "tone and spasms", hours, observed(look, bolus))
    often = f"breathing and vital signs, often in the first {limits['vitals']}"
    rows += _rows(look, bolus, "vital signs", "SCR-06", often, vital_hours, _vital_signs(look, bolus))
    rows.append(_result(look, bolus, limits["longest"].value))
    yield from sorted(rows, key=lambda row: (row.at, row.what))


def _baseline(look: Look, bolus: TestBolusGiven) -> Observation:
    """Scores before the bolus: the last ones there are, whenever they were taken."""
    scored = [fact.at for fact in look.known.assessments if fact.at <= bolus.at]
    scored += [fact.at for scores in look.known.scores.values() for fact in scores if fact.at <= bolus.at]
    seen = max(scored, default=None)
    return Observation(bolus.at, "scores", "SCR-07", "tone and spasms before the bolus", seen, "done" if seen else "missed")


def _result(look: Look, bolus: TestBolusGiven, hours: float) -> Observation:
    at, lasted = _after(bolus, hours), bolus.effect_lasted is not None
    state: State = "done" if lasted else "to come" if look.now < at else "due"
    detail = "how it ended, and how long the effect lasted (SCR-09)"
    return Observation(at, "result", "SCR-06", detail, None, state)


def _rows(
    look: Look, bolus: TestBolusGiven, what: What, rule: str, detail: str, hours: list[float], seen: list[Instant]
) -> list[Observation]:
    """The due times of one kind, each with the last of what is nearer to it than to any other, or to the bolus itself."""
    times = [_after(bolus, hour) for hour in hours]
    of_time: dict[Instant, Instant] = {}
    for at in sorted(seen):
        of_time[min((bolus.at, *times), key=lambda time: (abs(time.s - at.s), time.s))] = at
    rows = []
    for number, time in enumerate(times):
        found = of_time.get(time)
        over = number + 1 < len(times) and look.now >= times[number + 1]
        state: State = "done" if found else "to come" if look.now < time else "missed" if over else "due"
        rows.append(Observation(time, what, rule, detail, found, state))
    return rows


def _vital_signs(look: Look, bolus: TestBolusGiven) -> list[Instant]:
    """When a vital sign was measured, from the bolus on."""
    end = window_end(look, bolus)
    return sorted({fact.at for name in VITALS for fact in look.known.measures.get(name, ()) if bolus.at <= fact.at <= end})


def _seen(look: Look, bolus: TestBolusGiven) -> Iterator[Seen]:
    """Everything that was noted from the last scores before the bolus to the end of its answer, in order of time."""
    baseline = _baseline(look, bolus).seen
    first, end = min(baseline or bolus.at, bolus.at), window_end(look, bolus)
    facts = [
        fact for fact in look.chart.facts if first <= fact.at <= end and isinstance(fact, Assessed | Measured | SymptomReported)
    ]
    for at in sorted({fact.at for fact in facts}):
        yield _noted(at, [fact for fact in facts if fact.at == at])


def _noted(at: Instant, facts: Iterable[Assessed | Measured | SymptomReported]) -> Seen:
    legs: float | None = None
    penn: float | None = None
    measures: dict[str, float] = {}
    symptoms: dict[str, int] = {}
    for fact in facts:
        match fact:
            case Assessed():
                legs = legs if fact.ashworth_legs is None else fact.ashworth_legs
                penn = penn if fact.spasm_penn is None else fact.spasm_penn
            case Measured():
                measures[fact.measure] = fact.value
            case SymptomReported():
                symptoms[fact.symptom] = max(fact.grade, symptoms.get(fact.symptom, 0))
    return Seen(at, legs, penn, tuple(measures.items()), tuple(symptoms.items()))


def _lacks(look: Look, bolus: TestBolusGiven) -> Iterator[str]:
    """SCR-06: what a test needs before it is closed."""
    limit = {name: look.limit("SCR-06", name) for name in ("times", "within", "vitals", "observe")}
    seen = observed(look, bolus)
    early = sum(at <= _after(bolus, limit["within"].value) for at in seen)
    if early < limit["times"].value:
        counted = f"{early} {'time' if early == 1 else 'times'}"
        yield f"tone or spasms measured at least {limit['times']} within {limit['within']}: {counted} so far"
    if not any(at <= _after(bolus, limit["vitals"].value) for at in _vital_signs(look, bolus)):
        yield f"vital signs in the first {limit['vitals']}"
    if not any(at >= _after(bolus, limit["observe"].value) for at in seen):
        yield f"tone or spasms {limit['observe']} or more after the bolus"


def _after(bolus: TestBolusGiven, hours: float) -> Instant:
    return Instant(bolus.at.s + round(hours * HOUR_S))
