"""``thecal triage``, by arguments, by questions and with a chart."""

import json
import os
import pty
import subprocess

import pytest

from tests.command import ROOT, THECAL
from tests.command import inside as thecal

pytestmark = pytest.mark.requirement("CLI-22")


def test_signs_of_withdrawal_are_seen_today() -> None:
    """Tier, what to do first in its order, reasons, sources and the disclaimer."""
    result = thecal("triage", "itching without rash", "fever=2", "--since", "refill=20 h")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("TODAY")
    assert "suspected: withdrawal" in result.stdout
    assert "refill 20 h ago" in result.stdout
    assert "no medical advice" in result.stdout


def test_an_emergency_exits_with_1() -> None:
    result = thecal("triage", "somnolence=2", "--since", "programming=2 h", "--json")
    answer = json.loads(result.stdout)
    assert result.returncode == 1
    assert (answer["tier"], answer["suspicion"]) == ("emergency", "overdose")
    assert answer["first_actions"][0]["rule"] == "OVD-02"
    assert all(row["source"] and row["confidence"] for row in answer["reasons"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["feber"], "Did you mean 'fever'?"),
        (["fever=4"], "0 gone, 1 mild, 2 moderate, 3 severe"),
        (["fever", "--since", "refil=2 h"], "Did you mean 'refill'?"),
        (["fever", "--since", "refill=2"], "--since"),
        (["fever", "--risk", "pregnant"], "'pregnancy'"),
        (["fever", "--tone", "soft"], "limp, normal, high"),
        ([], "SYMPTOM is missing"),
    ],
)
def test_bad_input_exits_with_2(arguments: list[str], says: str) -> None:
    result = subprocess.run(
        [str(THECAL), "triage", *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert result.returncode == 2
    assert says in result.stderr


def test_it_asks_where_somebody_is_there() -> None:
    """Each symptom in turn, Enter for no: the first is graded, the rest are not there."""
    leader, follower = pty.openpty()
    process = subprocess.Popen([str(THECAL), "triage"], stdin=follower, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    os.close(follower)
    os.write(leader, b"2\n" + b"\n" * 60)
    out, told = process.communicate(timeout=60)
    os.close(leader)
    assert "For each: 0 no, 1 mild" in told
    assert "suspected: " in out
    assert process.returncode in (0, 1)


def test_a_chart_says_what_is_known_besides() -> None:
    result = thecal("triage", "fever", "--chart", ROOT / "scenarios" / "first-year.toml")
    assert "suspected: withdrawal" in result.stdout
    assert "until 20" in result.stdout
