"""Findings: what a rule says of a chart."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from thecal.timeline import Instant

Severity = Literal["emergency", "block", "second_person", "warn", "advise", "task"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule's answer: what was asked or found, what is allowed, where that comes from and how sure it is, what to do next.

    ``due`` is by when, where there is a date to it. ``overridden`` says who went on in spite of it, and why; what they
    overrode, and nothing else, no longer stops anything.
    """

    rule: str
    severity: Severity
    asked: str
    allowed: str
    source: str
    confidence: str
    next: str
    due: Instant | None = None
    overridden: str | None = None

    @property
    def stops(self) -> bool:
        """Whether an order or a step may not go on: it is blocked, or a second person is owed. An emergency stops nothing."""
        return self.severity in ("block", "second_person") and self.overridden is None


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The gravest first, then by what is due, then by rule: the same in whatever order they were found."""
    return tuple(sorted(set(findings), key=_place))


def _place(finding: Finding) -> tuple[int, int, str, str]:
    due = finding.due.s if finding.due else Instant.LAST
    return SEVERITIES.index(finding.severity), due, finding.rule, finding.asked
