"""The course of a patient who may have a pump: programs, refills, alarms, faults, operations."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from thecal.catheter.faults import Kink
from thecal.catheter.geometry import Geometry, catheter_sheet
from thecal.chart.order import Order, OrderContinuous, ordered_dose, programmed
from thecal.errors import Refusal
from thecal.pump.messages import Event
from thecal.pump.program import check_program, nearest_flow
from thecal.pump.sheet import PumpSheet, pump_sheet
from thecal.quantity import Concentration, DailyDose, FlowRate, Length, Volume
from thecal.study.agenda import Due
from thecal.study.course import Course, daily_mcg, days_on
from thecal.study.fate import Fate
from thecal.study.history import Decision, TabletOrder
from thecal.study.people import Person
from thecal.study.policy import continuous, scaled
from thecal.study.treatment import Treatment
from thecal.therapy.refill import RefillPolicy, refill_by
from thecal.timeline import DAY_S, HOUR_S, Duration, Instant
from thecal.twin.action import Action, Explant, Implant, Note, Prime, Refill, ReplacePump, Reprogram, Revise
from thecal.twin.exposure import Exposure
from thecal.twin.world import OUTAGES, PlannedFault

LOW, EMPTY, DRY = "low reservoir alarm", "empty reservoir alarm", "reservoir ran dry"
REPLACEMENT, END = "elective replacement alarm", "end of service alarm"
RESET, STALLED = "low battery reset alarm", "motor stall alarm"
_RISE_A_DAY = 1.2  # the label's early rise, as after an implant
_COVERS_A_DAY = 4


class PumpCourse(Course):
    """As a course; ``first_mcg_per_day`` is the first dose, and ``implant`` says whether the course begins with the pump."""

    pause = OUTAGES | {LOW, EMPTY, REPLACEMENT, END, RESET, STALLED}

    def __init__(
        self,
        treatment: Treatment,
        person: Person,
        exposure: Exposure,
        fate: Fate,
        start: Instant,
        end: Instant,
        first_mcg_per_day: float,
        screened: tuple[float, float] | None = None,
        *,
        implant: bool,
    ) -> None:
        super().__init__(treatment, person, exposure, fate, start, end, screened)
        self.world = replace(self.world, gain=fate.gain())
        self.first_mcg_per_day = first_mcg_per_day
        self.pump_s = 0
        self._sheet: PumpSheet = pump_sheet(person.pump)
        self._in_since: Instant | None = None
        self._planned: tuple[PlannedFault, ...] = ()
        self._new_faults = False
        self._entered: Order | None = None
        self._usual: TabletOrder | None = None
        self._drug: Concentration | None = None
        self._refill_date: Instant | None = None
        self._late_s = 0
        self._out_since: Instant | None = None
        self._broken: set[str] = set()
        nouns = ("refills", "alarm", "symptoms", "programming", "infection")
        self._streams = {noun: fate.stream(noun) for noun in nouns}
        if implant:
            self._implant(start)

    def reach(self, until: Instant) -> None:
        super().reach(until)
        if self._new_faults:
            self.world, self._new_faults = replace(self.world, faults=self._planned), False

    @property
    def pump_days(self) -> float:
        """How long a pump has been in."""
        running = self.world.now.s - self._in_since.s if self._in_since else 0
        return (self.pump_s + running) / DAY_S

    def _done(self, due: Due) -> None:
        super()._done(due)
        follow = _AFTER.get(due.purpose)
        if follow:
            follow(self, due.at)

    def _refused(self, due: Due, why: str) -> None:
        super()._refused(due, why)
        if due.purpose == "refill":  # with a bridge that this pump cannot give: the drug of before
            self._agenda.put("refilled plainly", due.at, self._plain_refill)

    def _hear(self, event: Event) -> None:
        follow = _HEARD.get(event.kind)
        if follow and self._in_since:
            follow(self, event)

    # programs

    def _decided(self, decision: Decision, at: Instant) -> None:
        if decision.implant and self.implanted is None:
            self._implant(at)
            return
        if self._in_since is None or self._broken or at <= self._in_since:
            return
        if decision.dosing is not None:
            self._agenda.drop("restore")
        if decision.dosing is not None or self._entered != self.ordered:
            self._program(decision.dosing or self.ordered, at)

    def _program(self, order: Order | None, at: Instant) -> None:
        """Order a dose and program it, with the error that chance makes of it."""
        if order is None:
            return
        self.ordered = self._possible(order)
        entered = self._entered = self._with_error(self.ordered, at)
        self.under_dose.ordered(at.s, daily_mcg(self.ordered) or 0.0)
        self._agenda.put("program", at, lambda at: Reprogram(at, entered))

    def _possible(self, order: Order) -> Order:
        """The order, or the nearest dose that the pump can run where it cannot run that."""
        drug, sheet = self._drug, self._sheet
        dose = ordered_dose(order)
        program = programmed(order, drug, sheet)
        if drug is None or dose is None or not (isinstance(program, Refusal) or check_program(program, sheet)):
            return order
        flow = nearest_flow(dose.pg_per_day, DAY_S, drug.mcg_per_ml, sheet)
        flow = min(max(flow, sheet.flow_min), sheet.flow_max)
        return OrderContinuous(DailyDose(flow.nl_per_day * drug.mcg_per_ml))

    def _with_error(self, order: Order, at: Instant) -> Order:
        world, stream = self.fate.world, self._streams["programming"]
        if not world["programming_error"]:
            return order
        chance, way, found = stream.uniform(), stream.uniform(), stream.exponential(world["fault_found_days"])
        if chance >= world["programming_error"] * (1 - world["second_person_finds"]):
            return order
        factor = world["programming_error_factor"] ** (1 if way < 0.5 else -1)
        self._tell(at, "programming error", f"{factor:.3g} times the ordered dose")
        self._agenda.put("wrong program found", days_on(at, found), lambda at: Note(at, "the program is not the order"))
        return self._possible(scaled(order, factor))

    def _correct(self, at: Instant) -> None:
        if self._in_since and self._entered != self.ordered and not self._broken:
            self._program(self.ordered, at)

    # refills

    def _plan_refill(self, _: Instant) -> None:
        """Ask the patient to come, anew whenever the dose has changed; how late they come belongs to the fill."""
        self._agenda.drop("refill")
        self._refill_date = self._date()
        if self._refill_date is not None:
            self._put_refill(self._refill_date.s + self._late_s)

    def _put_refill(self, second: int) -> None:
        assert self.chart.facts  # a pump was filled
        self._agenda.put("refill", Instant(max(second, self.chart.facts[-1].at.s)), self._refill)

    def _date(self) -> Instant | None:
        plan, filled = self.treatment.refills, self.chart.filled
        if filled is None or plan.kind == "at alarm":
            return None
        if plan.kind == "fixed interval":
            return days_on(filled.at, plan.every_days)
        rules = replace(RefillPolicy.default(), buffer=Duration(int(plan.buffer_days * DAY_S)))
        found = refill_by(self.chart, self._sheet, rules)
        return found.instant if found else None

    def _sooner(self, at: Instant) -> None:
        """A refill at the latest at an instant."""
        if self._broken or not self._in_since:
            return
        planned = self._refill_date
        expected_s = planned.s + self._late_s if planned else at.s
        self._agenda.drop("refill")
        self._put_refill(min(at.s, expected_s))

    def _refill(self, at: Instant) -> Action:
        order = self._reduced if self._out(at) else None
        drug = self._strength(order or self.ordered)
        if drug == self._drug:
            return Refill(at, self._sheet.reservoir_capacity, drug, order)
        return Refill(at, self._sheet.reservoir_capacity, drug, order or self.ordered, bridge=True)

    def _plain_refill(self, at: Instant) -> Action:
        assert self._drug is not None  # it was filled before
        return Refill(at, self._sheet.reservoir_capacity, self._drug)

    def _refilled(self, at: Instant) -> None:
        self.tally.refills += 1
        if self._refill_date is not None and at.s > self._refill_date.s + HOUR_S:
            self.tally.refills_late += 1
            self._tell(at, "late refill", f"{(at.s - self._refill_date.s) / DAY_S:.1f} days after the date")
        if self._out(at):
            self._restore(at)
        if not self._broken:
            self._flows_again(at)
        self._filled(at)

    def _filled(self, at: Instant) -> None:
        assert self.chart.filled is not None  # just now
        self._drug = self.chart.filled.concentration
        stream, world = self._streams["refills"], self.fate.world
        chance, days = stream.uniform(), stream.exponential(world["missed_refill_days"])
        self._late_s = int(days * DAY_S) if chance < world["missed_refill"] else 0
        self._plan_refill(at)

    def _strength(self, order: Order | None) -> Concentration:
        """The weakest drug with which a fill lasts long enough, and never weaker than what is in the pump."""
        stock = self.treatment.concentrations
        dose = ordered_dose(order) if order else None
        for drug in stock[stock.index(self._drug) if self._drug else 0 :]:
            lasts = dose is None or self._sheet.reservoir_capacity.of(drug).pg / self.treatment.interval_days_min
            if dose is None or lasts >= dose.pg_per_day:
                return drug
        return stock[-1]

    # outages

    def _out(self, at: Instant) -> bool:
        """Whether nothing has come for longer than a short interruption."""
        return self._out_since is not None and at.s - self._out_since.s > self.fate.world["restart_after"] * HOUR_S

    @property
    def _reduced(self) -> Order:
        """The dose of a restart."""
        assert self.ordered is not None  # a pump has a program
        return self._possible(scaled(self.ordered, self.fate.world["restart_part"]))

    def _restore(self, at: Instant) -> None:
        """From now on the reduced dose is raised day by day to what it was."""
        assert self.ordered is not None  # a pump has a program
        part, usual, day = self.fate.world["restart_part"], self.ordered, at
        self._agenda.drop("restore")
        while part < 1:
            part, day = min(part * _RISE_A_DAY, 1.0), days_on(day, 1)
            self._put_restore(day, self._possible(scaled(usual, part)) if part < 1 else usual)

    def _put_restore(self, at: Instant, order: Order) -> None:
        self._agenda.put("restore", at, lambda at: Reprogram(at, order))

    def _stops(self, event: Event) -> None:
        self._out_since = self._out_since or event.at

    def _turns(self, _: Event) -> None:
        if not self._broken:
            self._out_since = None

    def _flows_again(self, at: Instant) -> None:
        self._out_since = None
        self.under_dose.noticed(at.s, known=False)

    def _dry(self, event: Event) -> None:
        self._stops(event)
        self._tell(event.at, "empty reservoir")
        self._agenda.put("emptiness found", self._shows(event.at), lambda at: Note(at, "the effect is lost"))

    def _shows(self, at: Instant) -> Instant:
        """When symptoms of an outage bring the patient to the clinic."""
        return days_on(at, self._streams["symptoms"].exponential(self.fate.world["fault_found_days"]))

    def _found_empty(self, at: Instant) -> None:
        if self._out_since is not None and not self._broken:
            self.under_dose.noticed(at.s, known=True)
            self._sooner(at)

    def _alarmed(self, event: Event) -> None:
        self._tells(event, "alarm told")

    def _tells(self, event: Event, purpose: str) -> None:
        """The patient may hear an alarm, and tells the clinic of it."""
        stream, world = self._streams["alarm"], self.fate.world
        chance, days = stream.uniform(), stream.exponential(world["alarm_told_days"])
        if chance < world["alarm_heard"]:
            self._agenda.put(purpose, days_on(event.at, days), lambda at: Note(at, f"the patient tells of the {event.kind}"))

    # faults

    def _catheter_fails(self, event: Event) -> None:
        fault = next((planned.fault for planned in self._planned if planned.at == event.at), None)
        blocked = not (isinstance(fault, Kink) and fault.open_ppm)
        self._tell(event.at, "catheter", "occlusion" if event.kind == Kink.name and blocked else event.kind, first="catheter")
        if blocked:
            self._stops(event)
        self._agenda.put("catheter found", self._shows(event.at), lambda at: Note(at, "the catheter has failed"))

    def _stalls(self, event: Event) -> None:
        self._tell(event.at, "pump", event.kind, first="pump")
        self._stops(event)
        self._agenda.put("pump found", self._shows(event.at), lambda at: Note(at, "the pump has failed"))

    def _critical(self, event: Event) -> None:
        if event.kind != STALLED:
            self._tell(event.at, "pump", event.kind, first="pump")
            self._stops(event)
        self._tells(event, "pump found")

    def _ends_soon(self, event: Event) -> None:
        self._tell(event.at, "battery", event.kind)
        self._repair("pump", days_on(event.at, self.fate.world["replacement_days"]))

    def _found(self, what: str, at: Instant) -> None:
        if self._in_since is None or what in self._broken or (what == "pump" and self._out_since is None):
            return
        self._broken.add(what)
        self.under_dose.noticed(at.s, known=True)
        if self._usual is None:
            self._usual = self.tablets
            self._take(TabletOrder(self.fate.world["cover"], _COVERS_A_DAY), at)
        self._agenda.drop("restore", "wrong program found")
        self._repair(what, days_on(at, self.fate.world["surgery_days"]))

    def _repair(self, what: str, at: Instant) -> None:
        self._agenda.drop(f"{what} repaired")
        self._agenda.put(f"{what} repaired", at, self._revise if what == "catheter" else self._replace)

    # operations

    def _geometry(self) -> Geometry:
        catheter, mixes = catheter_sheet(self.person.catheter), self.treatment.mixing
        return Geometry(catheter, Length(0), self.person.tip_level, self._sheet.tubing_volume, mixes)

    def _implant(self, at: Instant) -> None:
        self._drug = None
        begins = self.ordered or continuous(self.first_mcg_per_day)
        self._drug = self._strength(begins)
        self.ordered = self._entered = self._possible(begins)
        first, geometry = self._reduced if self.implanted else self.ordered, self._geometry()
        if self.implanted:
            self._restore(at)
        self._agenda.put("implant", at, lambda at: Implant(at, self._sheet, geometry, 0))
        self._fill_and_prime(at, first, geometry.dead_volume)

    def _fill_and_prime(self, at: Instant, order: Order, dead: Volume) -> None:
        drug, volume = self._drug or self._strength(order), self._sheet.reservoir_capacity
        self._drug = drug
        self._agenda.put("fill", at, lambda at: Refill(at, volume, drug, order))
        self._prime(at, dead)

    def _prime(self, at: Instant, volume: Volume) -> None:
        self._agenda.put("prime", at, lambda at: Prime(at, volume, FlowRate(self._sheet.flow_max.nl_per_day)))

    def _implanted(self, at: Instant) -> None:
        if self.implanted is None:
            self.implanted = at
            self.tally.mcg_per_day_first = daily_mcg(self.ordered)
            self._planned, self._new_faults = self.fate.faults(at, self.end), True
        self._in_since = at
        self.under_dose.ordered(at.s, daily_mcg(self.ordered) or 0.0)
        self._operated(at)

    def _operated(self, at: Instant) -> None:
        """After any operation: an infection may follow, and tablets that stood in are no longer needed."""
        day = self.fate.infection_day(self._streams["infection"])
        if day is not None:
            self._agenda.drop("infection")
            self._agenda.put("infection", days_on(at, day), lambda at: Note(at, "the pocket is infected"))
        if not self._broken and self._usual is not None:
            self._take(self._usual, at)
            self._usual = None

    def _infected(self, at: Instant) -> None:
        if self._in_since is None:
            return
        self.tally.infections += 1
        self._tell(at, "infection", first="infection")
        self._broken.add("infection")
        self.under_dose.noticed(at.s, known=True)
        if self._usual is None:
            self._usual = self.tablets
            self._take(TabletOrder(self.fate.world["cover"], _COVERS_A_DAY), at)
        self._agenda.put("explant", days_on(at, self.fate.world["surgery_days"]), Explant)

    def _explanted(self, at: Instant) -> None:
        assert self._in_since is not None  # there was a pump
        self.pump_s += at.s - self._in_since.s
        self._in_since, self._out_since, self._refill_date, self._late_s = None, at, None, 0
        self._broken.clear()
        self._agenda.drop(*_OF_THE_PUMP)
        self.under_dose.ordered(at.s, 0.0)
        self._tell(at, "explant")
        again = days_on(at, self.fate.world["without_pump_days"])
        self._agenda.put("implant planned", again, lambda at: Note(at, "the wound has healed: a new pump"))

    def _revise(self, at: Instant) -> Action:
        return Revise(at, self._geometry())

    def _revised(self, at: Instant) -> None:
        self.tally.revisions += 1
        self._tell(at, "revision")
        self._broken.discard("catheter")
        if self._out(at) and not self._broken:
            reduced = self._reduced
            self._restore(at)
            self._put_restore(at, reduced)
        self._prime(at, self._geometry().catheter_volume)  # after the program: none is taken while a prime runs
        if not self._broken:
            self._flows_again(at)
        self._operated(at)

    def _replace(self, at: Instant) -> Action:
        return ReplacePump(at, self._sheet, 0)

    def _replaced(self, at: Instant) -> None:
        assert self.ordered is not None  # a pump had a program
        self.tally.pump_replacements += 1
        self._tell(at, "pump replaced")
        self._broken.discard("pump")
        order = self._reduced if self._out(at) else self.ordered
        if self._out(at):
            self._restore(at)
        self._fill_and_prime(at, order, self._sheet.tubing_volume)
        if not self._broken:
            self._flows_again(at)
        self._operated(at)


_OF_THE_PUMP = (
    *("refill", "refilled plainly", "restore", "program", "wrong program found", "emptiness found", "alarm told"),
    *("catheter found", "pump found", "catheter repaired", "pump repaired", "fill", "prime", "infection", "explant"),
)
_AFTER: Mapping[str, Callable[[Any, Instant], None]] = {
    "program": PumpCourse._plan_refill,
    "restore": PumpCourse._plan_refill,
    "wrong program found": PumpCourse._correct,
    "implant": PumpCourse._implanted,
    "implant planned": PumpCourse._implant,
    "fill": PumpCourse._filled,
    "refill": PumpCourse._refilled,
    "refilled plainly": PumpCourse._refilled,
    "emptiness found": PumpCourse._found_empty,
    "alarm told": PumpCourse._sooner,
    "catheter found": lambda course, at: course._found("catheter", at),
    "pump found": lambda course, at: course._found("pump", at),
    "catheter repaired": PumpCourse._revised,
    "pump repaired": PumpCourse._replaced,
    "infection": PumpCourse._infected,
    "explant": PumpCourse._explanted,
}
"""What follows on what was done, by its purpose."""
_HEARD: Mapping[str, Callable[[Any, Event], None]] = {
    LOW: PumpCourse._alarmed,
    EMPTY: PumpCourse._alarmed,
    DRY: PumpCourse._dry,
    "rotor stands": PumpCourse._stops,
    "rotor turns": PumpCourse._turns,
    "motor stall": PumpCourse._stalls,
    "kink": PumpCourse._catheter_fails,
    "disconnection": PumpCourse._catheter_fails,
    STALLED: PumpCourse._critical,
    END: PumpCourse._critical,
    RESET: PumpCourse._critical,
    REPLACEMENT: PumpCourse._ends_soon,
}
"""What follows on an event of pump or line."""
