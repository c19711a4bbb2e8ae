"""Every re-enactment, played once for all tests that ask."""

from functools import cache

from thecal.hazards.play import Reenacted, reenact
from thecal.hazards.reenactment import reenactment


@cache
def played(name: str) -> Reenacted:
    """Both halves of a hazard."""
    return reenact(reenactment(name))
