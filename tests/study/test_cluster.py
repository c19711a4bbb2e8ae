"""The same tasks on a real Dask cluster of this machine: a scheduler and two workers on free ports, as processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.command import ROOT
from tests.study.fake_trial import FakeTrial, read_trial, run_fake, trial
from thecal.errors import InputError
from thecal.study import cluster as cluster_module
from thecal.study.cluster import Cluster
from thecal.study.folder import StudyFolder
from thecal.study.runner import run_study
from thecal.study.task import DIED, StudyError, Task

PATIENCE_S = 60


@contextmanager
def process(*command: str | Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of a cluster with all that it starts, ended with the block."""
    search = {"PYTHONPATH": os.pathsep.join([environment.pop("first", ""), str(ROOT)]).strip(os.pathsep)}
    settings = {"DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "False", **search, **environment}
    started = subprocess.Popen(
        [sys.executable, "-m", *map(str, command)],
        cwd=ROOT,
        env={**os.environ, **settings},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield started
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.wait()


@contextmanager
def scheduler(folder: Path) -> Iterator[str]:
    """A scheduler on a free port; its address."""
    where = folder / "scheduler.json"
    command = (
        "distributed.cli.dask_scheduler",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
        "--no-dashboard",
        "--scheduler-file",
        where,
    )
    with process(*command, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="0"):
        until = time.monotonic() + PATIENCE_S
        while not where.exists() or not where.read_text():
            assert time.monotonic() < until
            time.sleep(0.05)
        yield json.loads(where.read_text())["address"]


@contextmanager
def workers(address: str, count: int = 1, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Workers of one thread each, with a nanny that starts one anew when it dies; there when the block begins."""
    from distributed import Client

    kind = ("distributed.cli.dask_worker", address, "--nworkers", str(count), "--nthreads", "1", "--no-dashboard")
    open_client: Any = Client  # it has no types
    with open_client(address, set_as_default=False) as client:
        before = len(client.nthreads())
        with process(*kind, "--host", "127.0.0.1", "--memory-limit", "0", **environment) as started:
            client.wait_for_workers(before + count, timeout=PATIENCE_S)
            yield started


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scheduler with two workers."""
    with scheduler(tmp_path_factory.mktemp("cluster")) as there, workers(there, 2):
        yield there


@pytest.fixture(autouse=True)
def own_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers read the small trial's protocol."""
    real: Any = Cluster.__init__
    monkeypatch.setattr(Cluster, "__init__", lambda self, *given: real(self, *given, read=read_trial))


def sums(path: Path) -> dict[int, dict[str, str]]:
    return {note.block: dict(note.sha256) for note in StudyFolder(path).check()}


def run(study: FakeTrial, path: Path, address: str) -> dict[str, object]:
    return run_study(study, path, scheduler=address, run=run_fake)


def test_the_rows_are_those_of_this_machine(address: str, tmp_path: Path) -> None:
    """Every file has the same bytes; the manifest says that a cluster ran it, and the cluster is still there for another."""
    study = trial(patients_note=1)
    run_study(study, tmp_path / "here", workers=1, run=run_fake)
    for name in ("there", "again"):
        manifest = run(study, tmp_path / name, address)
        assert (manifest["scheduler"], manifest["workers"], manifest["failures"]) == ("dask", 2, [])
        assert sums(tmp_path / name) == sums(tmp_path / "here")


@pytest.mark.long
def test_a_patient_who_kills_workers_is_found(address: str, tmp_path: Path) -> None:
    """That patient alone is a failure, and a block that lost its worker once is whole."""
    manifest = run(trial(TEXT_OF_SIX, kills=[3], kills_once=tmp_path / "killed"), tmp_path / "out", address)
    assert (tmp_path / "killed").exists()
    assert manifest["failures"] == [{"patient": 3, "arm": arm, "error": DIED} for arm in ("label", "cautious")]
    assert sum(note.rows["patients"] for note in StudyFolder(tmp_path / "out").notes()) == 2 * 5


TEXT_OF_SIX = 'title = "six"\nseed = 7\npatients = 6\nblock = 2\narms = ["label", "cautious"]\n'


def test_a_block_that_raises_stops_the_study(address: str, tmp_path: Path) -> None:
    """The worker's own words are told."""
    with pytest.raises(StudyError, match=r"block 2 \(patients 9 to 12\)(.|\n)*ZeroDivisionError: a defect"):
        run(trial(defect=10), tmp_path / "out", address)


def test_workers_that_would_make_other_rows(address: str, tmp_path: Path) -> None:
    """Another protocol there, another version there, more threads there: the worker is named before any block is run."""
    with pytest.raises(InputError, match=r"worker: 'tcp://.*reads another protocol \(hash \w+ there, ffff here\)"):
        run(replace(trial(), hash="ffff"), tmp_path / "out", address)
    (tmp_path / "thecal-9.9.dist-info").mkdir()
    (tmp_path / "thecal-9.9.dist-info" / "METADATA").write_text("Name: thecal\nVersion: 9.9\n")
    with workers(address, first=str(tmp_path)):
        problem = rf"worker: 'tcp://.*another version \(thecal 9.9 there, {version('thecal')} here\)"
        with pytest.raises(InputError, match=problem):
            run(trial(), tmp_path / "out", address)
    assert not (tmp_path / "out").exists()


def test_workers_that_may_use_more_threads(address: str, tmp_path: Path) -> None:
    """Their sums could end in other bits."""
    with workers(address, OMP_NUM_THREADS="4"), pytest.raises(InputError, match=r"OMP_NUM_THREADS must be 1"):
        run(trial(), tmp_path / "out", address)


def test_a_cluster_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer, no address, no workers: each says what to do, and leaves no folder."""
    monkeypatch.setattr(cluster_module, "CONNECT_S", 1)
    with pytest.raises(InputError, match=r"tcp://127.0.0.1:1' does not answer within 1 s.*dask scheduler.*--workers"):
        run(trial(), tmp_path / "out", "tcp://127.0.0.1:1")
    with pytest.raises(InputError, match=r"'host:8786' is no address.*tcp://HOST:PORT"):
        run(trial(), tmp_path / "out", "host:8786")
    with pytest.raises(InputError, match="workers of its own"):
        run_study(trial(), tmp_path / "out", scheduler="tcp://127.0.0.1:1", workers=2, run=run_fake)
    monkeypatch.setattr(cluster_module, "CONNECT_S", 10)
    with scheduler(tmp_path) as alone, pytest.raises(InputError, match=r"has no workers.*dask worker tcp://"):
        run(trial(), tmp_path / "out", alone)
    assert not (tmp_path / "out").exists()


def test_a_cluster_that_goes_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last worker is gone for good: it says so instead of waiting, and a task in flight is not lost in silence."""
    monkeypatch.setattr(cluster_module, "_LOOK_S", 0.5)
    with scheduler(tmp_path) as there:
        with workers(there) as worker:
            crew = Cluster(there, trial(each_s=30), run_fake)
            crew.give(Task(0, [1, 2]))
            assert crew.takes(Task(1, [3]))
            assert not crew.takes(Task(1, [3], alone=True))
            os.killpg(worker.pid, signal.SIGKILL)
            with pytest.raises(StudyError, match=r"has no workers any more.*thecal study resume"):
                crew.answers()
        crew.close()
