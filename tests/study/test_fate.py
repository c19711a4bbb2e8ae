"""Chance about one person: each kind from a stream of its own, at the rates that were asked for."""

from math import sqrt
from statistics import mean, stdev
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thecal.catheter.faults import Disconnection, Kink
from thecal.pump.messages import BatteryFilm, Magnet, Stall
from thecal.pump.sheet import pump_sheet
from thecal.study.fate import Fate, Stream
from thecal.study.setting import study_settings
from thecal.timeline import DAY_S, Instant
from thecal.twin.world import PlannedFault

SHEET = pump_sheet("synchromed-ii-40")
START, YEAR_S = Instant(1_767_258_000), int(365.25 * DAY_S)
RATES = ("catheter_per_year", "stall_per_year", "battery_film_per_year", "scan_per_year")
NUMBERS = st.integers(0, 2**64 - 1)


def fate(number: int, /, seed: Any = 7, **world: float) -> Fate:
    """The fate of a person with some settings of the world in place of the usual ones."""
    usual = study_settings("world")
    return Fate(seed, number, type(usual)(usual.topic, {**usual.values, **world}, {}))


def high(**world: float) -> dict[str, float]:
    """A world in which everything happens."""
    return {**dict.fromkeys(RATES, 2.0), "scan_recovery": 0.5, **world}


def faults(one: Fate, years: int = 5) -> tuple[PlannedFault, ...]:
    return one.faults(SHEET, START, Instant(START.s + years * YEAR_S))


def kind(planned: PlannedFault) -> str:
    """The name of the rate that a fault comes from."""
    if isinstance(planned.fault, Kink | Disconnection):
        return "catheter_per_year"
    if isinstance(planned.fault, Stall):
        return "stall_per_year"
    return "battery_film_per_year" if isinstance(planned.fault, BatteryFilm) else "scan_per_year"


@given(NUMBERS, NUMBERS, st.sampled_from(RATES))
def test_a_kind_of_event_that_is_off_leaves_all_others(seed: int, number: int, off: str) -> None:
    """To the second: the others of the same person do not move."""
    whole = faults(fate(number, seed, **high()))
    without = faults(fate(number, seed, **high(**{off: 0.0})))
    assert without == tuple(planned for planned in whole if kind(planned) != off)
    assert fate(number, seed, **high()).gain() == fate(number, seed, **high(**{off: 0.0})).gain()


@given(NUMBERS, st.sampled_from(RATES), st.floats(1.0, 20.0))
def test_a_higher_rate_keeps_the_order_and_the_kinds(number: int, rate: str, factor: float) -> None:
    """Everything of that kind comes sooner by the factor, in the same order and of the same sort."""
    some = [one for one in faults(fate(number, **high())) if kind(one) == rate]
    more = [one for one in faults(fate(number, **high(**{rate: 2.0 * factor}))) if kind(one) == rate]
    assert len(more) >= len(some)
    for slow, fast in zip(some, more, strict=False):
        assert fast.at.s - START.s == pytest.approx((slow.at.s - START.s) / factor, abs=1.5)
        assert type(fast.fault) is type(slow.fault)


@given(NUMBERS, st.integers(0, 3000))
def test_what_happens_counts_from_the_implant(number: int, days: int) -> None:
    """Another day of implant moves everything by as much, as far as the follow-up goes."""
    later = Instant(START.s + days * DAY_S)
    here = fate(number, **high()).faults(SHEET, START, Instant(START.s + YEAR_S))
    there = fate(number, **high()).faults(SHEET, later, Instant(later.s + YEAR_S))
    assert [one.at.s - START.s for one in here] == [one.at.s - later.s for one in there]


@given(NUMBERS, st.integers(1, 5), st.integers(1, 5))
def test_a_longer_follow_up_adds_to_the_end(number: int, short: int, more: int) -> None:
    """What happens in the first years does not depend on how long one looks."""
    end = Instant(START.s + short * YEAR_S)
    known = faults(fate(number, **high()), short)
    assert known == tuple(one for one in faults(fate(number, **high()), short + more) if one.at < end)
    assert list(known) == sorted(known, key=lambda planned: planned.at)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("per_year", [0.02, 1.5])
def test_rates_are_those_asked_for(rate: str, per_year: float) -> None:
    """Events of 2,000 persons in 3 years, within four standard deviations of a Poisson count."""
    world = {**dict.fromkeys(RATES, 0.0), rate: per_year}
    count = sum(len(faults(fate(number, **world), 3)) for number in range(2000))
    expected = per_year * 3 * 2000
    assert abs(count - expected) < 4 * sqrt(expected)


def test_the_sorts_of_catheter_faults_have_their_shares() -> None:
    """Occlusion, break and kink as set, within four standard deviations."""
    world = {**dict.fromkeys(RATES, 0.0), "catheter_per_year": 2.0}
    found = [planned.fault for number in range(1000) for planned in faults(fate(number, **world), 2)]
    shut = sum(isinstance(fault, Kink) and fault.open_ppm == 0 for fault in found)
    broken = sum(isinstance(fault, Disconnection) for fault in found)
    for count, share in ((shut, 0.556), (broken, 0.333), (len(found) - shut - broken, 0.111)):
        assert abs(count - share * len(found)) < 4 * sqrt(share * (1 - share) * len(found))


def test_the_gain_of_pumps_has_the_mean_and_spread_that_were_set() -> None:
    """In percent of the programmed flow, within four standard errors; no spread gives the bias to everybody."""
    percent = [fate(number).gain().ppm / 1e4 - 100 for number in range(3000)]
    assert abs(mean(percent) - 1) < 4 * 4.8 / sqrt(3000)
    assert abs(stdev(percent) - 4.8) < 4 * 4.8 / sqrt(6000)
    assert {fate(number, flow_spread=0.0).gain().ppm for number in range(20)} == {1_010_000}
    assert min(fate(number, flow_spread=60.0).gain().ppm for number in range(200)) == 500_000


def test_the_gain_belongs_to_the_person_and_not_to_the_arm() -> None:
    """The same pump's error whatever else the world of an arm is."""
    for number in range(50):
        assert fate(number).gain() == fate(number, **high(infection=0.5)).gain()


def test_infections_are_as_many_and_as_late_as_set() -> None:
    """A share of operations, at a uniform day within the time; two uniforms each, whether it happens or not."""
    days = []
    for number in range(3000):
        stream = fate(number, infection=0.2).stream("infection")
        days += [fate(number, infection=0.2).infection_day(stream) for _ in range(3)]
    shown = [day for day in days if day is not None]
    assert abs(len(shown) - 0.2 * 9000) < 4 * sqrt(0.16 * 9000)
    assert abs(mean(shown) - 45) < 4 * 90 / sqrt(12 * len(shown))
    assert 0 < min(shown) <= max(shown) < 90
    seldom, often = fate(5, infection=0.01), fate(5, infection=0.9)
    one, other = seldom.stream("infection"), often.stream("infection")
    first, second = [seldom.infection_day(one) for _ in range(50)], [often.infection_day(other) for _ in range(50)]
    assert all(a == b for a, b in zip(first, second, strict=True) if a is not None)


@given(NUMBERS, NUMBERS, st.text(min_size=1, max_size=10))
def test_a_stream_is_the_same_from_its_beginning(seed: int, number: int, noun: str) -> None:
    """Uniforms strictly between 0 and 1, the same again, and the population's own."""
    from thecal.study.population import uniforms

    one, other = Stream(seed, number, noun), Stream(seed, number, noun)
    found = [one.uniform() for _ in range(20)]
    assert found == [other.uniform() for _ in range(20)] == uniforms(seed, [number], noun, 20)[0].tolist()
    assert all(0 < value < 1 for value in found)


def test_exponential_and_normal_have_their_moments() -> None:
    """Mean, and mean with standard deviation, of 4,000 persons' first ones."""
    late = [Stream(1, number, "alarm").exponential(3.0) for number in range(4000)]
    assert abs(mean(late) - 3) < 4 * 3 / sqrt(4000)
    assert abs(sum(value < 3 for value in late) / 4000 - 0.632) < 4 * sqrt(0.632 * 0.368 / 4000)
    normal = [Stream(1, number, "flow").normal() for number in range(4000)]
    assert abs(mean(normal)) < 4 / sqrt(4000)
    assert abs(stdev(normal) - 1) < 4 / sqrt(8000)


def test_a_scan_ends_and_the_rotor_turns_in_time() -> None:
    """The field leaves after its minutes; a late rotor turns within the hours that are reported, in the set part of scans."""
    world = {**dict.fromkeys(RATES, 0.0), "scan_per_year": 4.0, "scan_recovery": 0.25}
    found = [planned for number in range(500) for planned in faults(fate(number, **world), 2)]
    late = 0
    for planned in found:
        assert isinstance(planned.fault, Magnet)
        assert planned.fault.recovers is not None
        assert planned.fault.leaves.s - planned.at.s == 45 * 60
        assert 0 <= planned.fault.recovers.s - planned.fault.leaves.s <= 24 * 3600
        late += planned.fault.recovers > planned.fault.leaves
    assert abs(late - 0.25 * len(found)) < 4 * sqrt(0.1875 * len(found))
