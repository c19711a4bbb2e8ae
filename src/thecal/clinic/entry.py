"""What the record of a clinic holds beside the facts of a chart: the device's papers, calls, contacts, visits, corrections.

An entry is frozen and dated, like a fact: ``at`` is when it happened. When it was written down, and by whom, stands beside it.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from thecal.bench.codec import Plain, reader, written
from thecal.chart.facts import Fact
from thecal.chart.order import Order, OrderBolus, OrderNoPatient, OrderPatient
from thecal.chart.order_sheet import OrderSheet
from thecal.pump.messages import Report
from thecal.pump.program import BridgeBolus, PrimingBolus
from thecal.quantity import Concentration, DailyDose, Volume
from thecal.therapy.steps import Step
from thecal.timeline import Instant

Ending = Literal["explanted", "died", "lost to follow-up", "transferred"]
LOST: Ending = "lost to follow-up"
"""The one ending after which a pump still runs that nobody else looks after."""


@dataclass(frozen=True, slots=True)
class Corrected:
    """What was written down as ``version`` of this stream was wrong, and counts no longer; ``why`` says what was wrong."""

    at: Instant
    version: int
    why: str


@dataclass(frozen=True, slots=True)
class DeviceRecorded:
    """The papers of the pump in place. ``access_port`` is None where nobody knows whether there is one."""

    at: Instant
    model: str
    serial: str
    lot: str = ""
    catheter_serial: str = ""
    access_port: bool | None = None
    site: str = ""
    software: str = ""


@dataclass(frozen=True, slots=True)
class LineUnknown:
    """The volume of the catheter is not known (a transfer from elsewhere); no prime and no bridge until it is measured."""

    at: Instant
    known: bool = False
    how: str = ""


@dataclass(frozen=True, slots=True)
class Contacted:
    """Somebody tried to reach somebody about an item of the worklist, and what came of it."""

    at: Instant
    item: str
    whom: str
    how: str
    reached: bool
    outcome: str
    call_back: Instant | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """An item of the worklist that no fact ends was resolved, and how."""

    at: Instant
    item: str
    how: str


@dataclass(frozen=True, slots=True)
class Telephoned:
    """A telephone contact: who called, why, what was told, what the triage came to, what was advised.

    What was told of symptoms stands in the chart as facts of the same instant.
    """

    at: Instant
    caller: str
    reason: str
    tier: str
    suspicion: str
    advice: str
    call_back: Instant | None = None


@dataclass(frozen=True, slots=True)
class PreVisitAsked:
    """The call before a visit: what was answered to each question (``"yes"``, ``"no"`` or words)."""

    at: Instant
    visit_on: Instant
    answers: tuple["PreVisitAnswer", ...]


@dataclass(frozen=True, slots=True)
class PreVisitAnswer:
    """A question of the call before a visit, and what was said."""

    question: str
    yes: bool
    told: str = ""


@dataclass(frozen=True, slots=True)
class VisitBegun:
    """A visit was opened, under a name of its own."""

    at: Instant
    visit: str
    what: str


@dataclass(frozen=True, slots=True)
class VisitStepped:
    """A step of a visit was done; what it recorded stands beside it, at the same instant or before."""

    at: Instant
    visit: str
    step: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class RefillStepped:
    """A step of the refill's procedure, in its order."""

    at: Instant
    visit: str
    step: Step


@dataclass(frozen=True, slots=True)
class DrugVerified:
    """Two people compared a lot of the drug with the order: what its label says, and who the ``second`` was besides the writer.

    So many ``vials`` are used up with the fill out of the clinic's stock, where they are kept under the name ``stock``.
    """

    at: Instant
    visit: str
    strength: Concentration
    lot: str
    expires: date
    second: str
    stock: str = ""
    vials: int = 0

    @property
    def label(self) -> str:
        """The lot as it is told."""
        return f"{self.strength}, lot {self.lot}, expires {self.expires}"


@dataclass(frozen=True, slots=True)
class OrderWritten:
    """An order was written at a visit, by its author. The last one of a visit counts."""

    at: Instant
    visit: str
    author: str
    orders: OrderSheet


@dataclass(frozen=True, slots=True)
class Printed:
    """What a printout says. ``order`` is the running dosing as a dose, ``day_total`` its 24-h total as printed.

    ``patient`` is None where nothing is printed of patient boluses: they stay as they were. ``alarm_on`` is None where nothing
    flows, or where the threshold has been reached. ``eri`` is the date by which to replace the pump, None while its indicator is
    not reached. ``bolus`` is what began with the session of which this is the printout.
    ``daily_dose`` is the dose as printed, which an order by steps does not hold; None where it is that of the order.
    """

    at: Instant
    order: Order
    patient: OrderPatient | OrderNoPatient | None
    concentration: Concentration
    day_total: DailyDose
    calculated: Volume
    low_reservoir: Volume
    alarm_on: date | None
    eri: date | None = None
    alarms: tuple[str, ...] = ()
    bolus: PrimingBolus | BridgeBolus | OrderBolus | None = None
    daily_dose: DailyDose | None = None


@dataclass(frozen=True, slots=True)
class PrintoutTyped:
    """What somebody typed of a printout that a second person has to enter again (SAF-05); until then it counts for nothing."""

    at: Instant
    visit: str
    what: Literal["reading", "update"]
    printed: Printed


@dataclass(frozen=True, slots=True)
class PrintoutEntered:
    """What a real programmer's printout says was entered; ``again_by`` is the second person who entered it, where one did."""

    at: Instant
    visit: str
    report: Report
    again_by: str | None = None


@dataclass(frozen=True, slots=True)
class VisitClosed:
    """A visit was closed, with no step left."""

    at: Instant
    visit: str


@dataclass(frozen=True, slots=True)
class VisitAbandoned:
    """A visit was given up before its end, and why; what it recorded stays."""

    at: Instant
    visit: str
    why: str


@dataclass(frozen=True, slots=True)
class PassportIssued:
    """A pump passport was printed."""

    at: Instant
    number: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The clinic no longer treats the person."""

    at: Instant
    how: Ending
    told: str = ""


@dataclass(frozen=True, slots=True)
class Recalled:
    """A field action: pumps of a model, with one of these serial numbers or lots (none: all of the model)."""

    at: Instant
    recall: str
    model: str
    serials: tuple[str, ...]
    lots: tuple[str, ...]
    what: str
    source: str
    closed: bool = False


ClinicEntry = (
    Corrected
    | DeviceRecorded
    | LineUnknown
    | Contacted
    | Resolved
    | Telephoned
    | PreVisitAsked
    | VisitBegun
    | VisitStepped
    | RefillStepped
    | DrugVerified
    | OrderWritten
    | PrintoutTyped
    | PrintoutEntered
    | VisitClosed
    | VisitAbandoned
    | PassportIssued
    | Ended
    | Recalled
)
Entry = Fact | ClinicEntry

_READ = reader(Entry, "entry")


def entry_plain(entry: Entry) -> Plain:
    """An entry as what JSON holds; ``kind`` names it."""
    plain: Plain = written(entry, Entry)
    return plain


def entry_of(plain: Plain) -> Entry:
    """An entry from what JSON held. Raises UnreadableError."""
    entry: Entry = _READ(plain)
    return entry
