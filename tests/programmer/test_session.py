"""The session: its order, its replies that are lost, repeated or too late, and what it never claims."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.courses import flow, ml
from tests.programmer.desk import C2000, POLICY, Desk, Fate, continuous, desk, dose, new_desk
from tests.pump.pumps import BRIDGE, pump_in
from tests.pump.pumps import given as flowed
from thecal.chart.order import OrderBolus, OrderPatient, OrderStop
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.programmer.session import Session, idle_alert, idle_clear, open_session
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
    ReadBack,
    Report,
    Stage,
    Update,
)
from thecal.pump.program import SimpleContinuous
from thecal.pump.sheet import pump_sheet
from thecal.pump.state import PumpState
from thecal.pump.wand import Received, receive
from thecal.pump.written import settings
from thecal.quantity import Amount
from thecal.timeline import DAY_S, Duration, Instant

UP = OrderSheet(dosing=continuous(120))
SHEETS = [
    UP,
    OrderSheet(dosing=continuous(80), low_reservoir=ml(4)),
    OrderSheet(low_reservoir=ml(1)),
    OrderSheet(reservoir=ml(18)),
    OrderSheet(patient=OrderPatient(Amount(10**7), Duration(600), Duration(7200), 3)),
    OrderSheet(bolus=OrderBolus(Amount(2 * 10**7), Duration(600))),
    OrderSheet(clock_offset_s=7200),
    OrderSheet(dosing=continuous(120), concentration=C2000, reservoir=ml(18), bridge=True),
    OrderSheet(dosing=OrderStop()),
]
FATES: st.SearchStrategy[Fate] = st.sampled_from(["heard", "heard", "heard", "lost", "reply lost", "twice"])


@pytest.mark.requirement("SES-10")
def test_a_session_from_beginning_to_end() -> None:
    """Interrogate, review, confirm, begin, stage, commit, read back: seven steps, five messages, numbered from one."""
    at = new_desk()
    at.write(UP)
    assert [type(message.command) for message in at.sent] == [Interrogate, BeginUpdate, Stage, Commit, ReadBack]
    assert [message.sequence for message in at.sent] == [1, 2, 3, 4, 5]
    assert at.pump.memory.program == SimpleContinuous(flow(0.24))
    assert at.session.found == ()


@pytest.mark.requirement("SES-10")
@pytest.mark.parametrize("orders", SHEETS, ids=str)
@pytest.mark.parametrize("sheet", ["reference-40", "synchromed-ii-40"])
def test_what_is_written_is_what_was_reviewed(orders: OrderSheet, sheet: str) -> None:
    """The course afterwards is that of the bare write, to the nanolitre; a session in one second takes nothing from it."""
    at = new_desk(sheet)
    bare = at.pump
    made = at.write(orders)
    direct = handle(bare, made.write)
    assert not isinstance(direct, Refusal)
    assert at.pump.memory.settings == direct.state.memory.settings
    assert flowed(at.pump, 3 * DAY_S) == flowed(direct.state, 3 * DAY_S)


@pytest.mark.requirement("SES-06")
def test_no_step_is_taken_out_of_its_order() -> None:
    """In each standing only the next step is taken; every other is refused, says what comes next, and sends nothing."""
    at = new_desk()

    def steps() -> list[tuple[str, Session | Refusal]]:
        now = at.now
        return [
            ("prepare", at.session.prepare(UP, at.chart, now)),
            ("confirm", at.session.confirm(dose(120), now)),
            ("proceed", at.session.proceed(now)),
            ("cancel", at.session.cancel_bolus(now)),
        ]

    def taken() -> list[str]:
        refused = [outcome for _, outcome in steps() if isinstance(outcome, Refusal)]
        assert {refusal.rule for refusal in refused} <= {"SES-06"}
        assert all(refusal.limit.startswith("next: ") for refusal in refused)
        return [name for name, outcome in steps() if isinstance(outcome, Session)]

    assert taken() == []
    at.interrogate()
    assert taken() == ["prepare", "cancel"]
    at.prepare(UP)
    assert taken() == ["prepare", "confirm", "cancel"]
    at.confirm()
    assert taken() == ["prepare", "proceed", "cancel"]
    for _ in range(4):
        at.proceed()
        assert taken() == (["proceed"] if at.session.standing != "done" else [])


@pytest.mark.requirement("SES-06")
def test_one_message_at_a_time() -> None:
    """While a reply is awaited nothing else is sent, and no reply is taken that nobody waits for."""
    at = new_desk()
    waiting = at.session.interrogate(at.now)
    assert isinstance(waiting, Session)
    outcomes = [waiting.interrogate(at.now), waiting.prepare(UP, at.chart, at.now), waiting.proceed(at.now)]
    outcomes += [at.session.heard(report(at.pump), at.now), at.session.lost(at.now)]
    assert [outcome.rule for outcome in outcomes if isinstance(outcome, Refusal)] == ["SES-06"] * 5


@pytest.mark.requirement("SAF-04")
def test_the_total_is_confirmed_by_a_person() -> None:
    """60 mcg every hour instead of once: 1,440 mcg in 24 h, which nobody who ordered 60 would confirm."""
    at = new_desk(program=SimpleContinuous(flow(0.2)))
    at.reviewed(OrderSheet(dosing=continuous(1440)))
    refusal = at.session.confirm(dose(60), at.now)
    assert isinstance(refusal, Refusal)
    assert (refusal.rule, "1,440 mcg" in refusal.limit) == ("SAF-04", True)
    assert isinstance(at.session.confirm(dose(1440 * 1.0101), at.now), Refusal)
    assert isinstance(at.session.confirm(dose(1440 * 1.0099), at.now), Session)
    assert at.session.standing == "reviewed"


@pytest.mark.requirement("SES-05")
@pytest.mark.parametrize("fate", ["lost", "reply lost"])
@pytest.mark.parametrize(("message", "steps"), [("begin update", 0), ("stage", 1), ("commit", 2), ("read back", 3)])
@pytest.mark.parametrize("sheet", ["reference-40", "synchromed-ii-40"])
def test_a_lost_message_leaves_the_session_uncertain(sheet: str, message: str, steps: int, fate: Fate) -> None:
    """Of every message that may have done something; only an interrogation goes on, and it shows what the pump runs."""
    at = new_desk(sheet)
    at.reviewed(UP)
    at.confirm()
    for _ in range(steps):
        at.proceed()
    at.proceed(fate)
    assert at.session.standing == "uncertain"
    assert message in at.session.why
    assert ("may infuse nothing" in at.session.why) == (sheet == "synchromed-ii-40")
    for outcome in (at.session.prepare(UP, at.chart, at.now), at.session.proceed(at.now), at.session.confirm(dose(120), at.now)):
        assert isinstance(outcome, Refusal)
        assert outcome.rule == "SES-05"
    written = steps == 3 or (steps == 2 and fate == "reply lost")
    assert at.interrogate() is None
    assert str(at.session.standing) == "read"
    assert at.session.report is not None
    assert at.session.report.program == SimpleContinuous(flow(0.24 if written else 0.2))
    stopped = sheet == "synchromed-ii-40" and not written and (steps, fate) != (0, "lost")
    assert flowed(at.pump, 3600) == (0 if stopped else (240_000 if written else 200_000) // 24)


@pytest.mark.requirement("SES-05")
def test_a_lost_interrogation_ends_no_uncertainty() -> None:
    """It stays uncertain, however long it waits and whatever the pump refuses, until one is heard."""
    at = new_desk()
    at.reviewed(UP)
    at.confirm()
    at.proceed("lost")
    assert at.interrogate("lost") is None
    assert at.session.standing == "uncertain"
    at.wait(DAY_S)
    assert at.session.at(at.now).standing == "uncertain"
    assert at.interrogate() is None
    assert str(at.session.standing) == "read"


@pytest.mark.requirement("SES-11")
def test_a_session_that_is_left_alone_asks_for_attention_and_then_drops_what_was_prepared() -> None:
    """Five minutes, then ten; each to the second. Nothing was sent, so nothing is uncertain."""
    assert (idle_alert().s, idle_clear().s) == (300, 600)
    at = new_desk()
    assert at.session.idle(Instant(at.now.s + DAY_S)) is None
    at.reviewed(UP)
    start = at.now.s
    assert [at.session.idle(Instant(start + s)) for s in (299, 300)] == [None, "alert"]
    assert at.session.at(Instant(start + 599)).standing == "reviewed"
    cleared = at.session.at(Instant(start + 600))
    assert (cleared.standing, cleared.review, cleared.report) == ("new", None, None)
    at.wait(600)
    assert at.confirm() is not None
    assert at.pump.memory.program == SimpleContinuous(flow(0.2))


@pytest.mark.requirement("SES-11")
@pytest.mark.parametrize(("sheet", "flowing"), [("reference-40", 200_000), ("synchromed-ii-40", 0)])
@pytest.mark.parametrize("steps", [1, 2])
def test_an_update_that_is_left_open_makes_it_uncertain(sheet: str, flowing: int, steps: int) -> None:
    """The reference pump has cleared the update and runs as before; the other stays stopped, and the session says it may."""
    at = new_desk(sheet)
    at.reviewed(UP)
    at.confirm()
    for _ in range(steps):
        at.proceed()
    at.wait(600)
    refusal = at.proceed()
    assert isinstance(refusal, Refusal)
    assert refusal.rule == "SES-05"
    assert flowed(at.pump, DAY_S) == flowing
    at.session = at.session.at(at.now)
    assert ("may infuse nothing" in at.session.why) == (not flowing)
    at.write(UP)
    assert flowed(at.pump, DAY_S) == 240_000


@pytest.mark.requirement("SES-12")
def test_a_second_programmer_is_stale() -> None:
    """Both have read the pump; the second has to read it again, and sees what the first has written."""
    first = new_desk()
    second = desk(first.pump, "B", first.chart)
    second.reviewed(OrderSheet(dosing=continuous(90)))
    second.confirm()
    first.pump = second.pump
    first.write(UP)
    second.pump = first.pump
    second.proceed()
    assert second.session.standing == "new"
    assert second.session.refused is not None
    assert second.session.refused.rule == "PMP-70"
    assert second.pump.memory.program == SimpleContinuous(flow(0.24))
    second.interrogate()
    assert second.session.report is not None
    assert second.session.report.program == SimpleContinuous(flow(0.24))


@pytest.mark.requirement("SES-13")
def test_a_bolus_that_was_committed_late_is_as_it_was_meant() -> None:
    """A slow review of a short bolus is no difference: it began, and ends, when it was committed."""
    slow = new_desk()
    slow.reviewed(OrderSheet(bolus=OrderBolus(Amount(5 * 10**6), Duration(60))))
    assert slow.confirm() is None
    slow.wait(120)
    for _ in range(3):
        assert slow.proceed() is None
    slow.wait(1)
    assert slow.proceed() is None
    assert (slow.session.standing, slow.session.found) == ("done", ())


@pytest.mark.requirement("SES-13")
def test_a_pump_that_says_otherwise_is_not_as_reviewed() -> None:
    """Another write between commit and reading back: every setting that differs is named, and the session is not done."""
    at = new_desk()
    at.reviewed(UP)
    at.confirm()
    for _ in range(3):
        at.proceed()
    other = handle(at.pump, Update(SimpleContinuous(flow(0.5)), low_reservoir=ml(7)))
    assert not isinstance(other, Refusal)
    at.pump = other.state
    at.proceed()
    assert at.session.standing == "unlike"
    assert {setting.name for setting in at.session.found} == {"program", "low reservoir threshold"}


@pytest.mark.requirement("SES-13")
def test_what_flowed_before_the_reading_back_is_no_difference() -> None:
    """Nine minutes later the volume and the bridge have gone on; that is as reviewed."""
    at = new_desk()
    at.reviewed(OrderSheet(dosing=continuous(120), concentration=C2000, reservoir=ml(18), bridge=True))
    at.confirm()
    for _ in range(3):
        at.proceed()
    at.wait(540)
    at.proceed()
    assert at.session.standing == "done"
    assert at.session.read_back is not None
    assert at.session.read_back.calculated is not None
    assert at.session.read_back.calculated < ml(18)


@pytest.mark.requirement("SES-13")
def test_what_the_pump_stages_must_be_what_was_reviewed() -> None:
    """A reply with another digest, corrupted on its way: uncertain, and nothing is committed."""
    at = new_desk()
    at.reviewed(UP)
    at.confirm()
    at.proceed()
    waiting = at.session.proceed(at.now)
    assert isinstance(waiting, Session)
    after = waiting.heard(replace(report(at.pump), staged=digest("something else")), at.now)
    assert isinstance(after, Session)
    assert after.standing == "uncertain"


@pytest.mark.requirement("SES-08")
def test_a_bridge_is_planned_from_a_fresh_reading() -> None:
    """A minute is fresh; a second more is not, and nothing but the plan waits for another reading."""
    bridged = OrderSheet(dosing=continuous(120), concentration=C2000, reservoir=ml(18), bridge=True)
    at = new_desk()
    at.interrogate()
    at.wait(60)
    assert at.prepare(bridged) is None
    at.wait(1)
    refusal = at.prepare(bridged)
    assert isinstance(refusal, Refusal)
    assert refusal.rule == "SES-08"
    assert at.prepare(UP) is None
    at.interrogate()
    assert at.prepare(bridged) is None


def test_a_bolus_that_runs_is_cancelled_and_the_pump_read_again() -> None:
    """The one way to change a program under a bridge; afterwards nothing is known until it is read."""
    at = desk(pump_in("bridge bolus"))
    at.interrogate()
    refusal = at.prepare(UP)
    assert isinstance(refusal, Refusal)
    assert refusal.rule == "PMP-08"
    at.step(at.session.cancel_bolus(at.now))
    assert isinstance(at.sent[-1].command, CancelBolus)
    assert (at.session.standing, at.session.report) == ("new", None)
    assert at.pump.mode == "simple continuous"
    assert flowed(at.pump, DAY_S) != BRIDGE.volume.nl


def test_a_pump_without_electronics_has_no_session() -> None:
    """It is refused with the reason."""
    refusal = open_session("A", pump_sheet("isomed-8472-20-10"), POLICY, Instant(0))
    assert isinstance(refusal, Refusal)
    assert refusal.rule == "PMP-40"


def test_a_session_cannot_go_back_in_time() -> None:
    """A clock that runs backwards is a defect."""
    at = new_desk()
    with pytest.raises(ValueError, match="cannot go back"):
        at.session.at(Instant(at.now.s - 1))


class Twin:
    """A second pump beside the one at the wand: it is given each update bare, when that first reaches the first one."""

    def __init__(self, pump: PumpState) -> None:
        self.pump = pump
        self.done: set[tuple[str, int]] = set()

    def receive(self, pump: PumpState, message: Message) -> Received:
        """What the first pump does with a message, and the second one after it."""
        staged = pump.memory.hold.staged if pump.memory.hold else None
        received = receive(pump, message)
        if isinstance(received.reply, Report) and (message.session, message.sequence) not in self.done:
            self.done.add((message.session, message.sequence))
            if isinstance(message.command, BeginUpdate):
                self.take(BeginUpdate())
            if isinstance(message.command, Commit):
                assert staged is not None
                self.take(BeginUpdate())
                self.take(Stage(staged))
                self.take(Commit(digest(staged)))
        return received

    def take(self, command: Command) -> None:
        answer = handle(self.pump, command)
        assert not isinstance(answer, Refusal), answer
        self.pump = answer.state

    def until(self, now: Instant) -> None:
        self.pump = advance(self.pump, now).state


@pytest.mark.requirement("SES-14")
@given(
    st.sampled_from(["reference-40", "synchromed-ii-40", "medstream-40"]),
    st.lists(
        st.tuples(st.integers(0, 1), st.sampled_from(["go on", "go on", "go on", "interrogate", "again", "wait"]), FATES),
        max_size=40,
    ),
    st.lists(st.sampled_from(SHEETS), min_size=1, max_size=6),
    st.lists(st.integers(1, 700), min_size=1, max_size=6),
)
def test_never_twice_and_never_half(
    sheet: str, steps: list[tuple[int, str, Fate]], sheets: list[OrderSheet], waits: list[int]
) -> None:
    """Two programmers, a wand that loses, repeats and replays: the pump runs exactly the writes that were committed, each once.

    And a session that says it is done is one whose whole write the pump runs.
    """
    first = new_desk(sheet)
    desks = [first, desk(first.pump, "B", first.chart)]
    pump, twin = first.pump, Twin(first.pump)
    for number, (who, what, fate) in enumerate(steps):
        at = desks[who]
        at.pump, at.deliver = pump, twin.receive
        sent = len(at.sent)
        _act(at, what, fate, sheets[number % len(sheets)], waits[number % len(waits)])
        pump = at.pump
        twin.until(pump.now)
        assert pump.memory.settings == twin.pump.memory.settings
        assert pump.memory.count == twin.pump.memory.count
        assert pump.memory.bolus == twin.pump.memory.bolus
        assert pump.mechanics == twin.pump.mechanics
        if at.session.standing == "done" and len(at.sent) > sent:
            assert at.session.review is not None
            assert settings(at.session.review.after, report(pump))[0].changed is False
            assert at.session.review.after.low_reservoir == report(pump).low_reservoir


def _act(at: Desk, what: str, fate: Fate, orders: OrderSheet, seconds: int) -> None:
    """One thing that happens: the next step of a session, a reading, an old message once more, or time."""
    match what, at.session.at(at.now).standing:
        case "interrogate", _:
            at.interrogate(fate)
        case "again", _ if at.sent:
            at.pump = at.deliver(at.pump, at.sent[-1]).state  # late, and nobody hears the reply
        case "go on", "new" | "uncertain" | "done" | "unlike":
            at.interrogate(fate)
        case "go on", "read":
            at.prepare(orders)
        case "go on", "reviewed":
            at.confirm()
        case "go on", _:
            at.proceed(fate)
        case _:
            at.wait(seconds)


@pytest.mark.requirement("SES-06")
@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_nothing_is_prepared_or_sent_while_a_reply_is_awaited(steps: int) -> None:
    """Between each message and its reply; and left alone there, the session is uncertain and not merely cleared."""
    at = new_desk()
    at.reviewed(UP)
    at.confirm()
    for _ in range(steps):
        at.proceed()
    waiting = at.session.proceed(at.now)
    assert isinstance(waiting, Session)
    assert waiting.sent is not None
    for outcome in (waiting.prepare(UP, at.chart, at.now), waiting.proceed(at.now), waiting.cancel_bolus(at.now)):
        assert isinstance(outcome, Refusal)
        assert outcome.rule == "SES-06"
    assert waiting.at(Instant(at.now.s + 600)).standing == "uncertain"
    read = at.session.interrogate(at.now)
    assert isinstance(read, Session)
    assert isinstance(replace(read, standing="read").prepare(UP, at.chart, at.now), Refusal)


@pytest.mark.requirement("SES-13")
def test_a_session_that_is_not_as_reviewed_goes_on_only_by_a_reading() -> None:
    """Nothing is prepared from what differed; a reading forgets the difference, and the refusal of before."""
    at = new_desk()
    at.reviewed(UP)
    at.confirm()
    for _ in range(3):
        at.proceed()
    other = handle(at.pump, Update(SimpleContinuous(flow(0.5))))
    assert not isinstance(other, Refusal)
    at.pump = other.state
    at.proceed()
    assert at.session.standing == "unlike"
    assert isinstance(at.session.prepare(UP, at.chart, at.now), Refusal)
    at.interrogate()
    assert (at.session.standing, at.session.found, at.session.read_back) == ("read", (), None)
    stale = desk(at.pump, "B", at.chart)
    stale.reviewed(UP)
    stale.confirm()
    stale.pump = new_desk(program=SimpleContinuous(flow(0.3))).pump
    stale.proceed()
    assert stale.session.refused is not None
    stale.interrogate()
    assert stale.session.refused is None


@pytest.mark.requirement("SES-08")
def test_a_prime_is_planned_from_a_fresh_reading_too() -> None:
    """What lies in the line moves on under a prime as under a bridge."""
    at = new_desk()
    at.interrogate()
    at.wait(61)
    refusal = at.prepare(OrderSheet(prime=True))
    assert isinstance(refusal, Refusal)
    assert refusal.rule == "SES-08"


def test_a_bolus_that_cannot_be_cancelled_leaves_the_reading() -> None:
    """There was none: the refusal is told, and the session stands where it stood."""
    at = new_desk()
    at.interrogate()
    at.step(at.session.cancel_bolus(at.now))
    assert at.session.standing == "read"
    assert at.session.refused is not None
    assert at.session.refused.rule == "PMP-07"
