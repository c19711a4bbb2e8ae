"""What follows from a change: alarms by their conditions, the end of a bolus under an error, the flow, and the event log.

Every builder of a new state ends here, so that no way of changing a pump forgets one of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from thecal.pump.alarms import ALARMS, Alarm
from thecal.pump.messages import Event
from thecal.pump.program import BridgeBolus, EndOfService, PeriodicBolus, Stopped, program_pattern
from thecal.pump.sheet import PumpSheet
from thecal.pump.state import Mechanics, Memory, PumpState, RunningBolus, Signals, true_flow
from thecal.quantity import Volume
from thecal.timeline import NO_FLOW, Instant, Pattern


@dataclass(frozen=True, slots=True)
class Change:
    """A pump after a change, and the events that the change caused."""

    state: PumpState
    events: tuple[Event, ...] = ()


def settle(before: PumpState, memory: Memory, mechanics: Mechanics, now: Instant, events: Iterable[Event] = ()) -> Change:
    """The pump with a new memory and new mechanics, and everything that follows from them.

    ``events`` are those that the caller has to tell.
    """
    sheet, said = before.sheet, list(events)
    if sheet.programmable:
        memory, mechanics = _aged(memory, mechanics, sheet, now)
    if memory.bolus and _stops(memory):
        said.extend(cut_short(memory.bolus, now))
        memory = without_bolus(memory, memory.bolus, sheet, now, finished=False)
    memory = _with_stop(_with_basal(before, memory, now), now)
    said.extend(_cut_periodic(before, memory, now))
    mechanics = _watched(mechanics, memory, now)
    was = memory.alarms
    alarms = _alarms(PumpState(sheet, now, memory, mechanics))
    if alarms is not was:
        already, sounding = {alarm.kind.name for alarm in was}, {alarm.kind.name for alarm in alarms}
        began = [alarm for alarm in alarms if alarm.kind.name not in already]
        if memory.bolus and any(alarm.kind.error for alarm in began):
            said.extend(cut_short(memory.bolus, now))
            memory = without_bolus(memory, memory.bolus, sheet, now, finished=False)
        said.extend(alarm.began(sheet) for alarm in began)
        said.extend(alarm.ended(now, sheet) for alarm in was if alarm.kind.name not in sounding)
        memory = _signalling(memory, replace(memory.signals, alarms=alarms))
        memory = _with_stop(_with_basal(before, memory, now), now)
    if said:
        memory = _signalling(memory, with_log(memory.signals, said, sheet))
    return Change(driven(before, memory, mechanics, now), tuple(said))


def _watched(mechanics: Mechanics, memory: Memory, now: Instant) -> Mechanics:
    """A stall counts towards its notice only while the pump wants the rotor to turn."""
    stall = mechanics.stall
    if stall is None or stall.over or (stall.watched_from is not None) == (memory.pattern.total > 0):
        return mechanics
    return replace(mechanics, stall=replace(stall, watched_from=now if memory.pattern.total else None))


def _cut_periodic(before: PumpState, memory: Memory, now: Instant) -> Iterable[Event]:
    """What is told of a periodic bolus that was being given and is given no more."""
    was = before.memory
    if was.bolus or _stops(was) or not was.in_periodic_bolus(now) or was.begins_periodic_bolus(now):
        return
    if memory.bolus or _stops(memory) or not memory.in_periodic_bolus(now):
        yield Event(now, "periodic bolus cut short", "information", "the rest of it is skipped")


def _signalling(memory: Memory, signals: Signals) -> Memory:
    """The memory with other signals."""
    if signals is memory.signals:
        return memory
    return Memory(memory.settings, memory.basal, memory.bolus, memory.hold, memory.count, memory.given, signals, memory.link)


def _aged(memory: Memory, mechanics: Mechanics, sheet: PumpSheet, now: Instant) -> tuple[Memory, Mechanics]:
    """The battery's indicator where it is due, and the end of service where that is due."""
    battery = mechanics.battery
    if battery.eri is None:
        latest = battery.eri_at_latest(sheet)
        if battery.charged(sheet, now, memory.count.pumped_nl) and (latest is None or now < latest):
            return memory, mechanics
        battery = replace(battery, eri=now)
        mechanics = replace(mechanics, battery=battery)
    ends = battery.end_of_service(sheet)
    if ends is not None and ends <= now and not isinstance(memory.program, EndOfService):
        memory = replace(memory, settings=replace(memory.settings, program=EndOfService()), hold=None)
    return memory, mechanics


def _alarms(state: PumpState) -> tuple[Alarm, ...]:
    """The alarms whose conditions hold; the same ones as before where nothing changed."""
    was = state.memory.alarms
    if not state.sheet.programmable:
        return was
    holding = [kind for kind in ALARMS if kind.condition(state)]
    if [alarm.kind for alarm in was] == holding:
        return was
    onset = {alarm.kind.name: alarm for alarm in was}
    return tuple(onset.get(kind.name) or Alarm(kind, state.now) for kind in holding)


def _with_stop(memory: Memory, now: Instant) -> Memory:
    """Since when the pump infuses nothing by its own doing; a pump that has never turned is not stopped but new."""
    signals = memory.signals
    stopped = not memory.pattern.total and memory.count.pumped_nl > 0 and not isinstance(memory.program, EndOfService)
    since = (signals.stopped_since or now) if stopped else None
    return memory if since == signals.stopped_since else _signalling(memory, replace(signals, stopped_since=since))


def with_log(signals: Signals, events: Sequence[Event], sheet: PumpSheet) -> Signals:
    """The signals with what the pump noticed written into its event log; the oldest entries make room."""
    noticed = tuple(event for event in events if event.severity != "unsensed")
    if not noticed:
        return signals
    log = (*signals.log, *noticed)[-sheet.event_log_max :] if sheet.event_log_max else ()
    return replace(signals, log=log, logged=signals.logged + len(noticed))


def _with_basal(before: PumpState, memory: Memory, now: Instant) -> Memory:
    """The flow of the program; its periodic boluses are withheld under a critical alarm, and never begun halfway."""
    sheet, settings, was = before.sheet, memory.settings, before.memory
    if settings is was.settings and memory.hold is was.hold and memory.alarms is was.alarms:
        return memory
    basal = settings.clock.drifted(program_pattern(settings.program, sheet, boluses=memory.critical is None))
    same = was.basal == basal and was.settings.clock == settings.clock and _stops(was) == _stops(memory)
    on_its_way = same and was.bolus is None
    if basal != memory.basal:
        memory = replace(memory, basal=basal)
    return memory if on_its_way or memory.bolus or _stops(memory) else skip_rest(memory, now)


def _stops(memory: Memory) -> bool:
    """Whether something holds the pump that stops it."""
    return memory.hold is not None and memory.hold.stops


def skip_rest(memory: Memory, now: Instant, *, begun: bool = False) -> Memory:
    """The memory with the rest of a periodic bolus that is scheduled now skipped; one that ``begun`` just now as well."""
    program, basal = memory.program, memory.basal
    if not isinstance(program, PeriodicBolus) or not memory.in_periodic_bolus(now):
        return memory
    if memory.begins_periodic_bolus(now) and not begun:
        return memory
    phase = memory.settings.clock.phase(now, basal)
    rest_s = 0
    for span_s, rate in basal.window(phase, program.duration.s):
        if rate != basal.rate_at(phase):
            break
        rest_s += span_s
    skipped = RunningBolus(None, now, Instant(now.s + rest_s), Pattern.constant(program.flow.nl_per_day), NO_FLOW)
    return replace(memory, bolus=skipped)


def without_bolus(memory: Memory, running: RunningBolus, sheet: PumpSheet, now: Instant, *, finished: bool) -> Memory:
    """Back to the program, or to what the data sheet says follows such a bolus when it has ``finished``."""
    memory = replace(memory, bolus=None)
    if finished and after_bolus(running.mode, sheet) == "stopped":
        memory = replace(memory, settings=replace(memory.settings, program=Stopped()))
        return replace(memory, basal=NO_FLOW)
    return skip_rest(memory, now)


def after_bolus(bolus: str, sheet: PumpSheet) -> str:
    """The scheduled return: what the data sheet says follows a bolus of that name that has ended."""
    returns: dict[str, str] = {
        "single bolus": sheet.after_single_bolus,
        "patient bolus": sheet.after_patient_bolus,
        "priming bolus": sheet.after_priming_bolus,
        "bridge bolus": sheet.after_bridge_bolus,
    }
    return returns.get(bolus, "resumes")


def cut_short(running: RunningBolus, now: Instant) -> Iterable[Event]:
    """What is told of a bolus that does not run to its end."""
    if running.bolus is None:
        return
    given, volume = Volume(running.given_nl(now)), running.bolus.volume
    left = " The remainder lies in the line." if isinstance(running.bolus, BridgeBolus) else ""
    yield Event(now, f"{_told(running)} cut short", "information", f"{given} of {volume} programmed.{left}".rstrip("."))


def _told(running: RunningBolus) -> str:
    """A single bolus is told as a bolus."""
    return "bolus" if running.mode == "single bolus" else running.mode


def ended(running: RunningBolus) -> Iterable[Event]:
    """What is told of a bolus that ran to its end."""
    if running.bolus is not None:
        yield Event(running.end, f"{_told(running)} ended", "information", f"{running.bolus.volume} programmed")


def driven(before: PumpState, memory: Memory, mechanics: Mechanics, now: Instant) -> PumpState:
    """The pump with the true flow that memory and mechanics make, the remainders carried over to its denominators."""
    pattern, valve = memory.pattern, mechanics.valve
    drive = true_flow(pattern, mechanics.influences.gain_ppm)
    if valve is not None:
        open_nl_per_day = 0 if valve.is_shut else before.sheet.magnet_flow.nl_per_day
        drive = true_flow(Pattern.constant(open_nl_per_day), mechanics.influences.open_ppm)
    elif mechanics.stall and not mechanics.stall.over:
        drive = true_flow(pattern, 0)
    per, drive_per = before.memory.pattern.per, before.mechanics.drive.per
    if pattern.per != per:
        memory = replace(memory, count=replace(memory.count, carry=memory.count.carry * pattern.per // per))
    if drive != mechanics.drive:
        mechanics = replace(mechanics, drive=drive, carry=mechanics.carry * drive.per // drive_per)
    return PumpState(before.sheet, now, memory, mechanics)
