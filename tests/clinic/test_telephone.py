"""The telephone: what a call comes to, what it writes down, and what the answers before a visit mean."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from tests.clinic.practice import NOW, Clock, admit
from thecal.chart.clinical import AlarmHeard, Booked, Documented, Noticed, Scanned, SymptomReported
from thecal.chart.facts import Filled
from thecal.chart.vocabulary import words
from thecal.clinic import telephone
from thecal.clinic.entry import Contacted, Entry, PreVisitAsked, Telephoned
from thecal.clinic.practice import By, Practice
from thecal.clinic.telephone import (
    Answer,
    AtHand,
    Call,
    actions_without_chart,
    asked_before,
    at_hand,
    call_backs,
    entries_of,
    found_by,
    last_asked,
    questions,
    supposed,
    symptom_sections,
    triage_of,
)
from thecal.datum import DataError
from thecal.quantity import Concentration, Volume
from thecal.therapy.appointment import in_time
from thecal.therapy.due import refill_due
from thecal.therapy.triage import Triage
from thecal.timeline import DAY_S, HOUR_S, Duration, Instant

BERLIN = ZoneInfo("Europe/Berlin")


def hand_of(practice: Practice, stream: str) -> AtHand:
    with practice.reading() as reading:
        hand = at_hand(reading, stream)
    assert hand is not None
    return hand


def write(practice: Practice, stream: str, *entries: Entry) -> None:
    practice.write(stream, hand_of(practice, stream).history.version, entries, By("nora"), "wrote something down")


def comes_to(practice: Practice, stream: str, call: Call) -> Triage:
    hand = hand_of(practice, stream)
    with practice.reading() as reading:
        look = reading.look(supposed(hand.history, call.facts, call.at))
    return triage_of(call, look)


def test_every_symptom_is_asked_for_once() -> None:
    """Under the gravest thing that it may be a sign of, and none is left out."""
    asked = [word.name for section in symptom_sections() for word in section.symptoms]
    assert sorted(asked) == sorted(words("symptoms"))
    titles = {word.name: section.title for section in symptom_sections() for word in section.symptoms}
    assert titles["seizure"] == "Severe signs of withdrawal"
    assert titles["flaccid tone"] == "Signs of an overdose"
    assert titles["itching without rash"] == "Early signs of withdrawal"


def test_drowsiness_six_hours_after_a_refill_is_an_emergency(small: Practice, clock: Clock) -> None:
    """The refill is on the chart; the same symptom at a pump that nobody has touched for days is seen the same day."""
    stream = admit(small)
    clock.pass_(Duration(20 * DAY_S))
    call = Call(clock.now, "carer", "hard to wake", {"drowsiness": 2})
    assert comes_to(small, stream, call).tier == "same day"
    filled = Filled(Instant(clock.now.s - 6 * HOUR_S), Volume.parse("18 mL"), Concentration.parse("2,000 mcg/mL"))
    write(small, stream, filled)
    answer = comes_to(small, stream, call)
    assert (answer.tier, answer.suspicion) == ("emergency", "overdose")


def test_a_two_tone_alarm_that_is_told_is_an_emergency(small: Practice) -> None:
    """The triage knows what the call itself adds to the chart."""
    stream = admit(small)
    heard = Instant(NOW.s - 3 * HOUR_S)
    assert comes_to(small, stream, Call(NOW, "patient", "a siren", {}, None, "two-tone", heard)).tier == "emergency"
    assert comes_to(small, stream, Call(NOW, "patient", "a question", {})).tier == "routine"


def test_a_symptom_stands_at_its_beginning_and_at_the_call() -> None:
    """Told four days later it still counts as there, and one that is gone stands at the call alone."""
    began = Instant(NOW.s - 4 * DAY_S)
    call = Call(NOW, "patient", "", {"fever": 2, "nausea": 0}, began, "single")
    fever = [SymptomReported(began, "fever", 2), SymptomReported(NOW, "fever", 2)]
    assert list(call.facts) == [*fever, SymptomReported(NOW, "nausea", 0), AlarmHeard(NOW, "single")]


def test_a_call_is_written_down_in_one_batch(small: Practice) -> None:
    """Symptoms, the call with its triage, and the visit that was promised."""
    stream = admit(small)
    call = Call(NOW, "carer", "stiff", {"return of spasticity": 1})
    answer = comes_to(small, stream, call)
    visit = Instant(NOW.s + HOUR_S)
    entries = entries_of(call, answer, "come in today", visit, visit)
    told = Telephoned(NOW, "carer", "stiff", "same day", "withdrawal", "come in today", visit)
    assert entries == (SymptomReported(NOW, "return of spasticity", 1), told, Booked(NOW, "unscheduled", visit))


def test_a_call_back_is_an_item_until_somebody_calls(small: Practice, clock: Clock) -> None:
    """It turns red when its time has come, and ends with the next contact."""
    stream = admit(small)
    call = Call(NOW, "carer", "a question", {})
    write(small, stream, *entries_of(call, comes_to(small, stream, call), "", Instant(NOW.s + HOUR_S)))

    def tiers() -> list[int]:
        return [item.tier for item in hand_of(small, stream).standing.items if item.name == "call back"]

    assert tiers() == [2]
    clock.pass_(Duration(HOUR_S))
    assert tiers() == [1]
    write(small, stream, Contacted(clock.now, "call back", "carer", "telephone", reached=False, outcome="no answer"))
    assert tiers() == [1]  # nobody was reached: the promise stands
    write(small, stream, Contacted(clock.now, "call back", "carer", "telephone", reached=True, outcome="answered"))
    assert tiers() == []


def test_advice_without_the_chart_names_no_dose(small: Practice) -> None:
    """Who may not read the chart is told what is done first, in the same order, and no dose of this person."""
    stream = admit(small)
    hand = hand_of(small, stream)
    call = Call(NOW, "carer", "", {"rebound rigidity": 3})
    with small.reading() as reading:
        look = reading.look(supposed(hand.history, call.facts, NOW))
    answer = triage_of(call, look)
    assert any("mcg" in said.text for said in answer.first_actions)
    told = actions_without_chart(answer, look)
    assert [said.rule for said in told] == [said.rule for said in answer.first_actions]
    assert not any("mcg" in said.text for said in told)


def test_the_afternoon_is_offered_until_it_has_come() -> None:
    """And the next morning is the clock's, also over a change of the clocks."""
    assert list(call_backs(NOW, BERLIN)) == ["in 1 h", "this afternoon", "tomorrow 09:00"]
    assert call_backs(NOW, BERLIN)["this afternoon"].local_text(BERLIN) == "2026-11-20 15:00"
    late = Instant.parse("2026-10-24 15:00", BERLIN)
    assert list(call_backs(late, BERLIN)) == ["in 1 h", "tomorrow 09:00"]
    assert call_backs(late, BERLIN)["tomorrow 09:00"].local_text(BERLIN) == "2026-10-25 09:00"


def test_what_is_at_hand_says_when_something_was_last_done(small: Practice) -> None:
    """Refill, session, scan, each from the chart; nothing of a stream that is no chart."""
    stream = admit(small)
    scanned = Instant(NOW.s - DAY_S)
    write(small, stream, Scanned(scanned, 1.5))
    since = dict(hand_of(small, stream).since)
    assert since["MRI"] == scanned
    assert since["Refill"] == since["Change of the program"] == Instant(NOW.s - 7 * DAY_S)
    assert since["Session with the pump"] == NOW
    with small.reading() as reading:
        assert at_hand(reading, "P-NOBODY22") is None
        assert at_hand(reading, "staff") is None


def test_the_last_contacts_stand_first(small: Practice, clock: Clock) -> None:
    """Calls and attempts, with who wrote them down."""
    stream = admit(small)
    write(small, stream, Telephoned(NOW, "carer", "a question", "routine", "none of these", "rest"))
    clock.pass_(Duration(60))
    write(small, stream, Contacted(clock.now, "SAF-08", "patient", "telephone", reached=False, outcome="no answer"))
    first, second = hand_of(small, stream).spoken()
    assert (first.what, first.told) == ("patient not reached (telephone)", "SAF-08: no answer")
    assert (second.what, second.told, second.who) == ("carer called", "a question (routine). Advice: rest", "nora")
    assert len(hand_of(small, stream).spoken(1)) == 1


def answers(**yes: Answer) -> list[Answer]:
    return [yes.get(name, Answer(name, yes=False)) for name in questions()]


def test_a_yes_writes_the_fact_that_rules_know(small: Practice) -> None:
    """A condition, a booking, a scan, a drug; and a question in words writes only its answer."""
    look = hand_of(small, admit(small)).look
    day = NOW.date(BERLIN)
    later = day.replace(day=day.day + 5)
    given = answers(
        skin=Answer("skin", yes=True),
        mri_planned=Answer("mri_planned", yes=True, day=later),
        journey=Answer("journey", yes=True),
        drug=Answer("drug", yes=True, day=later),
        weight=Answer("weight", yes=True, told="10 kg less"),
    )
    asked, *facts = asked_before(Instant(NOW.s + DAY_S), given, look)
    assert isinstance(asked, PreVisitAsked)
    assert len(asked.answers) == len(questions())
    assert facts == [
        Noticed(NOW, "pocket erythema"),
        Booked(NOW, "MRI", Instant.parse(f"{later} 12:00", BERLIN)),
        Noticed(NOW, "travel planned"),
        Documented(NOW, "refill drug", Instant.parse(f"{later} 23:59:59", BERLIN)),
    ]


def test_a_scan_counts_from_the_end_of_its_day(small: Practice) -> None:
    """What was read on that day may have been read before it; without the field it is a scan all the same."""
    look = hand_of(small, admit(small)).look
    yesterday = Instant(NOW.s - DAY_S).date(BERLIN)
    at = Instant.parse(f"{yesterday} 23:59:59", BERLIN)
    scan = Answer("mri_done", yes=True, day=yesterday)
    assert asked_before(NOW, [scan], look)[1:] == (Scanned(at),)
    assert asked_before(NOW, [replace(scan, tesla=1.5)], look)[1:] == (Scanned(at, 1.5),)
    assert asked_before(NOW, [replace(scan, day=NOW.date(BERLIN))], look)[1:] == (Scanned(NOW),)


def test_a_no_ends_only_what_the_telephone_can_end(small: Practice) -> None:
    """Transport may be arranged by now; redness over the pump stays until somebody has looked."""
    stream = admit(small)
    write(small, stream, Noticed(NOW, "transport risk"), Noticed(NOW, "pocket erythema"))
    look = hand_of(small, stream).look
    assert asked_before(NOW, answers(), look)[1:] == (Noticed(NOW, "transport risk", present=False),)
    again = [Answer("skin", yes=True), Answer("transport", yes=True)]
    assert asked_before(NOW, again, look)[1:] == ()


def test_what_the_answers_mean_is_what_rules_find_by_them(small: Practice, clock: Clock) -> None:
    """Nothing that they found before, and nothing that was written down later."""
    stream = admit(small)
    visit_on = Instant(NOW.s + DAY_S)
    write(small, stream, *asked_before(visit_on, answers(skin=Answer("skin", yes=True)), hand_of(small, stream).look))
    clock.pass_(Duration(60))
    write(small, stream, Noticed(clock.now, "recall open"))
    hand = hand_of(small, stream)
    last = last_asked(hand.history, visit_on)
    assert last is not None
    with small.reading() as reading:
        assert [finding.rule for finding in found_by(reading, hand.history, last[0])] == ["INF-02"]
    assert last_asked(hand.history, NOW) is None


def test_a_way_that_may_fail_moves_the_day_to_refill_by(small: Practice) -> None:
    """After a yes to transport it is earlier, and a date that was in time before is so no longer (REF-06)."""
    stream = admit(small)
    before = refill_due(hand_of(small, stream).look)
    assert before is not None
    write(small, stream, *asked_before(NOW, [Answer("transport", yes=True)], hand_of(small, stream).look))
    look = hand_of(small, stream).look
    after = refill_due(look)
    assert after is not None
    assert not in_time(look, before.refill_by, after)


@pytest.mark.parametrize(
    ("table", "wrong"),
    [
        ({"ask": "?", "means": "", "writes": "condition", "word": "bad mood"}, "bad mood"),
        ({"ask": "?", "means": "", "writes": "letter"}, "letter"),
        ({"ask": "?", "means": "", "writes": "booking", "word": "MRI", "undated": "soon"}, "soon"),
    ],
)
def test_a_question_with_an_unknown_word_is_a_defect(monkeypatch: pytest.MonkeyPatch, table: dict[str, str], wrong: str) -> None:
    """It is found when the questions are read, not when somebody answers."""
    monkeypatch.setattr(telephone, "read_data", lambda *_: {"odd": table})
    with pytest.raises(DataError, match=wrong):
        questions.__wrapped__()
