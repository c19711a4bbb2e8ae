"""Time passes: alarms, the last drop, the pump's own clock."""

from dataclasses import replace

import pytest

from tests.courses import START, disturbed, done, flow, ml, needled, refused, running_pump
from thecal.errors import Refusal
from thecal.fluid import Parcel
from thecal.pump.advance import advance
from thecal.pump.handle import handle
from thecal.pump.messages import ChangeGain, Fill, Update, Withdraw
from thecal.pump.program import Flex, SimpleContinuous, Step, Stopped
from thecal.pump.reservoir import perform
from thecal.pump.sheet import pump_sheet
from thecal.pump.state import new_pump
from thecal.quantity import Concentration, Gain, Volume
from thecal.timeline import DAY_S, Instant

QUARTER = SimpleContinuous(flow(0.25))


def days(count: float) -> Instant:
    return Instant(START.s + round(count * DAY_S))


@pytest.mark.requirement("PMP-23")
def test_alarms_sound_at_the_first_second() -> None:
    """30 mL at 0.25 mL/day: the alarm at 2 mL after 112 days, the empty alarm after 120; not a second before."""
    pump = running_pump(QUARTER)
    passage = advance(pump, days(200))
    assert [(event.kind, event.at, event.severity) for event in passage.events[:2]] == [
        ("low reservoir alarm", days(112), "non-critical"),
        ("empty reservoir alarm", days(120), "critical"),
    ]
    assert not advance(pump, Instant(days(112).s - 1)).events
    assert len(advance(pump, days(112)).events) == 1
    assert [alarm.onset for alarm in passage.state.memory.alarms] == [days(112), days(120)]


@pytest.mark.requirement("PMP-24")
@pytest.mark.parametrize(("gain", "dry_after"), [("+20 %", 100), ("0 %", 120), ("-20 %", 150)])
def test_empty_is_when_it_is_empty(gain: str, dry_after: int) -> None:
    """The true reservoir runs dry by the true flow, whatever the pump counts; the alarms do not move."""
    pump = running_pump(QUARTER, gain=Gain.parse(gain))
    passage = advance(pump, days(200))
    dry = next(event for event in passage.events if event.kind == "reservoir ran dry")
    assert dry.at == days(dry_after)
    assert {event.at for event in passage.events if "alarm" in event.kind} == {days(112), days(120)}
    assert passage.state.usable_nl == 0
    assert sum(block.volume_nl for block in passage.blocks) == 30_000_000
    assert passage.blocks[-1].volume_nl == 0


def test_a_gain_changes_from_now_on() -> None:
    """Piecewise constant: ten days as programmed, ten days at +10 %."""
    pump = advance(running_pump(QUARTER), days(10)).state
    pump = advance(disturbed(pump, ChangeGain(Gain.parse("+10 %"))), days(20)).state
    assert pump.usable_nl == 30_000_000 - 2_500_000 - 2_750_000
    assert pump.memory.calculated_nl == 30_000_000 - 5_000_000


@pytest.mark.requirement("PMP-25")
def test_flex_follows_the_pump_clock() -> None:
    """A step from 06:00 to 07:00 runs an hour after pump 06:00, wherever UTC is, and weekdays are the pump's."""
    start = Instant(START.s - START.s % DAY_S)  # Monday 00:00 UTC
    morning = (Step(6 * 3600, flow(0.1)), Step(7 * 3600, flow(2.4)), Step(DAY_S, flow(0.1)))
    plain = (Step(DAY_S, flow(0.1)),)
    program = Flex((morning, plain, plain, plain, plain, plain, plain))
    for offset_h in (-5, 0, 1, 13):
        pump = new_pump(pump_sheet("reference-40"), start, offset_h * 3600)
        pump = needled(perform(pump, Fill(ml(40), Concentration(500))))
        pump = done(handle(pump, Update(program, Concentration(500), ml(40))))
        blocks = advance(pump, Instant(start.s + 7 * DAY_S)).blocks
        fast = [segment.interval for block in blocks for segment in block.segments() if segment.flow_nl_per_day > 10**6]
        assert len(fast) == 1
        assert (fast[0].start.s + offset_h * 3600 - start.s) % (7 * DAY_S) == 6 * 3600
        assert fast[0].seconds == 3600


def test_time_does_not_go_back() -> None:
    """A pump asked for the past is a defect of the caller."""
    with pytest.raises(ValueError, match="cannot go back"):
        advance(running_pump(QUARTER), Instant(START.s - 1))
    assert advance(running_pump(QUARTER), START).blocks == ()


def test_a_pump_never_typed_in_does_not_count() -> None:
    """Without a typed volume there is nothing to count down and no alarm."""
    pump = needled(perform(new_pump(pump_sheet("reference-40"), START), Fill(ml(1), Concentration(500))))
    pump = done(handle(pump, Update(QUARTER, Concentration(500))))
    passage = advance(pump, days(30))
    assert passage.state.memory.calculated_nl is None
    assert [event.kind for event in passage.events] == ["reservoir ran dry"]


@pytest.mark.requirement("PMP-20")
def test_it_takes_what_it_holds_and_no_more() -> None:
    """The usable volume up to the capacity; the undeliverable rest is below zero."""
    for name in ("reference-20", "synchromed-ii-20"):
        pump = new_pump(pump_sheet(name), START)
        full = needled(perform(pump, Fill(ml(20), Concentration(500))))
        assert full.usable_nl == 20_000_000
        assert refused(perform(full, Fill(Volume(1), Concentration(500)))).rule == "PMP-20"
        assert refused(perform(pump, Fill(Volume(20_000_001), Concentration(500)))).rule == "PMP-20"


@pytest.mark.requirement("PMP-21")
def test_it_gives_what_it_holds_and_no_more() -> None:
    """The needle reaches the usable volume, never the rest."""
    pump = running_pump(Stopped(), "synchromed-ii-20", fill=ml(10))
    assert refused(perform(pump, Withdraw(Volume(10_000_001)))).rule == "PMP-21"
    outcome = perform(pump, Withdraw())
    assert not isinstance(outcome, Refusal)
    emptied, syringe = outcome
    assert (emptied.usable_nl, syringe.volume_nl) == (0, 10_000_000)
    assert emptied.mechanics.reservoir.volume_nl == 1_400_000
    assert needled(perform(emptied, Withdraw())).usable_nl == 0


@pytest.mark.requirement("PMP-26")
def test_a_fill_mixes_with_what_is_left() -> None:
    """1.4 mL of 500 that cannot be aspirated under 18.6 mL of 2,000 mcg/mL make 1,895 mcg/mL."""
    pump = running_pump(Stopped(), "synchromed-ii-20", fill=ml(20))
    half = replace(pump, mechanics=replace(pump.mechanics, reservoir=pure(1_400_000, 500)))
    mixed = needled(perform(half, Fill(ml(18.6), Concentration(2000))))
    assert mixed.mechanics.reservoir.mcg_per_ml == 1895


def pure(volume_nl: int, mcg_per_ml: int) -> Parcel:
    return Parcel.whole(volume_nl, volume_nl * mcg_per_ml)
