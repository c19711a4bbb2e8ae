"""Catheter models, and one catheter as it was implanted."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from thecal.catheter.line import Bore
from thecal.datum import Datum, data_names, pick, read_data, read_datum
from thecal.errors import InputError
from thecal.quantity import Length, Volume, VolumePerLength

TIP_LEVELS = (
    *(f"C{n}" for n in range(1, 8)),
    *(f"T{n}" for n in range(1, 13)),
    *(f"L{n}" for n in range(1, 6)),
)


@dataclass(frozen=True, slots=True)
class CatheterSheet:
    """The data sheet of a catheter model."""

    name: str
    title: str
    data: tuple[Datum, ...]
    length: Length
    volume_per_length: VolumePerLength


@dataclass(frozen=True, slots=True)
class Geometry:
    """A catheter as implanted: trimmed at the spinal end, its tip at a vertebral level, behind a pump's tubing.

    Where nothing ``mixes`` all of it is plug flow: a new drug arrives at once where it would come over hours.
    """

    sheet: CatheterSheet
    trimmed: Length
    tip_level: str
    tubing_volume: Volume
    mixes: bool = True

    def __post_init__(self) -> None:
        if self.trimmed >= self.sheet.length:
            raise InputError(
                "trimmed", str(self.trimmed), f"leaves nothing of a catheter of {self.sheet.length}", accepted=("less",)
            )
        if self.tip_level not in TIP_LEVELS:
            accepted = ("C1 to C7", "T1 to T12", "L1 to L5")
            raise InputError("tip_level", self.tip_level, "is not a vertebral level", accepted=accepted)

    @property
    def length(self) -> Length:
        """What is left of it after trimming."""
        return self.sheet.length - self.trimmed

    @property
    def catheter_volume(self) -> Volume:
        return self.sheet.volume_per_length.times(self.length)

    @property
    def bore(self) -> Bore | None:
        """The lumen in which fluids mix; None in plug flow."""
        return Bore(self.sheet.volume_per_length.nl_per_cm, self.catheter_volume.nl) if self.mixes else None

    def beyond(self, place: Length) -> int:
        """The nanolitres between a place, measured from the pump's end, and the tip. Raises InputError past the tip."""
        if place >= self.length:
            accepted = (f"less than {self.length}",)
            raise InputError("place", str(place), "is not on what is left of the catheter", accepted=accepted)
        return self.sheet.volume_per_length.times(self.length - place).nl

    @property
    def dead_volume(self) -> Volume:
        """Pump tubing and catheter together: what lies between reservoir and tip."""
        return self.tubing_volume + self.catheter_volume


@cache
def catheter_sheets() -> Mapping[str, CatheterSheet]:
    """Every catheter model of the package, by name."""
    return {sheet.name: sheet for family in data_names("catheters") for sheet in _family(family)}


def catheter_sheet(name: str, field: str = "catheter") -> CatheterSheet:
    """The data sheet of a catheter model. Raises InputError with the nearest known name."""
    return pick(name, catheter_sheets(), field)


def _family(family: str) -> list[CatheterSheet]:
    tables = read_data("catheters", family)
    shared = read_datum("volume_per_length", tables["volume_per_length"], f"catheter {family}")
    sheets = []
    for name, own in tables["models"].items():
        length = read_datum("length", own["length"], f"catheter {name}")
        sheets.append(
            CatheterSheet(
                name,
                tables["title"],
                (length, shared),
                Length.parse(length.value, f"{name} length"),
                VolumePerLength.parse(shared.value, f"{name} volume_per_length"),
            )
        )
    return sheets
