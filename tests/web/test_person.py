"""The person: identifiers that are changed and erased, the device, the line of a transfer, and how the treatment ends."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from tests.clinic.practice import NOW, Clock, admit
from tests.web.visitor import Visitor, hidden
from thecal.chart.clinical import Booked, Closed, Documented, Referred
from thecal.chart.facts import Explanted, Filled, Implanted, Noted
from thecal.chart.line_ledger import line_ledger
from thecal.clinic.audit import Audited, read_audit
from thecal.clinic.entry import Corrected, DeviceRecorded, Ended, LineUnknown
from thecal.clinic.history import History
from thecal.clinic.people import ERASED, person_of
from thecal.clinic.person import Person
from thecal.clinic.practice import By, Practice
from thecal.clinic.record import streams
from thecal.clinic.standing import Standing
from thecal.clinic.worklist import all_standings
from thecal.quantity import Volume
from thecal.timeline import DAY_S, Duration, Instant
from thecal.web.worklist import _shown

SignIn = Callable[[str], Visitor]
WITH_PUMP: dict[str, object] = {
    "with": "pump",
    "name": "Tessa Transfer",
    "number": "N-9",
    "pump_model": "synchromed-ii-20",
    "serial": "SER-9",
    "implanted_on": "2024-03-05",
    "last_refill_on": "2026-10-20 09:30",
    "filled_volume": "18",
    "concentration": "500",
    "daily_dose": "100",
}


def who(practice: Practice, stream: str) -> Person | None:
    with practice.database.reading() as connection:
        return person_of(connection, stream)


def history(practice: Practice, stream: str) -> History:
    with practice.reading() as reading:
        return reading.history(stream)


def standing(practice: Practice, stream: str) -> Standing:
    with practice.reading() as reading:
        return reading.standing(stream)


def charts(practice: Practice) -> list[str]:
    with practice.database.reading() as connection:
        return streams(connection, "P-")


def audited(practice: Practice, stream: str) -> list[Audited]:
    with practice.database.reading() as connection:
        return list(read_audit(connection, stream=stream))


# Somebody new ----------------------------------------------------------------------------------------------------------


def test_somebody_new_is_written_down_once(as_: SignIn, practice: Practice) -> None:
    """With a referral, and that there is a contact; the same form again leads to the same chart."""
    nora = as_("nora")
    data: dict[str, object] = {"name": "Nell New", "born": "1980-02-03", "phone": "555-0150", "once": "the same"}
    first, again = nora.send("/new-person", data), nora.send("/new-person", data)
    (stream,) = charts(practice)
    assert first.url == again.url == f"http://clinic.test/chart/{stream}"
    assert who(practice, stream) == Person("Nell New", date(1980, 2, 3), phone="555-0150")
    assert [type(row.entry) for row in history(practice, stream).rows] == [Referred, Documented]
    assert "Nell" not in str([row.entry for row in history(practice, stream).rows])


@pytest.mark.parametrize(
    ("field", "text"),
    [("name", " "), ("born", "2026-11-21"), ("born", "1800-01-01"), ("born", "soon"), ("name", "x" * 121), ("phone", "5\x07")],
)
def test_identifiers_that_cannot_be_are_marked(as_: SignIn, practice: Practice, field: str, text: str) -> None:
    """What was typed is kept, and nothing is written."""
    answer = as_("nora").send("/new-person", {"name": "Nell New", "email": "nell@example.org", field: text})
    assert answer.status == 422
    assert f'id="{field}-error"' in answer.text
    assert "nell@example.org" in answer.text
    assert charts(practice) == []


def test_a_number_belongs_to_one_person(as_: SignIn, practice: Practice) -> None:
    """A second one of that number is not written down."""
    admit(practice, number="N-1")
    answer = as_("nora").send("/new-person", {"name": "Nell New", "number": "N-1"})
    assert answer.status == 422
    assert "is that of somebody who is here already" in answer.words
    assert len(charts(practice)) == 1


def test_a_pump_from_elsewhere_has_a_date_to_refill_by(as_: SignIn, practice: Practice) -> None:
    """The row goes the way of a spreadsheet: device, last refill and dose are there, and the line is not known."""
    answer = as_("nora").send("/new-person?with=pump", WITH_PUMP, to="/new-person")
    (stream,) = charts(practice)
    assert answer.url.endswith(f"/chart/{stream}")
    found = standing(practice, stream)
    assert (found.model, found.serial, str(found.dose)) == ("synchromed-ii-20", "SER-9", "100 mcg/day")
    assert found.refill_by is not None
    assert "line" in [item.name for item in found.items]
    assert "To be looked at: catheter length" in answer.text


@pytest.mark.parametrize(
    ("field", "text"), [("daily_dose", "5000"), ("pump_model", "nothing-40"), ("implanted_on", "2027-01-01"), ("serial", "SER-1")]
)
def test_a_row_that_cannot_be_is_marked_where_it_is_wrong(as_: SignIn, practice: Practice, field: str, text: str) -> None:
    """Also a serial number that another chart has; nothing is written of it, and what was typed is kept."""
    other = admit(practice)
    practice.write(other, 11, [DeviceRecorded(NOW, "synchromed-ii-40", "SER-1")], By("nora"), "wrote down the device")
    answer = as_("nora").send("/new-person?with=pump", {**WITH_PUMP, field: text}, to="/new-person")
    assert answer.status == 422
    assert f'id="{field}-error"' in answer.text
    assert 'value="Tessa Transfer"' in answer.text
    assert charts(practice) == [other]


def test_who_may_not_record_brings_in_no_pump(as_: SignIn, practice: Practice) -> None:
    """A scheduler writes down a referral; a therapist writes down nobody."""
    susan = as_("susan")
    assert "With a pump from elsewhere" not in susan.get("/new-person").words
    assert susan.send("/new-person", WITH_PUMP).status == 403
    assert charts(practice) == []
    assert susan.send("/new-person", {"name": "Nell New"}).url.endswith(f"/person/{charts(practice)[0]}")
    assert as_("thea").get("/new-person").status == 403


# Identifiers -----------------------------------------------------------------------------------------------------------


def test_a_change_is_audited_by_field_and_not_by_value(as_: SignIn, practice: Practice) -> None:
    """Names of fields only: the audit outlives an erasure."""
    stream = admit(practice)
    sent = {"name": "Ada Example", "phone": "555-0199", "second_contact": "Bo Example 555-0111", "email": "ada@example.org"}
    answer = as_("nora").send(f"/person/{stream}", dict(sent))
    assert "Changed: phone, email." in answer.text
    changed = who(practice, stream)
    assert changed is not None
    assert (changed.phone, changed.email) == ("555-0199", "ada@example.org")
    lines = audited(practice, stream)
    assert next(line for line in lines if line.did == "changed identifiers").detail == "phone, email"
    assert not any("0199" in line.detail or "example.org" in line.detail for line in lines)


def test_a_telephone_number_ends_the_task_to_find_one(as_: SignIn, practice: Practice) -> None:
    """The record says that there is a contact, and not who."""
    stream = admit(practice)
    asked = "nobody is on record who can be reached"
    assert asked in [item.asked for item in standing(practice, stream).items]
    as_("nora").send(f"/person/{stream}", {"name": "Ada Example", "phone": "555-0199"})
    assert asked not in [item.asked for item in standing(practice, stream).items]


def test_nothing_changed_is_said(as_: SignIn, practice: Practice) -> None:
    """The same identifiers again."""
    stream = admit(practice)
    data: dict[str, object] = {"name": "Ada Example", "phone": "555-0110", "second_contact": "Bo Example 555-0111"}
    assert "Nothing was changed." in as_("nora").send(f"/person/{stream}", data).text


def test_identifiers_that_another_one_has_changed_are_not_overwritten(as_: SignIn, practice: Practice) -> None:
    """The second form is given back with what was typed."""
    stream = admit(practice)
    nora, nils = as_("nora"), as_("nils")
    page = nora.get(f"/person/{stream}").text
    nils.send(f"/person/{stream}", {"name": "Ada Example", "phone": "555-0198"})
    was = page.partition('name="was" value="')[2].partition('"')[0]
    answer = nora.send(f"/person/{stream}", {"name": "Ada Other", "was": was})
    assert answer.status == 422
    assert "were changed by somebody else meanwhile" in answer.words
    assert "Ada Other" in answer.text
    now = who(practice, stream)
    assert now is not None
    assert (now.name, now.phone) == ("Ada Example", "555-0198")
    again = {name: hidden(answer.text, name) for name in ("csrf", "once", "seen", "was")}
    assert nora.post(f"/person/{stream}", {**again, "name": "Ada Other", "phone": "555-0198"}).status == 200
    assert who(practice, stream) == replace(now, name="Ada Other", second_contact="")


def test_an_unknown_person_is_not_here(as_: SignIn) -> None:
    """Neither to read nor to write."""
    nora = as_("nora")
    assert nora.get("/person/P-NOBODYXX").status == 404
    assert nora.get("/person/P-NOBODYXX/erase").status == 404


# Device and line -------------------------------------------------------------------------------------------------------


def test_the_device_is_on_record(as_: SignIn, practice: Practice) -> None:
    """The chart and the lists show its serial number from now on."""
    stream = admit(practice)
    data: dict[str, object] = {"model": "synchromed-ii-40", "serial": "SER-5", "access_port": "yes", "lot": "L-1"}
    as_("nora").send(f"/person/{stream}", data, to=f"/person/{stream}/device")
    assert history(practice, stream).last(DeviceRecorded) == DeviceRecorded(
        practice.now, "synchromed-ii-40", "SER-5", "L-1", access_port=True
    )
    assert standing(practice, stream).serial == "SER-5"


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("model", "synchromed-ii-20"),
        ("serial", ""),
        ("serial", "SER-1"),
        ("device_at", "2026-11-21T09:00"),
        ("device_at", "2026-11-01T09:00"),
    ],
)
def test_a_device_that_cannot_be_is_marked(as_: SignIn, practice: Practice, field: str, text: str) -> None:
    """Another model than in place, no serial number or that of another chart, a day to come, a day before the implant."""
    other, stream = admit(practice, "Bea Other"), admit(practice)
    practice.write(other, 11, [DeviceRecorded(NOW, "synchromed-ii-40", "SER-1")], By("nora"), "wrote down the device")
    data: dict[str, object] = {"model": "synchromed-ii-40", "serial": "SER-5", "lot": "L-kept", field: text}
    answer = as_("nora").send(f"/person/{stream}", data, to=f"/person/{stream}/device")
    assert answer.status == 422
    assert f'id="{field}-error"' in answer.text
    assert 'value="L-kept"' in answer.text
    assert history(practice, stream).last(DeviceRecorded) is None


def test_a_line_that_nobody_knows_is_told_why_it_matters(as_: SignIn, practice: Practice) -> None:
    """No prime and no bridge, until imaging or a monitored start."""
    stream = admit(practice)
    data: dict[str, object] = {"line_known": "no", "line_how": "no papers"}
    answer = as_("nora").send(f"/person/{stream}", data, to=f"/person/{stream}/line")
    assert history(practice, stream).last(LineUnknown) == LineUnknown(practice.now, known=False, how="no papers")
    assert "no prime and no bridge" in answer.words
    assert "Image the catheter, or plan a start under monitoring" in answer.words


def test_a_measured_volume_takes_the_place_of_the_one_that_stood_in(as_: SignIn, practice: Practice) -> None:
    """Of a transfer: the old entry is taken back and written again; fill, session and dates stay as they are."""
    nora = as_("nora")
    nora.send("/new-person?with=pump", WITH_PUMP, to="/new-person")
    (stream,) = charts(practice)
    before = standing(practice, stream)
    data: dict[str, object] = {"line_known": "yes", "line_how": "CT of the catheter", "line_volume": "0.41 mL"}
    nora.send(f"/person/{stream}", data, to=f"/person/{stream}/line")
    after, now = history(practice, stream), standing(practice, stream)
    ledger = line_ledger(after.chart)
    assert ledger is not None
    assert ledger.line.volume_nl == Volume.parse("0.41 mL").nl
    assert (now.refill_by, now.dose, now.fill) == (before.refill_by, before.dose, before.fill)
    assert "line" not in [item.name for item in now.items]
    assert [type(row.entry) for row in after.rows[-3:]] == [LineUnknown, Corrected, Implanted]


def test_a_volume_of_an_operation_of_the_same_second_loses_no_fill(as_: SignIn, practice: Practice) -> None:
    """What was written in the second of the implant still comes after it."""
    stream = admit(practice)
    before = standing(practice, stream)
    data: dict[str, object] = {"line_known": "yes", "line_how": "CT", "line_volume": "0.5 mL"}
    as_("nora").send(f"/person/{stream}", data, to=f"/person/{stream}/line")
    found = history(practice, stream).chart
    assert found.implanted is not None
    assert found.implanted.dead_volume == Volume.parse("0.5 mL")
    assert standing(practice, stream).refill_by == before.refill_by
    assert isinstance(found.filled, Filled)


@pytest.mark.parametrize(
    ("known", "how", "volume", "field"),
    [
        ("yes", "CT", "0.01 mL", "line_volume"),
        ("yes", "CT", "0.3", "line_volume"),
        ("yes", "CT", "", "line_volume"),
        ("yes", "", "0.3 mL", "line_how"),
        ("perhaps", "CT", "", "line_known"),
    ],
)
def test_a_volume_that_cannot_be_is_marked(
    as_: SignIn, practice: Practice, known: str, how: str, volume: str, field: str
) -> None:
    """Less than the tubing, no unit, none at all; nobody who says how it is known."""
    stream = admit(practice)
    data: dict[str, object] = {"line_known": known, "line_how": how, "line_volume": volume}
    answer = as_("nora").send(f"/person/{stream}", data, to=f"/person/{stream}/line")
    assert answer.status == 422
    assert f'id="{field}-error"' in answer.text
    assert history(practice, stream).version == 11


def test_a_volume_without_a_line_is_refused(as_: SignIn, practice: Practice) -> None:
    """Nobody who was only referred has one."""
    nora = as_("nora")
    nora.send("/new-person", {"name": "Nell New"})
    (stream,) = charts(practice)
    data: dict[str, object] = {"line_known": "yes", "line_how": "CT", "line_volume": "0.3 mL"}
    assert nora.send(f"/person/{stream}", data, to=f"/person/{stream}/line").status == 422


# The end ---------------------------------------------------------------------------------------------------------------


def test_the_end_takes_everything_from_the_worklist(as_: SignIn, practice: Practice) -> None:
    """It says so before; bookings that are open are named; the record says how it ended."""
    stream = admit(practice)
    practice.write(stream, 11, [Booked(NOW, "refill", Instant(NOW.s + 9 * DAY_S), "nora")], By("nora"), "booked")
    nora = as_("nora")
    told = nora.get(f"/person/{stream}").words
    assert "the person leaves the worklist" in told
    assert "1 booking is still open: refill 2026-11-29 09:00" in told
    data: dict[str, object] = {"ended_how": "transferred", "ended_told": "to the clinic in Elsewhere"}
    nora.send(f"/person/{stream}", data, to=f"/person/{stream}/ended")
    assert standing(practice, stream).items == ()
    entries = [row.entry for row in history(practice, stream).rows[-2:]]
    assert entries == [
        Ended(practice.now, "transferred", "to the clinic in Elsewhere"),
        Closed(practice.now, "transferred: to the clinic in Elsewhere"),
    ]
    again = nora.send(f"/person/{stream}", {"ended_how": "died", "seen": "14"}, to=f"/person/{stream}/ended")
    assert again.status == 422


def test_who_is_lost_leaves_a_pump_that_runs_empty(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """It takes a word of what was tried; the refill stays on the worklist, graver from day to day, and nothing else does."""
    stream = admit(practice)
    nora = as_("nora")
    data: dict[str, object] = {"ended_how": "lost to follow-up"}
    assert 'id="ended_told-error"' in nora.send(f"/person/{stream}", data, to=f"/person/{stream}/ended").text
    data["ended_told"] = "five calls, two letters, the family, the general practitioner"
    nora.send(f"/person/{stream}", data, to=f"/person/{stream}/ended")
    before = standing(practice, stream)
    assert before.refill_by is not None
    assert before.ended == "lost to follow-up"
    clock.now = before.refill_by + Duration(DAY_S)
    after = practice.refresh(stream)
    assert after.tier < before.tier
    assert {item.kind for item in after.items} == {"refill"}


def test_an_explant_is_on_the_chart_as_well(as_: SignIn, practice: Practice) -> None:
    """So that nobody takes a pump to be in place."""
    stream = admit(practice)
    as_("nora").send(f"/person/{stream}", {"ended_how": "explanted"}, to=f"/person/{stream}/ended")
    assert history(practice, stream).last(Explanted) == Explanted(practice.now)
    assert standing(practice, stream).model == ""


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"ended_how": "transferred"}, "ended_told"),
        ({"ended_how": "moved"}, "ended_how"),
        ({"ended_how": "died", "ended_at": "2026-12-01T08:00"}, "ended_at"),
    ],
)
def test_an_end_that_cannot_be_is_marked(as_: SignIn, practice: Practice, data: dict[str, object], field: str) -> None:
    """A transfer to nobody, a way that there is not, a day to come."""
    stream = admit(practice)
    answer = as_("nora").send(f"/person/{stream}", data, to=f"/person/{stream}/ended")
    assert answer.status == 422
    assert f'id="{field}-error"' in answer.text
    assert history(practice, stream).last(Ended) is None


@pytest.mark.parametrize("what", ["device", "line", "ended"])
def test_a_scheduler_changes_identifiers_alone(as_: SignIn, practice: Practice, what: str) -> None:
    """Device, line and end are of those who write charts; a form of them is not even shown."""
    stream = admit(practice)
    susan = as_("susan")
    assert f'action="/person/{stream}/{what}"' not in susan.get(f"/person/{stream}").text
    assert susan.send(f"/person/{stream}", {"ended_how": "died"}, to=f"/person/{stream}/{what}").status == 403
    assert as_("thea").get(f"/person/{stream}").status == 403
    assert history(practice, stream).version == 11


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("device", {"model": "synchromed-ii-40", "serial": "SER-5"}),
        ("line", {"line_known": "no", "line_how": "no papers"}),
        ("ended", {"ended_how": "died"}),
    ],
)
def test_a_chart_that_went_on_is_not_written_over(as_: SignIn, practice: Practice, what: str, data: dict[str, object]) -> None:
    """A version that was seen before somebody else wrote, or none at all, writes nothing."""
    stream = admit(practice)
    practice.write(stream, 11, [Noted(practice.now, "meanwhile")], By("nils"), "wrote a note")
    nora = as_("nora")
    for seen in ("11", "none", ""):
        assert nora.send(f"/person/{stream}", {**data, "seen": seen}, to=f"/person/{stream}/{what}").status == 409
    assert history(practice, stream).version == 12


# Erasure ---------------------------------------------------------------------------------------------------------------


def test_an_erasure_needs_the_pseudonym_and_leaves_the_record(as_: SignIn, practice: Practice) -> None:
    """It says before what stays; afterwards nobody is found, and every entry is there."""
    stream = admit(practice)
    nora = as_("nora")
    page = nora.get(f"/person/{stream}/erase").words
    assert "Backups that were made before still hold the name" in page
    assert f"11 entries stays under the pseudonym {stream}" in page
    assert nora.send(f"/person/{stream}/erase", {"confirm": "Ada Example"}).status == 422
    assert who(practice, stream) != Person(ERASED)
    assert "Ada Example" in nora.get("/worklist").words
    answer = nora.send(f"/person/{stream}/erase", {"confirm": stream})
    assert _shown.cache_info().currsize == 0  # the rows of the worklist that were made hold names
    assert answer.status == 200
    assert who(practice, stream) == Person(ERASED)
    assert history(practice, stream).version == 11
    assert "Ada" not in nora.get(f"/chart/{stream}").text
    assert [line.did for line in audited(practice, stream)].count("erased the identifiers") == 1


def test_the_age_goes_with_the_identifiers(as_: SignIn, practice: Practice) -> None:
    """A rule of age is on the worklist as soon as the day of birth is known, and gone with it."""
    nora = as_("nora")
    stream = nora.send("/new-person", {"name": "Nell New"}).url.rpartition("/")[2]

    def asked() -> set[str]:
        with practice.database.reading() as connection:
            return {item.rule for one in all_standings(connection) if one.stream == stream for item in one.items}

    assert "CAN-14" not in asked()
    nora.send(f"/person/{stream}", {"name": "Nell New", "born": "2024-05-06"})
    assert "CAN-14" in asked()
    nora.send(f"/person/{stream}/erase", {"confirm": stream})
    assert "CAN-14" not in asked()


def test_who_was_erased_is_not_written_down_again(as_: SignIn, practice: Practice) -> None:
    """Neither by the form that was open, nor by a second erasure."""
    stream = admit(practice)
    nora = as_("nora")
    page = nora.get(f"/person/{stream}").text
    was = page.partition('name="was" value="')[2].partition('"')[0]
    nora.send(f"/person/{stream}/erase", {"confirm": stream})
    answer = nora.send(f"/person/{stream}", {"name": "Ada Example", "was": was})
    assert answer.status == 422
    assert who(practice, stream) == Person(ERASED)
    assert "There are no identifiers" in nora.get(f"/person/{stream}/erase").words
    assert nora.send("/worklist", {"confirm": stream}, to=f"/person/{stream}/erase").status == 422


def test_an_erasure_is_of_administrators(as_: SignIn, practice: Practice) -> None:
    """A nurse who is none has no such page."""
    stream = admit(practice)
    assert [as_(name).get(f"/person/{stream}/erase").status for name in ("nils", "dora", "susan")] == [403, 403, 403]
