"""How often Python looks for garbage that only refers to itself: seldom where charts are read.

A chart of ten years is thousands of small objects that refer to each other in no circle. Looking through them again and again
took a quarter of the time, and now and then made a pause that somebody waited for.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_OBJECTS = 20_000
"""Objects made before the youngest are looked through."""


@contextmanager
def looked_for_seldom() -> Iterator[None]:
    """What is there now is not looked through again, what is made after it seldom; as before when the block ends."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
