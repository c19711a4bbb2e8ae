"""A programmer's desk for these tests: a real pump, its chart, and a wand that can fail."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from tests.courses import GEOMETRY, START, flow, ml, running_pump
from thecal.chart.chart import Chart
from thecal.chart.facts import Filled, Implanted, SessionEnded
from thecal.chart.order import Order, OrderContinuous
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.programmer.review import Review
from thecal.programmer.session import Session, open_session
from thecal.pump.advance import advance
from thecal.pump.handle import report
from thecal.pump.messages import Message, Report
from thecal.pump.program import Program, SimpleContinuous
from thecal.pump.state import Link, PumpState
from thecal.pump.wand import Received, receive
from thecal.quantity import Concentration, DailyDose
from thecal.therapy.refill import RefillPolicy
from thecal.timeline import DAY_S, Instant

Fate = Literal["heard", "lost", "reply lost", "twice"]
C500, C2000 = Concentration(500), Concentration(2000)
HUNDRED = OrderContinuous(DailyDose(100 * 10**6))  # 0.2 mL/day at 500 mcg/mL
POLICY = RefillPolicy.default()


def dose(mcg: float) -> DailyDose:
    return DailyDose(round(mcg * 10**6))


def continuous(mcg: float) -> OrderContinuous:
    return OrderContinuous(dose(mcg))


def chart_of(pump: PumpState, order: Order = HUNDRED) -> Chart:
    """Implanted with a primed line, filled with 30 mL (or what fits) of 500 mcg/mL, and running an order."""
    implanted = Implanted(START, pump.sheet.name, "indura-8709sc", "T10", GEOMETRY.dead_volume, GEOMETRY, "CSF", C500)
    filled = Filled(START, min(ml(30), pump.sheet.reservoir_capacity), C500)
    return Chart().after(implanted, filled, SessionEnded(START, order, report(pump)))


@dataclass
class Desk:
    """One programmer at one pump. Every message is sent by ``send``, with the fate that the wand has for it."""

    pump: PumpState
    chart: Chart
    session: Session
    replies: list[Report | Refusal] = field(default_factory=list)
    sent: list[Message] = field(default_factory=list)
    deliver: Callable[[PumpState, Message], Received] = receive

    @property
    def now(self) -> Instant:
        return self.pump.now

    def wait(self, seconds: int) -> None:
        self.pump = advance(self.pump, Instant(self.now.s + seconds)).state

    def step(self, session: Session | Refusal, fate: Fate = "heard") -> Refusal | None:
        """Take a step; what wants to be sent is sent. The refusal of the session, if it has one."""
        if isinstance(session, Refusal):
            return session
        self.session = session
        if session.sent is not None:
            self.send(session.sent, fate)
        return None

    def send(self, message: Message, fate: Fate) -> None:
        reply: Report | Refusal | None = None
        self.sent.append(message)
        for _ in range({"lost": 0, "twice": 2}.get(fate, 1)):
            received = self.deliver(self.pump, message)
            self.pump, reply = received.state, received.reply
        heard = None if fate in ("lost", "reply lost") else reply
        after = self.session.lost(self.now) if heard is None else self.session.heard(heard, self.now)
        assert isinstance(after, Session), after
        self.session = after
        if heard is not None:
            self.replies.append(heard)

    def interrogate(self, fate: Fate = "heard") -> Refusal | None:
        return self.step(self.session.interrogate(self.now), fate)

    def prepare(self, orders: OrderSheet) -> Refusal | None:
        chart = self.chart
        if orders.concentration and orders.reservoir:
            chart = chart.after(Filled(self.now, orders.reservoir, orders.concentration))
        return self.step(self.session.prepare(orders, chart, self.now))

    def confirm(self) -> Refusal | None:
        """Confirm exactly what the review says."""
        made = self.session.review
        total = made.totals[1].day if made and made.totals[1] else None
        return self.step(self.session.confirm(DailyDose(total.pg if total else 0), self.now))

    def proceed(self, fate: Fate = "heard") -> Refusal | None:
        return self.step(self.session.proceed(self.now), fate)

    def reviewed(self, orders: OrderSheet) -> Review:
        """Interrogated and prepared, without a refusal."""
        assert self.interrogate() is None
        assert self.prepare(orders) is None
        assert self.session.review is not None
        return self.session.review

    def write(self, orders: OrderSheet) -> Review:
        """A whole session in which nothing fails."""
        made = self.reviewed(orders)
        assert self.confirm() is None
        for _ in range(4):
            assert self.proceed() is None
        assert self.session.standing == "done", self.session
        self.chart = self.chart.after(SessionEnded(self.now, orders.dosing, self.replies[-1]))  # type: ignore[arg-type]  # read back
        return made


def desk(pump: PumpState, name: str = "A", chart: Chart | None = None) -> Desk:
    """A desk at a pump, with a session that has not begun."""
    session = open_session(name, pump.sheet, POLICY, pump.now)
    assert isinstance(session, Session)
    return Desk(pump, chart or chart_of(pump), session)


def new_desk(sheet: str = "reference-40", program: Program | None = None) -> Desk:
    """A desk at a pump that has run 100 mcg/day, or another program, for four days: its line is full of drug."""
    pump = running_pump(program or SimpleContinuous(flow(0.2)), sheet)
    return desk(advance(pump, Instant(pump.now.s + 4 * DAY_S)).state, chart=chart_of(pump))


def unseen(pump: PumpState) -> PumpState:
    """The pump without what it remembers of those who talked to it."""
    return replace(pump, memory=replace(pump.memory, link=Link()))
