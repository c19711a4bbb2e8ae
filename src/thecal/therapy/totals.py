"""The totals of a day that people confirm: what a pump is programmed to give, as doses (SAF-04)."""

from dataclasses import dataclass

from thecal.pump.messages import Report
from thecal.pump.program import PatientBolus, Running
from thecal.pump.regimen import Regimen
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Amount, Concentration


@dataclass(frozen=True, slots=True)
class Totals:
    """What a pump is programmed to give, as doses, none told smaller than it is: in any 24 h, that with every bolus which the
    patient may ask for, in any hour, and a day's mean over the week.
    """

    day: Amount
    day_max: Amount
    peak_hour: Amount
    seven_day_mean: Amount


def totals(report: Report, sheet: PumpSheet) -> Totals | None:
    """The totals of what a pump says it runs; None without a concentration. An update that was left open may have stopped it."""
    if report.concentration is None:
        return None
    if report.mode == "updating" and sheet.stops_while_updating:
        return Totals(*[Amount(0)] * 4)
    return program_totals(report.program, report.patient, report.concentration, sheet)


def program_totals(program: Running, patient: PatientBolus | None, strength: Concentration, sheet: PumpSheet) -> Totals:
    """The totals of a program at a concentration, with the bolus that the patient may ask for."""
    volumes = Regimen(program, sheet, patient).totals()
    parts = (volumes.day, volumes.day_max, volumes.peak_hour, volumes.seven_day_mean)
    return Totals(*(volume.of(strength) for volume in parts))
