"""A clinic's spreadsheet: comma, semicolon or tab separated text, or a workbook, read into cells of text; and its columns.

Nothing is executed: of a formula only the value counts that the workbook was saved with. What is read is bounded by the settings
beside the columns, whatever the file claims of itself.
"""

import csv
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from io import BytesIO, StringIO
from typing import Any
from zipfile import ZipFile

from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from thecal.datum import Datum, read_data, read_datum
from thecal.errors import InputError, InputErrors, ThecalError

_SAVE = ("an .xlsx workbook without macros", "a .csv table")
_SAVE_AS = "open it and save it as .xlsx or .csv"
_OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # the container of old workbooks, and of those with a password
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_UNIT = re.compile(r"(?P<name>.*?)[\s_]*(?:[(\[]\s*(?P<hint>[^()\[\]]*)[)\]]|(?<=[\s_])(?P<unit>[^\s_()\[\]]+))?\s*")
_MEGA = 10**6
_HEADING_MAX = 100  # characters; longer than any that is understood


@dataclass(frozen=True, slots=True)
class Column:
    """A column that is understood. ``unit`` is what its numbers stand in where the heading says so; empty where it has none."""

    name: str
    aliases: tuple[str, ...]
    needed: bool
    unit: str
    accepted: str
    means: str
    examples: tuple[str, str]


@dataclass(frozen=True, slots=True)
class SheetRow:
    """A row with something in it: its ``number`` as a spreadsheet program shows it, and its cells, trimmed, one per heading."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: the row of its ``headers``, and the rows below it that are not empty.

    A row may have more cells than there are headings. ``left_out`` are the other worksheets of a workbook that hold something.
    """

    name: str
    header_row: int
    headers: tuple[str, ...]
    rows: tuple[SheetRow, ...]
    left_out: tuple[str, ...] = ()


@cache
def columns() -> tuple[Column, ...]:
    """Every column that is understood, in the order of the template."""
    return tuple(_column(table) for table in read_data("clinic", "columns")["columns"])


def _column(table: Mapping[str, Any]) -> Column:
    first, second = table["examples"]
    aliases, needed, unit = tuple(table["aliases"]), table.get("needed", False), table.get("unit", "")
    return Column(table["name"], aliases, needed, unit, table["accepted"], table["means"], (first, second))


@cache
def import_settings() -> Mapping[str, Datum]:
    """What bounds a spreadsheet and its reading, by name, each with where it comes from."""
    tables = read_data("clinic", "columns")["settings"]
    return {name: read_datum(name, table, "settings of the import") for name, table in tables.items()}


def setting_number(name: str) -> int:
    """The whole number of a setting that counts."""
    return int(import_settings()[name].value.split()[0])


def column_of(header: str) -> tuple[Column, str] | None:
    """The column that a heading means, and the unit that it gives its numbers (empty where it gives none); None of another."""
    known = _spellings()
    whole = known.get(_spelled(header))
    if whole is not None:
        return whole, ""
    match = _UNIT.fullmatch(header.strip()) if len(header) <= _HEADING_MAX else None
    if match is None or (column := known.get(_spelled(match["name"]))) is None:
        return None
    if match["unit"] is not None and match["unit"].lower() != column.unit.lower():
        return None  # a word more is another heading; another unit stands in brackets
    return column, (match["hint"] or match["unit"] or "").strip() if column.unit else ""


@cache
def _spellings() -> Mapping[str, Column]:
    return {_spelled(text): column for column in columns() for text in (column.name, *column.aliases)}


def _spelled(text: str) -> str:
    return re.sub(r"[\s_\-]+", " ", text).strip().lower()


def read_spreadsheet(raw: bytes, name: str) -> Sheet:
    """The table in the bytes of a file; ``name`` is that of the file, for what is said of it.

    Raises InputError (or InputErrors, for several cells) for what is no spreadsheet, too large, a workbook with macros or of an
    old format, a table without a header or with two headings alike, and a cell that holds an error or a formula without a value.
    """
    bytes_max = setting_number("bytes_max") * _MEGA
    if len(raw) > bytes_max:
        raise InputError("spreadsheet", name, "is too large", accepted=(f"at most {import_settings()['bytes_max'].value}",))
    if raw.startswith(_OLD):
        problem = f"is a workbook of an old format (.xls), or one with a password: {_SAVE_AS}"
        raise InputError("spreadsheet", name, problem, accepted=_SAVE)
    if raw.startswith(_ZIP):
        grid, left_out = _workbook(raw, name)
        return _table(name, grid, left_out)
    return _table(name, _text_rows(raw, name), ())


# A table of text -------------------------------------------------------------------------------------------------------


def _text_rows(raw: bytes, name: str) -> Iterator[tuple[int, list[str]]]:
    text = _decoded(raw, name)
    control = _NO_TEXT.search(text)
    if control:
        line = text.count("\n", 0, control.start()) + 1
        problem = f"is no table of text: it holds the control character {control[0]!r} in line {line}"
        raise InputError("spreadsheet", name, problem, accepted=_SAVE)
    found = max(((_fits(text, mark), mark) for mark in (",", ";", "\t")), key=lambda pair: pair[0])
    reader = csv.reader(StringIO(text, newline=""), delimiter=found[1], strict=True)
    number = 0
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problem = f"cannot be read as a table in line {reader.line_num}: {error}"
            raise InputError("spreadsheet", name, problem, accepted=_SAVE) from error
        number += 1
        yield number, row


def _decoded(raw: bytes, name: str) -> str:
    if not raw.startswith(_UTF_16):
        for encoding in ("utf-8-sig", "cp1252"):
            try:
                return raw.decode(encoding)
            except UnicodeDecodeError:
                continue
    problem = f"is no text in UTF-8 or Windows-1252: {_SAVE_AS}"
    raise InputError("spreadsheet", name, problem, accepted=_SAVE)


def _fits(text: str, mark: str) -> tuple[int, int]:
    """How well a separator fits the heading: the columns that are understood by it, and all that there are."""
    try:
        for row in csv.reader(StringIO(text, newline=""), delimiter=mark):
            filled = [cell for cell in row if cell.strip()]
            if filled:
                return sum(column_of(cell) is not None for cell in filled), len(filled)
    except csv.Error:
        return 0, 1  # read again, strictly, where nothing fits better; that says what is wrong
    return 0, 1


# A workbook ------------------------------------------------------------------------------------------------------------


def _workbook(raw: bytes, name: str) -> tuple[list[tuple[int, list[str]]], tuple[str, ...]]:
    """The rows of its first visible worksheet, and the names of the others that hold something."""
    try:
        _check_parts(raw, name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a workbook holds beside its cells
            values = load_workbook(BytesIO(raw), read_only=True, data_only=True, keep_links=False)
            formulas = load_workbook(BytesIO(raw), read_only=True, data_only=False, keep_links=False)
            visible = [sheet.title for sheet in values.worksheets if sheet.sheet_state == "visible"]
            if not visible:
                raise InputError("spreadsheet", name, "has no worksheet that can be seen", accepted=_SAVE)
            grid = list(_sheet_rows(values[visible[0]], formulas[visible[0]], name))
            others = tuple(title for title in visible[1:] if _holds_something(values[title], name))
    except ThecalError:
        raise
    except Exception as error:  # a damaged workbook fails in as many ways as it has parts
        problem = f"is damaged or no workbook ({type(error).__name__}): {_SAVE_AS}"
        raise InputError("spreadsheet", name, problem, accepted=_SAVE) from error
    return grid, others


def _check_parts(raw: bytes, name: str) -> None:
    """Its parts, before anything reads them: no macros, not too large once unpacked, no entities."""
    with ZipFile(BytesIO(raw)) as parts:
        names = [part.filename for part in parts.infolist()]
        if any(part.lower().endswith("vbaproject.bin") for part in names):
            raise InputError("spreadsheet", name, "is a workbook with macros: save it as .xlsx or .csv", accepted=_SAVE)
        if "xl/workbook.xml" not in names:
            raise InputError("spreadsheet", name, f"is no .xlsx workbook: {_SAVE_AS}", accepted=_SAVE)
        if sum(part.file_size for part in parts.infolist()) > setting_number("unpacked_max") * _MEGA:
            most = import_settings()["unpacked_max"].value
            raise InputError("spreadsheet", name, "is too large once unpacked", accepted=(f"at most {most}",))
        for part in parts.infolist():
            if part.filename.lower().endswith((".xml", ".rels")):
                text = parts.read(part).replace(b"\0", b"")  # no more than its file_size, which was counted
                if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
                    raise InputError("spreadsheet", name, "declares entities, which no workbook needs", accepted=_SAVE)


def _grid(worksheet: Any, name: str) -> Iterator[tuple[Any, ...]]:
    """The rows of a worksheet from the first on, empty ones too, as far as the settings let it reach."""
    worksheet.reset_dimensions()  # what it says of its size may be wrong
    rows_max, cells_max, spanned = setting_number("span_max"), setting_number("cells_max"), 0
    for number, row in enumerate(worksheet.iter_rows(min_row=1), 1):
        spanned += len(row)
        if number > rows_max or spanned > cells_max:
            problem = "spans too much: delete the empty rows and columns, or save the table as .csv"
            raise InputError("spreadsheet", name, problem, accepted=(f"at most {rows_max:,} rows and {cells_max:,} cells",))
        yield row


def _sheet_rows(values: Any, formulas: Any, name: str) -> Iterator[tuple[int, list[str]]]:
    errors: list[InputError] = []
    for number, (row, behind) in enumerate(zip(_grid(values, name), _grid(formulas, name), strict=True), 1):
        for place, (cell, written) in enumerate(zip(row, behind, strict=True), 1):
            where = f"{get_column_letter(place)}{number}"
            if cell.data_type == "e":
                errors.append(InputError("cell", str(cell.value), "is an error of the spreadsheet", where=where))
            elif cell.value is None and written.data_type == "f" and cell.data_type != "str":  # an empty text is a value
                problem = "holds a formula without a value: open the workbook and save it, or paste the values"
                errors.append(InputError("cell", "", problem, where=where))
        if row:
            yield number, [_cell_text(cell) for cell in row]
    if errors:
        raise InputErrors(errors)


def _holds_something(worksheet: Any, name: str) -> bool:
    return any(_cell_text(cell) for row in _grid(worksheet, name) for cell in row)


def _cell_text(cell: Any) -> str:
    """A cell as it is displayed where that changes nothing: dates by ISO, whole numbers plain, leading zeros where asked for."""
    value = cell.value
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int() | float():
            zeros = re.fullmatch(r"0{2,}", cell.number_format or "")
            text = format(Decimal(f"{value:.15g}" if isinstance(value, float) else value), "f")
            return text.zfill(len(zeros[0])) if zeros else text
        case datetime():
            value = (value + timedelta(microseconds=500_000)).replace(microsecond=0)
            if value.time() == time():
                return value.date().isoformat()
            return value.strftime("%Y-%m-%d %H:%M:%S").removesuffix(":00")
        case date() | time():
            return value.isoformat()
        case _:
            return str(value).strip()


# Both ------------------------------------------------------------------------------------------------------------------


def _table(name: str, grid: Iterator[tuple[int, list[str]]] | list[tuple[int, list[str]]], left_out: tuple[str, ...]) -> Sheet:
    headers: tuple[str, ...] = ()
    rows: list[SheetRow] = []
    header_row = 0
    for number, row in grid:
        cells = [cell.strip() for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if not cells:
            continue
        _check_row(name, number, cells, len(rows))
        if header_row:
            rows.append(SheetRow(number, (*cells, *("" for _ in range(len(headers) - len(cells))))))
        else:
            header_row, headers = number, tuple(cells)
            _check_headers(name, headers)
    if not header_row:
        raise InputError("spreadsheet", name, "has no header: it is empty", accepted=("a row of headings, and a row per person",))
    return Sheet(name, header_row, headers, tuple(rows), left_out)


def _check_row(name: str, number: int, cells: Sequence[str], before: int) -> None:
    rows_max, columns_max, longest = (setting_number(key) for key in ("rows_max", "columns_max", "characters_max"))
    if before >= rows_max:
        raise InputError("spreadsheet", name, "has too many rows", accepted=(f"at most {rows_max:,} below the header",))
    if len(cells) > columns_max:
        raise InputError("spreadsheet", name, f"has too many columns in row {number}", accepted=(f"at most {columns_max}",))
    for cell in cells:
        if len(cell) > longest:
            accepted = (f"at most {longest:,} characters in a cell",)
            raise InputError("cell", cell, "is too long", accepted=accepted, where=f"{name}, row {number}")


def _check_headers(name: str, headers: Sequence[str]) -> None:
    """Two headings alike would leave one of two columns unread."""
    seen: dict[str, str] = {}
    for header in headers:
        key = _spelled(header)
        if key and key in seen:
            raise InputError("header", header, "stands there twice", accepted=("each heading once",), where=name)
        seen[key] = header
