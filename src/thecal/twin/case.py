"""A case: one course of therapy as a document, read into the actions of its people and the truth of its world."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

from thecal.body.patient import Patients
from thecal.catheter.geometry import Geometry
from thecal.chart.chart import Chart
from thecal.errors import InputError, InputErrors
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Gain
from thecal.therapy.refill import RefillPolicy
from thecal.timeline import Instant
from thecal.twin.action import Action
from thecal.twin.bedside_tables import AssessmentEvent, StopTabletsEvent, TabletsEvent
from thecal.twin.devices import Device, check_possible, devices_of, part_ends
from thecal.twin.document import CourseTable, RefillTable
from thecal.twin.events import AnyEvent, ExplantEvent, ImplantEvent, NoteEvent, ReplacePumpEvent, ScreeningTest, action
from thecal.twin.exposure import Exposure
from thecal.twin.mishaps import PressureEvent, TemperatureEvent
from thecal.twin.reading import BYTES_MAX, Found, Place, read_tables
from thecal.twin.truth import DriftStep, drifted, faults
from thecal.twin.world import PlannedFault, World


@dataclass(frozen=True, slots=True)
class Body:
    """The true body of a case: the kind of patient, the parameters that the case gives itself, and all of them."""

    kind: str
    given: tuple[str, ...]
    patient: Patients


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
    body: Body | None = None

    def source(self, chart: Chart, now: Instant) -> Action | None:
        """The next action that the chart does not hold yet."""
        return self.actions[chart.acted] if chart.acted < len(self.actions) else None

    @property
    def world(self) -> World:
        """Nothing implanted yet, at the first action, with the faults to come."""
        exposure = Exposure(self.body.patient) if self.body else None
        return World(self.actions[0].at, gain=self.gain, faults=self.faults, exposure=exposure)


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
    return case_of(table, zone, place, sha256(raw).hexdigest())


def case_of(table: CourseTable, zone: ZoneInfo, place: Place, digest: str) -> Case:
    """A case from its checked tables. Raises InputErrors."""
    found = Found(place)
    devices = devices_of(table, found)
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
        name=place.name,
        sha256=digest,
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
        body=Body(table.body.patient, tuple(table.body.given), table.body.body()) if table.body else None,
    )


def _faults(table: CourseTable, zone: ZoneInfo, devices: list[Device], found: Found) -> tuple[PlannedFault, ...]:
    """What happens to the truth on the way, in order of time and while the case runs."""
    before, reason = table.event[0].at, "the case begins"
    planned: list[PlannedFault | DriftStep] = []
    lasting: dict[str, Instant] = {}
    for number, event in enumerate(table.world.event):
        with found.at("world", "event", number, "at"):
            _check_time(event.at, before, reason, table.until, zone)
            if isinstance(event, TemperatureEvent | PressureEvent):
                if event.at < lasting.get(event.kind, event.at):
                    until = lasting[event.kind].local_text(zone)
                    raise InputError("at", event.at.local_text(zone), f"is before the {event.kind} above it ends, at {until}")
                lasting[event.kind] = event.at + event.lasts if event.lasts else event.at
        before, reason = max(before, event.at), "the event above it"
        with found.at("world", "event", number):
            ends = part_ends(event, table)
            for fault in faults(event):
                if ends is None or fault.at < ends:  # what grows or drifts goes with the part
                    check_possible(event, fault, table, devices)
                    planned.append(fault)
    settled: list[PlannedFault] = []
    with found.at("world", "event"):
        anew = [event.at for event in table.event if isinstance(event, ImplantEvent | ReplacePumpEvent)]
        settled.extend(drifted(planned, table.world.gain, anew))
    return tuple(settled)


def _check_events(table: CourseTable, zone: ZoneInfo, found: Found) -> None:
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
        case ScreeningTest() | NoteEvent() | TabletsEvent() | StopTabletsEvent() | AssessmentEvent():
            return implanted
        case ImplantEvent():
            return True
        case _ if not implanted:
            raise InputError(
                "kind",
                event.kind,
                "comes before the implant",
                accepted=("screening_test, tablets, stop_tablets, assessment, note, implant",),
            )
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
