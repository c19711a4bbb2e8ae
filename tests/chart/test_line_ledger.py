"""The line ledger: what people know of the line, against what is so."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chart.lines import Course, Row, row
from tests.courses import GEOMETRY, START, done, ml
from tests.properties.test_runs import ORDERS
from thecal.catheter.geometry import Geometry, catheter_sheet
from thecal.catheter.line import Line
from thecal.chart.chart import Chart
from thecal.chart.facts import Filled, Implanted, Interrogated, Noted, PortUsed, PumpReplaced, Revised, SessionEnded
from thecal.chart.line_ledger import LineLedger, advanced, fluid_text, line_ledger, strength
from thecal.chart.order import OrderBolus, OrderContinuous, OrderFlex, OrderMinimumRate, OrderPatient, OrderStop
from thecal.errors import Refusal
from thecal.fluid import Parcel
from thecal.pump.advance import advance
from thecal.pump.handle import handle, report
from thecal.pump.messages import ChangeGain, Interrogate, LowBattery, Stall, Update
from thecal.pump.program import MinimumRate
from thecal.pump.sheet import pump_sheet
from thecal.pump.state import new_pump
from thecal.quantity import Amount, Concentration, DailyDose, FlowRate, Gain, Length, Volume
from thecal.timeline import DAY_S, Duration, Instant
from thecal.twin.action import (
    Action,
    AskForBolus,
    EndBolus,
    Explant,
    GiveBolus,
    Implant,
    Look,
    OpenUpdate,
    Prime,
    Refill,
    ReplacePump,
    Reprogram,
    Revise,
    SetPumpClock,
    UsePort,
)
from thecal.twin.world import PlannedFault

# GEOMETRY: a lumen of 176,800 nL behind 140,000 nL of tubing. HUNDRED at 500 mcg/mL is 0.2 mL/day.
REFERENCE, CONSTANT = pump_sheet("reference-20"), pump_sheet("isomed-8472-20-10")
C500, C2000 = Concentration(500), Concentration(2000)
HUNDRED = OrderContinuous(DailyDose(100_000_000))
IMPLANT = Implant(START, REFERENCE, GEOMETRY, 0)
FIRST = Refill(START, ml(18), C500, HUNDRED)
STALLED = "The motor stalled: what the pump counted meanwhile has not flowed."


def at(days: float) -> Instant:
    return Instant(START.s + round(days * DAY_S))


def ran(*actions: Action, faults: tuple[PlannedFault, ...] = ()) -> Course:
    course = Course.begun(faults)
    for action in actions:
        course = course.do(action)
    assert not course.refusals, course.refusals
    return course


def ledger_of(course: Course | Chart) -> LineLedger:
    ledger = line_ledger(course if isinstance(course, Chart) else course.chart)
    assert ledger is not None
    return ledger


def believed(course: Course | Chart) -> Row:
    return row(ledger_of(course).line.parcels)


# The law ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Operation:
    """Pump or catheter exchanged, told in few words: a whole sheet is long to read in what a failed test prints."""

    what: str
    trimmed_mm: int = 0
    holds: str = "sterile water"
    primed: Concentration | None = None
    clock_s: int = 0

    def at(self, now: Instant) -> Action:
        geometry = Geometry(catheter_sheet("indura-8709sc"), Length(self.trimmed_mm), "T10", REFERENCE.tubing_volume)
        match self.what:
            case "implant":
                return Implant(now, REFERENCE, geometry, self.clock_s, self.holds, primed=self.primed)  # type: ignore[arg-type]  # a content
            case "replace":
                return ReplacePump(now, REFERENCE, self.clock_s, primed=self.primed)
            case _:
                return Revise(now, geometry, self.holds)  # type: ignore[arg-type]  # a content


STRENGTHS = st.sampled_from([500, 1000, 2000]).map(Concentration)
PATIENTS = st.integers(1, 20).map(lambda mcg: OrderPatient(Amount(mcg * 10**6), Duration(600), Duration(3600), 4))
TYPED = st.none() | st.none() | st.integers(4_000_000, 20_000_000).map(Volume)
WHAT_IS_DONE = st.sampled_from(["implant", "replace", "replace", "revise", "revise"])
HOLDS = st.sampled_from(["sterile water", "CSF", "air"])
OPERATIONS = st.builds(Operation, WHAT_IS_DONE, st.integers(0, 400), HOLDS, st.none() | STRENGTHS, st.integers(-9999, 9999))
FLOWING = st.one_of(
    st.builds(lambda s, order, bridge: Refill(START, ml(20), s, order, bridge=bridge), STRENGTHS, ORDERS, st.booleans()),
    st.builds(
        lambda nl, s, order, patient, typed: Refill(START, Volume(nl), s, order, patient, typed=typed),
        st.integers(4_000_000, 20_000_000), STRENGTHS, ORDERS, st.none() | PATIENTS, TYPED,
    ),
    ORDERS.map(lambda order: Reprogram(START, order)),
    st.builds(
        lambda mcg, s: GiveBolus(START, OrderBolus(Amount(mcg * 10**6), Duration(s))),
        st.integers(1, 100), st.integers(60, 7200),
    ),
    st.builds(
        lambda nl, flow: Prime(START, Volume(nl), FlowRate(flow)),
        st.integers(1, 400_000), st.integers(48_000, 24_000_000),
    ),
    st.sampled_from([EndBolus(START), Look(START), Explant(START)]),
    st.integers(-10, 10).map(lambda hours: SetPumpClock(START, hours * 3600)),
)  # fmt: skip
UNFORESEEN: st.SearchStrategy[Action] = st.sampled_from([AskForBolus(START), OpenUpdate(START)])
PORTS = st.builds(
    lambda what, nl, strength: UsePort(START, what, Volume(nl), strength),
    st.sampled_from(["aspirate", "inject"]), st.integers(1, 400_000), st.none() | STRENGTHS,
)  # fmt: skip
WAITS = st.one_of(st.just(0), st.integers(0, 7200), st.integers(0, 3 * DAY_S), st.integers(0, 20 * DAY_S))
Step = tuple[int, Action | Operation]


def courses(*also: st.SearchStrategy[Action]) -> st.SearchStrategy[list[Step]]:
    """An implant and a fill, and then anything at any time; at the end the pump is read."""
    first = st.builds(
        lambda implant, strength, order: [(0, replace(implant, what="implant")), (0, Refill(START, ml(20), strength, order))],
        OPERATIONS, STRENGTHS, ORDERS,
    )  # fmt: skip
    then = st.lists(st.tuples(WAITS, st.one_of(FLOWING, FLOWING, PORTS, OPERATIONS, *also)), min_size=1, max_size=12)
    return st.builds(lambda a, b, wait: [*a, *b, (wait, Look(START))], first, then, WAITS)


def followed(steps: list[Step], *, read_first: bool) -> list[Course]:
    """The course after every step at which the pump was read; where asked, it is read before a needle or an operation too."""
    course, read = Course.begun(), []
    for wait, step in steps:
        now = Instant(course.world.now.s + wait)
        action = step.at(now) if isinstance(step, Operation) else replace(step, at=now)
        if read_first and isinstance(action, UsePort | ReplacePump | Revise):
            course = course.do(Look(now))
        course = course.do(action)
        if course.is_read and course.ledger is not None:
            read.append(course)
    return read


@pytest.mark.requirement("PLN-04")
@given(courses(UNFORESEEN))
def test_what_is_believed_is_what_is_so_or_it_says_that_it_may_not_be(steps: list[Step]) -> None:
    """Refills, bridges, primes, boluses, needles, operations: every fluid to the nanolitre and picogram, at every report."""
    for course in followed(steps, read_first=True):
        assert ledger_of(course).cautions or believed(course) == row(course.plug.parcels)


@pytest.mark.requirement("PLN-04")
@given(courses())
def test_what_was_not_read_is_reckoned_from_the_program(steps: list[Step]) -> None:
    """Where no report dates a needle or an operation the ledger is off by three nanolitres at most, if no patient asks."""
    for course in followed(steps, read_first=False):
        if any("reckoned" not in caution for caution in ledger_of(course).cautions):
            continue
        here, there = believed(course), row(course.plug.parcels)
        assert [content for _, _, content in here] == [content for _, _, content in there]
        assert all(abs(a[0] - b[0]) <= 3 for a, b in zip(here, there, strict=True))


@pytest.mark.requirement("PLN-04")
@given(courses(UNFORESEEN))
def test_a_report_carries_the_ledger_on_as_its_fact_does(steps: list[Step]) -> None:
    """Read first, plan, and record then: both ways it is the same ledger."""
    for course in followed(steps, read_first=True):
        pump = course.world.pump
        assert pump is not None
        later = advance(pump, Instant(pump.now.s + DAY_S)).state
        read = handle(later, Interrogate())
        if isinstance(read, Refusal):
            continue
        chart = course.chart.after(Interrogated(later.now, read.report))
        assert advanced(ledger_of(course), read.report) == ledger_of(chart)


# By hand ---------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PLN-04")
def test_nothing_is_known_without_a_pump() -> None:
    """Before the implant and after the explant; a note changes nothing."""
    assert line_ledger(Chart().after(Noted(START, "x"))) is None
    assert ran(IMPLANT, FIRST, Explant(at(1))).ledger is None
    chart = ran(IMPLANT, FIRST).chart
    assert line_ledger(chart.after(Noted(at(1), "x"))) == line_ledger(chart)


@pytest.mark.requirement("PLN-04")
def test_a_new_line_holds_what_was_written_down() -> None:
    """Spinal fluid behind the tip, and in the tubing the drug that it was primed with."""
    ledger = ledger_of(ran(replace(IMPLANT, line_holds="CSF", primed=C500)))
    assert row(ledger.line.parcels) == [(176_800, 0, "CSF"), (140_000, 70_000_000, "drug")]
    assert ledger.in_words() == "from the tip: 0.1768 mL of CSF, then 0.14 mL of 500 mcg/mL; 70 mcg in all"
    assert (ledger.catheter_volume, ledger.tubing_volume, ledger.line.bore) == (ml(0.1768), ml(0.14), GEOMETRY.bore)
    assert (ledger.reservoir, ledger.as_of, ledger.cautions) == (None, START, ())
    assert ledger_of(ran(IMPLANT)).in_words() == "from the tip: 0.3168 mL of sterile water; no drug known"


@pytest.mark.requirement("PLN-04")
def test_until_a_refill_the_old_fluid_flowed() -> None:
    """A day of 0.2 mL at 500 lies in the line when 2,000 are filled; half a day later 0.025 mL of that."""
    course = ran(IMPLANT, FIRST, Refill(at(1), ml(18), C2000, HUNDRED))
    assert believed(course) == [(116_800, 0, "sterile water"), (200_000, 100_000_000, "drug")]
    assert ledger_of(course).reservoir == C2000
    course = course.do(Look(at(1.5)))
    assert ledger_of(course).in_words() == (
        "from the tip: 0.0918 mL of sterile water, then 0.2 mL of 500 mcg/mL, then 0.025 mL of 2,000 mcg/mL; 150 mcg in all"
    )
    assert ledger_of(course).cautions == ()


@pytest.mark.requirement("PLN-04")
def test_a_bridge_that_was_cancelled_leaves_its_remainder() -> None:
    """0.2 of 0.3168 mL paced out in a day: 0.1168 mL of 500 still lie before 0.2 mL of 2,000."""
    course = ran(IMPLANT, FIRST, Refill(at(20), ml(18), C2000, HUNDRED, bridge=True), EndBolus(at(21)))
    assert ledger_of(course).in_words() == (
        "from the tip: 0.1168 mL of 500 mcg/mL, then 0.2 mL of 2,000 mcg/mL; 458.4 mcg in all"
    )


@pytest.mark.requirement("PLN-04")
def test_a_pump_that_was_told_nothing_pushes_what_nobody_knows() -> None:
    """The minimum rate out of the box: no fill, no concentration, and the chart does not guess."""
    pump = done(handle(new_pump(REFERENCE, START), Update(MinimumRate())))
    day = advance(pump, at(1)).state
    implanted = Implanted(START, "reference-20", "indura-8709sc", "T10", ml(0.3168), GEOMETRY, "sterile water")
    ledger = ledger_of(Chart().after(implanted, SessionEnded(START, None, report(pump)), Interrogated(at(1), report(day))))
    assert row(ledger.line.parcels) == [(310_800, 0, "sterile water"), (6_000, 0, "unknown")]
    assert not ledger.known
    assert "0.006 mL of an unknown fluid; no drug known" in ledger.in_words()
    assert ledger.cautions == (
        "The pump counted more than was filled by the record: what it counted after that may not have flowed.",
    )


@pytest.mark.requirement("PLN-04")
def test_a_needle_in_the_port_changes_the_catheter_and_not_the_tubing() -> None:
    """0.1 mL drawn bring spinal fluid in at the tip; 0.05 mL injected without a concentration are sterile water."""
    course = ran(IMPLANT, FIRST, Look(at(5)), UsePort(at(5), "aspirate", ml(0.1)))
    assert believed(course) == [(100_000, 0, "CSF"), (216_800, 108_400_000, "drug")]
    course = course.do(UsePort(at(5), "inject", ml(0.05)))
    assert believed(course) == [
        (50_000, 0, "CSF"), (76_800, 38_400_000, "drug"), (50_000, 0, "sterile water"), (140_000, 70_000_000, "drug"),
    ]  # fmt: skip
    course = course.do(UsePort(at(5), "inject", ml(0.3), C2000))
    assert believed(course) == [(176_800, 353_600_000, "drug"), (140_000, 70_000_000, "drug")]


@pytest.mark.requirement("PLN-04")
def test_a_new_pump_brings_its_tubing_and_counts_from_zero() -> None:
    """The catheter keeps its 500 mcg/mL; the count of the old pump says nothing of the new one."""
    course = ran(IMPLANT, FIRST, Look(at(10)), ReplacePump(at(10), REFERENCE, 0))
    ledger = ledger_of(course)
    assert row(ledger.line.parcels) == [(176_800, 88_400_000, "drug"), (140_000, 0, "sterile water")]
    assert (ledger.pumped, ledger.reservoir, ledger.report) == (Volume(0), None, None)
    course = course.do(Refill(at(11), ml(18), C2000, HUNDRED)).do(Look(at(12)))
    assert believed(course) == [(126_800, 63_400_000, "drug"), (140_000, 0, "sterile water"), (50_000, 100_000_000, "drug")]
    primed = ran(IMPLANT, FIRST, Look(at(10)), ReplacePump(at(10), REFERENCE, 0, primed=C500))
    assert ledger_of(primed).in_words() == "from the tip: 0.3168 mL of 500 mcg/mL; 158.4 mcg in all"


@pytest.mark.requirement("PLN-04")
def test_a_new_catheter_on_a_tubing_that_stays() -> None:
    """89 cm full of what was put in; the tubing keeps its drug, and the geometry is the new one."""
    geometry = replace(GEOMETRY, trimmed=Length(0))
    ledger = ledger_of(ran(IMPLANT, FIRST, Look(at(10)), Revise(at(10), geometry, "air")))
    assert row(ledger.line.parcels) == [(196_690, 0, "air"), (140_000, 70_000_000, "drug")]
    assert (ledger.geometry, ledger.line.bore) == (geometry, geometry.bore)


def test_the_ledger_knows_nothing_of_what_is_so() -> None:
    """A pump that truly gives 40 % more has the same ledger to the last field, and another line."""
    faults = (PlannedFault(START, ChangeGain(Gain.parse("+40 %"))),)
    actions = IMPLANT, FIRST, Refill(at(1), ml(18), C2000, HUNDRED), Look(at(2))
    exact, fast = ran(*actions), ran(*actions, faults=faults)
    assert exact.ledger == fast.ledger
    assert exact.true() != fast.true()


# What may be wrong -----------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PLN-04")
def test_a_stall_is_doubted_until_the_whole_line_has_passed() -> None:
    """Three days of standing still are in the count; after 0.3168 mL more, 38 h, it does not matter any more."""
    faults = (PlannedFault(at(5), Stall(at(8))),)
    read = (Look(at(4.9)), Look(at(6)), Look(at(12)), Look(at(12 + 1.58)), Look(at(12 + 1.59)))
    told = [ledger_of(ran(IMPLANT, FIRST, *read[:n], faults=faults)).cautions for n in range(6)]
    assert told == [(), (), (STALLED,), (STALLED,), (STALLED,), ()]
    still = PlannedFault(at(5), Stall(None))
    assert ledger_of(ran(IMPLANT, FIRST, *read, faults=(still,))).cautions == (STALLED,)


@pytest.mark.requirement("PLN-04")
def test_an_empty_reservoir_is_doubted() -> None:
    """By the pump's own count, also when a refill has ended its alarm; and by the record, where more was typed than filled."""
    dry = "The reservoir was empty by the count: what the pump counted after that has not flowed."
    spent = "The pump counted more than was filled by the record: what it counted after that may not have flowed."
    for last in (Look(at(95)), replace(FIRST, at=at(95))):
        assert ledger_of(ran(IMPLANT, FIRST, last)).cautions == (spent, dry)
    assert ledger_of(ran(IMPLANT, replace(FIRST, volume=ml(4), typed=ml(18)), Look(at(30)))).cautions == (spent,)
    assert ledger_of(ran(IMPLANT, FIRST, Look(at(90 - 0.001)))).cautions == ()
    again = ran(IMPLANT, FIRST, replace(FIRST, at=at(80)), Look(at(160)))  # 32 mL in all, of 36
    assert ledger_of(again).cautions == ()


@pytest.mark.requirement("PLN-04")
def test_lost_settings_are_doubted_and_do_not_make_the_fluid_another_one() -> None:
    """In its safe state the pump knows no concentration; what it pushes is still what was filled."""
    faults = (PlannedFault(at(5), LowBattery()),)
    ledger = ledger_of(ran(IMPLANT, FIRST, Look(at(6)), faults=faults))
    assert ledger.report is not None
    assert (ledger.report.concentration, ledger.reservoir) == (None, C500)
    assert row(ledger.line.parcels) == [(316_800, 158_400_000, "drug")]
    lost = "The pump lost its settings and ran in its safe state: what it counts is to be compared with the residual."
    assert ledger.cautions == (lost,)


@pytest.mark.requirement("PLN-04")
def test_what_was_done_without_a_report_is_reckoned_and_said() -> None:
    """A fill, a needle, an operation between two reports; none of it is said where the line holds one fluid only."""
    refilled = ran(IMPLANT, FIRST)
    chart = refilled.chart.after(Filled(at(1), ml(18), C2000))
    told = "The pump was not read when {}: what had flowed until then is reckoned from its program."
    assert believed(chart) == [(116_800, 0, "sterile water"), (200_000, 100_000_000, "drug")]
    assert ledger_of(chart).cautions == (
        "The pump was told 500 mcg/mL, and 2,000 mcg/mL was filled.",
        told.format("it was filled"),
    )
    assert ledger_of(refilled.chart.after(Filled(at(1), ml(18), C500))).cautions == ()
    words: dict[str, tuple[Action, Action]] = {
        "the access port was used": (UsePort(at(1), "aspirate", ml(0.1)), UsePort(at(9), "aspirate", ml(0.1))),
        "the catheter was revised": (Revise(at(1), GEOMETRY), Revise(at(9), GEOMETRY)),
        "it was taken out": (ReplacePump(at(1), REFERENCE, 0), ReplacePump(at(9), REFERENCE, 0)),
    }
    for when, (action, late) in words.items():
        assert ledger_of(refilled.do(action)).cautions == (told.format(when),)
        assert ledger_of(refilled.do(Look(at(8))).do(late)).cautions == ()
        assert ledger_of(refilled.do(Look(at(1))).do(action)).cautions == ()


@pytest.mark.requirement("PLN-04")
@pytest.mark.parametrize(
    ("order", "flowed"),
    [
        (HUNDRED, 200_000),
        (OrderStop(), 0),
        (OrderMinimumRate(), 6_000),
        (OrderContinuous(DailyDose(400_000_000)), 800_000),
    ],
)
def test_what_is_reckoned_is_what_the_program_gives(order: OrderContinuous | OrderFlex, flowed: int) -> None:
    """A day of it between the last report and the new pump."""
    geometry = Geometry(catheter_sheet("prometra-110"), Length(0), "T10", ml(0.14))
    course = ran(replace(IMPLANT, geometry=geometry), replace(FIRST, order=order), ReplacePump(at(1), REFERENCE, 0))
    drug_nl = max(min(flowed, geometry.dead_volume.nl) - 140_000, 0)  # the tubing goes with the old pump
    assert sum(volume for volume, amount, _ in believed(course) if amount) == drug_nl


@pytest.mark.requirement("PLN-04")
def test_a_bolus_under_way_is_reckoned_before_the_program() -> None:
    """Half a day of a bridge at 0.2 mL/day, and nothing of the program; a bolus of 0.02 mL on top of it."""
    bridged = ran(IMPLANT, FIRST, Refill(at(20), ml(18), C2000, HUNDRED, bridge=True), UsePort(at(20.5), "inject", ml(0.1), C500))
    assert ledger_of(bridged).pumped.nl == pytest.approx(4_100_000, abs=1)
    given = ran(
        IMPLANT, FIRST, GiveBolus(at(0.5), OrderBolus(Amount(10_000_000), Duration(3600))), Revise(at(1), GEOMETRY, "CSF")
    )
    assert ledger_of(given).pumped == Volume(100_000 + 20_000 + 100_000)
    primed = ran(IMPLANT, FIRST, Prime(START, ml(0.2), FlowRate(200_000)), Revise(at(0.5), GEOMETRY, "CSF"))
    assert ledger_of(primed).pumped == Volume(100_000)


@pytest.mark.requirement("PLN-04")
def test_a_pump_without_electronics_leaves_nothing_known() -> None:
    """Neither its line nor, behind a new pump, the catheter that stays; nor a catheter that nobody wrote down."""
    course = ran(replace(IMPLANT, sheet=CONSTANT), Refill(START, ml(18), C500), UsePort(at(1), "aspirate", ml(0.3)))
    ledger = ledger_of(course)
    assert ledger.in_words() == "from the tip: 0.3168 mL of an unknown fluid; no drug known"
    assert ledger.cautions == ("A pump without electronics reports nothing: what lies in the line is not known.",)
    course = course.do(ReplacePump(at(2), REFERENCE, 0, primed=C500))
    assert believed(course) == [(176_800, 0, "unknown"), (140_000, 70_000_000, "drug")]
    assert ledger_of(course).cautions == ()
    course = ran(IMPLANT, FIRST, ReplacePump(at(2), CONSTANT, 0), Revise(at(3), GEOMETRY))
    assert believed(course) == [(316_800, 0, "unknown")]


@pytest.mark.requirement("PLN-04")
def test_a_catheter_that_nobody_wrote_down_is_unknown_until_it_is_pushed_through() -> None:
    """A record without a geometry, or with a content that says too little."""
    bare = Implanted(START, "reference-20", "indura-8709sc", "T10", ml(0.3168))
    course = ran(IMPLANT, FIRST)
    rest = tuple(fact for fact in course.chart.facts if not isinstance(fact, Implanted))
    chart = Chart().after(bare, *rest)
    assert believed(chart) == [(316_800, 0, "unknown")]
    later = chart.after(*course.do(Look(at(9))).chart.facts[len(course.chart.facts) :])
    assert believed(later) == [(316_800, 158_400_000, "drug")]
    assert ledger_of(later).known
    assert ledger_of(later).catheter_volume == ml(0.3168)
    assert believed(later.after(PortUsed(at(9), "aspirate", ml(0.1)))) == [(316_800, 0, "unknown")]
    revised = Revised(at(9), "indura-8709sc", "T10", ml(0.3168), GEOMETRY, "CSF")
    assert believed(later.after(revised)) == [(176_800, 0, "CSF"), (140_000, 0, "unknown")]
    assert believed(later.after(replace(revised, geometry=None))) == [(316_800, 0, "unknown")]
    assert believed(later.after(PumpReplaced(at(9), "reference-20", ml(0.3168), C500))) == [(316_800, 0, "unknown")]
    named = replace(bare, geometry=GEOMETRY, holds="drug", primed=C500)
    assert believed(Chart().after(named)) == [(176_800, 0, "unknown"), (140_000, 70_000_000, "drug")]


def test_a_fluid_has_its_strength_and_its_name() -> None:
    """What is no drug, or none that is known, has no strength."""
    assert strength(Parcel.whole(10, 5000)) == C500
    assert [strength(Parcel.whole(10, 0, content)) for content in ("sterile water", "CSF", "air", "unknown")] == [None] * 4
    assert [fluid_text(Parcel.whole(10, 0, content)) for content in ("air", "unknown", "other drug")] == [
        "air", "an unknown fluid", "another drug",
    ]  # fmt: skip
    assert not LineLedger(START, "reference-20", Line((Parcel.whole(10, 0, "other drug"),)), None).known
