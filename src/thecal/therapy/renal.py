"""Baclofen and the kidneys: which part of a dose is left, by each published table, and the stricter of them (ORL-05)."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from thecal.therapy.look import Look
from thecal.timeline import Instant

WHOLE, TWO_THIRDS, HALF, NONE = Fraction(1), Fraction(2, 3), Fraction(1, 2), Fraction(0)
_TABLES: Mapping[str, tuple[str, str, str]] = {
    "eGFR": ("full", "third", "half"),
    "creatinine clearance": ("full clearance", "third clearance", "half clearance"),
}
_WORDS = {WHOLE: "the full dose", TWO_THIRDS: "a third less", HALF: "half the dose", NONE: "to be avoided"}


@dataclass(frozen=True, slots=True)
class Band:
    """What one table says of one measurement: ``part`` of a dose is left."""

    measure: str
    value: float
    unit: str
    at: Instant
    part: Fraction

    def __str__(self) -> str:
        return f"{self.measure} {self.value:g} {self.unit}: {_WORDS[self.part]}"


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A daily dose (mg) for these kidneys: the stricter of what the tables say. Without a measurement it is the dose itself."""

    daily_mg: float
    part: Fraction
    bands: tuple[Band, ...]
    dialysis: bool = False

    @property
    def avoid(self) -> bool:
        """Whether baclofen is to be avoided."""
        return self.part == NONE

    def __str__(self) -> str:
        told = [*(["dialysis: to be avoided"] if self.dialysis else []), *map(str, self.bands)]
        return "; ".join(told) or "no eGFR and no creatinine clearance on the chart"


def adjusted(daily_mg: float, look: Look, at: Instant | None = None) -> Adjusted:
    """A daily dose as the kidneys leave it, by what is known now or was known ``at`` an instant (ORL-05, both tables)."""
    bands = tuple(band for measure in _TABLES if (band := _band(look, measure, at)) is not None)
    dialysis = look.known.present("dialysis")
    part = NONE if dialysis else min((band.part for band in bands), default=WHOLE)
    return Adjusted(float(Fraction(daily_mg) * part), part, bands, dialysis)


def _band(look: Look, measure: str, at: Instant | None) -> Band | None:
    """What the table of a measure says of its latest value; the lower of two of one instant."""
    values = [fact for fact in look.known.measures.get(measure, ()) if at is None or fact.at <= at]
    if not values:
        return None
    latest = min((fact for fact in values if fact.at == values[-1].at), key=lambda fact: fact.value)
    full, third, half = (look.limit("ORL-05", name) for name in _TABLES[measure])
    if latest.value < half.value:
        part = NONE
    elif latest.value < third.value:
        part = HALF
    else:
        part = TWO_THIRDS if latest.value <= full.value else WHOLE
    return Band(measure, latest.value, full.unit, latest.at, part)
