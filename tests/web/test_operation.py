"""An operation on a chart that is there: implant after a trial, replacement, revision, needle in the port, explant."""

import re
from collections.abc import Callable

import pytest

from tests.clinic.practice import NOW, Clock, admit
from tests.web.test_person import WITH_PUMP, charts, history, standing
from tests.web.test_real_pump import asked_for
from tests.web.test_visit import begun, printed_now, step, to_the_pump
from tests.web.visitor import Answer, Visitor
from thecal.chart.clinical import Answered, Booked
from thecal.chart.facts import Filled, Implanted, Noted, PortUsed, PumpReplaced, Revised, TestBolusGiven
from thecal.chart.line_ledger import line_ledger
from thecal.clinic.entry import DeviceRecorded, Ended, Entry, LineUnknown
from thecal.clinic.practice import By, Practice
from thecal.quantity import Amount, Concentration, Length, Volume
from thecal.therapy.check import check
from thecal.therapy.team import open_bookings
from thecal.timeline import DAY_S, Duration, Instant

SignIn = Callable[[str], Visitor]
PUMP: dict[str, object] = {"model": "synchromed-ii-40", "serial": "NEW-1", "site": "left lower abdomen", "access_port": "yes"}
CATHETER: dict[str, object] = {
    "catheter_model": "ascenda-8780",
    "catheter_length": "80 cm",
    "catheter_tip": "T10",
    "holds": "CSF",
}
FILL: dict[str, object] = {"fill": "18 mL", "strength": "500 mcg/mL"}
IMPLANT: dict[str, object] = {"kind": "implant", "at": "2026-11-18T10:00", **PUMP, **CATHETER, **FILL}
REPLACEMENT: dict[str, object] = {"kind": "replacement", "at": "2026-11-18T10:00", **PUMP, **FILL}
OPERATED = Instant(NOW.s - 2 * DAY_S + 3600)


def write(practice: Practice, stream: str, *entries: Entry) -> None:
    practice.write(stream, history(practice, stream).version, entries, By("nora"), "wrote for a test")


def operated(visitor: Visitor, stream: str, data: dict[str, object]) -> Answer:
    return visitor.send(f"/operation/{stream}?kind={str(data['kind']).replace(' ', '+')}", data, to=f"/operation/{stream}")


def after_trial(practice: Practice, nora: Visitor) -> str:
    """Somebody whose screening test was positive; the pseudonym."""
    nora.send("/new-person", {"name": "Nell New", "phone": "555-0150"})
    stream = charts(practice)[-1]
    at = Instant(NOW.s - 30 * DAY_S)
    test = TestBolusGiven(at, Amount(50 * 10**6), Concentration(50), None)
    results = [Answered(at, "test result", item, yes=True) for item in ("significant fall in tone", "goal met")]
    write(practice, stream, test, *results)
    return stream


def old_pump(practice: Practice, nora: Visitor, **change: str) -> str:
    """Somebody whose pump is older than it may run; the pseudonym."""
    nora.send("/new-person?with=pump", {**WITH_PUMP, "implanted_on": "2019-10-05", **change}, to="/new-person")
    return charts(practice)[-1]


def test_a_pump_is_put_on_the_chart_of_the_trial(as_: SignIn, practice: Practice) -> None:
    """With its papers, its line and its fill; what it runs is read at a visit, and there is a day to refill by."""
    nora = as_("nora")
    stream = after_trial(practice, nora)
    assert f'href="/operation/{stream}"' in nora.get(f"/chart/{stream}").text
    answer = operated(nora, stream, IMPLANT)
    assert "Written down: " in answer.text
    found = history(practice, stream)
    implanted = found.chart.implanted
    assert implanted is not None
    assert (implanted.at, implanted.pump, implanted.tip_level, implanted.holds) == (OPERATED, "synchromed-ii-40", "T10", "CSF")
    assert implanted.geometry is not None
    assert (implanted.geometry.length, implanted.dead_volume) == (Length(800), Volume(316_800))
    assert found.last(DeviceRecorded) == DeviceRecorded(
        OPERATED, "synchromed-ii-40", "NEW-1", site="left lower abdomen", access_port=True
    )
    assert found.chart.filled == Filled(OPERATED, Volume(18 * 10**6), Concentration(500))
    assert found.all(TestBolusGiven)
    with practice.reading() as reading:
        look = reading.look(found)
    assert not [finding for finding in check(look) if finding.rule in ("IMP-05", "DEV-01")]
    visit = begun(nora, stream, "unscheduled")
    to_the_pump(nora, visit)
    printed = {"what": "reading", "concentration": "500 mcg/mL", "daily_dose": "50 mcg/day", "day_total": "50 mcg/day"}
    printed |= {"calculated": "17.8 mL", "low_reservoir": "2 mL", "alarm_on": "2027-04-27"}
    answer = step(nora, visit, "pump/printed", dict(printed))
    assert answer.status == 200, answer.words
    now = standing(practice, stream)
    assert (now.model, now.serial) == ("synchromed-ii-40", "NEW-1")
    assert now.refill_by is not None
    assert now.filled == OPERATED


def test_an_implant_of_an_unknown_line_says_so(as_: SignIn, practice: Practice) -> None:
    """No prime and no bridge, and no first program, until it is known."""
    nora = as_("nora")
    stream = after_trial(practice, nora)
    unknown = {**IMPLANT, "catheter_model": "", "catheter_length": "", "fill": "", "strength": ""}
    operated(nora, stream, unknown)
    found = history(practice, stream)
    told = found.last(LineUnknown)
    assert told is not None
    assert not told.known
    assert found.chart.filled is None
    assert "model, length and trimmed length of the catheter" in asked_for(practice, stream, "IMP-05")[0]
    assert asked_for(practice, stream, "line")


def test_a_replacement_begins_the_age_of_the_pump_anew(as_: SignIn, practice: Practice) -> None:
    """What was to be done for the end of the old one ends; the catheter stays as it was, and the chart shows the new pump."""
    nora = as_("nora")
    stream = old_pump(practice, nora, catheter_model="ascenda-8780", catheter_length="80 cm", catheter_tip="T10")
    before = standing(practice, stream)
    assert before.end_of_service is not None
    assert before.end_of_service < NOW
    assert asked_for(practice, stream, "EOS-01")
    line = history(practice, stream).chart.catheter
    operated(nora, stream, REPLACEMENT)
    found, now = history(practice, stream), standing(practice, stream)
    assert found.all(PumpReplaced) == [PumpReplaced(OPERATED, "synchromed-ii-40", Volume(316_800))]
    assert found.chart.catheter == line
    assert not [item for item in now.items if item.rule in ("EOS-01", "EOS-02", "EOS-03", "DEV-01", "IMP-05")]
    assert (now.model, now.serial, now.filled) == ("synchromed-ii-40", "NEW-1", OPERATED)
    assert now.end_of_service is not None
    assert now.end_of_service.s > NOW.s + 2500 * DAY_S
    page = nora.get(f"/chart/{stream}").words
    assert "In place since 2026-11-18" in page
    assert "Serial number NEW-1" in page
    ledger = line_ledger(found.chart)
    assert ledger is not None
    assert (ledger.line.volume_nl, ledger.reservoir) == (316_800, Concentration(500))


def test_the_old_pumps_indicator_is_not_the_new_ones(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """EOS-02 is of the pump that said so."""
    nora = as_("nora")
    stream = admit(practice, papers=True)
    visit = begun(nora, stream)
    to_the_pump(nora, visit)
    answer = step(nora, visit, "pump/printed", {**printed_now(practice, stream), "replace_by": "2027-01-31"})
    assert answer.status == 200, answer.words
    assert asked_for(practice, stream, "EOS-02")
    refused = operated(nora, stream, {**REPLACEMENT, "at": ""})
    assert "cannot be written down while a visit is open" in refused.words
    step(nora, visit, "abandon", {"why": "to the theatre"})
    clock.pass_(Duration(1200))
    assert operated(nora, stream, {**REPLACEMENT, "at": ""}).status == 200
    assert asked_for(practice, stream, "EOS-02") == []


def test_what_was_done_after_a_replacement_is_ticked_then_or_later(as_: SignIn, practice: Practice) -> None:
    """EOS-04 asks for it until all of it is recorded."""
    nora = as_("nora")
    stream = old_pump(practice, nora)
    operated(nora, stream, {**REPLACEMENT, "item-0": "yes"})
    assert asked_for(practice, stream, "EOS-04")[0].endswith(": patency confirmed, volumes recorded")
    page = f"/checklist/{stream}/after-replacement"
    assert f'href="{page}#' in nora.get(f"/to-do/{stream}").text
    names = [re.sub("[^a-z0-9]+", "-", f"after replacement {item}") for item in ("patency confirmed", "volumes recorded")]
    assert nora.send(page, dict.fromkeys(names, "yes")).status == 200
    assert asked_for(practice, stream, "EOS-04") == []


def test_a_revision_puts_another_catheter_on_the_pump(as_: SignIn, practice: Practice) -> None:
    """Its lengths make the line known that nobody knew; pump, fill and dose stay."""
    nora = as_("nora")
    stream = old_pump(practice, nora)
    before = standing(practice, stream)
    assert "line" in [item.name for item in before.items]
    operated(nora, stream, {"kind": "revision", "at": "2026-11-18T10:00", **CATHETER, "catheter_serial": "CAT-7"})
    found, now = history(practice, stream), standing(practice, stream)
    (revised,) = found.all(Revised)
    assert (revised.at, revised.catheter, revised.dead_volume, revised.holds) == (
        OPERATED,
        "ascenda-8780",
        Volume(316_800),
        "CSF",
    )
    device = found.last(DeviceRecorded)
    assert device is not None
    assert (device.serial, device.catheter_serial) == ("SER-9", "CAT-7")
    assert (now.model, now.fill, now.dose) == (before.model, before.fill, before.dose)
    assert "line" not in [item.name for item in now.items]
    assert "lengths" not in " ".join(asked_for(practice, stream, "DEV-01"))


def test_an_explant_ends_no_treatment_and_another_implant_may_follow(as_: SignIn, practice: Practice) -> None:
    """No pump is in place; the person is still treated here; the age of the next pump is its own."""
    nora = as_("nora")
    stream = old_pump(practice, nora)
    operated(nora, stream, {"kind": "explant", "at": "2026-11-17T10:00", "why": "an infected pocket"})
    found, now = history(practice, stream), standing(practice, stream)
    assert (found.chart.implanted, now.model, now.ended) == (None, "", "")
    assert Noted(Instant(OPERATED.s - DAY_S), "pump and catheter taken out: an infected pocket") in found.all(Noted)
    assert not asked_for(practice, stream, "EOS-01")
    assert operated(nora, stream, IMPLANT).status == 200
    now = standing(practice, stream)
    assert (now.model, now.serial) == ("synchromed-ii-40", "NEW-1")
    assert not asked_for(practice, stream, "EOS-01")
    assert len(history(practice, stream).all(Implanted)) == 2


def test_what_is_booked_of_a_pump_goes_with_it(as_: SignIn, practice: Practice) -> None:
    """No refill is waited for that nobody can do; another visit stays."""
    nora = as_("nora")
    stream = old_pump(practice, nora)
    on = Instant(NOW.s + 9 * DAY_S)
    write(practice, stream, Booked(NOW, "refill", on, "Nora Nurse"), Booked(NOW, "follow-up", on, "Dora Doctor"))
    operated(nora, stream, {"kind": "explant", "at": "2026-11-20T09:00"})
    with practice.reading() as reading:
        left = open_bookings(reading.look(history(practice, stream)))
    assert [booking.visit for booking in left] == ["follow-up"]
    assert standing(practice, stream).booked is None


def test_a_needle_in_the_access_port_is_on_the_chart(as_: SignIn, practice: Practice) -> None:
    """The line is emptied of what was aspirated, and nothing is taken for drug that was not."""
    stream = admit(practice)
    nora = as_("nora")
    port: dict[str, object] = {"kind": "port", "what": "aspirate", "volume": "1 mL"}
    wrong = operated(nora, stream, {**port, "concentration": "500 mcg/mL"})
    assert wrong.status == 422
    assert 'id="concentration-error"' in wrong.text
    operated(nora, stream, port)
    assert history(practice, stream).last(PortUsed) == PortUsed(practice.now, "aspirate", Volume(10**6))
    ledger = line_ledger(history(practice, stream).chart)
    assert ledger is not None
    assert "CSF" in ledger.in_words()


@pytest.mark.parametrize(
    ("data", "field", "told"),
    [
        (IMPLANT, "at", "an implant while a pump is in place"),
        ({**REPLACEMENT, "at": "2026-12-01T10:00"}, "at", "is in the future"),
        ({**REPLACEMENT, "at": "2020-01-01T10:00"}, "at", "no pump was in place then"),
        ({**REPLACEMENT, "model": "nothing"}, "model", "is not one of those"),
        ({**REPLACEMENT, "serial": ""}, "serial", "is missing"),
        ({**REPLACEMENT, "serial": "SER-1"}, "serial", "is that of the pump in another chart"),
        ({**REPLACEMENT, "serial": "OLD-1"}, "serial", "is that of a pump before it"),
        ({**REPLACEMENT, "fill": "45 mL"}, "fill", "is more than the reservoir"),
        ({**REPLACEMENT, "strength": "50 mcg/mL"}, "strength", "that of a screening test"),
        ({**REPLACEMENT, "strength": ""}, "strength", "is missing"),
        ({**REPLACEMENT, "primed": "500"}, "primed", "mcg/mL"),
        ({"kind": "revision", **CATHETER, "holds": "drug"}, "holds", "is not one of those"),
        ({"kind": "revision", **CATHETER, "catheter_length": "120 cm"}, "catheter_length", "longer than the catheter comes"),
        ({"kind": "revision", **CATHETER, "at": "2020-01-01T10:00"}, "at", "no pump was in place then"),
        ({"kind": "explant", "at": "2020-01-01T10:00"}, "at", "an explant before an implant"),
        ({"kind": "explant", "at": "2026-11-14T10:00"}, "at", "after the explant"),
        ({"kind": "port", "what": "aspirate", "volume": "2"}, "volume", "mL"),
        ({"kind": "other"}, "kind", ""),
    ],
)
def test_an_operation_that_cannot_be_is_marked(
    as_: SignIn, practice: Practice, data: dict[str, object], field: str, told: str
) -> None:
    """Beside its field, with what was typed kept; nothing is written."""
    other, stream = admit(practice, "Bea Other"), admit(practice)
    write(practice, other, DeviceRecorded(NOW, "synchromed-ii-40", "SER-1"))
    put_in = history(practice, stream).chart.implanted
    assert put_in is not None
    later = Filled(Instant(NOW.s - 5 * DAY_S), Volume(18 * 10**6), Concentration(500))
    write(practice, stream, DeviceRecorded(put_in.at, "synchromed-ii-40", "OLD-1"), later)
    version = history(practice, stream).version
    answer = operated(as_("nora"), stream, data)
    assert answer.status == 422
    assert told in answer.text.partition(f'id="{field}-error">')[2].partition("<")[0]
    if told:
        assert f'id="{field}-error"' in answer.text
    if "site" in data:
        assert 'value="left lower abdomen"' in answer.text
    assert history(practice, stream).version == version


def test_papers_that_were_written_since_are_those_of_this_pump(as_: SignIn, practice: Practice) -> None:
    """Of the pump that the form of the device has already; another one is refused with what was written."""
    stream = admit(practice)
    write(practice, stream, DeviceRecorded(NOW, "synchromed-ii-40", "NEW-1"))
    nora = as_("nora")
    refused = operated(nora, stream, {**REPLACEMENT, "serial": "NEW-2"})
    assert "is not what was written down since: NEW-1" in refused.text
    assert operated(nora, stream, REPLACEMENT).status == 200
    assert standing(practice, stream).serial == "NEW-1"


def test_nothing_is_done_to_whom_the_clinic_no_longer_treats(as_: SignIn, practice: Practice) -> None:
    """The end is taken back first."""
    stream = admit(practice)
    write(practice, stream, Ended(NOW, "transferred", "elsewhere"))
    answer = operated(as_("nora"), stream, REPLACEMENT)
    assert answer.status == 422
    assert "whom the clinic no longer treats" in answer.words
    assert history(practice, stream).last(PumpReplaced) is None


@pytest.mark.parametrize("name", ["susan", "thea"])
def test_who_may_not_write_down_a_device_operates_on_nobody(as_: SignIn, practice: Practice, name: str) -> None:
    """A scheduler and a therapist neither see the page nor a link to it."""
    stream = admit(practice)
    visitor = as_(name)
    assert visitor.get(f"/operation/{stream}").status == 403
    assert visitor.send("/worklist", REPLACEMENT, to=f"/operation/{stream}").status == 403
    assert f"/operation/{stream}" not in visitor.get(f"/chart/{stream}" if name == "thea" else f"/person/{stream}").text
    assert history(practice, stream).version == 11


def test_a_chart_that_went_on_is_not_operated_over(as_: SignIn, practice: Practice) -> None:
    """Somebody else has written since the form was shown."""
    stream = admit(practice)
    write(practice, stream, Noted(NOW, "meanwhile"))
    nora = as_("nora")
    assert operated(nora, stream, {**REPLACEMENT, "seen": "11"}).status == 409
    assert history(practice, stream).last(PumpReplaced) is None
