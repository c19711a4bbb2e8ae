"""What a pump must have delivered, worked out from its journal once more, by other arithmetic."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from thecal.bench.entry import Asked, Befell, Entry, Heard, Needled, entry_of
from thecal.bench.folder import Folder
from thecal.bench.journal import read_segment, segments
from thecal.bench.virtual_pump import VirtualPump, pump_of
from thecal.errors import Refusal
from thecal.fluid import amount_of, volume_of
from thecal.pump.advance import advance
from thecal.pump.faults import disturb
from thecal.pump.handle import handle
from thecal.pump.messages import Fill, RequestBolus
from thecal.pump.program import BridgeBolus, Flex, MinimumRate, PrimingBolus, SafeState, SimpleContinuous
from thecal.pump.reservoir import perform
from thecal.pump.state import PumpState
from thecal.pump.wand import receive
from thecal.quantity import Gain
from thecal.timeline import DAY_S, Instant
from thecal.twin.ledger import Entry as Part


class _Everything:
    """Pause at every event."""

    def __contains__(self, _: object) -> bool:
        return True


def basal_nl(state: PumpState, seconds: int) -> Fraction:
    """What the program alone asks for in the next seconds, step by step."""
    program, sheet = state.memory.program, state.sheet
    if isinstance(program, SafeState):
        program = MinimumRate() if sheet.safe_state == "minimum rate" else program
    match program:
        case SimpleContinuous(flow):
            return Fraction(flow.nl_per_day * seconds, DAY_S)
        case MinimumRate():
            return Fraction(sheet.minimum_rate_flow.nl_per_day * seconds, DAY_S)
        case Flex(days):
            clock_s, total = state.memory.settings.clock.reading_s(state.now), 0
            end_s = clock_s + seconds
            while clock_s < end_s:
                day, into = divmod(clock_s, DAY_S)
                step = next(step for step in days[day % len(days)] if into < step.until_s)
                span = min(step.until_s - into, end_s - clock_s)
                total, clock_s = total + span * step.flow.nl_per_day, clock_s + span
            return Fraction(total, DAY_S)
        case _:
            return Fraction(0)


def commanded_nl(state: PumpState, seconds: int) -> Fraction:
    """What the motor is told to give in the next seconds, up to the next event."""
    memory, sheet = state.memory, state.sheet
    if memory.hold and memory.hold.stops:
        return Fraction(0)
    running = memory.bolus.bolus if memory.bolus else None
    if isinstance(running, BridgeBolus):
        return Fraction(running.flow.nl_per_day * seconds, DAY_S)
    basal = basal_nl(state, seconds)
    if running is None:
        return basal
    given = Fraction(running.volume.nl * seconds, running.duration.s)
    return given if isinstance(running, PrimingBolus) or sheet.basal_during_bolus == "suspended" else given + basal


def true_nl(state: PumpState, seconds: int) -> Fraction:
    """What truly flows of it: by the gain, and by what stands in the way."""
    mechanics, share = state.mechanics, Fraction(state.mechanics.influences.gain_ppm, 10**6)
    if mechanics.valve:
        magnet = 0 if mechanics.valve.is_shut else state.sheet.magnet_flow.nl_per_day
        return Fraction(magnet * seconds * mechanics.influences.open_ppm, DAY_S * 10**6)
    if mechanics.stall and not mechanics.stall.over:
        return Fraction(0)
    return commanded_nl(state, seconds) * share


@dataclass
class Fold:
    """A pump as its journal leaves it, folded once more: with what went where, and what must have been delivered."""

    state: PumpState
    delivered: Part = Part()
    leaked: Part = Part()
    filled: Part = Part()
    withdrawn: Part = Part()
    reckoned_nl: Fraction = Fraction(0)
    dried: int = 0

    def wait(self, until: Instant) -> None:
        """Let time pass from event to event: what each stretch delivers is what was commanded, to the nanolitre."""
        while self.state.now < until:
            valve, state = self.state.mechanics.valve, self.state
            edge = valve.until if valve and valve.until and valve.until > state.now else until
            passage = advance(state, min(until, edge), _Everything())
            volume_nl = sum(block.volume_nl for block in passage.blocks)
            expected = true_nl(state, passage.state.now.s - state.now.s)
            if passage.state.usable_nl <= 0:
                assert volume_nl <= expected + 1, "a pump that ran dry has given more than was commanded"
                expected, self.dried = Fraction(volume_nl), self.dried + 1
            assert abs(volume_nl - expected) < 1, f"delivered {volume_nl} nL where {float(expected)} nL were commanded"
            self.reckoned_nl += expected
            self.delivered = self.delivered.plus(volume_nl, sum(block.amount_pg for block in passage.blocks))
            self.leaked = self.leaked.plus(volume_of(passage.leaked), amount_of(passage.leaked))
            self.state = passage.state

    def do(self, entry: Entry) -> None:
        """What the journal says happened."""
        self.wait(entry.at)
        match entry:
            case Heard(_, message):
                self.state = receive(self.state, message).state
            case Asked():
                asked = handle(self.state, RequestBolus())
                assert not isinstance(asked, Refusal)  # what changed nothing was not written
                self.state = asked.state
            case Needled(_, procedure):
                done = perform(self.state, procedure)
                assert not isinstance(done, Refusal)
                self.state, syringe = done
                self.withdrawn = self.withdrawn.plus(syringe.volume_nl, syringe.amount_pg)
                if isinstance(procedure, Fill):
                    self.filled = self.filled.plus(procedure.volume.nl, procedure.volume.of(procedure.concentration).pg)
            case Befell(_, fault):
                change = disturb(self.state, fault)
                assert not isinstance(change, Refusal)
                self.state = change.state

    def check(self, pump: VirtualPump) -> None:
        """The pump on the shelf is what its journal alone makes of it, and has given what its journal commanded."""
        self.wait(pump.now)
        account = pump.account
        assert pump.state == self.state, "the pump is what its journal makes of it"
        found = (account.delivered, account.leaked, account.filled, account.withdrawn)
        assert found == (self.delivered, self.leaked, self.filled, self.withdrawn), "the account is what the journal makes of it"
        off_nl = abs(account.delivered.volume_nl - self.reckoned_nl)
        assert off_nl <= 1 + self.dried, f"{float(off_nl)} nL were delivered that nobody commanded"


def folded(folder: Folder) -> tuple[Fold, list[Entry]]:
    """A journal from its very first segment on, and its entries; each later segment must go on where the one before ended."""
    fold: Fold | None = None
    entries: list[Entry] = []
    for generation in segments(folder):
        segment = read_segment(folder, generation)
        begins = pump_of(segment.state)
        fold = fold or Fold(begins.state)
        fold.check(begins)
        for plain in segment.entries:
            entries.append(entry_of(plain))
            fold.do(entries[-1])
    assert fold is not None  # a pump on the shelf has a journal
    return fold, entries


def strays(state: PumpState) -> Iterator[str]:
    """Why a pump may give what its chart does not allow for."""
    mechanics, off_ppm = state.mechanics, abs(state.mechanics.influences.gain_ppm - Gain.EXACT)
    reasons = {
        "gain": off_ppm > state.sheet.flow_accuracy_ppm,
        "stall": mechanics.stall is not None,
        "valve": mechanics.valve is not None,
        "empty": state.usable_nl <= 0,
    }
    yield from (cause for cause, holds in reasons.items() if holds)
