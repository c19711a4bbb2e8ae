"""What a session does not pass in silence: the full dose after a pause, and another rise where none has helped."""

from dataclasses import replace

import pytest

from tests.courses import GEOMETRY, START, ml
from tests.programmer.desk import C500, POLICY, Desk, continuous, new_desk
from thecal.chart.chart import Chart
from thecal.chart.clinical import Scanned, SymptomReported
from thecal.chart.facts import Assessed
from thecal.chart.order import OrderBolus, OrderStop
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.programmer.session import Session, open_session
from thecal.pump.handle import handle
from thecal.pump.messages import Update
from thecal.pump.program import Stopped
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Amount
from thecal.timeline import DAY_S, HOUR_S, Duration, Instant
from thecal.twin.action import Action, HoldSession, Implant, Needle, Refill, ReplacePump
from thecal.twin.run import run
from thecal.twin.world import World

STOP = OrderSheet(dosing=OrderStop(), anyway="for the test")


def opened(at: Desk, name: str) -> None:
    """The next session with the pump."""
    session = open_session(name, at.pump.sheet, POLICY, at.now)
    assert isinstance(session, Session)
    at.session = session


def stopped_for(hours: float) -> Desk:
    """A pump that gave 100 mcg/day for a week, was stopped by a session, and stands."""
    at = new_desk("reference-40")
    at.wait(7 * DAY_S)
    at.write(STOP)
    opened(at, "next")
    at.wait(round(hours * HOUR_S))
    assert at.interrogate() is None
    return at


@pytest.mark.requirement("SES-21")
@pytest.mark.parametrize(
    ("hours", "mcg", "anyway", "refused"),
    [
        (72, 100, None, True),
        (72, 120, None, True),
        (72, 99, None, False),  # a reduced start is judged by a clinic's fraction, where the order is signed
        (72, 40, None, False),
        (72, 100, "signs of withdrawal", False),
        (25, 100, None, True),
        (23, 100, None, False),
    ],
)
def test_the_full_dose_after_a_pause(hours: float, mcg: float, anyway: str | None, *, refused: bool) -> None:
    """After more than a short pause the dose of before, or more, needs a reason; nothing is sent without one."""
    at = stopped_for(hours)
    sent = len(at.sent)
    refusal = at.prepare(OrderSheet(dosing=continuous(mcg), anyway=anyway))
    assert (refusal.rule if refusal else None) == ("SAF-06" if refused else None)
    assert len(at.sent) == sent
    if refusal:
        assert 'anyway = "signs of withdrawal"' in refusal.advice


@pytest.mark.requirement("SES-21")
@pytest.mark.requirement("SAF-06")
def test_in_active_withdrawal_it_is_not_refused() -> None:
    """Where the chart knows of the signs."""
    at = stopped_for(72)
    at.chart = at.chart.after(SymptomReported(at.now, "itching without rash", 2))
    assert at.prepare(OrderSheet(dosing=continuous(100))) is None


@pytest.mark.requirement("SES-21")
def test_the_reason_is_printed() -> None:
    """Among what is to be read before signing, with what stops such an order."""
    at = stopped_for(72)
    assert at.prepare(OrderSheet(dosing=continuous(100), anyway="signs of withdrawal")) is None
    assert at.session.review is not None
    told = [caution for caution in at.session.review.cautions if "Gone on in spite of it" in caution.text]
    assert [(caution.rule, "signs of withdrawal" in caution.text) for caution in told] == [("SAF-06", True)]


@pytest.mark.requirement("SES-21")
def test_another_rise_where_three_have_not_helped() -> None:
    """Refused, until somebody says why; a dose that does not rise is none of it."""
    at = new_desk("reference-40")
    for number, mcg in enumerate((115, 130, 148)):
        at.chart = at.chart.after(Assessed(at.now, 3.0, 2.0, 3.0))
        at.write(OrderSheet(dosing=continuous(mcg)))
        opened(at, f"rise {number}")
        at.wait(14 * DAY_S)
    at.chart = at.chart.after(Assessed(at.now, 3.0, 2.0, 3.0))
    assert at.interrogate() is None
    refusal = at.prepare(OrderSheet(dosing=continuous(165)))
    assert isinstance(refusal, Refusal)
    assert refusal.rule == "TIT-12"
    assert at.prepare(OrderSheet(dosing=continuous(148))) is None
    assert at.prepare(OrderSheet(dosing=continuous(165), anyway="X-ray and contrast are normal")) is None


@pytest.mark.requirement("SES-21")
def test_a_new_pump_is_no_pause() -> None:
    """It has given nothing since it was put in an hour ago; put in two days ago it is one."""
    sheet = pump_sheet("reference-40")
    fill, hundred = Needle(ml(30), C500), OrderSheet(dosing=continuous(100), concentration=C500, reservoir=ml(30))
    for hours, refused in ((1, []), (48, ["SAF-06"])):
        placed, later = Instant(START.s + 20 * DAY_S), Instant(START.s + 20 * DAY_S + hours * HOUR_S)
        actions: list[Action] = [
            Implant(START, sheet, GEOMETRY, 0),
            Refill(START, ml(30), C500, continuous(100)),
            ReplacePump(placed, sheet, 0),
            HoldSession(later, replace(hundred, prime=True), fill),
        ]

        def source(chart: Chart, _: Instant, todo: list[Action] = actions) -> Action | None:
            return todo[chart.acted] if chart.acted < len(todo) else None

        trace = run(World(START), source, later)
        assert [one.refusal.rule for one in trace.refused] == refused


@pytest.mark.requirement("SES-21")
@pytest.mark.parametrize("hours", [30, 47, 49, 60, 71, 73, 200])
def test_a_stop_that_the_chart_knows_nothing_of(hours: float) -> None:
    """The pump was stopped by somebody else: also once its own alarm, which sounds 48 h after the stop, has begun."""
    at = new_desk("synchromed-ii-40")
    answer = handle(at.pump, Update(Stopped()))
    assert not isinstance(answer, Refusal)
    at.pump = answer.state
    at.wait(round(hours * HOUR_S))
    assert at.interrogate() is None
    refusal = at.prepare(OrderSheet(dosing=continuous(100)))
    assert isinstance(refusal, Refusal)
    assert refusal.rule == "SAF-06"


@pytest.mark.requirement("SES-21")
def test_what_the_pump_said_counts_whatever_the_chart_holds_since() -> None:
    """A fact after the reading does not hide it."""
    at = new_desk("reference-40")
    answer = handle(at.pump, Update(Stopped()))
    assert not isinstance(answer, Refusal)
    at.pump = answer.state
    at.wait(30 * HOUR_S)
    assert at.interrogate() is None
    at.wait(60)
    at.chart = at.chart.after(Assessed(at.now, 3.0, 2.0, 3.0))
    refusal = at.prepare(OrderSheet(dosing=continuous(100)))
    assert isinstance(refusal, Refusal)
    assert refusal.rule == "SAF-06"


@pytest.mark.requirement("SES-21")
@pytest.mark.parametrize(
    "orders",
    [
        OrderSheet(low_reservoir=ml(3)),
        OrderSheet(concentration=C500, reservoir=ml(30)),
        OrderSheet(clock_offset_s=3600),
    ],
    ids=["a threshold", "a fill", "the clock"],
)
def test_what_restarts_nothing_is_none_of_it(orders: OrderSheet) -> None:
    """Settings, a fill and the clock are written to a pump that stands, as ever."""
    at = stopped_for(72)
    assert at.prepare(orders) is None


@pytest.mark.requirement("SES-21")
def test_a_pump_that_runs_is_not_restarted() -> None:
    """Whatever the chart says of an interruption before: the dose of now, and a bolus, go on."""
    at = new_desk("reference-40")
    at.chart = at.chart.after(Scanned(at.now, 1.5, Duration(26 * HOUR_S)))
    assert at.interrogate() is None
    assert at.prepare(OrderSheet(dosing=continuous(100))) is None
    assert at.prepare(OrderSheet(bolus=OrderBolus(Amount(5_000_000), Duration(600)))) is None
