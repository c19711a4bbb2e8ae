"""Both readings of what no source decides, computed on the same short course: 0.25 mL/day, boluses of 0.1 mL over 1 h."""

import pytest

from thecal.pump.readings import COURSE, readings
from thecal.pump.sheet import READINGS, pump_sheet, pump_sheets

BY_HAND: dict[tuple[str, str], tuple[int, str]] = {
    ("basal_during_bolus", "continues"): (250_000 + 100_000, "simple continuous"),
    ("basal_during_bolus", "suspended"): (250_000 * 23 // 24 + 100_000, "simple continuous"),
    ("after_single_bolus", "resumes"): (250_000 + 100_000, "simple continuous"),
    ("after_single_bolus", "stopped"): (250_000 // 24 + 100_000, "stopped"),
    ("after_patient_bolus", "resumes"): (250_000 + 100_000, "simple continuous"),
    ("after_patient_bolus", "stopped"): (250_000 // 24 + 100_000, "stopped"),
    ("after_priming_bolus", "resumes"): (250_000 * 23 // 24 + 100_000, "simple continuous"),
    ("after_priming_bolus", "stopped"): (100_000, "stopped"),
    ("after_bridge_bolus", "resumes"): (250_000 * 4 // 5 + 100_000, "simple continuous"),  # at 0.5 mL/day: 4.8 h
    ("after_bridge_bolus", "stopped"): (100_000, "stopped"),
    ("update_during_bolus", "refused"): (250_000 + 100_000, "simple continuous"),
    ("update_during_bolus", "cancels"): (125_000, "simple continuous"),
    ("stops_while_updating", "yes"): (0, "updating"),
    ("stops_while_updating", "no"): (250_000, "simple continuous"),  # the open update was cleared meanwhile
    ("fill_sensor", "yes"): (250_000, "simple continuous"),
    ("fill_sensor", "no"): (250_000, "simple continuous"),
    ("emi_during_alarm", "telemetry mode"): (0, "telemetry mode"),
    ("emi_during_alarm", "unaffected"): (250_000, "simple continuous"),
    ("safe_state", "minimum rate"): (6_000, "safe state"),
    ("safe_state", "stopped"): (0, "safe state"),
}


@pytest.mark.requirement("PMP-64")
def test_both_readings_by_hand() -> None:
    """Where everything is open: what flows in the 24 h after it happened, the mode then, and the one refusal."""
    computed = list(readings(pump_sheet("prometra-ii-20")))
    assert {(one.name, one.value): (one.delivered.nl, one.mode) for one in computed} == BY_HAND
    assert [(one.value, one.refused.rule) for one in computed if one.refused] == [("refused", "PMP-08")]
    assert COURSE == "simple continuous: 0.25 mL/day all day, every day; boluses of 0.1 mL over 60 min"


@pytest.mark.requirement("PMP-64")
@pytest.mark.parametrize("name", pump_sheets())
def test_what_is_open_is_computed_and_nothing_else(name: str) -> None:
    """Every open property of every model in all its readings, one of them the sheet's own; no sourced one is touched."""
    sheet = pump_sheet(name)
    computed = list(readings(sheet))
    still_open = [one for one in READINGS if sheet.programmable and sheet.datum(one).confidence in "UDI"]
    assert [(one.name, one.value) for one in computed] == [(one, value) for one in still_open for value in READINGS[one]]
    for one in computed:
        assert one.on_sheet == (sheet.datum(one.name).value == one.value)
        assert one.happens
    assert sum(one.on_sheet for one in computed) == len(still_open)
    assert bool(computed) == sheet.programmable
