"""The dictionary: the commands a pump understands by telemetry, what it answers, and the procedures a needle does.

Commands are imperative, events past tense.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from thecal.fluid import Parcel
from thecal.pump.program import Program, SingleBolus
from thecal.quantity import Concentration, Gain, Volume
from thecal.timeline import Instant

Severity = Literal["critical", "non-critical", "unsensed", "information"]
"""Of an event: two kinds of alarm; what is so and the pump does not sense; and the rest."""


@dataclass(frozen=True, slots=True)
class Interrogate:
    """Read everything from the pump; changes nothing."""

    name: ClassVar[str] = "interrogate"


@dataclass(frozen=True, slots=True)
class Update:
    """Write the reviewed changes in one step; what is None stays as it is.

    ``reservoir`` is the usable volume that is typed in after a refill, whatever really went in.
    """

    program: Program | None = None
    concentration: Concentration | None = None
    reservoir: Volume | None = None
    low_reservoir: Volume | None = None
    name: ClassVar[str] = "update"


@dataclass(frozen=True, slots=True)
class StartBolus:
    """Give a single bolus now."""

    bolus: SingleBolus
    name: ClassVar[str] = "start bolus"


@dataclass(frozen=True, slots=True)
class CancelBolus:
    """End the running bolus; the program goes on."""

    name: ClassVar[str] = "cancel bolus"


Command = Interrogate | Update | StartBolus | CancelBolus


@dataclass(frozen=True, slots=True)
class Report:
    """What the pump says of itself: its memory, never its mechanics. ``bolus_left`` is what a running bolus has still to give."""

    at: Instant
    mode: str
    program: Program
    concentration: Concentration | None
    calculated: Volume | None
    bolus_left: Volume
    low_reservoir: Volume
    alarms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fill:
    """Inject a volume of drug through the refill port."""

    volume: Volume
    concentration: Concentration
    name: ClassVar[str] = "fill"


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Aspirate a volume through the refill port, or all that can be had."""

    volume: Volume | None = None
    name: ClassVar[str] = "withdraw"


Procedure = Fill | Withdraw


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
    """From now on the true flow is this multiple of the programmed flow."""

    gain: Gain
    name: ClassVar[str] = "gain"


Fault = ChangeGain


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in the pump at a second."""

    at: Instant
    kind: str
    severity: Severity
    text: str
