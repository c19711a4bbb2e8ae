"""A bench that goes on in the background, in a process of its own."""

import os
import signal
import sys
import tempfile
import time
from typing import Any

import typer

from thecal.bench.bench_folder import BenchFolder, Listening
from thecal.cli.console import REFUSED, complain

_OPTION = "--detach"
_RUN = "from thecal.cli.main import main; main()"


def detached(folder: BenchFolder) -> tuple[Listening, dict[str, Any]]:
    """Start the bench of this command line in the background; where it listens, and its pumps.

    Where it does not come to that, says why as it did, and ends with its exit code.
    """
    from thecal.bench.control import ListPumps, ask  # noqa: PLC0415  # asyncio, so slow

    arguments = [argument for argument in sys.argv[1:] if argument != _OPTION]
    with tempfile.TemporaryFile() as errors:
        nowhere = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0) for stream in (0, 1)]
        actions = [*nowhere, (os.POSIX_SPAWN_DUP2, errors.fileno(), 2)]
        command = [sys.executable, "-P", "-c", _RUN, *arguments]
        child = os.posix_spawn(sys.executable, command, os.environ, file_actions=actions, setsid=True)
        try:
            found = _waited(folder, child)
        except KeyboardInterrupt:
            os.kill(child, signal.SIGTERM)
            raise
        errors.seek(0)
        said = errors.read().decode(errors="replace").rstrip()
    if said:
        complain(said)
    if isinstance(found, int):
        if not said:
            complain("thecal: the bench ended before it listened")
        raise typer.Exit(found if found > 0 else REFUSED)
    return found, ask(folder, ListPumps())


def _waited(folder: BenchFolder, child: int) -> Listening | int:
    """Where a process listens; or its exit code, where it ends before."""
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        where = folder.listening()
        if where and where.pid == child:
            return where
        time.sleep(0.02)
