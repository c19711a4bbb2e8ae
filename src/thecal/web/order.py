"""The program editor: an order as a table of steps, what it would come to, and the order written, approved or left out.

Nothing is sent to a pump from here. What is shown of an order is worked out anew at each request, from the chart as it is then.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from starlette.responses import Response

from thecal.chart.clinical import Answered, Overrode
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic import order_form
from thecal.clinic.checklist import Question
from thecal.clinic.entry import Entry, LineUnknown, OrderWritten, VisitStepped
from thecal.clinic.order_check import (
    Checked,
    Signer,
    answered,
    arrivals,
    asks,
    checked,
    gone_on,
    may_order,
    overridden,
    totals_of,
    who_may,
)
from thecal.clinic.order_form import NO_CHANGE, Typed, edited, groups_of, read_orders
from thecal.clinic.visit_writing import left_out, refused
from thecal.errors import InputError, Refusal
from thecal.programmer.caution import Caution
from thecal.pump.program import WEEKDAYS
from thecal.therapy.service import last_report
from thecal.web.ask import Ask
from thecal.web.form import SECRET, Form
from thecal.web.place import field_of
from thecal.web.route import Pages
from thecal.web.visit import Opened, opened

PAGES = Pages()
_OURS = SECRET | {"seen", "do", "stream", "visit"}
"""Fields of the form that are no part of an order."""


@dataclass(slots=True)
class _Shown:
    """What the page shows besides the form: the order worked out, a refusal, the field to go on in.

    ``asks`` are the items of checklists that can be answered with the order, ``answers`` those that were.
    """

    found: Checked | None = None
    typed: Typed = field(default_factory=Typed)
    refusal: Refusal | None = None
    focus: str = ""
    asks: tuple[Question, ...] = ()
    answers: tuple[Answered, ...] = ()


def _fields(ask: Ask) -> dict[str, str]:
    """What was typed, without the fields that are ours."""
    return {name: values[0].strip() for name, values in ask.form.values.items() if name not in _OURS and values}


def _line_known(opening: Opened) -> bool:
    unknown = opening.history.last(LineUnknown)
    return unknown is None or unknown.known


def _checked(opening: Opened, orders: OrderSheet, *, standing: bool = False) -> Checked:
    return checked(orders, opening.look, opening.visit, line_known=_line_known(opening), standing=standing)


def _signer(ask: Ask) -> Signer:
    return Signer(ask.account.name, ask.account.role, ask.rights)


@PAGES.get("/visit/{stream}/{name}/order", "propose")
def order_page(ask: Ask, stream: str, name: str) -> Response:
    """The editor: with the order of this visit, or with what runs to begin from."""
    opening = opened(ask.practice, stream, name)
    ask.audit("opened the program editor", stream, name)
    ask.form = Form({field: (text,) for field, text in _begin(opening).items()})
    orders = opening.visit.orders
    found = _checked(opening, orders, standing=True) if orders else None
    return _page(ask, opening, _Shown(found, asks=asks(found) if found else ()))


def _begin(opening: Opened) -> dict[str, str]:
    """The fields to begin with: the order that stands; else the steps that run, and what this visit has filled."""
    visit, session = opening.visit, opening.look.chart.session
    if visit.orders is not None:
        return order_form.fields_of(visit.orders)
    fields = order_form.dosing_fields(session.order if session else None)
    if visit.filled is not None and opening.look.chart.fill_session is None:
        fields["reservoir"] = str(visit.filled.volume)
        report = last_report(opening.look.known)
        held = visit.procedure.concentration if visit.procedure else visit.filled.concentration
        if held is not None and (report is None or report.concentration != visit.filled.concentration):
            fields["concentration"] = str(held)
    return fields


@PAGES.post("/order/preview", "propose", only_shows=True)
def preview(ask: Ask) -> Response:
    """What an order that is being typed would come to: a part of the page. Nothing is written but that it was looked at."""
    stream, name = ask.form.text("stream"), ask.form.text("visit")
    opening = opened(ask.practice, stream, name)
    ask.audit("worked out an order", stream, name)
    shown = _work_out(opening, _fields(ask))
    return ask.page("order_preview.html", **_values(ask, opening, shown))


def _work_out(opening: Opened, fields: dict[str, str]) -> _Shown:
    typed = read_orders(fields)
    if not typed.asks or typed.errors:
        return _Shown(typed=typed)
    found = _checked(opening, typed.orders)
    asked = asks(found)
    answers, found = answered(found, tuple(one for one in asked if fields.get(f"answer-{field_of(*one)}")))
    return _Shown(found, typed, asks=asked, answers=answers)


@PAGES.post("/visit/{stream}/{name}/order", "propose")
def order_sent(ask: Ask, stream: str, name: str) -> Response:
    """A button of the editor: another row, work it out, or save what was ordered."""
    opening, fields = opened(ask.practice, stream, name), _fields(ask)
    do = ask.form.text("do", "work out")
    if do == "save":
        return _save(ask, opening, fields)
    ask.audit("worked out an order", stream, name)
    if do == "work out":
        shown = _work_out(opening, fields)
        ask.form.errors |= shown.typed.errors
        return _page(ask, opening, shown)
    try:
        fields, focus = edited(fields, do)
    except InputError as error:
        ask.form.errors["do"] = error
        return _page(ask, opening, _Shown())
    ours = {kept: ask.form.values[kept] for kept in ("seen",) if kept in ask.form.values}
    ask.form = Form({field: (text,) for field, text in fields.items()} | ours)
    shown = _work_out(opening, fields)
    shown.focus = focus
    return _page(ask, opening, shown)


def _save(ask: Ask, opening: Opened, fields: dict[str, str]) -> Response:
    """Write the order, as an order or a proposal; or that there is none, and why; or say what stands against it."""
    shown = _work_out(opening, fields)
    shown.refusal = may_order(opening.visit, opening.look)
    ask.form.errors |= shown.typed.errors
    if not shown.typed.asks and not ask.form.errors and shown.refusal is None:
        return _leave_out(ask, opening, fields, shown)
    overrides: tuple[Overrode, ...] = ()
    found = shown.found
    if found is not None:
        overrides, wrong = overridden(found, fields, _signer(ask))
        ask.form.errors |= wrong
        found = gone_on(found, overrides)
    if found is not None and not found.may_be_written and shown.refusal is None:
        shown.refusal = refused("to save this order", "an order that nothing stands against", f"What does: {_against(found)}.")
    if ask.form.errors or shown.refusal is not None or found is None:
        ask.audit("was not let to save an order", opening.stream, opening.visit.name)
        return _page(ask, opening, shown)
    now, visit = opening.look.now, opening.visit
    written: tuple[Entry, ...] = (OrderWritten(now, visit.name, ask.account.name, found.orders),)
    approves = ask.sees("order")
    if approves and _asks_for_right(opening, found.orders):
        written = (*written, VisitStepped(now, visit.name, "order approved", ask.account.name))
    more = [f"answered {answer.checklist}, {answer.item}" for answer in shown.answers]
    detail = f"{visit.name}: {', '.join(['order', *more, *(f'in spite of {gone.rule}' for gone in overrides)])}"
    entries = (*shown.answers, *overrides, *written)
    ask.practice.write(opening.stream, ask.form.seen, entries, ask.by, "wrote an order", detail=detail)
    told = "The order was written." if approves else "The proposal was written. Somebody who may order has to approve it."
    return ask.go(f"/visit/{opening.stream}/{visit.name}/order", told)


def _against(found: Checked) -> str:
    """What stands against an order, by its rules."""
    return ", ".join(dict.fromkeys([*(no.rule for no in found.refusals), *(block.rule for block in found.blocks)]))


def _asks_for_right(opening: Opened, orders: OrderSheet) -> bool:
    """Whether an order is more than the volume of a refill; the visit says which."""
    return replace(opening.visit, orders=orders).asks_for_order_right


def _leave_out(ask: Ask, opening: Opened, fields: dict[str, str], shown: _Shown) -> Response:
    """No change: the step is left out, with the reason; but what was filled has to be told to the pump."""
    visit, why = opening.visit, fields.get("why", "")
    if fields.get("mode", NO_CHANGE) != NO_CHANGE or not why:
        ask.form.errors["why"] = InputError("why there is no change", "", "is missing: an order, or why there is none")
        return _page(ask, opening, shown)
    written = left_out(visit, "order", why, opening.look.now)
    if isinstance(written, Refusal):
        shown.refusal = written
        return _page(ask, opening, shown)
    ask.practice.write(opening.stream, ask.form.seen, written, ask.by, "left the order out", detail=visit.name)
    return ask.go(f"/visit/{opening.stream}/{visit.name}", "No change was written down, with its reason.")


@PAGES.post("/visit/{stream}/{name}/approve", "order")
def approved(ask: Ask, stream: str, name: str) -> Response:
    """Somebody who may order stands behind a proposal, if nothing stands against it now."""
    opening = opened(ask.practice, stream, name)
    visit, orders = opening.visit, opening.visit.orders
    refusal = may_order(visit, opening.look)
    if orders is None or not visit.asks_for_order_right:
        refusal = refusal or refused("to approve an order", "an order that asks for it", "Write the order first.", "ROL-03")
    found = _checked(opening, orders, standing=True) if orders is not None else None
    if refusal is None and found is not None and found.may_be_written:
        step = VisitStepped(opening.look.now, name, "order approved", ask.account.name)
        ask.practice.write(stream, ask.form.seen, (step,), ask.by, "approved an order", detail=name)
        return ask.go(f"/visit/{stream}/{name}/order", "The order was approved.")
    if refusal is None:
        against = f"What does: {_against(found)}. " if found is not None else ""
        limit = "an order that nothing stands against"
        refusal = refused("to approve this order", limit, f"{against}Change it, and write it as your own.", "ROL-03")
    ask.audit("was not let to approve an order", stream, name)
    ask.form = Form({field: (text,) for field, text in _begin(opening).items()})
    return _page(ask, opening, _Shown(found, refusal=refusal))


def _page(ask: Ask, opening: Opened, shown: _Shown) -> Response:
    """The editor; marked as not done where something is wrong with what was sent to be written."""
    code = 422 if ask.form.errors or shown.refusal is not None else 200
    no = shown.refusal or may_order(opening.visit, opening.look)
    return ask.page("order.html", code, **{**_values(ask, opening, shown), "refusal": no})


def _values(ask: Ask, opening: Opened, shown: _Shown) -> dict[str, Any]:
    found, look = shown.found, opening.look
    made = found.review if found else None
    report = last_report(look.known)
    return {
        "opening": opening,
        "stream": opening.stream,
        "person": opening.person,
        "visit": opening.visit,
        "version": opening.history.version,
        "report": report,
        "running": look.chart.session.order if look.chart.session else None,
        "modes": order_form.MODES,
        "plans": order_form.PLANS,
        "patients": order_form.PATIENT,
        "weekdays": WEEKDAYS,
        "groups": groups_of(_fields(ask)),
        "checked": found,
        "typed": shown.typed,
        "made": made,
        "totals": totals_of(found) if found else (),
        "cautions": _cautions(found),
        "arrivals": arrivals(made, look.now) if made else (),
        "who_may": who_may,
        "signer": _signer(ask),
        "focus": shown.focus,
        "asks": [(f"answer-{field_of(*one)}", *one) for one in shown.asks],
    }


def _cautions(found: Checked | None) -> list[Caution]:
    """What a session would say besides what the rules find."""
    if found is None or found.review is None:
        return []
    rules = {finding.rule for finding in found.findings}
    return [caution for caution in found.review.cautions if caution.rule not in rules]
