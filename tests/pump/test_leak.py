"""A septum that leaks: what it loses comes from the same mixture, and nothing is lost in the counting."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.courses import PROGRAMS, START, disturbed, done, flow, ml, needled, running_pump
from tests.pump.pumps import HOUR, RUNNING, SINGLE, after, check_cuts, in_seconds, sounding, told
from thecal.fluid import amount_of, volume_of
from thecal.pump.advance import Passage
from thecal.pump.faults import disturb
from thecal.pump.handle import handle
from thecal.pump.messages import ChangeGain, Fill, SeptumLeak, Stall, StartBolus, Update
from thecal.pump.program import Program, SimpleContinuous, Stopped
from thecal.pump.reservoir import perform
from thecal.pump.settle import Change
from thecal.pump.state import PumpState
from thecal.quantity import Concentration, FlowRate, Gain, Volume
from thecal.timeline import DAY_S, Instant


def leaking(pump: PumpState, nl_per_day: int) -> PumpState:
    return disturbed(pump, SeptumLeak(FlowRate(nl_per_day)))


def check_balance(pump: PumpState, passage: Passage) -> None:
    """Delivered, leaked and left are what was there, to the nanolitre and to the picogram."""
    before, left = pump.mechanics.reservoir, passage.state.mechanics.reservoir
    given_nl = sum(block.volume_nl for block in passage.blocks)
    given_pg = sum(block.amount_pg for block in passage.blocks)
    assert given_nl + volume_of(passage.leaked) + left.volume_nl == before.volume_nl
    assert given_pg + amount_of(passage.leaked) + left.amount_pg == before.amount_pg


@pytest.mark.requirement("PMP-60")
@settings(max_examples=60)
@given(
    PROGRAMS,
    st.integers(1, 2_000_000),
    st.integers(100_000, 40_000_000),
    st.sampled_from([500, 605, 2000]),
    st.integers(0, 60 * DAY_S),
    st.integers(0, 1000),
)
@example(SimpleContinuous(flow(0.2)), 2950, 18_000_000, 500, 7_662_972, 0)  # in the last second both streams end
@example(SimpleContinuous(flow(24)), 5_000_000, 1_000_003, 500, DAY_S, 0)
def test_what_was_filled_is_delivered_leaked_or_left(
    program: Program, nl_per_day: int, fill: int, mcg_per_ml: int, seconds: int, seed: int
) -> None:
    """Volume and amount, exactly, through the last drop, and the same however the wait is cut."""
    pump = leaking(running_pump(program, fill=Volume(fill), mcg_per_ml=mcg_per_ml), nl_per_day)
    passage = check_cuts(pump, seconds, seed)
    check_balance(pump, passage)
    if passage.state.usable_nl:
        assert volume_of(passage.leaked) == nl_per_day * seconds // DAY_S
        sound = after(running_pump(program, fill=Volume(fill), mcg_per_ml=mcg_per_ml), seconds)
        assert [block.volume_nl for block in passage.blocks] == [block.volume_nl for block in sound.blocks]


@pytest.mark.requirement("PMP-60")
def test_a_leak_takes_nothing_from_the_dose() -> None:
    """3.5 mL a day run out beside 0.2 mL a day that are given: the patient gets the same, the reservoir empties earlier."""
    pump = leaking(running_pump(RUNNING), 3_500_000)
    passage = check_cuts(pump, 4 * DAY_S)
    assert sum(block.volume_nl for block in passage.blocks) == 800_000
    assert volume_of(passage.leaked) == 14_000_000
    assert amount_of(passage.leaked) == 14_000_000 * 500
    assert passage.state.memory.calculated_nl == 30_000_000 - 800_000
    assert passage.events == ()


@pytest.mark.requirement("PMP-60")
@pytest.mark.parametrize(("nl_per_day", "gain_ppm"), [(1, 10**6), (777, 10**6), (3_500_000, 1_100_000), (123_457, 900_000)])
def test_it_runs_dry_at_the_second_at_which_both_have_emptied_it(nl_per_day: int, gain_ppm: int) -> None:
    """The first second by which the two floors together are the whole, by halving."""
    flowing = Fraction(200_000 * gain_ppm, 10**6 * DAY_S)
    low, high = 0, 400 * DAY_S
    while low < high:
        middle = (low + high) // 2
        out = floor(flowing * middle) + floor(Fraction(nl_per_day * middle, DAY_S))
        low, high = (low, middle) if out >= 9_000_000 else (middle + 1, high)
    pump = leaking(running_pump(RUNNING, fill=ml(9), gain=Gain(gain_ppm)), nl_per_day)
    passage = after(pump, 400 * DAY_S)
    assert dict(told(passage.events))["reservoir ran dry"] == low
    check_balance(pump, passage)
    assert passage.state.usable_nl == 0


@pytest.mark.requirement("PMP-30")
@pytest.mark.requirement("PMP-60")
@pytest.mark.parametrize(
    ("program", "nl_per_day", "fill"), [(RUNNING, 2950, 18_000_000), (SimpleContinuous(flow(24)), 5_000_000, 9_001)]
)
def test_the_last_nanolitres_go_the_same_way_however_time_is_cut(program: Program, nl_per_day: int, fill: int) -> None:
    """What has leaked before the last second has leaked: where both streams meet in it, nothing flows back."""
    pump = leaking(running_pump(program, fill=Volume(fill)), nl_per_day)
    dry = next(event.at.s for event in after(pump, 100 * DAY_S).events if event.kind == "reservoir ran dry")
    whole = after(pump, dry - START.s)
    for second in range(max(dry - START.s - 40, 0), dry - START.s):
        before = after(pump, second)
        rest = after(before.state, dry - START.s - second)
        assert rest.state == whole.state
        assert volume_of((*before.leaked, *rest.leaked)) == volume_of(whole.leaked)


@pytest.mark.requirement("PMP-60")
@pytest.mark.parametrize("sheet", ["reference-40", "synchromed-ii-40", "prometra-ii-40", "medstream-40"])
def test_a_stopped_pump_leaks_dry(sheet: str) -> None:
    """To the undeliverable rest, and only a fill sensor notices."""
    pump = leaking(running_pump(Stopped(), sheet, fill=ml(10)), 1_000_000)
    passage = check_cuts(pump, 20 * DAY_S)
    check_balance(pump, passage)
    assert volume_of(passage.leaked) == 10_000_000
    assert dict(told(passage.events))["reservoir ran dry"] == 10 * DAY_S
    assert sounding(passage.state) == (["low reservoir", "empty reservoir"] if sheet == "medstream-40" else [])
    assert passage.state.memory.calculated_nl == 10_000_000


@pytest.mark.requirement("PMP-60")
@pytest.mark.requirement("PMP-62")
def test_a_sensor_notices_a_leak_in_time() -> None:
    """The alarm at 3 mL comes when the sum of both flows has come to it, to the second."""
    pump = leaking(running_pump(SimpleContinuous(flow(0.5)), "medstream-40", fill=ml(10)), 500_000)
    assert dict(told(check_cuts(pump, 20 * DAY_S).events))["low reservoir alarm"] == 7 * DAY_S


@pytest.mark.requirement("PMP-60")
def test_a_leak_goes_on_under_everything_else() -> None:
    """Refilled, stalled, with a bolus, at a gain, after the end of service: what leaves is still what was there."""
    pump = leaking(running_pump(RUNNING), 250_000)
    for operation in (StartBolus(SINGLE), Update(SimpleContinuous(flow(0.31)))):
        passage = check_cuts(done(handle(pump, operation)), 5 * HOUR)
        check_balance(pump, passage)
        pump = passage.state
    pump = needled(perform(pump, Fill(ml(5), Concentration(2000))))
    for fault in (Stall(Instant(pump.now.s + 9 * HOUR)), ChangeGain(Gain.parse("-7 %")), SeptumLeak(FlowRate(1_234_567))):
        ill = disturbed(pump, fault)
        passage = check_cuts(ill, 3 * DAY_S)
        check_balance(ill, passage)
        pump = passage.state
    assert check_cuts(pump, 2600 * DAY_S).state.mode == "end of service"


@pytest.mark.requirement("PMP-60")
def test_a_leak_is_told_but_not_sensed() -> None:
    """An event for the reader; nothing in the pump's log."""
    change = disturb(running_pump(RUNNING), SeptumLeak(flow(3.5)))
    assert isinstance(change, Change)
    assert [(event.kind, event.severity, event.at) for event in change.events] == [("septum leak", "unsensed", START)]
    assert change.events[0].text.startswith("3.5 mL/day run out")
    assert in_seconds(change.state, DAY_S).memory.signals.log == ()


@pytest.mark.requirement("PMP-60")
def test_in_the_last_second_the_flow_goes_first() -> None:
    """10 nL are left, and flow and leak would each take 6 nL in the second: 6 are given, 4 leak."""
    pump = running_pump(SimpleContinuous(FlowRate(6 * DAY_S)), fill=Volume(10))
    passage = check_cuts(leaking(pump, 6 * DAY_S), 5)
    assert (sum(block.volume_nl for block in passage.blocks), volume_of(passage.leaked)) == (6, 4)
