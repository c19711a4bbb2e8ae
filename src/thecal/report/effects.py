"""What a course of therapy did to the body: concentrations, tone, spasms and risks, by row of the course and over time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thecal.body.response import Response
from thecal.body.schedule import Grid
from thecal.errors import InputError
from thecal.report.signs import Episode, episodes
from thecal.timeline import DAY_S, Instant
from thecal.twin.case import Case
from thecal.twin.trace import Course, Trace

Floats = NDArray[np.float64]

_STEPS_S = ((10 * DAY_S, 600), (60 * DAY_S, 1800))
_STEP_S = 3600  # of a longer course
SEEN = (
    "plasma_ng_per_ml",
    "legs_ng_per_ml",
    "arms_ng_per_ml",
    "brain_ng_per_ml",
    "ashworth_legs",
    "ashworth_arms",
    "spasm_penn",
    "reflex_percent",
    "weakness_index",
    "sedation_index",
    "overdose_index",
    "tolerance",
    "withdrawal_index",
)
HONESTY = (
    "Concentrations in the spinal fluid come out within a factor of two, not better. How much baclofen the cord needs, and how "
    "fast it follows the fluid, are derived: no human value is published. The indices of weakness, drowsiness, overdose and "
    "withdrawal are settings without a published value: their order and their time mean something, their size does not."
)


@dataclass(frozen=True, slots=True)
class BodyRow:
    """One row of the course as the body went through it: means, and the worst of what can harm."""

    course: Course
    csf_ng_per_ml: float
    legs_ng_per_ml: float
    plasma_ng_per_ml: float
    ashworth_legs: float
    ashworth_legs_min: float
    ashworth_legs_max: float
    ashworth_arms: float
    spasm_penn: float
    tolerance: float
    weakness_index_max: float
    sedation_index_max: float
    overdose_index_max: float
    withdrawal_index_max: float


@dataclass(frozen=True, slots=True)
class Effects:
    """A body's course on a grid: channels as arrays over its instants. ``csf`` is the channel at the level of the tip."""

    grid: Grid
    csf: str
    response: Response
    rows: tuple[BodyRow, ...]
    episodes: tuple[Episode, ...]

    def __getitem__(self, channel: str) -> Floats:
        values: Floats = self.response[channel][0]
        return values

    @property
    def instants(self) -> list[Instant]:
        return [Instant(self.grid.start_s + n * self.grid.step_s) for n in range(self.grid.count)]


def csf_channel(case: Case) -> str:
    """The spinal fluid beside the tip as implanted."""
    return f"csf_{case.geometry.tip_level.lower()}_ng_per_ml"


def effects_of(case: Case, trace: Trace, since: Instant | None = None) -> Effects | None:
    """The body's course of a run, from its start or ``since`` an instant; None where there is no body or nothing lasts."""
    start = max(trace.start, since) if since else trace.start
    exposure, span = trace.world.exposure, trace.end.s - start.s
    if exposure is None or span < DAY_S // 24:
        return None
    step = next((step for longest, step in _STEPS_S if span <= longest), _STEP_S)
    grid = Grid.over(start.s, trace.end.s, step)
    csf = csf_channel(case)
    response = exposure.response(grid, (csf, *SEEN))
    seen = {name: channel[0] for name, channel in response.values.items()}
    rows = tuple(row for course in trace.courses for row in _row(course, grid, seen, csf))
    return Effects(grid, csf, response, rows, tuple(episodes(grid, seen, exposure.implant)))


def _row(course: Course, grid: Grid, seen: dict[str, Floats], csf: str) -> Iterator[BodyRow]:
    """The row, if the body was looked at in it."""
    first = max(0, -(-(course.interval.start.s - grid.start_s) // grid.step_s))
    last = -(-(course.interval.end.s - grid.start_s) // grid.step_s)
    if last <= first:
        return
    part = {name: channel[first:last] for name, channel in seen.items()}
    mean = {name: float(channel.mean()) for name, channel in part.items()}
    most = {name: float(channel.max()) for name, channel in part.items()}
    yield BodyRow(
        course=course,
        csf_ng_per_ml=mean[csf],
        legs_ng_per_ml=mean["legs_ng_per_ml"],
        plasma_ng_per_ml=mean["plasma_ng_per_ml"],
        ashworth_legs=mean["ashworth_legs"],
        ashworth_legs_min=float(part["ashworth_legs"].min()),
        ashworth_legs_max=most["ashworth_legs"],
        ashworth_arms=mean["ashworth_arms"],
        spasm_penn=mean["spasm_penn"],
        tolerance=float(part["tolerance"][-1]),
        weakness_index_max=most["weakness_index"],
        sedation_index_max=most["sedation_index"],
        overdose_index_max=most["overdose_index"],
        withdrawal_index_max=most["withdrawal_index"],
    )


def check_comparable(case: Case) -> None:
    """Raises InputError for a case without a body."""
    if case.body is None:
        accepted = ("a case with a [body]",)
        raise InputError("SCENARIO", case.name, "describes no body, so there is no effect to compare", accepted=accepted)
