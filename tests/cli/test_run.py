"""thecal run: exit codes, files whole or not at all, and a page that stands alone."""

import csv
import json
import os
import pty
import resource
import signal
import subprocess
from pathlib import Path

import pytest

from tests.command import ROOT, THECAL
from tests.command import inside as thecal
from tests.golden import SCENARIOS
from tests.twin.cases import CASE, with_line
from thecal.cli.console import write_whole
from thecal.report.words import BANNER

FIRST_YEAR = ROOT / "scenarios" / "first-year.toml"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(CASE, encoding="utf-8")
    return path


def written(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"small.toml"}


@pytest.mark.requirement("CLI-01")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.stem)
def test_the_scenarios_run(scenario: Path) -> None:
    """Each ends with 0: what is refused in them is expected."""
    result = thecal("run", scenario)
    assert (result.returncode, result.stderr) == (0, "")
    assert "closes to the nanolitre and the picogram: gap 0 nL, 0 pg" in result.stdout


@pytest.mark.requirement("CLI-01")
def test_a_refused_event_exits_with_one_and_the_files_are_there(small: Path, tmp_path: Path) -> None:
    """The run goes on; the refusal is in the table and in the document."""
    small.write_text(with_line('dose = "220 mcg/day"', 'dose = "5 mcg/day"'), encoding="utf-8")
    result = thecal("run", small, "--json", tmp_path / "x.json")
    assert result.returncode == 1
    assert "refused by PMP-01" in result.stdout
    refusal = json.loads((tmp_path / "x.json").read_text())["refusals"][0]
    assert (refusal["rule"], refusal["expected"], refusal["at_local"]) == ("PMP-01", False, "2026-03-16 09:00")


def test_an_expected_refusal_that_does_not_come_exits_with_one(small: Path) -> None:
    """A scenario that promises a refusal is held to it."""
    small.write_text(with_line('dose = "220 mcg/day"', 'dose = "220 mcg/day"\nexpect = "refused"'), encoding="utf-8")
    result = thecal("run", small)
    assert result.returncode == 1
    assert "Expected a refusal that did not come" in result.stdout


@pytest.mark.requirement("CLI-01")
@pytest.mark.requirement("CLI-02")
def test_bad_input_exits_with_two_and_writes_nothing(small: Path, tmp_path: Path) -> None:
    """The error on standard error, with its line; no file, no table, no traceback."""
    small.write_text(with_line('dose = "220 mcg/day"', 'dose = "220"'), encoding="utf-8")
    result = thecal("run", small, "--json", tmp_path / "x.json", "--html", tmp_path / "x.html", "--csv", tmp_path / "x.csv")
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("thecal: small.toml:")
    assert "Traceback" not in result.stderr
    assert written(tmp_path) == set()


@pytest.mark.requirement("CLI-02")
@pytest.mark.parametrize("target", ["missing/x.json", ".", "small.toml/x.json"])
def test_a_place_that_cannot_be_written_exits_with_two(small: Path, tmp_path: Path, target: str) -> None:
    """One bad place, first or last, and none of the files is written, nor anything left of them."""
    for good, bad in (("--csv", "--json"), ("--json", "--csv")):
        result = thecal("run", small, good, tmp_path / "x", bad, tmp_path / target)
        assert result.returncode == 2
        assert "Traceback" not in result.stderr
        assert result.stderr.startswith("thecal: ")
        assert written(tmp_path) == set()


@pytest.mark.requirement("CLI-02")
def test_no_output_takes_the_place_of_the_case_or_of_another(small: Path, tmp_path: Path) -> None:
    """Under whatever name it is reached."""
    (tmp_path / "link.toml").symlink_to(small)
    other = tmp_path / "x"
    wrong: list[list[str | Path]] = [["--json", small], ["--html", tmp_path / "link.toml"], ["--json", other, "--csv", other]]
    for targets in wrong:
        result = thecal("run", small, *targets)
        assert result.returncode == 2
        assert "another file" in result.stderr
    assert small.read_text(encoding="utf-8") == CASE
    assert not other.exists()


@pytest.mark.requirement("CLI-02")
def test_links_are_followed_modes_are_kept_and_pipes_stay_pipes(small: Path, tmp_path: Path) -> None:
    """A file is replaced, never what only leads to it."""
    private = tmp_path / "private.json"
    private.write_text("old", encoding="utf-8")
    private.chmod(0o600)
    (tmp_path / "link").symlink_to(private)
    assert thecal("run", small, "--json", tmp_path / "link").returncode == 0
    assert (tmp_path / "link").is_symlink()
    assert json.loads(private.read_text(encoding="utf-8"))["schema"] == 1
    assert private.stat().st_mode & 0o777 == 0o600
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen(["cat", tmp_path / "pipe"], stdout=subprocess.PIPE, text=True) as cat:
        assert thecal("run", small, "--csv", tmp_path / "pipe").returncode == 0
        assert cat.stdout is not None
        assert cat.stdout.read().startswith("start_utc,")
    assert (tmp_path / "pipe").is_fifo()


def test_a_title_is_text_and_nothing_else(small: Path, tmp_path: Path) -> None:
    """No mathematics in the figure, no markup on the page, whatever graphics are set outside."""
    small.write_text(with_line('title = "a test"', "title = '$\\bad{$ <b>5 $, 6 $ 日本'"), encoding="utf-8")
    result = subprocess.run(
        [str(THECAL), "run", str(small), "--html", str(tmp_path / "x.html")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "MPLBACKEND": "nope"},
    )
    assert (result.returncode, result.stderr) == (0, "")
    page = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert "<h1>$\\bad{$ &lt;b&gt;5 $, 6 $ 日本</h1>" in page


def test_a_closed_standard_output_is_no_error(small: Path) -> None:
    """Some callers close it."""
    shell = f'"{THECAL}" run "{small}" >&-'
    result = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("name", ["none.toml", "."])
def test_no_file_to_read_exits_with_two(tmp_path: Path, name: str) -> None:
    """Missing, or a folder."""
    result = thecal("run", tmp_path / name)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert name.strip(".") in result.stderr


@pytest.mark.requirement("CLI-02")
def test_a_full_disk_leaves_the_old_file_whole(small: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the write fails, the old file stays, nothing is left lying about."""
    old = tmp_path / "x.json"
    old.write_text("old", encoding="utf-8")

    def little_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    result = subprocess.run(
        [str(THECAL), "run", str(small), "--json", str(old), "--csv", str(tmp_path / "x.csv")],
        capture_output=True,
        text=True,
        preexec_fn=little_room,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert old.read_text(encoding="utf-8") == "old"
    assert written(tmp_path) == {"x.json"}


@pytest.mark.requirement("CLI-02")
def test_interrupted_while_writing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C between staging and putting in place: no file, no leftover."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_whole({tmp_path / "a": "a", tmp_path / "b": "b"})
    assert written(tmp_path) == set()


@pytest.mark.requirement("CLI-03")
def test_json_and_csv_are_the_same_rows(small: Path, tmp_path: Path) -> None:
    """Numbers as numbers, whole nanolitres and picograms, times in UTC with the zone beside them, nothing internal."""
    result = thecal("run", small, "--json", tmp_path / "x.json", "--csv", tmp_path / "x.csv")
    assert result.returncode == 0
    text = (tmp_path / "x.json").read_text(encoding="utf-8")
    document = json.loads(text)
    assert list(document) == ["schema", "thecal", "case", "intervals", "events", "refusals", "ledger", "notes"]
    assert document["case"]["timezone"] == "Europe/Berlin"
    assert str(tmp_path) not in text
    with (tmp_path / "x.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(document["intervals"]) == 5  # the last one begins where it runs dry
    for row, interval in zip(rows, document["intervals"], strict=True):
        assert row["start_utc"] == interval["start_utc"]
        assert int(row["delivered_nl"]) == interval["delivered_nl"]
        assert type(interval["delivered_nl"]) is type(interval["delivered_pg"]) is int
    keys = {key for interval in document["intervals"] for key in interval}
    assert not {key for key in keys if any(word in key for word in ("carry", "numerator", "per_", "gain")) and "_per_" not in key}
    ledger = document["ledger"]
    held = ("reservoir", "line", "intrathecal", "tissue", "withdrawn", "wasted")
    assert ledger["vial_pg"] == sum(ledger[f"{account}_pg"] for account in held)
    assert ledger["vial_nl"] + ledger["prefilled_nl"] == sum(ledger[f"{account}_nl"] for account in held)


@pytest.mark.requirement("CLI-05")
def test_it_says_what_it_is_not(small: Path, tmp_path: Path) -> None:
    """On the terminal, in the document, on the page and in the help."""
    result = thecal("run", small, "--json", tmp_path / "x.json", "--html", tmp_path / "x.html")
    assert BANNER in result.stdout
    assert BANNER in json.loads((tmp_path / "x.json").read_text())["notes"]
    assert BANNER in (tmp_path / "x.html").read_text()
    assert "never talks to a real implant" in " ".join(thecal("--help").stdout.split())


def test_no_line_is_wider_than_the_table(small: Path) -> None:
    """A hundred columns and a few, whatever the words."""
    for scenario in (small, *SCENARIOS):
        lines = thecal("run", scenario).stdout.splitlines()
        assert max(len(line) for line in lines) <= 106


def test_a_long_case_shows_its_progress(tmp_path: Path) -> None:
    """On a terminal, a case of hundreds of events shows a bar on standard error; in a pipe it shows nothing."""
    notes = "".join(
        f'[[event]]\nat = "2026-04-{1 + n // 20:02d} {n % 20:02d}:00"\nkind = "note"\ntext = "{n}"\n' for n in range(300)
    )
    path = tmp_path / "long.toml"
    path.write_text(with_line('[[event]]\nat = "2026-04-10 09:00"\nkind = "bolus"\ndose = "50 mcg"\nover = "10 min"\n', notes))
    assert thecal("run", path).stderr == ""
    reader, writer = pty.openpty()
    with subprocess.Popen(
        [str(THECAL), "run", str(path)], stdout=subprocess.DEVNULL, stderr=writer, env={**os.environ, "TERM": "xterm"}
    ):
        os.close(writer)
        shown = b""
        while piece := _read(reader):
            shown += piece
    os.close(reader)
    assert b"running the case" in shown


def _read(reader: int) -> bytes:
    try:
        return os.read(reader, 65_536)
    except OSError:  # the other end has closed
        return b""
