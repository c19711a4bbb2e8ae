"""Who is in a study: person N is the same whoever else is drawn, shares and strata come out, filters keep numbers."""

from math import sqrt
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from tests.study.clinic_of_one import HEAD, UNTREATED, protocol_of
from thecal.body.patient import PARAMETERS
from thecal.errors import InputError, ThecalError
from thecal.study.people import Only, People, Population, shares

NUMBERS = st.integers(0, 2**64 - 1)


def population(**other: Any) -> Population:
    """Three kinds of people, two tip levels, two pumps."""
    usual: dict[str, Any] = {
        "sheets": shares({"adult-ms": 0.5, "adult-sci": 0.3, "adult-cerebral": 0.2}),
        "tip_levels": shares({"T10": 0.7, "T6": 0.3}),
        "pumps": shares({"synchromed-ii-40": 0.6, "synchromed-ii-20": 0.4}),
        "catheters": shares({"ascenda-8780": 1.0}),
    }
    return Population(**{**usual, **other})


def same(one: People, n: int, other: People, m: int) -> bool:
    """To the last bit."""
    bodies = all(one.patients[name][n] == other.patients[name][m] for name in PARAMETERS)
    return bodies and one.persons[n] == other.persons[m]


@given(NUMBERS, st.lists(st.integers(0, 2000), min_size=1, max_size=30))
def test_a_person_is_the_same_alone_and_among_others(seed: int, numbers: list[int]) -> None:
    """In any order, repeated or not, to the bit."""
    together = population().people(seed, numbers)
    for n, number in enumerate(numbers[:5]):
        assert same(together, n, population().people(seed, [number]), 0)
    assert [person.number for person in together.persons] == numbers


@pytest.mark.parametrize("seed", [0, 2**64 - 1])
def test_seeds_at_the_ends_of_the_range(seed: int) -> None:
    """Both name a population of their own."""
    assert population().people(seed, [0, 2**64 - 1]).persons[1].number == 2**64 - 1
    assert not same(population().people(seed, [0]), 0, population().people(1, [0]), 0)


@pytest.mark.parametrize(("seed", "number"), [(-1, 0), (2**64, 0), (0, -1), (0, 2**64)])
def test_seeds_and_numbers_outside_the_range_are_refused(seed: int, number: int) -> None:
    """Nobody is drawn under a wrapped number."""
    with pytest.raises(InputError, match="2\\^64"):
        population().people(seed, [number])


def test_shares_come_out() -> None:
    """Of 2,000 people, within four standard deviations of a binomial count."""
    persons = population().people(11, range(2000)).persons
    for field, parts in (("sheet", population().sheets), ("tip_level", population().tip_levels), ("pump", population().pumps)):
        for name, part in parts:
            count = sum(getattr(person, field) == name for person in persons)
            assert abs(count - 2000 * part) < 4 * sqrt(2000 * part * (1 - part)), (field, name)
    on_tablets = sum(person.tablets_mg_per_day > 0 for person in persons)
    assert abs(on_tablets - 1400) < 4 * sqrt(420)
    assert {person.tablets_mg_per_day for person in persons} == {0.0, 60.0}


def test_age_and_renal_function_are_as_set() -> None:
    """Age about its mean within its bounds; creatinine clearance falls with age by the set part a year."""
    persons = population(sheets=shares({"adult-ms": 1.0})).people(5, range(3000)).persons
    age, crcl = np.array([one.age_years for one in persons]), np.array([one.crcl_ml_per_min for one in persons])
    assert abs(age.mean() - 50) < 4 * 12 / sqrt(3000)
    assert age.min() >= 18
    assert age.max() <= 90
    young, old = crcl[age < 40].mean(), crcl[(age > 64) & (age < 66)].mean()
    assert old / young == pytest.approx(0.8, abs=0.05)


def test_a_covariate_is_independent_of_the_others() -> None:
    """Uniforms of their own: tip, pump, age and sheet have no correlation in 4,000 people beyond chance."""
    persons = population().people(3, range(4000)).persons
    values = np.array(
        [
            [
                one.tip_level == "T6",
                one.pump == "synchromed-ii-20",
                one.age_years,
                one.sheet == "adult-ms",
                one.tablets_mg_per_day,
            ]
            for one in persons
        ],
        dtype=float,
    )
    beside = np.corrcoef(values.T) - np.eye(5)
    assert np.abs(beside).max() < 4 / sqrt(4000)


@given(st.integers(0, 500), st.floats(0.05, 0.95))
def test_a_share_changes_nothing_else_about_anybody(number: int, part: float) -> None:
    """Another tip for some leaves body, age, pump and sheet of everybody as they were."""
    one = population().people(1, [number])
    other = population(tip_levels=shares({"T10": part, "T6": 1 - part})).people(1, [number])
    assert all(one.patients[name][0] == other.patients[name][0] for name in PARAMETERS)
    a, b = one.persons[0], other.persons[0]
    assert (a.sheet, a.age_years, a.pump, a.crcl_ml_per_min) == (b.sheet, b.age_years, b.pump, b.crcl_ml_per_min)


def test_what_is_given_holds_for_all_and_changes_nothing_else() -> None:
    """Also renal function, which is drawn otherwise."""
    plain = population().people(2, range(50))
    given_one = population(given=(("legs_ashworth", 4.0), ("creatinine_clearance_ml_per_min", 30.0))).people(2, range(50))
    assert set(given_one.patients["legs_ashworth"].tolist()) == {4.0}
    assert {person.crcl_ml_per_min for person in given_one.persons} == {30.0}
    for name in PARAMETERS:
        if name not in ("legs_ashworth", "creatinine_clearance_ml_per_min"):
            assert np.array_equal(plain.patients[name], given_one.patients[name]), name


def test_the_body_has_the_renal_function_that_the_rows_tell() -> None:
    """One number, in the person and in the body."""
    people = population().people(4, range(300))
    assert [one.crcl_ml_per_min for one in people.persons] == people.patients["creatinine_clearance_ml_per_min"].tolist()


@pytest.mark.parametrize("value", [0.7, -0.7])
def test_a_correlation_shows(value: float) -> None:
    """Between two parameters of the body, in the ranks of 3,000 people, and it leaves the distribution of each as it was."""
    names = ("legs_ashworth", "spasm_penn")
    one = population(sheets=shares({"adult-sci": 1.0}), correlations=((*names, value),)).people(6, range(3000)).patients
    other = population(sheets=shares({"adult-sci": 1.0})).people(6, range(3000)).patients
    assert spearmanr(one[names[0]], one[names[1]]).statistic == pytest.approx(6 / np.pi * np.arcsin(value / 2), abs=0.08)
    assert abs(spearmanr(other[names[0]], other[names[1]]).statistic) < 0.08
    for name in names:
        assert one[name].mean() == pytest.approx(other[name].mean(), abs=4 * other[name].std() / sqrt(1500))


def test_filters_pass_over_and_keep_numbers() -> None:
    """Who is enrolled is exactly who fits, by number, in order; another count only goes on."""
    only = (Only("age_years", 55.0, 70.0), Only("legs_ashworth", 3.0, float("inf")))
    some = population(only=only)
    people = population().people(9, range(2000))
    fits = [
        person.number
        for person, legs in zip(people.persons, people.patients["legs_ashworth"], strict=True)
        if 55 <= person.age_years <= 70 and legs >= 3
    ]
    assert list(some.enrolled(9, 40)) == fits[:40]
    assert list(some.enrolled(9, 100)) == fits[:100]
    assert same(some.people(9, [fits[7]]), 0, people, fits[7])


def test_without_filters_everybody_is_enrolled() -> None:
    """The first numbers, as a range that costs nothing."""
    assert population().enrolled(1, 10**9) == range(10**9)


@pytest.mark.parametrize("count", [1, 7, 10, 99, 100])
def test_strata_are_exact(count: int) -> None:
    """As many of each as its part of the whole, to one person, and nobody of another."""
    parts = {"multiple sclerosis": 0.25, "spinal-cord injury": 0.35, "cerebral": 0.4}
    one = population(stratum="origin", strata=shares(parts))
    numbers = list(one.enrolled(12, count))
    persons = one.people(12, numbers).persons
    assert len(set(numbers)) == count
    assert numbers == sorted(numbers)
    for name, part in parts.items():
        found = sum(person.stratum == name for person in persons)
        assert abs(found - part * count) < 1, name
    assert all(person.stratum == person.origin for person in persons)


def test_a_stratum_that_does_not_fill_is_told() -> None:
    """With how many are missing, and of which."""
    one = population(stratum="tip_level", strata=shares({"T10": 0.5, "T12": 0.5}))
    with pytest.raises(InputError, match="missing: 1 of T12"):
        one.enrolled(1, 2)


@pytest.mark.parametrize(
    "named", [{"a": 0.5}, {"a": 0.5, "b": 0.6}, {"a": 1.0, "b": 0.0}, {"a": -0.5, "b": 1.5}, {"a": float("nan")}, {}]
)
def test_shares_that_are_not_parts_of_a_whole_are_refused(named: dict[str, float]) -> None:
    """Whatever does not add up to 1, or is not above 0."""
    with pytest.raises(InputError, match="add up to 1"):
        shares(named)


def test_an_empty_list_of_people_is_refused() -> None:
    """A study of nobody is none."""
    with pytest.raises(InputError):
        population().people(1, [])


def test_a_bound_that_is_no_number_is_refused() -> None:
    """Nobody is at least NaN years old; the door says so."""
    with pytest.raises(ThecalError):
        protocol_of(HEAD + UNTREATED + '[[population.only]]\nname = "age_years"\nat_least = nan\n')


def test_a_share_above_one_is_refused() -> None:
    """A part of the people cannot be five times the people."""
    with pytest.raises(ThecalError):
        protocol_of(HEAD + UNTREATED + '[population.settings]\ntablets_share = "5"\n')
