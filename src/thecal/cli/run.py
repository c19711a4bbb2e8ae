"""``thecal run``: a case through pump and catheter, printed and written."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from thecal.cli.console import REFUSED, check_targets, print_lines, write_whole
from thecal.report.document import csv_text, json_text, run_document
from thecal.report.tables import course_lines
from thecal.timeline import Instant
from thecal.twin.case import Case, read_case
from thecal.twin.run import run as run_world
from thecal.twin.trace import Record, Trace

_PROGRESS_FROM_EVENTS = 200


def run(
    case: Annotated[Path, typer.Argument(metavar="CASE", help="The case to run, a TOML file.", show_default=False)],
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the run as JSON.")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one self-contained page with figures.")
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the rows of the course as CSV.")] = None,
) -> None:
    """Run a course of therapy and print what was delivered, exact to the nanolitre.

    A refused event changes nothing, the run goes on, and the exit code is 1 unless the event says expect = "refused".
    Bad input exits with 2. Files are written whole or not at all.
    """
    check_targets({"--json": json, "--html": html, "--csv": csv}, case)
    read = read_case(case)
    trace = _run(read)
    document = run_document(read, trace, version("thecal"))
    texts: dict[Path, str] = {}
    if json:
        texts[json] = json_text(document)
    if csv:
        texts[csv] = csv_text(document)
    if html:
        os.environ["MPLBACKEND"] = "svg"  # no window is ever shown, whatever is set outside
        from thecal.report.page import page_text  # noqa: PLC0415  # matplotlib is slow to import, only the page draws

        texts[html] = page_text(read, trace, document)
    write_whole(texts)
    print_lines(course_lines(read, trace))
    if not trace.as_expected:
        raise typer.Exit(REFUSED)


def _run(case: Case) -> Trace:
    with _progress(case) as progress:
        return run_world(case.world, case.source, case.until, Record(policy=case.policy, progress=progress))


@contextmanager
def _progress(case: Case) -> Iterator[Callable[[Instant], None] | None]:
    """A bar on the terminal for long cases; nothing where nobody looks."""
    if not sys.stderr.isatty() or len(case.actions) < _PROGRESS_FROM_EVENTS:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn())
    start = case.actions[0].at.s
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("running the case", total=case.until.s - start)
        yield lambda now: bar.update(task, completed=now.s - start)
