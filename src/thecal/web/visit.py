"""The visit: its steps on one page, each written down as it is done, by whoever does it, and closed when none is left."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import Connection
from starlette.responses import Response

from thecal.chart.vocabulary import grouped, words
from thecal.clinic import visit_writing as writing
from thecal.clinic.access import who_may_now
from thecal.clinic.account import accounts
from thecal.clinic.drug_forecast import Stock
from thecal.clinic.entry import Entry, LineUnknown
from thecal.clinic.history import History
from thecal.clinic.order_check import Checked, checked
from thecal.clinic.order_form import MODES, groups_of
from thecal.clinic.person import Person
from thecal.clinic.practice import Practice
from thecal.clinic.printed_bolus import has_boluses
from thecal.clinic.stock_kept import KeptStock, lots_on_hand
from thecal.clinic.visit import KINDS, StepStanding, Visit, gaps, open_visit, overrides_since, standings, visit_of, visits
from thecal.errors import Refusal
from thecal.pump.program import WEEKDAYS
from thecal.pump.sheet import PumpSheet
from thecal.therapy.due import refill_due
from thecal.therapy.finding import Finding
from thecal.therapy.look import Look
from thecal.therapy.refill_visit import BEFORE
from thecal.therapy.residual import pocket_fill
from thecal.therapy.service import last_report
from thecal.web.ask import Ask
from thecal.web.chart import history_of
from thecal.web.form import Form
from thecal.web.guard import NotFoundError
from thecal.web.route import Pages

PAGES = Pages()
Written = tuple[Entry, ...] | Refusal
_SIDE_EFFECTS = "side effect"
PRINTED_MODES = MODES[1:]
"""What a printout may say of the program, where it is another than is known."""
POCKET_SIGNS = tuple(sorted(grouped("symptoms", "pocket fill")))
"""What is asked for with a fill (RPC-09)."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A visit as it stands: the chart, who it is, and the virtual pump that can be reached, by its serial number.

    ``order`` is the order that was written here, worked out, until it has been written into the pump.
    """

    stream: str
    history: History
    person: Person | None
    look: Look
    visit: Visit
    bench: str
    order: Checked | None = None

    @property
    def second(self) -> tuple[Finding, ...]:
        """What still asks for a second person."""
        return self.order.second if self.order else ()

    @property
    def sheet(self) -> PumpSheet | None:
        return self.look.sheet


def opened(practice: Practice, stream: str, name: str) -> Opened:
    """A visit by its name, with the order that it asks about. Raises NotFoundError."""
    with practice.reading() as reading:
        history, person = history_of(reading, stream)
        look = reading.look(history)
        visit = visit_of(history, name, look.sheet)
        bench = reading.on_bench(history)
    if visit is None:
        raise NotFoundError("There is no such visit of this person.")
    order = None
    if visit.orders is not None and look.sheet is not None and visit.ended is None and "update" not in visit.done:
        unknown = history.last(LineUnknown)
        order = checked(visit.orders, look, visit, line_known=unknown is None or unknown.known, standing=True)
        look = replace(look, asked=order.asked)
    return Opened(stream, history, person, look, visit, bench, order)


@PAGES.get("/visit/{stream}", "visit")
def visits_page(ask: Ask, stream: str) -> Response:
    """The visits of a person, the open one first, and the form to begin another."""
    with ask.practice.reading() as reading:
        history, person = history_of(reading, stream)
        due = refill_due(reading.look(history))
    ask.audit("looked at the visits", stream)
    return ask.page(
        "visits.html",
        422 if ask.form.errors else 200,
        stream=stream,
        person=person,
        history=history,
        visits=visits(history),
        open_visit=open_visit(history),
        kinds=KINDS,
        due=due,
    )


@PAGES.post("/visit/{stream}", "visit")
def visit_begun(ask: Ask, stream: str) -> Response:
    """Begin a visit, and go to it."""
    form, name = ask.form, secrets.token_hex(4)
    kind = form.chosen("kind", KINDS)
    with ask.practice.reading() as reading:
        history, _ = history_of(reading, stream)
    written = writing.begin(history, name, kind or "", history.moment(ask.practice.now)) if kind else ()
    if isinstance(written, Refusal):
        form.refuse("kind", kind or "", str(written))
    if form.errors or isinstance(written, Refusal):
        return visits_page(ask, stream)
    ask.practice.write(stream, form.seen, written, ask.by, "began a visit", detail=kind or "")
    return ask.go(f"/visit/{stream}/{name}")


@PAGES.get("/visit/{stream}/{name}", "visit")
def visit_page(ask: Ask, stream: str, name: str) -> Response:
    """The visit with all its steps."""
    ask.audit("looked at a visit", stream)
    return show(ask, opened(ask.practice, stream, name))


def _sent(ask: Ask, visit: Visit) -> str:
    """The form of the page that was sent, by its name there: the end of its address, and what it is about where that is said."""
    end = ask.request.url.path.partition(f"/{visit.name}/")[2]
    about = {"pump/printed": "what", "leave-out": "step"}.get(end)
    return f"{end} {ask.form.text(about)}" if about else end


def _read_at(found: Opened, steps: tuple[StepStanding, ...]) -> str:
    """The step at which the pump is read now: the first, until it is done and while a session is uncertain; else the last."""
    left = {each.step.name for each in steps if each.stand != "done"}
    if "reading" in left or found.look.chart.uncertain is not None:
        return "reading"
    return "reading after" if "reading after" in left and found.visit.read_again else ""


def show(ask: Ask, found: Opened, refusal: Refusal | None = None, step: str = "", **more: object) -> Response:
    """The page of a visit; with what was refused at a step, and what was typed there."""
    look, visit = found.look, found.visit
    done_with_drug = not visit.is_refill or visit.filled is not None or visit.ended is not None
    report = last_report(look.known)
    due = refill_due(look)
    steps, sent = standings(visit, look, found.second), _sent(ask, visit)

    def typed(of: str) -> Form:
        return ask.form if of == sent else Form()

    values = {
        "found": found,
        "stream": found.stream,
        "person": found.person,
        "visit": visit,
        "look": look,
        "standings": steps,
        "read_at": _read_at(found, steps),
        "gaps": gaps(visit, look, found.second) if visit.ended is None else (),
        "report": report,
        "due": due,
        "before_items": [item for item in BEFORE if item != "reconciliation"],
        "lot_options": [] if done_with_drug else [(lot.name, _said(lot.stock)) for lot in lots(ask)],
        "seconds": [] if done_with_drug else seconds(ask),
        "pocket_signs": [(field_of(name), words("symptoms")[name].text) for name in POCKET_SIGNS],
        "pocket": tuple(pocket_fill(look)),
        "symptoms": [words("symptoms")[name] for name in sorted(grouped("symptoms", _SIDE_EFFECTS))],
        "more_symptoms": [
            word for name, word in sorted(words("symptoms").items()) if name not in grouped("symptoms", _SIDE_EFFECTS)
        ],
        "medicines": sorted(look.known.medicines.values(), key=lambda fact: fact.medicine),
        "second": found.second,
        "overrides": overrides_since(look, visit.begun),
        "refusal": refusal,
        "failed_step": step,
        "sent": sent,
        "typed": typed,
        "printed_modes": PRINTED_MODES,
        "groups": lambda of: groups_of(typed(of).fields),
        "weekdays": WEEKDAYS,
        "focus": "",
        "boluses_open": lambda of: has_boluses(typed(of).fields, visit.orders, report),
        "residual": visit.procedure.residual if visit.procedure else None,
        "editable": visit.ended is None,
        "shown": None,
        **more,
    }
    code = 422 if refusal is not None or ask.form.errors else 200
    return ask.page("visit.html", code, **values)


def lots(ask: Ask) -> list[KeptStock]:
    """The lots on hand that may be used today."""
    with ask.practice.reading() as reading:
        return lots_on_hand(reading.connection, reading.now.date(reading.zone))


def _said(stock: Stock) -> str:
    return f"{stock.strength}, {stock.vial}, lot {stock.lot}, expires {stock.expires}, {stock.count} on hand"


def seconds(ask: Ask) -> list[tuple[str, str]]:
    """Who may be the second of two now: everybody who may double-check, but who asks; by account, as they are called."""
    with ask.practice.reading() as reading:
        may = who_may_now(accounts(reading.connection), "double-check", reading.staff())
    return [(each.name, f"{each.full_name}, {each.role}") for each in may if each.name != ask.account.name]


def field_of(sign: str) -> str:
    """The field in which a sign of a pocket fill is graded."""
    return f"fill_{sign.replace(' ', '_')}"


def step_done(
    ask: Ask, found: Opened, step: str, written: Written, did: str, also: Callable[[Connection], None] | None = None
) -> Response:
    """Write what a step came to, and go on; or show why it did not come to anything. ``also`` is done with what is written."""
    refusal = writing.check_open(found.visit)
    if refusal is None and isinstance(written, Refusal):
        refusal = written
    if refusal is not None or ask.form.errors or isinstance(written, Refusal):
        return show(ask, found, refusal, step)
    ask.practice.write(found.stream, ask.form.seen, written, ask.by, did, detail=found.visit.name, also=also)
    return ask.go(f"/visit/{found.stream}/{found.visit.name}#{anchor(_next_of(ask.practice, found))}")


def _next_of(practice: Practice, found: Opened) -> str:
    now = opened(practice, found.stream, found.visit.name)
    return next((each.step.name for each in standings(now.visit, now.look, now.second) if each.stand == "next"), "close")


def anchor(step: str) -> str:
    """The place of a step on the page."""
    return f"step-{step.replace(' ', '-')}"


def stopped(order: Checked) -> Refusal | None:
    """What of an order stops it: the pump cannot be programmed so, or a rule blocks it."""
    for no in order.refusals:
        return no
    for found in order.blocks:
        return Refusal(found.rule, found.asked, found.allowed, found.source, found.next)
    return None
