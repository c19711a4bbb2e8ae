"""The pump passport: what it states of a chart."""

import re
from dataclasses import replace
from datetime import date

import pytest

from tests.charts import Story, day, started
from tests.clinic.passports import PAPERS, issued, last_session
from thecal.chart.clinical import Noticed, Prescribed, Visited
from thecal.chart.facts import Acted, Explanted, Filled, Interrogated, PumpReplaced, SessionUncertain
from thecal.chart.line_ledger import line_ledger
from thecal.chart.order import OrderMinimumRate
from thecal.clinic.admission_sheet import admission_sheet
from thecal.clinic.emergency_card import uncertain_words
from thecal.clinic.passport import PassportError, passport_of, passport_rows
from thecal.clinic.person import Person
from thecal.clinic.pump_words import LINE_UNKNOWN, NO_SOURCE, PROCEDURES, line_words, line_words_within
from thecal.errors import InputError
from thecal.fluid import Parcel
from thecal.pump.program import PatientBolus, Stopped
from thecal.pump.sheet import pump_sheets
from thecal.quantity import Concentration, Volume
from thecal.therapy.due import ELSEWHERE
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
        "Maker's line": "800-707-0933, day and night",
        "Issued on": "2026-01-15",
        "Counts until (refill by)": "2026-06-14",
        "Pump": "SynchroMed II (synchromed-ii-40)",
        "Serial number": "NGP123456H",
        "Drug": "baclofen, intrathecal",
        "Concentration": "500 mcg/mL",
        "Daily dose, ordered": "100 mcg/day",
        "24-h total, programmed": "100 mcg",
        "Mode": "simple continuous",
        "Flow, programmed": "0.2 mL/day; true flow against it: -14.5 % to +14.5 % by the label",
        "In tubing and catheter": "from the tip: 0.197 mL of CSF, then 0.14 mL of 500 mcg/mL; 70 mcg in all, as of 2026-01-05",
        "Once the reservoir is emptied": "the line still holds 0.34 mL: up to about 170 mcg",
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
        "Alarm": "Two tones in turn mean that the drug may no longer flow: interrogate at once, it is an emergency. [DEV-03]",
        "Interference": "Strong fields while an alarm sounds can leave it infusing nothing until it is interrogated. [MRI-03]",
        "Operation": "Tell the anesthetist beforehand: general anesthetics have disturbed the heart and brought seizures; it "
        "is not stopped. [INT-11]",
        PROCEDURES: f"{NO_SOURCE} [that the clinician is called before any procedure: Medtronic UK, cautions on medical "
        "procedures]",
        "Without a programmer, too much": "Empty the reservoir and aspirate the catheter access port; an access port is on "
        "record; the line still holds 0.34 mL: up to about 170 mcg (OVD-02).",
        "Without a programmer, too little": "Have a programmer brought, and cover until then: drugs by mouth alone are never "
        "relied on, a monitored bolus by lumbar puncture or a temporary intrathecal catheter is the definitive cover (WDL-08).",
        "Without a programmer, never": "Inject nothing into a port of the pump: a refill into the catheter access port has "
        "killed (RPC-16).",
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
    assert told.flow == NOT_RECORDED
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
    assert told.flow.startswith(f"{constant.flow_max}; true flow against it: ")
    assert told.line_doubts == (
        "A pump without electronics reports nothing: what lies in the line is not known. And 1 more: ask the clinic."
    )
    assert (told.two_tones, told.interference) == ("", "")
    assert not {"Alarm", "Interference", "Why that may be wrong"} & dict(passport_rows(replace(told, line_doubts=""))).keys()


def test_an_uncertain_session_leaves_no_dose_in_a_passport() -> None:
    """Until the pump is read: what it runs nobody knows."""
    story = started(100)
    story.fact(SessionUncertain(day(3), last_session(story).order, "the wand was lost"))
    told = issued(story.look(4))
    assert told.daily_dose.startswith("uncertain")
    assert told.day_total == told.mode == told.daily_dose
    assert told.flow == uncertain_words(story.look(4))
    assert told.line.endswith("as of 2026-01-05")
    story.fact(Interrogated(day(5), replace(last_session(story).report, at=day(5))))
    read = issued(story.look(6))
    assert read.daily_dose == "100 mcg/day"
    assert read.flow.startswith("0.2 mL/day; ")


def test_a_pump_that_was_read_otherwise_is_not_told_as_ordered() -> None:
    """It was found stopped: the dose of the order does not stand in the passport, the mode does."""
    story = started(100)
    story.fact(Interrogated(day(5), replace(last_session(story).report, at=day(5), program=Stopped(), mode="stopped")))
    told = issued(story.look(6))
    assert (told.daily_dose, told.mode) == ("not as ordered: the pump was read otherwise on 2026-01-10", "stopped")
    assert (told.day_total, told.flow) == ("0 mcg", "0 mL/day")
    assert told.line_held == "the line still holds 0.34 mL: up to about 170 mcg"


def test_a_stalled_motor_is_told_beside_the_mode() -> None:
    story = started(100)
    story.fact(Interrogated(day(5), replace(last_session(story).report, at=day(5), alarms=("motor stall",))))
    assert issued(story.look(6)).mode == "simple continuous; not infusing when it was read: motor stall"


def test_a_pump_that_was_filled_elsewhere_and_not_read_has_no_flow() -> None:
    """What was programmed there nobody here knows."""
    story = started(100)
    story.fact(Visited(day(5), ELSEWHERE), Filled(day(5), Volume(40_000_000), Concentration(500)))
    assert issued(story.look(6)).flow.startswith("refilled elsewhere on 2026-01-10 and not read since")


@pytest.mark.parametrize("model", ["synchromed-ii-40", "prometra-i-20", "prometra-ii-20"])
@pytest.mark.parametrize("port", [True, False, None])
def test_the_passport_and_the_admission_sheet_say_the_same(model: str, port: bool | None) -> None:
    """Of the line, without a programmer, and of what stops that pump; where the sheet names a source, the rule at least."""
    look = Story(model).person().implanted().filled(0, 20).programmed(0, 100).look(5)
    device = replace(PAPERS, model=model, access_port=port)
    told, sheet = issued(look, device), admission_sheet(look, Person("Zoë Invented"), device, "1", "2")
    of_sheet = {(part.title, row[0]): row[1] for part in sheet.sections for row in part.rows}
    held = of_sheet["In tubing and catheter", "it holds"]
    assert told.line.startswith(f"{held}, as of ")
    assert told.flow.startswith(of_sheet["The pump", "flow as programmed"].partition(";")[0])
    alone = (told.too_much, told.too_little, told.into_ports)
    assert alone == tuple(of_sheet["Without a programmer", when] for when in ("too much", "too little", "never"))
    stops = {"Alarm": told.two_tones, "Interference": told.interference, "Operation": told.operation, PROCEDURES: told.procedures}
    listed = {what: text for (title, what), text in of_sheet.items() if title == "What can stop it, or harm it" and what != "MRI"}
    assert {what for what, text in stops.items() if text} == listed.keys()
    assert all(text.startswith(stops[what].rstrip("]")) for what, text in listed.items())
    assert of_sheet["What can stop it, or harm it", "MRI"].lower().startswith(told.in_scanner.lower())


def test_a_line_that_nobody_knows_has_no_figure_in_a_passport() -> None:
    """Neither what lies in it nor what it holds once the reservoir is emptied; a line that is known has both."""
    look = started(100).look(10)
    told = issued(look, line_known=False)
    assert told.line == f"{LINE_UNKNOWN}: measure it first"
    assert told.line_held == LINE_UNKNOWN
    assert f"{LINE_UNKNOWN} (OVD-02)" in told.too_much
    figures = re.compile(r"[0-9] mL(?!/day)")
    assert not [text for _, text in passport_rows(told) if figures.search(text)]
    assert figures.search(issued(look).too_much)


def test_a_line_of_an_unknown_fluid_is_told_as_that() -> None:
    """After a replacement it is not known what the new tubing was filled with."""
    told = issued(Story().person().implanted().fact(PumpReplaced(day(5), "synchromed-ii-40", Volume(337_000))).look(6))
    assert told.line.startswith("from the tip: ")
    assert told.line.endswith("; no drug known, as of 2026-01-10")
    assert told.line_held == "the line still holds drug: its volume times the concentration"


def test_doubts_of_the_line_stand_beside_it() -> None:
    """Those that fit in full; else the first, how many more, and whom to ask."""
    story = started(100)
    report = last_session(story).report
    stalled = replace(report, at=day(3), alarms=("motor stall",), concentration=Concentration(1999))
    cautions = (
        "The pump was told 1,999 mcg/mL, and 500 mcg/mL was filled.",
        "The motor stalled: what the pump counted meanwhile has not flowed.",
    )
    assert issued(story.fact(Interrogated(day(3), stalled)).look(4)).line_doubts == " ".join(cautions)
    empty = replace(stalled, at=day(4), alarms=("motor stall", "empty reservoir"))
    assert issued(story.fact(Interrogated(day(4), empty)).look(5)).line_doubts == f"{cautions[0]} And 2 more: ask the clinic."


def test_a_line_of_many_fluids_is_told_by_volume_and_the_strongest() -> None:
    """Never cut: what does not fit is said shorter, with the same amount."""
    ledger = line_ledger(started(100).look(10).chart)
    assert ledger is not None
    strengths = (500, 1000, 1500, 2000, 750, 250)
    parcels = tuple(Parcel.whole(50_000, Volume(50_000).of(Concentration(one)).pg) for one in strengths)
    many = replace(ledger, line=ledger.line.with_parcels(parcels))
    assert line_words_within(many, 1000) == line_words(many)
    short = line_words_within(many, 130)
    assert short == "0.3 mL of 6 fluids, the strongest that is known 2,000 mcg/mL; 300 mcg in all"
    assert len(line_words(many)) > 130


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
