"""The fields of a case document: every text that is a quantity is read into its type here.

What cannot be read becomes an InputError with the line it stands on.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import time
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, PlainValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from thecal.errors import InputError, nearest_name
from thecal.fluid import ALL_PPM
from thecal.pump.clock import DRIFT_MAX_S
from thecal.pump.program import WEEKDAYS
from thecal.quantity import Amount, Concentration, DailyDose, FlowRate, Gain, Length, Quantity, Volume
from thecal.timeline import Duration, Instant

_CLOCK = re.compile(r"([0-9]{2}):([0-9]{2})")
_END_OF_DAY = "24:00"
_OFFSET = re.compile(r"([+-])([0-9]{2}):([0-9]{2})")
_DRIFT = re.compile(r"([+-])([0-9]{1,4}) s/day")
_OFFSET_MAX_S = 14 * 3600


def reading(read: Callable[[object, str], Any]) -> PlainValidator:
    """A validator that reads a value, and carries its InputError through pydantic."""

    def validate(value: object, info: ValidationInfo) -> Any:
        try:
            return read(value, info.field_name or "value")
        except InputError as error:
            raise PydanticCustomError("input", "{error}", {"error": error}) from error

    return PlainValidator(validate)


def mistake(field: str, text: str, problem: str, accepted: Iterable[str] = ()) -> PydanticCustomError:
    """A mistake in a whole table, to raise in a validator of it, which carries the InputError."""
    accepted = tuple(accepted)
    nearest = nearest_name(text, accepted) if accepted else None
    error = InputError(field, text, problem, accepted=accepted, nearest=nearest)
    return PydanticCustomError("input", "{error}", {"error": error})


def quantity_field(kind: type[Quantity], *, zero: bool = False) -> PlainValidator:
    """A validator that reads a quantity with its unit."""
    return reading(lambda value, name: kind.parse(value, name, zero=zero))


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
        raise InputError(name, value, "is not a version of this format", accepted=("1",))
    return value


def _offset(value: object, name: str) -> int:
    """Seconds east of UTC, from text such as ``+01:00``."""
    match = _OFFSET.fullmatch(value) if isinstance(value, str) else None
    seconds = int(match[2]) * 3600 + int(match[3]) * 60 if match and int(match[3]) < 60 else None
    if match is None or seconds is None or seconds > _OFFSET_MAX_S:
        raise InputError(name, value, "is not an offset from UTC", accepted=('"-14:00" to "+14:00"',), nearest='"+01:00"')
    return -seconds if match[1] == "-" else seconds


def plain_text(value: object, name: str) -> str:
    """One line of printable text."""
    if not isinstance(value, str):
        raise InputError(name, value, "is not text in quotes")
    odd = next((character for character in value if not character.isprintable() and character not in "\n\t"), None)
    if odd is not None:
        raise InputError(name, value.encode("unicode_escape").decode(), f"holds the control character {odd!r}")
    return " ".join(value.split())


def _share(value: object, name: str) -> int:
    """Parts per million, from text such as ``40 %``."""
    ppm = Gain.UNITS.read(value, name, zero=True)
    if ppm > ALL_PPM:
        raise InputError(name, value, "is more than all of it", accepted=('"0 %" to "100 %"',))
    return ppm


def _drift(value: object, name: str) -> int:
    """Whole seconds a day, from text such as ``+2 s/day``."""
    match = _DRIFT.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[2]) > DRIFT_MAX_S:
        accepted = (f'"-{DRIFT_MAX_S} s/day" to "+{DRIFT_MAX_S} s/day", in whole seconds with a sign',)
        raise InputError(name, value, "is not a drift of a clock", accepted=accepted, nearest='"+2 s/day"')
    return -int(match[2]) if match[1] == "-" else int(match[2])


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
AVolume = Annotated[Volume, quantity_field(Volume)]
AVolumeOrZero = Annotated[Volume, quantity_field(Volume, zero=True)]
AnAmount = Annotated[Amount, quantity_field(Amount)]
ADuration = Annotated[Duration, quantity_field(Duration)]
ADurationOrZero = Annotated[Duration, quantity_field(Duration, zero=True)]
ADose = Annotated[DailyDose, quantity_field(DailyDose)]
ADoseOrZero = Annotated[DailyDose, quantity_field(DailyDose, zero=True)]
AConcentration = Annotated[Concentration, quantity_field(Concentration)]
ALength = Annotated[Length, quantity_field(Length, zero=True)]
AFlow = Annotated[FlowRate, quantity_field(FlowRate)]
AGain = Annotated[Gain, reading(Gain.parse)]
AShare = Annotated[int, reading(_share)]
ADrift = Annotated[int, reading(_drift)]
AnOffset = Annotated[int, reading(_offset)]
AVersion = Annotated[int, reading(_version)]
PlainText = Annotated[str, reading(plain_text)]
Clock = Annotated[int, reading(_clock)]
Weekday = Annotated[int, reading(_weekday)]


class Document(BaseModel):
    """A table of the case: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    parts: ClassVar[Mapping[str, "type[Document]"]] = {}
    """The tables in a document that no other document has, by the key that they stand under, or by the latest two."""


class EventTable(Document):
    """What every event has."""

    at: At
    expect: Literal["refused"] | None = None
