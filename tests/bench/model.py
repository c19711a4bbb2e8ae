"""Two programmers at one pump, in every order of events up to a bound: a model check of the session and the wand's door.

The sessions, the pump and its time are the real ones; what is modelled is what lies between them. A message that was sent may
come to the pump at any later time, any number of times, in any order, or never. What the pump answered is heard at any later
time by whoever still waits for it, or never; who waits may give up at any time. That is every loss, repeat, resending, delay
and exchange, without a bound on their number. Bounded are the messages of both programmers together, and the waits, each as
long as the pump keeps an update open.

Three things keep the search small and lose nothing. A session that is new or uncertain is kept without what it never reads
again. One that waits for no reply is told at once that it was left alone, as its next step would tell it. And a message with a
number below the latest that the pump has of its session is followed no further: every pump that was reached is given every
such message of every course instead, and must refuse it and stay as it is.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from tests.bench.witness import Deliver, LawError, Reply, Side, check_belief, check_pump, delivered, during, waited
from tests.programmer.desk import POLICY, chart_of
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.programmer.session import Session, open_session
from thecal.pump.messages import Message
from thecal.pump.state import PumpState
from thecal.pump.wand import receive
from thecal.pump.written import BOLUSES
from thecal.quantity import DailyDose
from thecal.timeline import Instant

T = TypeVar("T")
NAMES = ("A", "B")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is searched: a pump, what each programmer orders, the bounds, and how a message is taken.

    ``whole`` makes nothing plain and follows old messages too: the same, at greater length.
    """

    pump: PumpState
    orders: tuple[OrderSheet, OrderSheet]
    messages: int
    waits: int
    deliver: Deliver = receive
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Explored:
    """What was found: how much, in which orders the sessions wrote, how the pump was set, where they stood, what was refused.

    ``pumps`` counts the pumps that differ in what they are or in what was heard of them.
    """

    states: int
    moves: int
    pumps: int
    written: frozenset[tuple[str, ...]]
    settings: frozenset[tuple[str, int]]
    standings: frozenset[tuple[str, str]]
    refused: frozenset[str]


def _in_words(message: Message) -> str:
    return f"{message.session}'s message {message.sequence}, {message.command.name},"


def _older(message: Message, than: Message) -> bool:
    return message.session == than.session and message.sequence < than.sequence


class _Numbers(Generic[T]):
    """A number for each thing that differs from the others."""

    def __init__(self) -> None:
        self.things: list[T] = []
        self._numbers: dict[Hashable, int] = {}

    def of(self, thing: T, key: Hashable = None) -> int:
        number = self._numbers.setdefault(thing if key is None else key, len(self.things))
        if number == len(self.things):
            self.things.append(thing)
        return number


State = tuple[int, int, int, int]
"""The numbers of the side of the pump, of both sessions and of the messages that may still come."""
Step = tuple[str, int, int | None]
"""What a programmer does: in words, the session afterwards, and the message it sends."""


class Search:
    """Every state that can be reached, breadth first, each under every law. What was worked out once is kept, by numbers."""

    def __init__(self, plan: Plan) -> None:
        self.plan, self._chart = plan, chart_of(plan.pump)
        self._sides: _Numbers[Side] = _Numbers()
        self._sessions: _Numbers[Session] = _Numbers()
        self._messages: _Numbers[Message] = _Numbers()
        self._bags: _Numbers[tuple[int, ...]] = _Numbers()
        self._views: _Numbers[tuple[Instant, tuple[Message, Reply] | None]] = _Numbers()
        self._heard: list[tuple[int, ...]] = []
        self._later: list[Side] = []
        self._arriving: dict[tuple[int, int], list[tuple[str, int, int]]] = {}
        self._delivered: dict[tuple[int, int], int] = {}
        self._stepping: dict[tuple[int, int], list[Step]] = {}
        self._idle: dict[tuple[int, int], int] = {}
        self._believed: set[tuple[int, int]] = set()
        self._came: dict[State, State | None] = {}

    def run(self) -> Explored:
        """Search to the end, or raise LawError with the shortest course to what breaks a law."""
        plan, moves = self.plan, 0
        sessions = [open_session(name, plan.pump.sheet, POLICY, plan.pump.now) for name in NAMES]
        a, b = (self._session(session) for session in sessions if isinstance(session, Session))
        states: list[State] = [(self._side(Side(plan.pump, plan.pump)), a, b, self._bags.of(()))]
        self._came[states[0]] = None
        for state in states:
            try:
                for event, after in self._moves(state):
                    moves += 1
                    if after not in self._came:
                        self._check_beliefs(event, after)
                        self._came[after] = state
                        states.append(after)
            except LawError as broken:
                raise LawError(broken.law, (*self._course(state), *broken.course)) from None
        self._check_old(states)
        sides = [side.pump.memory.settings for side in self._sides.things]
        return Explored(
            len(states),
            moves,
            len(sides),
            frozenset(tuple(done.session for done in side.witness.written) for side in self._sides.things),
            frozenset((settings.program.in_words(), settings.low_reservoir_nl) for settings in sides),
            frozenset((self._sessions.things[a].standing, self._sessions.things[b].standing) for _, a, b, _ in states),
            frozenset(said.rule for side in self._sides.things for _, said in side.witness.latest if isinstance(said, Refusal)),
        )

    def _moves(self, state: State) -> Iterator[tuple[str, State]]:
        """All that can happen next, and the state afterwards."""
        side, a, b, bag = state
        for event, after, rest in self._arrivals(side, bag):
            yield event, (after, a, b, rest)
        room = self._sessions.things[a].sequence + self._sessions.things[b].sequence < self.plan.messages
        for who, number in enumerate((a, b)):
            for event, session, message in self._steps(who, number, side):
                if message is None:
                    yield event, ((side, a, session, bag) if who else (side, session, b, bag))
                elif room:
                    sent = self._bags.of(tuple(sorted((*self._bags.things[bag], message))))
                    yield event, ((side, a, session, sent) if who else (side, session, b, sent))
        passed_s, wait_s = self._sides.things[side].pump.now.s - self.plan.pump.now.s, self.plan.pump.sheet.update_idle_clear.s
        if passed_s < self.plan.waits * wait_s:
            event = f"{wait_s} s pass"
            with during(event):
                after = self._side(self._later[side])
            yield event, (after, self._left_alone(a, after), self._left_alone(b, after), bag)

    def _arrivals(self, side: int, bag: int) -> list[tuple[str, int, int]]:
        """Each message that may come now and changes something; what is older than it need not be followed any further."""
        found = self._arriving.get((side, bag))
        if found is None:
            found = self._arriving[side, bag] = []
            for number in self._bags.things[bag]:
                message = self._messages.things[number]
                event = f"{_in_words(message)} comes to the pump"
                if (side, number) not in self._delivered:
                    with during(event):
                        self._delivered[side, number] = self._side(
                            delivered(self._sides.things[side], message, self.plan.deliver)
                        )
                after = self._delivered[side, number]
                if after != side:
                    found.append((event, after, self._rest(bag, message)))
        return found

    def _rest(self, bag: int, taken: Message) -> int:
        """What may still change something once a message was taken."""
        rest = (other for other in self._bags.things[bag] if self.plan.whole or not _older(self._messages.things[other], taken))
        return self._bags.of(tuple(rest))

    def _steps(self, who: int, number: int, side: int) -> list[Step]:
        """Each step that a programmer can take now, with what it has heard or not; a step that is refused is none."""
        view = self._heard[side][who]
        found = self._stepping.get((number, view))
        if found is not None:
            return found
        found = self._stepping[number, view] = []
        session, (now, said) = self._sessions.things[number], self._views.things[view]
        taken = {"interrogates": session.interrogate(now), "proceeds": session.proceed(now)}
        if session.standing == "read" and session.sent is None and session.report is not None:
            taken["reviews and confirms"] = self._confirmed(session, self.plan.orders[who], now)
            if session.report.mode in BOLUSES:
                taken["cancels the bolus"] = session.cancel_bolus(now)
        if session.sent is not None:
            taken["gives up"] = session.lost(now)
            if said is not None and said[0] == session.sent:
                taken["hears the reply"] = session.heard(said[1], now)
        for event, after in taken.items():
            if isinstance(after, Session):
                sends = after.sent is not None and after.sent != session.sent
                message = self._messages.of(after.sent) if after.sent is not None and sends else None
                found.append((f"{session.name} {event}", self._session(after), message))
        return found

    def _confirmed(self, session: Session, orders: OrderSheet, now: Instant) -> Session | Refusal:
        """Reviewed against what was read, and the total confirmed that the review says."""
        prepared = session.prepare(orders, self._chart, now)
        if isinstance(prepared, Refusal) or prepared.review is None:
            return prepared
        total = prepared.review.totals[1]
        return prepared.confirm(DailyDose(total.day.pg if total else 0), now)

    def _left_alone(self, number: int, side: int) -> int:
        """The session after a wait: every step of it begins by this, only a reply that is waited for may be heard later still."""
        session, now = self._sessions.things[number], self._sides.things[side].pump.now
        if session.sent is not None or self.plan.whole:
            return number
        if (number, now.s) not in self._idle:
            self._idle[number, now.s] = self._session(session.at(now))
        return self._idle[number, now.s]

    def _session(self, session: Session) -> int:
        name, standing, sent = session.name, session.standing, session.sent
        if self.plan.whole:
            return self._sessions.of(session)
        if standing in ("new", "uncertain"):
            start = self.plan.pump.now
            session = Session(name, session.sheet, session.policy, start, standing, session.sequence, sent)
        # The data sheet is always the same, and the review follows from the reading.
        report, made = session.report, session.review is not None
        key = (name, session.touched, standing, session.sequence, sent, report, made, session.committed, session.read_back)
        return self._sessions.of(session, key)

    def _side(self, side: Side) -> int:
        pump, bare = side.pump, side.bare  # their data sheet is always the same
        key = (pump.now, pump.memory, pump.mechanics, bare.memory, bare.mechanics, side.witness)
        number = self._sides.of(side, key)
        if number == len(self._later):
            check_pump(side, self.plan.pump.memory.link.writes)
            self._later.append(waited(side))
            self._heard.append(tuple(self._views.of((pump.now, side.witness.newest(name))) for name in NAMES))
        return number

    def _check_beliefs(self, event: str, state: State) -> None:
        for number in state[1:3]:
            if (state[0], number) not in self._believed:
                with during(event):
                    check_belief(self._sessions.things[number], self._sides.things[state[0]])
                self._believed.add((state[0], number))

    def _check_old(self, states: list[State]) -> None:
        """Every pump that was reached refuses every message of every course that is older than the latest of its session."""
        reached: dict[int, State] = {}
        for state in states:
            reached.setdefault(state[0], state)
        for number, state in reached.items():
            side = self._sides.things[number]
            for message in self._messages.things:
                said = side.witness.newest(message.session)
                if said is None or not _older(message, said[0]):
                    continue
                try:
                    delivered(side, message, self.plan.deliver)
                except LawError as broken:
                    raise LawError(broken.law, (*self._course(state), f"{_in_words(message)} comes once more")) from None

    def _course(self, state: State) -> tuple[str, ...]:
        """What happened on the shortest way to a state."""
        events: list[str] = []
        before = self._came[state]
        while before is not None:
            events.append(next(event for event, after in self._moves(before) if after == state))
            state, before = before, self._came[before]
        return tuple(reversed(events))
