"""Newcomers: what a row of a spreadsheet comes to, and every problem of it."""

import csv
from collections.abc import Mapping
from io import StringIO
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thecal.chart.chart import Chart
from thecal.chart.clinical import Booked, Described, Documented, Prescribed
from thecal.chart.facts import Acted, Entered, Fact, Filled, Implanted, Noted, Ordered, ResidualMeasured, SessionEnded
from thecal.chart.line_ledger import line_ledger
from thecal.clinic.entry import DeviceRecorded, LineUnknown, entry_of, entry_plain
from thecal.clinic.newcomer import Import, Newcomer, newcomers, template_csv
from thecal.clinic.spreadsheet import Sheet, SheetRow, columns, read_spreadsheet
from thecal.clinic.spreadsheet_row import Problem
from thecal.errors import InputError
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Concentration, DailyDose, Volume
from thecal.therapy.check import check
from thecal.therapy.due import refill_due
from thecal.therapy.look import Look
from thecal.timeline import Instant

ZONE = ZoneInfo("America/New_York")
NOW = Instant.parse("2026-03-16 09:00", ZONE)
ROW = {
    "hospital number": "H-1",
    "name": "Example, Ada",
    "pump model": "reference-20",
    "serial": "S-1",
    "implanted on": "2023-05-09",
    "catheter model": "indura-8709sc",
    "catheter tip": "T10",
    "catheter length": "80 cm",
    "last refill on": "2026-02-10 09:30",
    "filled volume": "18 mL",
    "concentration": "2,000 mcg/mL",
    "daily dose": "187.5 mcg/day",
    "low reservoir alarm at": "2 mL",
}


def table(*rows: Mapping[str, str]) -> Sheet:
    headers = tuple(dict.fromkeys(name for row in rows for name in row))
    return Sheet("p.csv", 1, headers, tuple(SheetRow(n, tuple(row.get(h, "") for h in headers)) for n, row in enumerate(rows, 2)))


def imported(*changes: Mapping[str, str], **options: bool) -> Import:
    rows = [{**ROW, "hospital number": f"H-{n}", "serial": f"S-{n}", **change} for n, change in enumerate(changes, 1)]
    return newcomers(table(*rows), ZONE, NOW, **options)  # type: ignore[arg-type]  # the options of a test are booleans


def one(**changes: str) -> Newcomer:
    found = imported({name.replace("_", " "): text for name, text in changes.items()})
    assert not [problem for problem in found.problems if problem.severity == "stops"], found.problems
    return found.rows[0]


def problems(**changes: str) -> list[Problem]:
    return list(imported({name.replace("_", " "): text for name, text in changes.items()}).problems)


def looked(newcomer: Newcomer) -> Look:
    chart = Chart().after(*(entry for entry in newcomer.entries if isinstance(entry, get_args(Fact))))
    assert chart.implanted is not None
    return Look.at(chart, NOW, ZONE, pump_sheet(chart.implanted.pump))


def facts(newcomer: Newcomer) -> list[object]:
    return [entry for entry in newcomer.entries if isinstance(entry, get_args(Fact))]


def test_the_template_imports_without_any_problem() -> None:
    """What a clinic is handed as an example is one."""
    found = newcomers(read_spreadsheet(template_csv().encode(), "t.csv"), ZONE, NOW)
    assert found.problems == ()
    assert [newcomer.row for newcomer in found.rows] == [2, 3]
    assert len({newcomer.person.name for newcomer in found.rows}) == 2


def test_a_row_becomes_the_facts_of_the_person() -> None:
    """Pump, papers, refill, order, what the pump then shows, and what else is told; in order of time."""
    newcomer = one(
        cause="Multiple Sclerosis", origin="spinal", born="1958-11-02", phone="+1 555 0100", lot="L-7", notes="Prefers mornings",
        oral_baclofen="30 mg/day", measured_residual="3.1 mL", next_refill_booked_on="2026-04-28 10:00", booked_with="nurse",
    )  # fmt: skip
    kinds = [type(entry) for entry in newcomer.entries]
    assert kinds == [
        Implanted, DeviceRecorded, Ordered, ResidualMeasured, Filled, Entered, SessionEnded,
        Described, Prescribed, Booked, Documented, Noted, Noted,
    ]  # fmt: skip
    assert [entry.at for entry in newcomer.entries] == sorted(entry.at for entry in newcomer.entries)
    assert DeviceRecorded(Instant.parse("2023-05-09 12:00", ZONE), "reference-20", "S-1", "L-7") in newcomer.entries
    assert newcomer.person.phone == "+1 555 0100"
    assert (newcomer.person.number, newcomer.serial) == ("H-1", "S-1")
    assert [entry_of(entry_plain(entry)) for entry in newcomer.entries] == list(newcomer.entries)


def test_no_name_and_no_number_stands_in_the_record() -> None:
    """The person stands beside the entries."""
    newcomer = one(phone="+1 555 0100", address="1 Sample Street", email="a@b.example")
    text = repr(newcomer.entries)
    assert not [word for word in ("Example", "H-1'", "555 0100", "Sample Street", "a@b") if word in text]


def test_the_report_is_what_the_pump_shows_after_that_refill() -> None:
    """It was told the volume, the strength and the dose; nothing is claimed of before."""
    (session,) = [fact for fact in facts(one()) if isinstance(fact, SessionEnded)]
    report = session.report
    assert report.at == session.at == Instant.parse("2026-02-10 09:30", ZONE)
    assert (report.calculated, report.concentration) == (Volume.parse("18 mL"), Concentration(2000))
    assert (report.low_reservoir, report.alarms, report.replace_by) == (Volume.parse("2 mL"), (), None)
    assert report.clock_reading_s % 86_400 == 9 * 3600 + 30 * 60  # the clock on the wall
    assert looked(one()).known.dose == DailyDose.parse("187.5 mcg/day")


def test_the_date_to_refill_by_follows_from_the_row() -> None:
    """16 mL above the alarm at 0.09375 mL a day: the pump sounds 170.67 days after the fill; the label counts 14.5 % more."""
    due = refill_due(looked(one()))
    assert due is not None
    assert due.counted is not None
    assert due.counted.s - due.filled.s == 16_000_000 * 86_400 // 93_750
    assert due.date(ZONE).isoformat() == "2026-07-04"


def test_the_rules_can_be_asked_of_a_newcomer() -> None:
    """No rule stumbles over what is not known; nothing is wrong with the dose."""
    for newcomer in (
        one(),
        one(catheter_model="", catheter_length="", catheter_tip=""),
        one(pump_model="isomed-8472-20-03", low_reservoir_alarm_at="", daily_dose=""),
    ):
        found = {finding.rule for finding in check(looked(newcomer))}
        assert found
        assert not found & {"SAF-01", "SAF-02"}


def test_a_known_catheter_has_its_geometry() -> None:
    """Trimmed to what is in place: 80 cm hold 0.1768 mL, with the tubing 0.3168 mL."""
    ledger = line_ledger(looked(one()).chart)
    assert ledger is not None
    assert ledger.geometry is not None
    assert str(ledger.geometry.length) == "80 cm"
    assert ledger.line.volume_nl == 316_800
    assert not [entry for entry in one().entries if isinstance(entry, LineUnknown)]


def test_a_dead_volume_is_enough_to_know_the_line() -> None:
    """Where nobody knows the catheter; there is no geometry then."""
    newcomer = one(catheter_model="", catheter_length="", dead_volume="0.32 mL")
    (implanted,) = [fact for fact in facts(newcomer) if isinstance(fact, Implanted)]
    assert (implanted.dead_volume, implanted.geometry) == (Volume.parse("0.32 mL"), None)
    assert not [entry for entry in newcomer.entries if isinstance(entry, LineUnknown)]
    assert Documented(implanted.at, "catheter volume") in newcomer.entries
    assert not any(isinstance(entry, Documented) and entry.document == "catheter volume" for entry in one().entries)


def test_the_device_record_is_complete_with_the_site() -> None:
    """Model, serial number, date and the place where the pump lies; without the place it stays to be done (DEV-01)."""
    with_site, without = one(pump_site="left lower abdomen"), one(pump_site="")
    (device,) = [entry for entry in with_site.entries if isinstance(entry, DeviceRecorded)]
    assert device.site == "left lower abdomen"
    assert Documented(device.at, "device record") in with_site.entries
    assert not [finding for finding in check(looked(with_site)) if finding.rule == "DEV-01"]
    assert [finding.asked for finding in check(looked(without)) if finding.rule == "DEV-01"] == ["not on file: the device record"]


def test_an_unknown_line_is_said_to_be_unknown() -> None:
    """So that no prime and no bridge is planned; and somebody looks at it."""
    newcomer = one(catheter_model="", catheter_length="", catheter_tip="")
    assert [type(entry) for entry in newcomer.entries][:3] == [Implanted, DeviceRecorded, LineUnknown]
    (problem,) = problems(catheter_model="", catheter_length="")
    assert (problem.column, problem.severity) == ("catheter length", "look")


def test_a_pump_of_constant_flow_needs_no_dose() -> None:
    """What it gives is its flow at the strength; it has no session."""
    newcomer = one(pump_model="isomed-8472-20-03", low_reservoir_alarm_at="", daily_dose="")
    assert not [fact for fact in facts(newcomer) if isinstance(fact, SessionEnded | Ordered)]
    due = refill_due(looked(newcomer))
    assert due is not None
    assert due.counted is None
    assert due.empty is not None
    (problem,) = problems(pump_model="isomed-8472-20-03", low_reservoir_alarm_at="", daily_dose="300 mcg/day")
    assert (problem.column, problem.accepted, problem.severity) == ("daily dose", "600 mcg/day", "look")


def test_acted_facts_are_no_part_of_a_real_chart() -> None:
    """Nobody carried out an action on a simulated pump."""
    assert not [fact for fact in facts(one()) if isinstance(fact, Acted)]


@pytest.mark.parametrize(
    "text", ["reference-20", "Reference 20", "Reference pump of thecal 20 mL", "REFERENCE PUMP OF THECAL (20 ml)"]
)
def test_a_pump_is_known_by_its_title_and_size(text: str) -> None:
    """As its label says it."""
    assert looked(one(pump_model=text)).sheet == pump_sheet("reference-20")


@pytest.mark.requirement("EXC-01")
@pytest.mark.parametrize(
    ("column", "text", "told", "severity"),
    [
        ("hospital number", "", "is missing", "stops"),
        ("name", "x" * 121, "is too long", "stops"),
        ("phone", "5" * 61, "is too long", "stops"),
        ("serial", "S" * 61, "is too long", "stops"),
        ("name", "", "is missing", "stops"),
        ("daily dose", "", "is missing", "stops"),
        ("last refill on", "", "is missing", "stops"),
        ("pump model", "referense-20", "'reference-20'", "stops"),
        ("pump model", "Reference pump of thecal", "several models", "stops"),
        ("catheter model", "indura", "several models", "stops"),
        ("catheter tip", "X3", "vertebral level", "stops"),
        ("catheter length", "200 cm", "longer than", "stops"),
        ("catheter model", "", "the length of the catheter is given", "stops"),
        ("dead volume", "0.4 mL", "0.3168 mL", "stops"),
        ("dead volume", "0.1 mL", "tubing of the pump alone", "stops"),
        ("filled volume", "18", "has no unit", "stops"),
        ("filled volume", "1,5 mL", '"1.5 mL"', "stops"),
        ("filled volume", "21 mL", "more than the reservoir of reference-20", "stops"),
        ("filled volume", "-1 mL", "negative", "stops"),
        ("measured residual", "25 mL", "more than the reservoir", "stops"),
        ("low reservoir alarm at", "18 mL", "REF-01", "stops"),
        ("low reservoir alarm at", "", "that of the data sheet", "look"),
        ("daily dose", "0.2 mg/day", "mcg", "stops"),
        ("daily dose", "2,000.1 mcg/day", "SAF-01", "stops"),
        ("daily dose", "1,200 mcg/day", "second person", "look"),
        ("daily dose", "1.2 mcg/day", "is refused by", "stops"),
        ("concentration", "50 mcg/mL", "screening test", "stops"),
        ("concentration", "1,500 mcg/mL", "none of the stocked", "look"),
        ("last refill on", "2023-05-08", "before the pump was implanted", "stops"),
        ("last refill on", "2026-03-17", "in the future", "stops"),
        ("last refill on", "2026-03-16 09:01", "in the future", "stops"),
        ("last refill on", "2025-08-01", "which is past", "look"),
        ("last refill on", "2026-03-08 02:30", "does not exist", "stops"),
        ("implanted on", "09/05/2023", "2023-05-09 where the day comes first and 2023-09-05 where the month does", "stops"),
        ("implanted on", "31.11.2023", "no day of the calendar", "stops"),
        ("implanted on", "May 9th", "no date that can be read", "stops"),
        ("implanted on", "1969-05-09", "outside the years", "stops"),
        ("born", "2026-03-17", "in the future", "stops"),
        ("born", "1880-01-01", "would be an age", "stops"),
        ("next refill booked on", "2026-03-15", "is past", "stops"),
        ("booked with", "nurse", "it is said with whom", "stops"),
        ("cause", "multiple sclerosys", "'multiple sclerosis'", "stops"),
        ("cause", "stroke", "the cause is given", "stops"),
        ("origin", "spinal", "the origin is given", "stops"),
        ("oral baclofen", "30 mcg/day", "oral", "stops"),
        ("phone", "none", "cannot be", "stops"),
        ("email", "ada", "cannot be", "stops"),
        ("notes", "a\u202eb", "cannot be seen", "stops"),
        ("alarm date", "2026-08-03", "2026-07-31", "look"),
        ("shoe size", "43", "not known", "look"),
        ("serial no.", "43", "'serial' meant", "look"),
    ],
)
def test_what_is_wrong_is_told_with_its_cell(column: str, text: str, told: str, severity: str) -> None:
    """Row, column, what stands there, why, what is accepted; and whether it keeps the row out."""
    found = imported({column: text})
    matching = [problem for problem in found.problems if told in problem.problem]
    assert matching, found.problems
    (problem,) = matching
    assert problem.severity == severity
    assert problem.accepted
    assert problem.row == (1 if column in ("shoe size", "serial no.") else 2)
    assert len(found.rows) == (severity == "look")


def test_a_dose_that_the_pump_cannot_run_is_a_problem_of_the_dose() -> None:
    """Too slow a flow is refused as the pump refuses it; one that is rounded to a step of the pump is not."""
    (problem,) = problems(daily_dose="1.2 mcg/day")
    assert (problem.column, problem.accepted, problem.severity) == ("daily dose", "at least 0.048 mL/day", "stops")
    assert problems(daily_dose="100.001 mcg/day") == []


def test_every_problem_of_every_row_is_told() -> None:
    """Not only the first."""
    wrong = {"filled volume": "21 mL", "daily dose": "9 mg/day", "implanted on": "soon", "phone": "none"}
    found = imported(wrong, {}, {"catheter tip": "Z9", "email": "no"})
    assert {(problem.row, problem.column) for problem in found.problems} == {
        *((2, column) for column in wrong), (4, "catheter tip"), (4, "email"),
    }  # fmt: skip
    assert [newcomer.row for newcomer in found.rows] == [3]


def test_a_missing_column_is_told_once_and_keeps_everybody_out() -> None:
    """Not in every row."""
    rows = [{name: text for name, text in {**ROW, "serial": f"S-{n}"}.items() if name != "hospital number"} for n in range(3)]
    found = newcomers(table(*rows), ZONE, NOW)
    assert [(problem.row, problem.column, problem.severity) for problem in found.problems] == [(1, "hospital number", "stops")]
    assert found.rows == ()


def test_two_headings_of_one_meaning_are_a_problem() -> None:
    """Nobody guesses which of two columns counts."""
    found = imported({"dose": "100 mcg/day"})
    (problem,) = found.problems
    assert (problem.row, problem.column, problem.severity, found.rows) == (1, "daily dose", "stops", ())


def test_a_cell_under_no_heading_is_a_problem() -> None:
    """A comma in a number that split it must not shift a row unseen."""
    sheet = table(ROW)
    found = newcomers(Sheet("p", 1, sheet.headers, (SheetRow(2, (*sheet.rows[0].cells, "500")),)), ZONE, NOW)
    (problem,) = found.problems
    assert (problem.column, problem.said, problem.severity) == ("N", "500", "stops")


@pytest.mark.parametrize("column", ["hospital number", "serial"])
def test_what_stands_twice_or_on_record_is_told_in_each_row(column: str) -> None:
    """Case and spaces do not make another number."""
    found = imported({column: "X 7"}, {}, {column: "x7"})
    assert [(problem.row, problem.column) for problem in found.problems] == [(2, column), (4, column)]
    assert "row 4" in found.problems[0].problem
    assert [newcomer.row for newcomer in found.rows] == [3]
    again = newcomers(table(ROW), ZONE, NOW, known_numbers=["h-1"], known_serials=["s-1"])
    assert {problem.column for problem in again.problems} == {"hospital number", "serial"}
    assert again.rows == ()


def test_units_of_a_heading_are_those_of_its_numbers() -> None:
    """A cell that says its own unit keeps it; a unit that is refused is refused in each cell."""
    row = {"filled volume (mL)" if name == "filled volume" else name: text for name, text in ROW.items()}
    for text in ("18", "18 mL"):
        (newcomer,) = newcomers(table({**row, "filled volume (mL)": text}), ZONE, NOW).rows
        assert looked(newcomer).chart.typed == Volume.parse("18 mL")
    milligrams = {"daily dose (mg/day)" if name == "daily dose" else name: text for name, text in ROW.items()}
    (problem,) = newcomers(table({**milligrams, "daily dose (mg/day)": "0.1875"}), ZONE, NOW).problems
    assert "187.5 mcg/day" in problem.problem


@pytest.mark.parametrize(
    ("text", "options", "day"),
    [
        ("31.12.2024", {}, "2024-12-31"),
        ("12/31/2024", {}, "2024-12-31"),
        ("03/03/2024", {}, "2024-03-03"),
        ("01/02/2024", {"day_first": True}, "2024-02-01"),
        ("01/02/2024", {"month_first": True}, "2024-01-02"),
        ("12/31/2024", {"day_first": True}, None),
    ],
)
def test_a_date_is_read_where_it_has_one_meaning(text: str, options: dict[str, bool], day: str | None) -> None:
    """Or where the caller says what comes first."""
    found = imported({"implanted on": text}, **options)
    days = [
        entry.at.date(ZONE).isoformat() for newcomer in found.rows for entry in newcomer.entries if isinstance(entry, Implanted)
    ]
    assert days == ([day] if day else [])


def test_day_and_month_cannot_both_come_first() -> None:
    """The caller is told."""
    with pytest.raises(InputError, match="exclude"):
        imported({}, day_first=True, month_first=True)


def test_implant_and_refill_of_one_day_are_in_that_order() -> None:
    """A date without a time is no time before the other."""
    for implant, refill in (("2026-02-10", "2026-02-10 09:30"), ("2026-02-10 14:00", "2026-02-10"), ("2026-02-10", "2026-02-10")):
        chart = looked(one(implanted_on=implant, last_refill_on=refill)).chart
        assert chart.implanted is not None
        assert chart.filled is not None
        assert chart.implanted.at <= chart.filled.at


def test_a_refill_of_today_without_a_time_was_before_now() -> None:
    """At nine in the morning noon is not yet."""
    chart = looked(one(last_refill_on="2026-03-16")).chart
    assert chart.filled is not None
    assert chart.filled.at == NOW


def test_an_alarm_date_within_two_days_is_right() -> None:
    """What was printed may have counted from another hour."""
    assert problems(alarm_date="2026-08-02") == []
    assert len(problems(alarm_date="2026-07-28")) == 1


def test_other_worksheets_and_no_rows_are_told() -> None:
    """Nothing is left out unseen."""
    sheet = table(ROW)
    found = newcomers(Sheet("p", 1, sheet.headers, (), ("2025",)), ZONE, NOW)
    assert [problem.severity for problem in found.problems] == ["stops", "look"]


_CELL = st.one_of(
    st.text(max_size=12),
    st.sampled_from([text for column in columns() for text in (*column.examples, column.name) if text]),
    st.from_regex(r"[0-9]{1,4}[.,/-]?[0-9]{0,4}( ?(mL|mcg/day|mcg/mL|cm|mg/day))?", fullmatch=True),
    st.dates().map(str),
    st.datetimes().map(lambda at: at.strftime("%d.%m.%Y %H:%M")),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from([column.name for column in columns()]), _CELL, max_size=8), max_size=4))
def test_any_cells_are_problems_or_newcomers(changes: list[dict[str, str]]) -> None:
    """Never an exception; what stops keeps its row out, and nothing else does; what goes in can be asked for its refill."""
    given_rows = [{**dict.fromkeys(column.name for column in columns()), **ROW, **change} for change in changes]
    rows = [{name: text or "" for name, text in row.items()} for row in given_rows]
    sheet = table(*rows) if rows else Sheet("p", 1, tuple(ROW), ())
    found = newcomers(sheet, ZONE, NOW)
    stopped = {problem.row for problem in found.problems if problem.severity == "stops"}
    assert {newcomer.row for newcomer in found.rows} == {row.number for row in sheet.rows} - stopped
    assert all(refill_due(looked(newcomer)) is not None for newcomer in found.rows)


def test_the_template_is_written_as_csv() -> None:
    """One heading for each column, and two examples of each."""
    rows = list(csv.reader(StringIO(template_csv())))
    assert [len(row) for row in rows] == [len(columns())] * 3
