"""thecal pumps: the data sheets, and both readings of what no source decides."""

import json
import sys
from typing import Any

import pytest

from tests.command import inside as thecal
from thecal.cli.main import main
from thecal.pump.sheet import pump_sheets


def ask(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str, str]:
    """(exit code, standard output, standard error) of thecal pumps, in this process."""
    monkeypatch.setattr(sys, "argv", ["thecal", "pumps", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


def answered(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    code, out, err = ask(capsys, monkeypatch, *arguments)
    assert (code, err) == (0, "")
    return out


# What leaves a pump in 24 h that runs at 0.25 mL/day, where a bolus is 0.1 mL over an hour, in nL.
HALF_AND_HALF = 110_416  # 0.1 mL, and an hour of 0.25 mL/day is 10,416 nL
REFERENCE = [
    ("basal_during_bolus", "continues", 350_000),
    ("basal_during_bolus", "suspended", 339_583),  # 23 hours of 0.25 mL/day are 239,583 nL
    ("after_single_bolus", "resumes", 350_000),
    ("after_single_bolus", "stopped", HALF_AND_HALF),
    ("after_patient_bolus", "resumes", 350_000),
    ("after_patient_bolus", "stopped", HALF_AND_HALF),
    ("after_priming_bolus", "resumes", 339_583),
    ("after_priming_bolus", "stopped", 100_000),
    ("after_bridge_bolus", "resumes", 300_000),  # 0.1 mL at 0.5 mL/day take 4.8 hours, 0.2 mL follow
    ("after_bridge_bolus", "stopped", 100_000),
    ("update_during_bolus", "refused", 350_000),
    ("update_during_bolus", "cancels", 125_000),
    ("stops_while_updating", "yes", 0),
    ("stops_while_updating", "no", 250_000),
    ("patient_bolus", "yes", 350_000),
    ("patient_bolus", "no", 250_000),
    ("fill_sensor", "yes", 250_000),
    ("fill_sensor", "no", 250_000),
    ("emi_during_alarm", "telemetry mode", 0),
    ("emi_during_alarm", "unaffected", 250_000),
    ("safe_state", "minimum rate", 6_000),
    ("safe_state", "stopped", 0),
]


@pytest.mark.requirement("PMP-64")
@pytest.mark.requirement("CLI-03")
def test_both_readings_as_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every open property twice, the data sheet's own reading marked, with the volume of the same day by hand."""
    answer = json.loads(answered(capsys, monkeypatch, "reference-20", "--readings", "--json"))
    assert list(answer) == ["schema", "pump", "readings"]
    assert (answer["schema"], answer["pump"]) == (1, "reference-20")
    rows: list[dict[str, Any]] = answer["readings"]
    assert [(row["property"], row["value"], row["delivered_in_24_h_nl"]) for row in rows] == REFERENCE
    on_sheet = [row["property"] for row in rows if row["on_sheet"] is True]
    assert on_sheet == list(dict.fromkeys(name for name, _, _ in REFERENCE))
    assert {row["value"] for row in rows if row["refused_by"] == "PMP-08"} == {"refused"}
    assert {(row["property"], row["value"]) for row in rows if row["refused_by"] == "PMP-33"} == {("patient_bolus", "no")}
    assert {row["value"]: row["alarms"] for row in rows if row["property"] == "fill_sensor"} == {
        "yes": ["low reservoir"],
        "no": [],
    }
    assert [row["mode"] for row in rows if row["value"] == "stopped"] == ["stopped"] * 4 + ["safe state"]
    assert set(rows[0]) == {"property", "value", "on_sheet", "after", "delivered_in_24_h_nl", "mode", "alarms", "refused_by"}


@pytest.mark.requirement("PMP-64")
def test_both_readings_as_text(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same numbers in mL, one line each, a star at the data sheet's, and how to choose the other."""
    lines = answered(capsys, monkeypatch, "reference-20", "--readings").splitlines()
    assert lines[0] == "reference-20: what no source decides, both ways"
    assert "0.25 mL/day all day" in lines[1]
    rows = [line for line in lines if line.split()[0] in dict.fromkeys(name for name, _, _ in REFERENCE)]
    assert len(rows) == len(REFERENCE)
    for row, (_, value, volume_nl) in zip(rows, REFERENCE, strict=True):
        assert value in row
        assert f" {volume_nl / 10**6:g} mL " in row
    assert sum("*" in row for row in rows) == len(REFERENCE) // 2
    assert "readings = { ... } in the [pump] table" in lines[-1]
    assert max(len(line) for line in lines) <= 106


@pytest.mark.requirement("PMP-64")
def test_what_a_source_decides_has_one_reading(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A SynchroMed II stops while updating, goes into telemetry mode, has an activator and no fill sensor: each with a source."""
    decided = {"stops_while_updating", "emi_during_alarm", "patient_bolus", "fill_sensor"}
    rows = json.loads(answered(capsys, monkeypatch, "synchromed-ii-40", "--readings", "--json"))["readings"]
    assert {row["property"] for row in rows} == {name for name, _, _ in REFERENCE} - decided
    assert {(row["property"], row["value"]): row["delivered_in_24_h_nl"] for row in rows} == {
        (name, value): volume_nl for name, value, volume_nl in REFERENCE if name not in decided
    }


def test_what_a_pump_does_not_have_is_refused_in_both_readings(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A MedStream has no patient bolus: nothing is added to the 0.25 mL, and the rule is named."""
    rows = json.loads(answered(capsys, monkeypatch, "medstream-20", "--readings", "--json"))["readings"]
    told = [(row["delivered_in_24_h_nl"], row["refused_by"]) for row in rows if row["property"] == "after_patient_bolus"]
    assert told == [(250_000, "PMP-33")] * 2


@pytest.mark.parametrize("name", [name for name, sheet in pump_sheets().items() if sheet.programmable])
def test_every_programmable_pump_has_readings(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of each property, one of them on the sheet."""
    rows = json.loads(answered(capsys, monkeypatch, name, "--readings", "--json"))["readings"]
    names = [row["property"] for row in rows]
    assert all(names.count(name) == 2 for name in names)
    assert sum(row["on_sheet"] for row in rows) * 2 == len(rows) > 0


@pytest.mark.requirement("CLI-01")
@pytest.mark.parametrize("as_json", [[], ["--json"]])
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["isomed-8472-20-10", "--readings"],
            ["isomed-8472-20-10", "constant-flow pump", "nothing that could be read in two ways"],
        ),
        (["indura-8709sc", "--readings"], ["indura-8709sc", "is no pump", "reference-20"]),
        (["--readings"], ["NAME", "is missing", "reference-20"]),
        (["referense-20", "--readings"], ["referense-20", "is not known", "'reference-20'"]),
        (["referense-20"], ["referense-20", "is not known", "'reference-20'"]),
    ],
)
def test_what_has_no_readings_exits_with_two(
    arguments: list[str],
    says: list[str],
    as_json: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A constant-flow pump, a catheter, no name, and a name that there is not."""
    code, out, err = ask(capsys, monkeypatch, *arguments, *as_json)
    assert (code, out) == (2, "")
    assert err.startswith("thecal: ")
    assert all(piece in err for piece in says), err


def test_the_command_itself_prints_readings() -> None:
    """As a process of its own, with its exit code."""
    result = thecal("pumps", "reference-40", "--readings")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("reference-40: what no source decides")
    assert thecal("pumps", "indura-8709sc", "--readings").returncode == 2


def test_the_list_says_what_tells_models_apart(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The reservoir of every pump, the flow of those that have only one, the length of a catheter."""
    lines = answered(capsys, monkeypatch).splitlines()
    for line in (
        "isomed-8472-35-25   IsoMed, 35 mL, always 2.5 mL/day",
        "isomed-8472-20-03   IsoMed, 20 mL, always 0.3 mL/day",
        "synchromed-ii-40    SynchroMed II, 40 mL",
        "indura-8709sc       InDura, 89 cm",
    ):
        assert line in lines
    constant = [line.split()[0] for line in lines if "always" in line]
    assert constant == sorted(name for name, sheet in pump_sheets().items() if not sheet.programmable)


def test_a_constant_flow_pump_has_a_sheet_with_its_flow(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As text and as JSON, with the source; and nothing that only electronics have."""
    text = answered(capsys, monkeypatch, "isomed-8472-35-25")
    assert any(line.split()[:4] == ["flow", "2.5", "mL/day", "I"] for line in text.splitlines())
    data = json.loads(answered(capsys, monkeypatch, "isomed-8472-35-25", "--json"))["pumps"][0]["data"]
    names = {datum["name"] for datum in data}
    assert names == {
        "reservoir_capacity", "undeliverable_volume", "tubing_volume", "flow", "flow_accuracy", "drive", "magnet",
    }  # fmt: skip
    assert all(datum["source"] and datum["confidence"] for datum in data)
