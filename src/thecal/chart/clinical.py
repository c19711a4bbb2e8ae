"""Facts about the person: what was asked, found, scored, prescribed, booked, signed. Frozen and dated like every fact.

Their words (conditions, symptoms, measures, medicines, checklists, documents, visits) are those of ``chart.vocabulary``.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from thecal.timeline import Duration, Instant

Origin = Literal["spinal", "cerebral"]
Route = Literal["oral", "intrathecal", "intravenous", "injection", "spray"]
Tone = Literal["single", "two-tone"]


@dataclass(frozen=True, slots=True)
class Described:
    """Who it is about, without a name: the cause of the spasticity and where it comes from, when born, when injured."""

    at: Instant
    cause: str
    origin: Origin
    born: date | None = None
    injured: date | None = None
    severe: bool | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """An item of a checklist, answered."""

    at: Instant
    checklist: str
    item: str
    yes: bool


@dataclass(frozen=True, slots=True)
class Noticed:
    """A condition that is there from now on, or no longer."""

    at: Instant
    condition: str
    present: bool = True


@dataclass(frozen=True, slots=True)
class SymptomReported:
    """A symptom and its grade: 0 gone, 1 mild, 2 moderate, 3 severe."""

    at: Instant
    symptom: str
    grade: int


@dataclass(frozen=True, slots=True)
class Scored:
    """A score on a scale, as it was written (``"1+"``), of a ``part`` of the body where the scale has parts."""

    at: Instant
    scale: str
    score: str
    part: str | None = None
    rater: str | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A number that was measured, in the unit of its measure."""

    at: Instant
    measure: str
    value: float


@dataclass(frozen=True, slots=True)
class Prescribed:
    """A medicine from now on, instead of what was taken of it: milligrams (units, sprays) a day, in so many doses.

    ``form`` and ``strength`` are as written on the prescription (``"solution"``, ``"5 mg/5 mL"``), ``ml_per_dose`` what is
    measured out of a liquid.
    """

    at: Instant
    medicine: str
    route: Route
    per_day: float
    doses_a_day: int = 1
    indication: str | None = None
    form: str | None = None
    strength: str | None = None
    ml_per_dose: float | None = None


@dataclass(frozen=True, slots=True)
class Discontinued:
    """A medicine no longer."""

    at: Instant
    medicine: str


@dataclass(frozen=True, slots=True)
class Booked:
    """A visit that is to be, with its owner; ``cancelled`` takes that booking back."""

    at: Instant
    visit: str
    on: Instant
    who: str | None = None
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Visited:
    """A visit that was."""

    at: Instant
    visit: str
    who: str | None = None


@dataclass(frozen=True, slots=True)
class Documented:
    """A paper that is there; ``until`` is the last instant at which it counts, ``by`` who wrote or gave it."""

    at: Instant
    document: str
    until: Instant | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Signed:
    """A second person, who is not the author, has entered again what an order says."""

    at: Instant
    author: str
    checker: str
    role: str


@dataclass(frozen=True, slots=True)
class Overrode:
    """A named person with a role goes on in spite of a rule, for a reason. It holds until the next session with the pump ends."""

    at: Instant
    rule: str
    reason: str
    by: str
    role: str


@dataclass(frozen=True, slots=True)
class AlarmHeard:
    """The pump was heard."""

    at: Instant
    tone: Tone


@dataclass(frozen=True, slots=True)
class Scanned:
    """A magnetic resonance scan at a field strength; ``infusion_off`` is how long no infusion is known to have run.

    ``tesla`` is None where nobody knows it.
    """

    at: Instant
    tesla: float | None = None
    infusion_off: Duration | None = None


@dataclass(frozen=True, slots=True)
class Certified:
    """A person may do something until a date."""

    at: Instant
    who: str
    role: str
    permission: str
    until: Instant


@dataclass(frozen=True, slots=True)
class Referred:
    """Somebody was sent for consultation about a pump."""

    at: Instant


@dataclass(frozen=True, slots=True)
class Closed:
    """The therapy, or the way to it, ends here."""

    at: Instant
    why: str


ClinicalFact = (
    Described
    | Answered
    | Noticed
    | SymptomReported
    | Scored
    | Measured
    | Prescribed
    | Discontinued
    | Booked
    | Visited
    | Documented
    | Signed
    | Overrode
    | AlarmHeard
    | Scanned
    | Certified
    | Referred
    | Closed
)
