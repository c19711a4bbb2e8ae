"""A run as a file: every line that was done and no other, whoever types, and whatever becomes of process or disk."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.command import ROOT
from tests.drill.plays import SMALL
from thecal.drill.drill import read_drill
from thecal.drill.run_file import branch, new_run, open_run
from thecal.errors import InputError


@pytest.fixture
def drill(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(SMALL, encoding="utf-8")
    return path


@pytest.mark.requirement("DRL-08")
def test_a_line_is_kept_before_it_is_shown(drill: Path, tmp_path: Path) -> None:
    """Opened again, the run stands where it stood; what could not be read is not in it."""
    kept = new_run(tmp_path / "a.run", read_drill(str(drill)), str(drill))
    kept.play("examine", "anna")
    with pytest.raises(InputError):
        kept.play("exmine", "anna")
    kept.play("wait 30 min", "")
    again, before = open_run(tmp_path / "a.run")
    assert [(typed.line, typed.by) for typed in before] == [("examine", "anna"), ("wait 30 min", "")]
    assert again.run.state.now == kept.run.state.now
    assert again.run.state.deeds == kept.run.state.deeds
    assert [typed.shown for typed in before] == [told.shown for told in kept.run.told]


@pytest.mark.requirement("DRL-08")
def test_two_write_into_one_run(drill: Path, tmp_path: Path) -> None:
    """Each hears what the other has typed, in one order for both."""
    one = new_run(tmp_path / "a.run", read_drill(str(drill)), str(drill))
    other, _ = open_run(tmp_path / "a.run")
    one.play("examine", "anna")
    assert [typed.line for typed in other.news()] == ["examine"]
    other.play("! jump 1 h", "instructor")
    before, _ = one.play("look", "anna")
    assert [typed.line for typed in before] == ["! jump 1 h"]  # what was typed before it is told with it
    assert one.run.state.elapsed.s >= 3600
    assert [typed.line for typed in other.news()] == ["look"]
    assert one.run.state.now == other.run.state.now
    assert [line for line, _ in one.run.lines] == ["examine", "! jump 1 h", "look"]


@pytest.mark.requirement("DRL-08")
def test_a_full_disk_leaves_the_run_as_it_was(drill: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the line is kept, and nothing of it has been done."""
    kept = new_run(tmp_path / "a.run", read_drill(str(drill)), str(drill))
    kept.play("examine", "")
    before, text = kept.run.state, (tmp_path / "a.run").read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        kept.play("wait 1 h", "")
    monkeypatch.undo()
    assert kept.run.state.now == before.now
    assert (tmp_path / "a.run").read_bytes() == text
    kept.play("wait 1 h", "")
    again, _ = open_run(tmp_path / "a.run")
    assert again.run.state.now == kept.run.state.now


@pytest.mark.requirement("DRL-08")
def test_a_disk_that_takes_half_a_line_leaves_the_run_as_it_was(drill: Path, tmp_path: Path) -> None:
    """The half is taken away again."""
    path = tmp_path / "a.run"
    kept = new_run(path, read_drill(str(drill)), str(drill))
    text = path.read_bytes()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(text) + 10, before[1]))
    try:
        with pytest.raises(OSError):  # noqa: PT011  # no space, or a file that is too large, as the system says
            kept.play("examine", "")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert path.read_bytes() == text
    assert kept.run.lines == []
    kept.play("examine", "\udcff")  # a name that no terminal can show
    again, typed = open_run(path)
    assert [one.line for one in typed] == ["examine"]
    assert again.run.state.now == kept.run.state.now


@pytest.mark.requirement("DRL-08")
def test_a_line_that_was_cut_was_not_done(drill: Path, tmp_path: Path) -> None:
    """As where power was lost while it was written; the next line takes its place."""
    path = tmp_path / "a.run"
    new_run(path, read_drill(str(drill)), str(drill)).play("examine", "")
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"line": "wait 1')
    again, before = open_run(path)
    assert [typed.line for typed in before] == ["examine"]
    again.play("look", "")
    last, before = open_run(path)
    assert [typed.line for typed in before] == ["examine", "look"]
    assert last.run.state.now == again.run.state.now


@pytest.mark.requirement("DRL-08")
def test_a_player_who_is_killed_loses_nothing(drill: Path, tmp_path: Path) -> None:
    """What was shown is in the file."""
    path = tmp_path / "a.run"
    command = [str(Path(sys.executable).with_name("thecal")), "drill", "play", str(drill), "--run", str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("examine\nsuspect catheter\n")
        process.stdin.flush()
        while "You suspect" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.stdin.close()
    _, before = open_run(path)
    assert [typed.line for typed in before] == ["examine", "suspect catheter"]


@pytest.mark.requirement("DRL-07")
def test_a_branch_is_a_run_of_its_own(drill: Path, tmp_path: Path) -> None:
    """It stands where the run stood, and goes its own way."""
    kept = new_run(tmp_path / "a.run", read_drill(str(drill)), str(drill))
    kept.play("examine", "")
    branch(kept, tmp_path / "b.run")
    kept.play("wait 2 h", "")
    other, _ = open_run(tmp_path / "b.run")
    assert [line for line, _ in other.run.lines] == ["examine"]
    with pytest.raises(InputError, match="is there already"):
        branch(kept, tmp_path / "b.run")


@pytest.mark.requirement("DRL-09")
@pytest.mark.parametrize("what", ["drill", "thecal"])
def test_a_run_of_another_version_is_refused(drill: Path, tmp_path: Path, what: str) -> None:
    """Of the drill, or of thecal: it would not come out the same, and says so."""
    path = tmp_path / "a.run"
    new_run(path, read_drill(str(drill)), str(drill)).play("examine", "")
    if what == "drill":
        drill.write_text(SMALL.replace("I am stiff", "I am very stiff"), encoding="utf-8")
    else:
        head, _, rest = path.read_text(encoding="utf-8").partition("\n")
        path.write_text(json.dumps({**json.loads(head), "thecal": "0.0.1"}) + "\n" + rest, encoding="utf-8")
    with pytest.raises(InputError, match="would not come out the same"):
        open_run(path)


@pytest.mark.parametrize("text", ["", "{}", "[]", "no json\n", '{"drill": 2}\n', '{"drill": 1, "name": 3}\n'])
def test_what_is_no_run_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    """Whatever it is."""
    path = tmp_path / "a.run"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="is no run of a drill"):
        open_run(path)


def test_a_run_is_not_begun_over_another(drill: Path, tmp_path: Path) -> None:
    """The file that is there stays as it is."""
    path = tmp_path / "a.run"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(InputError, match="is there already"):
        new_run(path, read_drill(str(drill)), str(drill))
    assert path.read_text(encoding="utf-8") == "mine"


def test_a_line_that_cannot_be_read_is_named(drill: Path, tmp_path: Path) -> None:
    """By the file and its number."""
    path = tmp_path / "a.run"
    new_run(path, read_drill(str(drill)), str(drill)).play("examine", "")
    path.write_bytes(path.read_bytes() + b'{"lin": 3}\n')
    with pytest.raises(InputError, match="cannot be read"):
        open_run(path)
