"""What a session leaves in the chart: how it ended, as people know it, and what a reading tells of one that was uncertain."""

from thecal.chart.chart import Chart, typed_in
from thecal.chart.facts import Interrogated, SessionEnded, SessionUncertain
from thecal.chart.order import Order, programmed
from thecal.programmer.session import Session
from thecal.pump.messages import Report
from thecal.pump.sheet import PumpSheet
from thecal.timeline import Instant


def session_fact(session: Session, at: Instant, dosing: Order | None, chart: Chart) -> SessionEnded | SessionUncertain:
    """How a session ended that was to write a dosing order, or none."""
    order = dosing or (chart.session.order if chart.session else None)
    if session.standing == "done" and session.read_back:
        return SessionEnded(at, order, session.read_back, session.name)
    why = session.why or f"the pump differs from what was meant: {_differences(session)}"
    return SessionUncertain(at, order, why, session.name)


def _differences(session: Session) -> str:
    return "; ".join(f"{setting.name} {setting.before}, meant {setting.after}" for setting in session.found)


def reading_facts(report: Report, chart: Chart, sheet: PumpSheet, session: str | None) -> tuple[Interrogated | SessionEnded, ...]:
    """A reading, what it tells of a session that was uncertain, and what the pump runs.

    A fill that waits to be entered goes on waiting: the first session after it is the one that enters its volume. Of one that was
    uncertain the count tells whether it did.
    """
    running, last = chart.session.order if chart.session else None, chart.session.report if chart.session else None
    waits = chart.filled is not None and chart.fill_session is None
    if waits and not (chart.uncertain and last and typed_in(last, report)):
        return (Interrogated(report.at, report, session),)
    told = resolved(chart, report, sheet) or (SessionEnded(report.at, running, report),)
    return (Interrogated(report.at, report, session), *told)


def resolved(chart: Chart, report: Report, sheet: PumpSheet) -> tuple[SessionEnded, ...]:
    """What a reading tells of a session that was uncertain."""
    return (SessionEnded(report.at, running_order(chart, report, sheet), report),) if chart.uncertain else ()


def running_order(chart: Chart, report: Report, sheet: PumpSheet) -> Order | None:
    """The order that a pump runs by what it says: that of a session that was uncertain, if it did write, or the one before."""
    before, uncertain = chart.session.order if chart.session else None, chart.uncertain
    if uncertain and uncertain.order and programmed(uncertain.order, report.concentration, sheet) == report.program:
        return uncertain.order
    return before
