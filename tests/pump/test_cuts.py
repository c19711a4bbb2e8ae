"""Time cut anywhere: a pump in every mode, under every fault, with every kind of bolus, is the same in the end."""

from collections.abc import Callable

import pytest

from tests.courses import START, disturbed, done, flow, ml, needled, running_pump
from tests.pump.pumps import (
    BRIDGE,
    FLEX,
    HOUR,
    PERIODIC,
    PRIMING,
    SINGLE,
    after,
    check_cuts,
    in_seconds,
    pump_in,
    reading,
    with_patient,
)
from thecal.pump.handle import handle
from thecal.pump.messages import (
    BatteryFilm,
    ChangeGain,
    Event,
    Fill,
    Magnet,
    MemoryCorruption,
    RequestBolus,
    SeptumLeak,
    Stall,
    StartBolus,
    Update,
    Withdraw,
)
from thecal.pump.modes import MODES
from thecal.pump.program import PeriodicBolus
from thecal.pump.reservoir import perform
from thecal.pump.state import PumpState
from thecal.quantity import Concentration, FlowRate, Gain, Volume
from thecal.timeline import DAY_S, Duration, Instant

YEARS = 8 * 366 * DAY_S
ODD = PeriodicBolus(Volume(12_345), Duration(611), Duration(40 * 60), 1234, FlowRate(98_765))


def at(hours: float) -> Instant:
    return Instant(START.s + round(hours * HOUR))


def low(pump: PumpState) -> PumpState:
    """The pump with little left in its count, and less in its reservoir."""
    return done(handle(needled(perform(pump, Withdraw(ml(28)))), Update(reservoir=ml(2.2))))


STORIES: dict[str, Callable[[], PumpState]] = {
    "periodic, odd": lambda: running_pump(ODD, gain=Gain.parse("+2.5 %")),
    "periodic, low": lambda: low(running_pump(PERIODIC)),
    "single over periodic": lambda: done(handle(in_seconds(running_pump(ODD), 1100), StartBolus(SINGLE))),
    "patient over flex, low": lambda: done(handle(with_patient(low(running_pump(FLEX))), RequestBolus())),
    "bridge in an update": lambda: done(handle(running_pump(FLEX), Update(ODD, Concentration(2000), ml(20), bolus=BRIDGE))),
    "prime of a stopped pump": lambda: done(handle(pump_in("stopped"), StartBolus(PRIMING))),
    "stall under a bolus": lambda: disturbed(pump_in("bridge bolus"), Stall(at(5))),
    "stall under periodic": lambda: disturbed(running_pump(ODD), Stall(at(7))),
    "magnet, rotor": lambda: disturbed(running_pump(FLEX, "synchromed-ii-40"), Magnet(at(0.5), at(19))),
    "magnet, open": lambda: disturbed(running_pump(FLEX, "prometra-i-20"), Magnet(at(0.3), None)),
    "magnet, shut": lambda: disturbed(running_pump(FLEX, "prometra-ii-20"), Magnet(at(0.5), None)),
    "leak": lambda: disturbed(low(running_pump(FLEX)), SeptumLeak(flow(0.777))),
    "leak and sensor": lambda: disturbed(running_pump(ODD, "medstream-40"), SeptumLeak(flow(0.777))),
    "film": lambda: disturbed(running_pump(FLEX), BatteryFilm(300_000, Duration(10 * DAY_S))),
    "film and bolus": lambda: disturbed(
        done(handle(running_pump(FLEX), StartBolus(BRIDGE))), BatteryFilm(999_999, Duration(3600))
    ),
    "bad log": lambda: disturbed(running_pump(PERIODIC), MemoryCorruption("log", 1)),
    "bad settings, stopped": lambda: disturbed(
        reading(running_pump(FLEX), safe_state="stopped"), MemoryCorruption("settings", 1)
    ),
    "gain and a new fluid": lambda: disturbed(
        needled(perform(running_pump(FLEX), Fill(ml(3.3), Concentration(2000)))), ChangeGain(Gain.parse("-4.4 %"))
    ),
    "stopped after a bolus": lambda: reading(pump_in("single bolus"), after_single_bolus="stopped"),
}


@pytest.mark.requirement("PMP-30")
@pytest.mark.parametrize("seconds", [2 * HOUR, 9 * DAY_S, YEARS])
@pytest.mark.parametrize("mode", MODES)
def test_a_pump_in_every_mode(mode: str, seconds: int) -> None:
    """Hours, days and all its life: state, events, volumes and amounts."""
    check_cuts(pump_in(mode), seconds, seed=seconds)


@pytest.mark.requirement("PMP-30")
@pytest.mark.parametrize("seconds", [1500, 26 * HOUR, 60 * DAY_S, YEARS])
@pytest.mark.parametrize("story", STORIES)
def test_a_pump_in_every_trouble(story: str, seconds: int) -> None:
    """However short the pieces are, and wherever they end."""
    check_cuts(STORIES[story](), seconds, seed=seconds)


@pytest.mark.requirement("PMP-30")
@pytest.mark.parametrize("story", STORIES)
def test_second_by_second(story: str) -> None:
    """The first half hour in pieces of one second."""
    pump = STORIES[story]()
    whole, events = after(pump, 1800), list[Event]()
    for _ in range(1800):
        passage = after(pump, 1)
        pump, events = passage.state, [*events, *passage.events]
    assert (pump, tuple(events)) == (whole.state, whole.events)
