"""The door: a case document as it is written, checked field by field.

Every text that is a quantity is read into its type here; what cannot be read becomes an InputError with the line it stands on.
"""

import re
from collections.abc import Callable
from datetime import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from thecal.chart.order import (
    FlexDay,
    Order,
    OrderContinuous,
    OrderFlex,
    OrderMinimumRate,
    OrderStop,
    StepDose,
)
from thecal.errors import InputError, nearest_name
from thecal.pump.program import WEEKDAYS
from thecal.quantity import Amount, Concentration, DailyDose, Gain, Length, Quantity, Volume
from thecal.timeline import Duration, Instant

_CLOCK = re.compile(r"([0-9]{2}):([0-9]{2})")
_END_OF_DAY = "24:00"
_OFFSET = re.compile(r"([+-])([0-9]{2}):([0-9]{2})")
_OFFSET_MAX_S = 14 * 3600


def _reading(read: Callable[[object, str], Any]) -> PlainValidator:
    """A validator that reads a value, and carries its InputError through pydantic."""

    def validate(value: object, info: ValidationInfo) -> Any:
        try:
            return read(value, info.field_name or "value")
        except InputError as error:
            raise PydanticCustomError("input", "{error}", {"error": error}) from error

    return PlainValidator(validate)


def _quantity(kind: type[Quantity], *, zero: bool = False) -> PlainValidator:
    return _reading(lambda value, name: kind.parse(value, name, zero=zero))


def _clock(value: object, name: str) -> int:
    if isinstance(value, time):
        if value.second or value.microsecond or value.tzinfo:
            raise InputError(name, str(value), "is not a whole minute of the clock", accepted=('"06:30"',))
        return value.hour * 3600 + value.minute * 60
    if value == _END_OF_DAY and name.startswith("to"):
        return 24 * 3600
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[1]) > 23 or int(match[2]) > 59:
        raise InputError(name, value, "is not a time of day", accepted=('"00:00" to "23:59"', 'and "24:00" where a step ends'))
    return int(match[1]) * 3600 + int(match[2]) * 60


def _version(value: object, name: str) -> int:
    if type(value) is not int or value != 1:
        raise InputError(name, value, "is not a version of the case format", accepted=("1",))
    return value


def _offset(value: object, name: str) -> int:
    """Seconds east of UTC, from text such as ``+01:00``."""
    match = _OFFSET.fullmatch(value) if isinstance(value, str) else None
    seconds = int(match[2]) * 3600 + int(match[3]) * 60 if match and int(match[3]) < 60 else None
    if match is None or seconds is None or seconds > _OFFSET_MAX_S:
        raise InputError(name, value, "is not an offset from UTC", accepted=('"-14:00" to "+14:00"',), nearest='"+01:00"')
    return -seconds if match[1] == "-" else seconds


def _plain_text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise InputError(name, value, "is not text in quotes")
    odd = next((character for character in value if not character.isprintable() and character not in "\n\t"), None)
    if odd is not None:
        raise InputError(name, value.encode("unicode_escape").decode(), f"holds the control character {odd!r}")
    return " ".join(value.split())


def _weekday(value: object, name: str) -> int:
    if value not in WEEKDAYS:
        raise InputError(name, value, "is not a weekday", accepted=WEEKDAYS, nearest=nearest_name(str(value), WEEKDAYS))
    return WEEKDAYS.index(str(value))


def _instant(value: object, info: ValidationInfo) -> Instant:
    try:
        return Instant.parse(value, (info.context or {})["zone"], info.field_name or "at")
    except InputError as error:
        raise PydanticCustomError("input", "{error}", {"error": error}) from error


At = Annotated[Instant, PlainValidator(_instant)]
AVolume = Annotated[Volume, _quantity(Volume)]
AnAmount = Annotated[Amount, _quantity(Amount)]
ADuration = Annotated[Duration, _quantity(Duration)]
ADose = Annotated[DailyDose, _quantity(DailyDose)]
AConcentration = Annotated[Concentration, _quantity(Concentration)]
ALength = Annotated[Length, _quantity(Length, zero=True)]
AGain = Annotated[Gain, _reading(Gain.parse)]
PlainText = Annotated[str, _reading(_plain_text)]
Clock = Annotated[int, _reading(_clock)]
Weekday = Annotated[int, _reading(_weekday)]


class Document(BaseModel):
    """A table of the case: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class StepTable(Document):
    """One step of a flex day."""

    from_: Clock = Field(alias="from")
    to: Clock
    dose: AnAmount

    def step(self) -> StepDose:
        return StepDose(self.from_, self.to, self.dose)


class DayTable(Document):
    """The flex steps of some weekdays."""

    days: list[Weekday] = Field(min_length=1)
    daily_total: ADose
    steps: list[StepTable] = Field(min_length=1)


Mode = Literal["simple continuous", "flex", "minimum rate", "stopped"]


class ProgramTable(Document):
    """A program: its mode, and the dose that the mode needs."""

    mode: Mode
    dose: ADose | None = None
    daily_total: ADose | None = None
    steps: list[StepTable] | None = None
    day: list[DayTable] | None = None

    @model_validator(mode="after")
    def _fields_fit_the_mode(self) -> "ProgramTable":
        given = {name for name in ("dose", "daily_total", "steps", "day") if getattr(self, name) is not None}
        fits: dict[str, tuple[set[str], ...]] = {
            "simple continuous": ({"dose"},),
            "flex": ({"daily_total", "steps"}, {"day"}),
            "minimum rate": (set(),),
            "stopped": (set(),),
        }
        if given not in fits[self.mode]:
            needed = " or ".join(", ".join(sorted(names)) or "no dose" for names in fits[self.mode])
            got = ", ".join(sorted(given)) or "no dose"
            error = InputError("mode", self.mode, f"goes with {needed}; here it has {got}")
            raise PydanticCustomError("input", "{error}", {"error": error})
        return self

    def order(self) -> Order:
        """The order that the table states."""
        if self.mode == "stopped":
            return OrderStop()
        if self.mode == "minimum rate":
            return OrderMinimumRate()
        if self.dose is not None:
            return OrderContinuous(self.dose)
        if self.day is not None:
            return OrderFlex(
                tuple(FlexDay(tuple(day.days), day.daily_total, tuple(step.step() for step in day.steps)) for day in self.day)
            )
        assert self.daily_total is not None  # as validated
        assert self.steps is not None
        return OrderFlex((FlexDay((), self.daily_total, tuple(step.step() for step in self.steps)),))


class EventTable(Document):
    """What every event has."""

    at: At
    expect: Literal["refused"] | None = None


class ScreeningTest(EventTable):
    """A test bolus by lumbar puncture."""

    kind: Literal["screening_test"]
    dose: AnAmount
    concentration: AConcentration
    effect_lasted: ADuration | None = None


class ImplantEvent(EventTable):
    """The operation, with pump and catheter of the case's tables."""

    kind: Literal["implant"]


class RefillEvent(EventTable):
    """A refill; ``program`` where the dose changes with it."""

    kind: Literal["refill"]
    volume: AVolume
    concentration: AConcentration
    typed: AVolume | None = None
    drawn_up: AVolume | None = None
    measured: Annotated[Volume, _quantity(Volume, zero=True)] | None = None
    program: ProgramTable | None = None


class ProgramEvent(EventTable, ProgramTable):
    """A new program."""

    kind: Literal["program"]


class BolusEvent(EventTable):
    """A single bolus through the pump."""

    kind: Literal["bolus"]
    dose: AnAmount
    over: ADuration


class CancelBolusEvent(EventTable):
    """The end of a running bolus."""

    kind: Literal["cancel_bolus"]


class NoteEvent(EventTable):
    """Free text."""

    kind: Literal["note"]
    text: PlainText


class ExplantEvent(EventTable):
    """The end of the therapy with this pump."""

    kind: Literal["explant"]


AnyEvent = Annotated[
    ScreeningTest | ImplantEvent | RefillEvent | ProgramEvent | BolusEvent | CancelBolusEvent | NoteEvent | ExplantEvent,
    Field(discriminator="kind"),
]


class PatientTable(Document):
    """Who it is about, without a name."""

    label: PlainText


class PumpTable(Document):
    """The pump model and its setting; ``clock`` is the pump clock's offset from UTC, that of the implant day if not given."""

    model: str
    low_reservoir: AVolume | None = None
    clock: Annotated[int, _reading(_offset)] | None = None


class CatheterTable(Document):
    """The catheter as implanted, and what the line holds then."""

    model: str
    tip_level: str
    trimmed: ALength = Length(0)
    holds: Literal["sterile water", "CSF", "air", "unknown"] = "sterile water"


class RefillTable(Document):
    """What bounds the time between refills; what is not given is the default of the rule, with its source."""

    stability: ADuration | None = None
    buffer: Annotated[Duration, _quantity(Duration, zero=True)] | None = None
    clinic_max: ADuration | None = None


class WorldEvent(Document):
    """Something true that happens and that nobody ordered."""

    at: At
    kind: Literal["gain"]
    gain: AGain


class WorldTable(Document):
    """What is so: the true flow's deviation from the programmed flow, and what changes it."""

    gain: AGain = Gain(Gain.EXACT)
    event: list[WorldEvent] = []


class CaseTable(Document):
    """A whole case."""

    case: Annotated[int, _reading(_version)]
    title: PlainText
    timezone: str
    until: At
    sources: list[PlainText] = []
    patient: PatientTable | None = None
    pump: PumpTable
    catheter: CatheterTable
    refill: RefillTable = RefillTable()
    world: WorldTable = WorldTable()
    event: list[AnyEvent] = Field(min_length=1)


EVENT_TABLES: dict[str, type[Document]] = {
    "screening_test": ScreeningTest,
    "implant": ImplantEvent,
    "refill": RefillEvent,
    "program": ProgramEvent,
    "bolus": BolusEvent,
    "cancel_bolus": CancelBolusEvent,
    "note": NoteEvent,
    "explant": ExplantEvent,
}
_TABLES: dict[str, type[Document]] = {
    "patient": PatientTable,
    "pump": PumpTable,
    "catheter": CatheterTable,
    "refill": RefillTable,
    "world": WorldTable,
    "program": ProgramTable,
    "steps": StepTable,
    "day": DayTable,
}


def known_keys(path: tuple[str | int, ...], table: object) -> list[str]:
    """The keys that the table at a path of the document may have."""
    names = [key for key in path if isinstance(key, str)]
    model: type[Document] | None = CaseTable
    if names == ["world", "event"]:
        model = WorldEvent
    elif names == ["event"] and isinstance(table, dict):
        model = EVENT_TABLES.get(str(table.get("kind")))
    elif names:
        model = _TABLES.get(names[-1])
    return [field.alias or name for name, field in model.model_fields.items()] if model else []
