"""``thecal teach``: what people are told, and tablets against pump."""

from pathlib import Path
from typing import Annotated

import typer

from thecal.cli.console import complain, print_lines, say
from thecal.errors import InputError, nearest_name
from thecal.report.document import json_text
from thecal.report.education import aid_document, aid_lines, text_document, text_lines
from thecal.report.tables import Line
from thecal.report.words import BANNER
from thecal.therapy.decision_aid import decision_aid
from thecal.therapy.education import Text, education
from thecal.twin.chart_file import read_chart

_AID = "decision-aid"


def teach(
    topic: Annotated[
        str | None, typer.Argument(metavar="TOPIC", help="One of the texts; all are listed without.", show_default=False)
    ] = None,
    chart: Annotated[
        Path | None, typer.Option("--chart", metavar="FILE", help=f"With {_AID}: what matters to this person.")
    ] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="Local to the chart.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print texts for patients, each paragraph with its source; and the decision aid, tablets against pump."""
    if topic is None:
        rows = {_AID: "Tablets or a pump, side by side: a decision aid"} | {
            text.name: text.title for text in education().values()
        }
        print_lines(Line(f"{name:<24}{title}") for name, title in rows.items())
        print_lines([Line("One of them in full: thecal teach TOPIC", "note"), Line(BANNER, "note")])
    elif topic == _AID:
        look = None
        if chart:
            read = read_chart(chart)
            look = read.look(read.instant(at))
        rows_of_aid = decision_aid(look)
        if json:
            complain(BANNER)
            say(json_text(aid_document(rows_of_aid)).rstrip())
        else:
            print_lines(aid_lines(rows_of_aid))
    elif json:
        complain(BANNER)
        say(json_text(text_document(_text(topic))).rstrip())
    else:
        print_lines(text_lines(_text(topic)))


def _text(topic: str) -> Text:
    known = education()
    if topic not in known:
        names = [_AID, *known]
        raise InputError("TOPIC", topic, "is not a known topic", accepted=names, nearest=nearest_name(topic, names))
    return known[topic]
