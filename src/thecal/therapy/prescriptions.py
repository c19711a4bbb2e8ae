"""What is taken of a medicine, how much and since when: its prescriptions as a course."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from thecal.chart.clinical import Discontinued, Prescribed
from thecal.chart.vocabulary import grouped
from thecal.therapy.known import known
from thecal.therapy.look import Look
from thecal.timeline import Instant

BACLOFEN = "baclofen"


@dataclass(frozen=True, slots=True)
class Taken:
    """From an instant on: milligrams a day (units of toxin, sprays), in so many doses. Nothing more where ``per_day`` is 0."""

    at: Instant
    per_day: float
    written: Prescribed | None = None

    @property
    def doses_a_day(self) -> int:
        """In how many doses."""
        return max(self.written.doses_a_day, 1) if self.written else 1


Course = Sequence[Taken]


def course(look: Look, medicine: str) -> tuple[Taken, ...]:
    """Every change of a medicine, in order of time; what runs in a pump is not among it.

    Of several prescriptions of one instant the largest counts, and a prescription more than a stop, in whatever order they stand.
    """
    found: dict[Instant, Taken] = {}
    for fact in look.known.prescriptions.get(medicine, ()):
        if isinstance(fact, Prescribed) and fact.route == "intrathecal":
            continue
        taken = _taken(fact)
        if fact.at not in found or _weight(taken) > _weight(found[fact.at]):
            found[fact.at] = taken
    return tuple(found.values())


def _taken(fact: Prescribed | Discontinued) -> Taken:
    if isinstance(fact, Discontinued) or fact.per_day <= 0:
        return Taken(fact.at, 0)
    return Taken(fact.at, fact.per_day, fact)


def _weight(taken: Taken) -> tuple[float, int, str, str, float]:
    written = taken.written
    if written is None:
        return 0, 0, "", "", 0
    return taken.per_day, -written.doses_a_day, written.form or "", written.strength or "", written.ml_per_dose or 0


def now_taken(look: Look, medicine: str) -> Taken | None:
    """What is taken of a medicine now; None where it is not."""
    steps = course(look, medicine)
    return steps[-1] if steps and steps[-1].per_day else None


def taken_of(look: Look, group: str) -> tuple[str, ...]:
    """The medicines of a class that are taken now, by name."""
    meant = grouped("medicines", group)
    return tuple(sorted(name for name in look.known.prescriptions if name in meant and now_taken(look, name)))


def before(now: Instant, span_s: float) -> Instant:
    """So many seconds before an instant."""
    return Instant(now.s - round(span_s))


def doses_within(steps: Course, start: Instant) -> list[float]:
    """The daily doses of which any was in force at some time from ``start`` on, the latest last."""
    later = [step.per_day for step in steps if step.at > start]
    earlier = [step.per_day for step in steps if step.at <= start]
    return earlier[-1:] + later


def unbroken_since(steps: Course, at_least: float) -> Instant | None:
    """Since when a daily dose has been that high without a break; None where it is lower now."""
    since = None
    for step in reversed(steps):
        if step.per_day < at_least or not step.per_day:
            break
        since = step.at
    return since


def last_stop(steps: Course) -> tuple[Taken, Taken] | None:
    """What was taken last, and its stop; None where it is still taken or never was."""
    if len(steps) < 2 or steps[-1].per_day or not steps[-2].per_day:
        return None
    return steps[-2], steps[-1]


def rise_within(steps: Course, start: Instant, step: float) -> float:
    """How much the daily dose is now above the lowest since ``start``. A first prescription counts as one ``step`` of its own."""
    if not steps or not steps[-1].per_day:
        return 0
    doses = doses_within(steps, start)
    if steps[0].at > start:
        doses.append(max(steps[0].per_day - step, 0))
    return steps[-1].per_day - min(doses)


def rises_since(steps: Course, start: Instant) -> int:
    """How many times the daily dose rose after an instant; a first prescription is a rise."""
    doses = [0.0, *(step.per_day for step in steps)]
    return sum(step.at > start and step.per_day > last for step, last in zip(steps, doses, strict=False))


def supposing(look: Look, *prescribed: Prescribed) -> Look:
    """The same look, were these medicines prescribed now."""
    return replace(look, known=known(look.chart.after(*prescribed)))


def fall_within(steps: Course, start: Instant) -> float:
    """How much the daily dose is now below the highest since ``start``; 0 where it is not."""
    return max(doses_within(steps, start)) - steps[-1].per_day if steps else 0


def latest_fall(steps: Course) -> tuple[Taken, Taken] | None:
    """The dose before and after the latest change, where that was a fall."""
    changed = [pair for pair in pairwise(steps) if pair[0].per_day != pair[1].per_day]
    return changed[-1] if changed and changed[-1][1].per_day < changed[-1][0].per_day else None
