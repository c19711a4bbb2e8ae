"""The printout of a real programmer, typed in: what it comes to, and what is refused."""

from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.charts import MODEL, Story, day, started
from tests.courses import START, done, ml
from thecal.bench.new_pump import Made, ready_pump
from thecal.chart.chart import Chart
from thecal.chart.clinical import Signed
from thecal.chart.facts import Filled, Interrogated, ResidualMeasured, SessionEnded
from thecal.chart.order import (
    FlexDay,
    Order,
    OrderContinuous,
    OrderFlex,
    OrderMinimumRate,
    OrderNoPatient,
    OrderPatient,
    OrderPeriodic,
    OrderStop,
    StepDose,
    programmed,
)
from thecal.clinic.entry import Printed
from thecal.clinic.printed import printed_facts, printed_re_entries, re_entry_due, report_of
from thecal.errors import InputError, Refusal
from thecal.programmer.believed import believed_pump
from thecal.pump.advance import advance
from thecal.pump.handle import handle, report
from thecal.pump.messages import Report, StartBolus, Update
from thecal.pump.program import BridgeBolus, PatientBolus, PrimingBolus, SimpleContinuous, SingleBolus
from thecal.pump.sheet import pump_sheet, pump_sheets
from thecal.pump.state import PumpState
from thecal.quantity import Amount, Concentration, DailyDose, FlowRate, Volume
from thecal.therapy.due import mean_flow, refill_due
from thecal.therapy.finding import Finding
from thecal.therapy.look import Look
from thecal.timeline import DAY_S, Duration, Instant

UTC = ZoneInfo("UTC")
SHEET = pump_sheet(MODEL)
C500 = Concentration(500)
PROGRAMMABLE = sorted(name for name, sheet in pump_sheets().items() if sheet.programmable)


def mcg(number: float) -> DailyDose:
    return DailyDose(round(number * 10**6))


def continuous(number: float) -> OrderContinuous:
    return OrderContinuous(mcg(number))


def to_tenths(count: int) -> int:
    """Millionths, rounded to one decimal as a programmer prints them."""
    return round(count / 100_000) * 100_000


def printout(said: Report, order: Order, total: DailyDose, zone: ZoneInfo = UTC, model: str = MODEL) -> Printed:
    """What a programmer would print of a report: to 0.1 mL and 0.1 mcg, and the alarm as a date."""
    assert said.calculated is not None
    assert said.concentration is not None
    a_day, per = mean_flow(said, pump_sheet(model), patient=True)
    above_nl = said.calculated.nl - said.bolus_left.nl - said.low_reservoir.nl
    alarm = Instant(said.at.s + above_nl * DAY_S * per // a_day).date(zone) if a_day else None
    return Printed(
        at=said.at,
        order=order,
        patient=None,
        concentration=said.concentration,
        day_total=DailyDose(to_tenths(total.pg_per_day)),
        calculated=Volume(to_tenths(said.calculated.nl)),
        low_reservoir=said.low_reservoir,
        alarm_on=alarm,
    )


def taken(answer: Report | Refusal) -> Report:
    assert isinstance(answer, Report), answer
    return answer


def refused(answer: object) -> Refusal:
    assert isinstance(answer, Refusal), answer
    return answer


def found(answer: tuple[Finding, ...] | Refusal) -> list[str]:
    assert not isinstance(answer, Refusal), answer
    assert all(finding.severity == "second_person" for finding in answer)
    return [finding.rule for finding in answer]


@pytest.fixture
def story() -> Story:
    """100 mcg/day of 500 mcg/mL from a pump of 40 mL that was full on day 0."""
    return started()


def before_of(story: Story) -> Report:
    session = story.chart.session
    assert session is not None
    return session.report


def at_day(story: Story, number: float) -> Printed:
    """The true printout of the story's pump on a day."""
    assert story.pump is not None
    return printout(report(advance(story.pump, day(number)).state), continuous(100), mcg(100))


def entered(story: Story, printed: Printed) -> Report | Refusal:
    return report_of(printed, before_of(story), story.chart, SHEET, UTC)


@pytest.mark.parametrize("name", PROGRAMMABLE)
@pytest.mark.parametrize("days", [0, 3, 20.3])
def test_a_printout_leads_to_the_same_refill_day(name: str, days: float) -> None:
    """Of every data sheet: what is typed in from a printout gives the refill date that the pump's own report gives."""
    sheet = pump_sheet(name)
    made = ready_pump(sheet, START)
    assert isinstance(made, Made)
    chart = Chart().after(*made.facts)
    assert chart.session is not None
    true = report(advance(made.state, day(days)).state)
    got = taken(report_of(printout(true, continuous(100), mcg(100), model=name), chart.session.report, chart, sheet, UTC))
    assert got.calculated is not None
    assert true.calculated is not None
    assert abs(got.calculated.nl - true.calculated.nl) <= (50_000 if sheet.fill_sensor else 1)  # what it senses is not counted
    assert abs(got.pumped.nl - true.pumped.nl) <= 1
    assert replace(got, calculated=true.calculated, pumped=true.pumped, log=true.log, logged=true.logged) == true
    dates = []
    for said in (true, got):
        facts = printed_facts(said, chart, sheet, continuous(100), "printout")
        due = refill_due(Look.at(chart.after(*facts), said.at, sheet=sheet))
        assert due is not None
        dates.append(due.date(UTC))
    assert dates[0] == dates[1]


def test_what_is_not_printed_goes_on_as_an_exact_pump_would_have_it(story: Story) -> None:
    """The motor's count and the clock continue from the report before; there is no token, nothing staged and no log."""
    before = replace(before_of(story), pumped=ml(70), logged=9, clock_reading_s=before_of(story).clock_reading_s + 3600)
    got = taken(report_of(at_day(story, 10), before, story.chart, SHEET, UTC))
    assert got.pumped == ml(72)
    assert got.logged == 9
    assert got.clock_reading_s == before.clock_reading_s + 10 * DAY_S
    assert (got.token, got.staged, got.log) == (None, None, ())
    assert (got.mode, got.program) == ("simple continuous", SimpleContinuous(FlowRate(200_000)))


def test_without_a_report_before_the_count_begins_and_the_clock_is_utc(story: Story) -> None:
    """The first printout of a pump that nobody knew: nothing is known to have been pumped."""
    got = taken(report_of(at_day(story, 10), None, story.chart, SHEET, UTC))
    assert (got.pumped, got.logged) == (Volume(0), 0)
    assert got.clock_reading_s == got.at.s + 3 * DAY_S


def test_the_count_never_goes_back(story: Story) -> None:
    """A volume that is rounded up, and one that was typed in, leave a motor that has turned no less than before."""
    before = replace(before_of(story), calculated=ml(39.96), pumped=ml(5))
    soon = at_day(story, 0.001)
    assert soon.calculated == ml(40)
    assert ml(5) <= taken(report_of(soon, before, story.chart, SHEET, UTC)).pumped <= ml(5.001)
    more = replace(soon, calculated=ml(40), alarm_on=soon.alarm_on)
    assert taken(report_of(more, replace(before, calculated=ml(39.93)), story.chart, SHEET, UTC)).pumped == ml(5)
    emptier = replace(before, calculated=ml(10))
    assert taken(report_of(at_day(story, 10), emptier, story.chart, SHEET, UTC)).pumped == ml(7)  # a volume was typed in


def test_patient_boluses_that_were_taken_are_counted(story: Story) -> None:
    """What the count fell by in addition to the program, the motor was commanded too."""
    order = OrderPatient(Amount(5 * 10**6), Duration(600), Duration(4 * 3600), 4)
    patient = PatientBolus(Volume(10_000), Duration(600), Duration(4 * 3600), 4)
    before = replace(before_of(story), patient=patient)
    asked = replace(at_day(story, 10), calculated=ml(37.7), alarm_on=day(10 + 35.7 / 0.24).date(UTC))
    assert taken(report_of(asked, before, story.chart, SHEET, UTC)).pumped == ml(2.3)
    assert taken(report_of(replace(asked, patient=order), before, story.chart, SHEET, UTC)).patient == patient
    refused(report_of(replace(asked, patient=OrderNoPatient()), before, story.chart, SHEET, UTC))  # another alarm date


def test_a_pump_learns_its_gain_from_printouts(story: Story) -> None:
    """A rounded volume is no volume typed in again: the residual after it still tells of the pump's gain."""
    chart = story.chart
    for number in (0.3, 20.13, 60.77):
        before = chart.session
        assert before is not None
        got = taken(report_of(at_day(story, number), before.report, chart, SHEET, UTC))
        facts = printed_facts(got, chart, SHEET, continuous(100), "printout")
        assert [type(fact) for fact in facts] == [Interrogated, SessionEnded]
        chart = chart.after(*facts)
    residual = ResidualMeasured(day(60.77), got.calculated, ml(27), SHEET.reservoir_capacity)
    assert len(chart.after(residual).uses) == 1


def test_an_order_that_a_printout_rounds_is_the_one_that_ran() -> None:
    """Steps of an hour, printed to 0.1 mcg, are not taken for another program; a step that was changed is."""
    ran, typed, other = _steps(4_040_000, 7_080_000), _steps(4_000_000, 7_100_000), _steps(4_200_000, 7_100_000)
    story = started().programmed(1, ran)
    assert story.pump is not None
    assert programmed(typed, C500, SHEET) != before_of(story).program
    printed = printout(report(advance(story.pump, day(5)).state), typed, mcg(99.9))
    got = taken(entered(story, printed))
    assert got.program == before_of(story).program
    assert [type(fact) for fact in printed_facts(got, story.chart, SHEET, typed, "s")] == [Interrogated, SessionEnded]
    changed = taken(entered(story, replace(printed, order=other, day_total=mcg(100.1))))
    assert changed.program == programmed(other, C500, SHEET)


def _steps(hour_pg: int, last_pg: int) -> OrderFlex:
    """88.8 mcg until 22:00, and two steps of an hour."""
    doses = [(0, 22, 88_800_000), (22, 23, hour_pg), (23, 0, last_pg)]
    steps = tuple(StepDose(3600 * begin, 3600 * end, Amount(pg)) for begin, end, pg in doses)
    return OrderFlex((FlexDay((), DailyDose(sum(step.dose.pg for step in steps)), steps),))


@pytest.mark.parametrize(("total", "fits"), [(99, True), (98.9, False), (101, True), (101.1, False)])
def test_the_total_is_that_of_the_order(story: Story, total: float, fits: bool) -> None:
    """SAF-04: one per cent off at most, either way."""
    answer = entered(story, replace(at_day(story, 10), day_total=mcg(total)))
    if fits:
        assert taken(answer).concentration == C500
    else:
        assert refused(answer).rule == "SAF-04"
        assert f"{mcg(total)}" in refused(answer).asked


def test_a_dose_an_hour_for_a_dose_a_day_is_refused() -> None:
    """60 mcg/h is 24 times 60 mcg/day: by the total, by the order, and where both are wrong by the alarm date."""
    story = started(60)
    assert story.pump is not None
    right = printout(report(advance(story.pump, day(10)).state), continuous(60), mcg(60))
    hourly = DailyDose.parse("60 mcg/h")
    assert taken(entered(story, right))
    by_total, by_order = replace(right, day_total=hourly), replace(right, order=OrderContinuous(hourly))
    assert refused(entered(story, by_total)).rule == refused(entered(story, by_order)).rule == "SAF-04"
    assert "1,440 mcg" in refused(entered(story, by_order)).limit
    assert refused(entered(story, replace(by_order, day_total=hourly))).rule == "REF-01"


@pytest.mark.parametrize(("off", "fits"), [(0, True), (1, True), (-1, True), (2, False), (-2, False)])
def test_the_alarm_date_is_within_a_day(story: Story, off: int, fits: bool) -> None:
    """REF-01: a printed date further off than a day is refused, and both dates are told."""
    printed = at_day(story, 10)
    assert printed.alarm_on is not None
    assert printed.alarm_on == day(10 + 36 / 0.2).date(UTC)
    told = printed.alarm_on + timedelta(days=off)
    answer = entered(story, replace(printed, alarm_on=told))
    if fits:
        assert taken(answer).calculated == ml(38)
    else:
        assert refused(answer).rule == "REF-01"
        assert str(told) in refused(answer).asked
        assert str(printed.alarm_on) in refused(answer).limit


def test_a_pump_that_flows_has_an_alarm_date_and_a_stopped_one_has_none(story: Story) -> None:
    """A date that is missing and one that cannot be are refused alike."""
    printed = at_day(story, 10)
    assert refused(entered(story, replace(printed, alarm_on=None))).asked == "no alarm date"
    stopped = replace(printed, order=OrderStop(), day_total=mcg(0), alarm_on=None)
    assert taken(entered(story, stopped)).mode == "stopped"
    assert refused(entered(story, replace(stopped, alarm_on=printed.alarm_on))).rule == "REF-01"
    assert refused(entered(story, replace(stopped, day_total=mcg(100)))).rule == "SAF-04"


def test_an_alarm_that_sounds_was_due_by_now(story: Story) -> None:
    """Below its threshold the date is past or none, and never to come."""
    low = replace(at_day(story, 10), calculated=ml(1.5), alarm_on=day(8).date(UTC), alarms=("low reservoir",))
    assert taken(entered(story, low)).alarms == ("low reservoir",)
    assert taken(entered(story, replace(low, alarm_on=None)))
    assert refused(entered(story, replace(low, alarm_on=day(12).date(UTC)))).rule == "REF-01"


def test_what_a_volume_rounds_is_more_than_a_day_of_the_slowest_flow(story: Story) -> None:
    """At 0.006 mL/day 0.05 mL are nine days, so the date of a true printout is taken."""
    slow = story.programmed(1, OrderMinimumRate())
    assert slow.pump is not None
    true = report(advance(slow.pump, day(9)).state)
    printed = printout(true, OrderMinimumRate(), mcg(3))
    assert true.calculated == ml(39.752)
    assert printed.calculated == ml(39.8)
    assert taken(entered(slow, printed)).mode == "minimum rate"
    assert printed.alarm_on is not None
    assert refused(entered(slow, replace(printed, alarm_on=printed.alarm_on - timedelta(days=10)))).rule == "REF-01"


@pytest.mark.parametrize(("volume", "fits"), [(40, True), (40.1, False)])
def test_no_more_is_calculated_than_the_reservoir_holds(story: Story, volume: float, fits: bool) -> None:
    """RPC-10."""
    answer = entered(story, replace(at_day(story, 10), calculated=ml(volume), alarm_on=day(200).date(UTC)))
    if fits:
        assert taken(answer).calculated == ml(40)
    else:
        assert refused(answer).rule == "RPC-10"
        assert "40 mL" in refused(answer).limit


@pytest.mark.parametrize(("strength", "fits"), [(50, False), (51, True), (2000, True), (2001, False), (50_000, False)])
def test_a_strength_that_no_pump_holds_is_refused(story: Story, strength: int, fits: bool) -> None:
    """SAF-02: neither that of a screening test nor one beyond the strongest stocked."""
    printed = at_day(story, 10)
    flow = 100 / strength if strength <= 2000 else 0.05
    printed = replace(printed, concentration=Concentration(strength), alarm_on=day(10 + 36 / flow).date(UTC))
    answer = entered(story, printed)
    if fits:
        assert isinstance(answer, Report) or answer.rule != "SAF-02"
    else:
        assert refused(answer).rule == "SAF-02"


def test_a_compounded_strength_that_was_filled_is_taken(story: Story) -> None:
    """Above the stocked strengths the chart must know it."""
    strong = Concentration(4000)
    printed = replace(at_day(story, 10), concentration=strong, order=continuous(400), day_total=mcg(400))
    printed = replace(printed, alarm_on=day(10 + 36 / 0.1).date(UTC))
    assert refused(entered(story, printed)).rule == "SAF-02"
    story.fact(Filled(day(9), ml(38), strong))
    assert taken(entered(story, printed)).concentration == strong


def test_a_patient_bolus_of_before_needs_its_dose_at_a_new_strength(story: Story) -> None:
    """The same volume would be another dose."""
    patient = PatientBolus(Volume(10_000), Duration(600), Duration(4 * 3600), 4)
    before = replace(before_of(story), patient=patient)
    printed = replace(at_day(story, 10), concentration=Concentration(1000), alarm_on=day(10 + 36 / 0.1).date(UTC))
    assert refused(report_of(printed, before, story.chart, SHEET, UTC)).rule == "SAF-04"
    none = replace(printed, patient=OrderNoPatient())
    assert taken(report_of(none, before, story.chart, SHEET, UTC)).patient is None


def test_the_date_to_replace_by_is_no_estimate(story: Story) -> None:
    """EOS-02: once its indicator is reached a pump has its 90 days and no more."""
    printed = at_day(story, 10)
    assert taken(entered(story, printed)).replace_by is None
    latest = day(10).date(UTC) + timedelta(days=90)
    got = taken(report_of(replace(printed, eri=latest), before_of(story), story.chart, SHEET, ZoneInfo("Europe/Berlin")))
    assert got.replace_by == Instant.parse(f"{latest} 00:00", ZoneInfo("Europe/Berlin"))
    assert refused(entered(story, replace(printed, eri=latest + timedelta(days=1)))).rule == "EOS-02"


def test_a_printout_is_not_older_than_what_was_said_before(story: Story) -> None:
    """REF-13: an older printout does not continue a newer report; one of the same second does."""
    printed = at_day(story, 10)
    before = replace(before_of(story), at=day(10))
    assert taken(report_of(printed, before, story.chart, SHEET, UTC)).at == day(10)
    later = replace(before, at=Instant(day(10).s + 1))
    assert refused(report_of(printed, later, story.chart, SHEET, UTC)).rule == "REF-13"


def test_an_alarm_that_no_pump_has_is_not_read(story: Story) -> None:
    """The nearest name is offered."""
    with pytest.raises(InputError, match="low reservoir"):
        entered(story, replace(at_day(story, 10), alarms=("low reservoire",)))


def test_what_the_pump_itself_refuses_is_refused(story: Story) -> None:
    """A threshold above what the reservoir holds, an order that it cannot run, and any printout of a constant-flow pump."""
    printed = at_day(story, 10)
    assert refused(entered(story, replace(printed, low_reservoir=ml(41)))).rule == "PMP-10"
    assert refused(entered(story, replace(printed, order=continuous(1), day_total=mcg(1)))).rule == "PMP-01"
    constant = pump_sheet("isomed-8472-20-10")
    assert refused(report_of(printed, None, story.chart, constant, UTC)).rule == "PMP-40"


@pytest.mark.parametrize("kind", [SingleBolus(ml(0.4), Duration(6 * 3600)), BridgeBolus(ml(0.4), FlowRate(300_000))])
def test_a_bolus_that_was_running_goes_on(story: Story, kind: SingleBolus | BridgeBolus) -> None:
    """Under it and after it the counters are those of the pump, to what is rounded over the rest of the bolus."""
    assert story.pump is not None
    begun = done(handle(story.pump, StartBolus(kind)))
    half = report(advance(begun, Instant(begun.now.s + kind.duration.s // 3)).state)
    story.fact(SessionEnded(half.at, continuous(100), half))
    for seconds in (kind.duration.s // 2, kind.duration.s + 5 * DAY_S):
        true = report(advance(begun, Instant(begun.now.s + seconds)).state)
        printed = printout(true, continuous(100), mcg(100))
        got = taken(entered(story, replace(printed, calculated=true.calculated or ml(0))))
        assert abs(got.pumped.nl - true.pumped.nl) <= 1
        assert (got.mode, got.bolus_ends) == (true.mode, true.bolus_ends)
        assert abs(got.bolus_left.nl - true.bolus_left.nl) <= 1


@pytest.mark.parametrize("bolus", [PrimingBolus(ml(0.3), Duration(1800)), BridgeBolus(ml(0.3), FlowRate(100_000))])
def test_a_prime_or_bridge_of_the_update_is_in_the_report(story: Story, bolus: PrimingBolus | BridgeBolus) -> None:
    """The alarm date is that after it, and the session that began it is an update."""
    since = 0 if isinstance(bolus, PrimingBolus) else 3
    printed = replace(at_day(story, 10), bolus=bolus, alarm_on=day(10 + since + (36 - 0.3) / 0.2).date(UTC))
    got = taken(entered(story, printed))
    assert (got.mode, got.bolus_left) == (bolus.mode, ml(0.3))
    assert [type(fact) for fact in printed_facts(got, story.chart, SHEET, continuous(100), "s")] == [SessionEnded]


def test_a_periodic_order_is_in_the_mode_of_its_hour() -> None:
    """Mode and alarm date are those of the pump."""
    order = OrderPeriodic(Amount(10 * 10**6), Duration(1800), Duration(6 * 3600), 0, mcg(60))
    story = started().programmed(1, order)
    assert story.pump is not None
    for hours in (15, 15.25):  # 15 h after 09:00 a bolus is scheduled
        true = report(advance(story.pump, day(4 + hours / 24)).state)
        got = taken(entered(story, printout(true, order, mcg(100))))
        assert got.mode == true.mode == "periodic bolus"
    true = report(advance(story.pump, day(4)).state)
    assert taken(entered(story, printout(true, order, mcg(100)))).mode == "between periodic boluses"


def off(printed: Printed, **entered: str) -> list[str]:
    """The values that a second person entered otherwise than the first, when these fields hold this and the others the same."""
    same = {
        "concentration": str(printed.concentration.mcg_per_ml),
        "dose": "100",
        "total": str(printed.day_total),
        "volume": f"{printed.calculated.nl / 10**6} mL",
        "alarm": str(printed.alarm_on or ""),
        "eri": str(printed.eri or ""),
    }
    return [entry.name for entry in printed_re_entries(printed) if entry.compare({**same, **entered}[entry.name]) is not None]


def test_a_second_person_enters_the_six_values_of_a_printout(story: Story) -> None:
    """SAF-05: what is the same passes, and each that differs is found, by however little."""
    first = at_day(story, 10)
    assert [entry.name for entry in printed_re_entries(first)] == ["concentration", "dose", "total", "volume", "alarm", "eri"]
    assert off(first) == []
    assert first.alarm_on is not None
    others = {
        "concentration": ["1000", ""],
        "dose": ["100.1", "2,400 mcg/day", ""],
        "total": ["99.9", "100 mg/day", ""],
        "volume": [f"{first.calculated.nl / 10**6 + 0.1:.1f}", ""],
        "alarm": [str(first.alarm_on + timedelta(days=1)), "", "soon"],
        "eri": ["2027-01-02"],
    }
    for name, texts in others.items():
        for text in texts:
            assert off(first, **{name: text}) == [name], text
    by_steps = OrderFlex((FlexDay((), mcg(100), (StepDose(0, 3600, Amount(10 * 10**6)),)),))
    stepped = replace(first, order=by_steps, daily_dose=mcg(100))
    assert off(stepped) == []  # what was typed, where an order by steps holds no dose as it is printed
    assert off(replace(stepped, daily_dose=mcg(105.7)), dose="105.7") == []
    assert off(replace(stepped, daily_dose=mcg(105.7)), dose="105.714286") == ["dose"]
    reached = replace(first, eri=date(2027, 1, 2), alarm_on=None)
    assert off(reached) == []
    assert off(reached, eri="", alarm="2027-01-01") == ["alarm", "eri"]


def test_a_minimum_rate_has_no_dose_to_enter_again(story: Story) -> None:
    """It is a flow and no dose."""
    names = [entry.name for entry in printed_re_entries(replace(at_day(story, 10), order=OrderMinimumRate()))]
    assert names == ["concentration", "total", "volume", "alarm", "eri"]


def due(story: Story, number: float, printed: Printed) -> list[str]:
    return found(re_entry_due(printed, story.look(number)))


def test_a_reading_and_a_small_change_need_one_person(story: Story) -> None:
    """Nothing changed, or by no more than a person may change alone."""
    story.programmed(100, 101)
    story.programmed(120, 100)
    assert due(story, 130, at_day(story, 130)) == []
    assert due(story, 130, replace(at_day(story, 130), order=continuous(105), day_total=mcg(105))) == []


def test_a_high_dose_that_was_running_is_read_by_one_person() -> None:
    """Above 1,000 mcg in 24 h a change needs two, and what is found as it was left needs one."""
    story = started(1010)
    assert story.pump is not None
    printed = printout(report(advance(story.pump, day(5)).state), continuous(1010), mcg(1010))
    assert due(story, 5, printed) == []
    assert "SAF-01" in due(story, 5, replace(printed, order=continuous(1020), day_total=mcg(1020)))


def test_what_saf_05_names_needs_a_second_person(story: Story) -> None:
    """A new concentration, a bridge, a prime, a stop and a change beyond the limits; whoever has signed an order."""
    story.programmed(100, 101)
    story.programmed(120, 100)
    same = at_day(story, 130)
    for changed in (
        replace(same, concentration=Concentration(1000)),
        replace(same, bolus=BridgeBolus(ml(0.3), FlowRate(100_000))),
        replace(same, bolus=PrimingBolus(ml(0.3), Duration(1800))),
        replace(same, order=OrderStop(), day_total=mcg(0), alarm_on=None),
        replace(same, order=continuous(150), day_total=mcg(150)),
    ):
        assert "SAF-05" in due(story, 130, changed)
    story.fact(Signed(day(129), "A. Author", "B. Checker", "physician"))
    assert "SAF-05" in due(story, 130, replace(same, concentration=Concentration(1000)))  # they signed an order, not this


def test_a_restart_needs_a_second_person(story: Story) -> None:
    """The pump was stopped and infuses again."""
    story.programmed(100, OrderStop())
    printed = replace(at_day(story, 130), order=continuous(100), day_total=mcg(100))
    assert "SAF-05" in due(story, 130, printed)


def test_a_printout_that_is_no_order_is_refused_before_anybody_enters_it_again(story: Story) -> None:
    """No pump in place, or a dose that no flow of the pump gives."""
    printed = at_day(story, 10)
    assert refused(re_entry_due(printed, replace(story.look(10), sheet=None))).rule == "DEV-01"
    over = OrderFlex((FlexDay((), mcg(100), (StepDose(0, 3600, Amount(100 * 10**6)),)),))
    assert refused(re_entry_due(replace(printed, order=over), story.look(10))).rule == "ORD-02"


def test_an_update_programmed_outside_ends_a_session_with_its_order(story: Story) -> None:
    """Another dose is a session of that order, under its name."""
    printed = replace(at_day(story, 10), order=continuous(110), day_total=mcg(110), alarm_on=day(10 + 36 / 0.22).date(UTC))
    got = taken(entered(story, printed))
    (fact,) = printed_facts(got, story.chart, SHEET, continuous(110), "visit-7")
    assert fact == SessionEnded(day(10), continuous(110), got, "visit-7")
    assert story.chart.after(fact).session == fact


def test_a_volume_that_was_typed_in_is_a_session_and_enters_the_fill(story: Story) -> None:
    """At the same dose as before a refill is told by its volume; a printout from before its entry leaves the fill waiting."""
    story.filled(60, 40)
    chart = story.chart
    assert chart.fill_session is None
    old = taken(report_of(at_day(story, 60), before_of(story), chart, SHEET, UTC))
    assert [type(fact) for fact in printed_facts(old, chart, SHEET, continuous(100), "s")] == [Interrogated]
    typed = replace(at_day(story, 60), calculated=ml(40), alarm_on=day(60 + 38 / 0.2).date(UTC))
    new = taken(report_of(typed, before_of(story), chart, SHEET, UTC))
    assert new.pumped == ml(12)
    facts = printed_facts(new, chart, SHEET, continuous(100), "s")
    assert [type(fact) for fact in facts] == [SessionEnded]
    assert chart.after(*facts).fill_session == facts[0]


def test_a_pump_without_a_session_was_programmed(story: Story) -> None:
    """The first printout of a chart is a session, whatever it says."""
    chart = Chart().after(*(fact for fact in story.chart.facts if not isinstance(fact, SessionEnded)))
    got = taken(report_of(at_day(story, 1), None, chart, SHEET, UTC))
    assert [type(fact) for fact in printed_facts(got, chart, SHEET, continuous(100), "s")] == [SessionEnded]


def test_a_report_that_was_entered_is_one_that_the_pump_rules_believe(story: Story) -> None:
    """What is programmed next starts from it."""
    pump: PumpState = believed_pump(taken(entered(story, at_day(story, 10))), SHEET)
    assert report(done(handle(pump, Update(SimpleContinuous(FlowRate(220_000)))))).calculated == ml(38)
