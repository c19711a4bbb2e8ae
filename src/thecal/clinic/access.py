"""Who may do what in a clinic: permissions as data, professions mapped to them, and certificates that end.

What concerns a pump (order, program, refill, double-check) is the profession's own and may need a certificate (ROL-01 to ROL-11);
what concerns the clinic's record stands in ``data/clinic/access.toml``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

from thecal.clinic.account import Account
from thecal.datum import DataError, read_data
from thecal.therapy.look import Look
from thecal.therapy.permissions import Permission, roles

Duty = Literal[
    "worklist", "chart", "identify", "record", "call", "book", "visit", "print", "teach", "stock", "administer", "import",
    "erase", "audit", "recall", "closures",
]  # fmt: skip
"""What concerns the clinic's record and its work."""
Right = Duty | Permission
RIGHTS: tuple[Right, ...] = (*get_args(Duty), *get_args(Permission))
_ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Denied:
    """Why somebody may not do something, and who may."""

    right: Right
    why: str
    who_may: tuple[str, ...]


@cache
def duties() -> Mapping[str, frozenset[str]]:
    """What each profession may do in the clinic, and what an administrator may besides. Raises DataError: always a defect."""
    table = {role: frozenset(row["may"]) for role, row in read_data("clinic", "access").items()}
    unknown = {name for names in table.values() for name in names} - set(get_args(Duty))
    if unknown or not set(table) <= {*roles(), _ADMINISTRATOR}:
        raise DataError(f"clinic access: {sorted(unknown)} or a role of {sorted(table)} is not known")
    return table


def denied(account: Account, right: Right, staff: Look) -> Denied | None:
    """Whether somebody may do something now; None where they may. ``staff`` is a look that knows the certificates."""
    if right in get_args(Permission):
        permission: Permission = right  # type: ignore[assignment]  # it is one of them
        if staff.may(account.name, account.role, permission):
            return None
        answer = roles()[account.role].permissions[permission] if account.role in roles() else "no"
        needs = f"a {account.role} needs a certificate for it that counts today (ROL-11)"
        why = needs if answer == "if certified" else f"a {account.role} may not ({roles()[account.role].rule})"
        return Denied(right, why, tuple(role.name for role in roles().values() if role.permissions[permission] != "no"))
    own = duties().get(account.role, frozenset()) | (duties()[_ADMINISTRATOR] if account.administrator else frozenset())
    if right in own:
        return None
    may = tuple(sorted(role for role, names in duties().items() if right in names))
    return Denied(right, f"a {account.role} may not", may)


def who_may_now(everybody: Iterable[Account], right: Right, staff: Look) -> list[Account]:
    """Those who work here and may do something now."""
    return [account for account in everybody if account.active and denied(account, right, staff) is None]
