"""Where the drug is: given, in spinal fluid and tissue, in the gut, in blood, gone. It closes to round-off in every run."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thecal.body.cascade import BLOOD, Cascade
from thecal.body.march import Contents

Floats = NDArray[np.float64]

GAP_MAX = 1e-9
"""The largest gap, as a part of what was given, that round-off can explain."""
_NOTHING_MCG = 1e-12  # is no drug, where all that was given before is long gone


@dataclass(frozen=True, slots=True)
class Balance:
    """Micrograms of each patient. ``unabsorbed`` is the part of oral doses that never reaches blood."""

    given: Floats
    fluid: Floats
    gut: Floats
    plasma: Floats
    eliminated: Floats
    unabsorbed: Floats

    @classmethod
    def blank(cls, count: int) -> "Balance":
        """Room for so many patients."""
        return cls(**{name: np.empty(count) for name in cls.__dataclass_fields__})

    def fill(self, part: slice, other: "Balance") -> None:
        """Put in the balance of some of the patients."""
        for name in self.__dataclass_fields__:
            getattr(self, name)[part] = getattr(other, name)

    @property
    def gap(self) -> Floats:
        """What is given and nowhere."""
        return self.given - self.fluid - self.gut - self.plasma - self.eliminated - self.unabsorbed

    @property
    def closes(self) -> bool:
        return bool(np.all(np.abs(self.gap) <= GAP_MAX * self.given + _NOTHING_MCG))


def balance(cascade: Cascade, before: Contents, after: Contents, given_mcg: Floats) -> Balance:
    """The balance of a run in which ``given_mcg`` (patients, sources) entered; what was there before counts as given.

    What has left a compartment is its rate times the time integral of its contents, which is what entered less what is still
    there, over the rate: the outflow is integrated from the modes and never taken as what is missing.
    """
    into = np.matmul(given_mcg[:, None, :], cascade.given)[:, 0]
    spent = (into + before.modes - after.modes) / cascade.rate  # the integral of every mode
    plasma, absorbed = cascade.plasma, cascade.patients["bioavailability"]
    entered = np.stack([np.sum(cascade.lost * spent, axis=1), cascade.rate[:, -1] * spent[:, -1]], axis=1)
    parts, began = _in_blood(cascade, after), _in_blood(cascade, before)
    through = (entered[:, :, None] + began - parts) / plasma.rate[:, None, :]
    share = np.stack([np.ones_like(absorbed), absorbed], axis=1)
    both = plasma.central + plasma.peripheral
    blood = share * np.einsum("pi,pri->pr", both, parts)
    was_in_blood = share * np.einsum("pi,pri->pr", both, began)
    eliminated = plasma.elimination_per_h[:, None] * share * np.einsum("pi,pri->pr", plasma.central, through)
    was = np.sum(cascade.held * before.modes, axis=1) + before.modes[:, -1] + was_in_blood.sum(axis=1)
    return Balance(
        given_mcg.sum(axis=1) + was,
        np.sum(cascade.held * after.modes, axis=1),
        after.modes[:, -1],
        blood.sum(axis=1),
        eliminated.sum(axis=1),
        (1 - absorbed) * entered[:, 1],
    )


def _in_blood(cascade: Cascade, contents: Contents) -> Floats:
    """(patients, 2 routes, 2 exponentials): what came from the spinal fluid, and what came from the gut."""
    from_fluid = contents.links[:, :BLOOD]
    from_gut = contents.links[:, BLOOD : 2 * BLOOD] if cascade.oral else np.zeros_like(from_fluid)
    return np.stack([from_fluid, from_gut], axis=1)
