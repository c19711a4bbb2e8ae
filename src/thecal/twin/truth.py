"""What happens that nobody ordered, as a case document writes it, and the faults that it means."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from thecal.catheter.faults import CatheterLeak, Disconnection, Kink, Migration
from thecal.catheter.geometry import TIP_LEVELS
from thecal.errors import InputError, nearest_name
from thecal.fluid import ALL_PPM
from thecal.pump.messages import (
    BatteryFilm,
    ChangeGain,
    Interference,
    LowBattery,
    Magnet,
    MemoryCorruption,
    SeptumLeak,
    Stall,
    Surroundings,
)
from thecal.quantity import Gain
from thecal.timeline import Duration, Instant
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
from thecal.twin.world import PlannedFault, Slip
from thecal.unit import decimal_text

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


@dataclass(frozen=True, slots=True)
class DriftStep:
    """A step of a drift: the gain then moves by so many parts per million. :func:`drifted` makes a gain of it."""

    at: Instant
    by_ppm: int


def drifted(planned: Iterable[PlannedFault | DriftStep], gain: Gain) -> tuple[PlannedFault, ...]:
    """The faults in order of time, each step of a drift as the gain that it leads to from the one before it.

    Raises InputError where a drift leaves no flow.
    """
    settled: list[PlannedFault] = []
    for fault in sorted(planned, key=lambda fault: fault.at):
        if isinstance(fault, DriftStep):
            if gain.ppm + fault.by_ppm <= 0:
                raise InputError("event", str(gain), "drifts on until no flow is left", accepted=("fewer or smaller steps",))
            gain = Gain(gain.ppm + fault.by_ppm)
            settled.append(_gain(fault.at, gain))
            continue
        if isinstance(fault.fault, ChangeGain):
            gain = fault.fault.gain
        settled.append(fault)
    return tuple(settled)


def faults(event: AnyWorldEvent) -> Iterator[PlannedFault | DriftStep]:
    """The faults that an event means, in order of time.

    Raises InputError where the event contradicts what is known of its direction, or itself.
    """
    at = event.at
    match event:
        case GainEvent():
            yield _gain(at, event.gain)
        case GainDriftEvent():
            if Gain.EXACT + event.times * (event.by.ppm - Gain.EXACT) <= 0:
                raise InputError("times", str(event.times), "drifts until no flow is left", accepted=("fewer steps",))
            yield from (DriftStep(_later(at, event.every, n), event.by.ppm - Gain.EXACT) for n in range(event.times))
        case TemperatureEvent() | PressureEvent():
            yield from _surroundings(event)
        case StallEvent():
            until = Instant(at.s + event.lasts.s) if event.lasts else None
            yield PlannedFault(at, Stall(until))
        case MriEvent():
            leaves = at + event.lasts
            recovers = None if event.recovers_after is None else leaves + event.recovers_after
            yield PlannedFault(at, Magnet(leaves, recovers), f"a strong magnetic field for {event.lasts}")
        case InterferenceEvent():
            yield PlannedFault(at, Interference(), "electromagnetic interference")
        case BatteryFilmEvent():
            lost = decimal_text(event.lost, 10**4)
            told = f"a resistive film takes {lost} % of the charge and leaves {event.eri_to_eos} after the indicator"
            yield PlannedFault(at, BatteryFilm(event.lost, event.eri_to_eos), told)
        case InternalShortEvent(shows_as="motor stall"):
            yield PlannedFault(at, Stall(None), "a short inside the pump")
        case InternalShortEvent():
            yield PlannedFault(at, LowBattery(), "a short inside the pump")
        case MemoryErrorEvent():
            yield PlannedFault(at, MemoryCorruption(event.part, event.bit), f"a bit of the {event.part} flips")
        case SeptumLeakEvent():
            yield PlannedFault(at, SeptumLeak(event.flow))
        case KinkEvent() | LeakEvent() | DisconnectionEvent() | MigrationEvent():
            yield from _of_catheter(event)
        case _:
            yield from _slips(event)


def _gain(at: Instant, gain: Gain) -> PlannedFault:
    return PlannedFault(at, ChangeGain(gain), f"true flow is now {gain} from the programmed flow; nobody can see it")


def _later(at: Instant, every: Duration, times: int) -> Instant:
    return Instant(at.s + every.s * times)


def _surroundings(event: TemperatureEvent | PressureEvent) -> Iterator[PlannedFault]:
    """Higher temperature and lower pressure mean more flow; how much is not known and has to be said."""
    more = event.change == ("higher" if isinstance(event, TemperatureEvent) else "lower")
    off = event.flow.ppm - Gain.EXACT
    if off and (off > 0) != more:
        direction = "more" if more else "less"
        accepted = (f'"{"+" if more else "-"}1 %": {event.change} {event.kind} means {direction} flow',)
        raise InputError("flow", str(event.flow), "contradicts the direction that is known", accepted=accepted)
    told = f"{event.change} {event.kind}: the flow changes by {event.flow}"
    yield PlannedFault(event.at, Surroundings(event.kind, event.flow), told)
    if event.lasts:
        back = Surroundings(event.kind, Gain(Gain.EXACT))
        yield PlannedFault(event.at + event.lasts, back, f"{event.kind} as before")


def _of_catheter(event: KinkEvent | LeakEvent | DisconnectionEvent | MigrationEvent) -> Iterator[PlannedFault]:
    at = event.at
    match event:
        case KinkEvent():
            told = f"the catheter lets {decimal_text(event.open, 10**4)} % of the flow through"
            yield PlannedFault(at, Kink(event.open), told)
        case LeakEvent():
            if (event.grows_by is None) != (event.every is None) or (event.grows_by is None) != (event.times == 0):
                accepted = ("grows_by, every and times together",)
                raise InputError("grows_by", "", "is only half of a growing leak", accepted=accepted)
            for n in range(event.times + 1):
                lost = event.lost + n * (event.grows_by or 0)
                if lost > ALL_PPM:
                    raise InputError("times", str(event.times), "grows beyond all of the flow", accepted=("fewer steps",))
                told = f"{decimal_text(lost, 10**4)} % of what passes {event.place} of the catheter runs into the tissue"
                yield PlannedFault(_later(at, event.every or Duration(0), n), CatheterLeak(event.place, lost), told)
        case DisconnectionEvent():
            told = f"the catheter comes apart at {event.place}: all of it runs into the tissue"
            yield PlannedFault(at, Disconnection(event.place), told)
        case MigrationEvent():
            level = None if event.tip_level == OUTSIDE else event.tip_level
            if level is not None and level not in TIP_LEVELS:
                levels = ("C1 to C7", "T1 to T12", "L1 to L5", OUTSIDE)
                nearest = nearest_name(level, [OUTSIDE, *TIP_LEVELS])
                raise InputError("tip_level", level, "is not a vertebral level", accepted=levels, nearest=nearest)
            where = f"to {level}" if level else "out of the spinal canal: all of it runs into the tissue"
            yield PlannedFault(at, Migration(level), f"the tip moves {where}")


def _slips(event: OverfillEvent | WrongStrengthEvent | WrongDrugEvent | PocketFillEvent) -> Iterator[PlannedFault]:
    """What goes wrong with the next refill; known only afterwards, if ever."""
    at = event.at
    match event:
        case OverfillEvent():
            told = f"at the next refill {event.extra} more is forced in than is written down"
            yield PlannedFault(at, Slip(extra=event.extra, gain=event.gain), told)
        case WrongStrengthEvent():
            told = f"at the next refill the syringe holds {event.concentration}"
            yield PlannedFault(at, Slip(concentration=event.concentration), told)
        case WrongDrugEvent():
            yield PlannedFault(at, Slip(content="other drug"), "at the next refill the syringe holds another drug")
        case PocketFillEvent():
            told = f"at the next refill {event.volume} goes into the tissue around the pump"
            yield PlannedFault(at, Slip(pocket=event.volume), told)
