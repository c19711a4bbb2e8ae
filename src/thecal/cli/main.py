"""The ``thecal`` command."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from thecal.cli.calc import calc
from thecal.cli.console import BAD_INPUT, complain, explain, say
from thecal.cli.pumps import pumps
from thecal.cli.run import run
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


def main() -> None:
    """Run the command line. Exit codes: 0 done, 1 refused, 2 bad input or a file that cannot be read or written."""
    try:
        app()
    except (ThecalError, OSError) as error:
        complain(explain(error))
        sys.exit(BAD_INPUT)
