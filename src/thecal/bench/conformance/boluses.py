"""Checks of boluses: how much, when, what follows, and what is refused."""

from thecal.bench.conformance.trial import STRENGTH, Trial, check, flowed_nl
from thecal.errors import Refusal
from thecal.pump.messages import BeginUpdate, CancelBolus, StartBolus, Update
from thecal.pump.program import BridgeBolus, PatientBolus, PrimingBolus, SingleBolus, Stopped
from thecal.quantity import Volume
from thecal.timeline import DAY_S, Duration

HOUR_S = 3600
SINGLE = SingleBolus(Volume(60_000), Duration(1200))


def basal_nl(trial: Trial, seconds: int) -> int:
    """What the program gives in some seconds."""
    return flowed_nl(trial.flow().nl_per_day, seconds)


def under_nl(trial: Trial, seconds: int) -> int:
    """What the program gives under a bolus."""
    return basal_nl(trial, seconds) if trial.sheet.basal_during_bolus == "continues" else 0


def returns_nl(trial: Trial, bolus: str, seconds: int) -> int:
    """What flows after a bolus, as the data sheet says."""
    return basal_nl(trial, seconds) if getattr(trial.sheet, f"after_{bolus}_bolus") == "resumes" else 0


@check("40", "give a single bolus exactly and evenly, and then what its data sheet says", "PMP-22")
def _single(trial: Trial) -> None:
    trial.running()
    trial.write(StartBolus(SINGLE))
    half = SINGLE.duration.s // 2
    for part in ("first", "second"):
        trial.expect_delivered(SINGLE.volume.nl // 2 + under_nl(trial, half), half, f"the {part} half of the bolus", off_nl=2)
    trial.expect_delivered(returns_nl(trial, "single", HOUR_S), HOUR_S, "the hour after the bolus")


@check("41", "give one bolus at a time", "PMP-06", "PMP-08")
def _one_at_a_time(trial: Trial) -> None:
    trial.running()
    trial.write(StartBolus(SINGLE))
    if trial.sheet.update_during_bolus == "refused":
        trial.refused(BeginUpdate(trial.read().token), "a bolus runs")
    else:
        trial.not_written(StartBolus(SINGLE), "one runs")


@check("42", "end a bolus that is cancelled, and go on with the program", "PMP-22", "PMP-07")
def _cancelled(trial: Trial) -> None:
    trial.running()
    trial.write(StartBolus(SINGLE))
    third = SINGLE.duration.s // 3
    trial.expect_delivered(SINGLE.volume.nl // 3 + under_nl(trial, third), third, "the first third of the bolus", off_nl=2)
    trial.read()
    trial.report(CancelBolus())
    trial.expect_delivered(basal_nl(trial, HOUR_S), HOUR_S, "the hour after it was cancelled")
    trial.refused(CancelBolus(), "there is none any more")


@check("43", "give a priming bolus instead of its program, and then what its data sheet says", "PMP-51")
def _priming(trial: Trial) -> None:
    trial.running()
    trial.write(StartBolus(PrimingBolus(Volume(200_000), Duration(720))))
    trial.expect_delivered(200_000, 720, "the prime")
    trial.expect_delivered(returns_nl(trial, "priming", HOUR_S), HOUR_S, "the hour after it")


@check("44", "give a bridge bolus at its one flow until its volume has passed", "PMP-51")
def _bridge(trial: Trial) -> None:
    trial.running()
    bridge = BridgeBolus(Volume(trial.flow(2).nl_per_day // 2), trial.flow(2))  # half a day
    trial.write(StartBolus(bridge))
    trial.expect_delivered(flowed_nl(bridge.flow.nl_per_day, 6 * HOUR_S), 6 * HOUR_S, "the first six hours of the bridge")
    trial.wait(6 * HOUR_S)
    trial.expect_delivered(returns_nl(trial, "bridge", HOUR_S), HOUR_S, "the hour after the bridge")


@check("45", "refuse a bolus that is shorter or longer than its data sheet allows, or too fast", "PMP-13", "PMP-02")
def _durations(trial: Trial) -> None:
    trial.running()
    sheet = trial.sheet
    for seconds in (sheet.bolus_duration_min.s - 1, sheet.bolus_duration_max.s + 1):
        trial.not_written(StartBolus(SingleBolus(Volume(60_000), Duration(seconds))), "it lasts too short or too long")
    fast = Volume(2 * flowed_nl(sheet.flow_max.nl_per_day, sheet.bolus_duration_min.s) + 2)
    trial.not_written(StartBolus(SingleBolus(fast, sheet.bolus_duration_min)), "it flows too fast")


@check("46", "refuse a bolus larger than the volume it believes to have", "PMP-15")
def _too_large(trial: Trial) -> None:
    trial.only_if(not trial.sheet.fill_sensor, "it senses what it has")
    trial.running()
    trial.write(Update(reservoir=Volume(50_000), low_reservoir=Volume(1_000)))
    trial.not_written(StartBolus(SINGLE), "it believes to have less")


@check("47", "refuse a bolus while it is stopped", "PMP-05")
def _stopped(trial: Trial) -> None:
    trial.running()
    trial.write(Update(Stopped()))
    trial.not_written(StartBolus(SINGLE), "no dose runs")


def asking(trial: Trial) -> PatientBolus:
    """A pump whose patient may ask: two boluses in 24 h, two hours apart."""
    trial.needs("activator")
    trial.only_if(trial.sheet.patient_bolus, "it has no patient bolus")
    bolus = PatientBolus(Volume(20_000), Duration(600), Duration(2 * HOUR_S), 2)
    trial.running()
    trial.write(Update(patient=bolus))
    return bolus


def press(trial: Trial, expected: str, why: str) -> None:
    """The patient asks, and gets it or not."""
    reply = trial.subject.press()
    found = "refused" if isinstance(reply, Refusal) else "given"
    trial.steps.append(f"the activator is pressed: {found}")
    trial.expect(expected, found, f"a bolus that the patient asks for ({why})")


@check("48", "give what the patient asks for, the lockout apart from start to start", "PMP-18")
def _lockout(trial: Trial) -> None:
    bolus = asking(trial)
    press(trial, "given", "the first")
    trial.expect_delivered(bolus.volume.nl + under_nl(trial, bolus.duration.s), bolus.duration.s, "the bolus")
    trial.wait(bolus.lockout.s - bolus.duration.s - 1)
    press(trial, "refused", "a second before the lockout is over")
    trial.wait(1)
    press(trial, "given", "the lockout is over")


@check("49", "give no more in any 24 h than is allotted", "PMP-19")
def _allotment(trial: Trial) -> None:
    bolus = asking(trial)
    press(trial, "given", "the first")
    trial.wait(bolus.lockout.s)
    press(trial, "given", "the second")
    trial.wait(DAY_S - bolus.lockout.s - 1)
    press(trial, "refused", "the third, a second before 24 h are over")
    trial.wait(1)
    press(trial, "given", "24 h after the first")


@check("50", "give the patient nothing that was not programmed, nor while it is stopped", "PMP-33", "PMP-05")
def _unasked(trial: Trial) -> None:
    trial.needs("activator")
    trial.running()
    press(trial, "refused", "none is programmed")
    trial.write(Update(Stopped()))
    press(trial, "refused", "it is stopped")
    trial.expect(STRENGTH, trial.read().concentration, "the concentration")
