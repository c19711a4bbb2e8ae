"""``thecal study``: virtual trials, run on as many processors as there are, and their rows."""

import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thecal.cli.console import REFUSED, complain, print_lines, say
from thecal.cli.study_report import report
from thecal.cli.study_sensitivity import sensitivity
from thecal.errors import InputError, nearest_name
from thecal.report.document import json_text
from thecal.report.tables import Line

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from thecal.study.runner import Progress

study = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Virtual trials: a population of patients in each arm of a protocol, their rows, and what they come to.",
)
study.command("report")(report)
study.command("sensitivity")(sensitivity)

INTERRUPTED = 130
_ROWS_SHOWN = 1_000
_FAILURES_SHOWN = 20
_LINES_TOLD = 10  # where nobody looks at a terminal
_PROTOCOL = typer.Argument(metavar="PROTOCOL", help="The protocol, a TOML file.", show_default=False)
_DIR = typer.Argument(metavar="DIR", help="The folder of a study.", show_default=False)
_WORKERS = typer.Option(
    "--workers", metavar="N", help="Worker processes; as many as this process may use processors if not given."
)
_SCHEDULER = typer.Option("--scheduler", metavar="ADDRESS", help="Run on this Dask cluster instead, such as tcp://host:8786.")


@study.command()
def run(
    protocol: Annotated[Path, _PROTOCOL],
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="The folder for the rows, new or empty.", show_default=False)
    ] = None,
    workers: Annotated[int | None, _WORKERS] = None,
    scheduler: Annotated[str | None, _SCHEDULER] = None,
    patient: Annotated[
        int | None, typer.Option("--patient", metavar="N", help="Run this patient alone, write nothing, print the row.")
    ] = None,
    arm: Annotated[str | None, typer.Option("--arm", metavar="NAME", help="With --patient: this arm alone.")] = None,
) -> None:
    """Run a protocol and keep its rows; what is finished is on the disk at once, so that a run can be stopped and gone on with.

    Exits with 1 where patients failed (the others are kept), with 130 after Ctrl-C.
    """
    from thecal.study.design import read_protocol  # noqa: PLC0415  # thecal's bodies are slow to load
    from thecal.study.runner import run_study  # noqa: PLC0415  # as above

    read = read_protocol(protocol)
    if patient is not None:
        _check_unused({"--out": out, "--workers": workers, "--scheduler": scheduler}, "is not for one patient, who is run here")
        _one(read, patient, arm)
        return
    _check_unused({"--arm": arm}, "is for one patient: give --patient too")
    if out is None:
        raise InputError("--out", "", "is missing", accepted=("--out DIR, for the rows", "--patient N, for one patient's row"))
    with _stoppable(out), _progress() as told:
        manifest = run_study(read, out, workers=workers, scheduler=scheduler, told=told)
    _tell(manifest, out, protocol)


@study.command()
def resume(
    directory: Annotated[Path, _DIR],
    workers: Annotated[int | None, _WORKERS] = None,
    scheduler: Annotated[str | None, _SCHEDULER] = None,
) -> None:
    """Go on with a study that was stopped or killed: only what is missing is run. Exits as run does."""
    from thecal.study.runner import resume_study  # noqa: PLC0415  # thecal's bodies are slow to load

    with _stoppable(directory), _progress() as told:
        manifest = resume_study(directory, workers=workers, scheduler=scheduler, told=told)
    _tell(manifest, directory, directory / "protocol.toml")


@study.command()
def query(
    directory: Annotated[Path, _DIR],
    sql: Annotated[str, typer.Argument(metavar="SQL", help="A SELECT over the tables of the rows.", show_default=False)],
    json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    every: Annotated[bool, typer.Option("--all", help=f"Show all rows, not the first {_ROWS_SHOWN:,} only.")] = False,
) -> None:
    """Ask the rows of a study in SQL (DuckDB's): tables patients, visits, course and events. Nothing can be changed or written.

    With --json an object of the rows that there are, how many are shown, and these.
    """
    from thecal.study.result import Result  # noqa: PLC0415  # a database, so slow

    result = Result.open(directory)
    names, rows, count = result.query_most(sql, None if every else _ROWS_SHOWN)
    if json:
        found = [{name: _plain(value) for name, value in zip(names, row, strict=True)} for row in rows]
        say(json_text({"schema": 1, "rows": count, "shown": len(rows), "found": found}).rstrip())
    else:
        _print_table(names, rows)
        shown = f", {len(rows):,} of them shown: --all shows them all" if len(rows) < count else ""
        say(f"{_counted(count, 'row')}{shown}")
    if result.missing:
        complain(
            f"thecal: {result.missing:,} of {result.manifest['blocks']:,} blocks are missing: thecal study resume {directory}"
        )


def _one(protocol: Any, patient: int, arm: str | None) -> None:
    """One patient's rows, or why there are none."""
    from thecal.study.runner import run_alone  # noqa: PLC0415  # thecal's bodies are slow to load

    arms = [each.name for each in protocol.arms]
    if arm is not None and arm not in arms:
        raise InputError("--arm", arm, f"is no arm of {protocol.name}", accepted=arms, nearest=nearest_name(arm, arms))
    asked = arms if arm is None else [arm]
    made = run_alone(protocol, patient)
    rows = made.tables["patients"]
    for at, name in enumerate(rows["arm"]):
        if name in asked:
            print_lines([Line(f"patient {patient}, arm {name}", "title")])
            print_lines(
                Line(f"{column:<28}{_text(values[at])}") for column, values in rows.items() if column not in {"patient", "arm"}
            )
    failed = [failure for failure in made.failures if failure.arm in asked]
    for failure in failed:
        complain(f"thecal: patient {failure.patient}, arm {failure.arm}: {failure.error}")
    if failed:
        raise typer.Exit(REFUSED)


def _check_unused(options: Mapping[str, object], problem: str) -> None:
    for option, value in options.items():
        if value is not None:
            raise InputError(option, str(value), problem)


def _tell(manifest: Mapping[str, Any], directory: Path, protocol: Path) -> None:
    """What was run and who failed."""
    patients, arms = _counted(manifest["patients"], "patient"), _counted(len(manifest["arms"]), "arm")
    blocks = _counted(manifest["blocks"], "block")
    say(f"{directory}: {patients} in {arms}, {blocks}. Next: thecal study report {shlex.quote(str(directory))}")
    failures = manifest["failures"]
    for failed in failures[:_FAILURES_SHOWN]:
        reason = failed["error"].strip().splitlines()[-1] if failed["error"].strip() else "no reason was given"
        complain(f"thecal: patient {failed['patient']}, arm {failed['arm']}: {reason}")
        again = f"--patient {failed['patient']} --arm {shlex.quote(failed['arm'])}"
        complain(f"  thecal study run {shlex.quote(str(protocol))} {again}")
    if failures:
        more = len(failures) - _FAILURES_SHOWN
        rest = f" {more:,} more stand in {directory / 'manifest.json'}." if more > 0 else ""
        complain(f"thecal: {_counted(len(failures), 'failure')}; all others are kept.{rest}")
        raise typer.Exit(REFUSED)


@contextmanager
def _stoppable(directory: Path) -> Iterator[None]:
    """Say after Ctrl-C, or a request to end, what is kept and how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        _tell_kept(directory)
        raise typer.Exit(INTERRUPTED) from None
    except SystemExit:
        _tell_kept(directory)
        raise


def _tell_kept(directory: Path) -> None:
    from thecal.study.folder import StudyFolder  # noqa: PLC0415  # thecal's bodies are slow to load

    folder = StudyFolder(directory)
    try:
        blocks = folder.manifest()["blocks"]
    except InputError:
        complain("\nthecal: stopped before it began; nothing was kept")
        return
    kept = f"{len(folder.notes()):,} of {_counted(blocks, 'block')}"
    complain(f"\nthecal: stopped; {kept} are kept. Go on with: thecal study resume {shlex.quote(str(directory))}")


@contextmanager
def _progress() -> "Iterator[Callable[[Progress], None]]":
    """A bar on the terminal; where nobody looks, a line now and then."""
    if not sys.stderr.isatty():
        yield _told_in_lines()
        return
    from rich.console import Console  # noqa: PLC0415  # with the bar
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn  # noqa: PLC0415  # as above
    from rich.progress import Progress as Bar  # noqa: PLC0415  # as above

    columns = (TextColumn("blocks"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[pace]}"), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        yield _told_in_bar(bar)


def _told_in_bar(bar: "Bar") -> "Callable[[Progress], None]":
    task = bar.add_task("blocks", total=None, pace="")

    def told(progress: "Progress") -> None:
        bar.update(task, total=progress.blocks, completed=progress.done, pace=_pace(progress))

    return told


def _told_in_lines() -> "Callable[[Progress], None]":
    last = -1

    def told(progress: "Progress") -> None:
        nonlocal last
        step = progress.done * _LINES_TOLD // progress.blocks
        if step != last:
            last = step
            pace = _pace(progress)
            complain(f"{progress.done:,} of {_counted(progress.blocks, 'block')}{', ' if pace else ''}{pace}")

    return told


def _pace(progress: "Progress") -> str:
    if not progress.patient_years:
        return ""
    return f"{progress.patient_years / max(progress.seconds, 1e-3):,.0f} patient-years/s"


def _print_table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Columns as wide as what they hold; numbers to the right."""
    cells = [[_text(value) for value in row] for row in rows]
    widths = [max([len(name), *(len(row[at]) for row in cells)]) for at, name in enumerate(names)]
    numeric = [all(_is_number(row[at]) for row in islice(rows, 100)) for at in range(len(names))]

    def line(row: Sequence[str]) -> str:
        placed = (
            cell.rjust(width) if right else cell.ljust(width) for cell, width, right in zip(row, widths, numeric, strict=True)
        )
        return "  ".join(placed).rstrip()

    print_lines([Line(line(names), "head"), *(Line(line(row)) for row in cells)])


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _plain(value: object) -> object:
    """A value as JSON has it: nan is no number there."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return str(value)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
