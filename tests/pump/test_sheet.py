"""Data sheets: every model loads, and what no source decides is computed under both readings."""

from dataclasses import replace

import pytest

from tests.courses import START, disturbed, done, ml, refused, running_pump
from tests.pump.pumps import (
    BOLUSES,
    HOUR,
    PATIENT,
    RUNNING,
    check_cuts,
    in_seconds,
    with_patient,
)
from tests.pump.pumps import given as given_nl
from thecal.datum import CONFIDENCE, DataError, read_data
from thecal.errors import InputError
from thecal.pump.handle import Answer, handle
from thecal.pump.messages import BeginUpdate, Interference, LowBattery, RequestBolus, StartBolus, Update
from thecal.pump.program import SimpleContinuous
from thecal.pump.sheet import READINGS, PumpSheet, pump_sheet, pump_sheets, with_reading
from thecal.pump.state import PumpState
from thecal.quantity import FlowRate
from thecal.timeline import DAY_S, Duration

FAMILIES = {
    "reference": (2, "rotor", "stalls"),
    "synchromed-ii": (2, "rotor", "stalls"),
    "synchromed-iii": (2, "rotor", "stalls"),
    "prometra-i": (1, "valves", "opens"),
    "prometra-ii": (2, "valves", "shuts"),
    "medstream": (2, "restrictor", "nothing"),
    "isomed": (10, "restrictor", "nothing"),
}
OPEN = "prometra-ii-40"  # a sheet on which every reading is open
A_NANOLITRE_A_SECOND = SimpleContinuous(FlowRate(DAY_S))


def read(name: str, reading: str) -> PumpState:
    """A pump of the open sheet under one reading of it, running and filled, with patient boluses and an alarm that sounds."""
    pump = with_patient(running_pump(A_NANOLITRE_A_SECOND, OPEN))
    pump = replace(pump, sheet=with_reading(pump.sheet, name, reading))
    return done(handle(pump, Update(low_reservoir=ml(40))))


def after_bolus(pump: PumpState, kind: str) -> PumpState:
    pump = done(handle(pump, RequestBolus() if kind == "patient bolus" else StartBolus(BOLUSES[kind])))
    assert pump.memory.bolus is not None
    return in_seconds(pump, pump.memory.bolus.end.s - pump.now.s)


@pytest.mark.requirement("PMP-28")
@pytest.mark.parametrize("family", FAMILIES)
def test_every_model_loads(family: str) -> None:
    """Each family with its models, its drive and what a magnet does to it, as its sources say."""
    sheets = [
        sheet for name, sheet in pump_sheets().items() if name.rsplit("-", 1)[0] == family or name.startswith(f"{family}-8472")
    ]
    count, drive, magnet = FAMILIES[family]
    assert len(sheets) == count
    for sheet in sheets:
        assert (sheet.drive, sheet.magnet) == (drive, magnet)
        assert sheet.flow_min <= sheet.flow_max
        assert pump_sheet(sheet.name) is sheet


@pytest.mark.requirement("PMP-28")
def test_there_are_no_other_models() -> None:
    """All of them belong to a family that is tested."""
    assert len(pump_sheets()) == sum(count for count, *_ in FAMILIES.values())
    with pytest.raises(InputError, match="prometra-ii-40"):
        pump_sheet("prometra-i-40")


@pytest.mark.requirement("PMP-28")
@pytest.mark.parametrize("sheet", pump_sheets().values(), ids=lambda sheet: sheet.name)
def test_every_property_has_its_source(sheet: PumpSheet) -> None:
    """A confidence that is defined, a source, and the value that the program uses is the value that is written."""
    for datum in sheet.data:
        assert datum.confidence in CONFIDENCE
        assert datum.source
        assert sheet.source(datum.name) == f"{sheet.name} data sheet, {datum.name}, confidence {datum.confidence}: {datum.source}"
        value = getattr(sheet, datum.name, None)
        if isinstance(value, str):
            assert value == datum.value
        if isinstance(value, bool):
            assert datum.value == ("yes" if value else "no")
    written = {datum.name for datum in sheet.data}
    assert ({"stall_detection_delay", "stall_recovery_delay"} <= written) == (sheet.drive == "rotor")
    assert ("magnet_flow" in written) == (sheet.magnet in ("opens", "shuts"))
    assert ("magnet_volume" in written) == (sheet.magnet == "shuts")
    assert (sheet.service_life_max is not None) == ("service_life_max" in written)
    assert sheet.battery_life <= sheet.battery_life_idle


@pytest.mark.requirement("PMP-28")
@pytest.mark.parametrize(
    ("family", "change"),
    [
        ("reference", {"flow_max": None}),
        ("reference", {"flow_maximum": "24 mL/day"}),
        ("reference", {"drive": "spring"}),
        ("reference", {"patient_bolus": "perhaps"}),
        ("reference", {"stall_detection_delay": None}),
        ("medstream", {"stall_detection_delay": "20 min"}),
        ("prometra-i", {"magnet_flow": None}),
        ("isomed", {"battery_life": "2410 days"}),
    ],
)
def test_a_sheet_that_cannot_be_right_does_not_load(
    family: str, change: dict[str, str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A property too many or too few, a word that means nothing, a rotor without delays, a valve without a flow."""
    tables = {name: table for name, table in read_data("pumps", family).items() if name not in change}
    tables |= {name: {"value": value, "source": "a test", "confidence": "D"} for name, value in change.items() if value}
    monkeypatch.setattr("thecal.pump.sheet.data_names", lambda _: (family,))
    monkeypatch.setattr("thecal.pump.sheet.read_data", lambda *_: tables)
    with pytest.raises(DataError):
        pump_sheets.__wrapped__()  # past its cache


@pytest.mark.requirement("PMP-28")
def test_what_has_a_source_is_what_the_source_says() -> None:
    """The sourced figures of each family: tubing, threshold, steps, times and tones."""
    synchromed = pump_sheet("synchromed-ii-40")
    assert (synchromed.tubing_volume, synchromed.low_reservoir_threshold, synchromed.flex_steps_max) == (ml(0.14), ml(2), 13)
    assert (synchromed.eri_to_eos, synchromed.service_life_max) == (Duration(90 * DAY_S), Duration(2556 * DAY_S))
    assert (synchromed.alarm_interval_non_critical, synchromed.stopped_alarm_after) == (Duration(HOUR), Duration(48 * HOUR))
    assert (synchromed.tone_critical, synchromed.tone_non_critical) == ("two tones, 3 s", "one tone, 1 s")
    assert (synchromed.emi_during_alarm, synchromed.stops_while_updating) == ("telemetry mode", True)
    assert pump_sheet("prometra-ii-20").magnet_volume == ml(0.01)
    assert (pump_sheet("medstream-20").low_reservoir_threshold, pump_sheet("medstream-20").fill_sensor) == (ml(3), True)


@pytest.mark.requirement("PMP-64")
@pytest.mark.parametrize("name", [name for name in READINGS if pump_sheet(OPEN).datum(name).confidence == "U"])
def test_each_reading_is_a_choice_of_this_run(name: str) -> None:
    """The other reading replaces the value and nothing else, and the sheet says that it was chosen and instead of what."""
    sheet = pump_sheet(OPEN)
    before = sheet.datum(name)
    other = next(reading for reading in READINGS[name] if reading != before.value)
    chosen = with_reading(sheet, name, other)
    assert chosen.datum(name).value == other
    assert chosen.datum(name).confidence == "D"
    assert chosen.datum(name).source == f"chosen for this run instead of {before.value!r}"
    assert [datum for datum in chosen.data if datum.name != name] == [datum for datum in sheet.data if datum.name != name]
    assert with_reading(chosen, name, before.value) != chosen
    assert replace(with_reading(chosen, name, before.value), data=sheet.data) == sheet


@pytest.mark.requirement("PMP-64")
@pytest.mark.parametrize("kind", ["single bolus", "patient bolus", "priming bolus", "bridge bolus"])
def test_both_readings_of_what_follows_a_bolus(kind: str) -> None:
    """The program, or a stop."""
    name = f"after_{kind.replace(' ', '_')}"
    assert after_bolus(read(name, "resumes"), kind).mode == "simple continuous"
    assert after_bolus(read(name, "stopped"), kind).mode == "stopped"


@pytest.mark.requirement("PMP-64")
def test_both_readings_of_a_basal_flow_under_a_bolus() -> None:
    """It continues, a nanolitre a second, or it waits."""
    for reading, basal_nl in (("continues", 600), ("suspended", 0)):
        pump = read("basal_during_bolus", reading)
        assert pump.usable_nl - after_bolus(pump, "single bolus").usable_nl == 100_000 + basal_nl
        assert pump.usable_nl - after_bolus(pump, "patient bolus").usable_nl == PATIENT.volume.nl + basal_nl


@pytest.mark.requirement("PMP-64")
def test_both_readings_of_an_update() -> None:
    """Taken or refused under a bolus; and the pump infuses on, or stops, until it is written."""
    for reading, taken in (("refused", False), ("cancels", True)):
        pump = done(handle(read("update_during_bolus", reading), StartBolus(BOLUSES["single bolus"])))
        outcome = handle(pump, Update(RUNNING))
        assert isinstance(outcome, Answer) if taken else refused(outcome).rule == "PMP-08"
    for reading, flowing in (("yes", 0), ("no", HOUR)):
        updating = done(handle(read("stops_while_updating", reading), BeginUpdate()))
        assert given_nl(updating, HOUR) == flowing
        check_cuts(updating, 3 * DAY_S)


@pytest.mark.requirement("PMP-64")
def test_both_readings_of_interference_and_of_the_safe_state() -> None:
    """Telemetry mode or nothing; the minimum rate or nothing."""
    for reading, mode in (("telemetry mode", "telemetry mode"), ("unaffected", "simple continuous")):
        assert disturbed(read("emi_during_alarm", reading), Interference()).mode == mode
    for reading, flowing in (("minimum rate", 6_000), ("stopped", 0)):
        assert given_nl(disturbed(read("safe_state", reading), LowBattery()), DAY_S) == flowing


@pytest.mark.requirement("PMP-64")
def test_only_what_can_be_read_in_two_ways_is() -> None:
    """Anything else is refused at the door, with what would be accepted: a number, a misspelling, another reading."""
    sheet = pump_sheet(OPEN)
    for name, reading, accepted in (
        ("flow_max", "25 mL/day", tuple(READINGS)),
        ("safe-state", "stopped", tuple(READINGS)),
        ("safe_state", "off", ("minimum rate", "stopped")),
        ("stops_while_updating", "True", ("yes", "no")),
    ):
        with pytest.raises(InputError) as error:
            with_reading(sheet, name, reading)
        assert (error.value.field, error.value.text) == (name, reading if name in READINGS else "")
        assert error.value.accepted == accepted


@pytest.mark.requirement("PMP-64")
@pytest.mark.parametrize(("name", "reading"), [("emi_during_alarm", "unaffected"), ("stops_while_updating", "no")])
def test_what_a_source_decides_is_not_open(name: str, reading: str) -> None:
    """The SynchroMed II has sources for both; the error names value, confidence and source."""
    sheet = pump_sheet("synchromed-ii-40")
    with pytest.raises(InputError, match="is not open") as error:
        with_reading(sheet, name, reading)
    assert sheet.datum(name).source in str(error.value)
    assert error.value.accepted == (sheet.datum(name).value,)


@pytest.mark.requirement("PMP-64")
def test_a_constant_flow_pump_has_nothing_to_read() -> None:
    """No electronics, no reading."""
    for name in READINGS:
        with pytest.raises(InputError) as error:
            with_reading(pump_sheet("isomed-8472-20-10"), name, READINGS[name][0])
        assert error.value.accepted == ()


@pytest.mark.requirement("PMP-64")
def test_readings_do_not_touch_the_sheets_of_others() -> None:
    """A reading is of one run: the package's sheet stays as it is."""
    with_reading(pump_sheet(OPEN), "safe_state", "stopped")
    assert pump_sheet(OPEN).safe_state == "minimum rate"
    assert running_pump(RUNNING, OPEN).now == START
