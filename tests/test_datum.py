"""Data: every value with its source and how sure we are."""

import re

import pytest

from thecal.catheter.dispersion import diffusion
from thecal.catheter.geometry import CatheterSheet, catheter_sheet, catheter_sheets
from thecal.datum import CONFIDENCE, DataError, read_datum
from thecal.errors import InputError
from thecal.pump.sheet import READINGS, PumpSheet, pump_sheet, pump_sheets
from thecal.therapy.refill import refill_rules

UNITLESS = {*READINGS, "flex_steps_max", "discrepancy_red", "event_log_max", "patient_bolus", "drive", "magnet", "fill_sensor"}
UNITLESS |= {"tone_critical", "tone_non_critical"}


@pytest.mark.requirement("PMP-28")
def test_every_value_has_unit_source_and_confidence() -> None:
    """No number stands alone, in any sheet or rule."""
    sheets: list[PumpSheet | CatheterSheet] = [*pump_sheets().values(), *catheter_sheets().values()]
    data = [datum for sheet in sheets for datum in sheet.data] + list(refill_rules().values()) + [diffusion()]
    assert len(data) > 60
    for datum in data:
        assert datum.source.strip()
        assert datum.confidence in CONFIDENCE
        assert datum.name in UNITLESS or re.fullmatch(r"[0-9.,]+ [a-zA-Z%/2]+", datum.value), datum


def test_a_number_without_source_is_marked() -> None:
    """What says that it has no source is marked U; nothing else claims less than it has."""
    for sheet in pump_sheets().values():
        for datum in sheet.data:
            assert ("no source found" in datum.source) <= (datum.confidence == "U"), datum


@pytest.mark.parametrize(
    "table", [{}, {"value": "1 mL", "source": "x"}, {"value": "1 mL", "source": "x", "confidence": "Z"}, "1 mL"]
)
def test_a_datum_that_is_not_whole_is_a_defect(table: object) -> None:
    """A data file that leaves something out does not load."""
    with pytest.raises(DataError):
        read_datum("x", table, "test")


def test_an_unknown_pump_names_the_nearest() -> None:
    """A misspelled model is answered with the one that was meant."""
    with pytest.raises(InputError, match="synchromed-ii-40"):
        pump_sheet("synchromed-2-40")
    with pytest.raises(InputError, match="indura-8709sc"):
        catheter_sheet("indura-8709")
