"""Fluids that are drawn without losing a picogram."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Self

Content = Literal["drug", "sterile water", "CSF", "air", "unknown"]


@dataclass(frozen=True, slots=True)
class Parcel:
    """Nanolitres ``start`` to ``end`` of a well-mixed fluid that was ``of_nl`` in all and held ``of_pg`` of drug.

    What a part of it holds is a difference of two floors of the same line, so amounts telescope: however a fluid is drawn,
    nothing is lost and nothing is made.
    """

    of_nl: int
    of_pg: int
    start: int
    end: int
    content: Content = "drug"

    @classmethod
    def whole(cls, volume_nl: int, amount_pg: int, content: Content = "drug") -> Self:
        return cls(volume_nl, amount_pg, 0, volume_nl, content)

    @property
    def volume_nl(self) -> int:
        return self.end - self.start

    @property
    def amount_pg(self) -> int:
        if not self.of_nl:
            return 0
        return self.of_pg * self.end // self.of_nl - self.of_pg * self.start // self.of_nl

    @property
    def mcg_per_ml(self) -> float:
        return self.of_pg / self.of_nl if self.of_nl else 0.0

    def take(self, volume_nl: int) -> tuple["Parcel", "Parcel"]:
        """(the first ``volume_nl`` of it, the rest)."""
        cut = self.start + volume_nl
        first = Parcel(self.of_nl, self.of_pg, self.start, cut, self.content)
        return first, Parcel(self.of_nl, self.of_pg, cut, self.end, self.content)

    def joins(self, later: "Parcel") -> bool:
        """Whether ``later`` is the next part of the same fluid."""
        same = self.of_nl == later.of_nl and self.of_pg == later.of_pg and self.content == later.content
        return same and self.end == later.start


def take_front(parcels: Iterable[Parcel], volume_nl: int) -> tuple[tuple[Parcel, ...], tuple[Parcel, ...]]:
    """Split a row of parcels, front first, after ``volume_nl``."""
    front: list[Parcel] = []
    rest: list[Parcel] = []
    for parcel in parcels:
        if volume_nl <= 0:
            rest.append(parcel)
        elif parcel.volume_nl <= volume_nl:
            front.append(parcel)
            volume_nl -= parcel.volume_nl
        else:
            first, after = parcel.take(volume_nl)
            front.append(first)
            rest.append(after)
            volume_nl = 0
    return tuple(front), tuple(rest)
