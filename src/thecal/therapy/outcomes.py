"""Scores and what people report, over time."""

from collections.abc import Iterator
from datetime import datetime, time

from thecal.chart.clinical import Scored
from thecal.chart.facts import Assessed
from thecal.chart.vocabulary import grouped, words
from thecal.errors import InputError
from thecal.therapy.finding import Finding
from thecal.therapy.look import Checks, Look
from thecal.therapy.scales import families, scale_named, scales
from thecal.therapy.scores import Score, read_score, score_of
from thecal.therapy.service import booked, day_ends
from thecal.timeline import DAY_S, MONTH_S, Instant

_REPORTED = "reported"
_SIDE_EFFECTS = "side effects"
_CONTACTS = frozenset(
    {"assessment", "post-op", "titration", "refill", "home refill", "follow-up", "rehabilitation", "unscheduled"}
)
_ASHWORTH, _EXAMINED = "ashworth", "ashworth-1-5"
BASELINE = ("spasm", "stiffness", "pain", "sleep", "function", "goals")
"""The domains that are scored before the test; mood and side effects are asked about, and have no scale of their own here."""


def trend(look: Look, scale: str, part: str | None = None) -> tuple[tuple[Instant, Score], ...]:
    """The scores on a scale, of one part where one is named, in order of time; what cannot be read on it is left out.

    Raises InputError for a scale that is not known.
    """
    scale_named(scale)
    named = [fact for fact in look.known.scores.get(scale, ()) if part in (None, fact.part)]
    found = [(fact.at, score) for fact in named if (score := score_of(fact)) is not None]
    return tuple(sorted(found, key=lambda point: (point[0], point[1].part or "", point[1].order)))


def covered(look: Look, since: Instant, until: Instant) -> frozenset[str]:
    """The domains (PRO-01) of which something was scored, answered or reported from ``since`` to ``until``."""
    found = {
        domain
        for name, domain in _domains().items()
        if any(since <= fact.at <= until for fact in look.known.scores.get(name, ()))
    }
    for fact in look.known.assessments:
        if since <= fact.at <= until:
            found |= _of_examination(fact)
    answers = ((item, look.known.answers.get((_REPORTED, item))) for item in words("checklists")[_REPORTED].items)
    found |= {item for item, answer in answers if answer is not None and answer.yes and since <= answer.at <= until}
    effects = grouped("symptoms", "side effect")
    if any(since <= report.at <= until and report.symptom in effects for report in look.known.symptoms):
        found.add(_SIDE_EFFECTS)
    return frozenset(found)


def _mixed(look: Look) -> Iterator[Finding]:
    """SAF-09: what has no variant, what its scale does not have, several variants of one scale, several raters."""
    used = [name for name, facts in look.known.scores.items() if facts]
    for name in sorted(used):
        yield from _unreadable(look, name)
        yield from _raters(look, name)
    variants = {name for name in families()[_ASHWORTH] if name in used}
    if any(fact.ashworth_legs is not None or fact.ashworth_arms is not None for fact in look.known.assessments):
        variants.add(_EXAMINED)
    if len(variants) > 1:
        asked = f"one chart with {', '.join(sorted(variants))}"
        advice = "Choose one variant, and compare each score with those of its own."
        yield look.found("SAF-09", "warn", asked, "scores of one variant; they are shown apart and not averaged", advice)


def _unreadable(look: Look, name: str) -> Iterator[Finding]:
    written = {(fact.score, fact.part): fact for fact in look.known.scores[name]}
    problems = {text: problem for (text, _), fact in written.items() if (problem := _problem(fact)) is not None}
    for text, problem in sorted(problems.items()):
        asked = f"{text!r} on {name}: {problem.problem}"
        allowed = ", ".join(problem.accepted) or "a score of a known scale"
        yield look.found(
            "SAF-09", "warn", asked, allowed, "Enter it again with its scale and variant; it is left out until then."
        )


def _raters(look: Look, name: str) -> Iterator[Finding]:
    if name not in scales() or scales()[name].rated_by != "examiner":
        return
    raters = sorted({fact.rater for fact in look.known.scores[name] if fact.rater is not None})
    if len(raters) > 1:
        asked = f"{name} rated by {', '.join(raters)}"
        advice = "Let one of them rate from now on, or note the change beside the scores."
        yield look.found("SAF-09", "warn", asked, "one rater where possible; the scores are not averaged", advice)


def _reports(look: Look) -> Iterator[Finding]:
    """PRO-01: the domains of the last visit, the baseline before the test, the scores after it, and those that are due."""
    yield from _asked_at_visit(look)
    yield from _baseline(look)
    yield from _after_test(look)
    yield from _due(look)


def _asked_at_visit(look: Look) -> Iterator[Finding]:
    visits = [fact for fact in look.known.visits if fact.visit in _CONTACTS]
    if not visits:
        return
    last = max(visits, key=lambda fact: (fact.at, fact.visit))
    day = last.at.date(look.zone)
    midnight = Instant(int(datetime.combine(day, time(), look.zone).timestamp()))
    seen = covered(look, midnight, look.now)
    missing = [domain for domain in words("checklists")[_REPORTED].items if domain not in seen]
    if missing:
        asked = f"at the {last.visit} of {day} nothing was noted of {', '.join(missing)}"
        yield look.found(
            "PRO-01", "task", asked, "every domain at every visit", "Ask, and write it down.", day_ends(look, last.at)
        )


def _baseline(look: Look) -> Iterator[Finding]:
    tests, ahead = look.known.tests, booked(look, "screening test")
    if look.known.implanted is not None or look.known.closed is not None or not (tests or ahead):
        return
    first = min((test.at for test in tests), default=look.now)
    missing = [domain for domain in BASELINE if domain not in covered(look, Instant(0), first)]
    if missing:
        asked = f"no score of {', '.join(missing)} from before the screening test"
        advice, due = ("Look for earlier scores, and enter them with their dates.", None)
        if not tests:
            advice, due = "Score the whole set before the test.", ahead[0].on
        yield look.found("PRO-01", "advise", asked, "the whole set before the test", advice, due)


def _after_test(look: Look) -> Iterator[Finding]:
    tests = look.known.tests
    if not tests or look.known.implanted is not None or look.known.closed is not None:
        return
    last = max(test.at for test in tests)
    if not covered(look, Instant(last.s + 1), look.now) & {"spasm", "stiffness"}:
        asked = f"nothing was scored in the {look.ago(last)} since the test bolus"
        advice = "Score tone and spasms at the hours of the test, by the same rater."
        yield look.found("PRO-01", "task", asked, "the same set in the hours after the bolus", advice, last)


def _due(look: Look) -> Iterator[Finding]:
    """The latest date that is reached or near, and of which nothing was scored yet."""
    known = look.known
    if known.implanted is None or known.explanted is not None or known.closed is not None:
        return
    early, start = look.limit("PRO-01", "early"), known.implanted.at
    ahead_s = round(early.value * DAY_S)
    reached = [at for at in _dates(look, start) if at.s - ahead_s <= look.now.s]
    if not reached:
        return
    due = max(reached)
    if not covered(look, Instant(due.s - ahead_s), look.now) & set(BASELINE):
        months = round((due.s - start.s) / MONTH_S)
        limit = look.limit("PRO-01", "yearly")
        asked = f"the assessment {months} month{'s' if months > 1 else ''} after the implant, with nothing scored for it yet"
        advice = "Score the same set as before, by the same rater."
        allowed = f"the set at {', '.join(look.limit('PRO-01', name).number for name in _FIRST)} months, then every {limit}"
        yield look.passed(limit, asked, allowed, advice, due)


_FIRST = ("first", "second", "third")


def _dates(look: Look, start: Instant) -> Iterator[Instant]:
    """The dates of the schedule, up to the first one after now."""
    months = [look.limit("PRO-01", name).value for name in _FIRST]
    yearly = look.limit("PRO-01", "yearly").value
    count = int((look.now.s - start.s) / (MONTH_S * yearly)) if yearly > 0 else 0
    months += [yearly * number for number in (count, count + 1) if number]
    yield from (look.later(start, months=month) for month in months)


def _domains() -> dict[str, str]:
    return {name: scale.domain for name, scale in scales().items() if scale.domain is not None}


def _of_examination(fact: Assessed) -> set[str]:
    tone = fact.ashworth_legs is not None or fact.ashworth_arms is not None
    return ({"stiffness"} if tone else set()) | ({"spasm"} if fact.spasm_penn is not None else set())


def _problem(fact: Scored) -> InputError | None:
    try:
        read_score(fact.scale, fact.score, part=fact.part)
    except InputError as problem:
        return problem
    return None


CHECKS: Checks = {"SAF-09": _mixed, "PRO-01": _reports}
