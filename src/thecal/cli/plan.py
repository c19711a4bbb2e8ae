"""``thecal plan``: dated plans, as a table, as JSON, and as a calendar."""

from pathlib import Path
from typing import Annotated, get_args

import typer

from thecal.chart.vocabulary import named
from thecal.cli.console import REFUSED, check_targets, print_lines, print_refusal, say, write_whole
from thecal.datum import pick
from thecal.errors import InputError, Refusal
from thecal.quantity import Amount, DailyDose
from thecal.report.document import json_text
from thecal.report.education import emergency_document, emergency_lines
from thecal.report.plan import plan_calendar, plan_document, plan_lines
from thecal.therapy.bolus import screening_plan
from thecal.therapy.cover import cover_plan
from thecal.therapy.emergency_plan import emergency_plan
from thecal.therapy.implantation import start_plan
from thecal.therapy.look import Look
from thecal.therapy.oral_plan import oral_titration_plan
from thecal.therapy.plan import Plan
from thecal.therapy.refill_plan import refill_plan
from thecal.therapy.removal import removal_plan
from thecal.therapy.service import replacement_plan
from thecal.therapy.tapers import EACH_3, Schedule, taper_plan
from thecal.therapy.titration_plan import titration_plan
from thecal.therapy.weaning import wean_plan
from thecal.therapy.workflows import pregnancy_plan, surgery_plan, travel_plan
from thecal.timeline import Duration, Instant
from thecal.twin.chart_file import ChartFile, read_chart
from thecal.twin.clinic_file import read_clinic
from thecal.twin.fact_fields import quantity_of

plan = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Print a dated plan from a chart or a case.")

Chart = Annotated[Path, typer.Argument(metavar="CHART_OR_CASE", help="What is known: a chart or a case.", show_default=False)]
At = Annotated[str | None, typer.Option("--at", metavar="TIME", help="Local to the chart; its last fact if not given.")]
From = Annotated[str | None, typer.Option("--from", metavar="TIME", help="When the plan begins; as --at if not given.")]
ClinicFile = Annotated[Path | None, typer.Option("--clinic", metavar="FILE", help="The settings of a clinic.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Ics = Annotated[Path | None, typer.Option("--ics", metavar="FILE", help="Write a calendar file.")]


def _look(chart: Path, at: str | None, clinic: Path | None) -> tuple[Look, ChartFile]:
    read = read_chart(chart)
    return read.look(read.instant(at), read_clinic(clinic) if clinic else None), read


def _begin(begin: str | None, look: Look) -> Instant:
    if not begin:
        return look.now
    at = Instant.parse(begin, look.zone, "--from")
    if at < look.now:
        raise InputError("--from", begin, "is in the past", accepted=(f"{look.now.local_text(look.zone)} (--at) or later",))
    return at


def _with_pump(look: Look, chart: Path) -> Look:
    if look.sheet is None:
        now = look.now.local_text(look.zone)
        raise InputError("CHART_OR_CASE", chart.name, f"has no pump in place at {now}", accepted=("a later --at",))
    return look


def _print(made: Plan | Refusal, look: Look, chart: Path, clinic: Path | None, json: bool, ics: Path | None) -> None:
    check_targets({"--ics": ics, "--clinic": clinic}, chart)
    if isinstance(made, Refusal):
        print_refusal(made)
        raise typer.Exit(REFUSED)
    if ics:
        write_whole({ics: plan_calendar(made, look.zone)})
    if json:
        say(json_text(plan_document(made, look.zone)).rstrip())
    else:
        print_lines(plan_lines(made, look.zone))
    if any(finding.stops for finding in made.findings):
        raise typer.Exit(REFUSED)


@plan.command()
def screening(
    chart: Chart,
    dose: Annotated[
        str | None, typer.Option("--dose", help='The bolus, such as "50 mcg"; that of the protocol if not given.')
    ] = None,
    begin: From = None,
    at: At = None,
    clinic: ClinicFile = None,
    json: Json = False,
    ics: Ics = None,
) -> None:
    """The next bolus of the screening test, its observation, and the earliest one after it."""
    look, _ = _look(chart, at, clinic)
    amount = Amount.parse(dose, "--dose") if dose else None
    _print(screening_plan(look, _begin(begin, look), amount), look, chart, clinic, json, ics)


@plan.command()
def start(chart: Chart, at: At = None, clinic: ClinicFile = None, json: Json = False, ics: Ics = None) -> None:
    """The first days after an implant: when drug is at the tip, observation, the first rise, discharge, visits."""
    look, _ = _look(chart, at, clinic)
    _print(start_plan(look), look, chart, clinic, json, ics)


@plan.command()
def titration(
    chart: Chart,
    to: Annotated[
        str, typer.Option("--to", metavar="DOSE", help='The dose to reach, such as "160 mcg/day".', show_default=False)
    ],
    every: Annotated[str, typer.Option("--every", help="How far apart the steps are.")] = "7 days",
    rise: Annotated[float | None, typer.Option("--rise", help="Percent of each step; that of the rule if not given.")] = None,
    begin: From = None,
    at: At = None,
    clinic: ClinicFile = None,
    json: Json = False,
    ics: Ics = None,
) -> None:
    """Steps from the dose that runs to another, none beyond the limits of the rules, each assessed within a day."""
    look, _ = _look(chart, at, clinic)
    target, apart = DailyDose.parse(to, "--to"), Duration.parse(every, "--every")
    _print(titration_plan(look, _begin(begin, look), target, apart, rise), look, chart, clinic, json, ics)


@plan.command()
def refill(chart: Chart, at: At = None, clinic: ClinicFile = None, json: Json = False, ics: Ics = None) -> None:
    """The next refill: by when, who is told when it is not booked, and its steps in their order."""
    look, read = _look(chart, at, clinic)
    _print(refill_plan(look, read.policy), look, chart, clinic, json, ics)


@plan.command()
def taper(
    chart: Chart,
    medicine: Annotated[str, typer.Option("--medicine", help="What is tapered.")] = "baclofen",
    dose: Annotated[str | None, typer.Option("--dose", help='Such as "60 mg/day"; what the chart says if not given.')] = None,
    days: Annotated[int | None, typer.Option("--days", min=1, max=365, help="Over how many days.")] = None,
    schedule: Annotated[str, typer.Option("--schedule", help=f"One of {', '.join(get_args(Schedule))}.")] = EACH_3,
    begin: From = None,
    at: At = None,
    clinic: ClinicFile = None,
    json: Json = False,
    ics: Ics = None,
) -> None:
    """The end of a drug by mouth, step by step and never at once."""
    look, _ = _look(chart, at, clinic)
    meant = named("medicines", medicine, "--medicine").name
    way: Schedule = pick(schedule, {name: name for name in get_args(Schedule)}, "--schedule")
    taken = quantity_of(dose, "mg/day", "--dose") if dose else None
    _print(taper_plan(look, meant, _begin(begin, look), taken, days, way), look, chart, clinic, json, ics)


@plan.command()
def wean(chart: Chart, begin: From = None, at: At = None, clinic: ClinicFile = None, json: Json = False, ics: Ics = None) -> None:
    """The drugs by mouth after the pump has started: one at a time, baclofen first."""
    look, _ = _look(chart, at, clinic)
    _print(wean_plan(look, _begin(begin, look)), look, chart, clinic, json, ics)


@plan.command()
def oral(chart: Chart, begin: From = None, at: At = None, clinic: ClinicFile = None, json: Json = False, ics: Ics = None) -> None:
    """The start of oral baclofen, raised by response up to what kidneys and jurisdiction allow."""
    look, _ = _look(chart, at, clinic)
    _print(oral_titration_plan(look, _begin(begin, look)), look, chart, clinic, json, ics)


@plan.command()
def cover(
    chart: Chart, begin: From = None, at: At = None, clinic: ClinicFile = None, json: Json = False, ics: Ics = None
) -> None:
    """What bridges an interruption of the intrathecal therapy, and what is looked at when."""
    look, _ = _look(chart, at, clinic)
    _print(cover_plan(look, _begin(begin, look)), look, chart, clinic, json, ics)


@plan.command()
def replacement(chart: Chart, at: At = None, clinic: ClinicFile = None, json: Json = False, ics: Ics = None) -> None:
    """The replacement of the pump before its service ends."""
    look, _ = _look(chart, at, clinic)
    _print(replacement_plan(look), look, chart, clinic, json, ics)


@plan.command()
def removal(
    chart: Chart,
    begin: Annotated[str, typer.Option("--from", metavar="TIME", help="When the pump is taken out.", show_default=False)],
    at: At = None,
    clinic: ClinicFile = None,
    json: Json = False,
    ics: Ics = None,
) -> None:
    """The weaning before a pump is taken out."""
    look, _ = _look(chart, at, clinic)
    _print(removal_plan(look, _begin(begin, look)), look, chart, clinic, json, ics)


@plan.command()
def travel(
    chart: Chart,
    begin: From = None,
    back: Annotated[str | None, typer.Option("--back", metavar="TIME", help="When the journey ends.")] = None,
    at: At = None,
    clinic: ClinicFile = None,
    json: Json = False,
    ics: Ics = None,
) -> None:
    """A journey: the refill before it, papers, and who is there meanwhile."""
    look = _with_pump(_look(chart, at, clinic)[0], chart)
    until = Instant.parse(back, look.zone, "--back") if back else None
    _print(travel_plan(look, _begin(begin, look), until), look, chart, clinic, json, ics)


@plan.command()
def surgery(
    chart: Chart, begin: From = None, at: At = None, clinic: ClinicFile = None, json: Json = False, ics: Ics = None
) -> None:
    """An operation of another kind, with a pump in place."""
    look = _with_pump(_look(chart, at, clinic)[0], chart)
    _print(surgery_plan(look, _begin(begin, look)), look, chart, clinic, json, ics)


@plan.command()
def pregnancy(
    chart: Chart, begin: From = None, at: At = None, clinic: ClinicFile = None, json: Json = False, ics: Ics = None
) -> None:
    """A pregnancy under baclofen."""
    look = _with_pump(_look(chart, at, clinic)[0], chart)
    _print(pregnancy_plan(look, _begin(begin, look)), look, chart, clinic, json, ics)


@plan.command()
def emergency(chart: Chart, at: At = None, clinic: ClinicFile = None, json: Json = False) -> None:
    """The emergency plan of a person, to be carried: pump, drug, dose, dates, numbers, signs, what to do."""
    look = _with_pump(_look(chart, at, clinic)[0], chart)
    made = emergency_plan(look)
    if json:
        say(json_text(emergency_document(made, look.zone)).rstrip())
    else:
        print_lines(emergency_lines(made, look.zone))
