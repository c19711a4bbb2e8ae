"""Tapers: a dated way down to nothing, in doses that can be made of tablets (WEA-02 to WEA-04)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from typing import Literal

from thecal.chart.vocabulary import grouped, named
from thecal.errors import Refusal
from thecal.therapy.finding import Finding
from thecal.therapy.forms import SMALLEST_MG
from thecal.therapy.look import Look
from thecal.therapy.plan import Plan, PlanStep
from thecal.therapy.prescriptions import BACLOFEN, now_taken
from thecal.therapy.rules import refusal_by
from thecal.therapy.tizanidine import TIZANIDINE
from thecal.timeline import Instant

Schedule = Literal["each 3 days", "weekly"]
EACH_3: Schedule = "each 3 days"
_MOST_MG = 1000  # a bound on the program, no clinical limit
USUAL_DOSES = 3
TIZANIDINE_MG = 2.0
"""The smaller of the steps of tizanidine that are published; tablets of it can be halved to this."""
_SLOWER = "Slower, or back to the last dose, where spasms, itching, fever, confusion or other signs of withdrawal come."


@dataclass(frozen=True, slots=True)
class Level:
    """So many milligrams a day from a day of the taper on; its first step is on day 0."""

    day: int
    mg: float


Levels = tuple[Level, ...]


def divided(mg: float, doses: int, piece: float) -> str:
    """A day's dose in whole pieces, as even as can be, the larger doses first."""
    pieces = round(mg / piece)
    each, more = divmod(pieces, doses)
    parts = [(each + (number < more)) * piece for number in range(doses)]
    return " + ".join(f"{part:g}" for part in parts if part) + " mg"


def baclofen_levels(
    look: Look, from_mg: float, doses: int, schedule: Schedule = "each 3 days", days: int | None = None
) -> Levels:
    """The daily doses of a taper of oral baclofen: by one of the two schedules, or over so many days (WEA-02, WEA-03)."""
    shortest = ceil(look.limit("WEA-02", "shortest").value)
    if days is not None:
        return _spread(from_mg, SMALLEST_MG, days)
    if schedule == "weekly":
        amounts, interval = _down(from_mg, lambda mg: _week_step(look, mg, doses)), shortest
    else:
        step = look.limit("WEA-03", "per dose").value * doses
        step = step if from_mg >= 3 * step else SMALLEST_MG
        amounts, interval = _down(from_mg, lambda _: step), ceil(look.limit("WEA-03", "every").value)
    if len(amounts) < 2:
        return (Level(shortest, 0),)
    interval = max(interval, ceil(shortest / (len(amounts) - 1)))
    return tuple(Level(number * interval, mg) for number, mg in enumerate(amounts))


def _week_step(look: Look, mg: float, doses: int) -> float:
    """A week's step: smaller at the end."""
    week, slow = look.limit("WEA-03", "weekly").value, look.limit("WEA-03", "slowly").value
    return slow if mg - week < look.limit("WEA-03", "per dose").value * doses else week


def _down(from_mg: float, step: Callable[[float], float]) -> list[float]:
    """From a dose to nothing in whole tablets, by steps that are never larger than they may be."""
    amounts, mg = [], from_mg
    while mg > 0:
        mg = max(min(ceil((mg - step(mg)) / SMALLEST_MG) * SMALLEST_MG, (ceil(mg / SMALLEST_MG) - 1) * SMALLEST_MG), 0)
        amounts.append(mg)
    return amounts


def _spread(from_mg: float, piece: float, days: int) -> Levels:
    """From a dose to nothing in steps of whole pieces, as even as can be over the days."""
    pieces = ceil(from_mg / piece)
    count = min(pieces, days + 1)
    if count < 2:
        return (Level(days, 0),)
    return tuple(
        Level(round(number * days / (count - 1)), pieces * (count - 1 - number) // count * piece) for number in range(count)
    )


def taper_plan(
    look: Look,
    medicine: str,
    start: Instant,
    from_mg: float | None = None,
    days: int | None = None,
    schedule: Schedule = EACH_3,
) -> Plan | Refusal:
    """A dated taper of a medicine, from what is taken or from ``from_mg``, over ``days`` or by a published schedule.

    Refused where no schedule is published, where it would be too fast, or where there is nothing to taper.
    Raises InputError for a medicine that is not known.
    """
    name = named("medicines", medicine, "medicine").name
    taken = now_taken(look, name)
    from_mg = from_mg if from_mg is not None else taken.per_day if taken else 0
    rule = "WEA-02" if name == BACLOFEN else "WEA-04"
    if name not in (BACLOFEN, TIZANIDINE):
        return _unpublished(name)
    if not 0 < from_mg <= _MOST_MG:
        asked, limit = f"a taper of {name} from {from_mg:g} mg a day", f"a daily dose up to {_MOST_MG} mg that is taken"
        return refusal_by(rule, asked, limit, "Say the daily dose to start from, in mg.")
    doses = taken.doses_a_day if taken else USUAL_DOSES
    if name == TIZANIDINE:
        return _tizanidine(look, start, from_mg, doses, days)
    return _baclofen(look, start, from_mg, doses, schedule, days)


def _baclofen(look: Look, start: Instant, from_mg: float, doses: int, schedule: Schedule, days: int | None) -> Plan | Refusal:
    shortest, most = look.limit("WEA-02", "shortest"), int(look.limit("ORL-02", "most doses").value)
    doses = min(doses, most) if doses > 1 else USUAL_DOSES
    asked = f"a taper of oral baclofen from {from_mg:g} mg a day"
    if days is not None and days < shortest.value:
        return refusal_by("WEA-02", f"{asked} in {days} days", f"at least {shortest}", f"Take {shortest}, better 14.")
    levels = baclofen_levels(look, from_mg, doses, schedule, days)
    abrupt = _abrupt(look, from_mg, doses, levels)
    if abrupt is not None:
        least = look.limit("WEA-03", "per dose").value * doses
        advice = f"Take more days: a step of more than {least:g} mg/day is then at most half of the dose."
        asked = f"{asked} in {levels[-1].day} days, with a step from {abrupt[0]:g} to {abrupt[1]:g} mg"
        return refusal_by("WEA-02", asked, f"no step that is as good as a stop (WEA-01), {least:g} mg/day at the end", advice)
    findings = tuple(_faster(look, from_mg, doses, levels))
    notes = (_SLOWER, f"Whole tablets of {SMALLEST_MG:g} mg and their multiples.", _by(look, schedule, days))
    return Plan(
        f"Taper of oral baclofen from {from_mg:g} mg/day", _steps(look, start, levels, doses, _rule_of(days)), findings, notes
    )


def _abrupt(look: Look, from_mg: float, doses: int, levels: Levels) -> tuple[float, float] | None:
    """The first step that WEA-01 would find: more than a last step, and more than half of the dose, as every stop is."""
    least, cut = look.limit("WEA-03", "per dose").value * doses, look.limit("WEA-01", "cut").value
    pairs = pairwise([from_mg, *(level.mg for level in levels)])
    return next(((high, low) for high, low in pairs if high - low > least and (high - low) * 100 > cut * high), None)


def _rule_of(days: int | None) -> str:
    """The rule that a step rests on: a published schedule, or the shortest time that a taper takes."""
    return "WEA-03" if days is None else "WEA-02"


def _by(look: Look, schedule: Schedule, days: int | None) -> str:
    if days is not None:
        return f"Schedule: spread evenly over {days} days."
    each, every, week, slow = (look.limit("WEA-03", name) for name in ("per dose", "every", "weekly", "slowly"))
    if schedule == "weekly":
        return f"Schedule: up to {week} less each week, {slow} at the end."
    return f"Schedule: up to {each} less in each dose every {every}; small doses by one tablet."


def _faster(look: Look, from_mg: float, doses: int, levels: Levels) -> list[Finding]:
    """WEA-03: where the plan falls faster than the schedules in use."""
    limit, every = look.limit("WEA-03", "per dose"), look.limit("WEA-03", "every").value
    most = max(limit.value * doses, look.limit("WEA-03", "weekly").value)
    timed = [Level(-int(every) - 1, from_mg), *levels]
    worst = max(_highest(timed, level.day - every) - level.mg for level in levels)
    if worst <= most:
        return []
    told = f"a plan that falls by {worst:g} mg/day within {every:g} days"
    return [look.passed(limit, told, f"up to {most:g} mg/day", "Take more days, or see the person every few days.")]


def _highest(levels: Sequence[Level], day: float) -> float:
    """The dose in force on a day, which is the highest from then on."""
    return next(level.mg for level in reversed(levels) if level.day <= day or level is levels[0])


def _steps(look: Look, start: Instant, levels: Levels, doses: int, rule: str) -> tuple[PlanStep, ...]:
    return tuple(_step(look, start, level, doses, SMALLEST_MG, rule) for level in levels)


def _step(look: Look, start: Instant, level: Level, doses: int, piece: float, rule: str) -> PlanStep:
    at = look.later(start, days=level.day)
    if not level.mg:
        return PlanStep(at, "0 mg/day", rule, "No more of it; keep some at hand until two weeks have passed well.")
    return PlanStep(at, f"{level.mg:g} mg/day", rule, f"{divided(level.mg, doses, piece)} over the day.")


def _tizanidine(look: Look, start: Instant, from_mg: float, doses: int, days: int | None) -> Plan | Refusal:
    step, levels = look.limit("WEA-04", "step"), tizanidine_levels(look, from_mg, days)
    falls = [earlier - later for earlier, later in pairwise([from_mg, *(level.mg for level in levels)])]
    if max(falls) > step.value or len({level.day for level in levels}) < len(levels):
        asked = f"a taper of tizanidine from {from_mg:g} mg a day in {levels[-1].day} days"
        needed = ceil(from_mg / step.value) - 1
        return refusal_by("WEA-04", asked, f"at most {step} less each day", f"Take at least {max(needed, 1)} days.")
    steps = tuple(_step(look, start, level, doses, TIZANIDINE_MG, "WEA-04") for level in levels)
    notes = ("Measure pulse and blood pressure: they may rise when tizanidine falls.", "Slower, or back up, where tone rebounds.")
    return Plan(f"Taper of tizanidine from {from_mg:g} mg/day", steps, (), notes)


def tizanidine_levels(look: Look, from_mg: float, days: int | None = None) -> Levels:
    """The daily doses of a taper of tizanidine: by the slower of the published steps a day, or over so many days (WEA-04)."""
    slow = look.limit("WEA-04", "slow step").value
    return _spread(from_mg, TIZANIDINE_MG, max(days, 0) if days is not None else ceil(from_mg / slow) - 1)


def _unpublished(name: str) -> Refusal:
    own = " of its own" if name in grouped("medicines", "benzodiazepine") else ""
    advice = "A prescriber writes its steps and dates; they are kept as a document 'taper plan'."
    return refusal_by("WEA-04", f"a taper of {name}", f"a schedule{own}: the sources of these rules publish none", advice)
