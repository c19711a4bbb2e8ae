"""The passport page and the check that anybody may do."""

import re
from collections.abc import Callable
from html import unescape

import pytest

from tests.clinic.practice import Clock, admit
from tests.web.visitor import Visitor, hidden
from thecal.chart.clinical import Noticed
from thecal.clinic.audit import read_audit
from thecal.clinic.entry import DeviceRecorded, PassportIssued
from thecal.clinic.office import Office, write_office
from thecal.clinic.passport import PassportError
from thecal.clinic.passport_code import read_passport
from thecal.clinic.people import change_person
from thecal.clinic.person import Person
from thecal.clinic.practice import By, Practice
from thecal.clinic.record import read_history
from thecal.clinic.signing_key import KEY_FILE, load_or_make
from thecal.errors import InputError
from thecal.timeline import DAY_S, Duration
from thecal.web.passport import check_passport_text

SignIn = Callable[[str], Visitor]


def issued(practice: Practice, stream: str) -> list[PassportIssued]:
    with practice.database.reading() as connection:
        return read_history(connection, stream).all(PassportIssued)


def text_of(page: str) -> str:
    found = re.search(r"<pre class=\"typed\">(THECAL2:[^<]*)</pre>", page)
    assert found
    return unescape(found.group(1))


def issue(visitor: Visitor, stream: str, **ticks: str) -> str:
    answer = visitor.send(f"/passport/{stream}", dict(ticks))
    assert answer.status == 200, answer.words
    return text_of(answer.text)


def check(visitor: Visitor, text: str, key: str) -> tuple[int, str]:
    page = visitor.get("/passport-check")
    answer = visitor.post("/passport-check", {"pre": hidden(page.text, "pre"), "passport_text": text, "public_key": key})
    return answer.status, answer.words


def test_an_issued_passport_is_signed_and_on_record(as_: SignIn, practice: Practice) -> None:
    """With its code, its text, the fingerprint of the key; the record keeps its number and digest, the audit who issued it."""
    stream = admit(practice)
    nora = as_("nora")
    text = issue(nora, stream)
    read = read_passport(text, load_or_make(practice.folder).public)
    (kept,) = issued(practice, stream)
    assert read.number == kept.number
    assert read.initials == ""
    page = nora.get(f"/passport/{stream}/{kept.number}")
    assert '<svg role="img"' in page.text
    assert load_or_make(practice.folder).public.fingerprint in page.words
    assert "Ada" not in page.words
    assert text_of(page.text) == text
    with practice.database.reading() as connection:
        assert "issued a pump passport" in {line.did for line in read_audit(connection, stream=stream)}


def test_initials_and_year_only_where_they_were_asked_for(as_: SignIn, practice: Practice) -> None:
    """And the page shows the same text again, though the record holds neither."""
    stream = admit(practice, "Example, Ada Bea")
    nora = as_("nora")
    text = issue(nora, stream, initials="yes")
    read = read_passport(text, load_or_make(practice.folder).public)
    assert (read.initials, read.birth_year) == ("A.B.E.", None)
    assert text_of(nora.get(f"/passport/{stream}/{read.number}").text) == text


def test_a_passport_stays_what_it_was_though_the_chart_goes_on(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """What was written later is not in it."""
    stream = admit(practice)
    nora = as_("nora")
    text = issue(nora, stream)
    number = issued(practice, stream)[0].number
    clock.pass_(Duration(60))
    with practice.database.reading() as connection:
        seen = read_history(connection, stream).version
    device = DeviceRecorded(practice.now, "synchromed-ii-40", "SN-9")
    practice.write(stream, seen, [device, Noticed(practice.now, "lives alone")], By("nora"), "wrote")
    assert text_of(nora.get(f"/passport/{stream}/{number}").text) == text
    assert "SN-9" in issue(nora, stream) or "SN-9" in nora.get(f"/passport/{stream}").words


def test_what_is_no_longer_the_same_is_not_printed_again(as_: SignIn, practice: Practice) -> None:
    """Another telephone of the clinic, or another name of the person whose initials were in it: issue a new one."""
    stream = admit(practice)
    nora = as_("nora")
    issue(nora, stream, initials="yes")
    path = f"/passport/{stream}/{issued(practice, stream)[0].number}"
    with practice.database.writing() as connection:
        change_person(connection, stream, Person("Bea Other"))
    assert "It cannot be printed again" in nora.get(path).words
    with practice.database.writing() as connection:
        change_person(connection, stream, Person("Ada Example"))
    assert "It cannot be printed again" not in nora.get(path).words
    with practice.database.writing() as connection:
        write_office(connection, Office("Clinic of tests", "Europe/Berlin", "555-0199", "555-0102"))
    assert "It cannot be printed again" in nora.get(path).words


def test_a_form_sent_twice_issues_one(as_: SignIn, practice: Practice) -> None:
    """And both are shown the same passport."""
    stream = admit(practice)
    nora = as_("nora")
    page = nora.get(f"/passport/{stream}").text
    data: dict[str, object] = {name: hidden(page, name) for name in ("csrf", "once", "seen")}
    first, second = nora.post(f"/passport/{stream}", data), nora.post(f"/passport/{stream}", data)
    assert first.url == second.url
    assert len(issued(practice, stream)) == 1


def test_a_stale_form_issues_nothing(as_: SignIn, practice: Practice) -> None:
    """Somebody wrote since: look again."""
    stream = admit(practice)
    nora = as_("nora")
    page = nora.get(f"/passport/{stream}").text
    data: dict[str, object] = {name: hidden(page, name) for name in ("csrf", "once", "seen")}
    issue(as_("nils"), stream)
    assert nora.post(f"/passport/{stream}", data).status == 409
    assert len(issued(practice, stream)) == 1


def test_what_fits_no_passport_is_said_and_not_issued(as_: SignIn, practice: Practice) -> None:
    """A clinic with too long a name is told so before anything is written."""
    stream = admit(practice)
    nora = as_("nora")
    page = nora.get(f"/passport/{stream}").text
    data: dict[str, object] = {name: hidden(page, name) for name in ("csrf", "once", "seen")}
    with practice.database.writing() as connection:
        write_office(connection, Office("C" * 61, "Europe/Berlin"))
    answer = nora.post(f"/passport/{stream}", data)
    assert answer.status == 422
    assert "is longer than 60 characters" in answer.words
    assert issued(practice, stream) == []


def test_who_may_not_print_issues_none(as_: SignIn, practice: Practice) -> None:
    """A therapist and a scheduler; and looking at the page of somebody makes no key."""
    stream = admit(practice)
    for name in ("thea", "susan"):
        assert as_(name).get(f"/passport/{stream}").status == 403
    assert as_("paul").get(f"/passport/{stream}").status == 200
    assert as_("nora").get("/passport/P-NOBODY22").status == 404
    assert not (practice.folder / KEY_FILE).exists()


def test_anybody_checks_a_passport(as_: SignIn, practice: Practice) -> None:
    """Signed out, with the clinic's key already in the form: what it says, and that it counts."""
    stream = admit(practice)
    text, key = issue(as_("nora"), stream), str(load_or_make(practice.folder).public)
    stranger = as_("")
    page = stranger.get("/passport-check")
    assert f'value="{key}"' in page.text
    assert "thecal clinic passport TEXTFILE --key KEY" in page.words
    status, told = check(stranger, text, key)
    assert status == 200
    assert "Signed by this key, and unchanged" in told
    assert "Counts today yes" in told


def test_each_fault_is_named(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """A damaged text, another one's key, no passport, no key, nothing at all; one that is out of date says so."""
    stream = admit(practice)
    text, key = issue(as_("nora"), stream), str(load_or_make(practice.folder).public)
    other = str(load_or_make(practice.folder / "other").public)
    stranger = as_("")
    wrong = text[:-5] + ("A" if text[-5] != "A" else "B") + text[-4:]
    for sent, by, expected in (
        (wrong, key, "damaged"),
        (text, other, "another clinic's key"),
        ("HELLO", key, "not a pump passport"),
        (text, "no key", "is no public key"),
        ("", key, "passport text is missing"),
    ):
        status, told = check(stranger, sent, by)
        assert status == 422
        assert expected in told
        assert "Signed by this key, and unchanged" not in told
    clock.pass_(Duration(400 * DAY_S))
    assert "Counts today no: it is out of date" in check(stranger, text, key)[1]


def test_a_check_without_the_page_is_not_taken(as_: SignIn, practice: Practice) -> None:
    """A form of elsewhere."""
    assert practice
    assert as_("").post("/passport-check", {"passport_text": "x", "public_key": "y"}).status == 403


def test_the_same_check_without_a_page(as_: SignIn, practice: Practice) -> None:
    """For a command: rows, or the error as a value; a text that is no key is an input error."""
    text = issue(as_("nora"), admit(practice))
    key = str(load_or_make(practice.folder).public)
    rows = check_passport_text(text, key)
    assert not isinstance(rows, PassportError)
    assert dict(rows)["Clinic"] == "Clinic of tests"
    assert "Counts today" not in dict(rows)
    found = check_passport_text(text[:-1], key)
    assert isinstance(found, PassportError)
    assert found.wrong == "damaged"
    with pytest.raises(InputError):
        check_passport_text(text, "thecal-key:short")
