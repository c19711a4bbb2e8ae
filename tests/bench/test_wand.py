"""The wand: what it says of a message, over whatever link."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.bench.bench import Clock, new_folder, serve
from tests.courses import START, flow, running_pump
from tests.programmer.desk import continuous, dose
from thecal.bench.bad_link import BadLink
from thecal.bench.frame import Decoder, Frame, FrameType
from thecal.bench.virtual_pump import sheet_digest
from thecal.bench.wand import Confirmed, LinkError, Patience, Refused, Said, Uncertain, Wand
from thecal.bench.wire import Notice, Welcome, frame_of, reply_frame
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.pump.handle import report
from thecal.pump.messages import Command, Interrogate, Message, Report
from thecal.pump.program import MinimumRate, SimpleContinuous
from thecal.pump.sheet import pump_sheet
from thecal.timeline import Instant

BRIEF = Patience(answer_s=0.15, times=3, connect_s=20.0)
SHEET = pump_sheet("reference-40")
WELCOME = Welcome(
    "TC-0001", SHEET.name, (), sheet_digest(SHEET), START, (60, 1), True, "nurse", ("may_interrogate", "may_program")
)
SAID = report(running_pump(MinimumRate()))
NO = Refusal("PMP-99", "anything", "nothing", "the test", "Give up.")


@dataclass
class Script:
    """A pump that answers as a test tells it to: the bytes for the first message that comes, for the second, and so on.

    None cuts the link; with ``cut``, so does the first answer, after its last byte.
    """

    answers: list[bytes | None]
    welcome: bytes = frame_of(FrameType.WELCOME, WELCOME).encoded()
    cut: bool = False
    heard: list[Frame] = field(default_factory=list)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        decoder = Decoder()
        while data := await reader.read(65_536):
            for frame in decoder.feed(data):
                assert isinstance(frame, Frame)
                if frame.type is FrameType.HELLO:
                    writer.write(self.welcome)
                    continue
                self.heard.append(frame)
                if frame.type is FrameType.COMMAND and self.answers:
                    answer = self.answers.pop(0)
                    if answer is None:
                        writer.transport.abort()
                        return
                    writer.write(answer)
                    if self.cut:
                        writer.close()
                        return
        writer.close()


@asynccontextmanager
async def scripted(script: Script, heed: Callable[[Notice], None] = lambda _: None) -> AsyncIterator[Wand]:
    """A wand at such a pump."""
    listening = await asyncio.start_server(script.talk, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    try:
        wand = Wand("127.0.0.1", port, "TC-0001", context=None, patience=BRIEF, heed=heed)
        wand.number = 7
        async with wand:
            yield wand
    finally:
        listening.close()


def answer(sequence: int, reply: Report | Refusal = SAID, session: int = 7) -> bytes:
    return reply_frame(reply, session, sequence).encoded()


def said_by(script: Script, *commands: Command) -> list[Said]:
    """What the wand says of some messages, one after the other."""

    async def course() -> list[Said]:
        async with scripted(script) as wand:
            return [await wand.say(Message("", number, command)) for number, command in enumerate(commands, start=1)]

    return asyncio.run(course())


def numbers(script: Script) -> list[int]:
    """The numbers of the commands that came."""
    return [frame.sequence for frame in script.heard if frame.type is FrameType.COMMAND]


@pytest.mark.requirement("BEN-18")
def test_a_message_comes_to_one_of_three() -> None:
    """Done, refused with the refusal as it was said, or nobody knows, after as many times as patience has."""
    script = Script([answer(1), answer(2, NO)])
    assert said_by(script, *[Interrogate()] * 3) == [Confirmed(SAID), Refused(NO), Uncertain("no answer in 0.45 s")]
    assert numbers(script) == [1, 2, 3, 3, 3]
    assert script.heard[-1].type is FrameType.GOODBYE
    assert {frame.session for frame in script.heard} == {7}


@pytest.mark.requirement("BEN-18")
@pytest.mark.parametrize(
    "before",
    [
        b"",
        answer(1),
        answer(1, NO),
        answer(3),
        answer(2, session=8),
        answer(2)[:-1] + b"\0",
        b"nonsense",
        Frame(FrameType.REPORT, 7, 2, {"at": 0}).encoded(),
        frame_of(FrameType.WELCOME, WELCOME, 7, 2).encoded(),
        frame_of(FrameType.NOTICE, Notice("malformed", "what?"), 7, 2).encoded(),
        Frame(FrameType.NOTICE, 7, 2, {}).encoded(),
    ],
)
def test_what_is_no_answer_to_this_message_is_passed_over(before: bytes) -> None:
    """An answer that comes late, of another session, damaged or unreadable; the message is sent again, and its answer taken."""
    script = Script([answer(1), before, answer(2, NO)])
    assert said_by(script, Interrogate(), Interrogate()) == [Confirmed(SAID), Refused(NO)]
    assert numbers(script) == [1, 2, 2]


@pytest.mark.requirement("BEN-18")
def test_an_answer_that_comes_twice_answers_once() -> None:
    """The second one is not taken for the answer to the next message."""
    script = Script([answer(1) * 2, answer(2, NO)])
    assert said_by(script, Interrogate(), Interrogate()) == [Confirmed(SAID), Refused(NO)]
    assert numbers(script) == [1, 2]


@pytest.mark.requirement("BEN-18")
def test_a_cut_link_is_uncertain_at_once_and_for_good() -> None:
    """No patience is lost on it; what was answered before the cut was answered."""
    script = Script([answer(1), None])
    assert said_by(script, *[Interrogate()] * 3) == [Confirmed(SAID), *[Uncertain("the link was cut")] * 2]
    assert numbers(script) == [1, 2]


@pytest.mark.requirement("BEN-18")
def test_an_answer_that_is_cut_anywhere_is_none() -> None:
    """Nobody knows what it would have said, up to its very last byte."""
    whole = answer(1)

    async def course() -> list[Said]:
        found = []
        for size in (*range(0, len(whole), 11), len(whole) - 1, len(whole)):
            async with scripted(Script([whole[:size]], cut=True)) as wand:
                found.append(await wand.say(Message("", 1, Interrogate())))
        return found

    *cut, last = asyncio.run(course())
    assert set(cut) == {Uncertain("the link was cut")}
    assert last == Confirmed(SAID)


@pytest.mark.requirement("BEN-18")
def test_half_an_answer_does_not_keep_those_behind_it_waiting() -> None:
    """A bad link that spoiled the length of one: what it swallowed is heard when the message is sent again."""
    spoiled = bytearray(answer(1))
    spoiled[18] = 0xFF  # of the length: 65 kB that never come

    async def course() -> Said:
        async with scripted(Script([answer(1)])) as wand:
            wand._link = BadLink(delay_ms=1)
            wand._arrived(bytes(spoiled))
            return await wand.say(Message("", 1, Interrogate()))

    assert asyncio.run(course()) == Confirmed(SAID)


def test_notices_are_heeded_and_what_no_notice_is_is_not() -> None:
    """Also those that come in one breath with the welcome."""
    idle, bye = Notice("idle", "go on"), Notice("bye", "closed")
    first = frame_of(FrameType.WELCOME, WELCOME).encoded() + frame_of(FrameType.NOTICE, idle).encoded()
    script = Script([Frame(FrameType.NOTICE, 0, 0, {"what": "tea"}).encoded() + frame_of(FrameType.NOTICE, bye).encoded()], first)
    heard: list[Notice] = []

    async def course() -> None:
        async with scripted(script, heard.append) as wand:
            assert isinstance(await wand.say(Message("", 1, Interrogate())), Uncertain)

    asyncio.run(course())
    assert heard == [idle, bye]


def _welcome(**changes: object) -> bytes:
    plain = frame_of(FrameType.WELCOME, WELCOME).payload | changes
    return Frame(FrameType.WELCOME, 0, 0, plain).encoded()


@pytest.mark.parametrize(
    ("first", "says"),
    [
        (b"220 mail.example ESMTP\r\n", "talks another language: no frame begins here. Is it a bench?"),
        (answer(1), "talks another language: REPORT came where WELCOME should. Use the same version of thecal on both sides."),
        (Frame(FrameType.REFUSAL, 0, 0, {}).encoded(), "talks another language: payload must be Refusal with exactly rule,"),
        (_welcome(serial=1), "talks another language: payload.serial must be text."),
        (_welcome(more=1), "talks another language: payload must be Welcome with exactly serial,"),
        (_welcome(model="reference-400"), "talks another language: pump: 'reference-400'"),
        (_welcome(sheet="0" * 16), "the bench has another data sheet of reference-40. Use the same version of thecal"),
        (frame_of(FrameType.REFUSAL, NO).encoded(), "refused by PMP-99: anything. Allowed: nothing. Give up. Source: the test."),
    ],
)
def test_what_answers_and_is_no_bench_of_this_version_is_told(first: bytes, says: str) -> None:
    """In a sentence, with what to do."""

    async def course() -> None:
        async with scripted(Script([], first)):
            raise AssertionError("it was let in")

    with pytest.raises(LinkError) as error:
        asyncio.run(course())
    assert says in str(error.value)


def test_who_does_not_answer_is_given_up() -> None:
    """After as long as patience has, and where nobody listens at once; each with where the bench is found."""

    async def course() -> None:
        with pytest.raises(
            LinkError, match=r"does not answer in 0\.2 s; it may want a certificate\. See where the bench listens"
        ):
            async with scripted(Script([], b"")) as wand:
                raise AssertionError(wand)

    impatient = Patience(connect_s=0.2)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tests.bench.test_wand.BRIEF", impatient)
        asyncio.run(course())

    async def nobody() -> None:
        listening = await asyncio.start_server(Script([]).talk, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        listening.close()
        await listening.wait_closed()
        with pytest.raises(LinkError, match=rf"no bench answers at 127\.0\.0\.1:{port}: Connection refused\. See where"):
            await Wand("127.0.0.1", port, "TC-0001", context=None).__aenter__()

    asyncio.run(nobody())


def test_the_time_of_the_bench_is_told_by_the_welcome_and_what_passed_since() -> None:
    """As fast as time passes there, and never after the last instant."""

    async def course() -> None:
        async with scripted(Script([])) as wand:
            assert wand.now() == START
            await asyncio.sleep(0.05)
            assert START.s + 3 <= wand.now().s < START.s + 60
        ends = _welcome(now={"s": Instant.LAST - 1})
        async with scripted(Script([], ends)) as wand:
            await asyncio.sleep(0.05)
            assert wand.now() == Instant(Instant.LAST)

    asyncio.run(course())


@pytest.mark.requirement("BEN-18")
def test_a_reply_that_is_lost_after_the_pump_did_it_is_given_again(tmp_path: Path) -> None:
    """Whatever was done is done once: message by message of a session, each sent three times, and its first replies lost."""

    async def course() -> None:
        folder = new_folder(tmp_path, keys=False)
        async with serve(folder, plain=True, clock=Clock()) as bench, bench.wand(patience=BRIEF) as wand:
            real, lost = wand._take, list[Frame]()

            def forget_two(piece: Frame) -> None:
                if len([frame for frame in lost if frame.sequence == piece.sequence]) < 2:
                    lost.append(piece)
                else:
                    real(piece)

            wand._take = forget_two  # type: ignore[method-assign,assignment]  # two of three answers are lost
            at, writes = bench.desk(wand), bench.pump().state.memory.link.writes
            assert await at.interrogate() is None
            assert at.prepare(OrderSheet(dosing=continuous(120))) is None
            assert at.confirm(dose(120)) is None
            assert await at.update() is None
            assert at.session.standing == "done"
            assert len(lost) == 10
            assert bench.server.counts["answers"] == 15
            assert bench.pump().state.memory.link.writes == writes + 1
            assert bench.pump().state.memory.program == SimpleContinuous(flow(0.24))

    asyncio.run(course())
