"""Authorizations: whether a payer's leave still counts when what it is for will be done (BIL-14)."""

from collections.abc import Iterator

from thecal.chart.clinical import Booked, Documented
from thecal.therapy.claims import discarding
from thecal.therapy.finding import Finding
from thecal.therapy.look import Look
from thecal.therapy.service import booked
from thecal.timeline import DAY_S

AUTHORIZATION, OF_REPLACEMENT = "authorization", "replacement authorization"
_VISITS = "refill", "home refill", "replacement"


def authorized(look: Look) -> Iterator[Finding]:
    """BIL-14: every refill or replacement that is booked, what has expired without one, and drug that was discarded."""
    ahead = [visit for name in _VISITS for visit in booked(look, name)]
    for visit in sorted(ahead, key=lambda one: (one.on, one.visit)):
        yield from _for(look, visit)
    if not ahead:
        yield from _expired(look)
    yield from discarding(look)


def _for(look: Look, visit: Booked) -> Iterator[Finding]:
    paper, limit = _paper(look, visit.visit), look.limit("BIL-14", "ahead")
    day = visit.on.date(look.zone)
    if paper is None:
        if look.clinic.payers:
            asked = f"a {visit.visit} on {day} without an authorization"
            yield look.found("BIL-14", "task", asked, "an authorization that counts then", "Ask the payer for it.", visit.on)
        return
    if paper.until is None or paper.until.s - visit.on.s >= limit.value * DAY_S:
        return
    ends = "has ended" if paper.until < look.now else "ends"
    asked = f"the authorization {ends} on {paper.until.date(look.zone)}, and a {visit.visit} is booked for {day}"
    allowed = f"an authorization that counts for {limit} beyond it"
    yield look.passed(limit, asked, allowed, "Renew it before the visit.", min(paper.until, visit.on))


def _expired(look: Look) -> Iterator[Finding]:
    paper = look.known.documents.get(AUTHORIZATION)
    if paper is None or paper.until is None or paper.until >= look.now or look.known.implanted is None or look.known.explanted:
        return
    asked = f"the authorization ended on {paper.until.date(look.zone)}"
    limit = look.limit("BIL-14", "ahead")
    yield look.passed(limit, asked, "an authorization that counts", "Renew it before the next refill is booked.", paper.until)


def _paper(look: Look, visit: str) -> Documented | None:
    """The authorization that a visit goes by: of a replacement its own, where there is one."""
    own = look.known.documents.get(OF_REPLACEMENT) if visit == "replacement" else None
    return own or look.known.documents.get(AUTHORIZATION)
