"""The read models worked out anew from the record: by several processes where there are many charts.

Each chart is written in a transaction of its own, so that a rebuild can be stopped and run again. Who writes into a chart
meanwhile is not overtaken: where its version or what is kept of it is another than was read, it is worked out once more.
"""

import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from multiprocessing import get_context
from operator import itemgetter
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, select

from thecal.clinic.archive import Told, untold
from thecal.clinic.database import Database
from thecal.clinic.garbage import looked_for_seldom
from thecal.clinic.histories import Histories
from thecal.clinic.practice import CHART, Practice, Reading
from thecal.clinic.record import streams, version_of
from thecal.clinic.schema import item, standing
from thecal.clinic.standing import Standing, keep, outdated, rows_of
from thecal.therapy.clinic import Clinic
from thecal.timeline import Instant

MANY = 300
"""From so many charts on, processes are worth their start."""
_AT_ONCE = 16
_PROCESSES_MAX = 4
"""A database with one writer is not kept busy by more."""


Kept = dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many charts were worked out anew, and what those standings were that are another now, by stream."""

    charts: int
    changed: dict[str, str]


def rebuild(practice: Practice, told: Told = untold, *, many: int = MANY) -> Rebuilt:
    """Work out every standing anew from the record. Each chart is a transaction of its own: stopped, it is run again.

    A standing may have become another without a new entry: with the day, the hour, a certificate, a field action. From ``many``
    charts on, every processor works.
    """
    with practice.database.reading() as connection:
        wanted = streams(connection, CHART)
        lost = set(connection.execute(select(standing.c.stream)).scalars()) - set(wanted)
    changed = _rebuilt(practice, wanted, told, many)
    for stream in sorted(lost):
        with practice.database.writing() as connection:
            for table in (item, standing):
                connection.execute(delete(table).where(table.c.stream == stream))
        changed[stream] = "of a chart that has no entry"
    return Rebuilt(len(wanted), changed)


def rebuild_outdated(practice: Practice) -> int:
    """Work out the standings of another day anew; how many there were."""
    today = practice.now.date(practice.office().zone).isoformat()
    with practice.database.reading() as connection:
        wanted = outdated(connection, today)
    _rebuilt(practice, wanted, untold, MANY)
    return len(wanted)


def _rebuilt(practice: Practice, wanted: list[str], told: Told, many: int) -> dict[str, str]:
    """Put the standings of charts in the place of those that were there; what those were that are another now."""
    changed = {}
    with _renewed_by_all(practice, wanted, many) as renewed:
        for number, (stream, was) in enumerate(renewed, start=1):
            if was:
                changed[stream] = was
            told("rebuilding", number, len(wanted))
    return changed


def _renewed(practice: Practice, streams: list[str]) -> Iterator[tuple[str, str]]:
    """Each chart, and what its standing was if it is another now; nothing is written where it is the same."""
    found_ones = []
    with practice.reading() as reading:
        for stream in streams:
            found = reading.standing(stream)
            kept = _kept(reading.connection, stream)
            found_ones.append((found, kept, _was(reading.connection, found, kept)))
    for found, kept, was in found_ones:
        if was:
            _put(practice, found, kept)
        yield found.stream, was


def _kept(connection: Connection, stream: str) -> Kept:
    """The row that is kept of a standing, which holds all of it."""
    row = connection.execute(select(standing).where(standing.c.stream == stream)).mappings().one_or_none()
    return dict(row) if row is not None else None


def _was(connection: Connection, found: Standing, kept: Kept) -> str:
    """What a standing was in the state of the database of which it was worked out; empty if it is the same."""
    own, items = rows_of(found)
    if kept is None:
        return "missing"
    kept_items = connection.execute(select(item).where(item.c.stream == found.stream)).mappings().all()
    if kept == own and sorted(kept_items, key=_named) == sorted(items, key=_named):
        return ""
    if kept["version"] != found.version:
        return f"of version {kept['version']}, not {found.version}"
    return f"of {kept['day']}" if kept["day"] != found.day else "other than the record says now"


_named = itemgetter("name")


def _put(practice: Practice, found: Standing, kept: Kept) -> None:
    """Keep a standing, unless somebody has written into the chart or worked it out since: then the one of this moment."""
    with practice.database.writing() as connection:
        practice.database.hold(connection, found.stream)
        late = version_of(connection, found.stream) != found.version or _kept(connection, found.stream) != kept
        keep(connection, Reading(practice, connection).standing(found.stream) if late else found)


@contextmanager
def _renewed_by_all(practice: Practice, wanted: list[str], many: int) -> Iterator[Iterable[tuple[str, str]]]:
    """What ``_renewed`` says of charts, in their order: one by one, or by several processes that write in turn."""
    workers = min(os.cpu_count() or 1, _PROCESSES_MAX)
    if len(wanted) < many or workers == 1:
        yield chain.from_iterable(_renewed(practice, [stream]) for stream in wanted)
        return
    own = practice.settings
    settings = replace(own, limits=dict(own.limits), switches=dict(own.switches))  # read-only mappings do not travel
    given = (practice.database.url, practice.folder, settings, practice.now, time.time())
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _open, given)
    some = [wanted[n : n + _AT_ONCE] for n in range(0, len(wanted), _AT_ONCE)]
    try:
        yield chain.from_iterable(pool.map(_renewed_here, some))
    finally:
        pool.shutdown(cancel_futures=True)


_WORKER: dict[str, Practice] = {}
"""The clinic of a worker process."""
_LASTING = ExitStack()
"""What holds in a worker process to its end."""


def _open(url: str, folder: Path, settings: Clinic, now: Instant, began: float) -> None:
    def clock() -> Instant:  # goes on: what is written down meanwhile has happened
        return Instant(now.s + max(int(time.time() - began), 0))

    practice = _WORKER["practice"] = Practice(Database(url), folder, clock, settings)
    practice.histories = Histories(2)  # no chart is read twice
    _LASTING.enter_context(looked_for_seldom())


def _renewed_here(streams: list[str]) -> list[tuple[str, str]]:
    return list(_renewed(_WORKER["practice"], streams))
