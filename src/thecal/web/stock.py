"""The vials on hand, and what the refills of the next weeks need beyond them: as a page, and as a PDF to order from."""

from datetime import date

from starlette.responses import Response

from thecal.clinic.audit import write_audit
from thecal.clinic.drug_forecast import Forecast, Stock, default_settings, forecast_section
from thecal.clinic.paper import Paper, printed_line
from thecal.clinic.pdf import paper_pdf
from thecal.clinic.stock_kept import COUNT_MAX, forecast_now, put_in_stock, stock_on_hand, use_up
from thecal.errors import InputError
from thecal.quantity import Concentration, Volume
from thecal.web.ask import Ask
from thecal.web.guard import plain_page
from thecal.web.route import Pages

PAGES = Pages()
WHY = ("for a refill", "expired", "broken or lost", "counted anew")
"""Why vials were taken out of stock."""
_ANOTHER = "another"
_FOOT = (
    "Counted from the dates by which to refill, or those that are booked, at the volume and strength of the last refill.",
    "A vial is opened for one refill; what is left of it is discarded (REF-11).",
)


def _containers() -> list[tuple[str, str]]:
    """The vials that are on the market, by strength and size (settings of the forecast), and another one."""
    known = [(strength, size) for strength, sizes in sorted(default_settings().vials.items()) for size in sizes]
    return [(f"{each[0]}; {each[1]}", f"{each[0]}, {each[1]}") for each in known] + [(_ANOTHER, "another one, as below")]


@PAGES.get("/stock", "stock")
def stock_page(ask: Ask) -> Response:
    """What is on hand, and the forecast."""
    return _page(ask, 200)


def _page(ask: Ask, status: int) -> Response:
    with ask.practice.reading() as reading:
        kept, forecast = stock_on_hand(reading.connection), forecast_now(reading)
    return ask.page(
        "stock.html",
        status,
        kept=kept,
        forecast=forecast,
        sections=forecast_section(forecast),
        containers=_containers(),
        whys=WHY,
        late=_late(forecast),
    )


def _late(forecast: Forecast) -> int:
    """How many orders should have been placed by today."""
    needs = [need for week in forecast.weeks for need in week.needs]
    return sum(need.order_by is not None and need.order_by <= forecast.today for need in needs)


@PAGES.post("/stock", "stock")
def stock_added(ask: Ask) -> Response:
    """Put vials in stock, as they stand on the delivery."""
    form, practice = ask.form, ask.practice
    container = _container(ask)
    count, expires = form.number("count", 1, COUNT_MAX), form.day("expires")
    if count is not None and count != int(count):
        form.refuse("count", form.text("count"), "is no whole number of vials")
    if expires is not None and expires < ask.today():
        form.refuse("expires", form.text("expires"), "is past: what has expired does not go into stock")
    if not form.text("lot"):
        form.refuse("lot", "", "is missing")
    if not form.errors and container is not None and count is not None and expires is not None:
        try:
            with practice.database.writing() as connection:
                there = put_in_stock(connection, Stock(*container, int(count), form.text("lot"), expires))
                detail = f"{int(count)} x {there.vial} of {there.strength}, lot {there.lot}, expires {there.expires}"
                write_audit(connection, ask.by.who, "put vials in stock", practice.now, detail=detail, request=ask.number)
            return ask.go("/stock", f"In stock: {detail}. Of this lot {there.count} are on hand now.")
        except InputError as error:
            form.errors[error.field] = error
    return _page(ask, 422)


def _container(ask: Ask) -> tuple[Concentration, Volume] | None:
    """Strength and size of a vial: one of the list, or as they are typed."""
    form = ask.form
    chosen = form.chosen("container", tuple(key for key, _ in _containers()))
    if chosen is None:
        return None
    if chosen != _ANOTHER:
        strength_text, _, size_text = chosen.partition("; ")
        return Concentration.parse(strength_text), Volume.parse(size_text)
    strength = form.needed("strength", lambda text: Concentration.parse(text, "strength"))
    size = form.needed("size", lambda text: Volume.parse(text, "size"))
    return (strength, size) if strength is not None and size is not None else None


@PAGES.post("/stock/{name}/out", "stock")
def stock_taken(ask: Ask, name: str) -> Response:
    """Take vials out of a lot, and say why."""
    form, practice = ask.form, ask.practice
    count, why = form.number("out", 1, COUNT_MAX), form.chosen("why", WHY)
    if count is not None and count != int(count):
        form.refuse("out", form.text("out"), "is no whole number of vials")
    if not form.errors and count is not None:
        try:
            with practice.database.writing() as connection:
                before, left = use_up(connection, name, int(count))
                detail = f"{int(count)} x {before.vial} of {before.strength}, lot {before.lot}: {why}; {left} left"
                write_audit(connection, ask.by.who, "took vials out of stock", practice.now, detail=detail, request=ask.number)
            return ask.go("/stock", f"Taken out: {detail}.")
        except InputError as error:
            form.errors["out"] = error
    form.errors = {f"{field}-{name}" if field in ("out", "why") else field: error for field, error in form.errors.items()}
    return _page(ask, 422)


@PAGES.get("/stock/forecast.pdf", "stock")
def forecast_pdf(ask: Ask) -> Response:
    """The forecast as a PDF."""
    with ask.practice.reading() as reading:
        forecast, office, now = forecast_now(reading), reading.office, reading.now
    last = date.fromordinal(forecast.end.toordinal() - 1)
    lines = (f"From {forecast.today} to {last}", printed_line(now, office.zone, ask.account.full_name, office.name))
    try:
        raw = paper_pdf(Paper("Drug to order", lines, forecast_section(forecast), _FOOT))
    except InputError as error:
        return plain_page(ask, 422, f"{error} The page of the stock can be printed.")
    ask.audit("printed the drug forecast")
    return ask.file(raw, f"drug-{forecast.today}.pdf", "application/pdf", shown=True)
