"""The battery: the replacement indicator by charge and age, the end of service, and a film that brings both forward."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.courses import FLOWS, START, disturbed, done, flow, ml, needled, refused, running_pump
from tests.pump.pumps import (
    FLEX,
    PERIODIC,
    RUNNING,
    after,
    check_cuts,
    in_seconds,
    pump_in,
    reading,
    reported,
    sounding,
    told,
)
from tests.pump.pumps import given as given_nl
from thecal.pump.advance import advance
from thecal.pump.faults import disturb
from thecal.pump.handle import handle
from thecal.pump.messages import BatteryFilm, Event, Fill, Interrogate, LowBattery, StartBolus, Update, Withdraw
from thecal.pump.program import MinimumRate, SimpleContinuous, SingleBolus, Stopped
from thecal.pump.reservoir import perform
from thecal.pump.sheet import PumpSheet
from thecal.pump.state import PumpState
from thecal.quantity import Concentration, FlowRate
from thecal.timeline import DAY_S, Duration, Instant

SYNCHROMED = "synchromed-ii-40"
YEAR_S = Fraction(1461, 4) * DAY_S
FULL_S = 90 * DAY_S  # from the indicator to the end of service
OLDEST_S = 2556 * DAY_S


def indicator_s(sheet: PumpSheet, nl_per_day: int, lost: Fraction = Fraction(0)) -> int:
    """The first second at which the charge is used up, by halving: time uses one part of it, what was pumped the other."""
    by_time = Fraction(1, sheet.battery_life_idle.s)
    life_nl = Fraction(sheet.battery_life_flow.nl_per_day * sheet.battery_life.s, DAY_S)
    by_nanolitre = (1 - by_time * sheet.battery_life.s) / life_nl

    def used(second: int) -> Fraction:
        return second * by_time + floor(Fraction(nl_per_day * second, DAY_S)) * by_nanolitre + lost

    low, high = 0, 2 * sheet.battery_life_idle.s
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if used(middle) >= 1 else (middle + 1, high)
    latest = sheet.service_life_max.s - sheet.eri_to_eos.s if sheet.service_life_max else low
    return min(low, latest)


def dates(pump: PumpState, years: int = 20) -> tuple[int, int]:
    """The seconds from START to the indicator and to the end of service."""
    alarms = {f"{alarm.kind.name} alarm": alarm.onset.s - START.s for alarm in pump.memory.alarms}
    alarms |= {event.kind: event.at.s - START.s for event in after(pump, years * 366 * DAY_S).events}
    return alarms["elective replacement alarm"], alarms["end of service alarm"]


@pytest.mark.requirement("PMP-54")
@pytest.mark.parametrize("sheet", [SYNCHROMED, "synchromed-iii-20", "reference-20", "medstream-40", "prometra-ii-40"])
@pytest.mark.parametrize("ml_per_day", [0.048, 0.25, 0.9, 1.5, 5, 24])
def test_the_indicator_comes_when_the_charge_is_used_up(sheet: str, ml_per_day: float) -> None:
    """To the second, by an independent search; not a second before, and the pump is 90 days from its end."""
    pump = running_pump(SimpleContinuous(flow(ml_per_day)), sheet)
    eri, eos = dates(pump)
    assert eri == indicator_s(pump.sheet, flow(ml_per_day).nl_per_day)
    assert "elective replacement" not in sounding(in_seconds(pump, eri - 1))
    assert "elective replacement" in sounding(in_seconds(pump, eri))
    assert eos == eri + FULL_S


@pytest.mark.requirement("PMP-54")
def test_a_life_on_the_data_sheet_is_that_life() -> None:
    """The figure of the sheet: 3,652 days at 0.25 mL/day, where no age ends it before; the last nanolitre decides."""
    pump = running_pump(SimpleContinuous(flow(0.25)), "prometra-ii-40")
    assert dates(pump)[0] == 3652 * DAY_S


@pytest.mark.requirement("PMP-54")
@pytest.mark.parametrize("ml_per_day", [0.1, 0.25, 0.5, 0.9, 1.5, 2])
def test_the_indicator_of_a_synchromed_comes_after_five_to_seven_years(ml_per_day: float) -> None:
    """The typical life that its maker gives; a pump that gives more lasts no longer, and none runs beyond 7 years."""
    eri, eos = dates(running_pump(SimpleContinuous(flow(ml_per_day)), SYNCHROMED))
    assert 5 * YEAR_S < eri < 7 * YEAR_S
    assert eri < eos <= OLDEST_S
    faster, _ = dates(running_pump(SimpleContinuous(flow(2 * ml_per_day)), SYNCHROMED))
    assert faster <= eri


@pytest.mark.requirement("PMP-54")
@pytest.mark.parametrize("program", [Stopped(), MinimumRate(), SimpleContinuous(flow(0.048))])
def test_age_ends_a_pump_that_hardly_turns(program: Stopped | MinimumRate | SimpleContinuous) -> None:
    """At 2,556 days to the second, with the indicator its full 90 days before."""
    assert dates(running_pump(program, SYNCHROMED)) == (OLDEST_S - FULL_S, OLDEST_S)


@pytest.mark.requirement("PMP-54")
@settings(max_examples=25)
@given(st.lists(st.tuples(FLOWS, st.integers(1, 900 * DAY_S)), min_size=1, max_size=8))
def test_the_end_never_comes_without_the_indicator(legs: list[tuple[int, int]]) -> None:
    """However a pump was run: the end is the earlier of the indicator and 90 days, and of its greatest age, never else."""
    pump, events = running_pump(RUNNING, SYNCHROMED), list[Event]()
    for nl_per_day, seconds in [*legs, (200_000, OLDEST_S)]:
        if pump.mode != "end of service":
            pump = done(handle(pump, Update(SimpleContinuous(FlowRate(nl_per_day)))))
        passage = after(pump, seconds)
        pump, events = passage.state, events + list(passage.events)
    alarms = {event.kind: event.at.s - START.s for event in events}
    eri, eos = alarms["elective replacement alarm"], alarms["end of service alarm"]
    assert eos == min(eri + FULL_S, OLDEST_S)
    assert eos - eri >= FULL_S


@pytest.mark.requirement("PMP-54")
@pytest.mark.parametrize("program", [RUNNING, FLEX, PERIODIC])
def test_nothing_flows_after_the_end(program: SimpleContinuous) -> None:
    """To the second: the second before still flows, afterwards nothing ever, and both dates are told on the way."""
    pump = in_seconds(running_pump(program, SYNCHROMED), OLDEST_S - FULL_S - 9)
    passage = check_cuts(done(handle(pump, Update(reservoir=ml(30)))), FULL_S + 99)
    pump = passage.state
    assert told(passage.events, Instant(START.s + OLDEST_S))[-1] == ("end of service alarm", 0)
    filled = needled(perform(needled(perform(pump, Withdraw())), Fill(ml(40), Concentration(500))))
    assert filled.usable_nl == 40_000_000
    assert given_nl(filled, 400 * DAY_S) == 0
    assert pump.mode == "end of service"
    assert reported(pump).mode == "end of service"
    assert refused(handle(pump, Update(RUNNING))).rule == "PMP-37"
    assert "end of service" in sounding(pump)


@pytest.mark.requirement("PMP-54")
def test_a_bolus_is_cut_at_the_end_of_service() -> None:
    """A running bolus ends with the motor, and says what it gave."""
    bolus = StartBolus(SingleBolus(ml(0.1), Duration(1000)))
    pump = in_seconds(done(handle(running_pump(RUNNING, SYNCHROMED), Update(reservoir=ml(40)))), OLDEST_S - 500)
    pump = done(handle(done(handle(pump, Update(reservoir=ml(20)))), bolus))
    passage = check_cuts(pump, 2000)
    assert told(passage.events, Instant(START.s + OLDEST_S)) == [("bolus cut short", 0), ("end of service alarm", 0)]
    assert passage.events[0].text == "0.05 mL of 0.1 mL programmed"


@pytest.mark.requirement("PMP-54")
def test_the_date_is_told_from_the_indicator_on() -> None:
    """Nothing before it, then the end of service to the second; at most 90 days later."""
    pump = running_pump(SimpleContinuous(flow(5)), SYNCHROMED)
    eri, eos = dates(pump)
    assert reported(in_seconds(pump, eri - 1)).replace_by is None
    assert reported(in_seconds(pump, eri)).replace_by == Instant(START.s + eos)
    idle = in_seconds(running_pump(Stopped(), SYNCHROMED), OLDEST_S - FULL_S)
    assert reported(idle).replace_by == Instant(START.s + OLDEST_S)


@pytest.mark.requirement("PMP-54")
@pytest.mark.parametrize("at_day", [0, 400, 1900])
@pytest.mark.parametrize(("lost_ppm", "days"), [(100_000, 90), (250_000, 40), (50_000, 0), (0, 17)])
def test_a_film_makes_both_dates_earlier(at_day: int, lost_ppm: int, days: int) -> None:
    """The indicator by the charge that is gone, the end by the shorter time after it; the pump still tells its 90 days."""
    pump = in_seconds(running_pump(SimpleContinuous(flow(2)), SYNCHROMED), at_day * DAY_S)
    ill = disturbed(pump, BatteryFilm(lost_ppm, Duration(days * DAY_S)))
    eri, eos = dates(ill)
    sound_eri, sound_eos = dates(pump)
    assert eri == max(indicator_s(pump.sheet, 2_000_000, Fraction(lost_ppm, 10**6)), at_day * DAY_S)
    assert eos == eri + days * DAY_S
    assert eri <= sound_eri
    assert eos <= sound_eos
    if days:
        told_date = reported(in_seconds(ill, eri - (ill.now.s - START.s))).replace_by
        assert told_date == Instant(START.s + min(eri + FULL_S, OLDEST_S))
        assert (told_date.s - START.s > eos) == (days < 90)  # the hazard of the field: it stops before the date it tells
    check_cuts(ill, 2600 * DAY_S, seed=at_day)


@pytest.mark.requirement("PMP-54")
def test_a_film_after_the_indicator_ends_the_pump_earlier() -> None:
    """With the indicator reached, a film shortens what is left; where nothing is left, the pump stops at once."""
    pump = in_seconds(running_pump(SimpleContinuous(flow(2)), SYNCHROMED), 0)
    eri, _ = dates(pump)
    pump = in_seconds(pump, eri + 20 * DAY_S)
    assert dates_of_end(disturbed(pump, BatteryFilm(0, Duration(30 * DAY_S)))) == eri + 30 * DAY_S
    assert disturbed(pump, BatteryFilm(0, Duration(20 * DAY_S))).mode == "end of service"
    twice = disturbed(disturbed(pump, BatteryFilm(0, Duration(30 * DAY_S))), BatteryFilm(0, Duration(60 * DAY_S)))
    assert dates_of_end(twice) == eri + 30 * DAY_S  # a second film heals nothing


def dates_of_end(pump: PumpState) -> int:
    return next(event.at.s - START.s for event in after(pump, 400 * DAY_S).events if event.kind == "end of service alarm")


@pytest.mark.requirement("PMP-42")
@pytest.mark.parametrize(("lost_ppm", "days"), [(0, 91), (-1, 90), (1_000_001, 90)])
def test_no_film_outlasts_a_sound_battery(lost_ppm: int, days: int) -> None:
    """More than the whole charge cannot be lost, none can be won, and the time after the indicator is at most the sheet's."""
    refusal = refused(disturb(running_pump(RUNNING, SYNCHROMED), BatteryFilm(lost_ppm, Duration(days * DAY_S))))
    assert refusal.rule == "PMP-42"
    assert "eri_to_eos" in refusal.source


def test_an_empty_battery_asks_at_once() -> None:
    """A film that takes the whole charge: the indicator now, the end after what the film leaves."""
    pump = disturbed(running_pump(RUNNING, SYNCHROMED), BatteryFilm(10**6, Duration(FULL_S)))
    assert sounding(pump) == ["elective replacement"]
    assert dates_of_end(pump) == FULL_S


@pytest.mark.requirement("PMP-54")
@pytest.mark.parametrize(("safe_state", "nl_per_day"), [("minimum rate", 6_000), ("stopped", 0)])
def test_a_low_battery_reset_leaves_the_safe_state(safe_state: str, nl_per_day: int) -> None:
    """The settings are lost, the alarm sounds, and the flow is what the data sheet says."""
    pump = disturbed(reading(running_pump(RUNNING, SYNCHROMED), safe_state=safe_state), LowBattery())
    assert (pump.mode, sounding(pump)) == ("safe state", ["low battery reset"])
    assert (pump.memory.concentration, pump.memory.calculated_nl) == (None, None)
    assert given_nl(pump, DAY_S) == nl_per_day
    assert refused(handle(pump, Update(RUNNING))).rule == "PMP-11"
    again = done(handle(pump, Update(RUNNING, Concentration(500))))
    assert (again.mode, sounding(again), given_nl(again, DAY_S)) == ("simple continuous", [], 200_000)


def test_a_pump_at_its_end_has_no_low_battery_reset() -> None:
    """What has stopped for good cannot lose its settings, and it can still be asked."""
    pump = pump_in("end of service")
    assert disturbed(pump, LowBattery()).mode == "end of service"
    assert done(handle(pump, Interrogate())) == pump
    assert advance(pump, Instant(pump.now.s + DAY_S)).events == ()
    assert pump.memory.count.pumped_nl > 0


@pytest.mark.requirement("PMP-54")
def test_a_film_never_moves_the_indicator_later() -> None:
    """In a pump that hardly turns, age alone brings the indicator its full time before the greatest age, film or not."""
    filmed = disturbed(running_pump(Stopped(), SYNCHROMED), BatteryFilm(0, Duration(10 * DAY_S)))
    events = dict(told(check_cuts(filmed, 2600 * DAY_S).events))
    assert events["elective replacement alarm"] == OLDEST_S - FULL_S
    assert events["end of service alarm"] == OLDEST_S - FULL_S + 10 * DAY_S


@pytest.mark.requirement("PMP-54")
def test_two_films_take_both_their_shares() -> None:
    """What the first took is gone as well."""
    share = 200_000
    once = disturbed(running_pump(RUNNING, SYNCHROMED), BatteryFilm(2 * share, Duration(FULL_S)))
    twice = running_pump(RUNNING, SYNCHROMED)
    for _ in range(2):
        twice = disturbed(twice, BatteryFilm(share, Duration(FULL_S)))
    assert twice.mechanics.battery == once.mechanics.battery
