"""Accounts: who works here, under which profession, and the password that says so.

Passwords are kept as argon2id says. After some failures in a row an account is locked for a while, whoever tries.
"""

from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Row, insert, select, update

from thecal.clinic.schema import account as table
from thecal.errors import InputError, nearest_name
from thecal.therapy.permissions import role_named
from thecal.therapy.settings import settings_of
from thecal.timeline import Duration, Instant

PASSWORD_MIN = 12
PASSWORD_MAX = 256
NAME_MAX = 60
_HASHER = PasswordHasher()
_NOBODY = _HASHER.hash("the password of nobody, checked so that a wrong name takes as long as a wrong password")


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who works here. ``name`` is what they sign in with and what stands in the record."""

    name: str
    full_name: str
    role: str
    administrator: bool = False
    change_password: bool = False
    active: bool = True


@dataclass(frozen=True, slots=True)
class Locked:
    """Nobody signs in to this account until an instant."""

    until: Instant


def _account(row: Row[tuple[object, ...]]) -> Account:
    return Account(row.name, row.full_name, row.role, row.administrator, row.change_password, row.active)


def accounts(connection: Connection) -> list[Account]:
    """Everybody who has an account, by name."""
    return [_account(row) for row in connection.execute(select(table).order_by(table.c.name))]


def account_named(connection: Connection, name: str) -> Account | None:
    """The account of a name, or None."""
    row = connection.execute(select(table).where(table.c.name == name)).one_or_none()
    return _account(row) if row else None


def check_password(password: str, field: str = "password") -> None:
    """Raises InputError for one that is too short, too long, or one letter again and again; anything else is allowed."""
    accepted = (f"{PASSWORD_MIN} to {PASSWORD_MAX} characters, spaces allowed: a few words are good",)
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise InputError(field, "", f"has {len(password)} characters", accepted=accepted)
    if len(set(password)) < 5:
        raise InputError(field, "", "has fewer than five different characters", accepted=accepted)


def make_account(connection: Connection, account: Account, password: str, now: Instant) -> None:
    """Make an account. Raises InputError for a name that is taken or cannot be, a role that is not known, a poor password."""
    name = account.name.strip()
    fits = name and len(name) <= NAME_MAX and all(c.isalnum() or c in "._-" for c in name) and name == name.lower()
    if not fits:
        accepted = (f"small letters, digits, dots, hyphens; at most {NAME_MAX}",)
        raise InputError("name", account.name, "cannot be the name of an account", accepted=accepted)
    if not account.full_name.strip():
        raise InputError("full name", "", "is missing")
    if len(account.full_name.strip()) > NAME_MAX:
        raise InputError("full name", account.full_name[:40], "is too long", accepted=(f"at most {NAME_MAX} characters",))
    role_named(account.role)
    check_password(password)
    taken = [other.name for other in accounts(connection)]
    if name in taken:
        raise InputError("name", name, "is taken", nearest=nearest_name(f"{name}2", [f"{name}2"]))
    connection.execute(
        insert(table).values(
            name=name,
            full_name=account.full_name.strip(),
            role=account.role,
            administrator=account.administrator,
            password=_HASHER.hash(password),
            change_password=account.change_password,
            active=True,
            made=now.s,
        )
    )


def set_password(connection: Connection, name: str, password: str, *, change: bool = False) -> None:
    """Another password; ``change`` asks for yet another one at the next sign-in. Raises InputError for a poor one."""
    check_password(password)
    values = {"password": _HASHER.hash(password), "change_password": change, "failed": 0, "locked_until": 0}
    connection.execute(update(table).where(table.c.name == name).values(values))


def set_active(connection: Connection, name: str, *, active: bool) -> None:
    """Close an account, or open it again. What it has written stays."""
    connection.execute(update(table).where(table.c.name == name).values(active=active))


def stored_password(connection: Connection, name: str) -> str:
    """The password of an account as it is kept; for an unknown name, that of nobody."""
    found = connection.execute(select(table.c.password).where(table.c.name == name)).scalar_one_or_none()
    return found or _NOBODY


def fits(stored: str, password: str) -> bool:
    """Whether a password is the one that is kept. It takes a while on purpose, so call it outside of any transaction."""
    try:
        return _HASHER.verify(stored, password[:PASSWORD_MAX]) and stored != _NOBODY
    except (VerificationError, InvalidHashError):
        return False


def tried(connection: Connection, name: str, *, right: bool, now: Instant) -> Account | Locked | None:
    """What a try with a right or wrong password comes to: the account, a lock, or nothing; failures in a row are counted."""
    row = connection.execute(select(table).where(table.c.name == name).with_for_update()).one_or_none()
    if row is None:
        return None
    if row.locked_until > now.s:
        return Locked(Instant(row.locked_until))
    failed = 0 if right else row.failed + 1
    tries, lasts = int(_setting("failures")), Duration.parse(_setting("lock"))
    locked = now.s + lasts.s if failed >= tries else 0
    values = {"failed": 0 if locked else failed, "locked_until": locked}
    connection.execute(update(table).where(table.c.name == name).values(values))
    if locked:
        return Locked(Instant(locked))
    return _account(row) if right and row.active else None


def _setting(name: str) -> str:
    return settings_of("clinic")[name].value
