"""A printout that a second person enters again (SAF-05): it counts for nothing until they have entered the same."""

from collections.abc import Callable

import pytest

from tests.clinic.practice import Clock, admit
from tests.web.test_visit import begun, history_of, printed_now, step, to_the_pump
from tests.web.visitor import Visitor
from thecal.chart.chart import Chart
from thecal.chart.clinical import Documented, Overrode, Signed
from thecal.chart.facts import Interrogated
from thecal.chart.order import OrderContinuous, OrderStop
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic.entry import Corrected, OrderWritten, PrintoutEntered, PrintoutTyped, VisitStepped
from thecal.clinic.practice import By, Practice
from thecal.quantity import DailyDose
from thecal.therapy.service import last_report
from thecal.timeline import Duration
from thecal.web.visit import opened

SignIn = Callable[[str], Visitor]
DOSE = DailyDose(153 * 10**6)


def again(typed: dict[str, object]) -> dict[str, object]:
    """The six values, as a second person finds them on the same paper."""
    names = {"concentration": "concentration", "dose": "daily_dose", "total": "day_total", "volume": "calculated"}
    return {**{name: typed[field] for name, field in names.items()}, "alarm": typed["alarm_on"], "eri": ""}


def chart(practice: Practice, stream: str) -> Chart:
    return history_of(practice, stream).chart


@pytest.fixture
def stream(practice: Practice) -> str:
    return admit(practice, papers=True)


@pytest.fixture
def waiting(practice: Practice, as_: SignIn, stream: str) -> tuple[str, dict[str, object]]:
    """A visit at which somebody has typed that the pump was found with another strength, and what they typed."""
    nora = as_("nora")
    visit = begun(nora, stream, "follow-up")
    to_the_pump(nora, visit)
    typed = printed_now(practice, stream, strength=1000)
    answer = step(nora, visit, "pump/printed", typed)
    assert answer.status == 200, answer.words
    return visit, typed


@pytest.mark.requirement("VST-06")
def test_a_new_concentration_on_a_printout_waits_for_a_second_person(
    practice: Practice, as_: SignIn, stream: str, waiting: tuple[str, dict[str, object]]
) -> None:
    """Nothing of it is in the chart, and its step is not done, until another one has entered the same."""
    visit, typed = waiting
    before = chart(practice, stream)
    assert before.session is not None
    assert before.session.report.concentration is not None
    assert before.session.report.concentration.mcg_per_ml == 500
    assert history_of(practice, stream).last(PrintoutTyped) is not None
    assert "reading" not in opened(practice, stream, visit.rpartition("/")[2]).visit.done
    page = as_("nils").get(visit)
    assert "Typed by nora" in page.words
    assert "I am the second person" in page.words
    answer = as_("nils").send(f"{visit}/second", again(typed))
    assert answer.status == 200, answer.words
    after = chart(practice, stream)
    assert after.session is not None
    assert after.session.report.concentration is not None
    assert after.session.report.concentration.mcg_per_ml == 1000
    entered = history_of(practice, stream).last(PrintoutEntered)
    assert entered is not None
    assert entered.again_by == "nils"
    now = opened(practice, stream, visit.rpartition("/")[2]).visit
    assert "reading" in now.done
    assert now.typed is None


@pytest.mark.requirement("VST-06")
@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("concentration", "500"),
        ("dose", "110"),
        ("total", "2400"),
        ("volume", "12.5"),
        ("alarm", "2027-12-24"),
        ("eri", "2027-01-02"),
    ],
)
def test_what_differs_is_named_and_nothing_counts(
    practice: Practice, as_: SignIn, stream: str, waiting: tuple[str, dict[str, object]], field: str, text: str
) -> None:
    """The field is; what the first has typed is not shown, and is not taken either."""
    visit, typed = waiting
    version = history_of(practice, stream).version
    answer = as_("nils").send(f"{visit}/second", {**again(typed), field: text})
    assert answer.status == 422
    assert f'id="{field}-error"' in answer.text
    assert history_of(practice, stream).version == version


def test_the_page_shows_none_of_the_values(as_: SignIn, waiting: tuple[str, dict[str, object]]) -> None:
    """Every field is empty, and no number of the printout is on it."""
    visit, typed = waiting
    main = as_("nils").get(f"{visit}/second").shown
    assert "a printout" in main
    for shown in (typed["concentration"], typed["calculated"], typed["alarm_on"], "1000"):
        assert str(shown) not in main


@pytest.mark.requirement("VST-06")
def test_who_typed_it_does_not_enter_it_again(as_: SignIn, practice: Practice, stream: str) -> None:
    """Nor by typing it twice: a printout that is typed anew waits anew, for another than who typed it last."""
    nora, nils = as_("nora"), as_("nils")
    visit = begun(nora, stream, "follow-up")
    to_the_pump(nora, visit)
    typed = printed_now(practice, stream, strength=1000)
    step(nora, visit, "pump/printed", typed)
    refused = nora.get(f"{visit}/second")
    assert "two persons" in refused.words
    assert "<form method" not in refused.text.partition("<main")[2]
    step(nils, visit, "pump/printed", typed)
    assert len(history_of(practice, stream).all(PrintoutTyped)) == 2
    assert "two persons" in nils.get(f"{visit}/second").words
    assert nora.send(f"{visit}/second", again(typed)).status == 200
    entered = history_of(practice, stream).last(PrintoutEntered)
    assert entered is not None
    assert entered.again_by == "nora"


def test_a_reading_of_what_is_known_needs_one_person(as_: SignIn, practice: Practice, stream: str) -> None:
    """SAF-05 asks for nobody where nothing changed."""
    nora = as_("nora")
    visit = begun(nora, stream, "follow-up")
    to_the_pump(nora, visit)
    assert step(nora, visit, "pump/printed", printed_now(practice, stream)).status == 200
    history = history_of(practice, stream)
    assert history.last(PrintoutTyped) is None
    entered = history.last(PrintoutEntered)
    assert entered is not None
    assert entered.again_by is None


def ordered(practice: Practice, visitor: Visitor, stream: str) -> str:
    """A visit at which a rise by half was ordered, and entered again by a second person before it is programmed."""
    visit = begun(visitor, stream, "titration")
    to_the_pump(visitor, visit)
    step(visitor, visit, "pump/printed", printed_now(practice, stream))
    name, now = visit.rpartition("/")[2], practice.now
    version = history_of(practice, stream).version
    entries = (
        Documented(now, "device record"),
        Documented(now, "reconciliation"),
        Overrode(now, "TIT-03", "spasms", "dora", "physician"),
        OrderWritten(now, name, "dora", OrderSheet(OrderContinuous(DOSE), confirm_total=DOSE)),
        VisitStepped(now, name, "order approved", "dora"),
        Signed(now, "dora", "nils", "nurse"),
        VisitStepped(now, name, "second person", "nils"),
    )
    practice.write(stream, version, entries, By("dora"), "wrote an order")
    return visit


def test_an_update_whose_order_needed_two_is_entered_by_two(as_: SignIn, practice: Practice, stream: str, clock: Clock) -> None:
    """The alarm date and that of the replacement are on no order: they are entered twice once they are printed."""
    nora, nils = as_("nora"), as_("nils")
    visit = ordered(practice, nora, stream)
    clock.pass_(Duration(600))
    typed = {**printed_now(practice, stream, dose_mcg=153), "what": "update"}
    answer = step(nora, visit, "pump/printed", typed)
    assert answer.status == 200, answer.words
    assert "update" not in opened(practice, stream, visit.rpartition("/")[2]).visit.done
    answer = nils.send(f"{visit}/second", again(typed))
    assert answer.status == 200, answer.words
    now = opened(practice, stream, visit.rpartition("/")[2]).visit
    assert {"update", "reading after"} <= set(now.done)
    session = chart(practice, stream).session
    assert session is not None
    assert session.order == OrderContinuous(DOSE)


def test_a_printout_of_an_order_that_was_changed_since_does_not_wait(
    as_: SignIn, practice: Practice, stream: str, clock: Clock
) -> None:
    """It was of another order; whoever programs the new one types its own."""
    nora = as_("nora")
    visit = ordered(practice, nora, stream)
    clock.pass_(Duration(600))
    step(nora, visit, "pump/printed", {**printed_now(practice, stream, dose_mcg=153), "what": "update"})
    name = visit.rpartition("/")[2]
    assert opened(practice, stream, name).visit.typed is not None
    version = history_of(practice, stream).version
    other = OrderWritten(practice.now, name, "dora", OrderSheet(OrderContinuous(DailyDose(110 * 10**6))))
    practice.write(stream, version, [other], By("dora"), "wrote an order")
    assert opened(practice, stream, name).visit.typed is None
    page = as_("nils").get(visit)
    assert "Typed by" not in page.words


@pytest.mark.requirement("VST-06")
def test_who_signed_an_order_has_not_entered_a_printout(as_: SignIn, practice: Practice, stream: str) -> None:
    """An order was signed at a visit that was given up; what is found at the next one is another matter."""
    nora = as_("nora")
    first = ordered(practice, nora, stream)
    assert step(nora, first, "abandon", {"why": "the power failed"}).status == 200
    visit = begun(nora, stream, "follow-up")
    to_the_pump(nora, visit)
    step(nora, visit, "pump/printed", printed_now(practice, stream, strength=1000))
    assert opened(practice, stream, visit.rpartition("/")[2]).visit.typed is not None
    session = chart(practice, stream).session
    assert session is not None
    assert session.report.concentration is not None
    assert session.report.concentration.mcg_per_ml == 500


@pytest.mark.requirement("VST-06")
@pytest.mark.parametrize("end", ["close", "abandon"])
def test_no_visit_ends_while_a_printout_waits(
    practice: Practice, as_: SignIn, stream: str, waiting: tuple[str, dict[str, object]], end: str
) -> None:
    """Else a pump that was found otherwise would be on no list; taken back in the chart, it waits no more."""
    visit, _ = waiting
    nora = as_("nora")
    assert step(nora, visit, end, {"why": "no time"}).status == 422
    row = next(row for row in history_of(practice, stream).rows if isinstance(row.entry, PrintoutTyped))
    version = history_of(practice, stream).version
    practice.write(stream, version, [Corrected(practice.now, row.version, "wrong paper")], By("nora"), "took an entry back")
    assert step(nora, visit, "abandon", {"why": "no time"}).status == 200


def test_a_pump_that_was_read_since_waits_for_nobody(
    practice: Practice, stream: str, waiting: tuple[str, dict[str, object]]
) -> None:
    """What was typed before is older than what the pump said."""
    visit, _ = waiting
    with practice.reading() as reading:
        look = reading.look(reading.history(stream))
    report = last_report(look.known)
    assert report is not None
    version = history_of(practice, stream).version
    practice.write(stream, version, [Interrogated(practice.now, report)], By("nora"), "interrogated the pump")
    assert opened(practice, stream, visit.rpartition("/")[2]).visit.typed is None


def test_a_printout_that_counted_is_not_entered_a_third_time(
    practice: Practice, as_: SignIn, stream: str, waiting: tuple[str, dict[str, object]]
) -> None:
    """Also where the line that says so was taken back: the facts are still there."""
    visit, typed = waiting
    as_("nils").send(f"{visit}/second", again(typed))
    row = next(row for row in history_of(practice, stream).rows if isinstance(row.entry, PrintoutEntered))
    version = history_of(practice, stream).version
    practice.write(stream, version, [Corrected(practice.now, row.version, "twice")], By("nora"), "took an entry back")
    assert opened(practice, stream, visit.rpartition("/")[2]).visit.typed is None


@pytest.mark.requirement("VST-06")
def test_a_stop_that_was_found_is_typed_and_entered_again(as_: SignIn, practice: Practice, stream: str) -> None:
    """0 mcg/day, and no alarm date: nothing flows."""
    nora, nils = as_("nora"), as_("nils")
    visit = begun(nora, stream, "unscheduled")
    to_the_pump(nora, visit)
    nothing = {"daily_dose": "0 mcg/day", "day_total": "0 mcg/day", "alarm_on": ""}
    typed = {**printed_now(practice, stream), **nothing}
    answer = step(nora, visit, "pump/printed", typed)
    assert answer.status == 200, answer.words
    stopped = {name: value for name, value in again(typed).items() if name != "dose"}
    answer = nils.send(f"{visit}/second", {**stopped, "dose": "0"})
    assert answer.status == 200, answer.words
    session = chart(practice, stream).session
    assert session is not None
    assert session.order == OrderStop()


def test_an_alarm_that_no_pump_has_is_an_error_of_its_field(as_: SignIn, practice: Practice, stream: str) -> None:
    """With what was typed, and what was probably meant."""
    nora = as_("nora")
    visit = begun(nora, stream, "follow-up")
    to_the_pump(nora, visit)
    answer = step(nora, visit, "pump/printed", {**printed_now(practice, stream), "alarms": "low resevoir"})
    assert answer.status == 422
    assert "low reservoir" in answer.words
    assert 'value="low resevoir"' in answer.text
    assert history_of(practice, stream).last(PrintoutEntered) is None
