"""The tests that the bundle rests on, run in two processes, and what they have shown."""

import json
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.command import ROOT

DECIDING = ("src/thecal/pump/modes.py", "src/thecal/pump/alarms.py", "src/thecal/programmer/session.py")
"""The files whose every decision the tests must have taken both ways."""
DECIDED_BY = ("tests/pump", "tests/programmer")
LONGEST_S = 3600
"""After so long a run is taken to hang: it takes some minutes."""


class RunError(Exception):
    """A run of the tests that could not be made; the message says which, and shows its end."""


@dataclass(frozen=True)
class Recorded:
    """What the tests have shown.

    ``tests`` by node id, each with what it ``shows`` and its ``outcome``; ``coverage`` the counts of coverage.py by file;
    ``entries``, ``changes`` and ``alarms`` of the pump's tables that were exercised.
    """

    tests: dict[str, dict[str, Any]]
    coverage: dict[str, dict[str, Any]]
    entries: frozenset[tuple[str, ...]]
    changes: frozenset[tuple[str, ...]]
    alarms: frozenset[tuple[str, ...]]


def run_tests(wanted: set[str], folder: Path) -> Recorded:
    """Run what shows the wanted requirements, and all tests of pump and programmer under coverage, at the same time.

    Raises RunError where a run breaks down or hangs; a test that fails is no such thing.
    """
    data, report = f"--data-file={folder / 'decisions.coverage'}", folder / "coverage.json"
    pytest = ["-m", "pytest", "-vv", "-p", "evidence.recorder"]
    covered = ["-m", "coverage", "run", "--branch", f"--include={','.join(DECIDING)}", data]
    elsewhere = [f"--ignore={name}" for name in DECIDED_BY]
    arguments = {
        "deciding": [*covered, *pytest, *DECIDED_BY, "--evidence-tables"],
        "others": [*pytest, "tests", *elsewhere, f"--evidence-shows={','.join(sorted(wanted))}"],
    }
    with ExitStack() as stack:
        started = {name: _started(name, asked, folder, stack) for name, asked in arguments.items()}
        runs = [_seen(name, process, folder) for name, process in started.items()]
    subprocess.run([sys.executable, "-m", "coverage", "json", "-q", data, "-o", str(report)], cwd=ROOT, check=True)
    return recorded(runs, json.loads(report.read_text(encoding="utf-8")))


def recorded(runs: list[dict[str, Any]], coverage: dict[str, Any]) -> Recorded:
    """What some runs and a report of coverage.py say together."""
    return Recorded(
        tests={name: test for run in runs for name, test in sorted(run["tests"].items())},
        coverage={name: found["summary"] for name, found in coverage["files"].items()},
        entries=frozenset(tuple(entry) for run in runs for entry in run["entries"]),
        changes=frozenset(tuple(change) for run in runs for change in run["changes"]),
        alarms=frozenset(tuple(alarm) for run in runs for alarm in run["alarms"]),
    )


def _started(name: str, arguments: list[str], folder: Path, stack: ExitStack) -> "subprocess.Popen[bytes]":
    """A run of the tests, which is ended with the stack, whatever becomes of it."""
    log = stack.enter_context((folder / f"{name}.log").open("wb"))
    command = [sys.executable, *arguments, f"--evidence-to={folder / name}.json"]
    process = stack.enter_context(subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT))
    stack.callback(process.kill)
    return process


def _seen(name: str, process: "subprocess.Popen[bytes]", folder: Path) -> dict[str, Any]:
    """What a run has seen. A return code of 1 says that a test failed, which is seen as well."""
    try:
        code = process.wait(timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        code = None
    path = folder / f"{name}.json"
    if code not in (0, 1) or not path.is_file():
        said = (folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")
        how = "took too long" if code is None else f"ended with {code}"
        raise RunError(f"the run of the tests {how}:\n{said[-2000:]}")
    seen: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return seen
