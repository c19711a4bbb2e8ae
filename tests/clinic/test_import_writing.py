"""Rows of a spreadsheet go into the record together or not at all, and the file does not stay behind."""

import csv
from io import StringIO
from pathlib import Path

import pytest

from tests.clinic.practice import NOW
from thecal.clinic import import_writing
from thecal.clinic.audit import read_audit
from thecal.clinic.import_writing import (
    UPLOADS,
    WAITS_S,
    drop_old_uploads,
    drop_upload,
    keep_upload,
    kept_upload,
    on_record,
    write_newcomers,
)
from thecal.clinic.newcomer import Import, newcomers, template_csv
from thecal.clinic.people import everybody, person_of
from thecal.clinic.practice import CHART, By, Practice
from thecal.clinic.record import append, streams, verify
from thecal.clinic.spreadsheet import read_spreadsheet
from thecal.errors import InputError
from thecal.timeline import Duration, Instant

DIGEST = "ab" * 32


def template(practice: Practice) -> str:
    return template_csv(practice.now.date(practice.office().zone))


def read(practice: Practice, text: str) -> Import:
    with practice.reading() as reading:
        known = on_record(reading.connection)
        sheet = read_spreadsheet(text.encode(), "pumps.csv")
        return newcomers(
            sheet, reading.zone, reading.now, known_numbers=known.numbers, known_serials=known.serials, clinic=practice.settings
        )


def people(practice: Practice) -> int:
    with practice.database.reading() as connection:
        return len(everybody(connection))


def test_the_template_of_a_day_comes_in_whole(practice: Practice) -> None:
    """Its example dates fit that day, so that nothing of it is past or to come; both of its people have a chart."""
    found = read(practice, template(practice))
    assert [row.row for row in found.rows] == [2, 3]
    assert not [problem for problem in found.problems if problem.severity == "stops"]
    made = write_newcomers(practice, found.rows, By("nora", "r1"), DIGEST)
    with practice.reading() as reading:
        assert sorted(made) == streams(reading.connection, CHART)
        person, history = person_of(reading.connection, made[0]), reading.history(made[0])
        standing = reading.standing(made[0])
        list(verify(reading.connection))
        audited = [(line.did, line.detail) for line in read_audit(reading.connection, who="nora", limit=3)]
    assert person is not None
    assert (person.name, person.number) == ("Example, Ada", "H-100231")
    assert tuple(row.entry for row in history.rows) == found.rows[0].entries
    assert (standing.serial, str(standing.dose), standing.refill_by is not None) == ("EX-000001", "187.5 mcg/day", True)
    assert audited[0] == ("imported a spreadsheet", f"2 people; the file's SHA-256 is {DIGEST}")
    assert audited[1] == ("brought in from a spreadsheet", f"row 3 of the file {DIGEST[:12]}")


def test_without_a_day_the_template_is_that_of_its_data(small: Practice) -> None:
    """Its examples are those of the columns."""
    assert small
    row = next(csv.DictReader(StringIO(template_csv())))
    assert row["last refill on"] == "2026-02-10 09:30"
    assert row["born"] == "1958-11-02"


def test_what_came_in_is_known_to_the_next_dry_run(practice: Practice) -> None:
    """The same table again has nobody new in it, and says which cells are on record."""
    text = template(practice)
    write_newcomers(practice, read(practice, text).rows, By("nora"), DIGEST)
    again = read(practice, text)
    assert not again.rows
    told = {(problem.row, problem.column) for problem in again.problems if problem.problem == "is in the record already"}
    assert told == {(2, "hospital number"), (2, "serial"), (3, "hospital number"), (3, "serial")}


def test_nobody_is_written_where_one_came_onto_the_record_meanwhile(practice: Practice) -> None:
    """The first row of a table that is no longer new takes the second with it."""
    rows = read(practice, template(practice)).rows
    write_newcomers(practice, rows[1:], By("nils"), DIGEST)
    with pytest.raises(InputError, match=r"row 3: hospital number: 'H-100977' is in the record already"):
        write_newcomers(practice, rows, By("nora"), DIGEST)
    assert people(practice) == 1


@pytest.mark.requirement("EXC-01")
def test_nobody_is_written_where_the_last_row_fails(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written of the rows before it is gone with it: persons, charts and audit."""
    rows = read(practice, template(practice)).rows
    real, done = append, []

    def failing(*args: object) -> int:
        done.append(args)
        if len(done) == 2:
            raise RuntimeError("the disk is full")
        return real(*args)  # type: ignore[arg-type]  # what was given

    monkeypatch.setattr("thecal.clinic.practice.append", failing)
    with pytest.raises(RuntimeError, match="the disk is full"):
        write_newcomers(practice, rows, By("nora", "r9"), DIGEST)
    assert len(done) == 2
    with practice.database.reading() as connection:
        assert not everybody(connection)
        assert not streams(connection, CHART)
        assert not [line for line in read_audit(connection) if line.request == "r9"]


def test_no_rows_are_no_import(small: Practice) -> None:
    """It is said, and nothing is audited."""
    with pytest.raises(InputError, match="there is nobody to write down"):
        write_newcomers(small, (), By("nora"), DIGEST)


def test_a_file_waits_for_nobody_but_the_program(tmp_path: Path) -> None:
    """Under its digest, readable by its owner alone; it is gone when it is dropped, and after a day."""
    digest = keep_upload(tmp_path, b"name\nAda", NOW)
    path = tmp_path / UPLOADS / digest
    assert kept_upload(tmp_path, digest) == b"name\nAda"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert drop_old_uploads(tmp_path, NOW + Duration(WAITS_S - 1)) == 0
    assert drop_old_uploads(tmp_path, NOW + Duration(WAITS_S)) == 1
    assert kept_upload(tmp_path, digest) is None
    drop_upload(tmp_path, keep_upload(tmp_path, b"other", NOW))
    assert not list((tmp_path / UPLOADS).iterdir())


@pytest.mark.parametrize("name", ["../clinic.db", "", "AB" * 32, "ab" * 31, f"../uploads/{DIGEST}"])
def test_only_a_digest_names_a_file(tmp_path: Path, name: str) -> None:
    """No path leads out of the folder, and nothing else is removed."""
    (tmp_path / "clinic.db").write_text("the record", encoding="utf-8")
    keep_upload(tmp_path, b"x", Instant(0))
    assert kept_upload(tmp_path, name) is None
    drop_upload(tmp_path, name)
    assert (tmp_path / "clinic.db").exists()


def test_a_file_that_was_changed_is_not_what_was_looked_at(tmp_path: Path) -> None:
    """Its digest no longer fits, so it is not read."""
    digest = keep_upload(tmp_path, b"name\nAda", NOW)
    (tmp_path / import_writing.UPLOADS / digest).write_bytes(b"name\nEve")
    assert kept_upload(tmp_path, digest) is None
