"""A study's figures, page and text: what they show is what was worked out, and nothing is hidden."""

import re
from dataclasses import replace
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.study.made_up import ARMS, ENDPOINTS, MadeUpArm, MadeUpProtocol, made_up, summary_of
from thecal.report import study_figures
from thecal.report.document import json_text
from thecal.report.study_figures import (
    COLORS,
    MARKERS,
    STYLES,
    bands_figure,
    forest_figure,
    incidence_figure,
    spread_figure,
    survival_figure,
)
from thecal.report.study_lines import estimate_text, p_text, study_document, study_lines
from thecal.report.study_page import study_page
from thecal.report.study_summary import Estimate, Summary
from thecal.report.tables import WIDTH
from thecal.report.validation import Published
from thecal.report.words import BANNER

PUBLISHED = (
    Published("T1", "dose at 12 months", 300, "300", "mcg/day", 340, 200, 400, "consistency", "A paper", "arm label"),
    Published("T2", "catheter events", 10, "10", "per 100 pump-years", 25, 5, 15, "with studies", "Another", "arm label"),
    Published("T3", "not asked", 1, "1", "", None, 0, 2, "with studies", "A third", "-"),
)
FAILURES = ({"patient": 200, "arm": "slow", "error": "ValueError: 1 < 2"}, {"patient": 201, "arm": "", "error": "died"})
VERSIONS = {"thecal": "0.1.0", "numpy": "2.4.6", "numba": None}


@pytest.fixture(scope="module")
def summary() -> Summary:
    protocol = MadeUpProtocol(patients=202, limits=("Whether a <person> came.",))
    return summary_of(made_up(), protocol, failures=FAILURES, versions=VERSIONS, published=PUBLISHED)


@pytest.fixture(scope="module")
def page(summary: Summary) -> str:
    return study_page(summary)


def figures(summary: Summary) -> dict[str, str]:
    return {
        "forest": forest_figure(summary),
        "survival": survival_figure(summary, "catheter_free"),
        "incidence": incidence_figure(summary),
        "dose": bands_figure(summary, "dose"),
        "ashworth": bands_figure(summary, "Ashworth of the legs"),
        "spread": spread_figure(summary),
    }


def words(svg: str) -> str:
    """All text of a figure, lines joined."""
    texts = ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")  # noqa: S314  # drawn here
    return " ".join("".join(each.itertext()).strip() for each in texts)


def empty(summary: Summary) -> Summary:
    return replace(summary, differences=(), curves=(), first_events=(), bands=(), spreads=())


def test_figures_are_the_same_each_time_and_name_their_arms(summary: Summary) -> None:
    """As text, with no date in it; each arm that is in a figure is named in it, and so is the unit."""
    once, again = figures(summary), figures(summary)
    assert once == again
    for name, svg in once.items():
        said = words(svg)
        assert "Slow titration" in said, name
        assert ("Tablets" in said) == (name not in ("incidence", "dose", "survival")), name
    assert "mcg/day" in words(once["dose"])
    assert "percentage points" in words(once["forest"])
    assert all(each in words(once["incidence"]) for each in ("catheter", "pump", "infection", "% of the implanted"))
    assert all(each in words(once["ashworth"]) for each in ("median", "5 %", "95 %"))


def test_a_figure_says_the_numbers_of_the_summary(summary: Summary) -> None:
    """Differences beside their lines, and how many are at risk."""
    said = words(forest_figure(summary))
    for difference in summary.differences:
        text = estimate_text(difference.estimate, sign=True) if difference.estimate.value is not None else "not defined"
        assert text.replace("-", "\N{MINUS SIGN}") in said or text in said
    risk = words(survival_figure(summary, "catheter_free"))
    for curve in summary.curves:
        assert all(f"{count:,}" in risk for count in curve.survival.at_risk_on([0, 60, 120]))


def test_an_arm_is_told_by_more_than_its_color() -> None:
    assert len(set(COLORS)) == len(set(map(str, STYLES))) == len(set(MARKERS)) == 8


def test_there_is_no_empty_figure(summary: Summary) -> None:
    """Nothing is drawn, and no heading stands, where there is nothing to show."""
    bare = empty(summary)
    assert set(figures(bare).values()) == {""}
    assert "<svg" not in study_page(bare)
    assert "over time" not in study_page(bare)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8))
def test_labels_stand_apart_in_their_order(values: list[float]) -> None:
    """None below the axis, all a line apart, and where there is room where they belong."""
    placed = study_figures._apart(values, 7, 0)
    ordered = [placed[n] for n in np.argsort(values, kind="stable")]
    assert all(after - before >= 7 - 1e-6 for before, after in pairwise(ordered))
    assert min(placed) >= 0
    if len(values) == 1:
        assert placed == values


def test_many_arms_over_many_years() -> None:
    """Nine arms and ten years: colors come again, names do not run over, and the axis is in years."""
    arms = tuple(MadeUpArm(f"arm{n}", f"Arm {n}, of which there is a lot to say that does not fit", "pump") for n in range(9))
    protocol = MadeUpProtocol(patients=12, arms=arms, reference="arm0", follow_up_days=3650, interim_days=())
    many = summary_of(made_up(12, arms=arms), protocol)
    said = {name: words(svg) for name, svg in figures(many).items()}
    assert all("years" in said[name] for name in ("survival", "incidence", "dose", "ashworth"))
    assert "..." in said["survival"]


def test_the_page_loads_nothing_and_every_figure_has_its_table(page: str) -> None:
    outside = re.sub(r"http://(www\.w3\.org|purl\.org|creativecommons\.org)[^\"<]*", "", page)
    assert "http" not in outside
    assert not re.search(r"<script|<link|src=|@import", page)
    parts = page.split("<h2>")
    drawn = [part for part in parts if "<figure>" in part]
    assert len(drawn) == 6
    assert all("<table>" in part.partition("<figure>")[2] for part in drawn)


def test_the_page_says_what_it_is_of(page: str) -> None:
    """Protocol, hash, seed, patients and versions first; then the primary endpoint."""
    head = page.partition("<h2>")[0]
    for text in ("5f" * 32, "seed 7", "202 patients", "thecal 0.1.0, numpy 2.4.6.", BANNER):
        assert text in head
    titles = re.findall("<h2>(.*?)</h2>", page)
    assert titles == [
        "Primary endpoint: change of the Ashworth score of the legs",
        "Patients",
        "Endpoints",
        "Differences between arms",
        "Patient by patient",
        "Time to the first catheter event",
        "What goes wrong first",
        "Dose over time",
        "Ashworth of the legs over time",
        "Published numbers and the model",
        "Looks before the end",
        "What the model cannot know",
        "How it was worked out",
        "Sources",
        "Failures",
        "How to do it once more",
    ]


def test_nothing_is_hidden(page: str, summary: Summary) -> None:
    """A miss of a published number, failures with what shows each again, missing patients; and text is no markup."""
    assert '<span class="critical">FAILS</span>' in page
    assert "1 of 2 are within what is accepted." in page
    assert "thecal study run protocols/label-or-slow.toml --patient 200 --arm slow" in page
    assert "ValueError: 1 &lt; 2" in page
    assert "Whether a &lt;person&gt; came." in page
    assert "patients of arms are in no value" in page
    text = "\n".join(line.text for line in study_lines(summary))
    for said in ("FAILS", "Failed: 2", "--patient 201", "Whether a <person> came.", BANNER, "not asked"):
        assert said in text


def test_the_text_fits_a_terminal_and_says_three_digits(summary: Summary) -> None:
    lines = [line.text for line in study_lines(summary)]
    assert not [line for line in lines if len(line) > WIDTH]
    assert not [line for line in lines if line != line.rstrip()]
    rows = [line for line in lines if " to " in line and "(" in line]
    figures = [each for line in rows for each in re.findall(r"\d[\d,.]*\d", line)]
    digits = [re.sub(r"^0+", "", each.replace(",", "").replace(".", "")) for each in figures]
    assert len(rows) > 15
    assert all(len(each.rstrip("0")) <= 3 for each in digits)


def test_the_document_has_the_numbers_as_they_are(summary: Summary) -> None:
    """As JSON, whole: values, differences and looks unrounded, null where there is none."""
    document: dict[str, Any] = study_document(summary)
    text = json_text(document)
    assert "NaN" not in text
    assert "Infinity" not in text
    assert document["protocol"]["hash"] == "5f" * 32
    assert document["protocol"]["versions"] == {"thecal": "0.1.0", "numpy": "2.4.6"}
    assert [each["estimate"]["value"] for each in document["values"]] == [each.estimate.value for each in summary.values]
    assert [each["ok"] for each in document["published"]] == [True, False, None]
    assert document["survival"][0]["survival"][0] == 1
    assert set(document["first_events"][0]) == {"arm", "patients", "days", "none", "catheter", "pump", "infection"}
    assert set(document["bands"][0]["levels"]) == {"5 %", "25 %", "median", "75 %", "95 %"}


def test_a_look_at_which_nothing_may_be_spent_is_null_in_the_document() -> None:
    """The boundary of a first day is infinite."""
    tables = made_up(20)
    tables["visits"]["day"] = np.where(tables["visits"]["day"] == 14, 1, tables["visits"]["day"])
    protocol = MadeUpProtocol(patients=20, interim_days=(1,), follow_up_days=3650)
    summary = summary_of(tables, protocol)
    assert study_document(summary)["looks"][0]["z"] is None
    assert not summary.looks[0].crossed


@pytest.mark.parametrize(
    ("estimate", "said"),
    [
        (Estimate(1234.5, 1000, 2345678), "+1,230 (1,000 to 2,350,000)"),
        (Estimate(-0.5, -0.61234, -0.4), "-0.5 (-0.612 to -0.4)"),
        (Estimate(0.0, 0.0, 0.0), "0 (0 to 0)"),
        (Estimate(2, None, None), "+2 (no interval)"),
        (Estimate(None, None, None), "-"),
    ],
)
def test_a_value_in_words(estimate: Estimate, said: str) -> None:
    assert estimate_text(estimate, sign=True) == said


def test_a_p_value_in_words() -> None:
    assert [p_text(p) for p in (None, 0.0, 0.00012, 0.0312, 0.5, 1.0)] == ["-", "<0.0001", "0.0001", "0.031", "0.5", "1"]


def test_one_arm_alone_is_compared_with_nobody() -> None:
    alone = summary_of(made_up(30, arms=ARMS[:1]), MadeUpProtocol(patients=30, arms=ARMS[:1], endpoints=ENDPOINTS[:1]))
    page = study_page(alone)
    assert "Differences between arms" not in page
    assert "Endpoints</h2>" not in page
    assert not alone.looks
