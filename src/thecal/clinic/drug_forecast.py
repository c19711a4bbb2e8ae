"""The drug forecast: what the refills of the next weeks need, what of it is in stock, what to order, and by when (REF-11).

A vial is opened for one refill and what is left of it is discarded: the drug holds no preservative, so vials are counted for each
refill and never shared. Volumes are whole nanolitres.
"""

from bisect import insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cache
from itertools import combinations_with_replacement, pairwise

from thecal.datum import Datum, read_data, read_datum
from thecal.errors import InputError
from thecal.programmer.printout import Section
from thecal.quantity import Concentration, Volume
from thecal.therapy.appointment import appointments, elsewhere
from thecal.therapy.due import RefillDue, refill_due
from thecal.therapy.look import Look
from thecal.therapy.refill_plan import visit_day
from thecal.therapy.service import pump_in_place
from thecal.timeline import DAY_S, WEEK_S, Duration

_NOT_IN_A_ROW = ("absence", "service")  # bounds that stand once and do not come again with each fill


@dataclass(frozen=True, slots=True)
class Settings:
    """What a forecast counts with: whole days of ``lead`` from order to shelf, ``weeks`` ahead, and vial sizes by strength.

    ``data`` says where each comes from. Raises InputError for none or negative ones.
    """

    lead_days: int
    weeks: int
    vials: Mapping[Concentration, tuple[Volume, ...]]
    data: tuple[Datum, ...] = ()

    def __post_init__(self) -> None:
        if self.lead_days < 0:
            raise InputError("lead", str(self.lead_days), "is less than no time", accepted=("0 days or more",))
        if self.weeks < 1:
            raise InputError("weeks", str(self.weeks), "is no time to look ahead", accepted=("1 week or more",))
        for strength, sizes in self.vials.items():
            if not sizes or min(sizes).nl < 1:
                raise InputError("vials", str(strength), "has no vial that holds anything")


@dataclass(frozen=True, slots=True)
class NextRefill:
    """A refill that is to come: of whose ``pump``, on which day, of what. None is what nobody knows.

    ``elsewhere`` says that another clinic does it, with its own drug.
    """

    pump: str
    on: date | None
    strength: Concentration | None
    volume: Volume | None
    model: str = ""
    elsewhere: bool = False


@dataclass(frozen=True, slots=True)
class Stock:
    """Unopened vials of one lot. ``expires`` is the last day on which it may be used. Raises InputError for an empty one."""

    strength: Concentration
    vial: Volume
    count: int
    lot: str
    expires: date

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InputError("count", str(self.count), "is no number of vials on hand", accepted=("1 or more",))
        if self.vial.nl < 1:
            raise InputError("vial", str(self.vial), "holds nothing")

    def __str__(self) -> str:
        return f"{self.count} x {self.vial} of lot {self.lot}, expires {self.expires}"


@dataclass(frozen=True, slots=True)
class Vials:
    """So many vials of one size."""

    size: Volume
    count: int

    def __str__(self) -> str:
        return f"{self.count} x {self.size}"


@dataclass(frozen=True, slots=True)
class Need:
    """What the refills of one strength in one week need: ``needed`` is injected, ``from_stock`` and ``to_order`` are its parts.

    ``least`` are the fewest vials that would hold it all, were nothing in stock; ``taken`` the vials out of stock, ``order`` the
    fewest for the rest, both empty where there are none. Without a vial size for the strength ``least`` and ``order`` are None.
    ``order_by`` is the last day to order: the first day on which an ordered vial is used, less the lead time.
    """

    strength: Concentration
    refills: int
    needed: Volume
    least: tuple[Vials, ...] | None
    from_stock: Volume
    taken: tuple[Stock, ...]
    to_order: Volume
    order: tuple[Vials, ...] | None
    order_by: date | None


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days from ``start``, and what they need, the weakest strength first."""

    start: date
    needs: tuple[Need, ...]


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A refill that stands in no week, and why."""

    refill: NextRefill
    why: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """The weeks from ``today`` on; what could not be placed, and stock that ``expired`` before a refill used it.

    ``left`` is the stock that is still there, and good, after the last week.
    """

    today: date
    weeks: tuple[Week, ...]
    unplaced: tuple[Unplaced, ...]
    expired: tuple[Stock, ...]
    left: tuple[Stock, ...]
    settings: Settings

    @property
    def end(self) -> date:
        """The day after the last week."""
        return self.today + timedelta(weeks=self.settings.weeks)


@cache
def default_settings() -> Settings:
    """The settings of the package, each with its source and how sure it is."""
    tables = read_data("clinic", "forecast")
    lead, ahead = (read_datum(name, tables["order"][name], "clinic forecast") for name in ("lead", "ahead"))
    vials: dict[Concentration, tuple[Volume, ...]] = {}
    data = [lead, ahead]
    for strength, containers in tables["vials"].items():
        found = [read_datum(f"{strength}, {name}", table, "clinic forecast") for name, table in containers.items()]
        vials[Concentration.parse(strength)] = tuple(sorted(Volume.parse(datum.value) for datum in found))
        data += found
    return Settings(Duration.parse(lead.value).s // DAY_S, Duration.parse(ahead.value).s // WEEK_S, vials, tuple(data))


def refills_ahead(look: Look, pump: str, until: date) -> tuple[NextRefill, ...]:
    """The refills of the pump in place up to a day, at its last volume and strength; nothing without a pump.

    The first is on the day that is booked, if that is in time, otherwise on the day by which to refill, or today where that has
    passed; those after it come as often as volume, stability and the clinic ask for. What is not known is None.
    """
    place, filled = pump_in_place(look.known), look.chart.filled
    if place is None:
        return ()
    due = refill_due(look)
    volume, strength = (filled.volume, filled.concentration) if filled else (None, None)
    ahead, other = appointments(look), elsewhere(look)
    day = visit_day(look, due) if due else ahead[0].on if ahead else None
    on = day.date(look.zone) if day else None
    first = NextRefill(pump, on, strength, volume, place.pump)
    if other is not None and not ahead and look.now <= other.proof_due:
        return (replace(first, on=other.on.date(look.zone), elsewhere=True),)
    every = _every_days(due) if due else 0
    later = []
    while on is not None and every > 0 and (on := on + timedelta(days=every)) <= until:
        later.append(replace(first, on=on))
    return (first, *later)


def _every_days(due: RefillDue) -> int:
    """Whole days from one fill to the next, by the bounds that come again with each."""
    again = [bound.at.s for bound in due.bounds if bound.governor not in _NOT_IN_A_ROW]
    return (min(again) - due.buffer.s - due.filled.s) // DAY_S


def drug_forecast(
    refills: Iterable[NextRefill], today: date, stock: Iterable[Stock] = (), settings: Settings | None = None
) -> Forecast:
    """What refills need in the weeks from ``today`` on; those after them do not count.

    Stock is used first-expiry-first, whatever its size; of one expiry the smallest vial that is enough. A refill without a day,
    strength or volume, of before today or elsewhere is named, with the reason. Raises InputError for one that stands twice.
    """
    settings = settings or default_settings()
    shelf = _Shelf(stock)
    end, unplaced = today + timedelta(weeks=settings.weeks), []
    served: list[_Served] = []
    for refill in _in_order(refills):
        why = _why_unplaced(refill, today)
        if why:
            unplaced.append(Unplaced(refill, why))
        elif refill.on is not None and refill.strength is not None and refill.volume is not None and refill.on < end:
            sizes = settings.vials.get(refill.strength)
            served.append(_serve(refill.on, refill.strength, refill.volume, shelf, sizes))
    weeks = []
    for number in range(settings.weeks):
        start = today + timedelta(weeks=number)
        of_week = [each for each in served if start <= each.on < start + timedelta(weeks=1)]
        strengths = sorted({each.strength for each in of_week})
        needs = [_need([each for each in of_week if each.strength == strength], settings) for strength in strengths]
        weeks.append(Week(start, tuple(needs)))
    expired, left = shelf.rest(end)
    return Forecast(today, tuple(weeks), tuple(unplaced), expired, left, settings)


def least_vials(volume: Volume, sizes: Sequence[Volume]) -> tuple[Vials, ...]:
    """The fewest vials that hold a volume, and of those the least to discard; the largest size first. Nothing for nothing."""
    if not volume.nl:
        return ()
    held = sorted({size.nl for size in sizes}, reverse=True)
    enough = (each for each in combinations_with_replacement(held, -(-volume.nl // held[0])) if sum(each) >= volume.nl)
    return _counted(min(enough, key=sum))


@dataclass(frozen=True, slots=True)
class _Served:
    """One refill: what of it is in stock, and what is not."""

    on: date
    strength: Concentration
    volume: Volume
    taken: list[Stock]
    to_order: Volume
    least: tuple[Vials, ...] | None
    order: tuple[Vials, ...] | None


@dataclass(slots=True)
class _Shelf:
    """The stock while vials are taken out of it, by expiry."""

    stock: Iterable[Stock]
    lots: list[Stock] = field(init=False)

    def __post_init__(self) -> None:
        self.lots = sorted(self.stock, key=_expiry)

    def take(self, strength: Concentration, on: date, wanted_nl: int) -> Stock | None:
        """One vial of the first expiry that is good on a day; None where there is none."""
        good = [lot for lot in self.lots if lot.strength == strength and lot.expires >= on]
        first = [lot for lot in good if lot.expires == good[0].expires]
        if not first:
            return None
        enough = [lot for lot in first if lot.vial.nl >= wanted_nl]
        lot = min(enough, key=lambda lot: lot.vial) if enough else max(first, key=lambda lot: lot.vial)
        self.lots.remove(lot)
        if lot.count > 1:
            insort(self.lots, replace(lot, count=lot.count - 1), key=_expiry)
        return replace(lot, count=1)

    def rest(self, end: date) -> tuple[tuple[Stock, ...], tuple[Stock, ...]]:
        """(what expired unused before a day, what is left)."""
        last = end - timedelta(days=1)
        return tuple(lot for lot in self.lots if lot.expires < last), tuple(lot for lot in self.lots if lot.expires >= last)


def _expiry(lot: Stock) -> tuple[date, Concentration, int, str]:
    return lot.expires, lot.strength, lot.vial.nl, lot.lot


def _in_order(refills: Iterable[NextRefill]) -> list[NextRefill]:
    """By day, those without one last; of one day by pump, so that the same refills always come to the same forecast."""
    ordered = sorted(refills, key=lambda each: (each.on or date.max, each.pump))
    for before, after in pairwise(ordered):
        if (before.pump, before.on) == (after.pump, after.on):
            raise InputError("refills", after.pump, f"stands twice on {after.on}" if after.on else "stands twice without a day")
    return ordered


def _why_unplaced(refill: NextRefill, today: date) -> str | None:
    if refill.elsewhere:
        return f"refilled elsewhere{f', on {refill.on}' if refill.on else ''}"
    wants = {"day": refill.on, "strength": refill.strength, "volume": refill.volume}
    missing = [name for name, value in wants.items() if value is None]
    if missing:
        return f"not known: {', '.join(missing)}"
    if refill.on is not None and refill.on < today:
        return f"it was to be on {refill.on}, which has passed"
    return None


def _serve(on: date, strength: Concentration, volume: Volume, shelf: _Shelf, sizes: tuple[Volume, ...] | None) -> _Served:
    taken: list[Stock] = []
    wanted_nl = volume.nl
    while wanted_nl > 0 and (vial := shelf.take(strength, on, wanted_nl)) is not None:
        taken.append(vial)
        wanted_nl -= vial.vial.nl
    rest = Volume(max(wanted_nl, 0))
    least, order = (least_vials(volume, sizes), least_vials(rest, sizes)) if sizes else (None, None)
    return _Served(on, strength, volume, taken, rest, least, order)


def _need(served: list[_Served], settings: Settings) -> Need:
    """The refills of one strength in one week, added up."""
    needed, to_order = sum(each.volume.nl for each in served), sum(each.to_order.nl for each in served)
    first = min((each.on for each in served if each.to_order.nl), default=None)
    taken: dict[Stock, int] = {}
    for vial in (vial for each in served for vial in each.taken):
        taken[vial] = taken.get(vial, 0) + 1
    return Need(
        strength=served[0].strength,
        refills=len(served),
        needed=Volume(needed),
        least=_together(each.least for each in served),
        from_stock=Volume(needed - to_order),
        taken=tuple(replace(vial, count=count) for vial, count in taken.items()),
        to_order=Volume(to_order),
        order=_together(each.order for each in served),
        order_by=first - timedelta(days=settings.lead_days) if first else None,
    )


def _together(parts: Iterable[tuple[Vials, ...] | None]) -> tuple[Vials, ...] | None:
    sizes: list[int] = []
    for part in parts:
        if part is None:
            return None
        sizes += [vials.size.nl for vials in part for _ in range(vials.count)]
    return _counted(sizes)


def _counted(sizes_nl: Iterable[int]) -> tuple[Vials, ...]:
    held = sorted(sizes_nl, reverse=True)
    return tuple(Vials(Volume(size), held.count(size)) for size in dict.fromkeys(held))


def forecast_section(forecast: Forecast) -> tuple[Section, ...]:
    """The forecast as tables for print, empty ones left out. Marked is what should have been ordered by today."""
    rows: list[tuple[str, ...]] = []
    marked: set[int] = set()
    for start, need in ((week.start, need) for week in forecast.weeks for need in week.needs):
        if need.order_by is not None and need.order_by <= forecast.today:
            marked.add(len(rows))
        rows.append((start.isoformat(), *_need_cells(need)))
    columns = ("week from", "strength", "refills", "needed", "fewest vials", "from stock", "to order", "order by")
    unplaced = [(each.refill.pump, each.refill.model or "not known", each.why) for each in forecast.unplaced]
    sections = (
        Section(f"Drug from {forecast.today} to {forecast.end - timedelta(days=1)}", columns, tuple(rows), frozenset(marked)),
        Section("Refills that are not counted", ("pump", "model", "why"), tuple(unplaced)),
        Section("Stock that expires before a refill uses it", _STOCK, tuple(_stock_rows(forecast.expired))),
        Section("Stock that is left", _STOCK, tuple(_stock_rows(forecast.left))),
        Section("Counted with", ("setting", "value", "source", "confidence"), tuple(_setting_rows(forecast.settings))),
    )
    return tuple(section for section in sections if section.rows)


_STOCK = ("strength", "vials", "lot", "expires")


def _need_cells(need: Need) -> tuple[str, ...]:
    unsized = "no vial size on record"
    order = unsized if need.order is None else _listed(need.order)
    return (
        str(need.strength),
        str(need.refills),
        str(need.needed),
        unsized if need.least is None else _listed(need.least),
        f"{need.from_stock}: {_listed(need.taken)}" if need.taken else "none",
        f"{need.to_order}: {order}" if need.to_order.nl else "none",
        need.order_by.isoformat() if need.order_by else "",
    )


def _listed(parts: Iterable[Vials | Stock]) -> str:
    return "; ".join(map(str, parts))


def _stock_rows(stock: Iterable[Stock]) -> Iterator[tuple[str, ...]]:
    for lot in stock:
        yield str(lot.strength), f"{lot.count} x {lot.vial}", lot.lot, lot.expires.isoformat()


def _setting_rows(settings: Settings) -> Iterator[tuple[str, ...]]:
    yield from ((datum.name, datum.value, datum.source, datum.confidence) for datum in settings.data)
    if not settings.data:
        yield "lead", f"{settings.lead_days} days", "the clinic's own", "D"
        for strength, sizes in sorted(settings.vials.items()):
            yield f"{strength}, vials", ", ".join(map(str, sizes)), "the clinic's own", "D"
