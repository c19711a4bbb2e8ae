"""Scales: what a score may be on each, by the name that the score carries. A name without its variant is none (SAF-09)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

from thecal.datum import DataError, read_data
from thecal.errors import InputError, nearest_name

ScaleType = Literal["ordinal", "number", "angles"]
_FOLDER = "scales"
_NO_TEXTS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Scale:
    """One scale, by the ``rule`` that it stands in.

    An ordinal one has ``levels``, from the least on; a number has bounds, a ``step`` where it has one, and is more than ``low``
    where that is no score itself. ``refused`` says why a text is none. ``parts`` are
    the items of each part of a total, each scored from ``item[0]`` to ``item[1]``. Of a ``licensed`` scale totals alone are kept.
    """

    name: str
    rule: str
    text: str
    type: ScaleType
    better: Literal["lower", "higher"]
    rated_by: Literal["examiner", "person"]
    family: str | None = None
    domain: str | None = None
    unit: str = ""
    levels: tuple[str, ...] = ()
    meanings: tuple[str, ...] = ()
    low: Fraction | None = None
    high: Fraction | None = None
    step: Fraction | None = None
    above_low: bool = False
    refused: Mapping[str, str] = field(default_factory=lambda: _NO_TEXTS)
    parts: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    item: tuple[int, int] = (0, 0)
    licensed: bool = False
    meaningful: tuple[str, ...] = ()
    high_steps: tuple[str, ...] = ()

    def bounds(self, part: str | None = None) -> tuple[Fraction | None, Fraction | None]:
        """The least and the most that a score may be; of a part, where the scale has parts."""
        if not self.parts:
            return self.low, self.high
        items = sum(self.parts.values()) if part is None else self.parts[part]
        return Fraction(items * self.item[0]), Fraction(items * self.item[1])

    def range_text(self, part: str | None = None) -> str:
        """What is accepted, in words."""
        if self.levels:
            return ", ".join(self.levels)
        if self.type == "angles":
            return "R1 20 R2 80 quality 3: R1 and R2 in degrees, R1 at most R2, quality 0 to 5"
        low, high = self.bounds(part)
        bounds = f"{low} to {high}" if high is not None else f"{'more than' if self.above_low else 'from'} {low}"
        step = f" by {float(self.step):g}" if self.step else ""
        return f"{bounds}{step}{f' {self.unit}' if self.unit else ''}"


@cache
def scales() -> Mapping[str, Scale]:
    """Every scale, by the name that a score carries."""
    return MappingProxyType({name: _scale(name, table) for name, table in read_data(_FOLDER, "scales").items()})


@cache
def families() -> Mapping[str, tuple[str, ...]]:
    """The scales that share a name without a variant: it alone says not which of them is meant."""
    names = sorted({scale.family for scale in scales().values() if scale.family})
    return {name: tuple(key for key, scale in scales().items() if scale.family == name) for name in names}


def scale_named(name: str, field: str = "scale") -> Scale:
    """The scale of a name. Raises InputError with the nearest one, or with the variants of a name that has several."""
    if name in scales():
        return scales()[name]
    variants = families().get(name.strip().lower())
    if variants:
        problem = "does not say its variant, and scores of different variants cannot be told apart (SAF-09)"
        raise InputError(field, name, problem, accepted=variants)
    raise InputError(field, name, "is not a known scale", accepted=scales(), nearest=nearest_name(name, scales()))


def _scale(name: str, table: Mapping[str, Any]) -> Scale:
    """A scale from its table. Raises DataError where that cannot be right."""
    values = dict(table)
    for key in ("low", "high", "step"):
        if key in values:
            values[key] = Fraction(str(values[key]))
    for key in ("levels", "meanings", "item", "meaningful", "high_steps"):
        if key in values:
            values[key] = tuple(values[key])
    try:
        scale = Scale(name, **values)
    except TypeError as problem:
        raise DataError(f"scales: {name}: {problem}") from problem
    bounded = bool(scale.levels) or scale.type == "angles" or scale.bounds()[0] is not None
    if not bounded or (scale.meanings and len(scale.meanings) != len(scale.levels)):
        raise DataError(f"scales: {name} needs bounds or levels, and a meaning for each level or none")
    return scale
