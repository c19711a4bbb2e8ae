"""The rules, measured: an order check on ten years of history, and the pathways and refill dates of a clinic.

The peer of the check is what it would be without folding the chart once: every question asked of the facts as they stand.
"""

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

from thecal.catheter.geometry import Geometry, catheter_sheet
from thecal.chart.chart import Chart
from thecal.chart.clinical import Answered, Booked, Described, Documented, Prescribed, SymptomReported, Visited
from thecal.chart.facts import Assessed, Fact, TestBolusGiven
from thecal.chart.order import OrderContinuous
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.pump.sheet import PumpSheet, pump_sheet
from thecal.quantity import Amount, Concentration, DailyDose, Length, Volume
from thecal.therapy.asked import asked_for
from thecal.therapy.check import check
from thecal.therapy.known import known
from thecal.therapy.look import Look
from thecal.therapy.pathway import pathway
from thecal.therapy.refill import RefillPolicy, refill_by
from thecal.timeline import DAY_S, Duration, Instant
from thecal.twin.action import Action, Implant, Refill, ReplacePump
from thecal.twin.run import run
from thecal.twin.trace import Record
from thecal.twin.world import World

START = Instant(1_767_603_600)
SHEET = pump_sheet("synchromed-ii-40")
PUMPS = 5000
REPLACED_AFTER_YEARS = 6


def order(mcg: float) -> OrderContinuous:
    """One dose, evenly over the day."""
    return OrderContinuous(DailyDose(round(mcg * 10**6)))


def history(years: int, seed: int) -> Chart:
    """A course of so many years: a refill every two months, a change now and then, and what is written down at each visit."""
    chance = random.Random(seed)  # noqa: S311  # a made-up course is no secret
    geometry = Geometry(catheter_sheet("indura-8709sc"), Length(0), "T10", SHEET.tubing_volume)
    dose = 100.0
    made: list[Action] = [Implant(START, SHEET, geometry, 0), Refill(START, Volume(40_000_000), Concentration(500), order(dose))]
    facts: list[Fact] = [
        Described(Instant(START.s - 90 * DAY_S), "multiple sclerosis", "spinal"),
        TestBolusGiven(Instant(START.s - 14 * DAY_S), Amount(50 * 10**6), Concentration(50), Duration(6 * 3600)),
        Prescribed(Instant(START.s - 90 * DAY_S), "baclofen", "oral", 60, 3),
    ]
    for visit in range(1, 6 * years):
        at = Instant(START.s + visit * 60 * DAY_S + chance.randrange(3 * DAY_S))
        dose = min(dose * chance.choice([1, 1, 1.1]), 320)
        if visit == 6 * REPLACED_AFTER_YEARS:
            made.append(ReplacePump(at, SHEET, 0))
        made.append(Refill(at, Volume(40_000_000), Concentration(500), order(dose)))
        facts += [
            Visited(at, "refill", "nurse B"),
            Booked(at, "refill", Instant(at.s + 58 * DAY_S), "nurse B"),
            Assessed(at, chance.choice([2, 2.5, 3]), None, chance.choice([0, 1, 2])),
            SymptomReported(at, chance.choice(["drowsiness", "nausea", "constipation"]), chance.randrange(3)),
            Documented(at, "reconciliation"),
            Answered(at, "advice", "driving", True),
        ]
    last = made[-1].at
    record = Record(keep_rows=False, keep_blocks=False)
    trace = run(World(START), lambda chart, _: made[chart.acted] if chart.acted < len(made) else None, last, record)
    return Chart().after(*sorted([*facts, *trace.chart.facts], key=lambda fact: fact.at))


def measure_rules() -> dict[str, object]:
    """Milliseconds of an order check, warm, and the seconds of a clinic."""
    chart = history(10, 1)
    now = Instant(chart.facts[-1].at.s + 20 * DAY_S)
    look = Look.at(chart, now, sheet=SHEET)
    asked = asked_for(OrderSheet(dosing=order(330), confirm_total=DailyDose(330 * 10**6)), chart, SHEET)
    assert not isinstance(asked, Refusal)
    look = replace(look, asked=asked)
    found = check(look, "order")
    folded = _median_ms(lambda: check(replace(look), "order"))
    everything = _median_ms(lambda: check(replace(look)))
    unfolded = _median_ms(lambda: check(replace(look, known=known(chart)), "order"))
    charts = [history(1 + number % 10, number) for number in range(50)]
    clinic_s = _clinic_s(charts, SHEET)
    return {
        "facts": len(chart.facts),
        "findings": len(found),
        "order_check_ms": round(folded, 4),
        "order_check_with_fold_ms": round(unfolded, 4),
        "fold_ratio": round(unfolded / folded, 2),
        "all_rules_ms": round(everything, 4),
        "clinic_pumps": PUMPS,
        "clinic_s": round(clinic_s, 2),
    }


def _median_ms(work: Callable[[], object], rounds: int = 200) -> float:
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        work()
        times.append(time.perf_counter() - begun)
    return statistics.median(times) * 1000


def _clinic_s(charts: list[Chart], sheet: PumpSheet) -> float:
    """Every pump's chart folded, its pathway and its date to refill by; the charts of 50 courses, again and again."""
    policy = RefillPolicy.default()
    begun = time.perf_counter()
    for number in range(PUMPS):
        chart = charts[number % len(charts)]
        now = Instant(chart.facts[-1].at.s + 20 * DAY_S)
        pathway(Look.at(chart, now, sheet=sheet), policy)
        refill_by(chart, sheet, policy)
    return time.perf_counter() - begun
