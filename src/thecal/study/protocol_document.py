"""The door: a study's protocol as it is written, checked field by field."""

from typing import Annotated

from pydantic import Field

from thecal.errors import InputError
from thecal.report.signs import threshold
from thecal.study.titration import titration_number
from thecal.study.treatment import RefillKind
from thecal.twin.fields import AConcentration, ADose, ADuration, ADurationOrZero, AnAmount, AVersion, Document, PlainText, reading


def _parts(value: object, name: str) -> dict[str, float]:
    """One name, or names and their parts of the whole."""
    if isinstance(value, str):
        return {value: 1.0}
    if not isinstance(value, dict) or not value:
        raise InputError(name, value, "is neither one name nor a table of parts", accepted=('"T10"', "{ T10 = 0.7, T6 = 0.3 }"))
    odd = next((key for key, part in value.items() if isinstance(part, bool) or not isinstance(part, int | float)), None)
    if odd is not None:
        raise InputError(name, value[odd], f"is not the part of the whole that {odd} has", accepted=("a number up to 1",))
    return {str(key): float(part) for key, part in value.items()}


Parts = Annotated[dict[str, float], reading(_parts)]
Own = dict[str, str | float]
"""Settings by name: text with its unit, or a plain number where there is none."""


class OnlyTable(Document):
    """Who is enrolled."""

    name: PlainText
    at_least: float | None = None
    at_most: float | None = None


class StrataTable(Document):
    """Parts of the whole by a covariate."""

    by: PlainText
    shares: dict[str, float]


class CorrelationTable(Document):
    """Two parameters of the body that vary together."""

    between: list[PlainText] = Field(min_length=2, max_length=2)
    value: float


class PopulationTable(Document):
    """Who is in the study."""

    sheets: Parts = Field(default_factory=lambda: {"adult-ms": 1.0})
    tip_levels: Parts = Field(default_factory=lambda: {"T10": 1.0})
    pumps: Parts = Field(default_factory=lambda: {"synchromed-ii-40": 1.0})
    catheters: Parts = Field(default_factory=lambda: {"ascenda-8780": 1.0})
    given: dict[str, float] = Field(default_factory=dict)
    settings: Own = Field(default_factory=dict)
    only: list[OnlyTable] = Field(default_factory=list)
    strata: StrataTable | None = None
    correlation: list[CorrelationTable] = Field(default_factory=list)


class DefinitionsTable(Document):
    """What counts as a response, as target tone, as walking, as an episode."""

    response_ashworth: float = Field(default_factory=lambda: titration_number("response_fall"), gt=0, le=4)
    target_ashworth: float = Field(default_factory=lambda: titration_number("raise_above"), ge=1, le=5)
    withdrawal_index: float = Field(default_factory=lambda: threshold("withdrawal"), gt=0, lt=1)
    overdose_index: float = Field(default_factory=lambda: threshold("overdose"), gt=0, lt=1)
    walking_ashworth: float | None = Field(None, ge=1, le=5)
    walking_weakness: float | None = Field(None, gt=0, lt=1)


class StudyRefillsTable(Document):
    """When the clinic asks a patient to come."""

    kind: RefillKind = "by alarm date"
    buffer: ADurationOrZero | None = None
    every: ADuration | None = None


class ArmTable(Document):
    """One arm."""

    name: PlainText
    title: PlainText = ""
    policy: PlainText
    settings: Own = Field(default_factory=dict)
    screening: bool = False
    first_dose: ADose | None = None
    tablets_before: bool = False
    test_bolus: AnAmount | None = None
    concentrations: list[AConcentration] = Field(default_factory=list)
    interval_min: ADuration | None = None
    refills: StudyRefillsTable = StudyRefillsTable()
    world: Own = Field(default_factory=dict)


class PublishedTable(Document):
    """A published number, and the query that asks the rows of the study for it."""

    id: PlainText
    quantity: PlainText
    published: float
    shown: PlainText
    unit: PlainText
    low: float
    high: float
    role: PlainText
    source: PlainText
    model: PlainText
    protocol: PlainText


class StudyTable(Document):
    """A whole protocol."""

    study: AVersion
    title: PlainText
    sources: list[PlainText] = Field(default_factory=list)
    limits: list[PlainText] = Field(default_factory=list)
    seed: int
    patients: int = Field(ge=1, le=10**9)
    follow_up: ADuration
    visits: list[ADuration] = Field(default_factory=list)
    block: int = Field(64, ge=1, le=4096)
    look: ADuration | None = None
    mixing: bool = False
    upper_limbs: bool = False
    course: ADuration | None = None
    endpoints: list[PlainText] = Field(min_length=1)
    interim: list[ADuration] = Field(default_factory=list)
    population: PopulationTable = PopulationTable()
    definitions: DefinitionsTable = DefinitionsTable()
    world: Own = Field(default_factory=dict)
    arm: list[ArmTable] = Field(min_length=1)
    published: list[PublishedTable] = Field(default_factory=list)


StudyTable.parts = {
    "population": PopulationTable,
    "only": OnlyTable,
    "strata": StrataTable,
    "correlation": CorrelationTable,
    "definitions": DefinitionsTable,
    "arm": ArmTable,
    "refills": StudyRefillsTable,
    "published": PublishedTable,
}
