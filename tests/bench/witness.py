"""The laws of two programmers at one pump, and the witness by whom they are told."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from thecal.errors import Refusal
from thecal.programmer.session import Session
from thecal.pump.advance import advance
from thecal.pump.handle import handle, report
from thecal.pump.memory import digest
from thecal.pump.messages import (
    BeginUpdate,
    CancelBolus,
    Command,
    Commit,
    Interrogate,
    Message,
    Report,
    SetClock,
    Stage,
    StartBolus,
    Update,
    Write,
)
from thecal.pump.modes import CHANGES, MODES, members
from thecal.pump.program import Stopped
from thecal.pump.state import Hold, Link, PumpState
from thecal.pump.wand import Received
from thecal.timeline import Instant

Deliver = Callable[[PumpState, Message], Received]
Reply = Report | Refusal


class LawError(AssertionError):
    """A law that does not hold, and the shortest course that shows it."""

    def __init__(self, law: str, course: tuple[str, ...] = ()) -> None:
        super().__init__("\n".join((law, *course)))
        self.law, self.course = law, course


@contextmanager
def during(event: str) -> Iterator[None]:
    """A law that breaks here is broken by this event."""
    try:
        yield
    except LawError as broken:
        raise LawError(broken.law, (event, *broken.course)) from None


def _law(holds: object, law: str) -> None:
    if not holds:
        raise LawError(law)


@dataclass(frozen=True, slots=True)
class Written:
    """What the pump said it has carried out, for whom, and by which reading that one reviewed it."""

    session: str
    at: Instant
    what: Write | CancelBolus
    token: str | None


@dataclass(frozen=True, slots=True)
class Opened:
    """The update that the pump said is open: whose, and what it said is staged in it."""

    session: str
    token: str | None
    staged: Write | None = None


@dataclass(frozen=True, slots=True)
class Witness:
    """What somebody knows who hears all that comes to the pump and all that it answers, and looks at nothing else.

    ``latest`` is the newest message of each session with its reply, ``fresh`` the tokens given since the last write; ``begun``
    says that an update was begun since, whatever became of it.
    """

    latest: tuple[tuple[Message, Reply], ...] = ()
    written: tuple[Written, ...] = ()
    opened: Opened | None = None
    begun: bool = False
    fresh: frozenset[str] = frozenset()

    def newest(self, session: str) -> tuple[Message, Reply] | None:
        return next((said for said in self.latest if said[0].session == session), None)


@dataclass(frozen=True, slots=True)
class Side:
    """The pump, its witness, and ``bare``: the pump as the acknowledged writes alone leave it, each given as a bare command."""

    pump: PumpState
    bare: PumpState
    witness: Witness = Witness()


def delivered(side: Side, message: Message, deliver: Deliver) -> Side:
    """The pump with one more message, under the laws of every message."""
    received = deliver(side.pump, message)
    after, reply, said = received.state, received.reply, side.witness.newest(message.session)
    if said and message.sequence <= said[0].sequence:
        answered = reply == said[1] if message == said[0] else isinstance(reply, Refusal)
        _law(answered, "a message that comes again is answered the same, and refused once another was taken")
        _law(after == side.pump, "a message that comes again does nothing")
        return side
    if isinstance(reply, Refusal):
        _law(_unseen(after) == _unseen(side.pump), "a refused message changes nothing but what was seen")
    else:
        _law(replace(reply, token=None) == report(after), "a report is what the pump is set to")
    _check_change(side.pump.mode, message.command.name, after.mode)
    told = Side(after, side.bare, side.witness) if isinstance(reply, Refusal) else _told(side, message, reply, after)
    others = (other for other in told.witness.latest if other[0].session != message.session)
    latest = tuple(sorted((*others, (message, reply)), key=lambda known: known[0].session))
    return replace(told, witness=replace(told.witness, latest=latest))


def _told(side: Side, message: Message, said: Report, after: PumpState) -> Side:
    """The witness of a message that was carried out, and the bare pump with what was written by it."""
    bare, witness, who = side.bare, side.witness, message.session
    opened, token = witness.opened, message.command.token if isinstance(message.command, BeginUpdate) else None
    match message.command:
        case Interrogate():
            assert said.token is not None  # an interrogation gives one
            witness = replace(witness, fresh=witness.fresh | {said.token})
        case BeginUpdate():
            _law(token in witness.fresh, "an update begins only by a reading since which nothing was written")
            bare = _bare(bare, replace(message.command, token=None))
            witness = replace(witness, opened=Opened(who, token), begun=True)
        case Stage(write):
            _law(opened and opened.session == who, "only who opened the update stages in it")
            assert opened is not None  # as the law says
            witness = replace(witness, opened=replace(opened, staged=write))
        case Commit(sent):
            own = opened is not None and opened.session == who and opened.staged is not None and digest(opened.staged) == sent
            _law(own, "only who opened the update commits it, and what was staged in it")
            assert opened is not None  # as the law says
            assert opened.staged is not None
            bare = _bare(_bare(bare, Stage(opened.staged)), message.command)
            done = Written(who, after.now, opened.staged, opened.token)
            witness = Witness(witness.latest, (*witness.written, done))
        case CancelBolus():
            bare = _bare(bare, message.command)
            done = Written(who, after.now, message.command, None)
            witness = replace(witness, written=(*witness.written, done), fresh=frozenset())
        case _:
            pass
    return Side(after, bare, witness)


def _bare(pump: PumpState, command: Command) -> PumpState:
    answer = handle(pump, command)
    assert not isinstance(answer, Refusal), answer  # the pump beside it has just taken the same
    return answer.state


def _unseen(pump: PumpState) -> PumpState:
    return replace(pump, memory=replace(pump.memory, link=Link(pump.memory.link.writes)))


def _check_change(before: str, cause: str, after: str) -> None:
    _law(after in MODES, f"{after} is a mode")
    known = before == after or any(
        before in members(source) and cause == by and after in members(target) for source, by, target in CHANGES
    )
    _law(known, f"{before} to {after} by {cause} is a change of the table")


class _Everything:
    """Pause at every event."""

    def __contains__(self, _: object) -> bool:
        return True


def waited(side: Side) -> Side:
    """So much later that an open update is cleared: nobody's any more, and nothing staged."""
    pump, sheet = side.pump, side.pump.sheet
    until = pump.now + sheet.update_idle_clear
    while pump.now < until:
        before, pump = pump.mode, advance(pump, until, _Everything()).state
        _check_change(before, "time", pump.mode)
    left = Hold("updating", stops=True) if sheet.stops_while_updating and side.witness.begun else None
    _law(pump.memory.hold == left, "an update in which nothing comes any more is cleared")
    return Side(pump, advance(side.bare, until).state, replace(side.witness, opened=None))


def check_pump(side: Side, writes: int) -> None:
    """Never twice and never half: the pump is what the acknowledged writes alone make of it, and was written as often."""
    memory, bare, witness = side.pump.memory, side.bare.memory, side.witness
    set_to = (memory.settings, memory.basal, memory.bolus, memory.given)
    _law(set_to == (bare.settings, bare.basal, bare.bolus, bare.given), "the pump runs the acknowledged writes, whole")
    flowed = (memory.count, side.pump.mechanics)
    _law(flowed == (bare.count, side.bare.mechanics), "what flowed is what the acknowledged writes make flow")
    _law(memory.link.writes == writes + len(witness.written), "the pump was written as often as it said")
    stopped = isinstance(memory.program, Stopped) and memory.bolus is None
    held = witness.begun and side.pump.sheet.stops_while_updating
    flows = (memory.pattern.total > 0, side.pump.mechanics.drive.total > 0)
    _law(flows == (not (stopped or held),) * 2, "nothing flows exactly while the program stops or an update holds the pump")


def check_belief(session: Session, side: Side) -> None:
    """A session claims no more than was acknowledged; one that is new or uncertain claims nothing."""
    read, witness = session.report, side.witness
    if read is None or session.standing in ("new", "uncertain"):
        return
    own = [done for done in witness.written if (done.session, done.token) == (session.name, read.token)]
    if session.standing in ("committed", "done", "unlike"):
        _law(len(own) == 1, f"{session.standing} is said only of what the pump has carried out, once")
    elif session.sent is None or not isinstance(session.sent.command, Commit | CancelBolus):
        _law(not own, f"{session.standing} is said only of what the pump has not carried out")
        others = bool(witness.written) and witness.written[-1].session != session.name
        _law(read.token in witness.fresh or others, "only another programmer makes a reading stale")
    back = session.read_back
    if session.standing == "done":
        _law(back and back.mode != "updating" and _runs(back, own[0]), "done is said only of a pump that was so")
    if session.standing == "unlike":
        other = back is None or back.mode == "updating" or witness.written[-1] != own[0]
        _law(other, "unlike is said only where another programmer was at the pump")


def _runs(back: Report, done: Written) -> bool:
    """Whether a pump that said this runs what was written, field by field."""
    match done.what:
        case Update() as update:
            pairs = (
                (update.program, back.program),
                (update.concentration, back.concentration),
                (update.low_reservoir, back.low_reservoir),
                (update.patient, back.patient),
            )
            return all(asked is None or asked == said for asked, said in pairs)
        case StartBolus(bolus):
            return back.mode == bolus.mode or back.at >= done.at + bolus.duration
        case SetClock() | CancelBolus():
            return False  # no plan here orders the first, and nobody reviews the second
