"""The house: imports fall to the ground, the rooms below the line are pure, and what is promised is tested."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import thecal
from tests.command import ROOT

SOURCE = ROOT / "src" / "thecal"
BELOW_THE_LINE = ("report", "twin", "programmer", "therapy", "chart", "pump", "catheter", "body")
GROUND = ("timeline", "fluid", "datum", "quantity", "unit", "errors")
IMPURE = {
    "asyncio", "concurrent", "http", "logging", "multiprocessing", "random", "requests", "secrets", "select", "signal", "socket",
    "sqlite3", "subprocess", "threading", "time", "urllib", "uuid",
}  # fmt: skip
CLOCKS = {"now", "today", "utcnow", "fromtimestamp", "default_rng", "urandom", "getenv"}
NOT_NOUNS = {"utils", "helpers", "common", "base", "manager", "core", "misc"}


def pure_modules() -> list[Path]:
    rooms = [path for room in BELOW_THE_LINE for path in (SOURCE / room).rglob("*.py")]
    return [*rooms, *(SOURCE / f"{name}.py" for name in GROUND)]


def imported(tree: ast.AST) -> set[str]:
    """The first part of every imported name, and ``numpy.random`` as itself."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name if name.startswith("numpy.random") else name.partition(".")[0] for name in names}


def test_imports_fall_to_the_ground() -> None:
    """The contract of pyproject.toml, in which every room stands."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout
    assert "1 kept, 0 broken" in result.stdout


@pytest.mark.parametrize("path", pure_modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_nothing_below_the_line_reaches_outside(path: Path) -> None:
    """No clock, socket, database, process, logging or global randomness: time and chance are arguments."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not imported(tree) & (IMPURE | {"numpy.random"})
    called = {node.func.attr for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)}
    assert not called & CLOCKS


def test_the_purity_test_can_fail() -> None:
    """What it looks for, it finds."""
    bad = "import time\nfrom numpy import random\nfrom os import path\nx = datetime.now()\n"
    assert imported(ast.parse(bad)) == {"time", "numpy", "numpy.random", "os"}


def test_rooms_are_nouns_of_the_field() -> None:
    """No file is a drawer, and no file grows into two."""
    paths = list(SOURCE.rglob("*.py"))
    assert not {path.stem for path in paths} & NOT_NOUNS
    assert not [path for path in paths if len(path.read_text(encoding="utf-8").splitlines()) > 400]


def test_the_public_interface_is_about_twenty_names() -> None:
    """All of them there, and each with its docstring."""
    assert 18 <= len(thecal.__all__) <= 24
    assert not [name for name in thecal.__all__ if not getattr(thecal, name).__doc__]


def test_locks_are_hashed_and_name_no_address() -> None:
    """Every pin has hashes; users sit behind mirrors."""
    for name in ("core", "dev", "evidence", "mutation", "peers"):
        text = (ROOT / "locks" / f"{name}.txt").read_text(encoding="utf-8")
        assert not re.search(r"https?:|--(extra-)?index|--find-links", text)
        pins = re.split(r"^(?=[a-zA-Z])", text, flags=re.MULTILINE)[1:]
        assert len(pins) > 20
        assert all("==" in pin and "--hash=sha256:" in pin for pin in pins)


def test_the_locks_agree() -> None:
    """What runs is what is tested."""
    pins = {name: set(re.findall(r"^([a-zA-Z0-9_.-]+==\S+)", text, flags=re.MULTILINE)) for name, text in locks().items()}
    assert pins["core"] <= pins["dev"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(project["optional-dependencies"]) == {"fast", "clinic", "study", "evidence", "mutation", "peers", "dev"}


def locks() -> dict[str, str]:
    return {name: (ROOT / "locks" / f"{name}.txt").read_text(encoding="utf-8") for name in ("core", "dev")}


def test_nothing_tells_of_the_machine_it_was_made_on() -> None:
    """No path of a home, no registry, in what is tracked."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    paths = [ROOT / name for name in tracked if not name.startswith("locks/") and (ROOT / name).suffix != ".svg"]
    words = ("/ro" + "ot/", "/wo" + "rk/", "/ho" + "me/", "pypi" + ".org", "files.python" + "hosted")
    found = [(path.name, word) for path in paths if path.is_file() for word in words if word in path.read_text(errors="replace")]
    assert not found
