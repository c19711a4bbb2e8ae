"""What the verbs share: printing lines, explaining errors, and files written whole or not at all."""

import os
import sys
import tempfile
from collections.abc import Iterable, Mapping
from errno import EISDIR, ENOENT
from pathlib import Path

from rich.console import Console
from rich.text import Text

from thecal.errors import InputErrors, Refusal, ThecalError
from thecal.report.tables import Line

REFUSED, BAD_INPUT = 1, 2
_ERRORS_SHOWN = 20
_COLORS = {
    "title": "bold",
    "head": "dim",
    "done": "cyan",
    "row": "",
    "critical": "bold red",
    "non-critical": "yellow",
    "information": "dim",
    "refused": "magenta",
    "note": "dim",
    "plain": "",
}


def say(text: str) -> None:
    """One line to standard output."""
    sys.stdout.write(text + "\n")


def complain(text: str) -> None:
    """One line to standard error."""
    sys.stderr.write(text + "\n")


def print_lines(lines: Iterable[Line]) -> None:
    """Lines to standard output, colored where it is a terminal; never wrapped or cut."""
    console = Console(file=sys.stdout, soft_wrap=True, highlight=False)
    for line in lines:
        if console.is_terminal:
            console.print(Text(line.text, style=_COLORS[line.style]))
        else:
            say(line.text)


def print_refusal(refusal: Refusal) -> None:
    """A refusal to standard error."""
    complain(f"thecal: {refusal}")


def explain(error: ThecalError | OSError) -> str:
    """What went wrong at the door, in lines: a bad input by its own words, a file by its name."""
    if isinstance(error, InputErrors):
        shown = [f"thecal: {each.sentence()}" for each in error.errors[:_ERRORS_SHOWN]]
        more = len(error.errors) - len(shown)
        return "\n".join([*shown, f"thecal: and {more} more"] if more else shown)
    if isinstance(error, OSError):
        place = f"{error.filename}: " if error.filename else ""
        return f"thecal: {place}{error.strerror or error}"
    return f"thecal: {error}"


def write_whole(texts: Mapping[Path, str]) -> None:
    """Write files whole or not at all: all are staged beside their places first, then put there. Raises OSError."""
    staged: list[tuple[Path, Path]] = []
    try:
        for path, text in texts.items():
            staged.append((_staged(path, text), path))
        for temporary, path in staged:
            temporary.replace(path)
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)


def _staged(path: Path, text: str) -> Path:
    if path.is_dir():
        raise IsADirectoryError(EISDIR, "is a folder, not a file", str(path))
    if not path.parent.is_dir():
        raise FileNotFoundError(ENOENT, "no such folder", str(path.parent))
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
    except BaseException:
        temporary.unlink()
        raise
    return temporary


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
