"""Starting dose and titration: how fast a dose may rise, by origin and age, and when rising is no answer."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from thecal.chart.clinical import Described
from thecal.quantity import Amount
from thecal.therapy.asked import percent_text
from thecal.therapy.finding import Finding
from thecal.therapy.look import Check, Checks, Look
from thecal.therapy.memo import of_last_look
from thecal.therapy.scores import score_of
from thecal.therapy.signing import signed_off
from thecal.therapy.stability import settled, stable
from thecal.therapy.tip import drug_at_tip
from thecal.timeline import DAY_S, HOUR_S, Duration, Instant

_TINY = 1e-9  # tenths of a score are no whole numbers
_YEAR_S = 365 * DAY_S + DAY_S // 4
MS = "multiple sclerosis"
_SCALES = ("ashworth-0-4", "ashworth-1-5", "modified-ashworth", "penn-frequency")


@dataclass(frozen=True, slots=True)
class Expected:
    """The mean daily dose and its standard deviation that others needed, so long after the implant (TIT-10)."""

    years: float
    mean: float
    sd: float


EXPECTED: dict[str, tuple[Expected, ...]] = {
    MS: (Expected(0, 83, 39), Expected(1, 227, 193), Expected(10, 321, 261)),
    "spinal": (Expected(0, 83, 31), Expected(1, 296, 225), Expected(10, 523, 426)),
    "cerebral": (Expected(0, 103, 31), Expected(1, 402, 300), Expected(10, 579, 421)),
}
"""Dose escalation by aetiology, J Spinal Cord Med 2023 (PMID 37982808)."""


def expected_dose(described: Described, after: Duration) -> Expected:
    """What others needed so long after the implant: between two published times in proportion, after the last as then."""
    rows = EXPECTED[MS if described.cause == MS else described.origin]
    years = after.s / _YEAR_S
    before = max((row for row in rows if row.years <= years), key=lambda row: row.years)
    later = min((row for row in rows if row.years > years), key=lambda row: row.years, default=before)
    part = (years - before.years) / (later.years - before.years) if later.years > before.years else 0
    mean, sd = (a + part * (b - a) for a, b in ((before.mean, later.mean), (before.sd, later.sd)))
    return Expected(years, mean, sd)


def starting_dose(look: Look) -> Amount | None:
    """TIT-01: the daily dose to start with, from the last screening test; None where its effect is not known."""
    if not look.known.tests or look.known.tests[-1].effect_lasted is None:
        return None
    test = look.known.tests[-1]
    lasted = look.known.tests[-1].effect_lasted
    long = lasted is not None and lasted.s > look.limit("TIT-01", "long effect").value * HOUR_S
    once = long or look.known.answer("test result", "negative reaction")
    return Amount(test.dose.pg if once else round(test.dose.pg * look.limit("TIT-01", "start factor").value))


def _start(look: Look) -> Iterator[Finding]:
    """TIT-01: a first program above what the screening test says."""
    asked = look.asked
    if asked is None or asked.after is None or look.known.doses or not look.known.tests:
        return
    most = starting_dose(look)
    if most is None:
        text = "the effect of the screening test was not recorded"
        yield look.found("TIT-01", "warn", text, "a start from dose and duration of effect", "Record how long the effect lasted.")
    elif asked.after.day > most:
        limit = look.limit("TIT-01", "start factor")
        yield look.passed(
            limit, f"a first dose of {asked.after.day} in 24 h", f"at most {most}", "Start lower, and raise after 24 h."
        )


@of_last_look
def _at_tip(look: Look) -> Instant | None:
    return drug_at_tip(look.chart)


def _first_day(look: Look) -> Iterator[Finding]:
    """TIT-02."""
    rise, at_tip = _rise(look), _at_tip(look) if _rise(look) is not None else None
    if rise is None or at_tip is None:
        return
    limit = look.limit("TIT-02", "first")
    if look.now.s - at_tip.s < limit.value * HOUR_S:
        told = (
            f"a rise {look.ago(at_tip)} after drug reached the tip" if at_tip <= look.now else "a rise before drug is at the tip"
        )
        yield look.passed(limit, told, f"{limit} after it", "Wait, and assess then.")


def _step(rule: str) -> Check:
    """TIT-03 to TIT-05: how much and how often a dose may rise until it is stable."""

    def check(look: Look) -> Iterator[Finding]:
        rise = _rise(look)
        if rise is None or titration_rule(look) != rule or settled(look):
            return
        limit = look.limit(rule, "rise")
        if rise > limit.value:
            advice = f"Raise by at most {limit}; or a person who may order goes on, with a reason."
            yield look.passed(limit, f"a rise of {percent_text(rise)}", f"at most {limit}", advice)
        between, last = look.limit(rule, "between"), look.known.doses[-1].at
        if look.now.s - last.s < between.value * HOUR_S:
            asked = f"a rise {look.ago(last)} after the last change"
            yield look.passed(between, asked, f"one in {between}", "Wait, and assess then.")

    return check


def _higher_dose(look: Look) -> Iterator[Finding]:
    """TIT-06: until the dose is stable; limits of maintenance hold afterwards."""
    rise, tier, limit = _rise(look), look.limit("TIT-06", "higher dose"), look.limit("TIT-06", "rise")
    if rise is None or look.asked is None or look.asked.before is None:
        return
    if signed_off(look) or settled(look):
        return
    if look.asked.before.day.pg >= tier.value * 10**6 and rise > limit.value:
        asked = f"a rise of {percent_text(rise)} from {look.asked.before.day} in 24 h"
        yield look.passed(limit, asked, f"at most {limit} from {tier} on", "A second person enters the new 24-h total again.")


def _assessed_after(look: Look) -> Iterator[Finding]:
    """TIT-08."""
    if not look.known.doses or look.known.doses[-1].dose is None:
        return
    changed, limit = look.known.doses[-1].at, look.limit("TIT-08", "assess")
    assessed = max((at for at in _assessments(look)), default=Instant(0))
    if assessed <= changed and look.now.s - changed.s > limit.value * HOUR_S:
        due = Instant(changed.s + int(limit.value * HOUR_S))
        asked = f"no assessment since the change {look.ago(changed)} ago"
        yield look.passed(limit, asked, f"within {limit} of a change", "Assess tone, spasms and side effects.", due)


def _strength(look: Look) -> Iterator[Finding]:
    """TIT-09."""
    limit = look.limit("TIT-09", "strength")
    if look.asked is None or look.known.sessions or look.asked.concentration is None:
        return
    if look.asked.concentration.mcg_per_ml > limit.value:
        yield look.passed(limit, f"a first fill of {look.asked.concentration}", f"{limit}", "Start with the lower strength.")


def _beyond_others(look: Look) -> Iterator[Finding]:
    """TIT-10."""
    known = look.known
    dose = look.asked.after.seven_day_mean.pg if look.asked and look.asked.after else known.dose.pg_per_day if known.dose else 0
    if known.described is None or known.implanted is None or not dose:
        return
    limit = look.limit("TIT-10", "spread")
    row = expected_dose(known.described, look.since(known.implanted.at))
    most = row.mean + limit.value * row.sd
    if dose > most * 10**6:
        asked = f"{Amount(dose)} a day, {look.ago(known.implanted.at)} after the implant"
        allowed = f"so long after it usually up to {most:,.0f} mcg/day ({row.mean:.0f} ± {row.sd:.0f})"
        yield look.passed(limit, asked, allowed, "Look for a reason: fault of pump or catheter, noxious stimulus, tolerance.")


def _without_response(look: Look) -> Iterator[Finding]:
    """TIT-12."""
    limit = look.limit("TIT-12", "rises")
    rises = rises_without_response(look) if _rise(look) is not None else 0
    if rises >= limit.value:
        asked = f"another rise after {rises} without a response"
        yield look.passed(limit, asked, f"troubleshooting after {limit}", "Look for a fault of catheter or pump first (TRB-01).")


@of_last_look
def rises_without_response(look: Look) -> int:
    """How many rises in a row, up to the last, brought no fall of tone or spasms where both were examined (TIT-12).

    A rise is counted where somebody examined before it, and after it before the next change. Falls from rise to rise add up, and
    where nothing is left to fall the rises have worked.
    """
    rises = list(takewhile(lambda change: change.rose, reversed(look.known.doses)))
    if not rises:
        return 0
    needed = look.limit("TIT-12", "fall").value
    scores = list(_scores(look).values())
    count = 0
    until_s = look.now.s
    for change in rises:
        if any(_answered(series, change.at.s, needed) for series in scores):
            break
        count += any(_examined(series, change.at.s, until_s) for series in scores)
        if stable(look.known, look.clinic, change.at):
            break  # the rises of before were another matter
        until_s = change.at.s
    return count


def _scores(look: Look) -> dict[object, list[tuple[int, float]]]:
    """Tone and spasms over time above the least, each scale, part and rater apart; without those under a screening bolus."""
    answered_s = look.limit("SCR-06", "answer").value * HOUR_S
    under = [(test.at.s, test.at.s + answered_s) for test in look.known.tests]
    last_s = max((end for _, end in under), default=0.0)
    series: dict[object, list[tuple[int, float]]] = defaultdict(list)
    for fact in look.known.assessments:
        at_s = fact.at.s
        if at_s <= last_s and any(begin < at_s <= end for begin, end in under):
            continue
        if fact.ashworth_legs is not None:
            series["legs"].append((at_s, fact.ashworth_legs - 1))
        if fact.ashworth_arms is not None:
            series["arms"].append((at_s, fact.ashworth_arms - 1))
        if fact.spasm_penn is not None:
            series["spasms"].append((at_s, fact.spasm_penn))
    for scale in _SCALES:
        for scored in look.known.scores.get(scale, ()):
            read = score_of(scored)
            if read is not None and not any(begin < scored.at.s <= end for begin, end in under):
                series[scale, scored.part, scored.rater].append((scored.at.s, float(read.order)))
    return series


def _answered(series: list[tuple[int, float]], at_s: int, needed: float) -> bool:
    """Whether a score fell so much from the last before a change to the last of all, or to the least."""
    after = bisect_left(series, (at_s + 1,))
    if not 0 < after < len(series) or not series[after - 1][1]:
        return False
    return not series[-1][1] or series[after - 1][1] - series[-1][1] >= needed - _TINY


def _examined(series: list[tuple[int, float]], at_s: int, until_s: int) -> bool:
    """Whether something could fall, and was scored before a change and after it until the next."""
    after = bisect_left(series, (at_s + 1,))
    return 0 < after < len(series) and series[after][0] <= until_s and series[after - 1][1] > 0


def _assessments(look: Look) -> Iterator[Instant]:
    yield from (fact.at for fact in look.known.assessments)
    yield from (fact.at for scores in look.known.scores.values() for fact in scores)


@of_last_look
def _rise(look: Look) -> float | None:
    """By how many percent an order raises the 24-h total; None where it does not."""
    percent = look.asked.rise_percent if look.asked else None
    return float(percent) if percent is not None and percent > 0 else None


def titration_rule(look: Look) -> str:
    """Which of the three rules counts: a child's, the cerebral one, or the spinal one, which MS is under."""
    age = look.age_years
    if age is not None and age < look.limit("TIT-05", "adult").value:
        return "TIT-05"
    described = look.known.described
    return "TIT-04" if described is not None and described.origin == "cerebral" else "TIT-03"


CHECKS: Checks = {
    "TIT-01": _start,
    "TIT-02": _first_day,
    "TIT-03": _step("TIT-03"),
    "TIT-04": _step("TIT-04"),
    "TIT-05": _step("TIT-05"),
    "TIT-06": _higher_dose,
    "TIT-08": _assessed_after,
    "TIT-09": _strength,
    "TIT-10": _beyond_others,
    "TIT-12": _without_response,
}
