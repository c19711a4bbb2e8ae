"""Visits and their cadence: after the operation, each month until stable, once a year at least, at home, on alarm, and missed."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, time, timedelta

from thecal.chart.clinical import Booked
from thecal.chart.vocabulary import grouped, words
from thecal.therapy import emergency_plan, team
from thecal.therapy.finding import Finding
from thecal.therapy.look import Checks, Look
from thecal.therapy.refill import discrepancy_flag
from thecal.therapy.stability import settled, stable
from thecal.therapy.team import open_bookings, upcoming
from thecal.timeline import DAY_S, Instant

POST_OP, TITRATION, REFILL, HOME_REFILL = "post-op", "titration", "refill", "home refill"
FOLLOW_UP, UNSCHEDULED, MRI, SURGERY = "follow-up", "unscheduled", "MRI", "surgery"
DOSED = (TITRATION, REFILL, HOME_REFILL, FOLLOW_UP)
"""The visits at which the dose is looked at."""
TRIAGED = (TITRATION, REFILL, FOLLOW_UP, UNSCHEDULED)
"""The visits at which somebody looks who can tell withdrawal from overdose."""
NEEDED_AT_HOME = ("route to hospital", "second checker")
ALARMING = ("early withdrawal", "severe withdrawal", "overdose")


def same_day(look: Look, at: Instant) -> Instant:
    """The last second of the local day of an instant."""
    midnight = datetime.combine(at.date(look.zone) + timedelta(days=1), time(), look.zone)
    return Instant(int(midnight.timestamp()) - 1)


def last_visit(look: Look, *visits: str) -> Instant | None:
    """The latest of these visits."""
    return max((fact.at for fact in look.known.visits if fact.visit in visits), default=None)


def operated(look: Look) -> Instant | None:
    """When the pump in place was put in; None without one."""
    if look.chart.implanted is None:
        return None
    return max([look.chart.implanted.at, *(fact.at for fact in look.known.replaced)])


def _after_operation(look: Look) -> Iterator[Finding]:
    """VIS-01: until somebody has looked, as long as an infection would still count as early (INF-01)."""
    operation = operated(look)
    if operation is None or look.since(operation).s > look.limit("INF-01", "early").value * DAY_S:
        return
    first, last = look.limit("VIS-01", "first"), look.limit("VIS-01", "last")
    opens, due = (Instant(operation.s + int(limit.value * DAY_S)) for limit in (first, last))
    visited = last_visit(look, POST_OP)
    if visited is not None and visited >= opens:
        missing = [item for item in words("checklists")[POST_OP].items if not _answered_since(look, item, operation)]
        if missing:
            asked = f"a visit after the operation without {', '.join(missing)}"
            yield look.passed(last, asked, "every item of the list", "Look at these, and answer the list.", due)
        return
    booked = [fact for fact in upcoming(look, POST_OP) if opens <= fact.on <= due]
    if not booked or look.now > due:
        told = ", overdue" if look.now > due else ", and none booked"
        asked = f"no visit {look.ago(operation)} after the operation{told}"
        yield look.passed(
            last, asked, f"a visit {first.number} to {last} after it", "See the patient, and look at the wound.", due
        )


def _answered_since(look: Look, item: str, operation: Instant) -> bool:
    answer = look.known.answers.get((POST_OP, item))
    return answer is not None and answer.at >= operation


def _monthly(look: Look) -> Iterator[Finding]:
    """VIS-02."""
    last = _last_dosed(look)
    if last is None or settled(look):
        return
    limit = look.limit("VIS-02", "monthly")
    if look.since(last).s > limit.value * DAY_S:
        asked = f"a dose that is not stable, last looked at {look.ago(last)} ago"
        due = Instant(last.s + int(limit.value * DAY_S))
        yield look.passed(limit, asked, f"a visit every {limit}", "Book a visit for titration.", due)


def _cadence(look: Look) -> Iterator[Finding]:
    """VIS-03: which cadence holds, from the second session on; quiet once the switch is a session ago."""
    last = _last_dosed(look)
    if last is None or len(look.known.sessions) < 2:
        return
    limit, now_stable = look.limit("VIS-03", "change"), settled(look)
    if not now_stable:
        month = look.limit("VIS-02", "monthly")
        asked, allowed = "a dose that is not stable yet", f"visits every {month}, and the limits of titration"
        due = Instant(last.s + int(month.value * DAY_S))
        yield look.passed(limit, asked, allowed, "Keep the monthly visits (VIS-02).", due)
    elif not _stable_before(look):
        asked = f"a dose that has become stable: less than {limit} of change, no goal missed"
        allowed = "visits by the refill-by date (VIS-04), and the limits of maintenance"
        yield look.passed(limit, asked, allowed, "Switch to the cadence of refills.")


def _stable_before(look: Look) -> bool:
    """Whether the dose was stable before the last visit with the pump."""
    seen = look.known.pump_visits
    return len(seen) > 1 and stable(look.known, look.clinic, Instant(seen[-2].ended.s + 1))


def _last_dosed(look: Look) -> Instant | None:
    """When the dose was last looked at, the implant included; None without a pump that can be programmed."""
    operation = operated(look)
    if operation is None or (look.sheet is not None and not look.sheet.programmable):
        return None
    return max([operation, last_visit(look, *DOSED) or operation, *(fact.at for fact in look.known.sessions[-1:])])


def _clinician(look: Look) -> Iterator[Finding]:
    """VIS-05: counted from the implant where no follow-up was since."""
    operation = operated(look)
    if operation is None or look.chart.implanted is None:
        return
    limit, implanted = look.limit("VIS-05", "clinician"), look.chart.implanted.at
    last = max(last_visit(look, FOLLOW_UP) or implanted, implanted)
    if look.since(last).s > limit.value * DAY_S:
        asked = f"no follow-up with a clinician for {look.ago(last)}"
        due = Instant(last.s + int(limit.value * DAY_S))
        yield look.passed(limit, asked, f"one in {limit}", "Book a follow-up: scales, goals, side effects, device.", due)


def _at_home(look: Look) -> Iterator[Finding]:
    """VIS-06: what the next refill at home still lacks."""
    booked = upcoming(look, HOME_REFILL)
    if not booked or look.chart.implanted is None:
        return
    lacks = [f"without {item}" for item in NEEDED_AT_HOME if not look.known.answer(HOME_REFILL, item)]
    if not settled(look):
        lacks.append("at a dose that is not stable")
    if _unexplained(look):
        lacks.append("with a residual that is far off and not explained")
    allowed = "at home: a stable dose, no open discrepancy, a second checker, a route to hospital"
    for lack in lacks:
        asked = f"a refill at home on {booked[0].on.date(look.zone)} {lack}"
        yield look.found("VIS-06", "block", asked, allowed, "See to it before, or refill at the clinic.", booked[0].on)


def _unexplained(look: Look) -> bool:
    """Whether a red residual of this pump stands that nobody has explained since."""
    operation, paper = operated(look), look.known.document("residual explained", look.now)
    since = max(operation.s if operation else 0, paper.at.s if paper else 0)
    return any(
        fact.at.s > since
        and not fact.first
        and fact.expected is not None
        and discrepancy_flag(fact.expected, fact.measured, fact.reservoir) == "red"
        for fact in look.known.residuals
    )


def _triage(look: Look) -> Iterator[Finding]:
    """VIS-07: what has happened since somebody last looked, each on its day."""
    operation = operated(look)
    if operation is None:
        return
    read = [fact.at for fact in look.known.interrogations[-1:]]
    seen = max([operation, last_visit(look, *TRIAGED) or operation, *read])
    for at, what in _triggers(look, seen):
        asked, allowed = f"{what}, and nobody has seen the patient since", "triage on the same day"
        next_step = "Triage today: look for withdrawal and overdose (WDL-01, OVD-01)."
        yield look.found("VIS-07", "task", asked, allowed, next_step, same_day(look, at))


def _triggers(look: Look, seen: Instant) -> Iterator[tuple[Instant, str]]:
    """What asks for a visit that nobody planned, after an instant."""
    known = look.known
    for tone in sorted({fact.tone for fact in known.alarms if fact.at > seen}):
        yield min(fact.at for fact in known.alarms if fact.at > seen and fact.tone == tone), f"a {tone} alarm was heard"
    told = _alarming_symptoms(look, seen)
    if told:
        yield min(told.values()), f"{', '.join(sorted(told))} reported"
    for booking in upcoming(look, MRI, SURGERY):
        if booking.at > seen:
            what = "a scan" if booking.visit == MRI else "an operation"
            yield booking.at, f"{what} is booked for {booking.on.date(look.zone)}"
    for scan in known.scans:
        if scan.at > seen:
            field = "of unknown field strength" if scan.tesla is None else f"at {scan.tesla:g} T"
            yield scan.at, f"a scan {field} was done"
    for condition in ("pregnancy", "MS relapse"):
        noticed = known.conditions.get(condition)
        if noticed is not None and noticed.present and noticed.at > seen:
            yield noticed.at, f"{words('conditions')[condition].text} was noticed"


def _alarming_symptoms(look: Look, seen: Instant) -> dict[str, Instant]:
    """Symptoms of withdrawal or overdose that were reported since and are still there, each with its first report."""
    alarming = frozenset[str]().union(*(grouped("symptoms", group) for group in ALARMING))
    since = [fact for fact in look.known.symptoms if fact.at > seen and fact.symptom in alarming]
    grades = {fact.symptom: fact.grade for fact in sorted(since, key=lambda fact: (fact.at.s, fact.grade))}
    return {fact.symptom: fact.at for fact in reversed(since) if grades[fact.symptom]}


_DONE: Mapping[str, Callable[[Look], Instant | None]] = {
    "screening test": lambda look: look.known.tests[-1].at if look.known.tests else None,
    "implant": lambda look: look.known.implanted.at if look.known.implanted else None,
    "replacement": lambda look: look.known.replaced[-1].at if look.known.replaced else None,
    "explant": lambda look: look.known.explanted.at if look.known.explanted else None,
    REFILL: lambda look: look.known.fills[-1].at if look.known.fills else None,
    HOME_REFILL: lambda look: look.known.fills[-1].at if look.known.fills else None,
    TITRATION: lambda look: look.known.sessions[-1].at if look.known.sessions else None,
    MRI: lambda look: look.known.scans[-1].at if look.known.scans else None,
}
"""What on the chart shows that a visit took place, where nobody wrote down the visit itself."""


def _missed(look: Look) -> Iterator[Finding]:
    """VIS-08: the day is over, the visit was not, and it is not booked again."""
    if look.known.closed is not None:
        return
    today, ahead, missed = look.now.date(look.zone), set[str](), dict[str, Booked]()
    for booking in open_bookings(look):
        if booking.on.date(look.zone) >= today:
            ahead.add(booking.visit)
        else:
            missed[booking.visit] = booking
    for visit, booking in sorted(missed.items()):
        if visit in ahead or _took_place(look, booking):
            continue
        day = booking.on.date(look.zone)
        next_step = "Call, and book it again; climb the ladder of REF-10 until it is."
        asked = f"{words('visits')[visit].text}, booked for {day}, did not take place"
        yield look.found("VIS-08", "task", asked, "a visit that is booked takes place, or is booked again", next_step, booking.on)


def _took_place(look: Look, booking: Booked) -> bool:
    """Whether there was such a visit on that day or later; a refill counts wherever it was."""
    visits = (REFILL, HOME_REFILL) if booking.visit in (REFILL, HOME_REFILL) else (booking.visit,)
    done = _DONE.get(booking.visit)
    shown = [last_visit(look, *visits), done(look) if done else None]
    last = max((at for at in shown if at is not None), default=None)
    return last is not None and last.date(look.zone) >= booking.on.date(look.zone)


CHECKS: Checks = {
    "VIS-01": _after_operation,
    "VIS-02": _monthly,
    "VIS-03": _cadence,
    "VIS-05": _clinician,
    "VIS-06": _at_home,
    "VIS-07": _triage,
    "VIS-08": _missed,
    **team.CHECKS,
    **emergency_plan.CHECKS,
}
