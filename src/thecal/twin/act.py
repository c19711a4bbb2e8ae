"""Carrying out an action: the chart gains facts, the world changes, or the action is refused and the world stays as it was."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, get_args

from thecal.body.doses import LUMBAR_PUNCTURE
from thecal.chart.chart import Chart
from thecal.chart.facts import Fact, Noted, Ordered, TestBolusGiven
from thecal.errors import Refusal
from thecal.pump.state import PumpState
from thecal.quantity import nearest
from thecal.therapy.refill import RefillPolicy
from thecal.twin.action import (
    Action,
    Assess,
    EmptyReservoir,
    Explant,
    GiveTestBolus,
    HoldSession,
    Implant,
    Note,
    OpenValve,
    Refill,
    ReplacePump,
    Revise,
    StopTablets,
    TakeOnce,
    TakeTablets,
    Telemetry,
    UsePort,
)
from thecal.twin.bedside import assess, stop_tablets, take_once, take_tablets
from thecal.twin.done import Done
from thecal.twin.needle import empty_reservoir, open_valve, refill, use_port
from thecal.twin.session import hold_session
from thecal.twin.surgery import explant, implant, replace_pump, revise
from thecal.twin.telemetry import by_telemetry
from thecal.twin.world import World


def act(world: World, chart: Chart, action: Action) -> Done | Refusal:
    """Carry out one action at the world's present instant. A refused one leaves no trace in the world."""
    if type(action) in _WITHOUT_PUMP:
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
    """The orders that an action rests on, as facts: they were made, whatever becomes of them."""
    sheet = action.orders if isinstance(action, HoldSession) else action
    asked = (getattr(sheet, name, None) for name in ("order", "dosing", "patient"))
    bolus = (action.orders.bolus,) if isinstance(action, HoldSession) else ()
    return tuple(Ordered(action.at, order) for order in (*asked, *bolus) if order)


def _give_test_bolus(world: World, action: GiveTestBolus) -> Done:
    volume_nl = nearest(action.dose.pg, action.concentration.mcg_per_ml)
    booked = (volume_nl, action.dose.pg)
    fact = TestBolusGiven(action.at, action.dose, action.concentration, action.effect_lasted)
    exposure = world.exposure and world.exposure.injected(action.at, action.dose.pg, LUMBAR_PUNCTURE)
    return Done(replace(world, ledger=world.ledger.book(vial=booked, intrathecal=booked), exposure=exposure), (fact,))


def _note(world: World, action: Note) -> Done:
    return Done(world, (Noted(action.at, action.text),))


def _hold_session(world: World, chart: Chart, action: HoldSession, pump: PumpState) -> Done | Refusal:
    held = hold_session(world, chart, action, pump, RefillPolicy.default())
    return held if isinstance(held, Refusal) else held.done


_WITHOUT_PUMP: Mapping[type, Callable[[World, Any], Done | Refusal]] = {
    GiveTestBolus: _give_test_bolus,
    Implant: implant,
    Note: _note,
    TakeTablets: take_tablets,
    TakeOnce: take_once,
    StopTablets: stop_tablets,
    Assess: assess,
}
_WITH_PUMP: Mapping[type, Callable[[World, Chart, Any, PumpState], Done | Refusal]] = {
    **dict.fromkeys(get_args(Telemetry), by_telemetry),
    Refill: refill,
    HoldSession: _hold_session,
    ReplacePump: replace_pump,
    Revise: revise,
    UsePort: use_port,
    EmptyReservoir: empty_reservoir,
    OpenValve: open_valve,
    Explant: explant,
}
