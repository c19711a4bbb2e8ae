"""The laws of whole runs: random courses of actions and faults through the one loop, with the program's own bookkeeping."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.courses import GAINS, START
from thecal.catheter.geometry import Geometry, catheter_sheet
from thecal.chart.chart import Chart
from thecal.chart.facts import Acted
from thecal.chart.order import FlexDay, Order, OrderBolus, OrderContinuous, OrderFlex, OrderMinimumRate, OrderStop, StepDose
from thecal.pump.messages import ChangeGain
from thecal.pump.sheet import PumpSheet, pump_sheet
from thecal.quantity import Amount, Concentration, DailyDose, Gain, Length, Volume
from thecal.therapy.refill import RefillPolicy, refill_by
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

UNTIL = Instant(START.s + 200 * DAY_S)
HOUR_MCG = st.integers(1, 40)


def flex(parts: list[int]) -> OrderFlex:
    """Four steps of six hours."""
    steps = tuple(StepDose(6 * n * 3600, 6 * (n + 1) * 3600, Amount(part * 10**6)) for n, part in enumerate(parts))
    return OrderFlex((FlexDay((), DailyDose(sum(parts) * 10**6), steps),))


ORDERS: st.SearchStrategy[Order] = st.one_of(
    st.just(OrderStop()),
    st.just(OrderMinimumRate()),
    st.integers(10, 3000).map(lambda mcg: OrderContinuous(DailyDose(mcg * 10**6))),
    st.lists(st.integers(5, 300), min_size=4, max_size=4).map(flex),
)
VOLUMES = st.integers(1, 22_000_000).map(Volume)
STRENGTHS = st.sampled_from([500, 1000, 2000]).map(Concentration)
SHEETS = [
    pump_sheet("reference-20"),
    pump_sheet("synchromed-ii-20"),
    replace(pump_sheet("synchromed-ii-20"), basal_during_bolus="suspended", update_during_bolus="cancels"),
]


def actions_at(at: Instant, sheet: PumpSheet) -> st.SearchStrategy[Action]:
    """Any action at an instant, most of them possible."""
    geometry = Geometry(catheter_sheet("indura-8709sc"), Length(0), "T10", sheet.tubing_volume)
    refill = st.builds(
        Refill,
        st.just(at),
        VOLUMES,
        STRENGTHS,
        st.none() | ORDERS,
        typed=st.none() | VOLUMES,
        drawn_up=st.none() | VOLUMES,
        measured=st.none() | VOLUMES,
    )
    return st.one_of(
        refill,
        st.builds(Reprogram, st.just(at), ORDERS),
        st.builds(
            lambda mcg, s: GiveBolus(at, OrderBolus(Amount(mcg * 10**6), Duration(s))),
            st.integers(1, 200),
            st.integers(30, 90_000),
        ),
        st.just(EndBolus(at)),
        st.just(Note(at, "x")),
        st.just(Implant(at, sheet, geometry, 0)),
        st.just(Explant(at)),
        st.just(GiveTestBolus(at, Amount(50 * 10**6), Concentration(50))),
    )


@st.composite
def courses(draw: st.DrawFn) -> tuple[list[Action], tuple[PlannedFault, ...]]:
    """An implant and a refill, then anything at any time, equal times and the very end included; and faults."""
    sheet = draw(st.sampled_from(SHEETS))
    geometry = Geometry(catheter_sheet("indura-8709sc"), Length(0), "T10", sheet.tubing_volume)
    order = draw(st.integers(30, 900).map(lambda mcg: OrderContinuous(DailyDose(mcg * 10**6))))
    made: list[Action] = [Implant(START, sheet, geometry, 0), Refill(START, Volume(18_000_000), Concentration(1000), order)]
    times = sorted(draw(st.lists(st.integers(START.s, UNTIL.s), max_size=12)))
    made += [draw(actions_at(Instant(second), sheet)) for second in times]
    fault_times = sorted(draw(st.lists(st.integers(START.s, UNTIL.s), max_size=3)))
    return made, tuple(PlannedFault(Instant(second), ChangeGain(draw(GAINS))) for second in fault_times)


def ran(made: list[Action], faults: tuple[PlannedFault, ...]) -> Trace:
    def source(chart: Chart, _: Instant) -> Action | None:
        return made[chart.acted] if chart.acted < len(made) else None

    return run(World(START, faults=faults), source, UNTIL, Record())


@pytest.mark.requirement("TWN-10")
@given(courses())
def test_every_run_accounts_for_everything(course: tuple[list[Action], tuple[PlannedFault, ...]]) -> None:
    """The ledger closes, the rows add up to it, and they follow each other without a gap."""
    trace = ran(*course)
    assert (trace.balance.gap_nl, trace.balance.gap_pg) == (0, 0)
    assert all(entry.volume_nl >= 0 and entry.amount_pg >= 0 for entry in trace.balance.held)
    tests = sum(isinstance(action, GiveTestBolus) for action in course[0])
    entry = trace.balance.ledger.intrathecal
    assert sum(row.delivered_nl for row in trace.courses) == entry.volume_nl - tests * 1_000_000
    assert sum(row.delivered_pg for row in trace.courses) == entry.amount_pg - tests * 50 * 10**6
    assert all(a.interval.end == b.interval.start for a, b in pairwise(trace.courses))
    assert (trace.courses[0].interval.start, trace.courses[-1].interval.end) == (START, UNTIL)


@pytest.mark.requirement("PMP-31")
@pytest.mark.requirement("TWN-12")
@given(courses())
def test_what_was_refused_might_as_well_not_have_been_asked(course: tuple[list[Action], tuple[PlannedFault, ...]]) -> None:
    """Without its refused actions a course has the same world, events and balance, and every fact in the rows is in the chart."""
    made, faults = course
    trace = ran(made, faults)
    refused = {id(item.action) for item in trace.refused}
    without = ran([action for action in made if id(action) not in refused], faults)
    assert (without.world, without.events, without.balance) == (trace.world, trace.events, trace.balance)
    assert not without.refused
    in_rows = [fact for row in trace.courses for fact in row.facts]
    assert in_rows == list(trace.chart.facts)
    assert sum(isinstance(fact, Acted) for fact in in_rows) == len(made)


@given(courses(), st.lists(st.integers(START.s, UNTIL.s), max_size=20))
def test_notes_cut_time_and_change_nothing(course: tuple[list[Action], tuple[PlannedFault, ...]], seconds: list[int]) -> None:
    """A run interrupted by notes is the same run: world, events, rows but for their notes, and the first drug at the tip."""
    made, faults = course
    notes: list[Action] = [Note(Instant(second), "cut") for second in seconds]
    plain, cut = ran(made, faults), ran(sorted([*made, *notes], key=lambda action: action.at.s), faults)
    assert (cut.world, cut.events, cut.drug_front_at_tip) == (plain.world, plain.events, plain.drug_front_at_tip)
    bare = [[replace(row, facts=()) for row in trace.courses if row.interval.seconds] for trace in (plain, cut)]
    assert bare[0] == bare[1]
    instants = [Instant(second) for second in range(START.s, UNTIL.s, 5 * DAY_S)]
    assert list(cut.delivered_at(instants)) == list(plain.delivered_at(instants))


@given(courses())
def test_the_chart_is_its_facts(course: tuple[list[Action], tuple[PlannedFault, ...]]) -> None:
    """Folded anew from nothing, the facts give the chart; and running again gives the run."""
    trace = ran(*course)
    assert Chart().after(*trace.chart.facts) == trace.chart
    assert ran(*course) == trace


@pytest.mark.requirement("REF-12")
@given(st.integers(48_000, 900_000), st.lists(st.integers(1, 60 * DAY_S), max_size=6), GAINS)
def test_an_order_that_changes_nothing_never_makes_the_refill_later(nl_per_day: int, waits: list[int], gain: Gain) -> None:
    """Re-ordering the same dose leaves the date, and a pump at the bound of its label has not reached its threshold by then."""
    sheet = SHEETS[0]
    order = OrderContinuous(DailyDose(nl_per_day * 500))
    made: list[Action] = [
        Implant(START, sheet, Geometry(catheter_sheet("indura-8709sc"), Length(0), "T10", sheet.tubing_volume), 0),
        Refill(START, Volume(20_000_000), Concentration(500), order),
    ]
    at = START.s
    for wait in waits:
        at = min(at + wait, UNTIL.s)
        made.append(Reprogram(Instant(at), order))
    policy = RefillPolicy.default()
    first = refill_by(ran(made[:2], ()).chart, sheet, policy)
    trace = ran(made, (PlannedFault(START, ChangeGain(gain)),))
    last = refill_by(trace.chart, sheet, policy)
    assert first is not None
    assert last is not None
    if trace.chart.session is not None and trace.chart.session.report.calculated != Volume(0):
        assert first.days - 1 <= last.days <= first.days


def test_a_pump_at_the_bound_of_its_label_is_refilled_in_time() -> None:
    """At +14.5 % the true volume is above the threshold on the day to refill by, also after a new session on the way."""
    sheet = SHEETS[0]
    order = OrderContinuous(DailyDose(100 * 10**6))
    geometry = Geometry(catheter_sheet("indura-8709sc"), Length(0), "T10", sheet.tubing_volume)
    again = Reprogram(Instant(START.s + 60 * DAY_S), order)
    made: list[Action] = [Implant(START, sheet, geometry, 0), Refill(START, Volume(18_000_000), Concentration(500), order), again]
    trace = ran(made, (PlannedFault(START, ChangeGain(Gain.parse("+14.5 %"))),))
    due = refill_by(trace.chart, sheet, RefillPolicy.default())
    assert due is not None
    given_nl = next(iter(trace.delivered_at([due.instant])))[0]
    assert 18_000_000 - given_nl > sheet.low_reservoir_threshold.nl
    assert due.days == int(16 / (0.2 * 1.145)) - 5
