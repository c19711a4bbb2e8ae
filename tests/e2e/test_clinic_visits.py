"""Visits in a real browser at a real server, with virtual pumps on a real bench."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.clinic.practice import PASSWORD, admit
from tests.e2e.chromium import needs_chromium
from tests.e2e.clinic_server import Reader, Served, cut_at_command, served, written
from tests.e2e.visiting import begin, done, send, tick_all, up_to_the_pump, within
from thecal.chart.clinical import Booked, Overrode, Signed
from thecal.chart.facts import Filled, SessionEnded, SessionUncertain
from thecal.chart.order import OrderContinuous
from thecal.clinic.entry import VisitBegun, VisitClosed, VisitStepped
from thecal.quantity import DailyDose
from thecal.timeline import Duration

pytestmark = [needs_chromium, pytest.mark.usefixtures("picture_of_the_end")]
REFILLED, SPITE, SPITE_WRITTEN, LOST, LOST_WRITTEN = "TC-0001", "TC-0002", "TC-0003", "TC-0004", "TC-0005"


@pytest.fixture(scope="module")
def ward(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A clinic with people whose pumps are on a bench: one needs a refill, the others have half of it left."""
    pumps = {REFILLED: 62} | dict.fromkeys((SPITE, SPITE_WRITTEN, LOST, LOST_WRITTEN), 30)
    with served(browser, tmp_path_factory.mktemp("ward"), pumps=pumps) as found:
        yield found


@pytest.fixture(scope="module")
def clinic(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A clinic without a bench, whose clock stands still."""
    with served(browser, tmp_path_factory.mktemp("clinic")) as found:
        yield found


def refill_up_to_the_fill(page: Page, residual: str = "") -> None:
    """Drug, needle and residual; a residual that is not typed is aspirated from the virtual pump."""
    for label, value in (("Strength, as on the vial", "500 mcg/mL"), ("Lot, as on the vial", "A"), ("Expires", "2030-10-31")):
        within(page, "verify").get_by_label(label).fill(value)
    within(page, "verify").get_by_label("Who compared it besides you").select_option("nils")
    tick_all(page, "verify")
    send(page, "verify", "Verified")
    within(page, "needle").get_by_label("Port").select_option("refill port")
    within(page, "needle").get_by_label("Needle, gauge").fill("22")
    tick_all(page, "needle")
    send(page, "needle", "Write down")
    within(page, "residual").get_by_label("What the syringe withdrew").fill(residual)
    send(page, "residual", "Aspirate to empty")
    expect(within(page, "residual")).to_contain_text(re.compile(r"Measured [0-9.]+ mL, expected [0-9.]+ mL: ok"))
    within(page, "fill").get_by_label("Injected volume").fill("20 mL")
    within(page, "fill").get_by_label("Strength of the vial").fill("500 mcg/mL")
    tick_all(page, "fill")
    send(page, "fill", "Fill")


def print_and_remind(reader: Reader) -> None:
    """The note in a window of its own, then what is handed out and told."""
    page = reader.page
    with reader.context.expect_page() as opened:
        within(page, "printout").get_by_role("link", name="Print the note").click()
    note = opened.value
    expect(note.get_by_text("20 mL").first).to_be_visible()
    expect(note.get_by_text("Nora Nurse and Nils Nurse")).to_be_visible()
    note.close()
    tick_all(page, "printout")
    send(page, "printout", "Given")
    tick_all(page, "reminder")
    send(page, "reminder", "Told")


def test_a_refill_from_the_worklist_to_the_end_of_the_visit(ward: Served) -> None:
    """Found on the worklist, read by the wand, emptied, filled, reviewed, written and read back, printed, booked, closed."""
    nora = ward.as_("nora")
    page, stream = nora.page, ward.streams[REFILLED]
    row = page.get_by_role("row").filter(has_text=f"Vera {REFILLED}")
    expect(row).to_contain_text("no refill is booked")
    with page.expect_navigation():
        row.get_by_role("link", name="Visit").click()
    visit = begin(nora, stream, "refill")
    up_to_the_pump(page)
    send(page, "reading", "Interrogate the pump by the wand")
    assert "The pump was read." in nora.words
    refill_up_to_the_fill(page)
    send(page, "order", "Routine: same drug and dose, enter the injected volume")
    expect(within(page, "second-person")).to_contain_text("not needed")
    send(page, "update", "Interrogate, and review what would change")
    changed = within(page, "update").locator("tr.changed")
    expect(changed).to_have_count(1)
    expect(changed).to_contain_text("reservoir volume (changed)")
    within(page, "update").get_by_label("The 24-h total").fill("125 mcg/day")
    send(page, "update", "Update the pump")
    expect(within(page, "update").get_by_role("alert").first).to_contain_text("Not done")
    send(page, "update", "Interrogate, and review what would change")
    within(page, "update").get_by_label("The 24-h total").fill("100 mcg/day")
    send(page, "update", "Update the pump")
    assert "Written, read back, and as reviewed." in nora.words
    for step in ("update", "reading-after"):
        done(page, step)
    print_and_remind(nora)
    send(page, "close", "Close the visit")
    expect(within(page, "close").get_by_role("alert")).to_contain_text("the next visit booked")
    offer_slot(ward, "09:00")
    nora.go(visit)
    with page.expect_navigation():
        within(page, "next-visit").get_by_text("Book the next visit").click()
    with page.expect_navigation():
        page.get_by_role("button", name=re.compile("^Book 20")).first.click()
    nora.go(visit)
    send(page, "close", "Close the visit")
    assert "Closed" in nora.words
    entries = written(ward.practice, stream)
    assert [entry.volume.nl for entry in entries if isinstance(entry, Filled)][-1] == 20 * 10**6
    assert {Booked, VisitClosed} <= {type(entry) for entry in entries}
    nora.go("/worklist")
    expect(row).not_to_contain_text("no refill is booked")


def offer_slot(clinic: Served, times: str) -> None:
    """A scheduler offers slots in three weeks' time."""
    susan = clinic.as_("susan")
    zone = clinic.practice.office().zone
    day = (clinic.practice.now + Duration(21 * 86_400)).date(zone)
    susan.go(f"/slots?week={day.isoformat()}")
    susan.page.get_by_label("First day").fill(day.isoformat())
    susan.page.get_by_label("Times of day").fill(times)
    susan.page.get_by_label("Place").fill("Room 1")
    susan.page.get_by_label("Who refills").select_option("nora")
    susan.page.get_by_label("Who checks").select_option("nils")
    susan.press("Offer them")
    assert "free" in susan.words


def ordered(reader: Reader, stream: str, dose: str) -> str:
    """A visit with an order of a dose that was typed into the editor and is to be saved; its path."""
    page = reader.page
    visit = begin(reader, stream, "titration")
    up_to_the_pump(page)
    send(page, "reading", "Interrogate the pump by the wand")
    with page.expect_navigation():
        within(page, "order").get_by_text("Write the order in the editor").click()
    page.get_by_label("Mode").select_option("simple continuous")
    page.get_by_label("Simple continuous: dose, mcg/day").fill(dose)
    page.get_by_label("24-h total to be confirmed, mcg/day").fill(dose)
    expect(page.locator("#preview")).to_contain_text(f"100 mcg to {dose} mcg")
    reader.press("Save the order")
    return visit


def reviewed_and_updated(page: Page, total: str) -> None:
    """Look at what would change, confirm the 24-h total, and write it."""
    send(page, "update", "Interrogate, and review what would change")
    within(page, "update").get_by_label("The 24-h total").fill(total)
    send(page, "update", "Update the pump")


def enter_again(nils: Reader, visit: str, dose: str) -> None:
    """The second person: a dose that differs is named and not told; entered as ordered, it is signed."""
    nils.go(visit)
    with nils.page.expect_navigation():
        within(nils.page, "second-person").get_by_text("I am the second person").click()
    for label, value in (("Concentration, mcg/mL", "500"), ("Daily dose, mcg/day", "105"), ("24-h total, mcg/day", dose)):
        nils.page.get_by_label(label).fill(value)
    nils.press("Compare and sign")
    assert dose not in nils.page.locator("#dose-error").inner_text()
    nils.page.get_by_label("Daily dose, mcg/day").fill(dose)
    nils.press("Compare and sign")
    assert "Entered again, and the same: signed." in nils.words


def in_spite_of_a_rule(ward: Served, serial: str) -> Reader:
    """Refused with its rule, gone on with by a reason, entered again by another; the page of the author."""
    dora = ward.as_("dora")
    page = dora.page
    visit = ordered(dora, ward.streams[serial], "150")
    expect(page.get_by_role("alert").first).to_contain_text("TIT-03")
    page.get_by_label(re.compile("^To go on in spite of TIT-03")).fill("spasms at night; watched on the ward")
    dora.press("Save the order")
    expect(page.locator("#stands")).to_be_visible()
    enter_again(ward.as_("nils"), visit, "150")
    dora.go(visit)
    done(page, "second-person")
    return dora


@pytest.mark.long
def test_an_order_in_spite_of_a_rule_is_entered_again_by_a_second_person(ward: Served) -> None:
    """What differs is named and not told; the reason and both names are in the chart, and the page asks for the update."""
    dora, stream = in_spite_of_a_rule(ward, SPITE), ward.streams[SPITE]
    expect(within(dora.page, "update").get_by_role("heading", level=2)).to_contain_text("next")
    entries = written(ward.practice, stream)
    assert [(entry.rule, entry.by) for entry in entries if isinstance(entry, Overrode)] == [("TIT-03", "dora")]
    assert [entry.checker for entry in entries if isinstance(entry, Signed)] == ["nils"]


@pytest.mark.long
def test_an_order_in_spite_of_a_rule_is_written_into_the_pump(ward: Served) -> None:
    """The readings that belong to its own update do not use up what a person took on themselves."""
    dora = in_spite_of_a_rule(ward, SPITE_WRITTEN)
    reviewed_and_updated(dora.page, "150 mcg/day")
    assert "Written, read back, and as reviewed." in dora.words


def cut_while_it_is_written(ward: Served, serial: str) -> Reader:
    """An update whose link is cut once it has begun; the page that comes of it."""
    dora, stream = ward.as_("dora"), ward.streams[serial]
    visit = ordered(dora, stream, "115")
    expect(dora.page.locator("#stands")).to_be_visible()
    dora.go(visit)
    send(dora.page, "update", "Interrogate, and review what would change")
    within(dora.page, "update").get_by_label("The 24-h total").fill("115 mcg/day")
    assert ward.bench is not None
    with cut_at_command(ward.bench, 2):
        send(dora.page, "update", "Update the pump")
    return dora


@pytest.mark.long
def test_an_update_that_nobody_knows_the_end_of_stands_first_until_the_pump_is_read(ward: Served) -> None:
    """Told on the visit, an emergency on the worklist; an interrogation ends it."""
    dora, nils = cut_while_it_is_written(ward, LOST), ward.as_("nils")
    assert "Nobody knows how the session of" in dora.words
    assert [entry for entry in written(ward.practice, ward.streams[LOST]) if isinstance(entry, SessionUncertain)]
    first = nils.page.get_by_role("row").nth(1)
    expect(first).to_contain_text(f"Vera {LOST}")
    expect(first).to_contain_text("emergency")
    dora.page.get_by_role("button", name="Interrogate the pump by the wand").first.click()
    expect(dora.page.get_by_text("The pump was read.")).to_be_visible()
    assert "Nobody knows" not in dora.words


@pytest.mark.long
def test_an_update_that_was_cut_is_written_after_all(ward: Served) -> None:
    """The reading says that the pump does not run the order: the update is still to be done, and is done."""
    dora = cut_while_it_is_written(ward, LOST_WRITTEN)
    dora.page.set_default_timeout(5_000)
    with dora.page.expect_navigation():
        dora.page.get_by_role("button", name="Interrogate the pump by the wand").first.click()
    expect(within(dora.page, "second-person").get_by_role("heading", level=2)).to_contain_text("next")
    expect(within(dora.page, "second-person")).to_contain_text("a restart")
    visit = dora.page.url.removeprefix(dora.address).partition("#")[0]
    enter_again(ward.as_("nils"), visit, "115")
    dora.go(visit)
    reviewed_and_updated(dora.page, "115 mcg/day")
    assert "Written, read back, and as reviewed." in dora.words, dora.page.locator("main").inner_text()[-3000:]
    ended = [entry for entry in written(ward.practice, ward.streams[LOST_WRITTEN]) if isinstance(entry, SessionEnded)][-1]
    assert ended.order == OrderContinuous(DailyDose.parse("115 mcg/day"))


@pytest.mark.long
def test_of_two_who_write_at_one_visit_the_second_is_told(clinic: Served) -> None:
    """Who was first, and what the second one typed is on the page; it is written once."""
    stream = admit(clinic.practice, "Tilda Twice")
    nora, nils = clinic.as_("nora"), clinic.as_("nils")
    visit = begin(nora, stream, "refill")
    nils.go(visit)
    for reader, note in ((nora, "by the first"), (nils, "by the second")):
        tick_all(reader.page, "before")
        within(reader.page, "before").get_by_label("In words").fill(note)
        send(reader.page, "before", "Checked")
    assert "Somebody else wrote here meanwhile" in nils.words
    assert "nora has written here" in nils.words
    assert "by the second" in nils.words
    steps = [entry for entry in written(clinic.practice, stream) if isinstance(entry, VisitStepped)]
    assert [entry.note for entry in steps] == ["by the first"]


@pytest.mark.long
def test_of_two_who_want_one_slot_one_gets_it(clinic: Served) -> None:
    """The other is told, and has nothing booked."""
    streams = [admit(clinic.practice, name) for name in ("Una First", "Uwe Second")]
    offer_slot(clinic, "11:00")
    readers = [clinic.as_("susan"), clinic.as_("nora")]
    for reader, stream in zip(readers, streams, strict=True):
        reader.go(f"/book/{stream}")
    for reader in readers:
        with reader.page.expect_navigation():
            reader.page.get_by_role("button", name=re.compile(r"^Book 20.* 11:00")).first.click()
    expect(readers[1].page.get_by_role("alert").first).to_contain_text("which was taken a moment ago")
    booked = [[entry for entry in written(clinic.practice, stream) if isinstance(entry, Booked)] for stream in streams]
    assert [len(found) for found in booked] == [1, 0]


@pytest.mark.long
def test_a_session_that_ends_in_the_middle_of_a_visit_loses_nothing(clinic: Served) -> None:
    """What was typed is shown, kept while one signs in again, looked at, and sent."""
    stream = admit(clinic.practice, "Edda Xpired")
    nora = clinic.as_("nora")
    page = nora.page
    begin(nora, stream, "refill")
    tick_all(page, "before")
    within(page, "before").get_by_label("In words").fill("typed before the pause")
    clinic.clock.pass_(Duration(45 * 60))
    send(page, "before", "Checked")
    assert "You are signed out" in nora.words
    assert "typed before the pause" in nora.words
    with nora.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in, in a new window").click()
    window = opened.value
    window.get_by_label("Name").fill("nora")
    window.get_by_label("Password").fill(PASSWORD)
    window.get_by_role("button", name="Sign in").click()
    expect(window.get_by_text("You are signed in")).to_be_visible()
    window.close()
    nora.press("Send it again")
    assert "typed before the pause" in nora.words
    nora.press("Send it again")
    done(page, "before")
    steps = [entry for entry in written(clinic.practice, stream) if isinstance(entry, VisitStepped)]
    assert [entry.note for entry in steps] == ["typed before the pause"]


@pytest.mark.long
def test_the_back_button_and_a_second_click_do_nothing_twice(clinic: Served) -> None:
    """A form that was sent, sent again from the page before, is done once."""
    stream = admit(clinic.practice, "Berta Back")
    nora = clinic.as_("nora")
    page = nora.page
    nora.go(f"/visit/{stream}")
    page.get_by_label("Begin a visit").select_option("refill")
    page.get_by_role("button", name="Begin").dblclick()
    page.wait_for_url(re.compile(rf"/visit/{stream}/\w+"))
    page.go_back()
    page.reload()
    assert "is open" in nora.words
    assert [type(entry) for entry in written(clinic.practice, stream)].count(VisitBegun) == 1
    with page.expect_navigation():
        page.get_by_text("Go on with it").click()
    tick_all(page, "before")
    send(page, "before", "Checked")
    page.go_back()
    page.go_forward()
    page.reload()
    done(page, "before")
    steps = [entry for entry in written(clinic.practice, stream) if isinstance(entry, VisitStepped)]
    assert [entry.step for entry in steps] == ["before"]
