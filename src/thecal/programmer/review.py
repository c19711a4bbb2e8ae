"""The review: everything that a write changes, side by side, the daily totals first, before anything is sent."""

from dataclasses import dataclass, replace
from fractions import Fraction

from thecal.chart.chart import Chart
from thecal.chart.facts import SessionEnded
from thecal.chart.line_ledger import LineLedger, advanced, line_ledger
from thecal.chart.order import OFF_MAX_PERCENT, Order, pattern_dose
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.programmer.bridge import LineBridge, Stretch, without_plan
from thecal.programmer.caution import Caution, cautions
from thecal.programmer.prime import LinePrime
from thecal.programmer.write import Drafted, draft, mean_dose
from thecal.pump.messages import Report, Write
from thecal.pump.program import program_pattern
from thecal.pump.regimen import Regimen
from thecal.pump.sheet import PumpSheet
from thecal.pump.written import Setting, expected, settings
from thecal.quantity import Amount, DailyDose, Volume
from thecal.therapy.gain import PumpGain, pump_gain
from thecal.therapy.refill import RefillBy, RefillPolicy, refill_by
from thecal.timeline import DAY_S, Instant


@dataclass(frozen=True, slots=True)
class Totals:
    """What a pump is programmed to give, as doses, none told smaller than it is: in any 24 h, that with every bolus which the
    patient may ask for, in any hour, and a day's mean over the week.
    """

    day: Amount
    day_max: Amount
    peak_hour: Amount
    seven_day_mean: Amount


@dataclass(frozen=True, slots=True)
class Dates:
    """When the calculated volume reaches the threshold and zero, with every allotted bolus taken and (``likely``) with none; and
    by when to refill. None where nothing flows or no volume is known.
    """

    low_reservoir: Instant | None
    empty: Instant | None
    likely_low_reservoir: Instant | None
    refill_by: RefillBy | None


@dataclass(frozen=True, slots=True)
class Review:
    """A write, and all that it changes. ``settings`` holds every setting before and after, ``totals`` and ``dates`` likewise.

    ``ordered`` is the 24-h mean that was asked for, ``programmed`` what the pump will run for it. ``if_now`` is what leaves the
    tip if the new program begins now without a plan, ``bridge`` or ``prime`` the plan that the write contains.
    """

    orders: OrderSheet
    write: Write
    before: Report
    after: Report
    settings: tuple[Setting, ...]
    totals: tuple[Totals | None, Totals | None]
    ordered: DailyDose | None
    programmed: DailyDose | None
    dates: tuple[Dates, Dates]
    gain: PumpGain
    ledger: LineLedger
    if_now: tuple[Stretch, ...]
    bridge: LineBridge | None
    prime: LinePrime | None
    cautions: tuple[Caution, ...]

    @property
    def changed(self) -> tuple[Setting, ...]:
        """The settings that the write changes, and no other."""
        return tuple(setting for setting in self.settings if setting.changed)

    @property
    def change_percent(self) -> Fraction | None:
        """The change of the 24-h total; None where there was none or will be none known."""
        before, after = self.totals
        if before is None or after is None or not before.day.pg:
            return None
        return Fraction(100 * (after.day.pg - before.day.pg), before.day.pg)

    def check_total(self, confirmed: DailyDose) -> Refusal | None:
        """Whether the 24-h total that a person worked out is the one that the pump will run (SAF-04)."""
        total = self.totals[1].day if self.totals[1] else Amount(0)
        if abs(confirmed.pg_per_day - total.pg) * 100 <= OFF_MAX_PERCENT * total.pg:
            return None
        return Refusal(
            "SAF-04",
            f"a 24-h total of {confirmed}",
            f"what would be programmed: {total} in 24 h",
            "ISMP, Baclofen programming error with SynchroMed II: 60 mcg once a day was entered as 60 mcg every hour",
            "Compare each step with the order; nothing was sent.",
        )


def review(orders: OrderSheet, chart: Chart, report: Report, sheet: PumpSheet, policy: RefillPolicy) -> Review | Refusal:
    """What an order sheet would change in a pump that said ``report``; or the first reason against it. Nothing is sent."""
    before_it = line_ledger(chart)
    if before_it is None:
        return Refusal(
            "SES-04",
            "a session with a pump that no chart knows",
            "the pump and its catheter, as recorded at operation",
            "IMP-05: bridge and prime need the volumes of tubing and catheter",
            "Record the implant first.",
        )
    ledger = advanced(before_it, report)
    if orders.concentration is not None and orders.reservoir is not None:
        ledger = ledger.with_fill(orders.concentration)
    running = chart.session.order if chart.session else None
    drafted = draft(orders, running, report, ledger, sheet)
    if isinstance(drafted, Refusal):
        return drafted
    return _reviewed(drafted, orders, chart, report, sheet, policy, ledger)


def _reviewed(
    drafted: Drafted,
    orders: OrderSheet,
    chart: Chart,
    report: Report,
    sheet: PumpSheet,
    policy: RefillPolicy,
    ledger: LineLedger,
) -> Review:
    after = expected(report, drafted.write, sheet)
    running = chart.session.order if chart.session else None
    order = orders.dosing or running
    pattern = program_pattern(after.program, sheet)
    concentration = after.concentration
    found = Review(
        orders=orders,
        write=drafted.write,
        before=report,
        after=after,
        settings=settings(report, after),
        totals=(totals(report, sheet), totals(after, sheet)),
        ordered=mean_dose(order, after, concentration, sheet) if order else None,
        programmed=pattern_dose(pattern, concentration) if concentration else None,
        dates=(_dates(_before_fill(chart), report, running, sheet, policy), _dates(chart, after, order, sheet, policy)),
        gain=pump_gain(chart, sheet),
        ledger=ledger,
        if_now=without_plan(ledger, after, sheet) if pattern.total else (),
        bridge=drafted.bridge,
        prime=drafted.prime,
        cautions=(),
    )
    return replace(found, cautions=tuple(cautions(found, chart, sheet)))


def _before_fill(chart: Chart) -> Chart:
    """The chart without a fill that no session has entered yet: what was due before it."""
    if chart.filled is None or chart.fill_session is not None:
        return chart
    return Chart().after(*chart.facts[: max(n for n, fact in enumerate(chart.facts) if fact is chart.filled)])


def totals(report: Report, sheet: PumpSheet) -> Totals | None:
    """The totals of what a pump says it runs; None without a concentration."""
    if report.concentration is None:
        return None
    volumes = Regimen(report.program, sheet, report.patient).totals()
    strength = report.concentration
    parts = (volumes.day, volumes.day_max, volumes.peak_hour, volumes.seven_day_mean)
    return Totals(*(volume.of(strength) for volume in parts))


def _dates(chart: Chart, report: Report, order: Order | None, sheet: PumpSheet, policy: RefillPolicy) -> Dates:
    """The dates that follow from a report, as if the session ended with it."""
    ended = chart.after(SessionEnded(max(report.at, chart.facts[-1].at), order, report))
    most = report.patient.volume.nl * report.patient.per_day if report.patient else 0
    threshold = report.low_reservoir
    return Dates(
        low_reservoir=_left(report, threshold, most, sheet),
        empty=_left(report, Volume(0), most, sheet),
        likely_low_reservoir=_left(report, threshold, 0, sheet),
        refill_by=refill_by(ended, sheet, policy),
    )


def _left(report: Report, threshold: Volume, allotted_nl: int, sheet: PumpSheet) -> Instant | None:
    """When the pump will calculate so much left: the bolus that runs first, then the program with a mean of allotted boluses."""
    pattern = program_pattern(report.program, sheet)
    if not pattern.total or report.calculated is None:
        return None
    volume_nl = report.calculated.nl - threshold.nl
    if volume_nl <= 0:
        return report.at
    bolus_s = report.bolus_ends.s - report.at.s if report.bolus_ends else 0
    instead = report.mode in ("priming bolus", "bridge bolus") or sheet.basal_during_bolus == "suspended"
    if volume_nl <= report.bolus_left.nl:
        return Instant(report.at.s - (-volume_nl * bolus_s // report.bolus_left.nl))
    skipped_s = bolus_s if instead else 0
    rest_nl = volume_nl - report.bolus_left.nl
    if allotted_nl:
        per = pattern.per * pattern.period_s
        a_day = pattern.total * DAY_S + allotted_nl * per
        return Instant(report.at.s + skipped_s - (-rest_nl * per * DAY_S // a_day))
    phase = (report.clock_reading_s + skipped_s) % pattern.period_s
    seconds = pattern.seconds_to(phase, rest_nl * pattern.per)
    return None if seconds is None else Instant(report.at.s + skipped_s + seconds)
