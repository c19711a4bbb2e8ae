"""A tornado: the widest on top, the numbers of both ends, and no figure of nothing."""

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thecal.report.swing import Swing, widest_first
from thecal.report.tornado import tornado_figure
from thecal.report.words import significant_text

SWINGS = (
    Swing("narrow_days", "days", 3.5, 14, -1.9, -2.0, -2.1),
    Swing("none_ng_per_ml", "ng/mL", 30, 140, -2.0, -2.0, -2.0),
    Swing("wide_per_year", "/year", 0.01, 0.04, -2.5, -2.0, -1.25),
    Swing("one_side", "", 0.7, 1.4, -1.5, -2.0, -1.7),
)


def texts(svg: str) -> list[str]:
    found = ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")  # noqa: S314  # drawn here
    return ["".join(each.itertext()).strip() for each in found]


def test_what_stands_in_it() -> None:
    """Names with range and unit, the endpoint at either end with the value of the parameter there, the typical value."""
    svg = tornado_figure(SWINGS, "A study: an arm", "change of a score, points", "9 patients")
    assert svg == tornado_figure(SWINGS, "A study: an arm", "change of a score, points", "9 patients")
    said = texts(svg)
    for swing in SWINGS:
        assert swing.name in said
        assert swing.range_text in said
        assert f"{significant_text(swing.at_low)} at {significant_text(swing.low)}" in said
        assert f"{significant_text(swing.at_high)} at {significant_text(swing.high)}" in said
    assert {"A study: an arm", "change of a score, points", "the line, -2: all at their typical values; 9 patients"} <= set(said)
    names = [text for text in said if text in {swing.name for swing in SWINGS}]
    assert names == ["wide_per_year", "one_side", "narrow_days", "none_ng_per_ml"]


def test_nothing_is_cut_off() -> None:
    """What is written begins and ends within the figure, however long a title, name or number is."""
    long = Swing("creatinine_clearance_ml_per_min", "mL/min", 5, 250, 123_456, 99_999, -123_456)
    svg = tornado_figure([long], "Long " * 60, "what is counted " * 12, "1 patient")
    width, height = (float(each) for each in re.findall(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg)[0])
    tree = ET.fromstring(svg)  # noqa: S314  # drawn here
    for each in tree.iter("{http://www.w3.org/2000/svg}text"):
        words, style = "".join(each.itertext()), each.get("style", "")
        (size,) = (float(found) for found in re.findall(r"([\d.]+)px", style)[:1])
        x, y = (float(each.get(place, "nan")) for place in "xy")
        if "translate" in each.get("transform", ""):
            x, y = (float(found) for found in re.findall(r"translate\(([-\d.]+) ([-\d.]+)\)", each.get("transform", ""))[0])
        anchor = (re.findall(r"text-anchor: (\w+)", style) or ["start"])[0]
        long_px = 0.6 * size * len(words)
        begins = x - {"start": 0.0, "middle": long_px / 2, "end": long_px}[anchor]
        assert begins > -0.03 * width, words
        assert begins + long_px < 1.03 * width, words
        assert 0 < y < height, words


def test_of_nothing_and_of_what_does_not_move() -> None:
    assert tornado_figure([], "A title", "an axis") == ""
    flat = Swing("still", "", 0, 1, 0, 0, 0)
    assert flat.width == 0
    assert "0 at 1" in texts(tornado_figure([flat], "A title", "an axis"))


@pytest.mark.parametrize(("low", "typical", "high", "width"), [(1, 2, 4, 3), (4, 2, 1, 3), (3, 2, 3, 1), (3, 5, 4, 2)])
def test_width_is_of_all_three(low: float, typical: float, high: float, width: float) -> None:
    assert Swing("x", "", 0, 1, low, typical, high).width == width


@given(st.lists(st.floats(-1e6, 1e6), max_size=8))
def test_the_widest_is_first(values: list[float]) -> None:
    swings = [Swing(f"x{n}", "", 0, 1, value, 0, 0) for n, value in enumerate(values)]
    shown = widest_first(swings)
    assert sorted(shown, key=lambda swing: swing.name) == swings
    assert [swing.width for swing in shown] == sorted((abs(value) for value in values), reverse=True)
