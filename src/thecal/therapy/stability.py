"""Whether a dose is stable (VIS-03): limits of titration hold until then, those of maintenance afterwards."""

from bisect import bisect_left
from itertools import pairwise

from thecal.chart.order import Order, ordered_dose
from thecal.therapy.clinic import Clinic
from thecal.therapy.known import Known
from thecal.therapy.look import Look
from thecal.therapy.memo import of_last_look
from thecal.timeline import Instant

_GOALS = "goal-attainment"


def stable(known: Known, clinic: Clinic, before: Instant | None = None) -> bool:
    """Less than a tenth of change over the last two visits with the pump, and no goal missed; as it was ``before`` an instant."""
    limit, visits = clinic.limit("VIS-03", "change"), int(clinic.limit("VIS-03", "visits").value)
    last = len(known.pump_visits) if before is None else bisect_left(known.pump_visits, before, key=lambda visit: visit.ended)
    if last <= visits:
        return False
    means = [_mean(visit.session.order) for visit in known.pump_visits[last - visits - 1 : last]]
    if any(mean is None or mean <= 0 for mean in means):
        return False
    whole = [mean for mean in means if mean is not None]
    steps = pairwise(whole)
    return not _missed(known, before) and all(abs(b - a) * 100 < limit.value * a for a, b in steps)


@of_last_look
def settled(look: Look) -> bool:
    """Whether the dose is stable now."""
    return stable(look.known, look.clinic)


def _missed(known: Known, before: Instant | None) -> bool:
    """Whether a goal is below what was expected, by its last score; of one instant the lower score counts."""
    last: dict[str | None, tuple[Instant, bool]] = {}
    for scored in known.scores.get(_GOALS, ()):
        if before is not None and scored.at >= before:
            continue
        at, missed = last.get(scored.part, (scored.at, False))
        below = scored.score.startswith("-")
        last[scored.part] = scored.at, below or (missed and at == scored.at)
    return any(missed for _, missed in last.values())


def _mean(order: Order | None) -> int | None:
    dose = ordered_dose(order) if order is not None else None
    return dose.pg_per_day if dose is not None else None
