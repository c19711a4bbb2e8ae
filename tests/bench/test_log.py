"""The log of a bench, also where it cannot be written."""

import errno
import json
import ssl
from pathlib import Path
from typing import Any

import pytest

from thecal.bench.log import BenchLog, in_words


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def test_a_line_says_when_what_and_what_else_is_known(tmp_path: Path) -> None:
    """One object a line; what nobody knows is left out, and what is no text stays what it is."""
    log = BenchLog(tmp_path / "log.jsonl")
    log.note("refused", peer="127.0.0.1:4", client=None, why="no hello")
    log.note("idle", serial="TC-0001", count=2)
    first, second = lines(tmp_path / "log.jsonl")
    assert first.pop("at") <= second.pop("at")
    assert first == {"what": "refused", "peer": "127.0.0.1:4", "why": "no hello"}
    assert second == {"what": "idle", "serial": "TC-0001", "count": 2}


def test_what_a_stranger_sent_cannot_write_lines_of_its_own(tmp_path: Path) -> None:
    """Line ends, control characters and broken Unicode stand in the log as their escapes."""
    log = BenchLog(tmp_path / "log.jsonl")
    log.note("refused", why='a\n{"what":"connected"}\x1b[2J\ud800 é')
    (line,) = lines(tmp_path / "log.jsonl")
    assert line["why"] == 'a\\n{"what":"connected"}\\x1b[2J\\ud800 é'


def test_a_log_that_cannot_be_written_stops_nobody_and_says_so_later(tmp_path: Path) -> None:
    """The lines that are missing are counted, and told with the next one that is written."""
    place = tmp_path / "away"
    log = BenchLog(place / "log.jsonl")
    log.note("idle")
    log.note("cleared")
    place.mkdir()
    log.note("connected")
    log.note("refused")
    first, second = lines(place / "log.jsonl")
    assert (first["what"], first["lines_missed"]) == ("connected", 2)
    assert (second["what"], second.get("lines_missed")) == ("refused", None)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the machine has no disk that is always full")
def test_a_full_disk_is_no_reason_to_fail(tmp_path: Path) -> None:
    """A line that the disk does not take is missed, and nothing is raised."""
    place = tmp_path / "log.jsonl"
    place.symlink_to("/dev/full")
    log = BenchLog(place)
    log.note("idle")
    place.unlink()
    log.note("cleared")
    assert [line.get("lines_missed") for line in lines(place)] == [1]


def _handshake(reason: str) -> OSError:
    error = ssl.SSLError(1, "handshake")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (_handshake("PEER_DID_NOT_RETURN_A_CERTIFICATE"), "showed no certificate"),
        (_handshake("TLSV1_ALERT_UNKNOWN_CA"), "TLSV1_ALERT_UNKNOWN_CA"),
        (OSError(errno.EPIPE, "Broken pipe"), "[Errno 32] Broken pipe"),
        (ConnectionResetError(), "the link was closed (ConnectionResetError)"),
        (TimeoutError(), "the link was closed (TimeoutError)"),
    ],
)
def test_an_error_is_told_in_words(error: OSError, words: str) -> None:
    """What is known of it is said, and nothing is left empty."""
    assert in_words(error) == words
