"""What a body is given: infusions at a catheter tip, boluses into the spinal fluid, tablets.

Times are whole seconds from an origin that the caller chooses; amounts of infusions and boluses may be one float or one for each
patient of the batch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import inf

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thecal.body.levels import level_cm
from thecal.datum import Datum, pick, read_data, read_datum
from thecal.errors import InputError
from thecal.timeline import DAY_S, Duration

Floats = NDArray[np.float64]

LUMBAR_PUNCTURE = "lumbar puncture"
PUNCTURE_SPREAD_CM = 6.0
"""A bolus by lumbar puncture is spread over about this much of the canal (assumed, D)."""


@dataclass(frozen=True, slots=True)
class Infusion:
    """A repeating flow of drug at a vertebral level from ``start_s`` up to ``end_s``.

    From one entry of ``ends_s`` (seconds into the period) to the next it gives ``mcg_per_h``: shape (steps,) or (steps,
    patients). It begins ``phase_s`` into the period. Raises InputError for what is no flow or no level.
    """

    start_s: int
    end_s: int
    level: str
    mcg_per_h: Floats
    ends_s: tuple[int, ...] = (DAY_S,)
    phase_s: int = 0

    def __post_init__(self) -> None:
        level_cm(self.level, "level")
        _check_span(self.start_s, self.end_s)
        if not self.ends_s or any(b <= a for a, b in zip((0, *self.ends_s), self.ends_s, strict=False)):
            raise InputError("ends_s", str(self.ends_s), "are not the ends of steps, each after the one before")
        rates = np.array(self.mcg_per_h, dtype=np.float64)
        rates = rates.reshape(1, *rates.shape) if rates.shape[:1] != (len(self.ends_s),) and len(self.ends_s) == 1 else rates
        if rates.shape[:1] != (len(self.ends_s),) or rates.ndim > 2:
            raise InputError("mcg_per_h", str(rates.shape), f"is not one flow for each of {len(self.ends_s)} steps")
        check_amounts("mcg_per_h", rates, "mcg/h")
        rates.flags.writeable = False
        object.__setattr__(self, "mcg_per_h", rates)

    @classmethod
    def constant(cls, mcg_per_day: ArrayLike, level: str, start_s: int, end_s: int) -> "Infusion":
        """One flow; a dose for all, or one for each patient."""
        return cls(start_s, end_s, level, np.atleast_1d(np.asarray(mcg_per_day, dtype=np.float64))[None] / 24)

    @property
    def period_s(self) -> int:
        return self.ends_s[-1]

    @property
    def steady(self) -> bool:
        """Whether it is one flow all the time."""
        return len(self.ends_s) == 1 or bool(np.all(self.mcg_per_h == self.mcg_per_h[:1]))


@dataclass(frozen=True, slots=True)
class Bolus:
    """Micrograms into the spinal fluid at once: by lumbar puncture, or at a vertebral level through a catheter."""

    at_s: int
    mcg: Floats
    level: str = LUMBAR_PUNCTURE

    def __post_init__(self) -> None:
        if self.level != LUMBAR_PUNCTURE:
            level_cm(self.level, "level")
        amounts = np.atleast_1d(np.array(self.mcg, dtype=np.float64))
        check_amounts("mcg", amounts, "mcg")
        amounts.flags.writeable = False
        object.__setattr__(self, "mcg", amounts)


@dataclass(frozen=True, slots=True)
class Tablets:
    """Doses by mouth: ``mg`` at each of ``times_s`` (seconds into the period), repeated from ``start_s`` up to ``end_s``.

    Each is one float, or one for each patient. A single dose is one at time 0 of a period as long as the span. What was not
    absorbed by ``end_s`` still is.
    """

    start_s: int
    end_s: int
    mg: tuple[float | Floats, ...]
    times_s: tuple[int, ...] = (0,)
    period_s: int = DAY_S
    form: str = "tablet"

    def __post_init__(self) -> None:
        form(self.form)
        _check_span(self.start_s, self.end_s)
        if len(self.mg) != len(self.times_s) or list(self.times_s) != sorted(set(self.times_s)):
            raise InputError("times_s", str(self.times_s), "are not one time for each dose, in order")
        if self.period_s < 1 or not all(0 <= at < self.period_s for at in self.times_s):
            raise InputError("times_s", str(self.times_s), "are not inside the period", accepted=(f"0 to {self.period_s - 1}",))
        for mg in self.mg:
            check_amounts("mg", np.asarray(mg, dtype=np.float64), "mg")

    @property
    def lag_s(self) -> int:
        return form(self.form).lag.s


@dataclass(frozen=True, slots=True)
class Doses:
    """Everything that is given; what overlaps adds up."""

    infusions: tuple[Infusion, ...] = ()
    boluses: tuple[Bolus, ...] = ()
    tablets: tuple[Tablets, ...] = ()

    def and_also(self, other: "Doses") -> "Doses":
        """Both together."""
        return Doses(self.infusions + other.infusions, self.boluses + other.boluses, self.tablets + other.tablets)

    def later(self, seconds: int) -> "Doses":
        """The same, so much later."""
        return Doses(
            tuple(
                Infusion(one.start_s + seconds, one.end_s + seconds, one.level, one.mcg_per_h, one.ends_s, one.phase_s)
                for one in self.infusions
            ),
            tuple(Bolus(one.at_s + seconds, one.mcg, one.level) for one in self.boluses),
            tuple(
                Tablets(one.start_s + seconds, one.end_s + seconds, one.mg, one.times_s, one.period_s, one.form)
                for one in self.tablets
            ),
        )

    def check(self, patients: int) -> None:
        """Raises InputError for amounts that are neither one for all nor one for each of so many patients."""
        given = [("mcg_per_h", one.mcg_per_h.shape[1:]) for one in self.infusions]
        given += [("mcg", one.mcg.shape) for one in self.boluses]
        given += [("mg", np.shape(mg)) for one in self.tablets for mg in one.mg]
        for field_name, shape in given:
            if shape not in ((), (1,), (patients,)):
                accepted = ("one for all", f"one for each of {patients}")
                raise InputError(field_name, f"{shape[0]} amounts", "do not fit the patients", accepted=accepted)

    @property
    def sources(self) -> tuple[str, ...]:
        """Where drug enters the spinal fluid."""
        named = [one.level for one in self.infusions] + [one.level for one in self.boluses]
        return tuple(dict.fromkeys(named))


@dataclass(frozen=True, slots=True)
class Form:
    """A form of the drug by mouth, and the lag before absorption begins; absorbed is each at the patient's own rate."""

    name: str
    lag: Duration
    source: Datum


@cache
def forms() -> Mapping[str, Form]:
    """The forms of oral baclofen, by name."""
    tables = read_data("drugs", "baclofen")["forms"]
    lags = {name: read_datum("lag", table["lag"], f"form {name}") for name, table in tables.items()}
    return {name: Form(name, Duration.parse(lag.value, "lag", zero=True), lag) for name, lag in lags.items()}


def form(name: str) -> Form:
    """A form of oral baclofen. Raises InputError with the nearest known name."""
    return pick(name, forms(), "form")


def check_amounts(name: str, values: Floats, unit: str) -> None:
    """Raises InputError for an amount below zero or that is no number."""
    if values.size == 1 and 0 <= values.item() < inf:
        return
    wrong = ~(np.isfinite(values) & (values >= 0))
    if np.any(wrong):
        value = float(np.ravel(values)[np.flatnonzero(np.ravel(wrong))[0]])
        raise InputError(name, f"{value:g} {unit}", "is not an amount of drug", accepted=(f"0 {unit} or more",))


def _check_span(start_s: int, end_s: int) -> None:
    if end_s <= start_s:
        raise InputError("end_s", str(end_s), "is not after the start", accepted=(f"more than {start_s}",))
