"""The world: what is so, whoever knows it."""

from dataclasses import dataclass, replace

from thecal.catheter.line import Line
from thecal.catheter.transport import transport
from thecal.fluid import Parcel
from thecal.pump.advance import RAN_DRY, advance
from thecal.pump.faults import disturb
from thecal.pump.messages import Event, Fault
from thecal.pump.state import PumpState
from thecal.quantity import Gain
from thecal.timeline import Block, Instant
from thecal.twin.ledger import Balance, Entry, Ledger


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """A fault that will happen at an instant, known to nobody in the chart."""

    at: Instant
    fault: Fault


@dataclass(frozen=True, slots=True)
class World:
    """One person's pump and line at an instant, and where all drug has gone.

    ``gain`` is that of the next pump to be implanted; ``faults`` are those to come, in order of time.
    """

    now: Instant
    pump: PumpState | None = None
    line: Line = Line(())
    ledger: Ledger = Ledger()
    gain: Gain = Gain(Gain.EXACT)
    faults: tuple[PlannedFault, ...] = ()

    def balance(self) -> Balance:
        """The ledger with what still lies in reservoir and line."""
        reservoir = self.pump.mechanics.reservoir if self.pump else Parcel.whole(0, 0)
        return Balance(
            self.ledger,
            Entry(reservoir.volume_nl, reservoir.amount_pg),
            Entry(self.line.volume_nl, self.line.amount_pg),
        )


@dataclass(frozen=True, slots=True)
class Passed:
    """A world after some time: what left the pump, what arrived at the tip, and the events on the way."""

    world: World
    outlet: tuple[Block, ...]
    tip: tuple[Block, ...]
    events: tuple[Event, ...]


def pass_time(world: World, until: Instant) -> Passed:
    """Let time pass, through every fault on the way."""
    outlet: list[Block] = []
    tip: list[Block] = []
    events: list[Event] = []
    while world.faults and world.faults[0].at <= until:
        planned = world.faults[0]
        world = _run(world, planned.at, outlet, tip, events)
        change = disturb(world.pump, planned.fault) if world.pump else None
        pump = change.state if change else None
        gain = world.gain if pump else planned.fault.gain  # a fault of one pump is not one of the next
        world = replace(world, pump=pump, gain=gain, faults=world.faults[1:])
        if pump:
            text = f"true flow is now {planned.fault.gain} from the programmed flow; nobody can see it"
            events.append(Event(planned.at, planned.fault.name, "information", text))
    world = _run(world, until, outlet, tip, events)
    return Passed(world, tuple(outlet), tuple(tip), tuple(events))


def pass_until_dry(world: World, until: Instant) -> Passed:
    """Let time pass until an instant, or until the reservoir runs dry before it."""
    passed = pass_time(world, until)
    dry = next((event.at for event in passed.events if event.kind == RAN_DRY), until)
    return passed if dry == until else pass_time(world, dry)


def _run(world: World, until: Instant, outlet: list[Block], tip: list[Block], events: list[Event]) -> World:
    if world.pump is None:
        return replace(world, now=until)
    passage = advance(world.pump, until)
    line = world.line
    volume_nl = amount_pg = 0
    for block in passage.blocks:
        line, arrived = transport(line, block)
        for part in arrived:
            volume_nl += part.volume_nl
            amount_pg += part.amount_pg
        tip.extend(arrived)
    outlet.extend(passage.blocks)
    events.extend(passage.events)
    ledger = world.ledger.book(intrathecal=(volume_nl, amount_pg))
    return World(until, passage.state, line, ledger, world.gain, world.faults)
