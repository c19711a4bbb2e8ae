"""From the pump's own dictionary to canonical JSON and back: what is sent is what `pump/messages.py` says, and no second list.

A frozen dataclass is an object with a key for each of its fields; where several could stand, ``kind`` names which one. Reading is
strict: every key, no other, of its type, and quantities within the bounds of the program.
"""

import json
import types
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from datetime import date
from functools import cache, lru_cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from thecal.errors import ThecalError
from thecal.pump.alarms import ALARMS, AlarmKind
from thecal.quantity import Gain, Quantity
from thecal.timeline import Instant

Plain = dict[str, Any]
_ALARMS = {alarm.name: alarm for alarm in ALARMS}
_WHOLE_MAX = 10**60  # of the exact numerators and denominators in a pump's memory; a bound of the program
_HELD = 4096  # quantities of one kind that are made once
_OF_A_LIFE = 1000  # times as much as anybody types: what a pump has pumped in its life is counted too


class UnreadableError(ThecalError):
    """Bytes that say nothing that this program understands: says what is wrong, and where."""


class _NotReadableError(Exception):
    """What is wrong at a place inside of what is read; the way there is put before it on the way out, where it costs nothing."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why, self.way = why, ""

    def inside(self, step: str) -> "_NotReadableError":
        self.way = f"{step}{self.way}"
        return self


@dataclass(frozen=True, slots=True)
class _Codec:
    """How values of one type are written, and read."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]
    read_named: Callable[[Any], Any] | None = None
    """Of a dataclass: the same from an object that also holds its ``kind``."""


def canonical(plain: Plain) -> bytes:
    """The one spelling of an object: ASCII, keys in order, no spaces."""
    return _ENCODER.encode(plain).encode("ascii")


def parse(payload: bytes) -> Plain:
    """An object from its one spelling. Raises UnreadableError for any other bytes."""
    try:
        plain = _DECODER.decode(payload.decode("ascii"))
        if not isinstance(plain, dict):
            raise UnreadableError("the payload is not an object")
        if canonical(plain) != payload:
            raise UnreadableError("the payload is not spelled canonically")
    except RecursionError:
        raise UnreadableError("the payload nests too deeply") from None
    except (ValueError, UnicodeError) as error:
        raise UnreadableError(f"the payload is not JSON: {error}") from None
    return plain


def _no_number(text: str) -> Any:
    raise UnreadableError(f"{text} is no whole number")


_ENCODER = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":"), allow_nan=False, check_circular=False)
_DECODER = json.JSONDecoder(parse_float=_no_number, parse_constant=_no_number)


def written(value: object, kind: Any) -> Any:
    """A value of a type as what JSON can hold."""
    return _codec(kind).write(value)


def read(kind: Any, plain: object, where: str = "payload") -> Any:
    """A value of a type from what JSON held. Raises UnreadableError, naming the place."""
    return reader(kind, where)(plain)


def reader(kind: Any, where: str = "payload") -> Callable[[object], Any]:
    """What reads values of a type, for who reads many: a union of fifty is not looked up each time."""
    read_one = _codec(kind).read

    def read_named(plain: object) -> Any:
        try:
            return read_one(plain)
        except _NotReadableError as error:
            raise UnreadableError(f"{where}{error.way} {error.why}") from None

    return read_named


@cache
def _codec(kind: Any) -> _Codec:
    origin = get_origin(kind)
    if kind is None or kind is types.NoneType:
        return _Codec(lambda _: None, _none)
    if origin in (Union, types.UnionType):
        return _union(tuple(get_args(kind)))
    if origin is Literal:
        return _literal(get_args(kind))
    if origin is tuple:
        return _sequence(_codec(get_args(kind)[0]))
    if kind is AlarmKind:
        return _Codec(lambda alarm: alarm.name, _alarm)
    if isinstance(kind, type) and is_dataclass(kind):
        return _fields(kind)
    if kind in _SCALARS:
        return _scalar(kind)
    if kind in _TEXTS:
        return _text(kind)
    raise TypeError(f"no spelling for {kind}")


def _none(plain: object) -> None:
    if plain is not None:
        raise _NotReadableError("must be null")


def _alarm(plain: object) -> AlarmKind:
    if not isinstance(plain, str) or plain not in _ALARMS:
        raise _NotReadableError("is no alarm")
    return _ALARMS[plain]


_SCALARS: Mapping[type, str] = {int: "a whole number", str: "text", bool: "true or false"}


def _scalar(kind: type) -> _Codec:
    def read_one(plain: object) -> object:
        if type(plain) is not kind:
            raise _NotReadableError(f"must be {_SCALARS[kind]}")
        if isinstance(plain, int) and abs(plain) > _WHOLE_MAX:
            raise _NotReadableError("is larger than any count here")
        return plain

    return _Codec(lambda value: value, read_one)


_TEXTS: Mapping[type, tuple[Callable[[Any], str], Callable[[str], Any]]] = {
    float: (lambda value: repr(float(value)), float),  # what a chart holds of scales; nothing that a pump says is a fraction
    date: (date.isoformat, date.fromisoformat),
}


def _text(kind: type) -> _Codec:
    write, parse_text = _TEXTS[kind]

    def read_one(plain: object) -> object:
        value = None
        if isinstance(plain, str):
            with suppress(ValueError):
                value = parse_text(plain)
        if value is None or write(value) != plain:
            raise _NotReadableError(f"must be a {kind.__name__}, as text")
        return value

    return _Codec(write, read_one)


def _literal(allowed: tuple[object, ...]) -> _Codec:
    def read_one(plain: object) -> object:
        if not isinstance(plain, str) or plain not in allowed:
            raise _NotReadableError(f"must be one of {', '.join(map(str, allowed))}")
        return plain

    return _Codec(lambda value: value, read_one)


def _sequence(item: _Codec) -> _Codec:
    def read_all(plain: object) -> tuple[object, ...]:
        if not isinstance(plain, list):
            raise _NotReadableError("must be a list")
        number = 0
        try:
            found = []
            for number, each in enumerate(plain):  # noqa: B007  # the number is for the error
                found.append(item.read(each))
        except _NotReadableError as error:
            raise error.inside(f"[{number}]") from None
        return tuple(found)

    return _Codec(lambda values: [item.write(each) for each in values], read_all)


def _fields(kind: type) -> _Codec:
    hints = get_type_hints(kind)
    parts = {each.name: _codec(hints[each.name]) for each in fields(kind) if each.init}
    bound = _bound(kind)

    def write(value: object) -> Plain:
        return {name: part.write(getattr(value, name)) for name, part in parts.items()}

    reads = [(name, part.read) for name, part in parts.items()]

    named = {"kind", *parts}

    def read_whole(plain: object, keys: Collection[str] = parts.keys()) -> object:
        if not isinstance(plain, dict) or plain.keys() != keys:
            raise _NotReadableError(f"must be {kind.__name__} with exactly {', '.join(parts) or 'nothing in it'}")
        values, name = [], ""
        try:
            for name, read_part in reads:
                values.append(read_part(plain[name]))
        except _NotReadableError as error:
            raise error.inside(f".{name}") from None
        if bound and not bound[0] <= values[0] <= bound[1]:
            raise _NotReadableError(f"is outside {bound[0]} to {bound[1]}")
        return kind(*values)

    if bound:
        return _Codec(write, _quantity(kind, next(iter(parts)), bound, read_whole), lambda plain: read_whole(plain, named))
    return _Codec(write, read_whole, lambda plain: read_whole(plain, named))


def _quantity(kind: type, name: str, bound: tuple[int, int], otherwise: Callable[[object], object]) -> Callable[[object], object]:
    """One number within its bounds, the most frequent of all that is read; ``otherwise`` says what is wrong with another.

    The same instant stands in a dozen entries and the same volume in hundreds: they are frozen, and made once.
    """
    least, most = bound
    one = lru_cache(_HELD)(kind)

    def read_one(plain: object) -> object:
        if type(plain) is dict and len(plain) == 1:
            number = plain.get(name)
            if type(number) is int and least <= number <= most:
                return one(number)
        return otherwise(plain)

    return read_one


def _bound(kind: type) -> tuple[int, int] | None:
    """What the one number of a quantity may be; None for what is no quantity."""
    if issubclass(kind, Instant):
        return Instant.FIRST, Instant.LAST
    if issubclass(kind, Gain):
        return 1, Gain.EXACT + Gain.UNITS.base_max
    return (0, _OF_A_LIFE * kind.UNITS.base_max) if issubclass(kind, Quantity) else None


def _union(options: tuple[Any, ...]) -> _Codec:
    """Either of several: dataclasses by their ``kind``, null by itself. With one option beside null, no ``kind`` is needed."""
    named = [option for option in options if option is not types.NoneType]
    optional = len(named) < len(options)
    if len(named) == 1:
        only = _codec(named[0])
        return _Codec(
            lambda value: None if value is None else only.write(value),
            lambda plain: None if plain is None else only.read(plain),
        )
    taken = [str(option) for option in named if is_dataclass(option) and "kind" in {each.name for each in fields(option)}]
    if taken:
        raise TypeError(f"{', '.join(taken)} has a field that is called as what tells it from others: kind")
    parts: Mapping[str, tuple[type, _Codec]] = {option.__name__: (option, _codec(option)) for option in named}

    readers = {name: part.read_named or part.read for name, (_, part) in parts.items()}

    def write(value: object) -> Plain | None:
        if value is None and optional:
            return None
        name = type(value).__name__
        return {"kind": name, **parts[name][1].write(value)}

    def read_one(plain: object) -> object:
        if plain is None and optional:
            return None
        kind = plain.get("kind") if isinstance(plain, dict) else None
        if not isinstance(plain, dict) or not isinstance(kind, str) or kind not in parts:
            raise _NotReadableError(f"must be one of {', '.join(parts)}{' or null' if optional else ''}, by its kind")
        return readers[kind](plain)

    return _Codec(write, read_one)
