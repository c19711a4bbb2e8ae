"""The steps of a visit that ask nothing of a pump: what each asks for, what it refuses, and what the record then says."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from tests.clinic.practice import Clock, admit
from tests.web.test_person import WITH_PUMP, charts
from tests.web.test_visit import FILL, NEEDLE, VIAL, begun, history_of, printed_now, step, to_the_pump
from tests.web.visitor import Visitor
from thecal.chart.clinical import Answered, Booked, Scanned, SymptomReported, Visited
from thecal.clinic.entry import DrugVerified, Entry, VisitClosed, VisitStepped
from thecal.clinic.practice import By, Practice
from thecal.clinic.visit import visit_of
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Concentration
from thecal.therapy.check import check
from thecal.therapy.home_refill import ITEMS
from thecal.timeline import DAY_S, Duration, Instant

SignIn = Callable[[str], Visitor]


def rules_of(practice: Practice, stream: str) -> set[str]:
    """The rules that find something in a chart now."""
    with practice.reading() as reading:
        return {finding.rule for finding in check(reading.look(reading.history(stream)))}


def write(practice: Practice, stream: str, *entries: Entry) -> None:
    """Write something into a chart beside the visit."""
    practice.write(stream, history_of(practice, stream).version, entries, By("nora"), "wrote for a test")


def steady(practice: Practice, stream: str) -> None:
    """Two more visits with the pump at the same dose: then it is stable (VIS-03)."""
    session = history_of(practice, stream).chart.session
    assert session is not None
    for days in (5, 3):
        at = Instant(practice.now.s - days * DAY_S)
        write(practice, stream, replace(session, at=at, report=replace(session.report, at=at)))


def local(at: Instant, practice: Practice) -> str:
    """An instant as a browser sends it."""
    return at.local_text(practice.office().zone)[:16].replace(" ", "T")


# The scan -----------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("MRI-03")
def test_a_visit_for_a_scan_records_the_scan_and_is_not_closed_without_a_reading_after_it(
    as_: SignIn, practice: Practice, clock: Clock
) -> None:
    """Begun, what has to be known before the scan is still asked for; written down, the reading after it is."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    booked = Booked(practice.now, "MRI", practice.now + Duration(3600))
    write(practice, stream, booked)
    visit = begun(nora, stream, "MRI")
    assert "MRI visit" in nora.get(visit).words
    assert history_of(practice, stream).all(Visited) == []
    assert "MRI-01" in rules_of(practice, stream)
    to_the_pump(nora, visit)
    assert step(nora, visit, "pump/printed", printed_now(practice, stream)).status == 200
    refused = step(nora, visit, "close")
    assert "the scan, the pump interrogated again" in refused.words
    assert step(nora, visit, "leave-out", {"step": "order", "why": "not needed"}).status == 422
    clock.pass_(Duration(3 * 3600))
    nora = as_("nora")  # the session has ended meanwhile
    scanned = Instant(practice.now.s - 3600)
    answer = step(nora, visit, "scan", {"scanned_at": local(scanned, practice), "infusion_off": "40 min"})
    assert answer.status == 200, answer.words
    assert history_of(practice, stream).last(Scanned) == Scanned(scanned, None, Duration(2400))
    found = rules_of(practice, stream)
    assert {"MRI-03", "VIS-07"} <= found
    assert "MRI-01" not in found
    step(nora, visit, "printout", {"given": "yes"})
    step(nora, visit, "reminder", {"told": "yes"})
    following = Booked(practice.now, "refill", practice.now + Duration(14 * DAY_S))
    write(practice, stream, following)
    refused = step(nora, visit, "close")
    assert refused.status == 422
    assert "left are: the pump interrogated again" in refused.words
    early = {**printed_now(practice, stream), "printed_at": local(Instant(scanned.s - 600), practice)}
    step(nora, visit, "pump/printed", early)
    assert step(nora, visit, "close").status == 422
    clock.pass_(Duration(3600))
    nora = as_("nora")
    assert step(nora, visit, "pump/printed", printed_now(practice, stream)).status == 200
    closed = step(nora, visit, "close")
    assert closed.status == 200, closed.words
    assert not {"MRI-03", "VIS-07"} & rules_of(practice, stream)


@pytest.mark.requirement("VIS-07")
def test_whoever_closes_the_visit_has_seen_somebody_whose_pump_cannot_be_read(as_: SignIn, practice: Practice) -> None:
    """After a scan with a pump without electronics nothing is left to be triaged; while the visit is open it is."""
    constant = {"pump_model": "isomed-8472-20-03", "last_refill_on": "2026-11-10 09:30", "daily_dose": ""}
    nora = as_("nora")
    nora.send("/new-person?with=pump", {**WITH_PUMP, **constant}, to="/new-person")
    (stream,) = charts(practice)
    visit = begun(nora, stream, "MRI")
    to_the_pump(nora, visit)
    assert step(nora, visit, "scan", {"scanned_at": local(practice.now, practice)}).status == 200
    step(nora, visit, "printout", {"given": "yes"})
    step(nora, visit, "reminder", {"told": "yes"})
    write(practice, stream, Booked(practice.now, "refill", practice.now + Duration(5 * DAY_S)))
    assert "VIS-07" in rules_of(practice, stream)
    closed = step(nora, visit, "close")
    assert closed.status == 200, closed.words
    assert "VIS-07" not in rules_of(practice, stream)


def test_a_reading_before_the_scan_was_written_down_is_none_after_it(as_: SignIn, practice: Practice) -> None:
    """Also where the scan is said to have been before that reading."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = begun(nora, stream, "MRI")
    to_the_pump(nora, visit)
    assert step(nora, visit, "pump/printed", printed_now(practice, stream)).status == 200
    scanned = local(Instant(practice.now.s - 3600), practice)
    assert step(nora, visit, "scan", {"scanned_at": scanned}).status == 200
    assert "left are: the pump interrogated again" in step(nora, visit, "close").words


def test_a_visit_of_somebody_without_a_pump_can_be_closed(as_: SignIn, practice: Practice) -> None:
    """There is no refill that could be booked."""
    nora = as_("nora")
    stream = nora.send("/new-person", {"name": "Nell New"}).url.rpartition("/")[2]
    visit = begun(nora, stream, "follow-up")
    to_the_pump(nora, visit)
    step(nora, visit, "printout", {"given": "yes"})
    step(nora, visit, "reminder", {"told": "yes"})
    closed = step(nora, visit, "close")
    assert closed.status == 200, closed.words
    assert history_of(practice, stream).last(VisitClosed) is not None


def test_two_sizes_of_one_lot_are_two_drugs_of_the_tray(as_: SignIn, practice: Practice) -> None:
    """Each comes out of its own stock; one that is verified again takes its own place."""
    stream = admit(practice, papers=True)
    visit = begun(as_("nora"), stream).rpartition("/")[2]
    drug = DrugVerified(practice.now, visit, Concentration(500), "A1", date(2027, 10, 31), "nils", "of-20", 1)
    write(practice, stream, drug, replace(drug, stock="of-5", vials=2), replace(drug, vials=3))
    found = visit_of(history_of(practice, stream), visit, pump_sheet("synchromed-ii-40"))
    assert found is not None
    assert [(each.stock, each.vials) for each in found.verified] == [("of-5", 2), ("of-20", 3)]
    write(practice, stream, replace(drug, stock="", vials=0))
    found = visit_of(history_of(practice, stream), visit, pump_sheet("synchromed-ii-40"))
    assert found is not None
    assert [each.stock for each in found.verified] == [""], "as it was typed in, whatever lot was chosen before"


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({}, "scanned_at"),
        ({"scanned_at": "2026-11-20T09:01"}, "scanned_at"),
        ({"scanned_at": "2026-11-20T08:00", "tesla": "0"}, "tesla"),
        ({"scanned_at": "2026-11-20T08:00", "infusion_off": "40"}, "infusion_off"),
    ],
)
def test_a_scan_that_cannot_be_comes_back_with_its_field_marked(
    as_: SignIn, practice: Practice, data: dict[str, object], field: str
) -> None:
    """Nothing is written."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = begun(nora, stream, "MRI")
    answer = step(nora, visit, "scan", data)
    assert answer.status == 422
    assert f'id="{field}-error"' in answer.text
    assert history_of(practice, stream).last(Scanned) is None


def test_a_scan_is_a_step_of_a_visit_for_one_only(as_: SignIn, practice: Practice) -> None:
    """At another visit it is refused, with where it is written down."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = begun(nora, stream, "follow-up")
    answer = step(nora, visit, "scan", {"scanned_at": local(practice.now, practice)})
    assert answer.status == 422
    assert "an MRI that was done" in answer.words


# At home ------------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("RPC-14")
def test_a_needle_at_home_waits_for_what_a_refill_there_needs(as_: SignIn, practice: Practice) -> None:
    """Not asked for, it is refused; asked for and there, it is on the list that the rule reads, in the name of who asked."""
    stream = admit(practice, papers=True)
    steady(practice, stream)
    nora = as_("nora")
    visit = begun(nora, stream, "home refill")
    assert "RPC-14" in rules_of(practice, stream)
    assert step(nora, visit, "pump/printed", printed_now(practice, stream)).status == 200
    refused = step(nora, visit, "needle", NEEDLE)
    assert refused.status == 422
    assert "Not done (RPC-14): a needle at home before it was asked for" in refused.words
    for item in ITEMS:
        lacking = step(nora, visit, "home", {"item": [other for other in ITEMS if other != item]})
        assert lacking.status == 422
        assert f"Not done (RPC-14): a refill at home without: {item}." in lacking.words
    assert history_of(practice, stream).all(Answered) == []
    assert step(nora, visit, "home", {"item": list(ITEMS)}).status == 200
    rows = [row for row in history_of(practice, stream).standing if isinstance(row.entry, Answered)]
    assert {(row.entry.item, row.who) for row in rows if isinstance(row.entry, Answered)} == {(item, "nora") for item in ITEMS}
    assert "RPC-14" not in rules_of(practice, stream)
    assert step(nora, visit, "needle", NEEDLE).status == 200


@pytest.mark.requirement("RPC-14")
def test_a_dose_that_is_not_stable_is_not_refilled_at_home(as_: SignIn, practice: Practice) -> None:
    """Whatever is there on the day."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = begun(nora, stream, "home refill")
    answer = step(nora, visit, "home", {"item": list(ITEMS)})
    assert answer.status == 422
    assert "Not done (RPC-14): a refill at home while the dose is not stable" in answer.words
    assert history_of(practice, stream).all(Answered) == []


@pytest.mark.requirement("RPC-14")
def test_what_is_there_no_longer_stops_needle_and_fill(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """Answered with no since, the list counts as it is now."""
    stream = admit(practice, papers=True)
    steady(practice, stream)
    nora = as_("nora")
    visit = begun(nora, stream, "home refill")
    step(nora, visit, "home", {"item": list(ITEMS)})
    step(nora, visit, "pump/printed", printed_now(practice, stream))
    clock.pass_(Duration(60))
    write(practice, stream, Answered(practice.now, "home refill", "route to hospital", yes=False))
    answer = step(nora, visit, "needle", NEEDLE)
    assert answer.status == 422
    assert "Not done (RPC-14): a refill at home without: route to hospital" in answer.words
    assert step(nora, visit, "home", {"item": list(ITEMS)}).status == 200
    assert step(nora, visit, "verify", VIAL).status == 200
    assert step(nora, visit, "needle", NEEDLE).status == 200
    assert step(nora, visit, "pump/aspirate", {"residual": printed_now(practice, stream)["calculated"]}).status == 200
    clock.pass_(Duration(60))
    write(practice, stream, Answered(practice.now, "home refill", "second checker", yes=False))
    answer = step(nora, visit, "pump/fill", FILL)
    assert answer.status == 422
    assert "Not done (RPC-14): a refill at home without: second checker" in answer.words


# The drug -----------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("RPC-03")
def test_the_drug_is_verified_with_its_label_and_the_name_of_the_second(as_: SignIn, practice: Practice) -> None:
    """Strength, lot and expiry as such; another lot of the same strength beside it; the same lot again takes its own place."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = begun(nora, stream)
    assert step(nora, visit, "verify", {**VIAL, "vial_expires": "2027-09-30"}).status == 200
    assert step(nora, visit, "verify", VIAL).status == 200
    assert step(nora, visit, "verify", {**VIAL, "vial_lot": "B", "vial_second": "paul"}).status == 200
    name = visit.rpartition("/")[2]
    a = DrugVerified(practice.now, name, Concentration(500), "A", date(2027, 10, 31), "nils")
    assert history_of(practice, stream).all(DrugVerified)[1:] == [a, replace(a, lot="B", second="paul")]
    page = nora.get(visit)
    assert "500 mcg/mL, lot B, expires 2027-10-31; with paul" in page.words


@pytest.mark.requirement("RPC-03")
@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"vial_expires": "2026-11-19"}, "drug that expired on 2026-11-19, lot A. Allowed: an expiry of 2026-11-20 or later"),
        ({"item": ["one concentration per tray"]}, "to go on without: two people verified drug"),
    ],
)
def test_drug_that_is_not_as_it_has_to_be_is_refused(as_: SignIn, practice: Practice, data: dict[str, object], told: str) -> None:
    """By the rule; nothing is written, and what was typed is still there. On its last day a vial may be used."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = begun(nora, stream)
    version = history_of(practice, stream).version
    answer = step(nora, visit, "verify", {**VIAL, **data})
    assert answer.status == 422
    assert f"Not done (RPC-03): {told}" in answer.words
    assert 'value="500 mcg/mL"' in answer.text
    assert history_of(practice, stream).version == version
    assert step(nora, visit, "verify", {**VIAL, "vial_expires": "2026-11-20"}).status == 200


@pytest.mark.requirement("RPC-03")
@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("vial_second", "nora"),
        ("vial_second", "thea"),
        ("vial_second", ""),
        ("vial_strength", ""),
        ("vial_strength", "500"),
        ("vial_lot", ""),
        ("vial_expires", ""),
        ("vial_expires", "10/2027"),
    ],
)
def test_what_is_missing_on_the_label_or_who_is_no_second_is_marked(
    as_: SignIn, practice: Practice, field: str, text: str
) -> None:
    """The second is another one than who writes, and may double-check: a therapist may not."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = begun(nora, stream)
    answer = step(nora, visit, "verify", {**VIAL, field: text})
    assert answer.status == 422
    assert f'id="{field}-error"' in answer.text
    assert history_of(practice, stream).all(DrugVerified) == []
    page = nora.get(visit).text
    assert "Nils Nurse, nurse" in page
    assert "Nora Nurse, nurse" not in page
    assert "Thea" not in page


@pytest.mark.requirement("RPC-03")
def test_two_strengths_are_not_on_one_tray(as_: SignIn, practice: Practice) -> None:
    """A second lot of another strength is refused with both."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = begun(nora, stream)
    assert step(nora, visit, "verify", VIAL).status == 200
    answer = step(nora, visit, "verify", {**VIAL, "vial_lot": "B", "vial_strength": "2,000 mcg/mL"})
    assert answer.status == 422
    assert "a lot of 2,000 mcg/mL besides. Allowed: one concentration on the tray, 500 mcg/mL as lot A" in answer.words


# What was asked -----------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("AE-01")
def test_symptoms_that_nobody_asked_for_are_not_none(as_: SignIn, practice: Practice) -> None:
    """An empty form is no answer; that none is there is one, and does not go with a grade."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = begun(nora, stream)
    for data in ({}, {"none_there": "yes", "grade drowsiness": "2"}):
        answer = step(nora, visit, "symptoms", dict(data))
        assert answer.status == 422
        assert 'id="none_there-error"' in answer.text
    assert history_of(practice, stream).all(SymptomReported) == []
    assert step(nora, visit, "symptoms", {"none_there": "yes"}).status == 200
    last = history_of(practice, stream).last(VisitStepped)
    assert last is not None
    assert (last.step, last.note) == ("symptoms", "asked, none")


def test_a_grade_is_an_answer(as_: SignIn, practice: Practice) -> None:
    """What is there is told; of what is not, that it was asked for."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = begun(nora, stream)
    assert step(nora, visit, "symptoms", {"grade drowsiness": "0"}).status == 200
    last = history_of(practice, stream).last(VisitStepped)
    assert last is not None
    assert last.note == "none of drowsiness"
    assert history_of(practice, stream).all(SymptomReported) == [SymptomReported(practice.now, "drowsiness", 0)]


@pytest.mark.requirement("RPC-04")
@pytest.mark.parametrize(("left", "rule"), [("template", "RPC-04"), ("at_stop", "RPC-05")])
def test_kit_template_and_stop_are_asked_for_before_they_are_on_record(
    as_: SignIn, practice: Practice, left: str, rule: str
) -> None:
    """Without one of them nothing is written."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = begun(nora, stream)
    step(nora, visit, "pump/printed", printed_now(practice, stream))
    version = history_of(practice, stream).version
    answer = step(nora, visit, "needle", {name: value for name, value in NEEDLE.items() if name != left})
    assert answer.status == 422
    assert f"Not done ({rule})" in answer.words
    assert history_of(practice, stream).version == version
