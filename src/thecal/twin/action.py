"""Actions: what people do at an instant. A source gives them one by one; the loop carries them out."""

from dataclasses import dataclass
from typing import ClassVar

from thecal.catheter.geometry import Geometry
from thecal.chart.order import Order, OrderBolus
from thecal.fluid import Content
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Amount, Concentration, Volume
from thecal.timeline import Duration, Instant


@dataclass(frozen=True, slots=True)
class GiveTestBolus:
    """A screening test by lumbar puncture."""

    at: Instant
    dose: Amount
    concentration: Concentration
    effect_lasted: Duration | None = None
    expect_refused: bool = False
    name: ClassVar[str] = "screening test"


@dataclass(frozen=True, slots=True)
class Implant:
    """A pump and a catheter, with what the line holds at operation."""

    at: Instant
    sheet: PumpSheet
    geometry: Geometry
    clock_offset_s: int
    line_holds: Content = "sterile water"
    low_reservoir: Volume | None = None
    expect_refused: bool = False
    name: ClassVar[str] = "implant"


@dataclass(frozen=True, slots=True)
class Refill:
    """Interrogate, aspirate, fill, and enter the volume; with a new program where one is ordered.

    ``typed`` is what is entered in the programmer (the injected volume unless something else is said), ``drawn_up`` what was
    taken from vials (the rest is wasted), ``measured`` the syringe's reading where the record gives one.
    """

    at: Instant
    volume: Volume
    concentration: Concentration
    order: Order | None = None
    typed: Volume | None = None
    drawn_up: Volume | None = None
    measured: Volume | None = None
    expect_refused: bool = False
    name: ClassVar[str] = "refill"


@dataclass(frozen=True, slots=True)
class Reprogram:
    """A new program at the concentration that the pump knows."""

    at: Instant
    order: Order
    expect_refused: bool = False
    name: ClassVar[str] = "program"


@dataclass(frozen=True, slots=True)
class GiveBolus:
    """A single bolus through the pump."""

    at: Instant
    order: OrderBolus
    expect_refused: bool = False
    name: ClassVar[str] = "bolus"


@dataclass(frozen=True, slots=True)
class EndBolus:
    """Cancel the running bolus."""

    at: Instant
    expect_refused: bool = False
    name: ClassVar[str] = "cancel bolus"


@dataclass(frozen=True, slots=True)
class Note:
    """Free text in the chart."""

    at: Instant
    text: str
    expect_refused: bool = False
    name: ClassVar[str] = "note"


@dataclass(frozen=True, slots=True)
class Explant:
    """Empty the pump and take pump and catheter out."""

    at: Instant
    expect_refused: bool = False
    name: ClassVar[str] = "explant"


Action = GiveTestBolus | Implant | Refill | Reprogram | GiveBolus | EndBolus | Note | Explant
