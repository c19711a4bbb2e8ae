"""The teaching page: arithmetic always, bands of a population only where somebody asks, and never of the person."""

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.clinic.practice import PASSWORD, admit
from tests.web.visitor import Answer, Visitor
from thecal.clinic.account import Account, make_account
from thecal.clinic.audit import read_audit
from thecal.clinic.practice import Practice
from thecal.quantity import DailyDose
from thecal.web.teaching import NOT_THIS_PERSON, PEOPLE, bands

SignIn = Callable[[str], Visitor]


ASKED = {
    "go": "1",
    "now": "150 mcg/day",
    "then": "180 mcg/day",
    "concentration": "500 mcg/mL",
    "tip": "T10",
    "body": "adult-ms",
    "days": "3",
}


def ask(visitor: Visitor, path: str = "/teaching", **changed: str) -> Answer:
    return visitor.get(f"{path}?{urlencode({**ASKED, **changed})}")


def data(page: str) -> list[dict[str, Any]]:
    return [json.loads(unescape(text)) for text in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', page)]


def test_without_the_tick_there_is_arithmetic_alone(as_: SignIn) -> None:
    """Doses, change and flow; no curve, no model, no script."""
    page = ask(as_("thea"))
    for text in ("150 mcg/day", "180 mcg/day", "+20 %", "0.3 mL/day", "0.36 mL/day"):
        assert text in page.words
    assert "Predicted, of a population" not in page.words
    assert "uplot" not in page.text
    assert data(page.text) == []


def test_bands_are_of_a_population_and_say_so(as_: SignIn) -> None:
    """Over the figures, with how many bodies; each figure has the same numbers in a table beside it."""
    page = ask(as_("thea"), curves="yes")
    shown = page.words.partition("Predicted, of a population")[2]
    assert NOT_THIS_PERSON in shown
    assert f"{PEOPLE} invented bodies" in shown
    figures = data(page.text)
    assert [figure["title"] for figure in figures] == [
        "Baclofen in spinal fluid at T10",
        "Ashworth score of the legs, 1 to 5",
        "Spasms, Penn, 0 to 4",
    ]
    assert page.text.count('<th scope="row">day 3</th>') == len(figures)
    fluid = figures[0]
    assert all(low < middle < high for low, middle, high in zip(*fluid["now"], strict=True))
    assert fluid["then"][1][-1] == pytest.approx(fluid["now"][1][-1] * 1.2, rel=0.01)


def test_nobody_but_who_teaches_sees_it(as_: SignIn, practice: Practice) -> None:
    """Not a scheduler and not a social worker."""
    stream = admit(practice)
    for name in ("susan", "sol"):
        visitor = as_(name)
        assert visitor.get("/teaching").status == 403
        assert visitor.get(f"/teaching/{stream}").status == 403


def test_a_vendor_teaches_and_reads_no_chart(as_: SignIn, practice: Practice) -> None:
    """Two programs that are typed in, and not what runs in somebody."""
    stream = admit(practice)
    with practice.database.writing() as connection:
        make_account(connection, Account("vera", "Vera Vendor", "vendor"), PASSWORD, practice.now)
    vera = as_("vera")
    assert vera.get("/teaching").status == 200
    assert vera.get(f"/teaching/{stream}").status == 403


def test_a_chart_gives_its_program_and_no_more(as_: SignIn, practice: Practice) -> None:
    """The dose that runs and its strength are filled in; it is audited; a therapist sees the pseudonym, a nurse the name."""
    stream = admit(practice)
    with practice.reading() as reading:
        dose = reading.look(reading.history(stream)).known.dose
    page = as_("thea").get(f"/teaching/{stream}")
    assert f'value="{dose}"' in page.text
    assert stream in page.words
    assert "Ada Example" not in page.text
    assert "Ada Example" in as_("nils").get(f"/teaching/{stream}").words
    assert data(page.text) == []
    with practice.database.reading() as connection:
        assert any(line.did == "read the teaching page" and line.stream == stream for line in read_audit(connection, who="thea"))


def test_a_stream_without_a_chart_is_not_found(as_: SignIn) -> None:
    """Neither an unknown pseudonym nor the staff."""
    thea = as_("thea")
    assert thea.get("/teaching/P-NOBODY00").status == 404
    assert thea.get("/teaching/staff").status == 404


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"then": "0.18 mg/day"}, "180 mcg/day"),
        ({"then": ""}, "is missing"),
        ({"then": "2500 mcg/day"}, "more than goes in 24 h (SAF-01)"),
        ({"now": "0 mcg/day", "then": "0 mcg/day"}, "are both nothing"),
        ({"tip": "T99"}, "is not one of those"),
        ({"body": "me"}, "is not one of those"),
        ({"days": "4000"}, "is not one of those"),
        ({"concentration": "x"}, "concentration"),
    ],
)
def test_what_cannot_be_read_is_kept_and_nothing_is_predicted(as_: SignIn, changed: dict[str, str], said: str) -> None:
    """The field is marked."""
    page = ask(as_("thea"), curves="yes", **changed)
    assert page.status == 422
    assert said in page.words
    assert 'aria-invalid="true"' in page.text
    assert data(page.text) == []


def test_a_stop_ends_in_nothing() -> None:
    """After three days without drug next to none of it is left in the fluid, and the legs are stiffer than under the dose."""
    fluid, legs, _ = bands("adult-ms", "T10", DailyDose.parse("150 mcg/day"), DailyDose.parse("0 mcg/day", zero=True), 3)
    assert fluid.then[2][-1] < 0.05 * fluid.now[0][-1]
    assert legs.then[1][-1] > legs.now[1][-1] + 1
    assert fluid.then[1][0] == fluid.now[1][0]
