"""What people at a clinic do, from the sign-in on, in a real browser at a real server: what needs no pump to be asked."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, FilePayload, expect

from tests.clinic.practice import PASSWORD, admit
from tests.e2e.chromium import needs_chromium
from tests.e2e.clinic_server import Reader, Served, served, written
from thecal.chart.clinical import Booked, Noticed, SymptomReported
from thecal.chart.facts import TestBolusGiven
from thecal.clinic.audit import read_audit
from thecal.clinic.entry import Telephoned, VisitBegun
from thecal.clinic.newcomer import template_csv
from thecal.clinic.practice import By
from thecal.clinic.record import version_of
from thecal.timeline import DAY_S, Duration

pytestmark = [needs_chromium, pytest.mark.usefixtures("picture_of_the_end")]


@pytest.fixture(scope="module")
def clinic(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(browser, tmp_path_factory.mktemp("clinic")) as found:
        yield found


def find(reader: Reader, name: str) -> None:
    """Find a person by the field above every page, which leads straight to the chart."""
    reader.page.get_by_role("searchbox", name="Find a person").fill(name)
    with reader.page.expect_navigation():
        reader.page.keyboard.press("Enter")
    expect(reader.page.get_by_role("heading", level=1)).to_have_text(name)


def test_a_call_leads_to_a_visit_of_the_same_day(clinic: Served) -> None:
    """Found by name, triaged while it is typed, written down, and the visit is begun: the record has all of it."""
    stream = admit(clinic.practice, "Tele Caller")
    nora = clinic.as_("nora")
    find(nora, "Tele Caller")
    nora.follow("Telephone")
    page = nora.page
    page.get_by_label("Who calls").select_option("patient")
    page.get_by_label("Why, in their words").fill("itching since yesterday")
    page.get_by_label("itching without a rash: moderate").check()
    expect(page.locator("#comes")).to_contain_text("withdrawal")
    assert nora.words.count("Suspected: withdrawal") == 1
    expect(page.get_by_label("Advice that was given")).not_to_be_empty()
    page.get_by_label("the person comes now").check()
    nora.press("Write the call down")
    assert "The call is written down" in nora.words
    page.get_by_label("Begin a visit").select_option("unscheduled")
    nora.press("Begin")
    expect(page.get_by_role("heading", level=1)).to_have_text("Unscheduled visit")
    kinds = [type(entry) for entry in written(clinic.practice, stream)]
    for kind in (SymptomReported, Telephoned, Booked, VisitBegun):
        assert kind in kinds
    nora.go("/worklist")
    assert "Tele Caller" in nora.words


def test_the_emergency_page_says_what_to_do_first_on_screen_and_on_paper(clinic: Served) -> None:
    """Whom to call, the first actions of both emergencies; printed it has no navigation, and the sheet is a PDF."""
    admit(clinic.practice, "Emma Gency")
    dora = clinic.as_("dora")
    find(dora, "Emma Gency")
    dora.follow("Emergency page")
    page = dora.page
    for told in ("555-0101", "Too little: withdrawal", "Too much: overdose", "In tubing and catheter", "How long it runs"):
        assert told in dora.words
    assert page.get_by_role("heading", name="Call first").bounding_box() is not None
    page.emulate_media(media="print")
    expect(page.get_by_role("navigation", name="Clinic")).to_be_hidden()
    expect(page.get_by_text("555-0101").first).to_be_visible()
    page.emulate_media(media="screen")
    address = page.get_by_role("link", name=re.compile("Admission sheet")).get_attribute("href")
    sheet = dora.context.request.get(f"{clinic.address}{address}")
    assert sheet.status == 200
    assert sheet.body().startswith(b"%PDF")


def test_a_pump_passport_is_checked_by_who_is_not_signed_in(clinic: Served) -> None:
    """Issued in one browser, it is accepted in another; with one character changed it is refused."""
    admit(clinic.practice, "Paula Port")
    nora, stranger = clinic.as_("nora"), clinic.as_("")
    find(nora, "Paula Port")
    nora.follow("Passport with its signed code")
    nora.press("Issue and sign it")
    text = nora.page.locator("pre.typed").inner_text()
    assert text.startswith("THECAL2:")
    assert nora.page.locator(".qr svg").get_attribute("role") == "img"
    for told in ("In tubing and catheter", "Flow, programmed", "Without a programmer, too much", "electroconvulsive"):
        assert told in nora.words
    for paper in ("A4", "Letter"):
        assert len(re.findall(rb"/Type\s*/Page\b", nora.page.pdf(format=paper))) == 1
    stranger.go("/passport-check")
    stranger.page.get_by_label("The text of the code").fill(text)
    stranger.press("Check it")
    assert "Signed by this key, and unchanged" in stranger.words
    middle = len(text) // 2
    other = "A" if text[middle] != "A" else "B"
    stranger.page.get_by_label("The text of the code").fill(text[:middle] + other + text[middle + 1 :])
    stranger.press("Check it")
    assert "Not accepted" in stranger.words
    assert "Signed by this key" not in stranger.words


def test_an_invited_patient_reads_until_it_is_revoked(clinic: Served) -> None:
    """The page needs no sign-in and shows the refill; revoked, it is not found, and says no name."""
    stream = admit(clinic.practice, "Iris Vited")
    nora, patient = clinic.as_("nora"), clinic.as_("", width=390)
    nora.go(f"/invite/{stream}")
    nora.press("Make an address")
    address = nora.page.locator("pre.typed").inner_text().removeprefix(clinic.address)
    assert patient.go(address) == 200
    assert "Iris Vited" in patient.words
    assert "Refill by" in patient.words
    assert patient.page.get_by_role("link", name="555-0101").first.get_attribute("href") == "tel:5550101"
    nora.go(f"/invite/{stream}")
    nora.press("Revoke: the address ends at once")
    assert patient.go(address) == 404
    assert "Iris" not in patient.words


def test_a_chart_is_shown_as_it_was_known_on_a_day(clinic: Served) -> None:
    """What was written down later is not there, and the page says of which day it is."""
    stream = admit(clinic.practice, "Otto Daylong")
    clinic.clock.pass_(Duration(3 * DAY_S))
    with clinic.practice.database.reading() as connection:
        seen = version_of(connection, stream)
    note = Noticed(clinic.practice.now, "lives alone")
    clinic.practice.write(stream, seen, [note], By("nora"), "wrote for a test")
    day = clinic.practice.now.date(clinic.practice.office().zone)
    nora = clinic.as_("nora")
    find(nora, "Otto Daylong")
    assert "lives alone" in nora.words
    nora.page.get_by_label("End of which day").fill((day - timedelta(days=1)).isoformat())
    nora.press("Show it")
    assert "As it was known at the end of" in nora.words
    assert "lives alone" not in nora.words
    expect(nora.page.get_by_role("link", name="Write down", exact=True)).to_have_count(0)
    nora.follow("To the chart of today")
    assert "lives alone" in nora.words


def answer_all(reader: Reader) -> None:
    """Every question of a page answered as one hopes: yes, or absent."""
    for field in reader.page.locator("main select").all():
        values = field.locator("option").evaluate_all("options => options.map(option => option.value)")
        for value in ("yes", "absent"):
            if value in values:
                field.select_option(value)


@pytest.mark.long
def test_a_screening_test_is_observed_live(clinic: Served) -> None:
    """A candidate, what stands ready, the bolus, its minutes counted on by the page, an observation, and what is due next."""
    nora = clinic.as_("nora")
    page = nora.page
    nora.follow("New person")
    page.get_by_label("Name").fill("Candy Date")
    nora.press("Write it down")
    stream = page.url.rpartition("/")[2]
    nora.go(f"/screening/{stream}")
    assert "before the screening test there is no physician assessment" in nora.words
    nora.go(f"/candidacy/{stream}")
    answer_all(nora)
    page.get_by_label("Cause of the spasticity").select_option("multiple sclerosis")
    page.get_by_label("Origin").select_option("spinal")
    nora.press("Save, and look again")
    nora.go(f"/screening/{stream}")
    answer_all(nora)
    page.get_by_label("Platelets").fill("250000")
    page.get_by_label("International normalized ratio").fill("1.0")
    nora.press("Save what stands ready")
    assert "No rule of the screening test asks for anything now." in nora.words
    assert "Bolus of 50 mcg" in nora.words
    page.clock.install()
    nora.press("Write down that it was given")
    expect(page.locator("[data-since]")).to_have_text("0 min")
    page.clock.fast_forward("01:02:00")
    expect(page.locator("[data-since]")).to_have_text("62 min")
    expect(page.locator("[data-due]").first).to_have_text("due since 2 min")
    page.clock.resume()
    clinic.clock.pass_(Duration(62 * 60))
    nora = clinic.as_("nora")
    nora.go(f"/screening/{stream}")
    assert "due now: due since 2 min" in nora.words
    nora.page.get_by_label("Ashworth of the legs, 1 to 5").fill("7")
    nora.press("Write down the observation")
    expect(nora.page.locator("#legs-error")).to_contain_text("1 to 5")
    nora.page.get_by_label("Ashworth of the legs, 1 to 5").fill("2")
    nora.press("Write down the observation")
    seen = nora.page.get_by_role("region", name="What is due").get_by_role("row").filter(has_text="60")
    expect(seen.filter(has_text="tone and spasms").first).to_contain_text("done")
    assert [entry.dose.pg for entry in written(clinic.practice, stream) if isinstance(entry, TestBolusGiven)] == [50 * 10**6]


@pytest.mark.long
def test_a_session_that_an_administrator_ends_is_out_at_the_next_click(clinic: Served) -> None:
    """The other browser's form is kept, and sent again after signing in."""
    stream = admit(clinic.practice, "Rita Voked")
    nora, nils = clinic.as_("nora"), clinic.as_("nils")
    nils.go(f"/visit/{stream}")
    nils.press("Begin")
    for box in nils.page.locator("#step-before input[type=checkbox]").all():
        box.check()
    nils.page.locator("#step-before").get_by_label("In words").fill("typed before the end")
    nora.go("/admin")
    row = nora.page.get_by_role("row").filter(has_text="nils, nurse")
    with nora.page.expect_navigation():
        row.get_by_role("button", name=re.compile("End it: the session")).click()
    nils.press("Checked")
    assert "You are signed out" in nils.words
    assert "typed before the end" in nils.words
    with nils.context.expect_page() as opened:
        nils.page.get_by_role("link", name=re.compile("Sign in")).click()
    window = opened.value
    window.get_by_label("Name").fill("nils")
    window.get_by_label("Password").fill(PASSWORD)
    window.get_by_role("button", name="Sign in").click()
    expect(window.get_by_text("You are signed in")).to_be_visible()
    window.close()
    nils.press("Send it again")
    assert "typed before the end" in nils.words
    nils.press("Send it again")
    assert "/visit/" in nils.page.url
    steps = [entry for entry in written(clinic.practice, stream) if getattr(entry, "step", "") == "before"]
    assert len(steps) == 1
    with clinic.practice.database.reading() as connection:
        assert any("ended" in line.did for line in read_audit(connection, limit=200))


def test_a_spreadsheet_is_looked_at_corrected_and_brought_in(clinic: Served) -> None:
    """A wrong cell is told by row and column and keeps its row out; corrected, everybody comes in and is on the worklist."""
    right = template_csv(clinic.practice.now.date(clinic.practice.office().zone))
    nora = clinic.as_("nora")
    page = nora.page
    nora.go("/admin")
    nora.follow("Import a spreadsheet")
    wrong = FilePayload(name="people.csv", mimeType="text/csv", buffer=right.replace("187.5", "a lot").encode())
    page.get_by_label("A file, .xlsx or .csv").set_input_files(wrong)
    nora.press("Look at it")
    assert "1 of 2 rows" in nora.words
    problem = page.get_by_role("row").filter(has_text="a lot")
    expect(problem).to_contain_text("daily dose")
    expect(problem).to_contain_text("stays out")
    nora.press("Give it up, and remove the file")
    nora.go("/import")
    page.get_by_label("Or a table, pasted, with its headings").fill(right)
    nora.press("Look at it")
    assert "2 of 2 rows" in nora.words
    nora.press("Write 2 people into the record")
    nora.go("/worklist")
    for name in ("Example, Ada", "Example, Ben"):
        expect(page.get_by_role("link", name=name).first).to_be_visible()
