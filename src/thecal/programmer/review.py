"""The review: everything that a write changes, side by side, the daily totals first, before anything is sent."""

from dataclasses import dataclass, replace
from fractions import Fraction

from thecal.chart.chart import Chart
from thecal.chart.facts import SessionEnded
from thecal.chart.line_ledger import LineLedger, advanced, line_ledger
from thecal.chart.order import OFF_MAX_PERCENT, Order, pattern_dose
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.programmer.believed import believed_pump
from thecal.programmer.bridge import LineBridge, Stretch, without_plan
from thecal.programmer.caution import Caution, cautions
from thecal.programmer.limits import change_limits, dose_limit
from thecal.programmer.prime import LinePrime
from thecal.programmer.write import Drafted, draft, mean_dose
from thecal.pump.advance import advance
from thecal.pump.alarms import EMPTY_RESERVOIR, LOW_RESERVOIR
from thecal.pump.handle import handle
from thecal.pump.messages import Report, StartBolus, Write
from thecal.pump.program import MinimumRate, Stopped, program_pattern
from thecal.pump.regimen import Regimen
from thecal.pump.sheet import PumpSheet
from thecal.pump.state import PumpState
from thecal.pump.written import Setting, expected, settings
from thecal.quantity import Amount, DailyDose, Volume
from thecal.therapy.gain import PumpGain, pump_gain
from thecal.therapy.refill import RefillBy, RefillPolicy, refill_by
from thecal.therapy.settings import setting_source
from thecal.therapy.totals import Totals, totals
from thecal.timeline import DAY_S, Duration, Instant

_HORIZON = Duration(6 * 365 * DAY_S)  # the slowest flow empties the largest reservoir sooner, and a new battery outlasts it


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

    @property
    def beyond_change(self) -> bool:
        """Whether the 24-h total changes by more than one person releases (PRG-02)."""
        if isinstance(self.after.program, Stopped | MinimumRate):
            return False  # a stop is one step; what must come before it is said (SAF-03)
        percent, (up, down) = self.change_percent, change_limits()
        return percent is not None and not -down <= percent <= up

    @property
    def bolus(self) -> Amount:
        """The drug of a single bolus that the write gives."""
        strength = self.after.concentration
        return self.write.bolus.volume.of(strength) if isinstance(self.write, StartBolus) and strength else Amount(0)

    def check_dose(self) -> Refusal | None:
        """SAF-01: no day gets more than the hard stop, a single bolus and every bolus that the patient may ask for included."""
        most, limit = self.totals[1], dose_limit("dose_max")
        pg = most.day_max.pg + self.bolus.pg if most else 0
        if pg <= limit.pg_per_day:
            return None
        asked, source = f"{Amount(pg)} in 24 h", setting_source("programmer", "dose_max")
        return Refusal("SAF-01", asked, f"at most {limit}", source, "Check dose, unit and every repeat; nothing was sent.")

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
    if orders.concentration is not None and chart.filled is not None and chart.fill_session is None:
        ledger = ledger.with_fill(orders.concentration)  # of a fill that no session has entered: its strength, or the mixture
    running = chart.session.order if chart.session else None
    drafted = draft(orders, running, report, ledger, sheet)
    if isinstance(drafted, Refusal):
        return drafted
    found = _reviewed(drafted, orders, chart, report, sheet, policy, ledger)
    return found.check_dose() or found


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
        dates=(
            _dates(_before_fill(chart), report, running, sheet, policy),
            _dates(chart, after, order, sheet, policy, _written(drafted.write, report, sheet)),
        ),
        gain=pump_gain(chart, sheet),
        ledger=ledger,
        if_now=without_plan(ledger, after, sheet) if pattern.total else (),
        bridge=drafted.bridge,
        prime=drafted.prime,
        cautions=(),
    )
    return replace(found, cautions=tuple(cautions(found, chart, sheet)))


def _written(write: Write, report: Report, sheet: PumpSheet) -> PumpState | None:
    """A pump that believes what a report says, after a write; None where it believes something else afterwards."""
    answer = handle(believed_pump(report, sheet), write)
    return None if isinstance(answer, Refusal) else answer.state


def _before_fill(chart: Chart) -> Chart:
    """The chart without a fill that no session has entered yet: what was due before it."""
    if chart.filled is None or chart.fill_session is not None:
        return chart
    return Chart().after(*chart.facts[: max(n for n, fact in enumerate(chart.facts) if fact is chart.filled)])


def _dates(
    chart: Chart, report: Report, order: Order | None, sheet: PumpSheet, policy: RefillPolicy, pump: PumpState | None = None
) -> Dates:
    """The dates that follow from a report, as if the session ended with it; ``pump`` is one that believes what it says."""
    ended = chart.after(SessionEnded(max(report.at, chart.facts[-1].at), order, report))
    due = refill_by(ended, sheet, policy)
    if report.calculated is None or (report.mode == "updating" and sheet.stops_while_updating):
        return Dates(None, None, None, due)
    later = advance(pump or believed_pump(report, sheet), report.at + _HORIZON).state
    onsets = {alarm.kind.name: alarm.onset for alarm in later.memory.alarms}
    likely, empty = onsets.get(LOW_RESERVOIR.name), onsets.get(EMPTY_RESERVOIR.name)
    if report.patient is None or not program_pattern(report.program, sheet).total:
        return Dates(likely, empty, likely, due)
    return Dates(_with_patient(report, report.low_reservoir, sheet), _with_patient(report, Volume(0), sheet), likely, due)


def _with_patient(report: Report, threshold: Volume, sheet: PumpSheet) -> Instant:
    """When the pump will calculate so much left if the patient takes every bolus: the one that runs, then a mean of all."""
    assert report.calculated is not None  # asked before
    rest_nl = max(report.calculated.nl - threshold.nl - report.bolus_left.nl, 0)
    skipped_s = report.bolus_ends.s - report.at.s if report.bolus_ends else 0
    pattern = program_pattern(report.program, sheet)
    per = pattern.per * pattern.period_s
    a_day = pattern.total * DAY_S + Regimen(report.program, sheet, report.patient).allotted_nl * per
    return Instant(report.at.s + skipped_s - (-rest_nl * per * DAY_S // a_day))
