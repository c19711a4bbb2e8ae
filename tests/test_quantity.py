"""Quantities: read with their unit, exact inside, printed by medication-safety habit."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thecal.errors import InputError
from thecal.quantity import (
    Amount,
    Concentration,
    DailyDose,
    FlowRate,
    Gain,
    Length,
    OralDose,
    Quantity,
    Volume,
    VolumePerLength,
    nearest,
)
from thecal.timeline import Duration
from thecal.unit import decimal_text

KINDS: list[type[Quantity]] = [
    Amount,
    Concentration,
    DailyDose,
    Duration,
    FlowRate,
    Length,
    OralDose,
    Volume,
    VolumePerLength,
]


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (Volume, "40 mL", Volume(40_000_000)),
        (Volume, "0.000001 mL", Volume(1)),
        (Volume, "250 µL", Volume(250_000)),
        (Volume, "250 μL", Volume(250_000)),
        (Volume, " 7nL ", Volume(7)),
        (FlowRate, "0.250 mL/day", FlowRate(250_000)),
        (FlowRate, "0.002 mL/h", FlowRate(48_000)),
        (Concentration, "2,000 mcg/mL", Concentration(2000)),
        (Concentration, "500 µg / mL", Concentration(500)),
        (Amount, "50 mcg", Amount(50_000_000)),
        (Amount, "3 pg", Amount(3)),
        (DailyDose, "137.5 mcg/day", DailyDose(137_500_000)),
        (DailyDose, "6 mcg/h", DailyDose(144_000_000)),
        (OralDose, "2.5 mg", OralDose(2500)),
        (Length, "89 cm", Length(890)),
        (Length, "5 mm", Length(5)),
        (VolumePerLength, "0.00221 mL/cm", VolumePerLength(2210)),
        (Duration, "10 min", Duration(600)),
        (Duration, "180 days", Duration(15_552_000)),
        (Duration, "1 day", Duration(86_400)),
        (Duration, "2 weeks", Duration(1_209_600)),
    ],
)
def test_it_reads_a_number_with_its_unit(kind: type[Quantity], text: Any, expected: Any) -> None:
    """Every accepted unit lands on the exact integer."""
    assert kind.parse(text) == expected


@pytest.mark.requirement("QTY-01")
@pytest.mark.parametrize(
    ("kind", "text", "nearest_value"),
    [
        (DailyDose, "125", '"125 mcg/day"'),
        (DailyDose, 125, '"125 mcg/day"'),
        (DailyDose, "60 mcg/dya", '"60 mcg/day"'),
        (Volume, "40 ml", '"40 mL"'),
        (Volume, "0,5 mL", '"0.5 mL"'),
        (Volume, ".5 mL", '"0.5 mL"'),
        (Volume, "5. mL", '"5 mL"'),
        (Volume, "-5 mL", '"5 mL"'),
        (Volume, "+5 mL", '"5 mL"'),
        (OralDose, "0.01 g", '"10 mg"'),
        (Concentration, "2 mg/mL", '"2,000 mcg/mL"'),
        (Duration, "6 months", '"180 days"'),
        (Duration, "8 hr", '"8 h"'),
        (Duration, "8 Min", '"8 min"'),
        (DailyDose, "60 mcg/d", '"60 mcg/day"'),
        (DailyDose, "60 ug/day", '"60 mcg/day"'),
        (Volume, "1 cc", '"1 mL"'),
        (Length, "0.89 m", '"89 cm"'),
    ],
)
def test_what_cannot_be_read_names_the_nearest_meant_value(kind: type[Quantity], text: Any, nearest_value: str) -> None:
    """The error says field, text, accepted units and what was probably meant; what it names can be read."""
    with pytest.raises(InputError) as caught:
        kind.parse(text, "dose")
    error = caught.value
    assert error.field == "dose"
    assert str(text) in str(error)
    assert error.accepted == tuple(kind.UNITS.accepted)
    assert error.nearest == nearest_value
    kind.parse(nearest_value.strip('"'))


@pytest.mark.requirement("QTY-02")
@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (DailyDose, "0.1 mg/day", '"100 mcg/day"'),
        (Amount, "0.05 mg", '"50 mcg"'),
        (Amount, "2 mg", '"2,000 mcg"'),
        (Amount, "20 mg", '"20 mcg"'),
        (DailyDose, "350 mg/day", '"350 mcg/day"'),
        (Concentration, "2 mg/ml", '"2,000 mcg/mL"'),
        (Concentration, "500 mg/mL", '"500 mcg/mL"'),
    ],
)
def test_an_intrathecal_mg_is_refused_with_the_mcg_named(kind: type[Quantity], text: Any, said: str) -> None:
    """Milligrams are converted for the reader, never silently; an impossible conversion names the number in mcg instead."""
    with pytest.raises(InputError, match="mcg") as caught:
        kind.parse(text)
    assert caught.value.nearest == said


@pytest.mark.requirement("QTY-03")
@pytest.mark.parametrize(
    "text",
    [
        "0 mL",
        "0.0000001 mL",
        "1e3 mL",
        "1E30 mL",
        "1" + "0" * 30 + " mL",
        "1" * 5000 + " mL",
        "10001 mL",
        "NaN mL",
        "inf mL",
        "mL",
        "",
        "1,00 mL",
        "1,0000 mL",
        "0,500 mL",
        "1 000 mL",
        "\u0661 mL",  # an Arabic-Indic one
        "1.2.3 mL",
        "--1 mL",
        "1 mL/day",
        None,
        True,
        [],
        {},
        float("nan"),
        10**30,
    ],
)
def test_no_volume_is_guessed(text: Any) -> None:
    """What is not exactly a volume is an error with the accepted units; nothing is rounded or clamped."""
    with pytest.raises(InputError) as caught:
        Volume.parse(text, "fill")
    assert "mL" in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.requirement("QTY-02")
@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (DailyDose, "350 mcg"),
        (DailyDose, "350 mL/day"),
        (Amount, "7 mcg/h"),
        (Amount, "7 mcg/day"),
        (FlowRate, "350 mcg/day"),
        (FlowRate, "1 mL"),
        (Volume, "1 mL/day"),
        (Duration, "5 m"),
        (Concentration, "500 mcg"),
        (OralDose, "5 mL"),
    ],
)
def test_no_suggestion_ever_changes_the_quantity(kind: type[Quantity], text: str) -> None:
    """A dose without its day is not offered as a dose an hour: the reader decides, not a likeness of letters."""
    with pytest.raises(InputError) as caught:
        kind.parse(text)
    assert caught.value.nearest is None


def test_zero_only_where_it_means_something() -> None:
    """A residual may be nothing; a fill may not."""
    assert Volume.parse("0 mL", zero=True) == Volume(0)
    with pytest.raises(InputError, match="more than zero"):
        Volume.parse("0 mL")


@pytest.mark.requirement("QTY-04")
@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (DailyDose(500_000), "0.5 mcg/day"),
        (DailyDose(5_000_000), "5 mcg/day"),
        (DailyDose(1_000_000_000), "1,000 mcg/day"),
        (Concentration(2000), "2,000 mcg/mL"),
        (Volume(1), "0.000001 mL"),
        (Volume(-500_000), "-0.5 mL"),
        (Amount(12_345_678_901), "12,345.678901 mcg"),
        (FlowRate(250_000), "0.25 mL/day"),
        (OralDose(2500), "2.5 mg"),
        (Length(890), "89 cm"),
        (Gain(1_025_000), "+2.5 %"),
        (Gain(970_000), "-3 %"),
        (Gain(1_000_000), "0 %"),
        (Duration(600), "10 min"),
        (Duration(86_400), "24 h"),
        (Duration(15_552_000), "180 days"),
        (Duration(45), "45 s"),
    ],
)
def test_it_prints_as_medication_safety_asks(quantity: Quantity, text: Any) -> None:
    """mcg, a leading zero, no trailing zero, a comma from 1,000, and always the unit."""
    assert str(quantity) == text


@pytest.mark.requirement("QTY-05")
@given(st.sampled_from(KINDS), st.integers(1, 10**7))
def test_what_is_printed_can_be_read_back(kind: type[Quantity], count: int) -> None:
    """Printing loses nothing."""
    quantity = kind(count)  # type: ignore[call-arg]  # each quantity is a dataclass of one integer
    if count <= kind.UNITS.base_max:
        assert kind.parse(str(quantity)) == quantity


def test_gain_needs_its_sign() -> None:
    """103 % is never taken for +103 %."""
    assert Gain.parse("+2.5 %") == Gain(1_025_000)
    assert Gain.parse("-3 %") == Gain.parse("\u22123 %") == Gain(970_000)
    for text in ("103 %", "3 %", "-100 %", "-150 %"):
        with pytest.raises(InputError):
            Gain.parse(text)


def test_products_are_exact() -> None:
    """A volume at a concentration is an amount, a flow a daily dose."""
    assert Volume(3).of(Concentration(605)) == Amount(1815)
    assert FlowRate(68_750).of(Concentration(2000)) == DailyDose(137_500_000)
    assert VolumePerLength(2210).times(Length(890)) == Volume(196_690)


@given(st.integers(0, 10**12), st.integers(1, 10**9))
def test_nearest_is_nearest_with_ties_down(count: int, step: int) -> None:
    """No other whole number is nearer, and a tie goes to the smaller."""
    number = nearest(count, step)
    assert 2 * abs(number * step - count) <= step
    assert 2 * (count - number * step) != -step  # the larger neighbor of a tie


@given(st.integers(-(10**15), 10**15))
def test_decimal_text_is_exact_in_millionths(count: int) -> None:
    """Where the divisor is a power of ten within the places, text and number are the same."""
    from decimal import Decimal

    assert Decimal(decimal_text(count, 10**6).replace(",", "")) == Decimal(count) / 10**6


def test_nobody_guesses_the_unit_of_a_duration() -> None:
    """Hours that were typed as minutes have killed: a number without its unit is offered none."""
    for text in ("10", 10):
        with pytest.raises(InputError) as caught:
            Duration.parse(text, "over")
        assert (caught.value.nearest, caught.value.accepted) == (None, ("days", "h", "min", "s", "weeks"))
