"""The pathway: where a person stands in the therapy, and what is due next, from recorded facts and a date alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from thecal.chart.vocabulary import words
from thecal.therapy.due import refill_due
from thecal.therapy.infusing import NO_THERAPY
from thecal.therapy.known import Known
from thecal.therapy.look import Look
from thecal.therapy.refill import RefillPolicy
from thecal.therapy.service import end_of_service
from thecal.therapy.stability import stable
from thecal.timeline import DAY_S, Instant

State = Literal["referred", "assessed", "tested", "implanted", "titrating", "stable", "replacing", "ended"]


@dataclass(frozen=True, slots=True)
class Due:
    """What comes next, by when (None: as soon as it can be), and the rule that asks for it."""

    what: str
    by: Instant | None
    rule: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a person stands since when; what stands beside the path, and what is due, the soonest first.

    ``state`` is None where the chart does not even hold a referral.
    """

    state: State | None
    since: Instant | None
    beside: tuple[str, ...]
    due: tuple[Due, ...]


def pathway(look: Look, policy: RefillPolicy | None = None) -> Standing:
    """Where a person stands. The refill is bounded by ``policy``, that of the rules where none is given."""
    state, since = _state(look)
    due = sorted(_due(look, state, policy or RefillPolicy.default()), key=lambda item: (item.by is not None, item.by or look.now))
    return Standing(state, since, tuple(_beside(look)), tuple(due))


def _state(look: Look) -> tuple[State | None, Instant | None]:
    known = look.known
    ended = _ended(known)
    if ended is not None:
        return "ended", ended
    if known.implanted is not None:
        return _with_pump(look)
    if known.tests:
        return "tested", known.tests[-1].at
    assessed = _assessed(known)
    if assessed is not None:
        return "assessed", assessed
    if known.referred is not None:
        return "referred", known.referred.at
    return None, None


def _ended(known: Known) -> Instant | None:
    """When the therapy, or the way to it, ended, if nothing began again since."""
    ends = [fact.at for fact in (known.closed, known.explanted) if fact is not None]
    begins = [fact.at for fact in (known.referred, known.implanted) if fact is not None]
    begins += [test.at for test in known.tests]
    if not ends:
        return None
    last = max(ends)
    return None if any(begin > last for begin in begins) else last


def _with_pump(look: Look) -> tuple[State, Instant]:
    known = look.known
    assert known.implanted is not None  # asked before
    replacing = end_of_service(look)
    if replacing is not None and replacing.s - look.now.s <= look.limit("EOS-03", "book").value * DAY_S:
        begun = replacing.s - int(look.limit("EOS-03", "book").value * DAY_S)
        return "replacing", Instant(max(begun, known.implanted.at.s))
    placed = known.replaced[-1].at if known.replaced else known.implanted.at
    sessions = [session for session in known.sessions if session.at >= placed]
    running = [session for session in sessions if session.order is not None and not isinstance(session.order, NO_THERAPY)]
    if not running:
        return "implanted", placed
    if stable(known, look.clinic):
        return "stable", known.sessions[-int(look.limit("VIS-03", "visits").value)].at
    return "titrating", running[0].at


def _assessed(known: Known) -> Instant | None:
    """When the last item of the list before a test was answered with yes, if all are."""
    answers = [known.answers.get(("before test", item)) for item in words("checklists")["before test"].items]
    if any(answer is None or not answer.yes for answer in answers):
        return None
    return max(answer.at for answer in answers if answer is not None)


def _beside(look: Look) -> Iterator[str]:
    """What stands beside the path."""
    known = look.known
    for condition, text in _SIDE_PATHS.items():
        if known.present(condition):
            yield text
    if known.chart.uncertain is not None:
        yield "a session of which nobody knows how it ended: interrogate the pump"
    last = known.last_session
    if last is not None and known.explanted is None and isinstance(last.order, NO_THERAPY):
        yield f"the pump is set to {last.order.mode}"
    if known.scans and all(read.at < known.scans[-1].at for read in known.interrogations):
        yield "a scan, and no interrogation since"


def _due(look: Look, state: State | None, policy: RefillPolicy) -> Iterator[Due]:
    match state:
        case None:
            yield Due("a referral for consultation", None, "CAN-11")
        case "referred":
            yield Due("the assessment by physician and therapist", None, "CAN-12")
        case "assessed":
            yield Due("the screening test", None, "SCR-02")
        case "tested":
            yield Due("the result of the test: the next dose, the implant, or another way", None, "SCR-10")
        case "implanted":
            yield Due("the first program", None, "TIT-01")
        case "titrating" | "stable" | "replacing":
            yield from _with_therapy(look, state, policy)
        case "ended":
            return


def _with_therapy(look: Look, state: State, policy: RefillPolicy) -> Iterator[Due]:
    known = look.known
    due = refill_due(look, policy)
    if due is not None:
        yield Due("a refill", due.refill_by, "REF-04")
    replacing = end_of_service(look)
    if state == "replacing" and replacing is not None:
        yield Due("the replacement of the pump", replacing, "EOS-03")
    last_visit = max([visit.at for visit in known.visits if visit.visit in _CLINICIAN], default=None)
    since = last_visit or (known.implanted.at if known.implanted else look.now)
    if state == "titrating":
        seen = max([since, *(session.at for session in known.sessions[-1:])])
        yield Due("a visit to adjust the dose", Instant(seen.s + int(look.limit("VIS-02", "monthly").value * DAY_S)), "VIS-02")
    yield Due("a visit with a clinician", Instant(since.s + int(look.limit("VIS-05", "clinician").value * DAY_S)), "VIS-05")


_CLINICIAN = frozenset({"follow-up", "titration", "assessment"})
_SIDE_PATHS = {
    "withdrawal suspected": "a withdrawal is suspected",
    "overdose suspected": "an overdose is suspected",
    "active infection": "an infection is treated",
    "pocket infection": "the pocket is infected",
    "CSF infection": "the spinal fluid is infected",
    "pregnancy": "a pregnancy",
}
