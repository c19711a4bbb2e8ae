"""Operations: a pump and a catheter go in, are exchanged, and come out."""

from dataclasses import replace

from thecal.catheter.geometry import Geometry
from thecal.catheter.line import Line
from thecal.chart.chart import Chart
from thecal.chart.facts import Explanted, Implanted, PumpReplaced, Revised
from thecal.errors import Refusal
from thecal.fluid import Parcel, amount_of, take_front, volume_of
from thecal.pump.handle import handle
from thecal.pump.messages import ChangeGain, Event, Surroundings, Update, Withdraw
from thecal.pump.reservoir import perform
from thecal.pump.state import PumpState, new_pump
from thecal.quantity import Gain
from thecal.twin.action import Explant, Implant, ReplacePump, Revise
from thecal.twin.done import Done
from thecal.twin.ledger import Ledger
from thecal.twin.world import World, disturbed, resisted


def implant(world: World, action: Implant) -> Done | Refusal:
    """A first pump, or another one after an explant, with a catheter of its own (TWN-01)."""
    if world.pump is not None:
        return Refusal(
            "TWN-01",
            "implant a second pump",
            "one pump at a time",
            "thecal: one chart, one pump",
            "Explant the first pump before, or replace it.",
        )
    pump = _unpacked(world, action)
    if isinstance(pump, Refusal):
        return pump
    geometry = action.geometry
    tubing, vial, water_nl = _tubing(action)
    lumen = Parcel.whole(geometry.catheter_volume.nl, 0, action.line_holds)
    line = Line((lumen, tubing), geometry.bore)
    prefilled_nl = pump.mechanics.reservoir.volume_nl + lumen.volume_nl + water_nl
    fact = Implanted(
        action.at,
        action.sheet.name,
        geometry.sheet.name,
        geometry.tip_level,
        geometry.dead_volume,
        geometry,
        action.line_holds,
        action.primed,
    )
    ledger = world.ledger.book(prefilled=(prefilled_nl, 0), vial=vial)
    exposure = world.exposure and world.exposure.implanted(action.at)
    return Done(replace(world, pump=pump, line=line, geometry=geometry, ledger=ledger, exposure=exposure), (fact,))


def _tubing(action: Implant | ReplacePump) -> tuple[Parcel, tuple[int, int], int]:
    """(what the tubing of a new pump holds, the drug for it from the vial, the water in it)."""
    volume = action.sheet.tubing_volume
    if action.primed is None:
        return Parcel.whole(volume.nl, 0, "sterile water"), (0, 0), volume.nl
    pg = volume.of(action.primed).pg
    return Parcel.whole(volume.nl, pg), (volume.nl, pg), 0


def replace_pump(world: World, _: Chart, action: ReplacePump, old: PumpState) -> Done | Refusal:
    """The old pump is emptied and taken out with its tubing; the catheter stays with what lies in it."""
    new = _unpacked(world, action)
    if isinstance(new, Refusal):
        return new
    assert world.geometry is not None  # a pump has a catheter
    ledger = _emptied(world, old)
    geometry = replace(world.geometry, tubing_volume=action.sheet.tubing_volume)
    lumen, tubing = take_front(world.line.parcels, geometry.catheter_volume.nl)
    new_tubing, vial, water_nl = _tubing(action)
    line = replace(world.line, parcels=(*lumen, new_tubing))
    events = _silenced(old, action)
    influences = old.mechanics.influences  # a fever is not the pump's
    new = disturbed(new, Surroundings("temperature", Gain(influences.temperature_ppm)), events)
    new = disturbed(new, Surroundings("pressure", Gain(influences.pressure_ppm)), events)
    new = resisted(new, line, events)
    prefilled_nl = new.mechanics.reservoir.volume_nl + water_nl
    ledger = ledger.book(prefilled=(prefilled_nl, 0), vial=vial, wasted=(volume_of(tubing), amount_of(tubing)))
    fact = PumpReplaced(action.at, action.sheet.name, geometry.dead_volume, action.primed)
    return Done(replace(world, pump=new, line=line, geometry=geometry, ledger=ledger), (fact,), tuple(events))


def _unpacked(world: World, action: Implant | ReplacePump) -> PumpState | Refusal:
    """A pump out of its box as this world's next pump truly runs, with its first setting."""
    pump = new_pump(action.sheet, action.at, action.clock_offset_s, action.clock_drift_s)
    pump = disturbed(pump, ChangeGain(world.gain), [])
    if action.low_reservoir is None:
        return pump
    answer = handle(pump, Update(low_reservoir=action.low_reservoir))
    return answer if isinstance(answer, Refusal) else answer.state


def revise(world: World, _: Chart, action: Revise, pump: PumpState) -> Done:
    """A whole catheter, without kink or hole; the tubing keeps what lies in it, the old catheter is thrown away."""
    assert world.geometry is not None  # a pump has a catheter
    old_lumen, tubing = take_front(world.line.parcels, world.geometry.catheter_volume.nl)
    geometry: Geometry = replace(action.geometry, tubing_volume=world.geometry.tubing_volume)
    new = Parcel.whole(geometry.catheter_volume.nl, 0, action.line_holds)
    line = Line((new, *tubing), geometry.bore)
    events: list[Event] = []
    pump = resisted(pump, line, events)
    ledger = world.ledger.book(prefilled=(new.volume_nl, 0), wasted=(volume_of(old_lumen), amount_of(old_lumen)))
    fact = Revised(action.at, geometry.sheet.name, geometry.tip_level, geometry.dead_volume, geometry, action.line_holds)
    return Done(replace(world, pump=pump, line=line, geometry=geometry, ledger=ledger), (fact,), tuple(events))


def explant(world: World, _: Chart, action: Explant, pump: PumpState) -> Done:
    """Pump and catheter come out; what was in them and could not be aspirated is thrown away."""
    ledger = _emptied(world, pump).book(wasted=(world.line.volume_nl, world.line.amount_pg))
    out = replace(world, pump=None, line=Line(()), geometry=None, ledger=ledger)
    return Done(out, (Explanted(action.at),), tuple(_silenced(pump, action)))


def _silenced(pump: PumpState, action: ReplacePump | Explant) -> list[Event]:
    """The alarms of a pump that is taken out."""
    names = [alarm.kind.name for alarm in pump.memory.alarms]
    return [Event(action.at, f"{name} alarm ended", "information", "the pump was taken out") for name in names]


def _emptied(world: World, pump: PumpState) -> Ledger:
    """The ledger after all that can be aspirated was withdrawn and the rest thrown away with the pump."""
    emptied = perform(pump, Withdraw())
    assert not isinstance(emptied, Refusal)  # all that can be had can be had
    rest, syringe = emptied
    reservoir = rest.mechanics.reservoir
    return world.ledger.book(withdrawn=(syringe.volume_nl, syringe.amount_pg), wasted=(reservoir.volume_nl, reservoir.amount_pg))
