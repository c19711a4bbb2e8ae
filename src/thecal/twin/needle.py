"""Needles: the refill, the catheter access port, and a valve that is reset by hand."""

from dataclasses import dataclass, replace

from thecal.catheter.port import PortUse, aspirate, inject
from thecal.chart.chart import Chart
from thecal.chart.facts import Entered, Fact, Filled, PortUsed, ResidualMeasured
from thecal.chart.order import Order, ordered_dose, patient_bolus_for, programmed
from thecal.errors import Refusal
from thecal.fluid import Parcel, amount_of, volume_of
from thecal.programmer.plans import plan_bridge
from thecal.pump.advance import RAN_DRY
from thecal.pump.handle import handle
from thecal.pump.messages import ChangeGain, Event, Fill, ResetValve, Update, Withdraw
from thecal.pump.program import BridgeBolus
from thecal.pump.reservoir import perform
from thecal.pump.state import PumpState
from thecal.quantity import Amount, Concentration, Volume, nearest
from thecal.timeline import DAY_S
from thecal.twin.action import OpenValve, Refill, UsePort
from thecal.twin.done import Done
from thecal.twin.telemetry import ended
from thecal.twin.world import Slip, World, disturbed

OLD_FLUID = "old concentration in the line"
PORT_BOLUS = "bolus through the port"
_OFF = 0.2  # another strength, not one that a rest has thinned


@dataclass(frozen=True, slots=True)
class _Exchanged:
    """A pump after a needle took everything out and put something in, with the bookings for the ledger."""

    pump: PumpState
    withdrawn: tuple[int, int]
    tissue: tuple[int, int]
    vial: tuple[int, int]
    other: int
    wasted: tuple[int, int]


def refill(world: World, chart: Chart, action: Refill, pump: PumpState) -> Done | Refusal:
    """Aspirate, fill, enter; all of it, or nothing where one part is refused."""
    refusal = _check_refill(action, pump)
    if refusal:
        return refusal
    update = _update(world, chart, action, pump)
    if isinstance(update, Refusal):
        return update
    done = _exchange(pump, action, world.slip)
    if isinstance(done, Refusal):
        return done
    events: list[Event] = []
    after = done.pump
    if world.slip and world.slip.gain:
        after = disturbed(after, ChangeGain(world.slip.gain), events)
        told = f"overfilled: true flow is now {world.slip.gain} from the programmed flow"
        events.append(Event(action.at, ChangeGain.name, "unsensed", told))
    session: tuple[Fact, ...] = ()
    if update is not None:
        answer = handle(after, update)
        if isinstance(answer, Refusal):
            return answer
        after, session = answer.state, (ended(action, action.order, answer, chart),)
        events.extend(answer.events)
    if after.usable_nl <= 0:
        events.append(Event(action.at, RAN_DRY, "unsensed", "nothing went into the reservoir"))
    ledger = world.ledger.book(
        vial=done.vial, withdrawn=done.withdrawn, wasted=done.wasted, tissue=done.tissue, prefilled=(done.other, 0)
    )
    residual = _residual(pump, chart, action, Volume(done.withdrawn[0]))
    typed = action.typed or action.volume
    entered = (Entered(action.at, typed, action.volume),) if pump.sheet.programmable else ()
    facts: tuple[Fact, ...] = (*residual, Filled(action.at, action.volume, action.concentration), *entered, *session)
    old = _still_in_line(world, chart, pump, action)
    return Done(replace(world, pump=after, ledger=ledger, slip=None), facts, (*events, *old))


def _check_refill(action: Refill, pump: PumpState) -> Refusal | None:
    drawn_up, capacity = action.drawn_up or action.volume, pump.sheet.reservoir_capacity
    if drawn_up < action.volume:
        return Refusal(
            "TWN-02",
            f"inject {action.volume} of {drawn_up} drawn up",
            "no more is injected than was drawn up",
            "arithmetic",
            "Correct the volume that was injected or the volume that was taken from the vials.",
        )
    if action.measured is not None and action.measured > capacity:
        return Refusal(
            "TWN-04",
            f"a residual of {action.measured}",
            f"the reservoir holds {capacity}",
            pump.sheet.source("reservoir_capacity"),
            "Read the syringe again and correct the volume.",
        )
    return None


def _update(world: World, chart: Chart, action: Refill, pump: PumpState) -> Update | Refusal | None:
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
    bridge = _bridge(world, chart, action, pump) if action.bridge else None
    if isinstance(bridge, Refusal):
        return bridge
    return Update(program, action.concentration, action.typed or action.volume, patient=patient, bolus=bridge)


def _bridge(world: World, chart: Chart, action: Refill, pump: PumpState) -> BridgeBolus | Refusal:
    """The bridge bolus of the plan: the dead volume at the flow that the ordered dose needs at the old concentration."""
    old = pump.memory.concentration
    order: Order | None = action.order or (chart.session.order if chart.session else None)
    dose = ordered_dose(order) if order else None
    if old is None or dose is None or not dose.pg_per_day or old == action.concentration:
        return Refusal(
            "TWN-05",
            "a bridge bolus" + (f" from {old} to {action.concentration}" if old else ""),
            "another concentration in the pump before, and a dose to keep",
            "ITB refill practice: a bridge paces the old concentration out of the line",
            "Leave the bridge out.",
        )
    assert world.geometry is not None  # a pump has a catheter
    plan = plan_bridge(old, action.concentration, dose, world.geometry.dead_volume, pump.sheet)
    return plan if isinstance(plan, Refusal) else BridgeBolus(world.geometry.dead_volume, plan.flow)


def _exchange(pump: PumpState, action: Refill, slip: Slip | None) -> _Exchanged | Refusal:
    """The needle: aspirate all that comes, inject what is truly in the syringe where it truly goes."""
    emptied = perform(pump, Withdraw())
    if isinstance(emptied, Refusal):
        return emptied
    pump, syringe = emptied
    asked = perform(pump, Fill(action.volume, action.concentration))
    if isinstance(asked, Refusal):
        return asked
    slip = slip or Slip()
    concentration = slip.concentration or action.concentration
    drug = slip.content == "drug"
    missed = min(slip.pocket or Volume(0), action.volume)
    extra = slip.extra or Volume(0)
    into_nl = action.volume.nl - missed.nl + extra.nl
    filled = asked[0]
    if slip != Slip():
        forced = perform(pump, Fill(Volume(into_nl), concentration, slip.content, forced=True)) if into_nl else (pump, syringe)
        assert not isinstance(forced, Refusal)  # what is forced goes in
        filled = forced[0]

    def of(volume_nl: int) -> tuple[int, int]:
        return volume_nl, Volume(volume_nl).of(concentration).pg if drug else 0

    drawn_nl = (action.drawn_up or action.volume).nl + extra.nl
    return _Exchanged(
        filled,
        withdrawn=(syringe.volume_nl, syringe.amount_pg),
        tissue=of(missed.nl),
        vial=of(drawn_nl) if drug else (0, 0),
        other=0 if drug else drawn_nl,
        wasted=of(drawn_nl - action.volume.nl - extra.nl),
    )


def _still_in_line(world: World, chart: Chart, before: PumpState, action: Refill) -> tuple[Event, ...]:
    """What nobody sees after a change of concentration without a bridge: the fluid of before comes first."""
    told = before.memory.concentration
    if told is None and chart.filled and not before.sheet.programmable:
        told = chart.filled.concentration
    new = action.concentration
    if told == new or action.bridge:
        return ()
    old = [parcel for parcel in world.line.parcels if abs(parcel.mcg_per_ml - new.mcg_per_ml) > _OFF * new.mcg_per_ml]
    volume_nl, amount_pg = volume_of(old), amount_of(old)
    if not amount_pg or volume_nl * 20 < world.line.volume_nl:
        return ()
    held = Concentration(nearest(amount_pg, volume_nl))
    text = f"{Volume(volume_nl)} of about {held} leaves the tip before the new {new}; there was no bridge"
    return (Event(action.at, OLD_FLUID, "unsensed", text),)


def _residual(before: PumpState, chart: Chart, action: Refill, withdrawn: Volume) -> tuple[Fact, ...]:
    """The residual as a fact; a pump in which nothing was ever typed expects nothing."""
    expected = _expected(before, chart)
    if expected is None and action.measured is None:
        return ()
    measured = withdrawn if action.measured is None else action.measured
    capacity = before.sheet.reservoir_capacity
    return (ResidualMeasured(action.at, expected, measured, capacity, first=chart.residual is None),)


def _expected(before: PumpState, chart: Chart) -> Volume | None:
    """What the pump says is left; of a constant-flow pump, what people work out from the last fill."""
    if before.sheet.programmable:
        return None if before.known_nl is None else Volume(before.known_nl)
    if chart.filled is None:
        return None
    flowed_nl = before.sheet.flow_max.nl_per_day * (before.now.s - chart.filled.at.s) // DAY_S
    return Volume(max(chart.filled.volume.nl - flowed_nl, 0))


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
    return Done(replace(world, line=used.line, ledger=ledger), (fact,), _driven_out(used, pump))


def _driven_out(used: PortUse, pump: PumpState) -> tuple[Event, ...]:
    pg = amount_of(used.out)
    if not pg:
        return ()
    text = f"{Amount(pg)} in {Volume(volume_of(used.out))} went into the spinal fluid at once"
    return (Event(pump.now, PORT_BOLUS, "unsensed", f"{text}: what lay in the catheter comes out first"),)


def open_valve(world: World, _: Chart, action: OpenValve, pump: PumpState) -> Done | Refusal:
    """Reset a valve by hand."""
    reset = perform(pump, ResetValve())
    if isinstance(reset, Refusal):
        return reset
    return Done(replace(world, pump=reset[0]), (), (Event(action.at, "valve reset", "information", "the valve is open again"),))
