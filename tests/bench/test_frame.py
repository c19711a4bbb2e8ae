"""Frames out of any stream of bytes: what is one is found, what is none is refused, and never more than one is kept."""

import random
import struct
from collections.abc import Iterable, Iterator
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thecal.bench.codec import UnreadableError, canonical
from thecal.bench.frame import (
    CRC_BYTES,
    FRAME_MAX,
    HEAD_BYTES,
    MAGIC,
    PAYLOAD_MAX,
    SEQUENCE_MAX,
    SESSION_MAX,
    Decoder,
    Frame,
    FrameType,
    Malformed,
    NewerVersionError,
    decoded,
)

pytestmark = pytest.mark.requirement("BEN-04")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
FRAMES = st.builds(
    Frame,
    st.sampled_from(FrameType),
    st.integers(0, SESSION_MAX),
    st.integers(0, SEQUENCE_MAX),
    st.dictionaries(st.text(max_size=4), JSON, max_size=4),
)
GARBAGE = st.one_of(
    st.binary(max_size=40),
    st.just(MAGIC),
    st.just(MAGIC[:1]),
    FRAMES.map(lambda frame: frame.encoded()[:-5]),  # without less of its end, the next frame's beginning may complete it
    st.tuples(FRAMES, st.integers(0, 10**6), st.integers(1, 255)).map(lambda drawn: flipped(drawn[0].encoded(), *drawn[1:])),
    st.integers(0, 2**32 - 1).map(lambda length: raw(b"", length=length)),
)
PATIENCE = bytes(FRAME_MAX)  # after so many bytes nothing is waited for any more


def raw(
    payload: bytes, *, magic: bytes = MAGIC, version: int = 1, kind: int = 3, length: int | None = None, check: int | None = None
) -> bytes:
    """A frame as the protocol has it, but for what is said otherwise."""
    head = magic + struct.pack(">BBQII", version, kind, 7, 9, len(payload) if length is None else length)
    return head + payload + struct.pack(">I", crc32(head + payload) if check is None else check)


def flipped(data: bytes, place: int, mark: int) -> bytes:
    place %= len(data)
    return data[:place] + bytes([data[place] ^ mark]) + data[place + 1 :]


def merged(found: Iterable[Frame | Malformed]) -> list[Frame | Malformed]:
    """With runs of what is no frame as one, however they were told."""
    runs: list[Frame | Malformed] = []
    for piece in found:
        last = runs[-1] if runs else None
        if isinstance(last, Malformed) and isinstance(piece, Malformed) and last.offset + last.skipped == piece.offset:
            runs[-1] = Malformed(last.offset, last.skipped + piece.skipped, last.why)
        else:
            runs.append(piece)
    return runs


def fed(pieces: Iterable[bytes]) -> list[Frame | Malformed]:
    """What a decoder finds in pieces of a stream; it never keeps more than a frame."""
    decoder, found = Decoder(), list[Frame | Malformed]()
    for piece in pieces:
        found += decoder.feed(piece)
        assert decoder.waiting < FRAME_MAX
    return merged(found)


def only_frames(found: Iterable[Frame | Malformed]) -> list[Frame]:
    return [piece for piece in found if isinstance(piece, Frame)]


@given(FRAMES)
def test_what_is_sent_is_received(frame: Frame) -> None:
    """Whole; no beginning of it is anything yet, and the magic stands nowhere in its payload."""
    data = frame.encoded()
    assert decoded(data) == (frame, len(data))
    assert decoded(b"before" + data + b"after", 6) == (frame, 6 + len(data))
    assert all(decoded(data[:size]) is None for size in range(len(data)))
    assert fed([data]) == [frame]
    payload = data[HEAD_BYTES:-CRC_BYTES]
    assert not set(MAGIC[:1]) & set(payload)
    assert (
        data == raw(payload, kind=frame.type)[:4] + struct.pack(">QII", frame.session, frame.sequence, len(payload)) + data[20:]
    )


@pytest.mark.parametrize("session", [0, 1, SESSION_MAX])
@pytest.mark.parametrize("sequence", [0, 1, SEQUENCE_MAX])
def test_the_largest_numbers(session: int, sequence: int) -> None:
    """They fit; one past them is refused and never begins anew."""
    frame = Frame(FrameType.COMMAND, session, sequence, {})
    assert decoded(frame.encoded()) == (frame, HEAD_BYTES + 2 + CRC_BYTES)
    for past in (
        Frame(FrameType.COMMAND, SESSION_MAX + 1, sequence, {}),
        Frame(FrameType.COMMAND, session, SEQUENCE_MAX + 1, {}),
        Frame(FrameType.COMMAND, -1, sequence, {}),
        Frame(FrameType.COMMAND, session, -1, {}),
    ):
        with pytest.raises(ValueError, match="does not fit into a frame"):
            past.encoded()


def test_the_longest_payload() -> None:
    """64 KiB fit; a byte more is refused, on both sides."""
    longest = Frame(FrameType.STATE, 1, 1, {"part": "x" * (PAYLOAD_MAX - len(canonical({"part": ""})))})
    data = longest.encoded()
    assert len(data) == FRAME_MAX
    assert fed([data]) == fed(data[start : start + 1000] for start in range(0, len(data), 1000)) == [longest]
    with pytest.raises(ValueError, match="65,537 bytes; a frame holds 65,536"):
        Frame(FrameType.STATE, 1, 1, {"part": longest.payload["part"] + "x"}).encoded()
    with pytest.raises(UnreadableError, match="65,537 bytes; a frame holds 65,536"):
        decoded(raw(b"", length=PAYLOAD_MAX + 1))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"x", "no frame begins here"),
        (b"\x89x", "no frame begins here"),
        (raw(b"{}", magic=b"T\x89"), "no frame begins here"),
        (raw(b"{}", length=2**32 - 1), "a payload of 4,294,967,295 bytes"),
        (raw(b"{}", check=0), "the checksum does not fit"),
        (raw(b"{}", length=1), "the checksum does not fit"),
        (raw(b"{}", kind=0), "frames of type 0 are not known"),
        (raw(b"{}", kind=8), "frames of type 8 are not known"),
        (raw(b"{}", kind=255), "frames of type 255 are not known"),
        (raw(b"{}", version=0), "a frame of version 0; this program knows version 1"),
        (raw(b"{}", version=2), "a frame of version 2; this program knows version 1"),
        (raw(b""), "the payload is not JSON"),
        (raw(b"{"), "the payload is not JSON"),
        (raw(b"\xff"), "the payload is not JSON"),
        (raw(b"[]"), "the payload is not an object"),
        (raw(b"{ }"), "the payload is not spelled canonically"),
        (raw(b'{"a":1.5}'), "1.5 is no whole number"),
        (raw(b'{"a":' * 9000), "nests too deeply|is not JSON"),
    ],
)
def test_what_is_no_frame_is_refused(data: bytes, why: str) -> None:
    """With the reason; the next frame is found all the same."""
    with pytest.raises(UnreadableError, match=why):
        decoded(data)
    frame = Frame(FrameType.COMMAND, 1, 2, {"kind": "Interrogate"})
    first, second, rest = fed([data, frame.encoded(), PATIENCE])
    assert isinstance(first, Malformed)
    assert isinstance(rest, Malformed)
    assert (first.offset, first.skipped, second) == (0, len(data), frame)
    assert why.split("|", maxsplit=1)[0] in first.why or "is not JSON" in first.why


def test_only_a_whole_frame_of_a_later_version_is_one() -> None:
    """One that decayed is damaged, and says nothing of versions."""
    with pytest.raises(NewerVersionError):
        decoded(raw(b"{}", version=2))
    with pytest.raises(UnreadableError) as caught:
        decoded(raw(b"{}", version=2, check=5))
    assert not isinstance(caught.value, NewerVersionError)


@given(st.lists(GARBAGE | FRAMES, max_size=6), st.data())
def test_a_stream_may_come_in_any_pieces(parts: list[bytes | Frame], data: st.DataObject) -> None:
    """Byte by byte, or cut anywhere, it is the same stream; every byte of it is a frame's, no frame's, or waited for."""
    stream = b"".join(part.encoded() if isinstance(part, Frame) else part for part in parts)
    whole = fed([stream])
    assert fed(stream[place : place + 1] for place in range(len(stream))) == whole
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    assert fed(stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)) == whole
    told = sum(len(piece.encoded()) if isinstance(piece, Frame) else piece.skipped for piece in whole)
    decoder = Decoder()
    decoder.feed(stream)
    assert told + decoder.waiting == len(stream)


@given(st.lists(st.tuples(GARBAGE, FRAMES), min_size=1, max_size=5))
def test_no_frame_is_lost_behind_what_is_none(parts: list[tuple[bytes, Frame]]) -> None:
    """Whatever lies between, and however long the garbage says that it is: each one is found, in order."""
    stream = b"".join(garbage + frame.encoded() for garbage, frame in parts)
    frames = [frame for _, frame in parts]
    assert in_order(frames, only_frames(fed([stream, PATIENCE])))
    decoder = Decoder()
    found = decoder.feed(stream)
    while decoder.waiting:  # the line is silent: what waits will not become whole
        found += decoder.give_up()
    assert in_order(frames, only_frames(found))


def in_order(wanted: list[Frame], found: list[Frame]) -> bool:
    """Whether all that was wanted was found in order, whatever else garbage may be."""
    rest = iter(found)
    return all(frame in rest for frame in wanted)


@given(st.lists(FRAMES, min_size=3, max_size=5), st.data())
def test_a_frame_that_decays_takes_no_other_with_it(frames: list[Frame], data: st.DataObject) -> None:
    """Any byte of any of them; the length too."""
    number = data.draw(st.integers(0, len(frames) - 1))
    encoded = [frame.encoded() for frame in frames]
    place = data.draw(st.integers(0, len(encoded[number]) - 1) | st.integers(16, 19))
    encoded[number] = flipped(encoded[number], place, data.draw(st.integers(1, 255)))
    assert only_frames(fed([*encoded, PATIENCE])) == frames[:number] + frames[number + 1 :]


@given(st.binary(max_size=3000))
def test_any_bytes_are_an_answer(data: bytes) -> None:
    """No crash, and nothing found that was not sent."""
    assert only_frames(fed([data, data[::-1], data])) == []


@pytest.mark.parametrize("unit", [MAGIC, MAGIC[:1], raw(b"", length=PAYLOAD_MAX)[:20], MAGIC + b"\0\0\xff\xf0\1", b"\0"])
def test_a_stream_without_end_is_never_kept(unit: bytes) -> None:
    """Beginnings of frames that never come, one in the other."""
    decoder, stream = Decoder(), (unit * 200_000)[:200_000]
    told = 0
    for start in range(0, len(stream), 50_000):
        for piece in decoder.feed(stream[start : start + 50_000]):
            assert isinstance(piece, Malformed)
            told += piece.skipped
        assert decoder.waiting < FRAME_MAX
    assert told + decoder.waiting == len(stream)


def test_a_hundred_thousand_malformed_frames_are_refused() -> None:
    """Decayed anywhere, cut, of another version or type, not JSON, not canonical; and a good one among a thousand is found."""
    good = Frame(FrameType.COMMAND, 3, 4, {"digest": "c9b894cfd7c19a8a", "kind": "Commit"})
    data, source, refused = good.encoded(), random.Random(11), 0
    bad = _malformed(data, source)
    for _ in range(100):
        decoder, found = Decoder(), list[Frame | Malformed]()
        for _ in range(1000):
            found += decoder.feed(next(bad))
            found += decoder.give_up()
            refused += isinstance(found[-1], Malformed)
        assert only_frames(found) == []
        while decoder.waiting:
            decoder.give_up()
        assert decoder.feed(data) == [good]
    assert refused >= 100_000


def _malformed(data: bytes, source: random.Random) -> Iterator[bytes]:
    payloads = [b"[]", b"{ }", b"", b"{", b"nul", b'{"a":1.0}', b'{"b":1,"a":2}', b"\x89T{}", b'{"a":NaN}', b'{"a":\t1}']
    while True:
        yield flipped(data, source.randrange(len(data)), source.randint(1, 255))
        yield data[: source.randrange(1, len(data))]
        yield raw(b"{}", version=source.choice([0, *range(2, 256)]))
        yield raw(b"{}", kind=source.choice([0, *range(8, 16), *range(20, 256)]))
        yield raw(source.choice(payloads))
        yield raw(b"{}", length=source.choice([0, 1, 3, PAYLOAD_MAX + 1, 2**32 - 1]))
        yield source.randbytes(source.randint(1, 40))
        yield data[source.randrange(1, 20) :]
