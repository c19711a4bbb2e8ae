"""Frames: the one envelope of wand and journal, as docs/protocol.md specifies it.

A frame is a fixed head, a payload of canonical JSON and a checksum. What comes in is cut into frames again without trust: what is
no frame is told and passed over up to the next possible beginning, and never more than one frame is kept waiting.
"""

import struct
from binascii import crc32
from dataclasses import dataclass
from enum import IntEnum

from thecal.bench.codec import Plain, UnreadableError, canonical, parse

MAGIC = b"\x89T"  # canonical JSON is ASCII, so that no payload holds it
VERSION = 1
PAYLOAD_MAX = 65_536
SESSION_MAX, SEQUENCE_MAX = 2**64 - 1, 2**32 - 1
_HEAD = struct.Struct(">2sBBQII")
_CRC = struct.Struct(">I")
HEAD_BYTES, CRC_BYTES = _HEAD.size, _CRC.size
FRAME_MAX = HEAD_BYTES + PAYLOAD_MAX + CRC_BYTES


class FrameType(IntEnum):
    """What a frame holds: 1 to 15 on the wand, 16 and on in a journal."""

    HELLO = 1
    WELCOME = 2
    COMMAND = 3
    REPORT = 4
    REFUSAL = 5
    NOTICE = 6
    GOODBYE = 7
    HEAD = 16
    STATE = 17
    ENTRY = 18
    ACKNOWLEDGED = 19


class NewerVersionError(UnreadableError):
    """A frame of a version that this program does not know."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame: its type, the session and the number in it, and what it says."""

    type: FrameType
    session: int
    sequence: int
    payload: Plain

    def encoded(self) -> bytes:
        """The bytes of it. Raises ValueError where the payload is longer than a frame holds, or a number does not fit."""
        payload = canonical(self.payload)
        if len(payload) > PAYLOAD_MAX:
            raise ValueError(f"a payload of {len(payload):,} bytes; a frame holds {PAYLOAD_MAX:,}")
        if not (0 <= self.session <= SESSION_MAX and 0 <= self.sequence <= SEQUENCE_MAX):
            raise ValueError(f"session {self.session} or sequence {self.sequence} does not fit into a frame")
        head = _HEAD.pack(MAGIC, VERSION, self.type, self.session, self.sequence, len(payload))
        return head + payload + _CRC.pack(crc32(head + payload))


@dataclass(frozen=True, slots=True)
class Malformed:
    """Bytes that were no frame: where they began in the stream, how many were passed over, and why."""

    offset: int
    skipped: int
    why: str


def decoded(data: bytes, at: int = 0) -> tuple[Frame, int] | None:
    """The frame that begins at a place in some bytes, and where it ends; None where more bytes may make it one.

    Raises UnreadableError for what no further byte makes a frame, NewerVersionError for a whole frame of a later version.
    """
    if not MAGIC.startswith(data[at : at + len(MAGIC)]):
        raise UnreadableError("no frame begins here")
    if len(data) - at < HEAD_BYTES:
        return None
    _, version, kind, session, sequence, length = _HEAD.unpack_from(data, at)
    if length > PAYLOAD_MAX:
        raise UnreadableError(f"a payload of {length:,} bytes; a frame holds {PAYLOAD_MAX:,}")
    end = at + HEAD_BYTES + length
    if len(data) < end + CRC_BYTES:
        return None
    if _CRC.unpack_from(data, end)[0] != crc32(data[at:end]):
        raise UnreadableError("the checksum does not fit")
    if version != VERSION:
        raise NewerVersionError(f"a frame of version {version}; this program knows version {VERSION}")
    try:
        known = FrameType(kind)
    except ValueError:
        raise UnreadableError(f"frames of type {kind} are not known") from None
    return Frame(known, session, sequence, parse(data[at + HEAD_BYTES : end])), end + CRC_BYTES


def _next(data: bytes, at: int) -> int:
    """Where the next frame may begin, from a place on: at its first bytes, or at what may become them."""
    found = data.find(MAGIC, at)
    return found if found >= 0 else max(at, len(data) - data.endswith(MAGIC[:1]))


class Decoder:
    """Cuts a stream into frames. It keeps no more than one frame of what has not become one."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._offset = 0

    @property
    def waiting(self) -> int:
        """How many bytes are kept that are no frame yet."""
        return len(self._waiting)

    def feed(self, data: bytes) -> list[Frame | Malformed]:
        """The frames, and what was none, that some more bytes complete, in order."""
        found: list[Frame | Malformed] = []
        for start in range(0, len(data), FRAME_MAX):
            self._waiting += data[start : start + FRAME_MAX]
            self._cut(found)
        return found

    def give_up(self) -> list[Frame | Malformed]:
        """What is waiting will never be whole: its beginning was no frame, and what follows may hold some."""
        found: list[Frame | Malformed] = []
        if self._waiting:
            following = _next(bytes(self._waiting), 1)
            found.append(Malformed(self._offset, following, "the rest of it did not come"))
            del self._waiting[:following]
            self._offset += following
            self._cut(found)
        return found

    def _cut(self, found: list[Frame | Malformed]) -> None:
        held, at = bytes(self._waiting), 0
        while at < len(held):
            try:
                whole = decoded(held, at)
            except UnreadableError as error:
                following = _next(held, at + 1)
                self._tell(found, Malformed(self._offset + at, following - at, str(error)))
                at = following
                continue
            if whole is None:
                break
            frame, at = whole
            found.append(frame)
        del self._waiting[:at]
        self._offset += at

    @staticmethod
    def _tell(found: list[Frame | Malformed], bad: Malformed) -> None:
        """One finding for one run of bytes that are no frame."""
        last = found[-1] if found else None
        if isinstance(last, Malformed) and last.offset + last.skipped == bad.offset:
            found[-1] = Malformed(last.offset, last.skipped + bad.skipped, last.why)
        else:
            found.append(bad)
