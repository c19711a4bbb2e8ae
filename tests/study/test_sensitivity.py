"""Sensitivity: known indices come out of the machinery, what cannot matter has none, and what cannot be varied is refused."""

import multiprocessing
import signal
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from thecal.body.patient import PARAMETERS, patient_sheet
from thecal.errors import InputError
from thecal.study.arm_rows import arm_rows
from thecal.study.block import run_block
from thecal.study.design import Protocol, read_protocol
from thecal.study.endpoint import ENDPOINTS
from thecal.study.factor import USUAL, Factor, factors_for
from thecal.study.population import draw
from thecal.study.sensitivity import AtPoint, Sensitivity, check_samples, explore, sensitivity
from thecal.study.setting import study_data
from thecal.study.summary import value

Floats = NDArray[np.float64]

TINY = """\
study = 1
title = "A fixed dose for a month"
seed = 0
patients = 40
follow_up = "20 days"
visits = ["10 days"]
block = 4
endpoints = ["ashworth_change", "responders"]
[world]
catheter_per_year = "0 /year"
stall_per_year = "0 /year"
infection = "0"
[[arm]]
name = "pump"
policy = "fixed"
first_dose = "120 mcg/day"
[[arm]]
name = "tablets"
policy = "tablets"
"""
VARIED = ("ec50_tone_ng_per_ml", "oral_clearance_l_per_h", "catheter_per_year=0:0.5")


def protocol(folder: Path, text: str = TINY) -> Protocol:
    path = folder / "tiny.toml"
    path.write_text(text)
    return read_protocol(path)


def factor(name: str, low: float, high: float, typical: float = 0.0) -> Factor:
    return Factor(name, "body", "", low, high, typical)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    return protocol(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def found(tiny: Protocol) -> Sensitivity:
    return sensitivity(tiny, vary=VARIED, samples=4, patients=5, workers=1)


def test_ishigami() -> None:
    """The indices of Ishigami's function (a 7, b 0.1) are 0.3139, 0.4424 and 0; total 0.5576, 0.4424 and 0.2437."""

    def ishigami(x: Floats) -> Floats:
        values: Floats = np.sin(x[:, 0]) + 7 * np.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * np.sin(x[:, 0])
        return values

    explored = explore([factor(name, -np.pi, np.pi) for name in "abc"], ishigami, 4096, 0)
    first, total = [effect.first for effect in explored.effects], [effect.total for effect in explored.effects]
    assert first == pytest.approx([0.3139, 0.4424, 0.0], abs=0.02)
    assert total == pytest.approx([0.5576, 0.4424, 0.2437], abs=0.02)
    for effect, known in zip(explored.effects, (0.3139, 0.4424, 0.0), strict=True):
        assert 0 < effect.first_half_width < 0.1
        assert abs(effect.first - known) < 2 * effect.first_half_width
    assert explored.points == 4096 * 5 + 7
    assert (explored.least, explored.greatest) == pytest.approx((-10.7, 17.7), abs=1)


@given(st.integers(0, 2**64 - 1), st.lists(st.floats(-5, 5), min_size=2, max_size=4))
def test_a_sum(seed: int, slopes: list[float]) -> None:
    """Of a sum first order and total are the part of each term's variance; the swings are the terms; a seed decides all."""
    factors = [factor(f"x{n}", n, n + 2, n + 0.5) for n in range(len(slopes))]

    def model(x: Floats) -> Floats:
        values: Floats = x @ np.array(slopes) + 3
        return values

    explored = explore(factors, model, 256, seed)
    assert explored == explore(factors, model, 256, seed)
    for one, swing, slope in zip(factors, explored.swings, slopes, strict=True):
        assert swing.at_low == pytest.approx(swing.at_typical + slope * (one.low - one.typical))
        assert swing.at_high == pytest.approx(swing.at_typical + slope * (one.high - one.typical))
    variance = sum(slope**2 for slope in slopes)
    if variance > 0.01:
        for effect, slope in zip(explored.effects, slopes, strict=True):
            assert effect.first == pytest.approx(slope**2 / variance, abs=0.15)
            assert effect.total == pytest.approx(slope**2 / variance, abs=0.15)


def test_what_does_not_change() -> None:
    """Of a constant every index is 0, and not a division by zero."""
    explored = explore([factor("x", 0, 1), factor("y", 0, 1)], lambda x: np.ones(len(x)), 8, 0)
    assert [(one.first, one.total, one.total_half_width) for one in explored.effects] == [(0, 0, 0)] * 2
    assert [swing.width for swing in explored.swings] == [0, 0]


def test_what_cannot_matter(found: Sensitivity) -> None:
    """The clearance of tablets that nobody takes has a total index of 0 and a bar without width, to the last bit."""
    swings = {swing.name: swing for swing in found.swings}
    effects = {effect.name: effect for effect in found.effects}
    nothing = effects["oral_clearance_l_per_h"]
    assert (nothing.first, nothing.total, nothing.total_half_width) == (0, 0, 0)
    assert swings["oral_clearance_l_per_h"].width == 0
    assert effects["ec50_tone_ng_per_ml"].total > 0.3
    assert swings["ec50_tone_ng_per_ml"].at_low < swings["ec50_tone_ng_per_ml"].at_high  # less drug is needed: a greater fall
    assert not found.failures


@pytest.mark.long
def test_it_does_not_depend_on_the_workers(tiny: Protocol, found: Sensitivity) -> None:
    again = sensitivity(tiny, vary=VARIED, samples=4, patients=5, workers=2)
    assert again.explored == found.explored


def test_a_point_is_the_study_with_its_values(tiny: Protocol, found: Sensitivity, tmp_path: Path) -> None:
    """The typical point is what the same protocol gives with these values written into it, for the first patients."""
    typical = {factor.name: factor.typical for factor in found.factors}
    body = "\n".join(f"{name} = {value}" for name, value in typical.items() if name in PARAMETERS)
    written = protocol(tmp_path, TINY.replace("[[arm]]", f"[population.given]\n{body}\n[[arm]]", 1))
    rows = run_block(written, tiny.enrolled()[:5]).tables["patients"]
    changes = [change for change, arm in zip(rows["ashworth_change"], rows["arm"], strict=True) if arm == "pump"]
    assert found.swings[0].at_typical == pytest.approx(np.mean(changes), rel=1e-12)


@pytest.mark.parametrize("name", [name for name in ENDPOINTS if name not in ("walking", "screening_responders")])
def test_every_endpoint_has_a_value_at_a_point(tiny: Protocol, name: str) -> None:
    """The one of the whole study's summary."""
    at = AtPoint("pump", ENDPOINTS[name], (), np.zeros((1, 0)), tiny.enrolled()[:3])
    found = at(tiny, [0])
    rows = run_block(tiny, at.numbers).tables["patients"]
    whole = value(
        arm_rows({"patients": {key: np.array(each, dtype=object) for key, each in rows.items()}}, "patients", "pump"),
        tiny,
        ENDPOINTS[name],
    )
    assert found.tables["points"]["value"] == [whole.estimate.value]
    assert whole.estimate.value is not None


def test_the_world_of_a_point(tiny: Protocol) -> None:
    """A setting of the world reaches the arm as it is, however small."""
    factors = factors_for(tiny.population, tiny.arms[0], ("catheter_per_year=0:1", "fault_found_days"))
    at = AtPoint("pump", tiny.endpoints[0], factors, np.array([[1e-7, 1 / 3]]), (0,))
    there = at.protocol_at(tiny, 0)
    assert there.arms[0].world["catheter_per_year"] == 1e-7
    assert there.arms[0].world["fault_found_days"] == 1 / 3
    assert [arm.name for arm in there.arms] == ["pump"]


@pytest.mark.parametrize("name", ["ec50_tone_ng_per_ml", "legs_ashworth", "dispersion_cm2_per_h", "tolerance_max"])
def test_a_usual_range_is_that_of_the_people(tiny: Protocol, name: str) -> None:
    """5 and 95 % of a drawn population."""
    (one,) = factors_for(tiny.population, tiny.arms[0], (name,))
    drawn = draw("adult-ms", 1, range(4000))[name]
    assert [np.mean(drawn < one.low), np.mean(drawn > one.high)] == pytest.approx([0.05, 0.05], abs=0.05)
    assert [one.low, one.high] == pytest.approx(np.quantile(drawn, [0.05, 0.95]), rel=0.05)


def test_usual_factors(tiny: Protocol) -> None:
    """Each way of treating has some that its arms can feel, all with a range; half to twice is cut where a part ends."""
    for route, names in USUAL.items():
        arm = replace(tiny.arms[0], route=route, world=tiny.arms[0].world.with_own({"catheter_per_year": "0.02 /year"}))
        factors = factors_for(tiny.population, arm, ())
        assert [one.name for one in factors] == list(names)
        assert all(one.low < one.high and one.low <= one.typical <= one.high for one in factors)
    assert [one.name for one in factors_for(tiny.population, tiny.arms[0], ())] == [*USUAL["pump"][:4], "fault_found_days"]
    (heard,) = factors_for(tiny.population, tiny.arms[0], ("alarm_heard",))
    assert (heard.low, heard.high, heard.typical) == (0.45, 1.0, 0.9)
    (given_,) = factors_for(replace(tiny.population, given=(("hill_tone", 2.0),)), tiny.arms[0], ("hill_tone=1:3",))
    assert (given_.typical, given_.chosen) == (2.0, "as asked")
    assert "gives 2 to everybody" in given_.source


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("ec50_tone",), "neither a parameter of the body nor a setting of the world"),
        (("fault_found=1:2",), "Did you mean 'fault_found_days'?"),
        (
            ("ke0_tone_per_h=0.2:0.1",),
            "low is below high. Accepted: ke0_tone_per_h=LOW:HIGH in /h, such as ke0_tone_per_h=0.0672:",
        ),
        (("ke0_tone_per_h=nan:1",), "low is below high"),
        (("ke0_tone_per_h=0.1",), "two numbers"),
        (("ke0_tone_per_h=",), "two numbers"),
        (("ke0_tone_per_h=0.1:21",), "Accepted: 0.005 to 20 /h"),
        (("fault_found_days=-1:2",), "from 0 days on"),
        (("fault_found_days=1:inf",), "not in order"),
        (("alarm_heard=0.5:1.5",), "a part of a whole"),
        (("hill_tone",), "has no usual range, since it does not vary between patients. Accepted: hill_tone=LOW:HIGH"),
        (("catheter_per_year",), "has no usual range, since it is 0 here"),
        (("ke0_tone_per_h", "ke0_tone_per_h=0.1:0.2"), "varied twice"),
    ],
)
def test_what_cannot_be_varied(tiny: Protocol, asked: tuple[str, ...], said: str) -> None:
    with pytest.raises(InputError) as error:
        factors_for(tiny.population, tiny.arms[0], asked)
    assert said in str(error.value)
    assert str(error.value).startswith("--vary")


def test_a_name_that_is_none_is_told_all_that_are(tiny: Protocol) -> None:
    with pytest.raises(InputError) as error:
        factors_for(tiny.population, tiny.arms[0], ("shoe_size",))
    assert all(name in str(error.value) for name in (*PARAMETERS, *study_data("world")))


def test_an_example_of_a_range_is_accepted(tiny: Protocol) -> None:
    """For every name, what the error suggests is taken."""
    for name in (*PARAMETERS, *study_data("world")):
        with pytest.raises(InputError) as error:
            factors_for(tiny.population, tiny.arms[0], (f"{name}=",))
        example = error.value.accepted[0].partition("such as ")[2]
        (one,) = factors_for(tiny.population, tiny.arms[0], (example,))
        assert one.low < one.high


@pytest.mark.parametrize("samples", [-8, 0, 1, 2, 3, 48, 2**16 + 1, 2**17])
def test_samples_are_a_power_of_two(samples: int) -> None:
    with pytest.raises(InputError, match="power of two from 4 to 65,536"):
        check_samples(samples)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"arm": "pumps"}, "is no arm of tiny. Accepted: pump, tablets. Did you mean 'pump'?"),
        ({"endpoint_name": "ashworth"}, "is not an endpoint"),
        ({"endpoint_name": "dose", "arm": "tablets"}, "needs a pump, and the arm 'tablets' has none"),
        ({"endpoint_name": "walking"}, "needs walking_ashworth"),
        ({"endpoint_name": "screening_responders"}, "needs screening"),
        ({"patients": 41}, "Accepted: 1 to 40"),
        ({"patients": 0}, "Accepted: 1 to 40"),
        ({"samples": 6}, "such as 4 or 8"),
        ({"workers": 0}, "workers"),
    ],
)
def test_what_cannot_be_asked(tiny: Protocol, asked: dict[str, object], said: str) -> None:
    with pytest.raises(InputError) as error:
        sensitivity(tiny, **{"vary": ("ke0_tone_per_h",), "samples": 4, **asked})  # type: ignore[arg-type]
    assert said in str(error.value)


def test_without_salib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "SALib.sample", None)
    with pytest.raises(InputError, match=r'pip install "thecal\[study\]"'):
        explore([factor("x", 0, 1)], lambda x: x[:, 0], 4, 0)


def test_nobody_is_left(tmp_path: Path) -> None:
    """A policy that always raises: where nobody is left there is no endpoint, and one of the reasons is told."""
    (tmp_path / "own.py").write_text("def policy(seen):\n    raise ValueError('no dose')\n")
    text = TINY.replace('policy = "fixed"', 'policy = "own.py:policy"')
    with pytest.raises(InputError, match=r"is not defined for them at 15 of 15 points.*no dose"):
        sensitivity(protocol(tmp_path, text), vary=("ke0_tone_per_h",), samples=4, patients=1, workers=1)


def test_the_numbers_of_patients_are_those_of_the_study(tmp_path: Path) -> None:
    """The first who are enrolled, by what they are and not by what is varied."""
    text = TINY.replace("[world]", '[[population.only]]\nname = "ec50_tone_ng_per_ml"\nat_most = 50.0\n[world]')
    small = protocol(tmp_path, text)
    asked: list[tuple[int, int]] = []
    found = sensitivity(
        small, vary=("ec50_tone_ng_per_ml=60:90",), samples=4, patients=3, workers=2, told=lambda *at: asked.append(at)
    )
    there = AtPoint("pump", found.endpoint, found.factors, np.array([[60.0]]), ()).protocol_at(small, 0)
    first = small.enrolled()[:3]
    assert list(first) != [0, 1, 2]
    high = run_block(there, first).tables["patients"]["ashworth_change"]
    assert found.swings[0].at_low == pytest.approx(np.mean(high), rel=1e-12)
    assert asked[0] == (0, 15)
    assert asked[-1] == (15, 15)


def test_interrupted(tiny: Protocol) -> None:
    """Ctrl-C goes through, and no worker is left."""

    def told(done: int, _: int) -> None:
        if done:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        sensitivity(tiny, vary=("ke0_tone_per_h",), samples=64, patients=2, workers=2, told=told)
    assert not multiprocessing.active_children()


def test_a_mixed_population_has_the_range_of_its_greatest_part(tiny: Protocol) -> None:
    mixed = replace(tiny.population, sheets=(("adult-ms", 0.4), ("adult-sci", 0.6)))
    (one,) = factors_for(mixed, tiny.arms[0], ("legs_ashworth",))
    assert one.typical == patient_sheet("adult-sci").settings["legs_ashworth"].typical
    assert "adult-sci" in one.chosen
