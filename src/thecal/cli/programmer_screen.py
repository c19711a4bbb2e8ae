"""The screen of a programmer: tables as wide as the terminal is, and questions that are answered a line at a time.

A question is waited for in the event loop, so that what the bench says meanwhile is seen, and an interrupt ends the wait.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from thecal.errors import printable
from thecal.programmer.printout import Printout, Section
from thecal.report.printout import Heading
from thecal.report.programmer import Interrogation, interrogation_sections
from thecal.report.words import BANNER

_LINE_MAX = 4096
_NAME, _NAME_MAX = 24, 40  # the first column of every table, so that they stand below one another
_STYLES = {"SECOND PERSON": "bold red", "WARNING": "yellow", "note": "dim", "but": "yellow", "uncertain": "bold red"}
"""How a row is colored by its first cell."""


class LeftError(Exception):
    """Nobody answers any more: the input has ended."""


class BackError(Exception):
    """A question that is not answered: back to where the choice was."""


class Screen:
    """A terminal with somebody at it. ``alone`` is told each second for how many nobody has answered, and gives what to say."""

    def __init__(self, alone: Callable[[float], str | None] = lambda _: None) -> None:
        self._console = Console(file=sys.stdout, highlight=False)
        self._alone, self._asked = alone, ""

    def say(self, text: str, style: str = "") -> None:
        """Some text, wrapped to the screen."""
        self._console.print(Text(text, style=style))

    def progress(self, text: str) -> None:
        """A piece of a line that goes on."""
        self._console.print(Text(text), end="")
        self._console.file.flush()

    def tell(self, text: str) -> None:
        """What nobody asked for: on a line of its own, and the open question once more below it."""
        self._console.print()
        self.say(f"*  {printable(text)}", "bold yellow")
        self.progress(self._asked)

    def said(self, heading: Heading, said: Interrogation) -> None:
        """What a pump said."""
        self._head(f"Interrogation: {heading.title}", heading)
        for text in said.urgent():
            self.say(text, "bold red")
        for section in interrogation_sections(said, heading.zone):
            self.section(section)
        self._console.print()
        self.say(BANNER, "dim")

    def review(self, heading: Heading, printed: Printout) -> None:
        """A review, side by side."""
        self._head(f"Review: {heading.title}", heading)
        for section in printed.sections:
            self.section(section)
        self._console.print()
        self.status(printed)

    def status(self, printed: Printout) -> None:
        """Whether anything was written, and how it ended."""
        self.say(printed.status, "bold green" if printed.may_be_signed else "bold red")

    def section(self, section: Section) -> None:
        """One table; a marked row has an arrow and is bold."""
        headed, last = any(section.columns), len(section.columns) - 1
        table = Table(box=None, show_header=headed, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
        table.add_column("", width=1)
        for number, name in enumerate(section.columns):
            widest = _NAME_MAX if number == 0 else None
            ratio = 1 if headed and last > 1 and number else None
            table.add_column(name, overflow="fold", min_width=_NAME if number == 0 else 8, max_width=widest, ratio=ratio)
        for number, row in enumerate(section.rows):
            style = "bold cyan" if number in section.marked else _STYLES.get(row[0], "")
            table.add_row(*(Text(cell, style=style) for cell in (">" if number in section.marked else "", *row)))
        self._console.print()
        self.say(section.title, "bold")
        self._console.print(table)

    def choices(self, offered: dict[str, str], columns: int) -> None:
        """What can be chosen, by its letter, in columns from top to bottom."""
        names = list(offered.items())
        rows = -(-len(names) // columns)
        table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 4, 0, 0))
        for row in range(rows):
            cells = [f"{key}  {words}" for key, words in names[row::rows]]
            table.add_row(*cells)
        self._console.print()
        self._console.print(Padding(table, (0, 0, 0, 1), expand=False))

    async def ask(self, question: str) -> str:
        """The line that somebody types, without spaces around it. Raises BackError for an empty one, LeftError for no more."""
        self._asked = f"{question} > "
        self.progress(self._asked)
        try:
            line = await self._line()
        finally:
            self._asked = ""
        if not line:
            self._console.print()
            raise LeftError
        if not line.strip():
            raise BackError
        return line.strip()

    async def _line(self) -> str:
        loop, place = asyncio.get_running_loop(), sys.stdin.fileno()
        came: asyncio.Future[bytes] = loop.create_future()

        def readable() -> None:
            loop.remove_reader(place)
            try:
                came.set_result(os.read(place, _LINE_MAX))
            except OSError:  # the terminal is gone
                came.set_result(b"")

        since = time.monotonic()
        loop.add_reader(place, readable)
        try:
            while True:
                done, _ = await asyncio.wait({came}, timeout=1.0)
                if done:
                    return came.result().decode("utf-8", "replace")
                told = self._alone(time.monotonic() - since)
                if told:
                    self.tell(told)
        finally:
            loop.remove_reader(place)

    def _head(self, title: str, heading: Heading) -> None:
        self._console.print()
        self._console.rule(style="dim")
        self.say(title, "bold")
        for line in heading.lines():
            self.say(line, "dim")


def is_terminal() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
