"""A run as plain data: the JSON document, and the rows of the CSV. Exact numbers are integers in nanolitres and picograms."""

import csv
import io
import json
from collections.abc import Iterable
from datetime import timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from thecal.chart.facts import Acted, Explanted, Fact, PumpReplaced, Revised
from thecal.errors import Refusal
from thecal.pump.messages import Event
from thecal.report.words import BANNER, fact_text, number_text
from thecal.timeline import DAY_S, WEEK_S, Instant
from thecal.twin.action import Implant, ReplacePump, SetPumpClock
from thecal.twin.case import Case
from thecal.twin.exchange import OLD_FLUID
from thecal.twin.ledger import Balance
from thecal.twin.trace import Course, Refused, Trace
from thecal.twin.world import Slip

SCHEMA = 1
SLIP = Slip().name
_OFF_WORTH_A_NOTE = 0.01


def run_document(case: Case, trace: Trace, version: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The whole run: ``{schema, thecal, case, intervals, body, events, refusals, ledger, notes}``; ``body`` where there is
    one.
    """
    return {
        "schema": SCHEMA,
        "thecal": version,
        "case": _case(case, trace),
        "intervals": [_interval(course, case) for course in trace.courses],
        **({} if body is None else {"body": body}),
        "events": [event_document(event, case.zone) for event in trace.events],
        "refusals": [_refused(refused, case.zone) for refused in trace.refused],
        "ledger": _ledger(trace.balance),
        "notes": notes(case, trace),
    }


def json_text(document: dict[str, Any] | list[dict[str, Any]]) -> str:
    """A document as JSON text with a newline at its end."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def csv_text(document: dict[str, Any]) -> str:
    """The intervals as a table, one row each."""
    rows = [
        {
            **row,
            "what": "; ".join(fact["text"] for fact in row["what"]),
            "program": row["program"]["in_words"] if row["program"] else "",
            "alarms": "; ".join(row["alarms"]),
        }
        for row in document["intervals"]
    ]
    out = io.StringIO()
    writer = csv.DictWriter(out, fieldnames=list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def refusal_document(refusal: Refusal) -> dict[str, str]:
    """A refusal as plain data."""
    return {
        "rule": refusal.rule,
        "asked": refusal.asked,
        "limit": refusal.limit,
        "source": refusal.source,
        "advice": refusal.advice,
    }


def notes(case: Case, trace: Trace) -> list[str]:
    """What a reader should know beside the numbers."""
    told = (
        _gain(case),
        _drug_front(case, trace),
        _concentrations(case, trace),
        _old_fluid(case, trace),
        _clock(case, trace),
        _unrefused(case, trace),
    )
    return [*(note for group in told for note in group), BANNER]


def _case(case: Case, trace: Trace) -> dict[str, Any]:
    return {
        "name": case.name,
        "sha256": case.sha256,
        "title": case.title,
        "patient": case.patient,
        "timezone": case.zone.key,
        "start_utc": trace.start.utc_text(),
        "end_utc": trace.end.utc_text(),
        "pump": case.sheet.name,
        "catheter": case.geometry.sheet.name,
        "tip_level": case.geometry.tip_level,
        "dead_volume_nl": case.geometry.dead_volume.nl,
        "sources": list(case.sources),
    }


def _interval(course: Course, case: Case) -> dict[str, Any]:
    start, end = course.interval.start, course.interval.end
    return {
        "start_utc": start.utc_text(),
        "end_utc": end.utc_text(),
        "start_local": start.local_text(case.zone),
        "end_local": end.local_text(case.zone),
        "seconds": course.interval.seconds,
        "what": [_fact(fact, text, case.zone) for fact in course.facts if (text := fact_text(fact, case.zone))],
        "mode": course.mode,
        "program": _program(course),
        "concentration_mcg_per_ml": course.concentration.mcg_per_ml if course.concentration else None,
        "reservoir_true_mcg_per_ml": _six_digits(course.true_mcg_per_ml),
        "ordered_mcg_per_day": course.ordered.mcg_per_day if course.ordered else None,
        "programmed_mcg_per_day": course.programmed.mcg_per_day if course.programmed else None,
        "delivered_mcg_per_day": _six_digits(course.delivered_mcg_per_day),
        "delivered_nl": course.delivered_nl,
        "delivered_pg": course.delivered_pg,
        "reservoir_believed_nl": course.believed.nl if course.believed is not None else None,
        "reservoir_true_nl": course.true.nl if course.true is not None else None,
        "refill_by_local": course.refill_by.date(case.zone).isoformat() if course.refill_by else None,
        "refill_by_governed_by": course.refill_by.governed_by if course.refill_by else None,
        "refill_by_passed": course.refill_by_passed,
        "alarms": list(course.alarms),
    }


def _program(course: Course) -> dict[str, Any] | None:
    """The program in words, and the totals that a reviewer confirms."""
    if course.regimen is None:
        return None
    totals = course.regimen.totals()
    return {
        "in_words": course.regimen.in_words(course.concentration),
        "day_total_nl": totals.day.nl,
        "day_total_max_nl": totals.day_max.nl,
        "peak_hour_nl": totals.peak_hour.nl,
        "seven_day_mean_nl": totals.seven_day_mean.nl,
    }


def _six_digits(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _fact(fact: Fact, text: str, zone: ZoneInfo) -> dict[str, Any]:
    refused = isinstance(fact, Acted) and fact.refusal is not None
    return {"at_utc": fact.at.utc_text(), "at_local": fact.at.local_text(zone), "text": text, "refused": refused}


def event_document(event: Event, zone: ZoneInfo) -> dict[str, Any]:
    """An event as plain data."""
    return {
        "at_utc": event.at.utc_text(),
        "at_local": event.at.local_text(zone),
        "kind": event.kind,
        "severity": event.severity,
        "text": event.text,
    }


def _refused(refused: Refused, zone: ZoneInfo) -> dict[str, Any]:
    at = refused.action.at
    return {
        "at_utc": at.utc_text(),
        "at_local": at.local_text(zone),
        "action": refused.action.name,
        "expected": refused.action.expect_refused,
        **refusal_document(refused.refusal),
    }


def ledger_rows(balance: Balance) -> list[tuple[str, int, int]]:
    """(account, nanolitres, picograms): first what came in, then where it is."""
    ledger = balance.ledger
    entries = {
        "vial": ledger.vial,
        "prefilled": ledger.prefilled,
        "reservoir": balance.reservoir,
        "line": balance.line,
        "intrathecal": ledger.intrathecal,
        "tissue": ledger.tissue,
        "withdrawn": ledger.withdrawn,
        "wasted": ledger.wasted,
    }
    return [(account, entry.volume_nl, entry.amount_pg) for account, entry in entries.items()]


def _ledger(balance: Balance) -> dict[str, Any]:
    rows = ledger_rows(balance)
    return {
        **{f"{account}_nl": volume_nl for account, volume_nl, _ in rows},
        **{f"{account}_pg": amount_pg for account, _, amount_pg in rows},
        "gap_nl": balance.gap_nl,
        "gap_pg": balance.gap_pg,
        "closes": balance.closes,
    }


def _gain(case: Case) -> Iterable[str]:
    if case.gain.ppm != case.gain.EXACT:
        yield f"In this world a new pump truly runs {case.gain} from what is programmed; it cannot know, the residuals tell."


def _drug_front(case: Case, trace: Trace) -> Iterable[str]:
    front = trace.drug_front_at_tip
    started = next((course.interval.start for course in trace.courses if course.delivered_nl), None)
    if front and started:
        days = number_text((front.s - started.s) / DAY_S, 2)
        at = front.local_text(case.zone)
        primed = any(event.kind == "priming bolus started" and event.at <= front for event in trace.events)
        unprimed = "" if primed else ": the line was not primed"
        yield f"The drug front, half of the strength, left the tip at {at}, {days} days after the flow began{unprimed}."


def _concentrations(case: Case, trace: Trace) -> Iterable[str]:
    """Where the pump was told a concentration that it does not hold, from one fill to the next."""
    slips = [event.at for event in trace.events if event.kind == SLIP]
    mixtures = groupby((course for course in trace.courses if course.regimen), key=lambda course: course.true_mcg_per_ml)
    since = trace.start
    for held, rows in mixtures:
        first, *more = rows
        last, told, sheet = more[-1] if more else first, first.concentration, first.regimen.sheet if first.regimen else case.sheet
        slipped = any(since <= at <= first.interval.start for at in slips)
        since = first.interval.start
        if told is None or held is None or abs(held - told.mcg_per_ml) < _OFF_WORTH_A_NOTE * told.mcg_per_ml:
            continue
        rest = sheet.undeliverable_volume
        why = f"a fill mixes with the {rest} that cannot be aspirated ({sheet.source('undeliverable_volume')})"
        if slipped or not rest.nl:
            why = "something else went in than was written down"
        yield (
            f"From {first.interval.start.local_text(case.zone)} to {last.interval.end.local_text(case.zone)} the reservoir truly "
            f"held {number_text(held)} mcg/mL where the pump was told {told}: {why}."
        )


def _old_fluid(case: Case, trace: Trace) -> Iterable[str]:
    """After a change of concentration without a bridge: how long the fluid of before truly left the tip, and at what dose."""
    for event in trace.events:
        row = next((row for row in trace.courses if row.interval.start == event.at and row.concentration), None)
        if event.kind != OLD_FLUID or row is None or row.concentration is None:
            continue
        # An explant takes the line with it; what flows afterwards is another pump's.
        operations = {Explanted: "the explant", Revised: "the revision", PumpReplaced: "the replacement"}
        later = [fact for fact in trace.chart.facts if type(fact) in operations and fact.at > event.at]
        last, until = (later[0].at, operations[type(later[0])]) if later else (trace.end, "the end of the case")
        cleared = _cleared(trace, event.at, row.concentration.mcg_per_ml)
        end = last if cleared is None else min(cleared, last)
        (_, before_pg), (_, after_pg) = trace.delivered_at([event.at, end])
        days = (end.s - event.at.s) / DAY_S
        if after_pg == before_pg:
            continue  # nothing left the tip: there is a worse thing to tell, and the events tell it
        wanted = f" where {row.programmed} was programmed" if row.programmed else ""
        dose = number_text((after_pg - before_pg) / 10**6 / days) if days else "0"
        until = end.local_text(case.zone) if end == cleared else until
        yield (
            f"From {event.at.local_text(case.zone)} to {until}, {number_text(days, 2)} days, the fluid of before the change of "
            f"concentration left the tip: {dose} mcg/day in the mean{wanted}. There was no bridge."
        )


def _cleared(trace: Trace, since: Instant, mcg_per_ml: int) -> Instant | None:
    """When the front of the new concentration left the tip: the first fluid after an instant nearer to the new than to the old.

    None where it did not.
    """
    old: float | None = None
    for block in trace.tip:
        for parcel in block.parcels if block.interval.end > since else ():
            old = parcel.mcg_per_ml if old is None else old
            if abs(parcel.mcg_per_ml - mcg_per_ml) < abs(parcel.mcg_per_ml - old):
                return max(block.interval.start, since)
    return None


def _clock(case: Case, trace: Trace) -> Iterable[str]:
    """What the pump clock does to the times of a program; wall and pump clock are compared every week of a flex program."""
    implants = [action for action in case.actions if isinstance(action, Implant | ReplacePump)]
    timed = [course.interval for course in trace.courses if course.mode in ("flex", "periodic bolus")]
    if not implants or not timed:
        return
    if implants[0].clock_drift_s:
        gains = "gains" if implants[0].clock_drift_s > 0 else "loses"
        yield f"The pump clock truly {gains} {abs(implants[0].clock_drift_s)} s a day, and with it the times of its program."
    if any(isinstance(action, SetPumpClock) for action in case.actions):
        yield "The pump clock was set on the way; between settings it knows no daylight saving."
        return
    if len(implants) > 1:
        set_to = ", ".join(f"UTC{_offset_text(a.clock_offset_s)} from {a.at.local_text(case.zone)}" for a in implants)
        yield f"Each pump's clock stays where it was when the pump went in, and knows no daylight saving: {set_to}."
        return
    weeks = {Instant(second) for interval in timed for second in range(interval.start.s, interval.end.s, WEEK_S)}
    clocks = {(week.local(case.zone).utcoffset() or timedelta()) // timedelta(seconds=1) for week in weeks}
    if clocks - {implants[0].clock_offset_s}:
        walls = " and ".join(f"UTC{_offset_text(clock)}" for clock in sorted(clocks))
        yield (
            f"The pump clock stays at UTC{_offset_text(implants[0].clock_offset_s)} and knows no daylight saving; the wall clock "
            f"was at {walls}. While it is ahead, the steps run so much later on it than ordered; behind, earlier."
        )


def _offset_text(seconds: int) -> str:
    minutes = abs(seconds) // 60
    return f"{'-' if seconds < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def _unrefused(case: Case, trace: Trace) -> Iterable[str]:
    for action in trace.unrefused:
        at: Instant = action.at
        yield f"Expected a refusal that did not come: {action.name} at {at.local_text(case.zone)}."
