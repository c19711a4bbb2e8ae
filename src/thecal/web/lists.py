"""Lists: every pump on one page for when no computer answers, and the audit of who has read and done what."""

from dataclasses import replace

from starlette.responses import Response

from thecal.clinic.account import accounts
from thecal.clinic.audit import read_audit
from thecal.clinic.outage_list import OutageRow, outage_csv, outage_list
from thecal.clinic.pdf import paper_pdf
from thecal.errors import InputError
from thecal.web.ask import Ask
from thecal.web.guard import plain_page
from thecal.web.nightly import OUTAGE, outage_rows_of, write_outage_list
from thecal.web.route import Pages

PAGES = Pages()
_LINES = (100, 500, 2000)
_NOT_SHOWN = "not shown to you"
_KEPT = 14
"""How many of the nightly lists are named."""


def _rows(ask: Ask) -> list[OutageRow]:
    """A row for every pump; without names and numbers for those who may not know them."""
    rows = outage_rows_of(ask.practice)
    if ask.sees("identify"):
        return rows
    return [replace(row, name=row.pseudonym, phone=_NOT_SHOWN, second_contact=_NOT_SHOWN) for row in rows]


@PAGES.get("/outage", "print")
def outage_page(ask: Ask) -> Response:
    """Today's list, worked out now, and where the nightly one lies."""
    office, now = ask.practice.office(), ask.practice.now
    paper = outage_list(_rows(ask), now, office.zone, by=ask.account.full_name, clinic=office.name)
    folder = ask.practice.folder / OUTAGE
    kept = sorted((path.name for path in folder.glob("????-??-??.*")), reverse=True) if folder.is_dir() else []
    ask.audit("read the outage list", detail=f"{len(paper.sections[0].rows)} pumps")
    return ask.page("outage.html", paper=paper, folder=folder, kept=kept[:_KEPT], tonight=f"{now.date(office.zone)}.html" in kept)


@PAGES.post("/outage", "print")
def outage_written(ask: Ask) -> Response:
    """Write today's list anew into the clinic's folder, as it is done by night."""
    folder = write_outage_list(ask.practice)
    ask.audit("wrote the outage list")
    return ask.go("/outage", f"Today's list is written anew in {folder}.")


@PAGES.get("/outage.csv", "print")
def outage_table(ask: Ask) -> Response:
    """The same as a table."""
    ask.audit("downloaded the outage list")
    return ask.file(outage_csv(_rows(ask)), f"outage-{ask.today()}.csv", "text/csv; charset=utf-8")


@PAGES.get("/outage.pdf", "print")
def outage_pdf(ask: Ask) -> Response:
    """The same as a PDF."""
    office, now = ask.practice.office(), ask.practice.now
    paper = outage_list(_rows(ask), now, office.zone, by=ask.account.full_name, clinic=office.name)
    try:
        raw = paper_pdf(paper)
    except InputError as error:
        return plain_page(ask, 422, f"{error} The page of the list can be printed.")
    ask.audit("printed the outage list")
    return ask.file(raw, f"outage-{now.date(office.zone)}.pdf", "application/pdf", shown=True)


@PAGES.get("/audit", "audit")
def audit_page(ask: Ask) -> Response:
    """The latest lines of the audit, of a chart or a person where one is named. To read them is a line too."""
    stream, who, asked = ask.query("stream"), ask.query("who"), ask.query("lines")
    most = int(asked) if asked in [str(number) for number in _LINES] else _LINES[0]
    with ask.practice.reading() as reading:
        lines = list(read_audit(reading.connection, stream=stream or None, who=who or None, limit=most))
        people = [account.name for account in accounts(reading.connection)]
    known = {line.stream for line in lines}, people  # nothing else of what was typed is kept: it may be a name
    narrowed = ", ".join(text for text, there in zip((stream, who), known, strict=True) if text in there)
    ask.audit("read the audit", detail=f"of {narrowed}" if narrowed else "")
    return ask.page("audit.html", lines=lines, people=people, stream=stream, who=who, most=most, choices=_LINES)
