"""Refills: when the next one is due, what should come out, and whether what came out fits."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Literal

from thecal.chart.chart import Chart
from thecal.datum import Datum, read_data, read_datum
from thecal.errors import Refusal
from thecal.pump.program import program_pattern
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Gain, Volume
from thecal.timeline import DAY_S, Duration, Instant
from thecal.unit import decimal_text

Governor = Literal["alarm", "stability", "clinic", "service"]
Flag = Literal["ok", "amber", "red"]
SMALL_RESERVOIR = Volume(20 * 10**6)


@cache
def refill_rules() -> Mapping[str, Datum]:
    """The numbers of the refill rules, each with source and confidence."""
    return {name: read_datum(name, table, "rules refill") for name, table in read_data("rules", "refill").items()}


def rule_value(name: str) -> str:
    """The text of one of them."""
    return refill_rules()[name].value


def labelled_accuracy_ppm() -> int:
    """The labelled bound on the deviation of true from programmed flow, in parts per million."""
    return Gain.UNITS.read(rule_value("accuracy"), "accuracy")


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
        return self.refill_by.numerator // self.refill_by.denominator

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


def refill_dates(
    volume: Volume, low_reservoir: Volume, nl_per_day: Fraction, policy: RefillPolicy, age: Duration | None = None
) -> RefillDates:
    """REF-01 and REF-04: when the volume reaches the alarm, and by which day to refill.

    ``nl_per_day`` is the mean flow; ``age`` how long the drug has been in the pump already, which counts against its stability
    and the clinic's interval.
    """
    days_to_alarm = Fraction(volume.nl - low_reservoir.nl) / nl_per_day
    days_to_empty = Fraction(volume.nl) / nl_per_day
    old = Fraction(age.s if age else 0, DAY_S)
    bounds: dict[Governor, Fraction] = {"alarm": days_to_alarm, "stability": Fraction(policy.stability.s, DAY_S) - old}
    if policy.clinic_max:
        bounds["clinic"] = Fraction(policy.clinic_max.s, DAY_S) - old
    if policy.service:
        bounds["service"] = Fraction(policy.service.s, DAY_S)
    governed_by = min(bounds, key=bounds.__getitem__)
    refill_by = bounds[governed_by] - Fraction(policy.buffer.s, DAY_S)
    return RefillDates(days_to_alarm, days_to_empty, refill_by, governed_by)


def refill_by(chart: Chart, sheet: PumpSheet, policy: RefillPolicy) -> tuple[Instant, Governor] | None:
    """REF-12: the instant to refill by, from the last session, at the upper bound of the labelled flow; None where nothing runs.

    A pump inside its label can be empty before its own alarm, which is computed from the programmed flow.
    """
    session, filled = chart.session, chart.filled
    if session is None or filled is None or session.report.calculated is None:
        return None
    pattern = program_pattern(session.report.program, sheet)
    if not pattern.total:
        return None
    mean = Fraction(pattern.total * DAY_S, pattern.per * pattern.period_s)
    upper = mean * (Gain.EXACT + sheet.flow_accuracy_ppm) / Gain.EXACT
    left = session.report.calculated - session.report.bolus_left
    dates = refill_dates(left, session.report.low_reservoir, upper, policy, age=session.at - filled.at)
    seconds = dates.refill_by * DAY_S
    return Instant(session.at.s + seconds.numerator // seconds.denominator), dates.governed_by


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


def discrepancy_limit(reservoir: Volume) -> Volume:
    """RPC-07: the discrepancy above which a reservoir of this size is flagged."""
    size = "small" if reservoir <= SMALL_RESERVOIR else "large"
    return Volume.parse(rule_value(f"discrepancy_{size}_reservoir"))


def discrepancy_flag(expected: Volume, measured: Volume, reservoir: Volume) -> Flag:
    """RPC-07: amber above the limit for the reservoir's size, either sign; red above twice that."""
    limit_nl = discrepancy_limit(reservoir).nl
    off_nl = abs(measured.nl - expected.nl)
    if off_nl > 2 * limit_nl:
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
