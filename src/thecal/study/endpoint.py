"""Endpoints: what a study counts, by name, and which arms can have them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from thecal.errors import InputError, nearest_name

Kind = Literal["mean", "share", "rate", "time"]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint: a column of the table ``patients``.

    ``mean`` is of a number, ``share`` of those for whom it is true, ``time`` to a first event, in days from the implant. ``rate``
    is events in ``scale`` years of the exposure ``per``, in days. ``pump`` endpoints need a pump.
    """

    name: str
    title: str
    unit: str
    kind: Kind
    column: str
    per: str = ""
    scale: float = 1.0
    pump: bool = False


def _rate(name: str, title: str, column: str, scale: float, unit: str) -> Endpoint:
    return Endpoint(name, title, unit, "rate", column, "pump_days", scale, pump=True)


_HUNDRED = "per 100 pump-years"
ENDPOINTS: Mapping[str, Endpoint] = {
    endpoint.name: endpoint
    for endpoint in (
        Endpoint("ashworth_change", "change of the Ashworth score of the legs", "points", "mean", "ashworth_change"),
        Endpoint("ashworth_after", "Ashworth score of the legs at the end", "points", "mean", "ashworth_after"),
        Endpoint("responders", "patients whose Ashworth score fell by what counts as a response", "%", "share", "responder"),
        Endpoint("target_tone", "time in target tone", "%", "mean", "target_tone_percent"),
        Endpoint("spasm_change", "change of the spasm frequency (Penn)", "points", "mean", "spasm_change"),
        Endpoint("walking", "time in which the walking proxy holds", "%", "mean", "walking_percent"),
        Endpoint("screening_responders", "patients who responded to screening", "%", "share", "responded"),
        Endpoint("dose", "daily dose at the end", "mcg/day", "mean", "mcg_per_day_last", pump=True),
        Endpoint("tablets", "baclofen by mouth at the end", "mg/day", "mean", "tablets_mg_per_day_last"),
        _rate("withdrawal", "withdrawal episodes", "withdrawal_episodes", 100, _HUNDRED),
        _rate("overdose", "overdose episodes", "overdose_episodes", 100, _HUNDRED),
        _rate("refills", "refills", "refills", 1, "per pump-year"),
        _rate("drug_wasted", "drug withdrawn and thrown away", "drug_wasted_mg", 1, "mg per pump-year"),
        _rate("unnoticed_hours", "hours of under-dose that nobody had noticed", "unnoticed_hours", 1, "h per pump-year"),
        _rate("underdosed_hours", "hours of under-dose", "underdosed_hours", 1, "h per pump-year"),
        _rate("revisions", "revisions of the catheter", "revisions", 100, _HUNDRED),
        Endpoint("catheter_survival", "time to a first fault of the catheter", "%", "time", "first_catheter_day", pump=True),
        Endpoint("pump_survival", "time to a first fault of the pump", "%", "time", "first_pump_day", pump=True),
        Endpoint("infection_free", "time to an infection", "%", "time", "first_infection_day", pump=True),
        Endpoint("withdrawal_free", "time to a first withdrawal episode", "%", "time", "first_withdrawal_day", pump=True),
        Endpoint("overdose_free", "time to a first overdose episode", "%", "time", "first_overdose_day", pump=True),
    )
}


def endpoint(name: str, field: str = "endpoints") -> Endpoint:
    """The endpoint of a name. Raises InputError with the nearest known name."""
    if name not in ENDPOINTS:
        raise InputError(field, name, "is not an endpoint", accepted=ENDPOINTS, nearest=nearest_name(name, ENDPOINTS))
    return ENDPOINTS[name]
