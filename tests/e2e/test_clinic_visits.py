"""Visits in a real browser at a real server, with virtual pumps on a real bench, and with a printout that is typed in."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.clinic.practice import PASSWORD, admit
from tests.e2e.chromium import needs_chromium
from tests.e2e.clinic_server import Reader, Served, cut_at_command, served, written
from tests.web.test_visit import printed_now
from thecal.chart.clinical import Booked, Overrode, Signed
from thecal.chart.facts import Filled, Interrogated, SessionEnded
from thecal.clinic.entry import PrintoutEntered, VisitBegun, VisitClosed, VisitStepped
from thecal.clinic.practice import By
from thecal.clinic.record import version_of
from thecal.timeline import Duration

pytestmark = needs_chromium
LOST, REFILLED = "TC-0002", "TC-0001"


@pytest.fixture(scope="module")
def ward(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A clinic with two people whose pumps are on a bench: one needs a refill, one has half of it left."""
    with served(browser, tmp_path_factory.mktemp("ward"), pumps={REFILLED: 62, LOST: 30}) as found:
        yield found


@pytest.fixture(scope="module")
def clinic(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A clinic without a bench, whose clock stands still."""
    with served(browser, tmp_path_factory.mktemp("clinic")) as found:
        yield found


def within(page: Page, step: str) -> Locator:
    """The part of a visit's page that is about a step."""
    return page.locator(f"#step-{step}")


def tick_all(page: Page, step: str) -> None:
    for box in within(page, step).get_by_role("checkbox").all():
        box.check()


def send(page: Page, step: str, button: str) -> None:
    """Press a button of a step, and read what comes of it."""
    with page.expect_navigation():
        within(page, step).get_by_role("button", name=button, exact=True).click()


def done(page: Page, step: str) -> None:
    expect(within(page, step).get_by_role("heading", level=2)).to_contain_text("done")


def begin(reader: Reader, stream: str, kind: str) -> str:
    """Begin a visit; its path."""
    reader.go(f"/visit/{stream}")
    reader.page.get_by_label("Begin a visit").select_option(kind)
    reader.press("Begin")
    return reader.page.url.removeprefix(reader.address).partition("#")[0]


def up_to_the_pump(page: Page) -> None:
    """The steps before the pump is asked."""
    tick_all(page, "before")
    send(page, "before", "Checked")
    within(page, "symptoms").get_by_role("combobox").first.select_option("1")
    send(page, "symptoms", "Write down")
    within(page, "scales").get_by_label("Ashworth, legs (mean)").fill("2.5")
    send(page, "scales", "Write down")
    tick_all(page, "reconciliation")
    send(page, "reconciliation", "Reconciled")


def refill_up_to_the_fill(page: Page, residual: str = "") -> None:
    """Drug, needle and residual; a residual that is not typed is aspirated from the virtual pump."""
    within(page, "verify").get_by_label("Strength, volume, lot and expiry").fill("500 mcg/mL, 20 mL, lot A, 2027-10")
    tick_all(page, "verify")
    send(page, "verify", "Verified")
    within(page, "needle").get_by_label("Port").select_option("refill port")
    within(page, "needle").get_by_label("Needle, gauge").fill("22")
    tick_all(page, "needle")
    send(page, "needle", "Write down")
    within(page, "residual").get_by_label("What the syringe withdrew").fill(residual)
    send(page, "residual", "Aspirate to empty")
    within(page, "fill").get_by_label("Injected volume").fill("20 mL")
    within(page, "fill").get_by_label("Strength of the vial").fill("500 mcg/mL")
    send(page, "fill", "Fill")


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
    expect(within(page, "residual")).to_contain_text("ok")
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
    with nora.context.expect_page() as opened:
        within(page, "printout").get_by_role("link", name="Print the note").click()
    note = opened.value
    expect(note.get_by_text("20 mL").first).to_be_visible()
    note.close()
    tick_all(page, "printout")
    send(page, "printout", "Given")
    tick_all(page, "reminder")
    send(page, "reminder", "Told")
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
    assert [entry.how for entry in entries if isinstance(entry, SessionEnded)][-1] == "confirmed"
    assert [entry.volume.nl for entry in entries if isinstance(entry, Filled)][-1] == 20 * 10**6
    for kind in (Booked, VisitClosed):
        assert any(isinstance(entry, kind) for entry in entries)
    nora.go("/worklist")
    expect(page.get_by_role("row").filter(has_text=f"Vera {REFILLED}")).not_to_contain_text("no refill is booked")


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


def test_an_order_in_spite_of_a_rule_its_second_person_and_an_update_nobody_knows_the_end_of(ward: Served) -> None:
    """Refused with its rule; gone on with by a reason; entered again by another; cut while it is written; read, and written."""
    dora, nils = ward.as_("dora"), ward.as_("nils")
    page, stream = dora.page, ward.streams[LOST]
    visit = begin(dora, stream, "titration")
    up_to_the_pump(page)
    send(page, "reading", "Interrogate the pump by the wand")
    with page.expect_navigation():
        within(page, "order").get_by_text("Write the order in the editor").click()
    page.get_by_label("Mode").select_option("simple continuous")
    page.get_by_label("Simple continuous: dose, mcg/day").fill("150")
    page.get_by_label("24-h total to be confirmed, mcg/day").fill("150")
    expect(page.locator("#preview")).to_contain_text("+50.0 %")
    dora.press("Save the order")
    expect(page.get_by_role("alert").first).to_contain_text("TIT-03")
    page.get_by_label(re.compile("^To go on in spite of TIT-03")).fill("spasms at night; watched on the ward")
    dora.press("Save the order")
    expect(page.locator("#stands")).to_be_visible()

    nils.go(visit)
    with nils.page.expect_navigation():
        within(nils.page, "second-person").get_by_text("I am the second person").click()
    for label, value in (("Concentration, mcg/mL", "500"), ("Daily dose, mcg/day", "105"), ("24-h total, mcg/day", "150")):
        nils.page.get_by_label(label).fill(value)
    nils.press("Compare and sign")
    assert "150" not in nils.page.locator("#dose-error").inner_text()
    nils.page.get_by_label("Daily dose, mcg/day").fill("150")
    nils.press("Compare and sign")
    assert "Entered again, and the same: signed." in nils.words

    dora.go(visit)
    done(page, "second-person")
    send(page, "update", "Interrogate, and review what would change")
    within(page, "update").get_by_label("The 24-h total").fill("150 mcg/day")
    assert ward.bench is not None
    with cut_at_command(ward.bench, 2):
        send(page, "update", "Update the pump")
    assert "Nobody knows how the session of" in dora.words
    how = [entry.how for entry in written(ward.practice, stream) if isinstance(entry, SessionEnded)]
    assert how[-1] == "uncertain"
    nils.go("/worklist")
    first = nils.page.get_by_role("row").nth(1)
    expect(first).to_contain_text(f"Vera {LOST}")
    expect(first).to_contain_text("emergency")
    dora.page.screenshot(path="/tmp/e2e_dev/uncertain.png", full_page=True)
    print(dora.words)  # noqa: T201
    send(page, "reading-after", "Interrogate the pump by the wand")
    print("AFTER", dora.words)  # noqa: T201
    assert "Nobody knows" not in dora.words
    send(page, "update", "Interrogate, and review what would change")
    print("AFTER2", dora.words)  # noqa: T201
    within(page, "update").get_by_label("The 24-h total").fill("150 mcg/day")
    send(page, "update", "Update the pump")
    assert "Written, read back, and as reviewed." in dora.words
    entries = written(ward.practice, stream)
    assert [entry.how for entry in entries if isinstance(entry, SessionEnded)][-1] == "confirmed"
    assert [entry.rule for entry in entries if isinstance(entry, Overrode)] == ["TIT-03"]
    assert [entry.checker for entry in entries if isinstance(entry, Signed)][-1] == "nils"


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


def test_a_printout_of_a_real_pump_is_typed_in(clinic: Served) -> None:
    """A total that does not fit is refused with what was typed; corrected, the reading is in the chart."""
    stream = admit(clinic.practice, "Petra Print")
    nora = clinic.as_("nora")
    page = nora.page
    begin(nora, stream, "refill")
    up_to_the_pump(page)
    assert "A real pump is programmed with the maker's programmer" in nora.words
    part = within(page, "reading")
    typed = printed_now(clinic.practice, stream)
    labels = {
        "Concentration": "concentration",
        "Daily dose": "daily_dose",
        "Reservoir volume": "calculated",
        "Low reservoir alarm at": "low_reservoir",
        "Alarm date": "alarm_on",
    }
    for label, name in labels.items():
        part.get_by_label(label).fill(str(typed[name]))
    part.get_by_label("24-h total").fill("2,400 mcg/day")
    send(page, "reading", "Enter the printout")
    expect(part.get_by_role("alert").first).to_contain_text("SAF-04")
    expect(part.get_by_label("Reservoir volume")).to_have_value(str(typed["calculated"]))
    part.get_by_label("24-h total").fill("100 mcg/day")
    send(page, "reading", "Enter the printout")
    done(page, "reading")
    kinds = [type(entry) for entry in written(clinic.practice, stream)]
    assert PrintoutEntered in kinds
    assert Interrogated in kinds


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
    if within(page, "before").get_by_role("button", name="Checked").count():
        tick_all(page, "before")
        send(page, "before", "Checked")
    steps = [entry for entry in written(clinic.practice, stream) if isinstance(entry, VisitStepped)]
    assert [entry.step for entry in steps] == ["before"]
