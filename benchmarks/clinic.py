"""A clinic, measured on both databases: charts of ten years, written, looked at, listed, served, archived and restored.

And the start of the demonstration, which is the same on any database.

    python -m benchmarks.clinic                             200 charts
    python -m benchmarks.clinic --charts 5000               a large clinic: some twenty minutes for each database
    python -m benchmarks.clinic --charts 5000 --on sqlite

A few courses are made by the twin, then written under other pseudonyms by the record's own code. PostgreSQL is that of its wheel,
on this machine, or the server that THECAL_TEST_POSTGRES names.
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import fields, replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, TypeVar, get_type_hints
from urllib.parse import urlsplit

from sqlalchemy import select

from benchmarks.pages import LOOKS_S, USERS, measure_pages, spread
from benchmarks.rules import START, history
from tests.postgres import new_database, postgres_url
from thecal.chart.clinical import Visited
from thecal.chart.facts import Fact, Noted
from thecal.clinic.archive import restore
from thecal.clinic.audit import write_audit
from thecal.clinic.database import Database, sqlite_url
from thecal.clinic.entry import Entry
from thecal.clinic.online_backup import backup, export, open_source
from thecal.clinic.people import add_person
from thecal.clinic.person import Person
from thecal.clinic.practice import By, Practice, Reading
from thecal.clinic.rebuild import rebuild
from thecal.clinic.record import append, read_history, verify
from thecal.clinic.schema import standing
from thecal.clinic.standing import standing_of
from thecal.timeline import DAY_S, Instant

CHARTS, YEARS, COURSES = 200, 10, 4
VISITS, READS, AUDITED = 60, 20, 200
NOW = Instant(START.s + (YEARS * 365 + 5) * DAY_S)
TARGETS = {
    "worklist_p95_ms": 200,
    "chart_p95_ms": 250,
    "visit_p95_ms": 50,
    "rebuild_of_5000_charts_min": 2,
    "restore_of_5000_charts_min": 5,
    "demo_start_s": 15,
}
MEANT = (
    f"worklist and chart: {USERS} people at once who look at each page for {LOOKS_S:g} s, not those who never look; visit: a step"
    " of it written; rebuild and restore: counted from what was measured to 5,000 charts; demo: thecal serve --demo until its"
    " first page has come"
)
"""What each target is a target of."""
KINDS = ("sqlite", "postgresql")
BY = By("nora")
_NAMED = "THECAL_TEST_POSTGRES"
_AT = re.compile(r"The clinic is at (http://\S+) after")
_WAIT_S = 60
T = TypeVar("T")


def measure_clinic(charts: int = CHARTS, kinds: tuple[str, ...] = KINDS) -> dict[str, object]:
    """What the record and the pages take on SQLite and on PostgreSQL; milliseconds, and entries a second."""
    courses = [[_as_typed(fact) for fact in history(YEARS, seed).facts if fact.at <= NOW] for seed in range(COURSES)]
    found: dict[str, object] = {
        "what": f"{charts:,} charts of {YEARS} years, {statistics.mean(map(len, courses)):.0f} entries each",
        "targets": TARGETS,
        "targets_are_for": MEANT,
        "demo_start_s": _demo_start_s(),
    }
    with tempfile.TemporaryDirectory() as name, postgres_url(os.environ.get(_NAMED, "")) as server:
        folder = Path(name)
        for kind in kinds:
            urls = [sqlite_url(folder / f"{n}.db") if kind == "sqlite" else new_database(server) for n in range(2)]
            found[kind] = _measured(urls, folder / kind, charts, courses)
    found["met"] = _met(found, kinds, charts)
    return found


def _met(found: dict[str, Any], kinds: tuple[str, ...], charts: int) -> dict[str, bool]:
    """Of each target whether it was met, on every database that was measured."""
    seen: list[dict[str, float]] = [{"demo_start_s": found["demo_start_s"]}]
    for kind in kinds:
        on, pages = found[kind], found[kind]["pages"]
        seen.append(
            {
                "worklist_p95_ms": pages[f"worklist_of_{USERS}_who_look_{LOOKS_S:g}_s"]["p95_ms"],
                "chart_p95_ms": pages[f"chart_of_{USERS}_who_look_{LOOKS_S:g}_s"]["p95_ms"],
                "visit_p95_ms": on["visit"]["p95_ms"],
                "rebuild_of_5000_charts_min": on["rebuild_of_5000_charts_min"],
                "restore_of_5000_charts_min": on["archive"]["restore_min"] * 5000 / charts,
            }
        )
    return {name: all(one[name] <= target for one in seen if name in one) for name, target in TARGETS.items()}


def _demo_start_s() -> float:
    """Seconds from the command, a process of its own, to the page on which somebody signs in."""
    _say("demonstration")
    thecal = Path(sys.executable).with_name("thecal")
    with tempfile.TemporaryDirectory() as name:
        began = time.perf_counter()
        command = [str(thecal), "serve", "--demo", "--port", "0", "--data", f"{name}/demo"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        try:
            places = (_AT.search(line) for line in process.stdout)
            place = next((found.group(1) for found in places if found is not None), "")
            assert place, "the demonstration did not start"
            link = HTTPConnection(urlsplit(place).netloc, timeout=_WAIT_S)
            link.request("GET", "/sign-in")
            assert link.getresponse().status == 200
            seconds = time.perf_counter() - began
            link.close()
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(_WAIT_S)
    return round(seconds, 1)


def _as_typed(fact: Fact) -> Fact:
    """A fact whose fractions are fractions: the spelling of the record does not take a whole number for one."""
    hints = get_type_hints(type(fact))
    whole = [each.name for each in fields(fact) if type(getattr(fact, each.name)) is int and "float" in str(hints[each.name])]
    changes: dict[str, Any] = {name: float(getattr(fact, name)) for name in whole}
    return replace(fact, **changes) if changes else fact


def _measured(urls: list[str], place: Path, charts: int, courses: list[list[Fact]]) -> dict[str, object]:
    practice = Practice(Database(urls[0]), place.parent, lambda: NOW)
    streams, fill_s, rebuild_s = _filled(practice, charts, courses)
    some = streams[:: max(len(streams) // READS, 1)]
    reads = [_read(practice, stream) for stream in some]
    found: dict[str, object] = {
        "direct_writes_entries_per_s": round(sum(len(courses[n % COURSES]) for n in range(charts)) / fill_s),
        "rebuild_charts_per_s": round(charts / rebuild_s, 1),
        "rebuild_of_5000_charts_min": round(5000 / (charts / rebuild_s) / 60, 1),
        "visit": spread([_visit(practice, stream) for stream in (some * VISITS)[:VISITS]]),
        "read_history": spread([read for read, _, _ in reads]),
        "chart_read_and_look": spread([look for _, look, _ in reads]),
        "chart_read_look_and_standing": spread([whole for _, _, whole in reads]),
        "audit_write": spread([_timed(lambda: _audited(practice))[0] for _ in range(AUDITED)]),
    }
    _say("pages")
    found["pages"] = measure_pages(practice, streams)
    _say("verify")
    with practice.database.reading() as connection:
        if not practice.database.is_sqlite:
            connection.execution_options(yield_per=2000)
        verify_s, entries = _timed(lambda: sum(head.version for head in verify(connection)))
    found["verify_entries_per_s"] = round(entries / verify_s)
    found["archive"] = _archived(practice, urls[1], place, entries)
    practice.database.close()
    return found


def _filled(practice: Practice, charts: int, courses: list[list[Fact]]) -> tuple[list[str], float, float]:
    """(charts written through the record without their standings, its seconds, the seconds of a rebuild of all of these)."""
    _say("writing")
    streams, began = [], time.perf_counter()
    for number in range(charts):
        with practice.database.writing() as connection:
            streams.append(add_person(connection, Person(f"Person {number:05d}", number=str(number))))
            append(connection, streams[-1], 0, courses[number % COURSES], "nora", NOW)
    seconds = time.perf_counter() - began
    _say("rebuild")
    rebuild_s, rebuilt = _timed(lambda: rebuild(practice))
    assert rebuilt.charts == charts
    return streams, seconds, rebuild_s


def _visit(practice: Practice, stream: str) -> float:
    """Seconds of a step of a visit: its entries, the standing, the audit, in one durable transaction."""
    with practice.reading() as reading:
        version = reading.history(stream).version
    entries: list[Entry] = [Visited(NOW, "refill", "nora"), Noted(NOW, "in order")]
    return _timed(lambda: practice.write(stream, version, entries, BY, "wrote a visit"))[0]


def _read(practice: Practice, stream: str) -> tuple[float, float, float]:
    """Seconds of a chart as it is read, with the look at it, and with its standing."""
    with practice.database.reading() as connection:
        reading = Reading(practice, connection)
        read_s, found = _timed(lambda: read_history(connection, stream))
        look_s, look = _timed(lambda: reading.look(found))
        stand_s, _ = _timed(lambda: standing_of(found, look, reading.recalls()))
    return read_s, read_s + look_s, read_s + look_s + stand_s


def _audited(practice: Practice) -> None:
    with practice.database.writing() as connection:
        write_audit(connection, "nora", "read the chart", NOW, stream="P-AAAAAAAA")


def _archived(practice: Practice, empty: str, place: Path, entries: int) -> dict[str, object]:
    """The archive written, and restored into an empty database of the same kind; a backup beside it."""
    file = place.with_suffix(".zip")
    _say("archive")
    export_s, manifest = _timed(lambda: export(practice.database, file, NOW))
    backup_s, _ = _timed(lambda: backup(practice.database, place.with_suffix(".backup"), NOW))
    _say("restore")
    target = Database(empty)
    began = time.perf_counter()
    with open_source(file) as source:
        restore(target, source, "benchmark", NOW)
    restore_s = time.perf_counter() - began
    with target.reading() as connection, practice.database.reading() as before:
        order = select(standing.c.body).order_by(standing.c.stream)
        same = list(connection.execute(order).scalars()) == list(before.execute(order).scalars())
    target.close()
    return {
        "entries": entries,
        "mb": round(file.stat().st_size / 1e6, 1),
        "export_entries_per_s": round(manifest.entries / export_s),
        "backup_entries_per_s": round(manifest.entries / backup_s),
        "restore_entries_per_s": round(manifest.entries / restore_s),
        "restore_min": round(restore_s / 60, 2),
        "standings_the_same": same,
    }


def _timed(call: Callable[[], T]) -> tuple[float, T]:
    began = time.perf_counter()
    found = call()
    return time.perf_counter() - began, found


def _say(what: str) -> None:
    print(f"clinic: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    asked = argparse.ArgumentParser(prog="python -m benchmarks.clinic")
    asked.add_argument("--charts", type=int, default=CHARTS)
    asked.add_argument("--on", choices=KINDS)
    given = asked.parse_args()
    print(json.dumps(measure_clinic(given.charts, (given.on,) if given.on else KINDS), indent=2))
