"""Tests of the liver that a medicine asks for: when the next one is due, and what the last ones say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from thecal.chart.clinical import Measured
from thecal.therapy.look import Look
from thecal.timeline import Instant

MEASURE = "ALT"


@dataclass(frozen=True, slots=True)
class Phase:
    """Tests so far apart, until so long after the start (seconds)."""

    until_s: int
    every_s: int


def tests_since(look: Look, start: Instant) -> list[Measured]:
    """The tests from an instant on, in order of time; of one instant the higher value last."""
    return sorted(
        (fact for fact in look.known.measures.get(MEASURE, ()) if fact.at >= start), key=lambda fact: (fact.at, fact.value)
    )


def next_test(start: Instant, tests: Sequence[Measured], phases: Sequence[Phase]) -> Instant | None:
    """When the next test is due, an interval after the last one; None where the last one ended the series.

    A test that would come later than half an interval after the end of its phase is none of that phase.
    """
    last = tests[-1].at if tests else start
    for phase in phases:
        due = last.s + phase.every_s
        if due - start.s <= phase.until_s + phase.every_s // 2:
            return Instant(due)
    return None


def dates(start: Instant, phases: Sequence[Phase]) -> Iterator[Instant]:
    """Every test of a series that is begun now and kept to."""
    tests: list[Measured] = []
    while (due := next_test(start, tests, phases)) is not None:
        yield due
        tests = [Measured(due, MEASURE, 0)]


def run_above(tests: Sequence[Measured], value: float) -> int:
    """How many of the last tests in a row were above a value."""
    count = 0
    for fact in reversed(tests):
        if fact.value <= value:
            break
        count += 1
    return count
