"""What a session asks the rules of the therapy before it makes a review: what no session may pass in silence."""

from collections.abc import Iterator
from dataclasses import replace

from thecal.chart.chart import Chart
from thecal.chart.facts import Interrogated
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.pump.messages import Report
from thecal.pump.sheet import PumpSheet
from thecal.therapy.asked import asked_for
from thecal.therapy.check import checks_of, eased
from thecal.therapy.finding import Finding
from thecal.therapy.infusing import not_infusing
from thecal.therapy.look import Look
from thecal.therapy.restart import full_after_pause
from thecal.timeline import Instant

GATES = ("SAF-06", "TIT-12")
_ON = {
    "SAF-06": 'With signs of withdrawal it is never blocked: record them, or order it with anyway = "signs of withdrawal".',
    "TIT-12": "To go on all the same, say why in anyway.",
}
"""How an order goes on in spite of each."""


def stopping(orders: OrderSheet, chart: Chart, report: Report, sheet: PumpSheet, now: Instant) -> Iterator[Finding]:
    """The full dose by a pump that was read as not infusing, after a pause without signs of withdrawal (SAF-06); and another
    rise after three without a response (TIT-12).

    Only a new program is either. The chart of a pump is enough for both; what rests on papers and permissions is asked where an
    order is signed. In active withdrawal, as far as the chart knows of it, a restart is neither.
    """
    if orders.dosing is None:
        return
    chart = _read(chart, report)
    asked = asked_for(orders, chart, sheet)
    if isinstance(asked, Refusal):
        return  # the review says so, in its own words
    look = replace(Look.at(chart, now, sheet=sheet), asked=asked)
    full = full_after_pause(look) if not_infusing(report, sheet) else None
    found = (eased(look, finding) for finding in (*([full] if full else []), *checks_of("order")["TIT-12"](look)))
    yield from (finding for finding in found if finding.severity == "block" and finding.overridden is None)


def _read(chart: Chart, report: Report) -> Chart:
    """The chart with what the pump has just said, at its own time, where it is not there yet."""
    if any(isinstance(fact, Interrogated) and fact.report is report for fact in reversed(chart.facts)):
        return chart
    read = Interrogated(report.at, report)
    if not chart.facts or chart.facts[-1].at <= report.at:
        return chart.after(read)
    return Chart().after(*sorted((*chart.facts, read), key=lambda fact: fact.at))


def check_gate(orders: OrderSheet, chart: Chart, report: Report, sheet: PumpSheet, now: Instant) -> Refusal | None:
    """The first of them as a refusal, where the order does not say why it goes on."""
    if orders.anyway is not None:
        return None
    for finding in stopping(orders, chart, report, sheet, now):
        return Refusal(finding.rule, finding.asked, finding.allowed, finding.source, f"{finding.next} {_ON[finding.rule]}")
    return None
