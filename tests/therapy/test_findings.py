"""What holds for all findings: stricter settings find no less, the order of facts changes nothing, each names its rule."""

from dataclasses import replace
from datetime import date
from random import Random

from hypothesis import given, reject
from hypothesis import strategies as st

from tests.charts import Story, day, mcg_a_day
from thecal.chart.clinical import (
    AlarmHeard,
    Answered,
    Booked,
    ClinicalFact,
    Described,
    Discontinued,
    Documented,
    Measured,
    Noticed,
    Overrode,
    Prescribed,
    Referred,
    Scanned,
    Scored,
    Signed,
    SymptomReported,
    Visited,
)
from thecal.chart.contradiction import contradictions
from thecal.chart.facts import Assessed
from thecal.chart.order import OrderContinuous, OrderMinimumRate, OrderStop
from thecal.chart.order_sheet import OrderSheet
from thecal.chart.vocabulary import words
from thecal.errors import InputError
from thecal.quantity import Concentration
from thecal.therapy.check import check
from thecal.therapy.clinic import Clinic
from thecal.therapy.finding import SEVERITIES, ordered
from thecal.therapy.look import Look
from thecal.therapy.pathway import pathway
from thecal.therapy.permissions import roles
from thecal.therapy.rules import Limit, all_rules

DAYS = st.integers(-60, 400).map(float)
NAMES = {kind: st.sampled_from(sorted(words(kind))) for kind in ("conditions", "symptoms", "medicines", "documents", "visits")}
ITEMS = [(name, item) for name, word in words("checklists").items() for item in word.items]
INSTANTS = DAYS.map(day)
ROLES = st.sampled_from(sorted(roles()))


def of_measure(name: str) -> st.SearchStrategy[ClinicalFact]:
    word = words("measures")[name]
    return st.builds(Measured, INSTANTS, st.just(name), st.floats(word.low, word.high))


FACTS: st.SearchStrategy[ClinicalFact | Assessed] = st.one_of(
    st.builds(lambda at, item, yes: Answered(at, item[0], item[1], yes), INSTANTS, st.sampled_from(ITEMS), st.booleans()),
    st.builds(Noticed, INSTANTS, NAMES["conditions"], st.booleans()),
    st.builds(SymptomReported, INSTANTS, NAMES["symptoms"], st.integers(0, 3)),
    st.sampled_from(sorted(words("measures"))).flatmap(of_measure),
    st.builds(Prescribed, INSTANTS, NAMES["medicines"], st.just("oral"), st.integers(1, 130).map(float), st.integers(1, 4)),
    st.builds(Prescribed, INSTANTS, st.just("baclofen"), st.just("oral"), st.integers(1, 130).map(float), st.integers(1, 4)),
    st.builds(Discontinued, INSTANTS, NAMES["medicines"]),
    st.builds(Booked, INSTANTS, NAMES["visits"], INSTANTS, st.sampled_from([None, "nurse B"]), st.booleans()),
    st.builds(Visited, INSTANTS, NAMES["visits"]),
    st.builds(Documented, INSTANTS, NAMES["documents"], st.none() | INSTANTS),
    st.builds(Signed, INSTANTS, st.just("A"), st.sampled_from("AB"), ROLES),
    st.builds(
        Overrode, INSTANTS, st.sampled_from(sorted(all_rules())), st.just("x"), st.just("A"), st.sampled_from(sorted(roles()))
    ),
    st.builds(AlarmHeard, INSTANTS, st.sampled_from(["single", "two-tone"])),
    st.builds(Scanned, INSTANTS, st.sampled_from([1.5, 3.0])),
    st.builds(Referred, INSTANTS),
    st.builds(Scored, INSTANTS, st.just("ashworth-0-4"), st.sampled_from("01234"), st.just("left knee")),
    st.builds(Assessed, INSTANTS, st.integers(1, 5).map(float), st.none(), st.integers(0, 4).map(float)),
)
PEOPLE = st.builds(
    Described,
    st.just(day(-90)),
    st.sampled_from(["multiple sclerosis", "spinal cord injury", "stroke"]),
    st.sampled_from(["spinal", "cerebral"]),
    st.dates(date(1930, 1, 1), date(2020, 1, 1)),
)
ORDERS = st.one_of(
    st.none(),
    st.integers(20, 900).map(lambda mcg: OrderSheet(dosing=OrderContinuous(mcg_a_day(mcg)))),
    st.sampled_from([OrderSheet(dosing=OrderStop()), OrderSheet(dosing=OrderMinimumRate()), OrderSheet(prime=True)]),
    st.just(OrderSheet(concentration=Concentration(1000), bridge=True, confirm_total=mcg_a_day(100))),
)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """A person, perhaps with a pump and some doses, and facts about anything on any day; none that contradict."""
    story = Story()
    if draw(st.booleans()):
        story.tested(-10, draw(st.sampled_from([25, 50, 75, 100])), draw(st.sampled_from([None, 4, 9])))
    if draw(st.booleans()):
        story.implanted(0).filled(0)
        at = 0
        for mcg in draw(st.lists(st.integers(30, 700), min_size=1, max_size=6)):
            story.programmed(at, mcg)
            at += draw(st.sampled_from([1, 7, 40]))
    story.fact(draw(PEOPLE), *draw(st.lists(FACTS, max_size=12)))
    bad = {id(pair.second) for pair in contradictions(story.facts)}
    story.facts = [fact for fact in story.facts if id(fact) not in bad]
    return story


def look_of(story: Story, on: float, orders: OrderSheet | None, clinic: Clinic | None = None) -> Look:
    in_place = story.pump is not None and on >= 0
    look = Look.at(story.chart, day(on), sheet=story.sheet if in_place else None, clinic=clinic)
    return replace(look, asked=story.asked(orders, look.chart)) if orders and in_place else look


@given(stories(), DAYS, ORDERS)
def test_every_finding_says_all_that_a_reader_needs(story: Story, on: float, orders: OrderSheet | None) -> None:
    """A known rule and severity, what was asked and allowed, a source, a confidence, what to do; in the order of gravity."""
    findings = check(look_of(story, on, orders))
    for finding in findings:
        assert finding.rule in all_rules()
        assert finding.severity in SEVERITIES
        assert all((finding.asked, finding.allowed, finding.source, finding.confidence, finding.next))
        assert finding.next.endswith(".")
    assert findings == ordered(findings)


@given(stories(), DAYS, ORDERS, st.randoms(use_true_random=False))
def test_the_order_of_facts_changes_nothing(story: Story, on: float, orders: OrderSheet | None, chance: Random) -> None:
    """Facts of one instant may stand in any order; so may facts of all times in what a person tells."""
    before = check(look_of(story, on, orders)), pathway(look_of(story, on, None))
    clinical = [fact for fact in story.facts if type(fact).__module__.endswith(("clinical", "facts")) and not _of_pump(fact)]
    chance.shuffle(clinical)
    story.facts = [*clinical, *(fact for fact in story.facts if _of_pump(fact))]
    assert (check(look_of(story, on, orders)), pathway(look_of(story, on, None))) == before


def _of_pump(fact: object) -> bool:
    return type(fact).__name__ in ("Implanted", "Filled", "SessionEnded", "ResidualMeasured", "TestBolusGiven")


LIMITS = [limit for rule in all_rules().values() for limit in rule.limits.values() if limit.stricter]


@given(stories(), DAYS, ORDERS, st.sampled_from(LIMITS), st.sampled_from([0.02, 0.5, 0.9]))
def test_a_stricter_limit_finds_no_less(story: Story, on: float, orders: OrderSheet | None, limit: Limit, by: float) -> None:
    """Never fewer findings, and never fewer that block, when one limit is made stricter."""
    value = limit.value * by if limit.stricter == "lower" else limit.value / by
    try:
        strict = Clinic().with_limit(f"{limit.rule}.{limit.name}", value)
    except InputError:  # past the other end of its range
        reject()
    usual, stricter = check(look_of(story, on, orders)), check(look_of(story, on, orders, strict))
    assert len(stricter) >= len(usual)
    for severity in ("emergency", "block"):
        of_usual, of_strict = (sum(finding.severity == severity for finding in found) for found in (usual, stricter))
        assert of_strict >= of_usual
