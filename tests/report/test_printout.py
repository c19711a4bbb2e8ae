"""The printout: as text, page and data the same, narrow enough, alone, harmless, and only signable where it may be signed."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from itertools import groupby, pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.courses import START, flow, ml
from tests.programmer.desk import continuous, dose, new_desk
from tests.twin.test_operations import C500, C2000, FIRST, HUNDRED, IMPLANT, PATIENT, REFERENCE, SYNCHROMED, at, ran
from thecal.chart.order import FlexDay, OrderBolus, OrderFlex, OrderPeriodic, OrderStop, StepDose
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.programmer.printout import Printout, Section, printout
from thecal.pump.handle import handle
from thecal.pump.messages import Update
from thecal.pump.program import SimpleContinuous
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Amount
from thecal.report.document import json_text
from thecal.report.printout import (
    Heading,
    forecast_section,
    printout_document,
    printout_lines,
    printout_page,
    section_lines,
)
from thecal.report.words import BANNER
from thecal.therapy.refill import RefillPolicy
from thecal.timeline import DAY_S, Duration, Instant
from thecal.twin.action import Action, HoldSession, Needle
from thecal.twin.forecast import TipDay, tip_days
from thecal.twin.session import Held, hold_session
from thecal.twin.world import pass_time

WIDTH = 106
ZONE = ZoneInfo("Europe/Berlin")
UP = OrderSheet(dosing=continuous(120))
ALARM = OrderSheet(low_reservoir=ml(3))
STRONGER = OrderSheet(dosing=HUNDRED, concentration=C2000, reservoir=ml(18), bridge=True, confirm_total=dose(100))
RINSED = Needle(ml(18), C2000, rinse=ml(2), rinses=3)
HOURS = tuple(StepDose(n * 3600, (n + 1) * 3600, Amount(10**7)) for n in range(12))
WEEKDAY = FlexDay((0, 1, 2, 3, 4), dose(140), (*HOURS, StepDose(43_200, DAY_S, Amount(2 * 10**7))))
WEEK = OrderFlex((WEEKDAY, FlexDay((5, 6), dose(100), (StepDose(0, DAY_S, Amount(10**8)),))))
LONG = "because_" * 300
HELD: dict[str, tuple[OrderSheet, Needle | None]] = {
    "program": (UP, None),
    "alarm": (ALARM, None),
    "stop": (OrderSheet(dosing=OrderStop()), None),
    "week": (OrderSheet(dosing=WEEK, patient=PATIENT, confirm_total=dose(170)), None),
    "periodic": (OrderSheet(dosing=OrderPeriodic(Amount(10**7), Duration(600), Duration(21_600), 0, dose(60))), None),
    "bolus": (OrderSheet(bolus=OrderBolus(Amount(10**7), Duration(600))), None),
    "clock": (OrderSheet(clock_offset_s=7200), None),
    "bridge": (STRONGER, RINSED),
    "no bridge": (replace(STRONGER, bridge=False, without_bridge=LONG), RINSED),
    "red": (OrderSheet(concentration=C500, reservoir=ml(6)), Needle(ml(6), C500, ml(0), override="stuck valve", by="Dr. Test")),
}
LOST = ["begin update", "reply to begin update", "stage", "reply to stage", "commit", "reply to commit", "read back"]


def held(
    orders: OrderSheet,
    needle: Needle | None = None,
    *,
    lost: str | None = None,
    sheet: PumpSheet = REFERENCE,
    prime: bool = False,
) -> Held:
    """A session on day 20 of 100 mcg/day of 500 mcg/mL, or the first one, at operation."""
    actions: list[Action] = [replace(IMPLANT, sheet=sheet)] if prime else [replace(IMPLANT, sheet=sheet), FIRST]
    now = START if prime else at(20)
    trace = ran(*actions, until=(now.s - START.s) / DAY_S)
    assert trace.world.pump is not None
    action = HoldSession(now, orders, needle, lost=lost)
    done = hold_session(trace.world, trace.chart, action, trace.world.pump, RefillPolicy.default())
    assert isinstance(done, Held), done
    return done


def heading(one: Held, **other: str) -> Heading:
    made = Heading("a case", "somebody", "a pump", one.session.touched, ZONE, one.session.name, "0")
    return replace(made, **other)  # type: ignore[arg-type]  # texts only


def printed(one: Held) -> Printout:
    return printout(one.session, ZONE, one.procedure.residual if one.procedure else None)


def document(one: Held, part: Printout, top: Heading | None = None) -> dict[str, Any]:
    """The document as it is read again."""
    residual = one.procedure.residual if one.procedure else None
    read: dict[str, Any] = json.loads(json_text(printout_document(top or heading(one), one.session, part, residual, None)))
    return read


class Reader(HTMLParser):
    """A page as a reader has it: its tags with their attributes, its text, and its tables by the heading above them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._headings: list[str] = []
        self._inside: list[str] = []
        self.feed(text)
        self.close()
        self.tables = {name: [row for row in rows if row] for name, rows in self.tables.items()}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "link", "img"):
            self._inside.append(tag)
        if tag == "h2":
            self._headings.append("")
        if tag == "table":
            self.tables[self._headings[-1]] = []
        if tag == "tr":
            self.tables[self._headings[-1]].append([])
        if tag in ("td", "th"):
            self.tables[self._headings[-1]][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            while self._inside.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if "style" in self._inside:
            return
        self.text.append(data)
        if "h2" in self._inside:
            self._headings[-1] += data
        elif "td" in self._inside or "th" in self._inside:
            self.tables[self._headings[-1]][-1][-1] += data


def cells_of(lines: list[str], columns: list[str], rows: list[list[str]]) -> list[list[str]]:
    """The rows of a text table, put together again from its lines, without their white space.

    The first column begins behind the mark, every other where its name or, without names, its first word stands.
    """
    first = min(max(len(row[0]) for row in [columns, *rows]), 40)
    others = len(columns) - 1
    share = (WIDTH - 2 - first - 2 * others) // others
    begins = [2, *(2 + first + 2 + n * (share + 2) for n in range(others)), WIDTH + 1]
    body = lines[1:] if any(columns) else lines
    pieces = [["".join(line[a:b].split()) for a, b in pairwise(begins)] for line in body]
    told: list[list[str]] = []
    for row in rows:
        cells = [""] * len(columns)
        whole = ["".join(cell.split()) for cell in row]
        while cells != whole:
            assert pieces, (row, cells)
            cells = [cell + piece for cell, piece in zip(cells, pieces.pop(0), strict=True)]
            assert all(full.startswith(cell) for cell, full in zip(cells, whole, strict=True)), (row, cells)
        told.append(cells)
    assert not pieces
    return told


def check_text(text: str, sections: list[dict[str, Any]]) -> None:
    """Every section of a document stands in the text, cell by cell, in its order, and no other."""
    blocks = [list(block) for filled, block in groupby(text.splitlines(), key=bool) if filled]
    assert [block[0] for block in blocks[1:-1]] == [section["title"] for section in sections]
    for block, section in zip(blocks[1:-1], sections, strict=True):
        cells_of(block[1:], section["columns"], section["rows"])


def check_page(page: str, sections: list[dict[str, Any]]) -> None:
    """Every section of a document stands on the page, cell by cell; a changed row says so beside its name."""
    tables = Reader(page).tables
    assert list(tables) == [*(section["title"] for section in sections), "Signatures"]
    for section in sections:
        shown = [[cell.removesuffix(" (changed)") for cell in row] for row in tables[section["title"]]]
        rows = section["rows"]
        assert shown in ([section["columns"], *rows], rows)


# Alike, narrow, alone -------------------------------------------------------------------------------------------------


@pytest.mark.requirement("SES-18")
@pytest.mark.parametrize("name", HELD)
@pytest.mark.parametrize("sheet", [REFERENCE, SYNCHROMED], ids=lambda sheet: sheet.name)
def test_text_page_and_data_say_the_same(name: str, sheet: PumpSheet) -> None:
    """Every section of one is in the others, cell by cell; the banner, the status and who signs are in all."""
    one = held(*HELD[name], sheet=sheet)
    part = printed(one)
    told = document(one, part)
    text = "".join(f"{line.text}\n" for line in printout_lines(heading(one), part))
    page = printout_page(heading(one), part)
    assert told["sections"]
    check_text(text, told["sections"])
    check_page(page, told["sections"])
    assert told["banner"] == BANNER
    for whole in (" ".join(text.split()), " ".join("".join(Reader(page).text).split())):
        assert BANNER in whole
        assert told["status"] in whole
        assert all(words in whole for words in ("Programmed by", "Checked by a second person", "Date and time"))
        assert one.session.name in whole


@pytest.mark.requirement("SES-18")
@pytest.mark.parametrize("name", HELD)
@pytest.mark.parametrize("title", ["a case", "x" * 500, "words of a title " * 40])
def test_no_line_is_wider_than_the_table(name: str, title: str) -> None:
    """106 columns, whatever is written into title, label, reason or program."""
    one = held(*HELD[name])
    top = heading(one, title=title, patient=title, device=title, session=title)
    lines = [line.text for line in printout_lines(top, printed(one))]
    assert max(len(line) for line in lines) <= WIDTH
    assert "".join(title.split()) in "".join("".join(lines).split())
    assert not [line for line in lines if line != line.rstrip()]


CELLS = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=160).map(lambda text: " ".join(text.split()))


@st.composite
def drawn_sections(draw: st.DrawFn) -> Section:
    """Any table of two to four columns, with names or without."""
    columns = draw(st.integers(2, 4))
    row = st.tuples(*[CELLS] * columns).filter(lambda cells: bool(cells[0]))
    names = draw(st.one_of(st.just(("",) * columns), st.just(("", "before", "after", "change")[:columns])))
    rows = draw(st.lists(row, min_size=1, max_size=5))
    marked = draw(st.frozensets(st.integers(0, len(rows) - 1)))
    return Section("a title", names, tuple(rows), marked)


@pytest.mark.requirement("SES-18")
@given(drawn_sections())
def test_any_table_fits_and_loses_no_word(section: Section) -> None:
    """Long cells go on in the next line, in their own column; a marked row begins with an arrow, on its first line only."""
    title, *lines = [line.text for line in section_lines(section)]
    assert title == section.title
    assert max(len(line) for line in lines) <= WIDTH
    cells_of(lines, list(section.columns), [list(row) for row in section.rows])
    assert sum(line.startswith("> ") for line in lines) == len(section.marked)
    assert all(line[:2] in ("> ", "  ", ">", "") for line in lines)


@pytest.mark.requirement("CLI-04")
@pytest.mark.parametrize("name", HELD)
def test_the_page_stands_alone(name: str) -> None:
    """No script, no link, no picture, no address: nothing that a browser would fetch, and nothing that it would run."""
    one = held(*HELD[name])
    page = printout_page(heading(one), printed(one))
    reader = Reader(page)
    assert {tag for tag, _ in reader.tags} <= {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "div", "table", "caption", "thead", "tbody", "tr",
        "th", "td", "strong", "span", "br",
    }  # fmt: skip
    names = {key for _, attributes in reader.tags for key in attributes}
    assert not {key for key in names if key in ("src", "href", "action", "style", "srcset") or key.startswith("on")}
    style = page[page.index("<style>") : page.index("</style>")]
    assert not [word for word in ("@import", "url(", "expression", "http") if word in style]
    assert page.startswith("<!doctype html>")


# Only what may be signed ----------------------------------------------------------------------------------------------


@pytest.mark.requirement("SES-05")
@pytest.mark.requirement("SES-18")
@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("name", ["program", "alarm", "bolus", "bridge"])
@pytest.mark.parametrize("sheet", [REFERENCE, SYNCHROMED], ids=lambda sheet: sheet.name)
def test_an_uncertain_session_is_never_signed(lost: str, name: str, sheet: PumpSheet) -> None:
    """Whatever was lost: it says so over everything, names the reason, and there is no line to sign on."""
    one = held(*HELD[name], lost=lost, sheet=sheet)
    assert one.session.standing == "uncertain"
    part = printed(one)
    assert not part.may_be_signed
    told = document(one, part)
    assert (told["standing"], told["may_be_signed"], told["read_back"]) == ("uncertain", False, None)
    assert told["status"].startswith("UNCERTAIN: ")
    assert lost.removeprefix("reply to ") in told["why"]
    lines = [line.text for line in printout_lines(heading(one), part)]
    assert len([line for line in lines if line.endswith("not to be signed")]) == 3
    assert not [line for line in lines if "____" in line]
    signatures = Reader(printout_page(heading(one), part)).tables["Signatures"]
    assert [row[1] for row in signatures] == ["not to be signed"] * 3
    assert ("next", "interrogate the pump") in rows_of(part, "What came of it")


@pytest.mark.requirement("SES-13")
@pytest.mark.requirement("SES-18")
def test_a_pump_that_says_otherwise_is_not_signed() -> None:
    """Another program and threshold were written before the reading back: both are named, as said and as meant."""
    desk = new_desk()
    desk.reviewed(UP)
    desk.confirm()
    for _ in range(3):
        desk.proceed()
    other = handle(desk.pump, Update(SimpleContinuous(flow(0.5)), low_reservoir=ml(7)))
    assert not isinstance(other, Refusal)
    desk.pump = other.state
    desk.proceed()
    part = printout(desk.session, ZONE)
    assert (part.may_be_signed, part.status.partition(":")[0]) == (False, "NOT AS REVIEWED")
    top = Heading("a case", None, "a pump", desk.now, ZONE, "A", "0")
    told = json.loads(json_text(printout_document(top, desk.session, part, None, None)))
    assert (told["standing"], told["may_be_signed"]) == ("unlike", False)
    assert {row["name"] for row in told["unlike"]} == {"program", "low reservoir threshold"}
    assert {"name": "low reservoir threshold", "said": "7 mL", "meant": "2 mL"} in told["unlike"]
    text = "\n".join(line.text for line in printout_lines(top, part))
    assert "7 mL; meant: 2 mL" in text
    assert "every setting is as reviewed" not in text
    assert "____" not in text


@pytest.mark.requirement("SES-18")
@pytest.mark.requirement("PRG-01")
def test_a_review_that_was_not_written_is_not_signed() -> None:
    """Before the first message of the update, and at each step until it is read back."""
    desk = new_desk()
    desk.reviewed(UP)
    seen = []
    desk.confirm()
    for _ in range(4):
        part = printout(desk.session, ZONE)
        seen.append((desk.session.standing, part.may_be_signed))
        assert not part.status.startswith("WRITTEN")
        desk.proceed()
    assert seen == [("confirmed", False), ("begun", False), ("staged", False), ("committed", False)]
    assert printout(desk.session, ZONE).may_be_signed


def test_a_session_without_a_review_has_no_printout() -> None:
    """There is nothing to print, which is an error of who asks."""
    desk = new_desk()
    desk.interrogate()
    with pytest.raises(ValueError, match="nothing to print"):
        printout(desk.session, ZONE)


# What is told ---------------------------------------------------------------------------------------------------------


def rows_of(part: Printout, title: str) -> list[tuple[str, ...]]:
    return [row for section in part.sections if section.title.startswith(title) for row in section.rows]


@pytest.mark.requirement("SES-15")
def test_the_totals_are_those_of_the_orders() -> None:
    """100 to 120 mcg/day: +20 %; the peak hour is a 24th, of whole nanolitres and never told smaller than it is."""
    part = printed(held(replace(UP, confirm_total=dose(120))))
    rows = {row[0]: row[1:] for row in rows_of(part, "The dose")}
    assert rows["24-h total"] == ("100 mcg", "120 mcg", "+20 %")
    assert rows["peak hour of the program"] == ("4.167 mcg", "5 mcg", "+20 %")  # 8,334 nL and 10,000 nL of 500 mcg/mL
    assert rows["mean of a day over 7 days"] == ("100 mcg", "120 mcg", "+20 %")
    assert rows["ordered"] == rows["programmed"] == ("", "120 mcg/day", "")
    assert rows["24-h total as a person worked it out"] == ("", "120 mcg/day", "")
    assert part.sections[0].title == "The dose"


@pytest.mark.requirement("SES-15")
@pytest.mark.parametrize(("mcg", "says"), [(60, "-40 %"), (100.5, "+0.5 %"), (99.5, "-0.5 %"), (250, "+150 %")])
def test_a_change_has_its_sign(mcg: float, says: str) -> None:
    """In percent of the total before."""
    rows = rows_of(printed(held(OrderSheet(dosing=continuous(mcg), confirm_total=dose(mcg)))), "The dose")
    assert (rows[0][0], rows[0][3]) == ("24-h total", says)


@pytest.mark.requirement("SES-15")
@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("program", {"24-h total", "program"}),
        ("alarm", {"low reservoir threshold"}),
        ("clock", {"pump clock"}),
        ("bolus", {"bolus"}),
        ("stop", {"24-h total", "program"}),
        ("bridge", {"program", "bolus", "concentration", "reservoir volume"}),
    ],
)
def test_what_changes_is_marked_and_nothing_else(name: str, changed: set[str]) -> None:
    """By an arrow in the text, in words on the page, as a truth value in the data."""
    one = held(*HELD[name])
    part = printed(one)
    lines = [line.text for line in printout_lines(heading(one), part)]
    arrows = [line for line in lines if line.startswith("> ")]
    assert {next(word for word in changed if line[2:].startswith(word)) for line in arrows} == changed
    assert len(arrows) == len(changed)
    tables = Reader(printout_page(heading(one), part)).tables
    said = {row[0] for rows in tables.values() for row in rows if row[0].endswith("(changed)")}
    assert said == {f"{word} (changed)" for word in changed}
    assert {row["name"] for row in document(one, part)["settings"] if row["changed"]} == changed - {"24-h total"}


def test_the_dose_of_a_bridge_is_that_of_the_old_drug() -> None:
    """It moves what the line holds: 0.3168 mL of 500 mcg/mL are 158.4 mcg, whatever strength follows."""
    (pieces,) = [section for section in printed(held(STRONGER, RINSED)).sections if "piece by piece" in section.title]
    assert ("bridge bolus", "0.3168 mL", "158.4 mcg") in pieces.rows


@pytest.mark.requirement("SES-16")
@pytest.mark.requirement("SES-17")
def test_line_bridge_and_dates_are_worked_out_by_hand() -> None:
    """100 mcg/day from 500 to 2,000 mcg/mL: 0.2 mL/day for 0.3168 mL, 136,858 s; then 0.05 mL/day from 18 mL down to 2 and 0.

    Without it a quarter of the dose for 0.3168/0.05 days.
    """
    one = held(STRONGER, RINSED)
    told = document(one, printed(one))
    bridge = told["line"]["bridge"]
    assert (bridge["volume_nl"], bridge["flow_nl_per_day"], bridge["dose_pg"]) == (316_800, 200_000, 158_400_000)
    assert bridge["seconds"] == -(-316_800 * DAY_S // 200_000) == 136_858
    (stretch,) = told["line"]["without_plan"]
    assert (stretch["volume_nl"], stretch["start_s"], stretch["end_s"]) == (316_800, 0, 316_800 * DAY_S // 50_000 + 1)
    assert stretch["mcg_per_day"] == pytest.approx(25, rel=1e-4)
    assert stretch["percent"] == pytest.approx(25, rel=1e-4)
    assert (told["line"]["volume_nl"], told["line"]["amount_pg"]) == (316_800, 158_400_000)

    def utc(seconds: int) -> str:
        return datetime.fromtimestamp(at(20).s + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    dates = told["dates"]["after"]
    assert dates["low_reservoir_utc"] == utc(136_858 - (-(16_000_000 * DAY_S - 136_858 * 200_000) // 50_000))
    assert dates["empty_utc"] == utc(136_858 - (-(18_000_000 * DAY_S - 136_858 * 200_000) // 50_000))
    before = told["dates"]["before"]
    assert before["low_reservoir_utc"] == utc(12_000_000 * DAY_S // 200_000)
    assert before["empty_utc"] == utc(14_000_000 * DAY_S // 200_000)
    assert told["residual"] == {
        "expected_nl": 14_000_000, "measured_nl": 14_000_000, "discrepancy_nl": 0, "flag": "ok", "first_after_implant": True,
        "taken_on": None,
    }  # fmt: skip


@pytest.mark.requirement("SES-18")
def test_what_the_write_puts_right_is_no_warning_afterwards() -> None:
    """The new strength was filled and is written in the same session: nothing warns that the pump was told the old one."""
    one = held(STRONGER, RINSED)
    assert one.session.standing == "done"
    assert not [row for row in rows_of(printed(one), "Read before signing") if "was told 500 mcg/mL" in row[1]]


@pytest.mark.requirement("RPC-07")
def test_a_red_residual_is_printed_with_who_went_on_and_why() -> None:
    """14 mL expected, none measured; what was taken on by somebody is part of what is signed."""
    one = held(*HELD["red"])
    told = document(one, printed(one))
    assert told["residual"]["discrepancy_nl"] == -14_000_000
    assert told["residual"]["flag"] == "red"
    words = " ".join(cell for row in rows_of(printed(one), "Residual") for cell in row)
    assert "-14 mL, red" in words
    assert "stuck valve" in words
    assert "Dr. Test" in words


@pytest.mark.requirement("SES-18")
@pytest.mark.requirement("CLI-03")
@pytest.mark.parametrize("name", HELD)
def test_numbers_are_numbers_and_carry_their_unit_in_the_key(name: str) -> None:
    """Whole nanolitres, picograms and seconds; doses as numbers; nothing that only the arithmetic needs."""
    one = held(*HELD[name])
    told = document(one, printed(one))

    def pairs(value: Any) -> list[tuple[str, Any]]:
        if isinstance(value, dict):
            return [pair for key, part in value.items() for pair in [(key, part), *pairs(part)]]
        return [pair for part in value for pair in pairs(part)] if isinstance(value, list) else []

    found = pairs(told)
    whole = [(key, value) for key, value in found if key.endswith(("_nl", "_pg", "_s", "seconds", "_nl_per_day", "_ppm"))]
    assert whole
    assert all(value is None or type(value) is int for _, value in whole)
    doses = [value for key, value in found if key.endswith(("_mcg", "mcg_per_day"))]
    assert all(value is None or type(value) in (int, float) for value in doses)
    times = [value for key, value in found if key.endswith("_utc") and value]
    assert times
    assert all(value.endswith("Z") for value in times)
    assert told["timezone"] == "Europe/Berlin"
    assert not [key for key, _ in found if any(word in key for word in ("numerator", "carry", "digest", "token"))]


@pytest.mark.requirement("SES-15")
def test_a_program_of_several_flows_is_told_piece_by_piece() -> None:
    """A flex week has its 13 steps and the one of the weekend, each with its dose, which together are the day's."""
    rows = rows_of(printed(held(OrderSheet(dosing=WEEK, confirm_total=dose(170)))), "The new program")
    assert len(rows) == 14
    doses = [float(row[2].removesuffix(" mcg")) for row in rows]
    assert sum(doses[:13]) == pytest.approx(140, rel=0.01)
    assert doses[13] == pytest.approx(100, rel=0.01)
    assert rows[0][0].endswith("00:00 to 01:00")
    assert rows[12][0].endswith("12:00 to 24:00")


def test_a_forecast_has_a_column_for_each_course_that_differs() -> None:
    """With and without a plan; of a write without one the two are the same, and one is shown. Times are local."""
    days = [TipDay(Instant(at(20).s + n * DAY_S), Amount(100 * 10**6), Amount(25 * 10**6 + n)) for n in range(3)]
    both, one = forecast_section(days, ZONE, plan=True), forecast_section(days, ZONE, plan=False)
    assert both.rows[0] == ("2026-01-25 10:00", "100 mcg", "25 mcg")
    assert [len(row) for row in one.rows] == [2, 2, 2]
    assert one.rows[2] == ("2026-01-27 10:00", "100 mcg")
    assert len(both.columns) == 3


@pytest.mark.requirement("SES-17")
@pytest.mark.parametrize("name", ["program", "bridge", "no bridge", "week", "periodic", "alarm"])
@pytest.mark.parametrize("days", [1, 7, 30])
def test_a_forecast_conserves_the_drug_of_the_line(name: str, days: int) -> None:
    """What comes out of the tip is what lies in the line now, and all that flows in but the last 0.3168 mL.

    For once 0.3168 mL have passed, the line holds the new strength alone.
    """
    one = held(*HELD[name])
    made = one.session.review
    assert made is not None
    told = tip_days(made, one.session.sheet, days)
    assert not isinstance(told, Refusal)
    strength = made.after.concentration
    assert strength is not None
    in_line_pg = 158_400_000
    for plan in (True, False):
        given_pg = sum((day.with_plan if plan else day.without_plan).pg for day in told)
        came_nl = in_nl(name, days * DAY_S, plan=plan)
        if came_nl < 400_000:  # a front spreads a little on its way
            continue
        assert given_pg == pytest.approx(in_line_pg + (came_nl - 316_800) * strength.mcg_per_ml, abs=4 * strength.mcg_per_ml)


def in_nl(name: str, seconds: int, *, plan: bool) -> float:
    """What flows into the line, by the orders: 0.05 mL/day of 2,000 mcg/mL or 0.2, 0.24 of 500, behind 0.3168 mL of a bridge."""
    if name == "bridge" and plan:
        bridged_s = 136_858
        return 316_800 + (seconds - bridged_s) * 50_000 / DAY_S if seconds > bridged_s else seconds * 200_000 / DAY_S
    if name == "week":  # day 20 is a Sunday, 09:00: 100 mcg a day until midnight, on Monday 10 mcg an hour until 12:00
        weeks, rest = divmod(seconds, 7 * DAY_S)
        a_day = [15 / 24 * 100 + 90, 50 + 90, 50 + 90, 50 + 90, 50 + 90, 50 + 37.5, 100]  # from 09:00 to 09:00
        return (weeks * 900 + sum(a_day[: rest // DAY_S])) * 2000
    if name == "periodic":  # four of 10 mcg on 60 mcg/day, the next at 12:00 of the pump clock
        return seconds / DAY_S * 200_000
    return seconds * {"program": 240_000, "alarm": 200_000}.get(name, 50_000) / DAY_S


@pytest.mark.requirement("SES-17")
@pytest.mark.parametrize("name", HELD)
def test_a_forecast_is_what_then_leaves_the_tip(name: str) -> None:
    """Of a pump that keeps no rest and runs exactly: day by day, to a few nanolitres of drug, for twelve days."""
    one = held(*HELD[name])
    made, world = one.session.review, one.done.world
    assert made is not None
    told = tip_days(made, one.session.sheet, 12)
    assert not isinstance(told, Refusal)
    for day in told:
        before_pg = world.ledger.intrathecal.amount_pg
        world = pass_time(world, Instant(day.start.s + DAY_S)).world
        assert world.ledger.intrathecal.amount_pg - before_pg == pytest.approx(day.with_plan.pg, abs=10_000)


@pytest.mark.requirement("SES-07")
def test_no_forecast_of_a_pump_that_knows_no_volume() -> None:
    """Straight after operation nothing flows and nothing is known; the refusal says what to do."""
    one = held(ALARM, prime=True)
    made = one.session.review
    assert made is not None
    refusal = tip_days(made, one.session.sheet, 3)
    assert isinstance(refusal, Refusal)
    assert (refusal.rule, bool(refusal.advice)) == ("SES-07", True)


# Hostile text ---------------------------------------------------------------------------------------------------------

EVIL = '</td></style><script>alert(1)</script><img src=x onerror="y">&amp;"\' ' + "日本 é ✓"


@pytest.mark.requirement("SES-18")
@pytest.mark.requirement("CLI-04")
def test_what_people_write_is_text_on_the_page() -> None:
    """Title, label, device, programmer and reason come back as they were written, as no tag and in no attribute."""
    one = held(replace(STRONGER, bridge=False, without_bridge=EVIL), RINSED)
    top = heading(one, title=EVIL, patient=EVIL, device=EVIL, session=EVIL)
    page = printout_page(top, printed(one))
    reader = Reader(page)
    assert not {tag for tag, _ in reader.tags} & {"script", "img"}
    assert not [key for _, attributes in reader.tags for key in attributes if key.startswith("on") or key == "src"]
    words = "".join(reader.text)
    assert words.count(EVIL.strip()) >= 5
    assert EVIL.strip() in document(one, printed(one), top)["title"]
    text = "\n".join(line.text for line in printout_lines(top, printed(one)))
    assert "".join(EVIL.split()) in "".join(text.split())


@pytest.mark.requirement("SES-18")
@given(st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=60))
def test_any_reason_comes_back_from_the_page(reason: str) -> None:
    """Character by character."""
    section = Section("a title", ("", ""), (("the reason", reason),))
    part = Printout("a status", may_be_signed=False, sections=(section,))
    page = printout_page(Heading(reason, reason, "a pump", START, ZONE, "A", "0"), part)
    (row,) = [row for row in Reader(page).tables["a title"] if any(row)]
    assert row == ["the reason", reason]
