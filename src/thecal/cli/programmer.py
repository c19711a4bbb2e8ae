"""``thecal programmer``: the external programmer of a virtual pump, in the terminal."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from thecal.bench.bench_folder import DEFAULT, BenchFolder
from thecal.chart.order_sheet import OrderSheet
from thecal.cli.bench_dir import Dir
from thecal.cli.console import check_targets
from thecal.errors import InputError
from thecal.quantity import DailyDose
from thecal.timeline import read_zone
from thecal.twin.order_file import read_order


def programmer(
    serial: Annotated[str, typer.Argument(metavar="SERIAL", help="The pump: thecal bench list.", show_default=False)],
    folder: Dir = DEFAULT,
    name: Annotated[
        str | None,
        typer.Option("--as", metavar="NAME", help='Whose key: the only one in DIR, or "clinic", if not given.'),
    ] = None,
    host: Annotated[str | None, typer.Option("--host", help="Where the bench listens; as DIR says if not given.")] = None,
    port: Annotated[int | None, typer.Option("--port", min=1, max=65535, help="Where the bench listens.")] = None,
    order: Annotated[Path | None, typer.Option("--order", metavar="FILE", help="What is to be written, a TOML file.")] = None,
    confirm: Annotated[
        str | None,
        typer.Option("--confirm", metavar="DOSE", help='The 24-h total as a person worked it out, "120 mcg/day".'),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Write without a question; the 24-h total has to be given.")] = False,
    cancel_bolus: Annotated[bool, typer.Option("--cancel-bolus", help="End the bolus that runs.")] = False,
    link: Annotated[
        str | None, typer.Option("--link", metavar="FAULTS", help='A bad link, to teach: "lost=10%, delay=200ms".')
    ] = None,
    timezone: Annotated[str, typer.Option("--timezone", metavar="ZONE", help="Of the times that are shown.")] = "UTC",
    text: Annotated[Path | None, typer.Option("--text", metavar="FILE", help="Write the printout as text.")] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write the printout as one page to print.")] = None,
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the printout as JSON.")] = None,
) -> None:
    """Talk to a virtual pump of a bench: interrogate, and see what it says; or write an order, and read it back.

    Without --order a person at a terminal gets a menu; elsewhere, or with an output file, it ends after the reading. What is
    refused, uncertain or not as reviewed exits with 1, bad input or no link with 2.
    """
    outputs: dict[Literal["text", "html", "json"], Path | None] = {"text": text, "html": html, "json": json}
    targets = {"--order": order, **{f"--{form}": path for form, path in outputs.items()}}
    check_targets(targets, folder, "the folder of the bench")
    orders = _orders(order, confirm, yes=yes)
    if orders and cancel_bolus:
        raise InputError("--cancel-bolus", "", "goes without --order: one thing at a time")
    from thecal.bench.bad_link import BadLink  # noqa: PLC0415  # what talks to pumps is slow to load
    from thecal.cli.programmer_link import reach  # noqa: PLC0415  # as above
    from thecal.cli.programmer_run import Programming  # noqa: PLC0415  # as above

    bad = BadLink.parse(link) if link else BadLink()
    at = reach(BenchFolder(folder), serial, name, host, port, bad, read_zone(timezone, "--timezone"))
    files = {form: path for form, path in outputs.items() if path}
    code = Programming(at, files, orders, yes=yes, cancel=cancel_bolus).run()
    if code:
        raise typer.Exit(code)


def _orders(order: Path | None, confirm: str | None, *, yes: bool) -> OrderSheet | None:
    """What an order file asks for, with the total as a person worked it out. Raises InputError, InputErrors, OSError."""
    if order is None:
        for option, given in (("--confirm", confirm is not None), ("--yes", yes)):
            if given:
                raise InputError(option, "", "goes with --order FILE")
        return None
    read = read_order(order)
    if read.needle:
        problem = "holds a [fill], which is no business of the wand; fill with thecal bench needle, then order what was filled"
        raise InputError("--order", read.name, problem, accepted=("reservoir", "concentration"))
    orders = read.orders
    if confirm is not None:
        if orders.confirm_total is not None:
            raise InputError("--confirm", confirm, f"is given, and confirm_total = {str(orders.confirm_total)!r} in {read.name}")
        orders = replace(orders, confirm_total=DailyDose.parse(confirm, "--confirm", zero=True))
    if yes and orders.confirm_total is None:
        problem = "asks nobody, so the 24-h total as a person worked it out has to be given"
        raise InputError("--yes", "", problem, accepted=(f"confirm_total in {read.name}", '--confirm "120 mcg/day"'))
    return orders
