"""What happens that nobody ordered: as a case document writes it, when it comes, what it spoils, and what cannot be."""

import pytest

from tests.command import ROOT
from tests.courses import START, ml
from thecal.catheter.faults import CatheterLeak, Disconnection, Kink, Migration
from thecal.errors import InputError, InputErrors
from thecal.pump.messages import (
    BatteryFilm,
    ChangeGain,
    Interference,
    LowBattery,
    Magnet,
    MemoryCorruption,
    SeptumLeak,
    Stall,
    Surroundings,
)
from thecal.quantity import Concentration, FlowRate, Gain, Length
from thecal.timeline import DAY_S, Duration, Instant
from thecal.twin.case import parse_case
from thecal.twin.run import run
from thecal.twin.trace import Trace
from thecal.twin.world import Mishap, Slip

HOUR = 3600
HEAD = """\
case = 1
title = "a test"
timezone = "UTC"
until = "2026-02-04 09:00"
[pump]
model = "reference-20"
[catheter]
model = "indura-8709sc"
tip_level = "T10"
trimmed = "9 cm"
[world]
"""
IMPLANT = '[[event]]\nat = "2026-01-05 09:00"\nkind = "implant"\n'
PROGRAM = '[event.program]\nmode = "simple continuous"\ndose = "100 mcg/day"\n'


def on(day: float) -> str:
    """The time of a day after implant, as a case writes it."""
    return Instant(START.s + round(day * DAY_S)).utc_text()[:16].replace("T", " ")


def refill(day: float, *lines: str) -> str:
    """A refill of 18 mL of 500 mcg/mL, if nothing else is said."""
    given = lines or ('volume = "18 mL"', 'concentration = "500 mcg/mL"')
    return "\n".join(["[[event]]", f'at = "{on(day)}"', 'kind = "refill"', *given, ""])


def truth(day: float, kind: str, *lines: str) -> str:
    return "\n".join(["[[world.event]]", f'at = "{on(day)}"', f'kind = "{kind}"', *lines, ""])


def document(*pieces: str) -> str:
    """A pump that is implanted and gives 0.2 mL/day from the start, for 30 days, and what else happens."""
    world = [piece for piece in pieces if not piece.startswith("[[event]]")]
    events = [piece for piece in pieces if piece.startswith("[[event]]")]
    return HEAD + "".join(world) + IMPLANT + refill(0) + PROGRAM + "".join(events)


def ran(*pieces: str, text: str = "") -> Trace:
    read = parse_case((text or document(*pieces)).encode(), "test.toml")
    trace = run(read.world, read.source, read.until)
    assert trace.balance.closes
    return trace


def errors_of(text: str) -> tuple[InputError, ...]:
    with pytest.raises(InputErrors) as caught:
        parse_case(text.encode(), "test.toml")
    return caught.value.errors


def at(day: float) -> Instant:
    return Instant(START.s + round(day * DAY_S))


def line_of(text: str, piece: str) -> str:
    return f"test.toml:{text[: text.rindex(piece)].count(chr(10)) + 1}"


def given_by(trace: Trace, *days: float) -> list[int]:
    """The nanolitres that had left the tip by each of the days."""
    return [volume_nl for volume_nl, _ in trace.delivered_at([at(day) for day in days])]


PART = Gain.EXACT // 100
MRI = at(1) + Duration(1800)
EVERY_KIND: list[tuple[str, list[str], list[tuple[float, Mishap]]]] = [
    ("gain", ['gain = "+3 %"'], [(1, ChangeGain(Gain(103 * PART)))]),
    (
        "gain_drift",
        ['by = "-2 %"', 'every = "36 h"', "times = 3"],
        [(1, ChangeGain(Gain(98 * PART))), (2.5, ChangeGain(Gain(96 * PART))), (4, ChangeGain(Gain(94 * PART)))],
    ),
    ("temperature", ['change = "higher"', 'flow = "+5 %"'], [(1, Surroundings("temperature", Gain(105 * PART)))]),
    (
        "temperature",
        ['change = "lower"', 'flow = "-5 %"', 'lasts = "12 h"'],
        [(1, Surroundings("temperature", Gain(95 * PART))), (1.5, Surroundings("temperature", Gain(100 * PART)))],
    ),
    (
        "pressure",
        ['change = "lower"', 'flow = "+1 %"', 'lasts = "1 days"'],
        [(1, Surroundings("pressure", Gain(101 * PART))), (2, Surroundings("pressure", Gain(100 * PART)))],
    ),
    ("pressure", ['change = "higher"', 'flow = "0 %"'], [(1, Surroundings("pressure", Gain(100 * PART)))]),
    ("stall", [], [(1, Stall(None))]),
    ("stall", ['lasts = "6 h"'], [(1, Stall(at(1.25)))]),
    ("mri", ['lasts = "30 min"'], [(1, Magnet(MRI, MRI))]),
    ("mri", ['lasts = "30 min"', 'recovers_after = "2 h"'], [(1, Magnet(MRI, MRI + Duration(2 * HOUR)))]),
    ("mri", ['lasts = "30 min"', 'recovers_after = "never"'], [(1, Magnet(MRI, None))]),
    ("interference", [], [(1, Interference())]),
    ("battery_film", ['lost = "12.5 %"', 'eri_to_eos = "9 days"'], [(1, BatteryFilm(125_000, Duration(9 * DAY_S)))]),
    ("internal_short", ['shows_as = "motor stall"'], [(1, Stall(None))]),
    ("internal_short", ['shows_as = "low-battery reset"'], [(1, LowBattery())]),
    ("memory_error", [], [(1, MemoryCorruption("settings", 0))]),
    ("memory_error", ['part = "log"', "bit = 77"], [(1, MemoryCorruption("log", 77))]),
    ("overfill", ['extra = "3 mL"'], [(1, Slip(extra=ml(3)))]),
    ("wrong_strength", ['concentration = "2000 mcg/mL"'], [(1, Slip(concentration=Concentration(2000)))]),
    ("wrong_drug", [], [(1, Slip(content="other drug"))]),
    ("pocket_fill", ['volume = "5 mL"'], [(1, Slip(pocket=ml(5)))]),
    ("pocket_fill", ['volume = "18 mL"'], [(1, Slip(pocket=ml(18)))]),
    ("septum_leak", ['flow = "0.1 mL/day"'], [(1, SeptumLeak(FlowRate(100_000)))]),
    ("kink", ['open = "40 %"'], [(1, Kink(400_000))]),
    ("leak", ['place = "10 cm"', 'lost = "20 %"'], [(1, CatheterLeak(Length(100), 200_000))]),
    (
        "leak",
        ['place = "10 cm"', 'lost = "20 %"', 'grows_by = "5 %"', 'every = "2 days"', "times = 2"],
        [(1 + 2 * n, CatheterLeak(Length(100), 200_000 + 50_000 * n)) for n in range(3)],
    ),
    ("disconnection", ['place = "0 mm"'], [(1, Disconnection(Length(0)))]),
    ("migration", ['tip_level = "L1"'], [(1, Migration("L1"))]),
    ("migration", ['tip_level = "outside"'], [(1, Migration(None))]),
]
KEYS = {
    "gain": "gain",
    "gain_drift": "by every times",
    "temperature": "change flow lasts",
    "pressure": "change flow lasts",
    "stall": "lasts",
    "mri": "lasts recovers_after",
    "interference": "",
    "battery_film": "lost eri_to_eos",
    "internal_short": "shows_as",
    "memory_error": "part bit",
    "overfill": "extra gain",
    "wrong_strength": "concentration",
    "wrong_drug": "",
    "pocket_fill": "volume",
    "septum_leak": "flow",
    "kink": "open",
    "leak": "place lost grows_by every times",
    "disconnection": "place",
    "migration": "tip_level",
}
DOCUMENTED = (ROOT / "docs" / "cases.md").read_text(encoding="utf-8").partition("## What happens that nobody ordered")[2]
NEEDED = {kind: lines for kind, lines, _ in reversed(EVERY_KIND)}


@pytest.mark.requirement("TWN-11")
@pytest.mark.parametrize(("kind", "lines", "planned"), EVERY_KIND, ids=lambda value: value if isinstance(value, str) else "")
def test_an_event_is_the_faults_that_it_says(kind: str, lines: list[str], planned: list[tuple[float, Mishap]]) -> None:
    """Each at its time, steps and ends included, and nothing of it in the actions of people."""
    read = parse_case(document(truth(1, kind, *lines), refill(20)).encode(), "test.toml")
    assert [(fault.at, fault.fault) for fault in read.faults] == [(at(day), fault) for day, fault in planned]
    assert len(read.actions) == 3


@pytest.mark.requirement("TWN-11")
@pytest.mark.parametrize("kind", KEYS)
def test_a_kind_has_exactly_its_keys(kind: str) -> None:
    """Another key is answered with the line it stands on and all that there are; the documentation names each."""
    text = document(truth(1, kind, *NEEDED[kind], "zzz = 1"), refill(20))
    (error,) = errors_of(text)
    assert (error.field, error.where) == ("world.event[1].zzz", line_of(text, "zzz"))
    assert set(error.accepted) == {"at", "kind", *KEYS[kind].split()}
    rows = [line.split("|") for line in DOCUMENTED.splitlines() if line.startswith("|")]
    (row,) = (row for row in rows if f"`{kind}`" in row[1])
    assert not [key for key in KEYS[kind].split() if f"`{key}`" not in row[2]]


@pytest.mark.requirement("TWN-11")
@pytest.mark.parametrize(
    ("kind", "wrong", "meant"),
    [
        ("gain_drift", "time", "times"),
        ("stall", "last", "lasts"),
        ("mri", "recover_after", "recovers_after"),
        ("battery_film", "eri_to_eso", "eri_to_eos"),
        ("internal_short", "show_as", "shows_as"),
        ("pocket_fill", "volum", "volume"),
        ("leak", "grow_by", "grows_by"),
        ("migration", "tiplevel", "tip_level"),
    ],
)
def test_an_unknown_key_names_the_nearest(kind: str, wrong: str, meant: str) -> None:
    """What was meant is a letter away."""
    errors = errors_of(document(truth(1, kind, *NEEDED[kind], f'{wrong} = "1"'), refill(20)))
    assert [(error.field, error.nearest) for error in errors] == [(f"world.event[1].{wrong}", repr(meant))]


@pytest.mark.requirement("TWN-11")
@pytest.mark.parametrize(
    ("kind", "lines", "field", "says"),
    [
        ("temperature", ['change = "higher"', 'flow = "-3 %"'], "flow", '"+1 %": higher temperature means more flow'),
        ("temperature", ['change = "lower"', 'flow = "+3 %"'], "flow", '"-1 %": lower temperature means less flow'),
        ("pressure", ['change = "higher"', 'flow = "+3 %"'], "flow", '"-1 %": higher pressure means less flow'),
        ("pressure", ['change = "lower"', 'flow = "-3 %"'], "flow", '"+1 %": lower pressure means more flow'),
        ("temperature", ['change = "hot"', 'flow = "+3 %"'], "change", "'hot' is not accepted. Accepted: higher, lower."),
        ("gain_drift", ['by = "-30 %"', 'every = "1 days"', "times = 4"], "times", "'4' drifts until no flow is left"),
        ("gain_drift", ['by = "+1 %"', 'every = "1 days"', "times = 0"], "times", "at least 1"),
        ("gain_drift", ['by = "1 %"', 'every = "1 days"', "times = 1"], "by", "needs a sign"),
        (
            "leak",
            ['place = "1 cm"', 'lost = "20 %"', 'grows_by = "30 %"', 'every = "1 days"', "times = 3"],
            "times",
            "'3' grows beyond all of the flow. Accepted: fewer steps.",
        ),
        (
            "leak",
            ['place = "80 cm"', 'lost = "20 %"'],
            "place",
            "is not on what is left of the catheter. Accepted: less than 80 cm.",
        ),
        ("disconnection", ['place = "85 cm"'], "place", "is not on what is left of the catheter"),
        ("migration", ['tip_level = "T13"'], "tip_level", "'T13' is not a vertebral level"),
        ("kink", ['open = "140 %"'], "open", '"0 %" to "100 %"'),
        ("kink", ["open = 40"], "open", 'Did you mean "40 %"?'),
        ("mri", ['lasts = "1 h"', 'recovers_after = "soon"'], "recovers_after", "'soon' is not a duration"),
        ("internal_short", ['shows_as = "stall"'], "shows_as", "Did you mean 'motor stall'?"),
        ("memory_error", ['part = "program"'], "part", "Accepted: settings, log."),
        ("memory_error", ["bit = -1"], "bit", "at least 0"),
        ("pocket_fill", ['volume = "18.000001 mL"'], "volume", "is more than is injected. Accepted: at most the 18 mL"),
        ("battery_film", ['lost = "50 %"', 'eri_to_eos = "91 days"'], "kind", "at most the 90 days of a sound battery"),
        ("knik", ['open = "40 %"'], "kind", "Did you mean 'kink'?"),
    ],
)
def test_a_value_that_cannot_be_says_what_can(kind: str, lines: list[str], field: str, says: str) -> None:
    """With the field and the line of the value."""
    text = document(truth(1, kind, *lines), refill(20))
    (error,) = errors_of(text)
    written = next((line for line in lines if line.startswith(field)), f'kind = "{kind}"')
    assert (error.field, error.where) == (f"world.event[1].{field}", line_of(text, written))
    assert says in error.sentence()


@pytest.mark.requirement("TWN-11")
@pytest.mark.parametrize("missing", ["grows_by", "every", "times"])
def test_a_leak_grows_by_three_keys_or_by_none(missing: str) -> None:
    """Half of them say nothing."""
    lines = ['grows_by = "5 %"', 'every = "2 days"', "times = 2"]
    given = [line for line in lines if not line.startswith(missing)]
    (error,) = errors_of(document(truth(1, "leak", 'place = "10 cm"', 'lost = "20 %"', *given)))
    assert "is only half of a growing leak. Accepted: grows_by, every and times together." in error.sentence()


@pytest.mark.requirement("TWN-11")
@pytest.mark.requirement("PMP-41")
@pytest.mark.parametrize(
    ("model", "kind", "why", "source"),
    [
        ("isomed-8472-20-10", "stall", "only a rotor stalls; this pump's drive is restrictor", "data sheet, drive, confidence I"),
        ("isomed-8472-20-10", "interference", "a constant-flow pump has no electronics", "data sheet, flow, confidence I"),
        ("isomed-8472-20-10", "battery_film", "a constant-flow pump has no electronics", "MA09758A027 (2013)"),
        ("isomed-8472-20-10", "memory_error", "a constant-flow pump has no electronics", "MA09758A027 (2013)"),
        ("prometra-ii-20", "stall", "this pump's drive is valves", "Flowonix PL-21604-02"),
        ("prometra-ii-20", "internal_short", "only a rotor stalls", "confidence M"),
    ],
)
def test_what_a_pump_cannot_have_is_refused_with_its_data_sheet(model: str, kind: str, why: str, source: str) -> None:
    """At the door, with the line, the limit and the source."""
    text = document(truth(1, kind, *NEEDED[kind])).replace("reference-20", model)
    (error,) = errors_of(text)
    assert (error.field, error.where) == ("world.event[1].kind", line_of(text, f'kind = "{kind}"'))
    assert not [piece for piece in ("cannot happen here: ", model, why, source) if piece not in error.problem]


@pytest.mark.requirement("TWN-11")
@pytest.mark.parametrize("kind", sorted(set(KEYS) - {"gain", "gain_drift"}))
def test_nothing_happens_to_what_is_not_there(kind: str) -> None:
    """Before the implant there is no pump and no catheter; only a gain is the first pump's own."""
    note = f'[[event]]\nat = "{on(-2)}"\nkind = "note"\ntext = "x"\n'
    text = HEAD + truth(-1, kind, *NEEDED[kind]) + note + IMPLANT + refill(1)
    (error,) = errors_of(text)
    assert (error.field, error.where) == ("world.event[1].kind", line_of(text, f'kind = "{kind}"'))
    assert "is not after the implant" in error.problem


@pytest.mark.requirement("TWN-11")
@pytest.mark.parametrize("kind", ["overfill", "wrong_strength", "wrong_drug", "pocket_fill"])
def test_a_slip_needs_a_refill_after_it(kind: str) -> None:
    """At the same instant is still in time."""
    text = document(refill(10), truth(10.5, kind, *NEEDED[kind]))
    (error,) = errors_of(text)
    assert (error.field, error.where) == ("world.event[1].kind", line_of(text, f'kind = "{kind}"'))
    assert "spoils the next refill, and none follows" in error.problem
    assert ran(refill(10), truth(10, kind, *NEEDED[kind])).world.slip is None


@pytest.mark.requirement("TWN-11")
def test_all_mistakes_are_reported_at_once() -> None:
    """Of every event, in the order of lines."""
    world = [truth(1, "leak", 'place = "85 cm"', 'lost = "20 %"'), truth(2, "pocket_fill", 'volume = "1 mL"')]
    world += [truth(1.5, "kink", 'open = "0 %"'), truth(40, "migration", 'tip_level = "T13"')]
    errors = errors_of(document(*world))
    assert [error.field for error in errors] == [
        "world.event[1].place", "world.event[2].kind", "world.event[3].at", "world.event[4].at", "world.event[4].tip_level",
    ]  # fmt: skip


def test_a_gain_before_the_implant_is_the_first_pump_s() -> None:
    """A day after implant at twice the flow."""
    note = f'[[event]]\nat = "{on(-2)}"\nkind = "note"\ntext = "x"\n'
    text = HEAD + truth(-1, "gain", 'gain = "+100 %"') + note + IMPLANT + refill(0) + PROGRAM
    assert given_by(ran(text=text), 1) == [400_000]


def test_a_drift_is_a_staircase() -> None:
    """10 % more every five days, on top of a gain of 5 %: 0.21, then 0.23, 0.25 and 0.27 mL/day for good."""
    text = document(truth(5, "gain_drift", 'by = "+10 %"', 'every = "5 days"', "times = 3"))
    trace = ran(text=text.replace("[world]\n", '[world]\ngain = "+5 %"\n'))
    assert given_by(trace, 5, 10, 15, 20, 30) == [1_050_000, 2_200_000, 3_450_000, 4_800_000, 7_500_000]
    told = [(event.at, event.severity) for event in trace.events if event.kind == "gain"]
    assert told == [(at(day), "unsensed") for day in (5, 10, 15)]
    assert trace.courses[-1].believed == ml(12)


def test_a_drift_goes_on_from_the_gain_before_it() -> None:
    """From 20 % too fast to 10, and to 0."""
    drift = truth(2, "gain_drift", 'by = "-10 %"', 'every = "1 days"', "times = 2")
    assert given_by(ran(truth(1, "gain", 'gain = "+20 %"'), drift), 1, 2, 3, 4) == [200_000, 440_000, 660_000, 860_000]


@pytest.mark.requirement("CAT-08")
def test_a_leak_grows_at_its_times() -> None:
    """Nothing for five days, then 10, 30 and 50 % of 0.2 mL/day: 0.1, 0.3 and 1.5 mL into the tissue."""
    lines = ['place = "10 cm"', 'lost = "10 %"', 'grows_by = "20 %"', 'every = "5 days"', "times = 2"]
    trace = ran(truth(5, "leak", *lines))
    assert given_by(trace, 5, 10, 15, 30) == [1_000_000, 1_900_000, 2_600_000, 4_100_000]
    assert trace.balance.ledger.tissue.volume_nl == 100_000 + 300_000 + 1_500_000
    assert [event.at for event in trace.events if event.kind == "leak"] == [at(5), at(10), at(15)]


@pytest.mark.parametrize(
    ("kind", "lines", "days", "delivered"),
    [
        (
            "temperature",
            ['change = "higher"', 'flow = "+10 %"', 'lasts = "5 days"'],
            (5, 10, 15),
            [1_000_000, 2_100_000, 3_100_000],
        ),
        ("pressure", ['change = "higher"', 'flow = "-50 %"', 'lasts = "5 days"'], (5, 10, 15), [1_000_000, 1_500_000, 2_500_000]),
        ("temperature", ['change = "higher"', 'flow = "+10 %"'], (5, 10, 15), [1_000_000, 2_100_000, 3_200_000]),
        ("stall", ['lasts = "36 h"'], (5, 6.5, 7.5), [1_000_000, 1_000_000, 1_200_000]),
        ("stall", [], (5, 15), [1_000_000, 1_000_000]),
        ("mri", ['lasts = "12 h"', 'recovers_after = "12 h"'], (5, 6, 7), [1_000_000, 1_000_000, 1_200_000]),
        ("mri", ['lasts = "12 h"'], (5, 5.5, 6), [1_000_000, 1_000_000, 1_100_000]),
    ],
)
def test_what_lasts_ends(kind: str, lines: list[str], days: tuple[float, ...], delivered: list[int]) -> None:
    """From the fifth day for as long as is said, or for good, and then 0.2 mL/day as before."""
    assert given_by(ran(truth(5, kind, *lines)), *days) == delivered


def test_temperature_and_pressure_multiply() -> None:
    """A fever at altitude: 1.1 times 1.2."""
    fever = truth(0.5, "temperature", 'change = "higher"', 'flow = "+10 %"')
    height = truth(0.5, "pressure", 'change = "lower"', 'flow = "+20 %"')
    assert given_by(ran(fever, height), 0.5, 1.5) == [100_000, 364_000]


@pytest.mark.parametrize(
    ("kind", "lines", "event", "last"),
    [
        ("gain_drift", ['by = "+10 %"', 'every = "2 days"', "times = 9"], "replace_pump", 5),
        ("gain_drift", ['by = "+10 %"', 'every = "2 days"', "times = 9"], "revise_catheter", 17),
        ("leak", ['place = "1 cm"', 'lost = "5 %"', 'grows_by = "5 %"', 'every = "2 days"', "times = 8"], "revise_catheter", 5),
        ("leak", ['place = "1 cm"', 'lost = "5 %"', 'grows_by = "5 %"', 'every = "2 days"', "times = 8"], "replace_pump", 17),
    ],
)
def test_what_drifts_or_grows_goes_with_its_part(kind: str, lines: list[str], event: str, last: int) -> None:
    """Steps on the first day and every other day; taken out on the seventh, the part has no step any more."""
    taken_out = f'[[event]]\nat = "{on(7)}"\nkind = "{event}"\n'
    read = parse_case(document(truth(1, kind, *lines), taken_out).encode(), "test.toml")
    assert [fault.at for fault in read.faults] == [at(day) for day in range(1, last + 1, 2)]
