"""Scales: what a score may be on each, what may be counted with, and which change means something."""

from fractions import Fraction

import pytest

from thecal.chart.vocabulary import item_named, words
from thecal.errors import InputError, Refusal
from thecal.therapy.arm_test import SUBTESTS, arat, subtest_total
from thecal.therapy.clinic import Clinic
from thecal.therapy.goal_attainment import Goal, goal_attainment
from thecal.therapy.meaning import Meaning, meaningful
from thecal.therapy.rules import all_rules
from thecal.therapy.scales import scale_named, scales
from thecal.therapy.scores import Score, change, filled_total, mean, read_penn, read_score, read_tardieu, walking_band

ASHWORTH = ("ashworth-0-4", "ashworth-1-5", "modified-ashworth")


def score(scale: str, text: str) -> Score:
    return read_score(scale, text)


def meaning(scale: str, before: str, after: str, clinic: Clinic | None = None) -> Meaning:
    found = meaningful(score(scale, before), score(scale, after), clinic)
    assert isinstance(found, Meaning)
    return found


def test_every_scale_stands_in_a_rule_for_scales() -> None:
    """And where it names a threshold, that threshold exists."""
    for scale in scales().values():
        assert all_rules()[scale.rule].kind == "scale"
        for name in (*scale.meaningful, *scale.high_steps):
            rule, _, limit = name.partition(".")
            assert limit in all_rules()[rule].limits


@pytest.mark.requirement("SCL-01")
@pytest.mark.requirement("SCL-02")
@pytest.mark.requirement("SCL-03")
@pytest.mark.requirement("SCL-09")
@pytest.mark.requirement("SCL-10")
@pytest.mark.requirement("SCL-11")
@pytest.mark.requirement("SCL-12")
@pytest.mark.requirement("SCL-13")
@pytest.mark.requirement("SCL-14")
@pytest.mark.requirement("SCL-15")
@pytest.mark.requirement("SCL-16")
@pytest.mark.parametrize(
    ("scale", "inside", "outside"),
    [
        ("ashworth-0-4", ("0", "4"), ("5", "-1", "2.5", "1+")),
        ("ashworth-1-5", ("1", "5"), ("0", "6", "1+")),
        ("modified-ashworth", ("0", "1", "1+", "4"), ("5", "1.5", "2+", "")),
        ("penn-frequency", ("0", "4"), ("5", "-1")),
        ("penn-severity", ("1", "3"), ("0", "4")),
        ("spasticity-nrs", ("0", "10"), ("11", "-1", "3.5")),
        ("pain-nrs", ("0", "10"), ("11", "x")),
        ("pain-vas", ("0", "100", "45 mm"), ("101", "45 cm")),
        ("timed-25-foot-walk", ("0.1", "7.25", "7.25 s"), ("0", "-3", "7 min")),
        ("msws-12", ("0", "100", "43.75"), ("100.1", "-1")),
        ("edss", ("0", "1", "6.5", "10"), ("0.5", "0.50", "6.3", "10.5")),
        ("fim", ("18", "126"), ("17", "127", "18.5")),
        ("arat", ("0", "57"), ("58", "-1")),
        ("goal-attainment", ("-2", "0", "+1", "2"), ("3", "-3", "0.5")),
        ("sleep-nrs", ("0", "10"), ("11",)),
        ("sleep-nights-disturbed", ("0", "7"), ("8",)),
        ("epworth", ("0", "24"), ("25",)),
        ("fss", ("1", "7", "4.4"), ("0.9", "45")),
        ("satisfaction", ("0", "10"), ("11",)),
        ("mrc", ("0", "5"), ("6", "3.5")),
        ("range-of-motion", ("-20", "180"), ("181",)),
        ("msss-88", ("88", "352"), ("87", "353")),
    ],
)
def test_a_score_is_on_its_scale_or_refused_with_range_and_source(
    scale: str, inside: tuple[str, ...], outside: tuple[str, ...]
) -> None:
    for text in inside:
        assert score(scale, text).scale == scale
    for text in outside:
        with pytest.raises(InputError) as refused:
            read_score(scale, text, "score")
        assert scale_named(scale).range_text() in refused.value.accepted
        assert all_rules()[scale_named(scale).rule].source in str(refused.value)


@pytest.mark.requirement("SAF-09")
@pytest.mark.parametrize("name", ["ashworth", "Ashworth"])
def test_ashworth_without_a_variant_is_refused_with_its_variants(name: str) -> None:
    with pytest.raises(InputError, match="does not say its variant") as refused:
        read_score(name, "5")
    assert refused.value.accepted == ASHWORTH


@pytest.mark.requirement("SAF-09")
def test_one_plus_is_a_rank_and_five_may_mean_not_assessed() -> None:
    """1.5 is refused naming 1+; 5 is a grade only where the variant says so."""
    with pytest.raises(InputError, match=r"written 1\+, not 1\.5"):
        read_score("modified-ashworth", "1.5")
    for scale in ("ashworth-0-4", "modified-ashworth"):
        with pytest.raises(InputError, match="nothing was assessed"):
            read_score(scale, "5")
    assert score("ashworth-1-5", "5").order == 5
    ranks = [score("modified-ashworth", text).order for text in ("0", "1", "1+", "2", "3", "4")]
    assert ranks == [0, 1, 2, 3, 4, 5]
    assert score("modified-ashworth", "1+").number is None


def test_an_unknown_scale_gets_the_nearest_name() -> None:
    with pytest.raises(InputError, match="'penn-frequency'"):
        scale_named("pen-frequency")


@pytest.mark.requirement("SAF-09")
def test_nothing_is_counted_over_variants() -> None:
    """Mean and change over two scales are refused by SAF-09; ranks are counted only where their codes are asked for."""
    mixed = score("ashworth-0-4", "3"), score("ashworth-1-5", "3")
    for answer in (mean(mixed, coded=True), change(*mixed, coded=True), meaningful(*mixed)):
        assert isinstance(answer, Refusal)
        assert answer.rule == "SAF-09"
    ranks = score("modified-ashworth", "3"), score("modified-ashworth", "1+")
    refused = mean(ranks), change(*ranks)
    assert all(isinstance(answer, Refusal) and answer.rule == "SAF-09" for answer in refused)
    assert mean(ranks, coded=True) == 3
    assert change(*ranks, coded=True) == -2
    numbers = score("pain-nrs", "4"), score("pain-nrs", "7")
    assert mean(numbers) == Fraction(11, 2)
    assert change(*numbers) == 3
    assert isinstance(mean(()), Refusal)


@pytest.mark.requirement("SCL-00")
def test_problems_are_a_coded_list() -> None:
    assert len(words("checklists")["problems"].items) == 12
    assert item_named("problems", "clonus", "item") == "clonus"
    with pytest.raises(InputError, match="'clonus'"):
        item_named("problems", "clonos", "item")


@pytest.mark.requirement("SCL-04")
def test_penn_severity_is_left_out_without_spasms_and_only_then() -> None:
    often, bad = read_penn("3", "2")
    assert bad is not None
    assert (often.text, bad.text) == ("3", "2")
    assert read_penn("0", None)[1] is None
    with pytest.raises(InputError, match="left out"):
        read_penn("0", "1")
    with pytest.raises(InputError, match="missing"):
        read_penn("2", None)


@pytest.mark.requirement("SCL-05")
def test_tardieu_is_two_angles_and_a_quality() -> None:
    """The spasticity angle is the full range less the catch; the catch lies within the range."""
    assert read_tardieu("R1 20 R2 80 quality 3").spasticity_degrees == 60
    assert score("tardieu", "R1 -10 R2 15 quality 0").number == 25
    assert score("tardieu", "R1 30 R2 30 quality 5").order == 0
    for text in ("R1 81 R2 80 quality 3", "R1 20 R2 80 quality 6", "20/80", "R1 -181 R2 80 quality 1"):
        with pytest.raises(InputError):
            read_tardieu(text)


@pytest.mark.requirement("SCL-07")
def test_msss_88_is_totals_whose_gaps_take_the_persons_mean() -> None:
    """Parts have bounds of their own; half of the answers is enough, less is refused."""
    assert sum(scales()["msss-88"].parts.values()) == 88
    assert scales()["msss-88"].licensed
    assert read_score("msss-88", "36", part="pain").order == 36
    for text, part in (("37", "pain"), ("8", "pain"), ("20", "knees")):
        with pytest.raises(InputError):
            read_score("msss-88", text, part=part)
    assert filled_total([1, 2, 3, 4, None, None, None, None], "social") == 20
    refused = filled_total([4, 4, 4, None, None, None, None, None], "social")
    assert isinstance(refused, Refusal)
    assert refused.rule == "SCL-07"
    with pytest.raises(InputError):
        filled_total([5] * 8, "social")
    parts = read_score("msss-88", "36", part="pain"), read_score("msss-88", "30", part="walking")
    assert isinstance(mean(parts), Refusal)


@pytest.mark.requirement("SCL-08")
def test_walkers_are_in_one_of_three_bands() -> None:
    bands = [walking_band(score("timed-25-foot-walk", text)) for text in ("5.99", "6", "7.99", "8")]
    assert bands == ["under 6 s", "6 s to under 8 s", "6 s to under 8 s", "8 s or more"]
    assert isinstance(walking_band(score("pain-nrs", "7")), Refusal)


@pytest.mark.requirement("SCL-06")
@pytest.mark.requirement("SCL-08")
@pytest.mark.requirement("SCL-09")
@pytest.mark.requirement("SCL-10")
@pytest.mark.requirement("SCL-11")
@pytest.mark.parametrize(
    ("scale", "before", "after", "grade", "better"),
    [
        ("timed-25-foot-walk", "10", "12", "change", False),
        ("timed-25-foot-walk", "10", "11.99", None, False),
        ("timed-25-foot-walk", "6.5", "7.8", "change", False),
        ("timed-25-foot-walk", "10", "8", "change", True),
        ("spasticity-nrs", "10", "7", "important", True),
        ("spasticity-nrs", "10", "8", "minimal", True),
        ("spasticity-nrs", "10", "9", None, True),
        ("pain-vas", "50", "35", "change", True),
        ("pain-vas", "50", "36", None, True),
        ("msws-12", "40", "48", "change", False),
        ("msws-12", "40", "47.9", None, False),
        ("edss", "5.5", "6.5", "change", False),
        ("edss", "5.5", "6", None, False),
        ("edss", "6", "6.5", "change of high steps", False),
        ("ashworth-1-5", "4", "2", "fall", True),
        ("ashworth-0-4", "3", "2", None, True),
        ("penn-frequency", "3", "1", "fall", True),
    ],
)
def test_a_change_means_something_from_a_published_threshold_on(
    scale: str, before: str, after: str, grade: str | None, better: bool
) -> None:
    found = meaning(scale, before, after)
    assert (found.grade, found.meaningful, found.better) == (grade, grade is not None, better)


@pytest.mark.requirement("SCL-10")
def test_a_meaning_carries_its_threshold_its_source_and_how_sure_that_is() -> None:
    edss, walk = meaning("edss", "3", "4"), meaning("timed-25-foot-walk", "10", "10")
    assert (edss.confidence, edss.rule, edss.threshold) == ("R", "SCL-10", "at least 1 points")
    assert (walk.confidence, walk.better, walk.source) == ("Q", None, all_rules()["SCL-08"].source)
    stricter = Clinic().with_limit("SCL-08.change", 10)
    assert meaning("timed-25-foot-walk", "10", "11", stricter).meaningful


@pytest.mark.requirement("SCL-12")
@pytest.mark.parametrize(
    ("scale", "before", "after"), [("fim", "50", "60"), ("modified-ashworth", "3", "1"), ("pain-nrs", "0", "3")]
)
def test_without_a_published_threshold_no_change_is_called_meaningful(scale: str, before: str, after: str) -> None:
    """Nor is a percentage of nothing."""
    refused = meaningful(score(scale, before), score(scale, after))
    assert isinstance(refused, Refusal)
    assert refused.rule == scale_named(scale).rule


@pytest.mark.requirement("SCL-14")
@pytest.mark.parametrize(
    ("goals", "t"),
    [
        ([(1, "0"), (1, "0")], 50.0),
        ([(1, "+1"), (1, "1")], 62.4034735),  # 50 + 20 / sqrt(0.7 * 2 + 0.3 * 4)
        ([(1, "2"), (2, "-1"), (3, "1")], 56.6097897),  # 50 + 30 / sqrt(0.7 * 14 + 0.3 * 36)
        ([(5, "-2")], 30.0),  # one goal: 50 + 10 * -2, whatever its weight
    ],
)
def test_goals_make_one_t_score(goals: list[tuple[float, str]], t: float) -> None:
    """Against values that were worked out by hand."""
    assert goal_attainment([Goal(weight, text) for weight, text in goals]) == pytest.approx(t, abs=1e-6)


@pytest.mark.requirement("SCL-14")
@pytest.mark.parametrize(("weight", "text"), [(0, "1"), (-1, "1"), (float("nan"), "1"), (float("inf"), "1"), (1, "3"), (1, "x")])
def test_a_goal_has_a_weight_and_a_score(weight: float, text: str) -> None:
    with pytest.raises(InputError):
        Goal(weight, text)
    with pytest.raises(InputError, match="at least one"):
        goal_attainment([])


@pytest.mark.requirement("SCL-13")
@pytest.mark.parametrize(
    ("subtest", "scores", "total"),
    [
        ("grasp", [3], 18),
        ("gross", [3], 9),
        ("grip", [2, 0], 0),
        ("grip", [2, 3, 2, 1], 8),
        ("pinch", [0, 1, 0, 0, 0, 0], 1),
    ],
)
def test_the_rule_of_lyle_shortens_a_subtest(subtest: str, scores: list[int], total: int) -> None:
    """3 on the hardest gives all, 0 on the easiest none, and otherwise every item counts."""
    assert subtest_total(subtest, scores) == total


@pytest.mark.requirement("SCL-13")
def test_an_arm_test_has_every_item_that_it_needs_and_no_other() -> None:
    assert sum(SUBTESTS.values()) == 19
    assert arat({"grasp": [3], "grip": [3], "pinch": [3], "gross": [3]}).order == 57
    assert arat({"grasp": [3], "grip": [1, 0], "pinch": [3], "gross": [2, 3, 1]}).order == 42
    for subtest, scores in (("grasp", [3, 3]), ("grasp", [1, 2]), ("grasp", [4]), ("grasp", []), ("grap", [3])):
        with pytest.raises(InputError):
            subtest_total(subtest, scores)
    with pytest.raises(InputError, match="lack grip, pinch, gross"):
        arat({"grasp": [3]})
