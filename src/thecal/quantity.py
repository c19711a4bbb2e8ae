"""Exact device quantities: integers inside, a mandatory unit outside.

Volumes are nanolitres, flows nanolitres a day, amounts picograms (1 nL of 1 mcg/mL holds 1 pg), so every product is an integer.
Text is read with :meth:`parse` and always needs a unit; it is printed by medication-safety habit: ``mcg``, a leading zero, no
trailing zero, a comma from 1,000.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, Self

from thecal.errors import InputError
from thecal.unit import Units, decimal_text

_INTRATHECAL = "intrathecal baclofen is dosed in mcg"
_WRITTEN_MCG = "micrograms are written mcg"
_MICRO = {"\u00b5g": "mcg", "\u00b5g/day": "mcg/day", "\u00b5g/h": "mcg/h", "\u00b5g/mL": "mcg/mL"}
# The hard stop of a day's intrathecal dose (SAF-01, Medscape), and the strongest stocked concentration (SAF-02): a value in
# mg that would be more was meant in mcg.
_PLAUSIBLE_MCG = 2000


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
    UNITS: ClassVar[Units] = Units(
        "a volume",
        "nL",
        {"mL": 10**6, "\u00b5L": 10**3, "nL": 1},
        10**9,
        {"L": ("mL", 1000, "reservoirs hold millilitres"), "cc": ("mL", 1, "cubic centimetres are written mL")},
    )

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
        {"mg/mL": ("mcg/mL", 1000, "a pump is programmed in mcg/mL"), "ug/mL": ("mcg/mL", 1, _WRITTEN_MCG)},
        _MICRO,
        plausible_max=_PLAUSIBLE_MCG,
    )

    def __str__(self) -> str:
        return f"{self.mcg_per_ml:,} mcg/mL"


@dataclass(frozen=True, slots=True, order=True)
class Amount(Quantity):
    """An amount of drug in whole picograms; intrathecal, so written in mcg."""

    pg: int
    UNITS: ClassVar[Units] = Units(
        "an amount",
        "pg",
        {"mcg": 10**6, "pg": 1},
        10**12,
        {"mg": ("mcg", 1000, _INTRATHECAL), "ug": ("mcg", 1, _WRITTEN_MCG)},
        _MICRO,
        plausible_max=_PLAUSIBLE_MCG * 10**6,
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
        {
            "mg/day": ("mcg/day", 1000, _INTRATHECAL),
            "mg/h": ("mcg/h", 1000, _INTRATHECAL),
            "ug/day": ("mcg/day", 1, _WRITTEN_MCG),
            "ug/h": ("mcg/h", 1, _WRITTEN_MCG),
        },
        _MICRO,
        plausible_max=_PLAUSIBLE_MCG * 10**6,
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
        {
            "g": ("mg", 1000, "oral baclofen is dosed in mg"),
            "mcg": ("mg", Decimal("0.001"), "oral baclofen is dosed in mg"),
            "ug": ("mg", Decimal("0.001"), "oral baclofen is dosed in mg"),
        },
        {"\u00b5g": "mcg"},
    )

    def __str__(self) -> str:
        return f"{decimal_text(self.mcg, 1000)} mg"


@dataclass(frozen=True, slots=True, order=True)
class Length(Quantity):
    """A length of catheter in whole millimetres."""

    mm: int
    UNITS: ClassVar[Units] = Units(
        "a length", "mm", {"cm": 10, "mm": 1}, 10**4, {"m": ("cm", 100, "catheters are measured in cm")}
    )

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
