"""``thecal teach``: what people are told, and tablets against pump."""

from pathlib import Path
from typing import Annotated

import typer

from thecal.cli.console import print_lines, say
from thecal.report.document import json_text
from thecal.report.education import aid_document, aid_lines, text_document, text_lines
from thecal.report.tables import Line
from thecal.therapy.decision_aid import decision_aid
from thecal.therapy.education import education, education_named
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
        print_lines([Line("One of them in full: thecal teach TOPIC", "note")])
    elif topic == _AID:
        look = None
        if chart:
            read = read_chart(chart)
            look = read.look(read.instant(at))
        rows_of_aid = decision_aid(look)
        if json:
            say(json_text(aid_document(rows_of_aid)).rstrip())
        else:
            print_lines(aid_lines(rows_of_aid))
    elif json:
        say(json_text(text_document(education_named(topic))).rstrip())
    else:
        print_lines(text_lines(education_named(topic)))
