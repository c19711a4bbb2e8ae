"""What somebody tries who means harm: forged forms, hostile text, paths that lead out, too much at once, and more."""

import io
import re
import zipfile
from hashlib import sha256

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from tests.clinic.practice import PASSWORD, admit
from tests.web.test_permissions import MAY, every_page
from tests.web.visitor import Visitor, hidden
from thecal.chart.facts import Noted
from thecal.clinic.account import account_named
from thecal.clinic.entry import Recalled
from thecal.clinic.people import add_person, person_of
from thecal.clinic.person import Person
from thecal.clinic.practice import HOUSE, By, Practice
from thecal.clinic.record import heads_digest, verify
from thecal.clinic.schema import metadata
from thecal.clinic.sign_in import begin
from thecal.therapy.settings import setting_count
from thecal.web import app as application
from thecal.web.app import HEADERS
from thecal.web.guard import COOKIE
from thecal.web.route import OPEN, PageRoute

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "Robert'); DROP TABLE person;--",
    "{{7777*7777}}${7777*7777}",
)
LIVE = ("<script>alert", "<img src=x", 'onerror="')
"""What is never in a page: hostile text that a browser would run."""
NOT_RECORD = {"audit", "sign_in", "submission"}
UNKNOWN = "P-ZZZZZZZZ"


@pytest.fixture(autouse=True)
def _all_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page there is, also of modules that the application does not have yet; those with fewer names for anything first."""
    pages = sorted(every_page(), key=lambda route: route.path.count("{"))
    monkeypatch.setattr(application, "all_pages", lambda: pages)


def at_a_browser(practice: Practice, name: str) -> tuple[TestClient, str]:
    """A browser of somebody who is signed in, and the secret that the forms of the session carry."""
    client = TestClient(
        application.make_app(practice),
        base_url="http://clinic.test",
        follow_redirects=False,
        raise_server_exceptions=False,
    )
    with practice.database.writing() as connection:
        account = account_named(connection, name)
        assert account is not None
        token, session = begin(connection, account, "", practice.now)
    client.cookies.set(COOKIE, token)
    return client, session.csrf


def filled(route: PageRoute, stream: str, **values: str) -> str:
    """The address of a page, of a chart."""
    name = "nils" if route.path.startswith("/staff/") else "none"
    known = {"stream": stream, "name": name, "what": "dose-letter", "topic": "withdrawal"} | values
    return re.sub(r"\{(\w+)\}", lambda found: known.get(found[1], "1"), route.path)


def pages(method: str) -> list[PageRoute]:
    """The pages of a method."""
    return [route for route in every_page() if route.method == method]


def kept(practice: Practice) -> str:
    """One digest for everything in the database but the audit, the sessions and the forms that were sent."""
    found = sha256()
    with practice.database.reading() as connection:
        for table in metadata.sorted_tables:
            if table.name not in NOT_RECORD:
                found.update(repr((table.name, sorted(map(repr, connection.execute(select(table)))))).encode())
        found.update(heads_digest(verify(connection)).encode())
    return found.hexdigest()


# Forged forms ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nora", "dora"])
def test_a_forged_form_changes_nothing(practice: Practice, name: str) -> None:
    """Of every page, without the secret of the session, with that of another one, and with an empty one."""
    stream = admit(practice)
    client, _ = at_a_browser(practice, name)
    _, of_another = at_a_browser(practice, "nils")
    before = kept(practice)
    for route in pages("POST"):
        for secret in ({}, {"csrf": of_another}, {"csrf": ""}, {"csrf": "é"}):
            data = {**secret, "once": "0" * 32, "confirm": stream, "seen": "11", "why": "x", "text": "x", "number": "1"}
            answer = client.post(filled(route, stream), data=data)
            if not route.only_shows:
                assert answer.status_code == 403, f"{route.path} {secret}"
            elif route.needs in MAY[name]:
                assert answer.status_code in (200, 404, 422), route.path
    assert kept(practice) == before


def test_a_form_of_another_site_changes_nothing(practice: Practice) -> None:
    """Although it carries the right secret: a browser says where it comes from."""
    stream = admit(practice)
    client, csrf = at_a_browser(practice, "nora")
    before = kept(practice)
    for route in pages("POST"):
        for headers in (
            {"Origin": "http://evil.test"},
            {"Origin": "http://clinic.test.evil.test"},
            {"Sec-Fetch-Site": "cross-site"},
        ):
            answer = client.post(filled(route, stream), data={"csrf": csrf, "confirm": stream, "why": "x"}, headers=headers)
            assert answer.status_code == 403, route.path
    assert kept(practice) == before


def test_a_form_that_is_open_to_all_carries_what_its_page_gave(practice: Practice) -> None:
    """So nobody is signed in by another site, as somebody else."""
    client = TestClient(application.make_app(practice), base_url="http://clinic.test", follow_redirects=False)
    before = kept(practice)
    for route in pages("POST"):
        if route.needs == OPEN:
            for data in ({}, {"pre": ""}, {"pre": "x"}):
                answer = client.post(filled(route, UNKNOWN), data={**data, "name": "nora", "password": PASSWORD, "key": ""})
                assert answer.status_code == 403, route.path
                assert COOKIE not in answer.headers.get("set-cookie", "")
    assert kept(practice) == before


# Reading writes nothing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["nora", pytest.param("dora", marks=pytest.mark.long), pytest.param("paul", marks=pytest.mark.long)]
)
def test_reading_a_page_writes_nothing(practice: Practice, name: str) -> None:
    """Of no page, but the lines of the audit; and no page that is read is a defect."""
    stream = admit(practice)
    client, _ = at_a_browser(practice, name)
    before = kept(practice)
    for route in pages("GET"):
        answer = client.get(f"{filled(route, stream)}?q=ada&page=2&since=x&as-of=x&format=x&stream=x&kind=x&first=x&print=1")
        assert answer.status_code < 500, route.path
    assert kept(practice) == before


def test_other_methods_do_nothing(practice: Practice) -> None:
    """Neither by themselves nor under another name; a page that is only sent to cannot be read."""
    stream = admit(practice)
    client, csrf = at_a_browser(practice, "nora")
    before = kept(practice)
    only_sent = {route.path for route in pages("POST")} - {route.path for route in pages("GET")}
    for route in every_page():
        path = filled(route, stream)
        for method in ("PUT", "DELETE", "FOO"):
            assert client.request(method, path).status_code == 405, f"{method} {path}"
    for path in sorted(only_sent):
        address = filled(PageRoute("GET", path, OPEN, print), stream)
        headers = {"X-HTTP-Method-Override": "POST", "X-HTTP-Method": "POST", "X-Method-Override": "POST"}
        answer = client.get(address, params={"csrf": csrf, "_method": "POST", "confirm": stream}, headers=headers)
        assert answer.status_code in (404, 405), address
    assert client.head("/worklist").content == b""
    assert kept(practice) == before


# Hostile text ----------------------------------------------------------------------------------------------------------


def hostile(practice: Practice) -> str:
    """Somebody all of whose identifiers are hostile, and a note that is; the pseudonym."""
    stream = admit(practice)
    script, image = HOSTILE[:2]
    person = Person(script, None, image, script, image, script, image, script)
    with practice.database.writing() as connection:
        other = add_person(connection, person)
        notes = [Noted(practice.now, text) for text in HOSTILE]
        practice.write_with(connection, other, 0, notes, By("nora"), "wrote notes")
    with practice.reading() as reading:
        end = reading.history(stream).version
    for number, text in enumerate(HOSTILE):
        practice.write(stream, end + number, [Noted(practice.now, text)], By("nora"), "wrote a note")
    with practice.database.writing() as connection:
        connection.execute(
            metadata.tables["person"].update().values(name=HOSTILE[0], phone=HOSTILE[1], second_contact=HOSTILE[0])
        )
    return stream


@pytest.mark.parametrize("name", ["nora", pytest.param("dora", marks=pytest.mark.long)])
def test_hostile_text_is_only_text_on_every_page(practice: Practice, name: str) -> None:
    """Names, contacts and notes: a browser shows them and runs nothing; no template takes them for its own."""
    stream = hostile(practice)
    client, _ = at_a_browser(practice, name)
    shown = 0
    for route in pages("GET"):
        query = {
            name: HOSTILE[number % 2] for number, name in enumerate(("q", "back", "kind", "page", "stream", "name", "since"))
        }
        answer = client.get(filled(route, stream), params=query)
        if answer.headers.get("content-type", "").startswith("text/html"):
            shown += "&lt;script&gt;alert" in answer.text
            for live in (*LIVE, "60481729"):
                assert live not in answer.text, route.path
    assert shown >= 4


@pytest.mark.parametrize("field", ["name", "number", "phone", "second_contact", "email", "address", "referrer"])
def test_hostile_identifiers_are_kept_as_they_are_or_refused(practice: Practice, field: str) -> None:
    """Markup and quotes are text; a mark that turns the writing round, or a NUL, is named or left out; and never a defect."""
    client, csrf = at_a_browser(practice, "nora")
    for number, text in enumerate(
        (
            *HOSTILE,
            "a\u202eb",
            "a\u200fb",
            "\ufeffa",
            "a\x00b",
            "a\x1b[31mb",
            "x" * 100_000,
            "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
        )
    ):
        data = {"csrf": csrf, "name": f"Somebody {number}", field: text}
        answer = client.post("/new-person", data=data)
        assert answer.status_code in (303, 422), text[:40]
        if answer.status_code == 303:
            stream = re.findall(r"P-[A-Z0-9]{8}", answer.headers["location"])[0]
            with practice.database.reading() as connection:
                person = person_of(connection, stream)
            assert person is not None
            assert getattr(person, field) == text.replace("\x00", "")
        else:
            assert all(live not in answer.text for live in LIVE)
            assert f'id="{field}-error"' in answer.text or "aria-invalid" in answer.text
    with practice.database.reading() as connection:
        assert "person" in metadata.tables
        assert connection.execute(select(metadata.tables["person"])).all()


def test_hostile_notes_are_kept_as_they_are_or_refused(practice: Practice) -> None:
    """And what is shown of them again is text."""
    stream = admit(practice)
    client, csrf = at_a_browser(practice, "nora")
    with practice.reading() as reading:
        end = seen = reading.history(stream).version
    for text in (*HOSTILE, "a\u202eb", "a\x1bb", "x" * 5_000):
        answer = client.post(f"/chart/{stream}/record", data={"csrf": csrf, "kind": "note", "seen": str(seen), "text": text})
        assert answer.status_code in (303, 422)
        seen += answer.status_code == 303
        page = client.get(f"/chart/{stream}/record")
        assert all(live not in page.text + answer.text for live in LIVE)
    assert seen == end + len(HOSTILE)


def test_a_search_for_anything_is_no_defect(practice: Practice) -> None:
    """Wildcards of the database are letters like others, and what was typed is shown as text."""
    admit(practice)
    client, _ = at_a_browser(practice, "nora")
    assert client.get("/search", params={"q": "a\x00b"}).status_code == 400  # no name holds it, and no database takes it
    for text in (*HOSTILE, "%", "_", "\\", "\u202e", "x" * 10_000, "' OR 1=1 --"):
        answer = client.get("/search", params={"q": text})
        assert answer.status_code == 200, text[:40]
        assert all(live not in answer.text for live in LIVE)
        assert "Ada Example" not in answer.text


def test_too_many_fields_are_no_defect(practice: Practice) -> None:
    """Nor are fields of other names, or the same one often."""
    client, csrf = at_a_browser(practice, "nora")
    before = kept(practice)
    many = "&".join([f"csrf={csrf}", *(f"f{number}=x" for number in range(5_000))])
    often = "&".join([f"csrf={csrf}", *("name=x" for _ in range(1_500))])
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post("/password", content=many, headers=form).status_code in (400, 413, 422)
    assert client.post("/password", content=often, headers=form).status_code in (400, 422)
    for content in (b"\xff\xfe=%ff", b"%", b"a=%00", b"&&&=;;;"):
        assert client.post("/password", content=content, headers=form).status_code == 403
    broken = {"Content-Type": "multipart/form-data; boundary=x"}
    assert client.post("/password", content=b"--x\r\nno headers", headers=broken).status_code in (400, 403)
    assert client.post("/password", content=b"x", headers={"Content-Type": "multipart/form-data"}).status_code in (400, 403)
    assert kept(practice) == before


# Paths and names -------------------------------------------------------------------------------------------------------


def test_no_path_leads_out_of_the_static_files(practice: Practice) -> None:
    """However it is written."""
    client, _ = at_a_browser(practice, "nora")
    assert client.get("/static/thecal.css").status_code == 200
    for path in (
        "../app.py", "..%2fapp.py", "%2e%2e/app.py", "%2e%2e%2fapp.py", "..%5capp.py", "....//app.py", "%252e%252e/app.py",
        "/etc/passwd", "%2fetc%2fpasswd", "../../../../../../etc/passwd", "..%00/app.py", "thecal.css%00.txt", "",
    ):  # fmt: skip
        answer = client.get(f"/static/{path}")
        assert answer.status_code in (303, 404, 405), path
        assert "root:" not in answer.text
        assert "import " not in answer.text


@pytest.mark.parametrize(
    "stream", [UNKNOWN, "staff", "clinic", "..%2f..%2fclinic.db", "%3Cscript%3E", "P-%27%20OR%201=1--", "x" * 2_000]
)
def test_the_page_of_nobody_is_told_in_one_way(practice: Practice, stream: str) -> None:
    """An unknown pseudonym, another stream of the record, and no name at all: not found, on every page of a chart."""
    admit(practice)
    client, _ = at_a_browser(practice, "nora")
    for route in pages("GET"):
        if "{stream}" in route.path and route.needs in MAY["nora"]:
            answer = client.get(filled(route, stream))
            assert answer.status_code in ((404, 405) if "%2f" in stream else (404,)), route.path
            assert "nora" not in answer.text, route.path
            assert all(live not in answer.text for live in ("<script>", *LIVE))


@pytest.mark.parametrize("name", ["nora", "dora"])
@pytest.mark.parametrize("stream", [UNKNOWN, "staff", "clinic"])
def test_nothing_is_written_of_nobody(practice: Practice, name: str, stream: str) -> None:
    """A form for a chart that there is not begins none, and writes into no other stream of the record."""
    recall = Recalled(practice.now, "R-1", "synchromed-ii-40", (), (), "look at it", "a notice")
    practice.write(HOUSE, 0, [recall], By("nora"), "wrote down a field action")
    client, csrf = at_a_browser(practice, name)
    with practice.reading() as reading:
        seen = reading.history(stream).version
    before = kept(practice)
    for route in pages("POST"):
        if "{stream}" in route.path and route.needs in MAY[name]:
            data = {"csrf": csrf, "seen": str(seen), "kind": "refill", "text": "x", "why": "x", "how": "x", "confirm": stream}
            answer = client.post(filled(route, stream), data=data)
            assert answer.status_code in (404, 422), route.path
            assert kept(practice) == before, route.path


@pytest.mark.parametrize("name", ["nora", "dora"])
def test_a_version_that_is_no_number_is_no_defect(practice: Practice, name: str) -> None:
    """Of a form that somebody changed by hand: nothing is written, and it is told as any other thing that is wrong."""
    stream = admit(practice)
    client, csrf = at_a_browser(practice, name)
    with practice.database.reading() as connection:
        before = heads_digest(verify(connection))
    wrong = []
    for route in pages("POST"):
        if route.needs in MAY[name] and "{stream}" in route.path:
            for seen in ("x", "9" * 40, "\u0663"):
                data = {"csrf": csrf, "seen": seen, "kind": "refill", "text": "x", "what": "x"}
                status = client.post(filled(route, stream), data=data).status_code
                wrong += [(route.path, seen)] if status >= 500 else []
    assert not wrong
    with practice.database.reading() as connection:
        assert heads_digest(verify(connection)) == before


def test_nobody_is_told_who_is_on_record(practice: Practice) -> None:
    """Whoever may not see a chart is told the same of one that there is and of one that there is not."""
    stream = admit(practice)
    client, _ = at_a_browser(practice, "susan")
    for route in pages("GET"):
        if "{stream}" in route.path and route.needs not in MAY["susan"]:
            told = {re.sub(r"[0-9a-f]{8}|P-[A-Z0-9]{8}", "", client.get(filled(route, each)).text) for each in (stream, UNKNOWN)}
            assert len(told) == 1, route.path


def test_no_way_back_leads_elsewhere(practice: Practice) -> None:
    """Neither of the sign-in nor of what is sent again, however it is written."""
    client, csrf = at_a_browser(practice, "nora")
    for back in (
        "//evil.test", "https://evil.test", "/\\evil.test", "\\\\evil.test", "javascript:alert(1)", "/\t/evil.test",
        "\n//evil.test", "http:evil.test", "evil.test", "/%0d%0aSet-Cookie:x=1\r\nX: y", "@evil.test", "",
    ):  # fmt: skip
        page = client.get("/sign-in", params={"back": back})
        assert hidden(page.text, "back").startswith("/")
        assert "evil.test" not in hidden(page.text, "back").replace("\\", "/") or hidden(page.text, "back")[1] not in "/\\"
        data = {"pre": hidden(page.text, "pre"), "name": "nora", "password": PASSWORD, "back": back}
        answer = client.post("/sign-in", data=data)
        assert answer.status_code == 303
        assert re.fullmatch(r"/[^/\\\r\n\t][^\r\n]*", answer.headers["location"])
        again = client.post("/send-again", data={"csrf": csrf, "send_again_to": back, "note": "x"})
        assert all(re.fullmatch(r"/[^/\\\r\n\t].*", to) for to in re.findall(r'<form[^>]*action="([^"]*)"', again.text))


def test_the_name_of_the_host_is_never_believed(practice: Practice) -> None:
    """No page sends anybody to the place that a request names as its own, also for an address with a stroke too many."""
    stream = admit(practice)
    client, _ = at_a_browser(practice, "nora")
    names = {"Host": "evil.test", "X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "gopher", "Forwarded": "host=evil.test"}
    for path in (*(filled(route, stream) for route in pages("GET")), "/worklist/", "/static", f"/chart/{stream}/", "//worklist"):
        answer = client.get(path, headers=names)
        assert "evil.test" not in answer.text + answer.headers.get("location", ""), path


# Uploads ---------------------------------------------------------------------------------------------------------------


def workbook(cells: bytes) -> bytes:
    """An .xlsx whose one sheet holds something."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("[Content_Types].xml", b"<Types/>")
        made.writestr("xl/workbook.xml", b"<workbook/>")
        made.writestr("xl/worksheets/sheet1.xml", cells)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("people.pdf", b"%PDF-1.7 \x00\x01"),
        ("people.exe", b"MZ\x90\x00" * 50),
        ("people.xlsx", b"PK\x03\x04 no workbook at all"),
        ("people.xlsx", workbook(b"0" * 300_000_000)),
        ("people.xlsx", workbook(b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>')),
        ("../../people.csv", b"\x00\x01\x02"),
        ("people.csv", b""),
    ],
    ids=["pdf", "program", "no-workbook", "zip-bomb", "entities", "path", "empty"],
)
def test_a_file_that_is_no_table_is_refused(practice: Practice, name: str, raw: bytes) -> None:
    """On the page that it was sent from, and nothing of it is kept."""
    client, csrf = at_a_browser(practice, "nora")
    before = kept(practice)
    answer = client.post("/import", data={"csrf": csrf}, files={"file": (name, raw, "text/csv")})
    assert answer.status_code == 422
    assert "<form" in answer.text
    assert kept(practice) == before
    assert not [path for path in practice.folder.rglob("*") if path.is_file() and not path.name.startswith("clinic.db")]


def test_too_much_at_once_is_refused(practice: Practice) -> None:
    """By the length that is said, before it is read; what says no length is not read either."""
    client, csrf = at_a_browser(practice, "nora")
    most = setting_count("clinic", "upload")
    before = kept(practice)
    for path in ("/import", "/password"):
        answer = client.post(path, data={"csrf": csrf}, files={"file": ("a.csv", b"x" * (most + 1), "text/csv")})
        assert answer.status_code == 413
        assert f"{most:,}" in answer.text
        unsaid = client.post(
            path, content=iter([b"csrf=", csrf.encode()]), headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert unsaid.status_code == 411
    assert kept(practice) == before


@pytest.mark.parametrize(
    ("page", "path", "data"),
    [
        ("/closures", "/closures", {"first": "9999-12-31", "last": "9999-12-31", "what": "x"}),
        ("/staff/nils", "/staff/nils/certificate", {"permission": "refill", "given": "1960-01-01", "until": "9999-12-31"}),
        ("/book/{stream}", "/book/{stream}/cancel", {"on": "999999999999", "why": "it was booked by mistake"}),
        ("/book/{stream}", "/book/{stream}/elsewhere", {"on": "9999-12-31", "site": "x", "person": "y"}),
        ("/slots", "/slots", {"first": "9999-12-31", "last": "9999-12-31", "minutes": "30", "times": "09:00", "place": "x"}),
        ("/calculators/refill", "/calculators/refill?filled_on=9999-12-31&dose=100&concentration=500&volume=20", None),
        ("/worklist", "/worklist?page=" + "9" * 5_000, None),
        ("/worklist", "/slots?week=" + "9" * 5_000, None),
    ],
    ids=["closure", "certificate", "cancel", "elsewhere", "slots", "calculator", "page", "week"],
)
def test_what_no_number_or_date_can_be_is_no_error_of_ours(
    practice: Practice, page: str, path: str, data: dict[str, str] | None
) -> None:
    """It is said at its field, or read as nothing."""
    stream = admit(practice)
    with TestClient(application.make_app(practice), base_url="http://clinic.test") as client:
        nora = Visitor(client, "nora")
        nora.sign_in()
        page, path = page.format(stream=stream), path.format(stream=stream)
        answer = nora.get(path) if data is None else nora.send(page, data, to=path)
        assert answer.status in (200, 422)


def test_no_field_holds_more_than_anybody_types(practice: Practice) -> None:
    """A record that took it could not be carried elsewhere; half of a character is none."""
    stream = admit(practice)
    with TestClient(application.make_app(practice), base_url="http://clinic.test") as client:
        nora = Visitor(client, "nora")
        nora.sign_in()
        before = kept(practice)
        answer = nora.send(f"/call/{stream}", {"caller": "patient", "advice": '"' * 200_001})
        assert answer.status == 422
        assert "advice is longer than 200,000 characters" in answer.words
        assert kept(practice) == before
        csrf = hidden(nora.get("/calendar").text, "csrf")
        parts = {"csrf": csrf, "once": "a1", "which": "own", "name": "mine \\ud800"}
        body = "".join(
            f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in parts.items()
        )
        kind = "multipart/form-data; boundary=x; charset=unicode_escape"
        client.post("/calendar", content=f"{body}--x--\r\n".encode(), headers={"Content-Type": kind})
        assert client.get("/calendar").status_code == 200


# Cookies and headers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("address", "secure"), [("", False), ("http://pumps.test", False), ("https://pumps.test", True)])
def test_cookies_are_for_our_pages_alone(practice: Practice, address: str, secure: bool) -> None:
    """No script reads them, no other site sends them, and by HTTPS alone where the clinic is reached so."""
    client = TestClient(application.make_app(practice, address=address), base_url="https://clinic.test", follow_redirects=False)
    page = client.get("/sign-in")
    data = {"pre": hidden(page.text, "pre"), "name": "nora", "password": PASSWORD, "back": "/worklist"}
    answer = client.post("/sign-in", data=data)
    cookies = [*page.headers.get_list("set-cookie"), *answer.headers.get_list("set-cookie")]
    given = [cookie for cookie in cookies if "Max-Age=0" not in cookie]
    assert {cookie.partition("=")[0] for cookie in given} == {COOKIE, "thecal_pre"}
    for cookie in given:
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Domain=" not in cookie
        assert ("Secure" in cookie) == secure
    assert ("strict-transport-security" in answer.headers) == secure


def test_behind_a_proxy_links_that_leave_begin_with_its_address(practice: Practice) -> None:
    """Whatever host is asked for; a form comes from there, or from the host that was asked for, and from nowhere else."""
    stream = admit(practice)
    with TestClient(application.make_app(practice, address="https://pumps.test"), base_url="https://inside.test") as client:
        nora = Visitor(client, "nora")
        nora.sign_in()
        for page, data in (("/calendar", {"which": "own", "name": "mine"}), (f"/invite/{stream}", {})):
            answer = nora.send(page, data)
            assert answer.status == 200
            assert "https://pumps.test/" in answer.text
            assert "inside.test" not in answer.text
        for origin, status in (("https://pumps.test", 422), ("https://inside.test", 422), ("https://evil.test", 403)):
            form = {"csrf": hidden(nora.get("/calendar").text, "csrf"), "once": origin, "which": "none"}
            assert client.post("/calendar", data=form, headers={"Origin": origin}).status_code == status


def test_every_answer_has_the_headers(practice: Practice) -> None:
    """Pages, errors, forms, files and what is not there; and none but the files may be kept."""
    stream = admit(practice)
    client, csrf = at_a_browser(practice, "nora")
    answers = [client.get(filled(route, stream)) for route in pages("GET")]
    answers += [client.post(filled(route, UNKNOWN), data={"csrf": "x"}) for route in pages("POST")]
    answers += [
        client.get(path) for path in ("/nowhere", "/static/nowhere", "/static/thecal.css", f"/chart/{UNKNOWN}", "/favicon.ico")
    ]
    answers += [client.put("/worklist"), client.post("/password", data={"csrf": csrf})]
    for answer in answers:
        for name, value in HEADERS.items():
            if not answer.request.url.path.startswith("/paper-style/") or name != "Content-Security-Policy":
                assert answer.headers[name] == value, f"{answer.request.url} {name}"
        static = answer.request.url.path.startswith("/static/")
        assert static or answer.headers["Cache-Control"] == "no-store"
        assert "server" not in answer.headers
        assert "x-powered-by" not in answer.headers


def test_no_page_holds_what_the_policy_forbids(practice: Practice) -> None:
    """No script or style in the page itself, and nothing of another place."""
    stream = admit(practice)
    client, _ = at_a_browser(practice, "nora")
    for route in pages("GET"):
        answer = client.get(filled(route, stream))
        if answer.headers.get("content-type", "").startswith("text/html"):
            assert not re.findall(r"<script(?![^>]*(?:src=\"/static/|type=\"application/json\"))", answer.text), route.path
            assert not re.findall(r"<style|<iframe|<object|<embed|<base |javascript:", answer.text), route.path
            assert not re.findall(r"<[a-z][^>]*\s(?:on[a-z]+|style)=", answer.text), route.path
            assert not re.findall(r"(?:src|action)=\"(?:https?:)?//", answer.text), route.path


def test_a_token_that_somebody_planted_is_nobody(practice: Practice) -> None:
    """Before the sign-in and after it: the session is a new one, and the old one is no session."""
    client = TestClient(application.make_app(practice), base_url="http://clinic.test", follow_redirects=False)
    client.cookies.set(COOKIE, "planted")
    page = client.get("/sign-in")
    data = {"pre": hidden(page.text, "pre"), "name": "nora", "password": PASSWORD, "back": "/worklist"}
    answer = client.post("/sign-in", data=data)
    given = re.findall(rf"{COOKIE}=([^;]+)", answer.headers["set-cookie"])
    assert given
    assert given[0] != "planted"
    client.cookies.clear()
    for token in ("planted", "", "x" * 4_000, sha256(given[0].encode()).hexdigest()):
        client.cookies.clear()
        client.cookies.set(COOKIE, token)
        assert client.get("/worklist").headers["location"].startswith("/sign-in")
