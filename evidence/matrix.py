"""The matrix: hazard, cause, severity, control, tests, result, residual risk; and what in it is not whole."""

import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evidence.run import Recorded
from tests.command import ROOT
from tests.test_requirements import documented, listed, read, rows, written

HAZARDS = ROOT / "evidence" / "hazards.toml"
ROOMS = ("pump.md", "programmer.md", "bench.md")
"""The requirements that the bundle shows whole."""


@dataclass(frozen=True)
class Hazard:
    """A hazard: what happened and why, how bad it was as reported, what answers it, what is left, what is still open."""

    name: str
    happened: str
    cause: str
    severity: str
    source: str
    controls: tuple[str, ...]
    residual: str
    open: str = ""


def read_severities(path: Path = HAZARDS) -> dict[str, str]:
    """Each word for severity and what it means."""
    scale: dict[str, str] = tomllib.loads(path.read_text(encoding="utf-8"))["severity"]
    return scale


def read_hazards(path: Path = HAZARDS) -> list[Hazard]:
    """The hazards in their order: what docs/requirements/README.md says of them, and what the data file adds."""
    told = {row[0]: row for row in rows(written()["README.md"], "hazard")}
    found = []
    for name, table in tomllib.loads(path.read_text(encoding="utf-8"))["hazards"].items():
        happened = told[name][1] if name in told else table["happened"]
        here = listed(told[name][2]) if name in told else ()
        controls = tuple(dict.fromkeys([*here, *table.get("also", ())]))
        words = {key: table[key] for key in ("cause", "severity", "source", "residual")}
        found.append(Hazard(name, happened, controls=controls, open=table.get("open", ""), **words))
    return found


def requirements() -> dict[str, str]:
    """What pump, programmer and bench shall, by id."""
    documents = written()
    return {row[0]: row[1] for name in ROOMS for row in rows(documents[name], "id")}


def wanted(hazards: Iterable[Hazard]) -> set[str]:
    """Every requirement whose tests the bundle rests on."""
    return {*requirements(), *(control for hazard in hazards for control in hazard.controls)}


def tests_by_requirement(recorded: Recorded) -> dict[str, dict[str, Counter[str]]]:
    """For each requirement the tests that show it, and how often each, by its parameters, ended how."""
    found: dict[str, dict[str, Counter[str]]] = {}
    for node, test in recorded.tests.items():
        for requirement in test["shows"]:
            name = node.partition("[")[0]
            found.setdefault(requirement, {}).setdefault(name, Counter())[test["outcome"]] += 1
    return found


def outcome(ends: Iterable[str]) -> str:
    """Of several ends the one that counts: what failed before what passed, and what was not run only where nothing was."""
    said = set(ends)
    return next((word for word in ("failed", "passed") if word in said), "not run")


def matrix(hazards: Iterable[Hazard], recorded: Recorded) -> list[dict[str, Any]]:
    """A row for each hazard, with the tests of its controls and their result."""
    tests = tests_by_requirement(recorded)
    found = []
    for hazard in hazards:
        controls: list[dict[str, Any]] = [{"id": name, "tests": _ended(tests.get(name, {}))} for name in hazard.controls]
        ends = [test["result"] for control in controls for test in control["tests"]]
        result = outcome(ends) if ends else "no test"
        row = {key: getattr(hazard, key) for key in ("happened", "cause", "severity", "source", "residual", "open")}
        found.append({"hazard": hazard.name, **row, "controls": controls, "result": result})
    return found


def unanswered(hazards: Iterable[Hazard], tests: Mapping[str, Any], severities: Mapping[str, str]) -> list[str]:
    """What is not whole: a hazard without a control, a control that nobody promises or tests, a word that is not on the scale."""
    promised, problems = documented(), []
    for hazard in hazards:
        if not hazard.controls and not hazard.open:
            problems.append(f"{hazard.name} has no control and is not said to be open")
        if hazard.severity not in severities:
            problems.append(f"{hazard.name}: {hazard.severity} is no severity")
        problems += [f"{hazard.name}: {name} is no requirement" for name in hazard.controls if name not in promised]
        problems += [f"{hazard.name}: {name} has no test" for name in hazard.controls if name in promised and name not in tests]
    return problems


def failing(recorded: Recorded, hazards: Iterable[Hazard]) -> list[str]:
    """Tests that failed, and requirements none of whose tests was run."""
    tests = tests_by_requirement(recorded)
    ends = {name: outcome(end for ended in found.values() for end in ended) for name, found in tests.items()}
    problems = [f"{node} failed" for node, test in recorded.tests.items() if test["outcome"] == "failed"]
    return problems + [f"no test of {name} was run" for name in sorted(wanted(hazards)) if ends.get(name) == "not run"]


def linked() -> list[str]:
    """What the tables of the requirements themselves say wrongly, as far as reading them finds it."""
    return list(read(written()).problems)


def _ended(tests: Mapping[str, Counter[str]]) -> list[dict[str, Any]]:
    return [{"test": name, "result": outcome(ends), "cases": ends.total()} for name, ends in sorted(tests.items())]
