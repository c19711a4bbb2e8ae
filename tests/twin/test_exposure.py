"""What a body is given: exactly what left the tip, tablets by the wall clock, and examinations that change nothing."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.courses import COURSES, PROGRAMMABLE, Operation, Wait, new_bench
from tests.twin.cases import CASE
from thecal.body.doses import LUMBAR_PUNCTURE, Bolus, Infusion, Tablets
from thecal.body.patient import typical
from thecal.body.propagate import NumericsError, propagate
from thecal.body.record import Record
from thecal.body.schedule import Grid
from thecal.catheter.faults import Disconnection
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Length, OralDose
from thecal.timeline import DAY_S, Instant
from thecal.twin.case import Case, parse_case
from thecal.twin.exposure import Exposure, Scores, TabletCourse
from thecal.twin.run import run
from thecal.twin.trace import Record as Kept
from thecal.twin.trace import Trace
from thecal.twin.world import pass_time

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600
SCORES = ("ashworth_legs", "ashworth_arms", "spasm_penn")
BODY = "[body]\n"
WITH_BODY = CASE.replace("[world]", BODY + "[world]", 1)
ODD = """
[[event]]
at = "2026-04-11 09:00"
kind = "access_port"
action = "inject"
volume = "0.5 mL"
concentration = "500 mcg/mL"

[[event]]
at = "2026-04-12 09:00"
kind = "access_port"
action = "aspirate"
volume = "0.1 mL"

[[event]]
at = "2026-04-13 09:00"
kind = "revise_catheter"
tip_level = "L1"

[[event]]
at = "2026-04-15 09:00"
kind = "replace_pump"
primed = "500 mcg/mL"

[[event]]
at = "2026-04-15 09:30"
kind = "refill"
volume = "18 mL"
concentration = "500 mcg/mL"
[event.program]
mode = "periodic bolus"
bolus = "20 mcg"
over = "5 min"
every = "6 h"
first = "06:00"
basal = "50 mcg/day"
patient_bolus = { dose = "10 mcg", over = "5 min", lockout = "4 h", per_day = 4 }

[[event]]
at = "2026-04-16 14:00"
kind = "patient_bolus"

[[event]]
at = "2026-04-17 09:00"
kind = "explant"

[[event]]
at = "2026-04-18 09:00"
kind = "implant"
"""
TEST_DOSE = """
[[event]]
at = "2026-03-01 09:00"
kind = "screening_test"
dose = "50 mcg"
concentration = "50 mcg/mL"

[[event]]
at = "2026-03-02 09:00"
kind = "implant"
"""
TROUBLE = """
[[world.event]]
at = "2026-03-28 12:00"
kind = "migration"
tip_level = "L3"

[[world.event]]
at = "2026-04-02 12:00"
kind = "stall"
lasts = "30 h"

[[event]]
"""


def busy(body: str = BODY) -> str:
    """A case with nearly everything that can happen to a pump, a catheter and a tip."""
    text = CASE.replace("[world]\n", f'{body}[world]\nclock_drift = "+3 s/day"\n', 1) + ODD
    text = text.replace('\n[[event]]\nat = "2026-03-02 09:00"\nkind = "implant"\n', TEST_DOSE, 1)
    return text.replace("\n[[event]]\n", TROUBLE, 1)


def ran(text: str) -> tuple[Case, Trace]:
    case = parse_case(text.encode(), "test.toml")
    return case, run(case.world, case.source, case.until, Kept(policy=case.policy))


def exposure_of(trace: Trace) -> Exposure:
    assert trace.world.exposure is not None
    return trace.world.exposure


def given_by(infusion: Infusion, start: int, end: int) -> float:
    """The micrograms of an infusion between two seconds, step by step of its pattern."""
    start, end = max(start, infusion.start_s), min(end, infusion.end_s)
    flows, period = [float(flow) for flow in np.ravel(infusion.mcg_per_h)], infusion.period_s

    def since_period_start(second: int) -> float:
        periods, second = divmod(second, period)
        steps = list(zip((0, *infusion.ends_s), infusion.ends_s, flows, strict=False))
        of_one: float = sum((high - low) * flow for low, high, flow in steps)
        begun: float = sum(max(0, min(second, high) - low) * flow for low, high, flow in steps)
        return periods * of_one + begun

    phase = infusion.phase_s - infusion.start_s
    return (since_period_start(end + phase) - since_period_start(start + phase)) / HOUR if end > start else 0.0


def by_level(infusions: Iterable[Infusion]) -> dict[str, float]:
    amounts: dict[str, float] = {}
    for one in infusions:
        amounts[one.level] = amounts.get(one.level, 0.0) + given_by(one, one.start_s, one.end_s)
    return amounts


def fully(exposure: Exposure, at: Instant) -> Scores:
    """The scores at an instant from the whole course, without any shortcut."""
    implant_s = exposure.implant.s if exposure.implant else at.s
    seen = propagate(exposure.patient, exposure.doses(at), Record(Grid(at.s, 1, 1), SCORES, implant_s))
    return Scores(*(float(seen[name][0, 0]) for name in SCORES))


def apart(one: Scores, other: Scores) -> float:
    return max(abs(float(getattr(one, name)) - float(getattr(other, name))) for name in SCORES)


# What left the tip ----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("TWN-14")
@given(st.sampled_from(PROGRAMMABLE), COURSES)
def test_the_body_gets_exactly_what_left_the_tip(sheet: str, operations: list[Operation]) -> None:
    """By level and by interval between whatever was done, for any pump and any course; in all to the round-off of a float."""
    assume(Disconnection(Length(0)) not in operations)  # right at the pump it takes half a minute
    bench = new_bench(pump_sheet(sheet))
    bench = replace(bench, world=replace(bench.world, exposure=Exposure(typical())))
    left: dict[str, int] = {}
    intervals: list[tuple[int, int, int]] = []
    for operation in operations:
        if not isinstance(operation, Wait):
            bench = bench.do(operation)
            continue
        world = bench.world
        assert world.geometry is not None
        passed = pass_time(world, Instant(world.now.s + operation.seconds))
        amount_pg = sum(block.amount_pg for block in passed.tip)
        level = world.geometry.tip_level
        left[level] = left.get(level, 0) + amount_pg
        intervals.append((world.now.s, passed.world.now.s, amount_pg))
        bench = replace(bench, world=passed.world)
    exposure = bench.world.exposure
    assert exposure is not None
    amounts = by_level(exposure.infusions)
    assert set(amounts) <= set(left)
    for level, amount_pg in left.items():
        assert amounts.get(level, 0.0) * 10**6 == pytest.approx(amount_pg, rel=1e-9)
    for start, end, amount_pg in intervals:  # neighbours that differ by a picogram's rounding are one infusion
        infused = sum(given_by(one, start, end) for one in exposure.infusions) * 10**6
        assert infused == pytest.approx(amount_pg, rel=1e-6, abs=1e-3)
    for before, after in zip(exposure.infusions, exposure.infusions[1:], strict=False):
        assert before.end_s <= after.start_s


@pytest.mark.requirement("TWN-14")
def test_what_a_needle_gives_comes_at_once_and_all_of_it_is_in_the_ledger() -> None:
    """Tip, lumbar puncture and access port together are the ledger's intrathecal picograms, through every mishap."""
    _, trace = ran(busy())
    exposure = exposure_of(trace)
    assert trace.refused == ()
    assert {one.level for one in exposure.infusions} == {"T10", "L3", "L1"}
    puncture, port = exposure.boluses
    (driven_out,) = [needle for needle in trace.port if needle.amount_pg]
    assert (puncture.level, float(puncture.mcg[0])) == (LUMBAR_PUNCTURE, 50.0)
    assert (port.level, port.at_s, float(port.mcg[0])) == ("L3", driven_out.at.s, driven_out.amount_pg / 10**6)
    amount_pg = sum(by_level(exposure.infusions).values()) * 10**6 + 50 * 10**6 + driven_out.amount_pg
    assert amount_pg == pytest.approx(trace.balance.ledger.intrathecal.amount_pg, rel=1e-9)
    tips = sum(block.amount_pg for block in trace.tip)
    assert sum(by_level(exposure.infusions).values()) * 10**6 == pytest.approx(tips, rel=1e-9)


@pytest.mark.requirement("TWN-14")
def test_what_does_not_reach_the_fluid_is_not_in_the_body() -> None:
    """Outside the canal, behind a disconnection and through a leak it goes into the tissue."""
    for kind, share in (
        ('"migration"\ntip_level = "outside"', 0.0),
        ('"disconnection"\nplace = "20 cm"', 0.0),
        ('"leak"\nplace = "20 cm"\nlost = "30 %"', 0.7),
    ):
        happens = f'[[world.event]]\nat = "2026-04-01 09:00"\nkind = {kind}\n\n[[event]]\n'
        _, trace = ran(WITH_BODY.replace("[[event]]\n", happens, 1))
        _, sound = ran(WITH_BODY)
        late = datetime(2026, 4, 3, 9, tzinfo=BERLIN)
        start, end = (int(moment.timestamp()) for moment in (late, late + timedelta(days=5)))
        amounts = [sum(given_by(one, start, end) for one in exposure_of(each).infusions) for each in (trace, sound)]
        assert amounts[0] == pytest.approx(share * amounts[1], rel=1e-3)


def test_a_body_changes_nothing_of_the_device() -> None:
    """To the nanolitre, the second and the word, the run is that of the case without one."""
    (_, one), (_, other) = ran(busy()), ran(busy(body=""))
    assert (one.tip, one.outlet, one.port, one.events) == (other.tip, other.outlet, other.port, other.events)
    assert (one.courses, one.chart, one.balance) == (other.courses, other.chart, other.balance)
    assert replace(one.world, exposure=None) == other.world


def test_a_steady_flow_is_few_infusions() -> None:
    """A flow that goes on differs from look to look by its rounding only; mostly it is not cut there."""
    looks = "".join(f'[[event]]\nat = "2026-04-0{day} 17:23"\nkind = "set_clock"\nclock = "+02:00"\n\n' for day in range(1, 9))
    bolus = '[[event]]\nat = "2026-04-10'
    _, trace = ran(WITH_BODY.replace(bolus, looks + bolus, 1))
    start, end = second_of("2026-04-01 09:00"), second_of("2026-04-09 09:00")
    blocks = [block for block in trace.tip if start < block.interval.end.s and block.interval.start.s < end]
    infusions = [one for one in exposure_of(trace).infusions if start < one.end_s and one.start_s < end]
    assert len(infusions) < len(blocks) / 2
    rates = [float(rate) for one in infusions for rate in np.ravel(one.mcg_per_h)]
    assert max(rates) == pytest.approx(min(rates), rel=1e-5)


# Tablets --------------------------------------------------------------------------------------------------------------


def taken(tablets: Iterable[Tablets]) -> list[tuple[int, float]]:
    """(the second, mg) of every dose."""
    return sorted(
        (second, float(mg))
        for one in tablets
        for offset, mg in zip(one.times_s, one.mg, strict=True)
        for second in range(one.start_s + offset, one.end_s, one.period_s)
    )


def second_of(text: str, zone: ZoneInfo = BERLIN) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())


def course(start: str, *doses: tuple[str, int], zone: ZoneInfo = BERLIN) -> TabletCourse:
    times = tuple(int(clock[:2]) * HOUR + int(clock[3:]) * 60 for clock, _ in doses)
    amounts = tuple(OralDose(mg * 1000) for _, mg in doses)
    return TabletCourse(Instant(second_of(start, zone)), amounts, times, "tablet", zone)


@given(
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kolkata", "UTC"]),
    st.dates(date(2025, 1, 1), date(2027, 6, 1)),
    st.integers(0, 23),
    st.sets(st.integers(4 * 60, 23 * 60 + 59), min_size=1, max_size=4),
    st.integers(1, 400),
)
def test_tablets_follow_the_wall_clock(key: str, first: date, hour: int, minutes: set[int], days: int) -> None:
    """Every day at the same local times, over every change of the clocks: the seconds worked out day by day."""
    zone = ZoneInfo(key)
    start = datetime(first.year, first.month, first.day, hour, tzinfo=zone)
    end = int(start.timestamp()) + days * DAY_S
    clocks = sorted(minutes)
    doses = [(f"{minute // 60:02d}:{minute % 60:02d}", n + 1) for n, minute in enumerate(clocks)]
    expected = []
    for day in range(days + 3):
        local = first + timedelta(days=day)
        for n, minute in enumerate(clocks):
            second = int(datetime(local.year, local.month, local.day, minute // 60, minute % 60, tzinfo=zone).timestamp())
            if int(start.timestamp()) <= second < end:
                expected.append((second, n + 1.0))
    found = course(start.replace(tzinfo=None).isoformat(sep=" "), *doses, zone=zone).until(Instant(end))
    assert taken(found) == sorted(expected)


@pytest.mark.parametrize(("start", "end"), [("2026-03-28 12:00", "2026-03-29 12:00"), ("2026-10-24 12:00", "2026-10-25 12:00")])
def test_a_dose_in_the_night_of_a_change_is_taken_once(start: str, end: str) -> None:
    """A tablet at 02:30 is one tablet in every night."""
    found = course(start, ("02:30", 5)).until(Instant(second_of(end)))
    assert [mg for _, mg in taken(found)] == [5.0]


def test_tablets_are_replaced_and_stopped_at_the_second() -> None:
    """What begins at 08:00 is taken at 08:00, what ends then is not; what never began leaves nothing."""
    exposure = Exposure(typical())
    for first in (
        course("2026-01-05 08:00", ("08:00", 5)),
        course("2026-01-07 08:00", ("08:00", 99)),
        course("2026-01-07 08:00", ("08:00", 10), ("20:00", 20)),
    ):
        exposure = exposure.takes(first)
    exposure = exposure.takes_once(Instant(second_of("2026-01-08 09:30")), OralDose(2500), "solution")
    exposure = exposure.stops(Instant(second_of("2026-01-09 08:00")))
    found = exposure.doses(Instant(second_of("2026-02-01 08:00"))).tablets
    assert taken(found) == [
        (second_of(text), mg)
        for text, mg in (
            ("2026-01-05 08:00", 5.0),
            ("2026-01-06 08:00", 5.0),
            ("2026-01-07 08:00", 10.0),
            ("2026-01-07 20:00", 20.0),
            ("2026-01-08 08:00", 10.0),
            ("2026-01-08 09:30", 2.5),
            ("2026-01-08 20:00", 20.0),
        )
    ]
    assert [one.form for one in found if 2.5 in one.mg] == ["solution"]


def test_a_case_hands_its_tablets_to_the_body() -> None:
    """One dose for all times, one for each in any order of the clock, and one alone."""
    events = """
[[event]]
at = "2026-01-05 07:00"
kind = "tablets"
doses = ["15 mg", "5 mg"]
times = ["22:00", "08:00"]
form = "granules"

[[event]]
at = "2026-01-06 07:00"
kind = "tablets"
dose = "10 mg"

[[event]]
at = "2026-01-07 00:00"
kind = "stop_tablets"
"""
    head = CASE[: CASE.index("[world]")].replace("2026-04-20", "2026-01-20")
    _, trace = ran(head + BODY + events)
    found = exposure_of(trace).doses(trace.end).tablets
    assert taken(found) == [
        (second_of("2026-01-05 08:00"), 5.0),
        (second_of("2026-01-05 22:00"), 15.0),
        (second_of("2026-01-06 07:00"), 10.0),
        (second_of("2026-01-06 08:00"), 5.0),
        (second_of("2026-01-06 22:00"), 15.0),
    ]
    assert sorted({one.form for one in found}) == ["granules", "tablet"]


# Examinations ---------------------------------------------------------------------------------------------------------


@st.composite
def visits(draw: st.DrawFn) -> list[tuple[str, int, float]]:
    """What is done and when, in the order of time: something is given at least every five days."""
    second, found = 0, []
    for _ in range(draw(st.integers(2, 9))):
        second += draw(st.sampled_from([0, 1, HOUR, DAY_S, 5 * DAY_S]) | st.integers(0, 5 * DAY_S))
        what = draw(st.sampled_from(["flow", "flow", "bolus", "puncture", "tablet", "tablets", "implant", "look", "look"]))
        found.append((what, second, draw(st.floats(1, 20))))
    return [*found, ("look", second + draw(st.integers(0, 5 * DAY_S)), 1.0)]


@settings(max_examples=25)
@given(visits())
def test_an_examination_is_the_full_response_whatever_was_examined_before(course_of: list[tuple[str, int, float]]) -> None:
    """To 1e-9, at any instants, in the second of a dose or of the implant, with and without examinations in between."""
    exposure = Exposure(typical(), boluses=(Bolus(0, np.array([20.0])),))
    flow, last = 0.0, 0
    for what, second, size in course_of:
        if flow and second > last:
            infusion = Infusion(last, second, "T10", np.array([flow]))
            exposure = replace(exposure, infusions=(*exposure.infusions, infusion))
        last = max(last, second)
        at = Instant(second)
        match what:
            case "flow":
                flow = size
            case "bolus" | "puncture":
                exposure = exposure.injected(at, round(size * 10**6), "T10" if what == "bolus" else LUMBAR_PUNCTURE)
            case "tablet":
                exposure = exposure.takes_once(at, OralDose(round(size * 1000)), "tablet")
            case "tablets":
                exposure = exposure.takes(TabletCourse(at, (OralDose(round(size * 1000)),), (8 * HOUR,), "tablet", BERLIN))
            case "implant":
                exposure = exposure.implanted(at)
            case _:
                try:
                    expected = fully(replace(exposure, state=None), at)
                    exposure, scores = exposure.assessed(at)
                    exposure, again = exposure.assessed(at)
                except NumericsError:
                    continue  # nothing is where it is looked for: the tests below
                assert max(apart(scores, expected), apart(again, expected)) <= 1e-9


def test_examinations_on_the_way_do_not_change_a_run() -> None:
    """Device, doses and the whole response are those of the case that nobody examined."""
    looked = "\n".join(
        f'[[event]]\nat = "{at}"\nkind = "assessment"\n' for at in ("2026-04-10 09:00", "2026-04-10 09:00", "2026-04-19 17:23")
    )
    (_, one), (_, other) = ran(WITH_BODY + looked), ran(WITH_BODY)
    hours = [Instant(second) for second in range(one.start.s, one.end.s, HOUR)]
    assert list(one.delivered_at(hours)) == list(other.delivered_at(hours))
    assert (one.events, one.balance) == (other.events, other.balance)
    grid = Grid.over(one.start.s, one.end.s, HOUR)
    seen = [exposure_of(trace).response(grid, (*SCORES, "tolerance")) for trace in (one, other)]
    for name in (*SCORES, "tolerance"):
        assert np.max(np.abs(seen[0][name] - seen[1][name])) <= 1e-9


@pytest.mark.parametrize("days", [20, 60, 200])
def test_a_body_without_drug_can_be_examined_again(days: int) -> None:
    """Long after the pump was taken out, twice: the tone is that without drug."""
    infusion = Infusion(0, 15 * DAY_S, "T10", np.array([8.0]))
    exposure = Exposure(typical(), infusions=(infusion,), implant=Instant(0))
    for visit in (1, 2):
        exposure, scores = exposure.assessed(Instant((15 + visit * days) * DAY_S))
        assert scores.ashworth_legs == pytest.approx(float(exposure.patient["legs_ashworth"][0]), abs=1e-3)


def test_a_body_can_be_examined_a_minute_after_a_screening_bolus() -> None:
    """It is in the lumbar fluid and not at the arms: every score is that without drug."""
    exposure, scores = Exposure(typical()).injected(Instant(0), 50 * 10**6, LUMBAR_PUNCTURE).assessed(Instant(60))
    assert scores.ashworth_arms == pytest.approx(float(exposure.patient["arms_ashworth"][0]), abs=1e-3)


def test_before_the_implant_there_is_no_tolerance_and_a_second_one_begins_nothing() -> None:
    """Tolerance counts from the first implant on; an examination before it keeps no state."""
    exposure = Exposure(typical(), infusions=(Infusion(0, 40 * DAY_S, "T10", np.array([8.0])),))
    before, early = exposure.assessed(Instant(20 * DAY_S))
    assert before.state is None
    assert early == fully(exposure, Instant(20 * DAY_S))
    since = exposure.implanted(Instant(20 * DAY_S))
    assert since.implanted(Instant(30 * DAY_S)).implant == Instant(20 * DAY_S)
    grid = Grid(20 * DAY_S, DAY_S, 21)
    held = since.response(grid, ("tolerance",))["tolerance"][0]
    assert held[0] == 0.0
    assert np.all(np.diff(held) > 0)
