"""Field actions: writing one down, whom it concerns, who has been told, and its end."""

from sqlalchemy import func, select
from starlette.responses import Response

from thecal.clinic.entry import Recalled
from thecal.clinic.recall_sweep import close_recall, item_of, mark, open_recall, read_lines, recall_named, swept
from thecal.clinic.schema import item as item_table
from thecal.errors import InputError
from thecal.pump.sheet import pump_sheets
from thecal.web.ask import Ask
from thecal.web.guard import NotFoundError
from thecal.web.route import Pages

PAGES = Pages()
_FIELDS = {"id": "id", "model": "model", "what": "what", "source": "source"}


@PAGES.get("/recalls", "recall")
def recalls_page(ask: Ask) -> Response:
    """The field actions, and the form of a new one."""
    return _page(ask)


@PAGES.post("/recalls", "recall")
def recall_opened(ask: Ask) -> Response:
    """Write a field action down, and mark the charts that it concerns."""
    form = ask.form
    model = form.chosen("model", tuple(pump_sheets()))
    serials, lots = form.read("serials", read_lines) or (), form.read("lots", read_lines) or ()
    if not serials and not lots and not form.ticked("all"):
        form.refuse("all", "", "is not ticked: without serial numbers and lots it is about every pump of the model")
    if (serials or lots) and form.ticked("all"):
        form.refuse("all", "", "is ticked, and there are serial numbers or lots: one of the two")
    what, source = form.needed("what", str), form.needed("source", str)
    recall = Recalled(ask.practice.now, form.text("id"), model or "", serials, lots, what or "", source or "")
    if not form.errors:
        try:
            open_recall(ask.practice, recall, ask.by)
        except InputError as error:
            form.errors.setdefault(_FIELDS.get(error.field, "id"), error)
    if form.errors:
        return _page(ask, 422)
    left = mark(ask.practice, recall.recall, ask.by)
    return ask.go(f"/recalls/{recall.recall}", f"The field action is written down. {_left(left)}")


@PAGES.get("/recalls/{recall}", "recall")
def recall_page(ask: Ask, recall: str) -> Response:
    """Whom a field action concerns, and where each of them stands."""
    with ask.practice.reading() as reading:
        found = recall_named(reading, recall)
        rows = swept(reading, found) if found is not None else ()
    if found is None:
        raise NotFoundError("There is no field action of that id.")
    ask.audit("read whom a field action concerns", detail=recall)
    return ask.page("recall.html", recall=found, rows=rows, recalls=(), counts={}, models=())


@PAGES.post("/recalls/{recall}/mark", "recall")
def recall_marked(ask: Ask, recall: str) -> Response:
    """Go on with marking the charts."""
    _check_there(ask, recall)
    return ask.go(f"/recalls/{recall}", _left(mark(ask.practice, recall, ask.by)))


@PAGES.post("/recalls/{recall}/close", "recall")
def recall_closed(ask: Ask, recall: str) -> Response:
    """Close it for everybody, and take the marks off."""
    _check_there(ask, recall)
    try:
        close_recall(ask.practice, recall, ask.by)
    except InputError:
        return ask.go(f"/recalls/{recall}", "It was closed already.")
    return ask.go(f"/recalls/{recall}", f"The field action is closed. {_left(mark(ask.practice, recall, ask.by))}")


def _check_there(ask: Ask, recall: str) -> None:
    with ask.practice.reading() as reading:
        if recall_named(reading, recall) is None:
            raise NotFoundError("There is no field action of that id.")


def _left(left: int) -> str:
    charts = "1 chart is" if left == 1 else f"{left} charts are"
    return f"{charts} still to be marked: go on." if left else "Every chart that it concerns is up to it."


def _page(ask: Ask, code: int = 200) -> Response:
    """All field actions, each with how many items of the worklist are open of it."""
    with ask.practice.reading() as reading:
        recalls = tuple(sorted(reading.recalls(), key=lambda recall: (recall.closed, -recall.at.s, recall.recall)))
        query = (
            select(item_table.c.name, func.count().label("number"))
            .where(item_table.c.kind == "recall")
            .group_by(item_table.c.name)
        )
        counts: dict[str, int] = {row.name: row.number for row in reading.connection.execute(query)}
    shown = {recall.recall: counts.get(item_of(recall.recall), 0) for recall in recalls}
    return ask.page("recall.html", code, recall=None, rows=(), recalls=recalls, counts=shown, models=tuple(pump_sheets()))
