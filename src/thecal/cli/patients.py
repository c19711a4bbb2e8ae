"""``thecal patients``: the patient sheets, every parameter of the body with its source."""

from typing import Annotated

import typer

from thecal.body.patient import PatientSheet, patient_sheets
from thecal.cli.console import print_lines, say
from thecal.datum import pick
from thecal.report.document import json_text
from thecal.report.patients import patient_document, patient_lines
from thecal.report.tables import Line


def patients(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A kind of patient; all are listed without.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List kinds of patients, or print one: every parameter of the body with unit, spread, source and confidence."""
    sheets: dict[str, PatientSheet] = dict(patient_sheets())
    chosen = sheets if name is None else {name: pick(name, sheets, "NAME")}
    if json:
        say(json_text({"schema": 1, "patients": [patient_document(sheet) for sheet in chosen.values()]}).rstrip())
    elif name is None:
        print_lines(Line(f"{sheet.name:<20}{sheet.title}") for sheet in chosen.values())
        print_lines([Line("One of them in full: thecal patients NAME", "note")])
    else:
        print_lines(patient_lines(chosen[name]))
