"""The steps of a refill, each at its instant, and their order. What the chart has a fact for is that fact."""

from collections.abc import Mapping
from dataclasses import dataclass

from thecal.chart.facts import Filled, Interrogated
from thecal.pump.messages import Report, Update
from thecal.quantity import Concentration, Volume
from thecal.timeline import Instant


@dataclass(frozen=True, slots=True)
class WorkedOut:
    """What people work out of a pump without electronics: the residual to expect, and the concentration of the last fill."""

    at: Instant
    expected: Volume | None
    concentration: Concentration | None


@dataclass(frozen=True, slots=True)
class PortConfirmed:
    """The needle of that gauge is in the refill port."""

    at: Instant
    needle_gauge: int


@dataclass(frozen=True, slots=True)
class Aspirated:
    """What the syringe withdrew, this time."""

    at: Instant
    volume: Volume


@dataclass(frozen=True, slots=True)
class Overridden:
    """A named person goes on in spite of a red residual, for a reason."""

    at: Instant
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Rinsed:
    """A volume of the new strength was injected and withdrawn, so many times."""

    at: Instant
    volume: Volume
    times: int
    concentration: Concentration


@dataclass(frozen=True, slots=True)
class MixtureStated:
    """The concentration that the reservoir will hold after the fill, where it was not rinsed."""

    at: Instant
    concentration: Concentration


@dataclass(frozen=True, slots=True)
class Programmed:
    """What was written into the pump, in one update."""

    at: Instant
    update: Update


@dataclass(frozen=True, slots=True)
class Verified:
    """The pump reported what was programmed."""

    at: Instant
    report: Report


Step = Interrogated | WorkedOut | PortConfirmed | Aspirated | Overridden | Rinsed | MixtureStated | Filled | Programmed | Verified
FOLLOWS: Mapping[type, tuple[str, tuple[type, ...]]] = {
    Interrogated: ("an interrogation", ()),
    WorkedOut: ("a residual that was worked out", ()),
    PortConfirmed: ("port and needle", (Interrogated, WorkedOut, PortConfirmed, Aspirated, Overridden)),
    Aspirated: ("an aspiration", (PortConfirmed, Aspirated, Overridden)),
    Overridden: ("an override", (Aspirated,)),
    Rinsed: ("a rinse", (Aspirated, Overridden, Rinsed)),
    MixtureStated: ("a stated mixture", (Aspirated, Overridden, Rinsed, MixtureStated)),
    Filled: ("a fill", (Aspirated, Overridden, Rinsed, MixtureStated)),
    Programmed: ("an update", (Filled, Programmed)),
    Verified: ("a read-back", (Programmed,)),
}
"""Every step, and the steps that it may come right after; those that come after none come first (RPC-15)."""
