"""How far an endpoint swings with one parameter: the rows of a tornado."""

from collections.abc import Sequence
from dataclasses import dataclass

from thecal.report.words import significant_text


@dataclass(frozen=True, slots=True)
class Swing:
    """An endpoint where one parameter, in ``unit``, is at ``low`` and at ``high``, and all others that are varied at their
    typical values. ``at_typical`` is where all are: the same in every swing of a tornado.
    """

    name: str
    unit: str
    low: float
    high: float
    at_low: float
    at_typical: float
    at_high: float

    @property
    def width(self) -> float:
        """How far apart the least and the greatest of the three values are."""
        values = (self.at_low, self.at_typical, self.at_high)
        return max(values) - min(values)

    @property
    def range_text(self) -> str:
        """Both ends with the unit."""
        return f"{significant_text(self.low)} to {significant_text(self.high)} {self.unit}".rstrip()


def widest_first(swings: Sequence[Swing]) -> tuple[Swing, ...]:
    """Swings in the order in which a tornado shows them; those that are as wide stay in their order."""
    return tuple(sorted(swings, key=lambda swing: -swing.width))
