"""The admission sheet: for somebody in a hospital who has never seen a pump, about the one that lies in this person.

Every sentence that is not of the chart stands with its rule or its source.
"""

from thecal.chart.line_ledger import line_ledger
from thecal.chart.vocabulary import grouped, words
from thecal.clinic.emergency_card import (
    dose_in_place,
    mode_in_place,
    of_pump_in_place,
    port_in_place,
    serial_in_place,
    uncertain_words,
    with_sheet,
)
from thecal.clinic.entry import DeviceRecorded
from thecal.clinic.outage_list import oral_words
from thecal.clinic.paper import Paper, pairs, printed_line, recorded, three_figures
from thecal.clinic.person import Person
from thecal.clinic.pump_words import LINE_UNKNOWN, flow_words, held_words, line_words, stopping, without_programmer
from thecal.clinic.refill_note import amount_text
from thecal.programmer.printout import Section
from thecal.quantity import Volume
from thecal.therapy.due import last_read, refill_due
from thecal.therapy.emergency_plan import MAKER_LINES
from thecal.therapy.first_actions import of_overdose, of_withdrawal
from thecal.therapy.look import Look
from thecal.therapy.overdose import line_text
from thecal.therapy.restart import reading
from thecal.therapy.service import end_of_service, pump_in_place
from thecal.therapy.totals import totals
from thecal.timeline import DAY_S, Instant

WHAT_IT_IS = (
    "A pump under the skin of the belly gives baclofen, which loosens stiff muscles, day and night through a thin tube into the "
    "fluid of the spine.",
    "It must never stop or run empty unplanned: sudden withdrawal of intrathecal baclofen can kill, and too much can end "
    "in coma.",
)
_SOURCES = (
    "What this is: Cleveland Clinic, Intrathecal Baclofen Therapy (for MS); boxed warning and overdosage of the intrathecal "
    "baclofen label (openFDA). Rules are named by their ids; the software shows the source of each.",
)
_COUNTED_DAYS = 365  # further off, the date says it better


def admission_sheet(
    look: Look,
    person: Person,
    device: DeviceRecorded | None,
    clinic_by_day: str,
    clinic_by_night: str,
    *,
    by: str = "",
    clinic: str = "",
    line_known: bool = True,
) -> Paper:
    """The sheet as the chart knows the pump now, in large print.

    ``line_known`` is false where nobody knows the volume of the catheter (a transfer from elsewhere): no figure of it is printed.
    """
    look = with_sheet(look)
    born = f", born {person.born}" if person.born else ""
    number = f", number {person.number}" if person.number else ""
    lines = (
        f"{recorded(person.name)}{born}{number}",
        f"As the record of {look.now.date(look.zone)} says. {printed_line(look.now, look.zone, by, clinic)}",
    )
    sections = (
        Section("What this is", ("", ""), (("the pump", WHAT_IT_IS[0]), ("the danger", WHAT_IT_IS[1]))),
        _calls(look, clinic_by_day, clinic_by_night),
        _signs(),
        _actions("Too little (withdrawal): first actions", look, line_known, overdose=False),
        _actions("Too much (overdose): first actions", look, line_known, overdose=True),
        without_programmer(port_in_place(look, device), held_words(look, line_known)),
        _pump(look, device),
        _left(look),
        _line(look, line_known),
        stopping(look.sheet),
    )
    return Paper("Admission with an intrathecal baclofen pump", lines, sections, _SOURCES, size="large")


def _calls(look: Look, by_day: str, by_night: str) -> Section:
    sheet, makers = look.sheet, MAKER_LINES.get(look.clinic.jurisdiction, {})
    maker = next((line for title, line in makers.items() if sheet and sheet.title.startswith(title)), None)
    return pairs("Call first", ("clinic by day", by_day), ("clinic by night", by_night), ("maker's line", maker))


def _signs() -> Section:
    early, severe = grouped("symptoms", "early withdrawal"), grouped("symptoms", "severe withdrawal")
    too_much = grouped("symptoms", "overdose") | grouped("symptoms", "overdose tone")
    rows = (
        ("too little, early", f"{_texts(early)} (WDL-01)"),
        ("too little, severe", f"{_texts(severe)} (WDL-01)"),
        ("too much", f"{_texts(too_much)} (OVD-01)"),
        ("which of the two", "Examine the tone: limp or normal argues for too much, raised for too little (OVD-07)."),
    )
    return Section("Signs", ("", ""), rows)


def _texts(symptoms: frozenset[str]) -> str:
    return ", ".join(words("symptoms")[name].text for name in sorted(symptoms))


# What is done ----------------------------------------------------------------------------------------------------------


def _actions(title: str, look: Look, line_known: bool, *, overdose: bool) -> Section:
    there = {name for name in look.known.conditions if look.known.present(name)}
    steps = of_overdose(there, look.clinic, look) if overdose else of_withdrawal(True, look.clinic, look)
    told = ((_line_figure(step.text, look, line_known), step.rule) for step in steps)
    return Section(title, ("", "do", "rule"), tuple((str(number), *row) for number, row in enumerate(told, 1)))


def _line_figure(text: str, look: Look, line_known: bool) -> str:
    return text if line_known else text.replace(line_text(look), LINE_UNKNOWN)


# The pump --------------------------------------------------------------------------------------------------------------


def _pump(look: Look, device: DeviceRecorded | None) -> Section:
    sheet, pump, filled = look.sheet, pump_in_place(look.known), look.chart.filled
    report = reading(look) if sheet is not None else None
    whole = totals(report, sheet) if report and sheet else None
    strength = report.concentration if report and report.concentration else filled.concentration if filled else None
    doubt, papers = uncertain_words(look), of_pump_in_place(look, device)
    rows = (
        ("pump", f"{sheet.title} ({sheet.name})" if sheet else None),
        ("serial number", serial_in_place(look, device)),
        ("where it lies", papers.site if papers else None),
        ("in place since", pump.at.date(look.zone) if pump else None),
        ("drug", f"baclofen, intrathecal, {strength}" if strength and sheet else None),
        ("program read last", report.at.local_text(look.zone) if report else None),
        ("alarms at that reading", (", ".join(report.alarms) or "none") if report else None),
        ("program", mode_in_place(look)),
        ("daily dose ordered", dose_in_place(look)),
        ("24-h total as programmed", amount_text(whole.day) if whole else None),
        ("flow as programmed", flow_words(look)),
        ("baclofen by mouth", oral_words(look)),
        ("catheter", _catheter(look)),
        ("catheter access port", port_in_place(look, device)),
    )
    return pairs("The pump", *([("beware", doubt)] if doubt else []), *rows)


def _catheter(look: Look) -> str | None:
    latest = look.chart.catheter
    return f"{latest.catheter}, tip at {latest.tip_level}" if latest else None


def _left(look: Look) -> Section:
    """How long it runs; the earliest dates are at the upper bound of this pump's flow."""
    due = refill_due(look) if look.sheet is not None else None
    read = last_read(look) if look.sheet is not None else None
    if due is None:
        return pairs("How long it runs", ("alarm, as the pump counts", None), ("empty, at the earliest", None))
    if look.chart.emptied:
        return pairs("How long it runs", ("the reservoir", "emptied, and not filled since: nothing but the line is left"))
    ends = end_of_service(look)
    alarm = "none: this pump has no alarm" if look.sheet and not look.sheet.programmable else _days(due.counted, look)
    rows: list[tuple[str, object | None]] = [
        ("calculated volume", _calculated(read.calculated, read.at, look) if read and read.calculated else None),
        ("alarm, as the pump counts", alarm),
        ("alarm, at the earliest", _days(due.alarm, look)),
        ("empty, at the earliest", _days(due.empty, look)),
    ]
    if ends is not None:
        rows.append(("stops for good by", _days(ends, look)))
    return pairs("How long it runs", *rows)


def _calculated(volume: Volume, at: Instant, look: Look) -> str:
    return f"{three_figures(volume)} on {at.date(look.zone)}, as the pump counts"


def _days(at: Instant | None, look: Look) -> str | None:
    if at is None:
        return None
    day = at.date(look.zone)
    if at <= look.now:
        return f"{day}: HAS PASSED"
    days = (at.s - look.now.s) // DAY_S
    if days > _COUNTED_DAYS:
        return str(day)
    left = {0: "less than a day left", 1: "1 day left"}.get(days, f"{days} days left")
    return f"{day}: {left}"


def _line(look: Look, line_known: bool) -> Section:
    ledger = line_ledger(look.chart) if look.sheet is not None else None
    if ledger is None or not line_known:
        return pairs("In tubing and catheter", ("it holds", None if ledger is None else f"{LINE_UNKNOWN}: measure it first"))
    rows = (("it holds", line_words(ledger)), ("believed as of", ledger.as_of.local_text(look.zone)))
    return pairs("In tubing and catheter", *rows, *(("but", text) for text in ledger.cautions))
