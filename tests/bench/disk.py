"""A simulated disk: what was written, what of it is durable, and everything that can be left of the rest when power fails.

It is harder than any real one: what was not synced survives in any order and in any part, sector by sector and byte by byte, and
so does every change of a name.
"""

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import combinations, pairwise, product
from typing import Literal, TypeVar

SECTOR = 512
_SUBSETS_MAX = 4  # of so many sectors, or changes of names, every subset survives; of more, those that differ most
_TEARS = 40  # at about so many bytes a write is torn, beside its sectors
_T = TypeVar("_T")

Contents = Mapping[str, bytes]
"""The files of a disk by name."""


@dataclass(frozen=True, slots=True)
class Write:
    """Bytes written at a place of a file, or (where ``data`` is None) its end moved there; not durable yet."""

    at: int
    data: bytes | None

    def whole(self, content: bytes) -> bytes:
        """A file after it."""
        if self.data is None:
            return content[: self.at]
        return content[: self.at].ljust(self.at, b"\0") + self.data + content[self.at + len(self.data) :]

    def remains(self, content: bytes) -> Iterator[bytes]:
        """Every file that can be left of it: nothing done, all, or a part of it. Where a sector is missing, zeros stand."""
        yield content
        yield self.whole(content)
        if self.data is None:
            return
        if self.at < len(content):  # over what stands there, which a drive does in one sector
            yield replace(self, data=self.data[: len(self.data) // 2]).whole(content)
            return
        for torn in range(1, len(self.data), len(self.data) // _TEARS + 1):
            yield replace(self, data=self.data[:torn]).whole(content)
        end = self.at + len(self.data)
        edges = [self.at, *range(self.at - self.at % SECTOR + SECTOR, end, SECTOR), end]
        pieces = [(start - self.at, stop - self.at) for start, stop in pairwise(edges)]
        for reached in range(1 if len(pieces) <= _SUBSETS_MAX else len(pieces), len(pieces) + 1):
            blank = bytes(pieces[reached - 1][1])
            for kept in subsets(pieces[:reached]):
                data = bytearray(blank)
                for start, stop in kept:
                    data[start:stop] = self.data[start:stop]
                yield replace(self, data=bytes(data)).whole(content)


@dataclass(frozen=True, slots=True)
class File:
    """What of a file is durable, and what was written since."""

    durable: bytes = b""
    pending: tuple[Write, ...] = ()

    @property
    def content(self) -> bytes:
        """As everybody reads it while power lasts."""
        content = self.durable
        for write in self.pending:
            content = write.whole(content)
        return content

    @lru_cache(maxsize=256)  # noqa: B019  # files are small, and looked at again and again
    def remains(self) -> frozenset[bytes]:
        """Every content that it can have when power fails now."""
        left = {self.durable}
        for write in self.pending:
            left = {remaining for content in left for remaining in write.remains(content)}
        return frozenset(left)


Renaming = tuple[tuple[str, int | None], ...]
"""A change of names in one step: what each of them stands for from now on."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that fails, when as much of it was done: nothing, a part, or (and it fails all the same) everything."""

    code: int = errno.EIO
    done: Literal["nothing", "part", "all"] = "nothing"


@dataclass
class Disk:
    """A folder in memory, as a journal needs it.

    ``changed`` is called after every call that may have changed something; ``fails`` before every call, with its name. ``failed``
    counts those that did.
    """

    files: dict[int, File] = field(default_factory=dict)
    names_now: dict[str, int] = field(default_factory=dict)
    names_durable: dict[str, int] = field(default_factory=dict)
    renamings: list[Renaming] = field(default_factory=list)
    changed: Callable[[], None] = lambda: None
    fails: Callable[[str], Failure | None] = lambda _: None
    failed: int = 0

    @classmethod
    def holding(cls, contents: Contents) -> "Disk":
        """A disk on which these files, and nothing else, are durable."""
        numbers = {name: number for number, name in enumerate(contents)}
        return cls({numbers[name]: File(data) for name, data in contents.items()}, dict(numbers), dict(numbers))

    def names(self) -> list[str]:
        self._end(self.fails("names"))
        return sorted(self.names_now)

    def read(self, name: str) -> bytes:
        self._end(self.fails("read"))
        return self._file(name).content

    def append(self, name: str, data: bytes) -> None:
        failure, at = self.fails("append"), len(self._made(name).content)
        part = data[: len(data) // 2] if failure and failure.done == "part" else data
        self._written(name, Write(at, part), failure)

    def put(self, name: str, data: bytes) -> None:
        failure = self.fails("put")
        file = self._made(name)
        if len(file.pending) > 2:  # written over and over, and never synced: what lies between is as stale as the first
            self.files[self.names_now[name]] = File(file.durable, (file.pending[0], file.pending[-1]))
        part = data[: len(data) // 2] if failure and failure.done == "part" else data
        self._written(name, Write(0, part), failure)

    def cut(self, name: str, size: int) -> None:
        failure = self.fails("cut")
        self._made(name)
        self._written(name, Write(size, None), failure)

    def sync(self, name: str) -> None:
        failure = self.fails("sync")
        number, file = self.names_now[name], self._made(name)
        if not failure or failure.done == "all":
            self.files[number] = File(file.content)
        self._end(failure)

    def rename(self, old: str, new: str) -> None:
        failure = self.fails("rename")
        number = self._number(old)
        self._renamed(((old, None), (new, number)), failure)

    def remove(self, name: str) -> None:
        failure = self.fails("remove")
        self._number(name)
        self._renamed(((name, None),), failure)

    def sync_names(self) -> None:
        failure = self.fails("sync_names")
        if not failure or failure.done == "all":
            self.names_durable = dict(self.names_now)
            self.renamings.clear()
        self._end(failure)

    def contents(self) -> dict[str, bytes]:
        """What a killed process leaves: everything that it wrote."""
        return {name: self.files[number].content for name, number in self.names_now.items()}

    def remains(self) -> Iterator[dict[str, bytes]]:
        """Every disk that can be there when power comes back after it has failed now.

        Each file is gone through in full, while of each of the others all or nothing survives.
        """
        left = {number: file.remains() for number, file in self.files.items()}
        ends = {number: {file.durable, file.content} for number, file in self.files.items()}
        for kept in subsets(self.renamings):
            names = dict(self.names_durable)
            for renaming in kept:
                for name, number in renaming:
                    if number is None:
                        names.pop(name, None)
                    else:
                        names[name] = number
            for contents in product(*(ends[number] for number in names.values())):
                yield dict(zip(names, contents, strict=True))
            for full in names.values():
                parts = (left[number] - ends[number] if number == full else ends[number] for number in names.values())
                for contents in product(*parts):
                    yield dict(zip(names, contents, strict=True))

    def copy(self) -> "Disk":
        """The disk as it is at this moment."""
        return Disk(dict(self.files), dict(self.names_now), dict(self.names_durable), list(self.renamings), failed=self.failed)

    def _number(self, name: str) -> int:
        if name not in self.names_now:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        return self.names_now[name]

    def _file(self, name: str) -> File:
        return self.files[self._number(name)]

    def _made(self, name: str) -> File:
        """A file, made where there is none; its name is not durable yet."""
        if name not in self.names_now:
            number = max(self.files, default=-1) + 1
            self.files[number] = File()
            self.names_now[name] = number
            self.renamings.append(((name, number),))
        return self._file(name)

    def _written(self, name: str, write: Write, failure: Failure | None) -> None:
        """Note a write, as far as it was done."""
        if not failure or failure.done != "nothing":
            number, file = self.names_now[name], self._file(name)
            self.files[number] = File(file.durable, (*file.pending, write))
        self._end(failure)

    def _renamed(self, renaming: Renaming, failure: Failure | None) -> None:
        if not failure or failure.done == "all":
            for name, number in renaming:
                if number is None:
                    self.names_now.pop(name)
                else:
                    self.names_now[name] = number
            self.renamings.append(renaming)
        self._end(failure)

    def _end(self, failure: Failure | None) -> None:
        self.failed += failure is not None
        self.changed()
        if failure:
            raise OSError(failure.code, os.strerror(failure.code))


def subsets(items: Iterable[_T]) -> Iterator[tuple[_T, ...]]:
    """Every subset, in order; of many items the beginnings, the ends, each alone, all but each, and every other one."""
    row = tuple(items)
    if len(row) <= _SUBSETS_MAX:
        for size in range(len(row) + 1):
            yield from combinations(row, size)
        return
    places = range(len(row))
    for place in places:
        yield row[:place]
        yield row[place:]
        yield (row[place],)
        yield (*row[:place], *row[place + 1 :])
    yield row[::2]
    yield row[1::2]
