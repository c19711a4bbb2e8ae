"""Checks of alarms: when they begin, when they end, and what they forbid."""

from thecal.bench.conformance.boluses import SINGLE
from thecal.bench.conformance.trial import STRENGTH, Trial, check
from thecal.pump.messages import StartBolus, TestAlarm, Update
from thecal.pump.program import SimpleContinuous, Stopped
from thecal.quantity import Volume
from thecal.timeline import DAY_S

THRESHOLD = Volume(400_000)


def nearly(trial: Trial, threshold: Volume, above: Volume) -> int:
    """A pump that has, and believes to have, a little more than its threshold; the seconds until it is reached."""
    volume = Volume(threshold.nl + above.nl)
    trial.fill(volume)
    trial.write(Update(SimpleContinuous(trial.flow(3)), STRENGTH, volume, threshold))
    return -(-above.nl * DAY_S // trial.flow(3).nl_per_day)


def sounds(trial: Trial, alarm: str, expected: bool, when: str) -> None:
    """Whether an alarm sounds."""
    trial.expect(expected, alarm in trial.read().alarms, f"the {alarm} alarm {when}")


@check("60", "sound the low reservoir alarm from the first second at which the volume is at its threshold", "PMP-23", "PMP-53")
def _low(trial: Trial) -> None:
    seconds = nearly(trial, THRESHOLD, Volume(50_000))
    trial.wait(seconds - 1)
    sounds(trial, "low reservoir", False, "a second before")
    trial.wait(1)
    sounds(trial, "low reservoir", True, "at that second")


@check("61", "sound the empty reservoir alarm when it believes, or senses, that nothing is left", "PMP-23", "PMP-53")
def _empty(trial: Trial) -> None:
    seconds = nearly(trial, Volume(1_000), Volume(99_000)) + -(-1_000 * DAY_S // trial.flow(3).nl_per_day)
    trial.wait(seconds - 2)
    sounds(trial, "empty reservoir", False, "two seconds before")
    trial.wait(3)
    sounds(trial, "empty reservoir", True, "a second later")


@check("62", "end the reservoir alarms when a volume above the threshold is there and typed in", "PMP-23")
def _refilled(trial: Trial) -> None:
    trial.wait(nearly(trial, THRESHOLD, Volume(50_000)))
    sounds(trial, "low reservoir", True, "at its threshold")
    trial.fill(Volume(3_000_000))
    trial.write(Update(reservoir=Volume(3_400_000)))
    sounds(trial, "low reservoir", False, "after a refill")


@check("63", "sound once it has been stopped, after it had infused, for as long as its data sheet says", "PMP-59")
def _stopped(trial: Trial) -> None:
    trial.running()
    trial.wait(3600)
    trial.write(Update(Stopped()))
    trial.wait(trial.sheet.stopped_alarm_after.s - 1)
    sounds(trial, "pump stopped", False, "a second before")
    trial.wait(1)
    sounds(trial, "pump stopped", True, "at that second")
    trial.write(Update(SimpleContinuous(trial.flow())))
    sounds(trial, "pump stopped", False, "when it infuses again")


@check("64", "refuse a bolus under a critical alarm", "PMP-14")
def _no_bolus(trial: Trial) -> None:
    trial.wait(nearly(trial, Volume(1_000), Volume(50_000)) + DAY_S)
    trial.not_written(StartBolus(SINGLE), "the empty reservoir alarm sounds")


@check("65", "write what happens into its log, with the second, and count all of it", "PMP-56")
def _log(trial: Trial) -> None:
    seconds = nearly(trial, THRESHOLD, Volume(50_000))
    before = trial.read().logged
    trial.wait(seconds + 3600)
    report = trial.read()
    onsets = [event.at.s - trial.now.s for event in report.log if event.kind == "low reservoir alarm"]
    trial.expect([-3600], onsets, "the onset of the alarm in the log, in seconds from now")
    trial.expect(True, report.logged > before, "counting what is logged")


@check("66", "take a test alarm without changing anything else", "PMP-27")
def _test_alarm(trial: Trial) -> None:
    trial.running()
    trial.read()
    trial.expect((), trial.report(TestAlarm("critical")).alarms, "the alarms that sound after the test")
    trial.expect(SimpleContinuous(trial.flow()), trial.read().program, "the program")
