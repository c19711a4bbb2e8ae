"""Edges of a session: when it was last touched, replies that come too late, refusals word for word, and why it is uncertain."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.courses import refused
from tests.programmer.desk import POLICY, Desk, continuous, desk, dose, new_desk
from tests.pump.pumps import pump_in
from thecal.chart.order import OrderStop
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.programmer.session import Session, Standing, open_session
from thecal.pump.handle import report
from thecal.pump.memory import digest
from thecal.pump.messages import BeginUpdate
from thecal.pump.program import Stopped
from thecal.pump.sheet import pump_sheet
from thecal.pump.wand import receive
from thecal.timeline import Instant

UP = OrderSheet(dosing=continuous(120))
HOUSE = "thecal: the order of a session"
STOPS = "; this pump stops while updating and may infuse nothing"


def went_on(outcome: Session | Refusal) -> Session:
    assert isinstance(outcome, Session), outcome
    return outcome


def at_step(steps: int, sheet: str = "reference-40") -> Desk:
    """A desk with a confirmed review, and so many messages of its update heard."""
    at = new_desk(sheet)
    at.reviewed(UP)
    assert at.confirm() is None
    for _ in range(steps):
        assert at.proceed() is None
    return at


def lost_at(steps: int, sheet: str = "reference-40") -> Desk:
    """A desk whose next message was lost."""
    at = at_step(steps, sheet)
    assert at.proceed("lost") is None
    return at


def out_of_order(asked: str, standing: str, waits: str) -> Refusal:
    return Refusal("SES-06", f"{asked} in a session that is {standing}", f"next: {waits}", HOUSE, "Go on with that.")


@pytest.mark.requirement("SES-06")
def test_a_step_out_of_its_order_is_told_what_comes_next() -> None:
    """Word for word: the step that was asked for, where the session stands, and what waits."""
    at = new_desk()
    session, now = at.session, at.now
    assert session.prepare(UP, at.chart, now) == out_of_order("prepare a review", "new", "interrogate the pump")
    assert session.confirm(dose(120), now) == out_of_order("confirm a total", "new", "interrogate the pump")
    assert session.proceed(now) == out_of_order("proceed", "new", "interrogate the pump")
    assert session.cancel_bolus(now) == out_of_order("cancel a bolus", "new", "interrogate the pump")
    waiting = went_on(session.interrogate(now))
    assert waiting.proceed(now) == out_of_order("proceed", "new", "a reply to interrogate")


NEXT: dict[Standing, str] = {
    "read": "make a review",
    "reviewed": "confirm the 24-h total",
    "confirmed": "proceed: begin the update",
    "begun": "proceed: stage it",
    "staged": "proceed: commit it",
    "committed": "proceed: read it back",
    "done": "print it; interrogate before anything else",
}


@pytest.mark.requirement("SES-06")
def test_each_standing_says_what_comes_next() -> None:
    """From the first reading to the end of a session, and where the pump is not as reviewed."""
    at = new_desk()
    steps: list[Callable[[], Refusal | None]] = [at.interrogate, lambda: at.prepare(UP), at.confirm, *[at.proceed] * 4]
    for step, (standing, waits) in zip(steps, NEXT.items(), strict=True):
        assert step() is None
        assert at.session.standing == standing
        asked = "confirm a total" if standing != "reviewed" else "proceed"
        outcome = at.session.proceed(at.now) if standing == "reviewed" else at.session.confirm(dose(120), at.now)
        assert outcome == out_of_order(asked, standing, waits)
    unlike = replace(at.session, standing="unlike")
    assert unlike.proceed(at.now) == out_of_order("proceed", "unlike", "interrogate again, and compare setting by setting")


@pytest.mark.requirement("SES-06")
def test_one_message_at_a_time_word_for_word() -> None:
    """A second message before the reply, a reply or a loss that nobody waits for."""
    at = new_desk()
    waiting = went_on(at.session.interrogate(at.now))
    asked, limit = "interrogate while a reply is awaited", "one message at a time"
    assert waiting.interrogate(at.now) == Refusal("SES-06", asked, limit, HOUSE, "Wait for the reply.")
    limit, advice = "a message that waits for one", "Send a message first."
    assert at.session.heard(report(at.pump), at.now) == Refusal("SES-06", "take a reply", limit, HOUSE, advice)
    assert at.session.lost(at.now) == Refusal("SES-06", "lose a reply", limit, HOUSE, advice)


@pytest.mark.requirement("SES-08")
def test_an_old_reading_is_refused_word_for_word() -> None:
    """For how long a reading is good, and why."""
    at = new_desk()
    at.interrogate()
    at.wait(61)
    assert at.prepare(OrderSheet(prime=True)) == Refusal(
        "SES-08",
        "a plan from an old reading",
        "a reading of the last 60 s: what lies in the line moves on",
        HOUSE,
        "Interrogate again, and plan from that.",
    )


def test_a_session_with_a_pump_without_electronics_is_refused_word_for_word() -> None:
    """It was a session that was asked for, and that pump takes no command."""
    sheet = pump_sheet("isomed-8472-20-10")
    assert open_session("A", sheet, POLICY, Instant(0)) == sheet.check_programmable("a session")
    assert refused(open_session("A", sheet, POLICY, Instant(0))).asked == "a session on isomed-8472-20-10"


@pytest.mark.requirement("SES-05")
@pytest.mark.parametrize(("sheet", "stops"), [("reference-40", ""), ("synchromed-ii-40", STOPS)])
def test_an_uncertain_session_says_why(sheet: str, stops: str) -> None:
    """Which reply was lost, and whether this pump may now infuse nothing; a reading ends all of it."""
    at = lost_at(0, sheet)
    limit = f"to interrogate: no reply came to begin update{stops}"
    advice = "Interrogate the pump and read what it says."
    for asked, outcome in (
        ("prepare a review", at.session.prepare(UP, at.chart, at.now)),
        ("proceed", at.session.proceed(at.now)),
        ("cancel a bolus", at.session.cancel_bolus(at.now)),
    ):
        assert outcome == Refusal("SES-05", f"{asked} in a session that is uncertain", limit, HOUSE, advice)
    at.interrogate()
    assert (at.session.standing, at.session.why) == ("read", "")


@pytest.mark.requirement("SES-11")
@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize(("sheet", "stops"), [("reference-40", ""), ("synchromed-ii-40", STOPS)])
def test_what_was_begun_and_not_read_back_is_uncertain_after_ten_minutes(sheet: str, stops: str, steps: int) -> None:
    """Begun, staged, and committed too: until it is read back nobody knows how the pump was left."""
    at = at_step(steps, sheet)
    assert at.session.at(Instant(at.now.s + 599)) == at.session
    left = at.session.at(Instant(at.now.s + 600))
    assert (left.standing, left.why) == ("uncertain", f"it was left alone for 10 min with an update open{stops}")


@pytest.mark.requirement("SES-05")
@pytest.mark.requirement("SES-13")
@pytest.mark.parametrize(("sheet", "stops"), [("reference-40", ""), ("synchromed-ii-40", STOPS)])
def test_a_pump_that_holds_something_else_is_told_as_the_reason(sheet: str, stops: str) -> None:
    """What was staged has another digest than what was reviewed."""
    at = at_step(1, sheet)
    waiting = went_on(at.session.proceed(at.now))
    session = went_on(waiting.heard(replace(report(at.pump), staged=digest("something else")), at.now))
    assert (session.standing, session.why) == ("uncertain", f"what the pump holds is not what was reviewed{stops}")
    assert session.idle(Instant(at.now.s + 300)) == "alert"


@pytest.mark.requirement("SES-05")
@pytest.mark.parametrize(("sheet", "stops"), [("reference-40", ""), ("synchromed-ii-40", STOPS)])
def test_an_update_that_the_pump_refuses_to_stage_leaves_it_uncertain(sheet: str, stops: str) -> None:
    """Another programmer has opened an update meanwhile: the rule and its words are the reason, and the refusal is kept."""
    first = at_step(1, sheet)
    other = desk(first.pump, "B", first.chart)
    other.reviewed(UP)
    other.confirm()
    other.proceed()
    first.pump = other.pump
    first.proceed()
    why = f"the pump refused to stage, by PMP-75: the update that is open belongs to session B{stops}"
    assert (first.session.standing, first.session.why) == ("uncertain", why)
    assert refused(first.session.refused).rule == "PMP-75"
    assert [first.session.idle(Instant(first.now.s + s)) for s in (299, 300)] == [None, "alert"]


@pytest.mark.requirement("SES-05")
def test_a_refused_interrogation_ends_no_uncertainty() -> None:
    """Somebody else has talked to the pump under the same name: it stays uncertain as it was, and the refusal is told."""
    at = lost_at(0)
    other = desk(at.pump, "A", at.chart)
    for _ in range(4):
        other.interrogate()
    at.pump = other.pump
    at.interrogate()
    assert (at.session.standing, at.session.why) == ("uncertain", "no reply came to begin update")
    assert refused(at.session.refused).rule == "PMP-73"


@pytest.mark.requirement("SES-05")
def test_an_uncertain_session_may_interrogate_again_before_a_reply_came() -> None:
    """The one way out is never closed: a reading that is awaited holds up no other reading."""
    at = lost_at(2)
    waiting = went_on(at.session.interrogate(at.now))
    again = went_on(waiting.interrogate(at.now))
    assert again.sent is not None
    assert waiting.sent is not None
    assert again.sent.sequence == waiting.sent.sequence + 1


@pytest.mark.requirement("SES-05")
@pytest.mark.requirement("SES-06")
def test_a_reply_that_comes_after_it_was_given_up_is_not_taken() -> None:
    """Neither that of an interrogation nor that of an update, nor one that comes after ten minutes alone."""
    at = new_desk()
    assert refused(went_on(went_on(at.session.interrogate(at.now)).lost(at.now)).heard(report(at.pump), at.now)).rule == "SES-06"
    at = at_step(0)
    waiting = went_on(at.session.proceed(at.now))
    for given_up in (went_on(waiting.lost(at.now)), waiting.at(Instant(at.now.s + 600))):
        assert given_up.standing == "uncertain"
        assert refused(given_up.heard(report(at.pump), Instant(at.now.s + 600))).rule == "SES-06"


def check_touched(session: Session, now: Instant) -> Session:
    """Assert that the five minutes of a session run from now, and that no earlier second comes after it."""
    assert [session.idle(Instant(now.s + s)) for s in (299, 300)] == [None, "alert"]
    with pytest.raises(ValueError, match="cannot go back"):
        session.at(Instant(now.s - 1))
    return session


@pytest.mark.requirement("SES-11")
def test_every_step_begins_the_five_minutes_anew() -> None:
    """Review, total, each message and each reply: 299 s later it asks for nothing, a second later it does; done it is silent."""
    at = new_desk()
    at.interrogate()

    def taken(outcome: Session | Refusal) -> Session:
        at.session = check_touched(went_on(outcome), at.now)
        at.wait(299)
        return at.session

    taken(at.session)
    taken(at.session.prepare(UP, at.chart, at.now))
    taken(at.session.confirm(dose(120), at.now))
    for _ in range(3):
        sent = taken(at.session.proceed(at.now)).sent
        assert sent is not None
        received = receive(at.pump, sent)
        at.pump = received.state
        taken(at.session.heard(received.reply, at.now))
    at.proceed()
    assert at.session.standing == "done"
    assert at.session.idle(Instant(at.now.s + 300)) is None


@pytest.mark.requirement("SES-11")
def test_a_reading_that_is_lost_and_a_cancel_begin_them_anew_too() -> None:
    """An interrogation that is sent, one that is lost, a bolus that is to be cancelled, and an update that was left alone."""
    at = desk(pump_in("bridge bolus"))
    at.interrogate()
    at.wait(200)
    sent = check_touched(went_on(at.session.interrogate(at.now)), at.now)
    at.wait(200)
    at.session = check_touched(went_on(sent.lost(at.now)), at.now)
    at.wait(200)
    check_touched(went_on(at.session.cancel_bolus(at.now)), at.now)
    left = at_step(1)
    left.wait(600)
    check_touched(left.session.at(left.now), left.now)


@pytest.mark.requirement("SES-11")
def test_where_nothing_is_prepared_nothing_is_dropped() -> None:
    """A session that is new, done or uncertain is the same a day later: what it was told, printed or warned of stays."""
    stale = at_step(0)
    other = desk(stale.pump, "B", stale.chart)
    other.write(OrderSheet(dosing=continuous(110)))
    stale.pump = other.pump
    stale.proceed()
    done = at_step(4)
    for session, standing in ((stale.session, "new"), (done.session, "done"), (lost_at(1).session, "uncertain")):
        assert session.standing == standing
        assert session.at(Instant(session.touched.s + 86_400)) == session
    assert refused(stale.session.refused).rule == "PMP-70"
    assert (stale.session.report, stale.session.review) == (None, None)


@pytest.mark.requirement("SES-11")
@pytest.mark.requirement("SES-13")
def test_what_is_dropped_after_ten_minutes_is_all_of_it() -> None:
    """The reading, the review, what was not as reviewed and what was refused; and the session has then been touched."""
    at = at_step(3)
    other = desk(at.pump, "B", at.chart)
    other.write(OrderSheet(dosing=continuous(110)))
    at.pump = other.pump
    at.proceed()
    assert at.session.standing == "unlike"
    assert at.session.found
    refusing = new_desk()
    refusing.interrogate()
    refusing.step(refusing.session.cancel_bolus(refusing.now))
    assert refused(refusing.session.refused).rule == "PMP-07"
    for session in (at.session, refusing.session):
        cleared = session.at(Instant(session.touched.s + 600))
        assert (cleared.standing, cleared.report, cleared.review) == ("new", None, None)
        assert (cleared.found, cleared.refused) == ((), None)
        with pytest.raises(ValueError, match="cannot go back"):
            cleared.at(Instant(session.touched.s + 599))


@pytest.mark.requirement("SES-12")
def test_a_new_reading_and_a_cancelled_bolus_drop_the_review() -> None:
    """What was reviewed was reviewed from another reading: it has to be made again."""
    at = new_desk()
    at.reviewed(UP)
    at.interrogate()
    assert (at.session.standing, at.session.review) == ("read", None)
    under_bolus = desk(pump_in("bridge bolus"))
    under_bolus.reviewed(OrderSheet(dosing=OrderStop()))
    under_bolus.step(under_bolus.session.cancel_bolus(under_bolus.now))
    assert (under_bolus.session.standing, under_bolus.session.review) == ("new", None)


@pytest.mark.requirement("PMP-08")
@pytest.mark.requirement("SES-10")
@pytest.mark.parametrize("mode", ["single bolus", "bridge bolus"])
def test_a_session_stops_a_pump_while_a_bolus_runs(mode: str) -> None:
    """The update is begun as a stop, which a pump takes at any time; only that one is."""
    at = desk(pump_in(mode))
    at.write(OrderSheet(dosing=OrderStop()))
    assert (at.pump.mode, at.pump.memory.program) == ("stopped", Stopped())
    begun = [message.command for message in (*at.sent, *at_step(1).sent) if isinstance(message.command, BeginUpdate)]
    assert [begin.stop for begin in begun] == [True, False]
