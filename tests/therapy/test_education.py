"""What patients are told: every text complete, sourced and plain, and the decisions between sources kept in it."""

import re
from typing import Any

import pytest

from thecal.chart.vocabulary import words
from thecal.datum import DataError
from thecal.errors import InputError
from thecal.therapy.education import NOTICE, Paragraph, Text, covered, education, education_named, read_paragraph

TEXTS = list(education().values())
PARAGRAPHS = [(text.name, paragraph) for text in TEXTS for paragraph in text.paragraphs]
TOPICS = {
    "alarms", "baclofen", "days-late", "driving", "follow-up", "other-medicines", "overdose", "pregnancy", "pump",
    "scans-surgery-travel", "side-effects", "tablets-or-pump", "turning-off", "way-to-a-pump", "what-it-does-not-treat",
    "withdrawal",
}  # fmt: skip
GOOD: dict[str, Any] = {"text": "Some words.", "source": "a book", "confidence": "Q/D", "statements": ["S2"]}


def whole(name: str) -> str:
    """A text as one string."""
    return " ".join(paragraph.text for paragraph in education_named(name).paragraphs)


def test_every_topic_is_there_and_the_first_ones_come_first() -> None:
    assert set(education()) == TOPICS
    assert list(education())[:3] == ["baclofen", "what-it-does-not-treat", "tablets-or-pump"]


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.name)
def test_a_text_is_a_page_and_says_that_it_is_no_advice(text: Text) -> None:
    """Three paragraphs or more, whole sentences, and the notice with it."""
    assert text.title
    assert not text.title.endswith(".")
    assert len(text.paragraphs) >= 3
    assert text.notice == NOTICE
    assert "no medical advice" in NOTICE


@pytest.mark.parametrize(("name", "paragraph"), PARAGRAPHS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_paragraph_is_plain_and_says_where_it_comes_from(name: str, paragraph: Paragraph) -> None:
    """Short sentences, no keys of files or rules, mcg in ASCII, and no source that is a bare key."""
    sentences = re.split(r"(?<=[.:;])\s", paragraph.text)
    assert max(len(sentence.split()) for sentence in sentences) <= 45, name
    assert len(paragraph.source) > 5
    assert "SRC" not in paragraph.source
    assert not re.search(r"\b[A-Z]{3}-[0-9]{2}|µ|\bS[0-9]+\b", paragraph.text)


def test_a_number_is_never_told_without_being_read() -> None:
    """What is recalled carries no number into a text for patients."""
    recalled = [paragraph.text for _, paragraph in PARAGRAPHS if "R" in paragraph.confidence]
    assert not [text for text in recalled if re.search(r"[0-9]", text)]


def test_the_articles_are_covered() -> None:
    """All of their 110 statements that a patient can use: mechanism, what it does not treat, parts, side effects that fade."""
    numbers = {f"S{number}" for number in range(1, 111)}
    assert covered() <= numbers
    assert {"S2", "S17", "S83", "S7", "S8", "S9", "S42", "S77", "S98", "S101", "S105", "S106", "S107", "S109"} <= covered()
    assert covered() == numbers


def test_turning_off_is_told_as_ending_by_plan() -> None:
    """The article's switch is named, and contradicted by the label's warning."""
    text = whole("turning-off")
    assert "Do not understand that as a switch" in text
    assert "steps" in text
    assert any("S77" in paragraph.statements for paragraph in education_named("turning-off").paragraphs)
    elsewhere = [text.name for text in TEXTS if any("S77" in part.statements for part in text.paragraphs)]
    assert elsewhere == ["turning-off"]


def test_the_catheter_is_not_promised_to_stay() -> None:
    assert "not always: the surgeon decides" in whole("pump")


def test_no_fixed_interval_of_refills_is_promised() -> None:
    """All that the articles say is named, and then the date that counts."""
    text = whole("follow-up")
    assert all(said in text for said in ("one to three months", "two to three", "one to six"))
    assert "Only that date counts" in text


def test_nobody_waits_for_a_beep() -> None:
    assert "Never wait for a beep" in whole("alarms")


def test_a_late_refill_is_answered_by_how_late_it_is() -> None:
    """Late by a day, at the alarm, and when the pump may be empty: three answers, and none of them is to wait."""
    text = whole("days-late")
    asked = ["call your clinic today", "you speak with a clinician that day", "this is an emergency"]
    places = [text.index(answer) for answer in asked]
    assert places == sorted(places)
    numbers = re.search(r"Of (\S+) mL, .* at (\S+) mL a day .* for (\S+) days, .* at (\S+) mL a day for less than (\S+)\.", text)
    assert numbers
    rest_ml, slow, days, fast, fewer = map(float, numbers.groups())
    assert rest_ml / slow == pytest.approx(days)
    assert fewer - 1 < rest_ml / fast < fewer


@pytest.mark.parametrize("group", ["early withdrawal", "severe withdrawal"])
def test_signs_of_withdrawal_are_those_of_the_rules(group: str) -> None:
    """What a patient can notice of them is named; what only a laboratory or a monitor shows is left out."""
    told = {
        "return of spasticity": "stiffness and spasms as before", "itching without rash": "itching without a rash",
        "paraesthesia": "tingling", "fever": "fever", "tachycardia": "fast heart", "piloerection": "goose flesh",
        "confusion": "confusion", "altered mental state": "confusion", "rebound rigidity": "worse than ever before",
        "hyperthermia": "very high temperature", "seizure": "seizures", "hallucinations": "seeing or hearing what is not there",
    }  # fmt: skip
    unseen = {"labile blood pressure", "rhabdomyolysis", "organ failure"}
    signs = {name for name, word in words("symptoms").items() if group in word.groups}
    assert signs <= set(told) | unseen
    assert all(told[sign] in whole("withdrawal") for sign in signs - unseen)


def test_an_unknown_topic_gets_the_nearest() -> None:
    with pytest.raises(InputError, match="Did you mean 'withdrawal'"):
        education_named("withdrawl")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"text": "No sentence"}, "whole sentences"),
        ({"source": " "}, "a source"),
        ({"confidence": "X"}, "unknown confidence"),
        ({"statements": ["T2"]}, "no statement"),
        ({"extra": 1}, "exactly"),
    ],
)
def test_a_paragraph_that_cannot_be_right_is_a_defect(change: dict[str, Any], problem: str) -> None:
    assert read_paragraph(GOOD, "here").statements == ("S2",)
    with pytest.raises(DataError, match=problem):
        read_paragraph(GOOD | change, "here")
