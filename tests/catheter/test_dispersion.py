"""What the line makes of a front, against closed forms and against particles that walk through a tube.

The line mixes in whole slices of 1 cm and at whole mixings. ``margin`` says what that may cost.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import erfc, pi, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.catheter.walkers import Estimate, Floats, Tube, spilled, walked
from tests.courses import START, done, needled
from thecal.catheter.dispersion import FIRST_DRUG_AT_FRACTION, SPILLED_FRACTION_BOUND, front_at_tip
from thecal.catheter.geometry import Geometry, catheter_sheet
from thecal.catheter.line import Bore, Hole, Line
from thecal.catheter.transport import transport
from thecal.fluid import Parcel, amount_of, take_front, volume_of
from thecal.pump.advance import advance
from thecal.pump.handle import handle
from thecal.pump.messages import Fill, StartBolus
from thecal.pump.program import PrimingBolus
from thecal.pump.reservoir import perform
from thecal.pump.sheet import pump_sheet
from thecal.pump.state import new_pump
from thecal.quantity import Concentration, FlowRate, Length, Volume
from thecal.timeline import DAY_S, NO_FLOW, Block, Duration, Instant, Interval, Pattern

GEOMETRY = Geometry(catheter_sheet("indura-8709sc"), Length(0), "T10", Volume(140_000))
LUMEN_NL, TUBING_NL, SLICE_NL = 196_690, 140_000, 2210
MCG_PER_ML = 500
PRIMING, BASAL = 24, 0.25
AHEAD_NL = (0, 35_000, 70_000, 105_000, 140_000)
"""Where in the tubing the front begins: this much water still lies between it and the catheter. It must not matter."""


def margin(tube: Tube) -> float:
    """What whole slices and whole mixings may cost, as a part of how far a front spreads.

    The first and the last mixing of a front may be missed, each half of one over their number of its spread; and 2 % more, of
    which 0.4 % at priming flow is that nothing diffuses across either end (the closed ends of Danckwerts, computed apart on a
    grid 20 times finer) and the rest a front that is known to a slice of 1 cm, which is at most one standard deviation of it.
    """
    return 1 / tube.mixings + 0.02


@dataclass(frozen=True)
class Collected:
    """What came out at the tip since a front entered the catheter: nanolitres, and the drug in them as full-strength ones."""

    volumes: Floats
    drug: Floats

    @classmethod
    def of(cls, tip: Iterable[Block], mcg_per_ml: float, ahead_nl: int = 0) -> "Collected":
        blocks = list(tip)
        volumes = np.cumsum([0, *(block.volume_nl for block in blocks)]) - ahead_nl
        return cls(volumes.astype(np.float64), np.cumsum([0, *(block.amount_pg for block in blocks)]) / mcg_per_ml)

    def by(self, volumes: Floats) -> Floats:
        return np.interp(volumes, self.volumes, self.drug)

    @property
    def spilled(self) -> float:
        """What has passed the tip after one lumen volume, as a part of the lumen."""
        return float(self.by(np.array([LUMEN_NL]))[0]) / LUMEN_NL

    def curve(self, volumes: Floats) -> Floats:
        """The strength of a slice collected around each of some volumes."""
        return (self.by(volumes + SLICE_NL / 2) - self.by(volumes - SLICE_NL / 2)) / SLICE_NL


def pushed(ml_per_day: float, ahead_nl: int = 0, until_nl: int = LUMEN_NL) -> Collected:
    """Drug behind water, pushed at a flow until so much has passed since the front entered the catheter."""
    push_nl = ahead_nl + until_nl
    seconds = -(-push_nl * DAY_S // round(ml_per_day * 10**6))  # the flow as given or up to a second in all slower
    total_nl = TUBING_NL + push_nl
    tubing, incoming = take_front((Parcel.whole(total_nl, total_nl * MCG_PER_ML),), TUBING_NL - ahead_nl)
    (behind,) = take_front(incoming, push_nl)[0]
    line = Line((Parcel.whole(LUMEN_NL + ahead_nl, 0, "sterile water"), *tubing), GEOMETRY.bore)
    interval = Interval(START, Instant(START.s + seconds))
    arrived = transport(line, Block(interval, Pattern.of([(seconds, push_nl)], seconds), 0, 0, (behind,)))
    tip = arrived.tip
    assert sum(block.volume_nl for block in tip) == push_nl
    assert sum(block.amount_pg for block in tip) + arrived.line.amount_pg == (total_nl - ahead_nl) * MCG_PER_ML
    return Collected.of(tip, MCG_PER_ML, ahead_nl)


def breakthrough(tube: Tube, volumes_nl: Floats) -> Floats:
    """The advection-dispersion equation at the tip, each slice of 1 cm collected."""

    def strength(nl: float) -> float:
        if nl <= 0:
            return 0.0
        at = nl * 10**-6 / tube.area
        return erfc((tube.length - at) / sqrt(4 * tube.dispersion * at / tube.velocity)) / 2

    around = (np.arange(20) + 0.5) / 20 - 0.5
    return np.array([np.mean([strength(nl + part * SLICE_NL) for part in around]) for nl in volumes_nl])


# The walk at priming flow ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def walk() -> Estimate:
    """What 30,000 particles say of the drug past the tip after a prime by one lumen volume."""
    tube = Tube(PRIMING)
    return spilled(tube, walked(tube, walkers=30_000, steps=1000, seed=8709))


def agrees(line: float, walk: Estimate, tube: Tube) -> None:
    assert abs(line - walk.value) < 3 * walk.error + margin(tube) * walk.value, f"line {line:.5f}, {walk}"


@pytest.mark.requirement("CAT-06")
def test_the_closed_form_is_what_particles_do(walk: Estimate) -> None:
    """The walk is within its own error of the dispersion that is exact in time, which Taylor's is 0.6 % above at the tip."""
    tube = Tube(PRIMING)
    exact = tube.aris_sigma / sqrt(2 * pi) / tube.length
    assert walk.error < 0.006 * walk.value
    assert abs(walk.value - exact) < 3 * walk.error
    assert tube.spilled == pytest.approx(exact, rel=0.01)
    front = front_at_tip(GEOMETRY.length, GEOMETRY.sheet.volume_per_length, FlowRate(PRIMING * 10**6))
    assert front.spilled_fraction == pytest.approx(tube.spilled, rel=1e-9)
    assert front.seconds == pytest.approx(tube.seconds, rel=1e-9)


@pytest.mark.requirement("CAT-06")
@pytest.mark.parametrize("ahead_nl", AHEAD_NL)
def test_a_prime_spills_what_particles_do(ahead_nl: int, walk: Estimate) -> None:
    """One lumen volume at 24 mL/day, wherever in the tubing the drug began."""
    agrees(pushed(PRIMING, ahead_nl).spilled, walk, Tube(PRIMING))


@pytest.mark.requirement("CAT-06")
def test_a_priming_bolus_spills_what_particles_do(walk: Estimate) -> None:
    """A pump out of its box, filled, primes tubing and catheter by exactly their volume."""
    dead_nl = GEOMETRY.dead_volume.nl
    seconds = -(-dead_nl * DAY_S // (PRIMING * 10**6))
    pump = needled(perform(new_pump(pump_sheet("reference-40"), START), Fill(Volume(20_000_000), Concentration(MCG_PER_ML))))
    strength = pump.mechanics.reservoir.mcg_per_ml
    pump = done(handle(pump, StartBolus(PrimingBolus(Volume(dead_nl), Duration(seconds)))))
    line = Line.holding(GEOMETRY.dead_volume, "sterile water", bore=GEOMETRY.bore)
    tip: list[Block] = []
    for block in advance(pump, Instant(START.s + seconds)).blocks:
        arrived = transport(line, block)
        line = arrived.line
        tip += arrived.tip
    assert sum(block.volume_nl for block in tip) == dead_nl
    agrees(Collected.of(tip, strength, TUBING_NL).spilled, walk, Tube(PRIMING))


@pytest.mark.requirement("CAT-06")
@pytest.mark.long
@pytest.mark.parametrize(("ml_per_day", "batches", "steps"), [(PRIMING, 15, 2000), (5, 2, 8000)])
def test_a_larger_walk_agrees_too(ml_per_day: float, batches: int, steps: int) -> None:
    """A walk to a quarter of a percent at priming flow, in finer steps, and one at a fifth of it."""
    tube = Tube(ml_per_day)
    walk = spilled(tube, np.concatenate([walked(tube, 20_000, steps, seed) for seed in range(batches)]))
    assert abs(walk.value - tube.aris_sigma / sqrt(2 * pi) / tube.length) < 3 * walk.error
    for ahead_nl in AHEAD_NL:
        agrees(pushed(ml_per_day, ahead_nl).spilled, walk, tube)


# Other flows -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("CAT-06")
@pytest.mark.parametrize("ahead_nl", AHEAD_NL)
@pytest.mark.parametrize("ml_per_day", [28.8, 12, 5, 1, BASAL])
def test_a_front_spreads_as_the_closed_form_at_any_flow(ml_per_day: float, ahead_nl: int) -> None:
    """What is past the tip after one lumen volume, from the fastest pump to a basal flow."""
    tube = Tube(ml_per_day)
    assert pushed(ml_per_day, ahead_nl).spilled == pytest.approx(tube.spilled, rel=margin(tube))


@pytest.mark.requirement("CAT-06")
@pytest.mark.parametrize("ahead_nl", AHEAD_NL)
@pytest.mark.parametrize("ml_per_day", [PRIMING, 5, 1, BASAL])
def test_a_front_is_as_wide_as_the_closed_form(ml_per_day: float, ahead_nl: int) -> None:
    """From 10 to 90 % at the tip, in millilitres; a quarter of a slice more or less is how finely it can be read."""
    tube = Tube(ml_per_day)
    volumes = np.arange(LUMEN_NL // 2, 2 * LUMEN_NL - SLICE_NL, SLICE_NL // 20, dtype=np.float64)
    curve = pushed(ml_per_day, ahead_nl, 2 * LUMEN_NL).curve(volumes)
    width_ml = (volumes[np.argmax(curve > 0.9)] - volumes[np.argmax(curve > 0.1)]) / 10**6
    closed_ml = 2 * 1.2816 * tube.sigma * tube.area
    assert width_ml == pytest.approx(closed_ml, rel=margin(tube), abs=SLICE_NL / 4 / 10**6)


@pytest.mark.requirement("CAT-06")
def test_a_front_at_a_basal_flow_is_nearly_a_plug() -> None:
    """Past the tip is the sixth part of what it is after a prime: a microlitre, half a slice."""
    assert Tube(BASAL).spilled < Tube(PRIMING).spilled / 6
    for ahead_nl in AHEAD_NL:
        assert pushed(BASAL, ahead_nl).spilled * LUMEN_NL < 0.55 * SLICE_NL


# The whole curve -------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("CAT-06")
@pytest.mark.parametrize("ahead_nl", AHEAD_NL)
@pytest.mark.parametrize(("ml_per_day", "most"), [(PRIMING, 0.03), (5, 0.06), (BASAL, 0.1)])
def test_the_breakthrough_is_the_solution_of_the_equation(ml_per_day: float, most: float, ahead_nl: int) -> None:
    """Concentration against volume at the tip, slice by slice, and never more than the drug that went in."""
    volumes = np.arange(LUMEN_NL // 2, 3 * LUMEN_NL // 2, SLICE_NL // 5, dtype=np.float64)
    curve = pushed(ml_per_day, ahead_nl, 2 * LUMEN_NL).curve(volumes)
    assert np.abs(curve - breakthrough(Tube(ml_per_day), volumes)).max() < most
    assert np.diff(curve).min() > -1e-6
    assert curve[0] < 1e-3
    assert 0.999 < curve[-1] < 1 + 1e-6


# Without diffusion -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("CAT-04")
def test_the_bound_is_the_profile_without_diffusion() -> None:
    """Gauss-Legendre over the radius, and the walk as diffusion goes to zero, from below."""
    nodes, weights = np.polynomial.legendre.leggauss(40)
    edge = sqrt(0.5)  # inside it fluid is faster than the mean and has passed the tip
    radius, weight = edge * (nodes + 1) / 2, edge * weights / 2
    assert float(np.sum(weight * 2 * radius * (2 * (1 - radius**2) - 1))) == pytest.approx(SPILLED_FRACTION_BOUND, abs=1e-12)
    arrival = 1 / (2 * (1 - np.linspace(0, 1, 1000, endpoint=False) ** 2))
    assert arrival.min() == FIRST_DRUG_AT_FRACTION
    tubes = [Tube(PRIMING, diffusion) for diffusion in (6e-6, 6e-7, 6e-8, 6e-9, 6e-14)]
    walks = [walked(tube, walkers=4000, steps=300, seed=1) for tube in tubes]
    amounts = [spilled(tube, walk).value for tube, walk in zip(tubes, walks, strict=True)]
    first = [tube.length / float(walk.max()) for tube, walk in zip(tubes, walks, strict=True)]
    assert amounts == sorted(amounts)
    assert first == sorted(first, reverse=True)
    assert amounts[-1] == pytest.approx(SPILLED_FRACTION_BOUND, rel=1e-4)  # beginnings lie evenly: hardly any error
    assert first[-1] == pytest.approx(FIRST_DRUG_AT_FRACTION, rel=1e-3)
    assert max(amounts[:-1]) < SPILLED_FRACTION_BOUND
    assert min(first) >= FIRST_DRUG_AT_FRACTION


# Not a picogram --------------------------------------------------------------------------------------------------------

VOLUMES = st.one_of(st.integers(1, 5000), st.integers(1, 90_000))
PARCELS = st.builds(
    lambda nl, ppm, content: Parcel.whole(nl, nl * 2000 * ppm // 10**6, "drug" if nl * ppm else content),
    VOLUMES,
    st.one_of(st.just(0), st.just(10**6), st.integers(0, 10**6)),
    st.sampled_from(["sterile water", "CSF"]),
)
LINES = st.builds(
    lambda parcels, lumen_nl, spread: Line(tuple(parcels), Bore(SLICE_NL, lumen_nl), spread),
    st.lists(PARCELS, min_size=1, max_size=30),
    st.integers(1, 400_000),
    st.fractions(0, Fraction(99, 100), max_denominator=100),
)


def joined(parcels: Iterable[Parcel]) -> list[Parcel]:
    """The same parcels, with the parts of a fluid that lie next to each other as one."""
    row: list[Parcel] = []
    for parcel in parcels:
        row[-1:] = [row[-1].joined(parcel)] if row and row[-1].joins(parcel) else [*row[-1:], parcel]
    return row


def strongest(line: Line) -> Fraction:
    return max(Fraction(parcel.amount_pg, parcel.volume_nl) for parcel in line.parcels if parcel.volume_nl)


@pytest.mark.requirement("CAT-07")
@given(LINES)
def test_a_mixing_neither_makes_nor_loses_a_picogram(line: Line) -> None:
    """Sums stay, nothing is negative, nothing gets stronger than the strongest, and what lies in the tubing stays as it is."""
    volume_nl, amount_pg = line.volume_nl, line.amount_pg
    assert line.bore is not None
    lumen_nl = line.bore.lumen_nl
    tubing = take_front(line.parcels, lumen_nl)[1]
    for _ in range(25):
        before, line = line, line.mixed()
        assert (line.volume_nl, line.amount_pg) == (volume_nl, amount_pg)
        assert all(parcel.volume_nl >= 0 and parcel.amount_pg >= 0 for parcel in line.parcels)
        allowed = strongest(before)  # and up to a picogram for each rounding: two exchanges, two cuts
        assert all(parcel.amount_pg <= allowed * parcel.volume_nl + 4 for parcel in line.parcels)
    after = take_front(line.parcels, lumen_nl)[1]
    row = Line(()).with_row  # parts of one fluid that lie side by side are one
    assert row(after) == row(tubing)


@pytest.mark.requirement("CAT-07")
@given(LINES, st.sampled_from([None, (50_000, 0), (50_000, 123_457), (3, 999_999)]), st.integers(0, 600_000))
def test_a_transport_with_mixing_loses_nothing(line: Line, hole: tuple[int, int] | None, push_nl: int) -> None:
    """What was in the line and what came in is in the line, out at the tip or lost through a hole, at any flow."""
    line = Line(line.parcels, line.bore, line.spread, Hole(*hole) if hole else None)
    seconds = 20_000
    incoming = (Parcel.whole(push_nl, push_nl * 777),) if push_nl else ()
    interval = Interval(START, Instant(START.s + seconds))
    arrived = transport(line, Block(interval, Pattern.of([(seconds, push_nl)], seconds), 0, 0, incoming))
    out = [parcel for block in arrived.tip for parcel in block.parcels]
    assert arrived.line.volume_nl + volume_of(out) + arrived.lost_nl == line.volume_nl + push_nl
    assert arrived.line.amount_pg + amount_of(out) + arrived.lost_pg == line.amount_pg + amount_of(incoming)
    assert all(parcel.amount_pg >= 0 for parcel in (*out, *arrived.line.parcels))
    assert arrived.lost_pg >= 0


NEARLY_ALIKE = st.builds(lambda nl, more: Parcel.whole(nl, nl * 500 + nl * more // 10**5), VOLUMES, st.integers(0, 50))
HOLES = st.none() | st.builds(Hole, st.integers(SLICE_NL // 10, 60_000), st.sampled_from([0, 1000, 123_457, 500_000, 999_999]))


@pytest.mark.requirement("CAT-07")
@given(
    st.lists(PARCELS | NEARLY_ALIKE, min_size=1, max_size=8),
    st.integers(1, 200_000),
    HOLES,
    st.lists(PARCELS | NEARLY_ALIKE, min_size=1, max_size=3),
    st.sampled_from([500, 5000, 40_000]),
    st.sets(st.integers(1, 39_999), max_size=20),
)
def test_a_flow_cut_anywhere_mixes_as_often(
    parcels: list[Parcel], lumen_nl: int, hole: Hole | None, incoming: list[Parcel], seconds: int, cuts: set[int]
) -> None:
    """Also where the last fluid that differs leaves the lumen, or is lost through a hole, between two mixings."""
    parcels = [Parcel.whole(SLICE_NL, 0, "CSF"), *parcels]
    hole = hole and Hole(min(hole.beyond_nl, volume_of(parcels)), hole.kept_ppm)
    line = Line(tuple(parcels), Bore(SLICE_NL, min(lumen_nl, volume_of(parcels))), Fraction(0), hole)
    interval = Interval(START, Instant(START.s + seconds))
    block = Block(interval, Pattern.of([(seconds, volume_of(incoming))], seconds), 0, 0, tuple(incoming))
    whole = transport(line, block)
    lost_nl = lost_pg = 0
    for at in sorted(cut for cut in cuts if cut < seconds):
        before, block = block.cut(at - (block.interval.start.s - START.s))
        arrived = transport(line, before)
        line, lost_nl, lost_pg = arrived.line, lost_nl + arrived.lost_nl, lost_pg + arrived.lost_pg
    arrived = transport(line, block)
    assert arrived.line == whole.line
    assert (lost_nl + arrived.lost_nl, lost_pg + arrived.lost_pg) == (whole.lost_nl, whole.lost_pg)


@pytest.mark.requirement("CAT-07")
@given(st.lists(VOLUMES, min_size=1, max_size=12), st.integers(0, 2000), st.integers(1, 400_000))
def test_a_line_of_one_concentration_stays_as_it_is(volumes: list[int], mcg_per_ml: int, lumen_nl: int) -> None:
    """The same parcels after any number of mixings, also where they are different fluids, and after ten days at rest."""
    parcels = tuple(Parcel.whole(nl, nl * mcg_per_ml) for nl in volumes)
    line = Line(parcels, Bore(SLICE_NL, lumen_nl))
    mixed = line
    for _ in range(5):
        mixed = mixed.mixed()
        assert joined(mixed.parcels) == joined(parcels)
    assert transport(line, resting(10)).line.parcels == parcels


# At rest ---------------------------------------------------------------------------------------------------------------


def resting(days: int) -> Block:
    return Block(Interval(START, Instant(START.s + days * DAY_S)), NO_FLOW, 0, 0, ())


def sigma_cm(line: Line) -> float:
    """How far the steps in concentration along the line are spread."""
    ends = np.cumsum([parcel.volume_nl for parcel in line.parcels]) / SLICE_NL
    steps = np.array([after.mcg_per_ml - before.mcg_per_ml for before, after in pairwise(line.parcels)])
    mean = np.average(ends[:-1], weights=steps)
    return sqrt(float(np.average((ends[:-1] - mean) ** 2, weights=steps)))


@pytest.mark.requirement("CAT-06")
@pytest.mark.parametrize("days", [10, 30])
def test_a_front_at_rest_spreads_by_molecular_diffusion(days: int) -> None:
    """A pump stands still for days: the square root of 2 D t, and as much drug beyond the front as the closed form has.

    The last mixing may be missed: half of one over their number.
    """
    water = 40 * SLICE_NL
    drug = Parcel.whole(GEOMETRY.dead_volume.nl - water, (GEOMETRY.dead_volume.nl - water) * MCG_PER_ML)
    line = Line((Parcel.whole(water, 0, "sterile water"), drug), GEOMETRY.bore)
    pump = new_pump(pump_sheet("reference-40"), START)
    for block in advance(pump, Instant(START.s + days * DAY_S)).blocks:
        line = transport(line, block).line
    sigma = sqrt(2 * 6e-6 * days * DAY_S)
    missed = 1 / (2 * 4 * 6e-6 * days * DAY_S) + 0.005
    assert sigma_cm(line) == pytest.approx(sigma, rel=missed)
    beyond = amount_of(take_front(line.parcels, water)[0]) / MCG_PER_ML / SLICE_NL
    assert beyond == pytest.approx(sigma / sqrt(2 * pi), rel=missed)


# The tubing ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("water_nl", [LUMEN_NL, LUMEN_NL + 60_000])
def test_tubing_does_not_mix_at_rest(water_nl: int) -> None:
    """Thirty days at rest leave a front in the tubing, or where the catheter begins, as sharp as it was."""
    drug_nl = GEOMETRY.dead_volume.nl - water_nl
    parcels = (Parcel.whole(water_nl, 0, "sterile water"), Parcel.whole(drug_nl, drug_nl * MCG_PER_ML))
    assert joined(transport(Line(parcels, GEOMETRY.bore), resting(30)).line.parcels) == list(parcels)


@pytest.mark.parametrize("ml_per_day", [PRIMING, BASAL])
def test_tubing_does_not_mix_in_a_flow(ml_per_day: float) -> None:
    """Water on its way through the tubing, at any flow, until the drug behind it is at the catheter: a plug."""
    push_nl = TUBING_NL
    seconds = -(-push_nl * DAY_S // round(ml_per_day * 10**6))
    water = Parcel.whole(GEOMETRY.dead_volume.nl, 0, "sterile water")
    drug = Parcel.whole(push_nl, push_nl * MCG_PER_ML)
    block = Block(Interval(START, Instant(START.s + seconds)), Pattern.of([(seconds, push_nl)], seconds), 0, 0, (drug,))
    arrived = transport(Line((water,), GEOMETRY.bore), block)
    assert sum(part.amount_pg for part in arrived.tip) == 0
    lumen, tubing = take_front(arrived.line.parcels, LUMEN_NL)
    assert amount_of(lumen) == 0
    assert joined(tubing) == [drug]
