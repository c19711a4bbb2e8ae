"""docs/hazards.md: each hazard, both halves in numbers, what answers it; ``make hazards`` writes it."""

from collections.abc import Iterator

from tests.command import ROOT
from tests.hazards.played import played
from thecal.hazards.catalogue import ANSWERS, Hazard, hazards, severities
from thecal.hazards.play import Reenacted
from thecal.hazards.reenactment import reenactments
from thecal.hazards.told import looks, refusals, value_text
from thecal.report.bars import PARTS, bars
from thecal.report.words import digits_text

DOCUMENT = ROOT / "docs" / "hazards.md"
_REFUSED = 160
_NAMES = {"happened": "as it happened", "here": "here"}
_HEAD = """# Hazards

What has gone wrong with implanted pumps, their programmers and the people around them, and what answers it here. Written by
`make hazards` from the files in `src/thecal/data/hazards`; a test holds that it is what they give.

Each hazard of the field (H01 to H39) is one course of therapy in two halves that both run: **as it happened**, on a pump or by a
way of working that has the hazard in it, and **here**. Both are measured by the same numbers. A bar is one sixty-fourth of the
stretch that is shown, from nothing (a point) to the highest dose of both halves. What users of software report (H40 to H52) is
answered by a law; of those that the clinic answers the tests also build the broken version, which the law must catch.

```console
$ thecal hazards H07 --html weaker.html
$ thecal hazards --json
```

In the first halves the days, the volumes and some doses are chosen so that the point is seen; what is published stands under
sources of each (`thecal hazards H07 --html FILE` shows them). The body's numbers are those of a model
([body.md](body.md)): their order and their time mean something, their size does not. Where people do something in the second
half, they do what thecal has told them in it; thecal cannot make them. Where the first half says `not at all`, nobody asked the
rules in it: there was no software that did.

| answer | |
|---|---|
"""


def text() -> str:
    """The whole page."""
    parts = [_HEAD, *(f"| {word} | {meaning} |\n" for word, meaning in ANSWERS.items())]
    parts.append("\n| hazard | kind | answer |\n|---|---|---|\n")
    parts += [f"| [{one.id}](#{anchor(one)}) {one.title} | {one.kind} | {one.answer} |\n" for one in hazards().values()]
    return "".join([*parts, *(line for one in hazards().values() for line in _section(one))])


def anchor(hazard: Hazard) -> str:
    """Where its section is found."""
    kept = "".join(c for c in f"{hazard.id} {hazard.title}".lower() if c.isalnum() or c in " -")
    return kept.replace(" ", "-")


def _section(hazard: Hazard) -> Iterator[str]:
    yield f"\n## {hazard.id} {hazard.title}\n\n"
    yield f"**What happened**: {hazard.happened}. {_sentence(hazard.cause)}\n"
    yield f"**Harm**: {hazard.harm}; {severities()[hazard.severity]}.\n"
    yield f"Source: {hazard.source}.\n\n"
    yield f"**{_sentence(hazard.answer)[:-1]}**: {hazard.here}. What is left: {hazard.residual}.\n"
    if hazard.open:
        yield f"Still open: {hazard.open}.\n"
    if hazard.id in reenactments():
        yield from _halves(played(hazard.id))
    if hazard.test:
        yield f"\nHeld by [`{hazard.test}`](../{hazard.test.partition('::')[0]}).\n"


def _halves(told: Reenacted) -> Iterator[str]:
    start, to = told.reenactment.shown
    zone = told.reenactment.zone
    rates = [one.rates(start, to, PARTS) for one in told.halves]
    highest = max(rate for each in rates for rate in each)
    for one in told.halves:
        yield f"\n*{_sentence(_NAMES[one.half.name])[:-1]}*: {one.half.story}\n"
        for refusal in refusals(one):
            yield f"- refused {_short(refusal.removeprefix('refused '))}\n"
        for at, words in looks(one):
            yield f"- {at} the rules find {', '.join(words) or 'nothing'}\n"
    yield "\n```\n"
    for one, each in zip(told.halves, rates, strict=True):
        yield f"{_NAMES[one.half.name]:<16}{bars(each, highest)}\n"
    yield f"{'':<16}{start.local_text(zone)} to {to.local_text(zone)}, 0 to {digits_text(highest)} mcg/day at the tip\n```\n\n"
    yield "| | as it happened | here |\n|---|---|---|\n"
    for measure, happened, here in told.measured:
        yield f"| {measure.says} | {value_text(measure, happened)} | {value_text(measure, here)} |\n"


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."


def _short(refusal: str) -> str:
    """The first of it: the rule and what was asked."""
    line = " ".join(refusal.split())
    return line if len(line) <= _REFUSED else f"{line[:_REFUSED].rsplit(' ', 1)[0]} ..."


if __name__ == "__main__":
    DOCUMENT.write_text(text(), encoding="utf-8")
