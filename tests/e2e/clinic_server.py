"""A clinic that is really served, for tests in a browser; its staff at browsers of their own; and a bench with virtual pumps."""

import contextlib
import json
import os
import re
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import uvicorn
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response

from tests.clinic.practice import PASSWORD, Clock, new_practice
from thecal.bench.bench_folder import BenchFolder
from thecal.bench.frame import Decoder, Frame, FrameType
from thecal.bench.new_pump import ready_pump
from thecal.bench.start import NewPump, open_shelf
from thecal.bench.virtual_pump import on_bench
from thecal.chart.clinical import Documented
from thecal.clinic.bench_link import BenchLink
from thecal.clinic.database import sqlite_url
from thecal.clinic.entry import DeviceRecorded, Entry
from thecal.clinic.people import add_person
from thecal.clinic.person import Person
from thecal.clinic.practice import By, Practice
from thecal.errors import Refusal
from thecal.pump.sheet import pump_sheet
from thecal.timeline import DAY_S, Instant
from thecal.web.app import make_app

_RUN = "from thecal.cli.main import main; main()"
_WAIT_S = 30.0
# A page that is answered with 4xx is said on the console by the browser itself; what a page does wrong is said in other words.
_ANSWERED = re.compile(r"Failed to load resource: the server responded with a status of 4\d\d")


class TrueClock(Clock):
    """The true time, which a bench keeps too."""

    def __call__(self) -> Instant:
        return Instant(int(time.time()))


@dataclass  # without slots: the browser's library keeps its handlers on it
class Reader:
    """Somebody at a browser of their own: what the browser asked for and said is kept."""

    context: BrowserContext
    page: Page
    address: str
    name: str = ""
    wrong: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        """Keep what is wrong with a page: a request that goes elsewhere, what is said on the console, what is missing."""
        page.set_default_timeout(15_000)
        page.on("request", lambda request: None if self._ours(request.url) else self.wrong.append(f"asked for {request.url}"))
        page.on("console", self._said)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("response", self._answered)

    def _ours(self, url: str) -> bool:
        return url.startswith((f"{self.address}/", "data:", "about:blank", "blob:"))

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not _ANSWERED.match(message.text):
            self.wrong.append(f"{message.type}: {message.text}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and not response.request.is_navigation_request():
            self.wrong.append(f"{response.status} for {response.url}")

    def sign_in(self) -> None:
        """Sign in at the page for it, and stand before the worklist."""
        self.go("/sign-in")
        self.page.get_by_label("Name").fill(self.name)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.press("Sign in")
        self.page.wait_for_url("**/worklist")

    def go(self, path: str) -> int:
        """Open an address of the clinic; the status it is answered with."""
        answer = self.page.goto(f"{self.address}{path}")
        assert answer is not None
        return answer.status

    def press(self, name: str, nth: int = 0) -> None:
        """Press a button by what stands on it, and wait for the page that comes of it."""
        button = self.page.get_by_role("button", name=name, exact=True)
        with self.page.expect_navigation():
            button.nth(nth).click()

    def follow(self, name: str) -> None:
        """Follow a link by its words, and wait for the page that comes of it."""
        link = self.page.get_by_role("link", name=name, exact=True).first
        with self.page.expect_navigation():
            link.click()

    @property
    def words(self) -> str:
        """What the page says, as a person reads it."""
        return " ".join(self.page.locator("body").inner_text().split())


@dataclass(slots=True)
class Served:
    """A clinic that is served, and its clock, which stands still unless a pump is on the bench.

    ``as_`` signs somebody in at a browser of their own; "" is a visitor who is not signed in. ``streams`` are the charts of those
    with a virtual pump, by its serial number.
    """

    practice: Practice
    address: str
    clock: Clock
    as_: Callable[..., Reader]
    streams: dict[str, str] = field(default_factory=dict)
    bench: BenchFolder | None = None


@contextmanager
def served(browser: Browser, folder: Path, *, pumps: dict[str, int] | None = None) -> Iterator[Served]:
    """Serve a clinic of the tests' staff. Of ``pumps``, each serial number is on a real bench, filled so many days ago.

    With pumps the clinic's clock is the true time; without any it stands still (``tests.clinic.practice.Clock``).
    """
    clock = Clock()
    practice = new_practice(sqlite_url(folder / "clinic.db"), folder, TrueClock() if pumps else clock)
    bench = BenchFolder(folder / "bench") if pumps else None
    streams: dict[str, str] = {}
    if pumps and bench is not None:
        streams = put_on_bench(practice, bench, pumps)
        practice.bench = BenchLink(bench)
    with contextlib.ExitStack() as stack:
        if bench is not None:
            stack.enter_context(bench_at_work(bench))
        address = stack.enter_context(at_port(practice))
        opened: list[Reader] = []

        def as_(name: str = "", width: int = 1280, scheme: Literal["light", "dark"] = "light") -> Reader:
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
            stack.callback(context.close)
            reader = Reader(context, context.new_page(), address, name)
            reader.watch(reader.page)
            context.on("page", reader.watch)
            opened.append(reader)
            if name:
                reader.sign_in()
            return reader

        yield Served(practice, address, clock, as_, streams, bench)
        wrong = [f"{reader.name}: {found}" for reader in opened for found in reader.wrong]
        assert wrong == [], "\n".join(wrong)
    practice.database.close()


@contextmanager
def at_port(practice: Practice, first_key: str = "") -> Iterator[str]:
    """The address at which the pages are served. With ``first_key`` the first account can be made."""
    app = make_app(practice)
    app.state.first_key = first_key
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


def put_on_bench(practice: Practice, bench: BenchFolder, pumps: dict[str, int]) -> dict[str, str]:
    """People with a virtual pump each, by its serial number, which was filled so many days ago and a week; their charts."""
    bench.make()
    streams: dict[str, str] = {}
    new: list[NewPump] = []
    for serial, days in pumps.items():
        begin = Instant(practice.now.s - days * DAY_S)
        made = ready_pump(pump_sheet("synchromed-ii-40"), begin)
        assert not isinstance(made, Refusal)
        device = DeviceRecorded(begin, "synchromed-ii-40", serial, access_port=True)
        with practice.database.writing() as connection:
            stream = streams[serial] = add_person(connection, Person(f"Vera {serial}", number=serial, phone="555-0112"))
            entries = (*made.facts, device, Documented(begin, "device record"))
            practice.write_with(connection, stream, 0, entries, By("nora"), "wrote down a course")
        new.append(NewPump(on_bench(serial, made.state), ()))
    open_shelf(bench, lambda _: new)
    return streams


@contextmanager
def bench_at_work(bench: BenchFolder) -> Iterator["subprocess.Popen[bytes]"]:
    """The bench of a folder as a process of its own, which listens."""
    command = [sys.executable, "-P", "-c", _RUN, "bench", "start", "--dir", str(bench.path), "--plain"]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=dict(os.environ), start_new_session=True)
    try:
        deadline = time.monotonic() + _WAIT_S
        while bench.listening() is None:
            assert child.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield child
    finally:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(10)
        if child.poll() is None:
            child.kill()
            child.wait()


def written(practice: Practice, stream: str) -> list[Entry]:
    """What counts of a chart."""
    with practice.reading() as reading:
        return [row.entry for row in reading.history(stream).standing]


@contextmanager
def cut_at_command(bench: BenchFolder, number: int) -> Iterator[None]:
    """A link between clinic and bench that hands on so many commands of a session and is cut before the answer to the last."""
    where = bench.listening()
    assert where is not None
    place = bench.path / "listening.json"
    true = place.read_text(encoding="ascii")
    with socket.create_server((where.host, 0)) as door:
        thread = threading.Thread(target=_cut, args=(door, (where.host, where.port), number), daemon=True)
        thread.start()
        place.write_text(json.dumps({**json.loads(true), "port": door.getsockname()[1]}), encoding="ascii")
        try:
            yield
        finally:
            place.write_text(true, encoding="ascii")
            door.shutdown(socket.SHUT_RDWR)
            thread.join(10)
    assert not thread.is_alive()


def _cut(door: socket.socket, bench: tuple[str, int], number: int) -> None:
    """Serve one link after the other until the door is closed."""
    while True:
        try:
            near, _ = door.accept()
        except OSError:
            return
        with near, socket.create_connection(bench) as far:
            decoder, commands = Decoder(), 0
            while commands < number:
                ready, _, _ = select.select([near, far], [], [], _WAIT_S)
                raw = ready[0].recv(65_536) if ready else b""
                if not raw:
                    break
                (far if ready[0] is near else near).sendall(raw)
                if ready[0] is near:
                    found = decoder.feed(raw)
                    commands += sum(isinstance(each, Frame) and each.type == FrameType.COMMAND for each in found)
            else:
                far.recv(65_536)  # the pump has heard it; nobody hears what it says
