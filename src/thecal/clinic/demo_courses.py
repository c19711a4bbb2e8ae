"""The courses of the demonstration clinic: invented people with a pump, made by the twin from the implant until now.

What people do is planned by an index, with nothing left to chance, so that the same instant gives the same clinic. The twin
carries it out, with a true flow that differs from the programmed one, and its facts are written down beside what else a clinic
keeps (``demo_papers``).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from thecal.catheter.geometry import Geometry, catheter_sheet
from thecal.chart.chart import Chart
from thecal.chart.facts import Fact, Implanted, Ordered, ResidualMeasured
from thecal.chart.order import Order, OrderContinuous, OrderPatient
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic.demo_papers import Course, candidates, papers
from thecal.clinic.demo_people import Cause, cause_of, doses_of, invented_person, shaped
from thecal.clinic.demo_problems import DOCTOR, NURSE, Problem, Row, Today, problem_of, working_day
from thecal.clinic.entry import Entry
from thecal.clinic.person import Person
from thecal.pump.messages import ChangeGain
from thecal.pump.sheet import PumpSheet, pump_sheet
from thecal.pump.state import PumpState
from thecal.quantity import Amount, Concentration, DailyDose, Gain, Length, OralDose, Volume
from thecal.therapy.due import refill_due
from thecal.therapy.look import Look
from thecal.therapy.refill import RefillPolicy, discrepancy_limit, low_reservoir_advised
from thecal.timeline import DAY_S, HOUR_S, Duration, Instant
from thecal.twin import action as does
from thecal.twin.action import Action
from thecal.twin.run import run
from thecal.twin.trace import Record, Trace
from thecal.twin.world import PlannedFault, World

_PG, _HALF_ML = 10**6, 500_000
_MODELS = (
    "synchromed-ii-40", "synchromed-ii-20", "synchromed-iii-40", "prometra-ii-20", "synchromed-iii-20", "synchromed-ii-40",
    "reference-40", "synchromed-ii-20", "prometra-ii-40", "medstream-40", "synchromed-iii-40", "reference-20",
)  # fmt: skip
_CONSTANT_FLOW = {33: "isomed-8472-35-05", 47: "isomed-8472-20-03"}
_SHAPES = ("even", "night", "even", "even", "flex", "even", "night", "even", "periodic", "even", "patient", "even", "flex")
_NEW_MODEL_S = 900 * DAY_S  # no pump of the newest model has been in longer
_CHANGED = 28  # days after the implant on which the strength that is to stay is filled
_LATELY_S = 400 * DAY_S
"""Since when visits are whole sessions with a programmer; what is older is told in short, by the same commands to the pump."""
_TRIES = 6
_TAKEN_ON = "the person cannot be without drug until the pump is looked into this week"
_FIRST_STRENGTH, _FIRST_FILL = Concentration(500), Volume(18 * 10**6)


@dataclass(frozen=True, slots=True)
class DemoPatient:
    """An invented person of the demonstration clinic.

    ``entries`` are (when written down, by the account of whom, the entry), in order of writing, none of them after now. ``pump``
    is the pump as it truly is now, to be put on a bench; None where it has no electronics or no pump is in place.
    """

    person: Person
    entries: tuple[tuple[Instant, str, Entry], ...]
    pump: PumpState | None
    serial: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What is planned for the person of an index: the pump, when it was implanted and last refilled, its doses and its fills."""

    index: int
    number: str
    cause: Cause
    problem: Problem
    sheet: PumpSheet
    gain: Gain
    days: int
    last: int
    every: int
    doses: tuple[DailyDose, ...]
    shape: str
    strength: Concentration
    fill: Volume
    low: Volume

    @property
    def order(self) -> Order:
        """The order that stays, once the dose is found."""
        return shaped(self.shape, self.doses[-1])

    @property
    def patient(self) -> OrderPatient | None:
        """What the person may ask for: a thirtieth of the daily dose, three times a day."""
        if self.shape != "patient":
            return None
        return OrderPatient(Amount(self.doses[-1].pg_per_day // 30), Duration(600), Duration(4 * HOUR_S), 3)


def demo_patients(now: Instant, zone: ZoneInfo, number: int = 60) -> Iterator[DemoPatient]:
    """So many invented people with a pump, the same ones at each call, and two without one, until ``now``.

    The first of them have the problems of ``PROBLEMS``, by the hospital's number; the others are in order.
    """
    today = Today(now, zone)
    for index in range(number):
        yield _with_pump(index, today)
    for hospital, index, rows in candidates(number, today):
        yield DemoPatient(invented_person(index, hospital, today.day), _written(rows), None, "")


def _with_pump(index: int, today: Today) -> DemoPatient:
    plan = _plan(index, f"DEMO-{index + 1:04d}", today)
    plan, trace = _carried_out(plan, today)
    serial = f"TC-{index + 1:04d}"
    course = _course(plan, serial, today)
    facts = _facts(trace)
    if plan.problem.transferred:
        facts = tuple(_brought(facts, course.refilled[-1], plan.sheet))
    rows = [today.row(fact, DOCTOR if isinstance(fact, Ordered | Implanted) else NURSE) for fact in facts]
    beside = papers(course, today)
    if plan.problem.transferred:
        came = Instant(course.refilled[-1].s - HOUR_S)
        rows = [(max(at, came), who, entry) for at, who, entry in rows]
        beside = ((max(at, came), who, entry) for at, who, entry in beside)
    pump = trace.world.pump if plan.sheet.programmable else None
    return DemoPatient(invented_person(index, plan.number, today.day), _written([*rows, *beside]), pump, serial)


def _written(rows: tuple[Row, ...] | list[Row]) -> tuple[Row, ...]:
    return tuple(sorted(rows, key=lambda row: row[0]))


# The plan --------------------------------------------------------------------------------------------------------------


def _plan(index: int, number: str, today: Today) -> Plan:
    cause, problem = cause_of(index), problem_of(number)
    days = problem.days or _spread(index)
    model = problem.model or _CONSTANT_FLOW.get(index) or _model(index, days)
    sheet = pump_sheet(model)
    deviation = (index * 17 % 13 - 6) * 10_000 if problem.gain is None else problem.gain
    doses = doses_of(cause, days)
    capacity = sheet.reservoir_capacity
    strength = Concentration(2000 if doses[-1].pg_per_day >= 260 * _PG else 1000)
    if not sheet.programmable:
        strength = Concentration(500 if sheet.flow_max.nl_per_day > 400_000 else 1000)
    flow = Fraction(doses[-1].pg_per_day, strength.mcg_per_ml) if sheet.programmable else Fraction(sheet.flow_max.nl_per_day)
    if problem.drift:  # enough flows for the drift to show
        strength, flow = Concentration(1000), Fraction(doses[-1].pg_per_day, 1000)
    shape = "even" if problem.rule else _SHAPES[index % len(_SHAPES)]
    if shape == "patient" and not sheet.patient_bolus:
        shape = "even"
    low = _low(capacity, flow, sheet, plain=problem.plain_threshold)
    every = _every(sheet, flow * (Fraction(11, 10) if shape == "patient" else 1), low, abs(deviation))
    if problem.plain_threshold:
        every = min(every, 130)
    plan = Plan(
        index, number, cause, problem, sheet, Gain(Gain.EXACT + deviation), days, 0, every, doses, shape, strength, capacity, low
    )
    return replace(plan, last=_last(plan, today))


def _spread(index: int) -> int:
    """Days since the implant: about three years, from 5 months to 6.3 years, and no date of a score just before (PRO-01)."""
    part = Fraction(index * 37 % 60, 59)
    days = 150 + int(2150 * (Fraction(11, 20) * part + Fraction(9, 20) * part**3))
    return days + 10 if days < 200 and 166 <= days <= 176 else days - 8 if 349 <= days % 365 <= 356 else days


def _model(index: int, days: int) -> str:
    model = _MODELS[index % len(_MODELS)]
    return model.replace("iii", "ii") if days * DAY_S > _NEW_MODEL_S and "synchromed" in model else model


def _low(capacity: Volume, flow: Fraction, sheet: PumpSheet, *, plain: bool) -> Volume:
    """The threshold of REF-02, and as much more as lets a pump inside its label sound before it is empty (REF-12)."""
    advised = low_reservoir_advised(flow).nl
    label = 0 if plain else capacity.nl * sheet.flow_accuracy_ppm // (Gain.EXACT + sheet.flow_accuracy_ppm)
    return Volume(-(-max(advised, label) // _HALF_ML) * _HALF_ML)


def _every(sheet: PumpSheet, flow: Fraction, low: Volume, deviation: int) -> int:
    """Days between refills: inside the refill rules at the bound of the label, and so that no residual of this gain is amber."""
    policy, slack = RefillPolicy.default(), 3
    to_alarm = Fraction(sheet.reservoir_capacity.nl - (low.nl if sheet.programmable else 0)) / (
        flow * Fraction(Gain.EXACT + sheet.flow_accuracy_ppm, Gain.EXACT)
    )
    bounds = [int(to_alarm), policy.stability.s // DAY_S]
    days = min(bounds) - policy.buffer.s // DAY_S - slack
    if deviation:
        most = discrepancy_limit(sheet.reservoir_capacity).nl * Fraction(Gain.EXACT, deviation) * Fraction(85, 100)
        days = min(days, int(most / flow))
    return days


def _last(plan: Plan, today: Today) -> int:
    """How many days ago the last refill was: on a working day, with the next one some days ahead."""
    if plan.problem.due_in:
        return _on_working_day(plan.problem, plan.every + 3, today)
    wanted = plan.problem.last or min(4 + plan.index * 29 % max(plan.every - 18, 1), plan.days - 80)
    return (today.day - working_day(today.day - timedelta(days=wanted))).days


def _on_working_day(problem: Problem, days: int, today: Today) -> int:
    """How many days ago a fill was that is good for so many days, so that it is due in one of those that the problem names."""
    return next(
        days - due
        for due in problem.due_in
        if (today.day - timedelta(days=days - due)).weekday() < 5 or due == problem.due_in[-1]
    )


def _aligned(plan: Plan, trace: Trace, today: Today) -> Plan:
    """The plan with its last refill so long ago that the next one is due when the problem says."""
    if not plan.problem.due_in:
        return plan
    due = refill_due(Look.at(Chart().after(*_facts(trace)), today.now, today.zone, plan.sheet))
    assert due is not None  # it was filled
    return replace(plan, last=_on_working_day(plan.problem, due.days, today))


# What people do --------------------------------------------------------------------------------------------------------


def _course(plan: Plan, serial: str, today: Today) -> Course:
    """The dates of a plan."""
    hour = 9 + plan.index % 4
    first = working_day(today.day - timedelta(days=plan.days))
    changed, last = first + timedelta(days=_CHANGED), today.day - timedelta(days=plan.last)
    between = -(-(last - changed).days // plan.every)
    days = [working_day(changed + (last - changed) * number // between) for number in range(between)]
    refilled = (*(today.clock(day, hour) for day in days), today.clock(last, hour))
    steps = [first + timedelta(days=day) for day in (14, *(28 * number for number in range(2, len(plan.doses))))]
    control = 28 * len(plan.doses)
    extra = [control, control + 21] if plan.days < 400 else [control]
    steps += [first + timedelta(days=day) for day in extra]
    titrated = tuple(today.clock(working_day(day), 13) for day in steps) if plan.sheet.programmable else ()
    implanted = today.clock(first, 8, 30)
    screened = today.clock(working_day(first - timedelta(days=40)), 10)
    booked = plan.problem.booked
    ahead: Instant | None = None
    if booked == "in time":
        ahead = today.clock(working_day(last + timedelta(days=plan.every)), hour)
    elif booked != "not":
        ahead = today.in_days(booked, plan.problem.hour or hour)
    catheter = {"prom": "prometra-110", "sync": "ascenda-8780"}.get(plan.sheet.name[:4], "indura-8709sc")
    return Course(
        plan.index, plan.number, serial, plan.cause, plan.problem, plan.sheet.name, catheter, screened, implanted, titrated,
        refilled, ahead,
    )  # fmt: skip


def _carried_out(plan: Plan, today: Today) -> tuple[Plan, Trace]:
    """A course whose next refill is due when its problem says; what is learned of a pump's gain on the way moves that date.

    Raises ValueError where that does not come to rest: a defect of the plan.
    """
    for _ in range(_TRIES):
        trace = _run(plan, today)
        aligned = _aligned(plan, trace, today)
        if aligned == plan:
            return plan, trace
        plan = aligned
    raise ValueError(f"{plan.number}: no course in which the refill is due in {plan.problem.due_in} days")


def _run(plan: Plan, today: Today) -> Trace:
    """The course of a plan until now. Raises ValueError where an action of it is refused: a defect of the plan."""
    course = _course(plan, "", today)
    actions = sorted(_actions(plan, course, today), key=lambda action: action.at)
    before_last = course.refilled[-2] if len(course.refilled) > 1 else course.refilled[-1]
    faults = [PlannedFault(at, fault) for at, fault in plan.problem.faults(today)]
    if plan.problem.drift:
        faults.append(PlannedFault(Instant(before_last.s + DAY_S), ChangeGain(Gain(plan.gain.ppm + plan.problem.drift))))

    def source(chart: Chart, _: Instant) -> Action | None:
        return actions[chart.acted] if chart.acted < len(actions) else None

    world = World(actions[0].at, gain=plan.gain, faults=tuple(sorted(faults, key=lambda fault: fault.at)))
    trace = run(world, source, today.now, Record(keep_rows=False, keep_blocks=False))
    wrong = [refused for refused in trace.refused if not isinstance(refused.action, does.AskForBolus)]
    if wrong:
        raise ValueError(f"{plan.number}: {wrong[0].action.name} at {wrong[0].action.at.utc_text()} was {wrong[0].refusal}")
    return trace


def _actions(plan: Plan, course: Course, today: Today) -> Iterator[Action]:
    yield from _before_implant(plan, course, today)
    geometry = Geometry(catheter_sheet(course.catheter), _trimmed(plan), "T10", plan.sheet.tubing_volume, mixes=False)
    offset = course.implanted.local(today.zone).utcoffset()
    yield does.Implant(course.implanted, plan.sheet, geometry, int(offset.total_seconds()) if offset else 0)
    filled = Instant(course.implanted.s + 2 * HOUR_S)
    if not plan.sheet.programmable:
        for at in (filled, *course.refilled):
            yield does.Refill(at, plan.fill, plan.strength)
        return
    start, volume = plan.doses[0], min(_FIRST_FILL, plan.fill)
    low = _low(volume, Fraction(start.pg_per_day, _FIRST_STRENGTH.mcg_per_ml), plan.sheet, plain=False)
    orders = OrderSheet(
        OrderContinuous(start),
        concentration=_FIRST_STRENGTH,
        reservoir=volume,
        low_reservoir=low,
        prime=True,
        confirm_total=start,
    )
    yield does.HoldSession(filled, orders, does.Needle(volume, _FIRST_STRENGTH))
    yield from _titration(plan, course, today)
    yield from _refills(plan, course, today)
    if plan.patient:
        for number in range(6):
            yield does.AskForBolus(Instant(course.refilled[-1].s + number * DAY_S // 2 + 9 * HOUR_S))
    if plan.problem.lost:
        more = DailyDose(plan.doses[-1].pg_per_day * 105 // 500 // _PG * 5 * _PG)
        yield does.HoldSession(
            today.in_days(-1, 15), OrderSheet(OrderContinuous(more), confirm_total=more), lost="reply to commit"
        )


def _before_implant(plan: Plan, course: Course, today: Today) -> Iterator[Action]:
    """Tablets that do not help enough, a screening test of 50 and of 75 mcg, and tablets that are taken away in steps."""
    strength, mg = Concentration(50), 1000
    times = (8 * HOUR_S, 14 * HOUR_S, 20 * HOUR_S)
    tablets = ((-150, 10), (-120, 15), (20, 10), (34, 5)) if plan.index % 3 == 0 else ()
    for day, dose in tablets:
        at = Instant(course.implanted.s + day * DAY_S)
        yield does.TakeTablets(at, (OralDose(dose * mg),) * 3, times, "tablet", today.zone)
    if tablets:
        yield does.StopTablets(Instant(course.implanted.s + 48 * DAY_S))
    for day, dose, lasted in ((0, 50, None), (2, 75, Duration(7 * HOUR_S))):
        yield does.GiveTestBolus(Instant(course.screened.s + day * DAY_S), Amount(dose * _PG), strength, lasted)


def _trimmed(plan: Plan) -> Length:
    return Length(250 + plan.index % 9 * 10)


def _titration(plan: Plan, course: Course, today: Today) -> Iterator[Action]:
    """A rise at each visit, one of them at the first refill, and at the last visits the order that stays."""
    orders: list[Order] = [OrderContinuous(dose) for dose in (plan.doses[1], *plan.doses[2:])]
    orders += [plan.order] * (len(course.titrated) - len(orders))
    for at, order in zip(course.titrated, orders, strict=True):
        patient = plan.patient if order is orders[-1] else None
        if at.s < today.now.s - _LATELY_S:
            yield does.Reprogram(at, order, patient)
        else:
            yield does.HoldSession(at, OrderSheet(order, patient=patient))


def _refills(plan: Plan, course: Course, today: Today) -> Iterator[Action]:
    first, *others = course.refilled
    running = plan.doses[1]
    orders = OrderSheet(
        OrderContinuous(running), concentration=plan.strength, reservoir=plan.fill, low_reservoir=plan.low, bridge=True,
        confirm_total=running,
    )  # fmt: skip
    rinse = Volume(5 * 10**6)
    yield does.HoldSession(first, orders, does.Needle(plan.fill, plan.strength, rinse=rinse, rinses=2))
    orders = OrderSheet(concentration=plan.strength, reservoir=plan.fill)
    for at in others:
        if at.s < today.now.s - _LATELY_S:
            yield does.Refill(at, plan.fill, plan.strength)
            continue
        off = at == course.refilled[-1] and plan.problem.drift != 0
        why = _TAKEN_ON if off and plan.problem.red else None
        again = Volume(0) if off else None  # nothing more came
        yield does.HoldSession(
            at, orders, does.Needle(plan.fill, plan.strength, again=again, override=why, by=DOCTOR if why else None)
        )


# What is written down of it --------------------------------------------------------------------------------------------


def _facts(trace: Trace) -> tuple[Fact, ...]:
    """The facts of a run, as people write them: a residual is read from a syringe, to a tenth of a millilitre.

    The run pushes plugs through the line, which takes a third of the time and changes no fact; the catheter itself mixes.
    """
    return tuple(_as_written(fact) for fact in trace.chart.facts)


def _as_written(fact: Fact) -> Fact:
    match fact:
        case ResidualMeasured():
            return replace(fact, measured=Volume(round(fact.measured.nl, -5)))
        case Implanted(geometry=Geometry() as geometry):
            return replace(fact, geometry=replace(geometry, mixes=True))
        case _:
            return fact


def _brought(facts: tuple[Fact, ...], came: Instant, sheet: PumpSheet) -> Iterator[Fact]:
    """What is known of somebody who comes with a pump from elsewhere: that it was implanted, and what was done here."""
    for fact in facts:
        if isinstance(fact, Implanted):
            yield replace(fact, geometry=None, holds="unknown", dead_volume=sheet.tubing_volume)
        elif fact.at >= came:
            yield fact
