"""What happened to a pump on the bench, as its journal holds it: inputs with their second. All else follows from them."""

from dataclasses import dataclass
from typing import Any

from thecal.bench.codec import Plain, read, written
from thecal.pump.messages import Fault, Message, Procedure
from thecal.timeline import Instant


@dataclass(frozen=True, slots=True)
class Heard:
    """A message came by the wand."""

    at: Instant
    message: Message


@dataclass(frozen=True, slots=True)
class Asked:
    """The patient pressed the activator."""

    at: Instant


@dataclass(frozen=True, slots=True)
class Needled:
    """A needle was in the pump."""

    at: Instant
    procedure: Procedure


@dataclass(frozen=True, slots=True)
class Befell:
    """A fault struck."""

    at: Instant
    fault: Fault


@dataclass(frozen=True, slots=True)
class Passed:
    """Time passed, and the bench was put away."""

    at: Instant


Entry = Heard | Asked | Needled | Befell | Passed


def entry_plain(entry: Entry) -> Plain:
    """An entry as a journal holds it."""
    plain: Plain = written(entry, Entry)
    return plain


def entry_of(plain: Any) -> Entry:
    """The entry that a journal holds. Raises UnreadableError."""
    entry: Entry = read(Entry, plain, "entry")
    return entry
