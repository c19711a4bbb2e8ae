"""The journal: what a pump's memory survives everything with. Append-only, checksummed, durable before anything is acknowledged.

It is a row of segments. A segment begins with the state that it goes on from and holds the entries since; it is written beside
its place and put there whole. Recovery reads the newest one to its last whole entry. One write may be torn when power fails, and
it was never acknowledged; what else does not fit was damaged, and is reported with its place and left as it is.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

from thecal.bench.codec import Plain, UnreadableError, canonical, parse
from thecal.bench.folder import Folder
from thecal.bench.frame import CRC_BYTES, HEAD_BYTES, MAGIC, SEQUENCE_MAX, Frame, FrameType, NewerVersionError, decoded
from thecal.errors import ThecalError

VERSION = 1
ENTRIES_MAX = 512
"""After how many entries a segment should be followed by another, so that recovery stays short."""
_PART_BYTES = 24_000  # of a state in one frame; as text in JSON it may take more than twice as much
_SECTOR = 512
_ACKNOWLEDGED = "acknowledged"
_SEGMENT = re.compile(r"journal-([0-9]{6,})")
_UNFINISHED = ".part"


class JournalError(ThecalError):
    """A journal that cannot be gone on with: says the file, the place, and what to do."""


class DamagedJournalError(JournalError):
    """What was acknowledged cannot be read any more."""


class NewerJournalError(JournalError):
    """A journal that a later version has written."""


class NotWrittenError(JournalError):
    """An entry that the disk did not take. The journal is as it was before."""


class BrokenJournalError(JournalError):
    """A journal of which nobody knows what the disk holds, until it is opened again."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a journal said when it was opened: the state that its newest segment begins with, and the entries since.

    ``torn`` is how many bytes of a write that was never acknowledged were dropped.
    """

    journal: "Journal"
    state: Plain
    entries: tuple[Plain, ...]
    torn: int


class Journal:
    """The journal of one pump in a folder, open for more. One writer at a time."""

    def __init__(self, folder: Folder, generation: int, count: int, size: int) -> None:
        self.folder = folder
        self.generation = generation
        self.count = count
        self.size = size
        self._broken = ""

    @classmethod
    def begin(cls, folder: Folder, state: Plain) -> "Journal":
        """A new journal that begins with a state. Raises NotWrittenError and BrokenJournalError."""
        return cls(folder, 1, 0, write_segment(folder, 1, state))

    @classmethod
    def recover(cls, folder: Folder) -> Recovered:
        """Open a journal, to its last whole entry.

        Raises FileNotFoundError where there is none, NewerJournalError, DamagedJournalError, and OSError.
        """
        for name in folder.names():
            if name.endswith(_UNFINISHED):
                folder.remove(name)  # it was never put in its place
        newest = max(segments(folder), default=0)
        latest, _ = _noted(folder)
        if latest > newest:
            raise _damaged(segment_name(latest), 0, "entries of it were acknowledged and it is gone")
        if not newest:
            raise FileNotFoundError("no journal")
        name, segment = segment_name(newest), read_segment(folder, newest)
        if segment.torn:
            folder.cut(name, segment.size)
        folder.sync(name)  # what was read may not have been durable yet, and is built upon from now on
        folder.sync_names()
        journal = cls(folder, newest, len(segment.entries), segment.size)
        if len(segment.entries) > _acknowledged(folder, newest):
            journal._note()  # an entry that was under way is built upon, too
        return Recovered(journal, segment.state, segment.entries, segment.torn)

    def append(self, entry: Plain) -> None:
        """Write an entry and make it durable.

        After NotWrittenError the journal is as it was; after BrokenJournalError nobody knows.
        """
        if self._broken:
            raise BrokenJournalError(self._broken)
        name = segment_name(self.generation)
        data = Frame(FrameType.ENTRY, self.generation, self.count + 1, entry).encoded()
        try:
            self.folder.append(name, data)
            self.folder.sync(name)
        except OSError as error:
            self._take_back(name, error)
            raise NotWrittenError(f"{name}: {error.strerror or error}") from error
        self.count += 1
        self.size += len(data)
        self._note()

    def go_on_from(self, state: Plain) -> None:
        """Begin a new segment. After NotWrittenError the old one goes on; after BrokenJournalError nobody knows."""
        if self._broken:
            raise BrokenJournalError(self._broken)
        try:
            size = write_segment(self.folder, self.generation + 1, state)
        except BrokenJournalError as error:
            self._broken = str(error)
            raise
        self.generation, self.count, self.size = self.generation + 1, 0, size

    @property
    def is_long(self) -> bool:
        """Whether a new segment is due."""
        return self.count >= min(ENTRIES_MAX, SEQUENCE_MAX - 1)

    def _take_back(self, name: str, error: OSError) -> None:
        """Remove what a failed write may have left; where that fails too, nobody knows what the disk holds."""
        try:
            self.folder.cut(name, self.size)
            self.folder.sync(name)
        except OSError as second:
            self._broken = (
                f"{name} at byte {self.size}: {error.strerror}, then {second.strerror}; restart the bench to read it again"
            )
            raise BrokenJournalError(self._broken) from second

    def _note(self) -> None:
        """Beside the journal, what it has acknowledged: with it the loss of a last entry is noticed. It need not be durable."""
        with suppress(OSError):
            self.folder.put(_ACKNOWLEDGED, Frame(FrameType.ACKNOWLEDGED, self.generation, self.count, {}).encoded())


def segment_name(generation: int) -> str:
    """The file of a segment."""
    return f"journal-{generation:06d}"


def segments(folder: Folder) -> list[int]:
    """The generations of the segments in a folder, the oldest first."""
    return sorted(int(match[1]) for name in folder.names() if (match := _SEGMENT.fullmatch(name)))


def write_segment(folder: Folder, generation: int, state: Plain) -> int:
    """Write a segment with no entries beside its place, make it durable, and put it there; its length.

    Raises NotWrittenError where it is not there, BrokenJournalError where nobody knows whether it stays there.
    """
    name = segment_name(generation)
    unfinished = name + _UNFINISHED
    data = b"".join(frame.encoded() for frame in _beginning(generation, state))
    try:
        if unfinished in folder.names():
            folder.remove(unfinished)
        folder.append(unfinished, data)
        folder.sync(unfinished)
    except OSError as error:
        with suppress(OSError):
            folder.remove(unfinished)
        raise NotWrittenError(f"{unfinished}: {error.strerror or error}") from error
    try:
        folder.rename(unfinished, name)
        folder.sync_names()
    except OSError as error:
        raise BrokenJournalError(f"{name}: {error.strerror or error}; restart the bench to read it again") from error
    return len(data)


def _beginning(generation: int, state: Plain) -> Iterator[Frame]:
    text = canonical(state).decode("ascii")
    parts = [text[start : start + _PART_BYTES] for start in range(0, len(text), _PART_BYTES)]
    yield Frame(FrameType.HEAD, generation, 0, {"journal": VERSION, "parts": len(parts)})
    for number, part in enumerate(parts, start=1):
        yield Frame(FrameType.STATE, generation, number, {"part": part})


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment that was read: the state it begins with, its entries, the bytes that are whole, and those of a torn write."""

    state: Plain
    entries: tuple[Plain, ...]
    size: int
    torn: int


def read_segment(folder: Folder, generation: int) -> Segment:
    """Read a segment. Raises NewerJournalError, DamagedJournalError with the offset, and OSError."""
    name, data = segment_name(generation), folder.read(segment_name(generation))
    head, at = _frame(data, 0, FrameType.HEAD, generation, 0, name)
    if head.payload.get("journal") != VERSION:
        raise NewerJournalError(
            f"{name}: journal version {head.payload.get('journal')}; this thecal reads {VERSION}. Use a later thecal."
        )
    parts: list[str] = []
    for number in range(1, int(head.payload["parts"]) + 1):
        part, at = _frame(data, at, FrameType.STATE, generation, number, name)
        parts.append(part.payload["part"])
    state = parse("".join(parts).encode("ascii"))
    entries: list[Plain] = []
    while at < len(data):
        try:
            entry, at = _frame(data, at, FrameType.ENTRY, generation, len(entries) + 1, name)
        except DamagedJournalError:
            if not _was_torn(data, at) or _acknowledged(folder, generation) > len(entries):
                raise
            break
        entries.append(entry.payload)
    if _acknowledged(folder, generation) > len(entries):
        raise _damaged(name, at, f"entry {len(entries) + 1} was acknowledged and is gone")
    return Segment(state, tuple(entries), at, len(data) - at)


def _frame(data: bytes, at: int, kind: FrameType, generation: int, number: int, name: str) -> tuple[Frame, int]:
    """The frame that must stand at a place, and where it ends."""
    try:
        found = decoded(data, at)
    except NewerVersionError as error:
        raise NewerJournalError(f"{name} at byte {at}: {error}. Use a later thecal.") from None
    except UnreadableError as error:
        raise _damaged(name, at, str(error)) from None
    if found is None:
        raise _damaged(name, at, "the file ends within a frame")
    frame, _ = found
    if (frame.type, frame.session, frame.sequence) != (kind, generation, number):
        raise _damaged(name, at, f"{frame.type.name} {frame.sequence} stands where {kind.name} {number} should")
    return found


def _damaged(name: str, at: int, why: str) -> DamagedJournalError:
    advice = "Nothing was changed. Bring the file back from a copy, or take the pump's folder off the bench."
    return DamagedJournalError(f"{name} is damaged at byte {at}: {why}. {advice}")


def _was_torn(data: bytes, at: int) -> bool:
    """Whether what does not fit at the end can be one write that power cut off: too short, or with a sector never written.

    Nothing whole follows a torn write, since each was durable before the next.
    """
    following = data.find(MAGIC, at + 1)
    while following >= 0:
        with suppress(UnreadableError):
            if decoded(data, following) is not None:
                return False
        following = data.find(MAGIC, following + 1)
    rest = data[at:]
    if len(rest) < HEAD_BYTES:
        return True
    with suppress(UnreadableError):
        if decoded(data, at) is None:
            return True
    if not any(rest[-CRC_BYTES:]):
        return True
    edges = [at, *range(at - at % _SECTOR + _SECTOR, len(data), _SECTOR), len(data)]
    return any(not any(data[start:end]) for start, end in pairwise(edges))


def _acknowledged(folder: Folder, generation: int) -> int:
    """How many entries of a segment are known to have been acknowledged; 0 where nothing readable says so."""
    noted, count = _noted(folder)
    return count if noted == generation else 0


def _noted(folder: Folder) -> tuple[int, int]:
    """The latest segment of which an entry is known to have been acknowledged, and how many; 0 where nothing readable says so."""
    try:
        found = decoded(folder.read(_ACKNOWLEDGED))
    except (OSError, UnreadableError):
        return 0, 0
    if found is None or found[0].type is not FrameType.ACKNOWLEDGED:
        return 0, 0
    return found[0].session, found[0].sequence
