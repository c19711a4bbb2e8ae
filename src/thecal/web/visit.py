"""The visit: its steps on one page, each written down as it is done, by whoever does it, and closed when none is left."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import get_args

from starlette.responses import Response

from thecal.chart.order_sheet import OrderSheet
from thecal.chart.vocabulary import grouped, words
from thecal.clinic import visit_writing as writing
from thecal.clinic.entry import Entry, LineUnknown, OrderWritten
from thecal.clinic.history import History
from thecal.clinic.order_check import Checked, checked
from thecal.clinic.order_form import MODES, groups_of
from thecal.clinic.person import Person
from thecal.clinic.practice import Practice
from thecal.clinic.printed_bolus import has_boluses
from thecal.clinic.visit import KINDS, Visit, gaps, open_visit, overrides_since, standings, visit_of, visits
from thecal.errors import Refusal
from thecal.pump.program import WEEKDAYS
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Concentration, Volume
from thecal.therapy.due import refill_due
from thecal.therapy.finding import Finding
from thecal.therapy.look import Look
from thecal.therapy.procedure import Port
from thecal.therapy.refill_visit import BEFORE, VERIFIED
from thecal.therapy.scores import read_score
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
    written = writing.begin(history, name, kind or "", ask.practice.now) if kind else ()
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


def show(ask: Ask, found: Opened, refusal: Refusal | None = None, step: str = "", **more: object) -> Response:
    """The page of a visit; with what was refused at a step, and what was typed there."""
    look, visit = found.look, found.visit
    report = last_report(look.known)
    due = refill_due(look)
    values = {
        "found": found,
        "stream": found.stream,
        "person": found.person,
        "visit": visit,
        "look": look,
        "standings": standings(visit, look, found.second),
        "gaps": gaps(visit, look, found.second) if visit.ended is None else (),
        "report": report,
        "due": due,
        "before_items": [item for item in BEFORE if item != "reconciliation"],
        "verify_items": VERIFIED,
        "symptoms": [words("symptoms")[name] for name in sorted(grouped("symptoms", _SIDE_EFFECTS))],
        "more_symptoms": [
            word for name, word in sorted(words("symptoms").items()) if name not in grouped("symptoms", _SIDE_EFFECTS)
        ],
        "medicines": sorted(look.known.medicines.values(), key=lambda fact: fact.medicine),
        "second": found.second,
        "overrides": overrides_since(look, visit.begun),
        "refusal": refusal,
        "failed_step": step,
        "printed_modes": PRINTED_MODES,
        "groups": groups_of(ask.form.fields),
        "weekdays": WEEKDAYS,
        "focus": "",
        "boluses_open": has_boluses(ask.form.fields, visit.orders, report),
        "residual": visit.procedure.residual if visit.procedure else None,
        "editable": visit.ended is None,
        "shown": None,
        **more,
    }
    code = 422 if refusal is not None or ask.form.errors else 200
    return ask.page("visit.html", code, **values)


def step_done(ask: Ask, found: Opened, step: str, written: Written, did: str) -> Response:
    """Write what a step came to, and go on; or show why it did not come to anything."""
    refusal = writing.check_open(found.visit)
    if refusal is None and isinstance(written, Refusal):
        refusal = written
    if refusal is not None or ask.form.errors or isinstance(written, Refusal):
        return show(ask, found, refusal, step)
    ask.practice.write(found.stream, ask.form.seen, written, ask.by, did, detail=found.visit.name)
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


def _answers(form: Form, items: tuple[str, ...] | list[str]) -> dict[str, bool]:
    return {item: item in form.texts("item") for item in items}


def _before(ask: Ask, found: Opened) -> Written:
    items = [item for item in BEFORE if item != "reconciliation"]
    yes = _answers(ask.form, items)
    missing = [item for item in items if not yes[item]]
    if missing:
        advice = "Stop until each is checked. Where one is not so, give the visit up with the reason, or see to it first."
        return writing.refused(f"to go on without: {', '.join(missing)}", "each of them checked", advice, "RPC-01")
    return writing.before(found.visit, yes, ask.practice.now, ask.form.text("note"))


def _verify(ask: Ask, found: Opened) -> Written:
    yes = _answers(ask.form, VERIFIED)
    missing = [item for item in VERIFIED if not yes[item]]
    drug = ask.form.text("drug")
    if not drug:
        ask.form.refuse("drug", "", "is missing", accepted=("strength, volume, lot and expiry, as on the vial",))
    if missing:
        advice = "Stop. Two people compare drug, concentration, volume, expiry and lot with the order."
        return writing.refused(f"to go on without: {', '.join(missing)}", "both of them", advice, "RPC-03")
    return writing.verified(found.visit, yes, ask.practice.now, drug)


def _symptoms(ask: Ask, found: Opened) -> Written:
    grades: dict[str, int] = {}
    for name in words("symptoms"):
        text = ask.form.text(f"grade {name}")
        if text in ("0", "1", "2", "3"):
            grades[name] = int(text)
        elif text:
            ask.form.refuse(f"grade {name}", text, "is not a grade", accepted=("0 none", "1 mild", "2 moderate", "3 severe"))
    return writing.symptoms(found.visit, grades, ask.practice.now)


def _scales(ask: Ask, found: Opened) -> Written:
    form = ask.form
    legs = form.number("legs", 1, 5, needed=False)
    arms = form.number("arms", 1, 5, needed=False)
    spasm = form.number("spasm", 0, 4, needed=False)
    if spasm is not None:
        with form.reading("spasm"):
            read_score("penn-frequency", f"{spasm:g}", "spasm")
    if legs is None and arms is None and spasm is None and not form.errors:
        form.refuse("legs", "", "is missing: one score at least, or leave the step out with a reason")
    return writing.scales(found.visit, legs, arms, spasm, ask.practice.now)


def _reconciliation(ask: Ask, found: Opened) -> Written:
    if not ask.form.ticked("reconciled"):
        advice = "Compare with what is taken; write changes into the chart first."
        return writing.refused("to go on without it", "all medicines compared with what is taken", advice, "RPC-01")
    return writing.reconciled(found.visit, ask.practice.now, ask.account.full_name, ask.form.text("note"))


def _needle(ask: Ask, found: Opened) -> Written:
    if found.visit.procedure is None:
        return _no_pump()
    gauge = ask.form.number("gauge", 10, 35)
    chosen = ask.form.chosen("port", get_args(Port))
    if gauge is None or chosen is None:
        return ()
    port: Port = "refill port" if chosen == "refill port" else "catheter access port"
    return writing.needle(found.visit, port, int(gauge), at_stop=ask.form.ticked("at_stop"), now=ask.practice.now)


def _override(ask: Ask, found: Opened) -> Written:
    if found.visit.procedure is None:
        return _no_pump()
    return writing.overridden(found.visit, ask.form.text("reason"), ask.account.full_name, ask.practice.now)


def _rinse(ask: Ask, found: Opened) -> Written:
    volume, strength = ask.form.needed("rinse_volume", Volume.parse), ask.form.needed("rinse_strength", Concentration.parse)
    times = ask.form.number("times", 1, 10)
    if found.visit.procedure is None or volume is None or strength is None or times is None:
        return _no_pump() if found.visit.procedure is None else ()
    return writing.rinsed(found.visit, volume, int(times), strength, ask.practice.now)


def _mixture(ask: Ask, found: Opened) -> Written:
    strength = ask.form.needed("mixture", Concentration.parse)
    if found.visit.procedure is None or strength is None:
        return _no_pump() if found.visit.procedure is None else ()
    return writing.mixture(found.visit, strength, ask.practice.now)


def _no_pump() -> Refusal:
    return writing.refused("a step of a refill", "a refill of a pump that is in place", "Begin a visit of kind refill.")


def _routine(ask: Ask, found: Opened) -> Written:
    """The order of a routine refill: the same drug and dose, and the injected volume entered (SAF-05)."""
    fill, report = found.visit.filled, last_report(found.look.known)
    if fill is None or report is None:
        return writing.refused("a routine order", "a fill of this visit, and a pump that was read", "Do these first.")
    if report.concentration != fill.concentration:
        limit = f"the strength in the pump, {report.concentration}"
        return writing.refused(
            f"a routine order after a fill of {fill.concentration}", limit, "Write the order in the editor.", "RPC-15"
        )
    orders = OrderSheet(reservoir=fill.volume)
    no = stopped(checked(orders, found.look, found.visit))
    if no is not None:
        return replace(no, advice=f"{no.advice} Or write the order in the editor: what a checklist asks for is answered there.")
    return (OrderWritten(ask.practice.now, found.visit.name, ask.account.name, orders),)


def _leave_out(ask: Ask, found: Opened) -> Written:
    return writing.left_out(found.visit, ask.form.text("step"), ask.form.text("why"), ask.practice.now)


def _printout(ask: Ask, found: Opened) -> Written:
    if not ask.form.ticked("given"):
        return writing.refused(
            "to go on without it", "the printout and the alarm date, given in writing", "Print, and hand it out.", "RPC-11"
        )
    return writing.given(found.visit, "printout", ask.practice.now)


def _reminder(ask: Ask, found: Opened) -> Written:
    if not ask.form.ticked("told"):
        return writing.refused(
            "to go on without it", "told of overdose, too little, withdrawal, and whom to call", "Tell it.", "RPC-13"
        )
    return writing.given(found.visit, "reminder", ask.practice.now)


def _close(ask: Ask, found: Opened) -> Written:
    return writing.close(found.visit, found.look, found.second, ask.practice.now)


def _abandon(ask: Ask, found: Opened) -> Written:
    return writing.abandon(found.visit, ask.form.text("why"), ask.practice.now)


_STEPS: Mapping[str, tuple[Callable[[Ask, Opened], Written], str]] = {
    "before": (_before, "checked who it is"),
    "symptoms": (_symptoms, "wrote down symptoms"),
    "scales": (_scales, "wrote down scales"),
    "reconciliation": (_reconciliation, "reconciled the medicines"),
    "verify": (_verify, "verified the drug"),
    "needle": (_needle, "wrote down port and needle"),
    "override": (_override, "took a red residual on themselves"),
    "rinse": (_rinse, "wrote down a rinse"),
    "mixture": (_mixture, "stated a mixture"),
    "routine": (_routine, "wrote a routine order"),
    "leave-out": (_leave_out, "left a step out"),
    "printout": (_printout, "gave the printout"),
    "reminder": (_reminder, "reminded of the signs"),
    "close": (_close, "closed a visit"),
    "abandon": (_abandon, "gave a visit up"),
}


@PAGES.post("/visit/{stream}/{name}/{step}", "visit")
def step_written(ask: Ask, stream: str, name: str, step: str) -> Response:
    """Write down a step that asks nothing of a pump."""
    if step not in _STEPS:
        raise NotFoundError("A visit has no such step.")
    found = opened(ask.practice, stream, name)
    do, did = _STEPS[step]
    return step_done(ask, found, step, do(ask, found), did)
