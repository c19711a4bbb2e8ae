"""The loop: a source decides, the world follows, the chart knows what people know."""

from dataclasses import replace
from itertools import pairwise

import pytest

from tests.courses import START, ml
from tests.twin.cases import CASE, case, with_line
from thecal.catheter.geometry import Geometry, catheter_sheet
from thecal.chart.chart import Chart
from thecal.chart.facts import Acted, Ordered, ResidualMeasured, SessionEnded
from thecal.chart.order import OrderBolus, OrderContinuous, OrderMinimumRate, OrderStop
from thecal.pump.messages import ChangeGain
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Amount, Concentration, DailyDose, Gain, Length
from thecal.timeline import DAY_S, Duration, Instant
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
from thecal.twin.run import run
from thecal.twin.trace import Record, Trace
from thecal.twin.world import PlannedFault, World

SHEET = pump_sheet("synchromed-ii-20")
GEOMETRY = Geometry(catheter_sheet("indura-8709sc"), Length(0), "T10", SHEET.tubing_volume)
C500, C2000 = Concentration(500), Concentration(2000)
HUNDRED = OrderContinuous(DailyDose(100_000_000))


def at(days: float) -> Instant:
    return Instant(START.s + round(days * DAY_S))


def ran(*actions: Action, until: float = 60, record: Record | None = None, world: World | None = None) -> Trace:
    def source(chart: Chart, _: Instant) -> Action | None:
        return actions[chart.acted] if chart.acted < len(actions) else None

    return run(world or World(START), source, at(until), record)


IMPLANT = Implant(START, SHEET, GEOMETRY, 0)
FIRST = Refill(START, ml(18), C500, HUNDRED)


def rules(trace: Trace) -> list[str]:
    return [refused.refusal.rule for refused in trace.refused]


@pytest.mark.requirement("TWN-10")
def test_every_account_is_used_and_the_ledger_closes() -> None:
    """Test bolus, waste, residual, explant: after all of it, nothing is missing."""
    trace = ran(
        GiveTestBolus(START, Amount(50_000_000), Concentration(50)),
        IMPLANT,
        Refill(START, ml(18), C500, HUNDRED, drawn_up=ml(20)),
        Refill(at(30), ml(17), C500),
        Explant(at(50)),
    )
    ledger = trace.balance.ledger
    assert ledger.vial.volume_nl == 1_000_000 + 20_000_000 + 17_000_000
    assert ledger.wasted.volume_nl == 2_000_000 + 1_400_000 + GEOMETRY.dead_volume.nl
    assert ledger.withdrawn.volume_nl == 18_000_000 - 6_000_000 + 17_000_000 - 4_000_000
    assert ledger.intrathecal.volume_nl == 1_000_000 + 10_000_000
    assert ledger.tissue.amount_pg == 0
    assert trace.balance.closes
    assert (trace.balance.reservoir.volume_nl, trace.balance.line.volume_nl) == (0, 0)


@pytest.mark.requirement("TWN-01")
@pytest.mark.requirement("TWN-02")
@pytest.mark.requirement("TWN-04")
@pytest.mark.requirement("TWN-03")
def test_what_cannot_be_done_is_refused() -> None:
    """A second pump, more than was drawn up, anything without a pump."""
    without = ran(
        Reprogram(START, OrderStop()),
        Refill(START, ml(18), C500),
        GiveBolus(START, OrderBolus(Amount(50_000_000), Duration(600))),
        EndBolus(START),
        Explant(START),
        IMPLANT,
        replace(IMPLANT, at=at(1)),
        Refill(at(1), ml(18), C500, drawn_up=ml(17)),
        Refill(at(1), ml(18), C500, measured=ml(20.000001)),
    )
    assert rules(without) == ["TWN-03"] * 5 + ["TWN-01", "TWN-02", "TWN-04"]
    assert without.balance.ledger.vial.volume_nl == 0


@pytest.mark.requirement("TWN-12")
@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        (Reprogram(at(10), OrderContinuous(DailyDose(10_000_000))), "PMP-01"),
        (Refill(at(10), ml(21), C500), "PMP-20"),
        (Refill(at(10), ml(18), C2000), "PMP-12"),
        (Refill(at(10), ml(18), C500, OrderContinuous(DailyDose(10**11))), "PMP-02"),
        (Refill(at(10), ml(18), C500, typed=ml(40)), "PMP-09"),
        (GiveBolus(at(10), OrderBolus(Amount(50_000_000), Duration(5))), "PMP-13"),
        (EndBolus(at(10)), "PMP-07"),
    ],
)
def test_the_run_goes_on_as_if_it_had_not_been_asked(bad: Action, rule: str) -> None:
    """Refused whole: with and without the refused action, the world ends the same; the chart remembers the asking."""
    rest = (Note(at(20), "later"), Reprogram(at(30), OrderMinimumRate()))
    with_it, without = ran(IMPLANT, FIRST, bad, *rest), ran(IMPLANT, FIRST, *rest)
    assert rules(with_it) == [rule]
    assert with_it.world == without.world
    assert with_it.events == without.events
    acted = [fact for fact in with_it.chart.facts if isinstance(fact, Acted) and fact.refusal]
    assert [fact.refusal.rule for fact in acted if fact.refusal] == [rule]
    order = getattr(bad, "order", None)
    if order:
        assert Ordered(bad.at, order) in with_it.chart.facts


def test_as_expected_or_not() -> None:
    """An expected refusal is fine, an unexpected one is not, and neither is one that did not come."""
    bad = Reprogram(at(10), OrderContinuous(DailyDose(10_000_000)))
    good = Reprogram(at(10), HUNDRED)
    assert ran(IMPLANT, FIRST, replace(bad, expect_refused=True)).as_expected
    assert not ran(IMPLANT, FIRST, bad).as_expected
    assert not ran(IMPLANT, FIRST, replace(good, expect_refused=True)).as_expected


@pytest.mark.requirement("TWN-13")
def test_the_chart_is_blind_to_the_truth() -> None:
    """Two worlds with different gains leave the same chart until a syringe measures; then the residuals differ."""
    slow, fast = (case(with_line('gain = "+2 %"', f'gain = "{gain}"')) for gain in ("-10 %", "+10 %"))
    charts = [run(each.world, each.source, each.until).chart for each in (slow, fast)]
    assert charts[0] == charts[1]
    refill = CASE + '\n[[event]]\nat = "2026-04-12 09:00"\nkind = "refill"\nvolume = "18 mL"\nconcentration = "500 mcg/mL"\n'
    slow, fast = (case(refill.replace('gain = "+2 %"', f'gain = "{gain}"')) for gain in ("-10 %", "+10 %"))
    residuals = [run(each.world, each.source, each.until).chart.residual for each in (slow, fast)]
    assert residuals[0] is not None
    assert residuals[1] is not None
    assert residuals[0].expected == residuals[1].expected
    assert residuals[0].measured > residuals[1].measured


def test_a_reading_that_was_written_down_is_the_fact() -> None:
    """The syringe's reading of the record stands in the chart; the fluid follows the truth."""
    trace = ran(IMPLANT, FIRST, Refill(at(30), ml(18), C500, measured=ml(11.5)))
    residual = next(fact for fact in trace.chart.facts if isinstance(fact, ResidualMeasured))
    assert (residual.expected, residual.measured) == (ml(12), ml(11.5))
    assert trace.balance.ledger.withdrawn.volume_nl == 12_000_000


def test_what_is_typed_and_what_is_filled_are_two_facts() -> None:
    """17 mL in the pump, 18 typed: the count is wrong until a syringe shows it."""
    trace = ran(IMPLANT, Refill(START, ml(17), C500, HUNDRED, typed=ml(18)), Refill(at(30), ml(18), C500))
    residual = next(fact for fact in trace.chart.facts if isinstance(fact, ResidualMeasured))
    assert residual.expected is not None
    assert residual.expected - residual.measured == ml(1)


def test_the_running_order_is_the_one_that_was_acknowledged() -> None:
    """A bolus or a refill at the same dose leaves it; a refused order does not replace it."""
    bolus = GiveBolus(at(5), OrderBolus(Amount(50_000_000), Duration(600)))
    trace = ran(IMPLANT, FIRST, bolus, Reprogram(at(6), OrderContinuous(DailyDose(1_000_000))), Refill(at(30), ml(18), C500))
    sessions = [fact for fact in trace.chart.facts if isinstance(fact, SessionEnded)]
    assert [session.order for session in sessions] == [HUNDRED, HUNDRED, HUNDRED]


def test_rows_follow_each_other() -> None:
    """Every row begins where the one before it ended; their volumes add up; notes and refusals open none."""
    trace = ran(IMPLANT, FIRST, Note(at(5), "x"), EndBolus(at(6)), Reprogram(at(10), OrderContinuous(DailyDose(150_000_000))))
    assert len(trace.courses) == 2
    assert all(a.interval.end == b.interval.start for a, b in pairwise(trace.courses))
    assert (trace.courses[0].interval.start, trace.courses[-1].interval.end) == (START, at(60))
    assert sum(course.delivered_nl for course in trace.courses) == trace.balance.ledger.intrathecal.volume_nl
    assert [getattr(fact, "text", None) for fact in trace.courses[0].facts].count("x") == 1
    assert trace.courses[1].ordered == DailyDose(150_000_000)


def test_an_old_concentration_in_the_line_is_said() -> None:
    """An event as the concentration changes, where the line holds drug of another strength; none at the first fill."""
    same, other = Refill(at(20), ml(18), C500), Refill(at(30), ml(18), C2000, HUNDRED)
    said = [event for event in ran(IMPLANT, FIRST, same, other).events if event.kind == "old concentration in the line"]
    assert [(event.at, event.severity) for event in said] == [(at(30), "unsensed")]
    assert "0.33669 mL of about 497 mcg/mL" in said[0].text


def test_a_row_ends_where_the_reservoir_runs_dry() -> None:
    """No mean over weeks hides the days without drug; the alarms that sound stand in the rows."""
    trace = ran(IMPLANT, FIRST, until=120)
    last = trace.courses[-2:]
    assert [row.interval.end for row in last] == [at(90), at(120)]
    assert (last[0].delivered_nl, last[1].delivered_nl) == (18_000_000, 0)
    assert last[1].delivered_mcg_per_day == 0
    assert [row.alarms for row in last] == [("low reservoir", "empty reservoir")] * 2
    assert [event.severity for event in trace.events if event.kind == "reservoir ran dry"] == ["unsensed"]


def test_what_is_done_at_the_very_end_is_in_the_rows() -> None:
    """A last row without time holds its facts."""
    trace = ran(IMPLANT, FIRST, Refill(at(60), ml(18), C500))
    last = trace.courses[-1]
    assert (last.interval.seconds, last.delivered_mcg_per_day) == (0, None)
    assert any(isinstance(fact, ResidualMeasured) for fact in last.facts)


def test_the_first_residual_after_implant_is_marked() -> None:
    """It is not yet reliable; after an explant the next pump has a first one again."""
    again = replace(IMPLANT, at=at(40))
    trace = ran(
        IMPLANT, FIRST, Refill(at(20), ml(18), C500), Refill(at(30), ml(18), C500), Explant(at(40)), again,
        Refill(at(40), ml(18), C500, HUNDRED), Refill(at(50), ml(18), C500),
    )  # fmt: skip
    residuals = [fact for fact in trace.chart.facts if isinstance(fact, ResidualMeasured)]
    assert [residual.first for residual in residuals] == [True, False, True]


def test_a_fault_of_one_pump_is_not_one_of_the_next() -> None:
    """A pump that ran fast is replaced by one that runs as the case says; a fault before any implant is the first pump's."""
    world = World(START, gain=Gain.parse("+1 %"), faults=(PlannedFault(at(10), ChangeGain(Gain.parse("+40 %"))),))
    again = Implant(at(30), SHEET, GEOMETRY, 0)
    trace = ran(IMPLANT, FIRST, Explant(at(30)), again, Refill(at(30), ml(18), C500, HUNDRED), world=world)
    assert [row.delivered_nl for row in trace.courses if row.delivered_nl] == [2_020_000 + 5_600_000, 6_060_000]
    early = World(START, faults=(PlannedFault(START, ChangeGain(Gain.parse("+10 %"))),))
    assert ran(IMPLANT, FIRST, until=10, world=early).courses[-1].delivered_nl == 2_200_000


def test_a_bolus_that_ends_early_says_how_much_of_it_was_programmed() -> None:
    """Cancelled, or ended by a stop; and what ran to its end is called programmed, not delivered."""
    bolus = GiveBolus(at(1), OrderBolus(Amount(50_000_000), Duration(600)))
    halfway = Instant(at(1).s + 300)
    for end in (EndBolus(halfway), Reprogram(halfway, OrderStop())):
        events = ran(IMPLANT, FIRST, bolus, end, until=2).events
        assert [(event.kind, event.text) for event in events] == [("bolus cut short", "0.05 mL of 0.1 mL programmed")]
    assert [event.text for event in ran(IMPLANT, FIRST, bolus, until=2).events] == ["0.1 mL programmed"]


def test_an_alarm_remembers_since_when() -> None:
    """A command on the way does not start it anew."""
    trace = ran(IMPLANT, FIRST, Reprogram(at(85), HUNDRED), until=86)
    assert trace.world.pump is not None
    assert [alarm.onset for alarm in trace.world.pump.memory.alarms] == [at(80)]


def test_the_drug_front_at_the_tip() -> None:
    """An unprimed line of 0.33669 mL at 0.2 mL/day gives water for 1.68 days, and the middle of the front comes then."""
    trace = ran(IMPLANT, FIRST)
    assert trace.drug_front_at_tip is not None
    days = (trace.drug_front_at_tip.s - START.s) / DAY_S
    assert days == pytest.approx(GEOMETRY.dead_volume.ml / 0.2, abs=0.0022 / 0.2)  # to a slice of a centimetre
    half_a_day_before = Instant(trace.drug_front_at_tip.s - DAY_S // 2)
    assert list(trace.delivered_at([START, half_a_day_before]))[1][1] == 0


def test_what_is_not_recorded_does_not_change_what_happens() -> None:
    """Totals only, or everything: the same world, chart, events and ledger."""
    full = ran(IMPLANT, FIRST, Refill(at(30), ml(18), C500))
    bare = ran(IMPLANT, FIRST, Refill(at(30), ml(18), C500), record=Record(keep_rows=False, keep_blocks=False))
    assert (bare.world, bare.chart, bare.events) == (full.world, full.chart, full.events)
    assert (bare.courses, bare.tip) == ((), ())


def test_delivered_at_any_instant_is_the_sum_of_the_blocks() -> None:
    """Cumulative, never falling, and the ledger's at the end."""
    trace = ran(IMPLANT, FIRST, Refill(at(30), ml(18), C500))
    instants = [at(day / 3) for day in range(181)]
    given = list(trace.delivered_at(instants))
    assert all(a[0] <= b[0] and a[1] <= b[1] for a, b in pairwise(given))
    entry = trace.balance.ledger.intrathecal
    assert given[-1] == (entry.volume_nl, entry.amount_pg)


def test_a_run_can_be_told_how_far_it_is() -> None:
    """Progress is told at every action and at the end."""
    told: list[Instant] = []
    ran(IMPLANT, FIRST, Note(at(10), "x"), record=Record(progress=told.append))
    assert told == [START, START, at(10), at(60)]


def test_an_action_in_the_past_is_a_defect_of_the_source() -> None:
    """The loop does not turn time back."""
    with pytest.raises(ValueError, match="cannot go back"):
        ran(IMPLANT, FIRST, Note(at(10), "x"), Note(at(5), "y"))


def test_an_action_at_the_end_is_still_done_and_one_after_it_is_not() -> None:
    """Until includes its own instant."""
    trace = ran(IMPLANT, FIRST, Note(at(60), "last"), Note(at(61), "never"))
    assert trace.chart.acted == 3
