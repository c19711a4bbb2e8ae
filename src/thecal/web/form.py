"""What was typed into a form, read field by field; what cannot be read is kept beside its field, and all of it is shown again."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar
from zoneinfo import ZoneInfo

from thecal.errors import InputError, InputErrors, nearest_name
from thecal.timeline import Instant

T = TypeVar("T")
SECRET = frozenset({"csrf", "once", "pre", "key"})
"""Fields that are ours and not typed by anybody."""
_PASSWORD = "password"  # noqa: S105  # in the name of every field that holds one
TEXT_MAX = 4000
FIELD_MAX = 200_000
"""More than anybody types, and less than a line of the archive holds."""
BIRTHS = date(1900, 1, 1)
"""Nobody who is treated was born before."""
_LISTS = frozenset({"table", "serials", "lots"})
"""Fields that hold as many lines as somebody has."""
_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(2199, 1, 1)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent with a form."""

    name: str
    raw: bytes


@dataclass(slots=True)
class Form:
    """A form as it was sent: ``values`` by field, in their order; ``errors`` by field, as they are found."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: Mapping[str, Upload] = field(default_factory=dict)
    errors: dict[str, InputError] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        """What was typed, without spaces around it; the first of several."""
        return self.values.get(name, (default,))[0].strip()

    def texts(self, name: str) -> tuple[str, ...]:
        """Everything that was chosen under a name."""
        return tuple(value.strip() for value in self.values.get(name, ()) if value.strip())

    @property
    def too_long(self) -> str:
        """A field that holds more than anybody types, and that no list is; empty where none does."""
        long = (name for name, values in self.values.items() if name not in _LISTS and sum(map(len, values)) > FIELD_MAX)
        return next(long, "")

    @property
    def fields(self) -> dict[str, str]:
        """What was typed, by field; the first of several."""
        return {name: self.text(name) for name in self.values}

    @property
    def seen(self) -> int:
        """The version of the stream that the form has shown; one that is no number fits none."""
        text = self.text("seen")
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else -1

    def ticked(self, name: str) -> bool:
        """Whether a box was ticked."""
        return bool(self.text(name))

    @contextmanager
    def reading(self, name: str) -> Iterator[None]:
        """An InputError that is raised inside belongs to this field; so do several."""
        try:
            yield
        except InputErrors as several:
            self.errors.setdefault(name, several.errors[0])
        except InputError as error:
            self.errors.setdefault(name, error)

    def read(self, name: str, parse: Callable[[str], T]) -> T | None:
        """What was typed, read; None where nothing was, or where it cannot be read, which is then an error of the field."""
        text = self.text(name)
        if not text:
            return None
        if len(text) > TEXT_MAX:
            self.refuse(name, text[:40], f"is longer than {TEXT_MAX:,} characters")
            return None
        try:
            return parse(text)
        except InputErrors as several:
            self.errors.setdefault(name, several.errors[0])
        except InputError as error:
            self.errors.setdefault(name, error)
        return None

    def needed(self, name: str, parse: Callable[[str], T], *, label: str = "") -> T | None:
        """The same of a field that must not be empty."""
        if not self.text(name):
            self.refuse(name, "", "is missing", label=label)
            return None
        return self.read(name, parse)

    def chosen(self, name: str, known: Mapping[str, T] | tuple[str, ...], *, needed: bool = True) -> str | None:
        """One of the words that may be chosen."""
        text = self.text(name)
        if not text and not needed:
            return None
        if text in known:
            return text
        self.refuse(
            name, text, "is not one of those" if text else "is missing", accepted=tuple(known), nearest=nearest_name(text, known)
        )
        return None

    def instant(self, name: str, zone: ZoneInfo, *, needed: bool = True) -> Instant | None:
        """A local date and time, as a browser or a person writes it."""
        read = self.needed if needed else self.read
        return read(name, lambda text: Instant.parse(text.replace("T", " "), zone, name))

    def day(self, name: str, *, needed: bool = True, first: date = _FIRST_DAY) -> date | None:
        """A date, from a first one on."""
        read = self.needed if needed else self.read
        return read(name, lambda text: _day(text, name, first))

    def number(self, name: str, low: float, high: float, *, needed: bool = True) -> float | None:
        """A number within bounds."""
        read = self.needed if needed else self.read
        return read(name, lambda text: _number(text, name, low, high))

    def refuse(
        self, name: str, text: str, problem: str, *, accepted: tuple[str, ...] = (), nearest: str | None = None, label: str = ""
    ) -> None:
        """Mark a field."""
        shown = label or name.replace("_", " ")
        self.errors.setdefault(name, InputError(shown, text, problem, accepted=accepted, nearest=nearest))

    @property
    def kept(self) -> list[tuple[str, str]]:
        """What a person typed, to be shown or sent again: no secrets, and no passwords."""
        return [
            (name, value)
            for name, values in self.values.items()
            if name not in SECRET and _PASSWORD not in name
            for value in values
        ]

    @property
    def has_password(self) -> bool:
        """Whether a password was asked for, which is not kept."""
        return any(_PASSWORD in name for name in self.values)


def _day(text: str, name: str, first: date) -> date:
    label = name.replace("_", " ")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InputError(label, text, "is not a date", accepted=("2026-12-31",)) from None
    if not first <= day <= _LAST_DAY:
        raise InputError(label, text, "is no date that can be", accepted=(f"{first} to {_LAST_DAY}",))
    return day


def _number(text: str, name: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise InputError(name.replace("_", " "), text, "is not a number that can be", accepted=(f"{low:g} to {high:g}",))
    return value
