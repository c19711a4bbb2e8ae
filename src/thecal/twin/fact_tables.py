"""What is known of a person, as a chart or case document writes it: the tables of its facts."""

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from thecal.chart import clinical
from thecal.chart.clinical import Origin, Route, Tone
from thecal.chart.facts import Assessed, Fact, TestBolusGiven
from thecal.chart.vocabulary import Vocabulary, item_named, named
from thecal.errors import InputError
from thecal.therapy.permissions import role_named
from thecal.therapy.rules import rule_named
from thecal.therapy.scores import read_score
from thecal.twin.fields import AConcentration, ADuration, AnAmount, At, Document, PlainText, reading

_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)
_PER_DAY = {"oral": "mg/day", "intrathecal": "mcg/day", "intravenous": "mg/day", "injection": "units", "spray": "sprays/day"}


def _word(vocabulary: Vocabulary) -> PlainValidator:
    return reading(lambda value, name: named(vocabulary, _text(value, name), name).name)


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise InputError(name, value, "is not a name in quotes")
    return value


def _date(value: object, name: str) -> date:
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise InputError(name, value, "is not a date", accepted=('"1975-05-01"',)) from None


def _known(read: Callable[[str, str], Any]) -> PlainValidator:
    return reading(lambda value, name: read(_text(value, name), name))


def quantity_of(text: str, unit: str, name: str) -> float:
    """A plain number with its unit. Raises InputError without the unit, or with another."""
    number, _, given = text.strip().partition(" ")
    if not _NUMBER.fullmatch(number) or given.strip() != unit:
        raise InputError(name, text, "is not a plain number with its unit", accepted=(f'"62 {unit}"',))
    return float(number)


ADate = Annotated[date, reading(_date)]
ACondition = Annotated[str, _word("conditions")]
ASymptom = Annotated[str, _word("symptoms")]
AMeasure = Annotated[str, _word("measures")]
AMedicine = Annotated[str, _word("medicines")]
ADocument = Annotated[str, _word("documents")]
AVisit = Annotated[str, _word("visits")]
AChecklist = Annotated[str, _word("checklists")]
ARole = Annotated[str, _known(lambda text, name: role_named(text, name).name)]
ARule = Annotated[str, _known(lambda text, name: rule_named(text, name).id)]


class FactTable(Document):
    """What every fact has."""

    at: At

    def facts(self) -> Iterator[Fact]:
        """The facts that it states."""
        raise NotImplementedError


class DescribedFact(FactTable):
    """Who it is about, without a name."""

    kind: Literal["described"]
    cause: PlainText
    origin: Origin
    born: ADate | None = None
    injured: ADate | None = None
    severe: bool | None = None

    def facts(self) -> Iterator[Fact]:
        today = date(1970, 1, 1).fromordinal(date(1970, 1, 1).toordinal() + self.at.s // 86_400)
        for name in ("born", "injured"):
            day = getattr(self, name)
            if day is not None and day > today:
                raise InputError(name, str(day), f"is after {today}, on which it is written down: an age below zero")
        if self.born and self.injured and self.injured < self.born:
            raise InputError("injured", str(self.injured), f"is before born, {self.born}")
        yield clinical.Described(self.at, self.cause, self.origin, self.born, self.injured, self.severe)


class ReferredFact(FactTable):
    """Sent for consultation."""

    kind: Literal["referred"]

    def facts(self) -> Iterator[Fact]:
        yield clinical.Referred(self.at)


class ChecklistFact(FactTable):
    """Items of a checklist, answered."""

    kind: Literal["checklist"]
    checklist: AChecklist
    yes: list[PlainText] = Field(default_factory=list)
    no: list[PlainText] = Field(default_factory=list)

    def facts(self) -> Iterator[Fact]:
        for answer, items in (("yes", self.yes), ("no", self.no)):
            for item in items:
                yield clinical.Answered(self.at, self.checklist, item_named(self.checklist, item, answer), answer == "yes")


class ConditionFact(FactTable):
    """A condition that is there, or no longer."""

    kind: Literal["condition"]
    condition: ACondition
    present: bool = True

    def facts(self) -> Iterator[Fact]:
        yield clinical.Noticed(self.at, self.condition, self.present)


class SymptomFact(FactTable):
    """A symptom and its grade."""

    kind: Literal["symptom"]
    symptom: ASymptom
    grade: int = Field(ge=0, le=3)

    def facts(self) -> Iterator[Fact]:
        yield clinical.SymptomReported(self.at, self.symptom, self.grade)


class ScoreFact(FactTable):
    """A score on a scale."""

    kind: Literal["score"]
    scale: PlainText
    score: PlainText
    part: PlainText | None = None
    rater: PlainText | None = None

    def facts(self) -> Iterator[Fact]:
        read_score(self.scale, self.score, "score", self.part)
        yield clinical.Scored(self.at, self.scale, self.score, self.part, self.rater)


class MeasuredFact(FactTable):
    """A number with its unit."""

    kind: Literal["measured"]
    measure: AMeasure
    value: PlainText

    def facts(self) -> Iterator[Fact]:
        word = named("measures", self.measure, "measure")
        value = quantity_of(self.value, word.unit, "value")
        if not word.low <= value <= word.high:
            accepted = (f"{word.low:,g} to {word.high:,g} {word.unit}",)
            raise InputError("value", self.value, f"cannot be {word.text}", accepted=accepted)
        yield clinical.Measured(self.at, self.measure, value)


class PrescribedFact(FactTable):
    """A medicine from now on."""

    kind: Literal["prescribed"]
    medicine: AMedicine
    route: Route = "oral"
    dose: PlainText
    doses_a_day: int = Field(default=1, ge=1, le=24)
    indication: PlainText | None = None
    form: PlainText | None = None
    strength: PlainText | None = None
    ml_per_dose: float | None = Field(default=None, gt=0, le=500)

    def facts(self) -> Iterator[Fact]:
        per_day = quantity_of(self.dose, _PER_DAY[self.route], "dose")
        of = (self.doses_a_day, self.indication, self.form, self.strength, self.ml_per_dose)
        yield clinical.Prescribed(self.at, self.medicine, self.route, per_day, *of)


class DiscontinuedFact(FactTable):
    """A medicine no longer."""

    kind: Literal["discontinued"]
    medicine: AMedicine

    def facts(self) -> Iterator[Fact]:
        yield clinical.Discontinued(self.at, self.medicine)


class BookedFact(FactTable):
    """A visit that is to be, or a booking taken back."""

    kind: Literal["booked"]
    visit: AVisit
    on: At
    who: PlainText | None = None
    cancelled: bool = False

    def facts(self) -> Iterator[Fact]:
        if self.on < self.at and not self.cancelled:
            raise InputError("on", self.on.utc_text(), "is before the booking was made")
        yield clinical.Booked(self.at, self.visit, self.on, self.who, self.cancelled)


class VisitedFact(FactTable):
    """A visit that was."""

    kind: Literal["visited"]
    visit: AVisit
    who: PlainText | None = None

    def facts(self) -> Iterator[Fact]:
        yield clinical.Visited(self.at, self.visit, self.who)


class DocumentFact(FactTable):
    """A paper that is there."""

    kind: Literal["document"]
    document: ADocument
    until: At | None = None
    by: PlainText | None = None

    def facts(self) -> Iterator[Fact]:
        if self.until is not None and self.until < self.at:
            raise InputError("until", self.until.utc_text(), "is before the paper was there")
        yield clinical.Documented(self.at, self.document, self.until, self.by)


class SignedFact(FactTable):
    """A second person has entered an order again."""

    kind: Literal["signed"]
    author: PlainText
    checker: PlainText
    role: ARole

    def facts(self) -> Iterator[Fact]:
        yield clinical.Signed(self.at, self.author, self.checker, self.role)


class OverrodeFact(FactTable):
    """A person goes on in spite of a rule."""

    kind: Literal["overrode"]
    rule: ARule
    reason: PlainText
    by: PlainText
    role: ARole

    def facts(self) -> Iterator[Fact]:
        for name in ("reason", "by"):
            if not getattr(self, name):
                raise InputError(name, "", "is missing: an override has a reason and a name")
        yield clinical.Overrode(self.at, self.rule, self.reason, self.by, self.role)


class AlarmFact(FactTable):
    """The pump was heard."""

    kind: Literal["alarm"]
    tone: Tone

    def facts(self) -> Iterator[Fact]:
        yield clinical.AlarmHeard(self.at, self.tone)


class ScanFact(FactTable):
    """A magnetic resonance scan."""

    kind: Literal["scan"]
    tesla: float = Field(gt=0, le=12)
    infusion_off: ADuration | None = None

    def facts(self) -> Iterator[Fact]:
        yield clinical.Scanned(self.at, self.tesla, self.infusion_off)


class CertifiedFact(FactTable):
    """A person may do something until a date."""

    kind: Literal["certified"]
    who: PlainText
    role: ARole
    permission: Literal["order", "program", "refill", "double-check"]
    until: At

    def facts(self) -> Iterator[Fact]:
        if self.until < self.at:
            raise InputError("until", self.until.utc_text(), "is before the certificate was given")
        yield clinical.Certified(self.at, self.who, self.role, self.permission, self.until)


class ClosedFact(FactTable):
    """The therapy, or the way to it, ends."""

    kind: Literal["closed"]
    why: PlainText

    def facts(self) -> Iterator[Fact]:
        yield clinical.Closed(self.at, self.why)


class TestBolusFact(FactTable):
    """A screening test, as it was written down."""

    __test__ = False  # the name is the field's; it is no test class
    kind: Literal["screening_test"]
    dose: AnAmount
    concentration: AConcentration
    effect_lasted: ADuration | None = None

    def facts(self) -> Iterator[Fact]:
        yield TestBolusGiven(self.at, self.dose, self.concentration, self.effect_lasted)


class AssessmentFact(FactTable):
    """An examination, as it was written down: Ashworth 1 to 5, the mean of the muscles, and spasms by Penn."""

    kind: Literal["assessment"]
    ashworth_legs: float | None = Field(default=None, ge=1, le=5)
    ashworth_arms: float | None = Field(default=None, ge=1, le=5)
    spasm_penn: float | None = Field(default=None, ge=0, le=4)

    def facts(self) -> Iterator[Fact]:
        yield Assessed(self.at, self.ashworth_legs, self.ashworth_arms, self.spasm_penn)


AnyFact = Annotated[
    DescribedFact
    | ReferredFact
    | ChecklistFact
    | ConditionFact
    | SymptomFact
    | ScoreFact
    | MeasuredFact
    | PrescribedFact
    | DiscontinuedFact
    | BookedFact
    | VisitedFact
    | DocumentFact
    | SignedFact
    | OverrodeFact
    | AlarmFact
    | ScanFact
    | CertifiedFact
    | ClosedFact
    | TestBolusFact
    | AssessmentFact,
    Field(discriminator="kind"),
]
FACT_TABLES: dict[str, type[Document]] = {
    "described": DescribedFact,
    "referred": ReferredFact,
    "checklist": ChecklistFact,
    "condition": ConditionFact,
    "symptom": SymptomFact,
    "score": ScoreFact,
    "measured": MeasuredFact,
    "prescribed": PrescribedFact,
    "discontinued": DiscontinuedFact,
    "booked": BookedFact,
    "visited": VisitedFact,
    "document": DocumentFact,
    "signed": SignedFact,
    "overrode": OverrodeFact,
    "alarm": AlarmFact,
    "scan": ScanFact,
    "certified": CertifiedFact,
    "closed": ClosedFact,
    "screening_test": TestBolusFact,
    "assessment": AssessmentFact,
}
