"""``thecal hazards``: what has gone wrong in the field, and what answers it."""

import os
from pathlib import Path
from typing import Annotated

import typer

from thecal.cli.console import REFUSED, complain, print_lines, say, write_whole
from thecal.errors import InputError
from thecal.hazards.catalogue import Hazard, hazard_named
from thecal.hazards.catalogue import hazards as all_hazards
from thecal.hazards.play import Reenacted, reenact
from thecal.hazards.reenactment import reenactment, reenactments
from thecal.hazards.told import hazard_lines, hazard_row, list_lines, reenacted_document, reenacted_lines
from thecal.report.document import json_text


def hazards(
    hazard: Annotated[
        str | None,
        typer.Argument(metavar="[HAZARD]", help="One to play, such as H06; the list if not given.", show_default=False),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the list, or what was measured, as JSON.")] = False,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write both halves as one self-contained page with a figure.")
    ] = None,
) -> None:
    """List the hazards of the field and the defects of software, and what answers each; or play one.

    A hazard of the field is played twice: as it happened, with the size of the harm, and here, where it is prevented, detected or
    bounded. Exits with 1 where a half does not come out as its file says, with 2 for an id that is not known.
    """
    if hazard is None:
        _list(json=json, html=html)
        return
    told = hazard_named(hazard)
    if told.id not in reenactments():
        _no_halves(told, json=json, html=html)
        return
    reenacted = reenact(reenactment(told.id))
    problems = reenacted.problems()
    if html:
        os.environ["MPLBACKEND"] = "svg"  # no window is ever shown, whatever is set outside
        from thecal.hazards.figure import hazard_page  # noqa: PLC0415  # draws, so slow

        write_whole({html: hazard_page(told, reenacted)})
    if json:
        say(json_text(reenacted_document(told, reenacted)).rstrip())
    else:
        print_lines([*hazard_lines(told), *reenacted_lines(reenacted)])
    _tell(told, reenacted, problems)


def _list(*, json: bool, html: Path | None) -> None:
    if html:
        raise InputError("--html", str(html), "shows one hazard, and none is named", nearest="thecal hazards H06 --html FILE")
    if json:
        say(json_text([hazard_row(each) for each in all_hazards().values()]).rstrip())
    else:
        print_lines(list_lines(all_hazards().values()))


def _no_halves(told: Hazard, *, json: bool, html: Path | None) -> None:
    if html:
        raise InputError("--html", str(html), f"has nothing to draw: {told.id} is not re-enacted")
    if json:
        say(json_text(hazard_row(told)).rstrip())
    else:
        print_lines(hazard_lines(told))


def _tell(told: Hazard, reenacted: Reenacted, problems: list[str]) -> None:
    """A half that does not come out as its file says is no answer any more."""
    for problem in problems:
        complain(f"thecal: {told.id}: {problem}")
    if problems:
        complain(f"thecal: {reenacted.reenactment.title} does not come out as its file says")
        raise typer.Exit(REFUSED)
