"""A small trial whose patients are drawn from a hash, for tests of the running: importable by workers, done in milliseconds."""

import os
import signal
import time
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from thecal.study.rows import COLUMNS

TEXT = """\
title = "two doses"
seed = 7
patients = 23
block = 4
arms = ["label", "cautious"]
"""


@dataclass(frozen=True, slots=True)
class FakeArm:
    name: str


@dataclass(frozen=True, slots=True)
class FakeFailure:
    patient: int
    arm: str
    error: str


@dataclass(frozen=True, slots=True)
class FakeRows:
    tables: dict[str, dict[str, list[Any]]]
    failures: tuple[FakeFailure, ...]


@dataclass(frozen=True, slots=True)
class FakeTrial:
    name: str
    path: str
    text: str
    title: str
    seed: int
    patients: int
    block: int
    arms: tuple[FakeArm, ...]
    hash: str
    policy_files: tuple[tuple[str, str], ...] = ()
    follow_up_days: int = 365
    behavior: dict[str, Any] = field(default_factory=dict)

    @property
    def blocks(self) -> int:
        return -(-self.patients // self.block)

    def enrolled(self) -> Sequence[int]:
        return range(1, self.patients + 1)


def trial(text: str = TEXT, name: str = "doses", **behavior: Any) -> FakeTrial:
    """A trial of a text, with what its patients do to their workers: ``kills`` and ``raises`` (patients), ``kills_once`` (a file
    that says that it has), ``defect`` (a patient), ``each_s`` (what a block takes).
    """
    return read_text(text + "".join(f"{key} = {_toml(value)}\n" for key, value in behavior.items()), name, f"{name}.toml")


def read_trial(path: Path) -> FakeTrial:
    return read_text(path.read_text(encoding="utf-8"), path.stem, str(path))


def read_text(text: str, name: str, path: str) -> FakeTrial:
    tables = tomllib.loads(text)
    decides = {key: value for key, value in tables.items() if key not in {"each_s", "kills_once", "title"}}
    arms = tuple(FakeArm(arm) for arm in tables["arms"])
    found = sha256(repr(decides).encode()).hexdigest()
    policies = tuple((policy, "policy = 1\n") for policy in tables.get("policies", ()))
    patients, block = tables["patients"], tables["block"]
    return FakeTrial(name, path, text, tables["title"], tables["seed"], patients, block, arms, found, policies, behavior=tables)


def run_fake(study: FakeTrial, numbers: Sequence[int]) -> FakeRows:
    """The rows of some patients, whom it depends on alone."""
    behavior = study.behavior
    time.sleep(behavior.get("each_s", 0))
    once = behavior.get("kills_once")
    if once and not Path(once).exists():
        Path(once).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if set(numbers) & set(behavior.get("kills", ())):
        os.kill(os.getpid(), signal.SIGKILL)
    if behavior.get("defect") in numbers:
        raise ZeroDivisionError("a defect")
    tables: dict[str, dict[str, list[Any]]] = {table: {name: [] for name in columns} for table, columns in COLUMNS.items()}
    failures = []
    for arm in study.arms:
        for number in numbers:
            if number in behavior.get("raises", ()):
                failures.append(FakeFailure(number, arm.name, "Traceback\nValueError: no such dose"))
            else:
                _add(tables, study.seed, number, arm.name)
    return FakeRows(tables, tuple(failures))


def _add(tables: dict[str, dict[str, list[Any]]], seed: int, number: int, arm: str) -> None:
    chance = Random(f"{seed} {number} {arm}")
    drawn: dict[str, Callable[[], Any]] = {
        "UBIGINT": lambda: number,
        "INTEGER": lambda: chance.randrange(9),
        "BOOLEAN": lambda: chance.random() < 0.5,
        "DOUBLE": lambda: chance.random() if chance.random() < 0.8 else None,
        "VARCHAR": lambda: chance.choice(["reference-40", "it's", None]),
    }
    for table, count in (("patients", 1), ("visits", 3), ("course", 2), ("events", chance.randrange(3))):
        for at in range(count):
            fixed = {"arm": arm, "day": at * 30, "hour": at * 6.0, "age_years": 40.0 + number}
            threads = {"kind": os.environ.get("OMP_NUM_THREADS")}
            for name, kind in COLUMNS[table].items():
                tables[table][name].append({**fixed, **threads}.get(name, drawn[kind]()))


def _toml(value: Any) -> str:
    return f'"{value}"' if isinstance(value, (str, Path)) else str(value)
