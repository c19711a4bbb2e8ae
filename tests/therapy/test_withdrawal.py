"""Withdrawal: every sign and both sides of every limit; quiet where nothing was ever given."""

import random
from collections.abc import Callable

import pytest

from tests.charts import Story, day, found, severities, started
from thecal.chart.chart import Chart
from thecal.chart.clinical import (
    Answered,
    Closed,
    Discontinued,
    Documented,
    Measured,
    Noticed,
    Prescribed,
    Scanned,
    SymptomReported,
    Visited,
)
from thecal.chart.facts import Explanted, Fact, Interrogated, ResidualMeasured, Revised
from thecal.chart.order import OrderStop
from thecal.chart.vocabulary import grouped, words
from thecal.pump.advance import advance
from thecal.pump.handle import report
from thecal.quantity import Volume
from thecal.therapy.check import check
from thecal.therapy.clinic import Clinic
from thecal.therapy.look import Look
from thecal.timeline import Duration

HOUR = 1 / 24
NOW = 60.0
EARLY = sorted(grouped("symptoms", "early withdrawal"))
SEVERE = sorted(grouped("symptoms", "severe withdrawal"))
RULES = ("SAF-06", *(f"WDL-{number:02}" for number in range(1, 13)), *(f"OVD-{number:02}" for number in range(1, 9)))


def sign(name: str, on: float = NOW, grade: int = 1) -> SymptomReported:
    return SymptomReported(day(on), name, grade)


def with_sign(name: str = "itching without rash", story: Story | None = None) -> Story:
    """A person on 100 mcg/day for two months, with one sign."""
    return (story or started(100)).fact(sign(name))


@pytest.mark.requirement("WDL-01")
@pytest.mark.parametrize("name", EARLY)
def test_one_early_sign_is_seen_the_same_day(name: str) -> None:
    assert severities(with_sign(name).look(NOW), "WDL-01") == ["warn"]


@pytest.mark.requirement("WDL-01")
@pytest.mark.parametrize("name", SEVERE)
def test_one_severe_sign_is_an_emergency(name: str) -> None:
    assert severities(with_sign(name).look(NOW), "WDL-01") == ["emergency"]


@pytest.mark.requirement("WDL-01")
def test_a_sign_counts_for_three_days_unless_it_is_gone() -> None:
    story = with_sign()
    assert severities(story.look(NOW + 72 * HOUR), "WDL-01") == ["warn"]
    assert severities(story.look(NOW + 72.1 * HOUR), "WDL-01") == []
    assert severities(story.fact(sign("itching without rash", NOW + 1, 0)).look(NOW + 2), "WDL-01") == []
    assert severities(started(100).look(NOW), "WDL-01") == []


@pytest.mark.requirement("WDL-01")
def test_a_clinic_may_look_back_further() -> None:
    """A stricter limit finds no less."""
    clinic = Clinic().with_limit("WDL-01.recent", 120)
    assert severities(with_sign().look(NOW + 100 * HOUR, clinic=clinic), "WDL-01") == ["warn"]


@pytest.mark.requirement("WDL-01")
@pytest.mark.requirement("WDL-11")
def test_quiet_where_baclofen_was_never_given() -> None:
    """The same signs in somebody without a pump and without baclofen have other causes."""
    facts = [sign(name) for name in words("symptoms")]
    never = Look.at(Chart().after(*Story().person().facts, *facts), day(NOW))
    assert [finding for finding in check(never) if finding.rule in RULES] == []
    tablets = Prescribed(day(NOW - 90), "baclofen", "oral", 60, 3)
    oral = Look.at(Chart().after(*Story().person().facts, tablets, *facts), day(NOW))
    assert severities(oral, "WDL-01") == ["emergency", "warn"]
    assert severities(oral, "WDL-07") == []  # no pump to restore anything with


@pytest.mark.requirement("WDL-01")
@pytest.mark.requirement("WDL-04")
def test_from_a_screening_bolus_alone_nobody_withdraws() -> None:
    """A seizure after it is the test's and the overdose's; somebody who suspects a withdrawal all the same is heard."""
    tested = Story().person().tested(NOW - 0.1).fact(sign("seizure"))
    look = Look.at(tested.chart, day(NOW))
    assert {finding.rule for finding in check(look, "withdrawal")} == {"OVD-01", "OVD-07"}
    suspected = Look.at(tested.fact(Noticed(day(NOW), "withdrawal suspected")).chart, day(NOW))
    assert severities(suspected, "WDL-01") == ["emergency"]
    assert found(suspected, "WDL-01")[0].next.startswith("Emergency: monitored setting, and give baclofen again")


@pytest.mark.requirement("WDL-04")
@pytest.mark.parametrize(("days", "severity"), [(30, ["warn"]), (30.1, [])])
def test_long_after_the_last_baclofen_a_fever_is_a_fever(days: float, severity: list[str]) -> None:
    """After pump and tablets, each by itself; a clinic may look for longer."""
    out = started(100).fact(Explanted(day(NOW - days)), sign("fever"))
    assert severities(out.look(NOW), "WDL-01") == severity
    tablets = (Prescribed(day(1), "baclofen", "oral", 60, 3), Discontinued(day(NOW - days), "baclofen"))
    oral = Look.at(Chart().after(*Story().person().fact(*tablets, sign("fever")).facts), day(NOW))
    assert severities(oral, "WDL-01") == severity
    assert severities(out.look(NOW, clinic=Clinic().with_limit("WDL-04.off", 60)), "WDL-01") == ["warn"]


@pytest.mark.requirement("WDL-01")
def test_a_severe_sign_that_an_overdose_shows_as_well_has_its_tone_examined_first() -> None:
    story = started(100).programmed(NOW - 1, 120).fact(sign("seizure"))
    assert "examine the tone first" in found(story.look(NOW), "WDL-01")[0].next
    assert "restore intrathecal baclofen" in found(with_sign("hallucinations").look(NOW), "WDL-01")[0].next


@pytest.mark.requirement("WDL-01")
def test_a_person_who_is_well_is_left_alone() -> None:
    look = started(100).look(NOW)
    assert [finding for finding in check(look) if finding.rule in RULES] == []


@pytest.mark.requirement("WDL-02")
def test_the_clock_runs_from_the_first_sign_until_the_contact() -> None:
    story = with_sign().fact(sign("fever", NOW + 0.5))
    open_clock = found(story.look(NOW + 0.6), "WDL-02")
    assert [finding.severity for finding in open_clock] == ["emergency"]
    assert open_clock[0].due == day(NOW)
    assert "suspected for 14 h: " in open_clock[0].asked
    story.fact(Documented(day(NOW - 0.1), "ITB physician contacted"))
    assert severities(story.look(NOW + 0.6), "WDL-02") == ["emergency"]  # that was before the sign
    story.fact(Documented(day(NOW + 0.6), "ITB physician contacted"))
    assert severities(story.look(NOW + 0.6), "WDL-02") == []


@pytest.mark.requirement("WDL-02")
def test_a_suspicion_without_a_sign_is_enough() -> None:
    assert severities(started(100).fact(Noticed(day(NOW), "withdrawal suspected")).look(NOW), "WDL-02") == ["emergency"]
    assert severities(started(100).look(NOW), "WDL-02") == []


@pytest.mark.requirement("WDL-03")
@pytest.mark.parametrize("condition", sorted(grouped("conditions", "withdrawal risk")))
def test_a_high_risk_makes_it_an_emergency(condition: str) -> None:
    risky = started(100).fact(Noticed(day(1), condition))
    assert severities(risky.look(NOW), "WDL-03") == []  # without a sign a risk is only a risk
    assert severities(with_sign(story=risky).look(NOW), "WDL-03") == ["emergency"]
    assert severities(with_sign().look(NOW), "WDL-03") == []


@pytest.mark.requirement("WDL-03")
@pytest.mark.parametrize(("dose", "severity"), [(500, []), (501, ["emergency"])])
def test_a_high_dose_is_a_high_risk(dose: float, severity: list[str]) -> None:
    assert severities(with_sign(story=started(dose)).look(NOW), "WDL-03") == severity


@pytest.mark.requirement("WDL-03")
@pytest.mark.parametrize(("days", "severity"), [(365, []), (366, ["emergency"])])
def test_a_long_therapy_is_a_high_risk(days: float, severity: list[str]) -> None:
    story = started(100).fact(sign("fever", days))
    assert severities(story.look(days), "WDL-03") == severity


@pytest.mark.requirement("WDL-04")
@pytest.mark.parametrize(("hours", "severity"), [(72, ["warn"]), (72.1, [])])
@pytest.mark.parametrize(
    "done",
    [
        lambda at: Scanned(day(at), 1.5),
        lambda at: Visited(day(at), "refill"),
        lambda at: Revised(day(at), "indura-8709sc", "T10", Volume(336_800)),
    ],
)
def test_soon_after_a_manipulation_the_pump_is_the_likelier_cause(
    hours: float, severity: list[str], done: Callable[[float], Fact]
) -> None:
    story = with_sign().fact(done(NOW - hours * HOUR))
    assert severities(story.look(NOW), "WDL-04") == severity
    assert severities(story.look(NOW), "WDL-01") == ["warn"]  # no elapsed time excludes it


@pytest.mark.requirement("WDL-04")
def test_a_sign_of_before_the_manipulation_does_not_come_from_it() -> None:
    assert severities(with_sign().fact(Scanned(day(NOW + 0.1), 1.5)).look(NOW + 0.2), "WDL-04") == []


@pytest.mark.requirement("WDL-06")
def test_tests_are_open_until_ordered_since_the_first_sign() -> None:
    items = words("checklists")["withdrawal tests"].items
    story = with_sign()
    for item in items:
        story.fact(Answered(day(NOW - 1), "withdrawal tests", item, True))
    story.fact(Measured(day(NOW - 1), "CK", 100))
    assert severities(story.look(NOW + 0.1), "WDL-06") == ["task"]
    assert "CK" in found(story.look(NOW + 0.1), "WDL-06")[0].asked
    story.fact(Measured(day(NOW + 0.1), "CK", 900))
    assert "CK" not in found(story.look(NOW + 0.1), "WDL-06")[0].asked
    for item in items[1:]:
        story.fact(Answered(day(NOW + 0.1), "withdrawal tests", item, True))
    assert severities(story.look(NOW + 0.1), "WDL-06") == []


@pytest.mark.requirement("WDL-07")
@pytest.mark.parametrize(("hours", "severity"), [(24, []), (24.1, ["warn"])])
def test_without_signs_a_long_interruption_asks_for_a_new_start(hours: float, severity: list[str]) -> None:
    story = started(100).programmed(30, OrderStop())
    assert severities(story.look(30 + hours * HOUR), "WDL-07") == severity
    meant = story.fact(Documented(day(29), "taper plan"))
    assert severities(meant.look(30 + hours * HOUR), "WDL-07") == []


@pytest.mark.requirement("WDL-07")
def test_an_interruption_that_has_ended_asks_for_no_start() -> None:
    ended = started(100).fact(Scanned(day(30), 1.5, Duration(30 * 3600)))
    assert severities(ended.look(30 + 29 * HOUR), "WDL-07") == ["warn"]
    assert severities(ended.look(30 + 31 * HOUR), "WDL-07") == []


@pytest.mark.requirement("WDL-07")
def test_with_signs_the_therapy_is_restored() -> None:
    """At the dose before, also where the therapy was to end; and also where no interruption is known."""
    story = started(100).programmed(30, OrderStop()).fact(Closed(day(31), "weaned"), sign("fever", 32))
    finding = found(story.look(32), "WDL-07")[0]
    assert finding.severity == "emergency"
    assert "100 mcg in 24 h" in finding.allowed
    assert "the line may be at fault" in found(with_sign().look(NOW), "WDL-07")[0].asked
    assert severities(started(100).programmed(30, OrderStop()).fact(Closed(day(31), "weaned")).look(33), "WDL-07") == []


@pytest.mark.requirement("WDL-07")
def test_a_seizure_may_be_either_so_the_tone_comes_first() -> None:
    assert found(with_sign("seizure").look(NOW), "WDL-07")[0].next.startswith("Examine the tone first")
    assert found(with_sign("fever").look(NOW), "WDL-07")[0].next.startswith("Restore")


@pytest.mark.requirement("WDL-08")
def test_a_cover_order_is_asked_for() -> None:
    story = with_sign()
    assert severities(story.look(NOW), "WDL-08") == ["task"]
    assert found(story.look(NOW), "WDL-08")[0].allowed.startswith("baclofen by mouth or tube")
    story.fact(Measured(day(1), "eGFR", 20))
    assert found(story.look(NOW), "WDL-08")[0].allowed.startswith("no baclofen by mouth")
    story.fact(Documented(day(NOW), "cover order", by="Dr A"))
    assert severities(story.look(NOW), "WDL-08") == []
    assert severities(started(100).look(NOW), "WDL-08") == []


@pytest.mark.requirement("WDL-08")
@pytest.mark.parametrize(
    ("medicine", "per_day", "times", "severity"),
    [
        ("baclofen", 80, 4, []),
        ("baclofen", 84, 4, ["warn"]),
        ("baclofen", 40, 4, []),
        ("baclofen", 36, 4, ["advise"]),
        ("baclofen", 60, 5, ["warn"]),
        ("baclofen", 60, 3, ["advise"]),
        ("diazepam", 40, 4, []),
        ("diazepam", 41, 4, ["warn"]),
        ("diazepam", 10, 2, []),
        ("diazepam", 8, 2, ["advise"]),
        ("diazepam", 30, 5, ["warn"]),
        ("diazepam", 5, 1, ["advise"]),
        ("cyproheptadine", 32, 4, []),
        ("cyproheptadine", 33, 4, ["warn"]),
        ("cyproheptadine", 12, 3, []),
        ("cyproheptadine", 11, 3, ["advise"]),
        ("cyproheptadine", 30, 5, ["warn"]),
        ("cyproheptadine", 10, 2, ["advise"]),
    ],
)
def test_covering_doses_are_compared_with_the_published_ones(
    medicine: str, per_day: float, times: int, severity: list[str]
) -> None:
    """Up to and from the published dose and interval nothing is found; beyond them, something."""
    story = with_sign().fact(Documented(day(NOW), "cover order", by="Dr A"))
    story.fact(Prescribed(day(NOW), medicine, "oral", per_day, times))
    assert severities(story.look(NOW), "WDL-08") == severity


@pytest.mark.requirement("WDL-08")
def test_what_was_taken_before_the_signs_is_no_cover() -> None:
    story = with_sign().fact(Documented(day(NOW), "cover order"), Prescribed(day(NOW - 30), "baclofen", "oral", 15, 3))
    assert severities(story.look(NOW), "WDL-08") == []


@pytest.mark.requirement("WDL-10")
def test_the_device_is_looked_at_since_the_first_sign() -> None:
    story = with_sign()
    assert "interrogated, reservoir checked" in found(story.look(NOW), "WDL-10")[0].asked
    assert story.pump is not None
    story.fact(Interrogated(day(NOW + 0.1), report(advance(story.pump, day(NOW + 0.1)).state)))
    story.fact(ResidualMeasured(day(NOW + 0.1), Volume(10**7), Volume(10**7), Volume(4 * 10**7)))
    left = found(story.look(NOW + 0.1), "WDL-10")
    assert [finding.severity for finding in left] == ["task"]
    assert left[0].asked.endswith("open: X-ray, concentration confirmed, catheter study, surgical repair considered")
    for item in words("checklists")["withdrawal device work-up"].items[2:]:
        story.fact(Answered(day(NOW + 0.1), "withdrawal device work-up", item, False))
    assert severities(story.look(NOW + 0.1), "WDL-10") == []


@pytest.mark.requirement("WDL-11")
@pytest.mark.parametrize("name", sorted(grouped("symptoms", "blood pressure")))
def test_blood_pressure_alone_decides_nothing(name: str) -> None:
    assert severities(with_sign(name).look(NOW), "WDL-11") == ["advise"]
    assert severities(with_sign(name).fact(sign("fever")).look(NOW), "WDL-11") == []
    assert severities(started(100).look(NOW), "WDL-11") == []


@pytest.mark.requirement("WDL-01")
def test_facts_of_one_instant_count_in_any_order() -> None:
    """Of two grades of one instant the worse one counts."""
    facts = [sign("fever", NOW, 0), sign("fever", NOW, 2), sign("seizure"), sign("drowsiness"), sign("hypotension")]
    shuffled = random.Random(1)
    answers = set()
    for _ in range(8):
        shuffled.shuffle(facts)
        look = started(600).fact(*facts).look(NOW)
        answers.add(tuple(finding for finding in check(look) if finding.rule in RULES))
    assert len(answers) == 1
    assert any("fever" in finding.asked for finding in answers.pop())
