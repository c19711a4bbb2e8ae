"""The defects that users of such software report: for each class the law that answers it.

A law is held through what anybody can call, over random input wherever it has any. Every docstring ends with the source as the
catalogue of hazards has it.
"""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench.days import full_day, short_day
from tests.bench.disk import Disk, Failure
from tests.bench.test_frame import flipped as changed_byte
from tests.body.bodies import (
    CONCENTRATIONS,
    DAY,
    HOUR,
    SETTLED,
    alone,
    clearance,
    day_and_night,
    everything,
    grids,
    mcg,
    population,
    populations,
    seeds,
    seen,
)
from tests.command import ROOT
from tests.courses import (
    COURSES,
    ODD_FLOWS,
    PROGRAMS,
    START,
    Operation,
    Wait,
    disturbed,
    done,
    flex_days,
    flow,
    ml,
    needled,
    new_bench,
    run_course,
    running_pump,
)
from tests.programmer.desk import Fate, continuous, desk, new_desk
from tests.pump.pumps import RUNNING, SINGLE, in_seconds, sounding
from tests.pump.pumps import given as flowed
from tests.pump.test_wand import WRITES, Talk, unseen
from thecal import read_case, run
from thecal.bench import journal as journal_module
from thecal.bench.frame import Decoder, Frame, FrameType
from thecal.bench.journal import BrokenJournalError
from thecal.bench.shelf import ShelvedPump
from thecal.bench.virtual_pump import Outcome, VirtualPump
from thecal.body.doses import Doses
from thecal.body.patient import Patients
from thecal.body.schedule import Grid
from thecal.body.superposition import DayResponse
from thecal.catheter.faults import CatheterFault
from thecal.chart.chart import Chart
from thecal.chart.facts import Fact, SessionEnded
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.pump.handle import handle
from thecal.pump.memory import digest
from thecal.pump.messages import (
    BeginUpdate,
    ChangeGain,
    Command,
    Commit,
    Fill,
    Interrogate,
    MemoryCorruption,
    Message,
    ReadBack,
    Stage,
    StartBolus,
    Update,
    Write,
)
from thecal.pump.program import Day, Flex, Program, SimpleContinuous, SingleBolus
from thecal.pump.reservoir import perform
from thecal.pump.sheet import pump_sheet
from thecal.pump.state import new_pump
from thecal.pump.wand import receive
from thecal.quantity import Concentration, FlowRate, Gain, Volume
from thecal.therapy.look import Look
from thecal.timeline import DAY_S, Duration, Instant

FEW = settings(max_examples=12)
FEWER = settings(max_examples=5)
C500 = Concentration(500)
UP = OrderSheet(dosing=continuous(120))
PUMPS = st.sampled_from(["reference-40", "synchromed-ii-40"])
SOUND_LINES = COURSES.map(lambda course: [operation for operation in course if not isinstance(operation, CatheterFault)])


@pytest.mark.requirement("SES-05")
@FEW
@given(PUMPS, st.integers(0, 3), st.sampled_from(["lost", "reply lost"]), st.integers(0, 2 * DAY_S))
def test_h40(sheet: str, step: int, fate: Fate, seconds: int) -> None:
    """H40: an update whose reply was lost is neither given nor not given, alike whether the pump had done it, until it is read.

    Users of open pump software; Generic Infusion Pump hazard analysis 1.0 (MS-CIS-08-31).
    """
    at, other = new_desk(sheet), new_desk(sheet)
    for one, what in ((at, fate), (other, "lost" if fate == "reply lost" else "reply lost")):
        one.reviewed(UP)
        assert one.confirm() is None
        for _ in range(step):
            assert one.proceed() is None
        assert one.proceed(what) is None
        one.wait(seconds)
    uncertain = at.session.at(at.now)
    assert (uncertain.standing, uncertain.why) == (other.session.at(other.now).standing, other.session.why)
    assert (uncertain.standing, uncertain.read_back) == ("uncertain", None)
    assert isinstance(uncertain.proceed(at.now), Refusal)
    assert at.interrogate() is None
    assert at.session.report is not None
    assert at.session.report.program == at.pump.memory.program


@pytest.mark.requirement("PMP-73")
@pytest.mark.requirement("PMP-76")
@FEW
@given(st.sampled_from(WRITES), st.lists(st.tuples(st.integers(0, 3), st.integers(0, 60)), min_size=5, max_size=5))
def test_h41(write: Write, repeats: list[tuple[int, int]]) -> None:
    """H41: a command is done once and answered the same, however often and however late it comes again.

    Users of open pump software; Generic Infusion Pump hazard analysis 1.0 (MS-CIS-08-31).
    """
    once, often = Talk(running_pump(RUNNING)), Talk(running_pump(RUNNING))
    token = often.says(Interrogate()).token
    assert once.says(Interrogate()).token == token
    commands: list[Command] = [BeginUpdate(token), Stage(write), Commit(digest(write)), ReadBack()]
    for command, (times, seconds) in zip(commands, repeats, strict=False):
        reply = once.send(command)
        assert often.send(command) == reply
        once.pump = in_seconds(once.pump, seconds * times)
        for _ in range(times):
            often.pump = in_seconds(often.pump, seconds)
            assert often.again(command) == reply
        assert often.pump == once.pump
    assert flowed(often.pump, DAY_S) == flowed(once.pump, DAY_S)


@pytest.mark.requirement("PMP-24")
@FEW
@given(st.integers(1, 20_000), st.integers(1, 20_000), st.integers(700_000, 1_300_000), st.integers(1, 200 * DAY_S))
def test_h42(filled: int, typed: int, ppm: int, seconds: int) -> None:
    """H42: what flows out follows what is truly in the reservoir, and the count what was typed: neither follows the other.

    Users of open pump software.
    """
    microlitre, program = 1000, SimpleContinuous(flow(0.2))

    def after(typed_nl: int, gain: Gain) -> tuple[int, int | None]:
        pump = disturbed(new_pump(pump_sheet("reference-40"), START), ChangeGain(gain))
        pump = needled(perform(pump, Fill(Volume(filled * microlitre), C500)))
        pump = done(handle(pump, Update(program, C500, Volume(typed_nl))))
        later = in_seconds(pump, seconds)
        return flowed(pump, seconds), later.memory.calculated_nl

    given_nl, counted = after(typed * microlitre, Gain(ppm))
    programmed = seconds * program.flow.nl_per_day // DAY_S
    assert given_nl == after(filled * microlitre, Gain(ppm))[0]
    assert counted == after(typed * microlitre, Gain(Gain.EXACT))[1] == max(typed * microlitre - programmed, 0)
    truly = seconds * program.flow.nl_per_day * ppm // (DAY_S * Gain.EXACT)
    assert abs(given_nl - min(filled * microlitre, truly)) <= 1


@cache
def first_year() -> tuple[Fact, ...]:
    """Every fact of a year of therapy, in which dose and program change eight times."""
    case = read_case(ROOT / "scenarios" / "first-year.toml")
    return run(case.world, case.source, case.until).chart.facts


@pytest.mark.requirement("CHT-01")
@FEW
@given(st.data())
def test_h43(data: st.DataObject) -> None:
    """H43: the chart as of a past instant is the fold over the facts up to then, with the program of then, whatever came later.

    Users of open pump software.
    """
    facts = first_year()
    at = Instant(data.draw(st.integers(facts[0].at.s, facts[-1].at.s)))
    known = [fact for fact in facts if fact.at <= at]
    later = data.draw(st.lists(st.sampled_from([fact for fact in facts if fact.at > at] or [facts[-1]]), max_size=6))
    later = sorted((fact for fact in later if fact.at > at), key=lambda fact: fact.at)
    then = Chart().after(*known)
    assert Look.at(Chart().after(*facts), at).chart == then
    assert Look.at(Chart().after(*known, *later), at).chart == then
    assert then.session == next((fact for fact in reversed(known) if isinstance(fact, SessionEnded)), None)


@pytest.mark.requirement("BEN-01")
@FEWER
@given(st.integers(1, 9), st.sampled_from([None, "nothing", "part", "all"]), st.integers(1, 40))
def test_h44(entries_max: int, done: str | None, calls: int) -> None:
    """H44: a journal is only ever added to: what was acknowledged stands byte for byte where it stood, failing disk or not.

    Users of open pump software.
    """
    day, disk, asked = full_day(), Disk(), 0

    def fails(call: str) -> Failure | None:
        nonlocal asked
        asked += call in ("append", "sync")
        return Failure(done=done) if done and call in ("append", "sync") and not asked % calls else None  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(journal_module, "ENTRIES_MAX", entries_max)
        shelved, before = ShelvedPump.new(disk, day.begun), dict[str, bytes]()
        disk.fails = fails
        for entry in day.entries:
            try:
                shelved.take(entry)
            except BrokenJournalError:
                disk.fails = lambda _: None
                shelved = ShelvedPump.open(disk)
                disk.fails = fails
            now = {name: data for name, data in disk.contents().items() if name.startswith("journal") and "." not in name}
            assert all(now[name].startswith(data) for name, data in before.items())
            before = now


@pytest.mark.requirement("BOD-02")
@FEWER
@given(seeds, st.sampled_from(["L3", "T10", "C5"]), st.floats(1, 2000), st.integers(1, 12))
def test_h45(seed: int, level: str, dose: float, phase_h: int) -> None:
    """H45: the steady state of an infusion is the last day of a long one written out day by day, leaves as fast as it enters.

    Users of pharmacokinetic engines.
    """
    patient, days = population(1, seed), 60
    hourly = np.full((1, 24), dose / 48)
    hourly[0, phase_h : phase_h + 12] *= 3
    written = tuple(
        replace(day_and_night(day * DAY, (day + 1) * DAY, level), mcg_per_h=hourly[0], ends_s=tuple(range(HOUR, DAY + 1, HOUR)))
        for day in range(days)
    )
    last = Grid((days - 1) * DAY, HOUR, 24)
    for channel in ("csf_t12_ng_per_ml", "plasma_ng_per_ml", "legs_ng_per_ml"):
        steady = DayResponse.of(patient, level, channel).under(hourly)[0]
        assert np.all(steady > 0)
        assert steady == pytest.approx(seen(patient, Doses(written), last, (channel,))[channel][0], rel=1e-6)
    fine = DayResponse.of(patient, level, "plasma_ng_per_ml", instants=1440).under(hourly)[0]
    assert fine.mean() * clearance(patient)[0] == pytest.approx(dose / 24, rel=1e-3)


@pytest.mark.requirement("PMP-30")
@pytest.mark.requirement("BOD-04")
@FEW
@given(st.sampled_from(["reference-40", "medstream-40"]), SOUND_LINES, populations, everything(), grids, st.data())
def test_h46(sheet: str, course: list[Operation], patients: Patients, doses: Doses, grid: Grid, data: st.DataObject) -> None:
    """H46: no step is part of a result: the device is the same however time is cut, the body however often it is looked at.

    Users of pharmacokinetic engines.
    """
    pieces: list[Operation] = []
    for operation in course:
        if isinstance(operation, Wait):
            cuts = sorted(data.draw(st.lists(st.integers(0, operation.seconds), max_size=3)))
            pieces += [Wait(end - start) for start, end in pairwise([0, *cuts, operation.seconds])]
        else:
            pieces.append(operation)
    assert run_course(new_bench(pump_sheet(sheet)), pieces) == run_course(new_bench(pump_sheet(sheet)), course)
    times = data.draw(st.integers(2, 7))
    few = replace(grid, step_s=grid.step_s * times, count=-(-grid.count // times))
    often, seldom = seen(patients, doses, grid), seen(patients, doses, few)
    for name in CONCENTRATIONS:
        most = often[name].max(axis=1, keepdims=True)
        assert np.all(np.abs(seldom[name] - often[name][:, ::times]) <= 1e-12 * most), name


@pytest.mark.requirement("PMP-22")
@pytest.mark.requirement("BOD-02")
@FEW
@given(flex_days(ODD_FLOWS), st.integers(0, DAY_S), st.integers(1, 400_000), st.integers(3600, DAY_S), populations)
def test_h47(day: Day, begins: int, volume: int, seconds: int, patients: Patients) -> None:
    """H47: a bolus over any schedule ends at its second with its whole volume on top; what is given together adds up.

    Users of pharmacokinetic engines.
    """
    pump = in_seconds(running_pump(Flex((day,)), fill=ml(40)), begins)
    bolus = done(handle(pump, StartBolus(SingleBolus(Volume(volume), Duration(seconds)))))
    assert (in_seconds(bolus, seconds - 1).mode, in_seconds(bolus, seconds).mode) == ("single bolus", "flex")
    assert flowed(bolus, seconds) == flowed(pump, seconds) + volume
    assert flowed(bolus, 2 * DAY_S) == flowed(pump, 2 * DAY_S) + volume
    basal = alone(day_and_night(0, 3 * DAY))
    over = alone(replace(day_and_night(begins, begins + seconds), mcg_per_h=mcg(volume / 1000), ends_s=(DAY,)))
    grid = Grid.over(begins + SETTLED, 3 * DAY, HOUR)
    one, other, both = (seen(patients, doses, grid) for doses in (basal, over, basal.and_also(over)))
    for name in CONCENTRATIONS:
        assert np.all(np.abs(one[name] + other[name] - both[name]) <= 1e-12 * both[name].max(axis=1, keepdims=True)), name


@pytest.mark.requirement("PMP-31")
@pytest.mark.requirement("SES-19")
@FEW
@given(st.integers(101, 145), st.integers(200_000, 300_000))
def test_h49(mcg_per_day: int, most_nl: int) -> None:
    """H49: what the pump would refuse the session refuses; where its list is another, the pump's refusal is its answer.

    Users of open pump software.
    """
    ordered = OrderSheet(dosing=continuous(mcg_per_day))
    same = new_desk()
    same.pump = replace(same.pump, sheet=replace(same.pump.sheet, flow_max=FlowRate(most_nl)))
    narrow = desk(same.pump, chart=same.chart)
    before = narrow.pump.memory.program
    assert same.interrogate() is None
    assert narrow.interrogate() is None
    refusal = narrow.prepare(ordered)  # it has the pump's own list
    made = same.prepare(ordered)  # its list says more than the pump takes
    assert made is None
    assert same.confirm() is None
    assert same.proceed() is None
    assert same.proceed() is None
    if refusal is None:
        assert same.session.standing == "staged"
        return
    assert same.session.refused is not None
    assert (refusal.rule, same.session.refused.rule) == ("PMP-02", "PMP-02")
    assert same.session.standing not in ("staged", "committed", "done")
    assert same.pump.memory.program == narrow.pump.memory.program == before


@pytest.mark.requirement("PMP-56")
@FEW
@given(PROGRAMS, st.integers(0, 10**6), st.integers(0, 30 * DAY_S))
def test_h50(program: Program, bit: int, seconds: int) -> None:
    """H50: whichever bit of the settings flips, under whatever program, the pump falls into its safe state and sounds the alarm.

    Critical memory error among the alarms: Gillette Children's, discharge information; GIP 3.3.1 to 3.3.4.
    """
    pump = disturbed(in_seconds(running_pump(program), seconds), MemoryCorruption("settings", bit))
    assert pump.mode == "safe state"
    assert "critical memory error" in sounding(pump)
    assert pump.memory.settings.concentration is None
    assert flowed(pump, DAY_S) == min(pump.sheet.minimum_rate_flow.nl_per_day, max(pump.usable_nl, 0))


@pytest.mark.requirement("BEN-04")
@pytest.mark.requirement("PMP-72")
@pytest.mark.requirement("PMP-73")
@FEW
@given(st.sampled_from(WRITES), st.integers(0, 10**6), st.integers(1, 255), st.data())
def test_h51(write: Write, place: int, mark: int, data: st.DataObject) -> None:
    """H51: a frame that is not what was sent is none, and a message that is replayed or of no session changes nothing.

    Generic Infusion Pump hazard analysis 1.0 (MS-CIS-08-31).
    """
    sent = Frame(FrameType.COMMAND, 7, 2, {"digest": digest(write), "kind": "Commit"})
    decoder = Decoder()
    found = [*decoder.feed(changed_byte(sent.encoded(), place, mark) + sent.encoded()), *decoder.give_up()]
    assert [piece for piece in found if isinstance(piece, Frame)] == [sent]
    talk = Talk(running_pump(RUNNING))
    talk.write(write)
    before = talk.pump
    replayed = data.draw(st.integers(0, talk.sequence - 1))
    written: list[Command] = [Stage(write), Commit(digest(write)), StartBolus(SINGLE)]
    anything = data.draw(st.sampled_from([*written, Interrogate()]))
    stranger = data.draw(st.sampled_from([*written, BeginUpdate(digest(write))]))
    for message, rule in ((Message("A", replayed, anything), "PMP-73"), (Message("B", 1, stranger), "PMP-72")):
        received = receive(talk.pump, message)
        assert isinstance(received.reply, Refusal)
        assert received.reply.rule == rule
        assert unseen(received.state) == unseen(before)


@pytest.mark.requirement("BEN-01")
def test_h52() -> None:
    """H52: wherever power fails, what is left is the pump that was acknowledged or the one under way, once and whole.

    Users of pump software; told from how disks and file systems write.
    """
    day, disk = short_day(), Disk()
    shelved = ShelvedPump.new(disk, day.begun)
    cuts: list[tuple[Disk, VirtualPump, VirtualPump]] = []
    for entry, before, after in zip(day.entries, day.pumps, day.pumps[1:], strict=False):
        disk.changed = lambda now=before, then=after: cuts.append((disk.copy(), now, then))  # type: ignore[misc]  # called within
        assert isinstance(shelved.take(entry), Outcome)
        disk.changed = lambda: None
        cuts.append((disk.copy(), after, after))
    opened: dict[frozenset[tuple[str, bytes]], VirtualPump] = {}
    for cut, before, after in cuts:
        for left in cut.remains():
            key = frozenset(left.items())
            if key not in opened:
                opened[key] = ShelvedPump.open(Disk.holding(left)).pump
            assert opened[key] in (before, after)
    assert len(cuts) > len(day.entries) * 3
