"""Checklists: each list of a person item by item, with who answered it last; an answer is written down anew each time.

Rules ask for answers that are younger than what they are about: what was answered once is shown, and never filled in.
"""

from starlette.responses import Response

from thecal.chart.clinical import Answered
from thecal.chart.vocabulary import Word, words
from thecal.clinic.checklist import checklist_of
from thecal.web.ask import Ask
from thecal.web.chart import called, history_of
from thecal.web.form import SECRET
from thecal.web.guard import NotFoundError
from thecal.web.place import field_of, list_address
from thecal.web.record_fact import check_new, when_it_was
from thecal.web.route import Pages

PAGES = Pages()
_OURS = SECRET | {"seen", "at"}
_LEFT = "left"
_ANSWERS = ("yes", "no", _LEFT)


def _named(name: str) -> Word:
    found = next((word for word in words("checklists").values() if field_of(word.name) == name), None)
    if found is None:
        raise NotFoundError("There is no checklist of that name.")
    return found


@PAGES.get("/checklist/{stream}", "record")
def checklists_page(ask: Ask, stream: str) -> Response:
    """Every checklist, those first of which something asks for an answer now."""
    with ask.practice.reading() as reading:
        history, person = history_of(reading, stream)
        look = reading.look(history)
    lists = sorted((checklist_of(history, look, word) for word in words("checklists").values()), key=lambda one: not one.findings)
    ask.audit("looked at the checklists", stream)
    shown = [(one, list_address(stream, one.word.name)) for one in lists]
    return ask.page("checklists.html", stream=stream, name=called(ask, person, stream), lists=shown)


@PAGES.get("/checklist/{stream}/{name}", "record")
def checklist_page(ask: Ask, stream: str, name: str) -> Response:
    """One checklist, item by item."""
    ask.audit("looked at a checklist", stream, name)
    return _page(ask, stream, _named(name))


def _page(ask: Ask, stream: str, word: Word) -> Response:
    with ask.practice.reading() as reading:
        history, person = history_of(reading, stream)
        found = checklist_of(history, reading.look(history), word)
    return ask.page(
        "checklist.html",
        422 if ask.form.errors else 200,
        stream=stream,
        name=called(ask, person, stream),
        seen=history.version,
        address=list_address(stream, word.name),
        found=found,
        lines=[(field_of(word.name, line.item), line) for line in found.lines],
        answers=(("yes", "yes"), ("no", "no"), (_LEFT, "not answered now")),
        left=_LEFT,
    )


@PAGES.post("/checklist/{stream}/{name}", "record")
def checklist_answered(ask: Ask, stream: str, name: str) -> Response:
    """Write down what was answered; what was not stays as it was."""
    word, form = _named(name), ask.form
    fields = {field_of(word.name, item): item for item in word.items}
    for unknown in form.values.keys() - fields.keys() - _OURS:
        form.refuse(unknown, form.text(unknown), f"is no item of the checklist {word.name!r}", accepted=word.items)
    said = {item: form.chosen(field, _ANSWERS, needed=False) for field, item in fields.items()}
    with ask.practice.reading() as reading:
        history, person = history_of(reading, stream)
        at = when_it_was(form, reading)
        answers = [Answered(at, word.name, item, yes == "yes") for item, yes in said.items() if yes in ("yes", "no")]
        check_new(form, history.chart, answers, person)
    if form.errors:
        return _page(ask, stream, word)
    address = list_address(stream, word.name)
    if not answers:
        return ask.go(address, "Nothing was answered; nothing was written.")
    ask.practice.write(stream, form.seen, answers, ask.by, "answered a checklist", detail=word.name)
    told = "1 answer was" if len(answers) == 1 else f"{len(answers)} answers were"
    return ask.go(address, f"{told} written down.")
