"""The team: what is booked with whom, whose certificate counts, who may sign, and who covers for one who works alone."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from thecal.chart.clinical import Booked
from thecal.therapy.finding import Finding
from thecal.therapy.look import Check, Checks, Look
from thecal.therapy.memo import of_last_look
from thecal.therapy.permissions import Permission, roles
from thecal.timeline import Instant

NEEDS: Mapping[str, Permission] = {"refill": "refill", "home refill": "refill", "titration": "program"}
"""What who is booked for a visit must be certified for."""
SINGLE_HANDED, DEPUTY = "single-handed service", "deputy named"


@of_last_look
def open_bookings(look: Look) -> tuple[Booked, ...]:
    """Every booking that stands, by its date: not taken back, and the latest of those for one visit at one instant.

    A cancellation that names nobody takes back whoever was booked. What was booked and cancelled at one instant is cancelled.
    """
    cancelled = [fact for fact in look.known.bookings if fact.cancelled]
    taken_back: dict[tuple[str, Instant], list[Booked]] = defaultdict(list)
    for fact in cancelled:
        taken_back[fact.visit, fact.on].append(fact)
    standing: dict[tuple[str, Instant], list[Booked]] = {}
    for fact in look.known.bookings:
        slot = (fact.visit, fact.on)
        if fact.cancelled or any(back.at >= fact.at and back.who in (None, fact.who) for back in taken_back[slot]):
            continue
        others = standing.get(slot, [])
        standing[slot] = [*(other for other in others if other.at == fact.at), fact]
    found = {fact for facts in standing.values() for fact in facts}
    return tuple(sorted(found, key=lambda fact: (fact.on.s, fact.visit, fact.who or "")))


def upcoming(look: Look, *visits: str) -> tuple[Booked, ...]:
    """What of these visits is booked for today or later, by its date."""
    today = look.now.date(look.zone)
    return tuple(fact for fact in open_bookings(look) if fact.visit in visits and fact.on.date(look.zone) >= today)


def _certified(look: Look) -> Iterator[Finding]:
    """ROL-11: who has held a certificate needs a valid one on the day; of somebody without any nothing is known."""
    for booking in upcoming(look, *NEEDS):
        history = [fact for fact in look.known.certificates if fact.who == booking.who]
        permission = NEEDS[booking.visit]
        fitting = [fact for fact in history if fact.permission == permission]
        if not history or any(look.may(fact.who, fact.role, permission, booking.on) for fact in fitting):
            continue
        limit, day = look.limit("ROL-11", "valid"), booking.on.date(look.zone)
        ended = max((look.certificate_ends(fact) for fact in fitting), default=None)
        told = f"whose certificate ends on {ended.date(look.zone)}" if ended else "who has none"
        yield look.passed(
            limit,
            f"{booking.who}, {told}, booked to {permission} on {day}",
            f"a certificate to {permission} that counts on that day, {limit} old at most",
            "Book somebody who is certified, or renew the certificate before.",
            booking.on,
        )


def _signs(rule: str) -> Check:
    """ROL-05 to ROL-10: a signature since the last session by a profession that may not double-check."""

    def check(look: Look) -> Iterator[Finding]:
        last = look.known.last_session
        mine = [role.name for role in roles().values() if role.rule == rule]
        for fact in look.known.signed:
            if fact.role in mine and (last is None or fact.at > last.at):
                allowed = f"no signature by a {fact.role}"
                next_step = "Have somebody who may double-check enter the order again."
                yield look.found(rule, "block", f"{fact.checker} ({fact.role}) signed an order", allowed, next_step)

    return check


def _deputy(look: Look) -> Iterator[Finding]:
    """ROL-12."""
    if look.known.present(SINGLE_HANDED) and look.known.document(DEPUTY, look.now) is None:
        asked = "a service of one person, and no deputy on record"
        yield look.found("ROL-12", "warn", asked, "a named deputy with a cover plan", "Name a deputy, and write down who covers.")


CHECKS: Checks = {
    **{rule: _signs(rule) for rule in ("ROL-05", "ROL-07", "ROL-08", "ROL-09", "ROL-10")},
    "ROL-11": _certified,
    "ROL-12": _deputy,
}
