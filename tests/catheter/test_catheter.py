"""The catheter: what it holds, in which order it comes out, and what runs ahead of a front."""

from math import erfc, sqrt

import numpy as np
import pytest

from tests.courses import START, flow, ml, running_pump
from thecal.catheter.dispersion import FIRST_DRUG_AT_FRACTION, SPILLED_FRACTION_BOUND, front_at_tip
from thecal.catheter.geometry import Geometry, catheter_sheet
from thecal.catheter.line import Line
from thecal.catheter.transport import transport
from thecal.errors import InputError
from thecal.fluid import Parcel
from thecal.pump.advance import advance
from thecal.pump.program import SimpleContinuous
from thecal.quantity import FlowRate, Length, Volume, VolumePerLength
from thecal.timeline import DAY_S, Instant

INDURA = catheter_sheet("indura-8709sc")


@pytest.mark.requirement("CAT-01")
def test_the_dead_volume_is_tubing_and_catheter() -> None:
    """0.14 mL of tubing and 80 of 89 cm of catheter at 0.00221 mL/cm."""
    geometry = Geometry(INDURA, Length.parse("9 cm"), "T10", ml(0.14))
    assert geometry.length == Length(800)
    assert geometry.catheter_volume == ml(0.1768)
    assert geometry.dead_volume == ml(0.3168)


@pytest.mark.requirement("CAT-03")
def test_a_geometry_that_cannot_be_is_refused() -> None:
    """Trimmed away, or a tip outside the spine."""
    with pytest.raises(InputError, match="leaves nothing"):
        Geometry(INDURA, Length.parse("89 cm"), "T10", ml(0.14))
    with pytest.raises(InputError, match="vertebral level"):
        Geometry(INDURA, Length(0), "T13", ml(0.14))


@pytest.mark.requirement("CAT-02")
def test_what_went_in_first_comes_out_first() -> None:
    """Water out of the line, then the drug, each to the nanolitre; the front at the first second at or after its passage."""
    pump = running_pump(SimpleContinuous(flow(0.2)))
    passage = advance(pump, Instant(START.s + 10 * DAY_S))
    arrived = transport(Line.holding(ml(0.3), "sterile water"), passage.blocks[0])
    line, (water, drug) = arrived.line, arrived.tip
    assert water.amount_pg == 0
    assert water.interval.seconds == 300_000 * DAY_S // 200_000
    assert (drug.volume_nl, drug.amount_pg) == (1_700_000, 850_000_000)
    assert line.volume_nl == 300_000
    assert line.amount_pg == 150_000_000
    assert len(line.parcels) == 1


def test_a_front_in_the_very_last_second_stays_in_its_block() -> None:
    """A boundary that passes as the Block ends does not make an empty one."""
    pump = running_pump(SimpleContinuous(flow(0.2)))
    passage = advance(pump, Instant(START.s + DAY_S))
    arrived = transport(Line.holding(Volume(199_999), "sterile water"), passage.blocks[0])
    assert [block.volume_nl for block in arrived.tip] == [200_000]
    assert arrived.tip[0].amount_pg == 500
    assert arrived.line.volume_nl == 199_999


def test_fluids_keep_their_order_over_a_long_push() -> None:
    """A push longer than the line brings out everything that was in it and the beginning of what came after."""
    row = (Parcel.whole(100, 0, "CSF"), Parcel.whole(50, 25_000))
    pushed = Line(row).pushed((Parcel.whole(400, 800_000),))
    assert [(parcel.volume_nl, parcel.amount_pg) for parcel in pushed.out] == [(100, 0), (50, 25_000), (250, 500_000)]
    assert (pushed.line.volume_nl, pushed.line.amount_pg) == (150, 300_000)


@pytest.mark.requirement("CAT-04")
def test_the_estimate_is_the_front_of_the_dispersion_equation() -> None:
    """Against the mass beyond the tip of the closed-form front, integrated numerically; and the published regime."""
    length, per_length, priming = Length.parse("89 cm"), VolumePerLength.parse("0.00221 mL/cm"), FlowRate.parse("24 mL/day")
    front = front_at_tip(length, per_length, priming)
    assert front.seconds == pytest.approx(707, rel=0.005)
    assert front.spilled_fraction == pytest.approx(0.033, abs=0.001)
    dispersion = 6e-6 * (1 + front.peclet**2 / 48)
    sigma = sqrt(2 * dispersion * front.seconds)
    beyond = np.linspace(0, 12 * sigma, 20_001)
    mass = np.trapezoid([erfc(x / sigma / sqrt(2)) / 2 for x in beyond], beyond)
    assert front.spilled_fraction == pytest.approx(mass / 89, rel=1e-6)


def test_it_tends_to_plug_flow_at_basal_rates() -> None:
    """The slower, the sharper, down to where molecular diffusion takes over."""
    length, per_length = Length.parse("89 cm"), VolumePerLength.parse("0.00221 mL/cm")
    spilled = [front_at_tip(length, per_length, flow(rate)).spilled_fraction for rate in (24, 8, 2, 0.5)]
    assert spilled == sorted(spilled, reverse=True)
    assert spilled[-1] < 0.01


def test_the_bound_is_the_laminar_profile() -> None:
    """Streamlines of u = 2U(1 - r²/R²), integrated over the lumen at the time of one lumen volume."""
    r2 = (np.arange(200_000) + 0.5) / 200_000  # equal areas
    arrival = 1 / (2 * (1 - r2))  # in lumen volumes
    assert arrival.min() == pytest.approx(FIRST_DRUG_AT_FRACTION, abs=1e-5)
    beyond = np.where(arrival < 1, 2 * (1 - r2) - 1, 0)  # how far past the tip, in lumens
    assert beyond.mean() == pytest.approx(SPILLED_FRACTION_BOUND, abs=1e-5)


def test_a_lumen_too_short_to_disperse_is_at_the_bound() -> None:
    """Where radial diffusion has had no time, the estimate is the bound and never above it."""
    front = front_at_tip(Length.parse("1 cm"), VolumePerLength.parse("0.00221 mL/cm"), FlowRate.parse("24 mL/day"))
    assert front.spilled_fraction == SPILLED_FRACTION_BOUND
