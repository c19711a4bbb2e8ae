"""A made-up study: tables as a study has them, drawn by chance and not by the model, and a protocol to go with them."""

from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from thecal.report.study_summary import Summary
from thecal.study.summary import summarize

Tables = dict[str, dict[str, NDArray[Any]]]

DAYS = 365
VISITS = (14, 30, 90, 180, 270, 365)


@dataclass(frozen=True, slots=True)
class MadeUpArm:
    """What a summary asks of an arm."""

    name: str
    title: str
    route: str


@dataclass(frozen=True, slots=True)
class MadeUpEndpoint:
    """What a summary asks of an endpoint."""

    name: str
    title: str
    unit: str
    kind: Literal["mean", "share", "rate", "time"]
    column: str
    per: str = ""
    scale: float = 1.0


ENDPOINTS = (
    MadeUpEndpoint("ashworth_change", "change of the Ashworth score of the legs", "points", "mean", "ashworth_change"),
    MadeUpEndpoint("responder", "responders", "%", "share", "responder"),
    MadeUpEndpoint("withdrawals", "withdrawal episodes", "per 100 pump-years", "rate", "withdrawal_episodes", "pump_days", 100.0),
    MadeUpEndpoint("catheter_free", "time to the first catheter event", "%", "time", "first_catheter_day"),
)
ARMS = (
    MadeUpArm("label", "Titration as labeled", "pump"),
    MadeUpArm("slow", "Slow titration, a step of 5 % at each visit", "pump"),
    MadeUpArm("tablets", "Tablets", "tablets"),
)


@dataclass(frozen=True, slots=True)
class MadeUpProtocol:
    """What a summary asks of a protocol."""

    name: str = "label-or-slow"
    path: str = "protocols/label-or-slow.toml"
    title: str = "Titration as labeled, slow titration, or tablets"
    seed: int = 7
    patients: int = 200
    follow_up_days: int = DAYS
    arms: tuple[MadeUpArm, ...] = ARMS
    reference: str = "label"
    endpoints: tuple[MadeUpEndpoint, ...] = ENDPOINTS
    interim_days: tuple[int, ...] = (90, 180)
    limits: tuple[str, ...] = ("Whether a person would have come to the visit.",)
    sources: tuple[str, ...] = ("A source that is made up.",)
    published: tuple[Any, ...] = ()
    hash: str = "5f" * 32


def made_up(patients: int = 200, seed: int = 3, arms: tuple[MadeUpArm, ...] = ARMS) -> Tables:
    """Tables of so many patients in each arm, in no order."""
    chance = np.random.default_rng(seed)
    before = np.clip(chance.normal(3.8, 0.5, patients), 1, 5)
    rows: dict[str, list[Any]] = {}
    visits: dict[str, list[Any]] = {}
    for n, arm in enumerate(arms):
        pump = arm.route == "pump"
        effect = {"pump": -1.6, "tablets": -0.7}[arm.route] + 0.12 * n
        change = np.clip(chance.normal(effect, 0.4, patients), 1 - before, 0)
        dose = chance.lognormal(5, 0.5, patients) if pump else np.full(patients, np.nan)
        first = {
            cause: chance.exponential(mean, patients) for cause, mean in (("catheter", 2500), ("pump", 9000), ("infection", 6000))
        }
        days = np.where(chance.random(patients) < 0.1, chance.uniform(30, DAYS, patients), float(DAYS))
        columns: dict[str, NDArray[Any]] = {
            "patient": np.arange(patients, dtype=np.uint64),
            "arm": np.array([arm.name] * patients, dtype=object),
            "screened": np.full(patients, pump),
            "responded": np.full(patients, pump),
            "implanted": np.full(patients, pump) & (np.arange(patients) % 20 != 3),
            "follow_up_days": days,
            "since_implant_days": days,
            "pump_days": days if pump else np.zeros(patients),
            "ashworth_before": before,
            "ashworth_after": before + change,
            "ashworth_change": change,
            "responder": change < -1,
            "withdrawal_episodes": chance.poisson(0.05 * (1 + n), patients) * pump,
            "mcg_per_day_last": dose,
        }
        for cause, when in first.items():
            columns[f"first_{cause}_day"] = np.where((when <= days) & pump, when, np.nan)
        for name, column in columns.items():
            rows.setdefault(name, []).append(column)
        for place, day in enumerate(VISITS):
            part = (place + 1) / len(VISITS)
            visit = {
                "patient": np.arange(patients, dtype=np.uint64),
                "arm": np.array([arm.name] * patients, dtype=object),
                "day": np.full(patients, day),
                "ashworth_legs": before + change * part**0.5 + chance.normal(0, 0.1, patients) * (day < DAYS),
                "mcg_per_day": dose * part,
            }
            for name, column in visit.items():
                visits.setdefault(name, []).append(column)
    tables = {"patients": {name: np.concatenate(parts) for name, parts in rows.items()}}
    tables["visits"] = {name: np.concatenate(parts) for name, parts in visits.items()}
    for table in tables.values():
        order = chance.permutation(len(table["patient"]))
        for name, column in table.items():
            table[name] = column[order]
    return tables


def summary_of(tables: Tables, protocol: MadeUpProtocol, **more: Any) -> Summary:
    """The summary: a made-up protocol has all that is asked of one."""
    return summarize(tables, cast(Any, protocol), **more)


def alone(protocol: MadeUpProtocol, *arms: MadeUpArm) -> MadeUpProtocol:
    """The protocol with other arms."""
    return replace(protocol, arms=arms)
