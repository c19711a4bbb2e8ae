"""A session of the maker's programmer that broke off: nobody knows what the pump runs until a reading of it is entered."""

from collections.abc import Callable

import pytest

from tests.clinic.practice import Clock, admit
from tests.web.real_pump import MODEL, Virtual, at_the_pump, ordered, printed, same_course
from tests.web.test_printed_again import again
from tests.web.test_visit import FILL, NEEDLE, VIAL, begun, history_of, printed_now, step, to_the_pump
from tests.web.test_visit_steps import local
from tests.web.visitor import Answer, Visitor
from thecal.chart.facts import SessionUncertain
from thecal.chart.order import OrderContinuous
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic.practice import Practice
from thecal.quantity import DailyDose
from thecal.timeline import DAY_S, Duration, Instant
from thecal.twin.action import Look as Interrogate
from thecal.twin.action import Reprogram

SignIn = Callable[[str], Visitor]
RAISED = OrderContinuous(DailyDose(105 * 10**6))
NO_ANSWER: dict[str, object] = {"broke_off": "no answer after the update was sent"}


def items(practice: Practice, stream: str) -> set[str]:
    """What the worklist asks for."""
    with practice.reading() as reading:
        return {item.name for item in reading.standing(stream).items}


@pytest.mark.requirement("SES-05")
@pytest.mark.parametrize("took_it", [True, False])
def test_a_session_that_broke_off_is_uncertain_until_the_pump_is_read(
    as_: SignIn, practice: Practice, clock: Clock, took_it: bool
) -> None:
    """On the worklist and on every card; a reading tells whether the pump has taken the order, and the update is done again."""
    stream, virtual = admit(practice, model=MODEL, papers=True), Virtual.like(practice.now)
    nora, nils = as_("nora"), as_("nils")
    before = history_of(practice, stream).chart.session
    assert before is not None
    visit = at_the_pump(nora, stream, virtual, practice.now)
    ordered(practice, stream, visit, OrderSheet(RAISED, confirm_total=RAISED.dose))
    clock.pass_(Duration(60))

    def entered(typed: dict[str, object]) -> None:
        answer = step(nora, visit, "pump/printed", typed)
        assert answer.status == 200, answer.words
        if "Typed by nora" in nora.get(visit).words:
            answer = nils.send(f"{visit}/second", again(typed))
            assert answer.status == 200, answer.words

    answer = step(nora, visit, "pump/uncertain", NO_ANSWER)
    assert answer.status == 200, answer.words
    assert "Nobody knows how the session of" in answer.words
    uncertain = history_of(practice, stream).chart.uncertain
    assert uncertain is not None
    assert (uncertain.order, uncertain.why) == (RAISED, NO_ANSWER["broke_off"])
    assert "SES-05" in items(practice, stream)
    assert "session UNCERTAIN since" in nora.get(f"/chart/{stream}/print/emergency-card").text
    assert 'href="#step-update">the update</a>' in nora.get(visit).text
    clock.pass_(Duration(60))
    taken = [Reprogram(practice.now, RAISED)] if took_it else []
    entered(printed(virtual.until(practice.now, *taken, Interrogate(practice.now))))
    known = history_of(practice, stream).chart
    assert known.uncertain is None
    assert known.session is not None
    assert known.session.order == (RAISED if took_it else before.order)
    assert "SES-05" not in items(practice, stream)
    assert 'href="#step-update">the update</a>' in nora.get(visit).text
    clock.pass_(Duration(60))
    entered(printed(virtual.until(practice.now, Reprogram(practice.now, RAISED), Interrogate(practice.now)), "update"))
    last = history_of(practice, stream).chart.session
    assert last is not None
    assert last.order == RAISED
    same_course(practice, stream, virtual, readings=3)


@pytest.mark.requirement("SES-05")
@pytest.mark.parametrize("took_it", [True, False])
def test_a_fill_that_the_pump_was_not_told_goes_on_waiting(as_: SignIn, practice: Practice, clock: Clock, took_it: bool) -> None:
    """The count of the reading tells whether the volume was typed in before the session broke off."""
    stream = admit(practice, papers=True)
    clock.pass_(Duration(50 * DAY_S))
    nora = as_("nora")
    visit = begun(nora, stream)
    to_the_pump(nora, visit)
    before = printed_now(practice, stream)
    left = str(before["calculated"])
    steps: dict[str, dict[str, object]] = {
        "pump/printed": before,
        "verify": VIAL,
        "needle": NEEDLE,
        "pump/aspirate": {"residual": left},
        "pump/fill": FILL,
    }
    for name, data in {**steps, "routine": {}, "pump/uncertain": NO_ANSWER}.items():
        answer = step(nora, visit, name, data)
        assert answer.status == 200, answer.words
        clock.pass_(Duration(60))
    assert history_of(practice, stream).chart.uncertain is not None
    answer = step(nora, visit, "pump/printed", printed_now(practice, stream, 20.0 if took_it else None))
    assert answer.status == 200, answer.words
    chart = history_of(practice, stream).chart
    assert chart.uncertain is None
    assert (chart.fill_session is not None) is took_it


def test_a_printout_that_waits_is_nothing_once_the_session_broke_off(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """The second person has nothing to enter again: the update is made anew, and has a printout of its own."""
    stream, virtual = admit(practice, model=MODEL, papers=True), Virtual.like(practice.now)
    nora, nils = as_("nora"), as_("nils")
    visit = at_the_pump(nora, stream, virtual, practice.now)
    ordered(practice, stream, visit, OrderSheet(RAISED, confirm_total=RAISED.dose))
    clock.pass_(Duration(60))
    typed = printed(virtual.until(practice.now, Reprogram(practice.now, RAISED), Interrogate(practice.now)), "update")
    assert step(nora, visit, "pump/printed", typed).status == 200
    assert "Typed by nora" in nora.get(visit).words
    clock.pass_(Duration(60))
    assert step(nora, visit, "pump/uncertain", NO_ANSWER).status == 200
    assert "Typed by nora" not in nora.get(visit).words
    before = history_of(practice, stream).version
    assert nils.send(f"{visit}/second", again(typed)).status == 422
    assert history_of(practice, stream).version == before
    assert 'href="#step-update">the update</a>' in nora.get(visit).text


def test_when_it_broke_off_is_not_before_the_last_reading_nor_to_come(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """A session is as old as it is told to be: a reading from after it, that was typed in later, ends it."""
    stream, virtual = admit(practice, model=MODEL, papers=True), Virtual.like(practice.now)
    nora = as_("nora")
    visit = at_the_pump(nora, stream, virtual, practice.now)
    ordered(practice, stream, visit, OrderSheet(RAISED, confirm_total=RAISED.dose))
    clock.pass_(Duration(600))
    for minutes in (-11, 1):
        told = {**NO_ANSWER, "broke_off_at": local(practice.now + Duration(60 * minutes), practice)}
        assert step(nora, visit, "pump/uncertain", told).status == 422
    early = Instant(practice.now.s - 300)
    assert step(nora, visit, "pump/uncertain", {**NO_ANSWER, "broke_off_at": local(early, practice)}).status == 200
    uncertain = history_of(practice, stream).chart.uncertain
    assert uncertain is not None
    assert uncertain.at == early
    read_at = Instant(early.s + 120)
    said = printed(virtual.until(read_at, Interrogate(read_at)))
    answer = step(nora, visit, "pump/printed", {**said, "printed_at": local(read_at, practice)})
    assert answer.status == 200, answer.words
    assert history_of(practice, stream).chart.uncertain is None


def test_what_broke_off_is_said_in_words_at_an_open_visit(as_: SignIn, practice: Practice) -> None:
    """Without words, and of a visit that has ended, nothing is written; an order need not have been ready for it."""
    stream = admit(practice, model=MODEL, papers=True)
    nora = as_("nora")
    visit = begun(nora, stream, "titration")
    to_the_pump(nora, visit)

    def refused(data: dict[str, object]) -> Answer:
        answer = step(nora, visit, "pump/uncertain", data)
        assert answer.status == 422
        assert not [fact for fact in history_of(practice, stream).chart.facts if isinstance(fact, SessionUncertain)]
        return answer

    assert 'id="broke_off-error"' in refused({"broke_off": " "}).text
    step(nora, visit, "abandon", {"why": "given up"})
    assert "a visit that was abandoned" in refused(NO_ANSWER).words
    later = begun(nora, stream, "titration")
    to_the_pump(nora, later)
    assert step(nora, later, "pump/uncertain", NO_ANSWER).status == 200
    running, uncertain = history_of(practice, stream).chart.session, history_of(practice, stream).chart.uncertain
    assert running is not None
    assert uncertain is not None
    assert uncertain.order == running.order
