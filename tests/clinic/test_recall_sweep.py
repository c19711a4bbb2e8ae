"""The recall sweep: whom a field action concerns, the marks on their charts, and their end."""

from collections.abc import Sequence

import pytest

from tests.clinic.practice import Clock, admit
from thecal.chart.clinical import Noticed
from thecal.clinic import recall_sweep
from thecal.clinic.entry import Contacted, DeviceRecorded, Ended, Entry, Recalled
from thecal.clinic.practice import By, Practice
from thecal.clinic.recall_sweep import (
    Concerned,
    close_recall,
    mark,
    open_recall,
    read_lines,
    resolution,
    swept,
)
from thecal.clinic.standing import kept
from thecal.errors import InputError
from thecal.therapy.check import check
from thecal.timeline import Duration

MODEL = "synchromed-ii-40"
NORA = By("nora")


def write(practice: Practice, stream: str, *entries: Entry) -> None:
    with practice.reading() as reading:
        seen = reading.history(stream).version
    practice.write(stream, seen, entries, NORA, "wrote something down")


def with_pump(practice: Practice, serial: str, lot: str = "", *, model: str = MODEL) -> str:
    stream = admit(practice, f"Ada {serial}", model, number=f"{serial} {model}")
    write(practice, stream, DeviceRecorded(practice.now, model, serial, lot))
    return stream


def recall_of(practice: Practice, name: str = "FA-1", serials: Sequence[str] = (), lots: Sequence[str] = ()) -> Recalled:
    return Recalled(practice.now, name, MODEL, tuple(serials), tuple(lots), "the battery may end early", "the maker, 2026-11")


def rows(practice: Practice, name: str = "FA-1") -> dict[str, Concerned]:
    with practice.reading() as reading:
        found = recall_sweep.recall_named(reading, name)
        assert found is not None
        return {row.stream: row for row in swept(reading, found)}


def marked(practice: Practice, stream: str) -> bool:
    """Whether SAF-07 would warn."""
    with practice.reading() as reading:
        look = reading.look(reading.history(stream))
    return any(finding.rule == "SAF-07" for finding in check(look, "device"))


def listed(practice: Practice, stream: str, name: str = "FA-1") -> bool:
    """Whether it is an item of the worklist as it is kept."""
    with practice.reading() as reading:
        standing = kept(reading.connection, stream)
    assert standing is not None
    return any(item.name == f"recall/{name}" for item in standing.items)


def resolve(practice: Practice, stream: str, name: str) -> None:
    with practice.reading() as reading:
        history = reading.history(stream)
        entries = resolution(history, reading.look(history), reading.recalls(), f"recall/{name}", "told, and checked")
    write(practice, stream, *entries)


@pytest.mark.requirement("WLT-05")
def test_serial_numbers_and_lots_name_the_pumps(practice: Practice) -> None:
    """Those named are marked and on the worklist; another serial number, lot or model is not."""
    by_serial, by_lot = with_pump(practice, "S-1"), with_pump(practice, "S-2", "L-7")
    neither, other = with_pump(practice, "S-3", "L-8"), with_pump(practice, "S-1", "L-7", model="synchromed-ii-20")
    open_recall(practice, recall_of(practice, serials=["S-1"], lots=["L-7"]), NORA)
    assert mark(practice, "FA-1", NORA) == 0
    assert {stream: row.concern for stream, row in rows(practice).items()} == {by_serial: "concerned", by_lot: "concerned"}
    for stream in (by_serial, by_lot):
        assert marked(practice, stream)
        assert listed(practice, stream)
    for stream in (neither, other):
        assert not marked(practice, stream)
        assert not listed(practice, stream)


@pytest.mark.requirement("WLT-06")
def test_papers_that_are_missing_are_told_and_not_taken_for_a_no(small: Practice) -> None:
    """Nobody knows whether a pump is concerned whose number is not on record; a field action of all pumps concerns it."""
    unknown, no_lot = admit(small), with_pump(small, "S-3")
    open_recall(small, recall_of(small, "FA-1", serials=["S-1"], lots=["L-7"]), NORA)
    mark(small, "FA-1", NORA)
    assert {stream: row.concern for stream, row in rows(small).items()} == {unknown: "not known", no_lot: "not known"}
    assert not marked(small, unknown)
    open_recall(small, recall_of(small, "FA-2"), NORA)
    assert mark(small, "FA-2", NORA) == 0
    assert {row.concern for row in rows(small, "FA-2").values()} == {"concerned"}
    assert marked(small, unknown)


def test_numbers_are_taken_as_the_record_spells_them(small: Practice) -> None:
    """Capitals, spaces and hyphens do not lose a pump; where two fit, both are named."""
    stream, twin = with_pump(small, "NGP-123456"), with_pump(small, "NGP123456")
    written = open_recall(small, recall_of(small, serials=["ngp 123456", "X9"]), NORA)
    assert sorted(written.serials) == sorted(["NGP-123456", "NGP123456", "X9"])
    assert set(rows(small)) == {stream, twin}


@pytest.mark.requirement("WLT-07")
def test_a_sweep_that_was_interrupted_goes_on(small: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each chart is marked once, however often it is begun."""
    streams = [with_pump(small, f"S-{number}") for number in range(3)]
    open_recall(small, recall_of(small), NORA)
    assert [row.behind for row in rows(small).values()] == [True] * 3
    monkeypatch.setattr(recall_sweep, "_AT_ONCE", 2)
    seen: list[tuple[int, int]] = []
    assert mark(small, "FA-1", NORA, lambda *numbers: seen.append(numbers)) == 1
    assert seen == [(1, 3), (2, 3)]
    assert mark(small, "FA-1", NORA) == 0
    assert mark(small, "FA-1", NORA) == 0
    with small.reading() as reading:
        assert all(len(reading.history(stream).all(Noticed)) == 1 for stream in streams)


def test_the_mark_stays_while_another_field_action_is_open(small: Practice) -> None:
    """It ends with the last one that is resolved."""
    stream = with_pump(small, "S-1")
    for name in ("FA-1", "FA-2"):
        open_recall(small, recall_of(small, name), NORA)
        mark(small, name, NORA)
    resolve(small, stream, "FA-1")
    assert marked(small, stream)
    assert not listed(small, stream, "FA-1")
    assert rows(small)[stream].status == "done: told, and checked"
    resolve(small, stream, "FA-2")
    assert not marked(small, stream)
    assert not listed(small, stream, "FA-2")


def test_another_item_is_resolved_without_touching_the_mark(small: Practice) -> None:
    """Only a field action ends its mark."""
    stream = with_pump(small, "S-1")
    open_recall(small, recall_of(small), NORA)
    mark(small, "FA-1", NORA)
    with small.reading() as reading:
        history = reading.history(stream)
        entries = resolution(history, reading.look(history), reading.recalls(), "call back", "called")
    assert len(entries) == 1


def test_closing_takes_the_marks_off(small: Practice, clock: Clock) -> None:
    """A mark that somebody sets by hand afterwards stays."""
    stream = with_pump(small, "S-1")
    open_recall(small, recall_of(small), NORA)
    mark(small, "FA-1", NORA)
    clock.pass_(Duration(60))
    close_recall(small, "FA-1", NORA)
    assert mark(small, "FA-1", NORA) == 0
    assert not marked(small, stream)
    assert not listed(small, stream)
    clock.pass_(Duration(60))
    write(small, stream, Noticed(small.now, "recall open"))
    assert mark(small, "FA-1", NORA) == 0
    assert marked(small, stream)
    with pytest.raises(InputError, match="is no open field action"):
        close_recall(small, "FA-1", NORA)


def test_who_is_no_longer_treated_is_shown_and_left_alone(small: Practice) -> None:
    """The list says why."""
    stream = with_pump(small, "S-1")
    write(small, stream, Ended(small.now, "transferred"))
    open_recall(small, recall_of(small), NORA)
    assert mark(small, "FA-1", NORA) == 0
    assert rows(small)[stream].status == "no longer treated here: transferred"
    assert not marked(small, stream)


def test_the_pump_of_who_is_lost_is_still_concerned(small: Practice) -> None:
    """Whoever is found again has that pump."""
    stream = with_pump(small, "S-1")
    write(small, stream, Ended(small.now, "lost to follow-up", "five calls"))
    open_recall(small, recall_of(small), NORA)
    assert mark(small, "FA-1", NORA) == 0
    assert rows(small)[stream].ended == ""
    assert marked(small, stream)
    assert listed(small, stream)


def test_contacts_are_those_about_the_field_action(small: Practice) -> None:
    """Whoever was not tried to be reached is told so."""
    stream = with_pump(small, "S-1")
    open_recall(small, recall_of(small), NORA)
    assert rows(small)[stream].status == "nobody has tried to reach them"
    write(small, stream, Contacted(small.now, "recall/FA-1", "patient", "letter", reached=False, outcome="came back"))
    write(small, stream, Contacted(small.now, "call back", "carer", "telephone", reached=True, outcome="rest"))
    assert rows(small)[stream].status == "patient not reached (letter): came back"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"recall": "FA 1"}, "id"),
        ({"recall": "fa-0"}, "id"),
        ({"recall": ""}, "id"),
        ({"model": "no-pump"}, "model"),
        ({"what": " "}, "what"),
        ({"source": ""}, "source"),
    ],
)
def test_what_cannot_be_is_not_written_down(small: Practice, change: dict[str, str], field: str) -> None:
    """An id that is taken or would not be an address, a pump that is not known, and silence."""
    open_recall(small, recall_of(small, "FA-0"), NORA)
    wrong = Recalled(
        **{
            "at": small.now, "recall": "FA-1", "model": MODEL, "serials": (), "lots": (), "what": "x", "source": "y", **change,
        }  # type: ignore[arg-type]
    )  # fmt: skip
    with pytest.raises(InputError) as raised:
        open_recall(small, wrong, NORA)
    assert raised.value.field == field
    with small.reading() as reading:
        assert len(reading.recalls()) == 1


def test_pasted_numbers_are_read_line_by_line() -> None:
    """Empty lines and repetitions are left out."""
    assert read_lines(" S-1\r\n\n S-2 \nS-1") == ("S-1", "S-2")
