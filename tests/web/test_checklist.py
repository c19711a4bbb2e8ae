"""Checklists answered at their page: what of the worklist ends by it, and what is written down."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from tests.clinic.practice import Clock, admit
from tests.web.visitor import Visitor
from thecal.chart.clinical import Answered, Booked, Documented, Noticed, Referred, Visited
from thecal.chart.facts import Fact, Filled, PumpReplaced
from thecal.chart.vocabulary import words
from thecal.clinic.audit import read_audit
from thecal.clinic.history import History
from thecal.clinic.item import Item
from thecal.clinic.people import add_person
from thecal.clinic.person import Person
from thecal.clinic.practice import By, Practice
from thecal.clinic.record import version_of
from thecal.quantity import Concentration, Volume
from thecal.therapy.clinic import Clinic
from thecal.timeline import DAY_S, Duration, Instant
from thecal.web.place import field_of, place_of

SignIn = Callable[[str], Visitor]
PLAN = "emergency plan"


def history(practice: Practice, stream: str) -> History:
    with practice.reading() as reading:
        return reading.history(stream)


def write(practice: Practice, stream: str, *facts: Fact) -> None:
    with practice.database.reading() as connection:
        seen = version_of(connection, stream)
    practice.write(stream, seen, facts, By("nils"), "wrote for a test")


def later(now: Instant, days: float) -> Instant:
    return Instant(now.s + round(days * DAY_S))


def candidate(practice: Practice) -> str:
    with practice.database.writing() as connection:
        stream = add_person(connection, Person("Cora Example"))
        practice.write_with(connection, stream, 0, [Referred(practice.now)], By("nora"), "wrote down a referral")
    return stream


@dataclass(frozen=True)
class Stuck:
    """An item that only a checklist ends: its rule, the list, the answer, and what brings it about (after ``now``)."""

    rule: str
    checklist: str
    answer: str
    facts: Callable[[Instant], tuple[Fact, ...]]
    model: str = "synchromed-ii-40"

    def person(self, practice: Practice) -> str:
        stream = admit(practice, model=self.model) if self.model else candidate(practice)
        write(practice, stream, *self.facts(practice.now))
        return stream


STUCK = (
    Stuck("EMG-01", PLAN, "yes", lambda now: (Documented(now, PLAN),)),
    Stuck("INT-10", "advice", "yes", lambda now: (Visited(now, "titration"),)),
    Stuck("MRI-01", "before MRI", "yes", lambda now: (Booked(now, "MRI", later(now, 5)),)),
    Stuck("MRI-04", "before MRI", "yes", lambda now: (Booked(now, "MRI", later(now, 5)),), "prometra-ii-40"),
    Stuck("VIS-06", "home refill", "yes", lambda now: (Booked(now, "home refill", later(now, 5)),)),
    Stuck("RPC-14", "home refill", "yes", lambda now: (Booked(now, "home refill", later(now, 0.1)),)),
    Stuck("RPC-12", "refill", "yes", lambda now: (Filled(later(now, -0.1), Volume.parse("20 mL"), Concentration(500)),)),
    Stuck("VIS-01", "post-op", "no", lambda now: (Visited(now, "post-op"),)),
    Stuck("EOS-04", "after replacement", "yes", lambda now: (PumpReplaced(now, "synchromed-iii-40", Volume(300_000)),)),
    Stuck("IMP-01", "consent", "yes", lambda now: (Booked(now, "implant", later(now, 5)),), ""),
    Stuck("IMP-02", "day of implant", "yes", lambda now: (Booked(now, "implant", later(now, 0.1)),), ""),
    Stuck("IMP-03", "day of implant", "yes", lambda now: (Booked(now, "implant", later(now, 0.1)),), ""),
    Stuck("TRB-12", "troubleshooting", "no", lambda now: (Noticed(later(now, -1), "withdrawal suspected"),)),
    Stuck("WDL-06", "withdrawal tests", "yes", lambda now: (Noticed(now, "withdrawal suspected"),)),
    Stuck("WDL-10", "withdrawal device work-up", "yes", lambda now: (Noticed(now, "withdrawal suspected"),)),
)


def items(practice: Practice, stream: str, rule: str) -> list[Item]:
    """The items of a rule that a checklist ends."""
    return [item for item in practice.refresh(stream).items if item.rule == rule and item.checklist]


@pytest.mark.requirement("CHL-01")
@pytest.mark.parametrize("stuck", STUCK, ids=lambda stuck: stuck.rule)
def test_an_item_is_ended_by_the_page_that_it_leads_to(as_: SignIn, practice: Practice, stuck: Stuck) -> None:
    """The links of the worklist, the chart and the to-do point to the list and to an item of it; once answered, it is gone."""
    practice.settings = Clinic(switches={"RPC-12": True})
    stream, nora = stuck.person(practice), as_("nora")
    found = items(practice, stream, stuck.rule)
    assert {item.checklist for item in found} == {stuck.checklist}
    address, _, field = place_of(found[0], stream).address.partition("#")
    for leading in (f"/chart/{stream}", f"/to-do/{stream}"):
        assert f'href="{address}#{field}"' in nora.get(leading).text
    page = nora.get(address)
    assert f'<fieldset class="field" id="{field}"' in page.text
    assert re.search(f"asked for now by ([A-Z0-9-]+, )*{stuck.rule}", page.words)
    answer = nora.send(
        address, {field_of(stuck.checklist, item): stuck.answer for item in words("checklists")[stuck.checklist].items}
    )
    assert answer.status == 200, answer.words
    assert items(practice, stream, stuck.rule) == []


def test_the_worklist_leads_to_the_item_of_the_list(as_: SignIn, practice: Practice) -> None:
    """For who may write into the chart."""
    stream = STUCK[2].person(practice)
    practice.refresh(stream)
    address = f"/checklist/{stream}/before-mri#before-mri-conditional-status-known"
    assert f'href="{address}"' in as_("nora").get("/worklist").text
    assert address not in as_("susan").get("/worklist").text


@pytest.mark.requirement("CHL-02")
def test_every_answer_is_written_with_who_and_when(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """What was not answered is not written, and stands as never answered; the reading and the writing are audited."""
    stream, nora = admit(practice), as_("nora")
    path = f"/checklist/{stream}/advice"
    assert nora.get(path).words.count("never answered") == 5
    answer = nora.send(path, {"advice-driving": "yes", "advice-alcohol": "no", "advice-alarms": "left"})
    assert "2 answers were written down." in answer.text
    assert history(practice, stream).all(Answered) == [
        Answered(practice.now, "advice", "driving", yes=True), Answered(practice.now, "advice", "alcohol", yes=False),
    ]  # fmt: skip
    page = nora.get(path).words
    assert "answered yes on 2026-11-20 09:00, written down by nora" in page
    assert "answered no on 2026-11-20 09:00, written down by nora" in page
    with practice.database.reading() as connection:
        told = [(line.did, line.detail) for line in read_audit(connection, stream=stream, who="nora")]
    assert ("answered a checklist", "advice") in told
    assert ("looked at a checklist", "advice") in told
    clock.pass_(Duration(DAY_S))
    nora.sign_in()
    again = nora.get(path)
    assert again.text.count('value="left" checked') == 5
    nora.send(path, {"advice-driving": "yes"})
    assert history(practice, stream).all(Answered)[-1] == Answered(practice.now, "advice", "driving", yes=True)


def test_an_answer_can_be_of_an_earlier_time(as_: SignIn, practice: Practice) -> None:
    """Of one to come it cannot, nor against another one of the same time; then nothing is written, and what was chosen stays."""
    stream, nora = admit(practice), as_("nora")
    path = f"/checklist/{stream}/restart"
    nora.send(path, {"restart-monitored-setting": "yes", "at": "2026-11-20T08:30"})
    assert [answer.at.local_text(practice.office().zone) for answer in history(practice, stream).all(Answered)] == [
        "2026-11-20 08:30"
    ]
    for at in ("2026-11-20T09:30", "2026-11-20T08:30"):
        refused = nora.send(path, {"restart-monitored-setting": "no", "at": at})
        assert refused.status == 422
        assert 'id="at-error"' in refused.text
        assert 'name="restart-monitored-setting" value="no" checked' in refused.text
    assert len(history(practice, stream).all(Answered)) == 1
    assert "Nothing was answered; nothing was written." in nora.send(path, {"restart-monitored-setting": "left"}).text


@pytest.mark.parametrize(
    "typed", [{"restart-nonsense": "yes"}, {"restart-monitored-setting": "perhaps"}, {"advice-driving": "yes"}]
)
def test_what_is_no_item_or_no_answer_is_refused(as_: SignIn, practice: Practice, typed: dict[str, object]) -> None:
    """With what the list holds; nothing of the form is written."""
    stream = admit(practice)
    refused = as_("nora").send(f"/checklist/{stream}/restart", {**typed, "restart-physician-order": "yes"})
    assert refused.status == 422
    assert "is no item of the checklist" in refused.words or "is not one of those" in refused.words
    assert history(practice, stream).all(Answered) == []


def test_every_list_has_a_page_and_no_other_has(as_: SignIn, practice: Practice) -> None:
    """All of them are named on one page, those that something asks for first."""
    stream, nora = admit(practice), as_("nora")
    write(practice, stream, Booked(practice.now, "MRI", later(practice.now, 5)))
    page = nora.get(f"/checklist/{stream}")
    assert page.words.index("Before MRI") < page.words.index("Impact")
    for name in words("checklists"):
        address = f"/checklist/{stream}/{field_of(name)}"
        assert f'href="{address}"' in page.text
        shown = nora.get(address)
        assert shown.status == 200
        assert all(f"{item[:1].upper()}{item[1:]}" in shown.words for item in words("checklists")[name].items)
    assert nora.get(f"/checklist/{stream}/nonsense").status == 404
    assert nora.get("/checklist/P-NOBODY22").status == 404
    assert nora.get("/checklist/P-NOBODY22/advice").status == 404


def test_who_may_not_write_into_a_chart_answers_no_list(as_: SignIn, practice: Practice) -> None:
    """A therapist may; a scheduler may not even look."""
    stream = admit(practice)
    susan = as_("susan")
    assert susan.get(f"/checklist/{stream}").status == 403
    assert susan.get(f"/checklist/{stream}/advice").status == 403
    assert as_("thea").send(f"/checklist/{stream}/advice", {"advice-driving": "yes"}).status == 200


def test_two_people_do_not_answer_over_each_other(as_: SignIn, practice: Practice) -> None:
    """Who was second is told, and may send it again."""
    stream, nora = admit(practice), as_("nora")
    path = f"/checklist/{stream}/advice"
    version = str(history(practice, stream).version)
    write(practice, stream, Noticed(practice.now, "pregnancy"))
    assert nora.send(path, {"advice-driving": "yes", "seen": version}).status == 409
    assert history(practice, stream).all(Answered) == []
