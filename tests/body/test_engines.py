"""Whoever does the arithmetic, and in whatever portions, the result is the same."""

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from tests.body.bodies import DAY, HOUR, MINUTE, Floats, day_and_night, mcg, population
from thecal.body.compiled import CompiledEngine
from thecal.body.doses import Bolus, Doses, Infusion, Tablets
from thecal.body.engine import COMPILED_FROM, Engine, NumpyEngine, engine_for
from thecal.body.patient import Patients
from thecal.body.propagate import propagate
from thecal.body.record import DERIVED, LINEAR, Record, Watch
from thecal.body.response import Response
from thecal.body.schedule import Grid

EVERY = ("csf_lumbar_puncture_ng_per_ml", "csf_t4_ng_per_ml", "csf_cranial_ng_per_ml", *LINEAR, *DERIVED)
COUNT = 21
"""Patients: several groups and several lanes of every loop, and some over."""
ROUND_OFF = 1e-13


def everybody(count: int = COUNT) -> Patients:
    """Patients of whom every third has tissue that gives drug back."""
    tissue = np.where(np.arange(count) % 3 == 1, 0.8, 0.0)
    return population(count, 5).with_values(tissue_ratio=tissue, dispersion_thoracic_ratio=1.7, dispersion_cervical_ratio=0.6)


def each(factor: float, count: int = COUNT) -> Floats:
    return factor * (1 + np.arange(count) / count)


COURSES: dict[str, Callable[[], Doses]] = {
    "a repeated day": lambda: Doses((day_and_night(0, 30 * DAY),)),
    "a bolus in the middle": lambda: Doses(
        (day_and_night(0, 30 * DAY),), (Bolus(11 * DAY + 4321, mcg(50)), Bolus(20 * DAY, mcg(9)))
    ),
    "to each its own": lambda: Doses(
        (Infusion(0, 30 * DAY, "T10", np.stack([each(3), each(7)]), (9 * HOUR, DAY), 1234),), (Bolus(5 * DAY, each(40), "T4"),)
    ),
    "by mouth": lambda: Doses((), (), (Tablets(0, 14 * DAY, (10, 15), (8 * HOUR, 20 * HOUR + 7)),)),
    "everything": lambda: Doses(
        (
            day_and_night(0, 12 * DAY, "L3", 777),
            Infusion.constant(each(100), "C5", 3 * DAY, 25 * DAY),
            Infusion(6 * DAY, 29 * DAY, "T10", mcg(1, 4), (5 * HOUR, 8 * HOUR)),
        ),
        (Bolus(0, each(30)), Bolus(12 * DAY, mcg(25), "T1")),
        (Tablets(2 * DAY, 20 * DAY, (5,), (HOUR,), 8 * HOUR),),
    ),
    "nothing": Doses,
}  # fmt: skip
GRIDS = {
    "a quarter of an hour": Grid.over(0, 30 * DAY, 15 * MINUTE),
    "from the second week": Grid.over(8 * DAY + 11 * MINUTE, 30 * DAY, HOUR),
    "no part of a day": Grid.over(0, 30 * DAY, 7001),
    "one instant": Grid(17 * DAY + 5, HOUR, 1),
}


def run(patients: Patients, doses: Doses, grid: Grid, engine: Engine, channels: tuple[str, ...] = EVERY) -> Response:
    return propagate(patients, doses, Record(grid, channels), engine=engine)


def agree(one: Response, other: Response, within: float) -> None:
    """To a part of the maximum of each channel of each patient."""
    for name in one.values:
        most = np.maximum(np.abs(one[name]).max(axis=1, keepdims=True), 1e-300)
        apart = float(np.max(np.abs(one[name] - other[name]) / most))
        assert apart <= within, (name, apart)


@pytest.mark.requirement("BOD-05")
@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("course", COURSES)
def test_the_engines_agree(course: str, grid: str) -> None:
    """Compiled and NumPy, over days that repeat, boluses between them, amounts that differ: within 1e-11 of the maximum."""
    patients, doses = everybody(), COURSES[course]()
    numpy, compiled = (run(patients, doses, GRIDS[grid], engine) for engine in (NumpyEngine(), CompiledEngine()))
    agree(numpy, compiled, 1e-11)
    for name in ("given", "fluid", "gut", "plasma", "eliminated"):
        there = getattr(numpy.balance, name)
        assert np.allclose(getattr(compiled.balance, name), there, rtol=1e-9, atol=1e-11 * max(1.0, numpy.balance.given.max())), (
            name
        )


def test_the_engines_agree_on_a_longer_day() -> None:
    """Weeks that repeat, looked at every five minutes."""
    patients, week = everybody(5), Infusion(0, 42 * DAY, "T10", mcg(3, 9, 1), (2 * DAY, 5 * DAY + 77, 7 * DAY))
    grid = Grid.over(0, 42 * DAY, 5 * MINUTE)
    numpy, compiled = (run(patients, Doses((week,)), grid, engine, EVERY[:5]) for engine in (NumpyEngine(), CompiledEngine()))
    agree(numpy, compiled, 1e-11)


def test_states_go_from_one_engine_to_the_other() -> None:
    """What one engine leaves, the other goes on from."""
    patients, doses = everybody(), COURSES["everything"]()
    first = Record(Grid.over(0, 10 * DAY, HOUR), EVERY, resumable=True)
    second = Grid.over(10 * DAY, 30 * DAY, HOUR)
    whole = run(patients, doses, second, NumpyEngine())
    for one, other in ((NumpyEngine(), CompiledEngine()), (CompiledEngine(), NumpyEngine())):
        state = propagate(patients, doses, first, engine=one).state
        agree(whole, propagate(patients, doses, Record(second, EVERY), state, engine=other), 1e-11)


@pytest.mark.parametrize("engine", [NumpyEngine, CompiledEngine])
@pytest.mark.parametrize("course", ["to each its own", "everything"])
def test_no_portion_changes_anything(
    engine: type[NumpyEngine] | type[CompiledEngine], course: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Patients in pairs, in eights or all at once: the same to the last bit; to round-off where tissue of some gives drug back,
    whose modes all of their batch then have.
    """
    doses, grid = COURSES[course](), GRIDS["from the second week"]
    for patients, within in ((everybody(), ROUND_OFF), (everybody().with_values(tissue_ratio=0.0), 0.0)):
        with monkeypatch.context() as patch:
            whole = run(patients, doses, grid, engine())
            for block in (2, 8):
                patch.setattr(engine, "block", block)
                agree(whole, run(patients, doses, grid, engine()), within)


@pytest.mark.parametrize("engine", [NumpyEngine, CompiledEngine])
def test_a_patient_alone_and_in_a_batch(engine: type[NumpyEngine] | type[CompiledEngine]) -> None:
    """A batch of one, of two and of all: the same to round-off, whoever else is in it."""
    patients, doses = everybody(), COURSES["a bolus in the middle"]()
    whole = run(patients, doses, GRIDS["a quarter of an hour"], engine())
    for part in (slice(0, 1), slice(7, 8), slice(3, 5), slice(20, 21)):
        few = run(patients.take(part), doses, GRIDS["a quarter of an hour"], engine())
        for name in EVERY:
            apart = np.abs(few[name] - whole[name][part]).max(axis=1)
            assert np.all(apart <= ROUND_OFF * np.abs(whole[name][part]).max(axis=1)), name


def test_no_number_of_threads_changes_a_bit() -> None:
    """One core or all."""
    from numba import get_num_threads, set_num_threads

    patients, doses, several = everybody(), COURSES["everything"](), get_num_threads()
    whole = run(patients, doses, GRIDS["a quarter of an hour"], CompiledEngine())
    try:
        set_num_threads(1)
        alone = run(patients, doses, GRIDS["a quarter of an hour"], CompiledEngine())
    finally:
        set_num_threads(several)
    for name in EVERY:
        assert np.array_equal(alone[name], whole[name]), name


@pytest.mark.parametrize("engine", [NumpyEngine(), CompiledEngine()])
def test_summaries_are_of_the_same_numbers(engine: Engine) -> None:
    """Nothing but what is kept depends on whether it is summarized."""
    patients, doses, grid = everybody(), COURSES["everything"](), GRIDS["a quarter of an hour"]
    whole = run(patients, doses, grid, engine)
    watch = (Watch("legs_ng_per_ml", 40.0), Watch("ashworth_legs", 2.0))
    summaries = propagate(patients, doses, Record(grid, EVERY, summarize=True, watch=watch), engine=engine).summaries
    for name in EVERY:
        assert np.array_equal(summaries[name].minimum, whole[name].min(axis=1)), name
        assert np.array_equal(summaries[name].maximum, whole[name].max(axis=1)), name
    for one in watch:
        above = np.mean(whole[one.channel] > one.level, axis=1) * 30 * 24
        assert np.allclose(summaries[one.channel].hours_above[one.level], above, atol=0.5)


def test_who_gets_which_engine() -> None:
    """By the number of patients alone."""
    assert isinstance(engine_for(1), NumpyEngine)
    assert isinstance(engine_for(COMPILED_FROM - 1), NumpyEngine)
    assert isinstance(engine_for(COMPILED_FROM), CompiledEngine)


def test_a_small_batch_never_waits_for_a_compiler() -> None:
    """Below the number from which loops are compiled, numba is not even imported; with NumPy alone everything works."""
    code = f"""
import sys
from thecal.body.doses import Bolus, Doses
from thecal.body.patient import typical
from thecal.body.propagate import propagate
from thecal.body.record import Record
from thecal.body.schedule import Grid
patients = typical().with_values(uptake_per_h=[0.3] * {COMPILED_FROM - 1})
propagate(patients, Doses((), (Bolus(0, 50.0),)), Record(Grid(0, 3600, 49), ("ashworth_legs", "plasma_ng_per_ml")), cells=5)
assert not any(name.partition(".")[0] in ("numba", "llvmlite") for name in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
