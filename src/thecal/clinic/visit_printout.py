"""A printout at a visit: what it leaves in the record, once one person has typed it, or two have where SAF-05 asks for it."""

from typing import Literal

from thecal.chart.chart import Chart
from thecal.chart.clinical import Signed
from thecal.chart.facts import Entered, Fact, Interrogated, Ordered
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic.entry import Entry, Printed, PrintoutEntered, PrintoutTyped, VisitStepped
from thecal.clinic.printed import printed_facts, re_entry_due, report_of
from thecal.clinic.visit import Visit
from thecal.clinic.visit_writing import check_open, interrogated, refused
from thecal.errors import Refusal
from thecal.pump.messages import Report
from thecal.therapy.look import Look
from thecal.therapy.service import last_report
from thecal.therapy.signing import by_author
from thecal.timeline import Instant

What = Literal["reading", "update"]
Written = tuple[Entry, ...] | Refusal


def typed(printed: Printed, what: What, visit: Visit, look: Look, orders: OrderSheet | None) -> Written:
    """The entries of a printout that was typed: what it says, or only what was typed where a second person is to enter it again.

    ``orders`` is the order that an update was programmed by. Raises InputError for an alarm that no pump has.
    """
    written = _entries(printed, what, visit, look, orders)
    if isinstance(written, Refusal):
        return written
    waits = _waits(printed, what, visit, look)
    if isinstance(waits, Refusal):
        return waits
    return (PrintoutTyped(look.now, visit.name, what, printed),) if waits else written


def entered_again(visit: Visit, look: Look, orders: OrderSheet | None, checker: str) -> Written:
    """The entries of the printout that waits at a visit, now that somebody has entered the same."""
    waiting = visit.typed
    if waiting is None:
        return refused("a printout again", "a printout that was typed", "Enter the printout first.", "SAF-05")
    return _entries(waiting.printed, waiting.what, visit, look, orders, checker)


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


def _entries(
    printed: Printed, what: What, visit: Visit, look: Look, orders: OrderSheet | None, checker: str | None = None
) -> Written:
    if look.sheet is None:
        return refused("a printout without a pump", "a pump that is in place", "Record the implant first.")
    chart = look.chart
    report = report_of(printed, last_report(look.known), chart, look.sheet, look.zone)
    if isinstance(report, Refusal):
        return report
    facts = printed_facts(report, chart, look.sheet, printed.order, f"printout/{visit.name}")
    entered = PrintoutEntered(look.now, visit.name, report, checker)
    if what == "reading":
        return _reading(facts, entered, visit, look.now)
    if orders is None:
        return refused("an update", "an order", "Write the order first.", "ROL-03")
    if orders.dosing is not None and orders.dosing != printed.order:
        return refused("an update other than ordered", "what was ordered here", "Compare order and printout.", "ROL-03")
    steps = (
        VisitStepped(look.now, visit.name, "update", "programmed outside"),
        VisitStepped(look.now, visit.name, "reading after"),
    )
    return (*_programmed(orders, report, visit, chart), *facts, entered, *steps)


def _reading(facts: tuple[Fact, ...], entered: PrintoutEntered, visit: Visit, now: Instant) -> Written:
    fact = next((fact for fact in facts if isinstance(fact, Interrogated)), Interrogated(entered.report.at, entered.report))
    steps = interrogated(visit, fact, now)
    if isinstance(steps, Refusal):
        return steps
    after = (VisitStepped(now, visit.name, "reading after"),) if "update" in visit.done else ()
    return (*facts, entered, *steps, *after)


def _programmed(orders: OrderSheet, report: Report, visit: Visit, chart: Chart) -> tuple[Fact, ...]:
    """What was ordered, and the fill of this visit where the update entered it."""
    facts: list[Fact] = [Ordered(report.at, each) for each in (orders.dosing, orders.patient, orders.bolus) if each]
    if orders.reservoir is not None and visit.filled is not None and chart.fill_session is None:
        facts.append(Entered(report.at, orders.reservoir, visit.filled.volume))
    return tuple(facts)
