"""Single facts, written down with the checks of chart documents; and entries that were wrong, taken back."""

from collections.abc import Callable

import pytest

from tests.clinic.practice import NOW, admit
from tests.web.visitor import Visitor, hidden
from thecal.chart import clinical
from thecal.chart.facts import Fact, Filled, Noted
from thecal.clinic.entry import Corrected, VisitAbandoned, VisitBegun
from thecal.clinic.history import History
from thecal.clinic.practice import By, Practice
from thecal.clinic.visit import open_visits
from thecal.timeline import Duration, Instant
from thecal.web import record_fact

SignIn = Callable[[str], Visitor]
TAKEN: tuple[tuple[str, dict[str, str], Fact], ...] = (
    (
        "score",
        {"scale": "modified-ashworth", "score": "1+", "rater": "thea"},
        clinical.Scored(NOW, "modified-ashworth", "1+", None, "thea"),
    ),
    ("score", {"scale": "msss-88", "part": "pain", "score": "20"}, clinical.Scored(NOW, "msss-88", "20", "pain")),
    ("symptom", {"symptom": "headache", "grade": "2"}, clinical.SymptomReported(NOW, "headache", 2)),
    ("measure", {"measure": "SpO2", "value": "97 %"}, clinical.Measured(NOW, "SpO2", 97)),
    (
        "started",
        {"medicine": "baclofen", "dose": "30 mg/day", "doses_a_day": "3", "form": "solution", "ml_per_dose": "2.5"},
        clinical.Prescribed(NOW, "baclofen", "oral", 30, 3, form="solution", ml_per_dose=2.5),
    ),
    ("stopped", {"medicine": "diazepam"}, clinical.Discontinued(NOW, "diazepam")),
    ("condition", {"condition": "pregnancy", "present": "no"}, clinical.Noticed(NOW, "pregnancy", present=False)),
    (
        "document",
        {"document": "authorization", "until": "2026-12-24T12:00", "by": "payer"},
        clinical.Documented(NOW, "authorization", Instant(NOW.s + 34 * 86_400 + 3 * 3600), "payer"),
    ),
    ("note", {"text": "Prefers <b>mornings</b>"}, Noted(NOW, "Prefers <b>mornings</b>")),
    ("alarm", {"tone": "two-tone"}, clinical.AlarmHeard(NOW, "two-tone")),
    ("scan", {"tesla": "1.5", "infusion_off": "2 h"}, clinical.Scanned(NOW, 1.5, Duration(7200))),
    ("scan", {}, clinical.Scanned(NOW)),
    ("visited", {"visit": "follow-up", "who": "dora"}, clinical.Visited(NOW, "follow-up", "dora")),
)  # fmt: skip
REFUSED: tuple[tuple[str, dict[str, str], str, str], ...] = (
    ("score", {"scale": "modified-ashworth", "score": "7"}, "score", "0, 1, 1+, 2, 3, 4"),
    ("score", {"scale": "modified-ashworth"}, "score", "is missing"),
    ("score", {"scale": "ashworth", "score": "2"}, "scale", "does not say its variant"),
    ("symptom", {"symptom": "headache", "grade": "4"}, "grade", "at most 3"),
    ("symptom", {"symptom": "headache", "grade": "much"}, "grade", "cannot be read"),
    ("symptom", {"symptom": "headahce", "grade": "1"}, "symptom", "Did you mean 'headache'?"),
    ("measure", {"measure": "SpO2", "value": "97"}, "value", "is not a plain number with its unit"),
    ("measure", {"measure": "SpO2", "value": "170 %"}, "value", "0 to 100 %"),
    ("started", {"medicine": "baclofen", "dose": "30"}, "dose", "such as"),
    ("started", {"medicine": "baclofen", "dose": "30 mg/day", "route": "nasal"}, "route", "is not accepted"),
    ("started", {"medicine": "baclofen", "dose": "30 mg/day", "doses_a_day": "25"}, "doses_a_day", "at most 24"),
    ("condition", {"condition": "pregnancy", "present": "perhaps"}, "present", "cannot be read"),
    ("document", {"document": "authorization", "until": "2026-11-01T12:00"}, "until", "is before the paper was there"),
    ("document", {"document": "authorization", "until": "soon"}, "until", "is not a date and time"),
    ("note", {"text": " "}, "text", "is missing"),
    ("note", {"text": "a\x07b"}, "text", "control character"),
    ("alarm", {"tone": "loud"}, "tone", "is not accepted"),
    ("scan", {"tesla": "20"}, "tesla", "at most 12"),
    ("scan", {"tesla": "nan"}, "tesla", "cannot be read"),
    ("scan", {"tesla": "1.5", "infusion_off": "20"}, "infusion_off", "unit"),
    ("visited", {"visit": "", "who": "dora"}, "visit", "is missing"),
    ("note", {"text": "kept text", "at": "2026-11-20T09:01"}, "at", "is in the future"),
    ("note", {"text": "kept text", "at": "today"}, "at", "is not a date and time"),
    ("alarm", {"tone": "single", "at": "2026-11-01T09:00"}, "at", "the alarm of a pump before an implant"),
    ("poem", {"text": "kept text"}, "kind", "is not one of those"),
)  # fmt: skip


def history(practice: Practice, stream: str) -> History:
    with practice.reading() as reading:
        return reading.history(stream)


def test_each_kind_is_written_as_its_fact(as_: SignIn, practice: Practice) -> None:
    """What is typed becomes the fact that a chart document would hold, and is told back in words."""
    stream = admit(practice)
    nora = as_("nora")
    for kind, typed, fact in TAKEN:
        answer = nora.send(f"/chart/{stream}/record?kind={kind}", dict(typed), to=f"/chart/{stream}/record")
        assert answer.status == 200, (kind, answer.words)
        assert "Written down: " in answer.text
        assert history(practice, stream).rows[-1].entry == fact
    assert {kind for kind, _, _ in TAKEN} == set(record_fact.KINDS)
    assert history(practice, stream).version == 11 + len(TAKEN)


def test_what_cannot_be_is_marked_and_kept(as_: SignIn, practice: Practice) -> None:
    """Each mistake at its field, with what is accepted; the rest of what was typed is still there, and nothing is written."""
    stream = admit(practice)
    nora = as_("nora")
    for kind, typed, field, told in REFUSED:
        answer = nora.send(f"/chart/{stream}/record?kind={kind}", {"kind": kind, **typed}, to=f"/chart/{stream}/record")
        assert answer.status == 422, (kind, typed)
        if field != "kind":
            assert f'id="{field}-error"' in answer.text, (kind, typed, answer.words)
            assert told in answer.words, (kind, typed, answer.words)
        for text in {"thea", "payer", "dora", "kept text"} & set(typed.values()) if kind in record_fact.KINDS else ():
            assert text in answer.text
    assert history(practice, stream).version == 11


def test_every_field_of_every_kind_has_a_label(as_: SignIn, practice: Practice) -> None:
    """Without a script: the kind is chosen first, then its fields are there."""
    stream = admit(practice)
    nora = as_("nora")
    assert "Write it down" not in nora.get(f"/chart/{stream}/record").words
    for kind, known in record_fact.KINDS.items():
        text = nora.get(f"/chart/{stream}/record?kind={kind}").text
        for field in (*(field.name for field in known.fields), "at"):
            assert f'<label for="{field}">' in text
            assert f'id="{field}" name="{field}"' in text


def test_what_was_before_is_written_late(as_: SignIn, practice: Practice) -> None:
    """It stands in the timeline where it happened, with when it was written down."""
    stream = admit(practice)
    data: dict[str, object] = {"symptom": "headache", "grade": "1", "at": "2026-11-18T07:30"}
    nora = as_("nora")
    nora.send(f"/chart/{stream}/record?kind=symptom", data, to=f"/chart/{stream}/record")
    fact = history(practice, stream).last(clinical.SymptomReported)
    assert fact is not None
    assert fact.at == Instant.parse("2026-11-18 07:30", practice.office().zone)
    assert "headache: mild nora later: 2026-11-20 09:00" in nora.get(f"/chart/{stream}").words


def test_two_answers_at_one_time_are_refused(as_: SignIn, practice: Practice) -> None:
    """Which of them counts would depend on the order of writing."""
    stream = admit(practice)
    nora = as_("nora")
    path = f"/chart/{stream}/record?kind=symptom"
    assert nora.send(path, {"symptom": "headache", "grade": "1"}, to=f"/chart/{stream}/record").status == 200
    answer = nora.send(path, {"symptom": "headache", "grade": "3"}, to=f"/chart/{stream}/record")
    assert answer.status == 422
    assert "symptom headache is said twice at one time, and differs" in answer.words


@pytest.mark.requirement("ACC-07")
def test_a_form_that_was_sent_twice_is_done_once(as_: SignIn, practice: Practice) -> None:
    """The second is led to where the first came."""
    stream = admit(practice)
    nora = as_("nora")
    data: dict[str, object] = {"text": "once", "once": "the same"}
    answers = [nora.send(f"/chart/{stream}/record?kind=note", data, to=f"/chart/{stream}/record") for _ in range(2)]
    assert answers[0].url == answers[1].url
    assert history(practice, stream).version == 12


@pytest.mark.requirement("REC-03")
@pytest.mark.parametrize("seen", ["11", "", "none"])
def test_a_chart_that_went_on_is_not_written_over(as_: SignIn, practice: Practice, seen: str) -> None:
    """What was typed is given back."""
    stream = admit(practice)
    practice.write(stream, 11, [Noted(practice.now, "meanwhile")], By("nils"), "wrote a note")
    nora = as_("nora")
    data: dict[str, object] = {"text": "typed with care", "seen": seen}
    answer = nora.send(f"/chart/{stream}/record?kind=note", data, to=f"/chart/{stream}/record")
    assert (answer.status, "typed with care" in answer.text) == (409, True)
    assert nora.send(f"/chart/{stream}/correct/5", {"why": "wrong", "seen": seen}).status == 409
    assert history(practice, stream).version == 12


def test_a_scheduler_writes_no_fact(as_: SignIn, practice: Practice) -> None:
    """Nor does a social worker; a therapist and a pharmacist do, under a pseudonym."""
    stream = admit(practice)
    for name, status in (("susan", 403), ("sol", 403), ("thea", 200), ("paul", 200)):
        visitor = as_(name)
        for path in ("record?kind=note", "correct/5"):
            answer = visitor.get(f"/chart/{stream}/{path}")
            assert answer.status == status
            assert "Ada" not in answer.text
    sent = as_("susan").send("/worklist", {"kind": "note", "text": "x", "seen": "11"}, to=f"/chart/{stream}/record")
    assert (sent.status, history(practice, stream).version) == (403, 11)


# What was wrong --------------------------------------------------------------------------------------------------------


def version_of(practice: Practice, stream: str, kind: type) -> int:
    return next(row.version for row in history(practice, stream).rows if isinstance(row.entry, kind))


@pytest.mark.requirement("REC-10")
def test_what_changes_is_said_before_an_entry_is_taken_back(as_: SignIn, practice: Practice) -> None:
    """The entry in words, by whom; the date to refill by, now and then; and nothing is done yet."""
    stream = admit(practice)
    version = version_of(practice, stream, Filled)
    words = as_("nora").get(f"/chart/{stream}/correct/{version}").words
    assert "fill 20 mL of 500 mcg/mL" in words
    assert "by nora" in words
    assert "refill by 2027-01-24 none" in words
    assert history(practice, stream).version == 11


def test_an_entry_that_is_taken_back_counts_no_longer(as_: SignIn, practice: Practice) -> None:
    """It stays in the timeline, struck through, with why and by whom."""
    stream = admit(practice)
    version = version_of(practice, stream, Filled)
    answer = as_("nils").send(f"/chart/{stream}/correct/{version}", {"why": "of another person"})
    assert history(practice, stream).rows[-1].entry == Corrected(practice.now, version, "of another person")
    assert history(practice, stream).chart.filled is None
    assert "<del>fill 20 mL of 500 mcg/mL</del>" in answer.text
    assert "Taken back 2026-11-20 09:00 by nils: of another person" in answer.words
    with practice.reading() as reading:
        assert reading.standing(stream).refill_by is None


@pytest.mark.requirement("REC-10")
def test_a_correction_says_why(as_: SignIn, practice: Practice) -> None:
    """Without a reason nothing is taken back."""
    stream = admit(practice)
    answer = as_("nora").send(f"/chart/{stream}/correct/5", {"why": "  "})
    assert (answer.status, 'id="why-error"' in answer.text) == (422, True)
    assert history(practice, stream).version == 11


def test_the_end_of_a_visit_is_not_taken_back_while_another_one_is_open(as_: SignIn, practice: Practice) -> None:
    """Two visits would be open at once: the page says why not, and nothing is written; once that one has ended it may be."""
    stream = admit(practice)
    now, seen = practice.now, history(practice, stream).version
    visits = VisitBegun(now, "v1", "titration"), VisitAbandoned(now, "v1", "ill"), VisitBegun(now, "v2", "refill")
    practice.write(stream, seen, visits, By("nora"), "visits")
    nora, page = as_("nora"), f"/chart/{stream}/correct/{seen + 2}"
    shown = nora.get(page)
    assert "It ended a visit, and another one is open. Close the one that is open" in shown.words
    csrf = hidden(nora.get("/worklist").text, "csrf")
    refused = nora.post(page, {"csrf": csrf, "once": "a1", "seen": str(seen + 3), "why": "she came after all"})
    assert refused.status == 422
    assert history(practice, stream).version == seen + 3
    practice.write(stream, seen + 3, [VisitAbandoned(now, "v2", "ill")], By("nora"), "gave it up")
    nora.send(page, {"why": "she came after all"})
    assert [visit.visit for visit in open_visits(history(practice, stream))] == ["v1"]


def test_nothing_is_taken_back_twice(as_: SignIn, practice: Practice) -> None:
    """Nor is a correction itself: what counts after all is written down again."""
    stream = admit(practice)
    nora = as_("nora")
    nora.send(f"/chart/{stream}/correct/5", {"why": "wrong"})
    for version, told in ((5, "It was taken back already."), (12, "A correction is not taken back")):
        page = nora.get(f"/chart/{stream}/correct/{version}")
        assert told in page.words
        assert "Take the entry back" not in page.words
        sent = nora.send("/worklist", {"why": "again", "seen": "12"}, to=f"/chart/{stream}/correct/{version}")
        assert sent.status == 422
    assert history(practice, stream).version == 12


@pytest.mark.parametrize("version", ["0", "12", "-1", "05", "x"])
def test_an_entry_that_there_is_not_is_not_here(as_: SignIn, practice: Practice, version: str) -> None:
    """Neither read nor taken back."""
    stream = admit(practice)
    nora = as_("nora")
    assert nora.get(f"/chart/{stream}/correct/{version}").status == 404
    sent = nora.send("/worklist", {"why": "wrong", "seen": "11"}, to=f"/chart/{stream}/correct/{version}")
    assert sent.status == 404
    assert history(practice, stream).version == 11


def test_every_entry_of_a_course_can_be_looked_at(as_: SignIn, practice: Practice) -> None:
    """Whatever hangs on it: the page says what the chart comes to without it."""
    stream = admit(practice)
    nora = as_("nora")
    assert [nora.get(f"/chart/{stream}/correct/{version}").status for version in range(1, 12)] == [200] * 11
