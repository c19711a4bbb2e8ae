"""``make benchmarks``: what the speed targets say, measured, as JSON.

The device: pump and catheter through the one loop, a flex program of six steps a day with six refills and six titrations a
year, beside a pump that ticks once a minute. The command: a case of seven years, cold, as a process of its own. The body: a month
of many patients, beside general solvers of the same equations. The rules on a long chart. The bench: sessions with virtual pumps.
Studies: patient-years a second. The clinic: its record and its pages, on both databases.
"""

import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.bench import measure_bench
from benchmarks.body import measure_body
from benchmarks.clinic import measure_clinic
from benchmarks.rules import measure_rules
from benchmarks.study import measure_study
from benchmarks.ticking import MINUTES_A_DAY, TickingPump
from thecal.catheter.geometry import Geometry, catheter_sheet
from thecal.chart.chart import Chart
from thecal.chart.order import FlexDay, OrderFlex, StepDose
from thecal.pump.messages import ChangeGain, Interference, Magnet, Surroundings
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Amount, Concentration, DailyDose, Gain, Length, Volume
from thecal.timeline import DAY_S, Instant
from thecal.twin.action import Action, Implant, Refill, Reprogram
from thecal.twin.run import run
from thecal.twin.trace import Record, Trace
from thecal.twin.world import PlannedFault, World

YEARS = 7
ROUNDS = 15
START = Instant(1_767_603_600)
C500, C1000 = Concentration(500), Concentration(1000)
SHEET = pump_sheet("synchromed-ii-40")


def flex(mcg: int) -> OrderFlex:
    """Six steps of four hours; the night is stronger."""
    parts = [6, 4, 5, 5, 6, 8]
    steps = tuple(StepDose(4 * n * 3600, 4 * (n + 1) * 3600, Amount(part * mcg * 10**6 // 34)) for n, part in enumerate(parts))
    total = sum(step.dose.pg for step in steps)
    return OrderFlex((FlexDay((), DailyDose(total), steps),))


def actions(years: int) -> list[Action]:
    """An implant, and each year six refills and six titrations between them."""
    geometry = Geometry(catheter_sheet("indura-8709sc"), Length(0), "T10", SHEET.tubing_volume)
    made: list[Action] = [Implant(START, SHEET, geometry, 0), Refill(START, Volume(40_000_000), C500, flex(204))]
    for half in range(1, 12 * years):
        at = Instant(START.s + half * 365 * DAY_S // 12)
        order = flex(204 + 34 * (half % 4))
        made.append(Reprogram(at, order) if half % 2 else Refill(at, Volume(40_000_000), C500))
    return made


def course(made: list[Action], record: Record, faults: tuple[PlannedFault, ...] = (), years: int = YEARS) -> Trace:
    """One patient for some years."""

    def source(chart: Chart, _: Instant) -> Action | None:
        return made[chart.acted] if chart.acted < len(made) else None

    world = World(START, gain=Gain(1_025_000), faults=faults)
    return run(world, source, Instant(START.s + years * 365 * DAY_S), record)


def mishaps(years: int) -> tuple[PlannedFault, ...]:
    """Each year: twelve steps of a drifting gain, two fevers, an MRI that stalls the rotor for 40 minutes, interference."""
    planned: list[PlannedFault] = []
    for year in range(years):
        first = START.s + (365 * year + 10) * DAY_S
        planned += [
            PlannedFault(Instant(first + 30 * n * DAY_S), ChangeGain(Gain(1_000_000 + 500 * (12 * year + n)))) for n in range(12)
        ]
        for day in (50, 200):
            planned.append(PlannedFault(Instant(first + day * DAY_S), Surroundings("temperature", Gain(1_010_000))))
            planned.append(PlannedFault(Instant(first + (day + 3) * DAY_S), Surroundings("temperature", Gain(Gain.EXACT))))
        scan = Instant(first + 123 * DAY_S)
        planned.append(PlannedFault(scan, Magnet(Instant(scan.s + 2400), Instant(scan.s + 2400))))
        planned.append(PlannedFault(Instant(scan.s + 5 * DAY_S), Interference()))
    return tuple(sorted(planned, key=lambda fault: fault.at))


def bridged(years: int) -> list[Action]:
    """The course of :func:`actions` on a drifting clock, with a change of concentration and its bridge each year."""
    strength = C500
    made: list[Action] = []
    for number, action in enumerate(actions(years)):
        if isinstance(action, Implant):
            made.append(replace(action, clock_drift_s=2))
        elif isinstance(action, Refill) and number > 1 and number % 12 == 3:
            strength = C1000 if strength == C500 else C500
            made.append(replace(action, concentration=strength, order=flex(204), bridge=True))
        else:
            made.append(replace(action, concentration=strength) if isinstance(action, Refill) else action)
    return made


def timed(call: Callable[[], object]) -> list[float]:
    """Seconds of each round, after one that does not count."""
    call()
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return seconds


def per_year_ms(seconds: list[float], years: int) -> dict[str, float]:
    """Milliseconds a year."""
    return {
        "median": round(statistics.median(seconds) * 1000 / years, 4),
        "min": round(min(seconds) * 1000 / years, 4),
        "max": round(max(seconds) * 1000 / years, 4),
    }


def measure_device() -> dict[str, object]:
    """Milliseconds a patient-year, of ours and of the peer, in turn."""
    made, harder, planned = actions(YEARS), bridged(YEARS), mishaps(YEARS)
    totals = timed(lambda: course(made, Record(keep_rows=False, keep_blocks=False)))
    everything = timed(lambda: course(made, Record()))
    whole = timed(lambda: course(harder, Record(keep_rows=False, keep_blocks=False), planned))
    day = [0.4 + 0.01 * (minute // 240) for minute in range(MINUTES_A_DAY)]
    peer = timed(lambda: TickingPump(day, 40.0, 500.0, 1.025).run(365 * MINUTES_A_DAY))
    trace = course(harder, Record(), planned)
    bridges = sum(event.kind == "bridge bolus ended" for event in trace.events)
    ratio = statistics.median(peer) / (statistics.median(totals) / YEARS)
    return {
        "what": "pump and catheter, flex of 6 steps, 6 refills and 6 titrations a year",
        "target_ms_per_patient_year": 2.0,
        "totals_ms_per_patient_year": per_year_ms(totals, YEARS),
        "everything_recorded_ms_per_patient_year": per_year_ms(everything, YEARS),
        "with_all_of_it_ms_per_patient_year": per_year_ms(whole, YEARS),
        "all_of_it": f"a drifting clock, {bridges} bridges, {len(planned)} mishaps in {YEARS} years",
        "peer_ticking_minutes_ms_per_patient_year": per_year_ms(peer, 1),
        "times_faster_than_peer": round(ratio, 1),
        "ledger_closes": course(made, Record()).balance.closes and trace.balance.closes,
    }


CASE_HEAD = """\
case = 1
title = "Seven years"
timezone = "Europe/Berlin"
until = "2033-01-01 09:00"
[pump]
model = "synchromed-ii-40"
[catheter]
model = "indura-8709sc"
tip_level = "T10"
[world]
gain = "+2.5 %"
[[event]]
at = "2026-01-01 09:00"
kind = "implant"
"""


def seven_year_case() -> str:
    """Six refills and six titrations a year, as a document."""
    events = []
    for number in range(12 * YEARS):
        at = f"{2026 + number // 12}-{number % 12 + 1:02d}-01 10:00"
        dose = 96 + 6 * (number % 12)
        program = f'mode = "flex"\ndaily_total = "{6 * dose // 6} mcg/day"\n' + "steps = [{}]".format(
            ", ".join(f'{{ from = "{4 * n:02d}:00", to = "{4 * n + 4:02d}:00", dose = "{dose // 6} mcg" }}' for n in range(6))
        )
        if number % 2 == 0:
            fill = 'kind = "refill"\nvolume = "40 mL"\nconcentration = "500 mcg/mL"\n[event.program]\n'
            events.append(f'[[event]]\nat = "{at}"\n{fill}{program}\n')
        else:
            events.append(f'[[event]]\nat = "{at}"\nkind = "program"\n{program}\n')
    return CASE_HEAD + "".join(events)


def measure_command() -> dict[str, object]:
    """Wall seconds of the command, cold each time, its peak memory, and a bare interpreter beside it."""
    thecal = Path(sys.executable).with_name("thecal")
    with tempfile.TemporaryDirectory() as folder:
        case = Path(folder) / "seven-years.toml"
        case.write_text(seven_year_case(), encoding="utf-8")
        command = timed(lambda: subprocess.run([str(thecal), "run", str(case)], check=True, stdout=subprocess.DEVNULL))
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    peer = timed(lambda: subprocess.run([sys.executable, "-c", "pass"], check=True))
    return {
        "what": "thecal run on a case of seven years with 84 events, without report files",
        "target_wall_s": 1.5,
        "wall_s": {"median": round(statistics.median(command), 3), "max": round(max(command), 3)},
        "peer_bare_interpreter_wall_s": round(statistics.median(peer), 3),
        "target_peak_mb": 200,
        "peak_mb": round(peak_mb, 1),
    }


def main() -> None:
    """Print everything as one JSON document."""
    document = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "rounds": ROUNDS,
        "device": measure_device(),
        "command": measure_command(),
        "body": measure_body(),
        "rules": measure_rules(),
        "bench": measure_bench(),
        "study": measure_study(),
        "clinic": measure_clinic(),
    }
    print(json.dumps(document, indent=2))


if __name__ == "__main__":
    main()
