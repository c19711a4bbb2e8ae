"""What is kept of a body: channels on a grid, or their summaries without the trajectory."""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thecal.body.doses import LUMBAR_PUNCTURE
from thecal.body.levels import LUMBAR_PUNCTURE_CM, level_cm
from thecal.body.schedule import Grid
from thecal.errors import InputError, nearest_name

Floats = NDArray[np.float64]

_CSF = re.compile(r"csf_([a-z0-9_]+)_ng_per_ml")
LINEAR = {
    "plasma_ng_per_ml": "baclofen in plasma",
    "legs_ng_per_ml": "effect site of the legs: cord segments L2 to S2",
    "arms_ng_per_ml": "effect site of the arms: cord segments C5 to T1",
    "brain_ng_per_ml": "effect site of the brain: what reaches it from the cranial fluid, and from blood",
    "reflex_ng_per_ml": "effect site of the H reflex",
}
DERIVED = {
    "ashworth_legs": "Ashworth score of the legs, 1 to 5",
    "ashworth_arms": "Ashworth score of the arms, 1 to 5",
    "spasm_penn": "spasm frequency, Penn 0 to 4",
    "reflex_percent": "H/M ratio, %",
    "weakness_index": "weakness, 0 to 1",
    "sedation_index": "sedation, 0 to 1",
    "overdose_index": "overdose, 0 to 1",
    "tolerance": "how much EC50 has risen, as a part of itself",
    "withdrawal_index": "tolerance that no drug answers",
}
CSF = "csf_<level>_ng_per_ml"


@dataclass(frozen=True, slots=True)
class Watch:
    """A level of a channel; a summary counts the hours above and below it."""

    channel: str
    level: float


@dataclass(frozen=True, slots=True)
class Record:
    """What is kept: which channels, on which grid, whole or as summaries.

    ``implant_s`` is the second at which the therapy began, from which tolerance and disease count. With ``summarize`` only
    minimum, mean and maximum over the grid, and the hours above and below each ``watch``, are kept. With ``resumable`` the body
    is kept as it is at the start of the last day, so that another run can go on from there. Raises InputError for a channel that
    does not exist and for a grid without an instant.
    """

    grid: Grid
    channels: tuple[str, ...]
    implant_s: int = 0
    summarize: bool = False
    resumable: bool = False
    watch: tuple[Watch, ...] = ()

    def __post_init__(self) -> None:
        for name in (*self.channels, *(watch.channel for watch in self.watch)):
            check_channel(name)
        if not self.channels:
            raise InputError("channels", "", "are none; nothing would be kept", accepted=(CSF, *LINEAR, *DERIVED))
        if len(set(self.channels)) < len(self.channels):
            raise InputError("channels", ", ".join(self.channels), "hold one twice")
        odd = [watch.channel for watch in self.watch if watch.channel not in self.channels]
        if odd:
            raise InputError("watch", odd[0], "is not a channel that is kept", accepted=self.channels)
        if self.grid.count < 1 or self.grid.step_s < 1:
            raise InputError(
                "grid", f"{self.grid.count} times, every {self.grid.step_s} s", "has no instant", accepted=("1 or more",)
            )


@dataclass(frozen=True, slots=True)
class Summary:
    """One channel over a grid, one float for each patient. ``mean`` is by the trapezoidal rule over the grid."""

    minimum: Floats
    mean: Floats
    maximum: Floats
    hours_above: dict[float, Floats]
    hours_below: dict[float, Floats]

    @classmethod
    def blank(cls, count: int, levels: tuple[float, ...]) -> "Summary":
        """Room for so many patients."""
        above, below = ({level: np.empty(count) for level in levels} for _ in range(2))
        return cls(np.empty(count), np.empty(count), np.empty(count), above, below)

    def fill(self, part: slice, other: "Summary") -> None:
        """Put in the summary of some of the patients."""
        for name in ("minimum", "mean", "maximum"):
            getattr(self, name)[part] = getattr(other, name)
        for name in ("hours_above", "hours_below"):
            for level, hours in getattr(other, name).items():
                getattr(self, name)[level][part] = hours

    @classmethod
    def of(cls, values: Floats, step_s: int, levels: tuple[float, ...]) -> "Summary":
        """From a channel on its grid, (patients, times); an instant counts half a step to either side of it."""
        weights = np.full(values.shape[1], step_s / 3600.0)
        if len(weights) > 1:
            weights[[0, -1]] /= 2
        above = {level: (values > level) @ weights for level in levels}
        below = {level: (values < level) @ weights for level in levels}
        mean = np.sum(values * weights, axis=1) / weights.sum()  # each patient for itself, to the last bit
        return cls(values.min(axis=1), mean, values.max(axis=1), above, below)


def check_channel(name: str) -> None:
    """Raises InputError for a channel that does not exist, with the nearest known name."""
    if name not in LINEAR and name not in DERIVED:
        csf_cm(name)


def csf_cm(name: str) -> float | None:
    """The height of a spinal fluid channel; None for the cranial box. Raises InputError where it is no channel."""
    match = _CSF.fullmatch(name)
    if match is None:
        known = (*LINEAR, *DERIVED, "csf_t10_ng_per_ml", "csf_lumbar_puncture_ng_per_ml", "csf_cranial_ng_per_ml")
        raise InputError("channel", name, "is not a channel of the body", accepted=known, nearest=nearest_name(name, known))
    if match[1] == "cranial":
        return None
    place = match[1].replace("_", " ")
    return site_cm(LUMBAR_PUNCTURE if place == LUMBAR_PUNCTURE else place.upper(), "channel")


def site_cm(name: str, field: str) -> float:
    """The height of the lumbar puncture or of a vertebral level. Raises InputError for what is neither."""
    return LUMBAR_PUNCTURE_CM if name == LUMBAR_PUNCTURE else level_cm(name, field)
