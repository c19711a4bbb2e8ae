"""Triage: with a chart and without one; how soon, what it is, what first and in which order."""

from datetime import date

import pytest

from tests.charts import Story, day, started
from thecal.chart.clinical import AlarmHeard, Measured, Noticed, SymptomReported
from thecal.chart.order import OrderStop
from thecal.chart.vocabulary import grouped
from thecal.errors import InputError
from thecal.quantity import Concentration, DailyDose
from thecal.therapy.clinic import Clinic
from thecal.therapy.triage import Triage, triage
from thecal.timeline import Duration

HOUR = 1 / 24
SHARED = grouped("symptoms", "withdrawal or overdose") | grouped("symptoms", "blood pressure")


def hours(number: float) -> Duration:
    return Duration(round(number * 3600))


def rules(answer: Triage) -> list[str]:
    return [said.rule for said in answer.first_actions]


@pytest.mark.requirement("WDL-01")
@pytest.mark.parametrize("name", sorted(grouped("symptoms", "early withdrawal") - SHARED))
def test_an_early_sign_without_a_chart(name: str) -> None:
    """The same day, and the call now."""
    answer = triage({name: 1})
    assert (answer.tier, answer.suspicion) == ("same day", "withdrawal")
    assert rules(answer) == ["WDL-02", "WDL-07", "WDL-08", "WDL-10"]


@pytest.mark.requirement("WDL-01")
@pytest.mark.requirement("WDL-09")
@pytest.mark.parametrize("name", sorted(grouped("symptoms", "severe withdrawal") - SHARED))
def test_a_severe_sign_without_a_chart(name: str) -> None:
    """Emergency: call, then a monitored setting, then what ends it, then cover, with the device in parallel."""
    answer = triage({name: 1})
    assert (answer.tier, answer.suspicion) == ("emergency", "withdrawal")
    assert rules(answer) == ["WDL-02", "WDL-09", "WDL-07", "WDL-08", "WDL-10"]
    assert [said.rule for said in answer.work_up] == ["WDL-06", *["WDL-10"] * 6]
    assert "sepsis" in answer.differential


@pytest.mark.requirement("WDL-03")
def test_a_high_risk_is_a_tier_up() -> None:
    fever = {"fever": 1}
    assert triage(fever, flags=["previous withdrawal"]).tier == "emergency"
    assert triage(fever, flags=["constipation"]).tier == "same day"
    assert triage(fever, dose=DailyDose(500 * 10**6)).tier == "same day"
    assert triage(fever, dose=DailyDose(501 * 10**6)).tier == "emergency"
    assert triage(fever, therapy=Duration(365 * 86_400)).tier == "same day"
    assert triage(fever, therapy=Duration(366 * 86_400)).tier == "emergency"
    assert triage({"headache": 2}, flags=["previous withdrawal"]).tier == "routine"


@pytest.mark.requirement("WDL-04")
@pytest.mark.parametrize("ago", [0.1, 72, 72.1, 10_000])
def test_no_elapsed_time_excludes_withdrawal(ago: float) -> None:
    """A manipulation of late makes the pump the likelier cause; one long ago excuses nothing."""
    answer = triage({"itching without rash": 1}, since={"refill": hours(ago)})
    assert (answer.tier, answer.suspicion) == ("same day", "withdrawal")
    assert any("likelier" in said.text for said in answer.reasons) == (ago <= 72)
    assert any("No elapsed time" in said.text for said in answer.reasons)


@pytest.mark.requirement("OVD-01")
@pytest.mark.parametrize("what", ["bolus", "refill", "programming"])
@pytest.mark.parametrize(("ago", "tier"), [(72, "emergency"), (72.1, "same day")])
def test_any_feature_after_a_cause_is_an_emergency(what: str, ago: float, tier: str) -> None:
    answer = triage({"drowsiness": 1}, since={what: hours(ago)})
    assert (answer.tier, answer.suspicion) == (tier, "overdose")
    assert triage({"drowsiness": 1}, since={"MRI": hours(1)}).tier == "same day"
    assert triage({"coma": 3}).tier == "emergency"
    assert answer.first_actions[0].rule == "WDL-02"  # mild: somebody looks before the pump is stopped
    assert triage({"drowsiness": 2}, since={what: hours(ago)}).first_actions[0].text == "Stop the pump first."


@pytest.mark.requirement("OVD-02")
@pytest.mark.requirement("OVD-03")
@pytest.mark.requirement("OVD-04")
def test_an_overdose_stops_the_pump_before_it_is_emptied() -> None:
    """Then the way without a programmer, the airway, spinal fluid, and the watch; physostigmine is not shown."""
    answer = triage({"somnolence": 3}, since={"refill": hours(2)})
    assert rules(answer) == ["OVD-02", "OVD-02", "OVD-02", "OVD-03", "OVD-04", "OVD-06", "WDL-02"]
    assert answer.first_actions[0].text == "Stop the pump first."
    assert answer.first_actions[1].text.startswith("Then empty the reservoir; the line still holds drug")
    assert answer.first_actions[2].text.startswith("Without a programmer: empty the reservoir and aspirate")
    assert "30 to 40 mL of spinal fluid, by lumbar puncture" in answer.first_actions[4].text
    assert answer.watch == hours(72)


@pytest.mark.requirement("OVD-04")
def test_no_lumbar_puncture_where_it_is_contraindicated() -> None:
    answer = triage({"coma": 3}, flags=["lumbar puncture contraindicated"])
    said = next(said.text for said in answer.first_actions if said.rule == "OVD-04")
    assert said.startswith("No lumbar puncture: contraindicated. 30 to 40 mL of spinal fluid only by the catheter access port")


@pytest.mark.requirement("OVD-05")
def test_physostigmine_is_shown_only_where_the_clinic_has_switched_it_on() -> None:
    assert "OVD-05" not in rules(triage({"coma": 3}))
    clinic = Clinic().with_switch("OVD-05", True)
    text = next(said.text for said in triage({"coma": 3}, clinic=clinic).first_actions if said.rule == "OVD-05")
    assert "adult 2 mg" in text
    assert "1 mg/min" in text
    assert "child 0.02 mg/kg, at up to 0.5 mg/min, again after 5 to 10 min, at most 2 mg in all" in text
    assert "seizures and a slow heart" in text


@pytest.mark.requirement("OVD-05")
def test_physostigmine_by_age_and_weight() -> None:
    clinic = Clinic().with_switch("OVD-05", True)
    adult = started(100).look(30, clinic=clinic)
    text = next(said.text for said in triage({"coma": 3}, adult).first_actions if said.rule == "OVD-05")
    assert "child" not in text
    story = Story().person(born=date(2018, 1, 1)).implanted(0, Concentration(500)).filled(0).programmed(0, 100)
    for weight, dose in ((20, "here 0.4 mg"), (150, "here 2 mg")):
        look = story.fact(Measured(day(weight), "body weight", weight)).look(weight + 1, clinic=clinic)
        text = next(said.text for said in triage({"coma": 3}, look).first_actions if said.rule == "OVD-05")
        assert "adult" not in text
        assert dose in text


@pytest.mark.requirement("OVD-07")
def test_the_tone_tells_them_apart() -> None:
    """Limp muscles beside unspecific signs and a feature of overdose argue for it; where nothing was examined it is either."""
    mixed = {"tachycardia": 1, "drowsiness": 1}
    assert triage(mixed).suspicion == "either"
    assert triage(mixed, tone="normal").suspicion == "overdose"
    assert triage({**mixed, "flaccid tone": 1}).suspicion == "overdose"
    assert triage({**mixed, "return of spasticity": 1}).suspicion == "either"
    assert triage({"tachycardia": 1}, tone="normal").suspicion == "either"
    either = triage({"seizure": 3})
    assert (either.tier, either.suspicion) == ("emergency", "either")
    assert rules(either) == ["WDL-02", "WDL-09", "OVD-07", "OVD-02", "WDL-07"]


@pytest.mark.requirement("WDL-11")
def test_blood_pressure_never_decides() -> None:
    for name in ("hypotension", "hypertension"):
        answer = triage({name: 3})
        assert (answer.tier, answer.suspicion) == ("routine", "none of these")
    labile = triage({"labile blood pressure": 3})
    assert (labile.tier, labile.suspicion) == ("emergency", "either")
    assert [said.rule for said in labile.never_decides] == ["WDL-11", "WDL-04", "OVD-07"]


@pytest.mark.requirement("WDL-01")
def test_what_was_done_to_the_pump_can_be_the_matter_itself() -> None:
    late = triage({}, since={"missed refill": hours(5)})
    assert (late.tier, late.suspicion) == ("same day", "device")
    pocket = triage({"pocket swelling": 1})
    assert (pocket.tier, pocket.suspicion, rules(pocket)[0]) == ("emergency", "device", "RPC-09")
    assert pocket.watch == hours(72)
    assert triage({"headache": 1}, since={"refill": hours(5)}).tier == "same day"
    assert triage({"headache": 1}).suspicion == "none of these"
    nothing = triage({})
    assert (nothing.tier, nothing.first_actions, nothing.work_up, nothing.watch) == ("routine", (), (), None)


@pytest.mark.requirement("WDL-01")
def test_a_chart_says_it_too() -> None:
    """Its signs of three days, its risks, its times; what is told now counts before it."""
    story = started(600).fact(SymptomReported(day(10), "fever", 1))
    answer = triage({}, story.look(10.5))
    assert (answer.tier, answer.suspicion) == ("emergency", "withdrawal")
    assert answer.watch_until == day(13.5)
    assert "the dose before (600 mcg in 24 h)" in next(said.text for said in answer.first_actions if said.rule == "WDL-07")
    assert triage({"fever": 0}, story.look(10.5)).suspicion == "none of these"
    assert triage({}, story.look(13.1)).suspicion == "none of these"
    assert triage({}, started(100).fact(Noticed(day(30), "withdrawal suspected")).look(30)).suspicion == "withdrawal"


@pytest.mark.requirement("OVD-02")
def test_a_chart_gives_the_drug_in_the_line() -> None:
    story = Story().person().tested(-14).implanted(0, Concentration(2000)).filled(0, 40, 2000).programmed(0, 400)
    answer = triage({"somnolence": 2}, story.look(1))
    assert "0.34 mL: up to about 670 mcg" in answer.first_actions[1].text


@pytest.mark.requirement("WDL-01")
def test_a_chart_tells_of_alarms_and_of_an_empty_reservoir() -> None:
    assert triage({}, started(100).fact(AlarmHeard(day(30), "single")).look(30.1)).tier == "same day"
    assert triage({}, started(100).fact(AlarmHeard(day(30), "two-tone")).look(30.1)).tier == "emergency"
    assert triage({}, started(100).fact(AlarmHeard(day(30), "two-tone")).look(34)).tier == "routine"
    stopped = triage({}, started(100).programmed(30, OrderStop()).look(30.1))
    assert (stopped.tier, stopped.suspicion) == ("same day", "device")
    overdue = triage({}, started(100).look(195))
    assert any(said.rule == "REF-10" for said in overdue.reasons)
    empty = triage({}, Story().person().implanted(0, Concentration(500)).filled(0, 9).programmed(0, 200).look(25))
    assert (empty.tier, empty.suspicion) == ("emergency", "device")


@pytest.mark.requirement("WDL-01")
def test_words_that_are_not_known_get_the_nearest_one() -> None:
    with pytest.raises(InputError, match="fever"):
        triage({"fevver": 1})
    with pytest.raises(InputError, match="0 gone"):
        triage({"fever": 4})
    with pytest.raises(InputError, match="refill"):
        triage({"fever": 1}, since={"refil": hours(1)})
    with pytest.raises(InputError, match="previous withdrawal"):
        triage({"fever": 1}, flags=["previous withdrawl"])


@pytest.mark.requirement("WDL-01")
def test_everything_says_how_sure_it_is_and_the_gravest_reason_comes_first() -> None:
    answer = triage({"fever": 1, "seizure": 2, "drowsiness": 1}, since={"refill": hours(1)})
    used = {said.rule for said in (*answer.reasons, *answer.first_actions, *answer.work_up, *answer.never_decides)}
    assert set(answer.confidence) == used
    assert all(answer.confidence.values())
    assert answer.reasons[0].rule in ("WDL-01", "OVD-01")


@pytest.mark.requirement("WDL-02")
def test_the_makers_line_is_named_where_it_answers() -> None:
    assert "800-707-0933" in triage({"fever": 1}).first_actions[0].text
    assert "800" not in triage({"fever": 1}, clinic=Clinic("UK")).first_actions[0].text
