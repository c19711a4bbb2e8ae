"""A journal that decayed, or that a later version wrote: refused with the place, and nothing acknowledged is dropped unsaid."""

import re
import struct
from collections.abc import Mapping
from zlib import crc32

import pytest

from tests.bench.days import full_day, short_day
from tests.bench.disk import SECTOR, Contents, Disk
from thecal.bench import journal as journal_module
from thecal.bench.journal import DamagedJournalError, Journal, JournalError, NewerJournalError, segment_name
from thecal.bench.shelf import ShelvedPump
from thecal.bench.virtual_pump import VirtualPump

ACKNOWLEDGED = "acknowledged"


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """So short that a day has many of them."""
    monkeypatch.setattr(journal_module, "ENTRIES_MAX", 9)


def written(count: int | None = None) -> dict[str, bytes]:
    """The files of a day, or of so many entries of it."""
    day, disk = full_day(), Disk()
    shelved = ShelvedPump.new(disk, day.begun)
    for entry in day.entries[:count]:
        shelved.take(entry)
    return disk.contents()


def newest(contents: Contents) -> str:
    return max(name for name in contents if name.startswith("journal"))


def frames(data: bytes) -> list[tuple[int, int]]:
    """Where each frame begins and ends, by its own length."""
    found, at = [], 0
    while at < len(data):
        end = at + 24 + struct.unpack_from(">I", data, at + 16)[0]
        found.append((at, end))
        at = end
    assert at == len(data)
    return found


def refused(contents: Contents, kind: type[JournalError]) -> str:
    """What is said where a journal is refused; nothing is changed by that."""
    disk = Disk.holding(contents)
    with pytest.raises(kind) as caught:
        ShelvedPump.open(disk)
    assert disk.contents() == contents
    assert list(disk.remains()) == [contents]
    return str(caught.value)


def opened(contents: Contents) -> VirtualPump | str:
    """The pump on a disk, or what is said where it is damaged."""
    try:
        return ShelvedPump.open(Disk.holding(contents)).pump
    except DamagedJournalError:
        return refused(contents, DamagedJournalError)


def check_place(said: str, name: str, at: int) -> None:
    """What is said names the file and the byte, and what to do."""
    assert said.startswith(f"{name} is damaged at byte {at}: ")
    assert "Nothing was changed." in said


@pytest.mark.requirement("BEN-03")
@pytest.mark.parametrize("count", [6, 40])
@pytest.mark.parametrize("mark", [0x01, 0x80, 0xFF])
def test_every_byte_that_decays_is_found(count: int, mark: int) -> None:
    """With the frame that it stands in."""
    contents = written(count)
    name = newest(contents)
    data = contents[name]
    for start, end in frames(data):
        for place in range(start, end, 1 if end - start < 300 else 13):
            decayed = data[:place] + bytes([data[place] ^ mark]) + data[place + 1 :]
            check_place(refused({**contents, name: decayed}, DamagedJournalError), name, start)


@pytest.mark.requirement("BEN-03")
def test_a_decayed_note_of_what_was_acknowledged_loses_nothing() -> None:
    """It only says more than the journal; without it the journal stands for itself."""
    contents, pump = written(40), full_day().pumps[40]
    note = contents[ACKNOWLEDGED]
    for place in range(len(note)):
        decayed = note[:place] + bytes([note[place] ^ 0x55]) + note[place + 1 :]
        assert opened({**contents, ACKNOWLEDGED: decayed}) == pump
        assert opened({**contents, ACKNOWLEDGED: note[:place]}) == pump


@pytest.mark.requirement("BEN-03")
def test_without_the_note_only_the_last_entry_may_be_taken_for_a_torn_one() -> None:
    """And only where the damage looks like a write that power cut off; anywhere else it is found."""
    day, contents = full_day(), written(42)
    del contents[ACKNOWLEDGED]
    name = newest(contents)
    data, taken = contents[name], 0
    for start, end in frames(data):
        last = end == len(data)
        for place in range(start, end, 1 if last else 11):
            found = opened({**contents, name: data[:place] + bytes([data[place] ^ 0x41]) + data[place + 1 :]})
            if last and not isinstance(found, str):
                assert found == day.pumps[41]
                taken += 1
            else:
                assert isinstance(found, str)
                check_place(found, name, start)
    assert taken == 2  # in the length: as much more as would be missing


@pytest.mark.requirement("BEN-03")
@pytest.mark.parametrize("noted", [True, False])
def test_a_journal_that_is_cut_anywhere(noted: bool) -> None:
    """With the note of what was acknowledged it is damaged; without it, nobody can know of more than is whole."""
    day, contents = full_day(), written(24)
    if not noted:
        del contents[ACKNOWLEDGED]
    name = newest(contents)
    data = contents[name]
    ends = [end for _, end in frames(data)]
    for size in range(0, len(data), 3):
        found = opened({**contents, name: data[:size]})
        begins = max((end for end in ends if end <= size), default=0)
        if noted or size < ends[1]:  # the head and the state were durable before the segment was there
            assert isinstance(found, str)
            check_place(found, name, begins)
        else:
            assert found == day.pumps[18 + ends.index(begins) - 1]


@pytest.mark.requirement("BEN-03")
@pytest.mark.parametrize("blank", [b"\0", b"\xff"])
def test_a_sector_that_is_lost(blank: bytes) -> None:
    """Each in turn. It is damage, with the frame in which it begins, or what it ends in."""
    contents = written()
    name = newest(contents)
    data = contents[name]
    for start in range(0, len(data), SECTOR):
        end = min(start + SECTOR, len(data))
        lost = {**contents, name: data[:start] + blank * (end - start) + data[end:]}
        first = max(begin for begin, _ in frames(data) if begin <= start)
        check_place(refused(lost, DamagedJournalError), name, first)
        del lost[ACKNOWLEDGED]
        unnoted = opened(lost)
        assert isinstance(unnoted, str) or (end == len(data) and unnoted in full_day().pumps)


@pytest.mark.requirement("BEN-03")
def test_entries_out_of_place() -> None:
    """Each is numbered, and belongs to its segment: one that is missing, comes twice or is another's is damage."""
    contents = written(16)
    name, before = segment_name(2), contents[segment_name(1)]
    data = contents[name]
    places = frames(data)
    third, last = places[4], places[-1]
    for moved in (
        data[: third[0]] + data[third[1] :],
        data[: third[1]] + data[third[0] :],
        data[: third[0]] + data[slice(*places[5])] + data[slice(*third)] + data[places[5][1] :],
        data[: third[0]] + before[slice(*frames(before)[4])] + data[third[1] :],
        data + data[slice(*last)],
        data + data[: places[0][1]],
    ):
        said = refused({**contents, name: moved}, DamagedJournalError)
        assert re.match(rf"{name} is damaged at byte [0-9]+: (ENTRY|HEAD) [0-9]+ stands where ENTRY [0-9]+ should\.", said)


@pytest.mark.requirement("BEN-03")
def test_segments_that_are_lost() -> None:
    """The newest is enough to go on. Where it is gone, the note tells; an older one is not needed."""
    day, contents = full_day(), written(20)
    assert [name for name in contents if name != ACKNOWLEDGED] == [segment_name(number) for number in (1, 2, 3)]
    assert opened({name: contents[name] for name in (segment_name(3), ACKNOWLEDGED)}) == day.pumps[20]
    assert opened({**contents, segment_name(1): b"decayed", segment_name(2): b""}) == day.pumps[20]
    for left in ((1, 2), (1,), ()):
        rest = {segment_name(number): contents[segment_name(number)] for number in left}
        said = refused({**rest, ACKNOWLEDGED: contents[ACKNOWLEDGED]}, DamagedJournalError)
        check_place(said, segment_name(3), 0)


@pytest.mark.requirement("BEN-03")
def test_an_entry_that_was_taken_at_an_opening_is_acknowledged_by_it() -> None:
    """It was under way when power failed and is answered from now on: its loss would be noticed."""
    contents = written(20)
    contents[ACKNOWLEDGED] = written(19)[ACKNOWLEDGED]
    disk = Disk.holding(contents)
    assert ShelvedPump.open(disk).pump == full_day().pumps[20]
    kept = disk.contents()
    name = newest(kept)
    start, _ = frames(kept[name])[-1]
    check_place(refused({**kept, name: kept[name][:start]}, DamagedJournalError), name, start)


def _later(frame: bytes, *, version: int = 2) -> bytes:
    """The frame as a later version would write it."""
    head = frame[:2] + bytes([version]) + frame[3:-4]
    return head + struct.pack(">I", crc32(head))


@pytest.mark.requirement("BEN-03")
def test_a_journal_of_a_later_version_is_refused() -> None:
    """Its frames, or the journal itself; it says which version, and what to do."""
    contents = written(5)
    name = newest(contents)
    data = contents[name]
    for start, end in frames(data):
        said = refused({name: data[:start] + _later(data[start:end]) + data[end:]}, NewerJournalError)
        assert said == f"{name} at byte {start}: a frame of version 2; this program knows version 1. Use a later thecal."
    start, end = frames(data)[0]
    head = data[start : end - 4].replace(b'"journal":1', b'"journal":2')
    said = refused({name: head + struct.pack(">I", crc32(head)) + data[end:]}, NewerJournalError)
    assert said == f"{name}: journal version 2; this thecal reads 1. Use a later thecal."


@pytest.mark.requirement("BEN-01")
def test_what_was_begun_beside_the_journal_is_swept_away() -> None:
    """It was never put in its place; whatever is in it, the next segment is written anew."""
    day, contents = short_day(), dict[str, bytes]()
    disk = Disk()
    shelved = ShelvedPump.new(disk, day.begun)
    for entry in day.entries:
        shelved.take(entry)
    contents = disk.contents()
    for left in (b"", b"half of it", contents[segment_name(1)]):
        disk = Disk.holding({**contents, f"{segment_name(2)}.part": left})
        assert ShelvedPump.open(disk).pump == day.pump
        assert sorted(disk.contents()) == sorted(contents)
        recovered = Journal.recover(Disk.holding(contents))
        disk = Disk.holding({**contents, f"{segment_name(2)}.part": left})
        going = Journal(disk, 1, recovered.journal.count, recovered.journal.size)
        going.go_on_from(recovered.state)
        assert Journal.recover(disk).state == recovered.state


@pytest.mark.requirement("BEN-03")
def test_where_there_is_no_journal() -> None:
    """An empty folder is no damage; what was never put in its place is no journal."""
    empties: tuple[Mapping[str, bytes], ...] = ({}, {f"{segment_name(1)}.part": b"half of it"}, {"journal-1": b""})
    for contents in empties:
        with pytest.raises(FileNotFoundError, match="no journal"):
            Journal.recover(Disk.holding(contents))
