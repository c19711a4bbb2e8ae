"""A visit: its steps in their order, what is done of them and what is not, folded from the record.

It is begun, interrupted, gone on with by somebody else, and closed when no step is left. What the steps record are facts of the
chart; that a step was done, or left out and why, is an entry of its own beside them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal, get_args

from thecal.chart.clinical import Overrode, Signed
from thecal.chart.facts import Filled, Interrogated, SessionEnded, SessionUncertain
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic.entry import (
    DrugVerified,
    OrderWritten,
    PrintoutEntered,
    PrintoutTyped,
    RefillStepped,
    VisitAbandoned,
    VisitBegun,
    VisitClosed,
    VisitStepped,
)
from thecal.clinic.history import History, Recorded
from thecal.pump.sheet import PumpSheet
from thecal.therapy.appointment import open_refill
from thecal.therapy.finding import Finding
from thecal.therapy.look import Look
from thecal.therapy.mri import read_since_scan
from thecal.therapy.procedure import RefillProcedure
from thecal.therapy.residual import known_empty
from thecal.timeline import Instant

Kind = Literal["refill", "home refill", "titration", "follow-up", "unscheduled", "MRI"]
KINDS: tuple[Kind, ...] = get_args(Kind)
StepName = Literal[
    "home", "before", "symptoms", "scales", "reconciliation", "reading", "scan", "verify", "needle", "residual", "fill", "order",
    "second person", "update", "reading after", "printout", "reminder", "next visit",
]  # fmt: skip
_REFILLS = ("refill", "home refill")
_ALL = frozenset(KINDS)
_WITH_FILL = frozenset(_REFILLS)
_DOSED = frozenset({"refill", "home refill", "titration", "unscheduled"})
_SCAN = frozenset({"MRI"})
_AT_HOME = frozenset({"home refill"})


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a visit: what it is called, of which kinds of visit, and whether it may be left out with a reason."""

    name: StepName
    title: str
    kinds: frozenset[str]
    may_be_left_out: bool = False


STEPS: tuple[Step, ...] = (
    Step("home", "What a refill at home needs", _AT_HOME),
    Step("before", "Who it is, and what has happened since", _ALL),
    Step("symptoms", "Symptoms and side effects", _ALL),
    Step("scales", "Scales", _ALL, may_be_left_out=True),
    Step("reconciliation", "Medicines reconciled", _ALL),
    Step("reading", "The pump interrogated", _ALL),
    Step("scan", "The scan", _SCAN),
    Step("verify", "The drug verified by two", _WITH_FILL),
    Step("needle", "Port and needle", _WITH_FILL),
    Step("residual", "The residual", _WITH_FILL),
    Step("fill", "The fill", _WITH_FILL),
    Step("order", "The order", _DOSED, may_be_left_out=True),
    Step("second person", "The second person", _DOSED),
    Step("update", "The update", _DOSED),
    Step("reading after", "The pump interrogated again", _DOSED | _SCAN),
    Step("printout", "The printout, with the alarm date in writing", _ALL),
    Step("reminder", "Reminded of the signs", _ALL),
    Step("next visit", "The next visit booked", _ALL),
)
Stand = Literal["done", "next", "later", "left out", "not needed"]


@dataclass(frozen=True, slots=True)
class StepStanding:
    """A step as it stands; ``told`` says what was done, or why it is not needed, or what it waits for."""

    step: Step
    stand: Stand
    told: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """A visit as the record tells it. ``orders`` is the order that counts, by ``author``, written ``ordered_at``: the last one.

    An order that was taken back leaves none: what was approved, ``signed`` and ``gone_on`` with was of that one alone.
    ``typed`` is a printout, by ``typed_by``, that waits for a second person; ``verified`` the drug, each lot as it was last.
    """

    name: str
    kind: Kind
    begun: Instant
    begun_by: str
    done: Mapping[str, VisitStepped]
    procedure: RefillProcedure | None
    orders: OrderSheet | None
    author: str
    ordered_at: Instant | None
    approved_by: str
    ended: Literal["closed", "abandoned"] | None
    ended_at: Instant | None
    signed: tuple[Signed, ...] = ()
    gone_on: tuple[Overrode, ...] = ()
    typed: PrintoutTyped | None = None
    typed_by: str = ""
    verified: tuple[DrugVerified, ...] = ()

    @property
    def is_refill(self) -> bool:
        return self.kind in _REFILLS

    @property
    def asks_for_order_right(self) -> bool:
        """Whether the order is more than the volume of a refill: then somebody who may order has to stand behind it."""
        orders = self.orders
        if orders is None:
            return False
        asked = (orders.dosing, orders.patient, orders.concentration, orders.bolus)
        return any(part is not None for part in asked) or orders.bridge or orders.prime

    @property
    def read_again(self) -> bool:
        """Whether a reading now is one after what this visit is for: the update, or the scan."""
        return "update" in self.done or "scan" in self.done

    @property
    def filled(self) -> Filled | None:
        """The fill of this visit."""
        steps = self.procedure.steps if self.procedure else ()
        return next((step for step in reversed(steps) if isinstance(step, Filled)), None)


def visits(history: History) -> tuple[VisitBegun, ...]:
    """Every visit that was begun, the latest first."""
    return tuple(reversed(history.all(VisitBegun)))


def open_visit(history: History) -> VisitBegun | None:
    """The visit that is open: at most one."""
    return next(iter(open_visits(history)), None)


def open_visits(history: History) -> tuple[VisitBegun, ...]:
    """The visits that have not ended, the latest first: none or one, by what may be written."""
    ended = {entry.visit for entry in history.all(VisitClosed)} | {entry.visit for entry in history.all(VisitAbandoned)}
    return tuple(begun for begun in visits(history) if begun.visit not in ended)


def visit_of(history: History, name: str, sheet: PumpSheet | None) -> Visit | None:
    """A visit by its name; None where there is none. ``sheet`` is that of the pump in place."""
    begun = next((row for row in history.standing if isinstance(row.entry, VisitBegun) and row.entry.visit == name), None)
    if begun is None or not isinstance(begun.entry, VisitBegun):
        return None
    kind = next(kind for kind in KINDS if kind == begun.entry.what)
    last = next((row for row in reversed(history.rows) if isinstance(row.entry, OrderWritten) and row.entry.visit == name), None)
    gone = history.taken_back.get(last.version) if last is not None else None
    written = last.entry if last is not None and gone is None and isinstance(last.entry, OrderWritten) else None
    since = gone or last
    ordered = since.version if since is not None else 0
    done = _done(history, name, ordered)
    closed = next((entry for entry in history.all(VisitClosed) if entry.visit == name), None)
    given_up = next((entry for entry in history.all(VisitAbandoned) if entry.visit == name), None)
    end = closed or given_up
    approved = done.get("order approved")
    typed = _typed(history, name, ordered) if end is None else None
    signed = tuple(row.entry for row in history.standing if isinstance(row.entry, Signed) and row.version > ordered)
    return Visit(
        name,
        kind,
        begun.entry.at,
        begun.who,
        done,
        _procedure(history, begun, name, sheet) if kind in _REFILLS and sheet is not None else None,
        written.orders if written else None,
        written.author if written else "",
        written.at if written else None,
        approved.note if approved else "",
        None if end is None else "closed" if closed else "abandoned",
        end.at if end else None,
        signed if written else (),
        _gone_on(history, ordered) if written else (),
        typed.entry if typed is not None and isinstance(typed.entry, PrintoutTyped) else None,
        typed.who if typed is not None else "",
        _verified(history, name),
    )


def _verified(history: History, name: str) -> tuple[DrugVerified, ...]:
    """The drugs that were verified: a lot as it was last, but two sizes of one lot out of stock are both there."""
    found: list[DrugVerified] = []
    for entry in (entry for entry in history.all(DrugVerified) if entry.visit == name):
        others = [each for each in found if each.lot != entry.lot or (each.stock and entry.stock and each.stock != entry.stock)]
        found = [*others, entry]
    return tuple(found)


def _gone_on(history: History, ordered: int) -> tuple[Overrode, ...]:
    """What was gone on in spite of with the order of a version: the entries right before it."""
    before = takewhile(lambda row: isinstance(row.entry, Overrode), reversed(history.rows[: ordered - 1]))
    return tuple(row.entry for row in before if isinstance(row.entry, Overrode) and row.version not in history.taken_back)


NOT_DONE = frozenset({"uncertain", "unlike"})
"""How an update ends that is still to be made."""
_OF_THE_ORDER = frozenset({"order approved", "second person", "update", "reading after", "order left out"})


def _done(history: History, name: str, ordered: int) -> dict[str, VisitStepped]:
    """The steps that were done; of those that belong to the order only what was written after it, by version ``ordered``.

    An update of which nobody knew the end, or that came out otherwise, is not done, whatever was read since.
    """
    rows = sorted(history.standing, key=lambda row: row.version)
    return {
        row.entry.step: row.entry
        for row in rows
        if isinstance(row.entry, VisitStepped)
        and row.entry.visit == name
        and (row.entry.step not in _OF_THE_ORDER or row.version > ordered)
        and (row.entry.step != "update" or row.entry.note not in NOT_DONE)
    }


_READINGS = PrintoutEntered, Interrogated, SessionEnded, SessionUncertain
"""What leaves nothing of a printout that was typed before: the pump was read since, or nobody knows what it runs."""


def _typed(history: History, name: str, ordered: int) -> Recorded | None:
    """What was typed last of a printout, unless the pump was read since, or the order that it programs is another by now."""
    rows = [
        row
        for row in history.standing
        if isinstance(row.entry, PrintoutTyped)
        and row.entry.visit == name
        and (row.entry.what == "reading" or row.version > ordered)
    ]
    last = max(rows, key=lambda row: row.version, default=None)
    read = max((row.version for row in history.rows if isinstance(row.entry, _READINGS)), default=0)  # corrected ones too
    return last if last is not None and last.version > read else None


def _procedure(history: History, begun: Recorded, name: str, sheet: PumpSheet) -> RefillProcedure:
    """The refill's own procedure, its steps as they were written down, begun with the chart as it was then."""
    chart = history.known_at(begun.recorded).chart
    steps = tuple(entry.step for entry in history.all(RefillStepped) if entry.visit == name)
    return RefillProcedure(sheet, chart.residual is None, steps, known_empty(chart))


def standings(visit: Visit, look: Look, second: tuple[Finding, ...] = ()) -> tuple[StepStanding, ...]:
    """Every step of a visit as it stands; the first that is neither done nor left out nor unneeded is the next.

    ``second`` is what still asks for a second person of the order that was written here (``order_check``).
    """
    found = [_stand(step, visit, look, second) for step in STEPS if visit.kind in step.kinds]
    waits = next((number for number, each in enumerate(found) if each.stand == "later"), None)
    if waits is not None and visit.ended is None:
        found[waits] = StepStanding(found[waits].step, "next", found[waits].told)
    return tuple(found)


def gaps(visit: Visit, look: Look, second: tuple[Finding, ...] = ()) -> tuple[StepStanding, ...]:
    """The steps that are left; a visit without any may be closed."""
    return tuple(each for each in standings(visit, look, second) if each.stand in ("next", "later"))


def _stand(step: Step, visit: Visit, look: Look, second: tuple[Finding, ...]) -> StepStanding:
    left = visit.done.get(f"{step.name} left out")
    done = visit.done.get(step.name)
    if left is not None and (done is None or left.at > done.at):
        return StepStanding(step, "left out", left.note)
    needed = _needed(step.name, visit, look, second)
    if needed:
        return StepStanding(step, "not needed", needed)
    if _is_done(step.name, visit, look, second):
        return StepStanding(step, "done", done.note if done else "")
    return StepStanding(step, "later", open_refill(look) if step.name == "next visit" else "")


def _needed(step: StepName, visit: Visit, look: Look, second: tuple[Finding, ...]) -> str:
    """Why a step is not needed here; empty where it is."""
    sheet = look.sheet
    if step in ("reading", "order", "second person", "update", "reading after") and (sheet is None or not sheet.programmable):
        if step == "reading" and visit.is_refill and sheet is not None:
            return ""  # what is to be expected is worked out instead
        return "no pump that can be programmed is in place"
    if step == "next visit" and sheet is None:
        return "no pump is in place"
    if step == "order" and visit.is_refill and visit.orders is None and visit.filled is None:
        return ""
    no_order = "order left out" in visit.done and visit.orders is None
    if step in ("second person", "update", "reading after") and no_order:
        return "nothing is to be written"
    if step == "second person" and visit.orders is not None and "second person" not in visit.done and not second:
        return "no rule asks for one here"
    return ""


def _is_done(step: StepName, visit: Visit, look: Look, second: tuple[Finding, ...]) -> bool:
    if visit.typed is not None and visit.typed.what == step:
        return False
    if step == "verify":
        return step in visit.done and bool(visit.verified)
    if step == "fill":
        return visit.filled is not None
    if step == "order":
        return visit.orders is not None and (not visit.asks_for_order_right or bool(visit.approved_by))
    if step == "second person":
        return step in visit.done and not second
    if step == "update":
        session = look.chart.session
        since = visit.ordered_at
        return since is not None and session is not None and session.at >= since and "update" in visit.done
    if step == "reading after" and visit.kind == "MRI":
        return {"scan", step} <= visit.done.keys() and read_since_scan(look) and look.chart.uncertain is None
    if step == "reading after":
        update, read = visit.done.get("update"), visit.done.get(step)
        return update is not None and read is not None and read.at >= update.at and look.chart.uncertain is None
    if step == "next visit":
        return not open_refill(look)
    return step in visit.done


def overrides_since(look: Look, since: Instant) -> tuple[Overrode, ...]:
    """What was overridden at a visit, by whom and why."""
    return tuple(fact for fact in look.chart.facts if isinstance(fact, Overrode) and fact.at >= since)
