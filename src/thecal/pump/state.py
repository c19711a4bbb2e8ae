"""The state of a pump: belief and truth are two types.

``Memory`` is what the pump believes, ``Mechanics`` what is so. Telemetry reads the first; the patient gets the second.
"""

from dataclasses import dataclass

from thecal.fluid import Parcel
from thecal.pump.alarms import Alarm
from thecal.pump.program import Program, SingleBolus, Stopped
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Concentration, Gain
from thecal.timeline import DAY_S, NO_FLOW, Instant, Pattern

_EPOCH_TO_MONDAY_S = 3 * DAY_S  # 1970-01-01 was a Thursday


@dataclass(frozen=True, slots=True)
class RunningBolus:
    """A bolus under way, and the flow of bolus and basal together while it lasts."""

    bolus: SingleBolus
    start: Instant
    end: Instant
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Memory:
    """What the pump believes. ``calculated_nl`` is None until a volume has been typed in; ``carry`` is the remainder of the
    programmed flow below one nanolitre, in parts of the running pattern's ``per``.
    """

    clock_offset_s: int
    program: Program
    basal: Pattern
    bolus: RunningBolus | None
    concentration: Concentration | None
    calculated_nl: int | None
    carry: int
    low_reservoir_nl: int
    alarms: tuple[Alarm, ...]

    @property
    def pattern(self) -> Pattern:
        """The flow that is programmed now."""
        return self.bolus.pattern if self.bolus else self.basal

    @property
    def mode(self) -> str:
        return self.bolus.bolus.mode if self.bolus else self.program.mode

    def phase(self, now: Instant) -> int:
        """How far into the running pattern the pump is."""
        if self.bolus:
            return now.s - self.bolus.start.s
        return (now.s + self.clock_offset_s + _EPOCH_TO_MONDAY_S) % self.basal.period_s


@dataclass(frozen=True, slots=True)
class Mechanics:
    """What is so: the fluid in the reservoir (the undeliverable rest included), the true flow and its remainder."""

    reservoir: Parcel
    gain_ppm: int
    drive: Pattern
    carry: int


@dataclass(frozen=True, slots=True)
class PumpState:
    """A pump at an instant. Built only by ``new_pump``, ``handle``, ``perform``, ``disturb`` and ``advance``."""

    sheet: PumpSheet
    now: Instant
    memory: Memory
    mechanics: Mechanics

    @property
    def usable_nl(self) -> int:
        """What can truly still be delivered or aspirated."""
        return self.mechanics.reservoir.volume_nl - self.sheet.undeliverable_volume.nl


def new_pump(sheet: PumpSheet, at: Instant, clock_offset_s: int = 0) -> PumpState:
    """A pump out of its box: stopped, nothing typed in, its undeliverable volume full of sterile water."""
    rest_nl = sheet.undeliverable_volume.nl
    memory = Memory(
        clock_offset_s=clock_offset_s,
        program=Stopped(),
        basal=NO_FLOW,
        bolus=None,
        concentration=None,
        calculated_nl=None,
        carry=0,
        low_reservoir_nl=sheet.low_reservoir_threshold.nl,
        alarms=(),
    )
    reservoir = Parcel.whole(rest_nl, 0, "sterile water")
    drive = true_flow(NO_FLOW, Gain.EXACT)
    return PumpState(sheet, at, memory, Mechanics(reservoir, Gain.EXACT, drive, 0))


def true_flow(pattern: Pattern, gain_ppm: int) -> Pattern:
    """The programmed pattern as it truly flows."""
    return pattern.scaled(gain_ppm, Gain.EXACT)
