"""Reasons: what a rule says for or against a decision, with the finding where something is to be done."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from thecal.therapy.finding import Finding
from thecal.therapy.look import Check, Look

Verdict = Literal["met", "missing", "against", "review"]


@dataclass(frozen=True, slots=True)
class Reason:
    """What one rule says: its ``text`` is met, missing, against it, or for a review by people.

    ``finding`` is there where somebody has to act.
    """

    rule: str
    verdict: Verdict
    text: str
    finding: Finding | None = None


Judge = Callable[[Look], Iterator[Reason]]


def met(rule: str, text: str) -> Reason:
    """A reason that needs nothing more."""
    return Reason(rule, "met", text)


def told(verdict: Verdict, finding: Finding) -> Reason:
    """A reason with what is to be done about it."""
    return Reason(finding.rule, verdict, finding.asked, finding)


def findings_of(judge: Judge, applies: Callable[[Look], bool]) -> Check:
    """The check of a judge: its findings, where it applies."""

    def check(look: Look) -> Iterator[Finding]:
        if applies(look):
            yield from (reason.finding for reason in judge(look) if reason.finding is not None)

    return check
