"""Where what an item asks for is done: the page, the words of the link to it, and what it asks for itself."""

import re
from dataclasses import dataclass
from urllib.parse import quote

from thecal.clinic.access import Right
from thecal.clinic.item import Item

CANDIDACY = ("impact", "distribution", "oral trial", "physical management", "before test", "relative concerns")
"""The checklists of candidacy (CAN-02, 07, 03, 05, 12, 09), in the order in which they are asked."""
BEFORE_BOLUS, RESULT = ("test site", "oral drugs before test"), ("test result",)
"""The checklists of the screening test: before its bolus, and of what it has shown."""


@dataclass(frozen=True, slots=True)
class Place:
    """The page where what an item asks for is done, and what it asks for itself."""

    words: str
    address: str
    right: Right


_PLACES: tuple[tuple[tuple[str, ...], Place], ...] = (
    (("pre-visit call",), Place("Call before the visit", "/pre-visit/{stream}?visit={after}", "call")),
    (("call back", "WDL-01", "OVD-01"), Place("Telephone", "/call/{stream}", "call")),
    (("recall", "SAF-07"), Place("Field actions", "/recalls", "recall")),
    (("line",), Place("Papers of pump and catheter", "/person/{stream}#line", "identify")),
    (("DEV-01",), Place("Papers of pump and catheter", "/person/{stream}#device", "identify")),
    (("REF-11", "MRI-01"), Place("Write it down", "/chart/{stream}/record", "record")),
    (("visit",), Place("Go on with the visit", "/visit/{stream}/{after}", "visit")),
    (("VIS-07", "SES", "REF-02", "REF-09", "REF-12", "REF-13", "RPC", "DEV", "MRI", "INF", "TRB"),
     Place("Visit", "/visit/{stream}", "visit")),
    (("SAF-08", "REF", "VIS", "EOS"), Place("Book", "/book/{stream}{visit}", "book")),
    (("CAN",), Place("Candidacy", "/candidacy/{stream}", "record")),
    (("SCR",), Place("Screening test", "/screening/{stream}", "visit")),
    (("",), Place("Write it down", "/chart/{stream}/record", "record")),
)  # fmt: skip
"""Where what a rule asks for is done, by how the rule's id begins; the first that fits counts."""


def place_of(item: Item, stream: str) -> Place:
    """Where an item is done: at the item of a checklist that ends it, where one does."""
    place = next(place for begins, place in _PLACES if item.rule.startswith(begins))
    address = place.address.format(stream=stream, after=item.name.partition("/")[2], visit=of_visit(item))
    if not item.checklist:
        return Place(place.words, address, place.right)
    field = field_of(item.checklist, item.question)
    of_page = {"Candidacy": CANDIDACY, "Screening test": (*BEFORE_BOLUS, *RESULT)}.get(place.words, ())
    if item.checklist in of_page:
        return Place(place.words, f"{address}#{field}", place.right)
    return Place(f"Checklist: {item.checklist}", f"{list_address(stream, item.checklist)}#{field}", "record")


def of_visit(item: Item) -> str:
    """What the address of the bookings ends with, so that they show what the item asks for."""
    return f"?visit={quote(item.visit)}" if item.visit else ""


def list_address(stream: str, checklist: str) -> str:
    """The page on which a checklist of a person is answered."""
    return f"/checklist/{stream}/{field_of(checklist)}"


def field_of(*names: str) -> str:
    """The name of a field: of letters, digits and hyphens, so that a page can point to it."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(names).lower())
