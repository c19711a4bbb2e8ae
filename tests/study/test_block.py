"""A block of people through every arm: rows that depend on the person and the arm alone, in the promised columns."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.study.clinic_of_one import FIXED, HEAD, UNTREATED, protocol_of, rows_of, world_of
from thecal.study.block import run_block
from thecal.study.rows import COLUMNS, Rows

LABEL = """
[[arm]]
name = "label"
policy = "label"
first_dose = "100 mcg/day"
"""
THEN = """
[[arm]]
name = "then"
policy = "tablets then pump"
screening = true
"""
TABLETS = """
[[arm]]
name = "tablets"
policy = "tablets"
"""
HIGH = world_of(
    catheter_per_year="2 /year", stall_per_year="1 /year", infection="0.3", missed_refill="0.5", scan_per_year="2 /year"
)
MIXED = HEAD.replace("365 days", "120 days") + "[population]\nsheets = { adult-ms = 0.5, adult-sci = 0.5 }\n"
ALL = MIXED + LABEL + HIGH + THEN + TABLETS + UNTREATED
TYPES: dict[str, tuple[type, ...]] = {
    "UBIGINT": (int,),
    "INTEGER": (int,),
    "VARCHAR": (str,),
    "DOUBLE": (float, int),
    "BOOLEAN": (bool,),
}
MAYBE = {
    "tip_level",
    "pump",
    "catheter",
    "walking_percent",
    "ashworth_arms",
    "mcg_per_day",
    "mcg_per_day_first",
    "mcg_per_day_last",
    "since_implant_days",
    *(f"first_{name}_day" for name in ("catheter", "pump", "infection", "withdrawal", "overdose")),
}


def of(rows: Rows, patient: int, arm: str | None = None) -> dict[str, list[dict[str, Any]]]:
    """All rows of one patient by table."""
    only = {"patient": patient} | ({"arm": arm} if arm else {})
    return {table: rows_of(rows, table, **only) for table in rows.tables}


@pytest.fixture(scope="module")
def everybody() -> Rows:
    return run_block(protocol_of(ALL), range(10))


def test_the_columns_are_the_promised_ones(everybody: Rows) -> None:
    """Names in order, equal lengths, the promised types, and nothing missing or no number but where the table says so."""
    assert {name: list(table) for name, table in everybody.tables.items()} == {
        name: list(table) for name, table in COLUMNS.items()
    }
    for table, columns in COLUMNS.items():
        lengths = {len(values) for values in everybody.tables[table].values()}
        assert len(lengths) == 1
        for name, kind in columns.items():
            for value in everybody.tables[table][name]:
                if value is None:
                    assert name in MAYBE, (table, name)
                    continue
                assert isinstance(value, TYPES[kind]), (table, name, value)
                assert kind == "BOOLEAN" or not isinstance(value, bool), (table, name, value)
                assert not (isinstance(value, float) and math.isnan(value)), (table, name)


def test_there_is_a_row_for_each_patient_and_arm_and_visit(everybody: Rows) -> None:
    """Nobody fails, and the visits are those of the protocol with the first on day 0."""
    protocol = protocol_of(ALL)
    assert everybody.failures == ()
    for arm in protocol.arms:
        assert [row["patient"] for row in rows_of(everybody, "patients", arm=arm.name)] == list(range(10))
        for patient in range(10):
            days = [row["day"] for row in rows_of(everybody, "visits", arm=arm.name, patient=patient)]
            assert days == [0, *protocol.visit_days]


def test_what_a_row_says_hangs_together(everybody: Rows) -> None:
    """Changes, responders, times and doses agree with each other and with the visits."""
    for row in rows_of(everybody, "patients"):
        visits = rows_of(everybody, "visits", patient=row["patient"], arm=row["arm"])
        said = (row["patient"], row["arm"])
        assert row["ashworth_before"] == visits[0]["ashworth_legs"], said
        assert row["ashworth_after"] == visits[-1]["ashworth_legs"], said
        assert row["ashworth_change"] == row["ashworth_after"] - row["ashworth_before"], said
        assert row["responder"] == (row["ashworth_change"] <= -1), said
        assert row["mcg_per_day_last"] == visits[-1]["mcg_per_day"], said
        assert 0 <= row["target_tone_percent"] <= 100, said
        assert 0 <= row["pump_days"] <= row["follow_up_days"] == 120, said
        assert row["unnoticed_hours"] <= row["underdosed_hours"] <= 24 * row["pump_days"] + 1e-9, said
        assert (row["pump"] is None) == (not row["implanted"]), said
        assert row["drug_wasted_mg"] <= row["drug_filled_mg"], said
        assert (row["withdrawal_episodes"] > 0) == (row["first_withdrawal_day"] is not None), said
        assert (row["infections"] > 0) == (row["first_infection_day"] is not None), said
        for name in ("catheter", "pump", "infection", "withdrawal", "overdose"):
            day = row[f"first_{name}_day"]
            assert day is None or 0 <= day <= 120, (said, name)
        assert 1 <= row["ashworth_after"] <= 5, said
        assert 0 <= row["spasm_after"] <= 4, said


@settings(max_examples=6)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=5, unique=True))
def test_rows_do_not_depend_on_who_else_is_in_the_block(everybody: Rows, numbers: list[int]) -> None:
    """To the last bit, in any order, alone or with others."""
    some = run_block(protocol_of(ALL), numbers)
    for number in numbers:
        assert of(some, number) == of(everybody, number)


def test_the_order_of_the_arms_changes_none(everybody: Rows) -> None:
    """An arm has the same rows first, last, or alone."""
    other = run_block(protocol_of(MIXED + UNTREATED + TABLETS + LABEL + HIGH), range(3))
    for number in range(3):
        for arm in ("label", "tablets", "nothing"):
            assert of(other, number, arm) == of(everybody, number, arm)


BREAKS = """
from thecal.study.history import Decision
from thecal.study.policy import Label

def breaks(history):
    if history.person.number == 3 and history.day >= 30:
        raise KeyError("the day that nobody thought of")
    return Label()(history)
"""


def test_a_policy_that_raises_for_one_fails_one() -> None:
    """The patient is named with the arm and the error, all others go on as without it, also the patient in other arms."""
    text = MIXED + '[[arm]]\nname = "own"\npolicy = "own.py:breaks"\nfirst_dose = "100 mcg/day"\n' + UNTREATED
    broken, whole = protocol_of(text, {"own.py": BREAKS}), protocol_of(text, {"own.py": BREAKS.replace("== 3", "== -3")})
    found, expected = run_block(broken, range(6)), run_block(whole, range(6))
    assert [(failure.patient, failure.arm) for failure in found.failures] == [(3, "own")]
    assert "KeyError" in found.failures[0].error
    assert "the day that nobody thought of" in found.failures[0].error
    assert of(found, 3, "own") == {table: [] for table in COLUMNS}
    for number in (0, 1, 2, 4, 5):
        assert of(found, number) == of(expected, number)
    assert of(found, 3, "nothing") == of(expected, 3, "nothing")


@pytest.mark.parametrize("returned", ["12.5", '"more"', "[1, 2]", "{}", "True"])
def test_a_policy_that_returns_what_is_no_decision_fails(returned: str) -> None:
    """What is neither a decision nor an order is not passed over: each patient fails and the error says what came."""
    text = MIXED + '[[arm]]\nname = "own"\npolicy = "own.py:odd"\nfirst_dose = "100 mcg/day"\n'
    rows = run_block(protocol_of(text, {"own.py": f"def odd(history):\n    return {returned}\n"}), range(2))
    assert [failure.patient for failure in rows.failures] == [0, 1]


def test_tablets_of_before_are_felt_at_the_first_visit() -> None:
    """Who comes with tablets is seen on them: the score before is lower than without, and as it stays while nothing changes."""
    head = MIXED + '[population.settings]\ntablets_share = "1"\n'
    rows = run_block(protocol_of(head + UNTREATED + "tablets_before = true\n" + UNTREATED.replace("nothing", "none")), range(4))
    for number in range(4):
        (on,), (off,) = (
            rows_of(rows, "patients", patient=number, arm="nothing"),
            rows_of(rows, "patients", patient=number, arm="none"),
        )
        assert on["ashworth_before"] < off["ashworth_before"]
        assert on["ashworth_change"] == pytest.approx(0, abs=1e-6)


def test_who_gets_no_pump_keeps_the_tablets() -> None:
    """Who did not respond to screening stays on the largest dose by mouth: it is not taken away for a pump that never comes."""
    protocol = protocol_of(HEAD + THEN)
    rows = run_block(protocol, range(12))
    without = [row["patient"] for row in rows_of(rows, "patients") if not row["responded"]]
    assert without
    for number in without:
        doses = [row["tablets_mg_per_day"] for row in rows_of(rows, "visits", patient=number)]
        assert doses == sorted(doses), number
        assert rows_of(rows, "patients", patient=number)[0]["implanted"] is False


def test_a_visit_that_decides_nothing_changes_no_body() -> None:
    """What is left of a test bolus is felt after a visit as before it."""
    text = HEAD.replace('follow_up = "365 days"', 'follow_up = "2 days"\nlook = "1 h"\ncourse = "48 h"') + UNTREATED
    text += 'test_bolus = "100 mcg"\n'
    often = protocol_of(text.replace("seed = 3", 'seed = 3\nvisits = ["1 day"]'))
    seldom = protocol_of(text.replace("seed = 3", 'seed = 3\nvisits = ["2 days"]'))
    one, other = rows_of(run_block(often, range(6)), "course"), rows_of(run_block(seldom, range(6)), "course")
    assert [row["hour"] for row in one] == [row["hour"] for row in other]
    for a, b in zip(one, other, strict=True):
        assert a["ashworth_legs"] == pytest.approx(b["ashworth_legs"], abs=1e-6), (a["patient"], a["hour"])


def test_visits_that_decide_nothing_change_no_dose() -> None:
    """With a fixed dose, more visits change neither the score at the end nor what was given."""
    head = HEAD.replace("365 days", "120 days")
    often, seldom = (
        protocol_of(head + f'visits = ["{day} days"]\n' + FIXED + world_of(stall_per_year="2 /year")) for day in (37, 120)
    )
    one, other = rows_of(run_block(often, range(4)), "patients"), rows_of(run_block(seldom, range(4)), "patients")
    for a, b in zip(one, other, strict=True):
        for name in (
            "ashworth_after",
            "target_tone_percent",
            "underdosed_hours",
            "unnoticed_hours",
            "drug_filled_mg",
            "pump_days",
        ):
            assert a[name] == pytest.approx(b[name], abs=1e-6), (name, a["patient"])


def test_a_pump_that_delivers_no_less_than_ordered_is_never_under_dosed() -> None:
    """Boluses and night rates give their dose over the day: that is no under-dose, whatever flows at an hour."""
    quiet = world_of(catheter_per_year="0 /year", stall_per_year="0 /year", infection="0", flow_spread="0 %")
    for policy in ("periodic bolus", "flex night", "fixed"):
        arm = FIXED.replace('policy = "fixed"', f'policy = "{policy}"') + quiet
        for row in rows_of(run_block(protocol_of(HEAD.replace("365 days", "60 days") + arm), range(2)), "patients"):
            assert row["underdosed_hours"] < 24, policy


def test_the_arms_are_looked_at_where_the_protocol_asks() -> None:
    """Scores of the upper limbs at every visit, and else none; nothing else changes by looking."""
    without, with_them = (run_block(protocol_of(text), range(3)) for text in (HEAD + LABEL, f"upper_limbs = true\n{HEAD}{LABEL}"))
    assert set(without.tables["visits"].pop("ashworth_arms")) == {None}
    arms = with_them.tables["visits"].pop("ashworth_arms")
    assert all(1 <= score <= 5 for score in arms)
    assert without.tables == with_them.tables
