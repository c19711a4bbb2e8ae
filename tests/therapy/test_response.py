"""The response to a screening bolus: what scores and examiners say, for clinicians and for payers."""

import pytest

from tests.charts import Story, day, severities
from tests.therapy.boluses import NO_FALL, PAYER, H, examined, given, result, said
from thecal.chart.clinical import (
    Scored,
)
from thecal.chart.facts import Assessed
from thecal.therapy.screening_test import screening_result


@pytest.mark.requirement("SCR-08")
@pytest.mark.parametrize(
    ("scores", "lasted_h", "payer"),
    [
        ((), None, "not decided"),
        (((-1, 4), (1, 2.1), (5, 2.1)), None, "negative"),
        (((-1, 4), (1, 2), (5, 2)), None, "positive"),
        (((-1, 4), (1, 2), (4.9, 2)), None, "equivocal"),  # held 3.9 h, and nobody measured later
        (((-1, 4), (1, 2), (4.9, 2), (6, 3)), None, "negative"),
        (((-1, 4), (1, 2), (2, 2)), 4, "positive"),
        (((-1, 4), (1, 2), (2, 2)), 3.9, "negative"),
        (((-1, 4), (1, 2), (2, 3)), 6, "negative"),  # the scores say that it did not hold
        (((1, 2), (5, 2)), None, "not decided"),  # no score before it
    ],
)
def test_for_a_payer_two_points_hold_four_hours(
    scores: tuple[tuple[float, float], ...], lasted_h: float | None, payer: str
) -> None:
    assert result(examined(given(50, lasted_h=lasted_h), *scores)).payer == payer


@pytest.mark.requirement("SCR-08")
def test_a_positive_test_that_a_payer_may_refuse_is_told() -> None:
    """Only where the clinic has payers."""
    story = said(examined(given(50, lasted_h=6), (-1, 4), (2, 3)), *NO_FALL[:1])
    assert severities(story.look(0.5, clinic=PAYER), "SCR-08") == ["advise"]
    assert severities(story.look(0.5), "SCR-08") == []
    paid = said(examined(given(50, lasted_h=6), (-1, 4), (2, 2)), *NO_FALL[:1])
    assert severities(paid.look(0.5, clinic=PAYER), "SCR-08") == []


@pytest.mark.requirement("SCR-08b")
@pytest.mark.parametrize(
    ("items", "denied", "after", "clinical"),
    [
        ((), (), None, "not decided"),
        ((), (), 4.0, "negative"),
        ((), (), 3.5, "equivocal"),
        ((), (), 3.0, "equivocal"),  # the one point is recalled: alone it passes nothing
        ((), (), 2.0, "positive"),
        (NO_FALL[:1], (), None, "positive"),
        (NO_FALL[:1], (), 3.0, "positive"),
        (NO_FALL[:1], (), 3.1, "equivocal"),
        (NO_FALL[1:], (), 3.9, "positive"),  # the spasms were not scored
        (("goal met",), (), 4.0, "positive"),
        ((), NO_FALL, None, "negative"),
        ((), NO_FALL, 3.1, "negative"),
        ((), NO_FALL, 3.0, "equivocal"),
    ],
)
def test_examiners_and_scores_decide_together(
    items: tuple[str, ...], denied: tuple[str, ...], after: float | None, clinical: str
) -> None:
    story = said(said(given(50), *items), *denied, yes=False)
    if after is not None:
        examined(story, (-1, 4), (2, after))
    assert result(story).clinical == clinical
    expected = {"not decided": ["task"], "positive": []}.get(clinical, ["advise"])
    assert severities(story.look(0.9), "SCR-08b") == expected


@pytest.mark.requirement("SCR-08b")
def test_a_result_is_asked_for_once_the_observation_is_over() -> None:
    assert severities(given(50).look(3.9 * H), "SCR-08b") == []
    assert severities(given(50).look(4 * H), "SCR-08b") == ["task"]
    assert severities(Story().person().look(0), "SCR-08b") == []


@pytest.mark.requirement("SCR-08b")
def test_what_was_said_of_an_earlier_bolus_says_nothing_of_the_last() -> None:
    story = said(Story().person().tested(-1), "goal met", on=-0.7)
    assert screening_result(story.look(-0.1)).clinical == "positive"
    assert screening_result(story.tested(0, 75).look(0.1)).clinical == "not decided"


@pytest.mark.requirement("SCR-08b")
def test_scores_of_two_scales_are_never_compared() -> None:
    """A 4 from 1 to 5 before and a 2 from 0 to 4 after it are no fall; on one scale they are."""
    story = given(50).fact(Scored(day(-H), "ashworth-1-5", "4", "knee"), Scored(day(2 * H), "ashworth-0-4", "2", "knee"))
    assert result(story).clinical == "not decided"
    assert result(story).payer == "not decided"
    story.fact(Scored(day(2 * H), "ashworth-1-5", "2", "knee"))
    assert [(fall.scale, fall.points) for fall in result(story).falls] == [("ashworth-1-5", 2.0)]


@pytest.mark.requirement("SCR-08b")
@pytest.mark.parametrize(
    ("before", "after", "points"),
    [("3", "1+", 1), ("2", "1+", 0), ("1+", "0", 1), ("1+", "1", 0), ("1+", "1+", 0), ("3", "1", 2)],
)
def test_one_plus_lies_between_one_and_two(before: str, after: str, points: float) -> None:
    """The fall that is sure: 1+ is never counted as 1.5."""
    story = given(50).fact(Scored(day(-H), "modified-ashworth", before, "knee"))
    story.fact(Scored(day(2 * H), "modified-ashworth", after, "knee"))
    assert [fall.points for fall in result(story).falls] == [points]


@pytest.mark.requirement("SCR-08b")
def test_the_mean_is_of_the_parts_that_were_scored_both_times() -> None:
    """Two parts of three; spasms are a scale of their own."""
    story = given(50)
    story.fact(
        *(Scored(day(-H), "modified-ashworth", score, part) for part, score in (("hip", "4"), ("knee", "3"), ("toe", "1")))
    )
    story.fact(
        *(Scored(day(2 * H), "modified-ashworth", score, part) for part, score in (("hip", "2"), ("knee", "2"), ("arm", "0")))
    )
    story.fact(Scored(day(-H), "penn-frequency", "4"), Scored(day(2 * H), "penn-frequency", "1"))
    assert [(fall.scale, fall.what, fall.points) for fall in result(story).falls] == [
        ("modified-ashworth", "tone", 1.5),
        ("penn-frequency", "spasms", 3.0),
    ]


@pytest.mark.requirement("SCR-08b")
def test_a_score_under_one_bolus_is_no_baseline_of_the_next() -> None:
    """And what is scored after a day, or after the next bolus, is no answer."""
    story = Story().person().tested(-1).tested(0, 75)
    story.fact(Assessed(day(-1.1), 4.0), Assessed(day(-1 + 3 * H), 2.0), Assessed(day(2 * H), 3.0), Assessed(day(1.1), 1.0))
    assert [fall.points for fall in screening_result(story.look(2)).falls] == [1.0]
    first = Story().person().tested(-1).fact(Assessed(day(-1.1), 4.0), Assessed(day(-1 + 3 * H), 2.0))
    assert [fall.points for fall in screening_result(first.look(-0.5)).falls] == [2.0]


def test_the_order_of_facts_of_one_instant_changes_nothing() -> None:
    story = given(50).fact(
        *(Scored(day(-H), "modified-ashworth", score, "knee", rater) for score, rater in (("4", "A"), ("2", "B")))
    )
    story.fact(*(Scored(day(2 * H), "modified-ashworth", score, "knee", rater) for score, rater in (("1+", "A"), ("1", "B"))))
    backwards = Story()
    backwards.facts = list(reversed(story.facts))
    assert result(story) == result(backwards)
    assert [fall.points for fall in result(story).falls] == [0.0]
