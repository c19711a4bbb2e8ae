"""Orders: doses that become programs, or the reason why not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.courses import refused
from thecal.chart.order import (
    FlexDay,
    OrderBolus,
    OrderContinuous,
    OrderFlex,
    OrderMinimumRate,
    OrderStop,
    StepDose,
    bolus_for,
    ordered_dose,
    programmed,
    programmed_dose,
)
from thecal.errors import Refusal
from thecal.pump.program import Flex, MinimumRate, SimpleContinuous, Step, Stopped
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Amount, Concentration, DailyDose, FlowRate, Volume
from thecal.timeline import DAY_S, Duration

SHEET = pump_sheet("synchromed-ii-40")
C500 = Concentration(500)


def mcg_per_day(dose: float) -> DailyDose:
    return DailyDose(round(dose * 10**6))


def step(from_h: float, to_h: float, mcg: float) -> StepDose:
    return StepDose(round(from_h * 3600), round(to_h * 3600), Amount(round(mcg * 10**6)))


def every_day(total: float, *steps: StepDose) -> OrderFlex:
    return OrderFlex((FlexDay((), mcg_per_day(total), steps),))


def test_every_order_becomes_its_program() -> None:
    """A dose at a concentration is a flow; a stop and the minimum rate need no concentration."""
    assert programmed(OrderContinuous(mcg_per_day(137.5)), Concentration(2000), SHEET) == SimpleContinuous(FlowRate(69_000))
    assert programmed(OrderStop(), None, SHEET) == Stopped()
    assert programmed(OrderMinimumRate(), None, SHEET) == MinimumRate()
    flex = programmed(every_day(170, step(6, 22, 90), step(22, 6, 80)), C500, SHEET)
    night, day = FlowRate(480_000), FlowRate(270_000)
    assert flex == Flex(((Step(6 * 3600, night), Step(22 * 3600, day), Step(DAY_S, night)),))


@pytest.mark.requirement("ORD-07")
def test_ordered_and_programmed_stand_side_by_side() -> None:
    """The order keeps what was asked for; the program says what the pump can run."""
    order = OrderContinuous(mcg_per_day(137.5))
    program = programmed(order, Concentration(2000), SHEET)
    assert not isinstance(program, Refusal)
    assert ordered_dose(order) == mcg_per_day(137.5)
    assert programmed_dose(program, Concentration(2000), SHEET) == mcg_per_day(138)


@pytest.mark.requirement("ORD-01")
def test_steps_that_do_not_add_up_are_refused() -> None:
    """A picogram too many is too many; the ISMP error of 60 mcg every hour stands out as 1,440 mcg."""
    assert refused(programmed(every_day(170, step(0, 24, 170.000001)), C500, SHEET)).rule == "ORD-01"
    hourly = every_day(60, *(step(hour, hour + 1, 60) for hour in range(24)))
    refusal = refused(programmed(hourly, C500, SHEET))
    assert refusal.rule == "ORD-01"
    assert "1,440 mcg" in refusal.asked


@pytest.mark.requirement("ORD-02")
@pytest.mark.parametrize(
    "steps",
    [
        [step(6, 22, 90), step(22, 5, 80)],
        [step(6, 22, 90), step(21, 6, 80)],
        [step(0, 12, 170)],
        [step(0, 24, 90), step(6, 7, 80)],
        [step(0, 12, 90), step(0, 12, 80)],
    ],
)
def test_steps_with_a_gap_or_an_overlap_are_refused(steps: list[StepDose]) -> None:
    """The 24 hours, once."""
    assert refused(programmed(every_day(170, *steps), C500, SHEET)).rule == "ORD-02"


def test_a_night_belongs_to_every_day_or_ends_at_midnight() -> None:
    """A step of single weekdays cannot run into a day that is not its own."""
    night = FlexDay(tuple(range(7)), mcg_per_day(170), (step(6, 22, 90), step(22, 6, 80)))
    refusal = refused(programmed(OrderFlex((night,)), C500, SHEET))
    assert refusal.rule == "ORD-02"
    assert "one from 22:00 past midnight" in refusal.asked
    gap = refused(programmed(every_day(170, step(0, 12, 90), step(13, 24, 80)), C500, SHEET))
    assert "nothing from 12:00 to 13:00" in gap.asked
    overlap = refused(programmed(every_day(170, step(0, 12, 90), step(11, 24, 80)), C500, SHEET))
    assert "two steps from 11:00 to 12:00" in overlap.asked


@pytest.mark.requirement("ORD-03")
def test_a_dose_that_the_pump_cannot_hit_is_refused() -> None:
    """Up to 1 % off is taken and shown; beyond it the refusal names both doses."""
    at_2000 = Concentration(2000)
    assert not isinstance(programmed(OrderContinuous(mcg_per_day(102)), at_2000, SHEET), Refusal)
    assert not isinstance(programmed(OrderContinuous(mcg_per_day(101)), at_2000, SHEET), Refusal)  # 100: 0.99 % off
    assert not isinstance(programmed(OrderContinuous(mcg_per_day(100)), at_2000, SHEET), Refusal)
    just_over = refused(programmed(OrderContinuous(mcg_per_day(97)), at_2000, SHEET))
    assert just_over.rule == "ORD-03"
    assert "the nearest the pump can run is 96 mcg/day, 1.03 % off" in just_over.asked
    refusal = refused(programmed(OrderContinuous(mcg_per_day(1)), at_2000, SHEET))
    assert refusal.rule == "ORD-03"
    assert "0 mcg/day" in refusal.asked


@pytest.mark.requirement("ORD-04")
@pytest.mark.parametrize("weekdays", [(0, 1, 2, 3, 4, 5), (0, 1, 2, 3, 4, 5, 6, 6), (0,)])
def test_a_week_names_every_day_once(weekdays: tuple[int, ...]) -> None:
    """No day is forgotten, none has two programs."""
    order = OrderFlex((FlexDay(weekdays, mcg_per_day(170), (step(0, 24, 170),)),))
    assert refused(programmed(order, C500, SHEET)).rule == "ORD-04"


def test_a_week_has_its_mean() -> None:
    """Five days of 200 and two of 270 are 220 mcg/day."""
    week = OrderFlex(
        (
            FlexDay((0, 1, 2, 3, 4), mcg_per_day(200), (step(0, 24, 200),)),
            FlexDay((5, 6), mcg_per_day(270), (step(0, 24, 270),)),
        )
    )
    assert ordered_dose(week) == mcg_per_day(220)
    program = programmed(week, C500, SHEET)
    assert isinstance(program, Flex)
    assert [day[0].flow.ml_per_day for day in program.days] == [0.4] * 5 + [0.54] * 2


@pytest.mark.requirement("ORD-05")
@pytest.mark.requirement("ORD-06")
def test_a_bolus_is_a_volume() -> None:
    """50 mcg at 500 mcg/mL are 0.1 mL; without a concentration, or with nothing in it, there is no bolus."""
    bolus = bolus_for(OrderBolus(Amount(50_000_000), Duration(600)), C500)
    assert not isinstance(bolus, Refusal)
    assert bolus.volume == Volume(100_000)
    assert refused(bolus_for(OrderBolus(Amount(50_000_000), Duration(600)), None)).rule == "ORD-06"
    assert refused(bolus_for(OrderBolus(Amount(250), Duration(600)), C500)).rule == "ORD-05"
    assert refused(programmed(OrderContinuous(mcg_per_day(100)), None, SHEET)).rule == "ORD-06"


@given(st.integers(24, 12_000), st.sampled_from([500, 1000, 2000]), st.sampled_from(["reference-40", "synchromed-ii-20"]))
def test_what_is_programmed_is_nearest_to_what_is_ordered(mcg: float, mcg_per_ml: int, name: str) -> None:
    """No other programmable flow is nearer, and a program is never more than 1 % off."""
    sheet, strength, order = pump_sheet(name), Concentration(mcg_per_ml), OrderContinuous(mcg_per_day(mcg))
    program = programmed(order, strength, sheet)
    if isinstance(program, Refusal):
        assert program.rule == "ORD-03"
        return
    off = abs(programmed_dose(program, strength, sheet).pg_per_day - order.dose.pg_per_day)
    assert 2 * off <= sheet.flow_step.nl_per_day * mcg_per_ml
    assert off * 100 <= order.dose.pg_per_day
