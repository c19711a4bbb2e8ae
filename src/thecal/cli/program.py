"""``thecal program``: a session with the pump of a case, by an order file."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from thecal.cli.console import REFUSED, check_targets, complain, print_lines, print_refusal, write_whole
from thecal.cli.instant import instant_within
from thecal.cli.progress import progress
from thecal.errors import InputError, Refusal
from thecal.programmer.printout import Printout, printout
from thecal.report.document import json_text
from thecal.report.printout import Heading, forecast_section, printout_document, printout_lines, printout_page
from thecal.timeline import Instant
from thecal.twin.action import HoldSession
from thecal.twin.case import Case, read_case
from thecal.twin.forecast import TipDay, tip_days
from thecal.twin.order_file import read_order
from thecal.twin.run import run as run_world
from thecal.twin.session import Held, hold_session
from thecal.twin.trace import Record

DAYS_MAX = 60


def program(
    case: Annotated[Path, typer.Argument(metavar="CASE", help="The case whose pump is programmed.", show_default=False)],
    order: Annotated[
        Path, typer.Option("--order", metavar="FILE", help="What is to be written, a TOML file.", show_default=False)
    ],
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help='Local to the case, such as "2026-03-02 10:00"; its end if not given.'),
    ] = None,
    what_if_now: Annotated[
        bool, typer.Option("--what-if-now", help="Show the tip dose of the next days, with and without the plan.")
    ] = False,
    days: Annotated[int, typer.Option("--days", min=1, max=DAYS_MAX, help="How many days of it.")] = 7,
    text: Annotated[Path | None, typer.Option("--text", metavar="FILE", help="Write the printout as text.")] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the printout as one page to print.")] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the printout as JSON.")] = None,
) -> None:
    """Hold a session with the pump of a case: review, write, read back, and print what is to be signed.

    The case runs until then; its file is not changed. A refused order writes nothing, says rule, limit, source and what to do,
    and exits with 1, as does a session whose end is uncertain. Bad input exits with 2.
    """
    check_targets({"--order": order, "--text": text, "--html": html, "--json": json}, case)
    read, asked = read_case(case), read_order(order)
    now = instant_within(at, read)
    with progress(read, now) as told:
        record = Record(policy=read.policy, keep_rows=False, keep_blocks=False, progress=told)
        trace = run_world(read.world, read.source, now, record)
    if not trace.as_expected:
        complain(f"thecal: the case itself was not as it expects until then; see thecal run {case}")
    pump = trace.world.pump
    action = HoldSession(now, asked.orders, asked.needle)
    if pump is None:
        raise InputError("CASE", case.name, f"has no pump in place at {now.local_text(read.zone)}", accepted=("a later --at",))
    held = hold_session(trace.world, trace.chart, action, pump, read.policy)
    if isinstance(held, Refusal):
        print_refusal(held)
        raise typer.Exit(REFUSED)
    forecast = tip_days(held.session.review, pump.sheet, days) if what_if_now and held.session.review else None
    heading = _heading(read, held, now)
    printed = _printed(held, read, forecast)
    lines = list(printout_lines(heading, printed))
    texts: dict[Path, str] = {}
    if text:
        texts[text] = "".join(f"{line.text}\n" for line in lines)
    if html:
        texts[html] = printout_page(heading, printed)
    if json:
        residual = held.procedure.residual if held.procedure else None
        texts[json] = json_text(printout_document(heading, held.session, printed, residual, forecast))
    write_whole(texts)
    print_lines(lines)
    if isinstance(forecast, Refusal):
        print_refusal(forecast)
    if held.session.standing != "done" or isinstance(forecast, Refusal):
        raise typer.Exit(REFUSED)


def _heading(case: Case, held: Held, now: Instant) -> Heading:
    geometry = held.done.world.geometry or case.geometry
    sheet = held.session.sheet
    device = f"{sheet.name}, {geometry.sheet.name} at {geometry.tip_level}, dead volume {geometry.dead_volume}"
    return Heading(case.title, case.patient, device, now, case.zone, held.session.name, version("thecal"))


def _printed(held: Held, case: Case, forecast: tuple[TipDay, ...] | Refusal | None) -> Printout:
    residual = held.procedure.residual if held.procedure else None
    printed = printout(held.session, case.zone, residual)
    made = held.session.review
    if made is None or forecast is None or isinstance(forecast, Refusal):
        return printed
    section = forecast_section(forecast, case.zone, plan=made.bridge is not None or made.prime is not None)
    return Printout(printed.status, printed.may_be_signed, (*printed.sections, section))
