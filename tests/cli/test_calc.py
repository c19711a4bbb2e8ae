"""thecal calc: the arithmetic, as text and as JSON."""

import json
import sys
from typing import Any, Protocol

import pytest

from thecal.cli.main import main


def ask(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str, str]:
    """(exit code, standard output, standard error) of the command, in this process."""
    monkeypatch.setattr(sys, "argv", ["thecal", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    out, err = capsys.readouterr()
    return int(caught.value.code or 0), out, err


class Calc(Protocol):
    """A call of thecal calc: the options by name, the answer read from JSON."""

    def __call__(self, verb: str, **options: str) -> tuple[int, Any, str]: ...


@pytest.fixture
def calc(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Calc:
    def call(verb: str, **options: str) -> tuple[int, Any, str]:
        flags = [part for name, value in options.items() for part in (f"--{name.rstrip('_').replace('_', '-')}", str(value))]
        code, out, err = ask(capsys, monkeypatch, "calc", verb, *flags, "--json")
        return code, json.loads(out) if out else None, err

    return call


def test_flow(calc: Calc) -> None:
    """A dose at a concentration, exact on the reference pump and in its steps on another."""
    flow = {"dose": "137.5 mcg/day", "concentration": "2000 mcg/mL"}
    assert calc("flow", **flow)[1] == {
        "flow_ml_per_day": 0.06875,
        "ordered_mcg_per_day": 137.5,
        "programmed_mcg_per_day": 137.5,
    }
    assert calc("flow", **flow, pump="synchromed-ii-20")[1] == {
        "flow_ml_per_day": 0.069,
        "ordered_mcg_per_day": 137.5,
        "programmed_mcg_per_day": 138.0,
    }


def test_refill(calc: Calc) -> None:
    """Days exact, the day floored after the buffer, and what governs."""
    options = {"fill": "40 mL", "concentration": "2000 mcg/mL", "dose": "300 mcg/day"}
    code, answer, _ = calc("refill", **options, alarm="2 mL", stability="180 days", buffer="5 days")
    assert code == 0
    assert answer == {
        "flow_ml_per_day": 0.15,
        "days_to_alarm": pytest.approx(253 + 1 / 3),
        "days_to_empty": pytest.approx(266 + 2 / 3),
        "refill_by_day": 175,
        "governed_by": "stability",
        "refill_by_day_at_label_bound": 175,
    }
    assert calc("refill", **options)[1] == answer
    assert calc("refill", **options, clinic_max="90 days")[1]["governed_by"] == "clinic"
    assert calc("refill", **options, service="12 weeks")[1]["refill_by_day"] == 79
    assert calc("refill", **options, buffer="0 days")[1]["refill_by_day"] == 180


def test_bridge(calc: Calc) -> None:
    """The bridge, what follows it, and what happens without."""
    options = {"from_": "500 mcg/mL", "to": "2000 mcg/mL", "dose": "200 mcg/day", "dead_volume": "0.4 mL"}
    assert calc("bridge", **options)[1] == {
        "bridge_flow_ml_per_day": 0.4,
        "bridge_hours": 24.0,
        "bridge_dose_mcg": 200.0,
        "then_flow_ml_per_day": 0.1,
        "without_bridge": {"mcg_per_day": 50.0, "percent_of_order": 25.0, "hours": 96.0},
    }


def test_prime(calc: Calc) -> None:
    """Volume and time, the estimate and the bound; with a concentration, the early dose."""
    options = {
        "tubing": "0.140 mL",
        "catheter_length": "89 cm",
        "per_length": "0.00221 mL/cm",
        "flow": "24 mL/day",
    }
    answer = calc("prime", **options)[1]
    assert answer == {
        "volume_ml": pytest.approx(0.33669),
        "minutes": pytest.approx(20.2014),
        "expected_spilled_fraction": pytest.approx(0.0331, abs=1e-4),
        "first_drug_at_fraction": 0.5,
        "spilled_fraction_of_lumen": 0.25,
    }
    assert calc("prime", **options, concentration="500 mcg/mL")[1]["early_dose_bound_mcg"] == pytest.approx(24.58625)


def test_mix(calc: Calc) -> None:
    """The weighted mean."""
    options = {"residual": "1.4 mL", "residual_concentration": "500 mcg/mL", "fill": "18.6 mL", "concentration": "2000 mcg/mL"}
    assert calc("mix", **options)[1] == {"concentration_mcg_per_ml": 1895.0}
    back = {**options, "residual_concentration": "2000 mcg/mL", "concentration": "500 mcg/mL"}
    assert calc("mix", **back)[1] == {"concentration_mcg_per_ml": 605.0}


def test_bolus(calc: Calc) -> None:
    """The published bolus: 0.1 mL at 14.4 mL/day."""
    answer = calc("bolus", dose="50 mcg", concentration="500 mcg/mL", over="10 min")[1]
    assert answer == {"volume_ml": 0.1, "flow_ml_per_day": 14.4, "flow_ml_per_hour": 0.6}


def test_residual(calc: Calc) -> None:
    """The band, and the flag of what was measured."""
    options = {"fill": "40 mL", "flow": "0.250 mL/day", "after": "120 days"}
    assert calc("residual", **options, measured="9 mL", reservoir="40 mL")[1] == {
        "expected_ml": 10.0,
        "low_ml": 5.65,
        "high_ml": 14.35,
        "discrepancy_ml": -1.0,
        "flag": "ok",
    }
    assert calc("residual", **options, measured="12.5 mL")[1]["flag"] == "amber"
    assert calc("residual", **options, measured="14.1 mL")[1]["flag"] == "red"
    bare = calc("residual", **options)[1]
    assert (bare["discrepancy_ml"], bare["flag"]) == (None, None)
    small = calc("residual", fill="18 mL", flow="0.1 mL/day", after="30 days", measured="13.9 mL")[1]
    assert small["flag"] == "amber"


@pytest.mark.requirement("CLI-01")
@pytest.mark.parametrize(
    ("verb", "options", "rule"),
    [
        ("flow", {"dose": "20 mcg/day", "concentration": "2000 mcg/mL"}, "PMP-01"),
        ("flow", {"dose": "20000 mcg/day", "concentration": "500 mcg/mL"}, "PMP-02"),
        ("refill", {"fill": "2 mL", "concentration": "500 mcg/mL", "dose": "100 mcg/day"}, "REF-01"),
        ("refill", {"fill": "2.5 mL", "concentration": "500 mcg/mL", "dose": "100 mcg/day"}, "REF-04"),
        ("bridge", {"from_": "2000 mcg/mL", "to": "500 mcg/mL", "dose": "90 mcg/day", "dead_volume": "0.4 mL"}, "PMP-01"),
        ("prime", {"tubing": "0 mL", "catheter_length": "1 cm", "per_length": "0.002 mL/cm", "flow": "30 mL/day"}, "PMP-02"),
        ("bolus", {"dose": "100 pg", "concentration": "500 mcg/mL", "over": "10 min"}, "ORD-05"),
        ("bolus", {"dose": "99 mcg", "concentration": "500 mcg/mL", "over": "10 min", "pump": "reference-20"}, "PMP-02"),
    ],
)
def test_what_is_refused_exits_with_one(calc: Calc, verb: str, options: dict[str, str], rule: str) -> None:
    """The refusal in words on standard error and as JSON on standard output."""
    code, answer, err = calc(verb, **options)
    assert code == 1
    assert answer["refused"]["rule"] == rule
    assert rule in err
    assert all(answer["refused"][key] for key in ("asked", "limit", "source", "advice"))


@pytest.mark.requirement("CLI-01")
@pytest.mark.parametrize(
    ("verb", "options", "says"),
    [
        ("flow", {"dose": "137.5", "concentration": "2000 mcg/mL"}, "--dose: '137.5' has no unit. Accepted: mcg/day, mcg/h."),
        ("flow", {"dose": "0.1 mg/day", "concentration": "2000 mcg/mL"}, "100 mcg/day"),
        ("flow", {"dose": "100 mcg/day", "concentration": "2 mg/mL"}, "2,000 mcg/mL"),
        ("flow", {"dose": "100 mcg/day", "concentration": "2000 mcg/mL", "pump": "synchromed"}, "synchromed-ii-20"),
        ("bridge", {"from_": "500 mcg/mL", "to": "500 mcg/mL", "dose": "9 mcg/day", "dead_volume": "1 mL"}, "nothing to bridge"),
        (
            "mix",
            {"residual": "0 mL", "residual_concentration": "1 mcg/mL", "fill": "0 mL", "concentration": "9 mcg/mL"},
            "no mixture",
        ),
        ("residual", {"fill": "40 mL", "flow": "1 mL/day", "after": "1 day", "reservoir": "20 mL"}, "more than the reservoir"),
        ("refill", {"fill": "40 mL", "concentration": "9 mcg/mL", "dose": "9 mcg/day", "clinic_max": "6 months"}, "180 days"),
    ],
)
def test_what_cannot_be_read_exits_with_two(calc: Calc, verb: str, options: dict[str, str], says: Any) -> None:
    """Field, text, what is accepted and what was meant, on standard error; nothing on standard output."""
    code, answer, err = calc(verb, **options)
    assert (code, answer) == (2, None)
    assert says in err


def test_as_text_every_number_has_its_unit(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same numbers for people."""
    code, out, _ = ask(capsys, monkeypatch, "calc", "flow", "--dose", "1200 mcg/day", "--concentration", "500 mcg/mL")
    assert code == 0
    *numbers, note = out.splitlines()
    assert [line.split(maxsplit=1)[1] for line in numbers] == ["2.4 mL/day", "1,200 mcg/day", "1,200 mcg/day"]
    assert note == "On reference-40, in flow steps of 0.000001 mL/day."
    bridge = ["--from", "500 mcg/mL", "--to", "2000 mcg/mL", "--dose", "200 mcg/day", "--dead-volume", "0.4 mL"]
    _, out, _ = ask(capsys, monkeypatch, "calc", "bridge", *bridge)
    assert "without bridge:" in out
    assert "50 mcg/day" in out
    assert "too little: 25 % of the ordered dose for 4 days" in out
    down = ["--from", "2000 mcg/mL", "--to", "500 mcg/mL", "--dose", "200 mcg/day", "--dead-volume", "0.4 mL"]
    assert "an overdose: 400 %" in ask(capsys, monkeypatch, "calc", "bridge", *down)[1]
    fill = ["--fill", "40 mL", "--concentration", "500 mcg/mL", "--dose", "228 mcg/day"]
    assert "refill by day at label bound 67" in " ".join(ask(capsys, monkeypatch, "calc", "refill", *fill)[1].split())
    residual = ["--fill", "20 mL", "--flow", "0.2 mL/day", "--after", "59 days", "--measured", "7 mL"]
    said = " ".join(ask(capsys, monkeypatch, "calc", "residual", *residual)[1].split())
    assert "flag amber" in said
    assert "amber above 1 mL, red above 2 mL" in said


@pytest.mark.parametrize("arguments", [["calc", "flow"], ["calc", "nothing"], ["run"], ["pumps", "none"], ["--nothing"]])
def test_a_wrong_command_line_exits_with_two(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """A missing option, an unknown verb, an unknown pump."""
    assert ask(capsys, monkeypatch, *arguments)[0] == 2


def test_pumps(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them by name; one in full with every source; and as JSON."""
    _, out, _ = ask(capsys, monkeypatch, "pumps")
    assert "synchromed-ii-40" in out
    assert "indura-8709sc" in out
    _, out, _ = ask(capsys, monkeypatch, "pumps", "synchromed-ii-40")
    assert "flow min" in out
    assert "U: no source found" in out
    _, out, _ = ask(capsys, monkeypatch, "pumps", "reference-20", "--json")
    rows = json.loads(out)["pumps"][0]["data"]
    assert {"name": "reservoir_capacity", "value": "20 mL", "source": "design: the usual small size", "confidence": "D"} in rows


def test_the_version(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One line."""
    code, out, _ = ask(capsys, monkeypatch, "--version")
    assert code == 0
    assert out.startswith("thecal 0.")
