"""thecal validate: published numbers beside the model, as text and as JSON."""

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from tests.command import inside as thecal
from thecal.cli.main import main
from thecal.report.validation import Published
from thecal.study import published
from thecal.study.published import validate

KEYS = ["id", "quantity", "published", "unit", "model", "low", "high", "ok", "role", "source"]
Ask = Callable[..., str]


@pytest.fixture(scope="module")
def rows() -> tuple[Published, ...]:
    return validate()


@pytest.fixture
def ask(rows: tuple[Published, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Ask:
    """What the command prints with an option, in this process, with rows that were computed once."""

    def asked(*options: str, given: tuple[Published, ...] = rows) -> str:
        monkeypatch.setattr(published, "validate", lambda: given)
        monkeypatch.setattr(sys, "argv", ["thecal", "validate", *options])
        with pytest.raises(SystemExit) as caught:
            main()
        out, err = capsys.readouterr()
        assert (int(caught.value.code or 0), err) == (0, "")
        return out

    return asked


@pytest.mark.requirement("CLI-03")
def test_rows_as_json(ask: Ask) -> None:
    """Ten keys a row, numbers as numbers, and a verdict that follows from them."""
    answer = json.loads(ask("--json"))
    assert (answer["schema"], answer["patient"]) == (1, "adult-ms")
    rows: list[dict[str, Any]] = answer["rows"]
    assert len({row["id"] for row in rows}) == len(rows) == 26
    for row in rows:
        assert list(row) == KEYS
        assert all(isinstance(row[key], float) for key in ("published", "low", "high"))
        if row["model"] is not None:
            assert isinstance(row["model"], float)
            assert row["ok"] is (row["low"] <= row["model"] <= row["high"])
    assert [row["id"] for row in rows if row["model"] is None] == ["C14"]
    assert [row["ok"] for row in rows if row["id"] == "C14"] == [None]
    assert {row["id"]: row["unit"] for row in rows}["K6"] == "true/false"
    for word in ("factor of two", "derived, not published", "4.6 mcg/mL", "1.25 to 1.9 h"):
        assert any(word in note for note in answer["notes"])


def test_rows_as_text(ask: Ask, rows: tuple[Published, ...]) -> None:
    """A table of a line each with its verdict, the roles, the notes, and where each number comes from."""
    text = ask()
    lines = text.splitlines()
    assert max(map(len, lines)) <= 106
    table = {line.split()[0]: line for line in lines[: lines.index("") + 40] if line.endswith((" ok", " FAILS", " -"))}
    assert list(table) == [row.id for row in sorted(rows, key=lambda row: [row.role for row in rows].index(row.role))]
    for row in rows:
        assert row.quantity in table[row.id]
        assert row.shown in table[row.id]
        assert table[row.id].endswith(f" {row.verdict}")
    said = " ".join(text.split())
    for row in rows:
        assert f"{row.id} {row.source}. Model: {row.protocol}." in said
    for word in ("calibration the model may be fitted", "consistency nothing is fitted", "with studies it needs a study"):
        assert word in said
    for word in ("factor of two", "derived, not published", "4.6 mcg/mL", "1.25 to 1.9 h as measured"):
        assert word in said


@pytest.mark.requirement("BOD-10")
def test_a_row_that_fails_is_shown_and_is_no_error(ask: Ask, rows: tuple[Published, ...]) -> None:
    """Exit code 0; the table and the count name it."""
    first, *others = (row for row in rows if row.model is not None)
    failing = Published(**{**{name: getattr(first, name) for name in Published.__slots__}, "model": first.high * 1.01})
    kept = tuple(row for row in others if row.ok)
    text = ask(given=(failing, *kept))
    assert f"{len(kept)} of {len(kept) + 1} are within what is accepted; outside: {first.id}." in text
    assert sum(line.endswith(" FAILS") for line in text.splitlines()) == 1
    document = json.loads(ask("--json", given=(failing,)))
    assert document["rows"][0]["ok"] is False


def test_an_order_reads_as_an_order(ask: Ask, rows: tuple[Published, ...]) -> None:
    """True or false in the text, 1 or 0 as data."""
    (order,) = (row for row in rows if row.unit == "true/false")
    for model, word in ((1.0, "true"), (0.0, "false")):
        row = Published(**{**{name: getattr(order, name) for name in Published.__slots__}, "model": model})
        line = next(line for line in ask(given=(row,)).splitlines() if line.startswith(row.id))
        assert line.split()[-3:-1] == [word, "true"]


@pytest.mark.long
def test_the_command_itself(rows: tuple[Published, ...]) -> None:
    """As a process of its own it gives the same numbers as the function in this one."""
    result = thecal("validate", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    assert [row["model"] for row in json.loads(result.stdout)["rows"]] == [row.model for row in rows]
