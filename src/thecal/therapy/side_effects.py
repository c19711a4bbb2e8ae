"""Side effects and lost function after a change of the dose."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from statistics import fmean

from thecal.chart.clinical import Scored, SymptomReported
from thecal.chart.vocabulary import grouped
from thecal.therapy.finding import Finding
from thecal.therapy.known import DoseSet
from thecal.therapy.look import Checks, Look
from thecal.timeline import DAY_S, Instant

WALK = "timed-25-foot-walk"


def _new_effects(look: Look) -> Iterator[Finding]:
    """AE-01: a side effect that is graver than it was when the dose was last changed."""
    change = _last_change(look)
    if change is None:
        return
    limit, raises = look.limit("AE-01", "grade"), _raises(look)
    reports = _of_group(look, "side effect")
    now = {symptom: grade for symptom, grade in _grades(reports).items() if grade >= limit.value}
    before = _grades(fact for fact in reports if fact.at <= change.at) if now else {}
    for symptom, grade in sorted(now.items()):
        if grade <= before.get(symptom, 0):
            continue
        asked = f"{symptom} of grade {grade}, {_before(before.get(symptom, 0))}"
        if raises:
            allowed = f"no rise with a new side effect of grade {limit} or more that nobody reviewed"
            next_step = "Review dose and interactions before raising; or a person who may order goes on, with a reason."
            yield look.passed(limit, f"a rise with {asked}", allowed, next_step)
        else:
            allowed = f"no new side effect of grade {limit} or more"
            yield look.found("AE-01", "warn", asked, allowed, "Review dose and interactions before the dose is raised.")


def _before(grade: int) -> str:
    return f"grade {grade} before the last change of the dose" if grade else "not there before the last change of the dose"


def _lost_function(look: Look) -> Iterator[Finding]:
    """AE-02: the last change was a rise, and since then the walk is slower or function was lost."""
    change = _last_change(look)
    if (
        change is None
        or change.dose is None
        or change.before is None
        or not 0 < change.before.pg_per_day < change.dose.pg_per_day
    ):
        return
    next_step = f"Propose going back to {change.before}, the dose before the rise."
    limit = look.limit("AE-02", "slower")
    before, after = _walk(look, change.at)
    if before and after and (after - before) * 100 >= limit.value * before:
        asked = (
            f"25 feet in {after:.3g} s, {(after - before) * 100 / before:.3g} % slower than the {before:.3g} s before the rise"
        )
        yield look.passed(limit, asked, f"less than {limit} slower", next_step)
    lost = _grades(fact for fact in _of_group(look, "function loss") if fact.at > change.at)
    told = ", ".join(symptom for symptom, grade in sorted(lost.items()) if grade)
    if told:
        yield look.found(
            "AE-02", "warn", f"{told} since the rise to {change.dose}", "no loss of function after a rise", next_step
        )


def _graded_again(look: Look) -> Iterator[Finding]:
    """AE-03: what was reported since the last change, is tolerable, and has not been asked for again when it might be less."""
    change = _last_change(look)
    first, last, most = (look.limit("AE-03", name) for name in ("from", "by", "tolerable"))
    if change is None or look.since(change.at).s < first.value * DAY_S:
        return
    opens, due = (Instant(change.at.s + int(limit.value * DAY_S)) for limit in (first, last))
    since = _of_group(look, "side effect", Instant(change.at.s + 1))
    graded = {fact.symptom for fact in since if fact.at >= opens}
    for symptom, grade in sorted(_grades(since).items()):
        if 0 < grade <= most.value and symptom not in graded:
            late = ", overdue" if look.now > due else ""
            asked = f"{symptom} of grade {grade} after the change {look.ago(change.at)} ago, not graded again{late}"
            yield look.passed(
                last, asked, f"graded again {first.number} to {last} after the change", f"Grade {symptom} again.", due
            )


def _last_change(look: Look) -> DoseSet | None:
    """The last session that left another dose, of a pump that is in place."""
    return look.known.doses[-1] if look.known.doses and look.chart.implanted is not None else None


def _raises(look: Look) -> bool:
    """Whether an order gives more than what runs: in any 24 h, with every bolus, or in the mean of a week."""
    asked = look.asked
    if asked is None or asked.after is None or asked.most is None:
        return False
    before = asked.before
    return before is None or (
        asked.after.day > before.day or asked.most > before.day_max or asked.after.seven_day_mean > before.seven_day_mean
    )


def _of_group(look: Look, group: str, since: Instant | None = None) -> list[SymptomReported]:
    """The reports of the symptoms of a group, in order of time; those from an instant on, where one is given."""
    names, reports = grouped("symptoms", group), look.known.symptoms
    begin = 0 if since is None else bisect_left(reports, since, key=lambda fact: fact.at)
    return [fact for fact in islice(reports, begin, None) if fact.symptom in names]


def _grades(reports: Iterable[SymptomReported]) -> dict[str, int]:
    """The latest grade of each symptom, the graver one of an instant."""
    latest: dict[str, SymptomReported] = {}
    for fact in reports:
        before = latest.get(fact.symptom)
        if before is None or before.at.s < fact.at.s or before.grade < fact.grade:
            latest[fact.symptom] = fact
    return {symptom: fact.grade for symptom, fact in latest.items()}


def _walk(look: Look, change: Instant) -> tuple[float | None, float | None]:
    """The last timed walk up to a change, and the last since; the mean of those of one instant, in seconds."""
    scores = look.known.scores.get(WALK, [])
    before = [fact for fact in scores if fact.at <= change]
    after = [fact for fact in scores if fact.at > change]
    return _last_mean(before), _last_mean(after)


def _last_mean(scores: list[Scored]) -> float | None:
    seconds = [value for fact in scores if fact.at == scores[-1].at if (value := _seconds(fact.score)) is not None]
    return fmean(seconds) if seconds else None


def _seconds(score: str) -> float | None:
    """A score in seconds, with or without its unit; None where none was taken, as for who could not walk that day."""
    with suppress(ValueError):
        return float(score.removesuffix("s").strip())
    return None


CHECKS: Checks = {"AE-01": _new_effects, "AE-02": _lost_function, "AE-03": _graded_again}
