"""thecal study sensitivity: what it prints and writes, what it refuses, and its exit codes."""

import json
import re
import sys
from pathlib import Path

import pytest

from tests.command import inside
from tests.study.test_sensitivity import TINY
from thecal.report.tables import WIDTH
from thecal.report.words import BANNER

VARY = ("--vary", "ec50_tone_ng_per_ml", "--vary", "oral_clearance_l_per_h=5:20", "--vary", "fault_found_days")
FEW = ("--samples", "4", "--patients", "3", "--workers", "1")


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


def test_text_and_figure(tiny: Path, tmp_path: Path) -> None:
    """Both tables with units, what was varied, how to read it; the figure; progress where nobody looks; nothing too wide."""
    result = inside("study", "sensitivity", tiny, *VARY, *FEW, "--svg", tmp_path / "tornado.svg")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == "What change of the Ashworth score of the legs, points rests on"
    assert "3 patients at each of 27 points (4 samples over 3 parameters), followed for 20 days; seed 0." in result.stdout
    assert max(map(len, lines)) <= WIDTH
    assert re.search(r"^ec50_tone_ng_per_ml +31 to 136 ng/mL +-\d", result.stdout, re.MULTILINE)
    assert re.search(r"^oral_clearance_l_per_h +5 to 20 L/h +(-\S+) +\1 +0$", result.stdout, re.MULTILINE)
    assert re.search(r"^oral_clearance_l_per_h +0.00 \(0.00 to 0.00\) +0.00 \(0.00 to 0.00\)$", result.stdout, re.MULTILINE)
    flat = " ".join(lines)
    assert "All ranges are choices" in flat
    assert "fault_found_days: setting of the world; half of it to twice; typical 7 days (confidence U:" in flat
    assert BANNER in flat
    told = result.stderr.splitlines()
    assert (told[0], told[-1]) == ("0 of 27 points", "27 of 27 points")
    svg = (tmp_path / "tornado.svg").read_text()
    assert svg.startswith("<svg")
    assert "A fixed dose for a month: pump" in svg


def test_json(tiny: Path) -> None:
    """The numbers as they are; an arm and an endpoint of one's own."""
    asked = ("--arm", "tablets", "--endpoint", "responders", "--vary", "ec50_tone_ng_per_ml", "--json")
    result = inside("study", "sensitivity", tiny, *FEW, *asked)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["schema"], found["arm"], found["endpoint"]["name"]) == (1, "tablets", "responders")
    assert (found["samples"], found["patients"], found["points"]) == (4, 3, 15)
    (factor,) = found["factors"]
    assert (factor["name"], factor["place"], factor["unit"], factor["typical"]) == ("ec50_tone_ng_per_ml", "body", "ng/mL", 65)
    assert set(factor["total"]) == {"value", "low", "high"}
    assert found["least"] <= found["greatest"]
    assert found["failures"] == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--vary", "ec50_tone"), "--vary: 'ec50_tone' is neither a parameter of the body nor a setting of the world"),
        (("--vary", "ke0_tone_per_h=2:1"), "low is below high"),
        (("--samples", "100"), "such as 64 or 128"),
        (("--endpoint", "dose", "--arm", "tablets"), "needs a pump"),
        (("--arm", "nobody"), "is no arm of tiny"),
    ],
)
def test_bad_input(tiny: Path, options: tuple[str, ...], said: str) -> None:
    result = inside("study", "sensitivity", tiny, *options)
    assert (result.returncode, result.stdout) == (2, "")
    assert said in result.stderr


def test_what_does_not_matter(tiny: Path) -> None:
    """Where nothing that is varied moves the endpoint, it is said in so many words."""
    result = inside("study", "sensitivity", tiny, *FEW, "--endpoint", "dose", "--vary", "ke0_tone_per_h", "--arm", "pump")
    assert result.returncode == 0, result.stderr
    assert "The endpoint is the same at every sample" in result.stdout


def test_a_usual_choice(tiny: Path) -> None:
    """Where nothing is named: what such an arm can feel, and what is left out is told."""
    result = inside("study", "sensitivity", tiny, *FEW)
    assert result.returncode == 0, result.stderr
    assert "over 5 parameters" in result.stdout
    assert "Not varied, since half to twice of 0 is no range: catheter_per_year (--vary NAME=LOW:HIGH)." in result.stdout


def test_the_figure_is_not_the_protocol(tiny: Path) -> None:
    result = inside("study", "sensitivity", tiny, "--svg", tiny)
    assert (result.returncode, tiny.read_text()) == (2, TINY)
    assert "is the protocol itself" in result.stderr


def test_without_the_extra(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "SALib.sample", None)
    result = inside("study", "sensitivity", tiny, *FEW, "--vary", "ke0_tone_per_h")
    assert result.returncode == 2
    assert 'SALib is not installed. Accepted: pip install "thecal[study]".' in result.stderr


def test_who_fails(tiny: Path) -> None:
    """A patient who fails is named, with at how many points, and the exit code is 1; the others make the endpoint."""
    policy = "def policy(history):\n    if history.person.number == 1:\n        raise ValueError('too stiff')\n"
    (tiny.parent / "own.py").write_text(policy)
    tiny.write_text(TINY.replace('policy = "fixed"', 'policy = "own.py:policy"'))
    result = inside("study", "sensitivity", tiny, *VARY[:2], *FEW)
    assert result.returncode == 1
    assert "thecal: patient 1, arm pump, at 15 of 15 points: ValueError: too stiff" in result.stderr
    assert "not all points are of the same patients" in result.stderr
    assert "One parameter at a time" in result.stdout


def test_stopped(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("thecal.study.sensitivity.sensitivity", stopped)
    result = inside("study", "sensitivity", tiny)
    assert (result.returncode, result.stdout) == (130, "")
    assert "stopped; nothing is kept" in result.stderr
