"""A run of a drill as a file: a line of JSON for each line that was typed. Learner and instructor write into the same one."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from errno import ENOSPC
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

from thecal.drill.drill import Drill, read_drill
from thecal.drill.run import Run
from thecal.errors import InputError
from thecal.report.tables import Line

_FORMAT = 1
_BYTES_MAX = 16 * 2**20


@dataclass(frozen=True, slots=True)
class Typed:
    """A line of a run: who typed it, and what it shows."""

    line: str
    by: str
    shown: tuple[Line, ...]


@dataclass(slots=True)
class RunFile:
    """A run and the file that it is kept in; ``read`` is how far the file has been read."""

    path: Path
    run: Run
    read: int = 0

    def news(self) -> Iterator[Typed]:
        """Everything that others have written since. Raises InputError."""
        with self.path.open("rb") as file:
            file.seek(self.read)
            for text in file:
                if not text.endswith(b"\n"):
                    return  # what was cut by a loss of power, or is being written, is no line yet
                row = _row(text, self.path, self.read)
                self.read += len(text)
                yield Typed(row["line"], row["by"], self.run.play(row["line"], row["by"]))

    def play(self, line: str, by: str) -> tuple[list[Typed], tuple[Line, ...]]:
        """(what others had written before it, what it shows): do a line, and write it down where it could be done.

        Raises InputError, InputErrors, OSError; then it is not done.
        """
        text = json.dumps({"line": line, "by": by}).encode() + b"\n"
        with self._locked() as file:
            before = list(self.news())
            shown = self.run.play(line, by)
            try:
                file.truncate(self.read)  # what was cut by a loss of power is no line
                if file.write(text) < len(text):
                    raise OSError(ENOSPC, os.strerror(ENOSPC), str(self.path))
                os.fsync(file.fileno())
            except OSError:
                file.truncate(self.read)
                self.run = _again(self.run)
                raise
            self.read += len(text)
        return before, shown

    @contextmanager
    def _locked(self) -> Iterator[IO[bytes]]:
        with self.path.open("ab", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file


def _again(run: Run) -> Run:
    """The run without its last line, which could not be written down."""
    fresh = Run(run.drill)
    for line, by in run.lines[:-1]:
        fresh.play(line, by)
    return fresh


def new_run(path: Path, drill: Drill, source: str) -> RunFile:
    """A run that begins, in a file that is not there yet. Raises InputError where it is, OSError where it cannot be."""
    head = {"drill": _FORMAT, "name": source, "sha256": drill.sha256, "thecal": version("thecal")}
    text = json.dumps(head).encode() + b"\n"
    try:
        _write_new(path, text)
    except FileExistsError:
        problem = "is there already"
        accepted = ("another file", f"thecal drill go-on {path}, to go on with it")
        raise InputError("--run", str(path), problem, accepted=accepted) from None
    return RunFile(path, Run(drill), len(text))


def _write_new(path: Path, text: bytes) -> None:
    """Write a file that is not there yet, whole or not at all. Raises OSError."""
    with path.open("xb") as file:
        try:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            path.unlink(missing_ok=True)
            raise


def open_run(path: Path) -> tuple[RunFile, list[Typed]]:
    """(a run that was begun, everything that was typed and shown in it).

    Raises InputError for a file that is no run, or one of another version of the drill or of thecal; OSError.
    """
    with path.open("rb") as file:
        first = file.readline(_BYTES_MAX)
    head = _head(first, path)
    drill = read_drill(head["name"])
    _check_version(head, drill, path)
    opened = RunFile(path, Run(drill), len(first))
    return opened, list(opened.news())


def branch(run_file: RunFile, path: Path) -> None:
    """Save the lines up to now as a run of its own. Raises InputError where there is such a file, OSError."""
    head = run_file.path.read_bytes()[: run_file.read]
    try:
        _write_new(path, head)
    except FileExistsError:
        raise InputError("branch", str(path), "is there already", accepted=("another file",)) from None


def _head(first: bytes, path: Path) -> dict[str, Any]:
    try:
        head = json.loads(first)
        if head["drill"] != _FORMAT or not all(isinstance(head[key], str) for key in ("name", "sha256", "thecal")):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise InputError("RUN", str(path), "is no run of a drill", accepted=("a file of thecal drill play --run",)) from None
    return dict(head)


def _check_version(head: dict[str, Any], drill: Drill, path: Path) -> None:
    if head["thecal"] != version("thecal"):
        problem = f"was played with thecal {head['thecal']}, and this is {version('thecal')}: it would not come out the same"
        raise InputError("RUN", str(path), problem, accepted=("a run of this version",))
    if head["sha256"] != drill.sha256:
        problem = f"was played with another version of the drill {head['name']}: it would not come out the same"
        raise InputError("RUN", str(path), problem, accepted=("a run of the drill as it is now",))


def _row(text: bytes, path: Path, at: int) -> dict[str, str]:
    try:
        row = json.loads(text)
        return {"line": str(row["line"]), "by": str(row["by"])}
    except (ValueError, KeyError, TypeError):
        problem = "holds a line that cannot be read"
        raise InputError("RUN", text.decode("utf-8", "replace").strip(), problem, where=f"{path}, byte {at}") from None
