"""What a pump is calculated to hold, now and later."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.charts import MODEL, Story, day, started
from tests.courses import PROGRAMMABLE, done, ml
from thecal.chart.chart import Chart, Use
from thecal.chart.facts import Acted, Interrogated, SessionEnded, SessionUncertain
from thecal.chart.order import Order, OrderContinuous, OrderMinimumRate, OrderPeriodic, OrderStop
from thecal.clinic.prediction import PredictedDay, Prediction, Reached, prediction, told_pump
from thecal.programmer.believed import believed_pump
from thecal.pump.advance import advance
from thecal.pump.handle import handle, report
from thecal.pump.messages import RequestBolus, StartBolus, Update
from thecal.pump.program import BridgeBolus, PatientBolus, PrimingBolus, SafeState, SingleBolus
from thecal.pump.sheet import pump_sheet
from thecal.pump.state import PumpState
from thecal.quantity import Amount, Concentration, DailyDose, FlowRate, Gain, Volume
from thecal.therapy.due import refill_due
from thecal.therapy.look import Look
from thecal.timeline import DAY_S, Duration, Instant

PERIODIC = OrderPeriodic(Amount(10 * 10**6), Duration(1800), Duration(6 * 3600), 0, DailyDose(60 * 10**6))
DOSES: tuple[Order, ...] = (OrderContinuous(DailyDose(100 * 10**6)), PERIODIC)
ORDERS: tuple[Order, ...] = (*DOSES, OrderMinimumRate(), OrderStop())
BOLUSES = (
    None,
    SingleBolus(ml(0.4), Duration(6 * 3600)),
    PrimingBolus(ml(0.3), Duration(1800)),
    BridgeBolus(ml(0.4), FlowRate(150_000)),
)
LEARNED = (Use(20_000_000, 20_400_000), Use(20_000_000, 20_500_000), Use(20_000_000, 20_600_000), Use(20_000_000, 20_500_000))
STARTED = started()
"""100 mcg/day of 500 mcg/mL from a pump of 40 mL that was full on day 0."""


def predicted(look: Look, until: Instant) -> Prediction:
    found = prediction(look, until)
    assert found is not None
    return found


def known_pump(story: Story) -> PumpState:
    assert story.pump is not None
    return story.pump


def with_uses(look: Look, *uses: Use) -> Look:
    chart = replace(look.chart, uses=uses)
    return replace(look, known=replace(look.known, chart=chart))


def reached(when: Reached) -> tuple[Instant, Instant, Instant]:
    assert when.earliest is not None
    assert when.counted is not None
    assert when.latest is not None
    return when.earliest, when.counted, when.latest


@pytest.mark.parametrize("name", PROGRAMMABLE)
@pytest.mark.parametrize(
    ("order", "bolus"),
    [
        (order, bolus)
        for order in ORDERS
        for bolus in BOLUSES
        if order in DOSES or bolus is None or isinstance(bolus, PrimingBolus)  # no other bolus without a running dose
    ],
    ids=lambda of: of.mode if of else "no bolus",
)
def test_the_count_is_the_pump_s_own_to_the_nanolitre(
    name: str, order: Order, bolus: SingleBolus | PrimingBolus | BridgeBolus | None
) -> None:
    """Of every data sheet, order and bolus, to empty and past it: each row is what the pump of the report would calculate."""
    story = Story(name).person().implanted(0).filled(0, ml=5).programmed(0, order)
    pump = known_pump(story)
    if bolus is not None:
        pump = done(handle(pump, StartBolus(bolus)))
        story.fact(SessionEnded(day(0), order, report(pump)))
    tight = replace(pump.sheet, fill_sensor=False)
    pump = replace(pump, sheet=tight)
    found = predicted(story.look(0.1), day(40.1))
    assert len(found.days) == 41
    for row in found.days:
        assert row.calculated.nl == advance(pump, row.at).state.memory.calculated_nl


@given(st.floats(0, 60), st.floats(0, 60), st.sampled_from(ORDERS[:3]), st.integers(-140_000, 140_000))
def test_the_interval_contains_the_count_and_every_gain_within_it(now: float, later: float, order: Order, gain_ppm: int) -> None:
    """And what is left of a pump of any gain that its label allows lies in it too."""
    story = Story().person().implanted(0).filled(0, ml=10).programmed(0, order)
    first, pump = known_pump(story), advance(known_pump(story), day(now)).state
    story.fact(Interrogated(day(now), report(pump)))
    found = predicted(story.look(now), day(now + later))
    for row in found.days:
        assert row.low <= row.calculated <= row.high
        counted_nl = advance(first, row.at).state.memory.count.pumped_nl
        true_nl = max(10**7 - counted_nl * (Gain.EXACT + gain_ppm) // Gain.EXACT, 0)
        assert row.low.nl - 1 <= true_nl <= row.high.nl + 1
    for when in (found.alarm, found.empty):
        earliest, counted, latest = reached(when)
        assert earliest <= counted <= latest


@given(st.integers(0, 50 * DAY_S), st.integers(0, 50 * DAY_S))
def test_a_longer_prediction_only_has_more_rows(one: int, more: int) -> None:
    """Time can be split anywhere: what is said of a day does not depend on how far the prediction goes."""
    look = STARTED.look(3)
    short = predicted(look, Instant(look.now.s + one))
    long = predicted(look, Instant(look.now.s + one + more))
    assert long.days[: len(short.days)] == short.days
    assert replace(long, days=()) == replace(short, days=())


@given(st.integers(0, 150 * DAY_S), st.sampled_from(DOSES))
def test_a_reading_in_between_changes_no_prediction(read_s: int, order: Order) -> None:
    """A pump that counts as it was programmed says nothing new: a nanolitre at most, and a second of a date."""
    story = started().programmed(0, order)
    look = story.look(160)
    pump = advance(known_pump(story), Instant(day(0).s + read_s)).state
    read = story.chart.after(Interrogated(pump.now, report(pump)))
    before = predicted(look, day(190))
    after = predicted(Look.at(read, day(160), sheet=story.sheet), day(190))
    for row, again in zip(before.days, after.days, strict=True):
        assert abs(row.calculated.nl - again.calculated.nl) <= 2
        assert abs(row.low.nl - again.low.nl) <= 2
        assert abs(row.high.nl - again.high.nl) <= 2
    for instant, later in zip(reached(before.empty), reached(after.empty), strict=True):
        assert abs(instant.s - later.s) <= 2


def test_the_interval_is_narrower_with_a_learned_gain() -> None:
    """Four residuals of a pump that runs 2.5 % fast leave less room than its label, in volume and in dates."""
    look = STARTED.look(50)
    label, own = predicted(look, day(80)), predicted(with_uses(look, *LEARNED), day(80))
    assert own.gain.learned
    assert not label.gain.learned
    for row, narrow in zip(label.days, own.days, strict=True):
        assert row.low < narrow.low <= narrow.calculated == row.calculated <= narrow.high < row.high
    wide, close = reached(label.alarm), reached(own.alarm)
    assert wide[0] < close[0] < close[1] == wide[1]
    assert close[2] < wide[2]


def test_the_interval_of_a_known_day() -> None:
    """10 days of 0.2 mL/day by the count, and 14.5 % more or less by the label: 38 mL, 37.71 to 38.29 mL."""
    row = predicted(STARTED.look(10), day(10)).days[0]
    assert (row.calculated, row.low, row.high) == (ml(38), ml(37.71), ml(38.29))
    assert row.programmed == DailyDose(100 * 10**6)
    assert row.in_words() == "calculated 38 mL (37.7 to 38.3 mL), programmed 100 mcg/day"


def test_the_dates_of_a_known_pump() -> None:
    """38 mL at 0.2 mL/day to the alarm is 190 days, and 14.5 % fewer or more of flow."""
    found = predicted(STARTED.look(0), day(1))
    earliest, counted, latest = reached(found.alarm)
    assert counted == day(190)
    assert earliest.s == pytest.approx(day(190 / 1.145).s, abs=60)
    assert latest.s == pytest.approx(day(190 / 0.855).s, abs=60)
    assert reached(found.empty)[1] == day(200)


@pytest.mark.parametrize("on", [0, 17.3, 90])
def test_the_earliest_alarm_is_the_one_that_bounds_the_refill(on: float) -> None:
    """Both count at the upper bound of the gain (REF-12); the refill is counted in whole days from the fill."""
    pump = advance(known_pump(STARTED), day(on)).state
    chart = STARTED.chart.after(Interrogated(day(on), report(pump)))
    look = Look.at(chart, day(on), sheet=STARTED.sheet)
    due = refill_due(look)
    assert due is not None
    assert due.alarm is not None
    earliest = reached(predicted(look, day(on)).alarm)[0]
    assert 0 <= earliest.s - due.alarm.s <= DAY_S


def test_boluses_of_the_patient_make_the_earliest_earlier_and_leave_the_count() -> None:
    """All that may be asked for is in the interval; a patient who asks as often as allowed stays in it."""
    patient = PatientBolus(Volume(20_000), Duration(600), Duration(6 * 3600), 4)
    story = started()
    pump = done(handle(known_pump(story), Update(patient=patient)))
    plain = predicted(story.look(0), day(30))
    story.fact(SessionEnded(day(0), OrderContinuous(DailyDose(100 * 10**6)), report(pump)))
    asked = predicted(story.look(0), day(30))
    assert [row.calculated for row in asked.days] == [row.calculated for row in plain.days]
    assert asked.alarm.counted == plain.alarm.counted
    assert asked.alarm.latest == plain.alarm.latest
    assert reached(asked.alarm)[0] < reached(plain.alarm)[0]
    rows = {row.at: row for row in predicted(story.look(0.1), day(30)).days}
    assert len(rows) == 30
    seen = 0
    for hours in range(0, 30 * 24, 6):  # as often as the lockout lets
        pump = done(handle(advance(pump, day(hours / 24)).state, RequestBolus()))
        row = rows.get(day(hours / 24 + 0.1))
        if row is not None:
            held_nl = advance(pump, row.at).state.memory.calculated_nl
            assert held_nl is not None
            assert row.low.nl <= held_nl <= row.high.nl
            seen += 1
    assert seen == 30


@pytest.mark.parametrize("bolus", BOLUSES[1:], ids=lambda bolus: bolus.mode)
def test_the_alarm_by_the_count_is_when_the_pump_sounds_it(bolus: SingleBolus | PrimingBolus | BridgeBolus) -> None:
    """A bolus that runs first brings it forward, or puts it off, as it does in the pump; so with a threshold within the bolus."""
    story = started()
    for threshold in (ml(2), ml(39.9)):
        pump = done(handle(known_pump(story), Update(low_reservoir=threshold)))
        pump = done(handle(pump, StartBolus(bolus)))
        story.fact(SessionEnded(day(0), ORDERS[0], report(pump)))
        found = predicted(story.look(0), day(0))
        low, empty = advance(pump, day(300)).state.memory.alarms[:2]
        assert (low.kind.name, empty.kind.name) == ("low reservoir", "empty reservoir")
        assert (low.onset, empty.onset) == (found.alarm.counted, found.empty.counted)


def test_past_zero_periodic_boluses_are_withheld_from_the_interval_too() -> None:
    """The pump gives none under its alarm, so less flows from then on than before."""
    story = Story().person().implanted(0).filled(0, ml=4).programmed(0, PERIODIC)
    rows = predicted(story.look(0), day(24)).days
    for row in rows:
        counted_nl = advance(known_pump(story), row.at).state.memory.count.pumped_nl
        assert row.high.nl == max(-(-(4_000_000_000_000 - counted_nl * 855_000) // 10**6), 0)
    assert rows[20].high > Volume(0)


def test_a_reservoir_holds_no_more_than_it_holds() -> None:
    """A volume that was typed in again leaves no room above the capacity."""
    story = started()
    pump = done(handle(advance(known_pump(story), day(100)).state, Update(reservoir=ml(39.9))))
    story.fact(SessionEnded(day(100), ORDERS[0], report(pump)))
    row = predicted(story.look(100), day(100)).days[0]
    assert (row.calculated, row.high) == (ml(39.9), ml(40))
    assert row.low == ml(39.9 - 20 * 0.145)


def test_a_pump_that_senses_its_fill_is_believed_what_it_senses() -> None:
    """What is gone since the fill is what it senses to be gone, whatever it counted."""
    story = Story("medstream-20").person().implanted(0).filled(0, ml=18).programmed(0, 100)
    said = replace(report(advance(known_pump(story), day(10)).state), calculated=ml(10))
    story.fact(Interrogated(day(10), said))
    row = predicted(story.look(10), day(10)).days[0]
    share = story.sheet.flow_accuracy_ppm / 10**6
    assert (row.calculated, row.low, row.high) == (ml(10), ml(10 - 8 * share), ml(10 + 8 * share))


def test_past_zero_the_count_stays_and_the_interval_closes() -> None:
    """A slow pump may hold some when its count is at zero; at last nothing can be left."""
    story = Story().person().implanted(0).filled(0, ml=4).programmed(0, 100)
    pump = advance(known_pump(story), day(21)).state
    assert report(pump).calculated == Volume(0)
    story.fact(Interrogated(day(21), report(pump)))
    rows = predicted(story.look(21), day(30)).days
    assert {row.calculated for row in rows} == {Volume(0)}
    assert {row.low for row in rows} == {Volume(0)}
    assert rows[0].high == ml(4 - 4.2 * 0.855)
    assert rows[-1].high == Volume(0)


def test_a_stopped_pump_reaches_nothing() -> None:
    """The volume stays, and there is no date."""
    story = started().programmed(10, OrderStop())
    found = predicted(story.look(20), day(25))
    assert {row.calculated for row in found.days} == {ml(38)}
    assert {row.programmed for row in found.days} == {DailyDose(0)}
    assert found.alarm == found.empty == Reached(None, None, None)


def test_there_is_a_row_for_now_and_for_every_24_hours() -> None:
    """Up to the end, and no row before now."""
    look = STARTED.look(3.5)
    assert [row.at for row in predicted(look, day(6.4)).days] == [day(3.5), day(4.5), day(5.5)]
    with pytest.raises(ValueError, match="a prediction until"):
        prediction(look, day(3.4))


def test_the_programmed_dose_is_that_of_the_day() -> None:
    """Boluses aside, by the program that follows a bridge."""
    story = started()
    pump = done(handle(known_pump(story), StartBolus(BridgeBolus(ml(0.6), FlowRate(100_000)))))
    story.fact(SessionEnded(day(0), ORDERS[0], report(pump)))
    assert {row.programmed for row in predicted(story.look(1), day(9)).days} == {DailyDose(100 * 10**6)}
    periodic = started().programmed(1, PERIODIC)
    assert {row.programmed for row in predicted(periodic.look(2), day(4)).days} == {DailyDose(100 * 10**6)}


def test_nothing_is_predicted_of_what_is_not_known() -> None:
    """No pump, nothing said, a fill that waits to be entered, no volume, an uncertain session, an emptied reservoir."""
    story = started()
    assert prediction(story.look(1), day(2)) is not None
    assert prediction(replace(story.look(1), sheet=None), day(2)) is None
    assert prediction(Look.at(Chart(), day(1)), day(2)) is None
    assert prediction(Story().implanted(0).look(1), day(2)) is None
    assert prediction(started().filled(1).look(1), day(2)) is None
    no_volume = SessionEnded(day(0), ORDERS[0], replace(report(known_pump(story)), calculated=None))
    assert prediction(Look.at(Chart().after(*story.facts[:-1], no_volume), day(1), sheet=story.sheet), day(2)) is None
    uncertain = story.chart.after(SessionUncertain(day(1), None, "the link was lost"))
    assert prediction(Look.at(uncertain, day(1), sheet=story.sheet), day(2)) is None
    emptied = story.chart.after(Acted(day(1), "empty reservoir", None))
    assert prediction(Look.at(emptied, day(1), sheet=story.sheet), day(2)) is None
    constant = Story("isomed-8472-20-10").person().implanted(0).filled(0, ml=20)
    assert prediction(constant.look(1), day(2)) is None


def test_a_pump_whose_settings_are_lost_runs_as_its_data_sheet_says() -> None:
    """The safe state is the minimum rate of one pump, and a stop of another that was read so."""
    story = started()
    said = replace(report(known_pump(story)), program=SafeState(), mode="safe state")
    runs = replace(story.sheet, safe_state="minimum rate")
    stops = replace(story.sheet, safe_state="stopped")
    assert advance(told_pump(said, runs), day(10)).state.memory.calculated_nl == 40_000_000 - 60_000
    assert advance(told_pump(said, stops), day(10)).state.memory.calculated_nl == 40_000_000


def test_a_scheduled_bolus_that_runs_goes_on_and_one_that_was_skipped_does_not() -> None:
    """The mode of the report says which."""
    pump = advance(known_pump(started().programmed(0, PERIODIC)), day(15.25 / 24)).state  # 00:15, of a bolus to 00:30
    said, later = report(pump), Instant(pump.now.s + 3600)
    assert said.mode == "periodic bolus"
    assert told_pump(said, pump.sheet).mode == "periodic bolus"
    counted_nl = advance(told_pump(said, pump.sheet), later).state.memory.calculated_nl
    assert counted_nl == advance(pump, later).state.memory.calculated_nl
    skipped = advance(told_pump(replace(said, mode="between periodic boluses"), pump.sheet), later).state.memory.calculated_nl
    assert counted_nl is not None
    assert skipped is not None
    assert skipped - counted_nl == pytest.approx(10_000, abs=1)  # the other half of 0.02 mL


@pytest.mark.parametrize("bolus", BOLUSES[1:], ids=lambda bolus: bolus.mode)
def test_a_pump_that_stops_after_a_bolus_is_predicted_to_stop(bolus: SingleBolus | PrimingBolus | BridgeBolus) -> None:
    """Where its data sheet is read so: nothing is programmed from then on, and the volume stays."""
    sheet = pump_sheet(MODEL)
    stops = {
        "single bolus": replace(sheet, after_single_bolus="stopped"),
        "priming bolus": replace(sheet, after_priming_bolus="stopped"),
        "bridge bolus": replace(sheet, after_bridge_bolus="stopped"),
    }[bolus.mode]
    story = started()
    pump = replace(known_pump(story), sheet=stops)
    pump = advance(done(handle(pump, StartBolus(bolus))), day(0.01)).state
    story.fact(SessionEnded(day(0.01), ORDERS[0], report(pump)))
    rows = predicted(replace(story.look(0.01), sheet=stops), day(9)).days
    assert {row.programmed for row in rows} == {DailyDose(0)}
    ended = advance(pump, day(9)).state
    assert ended.mode == "stopped"
    assert ended.memory.calculated_nl is not None
    assert abs(rows[-1].calculated.nl - ended.memory.calculated_nl) <= 1


def test_what_no_bolus_can_run_over_is_not_continued() -> None:
    """Under an empty reservoir the pump goes on with its program alone."""
    story = started()
    said = report(done(handle(known_pump(story), StartBolus(SingleBolus(ml(0.4), Duration(3600))))))
    assert told_pump(said, story.sheet).mode == "single bolus"
    empty = replace(said, calculated=Volume(0))
    assert told_pump(empty, story.sheet) == believed_pump(empty, told_pump(empty, story.sheet).sheet)
    last = replace(said, bolus_left=Volume(1000), bolus_ends=Instant(said.at.s + 7))
    assert told_pump(last, story.sheet).mode == "single bolus"  # its rest is shorter than any bolus may be
    over = replace(said, bolus_ends=said.at)
    assert told_pump(over, story.sheet).memory.bolus is None


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (PredictedDay(day(0), Volume(12_345_678), Volume(9_876_543), Volume(15_000_001), None), "12.3 mL (9.88 to 15 mL)"),
        (PredictedDay(day(0), Volume(0), Volume(0), Volume(123_456), None), "0 mL (0 to 0.123 mL)"),
        (
            PredictedDay(day(0), ml(8), ml(7), ml(9), DailyDose(1_234_560_000)),
            "8 mL (7 to 9 mL), programmed 1,230 mcg/day",
        ),
    ],
)
def test_no_more_than_three_figures_are_printed(row: PredictedDay, words: str) -> None:
    """What is derived from a real pump is told as roughly as it is known."""
    assert row.in_words() == f"calculated {words}"


def test_nothing_is_said_to_be_delivered() -> None:
    """Of a real pump nobody knows that."""
    names = [field.name for kind in (Prediction, PredictedDay, Reached) for field in fields(kind)]
    told = predicted(STARTED.look(1), day(3))
    assert not [name for name in names if "deliver" in name]
    assert not [row for row in told.days if "deliver" in row.in_words()]


def test_a_strength_that_is_not_known_gives_no_dose() -> None:
    """The volume is told all the same."""
    said = replace(report(known_pump(started().programmed(1, OrderStop()))), concentration=None)
    story = started().fact(SessionEnded(day(1), OrderStop(), said))
    row = predicted(story.look(2), day(2)).days[0]
    assert row.programmed is None
    assert row.calculated == said.calculated
    assert row.in_words().endswith("mL)")


def test_the_model_of_these_tests() -> None:
    """The labelled accuracy that the numbers above rest on."""
    assert pump_sheet(MODEL).flow_accuracy_ppm == 145_000
    assert report(known_pump(STARTED)).concentration == Concentration(500)
