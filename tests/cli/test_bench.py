"""thecal bench: started, looked at, struck, needled and stopped as a user does; its keys, and every bad input."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from threading import Timer
from typing import IO, Any
from unittest.mock import patch

import pytest

from tests.command import ROOT, THECAL, inside
from thecal.bench.bench_folder import BenchFolder
from thecal.bench.frame import FrameType
from thecal.bench.keys import programmer_context, retire
from thecal.bench.new_pump import ready_pump
from thecal.bench.patient_charts import read_chart
from thecal.bench.wand import Confirmed, LinkError, Refused, Wand
from thecal.chart.facts import Filled, Noted, ResidualMeasured
from thecal.cli.bench import _new_pumps
from thecal.cli.bench_pumps import _ELSEWHERE, STRIKES, check_kind, read_fault
from thecal.errors import InputError, InputErrors
from thecal.pump.messages import (
    BatteryFilm,
    ChangeGain,
    Command,
    Interference,
    Interrogate,
    Magnet,
    MemoryCorruption,
    Message,
    RequestBolus,
    SensorError,
    SeptumLeak,
    Stall,
    Surroundings,
)
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Concentration, FlowRate, Gain, Volume
from thecal.report.words import BANNER
from thecal.timeline import Duration, Instant
from thecal.twin.mishaps import TRUTH_TABLES

Result = subprocess.CompletedProcess[str]
PUMPS = 6
NOW = Instant(1_767_603_600)
AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def bench(path: Path, *arguments: str) -> Result:
    """A verb of the bench in a folder, in this process, in which nothing is served: that would never end."""
    with patch.object(asyncio, "run", side_effect=AssertionError("it would serve")):
        return inside("bench", *arguments, "--dir", path)


def listed(path: Path) -> dict[str, Any]:
    result = bench(path, "list", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def pump_of(path: Path, serial: str) -> dict[str, Any]:
    return next(pump for pump in listed(path)["pumps"] if pump["serial"] == serial)


def ended(path: Path) -> None:
    """Make sure that no bench runs there any more: it is this test's own."""
    where = BenchFolder(path).listening()
    if where:
        with suppress(ProcessLookupError):
            os.kill(where.pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            os.waitpid(where.pid, 0)


@contextmanager
def started(path: Path, *options: str) -> Iterator[Result]:
    """A bench in the background."""
    try:
        result = bench(path, "start", "--detach", *options)
        assert (result.returncode, result.stderr) == (0, "")
        yield result
    finally:
        ended(path)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A bench with keys and some pumps, and what it said when it was started."""
    path = tmp_path_factory.mktemp("served") / "bench"
    assert bench(path, "keys").returncode == 0
    with started(path, "--pumps", str(PUMPS)) as result:
        yield path, result.stdout


@pytest.fixture
def path(served: tuple[Path, str]) -> Path:
    return served[0]


def test_it_says_where_it_listens_and_what_to_do_with_it(served: tuple[Path, str]) -> None:
    """The pumps, the address, who may talk, and how to program, look and stop."""
    path, said = served
    where = BenchFolder(path).listening()
    assert where is not None
    assert os.getsid(where.pid) == where.pid  # it outlives the terminal
    for line in (
        f"The bench in {path}: {PUMPS} virtual pumps, process {where.pid}",
        f"wands come to 127.0.0.1:{where.port}, by TLS, with a key of {path / 'keys'}",
        f"TC-0001 to TC-000{PUMPS} ({PUMPS})  reference-40",
        f"program                 thecal programmer TC-0001 --dir {path}",
        f"stop                    thecal bench stop --dir {path}",
        BANNER,
    ):
        assert line in said.splitlines()


def test_the_list_says_what_is_believed_and_what_is_true(path: Path) -> None:
    """As a table and as JSON, the same of each pump."""
    document = listed(path)
    assert {key: document[key] for key in ("schema", "banner", "dir", "running", "host", "plain", "speed")} == {
        "schema": 1, "banner": BANNER, "dir": str(path), "running": True, "host": "127.0.0.1", "plain": False, "speed": 1.0,
    }  # fmt: skip
    assert abs(document["ahead_of_clock_s"]) < 60
    assert [pump["serial"] for pump in document["pumps"]] == [f"TC-000{n}" for n in range(1, PUMPS + 1)]
    last = document["pumps"][-1]
    assert (last["journal_segment"], last["journal_torn_bytes"]) == (1, 0)
    assert (last["model"], last["mode"], last["alarms"], last["programmed_by"]) == ("reference-40", "simple continuous", [], None)
    assert last["calculated_nl"] == last["true_usable_nl"] == 18_285_842 - last["delivered_nl"]
    lines = bench(path, "list").stdout.splitlines()
    head, row = (next(line for line in lines if line.startswith(begin)) for begin in ("serial", "TC-0006"))
    titles = ["serial", "model", "mode", "believed mL", "true mL", "delivered mL", "programmed by", "alarms"]
    assert re.split(r"  +", head) == titles
    cells = re.split(r"  +", row)
    assert (cells[:3], cells[6:]) == (["TC-0006", "reference-40", "simple continuous"], ["-", "-"])
    assert all(18.28 < float(cell) <= 18.285842 for cell in cells[3:5])


@pytest.mark.requirement("BEN-20")
def test_a_second_bench_in_the_same_folder_is_refused(path: Path) -> None:
    """It names who serves it, and the first one goes on."""
    where = BenchFolder(path).listening()
    assert where is not None
    result = bench(path, "start", "--plain")
    assert (result.returncode, result.stdout) == (2, "")
    assert f"a bench serves {path} already (process {where.pid}, port {where.port})" in result.stderr
    assert "thecal bench stop" in result.stderr
    assert listed(path)["pid"] == where.pid


def test_a_port_in_use_leaves_the_folder_without_pumps(path: Path, tmp_path: Path) -> None:
    """Nothing is made where nothing can be served; in the background the same is said."""
    where = BenchFolder(path).listening()
    assert where is not None
    here = bench(tmp_path, "start", "--plain", "--port", str(where.port))
    assert (here.returncode, here.stdout) == (2, "")
    assert f"--port: '127.0.0.1:{where.port}' cannot be listened at: Address already in use" in here.stderr
    assert (BenchFolder(tmp_path).serials(), BenchFolder(tmp_path).is_served) == ([], False)
    behind = bench(tmp_path, "start", "--plain", "--detach", "--port", str(where.port))
    assert (behind.returncode, behind.stdout, behind.stderr) == (2, "", here.stderr)


CASE = """\
case = 1
title = "somebody at home"
timezone = "UTC"
until = "{until}"
[pump]
model = "synchromed-ii-40"
[catheter]
model = "indura-8709sc"
tip_level = "T10"
trimmed = "9 cm"
[[event]]
at = "{implant}"
kind = "implant"
primed = "500 mcg/mL"
[[event]]
at = "{implant}"
kind = "refill"
volume = "40 mL"
concentration = "500 mcg/mL"
[event.program]
mode = "simple continuous"
dose = "100 mcg/day"
[event.program.patient_bolus]
dose = "10 mcg"
over = "5 min"
lockout = "1 h"
per_day = 4
"""


def case_ending(path: Path, days: int) -> Path:
    """A case that began two days before so many days from now."""
    until = datetime.now(UTC) + timedelta(days=days)
    text = CASE.format(until=f"{until:%Y-%m-%d %H:%M}", implant=f"{until - timedelta(days=2):%Y-%m-%d %H:%M}")
    path.write_text(text, encoding="utf-8")
    return path


@contextmanager
def foreground(path: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A bench as a process that this test reads; it is killed where it says nothing for too long."""
    command: list[str | Path] = [THECAL, "bench", "start", "--plain", "--dir", path, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        watch = Timer(50, process.kill)
        watch.start()
        try:
            yield process
        finally:
            watch.cancel()
            process.kill()


def next_event(lines: IO[str], name: str) -> dict[str, Any]:
    """The next line that tells of an event of that name."""
    while True:
        event: dict[str, Any] = json.loads(lines.readline())
        if event["event"] == name:
            return event


@pytest.mark.requirement("BEN-21")
def test_a_bench_in_the_foreground_and_what_it_keeps(tmp_path: Path) -> None:
    """The pump of a case runs fast; what happens is told as it does; SIGTERM puts it away, and its time goes on from there."""
    path, case = tmp_path / "bench", case_ending(tmp_path / "case.toml", days=-1)
    with foreground(path, "--json", "--case", str(case), "--speed", "20000") as process:
        try:
            assert process.stdout is not None
            where = json.loads(process.stdout.readline())
            assert where["pumps"] == [{"serial": "TC-0001", "model": "synchromed-ii-40"}]
            assert (where["speed"], where["plain"], where["pid"]) == (20_000, True, process.pid)
            pressed = bench(path, "press", "TC-0001")
            assert (pressed.returncode, pressed.stderr) == (0, "")
            assert "the patient asked for a bolus, and the pump gives it" in pressed.stdout
            assert "patient bolus started" in pressed.stdout
            struck = bench(path, "fault", "TC-0001", "stall", "lasts=90 min")
            turns = datetime.fromisoformat(next_event(process.stdout, "rotor turns")["at_utc"])
            assert turns - datetime.fromisoformat(struck.stdout.split()[0]) == timedelta(minutes=90)
            assert bench(path, "fault", "TC-0001", "internal_short", "shows_as=low-battery reset").returncode == 0
            event = next_event(process.stdout, "low battery reset alarm")
            assert (event["schema"], event["serial"], event["severity"]) == (1, "TC-0001", "critical")
            fast = listed(path)
            assert "low battery reset" in fast["pumps"][0]["alarms"]
        finally:
            process.terminate()
            rest, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (0, "")
        assert all(json.loads(line)["schema"] == 1 for line in rest.splitlines())
    assert not BenchFolder(path).is_served
    with started(path, "--plain", "--pumps", "2", "--profile", "prometra-ii-20") as again:
        ahead = re.search(r"that is [0-9.]+ (min|h|days) ahead of this machine's clock, and goes on from there", again.stdout)
        assert ahead, again.stdout
        slow = listed(path)
        assert slow["now_utc"] >= fast["now_utc"]
        assert slow["ahead_of_clock_s"] > 60
        assert [(pump["serial"], pump["model"]) for pump in slow["pumps"]] == [
            ("TC-0001", "synchromed-ii-40"),
            ("TC-0002", "prometra-ii-20"),
        ]
        assert slow["pumps"][0]["delivered_nl"] >= fast["pumps"][0]["delivered_nl"]
        stopped = bench(path, "stop")
        assert (stopped.returncode, stopped.stdout) == (
            0, f"The bench is put away; 2 virtual pumps and the time that has passed are kept in {path}.\n",
        )  # fmt: skip
        assert not BenchFolder(path).is_served
    check_stopped(path)


def check_stopped(path: Path) -> None:
    """Where no bench runs, the list says so and names what is kept; nothing else is done."""
    text = bench(path, "list")
    assert (text.returncode, text.stderr) == (0, "")
    assert text.stdout.startswith(f"No bench runs in {path}. It keeps TC-0001 to TC-0002 (2).\n")
    document = json.loads(bench(path, "list", "--json").stdout)
    assert (document["running"], document["pumps"]) == (False, [{"serial": "TC-0001"}, {"serial": "TC-0002"}])
    for verb in (["stop"], ["press", "TC-0001"], ["fault", "TC-0001", "stall"], ["needle", "TC-0001", "withdraw"]):
        result = bench(path, *verb)
        assert (result.returncode, result.stdout) == (2, "")
        assert f"no bench serves {path}. Start one with: thecal bench start --dir {path}" in result.stderr
    for options, says in (
        (["--pumps", "1"], f"--pumps: '1' is fewer than the 2 that {path} keeps. Accepted: 2 to 2,000, another folder"),
        (["--new"], f"--new says what new pumps are, and {path} keeps 2 already. Accepted: --pumps 3 or more, another folder"),
    ):
        result = bench(path, "start", "--plain", *options)
        assert (result.returncode, result.stdout) == (2, "")
        assert says in result.stderr
    case = case_ending(path.parent / "later.toml", days=3000)
    result = bench(path, "start", "--plain", "--pumps", "3", "--case", str(case))
    assert (result.returncode, result.stdout) == (2, "")
    assert "and the other pumps would run on to it from" in result.stderr
    assert BenchFolder(path).serials() == ["TC-0001", "TC-0002"]


def test_a_bench_whose_listener_has_gone_goes_on(tmp_path: Path) -> None:
    """The pump of a case that ends later than now is there then; nobody reads its lines any more, and it goes on all the same."""
    path, case = tmp_path / "bench", case_ending(tmp_path / "case.toml", days=400)
    with foreground(path, "--case", str(case)) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(9)]
            assert re.fullmatch(
                r"that is (399|400)(\.[0-9])? days ahead of this machine's clock, and goes on from there\n", lines[3]
            )
            assert lines[7].split(maxsplit=1) == ["stop", f"thecal bench stop --dir {path}, or Ctrl-C here\n"]
            assert lines[8] == f"{BANNER}\n"
            process.stdout.close()
            assert bench(path, "fault", "TC-0001", "internal_short", "shows_as=low-battery reset").returncode == 0
            assert pump_of(path, "TC-0001")["alarms"] == ["low battery reset"]
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=20)
        assert process.stderr is not None
        assert (process.returncode, process.stderr.read()) == (0, "")


def test_a_serial_number_whose_chart_is_kept_is_not_given_again(tmp_path: Path) -> None:
    """A pump that was taken off the bench leaves its chart; new pumps take the numbers around it."""
    folder = BenchFolder(tmp_path)
    folder.make()
    (folder.charts / "TC-0001").mkdir()
    new = _new_pumps(folder, 2, partial(ready_pump, pump_sheet("reference-40")), [], NOW)
    assert [made.pump.serial for made in new] == ["TC-0002", "TC-0003"]


@pytest.mark.requirement("BEN-19")
@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104  # which are refused
def test_without_certificates_nobody_from_elsewhere_may_talk(tmp_path: Path, host: str) -> None:
    """An address that others reach is refused with --plain; without --plain there must be keys."""
    result = bench(tmp_path, "start", "--plain", "--host", host)
    assert (result.returncode, result.stdout) == (2, "")
    assert f"--host: '{host}' is not this machine alone: with --plain" in result.stderr
    assert "(BEN-19). Accepted: 127.0.0.1, ::1, localhost" in result.stderr
    keyless = bench(tmp_path, "start")
    assert (keyless.returncode, keyless.stdout) == (2, "")
    assert f"holds no keys. Make them with: thecal bench keys --dir {tmp_path}" in keyless.stderr
    assert BenchFolder(tmp_path).serials() == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--profile", "reference-41"], "--profile: 'reference-41' is not known"),
        (["--reading", "drive=valves"], "drive is not a property that can be read in two ways"),
        (["--reading", "safe_state"], "--reading: 'safe_state' is not NAME=VALUE; see thecal pumps reference-40 --readings"),
        (["--reading", "safe_state=off"], "safe_state: 'off' is not a reading of it. Accepted: minimum rate, stopped."),
        (
            ["--reading", "safe_state=stopped", "--reading", "safe_state=stopped"],
            "--reading: 'safe_state=stopped' is given twice",
        ),
        (["--speed", "0"], "--speed: '0' is not a speed. Accepted: 0.001 to 1,000,000"),
        (["--speed", "1e3"], "--speed: '1e3' is not a speed"),
        (["--speed", "1000001"], "is not a speed"),
        (["--at", "2026-01-01 09:00"], "--at: '2026-01-01 09:00' says when in a case, and none is given"),
        (["--case", "CASE", "--new"], "--new is said by the case"),
        (["--case", "CASE", "--at", "2001-01-01 09:00"], "--at: '2001-01-01 09:00' is not within the case"),
        (["--case", "nowhere.toml"], "nowhere.toml: No such file or directory"),
        (["--pumps", "0"], "Invalid value for '--pumps': Input should be greater than or equal to 1"),
        (["--pumps", "2001"], "Invalid value for '--pumps': Input should be less than or equal to 2000"),
        (["--port", "65536"], "Invalid value for '--port': Input should be less than or equal to 65535"),
        (["--host", "no such host"], "--host: 'no such host' cannot be listened at"),
        (["--host", "192.0.2.1"], "--host: '192.0.2.1' cannot be listened at: Cannot assign requested address"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_starts_no_bench(tmp_path: Path, options: list[str], says: str) -> None:
    """The option, what was written, and what would be right; no pump is made."""
    case = str(case_ending(tmp_path / "case.toml", days=-1))
    result = bench(tmp_path / "bench", "start", "--plain", *(case if option == "CASE" else option for option in options))
    assert (result.returncode, result.stdout) == (2, "")
    assert says in " ".join(result.stderr.split())
    assert BenchFolder(tmp_path / "bench").serials() == []


def test_a_pump_that_takes_no_command_is_refused(tmp_path: Path) -> None:
    """By its own rule, of a data sheet and of a case, with exit 1."""
    plain = case_ending(tmp_path / "case.toml", days=-1)
    text = plain.read_text(encoding="utf-8").replace("synchromed-ii-40", "isomed-8472-35-25").partition("[event.program]")[0]
    plain.write_text(text.replace('primed = "500 mcg/mL"\n', "").replace("40 mL", "35 mL"), encoding="utf-8")
    for options in (["--profile", "isomed-8472-35-25"], ["--case", str(plain)]):
        result = bench(tmp_path / "bench", "start", "--plain", *options)
        assert (result.returncode, result.stdout) == (1, "")
        assert result.stderr.startswith("thecal: refused by PMP-40: a session by the wand on isomed-8472-35-25.")
        assert BenchFolder(tmp_path / "bench").serials() == []


def test_a_folder_that_cannot_be_one_is_named(tmp_path: Path) -> None:
    """A file in its place, and a place where nothing can be made."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    for place, says in ((tmp_path / "file", "is a file, not a folder for a bench"), (tmp_path / "file" / "x", "Not a directory")):
        result = bench(place, "start", "--plain")
        assert (result.returncode, result.stdout) == (2, "")
        assert f"thecal: {place}: {says}" in result.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """With the reason of the operating system."""
    (tmp_path / "shut").mkdir(mode=0o500)
    result = bench(tmp_path / "shut" / "bench", "start", "--plain")
    assert (result.returncode, result.stdout) == (2, "")
    assert "Permission denied" in result.stderr


def test_the_folder_may_be_named_by_the_environment(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """THECAL_BENCH stands for --dir; without either it is thecal-bench, here."""
    monkeypatch.setenv("THECAL_BENCH", str(path))
    assert json.loads(inside("bench", "list", "--json").stdout)["dir"] == str(path)
    monkeypatch.delenv("THECAL_BENCH")
    monkeypatch.chdir(path)
    result = inside("bench", "list")
    assert (result.returncode, result.stderr) == (
        2, "thecal: no bench serves thecal-bench. Start one with: thecal bench start --dir thecal-bench\n",
    )  # fmt: skip


def said_by(path: Path, who: str, serial: str, command: Command) -> Confirmed | Refused:
    """What a pump says to a programmer that has interrogated it."""
    where = BenchFolder(path).listening()
    assert where is not None

    async def talk() -> Confirmed | Refused:
        context = programmer_context(path / "keys", who)
        async with Wand(where.host, where.port, serial, context=context) as wand:
            assert isinstance(await wand.say(Message("", 1, Interrogate())), Confirmed)
            said = await wand.say(Message("", 2, command))
        assert isinstance(said, Confirmed | Refused), said
        return said

    return asyncio.run(talk())


@pytest.mark.requirement("BEN-22")
def test_what_is_done_by_hand_and_fate_comes_by_the_control_socket_alone(path: Path) -> None:
    """The wand has no word for needle or fault, and the pump refuses its activator by wand; the verbs do all three."""
    assert {kind.name for kind in FrameType} & {"NEEDLE", "FAULT", "STRIKE", "PROCEDURE"} == set()
    refused = said_by(path, "clinic", "TC-0001", RequestBolus())
    assert isinstance(refused, Refused)
    assert refused.refusal.rule == "PMP-74"
    assert pump_of(path, "TC-0001")["calculated_nl"] == pump_of(path, "TC-0001")["true_usable_nl"]
    assert bench(path, "needle", "TC-0001", "withdraw", "--volume", "1 mL").returncode == 0
    pump = pump_of(path, "TC-0001")
    assert pump["calculated_nl"] - pump["true_usable_nl"] == 1_000_000
    assert bench(path, "fault", "TC-0001", "gain", "gain=+3 %").returncode == 0
    pressed = bench(path, "press", "TC-0001")
    assert (pressed.returncode, pressed.stdout) == (1, "")
    assert pressed.stderr.startswith("thecal: refused by PMP-33: a patient bolus. Allowed: none is programmed.")
    assert BenchFolder(path).control.stat().st_mode & 0o777 == 0o600


def test_a_needle_is_written_into_the_chart(path: Path) -> None:
    """All that is there is a residual beside what is expected; a fill and a part of it are facts too; or nobody writes it."""
    chart = read_chart(BenchFolder(path), "TC-0002")
    assert chart.residual is None
    emptied = bench(path, "needle", "TC-0002", "withdraw")
    assert re.fullmatch(rf"{AT.pattern}  TC-0002: 18\.28[0-9]* mL withdrawn; written into the chart\n", emptied.stdout)
    filled = bench(path, "needle", "TC-0002", "fill", "--volume", "18 mL", "--concentration", "1000 mcg/mL")
    assert "TC-0002: 18 mL of 1,000 mcg/mL injected; written into the chart" in filled.stdout
    part = bench(path, "needle", "TC-0002", "withdraw", "--volume", "2 mL")
    unknown = bench(path, "needle", "TC-0002", "fill", "--volume", "1 mL", "--concentration", "500 mcg/mL", "--unrecorded")
    assert "1 mL of 500 mcg/mL injected; not written down" in unknown.stdout
    assert [each.returncode for each in (emptied, filled, part, unknown)] == [0, 0, 0, 0]
    known = read_chart(BenchFolder(path), "TC-0002")
    residual, fill, note = known.facts[len(chart.facts) :]
    assert isinstance(residual, ResidualMeasured)
    assert residual.expected is not None
    assert 0 <= residual.expected.nl - residual.measured.nl < 1000  # what flowed between the two
    assert (residual.reservoir, residual.first) == (Volume(40_000_000), True)
    assert fill == Filled(fill.at, Volume(18_000_000), Concentration(1000))
    assert note == Noted(note.at, "2 mL withdrawn through the refill port, which did not empty it")
    assert 16_990_000 < pump_of(path, "TC-0002")["true_usable_nl"] <= 17_000_000


def test_a_valve_is_reset_by_hand(path: Path) -> None:
    """Where no field has shut it there is nothing to reset, and the chart stays as it is."""
    facts = read_chart(BenchFolder(path), "TC-0003").facts
    result = bench(path, "needle", "TC-0003", "reset-valve")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("thecal: refused by PMP-43: reset the valve of reference-40.")
    assert read_chart(BenchFolder(path), "TC-0003").facts == facts


@pytest.mark.parametrize(
    ("needle", "code", "says"),
    [
        (["fill", "--volume", "30 mL", "--concentration", "500 mcg/mL"], 1, "refused by PMP-20: fill 30 mL on top of 18."),
        (["withdraw", "--volume", "30 mL"], 1, "refused by PMP-21: withdraw 30 mL"),
        (["fil"], 2, "WHAT: 'fil' is not known. Accepted: fill, reset-valve, withdraw. Did you mean 'fill'?"),
        (["fill", "--volume", "3 mL"], 2, "--concentration is missing: what is injected"),
        (["fill", "--concentration", "500 mcg/mL"], 2, "--volume is missing"),
        (["fill", "--volume", "3", "--concentration", "500 mcg/mL"], 2, "--volume: '3' has no unit"),
        (["fill", "--volume", "3 mL", "--concentration", "1 mg/mL"], 2, 'Did you mean "1,000 mcg/mL"?'),
        (["withdraw", "--concentration", "500 mcg/mL"], 2, "--concentration: '500 mcg/mL' says nothing of withdraw"),
        (["reset-valve", "--volume", "3 mL"], 2, "--volume: '3 mL' says nothing of reset-valve"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_needle_that_cannot_be_does_nothing(path: Path, needle: list[str], code: int, says: str) -> None:
    """Refused by the pump, or not understood; chart and pump stay as they are."""
    facts, held = read_chart(BenchFolder(path), "TC-0003").facts, pump_of(path, "TC-0003")["journal_entries"]
    result = bench(path, "needle", "TC-0003", *needle)
    assert (result.returncode, result.stdout) == (code, "")
    assert says in result.stderr
    assert (read_chart(BenchFolder(path), "TC-0003").facts, pump_of(path, "TC-0003")["journal_entries"]) == (facts, held)


def test_an_unknown_serial_is_answered_with_the_nearest(path: Path) -> None:
    """Of every verb that names a pump."""
    for verb in (["press", "TC-00004"], ["needle", "TC-00004", "withdraw"], ["fault", "TC-00004", "stall"]):
        result = bench(path, *verb)
        assert (result.returncode, result.stdout) == (2, "")
        assert f"SERIAL: 'TC-00004' is no pump of {path}. Accepted: TC-0001" in result.stderr
        assert "Did you mean 'TC-0004'?" in result.stderr


READ = {
    "gain": ChangeGain(Gain(1_030_000)),
    "temperature": Surroundings("temperature", Gain(1_050_000)),
    "pressure": Surroundings("pressure", Gain(1_020_000)),
    "stall": Stall(Instant(NOW.s + 86_400)),
    "mri": Magnet(Instant(NOW.s + 1800), Instant(NOW.s + 1800 + 7200)),
    "interference": Interference(),
    "battery_film": BatteryFilm(300_000, Duration(30 * 86_400)),
    "internal_short": Stall(None),
    "memory_error": MemoryCorruption("settings", 3),
    "sensor_error": SensorError(3_000_000),
    "septum_leak": SeptumLeak(FlowRate(500_000)),
}


def test_every_kind_of_a_case_strikes_or_says_what_to_do_instead() -> None:
    """The example of each is that fault; what is no fault of a pump at an instant says where it belongs."""
    assert STRIKES.keys() | _ELSEWHERE.keys() == TRUTH_TABLES.keys()
    assert READ.keys() == STRIKES.keys()
    for kind, example in STRIKES.items():
        check_kind(kind)
        assert read_fault(kind, example, NOW)[0] == READ[kind]
    for kind, instead in _ELSEWHERE.items():
        with pytest.raises(InputError, match=re.escape(f"KIND: '{kind}' {instead}")):
            check_kind(kind)


@pytest.mark.parametrize("arguments", [[], ["TC-0001"]])
def test_the_kinds_are_listed_where_none_is_named(tmp_path: Path, arguments: list[str]) -> None:
    """Each with an example as it is typed and what it is; no bench is needed."""
    result = bench(tmp_path, "fault", *arguments)
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(STRIKES)
    assert "mri             'lasts=30 min' 'recovers_after=2 h'     A strong magnetic field" in result.stdout
    assert "`" not in result.stdout


@pytest.mark.parametrize(
    ("written", "says"),
    [
        (["stal"], "KIND: 'stal' is not known. Accepted: battery_film"),
        (["stal"], "Did you mean 'stall'?"),
        (["kink", "open=0 %"], "KIND: 'kink' is in a catheter, and a virtual pump has none"),
        (["gain_drift"], "KIND: 'gain_drift' happens in steps; strike gain now, and again at each step"),
        (["overfill", "extra=1 mL"], "KIND: 'overfill' is a slip of the needle"),
        (["stall", "last=24 h"], "stall: 'last=24 h' is no field of it. Accepted: stall lasts=24 h. Did you mean 'lasts'?"),
        (["stall", "at=now"], "stall: 'at=now' is no field of it"),
        (["stall", "lasts"], "stall: 'lasts' is no field of it"),
        (["stall", "lasts=24"], "lasts: '24' has no unit"),
        (["stall", "lasts=1 h", "lasts=2 h"], "lasts: '2 h' is given twice"),
        (["interference", "x=1"], "interference: 'x=1' cannot stand here: it has no fields"),
        (["gain"], "gain is missing. Accepted: gain gain=+3 %."),
        (["gain", "gain=3 %"], "gain: '3 %' needs a sign"),
        (["temperature", "change=hot", "flow=+5 %"], "change: 'hot' is not accepted. Accepted: higher, lower."),
        (["temperature", "change=higher", "flow=-5 %"], "flow: '-5 %' contradicts the direction that is known"),
        (
            ["temperature", "change=higher", "flow=+5 %", "lasts=2 h"],
            "lasts: '2 h' is two faults; strike it now, and when it is over: temperature change=higher 'flow=0 %'",
        ),
        (["memory_error", "bit=-1"], "bit: '-1' is not accepted"),
        (["memory_error", "bit=x"], "bit: 'x' is not accepted. Accepted: input should be a valid integer."),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_fault_that_is_not_understood_strikes_nothing(path: Path, written: list[str], says: str) -> None:
    """What was written, what may be, and what was meant."""
    before = pump_of(path, "TC-0004")["journal_entries"]
    result = bench(path, "fault", "TC-0004", *written)
    assert (result.returncode, result.stdout) == (2, "")
    assert says in result.stderr
    assert pump_of(path, "TC-0004")["journal_entries"] == before


def test_several_mistakes_are_all_said() -> None:
    """Each field by itself."""
    with pytest.raises(InputErrors) as caught:
        read_fault("sensor_error", ["reads=up", "by=3"], NOW)
    assert [error.field for error in caught.value.errors] == ["reads", "by"]


def test_a_fault_that_the_pump_cannot_have_exits_with_1(path: Path) -> None:
    """By the rule of the pump, with nothing changed."""
    result = bench(path, "fault", "TC-0004", "sensor_error", "reads=higher", "by=3 mL")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("thecal: refused by PMP-41: sensor error in reference-40.")


def test_a_fault_lasts_from_when_it_strikes(path: Path) -> None:
    """Told with its second; the pump has it for as long as was said."""
    result = bench(path, "fault", "TC-0005", "stall", "lasts=24 h")
    assert (result.returncode, result.stderr) == (0, "")
    first, second = result.stdout.splitlines()
    assert re.fullmatch(rf"{AT.pattern}  TC-0005: motor stall", first)
    assert re.fullmatch(rf"{AT.pattern}  TC-0005  rotor stands \(unsensed\): nothing flows; .*", second)
    gained = bench(path, "fault", "TC-0005", "gain", "gain=-3 %")
    assert "TC-0005: true flow is now -3 % from the programmed flow; nobody can see it" in gained.stdout


def keys_in(path: Path, *options: str) -> dict[str, Any]:
    result = bench(path, "keys", "--json", *options)
    assert (result.returncode, result.stderr) == (0, "")
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def programmers_in(document: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each for each in document["programmers"]}


@pytest.mark.requirement("BEN-23")
def test_a_rotation_of_the_keys_on_a_bench_that_runs(path: Path, tmp_path: Path) -> None:
    """New and old keys are taken until the old authority is retired; who is revoked stays out, with both."""
    keys_in(path, "--programmer", "ward", "--may", "may_interrogate", "--may", "may_program", "--pump", "TC-0006")
    before = keys_in(path, "--programmer", "student", "--lasts", "30 days")
    old = tmp_path / "keys"
    shutil.copytree(path / "keys", old)
    after = keys_in(path, "--rotate")
    for name, held in programmers_in(before).items():
        same = ("permissions", "pumps", "standing")
        assert [programmers_in(after)[name][each] for each in same] == [held[each] for each in same]
        ends = [datetime.fromisoformat(programmers_in(each)[name]["until_utc"]) for each in (before, after)]
        assert timedelta(0) <= ends[0] - ends[1] < timedelta(seconds=5)
    assert (len(before["authorities_until_utc"]), len(after["authorities_until_utc"])) == (1, 2)
    for name in ("ward", "student"):
        assert (old / f"programmer-{name}.pem").read_bytes() != (path / "keys" / f"programmer-{name}.pem").read_bytes()
    # Who still has the old key has learned which authority to trust.
    shutil.copy(path / "keys" / "trusted.pem", old)
    for keys in (path / "keys", old):
        assert lets_in(path, keys, "ward", "TC-0006")
        assert not lets_in(path, keys, "ward", "TC-0001")
        assert lets_in(path, keys, "student", "TC-0006")
    keys_in(path, "--revoke", "student")
    assert not any(lets_in(path, keys, "student", "TC-0006") for keys in (path / "keys", old))
    retired = keys_in(path, "--retire")
    assert len(retired["authorities_until_utc"]) == 1
    assert lets_in(path, path / "keys", "ward", "TC-0006")
    assert not lets_in(path, old, "ward", "TC-0006")
    log = (path / "log.jsonl").read_text(encoding="utf-8")
    assert "BEN-14" in log
    assert lets_in(path, path / "keys", "clinic", "TC-0001")
    assert {held["standing"] for held in keys_in(path, "--rotate")["programmers"]} == {"valid", "revoked"}
    assert keys_in(path, "--retire") is not None
    assert programmers_in(keys_in(path))["student"]["standing"] == "revoked"


def lets_in(path: Path, keys: Path, who: str, serial: str) -> bool:
    """Whether a bench lets a programmer with these keys talk to a pump."""
    where = BenchFolder(path).listening()
    assert where is not None

    async def talk() -> bool:
        try:
            async with Wand(where.host, where.port, serial, context=programmer_context(keys, who)) as wand:
                return isinstance(await wand.say(Message("", 1, Interrogate())), Confirmed)
        except LinkError:
            return False

    return asyncio.run(talk())


def test_the_first_call_makes_the_keys_and_the_owner_alone_reads_them(tmp_path: Path) -> None:
    """An authority and a programmer that may do everything, for a year; in a table and in JSON."""
    text = bench(tmp_path, "keys")
    assert (text.returncode, text.stderr) == (0, "")
    row = next(line for line in text.stdout.splitlines() if line.startswith("clinic"))
    until = datetime.now(UTC) + timedelta(days=365)
    assert re.split(r"  +", row)[:3] == ["clinic", "may_interrogate may_program", "all"]
    assert f"{until:%Y-%m-%d}" in row
    assert BANNER in text.stdout
    clinic = programmers_in(keys_in(tmp_path))["clinic"]
    assert (clinic["permissions"], clinic["pumps"], clinic["standing"]) == (["may_interrogate", "may_program"], None, "valid")
    assert Path(clinic["key"]).is_file()
    assert {each.stat().st_mode & 0o777 for each in (tmp_path / "keys").iterdir()} == {0o600}
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700


def test_a_key_is_issued_as_it_is_asked_for_and_the_one_before_is_revoked(tmp_path: Path) -> None:
    """To read only, if nothing else is said; the serial numbers of pumps to come are taken as they are written."""
    first = programmers_in(keys_in(tmp_path, "--programmer", "nurse"))["nurse"]
    assert (first["permissions"], first["pumps"]) == (["may_interrogate"], None)
    assert not (tmp_path / "keys" / "revoked").exists()
    again = keys_in(tmp_path, "--programmer", "nurse", "--may", "may_program", "--pump", "TC-0001", "--pump", "TC-0002")
    second = programmers_in(again)["nurse"]
    assert (second["permissions"], second["pumps"], second["standing"]) == (["may_program"], ["TC-0001", "TC-0002"], "valid")
    assert len((tmp_path / "keys" / "revoked").read_text(encoding="ascii").split()) == 1
    short = programmers_in(keys_in(tmp_path, "--programmer", "guest", "--lasts", "2 h"))["guest"]
    left = datetime.fromisoformat(short["until_utc"]) - datetime.now(UTC)
    assert timedelta(hours=1, minutes=59) < left <= timedelta(hours=2)


def test_a_key_of_an_authority_that_is_not_trusted_says_so(tmp_path: Path) -> None:
    """An old certificate after a retirement; one that has run out is not made anew by a rotation."""
    keys_in(tmp_path, "--programmer", "guest", "--lasts", "1 s")
    old = (tmp_path / "keys" / "programmer-clinic.pem").read_bytes()
    while programmers_in(keys_in(tmp_path))["guest"]["standing"] != "expired":
        pass
    keys_in(tmp_path, "--rotate")
    retire(tmp_path / "keys")
    assert {name: held["standing"] for name, held in programmers_in(keys_in(tmp_path)).items()} == {
        "clinic": "valid",
        "guest": "expired",
    }
    (tmp_path / "keys" / "programmer-clinic.pem").write_bytes(old)
    assert programmers_in(keys_in(tmp_path))["clinic"]["standing"] == "not trusted"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--programmer", "a/b"], "--programmer: 'a/b' is no name of a programmer"),
        (["--programmer", "nurse", "--may", "may_interogate"], "Did you mean 'may_interrogate'?"),
        (["--programmer", "nurse", "--pump", "tc-1"], "--pump: 'tc-1' is no serial number"),
        (["--programmer", "nurse", "--lasts", "1 year"], "years differ in length"),
        (["--programmer", "nurse", "--lasts", "4000 days"], "--lasts: '4000 days' is longer than an authority lasts"),
        (["--may", "may_program"], "--may says what a key permits, and none is issued. Accepted: --programmer NAME with it."),
        (["--lasts", "2 days"], "--lasts says what a key permits, and none is issued"),
        (["--revoke", "clinik"], "--revoke: 'clinik' is no programmer here. Accepted: clinic. Did you mean 'clinic'?"),
        (["--rotate", "--revoke", "clinic"], "'--rotate or --retire and --revoke' are two things"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_keys_that_cannot_be_are_not_issued(tmp_path: Path, options: list[str], says: str) -> None:
    """The option, what was written, and what would be right."""
    result = bench(tmp_path, "keys", *options)
    assert (result.returncode, result.stdout) == (2, "")
    assert says in result.stderr
    assert not (tmp_path / "keys" / "revoked").exists()
    assert [each.name for each in (tmp_path / "keys").glob("programmer-*.pem")] in ([], ["programmer-clinic.pem"])


def test_a_key_for_a_pump_that_is_not_there_is_not_issued(path: Path) -> None:
    """Where there are pumps, it is one of them."""
    result = bench(path, "keys", "--programmer", "nurse", "--pump", "TC-00001")
    assert (result.returncode, result.stdout) == (2, "")
    assert "Did you mean 'TC-0001'?" in result.stderr


def test_the_verbs_are_quick_to_load() -> None:
    """What the bench needs is loaded by the bench: asking for the version does not load sockets and certificates."""
    code = (
        "import sys; import thecal.cli.main; print([name for name in ('asyncio', 'cryptography', 'ssl') if name in sys.modules])"
    )
    result = subprocess.run([THECAL.with_name("python"), "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_the_needle_says_that_it_is_no_wand() -> None:
    """In its help, which nobody should have to look for elsewhere."""
    result = inside("bench", "needle", "--help")
    assert result.returncode == 0
    assert "This is the needle and not the wand" in " ".join(result.stdout.split())
