"""``thecal validate``: what is published beside what the model says."""

from typing import Annotated

import typer

from thecal.body.patient import DEFAULT_PATIENT
from thecal.cli.console import print_lines, say
from thecal.report.document import json_text
from thecal.report.validation import validation_document, validation_lines


def validate(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Put published numbers beside what the model says, each with what is accepted and its source.

    A number outside what is accepted is shown and is no error: the exit code is 0.
    """
    from thecal.study.published import SEED  # noqa: PLC0415  # scipy takes a quarter of a second that no other verb needs
    from thecal.study.published import validate as published_rows  # noqa: PLC0415

    rows = published_rows()
    if json:
        say(json_text(validation_document(rows, DEFAULT_PATIENT, SEED)).rstrip())
    else:
        print_lines(validation_lines(rows, DEFAULT_PATIENT, SEED))
