"""A frame that is cut: at every byte of a commit, and of the reply to it."""

import pytest

from tests.bench.disk import Disk
from tests.programmer.desk import POLICY, chart_of, continuous, dose, new_desk
from thecal.bench.entry import Heard
from thecal.bench.frame import FRAME_MAX, Decoder, Frame, FrameType
from thecal.bench.shelf import ShelvedPump
from thecal.bench.virtual_pump import Outcome, after, on_bench
from thecal.bench.wire import frame_of, reply_frame
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.programmer.session import Session
from thecal.pump.messages import Commit, Report
from thecal.pump.program import Running

FASTER = OrderSheet(dosing=continuous(120))


def committing() -> tuple[ShelvedPump, Session]:
    """A pump on its shelf, and a session that sends the commit of a new dose."""
    pump = new_desk().pump
    shelf, chart = ShelvedPump.new(Disk(), on_bench("TC-0001", pump)), chart_of(pump)
    session = went(Session(f"A/{1:016x}", pump.sheet, POLICY, pump.now).interrogate(pump.now))
    session = went(went(session.heard(answer(shelf, session), pump.now)).prepare(FASTER, chart, pump.now))
    session = went(went(session.confirm(dose(120), pump.now)).proceed(pump.now))
    for _ in range(2):
        session = went(went(session.heard(answer(shelf, session), pump.now)).proceed(pump.now))
    assert session.sent
    assert isinstance(session.sent.command, Commit)
    return shelf, session


def went(session: Session | Refusal) -> Session:
    assert isinstance(session, Session), session
    return session


def answer(shelf: ShelvedPump, session: Session) -> Report:
    """What the pump says to the message that a session sends."""
    assert session.sent
    outcome = shelf.take(Heard(shelf.pump.now, session.sent))
    assert isinstance(outcome, Outcome)
    assert isinstance(outcome.answer, Report)
    return outcome.answer


def check_lost(shelf: ShelvedPump, session: Session, program: Running) -> None:
    """The session is uncertain and does nothing but interrogate; that tells it what the pump runs."""
    now, pump = shelf.pump.now, shelf.pump
    lost = went(session.lost(now))
    assert lost.standing == "uncertain"
    refusals = [lost.proceed(now), lost.prepare(FASTER, chart_of(pump.state), now), lost.cancel_bolus(now)]
    assert [refusal.rule for refusal in refusals if isinstance(refusal, Refusal)] == ["SES-05"] * 3
    asked = went(lost.interrogate(now))
    assert asked.sent
    told = after(pump, Heard(now, asked.sent)).answer
    assert isinstance(told, Report)
    assert went(asked.heard(told, now)).standing == "read"
    assert told.program == program


def check_cut(frame: bytes, at: int) -> None:
    """A frame that is cut there is none. The next one is found, once no more bytes can make a frame of what came before it."""
    link = Decoder()
    assert not link.feed(frame[:at])
    found = [piece for data in (frame, bytes(FRAME_MAX)) for piece in link.feed(data) if isinstance(piece, Frame)]
    assert [piece.encoded() for piece in found] == [frame]


@pytest.mark.requirement("BEN-18")
@pytest.mark.requirement("SES-05")
@pytest.mark.requirement("SES-14")
def test_a_commit_that_is_cut_at_any_byte() -> None:
    """It is not done, and the programmer does not know; sent again, it is done."""
    shelf, session = committing()
    assert session.sent
    before = shelf.pump
    frame = frame_of(FrameType.COMMAND, session.sent.command, 1, session.sent.sequence).encoded()
    for at in range(len(frame)):
        check_cut(frame, at)
        check_lost(shelf, session, before.state.memory.program)
    assert answer(shelf, session).program != before.state.memory.program


@pytest.mark.requirement("BEN-01")
@pytest.mark.requirement("BEN-18")
@pytest.mark.requirement("PMP-76")
@pytest.mark.requirement("SES-05")
@pytest.mark.requirement("SES-14")
def test_a_reply_that_is_cut_at_any_byte() -> None:
    """The commit is done and durable, and the programmer does not know; sent again, it is answered the same and does nothing."""
    shelf, session = committing()
    was = shelf.pump.state.memory
    said = answer(shelf, session)
    done, entries = shelf.pump, shelf.journal.count
    assert isinstance(shelf.journal.folder, Disk)
    for left in shelf.journal.folder.remains():
        shelf = ShelvedPump.open(Disk.holding(left))
        assert shelf.pump == done
    assert (said.program != was.program, done.state.memory.link.writes) == (True, was.link.writes + 1)
    frame = reply_frame(said, 1, session.sequence).encoded()
    for at in range(len(frame)):
        check_cut(frame, at)
        check_lost(shelf, session, said.program)
        assert answer(shelf, session) == said
        assert (shelf.pump, shelf.journal.count) == (done, entries)
