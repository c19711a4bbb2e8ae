"""The pages of a clinic as browsers ask for them: over HTTP, from a server in a process of its own, by twenty people at once.

Each has an address and a session of their own. Measured twice: with the seconds that people look at a page before they ask for
the next one, and without any, which is as much as the server can do.
"""

import re
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from html import unescape
from http.client import HTTPConnection
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from urllib.parse import urlencode

import uvicorn

from thecal.bench.start import listening_at
from thecal.clinic.account import Account, make_account
from thecal.clinic.database import Database
from thecal.clinic.practice import Practice
from thecal.timeline import Instant
from thecal.web.app import make_app

USERS, LOOKS_S, ASKED, CHARTS, VISITS = 20, 2.0, 25, 60, 40
"""So many people, the seconds each looks at a page, how often each asks, the charts that are opened, the visits written."""
_WAIT_S = 60
_HIDDEN = re.compile(r'name="(\w+)" value="([^"]*)"')
_PASSWORD = "correct horse battery"  # noqa: S105  # of the accounts of the benchmark


def measure_pages(practice: Practice, streams: list[str]) -> dict[str, object]:
    """Milliseconds of the worklist, of a chart and of a note that is written; and the pages a second without looking at any."""
    with practice.database.writing() as connection:
        for number in range(USERS):
            account = Account(f"user{number}", f"User {number}", "nurse", administrator=number == 0)
            make_account(connection, account, _PASSWORD, practice.now)
    with _served(practice) as port:
        people = [_Person(port, number) for number in range(USERS)]
        lists = ["/worklist", "/worklist?page=7", "/worklist?kind=refill"]
        looking = _together(people, lambda person, n: person.get(lists[n % 3]), LOOKS_S)
        began = time.perf_counter()
        driven = _together(people, lambda person, n: person.get(lists[n % 3]), 0)
        driven_s = time.perf_counter() - began
        first, again = [], []
        for stream in streams[: len(streams) // CHARTS * CHARTS : max(len(streams) // CHARTS, 1)][:CHARTS]:
            first.append(people[0].get(f"/chart/{stream}"))
            again.append(people[0].get(f"/chart/{stream}"))
        some = [streams[(number * 37) % len(streams)] for number in range(USERS * ASKED)]
        charts = _together(people, lambda person, n: person.get(f"/chart/{some[n]}"), LOOKS_S)
        notes = [people[0].note(streams[(number * 101) % len(streams)]) for number in range(VISITS)]
        for person in people:
            person.close()
    return {
        f"worklist_of_{USERS}_who_look_{LOOKS_S:g}_s": spread(looking),
        f"worklist_of_{USERS}_who_never_look": {**spread(driven), "pages_per_s": round(len(driven) / driven_s, 1)},
        "chart_opened_first": spread(first),
        "chart_opened_again": spread(again),
        f"chart_of_{USERS}_who_look_{LOOKS_S:g}_s": spread(charts),
        "note_written": spread(notes),
    }


def spread(seconds: list[float]) -> dict[str, float]:
    """The median and the 95th percentile, in milliseconds."""
    return {
        "p50_ms": round(statistics.median(seconds) * 1000, 2),
        "p95_ms": round(statistics.quantiles(seconds, n=20, method="inclusive")[-1] * 1000, 2),
    }


def _together(people: list["_Person"], ask: Callable[["_Person", int], float], looks_s: float) -> list[float]:
    """Seconds of every page, when all ask at once, each again after a look."""

    def one(number: int) -> list[float]:
        time.sleep(looks_s * number / len(people))
        found = []
        for turn in range(ASKED):
            found.append(ask(people[number], number * ASKED + turn))
            time.sleep(max(looks_s - found[-1], 0))
        return found

    with ThreadPoolExecutor(len(people)) as threads:
        return [seconds for found in threads.map(one, range(len(people))) for seconds in found]


class _Person:
    """Somebody at a browser with an address of their own, signed in."""

    def __init__(self, port: int, number: int) -> None:
        self.link = HTTPConnection("127.0.0.1", port, source_address=(f"127.0.1.{number + 1}", 0), timeout=_WAIT_S)
        self.cookie = ""
        fields = dict(_HIDDEN.findall(self._asked("GET", "/sign-in")[1]))
        self._asked("POST", "/sign-in", {**fields, "name": f"user{number}", "password": _PASSWORD, "back": "/worklist"})

    def get(self, path: str) -> float:
        """Seconds of a page."""
        began = time.perf_counter()
        status, _ = self._asked("GET", path)
        seconds = time.perf_counter() - began
        assert status == 200, f"{path}: {status}"
        return seconds

    def note(self, stream: str) -> float:
        """Seconds of a note: sent, written with the standing and the audit, and answered."""
        path = f"/chart/{stream}/record"
        fields = {name: unescape(value) for name, value in _HIDDEN.findall(self._asked("GET", f"{path}?kind=note")[1])}
        began = time.perf_counter()
        status, _ = self._asked("POST", path, {**fields, "kind": "note", "text": "in order"})
        seconds = time.perf_counter() - began
        assert status == 303, f"{path}: {status}"
        return seconds

    def close(self) -> None:
        """End the connection."""
        self.link.close()

    def _asked(self, method: str, path: str, fields: dict[str, str] | None = None) -> tuple[int, str]:
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if fields else {}
        self.link.request(method, path, urlencode(fields) if fields else None, {**headers, "Cookie": self.cookie})
        answer = self.link.getresponse()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie" and not value.startswith(("thecal_said", 'thecal_pre=""')):
                self.cookie = value.partition(";")[0]
        return answer.status, answer.read().decode()


@contextmanager
def _served(practice: Practice) -> Iterator[int]:
    """The port of a server of a clinic, in a process of its own, whose clock goes on from that of the clinic."""
    processes = get_context("spawn")
    here, there = processes.Pipe()
    process = processes.Process(target=_serve, args=(practice.database.url, practice.folder, practice.now, there))
    process.start()
    try:
        assert here.poll(_WAIT_S)
        yield here.recv()
    finally:
        process.terminate()
        process.join(_WAIT_S)


def _serve(url: str, folder: Path, now: Instant, told: Connection) -> None:
    began = time.monotonic()
    practice = Practice(Database(url), folder, lambda: Instant(now.s + int(time.monotonic() - began)))
    listener = listening_at("127.0.0.1", 0)
    told.send(listener.getsockname()[1])
    uvicorn.Server(uvicorn.Config(make_app(practice), log_level="warning", access_log=False, timeout_keep_alive=75)).run(
        sockets=[listener]
    )
