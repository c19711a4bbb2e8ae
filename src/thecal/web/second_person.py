"""The second person (SAF-05): another one than the author enters an order or a printout again, without seeing its numbers."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.responses import Response

from thecal.clinic.entry import Entry
from thecal.clinic.order_check import Checked, check_second, checked, re_entries, sign
from thecal.clinic.printed import printed_re_entries
from thecal.clinic.re_entry import ReEntry
from thecal.clinic.visit_printout import check_again
from thecal.clinic.visit_printout import entered_again as printout_again
from thecal.errors import Refusal
from thecal.timeline import Instant
from thecal.web.ask import Ask
from thecal.web.route import Pages
from thecal.web.visit import Opened, opened
from thecal.web.visit_pump import planned

PAGES = Pages()


@dataclass(frozen=True, slots=True)
class Again:
    """What is to be entered again: an order or a printout, by whom and when; ``refusal`` says why not now, or not by them.

    ``written`` gives what is written once all of it is the same.
    """

    what: str
    by: str
    at: Instant | None
    mode: str
    entries: tuple[ReEntry, ...]
    refusal: Refusal | None
    written: Callable[[], tuple[Entry, ...] | Refusal]
    order: Checked | None = None


@PAGES.get("/visit/{stream}/{name}/second", "double-check")
def second_page(ask: Ask, stream: str, name: str) -> Response:
    """Who wrote it, for which pump and mode, and empty fields."""
    opening = opened(ask.practice, stream, name)
    ask.audit("opened the second person's page", stream, name)
    again = _again(ask, opening)
    return _page(ask, opening, again, again.refusal)


@PAGES.post("/visit/{stream}/{name}/second", "double-check")
def entered_again(ask: Ask, stream: str, name: str) -> Response:
    """Compare what was entered again; signed only where all of it is the same, and nothing written otherwise."""
    opening = opened(ask.practice, stream, name)
    again = _again(ask, opening)
    refusal = again.refusal
    if refusal is None:
        for entry in again.entries:
            error = entry.compare(ask.form.text(entry.name))
            if error is not None:
                ask.form.errors[entry.name] = error
        if again.entries and not ask.form.errors:
            written = again.written()
            if not isinstance(written, Refusal):
                ask.practice.write(stream, ask.form.seen, written, ask.by, f"entered {again.what} again", detail=name)
                return ask.go(f"/visit/{stream}/{name}", "Entered again, and the same: signed.")
            refusal = written
    ask.audit(f"entered {again.what} again, not signed", stream, f"{name}: {', '.join(ask.form.errors) or 'refused'}")
    return _page(ask, opening, again, refusal, 422)


def _again(ask: Ask, opening: Opened) -> Again:
    typed = opening.visit.typed
    if typed is None or (typed.what == "update" and opening.second):
        return _order(ask, opening)  # an order that asks for somebody is before its printout
    return _printout(ask, opening)


def _order(ask: Ask, opening: Opened) -> Again:
    visit, account = opening.visit, ask.account
    found = None if visit.orders is None else checked(visit.orders, opening.look, visit, standing=True)
    refusal = check_second(visit, account.name)
    if refusal is None and found is not None and found.asked is None:
        refusal = next(iter(found.refusals), None)
    dosing = found.orders.dosing if found else None
    return Again(
        "an order",
        visit.author,
        visit.ordered_at,
        dosing.mode if dosing else "no change of the program",
        re_entries(found) if found else (),
        refusal,
        lambda: sign(visit, account.name, account.role, opening.look.now),
        found,
    )


def _printout(ask: Ask, opening: Opened) -> Again:
    visit, checker = opening.visit, ask.account.name
    waiting = visit.typed
    assert waiting is not None  # who calls has looked
    made = planned(opening) if waiting.what == "update" else None
    refusal = check_again(visit, checker) or (made if isinstance(made, Refusal) else None)
    return Again(
        "a printout",
        visit.typed_by,
        waiting.at,
        waiting.printed.order.mode,
        printed_re_entries(waiting.printed),
        refusal,
        lambda: made if isinstance(made, Refusal) else printout_again(visit, opening.look, made, checker),
    )


def _page(ask: Ask, opening: Opened, again: Again, refusal: Refusal | None, code: int = 200) -> Response:
    return ask.page(
        "second_person.html",
        code,
        stream=opening.stream,
        person=opening.person,
        sheet=opening.sheet,
        visit=opening.visit,
        version=opening.history.version,
        again=again,
        refusal=refusal,
        second=again.order.second if again.order else (),
        signed=opening.visit.signed if again.order else (),
    )
