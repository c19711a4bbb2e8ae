"""Whether a dose is stable (VIS-03): limits of titration hold until then, those of maintenance afterwards."""

from itertools import pairwise

from thecal.chart.order import Order, ordered_dose
from thecal.therapy.clinic import Clinic
from thecal.therapy.known import Known


def stable(known: Known, clinic: Clinic) -> bool:
    """Less than a tenth of change over the last two visits with the pump, and no goal missed."""
    limit, visits = clinic.limit("VIS-03", "change"), int(clinic.limit("VIS-03", "visits").value)
    if len(known.sessions) <= visits:
        return False
    doses = [session.order for session in known.sessions[-visits - 1 :]]
    means = [_mean(order) for order in doses]
    if any(mean is None or mean <= 0 for mean in means):
        return False
    whole = [mean for mean in means if mean is not None]
    steps = pairwise(whole)
    goals = known.scores.get("goal-attainment")
    missed = bool(goals) and goals is not None and goals[-1].score.startswith("-")
    return not missed and all(abs(b - a) * 100 < limit.value * a for a, b in steps)


def _mean(order: Order | None) -> int | None:
    dose = ordered_dose(order) if order is not None else None
    return dose.pg_per_day if dose is not None else None
