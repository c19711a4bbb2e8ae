"""Telemetry: a command in, an answer out. A refused command changes nothing."""

from dataclasses import dataclass, replace

from thecal.errors import Refusal
from thecal.pump.alarms import ALARMS, Alarm
from thecal.pump.messages import CancelBolus, Command, Event, Interrogate, Report, StartBolus, Update
from thecal.pump.modes import check_mode
from thecal.pump.program import (
    MinimumRate,
    SingleBolus,
    Stopped,
    check_bolus_flow,
    check_flow,
    check_program,
    program_pattern,
)
from thecal.pump.sheet import PumpSheet
from thecal.pump.state import Memory, PumpState, RunningBolus, true_flow
from thecal.quantity import FlowRate, Volume
from thecal.timeline import DAY_S, Instant, Pattern


@dataclass(frozen=True, slots=True)
class Answer:
    """A command taken: the pump afterwards, what it reports, and the events it caused."""

    state: PumpState
    report: Report
    events: tuple[Event, ...] = ()


def handle(state: PumpState, command: Command) -> Answer | Refusal:
    """Carry out a command, or refuse it and change nothing."""
    stop = isinstance(command, Update) and isinstance(command.program, Stopped)
    if not stop:
        refusal = check_mode(state.memory.mode, command.name, state.sheet)
        if refusal:
            return refusal
    match command:
        case Interrogate():
            return Answer(state, report(state))
        case Update():
            return _update(state, command)
        case StartBolus(bolus):
            return _start_bolus(state, bolus)
        case CancelBolus():
            return _answer(state, without_bolus(state))


def report(state: PumpState) -> Report:
    """What the pump says of itself when it is interrogated."""
    memory = state.memory
    return Report(
        at=state.now,
        mode=memory.mode,
        program=memory.program,
        concentration=memory.concentration,
        calculated=None if memory.calculated_nl is None else Volume(memory.calculated_nl),
        bolus_left=Volume(_bolus_left_nl(memory.bolus, state.now)),
        low_reservoir=Volume(memory.low_reservoir_nl),
        alarms=tuple(alarm.kind.name for alarm in memory.alarms),
    )


def _bolus_left_nl(running: RunningBolus | None, now: Instant) -> int:
    if running is None:
        return 0
    volume_nl: int = running.bolus.volume.nl
    return volume_nl - volume_nl * (now.s - running.start.s) // running.bolus.duration.s


def _update(state: PumpState, update: Update) -> Answer | Refusal:
    refusal = _check_update(state, update)
    if refusal:
        return refusal
    before = state
    if state.memory.bolus and update.program is not None:
        state = without_bolus(state)
    memory = state.memory
    program = memory.program if update.program is None else update.program
    memory = replace(
        memory,
        program=program,
        basal=memory.basal if update.program is None else program_pattern(program, state.sheet),
        concentration=update.concentration or memory.concentration,
        calculated_nl=memory.calculated_nl if update.reservoir is None else update.reservoir.nl,
        low_reservoir_nl=memory.low_reservoir_nl if update.low_reservoir is None else update.low_reservoir.nl,
    )
    return _answer(before, _with_memory(state, memory))


def _check_update(state: PumpState, update: Update) -> Refusal | None:
    sheet, memory = state.sheet, state.memory
    capacity = sheet.reservoir_capacity
    volumes = (
        (update.reservoir, "PMP-09", "volume", "Enter the volume that was injected, not the vial or another pump's size."),
        (update.low_reservoir, "PMP-10", "low reservoir threshold", "Set the threshold below what the reservoir holds."),
    )
    for asked, rule, what, advice in volumes:
        if asked is not None and asked > capacity:
            limit = f"the reservoir holds {capacity}"
            return Refusal(rule, f"a {what} of {asked}", limit, sheet.source("reservoir_capacity"), advice)
    concentration = update.concentration or memory.concentration
    program = memory.program if update.program is None else update.program
    dosing = not isinstance(program, Stopped | MinimumRate)
    if dosing and concentration is None:
        return Refusal(
            "PMP-11",
            f"{program.mode} without a concentration",
            "a pump that gives a dose knows its concentration",
            "thecal: a flow is a dose only with a concentration",
            "Enter the concentration from the vial together with the program.",
        )
    changed = memory.concentration is not None and concentration != memory.concentration
    if changed and update.program is None and dosing:
        return Refusal(
            "PMP-12",
            f"concentration {concentration} instead of {memory.concentration} while the program stays",
            "a new concentration comes with its program in one update",
            "ITB refill practice: the dose would change with the concentration",
            "Order the program for the new concentration in the same update.",
        )
    return check_program(program, sheet) if update.program is not None else None


def _start_bolus(state: PumpState, bolus: SingleBolus) -> Answer | Refusal:
    refusal = _check_bolus(state, bolus)
    if refusal:
        return refusal
    memory = state.memory
    duration_s = bolus.duration.s
    pattern = _bolus_pattern(memory, state.now, bolus, state.sheet)
    running = RunningBolus(bolus, state.now, Instant(state.now.s + duration_s), pattern)
    mechanics = replace(state.mechanics, carry=state.mechanics.carry * duration_s)
    state = replace(state, mechanics=mechanics)
    return _answer(state, _with_memory(state, replace(memory, bolus=running, carry=memory.carry * duration_s)))


def _bolus_pattern(memory: Memory, now: Instant, bolus: SingleBolus, sheet: PumpSheet) -> Pattern:
    """Bolus and basal on one denominator, so that both end exact."""
    duration_s = bolus.duration.s
    basal = 1 if sheet.basal_during_bolus == "continues" else 0
    spans = memory.basal.window(memory.phase(now), duration_s)
    steps = [(span, basal * rate * duration_s + bolus.volume.nl * DAY_S) for span, rate in spans]
    return Pattern.of(steps, DAY_S * duration_s)


def _check_bolus(state: PumpState, bolus: SingleBolus) -> Refusal | None:
    sheet, memory = state.sheet, state.memory
    refusal = check_bolus_flow(bolus, sheet)
    if refusal:
        return refusal
    critical = [alarm.kind.name for alarm in memory.alarms if alarm.kind.severity == "critical"]
    if critical:
        return Refusal(
            "PMP-14",
            f"a bolus while the {critical[0]} alarm sounds",
            "no bolus under a critical alarm",
            "Generic Infusion Pump safety requirements 1.4.11 (UPenn MS-CIS-08-31)",
            "Resolve the alarm first.",
        )
    pattern = _bolus_pattern(memory, state.now, bolus, sheet)
    peak = FlowRate(-(-max(pattern.rates) * DAY_S // pattern.per))  # rounded up: no part of a nanolitre a day too fast
    refusal = check_flow(peak, sheet)
    if refusal:
        return replace(refusal, advice="Check the dose and its unit; give the bolus over another time.")
    calculated_nl = memory.calculated_nl
    if calculated_nl is not None and bolus.volume.nl > calculated_nl:
        return Refusal(
            "PMP-15",
            f"a bolus of {bolus.volume}",
            f"the pump calculates {Volume(calculated_nl)} left",
            "thecal: conservation of volume",
            "Refill before the bolus.",
        )
    return None


def without_bolus(state: PumpState) -> PumpState:
    """The pump back in its program.

    A bolus that ran to its end under one gain leaves an exact remainder; otherwise the remainder is floored to 1/86,400 nL.
    """
    memory, mechanics = state.memory, state.mechanics
    assert memory.bolus is not None
    duration_s: int = memory.bolus.bolus.duration.s
    memory = replace(memory, bolus=None, carry=memory.carry // duration_s)
    state = replace(state, mechanics=replace(mechanics, carry=mechanics.carry // duration_s))
    return _with_memory(state, memory)


def _with_memory(state: PumpState, memory: Memory) -> PumpState:
    """The pump with a new memory: the drive follows the program, the alarms follow their conditions."""
    onset = {alarm.kind.name: alarm for alarm in memory.alarms}
    calculated_nl, low_nl = memory.calculated_nl, memory.low_reservoir_nl
    alarms = tuple(
        onset.get(kind.name) or Alarm(kind, state.now)
        for kind in ALARMS
        if calculated_nl is not None and calculated_nl <= kind.threshold_nl(low_nl)
    )
    if alarms != memory.alarms:
        memory = replace(memory, alarms=alarms)
    mechanics = replace(state.mechanics, drive=true_flow(memory.pattern, state.mechanics.gain_ppm))
    return PumpState(state.sheet, state.now, memory, mechanics)


def _answer(before: PumpState, after: PumpState) -> Answer:
    already = {alarm.kind.name for alarm in before.memory.alarms}
    now = {alarm.kind.name for alarm in after.memory.alarms}
    began = [alarm_event(alarm) for alarm in after.memory.alarms if alarm.kind.name not in already]
    ended = [
        Event(after.now, f"{alarm.kind.name} alarm ended", "information", "the calculated volume is above the threshold again")
        for alarm in before.memory.alarms
        if alarm.kind.name not in now
    ]
    return Answer(after, report(after), (*_cut_short(before, after), *began, *ended))


def _cut_short(before: PumpState, after: PumpState) -> list[Event]:
    running = before.memory.bolus
    if running is None or after.memory.bolus:
        return []
    volume = running.bolus.volume
    given = volume - Volume(_bolus_left_nl(running, before.now))
    return [Event(after.now, "bolus cut short", "information", f"{given} of {volume} programmed")]


def alarm_event(alarm: Alarm) -> Event:
    """The onset of an alarm as an event."""
    return Event(alarm.onset, f"{alarm.kind.name} alarm", alarm.kind.severity, alarm.kind.text)
