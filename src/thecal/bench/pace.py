"""How fast time passes on the bench. It never goes back, whatever the clock of the machine does."""

from collections.abc import Callable
from fractions import Fraction

from thecal.timeline import Instant

SPEED_MAX = 1_000_000


class Pace:
    """The time of the bench: from an instant on, so many times as fast as a steady clock that counts seconds."""

    def __init__(self, start: Instant, speed: Fraction, steady: Callable[[], float]) -> None:
        self._start, self._steady = start, steady
        self._since = steady()
        self._latest = start
        self.speed = speed

    def now(self) -> Instant:
        """The present instant of the bench."""
        passed = Fraction(max(self._steady() - self._since, 0.0)) * self.speed
        self._latest = max(self._latest, Instant(min(self._start.s + int(passed), Instant.LAST)))
        return self._latest
