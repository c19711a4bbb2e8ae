"""What the verbs share: printing lines, explaining errors, and files written whole or not at all."""

import os
import sys
import tempfile
from collections.abc import Iterable, Mapping
from errno import EISDIR, ENOENT
from pathlib import Path

from rich.console import Console
from rich.text import Text

from thecal.errors import InputError, InputErrors, Refusal, ThecalError
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
    "unsensed": "bold magenta",
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


def check_targets(targets: Mapping[str, Path | None], source: Path, what: str = "the case itself") -> None:
    """No output may be the source (``what`` it is), nor two outputs one file. Raises InputError with the option."""
    taken = {source.resolve(): what}
    for option, path in targets.items():
        if path is None:
            continue
        place = path.resolve()
        if place in taken:
            raise InputError(option, str(path), f"is {taken[place]}", accepted=("another file",))
        taken[place] = f"the file of {option} too"


def write_whole(texts: Mapping[Path, str]) -> None:
    """Write files whole or not at all: all are staged beside their places first, then put there. Raises OSError.

    A link is followed, a file keeps its mode, and what is no file (a pipe, a device) is written to as it is.
    """
    staged: list[tuple[Path, Path]] = []
    streams: list[tuple[Path, str]] = []
    try:
        for path, text in texts.items():
            place = path.resolve()
            if place.exists() and not place.is_file() and not place.is_dir():
                streams.append((place, text))
            else:
                staged.append((_staged(place, text), place))
        for temporary, place in staged:
            temporary.replace(place)
        for place, text in streams:
            place.write_text(text, encoding="utf-8")
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)


def _staged(place: Path, text: str) -> Path:
    if place.is_dir():
        raise IsADirectoryError(EISDIR, "is a folder, not a file", str(place))
    if not place.parent.is_dir():
        raise FileNotFoundError(ENOENT, "no such folder", str(place.parent))
    temporary: Path | None = None
    try:
        handle, name = tempfile.mkstemp(prefix=f".{place.name}.", dir=place.parent)
        temporary = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(place.stat().st_mode & 0o777 if place.exists() else 0o666 & ~_umask())
    except BaseException as error:
        if temporary:
            temporary.unlink()
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(place)) from None
        raise
    return temporary


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
