"""Patients: what a body cannot be is refused with its field, its value and the accepted range."""

from collections.abc import Callable, Mapping
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from tests.body.bodies import SHEETS, population, seeds, typical_of
from thecal.body.patient import (
    PARAMETERS,
    Patients,
    check_correlations,
    correlation_matrix,
    patient_sheet,
    patient_sheets,
    read_sheet,
    typical,
)
from thecal.datum import CONFIDENCE, DataError
from thecal.errors import InputError

NAMES = tuple(PARAMETERS)


def one_body(**changed: ArrayLike) -> dict[str, ArrayLike]:
    patients = typical_of()
    return {**{name: patients[name] for name in NAMES}, **changed}


def tables(**changed: Mapping[str, str]) -> dict[str, Any]:
    """The tables of a sheet; ``changed`` are other keys of some parameters."""
    sheet = patient_sheet("adult-ms")
    parameters = {}
    for name, setting in sheet.settings.items():
        datum = setting.datum
        parameters[name] = {"value": datum.value, "source": datum.source, "confidence": datum.confidence}
        if setting.spread is not None:
            spread = setting.spread
            text = f"mixture {spread.size} times {spread.factor}" if spread.kind == "mixture" else f"{spread.kind} {spread.size}"
            parameters[name]["varies"] = text
    for name, keys in changed.items():
        parameters[name] = {**parameters[name], **keys}
    return {"title": "somebody", "parameters": parameters}


def related(*rows: tuple[str, str, float]) -> dict[str, Any]:
    correlation = [{"between": [a, b], "value": value, "source": "a test", "confidence": "D"} for a, b, value in rows]
    return {**tables(), "correlation": correlation}


def refused(changed: Mapping[str, Any]) -> str:
    with pytest.raises(InputError) as error:
        read_sheet("somebody", changed)
    return str(error.value)


@pytest.mark.requirement("BOD-06")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("what", ["below", "above", "nan", "inf", "-inf"])
def test_a_value_that_no_body_has(name: str, what: str) -> None:
    """Below or above the range, infinite or no number: named with the field, the value and the range, alone or among others."""
    parameter = PARAMETERS[name]
    span = parameter.high - parameter.low
    bad = {"below": parameter.low - span, "above": parameter.high + span, "nan": nan, "inf": inf, "-inf": -inf}[what]
    for values in (bad, [parameter.low, bad, parameter.high]):
        with pytest.raises(InputError) as error:
            Patients(one_body(**{name: values}))
        text = str(error.value)
        assert text.startswith(f"{name}: ")
        assert f"{bad:g}" in text
        assert f"{parameter.low:g} to {parameter.high:g}" in text
        assert parameter.meaning in text


@pytest.mark.parametrize("name", NAMES)
def test_the_ends_of_a_range_are_in_it(name: str) -> None:
    """Both ends are accepted, and the next floats beyond are not."""
    parameter = PARAMETERS[name]
    assert len(Patients(one_body(**{name: [parameter.low, parameter.high]}))) == 2
    for beyond in (np.nextafter(parameter.low, -inf), np.nextafter(parameter.high, inf)):
        with pytest.raises(InputError):
            Patients(one_body(**{name: beyond}))


@pytest.mark.parametrize(
    ("name", "meant"),
    [("area_scal", "area_scale"), ("crcl", None), ("ke0_tone", "ke0_tone_per_h"), ("Uptake_per_h", "uptake_per_h"), ("", None)],
)
def test_an_unknown_parameter(name: str, meant: str | None) -> None:
    """Named with the nearest that is known, on making and on changing."""
    changed: dict[str, Any] = {name: 1.0}
    makes: tuple[Callable[[], Patients], ...] = (
        lambda: Patients(one_body(**changed)),
        lambda: typical().with_values(**changed),
    )
    for make in makes:
        with pytest.raises(InputError) as error:
            make()
        assert str(error.value).startswith(name)
        assert "not a parameter" in str(error.value)
        assert "canal_length_cm" in str(error.value)
        if meant:
            assert f"Did you mean '{meant}'?" in str(error.value)


@pytest.mark.parametrize("name", [NAMES[0], "renal_fraction", NAMES[-1]])
def test_a_missing_parameter(name: str) -> None:
    """A body needs every one, and the error says which."""
    with pytest.raises(InputError, match=f"{name} is missing"):
        Patients({key: value for key, value in one_body().items() if key != name})


@pytest.mark.parametrize(
    "changed",
    [
        {"area_scale": [1.0, 1.1], "uptake_per_h": [0.3, 0.4, 0.5]},
        {"area_scale": [[1.0, 1.1], [1.0, 1.1]]},
        {"area_scale": [1.0, 1.1], "uptake_per_h": []},
    ],
)
def test_arrays_that_are_not_one_float_for_each(changed: dict[str, ArrayLike]) -> None:
    """Different lengths, two dimensions, or one that is empty."""
    with pytest.raises(InputError, match=r"one number for each patient|empty"):
        Patients(one_body(**changed))


def test_an_empty_population() -> None:
    """Nobody is no population: on making, and on taking none."""
    with pytest.raises(InputError, match="empty population"):
        Patients({name: [] for name in NAMES})
    with pytest.raises(InputError, match="empty population"):
        population(3, 1).take([])
    with pytest.raises(InputError, match="empty population"):
        population(3, 1).take(slice(2, 2))


UNREADABLE: tuple[Any, ...] = ("thick", [[1.0], [1.0, 2.0]], {}, 1 + 2j)


@pytest.mark.parametrize("value", [None, [1.0, None], *UNREADABLE])
def test_what_is_no_number(value: Any) -> None:
    """A word, nothing, a ragged list: an error of input that names the field."""
    with pytest.raises(InputError) as error:
        Patients(one_body(area_scale=value))
    assert "area_scale" in str(error.value)


def test_the_source_of_a_value_is_said() -> None:
    """Where a value came from stands in the error about it."""
    with pytest.raises(InputError, match=r"given by the answer of Dr\. Who"):
        typical().with_values("the answer of Dr. Who", area_scale=0)


@given(st.integers(1, 6), seeds)
def test_taking_some(count: int, seed: int) -> None:
    """By indices in any order, or a slice: those patients, each with all that is theirs."""
    patients = population(count, seed)
    backwards = patients.take(range(count - 1, -1, -1))
    half = patients.take(slice(0, None, 2))
    for name in NAMES:
        assert np.array_equal(backwards[name], patients[name][::-1])
        assert np.array_equal(half[name], patients[name][::2])
    assert len(half) == half.count == (count + 1) // 2


def test_others_are_left_as_they_were() -> None:
    """Changing a copy, or the array that a value came in, changes no patient."""
    scale = np.array([1.0, 1.2])
    patients = typical().with_values(area_scale=scale)
    patients.with_values(area_scale=5.0)
    scale[:] = 3
    assert patients["area_scale"].tolist() == [1.0, 1.2]
    assert patients["uptake_per_h"].tolist() == [0.36, 0.36]


@pytest.mark.parametrize("name", SHEETS)
def test_every_sheet(name: str) -> None:
    """Every parameter with a value in its range, its unit, a source and a known confidence, and a typical patient of one."""
    sheet = patient_sheets()[name]
    assert set(sheet.settings) == set(PARAMETERS)
    for key, setting in sheet.settings.items():
        assert PARAMETERS[key].low <= setting.typical <= PARAMETERS[key].high
        assert setting.datum.value.partition(" ")[2] == PARAMETERS[key].unit
        assert setting.datum.confidence in CONFIDENCE
        assert len(setting.datum.source) > 3
        assert name in sheet.source(key)
        assert setting.datum.source in sheet.source(key)
    assert len(sheet.data) == len(PARAMETERS)
    assert len(typical(name)) == 1


def test_an_unknown_sheet() -> None:
    """Named with the nearest that is known, and all of them."""
    for find in (patient_sheet, typical):
        with pytest.raises(InputError) as error:
            find("adult-sic")
        assert "'adult-sic'" in str(error.value)
        assert "Did you mean 'adult-sci'?" in str(error.value)
        assert "child" in str(error.value)


def test_a_sheet_is_read_as_written() -> None:
    """The tables of a sheet give its settings, with their spreads."""
    sheet = read_sheet("somebody", tables(area_scale={"value": "2", "varies": "mixture 0.2 times 3"}))
    assert sheet.settings["area_scale"].typical == 2
    spread = sheet.settings["area_scale"].spread
    assert spread is not None
    assert (spread.kind, spread.size, spread.factor) == ("mixture", 0.2, 3)
    assert sheet.settings["uptake_per_h"] == patient_sheet("adult-ms").settings["uptake_per_h"]
    assert sheet.correlations == {}


@pytest.mark.parametrize("value", ["0.36 /min", "0.36", "0.36/h", "0.36  /h", "21.6 /d"])
def test_a_wrong_unit(value: str) -> None:
    """A value in another unit, or in none, is refused with the unit that is accepted."""
    text = refused(tables(uptake_per_h={"value": value}))
    assert "uptake_per_h" in text
    assert value in text
    assert "0.001 to 50 /h" in text


@pytest.mark.parametrize("value", ["-1 /h", "nan /h", "inf /h", "51 /h"])
def test_a_value_outside_the_range_in_a_sheet(value: str) -> None:
    """Refused with the sheet, the parameter, the value and the range."""
    text = refused(tables(uptake_per_h={"value": value}))
    assert "uptake_per_h" in text
    assert value.partition(" ")[0] in text
    assert "somebody" in text
    assert "0.001 to 50 /h" in text


@pytest.mark.parametrize("value", ["fast /h", " /h", "0,36 /h"])
def test_a_value_in_a_sheet_that_is_no_number(value: str) -> None:
    """A word, nothing, or a comma instead of a point is refused with the field and the value."""
    text = refused(tables(uptake_per_h={"value": value}))
    assert "uptake_per_h" in text
    assert value in text


@pytest.mark.parametrize("varies", ["uniform 0.3", "log-normal", "log-normal 0.3 0.4", "mixture 0.2", "", "mixture 0.2 by 3"])
def test_a_spread_that_is_none(varies: str) -> None:
    """Refused with the ways in which a parameter can vary."""
    text = refused(tables(uptake_per_h={"varies": varies}))
    assert "uptake_per_h" in text
    assert "log-normal SD" in text
    assert "mixture PART times FACTOR" in text


@pytest.mark.parametrize(
    "varies",
    ["log-normal wide", "normal -1", "log-normal nan", "normal inf", "mixture 1.5 times 2", "mixture -0.1 times 2",
     "mixture 0.2 times -1", "mixture 0.2 times twice"],
)  # fmt: skip
def test_a_spread_that_cannot_be(varies: str) -> None:
    """A size below zero, a part above one, or no number at all is refused with the field and the text."""
    text = refused(tables(uptake_per_h={"varies": varies}))
    assert "uptake_per_h" in text
    assert varies in text


def test_tables_that_cannot_be_right() -> None:
    """A parameter too many or too few, an unknown confidence, a missing source: a defect of the package."""
    missing, added = tables(), tables()
    del missing["parameters"]["area_scale"]
    added["parameters"]["area_scal"] = added["parameters"]["area_scale"]
    unknown = tables(area_scale={"confidence": "Z"})
    bare = tables()
    del bare["parameters"]["area_scale"]["source"]
    for wrong, word in ((missing, "area_scale"), (added, "area_scal"), (unknown, "'Z'"), (bare, "area_scale")):
        with pytest.raises(DataError, match="somebody") as error:
            read_sheet("somebody", wrong)
        assert word in str(error.value)


def test_a_sheet_without_title_or_with_a_bare_number() -> None:
    """These cannot be right either, and say so as data errors."""
    untitled, bare = tables(), tables()
    del untitled["title"]
    bare["parameters"]["area_scale"]["value"] = 1.07
    for wrong in (untitled, bare):
        with pytest.raises((DataError, InputError), match="somebody"):
            read_sheet("somebody", wrong)


def test_correlations_that_hold() -> None:
    """Between two that vary, in either order of the pair."""
    sheet = read_sheet("somebody", related(("area_scale", "uptake_per_h", -0.4), ("ke0_tone_per_h", "area_scale", 0.9)))
    assert sheet.correlations == {("area_scale", "uptake_per_h"): -0.4, ("ke0_tone_per_h", "area_scale"): 0.9}
    matrix = correlation_matrix(["ke0_tone_per_h", "area_scale", "uptake_per_h"], sheet.correlations)
    assert matrix.tolist() == [[1, 0.9, 0], [0.9, 1, -0.4], [0, -0.4, 1]]


@pytest.mark.parametrize("value", [1.01, -1.5, nan, inf])
def test_what_is_no_correlation(value: float) -> None:
    """Outside -1 to 1, or no number: named with the pair, the value and the range."""
    text = refused(related(("area_scale", "uptake_per_h", value)))
    assert "area_scale" in text
    assert "uptake_per_h" in text
    assert f"{value}" in text
    assert "-1 to 1" in text


@pytest.mark.parametrize(
    ("one", "other"),
    [("area_scale", "canal_length_cm"), ("hill_tone", "emax_tone"), ("area_scale", "area_scale"), ("area_scale", "heigth")],
)
def test_correlations_of_what_does_not_vary(one: str, other: str) -> None:
    """Of a fixed parameter, of one with itself, of one that is none: refused with those that vary."""
    text = refused(related((one, other, 0.5)))
    assert f"correlation of {one} and {other}" in text
    assert "dispersion_cm2_per_h" in text


@pytest.mark.parametrize(
    "rows",
    [
        (("area_scale", "uptake_per_h", 1.0),),
        (("area_scale", "uptake_per_h", -1.0),),
        (
            ("area_scale", "uptake_per_h", 0.9),
            ("uptake_per_h", "ke0_tone_per_h", 0.9),
            ("area_scale", "ke0_tone_per_h", -0.9),
        ),
    ],
)
def test_correlations_that_cannot_hold_together(rows: tuple[tuple[str, str, float], ...]) -> None:
    """Refused with the pairs and what to do."""
    text = refused(related(*rows))
    assert "not positive definite" in text
    assert "make some of them smaller" in text


def test_a_pair_that_is_given_twice() -> None:
    """Two correlations of the same pair contradict one another; which holds is not left to their order."""
    rows = (("area_scale", "uptake_per_h", 0.5), ("uptake_per_h", "area_scale", -0.5))
    text = refused(related(*rows))
    assert "area_scale" in text


@pytest.mark.parametrize("gone", ["between", "value", "source", "confidence"])
def test_a_correlation_lacks_something(gone: str) -> None:
    """Every correlation is written with between, value, source and confidence."""
    sheet = related(("area_scale", "uptake_per_h", 0.5))
    del sheet["correlation"][0][gone]
    with pytest.raises((DataError, InputError), match=r"somebody|correlation"):
        read_sheet("somebody", sheet)


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=3))
def test_correlations_hold_where_their_matrix_does(values: list[float]) -> None:
    """Accepted where the determinant of three is positive, refused where it is negative."""
    a, b, c = values
    settings = patient_sheet("adult-ms").settings
    pairs = {("area_scale", "uptake_per_h"): a, ("uptake_per_h", "ke0_tone_per_h"): b, ("area_scale", "ke0_tone_per_h"): c}
    determinant = 1 + 2 * a * b * c - a * a - b * b - c * c
    if determinant > 1e-9:
        check_correlations(settings, pairs)
    elif determinant < -1e-9:
        with pytest.raises(InputError):
            check_correlations(settings, pairs)
