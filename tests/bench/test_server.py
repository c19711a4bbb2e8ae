"""The door of the bench: who is let in, who programs, and what those can do who are not what they seem."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.bench.bench import PATIENT, Bench, Clock, hello, line, new_folder, serve, tls, until
from thecal.bench import server
from thecal.bench.access import PERMISSIONS
from thecal.bench.bench_folder import BenchFolder
from thecal.bench.frame import FrameType
from thecal.bench.keys import issue_programmer, issue_pump, make_authority, pump_context, pump_host, revoke
from thecal.bench.wand import Confirmed, LinkError, Refused, Wand
from thecal.bench.wire import said_in
from thecal.pump.messages import BeginUpdate, CancelBolus, Command, Interrogate, Message, ReadBack, TestAlarm
from thecal.timeline import DAY_S, Duration

DAY = Duration(DAY_S)
KEYS_ADVICE = "See the keys, and have one made, with: thecal bench keys."
LIST_ADVICE = "See where the bench listens and which pumps it has with: thecal bench list."


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> BenchFolder:
    """Two pumps, and programmers of every kind; beside it another clinic with an authority of its own."""
    place, now = tmp_path_factory.mktemp("clinic"), datetime.now(UTC)
    folder = new_folder(place / "bench", pumps=2)
    issue_programmer(folder.keys, "reader", ["may_interrogate"], [], DAY, now)
    issue_programmer(folder.keys, "writer", ["may_program"], [], DAY, now)
    issue_programmer(folder.keys, "ward-two", PERMISSIONS, ["TC-0002"], DAY, now)
    issue_programmer(folder.keys, "expired", PERMISSIONS, [], Duration(60), now - timedelta(days=2))
    issue_programmer(folder.keys, "future", PERMISSIONS, [], DAY, now + timedelta(days=2))
    issue_programmer(folder.keys, "leaver", PERMISSIONS, [], DAY, now)
    revoke(folder.keys, "leaver")
    issue_pump(folder.keys, "TC-0001", now)
    make_authority(place / "elsewhere", now)
    issue_programmer(place / "elsewhere", "nurse", PERMISSIONS, [], DAY, now)
    issue_pump(place / "elsewhere", "TC-0001", now)
    return folder


@asynccontextmanager
async def unchanged(folder: BenchFolder, **options: Any) -> AsyncIterator[Bench]:
    """A bench whose clock stands, and whose pumps are in the end, and on the disk, as they were."""
    async with serve(folder, clock=Clock(), **options) as bench:
        before = {serial: shelved.pump for serial, shelved in bench.server.shelf.items()}
        sizes = {serial: shelved.journal.size for serial, shelved in bench.server.shelf.items()}
        yield bench
        assert {serial: shelved.pump for serial, shelved in bench.server.shelf.items()} == before
        assert {serial: shelved.journal.size for serial, shelved in bench.server.shelf.items()} == sizes


def elsewhere(folder: BenchFolder) -> Path:
    return folder.path.parent / "elsewhere"


def old_tls(folder: BenchFolder) -> ssl.SSLContext:
    context = tls(folder.keys, "programmer-nurse")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


NOT_TAKEN = "does not take the certificate of this programmer: it has expired, is not valid yet, or comes from another authority"
NO_PUMP = "ends the link at once: it has no pump {serial}, or talks without certificates"
STRANGERS: dict[str, tuple[Callable[[BenchFolder], ssl.SSLContext], str, str]] = {
    "no certificate": (lambda at: tls(at.keys, None), NOT_TAKEN, "showed no certificate"),
    "expired": (lambda at: tls(at.keys, "programmer-expired"), NOT_TAKEN, "certificate has expired"),
    "not valid yet": (lambda at: tls(at.keys, "programmer-future"), NOT_TAKEN, "certificate is not yet valid"),
    "of another authority": (
        lambda at: tls(elsewhere(at), "programmer-nurse", trusted=at.keys),
        NOT_TAKEN,
        "unable to get local issuer certificate",
    ),
    "a pump's": (lambda at: tls(at.keys, "pump-TC-0001"), NOT_TAKEN, "unsuitable certificate purpose"),
    "TLS 1.2": (old_tls, NO_PUMP, "speaks an older TLS than 1.3"),
    "of another clinic": (
        lambda at: tls(elsewhere(at), "programmer-nurse"),
        "shows no certificate of TC-0001 that this programmer trusts: self-signed certificate in certificate chain",
        "the link was closed (ConnectionResetError)",
    ),
}


@pytest.mark.requirement("BEN-16")
@pytest.mark.parametrize("who", STRANGERS)
def test_who_has_no_valid_certificate_of_the_clinic_is_not_let_in(clinic: BenchFolder, who: str) -> None:
    """The programmer is told what may be wrong and what to do; the log says why and from where; the pump never hears of it."""
    context, says, why = STRANGERS[who]

    async def attempt() -> None:
        async with unchanged(clinic) as bench:
            refused, place = len(bench.log("refused")), f"{bench.where.host}:{bench.where.port}"
            wand = Wand(bench.where.host, bench.where.port, "TC-0001", context=context(clinic), patience=PATIENT)
            with pytest.raises(LinkError) as error:
                await wand.__aenter__()
            advice = KEYS_ADVICE if says is NOT_TAKEN else LIST_ADVICE
            assert str(error.value) == f"{place} {says.format(serial='TC-0001')}. {advice}"
            await until(lambda: len(bench.log("refused")) > refused)
            (told,) = bench.log("refused")[refused:]
            assert told["peer"].startswith("127.0.0.1:")
            assert told["why"] == why
            assert "client" not in told, "nobody knows who it was"
            assert not bench.server.counts["answers"]

    asyncio.run(attempt())


@pytest.mark.requirement("BEN-16")
def test_plain_bytes_come_to_nothing_at_a_door_with_certificates(clinic: BenchFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a programmer that talks plainly, nor one that talks nonsense, nor one that says nothing at all."""
    monkeypatch.setattr(server, "HANDSHAKE_S", 0.2)

    async def attempt() -> None:
        async with unchanged(clinic) as bench:
            refused = len(bench.log("refused"))
            with pytest.raises(LinkError, match=r"ends the link at once; it may want a certificate\. See the keys, and have one"):
                await Wand(bench.where.host, bench.where.port, "TC-0001", context=None, patience=PATIENT).__aenter__()
            for data in (b"GET / HTTP/1.1\r\n\r\n", b""):
                async with line(bench.where) as stranger:
                    stranger.writer.write(data)
                    assert await stranger.ends() == []
            whys = [told["why"] for told in bench.log("refused")[refused:]]
            assert len(whys) == 3
            assert whys[1] == "HTTP_REQUEST"
            assert "SSL handshake is taking longer than 0.2 seconds" in whys[0]
            assert whys[2] == whys[0]

    asyncio.run(attempt())


@pytest.mark.requirement("BEN-16")
def test_certificates_come_to_nothing_at_a_plain_door(clinic: BenchFolder) -> None:
    """A programmer that wants to know the pump does not talk where no certificate is shown."""

    async def attempt() -> None:
        async with unchanged(clinic, plain=True) as bench:
            wand = Wand(bench.where.host, bench.where.port, "TC-0001", context=tls(clinic.keys, "programmer-nurse"))
            with pytest.raises(LinkError, match="it has no pump TC-0001, or talks without certificates"):
                await wand.__aenter__()
            await until(lambda: bench.log("refused")[-1]["why"] == "no hello came first")

    asyncio.run(attempt())


@pytest.mark.requirement("BEN-10")
@pytest.mark.parametrize("serial", ["TC-0009", "TC-00", "PUMP"])
def test_a_pump_that_is_not_there_is_nobody(clinic: BenchFolder, serial: str) -> None:
    """With certificates and without: the programmer is told, and the log says so."""

    async def attempt() -> None:
        async with unchanged(clinic) as bench:
            refused = len(bench.log("refused"))
            with pytest.raises(LinkError) as error:
                await bench.wand("nurse", serial).__aenter__()
            assert NO_PUMP.format(serial=serial) in str(error.value)
            await until(lambda: len(bench.log("refused")) > refused)
            assert bench.log("refused")[-1]["why"] == "did not ask for a pump of this bench by its name"
        async with unchanged(clinic, plain=True) as bench:
            with pytest.raises(LinkError) as error:
                await bench.wand("nurse", serial).__aenter__()
            assert f"refused by BEN-10: a session with {serial}. Allowed: one of the 2 pumps of this bench." in str(error.value)
            told = bench.log("refused")[-1]
            assert (told["client"], told["serial"]) == ("nurse", serial)

    asyncio.run(attempt())


@pytest.mark.parametrize("serial", ["", "tc-0001", "TC 0001", "é", "-", "T" * 17])
def test_what_is_no_serial_number_is_told_before_anybody_is_asked(serial: str) -> None:
    """No link is opened."""
    wand = Wand("127.0.0.1", 1, serial, context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    with pytest.raises(LinkError, match="is not spelled as a serial number is, such as TC-0001"):
        asyncio.run(wand.__aenter__())


@pytest.mark.requirement("BEN-10")
def test_a_pump_is_only_talked_to_by_its_own_certificate(clinic: BenchFolder) -> None:
    """Who asked for the certificate of one pump, or for none, and then says hello to another one, is refused."""

    async def attempt() -> None:
        async with unchanged(clinic) as bench:
            async with line(bench.where, tls(clinic.keys, "programmer-nurse"), pump_host("TC-0002")) as two:
                two.writer.write(hello("TC-0001"))
                (frame,) = await two.ends()
            refusal = said_in(frame, FrameType.REFUSAL)
            assert (refusal.rule, refusal.limit) == ("BEN-10", "the pump whose certificate was asked for")
            told = bench.log("refused")[-1]
            assert (told["client"], told["serial"]) == ("nurse", "TC-0001")
            nameless = tls(clinic.keys, "programmer-nurse")
            nameless.check_hostname = False
            with pytest.raises((ConnectionError, ssl.SSLError)):
                await line(bench.where, nameless, "").__aenter__()
            await until(lambda: bench.log("refused")[-1]["why"] == "did not ask for a pump of this bench by its name")

    asyncio.run(attempt())


@pytest.mark.requirement("BEN-10")
def test_a_programmer_that_means_one_pump_does_not_talk_to_another(clinic: BenchFolder) -> None:
    """A bench that shows the certificate of TC-0001 where TC-0002 was asked for is told apart, before anything is said."""

    async def attempt() -> None:
        heard: list[bytes] = []

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.append(await reader.read(1000))
            writer.close()

        listening = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=pump_context(clinic.keys, "TC-0001"))
        port = listening.sockets[0].getsockname()[1]
        with pytest.raises(LinkError) as error:
            await Wand("127.0.0.1", port, "TC-0002", context=tls(clinic.keys, "programmer-nurse")).__aenter__()
        why = "Hostname mismatch, certificate is not valid for 'tc-0002.pump.thecal'"
        trusted = "shows no certificate of TC-0002 that this programmer trusts"
        assert str(error.value) == f"127.0.0.1:{port} {trusted}: {why}. {LIST_ADVICE}"
        listening.close()
        assert b"".join(heard) == b""

    asyncio.run(attempt())


@pytest.mark.requirement("BEN-12")
def test_a_certificate_for_other_pumps_opens_no_session(clinic: BenchFolder) -> None:
    """And does with the pump that it names."""

    async def attempt() -> None:
        async with unchanged(clinic) as bench:
            with pytest.raises(LinkError) as error:
                await bench.wand("ward-two", "TC-0001").__aenter__()
            names = "Allowed: the pumps that its certificate names: TC-0002."
            assert f"refused by BEN-12: a session of ward-two with TC-0001. {names}" in str(error.value)
            assert "Take the programmer of that pump, or have a certificate issued for it" in str(error.value)
            told = bench.log("refused")[-1]
            assert (told["client"], told["serial"]) == ("ward-two", "TC-0001")
            assert "BEN-12" in told["why"]
            async with bench.wand("ward-two", "TC-0002") as allowed:
                assert allowed.welcome.serial == "TC-0002"
                assert allowed.welcome.permissions == ("may_interrogate", "may_program")

    asyncio.run(attempt())


@pytest.mark.requirement("BEN-11")
@pytest.mark.parametrize(
    ("who", "may", "must_not"),
    [
        ("reader", [Interrogate()], [BeginUpdate("x"), CancelBolus(), TestAlarm("critical")]),
        ("writer", [], [Interrogate(), ReadBack()]),
    ],
)
def test_a_certificate_permits_what_it_says(clinic: BenchFolder, who: str, may: list[Command], must_not: list[Command]) -> None:
    """Reading, programming, or both; what it does not permit never comes to the pump, and is logged."""

    async def attempt() -> None:
        async with serve(clinic, clock=Clock()) as bench, bench.wand(who) as wand:
            before = bench.pump()
            for number, command in enumerate(must_not, start=1):
                refused = await wand.say(Message("", number, command))
                assert isinstance(refused, Refused)
                assert (refused.refusal.rule, refused.refusal.asked) == ("BEN-11", f"{command.name} by {who}")
                assert "Take a programmer that may" in refused.refusal.advice
                assert bench.log("refused")[-1]["client"] == who
            assert bench.pump() == before
            for number, command in enumerate(may, start=1):
                assert isinstance(await wand.say(Message("", number, command)), Confirmed)

    asyncio.run(attempt())


@pytest.mark.requirement("BEN-14")
def test_a_revoked_certificate_opens_no_session_and_ends_one(clinic: BenchFolder) -> None:
    """From the moment it is revoked: also who is connected already is not answered any more, for nothing."""

    async def attempt() -> None:
        issue_programmer(clinic.keys, "doctor", PERMISSIONS, [], DAY, datetime.now(UTC))
        async with unchanged(clinic) as bench:
            with pytest.raises(LinkError, match=r"refused by BEN-14: a session of leaver.*Have a new certificate issued"):
                await bench.wand("leaver").__aenter__()
            assert bench.log("refused")[-1]["client"] == "leaver"
            async with bench.wand("doctor") as wand:
                revoke(clinic.keys, "doctor")
                for number, command in enumerate(ALL, start=1):
                    refused = await wand.say(Message("", number, command))
                    assert isinstance(refused, Refused)
                    assert refused.refusal.rule == "BEN-14"

    asyncio.run(attempt())


ALL: list[Command] = [Interrogate(), BeginUpdate("x"), ReadBack()]
NAMELESS = ("a/b", "a b", "n" * 41, "\x1b[2J", "x" * 60_000)


@pytest.mark.requirement("BEN-16")
@pytest.mark.parametrize("name", NAMELESS)
def test_a_programmer_has_a_name_that_can_stand_in_a_log(clinic: BenchFolder, name: str) -> None:
    """Where no certificate says it either: nobody speaks in the session of another by a name with a slash in it."""

    async def attempt() -> None:
        async with unchanged(clinic, plain=True) as bench, line(bench.where) as stranger:
            stranger.writer.write(hello(programmer=name))
            (frame,) = await stranger.ends()
            assert said_in(frame, FrameType.REFUSAL).rule == "BEN-16"

    asyncio.run(attempt())


def test_a_serial_number_of_any_length_is_answered(clinic: BenchFolder) -> None:
    """With a refusal that fits into a frame."""

    async def attempt() -> None:
        async with unchanged(clinic, plain=True) as bench, line(bench.where) as stranger:
            stranger.writer.write(hello("T" * 60_000))
            (frame,) = await stranger.ends()
            assert said_in(frame, FrameType.REFUSAL).asked == f"a session with {'T' * 40}"

    asyncio.run(attempt())
