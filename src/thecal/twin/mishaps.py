"""What happens that nobody ordered, as a case document writes it."""

from typing import Annotated, Literal

from pydantic import Field

from thecal.errors import InputError, nearest_name
from thecal.quantity import Gain
from thecal.timeline import Duration
from thecal.twin.fields import (
    AConcentration,
    ADrift,
    ADuration,
    AFlow,
    AGain,
    ALength,
    AShare,
    At,
    AVolume,
    Document,
    reading,
)

OUTSIDE = "outside"
NEVER = "never"
Change = Literal["higher", "lower"]


def _recovery(value: object, name: str) -> Duration | None:
    """A duration, or None for ``never``."""
    if value == NEVER:
        return None
    if isinstance(value, str) and value[:1].isalpha():
        raise InputError(name, value, "is not a duration", accepted=('"6 h"', '"never"'), nearest=nearest_name(value, [NEVER]))
    return Duration.parse(value, name, zero=True)


class WorldEvent(Document):
    """Something true that happens."""

    at: At


class GainEvent(WorldEvent):
    """The true flow changes: a new bias, or a sudden overinfusion."""

    kind: Literal["gain"]
    gain: AGain


class GainDriftEvent(WorldEvent):
    """The true flow drifts, as a staircase: ``times`` steps of ``by``, one ``every`` so long."""

    kind: Literal["gain_drift"]
    by: AGain
    every: ADuration
    times: int = Field(ge=1, le=1000)


class TemperatureEvent(WorldEvent):
    """Fever or cold; how much it changes the flow is a setting, the direction is not."""

    kind: Literal["temperature"]
    change: Change
    flow: AGain
    lasts: ADuration | None = None


class PressureEvent(WorldEvent):
    """Altitude or a dive; how much it changes the flow is a setting, the direction is not."""

    kind: Literal["pressure"]
    change: Change
    flow: AGain
    lasts: ADuration | None = None


class StallEvent(WorldEvent):
    """The rotor stands, for a time or for good."""

    kind: Literal["stall"]
    lasts: ADuration | None = None


class MriEvent(WorldEvent):
    """A strong magnetic field; a rotor turns again ``recovers_after`` so long after it, or never."""

    kind: Literal["mri"]
    lasts: ADuration
    recovers_after: Annotated[Duration | None, reading(_recovery)] = Duration(0)


class InterferenceEvent(WorldEvent):
    """Electromagnetic interference."""

    kind: Literal["interference"]


class BatteryFilmEvent(WorldEvent):
    """A resistive film in the battery."""

    kind: Literal["battery_film"]
    lost: AShare
    eri_to_eos: ADuration


class InternalShortEvent(WorldEvent):
    """A short inside the pump, and what it shows as."""

    kind: Literal["internal_short"]
    shows_as: Literal["motor stall", "low-battery reset"]


class MemoryErrorEvent(WorldEvent):
    """A bit of the pump's memory flips."""

    kind: Literal["memory_error"]
    part: Literal["settings", "log"] = "settings"
    bit: int = Field(default=0, ge=0)


class OverfillEvent(WorldEvent):
    """At the next refill more is forced in than fits; ``gain`` is what that does to the flow."""

    kind: Literal["overfill"]
    extra: AVolume
    gain: AGain | None = None


class WrongStrengthEvent(WorldEvent):
    """At the next refill the syringe holds another strength than is written down."""

    kind: Literal["wrong_strength"]
    concentration: AConcentration


class WrongDrugEvent(WorldEvent):
    """At the next refill the syringe holds no baclofen."""

    kind: Literal["wrong_drug"]


class PocketFillEvent(WorldEvent):
    """At the next refill so much of the volume goes into the tissue around the pump."""

    kind: Literal["pocket_fill"]
    volume: AVolume


class SensorErrorEvent(WorldEvent):
    """The fill sensor reads too high (its alarms come too late) or too low."""

    kind: Literal["sensor_error"]
    reads: Change
    by: AVolume


class SeptumLeakEvent(WorldEvent):
    """The septum of the refill port leaks."""

    kind: Literal["septum_leak"]
    flow: AFlow


class KinkEvent(WorldEvent):
    """The catheter lets only a share of the flow through; 0 % is a total occlusion."""

    kind: Literal["kink"]
    open: AShare


class LeakEvent(WorldEvent):
    """A share of what passes a place of the catheter is lost; a growing leak loses more in steps."""

    kind: Literal["leak"]
    place: ALength
    lost: AShare
    grows_by: AShare | None = None
    every: ADuration | None = None
    times: int = Field(default=0, ge=0, le=1000)


class DisconnectionEvent(WorldEvent):
    """The catheter comes apart."""

    kind: Literal["disconnection"]
    place: ALength


class MigrationEvent(WorldEvent):
    """The tip moves, or leaves the spinal canal (``outside``)."""

    kind: Literal["migration"]
    tip_level: str


AnyWorldEvent = Annotated[
    GainEvent
    | GainDriftEvent
    | TemperatureEvent
    | PressureEvent
    | StallEvent
    | MriEvent
    | InterferenceEvent
    | BatteryFilmEvent
    | InternalShortEvent
    | MemoryErrorEvent
    | OverfillEvent
    | WrongStrengthEvent
    | WrongDrugEvent
    | PocketFillEvent
    | SensorErrorEvent
    | SeptumLeakEvent
    | KinkEvent
    | LeakEvent
    | DisconnectionEvent
    | MigrationEvent,
    Field(discriminator="kind"),
]
TRUTH_TABLES: dict[str, type[Document]] = {
    "gain": GainEvent,
    "gain_drift": GainDriftEvent,
    "temperature": TemperatureEvent,
    "pressure": PressureEvent,
    "stall": StallEvent,
    "mri": MriEvent,
    "interference": InterferenceEvent,
    "battery_film": BatteryFilmEvent,
    "internal_short": InternalShortEvent,
    "memory_error": MemoryErrorEvent,
    "overfill": OverfillEvent,
    "wrong_strength": WrongStrengthEvent,
    "wrong_drug": WrongDrugEvent,
    "pocket_fill": PocketFillEvent,
    "sensor_error": SensorErrorEvent,
    "septum_leak": SeptumLeakEvent,
    "kink": KinkEvent,
    "leak": LeakEvent,
    "disconnection": DisconnectionEvent,
    "migration": MigrationEvent,
}


class WorldTable(Document):
    """What is so: the true flow's deviation from the programmed flow, the drift of the pump clock, and what happens."""

    gain: AGain = Gain(Gain.EXACT)
    clock_drift: ADrift = 0
    event: list[AnyWorldEvent] = Field(default_factory=list)
