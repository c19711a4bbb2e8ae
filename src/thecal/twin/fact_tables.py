"""What is known of a person, as a chart or case document writes it: the tables of its facts."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from thecal.chart import clinical
from thecal.chart.clinical import Origin, Route, Tone
from thecal.chart.facts import Assessed, Fact, TestBolusGiven
from thecal.chart.vocabulary import grouped, item_named, named
from thecal.errors import InputError
from thecal.therapy.scores import read_score
from thecal.twin.fact_fields import (
    ACause,
    AChecklist,
    ACondition,
    ADate,
    ADocument,
    AMeasure,
    AMedicine,
    ARole,
    ARule,
    ASymptom,
    AVisit,
    quantity_of,
)
from thecal.twin.fields import AConcentration, ADuration, AnAmount, At, Document, PlainText

_AGE_MAX = 125
_PER_DAY_MAX = 10_000
_ROUTES: dict[str, Route] = {"botulinum toxin": "injection", "cannabinoid spray": "spray"}
_PER_DAY = {"oral": "mg/day", "intrathecal": "mcg/day", "intravenous": "mg/day", "injection": "units", "spray": "sprays/day"}


class FactTable(Document):
    """What every fact has."""

    at: At

    def facts(self) -> Iterator[Fact]:
        """The facts that it states."""
        raise NotImplementedError


class DescribedFact(FactTable):
    """Who it is about, without a name."""

    kind: Literal["described"]
    cause: ACause
    origin: Origin
    born: ADate | None = None
    injured: ADate | None = None
    severe: bool | None = None

    def facts(self) -> Iterator[Fact]:
        today = date(1970, 1, 1).fromordinal(date(1970, 1, 1).toordinal() + self.at.s // 86_400)
        for name in ("born", "injured"):
            day = getattr(self, name)
            if day is not None and day > today:
                why = ": an age below zero" if name == "born" else ""
                raise InputError(name, str(day), f"is after {today}, on which it is written down{why}")
        if self.born and today.year - self.born.year > _AGE_MAX:
            raise InputError("born", str(self.born), f"is more than {_AGE_MAX} years before {today}")
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
    route: Route | None = None
    dose: PlainText
    doses_a_day: int = Field(default=1, ge=1, le=24)
    indication: PlainText | None = None
    form: PlainText | None = None
    strength: PlainText | None = None
    ml_per_dose: float | None = Field(default=None, gt=0, le=500)

    def facts(self) -> Iterator[Fact]:
        only: Route | None = next((way for of, way in _ROUTES.items() if self.medicine in grouped("medicines", of)), None)
        route: Route = self.route or only or "oral"
        if only is not None and route != only:
            raise InputError("route", route, f"is no way to give {self.medicine}", accepted=(f'"{only}"',))
        per_day = quantity_of(self.dose, _PER_DAY[route], "dose")
        if not 0 < per_day <= _PER_DAY_MAX:
            accepted = (f"more than 0, at most {_PER_DAY_MAX:,} {_PER_DAY[route]}",)
            raise InputError("dose", self.dose, "is no dose; what is no longer taken is discontinued", accepted=accepted)
        of = (self.doses_a_day, self.indication, self.form, self.strength, self.ml_per_dose)
        yield clinical.Prescribed(self.at, self.medicine, route, per_day, *of)


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
            raise InputError("on", f"{self.on.utc_text()} in UTC", "is before the booking was made")
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
            raise InputError("until", f"{self.until.utc_text()} in UTC", "is before the paper was there")
        yield clinical.Documented(self.at, self.document, self.until, self.by)


class SignedFact(FactTable):
    """A second person has entered an order again."""

    kind: Literal["signed"]
    author: PlainText
    checker: PlainText
    role: ARole

    def facts(self) -> Iterator[Fact]:
        for name in ("author", "checker"):
            if not getattr(self, name):
                raise InputError(name, "", "is missing: who entered the order")
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
    """A magnetic resonance scan; without ``tesla`` its field strength is not known."""

    kind: Literal["scan"]
    tesla: float | None = Field(default=None, gt=0, le=12)
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
            raise InputError("until", f"{self.until.utc_text()} in UTC", "is before the certificate was given")
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
        if self.ashworth_legs is self.ashworth_arms is self.spasm_penn is None:
            raise InputError("assessment", "", "holds no score", accepted=("ashworth_legs, ashworth_arms or spasm_penn",))
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
