"""Pump data sheets: every property with unit, source and confidence."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal, get_args

from thecal.datum import DataError, Datum, data_names, pick, read_data, read_datum
from thecal.errors import InputError, Refusal, nearest_name
from thecal.quantity import FlowRate, Gain, Volume
from thecal.timeline import Duration

Basal = Literal["continues", "suspended"]
AfterBolus = Literal["resumes", "stopped"]
DuringBolus = Literal["refused", "cancels"]
Drive = Literal["rotor", "valves", "restrictor"]
InMagnet = Literal["stalls", "opens", "shuts", "nothing"]
UnderInterference = Literal["telemetry mode", "unaffected"]
SafeMode = Literal["minimum rate", "stopped"]
DEFAULT_PUMP = "reference-40"


@dataclass(frozen=True, slots=True)
class PumpSheet:
    """The data sheet of one pump model. ``data`` holds every value as written, with its source and confidence.

    Volumes are usable volumes; ``undeliverable_volume`` lies below zero and only mixes. ``flow_accuracy_ppm`` is the labelled
    bound on the deviation of the true from the programmed flow. A constant-flow pump is not ``programmable``: its one flow is
    its slowest and its fastest, and what only electronics have stays as the class gives it.
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
    drive: Drive
    magnet: InMagnet
    programmable: bool = True
    low_reservoir_threshold: Volume = Volume(0)
    flex_steps_max: int = 1
    basal_during_bolus: Basal = "continues"
    after_single_bolus: AfterBolus = "resumes"
    after_patient_bolus: AfterBolus = "resumes"
    after_priming_bolus: AfterBolus = "resumes"
    after_bridge_bolus: AfterBolus = "resumes"
    update_during_bolus: DuringBolus = "refused"
    stops_while_updating: bool = False
    update_idle_clear: Duration = Duration(600)
    bolus_duration_min: Duration = Duration(60)
    bolus_duration_max: Duration = Duration(60)
    bridge_duration_max: Duration = Duration(0)
    patient_bolus: bool = False
    fill_sensor: bool = False
    emi_during_alarm: UnderInterference = "unaffected"
    safe_state: SafeMode = "stopped"
    stall_detection_delay: Duration = Duration(0)
    stall_recovery_delay: Duration = Duration(0)
    stopped_alarm_after: Duration = Duration(0)
    alarm_interval_critical: Duration = Duration(0)
    alarm_interval_non_critical: Duration = Duration(0)
    tone_critical: str = ""
    tone_non_critical: str = ""
    battery_life: Duration = Duration(1)
    battery_life_flow: FlowRate = FlowRate(1)
    battery_life_idle: Duration = Duration(1)
    eri_to_eos: Duration = Duration(0)
    service_life_max: Duration | None = None
    event_log_max: int = 0
    magnet_flow: FlowRate = FlowRate(0)
    magnet_volume: Volume = Volume(0)

    def datum(self, name: str) -> Datum:
        """A property as written."""
        return next(datum for datum in self.data if datum.name == name)

    def source(self, name: str) -> str:
        """Where a property comes from, as a refusal quotes it."""
        datum = self.datum(name if self.programmable or name not in _FLOWS else "flow")
        return f"{self.name} data sheet, {datum.name}, confidence {datum.confidence}: {datum.source}"

    def check_programmable(self, asked: str) -> Refusal | None:
        """A pump without electronics takes no command."""
        if self.programmable:
            return None
        return Refusal(
            "PMP-40",
            f"{asked} on {self.name}",
            f"a constant-flow pump has no electronics: it runs at {self.flow_max} and takes no command",
            self.source("flow"),
            "Change the dose by the concentration that is filled, or implant a programmable pump.",
        )


def _one_of(allowed: object) -> Callable[[str, str], str]:
    def read(value: str, name: str) -> str:
        if value not in get_args(allowed):
            raise DataError(f"{name} must be one of {get_args(allowed)}, not {value!r}")
        return value

    return read


def _yes(value: str, name: str) -> bool:
    return _one_of(Literal["yes", "no"])(value, name) == "yes"


_FLOWS = ("flow_min", "flow_max", "minimum_rate_flow", "flow_step")
_Readers = Mapping[str, Callable[[str, str], Any]]
_OF_ALL: _Readers = {
    "reservoir_capacity": Volume.parse,
    "undeliverable_volume": lambda value, name: Volume.parse(value, name, zero=True),
    "tubing_volume": Volume.parse,
    "flow_accuracy": Gain.UNITS.read,
    "drive": _one_of(Drive),
    "magnet": _one_of(InMagnet),
}
_CONSTANT_FLOW: _Readers = {**_OF_ALL, "flow": FlowRate.parse}
_PROGRAMMABLE: _Readers = {
    **_OF_ALL,
    "flow_min": FlowRate.parse,
    "flow_max": FlowRate.parse,
    "minimum_rate_flow": FlowRate.parse,
    "flow_step": lambda value, name: FlowRate(Volume.parse(value.removesuffix("/day"), name).nl),
    "low_reservoir_threshold": Volume.parse,
    "flex_steps_max": lambda value, _: int(value),
    "basal_during_bolus": _one_of(Basal),
    "after_single_bolus": _one_of(AfterBolus),
    "after_patient_bolus": _one_of(AfterBolus),
    "after_priming_bolus": _one_of(AfterBolus),
    "after_bridge_bolus": _one_of(AfterBolus),
    "update_during_bolus": _one_of(DuringBolus),
    "stops_while_updating": _yes,
    "update_idle_clear": Duration.parse,
    "bolus_duration_min": Duration.parse,
    "bolus_duration_max": Duration.parse,
    "bridge_duration_max": Duration.parse,
    "patient_bolus": _yes,
    "fill_sensor": _yes,
    "emi_during_alarm": _one_of(UnderInterference),
    "safe_state": _one_of(SafeMode),
    "stopped_alarm_after": Duration.parse,
    "alarm_interval_critical": Duration.parse,
    "alarm_interval_non_critical": Duration.parse,
    "tone_critical": lambda value, _: value,
    "tone_non_critical": lambda value, _: value,
    "battery_life": Duration.parse,
    "battery_life_flow": FlowRate.parse,
    "battery_life_idle": Duration.parse,
    "eri_to_eos": Duration.parse,
    "event_log_max": lambda value, _: int(value),
}
_WHERE_IT_APPLIES: _Readers = {
    "stall_detection_delay": Duration.parse,
    "stall_recovery_delay": Duration.parse,
    "service_life_max": Duration.parse,
    "magnet_flow": FlowRate.parse,
    "magnet_volume": Volume.parse,
}
READINGS: Mapping[str, tuple[str, ...]] = {
    name: get_args(allowed)
    for name, allowed in {
        "basal_during_bolus": Basal,
        "after_single_bolus": AfterBolus,
        "after_patient_bolus": AfterBolus,
        "after_priming_bolus": AfterBolus,
        "after_bridge_bolus": AfterBolus,
        "update_during_bolus": DuringBolus,
        "stops_while_updating": Literal["yes", "no"],
        "patient_bolus": Literal["yes", "no"],
        "fill_sensor": Literal["yes", "no"],
        "emi_during_alarm": UnderInterference,
        "safe_state": SafeMode,
    }.items()
}
"""The properties that can be read in two ways, with both readings: where none has a source, both are computed and shown."""


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
    programmable = "flow" not in tables
    needed = _PROGRAMMABLE if programmable else _CONSTANT_FLOW
    readers = {key: read for key, read in {**needed, **_WHERE_IT_APPLIES}.items() if key in needed or key in tables}
    if set(tables) != set(readers):
        raise DataError(f"pump {name}: properties differ from the sheet: {sorted(set(tables) ^ set(readers))}")
    data = tuple(read_datum(key, tables[key], f"pump {name}") for key in readers)
    values = {datum.name: readers[datum.name](datum.value, f"{name} {datum.name}") for datum in data}
    values["flow_accuracy_ppm"] = values.pop("flow_accuracy")
    if not programmable:
        values |= dict.fromkeys(_FLOWS, values.pop("flow"))
    sheet = PumpSheet(name=name, title=title, kind=kind, data=data, programmable=programmable, **values)
    if (sheet.drive == "rotor") != bool(sheet.stall_detection_delay.s) or (
        sheet.magnet in ("opens", "shuts") and not sheet.magnet_flow.nl_per_day
    ):
        raise DataError(f"pump {name}: a rotor has its stall delays, a valve that a magnet moves its flow")
    return sheet


def with_reading(sheet: PumpSheet, name: str, reading: str) -> PumpSheet:
    """The sheet with one property read the other way. Raises InputError for a property or a reading that there is not."""
    if name not in READINGS or not sheet.programmable:
        accepted, nearest = (READINGS, nearest_name(name, READINGS)) if sheet.programmable else ((), None)
        raise InputError(name, "", "is not a property that can be read in two ways", accepted=accepted, nearest=nearest)
    if reading not in READINGS[name]:
        raise InputError(name, reading, "is not a reading of it", accepted=READINGS[name], nearest=None)
    datum = sheet.datum(name)
    if datum.confidence not in "UDI":
        problem = f"is not open: the data sheet has {datum.value!r}, confidence {datum.confidence}, {datum.source}"
        raise InputError(name, reading, problem, accepted=(datum.value,))
    chosen = Datum(name, reading, f"chosen for this run instead of {datum.value!r}", "D")
    data = tuple(chosen if datum.name == name else datum for datum in sheet.data)
    value: Any = _PROGRAMMABLE[name](reading, name)
    return replace(sheet, data=data, **{name: value})
