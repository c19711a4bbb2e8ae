"""Troubleshooting: the tree from a lost or excessive effect to catheter, pump, drug or disease, and its checks."""

from dataclasses import replace
from itertools import permutations

import pytest

from tests.charts import Story, day, found, severities, started
from thecal.chart.clinical import Answered, Documented, Noticed, Prescribed, Scanned, Scored, SymptomReported
from thecal.chart.facts import Acted, Fact, Implanted, Interrogated, PortUsed, PumpReplaced, ResidualMeasured, Revised
from thecal.chart.order import OrderStop
from thecal.chart.order_sheet import OrderSheet
from thecal.chart.vocabulary import words
from thecal.errors import Refusal
from thecal.pump.messages import Event
from thecal.pump.program import Stopped
from thecal.quantity import Volume
from thecal.therapy.clinic import Clinic
from thecal.therapy.diagnosis import EXCESS, LOSS, Conclusion, Found, Node
from thecal.therapy.diagnosis_tree import TREES, next_test
from thecal.therapy.rules import all_rules
from thecal.therapy.suspicion import AUTONOMIC, CHECKLIST, LIMP, SLEEPY, TONE_UP, suspicion
from thecal.therapy.troubleshooting import contrast_after, empty_catheter, troubleshooting

ML = 10**6
CATHETER, TUBING = Volume(196_690), Volume(140_000)
NOTHING = {  # a loss of effect of which nothing was found so far, in the order of the steps
    "emergency signs": False,
    "noxious stimulus found": False,
    "pump alarm or stall": False,
    "reservoir empty": False,
    "program differs from order": False,
    "wrong drug or concentration": False,
    "residual high": False,
    "residual low": False,
    "x-ray abnormal": False,
    "rotor turns": True,
    "port aspirates": True,
    "contrast abnormal": False,
    "indium abnormal": False,
    "positional symptoms": False,
}


def upto(item: str, yes: bool | None = None, course: str = LOSS, **others: bool) -> Node | Conclusion:
    """The next step after nothing was found before an item, and that item was answered where an answer is given."""
    answers = {course: True}
    for name, normal in NOTHING.items():
        if name == item:
            break
        answers[name] = normal
    if yes is not None:
        answers[item] = yes
    answers |= {name.replace("_", " "): value for name, value in others.items()}
    return next_test([Found(name, value) for name, value in answers.items()])


def asks(following: Node | Conclusion) -> str:
    assert isinstance(following, Node), following
    return following.item


def concludes(following: Node | Conclusion) -> tuple[str, str]:
    assert isinstance(following, Conclusion), following
    return following.rule, following.where


def says(*items: str, on: float = 30, course: str = LOSS, no: tuple[str, ...] = ()) -> Story:
    """A started course of which a person says that the effect is lost, and answers some items."""
    story = started().fact(Answered(day(on), CHECKLIST, course, yes=True))
    story.fact(*(Answered(day(on), CHECKLIST, item, yes=True) for item in items))
    return story.fact(*(Answered(day(on), CHECKLIST, item, yes=False) for item in no))


def read(on: float, *alarms: str, log: tuple[Event, ...] = (), **changes: object) -> Interrogated:
    session = started().chart.session
    assert session is not None
    report = replace(session.report, at=day(on), alarms=alarms, log=log, logged=len(log), **changes)  # type: ignore[arg-type]
    return Interrogated(day(on), report)


def stall(on: float) -> Event:
    return Event(day(on), "motor stall alarm", "critical", "the rotor does not turn")


def residual(on: float, expected: float, measured: float, reservoir: float = 40, first: bool = False) -> ResidualMeasured:
    volumes = [Volume(round(ml * ML)) for ml in (expected, measured, reservoir)]
    return ResidualMeasured(day(on), volumes[0], volumes[1], volumes[2], first)


def aspirated(ml: float, on: float = 30) -> Story:
    """The catheter's port is aspirated after a month of 100 mcg/day, which has long filled the line."""
    return started().fact(PortUsed(day(on), "aspirate", Volume(round(ml * ML))))


# The tree --------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("TRB-04")
@pytest.mark.requirement("TRB-05")
@pytest.mark.requirement("TRB-06")
@pytest.mark.requirement("TRB-07")
@pytest.mark.requirement("TRB-08")
@pytest.mark.requirement("TRB-10")
@pytest.mark.requirement("TRB-11")
def test_the_steps_come_in_their_order() -> None:
    """From history to the bolus trial, the cheap and harmless ones first; what was found normal leads to the next."""
    order = [*NOTHING, "bolus response"]
    assert [asks(upto(item)) for item in order] == order
    rules = [node.rule for node in TREES[LOSS]]
    assert rules == sorted(rules)
    assert set(rules) == {f"TRB-{number:02d}" for number in (*range(1, 9), 10, 11)}


@pytest.mark.requirement("TRB-01")
def test_an_emergency_leaves_the_tree() -> None:
    for course in (LOSS, EXCESS):
        following = upto("emergency signs", True, course)
        assert isinstance(following, Conclusion)
        assert following.emergency


@pytest.mark.requirement("TRB-02")
def test_a_noxious_stimulus_is_treated_before_the_device_is_searched() -> None:
    assert asks(upto("noxious stimulus found", True)) == "effect back after treatment"
    assert concludes(upto("noxious stimulus found", True, effect_back_after_treatment=True)) == ("TRB-02", "disease")
    assert asks(upto("noxious stimulus found", True, effect_back_after_treatment=False)) == "pump alarm or stall"


@pytest.mark.requirement("TRB-03")
@pytest.mark.parametrize(
    ("item", "where"),
    [
        ("pump alarm or stall", "pump"),
        ("reservoir empty", "drug"),
        ("program differs from order", "drug"),
        ("wrong drug or concentration", "drug"),
    ],
)
def test_what_an_interrogation_and_a_needle_show_decides(item: str, where: str) -> None:
    assert concludes(upto(item, True)) == ("TRB-03", where)


@pytest.mark.requirement("TRB-03")
def test_a_residual_points_and_does_not_decide_a_loss() -> None:
    """Too much left leads on to the X-ray; too little decides for the pump where the effect is too much."""
    assert asks(upto("residual high", True)) == "x-ray abnormal"
    assert asks(upto("residual low", True)) == "x-ray abnormal"
    assert concludes(upto("residual low", True, EXCESS, other_sedation_found=False)) == ("TRB-03", "pump")


@pytest.mark.requirement("TRB-04")
def test_an_abnormal_film_is_the_catheter() -> None:
    assert concludes(upto("x-ray abnormal", True)) == ("TRB-04", "catheter")
    assert "35.1 %" in _node("TRB-04").yields


@pytest.mark.requirement("TRB-05")
def test_a_rotor_that_stands_still_is_the_pump() -> None:
    assert concludes(upto("rotor turns", False)) == ("TRB-05", "pump")
    assert asks(upto("rotor turns", None, no_rotor=True)) == "port aspirates"


@pytest.mark.requirement("TRB-06")
@pytest.mark.requirement("TRB-07")
def test_no_contrast_goes_in_where_nothing_came_out() -> None:
    """Failure to aspirate proves nothing by itself, and skips the contrast study."""
    assert asks(upto("port aspirates", True)) == "contrast abnormal"
    assert asks(upto("port aspirates", False)) == "indium abnormal"
    assert asks(upto("port aspirates", None, no_access_port=True)) == "indium abnormal"
    assert "24.3 %" in _node("TRB-06").yields
    assert "Inject nothing" in _node("TRB-06").forbids[0]


@pytest.mark.requirement("TRB-07")
def test_an_abnormal_contrast_study_is_the_catheter() -> None:
    assert concludes(upto("contrast abnormal", True)) == ("TRB-07", "catheter")
    assert "twice the dead volume" in _node("TRB-07").forbids[0]


@pytest.mark.requirement("TRB-08")
def test_indium_that_does_not_arrive_is_the_catheter() -> None:
    assert concludes(upto("indium abnormal", True)) == ("TRB-08", "catheter")
    assert asks(upto("indium abnormal", False)) == "positional symptoms"
    assert asks(upto("indium abnormal", None, indium_not_possible=True)) == "positional symptoms"


@pytest.mark.requirement("TRB-10")
def test_normal_studies_and_positional_signs_are_the_catheter() -> None:
    assert concludes(upto("positional symptoms", True)) == ("TRB-10", "catheter")


@pytest.mark.requirement("TRB-11")
def test_a_bolus_that_works_is_a_fault_of_delivery_and_one_that_does_not_is_the_disease() -> None:
    """Of catheter and pump it says which only where the rotor was seen to turn."""
    assert concludes(upto("bolus response", True)) == ("TRB-11", "catheter")
    assert concludes(upto("bolus response", False)) == ("TRB-11", "disease")
    without = {**NOTHING, "no rotor": True, LOSS: True, "bolus response": True}
    del without["rotor turns"]
    assert concludes(next_test([Found(item, yes) for item, yes in without.items()])) == ("TRB-11", "not yet decided")


@pytest.mark.requirement("TRB-04")
def test_the_order_of_the_answers_does_not_matter() -> None:
    answers = [
        Found(LOSS, True),
        Found("emergency signs", False),
        Found("noxious stimulus found", True),
        Found("residual low", True),
    ]
    assert len({next_test(order) for order in permutations(answers)}) == 1


@pytest.mark.requirement("TRB-03")
def test_too_much_effect_ends_with_a_smaller_need() -> None:
    answers = dict.fromkeys({node.item for node in TREES[EXCESS]}, False) | {EXCESS: True}
    assert concludes(next_test([Found(item, yes) for item, yes in answers.items()])) == ("TRB-04", "disease")


@pytest.mark.requirement("TRB-04")
def test_every_item_of_the_tree_can_be_answered_and_every_rule_exists() -> None:
    nodes = [node for tree in TREES.values() for node in tree]
    asked = {node.item for node in nodes} | {item for node in nodes for item, _ in (*node.only_if, *node.unless)}
    assert asked | {LOSS, EXCESS} == set(words("checklists")[CHECKLIST].items)
    assert {node.rule for node in nodes} <= set(all_rules())
    assert set(words("symptoms")) >= TONE_UP | AUTONOMIC | LIMP | SLEEPY


def _node(rule: str) -> Node:
    return next(node for node in TREES[LOSS] if node.rule == rule)


# From the chart --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("TRB-01")
def test_without_a_reason_nothing_is_searched() -> None:
    standing = troubleshooting(started().look(30))
    assert (standing.course, standing.next, standing.found) == (None, None, ())
    assert troubleshooting(Story().person().fact(Noticed(day(0), "withdrawal suspected")).look(1)).course is None


@pytest.mark.requirement("TRB-01")
@pytest.mark.parametrize(
    ("fact", "course"),
    [
        (Answered(day(29), CHECKLIST, LOSS, yes=True), LOSS),
        (Answered(day(29), CHECKLIST, EXCESS, yes=True), EXCESS),
        (Noticed(day(29), "withdrawal suspected"), LOSS),
        (Noticed(day(29), "overdose suspected"), EXCESS),
        (SymptomReported(day(29), "return of spasticity", 2), LOSS),
        (SymptomReported(day(29), "flaccid tone", 2), EXCESS),
        (SymptomReported(day(29), "return of spasticity", 0), None),
        (residual(29, 10, 15), LOSS),
        (residual(29, 10, 5), EXCESS),
        (residual(29, 10, 15, first=True), None),
        (read(29, log=(stall(28),)), LOSS),
    ],
)
def test_the_chart_gives_the_course(
    fact: Answered | Noticed | SymptomReported | ResidualMeasured | Interrogated, course: str
) -> None:
    assert troubleshooting(started().fact(fact).look(30)).course == course


@pytest.mark.requirement("TRB-01")
def test_a_rise_of_the_scores_on_the_same_dose_is_a_loss() -> None:
    story = started().assessed(5, 2, 1)
    assert suspicion(story.assessed(20, 2.9, 1).look(30)) is None
    worse = suspicion(story.assessed(25, 3, 1).look(30))
    assert worse is not None
    assert (worse.course, worse.since) == (LOSS, day(25))
    spasms = started().fact(*(Scored(day(on), "penn-frequency", score) for on, score in ((5, "1"), (20, "3"))))
    assert suspicion(spasms.look(30)) is not None
    assert suspicion(spasms.programmed(25, 130).look(30)) is None  # another dose


@pytest.mark.requirement("TRB-01")
def test_symptoms_open_a_search_for_a_month() -> None:
    story = started().fact(SymptomReported(day(10), "return of spasticity", 2))
    assert suspicion(story.look(40)) is not None
    assert suspicion(story.look(40.1)) is None
    assert suspicion(story.look(40.1, clinic=Clinic().with_limit("TRB-01.search", 60))) is not None


@pytest.mark.requirement("TRB-01")
def test_a_person_who_names_or_denies_the_course_is_believed() -> None:
    story = started().fact(Noticed(day(29), "overdose suspected"), Answered(day(30), CHECKLIST, LOSS, yes=True))
    assert troubleshooting(story.look(31)).course == LOSS
    story = started().fact(SymptomReported(day(29), "return of spasticity", 2), Answered(day(30), CHECKLIST, LOSS, yes=False))
    assert troubleshooting(story.look(31)).course is None


@pytest.mark.requirement("TRB-02")
def test_what_the_chart_holds_is_not_asked_again() -> None:
    story = says(no=("emergency signs",)).fact(Noticed(day(20), "urinary tract infection"))
    standing = troubleshooting(story.look(31))
    assert standing.next is not None
    assert asks(standing.next) == "effect back after treatment"
    assert [meaning.means.where for meaning in standing.meanings] == ["not yet decided", "disease"]
    assert any(item.item == "noxious stimulus found" and "urinary" in item.why for item in standing.found)
    assert any("TRB-12" in line for line in standing.meanwhile)


@pytest.mark.requirement("TRB-03")
def test_an_interrogation_since_then_answers_for_the_pump() -> None:
    story = says(no=("emergency signs", "noxious stimulus found"))
    assert _next(story) == "pump alarm or stall"
    assert _next(story.fact(read(29))) == "pump alarm or stall"  # before the loss
    assert _next(story.fact(read(30.5))) == "reservoir empty"
    assert _where(story.fact(read(30.6, "low battery reset"))) == "pump"
    other = says(no=("emergency signs", "noxious stimulus found", "reservoir empty"))
    assert _where(other.fact(read(30.5, program=Stopped()))) == "drug"


@pytest.mark.requirement("TRB-03")
@pytest.mark.parametrize(("measured", "item"), [(15, "residual high"), (5, "residual low")])
def test_a_residual_since_then_answers_with_its_sign(measured: float, item: str) -> None:
    story = says().fact(residual(30, 10, measured))
    assert {found.item for found in troubleshooting(story.look(31)).found if found.yes} == {LOSS, item}


@pytest.mark.requirement("TRB-06")
def test_an_attempt_to_aspirate_answers() -> None:
    refusal = Refusal("CAT-10", "aspirate 1 mL", "a catheter that is open", "practice", "Plan imaging.")
    done = tuple(item for item, yes in NOTHING.items() if not yes)[:9]
    story = says("rotor turns", no=done)
    assert _next(story) == "port aspirates"
    nothing_came = says("rotor turns", no=done).fact(Acted(day(30.5), "access port", refusal))
    assert _next(nothing_came) == "indium abnormal"
    came = says("rotor turns", no=done).fact(PortUsed(day(30.5), "aspirate", Volume(ML)))
    assert _next(came) == "contrast abnormal"


@pytest.mark.requirement("TRB-05")
def test_a_pump_without_a_rotor_has_no_rotor_study() -> None:
    story = started(model="prometra-ii-40").fact(Answered(day(30), CHECKLIST, LOSS, yes=True))
    assert any(found.item == "no rotor" for found in troubleshooting(story.look(31)).found)


@pytest.mark.requirement("TRB-07")
def test_before_contrast_twice_the_dead_volume_is_aspirated() -> None:
    """The line of 0.3358 mL, tubing included, asks for 0.6716 mL; a clinic may ask for more."""
    story = says("rotor turns", "port aspirates", no=tuple(item for item, yes in NOTHING.items() if not yes)[:9])
    look = story.look(31)
    implanted = story.chart.implanted
    assert implanted is not None
    assert contrast_after(look) == Volume(2 * implanted.dead_volume.nl)
    assert any(str(contrast_after(look)) in line for line in troubleshooting(look).prepare)
    assert contrast_after(story.look(31, clinic=Clinic().with_limit("TRB-07.aspirate", 3))) == Volume(
        3 * implanted.dead_volume.nl
    )
    assert contrast_after(Story().person().look(1)) is None


@pytest.mark.requirement("TRB-01")
def test_a_revision_ends_the_search_and_what_was_found_before() -> None:
    story = says("x-ray abnormal")
    implanted = story.chart.implanted
    assert implanted is not None
    story.fact(Revised(day(32), implanted.catheter, "T10", implanted.dead_volume, implanted.geometry, "CSF"))
    assert troubleshooting(story.look(31)).course == LOSS
    assert troubleshooting(story.look(33)).course is None
    story.fact(Answered(day(40), CHECKLIST, LOSS, yes=True))
    assert [found.item for found in troubleshooting(story.look(41)).found] == [LOSS]


@pytest.mark.requirement("TRB-01")
def test_facts_of_one_instant_count_the_same_in_any_order() -> None:
    facts: list[Fact] = [read(30, log=(stall(29),)), residual(30, 10, 15), Noticed(day(30), "stone")]
    facts += [Answered(day(30), CHECKLIST, "rotor turns", yes=True), Answered(day(30), CHECKLIST, LOSS, yes=True)]
    standings = {troubleshooting(started().fact(*order).look(31)) for order in permutations(facts)}
    assert len(standings) == 1


def _next(story: Story) -> str:
    following = troubleshooting(story.look(31)).next
    assert following is not None
    return asks(following)


def _where(story: Story) -> str:
    following = troubleshooting(story.look(31)).next
    assert following is not None
    return concludes(following)[1]


# The checks ------------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("TRB-01")
@pytest.mark.parametrize(
    ("signs", "severity"),
    [
        (("return of spasticity",), ["advise"]),
        (("fever",), []),
        (("return of spasticity", "fever"), ["emergency"]),
        (("flaccid tone", "somnolence"), ["emergency"]),
        (("flaccid tone", "fever"), ["advise"]),
    ],
)
def test_two_kinds_of_signs_are_an_emergency(signs: tuple[str, ...], severity: list[str]) -> None:
    story = started().fact(*(SymptomReported(day(30), sign, 2) for sign in signs))
    assert severities(story.look(33), "TRB-01") == severity
    searched = ["advise"] if severity else []
    assert severities(story.look(33.1), "TRB-01") == searched  # 72 h
    assert severities(story.look(60.1), "TRB-01") == []  # 30 days
    assert severities(Story().person().fact(*story.facts[-2:]).look(33), "TRB-01") == []


@pytest.mark.requirement("TRB-01")
def test_a_lost_effect_is_searched_for_and_not_for_ever() -> None:
    """Worse on the same dose; or three rises without a response, for a month after the last of them."""
    worse = started().assessed(1, 1.5, 0).assessed(30, 3, 3)
    assert severities(worse.look(31), "TRB-01") == ["advise"]
    assert severities(worse.assessed(32, 1.5, 0).look(33), "TRB-01") == []
    story = started().programmed(7, 110).programmed(14, 120).programmed(21, 130)
    for on in (6, 13, 20, 27):
        story.assessed(on, 3, 3)
    assert severities(story.look(50), "TRB-01") == ["advise"]
    assert severities(story.look(52), "TRB-01") == []


@pytest.mark.requirement("TRB-02")
def test_a_noxious_stimulus_is_looked_at_again_within_three_days() -> None:
    story = says().fact(Noticed(day(30), "stone"))
    assert severities(story.look(33), "TRB-02") == []
    late = found(story.look(33.1), "TRB-02")
    assert [(one.severity, one.due) for one in late] == [("task", day(33))]
    assert severities(says().fact(Noticed(day(30), "stone")).assessed(30.9, 3).look(33.1), "TRB-02") == ["task"]
    assert severities(says().fact(Noticed(day(30), "stone")).assessed(31, 3).look(33.1), "TRB-02") == []
    assert severities(started().fact(Noticed(day(30), "stone")).look(33.1), "TRB-02") == []  # the effect is there


@pytest.mark.requirement("TRB-03")
@pytest.mark.parametrize(
    ("reservoir", "measured", "words_of", "severity"),
    [
        (40, 12, "", []),
        (40, 12.1, "occlusion", ["warn"]),
        (40, 8, "", []),
        (40, 7.9, "overinfusion", ["warn"]),
        (20, 11, "", []),
        (20, 11.1, "occlusion", ["warn"]),
        (20, 8.9, "overinfusion", ["warn"]),
    ],
)
def test_more_and_less_than_expected_mean_different_things(
    reservoir: float, measured: float, words_of: str, severity: list[str]
) -> None:
    story = started().fact(residual(30, 10, measured, reservoir))
    findings = found(story.look(31), "TRB-03")
    assert [finding.severity for finding in findings] == severity
    assert all(words_of in finding.next for finding in findings)


@pytest.mark.requirement("TRB-03")
def test_a_residual_that_is_explained_or_the_first_says_nothing() -> None:
    story = started().fact(residual(30, 10, 15))
    assert severities(story.fact(Documented(day(31), "residual explained")).look(32), "TRB-03") == []
    assert severities(started().fact(residual(30, 10, 15, first=True)).look(32), "TRB-03") == []
    assert severities(started().fact(residual(30, 10, 15), residual(60, 10, 10)).look(61), "TRB-03") == []


@pytest.mark.requirement("TRB-09")
def test_after_aspiration_the_catheter_only_is_primed() -> None:
    """At 100 mcg/day of 500 mcg/mL, 0.2 mL/day, the catheter's lumen is about a day without drug; the tubing holds 70 mcg."""
    story = aspirated(1)
    empty = empty_catheter(story.chart)
    assert empty is not None
    assert empty.volume is not None
    assert empty.tubing == TUBING
    hours = 24 * empty.volume.nl / 200_000
    finding = found(story.look(31), "TRB-09")[0]
    assert finding.severity == "warn"
    assert f"{hours:.1f} h without drug" in finding.asked
    assert f"{empty.volume}; with the tubing, 70 mcg too much" in finding.allowed
    assert severities(started().look(31), "TRB-09") == []


@pytest.mark.requirement("TRB-09")
def test_an_order_without_a_prime_is_blocked() -> None:
    story = aspirated(1)
    assert severities(story.look(31, 100), "TRB-09") == ["block"]
    assert severities(story.look(31, OrderSheet(prime=True)), "TRB-09") == ["advise"]
    assert severities(story.look(31, OrderStop()), "TRB-09") == []  # an emergency stop does not wait
    assert severities(aspirated(1).programmed(30.5, 100).look(31, 110), "TRB-09") == []  # it was done in a session


@pytest.mark.requirement("TRB-09")
def test_a_short_gap_is_a_clinics_choice() -> None:
    """0.01 mL without drug at 0.2 mL/day pass in 1.2 h."""
    story = aspirated(0.01)
    assert severities(story.look(31, 100), "TRB-09") == ["block"]
    assert severities(story.look(31, 100, Clinic().with_limit("TRB-09.without drug", 1.1)), "TRB-09") == ["block"]
    assert severities(story.look(31, 100, Clinic().with_limit("TRB-09.without drug", 1.3)), "TRB-09") == []


@pytest.mark.requirement("TRB-09")
def test_a_catheter_that_nobody_wrote_down_is_still_primed() -> None:
    story = aspirated(1)
    story.facts = [replace(fact, geometry=None) if isinstance(fact, Implanted) else fact for fact in story.facts]
    finding = found(story.look(31, 100), "TRB-09")[0]
    assert finding.severity == "block"
    assert "not on the chart" in finding.allowed


@pytest.mark.requirement("TRB-12")
def test_tablets_cover_while_a_loss_is_looked_into() -> None:
    assert severities(started().look(31), "TRB-12") == []
    assert severities(says(course=EXCESS).look(31), "TRB-12") == []
    assert severities(says().look(31), "TRB-12") == ["task"]
    assert severities(says().fact(Prescribed(day(30), "baclofen", "oral", 30, 3)).look(31), "TRB-12") == []
    assert severities(says().fact(Documented(day(30), "cover order")).look(31), "TRB-12") == []


@pytest.mark.requirement("TRB-13")
def test_a_stall_outside_a_scanner_is_a_failing_pump() -> None:
    story = started().fact(read(29, log=(stall(28),)))
    assert severities(started().fact(read(29)).look(30), "TRB-13") == []
    assert severities(story.look(30), "TRB-13") == ["warn"]
    assert severities(started().fact(read(29, "motor stall")).look(30), "TRB-13") == ["warn"]  # its log was lost
    assert severities(story.fact(PumpReplaced(day(31), "synchromed-ii-40", Volume(336_690))).look(32), "TRB-13") == []


@pytest.mark.requirement("TRB-13")
@pytest.mark.parametrize(("after_h", "severity"), [(23.9, []), (24.1, ["warn"])])
def test_a_stall_near_a_scan_is_the_scanners(after_h: float, severity: list[str]) -> None:
    story = started().fact(Scanned(day(27), 1.5), read(29, log=(stall(27 + after_h / 24),)))
    assert severities(story.look(30), "TRB-13") == severity


@pytest.mark.requirement("TRB-13")
def test_a_stall_is_not_forgotten_when_the_log_has_moved_on() -> None:
    """Later reports hold it no more; what was read of it once stays read."""
    recovered = Event(day(28.5), "motor stall alarm ended", "information", "it turns again")
    later = read(40)
    story = started().fact(read(29, log=(stall(28), recovered)), Interrogated(day(40), replace(later.report, logged=9)))
    assert severities(story.look(41), "TRB-13") == ["warn"]
