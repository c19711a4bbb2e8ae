"""A case: one course of therapy as a document, read into the actions of its people and the truth of its world."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

from thecal.catheter.geometry import Geometry, catheter_sheet
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
        return parse_case(file.read(BYTES_MAX + 1), path.name)


def parse_case(raw: bytes, name: str) -> Case:
    """A case from the bytes of its file; ``name`` stands in the errors. Raises InputErrors."""
    table, zone, place = read_tables(raw, name)
    sheet, geometry = _device(table, place)
    builder = _Actions(table, zone, place, sheet, geometry)
    actions = builder.all()
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
        faults=_faults(table, actions[0].at, place),
        until=table.until,
        policy=_policy(table.refill),
    )


@contextmanager
def _standing_at(place: Place, *path: str | int) -> Iterator[None]:
    """An InputError raised inside belongs to this place of the document."""
    try:
        yield
    except InputError as error:
        raise InputErrors([place.error(path, error)]) from None


def _device(table: doc.CaseTable, place: Place) -> tuple[PumpSheet, Geometry]:
    with _standing_at(place, "pump", "model"):
        sheet = pump_sheet(table.pump.model, "model")
    with _standing_at(place, "catheter", "model"):
        catheter = catheter_sheet(table.catheter.model, "model")
    with _standing_at(place, "catheter"):
        return sheet, Geometry(catheter, table.catheter.trimmed, table.catheter.tip_level, sheet.tubing_volume)


def _faults(table: doc.CaseTable, first: Instant, place: Place) -> tuple[PlannedFault, ...]:
    """What is true from the start, and what happens to the truth on the way."""
    faults = [PlannedFault(event.at, ChangeGain(event.gain)) for event in table.world.event]
    for number, fault in enumerate(faults):
        before = faults[number - 1].at if number else first
        if not before <= fault.at <= table.until:
            with _standing_at(place, "world", "event", number, "at"):
                problem = "is before the event above it, before the case begins, or after it ends"
                raise InputError("at", fault.at.utc_text(), problem, accepted=("world events in order of time",))
    return tuple(faults)


def _policy(table: doc.RefillTable) -> RefillPolicy:
    default = RefillPolicy.default()
    return RefillPolicy(
        stability=table.stability or default.stability,
        buffer=default.buffer if table.buffer is None else table.buffer,
        clinic_max=table.clinic_max,
    )


@dataclass(frozen=True, slots=True)
class _Actions:
    """The events of a document as actions, in order, none where it cannot be."""

    table: doc.CaseTable
    zone: ZoneInfo
    place: Place
    sheet: PumpSheet
    geometry: Geometry

    def all(self) -> tuple[Action, ...]:
        actions: list[Action] = []
        implanted = False
        for number, event in enumerate(self.table.event):
            with _standing_at(self.place, "event", number, "at"):
                self._check_time(event.at, actions[-1].at if actions else None)
            with _standing_at(self.place, "event", number, "kind"):
                implanted = self._check_implanted(event, implanted)
            actions.append(self._action(event))
        return tuple(actions)

    def _check_time(self, at: Instant, before: Instant | None) -> None:
        shown = at.local_text(self.zone)
        if before is not None and at < before:
            accepted = (f"{before.local_text(self.zone)} or later: events in order",)
            raise InputError("at", shown, "is before the event above it", accepted=accepted)
        if at > self.table.until:
            limit = self.table.until.local_text(self.zone)
            raise InputError("at", shown, "is after the case ends, so it would never happen", accepted=(f"until = {limit}",))

    def _check_implanted(self, event: doc.AnyEvent, implanted: bool) -> bool:
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

    def _action(self, event: doc.AnyEvent) -> Action:
        at, refused = event.at, event.expect == "refused"
        match event:
            case doc.ScreeningTest():
                return GiveTestBolus(at, event.dose, event.concentration, event.effect_lasted, refused)
            case doc.ImplantEvent():
                pump, holds = self.table.pump, self.table.catheter.holds
                return Implant(at, self.sheet, self.geometry, self._clock_offset_s(at), holds, pump.low_reservoir, refused)
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

    def _clock_offset_s(self, at: Instant) -> int:
        """The pump clock's offset from UTC: as set, or the zone's at implant. It knows no daylight saving."""
        clock = self.table.pump.clock
        if clock is None:
            return (at.local(self.zone).utcoffset() or timedelta()) // timedelta(seconds=1)
        seconds = int(clock[1:3]) * 3600 + int(clock[4:6]) * 60
        return -seconds if clock.startswith("-") else seconds
