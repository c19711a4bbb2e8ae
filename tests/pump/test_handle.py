"""Telemetry: commands taken or refused, every mode with every command."""

import itertools
from copy import deepcopy

import pytest

from tests.courses import START, done, flow, ml, needled, refused, running_pump
from tests.pump.pumps import BRIDGE, PRIMING, RUNNING, SINGLE, given, in_seconds, pump_in, reading
from thecal.pump.handle import Answer, handle
from thecal.pump.memory import digest
from thecal.pump.messages import (
    BeginUpdate,
    CancelBolus,
    Command,
    Commit,
    Fill,
    Interrogate,
    ReadBack,
    RequestBolus,
    SetClock,
    Stage,
    StartBolus,
    TestAlarm,
    Update,
)
from thecal.pump.modes import COMMANDS, MODES, REFUSED, TABLE
from thecal.pump.program import Flex, MinimumRate, SimpleContinuous, SingleBolus, Step, Stopped
from thecal.pump.reservoir import perform
from thecal.pump.sheet import Basal, pump_sheet
from thecal.pump.state import PumpState, new_pump
from thecal.quantity import Concentration, FlowRate, Volume
from thecal.timeline import DAY_S, Duration

BOLUS = SINGLE
RENEWED = Update(SimpleContinuous(flow(0.3)), Concentration(500))
MESSAGES: dict[str, Command] = {
    "interrogate": Interrogate(),
    "begin update": BeginUpdate(),
    "stage": Stage(RENEWED),
    "commit": Commit(digest(RENEWED)),
    "read back": ReadBack(),
    "update": RENEWED,
    "start single bolus": StartBolus(SINGLE),
    "start priming bolus": StartBolus(PRIMING),
    "start bridge bolus": StartBolus(BRIDGE),
    "request patient bolus": RequestBolus(),
    "cancel bolus": CancelBolus(),
    "set clock": SetClock(3600),
    "test alarm": TestAlarm("critical"),
}
ONE_BOLUS = ("single bolus", "patient bolus", "priming bolus", "bridge bolus")


def in_minutes(pump: PumpState, minutes: int) -> PumpState:
    return in_seconds(pump, 60 * minutes)


@pytest.mark.requirement("PMP-27")
def test_every_mode_and_command_is_in_the_table() -> None:
    """No pair is left to chance, the table names no other, and each entry is a yes or a reason."""
    assert set(TABLE) == set(itertools.product(MODES, COMMANDS))
    assert set(MESSAGES) == set(COMMANDS)
    assert all(MESSAGES[name].name == name for name in COMMANDS)
    assert set(TABLE.values()) == {"yes", *REFUSED}
    assert len(MODES) == 15


@pytest.mark.requirement("PMP-05")
@pytest.mark.requirement("PMP-06")
@pytest.mark.requirement("PMP-07")
@pytest.mark.requirement("PMP-08")
@pytest.mark.requirement("PMP-31")
@pytest.mark.requirement("PMP-34")
@pytest.mark.requirement("PMP-35")
@pytest.mark.requirement("PMP-36")
@pytest.mark.requirement("PMP-37")
@pytest.mark.requirement("PMP-40")
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("mode", MODES)
def test_the_pump_does_as_its_table_says(mode: str, command: str) -> None:
    """A pump really in the mode: what is accepted is taken; any other is refused with the table's rule, nothing changed."""
    pump = pump_in(mode)
    assert pump.mode == mode
    if (mode, command) == ("updating", "commit"):
        pump = done(handle(pump, Stage(RENEWED)))
    before, entry = deepcopy(pump), TABLE[mode, command]
    outcome = handle(pump, MESSAGES[command])
    assert pump == before
    if entry == "yes":
        assert isinstance(outcome, Answer), outcome
    else:
        refusal = refused(outcome)
        assert refusal.rule == REFUSED[entry][0]
        assert all((refusal.asked, refusal.limit, refusal.source, refusal.advice))


@pytest.mark.requirement("PMP-08")
@pytest.mark.parametrize("command", ["begin update", "update"])
@pytest.mark.parametrize("mode", ONE_BOLUS)
def test_where_the_sheet_says_so_an_update_is_taken_under_a_bolus(mode: str, command: str) -> None:
    """The other reading of update_during_bolus; a new program ends the bolus and says so."""
    pump = in_minutes(pump_in(mode, update_during_bolus="cancels"), 5)
    answer = handle(pump, MESSAGES[command])
    assert isinstance(answer, Answer)
    if command == "update":
        assert answer.state.mode == "simple continuous"
        assert [event.kind for event in answer.events] == [f"{'bolus' if mode == 'single bolus' else mode} cut short"]
    else:
        assert (answer.state.mode, answer.events) == ("updating", ())


@pytest.mark.requirement("PMP-08")
@pytest.mark.parametrize("mode", ONE_BOLUS)
def test_a_stop_is_always_taken(mode: str) -> None:
    """A bolus does not hold up a stop; it ends with it."""
    pump = in_minutes(pump_in(mode), 5)
    stopped = done(handle(pump, Update(Stopped())))
    assert stopped.mode == "stopped"
    assert stopped.memory.bolus is None
    assert given(stopped, 36_000) == 0


@pytest.mark.requirement("PMP-08")
def test_a_stop_waits_for_a_pump_that_takes_nothing() -> None:
    """In telemetry mode nothing is taken before an interrogation, a stop included."""
    pump = pump_in("telemetry mode")
    assert refused(handle(pump, Update(Stopped()))).rule == "PMP-36"
    assert done(handle(done(handle(pump, Interrogate())), Update(Stopped()))).mode == "stopped"


def test_an_update_without_a_program_leaves_the_bolus_running() -> None:
    """Where an update is taken during a bolus, only a new program ends it."""
    pump = in_minutes(pump_in("single bolus", update_during_bolus="cancels"), 5)
    after = done(handle(pump, Update(low_reservoir=ml(1))))
    assert after.mode == "single bolus"
    assert in_minutes(after, 5).memory.calculated_nl == 30_000_000 - 100_000 - 200_000 * 10 // 1440


def test_where_the_sheet_says_so_an_update_cancels_the_bolus() -> None:
    """What was given until then was given."""
    pump = pump_in("single bolus", update_during_bolus="cancels")
    after = done(handle(in_minutes(pump, 5), Update(SimpleContinuous(flow(0.3)))))
    assert after.mode == "simple continuous"
    assert after.memory.calculated_nl == 30_000_000 - 50_000 - 200_000 * 5 // 1440


@pytest.mark.requirement("PMP-35")
def test_an_update_that_was_begun_stops_the_flow_where_the_sheet_says_so() -> None:
    """The SynchroMed II infuses nothing until the update is written, then runs at once; the reference pump never stops."""
    for sheet, flowing in (("synchromed-ii-40", 0), ("reference-40", 200_000)):
        pump = pump_in("updating", sheet)
        assert given(pump, DAY_S) == flowing
        assert given(done(handle(in_minutes(pump, 60), Update(low_reservoir=ml(1)))), DAY_S) == 200_000


@pytest.mark.requirement("PMP-35")
def test_an_update_that_was_begun_ends_a_bolus_where_it_stops_the_pump() -> None:
    """Where the pump stops while updating and takes an update under a bolus, the bolus is cut at that second."""
    pump = in_minutes(pump_in("single bolus", "synchromed-ii-40", update_during_bolus="cancels"), 5)
    answer = handle(pump, BeginUpdate())
    assert isinstance(answer, Answer)
    assert [event.text for event in answer.events if event.kind == "bolus cut short"] == ["0.05 mL of 0.1 mL programmed"]
    assert done(handle(answer.state, Update(low_reservoir=ml(1)))).mode == "simple continuous"


def test_an_alarm_test_sounds_and_changes_nothing() -> None:
    """The tone of the data sheet, in the event log; no alarm."""
    answer = handle(pump_in("flex", "synchromed-ii-40"), TestAlarm("non-critical"))
    assert isinstance(answer, Answer)
    assert [(event.kind, event.text) for event in answer.events] == [("alarm test", "non-critical: one tone, 1 s")]
    assert answer.report.alarms == ()
    assert answer.report.log[-1].kind == "alarm test"


@pytest.mark.requirement("PMP-22")
def test_where_the_sheet_says_so_the_basal_flow_waits() -> None:
    """Suspended: exactly the bolus and nothing else flows; continued: both."""
    readings: list[tuple[Basal, int]] = [("suspended", 0), ("continues", 200_000 * 10 // 1440)]
    for basal, basal_nl in readings:
        pump = reading(running_pump(RUNNING), basal_during_bolus=basal)
        pump = in_minutes(done(handle(pump, StartBolus(BOLUS))), 10)
        assert pump.usable_nl == 30_000_000 - 100_000 - basal_nl


def test_a_cancelled_bolus_gave_what_it_gave() -> None:
    """Half the time, half the volume; the program goes on."""
    pump = in_minutes(pump_in("single bolus"), 5)
    after = done(handle(pump, CancelBolus()))
    assert after.mode == "simple continuous"
    assert after.memory.calculated_nl == 30_000_000 - 50_000 - 200_000 * 5 // 1440
    assert in_minutes(after, 1440).memory.calculated_nl == after.memory.calculated_nl - 200_000


@pytest.mark.requirement("PMP-09")
@pytest.mark.requirement("PMP-10")
def test_no_more_than_the_reservoir_holds_can_be_typed() -> None:
    """Volume and threshold up to the capacity, not a nanolitre more."""
    pump = running_pump(RUNNING)
    assert isinstance(handle(pump, Update(reservoir=ml(40), low_reservoir=ml(40))), Answer)
    assert refused(handle(pump, Update(reservoir=Volume(40_000_001)))).rule == "PMP-09"
    assert refused(handle(pump, Update(low_reservoir=Volume(40_000_001)))).rule == "PMP-10"


@pytest.mark.requirement("PMP-11")
def test_no_dose_without_a_concentration() -> None:
    """A new pump can stop or run at its minimum, but it cannot dose."""
    pump = new_pump(pump_sheet("reference-40"), START)
    assert refused(handle(pump, Update(RUNNING))).rule == "PMP-11"
    assert isinstance(handle(pump, Update(MinimumRate())), Answer)
    assert isinstance(handle(pump, Update(RUNNING, Concentration(500))), Answer)


@pytest.mark.requirement("PMP-12")
def test_a_new_concentration_comes_with_its_program() -> None:
    """Alone it would change the dose unseen; when nothing doses it may come alone."""
    assert refused(handle(running_pump(RUNNING), Update(concentration=Concentration(2000)))).rule == "PMP-12"
    assert isinstance(handle(running_pump(RUNNING), Update(concentration=Concentration(500))), Answer)
    assert isinstance(handle(running_pump(RUNNING), Update(RUNNING, Concentration(2000))), Answer)
    assert isinstance(handle(running_pump(Stopped()), Update(concentration=Concentration(2000))), Answer)


@pytest.mark.requirement("PMP-13")
@pytest.mark.parametrize(("seconds", "taken"), [(59, False), (60, True), (86_400, True), (86_401, False)])
def test_a_bolus_lasts_as_long_as_the_sheet_allows(seconds: int, taken: bool) -> None:
    """Both limits are taken, a second beyond them is not."""
    outcome = handle(running_pump(RUNNING), StartBolus(SingleBolus(Volume(10_000), Duration(seconds))))
    assert isinstance(outcome, Answer) if taken else refused(outcome).rule == "PMP-13"


@pytest.mark.requirement("PMP-02")
def test_bolus_and_basal_together_stay_below_the_fastest_flow() -> None:
    """23.8 mL/day over 0.2 is the limit of 24; a nanolitre more is not."""
    most = 23_800_000 * 600 // 86_400
    pump = running_pump(RUNNING)
    assert isinstance(handle(pump, StartBolus(SingleBolus(Volume(most), Duration(600)))), Answer)
    assert refused(handle(pump, StartBolus(SingleBolus(Volume(most + 1), Duration(600))))).rule == "PMP-02"


@pytest.mark.requirement("PMP-02")
def test_the_fastest_flow_is_not_exceeded_by_a_fraction() -> None:
    """16,803 nL over 61 s are 23,799,659.02 nL/day: 0.02 above the limit with this basal flow, below it with a nanolitre less."""
    bolus = StartBolus(SingleBolus(Volume(16_803), Duration(61)))
    assert refused(handle(running_pump(SimpleContinuous(FlowRate(200_341))), bolus)).rule == "PMP-02"
    assert isinstance(handle(running_pump(SimpleContinuous(FlowRate(200_340))), bolus), Answer)


@pytest.mark.requirement("PMP-02")
def test_a_bolus_counts_with_the_fastest_step_that_it_runs_through() -> None:
    """A step that begins during the bolus, and is faster, is part of the sum."""
    day = (Step(START.s % DAY_S + 300, flow(0.2)), Step(DAY_S, flow(20)))
    pump = running_pump(Flex((day,)))
    refusal = refused(handle(pump, StartBolus(SingleBolus(Volume(70_000), Duration(600)))))
    assert refusal.rule == "PMP-02"
    assert isinstance(handle(pump, StartBolus(SingleBolus(Volume(7_000), Duration(240)))), Answer)


@pytest.mark.requirement("PMP-14")
@pytest.mark.requirement("PMP-15")
def test_no_bolus_under_a_critical_alarm_nor_beyond_what_is_left() -> None:
    """The low reservoir alarm alone does not hold a bolus back."""
    pump = done(handle(running_pump(RUNNING), Update(reservoir=ml(0.05))))
    assert pump.memory.alarms[0].kind.name == "low reservoir"
    assert refused(handle(pump, StartBolus(BOLUS))).rule == "PMP-15"
    assert isinstance(handle(pump, StartBolus(SingleBolus(ml(0.05), Duration(600)))), Answer)
    empty = in_minutes(pump, 1440)
    assert [alarm.kind.name for alarm in empty.memory.alarms] == ["low reservoir", "empty reservoir"]
    assert refused(handle(empty, StartBolus(SingleBolus(Volume(1), Duration(600))))).rule == "PMP-14"


@pytest.mark.requirement("PMP-31")
def test_an_update_is_taken_whole_or_not_at_all() -> None:
    """One wrong field, and none of the others is written."""
    pump = running_pump(RUNNING)
    outcome = handle(pump, Update(SimpleContinuous(flow(99)), Concentration(2000), ml(12), ml(1)))
    assert refused(outcome).rule == "PMP-02"
    after = handle(pump, Interrogate())
    assert isinstance(after, Answer)
    assert after.state == pump
    assert after.report.calculated == ml(30)
    assert after.report.concentration == Concentration(500)


def test_interrogation_reads_memory_and_never_mechanics() -> None:
    """What the pump says is what it was told: a fill that was not typed in does not show."""
    pump = needled(perform(running_pump(RUNNING), Fill(ml(5), Concentration(2000))))
    answer = handle(pump, Interrogate())
    assert isinstance(answer, Answer)
    assert answer.report.calculated == ml(30)
    assert pump.usable_nl == 35_000_000
    bolus = handle(in_minutes(pump_in("single bolus"), 4), Interrogate())
    assert isinstance(bolus, Answer)
    assert bolus.report.bolus_left == ml(0.06)
