"""Units: how a quantity is read from text, and how a number is printed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType

from thecal.errors import InputError, nearest_name

_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?|[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]+)?")
_SPLIT = re.compile(r"\s*(?P<number>[+\-\u2212]?[0-9.,]*)\s*(?P<unit>.*?)\s*", re.DOTALL)
_EXPONENT = re.compile(r"\s*[+-]?[0-9.]+[eE][+-]?[0-9]+")
_DIGITS_MAX = 30
_BARE_MAX = 10**9


@dataclass(frozen=True, slots=True)
class Units:
    """The units that one quantity is written in.

    ``accepted`` maps each spelling to its size in base units; ``refused`` maps a unit that is understood but not allowed to
    (the unit that was meant, how many of those it is, why). ``base_max`` bounds what is read: a bound on the program, not a
    clinical limit. A refused value that would be more than ``plausible_max`` base units was meant in the other unit. A number
    without its unit is offered the first one, unless nobody should ``guess``.
    """

    noun: str
    base: str
    accepted: Mapping[str, int]
    base_max: int
    refused: Mapping[str, tuple[str, int | Decimal, str]] = field(default_factory=lambda: MappingProxyType({}))
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    plausible_max: int | None = None
    guess: bool = True

    @property
    def first(self) -> str:
        return next(iter(self.accepted))

    def read(self, text: object, name: str, *, zero: bool = False, signed: bool = False) -> int:
        """The number of base units that ``text`` says. Raises InputError naming field, text, accepted units, nearest value."""
        if not isinstance(text, str):
            number = isinstance(text, int | float) and not isinstance(text, bool) and abs(text) < _BARE_MAX
            raise self._error(name, text, "needs a unit, in quotes", f'"{text} {self.first}"' if number and self.guess else None)
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
        unit = unit or self.first
        nearest = f'"{mended} {unit}"' if _NUMBER.fullmatch(mended) and unit in self.accepted else None
        problem = "is not a plain number: a point before decimals, commas only between thousands, a digit on both sides"
        raise self._error(name, text, problem, nearest)

    def _unit_error(self, name: str, text: str, number: str, unit: str) -> InputError:
        if not unit:
            nearest = f'"{number} {self.first}"' if self.guess else None
            return self._error(name, text, "has no unit", nearest)
        spelled = self._spelled(unit)
        if spelled is not None and spelled in self.refused:
            return self._refused_error(name, text, number, spelled)
        nearest = f'"{number} {spelled}"' if spelled else None
        return self._error(name, text, f"has the unit {unit!r}, which is not one of {self.noun}", nearest)

    def _refused_error(self, name: str, text: str, number: str, unit: str) -> InputError:
        meant, factor, why = self.refused[unit]
        converted = Decimal(number) * factor
        said = f"{_grouped(converted)} {meant}"
        plausible = converted * self.accepted[meant] <= (self.plausible_max or self.base_max)
        nearest = said if plausible else f"{number} {meant}"
        return self._error(name, text, f"is in {unit}; {why}, and this would be {said}", f'"{nearest}"')

    def _spelled(self, unit: str) -> str | None:
        """The unit of this quantity that a misspelling means; never one of another quantity, which would change the value."""
        parts = unit.lower().split("/")
        alike = {
            candidate: sum(part == other for part, other in zip(parts, candidate.lower().split("/"), strict=True))
            for candidate in (*self.accepted, *self.refused)
            if _alike(parts, candidate.lower().split("/"))
        }
        best = [candidate for candidate, equal in alike.items() if equal == max(alike.values())]
        return best[0] if len(best) == 1 else None

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


def _alike(parts: list[str], others: list[str]) -> bool:
    """Whether two units may be spellings of one: part by part, a few letters apart at most and the same to begin with."""
    if len(parts) != len(others):
        return False
    return all(
        part == other or (bool(part) and part[0] == other[0] and nearest_name(part, [other]) is not None)
        for part, other in zip(parts, others, strict=True)
    )
