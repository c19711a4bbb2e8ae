"""``thecal compare``: regimens side by side."""

import os
from pathlib import Path
from typing import Annotated

import typer

from thecal.cli.console import check_targets, complain, print_lines, write_whole
from thecal.cli.progress import progress
from thecal.errors import InputError
from thecal.report.document import json_text
from thecal.report.effects import check_comparable
from thecal.twin.case import Case, read_case
from thecal.twin.run import run as run_world
from thecal.twin.trace import Record, Trace

REGIMENS_MAX = 6


def compare(
    scenarios: Annotated[
        list[Path], typer.Argument(metavar="SCENARIO...", help="Two to six cases with a body.", show_default=False)
    ],
    days: Annotated[int, typer.Option("--days", min=1, max=365, help="How many of the last days of each.")] = 7,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write it as JSON.")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one self-contained page with a figure.")
    ] = None,
) -> None:
    """Put regimens side by side: dose, exposure in spinal fluid and blood, steadiness, effect, side effects.

    Over the last days of each case, with the body that each describes; what makes them unequal otherwise is said.
    """
    if not 2 <= len(scenarios) <= REGIMENS_MAX:
        raise InputError(
            "SCENARIO", f"{len(scenarios)} cases", "cannot be put side by side", accepted=(f"2 to {REGIMENS_MAX} cases",)
        )
    for scenario in scenarios:
        check_targets({"--json": json, "--html": html}, scenario)
    cases = [read_case(scenario) for scenario in scenarios]
    for case in cases:
        check_comparable(case)
    ran = [(case, _run(case)) for case in cases]
    os.environ["MPLBACKEND"] = "svg"  # no window is ever shown, whatever is set outside
    from thecal.report.comparison import (  # noqa: PLC0415  # draws, so slow to import
        compared,
        comparison_document,
        comparison_lines,
        comparison_page,
    )

    regimens = [compared(case, trace, days) for case, trace in ran]
    texts: dict[Path, str] = {}
    if json:
        texts[json] = json_text(comparison_document(regimens, days))
    if html:
        texts[html] = comparison_page(regimens, days)
    write_whole(texts)
    print_lines(comparison_lines(regimens, days))


def _run(case: Case) -> Trace:
    with progress(case, case.until) as told:
        trace = run_world(case.world, case.source, case.until, Record(policy=case.policy, progress=told))
    if not trace.as_expected:
        complain(f"thecal: {case.name} is not as it expects; see thecal run {case.name}")
    return trace
