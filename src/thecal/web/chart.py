"""The chart: who it is, what the pump does, what is to be done, all that was written down; today, or as known on a day."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from starlette.responses import Response

from thecal.chart.clinical import Discontinued, Scored
from thecal.chart.line_ledger import line_ledger
from thecal.chart.vocabulary import words
from thecal.clinic.dose_history import dose_history, dose_points
from thecal.clinic.emergency_card import mode_in_place, port_in_place, serial_in_place, uncertain_words
from thecal.clinic.entry import DeviceRecorded, LineUnknown, VisitAbandoned, VisitBegun, VisitClosed
from thecal.clinic.history import History
from thecal.clinic.item import Item
from thecal.clinic.paper import recorded, three_figures
from thecal.clinic.people import ERASED, person_of
from thecal.clinic.person import Person
from thecal.clinic.practice import CHART, Reading
from thecal.clinic.prediction import Prediction, prediction
from thecal.clinic.pump_words import line_words
from thecal.clinic.refill_note import residual_row
from thecal.clinic.standing import Standing, standing_of
from thecal.clinic.timeline_words import prescribed_text, timeline
from thecal.errors import InputError
from thecal.programmer.printout import gain_words
from thecal.report.words import fact_text
from thecal.therapy.gain import pump_gain
from thecal.therapy.look import Look
from thecal.therapy.pathway import pathway
from thecal.therapy.scales import scales
from thecal.therapy.scores import read_score, score_of
from thecal.therapy.service import last_report, pump_in_place
from thecal.timeline import Instant
from thecal.web.ask import Ask
from thecal.web.guard import NotFoundError
from thecal.web.place import of_visit, place_of
from thecal.web.route import Pages

PAGES = Pages()
_GRADES = ("gone", "mild", "moderate", "severe")
_SHOWN = 20
"""How many of the latest reports of symptoms, alarms and scans are shown; all of them stand in the timeline."""
Rows = list[tuple[str, str]]


def history_of(reading: Reading, stream: str) -> tuple[History, Person | None]:
    """The stream of a chart and who it is. Raises NotFoundError where there is none of that name."""
    history = reading.history(stream)
    person = person_of(reading.connection, stream)
    if not stream.startswith(CHART) or (not history.rows and person is None):
        raise NotFoundError(f"Nobody is on record as {stream}.")
    return history, person


def called(ask: Ask, person: Person | None, stream: str) -> str:
    """What to call somebody: by name for those who may know it, else by pseudonym."""
    return person.name if person is not None and person.name != ERASED and ask.sees("identify") else stream


@dataclass(frozen=True, slots=True)
class Opened:
    """A chart as it was known at an instant: now, or at the end of a day that is past (``as_of``, as it is written)."""

    history: History
    look: Look
    standing: Standing
    person: Person | None
    as_of: str = ""


@PAGES.get("/chart/{stream}", "chart")
def chart_page(ask: Ask, stream: str) -> Response:
    """The whole chart on one page."""
    asked = ask.query("as-of")
    with ask.practice.reading() as reading:
        history, person = history_of(reading, stream)
        at = _end_of(ask, reading, asked) if asked else None
        opened = _then(reading, history, person, at, asked) if at is not None else _now(reading, history, person)
    page = ask.query("page", "1")
    values = _values(ask, opened, int(page) if page.isdecimal() and len(page) < 7 else 1)
    ask.audit("read the chart", stream, f"as known at the end of {asked}" if at is not None else "")
    return ask.page("chart.html", 422 if ask.form.errors else 200, **values)


def _end_of(ask: Ask, reading: Reading, text: str) -> Instant | None:
    """The last second of a day that is past; anything else is an error of the field, and the chart is that of now."""
    ask.form.values = {"as-of": (text,)}
    day, today = ask.form.day("as-of"), reading.now.date(reading.zone)
    if day is None:
        return None
    if day >= today or day.year < 1970:
        accepted = (f"1970-01-01 to {today - timedelta(days=1)}",)
        ask.form.errors["as-of"] = InputError("as of", text, "is no day that is past", accepted=accepted)
        return None
    midnight = datetime.combine(day + timedelta(days=1), time(), reading.zone)
    return Instant(max(int(midnight.timestamp()) - 1, 0))


def _now(reading: Reading, history: History, person: Person | None) -> Opened:
    look = reading.look(history)
    return Opened(history, look, standing_of(history, look, reading.recalls(), reading.open_days), person)


def _then(reading: Reading, history: History, person: Person | None, at: Instant, as_of: str) -> Opened:
    """What was known at an instant: of the chart, of the certificates of the staff, and of field actions."""
    known, look, recalls = reading.known_at(history, at)
    return Opened(known, look, standing_of(known, look, recalls), person, as_of)


def _values(ask: Ask, opened: Opened, page: int) -> dict[str, object]:
    """What the page shows, section by section."""
    history, look, standing = opened.history, opened.look, opened.standing
    doses = dose_history(history)
    return {
        "stream": history.stream,
        "name": called(ask, opened.person, history.stream),
        "person": opened.person if ask.sees("identify") else None,
        "erased": opened.person is not None and opened.person.name == ERASED,
        "about": _about(look),
        "as_of": opened.as_of,
        "at": look.now,
        "s": standing,
        "path": pathway(look),
        "doubt": uncertain_words(look),
        "items": [(item, _links(ask, item, history.stream)) for item in standing.items],
        "pump": _pump(opened) if pump_in_place(look.known) is not None else [],
        "residuals": _residuals(look),
        "gain": gain_words(pump_gain(look.chart, look.sheet)) if look.sheet is not None else "",
        "predicted": _predicted(look),
        "doses": tuple(reversed(doses)),
        "figure_of_doses": _figure(look, "Daily dose as programmed", dose_points(doses, look.now), "mcg/day", {}, steps=True),
        "scores": _series(look),
        "medicines": _medicines(look),
        "symptoms": _symptoms(look),
        "alarms": _alarms(look),
        "line": _line(opened),
        "papers": _papers(look),
        "visits": _visits(history),
        "timeline": timeline(history, look.zone, page),
    }


def _about(look: Look) -> str:
    """Who it is about, without a name."""
    described = look.known.described
    if described is None:
        return ""
    cause = words("causes")[described.cause].text if described.cause in words("causes") else described.cause
    return f"{cause}, spasticity of {described.origin} origin"


def _links(ask: Ask, item: Item, stream: str) -> list[tuple[str, str]]:
    """Where an item is worked on, by those who may: where it is done, and what else helps."""
    place = place_of(item, stream)
    visit, call = item.name.startswith("visit/"), item.name.startswith("pre-visit call/")
    links = [
        ("Emergency page", f"/emergency/{stream}", item.tier == 0 or item.kind == "symptoms", "chart"),
        (place.words, place.address, True, place.right),
        ("Call", f"/call/{stream}", not call and not visit and place.words != "Telephone", "call"),
        (
            "Book",
            f"/book/{stream}{of_visit(item)}",
            item.kind in ("refill", "visit", "end of service") and not visit and place.words != "Book",
            "book",
        ),
        ("Visit", f"/visit/{stream}", not visit and item.kind not in ("telephone", "recall") and place.words != "Visit", "visit"),
        ("Write down what was done", f"/to-do/{stream}", True, "call"),
    ]
    return [(label, address) for label, address, fits, right in links if fits and right in ask.rights]


# The pump --------------------------------------------------------------------------------------------------------------


def _pump(opened: Opened) -> Rows:
    """What is known of the pump in place: by its papers, its last report and its orders."""
    look, standing = opened.look, opened.standing
    device, put_in, report = opened.history.last(DeviceRecorded), pump_in_place(look.known), last_report(look.known)
    assert put_in is not None  # asked before
    rows: list[tuple[str, object | None]] = [
        ("Model", f"{look.sheet.title} ({look.sheet.name})" if look.sheet else None),
        ("Serial number", serial_in_place(look, device)),
        ("In place since", put_in.at.date(look.zone)),
        ("Catheter access port", port_in_place(look, device)),
        ("Filled", f"{standing.fill} on {standing.filled.local_text(look.zone)}" if standing.filled else None),
        ("Concentration", standing.concentration),
        ("Daily dose, ordered", standing.dose),
        ("Programmed", mode_in_place(look)),
    ]
    if report is not None:
        said = report.at.local_text(look.zone)
        calculated = three_figures(report.calculated) if report.calculated is not None else "no volume known to the pump"
        alarms = ", ".join(report.alarms) or "no alarm"
        rows += [(f"Calculated by the pump, {said}", calculated), (f"Alarms, {said}", alarms)]
        rows += [("Low reservoir alarm at", report.low_reservoir)]
    if standing.end_of_service is not None:
        rows.append(("End of service at the latest", standing.end_of_service.date(look.zone)))
    return [(label, recorded(value)) for label, value in rows]


def _residuals(look: Look) -> list[tuple[str, ...]]:
    """Calculated against measured at each refill of the pump in place, the latest first."""
    put_in = pump_in_place(look.known)
    since = put_in.at if put_in is not None else look.now
    return [residual_row(look, residual) for residual in reversed(look.known.residuals) if residual.at >= since]


@dataclass(frozen=True, slots=True)
class Predicted:
    """What follows from the last report: what is left now, and (what is reached, when counted, earliest, latest)."""

    since: Instant
    now: str
    reached: tuple[tuple[str, Instant | None, Instant | None, Instant | None], ...]


def _predicted(look: Look) -> Predicted | None:
    found: Prediction | None = prediction(look, look.now)
    if found is None:
        return None
    dates = (("low reservoir alarm volume", found.alarm), ("nothing left", found.empty))
    reached = tuple((name, when.counted, when.earliest, when.latest) for name, when in dates)
    return Predicted(found.since, found.days[0].in_words(), reached)


def _line(opened: Opened) -> Rows:
    """What lies in tubing and catheter; nothing where its volume is not known."""
    look, unknown = opened.look, opened.history.last(LineUnknown)
    ledger = line_ledger(look.chart) if look.sheet is not None else None
    if unknown is not None and not unknown.known:
        why = "The volume of the catheter is not known: no prime and no bridge without imaging or a monitored start."
        return [("Not known", why)]
    if ledger is None:
        return []
    rows = [("Holds", line_words(ledger)), ("Believed as of", ledger.as_of.local_text(look.zone))]
    if unknown is not None:
        rows.append(("Volume made sure by", recorded(unknown.how)))
    return [*rows, *(("But", text) for text in ledger.cautions)]


# The person ------------------------------------------------------------------------------------------------------------


def _medicines(look: Look) -> list[tuple[str, Instant | None, str]]:
    """What is taken now and since when, then what was stopped and when (``stopped``)."""
    taken = [(prescribed_text(fact), fact.at, "") for _, fact in sorted(look.known.medicines.items())]
    last = {name: rows[-1] for name, rows in look.known.prescriptions.items() if rows}
    stopped = [(name, None, fact.at.date(look.zone).isoformat()) for name, fact in last.items() if isinstance(fact, Discontinued)]
    return [*taken, *sorted(stopped)]


def _symptoms(look: Look) -> list[tuple[Instant, str, str, bool]]:
    """The latest reports, (when, what, how much, whether that is so now)."""
    latest = {report.symptom: report for report in look.known.symptoms}
    shown = list(reversed(look.known.symptoms))[:_SHOWN]
    shown += [report for report in latest.values() if report.grade and report not in shown]
    return [
        (report.at, _named_symptom(report.symptom), _GRADES[report.grade], latest[report.symptom] is report and report.grade > 0)
        for report in shown
    ]


def _named_symptom(name: str) -> str:
    return words("symptoms")[name].text if name in words("symptoms") else name


def _alarms(look: Look) -> list[tuple[Instant, str]]:
    """Alarms that were heard, alarms of the pump's log, and scans, the latest first."""
    return sorted(_alarm_rows(look), key=lambda row: row[0], reverse=True)[:_SHOWN]


def _alarm_rows(look: Look) -> Iterator[tuple[Instant, str]]:
    yield from ((fact.at, f"a {fact.tone} alarm was heard") for fact in look.known.alarms)
    for scan in look.known.scans:
        off = f", no infusion known to have run for {scan.infusion_off}" if scan.infusion_off else ""
        yield scan.at, f"{fact_text(scan, look.zone)}{off}"
    report = last_report(look.known)
    if report is not None:
        alarms = (event for event in report.log if event.severity in ("critical", "non-critical"))
        yield from ((event.at, f"by the pump's log: {event.kind}, {event.text}") for event in alarms)


def _papers(look: Look) -> list[tuple[str, Instant, str, Instant | None, bool]]:
    """The papers: (what, since, by whom, until, whether it counts)."""
    known = sorted(look.known.documents.values(), key=lambda paper: paper.document)
    return [
        (
            words("documents")[paper.document].text if paper.document in words("documents") else paper.document,
            paper.at,
            paper.by or "",
            paper.until,
            paper.until is None or look.now <= paper.until,
        )
        for paper in known
    ]


def _visits(history: History) -> list[tuple[VisitBegun, str]]:
    """The visits that were worked through here, the latest first, and how each ended."""
    ends = {entry.visit: "closed" for entry in history.all(VisitClosed)}
    ends |= {entry.visit: f"given up: {entry.why}" for entry in history.all(VisitAbandoned)}
    return [(begun, ends.get(begun.visit, "open")) for begun in reversed(history.all(VisitBegun))]


# Scores ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Series:
    """The scores on one scale, of one part of the body where it has parts, the latest first; ``figure`` is what is drawn."""

    title: str
    better: str
    rows: tuple[tuple[Instant, str, str], ...]
    figure: dict[str, object] | None

    @property
    def rated(self) -> bool:
        """Whether anybody is on record who rated it."""
        return any(rater for _, _, rater in self.rows)


def _series(look: Look) -> list[Series]:
    """Every scale by itself: scores of different ones, or of other variants, are never drawn or counted together (SAF-09)."""
    found: list[Series] = []
    for name in sorted(look.known.scores):
        facts = look.known.scores[name]
        for part in sorted({fact.part or "" for fact in facts}):
            found += [_of_scale(look, name, part, [fact for fact in facts if (fact.part or "") == part])]
    examined = look.known.assessments
    found += _examined(look, "Ashworth 1 to 5, legs", [(fact.at, fact.ashworth_legs) for fact in examined], (1, 5))
    found += _examined(look, "Ashworth 1 to 5, arms", [(fact.at, fact.ashworth_arms) for fact in examined], (1, 5))
    found += _examined(look, "spasms (Penn, 0 to 4)", [(fact.at, fact.spasm_penn) for fact in examined], (0, 4))
    return found


def _of_scale(look: Look, name: str, part: str, facts: list[Scored]) -> Series:
    scale = scales().get(name)
    title = f"{scale.text if scale else name}{f', {part}' if part else ''}"
    read = [(fact, score_of(fact)) for fact in facts]
    rows = tuple(
        (fact.at, str(score) if score else f"{fact.score}: no score of this scale", fact.rater or "") for fact, score in read
    )
    points = [(fact.at.s, float(score.order)) for fact, score in read if score is not None]
    levels = {level: float(read_score(name, level).order) for level in scale.levels} if scale else {}
    better = f"{scale.better} is better" if scale else ""
    return Series(title, better, rows[::-1], _figure(look, title, points, scale.unit if scale else "", levels))


def _examined(look: Look, title: str, points: list[tuple[Instant, float | None]], ends: tuple[int, int]) -> list[Series]:
    """A mean of an examination, where it was found; ``ends`` are those of its scale."""
    known = [(at, value) for at, value in points if value is not None]
    if not known:
        return []
    rows = tuple((at, f"{value:g}", "") for at, value in reversed(known))
    levels = {str(level): float(level) for level in range(ends[0], ends[1] + 1)}
    return [Series(title, "lower is better", rows, _figure(look, title, [(at.s, value) for at, value in known], "", levels))]


def _figure(
    look: Look,
    title: str,
    points: Sequence[tuple[int, float | None]],
    unit: str,
    levels: dict[str, float],
    *,
    steps: bool = False,
) -> dict[str, object] | None:
    """What the page draws: times in seconds of UTC, and values; None of fewer than two. The ``levels`` of ranks are its axis."""
    if len(points) < 2:
        return None
    times, values = [at for at, _ in points], [value for _, value in points]
    return {
        "title": title, "unit": unit, "zone": look.zone.key, "times": times, "values": values,
        "levels": [[place, level] for level, place in levels.items()], "steps": steps,
    }  # fmt: skip
