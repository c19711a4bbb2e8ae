"""What the tables of modes and alarms promise and no other test of theirs shows."""

import pytest

from tests.courses import done, ml, needled, running_pump
from tests.pump.pumps import RUNNING, in_seconds, sounding
from thecal.pump.alarms import ALARMS
from thecal.pump.handle import handle
from thecal.pump.messages import Fill, Interrogate, TestAlarm, Update, Withdraw
from thecal.pump.program import Stopped
from thecal.pump.reservoir import perform
from thecal.pump.state import new_pump
from thecal.quantity import Concentration
from thecal.timeline import DAY_S

WITH_THE_PUMP = {"elective replacement": 2466 * DAY_S, "end of service": 2556 * DAY_S}
"""When each sounds in a pump that stands."""


def test_two_alarms_end_with_their_pump() -> None:
    """The table says so of these and of no other."""
    assert {kind.name for kind in ALARMS if kind.ends == "the pump is replaced"} == set(WITH_THE_PUMP)


@pytest.mark.requirement("PMP-53")
@pytest.mark.parametrize("name", WITH_THE_PUMP)
def test_nothing_but_another_pump_ends_them(name: str) -> None:
    """Neither time nor a reading, a test of the alarm, an update or a refill; the pump that comes in its place is silent."""
    pump = in_seconds(running_pump(Stopped()), WITH_THE_PUMP[name])
    assert name in sounding(pump)
    for command in (Interrogate(), TestAlarm("critical")):
        assert name in sounding(done(handle(pump, command)))
    if name == "elective replacement":
        assert name in sounding(done(handle(pump, Update(RUNNING, Concentration(500), ml(30)))))
    refilled = needled(perform(needled(perform(pump, Withdraw())), Fill(ml(20), Concentration(500))))
    assert name in sounding(refilled)
    assert name in sounding(in_seconds(pump, 30 * DAY_S))
    assert sounding(new_pump(pump.sheet, pump.now)) == []
