"""The second person's page: another one, who sees no number, and signs only what is the same."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.clinic.practice import Clock, ordered_for_a_second
from tests.web.visitor import Answer, Visitor, hidden
from thecal.chart.clinical import Documented, Signed
from thecal.chart.facts import SessionEnded
from thecal.chart.order import OrderContinuous
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic.entry import OrderWritten, VisitStepped
from thecal.clinic.history import History
from thecal.clinic.practice import By, Practice
from thecal.clinic.visit import standings, visit_of
from thecal.programmer.session_record import reading_facts
from thecal.quantity import DailyDose
from thecal.therapy.service import last_report
from thecal.timeline import Duration
from thecal.web.visit import opened

SignIn = Callable[[str], Visitor]
DOSE = DailyDose(153 * 10**6)
SAME = {"concentration": "500", "dose": "153", "total": "153"}


@pytest.fixture
def stream(practice: Practice) -> str:
    return ordered_for_a_second(practice)


def path(stream: str) -> str:
    return f"/visit/{stream}/v1/second"


def history(practice: Practice, stream: str) -> History:
    with practice.reading() as reading:
        return reading.history(stream)


def test_the_page_shows_no_number_of_the_order(as_: SignIn, stream: str) -> None:
    """Who, the pump, the mode and the author; every field is empty."""
    page = as_("nils").get(path(stream))
    assert page.status == 200
    assert "Ada Example" in page.words
    assert "simple continuous" in page.words
    assert "dora" in page.words
    assert "SAF-05" in page.words
    main = page.shown
    assert "153" not in main
    assert "500" not in main
    for name in SAME:
        assert f'name="{name}" type="text" value=""' in main


@pytest.mark.requirement("VST-04")
def test_the_author_is_not_the_second_person(practice: Practice, as_: SignIn, stream: str) -> None:
    """SAF-05: told on the page, and refused when sent all the same."""
    dora = as_("dora")
    page = dora.get(path(stream))
    assert "SAF-05" in page.words
    assert "<form method" not in page.text.partition("<main")[2]
    other = as_("nils").get(path(stream))
    csrf = hidden(dora.get("/worklist").text, "csrf")
    sent = dora.post(path(stream), {**SAME, "csrf": csrf, "once": "a1", "seen": hidden(other.text, "seen")})
    assert sent.status == 422
    assert history(practice, stream).last(Signed) is None


def test_what_is_the_same_is_signed(practice: Practice, as_: SignIn, stream: str) -> None:
    """With author, checker and role; the step of the visit is done then."""
    answer = as_("nils").send(path(stream), dict(SAME))
    assert answer.url.endswith(f"/visit/{stream}/v1")
    found = history(practice, stream)
    signed = found.last(Signed)
    assert signed is not None
    assert (signed.author, signed.checker, signed.role) == ("dora", "nils", "nurse")
    with practice.reading() as reading:
        look = reading.look(found)
    visit = visit_of(found, "v1", look.sheet)
    assert visit is not None
    assert {each.step.name: each.stand for each in standings(visit, look)}["second person"] == "done"


@pytest.mark.requirement("VST-04")
@pytest.mark.parametrize(
    ("field", "text"), [("concentration", "2000"), ("dose", "135"), ("total", "135"), ("dose", ""), ("total", "153 mg/day")]
)
def test_what_differs_is_named_and_nothing_is_signed(practice: Practice, as_: SignIn, stream: str, field: str, text: str) -> None:
    """The field is, what it should be is not; what was entered is still there."""
    answer = as_("nils").send(path(stream), {**SAME, field: text})
    assert answer.status == 422
    assert marked(answer) == {field}
    assert "instead" not in answer.words
    assert history(practice, stream).last(Signed) is None
    assert history(practice, stream).last(VisitStepped) == VisitStepped(practice.now, "v1", "order approved", "dora")


def marked(answer: Answer) -> set[str]:
    return {name for name in SAME if f'id="{name}-error"' in answer.text}


def test_nothing_wrong_tells_what_is_right(as_: SignIn, stream: str) -> None:
    """With every field wrong the page shows none of the order's numbers."""
    answer = as_("nils").send(path(stream), {"concentration": "1", "dose": "2", "total": "3"})
    assert marked(answer) == set(SAME)
    assert "153" not in answer.shown
    assert "500" not in answer.shown


@pytest.mark.parametrize("name", ["thea", "susan", "sol"])
def test_who_may_not_double_check_does_not(as_: SignIn, stream: str, name: str) -> None:
    """A therapist may propose, and not sign."""
    visitor = as_(name)
    assert visitor.get(path(stream)).status == 403
    assert visitor.post(path(stream), dict(SAME)).status == 403


def test_a_pharmacist_signs_without_knowing_who_it_is(as_: SignIn, stream: str) -> None:
    """By the pseudonym."""
    page = as_("paul").get(path(stream))
    assert page.status == 200
    assert "Ada" not in page.text
    assert stream in page.words


def test_a_second_person_signs_once(practice: Practice, as_: SignIn, stream: str) -> None:
    """Sent twice it is one signature; and later the page says that it is done."""
    nils = as_("nils")
    page = nils.get(path(stream))
    data: dict[str, object] = {**SAME, **{name: hidden(page.text, name) for name in ("csrf", "once", "seen")}}
    nils.post(path(stream), data)
    nils.post(path(stream), data)
    assert len(history(practice, stream).all(Signed)) == 1
    assert "twice" in nils.get(path(stream)).words


def test_an_order_that_was_changed_meanwhile_is_not_signed(practice: Practice, as_: SignIn, stream: str) -> None:
    """Although what was entered is what the page asked for."""
    nils = as_("nils")
    page = nils.get(path(stream))
    data: dict[str, object] = {**SAME, **{name: hidden(page.text, name) for name in ("csrf", "once", "seen")}}
    version = history(practice, stream).version
    practice.write(stream, version, [Documented(practice.now, "reconciliation")], By("dora"), "wrote for a test")
    assert nils.post(path(stream), data).status == 409
    assert history(practice, stream).last(Signed) is None


def test_a_reading_after_the_signature_does_not_take_it_back(practice: Practice, as_: SignIn, stream: str, clock: Clock) -> None:
    """The pump is read for the review, some time after the second person: what they signed is that order, until it is another."""
    assert opened(practice, stream, "v1").second
    as_("nils").send(path(stream), SAME)
    clock.pass_(Duration(90))
    before = history(practice, stream)
    with practice.reading() as reading:
        look = reading.look(before)
    report = last_report(look.known)
    assert report is not None
    assert look.sheet is not None
    facts = reading_facts(replace(report, at=practice.now), before.chart, look.sheet, None)
    assert any(isinstance(fact, SessionEnded) for fact in facts)
    version = practice.write(stream, before.version, facts, By("dora"), "interrogated the pump")
    assert opened(practice, stream, "v1").second == ()
    changed = OrderWritten(practice.now, "v1", "dora", OrderSheet(OrderContinuous(DOSE), confirm_total=DOSE))
    practice.write(stream, version, [changed], By("dora"), "wrote an order")
    assert opened(practice, stream, "v1").second
