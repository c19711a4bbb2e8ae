"""How much drug runs ahead of a front in a fast flow: an estimate by dispersion, and the bound without diffusion.

In a narrow tube radial diffusion works against the parabolic profile: a front spreads as by an axial dispersion
K = D (1 + Pe²/48), with Pe = (mean velocity)(radius) / D (Taylor, Aris). Without any diffusion the middle of the profile, twice
as fast as the mean, arrives first; that is an upper bound, and at priming flows only.

The line carries this out in whole slices and whole picograms: a *mixing* exchanges a quarter between neighboring slices, which
spreads a front by half the square of a slice's length; how often one is due follows from K.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from math import pi, sqrt

from thecal.datum import Datum, read_data, read_datum
from thecal.quantity import FlowRate, Length, VolumePerLength
from thecal.timeline import DAY_S, Pattern

# The laminar profile u = 2U(1 - r²/R²): its fastest fluid arrives after half a lumen volume, and by one lumen volume
# the integral of 1 - 1/(4θ²) from θ = 1/2 to 1, a quarter of the lumen's volume, has passed the tip.
FIRST_DRUG_AT_FRACTION = 0.5
SPILLED_FRACTION_BOUND = 0.25


@cache
def diffusion() -> Datum:
    """The diffusion coefficient of baclofen in the catheter."""
    return read_datum("diffusion", read_data("drugs", "baclofen")["diffusion"], "drug baclofen")


SLICE_CM = 1
_SCALE = 10**12


def diffusion_cm2_per_s() -> float:
    """Its value."""
    return float(diffusion().value.removesuffix(" cm2/s"))


@cache
def _mixing_rates(nl_per_cm: int) -> tuple[int, int]:
    """Mixings a second at rest, and more of them for each (nL/s)² of flow; both times ``_SCALE``.

    A mixing is due each time 2 K t reaches half a slice squared: 4 D / slice² at rest, and with Pe = u a / D as much again times
    Pe² / 48, where u is the flow over the area and a² the area over pi.
    """
    d = diffusion_cm2_per_s()
    by_flow = 10**-6 / (12 * pi * d * nl_per_cm * SLICE_CM**2)
    return round(4 * d / SLICE_CM**2 * _SCALE), round(by_flow * _SCALE)


@lru_cache(maxsize=1024)
def mixings(flow: Pattern, nl_per_cm: int) -> Pattern:
    """How many mixings are due over time in a lumen through which a flow runs, as a pattern with the same steps.

    At most one a second: in a flow that fast there is no time for radial diffusion, and the estimate says nothing.
    """
    at_rest, by_flow = _mixing_rates(nl_per_cm)
    per = _SCALE * flow.per**2
    starts = (0, *flow.ends)
    steps = zip(starts, flow.ends, flow.rates, strict=False)
    return Pattern.of(((end - start, min(at_rest * flow.per**2 + by_flow * rate**2, per)) for start, end, rate in steps), per)


@dataclass(frozen=True, slots=True)
class Front:
    """A front pushed through a lumen once: where it stands is the tip, and part of it is beyond."""

    seconds: float
    peclet: float
    spilled_fraction: float


def front_at_tip(length: Length, volume_per_length: VolumePerLength, flow: FlowRate) -> Front:
    """A front after exactly one lumen volume: the time, the Péclet number, and the fraction of the lumen that is past the tip."""
    d = diffusion_cm2_per_s()
    length_cm = length.mm / 10
    area_cm2 = volume_per_length.nl_per_cm / 10**6
    velocity_cm_per_s = flow.ml_per_day / DAY_S / area_cm2
    peclet = velocity_cm_per_s * sqrt(area_cm2 / pi) / d
    dispersion_cm2_per_s = d * (1 + peclet**2 / 48)
    seconds = length_cm / velocity_cm_per_s
    spilled_cm = sqrt(dispersion_cm2_per_s * seconds / pi)  # the integral of half an erfc beyond the tip
    # In a lumen too short for radial diffusion to act, the estimate overshoots the bound, which is then the answer.
    return Front(seconds, peclet, min(spilled_cm / length_cm, SPILLED_FRACTION_BOUND))
