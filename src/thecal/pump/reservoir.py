"""The reservoir under the needle: what a procedure does to the fluid in it."""

from thecal.errors import Refusal
from thecal.fluid import Parcel
from thecal.pump.messages import Fill, Procedure, Syringe, Withdraw
from thecal.pump.state import Mechanics, PumpState
from thecal.quantity import Volume


def perform(state: PumpState, procedure: Procedure) -> tuple[PumpState, Syringe] | Refusal:
    """Do what a needle does. The pump does not notice: its memory stays as it is.

    Refused: more than the reservoir holds (PMP-20), more than can be had (PMP-21).
    """
    match procedure:
        case Fill():
            return _fill(state, procedure)
        case Withdraw():
            return _withdraw(state, procedure)


def _fill(state: PumpState, fill: Fill) -> tuple[PumpState, Syringe] | Refusal:
    sheet, capacity = state.sheet, state.sheet.reservoir_capacity
    room_nl = capacity.nl - state.usable_nl
    if fill.volume.nl > room_nl:
        return Refusal(
            "PMP-20",
            f"fill {fill.volume}" + (f" on top of {Volume(state.usable_nl)}" if state.usable_nl else ""),
            f"the reservoir holds {capacity}" + (f", {Volume(room_nl)} more" if state.usable_nl else ""),
            sheet.source("reservoir_capacity"),
            "Inject no more than fits; never fill on top of what was not aspirated.",
        )
    old = state.mechanics.reservoir
    added = fill.volume.of(fill.concentration)
    mixed = Parcel.whole(old.volume_nl + fill.volume.nl, old.amount_pg + added.pg)
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


def _with_reservoir(state: PumpState, reservoir: Parcel) -> PumpState:
    mechanics = state.mechanics
    return PumpState(
        state.sheet,
        state.now,
        state.memory,
        Mechanics(reservoir, mechanics.gain_ppm, mechanics.drive, mechanics.carry),
    )
