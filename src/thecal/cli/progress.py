"""Progress on the terminal, for cases that take a while."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from thecal.timeline import Instant
from thecal.twin.case import Case

FROM_EVENTS = 200


@contextmanager
def progress(case: Case, until: Instant) -> Iterator[Callable[[Instant], None] | None]:
    """A bar on the terminal for long cases; nothing where nobody looks."""
    if not sys.stderr.isatty() or len(case.actions) < FROM_EVENTS:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
    start = case.actions[0].at.s
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("running the case", total=until.s - start)
        yield lambda now: bar.update(task, completed=now.s - start)
