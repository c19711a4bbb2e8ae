"""Plans: what it takes to bring drug to the tip, and to change what lies in the line without a change of dose."""

from dataclasses import dataclass, replace
from fractions import Fraction

from thecal.catheter.dispersion import FIRST_DRUG_AT_FRACTION, SPILLED_FRACTION_BOUND, front_at_tip
from thecal.chart.order import OrderContinuous, programmed
from thecal.errors import Refusal
from thecal.pump.program import SimpleContinuous, check_flow, check_program
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Amount, Concentration, DailyDose, FlowRate, Length, Volume, VolumePerLength


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
    flow = _flow(dose, old, sheet, "bridge")
    then_flow = _flow(dose, new, sheet, "program after it")
    for planned in (flow, then_flow):
        if isinstance(planned, Refusal):
            return planned
    assert isinstance(flow, FlowRate)
    assert isinstance(then_flow, FlowRate)
    return BridgePlan(
        flow=flow,
        hours=Fraction(24 * dead_volume.nl, flow.nl_per_day),
        dose=dead_volume.of(old),
        then_flow=then_flow,
        without_mcg_per_day=Fraction(dose.pg_per_day * old.mcg_per_ml, new.mcg_per_ml * 10**6),
        without_percent=Fraction(100 * old.mcg_per_ml, new.mcg_per_ml),
        without_hours=Fraction(24 * dead_volume.nl, then_flow.nl_per_day),
    )


def _flow(dose: DailyDose, concentration: Concentration, sheet: PumpSheet, what: str) -> FlowRate | Refusal:
    """The flow that the pump would run for a dose, by the same rules as an order."""
    program = programmed(OrderContinuous(dose), concentration, sheet)
    refusal = program if isinstance(program, Refusal) else check_program(program, sheet)
    if refusal is None and isinstance(program, SimpleContinuous):
        return program.flow
    assert refusal is not None
    advice = "Do not bridge: aspirate the line through the access port and prime the catheter instead, or change the dose."
    return replace(refusal, asked=f"a {what} at {refusal.asked.removeprefix('a flow of ')}", advice=advice)


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
