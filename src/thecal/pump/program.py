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

    def in_words(self) -> str:
        return "stopped: nothing is infused"


@dataclass(frozen=True, slots=True)
class MinimumRate:
    """The slowest flow the pump runs at; its data sheet says which."""

    mode: ClassVar[str] = "minimum rate"

    def in_words(self) -> str:
        return "minimum rate: the slowest flow the pump runs at"


@dataclass(frozen=True, slots=True)
class SimpleContinuous:
    """One flow."""

    flow: FlowRate
    mode: ClassVar[str] = "simple continuous"

    def in_words(self) -> str:
        return f"simple continuous: {self.flow} all day, every day"


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

    def in_words(self) -> str:
        if len(self.days) == 1:
            return f"flex, every day alike: {_day_in_words(self.days[0])}"
        return f"flex by weekday: {'; '.join(_weekdays_in_words(self.days))}"


@dataclass(frozen=True, slots=True)
class PeriodicBolus:
    """A volume over a duration again and again, ``every`` so long by the pump clock, on top of a basal flow.

    ``first_s`` is the clock time of one of them, in seconds from pump midnight.
    """

    volume: Volume
    duration: Duration
    every: Duration
    first_s: int
    flow: FlowRate
    mode: ClassVar[str] = "periodic bolus"

    def in_words(self) -> str:
        times = DAY_S // self.every.s
        return (
            f"periodic bolus: {self.volume} over {self.duration} every {self.every}, {times} times a day, one of them at "
            f"{clock_text(self.first_s)}; {self.flow} between and under them"
        )


Program = Stopped | MinimumRate | SimpleContinuous | Flex | PeriodicBolus


@dataclass(frozen=True, slots=True)
class SafeState:
    """What the pump falls back to when it cannot trust its memory or its battery; its data sheet says which flow."""

    mode: ClassVar[str] = "safe state"

    def in_words(self) -> str:
        return "safe state: the settings are lost, the pump runs as its data sheet says"


@dataclass(frozen=True, slots=True)
class EndOfService:
    """The motor has stopped for good."""

    mode: ClassVar[str] = "end of service"

    def in_words(self) -> str:
        return "end of service: the pump has stopped for good"


@dataclass(frozen=True, slots=True)
class ConstantFlow:
    """What a pump without electronics does as long as there is fluid in it."""

    flow: FlowRate
    mode: ClassVar[str] = "constant flow"

    def in_words(self) -> str:
        return f"constant flow: {self.flow}, which nobody can change"


Running = Program | SafeState | EndOfService | ConstantFlow
"""What a pump can be running: what it was programmed to, or what became of it."""


@dataclass(frozen=True, slots=True)
class SingleBolus:
    """A volume given once over a duration, evenly."""

    volume: Volume
    duration: Duration
    mode: ClassVar[str] = "single bolus"


@dataclass(frozen=True, slots=True)
class PatientBolus:
    """What the patient may ask for: a volume over a duration, ``lockout`` apart from start to start, ``per_day`` in any 24 h."""

    volume: Volume
    duration: Duration
    lockout: Duration
    per_day: int
    mode: ClassVar[str] = "patient bolus"

    def in_words(self) -> str:
        return f"patient bolus: {self.volume} over {self.duration}, {self.lockout} apart, at most {self.per_day} in 24 h"


@dataclass(frozen=True, slots=True)
class NoPatientBolus:
    """The patient may ask for nothing."""


@dataclass(frozen=True, slots=True)
class PrimingBolus:
    """A volume that moves drug through what is empty of it, fast; nothing else flows meanwhile."""

    volume: Volume
    duration: Duration
    mode: ClassVar[str] = "priming bolus"


@dataclass(frozen=True, slots=True)
class BridgeBolus:
    """A volume at one slow flow, which paces the old concentration out of the dead volume before the program starts."""

    volume: Volume
    flow: FlowRate
    mode: ClassVar[str] = "bridge bolus"

    @property
    def duration(self) -> Duration:
        """To the first whole second by which the volume has flowed."""
        return Duration(-(-self.volume.nl * DAY_S // self.flow.nl_per_day))


Bolus = SingleBolus | PatientBolus | PrimingBolus | BridgeBolus


def clock_text(second: int) -> str:
    """Seconds from midnight as ``06:30``, with the seconds where there are any."""
    text = f"{second // 3600:02d}:{second % 3600 // 60:02d}"
    return f"{text}:{second % 60:02d}" if second % 60 else text


def _day_in_words(day: Day) -> str:
    starts = [0, *(step.until_s for step in day)]
    steps = zip(starts, day, strict=False)
    return ", ".join(f"{clock_text(start)} to {clock_text(step.until_s)} {step.flow}" for start, step in steps)


def _weekdays_in_words(days: tuple[Day, ...]) -> Iterator[str]:
    """Weekdays that are alike are named together."""
    for day in dict.fromkeys(days):
        names = " ".join(name for name, other in zip(WEEKDAYS, days, strict=True) if other == day)
        yield f"{names} {_day_in_words(day)}"


def nearest_flow(pg: int, seconds: int, mcg_per_ml: int, sheet: PumpSheet) -> FlowRate:
    """The programmable flow nearest to ``pg`` over ``seconds`` at a concentration, ties down."""
    step = sheet.flow_step.nl_per_day
    return FlowRate(step * nearest(pg * DAY_S, seconds * mcg_per_ml * step))


def program_pattern(program: Running, sheet: PumpSheet, *, boluses: bool = True) -> Pattern:
    """The flow of a program over its day or week, from pump midnight (of Monday); without its periodic boluses if so asked."""
    if isinstance(program, SafeState):
        program = MinimumRate() if sheet.safe_state == "minimum rate" else Stopped()
    if isinstance(program, PeriodicBolus) and not boluses:
        program = SimpleContinuous(program.flow)
    return _pattern(program, sheet.minimum_rate_flow, suspends=sheet.basal_during_bolus == "suspended")


@lru_cache(maxsize=4096)  # the same program is asked for by the pump, its chart and every row
def _pattern(program: Running, minimum: FlowRate, *, suspends: bool) -> Pattern:
    match program:
        case Stopped() | EndOfService() | SafeState():  # a safe state is read as one of the others before
            return NO_FLOW
        case MinimumRate():
            return Pattern.constant(minimum.nl_per_day)
        case SimpleContinuous(flow) | ConstantFlow(flow):
            return Pattern.constant(flow.nl_per_day)
        case Flex(days):
            return Pattern.of(step for day in days for step in _spans(day))
        case PeriodicBolus():
            return _periodic(program, suspends=suspends)


def _periodic(program: PeriodicBolus, *, suspends: bool) -> Pattern:
    """One interval of it from pump midnight; the interval divides the day, so that each day begins alike."""
    every_s, lasts_s = program.every.s, program.duration.s
    basal = program.flow.nl_per_day * lasts_s
    bolus = program.volume.nl * DAY_S + (0 if suspends else basal)
    start = program.first_s % every_s
    over = start + lasts_s - every_s  # what of it runs on past the end of the interval
    if over > 0:
        steps = [(over, bolus), (every_s - lasts_s, basal), (every_s - start, bolus)]
    else:
        steps = [(start, basal), (lasts_s, bolus), (-over, basal)]
    return Pattern.of([step for step in steps if step[0]], DAY_S * lasts_s)


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
        case Flex(days) if len(days) not in (1, len(WEEKDAYS)):
            limit = "one day for every day, or one for each of the seven weekdays"
            advice = "Give every weekday its day."
            return Refusal("PMP-04", f"a flex program of {len(days)} days", limit, "thecal: what a flex program is", advice)
        case Flex(days):
            return next((refusal for day in days if (refusal := _check_day(day, sheet, every_day=len(days) == 1))), None)
        case PeriodicBolus():
            return _check_periodic(program, sheet)
        case _:
            return None


def _check_periodic(program: PeriodicBolus, sheet: PumpSheet) -> Refusal | None:
    every_s = program.every.s
    if not every_s or DAY_S % every_s or program.duration.s >= every_s or not 0 <= program.first_s < DAY_S:
        return Refusal(
            "PMP-16",
            f"a bolus over {program.duration} every {program.every}",
            "an interval that divides 24 h and is longer than the bolus",
            "thecal: periodic boluses follow the pump clock, each day alike",
            "Check the unit of the interval: hours typed as minutes have killed (FDA Class I, 2004).",
        )
    refusal = check_flow(program.flow, sheet) or check_bolus_duration(program.duration, sheet)
    if refusal:
        return refusal
    peak = program_pattern(program, sheet)
    return check_flow(ceiled_flow(max(peak.rates), peak.per), sheet)


def check_patient_bolus(bolus: PatientBolus, program: Running, sheet: PumpSheet) -> Refusal | None:
    """Whether the pump can let a patient ask for this: its limits, and every bolus over by the time of the next."""
    if not sheet.patient_bolus:
        return Refusal(
            "PMP-33",
            "a patient bolus",
            f"{sheet.name} has none",
            sheet.source("patient_bolus"),
            "Order periodic boluses instead.",
        )
    if bolus.lockout < bolus.duration or bolus.per_day < 1 or bolus.lockout.s > DAY_S:
        return Refusal(
            "PMP-17",
            f"{bolus.per_day} patient boluses a day over {bolus.duration}, {bolus.lockout} apart",
            "at least one a day, the lockout no shorter than the bolus and no longer than 24 h",
            "thecal: the lockout runs from start to start, one bolus at a time",
            "Check lockout and duration, and their units.",
        )
    basal = max(program_pattern(program, sheet, boluses=False).rates)
    refusal = check_bolus_duration(bolus.duration, sheet)
    if refusal:
        return refusal
    fastest = (basal if sheet.basal_during_bolus == "continues" else 0) * bolus.duration.s + bolus.volume.nl * DAY_S
    return check_flow(ceiled_flow(fastest, bolus.duration.s * DAY_S), sheet)


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


def ceiled_flow(rate: int, per: int) -> FlowRate:
    """A rate of a pattern as a flow, rounded up: no part of a nanolitre a day too fast passes as within a limit."""
    return FlowRate(-(-rate * DAY_S // per))


def check_bolus_duration(duration: Duration, sheet: PumpSheet) -> Refusal | None:
    """Whether a bolus may last so long."""
    shortest, longest = sheet.bolus_duration_min, sheet.bolus_duration_max
    if shortest <= duration <= longest:
        return None
    return Refusal(
        "PMP-13",
        f"a bolus over {duration}",
        f"a bolus lasts {shortest} to {longest}",
        sheet.source("bolus_duration_min" if duration < shortest else "bolus_duration_max"),
        "Choose a duration within the limits.",
    )


def check_bolus_flow(bolus: Bolus, sheet: PumpSheet) -> Refusal | None:
    """Whether the pump can give a bolus by itself: its duration, and its own flow within the limits."""
    if isinstance(bolus, BridgeBolus):
        return check_flow(bolus.flow, sheet) or _check_bridge_duration(bolus, sheet)
    refusal = check_bolus_duration(bolus.duration, sheet)
    if refusal:
        return refusal
    flow = ceiled_flow(bolus.volume.nl, bolus.duration.s)
    return check_flow(flow, sheet) if flow > sheet.flow_max else None


def _check_bridge_duration(bridge: BridgeBolus, sheet: PumpSheet) -> Refusal | None:
    longest = sheet.bridge_duration_max
    if bridge.duration <= longest:
        return None
    return Refusal(
        "PMP-32",
        f"a bridge over {bridge.duration}",
        f"a bridge lasts at most {longest}",
        sheet.source("bridge_duration_max"),
        "Do not bridge: aspirate the line through the access port and prime the catheter instead.",
    )
