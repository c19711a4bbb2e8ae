"""Checks of memory and faults: what survives, what is trusted, and what the pump falls back to."""

from thecal.bench.conformance.trial import Trial, check, flowed_nl, settings
from thecal.errors import Refusal
from thecal.pump.messages import ChangeGain, Fault, Interrogate, LowBattery, MemoryCorruption, Stall
from thecal.pump.program import SimpleContinuous
from thecal.quantity import Gain
from thecal.timeline import DAY_S, Instant

HOUR_S = 3600


def strike(trial: Trial, fault: Fault) -> None:
    """A fault that this pump can have."""
    trial.needs("faults")
    reply = trial.subject.fault(fault)
    trial.steps.append(fault.name)
    if isinstance(reply, Refusal):
        trial.only_if(so=False, why=reply.limit)


def safe_nl(trial: Trial, seconds: int) -> int:
    """What the safe state of the data sheet delivers."""
    flows = trial.sheet.safe_state == "minimum rate"
    return flowed_nl(trial.sheet.minimum_rate_flow.nl_per_day, seconds) if flows else 0


@check("80", "keep its settings, its counts and what it is doing through a loss of power", "BEN-01")
def _power(trial: Trial) -> None:
    trial.needs("power")
    trial.running()
    trial.wait(DAY_S + 77)
    before = trial.read()
    trial.subject.lose_power()
    after = trial.report(Interrogate(), "kit/2")
    trial.expect(settings(before), settings(after), "the settings")
    trial.expect((before.calculated, before.pumped, before.logged), (after.calculated, after.pumped, after.logged), "the counts")
    trial.expect_delivered(flowed_nl(trial.flow().nl_per_day, DAY_S), DAY_S, "the day after it")


@check("81", "use nothing of a memory whose checksum does not fit: safe state, and an alarm until a program is written", "PMP-56")
def _corrupted(trial: Trial) -> None:
    trial.running()
    strike(trial, MemoryCorruption("settings", 3))
    report = trial.read()
    trial.expect(("safe state", True), (report.mode, "critical memory error" in report.alarms), "mode and alarm")
    trial.expect_delivered(safe_nl(trial, DAY_S), DAY_S, "the safe state")
    trial.programmed()
    trial.expect(False, "critical memory error" in trial.read().alarms, "the alarm after a program was written")


@check("82", "fall into its safe state by a low-battery reset", "PMP-56")
def _reset(trial: Trial) -> None:
    trial.running()
    strike(trial, LowBattery())
    report = trial.read()
    trial.expect(("safe state", True), (report.mode, "low battery reset" in report.alarms), "mode and alarm")
    trial.expect_delivered(safe_nl(trial, DAY_S), DAY_S, "the safe state")


@check("83", "deliver nothing while its rotor stands, and notice it after the delay of its data sheet", "PMP-57")
def _stall(trial: Trial) -> None:
    trial.running()
    trial.wait(HOUR_S)
    delay = trial.sheet.stall_detection_delay.s
    strike(trial, Stall(Instant(trial.now.s + delay + HOUR_S)))
    trial.expect_delivered(0, delay - 1, "a rotor that stands", off_nl=0)
    trial.expect(False, "motor stall" in trial.read().alarms, "the alarm a second before the delay is over")
    trial.wait(1)
    trial.expect(True, "motor stall" in trial.read().alarms, "the alarm at that second")
    trial.wait(HOUR_S + trial.sheet.stall_recovery_delay.s)
    trial.expect(False, "motor stall" in trial.read().alarms, "the alarm after it turns again")


@check("84", "not know its own bias: it counts what it was told to give, and gives more", "PMP-24", "PMP-52")
def _bias(trial: Trial) -> None:
    trial.running()
    trial.only_if(not trial.sheet.fill_sensor, "it senses what it has")
    strike(trial, ChangeGain(Gain(1_100_000)))
    before = trial.read().calculated
    flow = trial.flow().nl_per_day
    trial.expect_delivered(flowed_nl(flow * 11 // 10, DAY_S), DAY_S, "a pump that runs ten percent fast", off_nl=2)
    after = trial.read().calculated
    counted = before.nl - after.nl if before and after else None
    trial.expect(True, counted is not None and abs(counted - flow) <= 1, f"counting {flow} nL down, not {counted}")


@check("85", "begin no session anew after a fault: what is written then is a new program", "PMP-56", "PMP-71")
def _session_lost(trial: Trial) -> None:
    trial.running()
    trial.begin()
    strike(trial, MemoryCorruption("settings", 3))
    trial.expect(None, trial.read().staged, "what is staged after it")
    trial.programmed()
    trial.expect(SimpleContinuous(trial.flow()), trial.read().program, "the program")
