"""Trial arms: a batch under doses or under a titration, and how an output is distributed at a time."""

import inspect
import re
import textwrap
from ast import literal_eval
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray

from thecal.body.doses import Bolus, Doses, Infusion, Tablets
from thecal.body.engine import NumpyEngine
from thecal.body.patient import Patients
from thecal.body.propagate import propagate
from thecal.body.record import Record
from thecal.body.schedule import Grid
from thecal.errors import InputError
from thecal.study import arm, titration
from thecal.study.arm import LEVELS, Arm, Outcome, Policy, Titration, Visit
from thecal.study.population import draw
from thecal.timeline import DAY_S

Floats = NDArray[np.float64]

CHANNELS = ("ashworth_legs", "plasma_ng_per_ml", "tolerance")
THREE_A_DAY = Doses(tablets=(Tablets(-5 * DAY_S, 30 * DAY_S, (10, 10, 10), (0, 6 * 3600, 14 * 3600)),))


@pytest.fixture(scope="module")
def patients() -> Patients:
    return draw("adult-ms", 2, range(7))


def stay(visit: Visit) -> Floats:
    return visit.mcg_per_day


def close(one: Floats, other: Floats) -> bool:
    return bool(np.allclose(one, other, rtol=1e-9, atol=1e-9))


def test_an_arm_is_its_population_under_its_doses(patients: Patients) -> None:
    """The same numbers as the body itself gives, and their quantiles as numpy has them."""
    doses = Doses(boluses=(Bolus(0, np.array([50.0])),))
    outcome = Arm.of("adult-ms", 2, 7, doses).run(["ashworth_legs"], "24 h", "15 min")
    alone = propagate(patients, doses, Record(Grid.over(0, DAY_S, 900), ("ashworth_legs",)))["ashworth_legs"]
    assert close(outcome.values["ashworth_legs"], alone)
    assert close(outcome.at("ashworth_legs", "4 h"), alone[:, 16])
    found = outcome.quantiles("ashworth_legs", "4 h", (0.1, 0.5))
    assert found == pytest.approx({level: float(np.quantile(alone[:, 16], level)) for level in (0.1, 0.5)})


def test_a_titration_that_changes_nothing_is_one_infusion(patients: Patients) -> None:
    """However many visits there are: going on from a visit is exact, tablets, tolerance and all."""
    infusion = Doses((Infusion.constant(150, "T10", 0, 30 * DAY_S),))
    straight = Arm(patients, infusion.and_also(THREE_A_DAY)).run(CHANNELS, "30 days", "6 h")
    visited = Arm(patients, THREE_A_DAY, Titration(150, stay, (1, 2, 9, 23), "T10")).run(CHANNELS, "30 days", "6 h")
    assert all(close(straight.values[name], visited.values[name]) for name in CHANNELS)
    assert (visited.values["mcg_per_day"] == 150).all()


def test_doses_change_at_visits_and_not_before(patients: Patients) -> None:
    """As if every dose had been known beforehand: one run of the body with an infusion for each stretch."""
    factors = np.linspace(0.8, 1.4, patients.count)
    titrated = Titration(100, lambda visit: factors * visit.mcg_per_day, (3, 10), "T6")
    outcome = Arm(patients, titration=titrated).run(CHANNELS, "15 days", "12 h")
    stretches = ((0, 3), (3, 10), (10, 20))
    infusions = tuple(
        Infusion.constant(100 * factors**n, "T6", start * DAY_S, end * DAY_S) for n, (start, end) in enumerate(stretches)
    )
    known = propagate(patients, Doses(infusions), Record(Grid.over(0, 15 * DAY_S, DAY_S // 2), CHANNELS))
    assert all(close(outcome.values[name], known[name]) for name in CHANNELS)
    doses = [outcome.at("mcg_per_day", when) for when in ("0 h", "3 days", "84 h", "10 days", "15 days")]
    assert all(map(close, doses, [100 * factors**n for n in (0, 0, 1, 1, 2)]))


def test_a_policy_sees_the_score_and_the_dose_of_the_day(patients: Patients) -> None:
    """What the body shows at that instant, and what has run until then."""
    seen: list[Visit] = []

    def policy(visit: Visit) -> Floats:
        seen.append(visit)
        return visit.mcg_per_day + 10

    outcome = Arm(patients, titration=Titration(np.full(7, 50.0), policy, (2, 5, 9), "T10")).run(
        ["spasm_penn"], "8 days", "1 day"
    )
    assert [visit.day for visit in seen] == [2, 5]
    assert [visit.mcg_per_day.tolist() for visit in seen] == [[50] * 7, [60] * 7]
    straight = Arm(patients, Doses((Infusion.constant(50, "T10", 0, 9 * DAY_S),))).run(["ashworth_legs"], "2 days")
    assert close(seen[0].ashworth_legs, straight.at("ashworth_legs", "2 days"))
    assert set(outcome.values) == {"spasm_penn", "mcg_per_day"}  # the score was looked at but not asked for


def test_the_canals_are_solved_once(patients: Patients, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve visits take the modes of a batch once, so that visits cost what their days cost."""
    asked, decompose = [], NumpyEngine.decompose

    def counted(engine: NumpyEngine, diagonal: Floats, beside: Floats, rows: Floats) -> tuple[Floats, Floats]:
        asked.append(len(diagonal))
        return decompose(engine, diagonal, beside, rows)

    monkeypatch.setattr(NumpyEngine, "decompose", counted)
    Arm(patients, titration=Titration(100, stay, tuple(range(1, 13)), "T10")).run(["ashworth_legs"], "13 days", "1 day")
    assert asked == [7]


def outcome_of(patients: Patients) -> Outcome:
    return Arm(patients, Doses((Infusion.constant(100, "T10", 0, DAY_S),))).run(["ashworth_legs"], "24 h", "2 h")


@pytest.mark.parametrize(
    ("channel", "when", "levels", "says"),
    [
        ("ashworth_legs", "3 h", (0.5,), ["when", "3 h", "every 2 h", "24 h"]),
        ("ashworth_legs", "26 h", (0.5,), ["when", "26 h"]),
        ("ashworth_legs", "3", (0.5,), ["when", "'3'"]),
        ("spasm_penn", "4 h", (0.5,), ["channel", "spasm_penn", "was not kept", "ashworth_legs"]),
        ("ashworth_legs", "4 h", (0.5, 95), ["levels", "95", "0 to 1"]),
    ],
)
def test_what_was_not_kept_is_not_told(
    patients: Patients, channel: str, when: str, levels: tuple[float, ...], says: list[str]
) -> None:
    """Nothing is interpolated or extrapolated."""
    with pytest.raises(InputError) as caught:
        outcome_of(patients).quantiles(channel, when, levels)
    assert all(piece in str(caught.value) for piece in says), str(caught.value)


@pytest.mark.parametrize(
    ("policy", "visits", "every", "says"),
    [
        (stay, (3, 2), "1 day", ["visits", "(3, 2)", "whole days from 1"]),
        (stay, (0, 2), "1 day", ["visits", "(0, 2)"]),
        (stay, (2,), "7 h", ["every", "7 h", "1 day, or a part of it"]),
        (lambda visit: visit.mcg_per_day[:3], (2,), "1 day", ["mcg_per_day", "(3,)", "7 doses"]),
        (lambda visit: visit.mcg_per_day - 200, (2,), "1 day", ["mcg_per_day", "-100"]),
        (lambda visit: visit.mcg_per_day * np.nan, (2,), "1 day", ["mcg_per_day", "nan"]),
    ],
)
def test_what_is_no_titration_is_refused(
    patients: Patients, policy: Policy, visits: tuple[int, ...], every: str, says: list[str]
) -> None:
    """At once where it can be seen, or at the visit."""
    with pytest.raises(InputError) as caught:
        Arm(patients, titration=Titration(100, policy, visits, "T10")).run(["ashworth_legs"], "5 days", every)
    assert all(piece in str(caught.value) for piece in says), str(caught.value)


@pytest.mark.parametrize("module", [arm, titration])
def test_the_examples_run(module: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """As they stand in the docstrings; what they print is a distribution, which rises."""
    (example,) = re.findall(r"\n\n((?:    .*\n|\n)+)", inspect.getdoc(module) or "")
    exec(compile(textwrap.dedent(example), module.__name__, "exec"), {})  # noqa: S102  # our own lines
    printed = literal_eval(capsys.readouterr().out)
    assert tuple(printed) == LEVELS
    assert list(printed.values()) == sorted(printed.values())
    assert len(set(printed.values())) > 1
