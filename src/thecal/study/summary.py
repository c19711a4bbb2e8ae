"""What a study comes to: values and paired differences with their intervals, looks before the end, curves and bands.

    summary = summarize({name: result.table(name) for name in ("patients", "visits")}, result.protocol)
    summary.differences[0].estimate

The same patients are in every arm, so an arm is compared with the reference arm patient by patient; who has no value in one of
the two is left out of that comparison, and the number of those who are in it stands beside it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from thecal.errors import InputError
from thecal.report.study_summary import (
    CAUSES,
    LEVELS,
    UNDEFINED,
    ArmNumbers,
    Bands,
    Curve,
    Difference,
    Estimate,
    Failed,
    FirstEvents,
    Look,
    Measure,
    Spread,
    Summary,
    Value,
)
from thecal.report.survival import cumulative_incidence, kaplan_meier
from thecal.report.validation import Published
from thecal.study.arm_rows import ArmRows, arm_rows, both, numbers, truths
from thecal.study.intervals import (
    amount_rate,
    mean,
    paired_p,
    rate,
    rate_difference,
    share,
    share_difference,
    survival_at,
    survival_difference,
    two_sided,
)
from thecal.study.spending import boundaries

if TYPE_CHECKING:
    from thecal.study.design import Protocol
    from thecal.study.endpoint import Endpoint
    from thecal.study.treatment import Treatment

Floats = NDArray[np.float64]
Booleans = NDArray[np.bool_]
Tables = Mapping[str, Mapping[str, NDArray[Any]]]

DAYS_PER_YEAR = 365.25
LOOKED_AT = "ashworth_change"
"""The primary endpoint that can be looked at before the end, since every visit has its score."""
_BANDS = (("mcg_per_day", "dose", "mcg/day"), ("ashworth_legs", "Ashworth of the legs", "points"))
_BINS = 24
_MANY_EVENTS = 30  # from so many on the patients tell how their events scatter; of fewer they do not
_HUNDREDTHS = 100.0


def summarize(
    tables: Tables,
    protocol: "Protocol",
    failures: Iterable[object] = (),
    versions: Mapping[str, object] | None = None,
    published: Sequence[Published] = (),
) -> Summary:
    """The summary of a study from its tables ``patients`` and ``visits`` by column, its protocol, who failed (with the fields
    ``patient``, ``arm`` and ``error``), the versions that made it, and published numbers beside it.

    What NULL is may be masked, None or NaN. Raises InputError for a table or a column that is not there, a patient who is in an
    arm twice, and looks before the end at an endpoint other than ``ashworth_change``.
    """
    patients = {arm.name: arm_rows(tables, "patients", arm.name) for arm in protocol.arms}
    visits = {arm.name: arm_rows(tables, "visits", arm.name) for arm in protocol.arms}
    failed = tuple(_failed(each) for each in failures)
    others = [arm.name for arm in protocol.arms if arm.name != protocol.reference]
    measures = tuple(Measure(each.name, each.title, each.unit, each.kind) for each in protocol.endpoints)
    pairs = [(endpoint, other) for endpoint in protocol.endpoints for other in others]
    differences = tuple(difference(patients, protocol, endpoint, other) for endpoint, other in pairs)
    return Summary(
        name=protocol.name,
        path=protocol.path,
        title=protocol.title,
        hash=protocol.hash,
        seed=protocol.seed,
        patients=protocol.patients,
        follow_up_days=protocol.follow_up_days,
        reference=protocol.reference,
        arms=tuple(_arm_numbers(arm, patients[arm.name], protocol, failed) for arm in protocol.arms),
        measures=measures,
        values=tuple(value(patients[arm.name], protocol, each) for each in protocol.endpoints for arm in protocol.arms),
        differences=differences,
        looks=tuple(_looks(patients, visits, protocol, differences)),
        curves=tuple(_curves(patients, protocol)),
        first_events=tuple(_first_events(patients)),
        bands=tuple(_bands(visits)),
        spreads=tuple(_spreads(patients, protocol, others)),
        limits=tuple(protocol.limits),
        sources=tuple(protocol.sources),
        failures=failed,
        versions=tuple((name, str(text)) for name, text in (versions or {}).items() if text is not None),
        published=tuple(published),
    )


def value(rows: ArmRows, protocol: "Protocol", endpoint: "Endpoint") -> Value:
    """An endpoint in the rows of an arm."""
    factor = _factor(endpoint)
    match endpoint.kind:
        case "mean":
            values = _defined(numbers(rows, endpoint.column))
            return Value(rows.arm, endpoint.name, len(values), mean(values))
        case "share":
            known, yes = truths(rows, endpoint.column)
            return Value(rows.arm, endpoint.name, int(known.sum()), _times(share(yes[known]), factor), int(yes[known].sum()))
        case "rate":
            events, years = _exposed(rows, endpoint)
            known = ~np.isnan(events + years)
            exact = rate if _counted(endpoint) and np.nansum(events) < _MANY_EVENTS else amount_rate
            shown, exposure = exact(events[known], years[known], endpoint.scale), float(years[known].sum())
            count = int(events[known].sum()) if _counted(endpoint) else None
            return Value(rows.arm, endpoint.name, int(known.sum()), shown, count, exposure)
        case "time":
            days, happened = _timed(_implanted(rows), endpoint.column)
            if not len(days):
                return Value(rows.arm, endpoint.name, 0, UNDEFINED, 0)
            shown = _times(survival_at(days, happened, min(protocol.follow_up_days, float(days.max()))), factor)
            return Value(rows.arm, endpoint.name, len(days), shown, int(happened.sum()))


def difference(patients: Mapping[str, ArmRows], protocol: "Protocol", endpoint: "Endpoint", arm: str) -> Difference:
    """An arm less the reference arm in an endpoint, by the patients whom both have; of the reference arm itself 0."""
    one, other = both(patients[arm], patients[protocol.reference])
    if arm == protocol.reference:
        return Difference(arm, endpoint.name, len(one.patients), Estimate(0.0, 0.0, 0.0))
    factor = _factor(endpoint)
    match endpoint.kind:
        case "mean":
            apart = _defined(numbers(one, endpoint.column) - numbers(other, endpoint.column))
            return Difference(arm, endpoint.name, len(apart), mean(apart), paired_p(apart))
        case "share":
            (known, yes), (also, said) = truths(one, endpoint.column), truths(other, endpoint.column)
            in_both = known & also
            found = _times(share_difference(yes[in_both], said[in_both]), factor)
            return Difference(arm, endpoint.name, int(in_both.sum()), found)
        case "rate":
            first, second = _exposed(one, endpoint), _exposed(other, endpoint)
            known = ~np.isnan(sum(first) + sum(second))
            rates = (first[0][known], first[1][known]), (second[0][known], second[1][known])
            found = rate_difference(*rates, endpoint.scale, _counted(endpoint))
            return Difference(arm, endpoint.name, int(known.sum()), found)
        case "time":
            one, other = both(_implanted(one), _implanted(other))
            if not len(one.patients):
                return Difference(arm, endpoint.name, 0, UNDEFINED)
            times = _timed(one, endpoint.column), _timed(other, endpoint.column)
            last = min(protocol.follow_up_days, *(float(days.max()) for days, _ in times))
            found = _times(survival_difference(*times, last), factor)
            return Difference(arm, endpoint.name, len(one.patients), found)


def _looks(
    patients: Mapping[str, ArmRows], visits: Mapping[str, ArmRows], protocol: "Protocol", differences: Sequence[Difference]
) -> Iterator[Look]:
    """The primary endpoint at each interim day, by the visits of that day, and at the end."""
    primary, days = protocol.endpoints[0], tuple(protocol.interim_days)
    if not days:
        return
    if primary.name != LOOKED_AT:
        raise InputError("interim_days", str(days), f"look at {primary.name}, which no visit has", accepted=(LOOKED_AT,))
    parts = [day / protocol.follow_up_days for day in days] + [1.0]
    limits = dict(zip((*days, protocol.follow_up_days), boundaries(parts), strict=True))
    for arm in (name for name in patients if name != protocol.reference):
        for day, part in zip(days, parts, strict=False):
            apart = _changes(patients[arm], visits[arm], patients[protocol.reference], visits[protocol.reference], day)
            found, z = mean(apart), limits[day]
            yield Look(day, part, arm, len(apart), found, paired_p(apart), two_sided(z), z)
        last = next(each for each in differences if each.arm == arm and each.measure == primary.name)
        z = limits[protocol.follow_up_days]
        yield Look(protocol.follow_up_days, 1.0, arm, last.patients, last.estimate, last.p, two_sided(z), z)


def _changes(rows: ArmRows, visits: ArmRows, reference: ArmRows, seen: ArmRows, day: int) -> Floats:
    """The paired differences of what the score has changed by on a day since before the treatment."""

    def change(who: ArmRows, at: ArmRows) -> ArmRows:
        today = at.where(numbers(at, "day") == day)
        before, now = both(who, today)
        changed = numbers(now, "ashworth_legs") - numbers(before, "ashworth_before")
        return ArmRows(now.table, now.arm, now.patients, {"change": changed})

    one, other = both(change(rows, visits), change(reference, seen))
    return _defined(numbers(one, "change") - numbers(other, "change"))


def _curves(patients: Mapping[str, ArmRows], protocol: "Protocol") -> Iterator[Curve]:
    for endpoint in (each for each in protocol.endpoints if each.kind == "time"):
        for arm, rows in patients.items():
            implanted = _implanted(rows)
            if len(implanted.patients):
                yield Curve(arm, endpoint.name, kaplan_meier(*_timed(implanted, endpoint.column)))


def _first_events(patients: Mapping[str, ArmRows]) -> Iterator[FirstEvents]:
    """Which of catheter, pump and infection came first, among the implanted of each arm."""
    for arm, rows in patients.items():
        implanted = _implanted(rows)
        if not len(implanted.patients):
            continue
        days = np.stack([_timed(implanted, f"first_{cause}_day")[0] for cause in CAUSES])
        happened = np.stack([_timed(implanted, f"first_{cause}_day")[1] for cause in CAUSES])
        first = np.where(happened, days, np.inf).argmin(axis=0)
        causes = np.where(happened.any(axis=0), first + 1, 0)
        yield FirstEvents(arm, len(implanted.patients), cumulative_incidence(days.min(axis=0), causes, len(CAUSES)))


def _bands(visits: Mapping[str, ArmRows]) -> Iterator[Bands]:
    for column, quantity, unit in _BANDS:
        for arm, rows in visits.items():
            if not len(rows.patients):
                continue
            values = numbers(rows, column)
            known = ~np.isnan(values)
            days = numbers(rows, "day")[known].astype(np.int64)
            order = np.argsort(days, kind="stable")
            when, starts = np.unique(days[order], return_index=True)
            if not len(when):
                continue
            parts = np.split(values[known][order], starts[1:])
            levels = np.array([np.quantile(part, LEVELS) for part in parts]).T
            yield Bands(arm, quantity, unit, when, levels, np.array([len(part) for part in parts]))


def _spreads(patients: Mapping[str, ArmRows], protocol: "Protocol", others: Sequence[str]) -> Iterator[Spread]:
    """The paired differences of the first endpoint that is a mean; the same edges for all arms."""
    endpoint = next((each for each in protocol.endpoints if each.kind == "mean"), None)
    if endpoint is None:
        return
    apart: dict[str, Floats] = {}
    for arm in others:
        one, other = both(patients[arm], patients[protocol.reference])
        found = _defined(numbers(one, endpoint.column) - numbers(other, endpoint.column))
        if len(found):
            apart[arm] = found
    if not apart:
        return
    edges = np.histogram_bin_edges(np.concatenate(list(apart.values())), bins=_BINS)
    for arm, values in apart.items():
        counts = np.histogram(values, edges)[0].astype(np.int64)
        below, above = float((values < 0).mean()), float((values > 0).mean())
        yield Spread(arm, endpoint.name, edges, counts, np.quantile(values, LEVELS), below, above)


def _arm_numbers(arm: "Treatment", rows: ArmRows, protocol: "Protocol", failures: Sequence[Failed]) -> ArmNumbers:
    failed = len({each.patient for each in failures if each.arm in (arm.name, "")} - set(rows.patients.tolist()))
    analyzed = len(rows.patients)
    screened, responded, implanted = (
        int(truths(rows, column)[1].sum()) if analyzed else 0 for column in ("screened", "responded", "implanted")
    )
    return ArmNumbers(
        name=arm.name,
        title=arm.title,
        route=arm.route,
        enrolled=protocol.patients,
        analyzed=analyzed,
        failed=failed,
        missing=protocol.patients - analyzed - failed,
        screened=screened,
        responded=responded,
        implanted=implanted,
        not_implanted=analyzed - implanted if "pump" in arm.route else None,
    )


def _failed(failure: object) -> Failed:
    told = failure if isinstance(failure, Mapping) else {name: getattr(failure, name) for name in ("patient", "arm", "error")}
    lines = str(told["error"]).strip().splitlines()
    return Failed(int(told["patient"]), str(told["arm"]), lines[-1] if lines else "no reason was given")


def _exposed(rows: ArmRows, endpoint: "Endpoint") -> tuple[Floats, Floats]:
    return numbers(rows, endpoint.column), numbers(rows, endpoint.per) / DAYS_PER_YEAR


def _counted(endpoint: "Endpoint") -> bool:
    """Whether a rate is of events that are counted: its unit begins with what they are per. Others are amounts: mg, hours."""
    return endpoint.unit.startswith("per ")


def _implanted(rows: ArmRows) -> ArmRows:
    """Those who were implanted: times count from the implant."""
    return rows.where(truths(rows, "implanted")[1]) if len(rows.patients) else rows


def _timed(rows: ArmRows, column: str) -> tuple[Floats, Booleans]:
    """When each of the implanted leaves, in days from the implant, and whether it was with the event."""
    first, end = numbers(rows, column), numbers(rows, "since_implant_days")
    happened = first <= end
    return np.where(happened, first, end), happened


def _factor(endpoint: "Endpoint") -> float:
    """A share that is told in hundredths is worked out as a part of 1."""
    return _HUNDREDTHS if endpoint.unit == "%" and endpoint.kind in ("share", "time") else 1.0


def _times(estimate: Estimate, factor: float) -> Estimate:
    if estimate.value is None:
        return UNDEFINED
    ends = (None if each is None else each * factor for each in (estimate.low, estimate.high))
    return Estimate(estimate.value * factor, *ends)


def _defined(values: Floats) -> Floats:
    return values[~np.isnan(values)]
