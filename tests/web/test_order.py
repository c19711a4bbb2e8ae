"""The program editor: what it shows, what it saves, and for whom."""

from collections.abc import Callable

import pytest

from tests.clinic.practice import PASSWORD, admit
from tests.web.visitor import Visitor, hidden
from thecal.chart.clinical import Certified, Documented, Overrode
from thecal.chart.order import OrderContinuous, OrderFlex
from thecal.clinic.account import Account, make_account
from thecal.clinic.audit import read_audit
from thecal.clinic.entry import Entry, LineUnknown, OrderWritten, VisitBegun, VisitStepped
from thecal.clinic.history import History
from thecal.clinic.practice import STAFF, By, Practice
from thecal.clinic.record import version_of
from thecal.clinic.visit import visit_of
from thecal.pump.sheet import pump_sheet
from thecal.quantity import DailyDose
from thecal.timeline import DAY_S, Duration

SignIn = Callable[[str], Visitor]
RISE = {"do": "save", "mode": "simple continuous", "dose": "110", "total": "110 mcg/day"}
JUMP = {**RISE, "dose": "150", "total": "150"}
NIGHT = {
    "mode": "flex", "total-0": "120",
    "from-0-0": "06:00", "to-0-0": "22:00", "dose-0-0": "70", "from-0-1": "22:00", "to-0-1": "06:00", "dose-0-1": "50",
}  # fmt: skip


@pytest.fixture
def stream(practice: Practice) -> str:
    """Somebody at a titration visit, whose record and medicines are in order, on 100 mcg/day."""
    found = admit(practice)
    now = practice.now
    write(
        practice, found, Documented(now, "device record"), Documented(now, "reconciliation"), VisitBegun(now, "v1", "titration")
    )
    return found


def write(practice: Practice, stream: str, *entries: Entry) -> None:
    with practice.database.reading() as connection:
        seen = version_of(connection, stream)
    practice.write(stream, seen, entries, By("nora"), "wrote for a test")


def history(practice: Practice, stream: str) -> History:
    with practice.reading() as reading:
        return reading.history(stream)


def path(stream: str) -> str:
    return f"/visit/{stream}/v1/order"


def audited(practice: Practice, stream: str) -> list[str]:
    with practice.database.reading() as connection:
        return [line.did for line in read_audit(connection, stream=stream)]


def test_the_editor_begins_with_what_runs(practice: Practice, as_: SignIn, stream: str) -> None:
    """The dose is there to be changed, the totals are for a person to type; and that it was opened is audited."""
    page = as_("nora").get(path(stream))
    assert page.status == 200
    assert 'name="dose" type="text" value="100"' in page.text
    assert 'name="total" type="text" value=""' in page.text
    assert "Ada Example" in page.words
    assert "Nothing is asked for." in page.words
    assert "opened the program editor" in audited(practice, stream)


def test_who_may_not_identify_sees_the_pseudonym(as_: SignIn, stream: str) -> None:
    """A pharmacist may propose, and need not know who it is."""
    page = as_("paul").get(path(stream))
    assert page.status == 200
    assert "Ada" not in page.text
    assert stream in page.words


@pytest.mark.parametrize("name", ["susan", "sol"])
def test_who_may_not_propose_does_not_see_the_editor(as_: SignIn, stream: str, name: str) -> None:
    """Nor what an order would come to, and cannot approve."""
    visitor = as_(name)
    assert visitor.get(path(stream)).status == 403
    assert visitor.post("/order/preview", {"stream": stream, "visit": "v1", **RISE}).status == 403
    assert visitor.post(path(stream), dict(RISE)).status == 403


def test_there_is_no_order_for_a_visit_that_is_not_there(as_: SignIn, stream: str) -> None:
    """Neither of this person nor of nobody."""
    nora = as_("nora")
    assert nora.get(f"/visit/{stream}/v9/order").status == 404
    assert nora.get("/visit/P-00000000/v1/order").status == 404
    assert nora.post("/order/preview", {"stream": "staff", "visit": "v1"}).status == 404


def test_an_order_is_worked_out_before_it_is_saved(practice: Practice, as_: SignIn, stream: str) -> None:
    """Totals, the change, the dates, the line and the rules in words, by button and by preview; nothing of it is written."""
    nora = as_("nora")
    before = history(practice, stream).version
    page = nora.send(path(stream), {**JUMP, "do": "work out"})
    part = nora.post("/order/preview", {"stream": stream, "visit": "v1", **JUMP})
    for answer in (page, part):
        assert answer.status == 200
        for told in (
            "100 mcg",
            "150 mcg",
            "+50.0 %",
            "TIT-03",
            "at most 30 %",
            "Boster 2016",
            "SAF-05",
            "Refill by",
            "0.3168 mL",
        ):
            assert told in answer.text
        assert "In spite of TIT-03 a physician or nurse practitioner may go on" in answer.text
    assert "<html" not in part.text
    assert history(practice, stream).version == before
    assert audited(practice, stream).count("worked out an order") == 2


def test_a_preview_says_what_cannot_be_read(as_: SignIn, stream: str) -> None:
    """Instead of a total."""
    part = as_("nora").post(
        "/order/preview", {"stream": stream, "visit": "v1", "mode": "simple continuous", "dose": "0.1 mg/day"}
    )
    assert "Not to be worked out yet" in part.text
    assert "intrathecal baclofen is dosed in mcg" in part.text


def test_what_the_pump_cannot_run_is_said_with_its_rule(practice: Practice, as_: SignIn, stream: str) -> None:
    """Steps that do not add up to the total are refused, and not saved."""
    answer = as_("dora").send(path(stream), {**NIGHT, "do": "save", "total-0": "1200"})
    assert answer.status == 422
    assert "This pump cannot be programmed as ordered" in answer.words
    assert "ORD-01" in answer.words
    assert history(practice, stream).last(OrderWritten) is None


def test_rows_and_days_are_added_and_removed_without_a_script(as_: SignIn, stream: str) -> None:
    """What was typed stays, with the version that was seen; the next field is gone on in."""
    nora = as_("nora")
    page = nora.send(path(stream), {**NIGHT, "do": "add row 0", "seen": "3"})
    assert page.status == 200
    assert hidden(page.text, "seen") == "3"
    assert 'name="from-0-2" value="06:00"' in page.text
    assert page.text.index("autofocus") > page.text.index('name="from-0-2"')
    assert 'name="dose-0-1" value="50"' in page.text
    page = nora.send(path(stream), {**NIGHT, "do": "add days", "day-0-Mon": "yes"})
    assert 'name="total-1"' in page.text
    assert 'name="day-0-Mon" value="yes" checked' in page.text
    page = nora.send(path(stream), {**NIGHT, "do": "remove row 0 0"})
    assert 'name="dose-0-0" value="50"' in page.text
    assert "dose-0-1" not in page.text
    assert nora.send(path(stream), {**NIGHT, "do": "add row 9"}).status == 422


def test_a_nurse_writes_a_proposal_and_a_physician_approves_it(practice: Practice, as_: SignIn, stream: str) -> None:
    """She is told so; he sees the totals again before he stands behind it."""
    nora, dora = as_("nora"), as_("dora")
    assert "Save as a proposal" in nora.get(path(stream)).words
    answer = nora.send(path(stream), dict(RISE))
    assert answer.url.endswith(path(stream))
    assert "Somebody who may order has to approve it" in answer.text
    assert "A proposal by nora" in answer.words
    assert "Approve this order" not in answer.words
    page = dora.get(path(stream))
    assert "24-h total after it: 110 mcg ; the most in any 24 h, boluses included: 110 mcg ; before it: 100 mcg" in page.words
    assert nora.send(path(stream), {}, to=f"/visit/{stream}/v1/approve").status == 403
    assert "approved by dora" in dora.send(path(stream), {}, to=f"/visit/{stream}/v1/approve").words
    found = visit_of(history(practice, stream), "v1", pump_sheet("synchromed-ii-40"))
    assert found is not None
    assert (found.author, found.approved_by) == ("nora", "dora")
    assert found.orders is not None
    assert found.orders.dosing == OrderContinuous(DailyDose(110 * 10**6))


def test_what_has_come_in_between_stands_against_an_approval(practice: Practice, as_: SignIn, stream: str) -> None:
    """The order is checked again, with the chart as it is then; and there is nothing to approve before there is an order."""
    dora = as_("dora")
    assert dora.send(path(stream), {}, to=f"/visit/{stream}/v1/approve").status == 422
    as_("nora").send(path(stream), {"do": "save", "concentration": "500", "plan": "no bridge", "why_no_bridge": "it is the same"})
    assert history(practice, stream).last(OrderWritten) is not None
    write(practice, stream, Documented(practice.now, "overdose recorded"))
    answer = dora.send(path(stream), {}, to=f"/visit/{stream}/v1/approve")
    assert answer.status == 422
    assert "an order that nothing stands against" in answer.words
    assert not [step for step in history(practice, stream).all(VisitStepped) if step.step == "order approved"]


def test_a_physician_writes_an_order_that_counts_at_once(practice: Practice, as_: SignIn, stream: str) -> None:
    """With the steps of a flex program, whose daily total confirms the 24 h."""
    answer = as_("dora").send(path(stream), {**NIGHT, "do": "save"})
    assert "An order by dora" in answer.words
    assert "approved by dora" in answer.words
    written = history(practice, stream).last(OrderWritten)
    assert written is not None
    assert isinstance(written.orders.dosing, OrderFlex)
    assert [str(step) for step in written.orders.dosing.days[0].steps] == ["06:00 to 22:00: 70 mcg", "22:00 to 06:00: 50 mcg"]
    assert written.orders.confirm_total == DailyDose(120 * 10**6)


def test_an_order_that_is_blocked_is_not_saved_and_what_was_typed_is_kept(practice: Practice, as_: SignIn, stream: str) -> None:
    """Also with a reason of somebody who may not give one."""
    nora = as_("nora")
    for more in ({}, {"reason-TIT-03": "spasms at night"}):
        answer = nora.send(path(stream), {**JUMP, **more})
        assert answer.status == 422
        assert "stops it , TIT-03" in answer.words
        assert 'name="dose" type="text" value="150"' in answer.text
    assert history(practice, stream).last(OrderWritten) is None
    assert history(practice, stream).last(Overrode) is None


def test_a_physician_goes_on_with_a_reason_in_his_name(practice: Practice, as_: SignIn, stream: str) -> None:
    """The rule, the reason, the name and the role are written with the order."""
    dora = as_("dora")
    asked = dora.send(path(stream), dict(JUMP))
    assert asked.status == 422
    assert 'name="reason-TIT-03"' in asked.text
    answer = dora.send(path(stream), {**JUMP, "reason-TIT-03": "spasms at night"})
    assert answer.status == 200
    gone = history(practice, stream).last(Overrode)
    assert gone is not None
    assert (gone.rule, gone.reason, gone.by, gone.role) == ("TIT-03", "spasms at night", "dora", "physician")
    assert "gone on by dora (physician): spasms at night" in answer.words


def test_a_nurse_practitioner_goes_on_with_a_certificate_to_order(practice: Practice, as_: SignIn, stream: str) -> None:
    """And not without: who may is told."""
    with practice.database.writing() as connection:
        make_account(connection, Account("petra", "Petra Practitioner", "nurse practitioner"), PASSWORD, practice.now)
    petra = as_("petra")
    asked = petra.send(path(stream), dict(JUMP))
    assert 'name="reason-TIT-03"' not in asked.text
    assert "a physician or nurse practitioner may go on, with a reason" in asked.words
    until = practice.now + Duration(30 * DAY_S)
    version = history(practice, STAFF).version
    paper = Certified(practice.now, "petra", "nurse practitioner", "order", until)
    practice.write(STAFF, version, [paper], By("nora"), "wrote down a certificate")
    answer = petra.send(path(stream), {**JUMP, "reason-TIT-03": "spasms at night"})
    assert "gone on by petra (nurse practitioner): spasms at night" in answer.words
    assert "approved by petra" in answer.words


def test_a_reason_is_kept_where_something_else_still_stands_against_it(practice: Practice, as_: SignIn, stream: str) -> None:
    """Nothing is written of it then."""
    answer = as_("dora").send(path(stream), {**JUMP, "total": "1500", "reason-TIT-03": "spasms at night"})
    assert answer.status == 422
    assert "SAF-04" in answer.words
    assert 'value="spasms at night"' in answer.text
    assert history(practice, stream).last(Overrode) is None


def test_no_change_is_left_out_with_a_reason(practice: Practice, as_: SignIn, stream: str) -> None:
    """Without one the field is marked."""
    nora = as_("nora")
    answer = nora.send(path(stream), {"do": "save", "mode": "no change"})
    assert answer.status == 422
    assert 'id="why-error"' in answer.text
    answer = nora.send(path(stream), {"do": "save", "mode": "no change", "why": "content with the dose"})
    assert answer.url.endswith(f"/visit/{stream}/v1")
    left = history(practice, stream).last(VisitStepped)
    assert left is not None
    assert (left.step, left.note) == ("order left out", "content with the dose")


def test_what_cannot_be_read_is_marked_and_kept(practice: Practice, as_: SignIn, stream: str) -> None:
    """In the field and in the table."""
    answer = as_("dora").send(path(stream), {**NIGHT, "do": "save", "to-0-0": "22 o'clock"})
    assert answer.status == 422
    assert 'id="to-0-0-error"' in answer.text
    assert "22 o&#39;clock" in answer.text
    assert history(practice, stream).last(OrderWritten) is None


def test_a_double_submit_is_one_order(practice: Practice, as_: SignIn, stream: str) -> None:
    """The second is shown what the first came to."""
    dora = as_("dora")
    page = dora.get(path(stream))
    data: dict[str, object] = {**RISE, **{name: hidden(page.text, name) for name in ("csrf", "once", "seen")}}
    assert dora.post(path(stream), data).status == 200
    assert dora.post(path(stream), data).status == 200
    assert len(history(practice, stream).all(OrderWritten)) == 1


def test_an_order_from_an_older_page_writes_nothing(practice: Practice, as_: SignIn, stream: str) -> None:
    """Somebody else has written meanwhile; what was typed is given back."""
    dora = as_("dora")
    page = dora.get(path(stream))
    data: dict[str, object] = {**RISE, **{name: hidden(page.text, name) for name in ("csrf", "once", "seen")}}
    write(practice, stream, Documented(practice.now, "reconciliation"))
    answer = dora.post(path(stream), data)
    assert answer.status == 409
    assert "110 mcg/day" in answer.text
    assert history(practice, stream).last(OrderWritten) is None


def test_nothing_is_ordered_at_a_scan(practice: Practice, as_: SignIn, stream: str) -> None:
    """The page says so, and saves nothing."""
    write(practice, stream, VisitBegun(practice.now, "scan", "MRI"))
    dora = as_("dora")
    scan = f"/visit/{stream}/scan/order"
    assert "an order at a MRI visit" in dora.get(scan).words
    assert dora.send(scan, dict(RISE)).status == 422
    assert history(practice, stream).last(OrderWritten) is None


def test_no_line_is_bridged_whose_volume_nobody_knows(practice: Practice, as_: SignIn, stream: str) -> None:
    """IMP-05."""
    write(practice, stream, LineUnknown(practice.now))
    answer = as_("dora").send(path(stream), {**RISE, "plan": "prime"})
    assert answer.status == 422
    assert "IMP-05" in answer.words
