"""The steps of a visit that ask nothing of a pump, each written down as it is done."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import get_args

from starlette.responses import Response

from thecal.chart.clinical import Scanned
from thecal.chart.order_sheet import OrderSheet
from thecal.chart.vocabulary import words
from thecal.clinic import visit_writing as writing
from thecal.clinic.entry import DrugVerified, OrderWritten
from thecal.clinic.order_check import checked
from thecal.clinic.stock_kept import read_lot
from thecal.errors import Refusal
from thecal.quantity import Concentration, Volume
from thecal.therapy.home_refill import ITEMS
from thecal.therapy.procedure import Port
from thecal.therapy.refill_visit import BEFORE, VERIFIED
from thecal.therapy.scores import read_score
from thecal.therapy.service import last_report
from thecal.timeline import Duration
from thecal.web.ask import Ask
from thecal.web.form import Form
from thecal.web.guard import NotFoundError
from thecal.web.pre_visit import TESLA
from thecal.web.route import Pages
from thecal.web.visit import Opened, Written, lots, opened, seconds, step_done, stopped

PAGES = Pages()


def _answers(form: Form, items: Iterable[str]) -> dict[str, bool]:
    return {item: item in form.texts("item") for item in items}


def _before(ask: Ask, found: Opened) -> Written:
    items = [item for item in BEFORE if item != "reconciliation"]
    yes = _answers(ask.form, items)
    missing = [item for item in items if not yes[item]]
    if missing:
        advice = "Stop until each is checked. Where one is not so, give the visit up with the reason, or see to it first."
        return writing.refused(f"to go on without: {', '.join(missing)}", "each of them checked", advice, "RPC-01")
    return writing.before(found.visit, yes, found.look.now, ask.form.text("note"))


def _home(ask: Ask, found: Opened) -> Written:
    return writing.at_home(found.visit, found.look, _answers(ask.form, ITEMS), found.look.now)


def _verify(ask: Ask, found: Opened) -> Written:
    form, now, drug = ask.form, found.look.now, _drug(ask, found)
    if drug is None:
        return ()
    return writing.verified(found.visit, found.look, drug, _answers(form, VERIFIED), ask.account.name, now)


def _drug(ask: Ask, found: Opened) -> DrugVerified | None:
    """The lot of the form: one on hand, with how many vials of it, or as it is typed; both, where they are the same."""
    form, on_hand = ask.form, {lot.name: lot.stock for lot in lots(ask)}
    second = form.chosen("vial_second", tuple(name for name, _ in seconds(ask)))
    name = form.chosen("vial_stock", tuple(on_hand), needed=False) or ""
    typed = not name
    strength = (form.needed if typed else form.read)("vial_strength", lambda text: Concentration.parse(text, "vial_strength"))
    lot = (form.needed if typed else form.read)("vial_lot", read_lot)
    expires = form.day("vial_expires", needed=typed)
    vials = form.number("vials", 1, on_hand[name].count) if name else None
    if vials is not None and vials != int(vials):
        form.refuse("vials", form.text("vials"), "is no whole number of vials")
    if name:
        kept = on_hand[name]
        for field, read, there in (
            ("vial_strength", strength, kept.strength),
            ("vial_lot", lot, kept.lot),
            ("vial_expires", expires, kept.expires),
        ):
            if read is not None and read != there:
                form.refuse(field, form.text(field), f"is not that of the lot that was chosen, {there}")
        strength, lot, expires = kept.strength, kept.lot, kept.expires
    if form.errors or second is None or strength is None or lot is None or expires is None:
        return None
    return DrugVerified(found.look.now, found.visit.name, strength, lot, expires, second, name, int(vials or 0))


def graded(form: Form, fields: Mapping[str, str], none: str) -> dict[str, int]:
    """Symptoms with the grades that were given, by the field of each; ``none`` is the box that says that none is there.

    Without any grade it is needed, and with a grade above 0 it is refused.
    """
    grades: dict[str, int] = {}
    for name, field in fields.items():
        text = form.text(field)
        if text in ("0", "1", "2", "3"):
            grades[name] = int(text)
        elif text:
            form.refuse(field, text, "is not a grade", accepted=("0 none", "1 mild", "2 moderate", "3 severe"))
    there = [name for name, grade in grades.items() if grade]
    if there and form.ticked(none):
        form.refuse(none, "none", f"does not go with {', '.join(there)}")
    if not grades and not form.ticked(none):
        form.refuse(none, "", "is missing: at least one grade, or that none is there")
    return grades


def _symptoms(ask: Ask, found: Opened) -> Written:
    grades = graded(ask.form, {name: f"grade {name}" for name in words("symptoms")}, "none_there")
    return writing.symptoms(found.visit, grades, found.look.now)


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
    return writing.scales(found.visit, legs, arms, spasm, found.look.now)


def _reconciliation(ask: Ask, found: Opened) -> Written:
    if not ask.form.ticked("reconciled"):
        advice = "Compare with what is taken; write changes into the chart first."
        return writing.refused("to go on without it", "all medicines compared with what is taken", advice, "RPC-01")
    return writing.reconciled(found.visit, found.look.now, ask.account.full_name, ask.form.text("note"))


def _needle(ask: Ask, found: Opened) -> Written:
    if found.visit.procedure is None:
        return _no_pump()
    gauge = ask.form.number("gauge", 10, 35)
    chosen = ask.form.chosen("port", get_args(Port))
    if gauge is None or chosen is None:
        return ()
    port: Port = "refill port" if chosen == "refill port" else "catheter access port"
    template, at_stop = ask.form.ticked("template"), ask.form.ticked("at_stop")
    return writing.needle(found.visit, found.look, port, int(gauge), template=template, at_stop=at_stop, now=found.look.now)


def _override(ask: Ask, found: Opened) -> Written:
    if found.visit.procedure is None:
        return _no_pump()
    ask.form.needed("reason", str, label="the reason")
    return writing.overridden(found.visit, ask.form.text("reason"), ask.account.full_name, found.look.now)


def _rinse(ask: Ask, found: Opened) -> Written:
    volume, strength = ask.form.needed("rinse_volume", Volume.parse), ask.form.needed("rinse_strength", Concentration.parse)
    times = ask.form.number("times", 1, 10)
    if found.visit.procedure is None or volume is None or strength is None or times is None:
        return _no_pump() if found.visit.procedure is None else ()
    return writing.rinsed(found.visit, volume, int(times), strength, found.look.now)


def _mixture(ask: Ask, found: Opened) -> Written:
    strength = ask.form.needed("mixture", Concentration.parse)
    if found.visit.procedure is None or strength is None:
        return _no_pump() if found.visit.procedure is None else ()
    return writing.mixture(found.visit, strength, found.look.now)


def _scan(ask: Ask, found: Opened) -> Written:
    form = ask.form
    at = form.instant("scanned_at", found.look.zone)
    if at is not None and at > found.look.now:
        form.refuse("scanned_at", form.text("scanned_at"), "is still to come")
    tesla = form.number("tesla", *TESLA, needed=False)
    off = form.read("infusion_off", lambda text: Duration.parse(text, "infusion_off"))
    return writing.scanned(found.visit, Scanned(at, tesla, off), found.look.now) if at is not None else ()


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
    return (OrderWritten(found.look.now, found.visit.name, ask.account.name, orders),)


def _leave_out(ask: Ask, found: Opened) -> Written:
    ask.form.needed("why", str, label="the reason")
    return writing.left_out(found.visit, ask.form.text("step"), ask.form.text("why"), found.look.now)


def _printout(ask: Ask, found: Opened) -> Written:
    if not ask.form.ticked("given"):
        return writing.refused(
            "to go on without it", "the printout and the alarm date, given in writing", "Print, and hand it out.", "RPC-11"
        )
    return writing.given(found.visit, "printout", found.look.now)


def _reminder(ask: Ask, found: Opened) -> Written:
    if not ask.form.ticked("told"):
        return writing.refused(
            "to go on without it", "told of overdose, too little, withdrawal, and whom to call", "Tell it.", "RPC-13"
        )
    return writing.given(found.visit, "reminder", found.look.now)


def _close(_: Ask, found: Opened) -> Written:
    return writing.close(found.visit, found.look, found.second, found.look.now)


def _abandon(ask: Ask, found: Opened) -> Written:
    ask.form.needed("why", str, label="the reason")
    return writing.abandon(found.visit, ask.form.text("why"), found.look.now)


_STEPS: Mapping[str, tuple[Callable[[Ask, Opened], Written], str]] = {
    "home": (_home, "checked what a refill at home needs"),
    "before": (_before, "checked who it is"),
    "symptoms": (_symptoms, "wrote down symptoms"),
    "scales": (_scales, "wrote down scales"),
    "reconciliation": (_reconciliation, "reconciled the medicines"),
    "scan": (_scan, "wrote down a scan"),
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
_AT = {"override": "residual", "rinse": "fill", "mixture": "fill", "routine": "order", "abandon": "close"}
"""The steps of the visit at which the forms stand that are no steps of their own."""


@PAGES.post("/visit/{stream}/{name}/{step}", "visit")
def step_written(ask: Ask, stream: str, name: str, step: str) -> Response:
    """Write down a step that asks nothing of a pump."""
    if step not in _STEPS:
        raise NotFoundError("A visit has no such step.")
    found = opened(ask.practice, stream, name)
    do, did = _STEPS[step]
    at = ask.form.text("step") if step == "leave-out" else _AT.get(step, step)
    return step_done(ask, found, at, do(ask, found), did)
