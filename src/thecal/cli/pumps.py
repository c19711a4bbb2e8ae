"""``thecal pumps``: the data sheets, every value with its source."""

from typing import Annotated

import typer

from thecal.catheter.geometry import CatheterSheet, catheter_sheets
from thecal.cli.console import print_lines, say
from thecal.datum import pick
from thecal.pump.sheet import PumpSheet, pump_sheets
from thecal.report.document import json_text
from thecal.report.tables import Line, sheet_lines


def pumps(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A pump or a catheter; all are listed without.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List pumps and catheters, or print one data sheet: every value with its unit, source and confidence."""
    sheets: dict[str, PumpSheet | CatheterSheet] = {**pump_sheets(), **catheter_sheets()}
    chosen = sheets if name is None else {name: pick(name, sheets, "name")}
    if json:
        rows = [
            {
                "name": sheet.name,
                "title": sheet.title,
                "data": [
                    {"name": datum.name, "value": datum.value, "source": datum.source, "confidence": datum.confidence}
                    for datum in sheet.data
                ],
            }
            for sheet in chosen.values()
        ]
        say(json_text({"schema": 1, "pumps": rows}).rstrip())
    elif name is None:
        print_lines(Line(f"{sheet.name:<20}{sheet.title}, {sheet.data[0].value}") for sheet in chosen.values())
        print_lines([Line("One of them in full: thecal pumps NAME", "note")])
    else:
        sheet = chosen[name]
        print_lines(sheet_lines(f"{sheet.name}: {sheet.title}", sheet.data))
