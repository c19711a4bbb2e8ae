"""Reconciliation: everything that is taken, gone through before anything is prescribed or programmed (INT-01)."""

from collections.abc import Iterator

from thecal.therapy.finding import Finding
from thecal.therapy.look import Look
from thecal.therapy.signs import signs_of
from thecal.timeline import HOUR_S, Instant

_ADVICE = "Go through everything that is taken: prescribed, bought without prescription, herbal; then record it."


def reconciled(look: Look) -> Iterator[Finding]:
    """An order, or a prescription, that no reconciliation came close enough before; in an emergency it is done afterwards."""
    limit, paper = look.limit("INT-01", "age"), look.known.document("reconciliation", look.now)
    for what, at in _gated(look):
        if paper is not None and at.s - paper.at.s <= limit.value * HOUR_S:
            continue
        asked = f"{what}, and {_told(look, paper.at if paper else None)}"
        allowed = f"all medicines reconciled within {limit} before it"
        if emergency(look):
            yield look.found("INT-01", "task", asked, f"{allowed}, in an emergency afterwards", _ADVICE)
        else:
            yield look.passed(limit, asked, allowed, _ADVICE)


def emergency(look: Look) -> bool:
    """Whether waiting could harm: a suspected overdose, an emergency recorded of late, or signs of withdrawal."""
    since_s = look.now.s - round(look.limit("SAF-03", "stopped").value * HOUR_S)
    papers = (look.known.document(name, look.now) for name in ("overdose recorded", "emergency reason"))
    recorded = any(paper is not None and paper.at.s >= since_s for paper in papers)
    return recorded or look.known.present("overdose suspected") or signs_of(look).active_withdrawal


def _told(look: Look, at: Instant | None) -> str:
    return "the medicines were never reconciled" if at is None else f"the medicines were reconciled {look.ago(at)} ago"


def _gated(look: Look) -> Iterator[tuple[str, Instant]]:
    """What a reconciliation comes before: the order that is asked, and the latest prescription of what is taken."""
    if look.asked is not None:
        yield "an order", look.now
    taken = look.known.medicines.values()
    latest = max((prescribed.at for prescribed in taken), default=None)
    if latest is not None:
        names = sorted(prescribed.medicine for prescribed in taken if prescribed.at == latest)
        yield f"{', '.join(names)} taken or changed since {look.ago(latest)} ago", latest
