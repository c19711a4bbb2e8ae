"""Sessions in a case: what they leave in pump, line, chart and ledger, what a lost message leaves, and whose turn it is."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.courses import START, ml
from tests.twin.test_operations import (
    C500,
    C2000,
    DEAD_NL,
    FIRST,
    HUNDRED,
    IMPLANT,
    PATIENT,
    REFERENCE,
    SYNCHROMED,
    at,
    given_by,
    pump_of,
    ran,
    rules,
    told,
)
from tests.twin.test_slips import SLIPS
from thecal.catheter.line import Line
from thecal.chart.chart import Chart
from thecal.chart.facts import (
    Acted,
    Entered,
    Fact,
    Filled,
    Interrogated,
    Ordered,
    ResidualMeasured,
    SessionEnded,
    SessionUncertain,
)
from thecal.chart.line_ledger import line_ledger
from thecal.chart.order import OrderBolus, OrderContinuous, OrderMinimumRate, OrderPatient, OrderPeriodic, OrderStop
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.fluid import Content
from thecal.pump.messages import ChangeGain, Interference
from thecal.pump.program import BridgeBolus, PrimingBolus, SimpleContinuous
from thecal.pump.sheet import PumpSheet, pump_sheet
from thecal.quantity import Amount, Concentration, DailyDose, FlowRate, Gain, Volume
from thecal.timeline import DAY_S, Duration, Instant
from thecal.twin.act import act
from thecal.twin.action import (
    Action,
    EndBolus,
    GiveBolus,
    HoldSession,
    Look,
    Needle,
    OpenUpdate,
    Prime,
    Refill,
    ReplacePump,
    Reprogram,
    SetPumpClock,
)
from thecal.twin.exchange import OLD_FLUID
from thecal.twin.ledger import Entry
from thecal.twin.trace import Trace
from thecal.twin.world import Mishap, PlannedFault, Slip, World, befall, pass_time


def dose(mcg: float) -> DailyDose:
    return DailyDose(round(mcg * 10**6))


def continuous(mcg: float) -> OrderContinuous:
    return OrderContinuous(dose(mcg))


def later(days: float, seconds: int) -> Instant:
    return Instant(at(days).s + seconds)


def told_of(trace: Trace, *kinds: type) -> list[Fact]:
    """The facts of these kinds, in order."""
    return [fact for fact in trace.chart.facts if isinstance(fact, kinds)]


# HUNDRED is 0.2 mL/day of 500 mcg/mL and UP 0.24; twenty days after FIRST 14 of 18 mL are left.
UP = OrderSheet(dosing=continuous(120))
ALARM = OrderSheet(low_reservoir=ml(3))
TYPED = OrderSheet(concentration=C500, reservoir=ml(18))
SAME = Needle(ml(18), C500)
STRONGER = OrderSheet(dosing=HUNDRED, concentration=C2000, reservoir=ml(18), bridge=True)
RINSED = Needle(ml(18), C2000, rinse=ml(2), rinses=3)
BOLUS = OrderBolus(Amount(50 * 10**6), Duration(600))
PERIODIC = OrderPeriodic(Amount(10**7), Duration(600), Duration(6 * 3600), 3600, dose(60))
SHEETS = pytest.mark.parametrize("sheet", [REFERENCE, SYNCHROMED], ids=lambda sheet: sheet.name)

# A session and what says the same ------------------------------------------------------------------------------------

ALIKE: list[tuple[list[Action], list[Action]]] = [
    ([HoldSession(START, replace(TYPED, dosing=HUNDRED), SAME)], [FIRST]),
    (
        [HoldSession(START, replace(TYPED, dosing=HUNDRED, patient=PATIENT), SAME)],
        [replace(FIRST, patient=PATIENT)],
    ),
    (
        [HoldSession(START, replace(TYPED, dosing=HUNDRED, prime=True), SAME)],
        [FIRST, Prime(START, Volume(DEAD_NL), FlowRate(24_000_000))],
    ),
    ([FIRST, HoldSession(at(5), UP)], [FIRST, Reprogram(at(5), continuous(120))]),
    (
        [FIRST, HoldSession(at(5), replace(UP, patient=PATIENT))],
        [FIRST, Reprogram(at(5), continuous(120), PATIENT)],
    ),
    ([FIRST, HoldSession(at(5), OrderSheet(dosing=PERIODIC))], [FIRST, Reprogram(at(5), PERIODIC)]),
    ([FIRST, HoldSession(at(5), OrderSheet(dosing=OrderStop()))], [FIRST, Reprogram(at(5), OrderStop())]),
    ([FIRST, HoldSession(at(5), OrderSheet(dosing=OrderMinimumRate()))], [FIRST, Reprogram(at(5), OrderMinimumRate())]),
    ([FIRST, HoldSession(at(5), OrderSheet(bolus=BOLUS))], [FIRST, GiveBolus(at(5), BOLUS)]),
    ([FIRST, HoldSession(at(5), OrderSheet(clock_offset_s=7200))], [FIRST, SetPumpClock(at(5), 7200)]),
    ([FIRST, HoldSession(at(20), TYPED, SAME)], [FIRST, Refill(at(20), ml(18), C500)]),
    (
        [FIRST, HoldSession(at(20), replace(TYPED, dosing=continuous(120)), SAME)],
        [FIRST, Refill(at(20), ml(18), C500, continuous(120))],
    ),
    (
        [FIRST, HoldSession(at(20), TYPED, replace(SAME, drawn_up=ml(20), measured=ml(13.4)))],
        [FIRST, Refill(at(20), ml(18), C500, drawn_up=ml(20), measured=ml(13.4))],
    ),
]


@pytest.mark.requirement("SES-10")
@SHEETS
@pytest.mark.parametrize(("by_session", "plain"), ALIKE, ids=lambda actions: f"{actions[-1].name}")
def test_a_session_leaves_what_the_plain_event_leaves(sheet: PumpSheet, by_session: list[Action], plain: list[Action]) -> None:
    """The same pump, line and ledger ten days later, the same events; in the chart the same fills, residuals and order."""
    one, other = (ran(replace(IMPLANT, sheet=sheet), *actions, until=30) for actions in (by_session, plain))
    assert rules(one) == rules(other) == []
    for part in ("settings", "count", "bolus", "hold", "given", "signals"):
        assert getattr(pump_of(one).memory, part) == getattr(pump_of(other).memory, part), part
    assert pump_of(one).mechanics == pump_of(other).mechanics
    assert replace(one.world, pump=None) == replace(other.world, pump=None)
    assert one.events == other.events
    assert one.balance == other.balance
    kinds = Ordered, ResidualMeasured, Filled, Entered
    assert told_of(one, *kinds) == told_of(other, *kinds)
    assert one.chart.session is not None
    assert other.chart.session is not None
    assert one.chart.session.order == other.chart.session.order
    assert one.chart.session.report.program == other.chart.session.report.program
    assert (one.chart.typed, one.chart.uses) == (other.chart.typed, other.chart.uses)
    assert one.courses[-1].refill_by == other.courses[-1].refill_by


@pytest.mark.requirement("SES-10")
@pytest.mark.parametrize("needle", [Needle(ml(18), C2000), RINSED], ids=["as it is", "rinsed"])
def test_a_bridge_by_a_session_is_the_bridge_of_a_refill(needle: Needle) -> None:
    """100 mcg/day from 500 to 2,000 mcg/mL in a pump that keeps no rest: 0.3168 mL at 0.2 mL/day, 136,858 s.

    Rinses change nothing but what came from the vials and was withdrawn again.
    """
    one = ran(IMPLANT, FIRST, HoldSession(at(20), STRONGER, needle), until=40)
    other = ran(IMPLANT, FIRST, Refill(at(20), ml(18), C2000, HUNDRED, bridge=True), until=40)
    assert rules(one) == []
    assert told(one)[-1] == ("bridge bolus ended", 20 + 136_858 / DAY_S)
    assert one.world.line == other.world.line
    assert pump_of(one).mechanics == pump_of(other).mechanics
    assert pump_of(one).memory.settings == pump_of(other).memory.settings
    mine, theirs = one.balance.ledger, other.balance.ledger
    rinse = Entry(needle.rinses * 2_000_000, needle.rinses * 2_000_000 * 2000)
    assert mine.vial == theirs.vial.plus(rinse.volume_nl, rinse.amount_pg)
    assert mine.withdrawn == theirs.withdrawn.plus(rinse.volume_nl, rinse.amount_pg)
    assert (mine.intrathecal, mine.tissue, mine.wasted) == (theirs.intrathecal, theirs.tissue, theirs.wasted)


@pytest.mark.requirement("SES-03")
def test_what_was_not_bridged_is_told_of_a_session_as_of_a_refill() -> None:
    """A reason against the bridge was written down; unseen, the old 0.3168 mL still leave the tip first, and the run says so."""
    orders = OrderSheet(dosing=HUNDRED, concentration=C2000, reservoir=ml(18), without_bridge="the patient is in hospital")
    one = ran(IMPLANT, FIRST, HoldSession(at(20), orders, RINSED), until=30)
    other = ran(IMPLANT, FIRST, Refill(at(20), ml(18), C2000, HUNDRED), until=30)
    assert rules(one) == []
    assert given_by(one, 20, 23, 30) == given_by(other, 20, 23, 30)
    assert [event for event in one.events if event.kind == OLD_FLUID] == [
        event for event in other.events if event.kind == OLD_FLUID
    ]


@SHEETS
def test_a_reading_by_a_programmer_reads_and_changes_nothing(sheet: PumpSheet) -> None:
    """As a plain one: the same world but for whom the pump has heard, and the reading under the programmer's name."""
    one, other = (ran(replace(IMPLANT, sheet=sheet), FIRST, look, until=10) for look in (Look(at(5), "ward"), Look(at(5))))
    assert pump_of(one).memory.settings == pump_of(other).memory.settings
    assert pump_of(one).mechanics == pump_of(other).mechanics
    assert one.balance == other.balance
    (mine,), (theirs,) = told_of(one, Interrogated), told_of(other, Interrogated)
    assert isinstance(mine, Interrogated)
    assert isinstance(theirs, Interrogated)
    assert (mine.report, theirs.session) == (theirs.report, None)
    assert "ward" in (mine.session or "")


def test_a_reading_by_a_programmer_ends_telemetry_mode_too() -> None:
    """After interference under a sounding alarm, whoever reads the pump wakes it."""
    short = replace(FIRST, typed=ml(2.2))
    trace = ran(replace(IMPLANT, sheet=SYNCHROMED), short, Look(at(4), "ward"), until=5, faults=[(2, Interference())])
    assert ("telemetry mode ended", 4) in told(trace)
    assert given_by(trace, 2, 4, 5) == [400_000, 400_000, 600_000]


# Where all of it goes --------------------------------------------------------------------------------------------------


@pytest.mark.requirement("TWN-10")
@pytest.mark.parametrize(("volume", "rinses"), [(2, 1), (2, 3), (5, 2), (18, 1)])
def test_each_rinse_thins_the_rest_that_no_needle_reaches(volume: float, rinses: int) -> None:
    """1.4 mL stay in a SynchroMed; each rinse of V mL leaves 1.4/(1.4 + V) of the difference, and the fill thins it once more.

    At operation that rest is water, so that 18 mL of 500 mcg/mL are 9,000 mcg in 19.4 mL.
    """
    needle = Needle(ml(18), C2000, rinse=ml(volume), rinses=rinses)
    trace = ran(replace(IMPLANT, sheet=SYNCHROMED), FIRST, HoldSession(at(20), STRONGER, needle), until=20)
    assert rules(trace) == []
    before = Fraction(9000, 1) / Fraction("19.4")
    stays = Fraction("1.4") / (Fraction("1.4") + Fraction(str(volume)))
    rest = 2000 - (2000 - before) * stays**rinses
    held = (rest * Fraction("1.4") + 2000 * 18) / Fraction("19.4")
    assert pump_of(trace).mechanics.reservoir.mcg_per_ml == pytest.approx(float(held), rel=1e-8)
    ledger, rinsed_nl = trace.balance.ledger, rinses * round(volume * 10**6)
    assert ledger.vial == Entry(36_000_000 + rinsed_nl, 9 * 10**9 + (18_000_000 + rinsed_nl) * 2000)
    assert ledger.withdrawn.volume_nl == 14_000_000 + rinsed_nl
    assert ledger.withdrawn.amount_pg == pytest.approx(
        float(14 * 10**6 * before + 10**6 * Fraction("1.4") * (before - rest) + rinsed_nl * 2000), abs=30
    )
    assert ledger.wasted == Entry()


@pytest.mark.requirement("TWN-10")
@pytest.mark.parametrize(
    ("slip", "reservoir", "vial", "tissue", "wasted"), SLIPS, ids=("none", "strength", "drug", "pocket", "all of it", "overfill")
)
def test_a_slip_at_a_session_is_in_the_ledger_and_not_in_the_chart(
    slip: Slip, reservoir: Entry, vial: Entry, tissue: Entry, wasted: Entry
) -> None:
    """What is true of a plain refill; people write down the same as without it, and the pump is told the same."""
    hold = HoldSession(at(10), TYPED, replace(SAME, drawn_up=ml(20)))
    trace = ran(IMPLANT, FIRST, hold, until=10, faults=[(9, slip)])
    honest = ran(IMPLANT, FIRST, hold, until=10)
    assert rules(trace) == []
    balance = trace.balance
    assert balance.reservoir == reservoir
    assert (balance.ledger.tissue, balance.ledger.wasted) == (tissue, wasted)
    assert balance.ledger.vial == Entry(18_000_000, 9 * 10**9).plus(vial.volume_nl, vial.amount_pg)
    assert balance.ledger.withdrawn == Entry(16_000_000, 8 * 10**9)
    assert trace.world.slip is None
    kinds = Ordered, Filled, Entered, ResidualMeasured, Interrogated, SessionEnded
    assert told_of(trace, *kinds) == told_of(honest, *kinds)


@pytest.mark.requirement("TWN-10")
def test_rinses_are_done_with_what_is_truly_in_the_syringe() -> None:
    """Twice 2 mL and the fill of 18 mL come from the wrong vial; the rinses are withdrawn, what else was drawn up is wasted."""
    needle = replace(SAME, drawn_up=ml(19), rinse=ml(2), rinses=2)
    trace = ran(IMPLANT, FIRST, HoldSession(at(10), TYPED, needle), until=10, faults=[(9, Slip(concentration=C2000))])
    ledger = trace.balance.ledger
    assert trace.balance.reservoir == Entry(18_000_000, 36 * 10**9)
    assert ledger.vial == Entry(18_000_000 + 23_000_000, 9 * 10**9 + 46 * 10**9)
    assert ledger.withdrawn == Entry(16_000_000 + 4_000_000, 8 * 10**9 + 8 * 10**9)
    assert ledger.wasted == Entry(1_000_000, 2 * 10**9)


def test_an_overfill_at_a_session_spoils_the_flow() -> None:
    """2 mL too many are forced in and the pump then runs 30 % too fast, which nobody can know."""
    slip = Slip(extra=ml(2), gain=Gain(1_300_000))
    hold = HoldSession(at(10), TYPED, Needle(ml(20), C500))
    trace = ran(IMPLANT, FIRST, replace(hold, orders=replace(TYPED, reservoir=ml(20))), until=20, faults=[(9, slip)])
    assert rules(trace) == []
    assert given_by(trace, 10, 20) == [2_000_000, 4_600_000]
    assert [event.severity for event in trace.events if event.kind == ChangeGain.name] == ["unsensed"]


PUMPS = st.sampled_from(["reference-20", "synchromed-ii-20", "synchromed-iii-20", "prometra-ii-20", "medstream-20"])
STRENGTHS = st.sampled_from([C500, C2000])
LOST = [
    "begin update", "reply to begin update", "stage", "reply to stage", "commit", "reply to commit", "read back",
    "reply to read back",
]  # fmt: skip
ORDERS: st.SearchStrategy[OrderSheet] = st.sampled_from(
    [
        UP,
        ALARM,
        replace(UP, low_reservoir=ml(4)),
        OrderSheet(dosing=OrderStop()),
        OrderSheet(dosing=continuous(60), patient=OrderPatient(Amount(10**7), Duration(600), Duration(7200), 3)),
        OrderSheet(bolus=BOLUS),
        OrderSheet(clock_offset_s=3600),
        OrderSheet(prime=True),
        OrderSheet(dosing=HUNDRED, bridge=True),
        OrderSheet(dosing=HUNDRED, without_bridge="asked for"),
    ]
)


@st.composite
def refills(draw: st.DrawFn) -> HoldSession:
    """A session with a needle: any volume, strength, residual, rinses; bridged, primed, or neither with a reason."""
    volume, strength = Volume(draw(st.integers(1, 21_000_000))), draw(STRENGTHS)
    rinse = draw(st.none() | st.integers(1, 20_000_000).map(Volume))
    needle = Needle(
        volume,
        strength,
        measured=draw(st.none() | st.integers(0, 20_000_000).map(Volume)),
        drawn_up=draw(st.none() | st.integers(1, 25_000_000).map(Volume)),
        rinse=rinse,
        rinses=draw(st.integers(1, 4)) if rinse else 0,
        override=draw(st.sampled_from([None, "spilled"])),
        by="somebody",
    )
    plan = draw(st.sampled_from(["bridge", "prime", "reason", "none"]))
    orders = OrderSheet(
        dosing=draw(st.sampled_from([None, HUNDRED, continuous(150)])),
        concentration=strength,
        reservoir=volume,
        bridge=plan == "bridge",
        prime=plan == "prime",
        without_bridge="asked for" if plan == "reason" else None,
    )
    return HoldSession(START, orders, needle, lost=draw(MAY_BE_LOST))


MAY_BE_LOST = st.sampled_from([None, None, *LOST])
NAMES = st.sampled_from([None, "ward", "clinic"])
HELD: st.SearchStrategy[Action] = st.one_of(
    refills(),
    st.builds(HoldSession, st.just(START), ORDERS, programmer=NAMES, lost=MAY_BE_LOST),
    st.builds(Look, st.just(START), NAMES),
    st.sampled_from([EndBolus(START), OpenUpdate(START), Refill(START, ml(18), C2000, HUNDRED, bridge=True)]),
    st.builds(lambda sheet: ReplacePump(START, pump_sheet(sheet), 0), PUMPS),
)
MISHAPS: st.SearchStrategy[Mishap] = st.sampled_from(
    [
        Slip(concentration=C2000), Slip(content="other drug"), Slip(content="sterile water"), Slip(pocket=ml(3)),
        Slip(pocket=ml(25)), Slip(extra=ml(2), gain=Gain(1_200_000)), Interference(), ChangeGain(Gain(1_145_000)),
    ]
)  # fmt: skip
STEPS = st.lists(st.tuples(st.sampled_from([0, 7, 300, 3600, 2 * DAY_S, 9 * DAY_S + 11]), HELD | HELD | MISHAPS), max_size=10)


@pytest.mark.requirement("TWN-10")
@pytest.mark.requirement("TWN-12")
@given(PUMPS, STEPS)
def test_the_ledger_closes_through_every_session(sheet: str, steps: list[tuple[int, Action | Mishap]]) -> None:
    """Whatever is refilled, rinsed, spilled, lost or refused: nothing is missing, and no fact says what nobody can know."""
    chart, world = Chart(), World(START)
    begin: list[tuple[int, Action | Mishap]] = [(0, replace(IMPLANT, sheet=pump_sheet(sheet))), (0, FIRST)]
    for seconds, step in begin + steps:
        world = pass_time(world, Instant(world.now.s + seconds)).world
        if isinstance(step, Mishap):
            world = befall(world, PlannedFault(world.now, step), [])
            continue
        outcome = act(world, chart, replace(step, at=world.now))
        if isinstance(outcome, Refusal):
            assert outcome.rule[:3] in {"PMP", "PLN", "IMP", "ORD", "RPC", "SES", "SAF", "TWN", "REF"}
            chart = chart.after(Acted(world.now, step.name, outcome))
            continue
        world, chart = outcome.world, chart.after(*outcome.facts, Acted(world.now, step.name, None))
        assert world.balance().closes
        assert all(entry.volume_nl >= 0 and entry.amount_pg >= 0 for entry in world.balance().held)
        if isinstance(step, HoldSession):
            assert step.lost is None or isinstance(outcome.facts[-1], SessionUncertain)
            assert isinstance(outcome.facts[-1], SessionEnded | SessionUncertain)
            assert world.slip is None or step.needle is None


# A message that is lost -----------------------------------------------------------------------------------------------


def is_written(lost: str) -> bool:
    """Whether the pump had carried out the write before the message was lost."""
    return lost in ("reply to commit", "read back", "reply to read back")


@pytest.mark.requirement("SES-05")
@SHEETS
@pytest.mark.parametrize("lost", LOST)
def test_a_lost_message_leaves_the_chart_uncertain_until_the_pump_is_read(sheet: PumpSheet, lost: str) -> None:
    """The reference pump goes on with the old dose or the new one; a SynchroMed whose update was open gives nothing.

    The next interrogation tells which: 0.2 mL/day before, 0.24 after, none of a pump that stands.
    """
    hold = HoldSession(at(5), UP, lost=lost)
    left = ran(replace(IMPLANT, sheet=sheet), FIRST, hold, until=6)
    assert rules(left) == []
    uncertain = left.chart.uncertain
    assert uncertain is not None
    assert lost.removeprefix("reply to ") in uncertain.why
    assert uncertain.order == continuous(120)
    assert left.chart.session is not None
    assert left.chart.session.order == HUNDRED
    assert [type(fact) for fact in left.chart.facts[-4:]] == [Ordered, Interrogated, SessionUncertain, Acted]
    stands = sheet is SYNCHROMED and lost != "begin update" and not is_written(lost)
    flows_nl = 0 if stands else 240_000 if is_written(lost) else 200_000
    assert given_by(left, 5, 6) == [1_000_000, 1_000_000 + flows_nl]
    read = ran(replace(IMPLANT, sheet=sheet), FIRST, hold, Look(at(8)), until=9)
    assert read.chart.uncertain is None
    assert read.chart.session is not None
    assert read.chart.session.order == (continuous(120) if is_written(lost) else HUNDRED)
    assert read.chart.session.report.mode == ("updating" if stands else "simple continuous")
    assert (("pump stopped alarm", 7) in told(read)) == stands
    assert given_by(read, 8, 9) == [1_000_000 + 3 * flows_nl, 1_000_000 + 4 * flows_nl]


@pytest.mark.requirement("SES-05")
@SHEETS
@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("programmer", [None, "clinic"])
def test_the_session_after_a_lost_message_begins_with_an_interrogation(
    sheet: PumpSheet, lost: str, programmer: str | None
) -> None:
    """Four minutes later, by whoever lost it: the pump is read, what it runs is told, and only then it is written."""
    lose = HoldSession(at(5), UP, programmer=programmer, lost=lost)
    again = HoldSession(later(5, 240), OrderSheet(dosing=continuous(110)), programmer=programmer)
    trace = ran(replace(IMPLANT, sheet=sheet), FIRST, lose, again, until=7)
    assert rules(trace) == []
    after = trace.chart.facts[trace.chart.facts.index(next(iter(told_of(trace, SessionUncertain)))) :]
    read = [fact for fact in after if isinstance(fact, Interrogated | SessionEnded)]
    assert [type(fact) for fact in read] == [Interrogated, SessionEnded, SessionEnded]
    resolved, ended = read[1:]
    assert isinstance(resolved, SessionEnded)
    assert isinstance(ended, SessionEnded)
    assert resolved.order == (continuous(120) if is_written(lost) else HUNDRED)
    assert ended.order == continuous(110)
    assert pump_of(trace).memory.program == SimpleContinuous(FlowRate(220_000))


@pytest.mark.requirement("SES-05")
@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize(
    "orders",
    [ALARM, OrderSheet(clock_offset_s=7200), OrderSheet(bolus=BOLUS), OrderSheet(patient=PATIENT)],
    ids=["alarm", "clock", "bolus", "patient bolus"],
)
def test_what_is_lost_of_another_write_leaves_the_dosing_order(lost: str, orders: OrderSheet) -> None:
    """A threshold, a clock, a bolus: the pump runs the order that it ran, whether they were written or not."""
    trace = ran(IMPLANT, FIRST, HoldSession(at(5), orders, lost=lost), Look(at(6)), until=7)
    assert len(told_of(trace, SessionUncertain)) == 1
    assert trace.chart.uncertain is None
    assert trace.chart.session is not None
    assert trace.chart.session.order == HUNDRED
    given_nl = 100_000 if orders.bolus and is_written(lost) else 0
    assert given_by(trace, 7) == [1_400_000 + given_nl]
    low_nl = 3_000_000 if orders.low_reservoir and is_written(lost) else 2_000_000
    assert pump_of(trace).memory.settings.low_reservoir_nl == low_nl


@pytest.mark.requirement("SES-05")
@SHEETS
@pytest.mark.parametrize("lost", LOST)
def test_a_refill_whose_session_was_lost_is_finished_from_what_the_pump_says(sheet: PumpSheet, lost: str) -> None:
    """The drug is in, told or not. Read an hour later, and a minute after that what still lies in the line is paced out.

    Until then the fluid of the fill came in: at 0.2 mL/day (the old program or the bridge), or not at all where the pump stands.
    """
    hold = HoldSession(at(20), STRONGER, RINSED, lost=lost)
    again = HoldSession(later(20, 3660), STRONGER)
    trace = ran(replace(IMPLANT, sheet=sheet), FIRST, hold, Look(later(20, 3600)), again, until=20 + 3660 / DAY_S)
    assert trace.chart.filled == Filled(at(20), ml(18), C2000)
    assert trace.chart.typed is None
    bolus = pump_of(trace).memory.bolus
    assert bolus is not None
    if is_written(lost):
        assert rules(trace) == ["PMP-08"]  # the bridge runs already
        assert bolus.bolus == BridgeBolus(Volume(DEAD_NL), FlowRate(200_000))
        return
    stands = sheet is SYNCHROMED and lost != "begin update"
    given_nl = 0 if stands else 3660 * 200_000 // DAY_S
    assert rules(trace) == []
    assert bolus.bolus == BridgeBolus(Volume(DEAD_NL - given_nl), FlowRate(200_000))


@pytest.mark.requirement("SES-05")
@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("needle", [None, SAME], ids=["threshold", "refill"])
def test_what_a_reading_told_stays_told_when_the_session_writes_something_else(lost: str, needle: Needle | None) -> None:
    """The next session reads the pump, and changes no dose: the order that runs is the one that the reading showed."""
    again = HoldSession(at(6), TYPED if needle else ALARM, needle)
    trace = ran(IMPLANT, FIRST, HoldSession(at(5), UP, lost=lost), again, until=7)
    assert rules(trace) == []
    assert trace.chart.session is not None
    assert trace.chart.session.order == (continuous(120) if is_written(lost) else HUNDRED)
    assert trace.courses[-1].ordered == trace.courses[-1].programmed == dose(120 if is_written(lost) else 100)


@pytest.mark.requirement("SES-05")
@pytest.mark.parametrize(
    "plain",
    [
        GiveBolus(at(6), OrderBolus(Amount(10**7), Duration(600))),
        SetPumpClock(at(6), 7200),
        Prime(at(6), Volume(1000), FlowRate(1_000_000)),
        OpenUpdate(at(6)),
        Refill(at(6), ml(18), C500),
    ],
    ids=lambda action: action.name,
)
def test_no_other_command_ends_what_is_uncertain_with_the_old_order(plain: Action) -> None:
    """The new dose was written and nobody knows: another command leaves that open, or tells what the pump says that it runs."""
    trace = ran(IMPLANT, FIRST, HoldSession(at(5), UP, lost="reply to commit"), plain, until=7)
    assert rules(trace) == []
    assert trace.chart.session is not None
    assert trace.chart.uncertain is not None or trace.chart.session.order == continuous(120)


def test_a_loss_in_a_refill_does_not_undo_the_needle() -> None:
    """What was withdrawn, rinsed and injected stays done, and the ledger has it."""
    lost, heard = (
        ran(IMPLANT, FIRST, HoldSession(at(20), STRONGER, RINSED, lost=lost), until=20) for lost in ("begin update", None)
    )
    assert lost.balance == heard.balance
    assert told_of(lost, Filled, ResidualMeasured) == told_of(heard, Filled, ResidualMeasured)


def fluids(line: Line) -> list[tuple[Content, int, int]]:
    """What lies in a line from the tip on: content, strength, and how much of it before something else."""
    row: list[tuple[Content, int, int]] = []
    for parcel in line.parcels:
        strength = parcel.of_pg // parcel.of_nl if parcel.of_pg else 0
        before_nl = row.pop()[2] if row and row[-1][:2] == (parcel.content, strength) else 0
        row.append((parcel.content, strength, before_nl + parcel.volume_nl))
    return [fluid for fluid in row if fluid[2]]


@st.composite
def changes(draw: st.DrawFn) -> HoldSession:
    """A refill with another strength or the same, bridged, primed, or with a reason; any of its messages may be lost."""
    strength, volume = draw(STRENGTHS), draw(st.sampled_from([ml(18), ml(5)]))
    plan = draw(st.sampled_from(["bridge", "bridge", "prime", "reason"]))
    orders = OrderSheet(
        dosing=draw(st.sampled_from([HUNDRED, continuous(150)])),
        concentration=strength,
        reservoir=volume,
        bridge=plan == "bridge",
        prime=plan == "prime",
        without_bridge="asked for" if plan == "reason" else None,
    )
    return HoldSession(START, orders, Needle(volume, strength, rinse=ml(2), rinses=1), lost=draw(MAY_BE_LOST))


COURSES = st.lists(
    st.tuples(
        st.sampled_from([0, 7, 300, 599, 601, 3600, 40_000, 2 * DAY_S, 9 * DAY_S + 11]),
        st.one_of(
            changes(),
            st.builds(HoldSession, st.just(START), ORDERS, programmer=NAMES, lost=MAY_BE_LOST),
            st.builds(Look, st.just(START), NAMES),
            st.sampled_from([EndBolus(START), OpenUpdate(START), Reprogram(START, continuous(130))]),
        ),
    ),
    max_size=9,
)


@pytest.mark.requirement("SES-17")
@given(st.sampled_from(["reference-20", "medstream-20", "prometra-ii-20"]), COURSES)
def test_what_people_know_of_the_line_is_what_lies_in_it(sheet: str, steps: list[tuple[int, Action]]) -> None:
    """Through bridges, losses and cancellations, fluid by fluid to the nanolitre, whenever the pump has just been read.

    In pumps that keep no rest and run exactly, behind a catheter in which nothing mixes.
    """
    chart, world = Chart(), World(START)
    begin: list[tuple[int, Action]] = [(0, replace(IMPLANT, sheet=pump_sheet(sheet))), (0, FIRST)]
    for seconds, step in [*begin, *steps, (60, Look(START))]:
        world = pass_time(world, Instant(world.now.s + seconds)).world
        outcome = act(world, chart, replace(step, at=world.now))
        if isinstance(outcome, Refusal):
            chart = chart.after(Acted(world.now, step.name, outcome))
            continue
        world = replace(outcome.world, line=replace(outcome.world.line, bore=None))
        chart = chart.after(*outcome.facts, Acted(world.now, step.name, None))
        if any(isinstance(fact, SessionEnded) for fact in outcome.facts):
            ledger = line_ledger(chart)
            assert ledger is not None
            assert fluids(ledger.line) == fluids(world.line)


# Whose turn it is ---------------------------------------------------------------------------------------------------

NINE = OrderSheet(dosing=continuous(90))


@pytest.mark.requirement("SES-12")
def test_the_second_of_two_programmers_reads_the_pump_again() -> None:
    """Both read it; the clinic writes first, the ward is refused until it has read it again. Nothing changes by the refusal."""
    reads = Look(at(5), "ward"), Look(later(5, 60), "clinic")
    clinic = HoldSession(later(5, 120), UP, programmer="clinic")
    ward = HoldSession(later(5, 180), replace(NINE, confirm_total=dose(90)), programmer="ward")
    once, twice = ran(IMPLANT, FIRST, *reads, clinic, until=7), ran(IMPLANT, FIRST, *reads, clinic, ward, until=7)
    assert rules(twice) == ["PMP-70"]
    assert twice.world == once.world
    again = Look(later(5, 240), "ward"), replace(ward, at=later(5, 300))
    trace = ran(IMPLANT, FIRST, *reads, clinic, ward, *again, until=7)
    assert rules(trace) == ["PMP-70"]
    assert pump_of(trace).memory.program == SimpleContinuous(FlowRate(180_000))
    assert given_by(trace, 7)[0] == (1_000_000 * DAY_S + 120 * 200_000 + 180 * 240_000 + (2 * DAY_S - 300) * 180_000) // DAY_S


@pytest.mark.requirement("SES-12")
@pytest.mark.parametrize("between", [Reprogram(later(5, 60), continuous(130)), SetPumpClock(later(5, 60), 7200)])
def test_any_write_since_the_reading_makes_it_stale(between: Action) -> None:
    """Also one that came in no session."""
    trace = ran(IMPLANT, FIRST, Look(at(5), "ward"), between, HoldSession(later(5, 120), UP, programmer="ward"), until=6)
    assert rules(trace) == ["PMP-70"]


@pytest.mark.requirement("SES-12")
def test_a_name_that_begins_like_another_is_another() -> None:
    """What "ward 2" has read is nothing that "ward" has read: its session begins with a reading of its own."""
    trace = ran(IMPLANT, FIRST, Look(at(5), "ward 2"), HoldSession(later(5, 120), UP, programmer="ward"), until=6)
    assert rules(trace) == []
    first, second = [fact.session or "" for fact in told_of(trace, Interrogated) if isinstance(fact, Interrogated)]
    assert "ward 2" in first
    assert "ward" in second
    assert "ward 2" not in second


@pytest.mark.requirement("SES-10")
@pytest.mark.parametrize("looked", [True, False])
def test_the_same_programmer_can_hold_another_session_soon_after(looked: bool) -> None:
    """Two minutes after the first was written and read back: the second reads the pump again, and is written too."""
    look = [Look(at(5), "clinic")] if looked else []
    sessions = HoldSession(later(5, 60), UP, programmer="clinic"), HoldSession(later(5, 180), ALARM, programmer="clinic")
    trace = ran(IMPLANT, FIRST, *look, *sessions, until=6)
    assert rules(trace) == []
    assert pump_of(trace).memory.settings.low_reservoir_nl == 3_000_000
    assert pump_of(trace).memory.program == SimpleContinuous(FlowRate(240_000))


@pytest.mark.requirement("SES-01")
@pytest.mark.parametrize("programmer", [None, "clinic"])
def test_sessions_in_one_second_are_each_a_session(programmer: str | None) -> None:
    """The dose, and the clock in a session of its own, at the same minute of a case, in the order of the file."""
    clock = HoldSession(at(5), OrderSheet(clock_offset_s=7200), programmer=programmer)
    trace = ran(IMPLANT, FIRST, HoldSession(at(5), UP, programmer=programmer), clock, until=6)
    assert rules(trace) == []
    assert pump_of(trace).memory.program == SimpleContinuous(FlowRate(240_000))
    assert pump_of(trace).memory.settings.clock.offset_s == 7200


@pytest.mark.requirement("SES-11")
@pytest.mark.parametrize(("seconds", "rule"), [(599, ["PMP-70"]), (600, []), (3600, [])])
def test_a_reading_is_dropped_after_ten_minutes(seconds: int, rule: list[str]) -> None:
    """Up to then the session goes on from it, and is stale; from the tenth minute on the pump is read anew."""
    between = Reprogram(later(5, 60), continuous(130))
    late = HoldSession(later(5, seconds), UP, programmer="ward")
    trace = ran(IMPLANT, FIRST, Look(at(5), "ward"), between, late, until=6)
    assert rules(trace) == rule
    assert len(told_of(trace, Interrogated)) == (1 if rule else 2)
    flow_nl = 260_000 if rule else 240_000
    assert pump_of(trace).memory.program == SimpleContinuous(FlowRate(flow_nl))


@pytest.mark.requirement("SES-11")
@pytest.mark.parametrize(("seconds", "readings"), [(0, 1), (300, 1), (599, 1), (600, 2)])
def test_a_session_goes_on_from_what_was_read(seconds: int, readings: int) -> None:
    """In the same second, after five minutes and just before ten; later it begins with a new reading. The dose is the same."""
    late = HoldSession(later(5, seconds), UP, programmer="ward")
    trace = ran(IMPLANT, FIRST, Look(at(5), "ward"), late, until=6)
    assert rules(trace) == []
    assert len(told_of(trace, Interrogated)) == readings
    assert pump_of(trace).memory.program == SimpleContinuous(FlowRate(240_000))


def test_a_reading_of_another_pump_is_none() -> None:
    """The pump was replaced since; the session reads the new one, or is refused with nothing changed."""
    actions = Look(at(5), "ward"), ReplacePump(later(5, 60), REFERENCE, 0), replace(FIRST, at=later(5, 60))
    trace = ran(IMPLANT, FIRST, *actions, HoldSession(later(5, 120), UP, programmer="ward"), until=6)
    flows = FlowRate(200_000 if rules(trace) else 240_000)
    assert pump_of(trace).memory.program == SimpleContinuous(flows)


# What is refused -----------------------------------------------------------------------------------------------------

REFUSED: list[tuple[list[Action], HoldSession, str]] = [
    ([], HoldSession(at(5), OrderSheet()), "SES-01"),
    ([], HoldSession(at(5), replace(UP, bolus=BOLUS)), "SES-01"),
    ([], HoldSession(at(5), replace(UP, bridge=True, prime=True)), "SES-01"),
    ([], HoldSession(at(5), replace(UP, confirm_total=dose(100))), "SAF-04"),
    ([], HoldSession(at(5), OrderSheet(dosing=continuous(10))), "PMP-01"),
    ([], HoldSession(at(5), OrderSheet(low_reservoir=ml(21))), "PMP-10"),
    ([], HoldSession(at(5), replace(UP, bridge=True)), "PLN-09"),
    ([], HoldSession(at(5), OrderSheet(prime=True)), "IMP-09"),
    ([], HoldSession(at(20), replace(STRONGER, bridge=False), RINSED), "SES-03"),
    ([HoldSession(at(20), STRONGER, RINSED)], HoldSession(at(20.5), UP), "PMP-08"),
    ([GiveBolus(at(5), BOLUS)], HoldSession(later(5, 60), ALARM), "PMP-08"),
    ([Reprogram(at(4), OrderStop())], HoldSession(at(5), OrderSheet(bolus=BOLUS)), "PMP-05"),
]


@pytest.mark.requirement("TWN-12")
@SHEETS
@pytest.mark.parametrize(("before", "bad", "rule"), REFUSED, ids=lambda value: value if isinstance(value, str) else "")
def test_a_refused_session_leaves_an_order_and_nothing_else(
    sheet: PumpSheet, before: list[Action], bad: HoldSession, rule: str
) -> None:
    """World and chart go on as if nobody had come; that it was ordered, and why not, stays written down."""
    implant = replace(IMPLANT, sheet=sheet)
    first: list[Action] = [FIRST] if rule != "IMP-09" else [FIRST, Prime(START, Volume(DEAD_NL), FlowRate(24_000_000))]
    with_it, without = (ran(implant, *first, *before, *tried, until=25) for tried in ([bad], []))
    assert rules(with_it) == [rule]
    assert with_it.world == without.world
    assert with_it.events == without.events
    added = with_it.chart.facts[len(without.chart.facts) :]
    assert with_it.chart.facts[: len(without.chart.facts)] == without.chart.facts
    assert {type(fact) for fact in added} <= {Ordered, Acted}
    assert isinstance(added[-1], Acted)
    assert added[-1].refusal is not None
    assert replace(with_it.chart, facts=(), acted=0) == replace(without.chart, facts=(), acted=0)
    assert with_it.refused[0].refusal.advice
    assert with_it.refused[0].refusal.source


@pytest.mark.requirement("SES-03")
def test_the_refusal_without_a_bridge_says_what_the_tip_would_give() -> None:
    """0.3168 mL of 500 mcg/mL at 0.05 mL/day: 25 mcg/day, a quarter of the dose, for 152.1 h."""
    (refused,) = ran(IMPLANT, FIRST, HoldSession(at(20), replace(STRONGER, bridge=False), RINSED), until=20).refused
    limit = refused.refusal.limit
    assert all(said in limit for said in ("0.3168 mL of 500 mcg/mL", "152.1 h", "25 mcg/day", "25 %"))


def test_a_pump_without_electronics_holds_no_session() -> None:
    """Refused with the reason, before and after its fill."""
    constant = replace(IMPLANT, sheet=pump_sheet("isomed-8472-20-10"))
    trace = ran(constant, replace(FIRST, order=None), HoldSession(at(5), UP), Look(at(6), "ward"), until=7)
    assert rules(trace) == ["PMP-40", "PMP-40"]


@pytest.mark.requirement("PMP-08")
def test_a_stop_is_taken_even_while_a_bridge_runs() -> None:
    """Every other update waits for the end of the bolus; a stop does not, as the refusal of the others says."""
    stop = HoldSession(at(20.5), OrderSheet(dosing=OrderStop()))
    trace = ran(IMPLANT, FIRST, HoldSession(at(20), STRONGER, RINSED), stop, until=22)
    assert rules(trace) == []
    assert given_by(trace, 20.5, 22) == [4_100_000, 4_100_000]


@pytest.mark.requirement("PMP-08")
@pytest.mark.parametrize("more", [OrderSheet(low_reservoir=ml(3)), OrderSheet(patient=PATIENT), OrderSheet(reservoir=ml(17))])
def test_a_stop_with_something_else_waits_for_the_end_of_the_bridge(more: OrderSheet) -> None:
    """It is an update as any other; nothing of it is done."""
    bridged = HoldSession(at(20), STRONGER, RINSED)
    with_it = ran(IMPLANT, FIRST, bridged, HoldSession(at(20.5), replace(more, dosing=OrderStop())), until=22)
    assert rules(with_it) == ["PMP-08"]
    assert with_it.world == ran(IMPLANT, FIRST, bridged, until=22).world


@pytest.mark.requirement("PMP-08")
@pytest.mark.requirement("SES-05")
@SHEETS
@pytest.mark.parametrize("lost", LOST)
def test_a_lost_stop_under_a_bridge_is_a_stop_or_none(sheet: PumpSheet, lost: str) -> None:
    """Written, nothing flows any more; else the bridge goes on as if nobody had come, or stands where the pump stops for updates.

    Read an hour later, the chart knows which; 0.1 mL of the bridge had passed by then, 0.108333 an hour on.
    """
    stop = HoldSession(at(20.5), OrderSheet(dosing=OrderStop()), lost=lost)
    actions = FIRST, HoldSession(at(20), STRONGER, RINSED), stop, Look(later(20.5, 3600))
    trace = ran(replace(IMPLANT, sheet=sheet), *actions, until=20.5 + 3600 / DAY_S)
    assert rules(trace) == []
    stands = is_written(lost) or (sheet is SYNCHROMED and lost != "begin update")
    assert given_by(trace, 20.5, 20.5 + 3600 / DAY_S) == [4_100_000, 4_100_000 + (0 if stands else 8333)]
    assert trace.chart.uncertain is None
    assert trace.chart.session is not None
    assert trace.chart.session.order == (OrderStop() if is_written(lost) else HUNDRED)


@pytest.mark.requirement("SES-15")
@pytest.mark.requirement("PMP-64")
@pytest.mark.parametrize(
    "orders", [ALARM, OrderSheet(clock_offset_s=7200), OrderSheet(bolus=BOLUS)], ids=["alarm", "clock", "bolus"]
)
def test_a_write_that_would_end_a_bridge_is_foreseen(orders: OrderSheet) -> None:
    """By the reading that an update cancels a running bolus: either the bridge goes on, or the review says that it ends.

    And where it ends, 0.2168 mL of the old strength stay in the line under the new program, which is refused without a reason.
    """
    cancels = replace(SYNCHROMED, update_during_bolus="cancels")
    bridged = HoldSession(at(20), STRONGER, RINSED)
    trace = ran(replace(IMPLANT, sheet=cancels), FIRST, bridged, HoldSession(at(20.5), orders), until=20.5)
    if rules(trace) == ["SES-03"]:
        return
    assert trace.chart.uncertain is None
    bolus = pump_of(trace).memory.bolus
    assert bolus is not None
    assert bolus.bolus == BridgeBolus(Volume(DEAD_NL), FlowRate(200_000))


# The needle in its place ----------------------------------------------------------------------------------------------


def refilled(needle: Needle, orders: OrderSheet | None = None, sheet: PumpSheet = REFERENCE) -> Trace:
    """Day 20, with 14 mL expected."""
    typed = OrderSheet(concentration=needle.concentration, reservoir=needle.volume)
    return ran(replace(IMPLANT, sheet=sheet), FIRST, HoldSession(at(20), orders or typed, needle), until=21)


FOUR = Needle(ml(4), C500)


@pytest.mark.requirement("RPC-16")
@pytest.mark.requirement("RPC-04")
@pytest.mark.parametrize(
    ("needle", "rule"),
    [
        (Needle(ml(18), C500, port="catheter access port"), "RPC-16"),
        (Needle(ml(18), C500, needle_gauge=20), "RPC-04"),
        (Needle(ml(18), C500, port="catheter access port", needle_gauge=20, measured=ml(0)), "RPC-16"),
        (Needle(ml(18), C500, needle_gauge=20, measured=ml(0)), "RPC-04"),
    ],
)
def test_port_and_needle_come_before_everything_else(needle: Needle, rule: str) -> None:
    """Nothing is aspirated or injected through the wrong one."""
    assert rules(refilled(needle)) == [rule]


@pytest.mark.requirement("RPC-15")
@pytest.mark.requirement("RPC-16")
@pytest.mark.parametrize(
    ("needle", "rule"),
    [
        (Needle(ml(21), C500, port="catheter access port"), "RPC-16"),
        (Needle(ml(18), C500, port="catheter access port", measured=ml(21)), "RPC-16"),
        (Needle(ml(18), C500, port="catheter access port", drawn_up=ml(17)), "RPC-16"),
        (Needle(ml(21), C500, needle_gauge=20), "RPC-04"),
        (Needle(ml(21), C500, measured=ml(0)), "RPC-07"),
    ],
)
def test_the_first_step_that_is_wrong_is_the_one_that_refuses(needle: Needle, rule: str) -> None:
    """Who corrects the volume because of a refusal, and goes on through the access port, has been told the wrong thing."""
    assert rules(refilled(needle)) == [rule]


@pytest.mark.requirement("RPC-07")
@pytest.mark.parametrize("measured", [12, 12.999999, 13, 14, 15, 15.000001, 16])
def test_a_residual_that_is_not_red_is_filled_on(measured: float) -> None:
    """Up to 1 mL off at once, up to 2 mL after the needle drew again; the fact is what was measured, whatever was there."""
    trace = refilled(replace(FOUR, measured=ml(measured), again=ml(0)))
    assert rules(trace) == []
    (fact,) = told_of(trace, ResidualMeasured)
    assert fact == ResidualMeasured(at(20), ml(14), ml(measured), ml(20), first=True)
    assert trace.balance.ledger.withdrawn.volume_nl == 14_000_000


@pytest.mark.requirement("RPC-07")
@pytest.mark.parametrize("measured", [0, 11.999999, 16.000001, 20])
@pytest.mark.parametrize(
    ("reason", "by", "rule"),
    [
        (None, None, ["RPC-07"]),
        ("the syringe leaked", None, ["RPC-07"]),
        (" ", "Dr. Test", ["RPC-07"]),
        ("the syringe leaked", "Dr. Test", []),
    ],
)
def test_a_red_residual_needs_a_reason_and_a_name(measured: float, reason: str | None, by: str | None, rule: list[str]) -> None:
    """More than 2 mL off, to either side; without both nothing is injected."""
    trace = refilled(replace(FOUR, measured=ml(measured), override=reason, by=by))
    assert rules(trace) == rule
    assert len(told_of(trace, Filled)) == (1 if rule else 2)


@pytest.mark.requirement("RPC-07")
@pytest.mark.parametrize("measured", [14, 12.5])
def test_only_a_red_residual_is_overridden(measured: float) -> None:
    """A reason where none is needed is a misunderstanding."""
    needle = replace(FOUR, measured=ml(measured), override="to be sure", by="Dr. Test")
    assert rules(refilled(needle)) == ["RPC-07"]


@pytest.mark.requirement("RPC-08")
@pytest.mark.parametrize(
    ("needle", "fits"),
    [
        (Needle(ml(20), C500), True),
        (Needle(ml(20.000001), C500), False),
        (Needle(ml(18.5), C500, measured=ml(12.5), again=ml(0)), True),  # 1.5 mL did not come
        (Needle(ml(18.500001), C500, measured=ml(12.5), again=ml(0)), False),
        (Needle(ml(20), C500, measured=ml(15.5), again=ml(0)), True),  # more came than was expected
        (Needle(ml(6), C500, measured=ml(0), override="stuck", by="Dr. Test"), True),
        (Needle(ml(6.000001), C500, measured=ml(0), override="stuck", by="Dr. Test"), False),
        (Needle(ml(18), C500, rinse=ml(20.000001), rinses=1), False),
        (Needle(ml(4), C500, measured=ml(12.5), again=ml(0), rinse=ml(18.500001), rinses=1), False),
        (Needle(ml(20), C500, measured=ml(13)), True),  # 1 mL is the accuracy of the pump
        (Needle(ml(19.000001), C500, measured=ml(12.5), again=ml(0.499999)), False),
    ],
)
def test_no_more_is_injected_than_fits_on_what_did_not_come(needle: Needle, fits: bool) -> None:
    """To the nanolitre, of a reservoir of 20 mL."""
    assert rules(refilled(needle)) in ([[]] if fits else (["RPC-08"], ["PMP-20"]))


@pytest.mark.requirement("TWN-02")
@pytest.mark.requirement("TWN-04")
@pytest.mark.parametrize(
    ("needle", "by"),
    [
        (replace(SAME, drawn_up=ml(17.999999)), {"TWN-02"}),
        (replace(SAME, measured=ml(20.000001)), {"TWN-04", "RPC-06"}),
    ],
)
def test_what_cannot_have_been_is_not_written_down(needle: Needle, by: set[str]) -> None:
    """More injected than drawn up, more withdrawn than a reservoir holds."""
    (rule,) = rules(refilled(needle))
    assert rule in by


@pytest.mark.requirement("RPC-10")
@pytest.mark.parametrize("typed", [ml(20), ml(17.999999), None])
def test_the_volume_that_is_typed_in_is_the_volume_that_was_injected(typed: Volume | None) -> None:
    """Not the vial, not the reservoir's size, not nothing."""
    orders = OrderSheet(dosing=continuous(120), concentration=C500, reservoir=typed)
    assert rules(refilled(SAME, orders)) == ["RPC-10"]


@pytest.mark.requirement("RPC-15")
@pytest.mark.parametrize(
    ("told_mcg_per_ml", "rinses", "rule"),
    [
        (2000, 0, ["RPC-15"]),
        (2000, 1, []),
        (1892, 0, []),  # (1.4 * 500 + 18 * 2000) / 19.4 = 1,891.8
        (1500, 0, ["RPC-15"]),
        (500, 0, ["RPC-15"]),
    ],
)
def test_another_strength_is_rinsed_or_its_mixture_stated(told_mcg_per_ml: int, rinses: int, rule: list[str]) -> None:
    """In a pump that keeps 1.4 mL of 500 mcg/mL, of which it was told 500."""
    told_strength = Concentration(told_mcg_per_ml)
    needle = Needle(ml(18), C2000, rinse=ml(2) if rinses else None, rinses=rinses)
    trace = refilled(needle, replace(STRONGER, concentration=told_strength), SYNCHROMED)
    assert rules(trace) == rule
    if not rule:
        assert pump_of(trace).memory.concentration == told_strength


def test_the_first_fill_expects_nothing_and_says_no_residual() -> None:
    """A pump that was never told a volume; the second residual is the first that is told, and is marked so."""
    first = HoldSession(START, replace(TYPED, dosing=HUNDRED), SAME)
    trace = ran(IMPLANT, first, HoldSession(at(20), TYPED, SAME), HoldSession(at(40), TYPED, SAME), until=41)
    residuals = [fact for fact in told_of(trace, ResidualMeasured) if isinstance(fact, ResidualMeasured)]
    assert [(fact.at, fact.expected, fact.first) for fact in residuals] == [(at(20), ml(14), True), (at(40), ml(14), False)]


# What is left of a bridge ---------------------------------------------------------------------------------------------


@pytest.mark.requirement("SES-17")
@given(st.integers(0, 136_857), st.sampled_from([300, 3600, 40_000]), st.sampled_from([96, 100, 120, 150]))
def test_the_remainder_of_a_cancelled_bridge_is_planned_anew_to_the_nanolitre(ran_s: int, idle_s: int, mcg: int) -> None:
    """0.2 mL/day of the bridge, then 0.05 mL/day of the new program until the next session; the rest of 316,800 nL is bridged.

    Its flow keeps the new dose at the old 500 mcg/mL, and when it ends not a nanolitre of the old fluid is believed to be left.
    """
    gone = Fraction(ran_s * 200_000 + idle_s * 50_000, DAY_S)
    actions = HoldSession(at(20), STRONGER, RINSED), EndBolus(later(20, ran_s))
    again = HoldSession(later(20, ran_s + idle_s), OrderSheet(dosing=continuous(mcg), bridge=True, confirm_total=dose(mcg)))
    trace = ran(IMPLANT, FIRST, *actions, again, until=20 + (ran_s + idle_s) / DAY_S)
    left_nl = DEAD_NL - int(gone)
    if left_nl <= 0:
        assert rules(trace) == ["PLN-09"]
        return
    assert rules(trace) == []
    bolus = pump_of(trace).memory.bolus
    assert bolus is not None
    assert bolus.bolus == BridgeBolus(Volume(left_nl), FlowRate(mcg * 2000))
    ends = Instant(again.at.s - (-left_nl * DAY_S // (mcg * 2000)))
    after = ran(IMPLANT, FIRST, *actions, again, Look(ends), until=(ends.s - START.s) / DAY_S)
    ledger = line_ledger(after.chart)
    assert ledger is not None
    assert ledger.line.amount_pg == DEAD_NL * 2000


def test_a_bridge_to_a_weaker_drug_is_resumed_as_well() -> None:
    """2,000 to 500 mcg/mL: 0.05 mL/day for two days, cancelled, an hour of the new 0.2 mL/day, and 0.208466 mL are left."""
    weaker = OrderSheet(dosing=HUNDRED, concentration=C500, reservoir=ml(18), bridge=True)
    needle = Needle(ml(18), C500, rinse=ml(2), rinses=3)
    actions = HoldSession(at(20), weaker, needle), EndBolus(at(22)), HoldSession(later(22, 3600), OrderSheet(bridge=True))
    trace = ran(IMPLANT, replace(FIRST, concentration=C2000), *actions, until=22 + 3600 / DAY_S)
    assert rules(trace) == []
    bolus = pump_of(trace).memory.bolus
    assert bolus is not None
    assert bolus.bolus == BridgeBolus(Volume(DEAD_NL - 100_000 - 3600 * 200_000 // DAY_S), FlowRate(50_000))


def test_a_prime_that_was_cut_short_is_finished_by_another() -> None:
    """316,800 nL in the 1,141 s that 24 mL/day take: 166,590 in ten minutes; the second prime takes the rest at once."""
    primed = HoldSession(START, replace(TYPED, dosing=HUNDRED, prime=True), SAME)
    trace = ran(
        IMPLANT, primed, EndBolus(later(0, 600)), HoldSession(later(0, 600), OrderSheet(prime=True), programmer="b"),
        until=600 / DAY_S,
    )  # fmt: skip
    assert rules(trace) == []
    bolus = pump_of(trace).memory.bolus
    assert bolus is not None
    left_nl = DEAD_NL - DEAD_NL * 600 // 1141
    assert bolus.bolus == PrimingBolus(Volume(left_nl), Duration(-(-left_nl * DAY_S // 24_000_000)))
