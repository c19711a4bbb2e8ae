"""The rules of the therapy as data: what each says, its limits, its source, how sure that is, who may change it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

from thecal.datum import DataError, data_names, read_data
from thecal.errors import InputError, Refusal, nearest_name
from thecal.therapy.finding import SEVERITIES, Severity
from thecal.therapy.permissions import Permission
from thecal.therapy.settings import settings_of

Kind = Literal["check", "step", "scale", "reference"]
Stricter = Literal["lower", "higher"]
Configurable = Literal["yes", "only stricter", "no"]
SURENESS: Mapping[str, str] = {
    "Q": "read in the cited source",
    "S": "a secondary source",
    "R": "recalled: to be checked against the current label before it may block or release anything",
    "D": "arithmetic, or a default that a clinic can configure",
    "U": "no source found: a setting",
}
_ID = re.compile(r"[A-Z]{2,3}-[0-9]{2}[a-z]?")
_KEYS = {"kind", "statement", "inputs", "source", "confidence", "limits", "switch"}
_LIMIT_KEYS = {"name", "when", "value", "unit", "severity", "stricter", "confidence", "override", "setting"}


@dataclass(frozen=True, slots=True)
class Limit:
    """A number of a rule: ``when`` it is passed, ``severity`` follows.

    ``stricter`` is the direction in which more is found; None where neither is stricter. ``override`` is the permission with
    which a person may go on in spite of it; None where nobody may.
    """

    rule: str
    name: str
    when: str
    value: float
    unit: str
    severity: Severity
    stricter: Stricter | None
    confidence: str
    override: Permission | None = None

    def __str__(self) -> str:
        return f"{self.number} {self.unit}".strip()

    @property
    def number(self) -> str:
        """Its value as people write it."""
        return f"{self.value:,.10g}"

    @property
    def configurable(self) -> Configurable:
        """What nobody has published a clinic may set; what is published it may only make stricter."""
        if self.confidence in ("R", "D", "U"):
            return "yes"
        return "only stricter" if self.stricter else "no"

    def is_stricter(self, value: float) -> bool:
        """Whether another value finds at least as much."""
        if value == self.value:
            return True
        return self.stricter is not None and (value < self.value) == (self.stricter == "lower")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: ``inputs`` with their units, ``limits`` by name. ``switch`` says whether it is on, where a clinic may choose."""

    id: str
    topic: str
    kind: Kind
    statement: str
    inputs: tuple[str, ...]
    limits: Mapping[str, Limit]
    source: str
    confidence: str
    switch: bool | None = None

    @property
    def configurable(self) -> Configurable:
        """What a clinic may change of it, by its most open limit."""
        may = {limit.configurable for limit in self.limits.values()}
        if "yes" in may or self.switch is not None:
            return "yes"
        return "only stricter" if "only stricter" in may else "no"


@cache
def all_rules() -> Mapping[str, Rule]:
    """Every rule, by id, in the order of the ids. Raises DataError where the data cannot be right: always a defect."""
    found: dict[str, Rule] = {}
    for topic in data_names("rules"):
        for name, table in read_data("rules", topic).items():
            if name in found:
                raise DataError(f"rules {topic}: {name} is also in {found[name].topic}")
            found[name] = _rule(name, topic, table)
    return dict(sorted(found.items()))


def rule_named(name: str, field: str = "RULE") -> Rule:
    """The rule of an id. Raises InputError with the nearest known id."""
    known = all_rules()
    wanted = name.strip()
    meant = next((key for key in known if key.lower() == wanted.lower()), wanted)
    if meant not in known:
        alike = [key for key in known if _family(key) == _family(meant.upper())]
        raise InputError(
            field,
            name,
            "is not a rule",
            accepted=alike or families(),
            nearest=nearest_name(meant.upper(), known),
        )
    return known[meant]


def refusal_by(rule: str, asked: str, limit: str, advice: str) -> Refusal:
    """A refusal by a rule, with its source."""
    return Refusal(rule, asked, limit, all_rules()[rule].source, advice)


def families() -> list[str]:
    """The letters with which ids begin."""
    return sorted({_family(key) for key in all_rules()})


def _family(rule: str) -> str:
    return rule.partition("-")[0]


def _rule(name: str, topic: str, table: Mapping[str, Any]) -> Rule:
    where = f"rules {topic}, {name}"
    _check(where, _ID.fullmatch(name) is not None, "is not an id")
    _check(where, set(table) <= _KEYS, f"has the unknown keys {sorted(set(table) - _KEYS)}")
    _check(where, table.get("kind") in get_args(Kind), f"has no kind of {get_args(Kind)}")
    for key in ("statement", "source"):
        _check(where, bool(str(table.get(key, "")).strip()), f"has no {key}")
    confidence = table.get("confidence", "")
    _check(where, bool(confidence) and set(confidence.split("/")) <= set(SURENESS), f"has the unknown confidence {confidence!r}")
    limits = [_limit(name, where, limit, confidence) for limit in table.get("limits", ())]
    _check(where, len({limit.name for limit in limits}) == len(limits), "has two limits of one name")
    return Rule(
        name,
        topic,
        table["kind"],
        table["statement"],
        tuple(table.get("inputs", ())),
        {limit.name: limit for limit in limits},
        table["source"],
        confidence,
        table.get("switch"),
    )


def _limit(rule: str, where: str, table: Mapping[str, Any], of_rule: str) -> Limit:
    where = f"{where}.{table.get('name', '?')}"
    _check(where, set(table) <= _LIMIT_KEYS, f"has the unknown keys {sorted(set(table) - _LIMIT_KEYS)}")
    value, unit, confidence = table.get("value"), table.get("unit", ""), table.get("confidence", of_rule)
    if "setting" in table:
        topic, _, name = table["setting"].partition(".")
        datum = settings_of(topic)[name]
        text, _, unit = datum.value.partition(" ")
        value, confidence = float(text), "S" if datum.confidence == "M" else datum.confidence
    _check(where, isinstance(value, int | float) and not isinstance(value, bool), "has no number as its value")
    _check(where, table.get("severity") in SEVERITIES, f"has no severity of {SEVERITIES}")
    _check(where, table.get("stricter") in (None, *get_args(Stricter)), "is stricter neither lower nor higher")
    _check(where, confidence in SURENESS, f"needs a confidence of its own, one letter, not {confidence!r}")
    _check(where, bool(table.get("name")) and bool(table.get("when")), "needs a name and when it is passed")
    severity: Severity = table["severity"]
    _check(where, not (confidence == "R" and severity in ("block", "emergency")), "is recalled, so it may not block")
    _check(where, table.get("override") in (None, *get_args(Permission)), "names no permission as its override")
    assert value is not None  # checked above
    stricter, override = table.get("stricter"), table.get("override")
    return Limit(rule, table["name"], table["when"], float(value), unit, severity, stricter, confidence, override)


def _check(where: str, right: bool, problem: str) -> None:
    if not right:
        raise DataError(f"{where} {problem}")
