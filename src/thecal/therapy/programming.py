"""Maintenance: what a program may change once the dose is stable, and what a change tells."""

from collections.abc import Iterator

from thecal.chart.order import OrderFlex
from thecal.quantity import Amount
from thecal.therapy.asked import percent_text
from thecal.therapy.finding import Finding
from thecal.therapy.look import Checks, Look
from thecal.therapy.signing import signed_off
from thecal.therapy.stability import settled, stable
from thecal.timeline import DAY_S, Instant

_YEAR_S = 365 * DAY_S + DAY_S // 4


def _change(look: Look) -> Iterator[Finding]:
    """PRG-02."""
    rises, falls = (look.asked.rise_percent, look.asked.change_percent) if look.asked else (None, None)
    if rises is None or falls is None or look.asked is None or look.asked.stops:
        return
    steady = settled(look)
    described = look.known.described
    rise = look.limit("PRG-02", "cerebral rise" if described and described.origin == "cerebral" else "spinal rise")
    fall = look.limit("PRG-02", "fall")
    advice = "Change less; or a person who may order goes on, with a reason."
    if steady and rises > rise.value:
        yield look.passed(rise, f"a rise of {percent_text(rises)}", f"at most {rise}", advice)
    if -falls > fall.value:
        asked, allowed = f"a fall of {percent_text(-falls)}", f"at most {fall}"
        if steady:
            yield look.passed(fall, asked, allowed, advice)
        else:
            yield look.found("PRG-02", "warn", asked, allowed, "Baclofen is never lowered abruptly: a taper, with cover at hand.")


def _steps(look: Look) -> Iterator[Finding]:
    """PRG-03."""
    order = look.asked.orders.dosing if look.asked else None
    limit = look.limit("PRG-03", "steps")
    most = max((len(day.steps) for day in order.days), default=0) if isinstance(order, OrderFlex) else 0
    if most > limit.value:
        yield look.passed(limit, f"a day of {most} steps", f"at most {limit}", "Join steps that are nearly alike.")


def _usual(look: Look) -> Iterator[Finding]:
    """PRG-04: outside the usual range, once stable."""
    described, dose = look.known.described, _dose(look)
    if described is None or dose is None or not dose.pg or not settled(look):
        return
    age, child = look.age_years, look.limit("PRG-04", "child")
    table = "child" if age is not None and age < child.value else described.origin
    low, high = look.limit("PRG-04", f"{table} low"), look.limit("PRG-04", f"{table} high")
    advice = "Ask whether it is the lowest dose that works, and whether all of it arrives."
    for limit, outside in ((low, dose.pg < low.value * 10**6), (high, dose.pg > high.value * 10**6)):
        if outside:
            yield look.passed(limit, f"{dose} a day", f"usually {low.number} to {high}", advice)


def _high(look: Look) -> Iterator[Finding]:
    """PRG-05."""
    limit = look.limit("PRG-05", "high dose")
    after = look.asked.after if look.asked else None
    if after is not None and after.seven_day_mean.pg > limit.value * 10**6:
        asked, allowed = f"{after.seven_day_mean} a day", f"up to {limit} by one person"
        if signed_off(look):
            yield look.found("PRG-05", "advise", asked, allowed, "Look for a fault of pump and catheter (TRB-01).", limit=limit)
        else:
            yield look.passed(limit, asked, allowed, "A second person; and look for a fault first (TRB-01).")


def _confirmed(look: Look) -> Iterator[Finding]:
    """PRG-06."""
    asked = look.asked
    if asked is None or asked.stops or asked.after is None or asked.before == asked.after or asked.orders.confirm_total:
        return
    allowed = f"the total confirmed: {asked.after.day} in 24 h"
    yield look.found(
        "PRG-06", "block", "a 24-h total that nobody confirmed", allowed, "Work it out from the order, and confirm it."
    )


def _sudden(look: Look) -> Iterator[Finding]:
    """PRG-07: rises of a dose that was stable."""
    percent = look.asked.rise_percent if look.asked else None
    if percent is None or percent <= 0:
        return
    rise, rises, window = (look.limit("PRG-07", name) for name in ("rise", "rises", "window"))
    advice = "Look for a noxious stimulus first, then for a fault of catheter and pump (TRB-02, TRB-03)."
    if percent > rise.value and settled(look):
        yield look.passed(rise, f"a rise of {percent_text(percent)} of a stable dose", f"at most {rise} without a reason", advice)
    since = Instant(int(max(look.now.s - window.value * DAY_S, 0)))
    recent = [change for change in look.known.doses if change.at >= since and change.rose]
    if len(recent) + 1 >= rises.value and stable(look.known, look.clinic, since):
        yield look.passed(rises, f"rise {len(recent) + 1} in {window}", f"fewer than {rises} without a reason", advice)


def _drift(look: Look) -> Iterator[Finding]:
    """PRG-09."""
    known, settled, limit = look.known, look.limit("PRG-09", "settled"), look.limit("PRG-09", "change")
    if known.implanted is None or known.dose is None or look.since(known.implanted.at).s < settled.value * _YEAR_S:
        return
    then = next((change.dose for change in reversed(known.doses) if change.at.s <= look.now.s - _YEAR_S), None)
    if then is None or not then.pg_per_day:
        return
    percent = abs(known.dose.pg_per_day - then.pg_per_day) * 100 / then.pg_per_day
    if percent > limit.value:
        asked = f"{known.dose} now and {then} a year ago, {percent:.3g} % apart"
        yield look.passed(limit, asked, f"at most {limit} in a year", "Review goals, disease and delivery.")


def _dose(look: Look) -> Amount | None:
    if look.asked is not None:
        return look.asked.after.seven_day_mean if look.asked.after else None
    return Amount(look.known.dose.pg_per_day) if look.known.dose else None


CHECKS: Checks = {
    "PRG-02": _change,
    "PRG-03": _steps,
    "PRG-04": _usual,
    "PRG-05": _high,
    "PRG-06": _confirmed,
    "PRG-07": _sudden,
    "PRG-09": _drift,
}
