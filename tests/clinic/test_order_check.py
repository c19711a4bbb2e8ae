"""What an order comes to before it is written: findings, overrides, the line, and the second person."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.clinic.practice import admit
from thecal.chart.clinical import Documented, Overrode, Signed
from thecal.chart.facts import Interrogated
from thecal.chart.order import FlexDay, OrderBolus, OrderContinuous, OrderFlex, OrderPatient, OrderStop, StepDose
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic import visit_writing
from thecal.clinic.entry import Corrected, DrugVerified, Entry, OrderWritten, VisitBegun, VisitClosed, VisitStepped
from thecal.clinic.order_check import (
    Checked,
    Signer,
    arrivals,
    check_second,
    checked,
    gone_on,
    may_order,
    overridden,
    re_entries,
    sign,
    totals_of,
    who_may,
)
from thecal.clinic.practice import By, Practice
from thecal.clinic.record import version_of
from thecal.clinic.visit import Visit, visit_of
from thecal.errors import Refusal
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Amount, Concentration, DailyDose, Volume
from thecal.therapy.look import Look
from thecal.therapy.refill_visit import VERIFIED
from thecal.therapy.service import last_report
from thecal.timeline import DAY_S, HOUR_S, Duration

MCG = 10**6
DORA = Signer("dora", "physician", frozenset({"propose", "order", "double-check"}))
NORA = Signer("nora", "nurse", frozenset({"propose", "double-check"}))
UNLIKE = OrderFlex((FlexDay((), DailyDose(100 * MCG), (StepDose(0, DAY_S, Amount(2400 * MCG)),)),))
Case = tuple[Practice, str]


@pytest.fixture
def case(small: Practice) -> Case:
    """Somebody at a titration, whose record and medicines are in order, on 100 mcg/day of 500 mcg/mL."""
    stream = admit(small)
    now = small.now
    write(small, stream, Documented(now, "device record"), Documented(now, "reconciliation"), VisitBegun(now, "v1", "titration"))
    return small, stream


def write(practice: Practice, stream: str, *entries: Entry) -> None:
    with practice.database.reading() as connection:
        seen = version_of(connection, stream)
    practice.write(stream, seen, entries, By("nora"), "wrote for a test")


def opened(case: Case) -> tuple[Look, Visit]:
    practice, stream = case
    with practice.reading() as reading:
        history = reading.history(stream)
        look = reading.look(history)
    visit = visit_of(history, "v1", look.sheet)
    assert visit is not None
    return look, visit


def dose(mcg: int, **more: object) -> OrderSheet:
    total = DailyDose(mcg * MCG)
    return replace(OrderSheet(OrderContinuous(total), confirm_total=total), **more)  # type: ignore[arg-type]


def check_of(case: Case, orders: OrderSheet, *, line_known: bool = True, standing: bool = False) -> Checked:
    return checked(orders, *opened(case), line_known=line_known, standing=standing)


def refilled(case: Case, strength: Concentration) -> None:
    """A refill visit up to its fill of 18 mL."""
    practice, stream = case
    now = practice.now
    write(practice, stream, VisitClosed(now, "v1"), VisitBegun(now, "v2", "refill"))

    def at_refill() -> tuple[Look, Visit]:
        with practice.reading() as reading:
            history = reading.history(stream)
            look = reading.look(history)
        visit = visit_of(history, "v2", look.sheet)
        assert visit is not None
        return look, visit

    look, _ = at_refill()
    report = last_report(look.known)
    assert report is not None
    assert report.calculated is not None
    left = report.calculated
    drug = DrugVerified(now, "v2", strength, "7", now.date(practice.office().zone), "nils")
    steps: tuple[Callable[[Look, Visit], tuple[Entry, ...] | Refusal], ...] = (
        lambda _, visit: visit_writing.interrogated(visit, Interrogated(now, report), now),
        lambda look, visit: visit_writing.verified(visit, look, drug, dict.fromkeys(VERIFIED, True), "nora", now),
        lambda look, visit: visit_writing.needle(visit, look, "refill port", 22, template=True, at_stop=True, now=now),
        lambda _, visit: visit_writing.aspirated(visit, left, now),
        lambda _, visit: visit_writing.rinsed(visit, Volume(5 * 10**6), 3, strength, now),
        lambda look, visit: visit_writing.filled(visit, look, Volume(18 * 10**6), strength, {}, now),
    )
    for step in steps:
        written = step(*at_refill())
        assert not isinstance(written, Refusal), written
        write(practice, stream, *written)


def of_refill(case: Case, orders: OrderSheet) -> Checked:
    practice, stream = case
    with practice.reading() as reading:
        history = reading.history(stream)
        look = reading.look(history)
    visit = visit_of(history, "v2", look.sheet)
    assert visit is not None
    return checked(orders, look, visit)


def test_a_small_rise_may_be_written(case: Case) -> None:
    """Totals before and after, and by when to refill, are worked out; nothing asks for a second person."""
    found = check_of(case, dose(110))
    assert found.may_be_written
    assert not found.second
    assert totals_of(found)[0] == ("24-h total", "100 mcg", "110 mcg")
    assert found.review is not None
    assert found.review.dates[1].refill_by is not None


def test_what_a_bolus_adds_is_in_the_most_of_a_day(case: Case) -> None:
    """A bolus is told beside the program, and a second person is asked for."""
    found = check_of(case, OrderSheet(bolus=OrderBolus(Amount(25 * MCG), Duration(600))))
    assert ("the most in 24 h, boluses included", "100 mcg", "125 mcg") in totals_of(found)
    assert [finding.rule for finding in found.second] == ["SAF-05"]


def test_a_rise_beyond_the_limit_is_blocked_until_somebody_who_may_gives_a_reason(case: Case) -> None:
    """A nurse may not; an empty reason is none."""
    found = check_of(case, dose(150))
    assert [finding.rule for finding in found.blocks] == ["TIT-03"]
    assert found.override == {"TIT-03": "order"}
    assert who_may("order") == ("physician", "nurse practitioner")
    overrides, errors = overridden(found, {"reason-TIT-03": "spasms"}, NORA)
    assert not overrides
    assert "cannot be given by a nurse" in errors["reason-TIT-03"].sentence()
    assert overridden(found, {"reason-TIT-03": "  "}, DORA) == ((), {})
    overrides, errors = overridden(found, {"reason-TIT-03": "spasms"}, DORA)
    assert not errors
    assert [(gone.rule, gone.by, gone.role) for gone in overrides] == [("TIT-03", "dora", "physician")]
    after = gone_on(found, overrides)
    assert after.may_be_written
    assert [finding.rule for finding in after.second] == ["SAF-05"]


def test_a_role_that_lacks_the_right_today_goes_on_in_spite_of_nothing(case: Case) -> None:
    """The profession alone is not enough."""
    found = check_of(case, dose(150))
    _, errors = overridden(found, {"reason-TIT-03": "spasms"}, Signer("dora", "physician", frozenset()))
    assert set(errors) == {"reason-TIT-03"}


def test_what_went_on_for_another_order_does_not_for_this_one(case: Case) -> None:
    """A reason for a rise of half is none for a rise of twice as much; nor is a signature."""
    practice, stream = case
    now = practice.now
    gone = Overrode(now, "TIT-03", "spasms", "dora", "physician")
    write(practice, stream, gone, OrderWritten(now, "v1", "dora", dose(150)), Signed(now, "dora", "nora", "nurse"))
    assert check_of(case, dose(150), standing=True).may_be_written
    assert not check_of(case, dose(150), standing=True).second
    another = check_of(case, dose(190))
    assert [finding.rule for finding in another.blocks] == ["TIT-03"]
    assert [finding.rule for finding in another.second] == ["SAF-05"]


def test_a_total_that_is_not_that_of_the_order_cannot_be_overridden(case: Case) -> None:
    """SAF-04: nobody may go on in spite of it."""
    found = check_of(case, dose(110, confirm_total=DailyDose(1100 * MCG)))
    assert [finding.rule for finding in found.blocks] == ["SAF-04"]
    assert not found.override


def test_a_stop_needs_its_papers_first_and_its_signatures_afterwards(case: Case) -> None:
    """Without taper and cover it is not written; with them it is, and waits for two others."""
    practice, stream = case
    stop = OrderSheet(OrderStop())
    found = check_of(case, stop)
    assert [finding.rule for finding in found.blocks] == ["SAF-03"]
    assert not found.override
    write(practice, stream, Documented(practice.now, "taper plan"), Documented(practice.now, "cover order"))
    found = check_of(case, stop)
    assert found.may_be_written
    assert {finding.rule for finding in found.second} == {"SAF-03", "SAF-05"}


def test_a_stop_in_an_overdose_waits_for_nobody(case: Case) -> None:
    """It is one step; what is owed is owed afterwards."""
    practice, stream = case
    write(practice, stream, Documented(practice.now, "overdose recorded"))
    found = check_of(case, OrderSheet(OrderStop()))
    assert found.may_be_written
    assert not found.second


@pytest.mark.parametrize(
    ("orders", "rule"),
    [
        (dose(1), "PMP-01"),
        (OrderSheet(UNLIKE, confirm_total=DailyDose(100 * MCG)), "ORD-01"),
        (dose(2100), "SAF-01"),
        (OrderSheet(), "SES-01"),
        (OrderSheet(bridge=True), "PLN-09"),
        (dose(100, concentration=Concentration(2000), bridge=True), "SES-09"),
    ],
)
def test_what_the_pump_cannot_be_programmed_to_is_refused_in_words(case: Case, orders: OrderSheet, rule: str) -> None:
    """Each with its rule, what is allowed, and what to do."""
    found = check_of(case, orders)
    assert rule in [refusal.rule for refusal in found.refusals]
    assert not found.may_be_written


def test_no_bridge_is_planned_over_a_catheter_that_nobody_knows(case: Case) -> None:
    """IMP-05: the volume comes first."""
    found = check_of(case, dose(100, prime=True), line_known=False)
    assert [refusal.rule for refusal in found.refusals] == ["IMP-05"]


def test_no_order_is_left_out_after_a_fill(case: Case) -> None:
    """RPC-10: however it is asked for, the fill has to be entered into the pump."""
    refilled(case, Concentration(500))
    practice, stream = case
    with practice.reading() as reading:
        history = reading.history(stream)
    visit = visit_of(history, "v2", pump_sheet("synchromed-ii-40"))
    assert visit is not None
    left = visit_writing.left_out(visit, "order", "nothing changes", practice.now)
    assert isinstance(left, Refusal)
    assert left.rule == "RPC-10"
    assert not isinstance(visit_writing.left_out(visit, "scales", "asleep", practice.now), Refusal)


def test_a_fill_is_entered_as_it_was_injected(case: Case) -> None:
    """RPC-10: neither left out, nor another volume; and no bolus before it."""
    refilled(case, Concentration(500))
    for orders in (dose(110), dose(110, reservoir=Volume(20 * 10**6)), OrderSheet(bolus=OrderBolus(Amount(MCG), Duration(600)))):
        assert [refusal.rule for refusal in of_refill(case, orders).refusals] == ["RPC-10"]
    assert of_refill(case, dose(110, reservoir=Volume(18 * 10**6))).may_be_written


def test_another_strength_is_bridged_or_somebody_says_why_not(case: Case) -> None:
    """And what reaches the tip is told for three days: the bridge, or a quarter of the dose until the old has gone."""
    practice, _ = case
    refilled(case, Concentration(2000))
    more = {"reservoir": Volume(18 * 10**6), "concentration": Concentration(2000)}
    assert [no.rule for no in of_refill(case, dose(100, **more)).refusals] == ["SES-03"]
    bridged = of_refill(case, dose(100, bridge=True, **more))
    assert bridged.may_be_written
    assert bridged.review is not None
    first, then = arrivals(bridged.review, practice.now)
    assert first.told.startswith("bridge 0.3168 mL of 500 mcg/mL")
    assert first.until == then.since
    assert then.told == "the new program, of 2,000 mcg/mL"
    assert first.until is not None
    assert 37 * HOUR_S < first.until.s - practice.now.s < 39 * HOUR_S
    without = of_refill(case, dose(100, without_bridge="the line was aspirated", **more))
    assert without.review is not None
    (old,) = arrivals(without.review, practice.now)
    assert "25 mcg/day, 25 % of the dose" in old.told


def test_an_order_belongs_to_an_open_visit_of_a_kind_with_one(case: Case) -> None:
    """Not to one that was closed, nor to a scan."""
    practice, stream = case
    look, visit = opened(case)
    assert may_order(visit, look) is None
    assert may_order(replace(visit, kind="MRI"), look) is not None
    assert may_order(visit, replace(look, sheet=None)) is not None
    write(practice, stream, VisitClosed(practice.now, "v1"))
    look, visit = opened(case)
    assert may_order(visit, look) is not None


def test_a_second_person_enters_what_the_order_sets_and_learns_no_number(case: Case) -> None:
    """What differs is named, what it should be is not; a dose may be rounded to a tenth of a microgram."""
    orders = dose(110, reservoir=Volume(18 * 10**6), patient=OrderPatient(Amount(5 * MCG), Duration(300), Duration(4 * 3600), 4))
    entries = {entry.name: entry for entry in re_entries(check_of(case, orders))}
    right = {"concentration": "500", "dose": "110 mcg/day", "total": "110.04", "volume": "18 mL", "patient": "5"}
    assert set(entries) == set(right)
    for name, text in right.items():
        assert entries[name].compare(text) is None
    wrong = {"concentration": "501", "dose": "110.1", "total": "115", "volume": "18.1", "patient": "25"}
    for name, text in {**wrong, "dose": "0.11 mg/day"}.items():
        error = entries[name].compare(text)
        assert error is not None
    for name, text in wrong.items():
        error = entries[name].compare(text)
        assert error is not None
        assert right[name].split()[0] not in error.sentence().replace(text, "")
    missing = entries["dose"].compare(" ")
    assert missing is not None
    assert "110" not in missing.sentence()


def test_the_bolus_of_an_order_is_entered_again(case: Case) -> None:
    """With the time over which it is given, and its unit."""
    orders = OrderSheet(bolus=OrderBolus(Amount(25 * MCG), Duration(600)))
    entries = {entry.name: entry for entry in re_entries(check_of(case, orders))}
    assert entries["bolus"].compare("25") is None
    assert entries["bolus"].compare("2.5") is not None
    assert entries["bolus_over"].compare("10 min") is None
    assert entries["bolus_over"].compare("10 h") is not None
    assert entries["bolus_over"].compare("10") is not None


def test_an_order_that_is_taken_back_leaves_none(case: Case) -> None:
    """What was approved, signed and gone on with was of that one: an older proposal inherits nothing, nor does a newer order."""
    practice, stream = case
    now = practice.now
    write(practice, stream, OrderWritten(now, "v1", "nora", dose(110)))
    gone = Overrode(now, "TIT-03", "spasms", "dora", "physician")
    write(practice, stream, gone, OrderWritten(now, "v1", "dora", dose(150)), VisitStepped(now, "v1", "order approved", "dora"))
    _, visit = opened(case)
    write(practice, stream, *sign(visit, "nils", "nurse", now))
    _, visit = opened(case)
    assert (visit.gone_on, [one.checker for one in visit.signed], visit.approved_by) == ((gone,), ["nils"], "dora")
    with practice.reading() as reading:
        rows = reading.history(stream).rows
    [version] = [row.version for row in rows if isinstance(row.entry, OrderWritten) and row.entry.author == "dora"]
    write(practice, stream, Corrected(now, version, "of somebody else"))
    _, visit = opened(case)
    assert (visit.orders, visit.gone_on, visit.signed, visit.approved_by) == (None, (), (), "")
    write(practice, stream, OrderWritten(now, "v1", "nora", dose(150)))
    _, visit = opened(case)
    assert (visit.author, visit.gone_on, visit.signed, visit.approved_by) == ("nora", (), (), "")
    assert [finding.rule for finding in check_of(case, dose(150), standing=True).blocks] == ["TIT-03"]


def test_the_author_is_no_second_person_however_the_name_is_written(case: Case) -> None:
    """SAF-05: and nobody is one twice, and nobody is one of a proposal."""
    practice, stream = case
    now = practice.now
    _, visit = opened(case)
    assert check_second(visit, "nils") is not None  # no order
    write(practice, stream, OrderWritten(now, "v1", "nora", dose(110)))
    _, visit = opened(case)
    proposal = check_second(visit, "nils")
    assert proposal is not None
    assert proposal.rule == "ROL-03"
    write(practice, stream, VisitStepped(now, "v1", "order approved", "dora"))
    _, visit = opened(case)
    for name in ("nora", " NORA "):
        refusal = check_second(visit, name)
        assert refusal is not None
        assert refusal.rule == "SAF-05"
    assert check_second(visit, "nils") is None
    write(practice, stream, *sign(visit, "nils", "nurse", now))
    _, visit = opened(case)
    assert [one.checker for one in visit.signed] == ["nils"]
    assert check_second(visit, "nils") is not None
    assert check_second(visit, "paul") is None
