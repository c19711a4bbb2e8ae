"""The ``thecal`` command."""

import os
import signal
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from thecal.cli.bench import bench
from thecal.cli.calc import calc
from thecal.cli.check import check
from thecal.cli.clinic import clinic
from thecal.cli.compare import compare
from thecal.cli.console import BAD_INPUT, complain, explain, say
from thecal.cli.drill import drill
from thecal.cli.hazards import hazards
from thecal.cli.patients import patients
from thecal.cli.plan import plan
from thecal.cli.program import program
from thecal.cli.programmer import programmer
from thecal.cli.pumps import pumps
from thecal.cli.rules import rules
from thecal.cli.run import run
from thecal.cli.serve import serve
from thecal.cli.study import study
from thecal.cli.teach import teach
from thecal.cli.triage import triage
from thecal.cli.validate import validate
from thecal.cli.whatif import whatif
from thecal.cli.words import words
from thecal.errors import ThecalError
from thecal.report.words import BANNER

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help=f"The intrathecal baclofen pump system in software. {BANNER}",
)
app.command()(run)
app.command()(pumps)
app.command()(patients)
app.command()(program)
app.command()(programmer)
app.command()(check)
app.command()(rules)
app.command()(words)
app.command()(triage)
app.command()(teach)
app.command()(whatif)
app.command()(compare)
app.command()(validate)
app.command()(hazards)
app.command()(serve)
app.add_typer(bench, name="bench")
app.add_typer(clinic, name="clinic")
app.add_typer(drill, name="drill")
app.add_typer(study, name="study")
app.add_typer(plan, name="plan")
app.add_typer(calc, name="calc")


def _say_version(asked: bool) -> None:
    if asked:
        say(f"thecal {version('thecal')}")
        raise typer.Exit()


@app.callback()
def _options(
    show: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    pass


def _terminate(*_: object) -> NoReturn:
    """End as by an interrupt, so that nothing half-written stays."""
    sys.exit(128 + signal.SIGTERM)


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 refused, 2 bad input or a file that cannot be read or written."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  # for as long as we run
        else:
            getattr(sys, name).reconfigure(errors="backslashreplace")  # a title may hold what a terminal cannot show
    signal.signal(signal.SIGTERM, _terminate)
    try:
        app()
    except (ThecalError, OSError) as error:
        complain(explain(error))
        sys.exit(BAD_INPUT)
