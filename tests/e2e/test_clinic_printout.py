"""A printout of a real pump in a real browser: typed in by one, and by a second person where SAF-05 asks for one."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.clinic.practice import admit
from tests.e2e.chromium import needs_chromium
from tests.e2e.clinic_server import Served, served, written
from tests.e2e.visiting import begin, done, send, up_to_the_pump, within
from tests.web.test_visit import printed_now
from thecal.chart.facts import Interrogated
from thecal.clinic.entry import PrintoutEntered

pytestmark = [needs_chromium, pytest.mark.usefixtures("picture_of_the_end")]
PRINTED = {
    "Concentration": "concentration",
    "Daily dose": "daily_dose",
    "24-h total": "day_total",
    "Reservoir volume": "calculated",
    "Low reservoir alarm at": "low_reservoir",
    "Alarm date": "alarm_on",
}


@pytest.fixture(scope="module")
def clinic(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A clinic without a bench, whose clock stands still."""
    with served(browser, tmp_path_factory.mktemp("clinic")) as found:
        yield found


@pytest.mark.long
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
    for label, name in PRINTED.items():
        part.get_by_label(label).fill(str(typed[name]))
    part.get_by_label("24-h total").fill("2,400 mcg/day")
    send(page, "reading", "Enter the printout")
    expect(part.get_by_role("alert").first).to_contain_text("SAF-04")
    expect(part.get_by_label("Reservoir volume")).to_have_value(str(typed["calculated"]))
    part.get_by_label("24-h total").fill("100 mcg/day")
    send(page, "reading", "Enter the printout")
    done(page, "reading")
    assert {PrintoutEntered, Interrogated} <= {type(entry) for entry in written(clinic.practice, stream)}


@pytest.mark.long
def test_a_printout_with_another_strength_is_entered_again_by_a_second_person(clinic: Served) -> None:
    """What the first typed is not shown to the second; what differs is named, and what is the same counts."""
    stream = admit(clinic.practice, "Sina Strength")
    nora, nils = clinic.as_("nora"), clinic.as_("nils")
    visit = begin(nora, stream, "follow-up")
    up_to_the_pump(nora.page)
    part = within(nora.page, "reading")
    typed = printed_now(clinic.practice, stream, strength=1000)
    for label, name in PRINTED.items():
        part.get_by_label(label).fill(str(typed[name]))
    send(nora.page, "reading", "Enter the printout")
    expect(part).to_contain_text("it counts once a second person enters the same (SAF-05)")
    nils.go(visit)
    within(nils.page, "reading").get_by_text("I am the second person").click()
    assert not any(str(typed[name]) in nils.words for name in ("concentration", "calculated", "alarm_on"))
    for label, name in PRINTED.items():
        if name != "low_reservoir":
            nils.page.get_by_label(label).fill(str(typed[name]))
    nils.page.get_by_label("Alarm date").fill("2027-12-24")
    nils.press("Compare and sign")
    assert "is not the same; nothing was signed" in nils.words
    nils.page.get_by_label("Alarm date").fill(str(typed["alarm_on"]))
    nils.press("Compare and sign")
    done(nils.page, "reading")
    entered = [entry for entry in written(clinic.practice, stream) if isinstance(entry, PrintoutEntered)]
    assert [entry.again_by for entry in entered] == ["nils"]
