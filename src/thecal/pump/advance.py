"""Time passes: the pump jumps from change to change and never ticks.

Between changes the flow is a pattern, so what was delivered is one numerator and one floor division, and every crossing (low
reservoir, empty, end of a bolus, the battery's indicator) is the first whole second at or after it, solved for.
"""

from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, replace

from thecal.fluid import Parcel
from thecal.pump.alarms import ALARMS, EMPTY_RESERVOIR, LOW_RESERVOIR, RESERVOIR_ALARMS, Alarm, AlarmKind
from thecal.pump.messages import Event
from thecal.pump.program import EndOfService, PeriodicBolus, Stopped
from thecal.pump.settle import ended, settle, with_log, without_bolus
from thecal.pump.state import Count, Hold, Leak, Mechanics, Memory, PumpState, Stalled
from thecal.timeline import NO_FLOW, Block, Instant, Interval

RAN_DRY = "reservoir ran dry"
STOPPED_AFTER_BOLUS = "stopped after a bolus"
UPDATE_CLEARED = "update cleared"
_LEFT_STOPPED = "what was staged is dropped, and the pump stays stopped until an update is written"


@dataclass(frozen=True, slots=True)
class Passage:
    """The pump after some time, what left it (Blocks at the pump's outlet, in order, without gaps) and what happened.

    ``leaked`` is what ran out of the reservoir another way.
    """

    state: PumpState
    blocks: tuple[Block, ...]
    events: tuple[Event, ...]
    leaked: tuple[Parcel, ...] = ()


def advance(state: PumpState, until: Instant, pause: Container[str] = ()) -> Passage:
    """Run the pump until an instant, or until an event of a kind to ``pause`` at.

    ``advance(a to c)`` equals ``advance(a to b)`` then ``advance(b to c)``, for every b.
    """
    if until < state.now:
        raise ValueError(f"the pump is at {state.now.utc_text()} and cannot go back to {until.utc_text()}")
    blocks: list[Block] = []
    events: list[Event] = []
    leaked: list[Parcel] = []
    while state.now < until:
        told, lost = len(events), len(leaked)
        after, block = _leg(state, until, events, leaked)
        paused = min((event.at for event in events[told:] if event.kind in pause), default=None)
        if paused is not None and paused < after.now:  # a volume that was crossed on the way: no further than that
            del events[told:], leaked[lost:]
            after, block = _leg(state, paused, events, leaked)
        state = after
        blocks.append(block)
        if paused is not None:
            break
    return Passage(state, tuple(blocks), tuple(events), tuple(leaked))


def _leg(state: PumpState, until: Instant, events: list[Event], leaked: list[Parcel]) -> tuple[PumpState, Block]:
    """One constant regime: until the end asked for, the next thing that is due or the last drop, whichever is first."""
    phase = state.memory.phase(state.now)
    due = min(_due(state), default=None)
    end = min(until, due) if due else until
    end = _until_indicator(state, phase, _until_withheld(state, phase, end))
    told: list[Event] = []
    mechanics, block, emptied = _deliver(state, phase, end, told, leaked)
    end = block.interval.end
    count = _count_down(state, phase, end, told)
    if emptied:
        senses = "its sensor sounds the alarm" if state.sheet.fill_sensor else "the pump does not sense it"
        told.append(Event(end, RAN_DRY, "unsensed", f"nothing flows from now on, and {senses}"))
    if state.memory.bolus and state.memory.bolus.bolus and isinstance(state.memory.program, PeriodicBolus):
        told.extend(_skipped(state.memory, state.now, end))
    memory = _with_count(state, count, told, events)
    battery_spent = mechanics.battery.eri is None and not _charged(state, count, end)
    if (due and end >= due) or battery_spent or _to_withhold(memory):
        return _arrive(state, memory, mechanics, end, events), block
    return PumpState(state.sheet, end, memory, mechanics), block


def _with_count(state: PumpState, count: Count, told: list[Event], events: list[Event]) -> Memory:
    """The memory after a leg: the counters, and what was told on the way in alarms and log."""
    memory = state.memory
    signals = memory.signals
    if told:
        told.sort(key=lambda event: event.at)
        events.extend(told)
        onsets = {event.kind: event.at for event in told}
        began = [Alarm(kind, onsets[f"{kind.name} alarm"]) for kind in RESERVOIR_ALARMS if f"{kind.name} alarm" in onsets]
        alarms = sorted((*signals.alarms, *began), key=lambda alarm: ALARMS.index(alarm.kind))  # as the table has them
        signals = replace(with_log(signals, told, state.sheet), alarms=tuple(alarms))
    return Memory(memory.settings, memory.basal, memory.bolus, memory.hold, count, memory.given, signals, memory.link)


def _due(state: PumpState) -> Iterator[Instant]:
    """What is due later than now: a bolus's end, what a stall or a valve does next, the battery's dates, a long stop."""
    memory, mechanics, sheet = state.memory, state.mechanics, state.sheet
    if memory.bolus:
        yield memory.bolus.end
    if mechanics.stall:
        yield from _stall_due(mechanics.stall, state)
    if mechanics.valve and mechanics.valve.until:
        yield mechanics.valve.until
    if memory.hold and memory.hold.clears:
        yield memory.hold.clears
    since = memory.signals.stopped_since
    if since and not any(alarm.kind.name == "pump stopped" for alarm in memory.alarms):
        yield since + sheet.stopped_alarm_after
    if sheet.programmable and not isinstance(memory.program, EndOfService):
        ends = mechanics.battery.end_of_service(sheet) or mechanics.battery.eri_at_latest(sheet)
        if ends is not None:
            yield ends


def _stall_due(stall: Stalled, state: PumpState) -> Iterator[Instant]:
    if stall.over:
        assert stall.until is not None  # it is over
        yield stall.until + state.sheet.stall_recovery_delay
        return
    if not stall.noticed and stall.watched_from is not None:
        yield stall.watched_from + state.sheet.stall_detection_delay
    if stall.until is not None:
        yield stall.until


def _arrive(state: PumpState, memory: Memory, mechanics: Mechanics, now: Instant, events: list[Event]) -> PumpState:
    """Everything that is due at an instant, done."""
    said: list[Event] = []
    bolus = memory.bolus
    if bolus and now == bolus.end:
        said.extend(ended(bolus))
        memory = without_bolus(memory, bolus, state.sheet, now, finished=True)
        if isinstance(memory.program, Stopped) and not isinstance(state.memory.program, Stopped):
            said.append(Event(now, STOPPED_AFTER_BOLUS, "information", "its data sheet, as it is read here, says so"))
    if memory.hold and memory.hold.clears and now >= memory.hold.clears:
        memory = replace(memory, hold=_cleared(memory.hold))
        said.append(Event(now, UPDATE_CLEARED, "information", _LEFT_STOPPED if memory.hold else "the program goes on as before"))
    if mechanics.stall:
        mechanics = replace(mechanics, stall=_stall_after(mechanics.stall, state, now, said))
    valve = mechanics.valve
    if valve and valve.until and now >= valve.until:
        mechanics = replace(mechanics, valve=replace(valve, until=None) if valve.then_shut else None)
    change = settle(state, memory, mechanics, now, said)
    events.extend(change.events)
    return change.state


def _cleared(hold: Hold) -> Hold | None:
    """An update in which nothing came any more: what is staged is dropped. A pump that stops for an update stays stopped."""
    return Hold(hold.mode, hold.stops) if hold.stops else None


def _stall_after(stall: Stalled, state: PumpState, now: Instant, said: list[Event]) -> Stalled | None:
    """A stall a step further: noticed after a while, over, and its end noticed after a while."""
    sheet = state.sheet
    if stall.over and stall.until and now >= stall.until + sheet.stall_recovery_delay:
        return None
    watched = stall.watched_from
    if not stall.over and not stall.noticed and watched is not None and now >= watched + sheet.stall_detection_delay:
        stall = replace(stall, noticed=True)
    if not stall.over and stall.until and now >= stall.until:
        said.append(Event(now, "rotor turns", "unsensed", "it flows again"))
        return replace(stall, over=True) if stall.noticed else None
    return stall


def _charged(state: PumpState, count: Count, now: Instant) -> bool:
    return not state.sheet.programmable or state.mechanics.battery.charged(state.sheet, now, count.pumped_nl)


def _until_indicator(state: PumpState, phase: int, end: Instant) -> Instant:
    """Until an instant, or until the first second at which the battery reaches its indicator, if that is before it."""
    if state.mechanics.battery.eri or not state.sheet.programmable:
        return end
    count, pattern = state.memory.count, state.memory.pattern

    def spent(seconds: int) -> bool:
        pumped_nl = count.pumped_nl + (count.carry + pattern.numerator(phase, seconds)) // pattern.per
        return not state.mechanics.battery.charged(state.sheet, Instant(state.now.s + seconds), pumped_nl)

    seconds = end.s - state.now.s
    return Instant(state.now.s + first_second(spent, seconds)) if spent(seconds) else end


def first_second(reached: Callable[[int], bool], by: int) -> int:
    """The first second at which something that stays reached is reached; it is by ``by``."""
    low, high = 0, by
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def _until_withheld(state: PumpState, phase: int, end: Instant) -> Instant:
    """Until an instant, or until the count reaches zero under periodic boluses, which are withheld from then on."""
    memory = state.memory
    count, pattern = memory.count, memory.pattern
    if not isinstance(memory.program, PeriodicBolus) or not count.calculated_nl or state.sheet.fill_sensor:
        return end
    seconds = pattern.seconds_to(phase, count.calculated_nl * pattern.per - count.carry)
    return end if seconds is None else min(end, Instant(state.now.s + seconds))


def _to_withhold(memory: Memory) -> bool:
    """Whether periodic boluses run that a critical alarm forbids."""
    return isinstance(memory.program, PeriodicBolus) and len(memory.basal.rates) > 1 and memory.critical is not None


def _deliver(
    state: PumpState, phase: int, end: Instant, told: list[Event], leaked: list[Parcel]
) -> tuple[Mechanics, Block, bool]:
    """What is so: the true flow, until the reservoir is dry. What leaks is taken from the other end of the same mixture."""
    mechanics, usable_nl, drive = state.mechanics, state.usable_nl, state.mechanics.drive
    if usable_nl <= 0:
        return mechanics, Block(Interval(state.now, end), NO_FLOW, 0, 0, ()), False
    leak, off_nl = mechanics.leak, mechanics.sensor_off_nl
    seconds = end.s - state.now.s
    flowed_nl, carry = divmod(mechanics.carry + drive.numerator(phase, seconds), drive.per)
    lost_nl, leak_carry = divmod(leak.carry + leak.pattern.numerator(0, seconds), leak.pattern.per) if leak else (0, 0)
    emptied = flowed_nl + lost_nl >= usable_nl

    def left_nl(second: int) -> int:
        out_nl = (mechanics.carry + drive.numerator(phase, second)) // drive.per
        return usable_nl - out_nl - ((leak.carry + leak.pattern.numerator(0, second)) // leak.pattern.per if leak else 0)

    if emptied:
        seconds = first_second(lambda second: left_nl(second) <= 0, seconds)
        # What had leaked before the last second is gone; in that second the flow goes first.
        leaked_nl = (leak.carry + leak.pattern.numerator(0, seconds - 1)) // leak.pattern.per if leak else 0
        flowed_nl = min((mechanics.carry + drive.numerator(phase, seconds)) // drive.per, usable_nl - leaked_nl)
        lost_nl, carry, leak_carry = usable_nl - flowed_nl, 0, 0
    if state.sheet.fill_sensor and state.memory.count.calculated_nl is not None:
        told.extend(
            _crossings(
                state,
                usable_nl + off_nl,
                max(usable_nl + off_nl - flowed_nl - lost_nl, 0),
                lambda nl: first_second(lambda second: left_nl(second) + off_nl <= nl, seconds),
            )
        )
    fluid, rest = mechanics.reservoir.take(flowed_nl)
    if lost_nl:
        rest, lost = rest.take_last(lost_nl)
        leaked.append(lost)
    block = Block(
        Interval(state.now, Instant(state.now.s + seconds)), drive, phase, mechanics.carry, (fluid,) if flowed_nl else ()
    )
    if leak:
        leak = Leak(leak.pattern, leak_carry)
    after = mechanics.with_fluid(rest, carry, leak)
    return after, block, emptied


def _count_down(state: PumpState, phase: int, end: Instant, told: list[Event]) -> Count:
    """What the pump believes: the calculated volume counts down by the programmed flow, never by a measurement."""
    count, pattern = state.memory.count, state.memory.pattern
    if not pattern.total:
        return count
    counted_nl, carry = divmod(count.carry + pattern.numerator(phase, end.s - state.now.s), pattern.per)
    before_nl, after_nl = count.calculated_nl, None
    if before_nl is not None:
        after_nl = max(before_nl - counted_nl, 0)
        if not state.sheet.fill_sensor:
            told.extend(
                _crossings(
                    state, before_nl, after_nl, lambda nl: pattern.seconds_to(phase, (before_nl - nl) * pattern.per - count.carry)
                )
            )
    return Count(after_nl, carry, count.pumped_nl + counted_nl)


def _crossings(state: PumpState, before_nl: int, after_nl: int, seconds_to: Callable[[int], int | None]) -> Iterator[Event]:
    """The reservoir alarms whose threshold was crossed, each at its first second."""
    settings = state.memory.settings
    thresholds: tuple[tuple[AlarmKind, int], ...] = ((LOW_RESERVOIR, settings.low_reservoir_nl), (EMPTY_RESERVOIR, 0))
    for kind, threshold_nl in thresholds:
        if after_nl <= threshold_nl < before_nl:
            seconds = seconds_to(threshold_nl)
            assert seconds is not None  # the volume did reach it
            yield Alarm(kind, Instant(state.now.s + seconds)).began(state.sheet)


def _skipped(memory: Memory, now: Instant, end: Instant) -> Iterator[Event]:
    """The periodic boluses that were due while another bolus ran."""
    basal, at = memory.basal, now
    for span_s, _ in basal.window(memory.settings.clock.phase(now, basal), end.s - now.s):
        if memory.begins_periodic_bolus(at):
            yield Event(at, "periodic bolus skipped", "information", "another bolus was running")
        at = Instant(at.s + span_s)
