"""What is to be done for a person: what was tried of each item, a contact to be written down, an end where no fact ends it."""

from dataclasses import dataclass

from starlette.responses import Response

from thecal.clinic.entry import Contacted
from thecal.clinic.item import Item
from thecal.clinic.recall_sweep import resolution
from thecal.clinic.telephone import CALLERS, WAYS, AtHand
from thecal.web.ask import Ask
from thecal.web.form import Form
from thecal.web.guard import NotFoundError
from thecal.web.place import Place, place_of
from thecal.web.route import Pages
from thecal.web.telephone import call_back_options, opened, read_call_back, shown_items

PAGES = Pages()
_REACHED = ("yes", "no")


@dataclass(frozen=True, slots=True)
class Row:
    """An item as it is shown; ``number`` ends the names of the fields of its forms."""

    number: int
    item: Item
    place: Place
    contacts: tuple[Contacted, ...]


@PAGES.get("/to-do/{stream}", "call")
def to_do_page(ask: Ask, stream: str) -> Response:
    """Everything that is to be done for a person, the gravest first."""
    return _page(ask, opened(ask, stream))


@PAGES.post("/to-do/{stream}/contact", "call")
def contact_written(ask: Ask, stream: str) -> Response:
    """Write down that somebody tried to reach somebody about an item."""
    hand, form = opened(ask, stream), ask.form
    number, item = _named(ask, hand, form)
    now, zone = hand.look.now, hand.look.zone
    whom, how = form.chosen(f"whom-{number}", CALLERS), form.chosen(f"how-{number}", WAYS)
    reached = form.chosen(f"reached-{number}", _REACHED)
    outcome = form.needed(f"outcome-{number}", str, label="what came of it")
    call_back = read_call_back(form, now, zone, f"-{number}")
    if form.errors or outcome is None:
        return _page(ask, hand, code=422)
    contact = Contacted(now, item.name, whom or "", how or "", reached == "yes", outcome, call_back)
    ask.practice.write(stream, form.seen, [contact], ask.by, "wrote down a contact", detail=item.name)
    return ask.go(f"/to-do/{stream}", "The contact is written down.")


@PAGES.post("/to-do/{stream}/resolve", "call")
def item_resolved(ask: Ask, stream: str) -> Response:
    """End an item that no fact ends, with a word of how. What a rule finds is refused: it ends when the chart says so."""
    hand, form = opened(ask, stream), ask.form
    number, item = _named(ask, hand, form)
    field = f"resolved-{number}"
    if not item.by_hand:
        form.refuse(field, item.name, f"is found by {item.rule} and ends when the chart says so: {item.next}", label="the item")
    how = form.needed(field, str, label="how it was resolved")
    if form.errors or how is None:
        return _page(ask, hand, code=422)
    with ask.practice.reading() as reading:
        entries = resolution(hand.history, hand.look, reading.recalls(), item.name, how)
    ask.practice.write(stream, form.seen, entries, ask.by, "resolved an item", detail=item.name)
    return ask.go(f"/to-do/{stream}", "The item is resolved.")


def _named(ask: Ask, hand: AtHand, form: Form) -> tuple[int, Item]:
    """The item that a form is about, and the number of its fields. Raises NotFoundError where it is no longer open."""
    number = form.text("n")
    item = next((item for item in shown_items(ask, hand) if item.name == form.text("item")), None)
    if item is None or not number.isdecimal():
        raise NotFoundError("This is not to be done any more: the chart has changed, or somebody has resolved it.")
    return int(number[:4]), item


def _page(ask: Ask, hand: AtHand, code: int = 200) -> Response:
    stream = hand.history.stream
    ask.audit("read what is to be done", stream)
    contacts = hand.history.all(Contacted)
    rows = [
        Row(number, item, place_of(item, stream), tuple(told for told in contacts if told.item == item.name))
        for number, item in enumerate(shown_items(ask, hand), start=1)
    ]
    return ask.page(
        "to_do.html",
        code,
        hand=hand,
        stream=stream,
        rows=rows,
        callers=CALLERS,
        ways=WAYS,
        offers=call_back_options(hand.look.now, hand.look.zone),
        spoken=hand.spoken(10),
    )
