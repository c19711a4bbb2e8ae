"""The chart page: what a nurse reads, as it is now and as it was known on a day; finding somebody; papers to print."""

import json
import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.clinic.practice import NOW, Clock, admit
from tests.web.visitor import Visitor
from thecal.chart.clinical import (
    AlarmHeard,
    Booked,
    Certified,
    Discontinued,
    Documented,
    Prescribed,
    Scanned,
    Scored,
    SymptomReported,
)
from thecal.chart.facts import Assessed, Filled, Noted, SessionEnded
from thecal.clinic.audit import Audited, read_audit
from thecal.clinic.entry import Corrected, DeviceRecorded, Ended, Entry, LineUnknown, Recalled, VisitBegun, VisitClosed
from thecal.clinic.people import add_person, erase_person
from thecal.clinic.person import Person
from thecal.clinic.practice import HOUSE, STAFF, By, Practice
from thecal.timeline import DAY_S, Duration, Instant
from thecal.web import printed_paper

SignIn = Callable[[str], Visitor]
DAY = Duration(DAY_S)


def write(practice: Practice, stream: str, *entries: Entry, who: str = "nora") -> None:
    """Write at the end of a stream, whatever its version."""
    with practice.reading() as reading:
        seen = reading.history(stream).version
    practice.write(stream, seen, entries, By(who), "wrote for a test")


def audited(practice: Practice, stream: str) -> list[Audited]:
    with practice.database.reading() as connection:
        return list(read_audit(connection, stream=stream))


def test_a_nurse_reads_it_at_a_glance(as_: SignIn, practice: Practice) -> None:
    """Who, which pump, what dose, refill by when, what is to be done: in the first lines."""
    stream = admit(practice, number="N-1")
    write(practice, stream, DeviceRecorded(practice.now, "synchromed-ii-40", "SER-77", access_port=True))
    answer = as_("nora").get(f"/chart/{stream}")
    first, _, rest = answer.words.partition("What is to be done")
    for told in ("Ada Example", "555-0110", stream, "Number N-1", "SER-77", "100 mcg/day ordered", "500 mcg/mL"):
        assert told in first
    assert re.search(r"Refill by \w{3} 20\d\d-\d\d-\d\d , in \d+ days", first)
    assert "Not booked" in first
    assert "EMG-01" in rest
    assert "deliver" not in answer.text.lower()
    assert audited(practice, stream)[0].did == "read the chart"


def test_every_section_says_what_is_on_record(as_: SignIn, practice: Practice) -> None:
    """Medication with units, symptoms, alarms and scans, papers with their end, visits with how they ended."""
    stream = admit(practice)
    at = practice.now
    write(
        practice,
        stream,
        Prescribed(at, "tizanidine", "oral", 6, 3),
        Prescribed(at, "diazepam", "oral", 5),
        Discontinued(Instant(at.s), "diazepam"),
        SymptomReported(at, "headache", 2),
        AlarmHeard(at, "single"),
        Scanned(at, 1.5, Duration(1800)),
        Documented(at, "authorization", Instant(at.s + DAY_S), "payer"),
        Scored(at, "modified-ashworth", "1+", rater="thea"),
        VisitBegun(at, "V1", "refill"),
        VisitClosed(at, "V1"),
    )
    words = as_("nora").get(f"/chart/{stream}").words
    for told in (
        "tizanidine 6 mg/day in 3 doses, oral",
        "diazepam: stopped",
        "headache moderate (the last word)",
        "a single alarm was heard",
        "MRI at 1.5 T, no infusion known to have run for 30 min",
        "a payer's authorization",
        "1+ thea",
        "refill , closed",
    ):
        assert told in words


def test_calculated_stands_beside_measured(as_: SignIn, practice: Practice) -> None:
    """The pump's own count with the time at which it said so, its gain with where that is from, and dates with an interval."""
    stream = admit(practice)
    words = as_("nora").get(f"/chart/{stream}").words
    assert "Calculated by the pump, 2026-11-20 09:00 18.3 mL" in words
    assert "-14.5 % to +14.5 % by the label" in words
    assert "as the pump counts at the earliest at the latest" in words
    assert "from the tip:" in words


def test_doses_stand_in_a_table_and_in_the_data_of_the_figure(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """The figure draws what the table says; the scores of each scale are drawn by themselves."""
    stream = admit(practice)
    clock.pass_(DAY)
    with practice.reading() as reading:
        last = reading.history(stream).last(SessionEnded)
    assert last is not None
    write(practice, stream, replace(last, at=clock.now), Assessed(NOW, 3.0), Assessed(clock.now, 2.5))
    text = as_("nora").get(f"/chart/{stream}").text
    doses, scale = (json.loads(found) for found in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text))
    assert (doses["values"], doses["unit"], doses["zone"]) == ([100.0, 100.0], "mcg/day", "Europe/Berlin")
    assert (scale["title"], scale["values"], scale["levels"][0]) == ("Ashworth 1 to 5, legs", [3.0, 2.5], [1.0, "1"])
    assert "100 mcg/day" in text.partition('id="doses"')[2]


def test_text_of_people_is_escaped_in_page_and_data(as_: SignIn, practice: Practice) -> None:
    """A name and a note with markup are shown as they were typed."""
    stream = admit(practice, "<script>alert(1)</script>")
    write(practice, stream, Noted(practice.now, "</script><b>bold</b>"))
    text = as_("nora").get(f"/chart/{stream}").text
    assert "<script>alert(1)" not in text
    assert "<b>bold</b>" not in text
    assert "&lt;script&gt;alert(1)" in text


@pytest.mark.requirement("ACC-06")
def test_who_may_not_know_a_name_reads_a_pseudonym(as_: SignIn, practice: Practice) -> None:
    """A therapist works with the chart; a scheduler and a social worker have no chart at all."""
    stream = admit(practice)
    answer = as_("thea").get(f"/chart/{stream}")
    assert answer.status == 200
    for hidden in ("Ada", "555-0110", "Bo Example"):
        assert hidden not in answer.text
    assert [as_(name).get(f"/chart/{stream}").status for name in ("susan", "sol")] == [403, 403]


def test_an_unknown_chart_is_not_here(as_: SignIn) -> None:
    """Neither is a stream that is no chart."""
    nora = as_("nora")
    assert [nora.get(f"/chart/{stream}").status for stream in ("P-NOBODYXX", STAFF, HOUSE)] == [404, 404, 404]


def test_a_person_without_an_entry_has_an_empty_chart(as_: SignIn, practice: Practice) -> None:
    """It says so, section by section."""
    with practice.database.writing() as connection:
        stream = add_person(connection, Person("Nobody Yet"))
    words = as_("nora").get(f"/chart/{stream}").words
    assert "No pump is in place" in words
    assert "Nothing was written down yet" in words


def test_links_are_those_of_what_one_may_do(as_: SignIn, practice: Practice) -> None:
    """A therapist may write down, and may not book, call or print."""
    stream = admit(practice)
    nurse, therapist = as_("nora").get(f"/chart/{stream}").text, as_("thea").get(f"/chart/{stream}").text
    for path in ("/call/", "/book/", "/visit/", "/to-do/", "/person/"):
        assert f'href="{path}{stream}' in nurse
        assert f'href="{path}{stream}' not in therapist
    assert f'href="/chart/{stream}/record"' in therapist
    assert "print/emergency-card" in nurse
    assert "print/emergency-card" not in therapist


def test_the_end_of_treatment_is_said(as_: SignIn, practice: Practice) -> None:
    """And nothing is to be done any more."""
    stream = admit(practice)
    write(practice, stream, Ended(practice.now, "transferred", "to Elsewhere"))
    words = as_("nora").get(f"/chart/{stream}").words
    assert "no longer treats this person: transferred" in words
    assert "Nothing is to be done" in words


def test_the_timeline_is_read_page_by_page(as_: SignIn, practice: Practice) -> None:
    """Each page by its number; an odd one is the first."""
    stream = admit(practice)
    write(practice, stream, *(Noted(practice.now, f"note {number:03d}") for number in range(60)))
    nora = as_("nora")
    assert "note 059" in nora.get(f"/chart/{stream}").words
    assert "note 000" not in nora.get(f"/chart/{stream}?page=one").words
    assert "note 000" in nora.get(f"/chart/{stream}?page=2").words


# As it was known on a day ----------------------------------------------------------------------------------------------


@pytest.mark.requirement("REC-04")
def test_a_past_day_is_reproduced_whatever_is_written_later(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """Later facts, facts of before that are written late, corrections, certificates and field actions change nothing of it."""
    stream = admit(practice)
    write(practice, stream, Noted(NOW, "wrong note"), DeviceRecorded(NOW, "synchromed-ii-40", "SER-77"), LineUnknown(NOW))
    write(practice, stream, Booked(NOW, "refill", Instant(NOW.s + 30 * DAY_S), "thea"))
    clock.pass_(DAY)
    address = f"/chart/{stream}?as-of=2026-11-20"
    before = as_("nora").get(address)
    assert (before.status, "As it was known at the end of Fri 2026-11-20" in before.words) == (200, True)
    with practice.reading() as reading:
        history = reading.history(stream)
    fills = [row.version for row in history.rows if isinstance(row.entry, Filled)]
    note = next(row.version for row in history.rows if isinstance(row.entry, Noted))
    write(practice, stream, Noted(clock.now, "a later note"), SymptomReported(Instant(NOW.s - 60), "headache", 3))
    write(practice, stream, Corrected(clock.now, note, "of another person"), Corrected(clock.now, fills[0], "another volume"))
    write(practice, stream, LineUnknown(clock.now, known=True, how="CT"), Ended(clock.now, "died"))
    write(practice, STAFF, Certified(Instant(NOW.s - 60), "thea", "nurse", "refill", Instant(NOW.s + 1)))
    write(practice, HOUSE, Recalled(clock.now, "FA-1", "synchromed-ii-40", (), (), "motor stall", "maker"))
    clock.pass_(DAY)
    assert as_("nora").get(address).words == before.words
    now = as_("nora").get(f"/chart/{stream}").words
    assert "of another person" in now
    assert "headache" in now


def test_the_report_of_a_past_day_counts_to_that_day(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """Days left, age and state are those of then."""
    stream = admit(practice)
    clock.pass_(Duration(10 * DAY_S))
    nora = as_("nora")
    then, now = (nora.get(path).words for path in (f"/chart/{stream}?as-of=2026-11-20", f"/chart/{stream}"))
    left = [int(found.group(1)) for found in (re.search(r"in (\d+) days", words) for words in (then, now)) if found]
    assert left[0] - left[1] in (9, 10)


def test_a_past_day_has_no_links_to_write(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """Neither to call, book, visit, correct nor print; the reading is audited with its day."""
    stream = admit(practice)
    clock.pass_(DAY)
    main = as_("nora").get(f"/chart/{stream}?as-of=2026-11-20").text.partition("<main")[2]
    for path in ("/call/", "/book/", "/visit/", "/to-do/", "/person/", "/record", "/correct/", "/print/", "/emergency/"):
        assert path not in main
    assert audited(practice, stream)[0].detail == "as known at the end of 2026-11-20"


def test_before_the_first_entry_nothing_was_known(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """The facts of a week ago were written down yesterday, so that nobody knew them before."""
    stream = admit(practice)
    clock.pass_(DAY)
    words = as_("nora").get(f"/chart/{stream}?as-of=2026-11-19").words
    assert "No pump is in place" in words
    assert "Nothing was written down by then" in words


@pytest.mark.parametrize("text", ["2026-11-20", "2026-12-24", "1950-01-01", "yesterday", "9999-12-31", "0001-01-01"])
def test_a_day_that_is_not_past_is_an_error_of_its_field(as_: SignIn, practice: Practice, text: str) -> None:
    """What was typed is kept, and the chart is that of now."""
    stream = admit(practice)
    answer = as_("nora").get(f"/chart/{stream}?as-of={text}")
    assert answer.status == 422
    assert f'value="{text}"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert "As it was known at the end" not in answer.words


# Finding somebody ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["Ada Exampel", "ada", "N-1", "SER-7"])
def test_one_who_is_meant_is_opened(as_: SignIn, practice: Practice, text: str) -> None:
    """By a name with a slip, a number, a serial number."""
    stream = admit(practice, number="N-1")
    write(practice, stream, DeviceRecorded(practice.now, "synchromed-ii-40", "SER-77"))
    assert as_("nora").get(f"/search?q={text}").url.endswith(f"/chart/{stream}")


def test_several_are_listed_and_nobody_is_said(as_: SignIn, practice: Practice) -> None:
    """What was typed is not in the audit, for it may be a name."""
    streams = [admit(practice, "Ada Example", number="N-1"), admit(practice, "Ada Sample", number="N-2")]
    nora = as_("nora")
    words = nora.get("/search?q=ada").words
    assert "2 people found" in words
    assert all(stream in words for stream in streams)
    assert "Nobody was found" in nora.get("/search?q=Zebulon").words
    assert "found" not in nora.get("/search?q=").words
    with practice.database.reading() as connection:
        searches = [line for line in read_audit(connection) if line.did == "searched for a person"]
    assert [line.detail for line in searches] == ["0 found", "2 found"]


def test_names_are_not_searched_for_who_may_not_see_them(as_: SignIn, practice: Practice) -> None:
    """A therapist finds a pseudonym, and learns no name from whether a name is found."""
    stream = admit(practice)
    thea = as_("thea")
    assert "Nobody was found" in thea.get("/search?q=Ada").words
    assert thea.get(f"/search?q={stream.lower()}").url.endswith(f"/chart/{stream}")


def test_without_a_chart_one_is_shown_and_not_opened(as_: SignIn, practice: Practice) -> None:
    """A scheduler sees the name, and a link to the identifiers."""
    stream = admit(practice)
    answer = as_("susan").get("/search?q=ada")
    assert "/search" in answer.url
    assert f'href="/person/{stream}"' in answer.text
    assert "Ada Example" in answer.words


def test_who_was_erased_is_found_by_pseudonym_alone(as_: SignIn, practice: Practice) -> None:
    """Not by the name, nor by the word that stands in its place."""
    stream = admit(practice)
    with practice.database.writing() as connection:
        erase_person(connection, stream, practice.now)
    nora = as_("nora")
    assert "Nobody was found" in nora.get("/search?q=Ada").words
    assert "Nobody was found" in nora.get("/search?q=erased").words
    assert nora.get(f"/search?q={stream}").url.endswith(f"/chart/{stream}")


def test_a_search_is_of_letters_and_no_pattern(as_: SignIn, practice: Practice) -> None:
    """A percent sign matches nothing but itself."""
    admit(practice)
    assert "Nobody was found" in as_("nora").get("/search?q=%25").words


# Papers ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", list(printed_paper.PAPERS))
def test_each_paper_is_a_page_and_a_pdf(as_: SignIn, practice: Practice, what: str) -> None:
    """With the name, who printed it and the clinic; each print is audited."""
    stream = admit(practice)
    nora = as_("nora")
    page, pdf = nora.get(f"/chart/{stream}/print/{what}"), nora.get(f"/chart/{stream}/print/{what}?format=pdf")
    assert (page.status, pdf.status) == (200, 200), page.text
    assert "Ada Example" in page.text
    assert "by Nora Nurse, Clinic of tests" in page.text
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.text.startswith("%PDF")
    name = printed_paper.PAPERS[what][0]
    assert [(line.did, line.detail) for line in audited(practice, stream)[:2]] == [
        (f"printed the {name}", "as PDF"),
        (f"printed the {name}", "as a page"),
    ]


@pytest.mark.parametrize("what", list(printed_paper.PAPERS))
def test_a_paper_has_its_style_by_address(as_: SignIn, practice: Practice, what: str) -> None:
    """No style stands in the page, where the policy of the pages would drop it."""
    text = as_("nora").get(f"/chart/{admit(practice)}/print/{what}").text
    found = re.search(r'<link rel="stylesheet" href="([^"]+)">', text)
    assert found
    assert "<style" not in text
    assert "style=" not in text
    style = as_("").get(found.group(1))
    assert style.headers["content-type"].startswith("text/css")
    assert "@page" in style.text


def test_styles_are_of_the_sizes_there_are(as_: SignIn) -> None:
    """A sheet may lie across; another name is not here."""
    stranger = as_("")
    assert "85.6mm" in stranger.get("/paper-style/card.css").text
    assert "landscape" in stranger.get("/paper-style/sheet-wide.css").text
    assert "landscape" not in stranger.get("/paper-style/sheet.css").text
    assert stranger.get("/paper-style/other.css").status == 404


def test_a_card_is_printed_as_a_sheet_as_well(as_: SignIn, practice: Practice) -> None:
    """For the wall."""
    stream = admit(practice)
    nora = as_("nora")
    assert "/paper-style/card.css" in nora.get(f"/chart/{stream}/print/emergency-card").text
    assert "/paper-style/sheet.css" in nora.get(f"/chart/{stream}/print/emergency-card?size=sheet").text


def test_who_may_print_and_not_identify_prints_a_pseudonym(as_: SignIn, practice: Practice) -> None:
    """A pharmacist; a therapist prints nothing."""
    stream = admit(practice)
    text = as_("paul").get(f"/chart/{stream}/print/dose-letter").text
    assert "Ada" not in text
    assert stream in text
    assert as_("thea").get(f"/chart/{stream}/print/dose-letter").status == 403


def test_the_note_names_who_did_the_refill_beside_who_prints(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """It tells of the day of the last fill, also where another one prints it later."""
    stream = admit(practice)
    clock.pass_(DAY)
    text = as_("nils").get(f"/chart/{stream}/print/refill-note").text
    assert "20 mL" in text
    assert ">done by<" in text
    assert re.search(r"done by</td><td[^>]*>Nora Nurse", text)
    assert re.search(r"Printed .*2026-11-21.* by Nils Nurse", text)


def test_the_note_of_a_visit_is_of_that_visit(as_: SignIn, practice: Practice) -> None:
    """From its beginning to its end; a visit that there is not is said."""
    stream = admit(practice)
    write(practice, stream, VisitBegun(NOW, "V1", "refill"), SymptomReported(NOW, "headache", 1), VisitClosed(NOW, "V1"))
    nora = as_("nora")
    assert "headache" in nora.get(f"/chart/{stream}/print/refill-note?visit=V1").text
    assert nora.get(f"/chart/{stream}/print/refill-note?visit=V9").status == 404


@pytest.mark.parametrize(
    ("since", "status"), [("2026-11-01", 200), ("", 200), ("2027-01-01", 422), ("soon", 422), ("0001-01-01", 422)]
)
def test_a_letter_begins_on_a_day_that_was(as_: SignIn, practice: Practice, since: str, status: int) -> None:
    """Else it says what is accepted, and nothing is audited as printed."""
    stream = admit(practice)
    answer = as_("nora").get(f"/chart/{stream}/print/dose-letter?since={since}")
    assert answer.status == status
    assert (audited(practice, stream)[0].did == "printed the dose letter") == (status == 200)


def test_without_a_pump_there_is_no_passport_and_no_note(as_: SignIn, practice: Practice) -> None:
    """It says why; a paper of another name is not here."""
    with practice.database.writing() as connection:
        stream = add_person(connection, Person("Nobody Yet"))
    nora = as_("nora")
    told = {what: nora.get(f"/chart/{stream}/print/{what}") for what in ("passport", "refill-note", "poem")}
    assert [told[what].status for what in told] == [422, 404, 404]
    assert "no pump is in place" in told["passport"].text
    assert "No refill is on record" in told["refill-note"].text


def test_a_name_that_no_font_can_show_is_said(as_: SignIn, practice: Practice) -> None:
    """The PDF is refused, and the page still prints."""
    stream = admit(practice, "\u5c71\u7530")
    nora = as_("nora")
    assert nora.get(f"/chart/{stream}/print/emergency-card?format=pdf").status == 422
    assert "\u5c71\u7530" in nora.get(f"/chart/{stream}/print/emergency-card").text


def test_no_figure_of_an_unknown_line_is_printed(as_: SignIn, practice: Practice) -> None:
    """A transfer of which nobody knows the catheter: the chart and the admission sheet say so, with no volume."""
    stream = admit(practice)
    write(practice, stream, LineUnknown(practice.now, how="no papers"))
    nora = as_("nora")
    words = nora.get(f"/chart/{stream}").words
    assert "The volume of the catheter is not known" in words
    assert "from the tip:" not in words
    assert "from the tip:" not in nora.get(f"/chart/{stream}/print/admission-sheet").text
