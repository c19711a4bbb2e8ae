"""What a clinic may choose: its jurisdiction and payers, its own limits, and what is switched on."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType
from typing import Literal

from thecal.errors import InputError, nearest_name
from thecal.therapy.rules import Limit, all_rules, rule_named

Jurisdiction = Literal["US", "UK"]
_WITHIN = 100  # ours: a clinic's own limit further than so many times from the rule's, either way, is taken for a slip
_OTHER_END = {"from": "to", "to": "from"}
_NOTHING: Mapping[str, Limit] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Loosened:
    """A published limit that a clinic has set less strict, by name and with a reason."""

    limit: str
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Clinic:
    """A clinic's settings. ``limits`` holds, by ``"TIT-03.rise"``, those that differ from the rules; ``switches`` what is on."""

    jurisdiction: Jurisdiction = "US"
    payers: tuple[str, ...] = ()
    limits: Mapping[str, Limit] = field(default_factory=lambda: _NOTHING)
    switches: Mapping[str, bool] = field(default_factory=lambda: MappingProxyType({}))
    loosened: tuple[Loosened, ...] = ()

    def limit(self, rule: str, name: str) -> Limit:
        """A limit of a rule, as this clinic has set it."""
        own = self.limits.get(f"{rule}.{name}")
        return own if own is not None else all_rules()[rule].limits[name]

    def on(self, rule: str) -> bool:
        """Whether a rule that can be switched is on here."""
        return self.switches.get(rule, all_rules()[rule].switch is not False)

    def with_limit(self, name: str, value: float, loosened: Loosened | None = None) -> "Clinic":
        """The same clinic with a limit of its own.

        Raises InputError for a limit that is not known, or less strict than a published one without a reason and a name.
        """
        limit = limit_named(name)
        low, high = sorted((limit.value / _WITHIN, limit.value * _WITHIN))
        if limit.value and not low <= value <= high:
            problem = f"is far from what {all_rules()[limit.rule].id} says, {limit}"
            within = f"{low:g} to {high:g} {limit.unit}".strip()
            raise InputError(name, f"{value:g} {limit.unit}".strip(), problem, accepted=(within,))
        if limit.configurable != "yes" and not limit.is_stricter(value) and loosened is None:
            bound = {"lower": "at most", "higher": "at least", None: "exactly"}[limit.stricter]
            accepted = (f"{bound} {limit.number}", f"or an [[override]] of {name} with a reason and a name")
            raise InputError(
                name, f"{value:g} {limit.unit}", f"is less strict than {all_rules()[limit.rule].source}", accepted=accepted
            )
        self._check_range(limit, value)
        return replace(
            self,
            limits={**self.limits, name: replace(limit, value=value)},
            loosened=(*self.loosened, *([loosened] if loosened else [])),
        )

    def _check_range(self, limit: Limit, value: float) -> None:
        """Two limits that are the ends of one range stay in their order."""
        base, _, end = limit.name.rpartition(" ")
        name = f"{base} {_OTHER_END.get(end, '')}".strip()
        other = self.limits.get(f"{limit.rule}.{name}") or all_rules()[limit.rule].limits.get(name)
        if end not in _OTHER_END or other is None or (value <= other.value if end == "from" else value >= other.value):
            return
        accepted = (f"{'at most' if end == 'from' else 'at least'} {other}",)
        raise InputError(f"{limit.rule}.{limit.name}", f"{value:g} {limit.unit}", f"is past {other.name}", accepted=accepted)

    def with_switch(self, rule: str, on: bool) -> "Clinic":
        """The same clinic with a rule switched. Raises InputError for one that cannot be."""
        if rule_named(rule, "switches").switch is None:
            may = [key for key, known in all_rules().items() if known.switch is not None]
            raise InputError("switches", rule, "cannot be switched", accepted=may)
        return replace(self, switches={**self.switches, rule: on})


def limit_named(name: str) -> Limit:
    """A limit by ``"TIT-03.rise"``. Raises InputError with the nearest known one."""
    known = _limits()
    if name not in known:
        rule = all_rules().get(name.partition(".")[0])
        of_rule = [f"{rule.id}.{key}" for key in rule.limits] if rule else []
        raise InputError("limits", name, "is not a limit of a rule", accepted=of_rule, nearest=nearest_name(name, known))
    return known[name]


@cache
def _limits() -> Mapping[str, Limit]:
    return {f"{rule.id}.{name}": limit for rule in all_rules().values() for name, limit in rule.limits.items()}
