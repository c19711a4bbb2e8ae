"""Whether a dose is stable (VIS-03): limits of titration hold until then, those of maintenance afterwards."""

from itertools import pairwise

from thecal.chart.order import Order, ordered_dose
from thecal.therapy.clinic import Clinic
from thecal.therapy.known import Known
from thecal.timeline import Instant


def stable(known: Known, clinic: Clinic, before: Instant | None = None) -> bool:
    """Less than a tenth of change over the last two visits with the pump, and no goal missed; as it was ``before`` an instant."""
    limit, visits = clinic.limit("VIS-03", "change"), int(clinic.limit("VIS-03", "visits").value)
    sessions = known.sessions if before is None else [session for session in known.sessions if session.at < before]
    if len(sessions) <= visits:
        return False
    means = [_mean(session.order) for session in sessions[-visits - 1 :]]
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
