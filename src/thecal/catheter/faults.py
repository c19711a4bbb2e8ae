"""What happens to a catheter that nobody ordered."""

from dataclasses import dataclass, replace
from typing import ClassVar

from thecal.catheter.geometry import TIP_LEVELS, Geometry
from thecal.catheter.line import Hole, Line
from thecal.errors import InputError
from thecal.fluid import ALL_PPM, kept
from thecal.quantity import Length


@dataclass(frozen=True, slots=True)
class Kink:
    """Only ``open_ppm`` parts per million of the flow get through; none is a total occlusion, all is a kink that has gone."""

    open_ppm: int
    name: ClassVar[str] = "kink"


@dataclass(frozen=True, slots=True)
class CatheterLeak:
    """``lost_ppm`` of what passes a place, measured from the pump's end, runs into the tissue."""

    place: Length
    lost_ppm: int
    name: ClassVar[str] = "leak"


@dataclass(frozen=True, slots=True)
class Disconnection:
    """The catheter comes apart at a place: all that arrives there runs into the tissue."""

    place: Length
    name: ClassVar[str] = "disconnection"


@dataclass(frozen=True, slots=True)
class Migration:
    """The tip moves to another level, or out of the spinal canal (None): then all runs into the tissue."""

    tip_level: str | None
    name: ClassVar[str] = "migration"


CatheterFault = Kink | CatheterLeak | Disconnection | Migration


def damage(line: Line, geometry: Geometry, fault: CatheterFault) -> tuple[Line, Geometry]:
    """The line and the catheter after a fault.

    A leak that grows takes the place of what it was. A leak at another place counts with the first one as one leak, there, of
    both shares; where the catheter has come apart a leak changes nothing. Raises InputError for a place that is not on the
    catheter or a level that is none.
    """
    match fault:
        case Kink(open_ppm):
            return replace(line, open_ppm=open_ppm), geometry
        case CatheterLeak(place, lost_ppm):
            hole = _leak(line.hole, geometry.beyond(place), ALL_PPM - lost_ppm)
        case Disconnection(place):
            hole = Hole(geometry.beyond(place), 0)
        case Migration(None):
            return replace(line, outside=True), geometry
        case Migration(tip_level):
            if tip_level not in TIP_LEVELS:
                accepted = ("C1 to C7", "T1 to T12", "L1 to L5")
                raise InputError("tip_level", tip_level, "is not a vertebral level", accepted=accepted)
            return replace(line, outside=False), replace(geometry, tip_level=tip_level)
    return (line if hole == line.hole else replace(line.settled(), hole=hole)), geometry


def _leak(before: Hole | None, beyond_nl: int, kept_ppm: int) -> Hole | None:
    if before is not None and not before.kept_ppm:
        return before
    if before is not None and before.beyond_nl != beyond_nl:
        if kept_ppm == ALL_PPM:
            return before
        return Hole(beyond_nl, kept(before.kept_ppm, kept_ppm))
    return Hole(beyond_nl, kept_ppm) if kept_ppm < ALL_PPM else None
