"""The outage list and the audit as pages."""

from collections.abc import Callable

import pytest

from tests.clinic.practice import NOW, Clock, admit
from tests.web.visitor import Visitor, hidden
from thecal.clinic.audit import read_audit
from thecal.clinic.entry import Ended, Ending
from thecal.clinic.practice import By, Practice
from thecal.timeline import DAY_S, Duration, Instant
from thecal.web.nightly import outage_rows_of, write_outage_list

SignIn = Callable[[str], Visitor]


def test_every_pump_stands_on_the_outage_list(as_: SignIn, practice: Practice) -> None:
    """With name, phone and when to refill; as a page, a table and a PDF, each of them audited."""
    stream = admit(practice)
    nils = as_("nils")
    page = nils.get("/outage")
    for text in ("Ada Example", stream, "555-0110", "It is not written yet."):
        assert text in page.words
    table = nils.get("/outage.csv")
    assert "Ada Example" in table.text
    assert 'filename="outage-2026-11-20.csv"' in table.headers["content-disposition"]
    assert nils.client.get("/outage.pdf").content.startswith(b"%PDF-")
    with practice.database.reading() as connection:
        did = {line.did for line in read_audit(connection, who="nils")}
    assert {"read the outage list", "downloaded the outage list", "printed the outage list"} <= did


def test_who_may_not_identify_sees_pseudonyms(as_: SignIn, practice: Practice) -> None:
    """A pharmacist prints, and is told no name and no telephone number; who may not print is told so."""
    stream = admit(practice)
    paul = as_("paul")
    for path in ("/outage", "/outage.csv"):
        text = paul.get(path).text
        assert stream in text
        assert "Ada Example" not in text
        assert "555-01" not in text.partition("<main")[2].partition("</main>")[0] + (text if path.endswith("csv") else "")
    assert as_("susan").get("/outage").status == 403


def test_the_list_of_the_night_is_written_anew(as_: SignIn, practice: Practice) -> None:
    """The page says in which folder it lies; a second click writes it once more, and that is all."""
    admit(practice)
    nils = as_("nils")
    answer = nils.send("/outage", {})
    assert "It was written, and lies on the server in" in answer.words
    folder = practice.folder / "outage"
    assert sorted(path.name for path in folder.iterdir()) == ["2026-11-20.csv", "2026-11-20.html"]
    assert "Ada Example" in (folder / "2026-11-20.html").read_text(encoding="utf-8")
    assert str(folder) in answer.words


def test_a_list_with_its_names_is_removed_when_it_is_a_week_old(practice: Practice, clock: Clock) -> None:
    """Until then the paper of another day may be all that there is."""
    admit(practice)
    folder = practice.folder / "outage"
    for days in (0, 1, 6):
        clock.now = Instant(NOW.s + days * DAY_S)
        write_outage_list(practice)
    (folder / "a-note.txt").write_text("of the clinic's own")
    assert len(list(folder.glob("2026-*"))) == 6
    clock.pass_(Duration(DAY_S))
    write_outage_list(practice)
    left = {path.name for path in folder.iterdir()}
    assert left == {"a-note.txt", *(f"2026-11-{day}.{kind}" for day in (21, 26, 27) for kind in ("html", "csv"))}


@pytest.mark.parametrize(("how", "listed"), [("died", False), ("transferred", False), ("lost to follow-up", True)])
def test_the_pumps_of_the_outage_list_are_those_that_run_here(practice: Practice, how: Ending, listed: bool) -> None:
    """Of somebody whom nobody can find it still does."""
    stream = admit(practice)
    practice.write(stream, 11, [Ended(practice.now, how)], By("nora"), "ended the treatment")
    assert [row.pseudonym for row in outage_rows_of(practice)] == [stream] * listed


def test_an_empty_clinic_has_an_empty_list(as_: SignIn) -> None:
    """It says so, and is printed all the same."""
    nils = as_("nils")
    assert "No pump is in place." in nils.get("/outage").words
    assert nils.client.get("/outage.pdf").content.startswith(b"%PDF-")


def test_the_audit_is_for_administrators(as_: SignIn) -> None:
    """Nobody else reads who has read what."""
    for name in ("nils", "dora", "paul", "susan"):
        assert as_(name).get("/audit").status == 403


def test_the_audit_is_narrowed_to_a_chart_or_a_person(as_: SignIn, practice: Practice) -> None:
    """The latest first; who reads it stands in it."""
    one, other = admit(practice, "Ada Example"), admit(practice, "Bea Example")
    nora = as_("nora")
    everything = nora.get("/audit").words
    assert one in everything
    assert other in everything
    of_one = nora.get(f"/audit?stream={one}").words
    assert "wrote down a course" in of_one
    assert other not in of_one
    assert "Ada Example" not in everything
    assert "Nothing of that chart or person is on record." in nora.get("/audit?who=nobody").words
    assert "read the audit" in nora.get("/audit?who=nora&lines=500").words
    with practice.database.reading() as connection:
        line = next(line for line in read_audit(connection, who="nora") if line.detail == f"of {one}")
    assert line.did == "read the audit"
    nora.get("/audit?stream=Jane+Doe&who=Jane+Doe")
    assert "Jane" not in nora.get("/audit?lines=500").words, "what was typed may be a name, and an audit is kept for good"


def test_what_is_looked_for_is_no_markup(as_: SignIn) -> None:
    """It is shown as it was typed."""
    page = as_("nora").get("/audit?who=%3Cscript%3E&lines=9999999")
    assert "&lt;script&gt;" in page.text
    assert "<option selected>100" in page.text


def test_a_double_click_leads_to_the_list(as_: SignIn, practice: Practice) -> None:
    """Both answers are the same page, and the audit has one line of it."""
    nils = as_("nils")
    page = nils.get("/outage").text
    fields: dict[str, object] = {"csrf": hidden(page, "csrf"), "once": hidden(page, "once")}
    assert [nils.post("/outage", fields).url for _ in range(2)] == ["http://clinic.test/outage"] * 2
    with practice.database.reading() as connection:
        assert sum(line.did == "wrote the outage list" for line in read_audit(connection)) == 1
