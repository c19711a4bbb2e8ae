"""The folder of a study: its protocol, its manifest, and the rows of each block as Parquet files.

    DIR/manifest.json     what was run, by which versions, when, who failed
    DIR/protocol.toml     the protocol, and beside it the policies that it names by file
    DIR/blocks.jsonl      a note of each block that is done, with the checksums of its files
    DIR/patients/block-00012.parquet, DIR/visits/..., and so on for each table

A block's files are written under other names, then noted, then given their names: whatever kills a run, a block is there whole or
not at all, and a file that no note tells of is not ours.
"""

import fcntl
import json
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from errno import ENOTDIR
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thecal.errors import InputError
from thecal.study.columns import TABLES, Tables
from thecal.study.manifest import (
    Note,
    file_hash,
    new_manifest,
    put_whole,
    read_manifest,
    read_notes,
    sync_folder,
    text_hash,
    texts_of,
)
from thecal.study.rows import COLUMNS, Failure
from thecal.study.task import ReadProtocol, Study

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_PATTERN = "*?["


class StudyFolder:
    """The folder of a study at a path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._notes = path / "blocks.jsonl"
        self._manifest = path / "manifest.json"

    def file(self, table: str, block: int) -> Path:
        """Where the rows of a block stand."""
        return self.path / table / f"block-{block:05d}.parquet"

    def check_new(self, study: Study) -> None:
        """Raises InputError where a study cannot begin here, with what to do instead; OSError where it is no folder."""
        if any(letter in _PATTERN for letter in str(self.path.resolve())):
            accepted = (f"a path without {' '.join(_PATTERN)}, which stand for other letters in queries",)
            raise InputError("--out", str(self.path), "could not be read again", accepted=accepted)
        if self.path.exists() and not self.path.is_dir():
            raise NotADirectoryError(ENOTDIR, "is a file, not a folder for the results", str(self.path))
        if self._manifest.exists():
            self._refuse(study)
        if self.path.is_dir() and any(entry.name != ".lock" for entry in self.path.iterdir()):
            raise InputError("--out", str(self.path), "holds other files", accepted=("a folder that is new or empty",))

    def begin(self, study: Study, workers: int, scheduler: str) -> dict[str, Any]:
        """Write what is known of a study before it runs; its manifest. Raises OSError, InputError as ``texts_of``."""
        texts, manifest = texts_of(study), new_manifest(study, workers, scheduler)
        for table in TABLES:
            (self.path / table).mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            put_whole(self.path / name, text)
        self.write_manifest(manifest)
        return manifest

    def manifest(self) -> dict[str, Any]:
        """The manifest. Raises InputError where there is none that can be read."""
        return read_manifest(self._manifest)

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Write the manifest anew. Raises OSError."""
        put_whole(self._manifest, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")

    def protocol(self, read: ReadProtocol) -> Any:
        """The protocol that was run. Raises InputError where its text is not what was run."""
        for name, noted in self.manifest()["texts"].items():
            path = self.path / name
            if not path.is_file() or text_hash(path.read_bytes().decode("utf-8", "replace")) != noted:
                advice = ("the file as it was written", "a run of the new text in another folder: thecal study run --out")
                raise self._wrong(path, "is not the text by which these rows were made", *advice)
        return read(self.path / "protocol.toml")

    def notes(self) -> tuple[Note, ...]:
        """The blocks that are done, in their order. Raises ThecalError for a line that is no note."""
        return read_notes(self._notes)[0]

    def check(self, verify: bool = True) -> tuple[Note, ...]:
        """The blocks that are done, all of whose files are there and no others, with ``verify`` also by their checksums.

        Raises InputError naming the first file that is missing, foreign or changed.
        """
        notes = self.notes()
        known = {self.file(table, note.block): note.sha256[table] for note in notes for table in TABLES}
        self._check_strangers(known)
        for path, noted in known.items():
            if not path.is_file():
                raise self._wrong(path, "is missing", f"thecal study resume {self.path}, which makes it anew")
            if verify:
                self._check_sum(path, noted)
        return notes

    def recover(self) -> tuple[Note, ...]:
        """Put in order what a killed run has left, and say which blocks are done: those all of whose files are there.

        Raises InputError, with nothing changed, for a file that is foreign or changed.
        """
        notes, whole = read_notes(self._notes)
        known = {self.file(table, note.block): note.sha256[table] for note in notes for table in TABLES}
        self._check_strangers(known)
        for path, noted in known.items():
            if path.is_file():
                self._check_sum(path, noted)
        for path, noted in known.items():
            part = part_of(path)
            if not path.is_file() and part.is_file() and file_hash(part) == noted:
                part.replace(path)
        for table in TABLES:
            (self.path / table).mkdir(exist_ok=True)
            for part in (self.path / table).glob(".*.part"):
                part.unlink()
            sync_folder(self.path / table)
        if self._notes.exists():
            os.truncate(self._notes, whole)
        return tuple(note for note in notes if all(self.file(table, note.block).is_file() for table in TABLES))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Write in it alone. Raises InputError where another process does, OSError."""
        self.path.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                problem = "is being written by another run"
                raise InputError("folder", str(self.path), problem, accepted=("wait for it, or another --out",)) from None
            yield
        finally:
            os.close(handle)

    def note(self, note: Note) -> None:
        """Have on the disk that a block is done. Raises OSError, with the list as it was."""
        with self._notes.open("ab") as file:
            before = file.tell()
            try:
                file.write(note.line)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                os.truncate(self._notes, before)
                raise

    def _refuse(self, study: Study) -> None:
        held = self.manifest()
        go_on = f"thecal study resume {self.path}"
        if held["hash"] == study.hash:
            state = "is finished in this folder" if held["finished"] else "has begun in this folder"
            raise InputError("--out", str(self.path), f"holds this study already; it {state}", accepted=(go_on, "another --out"))
        problem = f"holds another protocol: {held['study']} ({held['hash'][:12]}), and {study.name} is {study.hash[:12]}"
        raise InputError("--out", str(self.path), problem, accepted=("another --out", f"{go_on}, for the one it holds"))

    def _check_strangers(self, known: Mapping[Path, str]) -> None:
        for table in TABLES:
            folder = self.path / table
            for path in sorted(folder.iterdir()) if folder.is_dir() else []:
                if path not in known and not (path.name.startswith(".") and path.suffix == ".part"):
                    raise self._wrong(path, "was not written by this study", "move it out of this folder")

    def _check_sum(self, path: Path, noted: str) -> None:
        if file_hash(path) != noted:
            advice = f"move it away, then: thecal study resume {self.path}, which makes it anew"
            raise self._wrong(path, "is not as this study wrote it: its checksum is another", advice)

    def _wrong(self, path: Path, problem: str, *advice: str) -> InputError:
        return InputError("file", str(path.relative_to(self.path)), problem, accepted=advice, where=str(self.path))


def part_of(path: Path) -> Path:
    """Where a file is written before it is whole."""
    return path.with_name(f".{path.name}.part")


class Writer:
    """Writes the rows of blocks into a folder. The bytes of a file depend on its rows alone, and on the version of DuckDB.

    Raises InputError where DuckDB is not installed.
    """

    def __init__(self, folder: StudyFolder) -> None:
        self._folder = folder
        self._database = connect()

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def write(self, block: int, tables: Tables, seconds: float, failures: tuple[Failure, ...]) -> Note:
        """Have a block on the disk, and noted. Raises OSError, with nothing of it left."""
        with _undisturbed():  # DuckDB would end a query that is asked to stop
            return self._write(block, tables, seconds, failures)

    def _write(self, block: int, tables: Tables, seconds: float, failures: tuple[Failure, ...]) -> Note:
        paths = {table: self._folder.file(table, block) for table in TABLES}
        try:
            for table, path in paths.items():
                self._copy(table, tables, part_of(path))
            sums = {table: file_hash(part_of(path)) for table, path in paths.items()}
            rows = {table: len(tables[table]["patient"]) for table in TABLES}
            note = Note(block, rows, sums, round(seconds, 3), failures)
            for table in TABLES:
                sync_folder(self._folder.path / table)
            self._folder.note(note)
            for path in paths.values():
                part_of(path).replace(path)
        except BaseException:
            for path in paths.values():
                part_of(path).unlink(missing_ok=True)
            raise
        return note

    def _copy(self, table: str, tables: Tables, path: Path) -> None:
        from duckdb import IOException  # noqa: PLC0415  # with the extra

        columns = COLUMNS[table]
        picked = ", ".join(f'unnest(${at}::{kind}[]) AS "{name}"' for at, (name, kind) in enumerate(columns.items(), 1))
        self._database.execute(
            f"CREATE OR REPLACE TEMP TABLE rows AS SELECT {picked}",
            [_plain(tables[table][name], kind) for name, kind in columns.items()],
        )
        place = str(path).replace("'", "''")
        try:
            self._database.execute(f"COPY rows TO '{place}' (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)")
        except IOException as error:
            raise OSError(None, str(error).splitlines()[0], str(path)) from None
        with path.open("rb+") as file:
            os.fsync(file.fileno())


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Whoever asks to stop waits until this has been done. Handlers run in the main thread alone, whichever thread is asked."""
    heard: list[int] = []
    ours = [which for which in (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread()]
    before = {which: signal.signal(which, lambda number, _: heard.append(number)) for which in ours}
    try:
        yield
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)
    if heard:
        signal.raise_signal(heard[0])


def connect() -> "DuckDBPyConnection":
    """A database in memory that writes nothing of its own. Raises InputError where DuckDB is not installed."""
    try:
        import duckdb  # noqa: PLC0415  # it comes with an extra, and is slow to load
    except ImportError:
        raise InputError("DuckDB", "", "is not installed", accepted=('pip install "thecal[study]"',)) from None
    database = duckdb.connect(":memory:")
    for setting in ("threads = 1", "temp_directory = ''", "autoinstall_known_extensions = false"):
        database.execute(f"SET {setting}")
    return database


_PLAIN = {"UBIGINT": int, "INTEGER": int, "DOUBLE": float, "BOOLEAN": bool, "VARCHAR": str}


def _plain(values: Sequence[Any], kind: str) -> list[Any]:
    """A column without the types of numpy."""
    plain = _PLAIN[kind]
    return [None if value is None else plain(value) for value in values]
