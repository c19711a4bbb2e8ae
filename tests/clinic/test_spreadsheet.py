"""A clinic's spreadsheet: what is read of it, and what is refused."""

from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from thecal.clinic.newcomer import template_csv
from thecal.clinic.spreadsheet import Sheet, SheetRow, column_of, columns, import_settings, read_spreadsheet, setting_number
from thecal.errors import InputError, InputErrors


def workbook(*rows: tuple[Any, ...], others: tuple[str, ...] = ()) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    for title in others:
        book.create_sheet(title).append(["something"])
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def with_part(raw: bytes, name: str, content: bytes) -> bytes:
    """The same workbook with a part added, or replaced."""
    out = BytesIO()
    with ZipFile(BytesIO(raw)) as old, ZipFile(out, "w", ZIP_DEFLATED) as new:
        for part in old.infolist():
            if part.filename != name:
                new.writestr(part.filename, old.read(part))
        new.writestr(name, content)
    return out.getvalue()


_WHOLE = workbook(("name", "serial"), ("A", 1))  # once: a workbook holds the second at which it was saved


def refused(raw: bytes, name: str = "patients.csv") -> str:
    with pytest.raises((InputError, InputErrors)) as error:
        read_spreadsheet(raw, name)
    return str(error.value)


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_a_table_of_text_is_read_by_any_of_three_separators_and_encodings(mark: str, encoding: str) -> None:
    """Comma, semicolon, tab; UTF-8 with and without its mark, Windows-1252."""
    raw = f"name{mark}serial\r\nMüller{mark}A 1\r\n".encode(encoding)
    sheet = read_spreadsheet(raw, "patients.csv")
    assert sheet == Sheet("patients.csv", 1, ("name", "serial"), (SheetRow(2, ("Müller", "A 1")),))


def test_the_separator_is_the_one_by_which_columns_are_understood() -> None:
    """A heading with commas in it does not make a comma the separator."""
    sheet = read_spreadsheet(b"name (last, first, title);serial\nX;1\n", "p.csv")
    assert sheet.headers == ("name (last, first, title)", "serial")


def test_rows_have_the_numbers_that_people_see() -> None:
    """Empty rows count and are left out; lines inside a cell do not count."""
    sheet = read_spreadsheet(b'\n\nname,notes\n\n"A","two\nlines"\n,\nB,x\n', "p.csv")
    assert (sheet.header_row, [row.number for row in sheet.rows]) == (3, [5, 7])
    book = read_spreadsheet(workbook((), ("name", "notes"), (), ("A", "x")), "p.xlsx")
    assert (book.header_row, [row.number for row in book.rows]) == (2, [4])


def test_cells_of_a_workbook_become_text_as_they_are_displayed() -> None:
    """Dates by ISO, whole numbers without a point, a time of day only where there is one."""
    moment = datetime(2026, 2, 10, 9, 30, tzinfo=UTC).replace(tzinfo=None)
    row = (18, 18.5, 0.1 + 0.2, date(2026, 2, 10), moment, True, " x ", None, "2,000")
    sheet = read_spreadsheet(workbook(tuple("abcdefghi"), row), "p.xlsx")
    assert sheet.rows[0].cells == ("18", "18.5", "0.3", "2026-02-10", "2026-02-10 09:30", "yes", "x", "", "2,000")


def test_leading_zeros_of_a_number_stay_where_its_format_asks_for_them() -> None:
    """A hospital number that is displayed as 000123 is 000123."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["number"])
    sheet.append([123])
    sheet["A2"].number_format = "000000"
    out = BytesIO()
    book.save(out)
    assert read_spreadsheet(out.getvalue(), "p.xlsx").rows[0].cells == ("000123",)


def test_a_formula_without_a_value_is_refused_with_its_cell() -> None:
    """Nothing is executed, and nothing is taken for empty that is not."""
    told = refused(workbook(("name", "dose"), ("A", "=1+1")), "p.xlsx")
    assert "B2" in told
    assert "formula" in told


def test_an_error_in_a_cell_is_refused_with_its_cell() -> None:
    """#REF! is no value."""
    assert "A2" in refused(workbook(("name",), ("#REF!",)), "p.xlsx")


def test_other_worksheets_are_named() -> None:
    """The first one is read; nobody is left out unseen."""
    sheet = read_spreadsheet(workbook(("name",), ("A",), others=("2025",)), "p.xlsx")
    assert (sheet.headers, sheet.left_out) == (("name",), ("2025",))


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"", "no header"),
        (b"\n\n , ,\n", "no header"),
        (b"name,serial, Name \nA,1,B\n", "twice"),
        (b"%PDF-1.7\n\x00\x01", "control character"),
        (b"\x81\x8d", "UTF-8"),
        ("name,serial".encode("utf-16"), "save it as"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 512, "save it as .xlsx or .csv"),
        (b"PK\x03\x04 and nothing else", "damaged"),
        (b'name,serial\n"A"B,1\n', "line 2"),
        (b'name,serial\n"A,1\n', "line"),
    ],
)
def test_what_is_no_spreadsheet_is_refused(raw: bytes, told: str) -> None:
    """With what is wrong with it, and what to do."""
    assert told in refused(raw)


def test_a_workbook_with_macros_is_refused() -> None:
    """Whatever its name says."""
    raw = with_part(workbook(("name",)), "xl/vbaProject.bin", b"x")
    assert "macros: save it as .xlsx or .csv" in refused(raw, "p.xlsx")


def test_another_zip_is_refused() -> None:
    """A text document is no workbook."""
    out = BytesIO()
    with ZipFile(out, "w") as parts:
        parts.writestr("word/document.xml", "<x/>")
    assert "no .xlsx workbook" in refused(out.getvalue(), "p.xlsx")


def test_a_bomb_is_not_unpacked() -> None:
    """A small file that is large once unpacked, one with entities, and one with a cell far out."""
    unpacked = (setting_number("unpacked_max") + 1) * 10**6
    bomb = with_part(workbook(("name",)), "xl/worksheets/sheet1.xml", b" " * unpacked)
    assert len(bomb) < setting_number("bytes_max") * 10**6
    assert "too large once unpacked" in refused(bomb, "p.xlsx")
    entities = b'<!DOCTYPE x [<!ENTITY a "b">]><worksheet/>'
    assert "entities" in refused(with_part(workbook(("name",)), "xl/worksheets/sheet1.xml", entities), "p.xlsx")
    for row in ("100002", "999999999999"):
        far = f'<row r="1"><c r="A1" t="inlineStr"><is><t>name</t></is></c></row><row r="{row}"><c r="A1"><v>1</v></c></row>'
        sheet = f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{far}</sheetData></worksheet>'
        assert "spans too much" in refused(with_part(workbook(("name",)), "xl/worksheets/sheet1.xml", sheet.encode()), "p.xlsx")


def test_what_is_too_large_is_refused() -> None:
    """Bytes, rows, columns and characters have their bounds, which are told."""
    assert "5 MB" in refused(b"x" * (setting_number("bytes_max") * 10**6 + 1))
    rows = setting_number("rows_max")
    assert len(read_spreadsheet(b"name\n" + b"x\n" * rows, "p.csv").rows) == rows
    assert "too many rows" in refused(b"name\n" + b"x\n" * (rows + 1))
    assert "too many columns" in refused(b",".join(b"c%d" % n for n in range(setting_number("columns_max") + 1)))
    assert "too long" in refused(b"name\n" + b"x" * (setting_number("characters_max") + 1))


@pytest.mark.parametrize(
    ("header", "name", "unit"),
    [
        ("daily dose", "daily dose", ""),
        ("Daily_Dose (mcg/day)", "daily dose", "mcg/day"),
        ("DAILY-DOSE [mg/day]", "daily dose", "mg/day"),
        ("daily dose mcg/day", "daily dose", "mcg/day"),
        ("  MRN ", "hospital number", ""),
        ("born (year-month-day)", "born", ""),
        ("Catheter length (trimmed)", "catheter length", ""),
    ],
)
def test_a_heading_is_understood_in_its_spellings(header: str, name: str, unit: str) -> None:
    """Case, spaces, underscores and hyphens do not matter; the unit stands behind."""
    found = column_of(header)
    assert found is not None
    assert (found[0].name, found[1]) == (name, unit)


@pytest.mark.parametrize("header", ["", "shoe size", "daily dose yesterday", "name serial", "x" * 5000, "a" + " " * 2000 + "b"])
def test_another_heading_is_not_understood(header: str) -> None:
    """A word more is another column."""
    assert column_of(header) is None


def test_no_two_columns_share_a_spelling() -> None:
    """Every spelling means one column, and each column says what it accepts and means."""
    spellings = [spelling for column in columns() for spelling in (column.name, *column.aliases)]
    for column in columns():
        assert all(column_of(spelling) == (column, "") for spelling in (column.name, *column.aliases))
        assert column.accepted
        assert column.means
    assert len(spellings) == len(set(spellings))
    assert all(datum.source for datum in import_settings().values())


@given(st.binary(max_size=400))
@example(b"\xef\xbb\xbf")
@example(b"PK\x05\x06" + b"\0" * 18)
def test_any_bytes_are_a_sheet_or_an_input_error(raw: bytes) -> None:
    """Never another exception."""
    try:
        sheet = read_spreadsheet(raw, "p")
    except (InputError, InputErrors):
        return
    assert any(sheet.headers)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_workbook_is_a_sheet_or_an_input_error(data: st.DataObject) -> None:
    """Bytes changed in a real file, or inside one of its parts."""
    raw = _WHOLE
    with ZipFile(BytesIO(raw)) as parts:
        names = parts.namelist()
        part = data.draw(st.sampled_from(names))
        content = bytearray(parts.read(part))
    whole = data.draw(st.booleans())
    target = bytearray(raw) if whole else content
    for place in data.draw(st.lists(st.integers(0, len(target) - 1), min_size=1, max_size=4)):
        target[place] = data.draw(st.integers(0, 255))
    try:
        sheet = read_spreadsheet(bytes(target) if whole else with_part(raw, part, bytes(target)), "p.xlsx")
    except (InputError, InputErrors):
        return
    assert any(sheet.headers)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.text(max_size=8), min_size=1, max_size=4), max_size=6), st.integers(0, 3))
def test_row_numbers_are_right_whatever_the_cells(rows: list[list[str]], before: int) -> None:
    """A row is found again under its number in the workbook that it came from."""
    cells = [["".join(c for c in cell if c.isprintable()).strip().lstrip("=#") for cell in row] for row in rows]
    sheet = read_spreadsheet(workbook(*[()] * before, ("name", "serial"), *map(tuple, cells)), "p.xlsx")
    assert sheet.header_row == before + 1
    for row in sheet.rows:
        expected = [cell.strip() for cell in cells[row.number - before - 2]]
        assert [cell for cell in row.cells if cell] == [cell for cell in expected if cell]
    assert len(sheet.rows) == sum(any(row) for row in cells)


def test_the_template_is_read_as_it_is_written() -> None:
    """Its headings are all the columns that are understood."""
    sheet = read_spreadsheet(template_csv().encode(), "template.csv")
    found = [column_of(header) for header in sheet.headers]
    assert [one[0] if one else None for one in found] == list(columns())
