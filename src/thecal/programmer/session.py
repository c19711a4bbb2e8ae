"""The session of a programmer with a pump: a pure object, messages in and messages out.

It never guesses: a reply that did not come leaves it ``uncertain``, and the one way out of that is to interrogate again.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from thecal.chart.chart import Chart
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.programmer.gate import check_gate
from thecal.programmer.review import Review, review
from thecal.pump.handle import STOP
from thecal.pump.memory import digest
from thecal.pump.messages import BeginUpdate, CancelBolus, Command, Commit, Interrogate, Message, ReadBack, Report, Stage
from thecal.pump.sheet import PumpSheet
from thecal.pump.written import Setting, unlike, written_at
from thecal.quantity import DailyDose
from thecal.therapy.refill import RefillPolicy
from thecal.therapy.settings import settings_of
from thecal.timeline import Duration, Instant

Standing = Literal["new", "read", "reviewed", "confirmed", "begun", "staged", "committed", "done", "unlike", "uncertain"]
OPEN: frozenset[Standing] = frozenset({"begun", "staged", "committed"})
"""Where an update is open, or just written and not read back: what is left here is not known to be finished."""
_HOUSE = "thecal: the order of a session"
_NEXT: dict[Standing, str] = {
    "new": "interrogate the pump",
    "read": "make a review",
    "reviewed": "confirm the 24-h total",
    "confirmed": "proceed: begin the update",
    "begun": "proceed: stage it",
    "staged": "proceed: commit it",
    "committed": "proceed: read it back",
    "done": "print it; interrogate before anything else",
    "unlike": "interrogate again, and compare setting by setting",
    "uncertain": "interrogate again",
}
"""What comes next from each standing of a session."""


@cache
def idle_alert() -> Duration:
    """How long a session may be left alone before it asks for attention."""
    return Duration.parse(settings_of("programmer")["idle_alert"].value, "idle_alert")


@cache
def idle_clear() -> Duration:
    """How long a session may be left alone before it drops what was prepared."""
    return Duration.parse(settings_of("programmer")["idle_clear"].value, "idle_clear")


@cache
def plan_reading_max() -> Duration:
    """How old a reading may be from which a bridge or a prime is planned."""
    return Duration.parse(settings_of("programmer")["plan_reading_max"].value, "plan_reading_max")


@dataclass(frozen=True, slots=True)
class Session:
    """A session: where it stands, what was read, what was reviewed, and the message that waits for its reply.

    Every step gives the session afterwards, or a Refusal and leaves it as it was. ``committed`` is when the pump carried out the
    write, ``why`` says why the session is uncertain, ``found`` in which settings the pump differs from what was meant,
    ``refused`` what the pump refused last.
    """

    name: str
    sheet: PumpSheet
    policy: RefillPolicy
    touched: Instant
    standing: Standing = "new"
    sequence: int = 0
    sent: Message | None = None
    report: Report | None = None
    review: Review | None = None
    committed: Instant | None = None
    read_back: Report | None = None
    why: str = ""
    found: tuple[Setting, ...] = ()
    refused: Refusal | None = None

    def idle(self, now: Instant) -> Literal["alert"] | None:
        """Whether it asks for attention: it was left alone with something prepared."""
        waits = self.standing not in ("new", "done") and now.s - self.touched.s >= idle_alert().s
        return "alert" if waits else None

    def at(self, now: Instant) -> "Session":
        """The session as it stands later: left alone for too long, what was prepared is dropped.

        With an update open nobody knows how the pump was left: it is uncertain then, and stays so.
        """
        if now < self.touched:
            raise ValueError(f"the session is at {self.touched.utc_text()} and cannot go back to {now.utc_text()}")
        if self.standing in ("new", "done", "uncertain") or now.s - self.touched.s < idle_clear().s:
            return self
        if self.standing in OPEN or self.sent is not None:
            return self._uncertain(now, f"it was left alone for {idle_clear()} with an update open{self._stopped()}")
        return replace(self, standing="new", touched=now, report=None, review=None, found=(), refused=None)

    def interrogate(self, now: Instant) -> "Session | Refusal":
        """Read the pump: the first step, and the one way out of ``uncertain``."""
        session = self.at(now)
        if session.sent is not None and session.standing != "uncertain":
            return session._refuse("interrogate while a reply is awaited", "one message at a time", "Wait for the reply.")
        return session._send(Interrogate(), now)

    def prepare(self, orders: OrderSheet, chart: Chart, now: Instant) -> "Session | Refusal":
        """Work out what an order sheet would write, and the review of it; nothing is sent."""
        session = self.at(now)
        if session.standing not in ("read", "reviewed", "confirmed") or session.sent or session.report is None:
            return session._out_of_order("prepare a review")
        if (orders.bridge or orders.prime) and now.s - session.report.at.s > plan_reading_max().s:
            limit = f"a reading of the last {plan_reading_max()}: what lies in the line moves on"
            return Refusal("SES-08", "a plan from an old reading", limit, _HOUSE, "Interrogate again, and plan from that.")
        refusal = check_gate(orders, chart, session.report, session.sheet, now)
        if refusal:
            return refusal
        made = review(orders, chart, session.report, session.sheet, session.policy)
        if isinstance(made, Refusal):
            return made
        return replace(session, standing="reviewed", review=made, touched=now)

    def confirm(self, total: DailyDose, now: Instant) -> "Session | Refusal":
        """The 24-h total as a person worked it out; only the one that would be programmed lets the session go on (SAF-04)."""
        session = self.at(now)
        if session.standing != "reviewed" or session.review is None:
            return session._out_of_order("confirm a total")
        refusal = session.review.check_total(total)
        return refusal or replace(session, standing="confirmed", touched=now)

    def proceed(self, now: Instant) -> "Session | Refusal":
        """The next message of the update: begin, stage, commit, read back."""
        session = self.at(now)
        command = session._next()
        if session.sent is not None or command is None:
            return session._out_of_order("proceed")
        return session._send(command, now)

    def cancel_bolus(self, now: Instant) -> "Session | Refusal":
        """End the bolus that runs; the pump is to be read again before anything else."""
        session = self.at(now)
        if session.standing not in ("read", "reviewed", "confirmed") or session.sent:
            return session._out_of_order("cancel a bolus")
        return session._send(CancelBolus(), now)

    def heard(self, reply: Report | Refusal, now: Instant) -> "Session | Refusal":
        """The reply to the message that waits for it. What the pump refused leaves the session where it was, with the reason."""
        if self.sent is None:
            return self._refuse("take a reply", "a message that waits for one", "Send a message first.")
        command = self.sent.command
        session = replace(self, sent=None, touched=now, refused=None)
        if isinstance(reply, Refusal):
            return session._declined(command, reply)
        match command:
            case Interrogate():
                return replace(session, standing="read", report=reply, review=None, read_back=None, why="", found=())
            case CancelBolus():
                return replace(session, standing="new", report=None, review=None)
            case BeginUpdate():
                return replace(session, standing="begun")
            case Stage():
                return session._staged(reply)
            case Commit():
                return replace(session, standing="committed", committed=reply.at)
            case _:
                return session._compared(reply)

    def lost(self, now: Instant) -> "Session | Refusal":
        """No reply came. A lost interrogation changes nothing; of anything else nobody knows whether the pump has done it."""
        if self.sent is None:
            return self._refuse("lose a reply", "a message that waits for one", "Send a message first.")
        if isinstance(self.sent.command, Interrogate):
            return replace(self, sent=None, touched=now)
        told = f"no reply came to {self.sent.command.name}"
        return replace(self, touched=now)._uncertain(now, f"{told}{self._stopped()}")

    def _next(self) -> Command | None:
        made = self.review
        if made is None or self.report is None:
            return None
        match self.standing:
            case "confirmed":
                return BeginUpdate(self.report.token, stop=made.write == STOP)
            case "begun":
                return Stage(made.write)
            case "staged":
                return Commit(digest(made.write))
            case "committed":
                return ReadBack()
            case _:
                return None

    def _send(self, command: Command, now: Instant) -> "Session":
        sequence = self.sequence + 1
        return replace(self, sent=Message(self.name, sequence, command), sequence=sequence, touched=now)

    def _declined(self, command: Command, refusal: Refusal) -> "Session":
        """A refused interrogation leaves nothing read; a refused begin asks for a new reading, and so does a refused commit."""
        if self.standing == "uncertain":
            return replace(self, refused=refusal)
        if isinstance(command, Stage | Commit | ReadBack):
            why = f"the pump refused to {command.name}, by {refusal.rule}: {refusal.limit}{self._stopped()}"
            return replace(self._uncertain(self.touched, why), refused=refusal)
        if isinstance(command, CancelBolus):
            return replace(self, refused=refusal)
        return replace(self, standing="new", report=None, review=None, refused=refusal)

    def _staged(self, reply: Report) -> "Session":
        """What the pump holds must be what was reviewed."""
        if self.review is not None and reply.staged == digest(self.review.write):
            return replace(self, standing="staged")
        return self._uncertain(self.touched, f"what the pump holds is not what was reviewed{self._stopped()}")

    def _compared(self, reply: Report) -> "Session":
        """What was read back beside what was meant."""
        assert self.review is not None  # only a committed review is read back
        assert self.committed is not None  # as above
        found = unlike(reply, written_at(self.review.after, self.review.write, self.committed), self.sheet)
        return replace(self, standing="unlike" if found else "done", read_back=reply, found=found)

    def _uncertain(self, now: Instant, why: str) -> "Session":
        return replace(self, standing="uncertain", sent=None, touched=now, why=why)

    def _stopped(self) -> str:
        stops = self.sheet.stops_while_updating
        return "; this pump stops while updating and may infuse nothing" if stops else ""

    def _out_of_order(self, asked: str) -> Refusal:
        if self.standing == "uncertain":
            limit, advice = f"to interrogate: {self.why}", "Interrogate the pump and read what it says."
            return Refusal("SES-05", f"{asked} in a session that is uncertain", limit, _HOUSE, advice)
        waits = f"a reply to {self.sent.command.name}" if self.sent else _NEXT[self.standing]
        return self._refuse(f"{asked} in a session that is {self.standing}", f"next: {waits}", "Go on with that.")

    def _refuse(self, asked: str, limit: str, advice: str) -> Refusal:
        return Refusal("SES-06", asked, limit, _HOUSE, advice)


def open_session(name: str, sheet: PumpSheet, policy: RefillPolicy, now: Instant) -> Session | Refusal:
    """A session with the pump of a data sheet. A pump without electronics has none (PMP-40)."""
    return sheet.check_programmable("a session") or Session(name, sheet, policy, now)
