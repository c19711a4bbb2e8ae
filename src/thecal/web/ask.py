"""A request for a page: who asks, what was typed, and how it is answered."""

import secrets
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from thecal.clinic.access import Right
from thecal.clinic.account import Account
from thecal.clinic.audit import write_audit
from thecal.clinic.practice import By, Practice
from thecal.clinic.sign_in import SignIn
from thecal.web.form import Form
from thecal.web.route import SIGNED_IN, Needs
from thecal.web.templating import TEMPLATES

SAID = "thecal_said"
_SAID_MAX = 300
PLACES: tuple[tuple[str, str, Needs], ...] = (
    ("Worklist", "/worklist", "worklist"),
    ("Slots", "/slots", "book"),
    ("New person", "/new-person", "identify"),
    ("Stock", "/stock", "stock"),
    ("Field actions", "/recalls", "recall"),
    ("Outage list", "/outage", "print"),
    ("Calculators", "/calculators", SIGNED_IN),
    ("What if", "/teaching", "teach"),
    ("Emergency", "/emergency", SIGNED_IN),
    ("Administration", "/admin", "administer"),
)
"""The places of the navigation: name, address, what it asks for."""


@dataclass(slots=True)
class Ask:
    """One request. ``number`` names it in the audit and on error pages, ``once`` the form that was sent and is worked on."""

    request: Request
    practice: Practice
    number: str
    sign_in: SignIn | None = None
    form: Form = field(default_factory=Form)
    params: dict[str, Any] = field(default_factory=dict)
    rights: frozenset[Right] = frozenset()
    once: str = ""

    @property
    def account(self) -> Account:
        """Who asks. Only pages for those who are signed in ask for it."""
        assert self.sign_in is not None  # the route says so
        return self.sign_in.account

    @property
    def by(self) -> By:
        """Who does something, in this request."""
        return By(self.account.name, self.number)

    @property
    def path(self) -> str:
        """The path and query that were asked for."""
        url = self.request.url
        return f"{url.path}?{url.query}" if url.query else url.path

    @property
    def site(self) -> str:
        """What an address begins with that is taken away from here."""
        address: str = self.request.app.state.address
        return address or str(self.request.base_url).rstrip("/")

    def query(self, name: str, default: str = "") -> str:
        """A parameter of the address."""
        return self.request.query_params.get(name, default).strip()

    def sees(self, right: Right) -> bool:
        """Whether the person who asks may do something, now."""
        return right in self.rights

    @property
    def places(self) -> list[tuple[str, str]]:
        """Where the person who asks may go, by name."""
        return [(name, address) for name, address, right in PLACES if right == SIGNED_IN or right in self.rights]

    def audit(self, did: str, stream: str = "", detail: str = "") -> None:
        """Write down that something was read."""
        with self.practice.database.writing() as connection:
            write_audit(connection, self.account.name, did, self.practice.now, stream=stream, detail=detail, request=self.number)

    def page(self, template: str, code: int = 200, **values: Any) -> Response:
        """A page from its template."""
        said = unquote(self.request.cookies.get(SAID, ""))
        with self.practice.reading() as reading:
            office, now = reading.office, reading.now
        context = {
            "ask": self,
            "office": office,
            "now": now,
            "zone": office.zone,
            "today": now.date(office.zone),
            "account": self.sign_in.account if self.sign_in else None,
            "csrf": self.sign_in.csrf if self.sign_in else "",
            "once": secrets.token_hex(16),
            "said": said[:_SAID_MAX],
            "form": self.form,
            "errors": self.form.errors,
            **values,
        }
        response = HTMLResponse(TEMPLATES.get_template(template).render(context), status_code=code)
        if said:
            response.delete_cookie(SAID, path="/")
        return response

    def again(self, template: str, **values: Any) -> Response:
        """The form again, with what was typed and what is wrong with it."""
        return self.page(template, 422, **values)

    def go(self, path: str, said: str = "") -> Response:
        """To another page of this clinic, with a word of what was done."""
        assert path.startswith("/")
        assert not path.startswith("//")  # never to another place
        response = RedirectResponse(path, 303)
        if said:
            secure = self.request.app.state.secure
            response.set_cookie(
                SAID, quote(said[:_SAID_MAX]), max_age=60, httponly=True, samesite="strict", path="/", secure=secure
            )
        return response

    def file(self, raw: bytes | str, name: str, kind: str, *, shown: bool = False) -> Response:
        """A file, to be saved, or ``shown`` where the browser can."""
        data = raw.encode("utf-8") if isinstance(raw, str) else raw
        how = "inline" if shown else "attachment"
        return Response(data, media_type=kind, headers={"Content-Disposition": f'{how}; filename="{name}"'})

    def today(self) -> date:
        """The day at the clinic."""
        with self.practice.reading() as reading:
            return reading.now.date(reading.zone)
