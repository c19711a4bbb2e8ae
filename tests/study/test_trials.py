"""Published trials: their protocols read, their rows are sound, and what docs/trials.md says is what they give."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.study.trials_page import DOCUMENT, TRUE_FALSE, Trial, played, protocols, section, text, trials
from thecal.errors import InputError
from thecal.report.validation import ROLES
from thecal.study.protocol_document import PublishedTable
from thecal.study.trial import _HALVES, PARTS, published_of

SMALL = ("bolus-stroke", "tablets-or-placebo")
"""Run whole wherever tests run; the others are long."""


class Answers:
    """Results that give one answer to the question itself, and others to its halves."""

    def __init__(self, *rows: tuple[Any, ...], halves: tuple[Any, ...] = ()) -> None:
        self.rows, self.halves = list(rows), halves

    def query(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        if "main.patients" in sql:
            return [f"half {n}" for n in range(len(self.halves))], [self.halves]
        return ["number"] * len(self.rows[0]) if self.rows else ["number"], self.rows


def asked(result: Any, **changes: Any) -> Any:
    """The first row of the stroke study, changed, asked of some results."""
    protocol = trials()["bolus-stroke"]
    table: PublishedTable = protocol.published[0].model_copy(update=changes)
    return published_of(replace(protocol, published=(table,)), result)[0]


@pytest.fixture(scope="module")
def run_here(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trial]:
    """The small trials, run once."""
    folder = tmp_path_factory.mktemp("trials")
    return {name: played(trials()[name], folder / name, workers=1) for name in SMALL}


def test_every_protocol_reads() -> None:
    """At least eight trials, a policy of one's own, and a what-if."""
    found = protocols()
    assert len(trials()) >= 8
    assert {"own-policy", "modes", "missed-refill"} <= set(found)
    assert found["own-policy"].policy_files[0][0] == "gentle.py"


def test_rows_are_sound() -> None:
    """Each has an id of its own, a source, a unit or a ratio, a known role, and bounds around something."""
    rows = [row for protocol in trials().values() for row in protocol.published]
    assert len({row.id for row in rows}) == len(rows)
    for row in rows:
        assert row.source
        assert len(row.shown) < 16  # the column of the report
        assert row.low <= row.high
        assert row.low <= row.published <= row.high
        assert set(row.role.split(", ")) <= set(ROLES)
        assert "accepted: " in row.protocol or row.unit == TRUE_FALSE


def test_every_head_says_how_to_run_it_and_every_source_is_cited() -> None:
    """A protocol begins with what it is and the command; each of its sources stands beside a number."""
    for name, protocol in protocols().items():
        assert protocol.text.startswith("# ")
        assert f"thecal study run studies/{name}.toml --out " in protocol.text
        marks = [source[: source.index("]") + 1] for source in protocol.sources]
        rest = "".join(line for line in protocol.text.splitlines() if not line.startswith('  "['))
        assert not [mark for mark in marks if mark not in rest], name


@pytest.mark.parametrize("name", SMALL)
def test_small_trials_are_as_documented(name: str, run_here: dict[str, Trial]) -> None:
    """Run whole, they give the section of docs/trials.md."""
    assert run_here[name].failed == 0
    assert section(run_here[name]) in DOCUMENT.read_text(encoding="utf-8")


@pytest.mark.long
def test_all_trials_are_as_documented(tmp_path: Path) -> None:
    """Every number of docs/trials.md is what the protocols give, to the printed digits."""
    assert text([played(one, tmp_path / name) for name, one in trials().items()]) == DOCUMENT.read_text(encoding="utf-8")


def test_the_standard_error_is_that_of_a_mean() -> None:
    """For the mean of one value of each part, the halves give the textbook's standard error."""
    values = [((7 * n) % PARTS) ** 1.5 for n in range(PARTS)]
    mean = sum(values) / PARTS
    halves = tuple(sum(values[part] for part in half) / len(half) for half in _HALVES)
    textbook = (sum((value - mean) ** 2 for value in values) / (PARTS - 1) / PARTS) ** 0.5
    assert asked(Answers((mean,), halves=halves)).error == pytest.approx(textbook, rel=1e-12)


def test_what_has_no_number_is_none() -> None:
    """NULL is a number that cannot be asked; a half without one leaves the error unknown, as halves do that are all alike."""
    assert asked(Answers((None,))).model is None
    assert asked(Answers((None,))).ok is None
    assert asked(Answers((1.4,), halves=(1.4, None))).error is None
    assert asked(Answers((1.4,), halves=(1.4, 1.4))).error is None
    assert asked(Answers((1.4,), halves=(1.5, 1.5))).error == pytest.approx(0.1)
    assert asked(Answers((1,)), unit=TRUE_FALSE).error is None


@pytest.mark.parametrize(
    ("result", "changes", "words"),
    [
        (Answers((1.0, 2.0)), {}, "1 rows of 2 columns"),
        (Answers((1.0,), (2.0,)), {}, "2 rows of 1 columns"),
        (Answers(), {}, "0 rows of 1 columns"),
        (Answers(("1.4",)), {}, "is not a number"),
        (Answers((float("nan"),)), {}, "is not a number"),
        (Answers((1.0,)), {"role": "wish"}, "is not a role"),
        (Answers((1.0,)), {"low": 3.0}, "is above high"),
    ],
)
def test_a_row_that_is_wrong_is_named(result: Answers, changes: dict[str, Any], words: str) -> None:
    """The error says which row it is, and what is wrong with it."""
    with pytest.raises(InputError, match=words) as raised:
        asked(result, **changes)
    assert raised.value.field.startswith("published T2")


def test_a_query_that_cannot_be_answered_is_named() -> None:
    """With the database's own words, and the columns that there are."""

    class Broken:
        def query(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
            raise InputError("query", sql, "cannot be answered: no such column", accepted=("patients (patient, arm)",))

    with pytest.raises(InputError, match="no such column") as raised:
        asked(Broken())
    assert raised.value.field == "published T2: model"
    assert raised.value.accepted == ("patients (patient, arm)",)
