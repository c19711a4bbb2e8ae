"""From each hazard to the requirements that answer it, to the tests that show those, and to how its own test ended.

``make hazards`` writes docs/requirements/hazards.md: it plays every re-enactment, and runs the laws of the defects.
"""

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from functools import cache

from evidence.matrix import Hazard, read_hazards
from tests.command import ROOT
from tests.coverage import REFERENCES, marked
from tests.hazards.played import played
from tests.test_requirements import identified, written
from thecal.errors import ThecalError
from thecal.hazards.catalogue import hazards
from thecal.hazards.reenactment import reenactments
from thecal.therapy.rules import all_rules

DOCUMENT = ROOT / "docs" / "requirements" / "hazards.md"
LAWS = ("tests/hazards/test_defects.py", "tests/hazards/test_clinic_defects.py")
PASSED, FAILED, NONE = "passed", "failed", "none yet"
_SHOWN = 2
_HEAD = """# From hazard to test

Written by `make hazards`. To H39 it has happened with implanted pumps, and `thecal hazards H06` plays it as it happened and as
it goes here; from H40 on users of software report it, and a law answers it,
with a second one where the clinic has its part. The requirements that answer each stand in the
[table](README.md#from-the-hazards) of pump and programmer and in the catalogue; behind each stand its tests, counted, and
the first two of each. The result is that of the re-enactment or the law itself when this page was written; `make evidence` runs
everything and [tells](../evidence.md) how all of it ended.

| hazard | requirement | test | held by | result |
|---|---|---|---|---|
"""


@cache
def tests_by_requirement() -> Mapping[str, tuple[str, ...]]:
    """The tests that show each requirement, by file; a rule that is only cited by the one of all rules."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for name, test in marked(path):
            found[name].append(test)
    for rule in all_rules().values():
        if rule.kind == "reference":
            found[rule.id].append(REFERENCES)
    return {name: tuple(dict.fromkeys(tests)) for name, tests in found.items()}


@cache
def documents() -> Mapping[str, str]:
    """The document that each requirement stands in."""
    return {name: document for document, text in written().items() for name in identified({document: text})}


def text_of(results: Mapping[str, str]) -> str:
    """The page, with how the test of each hazard ended."""
    return _HEAD + "".join(_row(hazard, results[hazard.name]) for hazard in read_hazards())


def _row(hazard: Hazard, result: str) -> str:
    requirements = ", ".join(_link(name, documents().get(name, "../coverage.md")) for name in hazard.controls) or "none yet"
    tests = "<br>".join(_shown(name) for name in hazard.controls) or "none yet"
    held = _test(hazard.test) if hazard.test else f"open: {hazard.open}"
    title = hazard.title.replace("|", "\\|")
    return f"| {hazard.name} {title} | {requirements} | {tests} | {held} | {result} |\n"


def _shown(name: str) -> str:
    """By how many tests a requirement is shown, and the first of them."""
    tests = tests_by_requirement().get(name, ())
    more = f" and {len(tests) - _SHOWN} more" if len(tests) > _SHOWN else ""
    return f"{name} by {len(tests)}: {', '.join(_test(test) for test in tests[:_SHOWN])}{more}"


def _test(node: str) -> str:
    return _link(f"`{node.removeprefix('tests/')}`", f"../../{node.partition('::')[0]}")


def _link(words: str, to: str) -> str:
    return f"[{words}]({to})"


def results() -> dict[str, str]:
    """How the own test of each hazard ends, run now; of a class of defects all of its laws."""
    laws = _laws()
    found = {}
    for name, hazard in hazards().items():
        if hazard.kind == "defect":
            own = {end for node, end in laws.items() if node.endswith(f"::test_{name.lower()}")}
            found[name] = PASSED if hazard.test in laws and own == {PASSED} else FAILED
        else:
            found[name] = _played(name) if name in reenactments() else NONE
    return found


def _played(name: str) -> str:
    """Whether both halves come out as their file says; what does not is told."""
    try:
        problems = played(name).problems()
    except ThecalError as error:
        problems = [str(error)]
    for problem in problems:
        sys.stderr.write(f"{name}: {problem}\n")
    return FAILED if problems else PASSED


def _laws() -> dict[str, str]:
    """How each law of the defects ends, in one run of their files."""
    command = [sys.executable, "-m", "pytest", "-vv", "--color=no", *LAWS]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    files = "|".join(map(re.escape, LAWS))
    ended = re.findall(rf"^((?:{files})::\S+) (PASSED|FAILED|ERROR)", said, flags=re.MULTILINE)
    return {node: PASSED if word == "PASSED" else FAILED for node, word in ended}


def main() -> int:
    """Write the page; 1 where a hazard is not held."""
    ended = results()
    DOCUMENT.write_text(text_of(ended), encoding="utf-8")
    wrong = [name for name, result in ended.items() if result == FAILED]
    if wrong:
        sys.stderr.write(f"not held: {', '.join(wrong)}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
