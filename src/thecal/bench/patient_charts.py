"""The charts of the pumps on a bench: what people did and saw. They are the clinic's, not the pump's.

A chart is a row of segments as a pump's journal has them, one for each time that facts were written down.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from thecal.bench.bench_folder import BenchFolder
from thecal.bench.codec import read, written
from thecal.bench.folder import Folder, RealFolder
from thecal.bench.journal import DamagedJournalError, read_segment, segments, write_segment
from thecal.chart.chart import Chart
from thecal.chart.facts import Fact

_FACTS = tuple[Fact, ...]


def read_chart(folder: BenchFolder, serial: str) -> Chart:
    """What is known of a pump. Raises JournalError, OSError."""
    with _kept(folder, serial) as place:
        return _chart(place)


def add_facts(folder: BenchFolder, serial: str, facts: tuple[Fact, ...]) -> Chart:
    """Write facts down, durably and all of them or none; the chart with them.

    Raises JournalError, OSError, and ValueError for facts before those that are there.
    """
    with _kept(folder, serial) as place:
        chart = _chart(place).after(*facts)
        write_segment(place, len(segments(place)) + 1, {"facts": written(facts, _FACTS)})
        return chart


def begin_chart(place: Folder, facts: tuple[Fact, ...]) -> None:
    """Write down what is known of a new pump, in a folder that holds nothing yet. Raises JournalError."""
    write_segment(place, 1, {"facts": written(facts, _FACTS)})


def _chart(place: RealFolder) -> Chart:
    facts: list[Fact] = []
    for number, generation in enumerate(segments(place), start=1):
        if number != generation:
            raise DamagedJournalError(f"{place.path}: what was written down {number}. is missing; bring it back from a copy")
        facts.extend(read(_FACTS, read_segment(place, generation).state["facts"], "facts"))
    return Chart().after(*facts)


@contextmanager
def _kept(folder: BenchFolder, serial: str) -> Iterator[RealFolder]:
    """The folder of a chart, held by one process at a time."""
    path = folder.charts / serial
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    place = RealFolder(path)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield place
    finally:
        place.close()
        os.close(handle)
