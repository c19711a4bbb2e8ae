"""Tizanidine: doses, drugs that it must not meet, kidneys, liver and blood pressure (ALT-01)."""

from collections.abc import Iterator

from thecal.therapy.finding import Finding
from thecal.therapy.liver import Phase, next_test, run_above, tests_since
from thecal.therapy.look import Look
from thecal.therapy.prescriptions import (
    Taken,
    before,
    course,
    now_taken,
    rise_within,
    taken_of,
    unbroken_since,
)
from thecal.timeline import DAY_S, MONTH_S

TIZANIDINE = "tizanidine"
RULE = "ALT-01"


def tizanidine(look: Look) -> Iterator[Finding]:
    """ALT-01."""
    taken = now_taken(look, TIZANIDINE)
    if taken is None:
        return
    yield from _amounts(look, taken)
    yield from _pace(look)
    yield from _others(look, taken)
    yield from _clearance(look, taken)
    yield from _liver(look)


def _amounts(look: Look, taken: Taken) -> Iterator[Finding]:
    daily, single = taken.per_day, taken.per_day / taken.doses_a_day
    most, usual, at_once = (look.limit(RULE, name) for name in ("maximum", "usual", "single"))
    asked = f"{daily:g} mg of tizanidine a day"
    if daily > most.value:
        yield look.passed(most, asked, f"at most {most}", "Lower it in steps of 2 to 4 mg a day (WEA-04).")
    elif daily > usual.value:
        yield look.passed(usual, asked, f"usually up to {usual}", "Ask whether the last steps have helped.")
    if single > at_once.value:
        told = f"{single:.3g} mg of tizanidine in one dose"
        yield look.passed(at_once, told, f"at most {at_once} at once", "Divide the day's dose further.")


def _pace(look: Look) -> Iterator[Finding]:
    steps = course(look, TIZANIDINE)
    start, step, every = (look.limit(RULE, name) for name in ("start", "step", "every"))
    recent = before(look.now, every.value * DAY_S)
    if len(steps) == 1:
        if steps[0].at > recent and steps[0].per_day > start.value:
            told = f"{steps[0].per_day:g} mg of tizanidine a day as the first on the chart"
            yield look.passed(start, told, f"a start with {start}", "Start lower; date what was taken before from when it began.")
        return
    rise = rise_within(steps, recent, start.value)
    if rise > step.value:
        told = f"a rise of tizanidine by {rise:g} mg/day within {every}"
        yield look.passed(step, told, f"at most {step} in {every}", "Rise more slowly, and watch the blood pressure.")


def _others(look: Look, taken: Taken) -> Iterator[Finding]:
    for name in taken_of(look, "strong CYP1A2 inhibitor"):
        advice = f"Do not give both: taper tizanidine, or choose another drug than {name}."
        yield look.found(RULE, "block", f"tizanidine with {name}", "never together: its level rises many times", advice)
    for name in taken_of(look, "CYP1A2 inhibitor"):
        advice = "Choose another one; otherwise lower tizanidine, and watch blood pressure and sedation."
        yield look.found(RULE, "warn", f"tizanidine with {name}, which slows its breakdown", "avoid them together", advice)
    if "hypotension" in look.known.symptoms_since(taken.at):
        advice = "Measure it lying and standing, and lower tizanidine."
        yield look.found(RULE, "warn", "low blood pressure on tizanidine", "no low blood pressure", advice)


def _clearance(look: Look, taken: Taken) -> Iterator[Finding]:
    limit = look.limit(RULE, "clearance")
    values = look.known.measures.get("creatinine clearance", ())
    lowest = min((fact.value for fact in values if fact.at == values[-1].at), default=None) if values else None
    if lowest is not None and lowest < limit.value:
        told = f"{taken.per_day:g} mg of tizanidine a day at a creatinine clearance of {lowest:g} mL/min"
        yield look.passed(limit, told, f"a reduced dose below {limit}", "Lower each dose, and raise it more slowly.")


def phases(look: Look) -> tuple[Phase, ...]:
    """The tests of the liver that a dose from the monitored one on asks for."""
    months, interval = look.limit(RULE, "months"), look.limit(RULE, "interval")
    return (Phase(round(months.value * MONTH_S), round(interval.value * MONTH_S)),)


def _liver(look: Look) -> Iterator[Finding]:
    steps, monitored = course(look, TIZANIDINE), look.limit(RULE, "monitored")
    began = unbroken_since(steps, 0.0)
    if began is None:
        return
    since = unbroken_since(steps, monitored.value)
    due = next_test(since, tests_since(look, since), phases(look)) if since is not None else None
    if due is not None:
        told = f"{steps[-1].per_day:g} mg of tizanidine a day: the next test of the liver"
        allowed = f"every month for {look.limit(RULE, 'months')} from {monitored} on"
        yield look.passed(monitored, told, allowed, "Measure ALT.", due)
    stop, persistent = look.limit(RULE, "stop"), look.limit(RULE, "persistent")
    tests = tests_since(look, began)
    count = run_above(tests, stop.value)
    if count >= persistent.value:
        told = f"ALT above {stop} in the last {count} tests on tizanidine"
        yield look.passed(stop, told, f"stop when it stays above {stop}", "Taper tizanidine away (WEA-04), and follow the liver.")
    elif count:
        told = f"ALT of {tests[-1].value:g} {stop.unit} on tizanidine"
        yield look.found(RULE, "warn", told, f"stop when it stays above {stop}", "Repeat the test now.", None, stop)
