"""Plans: bridge and prime, against what the line really does."""

from fractions import Fraction

import pytest

from tests.courses import START, done, ml, needled, refused
from thecal.catheter.line import Line
from thecal.errors import Refusal
from thecal.programmer.plans import BridgePlan, PrimePlan, plan_bridge, plan_prime
from thecal.pump.handle import handle
from thecal.pump.messages import Fill, Update
from thecal.pump.program import SimpleContinuous
from thecal.pump.reservoir import perform
from thecal.pump.sheet import pump_sheet
from thecal.pump.state import new_pump
from thecal.quantity import Amount, Concentration, DailyDose, FlowRate, Length, VolumePerLength
from thecal.timeline import DAY_S, Instant
from thecal.twin.world import World, pass_time

SHEET = pump_sheet("reference-40")
C500, C2000 = Concentration(500), Concentration(2000)
DOSE = DailyDose(200_000_000)


def bridge(old: Concentration, new: Concentration, dose: DailyDose = DOSE) -> BridgePlan:
    plan = plan_bridge(old, new, dose, ml(0.4), SHEET)
    assert not isinstance(plan, Refusal)
    return plan


@pytest.mark.requirement("PLN-01")
def test_a_bridge_keeps_the_dose_and_without_it_the_dose_is_wrong() -> None:
    """Up four times: a quarter of the dose for four days; down four times: four times the dose for a day."""
    up, down = bridge(C500, C2000), bridge(C2000, C500)
    assert (up.flow, up.then_flow, up.dose) == (FlowRate(400_000), FlowRate(100_000), Amount(200_000_000))
    assert numbers(up) == [Fraction(n) for n in (24, 50, 25, 96)]
    assert (down.flow, down.then_flow) == (FlowRate(100_000), FlowRate(400_000))
    assert numbers(down) == [Fraction(n) for n in (96, 800, 400, 24)]


def numbers(plan: BridgePlan) -> list[Fraction]:
    return [plan.hours, plan.without_mcg_per_day, plan.without_percent, plan.without_hours]


@pytest.mark.requirement("PLN-01")
@pytest.mark.parametrize(("old", "new"), [(C500, C2000), (C2000, C500), (C500, Concentration(605))])
def test_the_plan_is_what_the_line_does(old: Concentration, new: Concentration) -> None:
    """With the bridge the tip gives the ordered dose throughout; without it, the error that was planned, for that long."""
    plan = bridge(old, new)
    pump = needled(perform(new_pump(SHEET, START), Fill(ml(40), new)))
    line = Line.holding(ml(0.4), "drug", old.mcg_per_ml)
    seconds = int(plan.hours * 3600)
    bridged = World(START, done(handle(pump, Update(SimpleContinuous(plan.flow), new, ml(40)))), line)
    tip = pass_time(bridged, Instant(START.s + seconds)).world.ledger.intrathecal
    assert tip.amount_pg * DAY_S / seconds == pytest.approx(DOSE.pg_per_day, rel=1e-5)
    straight = World(START, done(handle(pump, Update(SimpleContinuous(plan.then_flow), new, ml(40)))), line)
    wrong_s = int(plan.without_hours * 3600)
    passed = pass_time(straight, Instant(START.s + 2 * wrong_s))
    assert passed.tip[0].interval.seconds == pytest.approx(wrong_s, abs=1)
    assert passed.tip[0].amount_pg * DAY_S / passed.tip[0].interval.seconds / 10**6 == pytest.approx(
        float(plan.without_mcg_per_day), rel=1e-4
    )


@pytest.mark.requirement("PLN-02")
def test_a_bridge_that_the_pump_cannot_run_is_refused() -> None:
    """90 mcg/day at 2,000 mcg/mL is 0.045 mL/day, below the slowest flow: aspirate and prime instead."""
    refusal = refused(plan_bridge(C2000, C500, DailyDose(90_000_000), ml(0.4), SHEET))
    assert refusal.rule == "PMP-01"
    assert "0.045 mL/day" in refusal.asked
    assert "aspirate" in refusal.advice
    after = refused(plan_bridge(C500, C2000, DailyDose(90_000_000), ml(0.4), SHEET))
    assert "program after it" in after.asked


@pytest.mark.requirement("PLN-03")
def test_a_prime_has_volume_time_and_early_dose() -> None:
    """0.14 mL of tubing and 89 cm of catheter take 20 minutes at the fastest flow; about 3 % of the lumen is early."""
    length, per_length = Length.parse("89 cm"), VolumePerLength.parse("0.00221 mL/cm")
    plan = plan_prime(ml(0.14), length, per_length, FlowRate.parse("24 mL/day"), SHEET)
    assert isinstance(plan, PrimePlan)
    assert plan.volume == ml(0.33669)
    assert float(plan.minutes) == pytest.approx(20.2014)
    estimate, bound = plan.early_mcg(C500)
    assert estimate == pytest.approx(0.0331 * 98.345, rel=0.01)
    assert bound == 0.25 * 98.345
    assert refused(plan_prime(ml(0.14), length, per_length, FlowRate.parse("25 mL/day"), SHEET)).rule == "PMP-02"
