"""``thecal plan``: every plan as a table, as JSON and as a calendar."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from icalendar import Calendar

from tests.command import ROOT
from tests.command import inside as thecal
from thecal.cli.plan import plan as plans
from thecal.therapy.rules import all_rules

pytestmark = pytest.mark.requirement("CLI-23")

BEFORE = ROOT / "scenarios" / "charts" / "before-the-pump.toml"
YEAR = ROOT / "scenarios" / "first-year.toml"
EVERY = [
    ("screening", BEFORE),
    ("start", YEAR, "--at", "2025-01-21 12:00"),
    ("titration", YEAR, "--to", "260 mcg/day"),
    ("refill", YEAR),
    ("taper", BEFORE),
    ("cover", YEAR),
    ("replacement", YEAR),
    ("oral", BEFORE),
    ("travel", YEAR, "--from", "2026-02-10 09:00"),
    ("surgery", YEAR, "--from", "2026-02-10 09:00"),
    ("pregnancy", YEAR, "--from", "2026-09-10 09:00"),
]


def signed(folder: Path) -> Path:
    """The first year, with a plan against withdrawal that somebody has signed."""
    text = YEAR.read_text(encoding="utf-8")
    plan = '[[fact]]\nat = "2026-01-20 09:00"\nkind = "document"\ndocument = "withdrawal plan"\nby = "Dr A"\n'
    path = folder / "signed.toml"
    path.write_text(f"{text}\n{plan}", encoding="utf-8")
    return path


def weaned(folder: Path) -> Path:
    """The first year, with tablets that are still taken."""
    text = YEAR.read_text(encoding="utf-8")
    tablets = 'kind = "prescribed"\nmedicine = "baclofen"\ndose = "60 mg/day"\ndoses_a_day = 3\n'
    path = folder / "weaned.toml"
    path.write_text(f'{text}\n[[fact]]\nat = "2025-01-08 09:00"\n{tablets}', encoding="utf-8")
    return path


@pytest.mark.parametrize("arguments", EVERY, ids=lambda arguments: str(arguments[0]))
def test_every_plan_is_a_table_and_a_document(arguments: tuple[str | Path, ...]) -> None:
    """Steps in order of time, each with a known rule, its source and how sure it is; with the disclaimer in both."""
    table, document = thecal("plan", *arguments), thecal("plan", *arguments, "--json")
    assert table.stderr == ""
    assert "no medical advice" in table.stdout
    told = json.loads(document.stdout)
    assert "no medical advice" in told["disclaimer"]
    assert told["steps"]
    times = [step["at"] for step in told["steps"]]
    assert times == sorted(times)
    for step in told["steps"]:
        rule = all_rules()[step["rule"]]
        assert (step["source"], step["confidence"]) == (rule.source, rule.confidence)
        assert f"{step['at_local']:<25}{step['rule']}" in table.stdout
    assert table.returncode == document.returncode
    stops = [finding for finding in told["findings"] if finding["severity"] in ("emergency", "block", "second_person")]
    assert table.returncode == (1 if stops else 0)


def test_every_command_is_here() -> None:
    names = {command.callback.__name__ for command in plans.registered_commands if command.callback}
    assert names == {str(arguments[0]) for arguments in EVERY} | {"wean", "removal", "emergency"}


def test_the_weaning_after_the_pump_has_started(tmp_path: Path) -> None:
    told = json.loads(thecal("plan", "wean", weaned(tmp_path), "--json").stdout)
    assert any(step["rule"] == "WEA-05" and "baclofen" in step["what"] for step in told["steps"])


def test_a_taper_of_a_dose_that_is_said() -> None:
    """It begins below that dose, whatever the chart says."""
    told = json.loads(thecal("plan", "taper", BEFORE, "--dose", "30 mg/day", "--json").stdout)
    assert told["title"].endswith("30 mg/day")
    doses = [int(step["what"].removesuffix(" mg/day")) for step in told["steps"]]
    assert doses[0] < 30
    assert doses == sorted(doses, reverse=True)
    assert doses[-1] == 0


def test_a_removal_needs_a_named_prescriber(tmp_path: Path) -> None:
    """Its doses by mouth pass the usual maximum: refused without the paper, planned with it."""
    refused = thecal("plan", "removal", YEAR, "--from", "2026-02-20 09:00")
    assert refused.returncode == 1
    assert "ORL-01" in refused.stderr
    told = json.loads(thecal("plan", "removal", signed(tmp_path), "--from", "2026-02-20 09:00", "--json").stdout)
    assert {step["rule"] for step in told["steps"]} == {"WEA-06"}


def test_a_calendar_has_an_entry_for_each_step(tmp_path: Path) -> None:
    """The instants of the plan in UTC, stable identifiers, source and disclaimer in each."""
    file = tmp_path / "plan.ics"
    command = ("plan", "titration", YEAR, "--to", "300 mcg/day")
    assert thecal(*command, "--ics", file).returncode == 0
    steps = json.loads(thecal(*command, "--json").stdout)["steps"]
    entries = list(Calendar.from_ical(file.read_bytes()).walk("VEVENT"))
    assert [entry.decoded("dtstart") for entry in entries] == [
        datetime.strptime(step["at"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) for step in steps
    ]
    assert [str(entry["summary"]) for entry in entries] == [step["what"] for step in steps]
    assert all("no medical advice" in str(entry["description"]) for entry in entries)
    first = file.read_bytes()
    assert thecal(*command, "--ics", file).returncode == 0
    assert file.read_bytes() == first


def test_the_emergency_plan_says_what_is_not_recorded() -> None:
    table, document = thecal("plan", "emergency", YEAR), thecal("plan", "emergency", YEAR, "--json")
    told = json.loads(document.stdout)
    assert "228 mcg/day" in table.stdout
    assert "not recorded" in table.stdout
    assert "Clinic by night" in told["missing"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("screening", BEFORE, "--dose", "150 mcg"), 1, "at most 100 mcg"),
        (("titration", YEAR, "--to", "2500 mcg/day"), 1, "SAF-01"),
        (("titration", YEAR, "--to", "300 mcg/day", "--rise", "40"), 1, "TIT-03"),
        (("titration", YEAR, "--to", "300 mcg"), 2, "--to"),
        (("titration", YEAR, "--to", "300 mcg/day", "--every", "7"), 2, "--every"),
        (("taper", BEFORE, "--days", "4"), 1, "WEA-02"),
        (("taper", BEFORE, "--dose", "60"), 2, "is not a plain number with its unit"),
        (("taper", BEFORE, "--medicine", "baclofn"), 2, "Did you mean 'baclofen'?"),
        (("taper", BEFORE, "--schedule", "daily"), 2, "each 3 days"),
        (("refill", BEFORE), 1, "refused by"),
        (("travel", BEFORE), 2, "has no pump in place"),
        (("emergency", BEFORE), 2, "has no pump in place"),
        (("titration", YEAR, "--to", "300 mcg/day", "--from", "2025-03-01 09:00"), 2, "is in the past"),
        (("start", BEFORE), 1, "refused by"),
        (("replacement", BEFORE), 1, "refused by"),
        (("wean", YEAR), 1, "WEA-05"),
        (("refill", ROOT / "nothing.toml"), 2, "No such file"),
        (("refill", YEAR, "--ics", YEAR), 2, "is the case itself"),
    ],
    ids=str,
)
def test_what_the_rules_refuse_is_no_plan(arguments: tuple[str | Path, ...], code: int, says: str) -> None:
    result = thecal("plan", *arguments)
    assert result.returncode == code
    assert says in result.stderr
    assert "Traceback" not in result.stderr
