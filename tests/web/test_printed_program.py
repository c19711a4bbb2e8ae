"""A program by steps that somebody else programmed, typed in from its printout."""

from collections.abc import Callable

import pytest

from tests.clinic.practice import Clock, admit
from tests.web.real_pump import MODEL, Virtual, ordered, pass_, printed, same_course
from tests.web.test_printed_again import again
from tests.web.test_visit import begun, history_of, step, to_the_pump
from tests.web.visitor import Visitor
from thecal.chart.order import FlexDay, Order, OrderFlex, OrderMinimumRate, OrderPeriodic, StepDose
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic.practice import Practice
from thecal.quantity import Amount, DailyDose
from thecal.timeline import DAY_S, Duration
from thecal.twin.action import Look as Interrogate
from thecal.twin.action import Reprogram

SignIn = Callable[[str], Visitor]
MCG = 10**6
NIGHT = OrderFlex(
    (FlexDay((), DailyDose(104 * MCG), (StepDose(0, 21600, Amount(20 * MCG)), StepDose(21600, DAY_S, Amount(84 * MCG)))),)
)
BY_WEEKDAY = OrderFlex(
    (
        FlexDay((0, 1, 2, 3, 4), DailyDose(104 * MCG), NIGHT.days[0].steps),
        FlexDay((5, 6), DailyDose(96 * MCG), (StepDose(0, DAY_S, Amount(96 * MCG)),)),
    )
)
PERIODIC = OrderPeriodic(Amount(10 * MCG), Duration(1800), Duration(6 * 3600), 0, DailyDose(64 * MCG))
STEPS: dict[str, object] = {
    "from-0-0": "00:00", "to-0-0": "06:00", "dose-0-0": "20", "from-0-1": "06:00", "to-0-1": "24:00", "dose-0-1": "84",
    "total-0": "104",
}  # fmt: skip
WEEKEND = {"from-1-0": "00:00", "to-1-0": "24:00", "dose-1-0": "96", "total-1": "96", "day-1-Sat": "yes", "day-1-Sun": "yes"}
WEEK = {**STEPS, **WEEKEND, **{f"day-0-{day}": "yes" for day in ("Mon", "Tue", "Wed", "Thu", "Fri")}}
EVERY_6_H = {"p_dose": "10", "p_over": "30 min", "p_every": "6 h", "p_first": "00:00", "p_basal": "64"}


@pytest.fixture
def stream(practice: Practice) -> str:
    return admit(practice, model=MODEL, papers=True)


@pytest.fixture
def virtual(practice: Practice) -> Virtual:
    return Virtual.like(practice.now)


def at_the_pump(nora: Visitor, stream: str) -> str:
    visit = begun(nora, stream, "follow-up")
    to_the_pump(nora, visit)
    return visit


@pytest.mark.requirement("VST-03")
@pytest.mark.parametrize(
    ("order", "mode", "fields", "total"),
    [
        (NIGHT, "flex", STEPS, "104"),
        (BY_WEEKDAY, "flex", WEEK, "104"),
        (BY_WEEKDAY, "flex", WEEK, "108"),  # from 06:00 on Friday
        (PERIODIC, "periodic bolus", EVERY_6_H, "104"),
        (OrderMinimumRate(), "minimum rate", {}, ""),
    ],
)
def test_a_program_that_somebody_else_wrote_is_typed_in(
    practice: Practice,
    as_: SignIn,
    stream: str,
    virtual: Virtual,
    clock: Clock,
    order: Order,
    mode: str,
    fields: dict[str, object],
    total: str,
) -> None:
    """It is what the pump runs from then on, and at the next reading it needs not be typed again."""
    nora, nils = as_("nora"), as_("nils")
    said = virtual.until(practice.now, Reprogram(practice.now, order), Interrogate(practice.now))
    visit = at_the_pump(nora, stream)
    typed = {**printed(said), "mode": mode, **fields}
    typed["day_total"] = f"{total} mcg/day" if total else typed["day_total"]
    answer = step(nora, visit, "pump/printed", typed)
    assert answer.status == 200, answer.words
    if "Typed by nora" in nora.get(visit).words:
        answer = nils.send(f"{visit}/second", again(typed))
        assert answer.status == 200, answer.words
    session = history_of(practice, stream).chart.session
    assert session is not None
    assert session.order == order
    assert session.report.program == said.program
    same_course(practice, stream, virtual)
    step(nora, visit, "abandon", {"why": "only read"})
    pass_(clock, nora, Duration(DAY_S))
    later = at_the_pump(nora, stream)
    known = {**printed(virtual.until(practice.now, Interrogate(practice.now))), "day_total": typed["day_total"]}
    answer = step(nora, later, "pump/printed", known)
    assert answer.status == 200, answer.words
    assert "Typed by" not in nora.get(later).words
    last = history_of(practice, stream).chart.session
    assert last is not None
    assert (last.order, last.session) == (order, None)
    same_course(practice, stream, virtual, readings=30)  # a nanolitre takes half a minute at the slowest flow


def test_a_button_of_the_table_adds_a_row_and_writes_nothing(
    practice: Practice, as_: SignIn, stream: str, virtual: Virtual
) -> None:
    """What was typed stays in its fields."""
    nora = as_("nora")
    visit = at_the_pump(nora, stream)
    version = history_of(practice, stream).version
    first = {name: text for name, text in STEPS.items() if not name.endswith("-1")}
    typed = {**printed(virtual.until(practice.now)), "mode": "flex", **first, "do": "add row 0"}
    answer = step(nora, visit, "pump/printed", typed)
    assert answer.status == 200
    assert 'name="dose-0-1"' in answer.text
    assert 'name="from-0-1" value="06:00"' in answer.text
    assert str(typed["calculated"]) in answer.text
    assert "<details open>" in answer.text
    assert history_of(practice, stream).version == version


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"dose-0-1": "94"}, "ORD-01"),
        ({"to-0-0": "05:00"}, "ORD-02"),
        ({"day_total": "2,400 mcg/day"}, "SAF-04"),
        ({"dose-0-1": ""}, 'id="reading-dose-0-1-error"'),
        ({"mode": "sine"}, 'id="reading-mode-error"'),
    ],
)
def test_steps_that_cannot_be_so_are_refused_with_what_was_typed(
    practice: Practice, as_: SignIn, stream: str, virtual: Virtual, wrong: dict[str, object], told: str
) -> None:
    """With the rule, or beside the field."""
    nora = as_("nora")
    visit = at_the_pump(nora, stream)
    version = history_of(practice, stream).version
    said = virtual.until(practice.now, Reprogram(practice.now, NIGHT))
    typed = {**printed(said), "mode": "flex", **STEPS, **wrong}
    answer = step(nora, visit, "pump/printed", typed)
    assert answer.status == 422
    assert told in answer.text
    assert 'value="20"' in answer.text
    assert history_of(practice, stream).version == version


def test_steps_other_than_ordered_are_refused_with_both(practice: Practice, as_: SignIn, stream: str, virtual: Virtual) -> None:
    """An hour that was typed into the programmer instead of another is found by its printout."""
    nora = as_("nora")
    visit = begun(nora, stream, "titration")
    to_the_pump(nora, visit)
    assert step(nora, visit, "pump/printed", printed(virtual.until(practice.now))).status == 200
    ordered(practice, stream, visit, OrderSheet(NIGHT, confirm_total=NIGHT.days[0].daily_total))
    said = virtual.until(practice.now, Reprogram(practice.now, NIGHT))
    other = {**STEPS, "dose-0-0": "24", "dose-0-1": "80"}
    typed = {**printed(said, "update"), "mode": "flex", **other, "day_total": "104 mcg/day"}
    answer = step(nora, visit, "pump/printed", typed)
    assert answer.status == 422
    assert "00:00 to 06:00: 24 mcg" in answer.words
    assert "00:00 to 06:00: 20 mcg" in answer.words
    assert step(nora, visit, "pump/printed", {**typed, **STEPS}).status == 200
