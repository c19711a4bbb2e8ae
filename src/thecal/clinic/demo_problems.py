"""What is wrong at the demonstration clinic today: one patient for each problem that a worklist should find, and why."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from thecal.chart.clinical import AlarmHeard, Booked, Scanned, SymptomReported
from thecal.clinic.entry import Entry, Telephoned
from thecal.pump.messages import Fault, Magnet, MemoryCorruption, Stall
from thecal.timeline import DAY_S, HOUR_S, Duration, Instant

Row = tuple[Instant, str, Entry]
"""When an entry was written down, by whom, and the entry."""
NURSE, DOCTOR, SCHEDULER = "demo.nurse", "demo.doctor", "demo.scheduler"
PHARMACIST, THERAPIST = "demo.pharmacist", "demo.therapist"
_MINUTES = 60


@dataclass(frozen=True, slots=True)
class Today:
    """The present instant of the demonstration, and where its clinic is."""

    now: Instant
    zone: ZoneInfo

    @property
    def day(self) -> date:
        return self.now.date(self.zone)

    def clock(self, day: date, hour: int, minute: int = 0) -> Instant:
        """A time by the clock on the wall."""
        return Instant(int(datetime.combine(day, time(hour, minute), self.zone).timestamp()))

    def in_days(self, days: int, hour: int, minute: int = 0) -> Instant:
        """A time by the clock on the wall, so many days from today."""
        return self.clock(self.day + timedelta(days=days), hour, minute)

    def ago(self, seconds: int) -> Instant:
        """So many seconds before now."""
        return Instant(self.now.s - seconds)

    def this_morning(self) -> Instant:
        """Ten past eight of today; where that is still to come, twenty minutes ago."""
        return min(self.in_days(0, 8, 10), self.ago(20 * _MINUTES))

    def row(self, entry: Entry, who: str, minutes: int = 5) -> Row:
        """An entry that was written down so many minutes after it happened, and not after now."""
        return Instant(min(entry.at.s + minutes * _MINUTES, self.now.s)), who, entry


def working_day(day: date) -> date:
    """The day itself, or the Friday before it."""
    return day - timedelta(days=max(day.weekday() - 4, 0))


def _nothing(_: Today) -> Iterator[Row]:
    return iter(())


def _no_faults(_: Today) -> tuple[tuple[Instant, Fault], ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, in a sentence, and the rule that finds it.

    What makes it so: ``due_in`` are the days from today on one of which the refill is due, ``booked`` in how many days it is
    booked; ``days`` is how long ago the pump was implanted and ``last`` its last refill, where that matters; ``gain`` what the
    pump's true flow deviates by, and ``drift`` by how much more it did between the last two refills, in parts per million;
    ``red`` that a person took the residual that came of it on themselves. ``unseen`` days have passed without a clinician, the
    authorization lasts ``authorized`` days more, ``renewed`` says whether the emergency plan was; ``transferred`` came from
    elsewhere, ``lost`` had a session of which nobody knows the end; ``plain_threshold`` has the alarm no higher than REF-02 asks.
    ``rows`` are entries of today, and ``faults`` what truly befell the pump.
    """

    rule: str
    wrong: str
    model: str = ""
    due_in: tuple[int, ...] = ()
    booked: int | Literal["in time", "not"] = "in time"
    hour: int = 0
    days: int = 0
    last: int = 0
    gain: int | None = None
    drift: int = 0
    red: bool = False
    unseen: int = 0
    authorized: int = 300
    renewed: bool = True
    transferred: bool = False
    lost: bool = False
    plain_threshold: bool = False
    rows: Callable[[Today], Iterator[Row]] = field(default=_nothing)
    faults: Callable[[Today], tuple[tuple[Instant, Fault], ...]] = field(default=_no_faults)


def _tone_heard(today: Today) -> Iterator[Row]:
    heard = today.this_morning()
    yield today.row(AlarmHeard(heard, "single"), NURSE)
    yield today.row(
        Telephoned(
            heard, "the person", "the pump beeps once an hour since breakfast", "same day", "no symptoms",
            "to be called back today with a time to have the pump read",
        ),
        NURSE,
    )  # fmt: skip


def _memory_flaw(today: Today) -> tuple[tuple[Instant, Fault], ...]:
    return ((Instant(today.this_morning().s - 2 * HOUR_S), MemoryCorruption("log", 3)),)


def _scanned(today: Today) -> Iterator[Row]:
    at = today.in_days(-1, 14)
    yield today.row(Booked(today.in_days(-9, 10), "MRI", at, SCHEDULER), SCHEDULER)
    yield today.row(Scanned(at, 1.5), NURSE, 45)


def _in_the_field(today: Today) -> tuple[tuple[Instant, Fault], ...]:
    at = today.in_days(-1, 14)
    return ((at, Magnet(Instant(at.s + 40 * _MINUTES), Instant(at.s + 50 * _MINUTES))),)


def _withdrawing(today: Today) -> Iterator[Row]:
    at = today.ago(HOUR_S)
    for symptom, grade in (("return of spasticity", 2), ("itching without rash", 1)):
        yield today.row(SymptomReported(at, symptom, grade), NURSE)
    yield today.row(
        Telephoned(
            at, "the second contact", "stiff again since last night, and itching", "same day", "withdrawal",
            "to come in now, with somebody who drives",
        ),
        NURSE,
    )  # fmt: skip


def _stalled(today: Today) -> tuple[tuple[Instant, Fault], ...]:
    return ((today.ago(DAY_S + 2 * HOUR_S), Stall(None)),)


def _leaves(today: Today) -> Iterator[Row]:
    told = today.in_days(-2, 11)
    yield today.row(Booked(told, "travel", today.in_days(6, 9)), SCHEDULER)
    yield today.row(Booked(told, "return", today.in_days(40, 18)), SCHEDULER)


_SII_20, _SII_40 = "synchromed-ii-20", "synchromed-ii-40"
_AS_USUAL = "nothing is wrong: an ordinary refill of today, whose checks are still to be done"
_WITH_PUMP = (
    Problem("REF-04", "the refill is some days overdue, and nobody has booked one", _SII_20, (-3, -2, -4), "not"),
    Problem("SAF-08", "the refill is due within three days, and none is booked", _SII_40, (3, 2, 1), "not"),
    Problem("SAF-08", "the refill is booked for some days after the day to refill by", "synchromed-iii-20", (8, 7, 9), 13),
    Problem("SAF-08", "the refill is due in about ten days, and none is booked", "prometra-ii-20", (10, 9, 11), "not"),
    Problem("RPC-07", "the last residual was red, too much was left, and nobody has explained it", _SII_40, drift=-230_000,
            red=True),
    Problem("RPC-07", "the last residual was amber, too much was left, and nobody has explained it", _SII_40, drift=-120_000),
    Problem("DEV-02", "a single tone was heard this morning and told by phone; the pump was not read since", "reference-40",
            rows=_tone_heard, faults=_memory_flaw),
    Problem("MRI-03", "a scan was done yesterday, and the pump was not read since", _SII_40, rows=_scanned, faults=_in_the_field),
    Problem("EOS-02", "the pump reached its replacement indicator 30 days ago, and no surgery is dated", _SII_40,
            booked=25, days=2496, last=20),
    Problem("EOS-03", "the pump is 6.6 years old, and no replacement is booked", _SII_20, booked=24, days=2409, last=40),
    Problem("WDL-01", "symptoms of withdrawal were reported an hour ago; the rotor truly stands since yesterday", _SII_20,
            rows=_withdrawing, faults=_stalled),
    Problem("REF-13", "a session of yesterday ended without an answer of the pump, and nobody knows what it wrote", _SII_40,
            lost=True),
    Problem("VIS-05", "no clinician has seen the person for 14 months", _SII_40, days=1147, unseen=425),
    Problem("BIL-14", "the authorization ends in 12 days, before the next refill", "synchromed-iii-40", authorized=12),
    Problem("EMG-01", "the emergency plan was not renewed after the last refill", "prometra-ii-40", renewed=False),
    Problem("REF-06", "a journey is booked before the refill, and the way back after it is due", _SII_20, (25, 24, 26), 21,
            rows=_leaves),
    Problem("RPC-01", _AS_USUAL, _SII_20, (4, 3, 5), 0, 9),
    Problem("RPC-01", _AS_USUAL, "synchromed-iii-20", (4, 3, 5), 0, 10),
    Problem("RPC-01", _AS_USUAL, _SII_40, (4, 3, 5), 0, 11),
    Problem("DEV-01", "came from another clinic five weeks ago; the volume of the catheter is not known", _SII_20, last=35,
            transferred=True),
    Problem("REF-12", "each residual is lower than expected: the pump runs 9 % fast, and is empty before its alarm", _SII_40,
            gain=90_000, days=1100, plain_threshold=True),
)  # fmt: skip
REFERRED, TESTED = "DEMO-C1", "DEMO-C2"
"""The hospital's numbers of the two who have no pump."""
PROBLEMS: dict[str, Problem] = {
    **{f"DEMO-{index + 1:04d}": problem for index, problem in enumerate(_WITH_PUMP)},
    REFERRED: Problem("CAN-12", "a candidate who was referred two weeks ago, and is not assessed yet"),
    TESTED: Problem("SCR-10", "three weeks after a screening test that was positive, and the implanter has no packet"),
}
"""By the hospital's number of the person (``Person.number``). Everybody else is in order."""
ORDINARY = Problem("", "nothing is wrong")


def problem_of(number: str) -> Problem:
    """The problem of a person, or that nothing is wrong."""
    return PROBLEMS.get(number, ORDINARY)


def lasting(days: int) -> Duration:
    """So many days of 24 hours."""
    return Duration(days * DAY_S)
