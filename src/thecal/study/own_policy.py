"""Policies by name, with settings, from this package or from a file of a study's own."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from inspect import isclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from thecal.errors import InputError, nearest_name
from thecal.study.policy import POLICIES, DosePolicy, Route

Settings = Mapping[str, str | float]
_ROUTES: tuple[Route, ...] = ("pump", "tablets", "tablets then pump", "untreated")


def named_policy(name: str, settings: Settings, files: Mapping[str, str]) -> tuple[DosePolicy, Route]:
    """(a policy, how it gives the drug). ``files`` are sources by name, for ``file.py:name``.

    Raises InputError for a name, a file, or a setting that is none, and for a file that does not run.
    """
    if ".py:" in name:
        found = _from_file(name, files)
    elif name in POLICIES:
        found = POLICIES[name]
    else:
        accepted = (*sorted(POLICIES), '"file.py:name" of your own')
        raise InputError("policy", name, "is not a policy", accepted=accepted, nearest=nearest_name(name, POLICIES))
    policy = _with_settings(name, found, settings)
    route = getattr(policy, "route", "pump")
    if route not in _ROUTES:
        raise InputError("policy", name, f"has the route {route!r}, which is none", accepted=_ROUTES)
    return policy, cast(Route, route)


def policy_file(name: str) -> str | None:
    """The file that a policy stands in, None for one of this package."""
    return name.rpartition(":")[0] if ".py:" in name else None


def read_policy_file(name: str, folder: Path) -> str:
    """The source of a policy file beside a protocol. Raises InputError where it cannot be read or lies elsewhere."""
    if Path(name).name != name:
        raise InputError("policy", name, "is not a file beside the protocol", accepted=("a file name without a folder",))
    try:
        return (folder / name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("policy", name, f"cannot be read from {folder}: {error}", accepted=("a Python file there",)) from None


def _from_file(name: str, files: Mapping[str, str]) -> Callable[..., Any]:
    file, _, wanted = name.rpartition(":")
    module = ModuleType(f"policies_{Path(file).stem}")
    sys.modules[module.__name__] = module  # where its own dataclasses look for it
    space = module.__dict__
    try:
        exec(compile(files[file], file, "exec"), space)  # noqa: S102  # a protocol's own policy is code that its author runs
    except (Exception, SystemExit) as error:  # whatever it raises belongs to its author
        raise InputError("policy", name, f"does not run: {type(error).__name__}: {error}", accepted=("Python",)) from error
    if not callable(space.get(wanted)):
        known = [key for key, value in space.items() if callable(value) and not key.startswith("_")]
        problem = f"is not in {file}"
        raise InputError("policy", wanted, problem, accepted=known, nearest=nearest_name(wanted, known))
    return cast(Callable[..., Any], space[wanted])


def _with_settings(name: str, found: Callable[..., Any], settings: Settings) -> DosePolicy:
    if not isclass(found) and name not in POLICIES:
        if settings:
            accepted = ("a class with settings, whose instances are called",)
            raise InputError(
                "settings", ", ".join(settings), f"are given to the function {name}, which has none", accepted=accepted
            )
        return found
    try:
        policy = found()
    except TypeError as error:
        raise InputError("policy", name, f"cannot be made without settings: {error}", accepted=("a default for each",)) from None
    if not callable(policy):
        raise InputError("policy", name, "makes nothing that can be called", accepted=("a class with __call__(self, history)",))
    for key, value in settings.items():
        policy = _with(name, policy, key, value)
    return cast(DosePolicy, policy)


def _with(name: str, policy: Any, key: str, value: str | float) -> Any:
    """With one setting replaced, its own or one of the rule inside it."""
    known = _settings_of(policy)
    if key not in known:
        problem = f"is not a setting of the policy {name}"
        raise InputError("settings", key, problem, accepted=known or ("none",), nearest=nearest_name(key, known))
    if isinstance(value, str):
        raise InputError("settings", value, f"is not a number for {key}", accepted=("a number",))
    holder = known[key]
    if holder is None:
        whole = isinstance(getattr(policy, key), int) and float(value).is_integer()
        return replace(policy, **{key: int(value) if whole else value})
    return replace(policy, **{holder: _with(name, getattr(policy, holder), key, value)})


def _settings_of(policy: Any) -> dict[str, str | None]:
    """Settings by name, with the field that holds them where that is a rule inside."""
    if not is_dataclass(policy):
        return {}
    found: dict[str, str | None] = {}
    for one in fields(policy):
        inside = getattr(policy, one.name)
        if is_dataclass(inside):
            found.update(dict.fromkeys(_settings_of(inside), one.name))
        else:
            found[one.name] = None
    return found
