"""A case: one course of therapy as a document, read into the actions of its people and the truth of its world."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

from thecal.catheter.geometry import CatheterSheet, Geometry, catheter_sheet
from thecal.chart.chart import Chart
from thecal.chart.order import OrderBolus
from thecal.errors import InputError, InputErrors
from thecal.pump.messages import ChangeGain
from thecal.pump.sheet import PumpSheet, pump_sheet
from thecal.quantity import Gain
from thecal.therapy.refill import RefillPolicy
from thecal.timeline import Instant
from thecal.twin import document as doc
from thecal.twin.action import (
    Action,
    EndBolus,
    Explant,
    GiveBolus,
    GiveTestBolus,
    Implant,
    Note,
    Refill,
    Reprogram,
)
from thecal.twin.reading import BYTES_MAX, Place, read_tables
from thecal.twin.world import PlannedFault, World


@dataclass(frozen=True, slots=True)
class Case:
    """A course of therapy, ready to run: ``source`` gives its actions in order, ``world`` the truth it starts from."""

    name: str
    sha256: str
    title: str
    zone: ZoneInfo
    sources: tuple[str, ...]
    patient: str | None
    sheet: PumpSheet
    geometry: Geometry
    actions: tuple[Action, ...]
    gain: Gain
    faults: tuple[PlannedFault, ...]
    until: Instant
    policy: RefillPolicy

    def source(self, chart: Chart, now: Instant) -> Action | None:
        """The next action that the chart does not hold yet."""
        return self.actions[chart.acted] if chart.acted < len(self.actions) else None

    @property
    def world(self) -> World:
        """Nothing implanted yet, at the first action, with the faults to come."""
        return World(self.actions[0].at, gain=self.gain, faults=self.faults)


def read_case(path: str | Path) -> Case:
    """Read a case file.

    Raises InputErrors, each with its line, for a document that cannot be right, and OSError where there is no file to read.
    """
    path = Path(path)
    with path.open("rb") as file:
        return parse_case(file.read(BYTES_MAX + 1), path.name.encode("utf-8", "backslashreplace").decode())


def parse_case(raw: bytes, name: str) -> Case:
    """A case from the bytes of its file; ``name`` stands in the errors. Raises InputErrors."""
    table, zone, place = read_tables(raw, name)
    found = _Found(place)
    sheet, geometry = _device(table, found)
    _check_events(table, zone, found)
    faults = _faults(table, zone, found)
    policy = _policy(table.refill)
    with found.at("refill", "buffer"):
        shortest = min(policy.stability, policy.clinic_max or policy.stability)
        if policy.buffer >= shortest:
            accepted = (f"less than {shortest}",)
            raise InputError("buffer", str(policy.buffer), "leaves no time between a fill and the next", accepted=accepted)
    if found.errors or sheet is None or geometry is None:
        raise InputErrors(error for _, error in sorted(found.errors, key=lambda pair: pair[0]))
    actions = tuple(_action(event, table, zone, sheet, geometry) for event in table.event)
    return Case(
        name=name,
        sha256=sha256(raw).hexdigest(),
        title=table.title,
        zone=zone,
        sources=tuple(table.sources),
        patient=table.patient.label if table.patient else None,
        sheet=sheet,
        geometry=geometry,
        actions=actions,
        gain=table.world.gain,
        faults=faults,
        until=table.until,
        policy=policy,
    )


@dataclass(slots=True)
class _Found:
    """The mistakes of one document so far, each with its line."""

    place: Place
    errors: list[tuple[int, InputError]] = field(default_factory=list)

    @contextmanager
    def at(self, *path: str | int) -> Iterator[None]:
        """An InputError raised inside belongs to this place of the document."""
        try:
            yield
        except InputError as error:
            said = self.place.error(path, error)
            self.errors.append((int((said.where or ":1").rpartition(":")[2]), said))


def _device(table: doc.CaseTable, found: _Found) -> tuple[PumpSheet | None, Geometry | None]:
    sheet: PumpSheet | None = None
    catheter: CatheterSheet | None = None
    geometry: Geometry | None = None
    with found.at("pump"):
        sheet = pump_sheet(table.pump.model, "model")
        low = table.pump.low_reservoir
        if low is not None and low >= sheet.reservoir_capacity:
            holds = f"is no threshold in a reservoir of {sheet.reservoir_capacity}"
            raise InputError("low_reservoir", str(low), holds, accepted=(f"less than {sheet.reservoir_capacity}",))
    with found.at("catheter"):
        catheter = catheter_sheet(table.catheter.model, "model")
    with found.at("catheter"):
        if catheter and sheet:
            geometry = Geometry(catheter, table.catheter.trimmed, table.catheter.tip_level, sheet.tubing_volume)
    return sheet, geometry


def _faults(table: doc.CaseTable, zone: ZoneInfo, found: _Found) -> tuple[PlannedFault, ...]:
    """What happens to the truth on the way, in order of time and while the case runs."""
    before, reason = table.event[0].at, "the case begins"
    for number, event in enumerate(table.world.event):
        with found.at("world", "event", number, "at"):
            _check_time(event.at, before, reason, table.until, zone)
        before, reason = max(before, event.at), "the event above it"
    return tuple(PlannedFault(event.at, ChangeGain(event.gain)) for event in table.world.event)


def _check_events(table: doc.CaseTable, zone: ZoneInfo, found: _Found) -> None:
    """Events in order of time, while the case runs, and none that needs a pump before there is one."""
    before, implanted = table.event[0].at, False
    for number, event in enumerate(table.event):
        with found.at("event", number, "at"):
            _check_time(event.at, before, "the event above it", table.until, zone)
        before = min(max(before, event.at), table.until)
        with found.at("event", number, "kind"):
            implanted = _implanted_after(event, implanted)


def _check_time(at: Instant, before: Instant, reason: str, until: Instant, zone: ZoneInfo) -> None:
    shown = at.local_text(zone)
    if at < before:
        accepted = (f"{before.local_text(zone)} or later: events in order of time",)
        raise InputError("at", shown, f"is before {reason}", accepted=accepted)
    if at > until:
        accepted = (f"{until.local_text(zone)} or earlier, or a later until",)
        raise InputError("at", shown, "is after the case ends, so it would never happen", accepted=accepted)


def _implanted_after(event: doc.AnyEvent, implanted: bool) -> bool:
    match event:
        case doc.ScreeningTest() | doc.NoteEvent():
            return implanted
        case doc.ImplantEvent():
            return True
        case _ if not implanted:
            raise InputError("kind", event.kind, "comes before the implant", accepted=("screening_test, note, implant",))
        case doc.ExplantEvent():
            return False
        case _:
            return True


def _policy(table: doc.RefillTable) -> RefillPolicy:
    default = RefillPolicy.default()
    return RefillPolicy(
        stability=table.stability or default.stability,
        buffer=default.buffer if table.buffer is None else table.buffer,
        clinic_max=table.clinic_max,
    )


def _action(event: doc.AnyEvent, table: doc.CaseTable, zone: ZoneInfo, sheet: PumpSheet, geometry: Geometry) -> Action:
    """An event as the action that it means."""
    at, refused = event.at, event.expect == "refused"
    match event:
        case doc.ScreeningTest():
            return GiveTestBolus(at, event.dose, event.concentration, event.effect_lasted, refused)
        case doc.ImplantEvent():
            pump, holds = table.pump, table.catheter.holds
            zone_s = (at.local(zone).utcoffset() or timedelta()) // timedelta(seconds=1)
            clock_s = zone_s if pump.clock is None else pump.clock
            return Implant(at, sheet, geometry, clock_s, holds, pump.low_reservoir, refused)
        case doc.RefillEvent():
            order = event.program.order() if event.program else None
            return Refill(at, event.volume, event.concentration, order, event.typed, event.drawn_up, event.measured, refused)
        case doc.ProgramEvent():
            return Reprogram(at, event.order(), refused)
        case doc.BolusEvent():
            return GiveBolus(at, OrderBolus(event.dose, event.over), refused)
        case doc.CancelBolusEvent():
            return EndBolus(at, refused)
        case doc.NoteEvent():
            return Note(at, event.text, refused)
        case doc.ExplantEvent():
            return Explant(at, refused)
