"""Two programmers at one pump, every course of them up to a bound: no law breaks, and each law can break."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.bench.model import Plan, Search
from tests.bench.witness import Deliver, LawError
from tests.courses import done, flow, ml
from tests.programmer.desk import continuous, new_desk
from tests.pump.pumps import pump_in
from thecal.chart.order import OrderBolus, OrderStop
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.programmer.session import Session, Standing
from thecal.pump.handle import handle, report
from thecal.pump.memory import digest, token
from thecal.pump.messages import BeginUpdate, CancelBolus, Command, Commit, Interrogate, Message, Report, Stage, Update
from thecal.pump.program import SimpleContinuous
from thecal.pump.state import PumpState
from thecal.pump.wand import Received, receive
from thecal.quantity import Amount
from thecal.timeline import Duration, Instant

UP = OrderSheet(dosing=continuous(120))
DOWN = OrderSheet(dosing=continuous(80), low_reservoir=ml(1))
STOP = OrderSheet(dosing=OrderStop())
BOLUS = OrderSheet(bolus=OrderBolus(Amount(2 * 10**7), Duration(600)))
GOES_ON, STOPS = "reference-40", "synchromed-ii-40"
PAIRS: dict[str, tuple[Callable[[], PumpState], tuple[OrderSheet, OrderSheet]]] = {
    "one raises, one lowers": (lambda: new_desk(GOES_ON).pump, (UP, DOWN)),
    "one raises, one lowers, the pump stops for it": (lambda: new_desk(STOPS).pump, (UP, DOWN)),
    "both order the same": (lambda: new_desk(GOES_ON).pump, (UP, UP)),
    "one raises, one stops": (lambda: new_desk(GOES_ON).pump, (UP, STOP)),
    "one raises, one stops, the pump stops for it": (lambda: new_desk(STOPS).pump, (UP, STOP)),
    "one gives a bolus, one lowers": (lambda: new_desk(GOES_ON).pump, (BOLUS, DOWN)),
    "both give a bolus": (lambda: new_desk(GOES_ON).pump, (BOLUS, BOLUS)),
    "under a bolus one stops, one lowers": (lambda: pump_in("single bolus", GOES_ON), (STOP, DOWN)),
    "under a bolus one stops, one lowers, the pump stops for it": (lambda: pump_in("single bolus", STOPS), (STOP, DOWN)),
}
BOTH = ("one raises, one lowers", "one raises, one lowers, the pump stops for it")


def plan(pair: str, messages: int, waits: int = 0, deliver: Deliver = receive) -> Plan:
    pump, orders = PAIRS[pair]
    return Plan(pump(), orders, messages, waits, deliver)


@pytest.mark.requirement("SES-12")
@pytest.mark.requirement("SES-14")
@pytest.mark.parametrize("pair", [BOTH[0], pytest.param(BOTH[1], marks=pytest.mark.long)])
def test_two_whole_sessions_in_every_order(pair: str) -> None:
    """Eight messages: both write, in either order, or one twice; the pump is set as first, by one, or by one over the other."""
    found = Search(plan(pair, 8)).run()
    assert found.written == {(), ("A",), ("B",), ("A", "A"), ("A", "B"), ("B", "A"), ("B", "B")}
    doses = {(words.split()[2], threshold) for words, threshold in found.settings}
    assert doses == {("0.2", 2 * 10**6), ("0.24", 2 * 10**6), ("0.16", 10**6), ("0.24", 10**6)}
    assert found.refused == {"PMP-70", "PMP-71", "PMP-75"}
    assert {("done", "new"), ("done", "staged"), ("uncertain", "committed"), ("unlike", "begun")} <= found.standings


@pytest.mark.requirement("PMP-77")
@pytest.mark.requirement("SES-05")
@pytest.mark.parametrize("pair", PAIRS)
def test_every_course_in_which_somebody_is_left_waiting(pair: str) -> None:
    """Five messages, and a wait anywhere among them in which an open update is cleared and an idle session drops its own."""
    found = Search(plan(pair, 5, waits=1)).run()
    assert found.written == {(), ("A",), ("B",)}
    assert {("done", "new"), ("new", "done"), ("uncertain", "read"), ("read", "uncertain")} <= found.standings


@pytest.mark.long
@pytest.mark.requirement("SES-14")
@pytest.mark.parametrize("pair", PAIRS)
def test_the_full_bound(pair: str) -> None:
    """Eight messages of every pair of orders; where one raises and one lowers, with a wait anywhere among them."""
    found = Search(plan(pair, 8, waits=int(pair in BOTH))).run()
    assert {("A",), ("B",), ("A", "B"), ("A", "A")} <= found.written
    assert {"PMP-70", "PMP-75"} <= found.refused


def test_what_the_search_leaves_out_leads_nowhere_else() -> None:
    """No old message forgotten, no session made plain or told that it was left alone: more states, and no other pump."""
    small, whole = (Search(replace(plan(BOTH[0], 4, waits=1), whole=every)).run() for every in (False, True))
    assert small.states < whole.states
    assert small.standings <= whole.standings
    assert replace(small, states=0, moves=0, standings=frozenset()) == replace(whole, states=0, moves=0, standings=frozenset())


def again(pump: PumpState, message: Message) -> bool:
    """Whether it is the latest message of its session once more."""
    return any((seen.session, seen.sequence) == (message.session, message.sequence) for seen in pump.memory.link.seen)


def when(kind: type[Command], change: Callable[[PumpState], PumpState], *, repeated: bool = False) -> Deliver:
    """A pump that changes so when it takes such a message, or takes it once more, and says what it is then."""

    def deliver(pump: PumpState, message: Message) -> Received:
        received = receive(pump, message)
        meant = isinstance(message.command, kind) and again(pump, message) == repeated
        if not meant or isinstance(received.reply, Refusal):
            return received
        changed = change(received.state)
        return Received(changed, received.reply if repeated else report(changed))

    return deliver


def finding(kind: type[Command], change: Callable[[PumpState, Message], PumpState]) -> Deliver:
    """A pump that is changed so before it takes such a message."""
    return lambda pump, message: receive(change(pump, message) if isinstance(message.command, kind) else pump, message)


def remembering(pump: PumpState, **changed: Any) -> PumpState:
    return replace(pump, memory=replace(pump.memory, **changed))


def held(pump: PumpState, **changed: Any) -> PumpState:
    """The pump with its open update changed."""
    hold = pump.memory.hold
    return remembering(pump, hold=hold and replace(hold, **changed))


def staged_at_once(pump: PumpState) -> PumpState:
    """What is staged runs already, and the update stays open."""
    assert pump.memory.hold is not None
    assert pump.memory.hold.staged is not None
    return remembering(pump, settings=done(handle(pump, pump.memory.hold.staged)).memory.settings)


def anybody_s(pump: PumpState, message: Message) -> PumpState:
    """The open update belongs to whoever commits what is staged in it."""
    hold = pump.memory.hold
    own = hold and hold.staged and isinstance(message.command, Commit) and digest(hold.staged) == message.command.digest
    return held(pump, session=message.session) if own else pump


def answering_anew(pump: PumpState, message: Message) -> Received:
    """A message that comes again is answered by what the pump is by now."""
    return Received(pump, report(pump)) if again(pump, message) else receive(pump, message)


def forgetful(pump: PumpState, message: Message) -> Received:
    """A message that comes again is new to it."""
    link = pump.memory.link
    others = tuple(seen for seen in link.seen if seen.session != message.session)
    known = tuple(replace(seen, sequence=message.sequence - 1) for seen in link.seen if seen.session == message.session)
    return receive(remembering(pump, link=replace(link, seen=(*others, *known))), message)


def tokenless(pump: PumpState, message: Message) -> Received:
    """Every token is the right one."""
    if not isinstance(message.command, BeginUpdate):
        return receive(pump, message)
    return receive(pump, replace(message, command=replace(message.command, token=token(pump.memory))))


def touchy(pump: PumpState, message: Message) -> Received:
    """A refused message closes the open update."""
    received = receive(pump, message)
    return replace(received, state=remembering(received.state, hold=None)) if isinstance(received.reply, Refusal) else received


def late(pump: PumpState, message: Message) -> Received:
    """It answers a commit by what it was."""
    received = receive(pump, message)
    first = isinstance(message.command, Commit) and not again(pump, message) and isinstance(received.reply, Report)
    return replace(received, reply=report(pump)) if first else received


RAISED = Update(SimpleContinuous(flow(0.24)))
SAME, UNDER = "both order the same", "under a bolus one stops, one lowers"
DEFECTIVE_PUMPS: list[tuple[Deliver, str, str]] = [
    (answering_anew, BOTH[0], "a message that comes again is answered the same, and refused once another was taken"),
    (forgetful, BOTH[0], "a message that comes again does nothing"),
    (
        when(Commit, lambda pump: done(handle(pump, RAISED)), repeated=True),
        BOTH[0],
        "a message that comes again does nothing",
    ),
    (touchy, BOTH[0], "a refused message changes nothing but what was seen"),
    (late, BOTH[0], "a report is what the pump is set to"),
    (when(BeginUpdate, lambda pump: held(pump, mode="half way")), BOTH[0], "half way is a mode"),
    (
        finding(Interrogate, lambda pump, _: remembering(pump, hold=None)),
        BOTH[0],
        "updating to simple continuous by interrogate is a change of the table",
    ),
    (when(BeginUpdate, lambda pump: held(pump, clears=None)), BOTH[0], "an update in which nothing comes any more is cleared"),
    (when(BeginUpdate, lambda pump: held(pump, clears=None)), BOTH[1], "an update in which nothing comes any more is cleared"),
    (tokenless, UNDER, "an update begins only by a reading since which nothing was written"),
    (
        finding(Stage, lambda pump, message: held(pump, session=message.session)),
        BOTH[0],
        "only who opened the update stages in it",
    ),
    (finding(Commit, anybody_s), SAME, "only who opened the update commits it, and what was staged in it"),
    (when(Stage, staged_at_once), BOTH[0], "the pump runs the acknowledged writes, whole"),
    (
        when(Commit, lambda pump: remembering(pump, settings=replace(pump.memory.settings, low_reservoir_nl=2 * 10**6))),
        BOTH[0],
        "the pump runs the acknowledged writes, whole",
    ),
    (
        when(Commit, lambda pump: remembering(pump, count=replace(pump.memory.count, carry=pump.memory.count.carry + 1))),
        BOTH[0],
        "what flowed is what the acknowledged writes make flow",
    ),
    (when(Commit, lambda pump: done(handle(pump, RAISED))), SAME, "the pump was written as often as it said"),
    (
        when(BeginUpdate, lambda pump: held(pump, stops=False)),
        BOTH[1],
        "nothing flows exactly while the program stops or an update holds the pump",
    ),
]


def broken_by(plan: Plan) -> LawError:
    with pytest.raises(LawError) as broken:
        Search(plan).run()
    return broken.value


@pytest.mark.parametrize(("deliver", "pair", "law"), DEFECTIVE_PUMPS, ids=[law for _, _, law in DEFECTIVE_PUMPS])
def test_a_defect_of_the_pump_breaks_its_law(deliver: Deliver, pair: str, law: str) -> None:
    """Every law of the pump is broken by a pump that does not keep it."""
    assert broken_by(plan(pair, 7, deliver=deliver)).law == law


def taken_for(standing: Standing) -> Callable[[Session, Instant], Session]:
    """A session that guesses where a lost commit left it."""
    lost = Session.lost

    def guess(session: Session, now: Instant) -> Session:
        known = session.sent is None or not isinstance(session.sent.command, Commit)
        after = lost(session, now) if known else replace(session, sent=None, standing=standing)
        assert isinstance(after, Session)
        return after

    return guess


def keeps_its_reading() -> Callable[[Session, Report | Refusal, Instant], Session]:
    """A session that reads nothing anew when it has ended a bolus."""
    heard = Session.heard

    def keep(session: Session, reply: Report | Refusal, now: Instant) -> Session:
        ended = session.sent is not None and isinstance(session.sent.command, CancelBolus)
        after = replace(session, sent=None) if ended else heard(session, reply, now)
        assert isinstance(after, Session)
        return after

    return keep


def compares_nothing(standing: Standing) -> Callable[[Session, Report], Session]:
    return lambda session, reply: replace(session, standing=standing, read_back=reply)


@pytest.mark.parametrize(
    ("method", "defect", "pair", "law"),
    [
        ("lost", taken_for("committed"), BOTH[0], "committed is said only of what the pump has carried out, once"),
        ("lost", taken_for("staged"), BOTH[0], "staged is said only of what the pump has not carried out"),
        ("heard", keeps_its_reading(), UNDER, "only another programmer makes a reading stale"),
        ("_compared", compares_nothing("done"), BOTH[0], "done is said only of a pump that was so"),
        ("_compared", compares_nothing("unlike"), BOTH[0], "unlike is said only where another programmer was at the pump"),
    ],
)
def test_a_defect_of_the_session_breaks_its_law(
    monkeypatch: pytest.MonkeyPatch, method: str, defect: Callable[..., Session], pair: str, law: str
) -> None:
    """Every law of what a session believes is broken by a session that guesses."""
    monkeypatch.setattr(Session, method, defect)
    assert broken_by(plan(pair, 7)).law == law


def test_a_broken_law_is_told_with_the_shortest_course_to_it() -> None:
    """Seven messages would do much more; the course has only what leads to the defect."""
    deliver = when(BeginUpdate, lambda pump: held(pump, clears=None))
    assert broken_by(plan(BOTH[0], 7, deliver=deliver)).course == (
        "A interrogates",
        "A's message 1, interrogate, comes to the pump",
        "A hears the reply",
        "A reviews and confirms",
        "A proceeds",
        "A's message 2, begin update, comes to the pump",
    )


def test_a_message_that_is_old_is_looked_at_too() -> None:
    """A pump that takes an earlier begin of an update once more is found, though no search follows old messages."""

    def deliver(pump: PumpState, message: Message) -> Received:
        received = receive(pump, message)
        old = isinstance(received.reply, Refusal) and received.reply.rule == "PMP-73"
        return replace(received, state=remembering(pump, hold=None)) if old else received

    broken = broken_by(plan(BOTH[0], 4, deliver=deliver))
    assert broken.law == "a message that comes again does nothing"
    assert broken.course[-1].endswith("comes once more")
