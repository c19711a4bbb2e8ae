"""Case documents: read whole, or every mistake with its line, its field, its value and what is accepted."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.twin.cases import CASE, case, with_line
from thecal.chart.order import OrderContinuous, OrderFlex
from thecal.errors import InputErrors
from thecal.quantity import Concentration, Gain
from thecal.timeline import Duration
from thecal.twin.action import GiveBolus, Implant, Refill, Reprogram
from thecal.twin.case import parse_case, read_case
from thecal.twin.lines import lines_of

pytestmark = pytest.mark.requirement("TWN-11")


def errors_of(raw: bytes | str) -> InputErrors:
    with pytest.raises(InputErrors) as caught:
        parse_case(raw.encode() if isinstance(raw, str) else raw, "test.toml")
    return caught.value


def line_of(text: str, piece: str) -> int:
    return text[: text.index(piece)].count("\n") + 1


def test_a_case_becomes_actions_and_truth() -> None:
    """Events in order as actions, the world apart from them, settings over defaults."""
    read = case()
    assert [type(action) for action in read.actions] == [Implant, Refill, Reprogram, GiveBolus]
    refill, program = read.actions[1], read.actions[2]
    assert isinstance(refill, Refill)
    assert isinstance(program, Reprogram)
    assert refill.concentration == Concentration(500)
    assert isinstance(refill.order, OrderFlex)
    assert isinstance(program.order, OrderContinuous)
    assert read.gain == Gain.parse("+2 %")
    assert [fault.at.local_text(read.zone) for fault in read.faults] == ["2026-03-20 12:00"]
    assert read.policy.buffer == Duration.parse("5 days")
    assert read.policy.stability == Duration.parse("180 days")
    assert read.geometry.dead_volume.nl == 140_000 + 80 * 2210


def test_the_pump_clock_is_set_at_implant() -> None:
    """The zone's offset on that day, or the one that is written."""
    winter = case().actions[0]
    written = case(with_line('model = "reference-20"', 'model = "reference-20"\nclock = "-03:30"')).actions[0]
    assert isinstance(winter, Implant)
    assert isinstance(written, Implant)
    assert (winter.clock_offset_s, written.clock_offset_s) == (3600, -12_600)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('dose = "220 mcg/day"', 'dose = "220"', ["event[3].dose", "'220'", "mcg/day, mcg/h", '"220 mcg/day"']),
        ('dose = "220 mcg/day"', "dose = 220", ["event[3].dose", "'220'", "needs a unit", '"220 mcg/day"']),
        ('dose = "220 mcg/day"', 'dose = "0.22 mg/day"', ["event[3].dose", '"220 mcg/day"', "intrathecal"]),
        ('dose = "220 mcg/day"', "dose = 1000000000000000000000000000000", ["event[3].dose", "needs a unit"]),
        ('dose = "220 mcg/day"', 'dose = "1000000000000000000000000000000 mcg/day"', ["event[3].dose", "more digits"]),
        ('dose = "220 mcg/day"', 'dose = "-220 mcg/day"', ["event[3].dose", "negative"]),
        ('dose = "220 mcg/day"', 'dosage = "220 mcg/day"', ["event[3].dosage", "not a key here", "'dose'"]),
        ('dose = "220 mcg/day"', "", ["event[3].mode", "goes with dose", "no dose"]),
        ('dose = "220 mcg/day"', 'dose = "220 mcg/day"\nsteps = []', ["event[3].mode", "dose, steps"]),
        ('mode = "simple continuous"', 'mode = "simple"', ["event[3].mode", "'simple'", "flex", "'simple continuous'"]),
        ('kind = "bolus"', 'kind = "bollus"', ["event[4].kind", "'bollus'", "screening_test", "'bolus'"]),
        ('kind = "bolus"', "", ["event[4].kind", "is not a kind of event"]),
        ('over = "10 min"', 'over = "10"', ["event[4].over", "has no unit"]),
        ('model = "reference-20"', 'model = "referense-20"', ["pump.model", "'referense-20'", "'reference-20'"]),
        ('model = "indura-8709sc"', 'model = "indura"', ["catheter.model", "indura-8709sc"]),
        ('tip_level = "T10"', 'tip_level = "T13"', ["catheter.tip_level", "'T13'", "T1 to T12"]),
        ('tip_level = "T10"', "", ["catheter.tip_level", "is missing"]),
        ('trimmed = "9 cm"', 'trimmed = "90 cm"', ["catheter.trimmed", "'90 cm'", "89 cm"]),
        ('timezone = "Europe/Berlin"', 'timezone = "Europe/Berln"', ["timezone", "'Europe/Berlin'"]),
        ('timezone = "Europe/Berlin"', "", ["timezone", "is missing"]),
        ('title = "a test"', "", ["title", "is missing"]),
        ('title = "a test"', "title = 7", ["title", "7", "not text"]),
        ("case = 1", "case = 2", ["case", "2", "1"]),
        ("case = 1", "", ["case", "is missing"]),
        ("[pump]", "[pumps]", ["pumps", "not a key here", "'pump'"]),
        ("[patient]", "[patien]", ["patien", "'patient'"]),
        ('gain = "+2 %"', 'gain = "102 %"', ["world.gain", "needs a sign"]),
        ('at = "2026-03-16 09:00"', 'at = "2026-02-16 09:00"', ["event[3].at", "before the event above it", "2026-03-02 10:00"]),
        (
            'at = "2026-03-16 09:00"',
            'at = "2026-05-16 09:00"',
            ["event[3].at", "after the case ends", "2026-04-20 09:00 or earlier"],
        ),
        ('at = "2026-03-16 09:00"', 'at = "2026-03-29 02:30"', ["event[3].at", "does not exist", '"2026-03-29 03:30"']),
        ('at = "2026-03-16 09:00"', "at = 2026-03-16", ["event[3].at", "no time of day", '"2026-03-16 08:00"']),
        ('until = "2026-04-20 09:00"', 'until = "2026-10-25 02:30"', ["until", "happens twice", '"2026-10-25 02:30+01:00"']),
        ('at = "2026-03-20 12:00"', 'at = "2026-03-01 12:00"', ["world.event[1].at", "before the case begins"]),
        ('from = "06:00", to = "22:00"', 'from = "6:00", to = "22:00"', ["event[2].program.steps[1].from", "'6:00'"]),
        ('from = "06:00", to = "22:00"', 'from = "24:00", to = "22:00"', ["event[2].program.steps[1].from", "'24:00'"]),
        ('from = "06:00", to = "22:00"', 'from = "06:00", till = "22:00"', ["steps[1].till", "not a key here", "from, to, dose"]),
        ("[event.program]", "[event.programme]", ["event[2].programme", "'program'"]),
    ],
)
def test_a_mistake_names_line_field_value_and_what_is_accepted(old: str, new: str, says: Any) -> None:
    """One mistake, its place and the way out."""
    text = with_line(old, new)
    said = str(errors_of(text))
    assert "test.toml:" in said
    for piece in says:
        assert piece in said, said


@pytest.mark.parametrize(
    ("old", "new", "at"),
    [
        ('dose = "220 mcg/day"', 'dose = "220"', 'dose = "220"'),
        ('dose = "80 mcg"', 'dose = "80"', 'dose = "80"'),
        ('kind = "bolus"', 'kind = "bollus"', 'kind = "bollus"'),
        ("[pump]", "[pumps]", "[pumps]"),
        ('at = "2026-03-20 12:00"', 'at = "2026-03-01 12:00"', 'at = "2026-03-01 12:00"'),
        ('timezone = "Europe/Berlin"', 'timezone = "X"', 'timezone = "X"'),
        ('tip_level = "T10"', 'tip_level = "T99"', 'tip_level = "T99"'),
        ('trimmed = "9 cm"', 'trimmed = "99 cm"', 'trimmed = "99 cm"'),
        ('[[event]]\nat = "2026-03-02 09:00"', '[[event]]\nat = "2026-04-02 09:00"', 'at = "2026-03-02 10:00"'),
    ],
)
def test_the_line_is_the_line(old: str, new: str, at: str) -> None:
    """The place in the error is the place in the file."""
    text = with_line(old, new)
    assert any(error.where == f"test.toml:{line_of(text, at)}" for error in errors_of(text).errors)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("case = 1", "case = true", "case: 'True' is not a version"),
        ('buffer = "5 days"', 'buffer = "180 days"', "leaves no time between a fill and the next. Accepted: less than 180 days"),
        ('buffer = "5 days"', 'clinic_max = "1 h"', "less than 60 min"),
        ("case = 1", "case = 1.0", "case: '1.0' is not a version"),
        ('tip_level = "T10"', 'tip_level = "T10"\nholds = "drug"', "'drug' is not accepted"),
        ('model = "reference-20"', 'model = "reference-20"\nclock = "+99:99"', '"-14:00" to "+14:00"'),
        ('model = "reference-20"', 'model = "reference-20"\nclock = "+01:60"', '"-14:00" to "+14:00"'),
        ('low_reservoir = "2 mL"', 'low_reservoir = "20 mL"', "'20 mL' is no threshold in a reservoir of 20 mL"),
        ('timezone = "Europe/Berlin"', 'timezone = "localtime"', "not a known time zone"),
        ('timezone = "Europe/Berlin"', 'timezon = "Europe/Berlin"', "there is a key 'timezon'"),
        ('at = "2026-03-16 09:00"', 'at = "2026-03-16"', "year-month-day"),
        ('at = "2026-03-16 09:00"', 'at = "2026-W12-1 09:00"', "year-month-day"),
        ('at = "2026-03-16 09:00"', 'at = "2026-03-16x09:00"', "year-month-day"),
        ('at = "2026-03-16 09:00"', 'at = "16.03.2026 09:00"', "year-month-day"),
        ('label = "somebody"', 'label = "some\\u001b[2Jbody"', "control character"),
        ('title = "a test"', 'title = "a\\u0000test"', "control character"),
        ('dose = "220 mcg/day"', "dose = nan", "needs a unit"),
        ('dose = "220 mcg/day"', "dose = 0x" + "f" * 5000, "too long to print"),
        ("[pump]\nmodel", "[x]\nmodel", "pump is missing"),
        ('[pump]\nmodel = "reference-20"\nlow_reservoir = "2 mL"', "", "pump is missing"),
        ('from = "06:00", to', "from = 6, to", "steps[1].from"),
    ],
)
def test_what_looks_nearly_right_is_refused(old: str, new: str, says: str) -> None:
    """What a kinder reader would take for something else, or what would reach a terminal raw."""
    assert says in str(errors_of(with_line(old, new)))


def test_a_pump_that_is_no_table_says_so() -> None:
    """And how a table is written."""
    text = CASE.replace('[pump]\nmodel = "reference-20"\nlow_reservoir = "2 mL"', "")
    assert "write [pump]" in str(errors_of('pump = "reference-20"\n' + text))


def test_a_key_of_a_thousand_parts_is_an_answer() -> None:
    """Dotted keys nest as deeply as they are long."""
    assert errors_of("a." * 2000 + "a = 1\n" + CASE)
    assert errors_of(CASE + "\n[" + "a." * 2000 + "a]\nb = 1\n")


def test_settings_of_a_case_reach_the_case() -> None:
    """Stability, buffer and the clinic's longest interval."""
    read = case(with_line('buffer = "5 days"', 'buffer = "4 days"\nstability = "100 days"\nclinic_max = "80 days"'))
    assert (read.policy.buffer, read.policy.stability) == (Duration.parse("4 days"), Duration.parse("100 days"))
    assert read.policy.clinic_max == Duration.parse("80 days")


def test_all_mistakes_at_once_in_the_order_of_lines() -> None:
    """Nobody fixes one to be told of the next."""
    text = (
        with_line('dose = "220 mcg/day"', "dose = 3")
        .replace('over = "10 min"', 'over = "x"')
        .replace('buffer = "5 days"', "bufer = 5")
    )
    found = errors_of(text).errors
    assert [error.field for error in found] == ["refill.bufer", "event[3].dose", "event[4].over"]
    lines = [int((error.where or "").rpartition(":")[2]) for error in found]
    assert lines == sorted(lines)


@pytest.mark.parametrize(
    ("events", "problem"),
    [
        (["program"], "comes before the implant"),
        (["implant", "explant", "bolus"], "comes before the implant"),
        (["note", "refill"], "comes before the implant"),
    ],
)
def test_nothing_that_needs_a_pump_before_the_implant(events: list[str], problem: str) -> None:
    """Also not after an explant."""
    bodies = {
        "program": 'mode = "stopped"',
        "bolus": 'dose = "50 mcg"\nover = "10 min"',
        "refill": 'volume = "18 mL"\nconcentration = "500 mcg/mL"',
        "note": 'text = "x"',
    }
    head = CASE[: CASE.index("[[event]]")]
    text = head + "".join(f'[[event]]\nat = "2026-03-02 09:00"\nkind = "{kind}"\n{bodies.get(kind, "")}\n' for kind in events)
    said = str(errors_of(text))
    assert problem in said
    assert f"event[{len(events)}].kind" in said


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "empty file"),
        (b" \n\n", "empty file"),
        (CASE.encode("utf-16"), "UTF-16"),
        (CASE.replace("somebody", "Jürgen").encode("latin-1"), "test.toml:7: document: '0xfc' at byte"),
        (b"\x00\x01\x02", "not TOML"),
        (b"case = ", "not TOML"),
        (b"case = 1\ncase = 1", "test.toml:2: document: 'case = 1' repeats a key"),
        (b"[pump]\n[pump]", "repeats a key or a table"),
        (b"case = " + b"9" * 5000, "number"),
        (b"x = " + b"[" * 5000 + b"]" * 5000, "nests too deeply"),
        (b"at = 2026-13-45T00:00:00", "test.toml:1"),
        (b"x" * (16 * 2**20 + 1), "is larger than it can be"),
        (b"case = 1", "timezone"),
        (b"case = 1\ntimezone = 7", "timezone"),
    ],
)
def test_what_is_no_case_at_all_says_so(raw: bytes, says: Any) -> None:
    """Encodings, rubbish, doubled keys, endless numbers and nesting."""
    assert says in str(errors_of(raw))


def test_a_byte_order_mark_does_no_harm() -> None:
    """Some editors write one."""
    assert parse_case(b"\xef\xbb\xbf" + CASE.encode(), "x").title == "a test"


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    """The caller says which file."""
    with pytest.raises(FileNotFoundError):
        read_case(tmp_path / "none.toml")


def answered(text: str) -> bool:
    """Whether a text is a case, or errors that say where."""
    try:
        return bool(case(text).actions)
    except InputErrors as errors:
        return all(error.where and error.where.startswith("test.toml:") for error in errors.errors)


def values() -> st.SearchStrategy[str]:
    return st.sampled_from(
        [
            "7",
            "-1",
            "1.5",
            "nan",
            "inf",
            "true",
            '""',
            '"x"',
            "[]",
            "[[]]",
            "{}",
            "{a=1}",
            "2026-01-01",
            "07:00:00",
            "1" * 40,
            '"\\u0000"',
        ]
    )


@given(st.data())
def test_any_value_in_any_place_is_an_answer(data: st.DataObject) -> None:
    """Whatever stands behind a key, the answer is a case or errors with lines: never anything else."""
    lines = CASE.splitlines()
    places = [number for number, line in enumerate(lines) if " = " in line and "{" not in line and "[" not in line]
    place = data.draw(st.sampled_from(places))
    lines[place] = lines[place].split(" = ")[0] + " = " + data.draw(values())
    assert answered("\n".join(lines))


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer(raw: bytes) -> None:
    """No file brings the reader down."""
    with pytest.raises(InputErrors):
        parse_case(raw, "test.toml")


@given(st.integers(0, len(CASE) - 1), st.sampled_from(list('"=[]{}.,#\n\x00 0e')))
def test_any_slip_of_a_key_is_an_answer(place: int, key: str) -> None:
    """A character typed over another."""
    assert answered(CASE[:place] + key + CASE[place + 1 :])


def test_lines_of_every_kind_of_table() -> None:
    """Pairs, dotted keys, tables, arrays of tables, tables inside their latest entry, inline tables, arrays over lines."""
    text = "a = 1\nb.c = 2\n[t]\nx = [\n  1,\n  { y = 3 },\n]\n[[e]]\nk = 1\n[e.p]\nm = 2\n[[e.d]]\nn = 1\n"
    text += '[[e]]\n"q r" = 1\n[[e.d]]\nn = 2\n'
    lines = lines_of(text)
    expected = {
        ("a",): 1,
        ("b", "c"): 2,
        ("t",): 3,
        ("t", "x", 1, "y"): 6,
        ("e", 0, "k"): 9,
        ("e", 0, "p", "m"): 11,
        ("e", 0, "d", 0, "n"): 13,
        ("e", 1, "q r"): 15,
        ("e", 1, "d", 0, "n"): 17,
    }
    assert {path: lines[path] for path in expected} == expected
