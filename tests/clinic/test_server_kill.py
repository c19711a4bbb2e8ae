"""The server is killed while people write: what a page acknowledged is there, nothing is there by half, the chains verify."""

import contextlib
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import httpx2
import pytest

from tests.cli.serving import serving
from tests.clinic.practice import PASSWORD, Clock, admit, new_practice
from tests.web.visitor import hidden
from thecal.chart.facts import Noted
from thecal.clinic.practice import Practice
from thecal.clinic.record import verify
from thecal.timeline import Instant

KILLS = 20
WRITERS = 3


def signed_in(address: str, name: str) -> httpx2.Cookies:
    """A session, which outlives the server."""
    with httpx2.Client(base_url=address, follow_redirects=True) as client:
        page = client.get("/sign-in")
        fields = {"pre": hidden(page.text, "pre"), "name": name, "password": PASSWORD, "back": "/worklist"}
        assert client.post("/sign-in", data=fields).url.path == "/worklist"
        return client.cookies


@dataclass(slots=True)
class Writer:
    """Somebody who writes notes in one chart: how many were sent, and which of them a page acknowledged."""

    stream: str
    sent: int = 0
    told: list[str] = field(default_factory=list)

    def write(self, address: str, cookies: httpx2.Cookies, stop: Event) -> None:
        """Write until the server is gone."""
        path = f"/chart/{self.stream}/record"
        with httpx2.Client(base_url=address, cookies=cookies, timeout=20) as client, contextlib.suppress(httpx2.TransportError):
            while not stop.is_set():
                page = client.get(f"{path}?kind=note")
                fields = {name: hidden(page.text, name) for name in ("csrf", "once", "seen")}
                self.sent += 1
                text = f"note {self.sent} of {self.stream}"
                answer = client.post(path, data={**fields, "kind": "note", "text": text})
                assert answer.status_code == 303, answer.text
                self.told.append(text)


def notes(practice: Practice, stream: str) -> list[str]:
    """The notes that a chart holds."""
    with practice.reading() as reading:
        assert {head.version for head in verify(reading.connection) if head.stream == stream} == {reading.history(stream).version}
        return [fact.text for fact in reading.history(stream).all(Noted)]


@pytest.mark.long
def test_a_server_that_is_killed_has_lost_nothing_that_it_acknowledged(url: str, tmp_path: Path) -> None:
    """Twenty times, with three who write; a session lives on, and the next start goes on where the last one stopped."""
    chance = random.Random(20)
    clock = Clock(Instant(int(time.time())))
    practice = new_practice(url, tmp_path, clock)
    writers = [Writer(admit(practice, f"Ada {number}")) for number in range(WRITERS)]
    cookies: httpx2.Cookies | None = None

    def acknowledged() -> int:
        return sum(len(writer.told) for writer in writers)

    for _ in range(KILLS):
        with serving("--data", tmp_path, "--database", url) as server, ThreadPoolExecutor(WRITERS) as pool:
            cookies = cookies or signed_in(server.address, "nora")
            stop, before, deadline = Event(), acknowledged(), time.monotonic() + 60
            work = [pool.submit(writer.write, server.address, cookies, stop) for writer in writers]
            while acknowledged() < before + WRITERS and time.monotonic() < deadline:
                time.sleep(0.01)
            time.sleep(chance.random() * 0.2)
            server.kill()
            stop.set()
            for writing in work:
                writing.result()
        assert acknowledged() >= before + WRITERS
        for writer in writers:
            found = notes(practice, writer.stream)
            assert [note for note in found if note in writer.told] == writer.told
            assert len(set(found)) == len(found) <= writer.sent
    practice.database.close()
