"""When drug first reaches the tip after an implant: the clock of the first 24 h starts there (IMP-06)."""

from bisect import bisect_left
from itertools import islice

from thecal.chart.chart import Chart
from thecal.chart.facts import SessionEnded
from thecal.chart.line_ledger import line_ledger, strength
from thecal.pump.program import program_pattern
from thecal.pump.sheet import PumpSheet, pump_sheet
from thecal.timeline import DAY_S, Instant


def drug_at_tip(chart: Chart) -> Instant | None:
    """When the first drug is at the tip of the last implant, by what the pump counted; at the mean flow of what it runs.

    A line of which nobody knows what it holds counts as free of drug: the later instant, and the longer wait. None where
    nothing runs that would bring it there.
    """
    implanted = chart.implanted
    if implanted is None:
        return None
    ledger, sheet = line_ledger(Chart().after(implanted)), pump_sheet(implanted.pump)
    assert ledger is not None  # it was implanted
    ahead_nl = 0
    for parcel in ledger.line.parcels:
        if strength(parcel):
            break
        ahead_nl += parcel.volume_nl
    begin = bisect_left(chart.facts, implanted.at, key=lambda fact: fact.at)
    sessions = (fact for fact in islice(chart.facts, begin, None) if isinstance(fact, SessionEnded))
    before: SessionEnded | None = None
    for session in sessions:
        reached = _reached(before, ahead_nl, sheet) if before else None
        if reached is not None and reached <= session.at:
            return reached
        before = session
    return _reached(before, ahead_nl, sheet) if before else None


def _reached(session: SessionEnded, count_nl: int, sheet: PumpSheet) -> Instant | None:
    """When the pump's count gets to ``count_nl``, if nothing else is programmed after this session."""
    report = session.report
    left_nl = count_nl - report.pumped.nl
    if left_nl <= 0:
        return session.at
    at_s = session.at.s
    if report.bolus_ends is not None and report.bolus_left.nl:
        lasts_s = report.bolus_ends.s - at_s
        if report.bolus_left.nl >= left_nl:
            return Instant(at_s + -(-left_nl * lasts_s // report.bolus_left.nl))
        left_nl -= report.bolus_left.nl
        at_s += lasts_s
    pattern = program_pattern(report.program, sheet)
    if not pattern.total:
        return None
    a_day = pattern.total * DAY_S
    return Instant(at_s + -(-left_nl * pattern.per * pattern.period_s * DAY_S // a_day))
