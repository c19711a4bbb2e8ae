"""What a generic infusion pump's programming is asked for: steps, clearing, and limits that are the pump's own."""

import pytest

from tests.courses import done, flow, ml, running_pump
from tests.programmer.desk import continuous, desk, new_desk
from tests.pump.pumps import RUNNING, in_seconds, pump_in
from thecal.chart.order import (
    OrderBolus,
    OrderContinuous,
    OrderMinimumRate,
    OrderNoPatient,
    OrderPatient,
    OrderPeriodic,
    OrderStop,
)
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import Refusal
from thecal.pump.handle import handle
from thecal.pump.messages import Interrogate, SetClock, StartBolus, Update, Write
from thecal.pump.program import PatientBolus, PeriodicBolus, SimpleContinuous, SingleBolus
from thecal.pump.state import PumpState
from thecal.quantity import Amount, DailyDose, FlowRate, Volume
from thecal.timeline import Duration

HOUR = 3600


def mcg(amount: float) -> Amount:
    return Amount(round(amount * 10**6))


BEYOND: dict[str, tuple[OrderSheet, Write]] = {
    "PMP-01": (OrderSheet(dosing=continuous(23.9)), Update(SimpleContinuous(FlowRate(47_800)))),
    "PMP-02": (OrderSheet(dosing=continuous(12_001)), Update(SimpleContinuous(FlowRate(24_002_000)))),
    "PMP-09": (OrderSheet(reservoir=ml(40.1)), Update(reservoir=ml(40.1))),
    "PMP-10": (OrderSheet(low_reservoir=ml(40.1)), Update(low_reservoir=ml(40.1))),
    "PMP-13": (
        OrderSheet(bolus=OrderBolus(mcg(1), Duration(59))),
        StartBolus(SingleBolus(ml(0.002), Duration(59))),
    ),
    "PMP-16": (
        OrderSheet(dosing=OrderPeriodic(mcg(5), Duration(600), Duration(7 * HOUR), 0, DailyDose(100 * 10**6))),
        Update(PeriodicBolus(ml(0.01), Duration(600), Duration(7 * HOUR), 0, flow(0.2))),
    ),
    "PMP-17": (
        OrderSheet(patient=OrderPatient(mcg(10), Duration(600), Duration(599), 3)),
        Update(patient=PatientBolus(ml(0.02), Duration(600), Duration(599), 3)),
    ),
    "PMP-38": (OrderSheet(clock_offset_s=14 * HOUR + 1), SetClock(14 * HOUR + 1)),
}
"""For each of the pump's own limits an order sheet beyond it, and the write that it would be."""


@pytest.mark.requirement("SES-19")
@pytest.mark.parametrize("rule", BEYOND)
def test_what_the_pump_would_refuse_is_refused_before_anything_is_sent(rule: str) -> None:
    """By the pump's own rule, in the same words; nothing but the interrogation was sent, and nothing is left to confirm."""
    orders, write = BEYOND[rule]
    at = new_desk()
    assert at.interrogate() is None
    refusal, pumps = at.prepare(orders), handle(at.pump, write)
    assert isinstance(refusal, Refusal)
    assert isinstance(pumps, Refusal)
    assert (refusal.rule, refusal.limit, refusal.source) == (rule, pumps.limit, pumps.source)
    assert (pumps.rule, at.session.standing) == (rule, "read")
    assert [type(message.command) for message in at.sent] == [Interrogate]


AS_IT_STANDS: dict[str, PumpState] = {
    "PMP-05": pump_in("stopped"),
    "PMP-08": pump_in("single bolus"),
    "PMP-14": in_seconds(done(handle(running_pump(RUNNING), Update(reservoir=Volume(1)))), HOUR),
    "PMP-15": done(handle(running_pump(RUNNING), Update(reservoir=ml(0.05)))),
    "PMP-37": pump_in("end of service"),
}


@pytest.mark.requirement("SES-19")
@pytest.mark.parametrize("rule", AS_IT_STANDS)
def test_what_the_pump_would_refuse_as_it_stands_is_refused_before_too(rule: str) -> None:
    """A bolus of 0.1 mL for a pump that is stopped, gives one, is empty, holds less, or is at the end of its service."""
    at = desk(AS_IT_STANDS[rule])
    at.interrogate()
    refusal = at.prepare(OrderSheet(bolus=OrderBolus(mcg(50), Duration(600))))
    assert isinstance(refusal, Refusal)
    assert refusal.rule == rule
    assert [type(message.command) for message in at.sent] == [Interrogate]


CLEARING = {
    "a stop": OrderSheet(dosing=OrderStop()),
    "the minimum rate": OrderSheet(dosing=OrderMinimumRate()),
    "no patient boluses": OrderSheet(patient=OrderNoPatient()),
    "no low reservoir threshold": OrderSheet(low_reservoir=Volume(0)),
    "another dose": OrderSheet(dosing=OrderContinuous(DailyDose(110 * 10**6))),
}


@pytest.mark.requirement("SES-20")
@pytest.mark.parametrize("what", CLEARING)
@pytest.mark.parametrize("sheet", ["reference-40", "synchromed-iii-40"])
def test_nothing_is_cleared_in_one_step(what: str, sheet: str) -> None:
    """A stop or a cleared setting goes through review, confirmation and three messages, as a change of the dose does."""
    at = new_desk(sheet)
    at.pump = done(handle(at.pump, Update(patient=PatientBolus(ml(0.02), Duration(600), Duration(7200), 3))))
    before = at.pump.memory.settings
    assert before.program == RUNNING
    made = at.reviewed(CLEARING[what])
    assert made.changed
    refusal = at.proceed()
    assert isinstance(refusal, Refusal)
    assert refusal.rule == "SES-06"
    assert len(at.sent) == 1
    assert at.confirm() is None
    settings = []
    for _ in range(3):
        assert at.pump.memory.settings == before
        assert at.proceed() is None
        settings.append(at.pump.memory.settings)
    assert [one == before for one in settings] == [True, True, False]
