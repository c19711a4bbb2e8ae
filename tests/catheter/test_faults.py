"""Catheter faults: what gets out at a hole, what a kink holds back, and what still arrives at the tip."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.courses import GEOMETRY, START, Bench, Operation, Port, Wait, flow, ml, new_bench, run_course
from thecal.catheter.faults import CatheterFault, CatheterLeak, Disconnection, Kink, Migration, damage
from thecal.catheter.line import Line
from thecal.errors import InputError
from thecal.fluid import Parcel
from thecal.pump.messages import ChangeGain, Fill, Update
from thecal.pump.program import SimpleContinuous
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Concentration, Gain, Length
from thecal.timeline import DAY_S, Instant
from thecal.twin.world import PlannedFault, befall, pass_time

# GEOMETRY is 80 cm of 2,210 nL/cm behind 140,000 nL of tubing: a lumen of 176,800 nL, a dead volume of 316,800 nL.
DEAD_NL = 316_800
DAY = Wait(DAY_S)


def cm(centimetres: float) -> Length:
    return Length(round(centimetres * 10))


def percent(share: int) -> int:
    return share * 10_000


def full(mcg_per_ml: int = 500) -> Line:
    """A line full of drug, in which nothing mixes."""
    return Line.holding(GEOMETRY.dead_volume, "drug", mcg_per_ml)


def damaged(line: Line, fault: CatheterFault) -> Line:
    return damage(line, GEOMETRY, fault)[0]


def running(mixing: bool = False) -> Bench:
    """20 mL of 500 mcg/mL at 0.2 mL/day behind a line of water."""
    bench = new_bench(pump_sheet("reference-40"), dead_volume=None if mixing else GEOMETRY.dead_volume)
    fill: list[Operation] = [Fill(ml(20), Concentration(500)), Update(SimpleContinuous(flow(0.2)), Concentration(500), ml(20))]
    return run_course(bench, fill)


def given_and_lost(bench: Bench) -> tuple[int, int, int, int]:
    """(intrathecal nL, pg, tissue nL, pg)."""
    ledger = bench.world.ledger
    return ledger.intrathecal.volume_nl, ledger.intrathecal.amount_pg, ledger.tissue.volume_nl, ledger.tissue.amount_pg


@pytest.mark.requirement("CAT-05")
@pytest.mark.parametrize("fault", [CatheterLeak(cm(80), percent(20)), Disconnection(cm(80)), Disconnection(cm(89))])
def test_a_place_past_the_tip_is_refused(fault: CatheterFault) -> None:
    """9 of 89 cm were trimmed: a fault at 80 cm, or on what was cut off, has nothing to happen to."""
    with pytest.raises(InputError, match=r"is not on what is left of the catheter\. Accepted: less than 80 cm"):
        damage(full(), GEOMETRY, fault)


@pytest.mark.requirement("CAT-05")
def test_the_last_millimetre_and_the_first_are_places() -> None:
    """A hole at 79.9 cm has 221 nL beyond it, one at the pump's end the whole lumen."""
    ends = [damaged(full(), Disconnection(place)).hole for place in (Length(799), Length(0))]
    assert [hole.beyond_nl for hole in ends if hole] == [221, 176_800]


@pytest.mark.requirement("CAT-05")
def test_a_tip_moves_to_a_vertebral_level_or_not_at_all() -> None:
    """There is no T13."""
    with pytest.raises(InputError, match=r"tip_level: 'T13' is not a vertebral level"):
        damage(full(), GEOMETRY, Migration("T13"))


@pytest.mark.requirement("CAT-08")
def test_a_leak_loses_its_share_and_the_rest_arrives() -> None:
    """20 % at 40 cm of 1 mL: 228,400 nL of the old fluid and 771,600 of the new pass it, and a fifth of each gets out."""
    line = damaged(full(500), CatheterLeak(cm(40), percent(20)))
    pushed = line.pushed((Parcel.whole(1_000_000, 10**9),))
    assert (pushed.lost_nl, pushed.lost_pg) == (200_000, (228_400 * 500 + 771_600 * 1000) // 5)
    assert [(parcel.volume_nl, parcel.amount_pg) for parcel in pushed.out] == [
        (88_400, 44_200_000),  # what lay beyond the hole was whole
        (182_720, 91_360_000),
        (528_880, 528_880_000),
    ]
    assert (pushed.line.volume_nl, pushed.line.amount_pg) == (DEAD_NL, DEAD_NL * 1000)


@pytest.mark.requirement("CAT-08")
@given(
    st.integers(1, 5000),
    st.integers(0, 10**7),
    st.integers(0, 10**6),
    st.integers(0, 799),
    st.lists(st.integers(1, 4999), max_size=6),
)
def test_a_share_is_exact_however_a_fluid_is_pushed(volume_nl: int, pg: int, lost_ppm: int, place: int, cuts: list[int]) -> None:
    """Of a whole fluid the floor of the share goes on, in volume and in amount; pieces lose as much as the whole."""
    beyond_nl = 221 * (800 - place)
    before_nl = DEAD_NL - beyond_nl
    row = (Parcel.whole(beyond_nl, 0, "CSF"), Parcel.whole(before_nl, 0, "sterile water"))
    line = damaged(Line(row), CatheterLeak(Length(place), lost_ppm))
    kept_ppm = 10**6 - lost_ppm
    fluid = Parcel.whole(volume_nl, pg)
    ends = [0, *sorted({cut for cut in cuts if cut < volume_nl}), volume_nl]
    pieces = [fluid.cut(end)[0].cut(start)[1] for start, end in pairwise(ends)]
    lost_nl = lost_pg = 0
    for part in (*pieces, Parcel.whole(before_nl, 0, "CSF")):  # the second drives the first through the hole
        pushed = line.pushed((part,))
        line, lost_nl, lost_pg = pushed.line, lost_nl + pushed.lost_nl, lost_pg + pushed.lost_pg
        assert line.volume_nl == DEAD_NL
    water_nl = before_nl - before_nl * kept_ppm // 10**6
    assert lost_nl == water_nl + volume_nl - volume_nl * kept_ppm // 10**6
    assert lost_pg == pg - pg * kept_ppm // 10**6


@pytest.mark.requirement("CAT-08")
def test_a_leak_in_a_running_line() -> None:
    """20 % at 40 cm over ten days: 0.4 of 2 mL into the tissue, with drug in it as soon as the water has passed."""
    bench = run_course(running(), [CatheterLeak(cm(40), percent(20)), Wait(10 * DAY_S)])
    to_tip_pg = (1_600_000 - 88_400 - 182_720) * 500
    assert given_and_lost(bench) == (1_600_000, to_tip_pg, 400_000, (2_000_000 - 228_400) // 5 * 500)
    assert bench.world.balance().closes


@pytest.mark.requirement("CAT-08")
def test_a_leak_that_grows_loses_more_each_day() -> None:
    """A tenth, two tenths, three tenths of 0.2 mL, and nothing more once it is closed."""
    lost = []
    bench = running()
    for share in (10, 20, 30, 0):
        bench = run_course(bench, [CatheterLeak(cm(10), percent(share)), DAY])
        lost.append(given_and_lost(bench)[2])
    assert lost == [20_000, 60_000, 120_000, 120_000]
    assert bench.world.line.hole is None
    assert bench.world.balance().closes


@pytest.mark.requirement("CAT-08")
def test_two_leaks_count_as_one_of_both_shares() -> None:
    """Half is lost at 20 cm; half of that again at 60 cm: from then on a quarter goes on past there, and drug closes."""
    line = damaged(full(500), CatheterLeak(cm(20), percent(50)))
    first = line.pushed((Parcel.whole(265_200, 265_200_000),))
    assert (first.lost_nl, first.lost_pg) == (132_600, (184_200 * 500 + 81_000 * 1000) // 2)
    second = damaged(first.line, CatheterLeak(cm(60), percent(50))).pushed((Parcel.whole(88_400, 0, "CSF"),))
    assert (second.lost_nl, second.lost_pg) == (66_300, (47_900 * 500 + 40_500 * 1000) * 3 // 4)
    assert [(parcel.volume_nl, parcel.amount_pg) for parcel in second.out] == [(22_100, 11_050_000)]
    apart = damaged(second.line, Disconnection(cm(10)))
    assert damaged(apart, CatheterLeak(cm(60), percent(50))).hole == apart.hole  # a leak heals nothing
    assert second.line.volume_nl == DEAD_NL


@pytest.mark.requirement("CAT-08")
def test_nothing_arrives_past_a_disconnection() -> None:
    """At 20 cm all of it runs into the tissue, and what lies in the loose end stays there."""
    bench = run_course(running(), [Wait(10 * DAY_S), Disconnection(cm(20)), Wait(5 * DAY_S)])
    assert given_and_lost(bench) == (2_000_000, (2_000_000 - DEAD_NL) * 500, 1_000_000, 500_000_000)
    assert (bench.world.line.volume_nl, bench.world.line.amount_pg) == (DEAD_NL, DEAD_NL * 500)
    assert bench.world.balance().closes


@pytest.mark.requirement("CAT-08")
def test_a_tip_outside_the_canal_delivers_nothing_until_it_is_back() -> None:
    """Five days in, five out, five in again; there is no fault in the pump's flow all the while."""
    bench = run_course(running(), [Wait(5 * DAY_S), Migration(None), Wait(5 * DAY_S)])
    assert given_and_lost(bench)[::2] == (1_000_000, 1_000_000)
    bench = run_course(bench, [Migration("T12"), Wait(5 * DAY_S)])
    assert given_and_lost(bench) == (2_000_000, (1_000_000 - DEAD_NL + 1_000_000) * 500, 1_000_000, 500_000_000)
    assert bench.world.geometry == replace(GEOMETRY, tip_level="T12")
    assert bench.world.balance().closes


@pytest.mark.requirement("CAT-08")
def test_a_tip_that_moves_inside_the_canal_delivers_as_before() -> None:
    """Only the level is another."""
    moved, still = (run_course(running(), [Wait(7 * DAY_S), *faults, DAY]) for faults in ([Migration("L1")], []))
    assert moved.world.geometry == replace(GEOMETRY, tip_level="L1")
    assert replace(moved.world, geometry=GEOMETRY) == still.world


@pytest.mark.requirement("CAT-08")
def test_a_tip_that_moves_does_not_mend_a_leak() -> None:
    """A hole on the way is another hole than the way out at the tip."""
    bench = run_course(running(), [CatheterLeak(cm(40), percent(50)), Migration("L1"), Wait(5 * DAY_S)])
    assert given_and_lost(bench)[::2] == (500_000, 500_000)


@pytest.mark.requirement("CAT-09")
@pytest.mark.parametrize(("open_percent", "out_nl"), [(100, 1_000_000), (40, 400_000), (1, 10_000), (0, 0)])
def test_what_a_kink_holds_back_stays_in_the_reservoir(open_percent: int, out_nl: int) -> None:
    """Of 1 mL in five days so much gets through; the pump counts on as if nothing were the matter."""
    bench = run_course(running(), [Kink(percent(open_percent)), Wait(5 * DAY_S)])
    assert given_and_lost(bench)[::2] == (out_nl, 0)
    assert bench.pump.usable_nl == 20_000_000 - out_nl
    assert bench.pump.memory.calculated_nl == 19_000_000
    assert {event.kind for event in bench.events} == {"kink"}  # the pump says nothing
    assert bench.world.balance().closes


@pytest.mark.requirement("CAT-09")
def test_a_kink_that_goes_lets_the_flow_through_again() -> None:
    """Two days at the whole flow, two occluded, two at half, two free: 0.4, 0, 0.2 and 0.4 mL."""
    delivered = []
    bench = running()
    for open_percent in (100, 0, 50, 100):
        bench = run_course(bench, [Kink(percent(open_percent)), Wait(2 * DAY_S)])
        delivered.append(given_and_lost(bench)[0])
    assert delivered == [400_000, 400_000, 600_000, 1_000_000]


@pytest.mark.requirement("CAT-09")
def test_a_kink_a_leak_and_a_gain_multiply() -> None:
    """0.2 mL/day, a quarter more of it, half of that through the kink, a fifth of that lost: 0.125 mL/day, 0.1 at the tip."""
    faults: list[Operation] = [ChangeGain(Gain.parse("+25 %")), Kink(percent(50)), CatheterLeak(cm(40), percent(20))]
    bench = run_course(running(), [*faults, Wait(4 * DAY_S)])
    assert given_and_lost(bench)[::2] == (400_000, 100_000)
    assert bench.pump.usable_nl == 19_500_000


@pytest.mark.requirement("CAT-09")
def test_a_kink_on_the_way_of_time_is_met_at_its_second() -> None:
    """Planned for the third day and a second, told once, and from then on a tenth flows."""
    planned = PlannedFault(Instant(START.s + 2 * DAY_S + 1), Kink(percent(10)), "it bends")
    passed = pass_time(replace(running().world, faults=(planned,)), Instant(START.s + 12 * DAY_S + 1))
    assert [(event.at, event.kind, event.severity, event.text) for event in passed.events] == [
        (planned.at, "kink", "unsensed", "it bends")
    ]
    assert passed.world.ledger.intrathecal.volume_nl == 400_002 + 200_000  # two days and 2.3 nL more, then a tenth
    assert not passed.world.faults


def test_a_fault_without_a_pump_leaves_no_trace() -> None:
    """There is no catheter that it could happen to."""
    world = replace(running().world, pump=None, geometry=None, line=Line(()))
    assert befall(world, PlannedFault(START, Disconnection(cm(200)), "told"), []) == world


CATHETER: st.SearchStrategy[Operation] = st.one_of(
    st.integers(0, 10).map(lambda tenth: Kink(percent(10 * tenth))),
    st.builds(CatheterLeak, st.integers(0, 79).map(cm), st.sampled_from([percent(0), percent(50)])),
    st.integers(0, 79).map(lambda place: Disconnection(cm(place))),
    st.sampled_from([Migration("L1"), Migration(None), Migration("T12")]),
    st.builds(Port, st.sampled_from(["aspirate", "inject"]), st.integers(1, 20).map(lambda n: ml(n / 50)), st.just(2000)),
)


@pytest.mark.requirement("CAT-08")
@given(st.lists(st.tuples(CATHETER, st.integers(0, 3).map(lambda days: Wait(days * DAY_S))), max_size=10), st.booleans())
def test_through_everything_the_line_holds_its_dead_volume(steps: list[tuple[Operation, Wait]], mixing: bool) -> None:
    """Faults and needles in any order, with and without mixing: the line is never fuller or emptier, and nothing is missing."""
    bench = running(mixing)
    for operation in (operation for step in steps for operation in step):
        bench = bench.do(operation)
        balance = bench.world.balance()
        assert bench.world.line.volume_nl == DEAD_NL
        assert all(parcel.volume_nl >= 0 and parcel.amount_pg >= 0 for parcel in bench.world.line.parcels)
        assert (balance.gap_nl, balance.gap_pg) == (0, 0)
