"""The steps of a visit that ask something of a pump: by a wand, of a virtual one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from thecal.bench.bench_folder import BenchError
from thecal.bench.desk import ENDED, Desk
from thecal.bench.wand import LinkError
from thecal.chart.chart import Chart
from thecal.chart.facts import Fact, Interrogated
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic import visit_writing as writing
from thecal.clinic.audit import write_audit
from thecal.clinic.entry import Entry, VisitStepped
from thecal.clinic.history import History
from thecal.clinic.record import StaleError
from thecal.clinic.stock_kept import check_stock, use_up_verified
from thecal.errors import InputError, Refusal
from thecal.programmer.printout import Printout, printout
from thecal.programmer.review import Review
from thecal.pump.memory import digest
from thecal.pump.messages import Fill, Syringe, Withdraw
from thecal.quantity import Concentration, DailyDose, Volume, nearest
from thecal.therapy.residual import worked_out
from thecal.timeline import Instant
from thecal.web.ask import Ask
from thecal.web.route import Pages
from thecal.web.visit import POCKET_SIGNS, Opened, anchor, field_of, opened, show, step_done, stopped
from thecal.web.visit_steps import graded

PAGES = Pages()
_SYRINGE_NL = 10_000  # no syringe is read more finely than to 0.01 mL
NOT_DONE = "No answer came from the pump"


@dataclass(slots=True)
class _Notebook:
    """Where a desk writes down what it learns: the chart of a visit, each time a version further."""

    ask: Ask
    found: Opened
    did: str
    seen: int
    facts: list[Fact] = field(default_factory=list)

    def write_down(self, facts: tuple[Fact, ...]) -> Chart:
        """Keep facts in the record; the chart with them. What a session has begun is on record, whoever writes meanwhile."""
        while True:
            try:
                self.seen = self.ask.practice.write(self.found.stream, self.seen, facts, self.ask.by, self.did)
                break
            except StaleError as error:
                if not self.facts:
                    raise
                self.seen = error.now
        self.facts.extend(facts)
        return self.history().chart

    def history(self) -> History:
        """The chart as it stands in the record now."""
        with self.ask.practice.reading() as reading:
            return reading.history(self.found.stream)

    @property
    def now(self) -> Instant:
        """When a step is done: never before what the desk has written down."""
        return self.history().moment(self.ask.practice.now)

    def add(self, entries: tuple[Entry, ...]) -> None:
        """Keep what a step came to."""
        self.seen = self.ask.practice.write(self.found.stream, self.seen, entries, self.ask.by, self.did)


def _reread(ask: Ask, found: Opened) -> Opened:
    return opened(ask.practice, found.stream, found.visit.name)


def _go_on(ask: Ask, found: Opened, step: str, said: str = "") -> Response:
    return ask.go(f"/visit/{found.stream}/{found.visit.name}#{anchor(step)}", said)


async def _with_desk(
    ask: Ask, found: Opened, did: str, do: Callable[[Desk, _Notebook], Awaitable[Response | None]]
) -> Response | None:
    """Do something at a wand; the page that says so where the pump cannot be reached."""
    bench = ask.practice.bench
    if bench is None or not found.bench:
        return show(ask, found, _no_bench(), "reading")
    notebook = _Notebook(ask, found, did, ask.form.seen)
    try:
        async with bench.desk(found.bench, found.history.chart, notebook.write_down) as desk:
            return await do(desk, notebook)
    except LinkError as error:
        refusal = writing.refused("to talk to the pump", "a pump that answers", f"{error}", "SES-05")
        return await run_in_threadpool(show, ask, _reread(ask, found), refusal, "reading")


def _no_bench() -> Refusal:
    return writing.refused(
        "to interrogate by the wand",
        "a virtual pump on this clinic's bench",
        "Enter what the programmer's printout says.",
        "SES-05",
    )


@PAGES.post("/visit/{stream}/{name}/pump/interrogate", "visit")
async def interrogated(ask: Ask, stream: str, name: str) -> Response:
    """Read the pump of the bench, and write down what it said; also the one way out of a session that is uncertain."""
    found = await run_in_threadpool(opened, ask.practice, stream, name)
    refusal = writing.check_open(found.visit)
    if refusal:
        return await run_in_threadpool(show, ask, found, refusal, "reading")

    async def read(desk: Desk, notebook: _Notebook) -> Response | None:
        refusal = await desk.interrogate()
        if refusal is not None or desk.unanswered:
            told = refusal or writing.refused(NOT_DONE, "an answer", f"{desk.unanswered}. Try again.", "SES-05")
            return await run_in_threadpool(show, ask, _reread(ask, found), told, "reading")
        reading = next(fact for fact in notebook.facts if isinstance(fact, Interrogated))
        written = writing.interrogated(found.visit, reading, notebook.now)
        if isinstance(written, Refusal):
            return await run_in_threadpool(show, ask, _reread(ask, found), written, "reading")
        after: tuple[Entry, ...] = (
            (VisitStepped(notebook.now, found.visit.name, "reading after"),) if found.visit.read_again else ()
        )
        notebook.add((*written, *after))
        return None

    page = await _with_desk(ask, found, "interrogated the pump", read)
    return page or _go_on(ask, found, "needle" if found.visit.is_refill else "order", "The pump was read.")


@PAGES.post("/visit/{stream}/{name}/pump/worked-out", "visit")
def worked(ask: Ask, stream: str, name: str) -> Response:
    """Of a pump without electronics, instead of a reading: what should be in it."""
    found = opened(ask.practice, stream, name)
    if found.visit.procedure is None or found.sheet is None:
        return show(ask, found, no_refill(), "reading")
    chart, now = found.history.chart, found.look.now
    strength = chart.filled.concentration if chart.filled else None
    written = writing.worked_out(found.visit, worked_out(chart, found.sheet, now), strength, now)
    return step_done(ask, found, "reading", written, "worked out the residual")


@PAGES.post("/visit/{stream}/{name}/pump/aspirate", "visit")
def aspirated(ask: Ask, stream: str, name: str) -> Response:
    """The residual: what the syringe of a virtual pump withdraws, or what was read on a real one."""
    found = opened(ask.practice, stream, name)
    visit, now = found.visit, found.look.now
    volume = ask.form.read("residual", volume_or_zero) if not found.bench or ask.form.text("residual") else None
    if visit.procedure is None:
        return show(ask, found, writing.refused("an aspiration", "a refill", "Begin a visit of kind refill."), "residual")
    if volume is None and not ask.form.errors:
        if not found.bench:
            ask.form.refuse("residual", "", "is missing", accepted=("2.4 mL",))
            return show(ask, found, None, "residual")
        possible = writing.aspirated(visit, Volume(0), now)
        if isinstance(possible, Refusal):
            return show(ask, found, possible, "residual")
        drawn = _needle(ask, found, Withdraw())
        if isinstance(drawn, Refusal):
            return show(ask, found, drawn, "residual")
        volume = drawn
    if volume is None:
        return show(ask, found, None, "residual")
    return step_done(ask, found, "residual", writing.aspirated(visit, volume, now), "wrote down the residual")


def volume_or_zero(text: str) -> Volume:
    """A volume, or none. Raises InputError."""
    return Volume.parse(text, zero=True)


def _needle(ask: Ask, found: Opened, procedure: Withdraw | Fill) -> Volume | Refusal:
    """Do with a needle to the virtual pump what is being done; what came into the syringe.

    Nothing is done to it that could not be written down: raises StaleError where somebody else has written since.
    """
    closed = writing.check_open(found.visit)
    if closed is not None:
        return closed
    if ask.form.seen != found.history.version:
        raise StaleError(found.stream, ask.form.seen, found.history.version, found.history.rows[-1].who)
    assert ask.practice.bench is not None  # the visit says so
    try:
        done = ask.practice.bench.needle(found.bench, procedure)
    except BenchError as error:
        return writing.refused("a needle in the virtual pump", "a bench that answers", str(error), "SES-05")
    if isinstance(done, Refusal):
        return done
    answer = done.answer
    return Volume(nearest(answer.volume_nl, _SYRINGE_NL) * _SYRINGE_NL) if isinstance(answer, Syringe) else Volume(0)


@PAGES.post("/visit/{stream}/{name}/pump/fill", "refill")
def filled(ask: Ask, stream: str, name: str) -> Response:
    """The fill: checked by the procedure first, then injected into the virtual pump, or written down of a real one."""
    found = opened(ask.practice, stream, name)
    form, visit = ask.form, found.visit
    volume = form.needed("volume", Volume.parse)
    strength = form.needed("strength", Concentration.parse)
    pocket = graded(form, {sign: field_of(sign) for sign in POCKET_SIGNS}, "fill_none")
    if form.ticked("fill_none"):
        pocket = dict.fromkeys(POCKET_SIGNS, 0)
    if form.errors or volume is None or strength is None or visit.procedure is None:
        return show(ask, found, None if visit.procedure else no_refill(), "fill")
    written = writing.filled(visit, found.look, volume, strength, pocket, found.look.now)
    if not isinstance(written, Refusal):
        with ask.practice.reading() as reading:
            written = check_stock(reading.connection, visit.verified) or written
    if not isinstance(written, Refusal) and found.bench:
        done = _needle(ask, found, Fill(volume, strength))
        if isinstance(done, Refusal):
            written = done

    def used(connection: Connection) -> None:
        for told in use_up_verified(connection, visit.verified):
            write_audit(connection, ask.by.who, "took vials out of stock", ask.practice.now, detail=told, request=ask.number)

    try:
        return step_done(ask, found, "fill", written, "filled the pump", used)
    except InputError as error:  # somebody took the last of it in this moment
        return show(ask, found, writing.refused("to use up what was verified", "vials on hand", str(error), "REF-11"), "fill")


def no_refill() -> Refusal:
    """Why a step of a refill cannot be done."""
    return writing.refused("a fill", "a refill of a pump that is in place", "Begin a visit of kind refill.")


# The update --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """A review as it is shown before it is written: its printout, and the digest by which it is known again."""

    review: Review
    printout: Printout
    digest: str


def ready(found: Opened) -> OrderSheet | Refusal:
    """The order of a visit, if it may be written into the pump now."""
    visit = found.visit
    refusal = writing.check_open(visit)
    if refusal:
        return refusal
    if visit.orders is None:
        return writing.refused("an update", "an order", "Write the order first.", "ROL-03")
    if visit.asks_for_order_right and not visit.approved_by:
        limit = "an order that somebody stands behind who may order"
        return writing.refused("an update by a proposal", limit, "Have the order approved.", "ROL-03")
    if found.order is None:
        return writing.refused("an update", "an order that was not written into the pump yet", "Write the order anew.", "ROL-03")
    no = stopped(found.order)
    if no is not None:
        return no
    if found.second:
        finding = found.second[0]
        return writing.refused(f"an update with {finding.asked}", finding.allowed, finding.next, finding.rule)
    if not visit.gone_on:
        return visit.orders
    return replace(visit.orders, anyway="; ".join(f"{gone.rule}: {gone.reason} ({gone.by})" for gone in visit.gone_on))


def planned(found: Opened) -> Review | Refusal:
    """What the order of a visit comes to, if it may be written into the pump now."""
    orders = ready(found)
    if isinstance(orders, Refusal):
        return orders
    assert found.order is not None  # without one it is not ready
    assert found.order.review is not None  # as above
    return found.order.review


@PAGES.post("/visit/{stream}/{name}/pump/review", "program")
async def reviewed(ask: Ask, stream: str, name: str) -> Response:
    """Interrogate, and show what an update would change, side by side. Nothing is written into the pump."""
    found = await run_in_threadpool(opened, ask.practice, stream, name)
    orders = ready(found)
    if isinstance(orders, Refusal):
        return await run_in_threadpool(show, ask, found, orders, "update")

    async def look(desk: Desk, _: _Notebook) -> Response:
        refusal = await desk.interrogate() or (None if desk.unanswered else desk.prepare(orders))
        made = desk.session.review
        if refusal is not None or made is None:
            told = refusal or writing.refused(NOT_DONE, "an answer", f"{desk.unanswered}. Try again.", "SES-05")
            return await run_in_threadpool(show, ask, _reread(ask, found), told, "update")
        shown = Shown(made, printout(desk.session, found.look.zone), digest(made.write))
        return await run_in_threadpool(lambda: show(ask, _reread(ask, found), shown=shown))

    page = await _with_desk(ask, found, "interrogated the pump for a review", look)
    return page or _go_on(ask, found, "update")


@PAGES.post("/visit/{stream}/{name}/pump/update", "program")
async def updated(ask: Ask, stream: str, name: str) -> Response:
    """Write what was reviewed, if it is still that, and read it back. Whatever comes of it is written down."""
    found = await run_in_threadpool(opened, ask.practice, stream, name)
    orders = ready(found)
    total = ask.form.needed("total", DailyDose.parse)
    if isinstance(orders, Refusal) or total is None:
        return await run_in_threadpool(show, ask, found, orders if isinstance(orders, Refusal) else None, "update")

    async def write(desk: Desk, notebook: _Notebook) -> Response | None:
        refusal = await desk.interrogate() or (None if desk.unanswered else desk.prepare(orders))
        made = desk.session.review
        if refusal is None and made is not None and digest(made.write) != ask.form.text("digest"):
            shown = Shown(made, printout(desk.session, found.look.zone), digest(made.write))
            changed = writing.refused(
                "to write what was reviewed", "the same review", "The pump has moved on: look at it again.", "SES-08"
            )
            return await run_in_threadpool(lambda: show(ask, _reread(ask, found), changed, "update", shown=shown))
        refusal = refusal or (desk.confirm(total) if made is not None else None)
        if refusal is None and made is not None:
            refusal = await desk.update()
        standing = desk.session.standing
        if standing in ENDED:
            notebook.add((VisitStepped(notebook.now, found.visit.name, "update", standing),))
        if standing == "done":
            notebook.add((VisitStepped(notebook.now, found.visit.name, "reading after"),))
            return None
        told = refusal or writing.refused(
            "the update", "a pump that says what was written", f"{desk.session.why or desk.unanswered}. Interrogate it.", "SES-05"
        )
        return await run_in_threadpool(show, ask, _reread(ask, found), told, "update")

    page = await _with_desk(ask, found, "updated the pump", write)
    return page or _go_on(ask, found, "printout", "Written, read back, and as reviewed.")
