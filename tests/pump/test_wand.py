"""The wand's door: tokens, staging, commits; a message that comes twice; sessions that are not one's own."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.courses import START, disturbed, done, flow, ml, running_pump
from tests.pump.pumps import HOUR, MINUTE, RUNNING, SINGLE, in_seconds, pump_in, with_patient
from tests.pump.pumps import given as flowed
from thecal.errors import Refusal
from thecal.pump.handle import handle
from thecal.pump.memory import digest
from thecal.pump.messages import (
    BeginUpdate,
    CancelBolus,
    Command,
    Commit,
    Interrogate,
    LowBattery,
    Message,
    ReadBack,
    Report,
    RequestBolus,
    SetClock,
    Stage,
    StartBolus,
    TestAlarm,
    Update,
    Write,
)
from thecal.pump.program import SimpleContinuous, Stopped
from thecal.pump.sheet import pump_sheet
from thecal.pump.state import Link, PumpState, new_pump
from thecal.pump.wand import SESSIONS_KEPT, Received, receive
from thecal.quantity import Concentration
from thecal.timeline import DAY_S

FASTER = Update(SimpleContinuous(flow(0.3)))
WRITES: list[Write] = [
    FASTER,
    Update(SimpleContinuous(flow(0.1)), Concentration(2000), ml(18)),
    Update(low_reservoir=ml(3)),
    StartBolus(SINGLE),
    SetClock(7200),
]


class Talk:
    """One programmer's session with a pump: every message has the next number."""

    def __init__(self, pump: PumpState, session: str = "A") -> None:
        self.pump, self.session, self.sequence = pump, session, 0

    def send(self, command: Command) -> Report | Refusal:
        self.sequence += 1
        return self.again(command)

    def again(self, command: Command) -> Report | Refusal:
        """The same number once more."""
        received = receive(self.pump, Message(self.session, self.sequence, command))
        self.pump = received.state
        return received.reply

    def says(self, command: Command) -> Report:
        reply = self.send(command)
        assert isinstance(reply, Report), reply
        return reply

    def refuses(self, command: Command) -> str:
        reply = self.send(command)
        assert isinstance(reply, Refusal), reply
        return reply.rule

    def begin(self) -> Report:
        return self.says(BeginUpdate(self.says(Interrogate()).token))

    def write(self, write: Write) -> Report:
        self.begin()
        staged = self.says(Stage(write)).staged
        assert staged == digest(write)
        return self.says(Commit(staged))


def unseen(pump: PumpState) -> PumpState:
    """The pump without what it remembers of those who talked to it."""
    return replace(pump, memory=replace(pump.memory, link=Link()))


@pytest.mark.requirement("PMP-76")
@pytest.mark.parametrize("write", WRITES, ids=str)
@pytest.mark.parametrize("sheet", ["reference-40", "synchromed-ii-40"])
def test_a_session_in_one_instant_writes_what_the_command_writes(write: Write, sheet: str) -> None:
    """Interrogated, begun, staged and committed within a second: the same pump as by the bare command, and the same course."""
    pump = running_pump(RUNNING, sheet)
    talk = Talk(pump)
    talk.write(write)
    assert unseen(talk.pump).memory.settings == done(handle(pump, write)).memory.settings
    later = in_seconds(talk.pump, DAY_S), in_seconds(done(handle(pump, write)), DAY_S)
    assert later[0].mechanics == later[1].mechanics
    assert later[0].memory.count == later[1].memory.count


@pytest.mark.requirement("PMP-70")
@pytest.mark.parametrize("meanwhile", [*WRITES, RequestBolus()], ids=str)
def test_a_token_is_stale_once_the_pump_was_written(meanwhile: Write | RequestBolus) -> None:
    """Whatever was written since the interrogation, the patient's bolus included: an hour later the update cannot begin."""
    pump = running_pump(RUNNING)
    talk = Talk(with_patient(pump) if isinstance(meanwhile, RequestBolus) else pump)
    token = talk.says(Interrogate()).token
    talk.pump = in_seconds(done(handle(talk.pump, meanwhile)), HOUR)
    before = unseen(talk.pump)
    assert talk.refuses(BeginUpdate(token)) == "PMP-70"
    assert unseen(talk.pump) == before
    assert talk.begin().mode == "updating"  # with a token that is read anew it can


@pytest.mark.requirement("PMP-70")
def test_a_token_is_of_one_pump_and_of_one_state_of_it() -> None:
    """Another pump under the wand, lost settings, or a change there and back again: another token. Time alone: the same."""
    pump = running_pump(RUNNING)

    def token(of: PumpState) -> str | None:
        return Talk(of).says(Interrogate()).token

    back = done(handle(done(handle(pump, FASTER)), Update(RUNNING)))
    other = running_pump(RUNNING, mcg_per_ml=2000)
    tokens = [token(one) for one in (pump, back, other, disturbed(pump, LowBattery()))]
    assert len(set(tokens)) == 4
    assert token(in_seconds(pump, DAY_S)) == token(pump)
    assert Talk(pump).says(Interrogate()).token == Talk(pump, "B").says(Interrogate()).token


@pytest.mark.requirement("PMP-70")
def test_the_wand_begins_no_update_without_a_token() -> None:
    """Who has not read the pump does not write it."""
    talk = Talk(running_pump(RUNNING))
    talk.says(Interrogate())
    assert talk.refuses(BeginUpdate()) == "PMP-70"
    assert talk.pump.mode == "simple continuous"


@pytest.mark.requirement("PMP-71")
def test_only_what_was_staged_is_committed() -> None:
    """Nothing staged, another digest, no update open: refused, and the program runs as before."""
    talk = Talk(running_pump(RUNNING))
    talk.says(Interrogate())
    assert talk.refuses(Stage(FASTER)) == "PMP-71"
    assert talk.refuses(Commit(digest(FASTER))) == "PMP-71"
    talk.begin()
    assert talk.refuses(Commit(digest(FASTER))) == "PMP-71"
    talk.says(Stage(FASTER))
    assert talk.refuses(Commit(digest(Update(RUNNING)))) == "PMP-71"
    assert talk.pump.memory.program == RUNNING
    talk.says(Commit(digest(FASTER)))
    assert talk.pump.memory.program == FASTER.program
    assert talk.refuses(Commit(digest(FASTER))) == "PMP-71"


@pytest.mark.requirement("PMP-71")
def test_what_the_pump_would_refuse_it_refuses_to_stage() -> None:
    """By its own limits, before anything is committed; what was staged before stays staged."""
    talk = Talk(running_pump(RUNNING))
    talk.begin()
    talk.says(Stage(FASTER))
    assert talk.refuses(Stage(Update(SimpleContinuous(flow(25))))) == "PMP-02"
    assert talk.says(Interrogate()).staged == digest(FASTER)


@pytest.mark.requirement("PMP-76")
@given(st.sampled_from(WRITES), st.integers(0, 5), st.integers(1, 4))
def test_a_message_that_comes_again_is_done_once(write: Write, which: int, times: int) -> None:
    """Any message of a session, repeated at once: the same reply, the same pump."""
    once, often = Talk(running_pump(RUNNING)), Talk(running_pump(RUNNING))
    token = often.says(Interrogate()).token
    once.says(Interrogate())
    commands: list[Command] = [BeginUpdate(token), Stage(write), Commit(digest(write)), ReadBack(), TestAlarm("critical")]
    for number, command in enumerate(commands):
        replies = {repr(once.send(command)), repr(often.send(command))}
        if number == which:
            replies |= {repr(often.again(command)) for _ in range(times)}
        assert len(replies) == 1
        assert once.pump == often.pump


@pytest.mark.requirement("PMP-76")
def test_a_bolus_whose_reply_was_lost_is_not_given_twice() -> None:
    """Committed, not heard, sent again an hour later, after another programmer has been there: one bolus flowed."""
    talk = Talk(running_pump(RUNNING))
    bolus = StartBolus(SINGLE)
    talk.begin()
    talk.says(Stage(bolus))
    first = talk.says(Commit(digest(bolus)))
    other = Talk(in_seconds(talk.pump, HOUR), "B")
    other.says(Interrogate())
    talk.pump = other.pump
    assert talk.again(Commit(digest(bolus))) == first
    assert flowed(talk.pump, DAY_S) == 200_000
    assert talk.pump.memory.count.pumped_nl == SINGLE.volume.nl + 200_000 // 24


@pytest.mark.requirement("PMP-73")
def test_a_number_is_of_one_message() -> None:
    """Another message under the number of the last one, or an earlier number: refused, and nothing is done."""
    talk = Talk(running_pump(RUNNING))
    talk.says(Interrogate())
    talk.says(TestAlarm("critical"))
    logged = talk.pump.memory.signals.logged
    before = talk.pump
    for sequence, command in ((2, TestAlarm("non-critical")), (1, Interrogate()), (0, TestAlarm("critical"))):
        received = receive(talk.pump, Message("A", sequence, command))
        assert isinstance(received.reply, Refusal)
        assert received.reply.rule == "PMP-73"
        assert received.state == before
    assert talk.pump.memory.signals.logged == logged


@pytest.mark.requirement("PMP-72")
def test_a_session_begins_with_an_interrogation() -> None:
    """And one that the pump has forgotten begins again: it never carries out what it cannot tell from a repeat."""
    pump = running_pump(RUNNING)
    for sequence, command in ((1, TestAlarm("critical")), (2, BeginUpdate("0" * 16)), (7, Commit("0" * 16))):
        received = receive(pump, Message("A", sequence, command))
        assert isinstance(received.reply, Refusal)
        assert (received.reply.rule, received.state) == ("PMP-72", pump)
    talk = Talk(pump)
    talk.write(StartBolus(SINGLE))
    for number in range(SESSIONS_KEPT):
        other = Talk(talk.pump, f"other {number}")
        other.says(Interrogate())
        talk.pump = other.pump
    assert len(talk.pump.memory.link.seen) == SESSIONS_KEPT
    reply = talk.again(Commit(digest(StartBolus(SINGLE))))
    assert isinstance(reply, Refusal)
    assert reply.rule == "PMP-72"
    assert talk.says(Interrogate()).mode == "single bolus"  # and goes on from there


@pytest.mark.requirement("PMP-72")
@pytest.mark.requirement("PMP-75")
def test_readers_do_not_drive_out_who_programs() -> None:
    """However many read meanwhile, the session with the open update is remembered; what it staged is committed."""
    talk = Talk(running_pump(RUNNING))
    talk.says(BeginUpdate(talk.says(Interrogate()).token))
    for number in range(3 * SESSIONS_KEPT):
        other = Talk(talk.pump, f"other {number}")
        other.says(Interrogate())
        talk.pump = other.pump
        assert len(talk.pump.memory.link.seen) <= SESSIONS_KEPT
    talk.says(Stage(FASTER))
    assert talk.says(Commit(digest(FASTER))).program == FASTER.program


@pytest.mark.requirement("PMP-74")
@pytest.mark.parametrize("command", [*WRITES, RequestBolus(), Update(Stopped())], ids=str)
def test_nothing_is_written_by_the_wand_without_staging(command: Command) -> None:
    """The bare commands are the pump's own; the activator is the patient's."""
    talk = Talk(with_patient(running_pump(RUNNING)))
    talk.says(Interrogate())
    before = unseen(talk.pump)
    assert talk.refuses(command) == "PMP-74"
    assert unseen(talk.pump) == before


def test_a_bolus_is_cancelled_in_one_message() -> None:
    """What ends a dose needs no update."""
    talk = Talk(pump_in("bridge bolus"))
    talk.says(Interrogate())
    assert talk.says(CancelBolus()).mode == "simple continuous"


@pytest.mark.requirement("PMP-08")
@pytest.mark.parametrize("sheet", ["reference-40", "synchromed-ii-40"])
@pytest.mark.parametrize("mode", ["single bolus", "patient bolus", "priming bolus", "bridge bolus"])
def test_a_stop_is_begun_under_a_bolus_and_writes_nothing_else(mode: str, sheet: str) -> None:
    """Every other update waits; one that was begun to stop stages the stop alone, which ends the bolus."""
    talk = Talk(pump_in(mode, sheet))
    token = talk.says(Interrogate()).token
    assert talk.refuses(BeginUpdate(token)) == "PMP-08"
    talk.says(BeginUpdate(token, stop=True))
    if sheet == "reference-40":  # the other has ended the bolus already: it stops while it is updated
        assert talk.refuses(Stage(Update(low_reservoir=ml(3)))) == "PMP-08"
        assert talk.refuses(Stage(Update(Stopped(), low_reservoir=ml(3)))) == "PMP-08"
    talk.says(Stage(Update(Stopped())))
    assert talk.says(Commit(digest(Update(Stopped())))).mode == "stopped"
    assert flowed(talk.pump, DAY_S) == 0


@pytest.mark.requirement("PMP-75")
def test_two_programmers_on_one_pump() -> None:
    """Both have read it; the first writes. The second is stale; and an update that is taken over is not finished by its first."""
    first = Talk(running_pump(RUNNING), "A")
    second = Talk(first.pump, "B")
    stale = second.says(Interrogate()).token
    first.pump = second.pump
    first.write(FASTER)
    second.pump = first.pump
    assert second.refuses(BeginUpdate(stale)) == "PMP-70"
    first.pump = second.pump
    first.begin()
    first.says(Stage(Update(low_reservoir=ml(3))))
    second.pump = first.pump
    second.begin()
    first.pump = second.pump
    assert first.refuses(Stage(Update(low_reservoir=ml(4)))) == "PMP-75"
    assert first.refuses(Commit(digest(Update(low_reservoir=ml(3))))) == "PMP-75"
    second.pump = first.pump
    assert second.says(Interrogate()).staged is None
    second.says(Stage(Update(low_reservoir=ml(1))))
    assert second.says(Commit(digest(Update(low_reservoir=ml(1))))).low_reservoir == ml(1)


@pytest.mark.requirement("PMP-77")
def test_an_update_that_goes_no_further_is_cleared() -> None:
    """Ten minutes after its last message; the reference pump never stopped, the SynchroMed II stays stopped until an update."""
    for sheet, mode, flowing in (("reference-40", "simple continuous", 200_000), ("synchromed-ii-40", "updating", 0)):
        talk = Talk(running_pump(RUNNING, sheet))
        talk.begin()
        talk.pump = in_seconds(talk.pump, 9 * MINUTE)
        talk.says(Stage(FASTER))
        talk.pump = in_seconds(talk.pump, 10 * MINUTE - 1)
        assert (talk.pump.mode, talk.says(ReadBack()).staged) == ("updating", digest(FASTER))
        talk.pump = in_seconds(talk.pump, 10 * MINUTE - 1)
        assert talk.pump.mode == "updating"
        talk.pump = in_seconds(talk.pump, 1)
        assert talk.pump.mode == mode
        assert talk.pump.memory.signals.log[-1].kind == "update cleared"
        assert isinstance(talk.send(Commit(digest(FASTER))), Refusal)
        assert flowed(talk.pump, DAY_S) == flowing
        talk.write(FASTER)
        assert flowed(talk.pump, DAY_S) == 300_000


def test_a_pump_without_electronics_answers_nobody() -> None:
    """Every message is refused by the reason, and nothing is kept."""
    pump = new_pump(pump_sheet("isomed-8472-20-10"), START)
    received = receive(pump, Message("A", 1, Interrogate()))
    assert isinstance(received.reply, Refusal)
    assert received == Received(pump, received.reply)
    assert received.reply.rule == "PMP-40"
