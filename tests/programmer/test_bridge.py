"""The bridge from what lies in the line, against what the line really does; and what happens without one."""

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chart.lines import Course
from tests.courses import FLOWS, GEOMETRY, START, done, flex_days, flow, ml, needled, refused
from thecal.catheter.line import Line
from thecal.chart.line_ledger import LineLedger
from thecal.chart.order import OrderContinuous
from thecal.errors import Refusal
from thecal.fluid import Content, Parcel
from thecal.programmer.bridge import LineBridge, Stretch, bridge_from, without_plan
from thecal.pump.handle import handle, report
from thecal.pump.messages import Fill, Report, Update
from thecal.pump.program import BridgeBolus, Flex, MinimumRate, Program, SimpleContinuous, Stopped
from thecal.pump.reservoir import perform
from thecal.pump.sheet import PumpSheet, pump_sheet
from thecal.pump.state import PumpState, new_pump
from thecal.quantity import Amount, Concentration, DailyDose, FlowRate, Volume
from thecal.timeline import DAY_S, Block, Duration, Instant
from thecal.twin.action import EndBolus, Implant, Look, Refill
from thecal.twin.world import World, pass_time

# GEOMETRY: a lumen of 176,800 nL behind 140,000 nL of tubing.
SHEET = pump_sheet("reference-20")
C500, C1000, C2000 = Concentration(500), Concentration(1000), Concentration(2000)
HUNDRED = DailyDose(100_000_000)
Fluid = tuple[int, Concentration | Content]


def held(*fluids: Fluid, reservoir: Concentration | None = None) -> LineLedger:
    """A ledger of (nanolitres, strength or content), the one nearest the tip first."""
    parcels = tuple(
        Parcel.whole(nl, nl * fluid.mcg_per_ml) if isinstance(fluid, Concentration) else Parcel.whole(nl, 0, fluid)
        for nl, fluid in fluids
    )
    return LineLedger(START, "reference-20", Line(parcels, GEOMETRY.bore), GEOMETRY, reservoir)


def full(strength: Concentration) -> LineLedger:
    return held((316_800, strength))


def planned(plan: LineBridge | Refusal) -> LineBridge:
    assert isinstance(plan, LineBridge), plan
    return plan


def filled(strength: Concentration, sheet: PumpSheet = SHEET, clock_offset_s: int = 0) -> PumpState:
    """A pump out of its box with 20 mL in it, of which it was told nothing yet."""
    return needled(perform(new_pump(sheet, START, clock_offset_s), Fill(ml(20), strength)))


def tip_of(pump: PumpState, line: Line, seconds: int) -> list[Block]:
    return list(pass_time(World(START, pump, line), Instant(START.s + seconds)).tip)


def plug(ledger: LineLedger) -> Line:
    return replace(ledger.line, bore=None)


def left_by(tip: Iterable[Block], volume_nl: int) -> int:
    """The first second by which so much has left the tip."""
    for block in tip:
        if volume_nl <= block.volume_nl:
            seconds = block.first_second(volume_nl)
            assert seconds is not None
            return block.interval.start.s - START.s + seconds
        volume_nl -= block.volume_nl
    raise AssertionError("it never did")


# The plan --------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PLN-07")
def test_a_whole_line_is_the_bridge_of_before() -> None:
    """0.3168 mL of 500 mcg/mL at 100 mcg/day: 0.2 mL/day over 38 h; without it a quarter of the dose for 6.3 days."""
    plan = planned(bridge_from(full(C500), C2000, HUNDRED, SHEET))
    assert plan.bolus == BridgeBolus(ml(0.3168), flow(0.2))
    assert (plan.volume, plan.flow, plan.then_flow, plan.dose) == (ml(0.3168), flow(0.2), flow(0.05), Amount(158_400_000))
    assert (plan.old, plan.new, plan.hours, plan.ends_after) == (C500, C2000, Fraction(38016, 1000), Duration(136_858))
    assert [plan.without_mcg_per_day, plan.without_percent, plan.without_hours] == [25, 25, Fraction(152_064, 1000)]
    assert plan.in_words() == (
        "bridge 0.3168 mL of 500 mcg/mL (158.4 mcg) at 0.2 mL/day over 38 h, "
        "then the program, 0.05 mL/day of 2,000 mcg/mL in the mean"
    )
    assert plan.cautions == ()
    assert any("Boster" in source for source in plan.sources)


@pytest.mark.requirement("PLN-07")
def test_what_has_been_bridged_is_not_bridged_again() -> None:
    """A day of the bridge done: 0.1168 mL are left, and 14 h; what may be wrong of the line is said with it."""
    ledger = held((116_800, C500), (200_000, C2000), reservoir=C2000)
    plan = planned(bridge_from(ledger, C2000, HUNDRED, SHEET))
    assert (plan.bolus, plan.hours) == (BridgeBolus(ml(0.1168), flow(0.2)), Fraction(14016, 1000))
    told = replace(ledger, filled=C1000, report=replace(report(filled(C2000)), concentration=C2000))
    assert planned(bridge_from(told, C2000, HUNDRED, SHEET)).cautions == (
        "The pump was told 2,000 mcg/mL, and 1,000 mcg/mL was filled.",
    )


@pytest.mark.requirement("PLN-07")
@given(
    st.sampled_from([(C500, C2000), (C2000, C500), (C500, C1000), (C1000, Concentration(605))]),
    st.integers(200_000, 1_000_000),
    st.integers(0, 316_799),
)
def test_a_bridge_ends_when_the_last_old_fluid_leaves(
    strengths: tuple[Concentration, Concentration], nl_per_day: int, new_nl: int
) -> None:
    """The true pump on a true plug, with all or a part of the line still old: to the second, the nanolitre and the picogram."""
    old, new = strengths
    dose = DailyDose(nl_per_day * old.mcg_per_ml)
    fluids: list[Fluid] = [(316_800 - new_nl, old), *([(new_nl, new)] if new_nl else [])]
    ledger = held(*fluids)
    plan = planned(bridge_from(ledger, new, dose, SHEET))
    after = Update(SimpleContinuous(plan.then_flow), new, ml(20), bolus=plan.bolus)
    tip = tip_of(done(handle(filled(new), after)), plug(ledger), plan.ends_after.s + 10 * DAY_S)
    by_then = [block for block in tip if block.interval.end.s - START.s <= plan.ends_after.s]
    over_nl = sum(block.volume_nl for block in by_then) - plan.volume.nl  # what the last second brings of the new one
    assert 0 <= over_nl <= nl_per_day // DAY_S
    assert sum(block.amount_pg for block in by_then) == plan.dose.pg + over_nl * new.mcg_per_ml
    assert left_by(tip, plan.volume.nl) == plan.ends_after.s
    assert abs(plan.ends_after.s - plan.hours * 3600) < 1
    assert plan.flow.of(old) == dose
    rest = [block for block in tip if block.interval.start.s - START.s >= plan.ends_after.s]
    assert sum(block.amount_pg for block in rest) == sum(block.volume_nl for block in rest) * new.mcg_per_ml


@pytest.mark.requirement("PLN-07")
@pytest.mark.parametrize("strengths", [(C500, C2000), (C2000, C500), (C500, C1000)])
@pytest.mark.parametrize("mcg_per_day", [100, 150, 250])
def test_a_line_that_mixes_gives_the_planned_dose_within_one_percent(
    strengths: tuple[Concentration, Concentration], mcg_per_day: int
) -> None:
    """What runs ahead of the front, or stays behind, is less than a hundredth of what the bridge gives."""
    old, new = strengths
    ledger = full(old)
    plan = planned(bridge_from(ledger, new, DailyDose(mcg_per_day * 10**6), SHEET))
    after = Update(SimpleContinuous(plan.then_flow), new, ml(20), bolus=plan.bolus)
    tip = tip_of(done(handle(filled(new), after)), ledger.line, plan.ends_after.s)
    given = sum(block.amount_pg for block in tip)
    assert given != plan.dose.pg
    assert given == pytest.approx(plan.dose.pg, rel=0.01)


@pytest.mark.requirement("PLN-07")
@given(st.integers(1, 136_857))
def test_the_remainder_of_a_bridge_and_what_was_given_are_the_whole(second: int) -> None:
    """Cancelled at any second of its 38 hours: the next plan is for the rest of it, to the nanolitre."""
    now = Instant(START.s + 20 * DAY_S)
    course = Course.begun().do(Implant(START, SHEET, GEOMETRY, 0))
    course = course.do(Refill(START, ml(18), C500, OrderContinuous(HUNDRED)))
    course = course.do(Refill(now, ml(18), C2000, OrderContinuous(HUNDRED), bridge=True))
    assert course.ledger is not None
    whole = planned(bridge_from(course.ledger, C2000, HUNDRED, SHEET))
    begun_nl = course.ledger.pumped.nl
    course = course.do(EndBolus(Instant(now.s + second)))
    ledger = course.ledger
    assert ledger is not None
    rest = planned(bridge_from(ledger, C2000, HUNDRED, SHEET))
    assert rest.volume.nl + ledger.pumped.nl - begun_nl == whole.volume.nl == 316_800
    assert (rest.flow, rest.cautions) == (whole.flow, ())
    later = course.do(Look(Instant(now.s + second + 3600))).ledger  # by the program of the new one, 0.05 mL/day
    assert later is not None
    again = bridge_from(later, C2000, HUNDRED, SHEET)
    went_nl = later.pumped.nl - ledger.pumped.nl
    assert isinstance(again, Refusal) if went_nl >= rest.volume.nl else planned(again).volume.nl == rest.volume.nl - went_nl


# No bridge -------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PLN-02")
@pytest.mark.parametrize(
    ("old", "new", "mcg_per_day", "rule"),
    [
        (C2000, C500, 90, "PMP-01"),  # 0.045 mL/day
        (C500, C2000, 90, "PMP-01"),  # the program after it
        (C500, C2000, 12_001, "PMP-02"),
        (Concentration(4000), C2000, 192, None),  # 0.048 mL/day for 6.6 days
    ],
)
def test_a_bridge_outside_the_pump_s_flows_is_refused(
    old: Concentration, new: Concentration, mcg_per_day: int, rule: str | None
) -> None:
    """At its slowest flow it is still run; the way out of the others is named."""
    plan = bridge_from(full(old), new, DailyDose(mcg_per_day * 10**6), SHEET)
    assert (plan.rule if isinstance(plan, Refusal) else None) == rule
    assert isinstance(plan, LineBridge) or "aspirate the line" in plan.advice


@pytest.mark.requirement("PMP-32")
@pytest.mark.requirement("PLN-02")
def test_a_bridge_longer_than_the_pump_gives_one_is_refused() -> None:
    """136,858 s, and not a second less."""
    short = replace(SHEET, bridge_duration_max=Duration(136_858))
    assert isinstance(bridge_from(full(C500), C2000, HUNDRED, short), LineBridge)
    refusal = refused(bridge_from(full(C500), C2000, HUNDRED, replace(SHEET, bridge_duration_max=Duration(136_857))))
    assert refusal.rule == "PMP-32"
    assert "aspirate the line" in refusal.advice


@pytest.mark.requirement("PLN-08")
@pytest.mark.parametrize(
    "ledger",
    [
        held((100_000, C500), (216_800, C1000)),  # two old strengths
        held((100_000, C2000), (216_800, C500)),  # the new one would leave at the flow of the old one
        held((100_000, C500), (16_800, C2000), (200_000, C500)),
        held((100_000, "CSF"), (216_800, C500)),
        held((176_800, C500), (140_000, "sterile water")),
        held((100_000, C500), (216_800, "unknown")),
        held((316_800, "other drug")),
        held((316_800, "sterile water")),
    ],
)
def test_one_flow_keeps_the_dose_of_one_strength_only(ledger: LineLedger) -> None:
    """More than one, or what is none: aspirate and prime instead; and the line is told."""
    refusal = refused(bridge_from(ledger, C2000, HUNDRED, SHEET))
    assert refusal.rule == "PLN-08"
    assert ledger.in_words() in refusal.asked
    assert "aspirate" in refusal.advice
    assert "prime" in refusal.advice


@pytest.mark.requirement("PLN-09")
def test_there_is_nothing_to_bridge() -> None:
    """The same drug, or no dose to keep."""
    for plan in (bridge_from(full(C2000), C2000, HUNDRED, SHEET), bridge_from(full(C500), C2000, DailyDose(0), SHEET)):
        assert refused(plan).rule == "PLN-09"
        assert "0.3168 mL of" in refused(plan).limit


@pytest.mark.requirement("PMP-40")
def test_a_pump_without_electronics_bridges_nothing() -> None:
    """It takes no command."""
    assert refused(bridge_from(full(C500), C2000, HUNDRED, pump_sheet("isomed-8472-20-10"))).rule == "PMP-40"


# Without a plan --------------------------------------------------------------------------------------------------------


def told(program: Program, strength: Concentration, clock_offset_s: int = 0) -> tuple[PumpState, Report]:
    """A pump that runs a program from now on, and what it says."""
    pump = done(handle(filled(strength, clock_offset_s=clock_offset_s), Update(program, strength, ml(20))))
    return pump, report(pump)


@pytest.mark.requirement("PLN-10")
def test_without_a_bridge_the_tip_gives_the_old_strength_at_the_new_flow() -> None:
    """0.1168 mL of 500 mcg/mL at 0.05 mL/day: 25 mcg/day for 56 h, a quarter; water before it gives nothing."""
    ledger = held((50_000, "CSF"), (116_800, C500), (50_000, "unknown"), (100_000, C2000))
    _, after = told(SimpleContinuous(flow(0.05)), C2000)
    stretches = without_plan(ledger, after, SHEET)
    assert [stretch.in_words() for stretch in stretches] == [
        "0.05 mL of CSF for 24 h: 0 mcg/day, 0 % of the dose",
        "0.1168 mL of 500 mcg/mL for 56.1 h: 25 mcg/day, 25 % of the dose",
        "0.05 mL of an unknown fluid for 24 h: nobody knows how much drug",
    ]
    assert [(stretch.start_s, stretch.end_s) for stretch in stretches] == [(0, 86_400), (86_400, 288_231), (288_231, 374_631)]


@pytest.mark.requirement("PLN-10")
def test_where_only_the_new_fluid_comes_there_is_nothing_to_tell() -> None:
    """Or where nothing flows, or no concentration is known: then there is no dose."""
    _, after = told(SimpleContinuous(flow(0.05)), C2000)
    assert without_plan(full(C2000), after, SHEET) == ()
    _, stopped = told(Stopped(), C2000)
    assert without_plan(full(C500), stopped, SHEET) == ()
    assert without_plan(full(C500), replace(after, concentration=None), SHEET) == ()


PROGRAMS: st.SearchStrategy[Program] = st.one_of(
    st.just(MinimumRate()),
    FLOWS.map(lambda nl: SimpleContinuous(FlowRate(nl))),
    flex_days(FLOWS).map(lambda day: Flex((day,))),
    st.lists(flex_days(FLOWS), min_size=7, max_size=7).map(lambda days: Flex(tuple(days))),
)


@pytest.mark.requirement("PLN-10")
@given(PROGRAMS, st.integers(1, 316_798), st.integers(1, 316_798), st.integers(-50_000, 50_000))
def test_what_is_told_is_what_the_line_gives(program: Program, first: int, second: int, clock_s: int) -> None:
    """Any program from any time of the pump's day: each stretch as the true pump pushes the true plug, to the second."""
    a, b = sorted((first, second))
    fluids: list[Fluid] = [(a, C500), (b - a, C1000), (316_800 - b, "CSF")]
    ledger = held(*((nl, fluid) for nl, fluid in fluids if nl))
    pump, after = told(program, C2000, clock_s)
    stretches = without_plan(ledger, after, SHEET)
    tip = tip_of(pump, plug(ledger), stretches[-1].end_s + 60)
    passed_nl = passed_s = 0
    for stretch, parcel in zip(stretches, ledger.line.parcels, strict=True):
        passed_nl += parcel.volume_nl
        assert (stretch.volume, stretch.start_s) == (Volume(parcel.volume_nl), passed_s)
        assert left_by(tip, passed_nl) == stretch.end_s
        seconds = max(stretch.end_s - stretch.start_s, 1)
        assert stretch.mcg_per_day == Fraction(parcel.amount_pg * DAY_S, seconds * 10**6)
        passed_s = stretch.end_s


@pytest.mark.requirement("PLN-10")
def test_a_flow_of_one_dose_gives_the_ratio_of_the_strengths() -> None:
    """Twice the strength is twice the dose; in the flow of a flex night less than that of the mean."""
    _, after = told(SimpleContinuous(flow(0.2)), C500)
    (stretch,) = without_plan(full(C1000), after, SHEET)
    assert stretch == Stretch(ml(0.3168), "1,000 mcg/mL", 0, 136_858, stretch.mcg_per_day, stretch.percent)
    assert stretch.percent is not None
    assert float(stretch.percent) == pytest.approx(200, rel=1e-5)
