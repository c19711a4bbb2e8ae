"""``thecal check``: what the rules find in a chart or a case."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, get_args

import typer

from thecal.cli.console import REFUSED, complain, print_lines, print_refusal, say
from thecal.datum import pick
from thecal.errors import InputError, Refusal
from thecal.report.document import json_text
from thecal.report.findings import (
    due_findings,
    finding_counts,
    finding_document,
    finding_lines,
    order_lines,
    standing_lines,
)
from thecal.report.standing import summary_lines
from thecal.report.tables import Line
from thecal.report.words import BANNER
from thecal.therapy.asked import asked_for
from thecal.therapy.check import Topic, eased
from thecal.therapy.check import check as check_rules
from thecal.therapy.finding import Finding, ordered
from thecal.therapy.look import Look
from thecal.therapy.pathway import Standing, pathway
from thecal.twin.chart_file import read_chart
from thecal.twin.clinic_file import read_clinic
from thecal.twin.foresight import foreseen
from thecal.twin.order_file import OrderFile, read_order

_TOPICS: dict[str, Topic | None] = {**{name: name for name in get_args(Topic)}, "all": None}


def check(
    chart: Annotated[
        Path, typer.Argument(metavar="CHART_OR_CASE", help="What is known: a chart, or a case.", show_default=False)
    ],
    order: Annotated[
        Path | None, typer.Option("--order", metavar="FILE", help="An order for the pump, to be checked.", show_default=False)
    ] = None,
    topic: Annotated[
        str, typer.Option("--topic", help=f"One of {', '.join(sorted([*_TOPICS, 'pathway']))}.", show_default=True)
    ] = "all",
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="Local to the chart; its last fact if not given.")
    ] = None,
    clinic: Annotated[Path | None, typer.Option("--clinic", metavar="FILE", help="The settings of a clinic.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the findings as a JSON list.")] = False,
) -> None:
    """Check a chart, and an order where one is given, by the rules of the therapy.

    Each finding says what was asked, what is allowed, where that comes from, how sure it is and what to do next. Exits with 1
    where anything blocks, a second person is still owed or there is an emergency, with 2 on bad input.
    """
    wanted = pick(topic, {name: name for name in (*_TOPICS, "pathway")}, "--topic")
    read = read_chart(chart)
    now = read.instant(at)
    look = read.look(now, read_clinic(clinic) if clinic else None)
    asked = read_order(order) if order else None
    if asked:
        look = _with_order(look, asked)
    standing = pathway(look, read.policy) if wanted in ("pathway", "all") else None
    findings = _findings(look, wanted, standing)
    if asked and wanted in ("order", "all"):
        findings = _with_session(look, findings, foreseen(look, asked, read.policy))
    if json:
        complain(BANNER)
        say(json_text([finding_document(finding, read.zone) for finding in findings]).rstrip())
    else:
        print_lines([Line(f"{read.title}, as of {now.local_text(read.zone)}", "title")])
        if standing:
            print_lines(standing_lines(standing, read.zone))
        print_lines(summary_lines(look, wanted))
        if look.asked:
            print_lines(order_lines(look.asked))
        print_lines([Line(f"findings: {finding_counts(findings)}", "title")])
        print_lines(finding_lines(findings, read.zone))
        print_lines([Line(BANNER, "note")])
    if any(finding.stops or finding.severity == "emergency" for finding in findings):
        raise typer.Exit(REFUSED)


def _findings(look: Look, topic: str, standing: Standing | None) -> tuple[Finding, ...]:
    found = () if topic == "pathway" else check_rules(look, _TOPICS[topic])
    return ordered([*found, *(due_findings(standing, look.now, found) if standing else ())])


def _with_session(look: Look, findings: tuple[Finding, ...], session: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """What a session would be refused by or caution of besides, where no rule has said it yet."""
    told = {finding.rule for finding in findings}
    return ordered([*findings, *(eased(look, finding) for finding in session if finding.rule not in told)])


def _with_order(look: Look, order: OrderFile) -> Look:
    orders = order.orders
    if look.sheet is None:
        raise InputError("--order", order.name, "needs a pump in place", accepted=("a chart with a pump, or a later --at",))
    asked = asked_for(orders, look.chart, look.sheet)
    if isinstance(asked, Refusal):
        print_refusal(asked)
        raise typer.Exit(REFUSED)
    return replace(look, asked=asked)
