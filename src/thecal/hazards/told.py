"""Hazards in lines and as data: the list, and one that was played with both halves drawn."""

from collections.abc import Iterable, Iterator
from math import inf
from textwrap import wrap
from typing import Any

from thecal.errors import Refusal
from thecal.hazards.catalogue import ANSWERS, Hazard, severities
from thecal.hazards.document import MeasureTable
from thecal.hazards.play import UNITS, Played, Reenacted
from thecal.report.bars import PARTS, bars
from thecal.report.tables import WIDTH, Line
from thecal.report.words import BANNER, digits_text
from thecal.twin.expected import grave

_NAMES = {"happened": "as it happened", "here": "here"}
_NEVER = "not at all"


def list_lines(hazards: Iterable[Hazard]) -> Iterator[Line]:
    """Every hazard on a line, and what the words of the answers mean."""
    for hazard in hazards:
        yield Line(f"{hazard.id}  {hazard.kind:<6}  {hazard.answer:<15}  {hazard.title}")
    yield Line("")
    for word, meaning in ANSWERS.items():
        yield Line(f"{word:<16}{meaning}", "note")
    yield Line("field: has happened with implanted pumps; thecal hazards H06 plays it as it happened, and here", "note")
    yield Line("defect: users of software report it; a law that a test holds answers it", "note")


def hazard_row(hazard: Hazard) -> dict[str, str]:
    """A hazard as one row of data."""
    names = ("id", "title", "kind", "answer", "source", "harm", "here", "test")
    return {name: getattr(hazard, name) for name in names}


def hazard_lines(hazard: Hazard) -> Iterator[Line]:
    """What happened, why, how bad it was, and what answers it."""
    yield Line(f"{hazard.id}  {hazard.title}", "title")
    told = (
        ("what happened", hazard.happened),
        ("cause", hazard.cause),
        ("harm", f"{hazard.harm} ({severities()[hazard.severity]})"),
        ("source", hazard.source),
        ("answer", f"{hazard.answer}: {hazard.here}"),
        ("what is left", hazard.residual),
        ("still open", hazard.open),
        ("test", hazard.test),
    )
    yield from (line for label, text in told if text for line in _labelled(label, text))


def reenacted_lines(reenacted: Reenacted) -> Iterator[Line]:
    """Both halves: what people do, the dose at the tip over time, what was refused and found; then the numbers."""
    start, to = reenacted.reenactment.shown
    zone = reenacted.reenactment.zone
    rates = [played.rates(start, to, PARTS) for played in reenacted.halves]
    highest = max(rate for each in rates for rate in each)
    for played, each in zip(reenacted.halves, rates, strict=True):
        yield Line("")
        yield Line(_NAMES[played.half.name], "head")
        yield from (Line(f"  {part}") for part in wrap(played.half.story, WIDTH - 2))
        yield Line(
            f"  {bars(each, highest)}  0 to {digits_text(highest)} mcg/day",
            "unsensed" if played.half.name == "happened" else "done",
        )
        yield Line(f"  {start.local_text(zone):<{PARTS - 16}}{to.local_text(zone)}", "note")
        yield from _answers(played)
    yield Line("")
    yield Line(f"{'':<66}{'as it happened':>20}{'here':>18}", "head")
    for measure, happened, here in reenacted.measured:
        first, *more = wrap(measure.says, 64)
        yield Line(f"{first:<66}{value_text(measure, happened):>20}{value_text(measure, here):>18}")
        yield from (Line(f"  {part}") for part in more)
    yield Line("")
    yield from (Line(part, "note") for part in wrap(BANNER, WIDTH))


def value_text(measure: MeasureTable, value: float | None) -> str:
    """A measured number with its unit; a dash where there is no such half."""
    if value is None:
        return "-"
    unit = UNITS[measure.what]
    return _NEVER if value == inf else f"{digits_text(value)} {unit}".strip()


def reenacted_document(hazard: Hazard, reenacted: Reenacted) -> dict[str, Any]:
    """The hazard and what was measured, as data."""
    start, to = reenacted.reenactment.shown
    zone = reenacted.reenactment.zone
    return {
        "schema": 1,
        **hazard_row(hazard),
        "sources": list(reenacted.reenactment.sources),
        "measures": [
            {
                "says": measure.says,
                "unit": UNITS[measure.what],
                "happened": None if happened == inf else round(happened, 6),
                "here": None if here is None or here == inf else round(here, 6),
                "never": [name for name, value in (("happened", happened), ("here", here)) if value == inf],
            }
            for measure, happened, here in reenacted.measured
        ],
        "halves": [
            {
                "half": played.half.name,
                "story": played.half.story,
                "from_local": start.local_text(zone),
                "to_local": to.local_text(zone),
                "tip_mcg_per_day": [round(rate, 6) for rate in played.rates(start, to, PARTS)],
                "refused": refusals(played),
                "found": [f"{at}: {', '.join(words)}" for at, words in looks(played)],
            }
            for played in reenacted.halves
        ],
    }


def refusals(played: Played) -> list[str]:
    """What was refused: by a rule as the answer to what was asked, or by a door to what was written."""
    told = [str(refused.refusal) for refused in played.trace.refused]
    told += [str(answer) for _, answer in played.findings if isinstance(answer, Refusal)]
    return told + [answer for answer in played.answers if answer]


def looks(played: Played) -> list[tuple[str, list[str]]]:
    """(when, what the rules find that is graver than advice, and what the look is after besides)."""
    told = []
    for look, findings in played.findings:
        if isinstance(findings, Refusal):
            continue
        also = {f"{finding.rule} {finding.severity}" for finding in findings} & set(look.also)
        told.append((look.at.local_text(played.case.zone), [*grave(findings), *sorted(also)]))
    return told


def _answers(played: Played) -> Iterator[Line]:
    for text in refusals(played):
        yield from (Line(part, "refused") for part in wrap(f"  x  {text}", WIDTH, subsequent_indent="     "))
    for at, words in looks(played):
        told = f"  -  {at} the rules find {', '.join(words) or 'nothing'}"
        yield from (Line(part, "information") for part in wrap(told, WIDTH, subsequent_indent="     "))


def _labelled(label: str, text: str) -> Iterator[Line]:
    first, *more = wrap(text, WIDTH - 15)
    yield Line(f"{label:<15}{first}")
    yield from (Line(f"{'':<15}{part}") for part in more)
