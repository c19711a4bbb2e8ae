"""What happens that nobody ordered: the faults that the events of a case document mean."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

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
    SensorError,
    SeptumLeak,
    Stall,
    Surroundings,
)
from thecal.quantity import Gain
from thecal.timeline import Duration, Instant
from thecal.twin.mishaps import (
    OUTSIDE,
    AnyWorldEvent,
    BatteryFilmEvent,
    DisconnectionEvent,
    GainDriftEvent,
    GainEvent,
    InterferenceEvent,
    InternalShortEvent,
    KinkEvent,
    LeakEvent,
    MemoryErrorEvent,
    MigrationEvent,
    MriEvent,
    OverfillEvent,
    PocketFillEvent,
    PressureEvent,
    SensorErrorEvent,
    SeptumLeakEvent,
    StallEvent,
    TemperatureEvent,
    WrongDrugEvent,
    WrongStrengthEvent,
)
from thecal.twin.world import PlannedFault, Slip
from thecal.unit import decimal_text


@dataclass(frozen=True, slots=True)
class DriftStep:
    """A step of a drift: the gain then moves by so many parts per million. :func:`drifted` makes a gain of it."""

    at: Instant
    by_ppm: int


def drifted(planned: Iterable[PlannedFault | DriftStep], gain: Gain, anew: Sequence[Instant] = ()) -> tuple[PlannedFault, ...]:
    """The faults in order of time, each step of a drift as the gain that it leads to from the one before it.

    ``anew`` are the instants at which a pump comes out of its box, which runs as the world's ``gain`` says, or as it was said
    before there was a first pump. Raises InputError where a drift leaves no flow.
    """
    settled: list[PlannedFault] = []
    boxed, to_come = gain, sorted(anew)
    for fault in sorted(planned, key=lambda fault: fault.at):
        while to_come and to_come[0] < fault.at:  # a fault strikes before what people do in the same second
            boxed = gain if len(to_come) == len(anew) else boxed
            gain = boxed
            to_come.pop(0)
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
        case SensorErrorEvent():
            off_nl = event.by.nl if event.reads == "higher" else -event.by.nl
            yield PlannedFault(at, SensorError(off_nl), f"the fill sensor reads {event.by} {event.reads} than it is")
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
