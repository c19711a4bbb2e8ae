"""Coverage: what a payer asks for, and which papers are missing.

What a payer or a claim asks for stops no treatment: it warns, and the clinical gates stand for themselves (CON-10).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from thecal.chart.vocabulary import words
from thecal.therapy.authorization import authorized
from thecal.therapy.claims import CHECKS as CLAIMS
from thecal.therapy.criteria import State, judged, limits_of
from thecal.therapy.finding import Finding
from thecal.therapy.look import Check, Checks, Look
from thecal.therapy.payers import Criterion, Edition, Payer, Stage, payer_named
from thecal.therapy.profile import UK_CBA, payer_results
from thecal.therapy.service import booked


@dataclass(frozen=True, slots=True)
class Judged:
    """One criterion of a payer: what it asks for, whether that is met or on file at all, and what the chart says."""

    name: str
    asks: str
    state: State
    said: str
    rule: str
    source: str
    confidence: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a payer makes of a chart. ``in_force`` is None where nobody knows since when its criteria count."""

    payer: str
    name: str
    rule: str
    valid_from: date | None
    valid_until: date | None
    in_force: bool | None
    criteria: tuple[Judged, ...]
    missing_documents: tuple[str, ...]
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether all is met; None where something is not on file and nothing is against it."""
        states = {criterion.state for criterion in self.criteria}
        return False if "not met" in states else None if "not on file" in states else True


def coverage(look: Look, payer: str) -> Coverage:
    """Every criterion of a payer, and the papers it wants. Raises InputError for a payer that is not known, with the nearest."""
    known = payer_named(payer)
    edition = known.edition(look.now.date(look.zone))
    stages = _stages_with(look)
    criteria = [criterion for criterion in edition.criteria if criterion.stage in stages]
    judgements, note = _profiled(look, known, edition) if edition.profile else (_judged(look, known, edition, criteria), "")
    return Coverage(
        known.key,
        known.name,
        known.rule,
        edition.first,
        edition.last,
        edition.in_force(look.now.date(look.zone)),
        judgements,
        _missing(look, known, criteria),
        note,
    )


def _judged(look: Look, payer: Payer, edition: Edition, criteria: list[Criterion]) -> tuple[Judged, ...]:
    found = ((criterion, *judged(look, criterion)) for criterion in criteria)
    return tuple(
        Judged(criterion.name, _asks(look, criterion), state, said, payer.rule, edition.source, edition.confidence)
        for criterion, state, said in found
    )


def _profiled(look: Look, payer: Payer, edition: Edition) -> tuple[tuple[Judged, ...], str]:
    """The criteria of a payer whose own rule judges them."""
    asking = replace(look, clinic=replace(look.clinic, payers=(UK_CBA,)))
    (result,) = payer_results(asking)
    states: dict[bool | None, State] = {True: "met", False: "not met", None: "not on file"}
    judgements = tuple(
        Judged(one.asks, one.asks, states[one.met], one.said, payer.rule, edition.source, edition.confidence)
        for one in result.criteria
    )
    return judgements, result.note


def _asks(look: Look, criterion: Criterion) -> str:
    """What it asks for, with the numbers that count in this clinic."""
    limits = limits_of(look, criterion)
    return f"{criterion.text} (counted here: {', '.join(str(limit) for limit in limits)})" if limits else criterion.text


def _missing(look: Look, payer: Payer, criteria: list[Criterion]) -> tuple[str, ...]:
    wanted = dict.fromkeys([*(name for criterion in criteria for name in criterion.documents), *payer.documents])
    return tuple(name for name in wanted if look.known.document(name, look.now) is None)


def _stages_with(look: Look) -> tuple[Stage, ...]:
    """The stages that belong to a chart: those of a first implant, and of a replacement once there is a pump."""
    first: tuple[Stage, ...] = ("before the test", "after the test", "exclusion")
    return (*first, "replacement") if look.known.implanted is not None else first


def _stages_now(look: Look) -> tuple[Stage, ...]:
    """The stages that are asked about now: from the referral to the implant, and again when a replacement is booked."""
    known = look.known
    if known.closed is not None or known.explanted is not None:
        return ()
    if known.implanted is not None:
        return ("replacement",) if booked(look, "replacement") else ()
    if not (known.referred or known.tests or booked(look, "screening test") or booked(look, "implant")):
        return ()
    return ("before the test", "exclusion", "after the test") if known.tests else ("before the test", "exclusion")


def _payer_check(rule: str) -> Check:
    """BIL-01 to BIL-03: what the clinic's payers of that rule would hold against the person, and what they miss."""

    def check(look: Look) -> Iterator[Finding]:
        stages = _stages_now(look)
        for payer in (payer_named(name, "payers") for name in look.clinic.payers):
            if stages and payer.rule == rule:
                yield from _found(look, payer, stages)

    return check


def _found(look: Look, payer: Payer, stages: tuple[Stage, ...]) -> Iterator[Finding]:
    today = look.now.date(look.zone)
    edition = payer.edition(today)
    criteria = [criterion for criterion in edition.criteria if criterion.stage in stages]
    if edition.in_force(today) is False and criteria:
        asked, advice = f"{payer.name}: its criteria do not count on {today}", "Ask the payer for those that do."
        yield look.found(payer.rule, "advise", asked, f"criteria from {edition.first} to {edition.last or 'now'}", advice)
    open_ones = []
    for criterion in criteria:
        state, said = judged(look, criterion)
        if state == "not met":
            asked, advice = f"{payer.name}: {said}", "Record it if it is otherwise, or ask the payer for an exception."
            own = next((limit for limit in limits_of(look, criterion) if limit.rule == payer.rule), None)
            allowed = _asks(look, criterion)
            yield look.found(payer.rule, own.severity if own else "warn", asked, allowed, advice, None, own)
        elif state == "not on file" and criterion.stage != "exclusion":
            open_ones.append(criterion.name)
    papers = [words("documents")[name].text for name in _missing(look, payer, criteria)] if criteria else []
    if open_ones or papers:
        asked = f"{payer.name}: not on file: {'; '.join([*open_ones, *papers])}"
        advice = "Record what is missing, and file the papers, before asking for the authorization."
        yield look.found(payer.rule, "task", asked, "every criterion on the chart, with its papers", advice)


CHECKS: Checks = {
    **{rule: _payer_check(rule) for rule in ("BIL-01", "BIL-02", "BIL-03")},
    **CLAIMS,
    "BIL-14": authorized,
}
