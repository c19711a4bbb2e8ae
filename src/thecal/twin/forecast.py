"""What leaves the tip in the days after a review, as people believe pump and line to be: with the plan, and without it."""

from dataclasses import dataclass

from thecal.catheter.geometry import Geometry
from thecal.errors import Refusal
from thecal.programmer.believed import believed_pump
from thecal.programmer.review import Review
from thecal.pump.handle import handle
from thecal.pump.messages import StartBolus, Update
from thecal.pump.program import ConstantFlow, EndOfService, SafeState
from thecal.pump.sheet import PumpSheet
from thecal.pump.state import PumpState
from thecal.quantity import Amount
from thecal.timeline import DAY_S, Instant
from thecal.twin.world import World, pass_time


@dataclass(frozen=True, slots=True)
class TipDay:
    """24 hours from ``start``: what leaves the tip with the plan that is part of the write, and without it."""

    start: Instant
    with_plan: Amount
    without_plan: Amount


def tip_days(review: Review, sheet: PumpSheet, days: int) -> tuple[TipDay, ...] | Refusal:
    """The next days of tip dose if the reviewed write is carried out now, from the line ledger and a pump of exact flow.

    The line mixes as any line does; what is unknown in it counts as no drug. Refused where the pump runs no program or its volume
    or concentration is not known (SES-07).
    """
    with_plan = _believed(review, sheet, with_plan=True)
    if isinstance(with_plan, Refusal):
        return with_plan
    without = _believed(review, sheet, with_plan=False)
    if isinstance(without, Refusal):
        return without
    worlds = [with_plan, without]
    start = review.after.at
    told: list[TipDay] = []
    for day in range(days):
        until = Instant(start.s + (day + 1) * DAY_S)
        before = [world.ledger.intrathecal.amount_pg for world in worlds]
        worlds = [pass_time(world, until).world for world in worlds]
        given = [Amount(world.ledger.intrathecal.amount_pg - pg) for world, pg in zip(worlds, before, strict=True)]
        told.append(TipDay(Instant(start.s + day * DAY_S), *given))
    return tuple(told)


def _believed(review: Review, sheet: PumpSheet, *, with_plan: bool) -> World | Refusal:
    """A world as the review believes it to be, just written."""
    pump = _believed_pump(review, sheet, with_plan=with_plan)
    if isinstance(pump, Refusal):
        return pump
    geometry: Geometry | None = review.ledger.geometry
    return World(pump.now, pump, review.ledger.line, geometry=geometry)


def _believed_pump(review: Review, sheet: PumpSheet, *, with_plan: bool) -> PumpState | Refusal:
    after = review.after
    program, concentration, volume = after.program, after.concentration, after.calculated
    if isinstance(program, SafeState | EndOfService | ConstantFlow) or concentration is None or volume is None:
        return Refusal(
            "SES-07",
            "a forecast of the tip dose",
            "a program, a concentration and a volume that the pump has been told",
            "thecal: a forecast is worked out from what is believed",
            "Write a program with its concentration and the volume in the reservoir.",
        )
    pump = believed_pump(after, sheet)
    write = review.write
    bolus = write.bolus if isinstance(write, StartBolus) or (isinstance(write, Update) and with_plan) else None
    if bolus is None:
        return pump
    begun = handle(pump, StartBolus(bolus))
    return begun if isinstance(begun, Refusal) else begun.state
