"""The worklist: the page on which a day begins."""

from starlette.responses import Response

from thecal.clinic.item import TIERS
from thecal.clinic.worklist import worklist
from thecal.web.ask import Ask
from thecal.web.route import Pages

PAGES = Pages()


@PAGES.get("/worklist", "worklist")
def worklist_page(ask: Ask) -> Response:
    """Who must be seen or called, the gravest first; of one tier or kind where the address says so."""
    tier, kind, page = ask.query("tier"), ask.query("kind") or None, ask.query("page", "1")
    number = TIERS.index(tier) if tier in TIERS else None
    with ask.practice.reading() as reading:
        found = worklist(reading.connection, tier=number, kind=kind, page=int(page) if page.isdecimal() else 1)
    return ask.page("worklist.html", found=found, tier=tier if number is not None else "", kind=kind or "")
