"""Boluses over the program or instead of it: priming, bridge, and what runs when they have ended."""

from dataclasses import replace
from fractions import Fraction
from math import floor
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.courses import START, done, flow, ml, refused, running_pump
from tests.pump.pumps import (
    BOLUSES,
    BRIDGE,
    FLEX,
    HOUR,
    MIDNIGHT,
    PATIENT,
    PERIODIC,
    PRIMING,
    RUNNING,
    check_cuts,
    in_seconds,
    pump_in,
    reading,
    reported,
    told,
    with_patient,
)
from tests.pump.pumps import given as given_nl
from thecal.pump.handle import Answer, handle
from thecal.pump.messages import CancelBolus, RequestBolus, StartBolus, Update
from thecal.pump.program import (
    Bolus,
    BridgeBolus,
    Flex,
    MinimumRate,
    PrimingBolus,
    Program,
    SimpleContinuous,
    SingleBolus,
    Stopped,
)
from thecal.pump.state import PumpState
from thecal.quantity import Concentration, FlowRate, Volume
from thecal.timeline import DAY_S, Duration

DURATIONS = {"single bolus": 600, "patient bolus": 600, "priming bolus": 720, "bridge bolus": 72_576}


def flex_numerator(program: Flex, start_s: int, seconds: int) -> int:
    """What a flex day gives, in nL/day times seconds: step by step over each day, for a clock at ``start_s``."""
    numerator = 0
    for day_s in range(0, start_s + seconds, DAY_S):
        begins = day_s
        for step in program.days[0]:
            overlap = min(start_s + seconds, day_s + step.until_s) - max(start_s, begins)
            numerator += max(overlap, 0) * step.flow.nl_per_day
            begins = day_s + step.until_s
    return numerator


@pytest.mark.requirement("PMP-51")
@pytest.mark.parametrize("basal", ["continues", "suspended"])
@pytest.mark.parametrize("program", [RUNNING, FLEX, PERIODIC])
def test_a_prime_replaces_the_basal_flow(program: Program, basal: Literal["continues", "suspended"]) -> None:
    """Exactly its volume flows, whatever the data sheet says of the basal flow under other boluses; then the program."""
    pump = reading(running_pump(program), basal_during_bolus=basal)
    primed = done(handle(pump, StartBolus(PRIMING)))
    passage = check_cuts(primed, 720)
    assert pump.usable_nl - passage.state.usable_nl == 200_000
    assert told(passage.events) == [("priming bolus ended", 720)]
    assert passage.state.memory.program == program
    assert abs(given_nl(passage.state, 2 * HOUR) - given_nl(in_seconds(pump, 720), 2 * HOUR)) <= 1  # the remainder was kept


@pytest.mark.requirement("PMP-51")
@settings(max_examples=40)
@given(st.integers(1, 400_000), st.integers(60, DAY_S))
def test_a_prime_is_exact_at_any_duration(volume: int, seconds: int) -> None:
    """At each second the part of its volume that its time is of the whole, rounded down."""
    outcome = handle(running_pump(RUNNING), StartBolus(PrimingBolus(Volume(volume), Duration(seconds))))
    if isinstance(outcome, Answer):
        for second in (1, seconds // 3, seconds - 1, seconds):
            assert 30_000_000 - in_seconds(outcome.state, second).usable_nl == volume * second // seconds
    else:
        assert not 48_000 * seconds <= volume * DAY_S <= 24_000_000 * seconds
        assert refused(outcome).rule == ("PMP-02" if volume * DAY_S > 24_000_000 * seconds else "PMP-01")


@pytest.mark.requirement("PMP-51")
def test_a_stopped_pump_can_be_primed_and_is_stopped_again() -> None:
    """The prime before the implantation, of a pump that runs nothing yet."""
    pump = in_seconds(done(handle(running_pump(Stopped()), StartBolus(PRIMING))), 720)
    assert (pump.mode, 30_000_000 - pump.usable_nl) == ("stopped", 200_000)
    assert given_nl(pump, DAY_S) == 0


@pytest.mark.requirement("PMP-51")
@settings(max_examples=40)
@given(st.integers(1, 1_000_000), st.integers(48_000, 2_400_000), st.integers(0, 2 * DAY_S))
def test_a_bridge_flows_until_its_volume_has_passed(volume: int, rate: int, beyond: int) -> None:
    """One constant flow to the first second by which the volume has passed; then the program at the pump clock's step."""
    bridge = BridgeBolus(Volume(volume), FlowRate(rate))
    seconds = next(
        iter(second for second in (volume * DAY_S // rate, volume * DAY_S // rate + 1) if rate * second >= volume * DAY_S)
    )
    assert bridge.duration == Duration(seconds)
    outcome = handle(running_pump(FLEX), StartBolus(bridge))
    if seconds > 14 * DAY_S:
        assert refused(outcome).rule == "PMP-32"
        return
    pump = done(outcome)
    assert in_seconds(pump, seconds - 1).mode == "bridge bolus"
    assert 30_000_000 - in_seconds(pump, seconds // 2).usable_nl == rate * (seconds // 2) // DAY_S
    ended = in_seconds(pump, seconds)
    assert (ended.mode, ended.now.s) == ("flex", START.s + seconds)
    clock_s = START.s + seconds - MIDNIGHT.s
    expected = rate * seconds + flex_numerator(FLEX, clock_s, beyond)
    assert 30_000_000 - in_seconds(ended, beyond).usable_nl == min(expected // DAY_S, 30_000_000)


@pytest.mark.requirement("PMP-51")
def test_a_bridge_into_a_flex_step() -> None:
    """0.336 mL at 0.4 mL/day take 20 h 9 min 36 s: from 09:00 into the step from 00:00 to 06:00 of the next day."""
    pump = done(handle(running_pump(FLEX), StartBolus(BRIDGE)))
    passage = check_cuts(pump, 72_576)
    assert told(passage.events) == [("bridge bolus ended", 72_576)]
    assert 30_000_000 - passage.state.usable_nl == 336_000
    assert given_nl(passage.state, 1440) == 100_000 * 1440 // DAY_S  # 05:09:36 on


@pytest.mark.requirement("PMP-51")
@pytest.mark.parametrize("bolus", [BRIDGE, PRIMING])
def test_an_update_begins_with_its_bolus(bolus: PrimingBolus | BridgeBolus) -> None:
    """Program, concentration, volume and bolus are written in one step; the program is the new one when the bolus is over."""
    answer = handle(running_pump(RUNNING), Update(FLEX, Concentration(2000), ml(25), bolus=bolus))
    assert isinstance(answer, Answer)
    assert replace(answer.report, token=reported(answer.state).token) == reported(answer.state)
    assert (answer.report.mode, answer.report.program) == (bolus.mode, FLEX)
    assert (answer.report.concentration, answer.report.calculated) == (Concentration(2000), ml(25))
    assert answer.report.bolus_left == bolus.volume
    assert given_nl(answer.state, bolus.duration.s) == bolus.volume.nl
    assert in_seconds(answer.state, bolus.duration.s).mode == "flex"


@pytest.mark.requirement("PMP-31")
@pytest.mark.requirement("PMP-32")
def test_a_refused_bolus_refuses_its_update() -> None:
    """Nothing of the update is written: a bridge too long, too fast, or larger than the new volume."""
    pump = running_pump(RUNNING)
    cases = {
        "PMP-32": Update(FLEX, Concentration(2000), bolus=BridgeBolus(ml(0.7), flow(0.049))),
        "PMP-01": Update(FLEX, Concentration(2000), bolus=BridgeBolus(ml(0.1), FlowRate(47_999))),
        "PMP-02": Update(FLEX, Concentration(2000), bolus=PrimingBolus(ml(0.2), Duration(719))),
        "PMP-13": Update(FLEX, Concentration(2000), bolus=PrimingBolus(Volume(100), Duration(59))),
        "PMP-15": Update(FLEX, Concentration(2000), ml(0.3), bolus=BRIDGE),
        "PMP-05": Update(MinimumRate(), bolus=BRIDGE),
    }
    for rule, update in cases.items():
        assert refused(handle(pump, update)).rule == rule
    assert reported(pump) == reported(running_pump(RUNNING))


@pytest.mark.requirement("PMP-14")
def test_a_new_volume_ends_the_alarm_before_the_bolus_of_its_update() -> None:
    """An empty pump that is refilled can be bridged in the same update; without the volume it cannot."""
    empty = in_seconds(done(handle(running_pump(RUNNING), Update(reservoir=Volume(1)))), HOUR)
    assert refused(handle(empty, Update(RUNNING, bolus=BRIDGE))).rule == "PMP-14"
    assert done(handle(empty, Update(RUNNING, Concentration(500), ml(20), bolus=BRIDGE))).mode == "bridge bolus"


@pytest.mark.requirement("PMP-32")
def test_a_bridge_lasts_as_long_as_the_sheet_allows() -> None:
    """14 days to the second are taken, a nanolitre more is not; the refusal says where the limit is from and what to do."""
    most = Volume(14 * 50_000)
    pump = running_pump(RUNNING)
    assert done(handle(pump, StartBolus(BridgeBolus(most, flow(0.05))))).mode == "bridge bolus"
    refusal = refused(handle(pump, StartBolus(BridgeBolus(Volume(most.nl + 1), flow(0.05)))))
    assert (refusal.rule, refusal.limit) == ("PMP-32", "a bridge lasts at most 14 days")
    assert "bridge_duration_max" in refusal.source
    assert "access port" in refusal.advice


@pytest.mark.requirement("PMP-08")
@pytest.mark.requirement("PMP-51")
def test_an_update_during_a_bridge_is_as_the_sheet_says() -> None:
    """Refused with the sheet as its source; or the bridge is cut, and told with what is left in the line."""
    pump = in_seconds(pump_in("bridge bolus"), 21_600)
    refusal = refused(handle(pump, Update(SimpleContinuous(flow(0.3)))))
    assert refusal.rule == "PMP-08"
    assert "update_during_bolus" in refusal.source
    answer = handle(reading(pump, update_during_bolus="cancels"), Update(SimpleContinuous(flow(0.3))))
    assert isinstance(answer, Answer)
    (event,) = answer.events
    assert (event.kind, event.text) == ("bridge bolus cut short", "0.1 mL of 0.336 mL programmed. The remainder lies in the line")
    assert given_nl(answer.state, DAY_S) == 300_000


@pytest.mark.requirement("PMP-51")
@pytest.mark.requirement("PMP-64")
@pytest.mark.parametrize("mode", DURATIONS)
@pytest.mark.parametrize("returns", ["resumes", "stopped"])
def test_the_scheduled_return_is_as_the_sheet_says(mode: str, returns: str) -> None:
    """Each kind of bolus has its own: the program goes on to the second, or the pump is stopped, 48 h later with an alarm."""
    pump = with_patient(reading(running_pump(FLEX), **{f"after_{mode.replace(' ', '_')}": returns}))
    pump = done(handle(pump, RequestBolus() if mode == "patient bolus" else StartBolus(BOLUSES[mode])))
    seconds = DURATIONS[mode]
    assert in_seconds(pump, seconds - 1).mode == mode
    ended = in_seconds(pump, seconds)
    passage = check_cuts(pump, seconds + 3 * DAY_S)
    if returns == "resumes":
        assert ended.mode == "flex"
        expected = flex_numerator(FLEX, ended.now.s - MIDNIGHT.s, DAY_S) // DAY_S
        assert abs(given_nl(ended, DAY_S) - expected) <= 1
        assert [kind for kind, _ in told(passage.events)][1:] == []
    else:
        assert (ended.mode, reported(ended).program) == ("stopped", Stopped())
        assert given_nl(ended, 3 * DAY_S) == 0
        assert told(passage.events)[1:] == [("stopped after a bolus", seconds), ("pump stopped alarm", seconds + 48 * HOUR)]


@pytest.mark.requirement("PMP-51")
@pytest.mark.parametrize("mode", DURATIONS)
def test_only_a_finished_bolus_returns_as_scheduled(mode: str) -> None:
    """One that is cancelled was not finished: the program goes on under either reading."""
    pump = with_patient(reading(running_pump(RUNNING), **{f"after_{mode.replace(' ', '_')}": "stopped"}))
    pump = in_seconds(done(handle(pump, RequestBolus() if mode == "patient bolus" else StartBolus(BOLUSES[mode]))), 100)
    assert done(handle(pump, CancelBolus())).mode == "simple continuous"


def sequence(pump: PumpState, *boluses: Bolus) -> PumpState:
    for bolus in boluses:
        command = RequestBolus() if bolus == PATIENT else StartBolus(bolus)  # type: ignore[arg-type]
        pump = in_seconds(done(handle(pump, command)), bolus.duration.s)
    return pump


@pytest.mark.requirement("PMP-22")
@pytest.mark.requirement("PMP-30")
def test_boluses_one_after_another_lose_nothing() -> None:
    """Of odd volumes and durations, on an odd flow: in the end the count is the exact sum, and so is the reservoir."""
    single = SingleBolus(Volume(33_333), Duration(601))
    prime = PrimingBolus(Volume(77_777), Duration(1201))
    pump = sequence(with_patient(running_pump(SimpleContinuous(FlowRate(123_457)))), single, PATIENT, prime, single)
    passed = pump.now.s - START.s
    basal = Fraction(123_457 * (passed - prime.duration.s), DAY_S)
    expected = 30_000_000 - floor(basal + 33_333 * 2 + 77_777 + PATIENT.volume.nl)
    assert (pump.usable_nl, pump.memory.calculated_nl) == (expected, expected)


def test_what_is_left_of_a_bolus_is_reported() -> None:
    """While it runs the remainder as programmed, afterwards nothing."""
    for mode, volume in (
        ("single bolus", 100_000),
        ("patient bolus", 20_000),
        ("priming bolus", 200_000),
        ("bridge bolus", 336_000),
    ):
        pump = pump_in(mode)
        assert reported(pump).bolus_left == Volume(volume)
        half = DURATIONS[mode] // 2
        assert reported(in_seconds(pump, half)).bolus_left == Volume(volume // 2)
        assert reported(in_seconds(pump, 2 * half)).bolus_left == Volume(0)


def test_a_bolus_that_the_pump_cannot_give_is_refused_by_its_own_flow() -> None:
    """A bolus is judged by itself first: too fast alone, whatever runs under it."""
    slow = reading(running_pump(RUNNING), basal_during_bolus="suspended")
    fastest = SingleBolus(Volume(24_000_000 * 600 // DAY_S), Duration(600))
    assert done(handle(slow, StartBolus(fastest))).mode == "single bolus"
    too_fast = replace(fastest, volume=Volume(fastest.volume.nl + 1))
    assert refused(handle(slow, StartBolus(too_fast))).rule == "PMP-02"
