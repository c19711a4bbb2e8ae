"""Actions: what people do at an instant. A source gives them one by one; the loop carries them out."""

from dataclasses import dataclass
from typing import ClassVar, Literal
from zoneinfo import ZoneInfo

from thecal.catheter.geometry import Geometry
from thecal.chart.chart import EMPTIED
from thecal.chart.facts import Assessed
from thecal.chart.order import Order, OrderBolus, OrderNoPatient, OrderPatient
from thecal.chart.order_sheet import OrderSheet
from thecal.fluid import Content
from thecal.pump.sheet import PumpSheet
from thecal.quantity import Amount, Concentration, FlowRate, OralDose, Volume
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
class TakeTablets:
    """Doses by mouth each day at times of the wall clock (seconds of the day), instead of those of before."""

    at: Instant
    doses: tuple[OralDose, ...]
    times_s: tuple[int, ...]
    form: str
    zone: ZoneInfo
    expect_refused: bool = False
    name: ClassVar[str] = "tablets"


@dataclass(frozen=True, slots=True)
class TakeOnce:
    """One dose by mouth."""

    at: Instant
    dose: OralDose
    form: str
    expect_refused: bool = False
    name: ClassVar[str] = "tablet"


@dataclass(frozen=True, slots=True)
class StopTablets:
    """No more tablets."""

    at: Instant
    expect_refused: bool = False
    name: ClassVar[str] = "stop tablets"


@dataclass(frozen=True, slots=True)
class Assess:
    """An examination; what was ``written`` down stands as it is, else the body is examined."""

    at: Instant
    written: Assessed | None = None
    expect_refused: bool = False
    name: ClassVar[str] = "assessment"


@dataclass(frozen=True, slots=True)
class Implant:
    """A pump and a catheter, with what the line holds at operation; the true drift of its clock is known to nobody.

    ``primed`` is the drug that its tubing was filled with before it was connected.
    """

    at: Instant
    sheet: PumpSheet
    geometry: Geometry
    clock_offset_s: int
    line_holds: Content = "sterile water"
    low_reservoir: Volume | None = None
    clock_drift_s: int = 0
    primed: Concentration | None = None
    expect_refused: bool = False
    name: ClassVar[str] = "implant"


@dataclass(frozen=True, slots=True)
class ReplacePump:
    """A new pump on the catheter that stays; its tubing comes full of sterile water, or ``primed`` with drug."""

    at: Instant
    sheet: PumpSheet
    clock_offset_s: int
    low_reservoir: Volume | None = None
    clock_drift_s: int = 0
    primed: Concentration | None = None
    expect_refused: bool = False
    name: ClassVar[str] = "replace pump"


@dataclass(frozen=True, slots=True)
class Revise:
    """A catheter in the place of the old one, or the old one repaired; either way it holds what was put in at operation."""

    at: Instant
    geometry: Geometry
    line_holds: Content = "sterile water"
    expect_refused: bool = False
    name: ClassVar[str] = "revise catheter"


@dataclass(frozen=True, slots=True)
class Refill:
    """Interrogate, aspirate, fill, and enter the volume; with a new program where one is ordered.

    ``typed`` is what is entered in the programmer (the injected volume unless something else is said), ``drawn_up`` what was
    taken from vials (the rest is wasted), ``measured`` the syringe's reading where the record gives one. ``bridge`` asks for a
    bridge bolus by the plan, where the concentration changes.
    """

    at: Instant
    volume: Volume
    concentration: Concentration
    order: Order | None = None
    patient: OrderPatient | OrderNoPatient | None = None
    typed: Volume | None = None
    drawn_up: Volume | None = None
    measured: Volume | None = None
    bridge: bool = False
    expect_refused: bool = False
    name: ClassVar[str] = "refill"


@dataclass(frozen=True, slots=True)
class Reprogram:
    """A new program at the concentration that the pump knows."""

    at: Instant
    order: Order
    patient: OrderPatient | OrderNoPatient | None = None
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
class Prime:
    """A priming bolus of a volume at a flow."""

    at: Instant
    volume: Volume
    flow: FlowRate
    expect_refused: bool = False
    name: ClassVar[str] = "prime"


@dataclass(frozen=True, slots=True)
class AskForBolus:
    """The patient asks the pump for a bolus."""

    at: Instant
    expect_refused: bool = False
    name: ClassVar[str] = "patient bolus"


@dataclass(frozen=True, slots=True)
class EndBolus:
    """Cancel the running bolus."""

    at: Instant
    expect_refused: bool = False
    name: ClassVar[str] = "cancel bolus"


@dataclass(frozen=True, slots=True)
class Look:
    """Interrogate the pump; by a ``programmer`` with a name, whose session goes on later."""

    at: Instant
    programmer: str | None = None
    expect_refused: bool = False
    name: ClassVar[str] = "interrogate"


@dataclass(frozen=True, slots=True)
class Needle:
    """The needle of a refill: the port that was found and the needle in it, what was aspirated (``measured`` where the record
    gives a reading), ``rinses`` of a volume with the new drug, and what was injected of what was ``drawn_up``.

    A residual that is amber is aspirated ``again``; one that is red needs an ``override``, a reason, ``by`` a person.
    """

    volume: Volume
    concentration: Concentration
    measured: Volume | None = None
    again: Volume | None = None
    drawn_up: Volume | None = None
    rinse: Volume | None = None
    rinses: int = 0
    port: Literal["refill port", "catheter access port"] = "refill port"
    needle_gauge: int = 22
    override: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class HoldSession:
    """A programmer's session from the interrogation to the reading back, with the refill that it belongs to.

    A ``programmer`` with a name goes on from the last interrogation under that name. ``lost`` is the message that does not reach
    the pump, or whose reply does not come back.
    """

    at: Instant
    orders: OrderSheet
    needle: Needle | None = None
    programmer: str | None = None
    lost: str | None = None
    expect_refused: bool = False
    name: ClassVar[str] = "session"


@dataclass(frozen=True, slots=True)
class OpenUpdate:
    """Begin an update, and leave it there."""

    at: Instant
    expect_refused: bool = False
    name: ClassVar[str] = "begin update"


@dataclass(frozen=True, slots=True)
class SetPumpClock:
    """Set the pump clock to an offset from UTC."""

    at: Instant
    offset_s: int
    expect_refused: bool = False
    name: ClassVar[str] = "set clock"


@dataclass(frozen=True, slots=True)
class UsePort:
    """A needle in the catheter access port: aspirate a volume, or inject one (of drug where a concentration is given)."""

    at: Instant
    what: Literal["aspirate", "inject"]
    volume: Volume
    concentration: Concentration | None = None
    expect_refused: bool = False

    @property
    def name(self) -> str:
        return f"{self.what} through the access port"


@dataclass(frozen=True, slots=True)
class EmptyReservoir:
    """Aspirate all that the reservoir holds, and put nothing in; ``measured`` is the syringe's reading where the record gives
    one.
    """

    at: Instant
    measured: Volume | None = None
    expect_refused: bool = False
    name: ClassVar[str] = EMPTIED


@dataclass(frozen=True, slots=True)
class OpenValve:
    """Reset by hand a valve that a magnetic field has shut."""

    at: Instant
    expect_refused: bool = False
    name: ClassVar[str] = "reset valve"


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


Telemetry = Reprogram | GiveBolus | Prime | AskForBolus | EndBolus | Look | OpenUpdate | SetPumpClock
Bedside = GiveTestBolus | TakeTablets | TakeOnce | StopTablets | Assess
Action = (
    Bedside
    | Implant
    | ReplacePump
    | Revise
    | Refill
    | HoldSession
    | Telemetry
    | UsePort
    | EmptyReservoir
    | OpenValve
    | Note
    | Explant
)
