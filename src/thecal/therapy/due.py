"""When a refill is due: every date after which it is too late, the first of them less the buffer, and when the pump is empty."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from thecal.chart.chart import Chart
from thecal.chart.facts import Filled, SessionEnded
from thecal.pump.messages import Report
from thecal.pump.program import program_pattern
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Volume
from thecal.therapy.look import Look
from thecal.therapy.memo import of_last_look
from thecal.therapy.refill import Governor, RefillPolicy, refill_by
from thecal.therapy.service import booked, end_of_service
from thecal.timeline import DAY_S, Duration, Instant

DueGovernor = Governor | Literal["absence"]
ELSEWHERE = "refill elsewhere"
"""What a refill is called that others do: the paper that confirms it before, and the visit that its proof tells of."""
_UNBOUNDED = RefillPolicy(stability=Duration(200 * 366 * DAY_S), buffer=Duration(0))
_RULES: dict[DueGovernor, str] = {
    "alarm": "REF-12", "empty": "REF-12", "stability": "REF-04", "clinic": "REF-05", "service": "REF-04", "absence": "REF-06",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bound:
    """A date after which a refill is too late, what sets it, and the rule that says so."""

    governor: DueGovernor
    at: Instant
    rule: str


@dataclass(frozen=True, slots=True)
class RefillDue:
    """A whole number of ``days`` from a fill by which to refill. ``bounds`` are all that bound it, the earliest first.

    ``alarm`` and ``empty`` are the earliest that the upper bound of this pump's gain allows, with every bolus that the patient
    may ask for; None where nothing is known to run. ``counted`` is the alarm date that the pump computes for itself; ``likely``
    is the one where the patient goes on as until now, of a pump that gives patient boluses.
    """

    filled: Instant
    days: int
    buffer: Duration
    bounds: tuple[Bound, ...]
    alarm: Instant | None
    empty: Instant | None
    counted: Instant | None
    likely: Instant | None

    @property
    def refill_by(self) -> Instant:
        """The same hour of that day."""
        return Instant(self.filled.s + self.days * DAY_S)

    @property
    def governed_by(self) -> DueGovernor:
        return self.bounds[0].governor

    @property
    def runs_out(self) -> Instant | None:
        """The alarm date; of a pump without an alarm, the date on which it may be empty."""
        return self.alarm or self.empty

    def date(self, zone: ZoneInfo) -> date:
        """The day on the calendar of a zone."""
        return self.filled.date(zone) + timedelta(days=self.days)


def refill_due(look: Look, policy: RefillPolicy | None = None) -> RefillDue | None:
    """REF-04: by when to refill the pump in place; None where nothing is in it. ``policy`` takes the place of the clinic's."""
    return _by_rules(look) if policy is None else _due(look, policy)


@of_last_look
def _by_rules(look: Look) -> RefillDue | None:
    return _due(look, refill_policy(look))


def _due(look: Look, policy: RefillPolicy) -> RefillDue | None:
    filled, sheet = look.chart.filled, look.sheet
    if filled is None or sheet is None:
        return None
    chart = _read_last(look)
    alarm, empty = _runs_out(_gone_on(chart) if filled_elsewhere(look) else chart, sheet)
    bounds = list(_bounds(look, policy, alarm, empty, filled.at))
    buffer = Duration(policy.buffer.s + risk_buffer(look).s)
    first = min(bound.at.s for bound in bounds) - buffer.s
    leaves = _leaves(look, first, filled.at)
    if leaves is not None:
        bounds.append(_bound("absence", leaves))
        first = min(first, leaves.s - buffer.s)
    bounds.sort(key=lambda bound: bound.at)
    counted, likely = _told(chart, sheet)
    return RefillDue(filled.at, (first - filled.at.s) // DAY_S, buffer, tuple(bounds), alarm, empty, counted, likely)


def filled_elsewhere(look: Look) -> Filled | None:
    """The last fill, where its proof says that it was done elsewhere."""
    filled = look.chart.filled
    shown = filled is not None and any(visit.visit == ELSEWHERE and visit.at == filled.at for visit in look.known.visits)
    return filled if shown else None


def unread_fill(look: Look) -> Filled | None:
    """A fill elsewhere since which the pump was not read: nobody here knows what was programmed there."""
    filled, read = filled_elsewhere(look), look.known.interrogations
    if filled is None or look.sheet is None or not look.sheet.programmable:
        return None
    return None if read and read[-1].at >= filled.at else filled


def refill_policy(look: Look) -> RefillPolicy:
    """What bounds the interval besides the volume, by the rules as the clinic has set them."""
    days = [look.limit(*name).value for name in (("REF-04", "stability"), ("REF-06", "buffer"), ("REF-05", "long"))]
    stability, buffer, longest = [Duration(round(value * DAY_S)) for value in days]
    return RefillPolicy(stability, buffer, longest)


def risk_buffer(look: Look) -> Duration:
    """REF-06: what the buffer is longer by, where the way to the clinic may fail."""
    risk = look.known.present("transport risk")
    return Duration(round(look.limit("REF-06", "risk").value * DAY_S) if risk else 0)


def last_read(look: Look) -> Report | None:
    """What the pump said last since its last fill was typed in; None before that."""
    session = _read_last(look).session
    return session.report if session is not None and look.chart.fill_session is not None else None


def mean_flow(report: Report, sheet: PumpSheet, *, patient: bool) -> tuple[int, int]:
    """The mean of a day of what runs, ``patient`` boluses that may be asked for included: (nanolitres times, what times)."""
    pattern = program_pattern(report.program, sheet)
    per = pattern.per * pattern.period_s
    allotted_nl = report.patient.volume.nl * report.patient.per_day if patient and report.patient and pattern.total else 0
    return pattern.total * DAY_S + allotted_nl * per, per


def _read_last(look: Look) -> Chart:
    """The chart, its last session as the pump has told since then (REF-13): at an interrogation after it."""
    chart, read = look.chart, look.known.interrogations[-1] if look.known.interrogations else None
    session = chart.session
    if session is None or chart.fill_session is None or read is None or read.at <= session.at:
        return chart
    return replace(chart, session=SessionEnded(read.at, session.order, read.report))


def _gone_on(chart: Chart) -> Chart:
    """The chart as if what ran before a fill elsewhere went on with it, until the pump is read: no date is later by that."""
    filled, session = chart.filled, chart.session
    if filled is None or session is None or chart.fill_session is not None:
        return chart
    report = replace(session.report, at=filled.at, calculated=filled.volume, bolus_left=Volume(0), bolus_ends=None)
    supposed = SessionEnded(filled.at, session.order, report)
    return replace(chart, session=supposed, fill_session=supposed)


def _runs_out(chart: Chart, sheet: PumpSheet) -> tuple[Instant | None, Instant | None]:
    """The dates of alarm and empty pump at the upper bound of its gain, as ``refill_by`` counts them, and nothing else."""
    if not sheet.programmable:
        alone = refill_by(chart, sheet, _UNBOUNDED)
        return None, alone.instant if alone else None
    if chart.session is None:
        return None, None
    report = replace(chart.session.report, replace_by=None)
    alarm = refill_by(replace(chart, session=replace(chart.session, report=report)), sheet, _UNBOUNDED)
    if alarm is None:
        return None, None
    drained = replace(report, low_reservoir=Volume(0))
    empty = refill_by(replace(chart, session=replace(chart.session, report=drained)), sheet, _UNBOUNDED)
    assert empty is not None  # the threshold decides nothing of whether there is a date
    return alarm.instant, empty.instant


def _bounds(look: Look, policy: RefillPolicy, alarm: Instant | None, empty: Instant | None, filled: Instant) -> Iterator[Bound]:
    if alarm is not None:
        yield _bound("alarm", alarm)
    elif empty is not None:
        yield _bound("empty", empty)
    yield _bound("stability", filled + policy.stability)
    if policy.clinic_max:
        yield _bound("clinic", filled + policy.clinic_max)
    ends = [filled + policy.service] if policy.service is not None else []
    own = end_of_service(look)
    ends += [own] if own is not None else []
    if ends:
        yield _bound("service", max(min(ends), filled))


def _bound(governor: DueGovernor, at: Instant) -> Bound:
    return Bound(governor, at, _RULES[governor])


def _leaves(look: Look, refill_by_s: int, filled: Instant) -> Instant | None:
    """The start of a journey from which nobody is known to be back before the refill would be due."""
    for journey in booked(look, "travel", filled):
        home = next(iter(booked(look, "return", journey.on)), None)
        back = any(visit.at > journey.on and visit.visit != "travel" for visit in look.known.visits)
        if not back and (home is None or home.on.s > refill_by_s):
            return journey.on
    return None


def _told(chart: Chart, sheet: PumpSheet) -> tuple[Instant | None, Instant | None]:
    """(the alarm date that the pump computes for itself, the likely one where the patient may ask for boluses)."""
    session, first = chart.session, chart.fill_session
    if not sheet.programmable or session is None or first is None:
        return None, None
    report, calculated = session.report, session.report.calculated
    if calculated is None:
        return None, None
    volume = calculated.nl - report.bolus_left.nl - report.low_reservoir.nl
    counted = _when(session.at, volume, *mean_flow(report, sheet, patient=True))
    if report.patient is None:
        return counted, None
    flowed, seconds = report.pumped.nl - first.report.pumped.nl, session.at.s - first.at.s
    if seconds < DAY_S:  # too short to tell how often
        return counted, _when(session.at, volume, *mean_flow(report, sheet, patient=False))
    return counted, _when(session.at, volume, flowed * DAY_S, seconds)


def _when(since: Instant, nl: int, a_day: int, per: int) -> Instant | None:
    return Instant(since.s + max(nl, 0) * DAY_S * per // a_day) if a_day > 0 else None
