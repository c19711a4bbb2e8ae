"""How an arm treats its patients: the dose policy, refills, drug, visits, and the world they live in."""

from dataclasses import dataclass
from typing import Literal

from thecal.quantity import Amount, Concentration
from thecal.study.policy import DosePolicy, Route
from thecal.study.setting import Settings
from thecal.timeline import Duration

RefillKind = Literal["by alarm date", "fixed interval", "at alarm"]

STOCKED = (Concentration(500), Concentration(2000))
"""Strengths that a clinic has (SAF-02 knows them)."""


@dataclass(frozen=True, slots=True)
class RefillPlan:
    """When the clinic asks a patient to come: ``by alarm date`` is the date of the refill rules, with their buffer or one of the
    study's own; ``fixed interval`` is ``every`` so long; ``at alarm`` waits until the pump is heard.
    """

    kind: RefillKind = "by alarm date"
    buffer: Duration | None = None
    every: Duration | None = None


@dataclass(frozen=True, slots=True)
class Treatment:
    """One arm. ``concentrations`` are the strengths that are stocked, weakest first; the next one is taken where a fill would
    not last ``interval_days_min``. ``first_mcg_per_day`` is the first dose, or None where screening decides it (``screening``).
    With ``tablets_before`` a patient goes on with the tablets of before the study until the policy says another thing. Without
    ``mixing`` fluids follow one another in the catheter as plugs. A ``test_bolus`` is given by lumbar puncture at the start.
    """

    name: str
    title: str
    route: Route
    policy: DosePolicy
    policy_text: str
    world: Settings
    refills: RefillPlan = RefillPlan()
    concentrations: tuple[Concentration, ...] = STOCKED
    interval_days_min: float = 30.0
    screening: bool = False
    first_mcg_per_day: float | None = None
    tablets_before: bool = False
    mixing: bool = False
    test_bolus: Amount | None = None

    @property
    def has_pump(self) -> bool:
        """Whether any of its patients may have a pump."""
        return self.route in ("pump", "tablets then pump")
