"""A study as text for a terminal, and as plain data."""

from collections.abc import Iterator
from dataclasses import asdict
from math import isfinite
from shlex import quote
from textwrap import wrap
from typing import Any

import numpy as np

from thecal.report.study_summary import (
    CAUSES,
    LEVELS,
    METHODS,
    Bands,
    Difference,
    Estimate,
    Failed,
    Measure,
    Spread,
    Summary,
    Value,
)
from thecal.report.survival import Incidence, Interval, Survival
from thecal.report.tables import WIDTH, Line, Style
from thecal.report.words import BANNER, significant_text

SCHEMA = 1
PAIRED = (
    "The same patients are in every arm, so a difference is worked out patient by patient. Intervals are of 95 % and say how "
    "surely so many patients tell what the model does; they do not say how well the model tells what people do. No correction is "
    "made for looking at several endpoints or arms."
)
LOOKING = (
    "A look is at the patients' visits of that day; information is counted as time, and the boundary spends a two-sided error of "
    "5 % (Lan-DeMets, like O'Brien-Fleming) for each arm by itself. Nothing is ended here: every patient is followed to the end."
)
_NAMES, _COUNT, _VALUE = 28, 9, 28
_NONE = "-"


def study_lines(summary: Summary) -> Iterator[Line]:
    """The study as tables: numbers of patients, each endpoint by arm with its differences, looks, published numbers, limits."""
    yield from (Line(line, "title") for line in wrap(summary.title, WIDTH))
    for text in heading(summary):
        yield from _wrapped(text, "plain")
    yield Line("")
    yield from _arms(summary)
    for measure in summary.measures:
        yield Line("")
        yield from _endpoint(summary, measure.name)
    yield from _first_events(summary)
    yield from _doses(summary)
    yield from _looks(summary)
    yield from _published(summary)
    yield Line("")
    yield from _wrapped(PAIRED, "note")
    for kind in dict.fromkeys(measure.kind for measure in summary.measures):
        yield from _wrapped(f"{kind}: {METHODS[kind]}.", "note")
    if summary.limits:
        yield Line("")
        yield Line("What the model cannot know", "head")
        for limit in summary.limits:
            yield from _wrapped(f"- {limit}", "note", 2)
    if summary.failures:
        yield Line("")
        yield Line(f"Failed: {len(summary.failures)}", "critical")
        for failure in summary.failures:
            yield from _wrapped(f"patient {failure.patient} in {failure.arm or 'every arm'}: {failure.error}", "critical", 2)
            yield Line(f"  {failure_command(summary, failure)}", "note")
    yield Line("")
    yield from _wrapped(f"Once more: {command(summary)}", "note")
    yield from _wrapped(BANNER, "note")


def heading(summary: Summary) -> Iterator[str]:
    """What the rows were made from, as sentences."""
    follow_up = f"{summary.patients:,} patients in every arm, followed for {summary.follow_up_days:,} days"
    yield f"{summary.name}: {follow_up}; seed {summary.seed}; compared with {summary.title_of(summary.reference)}."
    versions = ", ".join(f"{name} {version}" for name, version in summary.versions)
    yield f"Protocol and data SHA-256 {summary.hash}{f'; {versions}' if versions else ''}."


def command(summary: Summary) -> str:
    """What makes the same rows once more."""
    return f"thecal study run {quote(summary.path)} --out {quote(f'{summary.name}-again')}"


def failure_command(summary: Summary, failure: Failed) -> str:
    """What shows a failure again."""
    arm = f" --arm {quote(failure.arm)}" if failure.arm else ""
    return f"thecal study run {quote(summary.path)} --patient {failure.patient}{arm}"


def estimate_text(estimate: Estimate, sign: bool = False) -> str:
    """A value with its interval, at most three significant digits of each."""
    if estimate.value is None:
        return _NONE
    shown = _signed(estimate.value) if sign else significant_text(estimate.value)
    if estimate.low is None or estimate.high is None:
        return f"{shown} (no interval)"
    return f"{shown} ({significant_text(estimate.low)} to {significant_text(estimate.high)})"


def percent_text(interval: Interval) -> str:
    """A part of 1 with its interval, in percent."""
    return estimate_text(Estimate(*(100 * each for each in interval)))


def p_text(p: float | None) -> str:
    """A p value, as far as it is worth reading."""
    if p is None:
        return _NONE
    return "<0.0001" if p < 0.0001 else significant_text(p, 2 if p >= 0.001 else 1)


def level_text(level: float) -> str:
    """A part of the patients, as a column is called."""
    return "median" if level == 0.5 else f"{100 * level:.0f} %"


def counted(value: Value, measure: Measure) -> str:
    """What a value was counted from: events, of so many patients or in so many years; nothing of a mean."""
    if measure.kind == "share":
        return f"{value.events:,} of {value.patients:,}"
    events = [] if value.events is None else [f"{value.events:,} events"]
    years = [] if value.years is None else [f"in {significant_text(value.years)} years"]
    return " ".join(events + years)


def difference_of(summary: Summary, arm: str, measure: str) -> Difference | None:
    """An arm's difference in an endpoint; None for the reference arm."""
    return next((each for each in summary.differences if (each.arm, each.measure) == (arm, measure)), None)


def _signed(value: float) -> str:
    text = significant_text(value)
    return f"+{text}" if value > 0 and text != "0" else text


def _arms(summary: Summary) -> Iterator[Line]:
    columns = ("enrolled", "analyzed", "screened", "responded", "implanted", "failed", "missing")
    yield Line(f"{'patients':<{_NAMES}}" + "".join(f"{column:>11}" for column in columns), "head")
    for arm in summary.arms:
        counts = (arm.enrolled, arm.analyzed, arm.screened, arm.responded, arm.implanted, arm.failed, arm.missing)
        style: Style = "critical" if arm.failed or arm.missing else "row"
        yield from _row(arm.title or arm.name, "".join(f"{count:>11,}" for count in counts), style=style)


def _endpoint(summary: Summary, name: str) -> Iterator[Line]:
    measure = summary.measure(name)
    primary = " (primary)" if measure == summary.primary else ""
    yield Line(f"{measure.words}{primary}", "title")
    apart = f"difference, {measure.unit_of_difference}".rstrip(", ")
    yield Line(f"{'':<{_NAMES}}{'patients':>{_COUNT}}  {'value (95 %)':<{_VALUE}}{apart}", "head")
    for value in (each for each in summary.values if each.measure == name):
        difference = difference_of(summary, value.arm, name)
        beside = estimate_text(difference.estimate, sign=True) if difference else "reference"
        p = f", p {p_text(difference.p)}" if difference and difference.p is not None else ""
        cells = f"{value.patients:>{_COUNT},}  {estimate_text(value.estimate):<{_VALUE}}{beside}{p}"
        count = counted(value, measure)
        yield from _row(summary.title_of(value.arm), cells, f"{'':>{_COUNT}}  {count}" if count else "")


def _first_events(summary: Summary) -> Iterator[Line]:
    if not summary.first_events:
        return
    yield Line("")
    yield Line(f"What went wrong first with an implant within {summary.follow_up_days:,} days, % of the implanted", "title")
    yield Line(f"{'':<{_NAMES}}{'implanted':>{_COUNT}}  " + "".join(f"{cause:<23}" for cause in CAUSES).rstrip(), "head")
    for first in summary.first_events:
        shares = [percent_text(first.incidence.at(n, summary.follow_up_days)) for n in range(len(CAUSES))]
        yield from _row(summary.title_of(first.arm), f"{first.patients:>{_COUNT},}  " + "".join(f"{each:<23}" for each in shares))


def _doses(summary: Summary) -> Iterator[Line]:
    bands = [band for band in summary.bands if band.quantity == "dose"]
    if not bands:
        return
    yield Line("")
    yield Line("Dose at the last visit, mcg/day", "title")
    yield Line(f"{'':<{_NAMES}}{'patients':>{_COUNT}}  " + "".join(f"{level_text(level):>8}" for level in LEVELS), "head")
    for band in bands:
        cells = "".join(f"{significant_text(value):>8}" for value in band.levels[:, -1])
        yield from _row(summary.title_of(band.arm), f"{band.patients[-1]:>{_COUNT},}  {cells}")


def _looks(summary: Summary) -> Iterator[Line]:
    if not summary.looks:
        return
    yield Line("")
    yield Line(f"Looks at the primary endpoint: {summary.primary.title}, {summary.primary.unit_of_difference}", "title")
    yield Line(f"{'':<{_NAMES}}{'day':>6}{'information':>13}  {'difference (95 %)':<{_VALUE}}{'p':>9}{'boundary':>10}", "head")
    for look in summary.looks:
        crossed = "  crossed" if look.crossed else ""
        figures = f"{estimate_text(look.estimate, sign=True):<{_VALUE}}{p_text(look.p):>9}{p_text(look.boundary):>10}{crossed}"
        yield from _row(summary.title_of(look.arm), f"{look.day:>6,}{100 * look.fraction:>11.0f} %  {figures}")
    yield from _wrapped(LOOKING, "note")


def _published(summary: Summary) -> Iterator[Line]:
    if not summary.published:
        return
    yield Line("")
    yield Line("Published numbers and the model", "title")
    yield Line(f"{'':<8}{'quantity':<54}{'published':<16}{'model':<10}accepted", "head")
    for row in summary.published:
        model = _NONE if row.model is None else significant_text(row.model)
        quantity = f"{row.quantity}, {row.unit}" if row.unit else row.quantity
        first, *more = wrap(quantity, 52) or [""]
        accepted = f"{significant_text(row.low)} to {significant_text(row.high)}"
        style: Style = "non-critical" if row.ok is False else "row"
        yield Line(f"{row.id:<8}{first:<54}{row.shown:<16}{model:<10}{accepted}  {row.verdict}", style)
        yield from (Line(f"{'':<8}{line}") for line in more)


def _row(name: str, cells: str, below: str = "", style: Style = "row") -> Iterator[Line]:
    """A row whose name may take several lines, and what stands below its cells."""
    first, *more = wrap(name, _NAMES - 2) or [""]
    if below and not more:
        more = [""]
    yield Line(f"{first:<{_NAMES}}{cells}".rstrip(), style)
    for place, line in enumerate(more):
        yield Line(f"{line:<{_NAMES}}{below if place == 0 else ''}".rstrip(), style)


def _wrapped(text: str, style: Style, indent: int = 0) -> Iterator[Line]:
    yield from (Line(line, style) for line in wrap(text, WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False))


def study_document(summary: Summary) -> dict[str, Any]:
    """The study as data: ``{schema, protocol, arms, endpoints, values, differences, looks, survival, first_events, bands,
    spreads, published, limits, sources, failures}``; numbers as numbers, null where one is not defined.
    """
    return {
        "schema": SCHEMA,
        "protocol": {
            **{name: getattr(summary, name) for name in ("name", "title", "hash", "seed", "patients", "follow_up_days")},
            "reference": summary.reference,
            "versions": dict(summary.versions),
        },
        "arms": [asdict(arm) for arm in summary.arms],
        "endpoints": [{**asdict(each), "method": METHODS[each.kind]} for each in summary.measures],
        "values": [asdict(each) for each in summary.values],
        "differences": [asdict(each) for each in summary.differences],
        "looks": [{**asdict(each), "z": each.z if isfinite(each.z) else None, "crossed": each.crossed} for each in summary.looks],
        "survival": [_curve(each.arm, each.measure, each.survival) for each in summary.curves],
        "first_events": [_first(each.arm, each.patients, each.incidence) for each in summary.first_events],
        "bands": [_band(each) for each in summary.bands],
        "spreads": [_spread(each) for each in summary.spreads],
        "published": [{**asdict(each), "ok": each.ok} for each in summary.published],
        "limits": list(summary.limits),
        "sources": list(summary.sources),
        "failures": [asdict(each) for each in summary.failures],
    }


def _curve(arm: str, measure: str, curve: Survival) -> dict[str, Any]:
    names = ("days", "survival", "low", "high", "at_risk", "events")
    return {"arm": arm, "endpoint": measure, **{name: getattr(curve, name).tolist() for name in names}}


def _first(arm: str, patients: int, incidence: Incidence) -> dict[str, Any]:
    shares = {
        cause: {name: getattr(incidence, name)[n].tolist() for name in ("share", "low", "high")} for n, cause in enumerate(CAUSES)
    }
    return {"arm": arm, "patients": patients, "days": incidence.days.tolist(), "none": incidence.survival.tolist(), **shares}


def _band(band: Bands) -> dict[str, Any]:
    levels = {level_text(level): values for level, values in zip(LEVELS, np.asarray(band.levels).tolist(), strict=True)}
    known = {"days": band.days.tolist(), "patients": band.patients.tolist()}
    return {"arm": band.arm, "quantity": band.quantity, "unit": band.unit, **known, "levels": levels}


def _spread(spread: Spread) -> dict[str, Any]:
    lists = {name: getattr(spread, name).tolist() for name in ("edges", "counts", "levels")}
    return {"arm": spread.arm, "endpoint": spread.measure, **lists, "below": spread.below, "above": spread.above}
