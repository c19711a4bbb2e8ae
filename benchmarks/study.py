"""Studies: patient-years a second of the full loop on two processes, beside the same blocks on two Dask workers.

    python -m benchmarks.study            a few thousand patients, some half minute
    python -m benchmarks.study 100000     a hundred thousand patients for a year

Full loop: pump, catheter, policy, chance, and the bodies with what is counted of them, from the command to the Parquet files.
"""

import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENTS, WORKERS, BLOCK = 4096, 2, 128
TARGETS = {"patient_years_per_s": 200, "aim": 500, "hundred_thousand_minutes": 9, "peak_mb": 4096, "dask_within": 0.25}
PROTOCOL = """study = 1
title = "Titration by the label for a year"
seed = 1
patients = {patients}
follow_up = "365 days"
block = {block}
endpoints = ["ashworth_change", "dose", "withdrawal", "refills", "unnoticed_hours"]
[world]
missed_refill = "0.05"
[[arm]]
name = "label"
policy = "label"
first_dose = "100 mcg/day"
"""
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_START_S = 60


def measure_study(patients: int = PATIENTS, *, dask: bool = True) -> dict[str, object]:
    """What the command takes on two processes, and on two workers of Dask beside it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _ran(folder, WORKERS * BLOCK, "warm", "--workers", str(WORKERS))  # loops are compiled once on a machine
        pool_s = _ran(folder, patients, "pool", "--workers", str(WORKERS))
        peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        done = [json.loads(line) for line in (folder / "pool" / "blocks.jsonl").read_text(encoding="utf-8").splitlines()]
        size = sum(file.stat().st_size for file in (folder / "pool").rglob("*.parquet"))
        found: dict[str, object] = {
            "what": f"{patients:,} patients for a year, blocks of {BLOCK}, {WORKERS} processes",
            "targets": TARGETS,
            "wall_s": round(pool_s, 1),
            "patient_years_per_s": round(patients / pool_s, 1),
            "largest_process_peak_mb": round(peak_mb),
            "seconds_per_block": round(sum(one.get("seconds", 0.0) for one in done) / len(done), 2),
            "bytes_per_patient_year": round(size / patients),
        }
        if dask:
            with _cluster(folder) as address:
                _ran(folder, WORKERS * BLOCK, "dask-warm", "--scheduler", address)
                dask_s = _ran(folder, patients, "dask", "--scheduler", address)
            found["dask"] = {"wall_s": round(dask_s, 1), "over_pool": round(dask_s / pool_s, 2)}
        return found


def _ran(folder: Path, patients: int, name: str, *options: str) -> float:
    """Wall seconds of ``thecal study run``."""
    protocol = folder / f"{name}.toml"
    protocol.write_text(PROTOCOL.format(patients=patients, block=BLOCK), encoding="utf-8")
    command = [
        str(Path(sys.executable).with_name("thecal")),
        "study",
        "run",
        str(protocol),
        "--out",
        str(folder / name),
        *options,
    ]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


@contextmanager
def _cluster(folder: Path) -> Iterator[str]:
    """A scheduler and two workers of one thread each on this machine, stopped again."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    dask = str(Path(sys.executable).with_name("dask"))
    alone = {**os.environ, **dict.fromkeys(_THREADS, "1")}
    commands = [[dask, "scheduler", "--host", "127.0.0.1", "--port", address.rpartition(":")[2], "--no-dashboard"]]
    commands += [[dask, "worker", address, "--nthreads", "1", "--no-dashboard", "--local-directory", str(folder)]] * WORKERS
    running = [
        subprocess.Popen(command, env=alone, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)
        for command in commands
    ]
    try:
        from distributed import Client  # noqa: PLC0415  # heavy, and only this benchmark needs it

        with Client(address, timeout=_START_S) as client:  # type: ignore[no-untyped-call]
            client.wait_for_workers(WORKERS, timeout=_START_S)
        yield address
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()


if __name__ == "__main__":
    several = int(sys.argv[1]) if len(sys.argv) > 1 else PATIENTS
    print(json.dumps(measure_study(several, dask=several <= PATIENTS), indent=2))
