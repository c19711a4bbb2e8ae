"""What can go wrong, in two kinds.

An ``InputError`` is raised at the door when something written cannot be read. A ``Refusal`` is a value: a request that was
understood and declined, with the rule that declined it. Anything else that is raised is a defect of the program.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


class ThecalError(Exception):
    """The root of every exception that thecal raises on purpose."""


class InputError(ThecalError):
    """Something written that cannot be read: says the field, the text, what is accepted and the nearest meant value."""

    def __init__(
        self,
        field: str,
        text: object,
        problem: str,
        *,
        accepted: Iterable[str] = (),
        nearest: str | None = None,
        where: str | None = None,
    ) -> None:
        self.field = printable(field)
        self.text = text if isinstance(text, str) else _shown(text)
        self.problem = problem
        self.accepted = tuple(accepted)
        self.nearest = nearest
        self.where = where
        super().__init__(self.sentence())

    def sentence(self) -> str:
        """The whole error in one line; the place comes first, where there is one."""
        shown = self.text if len(self.text) <= 60 else self.text[:57] + "..."
        parts = [f"{self.field}: {shown!r} {self.problem}." if self.text else f"{self.field} {self.problem}."]
        if self.accepted:
            parts.append(f"Accepted: {', '.join(self.accepted)}.")
        if self.nearest is not None:
            parts.append(f"Did you mean {self.nearest}?")
        sentence = " ".join(parts)
        return f"{printable(self.where)}: {sentence}" if self.where else sentence

    def at(self, where: str, field: str | None = None) -> "InputError":
        """The same error with the place where it stands (``file:line``), and the field as the document calls it."""
        return InputError(
            field or self.field,
            self.text,
            self.problem,
            accepted=self.accepted,
            nearest=self.nearest,
            where=where,
        )


def _shown(value: object) -> str:
    try:
        return repr(value)
    except ValueError:  # a whole number of thousands of digits has no decimal text
        return f"a {type(value).__name__} too long to print"


class InputErrors(ThecalError):  # noqa: N818  # several of the above
    """Several input errors of one document, in the order of its lines."""

    def __init__(self, errors: Iterable[InputError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(error.sentence() for error in self.errors))


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that was understood and declined. Nothing has changed.

    ``rule`` is the id in ``docs/requirements`` or of the clinical rule; ``limit`` what is allowed; ``source`` where that comes
    from; ``advice`` what to do next.
    """

    rule: str
    asked: str
    limit: str
    source: str
    advice: str

    def __str__(self) -> str:
        return f"refused by {self.rule}: {self.asked}. Allowed: {self.limit}. {self.advice} Source: {self.source}."


def printable(text: str) -> str:
    """Text as it may stand on a terminal: control characters as their escapes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def sentence(text: str) -> str:
    """Text as a sentence begins: its first letter a capital, all others as they are."""
    return text[:1].upper() + text[1:]


def nearest_name(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like ``name``, quoted, or None."""
    known = list(known)
    lower = {candidate.lower(): candidate for candidate in known}
    if name.lower() in lower:
        return repr(lower[name.lower()])
    begun = [candidate for candidate in known if name and candidate.startswith(name)]
    if len(begun) == 1:
        return repr(begun[0])
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    return repr(close[0]) if close else None
