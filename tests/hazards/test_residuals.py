"""Both kinds of error at a residual, counted on simulated refills: a sound pump suspected, and a failing one missed (H25)."""

from dataclasses import dataclass
from random import Random

import pytest

from thecal.pump.sheet import pump_sheet
from thecal.quantity import Volume
from thecal.therapy.refill import discrepancy_flag
from thecal.therapy.settings import settings_of

SHEETS = (pump_sheet("reference-20"), pump_sheet("reference-40"))
REFILLS = 5_000
"""So many of sound pumps, and as many of failing ones, for each size of reservoir."""
BIAS = 0.025
"""Clinical bias per refill: Wesemann 2014, PMC4218763."""
SPREAD = 1 / 3
"""A setting: the label's bound of the flow is taken as three standard deviations of sound pumps, and none is outside it."""
WORST = 0.30
"""A setting: the flow of a failing pump lies between the label's bound and so much above the programmed one."""
USED = (0.50, 0.75)
"""A setting: which shares of a reservoir were programmed to be used since the last fill."""
TENTH_NL = 100_000
"""A syringe is read to the tenth of a millilitre."""
READING = Volume.parse(settings_of("refill")["syringe_reading"].value, "syringe_reading").nl
ONE_LIMIT_NL = tuple(range(2 * TENTH_NL, 41 * TENTH_NL, TENTH_NL))
"""Every single limit from 0.2 to 4 mL, for reservoirs of both sizes alike."""


@dataclass(frozen=True)
class Errors:
    """How many sound pumps a rule suspects and how many failing ones it misses, of 20 mL and of 40 mL."""

    suspected: tuple[int, ...]
    missed: tuple[int, ...]

    def __str__(self) -> str:
        return f"sound suspected {self.suspected}, failing missed {self.missed} of {REFILLS} each in 20 and 40 mL"


@dataclass(frozen=True)
class Refills:
    """Residuals of sound and of failing pumps of one size: what was expected and what was read."""

    reservoir: Volume
    sound: list[tuple[Volume, Volume]]
    failing: list[tuple[Volume, Volume]]


def simulated(seed: int) -> tuple[Refills, ...]:
    random = Random(seed)
    many = []
    for sheet in SHEETS:
        label = sheet.flow_accuracy_ppm / 10**6
        sound = [max(-label, min(label, random.gauss(BIAS, label * SPREAD))) for _ in range(REFILLS)]
        failing = [random.uniform(label, WORST) for _ in range(REFILLS)]
        capacity = sheet.reservoir_capacity
        many.append(Refills(capacity, *([residual(random, capacity.nl, gain) for gain in gains] for gains in (sound, failing))))
    return tuple(many)


def residual(random: Random, capacity_nl: int, gain: float) -> tuple[Volume, Volume]:
    """A full reservoir after a share of it was programmed to be used: what is expected, and what the syringe reads."""
    used_nl = capacity_nl * random.uniform(*USED)
    left_nl = capacity_nl - used_nl * (1 + gain) + random.gauss(0, READING)
    return Volume(round(capacity_nl - used_nl)), Volume(max(round(left_nl / TENTH_NL), 0) * TENTH_NL)


def by_size(many: tuple[Refills, ...]) -> Errors:
    """RPC-07."""
    flags = [
        [[discrepancy_flag(*pair, one.reservoir) != "ok" for pair in pairs] for pairs in (one.sound, one.failing)] for one in many
    ]
    return Errors(tuple(sum(sound) for sound, _ in flags), tuple(REFILLS - sum(failing) for _, failing in flags))


def by_one_limit(many: tuple[Refills, ...], limit_nl: int) -> Errors:
    def flagged(pairs: list[tuple[Volume, Volume]]) -> int:
        return sum(abs(measured.nl - expected.nl) > limit_nl for expected, measured in pairs)

    return Errors(tuple(flagged(one.sound) for one in many), tuple(REFILLS - flagged(one.failing) for one in many))


@pytest.mark.parametrize("seed", [7, 25, 733])
def test_limits_by_size_err_less_than_any_one_limit_for_both_sizes(seed: int) -> None:
    """Any one limit that misses no more failing pumps suspects far more sound ones; one that suspects no more misses far more.

    Limits by size miss 0 to 2 of 10,000 failing pumps and suspect some 1,500 of 10,000 sound ones. A single limit that misses as
    few suspects at least 1.7 times as many; one that suspects as few misses at least 50 more.
    """
    many = simulated(seed)
    sized, singles = by_size(many), {limit: by_one_limit(many, limit) for limit in ONE_LIMIT_NL}
    as_watchful = {limit: one for limit, one in singles.items() if sum(one.missed) <= sum(sized.missed)}
    as_calm = {limit: one for limit, one in singles.items() if sum(one.suspected) <= sum(sized.suspected)}
    assert as_watchful
    assert as_calm
    for limit, one in as_watchful.items():
        told = f"{limit / 10**6} mL: {one}; by size: {sized}"
        assert sum(one.suspected) >= 1.7 * sum(sized.suspected), told
    for limit, one in as_calm.items():
        told = f"{limit / 10**6} mL: {one}; by size: {sized}"
        assert sum(one.missed) >= sum(sized.missed) + 50, told


@pytest.mark.parametrize("seed", [7, 25, 733])
def test_limits_by_size_treat_both_sizes_alike(seed: int) -> None:
    """1 mL for both sizes suspects nearly every second sound large pump; 2 mL misses more than a tenth of failing small ones."""
    many = simulated(seed)
    sized, strict, lax = by_size(many), by_one_limit(many, 1_000_000), by_one_limit(many, 2_000_000)
    told = f"by size: {sized}; 1 mL for both: {strict}; 2 mL for both: {lax}"
    small, large = sized.suspected
    assert max(small, large) <= 1.25 * min(small, large), told
    assert max(sized.missed) <= REFILLS // 100, told
    assert strict.suspected[1] >= 2 * strict.suspected[0], told
    assert strict.suspected[1] >= REFILLS * 2 // 5, told
    assert lax.missed[0] >= REFILLS // 10, told
    assert lax.missed[1] == sized.missed[1], told
