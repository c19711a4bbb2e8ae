"""``thecal study sensitivity``: what an endpoint of a protocol rests on."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thecal.cli.console import REFUSED, check_targets, complain, print_lines, say, write_whole
from thecal.report.document import json_text
from thecal.report.tables import WIDTH, Line, Style
from thecal.report.words import BANNER, significant_text

if TYPE_CHECKING:
    from thecal.study.sensitivity import Effect, Sensitivity

INTERRUPTED = 130
_FAILURES_SHOWN = 20
_LINES_TOLD = 10  # where nobody looks at a terminal
_NAME, _RANGE, _CELL, _SHARE = 34, 26, 14, 26


def sensitivity(
    protocol: Annotated[Path, typer.Argument(metavar="PROTOCOL", help="The protocol, a TOML file.", show_default=False)],
    arm: Annotated[str | None, typer.Option("--arm", metavar="NAME", help="The arm; the first if not given.")] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="NAME[=LOW:HIGH]",
            help="A parameter of the body or a setting of the world, in its unit; may be given more than once. Without ends: "
            "5 to 95 % of its spread, or half to twice. If not given: a usual choice.",
        ),
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option("--endpoint", metavar="NAME", help="The endpoint; the protocol's first if not given.")
    ] = None,
    samples: Annotated[
        int, typer.Option("--samples", metavar="N", help="A power of two; over D parameters N (D + 2) + 2 D + 1 points are run.")
    ] = 64,
    patients: Annotated[
        int | None, typer.Option("--patients", metavar="M", help="The first M patients at every point; 32 if not given.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", metavar="N", help="Worker processes; as many as this process may use processors if not given."),
    ] = None,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Write the tornado as an SVG.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")] = False,
) -> None:
    """Tell what an endpoint rests on: a tornado, one parameter at a time, and Sobol indices, all of them together.

    The same patients are run at every point. Exits with 1 where patients failed, with 130 after Ctrl-C.
    """
    from thecal.study import sensitivity as rooms  # noqa: PLC0415  # thecal's bodies are slow to load
    from thecal.study.design import read_protocol  # noqa: PLC0415  # as above

    check_targets({"--svg": svg}, protocol, "the protocol itself")
    try:
        with _progress() as told:
            found = rooms.sensitivity(
                read_protocol(protocol),
                arm=arm,
                vary=vary or (),
                endpoint_name=endpoint,
                samples=samples,
                patients=patients,
                workers=workers,
                told=told,
            )
    except KeyboardInterrupt:
        complain("\nthecal: stopped; nothing is kept")
        raise typer.Exit(INTERRUPTED) from None
    if svg:
        write_whole({svg: _figure(found)})
    if json:
        say(json_text(sensitivity_document(found)).rstrip())
    else:
        print_lines(sensitivity_lines(found))
    _tell_failures(found)


def sensitivity_lines(found: "Sensitivity") -> Iterator[Line]:
    """What was found as text: the tornado, the indices, what was varied and where it comes from, and how to read it."""
    from thecal.report.swing import widest_first  # noqa: PLC0415  # with what uses it

    yield Line(f"What {_endpoint(found)} rests on", "title")
    for text in _heading(found):
        yield from _wrapped(text, "plain")
    yield Line("")
    typical = found.swings[0].at_typical
    yield Line(f"One parameter at a time; {significant_text(typical)} where all are at their typical values", "title")
    yield Line(f"{'':<{_NAME}}{'range':<{_RANGE}}{'at the low':>{_CELL}}{'at the high':>{_CELL}}{'width':>{_CELL}}", "head")
    for swing in widest_first(found.swings):
        cells = "".join(f"{significant_text(each):>{_CELL}}" for each in (swing.at_low, swing.at_high, swing.width))
        yield Line(f"{swing.name:<{_NAME}}{swing.range_text:<{_RANGE}}{cells}", "row")
    yield Line("")
    explored = found.explored
    span = f"{significant_text(explored.least)} to {significant_text(explored.greatest)}"
    yield Line(f"All together; {span} over the samples", "title")
    yield Line(f"{'Sobol index (95 %)':<{_NAME}}{'first order':<{_SHARE}}total", "head")
    for effect in _greatest_first(found):
        first, total = _index(effect.first, effect.first_half_width), _index(effect.total, effect.total_half_width)
        yield Line(f"{effect.name:<{_NAME}}{first:<{_SHARE}}{total}", "row")
    if explored.least == explored.greatest:
        yield from _wrapped("The endpoint is the same at every sample: none of what was varied matters to it here.", "note")
    yield Line("")
    yield Line("What was varied", "head")
    for factor in found.factors:
        unit = f" {factor.unit}" if factor.unit else ""
        said = f"{factor.meaning}; {factor.chosen}; typical {significant_text(factor.typical)}{unit} ({factor.source})"
        yield from _wrapped(f"- {factor.name}: {said}", "note", 2)
    if found.left_out:
        left_out = ", ".join(found.left_out)
        yield from _wrapped(f"Not varied, since half to twice of 0 is no range: {left_out} (--vary NAME=LOW:HIGH).", "note")
    yield Line("")
    for text in (*notes(found), BANNER):
        yield from _wrapped(text, "note")


def notes(found: "Sensitivity") -> tuple[str, ...]:
    """How to read it."""
    return (
        "All ranges are choices, and a wider range makes a parameter weigh more. Every value between the ends is as likely as "
        "any other, and the parameters are varied independently of one another.",
        "What is varied has one value for all patients; in all else they differ as the sheets and the protocol say. A filter "
        "chooses patients by what they are, and not by what is varied.",
        "First order is the part of the variance of the endpoint that a parameter makes by itself, total what it makes with all "
        "that it does together with others. The same patients and chances are at every point, so no chance is in these parts; "
        "but of few patients a single event on another day moves the endpoint. More --patients make it smoother.",
        f"Intervals are of 95 %, by SALib's bootstrap over {found.samples:,} samples; they may go beyond 0 and 1. More --samples "
        "make them narrower. They do not say how well the model tells what people do.",
    )


def sensitivity_document(found: "Sensitivity") -> dict[str, Any]:
    """What was found as data: ``{schema, protocol, arm, endpoint, samples, patients, points, typical, least, greatest, factors,
    left_out, notes, failures}``; numbers as numbers, those of a factor in its unit and those of the endpoint in its own.
    """
    protocol, explored = found.protocol, found.explored
    factors = []
    for factor, swing, effect in zip(found.factors, found.swings, found.effects, strict=True):
        row = {name: getattr(factor, name) for name in ("name", "place", "unit", "low", "high", "typical")}
        row |= {name: getattr(factor, name) for name in ("chosen", "meaning", "source")}
        row |= {"at_low": swing.at_low, "at_high": swing.at_high, "width": swing.width}
        row |= {
            order: {"value": index, "low": index - half, "high": index + half}
            for order, index, half in (
                ("first_order", effect.first, effect.first_half_width),
                ("total", effect.total, effect.total_half_width),
            )
        }
        factors.append(row)
    return {
        "schema": 1,
        "protocol": {name: getattr(protocol, name) for name in ("name", "title", "hash", "seed", "follow_up_days")},
        "arm": found.arm.name,
        "endpoint": {name: getattr(found.endpoint, name) for name in ("name", "title", "unit", "kind")},
        "samples": found.samples,
        "patients": found.patients,
        "points": explored.points,
        "typical": found.swings[0].at_typical,
        "least": explored.least,
        "greatest": explored.greatest,
        "factors": factors,
        "left_out": list(found.left_out),
        "notes": list(notes(found)),
        "failures": [
            {"patient": failure.patient, "arm": failure.arm, "error": failure.error, "points": count}
            for failure, count in found.failures
        ],
    }


def _figure(found: "Sensitivity") -> str:
    os.environ["MPLBACKEND"] = "svg"  # no window is ever shown, whatever is set outside
    from thecal.report.tornado import tornado_figure  # noqa: PLC0415  # matplotlib is slow to import, only a figure needs it

    title = f"{found.protocol.title}: {found.arm.title}"
    return tornado_figure(found.swings, title, _endpoint(found), f"{_patients(found)}; ranges are choices")


def _heading(found: "Sensitivity") -> Iterator[str]:
    protocol, arm = found.protocol, found.arm
    yield f"{protocol.name}, {protocol.title}: arm {arm.title}, {arm.policy_text}."
    follow_up = f"followed for {protocol.follow_up_days:,} days"
    points = f"{found.explored.points:,} points ({found.samples:,} samples over {len(found.factors)} parameters)"
    yield f"{_patients(found)} at each of {points}, {follow_up}; seed {protocol.seed}. Protocol and data SHA-256 {protocol.hash}."


def _patients(found: "Sensitivity") -> str:
    return "1 patient" if found.patients == 1 else f"{found.patients:,} patients"


def _endpoint(found: "Sensitivity") -> str:
    from thecal.report.study_summary import Measure  # noqa: PLC0415  # with scipy

    one = found.endpoint
    return Measure(one.name, one.title, one.unit, one.kind).words


def _greatest_first(found: "Sensitivity") -> "list[Effect]":
    return sorted(found.effects, key=lambda effect: -effect.total)


def _index(value: float, half_width: float) -> str:
    """An index with its interval, to the hundredth, which is more than any of them is sure to."""
    value, low, high = (round(each, 2) + 0.0 for each in (value, value - half_width, value + half_width))
    return f"{value:.2f} ({low:.2f} to {high:.2f})"


def _tell_failures(found: "Sensitivity") -> None:
    for failure, count in found.failures[:_FAILURES_SHOWN]:
        reason = failure.error.strip().splitlines()[-1] if failure.error.strip() else "no reason was given"
        at = f"{count:,} of {found.explored.points:,} points"
        complain(f"thecal: patient {failure.patient}, arm {failure.arm}, at {at}: {reason}")
    if found.failures:
        more = len(found.failures) - _FAILURES_SHOWN
        rest = f" {more:,} more are in the list of --json." if more > 0 else ""
        complain(f"thecal: patients failed, so not all points are of the same patients.{rest}")
        raise typer.Exit(REFUSED)


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on the terminal; where nobody looks, a line now and then."""
    if not sys.stderr.isatty():
        last = -1

        def told_in_lines(done: int, points: int) -> None:
            nonlocal last
            step = done * _LINES_TOLD // points
            if step != last:
                last = step
                complain(f"{done:,} of {points:,} points")

        yield told_in_lines
        return
    from rich.console import Console  # noqa: PLC0415  # with the bar
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415  # as above

    columns = (TextColumn("points"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("points", total=None)
        yield lambda done, points: bar.update(task, total=points, completed=done)


def _wrapped(text: str, style: Style, indent: int = 0) -> Iterator[Line]:
    yield from (Line(line, style) for line in wrap(text, WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False))
