"""The guard of every page: who asks, whether they may, whether the form is ours and new; and what happens when it cannot be done.

Whatever goes wrong, what was typed is given back: on a page that says what happened and can send it again.
"""

import inspect
import logging
import secrets
from collections.abc import Awaitable, Callable
from hmac import compare_digest
from urllib.parse import quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from thecal.clinic.access import RIGHTS, Denied, Right, denied
from thecal.clinic.database import DatabaseDownError
from thecal.clinic.practice import Practice
from thecal.clinic.record import StaleError, ToComeError
from thecal.clinic.sign_in import SignIn, last_seen, seen, standing
from thecal.errors import InputError, sentence
from thecal.therapy.settings import setting_count
from thecal.web.ask import Ask
from thecal.web.form import FIELD_MAX, Form, Upload
from thecal.web.route import OPEN, SIGNED_IN, PageRoute
from thecal.web.submission import came_to, give_back, take, write_location
from thecal.web.templating import TEMPLATES

COOKIE = "thecal_session"
PRE = "thecal_pre"
_FIELDS_MAX = 2000
_STREAM_MAX = 40  # as the record keeps it: no chart has a longer name
_SEEN_EVERY_S = 30
_LOG = logging.getLogger("thecal.web")
NOT_OURS = "This form did not come from a page of this clinic, or is from an older sign-in."


class NotFoundError(Exception):
    """There is no such page, person or visit here."""


class ForbiddenError(Exception):
    """Somebody may not do this; says who may."""

    def __init__(self, why: Denied) -> None:
        self.why = why
        super().__init__(why.why)


def need(ask: Ask, right: Right) -> None:
    """A second right that a page asks for. Raises ForbiddenError without it."""
    if not ask.sees(right):
        with ask.practice.reading() as reading:
            why = denied(ask.account, right, reading.staff())
        assert why is not None  # it is not seen
        raise ForbiddenError(why)


def guarded(route: PageRoute, practice: Practice) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of a route."""

    async def endpoint(request: Request) -> Response:
        ask = Ask(request, practice, secrets.token_hex(4), params=dict(request.path_params))
        try:
            if "\x00" in f"{request.url.path}{request.path_params}{''.join(request.query_params.values())}":
                raise HTTPException(400, "No address of this clinic holds such a character.")
            if len(request.path_params.get("stream", "")) > _STREAM_MAX:
                raise NotFoundError
            if route.method == "POST":
                ask.form = await _read_form(request)
            return await _answer(ask, route)
        except HTTPException as error:
            return plain_page(ask, error.status_code, error.detail)
        except NotFoundError as error:
            return _nothing_here(ask, str(error) or "There is nothing here of that name.")
        except ForbiddenError as error:
            return _forbidden(ask, error.why)
        except (StaleError, ToComeError) as error:
            return _not_written(ask, error)
        except InputError as error:
            return kept_page(ask, 422, "This cannot be", error.sentence())
        except DatabaseDownError as error:
            _LOG.error("request %s: %s", ask.number, error)
            return kept_page(
                ask, 503, "The database does not answer", f"{error}. Nothing was written. Wait a little, and send it again."
            )
        except Exception:  # noqa: BLE001  # whatever it was, what was typed is given back
            _LOG.exception("request %s to %s", ask.number, request.url.path)
            told = "Something went wrong that nobody expected. Look whether it was written before you send it again."
            return kept_page(ask, 500, "An error", told)

    return endpoint


async def _answer(ask: Ask, route: PageRoute) -> Response:
    """Let those in who may, and answer: in one thread, but for a page that talks with a pump."""
    if not inspect.iscoroutinefunction(route.handler):
        return await run_in_threadpool(_answered, ask, route)
    refused = await run_in_threadpool(_refused, ask, route)
    if refused is not None:
        return refused
    response: Response | None = None
    try:
        response = await route.handler(ask, **ask.params)
    finally:
        await run_in_threadpool(_settle, ask, response)
    return response


def _answered(ask: Ask, route: PageRoute) -> Response:
    refused = _refused(ask, route)
    if refused is not None:
        return refused
    response: Response | None = None
    try:
        response = route.handler(ask, **ask.params)
    finally:
        _settle(ask, response)
    return response


def _refused(ask: Ask, route: PageRoute) -> Response | None:
    """What is answered instead of the page: to who is not signed in or may not, to a form that is not ours or was sent before."""
    sent = route.method == "POST"
    if sent:
        _check_origin(ask.request)
    if route.needs != OPEN:
        ask.sign_in = _signed_in(ask)
        if ask.sign_in is None:
            return _sign_in_first(ask)
        why = _denied(ask, route)
        if why is not None:
            raise ForbiddenError(why)
        if ask.sign_in.account.change_password and route.path not in ("/password", "/sign-out"):
            return _password_first(ask)
        if sent and not route.only_shows and not same(ask.form.text("csrf"), ask.sign_in.csrf):
            return kept_page(ask, 403, "This form is not ours", f"{NOT_OURS} Look at it, and send it again.")
    elif sent and not _pre_fits(ask):
        return _opened_again(ask)
    if sent and ask.form.too_long:
        told = f"{ask.form.too_long.replace('_', ' ')} is longer than {FIELD_MAX:,} characters. Nothing was written."
        return kept_page(ask, 422, "That is too long", told)
    return _sent_already(ask) if sent and not route.only_shows else None


def _sent_already(ask: Ask) -> Response | None:
    """A form that was sent twice is done once, and both are shown what it came to."""
    once = ask.form.text("once")[:64]
    if not once or take(ask.practice, once):
        ask.once = once
        return None
    location = came_to(ask.practice, once)
    if location:
        return RedirectResponse(location, 303)
    told = "It was sent a moment ago, and nobody knows yet what it came to. Wait a little, look, and send it again if need be."
    return kept_page(ask, 409, "This form was sent already", told)


def _settle(ask: Ask, response: Response | None) -> None:
    """Keep what a form came to; one that came to nothing may be sent again."""
    if ask.once and response is not None and response.status_code == 303:
        write_location(ask.practice, ask.once, response.headers["location"])
    elif ask.once:
        give_back(ask.practice, ask.once)


def _signed_in(ask: Ask) -> SignIn | None:
    token = ask.request.cookies.get(COOKIE, "")
    if not token:
        return None
    now = ask.practice.now
    with ask.practice.database.reading() as connection:
        found = standing(connection, token, now)
        idle = found is not None and now.s - last_seen(connection, found.number).s >= _SEEN_EVERY_S
    if found is not None and idle:
        with ask.practice.database.writing() as connection:
            seen(connection, found.number, now)
    return found


def _denied(ask: Ask, route: PageRoute) -> Denied | None:
    """What the person who asks may do, kept for the pages; and why not this, where they may not."""
    with ask.practice.reading() as reading:
        staff = reading.staff()
    whys = {right: denied(ask.account, right, staff) for right in RIGHTS}
    ask.rights = frozenset(right for right, why in whys.items() if why is None)
    return None if route.needs in (OPEN, SIGNED_IN) else whys[route.needs]


def _sign_in_first(ask: Ask) -> Response:
    """The sign-in, with what was typed kept in it, and the way back."""
    if ask.request.method == "GET":
        back = ask.path if ask.path != "/" else "/worklist"
        return ask.go(f"/sign-in?back={quote(back, safe='/')}")
    return kept_page(
        ask,
        401,
        "You are signed out",
        "Your session has ended. What you typed is here: sign in, and send it again.",
        first=("/sign-in?back=/signed-in-again", "Sign in"),
    )


def _password_first(ask: Ask) -> Response:
    """The form of another password; what somebody typed elsewhere before is kept beside it."""
    if not ask.form.kept:
        return RedirectResponse("/password", 303)
    told = "The password that you were given is for the first time only. What you typed is here: change it, and send this again."
    return kept_page(ask, 403, "Change your password first", told, first=("/password", "Change the password"))


def _opened_again(ask: Ask) -> Response:
    """A form from before the sign-in that its page did not give, or whose cookie has ended: it is sent again with a new one.

    One that held a password, which is not kept, is filled in at its own page.
    """
    if ask.form.has_password or not ask.form.kept:
        return kept_page(ask, 403, "This form is not ours", f"{NOT_OURS} Open the page again.", again=False)
    pre = secrets.token_urlsafe(24)
    return with_pre(ask, kept_page(ask, 403, "This form is not ours", f"{NOT_OURS} Look at it, and send it again.", pre=pre), pre)


def with_pre(ask: Ask, response: Response, pre: str) -> Response:
    """An answer whose form may be sent before there is a session: its cookie fits what the form carries."""
    response.set_cookie(PRE, pre, max_age=3600, httponly=True, samesite="strict", path="/", secure=ask.request.app.state.secure)
    return response


def same(given: str, kept: str) -> bool:
    """Whether two secrets are one, in the same time whatever was given."""
    return compare_digest(given.encode("utf-8", "replace"), kept.encode("utf-8", "replace"))


def _check_origin(request: Request) -> None:
    """A form comes from a page of ours (SameSite cookies and the form's own secret say so too)."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    ours = (request.headers.get("host", ""), urlsplit(request.app.state.address).netloc)
    if origin and origin != "null" and urlsplit(origin).netloc not in ours:
        raise HTTPException(403, NOT_OURS)
    if site and site not in ("same-origin", "none"):
        raise HTTPException(403, NOT_OURS)


def _pre_fits(ask: Ask) -> bool:
    """Before there is a session, a form carries what its page has put into a cookie."""
    given, kept = ask.form.text("pre"), ask.request.cookies.get(PRE, "")
    return bool(kept) and same(given, kept)


async def _read_form(request: Request) -> Form:
    most = setting_count("clinic", "upload")
    length = request.headers.get("content-length", "")
    if not length.isdigit():
        raise HTTPException(411, "The length of what is sent has to be said before.")
    if int(length) > most:
        raise HTTPException(413, f"{int(length):,} bytes are more than a page takes at once ({most:,}).")
    values: dict[str, list[str]] = {}
    files: dict[str, Upload] = {}
    async with request.form(max_fields=_FIELDS_MAX, max_files=5, max_part_size=most) as data:
        for name, value in data.multi_items():
            if isinstance(value, UploadFile):
                files[name] = Upload(value.filename or "", await value.read())
            else:
                plain = value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")  # no half of a character
                values.setdefault(name, []).append(plain)
    return Form({name: tuple(several) for name, several in values.items()}, files)


def _forbidden(ask: Ask, why: Denied) -> Response:
    told = f"{sentence(why.why)}. Who may: {', '.join(why.who_may) or 'nobody'}."
    return kept_page(ask, 403, "You may not do this", told)


def _nothing_here(ask: Ask, told: str) -> Response:
    """What a form was sent to is not there, or not any more: what was typed can be copied to where it belongs now."""
    if not ask.form.kept:
        return plain_page(ask, 404, told)
    return kept_page(ask, 404, "Not here", f"{told} Nothing was written; what you typed is still here.", again=False)


def _not_written(ask: Ask, error: StaleError | ToComeError) -> Response:
    """Nothing was written, and the same may be sent again: checked against what another wrote, or by the clock as it is now."""
    if isinstance(error, ToComeError):
        _LOG.error("request %s: %s", ask.number, error)
        told = "It was set back while this was worked on. Nothing was written. Look at the time, and send it again."
        return kept_page(ask, 409, "The clock of the clinic was set back", told)
    told = f"{error}. Look at what was written, then send yours again: it is checked against that."
    kept = [(name, str(error.now) if name == "seen" else value) for name, value in ask.form.kept]
    return kept_page(ask, 409, "Somebody else wrote here meanwhile", told, kept=kept)


def plain_page(ask: Ask, status: int, told: str) -> Response:
    """A page that says one thing, and needs no database."""
    page = TEMPLATES.get_template("plain.html").render(status=status, told=told, number=ask.number)
    return HTMLResponse(page, status)


def kept_page(
    ask: Ask,
    status: int,
    title: str,
    told: str,
    *,
    path: str | None = None,
    kept: list[tuple[str, str]] | None = None,
    pre: str = "",
    first: tuple[str, str] | None = None,
    again: bool = True,
) -> Response:
    """What happened, and everything that was typed, ready to be sent ``again``. It needs no database.

    ``first`` is the address and name of what is done before, in a window of its own; ``pre`` is carried by a form that is sent
    before there is a session.
    """
    page = TEMPLATES.get_template("kept.html").render(
        title=title,
        told=told,
        number=ask.number,
        status=status,
        method=ask.request.method,
        path=path or ask.path,
        kept=kept if kept is not None else ask.form.kept,
        csrf=ask.sign_in.csrf if ask.sign_in else "",
        pre=pre or ("" if ask.form.has_password else ask.form.text("pre")),
        first=first,
        again=again,
        files=sorted(ask.form.files),
    )
    return HTMLResponse(page, status)
