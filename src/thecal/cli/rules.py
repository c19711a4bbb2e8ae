"""``thecal rules``: the rules of the therapy, listed and explained."""

from pathlib import Path
from typing import Annotated, get_args

import typer

from thecal.cli.console import complain, print_lines, say
from thecal.datum import pick
from thecal.errors import InputError
from thecal.report.document import json_text
from thecal.report.rules import rule_document, rule_lines, rule_list
from thecal.report.tables import Line
from thecal.report.words import BANNER
from thecal.therapy.clinic import Clinic
from thecal.therapy.rules import SURENESS, Kind, all_rules, families, rule_named
from thecal.twin.clinic_file import read_clinic


def rules(
    rule: Annotated[
        str | None,
        typer.Argument(metavar="RULE", help="A rule, such as TIT-03, or the letters of several.", show_default=False),
    ] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="Only this kind: check, step, scale or reference.")] = None,
    topic: Annotated[str | None, typer.Option("--topic", help="Only this topic, such as titration.")] = None,
    confidence: Annotated[str | None, typer.Option("--confidence", help="Only this confidence: Q, S, R, D or U.")] = None,
    clinic: Annotated[Path | None, typer.Option("--clinic", metavar="FILE", help="Show limits as a clinic has set them.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON: one row for each rule.")] = False,
) -> None:
    """List the rules of the therapy, or explain one: what it says, its limits, its source, how sure that is, its tests."""
    settings = read_clinic(clinic) if clinic else Clinic()
    family = rule.upper() if rule and rule.isalpha() else None
    chosen = list(all_rules().values())
    if family:
        chosen = [one for one in chosen if one.id.startswith(f"{family}-")]
    if rule and not chosen:
        raise InputError("RULE", rule, "begins no rule", accepted=families())
    if rule and not family:
        chosen = [rule_named(rule)]
    if kind:
        wanted = pick(kind, {name: name for name in get_args(Kind)}, "--kind")
        chosen = [one for one in chosen if one.kind == wanted]
    if topic:
        wanted = pick(topic, {one.topic: one.topic for one in all_rules().values()}, "--topic")
        chosen = [one for one in chosen if one.topic == wanted]
    if confidence:
        wanted = pick(confidence.upper(), {letter: letter for letter in SURENESS}, "--confidence")
        chosen = [one for one in chosen if wanted in one.confidence.split("/")]
    if json:
        complain(BANNER)
        say(json_text([rule_document(one, settings) for one in chosen]).rstrip())
        return
    if rule and not family:
        print_lines(rule_lines(chosen[0], settings))
    else:
        print_lines(rule_list(chosen))
        print_lines([Line(f"{len(chosen)} rules. One of them in full: thecal rules TIT-03", "note")])
    print_lines([Line(BANNER, "note")])
