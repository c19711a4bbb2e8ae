"""Goal attainment: several goals, weighted, as one T score (SCL-14)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, sqrt

from thecal.errors import InputError
from thecal.therapy.rules import all_rules
from thecal.therapy.scores import read_score


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal: its weight, and its attainment from -2 to +2 as it was written. Raises InputError for any other."""

    weight: float
    score: str

    def __post_init__(self) -> None:
        read_score("goal-attainment", self.score)
        if not (isfinite(self.weight) and self.weight > 0):
            raise InputError("weight", f"{self.weight:g}", "must be more than zero")

    @property
    def attained(self) -> int:
        """How far it was attained, -2 to 2."""
        return int(read_score("goal-attainment", self.score).order)


def goal_attainment(goals: Sequence[Goal]) -> float:
    """The T score: 50 where every goal is attained as expected. Raises InputError without a goal."""
    if not goals:
        raise InputError("goals", "", "has none: the T score needs at least one")
    rho = all_rules()["SCL-14"].limits["correlation"].value
    weighted = sum(goal.weight * goal.attained for goal in goals)
    total, squares = sum(goal.weight for goal in goals), sum(goal.weight**2 for goal in goals)
    return 50 + 10 * weighted / sqrt((1 - rho) * squares + rho * total**2)
