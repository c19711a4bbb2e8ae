"""What happens to a catheter that nobody ordered."""

from dataclasses import dataclass, replace
from typing import ClassVar

from thecal.catheter.geometry import TIP_LEVELS, Geometry
from thecal.catheter.line import Hole, Line
from thecal.errors import InputError
from thecal.fluid import ALL_PPM
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
    """The line and the catheter after a fault; a new hole takes the place of an old one.

    Raises InputError for a place that is not on the catheter or a level that is none.
    """
    match fault:
        case Kink(open_ppm):
            return replace(line, open_ppm=open_ppm), geometry
        case CatheterLeak(place, lost_ppm):
            hole = Hole(geometry.beyond(place), ALL_PPM - lost_ppm) if lost_ppm else None
        case Disconnection(place):
            hole = Hole(geometry.beyond(place), 0)
        case Migration(None):
            hole = Hole(0, 0)
        case Migration(tip_level):
            if tip_level not in TIP_LEVELS:
                raise InputError(
                    "tip_level", tip_level, "is not a vertebral level", accepted=("C1 to C7", "T1 to T12", "L1 to L5")
                )
            moved = replace(geometry, tip_level=tip_level)
            # A tip that comes back into the canal closes the way out at the tip, and no other.
            back = line.hole is not None and not line.hole.beyond_nl
            return (replace(line.settled(), hole=None) if back else line), moved
    return replace(line.settled(), hole=hole), geometry
