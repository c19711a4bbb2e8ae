"""Populations: patient number N is the same person however drawn, and as varied as the sheet says."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given as hypothesis_given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from thecal.body.patient import PARAMETERS, Patients, PatientSheet, Spread, patient_sheet
from thecal.errors import InputError
from thecal.study.population import WORD_MAX, draw, substream, uniforms

Floats = NDArray[np.float64]
Numbers = st.integers(0, WORD_MAX)
SHEET = patient_sheet("adult-ms")
VARYING = [name for name, setting in SHEET.settings.items() if setting.spread]


def same(one: Patients, other: Patients) -> bool:
    """To the bit."""
    return all(np.array_equal(one[name], other[name]) for name in PARAMETERS)


def varied(name: str, spread: Spread | None, correlations: dict[tuple[str, str], float] | None = None) -> PatientSheet:
    """The sheet with another spread of one parameter."""
    settings = {**SHEET.settings, name: replace(SHEET.settings[name], spread=spread)}
    return replace(SHEET, settings=settings, correlations=correlations or {})


def philox(key: tuple[int, int], counter: list[int]) -> list[int]:
    """One block of Philox 4x64-10 after Salmon and others 2011, in whole numbers."""
    mask, (low, high) = 2**64 - 1, key
    a, b, c, d = counter
    for _ in range(10):
        one, other = 0xD2E7470EE14C6C93 * a, 0xCA5A826395121157 * c
        a, b, c, d = (other >> 64) ^ b ^ low, other & mask, (one >> 64) ^ d ^ high, one & mask
        low, high = (low + 0x9E3779B97F4A7C15) & mask, (high + 0xBB67AE8584CAA73B) & mask
    return [a, b, c, d]


@hypothesis_given(Numbers, Numbers, st.sampled_from(["body", "flow", "visits"]))
def test_chance_is_the_published_generator(seed: int, number: int, noun: str) -> None:
    """Key (seed, patient); the noun's hash is the highest word of the counter; blocks count from 1."""
    word = int.from_bytes(hashlib.sha256(noun.encode()).digest()[:8], "little")
    expected = [*philox((seed, number), [1, 0, 0, word]), *philox((seed, number), [2, 0, 0, word])]
    assert substream(seed, number, noun).random_raw(8).tolist() == expected
    found = uniforms(seed, [number], noun, 8)[0]
    assert found.tolist() == [((raw >> 12) + 0.5) / 2**52 for raw in expected]
    assert 0 < found.min() <= found.max() < 1


@pytest.mark.requirement("BOD-09")
@hypothesis_given(st.lists(st.integers(0, 500), min_size=1, max_size=40), Numbers)
def test_a_patient_is_the_same_alone_and_among_others(numbers: list[int], seed: int) -> None:
    """In any order, repeated or not, to the bit."""
    together = draw("adult-ms", seed, numbers)
    assert together.count == len(numbers)
    for place, number in enumerate(numbers):
        assert same(together.take([place]), draw("adult-ms", seed, [number]))


def test_a_patient_is_the_same_among_very_many() -> None:
    """Vectorized arithmetic gives the same bits wherever in a batch somebody stands."""
    many = draw("adult-ms", 3, range(20_000))
    which = [0, 1, 7, 8, 9, 4095, 4096, 19_998, 19_999]
    assert same(many.take(which), draw("adult-ms", 3, which[::-1]).take(range(len(which))[::-1]))


def test_seeds_and_numbers_make_other_people() -> None:
    """And so do the largest of them."""
    people = [draw("adult-ms", *who) for who in ((1, [1]), (2, [1]), (1, [2]), (WORD_MAX, [0]), (0, [WORD_MAX]))]
    assert len({float(person["ec50_tone_ng_per_ml"][0]) for person in people}) == len(people)


@pytest.mark.requirement("BOD-09")
def test_what_begins_to_vary_changes_nobody_else() -> None:
    """Every parameter has its own uniform, also while it does not vary."""
    before = draw(SHEET, 5, range(300))
    after = draw(varied("hill_tone", Spread("log-normal", 0.2)), 5, range(300))
    assert np.ptp(after["hill_tone"]) > 0
    assert all(np.array_equal(before[name], after[name]) for name in PARAMETERS if name != "hill_tone")
    without = draw(varied("canal_length_cm", None), 5, range(300))
    assert same(before, without)


def test_who_does_not_vary_is_still_many() -> None:
    """A sheet without any spread gives as many patients as were asked for, all typical."""
    settings = {name: replace(setting, spread=None) for name, setting in SHEET.settings.items()}
    patients = draw(replace(SHEET, settings=settings), 1, range(3))
    assert patients.count == 3
    assert all((patients[name] == setting.typical).all() for name, setting in settings.items())


@pytest.mark.parametrize("name", VARYING)
def test_parameters_vary_as_the_sheet_says(name: str) -> None:
    """Kolmogorov and Smirnov against the distribution in scipy; a mixture by its share."""
    setting = SHEET.settings[name]
    spread, parameter = setting.spread, setting.parameter
    assert spread is not None
    drawn = draw("adult-ms", 11, range(4000))[name]
    if spread.kind == "mixture":
        assert set(drawn) == {setting.typical, setting.typical * spread.factor}
        part = int((drawn == setting.typical * spread.factor).sum())
        assert stats.binomtest(part, len(drawn), spread.size).pvalue > 1e-3
        return
    if spread.kind == "log-normal":
        found = stats.kstest(np.log(drawn / setting.typical) / spread.size, "norm")
    else:
        ends = [(end - setting.typical) / spread.size for end in (parameter.low, parameter.high)]
        found = stats.kstest(drawn, stats.truncnorm(*ends, loc=setting.typical, scale=spread.size).cdf)
        assert not np.isin(drawn, [parameter.low, parameter.high]).any()  # nobody is set to an end of the range
    assert found.pvalue > 1e-3


@pytest.mark.parametrize("spread", [Spread("normal", 1e6), Spread("log-normal", 1000.0), Spread("normal", 1e-12)])
def test_nobody_is_outside_the_range_however_wide_the_spread(spread: Spread) -> None:
    """Also where the range begins at 0."""
    for name in ("uptake_per_h", "cranial_loss_ml_per_h"):
        drawn = draw(varied(name, spread), 2, range(500))[name]
        assert PARAMETERS[name].low <= drawn.min() <= drawn.max() <= PARAMETERS[name].high


def test_correlations_are_those_of_the_sheet() -> None:
    """Of logarithms where these are normal; who is not correlated stays the same to the bit, and so does the first who is."""
    pairs = {("dispersion_cm2_per_h", "uptake_per_h"): 0.6, ("uptake_per_h", "legs_ashworth"): -0.4}
    plain, tied = draw(SHEET, 4, range(4000)), draw(replace(SHEET, correlations=pairs), 4, range(4000))
    named = ["dispersion_cm2_per_h", "uptake_per_h", "legs_ashworth"]
    assert all(np.array_equal(plain[name], tied[name]) for name in PARAMETERS if name not in named[1:])
    logs = np.log([tied[name] for name in named[:2]])
    assert stats.pearsonr(logs[0], logs[1]).statistic == pytest.approx(0.6, abs=4 / np.sqrt(4000))
    ranks = stats.spearmanr(tied["uptake_per_h"], tied["legs_ashworth"]).statistic
    assert ranks == pytest.approx(6 / np.pi * np.arcsin(-0.4 / 2), abs=4 / np.sqrt(4000))
    assert stats.kstest(logs[1], stats.norm(np.log(0.36), 0.3).cdf).pvalue > 1e-3
    which = [17, 3999, 0]
    assert same(tied.take(which), draw(replace(SHEET, correlations=pairs), 4, which))


def test_correlations_that_cannot_hold_together_are_refused() -> None:
    """A sheet put together by hand is checked as one that is read."""
    three = ("dispersion_cm2_per_h", "uptake_per_h", "ke0_tone_per_h")
    pairs = {(three[0], three[1]): 0.9, (three[1], three[2]): 0.9, (three[0], three[2]): -0.9}
    with pytest.raises(InputError, match="not positive definite"):
        draw(replace(SHEET, correlations=pairs), 1, [1])


def test_given_values_replace_what_is_drawn_and_nothing_else() -> None:
    """One for all, or one for each."""
    plain = draw("adult-ms", 1, range(4))
    other = draw("adult-ms", 1, range(4), legs_ashworth=4.2, canal_length_cm=[50, 55, 60, 65])
    assert other["legs_ashworth"].tolist() == [4.2] * 4
    assert other["canal_length_cm"].tolist() == [50, 55, 60, 65]
    assert all(
        np.array_equal(plain[name], other[name]) for name in PARAMETERS if name not in ("legs_ashworth", "canal_length_cm")
    )


@pytest.mark.parametrize(
    ("seed", "numbers", "given", "says"),
    [
        (1, [], {}, ["numbers", "empty population", "one patient or more"]),
        (-1, [1], {}, ["seed", "-1", "0 to 2^64 - 1", "Philox"]),
        (2**64, [1], {}, ["seed", str(2**64), "0 to 2^64 - 1"]),
        (1, [3, -2], {}, ["number", "-2", "0 to 2^64 - 1"]),
        (1, [2**64], {}, ["number", str(2**64)]),
        (1, [1.5], {}, ["number", "1.5", "whole number"]),
        (1, 1000, {}, ["numbers", "range(1000)"]),
        (1, [1, 2], {"legs_ashworth": 7}, ["legs_ashworth", "'7'", "1 to 5", "own values"]),
        (1, [1, 2], {"legs_ashworth": float("nan")}, ["legs_ashworth", "nan"]),
        (1, [1, 2], {"legs_ashworth": [3, 4, 5]}, ["legs_ashworth", "3 values", "2, one for each"]),
        (1, [1], {"legs_ashworth": [3, 4, 5]}, ["legs_ashworth", "3 values"]),
        (1, [1], {"leg_ashworth": 3}, ["leg_ashworth", "not a parameter", "'legs_ashworth'"]),
    ],
)
def test_what_is_no_population_is_refused(seed: int, numbers: list[int], given: dict[str, float], says: list[str]) -> None:
    """Naming the field, the value and what is accepted."""
    with pytest.raises(InputError) as caught:
        draw("adult-ms", seed, numbers, **given)
    assert all(piece in str(caught.value) for piece in says), str(caught.value)


def test_a_seed_too_long_to_print_is_refused() -> None:
    """Its thousands of digits are not shown."""
    with pytest.raises(InputError, match="seed: 'a int too long to print'"):
        draw("adult-ms", 10**5000, [1])


def test_a_sheet_that_does_not_exist_is_refused() -> None:
    """With the nearest name."""
    with pytest.raises(InputError, match="adult-ms"):
        draw("adult-sm", 1, [1])
