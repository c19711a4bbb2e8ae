"""Stories: whole courses of patients in charts, and what the rules find at each look at them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from thecal.errors import Refusal
from thecal.therapy.asked import asked_for
from thecal.therapy.check import TOPICS, Topic, check
from thecal.therapy.clinic import Clinic
from thecal.therapy.finding import Finding
from thecal.therapy.look import Look
from thecal.therapy.pathway import pathway
from thecal.twin.chart_file import ChartFile, Expectation, read_chart
from thecal.twin.clinic_file import parse_clinic

STORIES = sorted((Path(__file__).parents[1] / "scenarios" / "stories").glob("*.toml"))
CLINICS: Mapping[str, str] = {
    "02": 'clinic = 1\njurisdiction = "US"\npayers = ["medicare", "evicore"]\n',
    "20": 'clinic = 1\njurisdiction = "UK"\npayers = ["UK-CBA"]\n',
}
"""The clinic of a story as a document, by its number, where it is another than one in the US without a payer."""
SHORT = ("04", "05", "06", "17", "18")
"""Stories that never come to a pump, which may have three looks."""
MINOR = ("advise", "task")
ALL = "all"


@cache
def story(path: Path) -> ChartFile:
    """The document of a story."""
    return read_chart(path)


def number(path: Path) -> str:
    """Its number, of two digits."""
    return path.name[:2]


def clinic_of(path: Path) -> Clinic:
    """The settings that it is looked at with."""
    document = CLINICS.get(number(path))
    return parse_clinic(document.encode(), f"clinic of story {number(path)}") if document else Clinic()


def looked(path: Path, expected: Expectation) -> Look | Refusal:
    """What a reader looks at: the chart at an instant, with the order where there is one; or why that cannot be programmed."""
    document = story(path)
    look = document.look(expected.at, clinic_of(path))
    if expected.orders is None:
        return look
    assert look.sheet is not None, "an order needs a pump in place"
    asked = asked_for(expected.orders, look.chart, look.sheet)
    return asked if isinstance(asked, Refusal) else replace(look, asked=asked)


def topic_of(expected: Expectation) -> Topic | None:
    """The topic that is asked for; None for all of them."""
    if expected.topic == ALL:
        return None
    return next(topic for topic in TOPICS if topic == expected.topic)


def words(findings: tuple[Finding, ...]) -> list[str]:
    """What is graver than advice, as a document writes it."""
    grave = [finding for finding in findings if finding.severity not in MINOR]
    return sorted({f"{finding.rule} {'overridden' if finding.overridden else finding.severity}" for finding in grave})


def problems(path: Path, expected: Expectation) -> Iterator[str]:
    """Where a look differs from what the story says of it."""
    look = looked(path, expected)
    if isinstance(look, Refusal):
        yield f"refused: {look}"
        return
    state, findings = pathway(look).state, check(look, topic_of(expected))
    if expected.state not in (None, state):
        yield f"state {state}, not {expected.state}"
    if expected.finds is not None and words(findings) != sorted(set(expected.finds)):
        yield f"finds {words(findings)}, not {sorted(set(expected.finds))}"
    found = {f"{finding.rule} {finding.severity}" for finding in findings}
    yield from (f"does not find {also}" for also in expected.also if also not in found)


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_story_is_read_as_it_says(path: Path) -> None:
    """At every look the state, exactly the findings graver than advice, and the advice and tasks that it names."""
    wrong = [
        f"{look.at.local_text(story(path).zone)} {look.topic}: {problem}"
        for look in story(path).looks
        for problem in problems(path, look)
    ]
    assert wrong == []


def test_there_are_twenty_stories() -> None:
    """They are numbered from 01 to 20."""
    assert [number(path) for path in STORIES] == [f"{count:02}" for count in range(1, 21)]


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_story_has_sources_and_looks(path: Path) -> None:
    """Where its numbers are from, and at least four looks, each of which says what it finds; three where no pump is put in."""
    document = story(path)
    assert 'sources = [\n  "' in path.read_text(encoding="utf-8")
    assert len(document.looks) >= (3 if number(path) in SHORT else 4)
    assert (document.case is None) == (number(path) in SHORT)
    assert all(look.finds is not None for look in document.looks)


def test_every_five_stories_have_a_look_at_everything() -> None:
    """The whole chart is read by all the rules now and then, so that one that should be quiet is seen."""
    whole = [any(look.topic == ALL for look in story(path).looks) for path in STORIES]
    assert all(any(whole[start : start + 5]) for start in range(0, len(whole), 5))


def test_the_stories_exercise_many_rules() -> None:
    """At least sixty different rules are found somewhere in them, whatever the severity."""
    looks = [look for path in STORIES for look in story(path).looks]
    rules = {told.partition(" ")[0] for look in looks for told in (*(look.finds or ()), *look.also)}
    assert len(rules) >= 60
