"""What happens to a pump that nobody ordered."""

from dataclasses import replace

from thecal.errors import Refusal
from thecal.pump.alarms import LOW_BATTERY_RESET
from thecal.pump.battery import charge
from thecal.pump.memory import corrupted, in_safe_state
from thecal.pump.messages import (
    BatteryFilm,
    ChangeGain,
    Event,
    Fault,
    Interference,
    LowBattery,
    Magnet,
    MemoryCorruption,
    Resistance,
    SensorError,
    SeptumLeak,
    Stall,
    Surroundings,
)
from thecal.pump.program import EndOfService
from thecal.pump.settle import Change, driven, settle
from thecal.pump.sheet import PumpSheet
from thecal.pump.state import Hold, Leak, Mechanics, MovedValve, PumpState, Stalled
from thecal.quantity import Gain
from thecal.timeline import DAY_S, Instant, Pattern

_ELECTRONIC = Interference | BatteryFilm | LowBattery | MemoryCorruption


def check_fault(fault: Fault, sheet: PumpSheet) -> Refusal | None:
    """Whether a pump of this data sheet can have a fault at all (PMP-41), and whether the fault can be so (PMP-42)."""
    if isinstance(fault, _ELECTRONIC) and not sheet.programmable:
        return _cannot(fault, sheet, "a constant-flow pump has no electronics", "flow")
    if isinstance(fault, Stall) and sheet.drive != "rotor":
        return _cannot(fault, sheet, f"only a rotor stalls; this pump's drive is {sheet.drive}", "drive")
    if isinstance(fault, SensorError) and not sheet.fill_sensor:
        return _cannot(fault, sheet, "this pump has no fill sensor", "fill_sensor" if sheet.programmable else "flow")
    if isinstance(fault, BatteryFilm) and (not 0 <= fault.lost_ppm <= Gain.EXACT or fault.eri_to_eos > sheet.eri_to_eos):
        return Refusal(
            "PMP-42",
            f"a battery film that leaves {fault.eri_to_eos} after the indicator",
            f"at most the {sheet.eri_to_eos} of a sound battery: a film shortens the time",
            sheet.source("eri_to_eos"),
            "Choose a shorter time.",
        )
    return None


def _cannot(fault: Fault, sheet: PumpSheet, why: str, datum: str) -> Refusal:
    advice = "Choose a fault that this pump can have, or another pump."
    return Refusal("PMP-41", f"{fault.name} in {sheet.name}", why, sheet.source(datum), advice)


def disturb(state: PumpState, fault: Fault) -> Change | Refusal:
    """The pump after a fault. Its memory notices only what it has a sense for. Refused where the profile cannot have it."""
    refusal = check_fault(fault, state.sheet)
    if refusal:
        return refusal
    memory, mechanics, now = state.memory, state.mechanics, state.now
    events: tuple[Event, ...] = ()
    match fault:
        case ChangeGain() | Surroundings() | Resistance():  # the flow alone changes, and the pump notices nothing
            return Change(driven(state, memory, _influenced(mechanics, fault), now))
        case Stall(until):
            mechanics, events = _stall(state, until)
        case Magnet():
            mechanics, events = _magnet(state, fault)
        case Interference():
            if (
                memory.alarms
                and state.sheet.emi_during_alarm == "telemetry mode"
                and not isinstance(memory.program, EndOfService)
            ):
                memory = replace(memory, hold=Hold("telemetry mode", stops=True))
                text = "interference while an alarm sounds: nothing is infused until the pump is interrogated"
                events = (Event(now, "telemetry mode", "unsensed", text),)
        case BatteryFilm(lost_ppm, eri_to_eos):
            lost = charge(state.sheet)[2] * lost_ppm // Gain.EXACT
            battery = mechanics.battery
            battery = replace(battery, lost=battery.lost + lost, eri_to_eos_s=min(battery.eri_to_eos_s, eri_to_eos.s))
            mechanics = replace(mechanics, battery=battery)
        case LowBattery() if not isinstance(memory.program, EndOfService):
            memory = in_safe_state(memory, LOW_BATTERY_RESET, state.sheet)
        case MemoryCorruption() if not isinstance(memory.program, EndOfService):
            memory, events = corrupted(memory, fault, state.sheet, now)
        case SensorError(off):
            mechanics = replace(mechanics, sensor_off_nl=off)
        case SeptumLeak(flow):
            mechanics = replace(mechanics, leak=Leak(Pattern.constant(flow.nl_per_day)))
            text = f"{flow} run out of the reservoir into the tissue around the pump"
            events = (Event(now, "septum leak", "unsensed", text),)
        case _:
            pass
    return settle(state, memory, mechanics, now, events)


def _influenced(mechanics: Mechanics, fault: ChangeGain | Surroundings | Resistance) -> Mechanics:
    influences = mechanics.influences
    match fault:
        case ChangeGain(gain):
            influences = replace(influences, own_ppm=gain.ppm)
        case Surroundings("temperature", gain):
            influences = replace(influences, temperature_ppm=gain.ppm)
        case Surroundings(_, gain):
            influences = replace(influences, pressure_ppm=gain.ppm)
        case Resistance(open_ppm):
            influences = replace(influences, open_ppm=open_ppm)
    return replace(mechanics, influences=influences)


def _stall(state: PumpState, until: Instant | None) -> tuple[Mechanics, tuple[Event, ...]]:
    """A rotor that stands already stands until the later of both ends."""
    mechanics, now = state.mechanics, state.now
    stall = mechanics.stall
    if stall and not stall.over:
        later = None if until is None or stall.until is None else max(until, stall.until)
        return replace(mechanics, stall=replace(stall, until=later)), ()
    if until is not None and until <= now:
        return mechanics, ()
    noticed = stall is not None and stall.noticed
    watched_from = now if state.memory.pattern.total else None
    event = Event(now, "rotor stands", "unsensed", "nothing flows; the pump has not noticed yet")
    return replace(mechanics, stall=Stalled(now, until, watched_from, noticed)), (event,)


def _magnet(state: PumpState, fault: Magnet) -> tuple[Mechanics, tuple[Event, ...]]:
    sheet, mechanics, now = state.sheet, state.mechanics, state.now
    match sheet.magnet:
        case "stalls":
            return _stall(state, fault.recovers and max(fault.recovers, fault.leaves))
        case "opens" if fault.leaves > now:
            text = "the magnetic field holds the valves open: the reservoir empties into the patient"
            already = mechanics.valve.until if mechanics.valve else None
            leaves = max(fault.leaves, already or fault.leaves)
            valve = MovedValve(leaves, then_shut=False, leaves=leaves)
        case "shuts" if fault.leaves > now and mechanics.valve is None:
            text = f"the magnetic field moves the valve: it shuts after at most {sheet.magnet_volume}, until it is reset by hand"
            seconds = sheet.magnet_volume.nl * DAY_S // sheet.magnet_flow.nl_per_day
            valve = MovedValve(Instant(now.s + seconds) if seconds else None, then_shut=True, leaves=fault.leaves)
        case _:
            return mechanics, ()
    return replace(mechanics, valve=valve), (Event(now, "valve moved", "unsensed", text),)
