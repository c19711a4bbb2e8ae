"""``thecal bench``: virtual pumps, run by a server on this machine; it is started, looked at and stopped here."""

import json as plain_json
import os
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from fractions import Fraction
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thecal.bench.bench_folder import DEFAULT, BenchError, BenchFolder, Listening, NoBenchError
from thecal.bench.pace import SPEED_MAX
from thecal.cli.bench_conform import conform
from thecal.cli.bench_detached import detached
from thecal.cli.bench_dir import Dir, advised, columns
from thecal.cli.bench_keys import keys
from thecal.cli.bench_pumps import fault, needle, press
from thecal.cli.console import REFUSED, complain, print_lines, print_refusal, say
from thecal.cli.instant import instant_within
from thecal.errors import InputError, Refusal
from thecal.pump.sheet import DEFAULT_PUMP, pump_sheet, with_reading
from thecal.report.document import json_text
from thecal.report.tables import Line
from thecal.report.words import BANNER, number_text
from thecal.timeline import Instant
from thecal.twin.case import read_case
from thecal.unit import decimal_text

if TYPE_CHECKING:
    from thecal.bench.new_pump import Made
    from thecal.bench.server import BenchServer
    from thecal.bench.start import BenchOptions, NewPump

PUMPS_MAX = 2000
SPEED_MIN = Fraction(1, 1000)
_AHEAD_S = 60  # clocks that are a little apart are no matter
_PATIENCE_S = 60.0
_UNITS = (("days", 86_400), ("h", 3600), ("min", 60))
Recipe = Callable[[Instant], "Made | Refusal"]

bench = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help=f"Virtual pumps on this machine, to be programmed with thecal programmer. {BANNER}",
)


@bench.command("start")
def start(
    pumps: Annotated[
        int | None, typer.Option("--pumps", min=1, max=PUMPS_MAX, help="How many in all; those that are kept, or 1.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="NAME", help=f"The data sheet of new pumps, or {DEFAULT_PUMP}.")
    ] = None,
    reading: Annotated[
        list[str] | None, typer.Option("--reading", metavar="NAME=VALUE", help="A property that is read the other way.")
    ] = None,
    case: Annotated[Path | None, typer.Option("--case", metavar="FILE", help="New pumps are the pump of this case.")] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="As it is then, local to the case; at its end if not given.")
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="New pumps were just implanted: stopped, and never filled.")] = False,
    speed: Annotated[str, typer.Option("--speed", help="How many times as fast as true time: 1, 60, 1000, 0.5.")] = "1",
    host: Annotated[str, typer.Option("--host", help="The address that wands come to.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="0 is any free one.")] = 0,
    plain: Annotated[bool, typer.Option("--plain", help="Without keys: anybody on this machine may talk.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Go on in the background; return when it listens.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON, a line each: where it listens, then what happens.")] = False,
    dir: Dir = DEFAULT,
) -> None:
    """Run virtual pumps until Ctrl-C or thecal bench stop. Pumps that the folder keeps go on as they were left.

    A new pump was filled, primed and programmed a week ago and runs, unless something else is said. A pump that takes no command
    is refused and exits with 1; bad input exits with 2.
    """
    folder = BenchFolder(dir)
    if detach:
        where, listed = detached(folder)
        _print_started(folder, where, listed, "", json=json)
        return
    from thecal.bench.start import BenchOptions  # noqa: PLC0415  # asyncio, so slow

    options = BenchOptions(host, port, _speed(speed), plain)
    said = {"--profile": profile, "--reading": reading, "--case": case, "--at": at, "--new": new}
    named = [option for option, given in said.items() if given]
    recipe = _of_case(case, at, named) if case else _of_sheet(profile, reading or [], at, new=new)
    _serve(folder, options, partial(_new_pumps, folder, pumps, recipe, named), json=json)


def _speed(text: str) -> Fraction:
    read = Fraction(text) if re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,6})?", text) else Fraction(0)
    if not SPEED_MIN <= read <= SPEED_MAX:
        accepted = (f"{float(SPEED_MIN):g} to {SPEED_MAX:,}, such as 1, 60 or 0.5",)
        raise InputError("--speed", text, "is not a speed", accepted=accepted)
    return read


def _of_sheet(profile: str | None, readings: Iterable[str], at: str | None, *, new: bool) -> Recipe:
    """New pumps of a data sheet; refused for one that takes no command."""
    from thecal.bench.new_pump import check_virtual, empty_pump, ready_pump  # noqa: PLC0415  # asyncio, so slow

    if at is not None:
        raise InputError("--at", at, "says when in a case, and none is given", accepted=("--case FILE with it",))
    sheet = pump_sheet(profile or DEFAULT_PUMP, "--profile")
    refusal = check_virtual(sheet)
    if refusal:
        raise _refused(refusal)
    given: set[str] = set()
    for text in readings:
        name, equals, value = text.partition("=")
        if not equals or name in given:
            problem = "is given twice" if equals else f"is not NAME=VALUE; see thecal pumps {sheet.name} --readings"
            raise InputError("--reading", text, problem)
        given.add(name)
        sheet = with_reading(sheet, name, value)
    return partial(empty_pump if new else ready_pump, sheet)


def _of_case(case: Path, at: str | None, named: Iterable[str]) -> Recipe:
    """New pumps as that of a case; refused where it takes no command."""
    from thecal.bench.new_pump import pump_of_case  # noqa: PLC0415  # asyncio, so slow

    other = next((option for option in named if option not in ("--case", "--at")), None)
    if other:
        raise InputError(other, "", "is said by the case", accepted=("--case without it",))
    read = read_case(case)
    found = pump_of_case(read, instant_within(at, read))
    if isinstance(found, Refusal):
        raise _refused(found)
    made, trace = found
    if not trace.as_expected:
        complain(f"thecal: the case itself was not as it expects until then; see thecal run {case}")
    return lambda _: made


def _refused(refusal: Refusal) -> typer.Exit:
    """The end of a command that was refused, once the refusal is said."""
    print_refusal(refusal)
    return typer.Exit(REFUSED)


def _new_pumps(folder: BenchFolder, pumps: int | None, recipe: Recipe, named: list[str], now: Instant) -> Iterable["NewPump"]:
    """The pumps that are missing to the number that was asked for. ``now`` is when the time of the bench begins without them."""
    from thecal.bench.new_pump import free_serials, numbered  # noqa: PLC0415  # asyncio, so slow

    kept = folder.serials()
    missing = (max(len(kept), 1) if pumps is None else pumps) - len(kept)
    if missing < 0:
        accepted = (f"{len(kept)} to {PUMPS_MAX:,}", "another folder, with --dir")
        raise InputError("--pumps", str(pumps), f"is fewer than the {len(kept)} that {folder.path} keeps", accepted=accepted)
    if not missing:
        if named:
            problem = f"says what new pumps are, and {folder.path} keeps {len(kept)} already"
            raise InputError(named[0], "", problem, accepted=(f"--pumps {len(kept) + 1} or more", "another folder, with --dir"))
        return ()
    made = recipe(now)
    if isinstance(made, Refusal):
        raise _refused(made)
    if kept and made.state.now > now:
        problem = f"is at {made.state.now.utc_text()} then, and the other pumps would run on to it from {now.utc_text()}"
        raise InputError("--case", "", problem, accepted=("an earlier --at", "another folder, with --dir"))
    taken = {*kept, *(place.name for place in folder.charts.iterdir())}
    return numbered(made, islice(free_serials(taken), missing))


def _serve(folder: BenchFolder, options: "BenchOptions", new: Callable[[Instant], Iterable["NewPump"]], *, json: bool) -> None:
    """Serve in the foreground, and print what happens."""
    import asyncio  # noqa: PLC0415  # slow

    from thecal.bench.start import open_door, open_shelf, run_bench  # noqa: PLC0415  # asyncio, so slow

    def ready(server: "BenchServer", where: Listening) -> None:
        shelf = [{"serial": serial, "model": kept.pump.state.sheet.name} for serial, kept in server.shelf.items()]
        listed = {"now_s": server.pace.now().s, "speed": str(options.speed), "pumps": shelf}
        _print_started(folder, where, listed, ", or Ctrl-C here", json=json)

    def heed(what: str, said: Mapping[str, Any]) -> None:
        if what == "event":
            _tell([_event_line(said, json=json)])

    folder.make()
    with folder.locked(), closing(open_door(folder, options)) as door:
        shelf = open_shelf(folder, new)
        asyncio.run(run_bench(folder, shelf, options, ready, door=door, heed=heed))
    if not json:
        _tell([Line(_put_away(folder, len(shelf)), "note")])


def _tell(lines: Iterable[Line]) -> None:
    """Lines at once; where nobody reads them any more, the bench goes on, and its log has them."""
    try:
        print_lines(lines)
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _event_line(said: Mapping[str, Any], *, json: bool) -> Line:
    if json:
        rest = {key: said[key] for key in ("serial", "event", "severity")}
        return Line(plain_json.dumps({"schema": 1, "at_utc": said["pump_time"], **rest}))
    return Line(f"{said['pump_time']}  {said['serial']}  {said['event']} ({said['severity']})", said["severity"])


def _print_started(folder: BenchFolder, where: Listening, listed: Mapping[str, Any], stops: str, *, json: bool) -> None:
    """Where a bench listens, which pumps it has, and what to do with it."""
    if json:
        document = _document(folder, where, listed)
        document["pumps"] = [{"serial": pump["serial"], "model": pump["model"]} for pump in listed["pumps"]]
        _tell([Line(plain_json.dumps(document, ensure_ascii=False))])
        return
    first = listed["pumps"][0]["serial"]
    commands = [
        ("program", advised(f"programmer {first}", folder.path)),
        ("look", advised("bench list", folder.path)),
        ("stop", advised("bench stop", folder.path) + stops),
    ]
    pumps = [(_range_text([pump["serial"] for pump in same]), model) for model, same in _by_model(listed["pumps"])]
    rows = columns([*pumps, *commands])
    _tell([*_head(folder, where, listed), *(Line(row, "row") for row in rows), Line(BANNER, "note")])


def _by_model(pumps: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    for model, same in groupby(pumps, key=lambda pump: str(pump["model"])):
        yield model, list(same)


def _range_text(serials: list[str]) -> str:
    """Serial numbers in order, from the first to the last."""
    return serials[0] if len(serials) == 1 else f"{serials[0]} to {serials[-1]} ({len(serials)})"


def _count_text(count: int) -> str:
    return f"{count} virtual pump{'s' * (count > 1)}"


def _put_away(folder: BenchFolder, count: int) -> str:
    return f"The bench is put away; {_count_text(count)} and the time that has passed are kept in {folder.path}."


def _head(folder: BenchFolder, where: Listening, listed: Mapping[str, Any]) -> Iterator[Line]:
    """What a bench is, in lines: where, who may talk, and its time."""
    count = len(listed["pumps"])
    yield Line(f"The bench in {folder.path}: {_count_text(count)}, process {where.pid}", "title")
    host = f"[{where.host}]" if ":" in where.host else where.host
    who = "plain: anybody on this machine may talk" if where.plain else f"by TLS, with a key of {folder.keys}"
    yield Line(f"wands come to {host}:{where.port}, {who}")
    now, speed = Instant(listed["now_s"]), Fraction(listed["speed"])
    yield Line(f"its time is {now.utc_text()}, {'true time' if speed == 1 else f'{float(speed):g} times as fast as true time'}")
    ahead_s = now.s - int(time.time())
    if ahead_s > _AHEAD_S:
        unit, size = next((unit, size) for unit, size in _UNITS if ahead_s >= size)
        yield Line(f"that is {number_text(ahead_s / size)} {unit} ahead of this machine's clock, and goes on from there", "note")


def _document(folder: BenchFolder, where: Listening, listed: Mapping[str, Any]) -> dict[str, Any]:
    now = Instant(listed["now_s"])
    return {
        "schema": 1,
        "banner": BANNER,
        "dir": str(folder.path),
        "running": True,
        "host": where.host,
        "port": where.port,
        "plain": where.plain,
        "pid": where.pid,
        "now_utc": now.utc_text(),
        "ahead_of_clock_s": max(now.s - int(time.time()), 0),
        "speed": float(Fraction(listed["speed"])),
    }


@bench.command("list")
def list_pumps(json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False, dir: Dir = DEFAULT) -> None:
    """List the pumps of a bench: what they do, what they believe and what is true. Without a bench that runs, what is kept."""
    from thecal.bench.control import ListPumps, ask  # noqa: PLC0415  # asyncio, so slow

    folder = BenchFolder(dir)
    try:
        listed, where = ask(folder, ListPumps()), folder.listening()
    except NoBenchError:
        if not folder.serials():
            raise
        _print_kept(folder, json=json)
        return
    if where is None:
        raise NoBenchError(f"the bench of {folder.path} is just being put away")
    if json:
        document = _document(folder, where, listed)
        document["lag_s"], document["counts"] = listed["lag_s"], listed["counts"]
        document["pumps"] = [{_JSON_NAMES.get(key, key): value for key, value in pump.items()} for pump in listed["pumps"]]
        say(json_text(document).rstrip())
        return
    head, *rows = columns([_COLUMNS, *map(_row, listed["pumps"])], right=frozenset({3, 4, 5}))
    print_lines([*_head(folder, where, listed), Line(f"it is {listed['lag_s']:g} s behind"), Line(head, "head")])
    print_lines(Line(row, "row") for row in rows)


_JSON_NAMES = {"segment": "journal_segment", "entries": "journal_entries", "torn_bytes": "journal_torn_bytes"}
_COLUMNS = ("serial", "model", "mode", "believed mL", "true mL", "delivered mL", "programmed by", "alarms")


def _row(pump: Mapping[str, Any]) -> tuple[str, ...]:
    volumes = (pump["calculated_nl"], pump["true_usable_nl"], pump["delivered_nl"])
    texts = ["-" if volume is None else decimal_text(volume, 10**6) for volume in volumes]
    who, alarms = pump["programmed_by"] or "-", ", ".join(pump["alarms"]) or "-"
    return pump["serial"], pump["model"], pump["mode"], *texts, who, alarms


def _print_kept(folder: BenchFolder, *, json: bool) -> None:
    kept = folder.serials()
    if json:
        pumps = [{"serial": serial} for serial in kept]
        say(json_text({"schema": 1, "banner": BANNER, "dir": str(folder.path), "running": False, "pumps": pumps}).rstrip())
        return
    print_lines([Line(f"No bench runs in {folder.path}. It keeps {_range_text(kept)}.", "title")])
    print_lines([Line(f"Start it with: {advised('bench start', folder.path)}", "note")])


@bench.command("stop")
def stop(dir: Dir = DEFAULT) -> None:
    """Put a bench away, and wait until it is: its pumps and how far their time has passed are kept."""
    from thecal.bench.control import StopBench, ask  # noqa: PLC0415  # asyncio, so slow

    folder = BenchFolder(dir)
    ask(folder, StopBench())
    ends = time.monotonic() + _PATIENCE_S
    while folder.is_served:
        if time.monotonic() > ends:
            raise BenchError(f"the bench of {folder.path} was told to stop, and still runs; see {folder.log}")
        time.sleep(0.02)
    say(_put_away(folder, len(folder.serials())))


bench.command("fault")(fault)
bench.command("needle")(needle)
bench.command("press")(press)
bench.command("keys")(keys)
bench.command("conform")(conform)
