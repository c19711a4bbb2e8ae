"""The bridge, planned from what lies in the line; and what leaves the tip if a pump is updated without a plan."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from thecal.chart.line_ledger import DRUG_FREE, LineLedger, fluid_text, strength
from thecal.errors import Refusal
from thecal.fluid import Parcel, volume_of
from thecal.programmer.plans import BridgePlan, plan_bridge
from thecal.pump.messages import Report
from thecal.pump.program import BridgeBolus, check_bolus_flow, program_pattern
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Concentration, DailyDose, Volume
from thecal.timeline import DAY_S, Duration
from thecal.unit import decimal_text

_PRACTICE = "ITB refill practice: a bridge paces the old concentration out of the line (Boster 2016)"
_INSTEAD = "Do not bridge: aspirate the line through the access port and prime the catheter instead."


@dataclass(frozen=True, slots=True)
class LineBridge(BridgePlan):
    """The bridge bolus that paces out what the line still holds of the ``old`` concentration, ``volume`` of it.

    After an interrupted bridge that is exactly its remainder. ``cautions`` say where the line may hold something else.
    """

    old: Concentration
    new: Concentration
    volume: Volume
    bolus: BridgeBolus
    cautions: tuple[str, ...]
    sources: tuple[str, ...]

    @property
    def ends_after(self) -> Duration:
        """To the first whole second by which the volume has flowed."""
        return self.bolus.duration

    def in_words(self) -> str:
        """The plan in a line: what is paced out, how, and what follows."""
        hours = decimal_text(self.ends_after.s, 3600, 1)
        what = f"{self.volume} of {self.old} ({self.dose}) at {self.flow} over {hours} h"
        return f"bridge {what}, then the program, {self.then_flow} of {self.new} in the mean"


def bridge_from(ledger: LineLedger, new: Concentration, dose: DailyDose, sheet: PumpSheet) -> LineBridge | Refusal:
    """One constant flow, the order's 24-h mean over the old concentration, until the last of the old fluid has passed the tip.

    Refused without a dose or with nothing old in the line (PLN-09), where the line holds more than one old strength or a fluid
    that is no drug of known strength (PLN-08), outside the pump's flows (PMP-01, PMP-02), beyond its longest bridge (PMP-32).
    """
    refusal = sheet.check_programmable("a bridge bolus")
    if refusal:
        return refusal
    row = _not_yet(ledger.line.parcels, new)
    if not row or not dose.pg_per_day:
        return _nothing(ledger, new, dose)
    strengths = {strength(parcel) for parcel in row}
    old = strengths.pop()
    if strengths or old is None:
        return _mixed(ledger, new)
    volume = Volume(volume_of(row))
    plan = plan_bridge(old, new, dose, volume, sheet)
    if isinstance(plan, Refusal):
        return plan
    bolus = BridgeBolus(volume, plan.flow)
    return check_bolus_flow(bolus, sheet) or LineBridge(
        plan.flow,
        plan.hours,
        plan.dose,
        plan.then_flow,
        plan.without_mcg_per_day,
        plan.without_percent,
        plan.without_hours,
        old,
        new,
        volume,
        bolus,
        ledger.cautions,
        (_PRACTICE, sheet.source("bridge_duration_max"), sheet.source("tubing_volume")),
    )


def _not_yet(parcels: tuple[Parcel, ...], new: Concentration) -> tuple[Parcel, ...]:
    """The fluids from the tip to the pump's end of the last one that is not the new one."""
    others = [number for number, parcel in enumerate(parcels) if strength(parcel) != new]
    return parcels[: others[-1] + 1] if others else ()


def _nothing(ledger: LineLedger, new: Concentration, dose: DailyDose) -> Refusal:
    return Refusal(
        "PLN-09",
        f"a bridge to {new} at {dose}",
        f"a dose to keep and another concentration in the line, which holds, {ledger.in_words()}",
        _PRACTICE,
        "Leave the bridge out.",
    )


def _mixed(ledger: LineLedger, new: Concentration) -> Refusal:
    return Refusal(
        "PLN-08",
        f"a bridge to {new} over a line that holds, {ledger.in_words()}",
        "one old concentration from the tip to the new one: one flow keeps the dose only of one strength",
        "thecal: a bridge is one constant flow",
        _INSTEAD,
    )


@dataclass(frozen=True, slots=True)
class Stretch:
    """A fluid that leaves the tip from second ``start_s`` to ``end_s`` from now, and the mean dose of that time.

    ``percent`` is of the mean that the program gives of the new concentration; both are None of a fluid that nobody knows.
    """

    volume: Volume
    fluid: str
    start_s: int
    end_s: int
    mcg_per_day: Fraction | None
    percent: Fraction | None

    def in_words(self) -> str:
        """The stretch in a line."""
        lasts = f"{self.volume} of {self.fluid} for {decimal_text(self.end_s - self.start_s, 3600, 1)} h"
        if self.mcg_per_day is None or self.percent is None:
            return f"{lasts}: nobody knows how much drug"
        dose, percent = (decimal_text(part.numerator, part.denominator, 1) for part in (self.mcg_per_day, self.percent))
        return f"{lasts}: {dose} mcg/day, {percent} % of the dose"


def without_plan(ledger: LineLedger, after: Report, sheet: PumpSheet) -> tuple[Stretch, ...]:
    """What the tip gives if the pump runs from now on as it says in ``after``, without bridge or prime, until only its own fluid
    comes. Nothing where nothing flows, or where no concentration is known.
    """
    pattern = program_pattern(after.program, sheet)
    if after.concentration is None or not pattern.total:
        return ()
    return tuple(_stretches(_not_yet(ledger.line.parcels, after.concentration), after, sheet))


def _stretches(row: tuple[Parcel, ...], after: Report, sheet: PumpSheet) -> Iterator[Stretch]:
    pattern = program_pattern(after.program, sheet)
    assert after.concentration is not None  # without one there are none
    whole = Fraction(pattern.total * DAY_S * after.concentration.mcg_per_ml, pattern.per * pattern.period_s * 10**6)
    phase = after.clock_reading_s % pattern.period_s
    passed_nl = start_s = 0
    for parcel in row:
        passed_nl += parcel.volume_nl
        end_s = pattern.seconds_to(phase, passed_nl * pattern.per)
        assert end_s is not None  # something flows
        mcg_per_day = percent = None
        if parcel.content in DRUG_FREE or strength(parcel) is not None:
            mcg_per_day = Fraction(parcel.amount_pg * DAY_S, max(end_s - start_s, 1) * 10**6)
            percent = 100 * mcg_per_day / whole
        yield Stretch(Volume(parcel.volume_nl), fluid_text(parcel), start_s, end_s, mcg_per_day, percent)
        start_s = end_s
