"""What a topic comes to for this person: candidacy, the screening test, alternatives, coverage, where a fault is looked for."""

from collections.abc import Callable, Iterator, Mapping
from textwrap import wrap

from thecal.report.tables import Line, Style
from thecal.therapy.bolus import screening_step
from thecal.therapy.candidacy import candidacy
from thecal.therapy.coverage import coverage
from thecal.therapy.diagnosis import Node
from thecal.therapy.look import Look
from thecal.therapy.options import alternatives
from thecal.therapy.response import screening_result
from thecal.therapy.troubleshooting import troubleshooting

_WIDTH = 118


def summary_lines(look: Look, topic: str) -> Iterator[Line]:
    """What a topic comes to; nothing for a topic whose findings say it all."""
    summary = _SUMMARIES.get(topic)
    if summary is not None:
        yield from summary(look)


def _candidacy(look: Look) -> Iterator[Line]:
    found = candidacy(look)
    yield Line(f"candidacy: {found.standing}; route suggested: {found.route.way}", "title")
    for reason in found.reasons:
        yield from _told(f"{reason.rule}  {reason.verdict}: {reason.text}")
    for payer in found.payers:
        yield Line(f"{payer.payer}: {_met(payer.met)}", "head")
        for criterion in payer.criteria:
            yield from _told(f"{_met(criterion.met)}: {criterion.asks}")


def _screening(look: Look) -> Iterator[Line]:
    result, step = screening_result(look), screening_step(look)
    yield Line(f"screening test: {result.clinical} by clinical criteria, {result.payer} by payers'", "title")
    for rule, text in result.reasons:
        yield from _told(f"{rule}  {text}")
    when = f", not before {step.earliest.local_text(look.zone)}" if step.earliest else ""
    following = f"{step.dose} in {step.volume}{when}" if step.dose else "none"
    yield from _told(f"next bolus: {following} ({step.rule}: {step.why})")
    for note in step.notes:
        yield from _told(note)


def _oral(look: Look) -> Iterator[Line]:
    yield Line("tablets and other ways, in their usual order", "title")
    for option in alternatives(look):
        yield Line(f"{option.name} ({option.rule}, {option.line} line){', taken now' if option.taken else ''}", "head")
        for text in (*option.steps, *(f"{limit.name}: {limit}" for limit in option.maxima), *option.notes):
            yield from _told(text)
        for finding in option.against:
            yield from _told(f"against it: {finding.asked} ({finding.rule})", "refused")


def _coverage(look: Look) -> Iterator[Line]:
    if not look.clinic.payers:
        yield Line("no payer is set: name them in a clinic file (--clinic)", "note")
    for name in look.clinic.payers:
        found = coverage(look, name)
        yield Line(f"{found.name} ({found.rule}): {_met(found.met)}", "title")
        for criterion in found.criteria:
            yield from _told(f"{criterion.state}: {criterion.asks} ({criterion.said}) [{criterion.confidence}]")
        if found.missing_documents:
            yield from _told(f"papers missing: {', '.join(found.missing_documents)}", "refused")
        if found.note:
            yield from _told(found.note, "note")


def _troubleshooting(look: Look) -> Iterator[Line]:
    found = troubleshooting(look)
    if found.course is None:
        yield Line("no search for a fault is open", "title")
        return
    yield Line(f"looking for the cause of {found.course}", "title")
    for meaning in found.meanings:
        yield from _told(f"{meaning.rule}  {meaning.means.text}")
    for text in found.meanwhile:
        yield from _told(f"meanwhile: {text}")
    if isinstance(found.next, Node):
        yield from _told(f"next ({found.next.rule}): {found.next.question} Yield: {found.next.yields}")
        for text in (*found.prepare, *(f"do not: {text}" for text in found.next.forbids)):
            yield from _told(text)
    elif found.next is not None:
        yield from _told(f"conclusion ({found.next.rule}): {found.next.where}. {found.next.text} {found.next.advice}")


def _met(met: bool | None) -> str:
    return {True: "met", False: "not met", None: "not decided"}[met]


def _told(text: str, style: Style = "plain") -> Iterator[Line]:
    yield from (Line(f"  {part}", style) for part in wrap(text, _WIDTH - 4, subsequent_indent="    "))


_SUMMARIES: Mapping[str, Callable[[Look], Iterator[Line]]] = {
    "candidacy": _candidacy,
    "screening": _screening,
    "oral": _oral,
    "coverage": _coverage,
    "troubleshooting": _troubleshooting,
}
