"""``thecal drill``: emergencies and mistakes to practise on, alone or in a group."""

import os
import sys
from itertools import count
from pathlib import Path
from typing import Annotated

import typer

from thecal.cli.console import check_targets, complain, print_lines, say, write_whole
from thecal.cli.drill_terminal import INSTRUCTOR, Seat, by_hand, by_script
from thecal.drill.debrief import debrief as look_back
from thecal.drill.debrief_text import debrief_document, debrief_lines, debrief_page
from thecal.drill.drill import drill_names, parse_drill, read_drill
from thecal.drill.incident import drill_from
from thecal.drill.props import prop_lines, prop_page
from thecal.drill.run import Run
from thecal.drill.run_file import new_run, open_run
from thecal.report.document import json_text
from thecal.report.tables import Line

drill = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Practise on a virtual patient and pump: withdrawal, overdose, scans, alarms, programs. Begin with: thecal drill list",
)
_DRILL = typer.Argument(metavar="DRILL", help="A drill by its name, or a file of your own.", show_default=False)
_RUN = typer.Argument(metavar="RUN", help="A run that was kept in a file.", show_default=False)
_AS = typer.Option("--as", metavar="NAME", help="Who you are, where several share a run.")


@drill.command("list")
def list_(json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False) -> None:
    """List the drills, and what each teaches."""
    drills = [read_drill(name) for name in drill_names()]
    if json:
        rows = [{"name": one.name, "title": one.table.title, "objectives": one.table.objectives} for one in drills]
        say(json_text(rows).rstrip())
        return
    for one in drills:
        print_lines([Line(f"{one.name:<28}{one.table.title}", "title")])
        print_lines(Line(f"{'':<28}- {aim}") for aim in one.table.objectives)
    print_lines([Line(""), Line(f"thecal drill play {drills[0].name}", "note")])


@drill.command()
def play(
    name: Annotated[str, _DRILL],
    run: Annotated[Path | None, typer.Option("--run", metavar="FILE", help="Keep the run here; by itself beside you.")] = None,
    script: Annotated[
        Path | None, typer.Option("--script", metavar="FILE", help="Lines instead of a person, - for standard input.")
    ] = None,
    who: Annotated[str, _AS] = "",
    instructor: Annotated[bool, typer.Option("--instructor", help="Instructor's lines (! help) are taken here too.")] = False,
) -> None:
    """Play a drill: type help for what you can do, done to end it; then it is talked over.

    A run is kept line by line, so that nothing is lost, in a file of the name of the drill where no other is given; a script
    keeps one only where it is asked for. A second terminal may watch and lead it with thecal drill instruct.
    """
    read = read_drill(name)
    path = run if run or script else _free(read.name)
    kept = new_run(path, read, str(Path(name).resolve()) if Path(name).suffix else name) if path else None
    seat = Seat(kept.run if kept else Run(read), who, kept, instructor)
    print_lines(seat.run.opening())
    if script:
        text = (sys.stdin.buffer.read() if str(script) == "-" else script.read_bytes()).decode("utf-8", "replace")
        by_script(seat, text.splitlines(), "standard input" if str(script) == "-" else script.name)
        return
    complain(f"\nType help for what you can do. This run is kept in {path}.")
    by_hand(seat)


@drill.command("go-on")
def go_on(
    run: Annotated[Path, _RUN],
    who: Annotated[str, _AS] = "",
    instructor: Annotated[bool, typer.Option("--instructor", help="Instructor's lines (! help) are taken here too.")] = False,
) -> None:
    """Go on with a run that was kept, or join one that others are playing."""
    kept, before = open_run(run)
    seat = Seat(kept.run, who, kept, instructor)
    print_lines(seat.run.opening())
    print_lines(one for typed in before for one in seat.seen(typed))
    by_hand(seat)


@drill.command()
def instruct(run: Annotated[Path, _RUN]) -> None:
    """Lead a run that others are playing: see all of it and the truth, pause, jump, rewind, speak, let something fail.

    Every line is an instructor's: type help for them.
    """
    kept, before = open_run(run)
    seat = Seat(kept.run, INSTRUCTOR, kept, instructs=True, sees_truth=True)
    print_lines([*seat.run.opening(), *(one for typed in before for one in seat.seen(typed))])
    complain("\nEvery line is an instructor's: type help for what you can do. What is so:")
    print_lines(seat.truth())
    by_hand(seat)


@drill.command()
def debrief(
    run: Annotated[Path, _RUN],
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the score as JSON.")] = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write it as one page with the body's course.")
    ] = None,
) -> None:
    """Replay a run, score it and talk it over. A run of another version of its drill is bad input and exits with 2."""
    check_targets({"--json": json, "--html": html}, run, "the run itself")
    kept, _ = open_run(run)
    told = look_back(kept.run.state)
    texts: dict[Path, str] = {}
    if json:
        texts[json] = json_text(debrief_document(told))
    if html:
        os.environ["MPLBACKEND"] = "svg"  # no window is ever shown, whatever is set outside
        texts[html] = debrief_page(told)
    write_whole(texts)
    print_lines(debrief_lines(told))


@drill.command()
def replay(run: Annotated[Path, _RUN]) -> None:
    """Show a run again as it was played, line by line."""
    kept, before = open_run(run)
    seat = Seat(kept.run, kept=kept, instructs=True)
    print_lines([*kept.run.opening(), *(one for typed in before for one in seat.seen(typed))])


@drill.command("from")
def from_(
    case: Annotated[Path, typer.Argument(metavar="CASE", help="A case: what happened.", show_default=False)],
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="The drill that is written, TOML.", show_default=False)],
    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="TIME", help="When the learner takes over, local to the case; by itself when people first acted."
        ),
    ] = None,
) -> None:
    """Turn a case into a drill that tells of nobody: no names, no words of people, no dates, no place.

    All times are moved together. Limits of time in it are settings to be judged by a clinic; voices and answers are general ones.
    """
    check_targets({"--to": to}, case)
    text = drill_from(case.read_bytes(), case.name, at)
    parse_drill(text.encode(), to.name)
    write_whole({to: text})
    say(f"{to}: read it before you hand it on, then: thecal drill play {to}")


@drill.command()
def props(
    name: Annotated[str, _DRILL],
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write them as one page, a sheet for each.")] = None,
) -> None:
    """Print what can be handed out when a drill begins: the emergency card, the last session, the label of the vial."""
    read = read_drill(name)
    if html:
        write_whole({html: prop_page(read)})
    print_lines(prop_lines(read))


@drill.command()
def check(name: Annotated[str, _DRILL]) -> None:
    """Read a drill of your own and say whether it can be played."""
    read = read_drill(name)
    run = Run(read)
    say(f"{read.name}: {read.table.title}; {len(read.table.critical)} critical actions, begins {run.at_text()}")


def _free(name: str) -> Path:
    """A file of the name of a drill that is not there yet."""
    paths = (Path(f"{name}{f'-{number}' if number > 1 else ''}.run") for number in count(1))
    return next(path for path in paths if not path.exists())
