"""``thecal study report``: what a study came to, as tables, as data and as one page with figures."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from thecal.cli.console import print_lines, say, write_whole
from thecal.errors import InputError
from thecal.report.document import json_text


def report(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a study that was run.", show_default=False)],
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one self-contained page with figures.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")] = False,
) -> None:
    """Tell what a study came to: every endpoint by arm, paired differences with intervals, looks before the end, and limits.

    Exits with 2 where the folder holds no study, or one that is not whole.
    """
    from thecal.report.study_lines import study_document, study_lines  # noqa: PLC0415  # with scipy, which no other verb needs
    from thecal.study.result import Result  # noqa: PLC0415  # opens a database
    from thecal.study.summary import summarize  # noqa: PLC0415  # scipy
    from thecal.study.trial import published_of  # noqa: PLC0415  # needs the protocol, as above

    result = Result.open(directory)
    if result.missing:
        problem = f"is not whole: {result.missing} of {result.manifest['blocks']} blocks are missing"
        raise InputError("study", str(directory), problem, nearest=f"thecal study resume {directory}")
    tables = {name: result.table(name) for name in ("patients", "visits")}
    manifest: dict[str, Any] = result.manifest
    published = published_of(result.protocol, result)
    summary = summarize(tables, result.protocol, manifest.get("failures", ()), manifest.get("versions"), published)
    if html:
        os.environ["MPLBACKEND"] = "svg"  # no window is ever shown, whatever is set outside
        from thecal.report.study_page import study_page  # noqa: PLC0415  # matplotlib is slow to import, only the page draws

        write_whole({html: study_page(summary)})
    if json:
        say(json_text(study_document(summary)).rstrip())
    else:
        print_lines(study_lines(summary))
