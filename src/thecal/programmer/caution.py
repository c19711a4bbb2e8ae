"""Cautions of a review: what a reader must see beside the numbers, each with its rule and its source."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from thecal.chart.chart import Chart
from thecal.chart.facts import Filled, SessionEnded, SessionUncertain
from thecal.programmer.gate import stopping
from thecal.programmer.limits import change_limits, dose_limit
from thecal.programmer.write import ends_bolus, old_strengths
from thecal.pump.messages import StartBolus, Update
from thecal.pump.program import Flex, MinimumRate, PeriodicBolus, Stopped, program_pattern
from thecal.pump.settle import after_bolus
from thecal.pump.sheet import PumpSheet
from thecal.pump.written import clock_offset_s, offset_words
from thecal.quantity import FlowRate
from thecal.therapy.gain import empties_before_alarm
from thecal.therapy.infusing import not_infusing
from thecal.therapy.refill import interval_outside, low_reservoir_advised, strength_advised
from thecal.therapy.settings import setting_source
from thecal.timeline import DAY_S, Duration

if TYPE_CHECKING:
    from thecal.programmer.review import Review

Weight = Literal["second_person", "warn", "advise"]


@dataclass(frozen=True, slots=True)
class Caution:
    """One of them: a second person is needed, a warning, or advice."""

    rule: str
    weight: Weight
    text: str
    source: str


_TWICE = "remote double check prevented 60 % of clinical manifestations (Goslinga 2019)"
_LABEL = "boxed warning: abrupt discontinuation (openFDA label e05080ef)"
_HOUSE = "thecal: what a review says"


def cautions(review: "Review", chart: Chart, sheet: PumpSheet) -> Iterable[Caution]:
    """Everything that a review has to say beside its numbers."""
    yield from _in_spite_of(review, chart, sheet)
    yield from _second_person(review, sheet)
    yield from _limits(review)
    yield from _before(chart)
    yield from _dose(review)
    yield from _reservoir(review, chart, sheet)
    yield from _strength(review, chart, sheet)
    yield from _line(review)
    yield from _pump(review, sheet)


def _in_spite_of(review: "Review", chart: Chart, sheet: PumpSheet) -> Iterable[Caution]:
    """What stops such an order, and why this one goes on."""
    if review.orders.anyway is None:
        return
    for finding in stopping(review.orders, chart, review.before, sheet, review.before.at):
        text = f"Gone on in spite of it: {review.orders.anyway}. What stops it: {finding.asked}; allowed: {finding.allowed}."
        yield Caution(finding.rule, "warn", text, finding.source)


def _second_person(review: "Review", sheet: PumpSheet) -> Iterable[Caution]:
    """SAF-05: what is written only after a second person has entered it again."""
    write, before = review.write, review.before
    reasons = []
    if isinstance(write, StartBolus):
        reasons.append("a bolus")
    if isinstance(write, Update):
        if write.concentration and before.concentration and write.concentration != before.concentration:
            reasons.append("a new concentration")
        reasons += [f"a {write.bolus.mode}"] if write.bolus else []
        if isinstance(write.program, Stopped | MinimumRate):
            reasons.append("a stop" if isinstance(write.program, Stopped) else "the minimum rate")
    why = not_infusing(before, sheet)
    if why and before.pumped.nl and program_pattern(review.after.program, sheet).total:
        reasons.append("a restart")
        starts = "no program starts a rotor that stands" if why == "motor stall" else "this starts it"
        text = f"The pump was not infusing ({why}); {starts}. Find out since when: without signs of withdrawal it is a start."
        yield Caution("SAF-06", "warn", text, "overdoses some 6 h after a restart at the old dose (Delhaas 1991)")
    if reasons:
        text = f"A second person enters concentration, 24-h total, volume and alarm date again: {', '.join(reasons)}."
        yield Caution("SAF-05", "second_person", text, _TWICE)


def _limits(review: "Review") -> Iterable[Caution]:
    """SAF-01 and PRG-02: doses and changes that one person does not release."""
    after = review.totals[1]
    if after is not None and after.day_max.pg > dose_limit("second_person_from").pg_per_day:
        limit = dose_limit("second_person_from")
        text = f"{after.day_max} in 24 h is more than {limit}: a second person, and a look for a fault of pump or catheter."
        yield Caution("SAF-01", "second_person", text, setting_source("programmer", "second_person_from"))
    if review.beyond_change:
        up, down = change_limits()
        text = f"The 24-h total changes by more than +{up} % or -{down} %: a second person works it out again."
        yield Caution("PRG-02", "second_person", text, setting_source("programmer", "change_up_max"))


def _before(chart: Chart) -> Iterable[Caution]:
    """Whether the session before this one ended as anybody knows."""
    for fact in reversed(chart.facts):
        if isinstance(fact, SessionUncertain):
            text = f"The session before this one was uncertain ({fact.why}): look in the log for what the pump has done."
            yield Caution("SES-05", "warn", text, "thecal: a lost reply says nothing of what was done")
        if isinstance(fact, SessionUncertain) or (isinstance(fact, SessionEnded) and fact.session):
            return


def _dose(review: "Review") -> Iterable[Caution]:
    program = review.write.program if isinstance(review.write, Update) else None
    if isinstance(program, Stopped | MinimumRate):
        text = "The dose ends: a taper, a covering drug and two signatures, or a recorded emergency, come first."
        yield Caution("SAF-03", "warn", text, _LABEL)
    if review.ordered is not None and review.programmed is not None and review.ordered != review.programmed:
        off = f"{review.ordered} ordered, {review.programmed} programmed"
        yield Caution("ORD-03", "advise", f"The pump's nearest flow is not the order: {off}.", _HOUSE)
    if review.orders.confirm_total is None and review.totals[0] != review.totals[1]:
        text = "Nobody has confirmed the 24-h total: work it out from the order and compare."
        yield Caution("SAF-04", "warn", text, "ISMP, Baclofen programming error with SynchroMed II")


def _reservoir(review: "Review", chart: Chart, sheet: PumpSheet) -> Iterable[Caution]:
    after, dates = review.after, review.dates[1]
    pattern = program_pattern(after.program, sheet)
    volume, threshold = after.calculated, after.low_reservoir
    advised = low_reservoir_advised(Fraction(pattern.total * DAY_S, pattern.per * pattern.period_s))
    if pattern.total and threshold < advised <= sheet.reservoir_capacity:
        text = f"The low reservoir threshold of {threshold} is below the {advised} that this flow asks for."
        yield Caution("REF-02", "warn", text, setting_source("refill", "low_reservoir_warning"))
    filled = chart.filled.volume if chart.filled else volume
    if pattern.total and filled and filled > threshold and empties_before_alarm(filled, threshold, review.gain.high):
        whose = "its residuals allow" if review.gain.learned else "its label allows"
        text = f"At the {review.gain.high} that {whose}, the pump is empty before it sounds its own low reservoir alarm."
        yield Caution("REF-12", "warn", text, sheet.source("flow_accuracy"))
    due = dates.refill_by
    if due is not None:
        outside = interval_outside(Duration(max(due.days, 0) * DAY_S))
        if outside:
            bound = "interval_min" if outside == "short" else "interval_max"
            text = f"The next refill is due {due.days} days after the fill, which is {outside} for an interval."
            yield Caution("REF-05", "warn", text, setting_source("refill", bound))
        if due.instant < after.at:
            yield Caution("REF-04", "warn", "The date to refill by has passed.", setting_source("refill", "buffer"))
    typed = review.orders.reservoir
    if typed and chart.fill_session is not None:
        text = f"{typed} is typed in, and no fill is on record since the last one was entered: is anything in the reservoir?"
        yield Caution("RPC-10", "warn", text, "ISMP, Baclofen programming error with SynchroMed II")
    if after.calculated is None and pattern.total:
        text = "The pump knows no volume: it will sound no reservoir alarm, and there is no date to refill by."
        yield Caution("REF-08", "warn", text, "never rely on the audible alarm (UW nursing hub)")


def _strength(review: "Review", chart: Chart, sheet: PumpSheet) -> Iterable[Caution]:
    """REF-09: another strength, where refills come too soon or the flow is as slow as it can be."""
    due, running = review.dates[1].refill_by, chart.session.order if chart.session else None
    pattern = program_pattern(review.after.program, sheet)
    if due is None or not pattern.total or isinstance(review.after.program, MinimumRate):
        return
    stable = 0  # refills since the order was last another one
    for fact in reversed(chart.facts):
        if isinstance(fact, SessionEnded) and fact.order != running:
            break
        stable += isinstance(fact, Filled)
    slowest = FlowRate(min(pattern.rates) * DAY_S // pattern.per)
    advice = strength_advised(Duration(max(due.days, 0) * DAY_S), stable, slowest, sheet)
    if advice:
        text = f"A {advice.strength} strength would fit this dose better: {advice.reason}."
        yield Caution("REF-09", "advise", text, setting_source("refill", "strength_interval"))


def _line(review: "Review") -> Iterable[Caution]:
    for text in dict.fromkeys(doubt.text for doubt in review.ledger.doubts):
        yield Caution("PLN-04", "warn", text, "thecal: the line ledger is what people know, not what is so")
    concentration = review.after.concentration
    if review.if_now and not (review.bridge or review.prime):
        told = "; then ".join(stretch.in_words() for stretch in review.if_now)
        text = f"Other fluid leaves the tip first, and nothing is planned for it: {told}."
        yield Caution("PLN-10", "warn", text, "thecal: the line ledger is what people know, not what is so")
    old = old_strengths(review.ledger, concentration) if concentration else []
    if old and review.orders.without_bridge and not review.bridge:
        held = ", ".join(f"{volume} of {held}" for volume, held in old)
        text = f"No bridge over {held}, for this reason: {review.orders.without_bridge}."
        source = "ITB refill practice: a bridge bolus must be programmed when the concentration changes (Boster 2016)"
        yield Caution("SES-03", "warn", text, source)


def _pump(review: "Review", sheet: PumpSheet) -> Iterable[Caution]:
    before, after = review.before, review.after
    if ends_bolus(review.write, before, sheet) and not review.bridge:
        text = f"The {before.mode} that runs ends with this update: {before.bolus_left} of it would not be given."
        yield Caution("PMP-08", "warn", text, sheet.source("update_during_bolus"))
    if before.alarms:
        yield Caution("PMP-53", "warn", f"The pump is sounding: {', '.join(before.alarms)}.", "the pump's report")
    if before.staged or before.mode == "updating":
        text = "Somebody has begun an update that is still open; this session would take its place."
        yield Caution("PMP-75", "warn", text, "the pump's report")
    if sheet.stops_while_updating:
        text = "This pump infuses nothing from the begin of the update until it is written: do not leave it half done."
        yield Caution("PMP-77", "warn", text, sheet.source("stops_while_updating"))
    if after.bolus_ends and after_bolus(after.mode, sheet) == "stopped":
        text = f"After the {after.mode} this pump stops instead of going on with its program."
        yield Caution("PMP-51", "warn", text, sheet.source(f"after_{after.mode.replace(' ', '_')}"))
    if isinstance(after.program, Flex | PeriodicBolus):
        clock = offset_words(clock_offset_s(after))
        text = f"The times of the program follow the pump clock, {clock}, which knows no daylight saving."
        yield Caution("PMP-55", "advise", text, "thecal: the pump clock")
    if before.replace_by:
        text = "The battery's indicator is on: the pump stops for good on the day to replace it by."
        yield Caution("PMP-54", "warn", text, sheet.source("eri_to_eos"))
