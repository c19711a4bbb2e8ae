"""What a search for the cause of a lost or excessive effect is made of: steps, answers, what they mean, where it stands."""

from dataclasses import dataclass
from typing import Literal

Course = Literal["loss of effect", "excess effect"]
Where = Literal["catheter", "pump", "drug", "disease", "not yet decided"]
LOSS: Course = "loss of effect"
EXCESS: Course = "excess effect"


@dataclass(frozen=True, slots=True)
class Found:
    """An answer: an item of the checklist ``troubleshooting``, yes or no, and how that is known."""

    item: str
    yes: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Means:
    """What an answer means: where the fault is, in words, and what to do. It ``ends`` the search, or the next step follows."""

    where: Where
    text: str
    advice: str = ""
    ends: bool = False
    emergency: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """One step: its question, the item that answers it, its yield as published, and what either answer means.

    It is asked only where every answer in ``only_if`` was given, and none of ``unless``; ``forbids`` is what may not be done.
    """

    rule: str
    item: str
    question: str
    yields: str
    if_yes: Means
    if_no: Means
    forbids: tuple[str, ...] = ()
    only_if: tuple[tuple[str, bool], ...] = ()
    unless: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Conclusion:
    """Where the fault is, why, and what to do; ``rule`` is the step that decided. An ``emergency`` leaves the tree."""

    where: Where
    text: str
    advice: str
    rule: str
    emergency: bool = False


@dataclass(frozen=True, slots=True)
class Meaning:
    """An answer with the step that asked for it and what it means."""

    rule: str
    found: Found
    means: Means


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the search stands: its course, what is found and means what, the next step or the conclusion, and what that needs.

    ``course`` and ``next`` are None where the chart gives no reason to search. ``prepare`` holds what is worked out from the
    chart for the next step; ``meanwhile`` what goes on beside the search.
    """

    course: Course | None
    found: tuple[Found, ...] = ()
    meanings: tuple[Meaning, ...] = ()
    next: Node | Conclusion | None = None
    prepare: tuple[str, ...] = ()
    meanwhile: tuple[str, ...] = ()


def undecided(text: str) -> Means:
    """An answer that decides nothing."""
    return Means("not yet decided", text)
