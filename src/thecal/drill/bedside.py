"""What can be done at a bedside or by telephone in every drill alike, and what can be suspected: no list tells the way."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from thecal.datum import read_data
from thecal.timeline import Duration

_FOLDER = "bedside"


@dataclass(frozen=True, slots=True)
class BedsideAction:
    """Something to do: how long it takes, what is said of it, the facts that it is for the chart."""

    name: str
    group: str
    takes: Duration
    says: str
    facts: tuple[Mapping[str, Any], ...] = ()


@cache
def bedside_actions() -> Mapping[str, BedsideAction]:
    """Every action by its name, in groups."""
    return {
        name: BedsideAction(name, row["group"], Duration.parse(row["takes"], "takes"), row["says"], tuple(row.get("facts", ())))
        for name, row in read_data(_FOLDER, "actions").items()
    }


@cache
def causes() -> Mapping[str, str]:
    """What can be suspected, by its name, in words."""
    return dict(read_data(_FOLDER, "causes"))


@cache
def takes(deed: str) -> Duration:
    """How long a deed takes: a setting, marked as such."""
    rows = read_data(_FOLDER, "times")
    return Duration.parse(rows[deed]["value"], deed)
