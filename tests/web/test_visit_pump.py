"""The fill of a visit: of drug that two people verified, out of stock where it is kept, and with what was seen at the pocket."""

import re
from collections.abc import Callable
from datetime import date
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest
from sqlalchemy import Connection

from tests.clinic.practice import Clock, admit
from tests.web.test_visit import FILL, NEEDLE, VIAL, begun, history_of, printed_now, step, to_the_pump
from tests.web.test_visit_steps import rules_of, write
from tests.web.visitor import Answer, Visitor, hidden
from thecal.bench.bench_folder import BenchError
from thecal.chart.clinical import SymptomReported
from thecal.chart.facts import Filled, Noted
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic.audit import read_audit
from thecal.clinic.drug_forecast import Stock
from thecal.clinic.entry import DrugVerified, OrderWritten
from thecal.clinic.practice import By, Practice
from thecal.clinic.record import StaleError
from thecal.clinic.stock_kept import put_in_stock, stock_on_hand, use_up
from thecal.quantity import Concentration, Volume
from thecal.timeline import Duration
from thecal.web import visit_pump

SignIn = Callable[[str], Visitor]
KEPT = Stock(Concentration(500), Volume(20 * 10**6), 3, "S-1", date(2027, 5, 31))


def emptied(nora: Visitor, practice: Practice, stream: str, vial: dict[str, object] | None = None) -> str:
    """A refill up to its fill; its address. ``vial`` is what is verified, nothing if it is empty."""
    visit = begun(nora, stream)
    to_the_pump(nora, visit)
    printed = printed_now(practice, stream)
    assert step(nora, visit, "pump/printed", printed).status == 200
    if vial is None or vial:
        answer = step(nora, visit, "verify", vial or VIAL)
        assert answer.status == 200, answer.words
    assert step(nora, visit, "needle", NEEDLE).status == 200
    assert step(nora, visit, "pump/aspirate", {"residual": printed["calculated"]}).status == 200
    return visit


def fills_here(practice: Practice, stream: str) -> int:
    return sum(fact.at == practice.now for fact in history_of(practice, stream).all(Filled))


def note_of(nora: Visitor, stream: str) -> str:
    """What the note of the last refill says, without its tags."""
    return re.sub(r"<[^>]+>", "", nora.get(f"/chart/{stream}/print/refill-note").text)


def refused(answer: Answer, told: str) -> None:
    assert answer.status == 422
    assert told in answer.words


@pytest.mark.requirement("RPC-03")
def test_nothing_is_filled_that_nobody_has_verified(as_: SignIn, practice: Practice) -> None:
    """Refused by the rule; verified it is filled, and the note tells lot, expiry and both names."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = emptied(nora, practice, stream, {})
    refused(step(nora, visit, "pump/fill", FILL), "Not done (RPC-03): a fill of 500 mcg/mL that nobody has verified")
    assert fills_here(practice, stream) == 0
    assert step(nora, visit, "verify", VIAL).status == 200
    assert step(nora, visit, "pump/fill", FILL).status == 200
    note = note_of(nora, stream)
    assert "A, expires 2027-10-31" in note
    assert "Nora Nurse and Nils Nurse" in note


@pytest.mark.requirement("RPC-03")
def test_another_strength_than_was_verified_is_not_filled(as_: SignIn, practice: Practice) -> None:
    """Refused with both."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = emptied(nora, practice, stream, {**VIAL, "vial_strength": "2,000 mcg/mL"})
    answer = step(nora, visit, "pump/fill", FILL)
    refused(answer, "a fill of 500 mcg/mL. Allowed: the strength that was verified, 2,000 mcg/mL, lot A")
    assert fills_here(practice, stream) == 0


@pytest.mark.requirement("RPC-03")
def test_a_vial_that_is_not_of_the_order_is_refused(as_: SignIn, practice: Practice) -> None:
    """When it is verified, and when it is filled, if the order came in between: with both strengths."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = emptied(nora, practice, stream)
    order = OrderSheet(concentration=Concentration(2000))
    write(practice, stream, OrderWritten(practice.now, visit.rpartition("/")[2], "dora", order))
    answer = step(nora, visit, "verify", VIAL)
    refused(answer, "a vial of 500 mcg/mL. Allowed: the strength of the order, 2,000 mcg/mL")
    answer = step(nora, visit, "pump/fill", FILL)
    refused(answer, "a fill that leaves 500 mcg/mL in the reservoir. Allowed: what the order says, 2,000 mcg/mL")
    assert fills_here(practice, stream) == 0


@pytest.mark.requirement("RPC-03")
def test_drug_that_expires_between_verification_and_fill_is_not_filled(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """A visit that goes on after midnight."""
    stream = admit(practice, papers=True)
    visit = emptied(as_("nora"), practice, stream, {**VIAL, "vial_expires": "2026-11-20"})
    clock.pass_(Duration(15 * 3600))
    refused(step(as_("nora"), visit, "pump/fill", FILL), "Not done (RPC-03): drug that expired on 2026-11-20, lot A")
    assert fills_here(practice, stream) == 0


@pytest.mark.requirement("RPC-03")
def test_what_was_filled_is_not_verified_afterwards(as_: SignIn, practice: Practice) -> None:
    """The note tells what was compared before."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = emptied(nora, practice, stream)
    assert step(nora, visit, "pump/fill", FILL).status == 200
    refused(step(nora, visit, "verify", {**VIAL, "vial_lot": "B"}), "Not done (RPC-03): to verify the drug after the fill")
    assert len(history_of(practice, stream).all(DrugVerified)) == 1


# Stock --------------------------------------------------------------------------------------------------------------------


def kept(practice: Practice, stock: Stock = KEPT) -> str:
    """Put vials in stock; under which name the lot is kept."""
    with practice.database.writing() as connection:
        put_in_stock(connection, stock)
        return next(each.name for each in stock_on_hand(connection) if each.stock.lot == stock.lot)


def on_hand(practice: Practice) -> dict[str, int]:
    with practice.reading() as reading:
        return {each.stock.lot: each.stock.count for each in stock_on_hand(reading.connection)}


def out_of(name: str, vials: str = "2", **more: object) -> dict[str, object]:
    """A lot on hand as it is verified, with nothing typed of its label."""
    return {"item": VIAL["item"], "vial_second": "nils", "vial_stock": name, "vials": vials, **more}


@pytest.mark.requirement("REF-11")
def test_vials_out_of_stock_are_used_up_with_the_fill(as_: SignIn, practice: Practice) -> None:
    """Not before it, and not by a fill that is refused; who took them is in the audit. An expired lot is not offered."""
    name = kept(practice)
    kept(practice, Stock(KEPT.strength, KEPT.vial, 5, "OLD", date(2026, 11, 19)))
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = begun(nora, stream)
    page = nora.get(visit)
    assert "500 mcg/mL, 20 mL, lot S-1, expires 2027-05-31, 3 on hand" in page.words
    assert "lot OLD" not in page.words
    assert step(nora, visit, "abandon", {"why": "begun too early"}).status == 200
    visit = emptied(nora, practice, stream, out_of(name, vial_lot="S-1"))
    refused(step(nora, visit, "pump/fill", {**FILL, "strength": "2,000 mcg/mL"}), "Not done (RPC-")
    assert on_hand(practice) == {"S-1": 3, "OLD": 5}
    assert step(nora, visit, "pump/fill", FILL).status == 200
    assert on_hand(practice) == {"S-1": 1, "OLD": 5}
    with practice.database.reading() as connection:
        lines = list(read_audit(connection))
    assert any("2 x 20 mL of 500 mcg/mL, lot S-1: for a refill; 1 left" in line.detail for line in lines)
    assert "S-1, expires 2027-05-31" in note_of(nora, stream)


@pytest.mark.requirement("REF-11")
@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"vials": "4"}, "vials"),
        ({"vials": ""}, "vials"),
        ({"vials": "1.5"}, "vials"),
        ({"vial_strength": "2,000 mcg/mL"}, "vial_strength"),
        ({"vial_lot": "S-2"}, "vial_lot"),
        ({"vial_expires": "2027-06-30"}, "vial_expires"),
        ({"vial_stock": "gone"}, "vial_stock"),
    ],
)
def test_a_lot_that_is_not_the_vial_in_the_hand_is_marked(
    as_: SignIn, practice: Practice, more: dict[str, object], field: str
) -> None:
    """What is typed of the label is that of the lot that was chosen, and there are so many vials."""
    name = kept(practice)
    stream = admit(practice, papers=True)
    nora = as_("nora")
    answer = step(nora, begun(nora, stream), "verify", {**out_of(name), **more})
    assert answer.status == 422
    assert f'id="{field}-error"' in answer.text


def test_vials_that_somebody_else_took_stop_the_fill_until_the_drug_is_verified_again(as_: SignIn, practice: Practice) -> None:
    """Nothing is filled, and nothing taken out; the same lot as it is typed takes the place of the one in stock."""
    name = kept(practice)
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = emptied(nora, practice, stream, out_of(name))
    with practice.database.writing() as connection:
        use_up(connection, name, 2)
    refused(step(nora, visit, "pump/fill", FILL), "Not done (REF-11): 2 of lot S-1 out of stock. Allowed: 1 on hand")
    assert (fills_here(practice, stream), on_hand(practice)) == (0, {"S-1": 1})
    assert step(nora, visit, "verify", {**VIAL, "vial_lot": "S-1", "vial_expires": "2027-05-31"}).status == 200
    assert step(nora, visit, "pump/fill", FILL).status == 200
    assert (fills_here(practice, stream), on_hand(practice)) == (1, {"S-1": 1})


def test_the_last_vial_that_goes_in_the_same_moment_leaves_nothing_half_written(
    as_: SignIn, practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fill and stock are one transaction: neither is written without the other."""
    name = kept(practice)
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = emptied(nora, practice, stream, out_of(name))

    def look_and_be_overtaken(_: Connection, __: object) -> None:
        with practice.database.writing() as connection:
            use_up(connection, name, 2)

    monkeypatch.setattr(visit_pump, "check_stock", look_and_be_overtaken)
    version = history_of(practice, stream).version
    refused(step(nora, visit, "pump/fill", FILL), "Not done (REF-11): to use up what was verified")
    assert (history_of(practice, stream).version, on_hand(practice)) == (version, {"S-1": 1})


# The pocket ---------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("RPC-09")
def test_a_fill_asks_for_the_signs_of_a_pocket_fill(as_: SignIn, practice: Practice) -> None:
    """Without an answer it is not done; none of them is an answer, and is on record as such."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = emptied(nora, practice, stream)
    answer = step(nora, visit, "pump/fill", {"volume": "20 mL", "strength": "500 mcg/mL"})
    assert answer.status == 422
    assert 'id="fill_none-error"' in answer.text
    answer = step(nora, visit, "pump/fill", {**FILL, "fill_pocket_pain": "1"})
    assert answer.status == 422
    assert 'id="fill_none-error"' in answer.text
    assert fills_here(practice, stream) == 0
    assert step(nora, visit, "pump/fill", FILL).status == 200
    asked = {(fact.symptom, fact.grade) for fact in history_of(practice, stream).all(SymptomReported)}
    assert asked == {("pocket pain", 0), ("pocket swelling", 0), ("lost resistance", 0)}
    assert "RPC-09" not in rules_of(practice, stream)


@pytest.mark.requirement("RPC-09")
def test_a_sign_of_a_pocket_fill_is_an_emergency_at_once(as_: SignIn, practice: Practice) -> None:
    """On the visit with its first actions and the way to the emergency page, and on the worklist."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = emptied(nora, practice, stream)
    data = {"volume": "20 mL", "strength": "500 mcg/mL", "fill_lost_resistance": "1"}
    answer = step(nora, visit, "pump/fill", dict(data))
    assert answer.status == 200
    assert "RPC-09: lost resistance, at the refill of 2026-11-20. Stop. Aspirate what comes back" in answer.words
    assert f'href="/emergency/{stream}"' in answer.text
    assert "RPC-09" in rules_of(practice, stream)
    worklist = nora.get("/worklist").words
    assert "lost resistance" in worklist
    assert "emergency" in worklist


class Bench:
    """A bench of one virtual pump that notes what is done to it with a needle."""

    def __init__(self, serial: str) -> None:
        self.serial = serial
        self.done: list[object] = []

    def serials(self) -> set[str]:
        return {self.serial}

    def needle(self, _: str, procedure: object) -> NoReturn:
        self.done.append(procedure)
        raise BenchError("a bench of a test")


@pytest.mark.parametrize("why", ["somebody wrote meanwhile", "the visit was given up"])
def test_nothing_is_done_to_a_virtual_pump_that_cannot_be_written_down(
    as_: SignIn, practice: Practice, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """A form that is sent again would fill it twice."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = emptied(nora, practice, stream)
    bench = Bench(f"SN-{stream[2:]}")
    monkeypatch.setattr(practice, "bench", bench)
    page = nora.get(visit).text
    fields = {name: hidden(page, name) for name in ("csrf", "seen")}
    if why == "the visit was given up":
        step(nora, visit, "abandon", {"why": "fell ill"})
    else:
        write(practice, stream, Noted(practice.now, "of somebody else"))
    answer = nora.post(f"{visit}/pump/fill", {**FILL, **fields, "once": "a1"})
    assert answer.status in (409, 422)
    assert bench.done == []
    if why != "the visit was given up":
        assert "a bench of a test" in step(nora, visit, "pump/fill", FILL).words
        assert len(bench.done) == 1


def test_what_a_session_did_is_on_record_whoever_wrote_meanwhile(practice: Practice) -> None:
    """Its first entry is refused where somebody wrote since the page; from then on the pump is another, and that is kept."""
    stream = admit(practice)
    seen = history_of(practice, stream).version
    ask, found = SimpleNamespace(practice=practice, by=By("nora")), SimpleNamespace(stream=stream)
    notebook = visit_pump._Notebook(cast(Any, ask), cast(Any, found), "programmed", seen)
    write(practice, stream, Noted(practice.now, "of somebody else"))
    with pytest.raises(StaleError):
        notebook.write_down((Noted(practice.now, "before the session"),))
    notebook.seen = history_of(practice, stream).version
    notebook.write_down((Noted(practice.now, "the session began"),))
    write(practice, stream, Noted(practice.now, "of somebody else again"))
    notebook.write_down((Noted(practice.now, "the session ended"),))
    assert history_of(practice, stream).last(Noted) == Noted(practice.now, "the session ended")
    write(practice, stream, Noted(practice.now, "of somebody else at last"))
    with pytest.raises(StaleError):
        notebook.add((Noted(practice.now, "a step of the visit"),))
