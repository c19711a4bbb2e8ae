"""The time on a printout: an update is made after the order and the fill of its visit, by whatever clock the programmer has."""

from collections.abc import Callable

import pytest

from tests.clinic.practice import Clock, admit
from tests.web.real_pump import MODEL, Virtual, at_the_pump, ordered, printed
from tests.web.test_broken_off import NO_ANSWER, RAISED
from tests.web.test_real_pump import booked
from tests.web.test_visit import FILL, NEEDLE, VIAL, begun, history_of, printed_now, step, to_the_pump
from tests.web.visitor import Visitor
from thecal.chart.facts import Entered
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic.entry import VisitClosed
from thecal.clinic.practice import Practice
from thecal.timeline import DAY_S, Duration, Instant
from thecal.twin.action import Look as Interrogate

SignIn = Callable[[str], Visitor]
BEHIND = Duration(5 * 60)


def local(at: Instant, practice: Practice) -> str:
    """As a browser sends a time: to the minute."""
    return at.local_text(practice.office().zone)[:16].replace(" ", "T")


def filled(practice: Practice, clock: Clock, nora: Visitor, stream: str) -> str:
    """A visit with its fill and its routine order, forty seconds into a minute; a programmer would come next."""
    visit = begun(nora, stream)
    to_the_pump(nora, visit)
    before = printed_now(practice, stream)
    clock.pass_(Duration(40))
    steps: tuple[tuple[str, dict[str, object]], ...] = (
        ("pump/printed", before),
        ("verify", VIAL),
        ("needle", NEEDLE),
        ("pump/aspirate", {"residual": str(before["calculated"])}),
        ("pump/fill", {**FILL, "volume": "18 mL"}),
        ("routine", {}),
    )
    for name, data in steps:
        answer = step(nora, visit, name, data)
        assert answer.status == 200, answer.words
    return visit


@pytest.fixture
def stream(practice: Practice, clock: Clock) -> str:
    found = admit(practice, papers=True)
    clock.pass_(Duration(20 * DAY_S))
    return found


def test_an_update_by_a_clock_that_is_behind_is_refused_with_both_times(
    as_: SignIn, practice: Practice, clock: Clock, stream: str
) -> None:
    """Nothing is written, what was typed is kept, and the page says what to do: then, without a time, it is taken."""
    nora = as_("nora")
    visit = filled(practice, clock, nora, stream)
    at = practice.now
    clock.pass_(Duration(120))
    version = history_of(practice, stream).version
    typed = {**printed_now(practice, stream, 18.0), "what": "update"}
    answer = step(nora, visit, "pump/printed", {**typed, "printed_at": local(Instant(at.s - BEHIND.s), practice)})
    assert answer.status == 422
    assert 'id="update-printed_at-error"' in answer.text
    zone = practice.office().zone
    for told in (
        local(Instant(at.s - BEHIND.s), practice),
        f"is before the fill, {at.local_text(zone)}",
        f"the clinic's clock says {practice.now.local_text(zone)}",
        "Leave the time empty to take now",
    ):
        assert told in answer.words
    assert str(typed["day_total"]) in answer.text
    assert history_of(practice, stream).version == version
    answer = step(nora, visit, "pump/printed", typed)
    assert answer.status == 200, answer.words
    assert history_of(practice, stream).last(Entered) is not None


def test_an_update_of_the_minute_of_the_fill_is_after_it(as_: SignIn, practice: Practice, clock: Clock, stream: str) -> None:
    """A time is typed to the minute: the fill is entered, the update counts, and the visit is closed."""
    nora = as_("nora")
    visit = filled(practice, clock, nora, stream)
    at = practice.now
    assert at.s % 60 == 40
    clock.pass_(Duration(120))
    data = {**printed_now(practice, stream, 18.0), "what": "update", "printed_at": local(at, practice)}
    answer = step(nora, visit, "pump/printed", data)
    assert answer.status == 200, answer.words
    chart = history_of(practice, stream).chart
    assert chart.fill_session is not None
    assert chart.fill_session.at == at
    step(nora, visit, "printout", {"given": "yes"})
    step(nora, visit, "reminder", {"told": "yes"})
    booked(practice, nora, stream)
    answer = step(nora, visit, "close")
    assert answer.status == 200, answer.words
    assert history_of(practice, stream).last(VisitClosed) is not None


@pytest.mark.requirement("SES-05")
def test_a_reading_of_before_a_session_that_broke_off_leaves_it_uncertain(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """It is refused with both times; a reading of after it tells what the pump runs."""
    stream, virtual = admit(practice, model=MODEL, papers=True), Virtual.like(practice.now)
    nora = as_("nora")
    visit = at_the_pump(nora, stream, virtual, practice.now)
    ordered(practice, stream, visit, OrderSheet(RAISED, confirm_total=RAISED.dose))
    clock.pass_(Duration(600))
    early = local(Instant(practice.now.s - BEHIND.s), practice)
    assert step(nora, visit, "pump/uncertain", NO_ANSWER).status == 200
    broke_off = practice.now
    clock.pass_(Duration(60))
    typed = printed(virtual.until(practice.now, Interrogate(practice.now)))
    for what in ("reading", "update"):
        answer = step(nora, visit, "pump/printed", {**typed, "what": what, "printed_at": early})
        assert answer.status == 422
        assert f"is before the session that broke off, {broke_off.local_text(practice.office().zone)}" in answer.words
        assert history_of(practice, stream).chart.uncertain is not None
    answer = step(nora, visit, "pump/printed", typed)
    assert answer.status == 200, answer.words
    assert history_of(practice, stream).chart.uncertain is None
