"""The pump under the needle: what a procedure does to the fluid in it."""

from dataclasses import replace

from thecal.errors import Refusal
from thecal.fluid import Parcel
from thecal.pump.messages import Fill, Procedure, ResetValve, Syringe, Withdraw
from thecal.pump.settle import settle
from thecal.pump.state import PumpState
from thecal.quantity import Volume


def perform(state: PumpState, procedure: Procedure) -> tuple[PumpState, Syringe] | Refusal:
    """Do what a needle does. The pump does not notice, unless it has a fill sensor: its memory stays as it is.

    Refused: more than the reservoir holds (PMP-20), more than can be had (PMP-21), a valve that is not shut (PMP-43).
    """
    match procedure:
        case Fill():
            return _fill(state, procedure)
        case Withdraw():
            return _withdraw(state, procedure)
        case ResetValve():
            return _reset_valve(state)


def _fill(state: PumpState, fill: Fill) -> tuple[PumpState, Syringe] | Refusal:
    sheet, capacity = state.sheet, state.sheet.reservoir_capacity
    room_nl = capacity.nl - state.usable_nl
    if fill.volume.nl > room_nl and not fill.forced:
        return Refusal(
            "PMP-20",
            f"fill {fill.volume}" + (f" on top of {Volume(state.usable_nl)}" if state.usable_nl else ""),
            f"the reservoir holds {capacity}" + (f", {Volume(room_nl)} more" if state.usable_nl else ""),
            sheet.source("reservoir_capacity"),
            "Inject no more than fits; never fill on top of what was not aspirated.",
        )
    old = state.mechanics.reservoir
    added_pg = fill.volume.of(fill.concentration).pg if fill.content == "drug" else 0
    mixed = Parcel.whole(old.volume_nl + fill.volume.nl, old.amount_pg + added_pg, fill.content)
    return _with_reservoir(state, mixed), Syringe()


def _withdraw(state: PumpState, withdraw: Withdraw) -> tuple[PumpState, Syringe] | Refusal:
    usable_nl = state.usable_nl
    wanted_nl = usable_nl if withdraw.volume is None else withdraw.volume.nl
    if wanted_nl > usable_nl:
        return Refusal(
            "PMP-21",
            f"withdraw {Volume(wanted_nl)}",
            f"{Volume(usable_nl)} can be aspirated",
            "thecal: conservation of volume",
            "Aspirate until nothing more comes, and record what came.",
        )
    taken, rest = state.mechanics.reservoir.take(wanted_nl)
    return _with_reservoir(state, rest), Syringe((taken,) if wanted_nl else ())


def _reset_valve(state: PumpState) -> tuple[PumpState, Syringe] | Refusal:
    valve = state.mechanics.valve
    if valve is None or not valve.is_shut:
        return Refusal(
            "PMP-43",
            f"reset the valve of {state.sheet.name}",
            "a valve that a magnetic field has shut",
            state.sheet.source("magnet"),
            "Interrogate the pump and look for another reason why nothing flows.",
        )
    if state.now < valve.leaves:
        return Refusal(
            "PMP-43",
            f"reset the valve of {state.sheet.name} in the magnetic field",
            "no magnetic field any more",
            state.sheet.source("magnet"),
            "Bring the patient out of the field first.",
        )
    mechanics = replace(state.mechanics, valve=None)
    return settle(state, state.memory, mechanics, state.now).state, Syringe()


def _with_reservoir(state: PumpState, reservoir: Parcel) -> PumpState:
    mechanics = state.mechanics.with_fluid(reservoir, state.mechanics.carry, state.mechanics.leak)
    if state.sheet.fill_sensor:
        return settle(state, state.memory, mechanics, state.now).state
    return PumpState(state.sheet, state.now, state.memory, mechanics)
