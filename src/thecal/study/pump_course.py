"""The course of a patient who may have a pump: how it comes in, what it tells, how it fails, and operations."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from thecal.catheter.faults import Kink
from thecal.catheter.geometry import Geometry, catheter_sheet
from thecal.chart.order import Order
from thecal.pump.messages import Event
from thecal.quantity import FlowRate, Length, Volume
from thecal.study.agenda import Due
from thecal.study.course import daily_mcg, days_on
from thecal.study.fate import Fate
from thecal.study.history import Decision, TabletOrder
from thecal.study.people import Person
from thecal.study.policy import continuous
from thecal.study.refill_course import RefillCourse
from thecal.study.treatment import Treatment
from thecal.timeline import DAY_S, Instant
from thecal.twin.action import Action, Explant, Implant, Note, Prime, Refill, ReplacePump, Revise
from thecal.twin.exposure import Exposure
from thecal.twin.world import OUTAGES, PlannedFault

LOW, EMPTY, DRY = "low reservoir alarm", "empty reservoir alarm", "reservoir ran dry"
REPLACEMENT, END = "elective replacement alarm", "end of service alarm"
RESET, STALLED = "low battery reset alarm", "motor stall alarm"
_COVERS_A_DAY = 4


class PumpCourse(RefillCourse):
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
        self.first_mcg_per_day = first_mcg_per_day
        self.pump_s = 0
        self._planned: tuple[PlannedFault, ...] = ()
        self._new_faults = False
        self._usual: TabletOrder | None = None
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

    def _hear(self, event: Event) -> None:
        follow = _HEARD.get(event.kind)
        if follow and self._in_since:
            follow(self, event)

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
    "program": PumpCourse._programmed,
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
