"""The programming interface: the record of a clinic as JSON, for programs with a token (``docs/api.md``).

A call says for whom it acts by ``Authorization: Bearer TOKEN``. What it reads or writes is in the audit, under the
account of its token.
"""

import json
import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from hashlib import sha256
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Security
from fastapi.responses import StreamingResponse
from fastapi.security import HTTPBearer
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from thecal.clinic.access import Right
from thecal.clinic.booking import book
from thecal.clinic.closures import day_start
from thecal.clinic.history import History
from thecal.clinic.item import TIERS
from thecal.clinic.people import find, person_of
from thecal.clinic.practice import CHART, Practice, Reading
from thecal.clinic.record import StaleError, heads_digest, verify
from thecal.clinic.schema import submission
from thecal.clinic.slots import bookings, slots_between
from thecal.clinic.standing import Standing, standing_of
from thecal.clinic.worklist import all_standings, worklist
from thecal.errors import InputError, Refusal
from thecal.therapy.check import Topic, check
from thecal.therapy.due import refill_due
from thecal.therapy.look import Look
from thecal.therapy.service import end_of_service
from thecal.timeline import Instant
from thecal.web import api_documents as documents
from thecal.web.api_documents import VERSION_MAX, ErrorDocument, Tier
from thecal.web.api_facts import FactsAsked, facts_of
from thecal.web.api_guard import NEEDS, Caller, GuardedRoute, answer, caller_of, refused
from thecal.web.guard import NotFoundError

DAYS_MAX = 92
"""So many days of slots are answered at once at most."""
YEAR_MAX = 2198
_STREAM = re.compile(r"P-[0-9A-Z]{1,38}")
_ROUTER = APIRouter(prefix="/v1", route_class=GuardedRoute)
_ERRORS = {
    400: "what was sent is no JSON", 401: "no token that counts", 403: "the token or its account may not",
    404: "nothing of that name", 409: "somebody else wrote meanwhile, or a rule declines it", 411: "the length was not said",
    413: "too much at once", 415: "no JSON", 422: "a field cannot be read", 500: "an error", 503: "the database does not answer",
}  # fmt: skip
_READING, _WRITING = (401, 403, 404, 422, 500, 503), tuple(_ERRORS)
By = Annotated[Caller, Depends(caller_of)]
AStream = str


class _Lines(StreamingResponse):
    """One JSON document in each line."""

    media_type = "application/x-ndjson"


def make_api(practice: Practice) -> FastAPI:
    """The programming interface of a clinic, to be mounted at ``/api``; its description is at ``/api/openapi.json``."""
    api = FastAPI(
        title="thecal: the record of a pump clinic",
        version="1",
        description="Times end in _utc and are UTC. A dose is what is ordered and programmed; nothing here says delivered.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # it would lead to whatever host a request names
        dependencies=[Security(HTTPBearer(auto_error=False))],
    )
    api.state.practice = practice

    async def wrong(request: Request, error: Exception) -> Response:
        return answer(error, request)

    api.add_exception_handler(HTTPException, wrong)
    api.include_router(_ROUTER)
    return api


def _get(path: str, needs: Right, **more: Any) -> Callable[[Any], Any]:
    return _ROUTER.get(path, openapi_extra={NEEDS: needs}, **({"responses": _errors(_READING)} | more))


def _post(path: str, needs: Right) -> Callable[[Any], Any]:
    return _ROUTER.post(path, openapi_extra={NEEDS: needs}, responses=_errors(_WRITING), status_code=201)


def _errors(codes: tuple[int, ...], *, of_lines: bool = False) -> dict[int | str, dict[str, Any]]:
    """What a call may be answered that is not done. Errors are JSON also where the answer is ``of_lines``."""
    ref = {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{ErrorDocument.__name__}"}}}}
    shape: dict[str, Any] = ref if of_lines else {"model": ErrorDocument}
    known: dict[int | str, dict[str, Any]] = {code: {"description": _ERRORS[code], **shape} for code in codes}
    known[429] = {"description": "too many calls from one address; Retry-After says when", "content": {"text/plain": {}}}
    return known


def _told(reading: Reading) -> dict[str, Any]:
    return {"now_utc": reading.now.utc_text(), "zone": reading.zone.key}


# Everybody -------------------------------------------------------------------------------------------------------------


@_get("/worklist", "worklist")
def read_worklist(
    by: By,
    page: Annotated[int, Query(ge=1, le=10_000)] = 1,
    tier: Tier | None = None,
    kind: Annotated[str, Query(max_length=40, pattern="^[A-Za-z -]*$")] = "",
) -> documents.WorklistPage:
    """Who must be seen or called, the gravest first; of one tier, or with items of one kind, where it is named."""
    with by.practice.reading() as reading:
        found = worklist(reading.connection, tier=TIERS.index(tier) if tier else None, kind=kind or None, page=page)
        told = _told(reading)
    by.audit("read the worklist")
    named, read = "identify" in by.rights, "chart" in by.rights
    rows = [
        documents.WorklistRow(
            name=row.person.name if named and row.person else None,
            standing=documents.StandingDocument.of(row.standing if read else row.standing.of_dates),
        )
        for row in found.rows
    ]
    sums = {"page": found.page, "pages": found.pages, "total": found.total, "counts": found.counts, "kinds": found.kinds}
    return documents.WorklistPage(**told, **sums, rows=rows)


@_get("/people", "identify")
def find_people(by: By, q: Annotated[str, Query(min_length=1, max_length=100)]) -> documents.People:
    """People whose name, number, pseudonym or day of birth is nearly what was asked, the likeliest first; at most 20."""
    with by.practice.reading() as reading:
        found, told = find(reading.connection, q), _told(reading)
    by.audit("searched for a person")  # not what was asked: it may be a name
    return documents.People(**told, people=[documents.PersonDocument.of(stream, person) for stream, person in found])


@_get("/standings", "chart", response_class=_Lines, responses=_errors(_READING, of_lines=True))
def read_standings(by: By) -> _Lines:
    """Where everybody stands, as it was worked out last: in each line a StandingDocument, with ``schema`` and ``zone`` in it."""
    with by.practice.reading() as reading:
        found, zone = all_standings(reading.connection), reading.zone.key
    by.audit("read all standings")

    def lines() -> Iterator[str]:
        for standing in found:
            line = documents.StandingLine(**documents.StandingDocument.of(standing).model_dump(), zone=zone)
            yield f"{line.model_dump_json()}\n"

    return _Lines(lines())


@_get("/heads", "audit")
def read_heads(by: By) -> documents.Heads:
    """Where every stream ends. The whole record is read and checked for it: an error says where it is not as it was written."""
    with by.practice.reading() as reading:
        heads, told = list(verify(reading.connection)), _told(reading)
    by.audit("read the heads of the record")
    shown = [documents.HeadDocument(stream=head.stream, version=head.version, digest=head.digest) for head in heads]
    return documents.Heads(**told, digest=heads_digest(heads), heads=shown)


# One chart -------------------------------------------------------------------------------------------------------------


def _history(reading: Reading, stream: str) -> History:
    """The stream of a chart. Raises NotFoundError, in the same words for what is not there and for what is no chart."""
    history = reading.history(stream) if _STREAM.fullmatch(stream) else History(stream)
    assert stream.startswith(CHART) or not history.rows
    if not history.rows and (not _STREAM.fullmatch(stream) or person_of(reading.connection, stream) is None):
        raise NotFoundError
    return history


def _as_known(reading: Reading, history: History, at: Instant | None) -> tuple[History, Look, Standing]:
    """A chart now; or what was known at an instant: of it, of the certificates of the staff, and of field actions."""
    if at is None:
        look = reading.look(history)
        return history, look, standing_of(history, look, reading.recalls(), reading.open_days)
    known, look, recalls = reading.known_at(history, at)
    return known, look, standing_of(known, look, recalls)


def _as_of(text: str | None, reading: Reading) -> Instant | None:
    if text is None:
        return None
    at = Instant.parse(text, reading.zone, "as_of")
    if at > reading.now:
        raise InputError("as_of", text, "is in the future", accepted=(f"up to {reading.now.utc_text()}",))
    return at


@_get("/charts/{stream}", "chart")
def read_chart(
    by: By,
    stream: AStream,
    as_of: Annotated[str | None, Query(max_length=40, examples=["2026-11-20T08:00:00Z"])] = None,
    since: Annotated[int, Query(ge=0, le=VERSION_MAX)] = 0,
) -> documents.ChartPage:
    """Where somebody stands, and the entries of the chart after version ``since``; as it was known at an instant, else now."""
    with by.practice.reading() as reading:
        history = _history(reading, stream)
        at = _as_of(as_of, reading)
        known, look, standing = _as_known(reading, history, at)
        told = _told(reading)
    by.audit("read the chart", stream)
    return documents.ChartPage(
        **told,
        stream=stream,
        version=known.version,
        as_of_utc=look.now.utc_text(),
        standing=documents.StandingDocument.of(standing),
        entries=documents.entries_of(known, since),
    )


@_get("/charts/{stream}/findings", "chart")
def read_findings(by: By, stream: AStream, topic: Topic | None = None) -> documents.Findings:
    """What the rules say of a chart now, the gravest first; those of one topic where it is named."""
    with by.practice.reading() as reading:
        history = _history(reading, stream)
        found, told = check(reading.look(history), topic), _told(reading)
    by.audit("read the findings", stream)
    shown = [documents.FindingDocument.of(finding) for finding in found]
    return documents.Findings(**told, stream=stream, version=history.version, topic=topic, findings=shown)


@_get("/charts/{stream}/due", "chart")
def read_due(by: By, stream: AStream) -> documents.DuePage:
    """By when to refill, and every date that bounds it; when the pump reaches the end of its service."""
    with by.practice.reading() as reading:
        history = _history(reading, stream)
        look, told = reading.look(history), _told(reading)
    by.audit("read the dates of the refill", stream)
    due = refill_due(look)
    return documents.DuePage(
        **told,
        stream=stream,
        version=history.version,
        refill=documents.DueDocument.of(due) if due is not None else None,
        end_of_service_utc=documents.utc(end_of_service(look)) if look.sheet is not None else None,
    )


@_post("/charts/{stream}/facts", "record")
def write_facts(
    by: By,
    stream: AStream,
    asked: FactsAsked,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
) -> documents.Written:
    """Write facts at the end of a chart, all of them or none.

    A call that was sent twice with the same key is done once, and both are answered with what it came to.
    """
    practice = by.practice
    body = sha256(json.dumps([asked.seen, asked.facts], sort_keys=True).encode()).hexdigest()
    once = sha256(f"{by.token.number} {stream} {idempotency_key}".encode()).hexdigest() if idempotency_key else ""
    with practice.reading() as reading:
        history, told = _history(reading, stream), _told(reading)
        before = _done(reading.connection, once, body)
        if before is None and history.version != asked.seen:
            raise StaleError(stream, asked.seen, history.version, history.rows[-1].who if history.rows else "")
        facts = facts_of(asked.facts, reading, history) if before is None else []
    if before is not None:
        return documents.Written(**told, stream=stream, version=before, repeated=True)

    def keep(connection: Connection) -> None:
        if once:
            location = f"{body} {asked.seen + len(facts)}"
            connection.execute(insert(submission).values(once=once, at=practice.now.s, location=location))

    detail = f"{len(facts)} facts; {by.through}"
    try:
        version = practice.write(stream, asked.seen, facts, by.by, "api: wrote down facts", detail=detail, also=keep)
    except (StaleError, IntegrityError):
        with practice.reading() as reading:  # another call with the same key may have come first
            before = _done(reading.connection, once, body)
        if before is None:
            raise
        return documents.Written(**told, stream=stream, version=before, repeated=True)
    return documents.Written(**told, stream=stream, version=version, repeated=False)


def _done(connection: Connection, once: str, body: str) -> int | None:
    """The version that an earlier call with a key came to; None without one. Raises InputError where it had sent other facts."""
    found = select(submission.c.location).where(submission.c.once == once)
    location: str | None = connection.execute(found).scalar_one_or_none() if once else None
    if location is None:
        return None
    digest, _, version = location.partition(" ")
    if digest != body:
        raise InputError("Idempotency-Key", "", "was used before, with something else; take another one")
    return int(version)


# Slots -----------------------------------------------------------------------------------------------------------------


ADay = Annotated[str | None, Query(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", examples=["2026-11-20"])]


def _day(text: str | None, field: str) -> date | None:
    """A day as it is written, and no number that counts the days of something."""
    try:
        day = date.fromisoformat(text) if text is not None else None
    except ValueError:
        raise InputError(field, text, "is not a date", accepted=("2026-11-20",)) from None
    if day is not None and not 1970 <= day.year <= YEAR_MAX:
        raise InputError(field, text, "is outside of the calendar", accepted=(f"1970 to {YEAR_MAX}",))
    return day


@_get("/slots", "book")
def read_slots(by: By, first: ADay = None, last: ADay = None) -> documents.Slots:
    """The slots from a first to a last day at the clinic, free and taken: today and the four weeks after it, if none is named."""
    with by.practice.reading() as reading:
        today = reading.now.date(reading.zone)
        until_day = _day(last, "last")
        begin = _day(first, "first") or min(today, until_day or today)
        end = until_day or begin + timedelta(days=28)
        if not 0 <= (end - begin).days < DAYS_MAX:
            accepted = (f"from {begin} on, at most {DAYS_MAX} days at once",)
            raise InputError("last", end.isoformat(), "is before the first day, or too far from it", accepted=accepted)
        since, until = day_start(begin, reading.zone), day_start(end + timedelta(days=1), reading.zone)
        slots = slots_between(reading.connection, since, until)
        shown = documents.slot_documents(slots, bookings(reading.connection, since, until))
        told = _told(reading)
    by.audit("read the slots")
    return documents.Slots(**told, slots=shown)


@_post("/bookings", "book")
def write_booking(by: By, asked: documents.BookingAsked) -> documents.Written:
    """Book a slot: it is sold and the chart says so, or neither. What a rule declines is answered with that rule."""
    with by.practice.reading() as reading:
        _history(reading, asked.stream)
        told = _told(reading)
    by.audit("asked for a slot", asked.stream)
    made = book(by.practice, asked.stream, asked.seen, asked.slot, asked.visit, by.by)
    if isinstance(made, Refusal):
        raise refused(made)
    return documents.Written(**told, stream=asked.stream, version=made, repeated=False)
