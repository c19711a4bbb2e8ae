"""What a reservoir holds after a fill on a rest of another strength."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.courses import ml
from thecal.quantity import Concentration, Volume
from thecal.therapy.mixture import agrees, mixed, mixture, rinsed, rinsed_to

STRONG, WEAK = Concentration(2000), Concentration(500)
RESTS = st.integers(0, 3_000_000).map(Volume)
FILLS = st.integers(1, 40_000_000).map(Volume)
STRENGTHS = st.integers(1, 4000).map(Concentration)


@pytest.mark.requirement("RPC-15")
@pytest.mark.parametrize(
    ("rest", "fill", "held"),
    [
        (1.4, 18.6, 605),  # 2,800 + 9,300 mcg in 20 mL in all: 21 % above the vial
        (1.4, 20, 598),  # 2,800 + 10,000 mcg in 21.4 mL: the same rest under a full usable volume
        (0, 20, 500),
        (1.4, 0, 2000),
        (0, 0, 500),
    ],
)
def test_a_rest_mixes_with_the_fill(rest: float, fill: float, held: int) -> None:
    """Unrinsed 1.4 mL from 2,000 to 500 mcg/mL."""
    assert mixture(ml(rest), STRONG, ml(fill), WEAK) == Concentration(held)


def test_halves_go_down() -> None:
    """1 and 2 mcg/mL in equal parts are 1.5, and are written 1."""
    assert mixture(ml(1), Concentration(1), ml(1), Concentration(2)) == Concentration(1)


@pytest.mark.requirement("RPC-15")
@pytest.mark.parametrize(("times", "held"), [(0, 2000), (1, 828), (2, 572), (3, 516), (20, 500)])
def test_each_rinse_thins_the_rest(times: int, held: int) -> None:
    """5 mL of 500 on 1.4 mL of 2,000: 1,500 times 1.4 / 6.4 to that power are left above the 500."""
    assert rinsed_to(ml(1.4), STRONG, ml(5), times, WEAK) == Concentration(held)
    assert rinsed(ml(1.4), Fraction(2000), ml(5), times, WEAK) == 500 + 1500 * Fraction(14, 64) ** times


@given(RESTS, STRENGTHS, FILLS, STRENGTHS)
def test_no_drug_is_made_or_lost_by_mixing(rest: Volume, old: Concentration, fill: Volume, new: Concentration) -> None:
    """Exactly before it is rounded, and then off by half a mcg/mL at most; always between the two."""
    held = mixed(rest, Fraction(old.mcg_per_ml), fill, new)
    assert held * (rest.nl + fill.nl) == rest.of(old).pg + fill.of(new).pg
    assert abs(held - mixture(rest, old, fill, new).mcg_per_ml) <= Fraction(1, 2)
    assert min(old, new) <= mixture(rest, old, fill, new) <= max(old, new)


@given(RESTS, STRENGTHS, FILLS, st.integers(0, 5), STRENGTHS)
def test_another_rinse_comes_nearer(rest: Volume, old: Concentration, rinse: Volume, times: int, new: Concentration) -> None:
    """Never away from the new strength; and rinsing is mixing with what stays."""
    first, then = (rinsed(rest, Fraction(old.mcg_per_ml), rinse, n, new) for n in (times, times + 1))
    assert abs(then - new.mcg_per_ml) <= abs(first - new.mcg_per_ml)
    assert then == mixed(rest, first, rinse, new)


@pytest.mark.parametrize(("written", "fits"), [(475, True), (474, False), (525, True), (526, False), (500, True)])
def test_a_concentration_fits_within_its_label(written: int, fits: bool) -> None:
    """5 % of what is held, either way, both ends included."""
    assert agrees(Concentration(written), WEAK) is fits
