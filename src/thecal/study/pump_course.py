"""The course of a patient who may have a pump: how it comes in, what it tells, how it fails, and operations."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from thecal.catheter.faults import Disconnection, Kink
from thecal.catheter.geometry import Geometry, catheter_sheet
from thecal.chart.order import Order
from thecal.pump.advance import RAN_DRY
from thecal.pump.alarms import EMPTY_RESERVOIR, LOW_BATTERY_RESET, LOW_RESERVOIR
from thecal.pump.messages import Event, Stall
from thecal.quantity import FlowRate, Length, Volume
from thecal.study.agenda import Due
from thecal.study.course import Entry, daily_mcg, days_on
from thecal.study.history import Decision
from thecal.study.policy import continuous
from thecal.study.refill_course import RefillCourse
from thecal.timeline import DAY_S, Instant
from thecal.twin.action import Action, Explant, Implant, Note, Prime, Refill, ReplacePump, Revise
from thecal.twin.world import OUTAGES, PlannedFault

LOW, EMPTY = f"{LOW_RESERVOIR.name} alarm", f"{EMPTY_RESERVOIR.name} alarm"
REPLACEMENT, END = "elective replacement alarm", "end of service alarm"
RESET, STALLED = f"{LOW_BATTERY_RESET} alarm", f"{Stall.name} alarm"


class PumpCourse(RefillCourse):
    """As a course; ``first_mcg_per_day`` is the first dose, and ``implant`` says whether the course begins with the pump."""

    pause = OUTAGES | {LOW, EMPTY, REPLACEMENT, END, RESET, STALLED, Stall.name}

    def __init__(self, entry: Entry, first_mcg_per_day: float, *, implant: bool) -> None:
        super().__init__(entry)
        self.first_mcg_per_day = first_mcg_per_day
        self.pump_s = 0
        self._planned: tuple[PlannedFault, ...] = ()
        self._new_faults = False
        if implant:
            self._implant(entry.start)

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

    @property
    def _may_implant(self) -> bool:
        return self.implanted is None

    def _decided(self, decision: Decision, at: Instant) -> None:
        if decision.implant:
            self._implant(at)
        elif self._in_since is None or self._broken or at <= self._in_since or self._agenda.holds("restore"):
            return  # no titration before a restart has come back to what was ordered
        elif decision.dosing is not None or self._entered != self.ordered:
            self._program(decision.dosing or self.ordered, at)

    # faults

    def _catheter_fails(self, event: Event) -> None:
        fault = next((planned.fault for planned in self._planned if planned.at == event.at), None)
        blocked = not (isinstance(fault, Kink) and fault.open_ppm)
        self._tell(event.at, "catheter", "occlusion" if event.kind == Kink.name and blocked else event.kind, first="catheter")
        if blocked:
            self._stops("catheter", event.at)
        self._agenda.put("catheter found", self._shows("catheter", event.at), lambda at: Note(at, "the catheter has failed"))

    def _stands(self, event: Event) -> None:
        self._stops("rotor", event.at)

    def _turns(self, event: Event) -> None:
        """A rotor that turns again is no failed pump, whatever its alarm had made of it."""
        if "pump" in self._out:
            return
        self._agenda.drop("pump found", "pump repaired")
        self._broken.discard("pump")
        if not self._broken:
            self._cover(event.at, on=False)
        self._flows_again(event.at, "rotor")

    def _fails(self, event: Event) -> None:
        self._tell(event.at, "pump", event.kind, first="pump")
        self._stops("pump", event.at)
        self._agenda.put("pump found", self._shows("pump", event.at), lambda at: Note(at, "the pump has failed"))

    def _critical(self, event: Event) -> None:
        if event.kind != STALLED:
            self._fails(event)
        self._tells(event, "pump found")

    def _ends_soon(self, event: Event) -> None:
        self._tell(event.at, "battery", event.kind)
        self._agenda.put("pump exchanged", days_on(event.at, self.fate.world["replacement_days"]), self._replace)

    def _found(self, what: str, at: Instant) -> None:
        gone = what == "pump" and not self._out.keys() & {"pump", "rotor"}
        if self._in_since is None or what in self._broken or gone:
            return
        self._broken.add(what)
        self.under_dose.noticed(at.s, known=True)
        self._cover(at, on=True)
        self._agenda.drop("restore", "wrong program found")
        make = self._revise if what == "catheter" else self._replace
        self._agenda.put(f"{what} repaired", days_on(at, self.fate.world["surgery_days"]), make)

    # operations

    def _geometry(self) -> Geometry:
        catheter, mixes = catheter_sheet(self.person.catheter), self.treatment.mixing
        return Geometry(catheter, Length(0), self.person.tip_level, self._sheet.tubing_volume, mixes)

    def _implant(self, at: Instant) -> None:
        self._drug = None
        begins = self.ordered or continuous(self.first_mcg_per_day)
        self._drug = self._strength(begins)
        self.ordered = self._entered = self._as_possible(begins, at)
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
            self._planned, self._new_faults = self.fate.faults(self._sheet, at, self.end), True
        self._in_since = at
        part = self.fate.world["restart_part"] if self._agenda.holds("restore") else 1.0
        self.under_dose.ordered(at.s, part * (daily_mcg(self.ordered) or 0.0))
        self._tell(at, "implant")
        self._flows_again(at, *self._out)
        self._operated(at, "an implant")

    def _operated(self, at: Instant, operation: str) -> None:
        """After any operation: an infection may follow, and tablets that stood in are no longer needed."""
        day = self.fate.infection_day(self._stream(f"infection after {operation}"))
        if day is not None:
            self._agenda.drop("infection")
            self._agenda.put("infection", days_on(at, day), lambda at: Note(at, "the pocket is infected"))
        if not self._broken:
            self._cover(at, on=False)

    def _infected(self, at: Instant) -> None:
        if self._in_since is None:
            return
        self.tally.infections += 1
        self._tell(at, "infection", first="infection")
        self._broken.add("infection")
        self.under_dose.noticed(at.s, known=True)
        self._cover(at, on=True)
        self._agenda.put("explant", days_on(at, self.fate.world["surgery_days"]), Explant)

    def _explanted(self, at: Instant) -> None:
        assert self._in_since is not None  # there was a pump
        self.pump_s += at.s - self._in_since.s
        self._in_since, self._refill_date, self._called, self._late_s = None, None, None, 0
        self._out = {"explant": at}
        self._broken.clear()
        self._agenda.drop(*_OF_THE_PUMP)
        self.under_dose.ordered(at.s, 0.0)
        self._tell(at, "explant", first="explant")
        again = days_on(at, self.fate.world["without_pump_days"])
        self._agenda.put("implant planned", again, lambda at: Note(at, "the wound has healed: a new pump"))

    def _revise(self, at: Instant) -> Action:
        return Revise(at, self._geometry())

    def _revised(self, at: Instant) -> None:
        self.tally.revisions += 1
        self._tell(at, "revision")
        self._broken.discard("catheter")
        self._agenda.drop("catheter found")
        if self._long_out(at) and not self._broken:
            reduced = self._reduced
            self._restore(at)
            self._put_restore(at, reduced)
        self._prime(at, self._geometry().catheter_volume)  # after the program: none is taken while a prime runs
        self._flows_again(at, "catheter")
        self._operated(at, "a revision")

    def _replace(self, at: Instant) -> Action:
        return ReplacePump(at, self._sheet, 0)

    def _replaced(self, at: Instant) -> None:
        assert self.ordered is not None  # a pump had a program
        self.tally.pump_replacements += 1
        self._tell(at, "pump replaced")
        self._broken.discard("pump")
        self._agenda.drop("pump found", "pump repaired", "pump exchanged", "refill", "alarm told", "emptiness found")
        order = self._reduced if self._long_out(at) else self.ordered
        if self._long_out(at):
            self._restore(at)
        self._fill_and_prime(at, order, self._sheet.tubing_volume)
        self._flows_again(at, "pump", "rotor", "empty")
        self._operated(at, "an exchange")


_OF_THE_PUMP = (
    *("refill", "refilled plainly", "restore", "program", "wrong program found", "emptiness found", "alarm told"),
    *(
        "catheter found",
        "pump found",
        "catheter repaired",
        "pump repaired",
        "pump exchanged",
        "fill",
        "prime",
        "infection",
        "explant",
    ),
)
_AFTER: Mapping[str, Callable[[Any, Instant], None]] = {
    "program": PumpCourse._programmed,
    "restore": PumpCourse._restored,
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
    "pump exchanged": PumpCourse._replaced,
    "infection": PumpCourse._infected,
    "explant": PumpCourse._explanted,
}
"""What follows on what was done, by its purpose."""
_HEARD: Mapping[str, Callable[[Any, Event], None]] = {
    LOW: PumpCourse._alarmed,
    EMPTY: PumpCourse._alarmed,
    RAN_DRY: PumpCourse._dry,
    "rotor stands": PumpCourse._stands,
    "rotor turns": PumpCourse._turns,
    Stall.name: PumpCourse._fails,
    Kink.name: PumpCourse._catheter_fails,
    Disconnection.name: PumpCourse._catheter_fails,
    STALLED: PumpCourse._critical,
    END: PumpCourse._critical,
    RESET: PumpCourse._critical,
    REPLACEMENT: PumpCourse._ends_soon,
}
"""What follows on an event of pump or line."""
