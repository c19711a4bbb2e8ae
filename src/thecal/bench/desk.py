"""A programmer's desk: a session with a pump over its wand, and the chart that it is written down in.

The session decides, the wand carries, the chart remembers: this is only where the three meet.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from thecal.bench.wand import Confirmed, Said, Uncertain, Wand
from thecal.chart.chart import Chart
from thecal.chart.facts import Entered, Fact, Ordered
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.programmer.review import Review
from thecal.programmer.session import OPEN, Session, Standing
from thecal.programmer.session_record import reading_facts, session_fact
from thecal.pump.messages import CancelBolus, Interrogate, Message
from thecal.quantity import DailyDose
from thecal.therapy.refill import RefillPolicy
from thecal.timeline import Instant

ENDED: frozenset[Standing] = frozenset({"done", "unlike", "uncertain"})
"""Where an update has come to an end, whichever."""


@dataclass(slots=True)
class Desk:
    """A session at an open wand. ``write_down`` keeps facts in the chart and returns the chart with them.

    Every step returns the refusal of session, bench or pump, or None; where the session then stands is in ``session``.
    ``unanswered`` says why no answer came to the last message, and is empty where one came.
    """

    wand: Wand
    chart: Chart
    write_down: Callable[[tuple[Fact, ...]], Chart]
    session: Session = field(init=False)
    unanswered: str = field(default="", init=False)

    def __post_init__(self) -> None:
        name = f"{self.wand.welcome.programmer}/{self.wand.number:016x}"
        self.session = Session(name, self.wand.sheet, RefillPolicy.default(), self.wand.now())

    @property
    def now(self) -> Instant:
        """The time of the bench, never before what the session and the chart know of."""
        latest = self.chart.facts[-1].at if self.chart.facts else self.session.touched
        return max(self.wand.now(), self.session.touched, latest)

    async def interrogate(self) -> Refusal | None:
        """Read the pump, and write down what it said."""
        refusal = await self._step(self.session.interrogate(self.now))
        report = self.session.report
        if refusal is None and not self.unanswered and report is not None and self.session.standing == "read":
            self._keep(*reading_facts(report, self.chart, self.wand.sheet, self.session.name))
        return refusal

    def prepare(self, orders: OrderSheet) -> Refusal | None:
        """Work out the review of an order sheet; nothing is sent."""
        return self._stand(self.session.prepare(orders, self.chart, self.now))

    def confirm(self, total: DailyDose) -> Refusal | None:
        """The 24-h total as a person worked it out; the review says from then on that somebody has confirmed it."""
        refusal = self._stand(self.session.confirm(total, self.now))
        if refusal is None and self.session.review is not None:
            self.session = replace(self.session, review=_confirmed(self.session.review, total))
        return refusal

    async def update(self, step: Callable[[str], None] = lambda _: None) -> Refusal | None:
        """Write what was reviewed and confirmed, and read it back; ``step`` is told each message that is sent.

        Whatever comes of it once something was sent is written down: written and read back, not as meant, or uncertain.
        """
        if self.session.standing not in ("confirmed", *OPEN):
            return self._stand(self.session.proceed(self.now))  # nothing was sent, so that nothing is written down
        refusal = None
        while refusal is None and self.session.standing in ("confirmed", *OPEN):
            going = self.session.proceed(self.now)
            if isinstance(going, Session) and going.sent:
                step(going.sent.command.name)
            refusal = await self._step(going)
        if self.session.review and self.session.standing in ENDED:
            self._ended(self.session.review.orders)
        return refusal

    async def cancel_bolus(self) -> Refusal | None:
        """End the bolus that runs, and read the pump."""
        going = self.session.cancel_bolus(self.now)
        refusal = await self._step(going)
        if isinstance(going, Session) and self.session.standing == "uncertain":
            self._ended(OrderSheet())
        return refusal or await self.interrogate()

    def _stand(self, session: Session | Refusal) -> Refusal | None:
        if isinstance(session, Refusal):
            self.session = self.session.at(self.now)  # it may have been left alone for too long meanwhile
            return session
        self.session = session
        return None

    async def _step(self, session: Session | Refusal) -> Refusal | None:
        """Send what a step wants sent, and let the session hear what came of it; the refusal of either side."""
        refusal = self._stand(session)
        if refusal or self.session.sent is None:
            return refusal
        said = await self._said(self.session.sent)
        self.unanswered = said.why if isinstance(said, Uncertain) else ""
        if isinstance(said, Uncertain):
            return self._stand(self.session.lost(self.now))
        reply = said.report if isinstance(said, Confirmed) else said.refusal
        return self._stand(self.session.heard(reply, self.now)) or self.session.refused

    async def _said(self, message: Message) -> Said:
        """What came of a message. Where the program is ended while it waits, what nobody knows now is written down first."""
        try:
            return await self.wand.say(message)
        except BaseException:
            if not isinstance(message.command, Interrogate):
                self._stand(self.session.lost(self.now))
                made = None if isinstance(message.command, CancelBolus) else self.session.review
                self._ended(made.orders if made else OrderSheet())
            raise

    def _ended(self, orders: OrderSheet) -> None:
        """Write down what was asked for, what was typed in for a fill, and how the session ended."""
        now, filled = self.now, self.chart.filled if self.chart.fill_session is None else None
        asked: list[Fact] = [Ordered(now, order) for order in (orders.dosing, orders.patient, orders.bolus) if order]
        if filled and orders.reservoir:
            asked.append(Entered(now, orders.reservoir, filled.volume))
        self._keep(*asked, session_fact(self.session, now, orders.dosing, self.chart))

    def _keep(self, *facts: Fact) -> None:
        """Write facts down. A bench that was killed may be back before what the chart knows; a chart never goes back."""
        latest = self.chart.facts[-1].at if self.chart.facts else facts[0].at
        self.chart = self.write_down(tuple(replace(fact, at=max(fact.at, latest)) for fact in facts))


def _confirmed(review: Review, total: DailyDose) -> Review:
    """A review whose 24-h total a person has confirmed: it no longer says that nobody has."""
    orders = replace(review.orders, confirm_total=total)
    return replace(review, orders=orders, cautions=tuple(one for one in review.cautions if one.rule != "SAF-04"))
