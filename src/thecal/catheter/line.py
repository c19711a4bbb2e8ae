"""The line ledger: what lies where between the reservoir and the tip."""

from dataclasses import dataclass

from thecal.fluid import Content, Parcel, take_front
from thecal.quantity import Volume


@dataclass(frozen=True, slots=True)
class Line:
    """The fluids in pump tubing and catheter, the one nearest the tip first. Their volumes always add up to the dead volume."""

    parcels: tuple[Parcel, ...]

    @classmethod
    def holding(cls, dead_volume: Volume, content: Content, mcg_per_ml: int = 0) -> "Line":
        """A line full of one fluid."""
        return cls((Parcel.whole(dead_volume.nl, dead_volume.nl * mcg_per_ml, content),))

    @property
    def volume_nl(self) -> int:
        return sum(parcel.volume_nl for parcel in self.parcels)

    @property
    def amount_pg(self) -> int:
        return sum(parcel.amount_pg for parcel in self.parcels)

    def pushed(self, incoming: tuple[Parcel, ...]) -> tuple["Line", tuple[Parcel, ...]]:
        """Plug flow: (the line after ``incoming`` has gone in at the pump's end, what came out at the tip)."""
        row = list(self.parcels)
        for parcel in incoming:
            if row and row[-1].joins(parcel):
                last = row[-1]
                row[-1] = Parcel(last.of_nl, last.of_pg, last.start, parcel.end, last.content)
            else:
                row.append(parcel)
        out, rest = take_front(row, sum(parcel.volume_nl for parcel in incoming))
        return Line(rest), out
