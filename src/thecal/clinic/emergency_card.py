"""The emergency card that a person with a pump carries: the emergency plan (EMG-01), with what only the clinic knows."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Literal

from thecal.clinic.entry import DeviceRecorded
from thecal.clinic.paper import Paper, pairs, printed_line, recorded
from thecal.clinic.person import Person
from thecal.programmer.printout import Section
from thecal.pump.program import ConstantFlow
from thecal.pump.sheet import pump_sheet
from thecal.therapy.due import refill_due, unread_fill
from thecal.therapy.emergency_plan import emergency_plan
from thecal.therapy.look import Look
from thecal.therapy.restart import reading
from thecal.therapy.service import pump_in_place
from thecal.therapy.totals import totals

_GROUPS: Mapping[str, tuple[str, ...]] = {
    "Call": ("Clinic by day", "Clinic by night", "Maker's line"),
    "When to act": ("Early signs of withdrawal", "Oral baclofen at home", "Go to hospital if"),
    "For the hospital": ("In hospital", "Injury at T6 or above, or dysreflexia", "MRI status", "In the field of an MRI"),
}
"""The lines of the plan by what they are looked for; all others are of the pump."""
_PUMP = "Pump and drug"


def emergency_card(
    look: Look,
    person: Person,
    device: DeviceRecorded | None,
    clinic_by_day: str,
    clinic_by_night: str,
    *,
    size: Literal["card", "sheet"] = "card",
    by: str = "",
    clinic: str = "",
) -> Paper:
    """The card as the chart knows it now: wallet size, or a sheet to hang up.

    The refill-by date is that of the clinic's own rules (REF-04), as on every other paper.
    """
    look = with_sheet(look)
    filled_in = {
        "Daily dose": dose_in_place(look),
        "Mode": mode_in_place(look),
        "Serial number": serial_in_place(look, device),
        "Catheter access port": port_in_place(look, device),
        "Clinic by day": clinic_by_day,
        "Clinic by night": clinic_by_night,
    }
    due = refill_due(look) if look.chart.implanted is not None else None
    if due is not None:
        filled_in["Refill by"] = f"{due.date(look.zone)}, by {due.governed_by}"
    values = {line.label: recorded(filled_in.get(line.label, line.value)) for line in emergency_plan(look).lines}
    born = f", born {person.born}" if person.born else ""
    lines = (
        f"{recorded(person.name)}{born}",
        f"As the record of {look.now.date(look.zone)} says. {printed_line(look.now, look.zone, by, clinic)}",
    )
    title = "Emergency card: intrathecal baclofen pump"
    return Paper(title, lines, tuple(_sections(values, look)), size=size)


def _sections(values: Mapping[str, str], look: Look) -> Iterator[Section]:
    grouped = {label for labels in _GROUPS.values() for label in labels}
    call, act, hospital = (pairs(title, *((label, values[label]) for label in labels)) for title, labels in _GROUPS.items())
    pump = pairs(_PUMP, *((label, value) for label, value in values.items() if label not in grouped))
    doubt = uncertain_words(look)
    yield from (call, act)
    yield Section(_PUMP, ("", ""), (("Beware", doubt), *pump.rows)) if doubt else pump
    yield hospital


def with_sheet(look: Look) -> Look:
    """The look with the data sheet of the pump in place, and without one where no pump is."""
    pump = pump_in_place(look.known)
    if pump is None:
        return look if look.sheet is None else replace(look, sheet=None)
    return look if look.sheet is not None else replace(look, sheet=pump_sheet(pump.pump))


def of_pump_in_place(look: Look, device: DeviceRecorded | None) -> DeviceRecorded | None:
    """The papers of the pump in place; None where there are none, or only those of the pump before it."""
    pump = pump_in_place(look.known)
    if device is None or pump is None or device.at.date(look.zone) < pump.at.date(look.zone):
        return None
    return device


def serial_in_place(look: Look, device: DeviceRecorded | None) -> str | None:
    """The serial number of the pump in place. One that was written down before that pump was put in is not its own."""
    papers = of_pump_in_place(look, device)
    return papers.serial if papers else None


def port_in_place(look: Look, device: DeviceRecorded | None) -> str | None:
    """Whether the pump in place has a catheter access port, in words; None where nobody wrote it down."""
    papers = of_pump_in_place(look, device)
    if papers is None or papers.access_port is None:
        return None
    return "yes" if papers.access_port else "no"


def dose_in_place(look: Look) -> str | None:
    """The daily dose that was ordered; the 24-h total as programmed where no dose was, and as calculated of a constant flow."""
    sheet, filled = look.sheet, look.chart.filled
    if sheet is None or pump_in_place(look.known) is None:
        return None
    if not sheet.programmable:
        return f"{sheet.flow_max.of(filled.concentration)}, calculated from its constant flow" if filled else None
    if look.known.dose is not None:
        return str(look.known.dose)
    report = reading(look)
    whole = totals(report, sheet) if report else None
    return f"{whole.day} in 24 h, as programmed" if whole else None


def mode_in_place(look: Look) -> str | None:
    """What the pump in place said last that it runs; what it does before that, where that is something else."""
    sheet = look.sheet
    if sheet is None or pump_in_place(look.known) is None:
        return None
    if not sheet.programmable:
        return ConstantFlow(sheet.flow_max).in_words()
    report = reading(look)
    if report is None:
        return None
    runs = report.program.in_words()
    return runs if report.mode == report.program.mode else f"{report.mode}, then {runs}"


def uncertain_words(look: Look) -> str:
    """What to say of a pump of which nobody knows what it runs; empty where it was read since whatever was done to it."""
    uncertain, unread = look.chart.uncertain, unread_fill(look)
    if uncertain is None and unread is not None:
        told = f"refilled elsewhere on {unread.at.date(look.zone)} and not read since"
        return f"{told}: it may run something else; interrogate it first"
    if uncertain is None:
        return ""
    return f"session UNCERTAIN since {uncertain.at.local_text(look.zone)}: nobody knows what the pump runs; interrogate it first"
