"""The pump passport: issued here, and checked by anybody, also without a network.

The record keeps the number and the SHA-256 of what was issued, never the text, which may hold initials. An issued one is made
again from what was known then, and shown only where it is the same to the last character.
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from hashlib import sha256
from itertools import product

from starlette.responses import Response

from thecal.clinic.entry import DeviceRecorded, LineUnknown, PassportIssued
from thecal.clinic.history import History, Recorded
from thecal.clinic.passport import Passport, PassportError, passport_of, passport_rows
from thecal.clinic.passport_code import BEGINS, qr_svg, read_passport, signed
from thecal.clinic.people import person_of
from thecal.clinic.person import Person
from thecal.clinic.practice import Practice, Reading
from thecal.clinic.signing_key import KEY_FILE, DamagedKeyError, PublicKey, SigningKey, load_or_make
from thecal.errors import InputError
from thecal.timeline import Instant
from thecal.web.ask import Ask
from thecal.web.emergency import history_of, person_shown
from thecal.web.guard import PRE, NotFoundError, with_pre
from thecal.web.route import OPEN, Pages

PAGES = Pages()
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # as of pseudonyms: none is taken for another one
_NUMBER_TO_COME = "not issued yet"
Rows = tuple[tuple[str, str], ...]


def check_passport_text(text: str, key: str, day: date | None = None) -> Rows | PassportError:
    """What a passport says, as labels and values, where the clinic of this public key has signed it; else what is wrong with it.

    With a ``day`` the first row says whether it counts then. Raises InputError for a text that is no public key.
    """
    public = PublicKey.parse(key)
    try:
        passport = read_passport(text, public)
    except PassportError as error:
        return error
    counts = (("Counts today", _counts(passport, day)),) if day is not None else ()
    return (*counts, *passport_rows(passport))


def _counts(passport: Passport, day: date) -> str:
    if passport.counts_on(day):
        return f"yes, on {day}"
    if day.isoformat() < passport.issued_on:
        return f"no: it was issued on {passport.issued_on}, and today is {day}"
    return f"no: it is out of date on {day}; ask the clinic for what the pump runs now"


# Issued by the clinic --------------------------------------------------------------------------------------------------


@PAGES.get("/passport/{stream}", "print")
def passport_page(ask: Ask, stream: str) -> Response:
    """What a passport would say now, those that were issued, and the form to issue one."""
    ask.audit("read the passport page", stream)
    return _page(ask, stream, 200)


@PAGES.post("/passport/{stream}", "print")
def passport_issued(ask: Ask, stream: str) -> Response:
    """Issue one: the record keeps its number and the digest of its text."""
    form, practice = ask.form, ask.practice
    number, text = "T-" + "".join(secrets.choice(_LETTERS) for _ in range(8)), ""
    with practice.reading() as reading:
        history, at = history_of(reading, stream), reading.now
        person = person_of(reading.connection, stream)
        try:
            key = load_or_make(practice.folder)
            made = _passport(reading, history, number, at, person, form.ticked("initials"), form.ticked("birth_year"))
            text = signed(made, key)
        except (PassportError, DamagedKeyError) as error:
            form.refuse("passport", "", f"is not issued: {error}")
        except InputError as error:
            form.errors.setdefault("passport", error)
    if form.errors:
        return _page(ask, stream, 422)
    issued = PassportIssued(at, number, _digest(text))
    practice.write(stream, form.seen, [issued], ask.by, "issued a pump passport", detail=number)
    return ask.go(f"/passport/{stream}/{number}", "The passport is issued.")


@PAGES.get("/passport/{stream}/{number}", "print")
def issued_page(ask: Ask, stream: str, number: str) -> Response:
    """An issued passport again, to be printed: its code, its text, its rows."""
    with ask.practice.reading() as reading:
        history = history_of(reading, stream)
        found = [row for row in history.standing if isinstance(row.entry, PassportIssued) and row.entry.number == number]
        if not found:
            raise NotFoundError("There is no passport of that number here.")
        key, damaged = _key(ask.practice)
        texts = _made_again(reading, history, found[0], key) if key is not None else iter(())
        text = next(texts, "")
    ask.audit("read an issued passport", stream, number)
    rows = passport_rows(read_passport(text, key.public)) if text and key is not None else ()
    return ask.page(
        "passport.html",
        stream=stream,
        issued=found[0].entry,
        rows=rows,
        text=text,
        qr=_scalable(qr_svg(text)) if text else "",
        key=key.public if key else None,
        why=damaged,
    )


def _page(ask: Ask, stream: str, code: int) -> Response:
    with ask.practice.reading() as reading:
        history = history_of(reading, stream)
        known = person_of(reading.connection, stream)
        rows, why = _draft(reading, history)
        shown = person_shown(ask, reading, stream)
    key, damaged = _key(ask.practice)
    return ask.page(
        "passport.html",
        code,
        stream=stream,
        issued=None,
        rows=rows,
        why=damaged or why,
        shown=shown.name,
        has_initials=known is not None and bool(_initials(known)),
        has_born=known is not None and known.born is not None,
        before=sorted(history.all(PassportIssued), key=lambda one: one.at, reverse=True),
        seen=history.version,
        key=key.public if key else None,
    )


def _draft(reading: Reading, history: History) -> tuple[Rows, str]:
    """What one would say now; or why none can be issued."""
    try:
        passport = _passport(reading, history, _NUMBER_TO_COME, reading.now)
    except (PassportError, InputError) as error:
        return (), str(error)
    return tuple(row for row in passport_rows(passport) if row[1] != _NUMBER_TO_COME), ""


def _passport(
    reading: Reading,
    history: History,
    number: str,
    at: Instant,
    person: Person | None = None,
    initials: bool = False,
    birth_year: bool = False,
) -> Passport:
    """The passport of a history at an instant; of a person only what was asked for."""
    office, unknown = reading.office, history.last(LineUnknown)
    return passport_of(
        reading.look(history, at),
        history.last(DeviceRecorded),
        number,
        at,
        office.name,
        office.by_day,
        office.by_night,
        line_known=unknown is None or unknown.known,
        initials=_initials(person) if person is not None and initials else "",
        birth_year=person.born.year if person is not None and person.born and birth_year else None,
    )


def _initials(person: Person) -> str:
    """``A.E.`` of ``Ada Example`` and of ``Example, Ada``: four letters at most."""
    last, _, first = person.name.partition(",")
    letters = [word[0] for word in re.findall(r"[^\W\d_]+", f"{first} {last}")]
    return "".join(f"{letter}." for letter in letters[:4])


def _made_again(reading: Reading, history: History, row: Recorded, key: SigningKey) -> Iterator[str]:
    """The text of an issued passport, if it comes out the same from what was known then, with or without initials and year."""
    assert isinstance(row.entry, PassportIssued)
    before = History(history.stream, tuple(one for one in history.rows if one.version < row.version))
    person = person_of(reading.connection, history.stream)
    for initials, year in product((False, True), repeat=2):
        with suppress(PassportError, InputError):
            text = signed(_passport(reading, before, row.entry.number, row.entry.at, person, initials, year), key)
            if _digest(text) == row.entry.sha256:
                yield text


def _scalable(svg: str) -> str:
    """The code as large as its place on the page: with its own coordinates, and no size of its own."""
    return re.sub(r'width="(\d+)" height="(\d+)"', r'viewBox="0 0 \1 \2"', svg, count=1)


def _key(practice: Practice) -> tuple[SigningKey | None, str]:
    """The clinic's key, where it has one: looking makes none. A damaged one is none, and says so."""
    try:
        return (load_or_make(practice.folder) if (practice.folder / KEY_FILE).exists() else None), ""
    except DamagedKeyError as error:
        return None, str(error)


def _digest(text: str) -> str:
    return sha256(text.encode("ascii")).hexdigest()


# Checked by anybody ----------------------------------------------------------------------------------------------------


@PAGES.get("/passport-check", OPEN)
def check_page(ask: Ask) -> Response:
    """The form to check a passport, with this clinic's key in it."""
    return _check_page(ask, 200, None, "")


@PAGES.post("/passport-check", OPEN)
def checked(ask: Ask) -> Response:
    """What the text says, or exactly what is wrong with it. Nothing is kept of either."""
    form = ask.form
    text, found = form.text("passport_text"), None
    if not text:
        form.refuse("passport_text", "", "is missing")
    with form.reading("public_key"):
        found = check_passport_text(text, form.text("public_key"), ask.today())
    if form.errors or found is None:
        return _check_page(ask, 422, None, "")
    if isinstance(found, PassportError):
        return _check_page(ask, 422, None, str(found))
    return _check_page(ask, 200, found, "")


def _check_page(ask: Ask, code: int, rows: Rows | None, wrong: str) -> Response:
    key, _ = _key(ask.practice)
    pre = ask.request.cookies.get(PRE, "") or secrets.token_urlsafe(24)
    response = ask.page(
        "passport_check.html",
        code,
        pre=pre,
        rows=rows,
        wrong=wrong,
        key=key.public if key else None,
        asked=bool(ask.form.values),
        begins=BEGINS,
    )
    return with_pre(ask, response, pre)
