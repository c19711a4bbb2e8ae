"""Telemetry: commands taken or refused, every mode with every command."""

import itertools
from dataclasses import replace

import pytest

from tests.courses import START, disturbed, done, flow, ml, needled, refused, running_pump
from thecal.pump.advance import advance
from thecal.pump.handle import Answer, handle
from thecal.pump.messages import CancelBolus, Command, Fill, Interrogate, StartBolus, Update
from thecal.pump.modes import COMMANDS, MODES, TABLE
from thecal.pump.program import Flex, MinimumRate, Program, SimpleContinuous, SingleBolus, Step, Stopped
from thecal.pump.reservoir import perform
from thecal.pump.sheet import Basal, pump_sheet
from thecal.pump.state import PumpState, new_pump
from thecal.quantity import Concentration, FlowRate, Volume
from thecal.timeline import DAY_S, Duration, Instant

BOLUS = SingleBolus(ml(0.1), Duration(600))
RUNNING = SimpleContinuous(flow(0.2))
PROGRAMS: dict[str, Program] = {
    "stopped": Stopped(),
    "minimum rate": MinimumRate(),
    "simple continuous": RUNNING,
    "flex": Flex(((Step(DAY_S, flow(0.2)),),)),
}
MESSAGES: dict[str, Command] = {
    "interrogate": Interrogate(),
    "update": Update(SimpleContinuous(flow(0.3))),
    "start bolus": StartBolus(BOLUS),
    "cancel bolus": CancelBolus(),
}


def pump_in(mode: str, sheet: str = "reference-40") -> PumpState:
    if mode == "single bolus":
        return done(handle(running_pump(RUNNING, sheet), StartBolus(BOLUS)))
    return running_pump(PROGRAMS[mode], sheet)


def in_minutes(pump: PumpState, minutes: int) -> PumpState:
    return advance(pump, Instant(pump.now.s + 60 * minutes)).state


@pytest.mark.requirement("PMP-27")
def test_every_mode_and_command_is_in_the_table() -> None:
    """No pair is left to chance, and the table names no other."""
    assert set(TABLE) == set(itertools.product(MODES, COMMANDS))
    assert set(MESSAGES) == set(COMMANDS)
    assert {*PROGRAMS, "single bolus"} == set(MODES)


@pytest.mark.requirement("PMP-05")
@pytest.mark.requirement("PMP-06")
@pytest.mark.requirement("PMP-07")
@pytest.mark.requirement("PMP-08")
@pytest.mark.parametrize(("mode", "command"), sorted(TABLE))
def test_the_pump_does_as_its_table_says(mode: str, command: str) -> None:
    """An accepted command is taken; any other is refused with the table's rule and the pump stays the same object."""
    pump = pump_in(mode)
    assert pump.mode == mode
    outcome = handle(pump, MESSAGES[command])
    rules = {
        "no bolus without a running dose": "PMP-05",
        "one bolus at a time": "PMP-06",
        "no bolus is running": "PMP-07",
        "as the data sheet says: update_during_bolus": "PMP-08",
    }
    if TABLE[mode, command] == "accepted":
        assert isinstance(outcome, Answer)
    else:
        assert refused(outcome).rule == rules[TABLE[mode, command]]


@pytest.mark.requirement("PMP-08")
def test_a_stop_is_always_taken() -> None:
    """A bolus does not hold up a stop; it ends with it."""
    pump = in_minutes(pump_in("single bolus"), 5)
    stopped = done(handle(pump, Update(Stopped())))
    assert stopped.mode == "stopped"
    assert stopped.memory.bolus is None
    later = in_minutes(stopped, 600)
    assert later.usable_nl == stopped.usable_nl


def test_where_the_sheet_says_so_an_update_cancels_the_bolus() -> None:
    """The other reading of update_during_bolus."""
    pump = pump_in("single bolus")
    pump = replace(pump, sheet=replace(pump.sheet, update_during_bolus="cancels"))
    after = done(handle(in_minutes(pump, 5), Update(SimpleContinuous(flow(0.3)))))
    assert after.mode == "simple continuous"
    assert after.memory.calculated_nl == 30_000_000 - 50_000 - 200_000 * 5 // 1440


@pytest.mark.requirement("PMP-22")
def test_where_the_sheet_says_so_the_basal_flow_waits() -> None:
    """Suspended: exactly the bolus and nothing else flows; continued: both."""
    readings: list[tuple[Basal, int]] = [("suspended", 0), ("continues", 200_000 * 10 // 1440)]
    for reading, basal_nl in readings:
        pump = running_pump(RUNNING)
        pump = replace(pump, sheet=replace(pump.sheet, basal_during_bolus=reading))
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
