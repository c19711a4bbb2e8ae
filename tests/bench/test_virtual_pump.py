"""A virtual pump is a fold over its journal: every nanolitre accounted for, whatever is done to it and however time is cut."""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench.days import FLEX, PATIENT, day_of, full_day
from tests.bench.dictionary import FAULTS as ANY_FAULT
from tests.bench.dictionary import anything, nearly
from tests.bench.disk import Disk
from tests.bench.journal_oracle import Oracle, life
from tests.courses import (
    BRIDGES,
    COMMANDS,
    FAULTS,
    FLOWS,
    GAINS,
    NEEDLES,
    PRIMES,
    SINGLES,
    SOME,
    START,
    MagnetFor,
    Port,
    StallFor,
    flex_days,
    flow,
    ml,
    needled,
    running_pump,
)
from tests.pump.pumps import pump_in
from thecal.bench import virtual_pump as virtual_pump_module
from thecal.bench.codec import UnreadableError, canonical, parse
from thecal.bench.entry import Asked, Befell, Entry, Heard, Needled, Passed, entry_of, entry_plain
from thecal.bench.journal import DamagedJournalError, Journal
from thecal.bench.shelf import ShelvedPump
from thecal.bench.virtual_pump import Outcome, VirtualPump, after, at_instant, on_bench, pump_of, pump_plain, sheet_with
from thecal.catheter.faults import CatheterFault
from thecal.errors import InputError, Refusal
from thecal.pump.handle import STOP
from thecal.pump.memory import digest
from thecal.pump.messages import (
    BeginUpdate,
    CancelBolus,
    ChangeGain,
    Command,
    Commit,
    Fault,
    Fill,
    Interrogate,
    LowBattery,
    Magnet,
    MemoryCorruption,
    Message,
    Procedure,
    Report,
    RequestBolus,
    ResetValve,
    Resistance,
    SeptumLeak,
    SetClock,
    Stage,
    Stall,
    StartBolus,
    Surroundings,
    Update,
    Withdraw,
    Write,
)
from thecal.pump.modes import MODES
from thecal.pump.program import Flex, MinimumRate, NoPatientBolus, SimpleContinuous, Stopped
from thecal.pump.reservoir import perform
from thecal.pump.sheet import READINGS, pump_sheet
from thecal.pump.state import PumpState, new_pump
from thecal.pump.wand import receive
from thecal.quantity import Concentration, FlowRate, Gain, Volume
from thecal.timeline import DAY_S, WEEK_S, Duration, Instant
from thecal.twin.ledger import Entry as Part

NOTHING = Part(0, 0)
PUMPS: dict[str, PumpState] = {mode: pump_in(mode) for mode in MODES} | {
    name: pump_in("constant flow" if name.startswith("isomed") else "simple continuous", name) for name in SOME
}


def kept(pump: VirtualPump) -> VirtualPump:
    """The pump as a segment of its journal would hold it."""
    return pump_of(parse(canonical(pump_plain(pump))))


@pytest.mark.requirement("BEN-01")
@pytest.mark.parametrize("name", PUMPS)
def test_a_pump_is_kept_whole(name: str) -> None:
    """In every mode and of every kind, and a day later."""
    pump = on_bench("TC-1000001", PUMPS[name])
    assert kept(pump) == pump
    later = at_instant(pump, Instant(pump.now.s + DAY_S + 7)).pump
    assert kept(later) == later


def _readings() -> list[tuple[str, str, str]]:
    """(model, property, reading), wherever a data sheet leaves it open."""
    found = []
    for model in SOME:
        for name, readings in READINGS.items():
            for reading in readings:
                with suppress(InputError):
                    sheet_with(model, ((name, reading),))
                    found.append((model, name, reading))
    return found


@pytest.mark.requirement("BEN-01")
@pytest.mark.parametrize(("model", "name", "reading"), _readings())
def test_a_pump_is_kept_with_the_readings_of_its_sheet(model: str, name: str, reading: str) -> None:
    """Where a data sheet can be read in two ways, it is kept which one was chosen."""
    readings = ((name, reading),)
    pump = on_bench("TC-1000001", new_pump(sheet_with(model, readings), START), readings)
    assert kept(pump) == pump
    assert kept(pump).state.sheet.datum(name).value == reading


@pytest.mark.requirement("BEN-03")
def test_a_pump_whose_data_sheet_changed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was another pump; what it would do now is not what it did."""
    plain = pump_plain(full_day().pump)
    for change, why in (
        ({"sheet": "0" * 16}, "the data sheet of reference-40 is not the one that this pump was put on the bench with"),
        ({"model": "synchromed-ii-40"}, "the data sheet of synchromed-ii-40 is not the one"),
        ({"model": "reference-41"}, "is not there: .*reference-41"),
        ({"readings": [["drive", "valves"]]}, "is not there: drive"),
    ):
        with pytest.raises(UnreadableError, match=why):
            pump_of({**plain, **change})
    disk = Disk()
    ShelvedPump.new(disk, full_day().begun)
    monkeypatch.setattr(virtual_pump_module, "pump_sheet", lambda name: replace(pump_sheet(name), event_log_max=199))
    with pytest.raises(DamagedJournalError, match="the data sheet of reference-40 is not the one"):
        ShelvedPump.open(disk)


@dataclass
class Bench:
    """A pump to which anything is done; what changes it is written down, as a journal does."""

    pump: VirtualPump
    entries: list[Entry] = field(default_factory=list)
    pumps: list[VirtualPump] = field(default_factory=list)
    number: int = 0

    def happen(self, entry: Entry) -> Outcome:
        outcome = after(self.pump, entry)
        self.pump = outcome.pump
        assert self.pump.account.gap(self.pump.held) == NOTHING
        if outcome.changed:
            self.entries.append(entry)
            self.pumps.append(outcome.pump)
        return outcome

    def say(self, command: Command) -> Report | Refusal:
        self.number += 1
        answer = self.happen(Heard(self.pump.now, Message("A", self.number, command))).answer
        assert isinstance(answer, Report | Refusal)
        return answer

    def write(self, write: Write, *, stop: bool = False) -> None:
        """A whole session, as far as the pump takes it."""
        read = self.say(Interrogate())
        for command in (BeginUpdate(getattr(read, "token", None), stop), Stage(write), Commit(digest(write))):
            if isinstance(self.say(command), Refusal):
                return

    def do(self, what: object) -> None:
        now = self.pump.now
        match what:
            case Update() | StartBolus() | SetClock():
                self.write(what)
            case RequestBolus():
                self.happen(Asked(now))
            case Fill() | Withdraw() | ResetValve():
                self.happen(Needled(now, what))
            case StallFor(seconds):
                self.happen(Befell(now, Stall(None if seconds is None else Instant(now.s + seconds))))
            case MagnetFor(seconds, recovers_s):
                leaves = Instant(now.s + seconds)
                self.happen(Befell(now, Magnet(leaves, None if recovers_s is None else Instant(leaves.s + recovers_s))))
            case _ if isinstance(what, Port | CatheterFault):
                pass  # no matter of the pump
            case _ if isinstance(what, Fault):
                self.happen(Befell(now, what))
            case _:
                assert isinstance(what, Command)
                self.say(what)


SPANS = st.integers(0, 7200) | st.integers(0, 5 * DAY_S) | st.integers(0, 60 * DAY_S)
OPERATIONS: st.SearchStrategy[Any] = COMMANDS | COMMANDS | NEEDLES | FAULTS


@pytest.mark.requirement("BEN-06")
@given(
    st.sampled_from(SOME),
    st.lists(st.tuples(SPANS, OPERATIONS), min_size=1, max_size=10),
    st.lists(st.integers(0, 60 * DAY_S), max_size=4),
)
def test_every_nanolitre_is_accounted_for(model: str, course: list[tuple[int, Any]], beats: list[int]) -> None:
    """Whatever is done; and neither a heartbeat nor what changed nothing makes a difference."""
    pump = new_pump(pump_sheet(model), START)
    bench = Bench(on_bench("TC-1000001", needled(perform(pump, Fill(ml(10), Concentration(500))))))
    if pump.sheet.programmable:
        bench.write(Update(SimpleContinuous(flow(0.3)), Concentration(500), ml(10)))
    begun = on_bench("TC-1000001", needled(perform(pump, Fill(ml(10), Concentration(500)))))
    for seconds, what in course:
        for beat in sorted(beats):
            if beat < seconds:
                bench.pump = at_instant(bench.pump, Instant(max(bench.pump.now.s, bench.pump.now.s + beat))).pump
        bench.pump = at_instant(bench.pump, Instant(bench.pump.now.s + seconds)).pump
        bench.do(what)
    folded = begun
    for entry in bench.entries:
        folded = after(folded, entry_of(entry_plain(entry))).pump
    folded = at_instant(folded, bench.pump.now).pump
    assert folded == bench.pump == kept(bench.pump)
    assert folded.account.gap(folded.held) == NOTHING
    for part in (folded.account.filled, folded.account.delivered, folded.account.leaked, folded.account.withdrawn, folded.held):
        assert part.volume_nl >= 0
        assert part.amount_pg >= 0


def unseen(state: PumpState) -> PumpState:
    """The pump without what it remembers of those who talk to it."""
    memory = state.memory
    hold = memory.hold and replace(memory.hold, session=None, clears=None)
    return replace(state, memory=replace(memory, hold=hold, link=replace(memory.link, seen=())))


def check_goes_on(state: PumpState) -> None:
    """It goes on: time passes, every nanolitre is there, it says what it is, and can be kept."""
    pump = on_bench("TC-1000001", state)
    for seconds in (1, 601, DAY_S, 40 * DAY_S, 4000 * DAY_S):
        pump = at_instant(pump, Instant(pump.now.s + seconds)).pump
        assert pump.account.gap(pump.held) == NOTHING
        assert pump.state.usable_nl >= 0
    pump = after(pump, Heard(pump.now, Message("Z", 1, Interrogate()))).pump
    assert kept(pump) == pump


def heard(state: PumpState, number: int, command: Command) -> tuple[PumpState, Report | Refusal]:
    """A message of session A, and that a refused one changes nothing."""
    received = receive(state, Message("A", number, command))
    if isinstance(received.reply, Refusal):
        assert unseen(received.state) == unseen(state)
    assert receive(received.state, Message("A", number, command)).state is received.state
    return received.state, received.reply


ABSURD_COMMANDS = st.one_of(anything(Command), anything(Write), nearly(Command, COMMANDS), nearly(Command, COMMANDS))


@pytest.mark.requirement("BEN-05")
@settings(max_examples=250)
@given(st.sampled_from(sorted(PUMPS)), ABSURD_COMMANDS)
def test_any_command_that_can_be_read_is_answered(name: str, command: Command) -> None:
    """By itself and staged, however absurd its numbers: a report, or a refusal that changes nothing."""
    state, read = heard(PUMPS[name], 1, Interrogate())
    alone, _ = heard(state, 2, command)
    check_goes_on(alone)
    if isinstance(command, Write):
        state, _ = heard(state, 2, BeginUpdate(getattr(read, "token", None)))
        state, staged = heard(state, 3, Stage(command))
        state, done = heard(state, 4, Commit(digest(command)))
        assert isinstance(done, type(staged))  # what it takes to keep, it takes to write
        check_goes_on(state)


@pytest.mark.requirement("BEN-05")
@settings(max_examples=250)
@given(st.sampled_from(sorted(PUMPS)), ANY_FAULT | anything(Procedure))
def test_anything_that_can_be_read_may_befall_a_pump(name: str, what: Fault | Procedure) -> None:
    """A fault or a needle, however absurd its numbers: it is so, or it is refused and nothing changed."""
    begun = on_bench("TC-1000001", PUMPS[name])
    entry = Befell(begun.now, what) if isinstance(what, Fault) else Needled(begun.now, what)
    outcome = after(begun, entry_of(entry_plain(entry)))
    pump = outcome.pump
    if isinstance(outcome.answer, Refusal):
        assert (pump, outcome.changed) == (begun, False)
    assert pump.account.gap(pump.held) == NOTHING
    assert kept(pump) == pump
    check_goes_on(pump.state)


PLAIN_PROGRAMS: st.SearchStrategy[Any] = st.one_of(
    st.just(Stopped()),
    st.just(MinimumRate()),
    FLOWS.map(lambda nl_per_day: SimpleContinuous(FlowRate(nl_per_day))),
    flex_days(FLOWS).map(lambda day: Flex((day,))),
    st.lists(flex_days(FLOWS), min_size=7, max_size=7).map(lambda days: Flex(tuple(days))),
)
KNOWN: st.SearchStrategy[Any] = st.one_of(
    st.builds(
        Update, PLAIN_PROGRAMS, st.none(), st.none(), st.none(), st.none() | st.just(PATIENT), st.none() | PRIMES | BRIDGES
    ),
    (SINGLES | PRIMES | BRIDGES).map(StartBolus),
    st.sampled_from([RequestBolus(), CancelBolus(), STOP, Withdraw(), Update(patient=NoPatientBolus())]),
    st.integers(1, 3_000_000).map(lambda nl: Fill(Volume(nl), Concentration(500))),
    st.integers(1, 3_000_000).map(lambda nl: Withdraw(Volume(nl))),
    GAINS.map(ChangeGain),
    st.builds(Surroundings, st.sampled_from(["temperature", "pressure"]), GAINS),
    st.integers(0, 10**6).map(Resistance),
    st.integers(-14 * 3600, 14 * 3600).map(SetClock),
)
"""What the oracle knows."""


@pytest.mark.requirement("BEN-06")
@settings(max_examples=120)
@given(
    PLAIN_PROGRAMS,
    st.integers(0, 3_000_000),
    st.lists(st.tuples(st.integers(0, 7200) | st.integers(0, 9 * DAY_S), KNOWN), max_size=14),
)
def test_what_was_delivered_follows_from_the_journal_alone(program: Any, fill_nl: int, course: list[tuple[int, Any]]) -> None:
    """By an oracle that reads its bytes and integrates in fractions: to the nanolitre, at every entry, dry or not."""
    state = running_pump(program, fill=Volume(fill_nl)) if fill_nl else new_pump(pump_sheet("reference-40"), START)
    bench = Bench(on_bench("TC-1000001", state))
    disk = Disk()
    journal = Journal.begin(disk, pump_plain(bench.pump))
    for seconds, what in course:
        bench.pump = at_instant(bench.pump, Instant(bench.pump.now.s + seconds)).pump
        if what == STOP:
            bench.write(STOP, stop=True)
        else:
            bench.do(what)
    bench.happen(Passed(bench.pump.now))
    for number, (entry, pump) in enumerate(zip(bench.entries, bench.pumps, strict=True), start=1):
        journal.append(entry_plain(entry))
        if number % 7 == 0:
            journal.go_on_from(pump_plain(pump))
    check_worked_out(*life(disk.contents()), bench.pumps)


def check_worked_out(begun: Any, happened: list[Any], pumps: list[VirtualPump]) -> None:
    """That the oracle finds in what a journal holds what each pump says after its entry."""
    sheet = pumps[0].state.sheet
    oracle = Oracle(sheet.undeliverable_volume.nl, sheet.minimum_rate_flow.nl_per_day)
    oracle.begin(begun)
    for entry, pump in zip(happened, pumps, strict=True):
        oracle.happen(entry)
        assert oracle.delivered_nl == pump.account.delivered.volume_nl
        assert oracle.withdrawn_nl == pump.account.withdrawn.volume_nl
        assert oracle.usable_nl == pump.state.usable_nl


@pytest.mark.requirement("BEN-01")
@pytest.mark.requirement("BEN-06")
def test_ten_years() -> None:
    """Read every week, refilled and changed every four, litre after litre, with faults, to the end of its battery and on."""
    day, disk = day_of(running_pump(SimpleContinuous(flow(1.2)), fill=ml(40))), Disk()
    shelved, taken, known = ShelvedPump.new(disk, day.begun), 0, 0
    faults: dict[int, Fault] = {
        90: ChangeGain(Gain(1_031_250)),
        251: MemoryCorruption("log", 5),
        260: Stall(START + Duration(261 * WEEK_S)),
        270: SeptumLeak(FlowRate(30_000)),
        275: LowBattery(),
    }
    for week in range(1, 522):
        day.now = Instant(START.s + week * WEEK_S + week % 97)
        if week in faults:
            known = known or (len(day.entries) if week > 250 else 0)
            day.fault(faults[week])
        if week % 4 or at_instant(day.pump, day.now).pump.state.mode == "end of service":
            day.say(f"S{week}", Interrogate())
        else:
            day.needle(Withdraw())
            day.needle(Fill(ml(40), Concentration(500)))
            program = FLEX if week % 8 else SimpleContinuous(flow(1.2))
            day.write(f"S{week}", Update(program, Concentration(500), ml(40)))
        for entry in day.entries[taken:]:
            shelved.take(entry)
        taken = len(day.entries)
        if week % 52 == 0:  # power fails, once a year
            disk = Disk.holding(disk.contents())
            shelved = ShelvedPump.open(disk)
    day.needle(Withdraw())
    shelved.take(day.entries[-1])
    assert shelved.pump == day.pump == ShelvedPump.open(disk).pump
    assert shelved.journal.generation > 2
    assert day.pump.state.mode == "end of service"
    assert day.pump.account.delivered.volume_nl > 10**9  # more than anybody can type
    assert day.pump.account.gap(day.pump.held) == NOTHING
    assert known > 400
    begun, happened = life(disk.contents())
    check_worked_out(begun, happened[:known], day.pumps[1 : known + 1])
