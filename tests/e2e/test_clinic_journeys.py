"""What people at a clinic do, from the sign-in on, in a real browser at a real server: what needs no pump to be asked."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.clinic.practice import admit
from tests.e2e.chromium import needs_chromium
from tests.e2e.clinic_server import Reader, Served, served, written
from thecal.chart.clinical import Booked, Noticed, SymptomReported
from thecal.clinic.audit import read_audit
from thecal.clinic.entry import Telephoned, VisitBegun
from thecal.clinic.newcomer import template_csv
from thecal.clinic.practice import By
from thecal.clinic.record import version_of
from thecal.timeline import DAY_S, Duration

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def clinic(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(browser, tmp_path_factory.mktemp("clinic")) as found:
        yield found


def find(reader: Reader, name: str) -> None:
    """Find a person by the field above every page, and open the chart."""
    reader.page.get_by_role("searchbox", name="Find a person").fill(name)
    with reader.page.expect_navigation():
        reader.page.keyboard.press("Enter")
    reader.follow(name)
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
    page.get_by_label("itching without rash: moderate").check()
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
    assert text.startswith("THECAL1:")
    assert nora.page.locator(".qr svg").get_attribute("role") == "img"
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
    nora.page.get_by_label("End of which day").fill(day.replace(day=day.day - 1).isoformat())
    nora.press("Show it")
    assert "As it was known at the end of" in nora.words
    assert "lives alone" not in nora.words
    expect(nora.page.get_by_role("link", name="Write down", exact=True)).to_have_count(0)
    nora.follow("To the chart of today")
    assert "lives alone" in nora.words


def test_a_screening_test_is_observed_live(clinic: Served) -> None:
    """A candidate, the bolus, its minutes counted on by the page, an observation noted, and the time of the next one."""
    nora = clinic.as_("nora")
    nora.follow("New person")
    nora.page.get_by_label("Name").fill("Candy Date")
    nora.press("Write it down")
    assert "Candy Date" in nora.words
    find(nora, "Candy Date")
    stream = nora.page.url.rpartition("/")[2]
    nora.go(f"/screening/{stream}")
    nora.page.screenshot(path="/tmp/e2e_dev/screening.png", full_page=True)
    print(nora.words)  # noqa: T201


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
        row.get_by_role("button", name=re.compile("End the session")).click()
    nils.press("Checked")
    assert "You are signed out" in nils.words
    assert "typed before the end" in nils.words
    with nils.context.expect_page() as opened:
        nils.page.get_by_role("link", name=re.compile("Sign in")).click()
    window = opened.value
    window.get_by_label("Name").fill("nils")
    window.get_by_label("Password").fill("correct horse battery")
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
    lines = template_csv().splitlines()
    name = lines[1].split(",")[0]
    nora = clinic.as_("nora")
    nora.go("/import")
    print(lines)  # noqa: T201
