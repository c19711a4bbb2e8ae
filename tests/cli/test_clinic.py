"""thecal clinic verify, rebuild, backup, restore, export and import: what they say, their exit codes, what they leave."""

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.charts import started
from tests.clinic.passports import issued
from tests.clinic.practice import NOW, admit, new_practice
from tests.command import ROOT, inside
from thecal.chart.facts import Noted
from thecal.cli.serve_dir import default_folder
from thecal.clinic.database import Database, sqlite_url
from thecal.clinic.online_backup import noted_heads
from thecal.clinic.passport_code import BEGINS, signed
from thecal.clinic.practice import By, Practice
from thecal.clinic.signing_key import load_or_make

Call = Callable[..., subprocess.CompletedProcess[str]]
RUN = "from thecal.cli.main import main; main()"


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """thecal clinic within this process, with no clinic of the user's in reach."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("THECAL_DATA", raising=False)
    monkeypatch.delenv("THECAL_DATABASE", raising=False)
    return lambda *arguments: inside("clinic", *arguments)


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made")
    practice = new_practice(sqlite_url(folder / "clinic.db"), folder)
    stream = admit(practice)
    practice.write(stream, 11, [Noted(NOW, "told")], By("nora"), "wrote")
    practice.database.close()
    return folder


@pytest.fixture
def data(made_once: Path, tmp_path: Path) -> Path:
    """The folder of a clinic."""
    folder = tmp_path / "data"
    shutil.copytree(made_once, folder)
    return folder


def digest(result: subprocess.CompletedProcess[str]) -> str:
    """The digest that a command printed."""
    return next(line for line in result.stdout.splitlines() if line.startswith("digest "))


def broken(data: Path, change: str) -> None:
    """A change behind the program's back."""
    with closing(sqlite3.connect(data / "clinic.db")) as plain:
        plain.execute("DROP TRIGGER entry_stays_update")
        plain.execute("DROP TRIGGER entry_stays_delete")
        plain.execute(change)
        plain.commit()


def test_a_whole_record_is_verified(call: Call, data: Path) -> None:
    """The number of entries and chains, and the digest for the notebook."""
    result = call("verify", "--data", data)
    assert (result.returncode, result.stderr) == (0, "")
    first, second = result.stdout.splitlines()
    assert first == "21 entries in 2 chains are as they were written"
    assert len(second) == len("digest ") + 64


def test_a_changed_record_exits_with_the_place(call: Call, data: Path) -> None:
    """Exit code 1, and nothing on standard output that looks like a digest."""
    broken(data, "UPDATE entry SET who = 'eve' WHERE stream = 'staff' AND version = 4")
    result = call("verify", "--data", data)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "thecal: staff, version 4 was changed after it was written\n"


def test_a_chain_that_was_cut_off_is_found_by_its_heads(call: Call, data: Path, tmp_path: Path) -> None:
    """The heads are written once, and compared from then on; the chain alone would be whole."""
    notebook = tmp_path / "heads.json"
    assert f"The heads are noted in {notebook}" in call("verify", "--data", data, "--heads", notebook).stdout
    noted = notebook.read_bytes()
    assert "They go through all 2 heads" in call("verify", "--data", data, "--heads", notebook).stdout
    broken(data, "DELETE FROM entry WHERE stream = 'staff' AND version = 9")
    assert call("verify", "--data", data).returncode == 0
    result = call("verify", "--data", data, "--heads", notebook)
    assert (result.returncode, result.stdout) == (1, "")
    assert "staff ends at version 8: it had 9 when the heads were noted" in result.stderr
    assert notebook.read_bytes() == noted


def test_every_head_is_printed_where_it_is_asked_for(call: Call, data: Path, tmp_path: Path) -> None:
    """A line for each chain with its length and digest, the same as in the file of heads; no file is written."""
    notebook = tmp_path / "heads.json"
    call("verify", "--data", data, "--heads", notebook)
    before = sorted(path.name for path in tmp_path.iterdir())
    result = call("verify", "--data", data, "--heads", "-")
    assert (result.returncode, result.stderr) == (0, "")
    _, second, *lines = result.stdout.splitlines()
    assert second == digest(call("verify", "--data", data))
    noted = noted_heads(notebook.read_text(encoding="utf-8"), "")
    assert lines == [f"head {head.stream} {head.version} {head.digest}" for head in noted]
    assert [head.version for head in noted if head.stream == "staff"] == [9]
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    broken(data, "UPDATE entry SET who = 'eve' WHERE stream = 'staff' AND version = 4")
    assert call("verify", "--data", data, "--heads", "-").stdout == ""


def test_a_file_that_is_no_database_is_told(call: Call, data: Path) -> None:
    """Overwritten with something else: exit code 1, and no traceback."""
    (data / "clinic.db").write_bytes(b"no database at all" * 1000)
    result = call("verify", "--data", data)
    assert (result.returncode, result.stdout) == (1, "")
    assert "the database is damaged" in result.stderr


@pytest.mark.parametrize("verb", ["verify", "rebuild", "backup", "export"])
def test_looking_makes_no_clinic(call: Call, tmp_path: Path, verb: str) -> None:
    """A folder without one is bad input, and is as it was."""
    file = [tmp_path / "file"] if verb in {"backup", "export"} else []
    result = call(verb, *file, "--data", tmp_path / "nothing")
    assert (result.returncode, result.stdout) == (2, "")
    assert "has no clinic in it" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_where_a_clinic_is_looked_for(call: Call, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder that is named, the variable, the user's data folder; a database that is named goes before all of them."""
    assert default_folder() == tmp_path / "xdg" / "thecal"
    assert call("verify").returncode == 2
    monkeypatch.setenv("THECAL_DATA", str(data))
    assert call("verify").returncode == 0
    monkeypatch.delenv("THECAL_DATA")
    shutil.copytree(data, tmp_path / "xdg" / "thecal")
    assert call("verify").returncode == 0
    assert call("verify", "--database", f"sqlite:///{data / 'clinic.db'}", "--data", tmp_path / "nothing").returncode == 0
    result = call("verify", "--database", "no address")
    assert (result.returncode, "is no address of a database" in result.stderr) == (2, True)
    monkeypatch.setenv("XDG_DATA_HOME", "relative")  # which its specification says to ignore
    assert default_folder() == Path.home() / ".local" / "share" / "thecal"


def test_a_rebuild_tells_what_was_another(call: Call, data: Path) -> None:
    """The standing was of the day of the tests; the next rebuild finds all as they are."""
    first = call("rebuild", "--data", data)
    assert first.returncode == 0
    assert first.stdout.splitlines()[0] == "1 charts were worked out anew; 0 standings are the same as before"
    assert "it was of 2026-11-20" in first.stdout
    second = call("rebuild", "--data", data)
    assert second.stdout == "1 charts were worked out anew; 1 standings are the same as before\n"


@pytest.mark.parametrize(("write", "read"), [("backup", "restore"), ("export", "restore"), ("export", "import")])
def test_there_and_back_again(call: Call, data: Path, tmp_path: Path, write: str, read: str) -> None:
    """The digest is the same all the way, the noted heads hold, and a second restore is refused."""
    notebook, kept, again = tmp_path / "heads.json", tmp_path / "kept", tmp_path / "again"
    before = digest(call("verify", "--data", data, "--heads", notebook))
    wrote = call(write, kept, "--data", data)
    assert (wrote.returncode, wrote.stderr, digest(wrote)) == (0, "", before)
    result = call(read, kept, "--data", again, "--heads", notebook)
    assert (result.returncode, result.stderr, digest(result)) == (0, "", before)
    assert digest(call("verify", "--data", again, "--heads", notebook)) == before
    assert again.stat().st_mode & 0o777 == 0o700
    full = call(read, kept, "--data", again)
    assert (full.returncode, "not empty" in full.stderr) == (2, True)


def test_who_took_the_record_along_stands_in_the_audit(call: Call, data: Path, tmp_path: Path) -> None:
    """A backup and an archive are a way to read every chart: both are told, with whether there were identifiers."""
    call("backup", tmp_path / "kept", "--data", data)
    call("export", tmp_path / "kept.zip", "--without-identifiers", "--data", data)
    database = Database(sqlite_url(data / "clinic.db"))
    with database.reading() as connection:
        told = connection.execute(text("SELECT did, detail FROM audit WHERE who = 'command line' ORDER BY id")).all()
    database.close()
    assert [row.did for row in told] == ["backed up the record", "exported the record"]
    assert told[0].detail.startswith("kept, by user ")
    assert told[1].detail.endswith("without identifiers")


def test_an_archive_for_research_warns_of_free_text(call: Call, data: Path, tmp_path: Path) -> None:
    """And what was read in from it has to be rebuilt, which it says."""
    result = call("export", tmp_path / "kept.zip", "--without-identifiers", "--data", data)
    assert (result.returncode, "free text" in result.stderr) == (0, True)
    read = call("import", tmp_path / "kept.zip", "--data", tmp_path / "again")
    assert read.stdout.splitlines()[-1] == "The standings have to be worked out now: thecal clinic rebuild"


def test_what_is_no_archive_is_refused(call: Call, data: Path, tmp_path: Path) -> None:
    """A text, a backup for import, a file cut off, no file: nothing is made."""
    (tmp_path / "text").write_text("hello")
    call("backup", tmp_path / "backup", "--data", data)
    call("export", tmp_path / "archive", "--data", data)
    (tmp_path / "cut").write_bytes((tmp_path / "archive").read_bytes()[:-100])
    codes = {"text": 1, "backup": 2, "cut": 1, "none": 2}
    for name, code in codes.items():
        result = call("import", tmp_path / name, "--data", tmp_path / "again")
        assert (result.returncode, result.stdout) == (code, ""), result.stderr
    assert not (tmp_path / "again").exists()


def test_an_archive_of_another_record_does_not_pass_for_this_one(call: Call, data: Path, tmp_path: Path) -> None:
    """A whole archive, but older than the heads in the notebook: nothing is restored."""
    notebook = tmp_path / "heads.json"
    call("export", tmp_path / "old.zip", "--data", data)
    database = Database(sqlite_url(data / "clinic.db"))
    Practice(database, data, lambda: NOW).write("P-9", 0, [Noted(NOW, "later")], By("nora"), "wrote")
    database.close()
    call("verify", "--data", data, "--heads", notebook)
    result = call("restore", tmp_path / "old.zip", "--data", tmp_path / "again", "--heads", notebook)
    assert (result.returncode, result.stdout) == (1, "")
    assert "P-9 is gone: it had 1 entries" in result.stderr
    assert list((tmp_path / "again").iterdir()) == []


def test_files_are_not_overwritten_unasked(call: Call, data: Path, tmp_path: Path) -> None:
    """Neither by a backup nor by an archive; the database itself not even by force."""
    (tmp_path / "kept").write_text("mine")
    for verb in ("backup", "export"):
        result = call(verb, tmp_path / "kept", "--data", data)
        assert (result.returncode, "--force" in result.stderr) == (2, True)
        assert call(verb, data / "clinic.db", "--data", data, "--force").returncode == 2
    assert (tmp_path / "kept").read_text() == "mine"
    assert call("export", tmp_path / "kept", "--data", data, "--force").returncode == 0
    assert call("verify", "--data", data).returncode == 0


def test_ctrl_c_leaves_no_half_a_file(data: Path, tmp_path: Path) -> None:
    """Exit code 130, one sentence, and the folder as it was."""
    slow = "import thecal.clinic.online_backup as o\nimport time\n" + (
        "was = o.inventory\n"
        "def inventory(*a, **k):\n    print('begun', flush=True)\n    time.sleep(30)\n    return was(*a, **k)\n"
        "o.inventory = inventory\n"
    )
    arguments = ["clinic", "backup", str(tmp_path / "kept"), "--data", str(data)]
    process = subprocess.Popen(
        [sys.executable, "-c", slow + RUN, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, f"\nthecal: stopped; {tmp_path / 'kept'} was not written\n")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_passport_is_told_without_a_network(call: Call, tmp_path: Path) -> None:
    """The line, the flow and what is done without a programmer; one of an older version says so and is no defect."""
    key, file = load_or_make(tmp_path), tmp_path / "passport.txt"
    text = signed(issued(started(100).look(10)), key)
    file.write_text(f"{text}\n", encoding="utf-8")
    told = call("passport", file, "--key", str(key.public))
    assert told.returncode == 0, told.stderr
    for label in ("Flow, programmed", "In tubing and catheter", "Operation", "Without a programmer, too much"):
        assert any(line.startswith(f"{label}  ") for line in told.stdout.splitlines())
    file.write_text(text.replace(BEGINS, "THECAL1:"), encoding="utf-8")
    older = call("passport", file, "--key", str(key.public))
    assert (older.returncode, older.stdout) == (1, "")
    assert older.stderr.startswith("thecal: this passport is of version 1, older than the 2 that is read here; ask the clinic")
