"""Orders: what a clinician wants given, as doses; and what the pump can be programmed to, as flows.

Rounding is per step to the nearest programmable flow, ties down; a day that then differs from the order by more than
``OFF_MAX_PERCENT`` is refused, never adjusted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from thecal.errors import Refusal
from thecal.pump.program import (
    WEEKDAYS,
    Day,
    Flex,
    MinimumRate,
    NoPatientBolus,
    PatientBolus,
    PeriodicBolus,
    Program,
    SimpleContinuous,
    SingleBolus,
    Step,
    Stopped,
    check_program,
    clock_text,
    nearest_flow,
    program_pattern,
)
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Amount, Concentration, DailyDose, Volume, nearest
from thecal.timeline import DAY_S, Duration, Pattern
from thecal.unit import decimal_text

OFF_MAX_PERCENT = 1
_HOUSE = "thecal: how orders become programs"


@dataclass(frozen=True, slots=True)
class OrderStop:
    """Infuse nothing."""

    mode: ClassVar[str] = "stopped"


@dataclass(frozen=True, slots=True)
class OrderMinimumRate:
    """Infuse the slowest flow the pump runs at."""

    mode: ClassVar[str] = "minimum rate"


@dataclass(frozen=True, slots=True)
class OrderContinuous:
    """One dose, evenly over the 24 hours."""

    dose: DailyDose
    mode: ClassVar[str] = "simple continuous"


@dataclass(frozen=True, slots=True)
class StepDose:
    """An amount over a clock span, in seconds from pump midnight. A span whose end is not after its start runs over midnight."""

    from_s: int
    to_s: int
    dose: Amount

    @property
    def seconds(self) -> int:
        return self.to_s - self.from_s + (DAY_S if self.to_s <= self.from_s else 0)

    def __str__(self) -> str:
        return f"{clock_text(self.from_s)} to {clock_text(self.to_s)}: {self.dose}"


@dataclass(frozen=True, slots=True)
class FlexDay:
    """The steps of some weekdays (0 is Monday; none means every day) and the daily total that they must add up to."""

    weekdays: tuple[int, ...]
    daily_total: DailyDose
    steps: tuple[StepDose, ...]


@dataclass(frozen=True, slots=True)
class OrderFlex:
    """A dose that varies over the day, and by weekday where days differ."""

    days: tuple[FlexDay, ...]
    mode: ClassVar[str] = "flex"


@dataclass(frozen=True, slots=True)
class OrderBolus:
    """An amount once, on top of the running dose, over a duration."""

    dose: Amount
    over: Duration


@dataclass(frozen=True, slots=True)
class OrderPeriodic:
    """A dose over a duration again and again, ``every`` so long, one of them at ``first_s`` from pump midnight; and a basal dose
    between and under them.
    """

    dose: Amount
    over: Duration
    every: Duration
    first_s: int
    basal: DailyDose
    mode: ClassVar[str] = "periodic bolus"


@dataclass(frozen=True, slots=True)
class OrderPatient:
    """What the patient may ask for: a dose over a duration, ``lockout`` apart from start to start, ``per_day`` in any 24 h."""

    dose: Amount
    over: Duration
    lockout: Duration
    per_day: int


@dataclass(frozen=True, slots=True)
class OrderNoPatient:
    """The patient may ask for nothing any more."""


Order = OrderStop | OrderMinimumRate | OrderContinuous | OrderFlex | OrderPeriodic


def ordered_dose(order: Order) -> DailyDose | None:
    """The mean daily dose that an order asks for; None for the minimum rate, which is a flow and no dose."""
    match order:
        case OrderStop():
            return DailyDose(0)
        case OrderMinimumRate():
            return None
        case OrderContinuous(dose):
            return dose
        case OrderFlex(days):
            if len(days) == 1 and not days[0].weekdays:
                return days[0].daily_total
            return DailyDose(nearest(sum(day.daily_total.pg_per_day * len(day.weekdays) for day in days), len(WEEKDAYS)))
        case OrderPeriodic():
            return DailyDose(order.basal.pg_per_day + nearest(order.dose.pg * DAY_S, order.every.s))


def programmed(order: Order, concentration: Concentration | None, sheet: PumpSheet) -> Program | Refusal:
    """The program for an order at the concentration in the pump, or why there is none (ORD-01 to ORD-04, ORD-06)."""
    refusal = sheet.check_programmable(f"an order for {order.mode}")
    if refusal:
        return refusal
    match order:
        case OrderStop():
            return Stopped()
        case OrderMinimumRate():
            return MinimumRate()
    if concentration is None:
        return _no_concentration(order.mode)
    match order:
        case OrderContinuous(dose):
            flow = nearest_flow(dose.pg_per_day, DAY_S, concentration.mcg_per_ml, sheet)
            program = SimpleContinuous(flow)
            return _check_off(dose, program, concentration, sheet) or program
        case OrderFlex(days):
            return _flex(days, concentration, sheet)
        case OrderPeriodic():
            return _periodic(order, concentration, sheet)


def _periodic(order: OrderPeriodic, concentration: Concentration, sheet: PumpSheet) -> Program | Refusal:
    bolus = bolus_for(OrderBolus(order.dose, order.over), concentration)
    if isinstance(bolus, Refusal):
        return bolus
    flow = nearest_flow(order.basal.pg_per_day, DAY_S, concentration.mcg_per_ml, sheet)
    program = PeriodicBolus(bolus.volume, order.over, order.every, order.first_s, flow)
    refusal = check_program(program, sheet)  # an interval that does not divide the day has no daily dose
    return refusal or _check_off(ordered_dose(order) or order.basal, program, concentration, sheet) or program


def patient_bolus_for(
    order: OrderPatient | OrderNoPatient, concentration: Concentration | None
) -> PatientBolus | NoPatientBolus | Refusal:
    """The patient's bolus as a volume (ORD-05, ORD-06), or none."""
    if isinstance(order, OrderNoPatient):
        return NoPatientBolus()
    bolus = bolus_for(OrderBolus(order.dose, order.over), concentration)
    if isinstance(bolus, Refusal):
        return bolus
    return PatientBolus(bolus.volume, order.over, order.lockout, order.per_day)


def bolus_for(order: OrderBolus, concentration: Concentration | None) -> SingleBolus | Refusal:
    """The volume that carries a bolus dose, to the nearest nanolitre (ties down); or why there is none (ORD-05, ORD-06)."""
    if concentration is None:
        return _no_concentration("a bolus")
    volume_nl = nearest(order.dose.pg, concentration.mcg_per_ml)
    if not volume_nl:
        return Refusal(
            "ORD-05", f"a bolus of {order.dose}", "at least half a nanolitre", _HOUSE, "Check the dose and the concentration."
        )
    return SingleBolus(Volume(volume_nl), order.over)


def programmed_dose(program: Program, concentration: Concentration, sheet: PumpSheet) -> DailyDose:
    """The mean daily dose of a program at a concentration, to the nearest picogram."""
    return pattern_dose(program_pattern(program, sheet), concentration)


def pattern_dose(pattern: Pattern, concentration: Concentration) -> DailyDose:
    """The mean daily dose of a flow at a concentration, to the nearest picogram."""
    return DailyDose(nearest(pattern.total * DAY_S * concentration.mcg_per_ml, pattern.per * pattern.period_s))


def _flex(days: tuple[FlexDay, ...], concentration: Concentration, sheet: PumpSheet) -> Program | Refusal:
    every_day = len(days) == 1 and not days[0].weekdays
    refusal = None if every_day else _check_weekdays(days)
    if refusal:
        return refusal
    of_weekday: dict[int, Day] = {}
    for day in days:
        steps = _day(day, every_day, concentration, sheet)
        if isinstance(steps, Refusal):
            return steps
        refusal = _check_off(day.daily_total, Flex((steps,)), concentration, sheet)
        if refusal:
            return refusal
        of_weekday.update(dict.fromkeys(day.weekdays or (0,), steps))
    return Flex(tuple(of_weekday[weekday] for weekday in sorted(of_weekday)))


def _day(day: FlexDay, every_day: bool, concentration: Concentration, sheet: PumpSheet) -> Day | Refusal:
    total = Amount(sum(step.dose.pg for step in day.steps))
    if total.pg != day.daily_total.pg_per_day:
        return Refusal(
            "ORD-01",
            f"steps that add up to {total} with a daily total of {day.daily_total}",
            "the steps add up to the daily total",
            "ISMP, Baclofen programming error with SynchroMed II: a step was entered as if it ran every hour",
            "Compare each step with the order; a dose belongs to the whole step, not to each hour of it.",
        )
    spans = sorted(_spans(day.steps, every_day), key=lambda span: span[:2])
    starts, ends = [start for start, _, _ in spans], [end for _, end, _ in spans]
    if not spans or starts != [0, *ends[:-1]] or ends[-1] != DAY_S:
        return Refusal(
            "ORD-02",
            f"flex steps with {_first_break(starts, ends)}",
            "the steps cover the 24 hours once" + ("" if every_day else "; a step of single weekdays ends by 24:00"),
            _HOUSE,
            "Close the gap or the overlap; there is no zero step, the lowest is the pump's slowest flow.",
        )
    mcg_per_ml = concentration.mcg_per_ml
    return tuple(Step(end, nearest_flow(step.dose.pg, step.seconds, mcg_per_ml, sheet)) for _, end, step in spans)


def _first_break(starts: list[int], ends: list[int]) -> str:
    """Where the steps of a day first leave a gap or overlap, as people say it."""
    if ends and max(ends) > DAY_S:
        return f"one from {clock_text(starts[ends.index(max(ends))])} past midnight, into a day that is not its own"
    covered = 0
    for start, end in zip([*starts, DAY_S], [*ends, DAY_S], strict=True):
        if start > covered:
            return f"nothing from {clock_text(covered)} to {clock_text(start)}"
        if start < covered:
            return f"two steps from {clock_text(start)} to {clock_text(min(end, covered))}"
        covered = end
    return "none"


def _spans(steps: tuple[StepDose, ...], every_day: bool) -> Iterator[tuple[int, int, StepDose]]:
    for step in steps:
        if step.from_s < step.to_s:
            yield step.from_s, step.to_s, step
        elif every_day:  # over midnight: the night of every day is the same night
            yield step.from_s, DAY_S, step
            if step.to_s:
                yield 0, step.to_s, step
        else:
            yield step.from_s, DAY_S + step.to_s, step


def _no_concentration(what: str) -> Refusal:
    return Refusal(
        "ORD-06",
        f"{what} without a concentration",
        "a dose becomes a flow only with the concentration in the pump",
        "arithmetic",
        "Refill the pump first: the refill enters the concentration.",
    )


def _check_weekdays(days: tuple[FlexDay, ...]) -> Refusal | None:
    named = sorted(weekday for day in days for weekday in day.weekdays)
    if named == list(range(len(WEEKDAYS))):
        return None
    return Refusal(
        "ORD-04",
        f"a weekly flex that names {', '.join(WEEKDAYS[weekday] for weekday in named) or 'no weekday'}",
        "every weekday exactly once",
        _HOUSE,
        "Name the missing days, or take the repeated ones out.",
    )


def _check_off(ordered: DailyDose, program: Program, concentration: Concentration, sheet: PumpSheet) -> Refusal | None:
    got = programmed_dose(program, concentration, sheet)
    off = abs(got.pg_per_day - ordered.pg_per_day)
    if off * 100 <= ordered.pg_per_day * OFF_MAX_PERCENT:
        return None
    percent = decimal_text(off * 100, ordered.pg_per_day, 2)
    return Refusal(
        "ORD-03",
        f"{ordered} at {concentration}: the nearest the pump can run is {got}, {percent} % off",
        f"at most {OFF_MAX_PERCENT} % off, in flow steps of {sheet.flow_step}",
        f"{_HOUSE}; {sheet.source('flow_step')}",
        "Order a dose that the pump can run, or fill a lower concentration.",
    )
