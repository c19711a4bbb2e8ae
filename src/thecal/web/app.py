"""The application: every page behind its guard, strict headers on every answer, and what is done by night."""

import asyncio
import contextlib
import logging
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from datetime import date

import anyio.to_thread
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from thecal.clinic.garbage import looked_for_seldom
from thecal.clinic.practice import Practice
from thecal.web.api import make_api
from thecal.web.guard import guarded
from thecal.web.pages import all_pages
from thecal.web.route import PageRoute
from thecal.web.templating import STATIC, TEMPLATES

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_TRIES = {"/sign-in": (20, 60.0), "/first": (20, 60.0)}
"""How often an address may try, in how many seconds."""
_ALL = (3000, 60.0)
_ADDRESSES_MAX = 10_000
_THREADS = 4
"""Pages that are worked on at once: the interpreter runs one of them at a time, and more only stand in each other's way."""
_BEAT_S = 30.0
_LOG = logging.getLogger("thecal.web")
Nightly = Callable[[Practice], None]


def make_app(practice: Practice, *, nightly: Nightly | None = None, address: str = "") -> FastAPI:
    """The application of a clinic. ``nightly`` is done once on every day.

    ``address`` is where browsers reach it through a proxy, as https://pumps.example.org: links that leave a page begin with it,
    and cookies are of HTTPS alone where it is. Without one it is whatever a browser asks for.
    """
    secure = address.startswith("https:")

    @contextlib.asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
        task = asyncio.create_task(_by_night(practice, nightly)) if nightly else None
        with looked_for_seldom():
            yield
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    app = FastAPI(title="thecal", docs_url=None, redoc_url=None, openapi_url=None, lifespan=life, redirect_slashes=False)
    app.state.practice, app.state.address, app.state.secure = practice, address, secure
    for route in all_pages():
        app.add_route(route.path, guarded(route, practice), methods=[route.method])
    app.add_exception_handler(404, _not_here)
    app.add_exception_handler(405, _not_here)
    app.mount("/api", make_api(practice), name="api")
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(_Limits)
    app.add_middleware(_Headers, secure=secure)
    return app


async def _not_here(request: Request, error: Exception) -> Response:
    """An address that is no page, or is asked in another way, answered as a page."""
    status = getattr(error, "status_code", 404)
    told = f"{request.url.path[:80]} is no page of this clinic." if status == 404 else "This page is not asked for in that way."
    return _plain(status, told)


def _plain(status: int, told: str) -> Response:
    """A page that says one thing of a request that no route has seen."""
    return HTMLResponse(TEMPLATES.get_template("plain.html").render(status=status, told=told, number="none"), status)


def routes() -> list[PageRoute]:
    """Every page there is."""
    return all_pages()


class _Headers:
    """The same strict headers on everything; nothing but the static files may be kept by a browser."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self.app, self.secure = app, secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if not scope["path"].startswith("/static/"):
                    headers["Cache-Control"] = "no-store"
                if self.secure:
                    headers["Strict-Transport-Security"] = "max-age=31536000"
            await send(message)

        await self.app(scope, receive, sending)


def _too_many(wait: int, *, as_text: bool) -> Response:
    """That an address asks too often, and when it may ask again: as a page, or as text to a program."""
    told = f"Too many requests from here. Wait {wait} s, and try again. Nothing was done."
    answer = PlainTextResponse(told, 429) if as_text else _plain(429, told)
    answer.headers["Retry-After"] = str(wait)
    return answer


class _Limits:
    """No address asks more often than a person can."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.asked: dict[tuple[str, str], deque[float]] = defaultdict(deque)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wait = self._wait(scope) if scope["type"] == "http" else 0
        if wait:
            await _too_many(wait, as_text=scope["path"].startswith("/api/"))(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _wait(self, scope: Scope) -> int:
        """Seconds to wait before asking again; 0 where nothing is wrong."""
        address = scope["client"][0] if scope.get("client") else ""
        key = scope["path"] if scope["method"] == "POST" and scope["path"] in _TRIES else ""
        most, within = _TRIES.get(key, _ALL)
        times, now = self.asked[address, key], time.monotonic()
        while times and now - times[0] > within:
            times.popleft()
        if len(times) >= most:
            return int(within - (now - times[0])) + 1
        times.append(now)
        if len(self.asked) > _ADDRESSES_MAX:
            self.asked.clear()
        return 0


async def _by_night(practice: Practice, nightly: Nightly) -> None:
    """Once on every day of the clinic, and once at the start, what is due by night."""
    done: date | None = None
    while True:
        try:
            today = await run_in_threadpool(_today, practice)
            if today != done:
                await run_in_threadpool(nightly, practice)
                done = today
        except Exception:  # noqa: BLE001  # the next night comes whatever this one brought
            _LOG.exception("what is due by night could not be done; it is tried again")
        await asyncio.sleep(_BEAT_S)


def _today(practice: Practice) -> date:
    with practice.reading() as reading:
        return reading.now.date(reading.zone)
