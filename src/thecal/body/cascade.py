"""The linear body as a cascade: modes that decay on their own, and links that follow them.

Modes are those of the canal and the gut; links are the two exponentials of plasma, for drug from the spinal fluid and for drug
from the gut, and the effect sites. Nothing flows back, so a step of any length is known in closed form:

    mode' = decay * mode + given
    link' = own * link + feed * mode + given

Both routes meet at the effect sites: drug by mouth adds its share of the plasma concentration to the spinal fluid there.
"""

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from thecal.body.chain import chain2, chain3, filled, filled2
from thecal.body.column import Column
from thecal.body.levels import ARM_CORD_CM, LEG_CORD_CM
from thecal.body.modes import Modes, modes_of
from thecal.body.patient import Patients, Places
from thecal.body.plasma import Plasma

if TYPE_CHECKING:
    from thecal.body.engine import Engine

Floats = NDArray[np.float64]

SITES = ("legs", "arms", "brain", "reflex")
BLOOD = 2
"""The two exponentials of drug in blood: the first two links are those of drug from the spinal fluid, the next two from the
gut.
"""


@dataclass(frozen=True, slots=True)
class Step:
    """The body over one span of time, for a batch: what is left of each mode and link, what passes from one to another, and what
    an infusion of 1 mcg/h at each source of the spinal fluid leaves in them (nothing flows into the gut). Modes last axis where
    there are some.
    """

    hours: float
    decay: Floats  # (patients, modes)
    feed: Floats  # (patients, links, modes)
    own: Floats  # (patients, links, links), lower triangular
    mode_given: Floats  # (patients, sources, modes)
    link_given: Floats  # (patients, sources, links)


@dataclass(frozen=True, slots=True)
class Cascade:
    """A batch of linear bodies, with the effect ``sites`` that are asked for.

    ``rate`` (patients, modes) and ``link_rate`` (patients, links) per hour; ``feed`` (patients, links, modes) and ``between``
    (patients, links, links) what a unit of one gives another in an hour; ``given`` (patients, sources, modes) what 1 mcg at a
    source puts into each mode. ``seen`` (patients, levels, modes) reads spinal fluid concentrations, mcg/mL. The last mode is the
    gut; ``held``, ``lost``, ``plasma`` and ``bioavailability`` are for the balance.
    """

    patients: Patients
    rate: Floats
    link_rate: Floats
    feed: Floats
    between: Floats
    given: Floats
    seen: Floats
    held: Floats
    lost: Floats
    plasma: Plasma
    sites: tuple[str, ...]
    oral: bool

    @classmethod
    def of(
        cls,
        patients: Patients,
        sources: Floats,
        levels: Floats,
        column: Column,
        engine: "Engine",
        sites: tuple[str, ...] = SITES,
        *,
        oral: bool = True,
    ) -> "Cascade":
        """The bodies of a batch. ``sources`` and ``levels`` are rows of cell weights; the gut becomes the last source.

        Without ``oral`` there are no links of drug from the gut.
        """
        legs = column.between(*LEG_CORD_CM)
        where = {"legs": legs, "arms": column.between(*ARM_CORD_CM), "brain": column.cranial, "reflex": legs}
        seen = np.stack([*(where[site] for site in sites), *levels]) if sites or len(levels) else levels
        return _assembled(patients, modes_of(patients, column, sources, seen, engine), Plasma.of(patients), sites, oral)

    def of_some(self, patients: Patients, places: Places) -> "Cascade":
        """That of some of the patients."""
        named = ("rate", "link_rate", "feed", "between", "given", "seen", "held", "lost")
        arrays = {name: getattr(self, name)[places] for name in named}
        plasma = Plasma(*(getattr(self.plasma, one.name)[places] for one in fields(Plasma)))
        return replace(self, patients=patients, plasma=plasma, **arrays)

    @property
    def first_site(self) -> int:
        """Where the effect sites begin among the links."""
        return 2 * BLOOD if self.oral else BLOOD

    def step(self, hours: float) -> Step:
        """The body over a span of time."""
        decay, left = np.exp(-self.rate * hours), np.exp(-self.link_rate * hours)
        a, b = self.rate[:, None, :], self.link_rate[:, :, None]
        passed = chain2(a, b, hours)
        feed = self.feed * passed
        own = self.between * chain2(self.link_rate[:, None, :], b, hours)
        each = np.arange(own.shape[1])
        own[:, each, each] = left
        if self.oral:
            blood, site = slice(BLOOD, 2 * BLOOD), self.first_site
            gut, fed = self.rate[:, -1][:, None, None], self.feed[:, None, blood, -1]
            through = chain3(gut, self.link_rate[:, None, blood], self.link_rate[:, site:, None], hours)
            feed[:, site:, -1] += np.sum(fed * self.between[:, site:, blood] * through, axis=2)
        fluid = self.given[:, :-1]
        mode_given = fluid * filled(self.rate, hours)[:, None, :]
        link_given = np.matmul(fluid, (self.feed * filled2(a, b, hours, passed)).transpose(0, 2, 1))
        return Step(hours, decay, feed, own, mode_given, link_given)


def _assembled(patients: Patients, modes: Modes, plasma: Plasma, sites: tuple[str, ...], oral: bool) -> Cascade:
    """Canal, gut, plasma and effect sites in one."""
    count, sources = patients.count, modes.given.shape[1]
    gut = patients["absorption_per_h"]
    rate = np.concatenate([modes.rate, gut[:, None]], axis=1)
    site_rate = [patients["ke0_reflex_per_h" if site == "reflex" else "ke0_tone_per_h"][:, None] for site in sites]
    link_rate = np.concatenate([plasma.rate, *([plasma.rate] if oral else []), *site_rate], axis=1)
    first = link_rate.shape[1] - len(sites)
    feed = np.zeros((count, *link_rate.shape[1:], rate.shape[1]))
    feed[:, :BLOOD, :-1] = modes.lost[:, None, :]
    reaches = [patients["brain_per_cranial"] if site == "brain" else np.ones(count) for site in sites]
    driven = modes.seen[:, : len(sites)] * np.stack(reaches, axis=1)[:, :, None] if sites else modes.seen[:, :0]
    feed[:, first:, :-1] = link_rate[:, first:, None] * driven
    between = np.zeros((count, link_rate.shape[1], link_rate.shape[1]))
    if oral:
        feed[:, BLOOD:first, -1] = gut[:, None]
        share = patients["csf_per_plasma"] * patients["bioavailability"] / plasma.volume_ml
        between[:, first:, BLOOD:first] = link_rate[:, first:, None] * (share[:, None] * plasma.central)[:, None, :]
    given = np.zeros((count, sources + 1, rate.shape[1]))
    given[:, :-1, :-1] = modes.given
    given[:, -1, -1] = 1.0
    blank = np.zeros((count, 1))
    levels = modes.seen[:, len(sites) :]
    return Cascade(
        patients,
        rate,
        link_rate,
        feed,
        between,
        given,
        np.concatenate([levels, np.zeros((count, levels.shape[1], 1))], axis=2),
        np.concatenate([modes.held, blank], axis=1),
        np.concatenate([modes.lost, blank], axis=1),
        plasma,
        sites,
        oral,
    )
