"""Whole sessions at a virtual pump, as they stand in its chart."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from tests.bench.bench import PATIENT, Bench, Clock, new_folder, serve
from tests.courses import flow
from tests.programmer.desk import continuous, dose
from thecal.bench.bad_link import BadLink
from thecal.bench.desk import Desk
from thecal.bench.entry import Befell, Entry
from thecal.bench.patient_charts import add_facts, read_chart
from thecal.bench.wand import Patience
from thecal.chart.facts import Fact, Interrogated, Ordered, SessionEnded, SessionUncertain
from thecal.chart.order import FlexDay, OrderBolus, OrderFlex, OrderPatient, StepDose
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.pump.messages import MemoryCorruption
from thecal.pump.program import SimpleContinuous
from thecal.quantity import Amount
from thecal.timeline import Duration, Instant

MORE = OrderSheet(dosing=continuous(120))
BOLUS = OrderSheet(bolus=OrderBolus(Amount(25 * 10**6), Duration(3600)))
BRIEF = Patience(answer_s=0.05, times=2, connect_s=5.0)
Course = Callable[[Bench, Desk], Coroutine[None, None, None]]


@asynccontextmanager
async def desk_at(bench: Bench, who: str = "nurse") -> AsyncIterator[Desk]:
    async with bench.wand(who) as wand:
        yield bench.desk(wand)


def at_desk(path: Path, course: Course, sheet: str = "reference-40") -> None:
    """A course at the desk of a pump whose time stands unless it is moved."""

    async def whole() -> None:
        folder = new_folder(path, sheet=sheet, keys=False)
        async with serve(folder, plain=True, clock=Clock()) as bench, desk_at(bench) as desk:
            await course(bench, desk)

    asyncio.run(whole())


def facts(bench: Bench) -> tuple[Fact, ...]:
    """What stands in the chart on the disk since the pump came to the bench."""
    return read_chart(bench.folder, "TC-0001").facts[3:]


async def confirmed(desk: Desk, orders: OrderSheet, mcg: float = 120) -> None:
    """Read, reviewed and confirmed."""
    assert await desk.interrogate() is None
    assert desk.prepare(orders) is None
    assert desk.confirm(dose(mcg)) is None


def forget(desk: Desk, *kinds: str, before: bool) -> None:
    """Let the link lose a command, or the reply to it, every time."""
    numbers, send, take = set[int](), desk.wand.say, desk.wand._take

    async def say(message):  # type: ignore[no-untyped-def]  # as the wand's
        if message.command.name in kinds:
            numbers.add(message.sequence)
            desk.wand._patience = BRIEF
            if before:
                desk.wand._link = BadLink(lost=10**6)
        said = await send(message)
        desk.wand._link, desk.wand._patience = BadLink(), PATIENT
        return said

    desk.wand.say = say  # type: ignore[method-assign]  # a link that fails at one message
    desk.wand._take = lambda piece: None if getattr(piece, "sequence", 0) in numbers else take(piece)  # type: ignore[method-assign]  # as above


def test_a_session_stands_in_the_chart_as_it_was(tmp_path: Path) -> None:
    """What was read, what was ordered, and what was read back; and it tells each message that it sends."""

    async def course(bench: Bench, desk: Desk) -> None:
        await confirmed(desk, MORE)
        assert desk.session.review
        assert not [caution for caution in desk.session.review.cautions if caution.rule == "SAF-04"]
        told: list[str] = []
        assert await desk.update(told.append) is None
        assert told == ["begin update", "stage", "commit", "read back"]
        assert desk.session.standing == "done"
        read, running, ordered, ended = facts(bench)
        assert isinstance(read, Interrogated)
        assert isinstance(running, SessionEnded)
        assert isinstance(ended, SessionEnded)
        assert (running.order, running.session) == (continuous(100), None)
        assert ordered == Ordered(bench.pump().now, continuous(120))
        assert (ended.order, ended.session) == (continuous(120), desk.session.name)
        assert ended.report.program == bench.pump().state.memory.program == SimpleContinuous(flow(0.24))
        assert desk.chart == read_chart(bench.folder, "TC-0001")

    at_desk(tmp_path, course)


def test_what_is_done_already_is_not_done_or_written_down_again(tmp_path: Path) -> None:
    """An update that is asked for twice, or before it was confirmed, is refused, and the chart stays as it is."""

    async def course(bench: Bench, desk: Desk) -> None:
        for _ in range(2):
            refusal = await desk.update()
            assert isinstance(refusal, Refusal)
            assert refusal.rule == "SES-06"
        await confirmed(desk, MORE)
        assert await desk.update() is None
        before, writes = facts(bench), bench.pump().state.memory.link
        for _ in range(2):
            refusal = await desk.update()
            assert isinstance(refusal, Refusal)
            assert (refusal.rule, refusal.limit) == ("SES-06", "next: print it; interrogate before anything else")
        assert (facts(bench), bench.pump().state.memory.link) == (before, writes)

    at_desk(tmp_path, course)


@pytest.mark.requirement("BEN-18")
@pytest.mark.parametrize(("lost", "written"), [(True, False), (False, True)])
def test_what_nobody_knows_is_written_down_and_told_by_the_next_reading(tmp_path: Path, lost: bool, written: bool) -> None:
    """A commit that never came to the pump, and one of which the reply never came back."""

    async def course(bench: Bench, desk: Desk) -> None:
        forget(desk, "commit", before=lost)
        await confirmed(desk, MORE)
        assert await desk.update() is None
        assert (desk.session.standing, desk.unanswered) == ("uncertain", "no answer in 0.1 s")
        assert [type(fact) for fact in facts(bench)][2:] == [Ordered, SessionUncertain]
        assert desk.chart.uncertain == facts(bench)[-1]
        refusal = desk.prepare(MORE)
        assert isinstance(refusal, Refusal)
        assert refusal.rule == "SES-05"
        assert (await desk.update(), len(facts(bench))) == (refusal_of(desk), 4)
        assert await desk.interrogate() is None
        assert stands(desk) == ("read", None)
        assert desk.chart.session
        assert desk.chart.session.order == continuous(120 if written else 100)
        assert bench.pump().state.memory.program == SimpleContinuous(flow(0.24 if written else 0.2))
        assert desk.prepare(OrderSheet(dosing=continuous(110))) is None

    at_desk(tmp_path, course)


def stands(desk: Desk) -> tuple[str, Fact | None]:
    """Where the session stands, and what is uncertain in the chart."""
    return desk.session.standing, desk.chart.uncertain


def later(bench: Bench, desk: Desk, seconds: int) -> None:
    """Let time pass, for the bench and for whoever sits at the desk."""
    bench.pass_time(seconds)
    desk.wand._steady -= seconds


def refusal_of(desk: Desk) -> Refusal:
    """What an uncertain session says to an update."""
    refusal = desk.session.proceed(desk.now)
    assert isinstance(refusal, Refusal)
    return refusal


@pytest.mark.requirement("BEN-18")
def test_a_reading_that_did_not_come_is_no_reading(tmp_path: Path) -> None:
    """Nothing is written down of it, also where an older one is still on the screen."""

    async def course(bench: Bench, desk: Desk) -> None:
        forget(desk, "interrogate", before=True)
        assert await desk.interrogate() is None
        assert desk.unanswered == "no answer in 0.1 s"
        assert (facts(bench), desk.session.standing) == ((), "new")

    async def again(bench: Bench, desk: Desk) -> None:
        assert await desk.interrogate() is None
        before = facts(bench)
        forget(desk, "interrogate", before=False)
        later(bench, desk, 300)
        assert await desk.interrogate() is None
        assert desk.unanswered
        assert facts(bench) == before

    at_desk(tmp_path / "new", course)
    at_desk(tmp_path / "read", again)


def test_a_refused_order_leaves_nothing(tmp_path: Path) -> None:
    """Neither one that the review refuses, nor one that pump or bench refuse to begin: no fact, and the pump as it was."""

    async def course(bench: Bench, desk: Desk) -> None:
        assert await desk.interrogate() is None
        before, program = facts(bench), bench.pump().state.memory.program
        for orders in (OrderSheet(), OrderSheet(dosing=continuous(1)), OrderSheet(dosing=continuous(20_000))):
            assert isinstance(desk.prepare(orders), Refusal)
        assert desk.prepare(MORE) is None
        wrong = desk.confirm(dose(130))
        assert isinstance(wrong, Refusal)
        assert wrong.rule == "SAF-04"
        assert desk.confirm(dose(120)) is None
        async with desk_at(bench, "doctor") as other:
            await confirmed(other, OrderSheet(dosing=continuous(110)), 110)
            assert await other.update() is None
        written = facts(bench)
        stale = await desk.update()
        assert isinstance(stale, Refusal)
        assert stale.rule == "PMP-70"
        assert desk.session.standing == "new"
        async with desk_at(bench, "doctor") as other:
            await confirmed(other, OrderSheet(dosing=continuous(115)), 115)
            going = other.session.proceed(other.now)
            assert await other._step(going) is None
            await confirmed(desk, MORE)
            waits = await desk.update()
            assert isinstance(waits, Refusal)
            assert waits.rule == "BEN-13"
        assert [type(fact) for fact in facts(bench)[len(written) :]] == [Interrogated, SessionEnded] * 2
        assert (len(before), program) == (2, SimpleContinuous(flow(0.2)))
        assert bench.pump().state.memory.program == SimpleContinuous(flow(0.22))

    at_desk(tmp_path, course)


ACTIVATOR = OrderSheet(patient=OrderPatient(Amount(10 * 10**6), Duration(600), Duration(4 * 3600), 2))
ENDS = (*range(1, 14), 24)  # hours: fourteen steps, one more than any of these pumps holds
STEPS = tuple(StepDose(begin * 3600, end % 24 * 3600, Amount(8 * 10**6)) for begin, end in pairwise((0, *ENDS)))
FLEX = OrderSheet(dosing=OrderFlex((FlexDay((), dose(112), STEPS),)))


@pytest.mark.parametrize(
    ("sheet", "orders", "rule"),
    [("medstream-40", ACTIVATOR, "PMP-33"), ("prometra-ii-40", FLEX, "PMP-03"), ("synchromed-iii-40", FLEX, "PMP-03")],
)
def test_a_pump_that_cannot_do_an_order_says_why(tmp_path: Path, sheet: str, orders: OrderSheet, rule: str) -> None:
    """By the pump's own rule with the source on its data sheet, before anything is sent."""

    async def course(bench: Bench, desk: Desk) -> None:
        assert await desk.interrogate() is None
        before, written = facts(bench), bench.pump().state
        refusal = desk.prepare(orders)
        assert isinstance(refusal, Refusal), desk.session.review
        assert (refusal.rule, bool(refusal.source)) == (rule, True), refusal
        assert (facts(bench), bench.pump().state) == (before, written)

    at_desk(tmp_path, course, sheet)


def test_a_bolus_is_ended_and_the_pump_read_again(tmp_path: Path) -> None:
    """The reading stands in the chart; without a bolus there is nothing to end, and nobody programs the pump for it."""

    async def course(bench: Bench, desk: Desk) -> None:
        await confirmed(desk, BOLUS, 100)
        assert await desk.update() is None
        assert bench.pump().state.mode == "single bolus"
        assert await desk.interrogate() is None
        later(bench, desk, 300)
        assert await desk.cancel_bolus() is None
        assert bench.pump().state.mode == "simple continuous"
        assert isinstance(facts(bench)[-2], Interrogated)
        none = await desk.cancel_bolus()
        assert isinstance(none, Refusal)
        assert none.rule.startswith("PMP-")
        assert bench.server.programmed_by("TC-0001") is None

    at_desk(tmp_path, course)


@pytest.mark.requirement("BEN-18")
def test_the_end_of_a_bolus_of_which_nobody_knows_is_written_down_once(tmp_path: Path) -> None:
    """And told by the reading that follows at once."""

    async def course(bench: Bench, desk: Desk) -> None:
        await confirmed(desk, BOLUS, 100)
        assert await desk.update() is None
        assert await desk.interrogate() is None
        before = len(facts(bench))
        forget(desk, "cancel bolus", before=False)
        assert await desk.cancel_bolus() is None
        assert [type(fact) for fact in facts(bench)[before:]] == [SessionUncertain, Interrogated, SessionEnded]
        assert stands(desk) == ("read", None)
        assert bench.pump().state.mode == "simple continuous"
        forget(desk, "cancel bolus", "interrogate", before=True)
        assert await desk.cancel_bolus() is None
        assert stands(desk) == ("uncertain", facts(bench)[-1])
        uncertain = len(facts(bench))
        refusal = await desk.cancel_bolus()
        assert isinstance(refusal, Refusal)
        assert (refusal.rule, len(facts(bench))) == ("SES-05", uncertain)

    at_desk(tmp_path, course)


def test_what_was_read_back_and_is_not_as_meant_is_uncertain(tmp_path: Path) -> None:
    """The chart says in which settings it differs."""

    async def course(bench: Bench, desk: Desk) -> None:
        await confirmed(desk, MORE)

        def strike(message: str) -> None:
            if message == "read back":
                bench.server.happen("TC-0001", _befell)

        assert await desk.update(strike) is None
        assert desk.session.standing == "unlike"
        last = facts(bench)[-1]
        assert isinstance(last, SessionUncertain)
        assert "the pump differs from what was meant: " in last.why
        assert "safe state" in last.why

    at_desk(tmp_path, course)


def _befell(at: Instant) -> Entry:
    return Befell(at, MemoryCorruption("settings", 3))


@pytest.mark.requirement("BEN-17")
def test_an_update_left_alone_is_uncertain_in_the_chart(tmp_path: Path) -> None:
    """Ten minutes after its last message, when somebody goes on: nothing more is sent."""

    async def course(bench: Bench, desk: Desk) -> None:
        await confirmed(desk, MORE)
        assert await desk._step(desk.session.proceed(desk.now)) is None
        assert desk.session.standing == "begun"
        later(bench, desk, 600)
        before = bench.server.counts["answers"]
        refusal = await desk.update()
        assert isinstance(refusal, Refusal)
        assert refusal.rule == "SES-05"
        assert bench.server.counts["answers"] == before
        last = facts(bench)[-1]
        assert isinstance(last, SessionUncertain)
        assert "it was left alone for 10 min with an update open" in last.why

    at_desk(tmp_path, course)


@pytest.mark.requirement("BEN-18")
def test_a_program_that_is_ended_while_it_waits_leaves_what_nobody_knows_in_the_chart(tmp_path: Path) -> None:
    """As by Ctrl-C: before anything else, so that the next one at the pump is told to read it."""

    async def course(bench: Bench, desk: Desk) -> None:
        await confirmed(desk, MORE)
        asked = asyncio.Event()
        desk.wand._take = lambda piece: None  # type: ignore[method-assign]  # noqa: ARG005  # no answer comes
        updating = asyncio.create_task(desk.update(lambda _: asked.set()))
        await asked.wait()
        await asyncio.sleep(0)
        updating.cancel()
        with pytest.raises(asyncio.CancelledError):
            await updating
        last = facts(bench)[-1]
        assert isinstance(last, SessionUncertain)
        assert last.order == continuous(120)
        assert "begin update" in last.why

    at_desk(tmp_path, course)


def test_a_chart_that_is_ahead_of_its_bench_never_goes_back(tmp_path: Path) -> None:
    """As after a fast bench was killed, whose visitors had seen more of its time than its disk has."""

    async def course(bench: Bench, desk: Desk) -> None:
        last = read_chart(bench.folder, "TC-0001").facts[-1]
        ahead = replace(last, at=Instant(bench.pump().now.s + 3600))
        add_facts(bench.folder, "TC-0001", (ahead,))
        desk.chart = read_chart(bench.folder, "TC-0001")
        await confirmed(desk, MORE)
        assert await desk.update() is None
        assert desk.session.standing == "done"
        assert {fact.at for fact in facts(bench)} == {ahead.at}
        assert desk.session.report
        assert desk.session.report.at == bench.pump().now

    at_desk(tmp_path, course)
