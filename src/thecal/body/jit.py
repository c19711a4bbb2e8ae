"""How loops are compiled."""

from collections.abc import Callable
from typing import Any

from numba import njit

SUMS = {"reassoc", "contract", "nsz"}  # sums in any order; NaN and infinity stay what they are

Loop = Callable[[Callable[..., Any]], Callable[..., Any]]


def compiled(*, parallel: bool = False) -> Loop:
    """A loop that Python calls."""
    decorator: Loop = njit(error_model="numpy", fastmath=SUMS, parallel=parallel)
    return decorator


def inside(*, numbers: bool = False) -> Loop:
    """A loop that only other loops call; of ``numbers`` none is NaN."""
    options: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # quicker to compile
    decorator: Loop = njit(error_model="numpy", fastmath=SUMS | ({"nnan"} if numbers else set()), **options)
    return decorator
