"""Golden outputs of the scenarios: ``make golden`` writes them anew, to be read as a diff; the tests only compare."""

import json
from pathlib import Path
from typing import Any

from tests.command import ROOT, thecal
from thecal.report.body_lines import body_document
from thecal.report.document import json_text, run_document
from thecal.report.effects import effects_of
from thecal.twin.case import read_case
from thecal.twin.run import run
from thecal.twin.trace import Record

SHEETS = ROOT / "tests" / "sheets.expected.json"
SCENARIOS = sorted((ROOT / "scenarios").glob("*.toml"))
VERSION = "golden"


def document_of(scenario: Path) -> dict[str, Any]:
    """What a scenario gives now."""
    case = read_case(scenario)
    trace = run(case.world, case.source, case.until, Record(policy=case.policy))
    effects = effects_of(case, trace)
    body = body_document(case, effects) if effects else None
    if body:
        body["days"] = body["days"][::7]  # one a week, to be read
    document: dict[str, Any] = json.loads(json_text(run_document(case, trace, VERSION, body)))
    return document


def sheets() -> str:
    """Every data sheet as the command prints it."""
    return thecal("pumps", "--json").stdout


def expected_path(scenario: Path) -> Path:
    return scenario.with_suffix(".expected.json")


def write() -> None:
    for scenario in SCENARIOS:
        expected_path(scenario).write_text(json_text(document_of(scenario)), encoding="utf-8")
    SHEETS.write_text(sheets(), encoding="utf-8")


if __name__ == "__main__":
    write()
