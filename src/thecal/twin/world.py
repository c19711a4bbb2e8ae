"""The world: what is so, whoever knows it."""

from dataclasses import dataclass, field, replace

from thecal.catheter.faults import CatheterFault, CatheterLeak, Disconnection, Kink, Migration, damage
from thecal.catheter.geometry import Geometry
from thecal.catheter.line import Line
from thecal.catheter.transport import transport
from thecal.errors import Refusal
from thecal.fluid import Content, Parcel, amount_of, volume_of
from thecal.pump.advance import RAN_DRY, STOPPED_AFTER_BOLUS, advance
from thecal.pump.faults import disturb
from thecal.pump.messages import ChangeGain, Event, Fault, Resistance
from thecal.pump.state import PumpState
from thecal.quantity import Concentration, Gain, Volume
from thecal.timeline import Block, Instant
from thecal.twin.exposure import Exposure
from thecal.twin.ledger import Balance, Entry, Ledger


@dataclass(frozen=True, slots=True)
class Slip:
    """What truly goes in at the next refill, other than what is written down: another fluid, past the port, or more than fits.

    ``pocket`` is what of the injected volume goes into the tissue around the pump; ``extra`` what is forced in on top of it, and
    ``gain`` what that does to the flow.
    """

    concentration: Concentration | None = None
    content: Content = "drug"
    pocket: Volume | None = None
    extra: Volume | None = None
    gain: Gain | None = None
    name: str = field(default="slip", init=False)

    def also(self, other: "Slip") -> "Slip":
        """Both slips at one refill: volumes add up, of two fluids the later one is in the syringe."""
        return Slip(
            other.concentration or self.concentration,
            self.content if other.content == "drug" else other.content,
            _sum(self.pocket, other.pocket),
            _sum(self.extra, other.extra),
            other.gain or self.gain,
        )


def _sum(a: Volume | None, b: Volume | None) -> Volume | None:
    return a + b if a and b else a or b


Mishap = Fault | CatheterFault | Slip


@dataclass(frozen=True, slots=True)
class PlannedFault:
    """A fault that will happen at an instant, known to nobody in the chart; ``told`` is what is said of it."""

    at: Instant
    fault: Mishap
    told: str = ""


@dataclass(frozen=True, slots=True)
class World:
    """One person's pump and line at an instant, where all drug has gone, and the body, where one was described.

    ``gain`` is that of the next pump to be implanted, ``slip`` what goes wrong at the next refill; ``faults`` are those to
    come, in order of time.
    """

    now: Instant
    pump: PumpState | None = None
    line: Line = Line(())
    ledger: Ledger = Ledger()
    gain: Gain = Gain(Gain.EXACT)
    faults: tuple[PlannedFault, ...] = ()
    geometry: Geometry | None = None
    slip: Slip | None = None
    exposure: Exposure | None = None

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


OUTAGES = frozenset(
    {
        RAN_DRY,
        STOPPED_AFTER_BOLUS,
        "rotor stands",
        "rotor turns",
        "valve moved",
        Kink.name,
        CatheterLeak.name,
        Disconnection.name,
        Migration.name,
        "telemetry mode",
        "end of service alarm",
        "low battery reset alarm",
        "critical memory error alarm",
    }
)
"""The events at which by themselves pump or catheter stop to give the program, give less of it, or give it again."""


def pass_time(world: World, until: Instant, pause: frozenset[str] = frozenset()) -> Passed:
    """Let time pass, through every fault on the way, until an instant or an event of a kind to ``pause`` at."""
    if until == world.now and not (world.faults and world.faults[0].at <= until):
        return Passed(world, (), (), ())
    outlet: list[Block] = []
    tip: list[Block] = []
    events: list[Event] = []
    while True:
        before = len(events)
        planned = world.faults[0] if world.faults and world.faults[0].at <= until else None
        due = planned.at if planned else until
        world = _run(world, due, outlet, tip, events, pause)
        if planned and world.now == due:
            world = befall(replace(world, faults=world.faults[1:]), planned, events)
        if not planned or (pause and any(event.kind in pause for event in events[before:])):
            return Passed(world, tuple(outlet), tuple(tip), tuple(events))


def befall(world: World, planned: PlannedFault, events: list[Event]) -> World:
    """The world after a fault; a fault of one pump is not one of the next, and without a pump only a gain waits for it."""
    fault = planned.fault
    if world.pump is None or world.geometry is None:
        return replace(world, gain=fault.gain) if isinstance(fault, ChangeGain) else world
    if planned.told or isinstance(fault, CatheterFault):
        events.append(Event(planned.at, fault.name, "unsensed", planned.told or "in the catheter"))
    if isinstance(fault, Slip):
        return replace(world, slip=world.slip.also(fault) if world.slip else fault)
    if isinstance(fault, CatheterFault):
        line, geometry = damage(world.line, world.geometry, fault)
        pump = resisted(world.pump, line, events)
        return replace(world, line=line, geometry=geometry, pump=pump)
    return replace(world, pump=disturbed(world.pump, fault, events))


def resisted(pump: PumpState, line: Line, events: list[Event]) -> PumpState:
    """The pump against the resistance of the line behind it."""
    if pump.mechanics.influences.open_ppm == line.open_ppm:
        return pump
    return disturbed(pump, Resistance(line.open_ppm), events)


def disturbed(pump: PumpState, fault: Fault, events: list[Event]) -> PumpState:
    """The pump after a fault; one that this pump cannot have is told and leaves it as it was."""
    change = disturb(pump, fault)
    if isinstance(change, Refusal):
        events.append(Event(pump.now, fault.name, "information", f"not here: {change.limit}"))
        return pump
    events.extend(change.events)
    return change.state


def _run(
    world: World, until: Instant, outlet: list[Block], tip: list[Block], events: list[Event], pause: frozenset[str]
) -> World:
    if world.pump is None:
        return replace(world, now=until)
    passage = advance(world.pump, until, pause)
    line, before = world.line, len(tip)
    volume_nl = amount_pg = 0
    lost_nl, lost_pg = volume_of(passage.leaked), amount_of(passage.leaked)
    for block in passage.blocks:
        arrived = transport(line, block)
        line = arrived.line
        lost_nl += arrived.lost_nl
        lost_pg += arrived.lost_pg
        for part in arrived.tip:
            volume_nl += part.volume_nl
            amount_pg += part.amount_pg
        tip.extend(arrived.tip)
    outlet.extend(passage.blocks)
    events.extend(passage.events)
    ledger = world.ledger.delivered(volume_nl, amount_pg)
    if lost_nl or lost_pg:
        ledger = ledger.book(tissue=(lost_nl, lost_pg))
    exposure = world.exposure
    if exposure and world.geometry:
        exposure = exposure.infused(tuple(tip[before:]), world.geometry.tip_level)
    return World(passage.state.now, passage.state, line, ledger, world.gain, world.faults, world.geometry, world.slip, exposure)
