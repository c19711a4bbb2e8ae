"""Pump data sheets: every property with unit, source and confidence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal, get_args

from thecal.datum import DataError, Datum, data_names, pick, read_data, read_datum
from thecal.quantity import FlowRate, Gain, Volume
from thecal.timeline import Duration

Basal = Literal["continues", "suspended"]
DuringBolus = Literal["refused", "cancels"]
DEFAULT_PUMP = "reference-40"


@dataclass(frozen=True, slots=True)
class PumpSheet:
    """The data sheet of one pump model. ``data`` holds every value as written, with its source and confidence.

    Volumes are usable volumes; ``undeliverable_volume`` lies below zero and only mixes. ``flow_accuracy_ppm`` is the labelled
    bound on the deviation of the true from the programmed flow.
    """

    name: str
    title: str
    kind: str
    data: tuple[Datum, ...]
    reservoir_capacity: Volume
    undeliverable_volume: Volume
    tubing_volume: Volume
    flow_min: FlowRate
    flow_max: FlowRate
    minimum_rate_flow: FlowRate
    flow_step: FlowRate
    flow_accuracy_ppm: int
    low_reservoir_threshold: Volume
    flex_steps_max: int
    basal_during_bolus: Basal
    update_during_bolus: DuringBolus
    bolus_duration_min: Duration
    bolus_duration_max: Duration

    def source(self, name: str) -> str:
        """Where a property comes from, as a refusal quotes it."""
        datum = next(datum for datum in self.data if datum.name == name)
        return f"{self.name} data sheet, {name}, confidence {datum.confidence}: {datum.source}"


def _one_of(allowed: object) -> Callable[[str, str], str]:
    def read(value: str, name: str) -> str:
        if value not in get_args(allowed):
            raise DataError(f"{name} must be one of {get_args(allowed)}, not {value!r}")
        return value

    return read


_READERS: Mapping[str, Callable[[str, str], Any]] = {
    "reservoir_capacity": Volume.parse,
    "undeliverable_volume": lambda value, name: Volume.parse(value, name, zero=True),
    "tubing_volume": Volume.parse,
    "flow_min": FlowRate.parse,
    "flow_max": FlowRate.parse,
    "minimum_rate_flow": FlowRate.parse,
    "flow_step": lambda value, name: FlowRate(Volume.parse(value.removesuffix("/day"), name).nl),
    "flow_accuracy": Gain.UNITS.read,
    "low_reservoir_threshold": Volume.parse,
    "flex_steps_max": lambda value, _: int(value),
    "basal_during_bolus": _one_of(Basal),
    "update_during_bolus": _one_of(DuringBolus),
    "bolus_duration_min": Duration.parse,
    "bolus_duration_max": Duration.parse,
}


@cache
def pump_sheets() -> Mapping[str, PumpSheet]:
    """Every pump model of the package, by name."""
    return {sheet.name: sheet for family in data_names("pumps") for sheet in _family(family)}


def pump_sheet(name: str, field: str = "pump") -> PumpSheet:
    """The data sheet of a pump model. Raises InputError with the nearest known name."""
    return pick(name, pump_sheets(), field)


def _family(family: str) -> list[PumpSheet]:
    tables = dict(read_data("pumps", family))
    title, kind, models = tables.pop("title"), tables.pop("kind"), tables.pop("models")
    return [_model(name, title, kind, {**own, **tables}) for name, own in models.items()]


def _model(name: str, title: str, kind: str, tables: Mapping[str, object]) -> PumpSheet:
    if set(tables) != set(_READERS):
        raise DataError(f"pump {name}: properties differ from the sheet: {sorted(set(tables) ^ set(_READERS))}")
    data = tuple(read_datum(key, tables[key], f"pump {name}") for key in _READERS)
    values = {datum.name: _READERS[datum.name](datum.value, f"{name} {datum.name}") for datum in data}
    values["flow_accuracy_ppm"] = values.pop("flow_accuracy")
    known = {field.name for field in fields(PumpSheet)}
    assert set(values) < known  # the readers and the sheet are one list
    return PumpSheet(name=name, title=title, kind=kind, data=data, **values)
