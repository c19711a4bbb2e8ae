"""Charts for the tests of rules: a person, a pump that really ran, and what was written down, in a few words each.

Days are counted from ``START``, fractions of days allowed. What is asked of the pump is asked of a simulated one, so reports are
what a pump would say.
"""

from dataclasses import replace
from datetime import date

from tests.courses import START, done, needled
from thecal.catheter.geometry import Geometry, catheter_sheet
from thecal.chart.chart import Chart
from thecal.chart.clinical import ClinicalFact, Described, Origin
from thecal.chart.facts import Assessed, Fact, Filled, Implanted, ResidualMeasured, SessionEnded, TestBolusGiven
from thecal.chart.order import Order, OrderContinuous, programmed
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.pump.advance import advance
from thecal.pump.handle import handle, report
from thecal.pump.messages import Fill, Update, Withdraw
from thecal.pump.reservoir import perform
from thecal.pump.sheet import PumpSheet, pump_sheet
from thecal.pump.state import PumpState, new_pump
from thecal.quantity import Amount, Concentration, DailyDose, Length, Volume
from thecal.therapy.asked import Asked, asked_for
from thecal.therapy.check import Topic, check
from thecal.therapy.clinic import Clinic
from thecal.therapy.finding import Finding
from thecal.therapy.look import Look
from thecal.timeline import DAY_S, Duration, Instant

MODEL = "synchromed-ii-40"
BORN = date(1975, 5, 1)


def day(number: float) -> Instant:
    """An instant, in days from the start."""
    return Instant(START.s + round(number * DAY_S))


def mcg_a_day(mcg: float) -> DailyDose:
    return DailyDose(round(mcg * 10**6))


class Story:
    """A course of therapy as its chart. Facts are kept in order of time, whatever the order in which they are told."""

    def __init__(self, model: str = MODEL) -> None:
        self.sheet: PumpSheet = pump_sheet(model)
        self.facts: list[Fact] = []
        self.entered: tuple[Volume, Concentration] | None = None
        self.pump: PumpState | None = None

    def fact(self, *facts: Fact | ClinicalFact) -> "Story":
        """Facts as they are."""
        self.facts += facts
        return self

    def person(
        self, origin: Origin = "spinal", cause: str = "multiple sclerosis", born: date | None = date(1975, 5, 1)
    ) -> "Story":
        return self.fact(Described(day(-100), cause, origin, born))

    def tested(self, on: float, mcg: int = 50, lasted_h: float | None = 6) -> "Story":
        """A screening test."""
        lasted = Duration(round(lasted_h * 3600)) if lasted_h is not None else None
        return self.fact(TestBolusGiven(day(on), Amount(mcg * 10**6), Concentration(50), lasted))

    def implanted(self, on: float = 0, primed: Concentration | None = None) -> "Story":
        """Pump and catheter; the catheter holds drug-free spinal fluid, the tubing sterile water unless primed."""
        geometry = Geometry(catheter_sheet("indura-8709sc"), Length(0), "T10", Volume(140_000))
        self.pump = new_pump(self.sheet, day(on))
        return self.fact(
            Implanted(day(on), self.sheet.name, "indura-8709sc", "T10", geometry.dead_volume, geometry, "CSF", primed)
        )

    def filled(self, on: float = 0, ml: float = 40, mcg_per_ml: int = 500, measured_ml: float | None = None) -> "Story":
        """What is left is withdrawn and measured (``measured_ml`` says otherwise), and so much is injected."""
        pump = self._advanced(on)
        expected = report(pump).calculated
        withdrawn = perform(pump, Withdraw())
        assert not isinstance(withdrawn, Refusal), withdrawn
        pump, syringe = withdrawn
        if expected is not None:
            out = Volume(round(measured_ml * 10**6)) if measured_ml is not None else Volume(syringe.volume_nl)
            self.fact(ResidualMeasured(day(on), expected, out, self.sheet.reservoir_capacity))
        volume = Volume(round(ml * 10**6))
        self.pump = needled(perform(pump, Fill(volume, Concentration(mcg_per_ml))))
        self.entered = volume, Concentration(mcg_per_ml)
        return self.fact(Filled(day(on), volume, Concentration(mcg_per_ml)))

    def programmed(self, on: float, order: Order | float) -> "Story":
        """A session: a daily dose in mcg, or an order; a fill of that day is typed in."""
        asked = order if not isinstance(order, int | float) else OrderContinuous(mcg_a_day(order))
        pump = self._advanced(on)
        volume, concentration = self.entered or (None, None)
        self.entered = None
        program = programmed(asked, concentration or report(pump).concentration, self.sheet)
        assert not isinstance(program, Refusal), program
        self.pump = done(handle(pump, Update(program, concentration, volume)))
        return self.fact(SessionEnded(day(on), asked, report(self.pump)))

    def assessed(self, on: float, legs: float, penn: float | None = None) -> "Story":
        return self.fact(Assessed(day(on), legs, None, penn))

    def _advanced(self, on: float) -> PumpState:
        assert self.pump is not None, "implant first"
        self.pump = advance(self.pump, day(on)).state
        return self.pump

    @property
    def chart(self) -> Chart:
        return Chart().after(*sorted(self.facts, key=lambda fact: fact.at))

    def look(self, on: float, order: Order | OrderSheet | float | None = None, clinic: Clinic | None = None) -> Look:
        """A look on a day, with an order (a daily dose in mcg, an order, or a whole sheet) where one is asked."""
        look = Look.at(self.chart, day(on), sheet=self.sheet, clinic=clinic)
        return look if order is None else replace(look, asked=self.asked(order, look.chart))

    def asked(self, order: Order | OrderSheet | float, chart: Chart | None = None) -> Asked:
        if isinstance(order, int | float):
            order = OrderContinuous(mcg_a_day(order))
        orders = order if isinstance(order, OrderSheet) else OrderSheet(dosing=order)
        answer = asked_for(orders, chart or self.chart, self.sheet)
        assert not isinstance(answer, Refusal), answer
        return answer


def found(look: Look, rule: str, topic: Topic | None = None) -> list[Finding]:
    """What one rule finds."""
    return [finding for finding in check(look, topic) if finding.rule == rule]


def severities(look: Look, rule: str) -> list[str]:
    """The severities with which one rule finds something."""
    return [finding.severity for finding in found(look, rule)]


def started(mcg: float = 100, model: str = MODEL) -> Story:
    """A person with MS whose pump was implanted, filled, primed by a first day of infusion and programmed on day 0."""
    return Story(model).person().tested(-14).implanted(0, Concentration(500)).filled(0).programmed(0, mcg)
