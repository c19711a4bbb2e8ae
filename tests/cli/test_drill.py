"""``thecal drill``: what is typed, by one or by two, and what comes of it."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command import ROOT
from tests.command import inside as thecal
from tests.drill.plays import SMALL

SCRIPT = ROOT / "tests" / "drill" / "scripts" / "withdrawal-at-night.good.txt"


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    (tmp_path / "small.toml").write_text(SMALL, encoding="utf-8")
    return tmp_path


def test_the_list_names_them_all(desk: Path) -> None:
    """With what each teaches; as data too."""
    shown = thecal("drill", "list", cwd=desk)
    rows = json.loads(thecal("drill", "list", "--json", cwd=desk).stdout)
    assert len(rows) >= 10
    assert all(row["name"] in shown.stdout and row["objectives"] for row in rows)


def test_a_script_plays_to_the_debrief(desk: Path) -> None:
    """Nothing is kept unless it is asked for."""
    result = thecal("drill", "play", "withdrawal-at-night", "--script", SCRIPT, cwd=desk)
    assert (result.returncode, result.stderr) == (0, "")
    assert "100 %" in result.stdout
    assert [path.name for path in desk.iterdir()] == ["small.toml"]


def test_a_script_s_mistake_is_named(desk: Path) -> None:
    """By its file and line; what came before it has been shown."""
    (desk / "lines.txt").write_text("examine\n# nothing\nexmine\n", encoding="utf-8")
    result = thecal("drill", "play", "small.toml", "--script", "lines.txt", cwd=desk)
    assert result.returncode == 2
    assert "lines.txt:3" in result.stderr
    assert "'examine'" in result.stderr
    assert "Ashworth" in result.stdout


def test_a_run_is_kept_and_gone_on_with(desk: Path) -> None:
    """By itself beside the player; left in the middle, it says how to go on; played again, it stands where it stood."""
    first = thecal("drill", "play", "small.toml", "--as", "anna", cwd=desk, stdin="examine\nexmine\n")
    assert "go on with: thecal drill go-on small.run" in first.stderr
    assert "Did you mean 'examine'?" in first.stderr
    second = thecal("drill", "go-on", "small.run", cwd=desk, stdin="do send for a programmer\nwait 2 h\nwait 2 h\ndone\n")
    assert "[anna] > examine" in second.stdout
    assert "Debrief: A small drill" in second.stdout
    told = thecal("drill", "debrief", "small.run", "--json", "score.json", "--html", "score.html", cwd=desk)
    assert told.returncode == 0
    score = json.loads((desk / "score.json").read_text(encoding="utf-8"))
    assert [row["standing"] for row in score["critical"]] == ["in time", "missed", "missed"]
    assert "<svg" in (desk / "score.html").read_text(encoding="utf-8")
    assert "> wait 2 h" in thecal("drill", "replay", "small.run", cwd=desk).stdout
    again = thecal("drill", "play", "small.toml", cwd=desk, stdin="")
    assert "small-2.run" in again.stderr


def test_a_run_of_another_version_is_bad_input(desk: Path) -> None:
    """Also where the drill is no longer there."""
    thecal("drill", "play", "small.toml", cwd=desk, stdin="examine\n")
    (desk / "small.toml").write_text(SMALL.replace("Look.", "Look here."), encoding="utf-8")
    result = thecal("drill", "debrief", "small.run", cwd=desk)
    assert result.returncode == 2
    assert "another version of the drill" in result.stderr
    (desk / "small.toml").unlink()
    assert thecal("drill", "replay", "small.run", cwd=desk).returncode == 2


def test_only_an_instructor_instructs(desk: Path) -> None:
    """A learner's exclamation mark is answered with how one becomes one."""
    result = thecal("drill", "play", "small.toml", "--run", "a.run", cwd=desk, stdin="! show truth\n")
    assert "thecal drill instruct" in result.stderr
    result = thecal("drill", "go-on", "a.run", "--instructor", cwd=desk, stdin="! show truth\n! branch b.run\n! help\n")
    assert "the pump believes" in result.stdout
    assert "! rewind" in result.stdout
    assert (desk / "b.run").exists()


@pytest.mark.requirement("DRL-07")
def test_two_terminals_at_one_run(desk: Path) -> None:
    """What the instructor does is seen by the learner, and what the learner does by the instructor, with the truth."""
    command = str(Path(sys.executable).with_name("thecal"))
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "cwd": desk}
    with subprocess.Popen([command, "drill", "play", "small.toml", "--run", "a.run"], **pipes) as learner:  # type: ignore[call-overload]
        wait_for((desk / "a.run").exists)
        with subprocess.Popen([command, "drill", "instruct", "a.run"], **pipes) as instructor:  # type: ignore[call-overload]
            instructor.stdin.write('fault kink open="50 %"\nsay wife: please hurry\n')
            instructor.stdin.flush()
            wait_for(lambda: "please hurry" in (desk / "a.run").read_text(encoding="utf-8"))
            learner.stdin.write("examine\n")
            learner.stdin.flush()
            wait_for(lambda: "examine" in (desk / "a.run").read_text(encoding="utf-8"))
            time.sleep(1.5)  # for both to look once more
            seen, _ = instructor.communicate(timeout=30)
        shown, _ = learner.communicate(timeout=30)
    assert "! say" not in shown
    assert "kink" not in shown
    assert "Wife: “please hurry”" in shown
    assert "> examine" in seen
    assert "the pump believes" in seen


def wait_for(done: object) -> None:
    """Until something is so, for half a minute at most."""
    assert callable(done)
    for _ in range(300):
        if done():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come")


def test_props_checks_and_incidents(desk: Path) -> None:
    """What is handed out, what says that a drill can be played, and a case that becomes one."""
    assert "EMERGENCY CARD" in thecal("drill", "props", "small.toml", "--html", "props.html", cwd=desk).stdout
    assert "Label of the vial" in (desk / "props.html").read_text(encoding="utf-8")
    assert "3 critical actions" in thecal("drill", "check", "small.toml", cwd=desk).stdout
    case = ROOT / "scenarios" / "stall-in-mri.toml"
    made = thecal("drill", "from", case, "--to", "made.toml", "--at", "2026-09-09 15:00", cwd=desk)
    assert (made.returncode, made.stderr) == (0, "")
    assert "Stockholm" not in (desk / "made.toml").read_text(encoding="utf-8")
    played = thecal("drill", "play", "made.toml", "--script", "-", cwd=desk, stdin="interrogate\nsuspect magnet\ndone\n")
    assert "ALARM: motor stall" in played.stdout
    for bad in (["from", case, "--to", case], ["play", "nodrill"], ["debrief", "nowhere.run"], ["from", "nowhere", "--to", "x"]):
        assert thecal("drill", *bad, cwd=desk).returncode == 2
