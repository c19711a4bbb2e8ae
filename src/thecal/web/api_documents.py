"""The documents of the programming interface: what is sent and what is answered, as the OpenAPI description says.

Keys are in small letters and end in their unit. Times end in ``_utc`` and are UTC (``2026-11-20T08:00:00Z``); the zone of the
clinic stands beside them. What is not known is null. A dose is what is ordered and programmed: nothing here says delivered.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from thecal.clinic.entry import entry_plain
from thecal.clinic.history import History, Recorded
from thecal.clinic.item import TIERS, Item
from thecal.clinic.person import Person
from thecal.clinic.slots import Booking, Slot
from thecal.clinic.standing import Standing
from thecal.therapy.due import RefillDue
from thecal.therapy.finding import Finding
from thecal.timeline import Instant

Tier = Literal["emergency", "red", "amber", "to do"]
assert get_args(Tier) == TIERS
VERSION_MAX = 2**31 - 1
AUtc = Annotated[str, Field(description="UTC", examples=["2026-11-20T08:00:00Z"], json_schema_extra={"format": "date-time"})]
ASchema = Annotated[Literal[1], Field(description="The version of this document.")]


class ApiDocument(BaseModel):
    """What every document is: no key that is not named."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def utc(at: Instant | None) -> str | None:
    """An instant as it is answered; None where there is none."""
    return at.utc_text() if at is not None else None


def _same(kind: type[ApiDocument], value: object, **others: object) -> dict[str, Any]:
    """The fields of a document: those of the same name as they stand, and the others."""
    return {name: getattr(value, name) for name in kind.model_fields if name not in others} | others


class Problem(ApiDocument):
    """Why something was not done: by a ``rule``, or for a ``field``; what was asked, what is allowed, what to do about it."""

    rule: str | None = None
    field: str | None = None
    asked: str = ""
    allowed: str = ""
    advice: str = ""
    source: str = ""


class ErrorDocument(ApiDocument):
    """The one shape of everything that goes wrong; ``request`` is its number in the audit and in the log."""

    error: Problem
    request: str


class Told(ApiDocument):
    """What every answer has: when it was worked out, and the zone of the clinic."""

    schema_: ASchema = Field(default=1, alias="schema")
    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, serialize_by_alias=True)
    now_utc: AUtc
    zone: str = Field(examples=["Europe/Berlin"])


class ItemDocument(ApiDocument):
    """Something to do."""

    name: str
    kind: str
    rule: str
    tier: Tier
    due_utc: AUtc | None
    asked: str
    allowed: str
    next: str
    source: str
    confidence: str
    by_hand: bool
    told: str
    call_back_utc: AUtc | None

    @classmethod
    def of(cls, item: Item) -> "ItemDocument":
        """An item of the worklist as it is answered."""
        return cls(**_same(cls, item, tier=_tier(item.tier), due_utc=utc(item.due), call_back_utc=utc(item.call_back)))


class StandingDocument(ApiDocument):
    """Where somebody stands: the pump, what it is programmed to, the dates that count, and what is to be done."""

    stream: str
    version: int
    day: str
    tier: Tier
    due_utc: AUtc | None
    state: str
    pump_model: str
    pump_serial: str
    mode: str
    programmed_dose_mcg_per_day: float | None
    concentration_mcg_per_ml: int | None
    filled_utc: AUtc | None
    fill_ml: float | None
    refill_by_utc: AUtc | None
    governed_by: str
    alarm_utc: AUtc | None
    empty_utc: AUtc | None
    counted_alarm_utc: AUtc | None
    end_of_service_utc: AUtc | None
    booked_utc: AUtc | None
    booked_with: str
    booked_in_time: bool
    ended: str
    items: list[ItemDocument]

    @classmethod
    def of(cls, found: Standing) -> "StandingDocument":
        """A standing as it is answered."""
        special = {
            "tier": _tier(found.tier),
            "due_utc": utc(found.due),
            "pump_model": found.model,
            "pump_serial": found.serial,
            "programmed_dose_mcg_per_day": found.dose.pg_per_day / 10**6 if found.dose else None,
            "concentration_mcg_per_ml": found.concentration.mcg_per_ml if found.concentration else None,
            "filled_utc": utc(found.filled),
            "fill_ml": found.fill.ml if found.fill else None,
            "refill_by_utc": utc(found.refill_by),
            "alarm_utc": utc(found.alarm),
            "empty_utc": utc(found.empty),
            "counted_alarm_utc": utc(found.counted),
            "end_of_service_utc": utc(found.end_of_service),
            "booked_utc": utc(found.booked),
            "booked_in_time": found.in_time,
            "items": [ItemDocument.of(item) for item in found.items],
        }
        return cls(**_same(cls, found, **special))


def _tier(number: int) -> Tier:
    tier: Tier = TIERS[number]  # type: ignore[assignment]  # the assertion above says so
    return tier


class StandingLine(StandingDocument):
    """A line of all standings: each says its version and the zone by itself."""

    schema_: ASchema = Field(default=1, alias="schema")
    zone: str
    model_config = ConfigDict(extra="forbid", frozen=True, validate_by_name=True, serialize_by_alias=True)


class PersonDocument(ApiDocument):
    """The identifiers of somebody, for those who may see them."""

    stream: str
    name: str
    born: str
    number: str
    phone: str
    second_contact: str
    email: str
    address: str
    referrer: str

    @classmethod
    def of(cls, stream: str, person: Person) -> "PersonDocument":
        """A person as it is answered."""
        return cls(**_same(cls, person, stream=stream, born=person.born.isoformat() if person.born else ""))


class People(Told):
    """People who were found, the likeliest first."""

    people: list[PersonDocument]


class WorklistRow(ApiDocument):
    """Somebody on the worklist; ``name`` only for those who may see identifiers."""

    name: str | None
    standing: StandingDocument


class WorklistPage(Told):
    """A page of the worklist, the gravest first; ``counts`` are people by tier, ``kinds`` items by kind, over all pages."""

    page: int
    pages: int
    total: int
    counts: dict[str, int]
    kinds: dict[str, int]
    rows: list[WorklistRow]


class EntryDocument(ApiDocument):
    """An entry as it stands in the record: ``entry`` is its canonical form, of which ``kind`` names the kind.

    ``taken_back_by`` is the version of the correction after which it counts no longer.
    """

    version: int
    kind: str
    who: str
    happened_utc: AUtc
    recorded_utc: AUtc
    taken_back_by: int | None
    entry: dict[str, Any]


class ChartPage(Told):
    """A chart: where the person stands, and the entries that were asked for, in the order in which they were written down."""

    stream: str
    version: int
    as_of_utc: AUtc
    standing: StandingDocument
    entries: list[EntryDocument]


def entries_of(history: History, since: int) -> list[EntryDocument]:
    """The entries of a history after a version."""
    return [_entry(history, row) for row in history.rows if row.version > since]


def _entry(history: History, row: Recorded) -> EntryDocument:
    plain, taken_back = entry_plain(row.entry), history.taken_back.get(row.version)
    return EntryDocument(
        version=row.version,
        kind=plain["kind"],
        who=row.who,
        happened_utc=row.entry.at.utc_text(),
        recorded_utc=row.recorded.utc_text(),
        taken_back_by=taken_back.version if taken_back is not None else None,
        entry=plain,
    )


class FindingDocument(ApiDocument):
    """What a rule says of a chart."""

    rule: str
    severity: str
    asked: str
    allowed: str
    source: str
    confidence: str
    next: str
    due_utc: AUtc | None
    overridden: str | None

    @classmethod
    def of(cls, found: Finding) -> "FindingDocument":
        """A finding as it is answered."""
        return cls(**_same(cls, found, due_utc=utc(found.due)))


class Findings(Told):
    """What the rules of a topic, or all of them, say of a chart, the gravest first."""

    stream: str
    version: int
    topic: str | None
    findings: list[FindingDocument]


class BoundDocument(ApiDocument):
    """A date after which a refill is too late, what sets it, and the rule that says so."""

    governor: str
    at_utc: AUtc
    rule: str


class DueDocument(ApiDocument):
    """By when to refill, and all that bounds it. ``alarm`` and ``empty`` are the earliest that the pump's accuracy allows."""

    filled_utc: AUtc
    days: int
    buffer_days: float
    refill_by_utc: AUtc
    governed_by: str
    bounds: list[BoundDocument]
    alarm_utc: AUtc | None
    empty_utc: AUtc | None
    counted_alarm_utc: AUtc | None
    likely_alarm_utc: AUtc | None

    @classmethod
    def of(cls, due: RefillDue) -> "DueDocument":
        """The dates of a refill as they are answered."""
        return cls(
            filled_utc=due.filled.utc_text(),
            days=due.days,
            buffer_days=due.buffer.s / 86_400,
            refill_by_utc=due.refill_by.utc_text(),
            governed_by=due.governed_by,
            bounds=[BoundDocument(governor=one.governor, at_utc=one.at.utc_text(), rule=one.rule) for one in due.bounds],
            alarm_utc=utc(due.alarm),
            empty_utc=utc(due.empty),
            counted_alarm_utc=utc(due.counted),
            likely_alarm_utc=utc(due.likely),
        )


class DuePage(Told):
    """The dates of a chart; ``refill`` is null where nothing is in a pump."""

    stream: str
    version: int
    refill: DueDocument | None
    end_of_service_utc: AUtc | None


class SlotDocument(ApiDocument):
    """A slot: a time at a place with two people (names of accounts); ``stream`` and ``visit`` say who has it, null if free."""

    name: str
    begins_utc: AUtc
    ends_utc: AUtc
    place: str
    refiller: str
    checker: str
    stream: str | None
    visit: str | None


class Slots(Told):
    """The slots of some days, in order of time."""

    slots: list[SlotDocument]


def slot_documents(slots: Iterable[Slot], sold: Iterable[Booking]) -> list[SlotDocument]:
    """Slots as they are answered, each with who has it."""
    by_slot = {booking.slot.name: booking for booking in sold}
    found = []
    for slot in slots:
        booking = by_slot.get(slot.name)
        times = {"begins_utc": slot.begins.utc_text(), "ends_utc": slot.ends.utc_text()}
        people = {"place": slot.place, "refiller": slot.refiller, "checker": slot.checker}
        taken = {"stream": booking.stream if booking else None, "visit": booking.visit if booking else None}
        found.append(SlotDocument(name=slot.name, **times, **people, **taken))
    return found


class BookingAsked(ApiDocument):
    """A slot for the person of a chart of which version ``seen`` was read."""

    stream: str = Field(max_length=40)
    seen: int = Field(ge=0, le=VERSION_MAX, strict=True)
    slot: str = Field(min_length=1, max_length=40, pattern="^[!-~]+$", examples=["5f0c9a1be2d34c77"])
    visit: str = Field(min_length=1, max_length=40, pattern="^[ -~]+$", examples=["refill"])


class HeadDocument(ApiDocument):
    """The end of a stream: its last version, and the digest that stands for all of it."""

    stream: str
    version: int
    digest: str


class Heads(Told):
    """Where every stream ends, after all of it was read and found as it was written; ``digest`` is one for all of them."""

    digest: str
    heads: list[HeadDocument]


class Written(Told):
    """What was written: the new ``version`` of the chart. ``repeated`` says that an earlier call with this key had done it."""

    stream: str
    version: int
    repeated: bool
