"""Programs: what the pump is told to run. Flows, not doses: the pump moves volume."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

from thecal.errors import Refusal
from thecal.pump.sheet import PumpSheet
from thecal.quantity import FlowRate, Volume, nearest
from thecal.timeline import DAY_S, NO_FLOW, Duration, Pattern

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Stopped:
    """Not infusing at all."""

    mode: ClassVar[str] = "stopped"


@dataclass(frozen=True, slots=True)
class MinimumRate:
    """The slowest flow the pump runs at; its data sheet says which."""

    mode: ClassVar[str] = "minimum rate"


@dataclass(frozen=True, slots=True)
class SimpleContinuous:
    """One flow."""

    flow: FlowRate
    mode: ClassVar[str] = "simple continuous"


@dataclass(frozen=True, slots=True)
class Step:
    """A piece of a flex day: from the end of the step before it until ``until_s`` seconds after pump midnight."""

    until_s: int
    flow: FlowRate


Day = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Flex:
    """A daily pattern (one day) or a weekly one (seven days, Monday first), by the pump clock."""

    days: tuple[Day, ...]
    mode: ClassVar[str] = "flex"


Program = Stopped | MinimumRate | SimpleContinuous | Flex


@dataclass(frozen=True, slots=True)
class SingleBolus:
    """A volume given once over a duration, evenly."""

    volume: Volume
    duration: Duration
    mode: ClassVar[str] = "single bolus"


def nearest_flow(pg: int, seconds: int, mcg_per_ml: int, sheet: PumpSheet) -> FlowRate:
    """The programmable flow nearest to ``pg`` over ``seconds`` at a concentration, ties down."""
    step = sheet.flow_step.nl_per_day
    return FlowRate(step * nearest(pg * DAY_S, seconds * mcg_per_ml * step))


def program_pattern(program: Program, sheet: PumpSheet) -> Pattern:
    """The flow of a program over its day or week, from pump midnight (of Monday)."""
    return _pattern(program, sheet.minimum_rate_flow)


@lru_cache(maxsize=4096)  # the same program is asked for by the pump, its chart and every row
def _pattern(program: Program, minimum: FlowRate) -> Pattern:
    match program:
        case Stopped():
            return NO_FLOW
        case MinimumRate():
            return Pattern.constant(minimum.nl_per_day)
        case SimpleContinuous(flow):
            return Pattern.constant(flow.nl_per_day)
        case Flex(days):
            return Pattern.of(step for day in days for step in _spans(day))


def _spans(day: Day) -> Iterator[tuple[int, int]]:
    start = 0
    for step in day:
        yield step.until_s - start, step.flow.nl_per_day
        start = step.until_s


def check_program(program: Program, sheet: PumpSheet) -> Refusal | None:
    """Whether the pump can run a program: every flow within its limits, whole days, not too many steps."""
    match program:
        case SimpleContinuous(flow):
            return check_flow(flow, sheet)
        case Flex(days):
            return next((refusal for day in days if (refusal := _check_day(day, sheet, every_day=len(days) == 1))), None)
        case _:
            return None


def _check_day(day: Day, sheet: PumpSheet, *, every_day: bool) -> Refusal | None:
    # The same flow before and after midnight is one step, where the next day is the same day.
    steps = len(day) - (every_day and len(day) > 1 and day[0].flow == day[-1].flow)
    if steps > sheet.flex_steps_max:
        return Refusal(
            "PMP-03",
            f"a flex day of {steps} steps",
            f"at most {sheet.flex_steps_max} steps a day",
            sheet.source("flex_steps_max"),
            "Join neighboring steps until the day fits.",
        )
    ends = [step.until_s for step in day]
    if not ends or ends[-1] != DAY_S or any(b <= a for a, b in zip([0, *ends], ends, strict=False)):
        return Refusal(
            "PMP-04",
            f"a flex day whose steps end at {ends} s",
            "steps follow each other from pump midnight to the next",
            "thecal: what a flex day is",
            "Give steps that cover the 24 hours once.",
        )
    return next((refusal for step in day if (refusal := check_flow(step.flow, sheet))), None)


def check_flow(flow: FlowRate, sheet: PumpSheet) -> Refusal | None:
    """Whether a programmed flow lies within the pump's limits."""
    if flow < sheet.flow_min:
        return Refusal(
            "PMP-01",
            f"a flow of {flow}",
            f"at least {sheet.flow_min}",
            sheet.source("flow_min"),
            "Order a higher dose, fill a lower concentration, or order the minimum rate or a stop by name.",
        )
    if flow > sheet.flow_max:
        return Refusal(
            "PMP-02",
            f"a flow of {flow}",
            f"at most {sheet.flow_max}",
            sheet.source("flow_max"),
            "Check the dose and its unit; fill a higher concentration, or give a bolus over a longer time.",
        )
    return None


def check_bolus_flow(bolus: SingleBolus, sheet: PumpSheet) -> Refusal | None:
    """Whether the pump can give a bolus by itself: its duration, and its own flow below the fastest."""
    shortest, longest = sheet.bolus_duration_min, sheet.bolus_duration_max
    if not shortest <= bolus.duration <= longest:
        return Refusal(
            "PMP-13",
            f"a bolus over {bolus.duration}",
            f"a bolus lasts {shortest} to {longest}",
            sheet.source("bolus_duration_min" if bolus.duration < shortest else "bolus_duration_max"),
            "Choose a duration within the limits.",
        )
    flow = FlowRate(-(-bolus.volume.nl * DAY_S // bolus.duration.s))
    return check_flow(flow, sheet) if flow > sheet.flow_max else None
