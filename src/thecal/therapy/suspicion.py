"""Suspicion: what on a chart says that the effect was lost, or is too much, and since when; and what the pump says of itself."""

from collections.abc import Iterator
from dataclasses import dataclass

from thecal.chart.facts import Implanted, PumpReplaced, ResidualMeasured, Revised
from thecal.therapy.diagnosis import EXCESS, LOSS, Course
from thecal.therapy.known import Known
from thecal.therapy.look import Look
from thecal.therapy.refill import SMALL_RESERVOIR
from thecal.therapy.rules import Limit
from thecal.therapy.scores import read_score
from thecal.therapy.service import last_report, pump_in_place
from thecal.therapy.titration import rises_without_response
from thecal.timeline import DAY_S, HOUR_S, Instant

CHECKLIST = "troubleshooting"
STALL = "motor stall"
TONE_UP = frozenset({"return of spasticity", "rebound rigidity"})
AUTONOMIC = frozenset(
    {"fever", "hyperthermia", "tachycardia", "labile blood pressure", "altered mental state", "piloerection", "hallucinations"}
)
LIMP = frozenset({"flaccid tone", "rostral hypotonia"})
SLEEPY = frozenset({"somnolence", "coma", "respiratory depression"})
_SCALES = ("ashworth-0-4", "ashworth-1-5", "modified-ashworth", "penn-frequency")
_EXPLICIT, _SUSPECTED, _FELT, _MEASURED, _DEVICE = range(5)


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A course to search for, since when, and what on the chart says so: the lower its ``rank``, the more directly."""

    course: Course
    since: Instant
    why: tuple[str, ...]
    rank: int


@dataclass(frozen=True, slots=True)
class _Sign:
    rank: int
    course: Course
    since: Instant
    why: str


def suspicion(look: Look) -> Suspicion | None:
    """What to search for, by the most direct of what the chart says; None where it says nothing, or no pump is in place.

    Of two courses that are told as directly, the excess comes first.
    """
    both = [found for found in (suspected(look, EXCESS), suspected(look, LOSS)) if found is not None]
    return min(both, key=lambda found: found.rank, default=None)


def suspected(look: Look, course: Course) -> Suspicion | None:
    """Whether a course is suspected, whatever else is; None where nothing on the chart says so, or no pump is in place.

    A course that a person has named counts from when it was named last: naming it again begins anew. One that was denied, and
    all that was seen before a revision or another pump, counts no more.
    """
    if pump_in_place(look.known) is None:
        return None
    signs = [sign for sign in _signs(look) if sign.course == course and sign.since >= _denied(look.known, course)]
    if signs:
        repaired = _repaired(look.known, min(sign.since for sign in signs))
        signs = [sign for sign in signs if sign.since >= repaired]
    if not signs:
        return None
    signs.sort(key=lambda sign: (sign.rank, sign.since, sign.why))
    first = signs[0]
    since = first.since if first.rank == _EXPLICIT else min(sign.since for sign in signs)
    return Suspicion(course, since, tuple(dict.fromkeys(sign.why for sign in signs)), first.rank)


def emergency_signs(look: Look, course: Course) -> tuple[str, ...]:
    """TRB-01: the signs of a withdrawal or an overdose in the making, where both kinds are there; none otherwise."""
    window = look.limit("TRB-01", "window").value
    pump = pump_in_place(look.known)
    if pump is None:
        return ()
    since = max(look.now.s - round(window * HOUR_S), pump.at.s)
    there = look.known.symptoms_since(Instant(since)).keys()
    kinds = (TONE_UP, AUTONOMIC) if course == LOSS else (LIMP, SLEEPY)
    return tuple(sorted(there & (kinds[0] | kinds[1]))) if all(there & kind for kind in kinds) else ()


def stalls_outside_scanners(look: Look) -> tuple[Instant, ...]:
    """TRB-13: when the pump in place noticed that its rotor stood still, and no scan was near."""
    near_s = look.limit("TRB-13", "near a scan").value * HOUR_S
    return tuple(at for at in _stalls(look.known) if not any(abs(scan.at.s - at.s) <= near_s for scan in look.known.scans))


def residual_off(look: Look) -> tuple[ResidualMeasured, Limit] | None:
    """TRB-03: the last residual of the pump in place, if it was off by more than its limit and nobody explained it."""
    pump, residual = pump_in_place(look.known), look.known.residuals[-1] if look.known.residuals else None
    if pump is None or residual is None or residual.expected is None or residual.first or residual.at < pump.at:
        return None
    limit = look.limit("TRB-03", "small reservoir" if residual.reservoir <= SMALL_RESERVOIR else "large reservoir")
    explained = look.known.document("residual explained", look.now)
    if explained is not None and explained.at >= residual.at:
        return None
    return (residual, limit) if abs(residual.measured.nl - residual.expected.nl) > limit.value * 10**6 else None


def _signs(look: Look) -> Iterator[_Sign]:
    known = look.known
    for course in (LOSS, EXCESS):
        answered = known.answers.get((CHECKLIST, course))
        if answered is not None and answered.yes:
            yield _Sign(_EXPLICIT, course, answered.at, f"{course}, as a person says")
    suspected: tuple[tuple[str, Course], ...] = (("withdrawal suspected", LOSS), ("overdose suspected", EXCESS))
    for condition, course in suspected:
        if known.present(condition):
            yield _Sign(_SUSPECTED, course, known.conditions[condition].at, condition)
    yield from _felt(look)
    yield from _worse(look)
    lately_s = look.limit("TRB-01", "search").value * DAY_S
    if known.doses and look.since(known.doses[-1].at).s <= lately_s and _unanswered_rises(look):
        yield _Sign(_MEASURED, LOSS, known.doses[-1].at, "rises of the dose brought no response")
    yield from _of_device(look)


def _unanswered_rises(look: Look) -> bool:
    return rises_without_response(look) >= max(look.limit("TIT-12", "rises").value, 1)


def _felt(look: Look) -> Iterator[_Sign]:
    """Every report, not too long ago, of a symptom that is still there."""
    since = Instant(max(look.now.s - round(look.limit("TRB-01", "search").value * DAY_S), Instant.FIRST))
    there = look.known.symptoms_since(since)
    for report in look.known.symptoms:
        if report.at < since or report.symptom not in there or not report.grade:
            continue
        if report.symptom in TONE_UP:
            yield _Sign(_FELT, LOSS, report.at, f"{report.symptom} was reported")
        elif report.symptom in LIMP | SLEEPY:
            yield _Sign(_FELT, EXCESS, report.at, f"{report.symptom} was reported")


def _worse(look: Look) -> Iterator[_Sign]:
    """Every score of tone or spasms that is above its lowest on a dose that has not changed, where the last one is."""
    if not look.known.doses or look.known.dose is None:
        return
    begun, limit = look.known.doses[-1].at, look.limit("TRB-01", "worse").value
    rows: dict[str, list[tuple[Instant, float]]] = {}
    for fact in look.known.assessments:
        for name, score in (("Ashworth of the legs", fact.ashworth_legs), ("spasm frequency", fact.spasm_penn)):
            if score is not None and fact.at > begun:
                rows.setdefault(name, []).append((fact.at, score))
    for scale in _SCALES:
        for scored in look.known.scores.get(scale, ()):
            if scored.at > begun:
                name = f"{scale} {scored.part or ''}".strip()
                rows.setdefault(name, []).append((scored.at, float(read_score(scale, scored.score, part=scored.part).order)))
    for name, scores in sorted(rows.items()):
        lowest = min(score for _, score in scores)
        last = max(score for at, score in scores if at == scores[-1][0])
        for at, score in scores if last - lowest >= limit else ():
            if score - lowest >= limit:
                yield _Sign(_MEASURED, LOSS, at, f"{name} rose by {last - lowest:g} on the same dose")


def _of_device(look: Look) -> Iterator[_Sign]:
    off = residual_off(look)
    if off is not None and off[0].expected is not None:
        course = LOSS if off[0].measured > off[0].expected else EXCESS
        yield _Sign(_DEVICE, course, off[0].at, f"a residual of {off[0].measured} where {off[0].expected} was expected")
    for at in stalls_outside_scanners(look):
        yield _Sign(_DEVICE, LOSS, at, f"the pump stalled on {at.local_text(look.zone)}, outside a scanner")


def _stalls(known: Known) -> Iterator[Instant]:
    """When the pump in place noticed a stall: by what each report's log holds that no report before held."""
    pump, logged = pump_in_place(known), 0
    noticed: set[Instant] = set()
    for read in known.interrogations if pump else ():
        if pump is None or read.at < pump.at:
            continue
        new = max(read.report.logged - logged, 0)
        noticed |= {event.at for event in (read.report.log[-new:] if new else ()) if event.kind == f"{STALL} alarm"}
        logged = max(read.report.logged, logged)
    report = last_report(known)
    if report is not None and STALL in report.alarms and not noticed:
        noticed.add(report.at)
    yield from sorted(noticed)


def _denied(known: Known, course: Course) -> Instant:
    answered = known.answers.get((CHECKLIST, course))
    return answered.at if answered is not None and not answered.yes else Instant(Instant.FIRST)


def _repaired(known: Known, back_to: Instant) -> Instant:
    """The last operation on the system, looked for no further back than an instant."""
    for fact in reversed(known.chart.facts):
        if fact.at < back_to:
            break
        if isinstance(fact, Revised | PumpReplaced | Implanted):
            return fact.at
    return Instant(Instant.FIRST)
