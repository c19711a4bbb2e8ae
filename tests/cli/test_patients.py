"""thecal patients: every kind, every parameter with its unit, spread, source and confidence."""

import json
import tomllib

import pytest

from tests.cli.test_program import Call, called
from tests.command import ROOT
from tests.command import inside as thecal
from thecal.body.patient import PARAMETERS
from thecal.report.tables import WIDTH

__all__ = ["called"]  # a fixture

PATHS = sorted((ROOT / "src/thecal/data/patients").glob("*.toml"))
SHEETS = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in PATHS}


def test_it_lists_every_kind() -> None:
    """By name, with its title, in a process of its own."""
    result = thecal("patients")
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == list(SHEETS)
    assert all(line.endswith(sheet["title"]) for line, sheet in zip(lines, SHEETS.values(), strict=False))


@pytest.mark.parametrize("name", SHEETS)
def test_it_prints_every_parameter_with_its_source(called: Call, name: str) -> None:
    """Each value that the sheet itself gives, with unit, spread and confidence on its line; no line too wide."""
    result = called("patients", name)
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == f"{name}: {SHEETS[name]['title']}"
    assert max(map(len, lines)) <= WIDTH
    starts = {line.split()[0]: line for line in lines[1:] if line and not line.startswith(" ")}
    assert set(PARAMETERS) <= set(starts)
    for parameter, table in SHEETS[name].get("parameters", {}).items():
        assert table["value"] in starts[parameter]
        assert starts[parameter].endswith(f" {table['confidence']}")
    words = " ".join(result.stdout.split())
    assert all(table["source"] in words for table in SHEETS[name].get("parameters", {}).values())


def test_its_data_have_units_and_bounds(called: Call) -> None:
    """Every parameter of every kind, its value inside its bounds."""
    for arguments in (["patients", "--json"], ["patients", "child", "--json"]):
        result = called(*arguments)
        assert (result.returncode, result.stderr) == (0, "")
        data = json.loads(result.stdout)
        assert data["schema"] == 1
        assert [sheet["name"] for sheet in data["patients"]] == (["child"] if "child" in arguments else list(SHEETS))
        for sheet in data["patients"]:
            assert [row["name"] for row in sheet["parameters"]] == list(PARAMETERS)
            for row in sheet["parameters"]:
                assert row["low"] <= row["value"] <= row["high"]
                assert row["unit"] == PARAMETERS[row["name"]].unit
                assert row["source"]
                assert row["confidence"]


def test_an_unknown_kind_gets_the_nearest(called: Call) -> None:
    """And exit code 2."""
    result = called("patients", "adult-m")
    assert (result.returncode, result.stdout) == (2, "")
    assert "Did you mean 'adult-ms'?" in result.stderr
