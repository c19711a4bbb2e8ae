"""Plans: what it takes to bring drug to the tip, and to change what lies in the line without a change of dose."""

from dataclasses import dataclass
from fractions import Fraction

from thecal.catheter.dispersion import FIRST_DRUG_AT_FRACTION, SPILLED_FRACTION_BOUND, front_at_tip
from thecal.errors import Refusal
from thecal.pump.program import check_flow, nearest_flow
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Amount, Concentration, DailyDose, FlowRate, Length, Volume, VolumePerLength
from thecal.timeline import DAY_S


@dataclass(frozen=True, slots=True)
class BridgePlan:
    """One constant flow until the old concentration has left the line, then the new program; and what happens without it."""

    flow: FlowRate
    hours: Fraction
    dose: Amount
    then_flow: FlowRate
    without_mcg_per_day: Fraction
    without_percent: Fraction
    without_hours: Fraction


def plan_bridge(
    old: Concentration, new: Concentration, dose: DailyDose, dead_volume: Volume, sheet: PumpSheet
) -> BridgePlan | Refusal:
    """The bridge bolus after a change of concentration: ``flow`` is the ordered dose at the old concentration.

    Refused where either flow is outside the pump's limits.
    """
    flow = nearest_flow(dose.pg_per_day, DAY_S, old.mcg_per_ml, sheet)
    then_flow = nearest_flow(dose.pg_per_day, DAY_S, new.mcg_per_ml, sheet)
    for asked, what in ((flow, "bridge"), (then_flow, "program after it")):
        refusal = check_flow(asked, sheet)
        if refusal:
            return Refusal(
                refusal.rule,
                f"a {what} at {asked}",
                refusal.limit,
                refusal.source,
                "Do not bridge: aspirate the line through the access port and prime the catheter instead, or change the dose.",
            )
    return BridgePlan(
        flow=flow,
        hours=Fraction(24 * dead_volume.nl, flow.nl_per_day),
        dose=dead_volume.of(old),
        then_flow=then_flow,
        without_mcg_per_day=Fraction(then_flow.of(old).pg_per_day, 10**6),
        without_percent=Fraction(100 * then_flow.of(old).pg_per_day, dose.pg_per_day),
        without_hours=Fraction(24 * dead_volume.nl, then_flow.nl_per_day),
    )


@dataclass(frozen=True, slots=True)
class PrimePlan:
    """What fills an empty line: the volume, the time, and the drug past the tip by its end, as an estimate and as a bound.

    The fractions are of the catheter's lumen; the tubing, whose bore is not known, is taken as a plug.
    """

    volume: Volume
    minutes: Fraction
    expected_spilled_fraction: float
    first_drug_at_fraction: float
    spilled_fraction_of_lumen: float
    lumen: Volume

    def early_mcg(self, concentration: Concentration) -> tuple[float, float]:
        """(the estimate, the bound) of the drug that is past the tip when the prime ends."""
        lumen_mcg = self.lumen.of(concentration).mcg
        return self.expected_spilled_fraction * lumen_mcg, self.spilled_fraction_of_lumen * lumen_mcg


def plan_prime(
    tubing: Volume, length: Length, volume_per_length: VolumePerLength, flow: FlowRate, sheet: PumpSheet
) -> PrimePlan | Refusal:
    """The priming bolus for a line without drug. Refused above the pump's fastest flow or below its slowest."""
    refusal = check_flow(flow, sheet)
    if refusal:
        return refusal
    lumen = volume_per_length.times(length)
    volume = tubing + lumen
    front = front_at_tip(length, volume_per_length, flow)
    return PrimePlan(
        volume=volume,
        minutes=Fraction(1440 * volume.nl, flow.nl_per_day),
        expected_spilled_fraction=front.spilled_fraction,
        first_drug_at_fraction=FIRST_DRUG_AT_FRACTION,
        spilled_fraction_of_lumen=SPILLED_FRACTION_BOUND,
        lumen=lumen,
    )
