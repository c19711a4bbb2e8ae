"""Single facts of a chart, written down one at a time; and entries that were wrong, taken back.

The tables of chart documents check what is typed (``twin.fact_tables``): a form takes nothing that a document would refuse.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from starlette.responses import Response

from thecal.chart.chart import Chart
from thecal.chart.contradiction import new_contradictions
from thecal.chart.facts import Fact, Noted
from thecal.chart.vocabulary import Vocabulary, words
from thecal.clinic.booking import free_unbooked
from thecal.clinic.entry import Corrected
from thecal.clinic.history import History, Recorded
from thecal.clinic.person import Person
from thecal.clinic.practice import Reading
from thecal.clinic.standing import Standing, standing_of
from thecal.clinic.timeline_words import TimelineRow, entry_text, timeline_row
from thecal.clinic.visit_writing import taken_back
from thecal.errors import InputError, InputErrors, Refusal, nearest_name
from thecal.therapy.scales import scales
from thecal.timeline import Instant
from thecal.twin.fact_tables import FACT_TABLES, FactTable
from thecal.twin.fields import plain_text
from thecal.web.ask import Ask
from thecal.web.chart import called, history_of
from thecal.web.form import Form
from thecal.web.guard import NotFoundError
from thecal.web.route import Pages

PAGES = Pages()
Options = list[tuple[str, str]]
Shape = Literal["text", "area", "choice", "number", "whole", "yes", "time"]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a kind of fact: its key in the table, how it is asked for, and what may be chosen."""

    name: str
    label: str
    shape: Shape = "text"
    needed: bool = True
    hint: str = ""
    options: Callable[[], Options] | None = None

    @property
    def choices(self) -> Options:
        """What may be chosen."""
        return self.options() if self.options is not None else []


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fact that can be written down by itself; ``table`` is the kind of a chart document (none of a note)."""

    label: str
    table: str
    fields: tuple[Field, ...]


def _words(vocabulary: Vocabulary) -> Callable[[], Options]:
    """The words of a vocabulary, by what they say in full."""
    return lambda: sorted(
        ((word.name, _said(word.name, word.text)) for word in words(vocabulary).values()), key=lambda one: one[0]
    )


def _said(name: str, text: str) -> str:
    return name if name == text else f"{name}: {text}"


def _scales() -> Options:
    return [(name, f"{scale.text} ({scale.range_text()})") for name, scale in sorted(scales().items())]


def _parts() -> Options:
    return sorted({(part, part) for scale in scales().values() for part in scale.parts})


def _measures() -> Options:
    return [
        (word.name, f"{word.text}, {word.low:,g} to {word.high:,g} {word.unit}") for _, word in sorted(words("measures").items())
    ]


_GRADES: Options = [("0", "0, gone"), ("1", "1, mild"), ("2", "2, moderate"), ("3", "3, severe")]
_ROUTES: Options = [(route, route) for route in ("oral", "intrathecal", "intravenous", "injection", "spray")]
_PRESENT: Options = [("yes", "it is there"), ("no", "it is there no longer")]
_TONES: Options = [("single", "single tone"), ("two-tone", "two tones")]
KINDS: Mapping[str, Kind] = {
    "score": Kind("a score on a scale", "score", (
        Field("scale", "Scale", "choice", options=_scales),
        Field("score", "Score", hint="as it is written on that scale, such as 1+ or 4"),
        Field("part", "Part of the scale", "choice", needed=False, hint="of a scale that has parts", options=_parts),
        Field("rater", "Rated by", needed=False),
    )),
    "symptom": Kind("a symptom", "symptom", (
        Field("symptom", "Symptom", "choice", options=_words("symptoms")),
        Field("grade", "How much", "whole", options=lambda: _GRADES),
    )),
    "measure": Kind("a measurement", "measured", (
        Field("measure", "Measure", "choice", options=_measures),
        Field("value", "Value with its unit", hint="such as 97 % or 37.2 C"),
    )),
    "started": Kind("a medicine, started or changed", "prescribed", (
        Field("medicine", "Medicine", "choice", options=_words("medicines")),
        Field("dose", "Dose of a day with its unit", hint="such as 30 mg/day; units of an injection, sprays/day of a spray"),
        Field("doses_a_day", "In how many doses", "whole", needed=False, hint="1 to 24; empty: 1"),
        Field("route", "Route", "choice", needed=False, hint="empty: its only one, or oral", options=lambda: _ROUTES),
        Field("indication", "What for", needed=False),
        Field("form", "Form", needed=False, hint="such as tablets, solution"),
        Field("strength", "Strength", needed=False, hint="as on the prescription, such as 5 mg/5 mL"),
        Field("ml_per_dose", "Of a liquid, mL per dose", "number", needed=False),
    )),
    "stopped": Kind("a medicine, stopped", "discontinued", (
        Field("medicine", "Medicine", "choice", options=_words("medicines")),
    )),
    "condition": Kind("a condition", "condition", (
        Field("condition", "Condition", "choice", options=_words("conditions")),
        Field("present", "So or not", "yes", options=lambda: _PRESENT),
    )),
    "document": Kind("a document on file", "document", (
        Field("document", "Document", "choice", options=_words("documents")),
        Field("until", "Counts until", "time", needed=False, hint="empty: no end"),
        Field("by", "Written or given by", needed=False),
    )),
    "note": Kind("a note", "", (Field("text", "Note", "area", hint="without the name of a person: it stands in the record"),)),
    "alarm": Kind("an alarm that was heard", "alarm", (Field("tone", "Sound", "choice", options=lambda: _TONES),)),
    "scan": Kind("an MRI that was done", "scan", (
        Field("tesla", "Field strength in T", "number", needed=False, hint="such as 1.5; empty: not known"),
        Field("infusion_off", "For how long no infusion is known", needed=False, hint="such as 2 h; empty: not known"),
    )),
    "visited": Kind("a visit that was", "visited", (
        Field("visit", "Visit", "choice", options=_words("visits")),
        Field("who", "With", needed=False, hint="the clinician"),
    )),
}  # fmt: skip
"""Every kind of single fact, by the name that the address gives it."""


@PAGES.get("/chart/{stream}/record", "record")
def record_page(ask: Ask, stream: str) -> Response:
    """First which kind of fact, then its fields."""
    values = _values(ask, stream, ask.query("kind"))
    ask.audit("opened the chart to write", stream)
    return ask.page("record_fact.html", **values)


def _values(ask: Ask, stream: str, kind: str) -> dict[str, Any]:
    with ask.practice.reading() as reading:
        history, person = history_of(reading, stream)
    return {
        "stream": stream,
        "name": called(ask, person, stream),
        "seen": history.version,
        "kinds": [(name, known.label) for name, known in KINDS.items()],
        "kind": kind if kind in KINDS else "",
        "fields": KINDS[kind].fields if kind in KINDS else (),
        "label": KINDS[kind].label if kind in KINDS else "",
    }


@PAGES.post("/chart/{stream}/record", "record")
def record(ask: Ask, stream: str) -> Response:
    """Write one fact down, once the table of its kind takes it and nothing on the chart contradicts it."""
    kind = ask.form.chosen("kind", KINDS)
    with ask.practice.reading() as reading:
        history, person = history_of(reading, stream)
        facts = _facts(ask.form, KINDS[kind], reading) if kind is not None else []
        if facts and not ask.form.errors:
            check_new(ask.form, history.chart, facts, person)
        said = "; ".join(entry_text(fact, reading.zone) for fact in facts)
    if ask.form.errors or not facts or kind is None:
        return ask.again("record_fact.html", **_values(ask, stream, kind or ""))
    ask.practice.write(stream, ask.form.seen, facts, ask.by, "wrote down a fact", detail=kind)
    return ask.go(f"/chart/{stream}/record", f"Written down: {said}.")


def _facts(form: Form, kind: Kind, reading: Reading) -> list[Fact]:
    """The facts that were typed; none where a field cannot be read, which is then an error of that field."""
    at = when_it_was(form, reading)
    if not kind.table:
        text = form.needed("text", lambda typed: plain_text(typed, "note"))
        return [Noted(at, text)] if text else []
    table: dict[str, Any] = {"kind": kind.table, "at": at.local(reading.zone)}
    for field in kind.fields:
        if not form.text(field.name):
            if field.needed:
                form.refuse(field.name, "", "is missing", label=field.label)
            continue
        with form.reading(field.name):
            table[field.name] = _typed(field, form.text(field.name), reading.zone)
    if form.errors:
        return []
    try:
        checked = FACT_TABLES[kind.table].model_validate(table, context={"zone": reading.zone})
        assert isinstance(checked, FactTable)  # every table of facts is one
        return list(checked.facts())
    except ValidationError as errors:
        for found in errors.errors(include_url=False):
            name = str(found["loc"][0]) if found["loc"] else "kind"
            form.errors.setdefault(name, _problem(name, found))
    except InputError as error:
        form.errors.setdefault(error.field if error.field in table else kind.fields[0].name, error)
    return []


def when_it_was(form: Form, reading: Reading) -> Instant:
    """When it was: now where nothing was typed. What is to come is booked."""
    at = form.instant("at", reading.zone, needed=False)
    if at is not None and at > reading.now:
        form.refuse("at", at.local_text(reading.zone), "is in the future: what is to come is booked, not written down")
    return at or reading.now


def _typed(field: Field, text: str, zone: ZoneInfo) -> object:
    """What was typed as a document would hold it. Raises InputError."""
    match field.shape:
        case "whole" if text.isdecimal() and len(text) < 10:
            return int(text)
        case "number" if _is_number(text):
            return float(text)
        case "yes" if text in ("yes", "no"):
            return text == "yes"
        case "time":
            return Instant.parse(text.replace("T", " "), zone, field.label).local(zone)
        case "whole" | "number" | "yes":
            accepted = [key for key, _ in field.choices] or ["a plain number"]
            raise InputError(field.label, text, "cannot be read", accepted=accepted)
        case _:
            return text


def _is_number(text: str) -> bool:
    whole, _, part = text.partition(".")
    return whole.isdecimal() and (not part or part.isdecimal()) and text.isascii() and len(text) < 20


def _problem(name: str, found: Any) -> InputError:
    """One of pydantic's findings as our error."""
    if found["type"] == "input":
        error: InputError = found["ctx"]["error"]
        return error
    bounds = {
        "greater_than": "more than",
        "greater_than_equal": "at least",
        "less_than": "less than",
        "less_than_equal": "at most",
    }
    text, field = str(found["input"]), name.replace("_", " ")
    if found["type"] in bounds:
        (bound,) = found["ctx"].values()
        return InputError(field, text, "is out of range", accepted=(f"{bounds[found['type']]} {bound:g}",))
    if found["type"] == "literal_error":
        allowed = [part.strip("'") for part in found["ctx"]["expected"].replace(" or ", ", ").split(", ")]
        return InputError(field, text, "is not accepted", accepted=allowed, nearest=nearest_name(text, allowed))
    return InputError(field, text, f"cannot be read: {found['msg']}")


def check_new(form: Form, chart: Chart, facts: Sequence[Fact], person: Person | None) -> None:
    """What the chart of a person contradicts is not written beside it."""
    new = new_contradictions(chart.facts, facts, person.born if person is not None else None)
    with form.reading("at"):
        if new:
            raise InputErrors(InputError("it", "", f"contradicts the chart: {found.problem}") for found in new)


# What was wrong --------------------------------------------------------------------------------------------------------


@PAGES.get("/chart/{stream}/correct/{version}", "record")
def correct_page(ask: Ask, stream: str, version: str) -> Response:
    """What an entry says, and what changes when it is taken back."""
    values = _correction(ask, stream, version)
    ask.audit("opened an entry to take it back", stream, f"entry {version}")
    return ask.page("correct.html", **values)


def _correction(ask: Ask, stream: str, version: str) -> dict[str, Any]:
    with ask.practice.reading() as reading:
        history, person = history_of(reading, stream)
        row = next((row for row in history.rows if str(row.version) == version), None)
        if row is None:
            raise NotFoundError(f"{stream} has no entry {version}.")
        shown = timeline_row(history, row, reading.zone)
        written = taken_back(history, row.version, "", reading.now)
        changes = _changes(history, row, reading) if shown.may_be_taken_back else []
    return {
        "stream": stream,
        "name": called(ask, person, stream),
        "seen": history.version,
        "row": shown,
        "changes": changes,
        "again": _why_not(shown, written if isinstance(written, Refusal) else None),
    }


def _why_not(row: TimelineRow, refusal: Refusal | None) -> str:
    """Why an entry cannot be taken back; empty where it can."""
    if row.taken_back is not None:
        return "It was taken back already."
    if not row.may_be_taken_back:
        return "A correction is not taken back: write down again what counts after all."
    return f"It ended a visit, and another one is open. {refusal.advice}" if refusal is not None else ""


def _changes(history: History, row: Recorded, reading: Reading) -> list[tuple[str, str, str]]:
    """What the clinic sees of the person, with the entry and without it: (what, now, then)."""
    correction = Recorded(history.version + 1, Corrected(reading.now, row.version, ""), "", reading.now)
    after = History(history.stream, (*history.rows, correction))
    look, recalls = reading.look(after), reading.recalls()
    now, then = standing_of(history, reading.look(history), recalls), standing_of(after, look, recalls)
    shown = zip(_shown(now, reading.zone), _shown(then, reading.zone), strict=True)
    return [(what, was, will) for (what, was), (_, will) in shown if was != will]


def _shown(standing: Standing, zone: ZoneInfo) -> list[tuple[str, str]]:
    def day(at: Instant | None) -> str:
        return at.date(zone).isoformat() if at is not None else "none"

    return [
        ("state", standing.state),
        ("pump", standing.model or "none"),
        ("daily dose, ordered", str(standing.dose or "none known")),
        ("concentration", str(standing.concentration or "none known")),
        ("filled", day(standing.filled)),
        ("refill by", day(standing.refill_by)),
        ("empty at the earliest", day(standing.empty)),
        ("booked", day(standing.booked)),
        ("to be done", "; ".join(sorted(f"{item.rule}: {item.asked}" for item in standing.items)) or "nothing"),
    ]


@PAGES.post("/chart/{stream}/correct/{version}", "record")
def correct(ask: Ask, stream: str, version: str) -> Response:
    """Take an entry back, and say why. It stays in the timeline, and counts no longer."""
    values = _correction(ask, stream, version)
    why = ask.form.needed("why", lambda text: plain_text(text, "why"))
    if values["again"]:
        ask.form.refuse("why", "", values["again"][:1].lower() + values["again"][1:].rstrip("."), label="it")
    if ask.form.errors or why is None:
        return ask.again("correct.html", **values)
    entry = Corrected(ask.practice.now, int(version), why)
    practice, detail = ask.practice, f"entry {version}"
    free = partial(free_unbooked, practice, stream=stream)
    practice.write(stream, ask.form.seen, [entry], ask.by, "took an entry back", detail=detail, also=free)
    return ask.go(f"/chart/{stream}#timeline", f"Entry {version} was taken back.")
