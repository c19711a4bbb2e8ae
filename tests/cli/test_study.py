"""thecal study run, resume and query: what they say, their exit codes, and what a signal or a full disk leaves."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.command import ROOT, inside
from tests.study.fake_command import fake_modules
from tests.study.fake_trial import trial
from tests.study.test_runner import sums

Call = Callable[..., subprocess.CompletedProcess[str]]
COMMAND = [sys.executable, "-m", "tests.study.fake_command"]


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Call:
    """thecal study within this process, with the small trial in place of thecal's own."""
    for name, module in fake_modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    return lambda *arguments: inside("study", *arguments)


def protocol(folder: Path, **behavior: Any) -> Path:
    path = folder / "doses.toml"
    path.write_text(trial(**behavior).text)
    return path


def begun(*arguments: str | Path) -> subprocess.Popen[str]:
    """thecal study as a process at the head of a group, as a shell starts one."""
    command = [*COMMAND, "study", *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


@contextmanager
def after_a_block(*arguments: str | Path, out: Path) -> Iterator[subprocess.Popen[str]]:
    """A study that has finished a block and has others to do."""
    process = begun("run", *arguments, "--out", out)
    until = time.monotonic() + 30
    try:
        while not (out / "blocks.jsonl").exists():
            assert time.monotonic() < until
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that was run undisturbed."""
    folder = tmp_path_factory.mktemp("study")
    process = begun("run", protocol(folder), "--out", folder / "whole", "--workers", "2")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (
        0,
        f"{folder / 'whole'}: 23 patients in 2 arms, 6 blocks. Next: thecal study report {folder / 'whole'}\n",
    )
    first, *lines = err.splitlines()
    assert first == "0 of 6 blocks"
    assert len(lines) == 6
    assert all(re.fullmatch(rf"{at} of 6 blocks, [\d,]+ patient-years/s", line) for at, line in enumerate(lines, 1))
    return folder / "whole"


def test_a_run_and_a_question(whole: Path, study: Call) -> None:
    """A table that lines up, the number of rows, and the same as JSON."""
    sql = "SELECT arm, count(*) AS patients, NULL AS gap, true AS sure FROM patients GROUP BY arm ORDER BY arm"
    result = study("query", whole, sql)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "arm       patients  gap  sure",
        "cautious        23    -  yes",
        "label           23    -  yes",
        "2 rows",
    ]
    data = json.loads(study("query", whole, sql, "--json").stdout)
    assert data["found"] == [{"arm": arm, "patients": 23, "gap": None, "sure": True} for arm in ("cautious", "label")]
    assert (data["rows"], data["shown"]) == (2, 2)


def test_many_rows(whole: Path, study: Call) -> None:
    """A thousand are shown and the rest counted; all with --all."""
    sql = "SELECT a.patient FROM visits a, visits b"
    lines = study("query", whole, sql).stdout.splitlines()
    assert (len(lines), lines[-1]) == (1 + 1000 + 1, "19,044 rows, 1,000 of them shown: --all shows them all")
    assert len(study("query", whole, sql, "--all").stdout.splitlines()) == 1 + 19_044 + 1


def test_numbers_that_json_has_not(whole: Path, study: Call) -> None:
    """No number, no end, and what is no plain value, are told in ways that every reader of JSON knows."""
    floats = "'nan'::DOUBLE AS gap, '-inf'::DOUBLE AS least"
    sql = f"SELECT {floats}, DATE '2026-01-02' AS begun, [1, 2] AS pair, 1.5::DECIMAL(4, 2) AS part"
    (row,) = json.loads(study("query", whole, sql, "--json").stdout)["found"]
    assert row == {"gap": None, "least": None, "begun": "2026-01-02", "pair": [1, 2], "part": "1.50"}


def test_a_wrong_question(whole: Path, study: Call) -> None:
    """It is bad input, with the columns that there are."""
    result = study("query", whole, "SELECT shoe_size FROM patients")
    assert (result.returncode, result.stdout) == (2, "")
    assert 'Referenced column "shoe_size" not found' in result.stderr
    assert "Traceback" not in result.stderr


def test_failures(study: Call, tmp_path: Path) -> None:
    """Exit code 1, a line and a command for each, which tells why; the others are kept."""
    file = protocol(tmp_path, raises=[17])
    result = study("run", file, "--out", tmp_path / "out", "--workers", 1)
    assert result.returncode == 1
    assert "patient 17, arm label: ValueError: no such dose" in result.stderr
    assert "thecal: 2 failures; all others are kept." in result.stderr
    assert f"thecal study run {file} --patient 17 --arm label" in result.stderr
    alone = study("run", file, "--patient", 17, "--arm", "label")
    assert (alone.returncode, alone.stdout) == (1, "")
    assert alone.stderr == "thecal: patient 17, arm label: Traceback\nValueError: no such dose\n"
    assert study("query", tmp_path / "out", "SELECT count(*) AS n FROM patients").stdout.splitlines()[1] == "44"


def test_one_patient(study: Call, tmp_path: Path) -> None:
    """The row in each arm, or in one; nothing is written."""
    file = protocol(tmp_path)
    lines = study("run", file, "--patient", 3).stdout.splitlines()
    assert [line for line in lines if line.startswith("patient")] == ["patient 3, arm label", "patient 3, arm cautious"]
    assert f"{'age_years':<28}43" in lines
    one = study("run", file, "--patient", 3, "--arm", "cautious").stdout.splitlines()
    assert one == lines[lines.index("patient 3, arm cautious") :]
    assert [path.name for path in tmp_path.iterdir()] == ["doses.toml"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--patient", "24"], r"--patient: '24' is not enrolled in doses. Accepted: 1 to 23"),
        (["--patient", "3", "--arm", "lable"], r"--arm: 'lable' is no arm of doses.*Did you mean 'label'"),
        (["--patient", "3", "--out", "out"], r"--out: 'out' is not for one patient"),
        (["--arm", "label"], r"--arm: 'label' is for one patient"),
        ([], r"--out is missing"),
        (["--out", "{tmp}/out", "--workers", "0"], r"workers: '0' is no number of workers"),
        (["--out", "{tmp}/out", "--workers", "2", "--scheduler", "tcp://127.0.0.1:1"], r"workers of its own"),
        (["--out", "{tmp}"], r"holds other files"),
    ],
)
def test_bad_input(options: list[str], problem: str, study: Call, tmp_path: Path) -> None:
    """Exit code 2, one line that says what to do, and nothing written."""
    result = study("run", protocol(tmp_path), *(option.format(tmp=tmp_path) for option in options))
    assert (result.returncode, result.stdout) == (2, "")
    assert re.search(problem, result.stderr)
    assert len(result.stderr.splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["doses.toml"]


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.long)])
def test_a_study_that_is_stopped(sent: signal.Signals, code: int, whole: Path, tmp_path: Path, study: Call) -> None:
    """Ctrl-C reaches every process of the terminal: one line, no traceback, at once; and it goes on to the same files."""
    out = tmp_path / "out"
    with after_a_block(protocol(tmp_path, each_s=0.2), "--workers", "1", out=out) as process:
        begin = time.monotonic()
        os.killpg(process.pid, sent)
        said, complained = process.communicate(timeout=30)
        assert time.monotonic() - begin < 5
    assert (process.returncode, said) == (code, "")
    (last,) = (line for line in complained.splitlines() if line.startswith("thecal:"))
    assert re.fullmatch(rf"thecal: stopped; [1-5] of 6 blocks are kept. Go on with: thecal study resume {out}", last)
    assert "Traceback" not in complained
    _wait_for_the_end(process.pid)
    asked = study("query", out, "SELECT 1 AS one")
    assert "blocks are missing: thecal study resume" in asked.stderr
    assert study("resume", out, "--workers", 2).returncode == 0
    assert sums(out) == sums(whole)


def test_a_study_that_is_killed(whole: Path, tmp_path: Path, study: Call) -> None:
    """Its workers end with it, and only what is missing is run."""
    out = tmp_path / "out"
    with after_a_block(protocol(tmp_path, each_s=0.2), "--workers", "1", out=out) as process:
        process.kill()
        process.wait()
        kept = (out / "blocks.jsonl").read_bytes()
        _wait_for_the_end(process.pid)
    assert study("resume", out, "--workers", 2).returncode == 0
    assert (out / "blocks.jsonl").read_bytes().startswith(kept)
    assert sums(out) == sums(whole)


def test_a_file_that_the_system_refuses(tmp_path: Path, whole: Path, study: Call) -> None:
    """It stops at the first block, with the block, the folder, the room that is left and how to go on; and then it goes on."""
    file = protocol(tmp_path)
    command = [COMMAND[0], *COMMAND[1:], "--most-bytes=5000", "study", "run", str(file), "--out", str(tmp_path / "out")]
    result = subprocess.run([*command, "--workers", "1"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    assert re.search(rf"block 0 cannot be written in {tmp_path / 'out'}: .*File too large", result.stderr)
    assert re.search(
        r"[\d,]+ bytes are free there\). 0 of 6 blocks are kept. Make room, then: thecal study resume", result.stderr
    )
    assert not list((tmp_path / "out").rglob("*.part"))
    assert study("resume", tmp_path / "out", "--workers", 1).returncode == 0
    assert sums(tmp_path / "out") == sums(whole)


def _wait_for_the_end(group: int) -> None:
    """No process of a group is left."""
    until = time.monotonic() + 10
    while True:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        assert time.monotonic() < until
        time.sleep(0.02)
