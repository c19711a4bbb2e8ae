"""The screening test: doses and their order, readiness, observation and stop signs."""

from dataclasses import replace

import pytest

from tests.charts import Story, day, found, severities, started
from tests.therapy.boluses import NO_FALL, H, booked, examined, given, mcg, said
from thecal.chart.clinical import (
    Answered,
    Booked,
    Closed,
    Documented,
    Measured,
    Noticed,
    Prescribed,
    SymptomReported,
)
from thecal.chart.facts import TestBolusGiven
from thecal.errors import Refusal
from thecal.quantity import Concentration, Volume
from thecal.therapy.clinic import Clinic
from thecal.therapy.screening_test import screening_plan, screening_step


@pytest.mark.requirement("SCR-01")
@pytest.mark.parametrize("condition", ["MS relapse", "urinary tract infection", "non-healing wound", "active infection"])
def test_no_test_with_an_active_issue(condition: str) -> None:
    """As long as the issue is there and a test may come; not after a positive one. The next step says so too."""
    story = booked(Story().person()).fact(Noticed(day(-9), condition))
    assert severities(story.look(0), "SCR-01") == ["block"]
    assert "postpone" in screening_step(story.look(0)).notes[0]
    done = said(given(50), "goal met").fact(Noticed(day(-9), condition))
    assert severities(done.look(0.1), "SCR-01") == ["block"]
    assert severities(done.look(0.5), "SCR-01") == []
    assert severities(started(100).fact(Noticed(day(-9), condition)).look(1), "SCR-01") == []
    assert severities(story.fact(Noticed(day(-1), condition, present=False)).look(0), "SCR-01") == []


@pytest.mark.requirement("SCR-02")
@pytest.mark.parametrize(("dose", "severity"), [(50, []), (51, ["warn"]), (25, [])])
def test_the_first_bolus_is_the_standard_one(dose: float, severity: list[str]) -> None:
    assert severities(given(dose).look(0.1), "SCR-02") == severity


@pytest.mark.requirement("SCR-02")
def test_the_screening_strength_is_drawn_up() -> None:
    story = Story().person().fact(TestBolusGiven(day(0), mcg(50), Concentration(500), None))
    assert severities(story.look(0.1), "SCR-02") == ["warn"]


@pytest.mark.requirement("SCR-03")
@pytest.mark.parametrize("condition", ["relies on spasticity", "very small child"])
def test_some_begin_with_the_small_bolus(condition: str) -> None:
    """Told before it is given, and where a larger one was."""
    story = Story().person("cerebral", "stroke").fact(Noticed(day(-9), condition))
    assert severities(story.look(-1), "SCR-03") == []
    assert severities(booked(story).look(-1), "SCR-03") == ["advise"]
    assert screening_step(story.look(-1)).dose == mcg(25)
    assert screening_step(story.look(-1)).volume == Volume(500_000)
    assert severities(story.tested(0, 25).look(0.1), "SCR-03") == []
    story.facts = [replace(fact, dose=mcg(26)) if isinstance(fact, TestBolusGiven) else fact for fact in story.facts]
    assert severities(story.look(0.1), "SCR-03") == ["advise"]


@pytest.mark.requirement("SCR-03")
def test_people_with_ms_have_the_small_bolus_as_an_option() -> None:
    step = screening_step(Story().person().look(0))
    assert (step.dose, step.volume, step.earliest) == (mcg(50), Volume(1_000_000), day(0))
    assert "25 mcg" in " ".join(step.notes)
    assert not screening_step(Story().person("spinal", "spinal cord injury").look(0)).notes


@pytest.mark.requirement("SCR-04")
def test_without_a_response_the_next_dose_comes_a_day_later() -> None:
    """50, 75 and 100 mcg; after 25 the standard bolus, after a dose of its own the next larger one of the protocol."""
    for doses, dose, ml in (((25,), 50, 1), ((50,), 75, 1.5), ((60,), 75, 1.5), ((50, 75), 100, 2)):
        step = screening_step(said(given(*doses), *NO_FALL, yes=False).look(0.5))
        assert (step.dose, step.earliest, step.rule) == (mcg(dose), day(1), "SCR-04")
        assert step.volume == Volume(round(ml * 10**6))


@pytest.mark.requirement("SCR-04")
@pytest.mark.parametrize(("hours", "severity"), [(24, []), (23.9, ["block"])])
def test_two_boluses_are_a_day_apart(hours: float, severity: list[str]) -> None:
    """As given, until a day has passed again; and as booked."""
    story = Story().person().tested(0).tested(hours * H, 75)
    assert severities(story.look((hours + 1) * H), "SCR-04") == severity
    assert severities(story.look((hours + 25) * H), "SCR-04") == []
    assert severities(booked(Story().person().tested(0), hours * H).look(0.1), "SCR-04") == severity


@pytest.mark.requirement("SCR-04")
def test_no_dose_of_the_protocol_is_left_out() -> None:
    assert severities(given(50, 75).look(0.1), "SCR-04") == []
    assert severities(given(50, 76).look(0.1), "SCR-04") == ["warn"]
    assert severities(given(50, 75, 100).look(0.1), "SCR-04") == []


@pytest.mark.requirement("SCR-05")
def test_no_response_to_the_largest_bolus_ends_the_way() -> None:
    """A response, or a doubtful one, does not; nor does no response to a smaller one."""
    spent = said(given(50, 75, 100), *NO_FALL, yes=False)
    assert severities(spent.look(0.5), "SCR-05") == ["block"]
    step = screening_step(spent.look(0.5))
    assert (step.dose, step.earliest, step.rule) == (None, None, "SCR-05")
    assert "not a candidate" in step.why
    assert severities(given(50, 75, 100).look(0.5), "SCR-05") == []
    assert severities(said(given(50, 75), *NO_FALL, yes=False).look(0.5), "SCR-05") == []
    assert severities(said(given(50, 75, 100), "goal met").look(0.5), "SCR-05") == []
    assert severities(spent.fact(Closed(day(0.4), "no response")).look(0.5), "SCR-05") == []
    doubtful = screening_step(examined(given(50, 75, 100), (-1, 4), (2, 3.5)).look(0.5))
    assert (doubtful.dose, doubtful.rule) == (None, "SCR-05")
    assert "no dose above" in doubtful.why


@pytest.mark.requirement("SCR-05")
@pytest.mark.parametrize(("dose", "severity"), [(100, []), (101, ["block"])])
def test_no_bolus_is_larger_than_the_largest(dose: float, severity: list[str]) -> None:
    assert severities(given(50, 75, dose).look(0.1), "SCR-05") == severity


@pytest.mark.requirement("SCR-06")
@pytest.mark.parametrize(
    ("at_h", "severity"), [((1, 4), []), ((1,), ["block"]), ((1, 4.1), ["block"]), ((), ["block"]), ((1, 1), ["block"])]
)
def test_spasticity_is_measured_twice_within_four_hours(at_h: tuple[float, ...], severity: list[str]) -> None:
    """Nothing is missing before those hours are over."""
    story = examined(given(50), *((hours, 3) for hours in at_h)).fact(Measured(day(1 * H), "SpO2", 97))
    assert severities(story.look(4.5 * H), "SCR-06") == severity
    assert severities(story.look(3.9 * H), "SCR-06") == []


@pytest.mark.requirement("SCR-06")
@pytest.mark.parametrize(("at_h", "severity"), [(2, []), (2.1, ["warn"])])
def test_vital_signs_are_noted_in_the_first_two_hours(at_h: float, severity: list[str]) -> None:
    story = given(50).fact(Measured(day(at_h * H), "respiratory rate", 14))
    assert severities(story.look(2.2 * H), "SCR-06") == severity


@pytest.mark.requirement("SCR-06")
@pytest.mark.parametrize(("at_h", "severity"), [(4, []), (3.9, ["block"])])
def test_a_test_is_observed_to_its_end(at_h: float, severity: list[str]) -> None:
    """Asked for once the longest observation is over; a pump ends the question."""
    story = examined(given(50), (1, 3), (2, 3), (at_h, 3)).fact(Measured(day(1 * H), "SpO2", 97))
    assert severities(story.look(8 * H), "SCR-06") == severity
    assert severities(story.look(7.9 * H), "SCR-06") == []
    assert severities(story.implanted(5).look(6), "SCR-06") == []


@pytest.mark.requirement("SCR-09")
def test_the_duration_of_the_effect_is_recorded() -> None:
    """Of a positive test."""
    assert severities(said(given(50), "goal met").look(0.5), "SCR-09") == ["task"]
    assert severities(said(given(50, lasted_h=6), "goal met").look(0.5), "SCR-09") == []
    assert severities(said(given(50), *NO_FALL, yes=False).look(0.5), "SCR-09") == []


@pytest.mark.requirement("SCR-10")
def test_after_a_positive_test_the_implanter_is_told() -> None:
    """What the chart holds is not asked for again."""
    story = said(given(50, lasted_h=6), "goal met")
    asked = found(story.look(0.5), "SCR-10")
    assert [finding.severity for finding in asked] == ["task"]
    assert "tip level" in asked[0].asked
    assert "cause" not in asked[0].asked
    assert screening_step(story.look(0.5)).rule == "SCR-10"
    story.fact(*(Answered(day(0.4), "implant packet", item, True) for item in ("tip level", "pump size")))
    assert severities(story.look(0.5), "SCR-10") == ["task"]
    assert severities(story.fact(Documented(day(0.4), "implant referral")).look(0.5), "SCR-10") == []
    assert severities(given(50, lasted_h=6).look(0.5), "SCR-10") == []


@pytest.mark.requirement("SCR-11")
def test_resuscitation_is_at_hand() -> None:
    story = booked(Story().person())
    assert severities(story.look(0), "SCR-11") == ["block"]
    story.fact(Answered(day(-1), "test site", "resuscitation equipment", True))
    assert severities(story.look(0), "SCR-11") == ["block"]
    assert severities(story.fact(Answered(day(-1), "test site", "trained staff", True)).look(0), "SCR-11") == []
    assert severities(Story().person().look(0), "SCR-11") == []


def test_gates_are_those_of_a_test_that_is_booked_and_not_given() -> None:
    story = booked(Story().person(), 1)
    for on, severity in ((0, ["block"]), (1.5, ["block"])):
        assert severities(story.look(on), "SCR-11") == severity
    assert severities(story.tested(1.1).look(1.5), "SCR-11") == []
    cancelled = booked(Story().person(), 1).fact(Booked(day(-1), "screening test", day(1), cancelled=True))
    assert severities(cancelled.look(0), "SCR-11") == []


@pytest.mark.requirement("SCR-12")
@pytest.mark.parametrize("symptom", ["somnolence", "respiratory depression", "hypotension", "desaturation", "seizure", "coma"])
def test_a_stop_sign_after_a_bolus_is_an_emergency(symptom: str) -> None:
    """Until it is gone; one of before the bolus, or of long after it, is none of its signs."""
    story = given(50).fact(SymptomReported(day(2 * H), symptom, 1))
    assert severities(story.look(3 * H), "SCR-12") == ["emergency"]
    assert screening_step(story.look(3 * H)).rule == "SCR-12"
    assert severities(story.fact(SymptomReported(day(6 * H), symptom, 0)).look(7 * H), "SCR-12") == []
    assert severities(given(50).fact(SymptomReported(day(-2), symptom, 3)).look(3 * H), "SCR-12") == []
    assert severities(given(50).fact(SymptomReported(day(1), symptom, 3)).look(9), "SCR-12") == ["emergency"]
    assert severities(given(50).fact(SymptomReported(day(1.1), symptom, 3)).look(9), "SCR-12") == []


@pytest.mark.requirement("SCR-12")
@pytest.mark.parametrize(
    ("symptom", "path"), [("postural headache", "lumbar puncture"), ("urinary retention", "Scan the bladder")]
)
def test_signs_of_the_puncture_are_no_overdose(symptom: str, path: str) -> None:
    story = given(50).fact(SymptomReported(day(1.5), symptom, 2))
    warned = found(story.look(2), "SCR-12")
    assert [finding.severity for finding in warned] == ["warn"]
    assert path in warned[0].next
    assert "no overdose" in warned[0].next
    assert severities(story.implanted(3).look(4), "SCR-12") == []


def coagulating(platelets: float | None, inr: float | None) -> Story:
    story = booked(Story().person())
    if platelets is not None:
        story.fact(Measured(day(-2), "platelets", platelets))
    return story if inr is None else story.fact(Measured(day(-2), "INR", inr))


@pytest.mark.requirement("SCR-13")
@pytest.mark.parametrize(
    ("platelets", "inr", "blocks"),
    [(50_001, 1.4, 0), (50_000, 1.4, 1), (50_001, 1.5, 1), (None, 1.4, 1), (50_001, None, 1), (None, None, 2)],
)
def test_blood_clots_before_a_lumbar_puncture(platelets: float | None, inr: float | None, blocks: int) -> None:
    assert severities(coagulating(platelets, inr).look(0), "SCR-13") == ["block"] * blocks


@pytest.mark.requirement("SCR-13")
def test_antithrombotics_follow_local_rules() -> None:
    story = coagulating(200_000, 1).fact(
        Prescribed(day(-90), "warfarin", "oral", 5), Prescribed(day(-90), "aspirin", "oral", 100)
    )
    assert severities(story.look(0), "SCR-13") == ["warn"] * 2


@pytest.mark.requirement("SCR-15")
def test_what_becomes_of_tablets_is_chosen() -> None:
    story = booked(Story().person())
    assert severities(story.look(0), "SCR-15") == []
    story.fact(Prescribed(day(-90), "baclofen", "oral", 60, 3))
    assert severities(story.look(0), "SCR-15") == ["advise"]
    assert severities(story.fact(Answered(day(-1), "oral drugs before test", "kept", True)).look(0), "SCR-15") == []


def test_a_test_that_nobody_judged_has_no_next_dose() -> None:
    step = screening_step(given(50).look(0.5))
    assert (step.dose, step.rule) == (None, "SCR-08b")
    refused = screening_plan(given(50).look(0.5), day(2))
    assert isinstance(refused, Refusal)
    assert refused.rule == "SCR-08b"


def test_a_doubtful_answer_has_a_next_dose_and_another_way() -> None:
    story = said(examined(given(50), (-1, 4), (2, 3.5)), "negative reaction")
    step = screening_step(story.look(0.5))
    assert step.dose == mcg(75)
    assert "SCR-16" in step.notes[0]
    assert "negative reaction" in step.notes[1]


def test_no_step_after_an_implant_or_an_end() -> None:
    assert screening_step(started(100).look(1)).dose is None
    closed = screening_step(Story().person().fact(Closed(day(-1), "moved away")).look(0))
    assert closed.dose is None
    assert "moved away" in closed.why


def test_a_clinic_may_be_stricter() -> None:
    """It then finds more, and plans and refuses by its own numbers."""
    clinic = Clinic().with_limit("SCR-05.most", 75).with_limit("SCR-04.between", 48)
    story = said(given(50, 75), *NO_FALL, yes=False)
    assert severities(story.look(0.5, clinic=clinic), "SCR-05") == ["block"]
    early = said(given(50), *NO_FALL, yes=False).look(0.5, clinic=clinic)
    assert screening_step(early).earliest == day(2)
    assert isinstance(screening_plan(early, day(1.5)), Refusal)
