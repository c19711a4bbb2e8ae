"""Fluids that are drawn without losing a picogram."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Self

Content = Literal["drug", "other drug", "sterile water", "CSF", "air", "unknown"]
ALL_PPM = 10**6


def kept(count: int, kept_ppm: int) -> int:
    """What stays of the first ``count`` where ``kept_ppm`` parts per million stay; whole, and the same however it is cut."""
    return kept_ppm * count // ALL_PPM


@dataclass(frozen=True, slots=True)
class Parcel:
    """Nanolitres ``start`` to ``end`` of a well-mixed fluid that was ``of_nl`` in all and held ``of_pg`` of drug.

    What a part of it holds is a difference of two floors of the same line, so amounts telescope: however a fluid is drawn,
    nothing is lost and nothing is made. Beyond a hole only ``kept_ppm`` of it goes on, by the same floors.
    """

    of_nl: int
    of_pg: int
    start: int
    end: int
    content: Content = "drug"
    kept_ppm: int = ALL_PPM

    @classmethod
    def whole(cls, volume_nl: int, amount_pg: int, content: Content = "drug") -> Self:
        return cls(volume_nl, amount_pg, 0, volume_nl, content)

    @property
    def volume_nl(self) -> int:
        if self.kept_ppm == ALL_PPM:
            return self.end - self.start
        return kept(self.end, self.kept_ppm) - kept(self.start, self.kept_ppm)

    @property
    def amount_pg(self) -> int:
        if not self.of_nl:
            return 0
        if self.kept_ppm == ALL_PPM:
            return self.of_pg * self.end // self.of_nl - self.of_pg * self.start // self.of_nl
        pg, nl = self.of_pg * self.kept_ppm, self.of_nl * ALL_PPM
        return pg * self.end // nl - pg * self.start // nl

    @property
    def mcg_per_ml(self) -> float:
        return self.of_pg / self.of_nl if self.of_nl else 0.0

    def take(self, volume_nl: int) -> tuple["Parcel", "Parcel"]:
        """(the first ``volume_nl`` of it, the rest)."""
        if self.kept_ppm == ALL_PPM:
            return self.cut(self.start + volume_nl)
        wanted = kept(self.start, self.kept_ppm) + volume_nl
        return self.cut(-(-wanted * ALL_PPM // self.kept_ppm))

    def take_last(self, volume_nl: int) -> tuple["Parcel", "Parcel"]:
        """(the rest, the last ``volume_nl`` of it)."""
        return self.cut(self.end - volume_nl)

    def cut(self, at: int) -> tuple["Parcel", "Parcel"]:
        """What lies before and after a place in the whole fluid."""
        first = Parcel(self.of_nl, self.of_pg, self.start, at, self.content, self.kept_ppm)
        return first, Parcel(self.of_nl, self.of_pg, at, self.end, self.content, self.kept_ppm)

    def joins(self, later: "Parcel") -> bool:
        """Whether ``later`` is the next part of the same fluid."""
        same = self.of_nl == later.of_nl and self.of_pg == later.of_pg and self.content == later.content
        return same and self.end == later.start and self.kept_ppm == later.kept_ppm

    def joined(self, later: "Parcel") -> "Parcel":
        """Both parts as one."""
        return Parcel(self.of_nl, self.of_pg, self.start, later.end, self.content, self.kept_ppm)


def volume_of(parcels: Iterable[Parcel]) -> int:
    """The nanolitres of a row of parcels."""
    return sum(parcel.volume_nl for parcel in parcels)


def amount_of(parcels: Iterable[Parcel]) -> int:
    """The picograms of a row of parcels."""
    return sum(parcel.amount_pg for parcel in parcels)


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
