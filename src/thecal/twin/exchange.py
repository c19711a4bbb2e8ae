"""What a needle in the refill port exchanges: all that comes is aspirated, what is truly in the syringe goes where it goes."""

from dataclasses import dataclass

from thecal.catheter.line import Line
from thecal.errors import Refusal
from thecal.fluid import amount_of, volume_of
from thecal.pump.messages import ChangeGain, Event, Fill, Syringe, Withdraw
from thecal.pump.reservoir import perform
from thecal.pump.state import PumpState
from thecal.quantity import Concentration, Volume, nearest
from thecal.timeline import Instant
from thecal.twin.action import Needle
from thecal.twin.ledger import Ledger
from thecal.twin.world import Slip, disturbed

OLD_FLUID = "old concentration in the line"
Booking = tuple[int, int]
_OFF = 0.2  # another strength, not one that a rest has thinned


@dataclass(frozen=True, slots=True)
class Exchanged:
    """A pump after a needle took everything out and put something in; the ``residual`` that came first, what is to be booked."""

    pump: PumpState
    residual: Volume
    withdrawn: Booking
    tissue: Booking
    vial: Booking
    other_nl: int
    wasted: Booking

    def booked(self, ledger: Ledger) -> Ledger:
        """The ledger with all of it."""
        return ledger.book(
            vial=self.vial, withdrawn=self.withdrawn, wasted=self.wasted, tissue=self.tissue, prefilled=(self.other_nl, 0)
        )


def exchange(pump: PumpState, needle: Needle, slip: Slip | None) -> Exchanged | Refusal:
    """Aspirate, rinse, inject; all of it, or the refusal of a part."""
    refusal = _check(needle, pump)
    if refusal:
        return refusal
    slip = slip or Slip()
    emptied = perform(pump, Withdraw())
    if isinstance(emptied, Refusal):
        return emptied
    pump, residual = emptied
    asked = perform(pump, Fill(needle.volume, needle.concentration))
    if isinstance(asked, Refusal):
        return asked
    rinsed = _rinsed(pump, needle, slip)
    if isinstance(rinsed, Refusal):
        return rinsed
    pump, rinses = rinsed
    into_nl = needle.volume.nl - _missed(needle, slip).nl + (slip.extra or Volume(0)).nl
    forced = slip != Slip()
    fill = Fill(Volume(into_nl), slip.concentration or needle.concentration, slip.content, forced=forced)
    filled = perform(pump, fill) if into_nl else (pump, Syringe())
    assert not isinstance(filled, Refusal)  # asked before; what is forced goes in
    syringes = (residual, *rinses)
    withdrawn = sum(syringe.volume_nl for syringe in syringes), sum(syringe.amount_pg for syringe in syringes)
    return _bookings(filled[0], Volume(residual.volume_nl), withdrawn, needle, slip)


def spoiled(pump: PumpState, slip: Slip | None, at: Instant, events: list[Event]) -> PumpState:
    """The pump after a refill that put too much into it."""
    if not slip or not slip.gain:
        return pump
    after = disturbed(pump, ChangeGain(slip.gain), events)
    told = f"overfilled: true flow is now {slip.gain} from the programmed flow"
    events.append(Event(at, ChangeGain.name, "unsensed", told))
    return after


def old_in_line(line: Line, told: Concentration | None, new: Concentration, at: Instant) -> tuple[Event, ...]:
    """What nobody sees after a change of concentration without a bridge: the fluid of before comes first."""
    if told == new:
        return ()
    old = [parcel for parcel in line.parcels if abs(parcel.mcg_per_ml - new.mcg_per_ml) > _OFF * new.mcg_per_ml]
    volume_nl, amount_pg = volume_of(old), amount_of(old)
    if not amount_pg or volume_nl * 20 < line.volume_nl:
        return ()
    held = Concentration(nearest(amount_pg, volume_nl))
    text = f"{Volume(volume_nl)} of about {held} leaves the tip before the new {new}; there was no bridge"
    return (Event(at, OLD_FLUID, "unsensed", text),)


def _check(needle: Needle, pump: PumpState) -> Refusal | None:
    drawn_up, capacity = needle.drawn_up or needle.volume, pump.sheet.reservoir_capacity
    if drawn_up < needle.volume:
        return Refusal(
            "TWN-02",
            f"inject {needle.volume} of {drawn_up} drawn up",
            "no more is injected than was drawn up",
            "arithmetic",
            "Correct the volume that was injected or the volume that was taken from the vials.",
        )
    if needle.measured is not None and needle.measured > capacity:
        return Refusal(
            "TWN-04",
            f"a residual of {needle.measured}",
            f"the reservoir holds {capacity}",
            pump.sheet.source("reservoir_capacity"),
            "Read the syringe again and correct the volume.",
        )
    return None


def _missed(needle: Needle, slip: Slip) -> Volume:
    return min(slip.pocket or Volume(0), needle.volume)


def _rinsed(pump: PumpState, needle: Needle, slip: Slip) -> tuple[PumpState, list[Syringe]] | Refusal:
    """The pump after its rinses, each injected and withdrawn again, with what was in the syringes."""
    syringes: list[Syringe] = []
    for _ in range(needle.rinses if needle.rinse else 0):
        assert needle.rinse is not None  # as the line above says
        into = perform(pump, Fill(needle.rinse, slip.concentration or needle.concentration, slip.content))
        if isinstance(into, Refusal):
            return into
        out = perform(into[0], Withdraw())
        if isinstance(out, Refusal):
            return out
        pump, syringe = out
        syringes.append(syringe)
    return pump, syringes


def _bookings(pump: PumpState, residual: Volume, withdrawn: Booking, needle: Needle, slip: Slip) -> Exchanged:
    concentration, drug = slip.concentration or needle.concentration, slip.content == "drug"
    extra_nl = (slip.extra or Volume(0)).nl
    rinse_nl = needle.rinse.nl * needle.rinses if needle.rinse else 0

    def of(volume_nl: int) -> Booking:
        return volume_nl, Volume(volume_nl).of(concentration).pg if drug else 0

    drawn_nl = (needle.drawn_up or needle.volume).nl + extra_nl + rinse_nl
    return Exchanged(
        pump,
        residual,
        withdrawn=withdrawn,
        tissue=of(_missed(needle, slip).nl),
        vial=of(drawn_nl) if drug else (0, 0),
        other_nl=0 if drug else drawn_nl,
        wasted=of(drawn_nl - needle.volume.nl - extra_nl - rinse_nl),
    )
