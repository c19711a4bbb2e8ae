"""The worklist: the page on which a day begins."""

from functools import lru_cache
from zoneinfo import ZoneInfo

from markupsafe import Markup
from starlette.responses import Response

from thecal.clinic.access import Right
from thecal.clinic.item import TIERS
from thecal.clinic.worklist import Row, worklist
from thecal.web.ask import Ask
from thecal.web.place import place_of
from thecal.web.route import Pages
from thecal.web.templating import TEMPLATES, days_text

PAGES = Pages()
_SHOWN_BY: frozenset[Right] = frozenset({"identify", "chart", "call", "book", "visit", "record", "recall"})
"""The rights on which it depends what a row shows."""


@PAGES.get("/worklist", "worklist")
def worklist_page(ask: Ask) -> Response:
    """Who must be seen or called, the gravest first; of one tier or kind where the address says so."""
    tier, kind, page = ask.query("tier"), ask.query("kind") or None, ask.query("page", "1")
    number = TIERS.index(tier) if tier in TIERS else None
    with ask.practice.reading() as reading:
        found = worklist(reading.connection, tier=number, kind=kind, page=int(page) if page.isdecimal() and len(page) < 7 else 1)
    sees = ask.rights & _SHOWN_BY
    rows = [_shown(row, days_text(row.standing.refill_by, reading.now, reading.zone), sees, reading.zone) for row in found.rows]
    return ask.page("worklist.html", found=found, rows=rows, tier=tier if number is not None else "", kind=kind or "")


def forget_rows() -> None:
    """Hold no row any more: somebody's name is not to be kept even here."""
    _shown.cache_clear()


@lru_cache(maxsize=4096)  # the same rows are asked for all day, and making them is most of the page's work
def _shown(row: Row, days: str, sees: frozenset[Right], zone: ZoneInfo) -> Markup:
    standing = row.standing if "chart" in sees else row.standing.of_dates
    values = {"s": standing, "person": row.person, "days": days, "sees": sees, "zone": zone, "place_of": place_of}
    return Markup(TEMPLATES.get_template("worklist_row.html").render(values))  # noqa: S704  # a template escapes
