"""What people do, as a case document writes it: every kind with exactly its keys, and every mistake with its line."""

import re
from zoneinfo import ZoneInfo

import pytest

from tests.twin.cases import CASE, case, with_line
from thecal.catheter.geometry import Geometry, catheter_sheet
from thecal.chart.order import OrderBolus, OrderContinuous, OrderNoPatient, OrderPatient, OrderPeriodic, OrderStop
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import InputError, InputErrors
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Amount, Concentration, DailyDose, FlowRate, Length, Volume
from thecal.timeline import Duration, Instant
from thecal.twin.action import (
    Action,
    AskForBolus,
    EmptyReservoir,
    EndBolus,
    Explant,
    GiveBolus,
    HoldSession,
    Look,
    Needle,
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
from thecal.twin.run import run

pytestmark = pytest.mark.requirement("TWN-11")

WHEN = "2026-04-15 09:00"  # in summer time, with the implant in winter
AT = Instant.parse(WHEN, ZoneInfo("Europe/Berlin"))
SHEET = pump_sheet("reference-20")
TRIMMED, TUBING = Length(90), Volume(140_000)
BOLUS = OrderBolus(Amount(50_000_000), Duration(600))
PATIENT = OrderPatient(Amount(10_000_000), Duration(300), Duration(14_400), 4)
FILL = ['volume = "18 mL"', 'concentration = "500 mcg/mL"']
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
        ['model = "synchromed-ii-40"', 'low_reservoir = "3 mL"', 'clock = "+01:00"', 'primed = "500 mcg/mL"'],
        ReplacePump(AT, pump_sheet("synchromed-ii-40"), 3600, Volume(3_000_000), primed=Concentration(500)),
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
    ("interrogate", ['programmer = "the  ward"'], Look(AT, "the ward")),
    ("session", ['low_reservoir = "4 mL"'], HoldSession(AT, OrderSheet(low_reservoir=Volume(4_000_000)))),
    ("session", ["[event.bolus]", 'dose = "50 mcg"', 'over = "10 min"'], HoldSession(AT, OrderSheet(bolus=BOLUS))),
    (
        "session",
        [
            "bridge = true", 'clock = "-03:30"', 'confirm_total = "220 mcg/day"', 'low_reservoir = "0 mL"', "prime = false",
            'programmer = "ward"', 'lost = "reply to commit"', "[event.program]", 'mode = "simple continuous"',
            'dose = "220 mcg/day"', PATIENT_TABLE, "[event.fill]", 'volume = "17 mL"', 'concentration = "2000 mcg/mL"',
            'measured = "0 mL"', 'drawn_up = "20 mL"', 'rinse = "2 mL"', "rinses = 3", 'port = "catheter access port"',
            "needle_gauge = 20", 'override = "it is so"', 'by = "Dr. Test"',
        ],
        HoldSession(
            AT,
            OrderSheet(
                OrderContinuous(DailyDose(220_000_000)), PATIENT, Concentration(2000), Volume(17_000_000), Volume(0), bridge=True,
                clock_offset_s=-12_600, confirm_total=DailyDose(220_000_000),
            ),
            Needle(
                Volume(17_000_000), Concentration(2000), Volume(0), None, Volume(20_000_000), Volume(2_000_000), 3,
                "catheter access port", 20, "it is so", "Dr. Test",
            ),
            "ward", "reply to commit",
        ),
    ),
    (
        "session",
        [
            'concentration = "1892 mcg/mL"', 'reservoir = "16 mL"', 'without_bridge = "in  hospital"', "prime = true",
            'prime_flow = "1 mL/h"', "[event.program]", 'mode = "stopped"', "no_patient_bolus = true", "[event.fill]",
            'volume = "17 mL"', 'concentration = "2000 mcg/mL"',
        ],
        HoldSession(
            AT,
            OrderSheet(
                OrderStop(), OrderNoPatient(), Concentration(1892), Volume(16_000_000), without_bridge="in hospital", prime=True,
                prime_flow=FlowRate(24_000_000),
            ),
            Needle(Volume(17_000_000), Concentration(2000)),
        ),
    ),
    ("begin_update", [], OpenUpdate(AT)),
    ("set_clock", ['clock = "-03:30"'], SetPumpClock(AT, -12_600)),
    ("access_port", ['action = "aspirate"', 'volume = "0.2 mL"'], UsePort(AT, "aspirate", Volume(200_000))),
    (
        "access_port",
        ['action = "inject"', 'volume = "0.17 mL"', 'concentration = "50 mcg/mL"'],
        UsePort(AT, "inject", Volume(170_000), Concentration(50)),
    ),
    ("empty_reservoir", [], EmptyReservoir(AT)),
    ("empty_reservoir", ['measured = "3.2 mL"'], EmptyReservoir(AT, Volume(3_200_000))),
    ("reset_valve", [], OpenValve(AT)),
    ("note", ['text = "a  word"'], Note(AT, "a word")),
    ("explant", [], Explant(AT)),
]  # fmt: skip
KEYS = {
    "screening_test": "dose concentration effect_lasted",
    "implant": "primed",
    "replace_pump": "model low_reservoir clock primed",
    "revise_catheter": "model trimmed tip_level holds",
    "refill": "volume concentration drawn_up typed measured bridge program",
    "program": "mode dose daily_total steps day bolus over every first basal patient_bolus no_patient_bolus",
    "bolus": "dose over",
    "prime": "volume flow",
    "patient_bolus": "",
    "cancel_bolus": "",
    "interrogate": "programmer",
    "session": "program bolus fill concentration reservoir low_reservoir bridge without_bridge prime prime_flow clock "
    "confirm_total anyway programmer lost",
    "begin_update": "",
    "set_clock": "clock",
    "access_port": "action volume concentration",
    "empty_reservoir": "measured",
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
        ("interrogate", "programer", "programmer"),
        ("session", "low_resevoir", "low_reservoir"),
        ("session", "wihtout_bridge", "without_bridge"),
        ("session", "programmr", "programmer"),
        ("program", "patient_bollus", "patient_bolus"),
    ],
)
def test_an_unknown_key_names_the_nearest(kind: str, wrong: str, meant: str) -> None:
    """What was meant is a word away."""
    error = next(error for error in errors_of(appended(kind, f'{wrong} = "1"')) if error.field.endswith(wrong))
    assert error.nearest == repr(meant)


@pytest.mark.parametrize(
    ("kind", "needed"),
    [
        ("screening_test", ["dose", "concentration"]),
        ("refill", ["volume", "concentration"]),
        ("program", ["mode"]),
        ("bolus", ["dose", "over"]),
        ("prime", ["volume", "flow"]),
        ("set_clock", ["clock"]),
        ("access_port", ["action", "volume"]),
        ("note", ["text"]),
    ],
)
def test_every_key_that_is_missing_is_said(kind: str, needed: list[str]) -> None:
    """All of them at once, on the event's line."""
    text = appended(kind)
    errors = errors_of(text)
    assert [error.field for error in errors] == [f"event[5].{key}" for key in needed]
    assert {error.where for error in errors} == {line_of(text, "[[event]]")}
    assert all("is missing; the keys of this table are " in error.problem for error in errors)


@pytest.mark.parametrize(
    ("kind", "lines", "field", "says"),
    [
        ("access_port", ['action = "pull"', 'volume = "1 mL"'], "action", "'pull' is not accepted. Accepted: aspirate, inject."),
        ("access_port", ['action = "inject"', 'volume = "0 mL"'], "volume", "must be more than zero"),
        ("access_port", ['action = "inject"', 'volume = "1 mL"', 'concentration = "0.5 mg/mL"'], "concentration", '"500 mcg/mL"'),
        ("set_clock", ['clock = "+15:00"'], "clock", '"-14:00" to "+14:00"'),
        ("set_clock", ["clock = 3600"], "clock", 'Did you mean "+01:00"?'),
        ("prime", ['volume = "0.3 mL"', 'flow = "24"'], "flow", 'Accepted: mL/day, mL/h. Did you mean "24 mL/day"?'),
        ("prime", ['volume = "300"', 'flow = "24 mL/day"'], "volume", "has no unit"),
        ("refill", ['volume = "18 mL"', 'concentration = "500 mcg/mL"', 'bridge = "yes"'], "bridge", "'yes' cannot be read"),
        ("replace_pump", ['model = "synchromed-ii"'], "model", "'synchromed-ii' is not known"),
        ("replace_pump", ['low_reservoir = "20 mL"'], "low_reservoir", "is no threshold in a reservoir of 20 mL"),
        (
            "replace_pump",
            ['model = "isomed-8472-20-10"', 'low_reservoir = "2 mL"'],
            "low_reservoir",
            "cannot be set: a constant-flow pump has no alarm",
        ),
        ("revise_catheter", ['model = "indura"'], "model", "'indura' is not known"),
        ("revise_catheter", ['tip_level = "S1"'], "tip_level", "is not a vertebral level. Accepted: C1 to C7"),
        ("revise_catheter", ['trimmed = "89 cm"'], "trimmed", "leaves nothing of a catheter of 89 cm"),
        ("revise_catheter", ['holds = "drug"'], "holds", "Accepted: sterile water, CSF, air, unknown."),
        ("patient_bolus", ['expect = "refuse"'], "expect", "'refuse' is not accepted. Accepted: refused."),
        ("session", ['lost = "interrogate"'], "lost", "Accepted: begin update, reply to begin update, stage, reply to stage, "),
        ("session", ['lost = "the commit"'], "lost", "Did you mean 'commit'?"),
        ("session", ['program = "240 mcg/day"'], "program", "is not a table; write [event"),
        ("session", ['confirm_total = "0.2 mg/day"'], "confirm_total", 'Did you mean "200 mcg/day"?'),
        ("session", ["bridge = true", 'without_bridge = "x"'], "without_bridge", "and bridge = true orders one"),
        ("session", ['prime_flow = "24 mL/day"'], "prime_flow", "goes with prime = true"),
        ("session", ['concentration = "2 mg/mL"'], "concentration", "a pump is programmed in mcg/mL"),
        ("interrogate", ["programmer = 7"], "programmer", "is not text in quotes"),
        ("note", ["text = 7"], "text", "is not text in quotes"),
    ],
)
def test_a_value_that_cannot_be_says_what_can(kind: str, lines: list[str], field: str, says: str) -> None:
    """With the field and the line of the value."""
    text = appended(kind, *lines)
    (error,) = errors_of(text)
    assert error.field == f"event[5].{field}"
    assert error.where == line_of(text, f"{field} = ")
    assert says in error.sentence()


@pytest.mark.parametrize(
    ("table", "field", "says"),
    [
        (PATIENT_TABLE.replace("dose =", "does ="), "does", "Did you mean 'dose'?"),
        (PATIENT_TABLE.replace('dose = "10 mcg", ', ""), "dose", "the keys of this table are dose, over, lockout, per_day"),
        (PATIENT_TABLE.replace('"4 h"', '"4"'), "lockout", "has no unit"),
        (PATIENT_TABLE.replace("= 4", "= 0"), "per_day", "at least 1"),
        (PATIENT_TABLE.replace("= 4", '= "4"'), "per_day", "valid integer"),
    ],
)
def test_a_mistake_in_what_the_patient_may_ask_for(table: str, field: str, says: str) -> None:
    """The table has its own keys, in a program and in the program of a refill."""
    program = ['mode = "simple continuous"', 'dose = "220 mcg/day"', table]
    refill = ['volume = "18 mL"', 'concentration = "500 mcg/mL"', "[event.program]", *program]
    for text, path in ((appended("program", *program), "event[5]"), (appended("refill", *refill), "event[5].program")):
        errors = [error for error in errors_of(text) if error.field == f"{path}.patient_bolus.{field}"]
        assert [error.where for error in errors] == [line_of(text, "patient_bolus = ")]
        assert says in errors[0].sentence()


@pytest.mark.parametrize(
    ("table", "lines", "field", "says"),
    [
        ("fill", ['volume = "18 mL"'], "concentration", "is missing; the keys of this table are volume, concentration,"),
        ("fill", ['volume = "18 mL"', 'concentration = "0.5 mg/mL"'], "concentration", '"500 mcg/mL"'),
        ("fill", [*FILL, 'rinse = "2 mL"'], "rinse", "needs both: rinse, a volume, and rinses, how often"),
        ("fill", [*FILL, "rinses = 3"], "rinses", "needs both: rinse, a volume, and rinses, how often"),
        ("fill", [*FILL, 'rinse = "2 mL"', "rinses = 11"], "rinses", "at most 10"),
        ("fill", [*FILL, 'port = "access port"'], "port", "Accepted: refill port, catheter access port."),
        ("fill", [*FILL, 'needle_gauge = "22"'], "needle_gauge", "valid integer"),
        ("fill", [*FILL, 'overide = "x"'], "overide", "Did you mean 'override'?"),
        ("bolus", ['dose = "50 mcg"'], "over", "the keys of this table are dose, over"),
        ("program", ['mode = "flex"', 'dose = "50 mcg/day"'], "mode", "goes with daily_total, steps or day; here it has dose"),
    ],
)
def test_a_mistake_in_a_table_of_a_session(table: str, lines: list[str], field: str, says: str) -> None:
    """With the table, the field and the line on which it stands, or that of the table where it is missing."""
    text = appended("session", f"[event.{table}]", *lines)
    (error,) = errors_of(text)
    assert says in error.sentence()
    stands = f"{field} = " if any(line.startswith(f"{field} = ") for line in lines) else f"[event.{table}]"
    assert (error.field, error.where) == (f"event[5].{table}.{field}", line_of(text, stands))


@pytest.mark.parametrize(
    ("lines", "got"),
    [
        (['mode = "periodic bolus"', 'bolus = "20 mcg"'], "here it has bolus"),
        (['mode = "minimum rate"', 'basal = "50 mcg/day"'], "goes with no dose; here it has basal"),
        (['mode = "flex"', 'dose = "50 mcg/day"'], "goes with daily_total, steps or day; here it has dose"),
    ],
)
def test_a_mode_goes_with_its_own_keys(lines: list[str], got: str) -> None:
    """And says which those are."""
    text = appended("program", *lines)
    (error,) = errors_of(text)
    assert (error.field, error.where) == ("event[5].mode", line_of(text, "mode = "))
    assert got in error.sentence()


@pytest.mark.parametrize("kind", sorted(set(KEYS) - {"screening_test", "note", "implant"}))
def test_what_needs_a_pump_comes_after_the_implant(kind: str) -> None:
    """Each such kind, with its line."""
    head = CASE[: CASE.index("[[world.event]]")]
    lines = ["[[event]]", f'at = "{WHEN}"', f'kind = "{kind}"', *NEEDED[kind], ""]
    text = head + "\n".join(lines)
    (error,) = errors_of(text)
    assert (error.field, error.where) == ("event[1].kind", line_of(text, "kind = "))
    assert "comes before the implant" in error.sentence()


def test_a_refusal_can_be_expected_of_every_kind() -> None:
    """The action knows it."""
    for kind, lines, _ in EVERY_KIND:
        assert read(kind, 'expect = "refused"', *lines).expect_refused


def test_what_is_not_said_of_a_replacement_is_as_before() -> None:
    """A revised catheter behind a new pump: the trimming of the case, the tubing of the new pump, another threshold."""
    text = appended("replace_pump", 'model = "prometra-ii-40"') + appended("revise_catheter", 'tip_level = "T2"')[len(CASE) :]
    pump, catheter = case(text).actions[-2:]
    assert isinstance(pump, ReplacePump)
    assert isinstance(catheter, Revise)
    assert (pump.sheet.name, pump.low_reservoir) == ("prometra-ii-40", None)
    assert (catheter.geometry.trimmed, catheter.geometry.tip_level) == (TRIMMED, "T2")
    assert catheter.geometry.tubing_volume == pump.sheet.tubing_volume


def test_all_mistakes_are_reported_at_once_in_the_order_of_lines() -> None:
    """In what people do and in what nobody ordered."""
    text = with_line('gain = "+3 %"', 'gain = "3 %"') + appended("prime", 'volume = "1"', 'flow = "24"')[len(CASE) :]
    text += appended("access_port", 'action = "x"', 'volum = "1 mL"')[len(CASE) :] + appended("noet", 'text = "x"')[len(CASE) :]
    errors = errors_of(text)
    assert [error.field for error in errors] == [
        "world.event[1].gain", "event[5].volume", "event[5].flow", "event[6].volume", "event[6].action", "event[6].volum",
        "event[7].kind",
    ]  # fmt: skip
    lines = [int((error.where or "").rpartition(":")[2]) for error in errors]
    assert lines == sorted(lines)
    assert errors[-1].nearest == "'note'"


def test_what_is_checked_together_is_reported_at_once_too() -> None:
    """Two models that there are not, a tip level, a time before the one above it: four lines."""
    text = appended("replace_pump", 'model = "x"') + appended("revise_catheter", 'tip_level = "S1"')[len(CASE) :]
    text += appended("revise_catheter", 'model = "y"')[len(CASE) :].replace(WHEN, "2026-04-14 09:00")
    assert [error.field for error in errors_of(text)] == ["event[5].model", "event[6].tip_level", "event[7].at", "event[7].model"]


@pytest.mark.requirement("PMP-64")
def test_readings_choose_between_what_no_source_decides() -> None:
    """The sheet of the case and of every pump in it has them, with where they come from."""
    text = with_line("[catheter]", 'readings = { after_single_bolus = "stopped", safe_state = "stopped" }\n\n[catheter]')
    chosen = case(text)
    assert (chosen.sheet.after_single_bolus, chosen.sheet.safe_state) == ("stopped", "stopped")
    assert chosen.sheet.datum("safe_state").source == "chosen for this run instead of 'minimum rate'"
    assert case().sheet.after_single_bolus == "resumes"


@pytest.mark.requirement("PMP-64")
@pytest.mark.parametrize(
    ("readings", "event", "missing_nl"),
    [
        ('after_single_bolus = "stopped"', "bolus", 450_053),  # 23 h 50 min at 0.4532 mL/day
        ('stops_while_updating = "yes"', "begin_update", 453_200),  # a day
        ('basal_during_bolus = "suspended"', "bolus", 3_147),  # ten minutes
        ('after_single_bolus = "resumes"', "bolus", 0),
        ('stops_while_updating = "no"', "begin_update", 0),
    ],
)
def test_both_values_of_a_reading_change_a_run(readings: str, event: str, missing_nl: int) -> None:
    """220 mcg/day of 500 mcg/mL, 3 % too fast, for a day after a bolus or after an update that was begun."""
    body = CASE[CASE.index('kind = "bolus"') :]
    text = CASE.replace('until = "2026-04-20', 'until = "2026-04-11').replace(
        body, body if event == "bolus" else f'kind = "{event}"\n'
    )
    delivered = []
    for table in ("", f"readings = {{ {readings} }}\n"):
        read_case = case(text.replace("[catheter]", f"{table}[catheter]"))
        trace = run(read_case.world, read_case.source, read_case.until)
        delivered.append(trace.balance.ledger.intrathecal.volume_nl)
    assert delivered[0] - delivered[1] == pytest.approx(missing_nl, abs=1)


@pytest.mark.requirement("PMP-64")
@pytest.mark.parametrize(
    ("model", "readings", "says"),
    [
        (
            "synchromed-ii-20",
            'stops_while_updating = "no"',
            r"is not open: the data sheet has 'yes', confidence R, .*HSA Singapore 27 Jan 2021.*Accepted: yes\.",
        ),
        (
            "synchromed-ii-20",
            'emi_during_alarm = "unaffected"',
            r"confidence R, .*TGA caution after MRI\. Accepted: telemetry mode",
        ),
        ("reference-20", 'after_single_bolus = "goes on"', r"'goes on' is not a reading of it\. Accepted: resumes, stopped\."),
        ("synchromed-ii-20", 'fill_sensor = "yes"', r"is not open: the data sheet has 'no', confidence M"),
        ("reference-20", 'fill_sensr = "yes"', r"is not a property that can be read in two ways\. .*Did you mean 'fill_sensor'"),
        ("reference-20", "safe_state = 3", r"'3' cannot be read: input should be a valid string"),
        ("isomed-8472-20-10", 'safe_state = "stopped"', r"is not a property that can be read in two ways"),
    ],
)
def test_what_has_one_reading_is_not_chosen(model: str, readings: str, says: str) -> None:
    """A sourced property is refused with its source, another one and another value with what there is."""
    pump = CASE[CASE.index("[pump]") : CASE.index("[catheter]")]
    text = CASE.replace(pump, f'[pump]\nmodel = "{model}"\nreadings = {{ {readings} }}\n\n')
    (error,) = errors_of(text)
    assert error.field.startswith("pump.")
    assert re.search(says, error.sentence()), error.sentence()
