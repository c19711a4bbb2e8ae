"""The other drugs and measures against spasticity."""

from collections.abc import Iterator

from thecal.chart.vocabulary import grouped
from thecal.therapy.finding import Finding
from thecal.therapy.liver import Phase, next_test, tests_since
from thecal.therapy.look import Checks, Look
from thecal.therapy.oral import chronic
from thecal.therapy.prescriptions import Taken, before, course, now_taken, rises_since, taken_of, unbroken_since
from thecal.therapy.tizanidine import tizanidine
from thecal.timeline import DAY_S, MONTH_S, WEEK_S, Instant

FIRST, SECOND = ("baclofen", "gabapentin"), ("tizanidine", "dantrolene")
ONABOTULINUM = "onabotulinumtoxinA"
SPASTICITY_NRS = "spasticity-nrs"
_HELPED = "whether it has helped"


def _order(look: Look) -> Iterator[Finding]:
    """ALT-00: a drug of the second line, and none of the first was ever tried."""
    tried = any(course(look, name) for name in FIRST) or look.known.dose is not None
    asked = any(checklist == "oral trial" for checklist, _ in look.known.answers)
    if tried or asked or look.known.document("oral trial record", look.now) is not None:
        return
    for name in SECOND:
        if now_taken(look, name) is not None:
            advice = "Try those first, or record why not."
            yield look.found("ALT-00", "advise", f"{name} as the first drug", f"{' or '.join(FIRST)} before it", advice)


def _dantrolene(look: Look) -> Iterator[Finding]:
    """ALT-02."""
    steps, taken = course(look, "dantrolene"), now_taken(look, "dantrolene")
    began = unbroken_since(steps, 0.0)
    if taken is None or began is None:
        return
    start, every, usual, most = (look.limit("ALT-02", name) for name in ("start", "every", "usual", "maximum"))
    asked, recent = f"{taken.per_day:g} mg of dantrolene a day", before(look.now, every.value * DAY_S)
    if taken.per_day > most.value:
        yield look.passed(most, asked, f"at most {most}", "Lower it.")
    elif taken.per_day > usual.value:
        yield look.passed(usual, asked, f"usually up to {usual}", "Ask whether the last steps have helped the person.")
    if len(steps) == 1 and began > recent and taken.per_day > start.value:
        yield look.passed(start, f"{asked} as the first on the chart", f"a start with {start}", "Start lower.")
    if rises_since(steps, recent) > 1:
        yield look.passed(every, f"{asked}, raised twice within {every}", "weekly steps", "Wait a week between steps.")
    yield from _dantrolene_liver(look, began, asked)
    yield from _dantrolene_benefit(look, began)


def dantrolene_phases(look: Look) -> tuple[Phase, ...]:
    """The tests of the liver that dantrolene asks for after its baseline."""
    early, early_every, months, late_every = (
        look.limit("ALT-02", name).value for name in ("early weeks", "early interval", "months", "late interval")
    )
    return (
        Phase(round(early * WEEK_S), round(early_every * WEEK_S)),
        Phase(round(months * MONTH_S), round(late_every * WEEK_S)),
    )


def _dantrolene_liver(look: Look, began: Instant, asked: str) -> Iterator[Finding]:
    phases = dantrolene_phases(look)
    values = look.known.measures.get("ALT", ())
    if not any(fact.at <= began for fact in values):
        yield look.found(
            "ALT-02", "task", f"{asked}, begun without a test of the liver", "a baseline first", "Measure ALT now.", began
        )
    due = next_test(began, tests_since(look, began), phases)
    if due is not None:
        limit = look.limit("ALT-02", "early interval" if due.s - began.s <= phases[0].until_s else "late interval")
        yield look.passed(limit, f"{asked}: the next test of the liver", f"a test every {limit}", "Measure ALT.", due)
    age, limit = look.age_years, look.limit("ALT-02", "age")
    risks = [
        *([f"age {age}"] if age is not None and age > limit.value else []),
        *taken_of(look, "oestrogen"),
        *(["a disease of the liver"] if look.known.present("liver disease") else []),
    ]
    if risks:
        advice = "Weigh it against the benefit, and keep to the tests of the liver."
        yield look.passed(limit, f"dantrolene with {', '.join(risks)}", "more harm to the liver with these", advice)


def _dantrolene_benefit(look: Look, began: Instant) -> Iterator[Finding]:
    limit = look.limit("ALT-02", "benefit")
    due = Instant(began.s + round(limit.value * DAY_S))
    helped = look.known.answer("benefit", "dantrolene")
    if look.now >= due and not helped:
        told = "no benefit" if helped is False else f"nobody has recorded {_HELPED}"
        advice = "Stop it." if helped is False else "Judge it; without benefit stop it."
        yield look.passed(limit, f"dantrolene for {look.ago(began)}: {told}", f"a trial of {limit}", advice, due)


def _benzodiazepines(look: Look) -> Iterator[Finding]:
    """ALT-03."""
    for name in ("diazepam", "clonazepam"):
        taken, limit = now_taken(look, name), look.limit("ALT-03", name)
        if taken is not None and taken.per_day > limit.value:
            advice = "Lower it in a taper; it makes dependent."
            yield look.passed(limit, f"{taken.per_day:g} mg of {name} a day", f"at most {limit}", advice)
    diazepam, usual = now_taken(look, "diazepam"), look.limit("ALT-03", "diazepam usual")
    if diazepam is not None and diazepam.per_day > usual.value:
        yield look.passed(usual, f"{diazepam.per_day:g} mg of diazepam a day", f"usually up to {usual}", "Ask whether it helps.")
    steps, start = course(look, "clonazepam"), look.limit("ALT-03", "clonazepam start")
    if len(steps) == 1 and steps[0].at > before(look.now, DAY_S) and steps[0].per_day > start.value:
        yield look.passed(start, f"{steps[0].per_day:g} mg of clonazepam as the first on the chart", f"{start}", "Start lower.")
    others = [*taken_of(look, "opioid"), *(["alcohol"] if _drinks(look) else [])]
    for name in taken_of(look, "benzodiazepine") if others else ():
        advice = "Weigh which of them is needed, watch breathing, and stop none abruptly."
        yield look.found("ALT-03", "warn", f"{name} with {' and '.join(others)}", "not with opioids or alcohol", advice)


def _drinks(look: Look) -> bool:
    return now_taken(look, "alcohol") is not None or look.known.present("alcohol misuse")


def _gabapentin(look: Look) -> Iterator[Finding]:
    """ALT-04."""
    steps, taken = course(look, "gabapentin"), now_taken(look, "gabapentin")
    if taken is None:
        return
    start, most, recent = look.limit("ALT-04", "start"), look.limit("ALT-04", "maximum"), before(look.now, DAY_S)
    asked = f"{taken.per_day:g} mg of gabapentin a day"
    if taken.per_day > most.value:
        yield look.passed(most, asked, f"at most {most}", "Lower it in steps.")
    elif len(steps) == 1 and taken.at > recent and taken.per_day > start.value:
        yield look.passed(start, f"{asked} as the first on the chart", f"a start with {start}", "Start lower, and divide it.")
    if chronic(look):
        advice = "Look the dose up on its label for these kidneys."
        yield look.found("ALT-04", "warn", f"{asked} with ill kidneys", "a dose reduced for the kidneys", advice)


def _toxin(look: Look) -> Iterator[Finding]:
    """ALT-05: every prescription is a session of injections."""
    given = sorted(
        ((fact, name) for name in grouped("medicines", "botulinum toxin") for fact in course(look, name) if fact.per_day),
        key=lambda pair: (pair[0].at, pair[1]),
    )
    if not given:
        return
    (last, name), units, apart = given[-1], look.limit("ALT-05", "units"), look.limit("ALT-05", "apart")
    recent = [pair for pair in given if look.now.s - pair[0].at.s < apart.value * DAY_S]
    for fact, brand in recent:
        if brand == ONABOTULINUM and fact.per_day > units.value:
            told, advice = f"{fact.per_day:g} units of {brand} in a session", "Inject fewer units or fewer muscles."
            yield look.passed(units, told, f"at most {units}", advice)
    yield from _too_soon(look, given, name, last)


def _too_soon(look: Look, given: list[tuple[Taken, str]], name: str, last: Taken) -> Iterator[Finding]:
    apart = look.limit("ALT-05", "apart")
    if look.now.s - last.at.s >= apart.value * DAY_S or len(given) < 2:
        return
    earlier, other = given[-2]
    gap_days = (last.at.s - earlier.at.s) / DAY_S
    if gap_days < apart.value:
        due = Instant(earlier.at.s + round(apart.value * DAY_S))
        told = f"{name} {gap_days:.3g} days after the last injection"
        yield look.passed(apart, told, f"at least {apart} apart", "Wait until then.", due)
    if name != other:
        told, advice = f"{name} after {other}", "Work the units out anew from the label of what is injected."
        yield look.found("ALT-05", "warn", told, "units of one brand are no units of another", advice)


def _nabiximols(look: Look) -> Iterator[Finding]:
    """ALT-06."""
    steps, taken = course(look, "nabiximols"), now_taken(look, "nabiximols")
    began = unbroken_since(steps, 0.0)
    if taken is None or began is None:
        return
    sprays, trial, least = (look.limit("ALT-06", name) for name in ("sprays", "trial", "improvement"))
    if taken.per_day > sprays.value:
        yield look.passed(sprays, f"{taken.per_day:g} sprays a day", f"at most {sprays}", "Take fewer.")
    due = Instant(began.s + round(trial.value * WEEK_S))
    if look.now < due:
        return
    percent = improvement(look, began)
    if percent is None:
        told = f"nabiximols for {look.ago(began)} and no score of spasticity before it and since"
        yield look.passed(trial, told, f"a trial of {trial}, scored 0 to 10", "Score spasticity; without the score stop it.", due)
    elif percent < least.value:
        told = f"nabiximols for {look.ago(began)}: the score fell by {percent:.3g} %"
        yield look.passed(least, told, f"a fall by {least} or more", "Stop it.", due)


def improvement(look: Look, began: Instant) -> float | None:
    """By how many percent the 0 to 10 score of spasticity is lower than at the start of a medicine; None without both scores."""
    scores = [(fact.at, float(fact.score)) for fact in look.known.scores.get(SPASTICITY_NRS, ())]
    earlier = [pair for pair in scores if pair[0] <= began]
    since = [pair for pair in scores if pair[0] > began]
    if not earlier or not since:
        return None
    was = min(score for at, score in earlier if at == earlier[-1][0])
    now = max(score for at, score in since if at == since[-1][0])
    return 100 * (was - now) / was if was else None


def _physical(look: Look) -> Iterator[Finding]:
    """ALT-07: the daily program, and whether it is kept."""
    if look.known.described is None:
        return
    kept = look.known.answer("physical management", "daily stretching")
    if not kept:
        told = "no daily stretching" if kept is False else "nobody has recorded whether there is daily stretching"
        advice = "Set up a daily program of stretching and movement, in water where that can be had; record how it is kept."
        yield look.found("ALT-07", "task", told, "a daily program beside every drug", advice)


CHECKS: Checks = {
    "ALT-00": _order,
    "ALT-01": tizanidine,
    "ALT-02": _dantrolene,
    "ALT-03": _benzodiazepines,
    "ALT-04": _gabapentin,
    "ALT-05": _toxin,
    "ALT-06": _nabiximols,
    "ALT-07": _physical,
}
