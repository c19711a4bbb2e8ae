"""What a generic infusion pump is asked for, of this pump: boluses over a program, a stop, what is kept, and errors."""

from collections.abc import Callable
from fractions import Fraction
from math import floor

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.courses import ODD_FLOWS, PROGRAMS, START, disturbed, done, flex_days, flow, ml, refused, running_pump
from tests.pump.pumps import (
    BOLUSES,
    HOUR,
    PATIENT,
    PERIODIC,
    RUNNING,
    after,
    in_seconds,
    pump_in,
    reading,
    reported,
    sounding,
    told,
    with_patient,
)
from tests.pump.pumps import given as given_nl
from thecal.errors import Refusal
from thecal.pump.alarms import ALARMS
from thecal.pump.faults import check_fault
from thecal.pump.handle import handle
from thecal.pump.messages import (
    BeginUpdate,
    CancelBolus,
    ChangeGain,
    Fault,
    Interference,
    Interrogate,
    LowBattery,
    Magnet,
    MemoryCorruption,
    RequestBolus,
    Resistance,
    SensorError,
    SeptumLeak,
    SetClock,
    Stage,
    Stall,
    StartBolus,
    Surroundings,
    TestAlarm,
    Update,
)
from thecal.pump.program import (
    BridgeBolus,
    Flex,
    PatientBolus,
    PrimingBolus,
    Program,
    SimpleContinuous,
    SingleBolus,
    Stopped,
)
from thecal.pump.sheet import pump_sheet
from thecal.pump.state import PumpState
from thecal.quantity import Concentration, FlowRate, Gain, Volume
from thecal.timeline import DAY_S, Duration, Instant

KINDS = ("single bolus", "patient bolus", "priming bolus", "bridge bolus")
DOSES: st.SearchStrategy[Program] = st.one_of(
    ODD_FLOWS.map(lambda nl_per_day: SimpleContinuous(FlowRate(nl_per_day))),
    flex_days(ODD_FLOWS).map(lambda day: Flex((day,))),
    st.lists(flex_days(ODD_FLOWS), min_size=7, max_size=7).map(lambda days: Flex(tuple(days))),
)
C500 = Concentration(500)
FASTER = Update(SimpleContinuous(flow(1)), C500)


def with_bolus(pump: PumpState, kind: str) -> PumpState:
    """The pump with a bolus of that kind begun."""
    return done(handle(pump, RequestBolus() if kind == "patient bolus" else StartBolus(BOLUSES[kind])))


@pytest.mark.requirement("PMP-80")
@pytest.mark.parametrize("sheet", ["reference-40", "synchromed-ii-40"])
@given(PROGRAMS | st.just(PERIODIC), st.integers(0, 2 * DAY_S), st.booleans(), st.integers(0, DAY_S))
def test_what_runs_goes_on_while_the_next_is_written(
    sheet: str, program: Program, begun_s: int, staged: bool, seconds: int
) -> None:
    """Begun, staged and left alone, to the nanolitre as if nobody had; where the sheet says that it stops, nothing flows."""
    pump = in_seconds(running_pump(program, sheet), begun_s)
    under = done(handle(pump, BeginUpdate()))
    if staged:
        under = done(handle(under, Stage(FASTER)))
    assert given_nl(under, seconds) == (0 if sheet == "synchromed-ii-40" else given_nl(pump, seconds))
    assert under.memory.settings == pump.memory.settings


@pytest.mark.requirement("PMP-81")
@pytest.mark.parametrize("kind", KINDS)
@given(DOSES, st.integers(0, 2 * DAY_S), st.none() | st.integers(1, 599), st.integers(0, 2 * DAY_S))
def test_a_bolus_leaves_the_program_as_it_was(kind: str, program: Program, start_s: int, cut_s: int | None, beyond: int) -> None:
    """Ended or cancelled: the same settings, and from that second on the flow that would have been without it."""
    pump = with_patient(in_seconds(running_pump(program), start_s))
    begun = with_bolus(pump, kind)
    assert begun.memory.bolus is not None
    lasts_s = cut_s or begun.memory.bolus.end.s - begun.now.s
    over, without = in_seconds(begun, lasts_s), in_seconds(pump, lasts_s)
    over = done(handle(over, CancelBolus())) if cut_s else over
    assert (over.mode, over.memory.settings) == (without.mode, pump.memory.settings)
    assert abs(given_nl(over, beyond) - given_nl(without, beyond)) <= 1  # the remainder below a nanolitre is another one


def evenly(kind: str, volume: int, seconds: int) -> SingleBolus | PatientBolus | PrimingBolus:
    lasts = Duration(seconds)
    if kind == "patient bolus":
        return PatientBolus(Volume(volume), lasts, lasts, 1)
    return (SingleBolus if kind == "single bolus" else PrimingBolus)(Volume(volume), lasts)


@pytest.mark.requirement("PMP-82")
@pytest.mark.parametrize("kind", ["single bolus", "patient bolus", "priming bolus"])
@given(ODD_FLOWS, st.integers(1, 400_000), st.integers(60, DAY_S), st.data())
def test_a_bolus_is_spread_evenly_over_its_time(kind: str, basal: int, volume: int, seconds: int, data: st.DataObject) -> None:
    """At any second the part of its volume that its time is of the whole, on top of the basal flow where that goes on."""
    bolus, pump = evenly(kind, volume, seconds), running_pump(SimpleContinuous(FlowRate(basal)))
    if isinstance(bolus, PatientBolus):
        programmed = handle(pump, Update(patient=bolus))
        assume(not isinstance(programmed, Refusal))
        begun = handle(done(programmed), RequestBolus())
    else:
        begun = handle(pump, StartBolus(bolus))
    assume(not isinstance(begun, Refusal))
    second = data.draw(st.integers(0, seconds))
    at = in_seconds(done(begun), second)
    under = 0 if kind == "priming bolus" else Fraction(basal * second, DAY_S)
    assert 30_000_000 - at.usable_nl == floor(under + Fraction(volume * second, seconds))
    assert reported(at).bolus_left == Volume(volume - volume * second // seconds)


@pytest.mark.requirement("PMP-83")
@given(
    st.lists(
        st.tuples(ODD_FLOWS, st.integers(1, 100_000), st.integers(0, 600), st.integers(0, 2 * DAY_S)), min_size=1, max_size=5
    )
)
def test_what_is_left_is_known_before_at_and_after_every_change(course: list[tuple[int, int, int, int]]) -> None:
    """As a new program and a bolus begin, within the bolus and later: the volume typed in less what was programmed since."""
    pump, programmed = running_pump(RUNNING), Fraction(0)
    for basal, volume, within_s, beyond_s in course:
        pump = done(handle(pump, Update(SimpleContinuous(FlowRate(basal)))))
        assert reported(pump).calculated == Volume(30_000_000 - floor(programmed))
        pump = done(handle(pump, StartBolus(SingleBolus(Volume(volume), Duration(600)))))
        assert reported(pump).calculated == Volume(30_000_000 - floor(programmed))
        part = programmed + Fraction(basal * within_s, DAY_S) + Fraction(volume * within_s, 600)
        assert reported(in_seconds(pump, within_s)).calculated == Volume(30_000_000 - floor(part))
        pump = in_seconds(pump, 600 + beyond_s)
        programmed += volume + Fraction(basal * (600 + beyond_s), DAY_S)
        assert reported(pump).calculated == Volume(30_000_000 - floor(programmed))


STOPS: dict[str, Callable[[PumpState], PumpState]] = {
    "ordered": lambda pump: done(handle(pump, Update(Stopped()))),
    "an update that was begun": lambda pump: done(handle(pump, BeginUpdate())),
    "a stall": lambda pump: disturbed(pump, Stall(Instant(pump.now.s + HOUR))),
    "a low-battery reset": lambda pump: disturbed(reading(pump, safe_state="stopped"), LowBattery()),
    "interference under an alarm": lambda pump: disturbed(
        done(handle(pump, Update(low_reservoir=pump.sheet.reservoir_capacity))), Interference()
    ),
}


@pytest.mark.requirement("PMP-84")
@pytest.mark.parametrize("why", STOPS)
@given(ODD_FLOWS, st.integers(0, DAY_S), st.integers(1, HOUR), st.integers(0, DAY_S))
def test_a_stop_is_at_its_second_and_costs_nothing(why: str, rate: int, before: int, pause: int, beyond: int) -> None:
    """From that second nothing flows; restarted, the two parts add up to the exact whole: no rest is given, none is lost."""
    program = SimpleContinuous(FlowRate(rate))
    pump = in_seconds(running_pump(program, "synchromed-ii-40"), before)
    stopped = STOPS[why](pump)
    assert stopped.usable_nl == pump.usable_nl
    pause = HOUR if why == "a stall" else pause
    assert given_nl(stopped, pause) == 0
    again = done(handle(in_seconds(stopped, pause), Interrogate()))
    if why != "a stall":  # that ends by itself
        again = done(handle(again, Update(program, C500)))
    assert 30_000_000 - in_seconds(again, beyond).usable_nl == rate * (before + beyond) // DAY_S


KEEPING: st.SearchStrategy[Fault] = st.one_of(
    st.integers(700_000, 1_300_000).map(lambda ppm: ChangeGain(Gain(ppm))),
    st.integers(0, 1_000_000).map(Resistance),
    st.integers(0, 2000).map(lambda bit: MemoryCorruption("log", bit)),
    st.integers(1, 10**6).map(lambda nl_per_day: SeptumLeak(FlowRate(nl_per_day))),
    st.just(Stall(None)),
    st.just(Interference()),
)


@pytest.mark.requirement("PMP-85")
@given(
    st.sampled_from(["reference-40", "synchromed-ii-40", "prometra-ii-40"]),
    PROGRAMS | st.just(PERIODIC),
    st.integers(-14 * HOUR, 14 * HOUR),
    st.integers(0, 5_000_000),
    st.lists(st.tuples(st.integers(0, 100 * DAY_S), st.none() | KEEPING), max_size=4),
)
def test_what_was_written_stays_written(
    sheet: str, program: Program, offset_s: int, low_nl: int, course: list[tuple[int, Fault | None]]
) -> None:
    """Time, questions, an empty reservoir and every fault that loses no settings leave each of them as it was written."""
    pump = done(handle(running_pump(program, sheet), Update(low_reservoir=Volume(low_nl), patient=PATIENT)))
    pump = done(handle(pump, SetClock(offset_s)))
    for seconds, fault in course:
        pump = in_seconds(pump, seconds)
        if fault is not None and check_fault(fault, pump.sheet) is None:
            pump = disturbed(pump, fault)
        pump = done(handle(done(handle(pump, Interrogate())), TestAlarm("critical")))
    kept = pump.memory.settings
    assert (kept.program, kept.patient, kept.concentration) == (program, PATIENT, C500)
    assert (kept.low_reservoir_nl, kept.clock.offset_s) == (low_nl, offset_s)


SINGLE_FAULTS: dict[str, Fault | None] = {
    "none": None,
    "slow": ChangeGain(Gain(1)),
    "fast": ChangeGain(Gain(9_000_000)),
    "cold": Surroundings("temperature", Gain(900_000)),
    "pressure": Surroundings("pressure", Gain(900_000)),
    "occluded": Resistance(0),
    "stall": Stall(Instant(START.s + DAY_S)),
    "magnet": Magnet(Instant(START.s + DAY_S), Instant(START.s + DAY_S + HOUR)),
    "interference": Interference(),
    "low battery": LowBattery(),
    "settings": MemoryCorruption("settings", 3),
    "log": MemoryCorruption("log", 3),
    "leak": SeptumLeak(flow(0.3)),
    "sensor": SensorError(-10_000_000),
}


@pytest.mark.requirement("PMP-86")
@pytest.mark.parametrize(
    ("sheet", "fault"),
    [
        (sheet, name)
        for sheet in ("reference-40", "prometra-ii-40", "medstream-40")
        for name, fault in SINGLE_FAULTS.items()
        if fault is None or check_fault(fault, pump_sheet(sheet)) is None
    ],
)
@settings(max_examples=15)
@given(PROGRAMS | st.just(PERIODIC), st.lists(st.integers(0, 200 * DAY_S), min_size=1, max_size=6))
def test_nothing_is_drawn_in(sheet: str, fault: str, program: Program, seconds: list[int]) -> None:
    """With no fault and with any single one: no flow is below zero, and the reservoir never gains by itself."""
    pump, found = running_pump(program, sheet), SINGLE_FAULTS[fault]
    pump = pump if found is None else disturbed(pump, found)
    left = [in_seconds(pump, second).usable_nl for second in [0, *sorted(seconds)]]
    assert left == sorted(left, reverse=True)
    for block in after(pump, max(seconds)).blocks:
        assert min(block.pattern.rates) >= 0
        assert block.volume_nl >= 0


HOURLY: dict[str, SingleBolus | PatientBolus | PrimingBolus | BridgeBolus] = {
    "single bolus": SingleBolus(ml(0.1), Duration(HOUR)),
    "patient bolus": PatientBolus(ml(0.02), Duration(HOUR), Duration(2 * HOUR), 3),
    "priming bolus": PrimingBolus(ml(0.2), Duration(HOUR)),
    "bridge bolus": BridgeBolus(ml(0.336), flow(0.4)),
}
ERRORS: dict[str, tuple[int, Fault | None]] = {
    "end of service": (1800, None),
    "motor stall": (1200, Stall(None)),
    "low battery reset": (300, LowBattery()),
    "critical memory error": (300, MemoryCorruption("settings", 7)),
}
"""How far into the bolus each error alarm begins, and the fault behind it."""


def near_its_end(seconds: int) -> PumpState:
    """A pump so many seconds before the end of its service, with a volume typed in."""
    pump = in_seconds(running_pump(RUNNING), 2400 * DAY_S)
    ends = pump.mechanics.battery.end_of_service(pump.sheet) or pump.mechanics.battery.eri_at_latest(pump.sheet)
    assert ends is not None
    pump = in_seconds(pump, ends.s - pump.now.s)
    ends = pump.mechanics.battery.end_of_service(pump.sheet)
    assert ends is not None
    return done(handle(in_seconds(pump, ends.s - pump.now.s - seconds), Update(reservoir=ml(40))))


@pytest.mark.requirement("PMP-87")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("error", ERRORS)
def test_an_error_ends_the_bolus_that_runs(error: str, kind: str) -> None:
    """At the second of the alarm, which has its name; told with what was given of it; and nothing of the rest comes later."""
    assert set(ERRORS) == {alarm.name for alarm in ALARMS if alarm.error}
    seconds, fault = ERRORS[error]
    pump = near_its_end(seconds) if error == "end of service" else running_pump(RUNNING)
    bolus = HOURLY[kind]
    if isinstance(bolus, PatientBolus):
        begun = done(handle(with_patient(pump, bolus), RequestBolus()))
    else:
        begun = done(handle(pump, StartBolus(bolus)))
    if isinstance(fault, Stall):  # it is noticed later
        begun, fault = disturbed(begun, fault), None
    assert in_seconds(begun, seconds - 1).mode == kind
    at = in_seconds(begun, seconds)
    at = at if fault is None else disturbed(at, fault)
    part = 400_000 * seconds // DAY_S if isinstance(bolus, BridgeBolus) else bolus.volume.nl * seconds // HOUR
    cut, alarm = at.memory.signals.log[-2:]
    name = "bolus" if kind == "single bolus" else kind
    assert told([cut, alarm], begun.now) == [(f"{name} cut short", seconds), (f"{error} alarm", seconds)]
    assert cut.text.startswith(f"{Volume(part)} of {bolus.volume} programmed")
    assert error in reported(at).alarms
    assert (at.memory.bolus, reported(at).bolus_left) == (None, Volume(0))
    assert not [event for event in after(at, DAY_S).events if name in event.kind]


@pytest.mark.requirement("PMP-88")
@pytest.mark.parametrize("safe_state", ["minimum rate", "stopped"])
@pytest.mark.parametrize(
    "mode", ["stopped", "minimum rate", "simple continuous", "flex", "between periodic boluses", "updating", *KINDS]
)
def test_a_pump_whose_supply_dips_waits_in_its_safe_state_for_a_program(mode: str, safe_state: str) -> None:
    """From that second its data sheet's flow and the alarm, for days; no bolus; and only a program with its strength ends it."""
    pump = disturbed(reading(pump_in(mode), safe_state=safe_state), LowBattery())
    flows = {"minimum rate": 6_000, "stopped": 0}[safe_state]
    for later in (pump, in_seconds(pump, 5 * DAY_S)):
        assert later.mode == "safe state"
        assert given_nl(later, DAY_S) == flows
        assert "low battery reset" in sounding(later)
        assert {refused(handle(later, StartBolus(bolus))).rule for bolus in BOLUSES.values()} == {"PMP-05"}
        assert refused(handle(later, RequestBolus())).rule == "PMP-05"
        assert refused(handle(later, Update(RUNNING))).rule == "PMP-11"
        assert done(handle(later, Update(low_reservoir=ml(1)))).mode == "safe state"
        again = done(handle(later, Update(RUNNING, C500)))
        assert (again.mode, sounding(again)) == ("simple continuous", [])
        assert given_nl(again, DAY_S) == 200_000
