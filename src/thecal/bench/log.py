"""The log of a bench: what was refused, at the door and by a pump, and what happened to it; a line of JSON each."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from thecal.errors import printable

_IN_WORDS: Mapping[str, str] = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "showed no certificate",
    "CALLBACK_FAILED": "did not ask for a pump of this bench by its name",
    "UNSUPPORTED_PROTOCOL": "speaks an older TLS than 1.3",
    "WRONG_VERSION_NUMBER": "speaks no TLS",
}
"""What OpenSSL says of those that are not let in, in words."""


class BenchLog:
    """A file that lines are added to. A line that cannot be written is counted and told with the next one that can."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._missed = 0

    def note(self, what: str, **said: Any) -> None:
        """One line: the time of the machine, what happened, and more about it."""
        line: Mapping[str, Any] = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "what": what,
            **{key: printable(value) if isinstance(value, str) else value for key, value in said.items() if value is not None},
            **({"lines_missed": self._missed} if self._missed else {}),
        }
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=True) + "\n")
            self._missed = 0
        except OSError:
            self._missed += 1


def in_words(error: OSError) -> str:
    """Why somebody was not let in, or a link was lost."""
    reason = getattr(error, "reason", None) or ""
    told = getattr(error, "verify_message", None) or _IN_WORDS.get(reason) or reason or str(error)
    return told or f"the link was closed ({type(error).__name__})"
