"""What a study came to: the values that its tables, figures, page and document show. They are worked out in the room ``study``.

Every number is in the unit of its endpoint. All intervals are of 95 %; None stands where a value or an interval is not defined.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from thecal.report.survival import Incidence, Survival
from thecal.report.validation import Published

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""The parts of the patients that a band shows."""
CAUSES = ("catheter", "pump", "infection")
"""What may be the first thing to go wrong with an implant; of two on one day the one that stands first here counts."""
METHODS = {
    "mean": "mean with a t interval; the difference by the paired t",
    "share": "share with Wilson's interval; the paired difference with Newcombe's (his method 10)",
    "rate": "events over exposure with the exact Poisson interval below 30 events; more of them, and amounts, by the jackknife "
    "of the patients; the difference by that of the pairs",
    "time": "Kaplan-Meier at the end, or on the last day on which anybody is seen, with a log-log interval; the difference by "
    "Newcombe's way of joining both, with the correlation of the paired patients",
}
"""How a value and a difference of each kind were worked out."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with the ends of its interval."""

    value: float | None
    low: float | None
    high: float | None


UNDEFINED = Estimate(None, None, None)


@dataclass(frozen=True, slots=True)
class ArmNumbers:
    """An arm and how many patients it has: ``analyzed`` have a row; ``failed`` raised an error; ``missing`` have neither.

    ``screened``, ``responded`` and ``implanted`` are of those analyzed; ``not_implanted`` are those of them who never had a pump
    in an arm whose way is a pump, else None.
    """

    name: str
    title: str
    route: str
    enrolled: int
    analyzed: int
    failed: int
    missing: int
    screened: int
    responded: int
    implanted: int
    not_implanted: int | None


@dataclass(frozen=True, slots=True)
class Measure:
    """An endpoint as it is shown; ``unit`` is that of its values, ``unit_of_difference`` that of differences between arms."""

    name: str
    title: str
    unit: str
    kind: Literal["mean", "share", "rate", "time"]

    @property
    def unit_of_difference(self) -> str:
        return "percentage points" if self.unit == "%" else self.unit

    @property
    def words(self) -> str:
        """What its value is, with its unit."""
        return f"{self.what}, {self.unit}" if self.unit else self.what

    @property
    def what(self) -> str:
        """What its value is: of a time the share that has not come to it."""
        return f"{self.title}: without it at the end" if self.kind == "time" else self.title


@dataclass(frozen=True, slots=True)
class Value:
    """An endpoint in an arm. ``events`` is a count: of patients (share, time) or of what happened (rate, but not of an amount);
    ``years`` the exposure of a rate.
    """

    arm: str
    measure: str
    patients: int
    estimate: Estimate
    events: int | None = None
    years: float | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """An arm less the reference arm, by the patients whom both have; ``p`` is two-sided, of a mean only."""

    arm: str
    measure: str
    patients: int
    estimate: Estimate
    p: float | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """The primary endpoint looked at on a day: the difference, its nominal ``p``, and the ``boundary`` that p has to be below.

    ``fraction`` is the part of the information, counted as time; ``z`` the boundary as a standard normal deviate.
    """

    day: int
    fraction: float
    arm: str
    patients: int
    estimate: Estimate
    p: float | None
    boundary: float
    z: float

    @property
    def crossed(self) -> bool:
        """Whether a trial would have stopped here."""
        return self.p is not None and self.p <= self.boundary


@dataclass(frozen=True, slots=True)
class Curve:
    """Time to the event of an endpoint in an arm."""

    arm: str
    measure: str
    survival: Survival


@dataclass(frozen=True, slots=True)
class FirstEvents:
    """What went wrong first in an arm, by ``CAUSES``, among those who were implanted."""

    arm: str
    patients: int
    incidence: Incidence


@dataclass(frozen=True, slots=True)
class Bands:
    """How a quantity is distributed among the patients of an arm at each visit: ``levels`` is (``LEVELS``, days)."""

    arm: str
    quantity: str
    unit: str
    days: Integers
    levels: Floats
    patients: Integers


@dataclass(frozen=True, slots=True)
class Spread:
    """How the paired differences of a mean lie: counts between edges, values at ``LEVELS``, and the share below and above 0."""

    arm: str
    measure: str
    edges: Floats
    counts: Integers
    levels: Floats
    below: float
    above: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A patient of an arm whom an error ended; of every arm, where ``arm`` is empty."""

    patient: int
    arm: str
    error: str


@dataclass(frozen=True, slots=True)
class Summary:
    """A study: its protocol's name, hash and numbers, and what came of it. The first of ``measures`` is the primary endpoint."""

    name: str
    path: str
    title: str
    hash: str
    seed: int
    patients: int
    follow_up_days: int
    reference: str
    arms: tuple[ArmNumbers, ...]
    measures: tuple[Measure, ...]
    values: tuple[Value, ...]
    differences: tuple[Difference, ...]
    looks: tuple[Look, ...]
    curves: tuple[Curve, ...]
    first_events: tuple[FirstEvents, ...]
    bands: tuple[Bands, ...]
    spreads: tuple[Spread, ...]
    limits: tuple[str, ...]
    sources: tuple[str, ...]
    failures: tuple[Failed, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    published: tuple[Published, ...] = ()

    @property
    def primary(self) -> Measure:
        return self.measures[0]

    def measure(self, name: str) -> Measure:
        """An endpoint by its name."""
        return next(measure for measure in self.measures if measure.name == name)

    def title_of(self, arm: str) -> str:
        """An arm as it is called in figures and tables."""
        return next(each.title or each.name for each in self.arms if each.name == arm)
