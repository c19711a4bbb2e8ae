"""The people of the demonstration clinic, and how they are dosed. Every one of them is invented: names, births, numbers and
telephones are nobody's.

Telephone numbers end in 555-0100 to 555-0199, which are kept for fiction, and mail goes to example.org, which nobody reads.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from thecal.chart.clinical import Origin
from thecal.chart.order import FlexDay, Order, OrderContinuous, OrderFlex, OrderPeriodic, StepDose
from thecal.clinic.person import Person
from thecal.quantity import Amount, DailyDose
from thecal.timeline import HOUR_S, Duration

_PG = 10**6

_FIRST = (
    "Ada", "Bruno", "Clara", "Dario", "Edith", "Felix", "Greta", "Hugo", "Irene", "Jonas", "Klara", "Leon", "Mara", "Nils",
    "Olga", "Paul", "Quinn", "Rosa", "Silas", "Tilda", "Ugo", "Vera", "Wanda", "Xaver", "Yara", "Zeno",
)  # fmt: skip
_LAST = ("Example", "Sample", "Testcase", "Demofield", "Mockridge", "Placeholder", "Fictley")
_RELATIVES = ("Robin", "Kim", "Sascha", "Alex", "Noa")


@dataclass(frozen=True, slots=True)
class Cause:
    """What the spasticity of somebody comes from, how old people with it are here, and how a dose is raised.

    ``start`` is the first daily dose in mcg/day, twice the screening dose (TIT-01); ``rise`` the percent of a step, of those that
    TIT-03 and TIT-04 advise; ``steps`` how many there are at most.
    """

    name: str
    origin: Origin
    youngest: int
    oldest: int
    start: int
    rise: int
    steps: int
    injury: bool = False


_MS = Cause("multiple sclerosis", "spinal", 34, 66, 150, 15, 6)
_SCI = Cause("spinal cord injury", "spinal", 22, 60, 150, 20, 5, injury=True)
_CP = Cause("cerebral palsy", "cerebral", 19, 41, 150, 10, 5)
_STROKE = Cause("stroke", "cerebral", 48, 72, 150, 10, 5)
_BRAIN = Cause("traumatic brain injury", "cerebral", 20, 45, 150, 10, 5, injury=True)
_HSP = Cause("hereditary spastic paraplegia", "spinal", 30, 58, 150, 15, 5)
_CAUSES = (_MS, _MS, _SCI, _MS, _CP, _MS, _MS, _SCI, _MS, _STROKE, _MS, _CP, _MS, _BRAIN, _SCI, _MS, _HSP)
"""Mostly multiple sclerosis, by index; how often which cause is here is a choice of the demonstration."""


def cause_of(index: int) -> Cause:
    """The cause of the person of an index."""
    return _CAUSES[index % len(_CAUSES)]


def born(index: int, cause: Cause, today: date) -> date:
    """When the person of an index was born: of an age that fits the cause, on any day of a year."""
    years = cause.youngest + (index * 7) % (cause.oldest - cause.youngest + 1)
    return today - timedelta(days=round(years * 365.25) + (index * 53) % 365)


def invented_person(index: int, number: str, today: date) -> Person:
    """The identifiers of an invented person; ``number`` is the hospital's."""
    first, last = _FIRST[index % len(_FIRST)], _LAST[(index + index // len(_FIRST)) % len(_LAST)]
    return Person(
        name=f"{first} {last}",
        born=born(index, cause_of(index), today),
        number=number,
        phone=f"+1 206-555-01{index % 100:02d}",
        second_contact=f"{_RELATIVES[index % len(_RELATIVES)]} {last}, +1 312-555-01{index % 100:02d}",
        email=f"{first}.{last}.{index + 1}@example.org".lower(),
        address=f"{index + 1} Invented Street, Sampletown",
        referrer="Dr. Rita Referrer (invented)",
    )


def doses_of(cause: Cause, days: int) -> tuple[DailyDose, ...]:
    """The doses of the titration, each a step above the one before, in whole 5 mcg/day (TIT-03, TIT-04)."""
    steps = min(cause.steps, max((days - 95) // 28, 1))
    doses = [cause.start]
    for _ in range(steps):
        doses.append(doses[-1] * (100 + cause.rise) // 500 * 5)
    return tuple(DailyDose(dose * _PG) for dose in doses)


def shaped(shape: str, total: DailyDose) -> Order:
    """A daily dose as the shape has it; the steps are in whole micrograms."""
    mcg = total.pg_per_day // _PG
    steps: tuple[tuple[int, int, int], ...]
    if shape == "night":
        night = mcg * 40 // 100
        steps = ((22, 6, night), (6, 22, mcg - night))
    elif shape == "flex":
        morning, noon, evening = mcg * 26 // 100, mcg * 24 // 100, mcg * 20 // 100
        steps = ((0, 6, mcg - morning - noon - evening), (6, 12, morning), (12, 18, noon), (18, 24, evening))
    elif shape == "periodic":
        bolus = mcg // 20
        basal = DailyDose((mcg - 4 * bolus) * _PG)
        return OrderPeriodic(Amount(bolus * _PG), Duration(1800), Duration(6 * HOUR_S), 6 * HOUR_S, basal)
    else:
        return OrderContinuous(total)
    doses = tuple(StepDose(begin * HOUR_S, end * HOUR_S, Amount(dose * _PG)) for begin, end, dose in steps)
    return OrderFlex((FlexDay((), total, doses),))
