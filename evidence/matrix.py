"""The matrix: hazard, cause, severity, control, tests, result, residual risk; and what in it is not whole."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evidence.run import Recorded
from tests.test_requirements import documented, listed, read, rows, written
from thecal.hazards.catalogue import hazards

ROOMS = ("pump.md", "programmer.md", "bench.md", "hazard.md")
"""The requirements that the bundle shows whole."""


@dataclass(frozen=True)
class Hazard:
    """A hazard of the catalogue with what answers it: its ``controls`` are requirements, its ``test`` holds the answer itself."""

    name: str
    title: str
    happened: str
    cause: str
    severity: str
    source: str
    controls: tuple[str, ...]
    residual: str
    test: str = ""
    open: str = ""


def read_hazards() -> list[Hazard]:
    """The hazards in their order: the catalogue, and which requirements answer them by docs/requirements/README.md."""
    told = {row[0]: listed(row[2]) for row in rows(written()["README.md"], "hazard")}
    keys = ("title", "happened", "cause", "severity", "source", "residual", "test", "open")
    return [
        Hazard(name, controls=tuple(dict.fromkeys([*told.get(name, ()), *one.also])), **{key: getattr(one, key) for key in keys})
        for name, one in hazards().items()
    ]


def requirements() -> dict[str, str]:
    """What pump, programmer, bench and the room of the hazards shall, by id."""
    documents = written()
    return {row[0]: row[1] for name in ROOMS for row in rows(documents[name], "id")}


def wanted(of: Iterable[Hazard]) -> set[str]:
    """Every requirement whose tests the bundle rests on."""
    return {*requirements(), *(control for hazard in of for control in hazard.controls)}


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


def own_result(hazard: Hazard, recorded: Recorded) -> str:
    """How the test ended that holds the answer to a hazard; empty where there is none to hold."""
    return recorded.tests.get(hazard.test, {"outcome": "not run"})["outcome"] if hazard.test else ""


def matrix(of: Iterable[Hazard], recorded: Recorded) -> list[dict[str, Any]]:
    """A row for each hazard, with the tests of its controls, the one that holds its answer, and their result."""
    tests = tests_by_requirement(recorded)
    found = []
    for hazard in of:
        controls: list[dict[str, Any]] = [{"id": name, "tests": _ended(tests.get(name, {}))} for name in hazard.controls]
        ends = [test["result"] for control in controls for test in control["tests"]]
        own = own_result(hazard, recorded)
        result = outcome([*ends, own]) if ends or own else "no test"
        row = {key: getattr(hazard, key) for key in ("title", "happened", "cause", "severity", "source", "residual", "open")}
        row |= {"test": hazard.test, "test_result": own}
        found.append({"hazard": hazard.name, **row, "controls": controls, "result": result})
    return found


def unanswered(of: Iterable[Hazard], tests: Mapping[str, Any], severities: Mapping[str, str]) -> list[str]:
    """What is not whole: a hazard without a control, a control that nobody promises or tests, a word that is not on the scale."""
    promised, problems = documented(), []
    for hazard in of:
        if not hazard.controls and not hazard.open:
            problems.append(f"{hazard.name} has no control and is not said to be open")
        if hazard.severity not in severities:
            problems.append(f"{hazard.name}: {hazard.severity} is no severity")
        problems += [f"{hazard.name}: {name} is no requirement" for name in hazard.controls if name not in promised]
        problems += [f"{hazard.name}: {name} has no test" for name in hazard.controls if name in promised and name not in tests]
    return problems


def failing(recorded: Recorded, of: Sequence[Hazard]) -> list[str]:
    """Tests that failed, requirements none of whose tests was run, and hazards whose own was not."""
    tests = tests_by_requirement(recorded)
    ends = {name: outcome(end for ended in found.values() for end in ended) for name, found in tests.items()}
    problems = [f"{node} failed" for node, test in recorded.tests.items() if test["outcome"] == "failed"]
    problems += [f"no test of {name} was run" for name in sorted(wanted(of)) if ends.get(name) == "not run"]
    return problems + [f"{one.name}: {one.test} was not run" for one in of if own_result(one, recorded) == "not run"]


def linked() -> list[str]:
    """What the tables of the requirements themselves say wrongly, as far as reading them finds it."""
    return list(read(written()).problems)


def _ended(tests: Mapping[str, Counter[str]]) -> list[dict[str, Any]]:
    return [{"test": name, "result": outcome(ends), "cases": ends.total()} for name, ends in sorted(tests.items())]
