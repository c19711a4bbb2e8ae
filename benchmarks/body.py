"""The body: patients a second on a month at 15 minutes, beside general solvers of the same equations, and what that costs.

The benchmark problem is that of :mod:`benchmarks.canal`; "our own" is the body as it is used: 40 cells, every parameter varied
that varies in the sheet adult-ms, Ashworth score included. Set-up is in all of it.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks.canal import CELLS, DAYS, FLOWS_MCG_PER_H, HOURS, error, reference
from benchmarks.solvers import RELATIVE, Peer, RoadRunner, cvode, lsoda
from thecal.body.doses import Doses, Infusion
from thecal.body.engine import Engine, NumpyEngine
from thecal.body.patient import PARAMETERS, Patients, typical
from thecal.body.propagate import propagate
from thecal.body.record import Record
from thecal.body.response import Response
from thecal.body.schedule import Grid
from thecal.body.superposition import DayResponse
from thecal.study.population import draw
from thecal.timeline import DAY_S

Floats = NDArray[np.float64]

COUNT, FEW, MANY = 10_000, 512, 100_000
ROUNDS = 7
COMPARED = 3
SEED = 1
LINEAR = ("csf_t12_ng_per_ml", "plasma_ng_per_ml", "legs_ng_per_ml")
GRID = Grid.over(0, DAYS * DAY_S, 900)
SPREAD = {
    "area_scale": 0.27,
    "dispersion_cm2_per_h": 0.37,
    "uptake_per_h": 0.3,
    "ke0_tone_per_h": 0.3,
    "oral_clearance_l_per_h": 0.24,
    "oral_volume_l": 0.22,
}


def schedule(days: int = DAYS) -> Doses:
    """Six steps of four hours a day at T10."""
    ends = tuple(HOURS * 3600 * (n + 1) for n in range(len(FLOWS_MCG_PER_H)))
    return Doses((Infusion(0, days * DAY_S, "T10", np.array(FLOWS_MCG_PER_H), ends),))


def benchmark_patients(count: int) -> Patients:
    """Log-normal about the typical patient."""
    rng = np.random.default_rng(SEED)
    usual = typical()
    return usual.with_values(**{name: usual[name][0] * np.exp(sd * rng.standard_normal(count)) for name, sd in SPREAD.items()})


def own_patients(count: int) -> Patients:
    """A population, as a study draws it."""
    return draw("adult-ms", SEED, range(count))


def on_the_problem(patients: Patients, engine: Engine | None = None) -> Response:
    """The benchmark problem."""
    return propagate(patients, schedule(), Record(GRID, LINEAR), cells=CELLS, engine=engine)


def on_our_own(patients: Patients, engine: Engine | None = None) -> Response:
    """The body as it is used."""
    return propagate(patients, schedule(), Record(GRID, (*LINEAR, "ashworth_legs")), engine=engine)


def rates(call: Callable[[], object], count: int, rounds: int = ROUNDS) -> dict[str, float]:
    """How many of ``count`` a second, after a round that does not count."""
    call()
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        found.append(count / (time.perf_counter() - began))
    return {"median": round(statistics.median(found), 1), "min": round(min(found), 1), "max": round(max(found), 1)}


def measure_peers(ours_per_s: float) -> dict[str, object]:
    """Each peer on a few of the very patients, and how far each is from the reference."""
    patients = benchmark_patients(COMPARED)
    each = [{name: float(patients[name][n]) for name in PARAMETERS} for n in range(COMPARED)]
    expected = [reference(patient) for patient in each]
    peers: dict[str, Peer] = {"scipy LSODA": lsoda, "scikit-sundae CVODE": cvode, "libroadrunner": RoadRunner()}
    found: dict[str, object] = {"relative_tolerance": RELATIVE, "cores": 1}
    for name, peer in peers.items():
        peer(each[0])
        began = time.perf_counter()
        results = [peer(patient) for patient in each]
        a_second = COMPARED / (time.perf_counter() - began)
        worst = max(error(one, there) for one, there in zip(results, expected, strict=True))
        found[name] = {
            "patients_per_s": round(a_second, 2),
            "times_faster_than_it": round(ours_per_s / a_second),
            "error": float(f"{worst:.2g}"),
        }
    return found


def our_error(engine: Engine | None, batch: int) -> float:
    """Against the reference, of the first few of a batch."""
    patients = benchmark_patients(COMPARED)
    values = on_the_problem(patients.take(np.arange(batch) % COMPARED), engine).values
    worst = 0.0
    for n in range(COMPARED):
        expected = reference({name: float(patients[name][n]) for name in PARAMETERS})
        worst = max(worst, error(np.stack([values[name][n] for name in LINEAR]), expected))
    return float(f"{worst:.2g}")


def measure_problem() -> dict[str, object]:
    """The benchmark problem, and the peers on it."""
    patients, several = benchmark_patients(COUNT), numba.get_num_threads()
    ours = rates(lambda: on_the_problem(patients), COUNT)
    numba.set_num_threads(1)
    on_one_core = rates(lambda: on_the_problem(patients), COUNT, 3)
    numba.set_num_threads(several)
    return {
        "what": f"{CELLS + 1} segments, plasma and effect site, 6 steps a day, {DAYS} days at 15 min, log-normal, full output",
        "target_patients_per_s": 30_000,
        "patients_per_s": ours,
        "patients_per_s_on_one_core": on_one_core["median"],
        "target_error": 1e-11,
        "error": our_error(None, COUNT),
        "error_numpy_only": our_error(NumpyEngine(), COMPARED),
        "peers": measure_peers(ours["median"]),
    }


def measure_own() -> dict[str, object]:
    """Our own body."""
    patients = own_patients(COUNT)
    return {
        "what": "40 cells, adult-ms population, the same month; CSF level, plasma, legs and Ashworth score, full output",
        "target_patients_per_s": 8000,
        "patients_per_s": rates(lambda: on_our_own(patients), COUNT),
    }


def measure_superposition() -> dict[str, object]:
    """Candidate schedules of 24 hourly steps, each to its steady day at 24 instants."""
    response = DayResponse.of(typical(), "T10", "legs_ng_per_ml")
    candidates = np.random.default_rng(SEED).exponential(5.0, (1_000_000, 24))
    out = np.empty_like(candidates)
    began = time.perf_counter()
    DayResponse.of(typical(), "T10", "legs_ng_per_ml")
    return {
        "what": "24 hourly doses to the steady day at 24 instants, one patient",
        "target_schedules_per_s": 10_000_000,
        "schedules_per_s": rates(lambda: response.under(candidates, out), len(candidates)),
        "matrix_ms": round((time.perf_counter() - began) * 1000, 1),
    }


SUMMARY = """
import resource, time
from benchmarks.body import GRID, LINEAR, MANY, own_patients, schedule
from thecal.body.propagate import propagate
from thecal.body.record import Record, Watch
patients = own_patients(1000).take([n % 1000 for n in range(MANY)])
record = Record(GRID, (*LINEAR, "ashworth_legs"), summarize=True, watch=(Watch("ashworth_legs", 2.0),))
began = time.perf_counter()
propagate(patients, schedule(), record)
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
NUMPY_ONLY = """
from benchmarks.body import FEW, benchmark_patients, on_our_own, on_the_problem, own_patients, rates
from thecal.body.engine import NumpyEngine
patients, own = benchmark_patients(FEW), own_patients(FEW)
print(rates(lambda: on_the_problem(patients, NumpyEngine()), FEW, 5)["median"])
print(rates(lambda: on_our_own(own, NumpyEngine()), FEW, 5)["median"])
"""
FIRST_USE = """
import time
from benchmarks.body import COUNT, on_our_own, own_patients
patients = own_patients(1000)
began = time.perf_counter()
on_our_own(patients)
first = time.perf_counter() - began
began = time.perf_counter()
on_our_own(patients)
print(first - (time.perf_counter() - began))
"""
FIVE_YEARS = """
import numpy as np
from thecal.body.doses import Doses, Infusion
from thecal.body.patient import typical
from thecal.body.propagate import propagate
from thecal.body.record import Record
from thecal.body.schedule import Grid
day, ends = 86400, tuple(14400 * n for n in range(1, 7))
rates = np.array([9.0, 6, 7.5, 7.5, 9, 12])
doses = Doses(tuple(Infusion(30 * n * day, 30 * (n + 1) * day, "T10", rates * (1 + 0.01 * (n % 12)), ends) for n in range(61)))
channels = ("csf_t12_ng_per_ml", "plasma_ng_per_ml", "legs_ng_per_ml", "ashworth_legs", "tolerance")
propagate(typical(), doses, Record(Grid.over(0, 61 * 30 * day, 900), channels))
"""


def alone(code: str, **environment: str) -> list[float]:
    """The numbers that a process of its own prints."""
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **environment})
    return [float(word) for word in printed.stdout.split()]


def measure_processes() -> dict[str, object]:
    """What needs a process of its own: memory, the first use of compiled loops, one patient cold."""
    seconds, peak_mb = alone(SUMMARY)
    problem, own = alone(NUMPY_ONLY, OPENBLAS_NUM_THREADS="1")  # more only wait for each other on matrices this small
    (kept,) = alone(FIRST_USE)
    cold = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        alone(FIVE_YEARS)
        cold.append(time.perf_counter() - began)
    return {
        "summary_of_100000": {"target_peak_mb": 2000, "peak_mb": round(peak_mb, 1), "patients_per_s": round(MANY / seconds)},
        "numpy_only_on_one_core_patients_per_s": {"problem": problem, "own": own},
        "compiled_loops_first_use_s": {"kept_on_disk": round(kept, 2), "compiled_anew": round(compiled_anew(), 2)},
        "five_years_of_one_patient_cold_wall_s": {"median": round(statistics.median(cold), 3), "max": round(max(cold), 3)},
    }


def compiled_anew() -> float:
    """Seconds to compile, where nothing is kept yet."""
    with tempfile.TemporaryDirectory() as folder:
        (seconds,) = alone(FIRST_USE, NUMBA_CACHE_DIR=folder)
    return seconds


def measure_body() -> dict[str, object]:
    """Everything about the body."""
    return {
        "cores": os.cpu_count(),
        "load_at_start": round(os.getloadavg()[0], 2),
        "problem": measure_problem(),
        "own": measure_own(),
        "superposition": measure_superposition(),
        "processes": measure_processes(),
    }
