"""What each step of a visit writes down: entries out of what was told, or the refusal of what is not allowed.

Nothing here knows of pages, pumps or databases: a visit and what was told go in, entries come out.
"""

from collections.abc import Iterable, Mapping

from thecal.chart.clinical import Answered, Documented, Scanned, Signed, SymptomReported, Visited
from thecal.chart.facts import Assessed, Fact, Filled, Interrogated, ResidualMeasured, SessionUncertain
from thecal.clinic.entry import (
    Corrected,
    DrugVerified,
    Entry,
    RefillStepped,
    VisitAbandoned,
    VisitBegun,
    VisitClosed,
    VisitStepped,
)
from thecal.clinic.history import History, Recorded
from thecal.clinic.visit import KINDS, STEPS, Visit, gaps, open_visit, open_visits
from thecal.errors import InputError, Refusal
from thecal.quantity import Concentration, Volume
from thecal.therapy.appointment import HOME
from thecal.therapy.finding import Finding
from thecal.therapy.home_refill import ITEMS, home_refill_gates, person_gates
from thecal.therapy.look import Look
from thecal.therapy.mixture import agrees
from thecal.therapy.procedure import Port, RefillProcedure
from thecal.therapy.refill_visit import BEFORE, NEEDLE, PRINTED, REMINDED, VERIFIED
from thecal.therapy.rules import refusal_by
from thecal.therapy.signing import by_author
from thecal.timeline import Instant

LIST = "refill"
_SOURCE = "thecal: how a visit is kept"
_NOT_AT_HOME = "Do not begin. Where one is not there, give the visit up with the reason, and refill in the clinic."


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
    came = () if kind == "MRI" else (Visited(now, kind),)  # of a scan only the scan itself is one that was
    return (VisitBegun(now, name, kind), *came)


def taken_back(history: History, version: int, why: str, now: Instant) -> tuple[Entry, ...] | Refusal:
    """An entry is taken back; not the end of a visit while another one is open."""
    correction = Corrected(now, version, why)
    after = History(history.stream, (*history.rows, Recorded(history.version + 1, correction, "", now)))
    if len(open_visits(after)) > max(len(open_visits(history)), 1):
        advice = "Close the one that is open, or give it up with a reason."
        return refused("to open a visit again while another one is open", "one visit at a time", advice)
    return (correction,)


def check_open(visit: Visit) -> Refusal | None:
    """Nothing more is written into a visit that has ended."""
    if visit.ended is None:
        return None
    asked = f"a step of a visit that was {visit.ended}"
    return refused(asked, "an open visit", "Begin another visit, or correct the entry in the chart.")


def ticked(
    visit: Visit, step: str, items: Iterable[str], yes: Mapping[str, bool], now: Instant, note: str = "", checklist: str = LIST
) -> tuple[Entry, ...]:
    """A list that was gone through: every item with its answer; the step is done only where all are answered with yes."""
    answers: tuple[Entry, ...] = tuple(Answered(now, checklist, item, yes.get(item, False)) for item in items)
    if not all(yes.get(item, False) for item in items):
        return answers
    return (*answers, VisitStepped(now, visit.name, step, note))


def before(visit: Visit, yes: Mapping[str, bool], now: Instant, note: str) -> tuple[Entry, ...]:
    """RPC-01: who it is, allergy, infection, history."""
    return ticked(visit, "before", [item for item in BEFORE if item != "reconciliation"], yes, now, note)


def at_home(visit: Visit, look: Look, yes: Mapping[str, bool], now: Instant) -> tuple[Entry, ...] | Refusal:
    """RPC-14: what a refill at home needs, each of it there, and a person for whom it is."""
    missing = [item for item in ITEMS if not yes[item]]
    if missing:
        return refusal_by("RPC-14", f"a refill at home without: {', '.join(missing)}", "each of them there", _NOT_AT_HOME)
    return _stopped(person_gates(look)) or ticked(visit, "home", ITEMS, yes, now, checklist=HOME)


def _check_home(visit: Visit, look: Look) -> Refusal | None:
    """RPC-14: a needle, and a fill, at home only where all that it needs was answered at this visit, and holds."""
    if visit.kind != HOME:
        return None
    if "home" not in visit.done:
        asked = f"a needle at home before it was asked for: {', '.join(ITEMS)}"
        return refusal_by("RPC-14", asked, "each of them there", _NOT_AT_HOME)
    return _stopped(home_refill_gates(look))


def _stopped(findings: Iterable[Finding]) -> Refusal | None:
    """The first finding that stops a step."""
    return next((Refusal(no.rule, no.asked, no.allowed, no.source, no.next) for no in findings if no.stops), None)


def verified(
    visit: Visit, look: Look, drug: DrugVerified, yes: Mapping[str, bool], by: str, now: Instant
) -> tuple[Entry, ...] | Refusal:
    """RPC-03: two people compared drug, concentration, volume, expiry and lot with the order; ``by`` is who writes it down."""
    if not visit.is_refill:
        return refused("to verify a drug", "a visit with a refill", "Begin a visit of kind refill.", "RPC-03")
    if visit.filled is not None:
        advice = "Take the entry back in the chart where it was wrong, and write down what went in."
        return refusal_by("RPC-03", "to verify the drug after the fill", "drug that is verified before it is filled", advice)
    missing = [item for item in VERIFIED if not yes[item]]
    if missing:
        advice = "Stop. Two people compare drug, concentration, volume, expiry and lot with the order."
        return refusal_by("RPC-03", f"to go on without: {', '.join(missing)}", "both of them", advice)
    if by_author(Signed(now, by, drug.second, "")):
        return refusal_by("RPC-03", f"{by} as both of the two", "two people", "Another person compares it too.")
    others = next((lot for lot in visit.verified if lot.strength != drug.strength and lot.lot != drug.lot), None)
    if others is not None:
        limit = f"one concentration on the tray, {others.strength} as lot {others.lot}"
        return refusal_by("RPC-03", f"a lot of {drug.strength} besides", limit, "Take it off the tray.")
    ordered = visit.orders.concentration if visit.orders else None
    if ordered is not None and ordered != drug.strength:
        advice = "Compare the vial with the order. The order of a mixture is written after the fill."
        return refusal_by("RPC-03", f"a vial of {drug.strength}", f"the strength of the order, {ordered}", advice)
    return _expired(drug, look) or (drug, *ticked(visit, "verify", VERIFIED, yes, now, f"{drug.label}; with {drug.second}"))


def _expired(drug: DrugVerified, look: Look) -> Refusal | None:
    today = look.now.date(look.zone)
    if drug.expires >= today:
        return None
    asked = f"drug that expired on {drug.expires}, lot {drug.lot}"
    return refusal_by("RPC-03", asked, f"an expiry of {today} or later", "Stop. Take drug that has not expired, and verify it.")


def _check_drug(visit: Visit, look: Look, strength: Concentration, held: Concentration | None) -> Refusal | None:
    """RPC-03: what is filled is what two people verified, and leaves in the reservoir what the order says."""
    if not visit.verified:
        asked, limit = f"a fill of {strength} that nobody has verified", "drug that two people compared with the order"
        return refusal_by("RPC-03", asked, limit, "Verify it first.")
    for drug in visit.verified:
        if drug.strength != strength:
            limit = f"the strength that was verified, {drug.strength}, lot {drug.lot}"
            return refusal_by("RPC-03", f"a fill of {strength}", limit, "Stop. Read the vial again; verify what is filled.")
    ordered = visit.orders.concentration if visit.orders else None
    if ordered is not None and held is not None and not agrees(ordered, held):
        asked, limit = f"a fill that leaves {held} in the reservoir", f"what the order says, {ordered}"
        return refusal_by("RPC-03", asked, limit, "Stop. Compare vial and order, and correct the one that is wrong.")
    return next((no for no in (_expired(drug, look) for drug in visit.verified) if no is not None), None)


def symptoms(visit: Visit, grades: Mapping[str, int], now: Instant) -> tuple[Entry, ...]:
    """AE-01: what was asked for and graded; where nothing was graded, it was asked for in all and nothing was there."""
    there = ", ".join(f"{name} {grade}" for name, grade in grades.items() if grade)
    told = there or (f"none of {', '.join(grades)}" if grades else "asked, none")
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
    steps = [each for each in STEPS if visit.kind in each.kinds]
    known = next((each for each in steps if each.name == step), None)
    if known is None or not known.may_be_left_out:
        may = ", ".join(each.title for each in steps if each.may_be_left_out)
        return refused(f"to leave out {known.title.lower() if known else step}", f"only these may be: {may}", "Do the step.")
    if step == "order" and visit.filled is not None:
        limit = f"the fill of this visit, {visit.filled.volume}, entered into the pump"
        return refused("no order after a fill", limit, "Order the reservoir volume that was injected.", "RPC-10")
    if not why.strip():
        return refused("to leave a step out without a reason", "a reason", "Say why.")
    return (VisitStepped(now, visit.name, f"{step} left out", why),)


def scanned(visit: Visit, scan: Scanned, now: Instant) -> tuple[Entry, ...] | Refusal:
    """MRI-03: the scan, once; from it on the pump is to be read."""
    if visit.kind != "MRI":
        return refused("a scan at this visit", "a visit of kind MRI", "Write it into the chart, as an MRI that was done.")
    return (scan, VisitStepped(now, visit.name, "scan"))


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


def needle(
    visit: Visit, look: Look, port: Port, gauge: int, *, template: bool, at_stop: bool, now: Instant
) -> tuple[Entry, ...] | Refusal:
    """RPC-04, RPC-05, RPC-16: the refill port, by the template, its needle, and the needle at its stop."""
    assert visit.procedure is not None  # a refill's step
    done = _check_home(visit, look) or visit.procedure.port_confirmed(port, gauge, now)
    if isinstance(done, Refusal):
        return done
    if not template:
        advice = "Find the refill port with the template of this pump, out of its kit. If unsure, do not inject."
        return refusal_by("RPC-04", "to go on without kit and template", "the kit and the template of this pump", advice)
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


def filled(
    visit: Visit, look: Look, volume: Volume, strength: Concentration, pocket: Mapping[str, int], now: Instant
) -> tuple[Entry, ...] | Refusal:
    """RPC-03, RPC-07, RPC-08, RPC-15, RPC-16: what was injected, with the residual that came out before.

    ``pocket`` is what was seen of the signs of a pocket fill, each with its grade (RPC-09).
    """
    assert visit.procedure is not None  # a refill's step
    procedure = visit.procedure
    done = _check_home(visit, look) or procedure.filled(volume, strength, now)
    if isinstance(done, Refusal):
        return done
    wrong = _check_drug(visit, look, strength, done.concentration)
    if wrong is not None:
        return wrong
    facts: list[Fact] = []
    residual = procedure.residual
    if residual is not None and (residual.expected is not None or residual.measured.nl):
        capacity = procedure.sheet.reservoir_capacity
        facts.append(ResidualMeasured(now, residual.expected, residual.measured, capacity, procedure.first, residual.taken_on))
    facts.append(Filled(now, volume, strength))
    facts += [SymptomReported(now, name, grade) for name, grade in pocket.items()]
    return (*facts, *_entries(visit, done, now, "fill"))


def given(visit: Visit, step: str, now: Instant, note: str = "") -> tuple[Entry, ...]:
    """The printout with the alarm date in writing, or the reminder of the signs."""
    item = {"printout": PRINTED, "reminder": REMINDED}[step]
    papers = (Documented(now, "programming record"),) if step == "printout" else ()
    return (*papers, Answered(now, LIST, item, yes=True), VisitStepped(now, visit.name, step, note))


def uncertain(visit: Visit, look: Look, at: Instant, why: str, now: Instant) -> tuple[Entry, ...] | Refusal:
    """SES-05: a session of the maker's programmer broke off, and nobody knows what the pump runs until it is read.

    It is written down whether or not the order was ready to be written: what was done was done.
    """
    no = check_open(visit)
    if no is not None:
        return no
    if look.sheet is None or not look.sheet.programmable:
        return refused("a session with no pump that can be programmed", "a pump that can be", "Look at the chart.", "SES-05")
    read = look.known.interrogations[-1].at if look.known.interrogations else visit.begun
    if at.s // 60 < read.s // 60:  # people tell minutes
        asked = f"a session that broke off {at.local_text(look.zone)}"
        limit = f"after {read.local_text(look.zone)}, when the pump was read last"
        return refused(asked, limit, "That reading tells what the pump runs. Compare the clocks.", "SES-05")
    ordered = visit.orders.dosing if visit.orders else None
    running = look.chart.session.order if look.chart.session else None
    fact = SessionUncertain(max(at, read), ordered or running, why, f"programmer/{visit.name}")
    return (fact, VisitStepped(now, visit.name, "update", "uncertain"))


def close(visit: Visit, look: Look, second: tuple[Finding, ...], now: Instant) -> tuple[Entry, ...] | Refusal:
    """RPC-11: a visit is closed when no step is left."""
    left = [f"{each.step.title.lower()}{f' ({each.told})' if each.told else ''}" for each in gaps(visit, look, second)]
    if left:
        return refused("to close the visit", f"no step left; left are: {', '.join(left)}", "Do these first.", "RPC-11")
    if look.chart.uncertain is not None:
        return refused("to close the visit with an uncertain session", "a pump that was read", "Interrogate the pump.", "SES-05")
    unread = visit.kind == "MRI" and not (look.sheet is not None and look.sheet.programmable)
    seen = (Visited(now, "unscheduled"),) if unread else ()  # with no reading to tell, who closes it saw them after the scan
    return (*seen, VisitClosed(now, visit.name))


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
