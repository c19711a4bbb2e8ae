"""The door: a drill as it is written. A course of therapy up to the scene, what is seen and said there, what is to be done."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from thecal.twin.bedside_tables import BodyTable
from thecal.twin.document import BoundTable, CourseTable
from thecal.twin.fact_fields import ARule
from thecal.twin.fields import ADose, ADuration, ADurationOrZero, AnAmount, At, AVersion, Document, PlainText

INDICES = {
    "withdrawal": "withdrawal_index",
    "overdose": "overdose_index",
    "drowsiness": "sedation_index",
    "weakness": "weakness_index",
    "tone": "ashworth_legs",
}
"""What of the body a condition may ask for: an index from 0 to 1, or the Ashworth score of the legs from 1 to 5."""


class WhenTable(Document):
    """When something is so: all of it has to hold.

    ``after`` and ``before`` count from the beginning of the drill, or from the last of the deeds of ``once``; ``unless`` are
    deeds that have not been done; ``alarm`` says whether an alarm of the pump sounds.
    """

    after: ADurationOrZero | None = None
    before: ADuration | None = None
    once: list[PlainText] = Field(default_factory=list)
    unless: list[PlainText] = Field(default_factory=list)
    withdrawal: BoundTable | None = None
    overdose: BoundTable | None = None
    drowsiness: BoundTable | None = None
    weakness: BoundTable | None = None
    tone: BoundTable | None = None
    alarm: bool | None = None


class SpokenTable(Document):
    """Words of somebody, and the facts that they are for the chart: each as in a chart, without its time."""

    says: PlainText
    when: WhenTable = WhenTable()
    fact: list[dict[str, Any]] = Field(default_factory=list)


class VoiceTable(SpokenTable):
    """What somebody says unasked, once; it ends a wait."""

    name: PlainText
    who: PlainText


class AnswerTable(SpokenTable):
    """What is answered to a question with one of the words; the first whose condition holds."""

    to: list[PlainText] = Field(min_length=1)
    who: PlainText


class SignTable(SpokenTable):
    """What an examination finds."""


class ProgrammerTable(Document):
    """When there is a programmer at hand: so long after the beginning, or after the last of some deeds."""

    after: ADurationOrZero
    once: list[PlainText] = Field(default_factory=list)


class SceneTable(Document):
    """Where the learner takes over. Without ``programmer`` there is one at hand."""

    start: At
    place: PlainText
    role: PlainText
    programmer: ProgrammerTable | None = None


class GivesTable(Document):
    """The dose that has to leave the tip in a stretch of time."""

    start: At = Field(alias="from")
    to: At
    at_least: AnAmount | None = None
    at_most: AnAmount | None = None


class DosedTable(Document):
    """The 24-h total that a program has to have."""

    at_least: ADose | None = None
    at_most: ADose | None = None


class CriticalTable(Document):
    """What has to be done: one of the deeds of ``by``, within a time of the beginning or of the deed of ``since``.

    ``dose`` bounds the 24-h total of a program; ``gives`` asks for a dose at the tip instead of a deed.
    """

    does: PlainText
    by: list[PlainText] = Field(default_factory=list)
    within: ADuration | None = None
    since: PlainText | None = None
    dose: DosedTable | None = None
    gives: GivesTable | None = None
    why: PlainText
    rules: list[ARule] = Field(default_factory=list)


class HarmfulTable(Document):
    """What must not be done, and what it would do; ``unless`` are deeds before it that make it right."""

    does: PlainText
    by: list[PlainText] = Field(min_length=1)
    unless: list[PlainText] = Field(default_factory=list)
    dose: DosedTable | None = None
    why: PlainText
    rules: list[ARule] = Field(default_factory=list)


class DrillTable(CourseTable):
    """A whole drill: the course of a case up to ``scene.start`` and its truth beyond, and the scene."""

    parts: ClassVar[Mapping[str, type[Document]]] = {
        "scene": SceneTable,
        "programmer": ProgrammerTable,
        "voice": VoiceTable,
        "answer": AnswerTable,
        "sign": SignTable,
        "when": WhenTable,
        "critical": CriticalTable,
        "harmful": HarmfulTable,
        "gives": GivesTable,
        "dose": DosedTable,
        **dict.fromkeys(INDICES, BoundTable),
    }
    drill: AVersion
    body: BodyTable
    objectives: list[PlainText] = Field(min_length=1)
    brief: PlainText
    scene: SceneTable
    voice: list[VoiceTable] = Field(default_factory=list)
    answer: list[AnswerTable] = Field(default_factory=list)
    sign: list[SignTable] = Field(default_factory=list)
    hidden: list[PlainText] = Field(min_length=1)
    critical: list[CriticalTable] = Field(min_length=1)
    harmful: list[HarmfulTable] = Field(default_factory=list)
    debrief: list[PlainText] = Field(default_factory=list)
