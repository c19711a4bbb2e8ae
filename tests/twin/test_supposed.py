"""What if: two courses that are one up to a moment, how they part, and what is said of it."""

from dataclasses import replace

import numpy as np
import pytest

from tests.command import ROOT
from tests.twin.test_exposure import BERLIN, BODY, HOUR, exposure_of, ran
from thecal.body.propagate import propagate
from thecal.body.record import Record
from thecal.body.schedule import Grid
from thecal.errors import InputError, Refusal
from thecal.quantity import Concentration, Volume
from thecal.report.signs import TONE
from thecal.report.supposed import WhatIf, what_if, what_if_document, what_if_lines, what_if_page
from thecal.report.tables import WIDTH
from thecal.timeline import DAY_S, Duration, Instant
from thecal.twin.action import Implant, Refill
from thecal.twin.case import Case, read_case
from thecal.twin.run import run
from thecal.twin.supposed import CatheterKink, LateRefill, Mistake, PumpStall, Supposed, WrongConcentration, supposed
from thecal.twin.trace import Record as Kept
from thecal.twin.trace import Trace

HEAD = """\
case = 1
title = "a test"
timezone = "Europe/Berlin"
until = "2026-02-10 09:00"
[pump]
model = "reference-20"
[catheter]
model = "indura-8709sc"
tip_level = "T10"
trimmed = "9 cm"
"""
NOISE = '[[world.event]]\nat = "2026-01-20 09:00"\nkind = "kink"\nopen = "40 %"\n'
IMPLANT = '[[event]]\nat = "2026-01-05 09:00"\nkind = "implant"\nprimed = "500 mcg/mL"\n'
PROGRAM = 'mode = "simple continuous"\ndose = "200 mcg/day"\n'
FILL = 'volume = "18 mL"\nconcentration = "500 mcg/mL"\n'


def refill(at: str, more: str = "") -> str:
    return f'[[event]]\nat = "{at}"\nkind = "refill"\n{FILL}{more}[event.program]\n{PROGRAM}'


def session(at: str, measured: str) -> str:
    fill = f'[event.fill]\n{FILL}measured = "{measured}"\n'
    return f'[[event]]\nat = "{at}"\nkind = "session"\n[event.program]\n{PROGRAM}{fill}'


FIRST = IMPLANT + refill("2026-01-05 10:00")
PLAIN = HEAD + BODY + FIRST
DUE = Instant(1_770_109_200)  # 18 mL less 2 at 0.4 mL/day and 14.5 % more, less 5 days: the 29th day at 10:00


def when(text: str) -> Instant:
    return Instant.parse(text, BERLIN)


def kept(case: Case) -> Trace:
    return run(case.world, case.source, case.until, Kept(policy=case.policy))


def asked(text: str, mistake: Mistake, at: str | None = None, days: int = 10) -> Supposed | Refusal:
    case, _ = ran(text)
    now = when(at) if at else case.until
    return supposed(case, kept(replace(case, until=now)), mistake, now, days)


def both(text: str, mistake: Mistake, at: str | None = None, days: int = 10) -> Supposed:
    found = asked(text, mistake, at, days)
    assert isinstance(found, Supposed)
    return found


def told(text: str, mistake: Mistake, at: str | None = None, days: int = 10) -> WhatIf:
    one = both(text, mistake, at, days)
    return what_if(one, kept(one.as_planned), kept(one.gone_wrong))


def text_of(one: WhatIf) -> str:
    return "\n".join(line.text for line in what_if_lines(one))


FOR_GOOD = PumpStall(None)
DAY = PumpStall(Duration(DAY_S))
LATE = LateRefill(Duration(40 * DAY_S))
STRONG = WrongConcentration(Concentration(2000))


# What is supposed -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mistake", [FOR_GOOD, CatheterKink(400_000), LATE, STRONG], ids=lambda one: type(one).__name__)
def test_both_courses_are_one_up_to_the_moment(mistake: Mistake) -> None:
    """To the picogram at every hour before it; afterwards they part."""
    one = both(PLAIN, mistake, "2026-01-15 09:00")
    traces = [kept(case) for case in (one.as_planned, one.gone_wrong)]
    hours = [Instant(second) for second in range(traces[0].start.s, one.moment.s + 1, HOUR)]
    assert list(traces[0].delivered_at(hours)) == list(traces[1].delivered_at(hours))
    assert traces[0].balance.closes
    assert traces[1].balance.closes
    assert traces[0].balance.ledger.intrathecal != traces[1].balance.ledger.intrathecal
    assert one.as_planned.until == one.gone_wrong.until


def test_a_refill_that_nobody_wrote_is_planned_at_its_date() -> None:
    """Late: the date to refill by, of the last volume and strength; a wrong strength: at once."""
    one = both(PLAIN, LATE, "2026-01-15 09:00", days=7)
    assert one.moment == when("2026-02-03 10:00") == DUE
    refills = [[action for action in case.actions if isinstance(action, Refill)] for case in (one.as_planned, one.gone_wrong)]
    assert [action.at for action in refills[0]] == [when("2026-01-05 10:00"), DUE]
    assert [action.at for action in refills[1]] == [when("2026-01-05 10:00"), Instant(DUE.s + 40 * DAY_S)]
    assert (refills[0][1].volume, refills[0][1].concentration) == (Volume(18_000_000), Concentration(500))
    assert one.as_planned.until == Instant(DUE.s + 47 * DAY_S)
    assert both(PLAIN, STRONG, "2026-01-15 09:00").moment == when("2026-01-15 09:00")


def test_the_next_refill_of_the_case_is_the_one_that_is_late() -> None:
    """One at the very instant counts, and so does a session with a needle; what is planned after it comes as much later."""
    case = PLAIN + refill("2026-01-25 09:00") + session("2026-02-05 09:00", "13.6 mL")
    for at, moment in (
        ("2026-01-15 09:00", "2026-01-25 09:00"),
        ("2026-01-25 09:00", "2026-01-25 09:00"),
        ("2026-01-26 09:00", "2026-02-05 09:00"),
    ):
        one = both(case, LateRefill(Duration(3600)), at)
        assert one.moment == when(moment)
        pairs = zip(one.as_planned.actions, one.gone_wrong.actions, strict=True)
        assert all(after.at.s - before.at.s == (3600 if before.at >= one.moment else 0) for before, after in pairs)


@pytest.mark.parametrize("model", ["isomed-8472-20-10", "prometra-ii-20"])
def test_a_pump_without_a_rotor_does_not_stall(model: str) -> None:
    """Refused with the rule and the data sheet's reason; a kink it can have."""
    text = PLAIN.replace("reference-20", model).replace('primed = "500 mcg/mL"\n', "")
    if model.startswith("isomed"):
        text = text.replace(f"[event.program]\n{PROGRAM}", "")
    refusal = asked(text, DAY, "2026-01-10 09:00")
    assert isinstance(refusal, Refusal)
    assert refusal.rule == "PMP-41"
    assert isinstance(asked(text, CatheterKink(0), "2026-01-10 09:00"), Supposed)


@pytest.mark.parametrize(
    ("text", "at", "mistake", "says"),
    [
        ('[[event]]\nat = "2026-01-01 09:00"\nkind = "note"\ntext = "x"\n' + FIRST, "2026-01-02 09:00", DAY, "has no pump"),
        (FIRST + '[[event]]\nat = "2026-01-20 09:00"\nkind = "explant"\n', None, LATE, "has no pump"),
        (IMPLANT, None, LATE, "has no refill to go by"),
        (IMPLANT, None, STRONG, "has no refill to go by"),
    ],
    ids=["before the implant", "after the explant", "never filled", "nothing in a syringe"],
)
def test_what_cannot_be_supposed_is_an_error_with_its_reason(text: str, at: str | None, mistake: Mistake, says: str) -> None:
    """No pump at that instant, or no refill to go by."""
    with pytest.raises(InputError, match=says):
        asked(HEAD + BODY + text, mistake, at)


# How they part --------------------------------------------------------------------------------------------------------


def test_the_numbers_are_those_of_the_bodies_and_of_the_tip() -> None:
    """Picograms a day, and the legs of both, worked out from the infusions of each course."""
    one = told(PLAIN, DAY, "2026-01-25 09:00")
    (first, second) = (kept(one.supposed.as_planned), kept(one.supposed.gone_wrong))
    moment = one.supposed.moment
    ends = [Instant(moment.s + n * DAY_S) for n in range(len(one.doses) + 1)]
    for n, (start, planned, wrong) in enumerate(one.doses):
        assert start == ends[n]
        for mcg, trace in ((planned, first), (wrong, second)):
            (_, low), (_, high) = trace.delivered_at([ends[n], ends[n + 1]])
            assert mcg == pytest.approx((high - low) / 10**6, abs=1e-9)
    for told_of, trace in ((one.planned, first), (one.wrong, second)):
        exposure = exposure_of(trace)
        assert exposure.implant is not None
        grid = Grid(moment.s, HOUR, 5 * 24)
        seen = propagate(exposure.patient, exposure.doses(trace.end), Record(grid, ("legs_ng_per_ml",), exposure.implant.s))
        instants = {instant: n for n, instant in enumerate(told_of.instants)}
        for n in range(grid.count):
            at = instants[Instant(moment.s + n * HOUR)]
            assert told_of["legs_ng_per_ml"][at] == pytest.approx(seen["legs_ng_per_ml"][0, n], rel=1e-9)


@pytest.mark.parametrize("at", ["2026-01-15 09:00", "2026-01-25 17:30", "2026-02-10 09:00"])
def test_a_standing_rotor_is_felt_after_6_to_24_hours(at: str) -> None:
    """First signs typically 6 to 24 h after delivery stops (FPnotebook; neurosurgerywiki), counted from the stop."""
    one = told(PLAIN, FOR_GOOD, at, days=3)
    assert one.parts_at == when(at)
    tone = next(sign for sign in one.signs if sign.episode.kind == TONE)
    assert 6 <= tone.hours_to_first <= 24
    assert tone.hours_to_first == (tone.episode.start.s - when(at).s) / 3600


def test_a_missed_refill_is_counted_from_the_last_drop() -> None:
    """18 mL at 0.4 mL/day from 5 January, 10:00: dry on 19 February at 10:00, 40 days late or not; first signs 6 to 24 h on."""
    one = told(PLAIN, LATE, "2026-01-15 09:00", days=5)
    dry = when("2026-02-19 10:00")
    assert one.parts_at is not None
    assert abs(one.parts_at.s - dry.s) <= one.planned.grid.step_s
    assert {event.kind for event in one.events} >= {"reservoir ran dry", "empty reservoir alarm"}
    assert all(6 <= sign.hours_to_first <= 24 for sign in one.signs if sign.episode.kind == TONE)
    assert any(sign.episode.kind == TONE for sign in one.signs)
    assert all(start < dry or wrong == 0 for start, _, wrong in one.doses if start.s < DUE.s + 40 * DAY_S)


def test_a_stronger_syringe_shows_when_it_reaches_the_tip() -> None:
    """Four times the dose after the line has passed: 0.3168 mL at 0.4 mL/day are 19 h, of which some runs ahead."""
    one = told(PLAIN, STRONG, "2026-01-25 09:00", days=5)
    assert one.parts_at is not None
    assert 10 <= (one.parts_at.s - one.supposed.moment.s) / 3600 <= 0.3168 / 0.4 * 24
    assert {sign.episode.kind for sign in one.signs} == {"drowsiness", "weakness"}
    assert one.doses[-1][2] == pytest.approx(4 * one.doses[-1][1], rel=1e-3)


def test_a_stall_of_nothing_changes_nothing() -> None:
    """A pump that was never filled gives the same nothing; that is what is said."""
    one = told(HEAD + BODY + IMPLANT, DAY, "2026-01-25 09:00")
    assert (one.parts_at, one.signs) == (None, ())
    assert "Nothing changes at the tip." in text_of(one)
    assert what_if_document(one)["parts_at_local"] is None


def test_data_text_and_page_say_the_same() -> None:
    """Every sign and every day in all three."""
    one = told(PLAIN, DAY, "2026-01-25 09:00", days=4)
    document, text, page = what_if_document(one), text_of(one), what_if_page(one)
    assert [sign["kind"] for sign in document["signs"]] == [sign.episode.kind for sign in one.signs] != []
    for sign in document["signs"]:
        assert f"{sign['first_local']:<20} {sign['kind']}" in text
        assert sign["kind"] in page
    assert [day["mcg"] for day in document["days"]] == pytest.approx([wrong for _, _, wrong in one.doses], abs=1e-6)
    assert f"the rotor stands from 2026-01-25 09:00 for {Duration(DAY_S)}" in text


# What is said and is not so -------------------------------------------------------------------------------------------


def test_the_worst_comes_within_72_hours() -> None:
    """The severe form develops over 24 to 72 h (FPnotebook; neurosurgerywiki)."""
    one = told(PLAIN, FOR_GOOD, "2026-02-10 09:00", days=20)
    assert all(sign.hours_to_worst <= 72 for sign in one.signs)


def test_a_rotor_that_stands_for_good_leaves_a_sign_that_lasts() -> None:
    """Three weeks later the patient is as stiff as after three days."""
    one = told(PLAIN, FOR_GOOD, "2026-02-10 09:00", days=21)
    assert all(sign.episode.lasting for sign in one.signs if sign.episode.kind == TONE)


def test_a_sign_is_told_that_gets_far_worse_than_planned() -> None:
    """A kinked catheter had let tone return somewhat; two days without any flow take it to rigid."""
    one = told(HEAD + BODY + NOISE + FIRST, PumpStall(Duration(2 * DAY_S)), "2026-01-25 09:00")
    since = [instant >= one.supposed.moment for instant in one.planned.instants]
    planned, wrong = (float(np.max(part["ashworth_legs"][since])) for part in (one.planned, one.wrong))
    assert wrong > planned + 1
    assert "no sign until" not in text_of(one)


def test_what_differs_in_the_table_is_not_called_nothing() -> None:
    """99.5 % of the flow are 199 of 200 mcg."""
    one = told(PLAIN, CatheterKink(995_000), "2026-01-25 09:00")
    assert "200 / 199" in text_of(one)
    assert "Nothing changes at the tip." not in text_of(one)


@pytest.mark.parametrize("mistake", [FOR_GOOD, CatheterKink(0)], ids=lambda one: type(one).__name__)
def test_a_mistake_in_the_second_of_the_implant_happens(mistake: Mistake) -> None:
    """Implanted and filled in one second: the fault strikes after that."""
    text = HEAD + BODY + IMPLANT + refill("2026-01-05 09:00")
    assert told(text, mistake, "2026-01-05 09:00").parts_at is not None


def test_the_syringe_of_the_second_of_the_implant_cannot_be_another() -> None:
    """A fault strikes before what is done in its second, and then there is no pump; that is said."""
    with pytest.raises(InputError, match="second of an implant"):
        told(HEAD + BODY + IMPLANT + refill("2026-01-05 09:00"), STRONG, "2026-01-05 09:00")


def test_only_the_refill_is_late() -> None:
    """The implant in the same second is not."""
    one = both(HEAD + BODY + IMPLANT + refill("2026-01-05 09:00"), LATE, "2026-01-05 09:00")
    assert [action.at for action in one.gone_wrong.actions if isinstance(action, Implant)] == [when("2026-01-05 09:00")]


def test_a_late_refill_that_is_refused_is_told() -> None:
    """What the syringe read on the planned day is red five days later."""
    one = both(PLAIN + session("2026-01-25 09:00", "10 mL"), LateRefill(Duration(10 * DAY_S)), "2026-01-20 09:00")
    wrong = kept(one.gone_wrong)
    assert [refused.refusal.rule for refused in wrong.refused] == ["RPC-07"]
    assert "refused" in text_of(what_if(one, kept(one.as_planned), wrong))


def test_a_late_refill_does_not_undo_the_orders_after_it() -> None:
    """In the missed refill the minimum rate of the fill is followed by 148 and 192 mcg/day; so it is when all is later."""
    case = read_case(ROOT / "scenarios" / "missed-refill.toml")
    at = Instant.parse("2026-03-30 10:00", case.zone)
    one = supposed(case, kept(replace(case, until=at)), LateRefill(Duration(5 * DAY_S)), at, 10)
    assert isinstance(one, Supposed)
    planned, wrong = (kept(part).courses[-1] for part in (one.as_planned, one.gone_wrong))
    assert wrong.programmed == planned.programmed


def test_the_days_are_as_many_as_asked_for() -> None:
    """Three days are three days, in the middle of a course too."""
    assert len(told(PLAIN, DAY, "2026-01-15 09:00", days=3).doses) == 3


def test_the_text_is_as_wide_as_the_others() -> None:
    """No line is wider than those of a run."""
    assert max(len(line) for line in text_of(told(PLAIN, DAY, "2026-01-25 09:00")).splitlines()) <= WIDTH
