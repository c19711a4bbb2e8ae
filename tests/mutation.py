"""What mutmut has left in ``mutants/``: every mutant that lived is tried once more, and the score of each file is printed.

``make mutation`` runs mutmut first. A mutant of what runs while a module is imported is none in a process that had imported it
before, and mutmut asks only the tests that it saw in a function: here each survivor meets all of them in a process of its own.
A survivor that ``docs/mutation.md`` does not explain ends it with exit code 1.
"""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.command import ROOT

MUTANTS = ROOT / "mutants"
DOCUMENT = ROOT / "docs" / "mutation.md"
KILLED = (1, 3)  # exit codes of pytest: a test failed, or could not even run
ENDLESS_S = 600  # what takes seconds does not come back


def settings() -> dict[str, list[str]]:
    """The section of mutmut in ``pyproject.toml``."""
    found: dict[str, list[str]] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]
    return found


def mutants(file: str) -> dict[str, int | None]:
    """Every mutant of a file by name, with the exit code of its tests."""
    told = json.loads((MUTANTS / f"{file}.meta").read_text(encoding="utf-8"))
    found: dict[str, int | None] = told["exit_code_by_key"]
    return found


def lives(name: str) -> bool:
    """Whether all tests pass in a new process with a mutant, and end. Raises RuntimeError where they cannot be run."""
    own = settings()
    command = [sys.executable, "-m", "pytest", "-x", *own["pytest_add_cli_args"], *own["pytest_add_cli_args_test_selection"]]
    environment = os.environ | {"MUTANT_UNDER_TEST": name, "PYTHONPATH": str(MUTANTS / "src")}
    try:
        result = subprocess.run(
            command, cwd=MUTANTS, env=environment, capture_output=True, text=True, check=False, timeout=ENDLESS_S
        )
    except subprocess.TimeoutExpired:
        sys.stderr.write(f"{name} does not end\n")
        return False
    if result.returncode not in (0, 1, 2):  # 2: the mutant breaks what is imported
        raise RuntimeError(f"{name}: pytest ended with {result.returncode}\n{result.stdout}{result.stderr}")
    return result.returncode == 0


def changed(name: str) -> Iterator[str]:
    """The lines that a mutant takes away and adds, as mutmut shows them."""
    command = [str(Path(sys.executable).with_name("mutmut")), "show", name]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for line in shown.splitlines():
        if line.startswith(("-", "+")) and not line.startswith(("---", "+++")):
            yield f"{line[0]} {line[1:].strip()}"


def main() -> int:
    """Print the table of ``docs/mutation.md`` and every survivor."""
    if not lives(""):
        raise RuntimeError("the tests fail without a mutant")
    survivors: list[str] = []
    sys.stdout.write("| file | mutants | killed by mutmut | killed alone | survived | score |\n|---|---|---|---|---|---|\n")
    for file in settings()["only_mutate"]:
        of_file = mutants(file)
        left = [name for name, code in of_file.items() if code not in KILLED]
        alive = [name for name in left if lives(name)]
        every, score = len(of_file), 100 - 100 * len(alive) / len(of_file)
        counts = f"{every} | {every - len(left)} | {len(left) - len(alive)} | {len(alive)}"
        sys.stdout.write(f"| `{file.removeprefix('src/thecal/')}` | {counts} | {score:.1f} % |\n")
        survivors += alive
    document, unexplained = DOCUMENT.read_text(encoding="utf-8"), 0
    for name in survivors:
        lines = list(changed(name))
        added = [line for line in lines if line.startswith("+")]
        explained = all(f"`{line[2:]}`" in document for line in added or lines[:1])
        unexplained += not explained
        sys.stdout.write("\n".join(["", f"{name}{'' if explained else ': not in docs/mutation.md'}", *lines, ""]))
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
