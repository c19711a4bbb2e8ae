"""The state of a pump: belief and truth are two types.

``Memory`` is what the pump believes, ``Mechanics`` what is so. Telemetry reads the first; the patient gets the second.
"""

from dataclasses import dataclass

from thecal.errors import Refusal
from thecal.fluid import Parcel
from thecal.pump.alarms import Alarm
from thecal.pump.battery import Battery
from thecal.pump.clock import Clock
from thecal.pump.messages import Event, Report, Write
from thecal.pump.program import Bolus, ConstantFlow, PatientBolus, PeriodicBolus, Running, Stopped, program_pattern
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Concentration, Gain, nearest
from thecal.timeline import NO_FLOW, Instant, Pattern


@dataclass(frozen=True, slots=True)
class Settings:
    """What was written into the pump, and what became of it where it was lost."""

    clock: Clock
    program: Running
    patient: PatientBolus | None
    concentration: Concentration | None
    low_reservoir_nl: int


@dataclass(frozen=True, slots=True)
class RunningBolus:
    """A bolus under way, or the rest of a periodic one that is skipped (``bolus`` is None), until ``end``.

    ``pattern`` is the flow of bolus and basal together while it lasts, ``own`` that of the bolus alone.
    """

    bolus: Bolus | None
    start: Instant
    end: Instant
    pattern: Pattern
    own: Pattern

    @property
    def mode(self) -> str:
        return self.bolus.mode if self.bolus else "between periodic boluses"

    def given_nl(self, now: Instant) -> int:
        """What of it has been given, as programmed."""
        return self.own.numerator(0, now.s - self.start.s) // self.own.per


@dataclass(frozen=True, slots=True)
class Hold:
    """What keeps a pump from its program until somebody comes: an update left open, or telemetry mode.

    An open update belongs to a ``session``, holds what is ``staged``, and is cleared at ``clears`` unless more of it comes.
    """

    mode: str
    stops: bool
    staged: Write | None = None
    session: str | None = None
    clears: Instant | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """The pump's counters. ``calculated_nl`` is None until a volume has been typed in; ``carry`` is the remainder of the
    programmed flow below one nanolitre, in parts of the running pattern's ``per``; ``pumped_nl`` is what the motor was commanded
    in its life, whether it turned or not.
    """

    calculated_nl: int | None
    carry: int
    pumped_nl: int


@dataclass(frozen=True, slots=True)
class Signals:
    """What the pump says: the alarms that sound, those that only a programmer ends (``latched``), since when it is stopped,
    and its event log, bounded: the latest ``log`` of ``logged`` events.
    """

    alarms: tuple[Alarm, ...] = ()
    latched: tuple[str, ...] = ()
    stopped_since: Instant | None = None
    log: tuple[Event, ...] = ()
    logged: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """The latest message of a session, by its digest, and what was answered."""

    session: str
    sequence: int
    digest: str
    reply: Report | Refusal


@dataclass(frozen=True, slots=True)
class Link:
    """What the pump keeps of those who talk to it: how often it was written, and the latest message of its latest sessions."""

    writes: int = 0
    seen: tuple[Seen, ...] = ()


@dataclass(frozen=True, slots=True)
class Memory:
    """What the pump believes. ``given`` holds the starts of the patient boluses of the last 24 h."""

    settings: Settings
    basal: Pattern
    bolus: RunningBolus | None
    hold: Hold | None
    count: Count
    given: tuple[Instant, ...]
    signals: Signals
    link: Link = Link()

    @property
    def program(self) -> Running:
        return self.settings.program

    @property
    def concentration(self) -> Concentration | None:
        return self.settings.concentration

    @property
    def calculated_nl(self) -> int | None:
        return self.count.calculated_nl

    @property
    def carry(self) -> int:
        return self.count.carry

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        return self.signals.alarms

    @property
    def critical(self) -> str | None:
        """The first critical alarm that sounds."""
        return next((alarm.kind.name for alarm in self.signals.alarms if alarm.kind.severity == "critical"), None)

    @property
    def pattern(self) -> Pattern:
        """The flow that is programmed now."""
        if self.hold and self.hold.stops:
            return NO_FLOW
        return self.bolus.pattern if self.bolus else self.basal

    def phase(self, now: Instant) -> int:
        """How far into the running pattern the pump is."""
        if self.bolus:
            return now.s - self.bolus.start.s
        return self.settings.clock.phase(now, self.basal)

    def mode(self, now: Instant) -> str:
        """What the pump is doing, as the table of modes names it."""
        if self.hold:
            return self.hold.mode
        if self.bolus:
            return self.bolus.mode
        if isinstance(self.program, PeriodicBolus) and not self.in_periodic_bolus(now):
            return "between periodic boluses"
        return self.program.mode

    def in_periodic_bolus(self, now: Instant) -> bool:
        """Whether a periodic bolus is scheduled just now; under a critical alarm none is."""
        program = self.program
        if not isinstance(program, PeriodicBolus) or len(self.basal.rates) == 1:
            return False
        return (self.settings.clock.reading_s(now) - program.first_s) % program.every.s < program.duration.s

    def begins_periodic_bolus(self, now: Instant) -> bool:
        """Whether one begins at this very second."""
        return self.in_periodic_bolus(now) and not self.in_periodic_bolus(Instant(now.s - 1))


@dataclass(frozen=True, slots=True)
class Influences:
    """What makes the true flow differ from the programmed flow, each in parts per million: the pump itself, temperature,
    ambient pressure, and how far the line is open.
    """

    own_ppm: int = Gain.EXACT
    temperature_ppm: int = Gain.EXACT
    pressure_ppm: int = Gain.EXACT
    open_ppm: int = Gain.EXACT

    @property
    def gain_ppm(self) -> int:
        """All of them together, to the nearest part per million."""
        parts = self.own_ppm * self.temperature_ppm * self.pressure_ppm * self.open_ppm
        return nearest(parts, Gain.EXACT**3)


@dataclass(frozen=True, slots=True)
class Stalled:
    """A rotor that stands still. ``over`` says that it turns again and the pump has not noticed yet.

    ``watched_from`` is since when the pump has wanted it to turn; None while the pump is stopped, which delays the notice.
    """

    since: Instant
    until: Instant | None
    watched_from: Instant | None
    noticed: bool = False
    over: bool = False


@dataclass(frozen=True, slots=True)
class MovedValve:
    """A valve in a magnetic field that lasts to ``leaves``: open until an instant; ``then_shut`` stays shut afterwards until it
    is reset by hand.
    """

    until: Instant | None
    then_shut: bool
    leaves: Instant

    @property
    def is_shut(self) -> bool:
        return self.until is None


@dataclass(frozen=True, slots=True)
class Leak:
    """What runs out of the reservoir into the tissue, and its remainder below one nanolitre."""

    pattern: Pattern
    carry: int = 0


@dataclass(frozen=True, slots=True)
class Mechanics:
    """What is so: the fluid in the reservoir (the undeliverable rest included), the true flow and its remainder, the faults.

    ``sensor_off_nl`` is by how much a fill sensor reads too high.
    """

    reservoir: Parcel
    drive: Pattern
    carry: int
    battery: Battery
    influences: Influences = Influences()
    stall: Stalled | None = None
    valve: MovedValve | None = None
    leak: Leak | None = None
    sensor_off_nl: int = 0

    def with_fluid(self, reservoir: Parcel, carry: int, leak: Leak | None) -> "Mechanics":
        """The same mechanics after some fluid has moved."""
        off_nl = self.sensor_off_nl
        return Mechanics(reservoir, self.drive, carry, self.battery, self.influences, self.stall, self.valve, leak, off_nl)


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

    @property
    def known_nl(self) -> int | None:
        """What the pump knows of its reservoir: by its fill sensor where it has one, otherwise what it calculates."""
        calculated_nl = self.memory.count.calculated_nl
        if not self.sheet.fill_sensor or calculated_nl is None:
            return calculated_nl
        return max(self.usable_nl + self.mechanics.sensor_off_nl, 0)

    @property
    def mode(self) -> str:
        return self.memory.mode(self.now)


def new_pump(sheet: PumpSheet, at: Instant, clock_offset_s: int = 0, clock_drift_s: int = 0) -> PumpState:
    """A pump out of its box: stopped, nothing typed in, its undeliverable volume full of sterile water.

    A constant-flow pump runs as soon as there is something in it.
    """
    program = Stopped() if sheet.programmable else ConstantFlow(sheet.flow_max)
    settings = Settings(Clock(clock_offset_s, at, clock_drift_s), program, None, None, sheet.low_reservoir_threshold.nl)
    basal = program_pattern(program, sheet)
    memory = Memory(settings, basal, None, None, Count(None, 0, 0), (), Signals())
    reservoir = Parcel.whole(sheet.undeliverable_volume.nl, 0, "sterile water")
    battery = Battery(at, sheet.eri_to_eos.s)
    return PumpState(sheet, at, memory, Mechanics(reservoir, true_flow(basal, Gain.EXACT), 0, battery))


def true_flow(pattern: Pattern, gain_ppm: int) -> Pattern:
    """The programmed pattern as it truly flows."""
    return pattern.scaled(gain_ppm, Gain.EXACT)
