"""Overdose: its features, the order of what is done first, and when the pump may run again."""

import pytest

from tests.charts import Story, day, found, severities, started
from tests.courses import flow
from thecal.chart.clinical import Answered, Documented, Noticed, SymptomReported
from thecal.chart.facts import Assessed, Interrogated, PortUsed, ResidualMeasured, Revised
from thecal.chart.order import OrderStop
from thecal.chart.vocabulary import grouped
from thecal.errors import Refusal
from thecal.pump.advance import advance
from thecal.pump.handle import handle, report
from thecal.pump.messages import Update
from thecal.pump.program import SimpleContinuous
from thecal.quantity import Amount, Concentration, Volume
from thecal.therapy.check import check
from thecal.therapy.clinic import Clinic
from thecal.therapy.overdose import drug_in_line, line_text

HOUR = 1 / 24
MILD = ("drowsiness", "light-headedness")
FEATURES = sorted(grouped("symptoms", "overdose"))


def raised(on: float = 30, mcg: float = 300) -> Story:
    """A dose that was 100 mcg/day and is raised on a day."""
    return started(100).programmed(on, mcg)


def sign(name: str, on: float, grade: int = 2) -> SymptomReported:
    return SymptomReported(day(on), name, grade)


def residual(on: float, expected: float, measured: float, capacity: int = 40, first: bool = False) -> ResidualMeasured:
    expected_nl, measured_nl = round(expected * 10**6), round(measured * 10**6)
    return ResidualMeasured(day(on), Volume(expected_nl), Volume(measured_nl), Volume(capacity * 10**6), first)


def strong() -> Story:
    """2,000 mcg/mL in reservoir and line."""
    story = Story().person().tested(-14).implanted(0, Concentration(2000)).filled(0, 40, 2000).programmed(0, 400)
    return story.programmed(20, 440)


@pytest.mark.requirement("OVD-01")
@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize(("hours", "after"), [(72, True), (72.1, False)])
def test_a_feature_after_programming_is_an_emergency(name: str, hours: float, after: bool) -> None:
    """Later a grave one still is, a mild one is seen the same day."""
    when = 30 + hours * HOUR
    expected = "warn" if name in MILD and not after else "emergency"
    assert severities(raised().fact(sign(name, when)).look(when), "OVD-01") == [expected]


@pytest.mark.requirement("OVD-01")
def test_what_was_there_before_does_not_come_after() -> None:
    story = started(100).fact(sign("drowsiness", 29.9)).programmed(30, 120)
    assert severities(story.look(30.1), "OVD-01") == ["warn"]
    assert severities(started(100).look(30), "OVD-01") == []


@pytest.mark.requirement("OVD-01")
def test_a_drug_into_the_access_port_counts_as_a_bolus() -> None:
    story = started(100).fact(PortUsed(day(30), "inject", Volume(10**6), Concentration(500)), sign("drowsiness", 30.1))
    assert severities(story.look(30.1), "OVD-01") == ["emergency"]


@pytest.mark.requirement("OVD-01")
def test_a_suspicion_is_an_emergency_and_a_clinic_may_look_further() -> None:
    assert severities(started(100).fact(Noticed(day(30), "overdose suspected")).look(30), "OVD-01") == ["emergency"]
    story = raised().fact(sign("drowsiness", 34))
    assert severities(story.look(34, clinic=Clinic().with_limit("OVD-01.after", 120)), "OVD-01") == ["emergency"]


@pytest.mark.requirement("OVD-02")
def test_stop_first_then_empty_and_the_line_still_holds_drug() -> None:
    story = strong().fact(sign("somnolence", 20.5))
    first = found(story.look(20.5), "OVD-02")
    assert [finding.severity for finding in first] == ["emergency"]
    assert first[0].next.startswith("Stop the pump first, then empty the reservoir. Without a programmer")
    story.programmed(20.6, OrderStop())
    second = found(story.look(20.6), "OVD-02")
    assert second[0].next.startswith("Empty the reservoir now")
    assert "0.34 mL: up to about 670 mcg" in second[0].next
    assert severities(story.fact(residual(20.7, 30, 30)).look(20.7), "OVD-02") == []


@pytest.mark.requirement("OVD-02")
def test_without_a_programmer_the_reservoir_is_emptied_and_the_port_aspirated() -> None:
    story = strong().fact(sign("somnolence", 20.5), residual(20.6, 30, 30))
    assert severities(story.look(20.7), "OVD-02") == ["emergency"]
    aspirated = strong().fact(sign("somnolence", 20.5), PortUsed(day(20.6), "aspirate", Volume(10**6)))
    assert severities(aspirated.look(20.7), "OVD-02") == ["emergency"]
    assert severities(story.fact(PortUsed(day(20.7), "aspirate", Volume(10**6))).look(20.7), "OVD-02") == []


@pytest.mark.requirement("OVD-02")
def test_what_may_be_a_withdrawal_stops_no_pump() -> None:
    """A seizure alone, and limp climbing beside returned spasticity, are either; drowsiness alone is neither urgent nor sure."""
    for names in (("seizure",), ("return of spasticity", "rostral hypotonia"), ("fever",)):
        story = raised()
        for name in names:
            story.fact(sign(name, 30.2))
        assert severities(story.look(30.2), "OVD-02") == []
    assert severities(started(100).fact(sign("drowsiness", 40)).look(40), "OVD-02") == []


@pytest.mark.requirement("OVD-01")
@pytest.mark.requirement("OVD-02")
@pytest.mark.parametrize(("grade", "stops"), [(1, False), (2, True)])
def test_a_mild_side_effect_after_a_rise_is_looked_at_and_stops_no_pump(grade: int, stops: bool) -> None:
    """A stop has its own danger; from the second grade on, or with anything else, it is what is done first."""
    story = raised(30, 110).fact(sign("drowsiness", 32, grade))
    assert severities(story.look(32), "OVD-01") == ["emergency"]
    assert found(story.look(32), "OVD-01")[0].next.startswith("Stop the pump first") == stops
    assert bool(found(story.look(32), "OVD-02")) == stops
    assert severities(story.fact(Noticed(day(32), "overdose suspected")).look(32), "OVD-02") == ["emergency"]


@pytest.mark.requirement("OVD-02")
def test_the_line_holds_the_stronger_drug_while_two_lie_in_it() -> None:
    """Whoever empties a reservoir of 500 leaves what of 2,000 has not passed the tip."""
    held = drug_in_line(strong().look(30))
    assert held is not None
    assert held[1] == Amount(held[0].nl * 2000)
    weaker = strong().filled(40, 40, 500).programmed(40, 440)
    after = drug_in_line(weaker.look(40.01))
    assert after is not None
    assert after[1] == held[1]
    assert "its volume times" in line_text(Story().person().look(1))


@pytest.mark.requirement("OVD-06")
def test_withdrawal_is_watched_for_after_an_overdose() -> None:
    story = started(100).programmed(30, OrderStop()).fact(Documented(day(30), "overdose recorded"))
    finding = found(story.look(32.9), "OVD-06")
    assert [(one.severity, one.due) for one in finding] == [("task", day(33))]
    assert severities(story.look(33.1), "OVD-06") == []


@pytest.mark.requirement("OVD-06")
def test_no_restart_before_recovery() -> None:
    """While it is suspected nothing that gives more than now passes; a stop does."""
    story = started(200).fact(Noticed(day(30), "overdose suspected")).programmed(30.1, OrderStop())
    story.fact(Answered(day(30.5), "restart", "monitored setting", True))
    assert severities(story.look(31, 200), "OVD-06") == ["block", "task"]
    assert severities(story.look(31, 80), "OVD-06") == ["block", "task"]
    assert severities(story.look(31), "OVD-06") == ["task"]
    running = started(200).fact(Noticed(day(30), "overdose suspected"))
    assert severities(running.look(31, 150), "OVD-06") == ["task"]
    assert severities(running.look(36, 200), "OVD-06") == ["block", "task"]  # suspected for longer than the watch
    assert severities(running.look(31, 200), "OVD-06") == ["block", "task"]


@pytest.mark.requirement("OVD-06")
@pytest.mark.parametrize(("dose", "severity"), [(199, ["task"]), (200, ["block", "task"]), (250, ["block", "task"])])
def test_after_recovery_a_reduced_dose(dose: float, severity: list[str]) -> None:
    story = started(200).fact(Noticed(day(30), "overdose suspected")).programmed(30.1, OrderStop())
    story.fact(Noticed(day(31), "overdose suspected", False), Answered(day(31), "restart", "monitored setting", True))
    assert severities(story.look(31.5, dose), "OVD-06") == severity
    assert severities(story.look(33.1, dose), "OVD-06") == []  # the watch is over; SAF-06 goes on


@pytest.mark.requirement("OVD-06")
def test_after_recovery_a_monitored_setting() -> None:
    story = started(200).fact(Documented(day(30), "overdose recorded")).programmed(30.1, OrderStop())
    assert severities(story.look(31, 80), "OVD-06") == ["block", "task"]
    story.fact(Answered(day(31), "restart", "monitored setting", True))
    assert severities(story.look(31, 80), "OVD-06") == ["task"]


@pytest.mark.requirement("OVD-06")
def test_the_dose_that_caused_it_is_not_the_measure() -> None:
    """From 60 to 1,440 mcg/day by mistake: a restart is below 60."""
    story = started(60).programmed(30, 1440).fact(Documented(day(30.5), "overdose recorded")).programmed(30.6, OrderStop())
    story.fact(Answered(day(31), "restart", "monitored setting", True))
    assert severities(story.look(31, 700), "OVD-06") == ["block", "task"]
    assert severities(story.look(31, 50), "OVD-06") == ["task"]


@pytest.mark.requirement("OVD-06")
def test_in_active_withdrawal_it_warns() -> None:
    story = started(200).fact(Documented(day(30), "overdose recorded")).programmed(30.1, OrderStop())
    story.fact(sign("return of spasticity", 31))
    assert severities(story.look(31, 200), "OVD-06") == ["warn", "warn", "task"]


@pytest.mark.requirement("OVD-07")
def test_limp_muscles_argue_for_overdose() -> None:
    story = started(100).fact(Revised(day(30), "indura-8709sc", "T10", Volume(336_800)), sign("tachycardia", 30.5))
    assert severities(story.look(30.5), "OVD-07") == ["advise"]  # nobody has examined it
    assert severities(story.fact(sign("flaccid tone", 30.6)).look(30.6), "OVD-07") == ["warn"]
    assert severities(started(100).fact(sign("tachycardia", 30.5)).look(30.5), "OVD-07") == []


@pytest.mark.requirement("OVD-07")
@pytest.mark.parametrize(("legs", "severity"), [(1.0, ["warn"]), (3.0, ["advise"])])
def test_normal_tone_argues_for_overdose_as_well(legs: float, severity: list[str]) -> None:
    story = started(100).fact(Revised(day(30), "indura-8709sc", "T10", Volume(336_800)), sign("tachycardia", 30.5))
    assert severities(story.fact(Assessed(day(30.6), legs)).look(30.6), "OVD-07") == severity


@pytest.mark.requirement("OVD-08")
@pytest.mark.parametrize(
    ("expected", "measured", "capacity", "severity"),
    [(2, 6, 40, []), (2, 6.1, 40, ["block"]), (2, 4, 20, []), (2, 4.1, 20, ["block"]), (6.1, 2, 40, [])],
)
def test_too_much_left_restarts_only_where_monitored(
    expected: float, measured: float, capacity: int, severity: list[str]
) -> None:
    """Red is twice 2 mL in a large reservoir, twice 1 mL in a small one; too little left is another matter."""
    story = started(200).fact(residual(30, expected, measured, capacity))
    assert severities(story.look(30.1, 100), "OVD-08") == severity
    assert severities(story.look(30.1), "OVD-08") == []
    story.fact(Answered(day(30.1), "restart", "monitored setting", True))
    assert severities(story.look(30.1, 100), "OVD-08") == []


@pytest.mark.requirement("OVD-08")
def test_the_first_residual_proves_nothing_and_a_session_settles_it() -> None:
    assert severities(started(200).fact(residual(30, 2, 19, first=True)).look(30.1, 100), "OVD-08") == []
    assert severities(started(200).fact(residual(30, 2, 19)).programmed(30.2, 100).look(40, 120), "OVD-08") == []
    withdrawn = started(200).fact(residual(30, 2, 19), sign("fever", 30))
    assert severities(withdrawn.look(30.1, 100), "OVD-08") == ["warn"]


@pytest.mark.requirement("OVD-02")
@pytest.mark.parametrize(("mcg", "blocked"), [(0, False), (60, False), (300, False), (440, True), (900, True)])
def test_an_order_that_ends_an_overdose_is_not_blocked(mcg: float, *, blocked: bool) -> None:
    """A stop or a lower dose is warned of and signed afterwards; one that lowers nothing is stopped as ever."""
    story = strong().fact(sign("coma", 20.5, 3))
    asked = mcg or OrderStop()
    grave = [finding for finding in check(story.look(20.6, asked), "order") if finding.severity == "block"]
    if not blocked:
        assert grave == []
        assert any("The overdose comes first (OVD-02)" in finding.next for finding in check(story.look(20.6, asked), "order"))
    else:
        assert not any("The overdose comes first" in finding.next for finding in check(story.look(20.6, asked), "order"))


@pytest.mark.requirement("OVD-02")
def test_without_signs_of_an_overdose_a_stop_is_blocked() -> None:
    """As ever (SAF-03)."""
    blocks = [finding.rule for finding in check(strong().look(20.6, OrderStop()), "order") if finding.severity == "block"]
    assert "SAF-03" in blocks


@pytest.mark.requirement("OVD-02")
def test_what_runs_now_counts_and_not_the_last_order() -> None:
    """Another programmer has lowered the dose since: an order between the two is a rise, and is stopped as ever."""
    story = strong().fact(Noticed(day(20.5), "overdose suspected"))
    assert story.pump is not None
    answer = handle(advance(story.pump, day(20.6)).state, Update(SimpleContinuous(flow(0.05))))
    assert not isinstance(answer, Refusal)
    story.fact(Interrogated(day(20.6), report(answer.state)))
    findings = check(story.look(20.7, 300), "order")
    assert not any("The overdose comes first" in finding.next for finding in findings)
    assert any("The overdose comes first" in finding.next for finding in check(story.look(20.7, 50), "order"))


@pytest.mark.requirement("OVD-02")
def test_a_mild_sign_eases_nothing() -> None:
    """A little drowsiness after programming is looked at: a stop has its own danger."""
    story = raised().fact(sign("drowsiness", 30.1, 1))
    assert "SAF-03" in [finding.rule for finding in check(story.look(30.1, OrderStop()), "order") if finding.severity == "block"]
