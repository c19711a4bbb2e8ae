"""The guard of the programming interface: who calls, whether they may, and the one shape of everything that goes wrong.

A call may do what both its token and the account of that may; both are looked at anew in each call.
"""

import json
import logging
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from thecal.clinic.access import RIGHTS, Right, denied
from thecal.clinic.account import Account
from thecal.clinic.api_token import ApiToken, token_standing
from thecal.clinic.audit import write_audit
from thecal.clinic.database import DatabaseDownError
from thecal.clinic.practice import By, Practice
from thecal.clinic.record import BrokenChainError, StaleError
from thecal.errors import InputError, InputErrors, Refusal, nearest_name, sentence
from thecal.therapy.settings import setting_count
from thecal.web.api_documents import ErrorDocument, Problem
from thecal.web.api_facts import input_error
from thecal.web.guard import NotFoundError

NEEDS = "x-needs"
"""The key under which a route says, to callers and to its guard, which right it asks for."""
_LOG = logging.getLogger("thecal.web")
_WRONG_TOKEN = "Send the header Authorization: Bearer TOKEN with a token that counts. An administrator makes and revokes tokens."  # noqa: S105  # says how
_UNEXPECTED = "Something went wrong that nobody expected. Look whether it was written before you send it again."
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the account that a token acts for, what the two of them may now, and the number of the call."""

    practice: Practice
    token: ApiToken
    account: Account
    rights: frozenset[Right]
    number: str

    @property
    def by(self) -> By:
        """Who does something, in this call."""
        return By(self.account.name, self.number)

    @property
    def through(self) -> str:
        """Which token it was, for the audit: the beginning of its number."""
        return f"token {self.token.number[:8]}"

    def audit(self, did: str, stream: str = "") -> None:
        """Write down that something was read."""
        now = self.practice.now
        with self.practice.database.writing() as connection:
            by, detail = self.by, self.through
            write_audit(connection, by.who, f"api: {did}", now, stream=stream, detail=detail, request=by.request)


class DeclinedError(Exception):
    """A call that is not answered, with the status and the reason that it gets."""

    def __init__(self, status: int, problem: Problem, **headers: str) -> None:
        self.status, self.problem, self.headers = status, problem, headers
        super().__init__(problem.advice)


def refused(refusal: Refusal) -> DeclinedError:
    """A request that a rule declined. Nothing of it was written."""
    told = {"asked": refusal.asked, "allowed": refusal.limit, "advice": refusal.advice, "source": refusal.source}
    return DeclinedError(409, Problem(rule=refusal.rule, **told))


class GuardedRoute(APIRoute):
    """A route that lets in who may, before it reads what was sent; the right stands in its description."""

    def get_route_handler(self) -> Handler:
        handler = super().get_route_handler()
        needs: Right = (self.openapi_extra or {})[NEEDS]
        assert needs in RIGHTS
        known = {field.alias for field in self.dependant.query_params}

        async def guarded(request: Request) -> Response:
            number = secrets.token_hex(4)
            request.state.number = number
            try:
                request.state.caller = await run_in_threadpool(_caller, request, needs, number)
                _check_query(request, known)
                if request.method == "POST":
                    _check_body(request)
                return await handler(request)
            except Exception as error:  # noqa: BLE001  # whatever it was, it is answered in the one shape
                return answer(error, request)

        return guarded


def caller_of(request: Request) -> Caller:
    """Who calls, as the guard has found."""
    found: Caller = request.state.caller
    return found


def _caller(request: Request, needs: Right, number: str) -> Caller:
    practice: Practice = request.app.state.practice
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    with practice.reading() as reading:
        found = token_standing(reading.connection, token.strip(), reading.now) if scheme.lower() == "bearer" else None
        staff = reading.staff() if found is not None else None
    if found is None or staff is None:
        problem = Problem(field="Authorization", allowed="a token that counts", advice=_WRONG_TOKEN)
        raise DeclinedError(401, problem, **{"WWW-Authenticate": "Bearer"})
    made, account = found
    rights = made.rights(account, staff)
    if needs not in rights:
        why = denied(account, needs, staff)
        told = "The token was not given this right." if why is None else f"{sentence(why.why)}."
        may = f"a token with the right {needs}, of an account that has it"
        raise DeclinedError(403, Problem(field="Authorization", asked=needs, allowed=may, advice=told))
    return Caller(practice, made, account, rights, number)


def _check_query(request: Request, known: set[str]) -> None:
    """A name that is spelled wrong would be passed over, and of two values one. Raises InputError."""
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if name not in known:
            problem = "is nothing that can be asked here"
            raise InputError(name[:40], "", problem, accepted=sorted(known), nearest=nearest_name(name, known))
        if names.count(name) > 1:
            raise InputError(name, "", "is asked more than once")


def _check_body(request: Request) -> None:
    """What is sent is JSON, says how long it is, and is not too long. Raises DeclinedError."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        told = {"asked": kind[:60], "allowed": "application/json", "advice": "Send JSON."}
        raise DeclinedError(415, Problem(field="Content-Type", **told))
    most, length = setting_count("clinic", "upload"), request.headers.get("content-length", "")
    allowed = f"at most {most:,} bytes"
    if not (length.isascii() and length.isdecimal()):
        raise DeclinedError(411, Problem(field="Content-Length", allowed=allowed, advice="Say the length before."))
    if len(length) > 15 or int(length) > most:
        told = {"asked": length[:20], "allowed": allowed, "advice": "Send it in several calls."}
        raise DeclinedError(413, Problem(field="Content-Length", **told))


def answer(error: Exception, request: Request) -> Response:
    """What a call gets that went wrong."""
    number = getattr(request.state, "number", None) or secrets.token_hex(4)
    declined = _declined(error)
    if declined.status >= 500:
        _LOG.error("request %s to %s", number, request.url.path, exc_info=error)
    body = ErrorDocument(error=declined.problem, request=number)
    return AsciiResponse(body.model_dump(), declined.status, headers=declined.headers)


class AsciiResponse(JSONResponse):
    """JSON that holds whatever text was sent, also what no encoding has a place for."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=True, allow_nan=False).encode("ascii")


def _declined(error: Exception) -> DeclinedError:
    match error:
        case DeclinedError():
            return error
        case RequestValidationError():
            first = error.errors()[0]
            return _wrong(input_error(first, ".".join(str(part) for part in first["loc"][1:]) or "body"))
        case InputErrors():
            return _wrong(error.errors[0])
        case InputError():
            return _wrong(error)
        case NotFoundError():
            return DeclinedError(404, Problem(advice="There is nothing here of that name."))
        case StaleError():
            told = {"asked": str(error.seen), "allowed": str(error.now), "advice": f"{error}. Read it again, and compare."}
            return DeclinedError(409, Problem(field="seen", **told))
        case DatabaseDownError():
            wait = Problem(advice="The database does not answer. Nothing was written. Wait a little, and send it again.")
            return DeclinedError(503, wait, **{"Retry-After": "5"})
        case BrokenChainError():
            return DeclinedError(500, Problem(advice=f"The record is not as it was written: {error}. Call for help."))
        case HTTPException():
            return DeclinedError(error.status_code, Problem(advice=f"{error.detail}."), **dict(error.headers or {}))
        case _:
            return DeclinedError(500, Problem(advice=_UNEXPECTED))


def _wrong(error: InputError) -> DeclinedError:
    meant = f" Did you mean {error.nearest}?" if error.nearest else ""
    told = {"asked": error.text[:200], "allowed": ", ".join(error.accepted), "advice": f"It {error.problem}.{meant}"}
    return DeclinedError(422, Problem(field=error.field, **told))
