"""Safety: what holds for every order, whatever the pump and the person."""

from collections.abc import Iterator

from thecal.quantity import Amount
from thecal.therapy.asked import Asked
from thecal.therapy.finding import Finding
from thecal.therapy.infusing import NO_THERAPY, not_infusing
from thecal.therapy.look import Checks, Look
from thecal.therapy.programming import CHECKS as PROGRAMMING
from thecal.therapy.signing import by_author, checkers, signed, signed_off
from thecal.therapy.titration import CHECKS as TITRATION
from thecal.therapy.titration import titration_rule
from thecal.timeline import HOUR_S, Instant

_STRENGTHS = ("low strength", "middle strength", "high strength")


def _doses(look: Look) -> Iterator[Finding]:
    """SAF-01."""
    most = look.asked.most if look.asked else None
    if most is not None:
        stop, second = look.limit("SAF-01", "daily dose"), look.limit("SAF-01", "second person")
        asked = f"{most} in 24 h"
        if most.pg > stop.value * 10**6:
            yield look.passed(stop, asked, f"at most {stop}", "Check dose, unit and every repeat.")
        elif most.pg > second.value * 10**6 and not signed_off(look):
            yield look.passed(
                second, asked, f"up to {second} by one person", "A second person; and look for a fault of pump or catheter."
            )
    limit = look.limit("SAF-01", "screening dose")
    for test in look.known.tests if look.known.implanted is None else ():
        if test.dose.pg > limit.value * 10**6:
            yield look.passed(
                limit, f"a screening dose of {test.dose}", f"at most {limit}", "Read the record again: no test goes higher."
            )


def _strength(look: Look) -> Iterator[Finding]:
    """SAF-02."""
    asked = look.asked
    if asked is None or asked.concentration is None or asked.orders.concentration is None:
        return
    screening = look.limit("SAF-02", "screening strength")
    strength = asked.concentration
    if strength.mcg_per_ml <= screening.value:
        yield look.passed(
            screening, f"{strength} in a pump", f"more than {screening}", "Take the vial of the pump, not that of the test."
        )
        return
    stocked = [look.limit("SAF-02", name) for name in _STRENGTHS]
    if strength.mcg_per_ml not in [limit.value for limit in stocked]:
        allowed = ", ".join(str(limit) for limit in stocked)
        yield look.passed(stocked[0], f"{strength} in a pump", allowed, "Write down who ordered this strength, and why.")


def _stop(look: Look) -> Iterator[Finding]:
    """SAF-03: what a stop needs; and after an emergency stop, the question that is open."""
    asked, limit = look.asked, look.limit("SAF-03", "signatures")
    if asked is not None and asked.stops and _runs(asked):
        if _emergency(look, look.now):
            yield _after_stop(look, look.now)
            return
        needed = [name for name in ("taper plan", "cover order") if look.known.document(name, look.now) is None]
        missing = [f"no {name}" for name in needed]
        signers = len(checkers(look))
        if signers < limit.value:
            missing.append(f"{signers} of {limit}")
        if missing:
            allowed = f"a taper plan, an order for cover and {limit}; or a recorded overdose or emergency"
            advice = "Plan the taper and the cover first; baclofen is never stopped at once."
            yield look.passed(limit, f"a stop with {', '.join(missing)}", allowed, advice)
    last = look.known.last_session
    stopped = last is not None and isinstance(last.order, NO_THERAPY)
    if asked is None and last is not None and stopped and look.chart.implanted is not None and _emergency(look, last.at):
        decided = look.known.document("restart or explant", look.now)
        if decided is None or decided.at < last.at or not signed_off(look):
            yield _after_stop(look, last.at)


def _after_stop(look: Look, since: Instant) -> Finding:
    limit = look.limit("SAF-03", "stopped")
    due = Instant(since.s + int(limit.value * HOUR_S))
    asked = "an emergency stop" if look.now == since else f"a stop {look.ago(since)} ago"
    return look.passed(
        limit, asked, f"decided within {limit}", "Decide on restart or explant, with cover until then; sign the stop.", due
    )


def _total(look: Look) -> Iterator[Finding]:
    """SAF-04."""
    asked = look.asked
    if asked is None or asked.after is None or asked.orders.confirm_total is None:
        return
    limit = look.limit("SAF-04", "off")
    confirmed, total = asked.orders.confirm_total.pg_per_day, asked.after.day.pg
    if abs(confirmed - total) * 100 > limit.value * total:
        allowed = f"what would be programmed: {asked.after.day} in 24 h, within {limit}"
        yield look.passed(limit, f"a 24-h total of {asked.orders.confirm_total}", allowed, "Compare every step with the order.")


def second_person_for(look: Look) -> tuple[str, ...]:
    """SAF-05: what of an order a second person enters again, as reasons; none where one person is enough."""
    asked = look.asked
    if asked is None:
        return ()
    reasons = []
    if asked.new_concentration:
        reasons.append("a new concentration")
    if asked.orders.bridge:
        reasons.append("a bridge")
    if asked.orders.prime:
        reasons.append("a prime")
    if asked.orders.bolus is not None:
        reasons.append("a bolus")
    if asked.stops and not _emergency(look, look.now):  # SAF-03: in an emergency it is one step, signed afterwards
        reasons.append("a stop")
    elif not asked.stops and _restarts(look, asked):
        reasons.append("a restart")
    if _beyond(look):
        reasons.append("a change beyond the limits")
    return tuple(reasons)


def _second_person(look: Look) -> Iterator[Finding]:
    """SAF-05."""
    for sign in signed(look):
        if by_author(sign):
            asked = f"{sign.author} as author and checker"
            yield look.found("SAF-05", "block", asked, "two persons", "Another person enters the order again.")
    reasons = second_person_for(look)
    limit = look.limit("SAF-05", "checkers")
    if reasons and not signed_off(look):
        told = "concentration, daily dose, 24-h total, volume, alarm date and replacement date"
        asked, allowed = ", ".join(reasons), "entered again by a second person"
        if look.asked and look.asked.stops and _emergency(look, look.now):  # one step, signed afterwards (SAF-03)
            yield look.found("SAF-05", "task", asked, f"{allowed}, afterwards", f"Afterwards a second person signs: {told}.")
        else:
            yield look.passed(limit, asked, allowed, f"A second person enters again: {told}.")


def _emergency(look: Look, stop: Instant) -> bool:
    """Whether an overdose or an emergency is on record for a stop: from shortly before it, or since. An old one is no reason."""
    since_s = stop.s - int(look.limit("SAF-03", "stopped").value * HOUR_S)
    papers = (look.known.document(name, look.now) for name in ("overdose recorded", "emergency reason"))
    return any(paper is not None and paper.at.s >= since_s for paper in papers)


def _runs(asked: Asked) -> bool:
    return asked.before is not None and asked.before.day > Amount(0)


def _restarts(look: Look, asked: Asked) -> bool:
    last = look.known.last_session
    if last is None or look.sheet is None or not last.report.pumped.nl or asked.after is None or not asked.after.day.pg:
        return False
    return not_infusing(last.report, look.sheet) is not None


def _beyond(look: Look) -> bool:
    """Whether a limit of titration or maintenance is passed, overridden or not."""
    steps = (TITRATION["TIT-02"], TITRATION[titration_rule(look)], PROGRAMMING["PRG-02"])
    return any(True for check in steps for _ in check(look))


def re_entered(asked: Asked) -> tuple[tuple[str, str], ...]:
    """What a second person enters again, as (what, the value that must come out)."""
    rows = [("concentration", str(asked.concentration or "not known"))]
    if asked.after is not None:
        rows += [
            ("24-h total", str(asked.after.day)),
            ("most in 24 h", str(asked.most)),
            ("peak hour", str(asked.after.peak_hour)),
        ]
    if asked.orders.reservoir is not None:
        rows.append(("volume", str(asked.orders.reservoir)))
    return tuple(rows)


CHECKS: Checks = {"SAF-01": _doses, "SAF-02": _strength, "SAF-03": _stop, "SAF-04": _total, "SAF-05": _second_person}
