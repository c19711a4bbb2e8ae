"""``thecal whatif``: what happens to this patient if one thing goes wrong."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from thecal.body.patient import DEFAULT_PATIENT, typical
from thecal.cli.console import REFUSED, check_targets, complain, print_lines, print_refusal, write_whole
from thecal.cli.instant import instant_within
from thecal.cli.progress import progress
from thecal.errors import InputError, Refusal
from thecal.fluid import ALL_PPM
from thecal.quantity import Concentration, Gain
from thecal.report.document import json_text
from thecal.timeline import Duration
from thecal.twin.case import Body, Case, read_case
from thecal.twin.run import run as run_world
from thecal.twin.supposed import CatheterKink, LateRefill, Mistake, PumpStall, WrongConcentration, supposed
from thecal.twin.trace import Record, Trace

FOR_GOOD = "for good"
DAYS_MAX = 365


def whatif(
    case: Annotated[Path, typer.Argument(metavar="CASE", help="The case of the patient.", show_default=False)],
    late: Annotated[
        str | None, typer.Option("--late", metavar="TIME", help='The next refill comes late, such as "5 days".')
    ] = None,
    stall: Annotated[
        str | None, typer.Option("--stall", metavar="TIME", help='The rotor stands, such as "24 h", or "for good".')
    ] = None,
    kink: Annotated[
        str | None, typer.Option("--kink", metavar="SHARE", help='The catheter lets only so much through, such as "0 %".')
    ] = None,
    wrong_concentration: Annotated[
        str | None,
        typer.Option(
            "--wrong-concentration", metavar="STRENGTH", help='What the syringe of the next refill holds, "2000 mcg/mL".'
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help='Local to the case, such as "2026-03-02 10:00"; its end if not given.'),
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=DAYS_MAX, help="How many days to follow.")] = 10,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write it as JSON.")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one self-contained page with a figure.")
    ] = None,
) -> None:
    """Let one thing go wrong, and say when first signs and the worst are expected, beside the course as planned.

    Exactly one of --late, --stall, --kink and --wrong-concentration. A case without a body gets the typical patient. A fault that
    the pump cannot have is refused and exits with 1, bad input with 2.
    """
    check_targets({"--json": json, "--html": html}, case)
    mistake = _mistake(late, stall, kink, wrong_concentration)
    read = _with_body(read_case(case))
    now = instant_within(at, read)
    both = supposed(read, _run(replace(read, until=now)), mistake, now, days)
    if isinstance(both, Refusal):
        print_refusal(both)
        raise typer.Exit(REFUSED)
    os.environ["MPLBACKEND"] = "svg"  # no window is ever shown, whatever is set outside
    from thecal.report.supposed import what_if, what_if_document, what_if_lines, what_if_page  # noqa: PLC0415  # draws, so slow

    planned, wrong = _run(both.as_planned), _run(both.gone_wrong)
    told = what_if(both, planned, wrong)
    texts: dict[Path, str] = {}
    if json:
        texts[json] = json_text(what_if_document(told))
    if html:
        texts[html] = what_if_page(told)
    write_whole(texts)
    print_lines(what_if_lines(told))


def _mistake(late: str | None, stall: str | None, kink: str | None, wrong: str | None) -> Mistake:
    given = {"--late": late, "--stall": stall, "--kink": kink, "--wrong-concentration": wrong}
    named = [option for option, text in given.items() if text is not None]
    if len(named) != 1:
        raise InputError("whatif", " and ".join(named), "needs exactly one thing that goes wrong", accepted=given)
    if late is not None:
        return LateRefill(Duration.parse(late, "--late"))
    if stall is not None:
        return PumpStall(None if stall == FOR_GOOD else Duration.parse(stall, "--stall"))
    if kink is not None:
        share = Gain.UNITS.read(kink, "--kink", zero=True)
        if share >= ALL_PPM:
            raise InputError("--kink", kink, "leaves the catheter open", accepted=("0 % to less than 100 %",))
        return CatheterKink(share)
    return WrongConcentration(Concentration.parse(wrong, "--wrong-concentration"))


def _with_body(case: Case) -> Case:
    if case.body is not None:
        return case
    complain(f"thecal: {case.name} describes no body; this is the typical patient of the sheet {DEFAULT_PATIENT}")
    return replace(case, body=Body(DEFAULT_PATIENT, (), typical(DEFAULT_PATIENT)))


def _run(case: Case) -> Trace:
    with progress(case, case.until) as told:
        return run_world(case.world, case.source, case.until, Record(policy=case.policy, progress=told))
