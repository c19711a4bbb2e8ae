"""An operation on a chart: pump and catheter put in after a trial, exchanged, revised, taken out; dated when it happened."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from starlette.responses import Response

from thecal.catheter.geometry import TIP_LEVELS
from thecal.chart.vocabulary import words
from thecal.clinic.booking import free_unbooked
from thecal.clinic.entry import DeviceRecorded, Entry
from thecal.clinic.operation import HELD, KINDS, Kind, Operation
from thecal.clinic.timeline_words import entry_text
from thecal.errors import InputError, InputErrors
from thecal.fluid import Content
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Concentration, Volume
from thecal.therapy.service import AFTER_REPLACEMENT, pump_in_place
from thecal.twin.fields import plain_text
from thecal.web.ask import Ask
from thecal.web.chart import called, history_of
from thecal.web.device import mark, read_catheter, read_device, short
from thecal.web.form import Form
from thecal.web.guard import need
from thecal.web.person import catheter_models, past, pump_models
from thecal.web.route import Pages

PAGES = Pages()
ITEMS = words("checklists")[AFTER_REPLACEMENT].items
_LABELS: Mapping[Kind, str] = {
    "implant": "Implant of a pump and a catheter",
    "replacement": "Replacement of the pump; the catheter stays",
    "revision": "Revision of the catheter; the pump stays",
    "port": "Needle in the catheter access port",
    "explant": "Explant of pump and catheter; the treatment here goes on",
}


@PAGES.get("/operation/{stream}", "identify")
def operation_page(ask: Ask, stream: str) -> Response:
    """First which kind of operation, then what was done."""
    need(ask, "record")
    values = _values(ask, stream, ask.query("kind"))
    ask.audit("opened the chart to write an operation", stream)
    return ask.page("operation.html", **values)


def _values(ask: Ask, stream: str, kind: str) -> dict[str, Any]:
    with ask.practice.reading() as reading:
        history, person = history_of(reading, stream)
        look = reading.look(history)
    return {
        "stream": stream,
        "name": called(ask, person, stream),
        "seen": history.version,
        "kinds": list(_LABELS.items()),
        "kind": kind if kind in KINDS else "",
        "label": next((label for name, label in _LABELS.items() if name == kind), ""),
        "in_place": look.sheet,
        "since": pump.at if (pump := pump_in_place(look.known)) is not None else None,
        "models": pump_models(),
        "catheters": catheter_models(),
        "tips": TIP_LEVELS,
        "held": HELD,
        "items": [(f"item-{number}", item) for number, item in enumerate(ITEMS)],
    }


@PAGES.post("/operation/{stream}", "identify")
def write_operation(ask: Ask, stream: str) -> Response:
    """Write an operation down, once nothing on the chart contradicts it."""
    need(ask, "record")
    form = ask.form
    kind = next((kind for kind in KINDS if kind == form.chosen("kind", KINDS)), None)
    entries: tuple[Entry, ...] = ()
    with ask.practice.reading() as reading:
        history, _ = history_of(reading, stream)
        at = past(ask, "at", reading)
        if kind is not None and not form.errors:
            operation = Operation(kind, at, history, reading.look(history, at), ask.account.full_name)
            device = read_device(form, reading, stream, at) if kind in ("implant", "replacement") else None
            entries = _entries(ask, operation, device)
        if entries and kind == "explant":
            entries = (*entries, *Operation.taken_back(reading.look(history)))
        said = "; ".join(entry_text(entry, reading.zone) for entry in entries)
    if form.errors or not entries or kind is None:
        return ask.again("operation.html", **_values(ask, stream, form.text("kind")))
    free = partial(free_unbooked, ask.practice, stream=stream)
    ask.practice.write(stream, form.seen, entries, ask.by, "wrote down an operation", detail=kind, also=free)
    return ask.go(f"/operation/{stream}", f"Written down: {said}.")


def _entries(ask: Ask, operation: Operation, device: DeviceRecorded | None) -> tuple[Entry, ...]:
    """What was typed of an operation, checked; none where something of it cannot be, which is then an error of its field."""
    try:
        entries = _OF_KIND[operation.kind](ask.form, operation, device)
        return () if ask.form.errors else operation.checked(entries)
    except (InputError, InputErrors) as error:
        mark(ask.form, error, "at")
        return ()


def _implant(form: Form, operation: Operation, device: DeviceRecorded | None) -> list[Entry]:
    told, holds, primed = read_catheter(form), _held(form), form.read("primed", Concentration.parse)
    if form.errors or device is None or holds is None:
        return []
    return [*operation.implanted(device, told, holds, primed), *_fill(form, operation, device)]


def _replacement(form: Form, operation: Operation, device: DeviceRecorded | None) -> list[Entry]:
    primed = form.read("primed", Concentration.parse)
    if form.errors or device is None:
        return []
    done = operation.replaced(device, primed)
    items = [item for number, item in enumerate(ITEMS) if form.ticked(f"item-{number}")]
    return [*done, *_fill(form, operation, device), *operation.answered(items)]


def _revision(form: Form, operation: Operation, _: DeviceRecorded | None) -> list[Entry]:
    told, holds = read_catheter(form), _held(form)
    serial = form.read("catheter_serial", short("catheter_serial"))
    if form.errors or holds is None:
        return []
    return operation.revised(told, holds, serial or "")


def _port(form: Form, operation: Operation, _: DeviceRecorded | None) -> list[Entry]:
    what, volume = form.chosen("what", ("aspirate", "inject")), form.needed("volume", Volume.parse)
    drug = form.read("concentration", Concentration.parse)
    if form.errors or volume is None:
        return []
    return operation.port_used("aspirate" if what == "aspirate" else "inject", volume, drug)


def _explant(form: Form, operation: Operation, _: DeviceRecorded | None) -> list[Entry]:
    return operation.taken_out(form.read("why", lambda text: plain_text(text, "why")) or "")


def _held(form: Form) -> Content | None:
    held = form.chosen("holds", HELD)
    return next((content for content in HELD if content == held), None)


def _fill(form: Form, operation: Operation, device: DeviceRecorded) -> list[Entry]:
    """What was filled at the operation; some fill later."""
    if not form.text("fill") and not form.text("strength"):
        return []
    volume, strength = form.needed("fill", Volume.parse), form.needed("strength", Concentration.parse)
    if volume is None or strength is None:
        return []
    return operation.filled(pump_sheet(device.model), volume, strength)


_OF_KIND: Mapping[Kind, Callable[[Form, Operation, DeviceRecorded | None], list[Entry]]] = {
    "implant": _implant,
    "replacement": _replacement,
    "revision": _revision,
    "port": _port,
    "explant": _explant,
}
