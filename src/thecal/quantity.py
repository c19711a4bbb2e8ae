"""Exact device quantities: integers inside, a mandatory unit outside.

Volumes are nanolitres, flows nanolitres a day, amounts picograms (1 nL of 1 mcg/mL holds 1 pg), so every product is an integer.
Text is read with :meth:`parse` and always needs a unit; it is printed by medication-safety habit: ``mcg``, a leading zero, no
trailing zero, a comma from 1,000.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import ClassVar, Self

from thecal.errors import InputError, nearest_name

_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?|[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]+)?")
_SPLIT = re.compile(r"\s*(?P<number>[+\-\u2212]?[0-9.,]*)\s*(?P<unit>.*?)\s*", re.DOTALL)
_EXPONENT = re.compile(r"\s*[+-]?[0-9.]+[eE][+-]?[0-9]+")
_DIGITS_MAX = 30


@dataclass(frozen=True, slots=True)
class Units:
    """The units that one quantity is written in.

    ``accepted`` maps each spelling to its size in base units; ``refused`` maps a unit that is understood but not allowed to
    (the unit that was meant, how many of those it is, why). ``base_max`` bounds what is read: a bound on the program, not a
    clinical limit.
    """

    noun: str
    base: str
    accepted: Mapping[str, int]
    base_max: int
    refused: Mapping[str, tuple[str, int, str]] = field(default_factory=lambda: MappingProxyType({}))
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def first(self) -> str:
        return next(iter(self.accepted))

    def read(self, text: object, name: str, *, zero: bool = False, signed: bool = False) -> int:
        """The number of base units that ``text`` says. Raises InputError naming field, text, accepted units, nearest value."""
        if not isinstance(text, str):
            number = isinstance(text, int | float) and not isinstance(text, bool)
            raise self._error(name, text, "needs a unit, in quotes", f'"{text} {self.first}"' if number else None)
        if _EXPONENT.match(text):
            raise self._error(name, text, "must be written without an exponent", None)
        match = _SPLIT.fullmatch(text)
        assert match is not None  # every string splits: both groups may be empty
        digits, unit = match["number"], re.sub(r"\s*/\s*", "/", match["unit"].replace("\u03bc", "\u00b5"))
        unit = self.aliases.get(unit, unit)
        sign, digits = (digits[0], digits[1:]) if digits[:1] in ("+", "-", "\u2212") else ("", digits)
        self._check_number(name, text, sign, digits, unit, signed)
        number_text = digits.replace(",", "")
        if unit not in self.accepted:
            raise self._unit_error(name, text, number_text, unit)
        value = Decimal(number_text) * self.accepted[unit]
        if value > self.base_max:
            most = decimal_text(self.base_max, self.accepted[self.first])
            raise self._error(name, text, f"is more than {self.noun} here can be ({most} {self.first})", None)
        if value != int(value):
            raise self._error(name, text, f"is finer than 1 {self.base}, the smallest step kept", None)
        if value == 0 and not zero:
            raise self._error(name, text, "must be more than zero", None)
        return -int(value) if sign in ("-", "\u2212") else int(value)

    def _check_number(self, name: str, text: str, sign: str, digits: str, unit: str, signed: bool) -> None:
        if not digits:
            raise self._error(name, text, f"is not {self.noun}: it begins with a number", None)
        if sign and not signed:
            problem = "must not be negative" if sign != "+" else "is written without a sign"
            raise self._error(name, text, problem, f'"{digits} {unit}"' if unit in self.accepted else None)
        if len(digits) > _DIGITS_MAX:
            raise self._error(name, text, "has more digits than any real value", None)
        if _NUMBER.fullmatch(digits):
            return
        mended = digits.replace(",", ".") if digits.count(",") == 1 and "." not in digits else digits
        mended = f"0{mended}" if mended.startswith(".") else mended.removesuffix(".")
        nearest = f'"{mended} {unit or self.first}"' if _NUMBER.fullmatch(mended) else None
        problem = "is not a plain number: a point before decimals, commas only between thousands, a digit on both sides"
        raise self._error(name, text, problem, nearest)

    def _unit_error(self, name: str, text: str, number: str, unit: str) -> InputError:
        if not unit:
            return self._error(name, text, "has no unit", f'"{number} {self.first}"')
        if unit in self.refused:
            meant, factor, why = self.refused[unit]
            converted = Decimal(number) * factor
            said = f"{_grouped(converted)} {meant}"
            plausible = converted * self.accepted[meant] <= self.base_max
            problem = f"is in {unit}; {why}, and this would be {said}"
            return self._error(name, text, problem, f'"{said if plausible else f"{number} {meant}"}"')
        close = nearest_name(unit, self.accepted)
        nearest = f'"{number} {close[1:-1]}"' if close else None
        return self._error(name, text, f"has the unit {unit!r}, which is not one of {self.noun}", nearest)

    def _error(self, name: str, text: object, problem: str, nearest: str | None) -> InputError:
        return InputError(name, text, problem, accepted=self.accepted, nearest=nearest)


def decimal_text(count: int, per: int, places: int = 6) -> str:
    """``count / per`` as medication-safe text: rounded half up to ``places``, no trailing zero, a comma from 1,000.

    Exact where ``per`` divides 10 to the power of ``places``.
    """
    scale = 10**places
    scaled = (2 * abs(count) * scale + per) // (2 * per)
    whole, rest = divmod(scaled, scale)
    decimals = f"{rest:0{places}d}".rstrip("0") if places else ""
    sign = "-" if count < 0 and scaled else ""
    return f"{sign}{whole:,}.{decimals}" if decimals else f"{sign}{whole:,}"


def _grouped(value: Decimal) -> str:
    text = f"{value.normalize():,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


_INTRATHECAL = "intrathecal baclofen is dosed in mcg"
_MICRO = {"\u00b5g": "mcg", "\u00b5g/day": "mcg/day", "\u00b5g/h": "mcg/h", "\u00b5g/mL": "mcg/mL"}


class Quantity:
    """What every quantity can do: be read from text with its unit."""

    __slots__ = ()
    UNITS: ClassVar[Units]

    @classmethod
    def parse(cls, text: object, name: str | None = None, *, zero: bool = False) -> Self:
        """Read ``text``; ``name`` is the field for the error. Raises InputError: no unit, wrong unit, too fine, too large."""
        count = cls.UNITS.read(text, name or cls.__name__, zero=zero)
        return cls(count)  # type: ignore[call-arg]  # each quantity is a frozen dataclass of one integer


@dataclass(frozen=True, slots=True, order=True)
class Volume(Quantity):
    """A volume in whole nanolitres."""

    nl: int
    UNITS: ClassVar[Units] = Units("a volume", "nL", {"mL": 10**6, "\u00b5L": 10**3, "nL": 1}, 10**9)

    def __str__(self) -> str:
        return f"{decimal_text(self.nl, 10**6)} mL"

    def __add__(self, other: "Volume") -> "Volume":
        return Volume(self.nl + other.nl)

    def __sub__(self, other: "Volume") -> "Volume":
        return Volume(self.nl - other.nl)

    def of(self, concentration: "Concentration") -> "Amount":
        """What this volume holds at a concentration; exact."""
        return Amount(self.nl * concentration.mcg_per_ml)

    @property
    def ml(self) -> float:
        return self.nl / 10**6


@dataclass(frozen=True, slots=True, order=True)
class FlowRate(Quantity):
    """A flow in whole nanolitres a day."""

    nl_per_day: int
    UNITS: ClassVar[Units] = Units("a flow", "nL/day", {"mL/day": 10**6, "mL/h": 24 * 10**6}, 10**9)

    def __str__(self) -> str:
        return f"{decimal_text(self.nl_per_day, 10**6)} mL/day"

    def of(self, concentration: "Concentration") -> "DailyDose":
        """The drug a day that this flow carries at a concentration; exact."""
        return DailyDose(self.nl_per_day * concentration.mcg_per_ml)

    @property
    def ml_per_day(self) -> float:
        return self.nl_per_day / 10**6


@dataclass(frozen=True, slots=True, order=True)
class Concentration(Quantity):
    """A drug concentration in whole mcg/mL (1 mcg/mL is 1 pg in 1 nL)."""

    mcg_per_ml: int
    UNITS: ClassVar[Units] = Units(
        "a concentration",
        "mcg/mL",
        {"mcg/mL": 1},
        10**5,
        {"mg/mL": ("mcg/mL", 1000, "a pump is programmed in mcg/mL")},
        _MICRO,
    )

    def __str__(self) -> str:
        return f"{self.mcg_per_ml:,} mcg/mL"


@dataclass(frozen=True, slots=True, order=True)
class Amount(Quantity):
    """An amount of drug in whole picograms; intrathecal, so written in mcg."""

    pg: int
    UNITS: ClassVar[Units] = Units(
        "an amount", "pg", {"mcg": 10**6, "pg": 1}, 10**12, {"mg": ("mcg", 1000, _INTRATHECAL)}, _MICRO
    )

    def __str__(self) -> str:
        return f"{decimal_text(self.pg, 10**6)} mcg"

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.pg + other.pg)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.pg - other.pg)

    @property
    def mcg(self) -> float:
        return self.pg / 10**6


@dataclass(frozen=True, slots=True, order=True)
class DailyDose(Quantity):
    """Drug per day in whole picograms a day."""

    pg_per_day: int
    UNITS: ClassVar[Units] = Units(
        "a daily dose",
        "pg/day",
        {"mcg/day": 10**6, "mcg/h": 24 * 10**6},
        10**11,
        {"mg/day": ("mcg/day", 1000, _INTRATHECAL), "mg/h": ("mcg/h", 1000, _INTRATHECAL)},
        _MICRO,
    )

    def __str__(self) -> str:
        return f"{decimal_text(self.pg_per_day, 10**6)} mcg/day"

    @property
    def mcg_per_day(self) -> float:
        return self.pg_per_day / 10**6


@dataclass(frozen=True, slots=True, order=True)
class OralDose(Quantity):
    """A dose by mouth in whole micrograms, written in mg."""

    mcg: int
    UNITS: ClassVar[Units] = Units(
        "an oral dose",
        "mcg",
        {"mg": 1000},
        10**7,
        {"g": ("mg", 1000, "oral baclofen is dosed in mg")},
    )

    def __str__(self) -> str:
        return f"{decimal_text(self.mcg, 1000)} mg"


@dataclass(frozen=True, slots=True, order=True)
class Length(Quantity):
    """A length of catheter in whole millimetres."""

    mm: int
    UNITS: ClassVar[Units] = Units("a length", "mm", {"cm": 10, "mm": 1}, 10**4)

    def __str__(self) -> str:
        return f"{decimal_text(self.mm, 10)} cm"

    def __sub__(self, other: "Length") -> "Length":
        return Length(self.mm - other.mm)


@dataclass(frozen=True, slots=True, order=True)
class VolumePerLength(Quantity):
    """The inner volume of a tube, in whole nanolitres a centimetre."""

    nl_per_cm: int
    UNITS: ClassVar[Units] = Units("a volume per length", "nL/cm", {"mL/cm": 10**6}, 10**6)

    def __str__(self) -> str:
        return f"{decimal_text(self.nl_per_cm, 10**6)} mL/cm"

    def times(self, length: Length) -> Volume:
        """The lumen of a length of tube, to the nearest nanolitre (halves down)."""
        return Volume(nearest(self.nl_per_cm * length.mm, 10))


@dataclass(frozen=True, slots=True, order=True)
class Gain:
    """True flow over programmed flow, in parts per million; written as a signed deviation, ``"+2.5 %"``."""

    ppm: int
    UNITS: ClassVar[Units] = Units("a deviation from the programmed flow", "ppm", {"%": 10**4}, 9 * 10**6)
    EXACT: ClassVar[int] = 10**6

    @classmethod
    def parse(cls, text: object, name: str = "gain") -> Self:
        """Reads ``"+2.5 %"`` or ``"-3 %"``; the sign is required, so that 103 % is never taken for +103 %."""
        if isinstance(text, str) and not text.strip().startswith(("+", "-", "\u2212")) and text.strip() != "0 %":
            raise InputError(name, text, "needs a sign", accepted=("+3 %", "-3 %", "0 %"), nearest=None)
        deviation = cls.UNITS.read(text, name, zero=True, signed=True)
        if deviation <= -cls.EXACT:
            raise InputError(name, text, "leaves no flow at all", accepted=("more than -100 %",))
        return cls(cls.EXACT + deviation)

    def __str__(self) -> str:
        deviation = self.ppm - self.EXACT
        return f"{'+' if deviation > 0 else ''}{decimal_text(deviation, 10**4)} %"


def nearest(count: int, step: int) -> int:
    """``count / step`` to the nearest whole number, ties down."""
    return -((step - 2 * count) // (2 * step))
