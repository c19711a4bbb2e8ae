"""A printout of the maker's programmer, typed in at a visit: a reading, or an update that was programmed outside."""

from starlette.responses import Response

from thecal.chart.order import Order, OrderContinuous, OrderFlex, OrderMinimumRate, OrderPeriodic, OrderStop
from thecal.clinic import visit_writing as writing
from thecal.clinic.entry import Printed, PrintoutTyped
from thecal.clinic.order_form import Reader, edited, read_dosing
from thecal.clinic.printed_bolus import read_boluses
from thecal.clinic.visit import Visit
from thecal.clinic.visit_printout import What, taken_at, typed
from thecal.errors import Refusal
from thecal.quantity import Concentration, DailyDose, Volume
from thecal.twin.fields import plain_text
from thecal.web.ask import Ask
from thecal.web.form import Form
from thecal.web.route import Pages
from thecal.web.visit import PRINTED_MODES, Opened, Written, opened, show, step_done
from thecal.web.visit_pump import no_refill, planned, volume_or_zero

PAGES = Pages()


@PAGES.post("/visit/{stream}/{name}/pump/printed", "visit")
def printed_typed(ask: Ask, stream: str, name: str) -> Response:
    """What a real programmer's printout says, typed in: a reading, or an update that was programmed outside."""
    found = opened(ask.practice, stream, name)
    refusal = writing.check_open(found.visit)
    what = ask.form.chosen("what", ("reading", "update"))
    if found.sheet is None or refusal or what is None:
        return show(ask, found, refusal or no_refill(), "reading")
    step: What = "update" if what == "update" else "reading"
    if ask.form.text("do"):
        return _edited(ask, found, step)
    read = _printed(ask, found, step)
    if read is None:
        return show(ask, found, None, step)
    made = planned(found) if step == "update" else None
    written: Written = made if isinstance(made, Refusal) else ()
    if not isinstance(made, Refusal):
        with ask.form.reading("alarms"):
            written = typed(read, step, found.visit, found.look, made)
    waits = not isinstance(written, Refusal) and any(isinstance(entry, PrintoutTyped) for entry in written)
    did = "typed a printout that waits for a second person" if waits else f"entered a printout: {step}"
    return step_done(ask, found, step, written, did)


@PAGES.post("/visit/{stream}/{name}/pump/uncertain", "visit")
def update_uncertain(ask: Ask, stream: str, name: str) -> Response:
    """That an update by the maker's programmer broke off, and nobody knows what the pump runs."""
    found = opened(ask.practice, stream, name)
    form, now = ask.form, found.look.now
    why = form.needed("broke_off", lambda text: plain_text(text, "what happened"), label="what happened")
    at = form.instant("broke_off_at", found.look.zone, needed=False) or now
    if at > now:
        form.refuse("broke_off_at", form.text("broke_off_at"), "is still to come")
    if found.bench:
        limit, advice = "what the wand hears of it", "Interrogate it: the wand writes down how a session ended."
        return show(ask, found, writing.refused("to tell how a virtual pump's session ended", limit, advice, "SES-05"), "update")
    if form.errors or why is None:
        return show(ask, found, None, "update")
    written = writing.uncertain(found.visit, found.look, at, why, now)
    return step_done(ask, found, "update", written, "wrote down a session of which nobody knows the end")


def _printed(ask: Ask, found: Opened, what: What) -> Printed | None:
    """The values of a printout; None where one of them cannot be read."""
    form, zone = ask.form, found.look.zone
    at = form.instant("printed_at", zone, needed=False) or found.look.now
    dose = form.needed("daily_dose", _dose_or_zero)
    total = form.needed("day_total", _dose_or_zero)
    strength = form.needed("concentration", Concentration.parse)
    calculated = form.needed("calculated", volume_or_zero)
    low = form.needed("low_reservoir", Volume.parse)
    alarm = form.day("alarm_on", needed=False)
    eri = form.day("replace_by", needed=False)
    running = found.history.chart.session.order if found.history.chart.session else None
    order: Order | None = _order(form, found.visit, running, dose, what) if dose is not None else None
    boluses = read_boluses(form.fields)
    form.errors |= boluses.errors
    if form.errors or total is None or strength is None or calculated is None or low is None or order is None:
        return None
    made = taken_at(at, what, found.visit, found.look) if at <= found.look.now else "is still to come"
    if isinstance(made, str):
        form.refuse("printed_at", form.text("printed_at"), made)
        return None
    alarms = tuple(name.strip() for name in form.text("alarms").split(",") if name.strip())
    patient, bolus = boluses.patient, boluses.began
    return Printed(made, order, patient, strength, total, calculated, low, alarm, eri, alarms, bolus, dose)


def _edited(ask: Ask, found: Opened, step: What) -> Response:
    """The form with another row in its table of steps. Nothing is written."""
    ask.audit("typed a printout", found.stream, found.visit.name)
    fields, focus = ask.form.fields, ""
    with ask.form.reading("do"):
        fields, focus = edited(fields, ask.form.text("do"))
    ask.form = Form({name: (text,) for name, text in fields.items()}, errors=ask.form.errors)
    return show(ask, found, None, step, focus=focus)


def _order(form: Form, visit: Visit, running: Order | None, dose: DailyDose, what: str) -> Order | None:
    """The program as it is printed; where no mode is chosen, what the daily dose is a dose of: the order of this visit, what ran
    before, simple continuous, or a stop. None where it cannot be read.
    """
    mode = form.chosen("mode", PRINTED_MODES, needed=False)
    if mode in (OrderFlex.mode, OrderPeriodic.mode, OrderMinimumRate.mode):
        reader = Reader(form.fields)
        order = read_dosing(reader, mode)
        form.errors |= reader.errors
        return order
    meant = visit.orders.dosing if what == "update" and visit.orders and visit.orders.dosing else running
    if mode == OrderStop.mode or (not dose.pg_per_day and not isinstance(meant, OrderMinimumRate)):
        return OrderStop()
    if mode == OrderContinuous.mode or meant is None or isinstance(meant, OrderContinuous | OrderStop):
        return OrderContinuous(dose)
    return meant


def _dose_or_zero(text: str) -> DailyDose:
    return DailyDose.parse(text, zero=True)
