"""What is to be done for one patient, in order of time."""

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

from thecal.timeline import Instant
from thecal.twin.action import Action

Make = Callable[[Instant], Action]


@dataclass(order=True, slots=True)
class Due:
    """Something to be done at a second: what it will be is made when its time comes, from what is known then."""

    at_s: int
    number: int
    purpose: str = field(compare=False)
    make: Make = field(compare=False)

    @property
    def at(self) -> Instant:
        return Instant(self.at_s)


@dataclass(slots=True)
class Agenda:
    """Dues in order of time; what is due at one second keeps the order in which it was put down."""

    _dues: list[Due] = field(default_factory=list)
    _put: int = 0

    def put(self, purpose: str, at: Instant, make: Make) -> None:
        """Put something down."""
        self._put += 1
        heapq.heappush(self._dues, Due(at.s, self._put, purpose, make))

    def drop(self, *purposes: str) -> None:
        """Strike out what is for one of these purposes."""
        self._dues = [due for due in self._dues if due.purpose not in purposes]
        heapq.heapify(self._dues)

    def holds(self, purpose: str) -> bool:
        """Whether something is down for a purpose."""
        return any(due.purpose == purpose for due in self._dues)

    def next(self) -> Action | None:
        """The next action, None where nothing is due."""
        return self._dues[0].make(self._dues[0].at) if self._dues else None

    def done(self) -> Due:
        """Strike out the next, which was done."""
        return heapq.heappop(self._dues)
