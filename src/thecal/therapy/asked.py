"""What an order asks for, worked out: the totals before and after it, and what of it a second person enters again."""

from dataclasses import dataclass, field
from fractions import Fraction

from thecal.chart.chart import Chart
from thecal.chart.order import bolus_for, patient_bolus_for, programmed
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.pump.program import MinimumRate, NoPatientBolus, Running, Stopped
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Amount, Concentration
from thecal.therapy.totals import Totals, program_totals, totals


@dataclass(frozen=True, slots=True)
class Asked:
    """An order beside what runs. ``before`` is None where no session is on the chart, ``after`` where no concentration is known.

    ``program`` is what would run, ``bolus`` a single bolus of the order, ``slowest`` what the pump's slowest flow gives in 24 h.
    """

    orders: OrderSheet
    before: Totals | None
    after: Totals | None
    program: Running | None
    concentration_before: Concentration | None
    concentration: Concentration | None
    bolus: Amount = field(default_factory=lambda: Amount(0))
    slowest: Amount = field(default_factory=lambda: Amount(0))

    @property
    def change_percent(self) -> Fraction | None:
        """The change of the 24-h total; None where there was none or will be none known."""
        if self.before is None or self.after is None or not self.before.day.pg:
            return None
        return Fraction(100 * (self.after.day.pg - self.before.day.pg), self.before.day.pg)

    @property
    def rise_percent(self) -> Fraction | None:
        """By how much any 24 h rise: the program alone, or with the order's bolus and all that the patient may ask for."""
        change = self.change_percent
        if change is None or self.before is None or self.most is None:
            return None
        return max(change, Fraction(100 * (self.most.pg - self.before.day_max.pg), self.before.day_max.pg))

    @property
    def stops(self) -> bool:
        """Whether the therapy would not go on: stopped, the pump's slowest flow, or a dose that falls to it."""
        if self.orders.dosing is None:
            return False
        if isinstance(self.program, Stopped | MinimumRate):
            return True
        before, after = self.before, self.after
        return before is not None and after is not None and after.day.pg <= self.slowest.pg < before.day.pg

    @property
    def new_concentration(self) -> bool:
        """Whether the strength changes."""
        return self.concentration_before is not None and self.concentration != self.concentration_before

    @property
    def most(self) -> Amount | None:
        """The most in any 24 h: the program, every bolus that the patient may ask for, and the single bolus."""
        return Amount(self.after.day_max.pg + self.bolus.pg) if self.after else None


def percent_text(percent: Fraction | float) -> str:
    """A change as people read it: three digits, or whole percents from a hundred on."""
    value = float(percent)
    return f"{value:,.0f} %" if abs(value) >= 100 else f"{value:.3g} %"


def asked_for(orders: OrderSheet, chart: Chart, sheet: PumpSheet) -> Asked | Refusal:
    """An order beside what the last session left; or why it cannot be programmed."""
    refusal = orders.check()
    if refusal:
        return refusal
    report = chart.session.report if chart.session else None
    before = totals(report, sheet) if report else None
    strength_before = report.concentration if report else None
    strength = orders.concentration or strength_before
    if strength is None and chart.filled is not None:
        strength = chart.filled.concentration
    program: Running | Refusal | None = report.program if report else None
    order = orders.dosing or (chart.session.order if chart.session and strength != strength_before else None)
    if order is not None:
        program = programmed(order, strength, sheet)
    if isinstance(program, Refusal):
        return program
    patient = patient_bolus_for(orders.patient, strength) if orders.patient else report.patient if report else None
    if isinstance(patient, Refusal):
        return patient
    bolus = bolus_for(orders.bolus, strength) if orders.bolus else None
    if isinstance(bolus, Refusal):
        return bolus
    allowed = None if isinstance(patient, NoPatientBolus) else patient
    after = program_totals(program, allowed, strength, sheet) if program is not None and strength else None
    slowest = program_totals(MinimumRate(), None, strength, sheet).day if strength and sheet.programmable else Amount(0)
    single = orders.bolus.dose if orders.bolus else Amount(0)
    return Asked(orders, before, after, program, strength_before, strength, single, slowest)
