"""``thecal pumps``: the data sheets, every value with its source."""

from typing import Annotated

import typer

from thecal.catheter.geometry import CatheterSheet, catheter_sheets
from thecal.cli.console import print_lines, say
from thecal.datum import pick
from thecal.errors import InputError
from thecal.pump.readings import readings as both_readings
from thecal.pump.sheet import PumpSheet, pump_sheets
from thecal.report.document import json_text
from thecal.report.tables import Line, reading_lines, sheet_lines


def pumps(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A pump or a catheter; all are listed without.", show_default=False)
    ] = None,
    readings: Annotated[
        bool, typer.Option("--readings", help="Compute both readings of what no source decides, for the pump NAME.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List pumps and catheters, or print one data sheet: every value with its unit, source and confidence."""
    sheets: dict[str, PumpSheet | CatheterSheet] = {**pump_sheets(), **catheter_sheets()}
    chosen = sheets if name is None else {name: pick(name, sheets, "NAME")}
    if readings:
        _readings(chosen.get(name or ""), name, json=json)
    elif json:
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
        print_lines(Line(f"{sheet.name:<20}{sheet.title}, {_size(sheet)}") for sheet in chosen.values())
        print_lines([Line("One of them in full: thecal pumps NAME", "note")])
    else:
        sheet = chosen[name]
        print_lines(sheet_lines(f"{sheet.name}: {sheet.title}", sheet.data))


def _size(sheet: PumpSheet | CatheterSheet) -> str:
    """What tells it from its family: the reservoir, the flow of a pump that has only one, the length of a catheter."""
    if isinstance(sheet, CatheterSheet):
        return str(sheet.length)
    flow = "" if sheet.programmable else f", always {sheet.flow_max}"
    return f"{sheet.reservoir_capacity}{flow}"


def _readings(sheet: PumpSheet | CatheterSheet | None, name: str | None, *, json: bool) -> None:
    if not isinstance(sheet, PumpSheet):
        accepted = [pump.name for pump in pump_sheets().values() if pump.programmable]
        problem = "is no pump, and --readings reads pumps" if name else "is missing: --readings reads one pump"
        raise InputError("NAME", name or "", problem, accepted=accepted)
    if not sheet.programmable:
        raise InputError("NAME", sheet.name, "is a constant-flow pump: it has nothing that could be read in two ways")
    computed = list(both_readings(sheet))
    if not json:
        print_lines(reading_lines(sheet, computed))
        return
    rows = [
        {
            "property": reading.name,
            "value": reading.value,
            "on_sheet": reading.on_sheet,
            "after": reading.happens,
            "delivered_in_24_h_nl": reading.delivered.nl,
            "mode": reading.mode,
            "alarms": list(reading.alarms),
            "refused_by": reading.refused.rule if reading.refused else None,
        }
        for reading in computed
    ]
    say(json_text({"schema": 1, "pump": sheet.name, "readings": rows}).rstrip())
