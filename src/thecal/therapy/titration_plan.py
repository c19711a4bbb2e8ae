"""A dated titration: from the dose that runs to another, in steps that the rules allow."""

from thecal.errors import Refusal
from thecal.quantity import DailyDose
from thecal.therapy.look import Look
from thecal.therapy.plan import Plan, PlanStep
from thecal.therapy.rules import Limit, refusal_by
from thecal.therapy.titration import MS, titration_rule
from thecal.timeline import DAY_S, HOUR_S, Duration, Instant

_STEPS_MAX = 60
_TENTH_MCG = 10**5


def titration_plan(
    look: Look, start: Instant, target: DailyDose, every: Duration, rise_percent: float | None = None
) -> Plan | Refusal:
    """Steps from the dose that runs up (or down) to ``target``, ``every`` so long, each assessed within 24 h.

    Each step changes the dose by ``rise_percent``, the default of the rule for this person where none is given, the last by
    what is left. Refused beyond the limits of the rule (TIT-03 to TIT-05), above the highest dose (SAF-01), and without a dose
    that runs.
    """
    now = look.known.dose
    rule = titration_rule(look)
    most, between, top = look.limit(rule, "rise"), look.limit(rule, "between"), look.limit("SAF-01", "daily dose")
    percent = _step(look, rule).value if rise_percent is None else rise_percent
    if now is None or not now.pg_per_day:
        return refusal_by(
            rule, "a titration without a dose that runs", "a pump that was programmed", "Program the first dose first."
        )
    if not 0 < percent <= most.value:
        return refusal_by(rule, f"steps of {percent:g} %", f"more than 0, at most {most}", "Plan smaller steps.")
    if every.s < between.value * HOUR_S:
        return refusal_by(rule, f"a step every {every}", f"at least {between} apart", "Plan the steps further apart.")
    if target.pg_per_day > top.value * 10**6:
        return refusal_by("SAF-01", f"a target of {target}", f"at most {top}", "Choose a lower target.")
    change = percent if target >= now else -min(percent, look.limit("PRG-02", "fall").value)
    doses = _doses(now.pg_per_day, target.pg_per_day, change)
    if len(doses) > _STEPS_MAX:
        return refusal_by(rule, f"{len(doses)} steps to {target}", f"at most {_STEPS_MAX} in one plan", "Choose a nearer target.")
    steps = []
    before = now
    for number, dose in enumerate(doses):
        at = look.later(start, days=number * every.s / DAY_S)
        told = 100 * (dose.pg_per_day - before.pg_per_day) / before.pg_per_day
        by = rule if dose > before else "PRG-02"
        steps.append(PlanStep(at, f"{dose} in 24 h", by, f"{told:+.3g} % from {before}; a person confirms the total"))
        assess = look.later(at, days=look.limit("TIT-08", "assess").value / 24)
        steps.append(
            PlanStep(assess, "assess", "TIT-08", "tone, spasms, side effects, function; go back a step if function was lost")
        )
        before = dose
    notes = (
        "Each step is an order of its own: check it with the chart of that day.",
        f"After {look.limit('TIT-12', 'rises')} without a response look for a fault before the next (TIT-12).",
    )
    return Plan(f"Titration from {now} to {target}", tuple(sorted(steps, key=lambda step: step.at)), (), notes)


def _doses(now: int, target: int, change_percent: float) -> list[DailyDose]:
    """The doses on the way, each changed by no more than so much, in tenths of a microgram if it can be; the target last."""
    doses: list[DailyDose] = []
    while now != target and len(doses) <= _STEPS_MAX:
        most = int(now * change_percent / 100)
        change = int(most / _TENTH_MCG) * _TENTH_MCG or most
        now = target if abs(target - now) <= abs(most) else now + change
        doses.append(DailyDose(now))
    return doses


def _step(look: Look, rule: str) -> Limit:
    described = look.known.described
    ms = rule == "TIT-03" and described is not None and described.cause == MS
    return look.limit(rule, "step in MS" if ms else "step")
