"""The pump passport: what it states of a chart."""

from dataclasses import replace
from datetime import date

import pytest

from tests.charts import Story, day, started
from tests.clinic.passports import PAPERS, issued, last_session
from thecal.chart.clinical import Noticed, Prescribed
from thecal.chart.facts import Acted, Explanted, Interrogated, PumpReplaced, SessionUncertain
from thecal.chart.order import OrderMinimumRate
from thecal.clinic.passport import PassportError, passport_of, passport_rows
from thecal.errors import InputError
from thecal.pump.program import PatientBolus, Stopped
from thecal.pump.sheet import pump_sheets
from thecal.quantity import Volume
from thecal.therapy.emergency_plan import IN_MAGNET, NOT_RECORDED
from thecal.therapy.look import Look
from thecal.therapy.mri import CONDITIONAL
from thecal.timeline import Duration


def test_a_passport_states_what_the_chart_knows() -> None:
    """Every line of it, with its unit, and no name."""
    story = started(100).fact(Noticed(day(1), "SCI at T6 or above"), Prescribed(day(1), "baclofen", "oral", 30, 3))
    assert dict(passport_rows(issued(story.look(10)))) == {
        "Passport number": "P-2026-0001",
        "Clinic": "Spasticity clinic",
        "Clinic by day": "+49 30 1234567",
        "Clinic by night": "+49 30 7654321",
        "Issued on": "2026-01-15",
        "Counts until (refill by)": "2026-06-14",
        "Pump": "SynchroMed II (synchromed-ii-40)",
        "Serial number": "NGP123456H",
        "Drug": "baclofen, intrathecal",
        "Concentration": "500 mcg/mL",
        "Daily dose, ordered": "100 mcg/day",
        "24-h total, programmed": "100 mcg",
        "Mode": "simple continuous",
        "Catheter": "indura-8709sc",
        "Catheter tip": "T10",
        "Catheter access port": "yes",
        "Low reservoir alarm, as the pump counts": "2026-07-14",
        "Empty at the earliest": "2026-06-28",
        "Elective replacement indicator": "not reached when read on 2026-01-05",
        "End of service": "2033-01-04",
        "MRI status": f"{CONDITIONAL['SynchroMed II'].text}; ask the clinic before any scan",
        "In the field of an MRI": IN_MAGNET["stalls"],
        "Injury at T6 or above, or dysreflexia": "yes: a spinal cord injury at T6 or above",
        "Oral baclofen at home": "30 mg a day in 3 doses",
    }


def test_initials_and_the_year_of_birth_stand_in_it_only_where_given() -> None:
    look = started(100).look(10)
    told = passport_of(look, PAPERS, "P-1", look.now, "Clinic", "1", "2", initials="A.B.", birth_year=1975)
    assert dict(passport_rows(told)).items() >= {"Initials": "A.B.", "Year of birth": "1975"}.items()
    assert not {"Initials", "Year of birth"} & dict(passport_rows(issued(look))).keys()


@pytest.mark.parametrize("name", ["Anna Berg", "ABCDE", "A1", " "])
def test_a_name_is_not_taken_for_initials(name: str) -> None:
    with pytest.raises(InputError, match="initials"):
        replace(issued(started(100).look(10)), initials=name)


def test_without_a_pump_there_is_no_passport() -> None:
    """Neither before the implant nor after the explant."""
    for look in (Story().person().look(0), started(100).fact(Explanted(day(1))).look(2)):
        with pytest.raises(PassportError, match="no pump is in place"):
            issued(look)


def test_a_passport_is_not_issued_before_what_it_knows() -> None:
    with pytest.raises(InputError, match="is before what is known"):
        passport_of(started(100).look(10), PAPERS, "P-1", day(9), "Clinic", "1", "2")


@pytest.mark.parametrize("model", ["synchromed-ii-20", "synchromed-ii-40"])
def test_nothing_of_the_pump_before_stands_in_the_passport_of_the_one_in_place(model: str) -> None:
    """After a replacement neither its serial nor its dose, concentration, mode or dates; whatever sheet the look brings."""
    story = started(100).fact(PumpReplaced(day(5), model, Volume(300_000)))
    told = issued(story.look(6))
    assert told.pump == f"SynchroMed II ({model})"
    unknown = (told.serial, told.access_port, told.concentration, told.daily_dose, told.day_total, told.mode, told.drug)
    assert {*unknown, told.alarm_on, told.empty_on, told.counts_until, told.replacement} == {NOT_RECORDED}
    assert issued(story.look(6), replace(PAPERS, at=day(5), model=model)).serial == "NGP123456H"
    other = "synchromed-ii-40" if model == "synchromed-ii-20" else "synchromed-ii-20"
    assert issued(story.look(6), replace(PAPERS, at=day(5), model=other)).serial == NOT_RECORDED


def test_a_constant_flow_pump_has_no_battery_no_alarm_and_no_dose_to_order() -> None:
    """What electronics would have stands as none, and says why."""
    constant = next(sheet for sheet in pump_sheets().values() if not sheet.programmable)
    story = started(100).fact(PumpReplaced(day(5), constant.name, Volume(300_000)))
    told = issued(Look.at(story.chart, day(6), sheet=constant), None)
    assert told.mode == "constant flow"
    assert {told.alarm_on, told.replacement, told.daily_dose} == {
        "none: the pump sounds no alarm",
        "none: the pump has no battery",
        "none: a constant flow, which nobody can change",
    }
    assert told.mri.startswith("nothing is known of this model")


def test_an_uncertain_session_leaves_no_dose_in_a_passport() -> None:
    """Until the pump is read: what it runs nobody knows."""
    story = started(100)
    story.fact(SessionUncertain(day(3), last_session(story).order, "the wand was lost"))
    told = issued(story.look(4))
    assert told.daily_dose.startswith("uncertain")
    assert told.day_total == told.mode == told.daily_dose
    story.fact(Interrogated(day(5), replace(last_session(story).report, at=day(5))))
    assert issued(story.look(6)).daily_dose == "100 mcg/day"


def test_a_pump_that_was_read_otherwise_is_not_told_as_ordered() -> None:
    """It was found stopped: the dose of the order does not stand in the passport, the mode does."""
    story = started(100)
    story.fact(Interrogated(day(5), replace(last_session(story).report, at=day(5), program=Stopped(), mode="stopped")))
    told = issued(story.look(6))
    assert (told.daily_dose, told.mode) == ("not as ordered: the pump was read otherwise on 2026-01-10", "stopped")
    assert told.day_total == "0 mcg"


def test_a_stalled_motor_is_told_beside_the_mode() -> None:
    story = started(100)
    story.fact(Interrogated(day(5), replace(last_session(story).report, at=day(5), alarms=("motor stall",))))
    assert issued(story.look(6)).mode == "simple continuous; not infusing when it was read: motor stall"


def test_a_fill_that_was_not_typed_in_is_the_concentration_and_leaves_no_total() -> None:
    story = started(100).filled(20, 40, 2000)
    told = issued(story.look(21))
    assert told.concentration == "2,000 mcg/mL"
    assert told.day_total == "not known: filled on 2026-01-25, and not read since"


def test_the_slowest_flow_is_no_dose() -> None:
    assert issued(started(100).programmed(2, OrderMinimumRate()).look(3)).daily_dose.startswith("none: the slowest flow")


def test_patient_boluses_stand_beside_the_total() -> None:
    """At most so much, by the allotment of a day."""
    story = started(100)
    report = last_session(story).report
    bolus = PatientBolus(Volume(20_000), Duration(600), Duration(3600), 4)
    story.fact(Interrogated(day(1), replace(report, at=day(1), patient=bolus)))
    assert issued(story.look(2)).day_total == "100 mcg, at most 140 mcg with patient boluses"


def test_an_emptied_reservoir_has_no_day_on_which_it_is_empty() -> None:
    story = started(100).fact(Acted(day(5), "empty reservoir", None))
    assert issued(story.look(6)).empty_on == "emptied, and not filled since"


def test_the_replacement_indicator_is_told_with_its_day() -> None:
    story = started(100)
    story.fact(Interrogated(day(9), replace(last_session(story).report, at=day(9), replace_by=day(99))))
    told = issued(story.look(10))
    assert told.replacement == "reached on 2026-01-14"
    assert told.service_ends <= "2026-04-14"


def test_a_passport_counts_until_the_refill() -> None:
    """The day itself included; without one, on the day of issue alone."""
    told = issued(started(100).look(10))
    assert [told.counts_on(date(2026, 1, 14)), told.counts_on(date(2026, 1, 15))] == [False, True]
    assert [told.counts_on(date(2026, 6, 14)), told.counts_on(date(2026, 6, 15))] == [True, False]
    open_ended = replace(told, counts_until=NOT_RECORDED)
    assert [open_ended.counts_on(date(2026, 1, 15)), open_ended.counts_on(date(2026, 1, 16))] == [True, False]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("clinic", ""),
        ("clinic", "x" * 61),
        ("serial", "A\nB"),
        ("mode", "x" * 161),
        ("issued_on", "20260115"),
        ("counts_until", "soon"),
    ],
)
def test_a_text_that_does_not_fit_is_refused_by_its_name(name: str, text: str) -> None:
    """Never cut."""
    with pytest.raises(InputError) as refused:
        replace(issued(started(100).look(10)), **{name: text})  # type: ignore[arg-type]  # all of these are texts
    assert refused.value.field == name
