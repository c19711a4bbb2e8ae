"""What a pump is calculated to hold, now and later: its own count, and how far the truth may be from that.

The pump counts what it was programmed to give and measures nothing, so the count goes on exactly and the interval around it
widens with all that was counted since the fill. Nothing here says what reached anybody.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from thecal.chart.chart import Chart
from thecal.programmer.believed import believed_pump
from thecal.pump.handle import Answer, handle
from thecal.pump.messages import Report, StartBolus
from thecal.pump.program import MinimumRate, PeriodicBolus, PrimingBolus, SafeState, SingleBolus, program_pattern
from thecal.pump.regimen import Regimen
from thecal.pump.settle import after_bolus, driven
from thecal.pump.sheet import AfterBolus, PumpSheet
from thecal.pump.state import PumpState
from thecal.pump.written import BOLUSES
from thecal.quantity import Concentration, DailyDose, FlowRate, Gain, Volume, nearest
from thecal.report.words import significant_text
from thecal.therapy.due import last_read
from thecal.therapy.gain import PumpGain, pump_gain
from thecal.therapy.look import Look
from thecal.timeline import DAY_S, Duration, Instant
from thecal.twin.action import Action
from thecal.twin.run import run
from thecal.twin.trace import Record
from thecal.twin.world import World

INSTEAD_OF_BASAL = ("priming bolus", "bridge bolus")
"""The boluses under which the program does not flow."""


@dataclass(frozen=True, slots=True)
class PredictedDay:
    """What is calculated to be left at an instant, between ``low`` and ``high`` by the gain of this pump.

    ``programmed`` is what the program gives in the 24 h from then, boluses aside; None where no concentration is known.
    """

    at: Instant
    calculated: Volume
    low: Volume
    high: Volume
    programmed: DailyDose | None

    def in_words(self) -> str:
        """As it is printed: three significant figures at most, for it is derived from a real pump."""
        low, high = significant_text(self.low.ml), significant_text(self.high.ml)
        held = f"calculated {significant_text(self.calculated.ml)} mL ({low} to {high} mL)"
        if self.programmed is None:
            return held
        return f"{held}, programmed {significant_text(self.programmed.mcg_per_day)} mcg/day"


@dataclass(frozen=True, slots=True)
class Reached:
    """When a volume is reached: by the pump's own count, and the earliest and the latest that the interval allows.

    The count is that of a patient who asks for no bolus, the earliest that of one who asks for every bolus allowed. What has
    been reached by the last report is dated with that report. None where it never is: too little flows, or nothing.
    """

    counted: Instant | None
    earliest: Instant | None
    latest: Instant | None


@dataclass(frozen=True, slots=True)
class Prediction:
    """What follows from what the pump said at ``since``, with ``gain`` as it is known; the end of its service is not in it.

    ``alarm`` is when its low reservoir threshold is reached, ``empty`` when nothing is left. A pump sounds its alarm by its count
    alone: the earliest and the latest of it are when so little is truly left.
    """

    since: Instant
    gain: PumpGain
    days: tuple[PredictedDay, ...]
    alarm: Reached
    empty: Reached


def prediction(look: Look, until: Instant) -> Prediction | None:
    """What the pump in place is calculated to hold now, and every 24 h from now, until an instant.

    None without a pump, without anything that it said since its last fill, or without a volume; and where what it said no longer
    counts: after a session of which nobody knows the end, or once it was emptied. Raises ValueError for an instant that is past.
    """
    if until < look.now:
        raise ValueError(f"a prediction until {until.utc_text()} at {look.now.utc_text()}")
    report, sheet, chart = last_read(look), look.sheet, look.chart
    if report is None or sheet is None or report.calculated is None or chart.uncertain is not None or chart.emptied:
        return None
    gain = pump_gain(chart, sheet)
    left = _left(report, chart, sheet, gain)
    if left is None:
        return None
    hours = range(look.now.s, until.s + 1, DAY_S)
    days = tuple(left.day(Instant(second)) for second in hours)
    return Prediction(report.at, gain, days, left.reached(report.low_reservoir), left.reached(Volume(0)))


def told_pump(report: Report, sheet: PumpSheet) -> PumpState:
    """A pump of exact flow that goes on from a report, the bolus that runs included (``believed_pump`` has none).

    What is left of the bolus flows evenly until its end. A bolus that a pump could not be in is not continued: one under an empty
    reservoir, where nothing is counted down any more, or over a scheduled one.
    """
    if isinstance(report.program, SafeState) and sheet.safe_state == "minimum rate":
        report = replace(report, program=MinimumRate())
    ends = report.bolus_ends
    if report.mode not in BOLUSES or ends is None or ends <= report.at or not report.bolus_left.nl:
        pump = believed_pump(report, sheet)
        if report.mode != PeriodicBolus.mode or pump.memory.bolus is None:
            return pump
        # A program that is written skips the scheduled bolus of just now; this one was not written, it runs.
        return driven(pump, replace(pump.memory, bolus=None), pump.mechanics, pump.now)
    follows: AfterBolus = "stopped" if after_bolus(report.mode, sheet) == "stopped" else "resumes"
    rest = Duration(ends.s - report.at.s)
    wide = replace(  # the whole bolus was within the limits; its rest need not be
        sheet,
        flow_max=FlowRate(FlowRate.UNITS.base_max),
        bolus_duration_min=Duration(1),
        bolus_duration_max=max(rest, sheet.bolus_duration_max),
        after_single_bolus=follows,
        after_priming_bolus=follows,
    )
    pump = believed_pump(report, wide)
    kind = PrimingBolus if report.mode in INSTEAD_OF_BASAL else SingleBolus
    begun = handle(pump, StartBolus(kind(report.bolus_left, rest)))
    return begun.state if isinstance(begun, Answer) else pump


@dataclass(frozen=True, slots=True)
class _Left:
    """What is left by the count (``calculated_nl`` less what flows) and at both bounds of the gain.

    ``least`` and ``most`` are what may be left at the report at the ``high`` and the ``low`` gain, in millionths of a nanolitre.
    ``legs`` are the pump at every change of what it is programmed to do.
    """

    legs: tuple[PumpState, ...]
    concentration: Concentration | None
    calculated_nl: int
    least: int
    most: int
    high_ppm: int
    low_ppm: int
    allotted_nl: int

    def day(self, at: Instant) -> PredictedDay:
        flowed_nl = self._flowed(at)
        high = max(self.most - flowed_nl * self.low_ppm, 0)
        return PredictedDay(
            at,
            Volume(max(self.calculated_nl - flowed_nl, 0)),
            Volume(max(self._least(at), 0) // Gain.EXACT),
            Volume(-(-high // Gain.EXACT)),
            self._programmed(at),
        )

    def reached(self, threshold: Volume) -> Reached:
        level = threshold.nl * Gain.EXACT
        return Reached(
            self._first(self.calculated_nl - threshold.nl),
            self._earliest(level),
            self._first(-((level - self.most) // self.low_ppm)),
        )

    def _leg(self, at: Instant) -> PumpState:
        return next(leg for leg in reversed(self.legs) if leg.now <= at)

    def _flowed(self, at: Instant) -> int:
        """What the pump counts as flowed since the report, in nanolitres."""
        leg = self._leg(at)
        memory, pattern = leg.memory, leg.memory.pattern
        numerator = memory.carry + pattern.numerator(memory.phase(leg.now), at.s - leg.now.s)
        return memory.count.pumped_nl + numerator // pattern.per

    def _least(self, at: Instant) -> int:
        """What is left at the high gain with every bolus taken: in any time no more than an allotment for each 24 h begun."""
        allotments = -(-(at.s - self.legs[0].now.s) // DAY_S)
        return self.least - (self._flowed(at) + allotments * self.allotted_nl) * self.high_ppm

    def _first(self, flowed_nl: int) -> Instant | None:
        """The first second by which so much has been counted; None where it never is."""
        for leg, after in zip(self.legs, (*self.legs[1:], None), strict=True):
            memory, pattern = leg.memory, leg.memory.pattern
            wanted = (flowed_nl - memory.count.pumped_nl) * pattern.per - memory.carry
            seconds = pattern.seconds_to(memory.phase(leg.now), wanted)
            if seconds is not None and (after is None or leg.now.s + seconds <= after.now.s):
                return Instant(leg.now.s + seconds)
        return None

    def _earliest(self, level: int) -> Instant | None:
        """The first second at which no more than ``level`` may be left."""
        latest = self._first(-((level - self.least) // self.high_ppm))
        if latest is None or not self.allotted_nl:
            return latest
        low, high = self.legs[0].now.s, latest.s
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self._least(Instant(middle)) <= level else (middle + 1, high)
        return Instant(low)

    def _programmed(self, at: Instant) -> DailyDose | None:
        """The dose of the 24 h from an instant, by the program that goes on after a bolus."""
        if self.concentration is None:
            return None
        leg = next((leg for leg in self.legs if leg.memory.bolus is None), self.legs[-1])
        pattern = program_pattern(leg.memory.program, leg.sheet)
        numerator = pattern.numerator(leg.memory.settings.clock.phase(at, pattern), DAY_S)
        return DailyDose(nearest(numerator * self.concentration.mcg_per_ml, pattern.per))


def _left(report: Report, chart: Chart, sheet: PumpSheet, gain: PumpGain) -> _Left | None:
    """What is left at the report and how it goes on; None where the fill was typed in without a volume.

    As REF-12 has it: all that was counted since the fill may have been as much more or less, and a gain that was learned below
    (or above) the exact one is no promise that the pump does not run exactly again.
    """
    first = chart.fill_session.report if chart.fill_session else None
    if report.calculated is None or first is None or first.calculated is None:
        return None
    high, low = max(gain.high.ppm, Gain.EXACT), min(gain.low.ppm, Gain.EXACT)
    calculated_nl, typed_nl = min(report.calculated, sheet.reservoir_capacity).nl, first.calculated.nl
    counted_nl = max(report.pumped.nl - first.pumped.nl, 0)
    if sheet.fill_sensor:  # what it senses it does not count
        counted_nl = max(typed_nl - calculated_nl, 0)

    def at_gain(ppm: int) -> int:
        if not calculated_nl and not sheet.fill_sensor:  # at zero it counts down no further
            return typed_nl * Gain.EXACT - counted_nl * ppm
        return calculated_nl * Gain.EXACT - counted_nl * (ppm - Gain.EXACT)

    return _Left(
        tuple(_legs(told_pump(report, sheet))),
        report.concentration,
        calculated_nl,
        at_gain(high),
        min(at_gain(low), sheet.reservoir_capacity.nl * Gain.EXACT),
        high,
        low,
        Regimen(report.program, sheet, report.patient).allotted_nl,
    )


def _legs(pump: PumpState) -> Iterator[PumpState]:
    """The pump at every change of what it is programmed to do: the end of its bolus, and the zero that ends periodic boluses."""
    while True:
        yield pump
        changes = list(_changes(pump))
        if not changes:
            return
        until = min(changes)
        ran = run(World(pump.now, pump), _nobody, until, Record(keep_rows=False, keep_blocks=False)).world.pump
        assert ran is not None  # nobody takes it out
        pump = ran


def _changes(pump: PumpState) -> Iterator[Instant]:
    memory = pump.memory
    if memory.bolus is not None:
        yield memory.bolus.end
    if isinstance(memory.program, PeriodicBolus) and memory.calculated_nl:
        wanted = memory.calculated_nl * memory.pattern.per - memory.carry
        seconds = memory.pattern.seconds_to(memory.phase(pump.now), wanted)
        if seconds is not None:
            yield Instant(pump.now.s + seconds)


def _nobody(_: Chart, __: Instant) -> Action | None:
    return None
