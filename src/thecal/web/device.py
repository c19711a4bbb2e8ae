"""The papers of the pump in place and its catheter, as somebody writes them down on the page of a person."""

from collections.abc import Callable, Mapping

from starlette.responses import Response

from thecal.catheter.geometry import TIP_LEVELS, catheter_sheets
from thecal.chart.clinical import Documented
from thecal.clinic.catheter import LENGTH, MODEL, TIP, VOLUME, Catheter, not_known_after_all, put_right
from thecal.clinic.entry import DeviceRecorded, Entry, LineUnknown
from thecal.clinic.operation import papers_of
from thecal.clinic.practice import Reading
from thecal.clinic.worklist import all_standings
from thecal.errors import InputError, InputErrors
from thecal.pump.sheet import pump_sheets
from thecal.quantity import Length, Volume
from thecal.therapy.service import pump_in_place
from thecal.timeline import Instant
from thecal.twin.fields import plain_text
from thecal.web.ask import Ask
from thecal.web.chart import history_of
from thecal.web.form import Form
from thecal.web.guard import need
from thecal.web.person import fitting, past, person_values
from thecal.web.route import Pages

PAGES = Pages()
_PORT: Mapping[str, bool | None] = {"yes": True, "no": False, "": None}
_LONGEST = 60  # characters of a serial number or a lot, as the database keeps them
_TEXTS = ("lot", "catheter_serial", "site", "software")
_FIELDS = {MODEL: "catheter_model", LENGTH: "catheter_length", TIP: "catheter_tip", VOLUME: "line_volume"}


def read_device(form: Form, reading: Reading, stream: str, at: Instant) -> DeviceRecorded | None:
    """The papers of a pump as they were typed; None where they cannot be, also where another chart has its serial number."""
    model = form.chosen("model", pump_sheets())
    serial = form.needed("serial", short("serial"), label="serial number")
    taken = {standing.serial for standing in all_standings(reading.connection) if standing.stream != stream}
    if serial is not None and serial in taken:
        form.refuse("serial", serial, "is that of the pump in another chart")
    texts = {name: form.read(name, short(name)) or "" for name in _TEXTS}
    port = form.chosen("access_port", ("yes", "no"), needed=False)
    if form.errors or model is None or serial is None:
        return None
    return DeviceRecorded(at, model, serial, access_port=_PORT[port or ""], **texts)


def short(name: str) -> Callable[[str], str]:
    """How a text of the device is read, no longer than the database keeps it."""
    return lambda text: fitting(text, name, _LONGEST)


def read_catheter(form: Form) -> Catheter:
    """What was typed of a catheter. What was cut off of it gives its length, and is not to give another one."""
    model = form.chosen("catheter_model", catheter_sheets(), needed=False)
    sheet = catheter_sheets()[model] if model else None
    length = form.read("catheter_length", lambda text: Length.parse(text, LENGTH))
    trimmed = form.read("catheter_trimmed", lambda text: Length.parse(text, "cut off", zero=True))
    if sheet is not None and trimmed is not None and trimmed >= sheet.length:
        form.refuse("catheter_trimmed", str(trimmed), "leaves nothing of the catheter", accepted=(f"less than {sheet.length}",))
    elif sheet is not None and trimmed is not None:
        left = sheet.length - trimmed
        if length is not None and length != left:
            form.refuse("catheter_trimmed", str(trimmed), f"would leave {left}", accepted=("what leaves the length in place",))
        length = left
    elif trimmed is not None:
        form.refuse("catheter_model", "", "is missing: what was cut off of it is given", label=MODEL)
    tip = form.chosen("catheter_tip", TIP_LEVELS, needed=False)
    return Catheter(sheet, length, tip, form.read("line_volume", lambda text: Volume.parse(text, "volume")))


def mark(form: Form, error: InputError | InputErrors, other: str) -> None:
    """Put what is wrong beside the field where it was typed; what is of no field, beside the ``other``."""
    for each in error.errors if isinstance(error, InputErrors) else (error,):
        name = _FIELDS.get(each.field, each.field)
        form.errors.setdefault(name if name in form.values else other, each)


@PAGES.post("/person/{stream}/device", "identify")
def write_device(ask: Ask, stream: str) -> Response:
    """The papers of the pump in place."""
    need(ask, "record")
    form = ask.form
    with ask.practice.reading() as reading:
        history, _ = history_of(reading, stream)
        at, look = past(ask, "device_at", reading), reading.look(history)
        device = read_device(form, reading, stream, at)
    model, sheet, pump = form.text("model"), look.sheet, pump_in_place(look.known)
    if pump is not None and at.date(look.zone) < pump.at.date(look.zone):
        day = pump.at.date(look.zone)
        form.refuse("device_at", str(at.date(look.zone)), "is before the pump in place was put in", accepted=(f"{day} or later",))
    if sheet is not None and model in pump_sheets() and model != sheet.name:
        problem = "is not the model in place by the chart; a replacement is written down as an operation"
        form.refuse("model", model, problem, accepted=(sheet.name,))
    if form.errors or device is None:
        return ask.again("person.html", **person_values(ask, stream))
    entries = papers_of(device, ask.account.full_name)
    ask.practice.write(stream, form.seen, entries, ask.by, "wrote down the device")
    left = "" if device.site else " Not complete yet: where the pump lies (DEV-01)."
    return ask.go(f"/person/{stream}#device", f"The device is on record.{left}")


@PAGES.post("/person/{stream}/line", "identify")
def write_line(ask: Ask, stream: str) -> Response:
    """That the volume of the catheter is not known; or what it is, by its lengths or as measured, and how somebody knows."""
    need(ask, "record")
    form = ask.form
    with ask.practice.reading() as reading:
        history, _ = history_of(reading, stream)
        look, now = reading.look(history), reading.now
    known = form.chosen("line_known", ("no", "yes"))
    how = form.needed("line_how", lambda text: plain_text(text, "how"), label="how somebody knows, or why nobody does")
    told = read_catheter(form) if known == "yes" else None
    entries: list[Entry] = []
    if known is not None and how is not None and not form.errors:
        entries = [LineUnknown(now, known == "yes", how)]
        try:
            entries += put_right(history, look, told, how) if told is not None else not_known_after_all(history, now, how)
        except (InputError, InputErrors) as error:
            mark(form, error, "line_volume")
    if form.errors:
        return ask.again("person.html", **person_values(ask, stream))
    if told is not None and told.volume is not None:
        entries.insert(0, Documented(now, "catheter volume", by=ask.account.full_name))
    ask.practice.write(stream, form.seen, entries, ask.by, "wrote down the catheter volume")
    said = "The volume of the catheter is known." if known == "yes" else "Not known: no prime and no bridge until it is measured."
    return ask.go(f"/person/{stream}#line", said)
