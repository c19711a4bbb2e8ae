"""Interactions and restrictions: every pair alone and beside baclofen, by mouth and by pump; both sides of each limit."""

from itertools import permutations

import pytest

from tests.charts import Story, day, found, severities, started
from thecal.chart.clinical import (
    Answered,
    Booked,
    Certified,
    ClinicalFact,
    Discontinued,
    Documented,
    Measured,
    Noticed,
    Overrode,
    Prescribed,
    Route,
)
from thecal.chart.order import OrderMinimumRate, OrderStop
from thecal.chart.vocabulary import named, words
from thecal.datum import read_data
from thecal.errors import InputError
from thecal.therapy.check import check
from thecal.therapy.clinic import Clinic
from thecal.therapy.interactions import CHECKS, interactions, last_rise, pairs, routes
from thecal.timeline import Duration

PAIRS = [
    ("INT-02", "zopiclone"),
    ("INT-02", "alcohol"),
    ("INT-02", "valerian"),
    ("INT-02", "kava"),
    ("INT-02", "diphenhydramine"),
    ("INT-02", "tizanidine"),
    ("INT-02", "dantrolene"),
    ("INT-03", "morphine"),
    ("INT-04", "amitriptyline"),
    ("INT-05", "phenelzine"),
    ("INT-06", "lithium"),
    ("INT-07", "levodopa/carbidopa"),
    ("INT-08", "ramipril"),
    ("INT-09", "naproxen"),
    ("INT-12", "insulin"),
]


def taking(medicine: str, on: float = 20, per_day: float = 10, route: Route = "oral") -> Prescribed:
    return Prescribed(day(on), medicine, route, per_day)


def tablets(*others: ClinicalFact, mg: float = 30) -> Story:
    """A person with MS and no pump who takes baclofen from day 10 on, and what else is told."""
    return Story().person().fact(taking("baclofen", 10, mg), *others)


@pytest.mark.parametrize(("rule", "medicine"), PAIRS)
def test_a_pair_is_found_beside_baclofen_by_either_route_and_only_there(rule: str, medicine: str) -> None:
    """Alone it is not; with tablets and with a pump it is, naming both; once one of them is no longer taken it is not."""
    drug = taking(medicine)
    assert not severities(Story().person().fact(drug).look(21), rule)
    for story, way in ((tablets(drug), "by mouth"), (started().fact(drug), "by pump")):
        findings = found(story.look(21), rule)
        assert findings
        assert findings[0].severity == ("task" if rule == "INT-09" else "warn")
        assert medicine in findings[0].asked
        assert way in findings[0].asked or rule == "INT-09"
        assert not severities(story.fact(Discontinued(day(22), medicine)).look(23), rule)
    assert not severities(tablets(drug, Discontinued(day(22), "baclofen")).look(23), rule)


@pytest.mark.requirement("INT-03")
@pytest.mark.requirement("INT-04")
@pytest.mark.requirement("INT-05")
@pytest.mark.requirement("INT-06")
@pytest.mark.requirement("INT-07")
@pytest.mark.requirement("INT-12")
def test_each_pair_is_warned_of_by_its_own_rule() -> None:
    """A drug that is in no class of a rule is not named by it, and none of these stops anything."""
    everything = tablets(*(taking(medicine) for _, medicine in PAIRS)).look(21)
    for rule in ("INT-03", "INT-04", "INT-05", "INT-06", "INT-07", "INT-12"):
        (finding,) = found(everything, rule)
        named_by = [medicine for _, medicine in PAIRS if medicine in finding.asked]
        assert named_by == [medicine for of_rule, medicine in PAIRS if of_rule == rule]
        assert finding.severity == "warn"
        assert not finding.stops
    apart = interactions(tablets(taking("ocrelizumab")).look(21))
    assert {finding.rule for finding in apart} == {"INT-01", "INT-10"}


@pytest.mark.requirement("INT-02")
@pytest.mark.parametrize(("days", "severity"), [(30, ["block"]), (30.1, ["warn"])])
def test_sedatives_are_blocked_for_a_month_after_an_overdose(days: float, severity: list[str]) -> None:
    story = tablets(taking("diazepam"), Documented(day(25), "overdose recorded"))
    assert severities(story.look(25 + days), "INT-02") == severity


@pytest.mark.requirement("INT-02")
def test_sedatives_are_blocked_while_an_overdose_is_suspected() -> None:
    """Until it no longer is; but never does that stand in the way of an order that stops the pump."""
    story = started().fact(taking("diazepam"), Noticed(day(25), "overdose suspected"))
    assert severities(story.look(26), "INT-02") == ["block"]
    assert severities(story.look(26, 100), "INT-02") == ["block"]
    assert severities(story.look(26, OrderStop()), "INT-02") == ["warn"]
    assert severities(story.look(26, OrderMinimumRate()), "INT-02") == ["warn"]
    assert severities(story.fact(Noticed(day(27), "overdose suspected", present=False)).look(28), "INT-02") == ["warn"]


@pytest.mark.requirement("INT-02")
def test_a_block_of_sedatives_is_a_decision_of_a_person_who_may_order() -> None:
    story = tablets(taking("diazepam"), Documented(day(25), "overdose recorded"))
    assert found(story.fact(Overrode(day(26), "INT-02", "seizures", "N", "nurse")).look(27), "INT-02")[0].stops
    assert not found(story.fact(Overrode(day(26), "INT-02", "seizures", "Dr A", "physician")).look(27), "INT-02")[0].stops


@pytest.mark.requirement("INT-02")
@pytest.mark.parametrize(("gone_on", "counts"), [(25.5, False), (27, True), (35, False)])
def test_who_decides_by_a_certificate_does_so_while_it_counts(gone_on: float, counts: bool) -> None:
    """And nobody else of that profession does."""
    decided = Overrode(day(gone_on), "INT-02", "seizures", "P", "nurse practitioner")
    papers = {who: Certified(day(26), who, "nurse practitioner", "order", day(30)) for who in ("P", "O")}
    for who, stops in (("P", not counts), ("O", True)):
        story = tablets(taking("diazepam"), Documented(day(25), "overdose recorded"), decided, papers[who])
        assert found(story.look(36), "INT-02")[0].stops is stops


@pytest.mark.requirement("INT-02")
def test_a_clinic_may_wait_longer_or_shorter_after_an_overdose() -> None:
    """Nobody has published the number: both directions are a clinic's, and a longer one never finds less."""
    story = tablets(taking("diazepam"), Documented(day(25), "overdose recorded"))
    for days, severity in ((7, ["warn"]), (30, ["block"]), (90, ["block"])):
        assert severities(story.look(40, clinic=Clinic().with_limit("INT-02.overdose", days)), "INT-02") == severity


@pytest.mark.requirement("INT-02")
def test_misuse_of_alcohol_counts_as_alcohol_and_toxin_in_a_muscle_as_nothing() -> None:
    """Baclofen itself is no other sedative either."""
    assert severities(tablets().look(21), "INT-02") == []
    assert severities(tablets(taking("onabotulinumtoxinA", route="injection")).look(21), "INT-02") == []
    misuse = found(tablets(Noticed(day(11), "alcohol misuse")).look(21), "INT-02")
    assert [finding.severity for finding in misuse] == ["warn"]
    assert "alcohol with baclofen by mouth" in misuse[0].asked
    assert severities(Story().person().fact(Noticed(day(11), "alcohol misuse")).look(21), "INT-02") == []


@pytest.mark.requirement("INT-08")
def test_the_blood_pressure_is_measured_after_the_last_change_of_either() -> None:
    """The pair stays warned of; the task is gone with a measurement, and back with the next rise."""
    story = tablets(taking("ramipril", 20), Measured(day(20), "systolic blood pressure", 140))  # before it could work
    assert severities(story.look(21), "INT-08") == ["warn", "task"]
    story.fact(Measured(day(20.5), "systolic blood pressure", 135))
    assert severities(story.look(21), "INT-08") == ["warn"]
    story.fact(taking("baclofen", 25, 20))
    assert severities(story.look(26), "INT-08") == ["warn"]  # less is no rise
    story.fact(taking("baclofen", 27, 45))
    assert severities(story.look(28), "INT-08") == ["warn", "task"]
    with_pump = started().fact(taking("ramipril", 1), Measured(day(6), "systolic blood pressure", 140)).programmed(7, 120)
    assert severities(with_pump.look(8), "INT-08") == ["warn", "task"]


@pytest.mark.requirement("INT-09")
@pytest.mark.parametrize("measure", ["eGFR", "creatinine clearance"])
def test_the_kidneys_are_measured_again_after_a_drug_that_burdens_them(measure: str) -> None:
    """A value of the day it was started is none of afterwards."""
    for on, severity in ((19.0, ["task"]), (20.0, ["task"]), (20.5, [])):
        assert severities(tablets(taking("ibuprofen", 20), Measured(day(on), measure, 80)).look(21), "INT-09") == severity
    assert severities(tablets(Measured(day(1), measure, 80)).look(21), "INT-09") == []


@pytest.mark.requirement("INT-01")
@pytest.mark.parametrize(("hours", "severity"), [(24, []), (24.1, ["block"]), (None, ["block"])])
def test_nothing_is_programmed_before_the_medicines_are_reconciled(hours: float | None, severity: list[str]) -> None:
    story = started()
    if hours is not None:
        story.fact(Documented(day(21 - hours / 24), "reconciliation"))
    assert severities(story.look(21, 110), "INT-01") == severity
    assert severities(story.look(21), "INT-01") == []  # no order, no prescription


@pytest.mark.requirement("INT-01")
@pytest.mark.parametrize(("hours", "severity"), [(24, []), (24.1, ["block"]), (-1, []), (None, ["block"])])
def test_nothing_is_prescribed_before_the_medicines_are_reconciled(hours: float | None, severity: list[str]) -> None:
    """One that was made too long before the prescription does not count, and one that was made after it does."""
    story = tablets(taking("zopiclone", 20))
    if hours is not None:
        story.fact(Documented(day(20 - hours / 24), "reconciliation"))
    findings = found(story.look(21), "INT-01")
    assert [finding.severity for finding in findings] == severity
    assert all("zopiclone" in finding.asked for finding in findings)
    without = Story().person().fact(taking("zopiclone", 20))
    assert severities(without.look(21), "INT-01") == []  # no baclofen


@pytest.mark.requirement("INT-01")
def test_in_an_emergency_the_medicines_are_reconciled_afterwards() -> None:
    """What could harm by waiting is never blocked by a list: it becomes a task."""
    assert severities(started().look(21, OrderStop()), "INT-01") == ["block"]  # one that is planned can wait
    recorded = started().fact(Documented(day(20), "emergency reason"))
    assert severities(recorded.look(21, OrderStop()), "INT-01") == ["task"]
    assert severities(recorded.look(22.1, 110), "INT-01") == ["block"]  # an old one excuses nothing
    for condition in ("overdose suspected", "withdrawal suspected"):
        assert severities(started().fact(Noticed(day(20), condition)).look(21, 110), "INT-01") == ["task"]
        over = started().fact(Noticed(day(19), condition), Noticed(day(20), condition, present=False))
        assert severities(over.look(21, 110), "INT-01") == ["block"]


@pytest.mark.requirement("INT-01")
def test_the_gate_opens_for_a_person_who_may_order_and_closes_earlier_where_a_clinic_says_so() -> None:
    story = started().fact(Documented(day(20.5), "reconciliation"))
    assert severities(story.look(21, 110, Clinic().with_limit("INT-01.age", 6)), "INT-01") == ["block"]
    assert severities(story.look(21, 110, Clinic().with_limit("INT-01.age", 12)), "INT-01") == []
    told = started().fact(Overrode(day(20), "INT-01", "the list is with the pharmacy", "Dr A", "physician"))
    assert [finding.stops for finding in found(told.look(21, 110), "INT-01")] == [False]


@pytest.mark.requirement("INT-10")
def test_driving_is_spoken_of_at_the_start_and_after_every_rise() -> None:
    """Of the pump and of tablets; what was said before a rise, or answered with no, does not count; a lower dose asks nothing."""
    story = started(100)
    assert severities(story.look(1), "INT-10") == ["task"]
    story.fact(Answered(day(1), "advice", "driving", yes=False))
    assert severities(story.look(2), "INT-10") == ["task"]
    story.fact(Answered(day(2), "advice", "driving", yes=True))
    assert severities(story.look(3), "INT-10") == []
    story.programmed(7, 90)
    assert severities(story.look(8), "INT-10") == []
    story.programmed(14, 110)
    assert severities(story.look(15), "INT-10") == ["task"]
    by_mouth = tablets(Answered(day(10), "advice", "driving", yes=True))
    assert severities(by_mouth.look(11), "INT-10") == []
    by_mouth.fact(taking("baclofen", 20, 45))
    assert severities(by_mouth.look(21), "INT-10") == ["task"]
    assert severities(Story().person().look(21), "INT-10") == []


@pytest.mark.requirement("INT-10")
def test_ms_is_told_to_the_driving_authority_in_the_united_kingdom() -> None:
    advised = Answered(day(10), "advice", "driving", yes=True)
    british = Clinic(jurisdiction="UK")
    assert severities(tablets(advised).look(11), "INT-10") == []
    assert severities(tablets(advised).look(11, clinic=british), "INT-10") == ["task"]
    told = tablets(advised, Documented(day(10), "driving authority told"))
    assert severities(told.look(11, clinic=british), "INT-10") == []
    stroke = Story().person("cerebral", "stroke").fact(taking("baclofen", 10), advised)
    assert severities(stroke.look(11, clinic=british), "INT-10") == []


@pytest.mark.requirement("INT-11")
def test_an_anesthetist_knows_of_the_pump() -> None:
    """An operation to come, or an anesthetic; no tablets, no visit, none that was taken back, none with a plan since."""
    booked = Booked(day(20), "surgery", day(40))
    assert [finding.due for finding in found(started().fact(booked).look(21), "INT-11")] == [day(40)]
    assert severities(started().fact(booked).look(21), "INT-11") == ["advise"]
    assert severities(started().fact(booked).look(41), "INT-11") == []
    assert severities(tablets(booked).look(21), "INT-11") == []
    assert severities(started().fact(Booked(day(20), "refill", day(40))).look(21), "INT-11") == []
    planned = [started().fact(booked, Documented(day(on), "anaesthesia plan")) for on in (19, 20)]
    assert [severities(story.look(21), "INT-11") for story in planned] == [["advise"], []]
    back = Booked(day(20), "surgery", day(40), cancelled=True)
    for order in permutations((booked, back)):
        assert severities(started().fact(*order).look(21), "INT-11") == []
    again = Booked(day(21), "surgery", day(40))
    assert severities(started().fact(booked, back, again).look(22), "INT-11") == ["advise"]
    assert severities(started().fact(taking("propofol", route="intravenous")).look(21), "INT-11") == ["advise"]
    assert severities(started().fact(taking("fentanyl", route="spray")).look(21), "INT-11") == []  # a painkiller that way


@pytest.mark.requirement("INT-13")
def test_a_pregnancy_has_a_pathway_and_no_abrupt_stop() -> None:
    pregnant = Noticed(day(15), "pregnancy")
    assert severities(Story().person().fact(pregnant).look(21), "INT-13") == []
    assert severities(tablets(pregnant).look(21), "INT-13") == ["warn", "advise"]
    with_pump = started().fact(pregnant)
    assert severities(with_pump.look(21), "INT-13") == ["warn", "task"]
    with_pump.fact(Documented(day(16), "high-risk pregnancy pathway", day(200)))
    assert severities(with_pump.look(21), "INT-13") == ["task"]
    assert severities(with_pump.look(201), "INT-13") == ["warn", "task"]
    with_pump.fact(Documented(day(17), "anaesthesia plan"))
    assert severities(with_pump.look(21), "INT-13") == []
    (stop,) = found(with_pump.look(21, OrderStop()), "INT-13")
    assert stop.severity == "warn"
    assert "abrupt" in stop.allowed
    assert severities(with_pump.look(21, 110), "INT-13") == []
    assert severities(with_pump.fact(Noticed(day(22), "pregnancy", present=False)).look(201), "INT-13") == []


@pytest.mark.requirement("INT-14")
def test_breast_feeding_with_a_pump_is_a_shared_decision() -> None:
    feeding = Noticed(day(15), "breast-feeding")
    assert severities(started().fact(feeding).look(21), "INT-14") == ["advise"]
    assert severities(tablets(feeding).look(21), "INT-14") == []
    assert severities(started().look(21), "INT-14") == []


def test_a_person_without_baclofen_is_told_nothing() -> None:
    """Nor after a pump was stopped: it gives nothing then."""
    everything = [taking(medicine) for _, medicine in PAIRS]
    alone = Story().person().fact(*everything, Noticed(day(15), "pregnancy"), Booked(day(20), "surgery", day(40)))
    assert interactions(alone.look(21)) == ()
    stopped = started().programmed(20, OrderStop()).fact(*everything)
    assert routes(stopped.look(21)) == ""
    assert interactions(stopped.look(21)) == ()
    assert routes(started().programmed(20, OrderMinimumRate()).look(21)) == "by pump"


def test_an_order_that_would_start_the_pump_counts_as_baclofen() -> None:
    """Before it runs is when the pairs matter most."""
    story = Story().person().tested(-14).implanted().filled().fact(taking("morphine", 0.1))
    assert severities(story.look(0.2), "INT-03") == []
    assert severities(story.look(0.2, 100), "INT-03") == ["warn"]


def test_findings_are_the_same_in_whatever_order_facts_of_one_instant_stand() -> None:
    told: list[ClinicalFact] = [
        taking("diazepam"),
        taking("morphine"),
        Noticed(day(20), "pregnancy"),
        Noticed(day(20), "overdose suspected"),
    ]
    answers = {interactions(tablets(*order).look(21)) for order in permutations(told)}
    assert len(answers) == 1


def test_the_gravest_comes_first_and_the_check_finds_the_same() -> None:
    look = tablets(taking("diazepam"), Documented(day(20), "overdose recorded"), Noticed(day(15), "pregnancy")).look(21)
    findings = interactions(look)
    order = ["emergency", "block", "second_person", "warn", "advise", "task"]
    assert [finding.severity for finding in findings] == sorted((f.severity for f in findings), key=order.index)
    assert findings == check(look, "interactions")
    assert {finding.rule for finding in findings} <= set(CHECKS)


def test_the_last_rise_is_of_either_route() -> None:
    assert last_rise(Story().person().look(1)) is None
    for same_or_less in (30, 20):
        assert last_rise(tablets(taking("baclofen", 12, same_or_less)).look(21)) == day(10)
    assert last_rise(tablets(Discontinued(day(12), "baclofen"), taking("baclofen", 14, 5)).look(21)) == day(14)
    both = started(100).fact(taking("baclofen", 3, 10)).programmed(7, 120).programmed(9, 110)
    assert last_rise(both.look(21)) == day(7)


def test_every_pair_has_medicines_and_says_where_it_comes_from() -> None:
    """Baclofen is in none of them; every medicine stands in a pair or is known to stand in none."""
    table = pairs()
    assert [pair.rule for pair in table] == sorted(pair.rule for pair in table)
    for pair in table:
        assert pair.medicines
        assert "baclofen" not in pair.medicines
        assert pair.source
        assert pair.confidence
        assert pair.action.endswith(".")
    assert {"valerian", "kava", "diphenhydramine", "alcohol"} <= set(table[0].medicines)


def test_medicines_are_found_by_what_people_write() -> None:
    """By another name, in any case; an unknown one is refused with the nearest that is known."""
    assert named("medicines", "Benadryl", "medicine").name == "diphenhydramine"
    assert named("medicines", "kava kava", "medicine").name == "kava"
    assert named("medicines", "KAVA", "medicine").name == "kava"
    with pytest.raises(InputError, match="Did you mean 'diphenhydramine'") as unknown:
        named("medicines", "diphenhydramin", "medicine")
    assert unknown.value.field == "medicine"
    with pytest.raises(InputError, match="is not a known medicine") as nothing_like_it:
        named("medicines", "qqqq", "medicine")
    assert nothing_like_it.value.nearest is None
    assert "valerian" in nothing_like_it.value.accepted


def test_no_two_medicines_share_a_name() -> None:
    """An alias belongs to one medicine, and is the name of no other."""
    tables = read_data("vocabulary", "medicines")
    claimed = [alias.lower() for table in tables.values() for alias in table["aliases"]] + [name.lower() for name in tables]
    assert len(claimed) == len(set(claimed))
    assert len(words("medicines")) >= 60


def test_a_long_list_of_medicines_reads_as_a_sentence() -> None:
    story = tablets(taking("zolpidem"), taking("kava"), taking("alcohol"))
    (finding,) = found(story.look(21), "INT-02")
    assert finding.asked.startswith("alcohol, kava and zolpidem with baclofen by mouth")
    assert story.look(21).since(day(20)) == Duration(86_400)
