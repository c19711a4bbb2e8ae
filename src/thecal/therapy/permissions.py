"""Who may do what: professions mapped to permissions, as data (ROL-01 to ROL-10)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

from thecal.datum import DataError, read_data
from thecal.errors import InputError, nearest_name

Permission = Literal["view", "propose", "order", "program", "refill", "double-check"]
Answer = Literal["yes", "no", "if certified"]


@dataclass(frozen=True, slots=True)
class Role:
    """A profession and what it may do; ``rule`` is where that stands."""

    name: str
    rule: str
    permissions: Mapping[Permission, Answer]


@cache
def roles() -> Mapping[str, Role]:
    """Every profession, by name."""
    found: dict[str, Role] = {}
    for name, table in read_data("vocabulary", "roles").items():
        permissions = {key: value for key, value in table.items() if key != "rule"}
        if set(permissions) != set(get_args(Permission)) or not set(permissions.values()) <= set(get_args(Answer)):
            raise DataError(f"roles: {name} needs yes, no or if certified for each of {get_args(Permission)}")
        found[name] = Role(name, table["rule"], permissions)
    return found


def role_named(name: str, field: str = "role") -> Role:
    """The profession of a name. Raises InputError with the nearest known one."""
    if name not in roles():
        raise InputError(field, name, "is not a known role", accepted=sorted(roles()), nearest=nearest_name(name, roles()))
    return roles()[name]


def may(role: str, permission: Permission) -> bool:
    """Whether a profession may do something without a certificate."""
    known = roles().get(role)
    return known is not None and known.permissions[permission] == "yes"
