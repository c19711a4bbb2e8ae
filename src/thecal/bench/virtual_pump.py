"""A virtual pump: a pump with a serial number and an account of every nanolitre; a fold over the entries of its journal."""

from dataclasses import dataclass, replace

from thecal.bench.codec import Plain, UnreadableError, read, written
from thecal.bench.entry import Asked, Befell, Entry, Heard, Needled, Passed
from thecal.errors import InputError, Refusal
from thecal.fluid import amount_of, volume_of
from thecal.pump.advance import advance
from thecal.pump.faults import disturb
from thecal.pump.handle import handle
from thecal.pump.memory import digest
from thecal.pump.messages import Event, Fill, Report, RequestBolus, Syringe
from thecal.pump.reservoir import perform
from thecal.pump.sheet import PumpSheet, pump_sheet, with_reading
from thecal.pump.state import Mechanics, Memory, PumpState
from thecal.pump.wand import receive
from thecal.timeline import Instant
from thecal.twin.ledger import Entry as Part


@dataclass(frozen=True, slots=True)
class Account:
    """Where the fluid of a pump came from and went: ``prefilled`` was in it when it came to the bench."""

    prefilled: Part
    filled: Part = Part()
    delivered: Part = Part()
    leaked: Part = Part()
    withdrawn: Part = Part()

    def gap(self, held: Part) -> Part:
        """What is missing beside what the reservoir holds: nothing, always."""
        gone = (held, self.delivered, self.leaked, self.withdrawn)
        return Part(
            self.prefilled.volume_nl + self.filled.volume_nl - sum(part.volume_nl for part in gone),
            self.prefilled.amount_pg + self.filled.amount_pg - sum(part.amount_pg for part in gone),
        )


@dataclass(frozen=True, slots=True)
class VirtualPump:
    """A pump on the bench at an instant. ``readings`` are the properties of its data sheet that are read the other way."""

    serial: str
    state: PumpState
    account: Account
    readings: tuple[tuple[str, str], ...] = ()

    @property
    def now(self) -> Instant:
        return self.state.now

    @property
    def held(self) -> Part:
        """What its reservoir holds, the undeliverable rest included."""
        reservoir = self.state.mechanics.reservoir
        return Part(reservoir.volume_nl, reservoir.amount_pg)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A pump after an entry, what came of it, and the events on the way and then. ``changed`` is whether it did anything."""

    pump: VirtualPump
    answer: Report | Refusal | Syringe | None
    events: tuple[Event, ...]
    changed: bool


def on_bench(serial: str, state: PumpState, readings: tuple[tuple[str, str], ...] = ()) -> VirtualPump:
    """A pump as it comes to the bench; what is in it is its beginning."""
    reservoir = state.mechanics.reservoir
    return VirtualPump(serial, state, Account(Part(reservoir.volume_nl, reservoir.amount_pg)), readings)


def at_instant(pump: VirtualPump, now: Instant) -> Outcome:
    """The pump when time has passed, and the events on the way."""
    passage = advance(pump.state, now)
    delivered, leaked = pump.account.delivered, pump.account.leaked
    for block in passage.blocks:
        delivered = delivered.plus(block.volume_nl, block.amount_pg)
    if passage.leaked:
        leaked = leaked.plus(volume_of(passage.leaked), amount_of(passage.leaked))
    account = replace(pump.account, delivered=delivered, leaked=leaked)
    return Outcome(replace(pump, state=passage.state, account=account), None, passage.events, changed=False)


def after(pump: VirtualPump, entry: Entry) -> Outcome:
    """The pump after an entry of its journal: the one way in which anything but time changes it."""
    passed = at_instant(pump, entry.at)
    pump, state = passed.pump, passed.pump.state
    answer: Report | Refusal | Syringe | None = None
    events: tuple[Event, ...] = ()
    match entry:
        case Heard(_, message):
            received = receive(state, message)
            answer, events = received.reply, received.events
            pump = replace(pump, state=received.state)
        case Asked():
            asked = handle(state, RequestBolus())
            if isinstance(asked, Refusal):
                answer = asked
            else:
                answer, events = asked.report, asked.events
                pump = replace(pump, state=asked.state)
        case Needled(_, procedure):
            done = perform(state, procedure)
            if isinstance(done, Refusal):
                answer = done
            else:
                pump, answer = _booked(pump, done[0], procedure, done[1]), done[1]
                events = _noticed(state, pump.state)
        case Befell(_, fault):
            change = disturb(state, fault)
            if isinstance(change, Refusal):
                answer = change
            else:
                pump, events = replace(pump, state=change.state), change.events
        case Passed():
            pass
    return Outcome(pump, answer, (*passed.events, *events), changed=pump.state is not state or isinstance(entry, Passed))


def _noticed(before: PumpState, state: PumpState) -> tuple[Event, ...]:
    """What a pump with a fill sensor has logged under the needle."""
    new = state.memory.signals.logged - before.memory.signals.logged
    return state.memory.signals.log[-new:] if new else ()


def _booked(pump: VirtualPump, state: PumpState, procedure: object, syringe: Syringe) -> VirtualPump:
    account = pump.account
    if isinstance(procedure, Fill):
        drug_pg = procedure.volume.of(procedure.concentration).pg if procedure.content == "drug" else 0
        account = replace(account, filled=account.filled.plus(procedure.volume.nl, drug_pg))
    account = replace(account, withdrawn=account.withdrawn.plus(syringe.volume_nl, syringe.amount_pg))
    return replace(pump, state=state, account=account)


def sheet_digest(sheet: PumpSheet) -> str:
    """The name of a data sheet with all that is on it, so that both sides of a wand, or two versions, know that they mean one."""
    return digest(sheet)


def sheet_with(model: str, readings: tuple[tuple[str, str], ...]) -> PumpSheet:
    """A data sheet with its readings. Raises InputError with the nearest name."""
    sheet = pump_sheet(model)
    for name, reading in readings:
        sheet = with_reading(sheet, name, reading)
    return sheet


def pump_plain(pump: VirtualPump) -> Plain:
    """A pump as a segment of its journal begins with it: its data sheet by name and digest, all else whole."""
    state = pump.state
    return {
        "serial": pump.serial,
        "model": state.sheet.name,
        "readings": [list(pair) for pair in pump.readings],
        "sheet": sheet_digest(state.sheet),
        "now": written(state.now, Instant),
        "memory": written(state.memory, Memory),
        "mechanics": written(state.mechanics, Mechanics),
        "account": written(pump.account, Account),
    }


def pump_of(plain: Plain) -> VirtualPump:
    """The pump of such a beginning. Raises UnreadableError, also where its data sheet is another one by now."""
    readings = tuple((str(name), str(reading)) for name, reading in plain["readings"])
    try:
        sheet = sheet_with(plain["model"], readings)
    except InputError as error:
        raise UnreadableError(f"the data sheet that this pump was put on the bench with is not there: {error}") from None
    if sheet_digest(sheet) != plain["sheet"]:
        raise UnreadableError(f"the data sheet of {sheet.name} is not the one that this pump was put on the bench with")
    memory: Memory = read(Memory, plain["memory"], "memory")
    mechanics: Mechanics = read(Mechanics, plain["mechanics"], "mechanics")
    now: Instant = read(Instant, plain["now"], "now")
    return VirtualPump(plain["serial"], PumpState(sheet, now, memory, mechanics), read(Account, plain["account"]), readings)
