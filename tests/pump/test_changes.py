"""The second table of modes: every way from one to another is taken by some pump, and none is idle."""

from dataclasses import replace

import pytest

from tests.courses import START, Bench, Operation, Wait, flow, ml, new_bench, run_course
from thecal.pump.memory import digest
from thecal.pump.messages import (
    BeginUpdate,
    CancelBolus,
    Commit,
    Fill,
    Interference,
    Interrogate,
    LowBattery,
    MemoryCorruption,
    RequestBolus,
    SetClock,
    Stage,
    StartBolus,
    Update,
    Withdraw,
)
from thecal.pump.modes import CHANGES, GROUPS, MODES, members
from thecal.pump.program import (
    BridgeBolus,
    PatientBolus,
    PeriodicBolus,
    PrimingBolus,
    SimpleContinuous,
    SingleBolus,
    Stopped,
)
from thecal.pump.sheet import PumpSheet, pump_sheet
from thecal.quantity import Concentration
from thecal.timeline import DAY_S, Duration

REFERENCE = pump_sheet("reference-40")
CANCELS = replace(REFERENCE, update_during_bolus="cancels")
C500 = Concentration(500)
PLAIN = SimpleContinuous(flow(0.2))
NOON = PeriodicBolus(ml(0.05), Duration(600), Duration(DAY_S), 12 * 3600, flow(0.1))  # three hours after START
SINGLE = StartBolus(SingleBolus(ml(0.1), Duration(600)))
PRIME, BRIDGE = PrimingBolus(ml(0.3), Duration(1800)), BridgeBolus(ml(0.3), flow(0.5))
ALARM, LOWER = Update(low_reservoir=ml(35)), Update(low_reservoir=ml(3))
RENEWED = Update(SimpleContinuous(flow(0.3)))
IN_BOLUS = Wait(3 * 3600 + 60)
SEVEN_YEARS = Wait(7 * 366 * DAY_S)
COURSES: list[tuple[PumpSheet, list[Operation]]] = [
    (REFERENCE, [SINGLE, Wait(600), SINGLE, CancelBolus(), SINGLE, Update(Stopped()), StartBolus(PRIME)]),
    (REFERENCE, [StartBolus(BRIDGE), Interference()]),
    (REFERENCE, [Update(patient=PatientBolus(ml(0.1), Duration(600), Duration(3600), 4)), RequestBolus()]),
    (REFERENCE, [StartBolus(PRIME), LowBattery(), BeginUpdate(), Update(low_reservoir=ml(3))]),
    (REFERENCE, [SINGLE, MemoryCorruption("settings", 1), Update(PLAIN, C500)]),
    (REFERENCE, [Update(PLAIN, bolus=BRIDGE)]),
    (REFERENCE, [LowBattery(), Update(PLAIN, C500, bolus=PRIME)]),
    (REFERENCE, [MemoryCorruption("settings", 9), SEVEN_YEARS]),
    (REFERENCE, [BeginUpdate(), Update(PLAIN)]),
    (REFERENCE, [BeginUpdate(), Update(PLAIN, bolus=PRIME)]),
    (REFERENCE, [BeginUpdate(), LowBattery()]),
    (REFERENCE, [BeginUpdate(), MemoryCorruption("settings", 3)]),
    (REFERENCE, [BeginUpdate(), SEVEN_YEARS]),
    (REFERENCE, [Update(NOON), IN_BOLUS, Wait(600)]),
    (REFERENCE, [Update(NOON), IN_BOLUS, CancelBolus()]),
    (REFERENCE, [Update(NOON), SetClock(3 * 3600)]),
    (REFERENCE, [Update(NOON), IN_BOLUS, SetClock(3600)]),
    (REFERENCE, [BeginUpdate(), Stage(RENEWED), Commit(digest(RENEWED))]),
    (REFERENCE, [BeginUpdate(), Stage(SINGLE), Commit(digest(SINGLE))]),
    (REFERENCE, [LowBattery(), BeginUpdate(), Stage(LOWER), Commit(digest(LOWER))]),
    (REFERENCE, [BeginUpdate(), Wait(600), LowBattery(), BeginUpdate(), Wait(600)]),
    (CANCELS, [SINGLE, Update(PLAIN, bolus=PRIME), BeginUpdate(), Update(low_reservoir=ml(3)), BeginUpdate(), Wait(600)]),
    (REFERENCE, [Wait(2555 * DAY_S), Update(reservoir=ml(40)), StartBolus(BridgeBolus(ml(0.3), flow(0.06))), Wait(2 * DAY_S)]),
    (REFERENCE, [SEVEN_YEARS]),
]
SYNCHROMED = pump_sheet("synchromed-ii-40")
COURSES += [
    (SYNCHROMED, [ALARM, Interference(), Interrogate()]),
    (SYNCHROMED, [ALARM, SINGLE, Interference(), SEVEN_YEARS]),
    (SYNCHROMED, [ALARM, BeginUpdate(), Interference(), LowBattery()]),
    (SYNCHROMED, [ALARM, Interference(), MemoryCorruption("settings", 3)]),
    (SYNCHROMED, [ALARM, LowBattery(), Interference(), Interrogate()]),
    (pump_sheet("medstream-40"), [Update(NOON), IN_BOLUS, Withdraw()]),
]


def taken() -> set[tuple[str, str, str]]:
    """Every change of mode that the courses above make."""
    seen: set[tuple[str, str, str]] = set()
    for sheet, operations in COURSES:
        bench: Bench = run_course(new_bench(sheet, START), [Fill(ml(30), C500), Update(PLAIN, C500, ml(30))])
        for operation in operations:
            after = bench.do(operation)
            cause = "time" if isinstance(operation, Wait) else getattr(operation, "name", "")
            seen.add((bench.pump.mode, cause, after.pump.mode))
            bench = after
    return seen


@pytest.mark.requirement("PMP-27")
def test_no_row_of_the_table_is_idle() -> None:
    """Each row happens in at least one of its forms."""
    seen = taken()
    idle = [row for row in CHANGES if not {(a, row[1], b) for a in members(row[0]) for b in members(row[2])} & seen]
    assert idle == []


def test_groups_are_of_modes() -> None:
    """No group names a mode that there is not."""
    assert {mode for group in GROUPS.values() for mode in group} <= set(MODES)
    assert {name for source, _, target in CHANGES for name in (source, target)} <= {*GROUPS, *MODES}
