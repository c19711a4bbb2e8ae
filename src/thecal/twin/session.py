"""A programmer's session on the pump of a world: every message by the wand, with the needle of a refill in its place."""

from dataclasses import dataclass, replace

from thecal.chart.chart import Chart
from thecal.chart.facts import Entered, Fact, Filled, Interrogated, ResidualMeasured, SessionEnded, SessionUncertain
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.programmer.session import Session, open_session
from thecal.programmer.session_record import resolved, session_fact
from thecal.pump.messages import Event, Report, Update
from thecal.pump.state import PumpState
from thecal.pump.wand import receive
from thecal.quantity import DailyDose, Volume
from thecal.therapy.procedure import RefillProcedure
from thecal.therapy.refill import RefillPolicy
from thecal.therapy.residual import known_empty
from thecal.timeline import Instant
from thecal.twin.action import HoldSession, Needle
from thecal.twin.done import Done
from thecal.twin.exchange import Exchanged, exchange, old_in_line, spoiled
from thecal.twin.world import World


@dataclass(frozen=True, slots=True)
class Held:
    """A session that was held: the world and the facts afterwards, where the session stands, the refill that was part of it."""

    done: Done
    session: Session
    procedure: RefillProcedure | None = None


@dataclass(slots=True)
class _Talk:
    """A pump and a session that talk, with what was caused; ``lost`` is the message that fails, until it has."""

    pump: PumpState
    session: Session
    events: list[Event]
    lost: str | None = None

    def say(self, session: Session | Refusal) -> Refusal | None:
        """Send what a step of the session wants sent, and let it hear the reply; or the first refusal, of either side."""
        if isinstance(session, Refusal):
            return session
        if session.sent is None:
            self.session = session
            return None
        name, now = session.sent.command.name, self.pump.now
        if self.lost == name:
            return self._keep(session.lost(now))
        received = receive(self.pump, session.sent)
        self.pump = received.state
        self.events.extend(received.events)
        if self.lost == f"reply to {name}":
            return self._keep(session.lost(now))
        return self._keep(session.heard(received.reply, now))

    def _keep(self, session: Session | Refusal) -> Refusal | None:
        if isinstance(session, Refusal):
            return session
        self.session = session
        return None if session.standing == "uncertain" else session.refused


def hold_session(world: World, chart: Chart, action: HoldSession, pump: PumpState, policy: RefillPolicy) -> Held | Refusal:
    """The whole session in the second of the action; refused whole, with nothing changed, where one part of it is refused."""
    session = _opened(chart, action, pump, policy)
    if isinstance(session, Refusal):
        return session
    talk = _Talk(pump, session, [], action.lost)
    facts: list[Fact] = []
    if session.standing == "new":
        refusal = talk.say(session.interrogate(pump.now))
        if refusal:
            return refusal
        assert talk.session.report is not None  # it was read
        facts.append(Interrogated(action.at, talk.session.report, session.name))
        facts.extend(resolved(chart, talk.session.report, pump.sheet))
    refilled = _refilled(world, chart, action, talk) if action.needle else None
    if isinstance(refilled, Refusal):
        return refilled
    if refilled:
        world = refilled.world
        facts.extend(refilled.facts)
    refusal = _written(talk, action, chart.after(*facts), refilled)
    if refusal:
        return refusal
    procedure = _verified(refilled, talk)
    if isinstance(procedure, Refusal):
        return procedure
    facts.append(session_fact(talk.session, action.at, action.orders.dosing, chart.after(*facts)))
    done = Done(replace(world, pump=talk.pump), tuple(facts), tuple(talk.events))
    return Held(done, talk.session, procedure)


def _opened(chart: Chart, action: HoldSession, pump: PumpState, policy: RefillPolicy) -> Session | Refusal:
    """A new session; or that of a programmer who has read the pump, as it stands now."""
    who = action.programmer
    read = _last_read(chart, who) if who else None
    if read is None or read.session is None:
        return open_session(session_name(who, chart), pump.sheet, policy, pump.now)
    begun = Session(read.session, pump.sheet, policy, read.at, "read", 1, report=read.report).at(pump.now)
    return begun if begun.standing == "read" else open_session(session_name(who, chart), pump.sheet, policy, pump.now)


def session_name(programmer: str | None, chart: Chart) -> str:
    """The name of a session: whose it is, and the number of the action that began it."""
    return f"{programmer or 'programmer'}/{chart.acted + 1}"


def _last_read(chart: Chart, programmer: str) -> Interrogated | None:
    """The last interrogation by a programmer that no session of theirs has followed."""
    ended = {fact.session for fact in chart.facts if isinstance(fact, SessionEnded | SessionUncertain)}
    for fact in reversed(chart.facts):
        if isinstance(fact, Interrogated) and fact.session and fact.session.rpartition("/")[0] == programmer:
            return None if fact.session in ended else fact
    return None


@dataclass(frozen=True, slots=True)
class _Refilled:
    """A refill before anything is written: the world, the facts, and the procedure up to the fill."""

    world: World
    facts: tuple[Fact, ...]
    procedure: RefillProcedure


def _refilled(world: World, chart: Chart, action: HoldSession, talk: _Talk) -> _Refilled | Refusal:
    """The needle between the interrogation and the update, step by step (RPC-15)."""
    needle, at, pump, report = action.needle, action.at, talk.pump, talk.session.report
    assert needle is not None  # asked before
    assert report is not None  # it was read
    measured = Volume(max(pump.usable_nl, 0)) if needle.measured is None else needle.measured
    fresh = RefillProcedure(pump.sheet, first=chart.residual is None, emptied=known_empty(chart))
    procedure = refill_steps(needle, action.orders, at, measured, report, fresh)
    if isinstance(procedure, Refusal):
        return procedure
    done = exchange(pump, needle, world.slip)
    if isinstance(done, Refusal):
        return done
    talk.pump = spoiled(done.pump, world.slip, at, talk.events)
    if not action.orders.bridge:
        talk.events.extend(old_in_line(world.line, pump.memory.concentration, needle.concentration, at))
    expected = Volume(0) if known_empty(chart) else report.calculated
    facts: list[Fact] = []
    if expected is not None or needle.measured is not None:
        capacity = pump.sheet.reservoir_capacity
        taken_on = procedure.residual.taken_on if procedure.residual else None
        measured = measured + (needle.again or Volume(0))
        facts.append(ResidualMeasured(at, expected, measured, capacity, chart.residual is None, taken_on))
    typed = action.orders.reservoir or needle.volume
    facts += [Filled(at, needle.volume, needle.concentration), Entered(at, typed, needle.volume)]
    return _Refilled(_booked(world, done), tuple(facts), procedure)


def refill_steps(
    needle: Needle, orders: OrderSheet, at: Instant, measured: Volume, report: Report, procedure: RefillProcedure
) -> RefillProcedure | Refusal:
    """Interrogated, port, aspiration, override, rinse or mixture, fill; or the refusal of the first that is not allowed."""
    told = orders.concentration
    after: RefillProcedure | Refusal = procedure.interrogated(report, at)
    if not isinstance(after, Refusal):
        after = after.port_confirmed(needle.port, needle.needle_gauge, at)
    if not isinstance(after, Refusal):
        after = after.aspirated(measured, at)
    if not isinstance(after, Refusal) and needle.again is not None:
        after = after.aspirated(needle.again, at)
    if not isinstance(after, Refusal) and needle.override is not None:
        after = after.overridden(needle.override, needle.by or "", at)
    if not isinstance(after, Refusal) and needle.rinse is not None:
        after = after.rinsed(needle.rinse, needle.rinses, needle.concentration, at)
    if not isinstance(after, Refusal) and told is not None and told != needle.concentration:
        after = after.mixture_stated(told, at)
    return after if isinstance(after, Refusal) else after.filled(needle.volume, needle.concentration, at)


def _booked(world: World, done: Exchanged) -> World:
    return replace(world, slip=None, ledger=done.booked(world.ledger))


def _written(talk: _Talk, action: HoldSession, chart: Chart, refilled: _Refilled | None) -> Refusal | None:
    """Review, confirmation, and the four messages of the update."""
    now = talk.pump.now
    refusal = talk.say(talk.session.prepare(action.orders, chart, now))
    if refusal:
        return refusal
    made = talk.session.review
    assert made is not None  # it was prepared
    if refilled and not (isinstance(made.write, Update) and made.write.reservoir):
        return Refusal(
            "RPC-10",
            "a refill whose volume is not entered",
            "the injected volume, in the same update",
            "ISMP, pump programming errors: the volume of a vial or of a reservoir was typed in",
            "Enter the injected volume; a single bolus or the clock come in a session of their own.",
        )
    if refilled and isinstance(made.write, Update):
        entered = refilled.procedure.programmed(made.write, now)
        if isinstance(entered, Refusal):
            return entered
    if made.beyond_change and action.orders.confirm_total is None:
        return Refusal(
            "SAF-04",
            f"a 24-h total of {made.totals[1].day if made.totals[1] else 'nothing'} that nobody has confirmed",
            "a change beyond what one person releases (PRG-02) is confirmed as a total",
            "ISMP, Baclofen programming error with SynchroMed II: 60 mcg once a day was entered as 60 mcg every hour",
            "Let a second person work the 24-h total out from the order, and give it as confirm_total.",
        )
    total = DailyDose(made.totals[1].day.pg if made.totals[1] else 0)
    refusal = talk.say(talk.session.confirm(action.orders.confirm_total or total, now))
    while not refusal and talk.session.standing not in ("done", "unlike", "uncertain"):
        refusal = talk.say(talk.session.proceed(now))
    return refusal


def _verified(refilled: _Refilled | None, talk: _Talk) -> RefillProcedure | Refusal | None:
    """The last steps of a refill, once the pump has been read back."""
    made, said = talk.session.review, talk.session.read_back
    if refilled is None or made is None or not isinstance(made.write, Update):
        return refilled.procedure if refilled else None
    procedure = refilled.procedure.programmed(made.write, talk.pump.now)
    if isinstance(procedure, Refusal) or said is None or talk.session.standing != "done":
        return procedure
    return procedure.read_back(said, talk.pump.now)
