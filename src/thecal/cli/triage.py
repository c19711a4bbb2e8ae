"""``thecal triage``: how soon, what is suspected, and what first."""

import sys
from pathlib import Path
from typing import Annotated, get_args
from zoneinfo import ZoneInfo

import typer

from thecal.chart.vocabulary import named, words
from thecal.cli.console import REFUSED, complain, print_lines, say
from thecal.errors import InputError, nearest_name
from thecal.quantity import DailyDose
from thecal.report.document import json_text
from thecal.report.triage import triage_document, triage_lines
from thecal.therapy.clinic import Clinic
from thecal.therapy.signs import Done, Tone
from thecal.therapy.triage import triage as triage_by_rules
from thecal.timeline import Duration
from thecal.twin.chart_file import read_chart
from thecal.twin.clinic_file import read_clinic

_DONE = ", ".join(get_args(Done))
_GRADES = ("0", "1", "2", "3")
_ASKED_FIRST = ("overdose", "severe withdrawal", "early withdrawal", "pocket fill", "overdose tone")


def triage(
    symptoms: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SYMPTOM[=GRADE]]...", help="What is reported, such as fever=2; grade 1 if not given.", show_default=False
        ),
    ] = None,
    chart: Annotated[Path | None, typer.Option("--chart", metavar="FILE", help="What is known besides.")] = None,
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="Local to the chart.")] = None,
    since: Annotated[
        list[str] | None, typer.Option("--since", metavar="WHAT=TIME", help=f'What was done, such as "refill=6 h": {_DONE}.')
    ] = None,
    risk: Annotated[
        list[str] | None,
        typer.Option("--risk", metavar="CONDITION", help="A condition, by its name: thecal words conditions."),
    ] = None,
    tone: Annotated[str | None, typer.Option("--tone", help=f"How the muscles feel: {', '.join(get_args(Tone))}.")] = None,
    dose: Annotated[str | None, typer.Option("--dose", help='The daily dose, such as "480 mcg/day".')] = None,
    therapy: Annotated[str | None, typer.Option("--therapy", help='How long there has been one, such as "400 days".')] = None,
    clinic: Annotated[Path | None, typer.Option("--clinic", metavar="FILE", help="The settings of a clinic.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Triage symptoms: how soon, withdrawal or overdose or device, what to do first and why. Asks where none are given.

    Exits with 1 for an emergency.
    """
    look = None
    settings = read_clinic(clinic) if clinic else Clinic()
    if chart:
        read = read_chart(chart)
        look = read.look(read.instant(at), settings)
    if not symptoms and look is None:
        symptoms = _asked()
    grades: dict[str, int] = {}
    for text in symptoms or ():
        name, grade = _grade(text)
        if grades.setdefault(name, grade) != grade:
            raise InputError("SYMPTOM", text, f"contradicts {name}={grades[name]}", accepted=("one grade for each symptom",))
    done = dict(_done(text) for text in since or ())
    answer = triage_by_rules(
        grades,
        look,
        since=done,
        flags=[named("conditions", name, "--risk").name for name in risk or ()],
        tone=_tone(tone),
        dose=DailyDose.parse(dose, "--dose") if dose else None,
        therapy=Duration.parse(therapy, "--therapy") if therapy else None,
        clinic=settings,
    )
    zone = look.zone if look else ZoneInfo("UTC")
    if json:
        say(json_text(triage_document(answer, zone)).rstrip())
    else:
        print_lines(triage_lines(answer, zone))
    if answer.tier == "emergency":
        raise typer.Exit(REFUSED)


def _grade(text: str) -> tuple[str, int]:
    name, _, grade = text.partition("=")
    word = named("symptoms", name.strip(), "SYMPTOM").name
    if "=" not in text:
        return word, 1
    if grade.strip() not in _GRADES:
        raise InputError("SYMPTOM", text, "has no grade", accepted=("0 gone, 1 mild, 2 moderate, 3 severe",))
    return word, int(grade)


def _done(text: str) -> tuple[str, Duration]:
    name, _, how_long = text.partition("=")
    if name.strip() not in get_args(Done) or not how_long:
        accepted = [f'"{what}=6 h"' for what in get_args(Done)]
        nearest = nearest_name(name.strip(), get_args(Done))
        raise InputError("--since", text, "does not say what was done, and how long ago", accepted=accepted, nearest=nearest)
    return name.strip(), Duration.parse(how_long.strip(), "--since", zero=True)


def _tone(text: str | None) -> Tone | None:
    for tone in get_args(Tone):
        if tone == text:
            return tone  # type: ignore[no-any-return]  # one of the names
    if text is None:
        return None
    raise InputError("--tone", text, "is not accepted", accepted=get_args(Tone), nearest=nearest_name(text, get_args(Tone)))


def _asked() -> list[str]:
    """The symptoms, asked one by one where somebody is there to answer; the gravest first."""
    if not sys.stdin.isatty():
        raise InputError("SYMPTOM", "", "is missing", nearest='thecal triage "itching without rash" fever=2')
    complain("For each: 0 no, 1 mild, 2 moderate, 3 severe; Enter for no.")
    known = words("symptoms").values()
    ordered = dict.fromkeys(word for group in _ASKED_FIRST for word in known if group in word.groups)
    given = []
    for word in ordered:
        answer = _answer(word.text)
        if answer != "0":
            given.append(f"{word.name}={answer}")
    return given


def _answer(question: str) -> str:
    """A grade; asked again until it is one. Raises InputError where nobody answers any more."""
    while True:
        try:
            answer = str(typer.prompt(question, default="0", show_default=False)).strip()
        except typer.Abort:
            raise InputError("SYMPTOM", "", "is not answered: the questions were ended") from None
        if answer in _GRADES:
            return answer
        complain("0 no, 1 mild, 2 moderate, 3 severe; Enter for no.")
