"""The running of a study: its blocks go to workers, and what comes back is on the disk before the next is waited for.

    from pathlib import Path
    from thecal.study.design import read_protocol
    from thecal.study.runner import run_study

    if __name__ == "__main__":
        manifest = run_study(read_protocol(Path("protocol.toml")), Path("results"), workers=2)

The rows of a block depend on the protocol alone: not on how many workers there are, where they are, in which order they end, or
whether the study was killed and went on.
"""

import shutil
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any

from thecal.errors import InputError
from thecal.study.columns import TABLES, check_columns
from thecal.study.folder import StudyFolder, Writer
from thecal.study.manifest import Note, failures_of, other_version, utc_now, versions
from thecal.study.pool import Pool
from thecal.study.rows import COLUMNS, Failure
from thecal.study.task import (
    DIED,
    Answer,
    Made,
    Missed,
    ReadProtocol,
    RunBlock,
    Study,
    StudyError,
    Task,
    Workers,
    own_reader,
    own_runner,
)

_TRIES = 3
"""How often a block that kills its worker is begun, before its patients are run one by one."""
_DAYS_PER_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a study is: blocks that are done and in all; what was done since this run began, and in how many seconds."""

    done: int
    blocks: int
    patient_years: float
    seconds: float


Told = Callable[[Progress], None]
"""Called when a run begins and after each block."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A block that has been run: its rows, the seconds of work, and who failed."""

    block: int
    tables: dict[str, dict[str, list[Any]]]
    seconds: float
    failures: tuple[Failure, ...]


def run_study(
    study: Study,
    directory: Path,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    run: RunBlock | None = None,
    told: Told | None = None,
) -> dict[str, Any]:
    """Run a study into a folder that is new or empty; its manifest, with who failed.

    ``workers`` processes of this machine (as many as there are usable processors where not given), or the cluster of a Dask
    ``scheduler`` such as ``tcp://host:8786``; ``run`` is what runs a block, thecal's own where not given.

    Raises InputError for a folder that holds something else, workers that cannot be, a cluster that does not answer or runs
    another version; StudyError where the disk takes no more or a block raises. KeyboardInterrupt and SystemExit go through.
    """
    folder = StudyFolder(directory)
    folder.check_new(study)
    held = directory.exists()
    with ExitStack() as stack:
        try:
            stack.enter_context(folder.locked())
            folder.check_new(study)
            enrolled = study.enrolled()
            crew = stack.enter_context(closing(_workers(study, workers, scheduler, run)))
            manifest = folder.begin(study, crew.count, crew.kind)
        except BaseException:
            if not held:
                _remove_empty(directory)
            raise
        return _Rest(folder, study, enrolled, crew, told).run(manifest, ())


def resume_study(
    directory: Path,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    run: RunBlock | None = None,
    read: ReadProtocol | None = None,
    told: Told | None = None,
) -> dict[str, Any]:
    """Go on with a study that was stopped or killed: what is missing is run; its manifest, with who failed.

    Raises as ``run_study`` does, and InputError, with nothing changed, for a folder that holds no study, a protocol or versions
    that are not those of the rows there, and a file that is foreign or changed.
    """
    folder = StudyFolder(directory)
    manifest = folder.manifest()
    with ExitStack() as stack:
        stack.enter_context(folder.locked())
        study = replace(folder.protocol(read or own_reader()), name=manifest["study"])
        _check_same(folder, manifest, study)
        notes = folder.recover()
        if len(notes) == study.blocks and manifest["finished"]:
            return manifest
        crew = stack.enter_context(closing(_workers(study, workers, scheduler, run)))
        manifest["resumed"].append({"at": utc_now(), "workers": crew.count, "scheduler": crew.kind})
        manifest["finished"] = None
        folder.write_manifest(manifest)
        return _Rest(folder, study, study.enrolled(), crew, told).run(manifest, notes)


def run_alone(study: Study, patient: int, run: RunBlock | None = None) -> Made:
    """One patient of a study in all arms, here and now, written nowhere. Raises InputError for one who is not enrolled."""
    enrolled = study.enrolled()
    if patient not in enrolled:
        accepted = (f"{enrolled[0]} to {enrolled[-1]}",) if len(enrolled) else ()
        raise InputError("--patient", patient, f"is not enrolled in {study.name}", accepted=accepted)
    return (run or own_runner())(study, [patient])


@dataclass(frozen=True, slots=True)
class _Rest:
    """What of a study has not been run yet."""

    folder: StudyFolder
    study: Study
    enrolled: Sequence[int]
    crew: Workers
    told: Told | None

    def run(self, manifest: dict[str, Any], notes: Sequence[Note]) -> dict[str, Any]:
        """Run it, and say so in the manifest."""
        done = {note.block: note for note in notes}
        with closing(Writer(self.folder)) as writer:
            self._blocks(writer, done)
        failures = failures_of([done[block] for block in sorted(done)])
        whole = {
            **manifest,
            "finished": utc_now(),
            "seconds": round(sum(note.seconds for note in done.values()), 3),
            "failures": [asdict(failed) for failed in failures],
        }
        try:
            self.folder.write_manifest(whole)
        except OSError as error:
            raise self._refused("manifest.json", len(done), error) from None
        return whole

    def _blocks(self, writer: Writer, done: dict[int, Note]) -> None:
        begun, patients = monotonic(), 0
        self._tell(len(done), 0, 0.0)
        missing = [block for block in range(self.study.blocks) if block not in done]
        tasks = (Task(block, self._numbers(block)) for block in missing)
        for finished in _blocks(self.crew, tasks, [arm.name for arm in self.study.arms]):
            try:
                note = writer.write(finished.block, finished.tables, finished.seconds, finished.failures)
            except OSError as error:
                raise self._refused(f"block {finished.block}", len(done), error) from None
            done[note.block] = note
            patients += len(self._numbers(note.block))
            self._tell(len(done), patients, monotonic() - begun)

    def _tell(self, done: int, patients: int, seconds: float) -> None:
        if self.told:
            years = patients * len(self.study.arms) * self.study.follow_up_days / _DAYS_PER_YEAR
            self.told(Progress(done, self.study.blocks, years, seconds))

    def _numbers(self, block: int) -> Sequence[int]:
        return self.enrolled[block * self.study.block : (block + 1) * self.study.block]

    def _refused(self, what: str, done: int, error: OSError) -> StudyError:
        path = self.folder.path
        free = shutil.disk_usage(path).free
        return StudyError(
            f"{what} cannot be written in {path}: {error.strerror or error} ({free:,} bytes are free there). "
            f"{done} of {self.study.blocks} blocks are kept. Make room, then: thecal study resume {path}"
        )


def _blocks(crew: Workers, tasks: Iterator[Task], arms: Sequence[str]) -> Iterator[Finished]:
    """What becomes of blocks, in the order in which they end. Raises StudyError where one raises."""
    again: deque[Task] = deque()
    tried: Counter[int] = Counter()
    parts: dict[int, _Parts] = {}
    in_flight = 0
    waiting = next(tasks, None)
    while again or waiting or in_flight:
        while (task := again[0] if again else waiting) and crew.takes(task):
            crew.give(task)
            in_flight += 1
            if again:
                again.popleft()
            else:
                waiting = next(tasks, None)
        for answer in crew.answers():
            in_flight -= 1
            _check_raised(answer)
            block = answer.task.block
            if block in parts:
                parts[block].answers.append(answer)
                if len(parts[block].answers) == parts[block].count:
                    answers = sorted(parts.pop(block).answers, key=lambda each: each.task.numbers[0])
                    yield _finished(block, answers, arms)
            elif answer.made is not None:
                yield _finished(block, [answer], arms)
            else:
                tried[block] += 1
                numbers = answer.task.numbers
                if tried[block] < _TRIES:
                    again.append(replace(answer.task, alone=True))
                else:
                    parts[block] = _Parts(len(numbers), [])
                    again.extend(Task(block, [number], alone=True) for number in numbers)


@dataclass(frozen=True, slots=True)
class _Parts:
    """The patients of a block that are run one by one: how many, and what has come of them so far."""

    count: int
    answers: list[Answer]


def _finished(block: int, answers: Sequence[Answer], arms: Sequence[str]) -> Finished:
    """A block of the answers that make it up; a patient without rows is one whose worker died."""
    tables: dict[str, dict[str, list[Any]]] = {table: {name: [] for name in COLUMNS[table]} for table in TABLES}
    failures: list[Failure] = []
    for answer in answers:
        if answer.made is None:
            failures += [Failure(number, arm, DIED) for number in answer.task.numbers for arm in arms]
            continue
        failures += [_failed(missed) for missed in answer.made.failures]
        check_columns(answer.made.tables, f"block {block}")
        for table, columns in answer.made.tables.items():
            for name, values in columns.items():
                tables[table][name] += values
    return Finished(block, tables, sum(answer.seconds for answer in answers), tuple(failures))


def _failed(missed: Missed) -> Failure:
    return Failure(int(missed.patient), missed.arm, missed.error)


def _check_raised(answer: Answer) -> None:
    if answer.raised:
        numbers = answer.task.numbers
        raise StudyError(
            f"block {answer.task.block} (patients {numbers[0]} to {numbers[-1]}) cannot be run; all finished blocks are kept. "
            f"One patient of it alone: thecal study run PROTOCOL --patient {numbers[0]}\n{answer.raised}"
        )


def _check_same(folder: StudyFolder, manifest: dict[str, Any], study: Study) -> None:
    """Rows of now would belong to those of then."""
    other = other_version(versions(), manifest["versions"])
    if other:
        problem = f"was begun with other versions ({other})"
        accepted = ("the versions of its manifest.json", "a run in another folder: thecal study run --out")
        raise InputError("folder", str(folder.path), problem, accepted=accepted)
    if study.hash != manifest["hash"]:
        problem = (
            f"was begun as {manifest['hash'][:12]}, and its protocol is {study.hash[:12]} now: thecal's own data have changed"
        )
        accepted = ("the thecal that began it", "a run in another folder: thecal study run --out")
        raise InputError("folder", str(folder.path), problem, accepted=accepted)


def _workers(study: Study, workers: int | None, scheduler: str | None, run: RunBlock | None) -> Workers:
    if scheduler is None:
        return Pool(study, run or own_runner(), workers)
    if workers is not None:
        raise InputError(
            "--workers", workers, "is for this machine, and a scheduler has workers of its own", accepted=("one of both",)
        )
    from thecal.study.cluster import Cluster  # noqa: PLC0415  # Dask, so slow, and with an extra

    return Cluster(scheduler, study, run or own_runner())


def _remove_empty(directory: Path) -> None:
    (directory / ".lock").unlink(missing_ok=True)
    if directory.is_dir() and not any(directory.iterdir()):
        directory.rmdir()
