"""How a programmer comes to a pump: where the bench listens, by which key, over which link; and its desk once it is there."""

import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Literal
from zoneinfo import ZoneInfo

from thecal.bench.bad_link import BadLink
from thecal.bench.bench_folder import BenchError, BenchFolder
from thecal.bench.desk import Desk
from thecal.bench.keys import programmer_context, programmers
from thecal.bench.patient_charts import add_facts, read_chart
from thecal.bench.wand import LinkError, Wand
from thecal.bench.wire import Notice
from thecal.chart.chart import Chart
from thecal.chart.facts import Fact, Implanted, Revised
from thecal.chart.line_ledger import line_ledger
from thecal.cli.bench_dir import advised
from thecal.errors import InputError, Refusal
from thecal.programmer.printout import Printout, printout
from thecal.quantity import Volume
from thecal.report.document import json_text
from thecal.report.printout import Heading, printout_document, printout_lines, printout_page
from thecal.report.programmer import Interrogation, interrogation_document, interrogation_lines, interrogation_page
from thecal.report.tables import Line
from thecal.timeline import Instant

Form = Literal["text", "html", "json"]
DEFAULT_NAME = "clinic"
_APART_MAX_S = 60  # as far as a bench in real time may begin ahead of the clock


@dataclass(frozen=True, slots=True)
class Reach:
    """What is needed to talk to one pump: the folder of its chart, the address, the programmer's TLS (None: plain), the link."""

    folder: BenchFolder
    serial: str
    host: str
    port: int
    name: str
    context: ssl.SSLContext | None
    link: BadLink
    zone: ZoneInfo

    @property
    def again(self) -> str:
        """The command that interrogates the pump."""
        return advised(f"programmer {self.serial}", self.folder.path)

    @asynccontextmanager
    async def open(self, heed: Callable[[Notice], None]) -> AsyncIterator[Desk]:
        """A desk at the pump, until it is left. Raises LinkError, JournalError, OSError."""
        link = Wand(
            self.host,
            self.port,
            self.serial,
            context=self.context,
            programmer=self.name,
            link=self.link,
            heed=heed,
        )
        async with link as wand:
            yield Desk(wand, read_chart(self.folder, self.serial), self.write_down)

    def write_down(self, facts: tuple[Fact, ...]) -> Chart:
        """Keep facts in the pump's chart, after what somebody else may just have written there. Raises JournalError, OSError."""
        try:
            return add_facts(self.folder, self.serial, facts)
        except ValueError:  # they are of before that, and a chart never goes back
            latest = read_chart(self.folder, self.serial).facts[-1].at
            return add_facts(self.folder, self.serial, tuple(replace(fact, at=max(fact.at, latest)) for fact in facts))

    async def read(self, desk: Desk) -> Refusal | None:
        """Interrogate, beside the chart as it is now. Raises LinkError where no answer comes."""
        desk.chart = read_chart(self.folder, self.serial)  # a needle may have been written down since
        refusal = await desk.interrogate()
        if refusal is None and desk.unanswered:
            said = f"{self.serial} did not answer ({desk.unanswered}); an interrogation changes nothing"
            raise LinkError(f"{said}. Interrogate again: {self.again}")
        return refusal

    def check_clocks(self, now: Instant, *, real_time: bool) -> None:
        """Nobody programs by a clock that is wrong: whose it is, they have to find out. Raises InputError with both times."""
        here = Instant(int(time.time()))
        if not real_time or abs(now.s - here.s) <= _APART_MAX_S:
            return
        apart = Instant(max(now.s, here.s)) - Instant(min(now.s, here.s))
        problem = (
            f"is the time of this machine, and the bench says {now.local_text(self.zone)}, {apart} apart: what is programmed by "
            "one clock would run by the other. Set the clock that is wrong and begin again; reading is allowed"
        )
        raise InputError("clock", here.local_text(self.zone), problem, accepted=(f"clocks at most {_APART_MAX_S} s apart",))

    def heading(self, desk: Desk) -> Heading:
        """What stands over a printout."""
        title = f"virtual pump {self.serial} of the bench {self.folder.path}, by {desk.wand.welcome.programmer}"
        device = f"{desk.wand.sheet.name}, {_catheter(desk.chart)}"
        return Heading(title, None, device, desk.now, self.zone, desk.session.name, version("thecal"))

    def said(self, desk: Desk) -> Interrogation:
        """What the pump said last."""
        assert desk.session.report is not None  # it was read
        return Interrogation(desk.session.report, desk.chart, desk.wand.sheet, desk.session.policy)

    def printed(self, desk: Desk) -> Printout | None:
        """The printout of the session's review; None where only the pump was read."""
        return printout(desk.session, self.zone) if desk.session.review else None

    def lines(self, desk: Desk) -> Iterator[Line]:
        """The record of the session, or what the pump said, as text."""
        heading, printed = self.heading(desk), self.printed(desk)
        return printout_lines(heading, printed) if printed else interrogation_lines(heading, self.said(desk))

    def form(self, desk: Desk, kind: Form) -> str:
        """The same as a file of a kind."""
        heading, printed = self.heading(desk), self.printed(desk)
        if kind == "text":
            return "".join(f"{line.text}\n" for line in self.lines(desk))
        if kind == "html":
            return printout_page(heading, printed) if printed else interrogation_page(heading, self.said(desk))
        if printed:
            return json_text(printout_document(heading, desk.session, printed, None, None))
        return json_text(interrogation_document(heading, self.said(desk)))


def reach(
    folder: BenchFolder, serial: str, name: str | None, host: str | None, port: int | None, link: BadLink, zone: ZoneInfo
) -> Reach:
    """Where a pump is to be reached, and by which key. Raises InputError, BenchError, OSError."""
    where = folder.listening()
    if host is None:
        if folder.serials():
            folder.check_serial(serial, "SERIAL")
        if where is None:
            raise BenchError(f"no bench serves {folder.path}. Start one with: {advised('bench start', folder.path)}")
    if host is not None and port is None and where is None:
        raise InputError("--port", "", f"is missing: no bench of {folder.path} says where it listens")
    plain = where is not None and where.plain
    key = _key(folder, name, plain=plain)
    context = None if plain else programmer_context(folder.keys, key)
    return Reach(
        folder=folder,
        serial=serial,
        host=host or (where.host if where else ""),
        port=port or (where.port if where else 0),
        name=key,
        context=context,
        link=link,
        zone=zone,
    )


def _key(folder: BenchFolder, name: str | None, *, plain: bool) -> str:
    """The programmer that was asked for; or the only one that has a key here, or the usual one."""
    known = [] if plain else programmers(folder.keys)
    return name or (known[0] if len(known) == 1 else DEFAULT_NAME)


def _catheter(chart: Chart) -> str:
    placed = next((fact for fact in reversed(chart.facts) if isinstance(fact, Implanted | Revised)), None)
    ledger = line_ledger(chart)
    if placed is None or ledger is None:
        return "no implant on record"
    return f"{placed.catheter} at {placed.tip_level}, dead volume {Volume(ledger.line.volume_nl)}"


def pace_words(desk: Desk) -> str:
    """How the time of the bench passes, as people say it."""
    times, per = desk.wand.welcome.speed
    speed = "in real time" if times == per else f"{times / per:,g} times as fast as the clock"
    return f"the bench runs {speed}; this machine's clock says {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
