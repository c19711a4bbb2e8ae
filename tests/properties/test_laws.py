"""The laws of the device, over random courses."""

import random
from dataclasses import replace
from itertools import accumulate, pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.courses import (
    COURSES,
    GAINS,
    ODD_FLOWS,
    SHEETS,
    SOME,
    START,
    Bench,
    MagnetFor,
    Operation,
    Port,
    StallFor,
    Wait,
    done,
    flex_days,
    flow,
    ml,
    new_bench,
    run_course,
    running_pump,
)
from thecal.catheter.line import Line
from thecal.catheter.transport import transport
from thecal.pump.advance import advance
from thecal.pump.alarms import ALARMS, tones
from thecal.pump.handle import handle
from thecal.pump.messages import ChangeGain, Event, Fill, SetClock, StartBolus, Update, Withdraw
from thecal.pump.modes import CHANGES, members
from thecal.pump.program import Day, Flex, MinimumRate, SimpleContinuous, SingleBolus, Step, program_pattern
from thecal.pump.sheet import PumpSheet, pump_sheet
from thecal.quantity import Concentration, FlowRate, Gain, Volume
from thecal.timeline import DAY_S, WEEK_S, Block, Duration, Instant, Interval
from thecal.twin.world import World, pass_time

sheets = st.builds(
    lambda name, basal: replace(pump_sheet(name), basal_during_bolus=basal),
    st.sampled_from(SOME),
    st.sampled_from(["continues", "suspended"]),
)
drifts = st.sampled_from([0, 0, 7, -3])
CUTS = 20_000
CHANGES_OF_MODE = {(a, cause, b) for source, cause, target in CHANGES for a in members(source) for b in members(target)}


@pytest.mark.requirement("TWN-10")
@given(sheets, COURSES)
def test_conservation(sheet: PumpSheet, operations: list[Operation]) -> None:
    """Whatever is done, every nanolitre and every picogram that came in is somewhere."""
    bench = new_bench(sheet)
    dead_volume = bench.world.line.volume_nl
    for operation in operations:
        bench = bench.do(operation)
        balance = bench.world.balance()
        assert (balance.gap_nl, balance.gap_pg) == (0, 0)
        assert bench.world.line.volume_nl == dead_volume
        assert all(entry.volume_nl >= 0 and entry.amount_pg >= 0 for entry in balance.held)


@pytest.mark.requirement("PMP-30")
@given(sheets, COURSES, drifts, st.data())
def test_a_wait_cut_anywhere_is_the_same_wait(
    sheet: PumpSheet, operations: list[Operation], drift_s: int, data: st.DataObject
) -> None:
    """Splitting every wait at random seconds leaves the same state, line and ledger, and the same events."""
    whole = run_course(new_bench(sheet, clock_drift_s=drift_s), operations)
    pieces: list[Operation] = []
    for operation in operations:
        if isinstance(operation, Wait):
            cuts = sorted(data.draw(st.lists(st.integers(0, operation.seconds), max_size=3)))
            pieces += [Wait(b - a) for a, b in pairwise([0, *cuts, operation.seconds])]
        else:
            pieces.append(operation)
    assert run_course(new_bench(sheet, clock_drift_s=drift_s), pieces) == whole


@pytest.mark.requirement("PMP-30")
def test_a_needle_in_the_port_leaves_no_seam() -> None:
    """A course whose line once kept a fluid in two parts, or made it one, depending on where time was cut."""
    strong = Concentration(1000)
    bench = run_course(
        new_bench(pump_sheet("prometra-ii-40"), clock_drift_s=-3),
        [
            Fill(Volume(3_526_385), Concentration(500)),
            Update(SimpleContinuous(FlowRate(900_000)), Concentration(500), Volume(3_526_385)),
            Wait(2 * DAY_S),
            Port("aspirate", Volume(3_294), 500),
            Update(MinimumRate(), strong),
        ],
    )
    for days in range(1, 40):
        whole = bench.do(Wait(days * DAY_S))
        cut = run_course(bench, [Wait(DAY_S // 24)] * (24 * days))
        assert cut.world.line == whole.world.line


@pytest.mark.requirement("PMP-30")
def test_twenty_thousand_cuts() -> None:
    """A year with a flex program, a bolus and a gain, cut 20,000 times, is the same year to the nanolitre and picogram."""
    day = tuple(
        Step(hour * 3600, flow) for hour, flow in ((6, flow(0.111)), (7, flow(0.533)), (22, flow(0.207)), (24, flow(0.3)))
    )
    pump = running_pump(Flex((day,)), "synchromed-ii-40", gain=Gain(1_037_123))
    pump = done(handle(pump, StartBolus(SingleBolus(ml(0.1000003), Duration(601)))))
    line = Line.holding(ml(0.33669), "sterile water")
    whole = pass_time(World(START, pump, line), Instant(START.s + 366 * DAY_S)).world
    world = World(START, pump, line)
    events: list[Event] = []
    for second in sorted(random.Random(7).sample(range(366 * DAY_S), CUTS)):
        passed = pass_time(world, Instant(START.s + second))
        world = passed.world
        events += passed.events
    passed = pass_time(world, Instant(START.s + 366 * DAY_S))
    assert passed.world == whole
    assert (*events, *passed.events) == pass_time(World(START, pump, line), Instant(START.s + 366 * DAY_S)).events
    assert whole.ledger.intrathecal.volume_nl == ml(30).nl  # it ran dry, with a year of cuts on the way


@given(sheets, COURSES, st.integers(0, 5 * WEEK_S))
def test_time_shift(sheet: PumpSheet, operations: list[Operation], shift: int) -> None:
    """The same course later, under a clock set back by as much, is the same course; what sets the clock is left out."""
    operations = [operation for operation in operations if not isinstance(operation, SetClock)]
    here = run_course(new_bench(sheet), operations)
    there = run_course(new_bench(sheet, Instant(START.s + shift), -shift), operations)
    assert there.world.ledger == here.world.ledger
    assert there.world.line == here.world.line
    assert there.pump.mechanics.reservoir == here.pump.mechanics.reservoir
    assert there.pump.mechanics.drive == here.pump.mechanics.drive
    assert there.pump.mechanics.carry == here.pump.mechanics.carry
    assert there.pump.memory.calculated_nl == here.pump.memory.calculated_nl
    assert [event.at.s - shift for event in there.events] == [event.at.s for event in here.events]
    assert [str(refusal) for refusal in there.refusals] == [str(refusal) for refusal in here.refusals]


@given(sheets, COURSES)
def test_cumulative_volume_never_decreases(sheet: PumpSheet, operations: list[Operation]) -> None:
    """What has flowed never flows back; the belief only falls by itself."""
    bench = new_bench(sheet)
    for operation in operations:
        after = bench.do(operation)
        assert after.world.ledger.intrathecal.volume_nl >= bench.world.ledger.intrathecal.volume_nl
        assert after.world.ledger.intrathecal.amount_pg >= bench.world.ledger.intrathecal.amount_pg
        believed, was = after.pump.memory.calculated_nl, bench.pump.memory.calculated_nl
        if isinstance(operation, Wait) and believed is not None and was is not None:
            assert believed <= was
        bench = after


@pytest.mark.requirement("PMP-27")
@given(st.sampled_from(SOME).map(pump_sheet), COURSES)
def test_every_change_of_mode_is_in_the_table(sheet: PumpSheet, operations: list[Operation]) -> None:
    """Whatever happens, the pump goes from mode to mode only as its second table says."""
    bench = new_bench(sheet)
    for operation in operations:
        after = bench.do(operation)
        modes = bench.pump.mode, after.pump.mode
        if modes[0] != modes[1] and isinstance(operation, Wait):
            modes_on_the_way = course_of_modes(bench, operation.seconds)
            assert all((a, "time", b) in CHANGES_OF_MODE for a, b in pairwise(modes_on_the_way) if a != b)
        elif modes[0] != modes[1]:
            assert (modes[0], cause_of(operation), modes[1]) in CHANGES_OF_MODE
        bench = after


@pytest.mark.requirement("PMP-53")
@given(sheets, COURSES, st.data())
def test_an_alarm_condition_is_always_signalled_within_its_interval(
    sheet: PumpSheet, operations: list[Operation], data: st.DataObject
) -> None:
    """At any second the alarms that sound are those whose condition holds, and each sounds in every one of its intervals."""
    bench = new_bench(sheet)
    for operation in operations:
        if isinstance(operation, Wait) and operation.seconds:
            pump = advance(bench.pump, Instant(bench.world.now.s + data.draw(st.integers(0, operation.seconds)))).state
            holds = {kind.name for kind in ALARMS if kind.condition(pump)} if sheet.programmable else set()
            assert {alarm.kind.name for alarm in pump.memory.alarms} == holds
            for alarm in pump.memory.alarms:
                critical = alarm.kind.severity == "critical"
                every = sheet.alarm_interval_critical if critical else sheet.alarm_interval_non_critical
                start = Instant(alarm.onset.s + data.draw(st.integers(0, 10**7)))
                assert len(list(tones(alarm, sheet, Interval(start, start + every)))) == 1
                assert next(tones(alarm, sheet, Interval(alarm.onset, alarm.onset + every))) == alarm.onset
        bench = bench.do(operation)


def course_of_modes(bench: Bench, seconds: int) -> list[str]:
    """The modes at every second at which something may change, during a wait."""
    until = Instant(bench.world.now.s + seconds)
    passage = advance(bench.pump, until)
    changes = {bench.world.now.s, until.s}
    for block in passage.blocks:
        changes |= {block.interval.end.s, *(segment.interval.start.s for segment in block.segments())}
    pump, modes = bench.pump, [bench.pump.mode]
    for second in sorted(changes):
        pump = advance(pump, Instant(second)).state
        modes.append(pump.mode)
    return modes


def cause_of(operation: Operation) -> str:
    names: dict[type, str] = {MagnetFor: "magnetic field", StallFor: "motor stall", Port: "access port"}
    return str(names.get(type(operation)) or getattr(operation, "name", ""))


@given(st.lists(flex_days(ODD_FLOWS), min_size=7, max_size=7), st.integers(-12 * 3600, 14 * 3600))
def test_a_day_of_a_program_is_its_steps(days: list[Day], clock_offset_s: int) -> None:
    """Each day from pump midnight delivers the sum of its steps, and no more than a nanolitre is ever owed."""
    program = Flex(tuple(days))
    sheet = pump_sheet("reference-40")
    midnight = Instant(START.s - START.s % DAY_S - clock_offset_s)  # a Monday's, by the pump clock
    bench = new_bench(sheet, midnight, clock_offset_s)
    bench = run_course(bench, [Fill(ml(40), Concentration(500)), Update(program, Concentration(500), ml(40))])
    numerator = 0
    for day in days:
        bench = bench.do(Wait(DAY_S))
        starts = [0, *(step.until_s for step in day)]
        numerator += sum((step.until_s - start) * step.flow.nl_per_day for start, step in zip(starts, day, strict=False))
        given_nl = 40_000_000 - bench.pump.usable_nl
        assert given_nl == min(numerator // DAY_S, 40_000_000)


@given(flex_days(ODD_FLOWS), st.integers(0, DAY_S - 1), st.integers(1, 3 * DAY_S), st.integers(0, 10**6))
def test_first_second_is_the_first(day: Day, phase: int, seconds: int, back: int) -> None:
    """A crossing is the first whole second at or after it: a second earlier it had not happened."""
    pattern = program_pattern(Flex((day,)), pump_sheet("reference-40"))
    target = max(1, pattern.numerator(phase, seconds) - back)
    first = pattern.seconds_to(phase, target)
    assert first is not None
    assert pattern.numerator(phase, first) >= target > pattern.numerator(phase, first - 1)


@given(sheets, COURSES, st.data())
def test_a_block_tells_when(sheet: PumpSheet, operations: list[Operation], data: st.DataObject) -> None:
    """Blocks follow each other without a gap, and a block cut anywhere adds up to itself."""
    bench = run_course(new_bench(sheet), operations)
    passage = advance(bench.pump, Instant(bench.world.now.s + 60 * DAY_S))
    tip: list[Block] = []
    line, lost_nl = bench.world.line, 0
    for block in passage.blocks:
        arrived = transport(line, block)
        line = arrived.line
        lost_nl += arrived.lost_nl
        tip += arrived.tip
    for blocks in (passage.blocks, tip):
        assert all(earlier.interval.end == later.interval.start for earlier, later in pairwise(blocks))
        assert blocks[0].interval.start == bench.world.now
        for block in blocks:
            seconds = data.draw(st.integers(0, block.interval.seconds))
            before, after = block.cut(seconds)
            assert (before.volume_nl + after.volume_nl, before.amount_pg + after.amount_pg) == (block.volume_nl, block.amount_pg)
            assert before.volume_nl == block.volume_by(seconds)
            assert block.volume_by(block.interval.seconds) == block.volume_nl
    assert sum(block.volume_nl for block in tip) + lost_nl == sum(block.volume_nl for block in passage.blocks)


@pytest.mark.requirement("PMP-22")
@given(GAINS, st.integers(1, 400_000), st.integers(60, 7200))
def test_a_bolus_ends_exact(gain: Gain, volume: int, seconds: int) -> None:
    """A bolus that runs to its end counts exactly its volume, over a basal flow that it does not disturb; truly, times gain."""
    assume(volume * DAY_S <= 23 * 10**6 * seconds)
    pump = running_pump(SimpleContinuous(flow(0.123)), fill=ml(40), gain=gain)
    with_bolus = done(handle(pump, StartBolus(SingleBolus(Volume(volume), Duration(seconds)))))
    end = Instant(START.s + seconds)
    plain, bolus = advance(pump, end).state, advance(with_bolus, end).state
    assert bolus.memory.bolus is None
    assert plain.memory.calculated_nl is not None
    assert bolus.memory.calculated_nl == plain.memory.calculated_nl - volume
    assert bolus.memory.carry == plain.memory.carry
    assert abs((plain.usable_nl - bolus.usable_nl) * Gain.EXACT - volume * gain.ppm) < Gain.EXACT


def test_withdraw_in_pieces_is_withdraw_at_once() -> None:
    """However a reservoir is emptied, the drug that came out is the same."""
    bench = run_course(new_bench(pump_sheet("synchromed-ii-20")), [Fill(ml(17.000001), Concentration(605))])
    pieces: list[Bench] = list(accumulate([Withdraw(ml(3.3333333))] * 5, lambda b, w: b.do(w), initial=bench))
    assert run_course(pieces[-1], [Withdraw()]).world.ledger == bench.do(Withdraw()).world.ledger


@pytest.mark.long
@pytest.mark.requirement("PMP-30")
@pytest.mark.parametrize("seed", range(8))
def test_twenty_thousand_cuts_of_any_course(seed: int) -> None:
    """Random courses of years, cut 20,000 times each."""
    source = random.Random(seed)
    day = tuple(
        Step(end, FlowRate(source.randint(48_000, 600_000))) for end in (*sorted(source.sample(range(60, DAY_S), 9)), DAY_S)
    )
    operations: list[Operation] = [
        ChangeGain(Gain(source.randint(800_000, 1_200_000))),
        Fill(ml(source.uniform(15, 20)), Concentration(500)),
        Update(Flex((day,)), Concentration(500), ml(18)),
        Wait(source.randint(1, 200 * DAY_S)),
        StartBolus(SingleBolus(Volume(source.randint(1, 10**5)), Duration(source.randint(600, DAY_S)))),
        Wait(source.randint(1, 200 * DAY_S)),
        Withdraw(),
        Fill(ml(20), Concentration(2000)),
        Update(Flex((day,)), Concentration(2000), ml(20)),
        Wait(source.randint(1, 700 * DAY_S)),
    ]
    sheet = pump_sheet(source.choice(SHEETS))
    whole = run_course(new_bench(sheet), operations)
    cut = new_bench(sheet)
    for operation in operations:
        if isinstance(operation, Wait):
            seconds = sorted(source.choices(range(operation.seconds + 1), k=CUTS // 3))
            cut = run_course(cut, (Wait(b - a) for a, b in pairwise([0, *seconds, operation.seconds])))
        else:
            cut = cut.do(operation)
    assert cut == whole
