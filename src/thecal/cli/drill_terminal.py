"""A drill at a terminal: the prompt, what others at the same run type meanwhile, and a script instead of a person."""

import os
import select
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from thecal.cli.console import complain, explain, print_lines
from thecal.drill.debrief import debrief
from thecal.drill.debrief_text import debrief_lines
from thecal.drill.instructor import MARK
from thecal.drill.run import Run
from thecal.drill.run_file import RunFile, branch
from thecal.drill.state import truth
from thecal.errors import InputError, InputErrors
from thecal.report.tables import Line

INSTRUCTOR = "instructor"
_POLL_S = 0.5
_BYTES = 65_536
_BRANCH = f"{MARK} branch "


@dataclass(slots=True)
class Seat:
    """Somebody at a run: who, whether as its instructor, and the file that others may write into as well."""

    run: Run
    by: str = ""
    kept: RunFile | None = None
    instructs: bool = False
    sees_truth: bool = field(default=False)

    def play(self, line: str) -> tuple[Line, ...]:
        """Do a line. Raises InputError, InputErrors, OSError; then it was not done."""
        if line.startswith(MARK) and not self.instructs:
            accepted = ("--instructor", "thecal drill instruct RUN, in another terminal")
            raise InputError("line", line, "is an instructor's", accepted=accepted)
        if f"{MARK} {line.removeprefix(MARK).strip()}".startswith(_BRANCH) and line.startswith(MARK):
            return self._branch(Path(line.removeprefix(MARK).strip().removeprefix("branch ").strip()))
        if self.kept is None:
            return self.run.play(line, self.by)
        shown = self.kept.play(line, self.by)
        self.run = self.kept.run
        return shown

    def news(self) -> Iterator[Line]:
        """What others have typed since, and what it showed."""
        if self.kept is None:
            return
        for line, by, shown in self.kept.news():
            yield Line(f"[{by or 'learner'}] {line}", "note")
            yield from shown
            if self.sees_truth:
                yield from self.truth()

    def truth(self) -> Iterator[Line]:
        """What is so, for an instructor's eyes."""
        yield from (Line(f"  {text}", "unsensed") for text in truth(self.run.state))

    def _branch(self, path: Path) -> tuple[Line, ...]:
        if self.kept is None:
            raise InputError("branch", str(path), "needs a run that is kept in a file", accepted=("--run FILE",))
        branch(self.kept, path)
        return (Line(f"  Up to now it is kept in {path}: thecal drill go-on {path}", "note"),)


@dataclass(slots=True)
class Keys:
    """What is typed, line by line. Python's own buffer would hold lines back from whoever asks whether there is one."""

    file: int = 0
    typed: bytes = b""
    ended: bool = False

    def ready(self) -> bool:
        """Whether there is a line, or nobody any more; waits a little for one."""
        if b"\n" in self.typed or self.ended:
            return True
        if select.select([self.file], [], [], _POLL_S)[0]:
            more = os.read(self.file, _BYTES)
            self.typed, self.ended = self.typed + more, not more
        return b"\n" in self.typed or self.ended

    def line(self) -> str | None:
        """The next one; None where nobody is there any more."""
        text, found, self.typed = self.typed.partition(b"\n")
        return text.decode("utf-8", "replace") if found or text else None


def by_hand(seat: Seat) -> None:
    """A person at the prompt, until the drill has ended or the person leaves."""
    keys = Keys(sys.stdin.fileno())
    while not seat.run.state.ended or seat.instructs:
        line = _typed(seat, keys)
        if line is None:
            _left(seat)
            return
        if not line.strip():
            continue
        _try(seat, f"{MARK} {line}" if seat.sees_truth and not line.startswith(MARK) else line)
    print_lines([Line(""), *debrief_lines(debrief(seat.run.state))])


def by_script(seat: Seat, lines: list[str], name: str) -> None:
    """A script instead of a person. Raises InputError with its line for one that cannot be done."""
    for number, text in enumerate(lines, start=1):
        line = text.partition("#")[0].strip()
        if not line:
            continue
        print_lines([Line(""), Line(f"{seat.run.at_text()} > {line}", "head")])
        try:
            print_lines(seat.play(line))
        except InputError as error:
            raise error.at(f"{name}:{number}") from None
        except InputErrors as errors:
            raise InputErrors(error.at(f"{name}:{number}") for error in errors.errors) from None
    if seat.run.state.ended:
        print_lines([Line(""), *debrief_lines(debrief(seat.run.state))])


def _try(seat: Seat, line: str) -> None:
    try:
        print_lines(seat.play(line))
        if seat.sees_truth:
            print_lines(seat.truth())
    except (InputError, InputErrors, OSError) as error:
        complain(explain(error))


def _typed(seat: Seat, keys: Keys) -> str | None:
    """The next line; what others do meanwhile is shown as it comes. None where nobody is there any more."""
    _prompt(seat)
    while not keys.ready():
        _show_news(seat)
        if seat.run.state.ended and not seat.instructs:
            return None
    _show_news(seat)
    return keys.line()


def _show_news(seat: Seat) -> None:
    try:
        lines = list(seat.news())
    except (InputError, InputErrors) as error:
        complain(explain(error))
        return
    if lines:
        print_lines([Line(""), *lines])
        _prompt(seat)


def _prompt(seat: Seat) -> None:
    sys.stdout.write(f"\n{seat.run.at_text()}{' !' if seat.sees_truth else ''} > ")
    sys.stdout.flush()


def _left(seat: Seat) -> None:
    if seat.run.state.ended:
        print_lines([Line(""), *debrief_lines(debrief(seat.run.state))])
    elif seat.kept is not None:
        complain(f"\nthecal: left at {seat.run.at_text()}; go on with: thecal drill go-on {seat.kept.path}")
    else:
        complain("\nthecal: left; nothing of it was kept")
