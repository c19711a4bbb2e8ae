"""The course of a patient with a running pump: programs, refills, and what comes of a pump that gives nothing."""

from dataclasses import replace

from thecal.chart.order import Order, OrderContinuous, ordered_dose, programmed
from thecal.errors import Refusal
from thecal.pump.messages import Event
from thecal.pump.program import check_program, nearest_flow
from thecal.pump.sheet import PumpSheet, pump_sheet
from thecal.quantity import Concentration, DailyDose
from thecal.study.agenda import Due
from thecal.study.course import Course, Entry, daily_mcg, days_on
from thecal.study.fate import Stream
from thecal.study.policy import scaled
from thecal.therapy.refill import RefillPolicy, refill_by
from thecal.timeline import DAY_S, HOUR_S, Instant
from thecal.twin.action import Action, Note, Refill, Reprogram


class RefillCourse(Course):
    """As a course, with a pump in it since ``_in_since``; how it comes in, fails and is taken out is the pump course's."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry)
        self.world = replace(self.world, gain=entry.fate.gain())
        self._sheet: PumpSheet = pump_sheet(entry.person.pump)
        self._in_since: Instant | None = None
        self._entered: Order | None = None
        self._runs: tuple[Order, Order] | None = None
        self._drug: Concentration | None = None
        self._refill_date: Instant | None = None
        self._called: Instant | None = None
        self._late_s = 0
        self._out: dict[str, Instant] = {}
        self._broken: set[str] = set()
        self._streams: dict[str, Stream] = {}

    @property
    def has_pump(self) -> bool:
        return self._in_since is not None

    def _stream(self, noun: str) -> Stream:
        """Chance in the name of a noun: each kind of event has its own, so that none moves another."""
        return self._streams.setdefault(noun, self.fate.stream(noun))

    def _refused(self, due: Due, why: str) -> None:
        super()._refused(due, why)
        if due.purpose == "refill":  # with a bridge that this pump cannot give: the drug of before
            self._agenda.put("refilled plainly", due.at, self._plain_refill)
        elif due.purpose == "refilled plainly":  # something else runs: another day
            self._agenda.put("refill", days_on(due.at, 1), self._refill)
        elif due.purpose == "restore":
            self._agenda.put("restore", days_on(due.at, 1), due.make)
        elif due.purpose == "program" and self._runs is not None:  # the clinic stays with what it had ordered
            self.ordered, self._entered = self._runs
            self.under_dose.ordered(due.at.s, daily_mcg(self.ordered) or 0.0)

    # programs

    def _program(self, order: Order | None, at: Instant) -> None:
        """Order a dose and program it, with the error that chance makes of it."""
        if order is None:
            return
        self.ordered = self._as_possible(order, at)
        entered = self._entered = self._with_error(self.ordered, at)
        self.under_dose.ordered(at.s, daily_mcg(self.ordered) or 0.0)
        self._agenda.put("program", at, lambda at: Reprogram(at, entered))

    def _as_possible(self, order: Order, at: Instant) -> Order:
        """The order as the pump can run it; where that is another, it is told."""
        possible = self._possible(order)
        if possible != order:
            asked, runs = daily_mcg(order), daily_mcg(possible)
            self._tell(at, "not as ordered", f"{asked:.4g} mcg/day, {order.mode}: {runs:.4g} mcg/day, {possible.mode}")
        return possible

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
        world, stream = self.fate.world, self._stream("programming")
        if not world["programming_error"]:
            return order
        chance, way, found = stream.uniform(), stream.uniform(), stream.exponential(world["fault_found_days"])
        if chance >= world["programming_error"] * (1 - world["second_person_finds"]):
            return order
        factor = world["programming_error_factor"] ** (1 if way < 0.5 else -1)
        self._tell(at, "programming error", f"{factor:.3g} times the ordered dose")
        self._agenda.put("wrong program found", days_on(at, found), lambda at: Note(at, "the program is not the order"))
        return self._possible(scaled(order, factor))

    def _programmed(self, at: Instant) -> None:
        self._accepted()
        self._plan_refill(at)

    def _accepted(self) -> None:
        """What was ordered and what was entered is what the pump runs."""
        if self.ordered is not None and self._entered is not None:
            self._runs = self.ordered, self._entered

    def _correct(self, at: Instant) -> None:
        if self._in_since and self._entered != self.ordered and not self._broken:
            self._program(self.ordered, at)

    # refills

    def _plan_refill(self, _: Instant) -> None:
        """Ask the patient to come, anew whenever the dose has changed; how late they come belongs to the fill."""
        self._agenda.drop("refill")
        self._refill_date = self._date()
        planned = [] if self._refill_date is None else [self._refill_date.s + self._late_s]
        called = [] if self._called is None else [self._called.s]
        if planned or called:
            now = self.chart.facts[-1].at.s  # of what has just been done
            self._agenda.put("refill", Instant(max(min(planned + called), now)), self._refill)

    def _date(self) -> Instant | None:
        plan, filled = self.treatment.refills, self.chart.filled
        if filled is None or plan.kind == "at alarm":
            return None
        if plan.kind == "fixed interval":
            assert plan.every is not None  # such a plan has one
            return filled.at + plan.every
        rules = RefillPolicy.default()
        rules = rules if plan.buffer is None else replace(rules, buffer=plan.buffer)
        found = refill_by(self.chart, self._sheet, rules)
        return max(found.instant, days_on(filled.at, 1)) if found else None

    def _sooner(self, at: Instant) -> None:
        """A refill at the latest at an instant."""
        if not self._broken and self._in_since:
            self._called = at
            self._plan_refill(at)

    def _refill(self, at: Instant) -> Action:
        order = self._reduced if self._long_out(at) else None
        drug = self._strength(order or self.ordered)
        if drug == self._drug:
            return Refill(at, self._sheet.reservoir_capacity, drug, order)
        return Refill(at, self._sheet.reservoir_capacity, drug, order or self.ordered, bridge=True)

    def _plain_refill(self, at: Instant) -> Action:
        assert self._drug is not None  # it was filled before
        return Refill(at, self._sheet.reservoir_capacity, self._drug, self._reduced if self._long_out(at) else None)

    def _refilled(self, at: Instant) -> None:
        self.tally.refills += 1
        if self._refill_date is not None and at.s > self._refill_date.s + HOUR_S:
            self.tally.refills_late += 1
            self._tell(at, "late refill", f"{(at.s - self._refill_date.s) / DAY_S:.1f} days after the date")
        if self._long_out(at):
            self._restore(at)
        self._flows_again(at, "empty")
        self._filled(at)

    def _filled(self, at: Instant) -> None:
        assert self.chart.filled is not None  # just now
        self._drug = self.chart.filled.concentration
        self._accepted()
        self._called = None
        stream, world = self._stream("refills"), self.fate.world
        chance, days = stream.uniform(), stream.exponential(world["missed_refill_days"])
        self._late_s = int(days * DAY_S) if chance < world["missed_refill"] else 0
        self._plan_refill(at)

    def _strength(self, order: Order | None) -> Concentration:
        """The weakest drug with which a fill lasts long enough, and never weaker than what is in the pump."""
        stock, capacity = self.treatment.concentrations, self._sheet.reservoir_capacity
        dose = ordered_dose(order) if order else None
        needed_pg = dose.pg_per_day * self.treatment.interval_days_min if dose else 0
        left = stock[stock.index(self._drug) if self._drug else 0 :]
        return next((drug for drug in left if capacity.of(drug).pg >= needed_pg), stock[-1])

    # outages

    def _long_out(self, at: Instant) -> bool:
        """Whether nothing has come for longer than a short interruption."""
        since = min(self._out.values(), default=at)
        return at.s - since.s > self.fate.world["restart_after"] * HOUR_S

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
        self.under_dose.ordered(at.s, part * (daily_mcg(usual) or 0.0))
        while part < 1:
            part, day = min(part * (1 + self.fate.world["restart_rise"]), 1.0), days_on(day, 1)
            self._put_restore(day, self._possible(scaled(usual, part)) if part < 1 else usual)

    def _restored(self, at: Instant) -> None:
        """A step of a restart, or the old dose at once: from now on it is what should come."""
        session = self.chart.session
        self.under_dose.ordered(at.s, daily_mcg(session.order if session else None) or 0.0)
        self._plan_refill(at)

    def _put_restore(self, at: Instant, order: Order) -> None:
        self._agenda.put("restore", at, lambda at: Reprogram(at, order))

    def _stops(self, cause: str, at: Instant) -> None:
        """Nothing comes any more, for a cause of its own."""
        self._out.setdefault(cause, at)

    def _flows_again(self, at: Instant, *causes: str) -> None:
        """Some causes are gone; an empty reservoir that was found meanwhile is filled."""
        for cause in causes:
            self._out.pop(cause, None)
        if not self._out:
            self.under_dose.noticed(at.s, known=False)
        elif "empty" in self._out:
            self._sooner(at)

    def _dry(self, event: Event) -> None:
        self._stops("empty", event.at)
        self._tell(event.at, "empty reservoir")
        self._agenda.put("emptiness found", self._shows("reservoir", event.at), lambda at: Note(at, "the effect is lost"))

    def _shows(self, what: str, at: Instant) -> Instant:
        """When symptoms of an outage bring the patient to the clinic."""
        return days_on(at, self._stream(f"symptoms of the {what}").exponential(self.fate.world["fault_found_days"]))

    def _found_empty(self, at: Instant) -> None:
        if "empty" in self._out and not self._broken:
            self.under_dose.noticed(at.s, known=True)
            self._sooner(at)

    def _alarmed(self, event: Event) -> None:
        self._tells(event, "alarm told")

    def _tells(self, event: Event, purpose: str) -> None:
        """The patient may hear an alarm, and tells the clinic of it."""
        stream, world = self._stream(event.kind), self.fate.world
        chance, days = stream.uniform(), stream.exponential(world["alarm_told_days"])
        if chance < world["alarm_heard"]:
            self._agenda.put(purpose, days_on(event.at, days), lambda at: Note(at, f"the patient tells of the {event.kind}"))
