"""Periodic boluses: by the pump clock, on top of the basal flow, and what becomes of one that cannot be given whole."""

from dataclasses import replace
from fractions import Fraction
from math import floor

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.courses import START, disturbed, done, flow, ml, needled, refused, running_pump
from tests.pump.pumps import (
    HOUR,
    MIDNIGHT,
    MINUTE,
    PERIODIC,
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
from thecal.pump.handle import Answer, handle
from thecal.pump.messages import BeginUpdate, CancelBolus, Fill, Stall, StartBolus, Update
from thecal.pump.program import PeriodicBolus, SingleBolus, check_program
from thecal.pump.reservoir import perform
from thecal.pump.sheet import pump_sheet
from thecal.pump.state import PumpState, new_pump
from thecal.quantity import Concentration, FlowRate, Volume
from thecal.timeline import DAY_S, Duration, Instant

SHEET = pump_sheet("reference-40")
NOON = 3 * HOUR  # from START; a bolus of PERIODIC begins then, and the next one 6 h later
EVERY = st.sampled_from([second for second in range(300, DAY_S + 1) if DAY_S % second == 0])


def at_minute(pump: PumpState, minute: float) -> PumpState:
    """The pump so many minutes after noon."""
    return in_seconds(pump, START.s + NOON + round(60 * minute) - pump.now.s)


@pytest.mark.requirement("PMP-50")
@settings(max_examples=40)
@given(EVERY, st.integers(60, 3600), st.integers(0, DAY_S - 1), st.integers(1, 60_000), st.integers(0, 30 * HOUR), st.data())
def test_it_gives_what_a_ticking_clock_gives(
    every: int, lasts: int, first: int, volume: int, seconds: int, data: st.DataObject
) -> None:
    """Each second on its own: basal always, a part of the bolus where one runs; one under way at the start is not begun."""
    assume(lasts < every)
    start_s, basal = data.draw(st.integers(0, DAY_S - 1)), data.draw(st.integers(48_000, 2_000_000))
    program = PeriodicBolus(Volume(volume), Duration(lasts), Duration(every), first, FlowRate(basal))
    pump = needled(perform(new_pump(SHEET, Instant(MIDNIGHT.s + start_s)), Fill(ml(40), Concentration(500))))
    outcome = handle(pump, Update(program, Concentration(500), ml(40)))
    assume(isinstance(outcome, Answer))
    pump = done(outcome)
    running = [(start_s + second - first) % every < lasts for second in range(seconds)]
    if (start_s - first) % every:  # not at the first second of one
        running[: next((n for n, runs in enumerate(running) if not runs), seconds)] = []
    expected = Fraction(basal * seconds, DAY_S) + Fraction(volume * sum(running), lasts)
    end = in_seconds(pump, seconds)
    assert 40_000_000 - end.usable_nl == floor(expected)
    assert end.memory.calculated_nl == end.usable_nl


@pytest.mark.requirement("PMP-50")
def test_four_boluses_a_day_are_four_boluses_a_day() -> None:
    """0.06 mL every 6 h on 0.0864 mL/day: 0.3264 mL a day, however the day is counted."""
    pump = running_pump(PERIODIC)
    assert given_nl(pump, DAY_S) == given_nl(in_seconds(pump, NOON - 300), DAY_S) == 326_400
    assert given_nl(pump, 7 * DAY_S) == 7 * 326_400


@pytest.mark.requirement("PMP-50")
@pytest.mark.parametrize("first_s", [23 * HOUR + 55 * MINUTE, 5 * HOUR + 55 * MINUTE])
def test_a_bolus_runs_on_over_midnight(first_s: int) -> None:
    """From 23:55 to 00:05 it is one bolus: nothing before, everything by then, nothing after."""
    pump = running_pump(replace(PERIODIC, first_s=first_s))
    begins = in_seconds(pump, MIDNIGHT.s + DAY_S - 5 * MINUTE - START.s)
    assert begins.mode == "periodic bolus"
    assert in_seconds(pump, begins.now.s - START.s - 1).mode == "between periodic boluses"
    assert given_nl(begins, 5 * MINUTE) == 30_000 + 300
    assert given_nl(begins, 10 * MINUTE) == 60_000 + 600
    assert given_nl(begins, 6 * HOUR - 1) == 60_000 + 6 * HOUR - 1
    assert in_seconds(begins, 10 * MINUTE - 1).mode == "periodic bolus"
    assert in_seconds(begins, 10 * MINUTE).mode == "between periodic boluses"


@pytest.mark.requirement("PMP-50")
@pytest.mark.parametrize("basal", ["continues", "suspended"])
def test_one_that_falls_due_under_another_bolus_is_skipped(basal: str) -> None:
    """A single bolus from 11:55 to 12:05: the bolus of 12:00 is not given, not even its rest, and the log says so."""
    pump = at_minute(reading(running_pump(PERIODIC), basal_during_bolus=basal), -5)
    single = StartBolus(SingleBolus(ml(0.1), Duration(10 * MINUTE)))
    passage = check_cuts(done(handle(pump, single)), 6 * HOUR)
    assert told(passage.events, Instant(START.s + NOON)) == [("periodic bolus skipped", 0), ("bolus ended", 300)]
    assert [event.kind for event in reported(passage.state).log[-2:]] == ["periodic bolus skipped", "bolus ended"]
    basal_s = 6 * HOUR - (0 if basal == "continues" else 10 * MINUTE)
    assert pump.usable_nl - passage.state.usable_nl == 100_000 + basal_s
    assert given_nl(passage.state, 10 * MINUTE) == 30_000 + 600  # 17:55 to 18:05: the next one is given


@pytest.mark.requirement("PMP-50")
def test_one_that_falls_due_as_another_ends_is_given() -> None:
    """A single bolus to 12:00 sharp hides nothing; one that ends a second later hides the bolus of 12:00."""
    for minutes, skipped in ((-10.0, []), (-10 + 1 / 60, [("periodic bolus skipped", 0)])):
        pump = done(handle(at_minute(running_pump(PERIODIC), minutes), StartBolus(SingleBolus(ml(0.1), Duration(600)))))
        passage = after(pump, 20 * MINUTE)
        events = told(passage.events, Instant(START.s + NOON))
        assert [event for event in events if event[0] != "bolus ended"] == skipped
        assert pump.usable_nl - passage.state.usable_nl == (100_000 if skipped else 160_000) + 20 * MINUTE


@pytest.mark.requirement("PMP-50")
def test_a_single_bolus_cancelled_under_a_periodic_one_leaves_it_skipped() -> None:
    """A bolus is never begun halfway: what was due while another ran is not given afterwards either."""
    pump = done(handle(at_minute(running_pump(PERIODIC), -5), StartBolus(SingleBolus(ml(0.1), Duration(10 * MINUTE)))))
    after_cancel = done(handle(at_minute(pump, 2), CancelBolus()))
    assert after_cancel.mode == "between periodic boluses"
    assert given_nl(after_cancel, 5 * HOUR) == 5 * HOUR
    in_time = done(handle(at_minute(pump, 0), CancelBolus()))
    assert in_time.mode == "periodic bolus"
    assert given_nl(in_time, HOUR) == 60_000 + HOUR


@pytest.mark.requirement("PMP-50")
@pytest.mark.parametrize("minute", [0, 1 / 60, 4, 10 - 1 / 60])
def test_a_cancel_skips_only_the_rest(minute: float) -> None:
    """What was given was given, the basal flow goes on, and the next one comes at its time; nothing else was skipped."""
    pump = at_minute(running_pump(PERIODIC), minute)
    answer = handle(pump, CancelBolus())
    assert isinstance(answer, Answer)
    assert [event.kind for event in answer.events] == ["periodic bolus cut short"]
    assert answer.state.mode == "between periodic boluses"
    assert refused(handle(answer.state, CancelBolus())).rule == "PMP-07"
    passage = check_cuts(answer.state, 6 * HOUR - round(60 * minute))
    assert passage.events == ()
    assert pump.usable_nl - passage.state.usable_nl == 6 * HOUR - round(60 * minute)
    assert passage.state.mode == "periodic bolus"
    assert given_nl(passage.state, 10 * MINUTE) == 60_000 + 600


@pytest.mark.requirement("PMP-50")
@pytest.mark.parametrize("drift_s", [-7, 0, 7])
def test_a_cancel_before_midnight_skips_the_rest_after_it(drift_s: int) -> None:
    """Over the end of the interval, and of a drifting day, the rest of a bolus is the rest of that bolus."""
    program = replace(PERIODIC, first_s=23 * HOUR + 55 * MINUTE)
    for before_s in (6 * HOUR, 12 * HOUR, 0):
        pump = needled(perform(new_pump(SHEET, MIDNIGHT, 0, drift_s), Fill(ml(40), Concentration(500))))
        pump = done(handle(pump, Update(program, Concentration(500), ml(40))))
        pump = in_seconds(pump, 4 * DAY_S - before_s - 4 * drift_s - 2 * MINUTE)
        assert pump.mode == "periodic bolus"
        cancelled = done(handle(pump, CancelBolus()))
        assert given_nl(cancelled, 5 * HOUR) == 5 * HOUR


@pytest.mark.requirement("PMP-50")
@pytest.mark.requirement("PMP-23")
def test_an_empty_count_withholds_the_boluses() -> None:
    """From the first second at zero, in the middle of one: the basal flow goes on, no bolus until a volume is typed in."""
    pump = at_minute(running_pump(PERIODIC), -60)
    pump = done(handle(pump, Update(reservoir=Volume(HOUR + 30_350))))
    # By 12:00 30,350 nL are left, and bolus and basal flow are 101 nL a second: 300.5 s.
    passage = check_cuts(pump, 2 * DAY_S)
    first, cut = sorted(passage.events[-2:], key=lambda event: event.severity)
    assert (cut.kind, cut.at) == ("periodic bolus cut short", first.at)
    assert (first.kind, first.at.s - START.s - NOON) == ("empty reservoir alarm", 301)
    before = in_seconds(pump, first.at.s - pump.now.s - 1)
    assert (before.mode, in_seconds(before, 1).mode) == ("periodic bolus", "between periodic boluses")
    assert given_nl(in_seconds(before, 1), DAY_S) == DAY_S
    assert refused(handle(at_minute(pump, 6 * 60 + 1), CancelBolus())).rule == "PMP-07"


@pytest.mark.requirement("PMP-50")
def test_a_withheld_bolus_is_not_begun_halfway() -> None:
    """A volume typed in at 12:04 gives no rest of the bolus of 12:00; the one of 18:00 is given."""
    pump = done(handle(at_minute(running_pump(PERIODIC), -60), Update(reservoir=Volume(100))))
    for minute, boluses in ((4, 0), (0, 60_000)):
        typed = done(handle(at_minute(pump, minute), Update(reservoir=ml(20))))
        assert "empty reservoir" not in sounding(typed)
        rest = 6 * HOUR - 60 * minute
        assert given_nl(typed, rest) == boluses + rest
        assert in_seconds(typed, rest).mode == "periodic bolus"


@pytest.mark.requirement("PMP-50")
@pytest.mark.requirement("PMP-57")
def test_a_noticed_stall_withholds_the_boluses() -> None:
    """While the stall alarm sounds none is counted; after the recovery was noticed the next one is given."""
    pump = disturbed(at_minute(running_pump(PERIODIC), -60), Stall(Instant(START.s + NOON + 2 * HOUR)))
    end = check_cuts(pump, 7 * HOUR).state
    assert end.mode == "periodic bolus"
    counted = (pump.memory.calculated_nl or 0) - (end.memory.calculated_nl or 0)
    assert counted == 7 * HOUR
    assert given_nl(end, 10 * MINUTE) == 60_000 + 600


@pytest.mark.requirement("PMP-50")
@pytest.mark.requirement("PMP-35")
def test_an_update_that_stops_nothing_does_not_cut_a_bolus() -> None:
    """On a pump that infuses on while it is updated, a bolus under way is given whole when its program stays."""
    pump = pump_in("periodic bolus")
    whole = given_nl(pump, HOUR)
    assert given_nl(done(handle(pump, Update(low_reservoir=ml(1)))), HOUR) == whole
    assert given_nl(done(handle(pump, Update(PERIODIC))), HOUR) == whole
    updating = in_seconds(done(handle(pump, BeginUpdate())), MINUTE)
    assert given_nl(pump, MINUTE) + given_nl(done(handle(updating, Update(low_reservoir=ml(1)))), HOUR - MINUTE) == whole


@pytest.mark.requirement("PMP-50")
def test_a_new_program_does_not_begin_halfway() -> None:
    """A program written at 12:04 gives its first bolus at 18:00; one written at 12:00 sharp gives it at once."""
    for minute, volume in ((4, 0), (0, 60_000)):
        pump = done(handle(at_minute(running_pump(replace(PERIODIC, flow=flow(0.2))), minute), Update(PERIODIC)))
        assert given_nl(pump, HOUR) == volume + HOUR


@pytest.mark.requirement("PMP-50")
def test_what_was_skipped_is_not_given_by_writing_the_program_again() -> None:
    """The same program a minute after a cancel, or over a single bolus that hid one: the rest stays skipped."""
    cancelled = in_seconds(done(handle(at_minute(running_pump(PERIODIC), 4), CancelBolus())), MINUTE)
    assert given_nl(done(handle(cancelled, Update(PERIODIC))), HOUR) == HOUR
    assert given_nl(done(handle(cancelled, Update(reservoir=ml(20)))), HOUR) == HOUR
    pump = at_minute(reading(running_pump(PERIODIC), update_during_bolus="cancels"), -5)
    hidden = at_minute(done(handle(pump, StartBolus(SingleBolus(ml(0.1), Duration(10 * MINUTE))))), 2)
    assert given_nl(done(handle(hidden, Update(PERIODIC))), HOUR) == HOUR


@pytest.mark.requirement("PMP-50")
def test_the_rest_stays_skipped_whatever_happens_meanwhile() -> None:
    """A stall that is noticed, an update that stops the pump: what was cancelled does not come back."""
    pump = disturbed(at_minute(running_pump(PERIODIC, "synchromed-ii-40"), -15), Stall(Instant(START.s + NOON + 10 * MINUTE)))
    cancelled = done(handle(at_minute(pump, 4), CancelBolus()))
    assert at_minute(cancelled, 6).memory.critical == "motor stall"
    assert given_nl(cancelled, HOUR) == HOUR - 6 * MINUTE
    stopped = done(handle(done(handle(at_minute(running_pump(PERIODIC, "synchromed-ii-40"), 4), CancelBolus())), BeginUpdate()))
    assert given_nl(done(handle(in_seconds(stopped, MINUTE), Update(low_reservoir=ml(1)))), HOUR) == HOUR


@pytest.mark.requirement("PMP-50")
def test_what_is_withheld_is_not_told_as_skipped() -> None:
    """Under a single bolus that runs on over an empty count no periodic bolus is due, so none is skipped."""
    pump = done(handle(at_minute(running_pump(PERIODIC), -5), StartBolus(SingleBolus(ml(0.1), Duration(10 * MINUTE)))))
    passage = check_cuts(done(handle(reading(pump, update_during_bolus="cancels"), Update(reservoir=Volume(100)))), HOUR)
    assert [kind for kind, _ in told(passage.events)] == ["empty reservoir alarm", "bolus ended"]


@pytest.mark.requirement("PMP-16")
@pytest.mark.parametrize("every", [5 * HOUR, 7 * MINUTE, DAY_S - 1, DAY_S + 1, 2 * DAY_S, 48 * HOUR])
def test_an_interval_divides_the_day(every: int) -> None:
    """Every day is alike; the refusal warns of hours typed as minutes."""
    refusal = refused(check_program(replace(PERIODIC, every=Duration(every)), SHEET))
    assert refusal.rule == "PMP-16"
    assert "minutes" in refusal.advice


@pytest.mark.requirement("PMP-16")
def test_an_interval_is_longer_than_the_bolus() -> None:
    """A second longer is enough; as long is not, and 6 h typed as 6 min are not 10 min."""
    slow = replace(PERIODIC, volume=Volume(1000))
    assert check_program(replace(slow, every=Duration(HOUR), duration=Duration(HOUR - 1)), SHEET) is None
    assert refused(check_program(replace(slow, every=Duration(HOUR), duration=Duration(HOUR)), SHEET)).rule == "PMP-16"
    assert refused(check_program(replace(PERIODIC, every=Duration(6 * MINUTE)), SHEET)).rule == "PMP-16"


@pytest.mark.requirement("PMP-16")
@pytest.mark.parametrize(("first_s", "taken"), [(-1, False), (0, True), (DAY_S - 1, True), (DAY_S, False)])
def test_the_first_one_is_a_time_of_day(first_s: int, *, taken: bool) -> None:
    """From midnight to a second before the next."""
    outcome = check_program(replace(PERIODIC, first_s=first_s), SHEET)
    assert outcome is None if taken else refused(outcome).rule == "PMP-16"


@pytest.mark.requirement("PMP-01")
@pytest.mark.requirement("PMP-02")
@pytest.mark.requirement("PMP-13")
def test_its_flows_and_its_duration_lie_within_the_limits() -> None:
    """The basal flow, the bolus with the basal flow under it, and the time it takes."""
    most = (24_000_000 - DAY_S) * 600 // DAY_S
    cases = {
        "PMP-01": replace(PERIODIC, flow=FlowRate(47_999)),
        "PMP-02": replace(PERIODIC, volume=Volume(most + 1)),
        "PMP-13": replace(PERIODIC, duration=Duration(59)),
    }
    for rule, program in cases.items():
        assert refused(check_program(program, SHEET)).rule == rule
    assert check_program(replace(PERIODIC, volume=Volume(most)), SHEET) is None
