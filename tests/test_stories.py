"""Stories: whole courses of patients in charts, and what the rules find at each look at them."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from thecal.therapy.clinic import Clinic
from thecal.twin.chart_file import ChartFile, read_chart
from thecal.twin.clinic_file import parse_clinic
from thecal.twin.expected import differences

STORIES = sorted((Path(__file__).parents[1] / "scenarios" / "stories").glob("*.toml"))
CLINICS: Mapping[str, str] = {
    "02": 'clinic = 1\njurisdiction = "US"\npayers = ["medicare", "evicore"]\n',
    "20": 'clinic = 1\njurisdiction = "UK"\npayers = ["UK-CBA"]\n',
}
"""The clinic of a story as a document, by its number, where it is another than one in the US without a payer."""
SHORT = ("04", "05", "06", "17", "18")
"""Stories that never come to a pump, which may have three looks."""
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


@pytest.mark.parametrize("path", STORIES, ids=lambda path: path.stem)
def test_a_story_is_read_as_it_says(path: Path) -> None:
    """At every look the state, exactly the findings graver than advice, and the advice and tasks that it names."""
    wrong = [
        f"{look.at.local_text(story(path).zone)} {look.topic}: {problem}"
        for look in story(path).looks
        for problem in differences(story(path), look, clinic_of(path))
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
