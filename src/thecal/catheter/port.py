"""The catheter access port: a needle at the pump's end of the catheter, past the tubing."""

from dataclasses import dataclass

from thecal.catheter.line import Line
from thecal.errors import Refusal
from thecal.fluid import Parcel, amount_of, take_front, volume_of
from thecal.quantity import Volume


@dataclass(frozen=True, slots=True)
class PortUse:
    """What a needle in the port did: the line afterwards, what came into the syringe, what was driven out at the tip, what was
    lost through a hole on the way, and the cerebrospinal fluid that was drawn in.
    """

    line: Line
    drawn: tuple[Parcel, ...] = ()
    out: tuple[Parcel, ...] = ()
    lost_nl: int = 0
    lost_pg: int = 0
    csf_nl: int = 0


def aspirate(line: Line, volume: Volume) -> PortUse | Refusal:
    """Draw a volume out of the catheter; cerebrospinal fluid comes in at the tip.

    Refused where nothing comes: an occlusion, or a catheter that is not in the fluid (CAT-10).
    """
    if not line.open_ppm or line.hole is not None or line.outside:
        return _nothing_comes(line, f"aspirate {volume}")
    lumen, tubing = _at_port(line)
    csf = Parcel.whole(volume.nl, 0, "CSF")
    rest, drawn = take_front((csf, *lumen), volume_of(lumen))
    return PortUse(line.with_row((*rest, *tubing)), drawn=drawn, csf_nl=volume.nl)


def inject(line: Line, parcel: Parcel) -> PortUse | Refusal:
    """Push a fluid into the catheter: what lies in it goes out at the tip ahead of it, as a bolus. Refused in an occlusion."""
    if not line.open_ppm:
        return _nothing_comes(line, f"inject {Volume(parcel.volume_nl)}")
    lumen, tubing = _at_port(line)
    pushed = line.with_parcels(lumen).pushed((parcel,))
    after = line.with_row((*pushed.line.parcels, *tubing))
    return PortUse(after, out=pushed.out, lost_nl=pushed.lost_nl, lost_pg=pushed.lost_pg)


def contents_pg(line: Line) -> int:
    """The drug that lies in the catheter, past the tubing: what an injection without aspiration drives into the patient."""
    return amount_of(_at_port(line)[0])


def _at_port(line: Line) -> tuple[tuple[Parcel, ...], tuple[Parcel, ...]]:
    """(what lies in the catheter, what lies in the tubing). A line without a bore is all catheter."""
    lumen_nl = line.volume_nl if line.bore is None else line.bore.lumen_nl
    return take_front(line.settled().parcels, lumen_nl)


def _nothing_comes(line: Line, asked: str) -> Refusal:
    why = "a catheter that is open" if not line.open_ppm else "a catheter whole from the port to the spinal fluid"
    advice = "Do not inject through the port; plan imaging and a revision of the catheter."
    return Refusal("CAT-10", asked, why, "access port practice: aspirate first (southshoreneurologic.com)", advice)
