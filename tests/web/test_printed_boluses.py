"""The boluses of a real pump, typed in from its printouts: the chart is then that of a virtual pump with the same orders."""

from collections.abc import Callable

import pytest

from tests.clinic.practice import Clock, admit
from tests.web.real_pump import (
    BOLUSES,
    BRIDGED,
    C1000,
    DOSE,
    FULL,
    MODEL,
    PATIENT,
    ZONE,
    Virtual,
    at_the_pump,
    due_of,
    ledger_of,
    ordered,
    pass_,
    printed,
    same_course,
)
from tests.web.test_printed_again import again
from tests.web.test_visit import FILL, NEEDLE, VIAL, begun, history_of, step, to_the_pump
from tests.web.visitor import Visitor
from thecal.chart.facts import Interrogated, Ordered, SessionEnded
from thecal.chart.line_ledger import strength
from thecal.chart.order import OrderBolus, OrderContinuous, OrderNoPatient
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic.entry import PrintoutEntered
from thecal.clinic.practice import Practice
from thecal.pump.messages import Report
from thecal.pump.program import PatientBolus
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Amount, DailyDose, Volume
from thecal.therapy.due import mean_flow
from thecal.timeline import DAY_S, Duration, Instant
from thecal.twin.action import Action, HoldSession, Needle
from thecal.twin.action import Look as Interrogate
from thecal.twin.run import run
from thecal.web.visit import opened

SignIn = Callable[[str], Visitor]


@pytest.fixture
def stream(practice: Practice) -> str:
    return admit(practice, model=MODEL, papers=True)


@pytest.fixture
def virtual(practice: Practice) -> Virtual:
    return Virtual.like(practice.now)


@pytest.fixture
def bridged(practice: Practice, as_: SignIn, stream: str, virtual: Virtual) -> tuple[str, dict[str, object]]:
    """A refill at twice the strength, ordered with a bridge and programmed outside; and what the printout of that says."""
    nora, now = as_("nora"), practice.now
    visit = begun(nora, stream)
    to_the_pump(nora, visit)
    before = printed(virtual.until(now))
    assert step(nora, visit, "pump/printed", before).status == 200
    step(nora, visit, "verify", {**VIAL, "vial_strength": "1000 mcg/mL"})
    step(nora, visit, "needle", NEEDLE)
    step(nora, visit, "pump/aspirate", {"residual": before["calculated"]})
    answer = step(nora, visit, "pump/fill", {**FILL, "volume": "18 mL", "strength": "1000 mcg/mL"})
    assert answer.status == 200, answer.words
    ordered(practice, stream, visit, BRIDGED)
    residual = Volume.parse(str(before["calculated"]))
    said = virtual.until(now, HoldSession(now, BRIDGED, Needle(FULL, C1000, residual)))
    assert said.mode == "bridge bolus"
    assert said.bolus_ends is not None
    minutes = round((said.bolus_ends.s - now.s) / 60)
    bridge = {"bridge_volume": f"{said.bolus_left.nl / 10**6:.3f}", "bridge_over": f"{minutes // 60} h {minutes % 60} min"}
    return visit, {**printed(said, "update"), "daily_dose": "100 mcg/day", "day_total": "100 mcg/day", **bridge}


@pytest.mark.requirement("VST-06")
def test_a_bridge_of_a_real_pump_is_in_the_chart_as_that_of_a_virtual_one(
    practice: Practice, as_: SignIn, stream: str, virtual: Virtual, clock: Clock, bridged: tuple[str, dict[str, object]]
) -> None:
    """Typed by one and entered again by another: line, arrival and dates are then the same, under the bridge and after it."""
    nora, nils = as_("nora"), as_("nils")
    visit, typed = bridged
    page = nora.get(visit)
    assert "<details open>" in page.text
    answer = step(nora, visit, "pump/printed", typed)
    assert answer.status == 200, answer.words
    waiting = ledger_of(history_of(practice, stream).chart).report
    assert waiting is not None
    assert waiting.mode == "simple continuous"  # nothing counts yet
    twice = {**again(typed), "bridge": typed["bridge_volume"], "bridge_over": typed["bridge_over"]}
    wrong = nils.send(f"{visit}/second", {**twice, "bridge_over": "20 h"})
    assert wrong.status == 422
    assert 'id="bridge_over-error"' in wrong.text
    answer = nils.send(f"{visit}/second", twice)
    assert answer.status == 200, answer.words
    chart = history_of(practice, stream).chart
    assert chart.session is not None
    assert virtual.chart.session is not None
    mine, other = chart.session.report, virtual.chart.session.report
    assert (mine.mode, mine.bolus_left, mine.bolus_ends) == (other.mode, other.bolus_left, other.bolus_ends)
    same_course(practice, stream, virtual)
    step(nora, visit, "abandon", {"why": "called away"})
    for readings, hours in enumerate((12, 24, 96), 1):
        pass_(clock, nora, Duration(hours * 3600))
        said = virtual.until(practice.now, Interrogate(practice.now))
        again_at = begun(nora, stream, "follow-up")
        to_the_pump(nora, again_at)
        answer = step(nora, again_at, "pump/printed", printed(said))
        assert answer.status == 200, answer.words
        step(nora, again_at, "abandon", {"why": "only read"})
        sessions = [fact for fact in history_of(practice, stream).chart.facts if isinstance(fact, SessionEnded)]
        assert not sessions[-1].session, "taken for an update that nobody made"
        same_course(practice, stream, virtual, readings)
    line = ledger_of(history_of(practice, stream).chart).line
    assert [parcel.amount_pg // parcel.volume_nl for parcel in line.parcels] == [1000]


@pytest.mark.requirement("VST-03")
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"bridge_volume": "0.5"}, "a bridge of 0.5 mL"),
        ({"bridge_over": "20 h"}, "over 20 h 0 min"),
        ({"bridge_volume": "", "bridge_over": ""}, "no bridge, prime or single bolus"),
        (
            {"bridge_volume": "", "bridge_over": "", "prime_volume": "0.3", "prime_over": "20 min"},
            "a prime of 0.3 mL over 20 min",
        ),
        ({"concentration": "500 mcg/mL"}, "a printout of 500 mcg/mL"),
        ({"calculated": "17 mL"}, "17 mL in the reservoir"),
        ({**BOLUSES}, "patient boluses of 5 mcg over 10 min"),
        ({"daily_dose": "120 mcg/day"}, "simple continuous, 120 mcg/day"),
    ],
)
def test_a_printout_other_than_ordered_is_refused_with_both_values(
    practice: Practice, as_: SignIn, stream: str, bridged: tuple[str, dict[str, object]], wrong: dict[str, object], told: str
) -> None:
    """The order's stands beside what was typed, and nothing is written."""
    visit, typed = bridged
    version = history_of(practice, stream).version
    answer = step(as_("nora"), visit, "pump/printed", {**typed, **wrong})
    assert answer.status == 422
    assert told in answer.words
    assert "as was ordered" in answer.words
    if "bridge_volume" in wrong or "bridge_over" in wrong:
        over = str(typed["bridge_over"])
        assert f"over {over}, as was ordered" in answer.words
    assert history_of(practice, stream).version == version


def test_a_bridge_that_runs_is_no_second_one(
    practice: Practice, as_: SignIn, stream: str, virtual: Virtual, clock: Clock, bridged: tuple[str, dict[str, object]]
) -> None:
    """A reading of a day later on which it is printed again: the chart knows it, and it goes on by itself."""
    nora, nils = as_("nora"), as_("nils")
    visit, typed = bridged
    step(nora, visit, "pump/printed", typed)
    nils.send(f"{visit}/second", {**again(typed), "bridge": typed["bridge_volume"], "bridge_over": typed["bridge_over"]})
    step(nora, visit, "abandon", {"why": "called away"})
    pass_(clock, nora, Duration(3600))
    later = begun(nora, stream, "follow-up")
    to_the_pump(nora, later)
    bridge = {name: typed[name] for name in ("bridge_volume", "bridge_over")}
    answer = step(nora, later, "pump/printed", {**printed(virtual.until(practice.now)), **bridge})
    assert answer.status == 422
    assert "PMP-06" in answer.words
    assert str(typed["bridge_volume"]) in answer.words


@pytest.mark.parametrize("dose_mcg", [100, 110])
def test_under_a_bridge_that_was_typed_in_an_update_is_refused_as_on_a_virtual_pump(
    practice: Practice,
    as_: SignIn,
    stream: str,
    virtual: Virtual,
    clock: Clock,
    bridged: tuple[str, dict[str, object]],
    dose_mcg: int,
) -> None:
    """By the same rule, for the rest of the bridge would be lost; and nothing that is typed of it counts."""
    nora, nils = as_("nora"), as_("nils")
    visit, typed = bridged
    step(nora, visit, "pump/printed", typed)
    nils.send(f"{visit}/second", {**again(typed), "bridge": typed["bridge_volume"], "bridge_over": typed["bridge_over"]})
    step(nora, visit, "abandon", {"why": "called away"})
    pass_(clock, nora, Duration(3600))
    later, now = at_the_pump(nora, stream, virtual, practice.now), practice.now
    dose = DailyDose(dose_mcg * 10**6)
    orders = OrderSheet(OrderContinuous(dose), confirm_total=dose)
    ordered(practice, stream, later, orders)
    waiting: list[Action] = [HoldSession(now, orders)]
    trace = run(virtual.world, lambda *_: waiting.pop() if waiting else None, now, None, virtual.chart)
    order = opened(practice, stream, later.rpartition("/")[2]).order
    assert order is not None
    assert [no.rule for no in order.refusals] == [refused.refusal.rule for refused in trace.refused] == ["PMP-08"]
    version = history_of(practice, stream).version
    update = {**printed(virtual.until(now), "update"), "daily_dose": f"{dose}", "day_total": f"{dose}"}
    answer = step(nora, later, "pump/printed", update)
    assert answer.status == 422
    assert "PMP-08" in answer.words
    assert history_of(practice, stream).version == version


def test_a_bridge_that_somebody_else_began_is_found_by_a_reading(
    practice: Practice, as_: SignIn, stream: str, virtual: Virtual, clock: Clock
) -> None:
    """Entered by two, it is in the line as it runs: another strength, once it is over, from the pump to the tip."""
    nora, nils = as_("nora"), as_("nils")
    said = virtual.until(practice.now, HoldSession(practice.now, BRIDGED, Needle(FULL, C1000)))
    visit = begun(nora, stream, "follow-up")
    to_the_pump(nora, visit)
    assert said.bolus_ends is not None
    seconds = said.bolus_ends.s - said.at.s
    bridge = {"bridge_volume": f"{said.bolus_left.nl / 10**6:.6f}", "bridge_over": f"{seconds} s"}
    typed = {**printed(said), **bridge}
    answer = step(nora, visit, "pump/printed", typed)
    assert answer.status == 200, answer.words
    answer = nils.send(f"{visit}/second", {**again(typed), "bridge": bridge["bridge_volume"], "bridge_over": f"{seconds} s"})
    assert answer.status == 200, answer.words
    step(nora, visit, "abandon", {"why": "only read"})
    chart = history_of(practice, stream).chart
    assert chart.session is not None
    assert (chart.session.report.mode, chart.session.report.bolus_left) == ("bridge bolus", said.bolus_left)
    pass_(clock, nora, Duration(seconds + 60))
    at_the_pump(nora, stream, virtual, practice.now, "follow-up")
    line = ledger_of(history_of(practice, stream).chart).line
    assert {strength(parcel) for parcel in line.parcels} == {C1000}


def test_a_new_patient_bolus_is_counted_in_the_date_to_refill_by(
    practice: Practice, as_: SignIn, stream: str, virtual: Virtual, clock: Clock
) -> None:
    """And a reading of the next day, with boluses taken meanwhile, is no update."""
    nora, nils = as_("nora"), as_("nils")
    orders = OrderSheet(OrderContinuous(DOSE), PATIENT, confirm_total=DOSE)
    visit = at_the_pump(nora, stream, virtual, practice.now)
    ordered(practice, stream, visit, orders)
    without = due_of(practice, stream)
    said = virtual.until(practice.now, HoldSession(practice.now, orders))
    typed = {**printed(said, "update"), **BOLUSES}
    refused = step(nora, visit, "pump/printed", {**typed, "pb_dose": "50"})
    assert refused.status == 422
    assert "50 mcg over 10 min" in refused.words
    assert "5 mcg over 10 min, 4 h apart, at most 4 in 24 h, as was ordered" in refused.words
    assert step(nora, visit, "pump/printed", {**typed, "patient": ""}).status == 422  # ordered, and nothing typed of it
    answer = step(nora, visit, "pump/printed", typed)
    assert answer.status == 200, answer.words
    patient = {"patient": "5", "patient_over": "10 min", "patient_lockout": "4 h", "patient_per_day": "4"}
    answer = nils.send(f"{visit}/second", {**again(typed), **patient})
    assert answer.status == 200, answer.words
    same_course(practice, stream, virtual)
    due = due_of(practice, stream)
    assert due.alarm is not None
    assert without.alarm is not None
    assert due.alarm < without.alarm
    facts = history_of(practice, stream).chart.facts
    assert [fact.order for fact in facts if isinstance(fact, Ordered)][-2:] == [OrderContinuous(DOSE), PATIENT]
    step(nora, visit, "abandon", {"why": "called away"})
    pass_(clock, nora, Duration(DAY_S))
    taken = virtual.until(practice.now)
    assert taken.calculated is not None
    lower = {**printed(taken), "calculated": f"{(taken.calculated.nl - 30_000) / 10**6:.1f} mL"}
    later = begun(nora, stream, "follow-up")
    to_the_pump(nora, later)
    page = nora.get(later)
    assert "<details open>" in page.text
    answer = step(nora, later, "pump/printed", {**lower, **BOLUSES})
    assert answer.status == 200, answer.words
    assert isinstance(next(fact for fact in reversed(history_of(practice, stream).chart.facts)), Interrogated | SessionEnded)
    last = history_of(practice, stream).chart.session
    assert last is not None
    assert last.session is None
    assert last.report.patient == PatientBolus(Volume(10_000), Duration(600), Duration(4 * 3600), 4)


def test_a_single_bolus_is_counted_and_the_next_reading_is_no_update(
    practice: Practice, as_: SignIn, stream: str, virtual: Virtual, clock: Clock
) -> None:
    """Its volume leaves the reservoir as the pump counts it."""
    nora, nils = as_("nora"), as_("nils")
    orders = OrderSheet(bolus=OrderBolus(Amount(75 * 10**6), Duration(1800)))
    visit = at_the_pump(nora, stream, virtual, practice.now, "unscheduled")
    ordered(practice, stream, visit, orders)
    said = virtual.until(practice.now, HoldSession(practice.now, orders))
    assert said.mode == "single bolus"
    typed = {**printed(said, "update"), "bolus_dose": "75", "bolus_over": "30 min"}
    refused = step(nora, visit, "pump/printed", {**typed, "bolus_dose": "7.5"})
    assert refused.status == 422
    assert "a single bolus of 7.5 mcg over 30 min" in refused.words
    assert "a single bolus of 75 mcg over 30 min, as was ordered" in refused.words
    answer = step(nora, visit, "pump/printed", typed)
    assert answer.status == 200, answer.words
    answer = nils.send(f"{visit}/second", {**again(typed), "bolus": "75", "bolus_over": "30 min"})
    assert answer.status == 200, answer.words
    session = history_of(practice, stream).chart.session
    assert session is not None
    assert session.report.mode == "single bolus"
    same_course(practice, stream, virtual)
    step(nora, visit, "abandon", {"why": "called away"})
    pass_(clock, nora, Duration(DAY_S))
    later = at_the_pump(nora, stream, virtual, practice.now, "follow-up")
    assert "reading" in opened(practice, stream, later.rpartition("/")[2]).visit.done
    last = history_of(practice, stream).chart.session
    assert last is not None
    assert last.session is None
    same_course(practice, stream, virtual, readings=1)


def test_patient_boluses_of_before_are_typed_at_a_new_strength(
    practice: Practice, as_: SignIn, stream: str, virtual: Virtual
) -> None:
    """What was found so was programmed by somebody else: a second person enters it again, and none any more is said so."""
    nora, nils = as_("nora"), as_("nils")
    visit = begun(nora, stream, "follow-up")
    to_the_pump(nora, visit)
    typed = {**printed(virtual.until(practice.now)), **BOLUSES}
    typed["alarm_on"] = soonest(virtual.until(practice.now), 10_000 * 4)
    answer = step(nora, visit, "pump/printed", typed)
    assert answer.status == 200, answer.words
    patient = {"patient": "5", "patient_over": "10 min", "patient_lockout": "4 h", "patient_per_day": "4"}
    nils.send(f"{visit}/second", {**again(typed), **patient})
    assert practice_patient(practice, stream) is not None
    step(nora, visit, "abandon", {"why": "only read"})
    other = begun(nora, stream, "follow-up")
    to_the_pump(nora, other)
    strong = {**printed(virtual.until(practice.now)), "concentration": "1000 mcg/mL"}
    strong["alarm_on"] = soonest(virtual.until(practice.now), 0, half=True)
    refused = step(nora, other, "pump/printed", strong)
    assert refused.status == 422
    assert "Enter what the printout says of patient boluses." in refused.words
    assert 'name="pb_dose"' in refused.text
    answer = step(nora, other, "pump/printed", {**strong, "patient": "none"})
    assert answer.status == 200, answer.words
    answer = nils.send(f"{other}/second", again(strong))
    assert answer.status == 200, answer.words
    assert practice_patient(practice, stream) is None


def soonest(said: Report, more_nl: int, *, half: bool = False) -> str:
    """The alarm date at so much more a day, or at half the flow."""
    assert said.calculated is not None
    a_day, per = mean_flow(said, pump_sheet(MODEL), patient=False)
    flow_nl = a_day // per // (2 if half else 1) + more_nl
    return Instant(said.at.s + (said.calculated.nl - said.low_reservoir.nl) * DAY_S // flow_nl).date(ZONE).isoformat()


def practice_patient(practice: Practice, stream: str) -> PatientBolus | None:
    session = history_of(practice, stream).chart.session
    assert session is not None
    return session.report.patient


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"bridge_volume": "0.275"}, "bridge_over"),
        ({"bridge_volume": "0.275", "bridge_over": "26"}, "bridge_over"),
        ({"bridge_volume": "0.000001", "bridge_over": "200 days"}, "bridge_over"),
        ({"bolus_dose": "5", "bolus_over": "10 min", "prime_volume": "0.3", "prime_over": "20 min"}, "bolus_dose"),
        ({"patient": "set", "pb_dose": "5"}, "pb_lockout"),
        ({"patient": "some"}, "patient"),
    ],
)
def test_what_cannot_be_read_of_a_bolus_is_marked_and_kept(
    practice: Practice, as_: SignIn, stream: str, virtual: Virtual, typed: dict[str, object], field: str
) -> None:
    """In its field, with the part of the form open in which it is."""
    nora = as_("nora")
    visit = begun(nora, stream, "follow-up")
    to_the_pump(nora, visit)
    answer = step(nora, visit, "pump/printed", {**printed(virtual.until(practice.now)), **typed})
    assert answer.status == 422
    assert f'id="reading-{field}-error"' in answer.text
    assert "<details open>" in answer.text
    assert history_of(practice, stream).last(PrintoutEntered) is None


def test_no_patient_bolus_any_more_is_chosen_where_it_was_ordered(
    practice: Practice, as_: SignIn, stream: str, virtual: Virtual
) -> None:
    """Nothing typed is not the same as none."""
    nora = as_("nora")
    orders = OrderSheet(OrderContinuous(DOSE), OrderNoPatient(), confirm_total=DOSE)
    visit = at_the_pump(nora, stream, virtual, practice.now)
    ordered(practice, stream, visit, orders)
    typed = printed(virtual.until(practice.now), "update")
    refused = step(nora, visit, "pump/printed", typed)
    assert refused.status == 422
    assert "nothing of patient boluses" in refused.words
    assert "no patient bolus, as was ordered" in refused.words
    assert step(nora, visit, "pump/printed", {**typed, "patient": "none"}).status == 200
