"""The folder of a bench: its pumps, its keys, its log, and where it listens. One bench at a time serves it."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from errno import ENOTDIR
from pathlib import Path

from thecal.bench.folder import RealFolder
from thecal.errors import InputError, ThecalError, nearest_name

DEFAULT = Path("thecal-bench")
LISTENING, LOCK, CONTROL = "listening.json", "lock", "control.sock"


class BenchError(ThecalError):
    """A bench that cannot be started, or is not there: says why and what to do."""


class NoBenchError(BenchError):
    """No bench serves a folder."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a bench listens: the address of its wand, whether it takes anybody on this machine, and its process."""

    host: str
    port: int
    plain: bool
    pid: int


@dataclass(frozen=True, slots=True)
class BenchFolder:
    """The folder of a bench."""

    path: Path

    @property
    def keys(self) -> Path:
        return self.path / "keys"

    @property
    def log(self) -> Path:
        return self.path / "log.jsonl"

    @property
    def control(self) -> Path:
        return self.path / CONTROL

    @property
    def pumps(self) -> Path:
        return self.path / "pumps"

    @property
    def charts(self) -> Path:
        return self.path / "charts"

    @property
    def unfinished(self) -> "BenchFolder":
        """Where new pumps are made, before they are put in their places."""
        return BenchFolder(self.path / ".new")

    def serials(self) -> list[str]:
        """The pumps that are kept here."""
        return sorted(entry.name for entry in self.pumps.iterdir() if entry.is_dir()) if self.pumps.is_dir() else []

    def pump(self, serial: str) -> RealFolder:
        """The folder of a pump's journal."""
        return RealFolder(self.pumps / serial)

    def make(self) -> None:
        """Make what is missing of it. Raises OSError, naming the place."""
        if self.path.exists() and not self.path.is_dir():
            raise NotADirectoryError(ENOTDIR, "is a file, not a folder for a bench", str(self.path))
        for folder in (self.path, self.pumps, self.charts):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def check_serial(self, serial: str, field: str) -> None:
        """Raises InputError with the nearest serial number for a pump that is not here."""
        known = self.serials()
        if serial not in known:
            few = [*known[:8], "..."] if len(known) > 8 else known
            raise InputError(field, serial, f"is no pump of {self.path}", accepted=few, nearest=nearest_name(serial, known))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Serve it alone. Raises BenchError where another process does."""
        handle = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                where = self.listening()
                who = f"process {where.pid}, port {where.port}" if where else "another process"
                advice = "Stop it with thecal bench stop, or name another folder with --dir."
                raise BenchError(f"a bench serves {self.path} already ({who}). {advice}") from None
            yield
        finally:
            os.close(handle)

    @property
    def is_served(self) -> bool:
        """Whether a process serves it. Raises OSError."""
        try:
            with self.locked():
                return False
        except BenchError:
            return True

    def listening(self) -> Listening | None:
        """Where the bench of this folder listens; None where none does."""
        try:
            return Listening(**json.loads((self.path / LISTENING).read_text(encoding="ascii")))
        except (OSError, ValueError, TypeError):
            return None

    @contextmanager
    def announced(self, listening: Listening) -> Iterator[None]:
        """Say where it listens, for as long as it does."""
        place, beside = self.path / LISTENING, self.path / f".{LISTENING}.part"
        beside.write_text(json.dumps(asdict(listening)), encoding="ascii")
        beside.replace(place)
        try:
            yield
        finally:
            with suppress(OSError):
                place.unlink()
