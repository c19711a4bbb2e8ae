"""Time, and what flows in it.

An :class:`Instant` is a UTC second, a :class:`Duration` whole seconds, an :class:`Interval` half-open. A :class:`Pattern` is a
repeating flow, and a :class:`Block` what flowed over an interval: a month of the same day is one Block. Volumes are cumulative
first: one exact numerator and one floor division, so that a Block cut anywhere is the same Block.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import ClassVar, Self
from zoneinfo import ZoneInfo, available_timezones

from thecal.errors import InputError, nearest_name
from thecal.fluid import ALL_PPM, Parcel, amount_of, kept, take_front, volume_of
from thecal.quantity import Quantity
from thecal.unit import Units, decimal_text

HOUR_S = 3600
DAY_S = 24 * HOUR_S
WEEK_S = 7 * DAY_S
MONTH_S = (365 * DAY_S + DAY_S // 4) // 12  # on average
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL = "%Y-%m-%d %H:%M"
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?")


@dataclass(frozen=True, slots=True, order=True)
class Duration(Quantity):
    """A span of whole seconds. Months are no Duration: how long one is depends on the date."""

    s: int
    UNITS: ClassVar[Units] = Units(
        "a duration",
        "s",
        {"days": DAY_S, "h": HOUR_S, "min": 60, "s": 1, "weeks": WEEK_S},
        200 * 366 * DAY_S,
        {
            "hours": ("h", 1, "hours are written h"),
            "hour": ("h", 1, "hours are written h"),
            "hr": ("h", 1, "hours are written h"),
            "minutes": ("min", 1, "minutes are written min"),
            "seconds": ("s", 1, "seconds are written s"),
            "d": ("days", 1, "days are written out"),
            "months": ("days", 30, "months differ in length, so they need a date to count from"),
            "years": ("days", 365, "years differ in length, so they need a date to count from"),
        },
        {"day": "days", "week": "weeks", "month": "months", "year": "years"},
        guess=False,  # hours that were typed as minutes have killed
    )

    def __str__(self) -> str:
        for unit, size in (("days", DAY_S), ("h", HOUR_S), ("min", 60)):
            if self.s >= 2 * size and self.s * 100 % size == 0:
                return f"{decimal_text(self.s, size, 2)} {unit}"
        return f"{self.s} s"


def read_zone(text: object, name: str = "timezone") -> ZoneInfo:
    """The time zone of a name such as ``Europe/Berlin``. Raises InputError with the nearest known name."""
    if not isinstance(text, str):
        raise InputError(name, text, "is not a time zone name", nearest='"Europe/Berlin"')
    known = available_timezones() - {"localtime", "Factory"}  # a case means the same everywhere
    if text not in known:
        raise InputError(name, text, "is not a known time zone", nearest=nearest_name(text, known))
    return ZoneInfo(text)


@dataclass(frozen=True, slots=True, order=True)
class Instant:
    """A second of UTC, counted from 1970-01-01."""

    s: int
    FIRST: ClassVar[int] = 0
    LAST: ClassVar[int] = 7_258_118_400  # 2200-01-01

    @classmethod
    def parse(cls, value: object, zone: ZoneInfo, name: str = "at") -> Self:
        """Read a local time (``2026-03-01 09:30``), with an offset where it would be ambiguous.

        Raises InputError for a time that does not exist or exists twice at a daylight-saving change, naming what to write.
        """
        moment = _moment(value, name)
        if moment.microsecond:
            raise InputError(name, value, "is finer than a second, the smallest step kept")
        shown = value if isinstance(value, str) else str(moment)
        counted = _count(_with_zone(moment, zone, shown, name)) if 1969 <= moment.year <= 2200 else cls.LAST
        if not cls.FIRST <= counted < cls.LAST:
            raise InputError(name, shown, "is outside the years 1970 to 2199")
        return cls(counted)

    def local(self, zone: ZoneInfo) -> datetime:
        return (_EPOCH + timedelta(seconds=self.s)).astimezone(zone)

    def local_text(self, zone: ZoneInfo) -> str:
        """``2026-03-01 09:30``, with the offset only where the local time exists twice."""
        moment = self.local(zone)
        seconds = f":{moment.second:02d}" if moment.second else ""
        twice = moment.replace(fold=0).utcoffset() != moment.replace(fold=1).utcoffset()
        return moment.strftime(_LOCAL) + seconds + (_offset(moment) if twice else "")

    def utc_text(self) -> str:
        return (_EPOCH + timedelta(seconds=self.s)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def date(self, zone: ZoneInfo) -> date:
        return self.local(zone).date()

    def __add__(self, other: Duration) -> "Instant":
        return Instant(self.s + other.s)

    def __sub__(self, other: "Instant") -> Duration:
        return Duration(self.s - other.s)


def _moment(value: object, name: str) -> datetime:
    if isinstance(value, datetime):
        return value
    accepted = ('"2026-03-01 09:30"', '"2026-03-01 09:30+01:00"')
    if isinstance(value, date):
        raise InputError(name, str(value), "has no time of day", accepted=accepted, nearest=f'"{value} 08:00"')
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        with suppress(ValueError):
            return datetime.fromisoformat(value)
    raise InputError(name, value, "is not a date and time, written year-month-day hour:minute", accepted=accepted)


def _with_zone(moment: datetime, zone: ZoneInfo, shown: str, name: str) -> datetime:
    """The moment with its only offset, or with the one that was written, where the zone has it then."""
    if moment.tzinfo is None:
        return _only_meaning(moment, zone, shown, name)
    there = moment.astimezone(zone)
    if moment.utcoffset() not in (timedelta(0), there.utcoffset()):
        nearest = f'"{there.strftime(_LOCAL)}{_offset(there)}"'
        raise InputError(name, shown, f"has an offset that {zone.key} does not have then", nearest=nearest)
    return moment


def _only_meaning(moment: datetime, zone: ZoneInfo, shown: str, name: str) -> datetime:
    first, second = moment.replace(tzinfo=zone, fold=0), moment.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first
    back = first.astimezone(UTC).astimezone(zone)
    if back.replace(tzinfo=None, fold=0) != moment:
        after = back.strftime(_LOCAL)
        problem = f"does not exist in {zone.key}: the clocks go forward over it"
        raise InputError(name, shown, problem, nearest=f'"{after}"')
    spelled = [f'"{moment.strftime(_LOCAL)}{_offset(choice)}"' for choice in (first, second)]
    problem = f"happens twice in {zone.key}: the clocks go back over it, so it needs its offset"
    raise InputError(name, shown, problem, accepted=spelled)


def _offset(moment: datetime) -> str:
    text = moment.strftime("%z")
    return f"{text[:3]}:{text[3:5]}"


def _count(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(seconds=1)


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """From ``start`` up to but not including ``end``."""

    start: Instant
    end: Instant

    @property
    def seconds(self) -> int:
        return self.end.s - self.start.s


@dataclass(frozen=True, slots=True)
class Pattern:
    """A repeating flow: from one entry of ``ends`` (seconds into the period) to the next it runs at ``rates / per`` nL/s.

    ``sums`` are the cumulative numerators at ``ends``. A rate of nL/day has ``per`` 86,400; a bolus or a gain brings its own.
    """

    ends: tuple[int, ...]
    rates: tuple[int, ...]
    sums: tuple[int, ...]
    per: int

    @classmethod
    def of(cls, steps: Iterable[tuple[int, int]], per: int = DAY_S) -> Self:
        """A pattern of (seconds, rate) steps."""
        spans, rates = zip(*steps, strict=True)
        sums = accumulate(span * rate for span, rate in zip(spans, rates, strict=True))
        return cls(tuple(accumulate(spans)), rates, tuple(sums), per)

    @classmethod
    def constant(cls, nl_per_day: int) -> Self:
        return cls((DAY_S,), (nl_per_day,), (DAY_S * nl_per_day,), DAY_S)

    @property
    def period_s(self) -> int:
        return self.ends[-1]

    @property
    def total(self) -> int:
        """The numerator of one period."""
        return self.sums[-1]

    @property
    def mean_nl_per_day(self) -> float:
        return self.total * DAY_S / (self.per * self.period_s)

    def _from_period_start(self, second: int) -> int:
        periods, second = divmod(second, self.ends[-1])
        step = bisect_right(self.ends, second)
        into = second - self.ends[step]  # negative: what the step has still to run
        return periods * self.sums[-1] + self.sums[step] + into * self.rates[step]

    def rate_at(self, phase: int) -> int:
        """The rate that runs ``phase`` seconds into the period."""
        return self.rates[bisect_right(self.ends, phase % self.ends[-1])]

    def peak(self, window_s: int) -> int:
        """The largest numerator that flows in any ``window_s`` seconds: a window that begins or ends where a step does."""
        starts = {0, *self.ends, *(end - window_s for end in self.ends)}
        return max(self.numerator(start, window_s) for start in starts)

    def numerator(self, phase: int, seconds: int) -> int:
        """The exact numerator that flows in ``seconds`` from ``phase`` seconds into the period."""
        if len(self.rates) == 1:
            return self.rates[0] * seconds
        return self._from_period_start(phase + seconds) - self._from_period_start(phase)

    def seconds_to(self, phase: int, numerator: int) -> int | None:
        """The first whole second by which ``numerator`` has flowed, or None where it never does."""
        if numerator <= 0:
            return 0
        if not self.total:
            return None
        target = self._from_period_start(phase) + numerator
        periods, rest = divmod(target - 1, self.total)
        step = bisect_left(self.sums, rest + 1)
        short = self.sums[step] - (rest + 1)
        return periods * self.period_s + self.ends[step] - short // self.rates[step] - phase

    def scaled(self, factor: int, divisor: int) -> "Pattern":
        """The same pattern at ``factor / divisor`` of its flow, exactly."""
        rates = tuple(rate * factor for rate in self.rates)
        return Pattern(self.ends, rates, tuple(total * factor for total in self.sums), self.per * divisor)

    def window(self, phase: int, seconds: int) -> Iterator[tuple[int, int]]:
        """The (seconds, rate) steps that the next ``seconds`` run through, from ``phase``."""
        at = phase % self.period_s
        while seconds > 0:
            step = bisect_right(self.ends, at)
            span = min(self.ends[step] - at, seconds)
            yield span, self.rates[step]
            seconds -= span
            at = (at + span) % self.period_s


NO_FLOW = Pattern.constant(0)


@dataclass(frozen=True, slots=True)
class Segment:
    """One step of an expanded Block: a constant flow."""

    interval: Interval
    flow_nl_per_day: float


@dataclass(frozen=True, slots=True)
class Block:
    """What flowed during an interval: a pattern entered at ``phase_s``, the numerator carried in, and the fluid itself.

    The integer totals of ``parcels`` are the ledger; the pattern gives the flow within. A Block holds one fluid, except that
    the second in which a boundary passes holds both. Behind a hole in the catheter ``kept_ppm`` of the pattern's flow goes on,
    counted from the nanolitre ``kept_from`` of the fluid that passes the hole.
    """

    interval: Interval
    pattern: Pattern
    phase_s: int
    carry: int
    parcels: tuple[Parcel, ...]
    kept_ppm: int = ALL_PPM
    kept_from: int = 0

    @property
    def period_s(self) -> int:
        return self.pattern.period_s

    @property
    def volume_nl(self) -> int:
        return volume_of(self.parcels)

    @property
    def amount_pg(self) -> int:
        return amount_of(self.parcels)

    def flowed_by(self, seconds: int) -> int:
        """The nanolitres of the pattern itself ``seconds`` into the interval, before any hole."""
        return (self.carry + self.pattern.numerator(self.phase_s, seconds)) // self.pattern.per

    def volume_by(self, seconds: int) -> int:
        """The nanolitres that have flowed ``seconds`` into the interval."""
        if seconds >= self.interval.seconds:
            return self.volume_nl
        flowed = self.flowed_by(seconds)
        if self.kept_ppm != ALL_PPM:
            flowed = kept(self.kept_from + flowed, self.kept_ppm) - kept(self.kept_from, self.kept_ppm)
        return min(flowed, self.volume_nl)

    def amount_by(self, seconds: int) -> int:
        """The picograms that have flowed ``seconds`` into the interval."""
        front, _ = take_front(self.parcels, self.volume_by(seconds))
        return amount_of(front)

    def first_second(self, volume_nl: int) -> int | None:
        """The first whole second into the interval by which ``volume_nl`` has flowed, or None where the pattern never does."""
        if self.kept_ppm != ALL_PPM and volume_nl > 0:
            if not self.kept_ppm:
                return None
            wanted = kept(self.kept_from, self.kept_ppm) + volume_nl
            volume_nl = -(-wanted * ALL_PPM // self.kept_ppm) - self.kept_from
        return self.pattern.seconds_to(self.phase_s, volume_nl * self.pattern.per - self.carry)

    def cut(self, seconds: int) -> tuple["Block", "Block"]:
        """The Block before and the Block after ``seconds`` into the interval."""
        middle = Instant(self.interval.start.s + seconds)
        flowed_nl, carry = divmod(self.carry + self.pattern.numerator(self.phase_s, seconds), self.pattern.per)
        front, rest = take_front(self.parcels, self.volume_by(seconds))
        phase = (self.phase_s + seconds) % self.pattern.period_s
        before, after = Interval(self.interval.start, middle), Interval(middle, self.interval.end)
        kept_from = self.kept_from + flowed_nl
        return (
            Block(before, self.pattern, self.phase_s, self.carry, front, self.kept_ppm, self.kept_from),
            Block(after, self.pattern, phase, carry, rest, self.kept_ppm, kept_from if self.kept_ppm != ALL_PPM else 0),
        )

    def segments(self) -> Iterator[Segment]:
        """The Block step by step; the flows are the pattern's, as floats."""
        at = self.interval.start
        for span, rate in self.pattern.window(self.phase_s, self.interval.seconds):
            end = Instant(at.s + span)
            yield Segment(Interval(at, end), rate * DAY_S / self.pattern.per * self.kept_ppm / ALL_PPM)
            at = end
