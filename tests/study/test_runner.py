"""The running of a study: the same rows whoever runs them, whatever dies, and however often it is stopped."""

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest

from tests.study.fake_trial import FakeTrial, read_trial, run_fake, trial
from thecal.errors import InputError
from thecal.study.columns import TABLES
from thecal.study.folder import StudyFolder, part_of
from thecal.study.manifest import Note
from thecal.study.pool import THREADS, Pool
from thecal.study.result import Result
from thecal.study.runner import Progress, resume_study, run_alone, run_study
from thecal.study.task import DIED, StudyError, Task


def run(study: FakeTrial, path: Path, workers: int = 1, **more: Any) -> dict[str, Any]:
    return run_study(study, path, workers=workers, run=run_fake, **more)


def resume(path: Path, workers: int = 1, read: Callable[[Path], FakeTrial] = read_trial, **more: Any) -> dict[str, Any]:
    return resume_study(path, workers=workers, run=run_fake, read=read, **more)


def sums(path: Path) -> dict[int, dict[str, str]]:
    """The checksums of the files, by block."""
    StudyFolder(path).check()
    return {note.block: dict(note.sha256) for note in StudyFolder(path).notes()}


def bytes_of(path: Path) -> dict[str, bytes]:
    """Every file below a folder but the lock."""
    return {str(each.relative_to(path)): each.read_bytes() for each in path.rglob("*") if each.is_file() and each.name != ".lock"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that was run by one worker, undisturbed."""
    path = tmp_path_factory.mktemp("study") / "whole"
    run(trial(), path)
    return path


@pytest.fixture(scope="module")
def halted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same study, stopped after two of its six blocks."""
    path = tmp_path_factory.mktemp("study") / "halted"

    def stop(progress: Progress) -> None:
        if progress.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(trial(), path, told=stop)
    assert len(StudyFolder(path).notes()) == 2
    return path


@pytest.fixture
def cut(halted: Path, tmp_path: Path) -> Path:
    """A copy of the study that was stopped, to go on with or to spoil."""
    return shutil.copytree(halted, tmp_path / "cut")


def test_rows_do_not_depend_on_the_workers(whole: Path, tmp_path: Path) -> None:
    """Every file has the same bytes from one worker and from two, and all patients are there in each arm."""
    manifest = run(trial(), tmp_path / "two", workers=2)
    assert sums(tmp_path / "two") == sums(whole)
    assert sorted(sums(whole)) == list(range(6))
    assert (manifest["workers"], manifest["scheduler"], manifest["failures"]) == (2, "processes", [])
    patients = Result.open(whole, read=read_trial).table("patients")
    assert patients["patient"].tolist() == [*range(1, 24), *range(1, 24)]
    assert patients["arm"].tolist() == ["label"] * 23 + ["cautious"] * 23


def test_the_manifest_says_how_it_was_run(whole: Path) -> None:
    """Seed, hash, versions, times, blocks and arms; and the protocol's text stands beside it."""
    manifest = StudyFolder(whole).manifest()
    study = trial()
    told = {"schema": 1, "study": "doses", "seed": 7, "hash": study.hash, "patients": 23, "block": 4, "blocks": 6, "workers": 1}
    assert {key: manifest[key] for key in told} == told
    assert manifest["arms"] == ["label", "cautious"]
    assert set(manifest["versions"]) == {"thecal", "python", "numpy", "scipy", "numba", "duckdb"}
    assert manifest["started"] <= manifest["finished"]
    assert manifest["started"].endswith("+00:00")
    assert (whole / "protocol.toml").read_text() == study.text


def test_a_worker_has_one_thread_and_the_leader_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What limits threads is set while workers are born, and as it was afterwards."""
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    before = {name: os.environ.get(name) for name in THREADS}
    run(trial(), tmp_path / "out")
    kinds = Result.open(tmp_path / "out", read=read_trial).table("events")["kind"]
    assert set(kinds.tolist()) == {"1"}
    assert {name: os.environ.get(name) for name in THREADS} == before


def test_only_so_many_blocks_are_in_flight() -> None:
    """A pool of two takes four tasks and no fifth, but one that is to be alone only by an idle worker."""
    pool = Pool(trial(each_s=5), run_fake, 2)
    try:
        for block in range(4):
            assert pool.takes(Task(block, [1]))
            pool.give(Task(block, [1]))
        assert not pool.takes(Task(4, [1]))
        assert not pool.takes(Task(4, [1], alone=True))
    finally:
        pool.close()


def test_it_tells_how_far_it_is(tmp_path: Path) -> None:
    """When it begins and after each block: how many are done, and the patient-years since it began."""
    told: list[Progress] = []
    run(trial(), tmp_path / "out", told=told.append)
    assert [progress.done for progress in told] == [0, 1, 2, 3, 4, 5, 6]
    assert {progress.blocks for progress in told} == {6}
    assert told[-1].patient_years == pytest.approx(23 * 2 * 365 / 365.25)


def test_a_worker_that_is_killed_is_replaced(whole: Path, tmp_path: Path) -> None:
    """Its block is begun again, and the rows are those of an undisturbed run."""
    manifest = run(trial(kills_once=tmp_path / "killed"), tmp_path / "out", workers=2)
    assert (tmp_path / "killed").exists()
    assert manifest["failures"] == []
    assert sums(tmp_path / "out") == sums(whole)


@pytest.mark.long
def test_a_patient_who_kills_workers_is_found(whole: Path, tmp_path: Path) -> None:
    """That patient is a failure in each arm; the others of the block, and all other blocks, are kept."""
    manifest = run(trial(kills=[6]), tmp_path / "out", workers=2)
    assert manifest["failures"] == [{"patient": 6, "arm": arm, "error": DIED} for arm in ("label", "cautious")]
    found, expected = sums(tmp_path / "out"), sums(whole)
    assert {block for block in expected if found[block] != expected[block]} == {1}
    result = Result.open(tmp_path / "out", read=read_trial)
    assert result.manifest["failures"] == manifest["failures"]
    for table in TABLES:
        rows, others = result.table(table), Result.open(whole, read=read_trial).table(table)
        kept = others["patient"] != 6
        assert all(np.array_equal(rows[name][:], others[name][kept], equal_nan=others[name].dtype.kind == "f") for name in rows)


def test_a_patient_who_raises_is_a_failure(tmp_path: Path) -> None:
    """What the block says of them stands in the manifest; others are kept."""
    manifest = run(trial(raises=[17]), tmp_path / "out")
    assert [(each["patient"], each["arm"]) for each in manifest["failures"]] == [(17, "label"), (17, "cautious")]
    assert "ValueError" in manifest["failures"][0]["error"]
    assert Result.open(tmp_path / "out", read=read_trial).rows("patients") == 2 * 22


def test_a_block_that_raises_stops_the_study(tmp_path: Path) -> None:
    """It is named with its patients and the traceback of the worker, and what was finished is kept."""
    with pytest.raises(StudyError, match=r"block 2 \(patients 9 to 12\).*kept(.|\n)*ZeroDivisionError: a defect"):
        run(trial(defect=10), tmp_path / "out")
    assert [note.block for note in StudyFolder(tmp_path / "out").notes()] == [0, 1]


class Unreadable(FakeTrial):
    """A protocol that ends the process which unpickles it."""

    __slots__ = ()

    def __reduce__(self) -> tuple[Callable[[int], NoReturn], tuple[int]]:
        return os._exit, (3,)


def test_a_worker_that_cannot_begin_is_no_patients_fault(tmp_path: Path) -> None:
    """It is said at once, instead of a failure for each patient."""
    study = trial()
    fields = {name: getattr(study, name) for name in FakeTrial.__dataclass_fields__}
    with pytest.raises(StudyError, match=r"ended before it began \(exit code 3\)"):
        run(Unreadable(**fields), tmp_path / "out")


@pytest.mark.parametrize("workers", [0, -1, 513])
def test_workers_that_cannot_be(workers: int, tmp_path: Path) -> None:
    """It says how many can be, and leaves no folder behind."""
    with pytest.raises(InputError, match=r"workers.*1 to 512"):
        run(trial(), tmp_path / "out", workers=workers)
    assert not (tmp_path / "out").exists()


def test_one_patient_alone(whole: Path) -> None:
    """The row of the study; one who is not enrolled is named with those who are."""
    made = run_alone(trial(), 17, run_fake)
    assert made.tables["patients"]["patient"] == [17, 17]
    _, rows = Result.open(whole, read=read_trial).query("SELECT age_years FROM patients WHERE patient = 17")
    assert [(age,) for age in made.tables["patients"]["age_years"]] == rows
    with pytest.raises(InputError, match=r"24.*not enrolled.*1 to 23"):
        run_alone(trial(), 24, run_fake)


# What is in the folder.


def test_a_folder_of_another_protocol(whole: Path) -> None:
    """Both protocols are named; nothing is changed."""
    before = bytes_of(whole)
    other = trial(name="others", follow=1)
    with pytest.raises(InputError, match=rf"another protocol: doses \({trial().hash[:12]}\), and others.*another --out.*resume"):
        run(other, whole)
    assert bytes_of(whole) == before


def test_a_folder_of_the_same_protocol(whole: Path, cut: Path) -> None:
    """It is not run twice: resume goes on."""
    with pytest.raises(InputError, match=r"is finished in this folder.*thecal study resume"):
        run(trial(), whole)
    with pytest.raises(InputError, match=r"has begun in this folder.*thecal study resume"):
        run(trial(), cut)


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    """Other files, a file, and letters that stand for others are refused, and nothing is left there."""
    (tmp_path / "letter.txt").touch()
    with pytest.raises(InputError, match="holds other files"):
        run(trial(), tmp_path)
    with pytest.raises(NotADirectoryError):
        run(trial(), tmp_path / "letter.txt")
    with pytest.raises(InputError, match="could not be read again"):
        run(trial(), tmp_path / "what[1]")
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]
    with pytest.raises(InputError, match="holds no study"):
        resume(tmp_path)


def test_a_folder_that_is_being_written(cut: Path) -> None:
    """Two runs in one folder would spoil it: the second is refused."""
    with StudyFolder(cut).locked(), pytest.raises(InputError, match="another run"):
        resume(cut)


def test_policies_are_kept_beside_the_protocol(tmp_path: Path) -> None:
    """A policy's file is found again on resume; a name that leads out of the folder, or to its own files, is refused."""
    run(trial(policies=["doses/mine.toml"]), tmp_path / "out")
    assert (tmp_path / "out" / "doses" / "mine.toml").read_text() == "policy = 1\n"
    for name in ("../mine.toml", "/mine.toml", "manifest.json", "patients/mine.toml", "protocol.toml"):
        with pytest.raises(InputError, match="policy"):
            run(trial(policies=[name]), tmp_path / "other")
        assert not (tmp_path / "other").exists()


# Stopped, and going on.


def test_going_on(whole: Path, cut: Path) -> None:
    """Only what is missing is run; every file is that of an undisturbed run; a second resume does nothing."""
    told: list[Progress] = []
    manifest = resume(cut, workers=2, told=told.append)
    assert [progress.done for progress in told] == [2, 3, 4, 5, 6]
    assert sums(cut) == sums(whole)
    assert len(manifest["resumed"]) == 1
    before = bytes_of(cut)
    assert resume(cut) == manifest
    assert bytes_of(cut) == before


def test_going_on_after_a_kill_between_note_and_name(whole: Path, cut: Path) -> None:
    """A file that was noted and not named yet is named; one that was not noted is removed; half a note counts for nothing."""
    folder = StudyFolder(cut)
    path = folder.file("visits", 1)
    path.replace(part_of(path))
    part_of(folder.file("patients", 5)).write_bytes(b"half")
    with (cut / "blocks.jsonl").open("ab") as file:
        file.write(b'{"block": 4, "ro')
    told: list[Progress] = []
    resume(cut, told=told.append)
    assert told[0].done == 2
    assert sums(cut) == sums(whole)
    assert not list(cut.rglob("*.part"))


def test_a_file_that_is_missing_is_made_anew(whole: Path, cut: Path) -> None:
    """A look at the results says so, and going on repairs it."""
    StudyFolder(cut).file("events", 0).unlink()
    with pytest.raises(InputError, match=r"block-00000.parquet.*is missing.*thecal study resume"):
        Result.open(cut, read=read_trial)
    resume(cut)
    assert sums(cut) == sums(whole)


@pytest.mark.parametrize("harm", ["changed", "foreign"])
def test_a_file_that_is_not_ours(harm: str, cut: Path, whole: Path) -> None:
    """It is named, with what to do, by resume and by a look at the results; nothing is changed."""
    folder = StudyFolder(cut)
    if harm == "changed":
        folder.file("patients", 1).write_bytes(StudyFolder(whole).file("patients", 2).read_bytes())
        problem = r"patients/block-00001.parquet.*checksum.*move it away"
    else:
        folder.file("visits", 5).write_bytes(StudyFolder(whole).file("visits", 5).read_bytes())
        problem = r"visits/block-00005.parquet.*not written by this study.*move it out"
    before = bytes_of(cut)
    with pytest.raises(InputError, match=problem):
        resume(cut)
    with pytest.raises(InputError, match=problem):
        Result.open(cut, read=read_trial)
    assert bytes_of(cut) == before


def test_a_protocol_that_was_edited(cut: Path) -> None:
    """Rows of another text do not join these."""
    (cut / "protocol.toml").write_text(trial(follow=1).text)
    before = bytes_of(cut)
    with pytest.raises(InputError, match=r"protocol.toml.*is not the text by which these rows were made"):
        resume(cut)
    assert bytes_of(cut) == before


def test_data_or_versions_that_have_changed(cut: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same text that means something else now, or other versions of what makes the rows, are refused."""
    before = bytes_of(cut)
    with pytest.raises(InputError, match=r"its protocol is ffff now: thecal's own data have changed"):
        resume(cut, read=lambda path: replace(read_trial(path), hash="ffff"))
    there = StudyFolder(cut).manifest()["versions"]
    monkeypatch.setattr("thecal.study.runner.versions", lambda: {**there, "numpy": "1.0"})
    with pytest.raises(InputError, match=rf"numpy {there['numpy']} there, 1.0 here"):
        resume(cut)
    assert bytes_of(cut) == before


def test_a_disk_that_takes_no_more(cut: Path, whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stops, says which block, where and how much is free; what is finished is whole, and it goes on when there is room."""
    noted = StudyFolder.note

    def full(folder: StudyFolder, note: Note) -> None:
        if note.block == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        noted(folder, note)

    monkeypatch.setattr(StudyFolder, "note", full)
    with pytest.raises(StudyError) as caught:
        resume(cut)
    monkeypatch.undo()
    assert "block 3 cannot be written" in str(caught.value)
    for words in (str(cut), "No space left on device", "bytes are free", "3 of 6 blocks are kept", "thecal study resume"):
        assert words in str(caught.value)
    assert not list(cut.rglob("*.part"))
    resume(cut)
    assert sums(cut) == sums(whole)
