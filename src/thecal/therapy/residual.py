"""The last residual: whether it is off, what explains it, and the signs of drug in the tissue (RPC-07, RPC-09)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from thecal.chart.chart import Chart
from thecal.chart.clinical import Documented
from thecal.chart.facts import ResidualMeasured
from thecal.chart.vocabulary import grouped
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Volume
from thecal.therapy.finding import Finding
from thecal.therapy.look import Look
from thecal.therapy.refill import SMALL_RESERVOIR, discrepancy_flag
from thecal.therapy.refill_visit import percutaneous_fill
from thecal.therapy.rules import Limit
from thecal.timeline import DAY_S, HOUR_S, Duration, Instant

EXPLAINED = "residual explained"
EXCLUDED = "pocket fill excluded"
_ML = 10**6


def known_empty(chart: Chart) -> bool:
    """Whether the reservoir was emptied by a needle after the last fill, and what came then was what had to come, or a paper says
    what became of the rest (RPC-07).
    """
    residual = chart.residual
    if not chart.emptied or residual is None:
        return False
    if residual.expected is None or discrepancy_flag(residual.expected, residual.measured, residual.reservoir) != "red":
        return True
    papers = (fact for fact in chart.facts if isinstance(fact, Documented) and fact.document == EXPLAINED)
    return any(paper.at >= residual.at for paper in papers)


def worked_out(chart: Chart, sheet: PumpSheet, now: Instant) -> Volume | None:
    """What should be in a pump without electronics, as people work it out from its last fill; None where nothing is known."""
    if known_empty(chart):
        return Volume(0)
    if chart.filled is None:
        return None
    flowed_nl = sheet.flow_max.nl_per_day * (now.s - chart.filled.at.s) // DAY_S
    return Volume(max(chart.filled.volume.nl - flowed_nl, 0))


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A residual that is off by more than the amber ``limit``, red above so many ``times`` it."""

    residual: ResidualMeasured
    flag: Literal["amber", "red"]
    limit: Limit
    times: Limit


def discrepancy(look: Look) -> Discrepancy | None:
    """RPC-07: what is wrong with the last residual of this pump; None where nothing is, or nothing was expected."""
    last = look.chart.residual
    if last is None:
        return None
    same = [residual for residual in look.known.residuals if residual.at == last.at]
    found = [flagged for flagged in (flagged_residual(look, residual) for residual in same) if flagged is not None]
    return max(found, key=lambda flagged: abs(_off_nl(flagged.residual)), default=None)


def flagged_residual(look: Look, residual: ResidualMeasured) -> Discrepancy | None:
    """A residual beside the limits of the clinic; None inside them."""
    size = "small" if residual.reservoir <= SMALL_RESERVOIR else "large"
    limit, times = look.limit("RPC-07", f"{size} reservoir"), look.limit("RPC-07", "red")
    off = abs(_off_nl(residual))
    if residual.expected is None or off <= limit.value * _ML:
        return None
    return Discrepancy(residual, "red" if off > times.value * limit.value * _ML else "amber", limit, times)


def unresolved(look: Look) -> Discrepancy | None:
    """The discrepancy of the last residual, unless a paper that is later than it explains it."""
    found, paper = discrepancy(look), look.known.document(EXPLAINED, look.now)
    return None if found is not None and paper is not None and paper.at > found.residual.at else found


def residual_off(look: Look) -> Iterator[Finding]:
    """RPC-07."""
    found = unresolved(look)
    if found is None:
        return
    residual = found.residual
    more = "more" if _off_nl(residual) > 0 else "less"
    asked = f"{residual.measured} measured on {residual.at.date(look.zone)}, {more} than the {residual.expected} expected"
    if residual.first:
        asked += "; the first after implant, which is unreliable"
    if found.flag == "red":
        advice = "Stop and find out why (TRB-03); do not simply refill. A paper that explains it ends this."
        finding = look.passed(found.times, asked, f"at most {found.times} times {found.limit} off", advice)
        yield replace(finding, overridden=finding.overridden or residual.taken_on)
    else:
        advice = "Check the needle and aspirate again; look at the trend of this pump, and explain it."
        yield look.passed(found.limit, asked, f"at most {found.limit} off", advice)


def pocket_fill(look: Look) -> Iterator[Finding]:
    """RPC-09."""
    fill, limit = percutaneous_fill(look), look.limit("RPC-09", "watch")
    if fill is None:
        return
    lasts, paper = round(limit.value * HOUR_S), look.known.document(EXCLUDED, look.now)
    since = max(fill.at.s - lasts, paper.at.s + 1 if paper is not None else 0)
    signs = _signs(look, since, fill.at.s + lasts)
    for residual in look.known.residuals:
        flagged = flagged_residual(look, residual)
        after = max(since, fill.at.s + 1) <= residual.at.s <= fill.at.s + lasts
        if after and flagged is not None and flagged.flag == "red":
            signs.append(f"{residual.measured} of {residual.expected} aspirated again")
    if signs:
        asked = f"{', '.join(signs)}, at the refill of {fill.at.date(look.zone)}"
        advice = (
            "Stop. Aspirate what comes back, from pump and pocket. Monitor breathing and consciousness in hospital: "
            "an overdose comes first, a withdrawal after it."
        )
        allowed = f"no sign of drug in the tissue within {Duration(lasts)} of a refill"
        yield look.passed(limit, asked, allowed, advice)


def _signs(look: Look, since_s: int, until_s: int) -> list[str]:
    """The signs at the pocket that were reported in that time and have not gone away since."""
    there = look.known.symptoms_since(Instant(since_s))
    at_pocket = [report for report in look.known.symptoms if report.symptom in grouped("symptoms", "pocket fill")]
    return sorted({report.symptom for report in at_pocket if since_s <= report.at.s <= until_s and report.grade} & set(there))


def _off_nl(residual: ResidualMeasured) -> int:
    return 0 if residual.expected is None else residual.measured.nl - residual.expected.nl
