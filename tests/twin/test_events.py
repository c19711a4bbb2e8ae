"""What people do, as a case document writes it: every kind with exactly its keys, and every mistake with its line."""

import re
from zoneinfo import ZoneInfo

import pytest

from tests.twin.cases import CASE, case, with_line
from thecal.catheter.geometry import Geometry, catheter_sheet
from thecal.chart.order import OrderBolus, OrderContinuous, OrderPatient, OrderPeriodic, OrderStop
from thecal.errors import InputError, InputErrors
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Amount, Concentration, DailyDose, FlowRate, Length, Volume
from thecal.timeline import Duration, Instant
from thecal.twin.action import (
    Action,
    AskForBolus,
    EndBolus,
    Explant,
    GiveBolus,
    Look,
    Note,
    OpenUpdate,
    OpenValve,
    Prime,
    Refill,
    ReplacePump,
    Reprogram,
    Revise,
    SetPumpClock,
    UsePort,
)

pytestmark = pytest.mark.requirement("TWN-11")

WHEN = "2026-04-15 09:00"  # in summer time, with the implant in winter
AT = Instant.parse(WHEN, ZoneInfo("Europe/Berlin"))
SHEET = pump_sheet("reference-20")
TRIMMED, TUBING = Length(90), Volume(140_000)
PATIENT = OrderPatient(Amount(10_000_000), Duration(300), Duration(14_400), 4)
PATIENT_TABLE = 'patient_bolus = { dose = "10 mcg", over = "5 min", lockout = "4 h", per_day = 4 }'


def appended(kind: str, *lines: str) -> str:
    """The case with one more event, the fifth."""
    return CASE + "\n".join(["", "[[event]]", f'at = "{WHEN}"', f'kind = "{kind}"', *lines, ""])


def read(kind: str, *lines: str) -> Action:
    return case(appended(kind, *lines)).actions[-1]


def errors_of(text: str) -> tuple[InputError, ...]:
    with pytest.raises(InputErrors) as caught:
        case(text)
    return caught.value.errors


def line_of(text: str, piece: str) -> str:
    """Where the last occurrence of a piece of the text stands, as an error says it."""
    return f"test.toml:{text[: text.rindex(piece)].count(chr(10)) + 1}"


EVERY_KIND: list[tuple[str, list[str], Action]] = [
    ("replace_pump", [], ReplacePump(AT, SHEET, 7200, Volume(2_000_000))),
    (
        "replace_pump",
        ['model = "synchromed-ii-40"', 'low_reservoir = "3 mL"', 'clock = "+01:00"'],
        ReplacePump(AT, pump_sheet("synchromed-ii-40"), 3600, Volume(3_000_000)),
    ),
    ("revise_catheter", [], Revise(AT, Geometry(catheter_sheet("indura-8709sc"), TRIMMED, "T10", TUBING))),
    (
        "revise_catheter",
        ['model = "ascenda-8780"', 'trimmed = "14.3 cm"', 'tip_level = "T6"', 'holds = "CSF"'],
        Revise(AT, Geometry(catheter_sheet("ascenda-8780"), Length(143), "T6", TUBING), "CSF"),
    ),
    ("refill", ['volume = "18 mL"', 'concentration = "500 mcg/mL"'], Refill(AT, Volume(18_000_000), Concentration(500))),
    (
        "refill",
        [
            'volume = "17 mL"', 'concentration = "2000 mcg/mL"', 'typed = "18 mL"', 'drawn_up = "20 mL"', 'measured = "0 mL"',
            "bridge = true", "[event.program]", 'mode = "simple continuous"', 'dose = "220 mcg/day"', PATIENT_TABLE,
        ],
        Refill(
            AT, Volume(17_000_000), Concentration(2000), OrderContinuous(DailyDose(220_000_000)), PATIENT,
            typed=Volume(18_000_000), drawn_up=Volume(20_000_000), measured=Volume(0), bridge=True,
        ),
    ),
    ("program", ['mode = "stopped"', PATIENT_TABLE], Reprogram(AT, OrderStop(), PATIENT)),
    (
        "program",
        [
            'mode = "periodic bolus"', 'bolus = "20 mcg"', 'over = "5 min"', 'every = "6 h"', 'first = "06:00"',
            'basal = "50 mcg/day"',
        ],
        Reprogram(AT, OrderPeriodic(Amount(20_000_000), Duration(300), Duration(21_600), 21_600, DailyDose(50_000_000))),
    ),
    ("bolus", ['dose = "50 mcg"', 'over = "10 min"'], GiveBolus(AT, OrderBolus(Amount(50_000_000), Duration(600)))),
    ("prime", ['volume = "0.3168 mL"', 'flow = "1 mL/h"'], Prime(AT, Volume(316_800), FlowRate(24_000_000))),
    ("patient_bolus", [], AskForBolus(AT)),
    ("cancel_bolus", [], EndBolus(AT)),
    ("interrogate", [], Look(AT)),
    ("begin_update", [], OpenUpdate(AT)),
    ("set_clock", ['clock = "-03:30"'], SetPumpClock(AT, -12_600)),
    ("access_port", ['action = "aspirate"', 'volume = "0.2 mL"'], UsePort(AT, "aspirate", Volume(200_000))),
    (
        "access_port",
        ['action = "inject"', 'volume = "0.17 mL"', 'concentration = "50 mcg/mL"'],
        UsePort(AT, "inject", Volume(170_000), Concentration(50)),
    ),
    ("reset_valve", [], OpenValve(AT)),
    ("note", ['text = "a  word"'], Note(AT, "a word")),
    ("explant", [], Explant(AT)),
]  # fmt: skip
KEYS = {
    "screening_test": "dose concentration effect_lasted",
    "implant": "",
    "replace_pump": "model low_reservoir clock",
    "revise_catheter": "model trimmed tip_level holds",
    "refill": "volume concentration drawn_up typed measured bridge program",
    "program": "mode dose daily_total steps day bolus over every first basal patient_bolus",
    "bolus": "dose over",
    "prime": "volume flow",
    "patient_bolus": "",
    "cancel_bolus": "",
    "interrogate": "",
    "begin_update": "",
    "set_clock": "clock",
    "access_port": "action volume concentration",
    "reset_valve": "",
    "note": "text",
    "explant": "",
}
"""As docs/cases.md lists them."""
NEEDED = {kind: lines for kind, lines, _ in reversed(EVERY_KIND)} | {
    "screening_test": ['dose = "50 mcg"', 'concentration = "50 mcg/mL"'],
    "implant": [],
}


@pytest.mark.parametrize(("kind", "lines", "expected"), EVERY_KIND, ids=lambda value: value if isinstance(value, str) else "")
def test_an_event_is_the_action_that_it_says(kind: str, lines: list[str], expected: Action) -> None:
    """With and without its optional keys; the clock of a new pump is the wall clock's of that day."""
    assert read(kind, *lines) == expected


@pytest.mark.parametrize("kind", KEYS)
def test_a_kind_has_exactly_its_keys(kind: str) -> None:
    """Another key is answered with the line it stands on and all that there are."""
    text = appended(kind, *[line for line in NEEDED[kind] if "event." not in line][:2], "zzz = 1")
    error = next(error for error in errors_of(text) if error.field == "event[5].zzz")
    assert error.where == line_of(text, "zzz")
    assert set(error.accepted) == {"at", "kind", "expect", *KEYS[kind].split()}


@pytest.mark.parametrize(
    ("kind", "wrong", "meant"),
    [
        ("refill", "volum", "volume"),
        ("refill", "typd", "typed"),
        ("refill", "brige", "bridge"),
        ("replace_pump", "modell", "model"),
        ("replace_pump", "low_resevoir", "low_reservoir"),
        ("revise_catheter", "trimed", "trimmed"),
        ("revise_catheter", "tip", "tip_level"),
        ("prime", "flows", "flow"),
        ("access_port", "acton", "action"),
        ("set_clock", "clok", "clock"),
        ("interrogate", "expects", "expect"),
        ("program", "patient_bollus", "patient_bolus"),
    ],
)
def test_an_unknown_key_names_the_nearest(kind: str, wrong: str, meant: str) -> None:
    """What was meant is a word away."""
    error = next(error for error in errors_of(appended(kind, f'{wrong} = "1"')) if error.field.endswith(wrong))
    assert error.nearest == repr(meant)


@pytest.mark.parametrize("kind", [kind for kind, lines in NEEDED.items() if lines and kind not in ("program", "replace_pump")])
def test_every_key_that_is_missing_is_said(kind: str) -> None:
    """All of them at once, on the event's line."""
    needed = [line.split(" = ")[0] for _, lines, _ in EVERY_KIND[::-1] if _ == kind for line in lines] or [
        line.split(" = ")[0] for line in NEEDED[kind]
    ]
    text = appended(kind)
    required = {"revise_catheter": set(), "access_port": {"action", "volume"}}.get(kind, set(needed) & set(KEYS[kind].split()))
    if kind == "refill":
        required = {"volume", "concentration"}
    if not required:
        assert case(text)
        return
    errors = errors_of(text)
    assert {error.field for error in errors} == {f"event[5].{key}" for key in required}
    assert {error.where for error in errors} == {line_of(text, "[[event]]")}
