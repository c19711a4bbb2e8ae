"""The response to a screening bolus: how far scores fell and for how long, as clinicians and as payers judge it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from thecal.chart.facts import TestBolusGiven
from thecal.therapy.look import Look
from thecal.timeline import HOUR_S, Duration, Instant

Outcome = Literal["positive", "equivocal", "negative", "not decided"]
What = Literal["tone", "spasms"]
_BETWEEN = "1+"
_TONE_SCALES = ("ashworth-0-4", "ashworth-1-5", "modified-ashworth")
_SPASM_SCALE = "penn-frequency"
_SAID: dict[str, What] = {"significant fall in tone": "tone", "significant fall in spasms": "spasms"}


@dataclass(frozen=True, slots=True)
class Fall:
    """By how many points the mean score of one scale was lower than before the bolus, at an instant after it."""

    scale: str
    what: What
    at: Instant
    points: float


@dataclass(frozen=True, slots=True)
class ScreeningResult:
    """What the last screening bolus has shown: ``clinical`` by the examiners and the scores (SCR-08b), ``payer`` by SCR-08.

    ``reasons`` are pairs of rule and text; ``falls`` every fall that was measured, in order of time.
    """

    clinical: Outcome
    payer: Outcome
    reasons: tuple[tuple[str, str], ...]
    bolus: TestBolusGiven | None = None
    falls: tuple[Fall, ...] = ()


def screening_result(look: Look) -> ScreeningResult:
    """How the last screening bolus turned out, by what is on the chart now."""
    bolus = last_bolus(look)
    if bolus is None:
        return ScreeningResult("not decided", "not decided", (("SCR-08b", "no screening bolus was given"),))
    seen = falls(look, bolus)
    clinical, why = _clinical(look, bolus, seen)
    payer, payer_why = _payer(look, bolus, seen)
    reasons = [("SCR-08b", why), ("SCR-08", payer_why)]
    if _answered(look, bolus, "negative reaction"):
        reasons.append(("TIT-01", "there was a negative reaction: the first daily dose is the screening dose itself"))
    return ScreeningResult(clinical, payer, tuple(reasons), bolus, seen)


def last_bolus(look: Look) -> TestBolusGiven | None:
    """The latest screening bolus; of two that are written at one instant, the larger."""
    return max(look.known.tests, key=lambda test: (test.at, test.dose), default=None)


def window_end(look: Look, bolus: TestBolusGiven) -> Instant:
    """Until when what is scored counts as the answer to a bolus: until the next one, and no longer than is usual."""
    end_s = bolus.at.s + round(look.limit("SCR-06", "answer").value * HOUR_S)
    return Instant(min([end_s, *(test.at.s for test in look.known.tests if test.at > bolus.at)]))


def observed(look: Look, bolus: TestBolusGiven) -> list[Instant]:
    """When tone or spasms were scored after a bolus, as its answer."""
    end = window_end(look, bolus)
    return sorted({at for series in _series(look) for at, _ in series.points if bolus.at < at <= end})


def falls(look: Look, bolus: TestBolusGiven) -> tuple[Fall, ...]:
    """Every fall after a bolus, against the last score before it on the same scale and of the same parts."""
    end, found = window_end(look, bolus), []
    for series in _series(look):
        before = _baseline(look, series, bolus)
        for at, parts in series.points:
            both = sorted(before.keys() & parts.keys())
            if bolus.at < at <= end and both:
                points = sum(_points(before[part], parts[part]) for part in both) / len(both)
                found.append(Fall(series.scale, series.what, at, points))
    return tuple(sorted(found, key=lambda fall: (fall.at, fall.scale)))


def _baseline(look: Look, series: "_Series", bolus: TestBolusGiven) -> dict[str, tuple[str, ...]]:
    """The last score of each part before a bolus; one that an earlier bolus may have lowered only where there is no other."""
    clean: dict[str, tuple[str, ...]] = {}
    lowered: dict[str, tuple[str, ...]] = {}
    for at, parts in series.points:
        if at <= bolus.at:
            (lowered if _under_another(look, at, bolus) else clean).update(parts)
    return lowered | clean


@dataclass(frozen=True, slots=True)
class _Series:
    """The scores on one scale: at each instant, by part, what the raters wrote."""

    scale: str
    what: What
    points: tuple[tuple[Instant, dict[str, tuple[str, ...]]], ...]


def _series(look: Look) -> Iterator[_Series]:
    examined = look.known.assessments
    tone = [(fact.at, "legs", str(fact.ashworth_legs)) for fact in examined if fact.ashworth_legs is not None]
    spasm = [(fact.at, "", str(fact.spasm_penn)) for fact in examined if fact.spasm_penn is not None]
    yield _Series("examination, legs", "tone", _grouped(tone))
    yield _Series("examination, spasms", "spasms", _grouped(spasm))
    for scale in (*_TONE_SCALES, _SPASM_SCALE):
        scored = [(fact.at, fact.part or "", fact.score) for fact in look.known.scores.get(scale, ())]
        yield _Series(scale, "spasms" if scale == _SPASM_SCALE else "tone", _grouped(scored))


def _grouped(noted: list[tuple[Instant, str, str]]) -> tuple[tuple[Instant, dict[str, tuple[str, ...]]], ...]:
    points = []
    for at, of_instant in groupby(sorted(noted), key=lambda score: score[0]):
        parts = {part: tuple(score for *_, score in scores) for part, scores in groupby(of_instant, key=lambda score: score[1])}
        points.append((at, parts))
    return tuple(points)


def _points(before: tuple[str, ...], after: tuple[str, ...]) -> float:
    """The fall that is sure: 1+ lies somewhere between 1 and 2, and of several raters at once the least fall counts."""
    return min(_fall(first, then) for first in before for then in after)


def _fall(before: str, after: str) -> float:
    if before == after:
        return 0.0
    return float("1" if before == _BETWEEN else before) - float("2" if after == _BETWEEN else after)


def _under_another(look: Look, at: Instant, bolus: TestBolusGiven) -> bool:
    """Whether a score was taken while an earlier bolus may still have worked."""
    lasts_s = look.limit("SCR-06", "answer").value * HOUR_S
    return any(test.at.s < at.s < test.at.s + lasts_s for test in look.known.tests if test.at < bolus.at)


def _answered(look: Look, bolus: TestBolusGiven, item: str) -> bool | None:
    answered = look.known.answers.get(("test result", item))
    return answered.yes if answered is not None and answered.at >= bolus.at else None


def _most(seen: tuple[Fall, ...], what: What | None = None) -> float | None:
    return max((fall.points for fall in seen if what in (None, fall.what)), default=None)


def _clinical(look: Look, bolus: TestBolusGiven, seen: tuple[Fall, ...]) -> tuple[Outcome, str]:
    """SCR-08b. The number of points is recalled: alone it neither lets a test pass nor ends one."""
    if _answered(look, bolus, "goal met"):
        return "positive", "a goal that was set before the test is met"
    needed, said = look.limit("SCR-08b", "fall"), {item: _answered(look, bolus, item) for item in _SAID}
    claimed = [item for item, yes in said.items() if yes]
    held = [item for item in claimed if (most := _most(seen, _SAID[item])) is None or most >= needed.value]
    if held:
        return "positive", f"the examiners say: {' and '.join(held)}"
    most = _most(seen)
    if claimed:
        return (
            "equivocal",
            f"the examiners say: {' and '.join(claimed)}; the scores fell by {most:.3g} points, less than {needed}",
        )
    denied = any(yes is False for yes in said.values())
    if most is None:
        return ("negative", "the examiners saw no significant fall") if denied else ("not decided", "nobody has said what it did")
    return _by_scores(look, most, denied)


def _by_scores(look: Look, most: float, denied: bool) -> tuple[Outcome, str]:
    """What scores say where no examiner has claimed a response."""
    needed, sure = look.limit("SCR-08b", "fall"), look.limit("SCR-08", "fall")
    told = f"the scores fell by {most:.3g} points"
    if denied:
        return ("equivocal", f"{told}, and the examiners saw no significant fall") if most >= needed.value else ("negative", told)
    if most >= max(sure.value, needed.value):
        return "positive", f"{told}, at least {sure}"
    if most <= 0:
        return "negative", "no score fell"
    return "equivocal", f"{told}; the examiners have not said whether that is significant"


def _payer(look: Look, bolus: TestBolusGiven, seen: tuple[Fall, ...]) -> tuple[Outcome, str]:
    """SCR-08: a fall of so many points on one scale that held so long, by the scores or by the duration that was noted."""
    fall, held = look.limit("SCR-08", "fall"), look.limit("SCR-08", "held")
    if not seen:
        return "not decided", "no scores before and after the bolus on one scale"
    longest_s, open_end = -1, False
    for scale in sorted({one.scale for one in seen}):
        lasted_s, still = _held_s([one for one in seen if one.scale == scale], fall.value)
        if still and lasted_s >= 0 and bolus.effect_lasted is not None:
            lasted_s, still = max(lasted_s, bolus.effect_lasted.s), False
        longest_s, open_end = max(longest_s, lasted_s), open_end or still
    if longest_s < 0:
        return "negative", f"no score fell by {fall}"
    told = f"a fall of at least {fall} for {Duration(longest_s)}"
    if longest_s >= held.value * HOUR_S:
        return "positive", told
    return ("equivocal", f"{told}, and no later score") if open_end else ("negative", f"{told}, less than {held}")


def _held_s(seen: list[Fall], points: float) -> tuple[int, bool]:
    """For how many seconds in a row a fall was at least so large, -1 where it never was; and whether it still was at the end."""
    longest_s, since = -1, None
    for fall in seen:
        if fall.points < points:
            since = None
            continue
        since = since or fall.at
        longest_s = max(longest_s, fall.at.s - since.s)
    return longest_s, since is not None
