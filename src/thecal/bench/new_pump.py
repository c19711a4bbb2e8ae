"""Pumps that are new on a bench: ready ones, which run a demonstration, empty ones, and those of a case."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count

from thecal.bench.start import NewPump
from thecal.bench.virtual_pump import on_bench
from thecal.catheter.geometry import Geometry, catheter_sheet
from thecal.chart.chart import Chart
from thecal.chart.facts import Fact
from thecal.chart.order import OrderContinuous
from thecal.chart.order_sheet import OrderSheet
from thecal.errors import InputError, Refusal
from thecal.pump.sheet import PumpSheet, pump_sheet
from thecal.pump.state import PumpState
from thecal.quantity import Concentration, DailyDose, Length, Volume
from thecal.therapy.settings import settings_of
from thecal.timeline import Duration, Instant
from thecal.twin.action import Action, HoldSession, Implant, Look, Needle, Reprogram
from thecal.twin.case import Case
from thecal.twin.run import run
from thecal.twin.trace import Record, Trace
from thecal.twin.world import World

_PRIMED = Duration(3600)  # long after the end of a prime of any line


@dataclass(frozen=True, slots=True)
class Made:
    """A pump before it has a serial number, and what its chart knows of it."""

    state: PumpState
    facts: tuple[Fact, ...]


def ready_pump(sheet: PumpSheet, now: Instant) -> Made | Refusal:
    """A pump that was implanted, filled, primed and programmed some days ago and was read just now, by the settings of the bench.

    Refused where the data sheet does not allow it.
    """
    given = {name: datum.value for name, datum in settings_of("bench").items()}
    concentration, dose = Concentration.parse(given["concentration"]), DailyDose.parse(given["dose"])
    volume = min(Volume.parse(given["volume"]), sheet.reservoir_capacity)
    orders = OrderSheet(OrderContinuous(dose), concentration=concentration, reservoir=volume, prime=True, confirm_total=dose)
    begin = Instant(max(now.s - Duration.parse(given["has_run"]).s, Instant.FIRST))
    actions: list[Action] = [_implant(sheet, begin), HoldSession(begin, orders, Needle(volume, concentration))]
    if sheet.after_priming_bolus == "stopped":  # people come back and start it
        actions.append(Reprogram(min(begin + _PRIMED, now), OrderContinuous(dose)))
    return _carried_out([*actions, Look(now)], now)


def empty_pump(sheet: PumpSheet, now: Instant) -> Made | Refusal:
    """A pump that was implanted just now and never filled: stopped, nothing in it, water in its line."""
    return _carried_out([_implant(sheet, now)], now)


def pump_of_case(case: Case, now: Instant) -> tuple[Made, Trace] | Refusal:
    """The pump of a case as it is at an instant, its chart, and the run until then.

    Refused where it takes no command. Raises InputError where none is in place.
    """
    trace = run(case.world, case.source, now, Record(policy=case.policy, keep_rows=False, keep_blocks=False))
    pump = trace.world.pump
    if pump is None:
        problem = f"has no pump in place at {now.local_text(case.zone)}"
        raise InputError("--case", case.name, problem, accepted=("another --at",))
    return check_virtual(pump.sheet) or (Made(pump, trace.chart.facts), trace)


def check_virtual(sheet: PumpSheet) -> Refusal | None:
    """Whether a pump has anything that a wand could talk to."""
    return sheet.check_programmable("a session by the wand")


def numbered(made: Made, serials: Iterable[str]) -> Iterator[NewPump]:
    """The same pump under each of some serial numbers."""
    sheet = made.state.sheet
    printed = pump_sheet(sheet.name).data
    readings = tuple((datum.name, datum.value) for datum, was in zip(sheet.data, printed, strict=True) if datum != was)
    for serial in serials:
        yield NewPump(on_bench(serial, made.state, readings), made.facts)


def free_serials(taken: Iterable[str]) -> Iterator[str]:
    """Serial numbers that no pump and no chart has: TC-0001 and so on."""
    used = frozenset(taken)
    return (serial for number in count(1) if (serial := f"TC-{number:04d}") not in used)


def _implant(sheet: PumpSheet, at: Instant) -> Implant:
    given = {name: datum.value for name, datum in settings_of("bench").items()}
    catheter = catheter_sheet(given["catheter"])
    geometry = Geometry(catheter, Length.parse(given["trimmed"]), given["tip_level"], sheet.tubing_volume)
    return Implant(at, sheet, geometry, clock_offset_s=0)


def _carried_out(actions: list[Action], until: Instant) -> Made | Refusal:
    def source(chart: Chart, _: Instant) -> Action | None:
        return actions[chart.acted] if chart.acted < len(actions) else None

    trace = run(World(actions[0].at), source, until, Record(keep_rows=False, keep_blocks=False))
    if trace.refused:
        return trace.refused[0].refusal
    assert trace.world.pump is not None  # it was implanted
    return Made(trace.world.pump, trace.chart.facts)
