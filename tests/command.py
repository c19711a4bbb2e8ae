"""The command as a user has it: a process of its own."""

import io
import signal
import subprocess
import sys
from contextlib import ExitStack, chdir
from pathlib import Path
from tempfile import TemporaryFile
from unittest import mock

from thecal.cli.main import main

ROOT = Path(__file__).parent.parent
THECAL = Path(sys.executable).with_name("thecal")


def thecal(*arguments: str | Path, cwd: Path = ROOT, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command, with what is typed; its output as text."""
    command = [str(THECAL), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, text=True, timeout=60, check=False)


def inside(*arguments: str | Path, cwd: Path = ROOT, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """The same command within this process: for tests of what it says, of which there are many."""
    command = ["thecal", *map(str, arguments)]
    out, err = io.BytesIO(), io.BytesIO()
    before, code = signal.getsignal(signal.SIGTERM), 0
    with ExitStack() as stack:
        typed = stack.enter_context(TemporaryFile("w+", encoding="utf-8"))
        typed.write(stdin)
        typed.seek(0)
        stack.callback(signal.signal, signal.SIGTERM, before)
        stack.enter_context(chdir(cwd))
        for name, value in (("argv", command), ("stdin", typed)):
            stack.enter_context(mock.patch.object(sys, name, value))
        for name, raw in (("stdout", out), ("stderr", err)):
            stack.enter_context(mock.patch.object(sys, name, io.TextIOWrapper(raw, encoding="utf-8", write_through=True)))
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(bool(end.code))
        return subprocess.CompletedProcess(command, code, out.getvalue().decode(), err.getvalue().decode())
