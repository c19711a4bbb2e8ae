"""The rows of a study: as arrays, and by questions that can change nothing."""

import shutil
import signal
from math import isnan
from pathlib import Path

import numpy as np
import pytest

from tests.study.fake_trial import FakeTrial, read_trial, run_fake, trial
from thecal.errors import InputError, ThecalError
from thecal.study.columns import TABLES, check_columns
from thecal.study.folder import StudyFolder, Writer
from thecal.study.manifest import Note, new_manifest, other_version, read_notes
from thecal.study.result import Result
from thecal.study.rows import COLUMNS


def written(path: Path, study: FakeTrial, blocks: int) -> Result:
    """Some blocks of a study, written as a run does, and opened."""
    folder = StudyFolder(path)
    folder.begin(study, 1, "processes")
    writer = Writer(folder)
    for block in range(blocks):
        numbers = study.enrolled()[block * study.block : (block + 1) * study.block]
        writer.write(block, run_fake(study, numbers).tables, 0.5, ())
    writer.close()
    return Result.open(path, read=read_trial)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """All blocks of the small trial."""
    return written(tmp_path_factory.mktemp("study") / "it's", trial(), 6)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_every_row_as_it_was_made(name: str, result: Result) -> None:
    """Each value to the last bit, in the order of arms and patients, NULL as nan or None."""
    made = run_fake(trial(), range(1, 24)).tables[name]
    table = result.table(name)
    assert list(table) == list(COLUMNS[name])
    assert {len(values) for values in table.values()} == {result.rows(name)} == {len(made["arm"])}
    order = sorted(
        range(len(made["arm"])),
        key=lambda at: (made["arm"][at] == "cautious", made["patient"][at], *_later(made, at)),
    )
    for column, values in table.items():
        expected = [made[column][at] for at in order]
        found = [None if isinstance(value, float) and isnan(value) else value for value in values.tolist()]
        assert found == expected, column


def _later(made: dict[str, list[object]], at: int) -> tuple[object, ...]:
    if "detail" in made:
        return (made["day"][at], made["detail"][at] is None, made["detail"][at] or "")
    return tuple(made[name][at] for name in ("day", "hour") if name in made)


def test_the_kinds_of_columns(result: Result) -> None:
    """Whole numbers and yes-or-no where every row has one, floats with nan, and texts."""
    patients = result.table("patients")
    kinds = {name: patients[name].dtype for name in ("patient", "refills", "implanted", "age_years", "pump")}
    assert kinds == {"patient": np.uint64, "refills": np.int32, "implanted": bool, "age_years": np.float64, "pump": object}
    assert np.isnan(patients["ashworth_change"]).any()
    with pytest.raises(InputError, match=r"'patient' is not there.*Did you mean 'patients'"):
        result.table("patient")


def test_questions(result: Result) -> None:
    """Names and rows, over all blocks and all tables; the most rows that are wanted, and how many there are."""
    names, rows = result.query("SELECT arm, count(*) AS n, min(age_years) AS youngest FROM patients GROUP BY arm ORDER BY arm")
    assert names == ["arm", "n", "youngest"]
    assert rows == [("cautious", 23, 41.0), ("label", 23, 41.0)]
    assert result.query("SELECT count(*) FROM visits JOIN patients USING (patient, arm)")[1] == [(3 * 46,)]
    _, few, count = result.query_most("FROM visits", 5)
    assert (len(few), count) == (5, 3 * 46)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM patient",
        "SELECT shoe_size FROM patients",
        "SELEC",
        "SELECT * FROM read_csv('{folder}/manifest.json')",
        "SELECT * FROM read_parquet('{folder}/patients/*.parquet')",
        "SELECT * FROM 'other.parquet'",
        "SELECT count(*) FROM glob('{folder}/*')",
    ],
)
def test_a_wrong_question(sql: str, result: Result) -> None:
    """DuckDB says what is wrong, and the tables and columns that there are are told; other files are not read."""
    with pytest.raises(InputError, match=r"cannot be answered: .*Error(.|\n)*patients \(patient, arm, ") as caught:
        result.query(sql.format(folder=result.path.as_posix().replace("'", "''")))
    assert "events (patient, arm, day, kind, detail)" in str(caught.value)


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "-- nothing",
        "SELECT 1; SELECT 2",
        "COPY patients TO '{folder}/copy.csv'",
        "CREATE TABLE mine AS FROM patients",
        "DELETE FROM patients",
        "SET threads = 2",
        "ATTACH '{folder}/mine.db'",
        "INSTALL httpfs",
        "EXPLAIN ANALYZE COPY patients TO '{folder}/copy.csv'",
    ],
)
def test_a_question_changes_nothing(sql: str, result: Result) -> None:
    """What is not one SELECT is refused, and no file comes of it."""
    before = sorted(result.path.rglob("*"))
    with pytest.raises(InputError, match="is not one SELECT"):
        result.query(sql.format(folder=result.path.as_posix().replace("'", "''")))
    assert sorted(result.path.rglob("*")) == before


def test_a_study_that_is_not_whole(tmp_path: Path) -> None:
    """What is there can be asked, and how much is missing is known; without any block the tables are empty."""
    some = written(tmp_path / "some", trial(), 2)
    assert (some.missing, some.rows("patients"), len(some.table("patients")["arm"])) == (4, 16, 16)
    none = written(tmp_path / "none", trial(), 0)
    assert (none.missing, none.rows("visits")) == (6, 0)
    assert {len(values) for values in none.table("visits").values()} == {0}
    assert none.query("SELECT count(*) FROM events")[1] == [(0,)]


def test_checksums(result: Result, tmp_path: Path) -> None:
    """A byte that has changed is found, unless nobody wants to look."""
    path = shutil.copytree(result.path, tmp_path / "copy")
    file = StudyFolder(path).file("visits", 3)
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    with pytest.raises(InputError, match=r"visits/block-00003.parquet' is not as this study wrote it: its checksum"):
        Result.open(path, read=read_trial)
    assert Result.open(path, verify=False, read=read_trial).rows("visits") == 3 * 46


def test_a_folder_that_is_no_study(tmp_path: Path) -> None:
    """No manifest, one that cannot be read, one of another schema, a note that is none: each is named."""
    with pytest.raises(InputError, match="holds no study"):
        Result.open(tmp_path, read=read_trial)
    manifest = tmp_path / "manifest.json"
    manifest.write_text("{")
    with pytest.raises(InputError, match="cannot be read"):
        Result.open(tmp_path, read=read_trial)
    manifest.write_text('{"schema": 2}')
    with pytest.raises(InputError, match="another schema"):
        Result.open(tmp_path, read=read_trial)
    notes = tmp_path / "blocks.jsonl"
    notes.write_text('{"block": 1}\n')
    with pytest.raises(ThecalError, match=r"blocks.jsonl:1 is no note"):
        read_notes(notes)


def test_rows_of_other_columns() -> None:
    """A missing table, a missing column and a column that is too short are said, with their names."""
    tables = run_fake(trial(), [1]).tables
    with pytest.raises(ThecalError, match=f"block 3: its tables are patients, not {', '.join(TABLES)}"):
        check_columns({"patients": tables["patients"]}, "block 3")
    visits = {name: values for name, values in tables["visits"].items() if name != "day"}
    with pytest.raises(ThecalError, match="visits has other columns than it should have: day"):
        check_columns({**tables, "visits": visits}, "block 3")
    with pytest.raises(ThecalError, match="visits have several lengths"):
        check_columns({**tables, "visits": {**tables["visits"], "day": [1]}}, "block 3")


def test_versions() -> None:
    """Those that decide the rows, of Python the first two numbers."""
    mine = new_manifest(trial(), 1, "processes")["versions"]
    assert other_version(mine, mine) is None
    assert other_version({**mine, "python": "3.12.1"}, {**mine, "python": "3.12.9"}) is None
    assert other_version(mine, {**mine, "duckdb": "0"}) is None
    assert other_version(mine, {**mine, "numba": None}) == f"numba missing there, {mine['numba']} here"
    assert other_version({**mine, "python": "3.12.1"}, {**mine, "python": "3.13.1"}) == "python 3.13 there, 3.12 here"


def test_a_block_is_written_before_a_request_to_stop_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C after the note and before the names leaves the block whole, and then it is heard."""
    noted = StudyFolder.note

    def interrupted(folder: StudyFolder, note: Note) -> None:
        noted(folder, note)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(StudyFolder, "note", interrupted)
    with pytest.raises(KeyboardInterrupt):
        written(tmp_path / "out", trial(), 2)
    assert [note.block for note in StudyFolder(tmp_path / "out").check()] == [0]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
