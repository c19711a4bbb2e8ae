"""The bundle as data, and what in it is not whole."""

import platform
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from typing import Any

from evidence.decisions import decisions, tables, untaken
from evidence.documents import anomalies, mutants, section, tables_in
from evidence.matrix import Hazard, failing, linked, matrix, outcome, requirements, tests_by_requirement, unanswered
from evidence.run import Recorded
from evidence.sheets import profiles
from tests.command import ROOT
from thecal.report.words import BANNER

DEVIATIONS = "Deviations from real pumps"
NOT_DEVICE = "What it is not"
INTENDED = "Intended use"


@dataclass(frozen=True)
class Documents:
    """The texts of docs/ that the bundle quotes."""

    evidence: str
    anomalies: str
    mutation: str


def bundle(
    recorded: Recorded,
    hazards: Sequence[Hazard],
    severities: dict[str, str],
    documents: Documents,
    accuracy: Sequence[dict[str, Any]],
    dependencies: Sequence[dict[str, Any]],
    when: date,
) -> dict[str, Any]:
    """Everything that the page shows, as data."""
    tests = tests_by_requirement(recorded)
    return {
        "schema": 1,
        "banner": BANNER,
        "versions": versions(when),
        "intended_use": section(documents.evidence, INTENDED),
        "what_it_is_not": section(documents.evidence, NOT_DEVICE),
        "severity": severities,
        "hazards": matrix(hazards, recorded),
        "requirements": [
            {"id": name, "shall": shall, "tests": len(tests.get(name, {})), "result": _result(tests.get(name, {}))}
            for name, shall in requirements().items()
        ],
        "dependencies": list(dependencies),
        "anomalies": anomalies(documents.anomalies),
        "deviations": tables_in(section(documents.evidence, DEVIATIONS))[0],
        "profiles": profiles(),
        "decisions": decisions(recorded),
        "tables": tables(recorded),
        "mutants": mutants(documents.mutation),
        "mutation": documents.mutation,
        "accuracy": list(accuracy),
        "tests": Counter(test["outcome"] for test in recorded.tests.values()),
        "problems": problems(recorded, hazards, severities),
    }


def problems(recorded: Recorded, hazards: Sequence[Hazard], severities: dict[str, str]) -> list[str]:
    """What is not whole, in plain words; none where the bundle is."""
    tests = tests_by_requirement(recorded)
    missing = [f"{name} has no test" for name in requirements() if name not in tests]
    found = [*linked(), *unanswered(hazards, tests, severities), *missing, *failing(recorded, hazards), *untaken(recorded)]
    return list(dict.fromkeys(found))


def worst(made: dict[str, Any]) -> list[str]:
    """The three worst facts of a bundle: what is not whole first, then what it says of itself."""
    still = [row for row in made["hazards"] if row["open"]]
    dead = [row["hazard"] for row in still if row["severity"] == "death"]
    real = [row for row in made["profiles"] if row["kind"] == "pump" and not row["profile"].startswith("reference")]
    weakest = max(real, key=lambda row: (row["confidence"]["U"], row["profile"]))
    unsourced = weakest["confidence"]["U"]
    facts = [
        f"{len(still)} of {len(made['hazards'])} hazards are not answered whole yet; "
        f"deaths are reported from {len(dead)} of them: {', '.join(dead) or 'none'}",
        f"{unsourced} of the {weakest['values']} values of {weakest['profile']} have no source",
        f"{made['mutants']['survived']} mutants survive; {len(made['anomalies'])} anomalies are known",
    ]
    return [*made["problems"], *facts][:3]


def versions(when: date) -> dict[str, str]:
    """Of what the bundle was made, and when."""
    return {"thecal": version("thecal"), "python": platform.python_version(), "commit": _commit(), "date": when.isoformat()}


def _commit() -> str:
    """The commit of the tree, and whether the tree differs from it."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return "none"
    said = [
        subprocess.run([git, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        for arguments in (("rev-parse", "HEAD"), ("status", "--porcelain"))
    ]
    if said[0].returncode:
        return "none"
    return said[0].stdout.strip() + (", with changes" if said[1].stdout.strip() else "")


def _result(tests: dict[str, Counter[str]]) -> str:
    return outcome(end for ends in tests.values() for end in ends) if tests else "no test"
