"""A drill at a terminal: the prompt, what others at the same run type meanwhile, and a script instead of a person."""

import os
import select
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import typer

from thecal.cli.console import complain, explain, print_lines
from thecal.drill.debrief import debrief
from thecal.drill.debrief_text import debrief_lines
from thecal.drill.instructor import MARK
from thecal.drill.run import Run
from thecal.drill.run_file import RunFile, Typed, branch
from thecal.drill.state import truth
from thecal.errors import InputError, InputErrors
from thecal.report.tables import Line

INSTRUCTOR = "instructor"
INTERRUPTED = 130
_UNSEEN = ("fault", "hide", "help")
"""What an instructor types that a learner is not shown."""
_POLL_S = 0.5
_BYTES = 65_536


@dataclass(slots=True)
class Seat:
    """Somebody at a run: who, whether as its instructor, and the file that others may write into as well."""

    alone: Run
    by: str = ""
    kept: RunFile | None = None
    instructs: bool = False
    sees_truth: bool = False

    @property
    def run(self) -> Run:
        return self.kept.run if self.kept else self.alone

    def play(self, line: str) -> tuple[Line, ...]:
        """Do a line; what others typed before it comes first. Raises InputError, InputErrors, OSError; then it was not done."""
        if line.startswith(MARK):
            if not self.instructs:
                accepted = ("--instructor", "thecal drill instruct RUN, in another terminal")
                raise InputError("line", line, "is an instructor's", accepted=accepted)
            word, _, rest = line.removeprefix(MARK).strip().partition(" ")
            if word == "branch":
                return self._branch(rest.strip())
        if self.kept is None:
            return self.run.play(line, self.by)
        before, shown = self.kept.play(line, self.by)
        return tuple(one for typed in before for one in self.seen(typed)) + shown

    def news(self) -> Iterator[Line]:
        """What others have typed since, and what it showed."""
        if self.kept is None:
            return
        for typed in self.kept.news():
            yield from self.seen(typed)
            if self.sees_truth:
                yield from self.truth()

    def seen(self, typed: Typed) -> Iterator[Line]:
        """What this seat sees of a line of another: of an instructor's, a learner sees what came of it, where it is for them."""
        if typed.line.startswith(MARK) and not self.instructs:
            word = typed.line.removeprefix(MARK).strip().partition(" ")[0]
            yield from () if word in _UNSEEN else typed.shown
            return
        yield Line("")
        yield Line(f"{f'[{typed.by}] ' if typed.by else ''}> {typed.line}", "head")
        yield from typed.shown

    def truth(self) -> Iterator[Line]:
        """What is so, for an instructor's eyes."""
        yield from (Line(f"  {text}", "unsensed") for text in truth(self.run.state))

    def _branch(self, text: str) -> tuple[Line, ...]:
        if not text:
            raise InputError("branch", text, "names no file", accepted=("branch other.run",))
        if self.kept is None:
            raise InputError("branch", text, "needs a run that is kept in a file", accepted=("--run FILE",))
        branch(self.kept, Path(text))
        return (Line(f"  Up to now it is kept in {text}: thecal drill go-on {text}", "note"),)


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
    try:
        while not seat.run.state.ended or seat.instructs:
            line = _typed(seat, keys)
            if line is None:
                break
            if line.strip():
                _try(seat, f"{MARK} {line}" if seat.sees_truth and not line.startswith(MARK) else line)
    except KeyboardInterrupt:
        _left(seat)
        raise typer.Exit(INTERRUPTED) from None
    _left(seat)


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
    """What is said to somebody who leaves: the debrief of a drill that has ended, or how to go on."""
    if seat.run.state.ended:
        print_lines([Line(""), *debrief_lines(debrief(seat.run.state))])
    elif seat.kept is not None:
        complain(f"\nthecal: left at {seat.run.at_text()}; go on with: thecal drill go-on {seat.kept.path}")
    else:
        complain("\nthecal: left; nothing of it was kept")
