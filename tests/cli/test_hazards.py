"""thecal hazards: the list, one that is played twice, and what cannot be shown."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.test_program import Call, called
from tests.command import inside as thecal
from thecal.cli import hazards as verb
from thecal.hazards.catalogue import ANSWERS, hazards
from thecal.hazards.reenactment import reenactment
from thecal.report.tables import WIDTH
from thecal.report.words import BANNER
from thecal.twin.document import BoundTable

__all__ = ["called"]  # a fixture

KEYS = ["id", "title", "kind", "answer", "source", "harm", "here", "test"]


@pytest.mark.requirement("HAZ-08")
def test_it_lists_every_hazard() -> None:
    """Each on a line with its kind, its answer and its title, in a process of its own; the words are explained."""
    result = thecal("hazards")
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    for line, hazard in zip(lines, hazards().values(), strict=False):
        assert re.split(r"\s{2,}", line) == [hazard.id, hazard.kind, hazard.answer, hazard.title]
    assert max(map(len, lines)) <= WIDTH
    assert all(f"{word:<16}{meaning}" in lines for word, meaning in ANSWERS.items())


@pytest.mark.requirement("HAZ-08")
def test_the_list_as_data(called: Call) -> None:
    """A row for each hazard, with exactly the same keys, in their order."""
    result = called("hazards", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    data = json.loads(result.stdout)
    assert [list(row) for row in data] == [KEYS] * len(hazards())
    assert data == [{key: getattr(hazard, key) for key in KEYS} for hazard in hazards().values()]


@pytest.mark.requirement("HAZ-01")
@pytest.mark.requirement("HAZ-04")
def test_one_is_played_twice(called: Call) -> None:
    """The size of the harm beside what is left of it, what people do in each half, and what was refused."""
    result = called("hazards", "h06")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == called("hazards", "H06").stdout
    lines = result.stdout.splitlines()
    assert lines[0] == "H06  A stronger drug without a bridge"
    assert max(map(len, lines)) <= WIDTH
    assert [line for line in lines if line in ("as it happened", "here")] == ["as it happened", "here"]
    words = " ".join(result.stdout.split())
    for part in (hazards()["H06"].happened, hazards()["H06"].source, hazards()["H06"].residual, BANNER, "refused by SES-03"):
        assert part in words
    (harm,) = (line for line in lines if line.startswith("mcg at the tip in the three days"))
    assert re.split(r"\s{2,}", harm)[1:] == ["171 mcg", "684 mcg"]


@pytest.mark.requirement("HAZ-01")
def test_what_was_measured_as_data(called: Call) -> None:
    """With the hazard itself, both halves and every number with its unit."""
    result = called("hazards", "H06", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    data = json.loads(result.stdout)
    assert list(data) == ["schema", *KEYS, "sources", "measures", "halves"]
    first = data["measures"][0]
    assert (first["unit"], first["happened"], first["here"]) == ("mcg", 171, pytest.approx(684, abs=0.001))
    assert [half["half"] for half in data["halves"]] == ["happened", "here"]
    assert all(len(half["tip_mcg_per_day"]) == 64 for half in data["halves"])
    assert not data["halves"][0]["refused"]
    assert "refused by SES-03" in data["halves"][1]["refused"][0]


@pytest.mark.requirement("HAZ-08")
@pytest.mark.parametrize("name", ["H40", "H48"])
def test_a_defect_is_told_and_not_played(called: Call, name: str) -> None:
    """With the test of its law, where there is one."""
    result = called("hazards", name)
    assert (result.returncode, result.stderr) == (0, "")
    hazard = hazards()[name]
    assert result.stdout.startswith(f"{name}  {hazard.title}\n")
    assert ("::" in result.stdout) == bool(hazard.test)
    data = json.loads(called("hazards", name, "--json").stdout)
    assert list(data) == KEYS
    assert (data["id"], data["kind"], data["test"]) == (name, "defect", hazard.test)


@pytest.mark.requirement("HAZ-04")
@pytest.mark.parametrize(("name", "nearest"), [("H6", "'H06'"), ("H53", "'H5"), ("", None), ("PMP-01", None)])
def test_an_unknown_id_gets_the_nearest(called: Call, name: str, nearest: str | None) -> None:
    """And exit code 2; with all that there are."""
    result = called("hazards", name)
    assert (result.returncode, result.stdout) == (2, "")
    assert "H01, H02" in result.stderr
    assert (f"Did you mean {nearest}" in result.stderr) if nearest else ("Did you mean" not in result.stderr)


@pytest.mark.requirement("HAZ-09")
@pytest.mark.requirement("CLI-04")
@pytest.mark.requirement("CLI-05")
def test_both_halves_on_a_page(called: Call, tmp_path: Path) -> None:
    """One file that loads nothing, with the figure, the numbers and the sources; the same each time."""
    page = tmp_path / "h06.html"
    result = called("hazards", "H06", "--html", page)
    assert (result.returncode, result.stderr) == (0, "")
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"<script|@import|url\((?!#)|(src|href)=[\"'](?!#)", text)
    assert (text.count("<svg"), text.count("<h1>")) == (1, 1)
    for part in (
        "A stronger drug without a bridge",
        "never talks to a real implant",
        "171 mcg",
        "684 mcg",
        "SES-03",
        "Boster 2016",
    ):
        assert part in text
    assert text.count("<h2>") == 3  # both halves and the sources
    called("hazards", "H06", "--html", page)
    assert page.read_text(encoding="utf-8") == text


@pytest.mark.requirement("HAZ-09")
def test_a_half_alone_on_a_page(called: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What tells only what happened shows that, and nothing beside it."""
    told = reenactment("H06")
    first = tuple(measure.model_copy(update={"here": None}) for measure in told.measures)
    monkeypatch.setattr(verb, "reenactment", lambda _: replace(told, measures=first, here=None))
    page = tmp_path / "h06.html"
    result = called("hazards", "H06", "--html", page)
    assert (result.returncode, result.stderr) == (0, "")
    text = page.read_text(encoding="utf-8")
    assert text.count("<h2>") == 2  # the half and the sources
    assert "<td>-</td>" in text
    data = json.loads(called("hazards", "H06", "--json").stdout)
    assert [half["half"] for half in data["halves"]] == ["happened"]
    assert {row["here"] for row in data["measures"]} == {None}


@pytest.mark.requirement("HAZ-09")
@pytest.mark.requirement("CLI-02")
def test_a_page_is_written_whole_or_not_at_all(called: Call, tmp_path: Path) -> None:
    """Where there is no place for it, nothing is left behind."""
    result = called("hazards", "H06", "--html", tmp_path / "nowhere" / "h06.html")
    assert (result.returncode, result.stdout) == (2, "")
    assert "nowhere" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.requirement("HAZ-09")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "shows one hazard, and none is named. Did you mean thecal hazards H06 --html FILE?"),
        (["--json"], "shows one hazard, and none is named"),
        (["H40"], "has nothing to draw: H40 is not re-enacted"),
        (["h48"], "has nothing to draw: H48 is not re-enacted"),
    ],
)
def test_what_has_no_halves_has_no_page(called: Call, tmp_path: Path, arguments: list[str], says: str) -> None:
    """The list, or a defect that a law answers: exit code 2, and no file."""
    result = called("hazards", *arguments, "--html", tmp_path / "page.html")
    assert (result.returncode, result.stdout) == (2, "")
    assert says in result.stderr
    assert not (tmp_path / "page.html").exists()


@pytest.mark.requirement("HAZ-03")
def test_a_half_that_does_not_come_out_exits_with_1(called: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is printed all the same, and each problem is told."""
    told = reenactment("H06")
    harder = told.measures[0].model_copy(update={"happened": BoundTable(at_most=100)})
    monkeypatch.setattr(verb, "reenactment", lambda _: replace(told, measures=(harder, *told.measures[1:])))
    result = called("hazards", "H06")
    assert result.returncode == 1
    assert "as it happened" in result.stdout
    assert "thecal: H06: happened: mcg at the tip in the three days" in result.stderr
    assert "is 171, and not at most 100" in result.stderr
    assert "does not come out as its file says" in result.stderr
    assert called("hazards", "H06", "--json").returncode == 1
