"""What is written down of a study besides its rows: its manifest, and a note of each block that is done.

A block is done when its note stands in the list of notes: a line of JSON, put there after its files are on the disk.
"""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from thecal.errors import InputError, ThecalError
from thecal.study.columns import TABLES
from thecal.study.rows import Failure
from thecal.study.task import Study

SCHEMA = 1
DECIDES = ("thecal", "python", "numpy", "scipy", "numba")
"""Whose versions decide the bits of the rows."""
_OURS = {"manifest.json", "blocks.jsonl", ".lock", *TABLES}


@dataclass(frozen=True, slots=True)
class Note:
    """A block that is done: its rows and the SHA-256 of its file by table, how long a worker took, and who failed."""

    block: int
    rows: Mapping[str, int]
    sha256: Mapping[str, str]
    seconds: float
    failures: tuple[Failure, ...]

    @property
    def line(self) -> bytes:
        """The note as a line of JSON."""
        return json.dumps(asdict(self), ensure_ascii=True).encode() + b"\n"

    @classmethod
    def read(cls, line: bytes) -> "Note":
        """The note of a line. Raises ValueError, KeyError or TypeError for what is none."""
        fields = json.loads(line)
        failures = tuple(Failure(**each) for each in fields.pop("failures"))
        return cls(**fields, failures=failures)


def versions() -> dict[str, str | None]:
    """The versions of what makes the rows and writes them; None for what is not installed."""
    names = [name for name in (*DECIDES, "duckdb") if name != "python"]
    return {"python": platform.python_version(), **{name: _version(name) for name in names}}


def other_version(mine: Mapping[str, str | None], theirs: Mapping[str, str | None]) -> str | None:
    """The first of what decides the rows that has another version there, and both versions; None where there is none.

    Of Python itself the first two numbers count.
    """
    for name in DECIDES:
        here, there = mine.get(name), theirs.get(name)
        if name == "python":
            here, there = (".".join((text or "").split(".")[:2]) for text in (here, there))
        if here != there:
            return f"{name} {there or 'missing'} there, {here or 'missing'} here"
    return None


def new_manifest(study: Study, workers: int, scheduler: str) -> dict[str, Any]:
    """The manifest of a study that begins now, as it is written."""
    return {
        "schema": SCHEMA,
        "study": study.name,
        "title": study.title,
        "protocol": study.path,
        "hash": study.hash,
        "seed": study.seed,
        "patients": study.patients,
        "block": study.block,
        "blocks": study.blocks,
        "arms": [arm.name for arm in study.arms],
        "follow_up_days": study.follow_up_days,
        "texts": {name: text_hash(text) for name, text in texts_of(study).items()},
        "versions": versions(),
        "started": utc_now(),
        "finished": None,
        "workers": workers,
        "scheduler": scheduler,
        "resumed": [],
        "failures": [],
    }


def texts_of(study: Study) -> dict[str, str]:
    """The texts that a study is read from, by name: its protocol and the files that it names.

    Raises InputError for a name that leads out of its folder.
    """
    found = {"protocol.toml": study.text}
    for name, text in study.policy_files:
        parts = Path(name).parts
        if not parts or Path(name).is_absolute() or ".." in parts or name in found or parts[0] in _OURS:
            problem = "cannot be kept beside the protocol in the folder of the results"
            raise InputError("policy", name, problem, accepted=("a file beside the protocol, of another name",))
        found[name] = text
    return found


def text_hash(text: str) -> str:
    """The SHA-256 of a text as it is kept, hex."""
    return sha256(text.encode()).hexdigest()


def file_hash(path: Path) -> str:
    """The SHA-256 of a file, hex. Raises OSError."""
    digest = sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def read_manifest(path: Path) -> dict[str, Any]:
    """A manifest as it was written. Raises InputError for what is none, or of a later schema."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        problem = "holds no study: there is no manifest.json in it"
        raise InputError("folder", str(path.parent), problem, accepted=("a folder made by thecal study run --out",)) from None
    except ValueError as error:
        raise InputError("manifest", str(path), f"cannot be read ({error})", accepted=("the file as it was written",)) from None
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise InputError("manifest", str(path), "is of another schema", accepted=(f"schema {SCHEMA}",))
    return found


def read_notes(path: Path) -> tuple[tuple[Note, ...], int]:
    """The notes of the blocks that are done, in their order, and how many bytes of the file are whole lines.

    What follows the last whole line was being written when the run was killed, and counts for nothing. Of two notes of a block
    the later counts. Raises ThecalError for a line that is no note.
    """
    raw = path.read_bytes() if path.exists() else b""
    whole = raw[: raw.rfind(b"\n") + 1]
    found: dict[int, Note] = {}
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            note = Note.read(line)
        except (ValueError, KeyError, TypeError):
            raise ThecalError(f"{path}:{number} is no note of a block: remove that line, then: thecal study resume DIR") from None
        found[note.block] = note
    return tuple(found[block] for block in sorted(found)), len(whole)


def put_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all, and have it on the disk. Raises OSError."""
    beside = path.with_name(f".{path.name}.part")
    with beside.open("w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Have on the disk which files a folder holds. Raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def utc_now() -> str:
    """The time, as ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def failures_of(notes: Sequence[Note]) -> list[Failure]:
    """Who failed, by block and patient."""
    return [failed for note in notes for failed in note.failures]


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
