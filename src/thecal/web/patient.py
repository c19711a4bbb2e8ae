"""The page of one person, by invitation: read-only, of that person alone, without an account and without a cookie.

An address that is wrong, ended or revoked is answered with the same words, after the same question to the database.
"""

import io
from dataclasses import dataclass
from datetime import date

import segno
from starlette.responses import HTMLResponse, Response

from thecal.chart.vocabulary import grouped, words
from thecal.clinic.audit import write_audit
from thecal.clinic.emergency_card import emergency_card, with_sheet
from thecal.clinic.entry import DeviceRecorded, Ended
from thecal.clinic.history import History
from thecal.clinic.invitation import Invitation, counts_for, invitations, invite, invited, revoke_invitation
from thecal.clinic.office import Office
from thecal.clinic.people import ERASED, person_of
from thecal.clinic.person import Person
from thecal.clinic.practice import Reading
from thecal.report.education import text_document
from thecal.therapy.appointment import appointments, elsewhere, settled
from thecal.therapy.due import refill_due
from thecal.therapy.education import NOTICE, education
from thecal.therapy.look import Look
from thecal.timeline import Instant
from thecal.web.ask import Ask
from thecal.web.emergency import history_of, person_shown
from thecal.web.guard import need
from thecal.web.route import OPEN, Pages
from thecal.web.templating import TEMPLATES

PAGES = Pages()
WHO = "patient page"
"""Who reads it, for the audit: nobody knows which person holds the address."""
_LATE = "days-late"
_SHOWN = "thecal_invitation"
_PRIVATE = {"X-Robots-Tag": "noindex, nofollow, noarchive"}


@dataclass(frozen=True, slots=True)
class NextRefill:
    """The dates of the next refill; None where nobody knows them. ``late`` counts the days after ``by``.

    ``alarm`` and ``empty`` are the earliest that this pump's flow allows, each with how many days late that is.
    """

    by: date | None
    booked: Instant | None
    in_time: bool
    elsewhere: date | None
    late: int
    alarm: tuple[date, int] | None
    empty: tuple[date, int] | None


def next_refill(look: Look) -> NextRefill:
    """By when to refill, what is booked, and on which days it becomes graver."""
    due, ahead, other = refill_due(look), appointments(look), elsewhere(look)
    booked, there = (ahead[0].on if ahead else None), (other.on.date(look.zone) if other else None)
    if due is None or look.chart.emptied:
        return NextRefill(None, booked, True, there, 0, None, None)
    by, today = due.date(look.zone), look.now.date(look.zone)

    def counted(at: Instant | None) -> tuple[date, int] | None:
        return None if at is None else (at.date(look.zone), max((at.date(look.zone) - by).days, 0))

    return NextRefill(by, booked, settled(look, due), there, max((today - by).days, 0), counted(due.alarm), counted(due.empty))


# What the person reads -------------------------------------------------------------------------------------------------


@PAGES.get("/patient/{token}", OPEN)
def patient_page(ask: Ask, token: str) -> Response:
    """The next refill, what to do if it is late, early signs, the emergency card, what there is to read, whom to call."""
    with ask.practice.reading() as reading:
        found = _invited(reading, token)
        if found is None:
            return _gone()
        stream, history, person = found
        look, office = with_sheet(reading.look(history)), reading.office
        refill = next_refill(look)
        open_by = reading.open_days.last_open(refill.by, reading.now.date(reading.zone)) if refill.by else None
    _audit(ask, stream, "")
    card = emergency_card(look, person, history.last(DeviceRecorded), office.by_day, office.by_night, size="sheet")
    return _page(
        token,
        office,
        topic=None,
        person=person,
        now=look.now,
        zone=look.zone,
        refill=refill,
        open_by=open_by,
        card=card,
        early=_texts("early withdrawal"),
        severe=_texts("severe withdrawal"),
        too_much=_texts("overdose"),
        late=text_document(education()[_LATE]),
        topics=[(text.name, text.title) for text in education().values()],
    )


@PAGES.get("/patient/{token}/{topic}", OPEN)
def patient_reading(ask: Ask, token: str, topic: str) -> Response:
    """One text of what there is to read, with its sources."""
    with ask.practice.reading() as reading:
        found = _invited(reading, token)
        office = reading.office
    if found is None or topic not in education():
        return _gone()
    _audit(ask, found[0], topic)
    return _page(token, office, topic=text_document(education()[topic]))


def _invited(reading: Reading, token: str) -> tuple[str, History, Person] | None:
    """Whose page it is; None for an address that does not count, or of somebody whom the clinic no longer treats or knows."""
    invitation = invited(reading.connection, token, reading.now)
    if invitation is None:
        return None
    history, person = reading.history(invitation.stream), person_of(reading.connection, invitation.stream)
    return (invitation.stream, history, person) if person is not None and _treated(history, person) else None


def _treated(history: History, person: Person) -> bool:
    return person.name != ERASED and history.last(Ended) is None


def _audit(ask: Ask, stream: str, topic: str) -> None:
    with ask.practice.database.writing() as connection:
        did = "read the page of an invitation"
        write_audit(connection, WHO, did, ask.practice.now, stream=stream, detail=topic, request=ask.number)


def _texts(group: str) -> list[str]:
    return [words("symptoms")[name].text for name in sorted(grouped("symptoms", group))]


def _page(token: str, office: Office, **values: object) -> Response:
    phones = [("by day", office.by_day), ("by night", office.by_night)]
    called = [(when, text, "".join(c for c in text if c in "+0123456789")) for when, text in phones]
    page = TEMPLATES.get_template("patient.html").render(token=token, office=office, phones=called, notice=NOTICE, **values)
    return HTMLResponse(page, headers=_PRIVATE)


def _gone() -> Response:
    page = TEMPLATES.get_template("patient.html").render(token="", office=None, topic=None, phones=(), notice=NOTICE)
    return HTMLResponse(page, 404, headers=_PRIVATE)


# Who invites -----------------------------------------------------------------------------------------------------------


@PAGES.get("/invite/{stream}", "identify")
def invite_page(ask: Ask, stream: str) -> Response:
    """The invitations of a person; the address of one that was made just now, this once.

    Who has the address reads the emergency card of this person, and so needs the right to print it.
    """
    need(ask, "print")
    token = ask.request.cookies.get(_SHOWN, "")
    with ask.practice.reading() as reading:
        made = invited(reading.connection, token, reading.now) if token else None
        mine = made is not None and made.stream == stream
    ask.audit("read the invitations", stream)
    response = _invite_page(ask, stream, 200, f"{ask.site}/patient/{token}" if mine else "")
    if token:
        response.delete_cookie(_SHOWN, path=f"/invite/{stream}")
    return response


@PAGES.post("/invite/{stream}", "identify")
def invitation_made(ask: Ask, stream: str) -> Response:
    """Make one. Its token goes to the next page in a cookie that this page takes away."""
    need(ask, "print")
    practice = ask.practice
    with practice.reading() as reading:
        history, person = history_of(reading, stream), person_of(reading.connection, stream)
    if person is None or not _treated(history, person):
        ask.form.refuse("invitation", "", "is not made: the clinic does not treat this person now")
        return _invite_page(ask, stream, 422, "")
    with practice.database.writing() as connection:
        token, made = invite(connection, stream, ask.by.who, practice.now)
        detail = f"until {made.ends.utc_text()}"
        write_audit(connection, ask.by.who, "made an invitation", practice.now, stream=stream, detail=detail, request=ask.number)
    response = ask.go(f"/invite/{stream}", "The address is made. It is shown this once.")
    secure = ask.request.app.state.secure
    response.set_cookie(_SHOWN, token, max_age=60, httponly=True, samesite="strict", secure=secure, path=f"/invite/{stream}")
    return response


@PAGES.post("/invite/{stream}/revoke", "identify")
def invitation_revoked(ask: Ask, stream: str) -> Response:
    """End one now: its address is not found any more."""
    practice = ask.practice
    with practice.reading() as reading:
        history_of(reading, stream)
    with practice.database.writing() as connection:
        if not revoke_invitation(connection, stream, ask.form.text("number"), practice.now):
            return ask.go(f"/invite/{stream}", "It was revoked already.")
        write_audit(connection, ask.by.who, "revoked an invitation", practice.now, stream=stream, request=ask.number)
    return ask.go(f"/invite/{stream}", "The invitation is revoked: its address leads nowhere now.")


def _invite_page(ask: Ask, stream: str, status: int, address: str) -> Response:
    with ask.practice.reading() as reading:
        history_of(reading, stream)
        listed: list[Invitation] = invitations(reading.connection, stream)
        person = person_shown(ask, reading, stream)
    return ask.page(
        "invite.html",
        status,
        stream=stream,
        person=person,
        listed=listed,
        address=address,
        qr=_qr(address) if address else "",
        counts_for=counts_for(),
    )


def _qr(address: str) -> str:
    """An address as a QR code, an SVG that loads nothing."""
    out = io.BytesIO()
    code = segno.make_qr(address, error="m")
    code.save(out, kind="svg", xmldecl=False, omitsize=True, title="The address, a code to scan", light="#fff", nl=False)
    return out.getvalue().decode("utf-8").replace("<svg ", '<svg role="img" ', 1)
