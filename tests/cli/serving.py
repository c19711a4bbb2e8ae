"""``thecal serve`` in a process of its own, on a free port; its modules are read once for all of them."""

import os
import re
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

_WAIT_S = 60.0
_AT = re.compile(r"The clinic is at (http://\S+) after")
_PROCESSES = get_context("forkserver")
_PROCESSES.set_forkserver_preload(["thecal.cli.main", "thecal.cli.serve", "thecal.web.app", "thecal.web.nightly", "uvicorn"])


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that answers, what it has said so far, and its process."""

    process: BaseProcess
    address: str
    told: str

    def kill(self) -> None:
        """End it with no word to it."""
        self.process.kill()
        self.process.join(_WAIT_S)

    def interrupt(self) -> int | None:
        """Press Ctrl-C; its exit code."""
        assert self.process.pid is not None
        os.kill(self.process.pid, signal.SIGINT)
        self.process.join(_WAIT_S)
        return self.process.exitcode


@contextmanager
def serving(*arguments: str | Path) -> Iterator[Serving]:
    """Start it, wait until it says where it is, and end it."""
    reader, writer = _PROCESSES.Pipe(duplex=False)
    command = ["thecal", "serve", "--port", "0", *map(str, arguments)]
    process = _PROCESSES.Process(target=_command, args=(command, writer))
    with reader:
        process.start()
        writer.close()
        try:
            told, address = _said(reader.fileno())
            yield Serving(process, address, told)
        finally:
            process.kill()
            process.join(_WAIT_S)


def _command(command: list[str], out: Connection) -> None:
    from thecal.cli.main import main

    sys.argv = command
    sys.stdout = sys.stderr = os.fdopen(out.fileno(), "w", encoding="utf-8", closefd=False)
    main()


def _said(out: int) -> tuple[str, str]:
    deadline, told = time.monotonic() + _WAIT_S, ""
    while time.monotonic() < deadline:
        if select.select([out], [], [], 0.1)[0]:
            more = os.read(out, 65_536).decode()
            told += more
            found = _AT.search(told)
            if found:
                return told, found.group(1)
            if not more:
                break
    raise AssertionError(f"the clinic did not start: {told}")
