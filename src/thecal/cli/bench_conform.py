"""``thecal bench conform``: any pump, checked from outside by the behavior of the reference."""

import importlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thecal.cli.console import REFUSED, print_lines, print_refusal
from thecal.errors import InputError, nearest_name
from thecal.pump.sheet import pump_sheet
from thecal.report.document import json_text
from thecal.report.tables import Line, Style
from thecal.report.words import BANNER

if TYPE_CHECKING:
    from thecal.bench.conformance.run import Checked, Result
    from thecal.bench.conformance.subject import Subject
    from thecal.bench.conformance.trial import Check

_BAD = ("failed", "broke")
_STYLES: "Mapping[Result, Style]" = {"passed": "row", "not possible": "note", "failed": "critical", "broke": "critical"}


def conform(
    profile: Annotated[str, typer.Option("--profile", metavar="NAME", help="The data sheet to be.")] = "reference-40",
    command: Annotated[
        str | None, typer.Option("--command", metavar="COMMAND", help="A pump that speaks lines of JSON: docs/conformance.md.")
    ] = None,
    adapter: Annotated[
        str | None, typer.Option("--adapter", metavar="MODULE:NAME", help="A pump in Python, an adapter's class or function.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option("--only", metavar="CNF-NN", help="These checks alone.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check any pump from outside by the behavior of the reference; without another one, the reference itself.

    Exits with 1 where a check fails or the pump breaks. It is no certificate of anything: see docs/conformance.md.
    """
    from thecal.bench.conformance.run import conformance  # noqa: PLC0415  # only this verb needs it

    sheet = pump_sheet(profile, "--profile")
    refusal = sheet.check_programmable("a conformance check")
    if refusal:
        print_refusal(refusal)
        raise typer.Exit(REFUSED)
    make = _subject(command, adapter)
    checks = _chosen(only or [])
    found = list(conformance(make, sheet, checks))
    if json:
        typer.echo(json_text(_document(found, sheet.name)), nl=False)
    else:
        print_lines(_lines(found, sheet.name))
    if any(each.result in _BAD for each in found):
        raise typer.Exit(REFUSED)


def _subject(command: str | None, adapter: str | None) -> "Callable[[], Subject]":
    from thecal.bench.conformance.lines import LinesSubject  # noqa: PLC0415  # as above
    from thecal.bench.conformance.subject import ReferencePump  # noqa: PLC0415  # as above

    if command and adapter:
        raise InputError("--adapter", adapter, "is one pump too many", accepted=("--command or --adapter",))
    if command:
        return lambda: LinesSubject(command)
    return _imported(adapter) if adapter else ReferencePump


def _imported(adapter: str) -> "Callable[[], Subject]":
    module, _, name = adapter.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        made: Any = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        accepted = ("module:name, importable from here",)
        raise InputError("--adapter", adapter, f"cannot be imported: {error}", accepted=accepted) from None
    if not callable(made):
        raise InputError("--adapter", adapter, "makes no pump: it cannot be called", accepted=("a class or a function",))
    subject: Callable[[], Subject] = made
    return subject


def _chosen(only: list[str]) -> "list[Check]":
    from thecal.bench.conformance.run import ALL_CHECKS  # noqa: PLC0415  # as above

    known = {check.id: check for check in ALL_CHECKS}
    for number in only:
        if number not in known:
            raise InputError("--only", number, "is no check", accepted=("CNF-01, ...",), nearest=nearest_name(number, known))
    return [known[number] for number in only or known]


def _lines(found: "list[Checked]", sheet: str) -> Iterator[Line]:
    yield Line(f"{len(found)} checks, as a pump of {sheet}", "title")
    for each in found:
        yield Line(f"{each.check.id}  {each.result:<12}  {each.check.shall}", _STYLES[each.result])
        if each.why:
            yield Line(f"        {each.why}", "note")
        for step in each.steps[-8:] if each.result in _BAD else ():
            yield Line(f"          {step}", "note")
    counts = Counter(each.result for each in found)
    yield Line(", ".join(f"{counts[result]} {result}" for result in _STYLES), "head")
    yield Line(f"{BANNER} A check that passes is no certificate of anything.", "note")


def _document(found: "list[Checked]", sheet: str) -> dict[str, object]:
    return {
        "schema": 1,
        "banner": BANNER,
        "profile": sheet,
        "checks": [
            {
                "id": each.check.id,
                "shall": each.check.shall,
                "shows": list(each.check.shows),
                "result": each.result,
                "why": each.why or None,
                "steps": list(each.steps),
            }
            for each in found
        ],
    }
