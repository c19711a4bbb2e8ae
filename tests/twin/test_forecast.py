"""The forecast of the tip dose: what then happens, where what is believed is so."""

from dataclasses import replace

import pytest

from tests.courses import GEOMETRY, START, ml
from thecal.chart.chart import Chart
from thecal.chart.order import FlexDay, OrderBolus, OrderContinuous, OrderFlex, OrderPeriodic, StepDose
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.programmer.review import Review
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Amount, Concentration, DailyDose, Gain
from thecal.therapy.refill import RefillPolicy
from thecal.timeline import DAY_S, Duration, Instant
from thecal.twin.action import Action, HoldSession, Implant, Needle
from thecal.twin.forecast import tip_days
from thecal.twin.run import run
from thecal.twin.session import Held, hold_session
from thecal.twin.trace import Trace
from thecal.twin.world import World, pass_time

C500, C2000 = Concentration(500), Concentration(2000)
SHEET = pump_sheet("reference-20")
DAYS = 6


def dose(mcg: int) -> DailyDose:
    return DailyDose(mcg * 10**6)


FLEX = OrderFlex(
    (FlexDay((), dose(220), (StepDose(0, 6 * 3600, Amount(100 * 10**6)), StepDose(6 * 3600, DAY_S, Amount(120 * 10**6)))),)
)
PERIODIC = OrderPeriodic(Amount(20 * 10**6), Duration(600), Duration(6 * 3600), 3600, dose(140))


def before(gain: int = Gain.EXACT) -> Trace:
    """A pump that has run 200 mcg/day for ten days through a primed line."""
    actions: list[Action] = [
        Implant(START, SHEET, GEOMETRY, 3600, primed=C500),
        HoldSession(START, OrderSheet(OrderContinuous(dose(200)), None, C500, ml(18), prime=True), Needle(ml(18), C500)),
    ]
    world = World(START, gain=Gain(gain))
    return run(world, lambda chart, _: actions[chart.acted] if chart.acted < 2 else None, Instant(START.s + 10 * DAY_S))


def held(orders: OrderSheet, trace: Trace, needle: Needle | None = None) -> Held:
    assert trace.world.pump is not None
    action = HoldSession(trace.world.now, orders, needle)
    outcome = hold_session(trace.world, trace.chart, action, trace.world.pump, RefillPolicy.default())
    assert isinstance(outcome, Held), outcome
    return outcome


def happens(world: World) -> list[int]:
    """What truly leaves the tip in each of the next days."""
    given: list[int] = []
    for _ in range(DAYS):
        before_pg = world.ledger.intrathecal.amount_pg
        world = pass_time(world, Instant(world.now.s + DAY_S)).world
        given.append(world.ledger.intrathecal.amount_pg - before_pg)
    return given


def reviewed(outcome: Held) -> Review:
    assert outcome.session.review is not None
    return outcome.session.review


STRONGER = Needle(ml(18), C2000)
SHEETS = [
    (OrderSheet(OrderContinuous(dose(240))), None),
    (OrderSheet(FLEX), None),
    (OrderSheet(PERIODIC), None),
    (OrderSheet(bolus=OrderBolus(Amount(50 * 10**6), Duration(600))), None),
    (OrderSheet(FLEX, None, C2000, ml(18), bridge=True), STRONGER),
    (OrderSheet(OrderContinuous(dose(240)), None, C2000, ml(18), without_bridge="to be seen"), STRONGER),
]


@pytest.mark.requirement("SES-17")
@pytest.mark.parametrize(("orders", "needle"), SHEETS, ids=["dose", "flex", "periodic", "bolus", "bridge", "no bridge"])
def test_a_forecast_is_what_then_happens(orders: OrderSheet, needle: Needle | None) -> None:
    """Where the pump runs as it believes and the line holds what people think: the same, day by day, to a hundredth."""
    outcome = held(orders, before(), needle)
    days = tip_days(reviewed(outcome), SHEET, DAYS)
    assert not isinstance(days, Refusal)
    true = happens(outcome.done.world)
    assert [day.with_plan.pg for day in days] == pytest.approx(true, rel=1e-2)
    assert sum(day.with_plan.pg for day in days) == pytest.approx(sum(true), rel=1e-4)
    assert [day.start.s - START.s for day in days] == [(10 + day) * DAY_S for day in range(DAYS)]
    if orders.bridge:
        assert [day.without_plan for day in days] != [day.with_plan for day in days]
    else:
        assert [day.without_plan for day in days] == [day.with_plan for day in days]


@pytest.mark.requirement("SES-17")
def test_without_the_plan_the_old_drug_comes_at_the_new_flow() -> None:
    """0.11 mL/day of 500 mcg/mL until 0.3168 mL have passed, 2.88 days; a quarter of the dose, and then all of it."""
    orders = OrderSheet(OrderContinuous(dose(220)), None, C2000, ml(18), bridge=True)
    days = tip_days(reviewed(held(orders, before(), STRONGER)), SHEET, DAYS)
    assert not isinstance(days, Refusal)
    assert [day.without_plan.mcg for day in days[:2]] == pytest.approx([55, 55], rel=0.01)
    assert [day.without_plan.mcg for day in days[4:]] == pytest.approx([220, 220], rel=0.01)
    assert [day.with_plan.mcg for day in days] == pytest.approx([220] * DAYS, rel=0.01)
    whole = sum(day.without_plan.mcg for day in days)
    assert whole == pytest.approx(0.3168 * 500 + (DAYS * 0.11 - 0.3168) * 2000, rel=1e-3)


def test_a_forecast_knows_nothing_of_the_true_flow() -> None:
    """A pump that truly runs 10 % faster gives a tenth more than people can foresee."""
    outcome = held(OrderSheet(OrderContinuous(dose(240))), before(1_100_000))
    days = tip_days(reviewed(outcome), SHEET, DAYS)
    assert not isinstance(days, Refusal)
    assert sum(happens(outcome.done.world)) == pytest.approx(1.1 * sum(day.with_plan.pg for day in days), rel=1e-3)


@pytest.mark.requirement("SES-07")
def test_a_forecast_needs_a_dose_and_a_volume() -> None:
    """A pump whose volume or strength nobody told it, or one in its safe state: refused, with what to write."""
    made = reviewed(held(OrderSheet(OrderContinuous(dose(240))), before()))
    for unknown in ({"calculated": None}, {"concentration": None}):
        silent = replace(made, after=replace(made.after, **unknown))  # type: ignore[arg-type]  # fields of a report
        refusal = tip_days(silent, SHEET, DAYS)
        assert isinstance(refusal, Refusal)
        assert refusal.rule == "SES-07"


def test_the_forecast_leaves_the_chart_and_the_world_alone() -> None:
    """It is worked out beside them."""
    trace = before()
    facts, world = trace.chart.facts, trace.world
    tip_days(reviewed(held(OrderSheet(OrderContinuous(dose(240))), trace)), SHEET, DAYS)
    assert (trace.chart.facts, trace.world) == (facts, world)
    assert isinstance(trace.chart, Chart)
