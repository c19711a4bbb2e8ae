"""What a policy may know of a patient, and what it may decide."""

from dataclasses import dataclass
from typing import cast

from thecal.chart.chart import Chart
from thecal.chart.facts import Assessed
from thecal.chart.order import Order, ordered_dose
from thecal.quantity import OralDose
from thecal.study.people import Person
from thecal.timeline import Instant

TABLET_TIMES = {1: (22,), 2: (8, 20), 3: (8, 14, 20), 4: (6, 12, 18, 24)}
"""Hours of the day at which so many doses are taken."""


@dataclass(frozen=True, slots=True)
class TabletOrder:
    """Baclofen by mouth: so many mg at a time, so many times a day (0: no more)."""

    mg: float
    times: int

    @property
    def mg_per_day(self) -> float:
        return self.mg * self.times

    @property
    def doses(self) -> tuple[OralDose, ...]:
        return (OralDose(round(1000 * self.mg)),) * self.times

    @property
    def times_s(self) -> tuple[int, ...]:
        return tuple(sorted(hour % 24 * 3600 for hour in TABLET_TIMES[self.times]))


NO_TABLETS = TabletOrder(0, 0)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a visit ends with: a new program, other tablets, a pump. What is None stays as it is."""

    dosing: Order | None = None
    tablets: TabletOrder | None = None
    implant: bool = False


def decided(answer: object) -> Decision:
    """The answer of a policy as a decision: one, an order, or None.

    Raises TypeError for anything else, ValueError for an order of no dose: a stop is not decided by a titration.
    """
    decision = answer if isinstance(answer, Decision) else Decision(cast(Order | None, answer))
    if decision.dosing is not None and not isinstance(decision.dosing, Order):
        raise TypeError(f"a policy decided {answer!r}, which is neither a Decision, an order nor None")
    dose = ordered_dose(decision.dosing) if decision.dosing is not None else None
    if decision.dosing is not None and (dose is None or dose.pg_per_day <= 0):
        raise ValueError(f"a policy ordered {decision.dosing!r}, which is no dose")
    return decision


@dataclass(frozen=True, slots=True)
class History:
    """A patient as the clinic knows them at a visit.

    ``chart`` holds every fact; ``day`` counts from the start of the follow-up, ``since_implant`` days from the implant (None
    without a pump). Scores are 1 to 5 (Ashworth) and 0 to 4 (Penn). ``mcg_per_day`` is the dose that was ordered last, None
    without a pump; ``tablets`` have been taken for ``tablets_days``. ``bolus_mcg`` and ``bolus_hours`` are the screening bolus
    that was enough and how long it held, where there was one.
    """

    person: Person
    chart: Chart
    now: Instant
    day: int
    since_implant: int | None
    visits: tuple[Assessed, ...]
    mcg_per_day: float | None
    ordered: Order | None
    tablets: TabletOrder
    tablets_days: float = 0.0
    bolus_mcg: float | None = None
    bolus_hours: float | None = None

    @property
    def ashworth_legs(self) -> float:
        """The score that was found today."""
        return _known(self.visits[-1].ashworth_legs)

    @property
    def spasm_penn(self) -> float:
        """The frequency of spasms that was found today."""
        return _known(self.visits[-1].spasm_penn)

    @property
    def ashworth_before(self) -> float:
        """The score at the start of the study."""
        return _known(self.visits[0].ashworth_legs)


def _known(score: float | None) -> float:
    assert score is not None  # the examiner of a study always looks at legs and spasms
    return score
