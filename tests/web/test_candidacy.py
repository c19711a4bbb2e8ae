"""Candidacy and the screening test: the pages of the way to a pump."""

import re
from collections.abc import Callable
from datetime import date
from zoneinfo import ZoneInfo

from tests.clinic.practice import Clock, admit
from tests.web.visitor import Answer, Visitor, hidden
from thecal.chart.clinical import Answered, Described, Measured, Noticed, Referred, Scored, SymptomReported
from thecal.chart.facts import Assessed, Noted, TestBolusGiven
from thecal.chart.vocabulary import words
from thecal.clinic.entry import Corrected
from thecal.clinic.history import History
from thecal.clinic.people import add_person
from thecal.clinic.person import Person
from thecal.clinic.practice import By, Practice
from thecal.clinic.record import read_history
from thecal.therapy.candidacy import candidacy
from thecal.therapy.check import check
from thecal.timeline import HOUR_S, Duration
from thecal.web.place import field_of

SignIn = Callable[[str], Visitor]
WHO = {"cause": "multiple sclerosis", "origin": "spinal", "severe": "yes"}
READY = {
    "test-site-resuscitation-equipment": "yes", "test-site-trained-staff": "yes", "platelets": "220000", "inr": "1.0",
}  # fmt: skip
BEFORE = {f"before-test-{name}": "yes" for name in (
    "physician-assessment", "pt-or-ot-assessment", "goals-set", "education", "withdrawal-signs-taught", "commitment-to-refills",
)}  # fmt: skip


def newcomer(practice: Practice, name: str = "Cy Candidate", born: date | None = None) -> str:
    """Somebody who was referred, and of whom nothing else is known."""
    with practice.database.writing() as connection:
        stream = add_person(connection, Person(name, born))
        practice.write_with(connection, stream, 0, [Referred(practice.now)], By("dora"), "wrote down a referral")
    return stream


def history(practice: Practice, stream: str) -> History:
    with practice.database.reading() as connection:
        return read_history(connection, stream)


def send(visitor: Visitor, path: str, data: dict[str, str], to: str = "") -> Answer:
    return visitor.send(path, dict(data), to=to or None)


def ready(visitor: Visitor, stream: str) -> None:
    """Assessed, and everything at hand for a bolus."""
    assert send(visitor, f"/candidacy/{stream}", WHO | BEFORE).status == 200
    assert send(visitor, f"/screening/{stream}", READY, f"/screening/{stream}/before").status == 200


def bolus(visitor: Visitor, stream: str, dose: str = "50 mcg", **more: str) -> Answer:
    page = visitor.get(f"/screening/{stream}")
    found = re.search(r'id="bolus_at"[^>]*value="([^"]+)"', page.text)
    assert found
    data = {"bolus_at": found.group(1), "dose": dose, "strength": "50 mcg/mL", **more}
    return send(visitor, f"/screening/{stream}", data, f"/screening/{stream}/bolus")


def observe(visitor: Visitor, stream: str, at: str, **data: str) -> Answer:
    return send(visitor, f"/screening/{stream}", {"seen_at": at, **data}, f"/screening/{stream}/observation")


# Candidacy -------------------------------------------------------------------------------------------------------------


def test_the_page_says_what_the_rules_miss(as_: SignIn, practice: Practice) -> None:
    """Of somebody who was referred: everything that check finds, with its rule."""
    stream = newcomer(practice)
    answer = as_("dora").get(f"/candidacy/{stream}")
    assert "Where it stands: not decided yet" in answer.words
    with practice.reading() as reading:
        found = check(reading.look(reading.history(stream)), "candidacy")
    assert {"CAN-01", "CAN-02", "CAN-12"} <= {finding.rule for finding in found}
    for finding in found:
        assert finding.asked in answer.words
        assert finding.rule in answer.words


def test_answers_are_written_as_facts_and_the_findings_follow(as_: SignIn, practice: Practice) -> None:
    """Whoever answers all that the rules ask for makes a candidate of a chart."""
    stream = newcomer(practice)
    data = WHO | BEFORE | {
        "impact-mobility": "yes", "oral-trial-inadequate-response": "yes", "distribution-both-legs": "yes",
        "physical-management-physical-therapy": "yes", "goal": "transfers", "goal_score": "-1",
        "condition-baclofen-hypersensitivity": "absent",
    }  # fmt: skip
    answer = send(as_("dora"), f"/candidacy/{stream}", data)
    assert "Where it stands: candidate" in answer.words
    kept = history(practice, stream)
    assert kept.all(Described)[-1].severe is True
    assert Answered(practice.now, "impact", "mobility", yes=True) in kept.all(Answered)
    assert kept.all(Noticed) == [Noticed(practice.now, "baclofen hypersensitivity", present=False)]
    assert kept.all(Scored) == [Scored(practice.now, "goal-attainment", "-1", "transfers")]
    with practice.reading() as reading:
        assert candidacy(reading.look(kept)).standing == "candidate"


def test_a_rule_of_age_is_told_the_day_of_birth_from_beside_the_record(as_: SignIn, practice: Practice) -> None:
    """It is on no page of those who may not know who it is; without it no rule of age can speak."""
    stream, other = newcomer(practice, born=date(2023, 2, 3)), newcomer(practice, "Di Candidate")
    dora = as_("dora")
    send(dora, f"/candidacy/{stream}", WHO)
    page = dora.get(f"/candidacy/{stream}")
    assert "3 years old: the day of birth is written down with the identifiers" in page.words
    assert "2023" not in page.shown
    assert "The day of birth is not known, so no rule of age can speak" in dora.get(f"/candidacy/{other}").words
    with practice.reading() as reading:
        found, unknown = (check(reading.look(reading.history(one)), "candidacy") for one in (stream, other))
    assert "CAN-14" in {finding.rule for finding in found}
    assert "CAN-14" not in {finding.rule for finding in unknown}
    assert [fact.born for fact in history(practice, stream).all(Described)] == [None]


def test_what_was_not_touched_is_not_written_again(as_: SignIn, practice: Practice) -> None:
    """The same form again writes nothing; one other answer writes one entry."""
    stream = newcomer(practice)
    dora = as_("dora")
    send(dora, f"/candidacy/{stream}", WHO | {"impact-comfort": "yes"})
    version = history(practice, stream).version
    answer = send(dora, f"/candidacy/{stream}", WHO | {"impact-comfort": "yes"})
    assert "nothing was written" in answer.text
    assert history(practice, stream).version == version
    send(dora, f"/candidacy/{stream}", WHO | {"impact-comfort": "no"})
    assert history(practice, stream).version == version + 1
    assert history(practice, stream).all(Answered)[-1].yes is False


def test_an_exclusion_stands_against_it_at_once(as_: SignIn, practice: Practice) -> None:
    """Hypersensitivity is a contraindication (CAN-08)."""
    stream = newcomer(practice)
    answer = send(as_("dora"), f"/candidacy/{stream}", {"condition-baclofen-hypersensitivity": "present"})
    assert "Where it stands: not a candidate" in answer.words
    assert "an allergy to baclofen, which is more than a side effect" in answer.words


def test_bad_input_comes_back_marked_and_writes_nothing(as_: SignIn, practice: Practice) -> None:
    """A cause without an origin, an injury to come or before the birth, no answer, an effect without its grade, a deep well."""
    stream = newcomer(practice, born=date(1975, 5, 1))
    dora = as_("dora")
    version = history(practice, stream).version
    for data, field in (
        ({"cause": "stroke"}, "origin"),
        ({"cause": "strokes", "origin": "cerebral"}, "cause"),
        (WHO | {"injured": "2027-01-01"}, "injured"),
        (WHO | {"injured": "1975-04-30"}, "injured"),
        ({"impact-comfort": "perhaps"}, "impact-comfort"),
        ({"effect": "dizziness"}, "effect_grade"),
        ({"goal": "walk", "goal_score": "7"}, "goal_score"),
        ({"implant-depth": "300"}, "implant-depth"),
    ):
        answer = send(dora, f"/candidacy/{stream}", {"impact-mobility": "yes", **data})
        assert answer.status == 422, field
        assert f'id="{field}-error"' in answer.text
        assert re.search(r'id="impact-mobility".*?value="yes" selected', answer.text, re.DOTALL)
    assert history(practice, stream).version == version


def test_a_stale_form_writes_nothing_and_keeps_what_was_typed(as_: SignIn, practice: Practice) -> None:
    """Somebody else has answered since."""
    stream = newcomer(practice)
    dora = as_("dora")
    page = dora.get(f"/candidacy/{stream}").text
    secrets: dict[str, object] = {name: hidden(page, name) for name in ("csrf", "once", "seen")}
    send(as_("thea"), f"/candidacy/{stream}", {"impact-comfort": "yes"})
    answer = dora.post(f"/candidacy/{stream}", {**secrets, "goal": "walk to the bus", "goal_score": "0"})
    assert answer.status == 409
    assert "walk to the bus" in answer.text
    assert history(practice, stream).all(Scored) == []


def test_a_form_sent_twice_is_written_once(as_: SignIn, practice: Practice) -> None:
    """An effect by mouth is not reported twice."""
    stream = newcomer(practice)
    dora = as_("dora")
    page = dora.get(f"/candidacy/{stream}").text
    data: dict[str, object] = {name: hidden(page, name) for name in ("csrf", "once", "seen")}
    for _ in range(2):
        dora.post(f"/candidacy/{stream}", {**data, "effect": "dizziness", "effect_grade": "2"})
    assert history(practice, stream).all(SymptomReported) == [SymptomReported(practice.now, "dizziness", 2)]


def test_who_may(as_: SignIn, practice: Practice) -> None:
    """A therapist records, by the pseudonym; who only books does not, and gives no bolus. An unknown chart is not here."""
    stream = newcomer(practice)
    told = as_("thea").get(f"/candidacy/{stream}").words
    assert stream in told
    assert "Cy Candidate" not in told
    for name, path in (("susan", "candidacy"), ("susan", "screening"), ("thea", "screening"), ("paul", "screening")):
        assert as_(name).get(f"/{path}/{stream}").status == 403
    for path in ("candidacy", "screening"):
        assert as_("dora").get(f"/{path}/P-NOBODY22").status == 404


def test_of_somebody_with_a_pump_it_says_that_it_is_over(as_: SignIn, practice: Practice) -> None:
    """The rules of candidacy ask for nothing, and no bolus can be written."""
    stream = admit(practice)
    dora = as_("dora")
    assert "A pump was implanted" in dora.get(f"/candidacy/{stream}").words
    page = dora.get(f"/screening/{stream}")
    assert "No screening test is asked for any more" in page.words
    assert "/bolus" not in page.text


# The screening test ----------------------------------------------------------------------------------------------------


def test_before_a_bolus_the_gates_are_told(as_: SignIn, practice: Practice) -> None:
    """And the plan of the protocol's first dose with its volume."""
    stream = newcomer(practice)
    dora = as_("dora")
    told = dora.get(f"/screening/{stream}").words
    assert "Bolus of 50 mcg (1 mL of 50 mcg/mL)" in told
    assert "a screening test without resuscitation equipment and trained staff on record" in told
    ready(dora, stream)
    told = dora.get(f"/screening/{stream}").words
    assert "without resuscitation equipment" not in told
    assert "no platelets on record" not in told
    assert "No rule of the screening test asks for anything now" in told
    assert history(practice, stream).all(Measured) == [
        Measured(practice.now, "platelets", 220000.0), Measured(practice.now, "INR", 1.0),
    ]  # fmt: skip


def test_who_relies_on_spasticity_begins_with_the_small_one(as_: SignIn, practice: Practice) -> None:
    """25 mcg by SCR-03."""
    stream = newcomer(practice)
    dora = as_("dora")
    send(dora, f"/candidacy/{stream}", {"condition-relies-on-spasticity": "present"})
    assert "Bolus of 25 mcg (0.5 mL of 50 mcg/mL)" in dora.get(f"/screening/{stream}").words


def test_a_bolus_begins_the_observation(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """With the times of the rules, and what is due by now."""
    stream = newcomer(practice)
    dora = as_("dora")
    ready(dora, stream)
    assert bolus(dora, stream).status == 200
    given = history(practice, stream).all(TestBolusGiven)
    assert [(one.at, str(one.dose), str(one.concentration), one.effect_lasted) for one in given] == [
        (practice.now, "50 mcg", "50 mcg/mL", None)
    ]
    clock.pass_(Duration(70 * 60))
    nils = as_("nils")
    told = nils.get(f"/screening/{stream}").words
    assert "Since then 70 min" in told
    assert "due now: due since 10 min" in told
    assert "in 50 min" in told
    assert "cannot be closed yet" in told
    assert 'class="said' not in nils.get(f"/screening/{stream}").text


def test_a_bolus_against_the_rules_needs_a_reason(as_: SignIn, practice: Practice) -> None:
    """It is refused with the rule; what was given all the same is written down with why."""
    stream = newcomer(practice)
    dora = as_("dora")
    ready(dora, stream)
    answer = bolus(dora, stream, "150 mcg")
    assert answer.status == 422
    assert "SCR-05" in answer.words
    assert 'value="150 mcg"' in answer.text
    assert bolus(dora, stream, "150 mcg", bolus_all_the_same="yes").status == 422
    assert history(practice, stream).all(TestBolusGiven) == []
    assert bolus(dora, stream, "150 mcg", bolus_all_the_same="yes", bolus_why="wrong syringe taken").status == 200
    kept = history(practice, stream)
    assert [str(one.dose) for one in kept.all(TestBolusGiven)] == ["150 mcg"]
    assert "SCR-05" in kept.all(Noted)[0].text
    assert "wrong syringe taken" in kept.all(Noted)[0].text


def test_a_bolus_without_the_gates_needs_a_reason_too(as_: SignIn, practice: Practice) -> None:
    """Nobody has said that resuscitation is at hand (SCR-11)."""
    stream = newcomer(practice)
    answer = bolus(as_("dora"), stream)
    assert answer.status == 422
    assert "SCR-11" in answer.words
    assert history(practice, stream).all(TestBolusGiven) == []


def test_a_dose_without_a_unit_and_a_time_to_come_are_marked(as_: SignIn, practice: Practice) -> None:
    """And nothing is written."""
    stream = newcomer(practice)
    dora = as_("dora")
    ready(dora, stream)
    for field, data in (
        ("dose", {"dose": "50"}),
        ("bolus_at", {"bolus_at": "2026-11-20T09:01"}),
        ("strength", {"strength": "2"}),
    ):
        answer = bolus(dora, stream, **data)
        assert answer.status == 422
        assert f'id="{field}-error"' in answer.text
    assert history(practice, stream).all(TestBolusGiven) == []


def test_an_observation_is_one_instant_of_facts(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """Scores as an assessment, vital signs as measures, signs with their grade; the row is done then."""
    stream = newcomer(practice)
    dora = as_("dora")
    ready(dora, stream)
    bolus(dora, stream)
    begun = practice.now
    clock.pass_(Duration(65 * 60))
    answer = observe(
        as_("nils"),
        stream,
        "2026-11-20T10:00",
        legs="2.5",
        penn="1",
        spo2="96",
        **{"respiratory-rate": "14", "sign-hypotension": "0"},
    )
    assert answer.status == 200
    kept, at = history(practice, stream), begun + Duration(HOUR_S)
    assert kept.all(Assessed) == [Assessed(at, 2.5, None, 1.0)]
    assert [(fact.measure, fact.value) for fact in kept.all(Measured) if fact.at == at] == [
        ("SpO2", 96.0),
        ("respiratory rate", 14.0),
    ]
    assert kept.all(SymptomReported) == [SymptomReported(at, "hypotension", 0)]
    assert "scores: tone and spasms done 2026-11-20 10:00" in answer.words


def test_a_stop_sign_ends_the_test_at_once(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """The page says so first, and leads to the emergency page."""
    stream = newcomer(practice)
    dora = as_("dora")
    ready(dora, stream)
    bolus(dora, stream)
    clock.pass_(Duration(30 * 60))
    dora.sign_in()
    answer = observe(dora, stream, "2026-11-20T09:30", **{"sign-respiratory-depression": "2"})
    assert "Stop the test, secure breathing and circulation" in answer.words
    assert 'href="/emergency"' in answer.text
    assert answer.words.index("Stop the test") < answer.words.index(
        "What is due" if "What is due" in answer.words else "Observation"
    )


def test_an_observation_of_nothing_or_out_of_bounds_is_marked(as_: SignIn, practice: Practice) -> None:
    """Ashworth is 1 to 5 here, a saturation at most 100 %."""
    stream = newcomer(practice)
    dora = as_("dora")
    ready(dora, stream)
    bolus(dora, stream)
    version = history(practice, stream).version
    for field, data in (("legs", {}), ("legs", {"legs": "6"}), ("penn", {"penn": "-1"}), ("spo2", {"spo2": "101"})):
        answer = observe(dora, stream, "2026-11-20T09:00", **data)
        assert answer.status == 422
        assert f'id="{field}-error"' in answer.text
    assert history(practice, stream).version == version


def test_the_whole_test_comes_to_its_next_step(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """Observed by the rules, said to be positive, with its duration: the implanter is told next; the bolus stands once."""
    stream = newcomer(practice)
    dora = as_("dora")
    ready(dora, stream)
    observe(dora, stream, "2026-11-20T08:50", legs="4", penn="3")
    bolus(dora, stream)
    for hour, legs in ((1, "3"), (1, "2"), (2, "2")):
        clock.pass_(Duration(hour * HOUR_S))
        dora.sign_in()
        at = practice.now.local(ZoneInfo("Europe/Berlin")).strftime("%Y-%m-%dT%H:%M")
        observe(dora, stream, at, legs=legs, penn="1", spo2="97")
    result = send(
        dora,
        f"/screening/{stream}",
        {"test-result-significant-fall-in-tone": "yes", "lasted": "3 h"},
        f"/screening/{stream}/result",
    )
    assert result.status == 200
    assert "For the clinicians positive" in result.words
    assert "the test was positive: tell the implanter" in result.words
    assert "has been observed as the rules ask (SCR-06)" in result.words
    kept = history(practice, stream)
    assert [one.effect_lasted for one in kept.all(TestBolusGiven)] == [Duration(3 * HOUR_S)]
    assert len(kept.all(Corrected)) == 1
    assert len(kept.chart.facts) == len([row for row in kept.standing if not isinstance(row.entry, Corrected)])


def test_no_answer_leads_to_the_next_dose_a_day_later(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """75 mcg at least 24 h after, before that refused (SCR-04); what was said of the first says nothing of the second."""
    stream = newcomer(practice)
    dora = as_("dora")
    ready(dora, stream)
    bolus(dora, stream)
    clock.pass_(Duration(5 * HOUR_S))
    dora.sign_in()
    no = {"test-result-significant-fall-in-tone": "no", "lasted": ""}
    told = send(dora, f"/screening/{stream}", no, f"/screening/{stream}/result").words
    assert "Bolus of 75 mcg (1.5 mL of 50 mcg/mL), not before 2026-11-21 09:00" in told
    assert "SCR-04" in bolus(dora, stream, "75 mcg").words
    clock.pass_(Duration(20 * HOUR_S))
    dora.sign_in()
    assert bolus(dora, stream, "75 mcg").status == 200
    page = dora.get(f"/screening/{stream}")
    assert "what the last bolus did is not decided" in page.words
    assert not re.search(r'id="test-result-significant-fall-in-tone".{0,200}selected', page.text, re.DOTALL)


def test_a_duration_longer_than_the_time_since_is_marked(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """An effect cannot have lasted into the future."""
    stream = newcomer(practice)
    dora = as_("dora")
    ready(dora, stream)
    bolus(dora, stream)
    clock.pass_(Duration(2 * HOUR_S))
    dora.sign_in()
    answer = send(dora, f"/screening/{stream}", {"lasted": "3 h"}, f"/screening/{stream}/result")
    assert answer.status == 422
    assert 'id="lasted-error"' in answer.text
    assert history(practice, stream).all(Corrected) == []


def test_every_field_has_a_name_that_a_page_can_point_to() -> None:
    """No two items, conditions or signs share one, and none has a space."""
    names = [field_of(checklist, item) for checklist in words("checklists") for item in words("checklists")[checklist].items]
    names += [field_of("condition", name) for name in words("conditions")]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in names)
