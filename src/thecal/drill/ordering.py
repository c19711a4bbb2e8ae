"""An order in a drill: checked by the rules, then written in a session of the programmer."""

from collections.abc import Iterator
from dataclasses import replace

from thecal.chart.order import ordered_dose
from thecal.drill.bedside import takes
from thecal.drill.move import Moved, lines_of, spent, told
from thecal.drill.order_line import read_order_line
from thecal.drill.state import State, acted
from thecal.errors import Refusal
from thecal.programmer.printout import printout
from thecal.pump.state import PumpState
from thecal.quantity import Volume, nearest
from thecal.report.findings import finding_lines
from thecal.report.printout import section_lines
from thecal.report.tables import Line
from thecal.therapy.asked import asked_for
from thecal.therapy.check import check
from thecal.therapy.finding import Finding
from thecal.therapy.look import Look
from thecal.therapy.refill import RefillPolicy
from thecal.twin.action import HoldSession
from thecal.twin.order_file import OrderFile
from thecal.twin.session import Held, hold_session

PROGRAMMER = "you"
_SHOWN = 3
_TENTH_NL = 100_000
_AT_ONCE = ("The dose", "Residual", "Read before signing")
"""The tables of a printout that are shown at once."""


def order(state: State, line: str) -> Moved:
    """Check an order by the rules, and write it; refused whole where one of them blocks it and nobody says why it goes on."""
    asked, anyway = read_order_line(line)
    pump = state.world.pump
    if not state.has_programmer:
        return told(state, "There is no programmer here.", style="refused")
    if pump is None:
        return told(state, "There is no pump in place.", style="refused")
    found = _findings(state, asked, pump)
    if isinstance(found, Refusal):
        return told(state, str(found), style="refused")
    blocks = [finding for finding in found if finding.severity == "block"]
    if blocks and anyway is None:
        lines = (*lines_of("The rules stop this order; nothing was written.", "refused"), *_told(state, blocks))
        advice = f"To go on all the same: {line}; anyway the reason"
        return Moved(state, (*lines, *lines_of(advice, "note"))).then(lambda after: spent(after, takes("session")))
    overrode = tuple((state.now, f"{finding.rule}: {anyway}") for finding in blocks)
    needle = asked.needle
    if needle is not None and needle.measured is None:
        needle = replace(needle, measured=syringe(state))
    action = HoldSession(state.now, asked.orders, needle, PROGRAMMER)
    held = hold_session(state.world, state.chart, action, pump, RefillPolicy.default())
    if isinstance(held, Refusal):
        return told(state, str(held), style="refused").then(lambda after: spent(after, takes("session")))
    after, _ = acted(replace(state, overrode=(*state.overrode, *overrode)), action)
    for deed, dose in _deeds(asked):
        after = after.done(deed, dose)
    duration = takes("refill") if asked.needle else takes("session")
    status, sections = _written(state, held)
    shown = [*_warned(found), status, *(line for section in sections if section[0].text in _AT_ONCE for line in section)]
    shown += lines_of("The rest stands on the printout: type printout.", "note")
    printed = tuple(line for part in ([status], *sections) for line in part)
    return Moved(replace(after, printed=printed), tuple(shown)).then(lambda done: spent(done, duration))


def syringe(state: State) -> Volume:
    """What a syringe reads of all that can be aspirated: to the tenth of a millilitre."""
    pump = state.world.pump
    usable_nl = max(pump.usable_nl, 0) if pump else 0
    return Volume(nearest(usable_nl, _TENTH_NL) * _TENTH_NL)


def _warned(findings: tuple[Finding, ...]) -> Iterator[Line]:
    """What the rules warn of, in a line each; it stops nothing."""
    warned = [finding for finding in findings if finding.severity in ("emergency", "second_person", "warn")]
    for finding in warned[:_SHOWN]:
        yield from lines_of(f"{finding.rule} {finding.severity.replace('_', ' ')}: {finding.asked}", "non-critical")


def _findings(state: State, asked: OrderFile, pump: PumpState) -> tuple[Finding, ...] | Refusal:
    look = Look.at(state.chart, state.now, state.drill.zone, pump.sheet)
    worked = asked_for(asked.orders, state.chart, pump.sheet)
    if isinstance(worked, Refusal):
        return worked
    return check(replace(look, asked=worked), "order")


def _told(state: State, blocks: list[Finding]) -> Iterator[Line]:
    yield from finding_lines(blocks[:_SHOWN], state.drill.zone)
    if len(blocks) > _SHOWN:
        yield from lines_of(f"and {len(blocks) - _SHOWN} more: see rules order", "note")


def _deeds(asked: OrderFile) -> Iterator[tuple[str, float | None]]:
    """What an order does, by the names of the deeds."""
    orders = asked.orders
    if asked.needle:
        yield "refill", None
    if orders.dosing:
        dose = ordered_dose(orders.dosing)
        yield f"program: {orders.dosing.mode}", dose.mcg_per_day if dose else 0.0
    elif orders.bolus:
        yield "bolus", None
    elif not asked.needle:
        yield "program: settings", None
    plans = {"bridge": orders.bridge, "no bridge": orders.without_bridge is not None, "prime": orders.prime}
    yield from ((plan, None) for plan, asked_for_it in plans.items() if asked_for_it)


def _written(state: State, held: Held) -> tuple[Line, list[list[Line]]]:
    """(how the session ended, what it prints, table by table)."""
    residual = held.procedure.residual if held.procedure else None
    printed = printout(held.session, state.drill.zone, residual)
    status = Line(f"  {printed.status}", "done" if held.session.standing == "done" else "critical")
    return status, [list(section_lines(section)) for section in printed.sections]
