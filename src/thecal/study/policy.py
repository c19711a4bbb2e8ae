"""Dose policies: pure functions from what is known of a patient to what is decided at a visit.

A policy of one's own is such a function in a file, or a class with settings whose instances are called:

    from thecal.study.history import Decision
    from thecal.study.policy import continuous

    def gentle(history):
        if history.mcg_per_day and history.ashworth_legs > 2:
            return Decision(continuous(1.1 * history.mcg_per_day))

and a protocol names it: ``policy = "gentle.py:gentle"``. Nothing but the history decides: no clock, no chance, no other patient.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from thecal.chart.order import FlexDay, Order, OrderContinuous, OrderFlex, OrderPeriodic, StepDose
from thecal.errors import InputError
from thecal.quantity import Amount, DailyDose
from thecal.study.arm import Visit
from thecal.study.history import NO_TABLETS, Decision, History, TabletOrder
from thecal.study.titration import LabelPolicy, titration_number
from thecal.timeline import Duration

Route = Literal["pump", "tablets", "tablets then pump", "untreated"]
DosePolicy = Callable[[History], Decision | Order | None]

_PG_PER_MCG = 10**6
_TENTH_PG = _PG_PER_MCG // 10


def dose_pg(mcg: float) -> int:
    """A dose as people order it, to a tenth of a microgram, in picograms."""
    return round(mcg * 10) * _TENTH_PG


def _check_whole(name: str, value: float, low: int, high: int) -> None:
    if value != int(value) or not low <= value <= high:
        raise InputError(name, f"{value:g}", "is out of range", accepted=(f"a whole number from {low} to {high}",))


def continuous(mcg_per_day: float) -> OrderContinuous:
    """One flow."""
    return OrderContinuous(DailyDose(dose_pg(mcg_per_day)))


@dataclass(frozen=True, slots=True)
class Label:
    """Titration by the label: more while the legs are above one score, less below another (see ``LabelPolicy``)."""

    route: ClassVar[Route] = "pump"
    rule: LabelPolicy = field(default_factory=LabelPolicy)

    def __call__(self, history: History) -> Decision:
        dose = self.titrated(history)
        return Decision(None if dose is None else continuous(dose))

    def titrated(self, history: History) -> float | None:
        """The next dose in mcg/day, None where it stays."""
        day, dose = history.since_implant, history.mcg_per_day
        if dose is None or not day:
            return None
        new = float(self.rule(Visit(day, np.array([history.ashworth_legs]), np.array([dose])))[0])
        return None if new == dose else new


@dataclass(frozen=True, slots=True)
class Fixed:
    """The first dose, and nothing changes it."""

    route: ClassVar[Route] = "pump"

    def __call__(self, _: History) -> Decision:
        return Decision()


@dataclass(frozen=True, slots=True)
class FlexNight:
    """Titration by the label, with more of the day's dose in the night hours: ``night_ratio`` times the flow of the day.

    How much more is a setting; no ratio is published.
    """

    route: ClassVar[Route] = "pump"
    night_from_h: int = 22
    night_to_h: int = 6
    night_ratio: float = 1.5
    rule: LabelPolicy = field(default_factory=LabelPolicy)

    def __post_init__(self) -> None:
        for name in ("night_from_h", "night_to_h"):
            _check_whole(name, getattr(self, name), 0, 23)
        if self.night_from_h == self.night_to_h:
            raise InputError("night_to_h", self.night_to_h, "is the hour at which the night begins", accepted=("another hour",))
        if not self.night_ratio > 0:
            raise InputError("night_ratio", self.night_ratio, "is no ratio of two flows", accepted=("more than 0",))

    def __call__(self, history: History) -> Decision:
        dose = Label(self.rule).titrated(history)
        if dose is None and not isinstance(history.ordered, OrderFlex):
            dose = history.mcg_per_day
        return Decision(None if dose is None else self.order(dose))

    def order(self, mcg_per_day: float) -> OrderFlex:
        """Two steps that add up to the daily dose."""
        night_h = (self.night_to_h - self.night_from_h) % 24
        total = dose_pg(mcg_per_day)
        night = round(total * night_h * self.night_ratio / (night_h * self.night_ratio + 24 - night_h) / _TENTH_PG) * _TENTH_PG
        begin, end = self.night_from_h * 3600, self.night_to_h * 3600
        steps = (StepDose(begin, end, Amount(night)), StepDose(end, begin, Amount(total - night)))
        return OrderFlex((FlexDay((), DailyDose(total), steps),))


@dataclass(frozen=True, slots=True)
class Boluses:
    """Titration by the label, with a part of the day's dose as boluses at equal intervals on top of a slow basal flow.

    The part and the interval are settings; none is published.
    """

    route: ClassVar[Route] = "pump"
    every_h: int = 6
    over_min: int = 10
    bolus_part: float = 0.6
    rule: LabelPolicy = field(default_factory=LabelPolicy)

    def __post_init__(self) -> None:
        _check_whole("every_h", self.every_h, 1, 24)
        if 24 % self.every_h:
            raise InputError("every_h", self.every_h, "does not divide a day", accepted=("1, 2, 3, 4, 6, 8, 12 or 24",))
        _check_whole("over_min", self.over_min, 1, 59)
        if not 0 < self.bolus_part <= 1:
            raise InputError("bolus_part", self.bolus_part, "is no part of a day's dose", accepted=("above 0, up to 1",))

    def __call__(self, history: History) -> Decision:
        dose = Label(self.rule).titrated(history)
        if dose is None and not isinstance(history.ordered, OrderPeriodic):
            dose = history.mcg_per_day
        return Decision(None if dose is None else self.order(dose))

    def order(self, mcg_per_day: float) -> OrderPeriodic:
        """Boluses and basal that add up to the daily dose."""
        total, several = dose_pg(mcg_per_day), 24 // self.every_h
        bolus = int(total * self.bolus_part / several / _TENTH_PG) * _TENTH_PG
        basal = DailyDose(total - several * bolus)
        return OrderPeriodic(Amount(bolus), Duration(self.over_min * 60), Duration(self.every_h * 3600), 0, basal)


@dataclass(frozen=True, slots=True)
class Tablets:
    """Baclofen by mouth: from 5 mg three times a day up by 5 mg a dose at visits, no sooner than every three days (ORL-02), while
    the legs are above a score, to a largest dose.
    """

    route: ClassVar[Route] = "tablets"
    step_mg: float = 5.0
    mg_max: float = 20.0
    times: int = 3
    days_between: float = 3.0
    raise_above: float = titration_number("raise_above")

    def __post_init__(self) -> None:
        _check_whole("times", self.times, 1, 4)
        if not 0 < self.step_mg <= self.mg_max:
            raise InputError("step_mg", self.step_mg, "is no step to the largest dose", accepted=(f"up to {self.mg_max:g} mg",))

    def __call__(self, history: History) -> Decision:
        mg = history.tablets.mg if history.tablets.times else 0.0
        if mg and history.tablets_days < self.days_between:
            return Decision()
        if mg and (history.ashworth_legs <= self.raise_above or mg >= self.mg_max):
            return Decision()
        return Decision(tablets=TabletOrder(min(mg + self.step_mg, self.mg_max), self.times))

    def at_most(self, history: History) -> bool:
        """Whether the largest dose is taken."""
        return history.tablets.times > 0 and history.tablets.mg >= self.mg_max


@dataclass(frozen=True, slots=True)
class TabletsThenPump:
    """Tablets first; a pump for those whose legs stay above a score after some days at the largest dose, then by the label."""

    route: ClassVar[Route] = "tablets then pump"
    days_at_most: int = 42
    tablets: Tablets = field(default_factory=Tablets)
    pump: Label = field(default_factory=Label)

    def __call__(self, history: History) -> Decision:
        if history.since_implant is not None:
            return self.pump(history)
        if not self.tablets.at_most(history):
            return self.tablets(history)
        enough = history.ashworth_legs <= self.tablets.raise_above
        if enough or history.tablets_days < self.days_at_most:
            return Decision()
        return Decision(implant=True, tablets=NO_TABLETS)


@dataclass(frozen=True, slots=True)
class Weaning:
    """Titration by the label while the tablets of before are taken off: a part of the first dose at each visit, the middle of 25
    to 50 % a step (WEA-05), four weeks apart at the least (a setting).
    """

    route: ClassVar[Route] = "pump"
    part: float = 0.375
    rule: LabelPolicy = field(default_factory=LabelPolicy)

    def __call__(self, history: History) -> Decision:
        dosing = Label(self.rule)(history).dosing
        if not history.tablets.times or not history.since_implant or min(history.since_implant, history.tablets_days) < 28:
            return Decision(dosing)
        step = self.part * history.person.tablets_mg_per_day / history.tablets.times
        left = history.tablets.mg - step
        return Decision(dosing, TabletOrder(left, history.tablets.times) if left > 1 else NO_TABLETS)


@dataclass(frozen=True, slots=True)
class Untreated:
    """Nothing is given."""

    route: ClassVar[Route] = "untreated"

    def __call__(self, _: History) -> Decision:
        return Decision()


def _conservative() -> Label:
    """The lower half of the label's ranges, which is the default for multiple sclerosis (CON-11)."""
    return Label(LabelPolicy(early_rise=0.15, later_rise=0.175))


POLICIES: Mapping[str, Callable[..., DosePolicy]] = {
    "label": Label,
    "conservative": _conservative,
    "fixed": Fixed,
    "flex night": FlexNight,
    "periodic bolus": Boluses,
    "tablets": Tablets,
    "tablets then pump": TabletsThenPump,
    "weaning": Weaning,
    "untreated": Untreated,
}


def scaled(order: Order, part: float) -> Order:
    """An order in the same shape with each of its doses times ``part``, to a tenth of a microgram."""

    def less(pg: int) -> int:
        return round(pg * part / _TENTH_PG) * _TENTH_PG

    match order:
        case OrderContinuous(dose):
            return OrderContinuous(DailyDose(less(dose.pg_per_day)))
        case OrderFlex(days):
            changed = []
            for day in days:
                steps = tuple(StepDose(step.from_s, step.to_s, Amount(less(step.dose.pg))) for step in day.steps)
                changed.append(FlexDay(day.weekdays, DailyDose(sum(step.dose.pg for step in steps)), steps))
            return OrderFlex(tuple(changed))
        case OrderPeriodic():
            return OrderPeriodic(
                Amount(less(order.dose.pg)), order.over, order.every, order.first_s, DailyDose(less(order.basal.pg_per_day))
            )
        case _:
            return order
