"""Endpoints: each stands on columns of the patients' table."""

import pytest

from thecal.errors import InputError
from thecal.study.endpoint import ENDPOINTS, endpoint
from thecal.study.rows import BOOLEAN, COLUMNS, DOUBLE, INTEGER

PATIENTS = COLUMNS["patients"]


@pytest.mark.parametrize("name", ENDPOINTS)
def test_an_endpoint_is_of_columns_that_there_are(name: str) -> None:
    """Of the type that its kind needs, with an exposure in days where it is a rate."""
    one = endpoint(name)
    assert one.name == name
    assert one.title
    assert one.unit
    assert (
        PATIENTS[one.column] in {"share": (BOOLEAN,), "mean": (DOUBLE,), "rate": (INTEGER, DOUBLE), "time": (DOUBLE,)}[one.kind]
    )
    assert (one.per != "") == (one.kind == "rate")
    if one.kind == "rate":
        assert PATIENTS[one.per] == DOUBLE
        assert one.scale in (1, 100)
        assert one.pump
    if one.kind == "time":
        assert one.column.startswith("first_")
        assert one.column.endswith("_day")


def test_an_unknown_endpoint_is_told_with_the_nearest() -> None:
    """And with all there are."""
    with pytest.raises(InputError) as raised:
        endpoint("respnders")
    assert raised.value.nearest == "'responders'"
    assert set(raised.value.accepted) == set(ENDPOINTS)


def test_what_needs_a_pump_says_so() -> None:
    """Doses, rates per pump-year and times from an implant; scores do not."""
    needing = {name for name, one in ENDPOINTS.items() if one.pump}
    assert {"dose", "revisions", "pump_survival", "unnoticed_hours"} <= needing
    assert not {"ashworth_change", "responders", "target_tone", "spasm_change", "tablets", "walking"} & needing
