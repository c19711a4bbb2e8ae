"""What docs/intended-use.md says of each page: none is there of which it says nothing."""

from tests.command import ROOT
from thecal.web.app import routes

ROWS: dict[str, tuple[str, ...]] = {
    "Worklist, to-do": ("/", "/worklist", "/to-do/{stream}"),
    "Search": ("/search",),
    "Chart, person and device": ("/chart/{stream}", "/person/{stream}", "/new-person"),
    "Writing down, taking back": ("/chart/{stream}/record", "/chart/{stream}/correct/{version}"),
    "Erasing identifiers": ("/person/{stream}/erase",),
    "Operation": ("/operation/{stream}",),
    "Checklists": ("/checklist/{stream}", "/checklist/{stream}/{name}"),
    "Candidacy": ("/candidacy/{stream}",),
    "Screening test": ("/screening/{stream}",),
    "Visit, refill, order": (
        "/visit/{stream}", "/visit/{stream}/{name}", "/visit/{stream}/{name}/order", "/visit/{stream}/{name}/second",
    ),
    "Visit with a virtual pump": (),
    "Telephone": ("/call/{stream}",),
    "Call before a visit": ("/pre-visit/{stream}",),
    "Emergency page, admission sheet, emergency card": (
        "/emergency", "/emergency/{stream}", "/emergency/{stream}/admission-sheet",
    ),
    "Note of a refill or a visit, letter to the referrer": ("/chart/{stream}/print/{what}", "/paper-style/{name}"),
    "Slots": ("/slots",),
    "Booking": ("/book/{stream}",),
    "Closures": ("/closures", "/closures/{name}"),
    "Calendars (.ics)": ("/calendar", "/calendar/{token}.ics", "/book/{stream}/visit.ics"),
    "Field actions": ("/recalls", "/recalls/{recall}"),
    "Passport": ("/passport/{stream}", "/passport/{stream}/{number}", "/passport-check"),
    "Page of a person who was invited": ("/patient/{token}", "/patient/{token}/{topic}", "/invite/{stream}"),
    "Stock and forecast": ("/stock", "/stock/forecast.pdf"),
    "Outage list": ("/outage", "/outage.csv", "/outage.pdf"),
    "Calculators": ("/calculators", "/calculators/{kind}"),
    "What if": ("/teaching", "/teaching/{stream}"),
    "Import": ("/import", "/import/template.csv", "/import/checked/{digest}"),
    "Sign-in, staff, administration, audit": (
        "/sign-in", "/first", "/password", "/signed-in-again", "/admin", "/staff", "/staff/{name}", "/audit",
    ),
    "Programming interface (JSON)": (),
}  # fmt: skip
"""The rows of the table, each with the addresses of its pages; a visit with a virtual pump has the page of any visit."""


def table() -> dict[str, list[str]]:
    """The table page by page: the first column, and the others."""
    text = (ROOT / "docs" / "intended-use.md").read_text(encoding="utf-8")
    lines = text.partition("## Page by page")[2].partition("\n## ")[0].split("\n\n")[1].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]
    return {name: rest for name, *rest in rows}


def test_every_page_has_a_row_of_what_it_is_and_is_not() -> None:
    """A page that is new fails here until the table says what it is for; a page that is gone leaves no row behind."""
    told = [path for paths in ROWS.values() for path in paths]
    assert sorted(told) == sorted(route.path for route in routes() if route.method == "GET")
    assert list(table()) == list(ROWS)


def test_every_row_says_its_kind_what_it_is_and_what_it_is_not() -> None:
    """Three cells beside the name, none of them empty."""
    for name, cells in table().items():
        kind, *_ = cells
        assert len(cells) == 3, name
        assert all(cells), name
        assert set(kind.split(", ")) <= {"record keeping", "rules", "teaching", "calculation by rule"}, name
