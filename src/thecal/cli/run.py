"""``thecal run``: a case through pump and catheter, printed and written."""

import os
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from thecal.cli.console import REFUSED, check_targets, print_lines, write_whole
from thecal.cli.progress import progress
from thecal.report.body_lines import body_document, body_lines
from thecal.report.document import csv_text, json_text, run_document
from thecal.report.effects import effects_of
from thecal.report.tables import course_lines
from thecal.twin.case import Case, read_case
from thecal.twin.run import run as run_world
from thecal.twin.trace import Record, Trace


def run(
    case: Annotated[Path, typer.Argument(metavar="CASE", help="The case to run, a TOML file.", show_default=False)],
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the run as JSON.")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one self-contained page with figures.")
    ] = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write the rows of the course as CSV.")] = None,
) -> None:
    """Run a course of therapy and print what was delivered, exact to the nanolitre, and what it did to the body.

    A refused event changes nothing, the run goes on, and the exit code is 1 unless the event says expect = "refused".
    Bad input exits with 2. Files are written whole or not at all.
    """
    check_targets({"--json": json, "--html": html, "--csv": csv}, case)
    read = read_case(case)
    trace = _run(read)
    effects = effects_of(read, trace)
    document = run_document(read, trace, version("thecal"), body_document(read, effects) if effects else None)
    texts: dict[Path, str] = {}
    if json:
        texts[json] = json_text(document)
    if csv:
        texts[csv] = csv_text(document)
    if html:
        os.environ["MPLBACKEND"] = "svg"  # no window is ever shown, whatever is set outside
        from thecal.report.page import page_text  # noqa: PLC0415  # matplotlib is slow to import, only the page draws

        texts[html] = page_text(read, trace, document, effects)
    write_whole(texts)
    print_lines(course_lines(read, trace, body_lines(read, effects) if effects else ()))
    if not trace.as_expected:
        raise typer.Exit(REFUSED)


def _run(case: Case) -> Trace:
    with progress(case, case.until) as told:
        return run_world(case.world, case.source, case.until, Record(policy=case.policy, progress=told))
