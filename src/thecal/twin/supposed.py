"""What if: a case with one thing gone wrong, beside the case as planned."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from thecal.catheter.faults import Kink
from thecal.chart.facts import Filled
from thecal.errors import InputError, Refusal
from thecal.fluid import ALL_PPM
from thecal.pump.faults import check_fault
from thecal.pump.messages import Stall
from thecal.quantity import Concentration
from thecal.therapy.refill import refill_by
from thecal.timeline import DAY_S, Duration, Instant
from thecal.twin.action import Action, HoldSession, Implant, Refill, ReplacePump
from thecal.twin.case import Case
from thecal.twin.trace import Trace
from thecal.twin.world import Mishap, PlannedFault, Slip
from thecal.unit import decimal_text


@dataclass(frozen=True, slots=True)
class LateRefill:
    """The next refill comes so much later."""

    by: Duration


@dataclass(frozen=True, slots=True)
class PumpStall:
    """The rotor stands, for a time or for good."""

    lasts: Duration | None


@dataclass(frozen=True, slots=True)
class CatheterKink:
    """The catheter lets only a share of the flow through."""

    open_ppm: int


@dataclass(frozen=True, slots=True)
class WrongConcentration:
    """At the next refill the syringe holds another strength than is written down."""

    concentration: Concentration


Mistake = LateRefill | PumpStall | CatheterKink | WrongConcentration


@dataclass(frozen=True, slots=True)
class Supposed:
    """Two courses that are the same up to ``moment``: the case ``as_planned``, and the one ``gone_wrong``; ``what`` in words."""

    what: str
    moment: Instant
    as_planned: Case
    gone_wrong: Case


def supposed(case: Case, trace: Trace, mistake: Mistake, at: Instant, days: int) -> Supposed | Refusal:
    """A case with a mistake from an instant on, both followed for so many days after it shows.

    ``trace`` is the case as it runs to ``at``. Where no refill follows, one is planned: at the date to refill by for one that is
    to be late, at once for one with another strength; of the last volume and strength. Refused where the pump cannot have
    the fault; raises InputError where there is no pump or nothing was ever filled.
    """
    pump = trace.world.pump
    if pump is None:
        raise InputError("CASE", case.name, f"has no pump in place at {at.local_text(case.zone)}", accepted=("another --at",))
    match mistake:
        case LateRefill(by):
            planned, moment = _with_refill(case, trace, at, due=True)
            wrong = replace(planned, actions=_later(planned.actions, moment, by))
            what = f"the refill of {moment.local_text(case.zone)}, and what is planned after it, comes {by} late"
            return _both(what, moment, planned, wrong, Instant(moment.s + by.s + days * DAY_S))
        case WrongConcentration(concentration):
            planned, moment = _with_refill(case, trace, at, due=False)
            if any(isinstance(action, Implant | ReplacePump) and action.at == moment for action in case.actions):
                problem = "is the second of an implant and its first fill; a fault strikes before what is done in its second"
                raise InputError("--at", moment.local_text(case.zone), problem, accepted=("a later refill",))
            wrong = _with_fault(planned, PlannedFault(moment, Slip(concentration), f"the syringe holds {concentration}"))
            what = f"the syringe of the refill of {moment.local_text(case.zone)} holds {concentration}"
            return _both(what, moment, planned, wrong, Instant(moment.s + days * DAY_S))
        case PumpStall(lasts):
            fault: Mishap = (stall := Stall(at + lasts if lasts else None))
            refusal = check_fault(stall, pump.sheet)
            if refusal:
                return refusal
            what = f"the rotor stands from {at.local_text(case.zone)}" + (f" for {lasts}" if lasts else " on")
        case CatheterKink(open_ppm):
            fault = Kink(open_ppm)
            let = "nothing" if not open_ppm else f"{decimal_text(open_ppm, ALL_PPM // 100)} % of the flow"
            what = f"the catheter is kinked from {at.local_text(case.zone)} on and lets {let} through"
    # A fault strikes before what people do in the same second, and here it follows that.
    strikes = Instant(at.s + any(action.at == at for action in case.actions))
    return _both(what, at, case, _with_fault(case, PlannedFault(strikes, fault)), Instant(at.s + days * DAY_S))


def _both(what: str, moment: Instant, planned: Case, wrong: Case, until: Instant) -> Supposed:
    return Supposed(what, moment, replace(planned, until=until), replace(wrong, until=until))


def _with_fault(case: Case, fault: PlannedFault) -> Case:
    return replace(case, faults=tuple(sorted((*case.faults, fault), key=lambda one: one.at)))


def _with_refill(case: Case, trace: Trace, at: Instant, *, due: bool) -> tuple[Case, Instant]:
    """(the case with a refill after an instant, when that is)."""
    following = next((action.at for action in case.actions if action.at >= at and _fills(action)), None)
    if following is not None:
        return case, following
    filled = [fact for fact in trace.chart.facts if isinstance(fact, Filled)]
    pump = trace.world.pump
    assert pump is not None  # checked before
    by = refill_by(trace.chart, pump.sheet, case.policy) if due else None
    if not filled or (due and by is None):
        raise InputError(
            "CASE", case.name, "has no refill to go by: nothing was filled, or nothing runs", accepted=("a case with a refill",)
        )
    moment = max(by.instant, at) if by else at
    refill = Refill(moment, filled[-1].volume, filled[-1].concentration)
    actions = tuple(sorted((*case.actions, refill), key=lambda action: action.at))
    return replace(case, actions=actions), moment


def _fills(action: Action) -> bool:
    return isinstance(action, Refill) or (isinstance(action, HoldSession) and action.needle is not None)


def _later(actions: Sequence[Action], moment: Instant, by: Duration) -> tuple[Action, ...]:
    """The refill of an instant comes later, and so does everything that is planned after it."""
    refill = next(n for n, action in enumerate(actions) if action.at == moment and _fills(action))
    return (*actions[:refill], *(replace(action, at=action.at + by) for action in actions[refill:]))
