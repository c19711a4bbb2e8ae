"""The catalogue of hazards: every entry is whole, and names a test that there is."""

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import get_args

import pytest

from tests.command import ROOT
from tests.hazards.traced import LAWS
from tests.test_requirements import marks, rows, written
from thecal.datum import DataError, read_data
from thecal.errors import InputError
from thecal.hazards.catalogue import ANSWERS, Answer, hazard_named, hazard_of, hazards, severities

ENTRY: Mapping[str, object] = read_data("hazards", "catalogue")["hazards"]["H06"]
TEXTS = ("title", "happened", "cause", "severity", "source", "harm", "answer", "here", "residual")


@cache
def laws_in(path: Path) -> Mapping[str, ast.FunctionDef]:
    """The tests of a file by name."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


@pytest.mark.requirement("HAZ-10")
def test_every_hazard_is_there() -> None:
    """From H01 on in their order; those of the field first."""
    assert list(hazards()) == [f"H{number:02d}" for number in range(1, 53)]
    assert [hazard.id for hazard in hazards().values()] == list(hazards())
    assert [hazard.kind for hazard in hazards().values()] == ["field"] * 39 + ["defect"] * 13


@pytest.mark.requirement("HAZ-10")
def test_every_hazard_is_whole() -> None:
    """No text is empty, and every word of both scales is used."""
    for hazard in hazards().values():
        assert not [name for name in TEXTS if not getattr(hazard, name).strip()], hazard.id
        assert not [text for text in (getattr(hazard, name) for name in TEXTS) if "\n" in text or "|" in text], hazard.id
    assert {hazard.severity for hazard in hazards().values()} == set(severities())
    assert {hazard.answer for hazard in hazards().values()} == set(ANSWERS) == set(get_args(Answer))
    assert len({hazard.title for hazard in hazards().values()}) == len(hazards())


@pytest.mark.requirement("HAZ-07")
def test_every_hazard_names_a_test_that_there_is() -> None:
    """One of the field its own re-enactment, a class of defects its law."""
    for hazard in hazards().values():
        file, _, node = hazard.test.partition("::")
        name, _, parameter = node.partition("[")
        assert name in laws_in(ROOT / file), hazard.test
        assert (parameter == f"{hazard.id}]") if hazard.kind == "field" else (name == f"test_{hazard.id.lower()}")


@pytest.mark.requirement("HAZ-07")
def test_every_law_says_which_and_from_where() -> None:
    """Each law begins with its id and ends with the source as the catalogue has it, and shows a requirement."""
    laws = [law for file in LAWS for law in laws_in(ROOT / file).items()]
    named = {hazard.test.rpartition("::")[2]: hazard for hazard in hazards().values() if hazard.kind == "defect"}
    assert {name for name, _ in laws} == set(named)
    for name, law in laws:
        law_text, _, source = (ast.get_docstring(law) or "").partition("\n\n")
        assert law_text.startswith(f"{named[name].id}: ")
        assert source.strip().rstrip(".").lower() == named[name].source.lower()
        assert set(marks(*law.decorator_list)), name


def test_what_happened_is_told_once() -> None:
    """The table of the requirements has the words of the catalogue, and leads to the page of results."""
    readme = written()["README.md"]
    told = {row[0]: row[1] for row in rows(readme, "hazard")}
    assert list(told.items()) == [(name, hazard.happened) for name, hazard in hazards().items() if name in told]
    assert "(hazards.md)" in readme


@pytest.mark.requirement("HAZ-04")
def test_an_id_in_any_letters() -> None:
    """The nearest where there is none."""
    assert hazard_named("h06") is hazards()["H06"]
    for asked, meant in (("H6", "H06"), ("h6", "H06"), ("6", "H06"), ("46", "H46"), ("H066", "H06")):
        with pytest.raises(InputError, match=f"Did you mean '{meant}'") as caught:
            hazard_named(asked)
        assert caught.value.accepted == tuple(hazards())


@pytest.mark.requirement("HAZ-10")
def test_an_entry_of_the_file_is_read_as_it_is() -> None:
    """With what is added and with what is open, and without."""
    assert hazard_of("H06", ENTRY) == hazards()["H06"]
    more = hazard_of("H06", {**ENTRY, "also": ["QTY-01"], "open": "later"})
    assert (more.also, more.open) == (("QTY-01",), "later")


@pytest.mark.requirement("HAZ-10")
@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("H6", {}, "H6"),
        ("PMP-01", {}, "PMP-01"),
        ("H06", {"hapened": "x"}, r"not known \['hapened'\]"),
        ("H06", {"happened": None}, r"missing \['happened'\]"),
        ("H06", {"answer": "cures"}, "'cures'"),
        ("H06", {"severity": "bad"}, "'bad'"),
        ("H06", {"cause": " "}, "cause says nothing"),
        ("H06", {"open": ""}, "open says nothing"),
        ("H06", {"harm": 3}, "harm says nothing"),
        ("H06", {"test": ""}, "test says nothing"),
        ("H06", {"test": 0}, "test says nothing"),
        ("H06", {"test": "", "title": ""}, "test, title says nothing"),
        ("H06", {"answer": "with the clinic"}, "'with the clinic'"),
        ("H06", {"also": "QTY-01"}, "also is no list"),
        ("H06", {"also": ["QTY-01", ""]}, "also is no list"),
    ],
)
def test_a_wrong_entry_is_a_defect(name: str, change: dict[str, object], says: str) -> None:
    """Of the id, a key, a word of a scale, or a text that says nothing."""
    entry = {key: value for key, value in {**ENTRY, **change}.items() if value is not None}
    with pytest.raises(DataError, match=says):
        hazard_of(name, entry)
