"""Time passes: the pump jumps from change to change and never ticks.

Between changes the flow is a pattern, so what was delivered is one numerator and one floor division, and every crossing (low
reservoir, empty, end of a bolus) is the first whole second at or after it, solved for.
"""

from dataclasses import dataclass

from thecal.pump.alarms import ALARMS, Alarm
from thecal.pump.handle import alarm_event, without_bolus
from thecal.pump.messages import Event
from thecal.pump.state import Mechanics, Memory, PumpState
from thecal.timeline import NO_FLOW, Block, Instant, Interval

RAN_DRY = "reservoir ran dry"


@dataclass(frozen=True, slots=True)
class Passage:
    """The pump after some time, what left it (Blocks at the pump's outlet, in order, without gaps) and what happened."""

    state: PumpState
    blocks: tuple[Block, ...]
    events: tuple[Event, ...]


def advance(state: PumpState, until: Instant) -> Passage:
    """Run the pump until an instant. ``advance(a to c)`` equals ``advance(a to b)`` then ``advance(b to c)``, for every b."""
    if until < state.now:
        raise ValueError(f"the pump is at {state.now.utc_text()} and cannot go back to {until.utc_text()}")
    blocks: list[Block] = []
    events: list[Event] = []
    while state.now < until:
        state, block = _leg(state, until, events)
        blocks.append(block)
    return Passage(state, tuple(blocks), tuple(events))


def _leg(state: PumpState, until: Instant, events: list[Event]) -> tuple[PumpState, Block]:
    """One constant regime: until the end asked for, the end of a bolus or the last drop, whichever is first."""
    bolus = state.memory.bolus
    end = min(until, bolus.end) if bolus else until
    phase = state.memory.phase(state.now)
    mechanics, block, emptied = _deliver(state, phase, end)
    end = block.interval.end
    memory = _count_down(state.memory, state.now, phase, end, events)
    state = PumpState(state.sheet, end, memory, mechanics)
    if emptied:
        events.append(Event(end, RAN_DRY, "unsensed", "nothing flows from now on, and the pump does not sense it"))
    if bolus and end == bolus.end:
        events.append(Event(end, "bolus ended", "information", f"{bolus.bolus.volume} programmed"))
        state = without_bolus(state)
    return state, block


def _deliver(state: PumpState, phase: int, end: Instant) -> tuple[Mechanics, Block, bool]:
    """What is so: the true flow, until the reservoir is dry."""
    mechanics, usable_nl, drive = state.mechanics, state.usable_nl, state.mechanics.drive
    if usable_nl <= 0:
        return mechanics, Block(Interval(state.now, end), NO_FLOW, 0, 0, ()), False
    numerator = mechanics.carry + drive.numerator(phase, end.s - state.now.s)
    flowed_nl, carry = divmod(numerator, drive.per)
    emptied = flowed_nl >= usable_nl
    if emptied:
        seconds = drive.seconds_to(phase, usable_nl * drive.per - mechanics.carry)
        assert seconds is not None  # the flow did reach it
        end, flowed_nl, carry = Instant(state.now.s + seconds), usable_nl, 0
    fluid, rest = mechanics.reservoir.take(flowed_nl)
    block = Block(Interval(state.now, end), drive, phase, mechanics.carry, (fluid,) if flowed_nl else ())
    return Mechanics(rest, mechanics.gain_ppm, drive, carry), block, emptied


def _count_down(memory: Memory, now: Instant, phase: int, end: Instant, events: list[Event]) -> Memory:
    """What the pump believes: the calculated volume counts down by the programmed flow, never by a measurement."""
    pattern, before_nl = memory.pattern, memory.calculated_nl
    if before_nl is None or not pattern.total:
        return memory
    counted_nl, carry = divmod(memory.carry + pattern.numerator(phase, end.s - now.s), pattern.per)
    after_nl = max(before_nl - counted_nl, 0)
    alarms = memory.alarms
    for kind in ALARMS:
        threshold_nl = kind.threshold_nl(memory.low_reservoir_nl)
        if after_nl <= threshold_nl < before_nl:
            seconds = pattern.seconds_to(phase, (before_nl - threshold_nl) * pattern.per - memory.carry)
            assert seconds is not None  # the count did reach it
            alarm = Alarm(kind, Instant(now.s + seconds))
            alarms = (*alarms, alarm)
            events.append(alarm_event(alarm))
    return Memory(
        clock_offset_s=memory.clock_offset_s,
        program=memory.program,
        basal=memory.basal,
        bolus=memory.bolus,
        concentration=memory.concentration,
        calculated_nl=after_nl,
        carry=carry,
        low_reservoir_nl=memory.low_reservoir_nl,
        alarms=alarms,
    )
