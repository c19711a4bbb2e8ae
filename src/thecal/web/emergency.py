"""The emergency pages: for somebody who has never seen a pump, and has a person with one before them; nothing is hidden."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

from thecal.clinic.admission_sheet import WHAT_IT_IS, admission_sheet
from thecal.clinic.emergency_card import with_sheet
from thecal.clinic.entry import DeviceRecorded, LineUnknown
from thecal.clinic.history import History
from thecal.clinic.paper import Paper
from thecal.clinic.pdf import paper_pdf
from thecal.clinic.people import person_of
from thecal.clinic.person import Person
from thecal.clinic.practice import CHART, STAFF, Reading
from thecal.errors import InputError, Refusal
from thecal.programmer.printout import Section
from thecal.therapy.check import check
from thecal.therapy.cover import cover_plan, covering
from thecal.therapy.emergency_plan import MAKER_LINES, NOT_RECORDED
from thecal.therapy.finding import Finding
from thecal.therapy.first_actions import work_up
from thecal.therapy.look import Look
from thecal.therapy.plan import PlanStep
from thecal.therapy.restart import interruption, restart_kind
from thecal.therapy.rules import all_rules
from thecal.therapy.withdrawal import COVERING
from thecal.web.ask import Ask
from thecal.web.guard import NotFoundError, plain_page
from thecal.web.route import SIGNED_IN, Pages

PAGES = Pages()
_NEVER_ALONE = "Never rely on drugs by mouth alone: what ends a withdrawal is intrathecal baclofen."
_TITLES: Mapping[str, str] = {
    "call": "Call first",
    "signs": "Signs",
    "too_little": "Too little (withdrawal): first actions",
    "too_much": "Too much (overdose): first actions",
    "no_programmer": "Without a programmer",
    "pump": "The pump",
    "left": "How long it runs",
    "line": "In tubing and catheter",
    "stops": "What can stop it, or harm it",
}
"""The parts of the admission sheet, which the page shows in another order: paper and page never say different things."""


@dataclass(frozen=True, slots=True)
class Cover:
    """What covers a withdrawal until the pump runs again: the drugs, what is known before they are given, when to look again."""

    drugs: tuple[tuple[str, str, str], ...]
    caveats: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    again: tuple[PlanStep, ...] = ()
    notes: tuple[str, ...] = ()
    refused: Refusal | None = None


def history_of(reading: Reading, stream: str) -> History:
    """The history of a chart. Raises NotFoundError for a stream that is no chart, or that nobody has written to or of."""
    history = reading.history(stream) if stream.startswith(CHART) else History(stream)
    if not history.rows and (not stream.startswith(CHART) or person_of(reading.connection, stream) is None):
        raise NotFoundError("There is no chart of that name.")
    return history


def person_shown(ask: Ask, reading: Reading, stream: str) -> Person:
    """Who a chart is about, for those who may know it; else the pseudonym alone."""
    person = person_of(reading.connection, stream) if ask.sees("identify") else None
    return person or Person(stream)


def sheet_of(ask: Ask, reading: Reading, stream: str, history: History) -> Paper:
    """The admission sheet of a chart, as the record knows it now."""
    office, unknown = reading.office, history.last(LineUnknown)
    return admission_sheet(
        reading.look(history),
        person_shown(ask, reading, stream),
        history.last(DeviceRecorded),
        office.by_day,
        office.by_night,
        by=ask.account.full_name,
        clinic=office.name,
        line_known=unknown is None or unknown.known,
    )


@PAGES.get("/emergency", SIGNED_IN)
def emergency_page(ask: Ask) -> Response:
    """What is true of every pump, where no chart is at hand. No number of a chart stands on it."""
    with ask.practice.reading() as reading:
        look = reading.look(History(STAFF))
        parts = _parts(sheet_of(ask, reading, NOT_RECORDED, History(STAFF)))
    parts["call"] = _call(look, ask)
    return ask.page(
        "emergency.html",
        what=WHAT_IT_IS,
        work_up=tuple(work_up("withdrawal")),
        parts=parts,
        stream="",
        person=None,
        cover=_cover_of_anybody(look),
        findings=(),
        interrupted="",
        restart="",
    )


@PAGES.get("/emergency/{stream}", "chart")
def emergency_of(ask: Ask, stream: str) -> Response:
    """The same with what the record says of the pump of one person; what it does not say is ``not recorded``."""
    with ask.practice.reading() as reading:
        history = history_of(reading, stream)
        look = with_sheet(reading.look(history))
        parts, person = _parts(sheet_of(ask, reading, stream, history)), person_shown(ask, reading, stream)
    ask.audit("read the emergency page", stream)
    off, kind = interruption(look), restart_kind(look)
    return ask.page(
        "emergency.html",
        what=WHAT_IT_IS,
        work_up=tuple(work_up("withdrawal")),
        parts=parts,
        stream=stream,
        person=person,
        cover=_cover(look),
        findings=[finding for finding in check(look, "withdrawal") if finding.severity != "task"],
        interrupted=off.in_words(look.now) if off else "",
        restart=kind or "",
    )


@PAGES.get("/emergency/{stream}/admission-sheet", "print")
def admission_sheet_page(ask: Ask, stream: str) -> Response:
    """The admission sheet as a PDF in large print, to be shown or printed by the browser."""
    with ask.practice.reading() as reading:
        paper = sheet_of(ask, reading, stream, history_of(reading, stream))
    try:
        raw = paper_pdf(paper)
    except InputError as error:
        return plain_page(ask, 422, f"{error} The emergency page itself can be printed.")
    ask.audit("printed the admission sheet", stream)
    return ask.file(raw, f"admission-{stream}.pdf", "application/pdf", shown=True)


def _parts(paper: Paper) -> dict[str, Section]:
    by_title = {section.title: section for section in paper.sections}
    return {name: by_title[title] for name, title in _TITLES.items()}


def _call(look: Look, ask: Ask) -> Section:
    """Whom to call where it is not known which pump it is: every maker's line on file."""
    office = ask.practice.office()
    makers = [(f"maker's line, {title}", line) for title, line in MAKER_LINES.get(look.clinic.jurisdiction, {}).items()]
    known = (("clinic by day", office.by_day or NOT_RECORDED), ("clinic by night", office.by_night or NOT_RECORDED))
    return Section("Call first", ("", ""), (*known, *makers))


def _cover(look: Look) -> Cover:
    """The cover of one person, by age, kidneys and what is taken; its emergency steps stand with the first actions."""
    plan = cover_plan(look, look.now)
    if isinstance(plan, Refusal):
        return Cover((), refused=plan)
    drugs = tuple((step.what, step.detail, step.rule) for step in plan.steps if _covers(step))
    again = tuple(step for step in plan.steps if step.what == "Look again")
    return Cover(drugs, (), plan.findings, again, plan.notes)


def _covers(step: PlanStep) -> bool:
    return step.rule in ("WDL-08", "ORL-05")


def _cover_of_anybody(look: Look) -> Cover:
    """The published doses, where nothing is known of the person."""
    drugs = tuple((medicine, covering(look, medicine).in_words(), "WDL-08") for medicine in COVERING)
    kidneys, source = all_rules()["ORL-05"], all_rules()["WDL-08"]
    caveats = (
        f"Kidneys first: {kidneys.statement} (ORL-05)",
        "The doses are for adults: a prescriber for children sets them by weight.",
    )
    notes = (_NEVER_ALONE, f"Doses by WDL-08, confidence {source.confidence}: {source.source}.")
    return Cover(drugs, caveats, notes=notes)
