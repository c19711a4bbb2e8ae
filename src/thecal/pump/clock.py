"""The pump's own clock: UTC plus an offset that only a reviewed setting changes. It knows no daylight saving.

A clock that drifts gains (or loses) whole seconds a day, all at once at pump midnight, so that a drifting day is still one
pattern: what the gained seconds skip does not flow, what the lost seconds repeat flows again.
"""

from dataclasses import dataclass
from functools import lru_cache

from thecal.timeline import DAY_S, Instant, Pattern

_EPOCH_TO_MONDAY_S = 3 * DAY_S  # 1970-01-01 was a Thursday
DRIFT_MAX_S = 3600


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock set at an instant: ``offset_s`` east of UTC then, gaining ``drift_s`` seconds a day from then on."""

    offset_s: int
    set_at: Instant
    drift_s: int = 0

    @property
    def _day_s(self) -> int:
        """The true length of a pump day."""
        return DAY_S - self.drift_s

    def _midnight(self) -> tuple[int, int]:
        """(the first pump midnight after setting, the pump day that begins there)."""
        day, into_day = divmod(self.set_at.s + self.offset_s + _EPOCH_TO_MONDAY_S, DAY_S)
        if into_day < max(self.drift_s, 1):  # set at midnight, or within the seconds that are skipped: they are skipped at once
            return self.set_at.s, day
        return self.set_at.s + DAY_S - into_day, day + 1

    def reading_s(self, now: Instant) -> int:
        """What the clock shows, in seconds from midnight of a Monday."""
        if not self.drift_s:
            return now.s + self.offset_s + _EPOCH_TO_MONDAY_S
        midnight_s, day = self._midnight()
        since = now.s - midnight_s
        if since < 0:
            return now.s + self.offset_s + _EPOCH_TO_MONDAY_S
        days, into = divmod(since, self._day_s)
        return (day + days) * DAY_S + self.drift_s + into

    def phase(self, now: Instant, pattern: Pattern) -> int:
        """How far into a pattern (as :meth:`drifted` gives it) the pump is."""
        if not self.drift_s:
            return (now.s + self.offset_s + _EPOCH_TO_MONDAY_S) % pattern.period_s
        midnight_s, day = self._midnight()
        return (day * self._day_s + now.s - midnight_s) % pattern.period_s

    def drifted(self, pattern: Pattern) -> Pattern:
        """A pattern of pump days as it runs in true time."""
        return _drifted(pattern, self.drift_s) if self.drift_s else pattern


@lru_cache(maxsize=1024)
def _drifted(pattern: Pattern, drift_s: int) -> Pattern:
    days = max(pattern.period_s // DAY_S, 1)
    return Pattern.of(
        (step for day in range(days) for step in pattern.window(day * DAY_S + drift_s, DAY_S - drift_s)), pattern.per
    )
