"""Needles: the refill, the catheter access port, and a valve that is reset by hand."""

from dataclasses import replace

from thecal.catheter.port import PortUse, aspirate, inject
from thecal.chart.chart import Chart
from thecal.chart.facts import Entered, Fact, Filled, PortUsed, ResidualMeasured
from thecal.chart.line_ledger import advanced, line_ledger
from thecal.chart.order import Order, ordered_dose, patient_bolus_for, programmed
from thecal.errors import Refusal
from thecal.fluid import Parcel, amount_of, volume_of
from thecal.programmer.bridge import bridge_from
from thecal.pump.advance import RAN_DRY
from thecal.pump.handle import handle, report
from thecal.pump.messages import Event, ResetValve, Update, Withdraw
from thecal.pump.program import BridgeBolus
from thecal.pump.reservoir import perform
from thecal.pump.state import PumpState
from thecal.quantity import Amount, Volume
from thecal.therapy.residual import known_empty, worked_out
from thecal.twin.action import EmptyReservoir, Needle, OpenValve, Refill, UsePort
from thecal.twin.done import Done
from thecal.twin.exchange import exchange, old_in_line, spoiled
from thecal.twin.telemetry import ended
from thecal.twin.world import World

PORT_BOLUS = "bolus through the port"


def refill(world: World, chart: Chart, action: Refill, pump: PumpState) -> Done | Refusal:
    """Aspirate, fill, enter; all of it, or nothing where one part is refused."""
    update = _update(chart, action, pump)
    if isinstance(update, Refusal):
        return update
    done = exchange(pump, Needle(action.volume, action.concentration, action.measured, drawn_up=action.drawn_up), world.slip)
    if isinstance(done, Refusal):
        return done
    events: list[Event] = []
    after = spoiled(done.pump, world.slip, action.at, events)
    session: tuple[Fact, ...] = ()
    if update is not None:
        answer = handle(after, update)
        if isinstance(answer, Refusal):
            return answer
        after, session = answer.state, (ended(action, action.order, answer, chart),)
        events.extend(answer.events)
    if after.usable_nl <= 0:
        events.append(Event(action.at, RAN_DRY, "unsensed", "nothing went into the reservoir"))
    ledger = done.booked(world.ledger)
    residual = _residual(pump, chart, action, done.residual)
    typed = action.typed or action.volume
    entered = (Entered(action.at, typed, action.volume),) if pump.sheet.programmable else ()
    facts: tuple[Fact, ...] = (*residual, Filled(action.at, action.volume, action.concentration), *entered, *session)
    old = _still_in_line(world, chart, pump, action)
    return Done(replace(world, pump=after, ledger=ledger, slip=None), facts, (*events, *old))


def _update(chart: Chart, action: Refill, pump: PumpState) -> Update | Refusal | None:
    """What is entered after the fill; nothing in a pump without electronics."""
    sheet = pump.sheet
    if not sheet.programmable and action.order is None and action.patient is None and not action.bridge:
        return None
    program = None if action.order is None else programmed(action.order, action.concentration, sheet)
    if isinstance(program, Refusal):
        return program
    patient = None if action.patient is None else patient_bolus_for(action.patient, action.concentration)
    if isinstance(patient, Refusal):
        return patient
    refusal = sheet.check_programmable("a refill with a bridge or a patient bolus")
    if refusal:
        return refusal
    bridge = _bridge(chart, action, pump) if action.bridge else None
    if isinstance(bridge, Refusal):
        return bridge
    return Update(program, action.concentration, action.typed or action.volume, patient=patient, bolus=bridge)


def _bridge(chart: Chart, action: Refill, pump: PumpState) -> BridgeBolus | Refusal:
    """The bridge bolus of the plan: what lies in the line of the old concentration, at the flow that keeps the ordered dose."""
    old, ledger = pump.memory.concentration, line_ledger(chart)
    order: Order | None = action.order or (chart.session.order if chart.session else None)
    dose = ordered_dose(order) if order else None
    if old is None or ledger is None or dose is None or not dose.pg_per_day or old == action.concentration:
        return Refusal(
            "TWN-05",
            "a bridge bolus" + (f" from {old} to {action.concentration}" if old else ""),
            "another concentration in the pump before, and a dose to keep",
            "ITB refill practice: a bridge paces the old concentration out of the line",
            "Leave the bridge out.",
        )
    plan = bridge_from(advanced(ledger, report(pump)).with_fill(action.concentration), action.concentration, dose, pump.sheet)
    return plan if isinstance(plan, Refusal) else plan.bolus


def _still_in_line(world: World, chart: Chart, before: PumpState, action: Refill) -> tuple[Event, ...]:
    told = before.memory.concentration
    if told is None and chart.filled and not before.sheet.programmable:
        told = chart.filled.concentration
    return () if action.bridge else old_in_line(world.line, told, action.concentration, action.at)


def _residual(before: PumpState, chart: Chart, action: Refill | EmptyReservoir, withdrawn: Volume) -> tuple[Fact, ...]:
    """The residual as a fact; a pump in which nothing was ever typed expects nothing."""
    expected = _expected(before, chart)
    if expected is None and action.measured is None:
        return ()
    measured = withdrawn if action.measured is None else action.measured
    capacity = before.sheet.reservoir_capacity
    return (ResidualMeasured(action.at, expected, measured, capacity, first=chart.residual is None),)


def _expected(before: PumpState, chart: Chart) -> Volume | None:
    """What the pump says is left; of a constant-flow pump, what people work out from the last fill; nothing once emptied."""
    if known_empty(chart):
        return Volume(0)
    if before.sheet.programmable:
        return None if before.known_nl is None else Volume(before.known_nl)
    return worked_out(chart, before.sheet, before.now)


def use_port(world: World, _: Chart, action: UsePort, pump: PumpState) -> Done | Refusal:
    """Aspirate from the catheter, or inject into it: what lies in it then goes into the patient at once."""
    if action.what == "aspirate":
        used = aspirate(world.line, action.volume)
        vial = (0, 0)
    else:
        pg = action.volume.of(action.concentration).pg if action.concentration else 0
        used = inject(world.line, Parcel.whole(action.volume.nl, pg, "drug" if pg else "sterile water"))
        vial = (action.volume.nl, pg)
    if isinstance(used, Refusal):
        return used
    out = volume_of(used.out), amount_of(used.out)
    ledger = world.ledger.book(
        vial=vial if vial[1] else (0, 0),
        prefilled=(used.csf_nl + (0 if vial[1] else vial[0]), 0),
        withdrawn=(volume_of(used.drawn), amount_of(used.drawn)),
        intrathecal=out,
        tissue=(used.lost_nl, used.lost_pg),
    )
    fact = PortUsed(action.at, action.what, action.volume, action.concentration)
    exposure = world.exposure
    if exposure and world.geometry and not world.line.outside:
        exposure = exposure.injected(action.at, out[1], world.geometry.tip_level)
    return Done(replace(world, line=used.line, ledger=ledger, exposure=exposure), (fact,), _driven_out(used, pump))


def _driven_out(used: PortUse, pump: PumpState) -> tuple[Event, ...]:
    pg = amount_of(used.out)
    if not pg:
        return ()
    text = f"{Amount(pg)} in {Volume(volume_of(used.out))} went into the spinal fluid at once"
    return (Event(pump.now, PORT_BOLUS, "unsensed", f"{text}: what lay in the catheter comes out first"),)


def empty_reservoir(world: World, chart: Chart, action: EmptyReservoir, pump: PumpState) -> Done | Refusal:
    """All that can be aspirated comes out; the pump is told nothing."""
    emptied = perform(pump, Withdraw())
    if isinstance(emptied, Refusal):
        return emptied
    after, syringe = emptied
    residual = _residual(pump, chart, action, Volume(syringe.volume_nl))
    dry = Event(action.at, RAN_DRY, "unsensed", "the reservoir was emptied by a needle")
    ledger = world.ledger.book(withdrawn=(syringe.volume_nl, syringe.amount_pg))
    return Done(replace(world, pump=after, ledger=ledger), residual, (dry,))


def open_valve(world: World, _: Chart, action: OpenValve, pump: PumpState) -> Done | Refusal:
    """Reset a valve by hand."""
    reset = perform(pump, ResetValve())
    if isinstance(reset, Refusal):
        return reset
    return Done(replace(world, pump=reset[0]), (), (Event(action.at, "valve reset", "information", "the valve is open again"),))
