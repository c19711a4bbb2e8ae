"""Checklists: the items of which an answer ends what a rule finds, tried on the chart; and who answered what last."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from thecal.chart.clinical import Answered
from thecal.chart.vocabulary import Word, words
from thecal.clinic.history import History, Recorded
from thecal.therapy.check import checks_of, eased
from thecal.therapy.finding import Finding
from thecal.therapy.look import Look

Question = tuple[str, str]
"""A checklist and one of its items."""


@cache
def lists_ending(rule: str) -> tuple[Word, ...]:
    """The checklists whose answers may end what a rule finds."""
    return tuple(word for word in words("checklists").values() if rule in word.ends)


def questions(look: Look, finding: Finding, said: tuple[bool, ...] = (True, False)) -> Iterator[Question]:
    """The items that a finding asks for: answered now, each of them ends or changes it. It is tried.

    Of the two answers that one counts which leaves the rule with the least to find, and yes where both do.
    """
    for checklist in lists_ending(finding.rule):
        asked = tuple((checklist.name, item) for item in checklist.items)
        tried = [(yes, _found_then(look, finding, asked, yes=yes)) for yes in said]
        ending = [(len(found), not yes) for yes, found in tried if _words(finding) not in found]
        if ending:
            yes = not min(ending)[1]
            yield from (one for one in asked if _words(finding) not in _found_then(look, finding, (one,), yes=yes))


def _found_then(look: Look, finding: Finding, asked: tuple[Question, ...], *, yes: bool) -> list[tuple[str, str]]:
    """What the rule of a finding finds once these are answered; what counts from an instant to come only is answered then."""
    at = max(look.now, finding.due or look.now)
    answered = with_answers(look, tuple(Answered(at, checklist, item, yes) for checklist, item in asked))
    return [_words(eased(answered, found)) for found in checks_of()[finding.rule](answered)]


def _words(finding: Finding) -> tuple[str, str]:
    return finding.asked, finding.next


def with_answers(look: Look, answers: tuple[Answered, ...]) -> Look:
    """The look with more answers."""
    more = {(answer.checklist, answer.item): answer for answer in answers}
    return replace(look, known=replace(look.known, answers=look.known.answers | more))


@dataclass(frozen=True, slots=True)
class Line:
    """An item of a checklist: its ``last`` answer with who wrote it down, and the rules that ask for one now."""

    item: str
    last: Recorded | None
    rules: tuple[str, ...]

    @property
    def said(self) -> Answered | None:
        """The last answer itself."""
        return self.last.entry if self.last is not None and isinstance(self.last.entry, Answered) else None


@dataclass(frozen=True, slots=True)
class Checklist:
    """A checklist of a person: what its rules find that its answers end, and a line for each item."""

    word: Word
    findings: tuple[Finding, ...]
    lines: tuple[Line, ...]

    @property
    def answered(self) -> int:
        """How many of its items were ever answered."""
        return sum(line.last is not None for line in self.lines)


def checklist_of(history: History, look: Look, word: Word) -> Checklist:
    """A checklist as it stands for the person of a chart."""
    last = {
        row.entry.item: row for row in history.standing if isinstance(row.entry, Answered) and row.entry.checklist == word.name
    }
    asked: dict[str, list[str]] = {item: [] for item in word.items}
    findings = []
    for rule in word.ends:
        for finding in (eased(look, each) for each in checks_of()[rule](look)):
            found = [item for checklist, item in questions(look, finding) if checklist == word.name]
            findings += [finding] if found else []
            for item in found:
                asked[item].append(rule)
    lines = (Line(item, last.get(item), tuple(dict.fromkeys(asked[item]))) for item in word.items)
    return Checklist(word, tuple(findings), tuple(lines))
