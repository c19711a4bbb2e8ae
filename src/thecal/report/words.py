"""Facts, orders and events in words, as they stand in every table and page."""

from math import floor, log10
from zoneinfo import ZoneInfo

from thecal.chart.facts import (
    Acted,
    Assessed,
    Entered,
    Explanted,
    Fact,
    Filled,
    Implanted,
    Interrogated,
    Noted,
    Ordered,
    PortUsed,
    PumpReplaced,
    ResidualMeasured,
    Revised,
    SessionEnded,
    SessionUncertain,
    TabletsStarted,
    TabletsStopped,
    TabletTaken,
    TestBolusGiven,
)
from thecal.chart.order import (
    FlexDay,
    Order,
    OrderBolus,
    OrderContinuous,
    OrderFlex,
    OrderMinimumRate,
    OrderNoPatient,
    OrderPatient,
    OrderPeriodic,
    OrderStop,
    ordered_dose,
)
from thecal.pump.messages import Report
from thecal.pump.program import WEEKDAYS, clock_text
from thecal.quantity import OralDose
from thecal.report.clinical_words import clinical_text
from thecal.therapy.refill import discrepancy_flag
from thecal.unit import decimal_text

BANNER = "Research, training and record-keeping software. It never talks to a real implant and is no medical advice."


_PLACES_MAX = 4  # what is smaller is nothing to read

_DONE_IN_WORDS = {
    "cancel bolus": "bolus cancelled",
    "prime": "priming bolus asked for",
    "patient bolus": "the patient asked for a bolus",
    "begin update": "update begun and left open",
    "set clock": "pump clock set",
    "reset valve": "valve reset by hand",
}


def order_text(order: Order | OrderBolus | OrderPatient | OrderNoPatient) -> str:
    """An order as it is read aloud: the daily dose first."""
    match order:
        case OrderStop():
            return "stop"
        case OrderMinimumRate():
            return "minimum rate"
        case OrderContinuous(dose):
            return f"{dose}, simple continuous"
        case OrderFlex(days):
            text = "; ".join(_day_text(day) for day in days)
            return f"{ordered_dose(order)}, flex ({text})"
        case OrderPeriodic():
            bolus = f"{order.dose} over {order.over} every {order.every}, one at {clock_text(order.first_s)}"
            return f"{ordered_dose(order)}, periodic bolus ({bolus}, on {order.basal})"
        case OrderNoPatient():
            return "no patient bolus"
        case OrderPatient():
            lockout = f"{order.lockout} apart, at most {order.per_day} in 24 h"
            return f"patient bolus {order.dose} over {order.over}, {lockout}"
        case OrderBolus(amount, over):
            return f"bolus {amount} over {over}"


def _day_text(day: FlexDay) -> str:
    steps = ", ".join(str(step) for step in day.steps)
    if not day.weekdays:
        return steps
    return f"{' '.join(WEEKDAYS[weekday] for weekday in day.weekdays)} {day.daily_total}: {steps}"


def fact_text(fact: Fact, zone: ZoneInfo) -> str | None:
    """A fact in words; None for one that another fact of the same action already says."""
    match fact:
        case TestBolusGiven():
            return _test_text(fact)
        case TabletsStarted():
            return _tablets_text(fact)
        case TabletsStopped():
            return "tablets stopped"
        case TabletTaken():
            return f"{fact.dose} by mouth ({fact.form})"
        case Assessed():
            return _assessed_text(fact)
        case Implanted():
            return f"implant: {fact.pump}, {fact.catheter} to {fact.tip_level}, dead volume {fact.dead_volume}"
        case ResidualMeasured():
            return _residual_text(fact)
        case Filled():
            return f"fill {fact.volume} of {fact.concentration}"
        case Entered():
            same = fact.volume == fact.injected
            return None if same else f"{fact.volume} typed in as the volume, {fact.injected} were injected"
        case Ordered():
            return f"order: {order_text(fact.order)}"
        case SessionUncertain(why=why):
            return f"session UNCERTAIN: {why}. Interrogate the pump: nobody knows what it runs"
        case Interrogated(report=report):
            return _report_text(report, zone)
        case PortUsed():
            return _port_text(fact)
        case Revised():
            return f"catheter revised: {fact.catheter} to {fact.tip_level}, dead volume {fact.dead_volume}"
        case PumpReplaced():
            return f"pump replaced by {fact.pump}, the catheter stays, dead volume {fact.dead_volume}"
        case Explanted():
            return "explant"
        case Noted():
            return fact.text
        case Acted(action=action, refusal=refusal) if refusal:
            return f"{action} not done, {refusal}"
        case Acted(action=action) if action in _DONE_IN_WORDS:
            return _DONE_IN_WORDS[action]
        case SessionEnded(session=session) if session:
            return f"session ({session.rpartition('/')[0]}): reviewed, written, read back"
        case SessionEnded() | Acted():
            return None
        case _:
            return clinical_text(fact, zone)


def _tablets_text(fact: TabletsStarted) -> str:
    taken = ", ".join(f"{clock_text(time)} {dose}" for time, dose in zip(fact.times_s, fact.doses, strict=True))
    total = OralDose(sum(dose.mcg for dose in fact.doses))
    return f"by mouth {total} a day ({fact.form}: {taken})"


def _assessed_text(fact: Assessed) -> str:
    scores = (("Ashworth legs", fact.ashworth_legs), ("arms", fact.ashworth_arms), ("spasms (Penn)", fact.spasm_penn))
    return "examined: " + ", ".join(f"{name} {score:g}" for name, score in scores if score is not None)


def _test_text(fact: TestBolusGiven) -> str:
    lasted = f", effect lasted {fact.effect_lasted}" if fact.effect_lasted else ""
    return f"screening test: {fact.dose} by lumbar puncture{lasted}"


def _report_text(report: Report, zone: ZoneInfo) -> str:
    """What an interrogation shows that matters: the mode, the alarms, the date to replace by, the latest in the log."""
    alarms = f"alarms: {', '.join(report.alarms)}" if report.alarms else "no alarm"
    replace_by = f", replace by {report.replace_by.date(zone)}" if report.replace_by else ""
    latest = f", latest in its log: {report.log[-1].kind} ({report.log[-1].at.local_text(zone)})" if report.log else ""
    return f"pump interrogated: {report.mode}, {alarms}{replace_by}{latest}"


def _port_text(fact: PortUsed) -> str:
    if fact.what == "aspirate":
        return f"{fact.volume} aspirated through the catheter access port"
    fluid = f" of {fact.concentration}" if fact.concentration else ""
    return f"{fact.volume}{fluid} injected through the catheter access port"


def _residual_text(fact: ResidualMeasured) -> str:
    if fact.expected is None:
        return f"residual {fact.measured} measured, none expected: the pump knows no volume"
    if not fact.expected.nl and not fact.measured.nl:
        return f"residual {fact.measured} measured, none expected: there is nothing to compare"
    off = fact.measured - fact.expected
    flag = discrepancy_flag(fact.expected, fact.measured, fact.reservoir)
    sign = "+" if off.nl > 0 else ""
    taken_on = f"; filled in spite of it by {fact.taken_on}" if fact.taken_on else ""
    first = ", first after implant" * fact.first
    return f"residual {fact.measured} measured, {fact.expected} expected ({sign}{off}, {flag}{first}){taken_on}"


def number_text(value: float, places: int = 1) -> str:
    """A derived number as medication-safe text."""
    scale = 10**places
    return decimal_text(round(value * scale), scale, places)


def digits_text(value: float, digits: int = 3) -> str:
    """What comes from a model, to so many significant digits; 0 where it is next to nothing."""
    return "0" if _places(value, digits) > _PLACES_MAX else significant_text(value, digits)


def significant_text(value: float, digits: int = 3) -> str:
    """To so many significant digits, however small: a rate, or an end of an interval, whose side of 0 matters."""
    return number_text(float(f"{value:.{digits}g}"), _places(value, digits))


def _places(value: float, digits: int) -> int:
    return max(0, digits - 1 - floor(log10(abs(value)))) if value else 0
