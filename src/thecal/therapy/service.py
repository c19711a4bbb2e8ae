"""The end of a pump's service: by when it is replaced, what is booked and authorized before, what is recorded after."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta

from thecal.chart.clinical import Booked
from thecal.chart.facts import Implanted, PumpReplaced
from thecal.errors import Refusal
from thecal.pump.messages import Report
from thecal.therapy.finding import Finding, ordered
from thecal.therapy.known import Known
from thecal.therapy.look import Checks, Look
from thecal.therapy.plan import Plan, PlanStep
from thecal.therapy.rules import refusal_by
from thecal.timeline import DAY_S, HOUR_S, Duration, Instant

INDICATOR = "elective replacement"
AFTER_REPLACEMENT = "after replacement"
_RECORDED = ("catheter decision", "patency confirmed", "volumes recorded")


def pump_in_place(known: Known) -> Implanted | PumpReplaced | None:
    """The operation that put in the pump that is there now; None without one."""
    if known.implanted is None or known.chart.implanted is None:
        return None
    put_in: list[Implanted | PumpReplaced] = [known.implanted, *known.replaced]
    return max(put_in, key=lambda fact: (fact.at, isinstance(fact, PumpReplaced)))


def line_measured(look: Look) -> bool:
    """Whether it is known what tubing and catheter hold: by the lengths of the catheter in place, or measured in it."""
    catheter = look.chart.catheter
    if catheter is None:
        return False
    paper = look.known.document("catheter volume", look.now)
    return catheter.geometry is not None or (paper is not None and paper.at >= catheter.at)


def last_report(known: Known) -> Report | None:
    """What the pump in place said last; None where it was never read. Of one instant the report that knows most counts."""
    pump = pump_in_place(known)
    if pump is None or not known.interrogations or known.interrogations[-1].at < pump.at:
        return None
    latest = known.interrogations[-1].at
    reports = []
    for read in reversed(known.interrogations):
        if read.at < latest:
            break
        reports.append(read.report)
    return max(reports, key=lambda report: (report.logged, report.pumped.nl, report.alarms))


def booked(look: Look, visit: str, since: Instant | None = None) -> tuple[Booked, ...]:
    """What is booked of a visit from ``since`` (now, if nothing is said) on and was not cancelled, in order of time."""
    start = since or look.now
    ahead = [fact for fact in look.known.bookings if fact.visit == visit and fact.on >= start]
    latest = {on: max(fact.at for fact in ahead if fact.on == on) for on in {fact.on for fact in ahead}}
    cancelled = {fact.on for fact in ahead if fact.cancelled and fact.at == latest[fact.on]}
    of_day = {fact.on: fact for fact in ahead if fact.on not in cancelled and not fact.cancelled}
    return tuple(of_day[on] for on in sorted(of_day))


def day_ends(look: Look, at: Instant) -> Instant:
    """The midnight that ends the day of an instant, where the clinic is."""
    following = at.date(look.zone) + timedelta(days=1)
    return Instant(int(datetime.combine(following, time(), look.zone).timestamp()))


def ends_by_age(look: Look) -> Instant | None:
    """EOS-01: when the pump in place stops by its age; None of one that no age ends."""
    pump = pump_in_place(look.known)
    if pump is None or look.sheet is None or look.sheet.service_life_max is None:
        return None
    return min(pump.at + look.sheet.service_life_max, look.later(pump.at, months=look.limit("EOS-01", "age").value))


def indicated(look: Look) -> Instant | None:
    """When the pump in place reached its replacement indicator, by its log or else by the first report that says so."""
    report, pump = last_report(look.known), pump_in_place(look.known)
    if report is None or pump is None or (report.replace_by is None and INDICATOR not in report.alarms):
        return None
    logged = [event.at for event in report.log if event.kind == f"{INDICATOR} alarm"]
    told = [
        read.at
        for read in look.known.interrogations
        if read.at >= pump.at and (read.report.replace_by is not None or INDICATOR in read.report.alarms)
    ]
    return min(logged + told)


def end_of_service(look: Look) -> Instant | None:
    """By when the pump in place stops at the latest: by its age, its indicator, or its own date, whichever is first.

    None of a pump that no age ends and that has not reached its indicator.
    """
    dates = [ends_by_age(look)]
    eri, report = indicated(look), last_report(look.known)
    if eri is not None and report is not None:
        dates += [report.replace_by, Instant(eri.s + round(look.limit("EOS-02", "after indicator").value * DAY_S))]
        dates.append(eri + look.sheet.eri_to_eos if look.sheet and look.sheet.programmable else None)
    return min((at for at in dates if at is not None), default=None)


def surgery_dated(look: Look, latest: Instant) -> bool:
    """Whether a replacement is booked in time, or a paper says when it is."""
    pump, paper = pump_in_place(look.known), look.known.document("replacement date", look.now)
    on_file = paper is not None and pump is not None and paper.at > pump.at
    return on_file or any(booking.on <= latest for booking in booked(look, "replacement"))


def _by_age(look: Look) -> Iterator[Finding]:
    """EOS-01."""
    ends, pump = ends_by_age(look), pump_in_place(look.known)
    if ends is None or pump is None or look.now < ends:
        return
    asked = f"a pump in service for {look.ago(pump.at)}"
    yield look.passed(
        look.limit("EOS-01", "age"),
        asked,
        f"it stops at the latest on {ends.date(look.zone)}",
        "Replace the pump; cover a withdrawal until then.",
        ends,
    )


def _by_indicator(look: Look) -> Iterator[Finding]:
    """EOS-02."""
    eri, ends = indicated(look), end_of_service(look)
    if eri is None or ends is None:
        return
    asked = f"the replacement indicator since {eri.date(look.zone)}"
    allowed = f"the pump stops by {ends.date(look.zone)} at the latest"
    if ends > look.now and surgery_dated(look, ends):
        yield look.found("EOS-02", "advise", f"{asked}, and a date for surgery", allowed, "Keep the date of the surgery.", ends)
    else:
        limit = look.limit("EOS-02", "after indicator")
        advice = "Have a surgeon replace the pump before that date; plan cover for a withdrawal."
        yield look.passed(limit, f"{asked}, and no surgery in time", allowed, advice, ends)


def _booking(look: Look) -> Iterator[Finding]:
    """EOS-03."""
    pump, ends = pump_in_place(look.known), end_of_service(look)
    if pump is None or ends is None:
        return
    limit = look.limit("EOS-03", "book")
    if indicated(look) is None and ends.s - look.now.s < limit.value * DAY_S and not surgery_dated(look, ends):
        asked = f"no replacement booked before {ends.date(look.zone)}, when the pump stops"
        yield look.passed(limit, asked, f"booked {limit} before", "Book the replacement.", ends)
    paper = look.known.document("replacement authorization", look.now)
    if paper is None or paper.at <= pump.at:
        yield from _authorization(look, pump.at)


def _authorization(look: Look, since: Instant) -> Iterator[Finding]:
    begin, latest = look.limit("EOS-03", "authorize from"), look.limit("EOS-03", "authorize by")
    due = look.later(since, months=latest.value)
    asked = f"no authorization of the replacement of a pump in service for {look.ago(since)}"
    allowed = f"begun at {begin.number}, there by {latest}"
    if look.now > due:
        yield look.passed(latest, asked, allowed, "Ask the payer today.", due)
    elif look.now > look.later(since, months=begin.value):
        yield look.passed(begin, asked, allowed, "Begin the authorization.", due)


def _recorded(look: Look) -> Iterator[Finding]:
    """EOS-04."""
    replaced = pump_in_place(look.known)
    if not isinstance(replaced, PumpReplaced):
        return
    missing = [item for item in _RECORDED if not answered_since(look, AFTER_REPLACEMENT, item, replaced.at)]
    if missing:
        asked = f"not recorded since the replacement on {replaced.at.date(look.zone)}: {', '.join(missing)}"
        advice = "Record what the surgeon decided of the catheter, whether it is open, and its volumes."
        yield look.found("EOS-04", "task", asked, "all recorded", advice)


def _new_start(look: Look) -> Iterator[Finding]:
    """EOS-05."""
    replaced = pump_in_place(look.known)
    if not isinstance(replaced, PumpReplaced):
        return
    first = next((session for session in look.known.sessions if session.at >= replaced.at), None)
    if first is None:
        yield from _first_order(look, replaced)
        return
    limit = look.limit("EOS-05", "monitored")
    until = Instant(first.at.s + round(limit.value * HOUR_S))
    if look.now < until and not answered_since(look, AFTER_REPLACEMENT, "monitored 24 h", replaced.at):
        asked = f"{look.ago(first.at)} since the first session of a new pump"
        advice = "Monitor as at a start; watch for both too little and too much."
        yield look.passed(limit, asked, f"monitored for {limit}", advice, until)


def _first_order(look: Look, replaced: PumpReplaced) -> Iterator[Finding]:
    if look.asked is None or look.asked.stops:
        return
    orders = look.asked.orders
    lined = orders.prime or orders.bridge or answered_since(look, AFTER_REPLACEMENT, "prime or bridge", replaced.at)
    missing = [] if answered_since(look, AFTER_REPLACEMENT, "catheter volume entered", replaced.at) else ["catheter volume"]
    missing += [] if lined else ["prime or bridge"]
    if missing:
        asked = f"the first order for a new pump without {' and '.join(missing)}"
        advice = "Enter the catheter's volume, and prime or bridge by what lies in the line."
        yield look.found("EOS-05", "warn", asked, "the line is entered and primed or bridged first", advice)


def answered_since(look: Look, checklist: str, item: str, since: Instant) -> bool:
    """Whether an item was answered yes, last, at or after an instant."""
    answered = look.known.answers.get((checklist, item))
    return answered is not None and answered.yes and answered.at >= since


def replacement_plan(look: Look) -> Plan | Refusal:
    """The dated way to the replacement of the pump in place; what is overdue stands on today."""
    pump, ends = pump_in_place(look.known), end_of_service(look)
    if pump is None:
        return refusal_by(
            "EOS-01", "a plan for the replacement without a pump in place", "a pump is in place", "Record the implant first."
        )
    if look.sheet is not None and not look.sheet.programmable:
        return refusal_by(
            "EOS-01",
            "a plan for the replacement of a constant-flow pump",
            "it has no battery that ends",
            "Replace it for a fault only.",
        )
    if ends is None:
        advice = "Interrogate at every refill and read the replacement indicator; plan when it comes."
        return refusal_by(
            "EOS-01",
            "a plan for the replacement before its replacement indicator",
            "no age ends this pump on its data sheet",
            advice,
        )
    begin, latest = look.limit("EOS-03", "authorize from"), look.limit("EOS-03", "authorize by")
    book = look.limit("EOS-03", "book")
    watched = look.limit("EOS-05", "monitored")
    monitored = Duration(round(watched.value * HOUR_S))
    dates = [
        (look.later(pump.at, months=begin.value), "begin the authorization", "EOS-03", f"The pump is {begin} old."),
        (look.later(pump.at, months=latest.value), "have the authorization", "EOS-03", f"The pump is {latest} old."),
        (Instant(ends.s - round(book.value * DAY_S)), "book the replacement", "EOS-03", f"{book} before it stops."),
    ]
    steps = [_step(look, min(at, ends), what, rule, detail) for at, what, rule, detail in dates]
    eri = indicated(look)
    if eri is not None:
        steps.append(PlanStep(eri, "replacement indicator", "EOS-02", "The pump has said that its battery ends."))
    surgery = next((booking.on for booking in booked(look, "replacement") if booking.on <= ends), ends)
    steps += [
        PlanStep(surgery, "replace the pump", "EOS-01" if eri is None else "EOS-02", f"It stops by {ends.date(look.zone)}."),
        PlanStep(surgery, "record the catheter", "EOS-04", "Decision, patency, and volumes measured again."),
        PlanStep(surgery, "prime by what lies in the line", "EOS-05", "Enter the catheter's volume first."),
        PlanStep(surgery + monitored, "end of monitoring", "EOS-05", f"{watched} after the start."),
    ]
    findings = ordered(finding for check in CHECKS.values() for finding in check(look))
    notes = (f"In service since {pump.at.date(look.zone)}; stops by {ends.date(look.zone)} at the latest.",)
    return Plan("Replacement of the pump", tuple(sorted(steps, key=lambda step: step.at)), findings, notes)


def _step(look: Look, at: Instant, what: str, rule: str, detail: str) -> PlanStep:
    if at >= look.now:
        return PlanStep(at, what, rule, detail)
    return PlanStep(look.now, what, rule, f"{detail} It was due on {at.date(look.zone)}, if it is not done.")


CHECKS: Checks = {
    "EOS-01": _by_age,
    "EOS-02": _by_indicator,
    "EOS-03": _booking,
    "EOS-04": _recorded,
    "EOS-05": _new_start,
}
