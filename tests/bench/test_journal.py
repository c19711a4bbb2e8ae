"""The journal on a disk that loses, tears and fills up: nothing acknowledged is lost, and nothing is done twice."""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

import pytest

from tests.bench.days import Day, full_day, short_day
from tests.bench.disk import Contents, Disk, Failure
from thecal.bench import journal as journal_module
from thecal.bench.entry import Heard, entry_of
from thecal.bench.folder import Folder, RealFolder
from thecal.bench.journal import BrokenJournalError, Journal, NotWrittenError, segment_name
from thecal.bench.shelf import ShelvedPump
from thecal.bench.virtual_pump import Outcome, VirtualPump, after, at_instant, pump_of, pump_plain
from thecal.timeline import Instant

Done = Literal["nothing", "part", "all"]


@pytest.fixture(autouse=True)
def short_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    """So short that a day has many of them."""
    monkeypatch.setattr(journal_module, "ENTRIES_MAX", 9)


@dataclass
class Opened:
    """What opening a disk makes of it. Each content is opened once, and power fails again at every call of the opening."""

    known: list[VirtualPump]
    found: dict[int, VirtualPump | None] = field(default_factory=dict)
    folds: dict[int, VirtualPump] = field(default_factory=dict)

    def pump(self, contents: Contents) -> VirtualPump | None:
        """The pump on a disk; None where there is no journal yet."""
        key = hash(frozenset(contents.items()))
        if key in self.found:
            return self.found[key]
        disk, cuts = Disk.holding(contents), list[Disk]()
        disk.changed = lambda: cuts.append(disk.copy())
        pump = self._opened(disk)
        self.found[key] = pump
        for cut in cuts:
            for left in cut.remains():
                assert self.pump(left) is pump
        assert pump is None or all(_segments(left) == _segments(disk.contents()) for left in disk.remains())
        return pump

    def _opened(self, disk: Disk) -> VirtualPump | None:
        """By the last segment alone, whatever lies beside it."""
        try:
            recovered = Journal.recover(disk)
        except FileNotFoundError:
            return None
        key = hash(disk.read(segment_name(recovered.journal.generation)))
        if key not in self.folds:
            pump = pump_of(recovered.state)
            for entry in recovered.entries:
                pump = after(pump, entry_of(entry)).pump
            assert ShelvedPump.open(Disk.holding(disk.contents())).pump == pump
            self.folds[key] = next((known for known in self.known if known == pump), pump)
        return self.folds[key]


def _segments(contents: Contents) -> dict[str, bytes]:
    return {name: data for name, data in contents.items() if name.startswith("journal")}


@dataclass
class Watched:
    """A disk on which power may fail after every call; with each of them, the pump that is acknowledged, and the one that is
    under way.
    """

    disk: Disk
    acknowledged: VirtualPump | None = None
    under_way: VirtualPump | None = None
    cuts: list[tuple[Disk, VirtualPump | None, VirtualPump | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.note()
        self.disk.changed = self.note

    def note(self) -> None:
        self.cuts.append((self.disk.copy(), self.acknowledged, self.under_way or self.acknowledged))

    def settle(self, pump: VirtualPump) -> None:
        """A pump is acknowledged, and nothing is under way."""
        self.acknowledged, self.under_way = pump, None
        self.note()

    def do(self, leads_to: VirtualPump, what: Callable[[], object]) -> None:
        """Do something after which a pump is acknowledged."""
        self.under_way = leads_to
        what()
        self.settle(leads_to)

    def check(self, opened: Opened) -> int:
        """Let power fail at every one of them, or the process be killed, and look at all that can be left; at how many disks."""
        looked = 0
        for disk, acknowledged, under_way in self.cuts:
            for contents in (disk.contents(), *disk.remains()):
                pump = opened.pump(contents)
                assert pump in (acknowledged, under_way)
                looked += 1
        return looked


@pytest.fixture(scope="module")
def opened() -> Opened:
    return Opened(full_day().pumps)


@pytest.mark.requirement("BEN-01")
def test_power_may_fail_at_any_call_of_a_day(opened: Opened) -> None:
    """Whatever is left of what was not synced: all that was acknowledged, perhaps what was under way, and nothing else."""
    day = full_day()
    watched = Watched(Disk())
    shelved: list[ShelvedPump] = []
    watched.do(day.begun, lambda: shelved.append(ShelvedPump.new(watched.disk, day.begun)))
    for entry, pump in zip(day.entries, day.pumps[1:], strict=True):
        watched.do(pump, lambda entry=entry: shelved[0].take(entry))  # type: ignore[misc]  # called at once
    assert shelved[0].pump == day.pump
    assert shelved[0].journal.generation > 4
    assert watched.check(opened) > 10_000


@pytest.mark.requirement("BEN-01")
def test_power_may_fail_while_a_segment_follows_right_after_an_opening(opened: Opened) -> None:
    """Opened, a new segment, and the next entry into it."""
    day = full_day()
    for count in range(0, len(day.pumps), 4):
        pump = day.pumps[count]
        watched = Watched(_written(day, count), pump)
        shelved = ShelvedPump.open(watched.disk)
        watched.do(pump, lambda shelved=shelved, pump=pump: shelved.journal.go_on_from(pump_plain(pump)))  # type: ignore[misc]
        if count < len(day.entries):
            watched.do(day.pumps[count + 1], lambda shelved=shelved, count=count: shelved.take(day.entries[count]))  # type: ignore[misc]
        assert watched.check(opened) > 10


def _written(day: Day, count: int) -> Disk:
    """A disk with so many entries of a day; its last byte may still be under way."""
    disk = Disk()
    shelved = ShelvedPump.new(disk, day.begun)
    for entry in day.entries[:count]:
        shelved.take(entry)
    return disk


@pytest.mark.requirement("BEN-01")
@pytest.mark.parametrize("later_s", [0, 1, 60])
def test_a_message_that_comes_again_is_done_once(later_s: int) -> None:
    """Whether it was lost or kept when power failed: the same pump, and the same reply where it was kept."""
    day = full_day()
    for count, (entry, was) in enumerate(zip(day.entries, day.outcomes, strict=True)):
        if not isinstance(entry, Heard):
            continue
        again = replace(entry, at=Instant(entry.at.s + later_s))
        kept = ShelvedPump.open(_written(day, count + 1)).take(again)
        assert isinstance(kept, Outcome)
        assert (kept.answer, kept.changed) == (was.answer, False)
        assert kept.pump == at_instant(was.pump, again.at).pump
        lost = ShelvedPump.open(_written(day, count)).take(again)
        assert isinstance(lost, Outcome)
        assert lost.changed
        assert (lost.answer, lost.pump) == (was.answer, was.pump) or later_s


@dataclass
class Failing:
    """Calls of a disk that fail: so many in a row, of some kinds or of all."""

    first: int
    number: int
    failure: Failure
    kinds: tuple[str, ...] = ()
    calls: int = 0
    failed: int = 0

    def __call__(self, call: str) -> Failure | None:
        self.calls += 1
        if self.calls < self.first or self.failed >= self.number or (self.kinds and call not in self.kinds):
            return None
        self.failed += 1
        return self.failure


def _opened_at_last(disk: Disk, pump: VirtualPump) -> ShelvedPump:
    """Opened as often as it takes, or begun where there was nothing."""
    for _ in range(9):
        try:
            return ShelvedPump.open(disk)
        except FileNotFoundError:
            try:
                return ShelvedPump.new(disk, pump)
            except (NotWrittenError, BrokenJournalError):
                continue
        except OSError:
            continue
    raise AssertionError("it never opens")


def _lived(day: Day, failing: Failing) -> tuple[Watched, int]:
    """A bench whose disk fails: what is refused comes once more, what is broken is opened again. How often it was refused."""
    watched, refusals = Watched(Disk()), 0
    watched.disk.fails = failing
    watched.under_way = day.begun
    shelved = _opened_at_last(watched.disk, day.begun)
    watched.settle(day.begun)
    for entry in day.entries:
        for _ in range(2):
            before, then = shelved.pump, after(shelved.pump, entry)
            watched.under_way = then.pump
            try:
                outcome = shelved.take(entry)
            except BrokenJournalError:
                shelved = _opened_at_last(watched.disk, day.begun)
                assert shelved.pump in (before, then.pump)
                watched.settle(shelved.pump)
                if shelved.pump == then.pump:
                    break
                continue
            watched.settle(shelved.pump)
            if isinstance(outcome, Outcome):
                assert outcome == then
                break
            refusals += 1
            assert outcome.rule == "BEN-02"
            assert shelved.pump is before
    return watched, refusals


@pytest.mark.requirement("BEN-01")
@pytest.mark.requirement("BEN-02")
@pytest.mark.parametrize("number", [1, 2, 3])
def test_power_may_fail_after_the_disk_failed(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any call fails, with nothing, a part or all of it done, and so do the next ones; and soon after that, power does too."""
    monkeypatch.setattr(journal_module, "ENTRIES_MAX", 3)
    day = short_day()
    opened = Opened(day.pumps)
    first, refusals, reached = 0, 0, True
    while reached:
        first += 1
        for done in get_args(Done):
            failing = Failing(first, number, Failure(errno.EIO, done))
            watched, refused = _lived(day, failing)
            refusals += refused
            reached = failing.failed == number
            start = next((place for place, cut in enumerate(watched.cuts) if cut[0].failed), 0)
            watched.cuts = [*watched.cuts[start : start + 6], watched.cuts[-1]]
            watched.check(opened)
    assert first > 30
    assert refusals > 5


FULL = ("append", "put")


@pytest.mark.requirement("BEN-02")
@pytest.mark.parametrize("done", get_args(Done))
@pytest.mark.parametrize("full_from", range(1, 8))
def test_a_full_disk_refuses_and_changes_nothing(full_from: int, done: Done, monkeypatch: pytest.MonkeyPatch) -> None:
    """From any entry on, at a new segment too; with room again it goes on as if nothing had been."""
    monkeypatch.setattr(journal_module, "ENTRIES_MAX", 3)
    day = short_day()
    disk = _written(day, full_from - 1)
    shelved = ShelvedPump.open(disk)
    before, held = shelved.pump, disk.contents()
    disk.fails = Failing(1, 10**9, Failure(errno.ENOSPC, done), FULL)
    for _ in range(2):
        refusal = shelved.take(day.entries[full_from - 1])
        assert not isinstance(refusal, Outcome)
        assert refusal.rule == "BEN-02"
        assert "No space left on device" in str(refusal)
        assert shelved.pump is before
        assert disk.contents() == held
        assert all(ShelvedPump.open(Disk.holding(left)).pump == before for left in disk.remains())
    disk.fails = lambda _: None
    assert [shelved.take(entry) for entry in day.entries[full_from - 1 :]] == day.outcomes[full_from - 1 :]
    assert ShelvedPump.open(disk).pump == day.pump


@pytest.mark.requirement("BEN-02")
def test_a_full_disk_takes_no_new_segment_and_no_new_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The old segment goes on, however long, and what was begun beside it is gone; a journal that cannot begin is not there."""
    monkeypatch.setattr(journal_module, "ENTRIES_MAX", 3)
    day = short_day()
    disk = _written(day, 2)
    shelved = ShelvedPump.open(disk)
    for entry in day.entries[2:]:
        disk.fails = Failing(4, 1, Failure(errno.ENOSPC, "part"), ("append", "sync"))  # after the entry itself
        assert isinstance(shelved.take(entry), Outcome)
    assert disk.names() == ["acknowledged", segment_name(1)]
    assert shelved.journal.count == len(day.entries)
    disk.fails = lambda _: None
    shelved.put_away(day.now)
    shelved.journal.go_on_from(pump_plain(shelved.pump))
    assert ShelvedPump.open(disk).pump == shelved.pump
    empty = Disk(fails=Failing(1, 1, Failure(errno.ENOSPC, "part")))
    with pytest.raises(NotWrittenError, match="No space left"):
        Journal.begin(empty, {})
    assert empty.names() == []


@pytest.mark.requirement("BEN-01")
@pytest.mark.parametrize("done", get_args(Done))
@pytest.mark.parametrize("kinds", [("sync", "cut"), ("append", "cut"), ("sync",)])
def test_a_broken_journal_takes_nothing_until_it_is_opened_again(kinds: tuple[str, ...], done: Done) -> None:
    """Where the disk does not take a write, nor let it be taken back; then the write is there or it is not."""
    day = short_day()
    disk = _written(day, 3)
    shelved = ShelvedPump.open(disk)
    disk.fails = Failing(1, 2, Failure(errno.EIO, done), kinds)
    with pytest.raises(BrokenJournalError, match=r"journal-000001 at byte [0-9]+: .*restart the bench"):
        shelved.take(day.entries[3])
    disk.fails = lambda _: None
    for _ in range(2):
        with pytest.raises(BrokenJournalError):
            shelved.take(day.entries[3])
        with pytest.raises(BrokenJournalError):
            shelved.journal.go_on_from(pump_plain(shelved.pump))
    assert shelved.pump == day.pumps[3]
    for left in disk.remains():
        assert ShelvedPump.open(Disk.holding(left)).pump in day.pumps[3:5]
    again = ShelvedPump.open(disk)
    assert again.pump in day.pumps[3:5]
    answer = again.take(day.entries[3])
    assert isinstance(answer, Outcome)
    assert (answer.answer, answer.pump) == (day.outcomes[3].answer, day.pumps[4])


@pytest.mark.requirement("BEN-01")
def test_a_folder_of_the_file_system_is_such_a_disk(tmp_path: Path) -> None:
    """The same calls leave the same files and fail alike; of its files it keeps one open."""
    day, disk, folder = full_day(), Disk(), RealFolder(tmp_path)
    (tmp_path / "a folder in it").mkdir()
    before = _next_handle(tmp_path)
    shelves = [ShelvedPump.new(place, day.begun) for place in (disk, folder)]
    for entry, outcome in zip(day.entries, day.outcomes, strict=True):
        assert [shelved.take(entry) for shelved in shelves] == [outcome, outcome]
        assert _next_handle(tmp_path) <= before + 1
    places: tuple[Folder, ...] = (disk, folder)
    for place in places:
        place.append(f"{segment_name(99)}.part", b"half of it")
        place.append(segment_name(shelves[0].journal.generation), bytes(30))
        assert ShelvedPump.open(place).torn == 30
        with pytest.raises(FileNotFoundError):
            place.read("nothing")
        with pytest.raises(FileNotFoundError):
            place.rename("nothing", "something")
        with pytest.raises(FileNotFoundError):
            place.remove("nothing")
    assert folder.names() == disk.names()
    assert {name: folder.read(name) for name in folder.names()} == disk.contents()
    folder.close()
    again = RealFolder(tmp_path)
    assert ShelvedPump.open(again).pump == day.pump
    again.close()


def _next_handle(folder: Path) -> int:
    """The lowest number that no open file has."""
    handle = os.open(folder, os.O_RDONLY)
    os.close(handle)
    return handle
