"""A printout at a visit: what it leaves in the record, once one person has typed it, or two have where SAF-05 asks for it."""

from dataclasses import replace
from typing import Literal

from thecal.chart.chart import Chart
from thecal.chart.clinical import Signed
from thecal.chart.facts import Entered, Fact, Interrogated, Ordered
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic.entry import Entry, Printed, PrintoutEntered, PrintoutTyped, VisitStepped
from thecal.clinic.printed import printed_facts, re_entry_due, report_of
from thecal.clinic.printed_bolus import as_ordered, check_reading
from thecal.clinic.visit import Visit
from thecal.clinic.visit_writing import check_open, interrogated, refused
from thecal.errors import Refusal
from thecal.programmer.review import Review
from thecal.pump.messages import Report
from thecal.therapy.look import Look
from thecal.therapy.service import last_report
from thecal.therapy.signing import by_author
from thecal.timeline import Instant

What = Literal["reading", "update"]
Written = tuple[Entry, ...] | Refusal
_MINUTE_S = 60


def taken_at(at: Instant, what: What, visit: Visit, look: Look) -> Instant | str:
    """When a printout counts as made; or, in words, why a time cannot be that of this visit.

    An update is made after the order and the fill of its visit, and each printout after a session of which nobody knows the end.
    A time is typed to the minute: in the minute of what it comes after, it is after that.
    """
    known = [("the session that broke off", look.chart.uncertain.at if look.chart.uncertain else None)]
    if what == "update":
        known += [("the fill", visit.filled.at if visit.filled else None), ("the order", visit.ordered_at)]
    name, since = max(((name, found) for name, found in known if found), key=lambda one: one[1], default=("", at))
    if at >= since:
        return at
    if at.s // _MINUTE_S == since.s // _MINUTE_S:
        return since
    return (
        f"is before {name}, {since.local_text(look.zone)}: read the clock of the programmer, and take its error off; "
        f"the clinic's clock says {look.now.local_text(look.zone)}. Leave the time empty to take now"
    )


def typed(printed: Printed, what: What, visit: Visit, look: Look, made: Review | None) -> Written:
    """The entries of a printout that was typed: what it says, or only what was typed where a second person is to enter it again.

    ``made`` is what the order of an update comes to. Raises InputError for an alarm that no pump has.
    """
    told = _told(printed, what, visit, look, made)
    if isinstance(told, Refusal):
        return told
    written = _entries(told, what, visit, look, made)
    if isinstance(written, Refusal):
        return written
    waits = _waits(told, what, visit, look)
    if isinstance(waits, Refusal):
        return waits
    return (PrintoutTyped(look.now, visit.name, what, printed),) if waits else written


def entered_again(visit: Visit, look: Look, made: Review | None, checker: str) -> Written:
    """The entries of the printout that waits at a visit, now that somebody has entered the same."""
    waiting = visit.typed
    if waiting is None:
        return refused("a printout again", "a printout that was typed", "Enter the printout first.", "SAF-05")
    told = _told(waiting.printed, waiting.what, visit, look, made)
    return told if isinstance(told, Refusal) else _entries(told, waiting.what, visit, look, made, checker)


def check_again(visit: Visit, checker: str) -> Refusal | None:
    """Whether somebody may be the second person of the printout that waits at a visit."""
    nowhen = Instant(0)  # only names are compared
    if by_author(Signed(nowhen, visit.typed_by, checker, "")):
        asked = f"{checker} as first and second person of one printout"
        return refused(asked, "two persons", "Another person enters the printout again.", "SAF-05")
    return check_open(visit)


def _waits(printed: Printed, what: What, visit: Visit, look: Look) -> bool | Refusal:
    """Whether a second person enters it again: what it changes asks for one, or the order that it programs did."""
    if what == "update" and "second person" in visit.done:
        return True
    due = re_entry_due(printed, look)
    return due if isinstance(due, Refusal) else bool(due)


def _told(printed: Printed, what: What, visit: Visit, look: Look, made: Review | None) -> Printed | Refusal:
    """What a printout tells: of an update what was ordered, as it rounds that; of a reading nothing that the chart knows."""
    if look.sheet is None:
        return refused("a printout without a pump", "a pump that is in place", "Record the implant first.")
    at = taken_at(printed.at, what, visit, look)
    if isinstance(at, str):
        asked, limit = f"a printout of {printed.at.local_text(look.zone)}", "one of after the order, the fill, and what broke off"
        return refused(asked, limit, f"It {at}: type it anew.", "REF-13")
    printed = replace(printed, at=at)
    if what == "reading":
        return check_reading(printed, last_report(look.known)) or printed
    if made is None:
        return refused("an update", "an order", "Write the order first.", "ROL-03")
    return as_ordered(printed, made, look.sheet)


def _entries(printed: Printed, what: What, visit: Visit, look: Look, made: Review | None, checker: str | None = None) -> Written:
    assert look.sheet is not None  # asked before
    chart = look.chart
    report = report_of(printed, last_report(look.known), chart, look.sheet, look.zone)
    if isinstance(report, Refusal):
        return report
    facts = printed_facts(report, chart, look.sheet, printed.order, f"printout/{visit.name}")
    entered = PrintoutEntered(look.now, visit.name, report, checker)
    if what == "reading" or made is None:
        return _reading(facts, entered, visit, look.now)
    steps = (
        VisitStepped(look.now, visit.name, "update", "programmed outside"),
        VisitStepped(look.now, visit.name, "reading after"),
    )
    return (*_programmed(made.orders, report, visit, chart), *facts, entered, *steps)


def _reading(facts: tuple[Fact, ...], entered: PrintoutEntered, visit: Visit, now: Instant) -> Written:
    fact = next((fact for fact in facts if isinstance(fact, Interrogated)), Interrogated(entered.report.at, entered.report))
    steps = interrogated(visit, fact, now)
    if isinstance(steps, Refusal):
        return steps
    after = (VisitStepped(now, visit.name, "reading after"),) if visit.read_again else ()
    return (*facts, entered, *steps, *after)


def _programmed(orders: OrderSheet, report: Report, visit: Visit, chart: Chart) -> tuple[Fact, ...]:
    """What was ordered, and the fill of this visit where the update entered it."""
    facts: list[Fact] = [Ordered(report.at, each) for each in (orders.dosing, orders.patient, orders.bolus) if each]
    if orders.reservoir is not None and visit.filled is not None and chart.fill_session is None:
        facts.append(Entered(report.at, orders.reservoir, visit.filled.volume))
    return tuple(facts)
