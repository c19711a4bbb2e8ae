"""The dictionary: the commands a pump understands by telemetry, what it answers, the procedures a needle does, and the faults.

Commands are imperative, events past tense.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from thecal.fluid import Content, Parcel
from thecal.pump.program import (
    BridgeBolus,
    NoPatientBolus,
    PatientBolus,
    PrimingBolus,
    Program,
    Running,
    SingleBolus,
)
from thecal.quantity import Concentration, FlowRate, Gain, Volume
from thecal.timeline import Duration, Instant

Severity = Literal["critical", "non-critical", "unsensed", "information"]
"""Of an event: two kinds of alarm; what is so and the pump does not sense; and the rest."""


@dataclass(frozen=True, slots=True)
class Interrogate:
    """Read everything from the pump; changes nothing, unless interference left the pump in telemetry mode: it ends that."""

    name: ClassVar[str] = "interrogate"


@dataclass(frozen=True, slots=True)
class BeginUpdate:
    """Open an update; some profiles stop infusing until it is written.

    ``token`` is that of the interrogation that was reviewed: refused where the pump was written since. By the wand it is needed.
    One to ``stop`` the pump is taken while a bolus runs too, and then writes nothing else.
    """

    token: str | None = None
    stop: bool = False
    name: ClassVar[str] = "begin update"


@dataclass(frozen=True, slots=True)
class Update:
    """Write the reviewed changes in one step; what is None stays as it is.

    ``reservoir`` is the usable volume that is typed in after a refill, whatever really went in; ``bolus`` a priming or bridge
    bolus that begins with the program.
    """

    program: Program | None = None
    concentration: Concentration | None = None
    reservoir: Volume | None = None
    low_reservoir: Volume | None = None
    patient: PatientBolus | NoPatientBolus | None = None
    bolus: PrimingBolus | BridgeBolus | None = None
    name: ClassVar[str] = "update"


@dataclass(frozen=True, slots=True)
class StartBolus:
    """Give a bolus now."""

    bolus: SingleBolus | PrimingBolus | BridgeBolus

    @property
    def name(self) -> str:
        return f"start {self.bolus.mode}"


@dataclass(frozen=True, slots=True)
class RequestBolus:
    """The patient asks for a bolus, by the activator."""

    name: ClassVar[str] = "request patient bolus"


@dataclass(frozen=True, slots=True)
class CancelBolus:
    """End the running bolus; the program goes on. Of a periodic bolus, only the one that runs is skipped."""

    name: ClassVar[str] = "cancel bolus"


@dataclass(frozen=True, slots=True)
class SetClock:
    """Set the pump clock to UTC plus ``offset_s``."""

    offset_s: int
    name: ClassVar[str] = "set clock"


@dataclass(frozen=True, slots=True)
class TestAlarm:
    """Sound an alarm once, to teach its sound."""

    __test__ = False  # the name is the field's; it is no test class
    severity: Literal["critical", "non-critical"]
    name: ClassVar[str] = "test alarm"


Write = Update | StartBolus | SetClock
"""What a programmer writes: staged, compared by its digest, and then carried out as a whole."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Send what the open update is to write. The pump checks it whole and keeps it beside what runs; nothing changes yet."""

    write: Write
    name: ClassVar[str] = "stage"


@dataclass(frozen=True, slots=True)
class Commit:
    """Carry out what is staged, all of it or nothing of it, if its digest is this one."""

    digest: str
    name: ClassVar[str] = "commit"


@dataclass(frozen=True, slots=True)
class ReadBack:
    """Read what is now written, to compare it with what was reviewed; changes nothing."""

    name: ClassVar[str] = "read back"


Command = (
    Interrogate
    | BeginUpdate
    | Stage
    | Commit
    | ReadBack
    | Update
    | StartBolus
    | RequestBolus
    | CancelBolus
    | SetClock
    | TestAlarm
)


@dataclass(frozen=True, slots=True)
class Message:
    """A command as it comes by the wand: number ``sequence`` of a session. The same number again is answered, not done again."""

    session: str
    sequence: int
    command: Command


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in the pump at a second."""

    at: Instant
    kind: str
    severity: Severity
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """What the pump says of itself: its memory, and of its mechanics only what it has a sensor for.

    ``bolus_left`` is what a running bolus has still to give; ``pumped`` what the motor was commanded in its life, whether it
    turned or not; ``replace_by`` is None before the replacement indicator; ``log`` holds the latest events, ``logged`` counts
    all of them. ``staged`` is the digest of what an open update holds. ``token`` names this state of what is written in the
    pump; only an interrogation gives one.
    """

    at: Instant
    mode: str
    program: Running
    patient: PatientBolus | None
    concentration: Concentration | None
    calculated: Volume | None
    bolus_left: Volume
    bolus_ends: Instant | None
    low_reservoir: Volume
    clock_reading_s: int
    alarms: tuple[str, ...]
    replace_by: Instant | None
    log: tuple[Event, ...]
    logged: int
    pumped: Volume
    staged: str | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Fill:
    """Inject a volume through the refill port. ``forced`` overrides what the reservoir takes without pressure."""

    volume: Volume
    concentration: Concentration
    content: Content = "drug"
    forced: bool = False
    name: ClassVar[str] = "fill"


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Aspirate a volume through the refill port, or all that can be had."""

    volume: Volume | None = None
    name: ClassVar[str] = "withdraw"


@dataclass(frozen=True, slots=True)
class ResetValve:
    """Open a valve that a magnetic field has shut, by hand."""

    name: ClassVar[str] = "reset valve"


Procedure = Fill | Withdraw | ResetValve


@dataclass(frozen=True, slots=True)
class Syringe:
    """What a procedure took out of the pump."""

    parcels: tuple[Parcel, ...] = ()

    @property
    def volume_nl(self) -> int:
        return sum(parcel.volume_nl for parcel in self.parcels)

    @property
    def amount_pg(self) -> int:
        return sum(parcel.amount_pg for parcel in self.parcels)


@dataclass(frozen=True, slots=True)
class ChangeGain:
    """From now on the true flow is this multiple of the programmed flow: bias, a step of a drift, a sudden overinfusion."""

    gain: Gain
    name: ClassVar[str] = "gain"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Temperature or ambient pressure changes the true flow by this multiple from now on."""

    what: Literal["temperature", "pressure"]
    gain: Gain
    name: ClassVar[str] = "surroundings"


@dataclass(frozen=True, slots=True)
class Resistance:
    """The line lets only ``open_ppm`` parts per million of the flow out of the pump; the rest stays in the reservoir."""

    open_ppm: int
    name: ClassVar[str] = "resistance"


@dataclass(frozen=True, slots=True)
class Stall:
    """The rotor stands still, until an instant or for good."""

    until: Instant | None
    name: ClassVar[str] = "motor stall"


@dataclass(frozen=True, slots=True)
class Magnet:
    """A strong magnetic field until ``leaves``. What it does is on the data sheet; a rotor turns again at ``recovers``."""

    leaves: Instant
    recovers: Instant | None
    name: ClassVar[str] = "magnetic field"


@dataclass(frozen=True, slots=True)
class Interference:
    """Electromagnetic interference at an instant."""

    name: ClassVar[str] = "interference"


@dataclass(frozen=True, slots=True)
class BatteryFilm:
    """A resistive film: ``lost_ppm`` parts per million of a full charge are gone, the time after the indicator is shorter."""

    lost_ppm: int
    eri_to_eos: Duration
    name: ClassVar[str] = "battery film"


@dataclass(frozen=True, slots=True)
class LowBattery:
    """The supply dips, by a film or an internal short: a low-battery reset."""

    name: ClassVar[str] = "low-battery reset"


@dataclass(frozen=True, slots=True)
class MemoryCorruption:
    """A bit of the stored settings, or of the event log, flips."""

    part: Literal["settings", "log"]
    bit: int
    name: ClassVar[str] = "memory corruption"


@dataclass(frozen=True, slots=True)
class SensorError:
    """The fill sensor reads so many nanolitres too high, or too low: its alarms come too late, or too early."""

    off_nl: int
    name: ClassVar[str] = "sensor error"


@dataclass(frozen=True, slots=True)
class SeptumLeak:
    """The septum of the refill port leaks so much into the tissue around the pump."""

    flow: FlowRate
    name: ClassVar[str] = "septum leak"


Fault = (
    ChangeGain
    | Surroundings
    | Resistance
    | Stall
    | Magnet
    | Interference
    | BatteryFilm
    | LowBattery
    | MemoryCorruption
    | SensorError
    | SeptumLeak
)
