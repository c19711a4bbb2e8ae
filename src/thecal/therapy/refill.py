"""Refills: when the next one is due, what should come out, and whether what came out fits."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from functools import cache
from math import ceil, floor
from typing import Literal
from zoneinfo import ZoneInfo

from thecal.chart.chart import Chart
from thecal.datum import Datum
from thecal.errors import Refusal
from thecal.pump.messages import Report
from thecal.pump.program import program_pattern
from thecal.pump.sheet import PumpSheet
from thecal.quantity import FlowRate, Gain, Volume
from thecal.therapy.gain import pump_gain
from thecal.therapy.settings import setting_count, settings_of
from thecal.timeline import DAY_S, Duration, Instant
from thecal.unit import decimal_text

Governor = Literal["alarm", "empty", "stability", "clinic", "service"]
Flag = Literal["ok", "amber", "red"]
SMALL_RESERVOIR = Volume(20 * 10**6)


def refill_rules() -> Mapping[str, Datum]:
    """The numbers of the refill rules, each with source and confidence."""
    return settings_of("refill")


def rule_value(name: str) -> str:
    """The text of one of them."""
    return refill_rules()[name].value


@dataclass(frozen=True, slots=True)
class RefillPolicy:
    """What bounds the interval between refills besides the volume: drug stability, the clinic, service; and the buffer before."""

    stability: Duration
    buffer: Duration
    clinic_max: Duration | None = None
    service: Duration | None = None

    @staticmethod
    @cache
    def default() -> "RefillPolicy":
        """What the rules say, each with its source; a clinic may set its own."""
        return RefillPolicy(
            stability=Duration.parse(rule_value("stability"), "stability"),
            buffer=Duration.parse(rule_value("buffer"), "buffer"),
        )


@dataclass(frozen=True, slots=True)
class RefillDates:
    """Days from the fill, exact; ``refill_by_day`` is the floor after the buffer."""

    days_to_alarm: Fraction
    days_to_empty: Fraction
    refill_by: Fraction
    governed_by: Governor

    @property
    def refill_by_day(self) -> int:
        return floor(self.refill_by)

    def check(self, policy: RefillPolicy) -> Refusal | None:
        """A refill that would be due before the fill is no plan."""
        if self.refill_by >= 0:
            return None
        bound = decimal_text(int((self.refill_by * DAY_S + policy.buffer.s) * 100), DAY_S * 100, 2)
        return Refusal(
            "REF-04",
            f"a refill {policy.buffer} before the {self.governed_by} bound at {bound} days",
            "the buffer is shorter than the interval",
            "arithmetic",
            "Fill more, use a higher concentration, or plan a shorter buffer.",
        )


def earliest(seconds: Fraction | int, policy: RefillPolicy, volume: Governor = "alarm") -> tuple[Governor, Fraction | int]:
    """Which bound comes first after a fill, and its seconds; ``volume`` is what bounds the volume, after ``seconds``."""
    bounds: dict[Governor, Fraction | int] = {volume: seconds, "stability": policy.stability.s}
    if policy.clinic_max:
        bounds["clinic"] = policy.clinic_max.s
    if policy.service is not None:
        bounds["service"] = policy.service.s
    governor = min(bounds, key=bounds.__getitem__)
    return governor, bounds[governor]


def refill_dates(volume: Volume, low_reservoir: Volume, nl_per_day: Fraction, policy: RefillPolicy) -> RefillDates:
    """REF-01 and REF-04: when a fill reaches the alarm at a mean flow, and by which day to refill."""
    days_to_alarm = Fraction(volume.nl - low_reservoir.nl) / nl_per_day
    governor, seconds = earliest(days_to_alarm * DAY_S, policy)
    refill_by = Fraction(seconds - policy.buffer.s) / DAY_S
    return RefillDates(days_to_alarm, Fraction(volume.nl) / nl_per_day, refill_by, governor)


@dataclass(frozen=True, slots=True)
class RefillBy:
    """A whole number of days from a fill, by which to refill, and what bounds it."""

    filled: Instant
    days: int
    governed_by: Governor

    @property
    def instant(self) -> Instant:
        """The same hour of that day."""
        return Instant(self.filled.s + self.days * DAY_S)

    def date(self, zone: ZoneInfo) -> date:
        """The day on the calendar of a zone."""
        return self.filled.date(zone) + timedelta(days=self.days)


def refill_by(chart: Chart, sheet: PumpSheet, policy: RefillPolicy) -> RefillBy | None:
    """REF-12: by when to refill, counted from the fill at the upper bound of this pump's gain; None where nothing runs.

    The bound is that of its label until enough of its residuals are known. A pump inside its label can be empty before its own
    alarm, which is computed from the programmed flow; one that seems to run slower is counted at that flow, for what slowed it
    may end. What has flowed since the fill may have been as much more than the pump counted, so a new session does not make the
    date later by itself. All boluses that the patient may ask for count as taken. A pump without electronics has no alarm: it is
    due before it is empty.
    """
    filled = chart.filled
    if filled is None:
        return None
    upper = max(pump_gain(chart, sheet).high.ppm, Gain.EXACT)
    if not sheet.programmable:
        to_empty_s = filled.volume.nl * Gain.EXACT * DAY_S // (sheet.flow_max.nl_per_day * upper)
        return _by(filled.at, to_empty_s, policy, "empty", None)
    session, first = chart.session, chart.fill_session
    if session is None or first is None:
        return None
    typed, now = first.report.calculated, session.report.calculated
    a_day, per = _most_a_day(session.report, sheet)
    if typed is None or now is None or not a_day:
        return None
    counted_nl = session.report.pumped.nl - first.report.pumped.nl + session.report.bolus_left.nl
    if sheet.fill_sensor or not now.nl:  # what it senses it does not count, and at zero it counts no further
        counted_nl = typed.nl - (now.nl - session.report.bolus_left.nl)
        left_ppm = typed.nl * Gain.EXACT - counted_nl * upper  # nanolitres, times a million
    else:  # a volume that was typed in again is what is believed; what flowed may have been as much more all the same
        left_ppm = (now.nl - session.report.bolus_left.nl) * Gain.EXACT - counted_nl * (upper - Gain.EXACT)
    low_ppm = session.report.low_reservoir.nl * Gain.EXACT if now.nl else max(left_ppm, 0)  # it counts no further: due now
    to_alarm_s = (left_ppm - low_ppm) * DAY_S * per // (a_day * upper)
    since = session.at
    if session.report.mode in ("priming bolus", "bridge bolus") and session.report.bolus_ends:
        since = session.report.bolus_ends  # it flows instead of the program, and is counted as gone
    return _by(filled.at, since.s - filled.at.s + to_alarm_s, policy, "alarm", session.report.replace_by)


def _most_a_day(report: Report, sheet: PumpSheet) -> tuple[int, int]:
    """The mean of a day of the program with every bolus that the patient may ask for: (nanolitres times, what they are times)."""
    pattern = program_pattern(report.program, sheet)
    per = pattern.per * pattern.period_s
    allotted_nl = report.patient.volume.nl * report.patient.per_day if report.patient else 0
    if not pattern.total:
        return 0, per  # no bolus without a running dose
    return pattern.total * DAY_S + allotted_nl * per, per


def _by(filled: Instant, seconds_to: int, policy: RefillPolicy, volume: Governor, replace_by: Instant | None) -> RefillBy:
    if replace_by is not None:
        service = Duration(max(replace_by.s - filled.s, 0))
        policy = replace(policy, service=min(service, policy.service or service))
    governor, seconds = earliest(seconds_to, policy, volume)
    return RefillBy(filled, int(seconds - policy.buffer.s) // DAY_S, governor)


@dataclass(frozen=True, slots=True)
class Residual:
    """What the syringe should withdraw: by the programmed flow, and at both bounds of the pump's accuracy."""

    expected: Volume
    low: Volume
    high: Volume


def expected_residual(fill: Volume, nl_per_day: Fraction, after: Duration, reservoir: Volume, accuracy_ppm: int) -> Residual:
    """REF-12: the residual after some time, its band clipped to what a reservoir can hold."""
    flowed = nl_per_day * Fraction(after.s, DAY_S)

    def left(ppm: int) -> Volume:
        nl = fill.nl - flowed * ppm / Gain.EXACT
        return Volume(min(max(round(nl), 0), reservoir.nl))

    return Residual(left(Gain.EXACT), left(Gain.EXACT + accuracy_ppm), left(Gain.EXACT - accuracy_ppm))


def discrepancy_rule(reservoir: Volume) -> str:
    """The name of the rule's number for a reservoir of this size."""
    return f"discrepancy_{'small' if reservoir <= SMALL_RESERVOIR else 'large'}_reservoir"


def discrepancy_limit(reservoir: Volume) -> Volume:
    """RPC-07: the discrepancy above which a reservoir of this size is flagged."""
    return Volume.parse(rule_value(discrepancy_rule(reservoir)))


def discrepancy_flag(expected: Volume, measured: Volume, reservoir: Volume) -> Flag:
    """RPC-07: amber above the limit for the reservoir's size, either sign; red above twice that."""
    limit_nl = discrepancy_limit(reservoir).nl
    off_nl = abs(measured.nl - expected.nl)
    if off_nl > int(rule_value("discrepancy_red")) * limit_nl:
        return "red"
    return "amber" if off_nl > limit_nl else "ok"


def check_low_reservoir(volume: Volume, low_reservoir: Volume) -> Refusal | None:
    """A fill that starts below its own alarm has no alarm date."""
    if low_reservoir < volume:
        return None
    return Refusal(
        "REF-01",
        f"an alarm at {low_reservoir} with {volume} in the reservoir",
        "the low reservoir threshold lies below the volume",
        "arithmetic",
        "Lower the threshold, or fill more.",
    )


def low_reservoir_advised(nl_per_day: Fraction, *, withdrawn: bool = False, patient: Volume | None = None) -> Volume:
    """REF-02 and REF-03: the low reservoir threshold to propose: some days of flow, rounded up, and never below the usual volume.

    ``withdrawn`` says that this patient once had a withdrawal with drug left, which asks for more; ``patient`` is a value of
    this patient's own, below which it does not go.
    """
    warned_nl = ceil(nl_per_day * Duration.parse(rule_value("low_reservoir_warning")).s / DAY_S)
    bounds = [Volume.parse(rule_value("low_reservoir")), Volume(warned_nl)]
    if withdrawn:
        bounds.append(Volume.parse(rule_value("low_reservoir_after_withdrawal")))
    return max(bounds if patient is None else [*bounds, patient])


def interval_outside(interval: Duration) -> Literal["short", "long"] | None:
    """REF-05: whether an interval between refills is shorter or longer than clinics plan, which is a warning; None inside."""
    if interval < Duration.parse(rule_value("interval_min")):
        return "short"
    return "long" if interval > Duration.parse(rule_value("interval_max")) else None


@dataclass(frozen=True, slots=True)
class StrengthAdvice:
    """Another strength to propose, and why. A change of strength comes with its bridge."""

    strength: Literal["higher", "lower"]
    reason: str


def strength_advised(interval: Duration, stable_refills: int, slowest: FlowRate, sheet: PumpSheet) -> StrengthAdvice | None:
    """REF-09: a lower strength where the ``slowest`` programmed flow is at the pump's minimum or below, a higher one where
    refills are due too often at a dose that has been the same for ``stable_refills`` refills.

    None for a constant-flow pump: its strength is its dose.
    """
    if not sheet.programmable:
        return None
    if slowest <= sheet.flow_min:
        return StrengthAdvice("lower", f"a flow of {slowest}; the pump's slowest is {sheet.flow_min}")
    often = Duration.parse(rule_value("strength_interval"))
    if interval < often and stable_refills >= setting_count("refill", "strength_stable"):
        return StrengthAdvice(
            "higher", f"a refill every {interval} at a stable dose; below {often} a higher strength is proposed"
        )
    return None
