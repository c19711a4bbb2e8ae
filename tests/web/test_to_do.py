"""The page of what is to be done for a person."""

from collections.abc import Callable

import pytest

from tests.clinic.practice import Clock, admit
from tests.web.visitor import Visitor, hidden, wrong_ids
from thecal.chart.clinical import Noticed
from thecal.clinic.audit import read_audit
from thecal.clinic.entry import Contacted, DeviceRecorded, Entry, Recalled, Resolved, Telephoned
from thecal.clinic.history import History
from thecal.clinic.item import Item
from thecal.clinic.practice import By, Practice
from thecal.clinic.recall_sweep import mark, open_recall
from thecal.clinic.record import read_history, version_of
from thecal.timeline import HOUR_S, Duration, Instant
from thecal.web.place import place_of

SignIn = Callable[[str], Visitor]


def history(practice: Practice, stream: str) -> History:
    with practice.database.reading() as connection:
        return read_history(connection, stream)


def write(practice: Practice, stream: str, *entries: Entry) -> None:
    with practice.database.reading() as connection:
        seen = version_of(connection, stream)
    practice.write(stream, seen, entries, By("nils"), "wrote for a test")


def promised(practice: Practice) -> str:
    """Somebody to whom a call back was promised in an hour."""
    stream = admit(practice)
    call_back = Instant(practice.now.s + HOUR_S)
    write(practice, stream, Telephoned(practice.now, "carer", "a question", "routine", "none of these", "", call_back))
    return stream


def number_of(practice: Practice, stream: str, name: str) -> str:
    """The number that ends the fields of an item's forms."""
    return str([item.name for item in practice.refresh(stream).items].index(name) + 1)


def contact(practice: Practice, stream: str, name: str, **changes: object) -> dict[str, object]:
    n = number_of(practice, stream, name)
    typed = {f"whom-{n}": "carer", f"how-{n}": "telephone", f"reached-{n}": "yes", f"outcome-{n}": "will come"}
    return {"item": name, "n": n, **typed, **{f"{field}-{n}": value for field, value in changes.items()}}


def test_every_item_says_how_it_ends(as_: SignIn, practice: Practice) -> None:
    """What a rule finds ends by what it asks for, with the page where that is done; the rest is resolved here."""
    stream = promised(practice)
    page = as_("nora").get(f"/to-do/{stream}")
    items = practice.refresh(stream).items
    assert all(item.asked in page.words and item.next in page.words for item in items)
    assert page.text.count("Ends when the chart says so.") == len(items) - 1
    assert page.text.count(f'action="/to-do/{stream}/resolve"') == 1
    assert page.text.count(f'action="/to-do/{stream}/contact"') == len(items)
    assert f'href="/book/{stream}"' in page.text
    assert wrong_ids(page.text) == []
    with practice.database.reading() as connection:
        assert next(iter(read_audit(connection, stream=stream, who="nora"))).did == "read what is to be done"


def test_a_contact_is_written_down_once(as_: SignIn, practice: Practice) -> None:
    """With whom, how, what came of it, and when to call again; it stands beside its item."""
    stream = admit(practice)
    nora = as_("nora")
    page = nora.get(f"/to-do/{stream}")
    sent = {name: hidden(page.text, name) for name in ("csrf", "once", "seen")}
    data = {**sent, **contact(practice, stream, "SAF-08", call_back="tomorrow 09:00")}
    for _ in range(2):
        answer = nora.post(f"/to-do/{stream}/contact", data)
    back = Instant(practice.now.s + 24 * HOUR_S)
    expected = Contacted(practice.now, "SAF-08", "carer", "telephone", reached=True, outcome="will come", call_back=back)
    assert history(practice, stream).all(Contacted) == [expected]
    assert "2026-11-20 09:00: carer reached (telephone): will come" in answer.words


@pytest.mark.requirement("WLT-02")
def test_a_call_back_appears_and_ends(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """By the contact that keeps it; another one that promises again puts it back."""
    stream = promised(practice)
    nora = as_("nora")
    assert "a call back was promised on 2026-11-20 09:00" in nora.get(f"/to-do/{stream}").words
    clock.pass_(Duration(600))
    again = contact(practice, stream, "call back", reached="no", outcome="engaged", call_back="in 1 h")
    assert (
        "a call back was promised on 2026-11-20 09:10" in nora.send(f"/to-do/{stream}", again, f"/to-do/{stream}/contact").words
    )
    clock.pass_(Duration(600))
    kept = contact(practice, stream, "call back")
    assert "a call back was promised" not in nora.send(f"/to-do/{stream}", kept, f"/to-do/{stream}/contact").words


@pytest.mark.requirement("WLT-03")
def test_what_no_fact_ends_is_resolved_with_words(as_: SignIn, practice: Practice) -> None:
    """Without them it is not."""
    stream = promised(practice)
    nora = as_("nora")
    n = number_of(practice, stream, "call back")
    empty = nora.send(f"/to-do/{stream}", {"item": "call back", "n": n, f"resolved-{n}": " "}, f"/to-do/{stream}/resolve")
    assert empty.status == 422
    assert f'id="resolved-{n}-error"' in empty.text
    done = nora.send(f"/to-do/{stream}", {"item": "call back", "n": n, f"resolved-{n}": "called"}, f"/to-do/{stream}/resolve")
    assert done.status == 200
    assert history(practice, stream).all(Resolved) == [Resolved(practice.now, "call back", "called")]
    assert "call back" not in {item.name for item in practice.refresh(stream).items}


@pytest.mark.requirement("WLT-01")
def test_what_a_rule_finds_is_not_resolved_by_hand(as_: SignIn, practice: Practice) -> None:
    """It says by what it ends."""
    stream = admit(practice)
    n = number_of(practice, stream, "SAF-08")
    data: dict[str, object] = {"item": "SAF-08", "n": n, f"resolved-{n}": "never mind"}
    refused = as_("nora").send(f"/to-do/{stream}", data, f"/to-do/{stream}/resolve")
    assert refused.status == 422
    assert "is found by SAF-08 and ends when the chart says so: Book the refill" in refused.words
    assert history(practice, stream).all(Resolved) == []


def test_resolving_a_field_action_takes_its_mark_off(as_: SignIn, practice: Practice) -> None:
    """The warning before programming ends with it (SAF-07)."""
    stream = admit(practice)
    write(practice, stream, DeviceRecorded(practice.now, "synchromed-ii-40", "S-1"))
    open_recall(practice, Recalled(practice.now, "FA-1", "synchromed-ii-40", (), (), "the battery", "the maker"), By("nora"))
    mark(practice, "FA-1", By("nora"))
    n = number_of(practice, stream, "recall/FA-1")
    data: dict[str, object] = {"item": "recall/FA-1", "n": n, f"resolved-{n}": "told, checked"}
    assert as_("nora").send(f"/to-do/{stream}", data, f"/to-do/{stream}/resolve").status == 200
    assert history(practice, stream).last(Noticed) == Noticed(practice.now, "recall open", present=False)
    assert not {"recall/FA-1", "SAF-07"} & {item.name for item in practice.refresh(stream).items}


@pytest.mark.parametrize(
    "change", [{"whom": "the king"}, {"how": ""}, {"reached": "perhaps"}, {"outcome": " "}, {"call_back": "at"}]
)
def test_what_is_not_right_comes_back_with_its_field_marked(as_: SignIn, practice: Practice, change: dict[str, object]) -> None:
    """In the form of its item, which is open then; nothing is written."""
    stream = admit(practice)
    data = contact(practice, stream, "SAF-08", **change)
    answer = as_("nora").send(f"/to-do/{stream}", data, f"/to-do/{stream}/contact")
    assert answer.status == 422
    field = "call_back_at" if "call_back" in change else next(iter(change))
    assert f'id="{field}-{data["n"]}-error"' in answer.text
    assert answer.text.count("<details open>") == 1
    assert history(practice, stream).all(Contacted) == []


def test_an_item_that_has_ended_is_not_written_to(as_: SignIn, practice: Practice) -> None:
    """Nor one that never was; an older version writes nothing either."""
    stream = promised(practice)
    nora = as_("nora")
    gone: dict[str, object] = {"item": "no such thing", "n": "1"}
    assert nora.send(f"/to-do/{stream}", gone, f"/to-do/{stream}/contact").status == 404
    page = nora.get(f"/to-do/{stream}")
    write(practice, stream, Noticed(practice.now, "pregnancy"))
    data = {**{name: hidden(page.text, name) for name in ("csrf", "once", "seen")}, **contact(practice, stream, "call back")}
    assert nora.post(f"/to-do/{stream}/contact", data).status == 409
    assert history(practice, stream).all(Contacted) == []


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("pre-visit call/1795161600", "/pre-visit/P-X?visit=1795161600"),
        ("call back", "/call/P-X"),
        ("WDL-01", "/call/P-X"),
        ("WDL-02", "/chart/P-X/record"),
        ("visit/v1", "/visit/P-X/v1"),
        ("VIS-07", "/visit/P-X"),
        ("VIS-01", "/book/P-X?visit=post-op"),
        ("SAF-08/2", "/book/P-X"),
        ("REF-13", "/visit/P-X"),
        ("REF-11", "/chart/P-X/record"),
        ("REF-06", "/book/P-X?visit=travel"),
        ("EOS-03", "/book/P-X?visit=replacement"),
        ("recall/FA-1", "/recalls"),
        ("line", "/person/P-X#line"),
        ("INT-10", "/chart/P-X/record"),
        ("CAN-06", "/candidacy/P-X"),
        ("SCR-13", "/screening/P-X"),
    ],
)
def test_each_item_leads_to_where_it_is_done(name: str, address: str) -> None:
    """By its rule; of the record's own items by their names."""
    item = Item(name, "rule", name.partition("/")[0], 2, None, "", "", "", "", "D")
    assert place_of(item, "P-X").address == address


def test_who_reads_no_chart_is_shown_dates_and_calls(as_: SignIn, practice: Practice) -> None:
    """And writes nothing about what is not shown."""
    stream = admit(practice)
    write(practice, stream, Noticed(practice.now, "overdose suspected"))
    nora, susan = as_("nora"), as_("susan")
    assert "suspected" in nora.get(f"/to-do/{stream}").words
    assert "suspected" not in susan.get(f"/to-do/{stream}").words
    sent = susan.send(f"/to-do/{stream}", contact(practice, stream, "OVD-01"), f"/to-do/{stream}/contact")
    assert sent.status == 404


def test_who_may_call_may_write_contacts_and_no_one_else(as_: SignIn, practice: Practice) -> None:
    """A scheduler is not led to pages that are not theirs; a pharmacist has no telephone."""
    stream = admit(practice)
    susan = as_("susan")
    page = susan.get(f"/to-do/{stream}")
    assert f'href="/chart/{stream}' not in page.text
    assert "Done by somebody else who may: visit." in page.words
    assert susan.send(f"/to-do/{stream}", contact(practice, stream, "SAF-08"), f"/to-do/{stream}/contact").status == 200
    assert as_("paul").get(f"/to-do/{stream}").status == 403
    assert susan.get("/to-do/P-NOBODY22").status == 404
