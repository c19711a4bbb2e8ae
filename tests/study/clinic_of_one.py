"""Protocols from text, and one patient's course without a body: what the tests of a study's core stand on."""

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

import pytest

from thecal.study.block import START
from thecal.study.course import Entry
from thecal.study.design import Protocol, read_protocol
from thecal.study.fate import Fate
from thecal.study.people import Person
from thecal.study.pump_course import PumpCourse
from thecal.study.rows import Rows
from thecal.timeline import DAY_S, Instant
from thecal.twin.exposure import Exposure

HEAD = """study = 1
title = "A study"
seed = 3
patients = 12
follow_up = "365 days"
endpoints = ["ashworth_change"]
"""
FIXED = """
[[arm]]
name = "fixed"
policy = "fixed"
first_dose = "100 mcg/day"
"""
UNTREATED = """
[[arm]]
name = "nothing"
policy = "untreated"
"""


def protocol_of(text: str, files: Mapping[str, str] | None = None, name: str = "study.toml") -> Protocol:
    """A protocol from its text and from the policy files beside it."""
    with TemporaryDirectory() as folder:
        for file, source in (files or {}).items():
            (Path(folder) / file).write_text(source, encoding="utf-8")
        path = Path(folder) / name
        path.write_text(text, encoding="utf-8")
        return read_protocol(path)


def rows_of(rows: Rows, table: str, **only: Any) -> list[dict[str, Any]]:
    """The rows of a table, one dict each, of those that have these values."""
    columns = rows.tables[table]
    each = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return [row for row in each if all(row[name] == value for name, value in only.items())]


def world_of(**settings: str) -> str:
    """The table of an arm with these settings of the world."""
    return "".join(f'world.{name} = "{value}"\n' for name, value in settings.items())


def person_of(number: int = 0, tablets_mg_per_day: float = 60.0) -> Person:
    """Somebody with a pump of 40 mL and a tip at T10."""
    names = ("adult-ms", "multiple sclerosis", "")
    return Person(number, *names, 50.0, 90.0, "T10", "synchromed-ii-40", "ascenda-8780", tablets_mg_per_day)


def pump_course(
    protocol: Protocol, number: int, days: int, arm: int = 0, *, exposure: Exposure | None = None, run: bool = True
) -> PumpCourse:
    """The course of one person with a pump, to its end or, without ``run``, to its start; nobody examines them."""
    treatment, end = protocol.arms[arm], Instant(START.s + days * DAY_S)
    fate = Fate(protocol.seed, number, treatment.world)
    person = protocol.population.people(protocol.seed, [number]).persons[0]
    first = treatment.first_mcg_per_day or 100.0
    course = PumpCourse(Entry(treatment, person, exposure, fate, START, end), first, implant=True)  # type: ignore[arg-type]  # no body
    course.reach(START)
    if run:
        course.reach(end)
    return course


def told(course: PumpCourse, kind: str) -> list[float]:
    """The days on which something of a kind was told."""
    return [day for day, said, _ in course.tally.events if said == kind]


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fails what is inside where it takes longer: a course that goes round at one second never ends."""

    def late(*_: object) -> NoReturn:
        pytest.fail(f"does not end within {seconds:g} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
