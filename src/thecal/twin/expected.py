"""What a look at a chart finds beside what its document says that it finds."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from thecal.errors import Refusal
from thecal.therapy.asked import asked_for
from thecal.therapy.check import TOPICS, Topic, check
from thecal.therapy.clinic import Clinic
from thecal.therapy.finding import Finding
from thecal.therapy.look import Look
from thecal.therapy.pathway import pathway
from thecal.twin.chart_file import ChartFile, Expectation

_MINOR = ("advise", "task")


def looked(document: ChartFile, expected: Expectation, clinic: Clinic | None = None) -> Look | Refusal:
    """What a reader looks at: the chart at an instant, with the order where there is one; or why that cannot be programmed."""
    look = document.look(expected.at, clinic)
    if expected.orders is None:
        return look
    assert look.sheet is not None, "an order needs a pump in place"
    asked = asked_for(expected.orders, look.chart, look.sheet)
    return asked if isinstance(asked, Refusal) else replace(look, asked=asked)


def found(look: Look, expected: Expectation) -> tuple[Finding, ...]:
    """What the rules of its topic find, the gravest first."""
    return check(look, _topic(expected))


def grave(findings: Iterable[Finding]) -> list[str]:
    """What is graver than advice, as a document writes it: the rule, and its severity or that it was overridden."""
    told = (finding for finding in findings if finding.severity not in _MINOR)
    return sorted({f"{finding.rule} {'overridden' if finding.overridden else finding.severity}" for finding in told})


def differences(document: ChartFile, expected: Expectation, clinic: Clinic | None = None) -> Iterator[str]:
    """Where a look differs from what the document says of it."""
    look = looked(document, expected, clinic)
    if isinstance(look, Refusal):
        yield f"refused: {look}"
        return
    state, findings = pathway(look).state, found(look, expected)
    if expected.state not in (None, state):
        yield f"state {state}, not {expected.state}"
    if expected.finds is not None and grave(findings) != sorted(set(expected.finds)):
        yield f"finds {grave(findings)}, not {sorted(set(expected.finds))}"
    told = {f"{finding.rule} {finding.severity}" for finding in findings}
    yield from (f"does not find {also}" for also in expected.also if also not in told)


def _topic(expected: Expectation) -> Topic | None:
    """The topic that is asked for; None for all of them."""
    return next((topic for topic in TOPICS if topic == expected.topic), None)
