"""Carrying out an action: the chart gains facts, the world changes, or the action is refused and the world stays as it was."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from thecal.catheter.line import Line
from thecal.chart.chart import Chart
from thecal.chart.facts import (
    Entered,
    Explanted,
    Fact,
    Filled,
    Implanted,
    Noted,
    Ordered,
    ResidualMeasured,
    SessionEnded,
    TestBolusGiven,
)
from thecal.chart.order import Order, bolus_for, programmed
from thecal.errors import Refusal
from thecal.pump.faults import disturb
from thecal.pump.handle import Answer, handle, report
from thecal.pump.messages import CancelBolus, ChangeGain, Command, Event, Fill, StartBolus, Update, Withdraw
from thecal.pump.reservoir import perform
from thecal.pump.state import PumpState, new_pump
from thecal.quantity import Concentration, Volume, nearest
from thecal.twin.action import (
    Action,
    EndBolus,
    Explant,
    GiveBolus,
    GiveTestBolus,
    Implant,
    Note,
    Refill,
    Reprogram,
)
from thecal.twin.world import World

OLD_FLUID = "old concentration in the line"


@dataclass(frozen=True, slots=True)
class Done:
    """An action that was carried out."""

    world: World
    facts: tuple[Fact, ...]
    events: tuple[Event, ...] = ()


def act(world: World, chart: Chart, action: Action) -> Done | Refusal:
    """Carry out one action at the world's present instant. A refused one leaves no trace in the world."""
    if isinstance(action, GiveTestBolus | Implant | Note):
        return _WITHOUT_PUMP[type(action)](world, action)
    if world.pump is None:
        return Refusal(
            "TWN-03",
            f"{action.name} without a pump",
            "a pump is implanted first",
            "thecal: one chart, one pump",
            "Implant a pump.",
        )
    return _WITH_PUMP[type(action)](world, chart, action, world.pump)


def orders(action: Action) -> tuple[Fact, ...]:
    """The order that an action rests on, as a fact: it was made, whatever becomes of it."""
    order = getattr(action, "order", None)
    return (Ordered(action.at, order),) if order else ()


def _give_test_bolus(world: World, action: GiveTestBolus) -> Done:
    volume_nl = nearest(action.dose.pg, action.concentration.mcg_per_ml)
    booked = (volume_nl, action.dose.pg)
    fact = TestBolusGiven(action.at, action.dose, action.concentration, action.effect_lasted)
    return Done(replace(world, ledger=world.ledger.book(vial=booked, intrathecal=booked)), (fact,))


def _implant(world: World, action: Implant) -> Done | Refusal:
    if world.pump is not None:
        return Refusal(
            "TWN-01",
            "implant a second pump",
            "one pump at a time",
            "thecal: one chart, one pump",
            "Explant the first pump before.",
        )
    pump = disturb(new_pump(action.sheet, action.at, action.clock_offset_s), ChangeGain(world.gain)).state
    if action.low_reservoir is not None:
        answer = handle(pump, Update(low_reservoir=action.low_reservoir))
        if isinstance(answer, Refusal):
            return answer
        pump = answer.state
    line = Line.holding(action.geometry.dead_volume, action.line_holds)
    prefilled_nl = pump.mechanics.reservoir.volume_nl + line.volume_nl
    fact = Implanted(
        action.at,
        action.sheet.name,
        action.geometry.sheet.name,
        action.geometry.tip_level,
        action.geometry.dead_volume,
    )
    ledger = world.ledger.book(prefilled=(prefilled_nl, 0))
    return Done(replace(world, pump=pump, line=line, ledger=ledger), (fact,))


def _refill(world: World, chart: Chart, action: Refill, pump: PumpState) -> Done | Refusal:
    drawn_up = action.drawn_up or action.volume
    if drawn_up < action.volume:
        return Refusal(
            "TWN-02",
            f"inject {action.volume} of {drawn_up} drawn up",
            "no more is injected than was drawn up",
            "arithmetic",
            "Correct the volume that was injected or the volume that was taken from the vials.",
        )
    capacity = pump.sheet.reservoir_capacity
    if action.measured is not None and action.measured > capacity:
        return Refusal(
            "TWN-04",
            f"a residual of {action.measured}",
            f"the reservoir holds {capacity}",
            pump.sheet.source("reservoir_capacity"),
            "Read the syringe again and correct the volume.",
        )
    program = None if action.order is None else programmed(action.order, action.concentration, pump.sheet)
    if isinstance(program, Refusal):
        return program
    needle = _exchange(pump, action)
    if isinstance(needle, Refusal):
        return needle
    filled, withdrawn_nl, withdrawn_pg = needle
    typed = action.typed or action.volume
    answer = handle(filled, Update(program, action.concentration, typed))
    if isinstance(answer, Refusal):
        return answer
    wasted_nl = drawn_up.nl - action.volume.nl
    ledger = world.ledger.book(
        vial=(drawn_up.nl, drawn_up.of(action.concentration).pg),
        withdrawn=(withdrawn_nl, withdrawn_pg),
        wasted=(wasted_nl, Volume(wasted_nl).of(action.concentration).pg),
    )
    residual = _residual(pump, chart, action, Volume(withdrawn_nl))
    fill = Filled(action.at, action.volume, action.concentration)
    entered = Entered(action.at, typed, action.volume)
    facts = (*residual, fill, entered, _ended(action, action.order, answer, chart))
    return Done(replace(world, pump=answer.state, ledger=ledger), facts, (*answer.events, *_still_in_line(world, pump, action)))


def _still_in_line(world: World, before: PumpState, action: Refill) -> tuple[Event, ...]:
    """What nobody sees after a change of concentration without a bridge: the fluid of before comes first."""
    told, line = before.memory.concentration, world.line
    if told is None or told == action.concentration or not line.amount_pg:
        return ()
    held = Concentration(nearest(line.amount_pg, line.volume_nl))
    text = f"{Volume(line.volume_nl)} of about {held} leaves the tip before the new {action.concentration}; there was no bridge"
    return (Event(action.at, OLD_FLUID, "unsensed", text),)


def _exchange(pump: PumpState, action: Refill) -> tuple[PumpState, int, int] | Refusal:
    """The needle: aspirate all that comes, inject the new drug. (the pump, volume and drug withdrawn)."""
    emptied = perform(pump, Withdraw())
    if isinstance(emptied, Refusal):
        return emptied
    pump, syringe = emptied
    filled = perform(pump, Fill(action.volume, action.concentration))
    if isinstance(filled, Refusal):
        return filled
    return filled[0], syringe.volume_nl, syringe.amount_pg


def _residual(before: PumpState, chart: Chart, action: Refill, withdrawn: Volume) -> tuple[Fact, ...]:
    """The residual as a fact; a pump in which nothing was ever typed expects nothing."""
    expected = report(before).calculated
    if expected is None:
        return ()
    measured = withdrawn if action.measured is None else action.measured
    return (ResidualMeasured(action.at, expected, measured, first=chart.residual is None),)


def _by_telemetry(world: World, chart: Chart, action: Reprogram | GiveBolus | EndBolus, pump: PumpState) -> Done | Refusal:
    """What needs no needle: one command to the pump. A bolus leaves the running order as it is."""
    command = _command(action, pump)
    if isinstance(command, Refusal):
        return command
    answer = handle(pump, command)
    if isinstance(answer, Refusal):
        return answer
    order = action.order if isinstance(action, Reprogram) else None
    return Done(replace(world, pump=answer.state), (_ended(action, order, answer, chart),), answer.events)


def _command(action: Reprogram | GiveBolus | EndBolus, pump: PumpState) -> Command | Refusal:
    match action:
        case Reprogram():
            program = programmed(action.order, pump.memory.concentration, pump.sheet)
            return program if isinstance(program, Refusal) else Update(program)
        case GiveBolus():
            bolus = bolus_for(action.order, pump.memory.concentration)
            return bolus if isinstance(bolus, Refusal) else StartBolus(bolus)
        case EndBolus():
            return CancelBolus()


def _note(world: World, action: Note) -> Done:
    return Done(world, (Noted(action.at, action.text),))


def _explant(world: World, _: Chart, action: Explant, pump: PumpState) -> Done | Refusal:
    emptied = perform(pump, Withdraw())
    if isinstance(emptied, Refusal):
        return emptied
    rest, syringe = emptied
    lost = (rest.mechanics.reservoir, *world.line.parcels)
    ledger = world.ledger.book(
        withdrawn=(syringe.volume_nl, syringe.amount_pg),
        wasted=(sum(parcel.volume_nl for parcel in lost), sum(parcel.amount_pg for parcel in lost)),
    )
    return Done(replace(world, pump=None, line=Line(()), ledger=ledger), (Explanted(action.at),))


def _ended(action: Action, order: Order | None, answer: Answer, chart: Chart) -> SessionEnded:
    """The fact of what the pump acknowledged, with the dosing order that it runs now."""
    running = order or (chart.session.order if chart.session else None)
    return SessionEnded(action.at, running, answer.report)


_WITHOUT_PUMP: Mapping[type, Callable[[World, Any], Done | Refusal]] = {
    GiveTestBolus: _give_test_bolus,
    Implant: _implant,
    Note: _note,
}
_WITH_PUMP: Mapping[type, Callable[[World, Chart, Any, PumpState], Done | Refusal]] = {
    Refill: _refill,
    Reprogram: _by_telemetry,
    GiveBolus: _by_telemetry,
    EndBolus: _by_telemetry,
    Explant: _explant,
}
