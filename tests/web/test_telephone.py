"""The page of a call: what is at hand, what the call comes to, and what is written down of it."""

import re
from collections.abc import Callable

import pytest

from tests.clinic.practice import Clock, admit
from tests.web.visitor import Visitor, hidden
from thecal.chart.clinical import AlarmHeard, Booked, SymptomReported
from thecal.chart.facts import Filled
from thecal.clinic.audit import read_audit
from thecal.clinic.entry import Contacted, Entry, Telephoned
from thecal.clinic.history import History
from thecal.clinic.practice import By, Practice
from thecal.clinic.record import read_history, version_of
from thecal.quantity import Concentration, Volume
from thecal.timeline import DAY_S, HOUR_S, Duration, Instant

SignIn = Callable[[str], Visitor]
ASKED: dict[str, object] = {"caller": "carer", "reason": "a question"}


def history(practice: Practice, stream: str) -> History:
    with practice.database.reading() as connection:
        return read_history(connection, stream)


def write(practice: Practice, stream: str, *entries: Entry) -> None:
    with practice.database.reading() as connection:
        seen = version_of(connection, stream)
    practice.write(stream, seen, entries, By("nils"), "wrote for a test")


def test_everything_is_at_hand_while_somebody_talks(as_: SignIn, practice: Practice) -> None:
    """Whom to call, what was done to the pump and when, by when to refill, what is open, what was said before."""
    stream = admit(practice)
    write(practice, stream, Telephoned(practice.now, "carer", "asked for a date", "routine", "none of these", "wait"))
    told = as_("nora").get(f"/call/{stream}").words
    assert "Call: Ada Example" in told
    assert "555-0110" in told
    assert "Bo Example 555-0111" in told
    assert "Refill 2026-11-13 09:00, 7 days ago" in told
    assert "Change of the program 2026-11-13 09:00" in told
    assert "Refill by" in told
    assert "no refill is booked" in told
    assert "carer called. asked for a date (routine). Advice: wait (nils)" in told
    with practice.database.reading() as connection:
        assert next(iter(read_audit(connection, stream=stream, who="nora"))).did == "took up the telephone"


def test_an_emergency_six_hours_after_a_refill_is_told_as_one(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """In words, with what is done at once and where it stands; it is not written down before somebody has seen that."""
    stream = admit(practice)
    clock.pass_(Duration(20 * DAY_S))
    filled = Filled(Instant(clock.now.s - 6 * HOUR_S), Volume.parse("18 mL"), Concentration.parse("2,000 mcg/mL"))
    write(practice, stream, filled)
    version = history(practice, stream).version
    nora = as_("nora")
    told: dict[str, object] = {"caller": "carer", "reason": "hard to wake", "grade-drowsiness": "2", "advice": "sleep"}
    shown = nora.send(f"/call/{stream}", told)
    assert shown.status == 422
    assert "EMERGENCY: act now" in shown.words
    assert "Suspected: overdose" in shown.words
    assert "by day 555-0101, by night 555-0102" in shown.words
    assert f'href="/emergency/{stream}"' in shown.text
    assert "Features of an overdose: drowsiness, 6 h after refill" in shown.words
    assert history(practice, stream).version == version
    again = {name: hidden(shown.text, name) for name in ("csrf", "once", "seen", "shown", "proposed")}
    assert "EMERGENCY" in nora.post(f"/call/{stream}", {**told, **again}).text
    call = history(practice, stream).last(Telephoned)
    assert call is not None
    assert (call.tier, call.suspicion, call.advice) == ("emergency", "overdose", "sleep")


def test_the_triage_is_shown_without_being_written(as_: SignIn, practice: Practice) -> None:
    """What is typed is kept; what is done first is proposed as the advice, and an advice that was typed is left as it is."""
    stream = admit(practice)
    before = history(practice, stream)
    nora = as_("nora")
    told: dict[str, object] = {**ASKED, "grade-fever": "2"}
    page = nora.send(f"/call/{stream}", told, f"/call/{stream}/triage")
    assert page.status == 200
    assert "a clinician who knows the therapy sees this person today" in page.words
    assert "Early signs of withdrawal: fever." in page.words
    assert re.search(r'name="grade-fever" value="2"[^>]*checked', page.text)
    assert 'value="a question"' in page.text
    assert "1. Call a physician who knows intrathecal baclofen" in page.text.partition("<textarea")[2]
    own = nora.post(f"/call/{stream}/triage", {**told, "advice": "come in", "proposed": hidden(page.text, "proposed")})
    assert ">come in</textarea>" in own.text
    first = hidden(page.text, "proposed").replace("\n", "\r\n")  # as a browser sends it
    worse = nora.post(f"/call/{stream}/triage", {**told, "grade-coma": "3", "advice": first, "proposed": first})
    assert "EMERGENCY" in worse.words
    assert '<a href="#triage" class="comes-emergency">EMERGENCY: act now</a>' in worse.text  # it is seen from every symptom
    assert "Examine the tone now" in worse.text.partition("<textarea")[2]
    assert history(practice, stream) == before


def test_the_live_triage_does_not_use_the_form_up(as_: SignIn, practice: Practice) -> None:
    """What is looked up while somebody types carries every field but the number that a form is sent with once."""
    page = as_("nora").get(f"/call/{admit(practice)}").text
    assert 'hx-include="#told"' in page
    assert 'name="once"' not in page.partition('<div id="told">')[2].partition("<button>Write")[0]


def test_a_call_writes_its_symptoms_its_alarm_and_itself(as_: SignIn, practice: Practice) -> None:
    """In one batch, with a call back, sent twice and done once."""
    stream = admit(practice)
    nora = as_("nora")
    version = history(practice, stream).version
    page = nora.get(f"/call/{stream}")
    data: dict[str, object] = {
        **{name: hidden(page.text, name) for name in ("csrf", "once", "seen")},
        "caller": "patient",
        "reason": "it beeps",
        "grade-fever": "1",
        "grade-nausea": "0",
        "began": "2026-11-20T06:00",
        "tone": "single",
        "heard": "2026-11-20T07:30",
        "advice": "come in today",
        "call_back": "in 1 h",
    }
    for _ in range(2):
        answer = nora.post(f"/call/{stream}", data)
        assert answer.url.endswith(f"/call/{stream}")
    now = practice.now
    rows = history(practice, stream).rows[version:]
    assert [row.entry for row in rows] == [
        SymptomReported(Instant(now.s - 3 * HOUR_S), "fever", 1),
        SymptomReported(now, "fever", 1),
        SymptomReported(now, "nausea", 0),
        AlarmHeard(Instant(now.s - HOUR_S - HOUR_S // 2), "single"),
        Telephoned(now, "patient", "it beeps", "same day", "withdrawal", "come in today", Instant(now.s + HOUR_S)),
    ]
    assert {row.who for row in rows} == {"nora"}
    assert "call back was promised" in nora.get(f"/call/{stream}").words


def test_a_visit_of_the_same_day_is_booked_and_led_to(as_: SignIn, practice: Practice) -> None:
    """At a time of today, or at once; a time that is past or tomorrow is refused."""
    stream = admit(practice)
    nora = as_("nora")
    for wrong in ("2026-11-20T08:00", "2026-11-21T09:00", ""):
        page = nora.send(f"/call/{stream}", {**ASKED, "today": "book", "visit_at": wrong})
        assert page.status == 422
        assert 'id="visit_at-error"' in page.text
    booked = nora.send(f"/call/{stream}", {**ASKED, "today": "book", "visit_at": "2026-11-20T11:00"})
    assert booked.url.endswith(f"/book/{stream}?visit=unscheduled")
    now = nora.send(f"/call/{stream}", {**ASKED, "today": "now"})
    assert now.url.endswith(f"/visit/{stream}")
    kept = history(practice, stream).all(Booked)
    assert [entry.on for entry in kept] == [Instant(practice.now.s + 2 * HOUR_S), practice.now]
    assert {entry.visit for entry in kept} == {"unscheduled"}


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"caller": ""}, "caller"),
        ({"caller": "the king"}, "caller"),
        ({"reason": " "}, "reason"),
        ({"called": "2026-11-20T09:01"}, "called"),
        ({"called": "soon"}, "called"),
        ({"grade-fever": "1", "advice": "x", "began": "2026-11-20T10:00"}, "began"),
        ({"began": "2026-11-20T08:00"}, "began"),
        ({"heard": "2026-11-20T08:00"}, "tone"),
        ({"call_back": "at", "call_back_at": "2026-11-20T08:00"}, "call_back_at"),
        ({"call_back": "at"}, "call_back_at"),
        ({"call_back": "never"}, "call_back"),
        ({"grade-fever": "1"}, "advice"),
        ({"today": "tomorrow"}, "today"),
    ],
)
def test_what_is_not_right_comes_back_with_its_field_marked(
    as_: SignIn, practice: Practice, typed: dict[str, object], field: str
) -> None:
    """Nothing is written, and what was typed is still there."""
    stream = admit(practice)
    version = history(practice, stream).version
    answer = as_("nora").send(f"/call/{stream}", {**ASKED, "reason": "typed with care", **typed})
    assert answer.status == 422
    assert f'id="{field}-error"' in answer.text
    assert "typed with care" in answer.text or field == "reason"
    assert history(practice, stream).version == version


def test_a_grade_that_is_none_is_marked(as_: SignIn, practice: Practice) -> None:
    """Beside its symptom."""
    stream = admit(practice)
    answer = as_("nora").send(f"/call/{stream}", {**ASKED, "grade-fever": "4"})
    assert answer.status == 422
    assert "Accepted: 0, 1, 2, 3." in answer.words


def test_a_call_that_is_late_by_a_version_is_not_typed_twice(as_: SignIn, practice: Practice) -> None:
    """Nothing is written; the form stands there with what was typed, beside what is new, and can be sent."""
    stream = admit(practice)
    nora = as_("nora")
    page = nora.get(f"/call/{stream}")
    other = Contacted(practice.now, "SAF-08", "patient", "telephone", reached=False, outcome="no answer")
    write(practice, stream, other)
    data = {name: hidden(page.text, name) for name in ("csrf", "once", "seen")}
    late = nora.post(f"/call/{stream}", {**data, **ASKED})
    assert late.status == 409
    assert "nils has written here since you opened it" in late.words
    assert "no answer" in late.words
    assert history(practice, stream).last(Telephoned) is None
    fresh = {name: hidden(late.text, name) for name in ("csrf", "once", "seen")}
    assert nora.post(f"/call/{stream}", {**fresh, **ASKED}).status == 200
    assert history(practice, stream).last(Telephoned) is not None


def test_a_scheduler_takes_a_call_and_reads_no_history(as_: SignIn, practice: Practice) -> None:
    """Dates, phones and what is done first; no dose, no reasons, no words of earlier calls. What is told is written down."""
    stream = admit(practice)
    write(practice, stream, Telephoned(practice.now, "carer", "drowsy again", "routine", "none of these", "less at night"))
    susan = as_("susan")
    page = susan.send(f"/call/{stream}", {**ASKED, "grade-rebound_rigidity": "3"}, f"/call/{stream}/triage")
    assert "EMERGENCY: act now" in page.words
    assert "Restore intrathecal baclofen at or near the dose before as soon as possible." in page.words
    assert 'href="/emergency"' in page.text
    assert "Refill 2026-11-13 09:00" in page.words
    assert "555-0110" in page.words
    main = page.words
    for hidden_word in ("mcg", "drowsy again", "less at night", "Change of the program", "Severe signs of withdrawal: reb"):
        assert hidden_word not in main
    sent = {name: hidden(page.text, name) for name in ("csrf", "once", "seen", "shown")}
    told = {**ASKED, "grade-rebound_rigidity": "3", "advice": "handed over", "today": "book", "visit_at": "2026-11-20T10:00"}
    assert susan.post(f"/call/{stream}", {**sent, **told}).url.endswith(f"/book/{stream}?visit=unscheduled")
    assert history(practice, stream).all(SymptomReported) == [SymptomReported(practice.now, "rebound rigidity", 3)]


def test_who_may_not_book_is_not_offered_a_visit(as_: SignIn, practice: Practice) -> None:
    """And cannot send one either: a social worker takes calls, and books nothing."""
    stream = admit(practice)
    sol = as_("sol")
    assert "A visit today" not in sol.get(f"/call/{stream}").words
    assert sol.send(f"/call/{stream}", {**ASKED, "today": "now"}).status == 422
    assert history(practice, stream).all(Booked) == []


@pytest.mark.parametrize("name", ["thea", "paul"])
def test_who_may_not_take_calls_sees_none(as_: SignIn, practice: Practice, name: str) -> None:
    """Therapist and pharmacist have the chart, and not the telephone."""
    stream = admit(practice)
    who = as_(name)
    assert who.get(f"/call/{stream}").status == 403
    assert who.post(f"/call/{stream}/triage", {}).status == 403


@pytest.mark.parametrize("stream", ["P-NOBODY22", "staff", "clinic"])
def test_there_is_no_call_about_nobody(as_: SignIn, practice: Practice, stream: str) -> None:
    """Neither about a pseudonym that nobody has, nor about a stream that is no chart."""
    assert practice
    assert as_("nora").get(f"/call/{stream}").status == 404
