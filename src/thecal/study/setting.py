"""Settings of studies: numbers with a unit, each with source and confidence, any of which a protocol may replace by name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from thecal.datum import DataError, Datum, read_data, read_datum
from thecal.errors import InputError, nearest_name

_BOUNDS = {
    "flow_bias": (-50.0, 50.0),
    "programming_error_factor": (1.0, 100.0),
    "restart_part": (0.01, 1.0),
    "restart_rise": (0.01, 10.0),
    "scan_recovery_hours": (2.0, 1000.0),
    "underdose_part": (0.01, 1.0),
    "renal_spread": (0.0, 2.0),
}
"""What a setting has to lie within; others are 0 or more, and parts of a whole at most 1."""
_NUMBER = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?)(?: (\S.*))?")


@dataclass(frozen=True, slots=True)
class Settings:
    """Numbers by name, in the unit that stands in the data file; ``own`` are those that a protocol has replaced."""

    topic: str
    values: Mapping[str, float]
    own: Mapping[str, str]

    def __getitem__(self, name: str) -> float:
        return self.values[name]

    def with_own(self, own: Mapping[str, str | float]) -> "Settings":
        """With some replaced, each as text with the unit of the one in its place, or as a number where that has none.

        Raises InputError for a name that is none, with the nearest, and for text that is no such number.
        """
        known = study_data(self.topic)
        values = dict(self.values)
        for name, text in own.items():
            if name not in known:
                problem = f"is not a setting of the study's {self.topic}"
                raise InputError(name, text, problem, accepted=sorted(known), nearest=nearest_name(name, known))
            values[name] = _own_number(name, text, known[name])
        return Settings(self.topic, values, {**self.own, **{name: str(text) for name, text in own.items()}})


@cache
def study_data(topic: str) -> Mapping[str, Datum]:
    """The settings on a topic as written, with source and confidence."""
    return {name: read_datum(name, table, topic) for name, table in read_data("studies", topic).items()}


@cache
def study_settings(topic: str) -> Settings:
    """The settings on a topic (``world``, ``people``) as the data file has them."""
    return Settings(topic, {name: _read(datum)[0] for name, datum in study_data(topic).items()}, {})


def _read(datum: Datum) -> tuple[float, str]:
    match = _NUMBER.fullmatch(datum.value)
    if match is None:
        raise DataError(f"{datum.name}: {datum.value!r} is not a number with a unit")
    return float(match[1]), match[2] or ""


def _own_number(name: str, text: object, datum: Datum) -> float:
    unit = _read(datum)[1]
    text = f"{text:.12g}" if isinstance(text, int | float) and not unit else text
    low, high = _BOUNDS.get(name, (0.0, 1.0 if not unit else float("inf")))
    match = _NUMBER.fullmatch(text) if isinstance(text, str) else None
    if match is None or (match[2] or "").rstrip("s") != unit.rstrip("s") or not low <= float(match[1]) <= high:
        problem = f"is not such a number ({datum.value!r} unless a protocol says another: {datum.source})"
        bounds = f"from {low:g} to {high:g}" if high < float("inf") else f"from {low:g} on"
        raise InputError(
            name, text, problem, accepted=(f'a number {bounds}{" with its unit" if unit else ""}, such as "{datum.value}"',)
        )
    return float(match[1])
