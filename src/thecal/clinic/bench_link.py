"""The virtual pumps that a clinic can reach: those of a bench on this machine. A real implant is never reached from here."""

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from thecal.bench.bench_folder import BenchFolder
from thecal.bench.control import DoNeedle, Happened, happened
from thecal.bench.desk import Desk
from thecal.bench.wand import LinkError, Wand
from thecal.chart.chart import Chart
from thecal.chart.facts import Fact
from thecal.errors import Refusal
from thecal.pump.messages import Procedure

NO_BENCH = "No bench runs here: virtual pumps cannot be reached. Enter what a printout says, or start the bench."


@dataclass(slots=True)
class BenchLink:
    """The bench of a folder. Its wands talk plainly, on this machine alone."""

    folder: BenchFolder
    _one: threading.Lock = field(default_factory=threading.Lock)

    def serials(self) -> frozenset[str]:
        """The pumps that can be reached now; none where no bench listens."""
        return frozenset(self.folder.serials()) if self.folder.listening() is not None else frozenset()

    @asynccontextmanager
    async def desk(self, serial: str, chart: Chart, write_down: Callable[[tuple[Fact, ...]], Chart]) -> AsyncIterator[Desk]:
        """A programmer at an open wand. Raises LinkError where the pump does not answer."""
        where = self.folder.listening()
        if where is None:
            raise LinkError(NO_BENCH)
        async with Wand(where.host, where.port, serial, context=None) as wand:
            yield Desk(wand, chart, write_down)

    def needle(self, serial: str, procedure: Procedure) -> Happened | Refusal:
        """Do with a needle to a virtual pump what was done. Raises BenchError."""
        with self._one:  # the control socket is found by a change of folder, which is the process's own
            return happened(self.folder, DoNeedle(serial, procedure))
