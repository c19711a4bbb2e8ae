"""The visit: every step in its order, interrupted and gone on with, closed only without a gap; by a printout that is typed in."""

from collections.abc import Callable

import pytest

from tests.clinic.practice import NOW, Clock, admit
from tests.web.visitor import Answer, Visitor, hidden
from thecal.chart.facts import Filled, Interrogated, ResidualMeasured, SessionEnded
from thecal.clinic.history import History
from thecal.clinic.practice import Practice
from thecal.clinic.visit import open_visit, visit_of
from thecal.programmer.believed import believed_pump
from thecal.pump.advance import advance
from thecal.pump.sheet import pump_sheet
from thecal.therapy.due import refill_due
from thecal.therapy.service import last_report
from thecal.timeline import DAY_S, Duration, Instant
from thecal.web.nightly import nightly
from thecal.web.submission import take

SignIn = Callable[[str], Visitor]
VIAL: dict[str, object] = {
    "item": ["two people verified drug", "one concentration per tray"],
    "vial_strength": "500 mcg/mL",
    "vial_lot": "A",
    "vial_expires": "2027-10-31",
    "vial_second": "nils",
}
NEEDLE: dict[str, object] = {"port": "refill port", "gauge": "22", "template": "yes", "at_stop": "yes"}
FILL: dict[str, object] = {"volume": "20 mL", "strength": "500 mcg/mL", "fill_none": "yes"}
BEFORE = ["identity twice", "allergy", "no infection signs", "interval history"]


def history_of(practice: Practice, stream: str) -> History:
    with practice.reading() as reading:
        return reading.history(stream)


def begun(visitor: Visitor, stream: str, kind: str = "refill") -> str:
    """The address of a visit that was just begun."""
    answer = visitor.send(f"/visit/{stream}", {"kind": kind})
    assert f"/visit/{stream}/" in answer.url, answer.words
    return answer.url.removeprefix("http://clinic.test").partition("#")[0]


def step(visitor: Visitor, visit: str, name: str, data: dict[str, object] | None = None) -> Answer:
    """Send a step of a visit as its page has it."""
    return visitor.send(visit, data or {}, to=f"{visit}/{name}")


def to_the_pump(visitor: Visitor, visit: str) -> None:
    """The steps before the pump is asked."""
    assert step(visitor, visit, "before", {"item": BEFORE}).status == 200
    assert step(visitor, visit, "symptoms", {"none_there": "yes"}).status == 200
    assert step(visitor, visit, "scales", {"legs": "2.5", "spasm": "1"}).status == 200
    assert step(visitor, visit, "reconciliation", {"reconciled": "yes"}).status == 200


def printed_now(
    practice: Practice, stream: str, fill_ml: float | None = None, dose_mcg: int = 100, strength: int = 500
) -> dict[str, object]:
    """What a programmer would print of the pump of a chart now; after a fill of so much, if one is said."""
    with practice.reading() as reading:
        look = reading.look(reading.history(stream))
    report, sheet = last_report(look.known), look.sheet
    assert report is not None
    assert sheet is not None
    state = advance(believed_pump(report, sheet), look.now).state
    left = state.known_nl if fill_ml is None else round(fill_ml * 10**6)
    assert left is not None
    flow_nl, low = dose_mcg * 10**6 // strength, report.low_reservoir
    alarm = Instant(look.now.s + (left - low.nl) * DAY_S // flow_nl)
    return {
        "what": "reading",
        "concentration": f"{strength:,} mcg/mL",
        "daily_dose": f"{dose_mcg} mcg/day",
        "day_total": f"{dose_mcg} mcg/day",
        "calculated": f"{left / 10**6:.1f} mL",
        "low_reservoir": str(low),
        "alarm_on": alarm.date(look.zone).isoformat(),
    }


def test_a_refill_by_printout_from_the_first_step_to_the_last(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """What was read, measured, filled and programmed outside is in the chart, and the dates are those of the new fill."""
    stream = admit(practice, papers=True)
    clock.pass_(Duration(50 * DAY_S))
    nora = as_("nora")
    visit = begun(nora, stream)
    to_the_pump(nora, visit)
    before = printed_now(practice, stream)
    answer = step(nora, visit, "pump/printed", before)
    assert answer.status == 200, answer.words
    assert step(nora, visit, "verify", VIAL).status == 200
    assert step(nora, visit, "needle", NEEDLE).status == 200
    left = float(str(before["calculated"]).split()[0])
    step(nora, visit, "pump/aspirate", {"residual": f"{left + 0.2:.1f} mL"})
    answer = step(nora, visit, "pump/fill", FILL)
    assert answer.status == 200, answer.words
    assert step(nora, visit, "routine").status == 200
    clock.pass_(Duration(600))
    answer = step(nora, visit, "pump/printed", {**printed_now(practice, stream, 20.0), "what": "update"})
    assert answer.status == 200, answer.words
    step(nora, visit, "printout", {"given": "yes"})
    step(nora, visit, "reminder", {"told": "yes"})
    refused = step(nora, visit, "close")
    assert refused.status == 422
    assert "the next visit booked" in refused.words
    history = history_of(practice, stream)
    facts = history.chart.facts
    assert [fact.volume.nl for fact in facts if isinstance(fact, Filled)][-1] == 20 * 10**6
    measured = next(fact for fact in reversed(facts) if isinstance(fact, ResidualMeasured))
    assert measured.measured.nl == round((left + 0.2) * 10**6)
    assert isinstance(next(fact for fact in reversed(facts) if isinstance(fact, SessionEnded)), SessionEnded)
    with practice.reading() as reading:
        due = refill_due(reading.look(history))
    assert due is not None
    assert due.filled == NOW + Duration(50 * DAY_S)
    assert (due.refill_by.s - practice.now.s) // DAY_S > 60


@pytest.mark.requirement("VST-01")
def test_a_visit_is_interrupted_and_gone_on_with_by_somebody_else(as_: SignIn, practice: Practice) -> None:
    """Where the first stopped, the second goes on."""
    stream = admit(practice, papers=True)
    nora, nils = as_("nora"), as_("nils")
    visit = begun(nora, stream)
    to_the_pump(nora, visit)
    page = nils.get(f"/visit/{stream}")
    assert "Go on with it" in page.text
    assert nils.get(visit).words.count("done") >= 4
    assert step(nils, visit, "pump/printed", printed_now(practice, stream)).status == 200
    history = history_of(practice, stream)
    assert history.rows[-1].who == "nils"
    assert any(isinstance(fact, Interrogated) for fact in history.chart.facts)


def test_two_people_do_not_both_write_one_step(as_: SignIn, practice: Practice) -> None:
    """The second of two who have the same page open is told who was first, and what they typed is on the page."""
    stream = admit(practice, papers=True)
    nora, nils = as_("nora"), as_("nils")
    visit = begun(nora, stream)
    page = nils.get(visit)
    assert step(nora, visit, "before", {"item": BEFORE}).status == 200
    version = history_of(practice, stream).version
    fields = {"seen": str(version - 5), "csrf": hidden(page.text, "csrf")}
    answer = nils.post(f"{visit}/before", {**fields, "item": BEFORE, "note": "typed by Nils"})
    assert answer.status == 409
    assert "nora has written here" in answer.text
    assert "typed by Nils" in answer.text
    assert history_of(practice, stream).version == version
    kept = {name: hidden(answer.text, name) for name in ("csrf", "seen", "note")}
    again = nils.post(f"{visit}/before", {**kept, "item": BEFORE})  # from the page that kept it, after a look
    assert again.status == 200, again.words
    assert history_of(practice, stream).rows[-1].who == "nils"


@pytest.mark.requirement("VST-02")
def test_a_visit_cannot_be_closed_with_a_gap(as_: SignIn, practice: Practice) -> None:
    """It says which steps are left."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = begun(nora, stream)
    answer = step(nora, visit, "close")
    assert answer.status == 422
    for told in ("who it is", "the fill", "the next visit booked"):
        assert told in answer.words
    assert open_visit(history_of(practice, stream)) is not None


def test_a_visit_that_is_given_up_keeps_what_it_wrote(as_: SignIn, practice: Practice) -> None:
    """And takes no more steps; without a reason it goes on."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = begun(nora, stream)
    step(nora, visit, "before", {"item": BEFORE})
    assert step(nora, visit, "abandon").status == 422
    assert step(nora, visit, "abandon", {"why": "taken to hospital"}).status == 200
    history = history_of(practice, stream)
    assert open_visit(history) is None
    found = visit_of(history, visit.rpartition("/")[2], pump_sheet("synchromed-ii-40"))
    assert found is not None
    assert (found.ended, set(found.done)) == ("abandoned", {"before"})


@pytest.mark.requirement("CLN-10")
@pytest.mark.parametrize(
    ("name", "data", "rule", "told"),
    [
        ("before", {"item": BEFORE[:3]}, "RPC-01", "interval history"),
        ("pump/fill", FILL, "RPC-16", "aspiration"),
        ("needle", {**NEEDLE, "port": "catheter access port"}, "RPC-1", "port"),
        ("reconciliation", {}, "RPC-01", "medicines"),
        ("routine", {}, "CLN-10", "a fill of this visit"),
    ],
)
def test_a_step_out_of_its_order_is_refused_and_changes_nothing(
    as_: SignIn, practice: Practice, name: str, data: dict[str, object], rule: str, told: str
) -> None:
    """With its rule, and what comes first."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = begun(nora, stream)
    version = history_of(practice, stream).version
    answer = step(nora, visit, name, data)
    assert answer.status == 422
    assert rule in answer.words
    assert told in answer.words
    assert history_of(practice, stream).version == version


@pytest.mark.requirement("VST-03")
def test_a_printout_whose_total_does_not_fit_is_refused_with_what_was_typed(as_: SignIn, practice: Practice) -> None:
    """60 mcg an hour for 60 mcg a day is 24 times too much (SAF-04); the other fields are still there."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = begun(nora, stream)
    to_the_pump(nora, visit)
    typed = {**printed_now(practice, stream), "day_total": "2,400 mcg/day"}
    answer = step(nora, visit, "pump/printed", typed)
    assert answer.status == 422
    assert "SAF-04" in answer.words
    assert str(typed["calculated"]) in answer.text


def test_who_may_not_refill_does_not_fill(as_: SignIn, practice: Practice) -> None:
    """A therapist has no visit at all; a nurse without a certificate may begin one and not fill (ROL-11)."""
    stream = admit(practice, papers=True)
    nora, thea = as_("nora"), as_("thea")
    visit = begun(nora, stream)
    assert thea.get(visit).status == 403
    assert thea.get(f"/visit/{stream}").status == 403


def test_one_visit_is_open_at_a_time(as_: SignIn, practice: Practice) -> None:
    """A second one is refused, and what to do is said."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    begun(nora, stream)
    version = history_of(practice, stream).version
    page = nora.get("/password")
    csrf = hidden(page.text, "csrf")
    answer = nora.post(f"/visit/{stream}", {"csrf": csrf, "seen": str(version), "kind": "titration"})
    assert "one visit at a time" in answer.text
    assert history_of(practice, stream).version == version


def test_a_form_that_is_sent_twice_is_done_once(as_: SignIn, practice: Practice) -> None:
    """The second answer is that of the first."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = begun(nora, stream)
    page = nora.get(visit)
    fields = {name: hidden(page.text, name) for name in ("csrf", "once", "seen")}
    first = nora.post(f"{visit}/before", {**fields, "item": BEFORE})
    version = history_of(practice, stream).version
    second = nora.post(f"{visit}/before", {**fields, "item": BEFORE})
    assert (first.status, second.status) == (200, 200)
    assert second.url == first.url
    assert history_of(practice, stream).version == version


def test_a_form_that_a_kill_cut_off_can_be_sent_again(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """Taken and never answered: what was typed is kept at once, and after two minutes the same form is new again."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = begun(nora, stream)
    page = nora.get(visit)
    fields = {name: hidden(page.text, name) for name in ("csrf", "once", "seen")}
    assert take(practice, fields["once"])  # and then the server is gone
    data = {**fields, "item": BEFORE, "note": "typed by Nora"}
    answer = nora.post(f"{visit}/before", data)
    assert answer.status == 409
    assert "nobody knows yet" in answer.text
    assert "typed by Nora" in answer.text
    clock.pass_(Duration(120))
    assert nora.post(f"{visit}/before", data).status == 200
    version = history_of(practice, stream).version
    assert nora.post(f"{visit}/before", data).status == 200
    assert history_of(practice, stream).version == version


def test_old_submissions_are_forgotten_by_night(practice: Practice, clock: Clock) -> None:
    """Those of today are not."""
    assert take(practice, "old")
    clock.pass_(Duration(2 * DAY_S))
    assert take(practice, "new")
    clock.pass_(Duration(60))
    nightly(practice)
    assert not take(practice, "new")
    assert take(practice, "old")
