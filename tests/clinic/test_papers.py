"""The papers of a clinic: each says what its chart says, says what is not recorded, and harms nobody who opens it."""

import csv
import io
import re
from dataclasses import astuple, fields, replace
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.charts import MODEL, Story, day, started
from tests.command import ROOT
from thecal.chart.chart import Chart
from thecal.chart.clinical import (
    AlarmHeard,
    Booked,
    Noticed,
    Overrode,
    Prescribed,
    Scored,
    Signed,
    SymptomReported,
)
from thecal.chart.facts import Entered, Explanted, PumpReplaced, ResidualMeasured, SessionUncertain
from thecal.chart.line_ledger import line_ledger
from thecal.chart.order import OrderMinimumRate, OrderStop
from thecal.clinic.admission_sheet import admission_sheet
from thecal.clinic.dose_letter import dose_letter
from thecal.clinic.emergency_card import emergency_card
from thecal.clinic.entry import DeviceRecorded
from thecal.clinic.outage_list import OutageRow, outage_csv, outage_list, outage_row, outage_rows, run_dates
from thecal.clinic.paper import Paper, pairs, paper_html, paper_lines, three_figures
from thecal.clinic.pdf import paper_pdf
from thecal.clinic.person import Person
from thecal.clinic.pump_words import NO_SOURCE
from thecal.clinic.refill_note import refill_note
from thecal.programmer.printout import Section
from thecal.quantity import Volume
from thecal.report.tables import WIDTH
from thecal.report.words import BANNER
from thecal.therapy.due import refill_due
from thecal.therapy.emergency_plan import IN_MAGNET, NOT_RECORDED, emergency_plan
from thecal.therapy.look import Look
from thecal.twin.chart_file import read_chart

PERSON = Person("Zoë Invented", date(1975, 5, 1), "H-443", "555-0100", "Ana Invented, 555-0101", referrer="Dr. Refer")
DEVICE = DeviceRecorded(day(0), MODEL, "TC-0042", access_port=True, site="left lower abdomen")
DAY, NIGHT = "555-0110", "555-0111"
EVIL = '<script>alert(1)</script>"&'


def refilled() -> Story:
    """Two refills, the second with 1.4 mL less than expected, an override, a second person, and a rise to 140 mcg/day."""
    story = started(100).filled(60, 40, 500).programmed(60, 120).filled(150, 40, 500, measured_ml=17).programmed(150, 140)
    story.fact(
        Prescribed(day(10), "baclofen", "oral", 30, 3),
        AlarmHeard(day(149), "single"),
        Entered(day(150), Volume(40_000_000), Volume(40_000_000)),
        SymptomReported(day(150), "drowsiness", 1),
        Scored(day(150), "penn-frequency", "2"),
        Overrode(day(150), "RPC-07", "syringe read twice", "Dr. Doe", "physician"),
        Signed(day(150), "Nora Nurse", "Dr. Doe", "physician"),
        Booked(day(150), "refill", day(250), "Nora Nurse"),
        Booked(day(150), "follow-up", day(200)),
    )
    return story.assessed(150, 2.5, 1)


def note(story: Story) -> Paper:
    before, after = story.look(149.5), story.look(150)
    lot, both = "L-77, expires 2027-01-31", "Nora Nurse and Nils Nurse"
    return refill_note(
        before, after, who="Zoë Invented", by="Nora Nurse", clinic="Pump Clinic", device=DEVICE, lot=lot, verified_by=both
    )


def admitted(look: Look, device: DeviceRecorded | None = DEVICE, *, line_known: bool = True) -> Paper:
    return admission_sheet(look, PERSON, device, DAY, NIGHT, by="Nora Nurse", line_known=line_known)


def papers() -> dict[str, Paper]:
    story = refilled()
    look = story.look(160)
    return {
        "note": note(story),
        "outage": outage_list([outage_row(PERSON, look, "TC-0042", "P-ABCDEFGH")], look.now, look.zone, by="Nora Nurse"),
        "card": emergency_card(look, PERSON, DEVICE, DAY, NIGHT, by="Nora Nurse"),
        "sheet": emergency_card(look, PERSON, DEVICE, DAY, NIGHT, size="sheet", by="Nora Nurse"),
        "admission": admitted(look),
        "letter": dose_letter(look, PERSON, day(0), by="Nora Nurse"),
    }


def section(paper: Paper, title: str) -> Section:
    return next(part for part in paper.sections if part.title == title)


def value(paper: Paper, title: str, label: str) -> tuple[str, ...]:
    """What stands beside a label."""
    return next(row[1:] for row in section(paper, title).rows if row[0] == label)


def texts(paper: Paper) -> str:
    return "\n".join(" | ".join(row) for part in paper.sections for row in part.rows)


@pytest.mark.requirement("DOC-01")
@pytest.mark.parametrize("name", ["note", "outage", "card", "sheet", "admission", "letter"])
def test_every_paper_says_when_and_by_whom_it_was_printed_and_what_it_is_not(name: str) -> None:
    """The page and the text both carry the banner, the instant and the person."""
    paper = papers()[name]
    shown = paper_html(paper)
    told = "\n".join(line.text for line in paper_lines(paper))
    for text in (shown, " ".join(told.split())):
        assert BANNER in text
        assert re.search(r"Printed 2026-\d\d-\d\d 09:00 UTC by Nora Nurse", text)
    assert max(len(line) for line in told.splitlines()) <= WIDTH


@pytest.mark.parametrize("name", ["note", "outage", "card", "sheet", "admission", "letter"])
def test_every_cell_of_a_paper_is_on_its_page_and_in_its_text(name: str) -> None:
    """No row is lost on the way to a page or a terminal."""
    paper = papers()[name]
    shown = re.sub(r"<[^>]+>", "", paper_html(paper)).replace("&#x27;", "'").replace("\u200b", "")
    told = "".join("".join(line.text for line in paper_lines(paper)).split())
    for row in (row for part in paper.sections for row in part.rows):
        assert all(cell in shown for cell in row)
        assert row[0].split()[0] in told


def test_a_page_escapes_what_people_typed_and_loads_nothing() -> None:
    """A name that is markup is a name."""
    paper = Paper(EVIL, (EVIL,), (Section(EVIL, (EVIL, ""), ((EVIL, ""),), frozenset({0})),), (EVIL,))
    shown = paper_html(paper)
    assert "<script" not in shown
    assert shown.count("&lt;script&gt;") >= 6
    assert not re.search(r"(src|href)=|url\(|@import|https?:", shown)


def test_a_page_is_as_large_as_its_paper() -> None:
    """A card is as large as a bank card, large print has 14 pt, and many columns stand across."""
    card, large = Paper("t", (), (), size="card"), Paper("t", (), (), size="large")
    assert "size: 85.6mm 54mm" in paper_html(card)
    assert "font-size: 14pt" in paper_html(large)
    assert "landscape" not in paper_html(card)
    assert "size: landscape" in paper_html(papers()["outage"])


def test_dates_and_rules_are_kept_on_one_line() -> None:
    """A date is never broken after its year, and a word without end can be broken."""
    shown = paper_html(Paper("t", (), (pairs("t", ("refill by", "2026-06-14"), ("long", "x" * 60)),)))
    assert '<span class="time">2026-06-14</span>' in shown
    assert max(len(word) for word in re.findall("x+", re.sub(r"<[^>]+>", " ", shown.partition("<body>")[2]))) == 24


@given(st.integers(-(10**9), 10**9))
def test_a_volume_that_was_worked_out_has_at_most_three_figures(nl: int) -> None:
    """It says no more than a real pump allows, and nothing else: it is within half a unit of its last figure."""
    text = three_figures(Volume(nl))
    number = text.removesuffix(" mL").replace(",", "")
    digits = number.lstrip("-").replace(".", "").lstrip("0")
    assert text.endswith(" mL")
    assert len(digits) <= 3 or (len(digits) == 4 and digits.endswith("0"))  # 1,000 mL has one
    assert abs(float(number) - nl / 10**6) <= 0.00501 * abs(nl / 10**6)


# The refill note -------------------------------------------------------------------------------------------------------


def test_the_refill_note_writes_itself_from_the_chart() -> None:
    """Residual with flag and trend, drug, program before and after with its change, dates, people: as the chart has them."""
    story = refilled()
    paper, look = note(story), story.look(150)
    assert paper.lines[0] == "Zoë Invented"
    assert value(paper, "Pump", "serial number") == ("TC-0042",)
    residuals = section(paper, "Residual, and those before it").rows
    assert residuals[0] == ("2026-06-04", "18.4 mL", "17 mL", "-1.4 mL", "ok")
    assert residuals[1] == ("2026-03-06", "28 mL", "28 mL", "0 mL", "ok")
    assert value(paper, "Drug filled", "volume") == ("40 mL",)
    assert value(paper, "Drug filled", "strength") == ("500 mcg/mL",)
    assert value(paper, "Drug filled", "lot") == ("L-77, expires 2027-01-31",)
    assert value(paper, "Drug filled", "compared with the order by (RPC-03)") == ("Nora Nurse and Nils Nurse",)
    assert value(paper, "Drug filled", "typed in as the volume") == ("40 mL",)
    assert value(paper, "Program", "24-h total") == ("120 mcg", "140 mcg", "+16.7 %")
    assert value(paper, "Program", "ordered")[:2] == ("120 mcg/day, simple continuous", "140 mcg/day, simple continuous")
    due = refill_due(look)
    assert due is not None
    assert value(paper, "Dates", "refill by") == (f"{due.date(look.zone)}, by {due.governed_by}",)
    assert due.empty is not None
    assert value(paper, "Dates", "empty, at the earliest") == (str(due.empty.date(look.zone)),)
    assert value(paper, "Alarms", "heard since the refill before") == ("single on 2026-06-03 09:00",)
    assert section(paper, "Rules that were overridden").rows == (("RPC-07", "Dr. Doe (physician)", "syringe read twice"),)
    assert value(paper, "People", "second person (SAF-05)") == ("Dr. Doe (physician), order of Nora Nurse",)
    visits = section(paper, "Next visits").rows
    assert [row[1:] for row in visits] == [("a visit with a clinician", NOT_RECORDED), ("a refill", "Nora Nurse")]


def test_the_refill_note_marks_what_changed_and_nothing_else() -> None:
    """Of the program, the dose and the flow changed; the strength and the alarm did not."""
    program = section(note(refilled()), "Program")
    assert {program.rows[number][0] for number in program.marked} == {"ordered", "mode", "24-h total"}


def test_the_refill_note_tells_symptoms_and_scores_of_that_day_alone() -> None:
    """What was scored the day before is not of this visit."""
    story = refilled().fact(SymptomReported(day(149), "nausea", 2))
    rows = section(note(story), "Symptoms and scores of that day").rows
    assert set(rows) == {
        ("drowsiness", "mild"),
        ("Penn spasm frequency", "2"),
        ("Ashworth, legs (1 to 5)", "2.5"),
        ("spasms (Penn, 0 to 4)", "1"),
    }


def test_a_refill_note_of_nothing_says_that_nothing_is_recorded() -> None:
    """A chart without a refill gives no invented one."""
    story = started(100)
    paper = refill_note(story.look(30), story.look(30.5), who="", by="")
    assert paper.lines[0] == NOT_RECORDED
    assert section(paper, "Residual, and those before it").rows[0] == ("this visit", *[NOT_RECORDED] * 4)
    assert {row[1] for row in section(paper, "Drug filled").rows} == {NOT_RECORDED}
    assert {row[1] for row in section(paper, "People").rows} == {NOT_RECORDED}
    assert section(paper, "Next visits").rows == ((NOT_RECORDED, "", ""),)
    assert not section(paper, "Program").marked


def test_a_red_residual_that_was_taken_on_is_told_with_its_flag_and_who() -> None:
    """The flag is by the limits of the clinic, and the person who went on stands among the overrides."""
    story = started(100)
    expected, measured, capacity = Volume(12_345_678), Volume(20_000_000), story.sheet.reservoir_capacity
    story.fact(ResidualMeasured(day(40), expected, measured, capacity, taken_on="Dr. Doe: pump was emptied"))
    paper = refill_note(story.look(39), story.look(40), who="x")
    row = section(paper, "Residual, and those before it").rows[0]
    assert row[1:4] == ("12.3 mL", "20 mL", "+7.65 mL")
    assert row[4] == "red; filled in spite of it by Dr. Doe: pump was emptied"
    assert section(paper, "Rules that were overridden").rows == (("RPC-07", "Dr. Doe: pump was emptied", ""),)


def test_a_first_residual_and_one_of_a_pump_that_knows_no_volume_say_so() -> None:
    """Neither of them tells of the pump's flow."""
    story = started(100)
    capacity = story.sheet.reservoir_capacity
    story.fact(ResidualMeasured(day(40), Volume(30_000_000), Volume(30_000_000), capacity, first=True))
    story.fact(ResidualMeasured(day(50), None, Volume(25_000_000), capacity))
    rows = section(refill_note(story.look(39), story.look(50), who="x"), "Residual, and those before it").rows
    assert rows[0][1:] == ("none: the pump knows no volume", "25 mL", "nothing to compare", "none")
    assert rows[1][4] == "ok; first after implant, not reliable yet (RPC-07)"


def test_a_session_that_nobody_knows_the_end_of_is_told_on_every_paper() -> None:
    """What was programmed before may no longer run."""
    story = refilled().fact(SessionUncertain(day(155), OrderStop(), "no answer"))
    look = story.look(156)
    told = "session UNCERTAIN since 2026-06-09 09:00"
    after = refill_note(story.look(154), look, who="x")
    assert value(after, "Program", "beware")[0] == ""
    assert value(after, "Program", "beware")[1].startswith(told)
    assert value(admitted(look), "The pump", "beware")[0].startswith(told)
    assert value(emergency_card(look, PERSON, DEVICE, DAY, NIGHT), "Pump and drug", "Beware")[0].startswith(told)
    assert value(dose_letter(look, PERSON, day(0)), "Now", "beware")[0].startswith(told)
    assert outage_row(PERSON, look, "TC-0042").mode.startswith(told)


def test_a_visit_that_ends_before_it_begins_is_a_defect() -> None:
    """Looks in the wrong order are never turned round."""
    story = refilled()
    with pytest.raises(ValueError, match="before it began"):
        refill_note(story.look(150), story.look(149), who="x")


# The outage list -------------------------------------------------------------------------------------------------------


def test_the_outage_row_of_a_pump_is_as_its_chart() -> None:
    """All that a clinic needs while nothing else answers."""
    look = refilled().look(160)
    row, due = outage_row(PERSON, look, "TC-0042", "P-ABCDEFGH"), refill_due(look)
    assert due is not None
    assert due.empty is not None
    assert due.counted is not None
    assert row == OutageRow(
        name="Zoë Invented",
        pseudonym="P-ABCDEFGH",
        phone="555-0100",
        second_contact="Ana Invented, 555-0101",
        pump="SynchroMed II (synchromed-ii-40)",
        serial="TC-0042",
        concentration="500 mcg/mL",
        daily_dose="140 mcg/day",
        mode="simple continuous: 0.28 mL/day all day, every day",
        refill_by=str(due.date(look.zone)),
        alarm=str(due.counted.date(look.zone)),
        earliest_empty=str(due.empty.date(look.zone)),
        oral_baclofen="30 mg a day in 3 doses",
        in_mri=IN_MAGNET["stalls"],
    )


@pytest.mark.requirement("CLN-06")
def test_the_outage_list_has_every_pump_the_most_urgent_first() -> None:
    """Those without a date come first, then by date; those without a pump are not on it."""
    soon, late, new = refilled().look(160), started(100).filled(150).programmed(150, 50).look(160), started(100)
    new.facts = [fact for fact in new.facts if type(fact).__name__ not in {"Filled", "SessionEnded"}]
    gone = refilled().fact(Explanted(day(159))).look(160)
    people = [replace(PERSON, name=name) for name in ("Late", "Soon", "New", "Gone")]
    rows = outage_rows(zip(people, (late, soon, new.look(160), gone), ("a", "b", None, "d"), ("P1", "P2", "", "P4"), strict=True))
    paper = outage_list(rows, soon.now, soon.zone)
    table = paper.sections[0].rows
    assert [row[0] for row in table] == [f"New ({NOT_RECORDED})", "Soon (P2)", "Late (P1)"]
    assert "3 pumps" in paper.lines[0]
    assert table[0][6] == NOT_RECORDED


def test_a_pump_without_electronics_has_its_constant_flow_and_no_alarm() -> None:
    """Its dose is calculated from what was filled, and it never sounds."""
    story = Story("isomed-8472-20-10").person().implanted().filled(0, 20, 500)
    row = outage_row(PERSON, story.look(5), "TC-0001")
    assert row.alarm == "none: this pump has no alarm"
    assert row.daily_dose == "500 mcg/day, calculated from its constant flow"
    assert row.mode == "constant flow: 1 mL/day, which nobody can change"
    assert row.earliest_empty != NOT_RECORDED


def test_a_dose_that_was_not_ordered_as_one_is_told_as_programmed() -> None:
    """The minimum rate is a flow; its 24-h total is what the pump is set to."""
    row = outage_row(PERSON, started(100).programmed(10, OrderMinimumRate()).look(11), "TC-0001")
    assert row.daily_dose == "3 mcg in 24 h, as programmed"
    assert row.mode.startswith("minimum rate")


def test_dates_of_a_reservoir_that_was_emptied_are_not_told_as_its_own() -> None:
    """They were of the fill that is no longer in it."""
    story = refilled()
    emptied = replace(story.look(160).chart, emptied=True)
    dates = run_dates(Look.at(emptied, day(160), sheet=story.sheet))
    assert dates.alarm == dates.earliest_empty == "emptied, and not filled since"


@pytest.mark.requirement("EXC-02")
@given(st.lists(st.text(), min_size=14, max_size=14))
def test_no_cell_of_the_csv_is_a_formula_and_none_is_lost(cells: list[str]) -> None:
    """Whatever people are called, a spreadsheet reads it as text, and it can be read again."""
    heading, row = csv.reader(io.StringIO(outage_csv([OutageRow(*cells)]), newline=""))
    assert heading == [field.name for field in fields(OutageRow)]
    assert [cell.removeprefix("'") for cell in row] == [cell.removeprefix("'") for cell in cells]
    assert not [cell for cell in row if cell.strip()[:1] in set("=+-@\uff1d\uff0b\uff0d\uff20")]
    assert not [cell for cell in row if cell.startswith(("\t", "\r", "\n"))]


@pytest.mark.parametrize("cell", ["=1+1", "+49 555", "-1", "@SUM(A1)", "\t=1", " =1", "\n=1"])
def test_a_cell_that_a_spreadsheet_would_carry_out_gets_an_apostrophe(cell: str) -> None:
    """The rest of it stays as it was."""
    row = outage_row(replace(PERSON, phone=cell), refilled().look(160), "TC-0042")
    read = list(csv.DictReader(io.StringIO(outage_csv([row]), newline="")))
    assert read[0]["phone"] == f"'{cell}"
    assert read[0]["name"] == "Zoë Invented"


def test_an_ordinary_row_is_in_the_csv_as_it_is() -> None:
    """Nothing is added to what needs nothing."""
    row = outage_row(PERSON, refilled().look(160), "TC-0042", "P-A")
    assert list(csv.reader(io.StringIO(outage_csv([row]), newline="")))[1] == list(astuple(row))


# The emergency card ----------------------------------------------------------------------------------------------------


def test_the_card_has_every_line_of_the_plan_and_fills_in_what_it_leaves_open() -> None:
    """Only what the clinic alone knows is added; all else is the plan's."""
    look = refilled().look(160)
    plan, paper = emergency_plan(look), emergency_card(look, PERSON, DEVICE, DAY, NIGHT)
    rows = {row[0]: row[1] for part in paper.sections for row in part.rows}
    assert set(rows) == {line.label for line in plan.lines}
    filled_in = {"Serial number": "TC-0042", "Catheter access port": "yes", "Clinic by day": DAY, "Clinic by night": NIGHT}
    for line in plan.lines:
        assert rows[line.label] == filled_in.get(line.label, line.value) or line.label == "Refill by"
    assert (paper.size, emergency_card(look, PERSON, DEVICE, DAY, NIGHT, size="sheet").size) == ("card", "sheet")
    assert paper.lines[0] == "Zoë Invented, born 1975-05-01"


def test_the_card_and_the_list_tell_the_same_day_to_refill_by() -> None:
    """Two papers of one person never differ in it, also where the clinic refills sooner."""
    story = refilled()
    look = story.look(160)
    early = replace(look, clinic=look.clinic.with_limit("REF-06.buffer", look.limit("REF-06", "buffer").value * 3))
    for one in (look, early):
        card = emergency_card(one, PERSON, DEVICE, DAY, NIGHT)
        assert value(card, "Pump and drug", "Refill by")[0].startswith(outage_row(PERSON, one, "x").refill_by)
    assert outage_row(PERSON, early, "x").refill_by < outage_row(PERSON, look, "x").refill_by


def test_a_serial_number_of_the_pump_before_is_not_printed() -> None:
    """After a replacement nothing is known of the new pump until somebody writes it down."""
    story = refilled().fact(PumpReplaced(day(170), MODEL, Volume(336_500)))
    look = story.look(171)
    assert value(emergency_card(look, PERSON, DEVICE, DAY, NIGHT), "Pump and drug", "Serial number") == (NOT_RECORDED,)
    assert value(admitted(look), "The pump", "catheter access port") == (NOT_RECORDED,)
    new = replace(DEVICE, at=day(170), serial="TC-0043")
    assert value(emergency_card(look, PERSON, new, DAY, NIGHT), "Pump and drug", "Serial number") == ("TC-0043",)


def test_a_card_without_data_says_not_recorded() -> None:
    """Neither a number nor a name is made up."""
    paper = emergency_card(Look.at(Chart(), day(0)), Person(""), None, "", " ")
    assert paper.lines[0] == NOT_RECORDED
    assert {row[1] for row in section(paper, "Call").rows} == {NOT_RECORDED}
    assert {row[1] for row in section(paper, "Pump and drug").rows} == {NOT_RECORDED}


# The admission sheet ---------------------------------------------------------------------------------------------------


def test_the_admission_sheet_tells_the_pump_as_it_runs() -> None:
    """Program, total, flow with its band, what lies in the line, and how many days are left."""
    look = refilled().look(160)
    paper, due, ledger = admitted(look), refill_due(look), line_ledger(look.chart)
    assert paper.size == "large"
    assert value(paper, "The pump", "24-h total as programmed") == ("140 mcg",)
    assert value(paper, "The pump", "flow as programmed") == (_FLOW,)
    assert value(paper, "The pump", "where it lies") == ("left lower abdomen",)
    assert due is not None
    assert due.empty is not None
    days = (due.empty.s - look.now.s) // 86_400
    assert value(paper, "How long it runs", "empty, at the earliest") == (f"{due.empty.date(look.zone)}: {days} days left",)
    assert ledger is not None
    assert ledger.in_words() == "from the tip: 0.33669 mL of 500 mcg/mL; 168.345 mcg in all"
    assert value(paper, "In tubing and catheter", "it holds") == ("from the tip: 0.337 mL of 500 mcg/mL; 168 mcg in all",)
    assert section(paper, "Call first").rows[0] == ("clinic by day", DAY)
    assert value(paper, "Call first", "maker's line")[0].startswith("800-707-0933")


_FLOW = "0.28 mL/day; true flow against it: -14.5 % to +14.5 % by the label; residuals of this pump that tell of it so far: 2"


def test_a_date_that_has_passed_is_said_to_have() -> None:
    """A pump that may be empty is never told as having days left."""
    paper = admitted(refilled().look(500))
    assert value(paper, "How long it runs", "empty, at the earliest")[0].endswith("HAS PASSED")


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("synchromed-ii-40", IN_MAGNET["stalls"]),
        ("prometra-i-20", IN_MAGNET["opens"]),
        ("prometra-ii-20", IN_MAGNET["shuts"]),
    ],
)
def test_what_an_mri_does_is_by_the_pump_in_place(model: str, text: str) -> None:
    """A pump that opens in the field is not told as one that stands still."""
    paper = admitted(Story(model).person().implanted().filled(0, 20).programmed(0, 100).look(5))
    told = value(paper, "What can stop it, or harm it", "MRI")[0]
    assert told.lower().startswith(text.lower())
    assert "[" in told


def test_what_no_source_tells_is_not_made_up() -> None:
    """Of radiotherapy, electroconvulsive therapy and diathermy the sheet says that nobody here knows, and whom to ask."""
    told = value(admitted(refilled().look(160)), "What can stop it, or harm it", _LAST)[0]
    assert told.startswith(NO_SOURCE)


_LAST = "Radiotherapy, electroconvulsive therapy, diathermy"


def test_the_first_actions_are_those_of_the_rules_in_their_order() -> None:
    """Of an overdose the pump is stopped before it is emptied; a lumbar puncture is not told where it is contraindicated."""
    story = refilled()
    actions = section(admitted(story.look(160)), "Too much (overdose): first actions").rows
    assert [row[2] for row in actions[:3]] == ["OVD-02"] * 3
    assert actions[0][1] == "Stop the pump first."
    assert any("lumbar puncture once an X-ray" in row[1] for row in actions)
    story.fact(Noticed(day(1), "lumbar puncture contraindicated"))
    contraindicated = section(admitted(story.look(160)), "Too much (overdose): first actions").rows
    assert any(row[1].startswith("No lumbar puncture: contraindicated") for row in contraindicated)


@pytest.mark.parametrize(
    ("port", "text"),
    [(True, "an access port is on record"), (False, "no access port is on record"), (None, "is not recorded")],
)
def test_without_a_programmer_the_port_is_told_as_recorded(port: bool | None, text: str) -> None:
    """The reservoir is emptied and the access port aspirated, if there is one (OVD-02)."""
    paper = admitted(refilled().look(160), replace(DEVICE, access_port=port))
    told = value(paper, "Without a programmer", "too much")[0]
    assert told.startswith("Empty the reservoir and aspirate the catheter access port")
    assert text in told


def test_a_line_that_nobody_knows_has_no_figure_on_the_sheet() -> None:
    """A volume that was only assumed is not printed as what the line holds."""
    look = refilled().look(160)
    known, unknown = admitted(look), admitted(look, line_known=False)
    assert "0.34 mL" in texts(known)
    assert not re.search(r"0\.3[0-9]* mL(?!/day)", texts(unknown))
    assert value(unknown, "In tubing and catheter", "it holds")[0].endswith("measure it first")


def test_a_person_without_a_pump_on_record_gets_no_pump_on_paper() -> None:
    """First actions stay; the pump, its dates and its line are not recorded."""
    paper = admitted(Look.at(Chart(), day(0)), None)
    for title in ("The pump", "How long it runs", "In tubing and catheter"):
        assert {row[1] for row in section(paper, title).rows} == {NOT_RECORDED}
    assert section(paper, "Too little (withdrawal): first actions").rows[0][1].startswith("Call a physician")
    assert value(paper, "What can stop it, or harm it", "MRI")[0].startswith("Which pump it is, is not recorded")


# The letter ------------------------------------------------------------------------------------------------------------


def test_the_letter_tells_what_was_ordered_and_found_since() -> None:
    """Doses with their changes, scores, residuals and visits since then, and nothing of before."""
    story = refilled()
    whole, late = dose_letter(story.look(160), PERSON, day(0)), dose_letter(story.look(160), PERSON, day(100))
    doses = section(whole, "Daily dose as ordered").rows
    assert doses == (
        ("2026-06-04", "120 mcg/day", "140 mcg/day", "+16.7 %"),
        ("2026-03-06", "100 mcg/day", "120 mcg/day", "+20 %"),
        ("2026-01-05", "the first", "100 mcg/day", ""),
    )
    assert section(late, "Daily dose as ordered").rows == doses[:1]
    assert ("2026-06-04", "drowsiness", "mild") in section(late, "Symptoms, scores and measurements").rows
    assert len(section(late, "Residuals at refills").rows) == 1
    assert late.lines[1] == "To: Dr. Refer"
    assert late.sections[-1].title == "Next visits"


def test_a_letter_since_today_says_that_nothing_is_recorded() -> None:
    """Empty tables are no blank tables."""
    paper = dose_letter(refilled().look(160), replace(PERSON, referrer=""), day(155))
    nothing = "none recorded since 2026-06-09"
    for title in ("Daily dose as ordered", "Symptoms, scores and measurements", "Residuals at refills"):
        assert section(paper, title).rows[0][0] == nothing
    assert paper.lines[1] == f"To: {NOT_RECORDED}"


def test_a_letter_about_the_future_is_a_defect() -> None:
    """Nothing can be told of it."""
    with pytest.raises(ValueError, match="has not come"):
        dose_letter(refilled().look(160), PERSON, day(161))


COURSES = ("learned-gain", "stall-in-mri", "lost-reply", "battery-end", "stories/16-an-infected-pocket-and-a-way-off-the-drug")


@pytest.mark.parametrize("course", COURSES)
def test_the_papers_of_a_whole_course_agree(course: str) -> None:
    """Whatever happened to a pump, no two papers differ in its dose or its dates, and each is a page and a PDF."""
    chart = read_chart(ROOT / "scenarios" / f"{course}.toml")
    look = chart.look(chart.until)
    row = outage_row(PERSON, look, "TC-0042")
    card, letter, sheet = emergency_card(look, PERSON, None, DAY, NIGHT), dose_letter(look, PERSON, chart.first), admitted(look)
    assert {value(card, "Pump and drug", "Daily dose")[0], value(letter, "Now", "daily dose")[0]} == {row.daily_dose}
    assert value(sheet, "The pump", "daily dose ordered") == (row.daily_dose,)
    assert value(letter, "Now", "refill by") == (row.refill_by,)
    assert value(card, "Pump and drug", "Refill by")[0].split(",")[0] == row.refill_by
    for paper in (card, letter, sheet, outage_list([row], look.now, look.zone)):
        assert BANNER in paper_html(paper)
        assert paper_pdf(paper).startswith(b"%PDF-")


def test_a_learned_gain_is_told_as_the_own_one_of_the_pump() -> None:
    """After enough residuals the label counts no longer."""
    chart = read_chart(ROOT / "scenarios" / "learned-gain.toml")
    paper = refill_note(chart.look(chart.first), chart.look(chart.until), who="x")
    assert value(paper, "Pump", "true flow against programmed")[0].startswith("+5.9 % (+5 % to +6.8 %, 95 %)")


def test_a_note_that_is_printed_later_is_of_the_day_of_the_refill() -> None:
    """Scores of the day of printing are not of the visit."""
    story = refilled().fact(SymptomReported(day(155), "nausea", 2))
    late = refill_note(story.look(149.5), story.look(155), who="x")
    assert "Refill of 2026-06-04 09:00" in late.lines
    assert ("drowsiness", "mild") in section(late, "Symptoms and scores of that day").rows
    assert ("nausea", "moderate") not in section(late, "Symptoms and scores of that day").rows


@pytest.mark.requirement("DOC-02")
def test_no_paper_claims_that_anything_was_delivered() -> None:
    """A chart knows what was ordered, programmed, calculated and measured."""
    for paper in papers().values():
        assert "delivered" not in texts(paper)


def test_dates_are_those_of_the_place_of_the_clinic() -> None:
    """The same instant is the next day further east."""
    story = refilled()
    east = replace(story.look(160.6), zone=ZoneInfo("Pacific/Auckland"))
    assert "2026-06-15 11:24 Pacific/Auckland" in dose_letter(east, PERSON, day(0)).lines[2]
