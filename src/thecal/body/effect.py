"""What baclofen does at its concentrations: each index with what it is built on and how sure that is.

Concentrations are ng/mL at the effect sites, ``tolerance`` and ``worse`` (the disease's factor on EC50) numbers without unit. All
work elementwise; arrays have shape (patients, times), parameters (patients,).
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Curve = Callable[[Floats, Floats, Floats], Floats]

SITE_OF = {
    "ashworth_legs": "legs", "ashworth_arms": "arms", "spasm_penn": "legs", "reflex_percent": "reflex", "weakness_index": "legs",
    "sedation_index": "brain", "overdose_index": "brain", "tolerance": "legs", "withdrawal_index": "legs",
}  # fmt: skip
"""The effect site that each derived channel is of."""
_YEAR_H = 365.25 * 24


class Parameters(Protocol):
    """Patients, or some of them."""

    def __getitem__(self, name: str, /) -> Floats: ...


def hill(concentration: Floats, half: Floats, steepness: Floats) -> Floats:
    """The part of the full effect at a concentration: 0 at none, one half at ``half``.

    ``1 / (1 + (half / C)^h)``, which stays a number where ``(C / half)^h`` would not.
    """
    with np.errstate(divide="ignore", over="ignore"):  # at no concentration, and where next to none is left
        part: Floats = 1 / (1 + np.exp(-steepness * np.log(concentration / half)))
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
    effect = patients["emax_tone"][:, None] * _shifted(patients, "tone", site, tolerance, worse, curve)
    return 1 + (patients[f"{limbs}_ashworth"][:, None] - 1) * (1 - effect)


def spasm(patients: Parameters, legs: Floats, tolerance: Floats, worse: Floats, curve: Curve = hill) -> Floats:
    """Spasm frequency, Penn 0 to 4, from the leg site. One number of one trial stands behind its EC50."""
    effect = patients["emax_spasm"][:, None] * _shifted(patients, "spasm", legs, tolerance, worse, curve)
    return patients["spasm_penn"][:, None] * (1 - effect)


def reflex(patients: Parameters, reflex_site: Floats, tolerance: Floats, worse: Floats, curve: Curve = hill) -> Floats:
    """H/M ratio in percent: the H reflex over the direct response. It follows faster than tone; one published point."""
    return patients["reflex_percent"][:, None] * (1 - _shifted(patients, "reflex", reflex_site, tolerance, worse, curve))


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


def _shifted(patients: Parameters, what: str, site: Floats, tolerance: Floats, worse: Floats, curve: Curve) -> Floats:
    """The Hill function with the EC50 that tolerance and disease have raised."""
    half = patients[f"ec50_{what}_ng_per_ml"][:, None] * (1 + tolerance) * worse
    return curve(site, half, patients[f"hill_{what}"][:, None])
