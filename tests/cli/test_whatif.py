"""thecal whatif: one thing that goes wrong, its files, its exit codes, and what it says to a case without a body."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.test_program import Call, called, saved
from tests.command import ROOT, THECAL
from tests.command import inside as thecal
from tests.twin.test_exposure import BODY
from tests.twin.test_supposed import FIRST, HEAD, PLAIN, refill
from thecal.report.words import BANNER

__all__ = ["called"]  # a fixture

MISSED = ROOT / "scenarios" / "missed-refill.toml"
ISOMED = PLAIN.replace("reference-20", "isomed-8472-20-10").replace('primed = "500 mcg/mL"\n', "")
ISOMED = ISOMED.replace('[event.program]\nmode = "simple continuous"\ndose = "200 mcg/day"\n', "")


@pytest.fixture
def case(tmp_path: Path) -> Path:
    return saved(tmp_path / "case.toml", PLAIN)


def test_a_missed_refill_in_text_data_and_page(tmp_path: Path) -> None:
    """In a process of its own: the same signs in all three, and nothing of the machine in any."""
    page, data = tmp_path / "x.html", tmp_path / "x.json"
    result = thecal("whatif", MISSED, "--stall", "24 h", "--at", "2026-03-02 10:00", "--html", page, "--json", data)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("What if the rotor stands from 2026-03-02 10:00 for 24 h\n")
    assert BANNER in result.stdout
    document = json.loads(data.read_text(encoding="utf-8"))
    assert (document["schema"], document["case"], document["parts_at_local"]) == (1, "missed-refill.toml", "2026-03-02 10:00")
    assert [sign["kind"] for sign in document["signs"]] == ["tone returns"]
    assert all(6 <= sign["hours_to_first"] <= 24 for sign in document["signs"])
    text = page.read_text(encoding="utf-8")
    assert "tone returns" in text
    assert "tone returns" in result.stdout
    assert str(tmp_path) not in text + data.read_text(encoding="utf-8") + result.stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "needs exactly one thing that goes wrong"),
        (["--late", "5 days", "--stall", "1 h"], "'--late and --stall' needs exactly one thing"),
        (["--late", "0 s"], "--late: '0 s' must be more than zero"),
        (["--late", "5"], "--late: '5' has no unit"),
        (["--late", "1 year"], "differ in length"),
        (["--stall", "forever"], "--stall: 'forever' is not a duration"),
        (["--kink", "100 %"], "leaves the catheter open"),
        (["--kink", "-5 %"], "must not be negative"),
        (["--kink", "40"], 'Did you mean "40 %"?'),
        (["--wrong-concentration", "2 mg/mL"], 'Did you mean "2,000 mcg/mL"?'),
        (["--kink", "0 %", "--at", "2026-01-05 08:59"], "--at: '2026-01-05 08:59' is not within the case"),
        (["--kink", "0 %", "--at", "2026-02-10 09:01"], "is not within the case"),
        (["--kink", "0 %", "--at", "tomorrow"], "--at: 'tomorrow' is not a date and time"),
        (["--kink", "0 %", "--days", "366"], "less than or equal to 365"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_exits_with_2_and_writes_nothing(called: Call, case: Path, options: list[str], says: str) -> None:
    """The option, what was written, and what would be right."""
    result = called("whatif", case, *options, "--json", case.parent / "x.json", "--html", case.parent / "x.html")
    assert (result.returncode, result.stdout) == (2, "")
    assert says in result.stderr
    assert [path.name for path in case.parent.iterdir()] == ["case.toml"]


def test_a_fault_that_the_pump_cannot_have_exits_with_1(called: Call, tmp_path: Path) -> None:
    """A refusal with its rule, and no file."""
    case = saved(tmp_path / "case.toml", ISOMED)
    result = called("whatif", case, "--stall", "1 h", "--at", "2026-01-10 09:00", "--json", tmp_path / "x.json")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("thecal: refused by PMP-41: motor stall in isomed-8472-20-10.")
    assert not (tmp_path / "x.json").exists()


def test_a_case_without_a_body_gets_the_typical_patient(called: Call, tmp_path: Path) -> None:
    """It is said, and the answer is that of the case with a body."""
    bare, described = saved(tmp_path / "bare.toml", HEAD + FIRST), saved(tmp_path / "described.toml", HEAD + BODY + FIRST)
    one, other = (called("whatif", path, "--kink", "0 %", "--at", "2026-01-20 09:00") for path in (bare, described))
    assert one.stderr == "thecal: bare.toml describes no body; this is the typical patient of the sheet adult-ms\n"
    assert (one.returncode, one.stdout, other.stderr) == (0, other.stdout, "")


def test_the_case_is_never_written_over(called: Call, case: Path) -> None:
    """Nor two outputs into one file, nor into a folder that is not there; and one that cannot be written stops both."""
    before = case.read_text(encoding="utf-8")
    for options, says in (
        (["--json", case], "is the case itself"),
        (["--json", case.parent / "x", "--html", case.parent / "x"], "is the file of --json too"),
        (["--json", case.parent / "x", "--html", case.parent / "no" / "x"], "no such folder"),
        (["--json", case.parent / "x", "--html", case.parent], "is a folder"),
    ):
        result = called("whatif", case, "--kink", "0 %", "--at", "2026-01-20 09:00", *options)
        assert (result.returncode, result.stdout) == (2, "")
        assert says in result.stderr
    assert case.read_text(encoding="utf-8") == before
    assert [path.name for path in case.parent.iterdir()] == ["case.toml"]


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_an_interrupt_leaves_nothing_half_written(tmp_path: Path, name: str, code: int) -> None:
    """The file of before stays as it was, and none is left beside it."""
    events = "".join(refill(f"2026-{month:02d}-{day:02d} 09:00") for month in range(2, 13) for day in (1, 11, 21))
    case = saved(tmp_path / "case.toml", (PLAIN + events).replace("2026-02-10 09:00", "2026-12-31 09:00"))
    page = saved(tmp_path / "x.html", "before")
    command = [str(THECAL), "whatif", str(case), "--late", "30 days", "--days", "365", "--html", str(page)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 20
        while not _begun(process.pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(getattr(signal, name))
        out, _ = process.communicate(timeout=30)
    finally:
        process.kill()
    if process.returncode == 0:
        pytest.skip("it was done before the signal came")
    assert (process.returncode, out) in {(code, ""), (-getattr(signal, name), "")}
    assert page.read_text(encoding="utf-8") == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["case.toml", "x.html"]


def _begun(pid: int) -> bool:
    """Whether the command is at work, and has begun to draw; or has ended."""
    maps = Path(f"/proc/{pid}/maps")
    return not maps.exists() or "/matplotlib/" in maps.read_text(encoding="utf-8")


def test_nothing_outside_opens_a_window(tmp_path: Path) -> None:
    """A backend that does not exist is not asked for."""
    case, page = saved(tmp_path / "case.toml", PLAIN), tmp_path / "x.html"
    command = [str(THECAL), "whatif", str(case), "--stall", "24 h", "--at", "2026-01-20 09:00", "--html", str(page)]
    environment = {**os.environ, "MPLBACKEND": "nonsense"}
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert "<svg" in page.read_text(encoding="utf-8")


def test_what_is_not_as_expected_is_named(called: Call, tmp_path: Path) -> None:
    """A refusal that does not come is told by its event."""
    odd = refill("2026-01-25 09:00", 'expect = "refused"\n')
    case = saved(tmp_path / "case.toml", PLAIN + odd)
    result = called("whatif", case, "--stall", "1 h", "--at", "2026-01-20 09:00")
    assert not result.stderr.rstrip().endswith(":")
