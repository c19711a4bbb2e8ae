"""The evidence bundle: its data is whole, it is built from what the tests have shown, and it says where it is not whole."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from evidence.accuracy import accuracy, accuracy_figure
from evidence.bundle import Documents, bundle, worst
from evidence.decisions import WITH_THE_PUMP
from evidence.documents import DocumentError, anomalies, mutants, section, tables_in, text_of
from evidence.lock import read_lock
from evidence.matrix import Hazard, read_hazards, unanswered, wanted
from evidence.page import page_text
from evidence.run import DECIDING, Recorded
from tests.command import ROOT
from tests.test_requirements import shown
from thecal.hazards.catalogue import severities
from thecal.pump.alarms import ALARMS
from thecal.pump.modes import CHANGES, TABLE, members

WHEN = date(2026, 1, 31)
MUTATION = "# Mutation\n\n| file | mutants | survived |\n|---|---|---|\n| pump/modes.py | 40 | 2 |\n| pump/alarms.py | 30 | 1 |\n"
DOCUMENTS = Documents(text_of("evidence.md"), text_of("anomalies.md"), MUTATION)
FULL = {"num_statements": 9, "covered_lines": 9, "num_branches": 4, "covered_branches": 4}
ROWS = [{"program": "simple", "window_h": hours, "min_percent": -0.5 / hours, "max_percent": 0.0} for hours in (1, 24)]
DEPENDENCY = {"package": "numpy", "version": "2", "license": "BSD", "hashes": "3"}


def small() -> Recorded:
    """What the tests would have shown if there were one for each requirement and each hazard, and all went well."""
    own = {hazard.test: {"shows": ["HAZ-07"], "outcome": "passed"} for hazard in read_hazards() if hazard.test}
    return Recorded(
        tests={f"tests/test_{name}.py::test_it": {"shows": [name], "outcome": "passed"} for name in wanted(read_hazards())} | own,
        coverage=dict.fromkeys(DECIDING, FULL),
        entries=frozenset(TABLE),
        changes=frozenset((members(source)[0], cause, members(target)[0]) for source, cause, target in CHANGES),
        alarms=frozenset((kind.name, said) for kind in ALARMS for said in ("began", "ended") if kind.ends != WITH_THE_PUMP)
        | {(kind.name, "began") for kind in ALARMS},
    )


def made(recorded: Recorded, hazards: list[Hazard] | None = None) -> dict[str, Any]:
    chosen = read_hazards() if hazards is None else hazards
    return bundle(recorded, chosen, dict(severities()), DOCUMENTS, ROWS, [DEPENDENCY], WHEN)


def test_every_hazard_is_whole() -> None:
    """All of them once, with cause, source, a severity of the scale, what is left, and controls that exist and are tested."""
    hazards = read_hazards()
    assert [hazard.name for hazard in hazards] == [f"H{number:02d}" for number in range(1, 53)]
    assert unanswered(hazards, shown(), severities()) == []
    assert all(hazard.happened and hazard.cause and hazard.source and hazard.residual for hazard in hazards)
    assert {hazard.severity for hazard in hazards} == set(severities())
    assert [hazard.name for hazard in hazards if not hazard.controls] == []


def test_the_page_shows_all_of_it() -> None:
    """Alone, with the disclaimer and the motor strokes on its first screen, and nothing said to be missing."""
    whole = made(small())
    text = page_text(whole, "<svg></svg>")
    assert whole["problems"] == []
    first = text.partition("<h2>")[0]
    assert "never talks to a real implant" in first
    assert "Continuous flow replaces motor strokes" in first
    assert "Nothing in this bundle is missing or failed" in first
    assert not re.search(r"(src|href)=|<script|@import|url\(", text)
    assert all(f">{row['hazard']}<" in text for row in whole["hazards"])
    assert all(f">{row['id']}<" in text for row in whole["requirements"])
    assert all(row["profile"] in text for row in whole["profiles"])
    assert json.loads(json.dumps(whole)) == whole


def test_it_counts_what_has_no_source() -> None:
    """By profile; every value without a source is listed with what it says instead."""
    profiles = {row["profile"]: row for row in made(small())["profiles"]}
    for row in profiles.values():
        assert sum(row["confidence"].values()) == row["values"]
        assert len(row["weak"]) == row["confidence"]["U"] + row["confidence"]["D"]
    assert profiles["reference-40"]["confidence"]["D"] == profiles["reference-40"]["values"]
    assert "undeliverable_volume" in {value["name"] for value in profiles["synchromed-ii-40"]["weak"]}


def test_the_worst_comes_first() -> None:
    """Three facts: what is not whole before what is open, without a source, or survives."""
    facts = worst(made(small()))
    assert len(facts) == 3
    assert "hazards are not answered whole yet" in facts[0]
    assert facts[2].startswith("3 mutants survive")
    broken = replace(small(), alarms=frozenset())
    assert worst(made(broken))[0] == "an alarm begins, and ends: not exercised: critical memory error began"


def without(name: str) -> Callable[[Recorded], Recorded]:
    """The tests of a requirement left out."""
    return lambda recorded: replace(
        recorded, tests={node: test for node, test in recorded.tests.items() if name not in test["shows"]}
    )


def ending(name: str, outcome: str) -> Callable[[Recorded], Recorded]:
    """The tests of a requirement ended otherwise."""
    return lambda recorded: replace(
        recorded,
        tests={node: test | {"outcome": outcome} if name in test["shows"] else test for node, test in recorded.tests.items()},
    )


def measured(**counts: int) -> Callable[[Recorded], Recorded]:
    """The session measured otherwise."""
    return lambda recorded: replace(recorded, coverage=recorded.coverage | {DECIDING[2]: FULL | counts})


BROKEN: dict[str, tuple[Callable[[Recorded], Recorded], str]] = {
    "a control without a test": (without("CAT-09"), "H23: CAT-09 has no test"),
    "a requirement without a test": (without("PMP-04"), "PMP-04 has no test"),
    "a test that fails": (ending("PMP-16", "failed"), "tests/test_PMP-16.py::test_it failed"),
    "a test that was not run": (ending("BEN-24", "not run"), "no test of BEN-24 was run"),
    "a re-enactment that was not run": (
        lambda it: replace(it, tests={node: test for node, test in it.tests.items() if "[H07]" not in node}),
        "H07: tests/hazards/test_field.py::test_a_hazard_is_re_enacted[H07] was not run",
    ),
    "a law that fails": (
        lambda it: replace(
            it, tests={node: test | {"outcome": "failed"} if node.endswith("h40") else test for node, test in it.tests.items()}
        ),
        "tests/hazards/test_defects.py::test_h40 failed",
    ),
    "a branch not taken": (
        measured(covered_branches=3),
        "src/thecal/programmer/session.py: 0 statements and 1 branches were not taken",
    ),
    "a statement not taken": (
        measured(covered_lines=8),
        "src/thecal/programmer/session.py: 1 statements and 0 branches were not taken",
    ),
    "a file not measured": (lambda it: replace(it, coverage={}), "src/thecal/pump/modes.py was not measured"),
    "an entry not exercised": (
        lambda it: replace(it, entries=it.entries - {("flex", "set clock")}),
        "a command in a mode: not exercised: flex: set clock",
    ),
    "a change not exercised": (
        lambda it: replace(it, changes=frozenset(change for change in it.changes if change[1] != "withdraw")),
        "from mode to mode: not exercised: periodic bolus by withdraw to between periodic boluses",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_not_whole_is_said(what: str) -> None:
    """Each way in which the tests can leave something open, first on the page."""
    change, problem = BROKEN[what]
    found = made(change(small()))
    assert problem in found["problems"]
    assert problem in page_text(found, "").partition("<h2>")[0]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"controls": (), "open": ""}, "H01 has no control and is not said to be open"),
        ({"controls": ("PMP-99",)}, "H01: PMP-99 is no requirement"),
        ({"severity": "bad"}, "H01: bad is no severity"),
    ],
)
def test_a_hazard_that_is_not_whole_is_said(change: dict[str, Any], problem: str) -> None:
    """Without a control, with one that nobody promises, or with a word that is not on the scale."""
    first, *others = read_hazards()
    assert problem in made(small(), [replace(first, **change), *others])["problems"]
    open_one = replace(first, controls=(), open="later")
    assert made(small(), [open_one, *others])["problems"] == []


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command, with the bill of materials of one package, and the tests as they would end."""
    stub = ModuleType("evidence.sbom")
    bill = {"bill": lambda _: "{}\n", "packages": lambda _: [DEPENDENCY], "LockError": type("LockError", (Exception,), {})}
    for name, value in bill.items():
        setattr(stub, name, value)
    monkeypatch.setitem(sys.modules, "evidence.sbom", stub)
    monkeypatch.delitem(sys.modules, "evidence.__main__", raising=False)
    import evidence.__main__ as main

    monkeypatch.setattr(main, "accuracy", lambda: ROWS)
    monkeypatch.setattr(main, "accuracy_figure", lambda _: "<svg></svg>")
    monkeypatch.setattr(main, "text_of", lambda name: MUTATION if name == "mutation.md" else text_of(name))
    monkeypatch.setattr(main, "run_tests", lambda *_: small())
    yield main
    sys.modules.pop("evidence.__main__", None)


def test_the_command_writes_the_bundle(command: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All files, the same each time; it says where, and the three worst facts."""
    folder = tmp_path / "made"
    assert command.main(["--date", "2026-01-31", "--to", str(folder)]) == 0
    said = capsys.readouterr().out
    assert str(folder / "evidence.html") in said
    assert len(re.findall("^- ", said, flags=re.MULTILINE)) == 3
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(files) == {"evidence.html", "evidence.json", "sbom.cdx.json", "accuracy.svg", "accuracy.csv"}
    assert json.loads(files["evidence.json"])["versions"]["date"] == "2026-01-31"
    assert command.main(["--date", "2026-01-31", "--to", str(folder)]) == 0
    assert files == {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_command_exits_with_1_where_a_control_is_missing(
    command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundle is written all the same, and says so."""
    first, *others = read_hazards()
    monkeypatch.setattr(command, "read_hazards", lambda: [replace(first, controls=(), open=""), *others])
    assert command.main(["--to", str(tmp_path / "made")]) == 1
    assert "H01 has no control" in (tmp_path / "made" / "evidence.html").read_text(encoding="utf-8")


def test_a_document_that_is_missing_is_named(
    command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is made without it."""
    monkeypatch.setattr(command, "text_of", lambda name: text_of(name, tmp_path))
    assert command.main(["--to", str(tmp_path / "made")]) == 2
    assert "docs/evidence.md is missing" in capsys.readouterr().err
    assert not (tmp_path / "made").exists()


def test_the_documents_are_read() -> None:
    """Anomalies with all they need, mutants by their number, sections by their heading; what is not so is named."""
    known = anomalies(DOCUMENTS.anomalies)
    assert [row["id"] for row in known] == [f"A{number:02d}" for number in range(1, len(known) + 1)]
    assert mutants(MUTATION)["survived"] == 3
    assert len(tables_in(section(DOCUMENTS.evidence, "Deviations from real pumps"))[0]) > 5
    with pytest.raises(DocumentError, match="nothing left out"):
        anomalies(
            "| id | in | what is wrong or missing | effect | meanwhile |\n|---|---|---|---|---|\n| A01 | pump | it | | none |\n"
        )
    with pytest.raises(DocumentError, match="no table with the columns file and survived"):
        mutants("| file | killed |\n|---|---|\n| a.py | 3 |\n")
    with pytest.raises(DocumentError, match="is no number"):
        mutants("| file | survived |\n|---|---|\n| a.py | many |\n")
    with pytest.raises(DocumentError, match="4 cells under a head of 2"):
        tables_in("| a | b |\n|---|---|\n| 1 | 2 | 3 | 4 |\n")
    with pytest.raises(DocumentError, match="no heading 'Use'"):
        section("# Title\n\n## Other\n\ntext", "Use")


def test_the_lock_is_read() -> None:
    """What is to be installed here, each with the hashes of its files; what the tests run with is that."""
    pins = {pin.name: pin for pin in read_lock()}
    assert {"numpy", "pydantic", "typer", "cryptography"} <= set(pins)
    assert all(pin.hashes and version(pin.name) == pin.version for pin in pins.values())


def test_the_bill_of_materials_fits_its_schema() -> None:
    """Every package of the lock with its license and hashes, and the same for the same date."""
    pytest.importorskip("cyclonedx", reason="it comes with make evidence, which checks each bill against the schema")
    from evidence.sbom import bill, packages

    text = bill(WHEN)
    listed = packages(text)
    assert [(row["package"], row["version"]) for row in listed] == sorted((pin.name, pin.version) for pin in read_lock())
    assert all(row["license"] != "not declared" and int(row["hashes"]) > 0 for row in listed)
    assert set(re.findall(r"https?://([^/\"]+)", text)) == {"cyclonedx.org"}  # its schema; nothing of where files come from
    assert bill(WHEN) == text


def test_short_windows_err_by_a_nanolitre() -> None:
    """No window is off by more than one nanolitre of rounding, and a fast pump by its gain besides."""
    rows = accuracy(days=2, windows_h=(1, 24))
    assert len(rows) == 8
    for row in rows:
        gain = 2.5 if "fast" in row["program"] else 0.0
        slowest_nl_per_day = 6_000 if "minimum" in row["program"] else 100_000
        nanolitre_percent = 100 * 24 / row["window_h"] / slowest_nl_per_day
        assert gain - nanolitre_percent <= row["min_percent"] <= row["max_percent"] <= gain + nanolitre_percent
    assert "14 days" in accuracy_figure(rows)


def test_what_the_tests_show_is_recorded(tmp_path: Path) -> None:
    """What passes, fails, or is not run; what nobody asks for is left out, and what the pump's tables did is seen."""
    (tmp_path / "test_small.py").write_text(
        "import pytest\n"
        "from tests.pump.pumps import pump_in\n"
        "@pytest.mark.requirement('PMP-05')\n"
        "def test_one(): assert pump_in('safe state').mode == 'safe state'\n"
        "@pytest.mark.requirement('PMP-06')\n"
        "def test_two(): raise ValueError\n"
        "@pytest.mark.long\n@pytest.mark.requirement('PMP-06')\n"
        "def test_three(): raise ValueError\n"
        "@pytest.mark.requirement('PMP-07')\n"
        "def test_four(): raise ValueError\n",
        encoding="utf-8",
    )
    seen = tmp_path / "seen.json"
    run = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-p", "evidence.recorder", str(tmp_path)]
    asked = [f"--evidence-to={seen}", "--evidence-shows=PMP-05,PMP-06", "--evidence-tables"]
    result = subprocess.run([*run, *asked], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 1, result.stdout + result.stderr
    found = json.loads(seen.read_text(encoding="utf-8"))
    outcomes = {node.rpartition("::")[2]: (test["shows"], test["outcome"]) for node, test in found["tests"].items()}
    assert outcomes == {
        "test_one": (["PMP-05"], "passed"),
        "test_two": (["PMP-06"], "failed"),
        "test_three": (["PMP-06"], "not run"),
    }
    assert ["simple continuous", "low-battery reset", "safe state"] in found["changes"]
    assert ["low battery reset", "began"] in found["alarms"]
    assert ["stopped", "update"] in found["entries"]
