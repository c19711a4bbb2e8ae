"""The second person (SAF-05): another one than the author enters the order again, without seeing its numbers."""

from starlette.responses import Response

from thecal.clinic.order_check import Checked, check_second, checked, re_entries, sign, signatures
from thecal.errors import Refusal
from thecal.web.ask import Ask
from thecal.web.route import Pages
from thecal.web.visit import Opened, opened

PAGES = Pages()


@PAGES.get("/visit/{stream}/{name}/second", "double-check")
def second_page(ask: Ask, stream: str, name: str) -> Response:
    """Who wrote the order, for which pump and mode, and empty fields."""
    opening = opened(ask.practice, stream, name)
    ask.audit("opened the second person's page", stream, name)
    return _page(ask, opening, _may(ask, opening), _order(opening))


@PAGES.post("/visit/{stream}/{name}/second", "double-check")
def entered_again(ask: Ask, stream: str, name: str) -> Response:
    """Compare what was entered again; signed only where all of it is what the order says, and nothing written otherwise."""
    opening = opened(ask.practice, stream, name)
    refusal, found = _may(ask, opening), _order(opening)
    if refusal is None and found is not None:
        for entry in re_entries(found):
            error = entry.compare(ask.form.text(entry.name))
            if error is not None:
                ask.form.errors[entry.name] = error
        if found.asked is not None and not ask.form.errors:
            written = sign(opening.visit, ask.account.name, ask.account.role, ask.practice.now)
            ask.practice.write(stream, ask.form.seen, written, ask.by, "entered an order again", detail=name)
            return ask.go(f"/visit/{stream}/{name}", "Entered again, and the same: signed.")
    ask.audit("entered an order again, not signed", stream, f"{name}: {', '.join(ask.form.errors) or 'refused'}")
    return _page(ask, opening, refusal, found, 422)


def _may(ask: Ask, opening: Opened) -> Refusal | None:
    return check_second(opening.visit, ask.account.name, signatures(opening.visit, opening.look))


def _order(opening: Opened) -> Checked | None:
    orders = opening.visit.orders
    return None if orders is None else checked(orders, opening.look, opening.visit, standing=True)


def _page(ask: Ask, opening: Opened, refusal: Refusal | None, found: Checked | None, code: int = 200) -> Response:
    dosing = found.orders.dosing if found else None
    return ask.page(
        "second_person.html",
        code,
        stream=opening.stream,
        person=opening.person,
        sheet=opening.sheet,
        visit=opening.visit,
        version=opening.history.version,
        refusal=refusal or (next(iter(found.refusals), None) if found and found.asked is None else None),
        entries=re_entries(found) if found else (),
        mode=dosing.mode if dosing else "no change of the program",
        second=found.second if found else (),
        signed=signatures(opening.visit, opening.look),
    )
