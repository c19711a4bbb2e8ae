"""The review: every setting that differs and no other, totals, dates, the line, and the cautions."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.courses import GEOMETRY, PROGRAMMABLE, START, disturbed, flow, ml, running_pump
from tests.programmer.desk import C500, C2000, HUNDRED, POLICY, chart_of, continuous, desk, dose, new_desk
from tests.pump.pumps import BRIDGE, FLEX, PATIENT, PERIODIC, PRIMING, in_seconds, pump_in
from thecal.chart.chart import Chart
from thecal.chart.facts import Filled, Implanted, SessionEnded
from thecal.chart.line_ledger import line_ledger
from thecal.chart.order import (
    FlexDay,
    Order,
    OrderBolus,
    OrderFlex,
    OrderNoPatient,
    OrderPatient,
    OrderPeriodic,
    OrderStop,
    StepDose,
)
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.programmer.believed import check_write
from thecal.programmer.review import Review, review
from thecal.pump.handle import Answer, handle, report
from thecal.pump.memory import digest, token
from thecal.pump.messages import BeginUpdate, Commit, Interrogate, LowBattery, Report, SetClock, Stage, StartBolus, Update, Write
from thecal.pump.program import NoPatientBolus, PatientBolus, Program, SimpleContinuous, SingleBolus, Stopped
from thecal.pump.sheet import pump_sheet
from thecal.pump.state import PumpState
from thecal.pump.written import SETTINGS, expected, settings, unlike
from thecal.quantity import Amount, Concentration, FlowRate, Volume
from thecal.timeline import DAY_S, Duration, Instant

FLEX_ORDER = OrderFlex(
    (FlexDay((), dose(120), (StepDose(0, 28_800, Amount(56 * 10**6)), StepDose(28_800, 86_400, Amount(64 * 10**6)))),)
)
PERIODIC_ORDER = OrderPeriodic(Amount(5 * 10**6), Duration(600), Duration(6 * 3600), 3600, dose(100))
PATIENT_ORDER = OrderPatient(Amount(10 * 10**6), Duration(600), Duration(7200), 3)
PROGRAMS: list[Program] = [Stopped(), SimpleContinuous(flow(0.2)), SimpleContinuous(flow(0.31)), FLEX, PERIODIC]
writes: st.SearchStrategy[Write] = st.one_of(
    st.builds(
        Update,
        st.none() | st.sampled_from(PROGRAMS),
        st.none() | st.just(C500) | st.just(Concentration(605)),
        st.none() | st.integers(0, 18_000_000).map(lambda nl: ml(nl / 10**6)),
        st.none() | st.integers(0, 4_000_000).map(lambda nl: ml(nl / 10**6)),
        st.none() | st.just(PATIENT) | st.just(NoPatientBolus()),
        st.none() | st.just(BRIDGE) | st.just(PRIMING),
    ),
    st.integers(60, 7200).map(lambda s: StartBolus(SingleBolus(ml(0.02), Duration(s)))),
    st.integers(-14 * 3600, 14 * 3600).map(SetClock),
)


def said(pump: PumpState) -> Report:
    answer = handle(pump, Interrogate())
    assert not isinstance(answer, Refusal)
    return answer.report


def carried_out(pump: PumpState, write: Write) -> Answer | Refusal:
    """A write in an update of its own: begun, staged, committed; or the first refusal."""
    answer = handle(pump, BeginUpdate())
    for command in (Stage(write), Commit(digest(write))):
        if isinstance(answer, Refusal):
            return answer
        answer = handle(answer.state, command)
    return answer


def reviewed(orders: OrderSheet, pump: PumpState | None = None, chart: Chart | None = None) -> Review:
    at = new_desk()
    pump = pump or at.pump
    made = review(orders, chart or (at.chart if pump is at.pump else chart_of(pump)), said(pump), pump.sheet, POLICY)
    assert isinstance(made, Review), made
    return made


def refused(orders: OrderSheet, pump: PumpState, chart: Chart) -> Refusal:
    made = review(orders, chart, said(pump), pump.sheet, POLICY)
    assert isinstance(made, Refusal)
    return made


@pytest.mark.requirement("SES-15")
@given(st.sampled_from(PROGRAMMABLE), st.sampled_from(PROGRAMS), st.integers(0, 3 * DAY_S), writes)
def test_a_review_shows_every_setting_that_differs_and_no_other(sheet: str, program: Program, seconds: int, write: Write) -> None:
    """What a review marks as changed is what differs between the pump before and after it carried out the write.

    And what the pump refuses, the programmer has refused before, by the same rule (under a bolus, by that or by what else forbids
    it). Where a sensor reads the reservoir, what is
    typed in is taken for what was filled; here nothing was.
    """
    assume(not (pump_sheet(sheet).fill_sensor and isinstance(write, Update) and write.reservoir is not None))
    pump = in_seconds(running_pump(program, sheet), seconds)
    before = said(pump)
    answer, foreseen = carried_out(pump, write), check_write(write, before, pump.sheet)
    if isinstance(answer, Refusal):
        assert foreseen is not None
        assert answer.rule in (foreseen.rule, "PMP-06")
        return
    assert foreseen is None
    after = said(answer.state)
    marked = {row.name for row in settings(before, expected(before, write, pump.sheet)) if row.changed}
    fields = {
        "program": (before.program, after.program),
        "patient bolus": (before.patient, after.patient),
        "concentration": (before.concentration, after.concentration),
        "reservoir volume": (before.calculated, after.calculated),
        "low reservoir threshold": (before.low_reservoir, after.low_reservoir),
        "pump clock": (before.clock_reading_s - before.at.s, after.clock_reading_s - after.at.s),
        "open update": (before.mode == "updating", after.mode == "updating"),
        "bolus": ((before.bolus_left, before.bolus_ends), (after.bolus_left, after.bolus_ends)),
    }
    assert set(fields) == set(SETTINGS)
    assert marked == {name for name, (was, now) in fields.items() if was != now}
    shown = {row.name: row.after for row in settings(before, expected(before, write, pump.sheet))}
    assert shown == {row.name: row.after for row in settings(before, after)}


@pytest.mark.requirement("SES-15")
def test_the_totals_come_first_and_are_those_of_the_program() -> None:
    """100 to 120 mcg/day by flex: +20 %, and a peak hour of 7 mcg (56 mcg in eight hours) where it was 100/24."""
    made = reviewed(OrderSheet(dosing=FLEX_ORDER))
    before, after = made.totals
    assert before is not None
    assert after is not None
    assert (before.day, after.day) == (Amount(100 * 10**6), Amount(120 * 10**6))
    assert made.change_percent == 20
    assert before.peak_hour == Amount(-(-200_000 // 24) * 500)
    assert after.peak_hour == Amount(7 * 10**6)
    assert after.day_max == after.day
    assert made.ordered == made.programmed == dose(120)
    assert [row.name for row in made.changed] == ["program"]


@pytest.mark.requirement("SES-15")
def test_the_maximum_counts_every_bolus_that_the_patient_may_ask_for() -> None:
    """Three of 10 mcg on 100 mcg/day; the dates count them too, and say what is likely beside it."""
    made = reviewed(OrderSheet(patient=PATIENT_ORDER))
    after = made.totals[1]
    assert after is not None
    assert (after.day, after.day_max) == (Amount(100 * 10**6), Amount(130 * 10**6))
    left_nl = 30_000_000 - 4 * 200_000 - 2_000_000
    dates, start = made.dates[1], made.before.at.s
    assert dates.likely_low_reservoir == Instant(start + left_nl * DAY_S // 200_000)
    assert dates.low_reservoir == Instant(start - (-left_nl * DAY_S // 260_000))


@pytest.mark.requirement("SES-16")
@pytest.mark.parametrize("order", [continuous(110), FLEX_ORDER, PERIODIC_ORDER], ids=["continuous", "flex", "periodic"])
@pytest.mark.parametrize("bridge", [False, True])
def test_the_alarm_sounds_when_the_review_says(order: Order, bridge: bool) -> None:
    """To the second: the pump is run until its alarms sound, through a bridge and the steps of a day."""
    at = new_desk()
    chart = at.chart.after(Filled(at.now, ml(9), C2000)) if bridge else at.chart
    orders = OrderSheet(
        dosing=order, concentration=C2000 if bridge else None, reservoir=ml(9), low_reservoir=ml(3), bridge=bridge
    )
    made = reviewed(orders, at.pump, chart)
    answer = handle(at.pump, made.write)
    assert not isinstance(answer, Refusal)
    later = in_seconds(answer.state, 400 * DAY_S)
    onsets = {alarm.kind.name: alarm.onset for alarm in later.memory.alarms}
    dates = made.dates[1]
    assert (dates.low_reservoir, dates.empty) == (onsets["low reservoir"], onsets["empty reservoir"])


@pytest.mark.requirement("SES-16")
def test_a_stopped_pump_has_no_dates() -> None:
    """Nothing flows, so nothing is due."""
    dates = reviewed(OrderSheet(dosing=OrderStop())).dates[1]
    assert (dates.low_reservoir, dates.empty, dates.refill_by) == (None, None, None)


@pytest.mark.requirement("SES-17")
def test_what_lies_in_the_line_and_what_it_does() -> None:
    """Four times the strength and no bridge: a quarter of the dose until the dead volume has passed; the plan beside it."""
    at = new_desk()
    chart = at.chart.after(Filled(at.now, ml(18), C2000))
    orders = OrderSheet(dosing=continuous(120), concentration=C2000, reservoir=ml(18), bridge=True)
    made = reviewed(orders, at.pump, chart)
    dead_nl = made.ledger.line.volume_nl
    [stretch] = made.if_now
    assert stretch.volume.nl == dead_nl
    assert stretch.end_s == -(-dead_nl * DAY_S // 60_000)
    assert stretch.percent == pytest.approx(25, rel=1e-4)
    assert made.bridge is not None
    assert made.bridge.bolus.flow == flow(0.24)
    refusal = refused(replace(orders, bridge=False), at.pump, chart)
    assert refusal.rule == "SES-03"
    assert f"{stretch.in_words()}" in refusal.limit
    reason = replace(orders, bridge=False, without_bridge="aspirated and primed")
    cautions = reviewed(reason, at.pump, chart).cautions
    assert [one.text for one in cautions if one.rule == "SES-03"] == [
        f"No bridge over {made.bridge.volume} of 500 mcg/mL, for this reason: aspirated and primed."
    ]


@pytest.mark.requirement("SES-03")
@pytest.mark.parametrize(("left_nl", "fits"), [(1000, True), (1001, False)])
def test_a_rest_of_rounding_needs_no_bridge(left_nl: int, fits: bool) -> None:
    """A microlitre of another strength in the line is none; a nanolitre more is."""
    pump = in_seconds(running_pump(SimpleContinuous(FlowRate(DAY_S)), mcg_per_ml=2000), DAY_S)  # 1 nL a second
    said_now = said(pump)
    dead_nl = GEOMETRY.dead_volume.nl
    before = replace(said_now, concentration=C500, pumped=Volume(said_now.pumped.nl - (dead_nl - left_nl)))
    since = replace(before, concentration=C2000)
    implanted = Implanted(START, pump.sheet.name, "indura-8709sc", "T10", GEOMETRY.dead_volume, GEOMETRY, "CSF", C500)
    full = replace(before, pumped=Volume(0)), before
    chart = Chart().after(implanted, *(SessionEnded(START, HUNDRED, one) for one in (*full, since)))
    chart = chart.after(Filled(pump.now, ml(18), C2000))
    ledger = line_ledger(chart)
    made = review(OrderSheet(dosing=continuous(172.8)), chart, said_now, pump.sheet, POLICY)
    assert ledger is not None
    assert isinstance(made, Review) == fits, made


@pytest.mark.requirement("SES-01")
@pytest.mark.parametrize(
    "orders",
    [
        OrderSheet(),
        OrderSheet(dosing=HUNDRED, bolus=OrderBolus(Amount(10**7), Duration(600))),
        OrderSheet(clock_offset_s=0, bolus=OrderBolus(Amount(10**7), Duration(600))),
        OrderSheet(low_reservoir=ml(1), clock_offset_s=0),
        OrderSheet(dosing=HUNDRED, bridge=True, prime=True),
    ],
    ids=str,
)
def test_one_write_in_one_session(orders: OrderSheet) -> None:
    """Nothing, or two things that are written in different ways: refused, and the parts are named."""
    at = new_desk()
    assert refused(orders, at.pump, at.chart).rule == "SES-01"


@pytest.mark.requirement("SES-02")
def test_a_bridge_needs_a_dose() -> None:
    """Where neither the order nor the pump has one, there is nothing to keep."""
    pump = in_seconds(running_pump(SimpleContinuous(flow(0.2))), 4 * DAY_S)
    chart = chart_of(pump)
    stopped = handle(pump, Update(Stopped()))
    assert not isinstance(stopped, Refusal)
    silent = replace(said(stopped.state), concentration=None)
    made = review(OrderSheet(bridge=True), chart, silent, pump.sheet, POLICY)
    assert isinstance(made, Refusal)
    assert made.rule == "SES-02"


@pytest.mark.requirement("SES-04")
def test_a_pump_without_a_chart_is_not_programmed() -> None:
    """Bridge and prime need what was recorded at operation."""
    at = new_desk()
    assert refused(OrderSheet(low_reservoir=ml(1)), at.pump, Chart()).rule == "SES-04"


def test_an_update_under_a_bolus_is_refused_before_anything_is_sent() -> None:
    """The programmer knows the pump's table: it does not wait for the pump to say no."""
    pump = pump_in("priming bolus")
    assert refused(OrderSheet(low_reservoir=ml(1)), pump, chart_of(pump)).rule == "PMP-08"


@pytest.mark.requirement("SAF-03")
@pytest.mark.requirement("SAF-05")
@pytest.mark.parametrize(
    ("orders", "second", "others"),
    [
        (OrderSheet(dosing=OrderStop()), ["a stop"], {"SAF-03"}),
        (OrderSheet(bolus=OrderBolus(Amount(10**7), Duration(600))), ["a bolus"], set()),
        (OrderSheet(dosing=continuous(110)), [], set()),
    ],
    ids=str,
)
def test_what_a_second_person_enters_again(orders: OrderSheet, second: list[str], others: set[str]) -> None:
    """A stop, a bolus, a new concentration; not a routine change of dose."""
    cautions = reviewed(orders).cautions
    told = [one.text for one in cautions if one.rule == "SAF-05"]
    assert [text.rpartition(": ")[2].rstrip(".") for text in told] == [", ".join(second)] * bool(second)
    assert others <= {one.rule for one in cautions}
    assert "SAF-03" not in {one.rule for one in cautions} - others
    assert all(one.source and one.text for one in cautions)


@pytest.mark.requirement("REF-02")
def test_a_threshold_below_a_week_of_flow_is_warned_of() -> None:
    """7 days of 0.3 mL/day are 2.1 mL: the label's 2 mL are too little, 2.1 are enough."""
    for threshold, warned in ((2.0, True), (2.1, False)):
        made = reviewed(OrderSheet(dosing=continuous(150), low_reservoir=ml(threshold)))
        assert ("REF-02" in {one.rule for one in made.cautions}) == warned


def test_a_pump_that_is_empty_before_its_alarm_is_warned_of() -> None:
    """Above V/(V - A): 30 mL and 2 mL allow +7.1 %, the label +14.5 %; a threshold of 4 mL allows +15.4 %."""
    for threshold, warned in ((2, True), (4, False)):
        made = reviewed(OrderSheet(low_reservoir=ml(threshold)))
        assert ("REF-12" in {one.rule for one in made.cautions}) == warned


def test_what_the_pump_will_not_do_exactly_is_said() -> None:
    """100.0005 mcg/day is no multiple of the SynchroMed's flow step; ordered and programmed stand beside each other."""
    at = new_desk("synchromed-ii-40")
    made = review(OrderSheet(dosing=continuous(100.3)), at.chart, said(at.pump), at.pump.sheet, POLICY)
    assert isinstance(made, Review)
    assert (made.ordered, made.programmed) == (dose(100.3), dose(100.5))
    assert [one.text for one in made.cautions if one.rule == "ORD-03"] == [
        "The pump's nearest flow is not the order: 100.3 mcg/day ordered, 100.5 mcg/day programmed."
    ]


def test_a_change_from_nothing_has_no_percent() -> None:
    """A start is no change of so many percent."""
    pump = in_seconds(running_pump(Stopped()), DAY_S)
    made = reviewed(OrderSheet(dosing=HUNDRED), pump, chart_of(pump, OrderStop()))
    assert made.change_percent is None
    assert reviewed(OrderSheet(dosing=continuous(150))).change_percent == Fraction(50)


def test_the_patients_bolus_can_be_ended() -> None:
    """And the maximum falls back to the total."""
    at = desk(pump_in("simple continuous"))
    made = review(OrderSheet(patient=OrderNoPatient()), at.chart, said(at.pump), at.pump.sheet, POLICY)
    assert isinstance(made, Review)
    assert isinstance(at.pump.memory.settings.patient, PatientBolus)
    assert made.after.patient is None
    assert made.totals[1] is not None
    assert made.totals[1].day_max == made.totals[1].day


def test_a_periodic_order_is_told_with_its_total() -> None:
    """Four of 5 mcg on 100 mcg/day."""
    made = reviewed(OrderSheet(dosing=PERIODIC_ORDER))
    assert made.totals[1] is not None
    assert made.totals[1].day == Amount(120 * 10**6)
    assert report(new_desk().pump).program == made.before.program


@pytest.mark.requirement("SAF-01")
def test_no_day_gets_more_than_the_hard_stop() -> None:
    """2,000 mcg in 24 h: by the program, with every patient bolus, with a single bolus on top; from 1,000 on a second person."""
    at = new_desk()
    assert refused(OrderSheet(dosing=continuous(2000.5)), at.pump, at.chart).rule == "SAF-01"
    patient = OrderPatient(Amount(100 * 10**6), Duration(1200), Duration(3600), 20)
    assert refused(OrderSheet(patient=patient), at.pump, at.chart).rule == "SAF-01"  # 100 and 20 times 100
    assert refused(OrderSheet(bolus=OrderBolus(Amount(1901 * 10**6), Duration(DAY_S))), at.pump, at.chart).rule == "SAF-01"
    for mcg, second in ((1000, False), (1000.5, True), (2000, True)):
        told = {one.rule for one in reviewed(OrderSheet(dosing=continuous(mcg))).cautions}
        assert ("SAF-01" in told) == second


@pytest.mark.requirement("PRG-02")
@pytest.mark.parametrize(("mcg", "beyond"), [(140, False), (140.5, True), (80, False), (79.5, True), (2000, True)])
def test_a_change_beyond_what_one_person_releases(mcg: float, beyond: bool) -> None:
    """+40 % and -20 % of 100 mcg/day are within it; half a microgram more is not."""
    made = reviewed(OrderSheet(dosing=continuous(mcg)))
    assert made.beyond_change == beyond
    assert ("PRG-02" in {one.rule for one in made.cautions}) == beyond
    assert not reviewed(OrderSheet(dosing=OrderStop())).beyond_change


@pytest.mark.requirement("SES-09")
def test_a_dose_is_written_only_at_the_strength_that_was_filled() -> None:
    """2,000 in the reservoir and 500 in the pump's memory, or the reverse: refused, with the factor; a fill's mixture is not."""
    at = new_desk()
    stronger = at.chart.after(Filled(at.now, ml(18), C2000))
    refusal = refused(OrderSheet(low_reservoir=ml(3)), at.pump, stronger)
    assert (refusal.rule, "400 %" in refusal.limit) == ("SES-09", True)
    without = OrderSheet(dosing=continuous(100), concentration=C2000, reservoir=ml(18), bridge=True)
    refusal = refused(without, at.pump, at.chart)
    assert (refusal.rule, "25 %" in refusal.limit) == ("SES-09", True)
    mixed = OrderSheet(dosing=continuous(100), concentration=Concentration(1892), reservoir=ml(18), bridge=True)
    reviewed(mixed, at.pump, stronger)
    reviewed(OrderSheet(dosing=OrderStop()), at.pump, stronger)


@pytest.mark.requirement("SAF-06")
def test_a_restart_is_said() -> None:
    """After an update that was left open: why the pump was off, a second person, and no dose and no dates before."""
    left_open = new_desk("synchromed-ii-40")
    begun = handle(left_open.pump, BeginUpdate())
    assert not isinstance(begun, Refusal)
    made = reviewed(OrderSheet(low_reservoir=ml(3)), in_seconds(begun.state, DAY_S), left_open.chart)
    assert made.totals[0] is not None
    assert made.totals[0].day == Amount(0)
    assert (made.dates[0].low_reservoir, made.dates[0].empty) == (None, None)
    told = {one.rule: one.text for one in made.cautions}
    assert "an update was left open" in told["SAF-06"]
    assert "a restart" in told["SAF-05"]
    assert "SAF-06" not in {one.rule for one in reviewed(OrderSheet(low_reservoir=ml(3))).cautions}


@pytest.mark.requirement("REF-08")
def test_a_pump_without_a_volume_is_said_to_sound_no_alarm() -> None:
    """After lost settings a program alone brings no alarm back; with the volume it does."""
    at = new_desk()
    lost = disturbed(at.pump, LowBattery())
    orders = OrderSheet(dosing=continuous(100), concentration=C500)
    assert "REF-08" in {one.rule for one in reviewed(orders, lost, at.chart).cautions}
    assert "REF-08" not in {one.rule for one in reviewed(replace(orders, reservoir=ml(20)), lost, at.chart).cautions}


@pytest.mark.requirement("SES-17")
def test_other_fluid_without_a_plan_is_a_warning() -> None:
    """A bridge that was cut short and forgotten, under a mere change of the threshold."""
    at = desk(pump_in("bridge bolus"))
    assert [one.rule for one in reviewed(OrderSheet(low_reservoir=ml(3))).cautions if one.rule == "PLN-10"] == []
    pump = in_seconds(running_pump(SimpleContinuous(flow(0.2))), 3600)  # its catheter still holds spinal fluid
    made = review(OrderSheet(low_reservoir=ml(3)), at.chart, said(pump), pump.sheet, POLICY)
    assert isinstance(made, Review)
    [caution] = [one for one in made.cautions if one.rule == "PLN-10"]
    assert "CSF" in caution.text


@pytest.mark.requirement("PLN-07")
def test_a_bridge_without_a_new_order_keeps_the_dose_that_was_ordered() -> None:
    """The running order's 100 mcg/day, and not what the program gives beside it; and the order stays the running one."""
    at = new_desk()
    begun = handle(at.pump, Update(SimpleContinuous(flow(0.05)), C2000, ml(18)))
    assert not isinstance(begun, Refusal)
    chart = at.chart.after(Filled(at.now, ml(18), C2000), SessionEnded(at.now, continuous(110), said(begun.state)))
    made = reviewed(OrderSheet(bridge=True), begun.state, chart)
    assert made.bridge is not None
    assert made.bridge.flow == flow(0.22)  # 110 mcg/day of 500 mcg/mL
    assert made.ordered == dose(110)


def test_a_bolus_goes_on_under_an_update_that_leaves_it() -> None:
    """By the reading that an update cancels: only a new program ends the bridge, and only then its rest has to be planned."""
    pump = pump_in("bridge bolus", update_during_bolus="cancels")
    chart = chart_of(pump)
    made = review(OrderSheet(low_reservoir=ml(3)), chart, said(pump), pump.sheet, POLICY)
    assert isinstance(made, Review)
    assert made.after.mode == "bridge bolus"
    refusal = review(OrderSheet(clock_offset_s=3600), chart, said(pump), pump.sheet, POLICY)
    assert isinstance(refusal, Refusal)
    assert refusal.rule == "PMP-34"
    refusal = review(OrderSheet(bolus=OrderBolus(Amount(10**7), Duration(600))), chart, said(pump), pump.sheet, POLICY)
    assert isinstance(refusal, Refusal)
    assert refusal.rule == "PMP-06"


def test_after_a_bolus_that_stops_the_pump_it_is_stopped() -> None:
    """Read back a day later, by the reading that a prime leaves a stop: stopped is as reviewed, running is not."""
    pump = pump_in("priming bolus", after_priming_bolus="stopped")
    meant, later = said(pump), in_seconds(pump, DAY_S)
    assert unlike(said(later), meant, pump.sheet) == ()
    resumed = in_seconds(pump_in("priming bolus"), DAY_S)
    assert {row.name for row in unlike(said(resumed), meant, pump.sheet)} >= {"program"}


def test_somebody_else_s_open_update_is_said() -> None:
    """Begun, whether something is staged or not."""
    at = new_desk()
    begun = handle(at.pump, BeginUpdate())
    assert not isinstance(begun, Refusal)
    assert "PMP-75" in {one.rule for one in reviewed(OrderSheet(low_reservoir=ml(3)), begun.state, at.chart).cautions}


@pytest.mark.requirement("PMP-70")
def test_two_boluses_of_a_kind_are_two_states() -> None:
    """A token names the bolus that runs by when it began."""
    pump = in_seconds(pump_in("single bolus"), 3600)
    first = pump_in("single bolus")
    again = handle(pump, StartBolus(SingleBolus(ml(0.1), Duration(600))))
    assert not isinstance(again, Refusal)
    moved = replace(again.state, memory=replace(again.state.memory, link=first.memory.link))
    assert token(moved.memory) != token(first.memory)


@pytest.mark.requirement("REF-09")
def test_another_strength_is_proposed_where_refills_come_too_soon() -> None:
    """30 mL at 2 mL/day last 14 days; proposed after the second refill of an unchanged order, and not at 0.2 mL/day."""
    for flow_ml, proposed in ((2.0, True), (0.2, False)):
        pump = running_pump(SimpleContinuous(flow(flow_ml)))
        chart = chart_of(pump, continuous(500 * flow_ml))
        chart = chart.after(Filled(START, ml(30), C500), SessionEnded(START, continuous(500 * flow_ml), report(pump)))
        made = review(OrderSheet(low_reservoir=ml(4)), chart, said(pump), pump.sheet, POLICY)
        assert isinstance(made, Review)
        assert ("REF-09" in {one.rule for one in made.cautions}) == proposed
