"""A terminal of 100 columns with somebody at it, for tests of what asks questions."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.command import ROOT, THECAL

_COLORS = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
_PATIENCE_S = 15.0


class Terminal:
    """A command at a terminal: what it has shown, and what is typed."""

    def __init__(self, place: int, process: subprocess.Popen[bytes]) -> None:
        self._place, self.process = place, process
        self._raw = b""
        self._read = 0

    @property
    def shown(self) -> str:
        """Everything that was shown, without colors."""
        return _COLORS.sub("", self._raw.decode("utf-8", "replace")).replace("\r", "")

    def wait_for(self, text: str) -> str:
        """Wait until it shows a text that it had not shown before; what was shown since, up to its end."""
        until = time.monotonic() + _PATIENCE_S
        while text not in self.shown[self._read :]:
            assert time.monotonic() < until, f"no {text!r} in:\n{self.shown[self._read :]}"
            assert self._more(0.05) or self.process.poll() is None, f"ended without {text!r}:\n{self.shown[self._read :]}"
        begin = self._read
        self._read = self.shown.index(text, begin) + len(text)
        return self.shown[begin : self._read]

    def type(self, line: str) -> None:
        """A line and Enter."""
        os.write(self._place, line.encode() + b"\n")

    def answer(self, question: str, line: str) -> str:
        """Wait for a question and answer it; what was shown before the answer."""
        before = self.wait_for(f"{question} > ")
        self.type(line)
        return before

    def leave(self) -> None:
        """Ctrl-D: nobody answers any more."""
        os.write(self._place, b"\x04")

    def interrupt(self) -> None:
        """What Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)

    def ended(self) -> int:
        """Wait for its end; its exit code."""
        until = time.monotonic() + _PATIENCE_S
        while self.process.poll() is None:
            assert time.monotonic() < until, f"it does not end:\n{self.shown[self._read :]}"
            self._more(0.05)
        while self._more(0):
            pass
        return self.process.returncode

    def _more(self, seconds: float) -> bool:
        if not select.select([self._place], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._place, 65_536)
        except OSError:  # the other side is closed
            return False
        self._raw += data
        return bool(data)


@contextmanager
def at_terminal(*arguments: str | Path, columns: int = 100) -> Iterator[Terminal]:
    """The command at a terminal; ended with the block."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color"}
    environment.pop("COLUMNS", None)
    command = [str(THECAL), *map(str, arguments)]
    process = subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=ROOT, env=environment, start_new_session=True
    )
    os.close(theirs)
    try:
        yield Terminal(ours, process)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        os.close(ours)
