"""``thecal words``: the words that charts are written with."""

from typing import Annotated

import typer

from thecal.cli.console import complain, print_lines, say
from thecal.datum import pick
from thecal.report.document import json_text
from thecal.report.tables import Line
from thecal.report.vocabulary import VOCABULARIES, vocabulary_document, vocabulary_lines
from thecal.report.words import BANNER


def words(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help=f"One of {', '.join(VOCABULARIES)}.", show_default=False)
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON rows.")] = False,
) -> None:
    """List the words that charts are written with: conditions, symptoms, medicines, checklists, scales and more."""
    if name is None:
        print_lines([Line(f"{each:<16}{len(vocabulary_document(each))} words") for each in VOCABULARIES])
        print_lines([Line("One of them in full: thecal words symptoms", "note"), Line(BANNER, "note")])
        return
    chosen = pick(name, {each: each for each in VOCABULARIES}, "NAME")
    if json:
        complain(BANNER)
        say(json_text(vocabulary_document(chosen)).rstrip())
    else:
        print_lines([*vocabulary_lines(chosen), Line(BANNER, "note")])
