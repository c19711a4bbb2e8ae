"""The door: a case document as it is written, checked field by field."""

from pydantic import Field, model_validator

from thecal.twin.bedside_tables import BodyTable, ParametersTable
from thecal.twin.events import EVENT_TABLES, AnyEvent, CatheterTable, PumpTable
from thecal.twin.fact_tables import FACT_TABLES, AnyFact
from thecal.twin.fields import ADuration, ADurationOrZero, At, AVersion, Document, PlainText, mistake
from thecal.twin.mishaps import TRUTH_TABLES, WorldTable
from thecal.twin.order_tables import BolusTable, FillTable, SheetTable
from thecal.twin.programs import DayTable, PatientBolusTable, ProgramTable, StepTable


class PatientTable(Document):
    """Who it is about, without a name."""

    label: PlainText


class RefillTable(Document):
    """What bounds the time between refills; what is not given is the default of the rule, with its source."""

    stability: ADuration | None = None
    buffer: ADurationOrZero | None = None
    clinic_max: ADuration | None = None


class CourseTable(Document):
    """A course of therapy: what is in place, what people do and what happens to them; a case, and what is made of one."""

    title: PlainText
    timezone: str
    until: At
    sources: list[PlainText] = Field(default_factory=list)
    patient: PatientTable | None = None
    pump: PumpTable
    catheter: CatheterTable
    body: BodyTable | None = None
    refill: RefillTable = RefillTable()
    world: WorldTable = WorldTable()
    event: list[AnyEvent] = Field(min_length=1)
    fact: list[AnyFact] = Field(default_factory=list)


class CaseTable(CourseTable):
    """A whole case."""

    case: AVersion


class LookTable(Document):
    """What a reader of the chart should find at an instant: the state on the pathway, and the findings of a topic.

    ``finds`` names every finding graver than advice, as ``"TIT-03 block"``; ``also`` some of the advice and tasks.
    """

    at: At
    topic: PlainText = "all"
    order: SheetTable | None = None
    state: PlainText | None = None
    finds: list[PlainText] | None = None
    also: list[PlainText] = Field(default_factory=list)


class BoundTable(Document):
    """Between what a number has to lie, in the unit of what is measured; one of both ends, or both."""

    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _bounds_something(self) -> "BoundTable":
        if self.at_least is None and self.at_most is None:
            raise mistake("at_least", "", "is missing, and so is at_most: nothing is bounded")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise mistake("at_least", f"{self.at_least:g}", f"is above at_most, {self.at_most:g}: nothing can be both")
        return self

    def __str__(self) -> str:
        words = (("at least", self.at_least), ("at most", self.at_most))
        return " and ".join(f"{word} {bound:g}" for word, bound in words if bound is not None)

    def holds(self, value: float) -> bool:
        """Whether a value lies within."""
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)

    def apart(self, other: "BoundTable") -> bool:
        """Whether no value is in both."""
        pairs = ((self.at_least, other.at_most), (other.at_least, self.at_most))
        return any(low is not None and high is not None and low > high for low, high in pairs)


class ChartTable(Document):
    """A chart: what is known of a person, and what was done with the pump, where there is one."""

    chart: AVersion
    title: PlainText
    timezone: str
    sources: list[PlainText] = Field(default_factory=list)
    pump: PumpTable | None = None
    catheter: CatheterTable | None = None
    refill: RefillTable = RefillTable()
    event: list[AnyEvent] = Field(default_factory=list)
    fact: list[AnyFact] = Field(default_factory=list)
    look: list[LookTable] = Field(default_factory=list)


_TABLES: dict[str, type[Document]] = {
    "bolus": BolusTable,
    "fill": FillTable,
    "patient": PatientTable,
    "pump": PumpTable,
    "catheter": CatheterTable,
    "body": BodyTable,
    "parameters": ParametersTable,
    "refill": RefillTable,
    "world": WorldTable,
    "program": ProgramTable,
    "patient_bolus": PatientBolusTable,
    "steps": StepTable,
    "day": DayTable,
    "look": LookTable,
    "order": SheetTable,
}


def kinds(names: list[str]) -> dict[str, type[Document]]:
    """The kinds of event that may stand in a list of the document."""
    if names[-1:] == ["fact"]:
        return FACT_TABLES
    return TRUTH_TABLES if names[-2:] == ["world", "event"] else EVENT_TABLES


def known_keys(path: tuple[str | int, ...], table: object, root: type[Document] = CaseTable) -> list[str]:
    """The keys that the table at a path of a document may have; ``root`` is what the whole document is."""
    names = [key for key in path if isinstance(key, str)]
    model: type[Document] | None = root
    if names[-1:] in (["event"], ["fact"]) and isinstance(table, dict):
        model = kinds(names).get(str(table.get("kind")))
    elif names:
        model = root.parts.get(".".join(names[-2:])) or root.parts.get(names[-1]) or _TABLES.get(names[-1])
    return [field.alias or name for name, field in model.model_fields.items()] if model else []
