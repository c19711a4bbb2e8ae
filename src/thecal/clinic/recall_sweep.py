"""The recall sweep: a field action, the charts that it concerns, and their marks, so that SAF-07 warns before an order.

Each chart is marked in a transaction of its own. What is behind is worked out anew each time: an interrupted sweep goes on.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from sqlalchemy import Connection

from thecal.chart.clinical import Noticed
from thecal.clinic.entry import LOST, Contacted, DeviceRecorded, Entry, Recalled, Resolved
from thecal.clinic.history import History
from thecal.clinic.item import concerns, letters_of
from thecal.clinic.people import people_of
from thecal.clinic.person import Person
from thecal.clinic.practice import HOUSE, By, Practice, Reading
from thecal.clinic.record import StaleError, version_of
from thecal.clinic.standing import Standing
from thecal.clinic.worklist import all_standings
from thecal.errors import InputError
from thecal.pump.sheet import pump_sheet
from thecal.therapy.look import Look
from thecal.therapy.service import pump_in_place

OPEN = "recall open"
"""The condition that SAF-07 asks for."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_AT_ONCE = 200  # charts that one request marks; the next one goes on
Concern = Literal["concerned", "not known"]


@dataclass(frozen=True, slots=True)
class Concerned:
    """A person with a pump that a field action is about, or may be about.

    ``concern`` is "not known" where serial number or lot of the pump in place are not on record. ``behind`` says that the chart
    is not marked as it should be, ``resolved`` how it was resolved, ``ended`` why the clinic no longer treats the person.
    """

    stream: str
    person: Person | None
    device: DeviceRecorded | None
    concern: Concern
    contacts: tuple[Contacted, ...]
    resolved: Resolved | None
    ended: str
    behind: bool

    @property
    def status(self) -> str:
        """Where this person stands, in words."""
        if self.ended:
            return f"no longer treated here: {self.ended}"
        if self.resolved is not None:
            return f"done: {self.resolved.how}"
        if not self.contacts:
            return "nobody has tried to reach them"
        last = self.contacts[-1]
        return f"{last.whom} {'reached' if last.reached else 'not reached'} ({last.how}): {last.outcome}"


def item_of(recall: str) -> str:
    """What the item of the worklist is called that a field action asks for."""
    return f"recall/{recall}"


def read_lines(text: str) -> tuple[str, ...]:
    """Serial numbers or lots as they were pasted, one in each line, each once."""
    return tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


def check_recall(recall: Recalled, known: Iterable[Recalled]) -> None:
    """Raise InputError for an id that cannot be or is taken, a pump that is not known, a missing word of what or from where."""
    if not _ID.fullmatch(recall.recall):
        raise InputError(
            "id", recall.recall, "is not an id", accepted=("letters, digits, dots and hyphens, at most 40: FA-2026-04",)
        )
    if any(other.recall.casefold() == recall.recall.casefold() for other in known):
        raise InputError("id", recall.recall, "is that of a field action that was written down already")
    pump_sheet(recall.model, "model")
    for name in ("what", "source"):
        if not getattr(recall, name).strip():
            raise InputError(name, "", "is missing")


def open_recall(practice: Practice, recall: Recalled, by: By) -> Recalled:
    """Write down a field action, its numbers spelled as the devices on record are; ``mark`` does the rest. Raises InputError."""
    with practice.database.writing() as connection:
        reading = Reading(practice, connection)
        check_recall(recall, reading.recalls())
        written = _spelled(recall, reading)
        _write_house(practice, connection, written, by, "opened a field action")
    return written


def close_recall(practice: Practice, recall: str, by: By) -> Recalled:
    """Close a field action for everybody; ``mark`` takes the marks off. Raises InputError where none of that id is open."""
    with practice.database.writing() as connection:
        found = recall_named(Reading(practice, connection), recall)
        if found is None or found.closed:
            raise InputError("id", recall, "is no open field action")
        closed = replace(found, at=practice.now, closed=True)
        _write_house(practice, connection, closed, by, "closed a field action")
    return closed


def _write_house(practice: Practice, connection: Connection, recall: Recalled, by: By, did: str) -> None:
    seen = version_of(connection, HOUSE)
    practice.write_with(connection, HOUSE, seen, [recall], by, did, detail=f"{recall.recall} {recall.model}")


def recall_named(reading: Reading, recall: str) -> Recalled | None:
    """A field action by its id."""
    return next((found for found in reading.recalls() if found.recall == recall), None)


def swept(reading: Reading, recall: Recalled) -> tuple[Concerned, ...]:
    """Everybody whom a field action concerns or may concern: those first of whom it is not done."""
    recalls, rows = reading.recalls(), []
    for standing in all_standings(reading.connection):
        if recall.model != standing.model and not standing.serial:
            continue  # another pump, and no papers that say otherwise
        history = reading.history(standing.stream)
        look = reading.look(history)
        concern = _concern(recall, history, look)
        if concern is not None:
            behind = standing.ended in ("", LOST) and _behind(recall, recalls, standing, history, look)
            rows.append(_row(recall, standing, history, concern, behind=behind))
    people = people_of(reading.connection, [row.stream for row in rows])
    named = (replace(row, person=people.get(row.stream)) for row in rows)
    return tuple(sorted(named, key=lambda row: (bool(row.ended), row.resolved is not None, len(row.contacts), row.stream)))


def _row(recall: Recalled, standing: Standing, history: History, concern: Concern, *, behind: bool) -> Concerned:
    contacts = tuple(contact for contact in history.all(Contacted) if contact.item == item_of(recall.recall))
    device, resolved = history.last(DeviceRecorded), _resolved(recall, history)
    ended = "" if standing.ended == LOST else standing.ended  # whoever is found again has that pump
    return Concerned(standing.stream, None, device, concern, contacts, resolved, ended, behind)


def _behind(recall: Recalled, recalls: Iterable[Recalled], standing: Standing, history: History, look: Look) -> bool:
    """Whether a chart does not say yet, or says still, that a field action is open; or its worklist does."""
    if _new_mark(recall, recalls, history, look) is not None:
        return True
    device = history.last(DeviceRecorded)
    listed = device is not None and concerns(recall, device) and not recall.closed and _resolved(recall, history) is None
    return listed != any(item.name == item_of(recall.recall) for item in standing.items)


def _concern(recall: Recalled, history: History, look: Look) -> Concern | None:
    """Whether a field action is about the pump in place; where its papers are missing or older than it, nobody knows."""
    device, pump = history.last(DeviceRecorded), pump_in_place(look.known)
    current = device is not None and (pump is None or device.at >= pump.at)
    if device is not None and concerns(recall, device):
        return "concerned"
    model = device.model if device is not None and current else look.sheet.name if look.sheet else ""
    if model != recall.model:
        return None
    if not recall.serials and not recall.lots:
        return "concerned"
    if device is None or not current:
        return "not known"
    return "not known" if (recall.serials and not device.serial) or (recall.lots and not device.lot) else None


def _resolved(recall: Recalled, history: History) -> Resolved | None:
    done = [entry for entry in history.all(Resolved) if entry.item == item_of(recall.recall)]
    return done[-1] if done else None


def _is_open(recall: Recalled, history: History, look: Look) -> bool:
    """Whether a field action concerns a chart, and is neither closed nor resolved there."""
    return not recall.closed and _resolved(recall, history) is None and _concern(recall, history, look) == "concerned"


def _wanted(history: History, look: Look, recalls: Iterable[Recalled]) -> bool:
    """Whether a chart should say that a field action is open."""
    return any(_is_open(recall, history, look) for recall in recalls)


def _new_mark(recall: Recalled, recalls: Iterable[Recalled], history: History, look: Look) -> bool | None:
    """The mark that a chart lacks, or has still; None where it is as it should be.

    A mark that was set after the closing is somebody else's, and stays.
    """
    wanted, noticed = _wanted(history, look, recalls), look.known.conditions.get(OPEN)
    if wanted:
        return None if look.known.present(OPEN) else True
    over = recall.closed and noticed is not None and noticed.present and noticed.at <= recall.at
    return False if over else None


def mark(practice: Practice, recall: str, by: By, progress: Callable[[int, int], None] = lambda *_: None) -> int:
    """Bring the charts that a field action concerns up to it; how many are still behind.

    A chart to which somebody else writes at that moment stays behind, and the next call brings it up.
    """
    with practice.reading() as reading:
        found = recall_named(reading, recall)
        behind = [row.stream for row in swept(reading, found) if row.behind] if found is not None else []
    for number, stream in enumerate(behind[:_AT_ONCE], start=1):
        try:
            _mark_one(practice, stream, recall, by)
        except StaleError:
            continue
        progress(number, len(behind))
    with practice.reading() as reading:
        return sum(row.behind for row in swept(reading, found)) if found is not None else 0


def _mark_one(practice: Practice, stream: str, recall: str, by: By) -> None:
    """One chart, in one transaction: the condition as it should be, or only its place on the worklist."""
    with practice.database.writing() as connection:
        reading = Reading(practice, connection)
        history = reading.history(stream)
        look = reading.look(history)
        found = recall_named(reading, recall)
        wanted = _new_mark(found, reading.recalls(), history, look) if found is not None else None
        entries = [Noticed(reading.now, OPEN, wanted)] if wanted is not None else []
        did = "took off the mark of a field action" if wanted is False else "marked a field action"
        practice.write_with(connection, stream, history.version, entries, by, did, detail=recall)


def resolution(history: History, look: Look, recalls: Iterable[Recalled], item: str, how: str) -> tuple[Entry, ...]:
    """What resolving an item of the worklist writes down: for the last open field action of a chart, also that none is open."""
    entries: list[Entry] = [Resolved(look.now, item, how)]
    ours = [recall for recall in recalls if item_of(recall.recall) == item]
    others = [recall for recall in recalls if recall not in ours]
    if ours and look.known.present(OPEN) and not _wanted(history, look, others):
        entries.append(Noticed(look.now, OPEN, present=False))
    return tuple(entries)


def _spelled(recall: Recalled, reading: Reading) -> Recalled:
    """Numbers that differ from those on record only by capitals, spaces or hyphens, as the record spells them, all that fit."""
    devices = [reading.history(standing.stream).last(DeviceRecorded) for standing in all_standings(reading.connection)]
    known = [device for device in devices if device is not None and device.model == recall.model]
    serials = _as_recorded(recall.serials, [device.serial for device in known])
    return replace(recall, serials=serials, lots=_as_recorded(recall.lots, [device.lot for device in known]))


def _as_recorded(numbers: tuple[str, ...], recorded: Iterable[str]) -> tuple[str, ...]:
    by_letters: dict[str, list[str]] = defaultdict(list)
    for number in recorded:
        by_letters[letters_of(number)].append(number)
    return tuple(dict.fromkeys(spelled for number in numbers for spelled in (by_letters.get(letters_of(number)) or [number])))
