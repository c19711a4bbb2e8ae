"""The prime from what lies in the line, against what the line really does."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.chart.lines import Course
from tests.courses import GEOMETRY, START, flow, ml, refused
from tests.programmer.test_bridge import C500, C2000, Fluid, held
from thecal.catheter.dispersion import front_at_tip
from thecal.catheter.geometry import Geometry, catheter_sheet
from thecal.chart.line_ledger import LineLedger
from thecal.chart.order import OrderContinuous
from thecal.errors import Refusal
from thecal.programmer.prime import LinePrime, Part, observation_after_prime, prime_from
from thecal.pump.program import PrimingBolus
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Amount, Concentration, DailyDose, FlowRate, Length, Volume, VolumePerLength
from thecal.timeline import DAY_S, Duration, Instant
from thecal.twin.action import Action, EndBolus, Implant, Look, Prime, Refill, ReplacePump, UsePort

# GEOMETRY: a lumen of 176,800 nL behind 140,000 nL of tubing.
SHEET = pump_sheet("reference-20")
HUNDRED = OrderContinuous(DailyDose(100_000_000))
IMPLANT = Implant(START, SHEET, GEOMETRY, 0)
FIRST = Refill(START, ml(18), C500, HUNDRED)
FAST = flow(24)
WHOLE = Geometry(catheter_sheet("indura-8709sc"), Length(0), "T10", ml(0.14))


def planned(plan: LinePrime | Refusal) -> LinePrime:
    assert isinstance(plan, LinePrime), plan
    return plan


def ran(*actions: Action) -> Course:
    course = Course.begun()
    for action in actions:
        course = course.do(action)
    assert not course.refusals, course.refusals
    return course


def ledger_of(course: Course) -> LineLedger:
    assert course.ledger is not None
    return course.ledger


def given_pg(course: Course) -> int:
    return course.world.ledger.intrathecal.amount_pg


# The plan --------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("PLN-05")
def test_a_new_line_of_89_cm_takes_twenty_minutes_and_a_thirtieth_of_the_lumen_is_early() -> None:
    """0.33669 mL at 24 mL/day; 3.3 % of 98.345 mcg by dispersion, a quarter of it at most; and eight hours under watch."""
    plan = planned(prime_from(ledger_of(ran(replace(IMPLANT, geometry=WHOLE), FIRST)), SHEET))
    assert (plan.part, plan.volume, plan.flow) == ("tubing and catheter", ml(0.33669), FAST)
    assert plan.bolus == PrimingBolus(ml(0.33669), Duration(1213))
    assert plan.minutes == Fraction(1440 * 336_690, 24_000_000)
    assert plan.early.mcg / 98.345 == pytest.approx(0.033, abs=0.0003)
    assert plan.early_bound == Amount(-(-98_345_000 // 4))
    assert (plan.pushed, plan.cautions) == (Amount(0), ())
    assert (plan.front, plan.front_s, plan.begins) == (ml(0.33669), 1213, START)
    assert plan.reaches_tip == plan.ends == Instant(START.s + 1213)
    assert plan.observe == observation_after_prime() == Duration(8 * 3600)
    assert plan.observe_until == Instant(START.s + 1213 + 8 * 3600)
    assert any("cmsc.confex.com" in source for source in plan.sources)
    assert plan.in_words() == (
        "prime tubing and catheter, 0.33669 mL at 24 mL/day over 20.2 min; past the tip by then about 3.24 mcg, at most "
        "24.59 mcg; observe for 8 h after it"
    )


# What the line holds, what is primed of it, and the drug that it pushes out of the catheter.
CASES: list[tuple[list[Fluid], Part, int, int]] = [
    ([(316_800, "sterile water")], "tubing and catheter", 316_800, 0),
    ([(176_800, "CSF"), (140_000, "sterile water")], "tubing and catheter", 316_800, 0),
    ([(176_800, "air"), (140_000, C500)], "catheter only", 176_800, 0),  # primed before implant
    ([(176_800, "CSF"), (140_000, C500)], "catheter only", 176_800, 0),  # aspirated
    ([(176_800, C500), (140_000, "sterile water")], "tubing only", 140_000, 70_000_000),  # a new pump on a kept catheter
    ([(176_800, "CSF"), (140_000, "sterile water")], "tubing and catheter", 316_800, 0),  # the same, aspirated
    ([(50_000, "CSF"), (266_800, C500)], "the remainder", 50_000, 0),
    ([(76_800, C500), (140_000, "sterile water"), (100_000, C500)], "the remainder", 40_000, 20_000_000),
    ([(20_000, "CSF"), (156_800, C500), (140_000, "sterile water")], "tubing only", 140_000, 60_000_000),
]


@pytest.mark.requirement("IMP-09")
@pytest.mark.parametrize(("fluids", "part", "volume_nl", "pushed_pg"), CASES)
def test_what_holds_no_drug_is_primed(fluids: list[Fluid], part: Part, volume_nl: int, pushed_pg: int) -> None:
    """Both, one of the two, or what is left of it; where the catheter holds drug, that goes into the patient, and it is said."""
    plan = planned(prime_from(held(*fluids, reservoir=C500), SHEET))
    assert (plan.part, plan.volume.nl, plan.pushed.pg) == (part, volume_nl, pushed_pg)
    assert bool(pushed_pg) == any("pushed into the patient" in caution for caution in plan.cautions)
    assert plan.early <= plan.early_bound
    assert plan.pushed <= plan.early_bound


@pytest.mark.requirement("IMP-09")
def test_a_new_pump_on_a_kept_catheter_is_better_primed_before() -> None:
    """70 mcg at once, and later nothing for as long as 0.14 mL take; drug is at the tip all the time."""
    course = ran(IMPLANT, FIRST, Look(Instant(START.s + 9 * DAY_S)), ReplacePump(Instant(START.s + 9 * DAY_S), SHEET, 0))
    plan = planned(prime_from(ledger_of(course).with_fill(C500), SHEET))
    assert (plan.part, plan.volume, plan.early_bound) == ("tubing only", ml(0.14), Amount(70_000_000))
    assert plan.cautions == (
        "70 mcg that lie in the catheter are pushed into the patient: prime a new pump before it is connected.",
        "0.14 mL without drug stay in the catheter: while they pass the tip the patient gets none.",
    )
    assert (plan.front, plan.front_s, plan.reaches_tip) == (Volume(0), 0, plan.begins)
    assert plan.early < plan.early_bound


@pytest.mark.requirement("PLN-05")
def test_the_bound_is_what_lies_there_and_a_quarter_of_what_a_front_travels() -> None:
    """60 mcg behind 0.02 mL of CSF go out, and 0.005 mL more if nothing diffused; but never more than was pushed in."""
    plan = planned(prime_from(held((20_000, "CSF"), (156_800, C500), (140_000, "sterile water"), reservoir=C500), SHEET))
    assert (plan.pushed, plan.early_bound) == (Amount(60_000_000), Amount(62_500_000))
    assert (plan.front, plan.front_s) == (ml(0.02), 72)
    thin = held((100_000, C500), (1_000, "CSF"), (75_800, C500), (140_000, "sterile water"), reservoir=C500)
    assert planned(prime_from(thin, SHEET)).early_bound == Amount(70_000_000)


@pytest.mark.requirement("IMP-09")
def test_a_catheter_shorter_than_the_tubing_is_primed_with_it() -> None:
    """50 cm hold 0.1105 mL, less than 0.14 of tubing: all of it goes out either way, so the drug is brought to the tip."""
    short = replace(GEOMETRY, trimmed=Length(390))
    ledger = held((110_500, C500), (140_000, "sterile water"), reservoir=C500)
    ledger = replace(ledger, geometry=short, line=replace(ledger.line, bore=short.bore))
    plan = planned(prime_from(ledger, SHEET))
    assert (plan.part, plan.volume, plan.pushed) == ("tubing and catheter", ml(0.2505), Amount(55_250_000))
    assert plan.early_bound.pg == 55_250_000 + 55_250_000 // 4


@pytest.mark.requirement("PLN-05")
def test_without_a_flow_it_is_as_fast_as_the_pump_and_its_shortest_bolus_allow() -> None:
    """0.01 mL would take 36 s at 24 mL/day: in a minute it is 14.4 mL/day."""
    ledger = held((10_000, "CSF"), (306_800, C500), reservoir=C500)
    plan = planned(prime_from(ledger, SHEET))
    assert (plan.flow, plan.duration) == (flow(14.4), SHEET.bolus_duration_min)
    odd = planned(prime_from(held((10_001, "CSF"), (306_799, C500), reservoir=C500), SHEET))
    assert odd.duration == SHEET.bolus_duration_min
    asked = planned(prime_from(ledger, SHEET, flow(1.5)))
    assert (asked.flow, asked.minutes, asked.duration) == (flow(1.5), Fraction(96, 10), Duration(576))


FLOWS = st.integers(400_000, 24_000_000).map(FlowRate)


@pytest.mark.requirement("PLN-05")
@given(st.integers(0, 400), st.sampled_from(["sterile water", "CSF", "air"]), st.booleans(), FLOWS | st.just(FAST))
def test_the_early_dose_is_what_the_line_gives(trimmed_mm: int, holds: str, primed: bool, rate: FlowRate) -> None:
    """The same line at the same flow, to the picogram; what a plug gives by then is nothing, and the bound is never less."""
    geometry = replace(GEOMETRY, trimmed=Length(trimmed_mm))
    implant = Implant(START, SHEET, geometry, 0, holds, primed=C500 if primed else None)  # type: ignore[arg-type]  # a content
    course = ran(implant, FIRST)
    plan = planned(prime_from(ledger_of(course), SHEET, rate))
    assert plan.part == ("catheter only" if primed else "tubing and catheter")
    course = course.do(Prime(START, plan.volume, rate)).until(plan.ends)
    assert course.world.pump is not None
    assert course.world.pump.memory.bolus is None
    assert given_pg(course) == plan.early.pg
    assert course.plug.parcels[0].amount_pg > 0
    assert sum(parcel.amount_pg for parcel in course.plug.parcels) == geometry.dead_volume.of(C500).pg
    assert plan.early <= plan.early_bound
    assert plan.reaches_tip == plan.ends


@pytest.mark.requirement("PLN-05")
@pytest.mark.parametrize("trimmed_mm", [0, 200, 400])
def test_the_estimate_is_the_dispersion_equation_s(trimmed_mm: int) -> None:
    """At 24 mL/day through what is left of 89 cm, within a twentieth of the closed form."""
    geometry = replace(GEOMETRY, trimmed=Length(trimmed_mm))
    plan = planned(prime_from(ledger_of(ran(replace(IMPLANT, geometry=geometry), FIRST)), SHEET))
    closed = front_at_tip(geometry.length, VolumePerLength(2210), FAST).spilled_fraction * geometry.catheter_volume.of(C500).mcg
    assert plan.early.mcg == pytest.approx(closed, rel=0.05)
    assert plan.early_bound.mcg == pytest.approx(geometry.catheter_volume.of(C500).mcg / 4)


@pytest.mark.requirement("PLN-05")
@given(st.data(), st.sampled_from([IMPLANT, replace(IMPLANT, primed=C500), replace(IMPLANT, line_holds="CSF")]), FLOWS)
def test_the_remainder_of_a_prime_and_what_was_given_are_the_whole(data: st.DataObject, implant: Implant, rate: FlowRate) -> None:
    """Cancelled at any second: the next plan is for the rest of it, to the nanolitre, and its front is where the rest begins."""
    course = ran(implant, FIRST)
    whole = planned(prime_from(ledger_of(course), SHEET, rate))
    second = data.draw(st.integers(1, whole.duration.s - 1))
    course = course.do(Prime(START, whole.volume, rate)).do(EndBolus(Instant(START.s + second)))
    ledger = ledger_of(course)
    rest = prime_from(ledger, SHEET)
    if isinstance(rest, Refusal):  # a few nanolitres: the program brings them
        assert rest.rule == "PMP-01"
        assert ledger.line.parcels[0].volume_nl < 40
        return
    assert rest.volume.nl + ledger.pumped.nl == whole.volume.nl
    assert rest.front == rest.volume
    assert rest.begins == Instant(START.s + second)
    assert rest.early <= rest.early_bound


@pytest.mark.requirement("IMP-09")
@given(st.integers(1, 503))
def test_the_remainder_of_a_prime_of_the_tubing_too(second: int) -> None:
    """The catheter's own drug goes first; what is left is always what the tubing still lacks."""
    when = Instant(START.s + 9 * DAY_S)
    course = ran(IMPLANT, FIRST, Look(when), ReplacePump(when, SHEET, 0), replace(FIRST, at=when))
    whole = planned(prime_from(ledger_of(course), SHEET))
    assert (whole.volume, whole.duration) == (ml(0.14), Duration(504))
    course = course.do(Prime(when, whole.volume, whole.flow)).do(EndBolus(Instant(when.s + second)))
    rest = planned(prime_from(ledger_of(course), SHEET))
    assert rest.volume.nl + ledger_of(course).pumped.nl == 140_000
    assert rest.part == "the remainder"
    finished = course.do(Prime(Instant(when.s + second), rest.volume, rest.flow)).do(
        Look(Instant(when.s + second + rest.duration.s))
    )
    assert refused(prime_from(ledger_of(finished), SHEET)).rule == "IMP-09"


# No prime --------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("IMP-09")
def test_a_refill_with_the_same_drug_is_not_primed() -> None:
    """Drug from the pump to the tip; nor is fluid that lies in the catheter behind drug, which the program brings."""
    refusal = refused(prime_from(ledger_of(ran(IMPLANT, FIRST, replace(FIRST, at=Instant(START.s + 9 * DAY_S)))), SHEET))
    assert refusal.rule == "IMP-09"
    assert "nothing to prime" in refusal.limit
    assert "0.3168 mL of 500 mcg/mL" in refusal.asked
    behind = held((36_800, C500), (140_000, "sterile water"), (140_000, C500), reservoir=C500)
    assert refused(prime_from(behind, SHEET)).rule == "IMP-09"


@pytest.mark.requirement("IMP-09")
@pytest.mark.parametrize(
    "ledger",
    [
        held((176_800, "unknown"), (140_000, C500), reservoir=C500),
        held((176_800, "other drug"), (140_000, C500), reservoir=C500),
        held((316_799, "CSF"), (1, "unknown"), reservoir=C500),
        held((316_800, "sterile water")),
    ],
)
def test_what_is_not_known_is_not_primed(ledger: LineLedger) -> None:
    """Anywhere in the line, or behind it: a monitored start."""
    refusal = refused(prime_from(ledger, SHEET))
    assert refusal.rule == "IMP-09"
    assert "monitored" in refusal.advice


@pytest.mark.requirement("PLN-06")
def test_another_strength_in_the_line_is_bridged_first() -> None:
    """A prime would push it into the patient."""
    lines: list[list[Fluid]] = [
        [(316_800, C2000)],
        [(176_800, C2000), (140_000, "sterile water")],
        [(176_799, "CSF"), (140_001, C2000)],  # not all of it was aspirated
    ]
    for fluids in lines:
        refusal = refused(prime_from(held(*fluids, reservoir=C500), SHEET))
        assert refusal.rule == "PLN-06"
        assert refusal.advice.startswith("Bridge the old concentration")


@pytest.mark.requirement("PLN-06")
def test_the_way_out_of_old_drug_in_the_tubing_gives_the_patient_none_of_it() -> None:
    """Aspirated for a new concentration, the tubing still holds the old one: as advised, it ends with the new one at the tip."""
    when = Instant(START.s + 9 * DAY_S)
    course = ran(IMPLANT, replace(FIRST, concentration=C2000), replace(FIRST, at=when), UsePort(when, "aspirate", ml(0.2)))
    refusal = refused(prime_from(ledger_of(course), SHEET))
    assert refusal.rule == "PLN-06"
    assert "priming bolus of 0.14 mL, aspirate again" in refusal.advice
    before_pg = given_pg(course)
    course = course.do(Prime(when, ml(0.14), FAST))
    now = Instant(when.s + 504)
    course = course.do(Look(now)).do(UsePort(now, "aspirate", ml(0.2)))
    assert given_pg(course) - before_pg < 10_000_000  # what disperses on half the way of 280 mcg
    plan = planned(prime_from(ledger_of(course), SHEET))
    assert (plan.part, plan.volume) == ("catheter only", ml(0.1768))
    course = course.do(Prime(now, plan.volume, plan.flow)).do(Look(plan.ends))
    assert ledger_of(course).in_words() == "from the tip: 0.3168 mL of 500 mcg/mL; 158.4 mcg in all"


@pytest.mark.requirement("PLN-05")
@pytest.mark.parametrize(("asked", "rule"), [(24.1, "PMP-02"), (0.04, "PMP-13"), (0.3, "PMP-13")])
def test_a_prime_keeps_the_limits_of_the_pump(asked: float, rule: str) -> None:
    """Too fast, or longer than a bolus lasts."""
    assert refused(prime_from(held((316_800, "CSF"), reservoir=C500), SHEET, flow(asked))).rule == rule


@pytest.mark.requirement("PLN-05")
def test_a_prime_slower_than_the_pump_turns_is_refused_and_one_too_short_as_well() -> None:
    """A few microlitres at less than the slowest flow; at the fastest they take less than a minute."""
    ledger = held((10_000, "CSF"), (306_800, C500), reservoir=C500)
    refusal = refused(prime_from(ledger, SHEET, flow(0.04)))
    assert (refusal.rule, refusal.advice) == (
        "PMP-01",
        "Prime 0.01 mL at another flow; a rest too small for any is left to the program.",
    )
    assert refused(prime_from(ledger, SHEET, FAST)).rule == "PMP-13"


@pytest.mark.requirement("PMP-40")
def test_a_pump_without_electronics_primes_nothing() -> None:
    """It takes no command."""
    assert refused(prime_from(held((316_800, "CSF"), reservoir=C500), pump_sheet("isomed-8472-20-10"))).rule == "PMP-40"


@pytest.mark.requirement("PLN-05")
@given(
    st.lists(st.tuples(st.integers(1, 200_000), st.sampled_from(["CSF", "air", C500])), min_size=1, max_size=4),
    st.integers(1, 200_000),
    st.floats(0, 1),
)
def test_whatever_was_given_of_a_prime_the_rest_of_it_is_proposed(fluids: list[Fluid], lumen_nl: int, part: float) -> None:
    """Any line of known fluids: a part of the planned volume leaves a plan for the rest, which ends with drug at the tip."""
    ledger = held(*fluids, reservoir=C500)
    assert ledger.line.bore is not None
    bore = replace(ledger.line.bore, lumen_nl=min(lumen_nl, ledger.line.volume_nl))
    ledger = replace(ledger, line=replace(ledger.line, bore=bore))
    whole = prime_from(ledger, SHEET)
    if isinstance(whole, Refusal):
        assert whole.rule == "PMP-01" or ledger.line.parcels[0].content == "drug"
        return
    assert whole.early <= whole.early_bound
    given_nl = round(whole.volume.nl * part)

    def pushed(nl: int) -> LineLedger:
        drug = held((nl, C500)).line.parcels
        return replace(ledger, line=ledger.line.pushed(drug).line) if nl else ledger

    rest = prime_from(pushed(given_nl), SHEET)
    if isinstance(rest, LinePrime):
        assert rest.volume.nl == whole.volume.nl - given_nl
    else:
        assert rest.rule == ("IMP-09" if given_nl == whole.volume.nl else "PMP-01")
    assert pushed(whole.volume.nl).line.parcels[0].content == "drug"


def test_the_strength_of_a_prime_is_the_reservoir_s() -> None:
    """Of 2,000 mcg/mL four times as much is early."""
    of = {c: planned(prime_from(held((316_800, "CSF"), reservoir=c), SHEET)) for c in (C500, Concentration(2000))}
    assert of[C2000].early_bound.pg == 4 * of[C500].early_bound.pg
    assert of[C2000].early.pg == pytest.approx(4 * of[C500].early.pg, rel=1e-3)
