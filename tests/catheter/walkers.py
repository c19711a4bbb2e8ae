"""Independent numerics for the catheter: closed forms of a front in a tube, and particles that walk through it."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Tube:
    """A round tube at a constant flow, in centimetres and seconds: by default an Indura 8709SC, and baclofen."""

    ml_per_day: float
    diffusion: float = 6e-6
    length: float = 89
    area: float = 0.00221

    @property
    def velocity(self) -> float:
        return self.ml_per_day / 86_400 / self.area

    @property
    def seconds(self) -> float:
        """The time of one lumen volume."""
        return self.length / self.velocity

    @property
    def dispersion(self) -> float:
        """Taylor and Aris, with the radius squared as area over pi."""
        return self.diffusion + self.velocity**2 * self.area / pi / (48 * self.diffusion)

    @property
    def sigma(self) -> float:
        """How far a front has spread when it stands at the tip."""
        return sqrt(2 * self.dispersion * self.seconds)

    @property
    def aris_sigma(self) -> float:
        """The same with what it lags behind at first: particles begin on every streamline alike (Aris 1956)."""
        return sqrt(self.sigma**2 - (self.velocity * self.area / pi / self.diffusion) ** 2 / 360)

    @property
    def spilled(self) -> float:
        """The part of the lumen that is past the tip after one lumen volume."""
        return self.sigma / sqrt(2 * pi) / self.length

    @property
    def mixings(self) -> float:
        """How often a slice of 1 cm exchanges a quarter with its neighbor in the time of one lumen volume."""
        return 4 * self.dispersion * self.seconds


@dataclass(frozen=True)
class Estimate:
    """A mean and its standard error."""

    value: float
    error: float


def walked(tube: Tube, walkers: int, steps: int, seed: int) -> Floats:
    """How far particles that begin in one cross-section, evenly, have come after one lumen volume.

    They diffuse across the tube in Gaussian steps, off the wall as a ball off a cushion (which keeps them even over the
    cross-section), and drift with the parabolic profile, twice the mean in the middle. Diffusion along the tube does not depend
    on the rest and is added at the end. In units of the radius, only the distance from the axis matters.
    """
    chance = np.random.default_rng(seed)
    step = sqrt(2 * tube.diffusion * tube.seconds / steps / (tube.area / pi))
    squared = (np.arange(walkers) + chance.random(walkers)) / walkers
    total = squared / 2
    for _ in range(steps):
        radius, dx, dy = np.sqrt(squared), step * chance.standard_normal(walkers), step * chance.standard_normal(walkers)
        squared = (radius + dx) ** 2 + dy**2
        out = np.flatnonzero(squared > 1)
        for who, where in _bounced(out, radius[out], dx[out], dy[out]):
            squared[who] = where
        total += squared
    mean_squared = (total - squared / 2) / steps
    along = sqrt(2 * tube.diffusion * tube.seconds) * chance.standard_normal(walkers)
    return np.asarray(2 * tube.length * (1 - mean_squared) + along, np.float64)


def _bounced(out: NDArray[np.intp], x: Floats, dx: Floats, dy: Floats) -> Iterator[tuple[NDArray[np.intp], Floats]]:
    """The squared distance from the axis of those that hit the wall, as often as it takes until all are inside again."""
    y = np.zeros(out.size)
    while out.size:
        length, along = dx * dx + dy * dy, x * dx + y * dy
        hit = (np.sqrt(along * along - length * (x * x + y * y - 1)) - along) / length
        x, y = x + hit * dx, y + hit * dy
        dx, dy = (1 - hit) * dx, (1 - hit) * dy
        outward = 2 * (dx * x + dy * y)
        dx, dy = dx - outward * x, dy - outward * y
        squared = (x + dx) ** 2 + (y + dy) ** 2
        yield out, squared
        again = squared > 1
        out, x, y, dx, dy = out[again], x[again], y[again], dx[again], dy[again]


def spilled(tube: Tube, distances: Floats) -> Estimate:
    """The part of the lumen past the tip, with drug upstream of the front everywhere alike.

    That is the mean of what each particle has gone too far, in lumens; and since on average all go exactly one lumen, half the
    mean of how far they are off it, which varies less.
    """
    off = np.abs(distances / tube.length - 1) / 2
    return Estimate(float(off.mean()), float(off.std() / sqrt(off.size)))
