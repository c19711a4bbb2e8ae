"""What people do at one visit, as its pages do it: entries, or a refusal; a refusal too where nobody has begun a visit."""

from collections.abc import Callable

from thecal.chart.order import OrderContinuous
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic import visit_writing as writing
from thecal.clinic.entry import Entry, OrderWritten, VisitStepped
from thecal.clinic.order_check import Signer, check_second, checked, gone_on, may_order, overridden, sign
from thecal.clinic.practice import Practice
from thecal.clinic.visit import KINDS, visits
from thecal.errors import Refusal
from thecal.quantity import DailyDose
from thecal.therapy.refill_visit import BEFORE
from thecal.web.visit import Opened, opened

Written = tuple[Entry, ...] | Refusal
ROLES = {"nora": "nurse", "dora": "physician"}
DOSES = (DailyDose(105 * 10**6), DailyDose(110 * 10**6), DailyDose(153 * 10**6))
"""A rise that no rule stops, one more, and one by half, which TIT-03 stops and SAF-05 wants entered by two."""


def met(practice: Practice, stream: str, user: str, what: str, number: int) -> Written:
    """What somebody does at the visit that was begun last, open or not; ``number`` is which of several it is."""
    with practice.reading() as reading:
        history = reading.history(stream)
    if what == "begin":
        return writing.begin(history, f"v{history.version}", KINDS[number % len(KINDS)], practice.now)
    begun = visits(history)
    if not begun:
        return writing.refused(what, "a visit that was begun", "Begin one.")
    return _DONE[what](opened(practice, stream, begun[0].visit), user, number)


def _step(found: Opened, user: str, number: int) -> Written:
    visit, now = found.visit, found.look.now
    steps: tuple[Callable[[], Written], ...] = (
        lambda: writing.before(visit, dict.fromkeys(BEFORE, True), now, ""),
        lambda: writing.symptoms(visit, {"headache": 1}, now),
        lambda: writing.scales(visit, 2.0, None, None, now),
        lambda: writing.reconciled(visit, now, user, ""),
        lambda: writing.left_out(visit, "order", "it stays as it is", now),
        lambda: writing.given(visit, "reminder", now),
    )
    return writing.check_open(visit) or steps[number % len(steps)]()


def _order(found: Opened, user: str, number: int) -> Written:
    """Written by whoever proposes; by a physician approved at once, who goes on in spite of what may be overridden."""
    visit, now, dose = found.visit, found.look.now, DOSES[number % len(DOSES)]
    refusal = may_order(visit, found.look)
    if refusal is not None:
        return refusal
    order = checked(OrderSheet(OrderContinuous(dose), confirm_total=dose), found.look, visit)
    approves = ROLES[user] == "physician"
    signer = Signer(user, ROLES[user], frozenset({"order"} if approves else {}))
    overrides, _ = overridden(order, {f"reason-{rule}": "spasms" for rule in order.override}, signer)
    order = gone_on(order, overrides) if overrides else order
    if not order.may_be_written:
        return writing.refused("this order", "an order that nothing stands against", "Change it.")
    approved = (VisitStepped(now, visit.name, "order approved", user),) if approves else ()
    return (*overrides, OrderWritten(now, visit.name, user, order.orders), *approved)


def _approve(found: Opened, user: str, _: int) -> Written:
    visit = found.visit
    refusal = may_order(visit, found.look)
    if refusal is not None:
        return refusal
    if ROLES[user] != "physician" or not visit.asks_for_order_right or found.order is None or not found.order.may_be_written:
        return writing.refused("to approve this order", "an order that nothing stands against", "Change it.")
    return (VisitStepped(found.look.now, visit.name, "order approved", user),)


def _sign(found: Opened, user: str, _: int) -> Written:
    refusal = check_second(found.visit, user)
    return refusal if refusal is not None else sign(found.visit, user, ROLES[user], found.look.now)


def _close(found: Opened, *_: object) -> Written:
    return writing.check_open(found.visit) or writing.close(found.visit, found.look, found.second, found.look.now)


def _give_up(found: Opened, *_: object) -> Written:
    return writing.check_open(found.visit) or writing.abandon(found.visit, "taken ill", found.look.now)


_DONE: dict[str, Callable[[Opened, str, int], Written]] = {
    "step": _step,
    "order": _order,
    "approve": _approve,
    "sign": _sign,
    "close": _close,
    "give up": _give_up,
}
MEETING = ("begin", *_DONE)
"""What ``met`` knows."""
