"""The distribution of the spasticity, and the way of treatment that it speaks for (CAN-07)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from thecal.therapy.look import Look
from thecal.therapy.reason import Reason, met, told

Way = Literal["intrathecal", "botulinum toxin", "open"]
FOCAL = ("focal", "segmental")
WIDE = ("multi-segmental", "generalised", "both legs", "legs and trunk", "one side with trunk", "upper and lower limbs")


@dataclass(frozen=True, slots=True)
class Route:
    """The way of treatment that the distribution speaks for, and why."""

    way: Way
    why: str


def route(look: Look) -> Route:
    """What the distribution speaks for; a wide one counts before a focal one beside it."""
    wide = [item for item in WIDE if look.known.answer("distribution", item)]
    focal = [item for item in FOCAL if look.known.answer("distribution", item)]
    if wide:
        beside = f"; what is {' and '.join(focal)} beside it may have botulinum toxin" if focal else ""
        return Route("intrathecal", f"spasticity of this distribution: {', '.join(wide)}{beside}")
    if focal:
        return Route("botulinum toxin", f"spasticity of few muscles: {' and '.join(focal)}")
    return Route("open", "where the spasticity is was not recorded")


def distribution(look: Look) -> Iterator[Reason]:
    """CAN-07: a suggestion of the route, which stops nothing."""
    suggested = route(look)
    if suggested.way == "intrathecal":
        yield met("CAN-07", suggested.why)
        return
    advice = {
        "botulinum toxin": "Think of botulinum toxin first.",
        "open": "Record where the spasticity is.",
    }[suggested.way]
    allowed = "a pump for spasticity of many segments, of both legs, of one side with the trunk, or of upper and lower limbs"
    yield told("review", look.found("CAN-07", "advise", suggested.why, allowed, advice))
