"""The wand's door: messages in, replies out. The same message twice is done once, and what belongs to no session is refused."""

from dataclasses import dataclass, replace

from thecal.errors import Refusal
from thecal.pump.handle import handle
from thecal.pump.memory import digest
from thecal.pump.messages import (
    BeginUpdate,
    CancelBolus,
    Commit,
    Event,
    Interrogate,
    Message,
    ReadBack,
    Report,
    Stage,
    TestAlarm,
)
from thecal.pump.state import Hold, Link, PumpState, Seen

SESSIONS_KEPT = 8
_BY_WAND = (Interrogate, BeginUpdate, Stage, Commit, ReadBack, CancelBolus, TestAlarm)
_HOUSE = "thecal: how a session and a pump talk"


@dataclass(frozen=True, slots=True)
class Received:
    """A message taken: the pump afterwards, its reply, and the events it caused. A refusal changes nothing but what was seen,
    and until when an open update of that session is kept.
    """

    state: PumpState
    reply: Report | Refusal
    events: tuple[Event, ...] = ()


def receive(state: PumpState, message: Message) -> Received:
    """Answer a message of a session. A repeat of the latest message of its session gets the same reply and does nothing.

    The pump keeps the latest message of its eight latest sessions, the one that has an update open always among them; an older
    session has to interrogate again.
    """
    refusal = state.sheet.check_programmable(message.command.name)
    if refusal:
        return Received(state, refusal)
    seen = next((seen for seen in state.memory.link.seen if seen.session == message.session), None)
    sent = digest(message.command)
    if seen and (seen.sequence, seen.digest) == (message.sequence, sent):
        return Received(state, seen.reply)
    refusal = _check_place(message, seen)
    if refusal:
        return Received(state, refusal)
    answer = _check_wand(state, message) or handle(state, message.command)
    if isinstance(answer, Refusal):
        return Received(_noted(state, message, sent, answer), answer)
    return Received(_noted(answer.state, message, sent, answer.report), answer.report, answer.events)


def _check_place(message: Message, seen: Seen | None) -> Refusal | None:
    """Every session begins with an interrogation, one that was forgotten too, and counts on from there."""
    asked = f"message {message.sequence} ({message.command.name}) of session {message.session}"
    if seen is None:
        if isinstance(message.command, Interrogate):
            return None
        limit, advice = "a session that the pump does not know begins with an interrogation", "Interrogate the pump."
        return Refusal("PMP-72", asked, limit, _HOUSE, advice)
    if message.sequence > seen.sequence:
        return None
    limit = f"a number above {seen.sequence}, or that very message again"
    return Refusal("PMP-73", asked, limit, _HOUSE, "Interrogate to see what the pump is doing.")


def _check_wand(state: PumpState, message: Message) -> Refusal | None:
    """What may come by the wand at all, and whose the open update is."""
    command, hold = message.command, state.memory.hold
    if not isinstance(command, _BY_WAND):
        limit = "what is written is staged and committed; the activator is the patient's"
        return Refusal("PMP-74", f"{command.name} by the wand", limit, _HOUSE, "Begin an update, stage it and commit it.")
    if isinstance(command, BeginUpdate) and command.token is None:
        limit = "the token of an interrogation"
        return Refusal("PMP-70", "begin update without a token", limit, _HOUSE, "Interrogate, and review what it says.")
    if isinstance(command, Stage | Commit) and hold and hold.session != message.session:
        limit = f"the update that is open belongs to {f'session {hold.session}' if hold.session else 'nobody any more'}"
        return Refusal("PMP-75", f"{command.name} by session {message.session}", limit, _HOUSE, "Interrogate and review again.")
    return None


def _noted(state: PumpState, message: Message, sent: str, reply: Report | Refusal) -> PumpState:
    """The pump with the message and its reply kept, and an open update of that session kept open from now."""
    memory = state.memory
    hold = memory.hold
    seen = [seen for seen in memory.link.seen if seen.session != message.session]
    seen.append(Seen(message.session, message.sequence, sent, reply))
    if len(seen) > SESSIONS_KEPT:  # the oldest is forgotten, but not the one that has an update open
        del seen[1 if hold and seen[0].session == hold.session else 0]
    link = Link(memory.link.writes, tuple(seen))
    begun = isinstance(message.command, BeginUpdate) and not isinstance(reply, Refusal)
    if hold and (begun or hold.session == message.session):
        hold = Hold(hold.mode, hold.stops, hold.staged, message.session, state.now + state.sheet.update_idle_clear)
    return replace(state, memory=replace(memory, hold=hold, link=link))
