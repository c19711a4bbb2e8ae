"""Restarting: what counts as an interruption, and which orders after one are blocked; in active withdrawal none is."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.charts import MODEL, Story, day, found, mcg_a_day, severities, started
from thecal.chart.clinical import Answered, Documented, Noticed, Overrode, Scanned, SymptomReported
from thecal.chart.facts import Explanted, Filled, Interrogated, PumpReplaced, ResidualMeasured
from thecal.chart.order import Order, OrderBolus, OrderContinuous, OrderMinimumRate, OrderStop
from thecal.chart.order_sheet import OrderSheet
from thecal.chart.vocabulary import grouped
from thecal.errors import Refusal
from thecal.pump.advance import advance
from thecal.pump.faults import disturb
from thecal.pump.handle import report
from thecal.pump.messages import Fault, LowBattery, Stall
from thecal.quantity import Amount, Concentration, DailyDose, Volume
from thecal.therapy.check import check
from thecal.therapy.clinic import Clinic
from thecal.therapy.restart import dose_before, interruption, restart_kind
from thecal.timeline import Duration

HOUR = 1 / 24
SIGNS = sorted(grouped("symptoms", "early withdrawal") | grouped("symptoms", "severe withdrawal"))


def stopped(on: float = 30, mcg: float = 200, order: Order | None = None) -> Story:
    """A stable dose, stopped or slowed down on a day."""
    return started(mcg).programmed(on, order or OrderStop())


def monitored(story: Story, on: float) -> Story:
    return story.fact(Answered(day(on), "restart", "monitored setting", True))


def disturbed(on: float, read: float, fault: Fault) -> Story:
    """A pump at 200 mcg/day to which something happened on a day, interrogated later."""
    story = started(200)
    assert story.pump is not None
    changed = disturb(advance(story.pump, day(on)).state, fault)
    assert not isinstance(changed, Refusal)
    story.pump = advance(changed.state, day(read)).state
    return story.fact(Interrogated(day(read), report(story.pump)))


@pytest.mark.requirement("SAF-06")
@pytest.mark.parametrize(
    ("hours", "dose", "severity"), [(24, 200, []), (24.1, 200, ["block"]), (24.1, 100, []), (24.1, 101, ["block"])]
)
def test_after_a_pause_a_restart_is_reduced(hours: float, dose: float, severity: list[str]) -> None:
    """Up to the short limit the old dose goes on; after it half of it, a setting, is the most."""
    when = 30 + hours * HOUR
    assert severities(monitored(stopped(), when).look(when, dose), "SAF-06") == severity


@pytest.mark.requirement("SAF-06")
def test_after_a_pause_the_full_dose_rests_on_a_source_and_the_fraction_on_a_setting() -> None:
    story = monitored(stopped(), 32)
    for dose, confidence in ((199, "D"), (200, "Q"), (400, "Q")):
        finding = found(story.look(32, dose), "SAF-06")[0]
        assert (finding.severity, finding.confidence) == ("block", confidence)
        assert "at most 100 mcg in 24 h" in finding.allowed


@pytest.mark.requirement("SAF-06")
def test_after_a_pause_a_restart_is_monitored() -> None:
    """An answer of before the interruption says nothing about this restart."""
    story = monitored(stopped(), 29)
    finding = found(story.look(32, 80), "SAF-06")[0]
    assert finding.severity == "block"
    assert finding.asked.startswith("a restart without a monitored setting")
    assert severities(monitored(story, 32).look(32, 80), "SAF-06") == []


@pytest.mark.requirement("SAF-06")
def test_in_active_withdrawal_the_old_dose_is_warned_of_and_not_blocked() -> None:
    story = stopped().fact(SymptomReported(day(32), "itching without rash", 1))
    finding = found(story.look(32.1, 200), "SAF-06")[0]
    assert finding.severity == "warn"
    assert "200 mcg in 24 h, or near it" in finding.allowed
    assert "monitored setting, physician order" in finding.next
    story.fact(
        Answered(day(32.05), "restart", "monitored setting", True), Answered(day(32.05), "restart", "physician order", True)
    )
    assert "checklist" not in found(story.look(32.1, 200), "SAF-06")[0].next
    assert severities(story.look(32 + 73 * HOUR, 200), "SAF-06") == ["block"]


@pytest.mark.requirement("SAF-06")
def test_a_suspicion_counts_as_active_withdrawal() -> None:
    story = stopped().fact(Noticed(day(31), "withdrawal suspected"))
    assert restart_kind(story.look(40)) == "active withdrawal"
    story.fact(Noticed(day(41), "withdrawal suspected", False))
    assert restart_kind(story.look(42)) == "after a pause"


@pytest.mark.requirement("SAF-06")
def test_where_an_overdose_is_in_question_a_sign_of_both_does_not_open_the_old_dose() -> None:
    """A seizure alone is a withdrawal that may not wait; beside an overdose it is a sign of that as well."""
    story = stopped().fact(SymptomReported(day(32), "seizure", 3))
    assert restart_kind(story.look(32.1)) == "active withdrawal"
    story.fact(Noticed(day(32), "overdose suspected"))
    assert restart_kind(story.look(32.1)) == "after a pause"
    story.fact(SymptomReported(day(32.1), "return of spasticity", 2))
    assert restart_kind(story.look(32.1)) == "active withdrawal"


ORDERS = st.one_of(
    st.floats(20, 2000).map(lambda mcg: OrderSheet(dosing=OrderContinuous(mcg_a_day(round(mcg))))),
    st.sampled_from([OrderSheet(dosing=OrderStop()), OrderSheet(dosing=OrderMinimumRate())]),
    st.integers(1, 500).map(lambda mcg: OrderSheet(bolus=OrderBolus(Amount(mcg * 10**6), Duration(3600)))),
)
OTHERS = st.lists(
    st.sampled_from(
        [
            Noticed(day(32), "overdose suspected"),
            Documented(day(32), "overdose recorded"),
            SymptomReported(day(32), "drowsiness", 2),
            SymptomReported(day(32), "flaccid tone", 2),
            ResidualMeasured(day(32), Volume(2 * 10**6), Volume(19 * 10**6), Volume(40 * 10**6)),
            Scanned(day(31), 1.5, Duration(86_400)),
        ]
    ),
    unique_by=repr,
)
BASES = [stopped(), stopped(order=OrderMinimumRate()), disturbed(25, 32, Stall(None)), disturbed(25, 32, LowBattery())]
UNSHARED = sorted(set(SIGNS) - grouped("symptoms", "withdrawal or overdose") - grouped("symptoms", "blood pressure"))


@pytest.mark.requirement("SAF-06")
@pytest.mark.requirement("OVD-06")
@pytest.mark.requirement("OVD-08")
@settings(max_examples=150, deadline=None)
@given(st.sampled_from(BASES), ORDERS, st.sampled_from([*UNSHARED, None]), OTHERS)
def test_active_withdrawal_never_blocks(base: Story, order: OrderSheet, sign: str | None, others: list[object]) -> None:
    """Whatever is ordered, and whatever else is on the chart: no rule of restart, withdrawal or overdose says no."""
    story = Story(MODEL)
    story.facts = [*base.facts, *others]  # type: ignore[list-item]  # all of them are facts
    story.fact(SymptomReported(day(32), sign, 1) if sign else Noticed(day(32), "withdrawal suspected"))
    look = story.look(32.1)
    look = replace(look, asked=story.asked(order, look.chart))
    ours = ("SAF-06", "WDL-", "OVD-")
    blocks = [finding for finding in check(look) if finding.rule.startswith(ours) and finding.severity == "block"]
    assert blocks == []


@pytest.mark.requirement("SAF-06")
@settings(max_examples=60, deadline=None)
@given(st.sampled_from(BASES), st.floats(0.3, 1.0), st.sampled_from(UNSHARED))
def test_the_dose_before_is_stopped_by_no_rule_at_all(base: Story, share: float, sign: str) -> None:
    """Not by a limit on rises, not by missing papers, not for want of a second person: those are told, and come after."""
    story = Story(MODEL)
    story.facts = [*base.facts]
    story.fact(SymptomReported(day(32), sign, 2))
    look = story.look(32.1)
    before = dose_before(look)
    assert before is not None
    look = replace(look, asked=story.asked(round(before.pg * share / 10**6), look.chart))
    assert look.asked is not None
    if look.asked.most and 0 < look.asked.most.pg <= before.pg:
        assert [finding for finding in check(look) if finding.stops] == []


@pytest.mark.requirement("SAF-06")
def test_a_dose_that_was_lowered_too_far_is_given_back() -> None:
    """Signs of withdrawal after a cut: the dose before it is stopped by nothing; without signs it is a rise like any other."""
    story = started(400, MODEL).filled(35).programmed(35, 400).programmed(36, 300)
    before = story.look(36.6, OrderSheet(dosing=OrderContinuous(mcg_a_day(400)), confirm_total=mcg_a_day(400)))
    assert any(finding.stops for finding in check(before))
    story.fact(SymptomReported(day(36.5), "itching without rash", 2))
    after = story.look(36.6, OrderSheet(dosing=OrderContinuous(mcg_a_day(400)), confirm_total=mcg_a_day(400)))
    assert [finding for finding in check(after) if finding.stops] == []


@pytest.mark.requirement("SAF-06")
def test_what_is_wrong_in_any_hurry_still_stops_it() -> None:
    """A day above the highest dose, a total that nobody meant, and a dose far above the one before."""
    story = Story(MODEL)
    story.facts = [*stopped().facts, SymptomReported(day(32), "fever", 2)]
    look = story.look(32.1)
    before = dose_before(look)
    assert before is not None
    far = replace(look, asked=story.asked(before.pg * 2 / 10**6, look.chart))
    assert any(finding.stops for finding in check(far))
    wrong = OrderSheet(dosing=OrderContinuous(DailyDose(before.pg)), confirm_total=DailyDose(24 * before.pg))
    mistaken = replace(look, asked=story.asked(wrong, look.chart))
    assert {finding.rule for finding in check(mistaken) if finding.stops} == {"SAF-04"}


@pytest.mark.requirement("SAF-06")
@pytest.mark.parametrize(
    ("story", "when", "why", "hours"),
    [
        (stopped(), 32, "stopped", 48),
        (stopped(order=OrderMinimumRate()), 32, "minimum rate", 48),
        (disturbed(30, 32, Stall(None)), 32, "motor stall", 47),
        (disturbed(30, 32, LowBattery()), 32, "low battery reset and safe state", 48),
    ],
)
def test_what_the_pump_says_is_an_interruption(story: Story, when: float, why: str, hours: float) -> None:
    off = interruption(story.look(when))
    assert off is not None
    assert off.why == why
    lasted = off.lasted(day(when))
    assert lasted is not None
    assert lasted.s / 3600 == pytest.approx(hours, abs=1)


@pytest.mark.requirement("SAF-06")
def test_a_stall_that_has_ended_counts_until_a_session_or_three_days() -> None:
    """Standing still from day 30 to 32: the order of day 32 is a restart, that of day 36 is not."""
    story = disturbed(30, 32.5, Stall(day(32)))
    assert restart_kind(story.look(32.5)) == "after a pause"
    assert severities(story.look(32.5, 220), "SAF-06")[0] == "block"
    assert restart_kind(story.look(36)) is None
    assert restart_kind(story.programmed(32.6, 100).look(32.7)) is None


@pytest.mark.requirement("SAF-06")
def test_an_empty_reservoir_is_an_interruption_that_nobody_needs_to_hear() -> None:
    """9 mL at 0.4 mL/day are gone after 22.5 days, by the count alone; a refill ends it, and its order is the restart."""
    story = Story().person().tested(-14).implanted(0, Concentration(500)).filled(0, 9).programmed(0, 200)
    assert interruption(story.look(22)) is None
    off = interruption(story.look(25))
    assert off is not None
    assert off.since is not None
    assert day(22) < off.since < day(23)
    story.fact(Filled(day(25), Volume(20 * 10**6), Concentration(500)))
    asked = OrderSheet(reservoir=Volume(20 * 10**6), concentration=Concentration(500))
    assert severities(story.look(25.1, asked), "SAF-06") == ["block", "block"]
    assert restart_kind(story.look(29)) is None


@pytest.mark.requirement("SAF-06")
def test_a_residual_shows_that_the_reservoir_was_not_empty() -> None:
    story = Story().person().tested(-14).implanted(0, Concentration(500)).filled(0, 9).programmed(0, 200)
    story.fact(ResidualMeasured(day(25), Volume(0), Volume(10**6), Volume(40 * 10**6)))
    assert interruption(story.look(25)) is None


@pytest.mark.requirement("SAF-06")
@pytest.mark.parametrize(("hours", "kind"), [(24, None), (25, "after a pause")])
def test_a_scan_with_the_infusion_off(hours: int, kind: str | None) -> None:
    story = started(200).fact(Scanned(day(30), 1.5, Duration(hours * 3600)))
    assert restart_kind(story.look(30 + hours * HOUR)) == kind
    assert restart_kind(story.programmed(31.2, 100).look(31.5)) is None  # a session has ended it
    assert restart_kind(started(200).fact(Scanned(day(30), 1.5)).look(31.5)) is None


@pytest.mark.requirement("SAF-06")
def test_a_recorded_overdose_and_a_new_pump_are_interruptions() -> None:
    recorded = started(200).fact(Documented(day(30), "overdose recorded"))
    assert restart_kind(recorded.look(32)) == "after a pause"
    assert restart_kind(recorded.programmed(32, 80).look(32.5)) is None
    replaced = started(200).fact(PumpReplaced(day(30), MODEL, Volume(336_800)))
    assert restart_kind(replaced.look(30.5)) is None
    assert restart_kind(replaced.look(32)) == "after a pause"
    assert interruption(started(200).fact(Explanted(day(30))).look(32)) is None


@pytest.mark.requirement("SAF-06")
def test_a_therapy_that_runs_or_never_ran_is_no_restart() -> None:
    assert restart_kind(started(200).look(30)) is None
    assert severities(started(200).look(30, 220), "SAF-06") == []
    never = Story().person().tested(-14).implanted().filled()
    assert restart_kind(never.look(3)) is None
    assert dose_before(never.look(3)) is None


@pytest.mark.requirement("SAF-06")
def test_an_order_that_gives_nothing_is_no_restart() -> None:
    """A stop, the minimum rate and the clock are not held up; a bolus into the pause is."""
    story = monitored(stopped(), 32)
    for order in (OrderSheet(dosing=OrderStop()), OrderSheet(dosing=OrderMinimumRate()), OrderSheet(clock_offset_s=0)):
        assert severities(story.look(32, order), "SAF-06") == []
    stalled = monitored(disturbed(30, 32, Stall(None)), 32)
    assert severities(stalled.look(32, OrderSheet(clock_offset_s=0)), "SAF-06") == []
    assert severities(stalled.look(32, 200), "SAF-06") == ["block"]
    bolus = OrderSheet(bolus=OrderBolus(Amount(250 * 10**6), Duration(3600)))
    assert severities(story.look(32, bolus), "SAF-06") == ["block"]


@pytest.mark.requirement("SAF-06")
def test_a_person_who_may_order_goes_on_and_a_clinic_sets_its_own_fraction() -> None:
    story = monitored(stopped(), 32).fact(Overrode(day(32), "SAF-06", "a planned pause of two days", "Dr A", "physician"))
    assert not found(story.look(32, 150), "SAF-06")[0].stops
    clinic = Clinic().with_limit("SAF-06.fraction", 30)
    assert severities(monitored(stopped(), 32).look(32, 70, clinic), "SAF-06") == ["block"]
    assert severities(stopped().look(30.6, 200, Clinic().with_limit("WDL-07.short", 12)), "SAF-06") == ["block", "block"]


@pytest.mark.requirement("SAF-06")
def test_a_drive_that_stood_still_may_overinfuse() -> None:
    """After 48 h of standing still the pump alarms, and the restart says why to look at the residual early."""
    story = stopped()
    assert story.pump is not None
    story.fact(Interrogated(day(33), report(advance(story.pump, day(33)).state)))
    assert "overinfuse" in found(story.look(33, 200), "SAF-06")[0].next


@pytest.mark.requirement("SAF-06")
def test_how_long_nobody_knows_counts_as_long() -> None:
    story = stopped()
    last = story.chart.session
    assert last is not None
    story.facts = [fact for fact in story.facts if fact != last]
    story.fact(Interrogated(day(30), last.report))
    off = interruption(story.look(30.01))
    assert off is not None
    assert off.lasted(day(30.01)) is None
    assert "nobody knows for how long" in off.in_words(day(30.01))
    assert restart_kind(story.look(30.01)) == "after a pause"
