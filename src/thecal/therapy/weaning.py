"""Weaning: nothing is stopped at once, and one drug at a time."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

from thecal.chart.vocabulary import grouped
from thecal.errors import Refusal
from thecal.therapy.finding import Finding
from thecal.therapy.forms import SMALLEST_MG
from thecal.therapy.look import Checks, Look
from thecal.therapy.plan import Plan, PlanStep
from thecal.therapy.prescriptions import (
    BACLOFEN,
    Course,
    Taken,
    before,
    course,
    doses_within,
    fall_within,
    last_stop,
    latest_fall,
    now_taken,
)
from thecal.therapy.rules import refusal_by
from thecal.therapy.tapers import TIZANIDINE_MG, Level, Levels, divided, tizanidine_levels
from thecal.therapy.tizanidine import TIZANIDINE
from thecal.timeline import DAY_S, HOUR_S, WEEK_S, Instant

_PIECES: Mapping[str, float] = {BACLOFEN: SMALLEST_MG, TIZANIDINE: TIZANIDINE_MG}
EMERGENCIES = ("emergency reason", "overdose recorded")


@dataclass(frozen=True, slots=True)
class Fall:
    """A drug that was lowered at ``at``: the highest dose of the day before it, what is taken since, and that of the start."""

    medicine: str
    at: Instant
    high: float
    now: float
    original: float

    @property
    def percent(self) -> float:
        """By how much it fell."""
        return 100 * (self.high - self.now) / self.high


def last_step(look: Look, taken: Taken) -> float:
    """The daily dose (mg) from which a published schedule goes to nothing: so much in each of three or four doses (WEA-03)."""
    doses = min(taken.doses_a_day, int(look.limit("ORL-02", "most doses").value))
    return look.limit("WEA-03", "per dose").value * doses


def emergency(look: Look, at: Instant) -> bool:
    """Whether a serious reaction or an overdose was recorded in the week before an instant or since: the one reason to stop."""
    papers = (look.known.document(name, look.now) for name in EMERGENCIES)
    return any(paper is not None and at.s - paper.at.s <= WEEK_S for paper in papers)


def _abrupt(look: Look) -> Iterator[Finding]:
    """WEA-01: a stop from more than a last step, or a cut that is as good as one."""
    steps = course(look, BACLOFEN)
    fall = latest_fall(steps)
    recent = before(look.now, look.limit("WEA-02", "shortest").value * DAY_S)
    if fall is None or fall[1].at <= recent or emergency(look, fall[1].at):
        return
    high, now, last = max(doses_within(steps, before(fall[1].at, DAY_S))), fall[1].per_day, last_step(look, fall[0])
    if not now and high > last:
        told = f"oral baclofen stopped from {high:g} mg a day"
        advice = "Give the last dose again now, and taper it over 1 to 2 weeks; watch for withdrawal."
        yield look.found("WEA-01", "block", told, f"a stop from at most {last:g} mg/day, at the end of a taper", advice)
        return
    cut = look.limit("WEA-01", "cut")
    if now and high - now > last and (high - now) * 100 > cut.value * high:
        told = f"oral baclofen cut from {high:g} to {now:g} mg a day"
        yield look.passed(cut, told, f"at most {cut} at once", "Go back up, and taper; watch for withdrawal.")


def _too_short(look: Look) -> Iterator[Finding]:
    """WEA-02: from the first step to the stop."""
    steps, shortest = course(look, BACLOFEN), look.limit("WEA-02", "shortest")
    stop = last_stop(steps)
    if stop is None or look.now.s - stop[1].at.s >= shortest.value * DAY_S or emergency(look, stop[1].at):
        return
    began, high = _taper(steps, look.limit("WEA-02", "pause").value * DAY_S)
    took_s = stop[1].at.s - began.s
    if high > last_step(look, stop[0]) and took_s < shortest.value * DAY_S:
        told = f"{high:g} mg of oral baclofen a day tapered to nothing in {took_s / DAY_S:.2g} days"
        advice = "Give the last dose again, and taper more slowly; watch for withdrawal."
        yield look.passed(shortest, told, f"at least {shortest}", advice)


def _taper(steps: Course, pause_s: float) -> tuple[Instant, float]:
    """When the falling run that ends the course began, and the dose before it. A dose kept for long parts two runs."""
    began, high = steps[-1].at, steps[-1].per_day
    for earlier, later in reversed(list(pairwise(steps))):
        if earlier.per_day < later.per_day:
            break
        if later.per_day < earlier.per_day:
            if high and began.s - later.at.s >= pause_s:
                break
            began, high = later.at, earlier.per_day
    return began, high


def _schedule(look: Look) -> Iterator[Finding]:
    """WEA-03; while a pump runs, the steps of WEA-05 count instead."""
    steps, every = course(look, BACLOFEN), look.limit("WEA-03", "every")
    fall = latest_fall(steps)
    start = before(look.now, every.value * DAY_S)
    if fall is None or fall[1].at <= start or infusing_since(look) is not None or emergency(look, fall[1].at):
        return
    limit = look.limit("WEA-03", "per dose")
    most, fell = max(last_step(look, fall[0]), look.limit("WEA-03", "weekly").value), fall_within(steps, start)
    if fell > most:
        told = f"oral baclofen lowered by {fell:g} mg/day within {every}"
        yield look.passed(limit, told, f"up to {most:g} mg/day in {every}", "Taper more slowly; go back up where symptoms come.")


def _own_tapers(look: Look) -> Iterator[Finding]:
    """WEA-04."""
    steps, step = course(look, TIZANIDINE), look.limit("WEA-04", "step")
    fell = fall_within(steps, before(look.now, DAY_S))
    if fell > step.value:
        told = f"tizanidine lowered by {fell:g} mg/day within a day"
        advice = "Go back up, taper by 2 to 4 mg a day, and watch pulse and blood pressure."
        if _long_high(look, steps):
            yield look.passed(step, f"{told}, after long at a high dose", f"at most {step}", advice)
        else:
            yield look.found("WEA-04", "advise", told, f"a taper, by at most {step} a day", advice, None, step)
    recent = before(look.now, look.limit("WEA-02", "shortest").value * DAY_S)
    for name in sorted(grouped("medicines", "benzodiazepine") & look.known.prescriptions.keys()):
        steps = course(look, name)
        stop = last_stop(steps)
        if stop is None or stop[1].at <= recent:
            continue
        if _taper(steps, look.limit("WEA-02", "pause").value * DAY_S)[0] == stop[1].at:
            told = f"{name} stopped at once from {stop[0].per_day:g} mg a day"
            yield look.found("WEA-04", "warn", told, "a taper of its own", "Give it again, and write a taper for it.")


def _long_high(look: Look, steps: Course) -> bool:
    """Whether tizanidine was at a high dose for weeks on end before it fell."""
    dose, weeks = look.limit("WEA-04", "dose").value, look.limit("WEA-04", "weeks").value
    since: Instant | None = None
    for step in steps:
        if step.per_day >= dose:
            since = since or step.at
        elif since is not None and step.at.s - since.s >= weeks * WEEK_S:
            return True
        else:
            since = None
    return since is not None and look.now.s - since.s >= weeks * WEEK_S


def infusing_since(look: Look) -> Instant | None:
    """Since when a pump has given a dose without a stop; None where none does."""
    since = None
    for change in reversed(look.known.doses):
        if change.dose is None or not change.dose.pg_per_day:
            break
        since = change.at
    return since


def weanable(look: Look) -> tuple[str, ...]:
    """The drugs against spasticity, on the chart now or ever, that are weaned when a pump runs: baclofen first."""
    meant = grouped("medicines", "antispastic") - grouped("medicines", "botulinum toxin")
    return tuple(sorted(meant & look.known.prescriptions.keys(), key=lambda name: (name != BACLOFEN, name)))


def _after_start(look: Look) -> Iterator[Finding]:
    """WEA-05: how much at a time, one drug at a time, baclofen first, and assessed."""
    since = infusing_since(look)
    if since is None:
        return
    falls = [fall for name in weanable(look) if (fall := _fall(look, name, since)) is not None]
    together = look.limit("WEA-05", "together")
    recent = [fall for fall in falls if look.now.s - fall.at.s < together.value * DAY_S]
    for fall in recent:
        yield from _large(look, fall)
    yield from _two_at_once(look, recent)
    yield from _baclofen_first(look, recent, since)
    if falls:
        yield from _assessed(look, max(fall.at for fall in falls))


def _fall(look: Look, medicine: str, since: Instant) -> Fall | None:
    """The latest change of a drug, where that was a fall after the start of the infusion."""
    steps = course(look, medicine)
    fall = latest_fall(steps)
    if fall is None or fall[1].at < since:
        return None
    at = fall[1].at
    high = max(doses_within(steps, before(at, DAY_S)))
    return Fall(medicine, at, high, fall[1].per_day, max(doses_within(steps, before(since, 1))))


def _large(look: Look, fall: Fall) -> Iterator[Finding]:
    """More than half of what is taken; the last step counts against the dose at the start, for half of it is never nothing."""
    limit = look.limit("WEA-05", "step")
    small = fall.high <= _PIECES.get(fall.medicine, 0)
    last = not fall.now and (small or fall.high * 100 <= limit.value * fall.original)
    if fall.percent > limit.value and not last:
        told = f"{fall.medicine} lowered from {fall.high:g} to {fall.now:g} mg/day in one step, with the pump running"
        yield look.passed(limit, told, f"at most {limit} a step", "Go back up, and lower it by 25 to 50 % a step.")


def _two_at_once(look: Look, falls: list[Fall]) -> Iterator[Finding]:
    limit = look.limit("WEA-05", "together")
    falls = sorted(falls, key=lambda fall: (fall.at, fall.medicine))
    for earlier, later in pairwise(falls):
        finished = not earlier.now and earlier.at < later.at
        if not finished and later.at.s - earlier.at.s < limit.value * DAY_S:
            told = f"{earlier.medicine} and {later.medicine} lowered within {limit}"
            advice = f"Leave {later.medicine} as it was until {earlier.medicine} is done."
            yield look.passed(limit, told, "one drug at a time", advice)


def _baclofen_first(look: Look, falls: list[Fall], since: Instant) -> Iterator[Finding]:
    if now_taken(look, BACLOFEN) is None or _fall(look, BACLOFEN, since) is not None:
        return
    for fall in falls:
        told = f"{fall.medicine} lowered while oral baclofen goes on as before"
        yield look.found("WEA-05", "warn", told, "baclofen first", "Wean oral baclofen first.")


def _assessed(look: Look, at: Instant) -> Iterator[Finding]:
    limit = look.limit("WEA-05", "assess")
    seen = any(fact.at >= at for fact in look.known.assessments) or any(
        scores[-1].at >= at for scores in look.known.scores.values() if scores
    )
    if not seen and look.now.s - at.s > limit.value * HOUR_S:
        due = Instant(at.s + round(limit.value * HOUR_S))
        told = f"no assessment since a drug was lowered {look.ago(at)} ago"
        yield look.passed(limit, told, f"within {limit}", "Assess tone, spasms and signs of withdrawal.", due)


def wean_levels(look: Look, taken: Taken) -> Levels:
    """The daily doses (mg) of oral baclofen by WEA-05, in whole tablets, over at least the days of a taper (WEA-02)."""
    step, least = (look.limit("WEA-05", name).value / 100 for name in ("step", "least step"))
    amounts, mg = [], taken.per_day
    while mg > 0:
        final = mg <= SMALLEST_MG or (mg <= taken.per_day * step and mg <= last_step(look, taken))
        gentle = mg * (1 - min(least, step)) // SMALLEST_MG * SMALLEST_MG
        mg = 0 if final else max(gentle, ceil(mg * (1 - step) / SMALLEST_MG) * SMALLEST_MG)
        amounts.append(mg)
    shortest = ceil(look.limit("WEA-02", "shortest").value)
    if len(amounts) < 2:
        return (Level(shortest, 0),)
    interval = max(ceil(look.limit("WEA-03", "every").value), ceil(shortest / (len(amounts) - 1)))
    return tuple(Level(number * interval, mg) for number, mg in enumerate(amounts))


def other_levels(look: Look, taken: Taken) -> Levels:
    """The daily doses of another drug by WEA-05: the same part of the first dose less at each step."""
    least, step = look.limit("WEA-05", "least step").value, look.limit("WEA-05", "step").value
    steps = ceil(100 / min(least, step))
    interval = ceil(look.limit("WEA-03", "every").value)
    return tuple(Level(number * interval, taken.per_day * (steps - 1 - number) / steps) for number in range(steps))


_LEVELS: Mapping[str, Callable[[Look, Taken], Levels]] = {
    BACLOFEN: wean_levels,
    TIZANIDINE: lambda look, taken: tizanidine_levels(look, taken.per_day),
}


def wean_plan(look: Look, start: Instant) -> Plan | Refusal:
    """The dated weaning of drugs by mouth while a pump runs: baclofen first, one at a time, each step assessed (WEA-05).

    Refused without a running pump, and where nothing is left to wean.
    """
    taken = [(name, now) for name in weanable(look) if (now := now_taken(look, name)) is not None]
    if infusing_since(look) is None:
        return refusal_by("WEA-05", "weaning of drugs by mouth", "a pump that gives a dose", "Taper with a plan of its own.")
    if not taken:
        return refusal_by(
            "WEA-05", "weaning of drugs by mouth", "a drug against spasticity that is taken", "Nothing is left to do."
        )
    steps = [PlanStep(start, "reserve", "WEA-05", "Oral baclofen stays at hand until the dose of the pump is found.")]
    findings: list[Finding] = []
    at = start
    for name, now in taken:
        if name in grouped("medicines", "benzodiazepine"):
            findings.append(_own_taper(look, name, now))
            continue
        levels = _LEVELS.get(name, other_levels)(look, now)
        steps += _drug(look, name, now, levels, at)
        at = look.later(at, days=levels[-1].day + ceil(look.limit("WEA-05", "together").value))
    notes = ("A step waits where its assessment finds more tone, spasms or signs of withdrawal; then go back up.",)
    return Plan("Weaning of the drugs by mouth", tuple(steps), tuple(findings), notes)


def _drug(look: Look, name: str, now: Taken, levels: Levels, start: Instant) -> Iterator[PlanStep]:
    """The steps of one drug; after each the assessment that is due."""
    assess_days = look.limit("WEA-05", "assess").value / 24
    before = now.per_day
    for level in levels:
        at = look.later(start, days=level.day)
        less = f"{100 * (before - level.mg) / before:.0f} % less."
        piece = _PIECES.get(name) if level.mg else None
        told = divided(level.mg, now.doses_a_day, piece) if piece else f"from {before:g} mg/day"
        yield PlanStep(at, f"{name} {level.mg:g} mg/day", "WEA-05", f"{told}, {less}")
        yield PlanStep(look.later(at, days=assess_days), "assess", "WEA-05", "Tone, spasms, function and signs of withdrawal.")
        before = level.mg


def _own_taper(look: Look, name: str, now: Taken) -> Finding:
    told = f"{name} {now.per_day:g} mg/day is not in this plan"
    advice = "A prescriber writes its taper, after the other drugs."
    return look.found("WEA-04", "task", told, "a taper of its own: the sources publish no schedule", advice)


CHECKS: Checks = {
    "WEA-01": _abrupt,
    "WEA-02": _too_short,
    "WEA-03": _schedule,
    "WEA-04": _own_tapers,
    "WEA-05": _after_start,
}
