"""A folder of files as the journal needs it: what is written is durable once it was synced, and a name once the folder was."""

import os
from pathlib import Path
from typing import Protocol


class Folder(Protocol):
    """What a journal asks of a disk. Every method raises OSError as the operating system does."""

    def names(self) -> list[str]:
        """The names of the files in it, sorted."""

    def read(self, name: str) -> bytes:
        """All of a file."""

    def append(self, name: str, data: bytes) -> None:
        """Add bytes at the end of a file, which is made where there is none; not durable yet."""

    def put(self, name: str, data: bytes) -> None:
        """Write bytes over the beginning of a file, which is made where there is none; not durable yet."""

    def cut(self, name: str, size: int) -> None:
        """Shorten a file; not durable yet."""

    def sync(self, name: str) -> None:
        """Make a file's bytes and length durable."""

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, in one step; not durable yet."""

    def remove(self, name: str) -> None:
        """Take a file away; not durable yet."""

    def sync_names(self) -> None:
        """Make the names of the folder durable."""


class RealFolder:
    """A folder of the file system. It keeps the file that was last appended to open."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._open: dict[str, int] = {}

    def names(self) -> list[str]:
        return sorted(entry.name for entry in self.path.iterdir() if entry.is_file())

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def append(self, name: str, data: bytes) -> None:
        handle, rest = self._handle(name), memoryview(data)
        while rest:
            rest = rest[os.write(handle, rest) :]

    def put(self, name: str, data: bytes) -> None:
        handle = os.open(self.path / name, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(handle, data, 0)
        finally:
            os.close(handle)

    def cut(self, name: str, size: int) -> None:
        os.ftruncate(self._handle(name), size)

    def sync(self, name: str) -> None:
        os.fsync(self._handle(name))

    def rename(self, old: str, new: str) -> None:
        self._close(old)
        (self.path / old).rename(self.path / new)

    def remove(self, name: str) -> None:
        self._close(name)
        (self.path / name).unlink()

    def sync_names(self) -> None:
        handle = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def close(self) -> None:
        """Let go of every file."""
        for name in list(self._open):
            self._close(name)

    def _handle(self, name: str) -> int:
        if name not in self._open:
            self.close()
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            self._open[name] = os.open(self.path / name, flags, 0o600)
        return self._open[name]

    def _close(self, name: str) -> None:
        handle = self._open.pop(name, None)
        if handle is not None:
            os.close(handle)
