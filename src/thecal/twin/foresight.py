"""What a session with an order would meet: the refill's steps, and what the programmer's review refuses or cautions of.

Nothing is carried out. The pump is taken as the chart knows it: as its last report, run on until now.
"""

from collections.abc import Iterator
from dataclasses import replace

from thecal.chart.chart import Chart
from thecal.chart.facts import Entered, Filled, Interrogated
from thecal.errors import Refusal
from thecal.programmer.believed import believed_pump
from thecal.programmer.review import review
from thecal.pump.advance import advance
from thecal.pump.handle import report
from thecal.pump.messages import Report
from thecal.pump.sheet import PumpSheet
from thecal.pump.state import new_pump
from thecal.quantity import Volume
from thecal.therapy.finding import Finding
from thecal.therapy.look import Look
from thecal.therapy.procedure import RefillProcedure
from thecal.therapy.refill import RefillPolicy
from thecal.therapy.residual import known_empty
from thecal.therapy.rules import all_rules
from thecal.timeline import Instant
from thecal.twin.order_file import OrderFile
from thecal.twin.session import refill_steps

_HOUSE = "D"


def foreseen(look: Look, order: OrderFile, policy: RefillPolicy) -> tuple[Finding, ...]:
    """What a session on this order would be refused by, or caution of; nothing for a pump that cannot be programmed."""
    if look.sheet is None or not look.sheet.programmable:
        return ()
    return tuple(_foreseen(look, look.sheet, order, policy))


def _foreseen(look: Look, sheet: PumpSheet, order: OrderFile, policy: RefillPolicy) -> Iterator[Finding]:
    chart, said = look.chart, _now(look.chart, sheet, look.now)
    if order.needle is not None:
        needle = order.needle
        measured = needle.measured if needle.measured is not None else said.calculated or Volume(0)
        procedure = RefillProcedure(sheet, first=chart.residual is None, emptied=known_empty(chart))
        steps = refill_steps(needle, order.orders, look.now, measured, said, procedure)
        if isinstance(steps, Refusal):
            yield _refused(steps)
            return
        typed = order.orders.reservoir or needle.volume
        filled = Filled(look.now, needle.volume, needle.concentration)
        chart = chart.after(Interrogated(look.now, said), filled, Entered(look.now, typed, needle.volume))
    made = review(order.orders, chart, said, sheet, policy)
    if isinstance(made, Refusal):
        yield _refused(made)
        return
    for caution in made.cautions:
        allowed = "a review without this caution"
        yield _finding(caution.rule, caution.weight, caution.text, allowed, caution.source, "See to it before signing.")


def _now(chart: Chart, sheet: PumpSheet, now: Instant) -> Report:
    """What the pump would say now, as far as its last report tells."""
    if chart.session is None:
        return report(new_pump(sheet, now))
    said = chart.session.report
    later = report(advance(believed_pump(said, sheet), now).state)
    return replace(later, pumped=Volume(said.pumped.nl + later.pumped.nl), replace_by=said.replace_by)


def _refused(refusal: Refusal) -> Finding:
    return _finding(refusal.rule, "block", refusal.asked, refusal.limit, refusal.source, refusal.advice)


def _finding(rule: str, weight: str, asked: str, allowed: str, source: str, what_next: str) -> Finding:
    known = all_rules().get(rule)
    severity = next(severity for severity in ("block", "second_person", "warn", "advise") if severity == weight)
    return Finding(rule, severity, asked, allowed, source, known.confidence if known else _HOUSE, what_next)
