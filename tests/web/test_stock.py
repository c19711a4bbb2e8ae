"""The stock: vials put in and taken out, and the forecast of what to order."""

from collections.abc import Callable
from datetime import date

import pytest

from tests.clinic.practice import Clock, admit
from tests.web.visitor import Answer, Visitor
from thecal.clinic.audit import read_audit
from thecal.clinic.drug_forecast import Stock
from thecal.clinic.practice import Practice
from thecal.clinic.rebuild import rebuild
from thecal.clinic.stock_kept import forecast_now, put_in_stock, stock_on_hand, use_up
from thecal.errors import InputError
from thecal.quantity import Concentration, Volume
from thecal.timeline import DAY_S, Duration

SignIn = Callable[[str], Visitor]


VIALS: dict[str, object] = {"container": "500 mcg/mL; 20 mL", "count": "6", "lot": "L-1", "expires": "2027-03-31"}


def add(visitor: Visitor, **changed: object) -> Answer:
    return visitor.send("/stock", {**VIALS, **changed})


def on_hand(practice: Practice) -> list[str]:
    with practice.database.reading() as connection:
        return [str(each.stock) for each in stock_on_hand(connection)]


def name_of(practice: Practice) -> str:
    with practice.database.reading() as connection:
        return stock_on_hand(connection)[0].name


def test_the_stock_is_for_who_keeps_it(as_: SignIn) -> None:
    """A pharmacist and an administrator; no nurse and no scheduler."""
    assert as_("paul").get("/stock").status == 200
    assert as_("nora").get("/stock").status == 200
    assert as_("nils").get("/stock").status == 403
    assert as_("susan").get("/stock.pdf").status == 404


def test_vials_of_a_lot_add_up(as_: SignIn, practice: Practice) -> None:
    """Sent twice from one page they are put in once; the audit says how many of which lot."""
    paul = as_("paul")
    answer = add(paul)
    assert "Of this lot 6 are on hand now." in answer.text
    assert "Of this lot 8 are on hand now." in add(paul, count="2").text
    assert on_hand(practice) == ["8 x 20 mL of lot L-1, expires 2027-03-31"]
    with practice.database.reading() as connection:
        told = [line.detail for line in read_audit(connection, who="paul") if line.did == "put vials in stock"]
    assert told[-1] == "6 x 20 mL of 500 mcg/mL, lot L-1, expires 2027-03-31"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"count": "0"}, "is not a number that can be"),
        ({"count": "1.5"}, "is no whole number"),
        ({"lot": ""}, "is missing"),
        ({"expires": "2026-11-19"}, "what has expired does not go into stock"),
        ({"expires": "soon"}, "is not a date"),
        ({"container": "x"}, "is not one of those"),
        ({"container": "another", "strength": "2 mg/mL", "size": "5 mL"}, "2,000 mcg/mL"),
        ({"container": "another", "strength": "2000 mcg/mL"}, "is missing"),
    ],
)
def test_bad_vials_are_not_put_in(as_: SignIn, practice: Practice, changed: dict[str, object], said: str) -> None:
    """What was typed is kept, and its field is marked."""
    answer = add(as_("paul"), **changed)
    assert answer.status == 422
    assert said in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert 'value="6"' in answer.text or "count" in changed
    assert not on_hand(practice)


def test_another_container_is_put_in_by_strength_and_size(as_: SignIn, practice: Practice) -> None:
    """As both are typed."""
    add(as_("paul"), container="another", strength="1000 mcg/mL", size="5 mL")
    assert on_hand(practice) == ["6 x 5 mL of lot L-1, expires 2027-03-31"]


def test_one_lot_has_one_expiry(as_: SignIn, practice: Practice) -> None:
    """Another one is refused, with the one on hand."""
    paul = as_("paul")
    add(paul)
    answer = add(paul, expires="2027-04-30")
    assert (answer.status, "2027-03-31" in answer.text) == (422, True)
    assert on_hand(practice) == ["6 x 20 mL of lot L-1, expires 2027-03-31"]


def test_vials_are_taken_out_with_a_reason(as_: SignIn, practice: Practice) -> None:
    """No more than there are; the last one takes the lot with it."""
    paul = as_("paul")
    add(paul)
    name = name_of(practice)
    assert "2 x 20 mL of 500 mcg/mL, lot L-1: for a refill; 4 left" in taken(paul, name, "2", "for a refill").text
    too_many = taken(paul, name, "5", "expired")
    assert (too_many.status, "1 to 4" in too_many.text) == (422, True)
    assert taken(paul, name, "1", "lost in thought").status == 422
    assert "0 left" in taken(paul, name, "4", "expired").text
    assert not on_hand(practice)
    assert "somebody has used up the last of it" in taken(paul, name, "1", "expired").text


def taken(visitor: Visitor, name: str, count: str, why: str) -> Answer:
    return visitor.send("/stock", {"out": count, "why": why}, to=f"/stock/{name}/out")


def test_a_refused_count_leaves_the_stock_as_it_is(practice: Practice) -> None:
    """By the functions themselves, whatever the page says."""
    lot = Stock(Concentration(500), Volume.parse("20 mL"), 2, "L-1", date(2027, 3, 31))
    with practice.database.writing() as connection:
        put_in_stock(connection, lot)
    for count in (0, 3, -1):
        with practice.database.writing() as connection, pytest.raises(InputError, match="1 to 2"):
            use_up(connection, name_of(practice), count)
    with practice.database.writing() as connection, pytest.raises(InputError, match="at most 10,000"):
        put_in_stock(connection, Stock(lot.strength, lot.vial, 9_999, "L-1", lot.expires))
    assert on_hand(practice) == [str(lot)]


def test_the_forecast_counts_the_refills_of_the_charts(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """Near its refill a pump needs drug by pseudonym, with the day to order by; stock is used before anything is ordered."""
    stream = admit(practice)
    with practice.reading() as reading:
        standing = reading.standing(stream)
        assert not [need for week in forecast_now(reading).weeks for need in week.needs]
    assert standing.refill_by is not None
    clock.now = standing.refill_by + Duration(-5 * DAY_S)
    rebuild(practice)
    paul = as_("paul")
    page = paul.get("/stock")
    assert "1 order should have been placed by today." in page.words
    assert "Drug from" in page.words
    with practice.reading() as reading:
        need = next(need for week in forecast_now(reading).weeks for need in week.needs)
    assert (need.to_order, need.from_stock.nl, need.strength) == (standing.fill, 0, standing.concentration)
    add(paul, count="20", container=f"{standing.concentration}; 20 mL", expires="2028-01-31")
    with practice.reading() as reading:
        need = next(need for week in forecast_now(reading).weeks for need in week.needs)
    assert (need.to_order.nl, need.from_stock) == (0, standing.fill)
    assert "should have been placed" not in paul.get("/stock").words


def test_the_forecast_is_printed(as_: SignIn, practice: Practice) -> None:
    """As a PDF, audited."""
    admit(practice)
    answer = as_("paul").client.get("/stock/forecast.pdf")
    assert (answer.headers["content-type"], answer.content[:5]) == ("application/pdf", b"%PDF-")
    with practice.database.reading() as connection:
        assert any(line.did == "printed the drug forecast" for line in read_audit(connection, who="paul"))


def test_the_page_says_what_taking_vials_out_does(as_: SignIn) -> None:
    """Where there are any."""
    paul, told = as_("paul"), "Taking vials out lowers what is on hand at once"
    assert told not in paul.get("/stock").words
    add(paul)
    assert told in paul.get("/stock").words
