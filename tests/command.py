"""The command as a user has it: a process of its own."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
THECAL = Path(sys.executable).with_name("thecal")


def thecal(*arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run the command; its output as text."""
    return subprocess.run([str(THECAL), *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)
