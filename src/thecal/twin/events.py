"""What people do, as a case document writes it, and the actions that it means."""

from datetime import timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from thecal.catheter.geometry import Geometry
from thecal.chart.order import OrderBolus
from thecal.errors import InputError
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Length
from thecal.timeline import Instant
from thecal.twin.action import (
    Action,
    AskForBolus,
    EmptyReservoir,
    EndBolus,
    Explant,
    GiveBolus,
    GiveTestBolus,
    HoldSession,
    Implant,
    Look,
    Note,
    OpenUpdate,
    OpenValve,
    Prime,
    Refill,
    ReplacePump,
    Reprogram,
    Revise,
    SetPumpClock,
    UsePort,
)
from thecal.twin.bedside_tables import AssessmentEvent, StopTabletsEvent, TabletsEvent
from thecal.twin.fields import (
    AConcentration,
    ADuration,
    AFlow,
    ALength,
    AnAmount,
    AnOffset,
    AVolume,
    AVolumeOrZero,
    Document,
    EventTable,
    PlainText,
)
from thecal.twin.order_tables import SheetTable
from thecal.twin.programs import ProgramTable

Holds = Literal["sterile water", "CSF", "air", "unknown"]


class ScreeningTest(EventTable):
    """A test bolus by lumbar puncture."""

    kind: Literal["screening_test"]
    dose: AnAmount
    concentration: AConcentration
    effect_lasted: ADuration | None = None


class ImplantEvent(EventTable):
    """The operation, with pump and catheter of the case's tables."""

    kind: Literal["implant"]
    primed: AConcentration | None = None


class ReplacePumpEvent(EventTable):
    """A new pump on the catheter that stays; of the case's model and settings where nothing else is said."""

    kind: Literal["replace_pump"]
    model: str | None = None
    low_reservoir: AVolume | None = None
    clock: AnOffset | None = None
    primed: AConcentration | None = None


class ReviseCatheterEvent(EventTable):
    """A new or repaired catheter; model, length and tip stay as they were where nothing else is said."""

    kind: Literal["revise_catheter"]
    model: str | None = None
    tip_level: str | None = None
    trimmed: ALength | None = None
    holds: Holds = "sterile water"


class RefillEvent(EventTable):
    """A refill; ``program`` where the dose changes with it, ``bridge`` for a bridge bolus by the plan."""

    kind: Literal["refill"]
    volume: AVolume
    concentration: AConcentration
    typed: AVolume | None = None
    drawn_up: AVolume | None = None
    measured: AVolumeOrZero | None = None
    bridge: bool = False
    program: ProgramTable | None = None


class ProgramEvent(EventTable, ProgramTable):
    """A new program."""

    kind: Literal["program"]


class BolusEvent(EventTable):
    """A single bolus through the pump."""

    kind: Literal["bolus"]
    dose: AnAmount
    over: ADuration


class PrimeEvent(EventTable):
    """A priming bolus."""

    kind: Literal["prime"]
    volume: AVolume
    flow: AFlow


class PatientBolusEvent(EventTable):
    """The patient asks for a bolus."""

    kind: Literal["patient_bolus"]


class CancelBolusEvent(EventTable):
    """The end of a running bolus."""

    kind: Literal["cancel_bolus"]


class InterrogateEvent(EventTable):
    """A look at the pump, by one of several programmers where it has a name."""

    kind: Literal["interrogate"]
    programmer: PlainText | None = None


Lost = Literal[
    "begin update",
    "reply to begin update",
    "stage",
    "reply to stage",
    "commit",
    "reply to commit",
    "read back",
    "reply to read back",
]


class SessionEvent(EventTable, SheetTable):
    """A programmer's session, message by message."""

    kind: Literal["session"]
    programmer: PlainText | None = None
    lost: Lost | None = None


class BeginUpdateEvent(EventTable):
    """An update that is begun; the next program completes it."""

    kind: Literal["begin_update"]


class SetClockEvent(EventTable):
    """The pump clock is set."""

    kind: Literal["set_clock"]
    clock: AnOffset


class AccessPortEvent(EventTable):
    """A needle in the catheter access port."""

    kind: Literal["access_port"]
    action: Literal["aspirate", "inject"]
    volume: AVolume
    concentration: AConcentration | None = None

    @model_validator(mode="after")
    def _only_an_injection_has_a_strength(self) -> "AccessPortEvent":
        if self.action == "aspirate" and self.concentration is not None:
            problem = "goes with inject: what is aspirated is what lies in the catheter"
            error = InputError("concentration", str(self.concentration), problem)
            raise PydanticCustomError("input", "{error}", {"error": error})
        return self


class EmptyReservoirEvent(EventTable):
    """A needle takes all out of the reservoir, and puts nothing in."""

    kind: Literal["empty_reservoir"]
    measured: AVolumeOrZero | None = None


class ResetValveEvent(EventTable):
    """A valve is reset by hand."""

    kind: Literal["reset_valve"]


class NoteEvent(EventTable):
    """Free text."""

    kind: Literal["note"]
    text: PlainText


class ExplantEvent(EventTable):
    """The end of the therapy with this pump."""

    kind: Literal["explant"]


AnyEvent = Annotated[
    ScreeningTest
    | TabletsEvent
    | StopTabletsEvent
    | AssessmentEvent
    | ImplantEvent
    | ReplacePumpEvent
    | ReviseCatheterEvent
    | RefillEvent
    | ProgramEvent
    | BolusEvent
    | PrimeEvent
    | PatientBolusEvent
    | CancelBolusEvent
    | InterrogateEvent
    | SessionEvent
    | BeginUpdateEvent
    | SetClockEvent
    | AccessPortEvent
    | EmptyReservoirEvent
    | ResetValveEvent
    | NoteEvent
    | ExplantEvent,
    Field(discriminator="kind"),
]
EVENT_TABLES: dict[str, type[Document]] = {
    "screening_test": ScreeningTest,
    "tablets": TabletsEvent,
    "stop_tablets": StopTabletsEvent,
    "assessment": AssessmentEvent,
    "implant": ImplantEvent,
    "replace_pump": ReplacePumpEvent,
    "revise_catheter": ReviseCatheterEvent,
    "refill": RefillEvent,
    "program": ProgramEvent,
    "bolus": BolusEvent,
    "prime": PrimeEvent,
    "patient_bolus": PatientBolusEvent,
    "cancel_bolus": CancelBolusEvent,
    "interrogate": InterrogateEvent,
    "session": SessionEvent,
    "begin_update": BeginUpdateEvent,
    "set_clock": SetClockEvent,
    "access_port": AccessPortEvent,
    "empty_reservoir": EmptyReservoirEvent,
    "reset_valve": ResetValveEvent,
    "note": NoteEvent,
    "explant": ExplantEvent,
}


class PumpTable(Document):
    """The pump model and its setting; ``clock`` is the pump clock's offset from UTC, that of the implant day if not given.

    ``readings`` chooses between the readings of a property that no source decides.
    """

    model: str
    low_reservoir: AVolume | None = None
    clock: AnOffset | None = None
    readings: dict[str, str] = Field(default_factory=dict)


class CatheterTable(Document):
    """The catheter as implanted, and what the line holds then."""

    model: str
    tip_level: str
    trimmed: ALength = Length(0)
    holds: Holds = "sterile water"


def wall_clock_s(at: Instant, zone: ZoneInfo) -> int:
    """The offset of the wall clock from UTC, in seconds."""
    return (at.local(zone).utcoffset() or timedelta()) // timedelta(seconds=1)


def action(
    event: AnyEvent, pump: PumpTable, zone: ZoneInfo, sheet: PumpSheet, geometry: Geometry, holds: Holds, drift_s: int
) -> Action:
    """An event as the action that it means, with the pump and the catheter that it brings."""
    at, refused = event.at, event.expect == "refused"
    match event:
        case ScreeningTest():
            return GiveTestBolus(at, event.dose, event.concentration, event.effect_lasted, refused)
        case TabletsEvent():
            return event.action(zone, refused=refused)
        case StopTabletsEvent() | AssessmentEvent():
            return event.action(refused=refused)
        case ImplantEvent():
            clock_s = wall_clock_s(at, zone) if pump.clock is None else pump.clock
            return Implant(at, sheet, geometry, clock_s, holds, pump.low_reservoir, drift_s, event.primed, refused)
        case ReplacePumpEvent():
            clock_s = wall_clock_s(at, zone) if event.clock is None else event.clock
            same = event.model is None or event.model == pump.model
            low = event.low_reservoir or (pump.low_reservoir if same else None)
            return ReplacePump(at, sheet, clock_s, low, drift_s, event.primed, refused)
        case ReviseCatheterEvent():
            return Revise(at, geometry, event.holds, refused)
        case RefillEvent():
            return _refill(event)
        case ProgramEvent():
            return Reprogram(at, event.order(), event.patient(), refused)
        case BolusEvent():
            return GiveBolus(at, OrderBolus(event.dose, event.over), refused)
        case PrimeEvent():
            return Prime(at, event.volume, event.flow, refused)
        case PatientBolusEvent():
            return AskForBolus(at, refused)
        case CancelBolusEvent():
            return EndBolus(at, refused)
        case InterrogateEvent():
            return Look(at, event.programmer, refused)
        case SessionEvent():
            needle = event.fill.needle() if event.fill else None
            return HoldSession(at, event.sheet(), needle, event.programmer, event.lost, refused)
        case BeginUpdateEvent():
            return OpenUpdate(at, refused)
        case SetClockEvent():
            return SetPumpClock(at, event.clock, refused)
        case AccessPortEvent():
            return UsePort(at, event.action, event.volume, event.concentration, refused)
        case EmptyReservoirEvent():
            return EmptyReservoir(at, event.measured, refused)
        case ResetValveEvent():
            return OpenValve(at, refused)
        case NoteEvent():
            return Note(at, event.text, refused)
        case ExplantEvent():
            return Explant(at, refused)


def _refill(event: RefillEvent) -> Refill:
    return Refill(
        at=event.at,
        volume=event.volume,
        concentration=event.concentration,
        order=event.program.order() if event.program else None,
        patient=event.program.patient() if event.program else None,
        typed=event.typed,
        drawn_up=event.drawn_up,
        measured=event.measured,
        bridge=event.bridge,
        expect_refused=event.expect == "refused",
    )
