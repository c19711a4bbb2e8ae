"""What each step of a visit writes down: entries out of what was told, or the refusal of what is not allowed.

Nothing here knows of pages, pumps or databases: a visit and what was told go in, entries come out.
"""

from collections.abc import Iterable, Mapping

from thecal.chart.clinical import Answered, Documented, SymptomReported, Visited
from thecal.chart.facts import Assessed, Fact, Filled, Interrogated, ResidualMeasured
from thecal.clinic.entry import Entry, RefillStepped, VisitAbandoned, VisitBegun, VisitClosed, VisitStepped
from thecal.clinic.history import History
from thecal.clinic.visit import KINDS, STEPS, Visit, gaps, open_visit
from thecal.errors import InputError, Refusal
from thecal.quantity import Concentration, Volume
from thecal.therapy.finding import Finding
from thecal.therapy.look import Look
from thecal.therapy.procedure import Port, RefillProcedure
from thecal.therapy.refill_visit import BEFORE, NEEDLE, PRINTED, REMINDED, VERIFIED
from thecal.timeline import Instant

LIST = "refill"
_SOURCE = "thecal: how a visit is kept"


def refused(asked: str, limit: str, advice: str, rule: str = "CLN-10") -> Refusal:
    """A refusal by the visit itself."""
    return Refusal(rule, asked, limit, _SOURCE, advice)


def begin(history: History, name: str, kind: str, now: Instant) -> tuple[Entry, ...] | Refusal:
    """A visit is begun; one at a time. Raises InputError for a kind that is not known."""
    if kind not in KINDS:
        raise InputError("kind", kind, "is not a kind of visit", accepted=KINDS)
    other = open_visit(history)
    if other is not None:
        told = f"a second visit, while one of kind {other.what} is open"
        return refused(told, "one visit at a time", "Go on with the open one, close it, or give it up with a reason.")
    return (VisitBegun(now, name, kind), Visited(now, kind))


def check_open(visit: Visit) -> Refusal | None:
    """Nothing more is written into a visit that has ended."""
    if visit.ended is None:
        return None
    asked = f"a step of a visit that was {visit.ended}"
    return refused(asked, "an open visit", "Begin another visit, or correct the entry in the chart.")


def ticked(
    visit: Visit, step: str, items: Iterable[str], yes: Mapping[str, bool], now: Instant, note: str = ""
) -> tuple[Entry, ...]:
    """A list that was gone through: every item with its answer; the step is done only where all are answered with yes."""
    answers: tuple[Entry, ...] = tuple(Answered(now, LIST, item, yes.get(item, False)) for item in items)
    if not all(yes.get(item, False) for item in items):
        return answers
    return (*answers, VisitStepped(now, visit.name, step, note))


def before(visit: Visit, yes: Mapping[str, bool], now: Instant, note: str) -> tuple[Entry, ...]:
    """RPC-01: who it is, allergy, infection, history."""
    return ticked(visit, "before", [item for item in BEFORE if item != "reconciliation"], yes, now, note)


def verified(visit: Visit, yes: Mapping[str, bool], now: Instant, drug: str) -> tuple[Entry, ...]:
    """RPC-03: two people compared drug, concentration, volume, expiry and lot with the order."""
    return ticked(visit, "verify", VERIFIED, yes, now, drug)


def symptoms(visit: Visit, grades: Mapping[str, int], now: Instant) -> tuple[Entry, ...]:
    """AE-01: what was asked for and graded; nothing is a finding too."""
    told = ", ".join(f"{name} {grade}" for name, grade in grades.items() if grade) or "none reported"
    facts = [SymptomReported(now, name, grade) for name, grade in grades.items()]
    return (*facts, VisitStepped(now, visit.name, "symptoms", told))


def scales(visit: Visit, legs: float | None, arms: float | None, spasm: float | None, now: Instant) -> tuple[Entry, ...]:
    """What an examiner found."""
    return (Assessed(now, legs, arms, spasm), VisitStepped(now, visit.name, "scales"))


def reconciled(visit: Visit, now: Instant, by: str, note: str) -> tuple[Entry, ...]:
    """All medicines were compared with what is taken."""
    paper = Documented(now, "reconciliation", None, by)
    return (paper, Answered(now, LIST, "reconciliation", yes=True), VisitStepped(now, visit.name, "reconciliation", note))


def left_out(visit: Visit, step: str, why: str, now: Instant) -> tuple[Entry, ...] | Refusal:
    """A step is left out, with a reason; only some may be."""
    known = next((each for each in STEPS if each.name == step), None)
    if known is None or not known.may_be_left_out:
        may = ", ".join(each.title for each in STEPS if each.may_be_left_out)
        return refused(f"to leave out {known.title.lower() if known else step}", f"only these may be: {may}", "Do the step.")
    if step == "order" and visit.filled is not None:
        limit = f"the fill of this visit, {visit.filled.volume}, entered into the pump"
        return refused("no order after a fill", limit, "Order the reservoir volume that was injected.", "RPC-10")
    if not why.strip():
        return refused("to leave a step out without a reason", "a reason", "Say why.")
    return (VisitStepped(now, visit.name, f"{step} left out", why),)


def interrogated(visit: Visit, fact: Interrogated, now: Instant) -> tuple[Entry, ...] | Refusal:
    """The pump was read: the first step of a refill's procedure."""
    step = VisitStepped(now, visit.name, "reading")
    if visit.procedure is None or visit.procedure.steps:
        return (step,)
    done = visit.procedure.interrogated(fact.report, fact.at)
    return done if isinstance(done, Refusal) else (RefillStepped(now, visit.name, done.steps[-1]), step)


def worked_out(
    visit: Visit, expected: Volume | None, strength: Concentration | None, now: Instant
) -> tuple[Entry, ...] | Refusal:
    """Of a pump without electronics: what should be in it."""
    assert visit.procedure is not None  # a refill's step
    done = visit.procedure.worked_out(expected, strength, now)
    return _stepped(visit, done, now, "reading")


def needle(visit: Visit, port: Port, gauge: int, *, at_stop: bool, now: Instant) -> tuple[Entry, ...] | Refusal:
    """RPC-04, RPC-05, RPC-16: the refill port, its needle, and the needle at its stop."""
    assert visit.procedure is not None  # a refill's step
    done = visit.procedure.port_confirmed(port, gauge, now)
    if isinstance(done, Refusal):
        return done
    if not at_stop:
        advice = "Do not inject until the stop is felt and held; take ultrasound if the pump is hard to feel."
        return refused("to go on without the needle at its stop", "the needle stop, felt and held", advice, "RPC-05")
    answers = [Answered(now, LIST, item, yes=True) for item in (*NEEDLE, "refill kit and template")]
    return (*answers, *_entries(visit, done, now, "needle"))


def aspirated(visit: Visit, volume: Volume, now: Instant) -> tuple[Entry, ...] | Refusal:
    """RPC-06: what the syringe withdrew; once more, where it is off."""
    assert visit.procedure is not None  # a refill's step
    return _stepped(visit, visit.procedure.aspirated(volume, now), now, "residual")


def overridden(visit: Visit, reason: str, by: str, now: Instant) -> tuple[Entry, ...] | Refusal:
    """RPC-07: a person takes it on themselves to fill in spite of a red residual."""
    assert visit.procedure is not None  # a refill's step
    return _stepped(visit, visit.procedure.overridden(reason, by, now), now)


def rinsed(visit: Visit, volume: Volume, times: int, strength: Concentration, now: Instant) -> tuple[Entry, ...] | Refusal:
    """RPC-15: the reservoir was rinsed with the new strength."""
    assert visit.procedure is not None  # a refill's step
    return _stepped(visit, visit.procedure.rinsed(volume, times, strength, now), now)


def mixture(visit: Visit, strength: Concentration, now: Instant) -> tuple[Entry, ...] | Refusal:
    """RPC-15: what the reservoir will hold, as a person worked it out."""
    assert visit.procedure is not None  # a refill's step
    return _stepped(visit, visit.procedure.mixture_stated(strength, now), now)


def filled(visit: Visit, volume: Volume, strength: Concentration, lot: str, now: Instant) -> tuple[Entry, ...] | Refusal:
    """RPC-07, RPC-08, RPC-15, RPC-16: what was injected, with the residual that came out before."""
    assert visit.procedure is not None  # a refill's step
    procedure = visit.procedure
    done = procedure.filled(volume, strength, now)
    if isinstance(done, Refusal):
        return done
    facts: list[Fact] = []
    residual = procedure.residual
    if residual is not None and (residual.expected is not None or residual.measured.nl):
        capacity = procedure.sheet.reservoir_capacity
        facts.append(ResidualMeasured(now, residual.expected, residual.measured, capacity, procedure.first, residual.taken_on))
    facts.append(Filled(now, volume, strength))
    if lot:
        facts.append(Documented(now, "refill drug", None, lot))
    return (*facts, *_entries(visit, done, now, "fill"))


def given(visit: Visit, step: str, now: Instant, note: str = "") -> tuple[Entry, ...]:
    """The printout with the alarm date in writing, or the reminder of the signs."""
    item = {"printout": PRINTED, "reminder": REMINDED}[step]
    papers = (Documented(now, "programming record"),) if step == "printout" else ()
    return (*papers, Answered(now, LIST, item, yes=True), VisitStepped(now, visit.name, step, note))


def close(visit: Visit, look: Look, second: tuple[Finding, ...], now: Instant) -> tuple[Entry, ...] | Refusal:
    """RPC-11: a visit is closed when no step is left."""
    left = [f"{each.step.title.lower()}{f' ({each.told})' if each.told else ''}" for each in gaps(visit, look, second)]
    if left:
        return refused("to close the visit", f"no step left; left are: {', '.join(left)}", "Do these first.", "RPC-11")
    if look.chart.uncertain is not None:
        return refused("to close the visit with an uncertain session", "a pump that was read", "Interrogate the pump.", "SES-05")
    return (VisitClosed(now, visit.name),)


def abandon(visit: Visit, why: str, now: Instant) -> tuple[Entry, ...] | Refusal:
    """A visit is given up; what it wrote stays, and what is then missing is on the worklist."""
    if not why.strip():
        return refused("to give a visit up without a reason", "a reason", "Say why.")
    if visit.typed is not None:
        advice = "Have it entered again by a second person; if it was wrong, take the entry back in the chart first."
        return refused(
            "to give a visit up while a printout waits for a second person", "no printout that waits", advice, "SAF-05"
        )
    return (VisitAbandoned(now, visit.name, why),)


def _stepped(visit: Visit, done: RefillProcedure | Refusal, now: Instant, step: str = "") -> tuple[Entry, ...] | Refusal:
    return done if isinstance(done, Refusal) else _entries(visit, done, now, step)


def _entries(visit: Visit, done: RefillProcedure, now: Instant, step: str) -> tuple[Entry, ...]:
    stepped: tuple[Entry, ...] = (VisitStepped(now, visit.name, step),) if step else ()
    return (RefillStepped(now, visit.name, done.steps[-1]), *stepped)
