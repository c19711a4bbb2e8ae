"""thecal compare: what it takes, what it refuses, its files and its exit codes."""

import json
from pathlib import Path

import pytest

from tests.cli.test_program import Call, called, saved
from tests.command import ROOT
from tests.command import inside as thecal
from tests.twin.test_supposed import FIRST, HEAD, PLAIN
from thecal.report.words import BANNER

__all__ = ["called"]  # a fixture

EVEN, NIGHT, BOLUSES, TABLETS = (
    ROOT / "scenarios" / f"{name}.toml" for name in ("even-day", "strong-night", "bolus-by-schedule", "tablets")
)


def test_four_regimens_of_one_dose(tmp_path: Path) -> None:
    """In a process of its own: text, JSON with its keys as the reference says, one page; nothing on the other channel."""
    page, data = tmp_path / "x.html", tmp_path / "x.json"
    result = thecal("compare", EVEN, NIGHT, BOLUSES, TABLETS, "--html", page, "--json", data)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("The last 7 days of each\n")
    assert BANNER in result.stdout
    document = json.loads(data.read_text(encoding="utf-8"))
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert all(f"`{key}`" in reference or key in reference for key in document)
    assert [regimen["case"] for regimen in document["regimens"]] == [path.name for path in (EVEN, NIGHT, BOLUSES, TABLETS)]
    assert (document["schema"], document["days"], document["cautions"]) == (1, 7, [])
    assert "<svg" in page.read_text(encoding="utf-8")
    assert str(tmp_path) not in page.read_text(encoding="utf-8") + data.read_text(encoding="utf-8") + result.stdout


@pytest.mark.parametrize("count", [1, 7])
def test_it_takes_two_to_six(called: Call, count: int) -> None:
    """One has nothing beside it, seven have no room."""
    result = called("compare", *[EVEN] * count)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"thecal: SCENARIO: '{count} cases' cannot be put side by side. Accepted: 2 to 6 cases.\n"


def test_one_case_twice_is_twice_the_same(called: Call) -> None:
    """Both columns alike."""
    result = called("compare", EVEN, EVEN)
    assert result.returncode == 0
    assert all(line.split()[-1] == line.split()[-2] for line in result.stdout.splitlines()[2:21])


@pytest.mark.parametrize(
    ("second", "options", "says"),
    [
        (HEAD + FIRST, [], "describes no body"),
        (PLAIN, ["--days", "37"], "is more than"),
        (PLAIN.replace("reference-20", "reference-21"), [], "case.toml:6: pump.model"),
        (PLAIN, ["--days", "0"], "greater than or equal to 1"),
        (PLAIN, ["--days", "366"], "less than or equal to 365"),
    ],
    ids=["no body", "too short", "bad case", "no day", "too many days"],
)
def test_bad_input_writes_nothing(called: Call, tmp_path: Path, second: str, options: list[str], says: str) -> None:
    """Exit code 2, the reason, no table and no file."""
    case = saved(tmp_path / "case.toml", second)
    result = called("compare", case, case, *options, "--json", tmp_path / "x.json", "--html", tmp_path / "x.html")
    assert (result.returncode, result.stdout) == (2, "")
    assert says in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["case.toml"]


def test_no_case_is_written_over(called: Call, tmp_path: Path) -> None:
    """Neither the first nor the second, by whatever name; nor two outputs into one file, nor into a folder."""
    first, second = saved(tmp_path / "a.toml", PLAIN), saved(tmp_path / "b.toml", PLAIN)
    (tmp_path / "link").symlink_to(second)
    for options, says in (
        (["--json", second], "is the case itself"),
        (["--html", tmp_path / "link"], "is the case itself"),
        (["--json", tmp_path / "x", "--html", tmp_path / "x"], "is the file of --json too"),
        (["--json", tmp_path / "x", "--html", tmp_path], "is a folder"),
        (["--json", tmp_path / "x", "--html", tmp_path / "no" / "x"], "no such folder"),
    ):
        result = called("compare", first, second, *options)
        assert (result.returncode, result.stdout) == (2, "")
        assert says in result.stderr
    assert second.read_text(encoding="utf-8") == PLAIN
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.toml", "b.toml", "link"]


def test_a_case_that_is_not_as_it_expects_is_named(called: Call, tmp_path: Path) -> None:
    """It is compared all the same, and the other channel says so."""
    odd = saved(tmp_path / "odd.toml", PLAIN + '[[event]]\nat = "2026-02-01 09:00"\nkind = "implant"\n')
    result = called("compare", odd, odd)
    assert result.returncode == 0
    assert "odd.toml is not as it expects" in result.stderr
