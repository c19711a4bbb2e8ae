"""How loops are compiled: once on a machine, and kept beside the source as Python keeps its own."""

from collections.abc import Callable
from typing import Any

from numba import njit

SUMS = {"reassoc", "contract", "nsz"}  # sums in any order; NaN and infinity stay what they are

Loop = Callable[[Callable[..., Any]], Callable[..., Any]]


def compiled(*, parallel: bool = False) -> Loop:
    """A loop that Python calls."""

    def decorator(function: Callable[..., Any]) -> Callable[..., Any]:
        options: dict[str, Any] = {"error_model": "numpy", "fastmath": SUMS, "parallel": parallel}
        try:
            kept: Callable[..., Any] = njit(cache=True, **options)(function)
        except RuntimeError:  # there is nowhere to keep it
            kept = njit(**options)(function)
        return kept

    return decorator


def inside(*, ordered: bool = False) -> Loop:
    """A loop that only other loops call; what is ``ordered`` is computed as it is written."""
    flags = {"contract"} if ordered else SUMS
    options: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # quicker to compile
    decorator: Loop = njit(error_model="numpy", fastmath=flags, **options)
    return decorator
