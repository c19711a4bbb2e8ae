"""What needs no needle: one command to the pump, by the wand or by the patient's activator."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from thecal.chart.chart import Chart
from thecal.chart.facts import SessionEnded
from thecal.chart.order import Order, bolus_for, patient_bolus_for, programmed
from thecal.errors import Refusal
from thecal.programmer.session_record import reading_facts, running_order
from thecal.pump.handle import Answer, handle
from thecal.pump.messages import (
    BeginUpdate,
    CancelBolus,
    Command,
    Interrogate,
    Message,
    RequestBolus,
    SetClock,
    StartBolus,
    Update,
)
from thecal.pump.program import PrimingBolus
from thecal.pump.state import PumpState
from thecal.pump.wand import receive
from thecal.timeline import DAY_S, Duration
from thecal.twin.action import (
    Action,
    AskForBolus,
    EndBolus,
    GiveBolus,
    Look,
    OpenUpdate,
    Prime,
    Reprogram,
    SetPumpClock,
    Telemetry,
)
from thecal.twin.done import Done
from thecal.twin.session import session_name
from thecal.twin.world import World


def by_telemetry(world: World, chart: Chart, action: Telemetry, pump: PumpState) -> Done | Refusal:
    """One command to the pump. Only a new program changes the running order."""
    if isinstance(action, Look) and action.programmer:
        return _read(world, chart, action, pump)
    command = _COMMANDS[type(action)](action, pump)
    if isinstance(command, Refusal):
        return command
    answer = handle(pump, command)
    if isinstance(answer, Refusal):
        return answer
    order = action.order if isinstance(action, Reprogram) else None
    # The patient's activator reads nothing from the pump.
    if isinstance(action, Look):
        return Done(replace(world, pump=answer.state), reading_facts(answer.report, chart, pump.sheet, None), answer.events)
    facts = () if isinstance(action, AskForBolus) else (ended(action, order, answer, chart),)
    return Done(replace(world, pump=answer.state), facts, answer.events)


def _read(world: World, chart: Chart, action: Look, pump: PumpState) -> Done | Refusal:
    """A programmer reads the pump, as the first message of a session."""
    name = session_name(action.programmer, chart)
    received = receive(pump, Message(name, 1, Interrogate()))
    if isinstance(received.reply, Refusal):
        return received.reply
    return Done(replace(world, pump=received.state), reading_facts(received.reply, chart, pump.sheet, name), received.events)


def ended(action: Action, order: Order | None, answer: Answer, chart: Chart) -> SessionEnded:
    """The fact of what the pump acknowledged, with the dosing order that it runs now."""
    running = order or running_order(chart, answer.report, answer.state.sheet)
    return SessionEnded(action.at, running, answer.report)


def _reprogram(action: Reprogram, pump: PumpState) -> Command | Refusal:
    program = programmed(action.order, pump.memory.concentration, pump.sheet)
    if isinstance(program, Refusal):
        return program
    if action.patient is None:
        return Update(program)
    patient = patient_bolus_for(action.patient, pump.memory.concentration)
    return patient if isinstance(patient, Refusal) else Update(program, patient=patient)


def _give_bolus(action: GiveBolus, pump: PumpState) -> Command | Refusal:
    bolus = bolus_for(action.order, pump.memory.concentration)
    return bolus if isinstance(bolus, Refusal) else StartBolus(bolus)


def _prime(action: Prime, _: PumpState) -> Command:
    """The priming bolus, to the first whole second by which its volume has flowed."""
    duration = Duration(-(-action.volume.nl * DAY_S // action.flow.nl_per_day))
    return StartBolus(PrimingBolus(action.volume, duration))


_COMMANDS: Mapping[type, Callable[[Any, PumpState], Command | Refusal]] = {
    Reprogram: _reprogram,
    GiveBolus: _give_bolus,
    Prime: _prime,
    AskForBolus: lambda _, __: RequestBolus(),
    EndBolus: lambda _, __: CancelBolus(),
    Look: lambda _, __: Interrogate(),
    OpenUpdate: lambda _, __: BeginUpdate(),
    SetPumpClock: lambda action, _: SetClock(action.offset_s),
}
