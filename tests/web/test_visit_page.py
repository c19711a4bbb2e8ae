"""The page of a visit: each of its forms has its own ids, shows what was typed into it alone, and marks what is wrong there."""

import re
from collections.abc import Callable

import pytest

from tests.clinic.practice import Clock, admit
from tests.web.real_pump import MODEL, Virtual, at_the_pump, ordered, printed
from tests.web.test_broken_off import NO_ANSWER, RAISED
from tests.web.test_visit import BEFORE, NEEDLE, VIAL, begun, history_of, printed_now, step, to_the_pump
from tests.web.test_visit_pump import emptied
from tests.web.visitor import Visitor, hidden, wrong_ids
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic.practice import Practice
from thecal.timeline import Duration

SignIn = Callable[[str], Visitor]
_FORM = re.compile(r"<form\b.*?</form>", re.S)
_OPEN = re.compile(r"<details open>.*?</details>", re.S)
LONG = "typed " + "x" * 4_000


def form_of(page: str, action: str, field: str = "") -> str:
    """The form of a page that is sent to the end of an address and holds a field."""
    forms: list[str] = _FORM.findall(page)
    [found] = [form for form in forms if f'/{action}">' in form and field in form]
    return found


REASONS = [
    ("leave-out", "scales", "scales-why", "to leave a step out without a reason"),
    ("leave-out", "order", "order-why", "to leave a step out without a reason"),
    ("abandon", "", "why", "to give a visit up without a reason"),
]


@pytest.mark.parametrize(("action", "about", "field", "told"), REASONS)
def test_a_reason_that_is_missing_is_marked_where_it_is_missing(
    as_: SignIn, practice: Practice, action: str, about: str, field: str, told: str
) -> None:
    """Of the three forms of a titration visit that ask for one, in the one that was sent; with why nothing was done."""
    nora = as_("nora")
    visit = begun(nora, admit(practice, papers=True), "titration")
    assert wrong_ids(nora.get(visit).text) == []
    answer = step(nora, visit, action, {"why": " ", "step": about})
    assert answer.status == 422
    assert told in answer.words
    assert wrong_ids(answer.text) == []
    assert answer.text.count('aria-invalid="true"') == 1
    form = form_of(answer.text, action, f'value="{about}"' if about else "")
    assert f'<input id="{field}" name="why"' in form
    assert f'aria-invalid="true" aria-describedby="{field}-error"' in form


@pytest.mark.parametrize(("action", "about", "field", "_"), REASONS)
def test_a_reason_comes_back_in_the_form_that_it_was_typed_into(
    as_: SignIn, practice: Practice, action: str, about: str, field: str, _: str
) -> None:
    """And in no other one that asks for a reason."""
    nora = as_("nora")
    visit = begun(nora, admit(practice, papers=True), "titration")
    answer = step(nora, visit, action, {"why": LONG, "step": about})
    assert answer.status == 422
    assert answer.text.count(f'value="{LONG}"') == 1
    assert re.search(rf'<input id="{field}" [^>]*value="{LONG}"', answer.text)


def test_a_red_residual_is_gone_on_with_by_a_reason_that_is_marked_where_it_is_missing(as_: SignIn, practice: Practice) -> None:
    """The rule says why it is asked for (RPC-07)."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = begun(nora, stream)
    to_the_pump(nora, visit)
    step(nora, visit, "pump/printed", printed_now(practice, stream))
    step(nora, visit, "verify", VIAL)
    step(nora, visit, "needle", NEEDLE)
    step(nora, visit, "pump/aspirate", {"residual": "0.5 mL"})
    answer = step(nora, visit, "override", {"reason": ""})
    assert answer.status == 422
    assert "RPC-07" in answer.words
    assert 'id="reason-error"' in form_of(answer.text, "override")
    assert step(nora, visit, "override", {"reason": "the syringe was changed"}).status == 200


@pytest.fixture
def uncertain(practice: Practice, as_: SignIn, clock: Clock) -> tuple[Visitor, str, Virtual]:
    """Who is at a real pump of which nobody knows what it runs, the visit with an order, and what the pump is."""
    stream, virtual = admit(practice, model=MODEL, papers=True), Virtual.like(practice.now)
    nora = as_("nora")
    visit = at_the_pump(nora, stream, virtual, practice.now)
    ordered(practice, stream, visit, OrderSheet(RAISED, confirm_total=RAISED.dose))
    clock.pass_(Duration(60))
    assert step(nora, visit, "pump/uncertain", NO_ANSWER).status == 200
    return nora, visit, virtual


@pytest.mark.parametrize(("what", "other"), [("reading", "update"), ("update", "reading")])
def test_two_forms_for_printouts_are_two(
    uncertain: tuple[Visitor, str, Virtual], practice: Practice, what: str, other: str
) -> None:
    """While a real pump is uncertain and there is an order, its reading and its update may be typed in."""
    nora, visit, virtual = uncertain
    assert wrong_ids(nora.get(visit).text) == []
    typed = {**printed(virtual.until(practice.now), what), "calculated": "typed 7.7", "mode": "flex", "total-0": "77"}
    answer = step(nora, visit, "pump/printed", typed)
    assert answer.status == 422
    assert wrong_ids(answer.text) == []
    mine, others = (form_of(answer.text, "pump/printed", f'name="what" value="{each}"') for each in (what, other))
    assert f'id="{what}-calculated-error"' in mine
    assert f'<label for="{what}-calculated">' in mine
    assert 'value="typed 7.7"' in mine
    assert 'value="77"' in mine
    assert "<details open>" in mine
    for nothing in ('value="typed 7.7"', 'value="77"', "aria-invalid", "<details open>"):
        assert nothing not in others


def test_a_row_is_added_to_the_printout_that_was_asked_for_one(uncertain: tuple[Visitor, str, Virtual]) -> None:
    """The other form has its own table of steps."""
    nora, visit, _ = uncertain
    typed: dict[str, object] = {"what": "update", "mode": "flex", "to-0-0": "06:00", "do": "add row 0"}
    page = step(nora, visit, "pump/printed", typed).text
    assert re.search(r'<input id="update-from-0-1" [^>]*autofocus', page)
    assert 'id="reading-from-0-0"' in page
    assert 'id="reading-from-0-1"' not in page
    assert page.count("autofocus") == 1


def test_a_reading_after_a_scan_is_asked_for_once(as_: SignIn, practice: Practice) -> None:
    """Also where the pump was not read before it: one reading is both."""
    nora = as_("nora")
    visit = begun(nora, admit(practice, papers=True), "MRI")
    page = step(nora, visit, "scan", {"scanned_at": "2026-11-20T08:00"})
    assert page.status == 200, page.words
    assert wrong_ids(page.text) == []
    assert page.text.count('name="what" value="reading"') == 1


@pytest.mark.parametrize(
    ("name", "data", "field"),
    [
        ("rinse", {"rinse_volume": "typed so", "rinse_strength": "500 mcg/mL", "times": "2"}, "rinse_volume"),
        ("mixture", {"mixture": "typed so"}, "mixture"),
    ],
)
def test_what_is_wrong_stands_in_an_open_part(
    as_: SignIn, practice: Practice, name: str, data: dict[str, object], field: str
) -> None:
    """Where the strength changes: the part of the form is closed until something was sent from it."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = emptied(nora, practice, stream)
    assert "<details open>" not in nora.get(visit).text
    answer = step(nora, visit, name, data)
    assert answer.status == 422
    [part] = _OPEN.findall(answer.text)
    assert f'id="{field}-error"' in part
    assert 'value="typed so"' in part
    assert wrong_ids(answer.text) == []


def test_a_sign_that_is_seldom_asked_for_is_marked_in_an_open_part(as_: SignIn, practice: Practice) -> None:
    """Its name has words in it; its id has none between them."""
    nora = as_("nora")
    visit = begun(nora, admit(practice, papers=True))
    page = nora.get(visit).text
    other = page.partition("<summary>Other signs</summary>")[2].partition('name="')[2].partition('"')[0]
    answer = step(nora, visit, "symptoms", {other: "9"})
    assert answer.status == 422
    [part] = _OPEN.findall(answer.text)
    assert f'id="{other.replace(" ", "-")}-error"' in part
    assert wrong_ids(answer.text) == []


def test_two_forms_of_one_page_are_two_forms(as_: SignIn, practice: Practice) -> None:
    """What is sent from the page as it was before is not taken for what was sent from it first: it is kept."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = begun(nora, stream)
    page = nora.get(visit).text
    sent = [
        {name: hidden(form_of(page, each), name) for name in ("csrf", "once", "seen")} for each in ("before", "reconciliation")
    ]
    assert nora.post(f"{visit}/before", {**sent[0], "item": BEFORE}).status == 200
    version = history_of(practice, stream).version
    late = nora.post(f"{visit}/reconciliation", {**sent[1], "reconciled": "yes", "note": "typed later"})
    assert late.status == 409
    assert "typed later" in late.text
    assert history_of(practice, stream).version == version


@pytest.mark.parametrize("name", ["close", "abandon", "rinse", "before"])
def test_a_visit_that_has_ended_says_why_nothing_more_is_done(as_: SignIn, practice: Practice, name: str) -> None:
    """Whatever was sent to it from a page of before."""
    nora = as_("nora")
    visit = begun(nora, admit(practice, papers=True))
    step(nora, visit, "abandon", {"why": "fell ill"})
    csrf = hidden(nora.get(visit).text, "csrf")
    answer = nora.post(f"{visit}/{name}", {"csrf": csrf, "why": "again"})
    assert answer.status == 422
    assert answer.words.count("a step of a visit that was abandoned") == 1
