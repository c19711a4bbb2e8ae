"""A memo of one look: the checks of a topic ask for the same dates one after the other."""

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from thecal.therapy.look import Look

T = TypeVar("T")


def of_last_look(function: Callable[[Look], T]) -> Callable[[Look], T]:
    """The function, worked out once for the look that was asked last; a look never changes, and what it gives must not either."""
    last: tuple[Look, T] | None = None

    @wraps(function)
    def remembered(look: Look) -> T:
        nonlocal last
        held = last
        if held is None or held[0] is not look:
            held = last = (look, function(look))
        return held[1]

    return remembered
