"""Facts: what was ordered, done and measured. Frozen, dated, and never claiming what nobody knows: no fact says delivered."""

from dataclasses import dataclass
from typing import Literal

from thecal.catheter.geometry import Geometry
from thecal.chart.clinical import ClinicalFact
from thecal.chart.order import Order, OrderBolus, OrderNoPatient, OrderPatient
from thecal.errors import Refusal
from thecal.fluid import Content
from thecal.pump.messages import Report
from thecal.quantity import Amount, Concentration, OralDose, Volume
from thecal.timeline import Duration, Instant


@dataclass(frozen=True, slots=True)
class TestBolusGiven:
    """A screening test: a bolus by lumbar puncture before implant, and how long its effect lasted."""

    __test__ = False  # the name is the field's; it is no test class
    at: Instant
    dose: Amount
    concentration: Concentration
    effect_lasted: Duration | None


@dataclass(frozen=True, slots=True)
class Implanted:
    """A pump and its catheter, as recorded at operation.

    ``holds`` is what the catheter held then; the tubing was ``primed`` with drug before it was connected, or holds sterile water.
    """

    at: Instant
    pump: str
    catheter: str
    tip_level: str
    dead_volume: Volume
    geometry: Geometry | None = None
    holds: Content = "unknown"
    primed: Concentration | None = None


@dataclass(frozen=True, slots=True)
class ResidualMeasured:
    """What the syringe withdrew, beside what the programmer expected, of a ``reservoir`` of that capacity.

    Nothing is expected (None) of a pump that knows no volume. The ``first`` one after implant is not yet reliable (RPC-07).
    ``taken_on`` says who filled in spite of a red one, and why.
    """

    at: Instant
    expected: Volume | None
    measured: Volume
    reservoir: Volume
    first: bool = False
    taken_on: str | None = None


@dataclass(frozen=True, slots=True)
class Filled:
    """What was injected through the refill port."""

    at: Instant
    volume: Volume
    concentration: Concentration


@dataclass(frozen=True, slots=True)
class Entered:
    """What was typed into the programmer as the reservoir's volume, beside what was injected."""

    at: Instant
    volume: Volume
    injected: Volume


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order was made. Whether it was taken is in the session that follows."""

    at: Instant
    order: Order | OrderBolus | OrderPatient | OrderNoPatient


@dataclass(frozen=True, slots=True)
class SessionEnded:
    """The pump acknowledged an update; ``order`` is the dosing order it now runs, ``report`` what it said at the end.

    A ``session`` with a name was reviewed, written and read back.
    """

    at: Instant
    order: Order | None
    report: Report
    session: str | None = None


@dataclass(frozen=True, slots=True)
class SessionUncertain:
    """A session ended and nobody knows whether the pump has written ``order``; only an interrogation ends that."""

    at: Instant
    order: Order | None
    why: str
    session: str | None = None


@dataclass(frozen=True, slots=True)
class Interrogated:
    """The pump was read, and this is what it said; in the ``session`` of that name, where it goes on."""

    at: Instant
    report: Report
    session: str | None = None


@dataclass(frozen=True, slots=True)
class PortUsed:
    """A needle was in the catheter access port; ``concentration`` is that of an injected drug."""

    at: Instant
    what: Literal["aspirate", "inject"]
    volume: Volume
    concentration: Concentration | None = None


@dataclass(frozen=True, slots=True)
class Revised:
    """The catheter was revised: what is in place now, and what it held then; the tubing stays with what lies in it."""

    at: Instant
    catheter: str
    tip_level: str
    dead_volume: Volume
    geometry: Geometry | None = None
    holds: Content = "unknown"


@dataclass(frozen=True, slots=True)
class PumpReplaced:
    """The old pump was taken out and another one, its tubing ``primed`` with drug or full of sterile water, put on the same
    catheter, which stays with what lies in it.
    """

    at: Instant
    pump: str
    dead_volume: Volume
    primed: Concentration | None = None


@dataclass(frozen=True, slots=True)
class TabletsStarted:
    """Doses by mouth each day at times of the wall clock (seconds of the day), instead of those of before."""

    at: Instant
    doses: tuple[OralDose, ...]
    times_s: tuple[int, ...]
    form: str


@dataclass(frozen=True, slots=True)
class TabletsStopped:
    """No more tablets."""

    at: Instant


@dataclass(frozen=True, slots=True)
class TabletTaken:
    """One dose by mouth."""

    at: Instant
    dose: OralDose
    form: str


@dataclass(frozen=True, slots=True)
class Assessed:
    """What an examiner found: Ashworth of legs and arms (1 to 5, the mean of the muscles), spasm frequency (Penn 0 to 4)."""

    at: Instant
    ashworth_legs: float | None
    ashworth_arms: float | None = None
    spasm_penn: float | None = None


@dataclass(frozen=True, slots=True)
class Explanted:
    """Pump and catheter were taken out."""

    at: Instant


@dataclass(frozen=True, slots=True)
class Noted:
    """Free text."""

    at: Instant
    text: str


@dataclass(frozen=True, slots=True)
class Acted:
    """An action was carried out, or refused. Every action leaves exactly one of these, last."""

    at: Instant
    action: str
    refusal: Refusal | None


Fact = (
    TestBolusGiven
    | Implanted
    | ResidualMeasured
    | Filled
    | Entered
    | Ordered
    | SessionEnded
    | SessionUncertain
    | Interrogated
    | PortUsed
    | Revised
    | PumpReplaced
    | TabletsStarted
    | TabletsStopped
    | TabletTaken
    | Assessed
    | Explanted
    | Noted
    | Acted
    | ClinicalFact
)
