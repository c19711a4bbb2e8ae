"""What baclofen does at its concentrations: each index with what it is built on and how sure that is.

Concentrations are ng/mL at the effect sites, ``tolerance`` and ``worse`` (the disease's factor on EC50) numbers without unit. All
work elementwise; arrays have shape (patients, times), parameters (patients,).
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SITE_OF = {
    "ashworth_legs": "legs", "ashworth_arms": "arms", "spasm_penn": "legs", "reflex_percent": "reflex", "weakness_index": "legs",
    "sedation_index": "brain", "overdose_index": "brain", "tolerance": "legs", "withdrawal_index": "legs",
}  # fmt: skip
"""The effect site that each derived channel is of."""
_YEAR_H = 365.25 * 24


class Parameters(Protocol):
    """Patients, or some of them."""

    def __getitem__(self, name: str, /) -> Floats: ...


class Curve(Protocol):
    """A Hill function."""

    def __call__(self, concentration: Floats, half: Floats, steepness: Floats, out: Floats | None = None) -> Floats: ...


def hill(concentration: Floats, half: Floats, steepness: Floats, out: Floats | None = None) -> Floats:
    """The part of the full effect at a concentration: 0 at none, one half at ``half``. It is put into ``out``, if there is one.

    ``1 / (1 + (half / C)^h)``, which stays a number where ``(C / half)^h`` would not.
    """
    with np.errstate(divide="ignore", over="ignore"):  # at no concentration, and where next to none is left
        part: Floats = np.divide(1, 1 + np.exp(-steepness * np.log(concentration / half)), out=out)
    return part


def worsening(patients: Parameters, hours: Floats) -> Floats:
    """The factor by which the disease has raised EC50, by hours since implant: 1 in the first year, then compounding.
    Of shape (patients, times), or (patients, 1) as long as it is 1.

    From the growth of long-term doses (MS about 7 % a year, spinal-cord injury 2 %), which mixes disease, tolerance and catheters
    that failed unseen. Sure to a factor of two.
    """
    years = np.maximum(hours / _YEAR_H - 1, 0.0)
    growth = np.log1p(patients["progression_per_year"])[:, None]
    return np.exp(growth * years) if np.any(years) else np.ones_like(growth)


def occupancy(patients: Parameters, legs: Floats, curve: Curve = hill) -> Floats:
    """Receptors taken at the leg cord, 0 to 1, by the EC50 of a body that never had the drug: tolerance does not feed back on
    it.
    """
    return curve(legs, patients["ec50_tone_ng_per_ml"][:, None], patients["hill_tone"][:, None])


def ashworth(
    patients: Parameters, site: Floats, tolerance: Floats, worse: Floats, limbs: str = "legs", curve: Curve = hill
) -> Floats:
    """Ashworth score, 1 (no increase in tone) to 5 (rigid), of ``legs`` or ``arms``.

    ``1 + (A0 - 1)(1 - E)``. The fall after a screening bolus in legs is fitted to one trial; EC50 and its delay are derived, no
    human value is published; arms have the legs' constants.
    """
    score = _without(patients, "tone", site, tolerance, worse, curve, patients["emax_tone"])
    score *= patients[f"{limbs}_ashworth"][:, None] - 1
    score += 1
    return score


def spasm(patients: Parameters, legs: Floats, tolerance: Floats, worse: Floats, curve: Curve = hill) -> Floats:
    """Spasm frequency, Penn 0 to 4, from the leg site. One number of one trial stands behind its EC50."""
    score = _without(patients, "spasm", legs, tolerance, worse, curve, patients["emax_spasm"])
    score *= patients["spasm_penn"][:, None]
    return score


def reflex(patients: Parameters, reflex_site: Floats, tolerance: Floats, worse: Floats, curve: Curve = hill) -> Floats:
    """H/M ratio in percent: the H reflex over the direct response. It follows faster than tone; one published point."""
    ratio = _without(patients, "reflex", reflex_site, tolerance, worse, curve, np.ones_like(patients["reflex_percent"]))
    ratio *= patients["reflex_percent"][:, None]
    return ratio


def weakness(patients: Parameters, legs: Floats, curve: Curve = hill) -> Floats:
    """Weakness index, 0 to 1: a Hill function of the leg site. Its constants are settings, no value is published; read its order,
    not its size.
    """
    return curve(legs, patients["ec50_weakness_ng_per_ml"][:, None], patients["hill_weakness"][:, None])


def sedation(patients: Parameters, brain: Floats, curve: Curve = hill) -> Floats:
    """Sedation index, 0 to 1: a Hill function of the brain site.

    Its EC50 is set by the drowsiness of tablets (63 % of patients against 36 % on placebo), and how much of the cranial fluid
    reaches the brain by less drowsiness with a pump than with tablets. Neither is a measured value; read its order, not its
    size.
    """
    return curve(brain, patients["ec50_sedation_ng_per_ml"][:, None], patients["hill_sedation"][:, None])


def overdose(patients: Parameters, brain: Floats, curve: Curve = hill) -> Floats:
    """Overdose index, 0 to 1: a Hill function of the brain site, steeper and later than sedation. Settings, as weakness."""
    return curve(brain, patients["ec50_overdose_ng_per_ml"][:, None], patients["hill_overdose"][:, None])


def withdrawal(tolerance: Floats, taken: Floats) -> Floats:
    """Withdrawal index: tolerance that no drug answers, ``T (1 - occupancy)``.

    That rebound grows with tolerance and with the receptors that stand empty is physiology; its size has no published scale.
    """
    return tolerance * (1 - taken)


def derived(name: str, patients: Parameters, site: Floats, tolerance: Floats, worse: Floats, curve: Curve = hill) -> Floats:
    """A derived channel by its name, from its effect site."""
    match name:
        case "ashworth_legs" | "ashworth_arms":
            return ashworth(patients, site, tolerance, worse, name.removeprefix("ashworth_"), curve)
        case "spasm_penn":
            return spasm(patients, site, tolerance, worse, curve)
        case "reflex_percent":
            return reflex(patients, site, tolerance, worse, curve)
        case "weakness_index":
            return weakness(patients, site, curve)
        case "sedation_index":
            return sedation(patients, site, curve)
        case "overdose_index":
            return overdose(patients, site, curve)
        case "withdrawal_index":
            return withdrawal(tolerance, occupancy(patients, site, curve))
        case _:
            return tolerance


def _without(
    patients: Parameters, what: str, site: Floats, tolerance: Floats, worse: Floats, curve: Curve, most: Floats
) -> Floats:
    """One less the effect, which is at ``most`` so much, with the EC50 that tolerance and disease have raised."""
    half = 1 + tolerance
    half = half * (patients[f"ec50_{what}_ng_per_ml"][:, None] * worse)
    left = curve(site, half, patients[f"hill_{what}"][:, None])
    left *= -most[:, None]
    left += 1
    return left
