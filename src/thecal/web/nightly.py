"""What is done once on every day: standings worked out anew, and the list for a day without a computer written."""

import os
from datetime import timedelta
from pathlib import Path

from thecal.clinic.emergency_card import serial_in_place
from thecal.clinic.entry import LOST, DeviceRecorded, Ended
from thecal.clinic.import_writing import drop_old_uploads
from thecal.clinic.outage_list import OutageRow, outage_csv, outage_list, outage_row
from thecal.clinic.paper import paper_html
from thecal.clinic.people import people_of
from thecal.clinic.person import Person
from thecal.clinic.practice import CHART, By, Practice
from thecal.clinic.rebuild import rebuild_outdated
from thecal.clinic.recall_sweep import mark
from thecal.clinic.record import streams
from thecal.therapy.settings import settings_of
from thecal.timeline import DAY_S, Duration
from thecal.web.submission import drop_old_submissions

OUTAGE = "outage"
_UNKNOWN = Person("not on record")


def nightly(practice: Practice) -> None:
    """Refresh every standing that is of another day, mark who came under a field action, drop what was left to import
    and what was sent long ago, and write the outage list of today.
    """
    rebuild_outdated(practice)
    with practice.reading() as reading:
        recalls = [recall.recall for recall in reading.recalls() if not recall.closed]
    for recall in recalls:
        mark(practice, recall, By("thecal"))
    drop_old_uploads(practice.folder, practice.now)
    drop_old_submissions(practice)
    write_outage_list(practice)


def outage_rows_of(practice: Practice) -> list[OutageRow]:
    """A row for every pump that runs in somebody who is treated here, or whom nobody can find."""
    with practice.reading() as reading:
        wanted = streams(reading.connection, CHART)
        people = people_of(reading.connection, wanted)
        rows = []
        for stream in wanted:
            history = reading.history(stream)
            look, ended = reading.look(history), history.last(Ended)
            if look.sheet is not None and (ended is None or ended.how == LOST):
                serial = serial_in_place(look, history.last(DeviceRecorded)) or ""
                rows.append(outage_row(people.get(stream, _UNKNOWN), look, serial, stream))
    return rows


def write_outage_list(practice: Practice) -> Path:
    """Today's list as a page to print and as a table, whole or not at all; old ones are removed. The folder that holds them."""
    folder = practice.folder / OUTAGE
    folder.mkdir(mode=0o700, exist_ok=True)
    rows, now, office = outage_rows_of(practice), practice.now, practice.office()
    today = now.date(office.zone)
    day = today.isoformat()
    paper = outage_list(rows, now, office.zone, by="the nightly list", clinic=office.name)
    for name, text in ((f"{day}.html", paper_html(paper)), (f"{day}.csv", outage_csv(rows))):
        beside = folder / f".{name}.part"
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(0o600)
        beside.replace(folder / name)
    oldest = (today - timedelta(days=outage_kept().s // DAY_S)).isoformat()
    for path in folder.glob("????-??-??.*"):
        if path.name[: len(day)] <= oldest:
            path.unlink(missing_ok=True)
    return folder


def outage_kept() -> Duration:
    """How long a list with its names lies in the folder."""
    return Duration.parse(settings_of("clinic")["outage_kept"].value, "outage_kept")
