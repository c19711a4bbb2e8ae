"""The door: a re-enactment as it is written, two halves of one course and what is measured in both."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from thecal.report.effects import SEEN
from thecal.timeline import HOUR_S, Instant
from thecal.twin.document import BoundTable, CourseTable, LookTable
from thecal.twin.events import AnyEvent, PumpTable
from thecal.twin.fact_tables import AnyFact
from thecal.twin.fields import ADose, At, AVersion, Document, PlainText, mistake
from thecal.twin.mishaps import WorldTable

What = Literal["dose", "peak_hour", "hours_below", "hours_above", "hours_to", "highest", "lowest", "true_ml", "gap_ml", "tissue"]
_NEEDS: Mapping[What, tuple[str, ...]] = {
    "dose": ("from", "to"),
    "peak_hour": ("from", "to"),
    "hours_below": ("from", "to", "below"),
    "hours_above": ("from", "to", "above"),
    "hours_to": ("from", "by"),
    "highest": ("from", "to", "channel"),
    "lowest": ("from", "to", "channel"),
    "true_ml": ("at",),
    "gap_ml": ("at",),
    "tissue": (),
}
_HOURLY = ("peak_hour", "hours_below", "hours_above")


def _check_stretch(start: Instant, to: Instant, seconds: int, least: str) -> None:
    if to.s - start.s < seconds:
        raise mistake("to", to.utc_text(), f"is not {least} after its from")


class MeasureTable(Document):
    """One number that is taken in both halves; ``says`` is what it is in words, with its unit.

    ``by`` are the names of what ends the waiting of ``hours_to``: an event of the pump, an action, a rule that refuses or that
    a look finds.
    """

    what: What
    says: PlainText
    start: At | None = Field(default=None, alias="from")
    to: At | None = None
    at: At | None = None
    below: ADose | None = None
    above: ADose | None = None
    by: list[PlainText] | None = Field(default=None, min_length=1)
    channel: PlainText | None = None
    happened: BoundTable | None = None
    here: BoundTable | None = None

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> "MeasureTable":
        keys = {"from": self.start, **{key: getattr(self, key) for key in ("to", "at", "below", "above", "by", "channel")}}
        given, needed = {key for key, value in keys.items() if value is not None}, set(_NEEDS[self.what])
        if given != needed:
            wants = ", ".join(sorted(needed)) or "nothing besides"
            raise mistake("what", self.what, f"is measured with {wants}, and {', '.join(sorted(given)) or 'nothing'} is given")
        if self.channel is not None and self.channel not in SEEN:
            raise mistake("channel", self.channel, "is not seen in a body", accepted=SEEN)
        if self.start and self.to:
            hours = self.what in _HOURLY
            _check_stretch(self.start, self.to, HOUR_S if hours else 1, "an hour or more" if hours else "any time")
        return self


class WrittenTable(Document):
    """A document that thecal does not take; ``says`` are words of its answer."""

    document: Literal["case", "chart", "order", "clinic"]
    text: str
    says: PlainText


class HalfTable(Document):
    """One half: what people do in it besides what both have, and what happens.

    ``refused`` are the rules whose refusals it shows, ``look`` what the rules find in its chart, ``written`` what cannot even be
    written down.
    """

    story: PlainText
    pump: PumpTable | None = None
    world: WorldTable = WorldTable()
    event: list[AnyEvent] = Field(default_factory=list)
    fact: list[AnyFact] = Field(default_factory=list)
    look: list[LookTable] = Field(default_factory=list)
    written: list[WrittenTable] = Field(default_factory=list)
    refused: list[PlainText] = Field(default_factory=list)


class ShownTable(Document):
    """The stretch of time that is drawn."""

    start: At = Field(alias="from")
    to: At

    @model_validator(mode="after")
    def _is_a_stretch(self) -> "ShownTable":
        _check_stretch(self.start, self.to, HOUR_S, "an hour or more")
        return self


class ReenactmentTable(CourseTable):
    """A whole re-enactment. Without ``here`` it tells only what happened: no answer is claimed."""

    parts: ClassVar[Mapping[str, type[Document]]] = {
        "happened": HalfTable,
        "here": HalfTable,
        "measure": MeasureTable,
        "measure.happened": BoundTable,
        "measure.here": BoundTable,
        "shown": ShownTable,
        "written": WrittenTable,
    }
    reenactment: AVersion
    shown: ShownTable
    measure: list[MeasureTable] = Field(min_length=1)
    happened: HalfTable
    here: HalfTable | None = None
