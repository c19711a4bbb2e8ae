"""The pages of field actions."""

from collections.abc import Callable

import pytest

from tests.clinic.practice import admit
from tests.web.visitor import Visitor, hidden
from thecal.chart.clinical import Noticed
from thecal.clinic import recall_sweep
from thecal.clinic.audit import read_audit
from thecal.clinic.entry import Contacted, DeviceRecorded, Entry
from thecal.clinic.practice import By, Practice
from thecal.clinic.record import read_history, version_of

SignIn = Callable[[str], Visitor]
MODEL = "synchromed-ii-40"
NOTICE: dict[str, object] = {"id": "FA-1", "model": MODEL, "what": "the battery may end early", "source": "the maker, 2026-11"}


def write(practice: Practice, stream: str, *entries: Entry) -> None:
    with practice.database.reading() as connection:
        seen = version_of(connection, stream)
    practice.write(stream, seen, entries, By("nils"), "wrote for a test")


def with_pump(practice: Practice, serial: str, name: str) -> str:
    stream = admit(practice, name, number=serial)
    write(practice, stream, DeviceRecorded(practice.now, MODEL, serial, "L-1"))
    return stream


def marks(practice: Practice, stream: str) -> list[bool]:
    with practice.database.reading() as connection:
        return [noticed.present for noticed in read_history(connection, stream).all(Noticed)]


def test_a_field_action_says_whom_it_concerns_and_who_was_told(as_: SignIn, practice: Practice) -> None:
    """Written down, marked, with the last contact of each, and sent twice it is done once."""
    ada, bea, cleo = (with_pump(practice, f"S-{n}", name) for n, name in enumerate(("Ada Example", "Bea Example", "Cleo Other")))
    nora = as_("nora")
    page = nora.get("/recalls")
    assert "None is on record." in page.words
    sent = {name: hidden(page.text, name) for name in ("csrf", "once")}
    for _ in range(2):
        answer = nora.post("/recalls", {**sent, **NOTICE, "serials": "S-0\r\ns1\r\nS-99"})
    assert answer.url.endswith("/recalls/FA-1")
    assert "S-0, S-1, S-99" in answer.words
    assert "2 concerned, 0 not known, 2 not done" in answer.words
    assert "Cleo Other" not in answer.words
    assert (marks(practice, ada), marks(practice, bea), marks(practice, cleo)) == ([True], [True], [])
    write(practice, ada, Contacted(practice.now, "recall/FA-1", "patient", "telephone", reached=True, outcome="knows"))
    told = nora.get("/recalls/FA-1").words
    assert "patient reached (telephone): knows 1 contact" in told
    assert "nobody has tried to reach them" in told
    assert "the battery may end early open, Fri 2026-11-20 2" in nora.get("/recalls").words
    with practice.database.reading() as connection:
        assert "read whom a field action concerns" in [line.did for line in read_audit(connection, who="nora")]


def test_closing_it_ends_it_for_everybody(as_: SignIn, practice: Practice) -> None:
    """The page says before what it will do; afterwards there is nothing left to close."""
    stream = with_pump(practice, "S-1", "Ada Example")
    nora = as_("nora")
    page = nora.send("/recalls", {**NOTICE, "all": "yes"})
    assert "Closing ends the item of everybody of whom it is not done (1)" in page.words
    closed = nora.send("/recalls/FA-1", {}, "/recalls/FA-1/close")
    assert "Every chart that it concerns is up to it." in closed.text
    assert "Close the field action" not in closed.words
    assert marks(practice, stream) == [True, False]
    assert "It was closed already." in nora.send("/recalls", {}, "/recalls/FA-1/close").text


def test_an_interrupted_sweep_is_told_and_goes_on(as_: SignIn, practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a button on the page."""
    streams = [with_pump(practice, f"S-{n}", f"Ada {n}") for n in range(2)]
    monkeypatch.setattr(recall_sweep, "_AT_ONCE", 1)
    nora = as_("nora")
    page = nora.send("/recalls", {**NOTICE, "all": "yes"})
    assert "1 chart is not marked as it should be." in page.words
    done = nora.send("/recalls/FA-1", {}, "/recalls/FA-1/mark")
    assert "not marked" not in done.words
    assert [marks(practice, stream) for stream in streams] == [[True], [True]]


def test_somebody_whose_number_is_not_on_record_is_told(as_: SignIn, practice: Practice) -> None:
    """Nobody knows whether it concerns them, and that is what the page says."""
    admit(practice)
    told = as_("nora").send("/recalls", {**NOTICE, "lots": "L-9"}).words
    assert "0 concerned, 1 not known" in told
    assert "not known : look up serial number and lot of the pump in place" in told


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"id": "FA 1", "all": "yes"}, "id"),
        ({"id": "", "all": "yes"}, "id"),
        ({"model": "no-pump", "all": "yes"}, "model"),
        ({"what": "", "all": "yes"}, "what"),
        ({"source": "", "all": "yes"}, "source"),
        ({}, "all"),
        ({"serials": "S-1", "all": "yes"}, "all"),
    ],
)
def test_what_is_not_right_comes_back_with_its_field_marked(
    as_: SignIn, practice: Practice, typed: dict[str, object], field: str
) -> None:
    """An empty list of numbers is not taken for all pumps; nothing is written."""
    answer = as_("nora").send("/recalls", {**NOTICE, "lots": "", **typed})
    assert answer.status == 422
    assert f'id="{field}-error"' in answer.text
    if field != "source":
        assert "the maker, 2026-11" in answer.text
    with practice.reading() as reading:
        assert reading.recalls() == ()


def test_only_who_may_sweep_sees_field_actions(as_: SignIn, practice: Practice) -> None:
    """A nurse who is no administrator may not; an id that nobody has written down is nowhere."""
    assert practice
    for name in ("nils", "dora", "susan"):
        assert as_(name).get("/recalls").status == 403
    nora = as_("nora")
    assert nora.get("/recalls/FA-9").status == 404
    for what in ("mark", "close"):
        assert nora.send("/recalls", {}, f"/recalls/FA-9/{what}").status == 404
