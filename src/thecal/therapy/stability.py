"""Whether a dose is stable (VIS-03): limits of titration hold until then, those of maintenance afterwards."""

from itertools import pairwise

from thecal.chart.facts import SessionEnded
from thecal.chart.order import Order, ordered_dose
from thecal.therapy.clinic import Clinic
from thecal.therapy.known import Known
from thecal.timeline import DAY_S, Instant

_GOALS = "goal-attainment"


def stable(known: Known, clinic: Clinic, before: Instant | None = None) -> bool:
    """Less than a tenth of change over the last two visits with the pump, and no goal missed; as it was ``before`` an instant."""
    limit, visits = clinic.limit("VIS-03", "change"), int(clinic.limit("VIS-03", "visits").value)
    seen = visited([session for session in known.written if before is None or session.at < before])
    if len(seen) <= visits:
        return False
    means = [_mean(session.order) for session in seen[-visits - 1 :]]
    if any(mean is None or mean <= 0 for mean in means):
        return False
    whole = [mean for mean in means if mean is not None]
    steps = pairwise(whole)
    return not _missed(known, before) and all(abs(b - a) * 100 < limit.value * a for a, b in steps)


def visited(sessions: list[SessionEnded]) -> list[SessionEnded]:
    """The last session of each visit: sessions within a day of the first of them are one visit, however many there were."""
    last: list[SessionEnded] = []
    first_s = 0
    for session in sessions:
        if last and session.at.s - first_s < DAY_S:
            last[-1] = session
        else:
            last.append(session)
            first_s = session.at.s
    return last


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
