"""The patient's own boluses: what is programmed, how far apart, how many, and when not at all."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.courses import START, disturbed, done, flow, ml, refused, running_pump
from tests.pump.pumps import HOUR, MINUTE, PATIENT, PERIODIC, RUNNING, in_seconds, pump_in, reading, reported, with_patient
from tests.pump.pumps import given as given_nl
from thecal.pump.handle import Answer, handle
from thecal.pump.messages import CancelBolus, RequestBolus, Stall, Update
from thecal.pump.program import MinimumRate, NoPatientBolus, PatientBolus, SimpleContinuous, Stopped
from thecal.pump.state import PumpState
from thecal.quantity import Concentration, FlowRate, Volume
from thecal.timeline import DAY_S, Duration, Instant


def asked(pump: PumpState, second: int) -> PumpState:
    """The pump after a request so many seconds after START."""
    return done(handle(in_seconds(pump, START.s + second - pump.now.s), RequestBolus()))


def refused_at(pump: PumpState, second: int) -> str:
    return refused(handle(in_seconds(pump, START.s + second - pump.now.s), RequestBolus())).rule


@pytest.mark.requirement("PMP-22")
def test_a_patient_bolus_is_given_on_top() -> None:
    """Its volume exactly, over and above the basal flow; asked for and ended in the log."""
    pump = with_patient(running_pump(SimpleContinuous(FlowRate(DAY_S))))
    answer = handle(pump, RequestBolus())
    assert isinstance(answer, Answer)
    assert [(event.kind, event.text) for event in answer.events] == [("patient bolus started", "0.02 mL over 10 min")]
    assert given_nl(answer.state, HOUR) == 20_000 + HOUR
    assert [event.kind for event in reported(in_seconds(answer.state, HOUR)).log] == [
        "patient bolus started",
        "patient bolus ended",
    ]


@pytest.mark.requirement("PMP-18")
def test_the_lockout_runs_from_start_to_start() -> None:
    """2 h after the last one to the second, though that was cut short; a second before, the refusal says what is to go."""
    pump = asked(with_patient(running_pump(RUNNING)), 0)
    assert refused_at(done(handle(in_seconds(pump, 60), CancelBolus())), 2 * HOUR - 1) == "PMP-18"
    refusal = refused(handle(in_seconds(pump, HOUR), RequestBolus()))
    assert (refusal.rule, refusal.limit) == ("PMP-18", "2 h from start to start, 60 min still to go")
    assert refused_at(pump, 2 * HOUR - 1) == "PMP-18"
    assert asked(pump, 2 * HOUR).mode == "patient bolus"


@pytest.mark.requirement("PMP-19")
def test_the_allotment_rolls_over_24_hours() -> None:
    """Three in any 24 h: the fourth 24 h after the first to the second, the fifth 24 h after the second."""
    pump = with_patient(running_pump(RUNNING))
    for hour in (0, 2, 9):
        pump = asked(pump, hour * HOUR)
    assert refused_at(pump, 12 * HOUR) == "PMP-19"
    assert refused_at(pump, DAY_S - 1) == "PMP-19"
    assert refused(handle(in_seconds(pump, DAY_S - 9 * HOUR - 60), RequestBolus())).limit == "3 in any 24 h, the next in 60 s"
    pump = asked(pump, DAY_S)
    assert refused_at(pump, DAY_S + 2 * HOUR - 1) == "PMP-18"
    assert asked(pump, DAY_S + 2 * HOUR).mode == "patient bolus"
    late = asked(pump, DAY_S + 3 * HOUR)
    assert refused_at(late, DAY_S + 9 * HOUR - 1) == "PMP-19"
    assert asked(late, DAY_S + 9 * HOUR).mode == "patient bolus"


@pytest.mark.requirement("PMP-18")
@pytest.mark.requirement("PMP-19")
@settings(max_examples=40)
@given(
    st.lists(st.integers(0, 4 * HOUR), min_size=1, max_size=30),
    st.integers(10 * MINUTE, DAY_S),
    st.integers(1, 6),
)
def test_no_more_than_allotted_in_any_window(gaps: list[int], lockout: int, per_day: int) -> None:
    """However often the patient asks: each given one is far enough from the last, and a refused one could not have been."""
    bolus = replace(PATIENT, volume=Volume(1000), lockout=Duration(lockout), per_day=per_day)
    pump, second = with_patient(running_pump(RUNNING), bolus), 0
    starts: list[int] = []
    for gap in gaps:
        second += gap
        pump = in_seconds(pump, gap)
        outcome = handle(pump, RequestBolus())
        recent = [start for start in starts if second - start < DAY_S]
        if starts and second - starts[-1] < 600:
            assert refused(outcome).rule == "PMP-06"
        elif starts and second - starts[-1] < lockout:
            assert refused(outcome).rule == "PMP-18"
        elif len(recent) >= per_day:
            assert refused(outcome).rule == "PMP-19"
        else:
            pump = done(outcome)
            starts.append(second)


@pytest.mark.requirement("PMP-33")
def test_none_where_none_is_programmed() -> None:
    """A pump of which it was never ordered, or no longer is; and one that has none, by its data sheet."""
    pump = running_pump(RUNNING)
    assert refused(handle(pump, RequestBolus())).rule == "PMP-33"
    withdrawn = done(handle(with_patient(pump), Update(patient=NoPatientBolus())))
    assert refused(handle(withdrawn, RequestBolus())).rule == "PMP-33"
    assert reported(withdrawn).patient is None
    refusal = refused(handle(running_pump(RUNNING, "medstream-40"), Update(patient=PATIENT)))
    assert refusal.rule == "PMP-33"
    assert "medstream-40 data sheet, patient_bolus" in refusal.source


@pytest.mark.requirement("PMP-05")
@pytest.mark.parametrize("program", [Stopped(), MinimumRate()])
def test_none_without_a_dose(program: Stopped | MinimumRate) -> None:
    """While the pump is stopped or at its minimum rate the patient asks in vain; it does not count."""
    pump = done(handle(with_patient(running_pump(RUNNING)), Update(program)))
    assert refused(handle(pump, RequestBolus())).rule == "PMP-05"
    assert done(handle(done(handle(pump, Update(RUNNING))), RequestBolus())).mode == "patient bolus"


@pytest.mark.requirement("PMP-14")
def test_none_under_a_critical_alarm() -> None:
    """An empty count or a noticed stall; the low reservoir alarm alone does not matter."""
    pump = done(handle(with_patient(running_pump(RUNNING)), Update(reservoir=ml(0.1))))
    assert done(handle(pump, RequestBolus())).mode == "patient bolus"
    refusal = refused(handle(in_seconds(pump, DAY_S), RequestBolus()))
    assert (refusal.rule, refusal.asked) == ("PMP-14", "a bolus while the empty reservoir alarm sounds")
    stalled = disturbed(with_patient(running_pump(RUNNING)), Stall(None))
    assert done(handle(in_seconds(stalled, 1199), RequestBolus())).mode == "patient bolus"
    assert refused(handle(in_seconds(stalled, 1200), RequestBolus())).rule == "PMP-14"


@pytest.mark.requirement("PMP-15")
def test_none_larger_than_what_is_left() -> None:
    """The bolus must lie within the calculated volume, to the nanolitre."""
    for volume, taken in ((19_999, False), (20_000, True)):
        pump = done(handle(with_patient(running_pump(RUNNING)), Update(reservoir=Volume(volume))))
        outcome = handle(pump, RequestBolus())
        assert isinstance(outcome, Answer) if taken else refused(outcome).rule == "PMP-15"


@pytest.mark.requirement("PMP-17")
@pytest.mark.parametrize(
    ("lockout", "per_day", "taken"),
    [
        (599, 3, False),
        (600, 3, True),
        (DAY_S, 1, True),
        (DAY_S + 1, 1, False),
        (HOUR, 0, False),
        (HOUR, -1, False),
        (HOUR, 24, True),
    ],
)
def test_lockout_and_allotment_have_limits(lockout: int, per_day: int, *, taken: bool) -> None:
    """The lockout no shorter than the bolus and no longer than 24 h, and at least one a day."""
    outcome = handle(running_pump(RUNNING), Update(patient=PatientBolus(ml(0.02), Duration(600), Duration(lockout), per_day)))
    assert isinstance(outcome, Answer) if taken else refused(outcome).rule == "PMP-17"


@pytest.mark.requirement("PMP-02")
@pytest.mark.requirement("PMP-13")
def test_it_must_fit_the_program_that_it_runs_on() -> None:
    """Checked with the fastest basal flow when either is written, so that no request fails for its flow."""
    large = replace(PATIENT, volume=Volume((24_000_000 - 200_000) * 600 // DAY_S))
    pump = with_patient(running_pump(RUNNING), large)
    assert done(handle(pump, RequestBolus())).mode == "patient bolus"
    larger = replace(large, volume=Volume(large.volume.nl + 1))
    assert refused(handle(running_pump(RUNNING), Update(patient=larger))).rule == "PMP-02"
    assert refused(handle(pump, Update(SimpleContinuous(flow(0.3))))).rule == "PMP-02"
    alone = reading(running_pump(RUNNING), basal_during_bolus="suspended")
    assert with_patient(alone, larger).mode == "simple continuous"
    short = replace(PATIENT, volume=Volume(100), duration=Duration(59))
    assert refused(handle(running_pump(RUNNING), Update(patient=short))).rule == "PMP-13"


@pytest.mark.requirement("PMP-18")
def test_a_new_order_does_not_forget_what_was_given() -> None:
    """Reprogramming the bolus, the lockout still counts from the last one that was given."""
    pump = in_seconds(asked(with_patient(running_pump(RUNNING)), 0), HOUR)
    pump = with_patient(pump, replace(PATIENT, lockout=Duration(3 * HOUR)))
    assert refused_at(pump, 3 * HOUR - 1) == "PMP-18"
    assert asked(pump, 3 * HOUR).mode == "patient bolus"


def test_a_patient_bolus_between_periodic_ones() -> None:
    """It may be asked for between them, and a periodic one that falls due under it is skipped."""
    pump = with_patient(running_pump(PERIODIC))
    patient = done(handle(in_seconds(pump, 3 * HOUR - 60), RequestBolus()))
    assert given_nl(patient, HOUR) == 20_000 + HOUR
    assert refused(handle(in_seconds(pump, 3 * HOUR), RequestBolus())).rule == "PMP-06"


def test_what_was_ordered_is_reported() -> None:
    """The order as it was written stays with a new program."""
    pump = done(handle(pump_in("flex"), Update(RUNNING, Concentration(500))))
    assert reported(pump).patient == PATIENT
    assert reported(pump).at == Instant(START.s)
