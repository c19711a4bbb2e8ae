"""A policy of one's own: a tenth more at a visit where the legs are stiff, nothing less, and never above a limit."""

from dataclasses import dataclass

from thecal.study.history import Decision, History
from thecal.study.policy import continuous


@dataclass(frozen=True)
class Gentle:
    """``rise`` is the part by which the dose is raised, ``most`` the largest dose in mcg/day; a protocol may set both."""

    rise: float = 0.1
    most: float = 400.0

    def __call__(self, history: History) -> Decision:
        if not history.mcg_per_day or not history.since_implant or history.ashworth_legs <= 2:
            return Decision()
        return Decision(continuous(min(self.most, (1 + self.rise) * history.mcg_per_day)))
