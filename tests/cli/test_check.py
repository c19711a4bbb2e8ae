"""``thecal check``, ``thecal rules`` and ``thecal words``, as a user has them."""

import json
from pathlib import Path

import pytest

from tests.command import ROOT
from tests.command import inside as thecal
from thecal.therapy.rules import all_rules

BEFORE = ROOT / "scenarios" / "charts" / "before-the-pump.toml"
YEAR = ROOT / "scenarios" / "first-year.toml"
KEYS = {"rule", "severity", "asked", "allowed", "source", "confidence", "next"}
RISE = """
order = 1
[program]
mode = "simple continuous"
dose = "{dose} mcg/day"
"""


def order(folder: Path, dose: int, *more: str) -> Path:
    path = folder / "order.toml"
    path.write_text("\n".join([*more[:0], RISE.format(dose=dose), *more]), encoding="utf-8")
    return path


@pytest.mark.requirement("CLI-20")
def test_a_chart_that_blocks_exits_with_1_and_says_all_of_it() -> None:
    """Rule, what was found, what is allowed, what to do, source with its confidence, and the disclaimer."""
    result = thecal("check", BEFORE, "--topic", "candidacy")
    assert result.returncode == 1
    assert "BLOCKED  CAN-12" in result.stdout
    for label in ("allowed", "next", "source"):
        assert f"    {label}" in result.stdout
    assert "[Q] read in the cited source" in result.stdout
    assert "no medical advice" in result.stdout


@pytest.mark.requirement("CLI-20")
def test_the_findings_as_json_are_a_list_of_all_keys() -> None:
    result = thecal("check", BEFORE, "--topic", "candidacy", "--json")
    findings = json.loads(result.stdout)
    assert result.returncode == 1
    assert "no medical advice" in result.stderr
    assert findings
    assert all(set(finding) >= KEYS for finding in findings)
    assert {finding["rule"] for finding in findings} <= set(all_rules())


@pytest.mark.requirement("CLI-20")
def test_a_topic_without_findings_exits_with_0() -> None:
    result = thecal("check", YEAR, "--topic", "screening")
    assert (result.returncode, result.stderr) == (0, "")
    assert "findings: nothing found" in result.stdout


@pytest.mark.requirement("CLI-20")
def test_an_order_shows_its_totals_and_what_is_entered_again(tmp_path: Path) -> None:
    """Before and after it, the change, and what blocks; a confirmed total and a smaller rise do not."""
    result = thecal("check", YEAR, "--topic", "order", "--order", order(tmp_path, 400))
    assert result.returncode == 1
    for told in ("24-h total", "peak hour", "change", "to be entered again", "PRG-02", "PRG-06", "at most 40 %"):
        assert told in result.stdout
    confirmed = order(tmp_path, 232)
    text = confirmed.read_text(encoding="utf-8").replace("order = 1", 'order = 1\nconfirm_total = "232 mcg/day"')
    confirmed.write_text(text, encoding="utf-8")
    result = thecal("check", YEAR, "--topic", "order", "--order", confirmed)
    assert "PRG-02" not in result.stdout
    assert "PRG-06" not in result.stdout


@pytest.mark.requirement("CLI-20")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--topic", "candidancy"], "Did you mean 'candidacy'?"),
        (["--at", "2020-01-01 09:00"], "is before the first fact"),
        (["--at", "soon"], "is not a date and time"),
        (["--order", ROOT / "scenarios" / "orders" / "none.toml"], "No such file"),
    ],
)
def test_bad_input_exits_with_2(arguments: list[str | Path], says: str) -> None:
    result = thecal("check", BEFORE, *arguments)
    assert result.returncode == 2
    assert says in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.requirement("CLI-20")
def test_an_order_needs_a_pump(tmp_path: Path) -> None:
    result = thecal("check", BEFORE, "--order", order(tmp_path, 100))
    assert result.returncode == 2
    assert "needs a pump in place" in result.stderr


@pytest.mark.requirement("CLI-20")
def test_a_clinic_s_own_limit_counts(tmp_path: Path) -> None:
    clinic = tmp_path / "clinic.toml"
    clinic.write_text('clinic = 1\n[limits]\n"PRG-02.spinal rise" = 5\n', encoding="utf-8")
    result = thecal("check", YEAR, "--topic", "order", "--order", order(tmp_path, 250), "--clinic", clinic)
    assert "at most 5 %" in result.stdout
    clinic.write_text('clinic = 1\n[limits]\n"PRG-02.spinal rise" = 50\n', encoding="utf-8")
    result = thecal("check", YEAR, "--clinic", clinic)
    assert result.returncode == 2
    assert "clinic.toml:3" in result.stderr
    assert "is less strict than" in result.stderr


@pytest.mark.requirement("CLI-20")
@pytest.mark.parametrize(
    ("written", "says"),
    [
        ('clinic = 1\njurisdiction = "DE"\n', "Accepted: US, UK"),
        ('clinic = 1\npayers = ["medicar"]\n', "Did you mean 'medicare'?"),
        ('clinic = 1\n[limits]\n"TIT-03.rice" = 3\n', "TIT-03.rise"),
        ("clinic = 1\n[switches]\nTIT-03 = true\n", "cannot be switched"),
        ('clinic = 1\n[limits]\n"TIT-12.rises" = 0\n', "is far from what TIT-12 says, 3 rises"),
        ('clinic = 1\n[limits]\n"WDL-08.diazepam from" = 11\n', "is past diazepam to"),
        ('clinic = 1\n[[override]]\nlimit = "PRG-02.fall"\nvalue = 30\nreason = ""\nby = "A"\n', "reason"),
    ],
)
def test_a_clinic_file_that_cannot_be_is_refused_with_its_line(tmp_path: Path, written: str, says: str) -> None:
    clinic = tmp_path / "clinic.toml"
    clinic.write_text(written, encoding="utf-8")
    result = thecal("check", BEFORE, "--clinic", clinic)
    assert result.returncode == 2
    assert "clinic.toml:" in result.stderr
    assert says in result.stderr


@pytest.mark.requirement("CLI-21")
def test_rules_are_listed_filtered_and_explained() -> None:
    """All of them; those of a kind, a topic, a confidence, a family; and one in full, with its tests."""
    assert f"{len(all_rules())} rules." in thecal("rules").stdout
    rows = json.loads(thecal("rules", "--json").stdout)
    assert [row["id"] for row in rows] == list(all_rules())
    assert all(set(row) >= {"id", "kind", "statement", "limits", "source", "confidence", "configurable"} for row in rows)
    steps = json.loads(thecal("rules", "--kind", "step", "--json").stdout)
    assert {row["kind"] for row in steps} == {"step"}
    family = json.loads(thecal("rules", "tit", "--json").stdout)
    assert {row["id"][:3] for row in family} == {"TIT"}
    one = thecal("rules", "tit-03").stdout
    for told in ("30 %", "block", "Boster 2016", "a clinic may make it stricter", "tests/therapy/test_titration.py::"):
        assert told in one


@pytest.mark.requirement("CLI-21")
@pytest.mark.parametrize(("argument", "says"), [("TIT-99", "Did you mean"), ("XYZ", "begins no rule"), ("SCR-08c", "SCR-08b")])
def test_an_unknown_rule_gets_the_nearest(argument: str, says: str) -> None:
    result = thecal("rules", argument)
    assert result.returncode == 2
    assert says in result.stderr


@pytest.mark.requirement("CLI-21")
def test_the_words_of_charts_are_listed() -> None:
    assert "symptoms" in thecal("words").stdout
    assert "itching without rash" in thecal("words", "symptoms").stdout
    assert {"name", "unit", "low", "high"} <= set(json.loads(thecal("words", "measures", "--json").stdout)[0])
    assert "Did you mean 'symptoms'?" in thecal("words", "symptom").stderr
