"""A real pump for tests of its printouts: a virtual one that runs beside the record, and what a programmer prints of it."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from tests.clinic.practice import Clock
from tests.web.test_visit import begun, history_of, step, to_the_pump
from tests.web.visitor import Visitor
from thecal.bench.new_pump import ready_pump
from thecal.chart.chart import Chart
from thecal.chart.clinical import Documented, Overrode, Signed
from thecal.chart.line_ledger import LineLedger, line_ledger, strength
from thecal.chart.order import OrderContinuous, OrderPatient
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic.entry import Entry, OrderWritten, VisitStepped
from thecal.clinic.practice import By, Practice
from thecal.clinic.prediction import INSTEAD_OF_BASAL
from thecal.errors import Refusal
from thecal.pump.handle import report
from thecal.pump.messages import Report
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Amount, Concentration, DailyDose, Volume
from thecal.therapy.due import RefillDue, mean_flow, refill_due
from thecal.therapy.look import Look
from thecal.timeline import DAY_S, Duration, Instant
from thecal.twin.action import Action
from thecal.twin.action import Look as Interrogate
from thecal.twin.run import run
from thecal.twin.trace import Record
from thecal.twin.world import World

MODEL = "reference-20"
ZONE = ZoneInfo("Europe/Berlin")
DOSE = DailyDose(100 * 10**6)
C1000 = Concentration(1000)
FULL = Volume(18_000_000)
PATIENT = OrderPatient(Amount(5 * 10**6), Duration(600), Duration(4 * 3600), 4)
BOLUSES = {"patient": "set", "pb_dose": "5", "pb_over": "10 min", "pb_lockout": "4 h", "pb_per_day": "4"}
BRIDGED = OrderSheet(OrderContinuous(DOSE), None, C1000, FULL, bridge=True, confirm_total=DOSE)


@dataclass
class Virtual:
    """A virtual pump that began as the one that was admitted, and the chart of who programs it: what the printouts are of."""

    world: World
    chart: Chart

    @classmethod
    def like(cls, at: Instant) -> "Virtual":
        made = ready_pump(pump_sheet(MODEL), at)
        assert not isinstance(made, Refusal)
        chart = Chart().after(*made.facts)
        ledger = line_ledger(chart)
        assert ledger is not None
        return cls(World(at, made.state, ledger.line, geometry=ledger.geometry), chart)

    def until(self, at: Instant, *actions: Action) -> Report:
        """What it says at an instant, once all that was to be done is done."""
        waiting = list(actions)
        trace = run(
            self.world, lambda *_: waiting.pop(0) if waiting else None, at, Record(keep_rows=False, keep_blocks=False), self.chart
        )
        assert not trace.refused, trace.refused
        self.world, self.chart = trace.world, trace.chart
        assert self.world.pump is not None
        return report(self.world.pump)

    @property
    def look(self) -> Look:
        return Look.at(self.chart, self.world.now, sheet=pump_sheet(MODEL))


def printed(said: Report, what: str = "reading") -> dict[str, object]:
    """What a programmer prints of a report: volumes to 0.1 mL, and the alarm as a date."""
    assert said.calculated is not None
    assert said.concentration is not None
    a_day, per = mean_flow(said, pump_sheet(MODEL), patient=True)
    basal, _ = mean_flow(said, pump_sheet(MODEL), patient=False)
    since = said.bolus_ends if said.bolus_ends and said.mode in INSTEAD_OF_BASAL else said.at
    above_nl = said.calculated.nl - said.bolus_left.nl - said.low_reservoir.nl
    dose = f"{basal * said.concentration.mcg_per_ml / per / 10**6:.1f} mcg/day"
    return {
        "what": what,
        "concentration": str(said.concentration),
        "daily_dose": dose,
        "day_total": dose,
        "calculated": f"{said.calculated.nl / 10**6:.1f} mL",
        "low_reservoir": str(said.low_reservoir),
        "alarm_on": Instant(since.s + above_nl * DAY_S * per // a_day).date(ZONE).isoformat(),
    }


def ledger_of(chart: Chart) -> LineLedger:
    found = line_ledger(chart)
    assert found is not None
    return found


def due_of(practice: Practice, stream: str) -> RefillDue:
    with practice.reading() as reading:
        found = refill_due(reading.look(reading.history(stream)))
    assert found is not None
    return found


def ordered(practice: Practice, stream: str, visit: str, orders: OrderSheet) -> None:
    """The order of a visit, with what goes on in spite of a rule, entered again by a second person."""
    name, now = visit.rpartition("/")[2], practice.now
    entries: tuple[Entry, ...] = (
        Documented(now, "device record"),
        Documented(now, "reconciliation"),
        Overrode(now, "TIT-03", "spasms", "dora", "physician"),
        OrderWritten(now, name, "dora", orders),
        VisitStepped(now, name, "order approved", "dora"),
        Signed(now, "dora", "nils", "nurse"),
        VisitStepped(now, name, "second person", "nils"),
    )
    practice.write(stream, history_of(practice, stream).version, entries, By("dora"), "wrote an order")


def at_the_pump(nora: Visitor, stream: str, virtual: Virtual, now: Instant, kind: str = "titration") -> str:
    """A visit at which the pump was read by its printout."""
    visit = begun(nora, stream, kind)
    to_the_pump(nora, visit)
    answer = step(nora, visit, "pump/printed", printed(virtual.until(now, Interrogate(now))))
    assert answer.status == 200, answer.words
    return visit


def pass_(clock: Clock, visitor: Visitor, duration: Duration) -> None:
    """Let time pass, and sign in again: nobody stays signed in for so long."""
    clock.pass_(duration)
    visitor.sign_in()


def same_course(practice: Practice, stream: str, virtual: Virtual, readings: int = 0) -> None:
    """What lies in the line, and when a refill is due; to the nanolitre that each reading since may round."""
    mine, other = ledger_of(history_of(practice, stream).chart), ledger_of(virtual.chart)
    assert [strength(parcel) for parcel in mine.line.parcels] == [strength(parcel) for parcel in other.line.parcels]
    for one, like in zip(mine.line.parcels, other.line.parcels, strict=True):
        assert abs(one.volume_nl - like.volume_nl) <= readings
    assert abs(mine.pumped.nl - other.pumped.nl) <= readings
    assert (mine.reservoir, mine.doubts) == (other.reservoir, other.doubts)
    due, likewise = due_of(practice, stream), refill_due(virtual.look)
    assert likewise is not None
    assert due.refill_by == likewise.refill_by
    for name in ("alarm", "empty", "counted"):
        one, like = getattr(due, name), getattr(likewise, name)
        assert abs(one.s - like.s) <= readings  # a nanolitre takes less than a second of these flows
