"""What a run leaves: the course in rows between actions, events, refusals, Blocks at the tip and the closing balance."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from thecal.chart.chart import Chart
from thecal.chart.facts import Fact, SessionEnded
from thecal.chart.order import ordered_dose, pattern_dose
from thecal.errors import Refusal
from thecal.pump.messages import Event
from thecal.pump.program import PeriodicBolus, program_pattern
from thecal.pump.regimen import Regimen
from thecal.pump.state import PumpState
from thecal.quantity import Concentration, DailyDose, Volume
from thecal.therapy.refill import RefillBy, RefillPolicy, refill_by
from thecal.timeline import DAY_S, NO_FLOW, Block, Instant, Interval
from thecal.twin.action import Action, UsePort
from thecal.twin.done import Done
from thecal.twin.ledger import Balance, Entry
from thecal.twin.world import OUTAGES, Passed, World


@dataclass(frozen=True, slots=True)
class Course:
    """One row, with its ``facts``, each at its own time: from one action that changed something to the next.

    A row also ends where the flow stops or comes back by itself, so that no mean hides an outage. A last row without time holds
    what was done at the very end. ``alarms`` are those that sound at the row's end.

    Doses are means over the row; the volumes ``believed`` and ``true`` are those at its end. ``concentration`` is what the
    pump was told, ``true_mcg_per_ml`` what it holds.

    ``ordered`` is None without a dose (no pump, the minimum rate), ``programmed`` without a concentration; ``believed`` is
    None until a volume has been typed in.
    """

    interval: Interval
    facts: tuple[Fact, ...]
    mode: str | None
    regimen: Regimen | None
    concentration: Concentration | None
    true_mcg_per_ml: float | None
    ordered: DailyDose | None
    programmed: DailyDose | None
    delivered_nl: int
    delivered_pg: int
    believed_at_start: Volume | None
    true_at_start: Volume | None
    believed: Volume | None
    true: Volume | None
    refill_by: RefillBy | None
    alarms: tuple[str, ...]

    @property
    def refill_by_passed(self) -> bool:
        """Whether the date to refill by passed in this row without a refill."""
        return self.refill_by is not None and self.refill_by.instant < self.interval.end

    @property
    def delivered_mcg_per_day(self) -> float | None:
        """The mean dose that left the tip, in mcg a day; None for a row without time."""
        if not self.interval.seconds:
            return None
        return self.delivered_pg * DAY_S / self.interval.seconds / 10**6


@dataclass(frozen=True, slots=True)
class PortBolus:
    """What an injection at the catheter access port drove out at the tip, at once."""

    at: Instant
    volume_nl: int
    amount_pg: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused action, and whether its refusal was expected."""

    action: Action
    refusal: Refusal


@dataclass(frozen=True, slots=True)
class Trace:
    """The whole run. ``outlet`` and ``tip`` are empty where the record did not keep them.

    ``drug_front_at_tip`` is when fluid of at least half the concentration that the pump was told first left the tip.
    """

    start: Instant
    end: Instant
    courses: tuple[Course, ...]
    events: tuple[Event, ...]
    refused: tuple[Refused, ...]
    unrefused: tuple[Action, ...]
    outlet: tuple[Block, ...]
    tip: tuple[Block, ...]
    port: tuple[PortBolus, ...]
    drug_front_at_tip: Instant | None
    chart: Chart
    world: World
    balance: Balance

    @property
    def as_expected(self) -> bool:
        """Whether every refusal was expected, and every expected one came."""
        return not self.unrefused and all(refused.action.expect_refused for refused in self.refused)

    def delivered_at(self, instants: Iterable[Instant]) -> Iterator[tuple[int, int]]:
        """(nanolitres, picograms) that had left the tip by each of the instants, which are in order; exact.

        What an injection at the access port drove out counts at once. Needs the Blocks at the tip.
        """
        volume_nl = amount_pg = 0
        blocks, needles = iter(self.tip), list(self.port)
        block = next(blocks, None)
        for instant in instants:
            while needles and needles[0].at <= instant:
                needle = needles.pop(0)
                volume_nl += needle.volume_nl
                amount_pg += needle.amount_pg
            while block and block.interval.end <= instant:
                volume_nl += block.volume_nl
                amount_pg += block.amount_pg
                block = next(blocks, None)
            seconds = instant.s - block.interval.start.s if block else 0
            if block and seconds > 0:
                yield volume_nl + block.volume_by(seconds), amount_pg + block.amount_by(seconds)
            else:
                yield volume_nl, amount_pg


@dataclass(slots=True)
class Record:
    """Collects what is kept of a run.

    ``keep_rows`` keeps the course in rows, ``keep_blocks`` the flow itself; ``policy`` bounds the refill dates of the rows;
    ``progress`` is told the instant that the run has reached.
    """

    policy: RefillPolicy | None = None
    keep_rows: bool = True
    keep_blocks: bool = True
    progress: Callable[[Instant], None] | None = None
    courses: list[Course] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    unrefused: list[Action] = field(default_factory=list)
    outlet: list[Block] = field(default_factory=list)
    tip: list[Block] = field(default_factory=list)
    port: list[PortBolus] = field(default_factory=list)
    drug_front_at_tip: Instant | None = None
    _row: "_Row | None" = None

    def passed(self, before: World, passed: Passed, chart: Chart) -> None:
        """Time has passed."""
        self.events.extend(passed.events)
        if self.drug_front_at_tip is None:
            told = _strength(passed.world.pump) if passed.world.pump else 0
            fronts = (_drug_front(block, told) for block in passed.tip if block.amount_pg) if told else ()
            self.drug_front_at_tip = next((front for front in fronts if front), None)
        if self.keep_blocks:
            self.outlet.extend(passed.outlet)
            self.tip.extend(passed.tip)
        if self.keep_rows:
            self._row = self._row or _Row(before, chart, [], before.ledger.intrathecal)
            self._row.now = passed.world
            if any(event.kind in OUTAGES for event in passed.events):
                self._close()
                self._row = _Row(passed.world, chart, [], passed.world.ledger.intrathecal)
        if self.progress:
            self.progress(passed.world.now)

    def acted(self, done: Done, chart: Chart, action: Action, facts: tuple[Fact, ...], refusal: Refusal | None) -> None:
        """An action was carried out or refused and left its facts; one that changed the world opens a new row."""
        self.events.extend(done.events)
        if refusal:
            self.refused.append(Refused(action, refusal))
        elif action.expect_refused:
            self.unrefused.append(action)
        row = self._row
        if row is None:
            return
        if isinstance(action, UsePort):
            before, after = row.now.ledger.intrathecal, done.world.ledger.intrathecal
            volume_nl, amount_pg = after.volume_nl - before.volume_nl, after.amount_pg - before.amount_pg
            self.port.append(PortBolus(action.at, volume_nl, amount_pg))
        if done.world is not row.now:
            self._close()
            begun = row.now.now == row.start.now  # what was done in the same second stands in one row
            before, after = row.now.ledger.intrathecal, done.world.ledger.intrathecal
            given = row.already if begun else before
            if not isinstance(action, UsePort):  # a bolus by lumbar puncture did not leave the tip
                given = given.plus(after.volume_nl - before.volume_nl, after.amount_pg - before.amount_pg)
            row = self._row = _Row(done.world, chart, row.facts if begun else [], given)
        row.chart = chart
        row.facts.extend(facts)

    def trace(self, start: Instant, world: World, chart: Chart) -> Trace:
        """The finished run."""
        self._close(last=True)
        return Trace(
            start=start,
            end=world.now,
            courses=tuple(self.courses),
            events=tuple(self.events),
            refused=tuple(self.refused),
            unrefused=tuple(self.unrefused),
            outlet=tuple(self.outlet),
            tip=tuple(self.tip),
            port=tuple(self.port),
            drug_front_at_tip=self.drug_front_at_tip,
            chart=chart,
            world=world,
            balance=world.balance(),
        )

    def _close(self, *, last: bool = False) -> None:
        """Keep the open row, if time has passed in it; the last one also if something was done at the very end."""
        row = self._row
        if row is not None and (row.now.now > row.start.now or (last and row.facts)):
            self.courses.append(row.course(self.policy or RefillPolicy.default()))


@dataclass(slots=True)
class _Row:
    """A row that is not closed yet: the world at its start and now, the chart at its start, what happened in it, and what had
    been given before it. What a needle in the port gives at its start belongs to it.
    """

    start: World
    chart: Chart
    facts: list[Fact]
    already: Entry
    now: World = field(init=False)

    def __post_init__(self) -> None:
        self.now = self.start

    def course(self, policy: RefillPolicy) -> Course:
        """The row as it is kept."""
        before, after = self.start.pump, self.now.pump
        delivered, already = self.now.ledger.intrathecal, self.already
        ordered, programmed = _doses(before, self.chart.session)
        return Course(
            interval=Interval(self.start.now, self.now.now),
            facts=tuple(self.facts),
            mode=_mode(before) if before else None,
            regimen=Regimen(before.memory.program, before.sheet, before.memory.settings.patient) if before else None,
            concentration=before.memory.concentration if before else None,
            true_mcg_per_ml=before.mechanics.reservoir.mcg_per_ml if before and before.usable_nl else None,
            ordered=ordered,
            programmed=programmed,
            delivered_nl=delivered.volume_nl - already.volume_nl,
            delivered_pg=delivered.amount_pg - already.amount_pg,
            believed_at_start=_believed(before),
            true_at_start=Volume(before.usable_nl) if before else None,
            believed=_believed(after),
            true=Volume(after.usable_nl) if after else None,
            refill_by=refill_by(self.chart, before.sheet, policy) if before else None,
            alarms=tuple(alarm.kind.name for alarm in after.memory.alarms) if after else (),
        )


def _strength(pump: PumpState) -> float:
    """What the pump was told it holds; what it holds, where it cannot be told."""
    told = pump.memory.concentration
    return told.mcg_per_ml if told else 0 if pump.sheet.programmable else pump.mechanics.reservoir.mcg_per_ml


def _drug_front(block: Block, mcg_per_ml: float) -> Instant | None:
    """When fluid of at least half a concentration first leaves the tip in a Block: a front spreads, its middle is where it is."""
    ahead_nl = 0
    for parcel in block.parcels:
        if 2 * parcel.of_pg >= mcg_per_ml * parcel.of_nl > 0:
            seconds = block.first_second(ahead_nl + 1)
            return Instant(block.interval.start.s + (seconds or 0))
        ahead_nl += parcel.volume_nl
    return None


def _mode(pump: PumpState) -> str:
    """The program, or what keeps the pump from it."""
    hold = pump.memory.hold
    return hold.mode if hold else pump.memory.program.mode


def _believed(pump: PumpState | None) -> Volume | None:
    known_nl = pump.known_nl if pump else None
    return None if known_nl is None else Volume(known_nl)


def _doses(pump: PumpState | None, session: SessionEnded | None) -> tuple[DailyDose | None, DailyDose | None]:
    if pump is None or session is None or session.order is None:
        return None, None
    if pump.memory.concentration is None:
        return ordered_dose(session.order), None
    hold = pump.memory.hold
    program = pump.memory.program
    pattern = program_pattern(program, pump.sheet) if isinstance(program, PeriodicBolus) else pump.memory.basal
    pattern = NO_FLOW if hold and hold.stops else pattern
    return ordered_dose(session.order), pattern_dose(pattern, pump.memory.concentration)
