"""What is in place when: the pump and the catheter after each event of a case, and what can happen to them."""

from dataclasses import dataclass, replace

from thecal.catheter.faults import CatheterFault, CatheterLeak, Disconnection, Kink, Migration, damage
from thecal.catheter.geometry import CatheterSheet, Geometry, catheter_sheet
from thecal.catheter.line import Line
from thecal.errors import InputError
from thecal.pump.faults import check_fault
from thecal.pump.messages import ChangeGain, Fault
from thecal.pump.sheet import PumpSheet, pump_sheet, with_reading
from thecal.quantity import Volume
from thecal.timeline import Instant
from thecal.twin.document import CourseTable
from thecal.twin.events import AnyEvent, ExplantEvent, ImplantEvent, RefillEvent, ReplacePumpEvent, ReviseCatheterEvent
from thecal.twin.mishaps import AnyWorldEvent, GainDriftEvent, LeakEvent
from thecal.twin.reading import Found
from thecal.twin.truth import DriftStep
from thecal.twin.world import PlannedFault, Slip


@dataclass(frozen=True, slots=True)
class Device:
    """The pump and the catheter that an event leaves in place, or that will be implanted."""

    sheet: PumpSheet
    geometry: Geometry


def devices_of(table: CourseTable, found: Found) -> list[Device]:
    """What is in place after each event, one for one; empty where the first cannot be made out."""
    first = _first(table, found)
    if first is None:
        return []
    devices: list[Device] = []
    device = first
    for number, event in enumerate(table.event):
        with found.at("event", number):
            device = _after(event, device, first, table)
            if isinstance(event, RefillEvent) and event.typed and not device.sheet.programmable:
                raise InputError("typed", str(event.typed), "cannot be entered: a constant-flow pump has no memory")
        devices.append(device)
    return devices


def _first(table: CourseTable, found: Found) -> Device | None:
    """The pump and the catheter of the tables."""
    sheet: PumpSheet | None = None
    catheter: CatheterSheet | None = None
    with found.at("pump"):
        sheet = pump_sheet(table.pump.model, "model")
    for name, reading in table.pump.readings.items() if sheet else ():
        with found.at("pump", "readings"):
            sheet = with_reading(sheet, name, reading) if sheet else None
    with found.at("pump"):
        if sheet:
            _check_low_reservoir(sheet, table.pump.low_reservoir)
    with found.at("catheter"):
        catheter = catheter_sheet(table.catheter.model, "model")
    with found.at("catheter"):
        if catheter and sheet:
            return Device(sheet, Geometry(catheter, table.catheter.trimmed, table.catheter.tip_level, sheet.tubing_volume))
    return None


def _check_low_reservoir(sheet: PumpSheet, asked: Volume | None) -> None:
    if asked is not None and not sheet.programmable:
        raise InputError("low_reservoir", str(asked), "cannot be set: a constant-flow pump has no alarm", accepted=("none",))
    if asked is not None and asked >= sheet.reservoir_capacity:
        holds = f"is no threshold in a reservoir of {sheet.reservoir_capacity}"
        raise InputError("low_reservoir", str(asked), holds, accepted=(f"less than {sheet.reservoir_capacity}",))


def _after(event: AnyEvent, before: Device, first: Device, table: CourseTable) -> Device:
    """What an operation leaves in place. An implant brings what the tables say, a replacement their model if it names none."""
    match event:
        case ImplantEvent():
            return first
        case ReplacePumpEvent():
            same = event.model in (None, table.pump.model)
            sheet = first.sheet if same else pump_sheet(event.model or "", "model")
            _check_low_reservoir(sheet, event.low_reservoir)
            return Device(sheet, replace(before.geometry, tubing_volume=sheet.tubing_volume))
        case ReviseCatheterEvent():
            now = before.geometry
            catheter = now.sheet if event.model is None else catheter_sheet(event.model, "model")
            trimmed = now.trimmed if event.trimmed is None else event.trimmed
            return Device(before.sheet, Geometry(catheter, trimmed, event.tip_level or now.tip_level, now.tubing_volume))
        case _:
            return before


def part_ends(event: AnyWorldEvent, table: CourseTable) -> Instant | None:
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


def check_possible(event: AnyWorldEvent, planned: PlannedFault | DriftStep, table: CourseTable, devices: list[Device]) -> None:
    """A fault needs something to happen to: a pump that can have it, a place on the catheter, a refill that it spoils.

    It strikes before what people do at the same instant. Raises InputError.
    """
    if isinstance(planned, DriftStep) or isinstance(planned.fault, ChangeGain):
        return
    fault = planned.fault
    done = [n for n, other in enumerate(table.event) if other.at < planned.at]
    operations = [type(table.event[n]) for n in done if isinstance(table.event[n], ImplantEvent | ExplantEvent)]
    if not operations or operations[-1] is ExplantEvent:
        missing = "is not after the implant" if not operations else "comes after the explant"
        raise InputError("kind", event.kind, f"{missing}: there is nothing that it could happen to")
    if not devices:
        return
    if isinstance(fault, Slip):
        _check_slip(event, fault, planned.at, table)
    else:
        check_on(devices[done[-1]], event.kind, fault)


def check_on(device: Device, kind: str, fault: Fault | CatheterFault) -> None:
    """Whether a pump or a catheter can have a fault. Raises InputError with the data sheet's reason."""
    match fault:
        case CatheterLeak() | Disconnection() | Migration() | Kink():
            damage(Line(()), device.geometry, fault)
        case _:
            refusal = check_fault(fault, device.sheet)
            if refusal:
                problem = f"cannot happen here: {refusal.limit}. Source: {refusal.source}"
                raise InputError("kind", kind, problem)


def _check_slip(event: AnyWorldEvent, slip: Slip, at: Instant, table: CourseTable) -> None:
    refill = next((other for other in table.event if isinstance(other, RefillEvent) and other.at >= at), None)
    if refill is None:
        raise InputError("kind", event.kind, "spoils the next refill, and none follows")
    if slip.pocket and slip.pocket > refill.volume:
        accepted = (f"at most the {refill.volume} of the next refill",)
        raise InputError("volume", str(slip.pocket), "is more than is injected", accepted=accepted)
