"""Notes and words: what a reader should know, as it truly was."""

import re
from dataclasses import replace

import pytest

from tests.twin.cases import CASE, case, with_line
from thecal.catheter.dispersion import front_at_tip
from thecal.quantity import FlowRate
from thecal.report.document import notes, run_document
from thecal.report.tables import course_lines
from thecal.twin.case import Case
from thecal.twin.run import run
from thecal.twin.trace import Record, Trace

CHANGE = """
[[event]]
at = "2026-04-01 09:00"
kind = "refill"
volume = "18 mL"
concentration = "2000 mcg/mL"
[event.program]
mode = "simple continuous"
dose = "220 mcg/day"
"""


def ran(text: str) -> tuple[Case, Trace]:
    read = case(text)
    return read, run(read.world, read.source, read.until, Record(policy=read.policy))


def with_change(more: str = "") -> str:
    """The case with a fourfold concentration from 1 April, no gain, and without its bolus."""
    head = CASE[: CASE.index('[[event]]\nat = "2026-04-10')]
    return head.replace('gain = "+2 %"', 'gain = "0 %"').replace('gain = "+3 %"', 'gain = "0 %"') + CHANGE + more


def old_fluid(text: str) -> str:
    (said,) = [note for note in notes(*ran(text)) if "before the change" in note]
    return said


def test_a_change_of_concentration_is_told_as_it_truly_went() -> None:
    """0.3168 mL of 500 mcg/mL at 0.11 mL/day: 55 mcg/day for 2.88 days, and what of the new runs ahead by the closed form."""
    text = old_fluid(with_change())
    told = re.search(r"to 2026-04-04 [0-9:]+, ([0-9.]+) days, the fluid of before .* left the tip: ([0-9.]+) mcg/day", text)
    assert told is not None, text
    geometry = case(CASE).geometry
    front = front_at_tip(geometry.length, geometry.sheet.volume_per_length, FlowRate(110_000))
    days = geometry.dead_volume.ml / 0.11
    ahead_mcg = front.spilled_fraction * geometry.catheter_volume.ml * (2000 - 500)
    assert float(told[1]) == pytest.approx(days, abs=0.00221 / 0.11)  # the front is known to a slice of a centimeter
    assert float(told[2]) == pytest.approx(55 + ahead_mcg / days, abs=0.2)
    assert "where 220 mcg/day was programmed" in text


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ('kind = "program"\nmode = "stopped"\n', "to the end of the case, 19 days"),
        ('kind = "explant"\n', "to the explant, 1 days"),
    ],
)
def test_a_line_that_was_never_cleared_is_told_so(kind: str, says: str) -> None:
    """Stopped or taken out a day later, the old fluid stays in it to the end."""
    text = old_fluid(with_change(f'[[event]]\nat = "2026-04-02 09:00"\n{kind}'))
    assert says in text
    assert "where 220 mcg/day was programmed" in text


def test_the_same_concentration_says_nothing() -> None:
    """No change, no note; and a reservoir that holds what was told neither."""
    said = notes(*ran(CASE))
    assert not [note for note in said if "before the change" in note or "truly held" in note]


def test_a_diluted_reservoir_is_told_from_fill_to_fill() -> None:
    """The first fill of a pump that keeps 1.4 mL, and no longer."""
    text = with_change().replace("reference-20", "synchromed-ii-20").replace("2000 mcg/mL", "500 mcg/mL")
    (note,) = [note for note in notes(*ran(text)) if "truly held" in note]
    assert note.startswith("From 2026-03-02 10:00 to 2026-04-01 09:00 the reservoir truly held 463.9 mcg/mL")


def test_what_was_typed_instead_is_in_the_table() -> None:
    """A volume that is not the injected one is shown with a mark, and stands in the document."""
    text = with_line('volume = "18 mL"', 'volume = "18 mL"\ntyped = "8 mL"')
    read, trace = ran(text)
    lines = [line.text for line in course_lines(read, trace)]
    assert any("!  8 mL typed in as the volume, 18 mL were injected" in line for line in lines)
    what = [fact["text"] for row in run_document(read, trace, "x")["intervals"] for fact in row["what"]]
    assert "8 mL typed in as the volume, 18 mL were injected" in what


def test_a_residual_where_none_was_expected_is_red() -> None:
    """More came out than the pump thought was left; an empty syringe from an empty pump says nothing."""
    late = CASE.replace('until = "2026-04-20 09:00"', 'until = "2026-08-20 09:00"')
    refill = '[[event]]\nat = "2026-08-01 09:00"\nkind = "refill"\nvolume = "18 mL"\nconcentration = "500 mcg/mL"\n'
    for measured, says in (
        ("4.5 mL", "!! residual 4.5 mL measured, 0 mL expected (+4.5 mL, red"),
        ("0 mL", "nothing to compare"),
    ):
        read, trace = ran(late + refill + f'measured = "{measured}"\n')
        assert any(says in line.text for line in course_lines(read, trace))


def test_a_case_without_a_patient_has_no_empty_line() -> None:
    """Nothing stands for what was not stated."""
    read, trace = ran(CASE)
    lines = [line.text for line in course_lines(replace(read, patient=None), trace)]
    assert lines[1].startswith("reference-20, indura-8709sc")
