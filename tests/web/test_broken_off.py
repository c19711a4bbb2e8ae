"""A session of the maker's programmer that broke off: nobody knows what the pump runs until a reading of it is entered."""

from collections.abc import Callable

import pytest

from tests.clinic.practice import Clock, admit
from tests.web.real_pump import MODEL, Virtual, at_the_pump, ordered, printed, same_course
from tests.web.test_printed_again import again
from tests.web.test_visit import begun, history_of, step, to_the_pump
from tests.web.visitor import Answer, Visitor
from thecal.chart.facts import SessionUncertain
from thecal.chart.order import OrderContinuous
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic.practice import Practice
from thecal.quantity import DailyDose
from thecal.timeline import Duration
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
    assert "with an uncertain session" in step(nora, visit, "close").words or "left are:" in step(nora, visit, "close").words
    clock.pass_(Duration(60))
    taken = [Reprogram(practice.now, RAISED)] if took_it else []
    entered(printed(virtual.until(practice.now, *taken, Interrogate(practice.now))))
    known = history_of(practice, stream).chart
    assert known.uncertain is None
    assert known.session is not None
    assert known.session.order == (RAISED if took_it else before.order)
    assert "SES-05" not in items(practice, stream)
    assert "The update" in step(nora, visit, "close").text
    clock.pass_(Duration(60))
    entered(printed(virtual.until(practice.now, Reprogram(practice.now, RAISED), Interrogate(practice.now)), "update"))
    last = history_of(practice, stream).chart.session
    assert last is not None
    assert last.order == RAISED
    same_course(practice, stream, virtual, readings=3)


def test_what_broke_off_is_said_in_words_and_only_of_an_order(as_: SignIn, practice: Practice) -> None:
    """Without words, without an order, and of a visit that has ended nothing is written."""
    stream = admit(practice, model=MODEL, papers=True)
    nora = as_("nora")
    visit = begun(nora, stream, "titration")
    to_the_pump(nora, visit)

    def refused(data: dict[str, object]) -> Answer:
        answer = step(nora, visit, "pump/uncertain", data)
        assert answer.status == 422
        assert not [fact for fact in history_of(practice, stream).chart.facts if isinstance(fact, SessionUncertain)]
        return answer

    assert "Write the order first." in refused(NO_ANSWER).words
    ordered(practice, stream, visit, OrderSheet(RAISED, confirm_total=RAISED.dose))
    assert 'id="broke_off-error"' in refused({"broke_off": " "}).text
    step(nora, visit, "abandon", {"why": "given up"})
    assert "a visit that was abandoned" in refused(NO_ANSWER).words
