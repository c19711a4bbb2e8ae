"""Settings of studies: numbers with a unit, a source and a confidence, each replaceable by name."""

import pytest

from thecal.errors import InputError
from thecal.study.setting import Settings, study_data, study_settings

SHARES = (
    *("catheter_occlusion", "catheter_break", "kink_open", "infection", "missed_refill", "programming_error"),
    *("second_person_finds", "scan_recovery", "alarm_heard", "restart_part", "underdose_part"),
)


@pytest.mark.parametrize("topic", ["world", "people"])
def test_every_setting_has_a_source_and_a_confidence(topic: str) -> None:
    """And is a number in the unit that stands in the file."""
    for name, datum in study_data(topic).items():
        assert datum.source, name
        assert str(datum.confidence)[-1] in "QSDRU", name
        assert study_settings(topic)[name] >= 0, name


@pytest.mark.parametrize("topic", ["world", "people"])
def test_every_setting_may_be_replaced_by_its_own_text(topic: str) -> None:
    """What is written in the file can be written in a protocol, and is then marked as the protocol's own."""
    usual = study_settings(topic)
    for name, datum in study_data(topic).items():
        own = usual.with_own({name: datum.value})
        assert own.values == usual.values
        assert own.own == {name: datum.value}
    assert usual.own == {}


def test_replacing_one_leaves_the_others_and_the_usual() -> None:
    """Later ones win; the settings of before are as they were."""
    usual = study_settings("world")
    own = usual.with_own({"infection": "0.1"}).with_own({"infection": "0.2", "cover": "10 mg"})
    assert (own["infection"], own["cover"], own["surgery_days"]) == (0.2, 10, 3)
    assert own.own == {"infection": "0.2", "cover": "10 mg"}
    assert usual["infection"] == float(study_data("world")["infection"].value)
    assert isinstance(own, Settings)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("infection", "often"),
        ("infection", ""),
        ("infection", "-0.1"),
        ("infection", "1e3"),
        ("infection", "nan"),
        ("infection", "inf"),
        ("infection", "0.1 /year"),
        ("infection", " 0.1"),
        ("infection", ".1"),
        ("catheter_per_year", "0.1"),
        ("catheter_per_year", "0.1 /month"),
        ("surgery_days", "3 h"),
        ("cover", "15 mcg"),
    ],
)
def test_text_that_is_no_such_number_is_refused(name: str, text: str) -> None:
    """With the source of the usual one and how it is written."""
    with pytest.raises(InputError) as raised:
        study_settings("world").with_own({name: text})
    assert study_data("world")[name].value in raised.value.sentence()
    assert name in raised.value.sentence()


def test_a_number_without_quotes_is_one_where_there_is_no_unit() -> None:
    """A part of a whole may stand as it is; what has a unit needs it."""
    assert study_settings("world").with_own({"missed_refill": 0.05})["missed_refill"] == 0.05
    with pytest.raises(InputError, match="with its unit"):
        study_settings("world").with_own({"surgery_days": 3})


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    """And with all there are."""
    with pytest.raises(InputError) as raised:
        study_settings("world").with_own({"infektion": "0.1"})
    assert raised.value.nearest == "'infection'"
    assert "surgery_days" in raised.value.accepted


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("alarm_told_days", "2 days", 2),
        ("fault_found_days", "1 day", 1),
        ("surgery_days", "1 day", 1),
        ("infection_days", "1 day", 1),
    ],
)
def test_one_day_and_two_days_are_both_read(name: str, text: str, value: float) -> None:
    """English has a singular and a plural; neither is another unit."""
    assert study_settings("world").with_own({name: text})[name] == value


def test_a_pump_may_deliver_less_than_its_program() -> None:
    """A mean error of flow has two directions."""
    assert study_settings("world").with_own({"flow_bias": "-3 %"})["flow_bias"] == -3


@pytest.mark.parametrize("name", SHARES)
def test_a_part_of_the_whole_is_not_above_one(name: str) -> None:
    """A chance or share of 5 is a slip of the pen, most likely of percent."""
    with pytest.raises(InputError):
        study_settings("world").with_own({name: "5"})


@pytest.mark.parametrize("name", ["programming_error_factor", "restart_part"])
def test_a_factor_of_nothing_is_refused(name: str) -> None:
    """From nothing no dose comes back."""
    with pytest.raises(InputError):
        study_settings("world").with_own({name: "0"})
