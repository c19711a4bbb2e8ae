"""The read models worked out anew from the record: by several processes where there are many charts, written by one.

Each chart is a transaction of its own, so that a rebuild can be stopped and run again. Who writes into a chart meanwhile is not
overtaken: a standing of an older version than the record's is worked out once more.
"""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, select

from thecal.clinic.archive import Told, untold
from thecal.clinic.database import Database
from thecal.clinic.practice import CHART, Practice, Reading
from thecal.clinic.record import streams, version_of
from thecal.clinic.schema import item, standing
from thecal.clinic.standing import Standing, keep, outdated
from thecal.therapy.clinic import Clinic
from thecal.timeline import Instant

MANY = 300
"""From so many charts on, processes are worth their start."""
_AT_ONCE = 16


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
    with _worked_out(practice, wanted, many) as found_ones:
        for number, found in enumerate(found_ones, start=1):
            with practice.database.writing() as connection:
                practice.database.hold(connection, found.stream)
                if version_of(connection, found.stream) != found.version:
                    found = Reading(practice, connection).standing(found.stream)  # noqa: PLW2901  # somebody wrote meanwhile
                before = _rows_kept(connection, found.stream)
                keep(connection, found)
                if _rows_kept(connection, found.stream) != before:
                    changed[found.stream] = _how_it_was(before, found)
            told("rebuilding", number, len(wanted))
    return changed


@contextmanager
def _worked_out(practice: Practice, wanted: list[str], many: int) -> Iterator[Iterable[Standing]]:
    """The standings of charts, in their order, one by one or by several processes."""
    workers = os.cpu_count() or 1
    if len(wanted) < many or workers == 1:
        yield _each(practice, wanted)
        return
    own = practice.settings
    settings = replace(own, limits=dict(own.limits), switches=dict(own.switches))  # read-only mappings do not travel
    given = (practice.database.url, practice.folder, settings, practice.now)
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _open, given)
    try:
        yield pool.map(_standing, wanted, chunksize=_AT_ONCE)
    finally:
        pool.shutdown(cancel_futures=True)


def _each(practice: Practice, wanted: list[str]) -> Iterator[Standing]:
    for stream in wanted:
        with practice.reading() as reading:
            found = reading.standing(stream)
        yield found


_WORKER: dict[str, Practice] = {}
"""The clinic of a worker process."""


def _open(url: str, folder: Path, settings: Clinic, now: Instant) -> None:
    _WORKER["practice"] = Practice(Database(url), folder, lambda: now, settings)


def _standing(stream: str) -> Standing:
    with _WORKER["practice"].reading() as reading:
        return reading.standing(stream)


Kept = tuple[Any, list[Any]]


def _rows_kept(connection: Connection, stream: str) -> Kept:
    """What is kept of the standing of a chart: its own row, and those of its items."""
    own = connection.execute(select(standing).where(standing.c.stream == stream)).one_or_none()
    items = connection.execute(select(item).where(item.c.stream == stream).order_by(item.c.name)).all()
    return own, list(items)


def _how_it_was(before: Kept, found: Standing) -> str:
    own, _ = before
    if own is None:
        return "missing"
    if own.version != found.version:
        return f"of version {own.version}, not {found.version}"
    return f"of {own.day}" if own.day != found.day else "other than the record says now"
