"""A case: one course of therapy as a document, read into the actions of its people and the truth of its world."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

from thecal.catheter.faults import CatheterLeak, Disconnection, Kink, Migration, damage
from thecal.catheter.geometry import CatheterSheet, Geometry, catheter_sheet
from thecal.catheter.line import Line
from thecal.chart.chart import Chart
from thecal.errors import InputError, InputErrors
from thecal.pump.faults import check_fault
from thecal.pump.messages import ChangeGain
from thecal.pump.sheet import PumpSheet, pump_sheet, with_reading
from thecal.quantity import Gain, Volume
from thecal.therapy.refill import RefillPolicy
from thecal.timeline import Instant
from thecal.twin.action import Action
from thecal.twin.document import CaseTable, RefillTable
from thecal.twin.events import (
    AnyEvent,
    ExplantEvent,
    ImplantEvent,
    NoteEvent,
    PumpTable,
    RefillEvent,
    ReplacePumpEvent,
    ReviseCatheterEvent,
    ScreeningTest,
    action,
)
from thecal.twin.reading import BYTES_MAX, Place, read_tables
from thecal.twin.truth import AnyWorldEvent, GainDriftEvent, LeakEvent, faults
from thecal.twin.world import PlannedFault, Slip, World


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
    devices = _devices(table, found)
    _check_events(table, zone, found)
    policy = _policy(table.refill)
    planned = _faults(table, zone, devices, found)
    with found.at("refill", "buffer"):
        shortest = min(policy.stability, policy.clinic_max or policy.stability)
        if policy.buffer >= shortest:
            accepted = (f"less than {shortest}",)
            raise InputError("buffer", str(policy.buffer), "leaves no time between a fill and the next", accepted=accepted)
    if found.errors or not devices:
        raise InputErrors(error for _, error in sorted(found.errors, key=lambda pair: pair[0]))
    drift_s, holds = table.world.clock_drift, table.catheter.holds
    return Case(
        name=name,
        sha256=sha256(raw).hexdigest(),
        title=table.title,
        zone=zone,
        sources=tuple(table.sources),
        patient=table.patient.label if table.patient else None,
        sheet=devices[0].sheet,
        geometry=devices[0].geometry,
        actions=tuple(
            action(event, table.pump, zone, devices[n].sheet, devices[n].geometry, holds, drift_s)
            for n, event in enumerate(table.event)
        ),
        gain=table.world.gain,
        faults=planned,
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


@dataclass(frozen=True, slots=True)
class _Device:
    """The pump and the catheter that an event leaves in place."""

    sheet: PumpSheet
    geometry: Geometry


def _devices(table: CaseTable, found: _Found) -> list[_Device]:
    """What is in place after each event, one for one; empty where the first cannot be made out."""
    sheet: PumpSheet | None = None
    catheter: CatheterSheet | None = None
    device: _Device | None = None
    with found.at("pump"):
        sheet = _sheet(table.pump, table.pump.model, table.pump.low_reservoir)
    with found.at("catheter"):
        catheter = catheter_sheet(table.catheter.model, "model")
    with found.at("catheter"):
        if catheter and sheet:
            geometry = Geometry(catheter, table.catheter.trimmed, table.catheter.tip_level, sheet.tubing_volume)
            device = _Device(sheet, geometry)
    devices: list[_Device] = []
    for number, event in enumerate(table.event):
        if device is None:
            return []
        with found.at("event", number):
            device = _after(event, device, table)
        devices.append(device)
    return devices


def _sheet(pump: PumpTable, model: str, low_reservoir: Volume | None) -> PumpSheet:
    """The data sheet of a model, read as the case chooses. Raises InputError."""
    sheet = pump_sheet(model, "model")
    for name, reading in pump.readings.items():
        sheet = with_reading(sheet, name, reading)
    if low_reservoir is not None and not sheet.programmable:
        raise InputError(
            "low_reservoir", str(low_reservoir), "cannot be set: a constant-flow pump has no alarm", accepted=("none",)
        )
    if low_reservoir is not None and low_reservoir >= sheet.reservoir_capacity:
        holds = f"is no threshold in a reservoir of {sheet.reservoir_capacity}"
        raise InputError("low_reservoir", str(low_reservoir), holds, accepted=(f"less than {sheet.reservoir_capacity}",))
    return sheet


def _after(event: AnyEvent, before: _Device, table: CaseTable) -> _Device:
    """What an operation leaves in place."""
    match event:
        case ReplacePumpEvent():
            model = event.model or before.sheet.name
            sheet = _sheet(table.pump, model, event.low_reservoir)
            return _Device(sheet, replace(before.geometry, tubing_volume=sheet.tubing_volume))
        case ReviseCatheterEvent():
            now = before.geometry
            catheter = now.sheet if event.model is None else catheter_sheet(event.model, "model")
            trimmed = now.trimmed if event.trimmed is None else event.trimmed
            return _Device(before.sheet, Geometry(catheter, trimmed, event.tip_level or now.tip_level, now.tubing_volume))
        case _:
            return before


def _faults(table: CaseTable, zone: ZoneInfo, devices: list[_Device], found: _Found) -> tuple[PlannedFault, ...]:
    """What happens to the truth on the way, in order of time and while the case runs."""
    before, reason = table.event[0].at, "the case begins"
    gain = table.world.gain
    planned: list[PlannedFault] = []
    for number, event in enumerate(table.world.event):
        with found.at("world", "event", number, "at"):
            _check_time(event.at, before, reason, table.until, zone)
        before, reason = max(before, event.at), "the event above it"
        with found.at("world", "event", number):
            ends = _part_ends(event, table)
            for fault in faults(event, gain):
                if ends is not None and fault.at >= ends:
                    break  # what grew or drifted went with the part
                _check_possible(event, fault, table, devices)
                planned.append(fault)
                if isinstance(fault.fault, ChangeGain):
                    gain = fault.fault.gain
    return tuple(sorted(planned, key=lambda fault: fault.at))


def _part_ends(event: AnyWorldEvent, table: CaseTable) -> Instant | None:
    """When the pump that drifts, or the catheter whose leak grows, is taken out."""
    taken_out: tuple[type, ...] = (ExplantEvent,)
    match event:
        case GainDriftEvent():
            taken_out = (ExplantEvent, ReplacePumpEvent)
        case LeakEvent():
            taken_out = (ExplantEvent, ReviseCatheterEvent)
        case _:
            return None
    return next((other.at for other in table.event if isinstance(other, taken_out) and other.at > event.at), None)


def _check_possible(event: AnyWorldEvent, planned: PlannedFault, table: CaseTable, devices: list[_Device]) -> None:
    """A fault needs something to happen to: a pump that can have it, a place on the catheter, a refill that it spoils."""
    fault = planned.fault
    if isinstance(fault, ChangeGain):
        return
    done = [n for n, other in enumerate(table.event) if other.at <= planned.at]
    if not any(isinstance(table.event[n], ImplantEvent) for n in done):
        raise InputError("kind", event.kind, "comes before the implant: there is nothing that it could happen to")
    if not devices:
        return
    device = devices[done[-1]]
    match fault:
        case CatheterLeak() | Disconnection() | Migration() | Kink():
            damage(Line(()), device.geometry, fault)
        case Slip():
            refill = next((other for other in table.event if isinstance(other, RefillEvent) and other.at >= planned.at), None)
            if refill is None:
                raise InputError("kind", event.kind, "spoils the next refill, and none follows")
            if fault.pocket and fault.pocket > refill.volume:
                accepted = (f"at most the {refill.volume} of the next refill",)
                raise InputError("volume", str(fault.pocket), "is more than is injected", accepted=accepted)
        case _:
            refusal = check_fault(fault, device.sheet)
            if refusal:
                raise InputError("kind", event.kind, f"cannot happen here: {refusal.asked}. {refusal.limit} ({refusal.source})")


def _check_events(table: CaseTable, zone: ZoneInfo, found: _Found) -> None:
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


def _implanted_after(event: AnyEvent, implanted: bool) -> bool:
    match event:
        case ScreeningTest() | NoteEvent():
            return implanted
        case ImplantEvent():
            return True
        case _ if not implanted:
            raise InputError("kind", event.kind, "comes before the implant", accepted=("screening_test, note, implant",))
        case ExplantEvent():
            return False
        case _:
            return True


def _policy(table: RefillTable) -> RefillPolicy:
    default = RefillPolicy.default()
    return RefillPolicy(
        stability=table.stability or default.stability,
        buffer=default.buffer if table.buffer is None else table.buffer,
        clinic_max=table.clinic_max,
    )
