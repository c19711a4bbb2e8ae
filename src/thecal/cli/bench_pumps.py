"""What is done to the pumps of a bench on this machine, and never by the wand: faults, needles, and the patient's activator."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast, get_args
from zoneinfo import ZoneInfo

import typer
from pydantic import ValidationError

from thecal.bench.bench_folder import DEFAULT, BenchError, BenchFolder
from thecal.bench.journal import JournalError
from thecal.bench.patient_charts import add_facts, read_chart
from thecal.chart.facts import Acted, Fact, Filled, Noted, ResidualMeasured
from thecal.cli.bench_dir import Dir
from thecal.cli.console import REFUSED, print_lines, print_refusal
from thecal.datum import pick
from thecal.errors import InputError, InputErrors, Refusal, nearest_name
from thecal.pump.messages import Event, Fault, Fill, Procedure, ResetValve, Syringe, Withdraw
from thecal.pump.sheet import pump_sheet
from thecal.quantity import Concentration, Volume
from thecal.report.tables import Line
from thecal.timeline import Instant
from thecal.twin.mishaps import TRUTH_TABLES, AnyWorldEvent
from thecal.twin.truth import DriftStep, faults

if TYPE_CHECKING:
    from thecal.bench.control import Happened, Wish

Serial = Annotated[str, typer.Argument(metavar="SERIAL", help="The pump, by its serial number.", show_default=False)]
What = Literal["fill", "withdraw", "reset-valve"]

STRIKES: Mapping[str, tuple[str, ...]] = {
    "gain": ("gain=+3 %",),
    "temperature": ("change=higher", "flow=+5 %"),
    "pressure": ("change=lower", "flow=+2 %"),
    "stall": ("lasts=24 h",),
    "mri": ("lasts=30 min", "recovers_after=2 h"),
    "interference": (),
    "battery_film": ("lost=30 %", "eri_to_eos=30 days"),
    "internal_short": ("shows_as=motor stall",),
    "memory_error": ("part=settings", "bit=3"),
    "sensor_error": ("reads=higher", "by=3 mL"),
    "septum_leak": ("flow=0.5 mL/day",),
}
"""What can strike a pump on a bench, each as it may be written."""
_NEEDLE = "is a slip of the needle; do what was truly done, with thecal bench needle, and --unrecorded where nobody knows"
_CATHETER = "is in a catheter, and a virtual pump has none; tell it in a case, with thecal run"
_ELSEWHERE: Mapping[str, str] = {
    "gain_drift": "happens in steps; strike gain now, and again at each step",
    **dict.fromkeys(("overfill", "wrong_strength", "wrong_drug", "pocket_fill"), _NEEDLE),
    **dict.fromkeys(("kink", "leak", "disconnection", "migration"), _CATHETER),
}


def fault(
    serial: Annotated[str | None, typer.Argument(metavar="SERIAL", help="The pump.", show_default=False)] = None,
    kind: Annotated[str | None, typer.Argument(metavar="KIND", help=f"One of {', '.join(STRIKES)}.", show_default=False)] = None,
    fields: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUE]...", help="As in the events of a case, such as 'lasts=24 h'.", show_default=False),
    ] = None,
    dir: Dir = DEFAULT,
) -> None:
    """Let a fault strike a virtual pump now; without a kind, list the kinds with their fields.

    A fault that this pump cannot have is refused and exits with 1.
    """
    if serial is None or kind is None:
        print_lines(_kinds())
        return
    from thecal.bench.control import Strike  # noqa: PLC0415  # asyncio, so slow

    folder = _folder_with(serial, dir)
    check_kind(kind)
    since = Instant(Instant.FIRST)  # the bench knows when it strikes, and counts its ends from then
    struck, told = read_fault(kind, fields or (), since)
    done = _happened(folder, Strike(serial, struck, since))
    print_lines([Line(f"{done.at.utc_text()}  {serial}: {told or struck.name}", "done"), *event_lines(serial, done.events)])


def _kinds() -> Iterable[Line]:
    yield Line("What can strike a pump: thecal bench fault SERIAL KIND [KEY=VALUE]...", "title")
    for kind, written in STRIKES.items():
        example = " ".join(f"'{part}'" if " " in part else part for part in written)
        meaning = (TRUTH_TABLES[kind].__doc__ or "").replace("``", "")
        yield Line(f"{kind:<16}{example:<40}{meaning}")


def check_kind(kind: str) -> None:
    """Raises InputError for what cannot strike a pump on a bench, with what to do instead."""
    if kind in _ELSEWHERE:
        raise InputError("KIND", kind, _ELSEWHERE[kind])
    pick(kind, STRIKES, "KIND")


def read_fault(kind: str, written: Iterable[str], at: Instant) -> tuple[Fault, str]:
    """The fault that a kind and its fields mean at an instant, and what is said of it. Raises InputError and InputErrors."""
    table = TRUTH_TABLES[kind]
    known = [name for name in table.model_fields if name not in ("at", "kind")]
    example = (f"{kind} {' '.join(STRIKES[kind])}".rstrip(),)
    values: dict[str, object] = {}
    for text in written:
        key, equals, value = text.partition("=")
        if not equals or key not in known:
            problem = "is no field of it" if known else "cannot stand here: it has no fields"
            raise InputError(kind, text, problem, accepted=example, nearest=nearest_name(key, known))
        if key in values:
            raise InputError(key, value, "is given twice")
        values[key] = int(value) if table.model_fields[key].annotation is int and value.isdecimal() else value
    if kind in ("temperature", "pressure") and "lasts" in values:
        again = f"{kind} change={values.get('change', 'higher')} 'flow=0 %'"
        raise InputError("lasts", values["lasts"], f"is two faults; strike it now, and when it is over: {again}")
    try:
        event = table.model_validate({"at": at.local(_UTC), "kind": kind, **values}, context={"zone": _UTC})
    except ValidationError as error:
        raise InputErrors(_said(finding, table, example) for finding in error.errors(include_url=False)) from None
    (planned,) = faults(cast(AnyWorldEvent, event))
    assert not isinstance(planned, DriftStep)  # a drift is not among the kinds
    return cast(Fault, planned.fault), planned.told  # nor is what happens to a catheter, or to the next refill


_UTC = ZoneInfo("UTC")


def _said(finding: Any, table: type[Any], example: tuple[str, ...]) -> InputError:
    field = str(finding["loc"][0])
    if finding["type"] == "input":
        error: InputError = finding["ctx"]["error"]
        return error
    if finding["type"] == "missing":
        return InputError(field, "", "is missing", accepted=example)
    accepted = get_args(table.model_fields[field].annotation) or (str(finding["msg"]).lower(),)
    return InputError(field, finding["input"], "is not accepted", accepted=accepted)


def needle(
    serial: Serial,
    what: Annotated[str, typer.Argument(metavar="WHAT", help=f"{', '.join(get_args(What))}.", show_default=False)],
    volume: Annotated[
        str | None, typer.Option("--volume", help='What is injected, or withdrawn (all, if not given): "18 mL".')
    ] = None,
    concentration: Annotated[str | None, typer.Option("--concentration", help='Of what is injected: "500 mcg/mL".')] = None,
    unrecorded: Annotated[bool, typer.Option("--unrecorded", help="Nobody writes it down: the chart stays as it is.")] = False,
    dir: Dir = DEFAULT,
) -> None:
    """Put a needle into a virtual pump: fill, withdraw, or reset a valve by hand; and write it into the chart.

    This is the needle and not the wand: a pump without a fill sensor does not notice, and believes what it believed until the
    volume is typed in, with thecal programmer. What does not fit, or is not there, is refused and exits with 1.
    """
    from thecal.bench.control import DoNeedle, ListPumps, ask  # noqa: PLC0415  # asyncio, so slow

    procedure = _procedure(what, volume, concentration)
    folder = _folder_with(serial, dir)
    before: Mapping[str, Any] = next((pump for pump in ask(folder, ListPumps())["pumps"] if pump["serial"] == serial), {})
    done = _happened(folder, DoNeedle(serial, procedure))
    assert isinstance(done.answer, Syringe)  # what a needle answers
    drawn = Volume(done.answer.volume_nl)
    told = f"{drawn} withdrawn" if isinstance(procedure, Withdraw) else _told(procedure)
    if not unrecorded:
        _write_down(folder, serial, done.at, procedure, drawn, before)
    kept = "not written down" if unrecorded else "written into the chart"
    print_lines([Line(f"{done.at.utc_text()}  {serial}: {told}; {kept}", "done"), *event_lines(serial, done.events)])


def _procedure(what: str, volume: str | None, concentration: str | None) -> Procedure:
    given = {"--volume": volume, "--concentration": concentration}
    taken = {"fill": {"--volume", "--concentration"}, "withdraw": {"--volume"}, "reset-valve": set[str]()}
    allowed = pick(what, taken, "WHAT")
    for option, text in given.items():
        if text is not None and option not in allowed:
            raise InputError(option, text, f"says nothing of {what}", accepted=sorted(allowed))
        if text is None and what == "fill":
            raise InputError(option, "", "is missing: what is injected", nearest='--volume "18 mL" --concentration "500 mcg/mL"')
    drawn = None if volume is None else Volume.parse(volume, "--volume")
    if what == "reset-valve":
        return ResetValve()
    if drawn is not None and concentration is not None:
        return Fill(drawn, Concentration.parse(concentration, "--concentration"))
    return Withdraw(drawn)


def _told(procedure: Fill | ResetValve) -> str:
    if isinstance(procedure, Fill):
        return f"{procedure.volume} of {procedure.concentration} injected"
    return "the valve was reset by hand"


def _write_down(
    folder: BenchFolder, serial: str, at: Instant, procedure: Procedure, drawn: Volume, before: Mapping[str, Any]
) -> None:
    """What people know of a needle. Raises BenchError where the chart does not take it."""
    try:
        chart = read_chart(folder, serial)
        at = max(at, chart.facts[-1].at) if chart.facts else at
        fact: Fact
        match procedure:
            case Fill():
                fact = Filled(at, procedure.volume, procedure.concentration)
            case Withdraw(None):
                calculated = before["calculated_nl"]  # what a programmer shows before the needle goes in
                expected = None if calculated is None else Volume(calculated)
                capacity = pump_sheet(before["model"]).reservoir_capacity
                fact = ResidualMeasured(at, expected, drawn, capacity, first=chart.residual is None)
            case Withdraw():
                fact = Noted(at, f"{drawn} withdrawn through the refill port, which did not empty it")
            case ResetValve():
                fact = Acted(at, ResetValve.name, None)
        add_facts(folder, serial, (fact,))
    except (JournalError, OSError) as error:
        raise BenchError(f"the needle has done it, and the chart of {serial} does not say so: {error}") from None


def press(serial: Serial, dir: Dir = DEFAULT) -> None:
    """Press the patient's activator of a virtual pump. A bolus that the pump does not give is refused and exits with 1."""
    from thecal.bench.control import PressActivator  # noqa: PLC0415  # asyncio, so slow

    folder = _folder_with(serial, dir)
    done = _happened(folder, PressActivator(serial))
    pressed = Line(f"{done.at.utc_text()}  {serial}: the patient asked for a bolus, and the pump gives it", "done")
    print_lines([pressed, *event_lines(serial, done.events)])


def event_lines(serial: str, events: Iterable[Event]) -> Iterable[Line]:
    """Events of a pump, each with its second on the bench."""
    for event in events:
        yield Line(f"{event.at.utc_text()}  {serial}  {event.kind} ({event.severity}): {event.text}", event.severity)


def _folder_with(serial: str, path: Path) -> BenchFolder:
    """The folder of a bench that keeps a pump. Raises InputError with the nearest serial number."""
    folder = BenchFolder(path)
    if folder.serials():
        folder.check_serial(serial, "SERIAL")
    return folder


def _happened(folder: BenchFolder, wish: "Wish") -> "Happened":
    """What a wish did; a refusal is said and ends the command."""
    from thecal.bench.control import happened  # noqa: PLC0415  # asyncio, so slow

    done = happened(folder, wish)
    refusal = done if isinstance(done, Refusal) else done.answer
    if isinstance(refusal, Refusal):
        print_refusal(refusal)
        raise typer.Exit(REFUSED)
    assert not isinstance(done, Refusal)  # its answer would be none
    return done
