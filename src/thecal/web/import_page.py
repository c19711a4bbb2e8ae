"""A spreadsheet brought in: sent, looked at as a whole with every problem of it, and only then written, all of it at once.

Between the look and the writing the file waits on the server under its digest; what is written is what was looked at, or nothing.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from starlette.responses import Response

from thecal.chart.facts import Filled, Ordered
from thecal.clinic.entry import DeviceRecorded
from thecal.clinic.import_writing import (
    drop_old_uploads,
    drop_upload,
    keep_upload,
    kept_upload,
    on_record,
    write_newcomers,
)
from thecal.clinic.newcomer import Import, Newcomer, newcomers, template_csv
from thecal.clinic.spreadsheet import Sheet, columns, import_settings, read_spreadsheet
from thecal.errors import InputError, InputErrors
from thecal.report.words import order_text
from thecal.timeline import Instant
from thecal.web.ask import Ask
from thecal.web.guard import NotFoundError
from thecal.web.route import Pages

PAGES = Pages()
First = Literal["", "day", "month"]
FIRST: tuple[tuple[First, str], ...] = (
    ("", "not said: a date that can be read in two ways is a problem"),
    ("day", "the day: 01/02/2026 is 1 February"),
    ("month", "the month: 01/02/2026 is January 2"),
)
"""Which of day and month comes first in a date such as 01/02/2026."""
_SHOWN = 500
_GONE = "That file is not here any more: it was written, given up, or has waited for more than a day. Send it again."
_PASTED = "what was pasted"


@dataclass(frozen=True, slots=True)
class Row:
    """A row that would come in, as the page shows it."""

    row: int
    name: str
    born: str
    number: str
    pump: str
    filled: Instant | None
    fill: str
    order: str


@PAGES.get("/import", "import")
def import_page(ask: Ask) -> Response:
    """The form to send a file or to paste a table, and what its columns are."""
    drop_old_uploads(ask.practice.folder, ask.practice.now)
    return _form(ask, 200, ())


def _form(ask: Ask, status: int, wrong: tuple[InputError, ...]) -> Response:
    most = import_settings()["bytes_max"].value
    return ask.page("import.html", status, columns=columns(), most=most, firsts=FIRST, wrong=wrong)


@PAGES.get("/import/template.csv", "import")
def import_template(ask: Ask) -> Response:
    """The headings and two invented people, whose dates fit today."""
    return ask.file(template_csv(ask.today()), "thecal-template.csv", "text/csv; charset=utf-8")


@PAGES.post("/import", "import")
def import_sent(ask: Ask) -> Response:
    """Look whether it is a table at all, and keep it to be looked at."""
    form, upload = ask.form, ask.form.files.get("file")
    pasted, first = form.text("table"), _first(form.text("first"))
    raw, name = (upload.raw, upload.name) if upload is not None and upload.raw else (pasted.encode("utf-8", "replace"), _PASTED)
    wrong: tuple[InputError, ...] = ()
    if not raw:
        form.refuse("file", "", "is missing", accepted=("a file", "or a table that is pasted below"))
    elif pasted and name != _PASTED:
        form.refuse("table", "", "is pasted, and a file is sent besides", accepted=("one of the two",))
    else:
        try:
            read_spreadsheet(raw, name)
        except InputErrors as several:
            wrong = several.errors
        except InputError as error:
            wrong = (error,)
    if wrong:
        form.errors["table" if name == _PASTED else "file"] = wrong[0]
    if form.errors:
        return _form(ask, 422, wrong)
    digest = keep_upload(ask.practice.folder, raw, ask.practice.now)
    ask.audit("sent a spreadsheet to be checked", detail=f"the file's SHA-256 is {digest}")
    return ask.go(f"/import/checked/{digest}{f'?first={first}' if first else ''}")


def _first(text: str) -> First:
    return "day" if text == "day" else "month" if text == "month" else ""


def _sheet(ask: Ask, digest: str) -> Sheet:
    """The table that waits under a digest. Raises NotFoundError."""
    raw = kept_upload(ask.practice.folder, digest)
    if raw is None:
        raise NotFoundError(_GONE)
    return read_spreadsheet(raw, "the file")


def _read(ask: Ask, sheet: Sheet, first: First) -> Import:
    """The dry run, against what is on record now."""
    with ask.practice.reading() as reading:
        known = on_record(reading.connection)
        return newcomers(
            sheet,
            reading.zone,
            reading.now,
            known_numbers=known.numbers,
            known_serials=known.serials,
            day_first=first == "day",
            month_first=first == "month",
            clinic=ask.practice.settings,
        )


@PAGES.get("/import/checked/{digest}", "import")
def import_checked(ask: Ask, digest: str) -> Response:
    """What would come in, and every problem; nothing is written."""
    first = _first(ask.query("first"))
    sheet = _sheet(ask, digest)
    found = _read(ask, sheet, first)
    ask.audit("looked at a spreadsheet", detail=f"{len(found.rows)} rows may come in; the file's SHA-256 is {digest}")
    return _checked(ask, 200, digest, sheet, found, first)


def _checked(ask: Ask, status: int, digest: str, sheet: Sheet, found: Import, first: First) -> Response:
    stopping = {problem.row for problem in found.problems if problem.severity == "stops"}
    return ask.page(
        "import_checked.html",
        status,
        digest=digest,
        first=first,
        firsts=FIRST,
        total=len(sheet.rows),
        rows=[_shown(row) for row in found.rows[:_SHOWN]],
        count=len(found.rows),
        problems=found.problems,
        stopped=sum(row.number in stopping for row in sheet.rows),
        whole=sheet.header_row in stopping,
        ambiguous=sum("where the day comes first" in problem.problem for problem in found.problems),
        looks=sum(problem.severity == "look" for problem in found.problems),
        looked_at=_looked_at(found),
    )


def _shown(row: Newcomer) -> Row:
    person, device = row.person, next(entry for entry in row.entries if isinstance(entry, DeviceRecorded))
    filled = next((entry for entry in row.entries if isinstance(entry, Filled)), None)
    ordered = next((entry for entry in row.entries if isinstance(entry, Ordered)), None)
    return Row(
        row.row,
        person.name,
        str(person.born or ""),
        person.number,
        f"{device.model}, {device.serial}",
        filled.at if filled else None,
        f"{filled.volume} of {filled.concentration}" if filled else "",
        order_text(ordered.order) if ordered else "its one flow",
    )


def _looked_at(found: Import) -> str:
    """What was shown, so that nothing else is written: the rows that come in, and every problem."""
    said = [str(row.row) for row in found.rows] + [repr(problem) for problem in found.problems]
    return sha256("\n".join(said).encode("utf-8", "replace")).hexdigest()


@PAGES.post("/import/checked/{digest}", "import")
def import_written(ask: Ask, digest: str) -> Response:
    """Write down the rows that nothing stops, all in one transaction, and remove the file."""
    form, first = ask.form, _first(ask.form.text("first"))
    sheet = _sheet(ask, digest)
    found = _read(ask, sheet, first)
    if form.text("looked_at") != _looked_at(found):
        form.refuse("rows", "", "are not those that you looked at: the record has changed since. Look again")
        return _checked(ask, 422, digest, sheet, found, first)
    try:
        made = write_newcomers(ask.practice, found.rows, ask.by, digest)
    except InputError as error:
        form.errors["rows"] = error
        return _checked(ask, 422, digest, sheet, _read(ask, sheet, first), first)
    drop_upload(ask.practice.folder, digest)
    people = "1 person is" if len(made) == 1 else f"{len(made)} people are"
    left = len(sheet.rows) - len(made)
    stayed = f" {left} {'row' if left == 1 else 'rows'} stayed out: correct them in your table and send it again." if left else ""
    return ask.go("/worklist", f"{people} on record now.{stayed}")


@PAGES.post("/import/given-up/{digest}", "import")
def import_given_up(ask: Ask, digest: str) -> Response:
    """Remove the file; nothing of it was written."""
    if re.fullmatch(r"[0-9a-f]{64}", digest):
        drop_upload(ask.practice.folder, digest)
        ask.audit("gave a spreadsheet up", detail=f"the file's SHA-256 is {digest}")
    return ask.go("/import", "The file is removed. Nothing of it was written.")
