"""One patient in one arm: what people do and what happens to them, as a source of the one loop.

The clinic knows the chart and nothing else; the patient and the world know what truly is. Both put what they will do on one
agenda, and the loop takes it from there. This is everybody's course: visits, tablets and decisions;
:class:`~thecal.study.pump_course.PumpCourse` is that of people who may have a pump.
"""

from dataclasses import dataclass, field

from thecal.chart.chart import Chart
from thecal.chart.facts import Acted, Assessed
from thecal.chart.order import Order, ordered_dose
from thecal.pump.messages import Event
from thecal.quantity import Concentration
from thecal.study.agenda import Agenda, Due
from thecal.study.fate import Fate
from thecal.study.history import NO_TABLETS, Decision, History, TabletOrder, decided
from thecal.study.people import Person
from thecal.study.treatment import Treatment
from thecal.study.under_dose import UnderDose
from thecal.timeline import DAY_S, Instant, read_zone
from thecal.twin.action import Action, Assess, GiveTestBolus, StopTablets, TakeTablets
from thecal.twin.exposure import Exposure
from thecal.twin.run import run
from thecal.twin.trace import Record
from thecal.twin.world import OUTAGES, World

BEFORE_DAYS = 14
"""So long before the start the tablets of before are followed, until every day is like the one before."""
_PG_PER_MCG = 10**6
_TABLETS_A_DAY, _COVERS_A_DAY = 3, 4
_UTC = read_zone("UTC")
_TEST_DRUG = Concentration(50)  # what screening is made with (SAF-02)


def daily_mcg(order: Order | None) -> float | None:
    """The mean daily dose of an order, None without a dose."""
    dose = ordered_dose(order) if order else None
    return None if dose is None else dose.pg_per_day / _PG_PER_MCG


def days_on(at: Instant, days: float) -> Instant:
    """An instant so many days later, to the second."""
    return Instant(at.s + int(days * DAY_S))


@dataclass(slots=True)
class Tally:
    """What is counted of a patient. ``first_days`` are days from the start of the follow-up, by what happened; ``events`` are
    (day, kind, detail).
    """

    refills: int = 0
    refills_late: int = 0
    revisions: int = 0
    pump_replacements: int = 0
    infections: int = 0
    mcg_per_day_first: float | None = None
    first_days: dict[str, float] = field(default_factory=dict)
    events: list[tuple[float, str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody who enters an arm: what is given to them goes to ``exposure``, and they are followed from ``start`` until ``end``.

    ``screened`` is the bolus that was enough (mcg) and the hours it held, if any.
    """

    treatment: Treatment
    person: Person
    exposure: Exposure
    fate: Fate
    start: Instant
    end: Instant
    screened: tuple[float, float] | None = None


class Course:
    """A patient from the day they enter an arm until the end."""

    pause = OUTAGES
    """The events at which the course is asked again."""

    def __init__(self, entry: Entry) -> None:
        self.treatment, self.person, self.fate = entry.treatment, entry.person, entry.fate
        self.start, self.end, self.screened = entry.start, entry.end, entry.screened
        treatment, person, start = entry.treatment, entry.person, entry.start
        takes_before = treatment.tablets_before and person.tablets_mg_per_day
        began = days_on(start, -BEFORE_DAYS) if takes_before else start
        self.world, self.chart = World(began, exposure=entry.exposure), Chart()
        self.tally = Tally()
        self.under_dose = UnderDose(entry.fate.world["underdose_part"])
        self.visits: list[Assessed] = []
        self.tablets, self.tablets_since = NO_TABLETS, began
        self._covered = False
        self.ordered: Order | None = None
        self.implanted: Instant | None = None
        self._agenda, self._record = Agenda(), Record(keep_rows=False, keep_blocks=False)
        self._acted = self._heard = 0
        if treatment.test_bolus is not None:
            dose = treatment.test_bolus
            self._agenda.put("test bolus", start, lambda at: GiveTestBolus(at, dose, _TEST_DRUG))
        if takes_before:
            self._prescribe(TabletOrder(person.tablets_mg_per_day / _TABLETS_A_DAY, _TABLETS_A_DAY), began)

    def reach(self, until: Instant) -> None:
        """Let the course go on until an instant; what is due at it is done."""
        trace = run(self.world, self._next, until, self._record, self.chart, self.pause)
        self.world, self.chart = trace.world, trace.chart

    def visit(self, found: Assessed) -> None:
        """What an examiner finds now; the policy decides once it is written down."""
        self._agenda.put("visit", found.at, lambda at: Assess(at, found))

    def day(self, at: Instant) -> float:
        """Days from the start of the follow-up."""
        return (at.s - self.start.s) / DAY_S

    @property
    def has_pump(self) -> bool:
        """Whether a pump is in now."""
        return False

    @property
    def mcg_per_day(self) -> float | None:
        """The dose that the clinic has ordered, None without a pump."""
        return daily_mcg(self.ordered) if self.has_pump else None

    @property
    def taken(self) -> TabletOrder:
        """The tablets that are taken now."""
        return TabletOrder(self.fate.world["cover"], _COVERS_A_DAY) if self._covered else self.tablets

    def history(self, now: Instant) -> History:
        """The patient as the clinic knows them."""
        since = (now.s - self.implanted.s) // DAY_S if self.implanted is not None and self.has_pump else None
        taken = (now.s - self.tablets_since.s) / DAY_S
        day, dose, bolus = round(self.day(now)), self.mcg_per_day, self.screened or (None, None)
        seen = tuple(self.visits)
        return History(self.person, self.chart, now, day, since, seen, dose, self.ordered, self.tablets, taken, *bolus)

    @property
    def pump_days(self) -> float:
        """How long a pump has been in."""
        return 0.0

    # the loop

    def _next(self, chart: Chart, _: Instant) -> Action | None:
        self.chart = chart
        if chart.acted > self._acted:
            self._acted = chart.acted
            self._after(self._agenda.done(), chart.facts[-1])
        for event in self._record.events[self._heard :]:
            self._hear(event)
        self._heard = len(self._record.events)
        return self._agenda.next()

    def _after(self, due: Due, acted: object) -> None:
        """Take note of what was carried out, or refused."""
        assert isinstance(acted, Acted)  # every action leaves one, last
        if acted.refusal is not None:
            self._refused(due, f"{due.purpose}: {acted.refusal.rule}, {acted.refusal.asked}")
        else:
            self._done(due)

    def _refused(self, due: Due, why: str) -> None:
        self._tell(due.at, "refused", why)

    def _done(self, due: Due) -> None:
        if due.purpose == "visit":
            self._visited(due.at)

    def _hear(self, event: Event) -> None:
        """An event of pump or line; who has none hears nothing."""

    def _tell(self, at: Instant, kind: str, detail: str = "", first: str = "") -> None:
        day = self.day(at)
        self.tally.events.append((day, kind, detail))
        if first:
            self.tally.first_days.setdefault(first, day)

    # visits

    def _visited(self, at: Instant) -> None:
        found = self.chart.facts[-2]
        assert isinstance(found, Assessed)  # what was just written down
        self.visits.append(found)
        decision = decided(self.treatment.policy(self.history(at)))
        if decision.implant and not self._may_implant:
            return
        if decision.tablets is not None:
            self._prescribe(decision.tablets, at)
        self._decided(decision, at)

    @property
    def _may_implant(self) -> bool:
        """Whether a decision for a pump can be followed; where it cannot, all of it is as if not made."""
        return False

    def _decided(self, decision: Decision, at: Instant) -> None:
        """What a decision means for a pump; who may have none gets none."""

    def _prescribe(self, tablets: TabletOrder, at: Instant) -> None:
        """Tablets from now on, instead of those of before."""
        self.tablets, self.tablets_since = tablets, at
        if not self._covered:  # else they are taken once the cover ends
            self._take(tablets, at)

    def _cover(self, at: Instant, *, on: bool) -> None:
        """Tablets while a pump cannot give the therapy, and no longer."""
        if on != self._covered:
            self._covered = on
            self._take(self.taken, at)

    def _take(self, tablets: TabletOrder, at: Instant) -> None:
        if tablets.times:
            self._agenda.put("tablets", at, lambda at: TakeTablets(at, tablets.doses, tablets.times_s, "tablet", _UTC))
        else:
            self._agenda.put("tablets", at, StopTablets)
