"""The import page: first a look at everything, then all of it or nothing."""

import re
from collections.abc import Callable

import pytest

from tests.clinic.practice import Clock, admit
from tests.web.visitor import Answer, Visitor, hidden
from thecal.clinic.audit import read_audit
from thecal.clinic.import_writing import UPLOADS
from thecal.clinic.newcomer import template_csv
from thecal.clinic.people import everybody
from thecal.clinic.practice import Practice
from thecal.timeline import DAY_S, Duration

SignIn = Callable[[str], Visitor]


HEAD = (
    "hospital number;name;pump model;serial;implanted on;last refill on;"
    "filled volume (mL);concentration (mcg/mL);daily dose (mcg/day)"
)
GOOD = "H-1;Example, Eve;reference-20;EX-9;2025-05-09;2026-11-01;18;500;95"


def template(practice: Practice) -> str:
    return template_csv(practice.now.date(practice.office().zone))


def send(visitor: Visitor, text: str, first: str = "") -> Answer:
    return visitor.send("/import", {"first": first}, files={"file": ("pumps.csv", text.encode(), "text/csv")})


def written(visitor: Visitor, page: Answer) -> Answer:
    names = ("csrf", "once", "first", "looked_at")
    return visitor.post(page.url.partition("?")[0], {name: hidden(page.text, name) for name in names})


def people(practice: Practice) -> list[str]:
    with practice.database.reading() as connection:
        return [str(row.name) for row in everybody(connection)]


def waiting(practice: Practice) -> int:
    folder = practice.folder / UPLOADS
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def test_only_who_may_import_sends_a_file(as_: SignIn) -> None:
    """That is an administrator."""
    for name in ("nils", "dora", "susan"):
        assert as_(name).get("/import").status == 403


def test_the_template_of_today_is_looked_at_and_then_written(as_: SignIn, practice: Practice) -> None:
    """Nothing is written by the look; afterwards both are on the worklist, the file is gone, and the audit has its digest."""
    nora = as_("nora")
    text = nora.get("/import/template.csv").text
    page = send(nora, text)
    assert "2 of 2 rows" in page.words
    assert "Example, Ada" in page.text
    assert "187.5 mcg/day, simple continuous" in page.text
    assert (people(practice), waiting(practice)) == ([], 1)
    done = written(nora, page)
    assert done.url.endswith("/worklist")
    assert "2 people are on record now." in done.text
    assert (people(practice), waiting(practice)) == (["Example, Ada", "Example, Ben"], 0)
    digest = page.url.rpartition("/")[2]
    with practice.database.reading() as connection:
        assert any(line.did == "imported a spreadsheet" and digest in line.detail for line in read_audit(connection))


def test_a_form_that_is_sent_twice_writes_once(as_: SignIn, practice: Practice) -> None:
    """The second one is led to the same page."""
    nora = as_("nora")
    page = send(nora, template(practice))
    names = ("csrf", "once", "first", "looked_at")
    fields: dict[str, object] = {name: hidden(page.text, name) for name in names}
    assert [nora.post(page.url, fields).status for _ in range(2)] == [200, 200]
    assert len(people(practice)) == 2


def test_every_problem_stands_with_its_row_and_column(as_: SignIn, practice: Practice) -> None:
    """What was said and what is accepted; the rows without one come in, and the others stay out."""
    bad = "H-2;Example, Finn;refrence-20;EX-8;2025-05-09;2027-11-01;18;500;95"
    worse = "H-3;;reference-20;EX-7;2025-05-09;2026-11-01;18 L;500;9500"
    page = send(nora := as_("nora"), "\n".join((HEAD, GOOD, bad, worse)))
    assert "1 of 3 rows. 2 have problems that keep them out." in page.words
    rows = [re.sub(r"<[^>]+>", "|", row) for row in page.text.partition('id="problems"')[2].split("<tr>")]
    told = {
        ("3", "pump model", "refrence-20"): "reference-20",
        ("3", "last refill on", "2027-11-01"): "in the future",
        ("4", "name", "nothing"): "is missing",
        ("4", "filled volume", "18 L"): "mL",
        ("4", "daily dose", "9500"): "SAF-01",
    }
    for cells, said in told.items():
        assert any(all(f"|{cell}|" in row for cell in cells) and said in row for row in rows), cells
    assert "1 person is on record now. 2 rows stayed out" in written(nora, page).text
    assert people(practice) == ["Example, Eve"]


def test_a_date_of_two_readings_is_asked_about(as_: SignIn, practice: Practice) -> None:
    """Until it is said which comes first nobody comes in; said once, it counts for the whole table, and for the writing."""
    nora = as_("nora")
    page = send(nora, "\n".join((HEAD, GOOD.replace("2026-11-01", "01/11/2026"))))
    assert "1 date can be read in two ways." in page.words
    assert "Nobody. Correct the table" in page.words
    by_day = nora.get(f"{page.url}?first=day")
    assert "2026-11-01 12:00" in by_day.words
    assert "2026-01-11 12:00" in nora.get(f"{page.url}?first=month").words
    assert written(nora, by_day).url.endswith("/worklist")
    assert people(practice) == ["Example, Eve"]


def test_numbers_and_serials_on_record_are_looked_up(as_: SignIn, practice: Practice) -> None:
    """Somebody who is here already stays out."""
    admit(practice, number="H-1")
    page = send(as_("nora"), f"{HEAD}\n{GOOD}")
    assert "is in the record already" in page.words
    assert "0 of 1 row" in page.words


def test_what_changed_since_the_look_is_not_written(as_: SignIn, practice: Practice) -> None:
    """The page is shown again as it is now."""
    nora = as_("nora")
    page = send(nora, template(practice))
    admit(practice, number="H-100231")
    answer = written(nora, page)
    assert answer.status == 422
    assert "are not those that you looked at" in answer.text
    assert people(practice) == ["Ada Example"]
    assert waiting(practice) == 1


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "is missing"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1x", "old format"),
        (b"a,b\x01\n", "no table of text"),
        (b"\n\n", "is empty"),
    ],
)
def test_what_is_no_table_is_not_kept(as_: SignIn, practice: Practice, raw: bytes, said: str) -> None:
    """It is said beside the field, and the choice of dates is kept."""
    answer = as_("nora").send("/import", {"first": "day"}, files={"file": ("x.xls", raw, "application/octet-stream")})
    assert answer.status == 422
    assert said in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert re.search(r'value="day" checked', answer.text)
    assert waiting(practice) == 0


def test_a_table_is_pasted(as_: SignIn) -> None:
    """Instead of a file; both at once are refused, and the pasted one is kept."""
    nora = as_("nora")
    assert "1 of 1 row." in nora.send("/import", {"table": f"{HEAD}\n{GOOD}"}).words
    both = nora.send("/import", {"table": "kept text"}, files={"file": ("x.csv", b"a,b", "text/csv")})
    assert both.status == 422
    assert "kept text" in both.text


def test_a_file_is_given_up(as_: SignIn, practice: Practice) -> None:
    """It is removed, its page is gone, and so is one that waited for a day."""
    nora = as_("nora")
    page = send(nora, template(practice))
    digest = page.url.rpartition("/")[2]
    answer = nora.post(f"/import/given-up/{digest}", {"csrf": hidden(page.text, "csrf")})
    assert "The file is removed" in answer.text
    assert waiting(practice) == 0
    assert nora.get(f"/import/checked/{digest}").status == 404


def test_a_file_does_not_wait_for_longer_than_a_day(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """Whoever opens the import page next day removes it."""
    nora = as_("nora")
    send(nora, template(practice))
    clock.pass_(Duration(DAY_S))
    nora.sign_in()
    nora.get("/import")
    assert waiting(practice) == 0
    assert nora.get("/import/checked/..%2Fclinic.db").status == 404


def test_text_of_a_cell_is_no_markup(as_: SignIn) -> None:
    """It is shown as it stands."""
    page = send(as_("nora"), f"{HEAD}\n{GOOD.replace('Example, Eve', '<script>alert(1)</script>')}")
    assert "&lt;script&gt;alert(1)" in page.text
    assert "<script>alert" not in page.text
