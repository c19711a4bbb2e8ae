"""The programming interface: what it answers, to whom, and what of it is written."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from tests.clinic.practice import NOW, Clock, admit, change_behind_the_back
from thecal.clinic.account import account_named, set_active
from thecal.clinic.api_token import GRANTED, ApiToken, make_token, revoke_token, token_lasts
from thecal.clinic.audit import read_audit
from thecal.clinic.database import DatabaseDownError
from thecal.clinic.entry import Corrected
from thecal.clinic.people import add_person, erase_person
from thecal.clinic.person import Person
from thecal.clinic.practice import By, Practice
from thecal.clinic.record import heads_digest, verify
from thecal.clinic.schema import entry as entry_table
from thecal.clinic.sign_in import begin
from thecal.clinic.slots import offer_slots
from thecal.therapy.settings import setting_count
from thecal.timeline import DAY_S, Duration, Instant
from thecal.web.api_facts import FACTS_MAX, RECORDED
from thecal.web.app import make_app
from thecal.web.guard import COOKIE

FATIGUE = {"kind": "symptom", "at": "2026-11-20 08:30", "symptom": "fatigue", "grade": 2}
EVERY = ("worklist", "people?q=a", "standings", "heads", "slots", "charts/{}", "charts/{}/findings", "charts/{}/due")


@dataclass(slots=True)
class Program:
    """A program that calls with a token."""

    client: TestClient
    token: str
    kept: ApiToken | None

    def get(self, path: str, status: int = 200) -> Any:
        """What a call brings, which has to have a status."""
        answer = self.client.get(f"/api/v1/{path}", headers=self.headers)
        assert answer.status_code == status, answer.text
        return answer.json()

    def post(self, path: str, body: object, status: int = 201, key: str = "") -> Any:
        """The same of something that is sent, with the key of a call that may be sent twice."""
        headers = {"Idempotency-Key": key} if key else {}
        sent = {**self.headers, "Content-Type": "application/json", **headers}
        answer = self.client.post(f"/api/v1/{path}", content=json.dumps(body), headers=sent)
        assert answer.status_code == status, answer.text
        return answer.json()

    @property
    def headers(self) -> dict[str, str]:
        """Who it is."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


Call = Callable[..., Program]


@pytest.fixture
def call(practice: Practice) -> Iterator[Call]:
    """A program with a token of somebody: ``call("nora", "chart")``."""
    with TestClient(make_app(practice), base_url="http://clinic.test", raise_server_exceptions=False) as client:

        def program(account: str = "nora", *permissions: str) -> Program:
            if not account:
                return Program(client, "", None)
            with practice.database.writing() as connection:
                token, kept = make_token(connection, "a program", account, permissions or GRANTED, practice.now)
            return Program(client, token, kept)

        yield program


def written(practice: Practice) -> str:
    """One digest for the whole record."""
    with practice.database.reading() as connection:
        return heads_digest(verify(connection))


def end_of(practice: Practice, stream: str) -> int:
    """The version of a chart."""
    with practice.reading() as reading:
        return reading.history(stream).version


# Who calls -------------------------------------------------------------------------------------------------------------


def test_nobody_is_answered_without_a_token(call: Call, practice: Practice) -> None:
    """No token, a wrong one and a wrong scheme are told the same, and what is asked for is not looked at."""
    stream = admit(practice)
    nobody = call("")
    told = set()
    for path in EVERY:
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {call().token}"}, {"Authorization": ""}):
            answer = nobody.client.get(f"/api/v1/{path.format(stream)}", headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
            assert set(answer.json()) == {"error", "request"}
            told.add(json.dumps(answer.json()["error"]))
    assert nobody.client.post("/api/v1/charts/P-NOBODY/facts", content=b"{").status_code == 401
    assert len(told) == 1


def test_a_browser_that_is_signed_in_is_no_token(call: Call, practice: Practice) -> None:
    """A cookie opens nothing here, so no page of another site can use one."""

    with practice.database.writing() as connection:
        account = account_named(connection, "nora")
        assert account is not None
        token, _ = begin(connection, account, "", practice.now)
    nobody = call("")
    nobody.client.cookies.set(COOKIE, token)
    nobody.get("worklist", 401)


@pytest.mark.parametrize(
    ("right", "paths"),
    [
        ("worklist", ("worklist",)),
        ("identify", ("people?q=ada",)),
        ("chart", ("charts/{}", "charts/{}/findings", "charts/{}/due", "standings")),
        ("audit", ("heads",)),
        ("book", ("slots",)),
    ],
)
def test_a_token_opens_what_it_was_given(call: Call, practice: Practice, right: str, paths: tuple[str, ...]) -> None:
    """And nothing else, although its account has every one of these rights."""
    stream = admit(practice)
    program, all_others = call("nora", right), call("nora", *(other for other in GRANTED if other != right))
    for path in EVERY:
        answer = program.client.get(f"/api/v1/{path.format(stream)}", headers=program.headers)
        assert answer.status_code == (200 if path.partition("?")[0] in {each.partition("?")[0] for each in paths} else 403)
    for path in paths:
        error = all_others.get(path.format(stream), 403)["error"]
        assert (error["field"], error["asked"]) == ("Authorization", right)


def test_a_token_may_no_more_than_its_account(call: Call, practice: Practice) -> None:
    """A scheduler's program reads no chart and writes none, whatever its token was given."""
    stream = admit(practice)
    program = call("susan")
    for path in ("charts/{}", "charts/{}/findings", "charts/{}/due", "standings", "heads"):
        assert "a scheduler may not" in program.get(path.format(stream), 403)["error"]["advice"].lower()
    before = written(practice)
    program.post(f"charts/{stream}/facts", {"seen": end_of(practice, stream), "facts": [FATIGUE]}, 403)
    assert written(practice) == before


def test_a_token_ends(call: Call, practice: Practice, clock: Clock) -> None:
    """By itself, by being revoked, and with its account: told as of one that never was."""
    revoked, of_closed, old = call("nora"), call("nils"), call("dora")
    assert revoked.kept is not None
    with practice.database.writing() as connection:
        revoke_token(connection, revoked.kept.number, practice.now)
        set_active(connection, "nils", active=False)
    assert revoked.get("worklist", 401)["error"] == of_closed.get("worklist", 401)["error"]
    old.get("worklist")
    clock.pass_(token_lasts())
    old.get("worklist", 401)


def test_every_call_is_in_the_audit(call: Call, practice: Practice) -> None:
    """Who, what, of whom, through which token; and nothing of what was searched for."""
    stream = admit(practice)
    program = call("nora")
    for path in EVERY:
        answer = program.client.get(f"/api/v1/{path.format(stream)}", headers=program.headers)
        assert answer.status_code == 200
    program.get("people?q=Ada Example")
    program.post(f"charts/{stream}/facts", {"seen": end_of(practice, stream), "facts": [FATIGUE]})
    with practice.database.reading() as connection:
        lines = [line for line in read_audit(connection) if line.did.startswith("api: ")]
    assert len(lines) == len(EVERY) + 2
    assert program.kept is not None
    assert all(line.who == "nora" and program.kept.number[:8] in line.detail and line.request for line in lines)
    assert sum(line.stream == stream for line in lines) == 4
    assert "Ada" not in repr(lines)


# What is answered ------------------------------------------------------------------------------------------------------


def test_the_worklist(call: Call, practice: Practice) -> None:
    """With names for those who may know them, in pages, of one tier and of one kind."""
    stream = admit(practice)
    found = call("nora").get("worklist")
    assert (found["schema"], found["zone"], found["now_utc"]) == (1, "Europe/Berlin", "2026-11-20T08:00:00Z")
    assert [(row["name"], row["standing"]["stream"]) for row in found["rows"]] == [("Ada Example", stream)]
    standing = found["rows"][0]["standing"]
    assert standing["programmed_dose_mcg_per_day"] == 100
    assert standing["concentration_mcg_per_ml"] == 500
    assert standing["fill_ml"] == 20
    assert standing["refill_by_utc"] == "2027-01-24T08:00:00Z"
    assert call("thea").get("worklist")["rows"][0]["name"] is None
    assert call("nora", "worklist").get("worklist")["rows"][0]["name"] is None
    assert call().get("worklist?tier=emergency")["rows"] == []
    assert call().get("worklist?tier=amber")["total"] == 1
    assert call().get("worklist?kind=recall")["rows"] == []
    assert call().get("worklist?kind=refill&page=2")["page"] == 1


def test_people_are_found_by_those_who_may_know_them(call: Call, practice: Practice) -> None:
    """By a name that is spelled nearly right; an erased one is not found."""

    stream = admit(practice)
    (found,) = call().get("people?q=Ade Exampel")["people"]
    assert (found["stream"], found["name"], found["phone"]) == (stream, "Ada Example", "555-0110")
    with practice.database.writing() as connection:
        erase_person(connection, stream, practice.now)
    assert call().get("people?q=Ada")["people"] == []
    call("thea").get("people?q=Ada", 403)


def test_a_chart_is_its_record(call: Call, practice: Practice) -> None:
    """Every entry as it stands, with when it happened and when it was written down; or those after a version."""
    stream = admit(practice)
    found = call().get(f"charts/{stream}")
    with practice.database.reading() as connection:
        rows = connection.execute(select(entry_table).where(entry_table.c.stream == stream).order_by(entry_table.c.version)).all()
    assert [(each["version"], each["kind"], each["who"]) for each in found["entries"]] == [
        (row.version, row.kind, row.who) for row in rows
    ]
    assert [json.loads(row.body) for row in rows] == [each["entry"] for each in found["entries"]]
    assert {each["recorded_utc"] for each in found["entries"]} == {"2026-11-20T08:00:00Z"}
    assert found["entries"][0]["happened_utc"] == Instant(rows[0].happened).utc_text()
    assert found["version"] == found["standing"]["version"] == len(rows)
    last_two = call().get(f"charts/{stream}?since={len(rows) - 2}")["entries"]
    assert [each["version"] for each in last_two] == [len(rows) - 1, len(rows)]
    assert "Ada" not in json.dumps(found)


def test_a_chart_as_it_was_known(call: Call, practice: Practice, clock: Clock) -> None:
    """What was written down later is not in it, nor in what was worked out of it."""
    stream = admit(practice)
    end = end_of(practice, stream)
    clock.pass_(Duration(DAY_S))
    call().post(f"charts/{stream}/facts", {"seen": end_of(practice, stream), "facts": [FATIGUE]})
    then = call().get(f"charts/{stream}?as_of={NOW.utc_text()}")
    assert (then["version"], len(then["entries"]), then["as_of_utc"]) == (end, end, NOW.utc_text())
    assert call().get(f"charts/{stream}")["version"] == end + 1
    before = call().get(f"charts/{stream}?as_of=2020-01-01 00:00")
    assert (before["version"], before["entries"], before["standing"]["pump_model"]) == (0, [], "")
    for wrong in ("2030-01-01 00:00", "yesterday", "2026-03-29 02:30"):
        assert call().get(f"charts/{stream}?as_of={wrong}", 422)["error"]["field"] == "as_of"


def test_what_was_taken_back_says_so(call: Call, practice: Practice) -> None:
    """It stays, with the version of the correction."""

    stream = admit(practice)
    call().post(f"charts/{stream}/facts", {"seen": end_of(practice, stream), "facts": [FATIGUE]})
    end = end_of(practice, stream)
    practice.write(stream, end, [Corrected(practice.now, end, "another person")], By("nora"), "took an entry back")
    found = call().get(f"charts/{stream}?since={end - 1}")["entries"]
    assert [(each["kind"], each["taken_back_by"]) for each in found] == [("SymptomReported", end + 1), ("Corrected", None)]


def test_findings_and_dates(call: Call, practice: Practice) -> None:
    """What the rules say, of one topic or all; by when to refill, and what bounds it."""
    stream = admit(practice)
    of_refill, of_all = call().get(f"charts/{stream}/findings?topic=refill"), call().get(f"charts/{stream}/findings")
    assert {each["rule"] for each in of_refill["findings"]} < {each["rule"] for each in of_all["findings"]}
    assert all(each["source"] and each["confidence"] and each["next"] for each in of_all["findings"])
    due = call().get(f"charts/{stream}/due")
    assert due["refill"]["refill_by_utc"] == "2027-01-24T08:00:00Z"
    assert due["refill"]["bounds"][0]["governor"] == due["refill"]["governed_by"] == "alarm"
    with practice.database.writing() as connection:
        other = add_person(connection, Person("Bo Example"))
    assert call().get(f"charts/{other}/due")["refill"] is None
    assert call().get(f"charts/{stream}/findings?topic=gossip", 422)["error"]["field"] == "topic"


def test_a_word_that_is_spelled_wrong_is_not_passed_over(call: Call, practice: Practice) -> None:
    """Nor one that is asked twice: a list that is longer than was meant is taken for a whole one."""
    admit(practice)
    error = call().get("worklist?teir=red", 422)["error"]
    assert error["field"] == "teir"
    assert "tier" in error["advice"]
    assert call().get("worklist?tier=red&tier=amber", 422)["error"]["field"] == "tier"
    assert call().get("heads?tier=red", 422)["error"]["allowed"] == ""


def test_all_standings_are_lines(call: Call, practice: Practice) -> None:
    """One document in each, that says its version and zone by itself."""
    streams = {admit(practice), admit(practice, "Bo Example")}
    program = call()
    answer = program.client.get("/api/v1/standings", headers=program.headers)
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert {line["stream"] for line in lines} == streams
    assert all((line["schema"], line["zone"]) == (1, "Europe/Berlin") for line in lines)


def test_the_heads_are_those_of_the_record(call: Call, practice: Practice) -> None:
    """Of every stream, after all of it was read; a record that was changed is not passed over."""
    stream = admit(practice)
    found = call().get("heads")
    assert found["digest"] == written(practice)
    assert {head["stream"]: head["version"] for head in found["heads"]} == {stream: end_of(practice, stream), "staff": 9}
    change_behind_the_back(practice, "UPDATE entry SET who = 'somebody' WHERE version = 3")
    told = call().get("heads", 500)["error"]["advice"]
    assert f"{stream}, version 3 was changed" in told


@pytest.mark.parametrize("stream", ["P-ZZZZZZZZ", "staff", "clinic", "P-", "p-aaaaaaaa", "%00", "P-%27--", "..%2f..", "x" * 300])
def test_what_is_not_there_is_told_in_one_way(call: Call, practice: Practice, stream: str) -> None:
    """No pseudonym is told from a wrong one, and no other stream of the record is read as a chart."""
    admit(practice)
    told = [call().get(path.format(stream), 404) for path in ("charts/{}", "charts/{}/findings", "charts/{}/due", "nowhere/{}")]
    told.append(call().post(f"charts/{stream}/facts", {"seen": 0, "facts": [FATIGUE]}, 404))
    assert all(set(each) == {"error", "request"} for each in told)
    assert all(each["error"]["rule"] is each["error"]["field"] is None for each in told)


# What is written -------------------------------------------------------------------------------------------------------


def test_facts_are_written_down(call: Call, practice: Practice) -> None:
    """All of them at the end of the chart, under the name of the account; local times and those of UTC are the same."""
    stream = admit(practice)
    of_utc = {"kind": "score", "at": "2026-11-20T07:45:00Z", "scale": "pain-nrs", "score": "4"}
    end = end_of(practice, stream)
    answer = call("thea").post(f"charts/{stream}/facts", {"seen": end, "facts": [FATIGUE, of_utc]})
    assert (answer["version"], answer["repeated"]) == (end + 2, False)
    found = call().get(f"charts/{stream}?since={end}")["entries"]
    assert [(each["kind"], each["happened_utc"], each["who"]) for each in found] == [
        ("SymptomReported", "2026-11-20T07:30:00Z", "thea"),
        ("Scored", "2026-11-20T07:45:00Z", "thea"),
    ]
    assert call().get(f"charts/{stream}")["standing"]["version"] == end + 2


def test_who_has_not_seen_the_latest_writes_nothing(call: Call, practice: Practice) -> None:
    """And is told both versions."""
    stream = admit(practice)
    before, end = written(practice), end_of(practice, stream)
    for seen in (end - 1, end + 1, 0, 2**31 - 1):
        error = call().post(f"charts/{stream}/facts", {"seen": seen, "facts": [FATIGUE]}, 409)["error"]
        assert (error["field"], error["asked"], error["allowed"]) == ("seen", str(seen), str(end))
    assert written(practice) == before


def test_a_call_that_is_sent_twice_is_done_once(call: Call, practice: Practice) -> None:
    """By its key, also where the first answer was lost; a key is good for one thing, and for one token."""
    stream = admit(practice)
    end = end_of(practice, stream)
    program, body = call(), {"seen": end, "facts": [FATIGUE]}
    first, second = (program.post(f"charts/{stream}/facts", body, key="5b1f") for _ in range(2))
    assert (first["version"], first["repeated"]) == (end + 1, False)
    assert (second["version"], second["repeated"]) == (end + 1, True)
    after = written(practice)
    other = {"seen": end + 1, "facts": [{**FATIGUE, "grade": 1, "at": "2026-11-20 08:40"}]}
    assert program.post(f"charts/{stream}/facts", other, 422, "5b1f")["error"]["field"] == "Idempotency-Key"
    call().post(f"charts/{stream}/facts", body, 409, "5b1f")
    program.post(f"charts/{stream}/facts", body, 409)
    assert written(practice) == after


@pytest.mark.parametrize(
    ("fact", "field"),
    [
        ({**FATIGUE, "symptom": "tiredness"}, "facts[0].symptom"),
        ({**FATIGUE, "grade": 4}, "facts[0].grade"),
        ({**FATIGUE, "grade": True}, "facts[0].grade"),
        ({**FATIGUE, "dose": "100 mcg/day"}, "facts[0].dose"),
        ({**FATIGUE, "at": "2026-11-20 09:00:01"}, "facts[0].at"),
        ({**FATIGUE, "at": "2026-03-29 02:30"}, "facts[0].at"),
        ({**FATIGUE, "at": 1}, "facts[0].at"),
        ({"kind": "symptom"}, "facts[0].at"),
        ({"kind": "score", "at": "2026-11-20 08:30", "scale": "pain-nrs", "score": "400"}, "facts[0].score"),
        ({"kind": "prescribed", "at": "2026-11-20 08:30", "medicine": "baclofen", "dose": "30"}, "facts[0].dose"),
        ({"kind": "discontinued", "at": "2026-11-20 08:30", "medicine": "\ud800\x00"}, "facts[0].medicine"),
        ({"kind": "visited", "at": "2026-11-20 08:30", "visit": "refill", "who": "a\u202eb"}, "facts[0].who"),
        ({"kind": "visited", "at": "2026-11-20 08:30", "visit": "refill", "who": "x" * 4001}, "facts[0].who"),
        ({"kind": "checklist", "at": "2026-11-20 08:30", "checklist": "refill"}, "facts[0]"),
        ({"kind": ["symptom"]}, "facts[0].kind"),
        (
            {"kind": "described", "at": "2026-11-20 08:30", "cause": "stroke", "origin": "cerebral", "born": "1960-01-02"},
            "facts[0].born",
        ),
        ({}, "facts[0].kind"),
    ],
)
def test_what_cannot_be_read_is_named(call: Call, practice: Practice, fact: dict[str, object], field: str) -> None:
    """The place where it stands, with what is accepted; and nothing of the call is written, what was right in it neither."""
    stream = admit(practice)
    before = written(practice)
    error = call().post(f"charts/{stream}/facts", {"seen": end_of(practice, stream), "facts": [fact, FATIGUE]}, 422)["error"]
    assert error["field"] == field
    assert error["advice"]
    assert "pydantic" not in json.dumps(error)
    assert written(practice) == before


@pytest.mark.parametrize("kind", ["signed", "overrode", "certified", "booked", "closed", "screening_test", "Filled", "Noted"])
def test_facts_that_have_a_way_of_their_own_are_not_written(call: Call, practice: Practice, kind: str) -> None:
    """No program signs, overrides, certifies, books without a slot, or says what a pump holds."""
    stream = admit(practice)
    fact = {"kind": kind, "at": "2026-11-20 08:30", "author": "a", "checker": "b", "role": "nurse", "why": "x"}
    error = call().post(f"charts/{stream}/facts", {"seen": end_of(practice, stream), "facts": [fact]}, 422)["error"]
    assert error["field"] == "facts[0].kind"
    assert kind not in RECORDED


def test_what_contradicts_the_chart_is_not_written(call: Call, practice: Practice) -> None:
    """Nor what contradicts itself; what is said twice alike is no contradiction."""
    stream = admit(practice)
    other = {**FATIGUE, "grade": 1}
    assert (
        call().post(f"charts/{stream}/facts", {"seen": end_of(practice, stream), "facts": [FATIGUE, other]}, 422)["error"][
            "field"
        ]
        == "facts"
    )
    call().post(f"charts/{stream}/facts", {"seen": end_of(practice, stream), "facts": [FATIGUE, FATIGUE]})
    error = call().post(f"charts/{stream}/facts", {"seen": end_of(practice, stream), "facts": [other]}, 422)["error"]
    assert "symptom fatigue is said twice at one time" in error["advice"]


def test_what_is_sent_has_to_be_json_and_not_too_much(call: Call, practice: Practice) -> None:
    """Each in the one shape, with its status, and nothing is written."""
    stream = admit(practice)
    before, program = written(practice), call()
    most = setting_count("clinic", "upload")
    json_type = {"Content-Type": "application/json"}
    for content, headers, status, field in (
        (b"{", json_type, 422, "body"),
        (b"[" * 100_000, json_type, 400, None),
        (b"9" * 5_000, json_type, 400, None),
        (b"[]", json_type, 422, "body"),
        (b"{}", {"Content-Type": "text/plain"}, 415, "Content-Type"),
        (b"{}", {}, 415, "Content-Type"),
        (b" " * (most + 1), json_type, 413, "Content-Length"),
        (iter([b"{}"]), json_type, 411, "Content-Length"),
        (b'{"seen": 11, "facts": []}', json_type, 422, "facts"),
        (json.dumps({"seen": end_of(practice, stream), "facts": [FATIGUE] * (FACTS_MAX + 1)}).encode(), json_type, 422, "facts"),
        (b'{"seen": 11, "facts": [NaN]}', json_type, 422, "facts.0"),
    ):
        path, sent = f"/api/v1/charts/{stream}/facts", {**program.headers, **headers}
        answer = program.client.post(path, content=content, headers=sent)
        assert answer.status_code == status, (content if isinstance(content, bytes) else b"")[:40]
        error = answer.json()["error"]
        assert set(error) == {"rule", "field", "asked", "allowed", "advice", "source"}
        assert error["field"] == field
        assert len(answer.content) < 2_000
    assert written(practice) == before


def test_a_method_that_is_not_there(call: Call, practice: Practice) -> None:
    """Is told in the same shape, with those that are."""
    stream, program = admit(practice), call()
    for method in ("PUT", "DELETE", "PATCH"):
        answer = program.client.request(method, f"/api/v1/charts/{stream}", headers=program.headers)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET")
        assert set(answer.json()) == {"error", "request"}


def test_no_call_leads_to_the_host_that_it_names(call: Call) -> None:
    """An address with a stroke too many is not there, and no other one is told."""
    program = call()
    for path in ("worklist/", "charts/", "heads/", ""):
        answer = program.client.get(f"/api/v1/{path}", headers={**program.headers, "Host": "evil.test"}, follow_redirects=False)
        assert answer.status_code == 404
        assert "location" not in answer.headers


def test_what_nobody_expected_says_no_more_than_that(
    call: Call, practice: Practice, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its number is in the log, with what happened; the answer holds nothing of it."""
    stream = admit(practice)

    def fails(*_: object) -> None:
        raise RuntimeError("the secret of the house")

    monkeypatch.setattr("thecal.web.api.refill_due", fails)
    told = call().get(f"charts/{stream}/due", 500)
    assert "secret" not in json.dumps(told)
    assert told["request"] in caplog.text
    assert "the secret of the house" in caplog.text


def test_a_database_that_is_down_is_told(call: Call, practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """With when to try again."""

    program = call()

    def down() -> None:
        raise DatabaseDownError("the database does not answer: at /secret/place")

    monkeypatch.setattr(practice, "reading", down)
    answer = program.client.get("/api/v1/worklist", headers=program.headers)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "secret" not in answer.text


# Slots -----------------------------------------------------------------------------------------------------------------


def test_a_slot_is_found_and_booked(call: Call, practice: Practice) -> None:
    """The chart says so then, and the slot is taken; a second one who wants it is declined by a rule."""
    stream, other = admit(practice), admit(practice, "Bo Example")
    begins = Instant(NOW.s + 20 * DAY_S)
    offer_slots(practice, [(begins, Instant(begins.s + 3600))], "Room 1", "nora", "nils", By("nora"))
    program = call("susan")
    (slot,) = program.get("slots")["slots"]
    assert (slot["begins_utc"], slot["place"], slot["refiller"], slot["stream"]) == (begins.utc_text(), "Room 1", "nora", None)
    end = end_of(practice, stream)
    asked = {"stream": stream, "seen": end, "slot": slot["name"], "visit": "refill"}
    program.post("bookings", {**asked, "stream": "P-NOBODY22"}, 404)
    program.post("bookings", {**asked, "seen": end - 1}, 409)
    made = program.post("bookings", asked)
    assert call().get(f"charts/{stream}?since={end}")["entries"][-1]["entry"]["visit"] == "refill"
    assert call().get(f"charts/{stream}")["version"] == made["version"]
    assert program.get("slots")["slots"][0]["stream"] == stream
    before = written(practice)
    error = program.post("bookings", {**asked, "stream": other}, 409)["error"]
    assert error["rule"]
    assert error["field"] is None
    assert error["allowed"]
    assert written(practice) == before


def test_slots_of_days(call: Call) -> None:
    """Of as many days as can be asked for at once."""
    assert call().get("slots?first=2026-12-01&last=2026-12-31")["slots"] == []
    assert call().get("slots?last=2026-11-01")["slots"] == []
    for field, wrong in (
        ("last", "first=2026-12-02&last=2026-12-01"),
        ("last", "first=2026-01-01&last=2026-12-31"),
        ("last", "last=2300-01-01"),
        ("first", "first=1969-12-30"),
        ("first", "first=9999-12-31"),
        ("first", "first=tomorrow"),
        ("first", "first=0"),
        ("first", "first=2026-02-30"),
    ):
        assert call().get(f"slots?{wrong}", 422)["error"]["field"] == field


# The description -------------------------------------------------------------------------------------------------------


def test_the_description_says_which_right_each_call_needs(call: Call) -> None:
    """And nothing is in it that would be loaded from elsewhere."""
    answer = call("").client.get("/api/openapi.json")
    described = answer.json()
    needs = {
        (method.upper(), path): operation["x-needs"]
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
    }
    assert needs == {
        ("GET", "/v1/worklist"): "worklist",
        ("GET", "/v1/people"): "identify",
        ("GET", "/v1/standings"): "chart",
        ("GET", "/v1/heads"): "audit",
        ("GET", "/v1/charts/{stream}"): "chart",
        ("GET", "/v1/charts/{stream}/findings"): "chart",
        ("GET", "/v1/charts/{stream}/due"): "chart",
        ("POST", "/v1/charts/{stream}/facts"): "record",
        ("GET", "/v1/slots"): "book",
        ("POST", "/v1/bookings"): "book",
    }
    assert set(needs.values()) <= set(GRANTED)
    assert described["servers"] == [{"url": "/api"}]
    for path in ("docs", "redoc"):
        assert call("").client.get(f"/api/{path}").status_code == 404


def test_answers_have_the_headers_of_pages(call: Call) -> None:
    """Nothing of a record is kept by a browser or shown in a frame."""
    program = call()
    for path in ("worklist", "nowhere", "heads"):
        headers = program.client.get(f"/api/v1/{path}", headers=program.headers).headers
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers
