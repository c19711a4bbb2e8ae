"""Oral baclofen: how fast, how much, for which kidneys, in which form."""

from collections.abc import Iterator, Mapping

from thecal.chart.clinical import Documented
from thecal.chart.vocabulary import grouped, words
from thecal.therapy import medication
from thecal.therapy.finding import Finding, Severity
from thecal.therapy.forms import agreement
from thecal.therapy.look import Checks, Look
from thecal.therapy.prescriptions import BACLOFEN, before, course, now_taken, rise_within, taken_of, unbroken_since
from thecal.therapy.renal import adjusted
from thecal.therapy.rules import Limit
from thecal.therapy.signs import signs_of
from thecal.timeline import DAY_S, WEEK_S, Instant

PLANS = ("cover order", "withdrawal plan")
MORE_ADMITTED: Mapping[int, str] = {45: "0.42", 30: "1.23", 0: "2.90"}
"""By how many percent more were admitted with encephalopathy within 30 days, from an eGFR on (Muanda, JAMA 2019)."""


def maximum(look: Look) -> Limit:
    """The most oral baclofen a day where the clinic is (ORL-01)."""
    return look.limit("ORL-01", f"maximum {look.clinic.jurisdiction}")


def covering(look: Look) -> Documented | None:
    """A plan for an interruption that counts now and that a named person wrote: it may go above the maximum."""
    papers = (look.known.document(name, look.now) for name in PLANS)
    return next((paper for paper in papers if paper is not None and paper.by), None)


def _maximum(look: Look) -> Iterator[Finding]:
    """ORL-01: the maximum, and the first dose; in active withdrawal it is cover, which WDL-08 judges."""
    steps = course(look, BACLOFEN)
    if not steps or not steps[-1].per_day:
        return
    daily = steps[-1].per_day
    yield from over_maximum(look, daily)
    start, recent = look.limit("ORL-01", "start"), before(look.now, look.limit("ORL-02", "every").value * DAY_S)
    first = len(steps) == 1 and steps[0].at > recent and daily > start.value
    if first and covering(look) is None and not signs_of(look).active_withdrawal:
        told = f"{daily:g} mg of oral baclofen a day as the first on the chart"
        advice = "Start with 5 mg three times a day; what was taken before is dated from when it began."
        yield look.passed(start, told, f"a start with {start}", advice)


def over_maximum(look: Look, daily: float) -> Iterator[Finding]:
    """ORL-01, for a daily dose (mg): a block, or a warning where a named person planned it against a withdrawal."""
    asked, most = f"{daily:g} mg of oral baclofen a day", maximum(look)
    if daily > most.value:
        plan = covering(look)
        if plan is not None:
            told, advice = f"{asked}, by the {plan.document} of {plan.by}", "Go back below the maximum when the plan ends."
            yield look.found("ORL-01", "warn", told, f"at most {most}", advice, plan.until, most)
        else:
            advice = f"Lower it in steps to {most}; only a {' or '.join(PLANS)} with a named prescriber goes above."
            yield look.passed(most, asked, f"at most {most}", advice)


def _pace(look: Look) -> Iterator[Finding]:
    """ORL-02: how fast the dose rises, and in how many doses it is taken."""
    steps = course(look, BACLOFEN)
    if not steps or not steps[-1].per_day:
        return
    step, every = look.limit("ORL-02", "step"), look.limit("ORL-02", "every")
    rise = rise_within(steps, before(look.now, every.value * DAY_S), step.value)
    if rise > step.value:
        asked, allowed = f"a rise by {rise:g} mg/day within {every}", f"at most {step} in {every}"
        plan = covering(look)
        if plan is not None or look.known.present("withdrawal suspected"):
            told = f"{asked}, by the {plan.document} of {plan.by}" if plan else f"{asked}, in a suspected withdrawal"
            yield look.found("ORL-02", "warn", told, allowed, "Watch sedation and breathing.", None, step)
        else:
            yield look.passed(step, asked, allowed, "Go back to the last dose that was due, and raise it then.")
    yield from _doses(look, steps[-1].per_day, steps[-1].doses_a_day)


def _doses(look: Look, daily: float, count: int) -> Iterator[Finding]:
    """Three or four doses a day, from the dose of a start on: less needs fewer."""
    fewest, most = look.limit("ORL-02", "fewest doses"), look.limit("ORL-02", "most doses")
    asked, allowed = f"{daily:g} mg/day in {count} {'dose' if count == 1 else 'doses'}", f"{fewest.number} to {most}"
    if count < fewest.value and daily >= look.limit("ORL-01", "start").value:
        yield look.passed(fewest, asked, allowed, "Divide the day's dose further.")
    elif count > most.value:
        yield look.passed(most, asked, allowed, "Take it in fewer doses.")


def _without_benefit(look: Look) -> Iterator[Finding]:
    """ORL-04: six weeks at the highest dose that may be or is borne, and it has not helped."""
    if look.known.answer("oral trial", "inadequate response") is not True:
        return
    steps, limit = course(look, BACLOFEN), look.limit("ORL-04", "weeks")
    since = unbroken_since(steps, _highest(look))
    if since is None or look.now.s - since.s < limit.value * WEEK_S:
        return
    asked = f"{steps[-1].per_day:g} mg/day, the highest dose, for {look.ago(since)} without enough response"
    due = Instant(since.s + round(limit.value * WEEK_S))
    yield look.passed(limit, asked, f"{limit} at the highest dose", "Plan a taper, and think of what else there is.", due)


def _highest(look: Look) -> float:
    """The highest daily dose (mg) for this person: the maximum, less for the kidneys, or what was said to be tolerated."""
    most = adjusted(maximum(look).value, look)
    answered = look.known.answers.get(("oral trial", "maximum tolerated dose reached"))
    levels = [maximum(look).value if most.avoid else most.daily_mg]
    if answered is not None and answered.yes:
        levels += [step.per_day for step in course(look, BACLOFEN) if step.at <= answered.at and step.per_day][-1:]
    return min(levels)


def _kidneys(look: Look) -> Iterator[Finding]:
    """ORL-05."""
    taken = now_taken(look, BACLOFEN)
    if taken is None:
        return
    daily, asked = taken.per_day, f"{taken.per_day:g} mg of oral baclofen a day"
    most = adjusted(maximum(look).value, look)
    if most.avoid:
        advice = "Taper it away with a nephrologist's help, do not stop it at once, and watch the mental state."
        limit = look.limit("ORL-05", "half")
        yield look.passed(limit, f"{asked}; {most}", f"none below {limit}, by either table, and none with dialysis", advice)
        return
    if not most.bands:
        yield from _unmeasured(look, asked)
        return
    now, then = adjusted(daily, look), adjusted(daily, look, taken.at)
    if daily > most.daily_mg:
        advice = f"Lower it in steps to {_tablets(most.daily_mg)} mg/day or less, and watch the mental state."
        yield look.found("ORL-05", "warn", f"{asked}; {most}", f"at most {most.daily_mg:.3g} mg/day for these kidneys", advice)
    elif now.part < then.part:
        less = float(daily * (now.part / then.part))
        advice = f"Lower it to about {_tablets(less)} mg/day, and watch the mental state."
        yield look.found("ORL-05", "warn", f"{asked}, prescribed before this was known; {now}", f"{less:.3g} mg/day", advice)


def _unmeasured(look: Look, asked: str) -> Iterator[Finding]:
    ill = [name for name in ("chronic kidney disease", "renal failure") if look.known.present(name)]
    if ill:
        advice = "Measure eGFR or creatinine clearance, and adjust the dose."
        yield look.found("ORL-05", "task", f"{asked}, {' and '.join(ill)} and no measurement", "a dose for these kidneys", advice)


def _tablets(mg: float) -> str:
    """What whole tablets of 5 mg make of a dose, never more."""
    return f"{int(mg // 5) * 5:g}"


def _old_kidneys(look: Look) -> Iterator[Finding]:
    """ORL-06: older, with chronic kidney disease, and newly at a dose that brought others to hospital."""
    age, steps = look.age_years, course(look, BACLOFEN)
    since = unbroken_since(steps, 0.0)
    if age is None or since is None or age < look.limit("ORL-06", "age").value or not chronic(look):
        return
    dose, days = look.limit("ORL-06", "dose"), look.limit("ORL-06", "days")
    if steps[-1].per_day < dose.value or look.now.s - since.s > days.value * DAY_S:
        return
    egfr = look.known.measure("eGFR")
    more = next((risk for low, risk in MORE_ADMITTED.items() if egfr is not None and egfr.value >= low), None)
    told = f" ({more} % more admissions at this eGFR)" if more else ""
    asked = f"{steps[-1].per_day:g} mg/day within {days} of the start, at {age} years with chronic kidney disease{told}"
    yield look.passed(dose, asked, f"less than {dose}", "A second person looks at the dose; watch for confusion.")


def chronic(look: Look) -> bool:
    """Whether the kidneys are known to be ill for long: noted so, or an eGFR that counts as it."""
    egfr = look.known.measure("eGFR")
    low = egfr is not None and egfr.value < look.limit("ORL-06", "kidneys").value
    return low or any(look.known.present(name) for name in ("chronic kidney disease", "renal failure", "dialysis"))


def _cautions(look: Look) -> Iterator[Finding]:
    """ORL-08."""
    if now_taken(look, BACLOFEN) is None:
        return
    texts = words("conditions")
    for name in sorted(grouped("conditions", "oral caution")):
        if not look.known.present(name):
            continue
        forbidden = name == "peptic ulcer" and look.clinic.jurisdiction == "UK"
        severity: Severity = "block" if forbidden else "warn"
        allowed = "contraindicated in the UK" if forbidden else "with caution"
        advice = "Taper it, and choose another drug." if forbidden else "Weigh it against the benefit, and watch for it."
        yield look.found("ORL-08", severity, f"oral baclofen with {texts[name].text}", allowed, advice)
    for name in taken_of(look, "antidiabetic"):
        advice = "Check the blood glucose when the dose changes."
        yield look.found("ORL-08", "warn", f"oral baclofen with {name}", "with caution: glucose may rise", advice)


CHECKS: Checks = {
    "ORL-01": _maximum,
    "ORL-02": _pace,
    "ORL-04": _without_benefit,
    "ORL-05": _kidneys,
    "ORL-06": _old_kidneys,
    "ORL-07": agreement,
    "ORL-08": _cautions,
    **medication.CHECKS,
}
