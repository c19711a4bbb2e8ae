"""The drug forecast: what refills need, what is in stock, what to order and by when; nothing lost and nothing counted twice."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.charts import Story, day, started
from thecal.chart.clinical import Booked, Documented
from thecal.chart.facts import Explanted
from thecal.clinic.drug_forecast import (
    Forecast,
    Need,
    NextRefill,
    Settings,
    Stock,
    Vials,
    default_settings,
    drug_forecast,
    forecast_section,
    least_vials,
    refills_ahead,
)
from thecal.errors import InputError
from thecal.quantity import Concentration, Volume

TODAY = date(2026, 3, 2)
WEAK, MIDDLE, STRONG, ODD = (Concentration(mcg) for mcg in (500, 1000, 2000, 3000))
SMALL, LARGE = Volume(5_000_000), Volume(20_000_000)


def ml(volume: float) -> Volume:
    return Volume(round(volume * 10**6))


def after(days: int) -> date:
    return TODAY + timedelta(days=days)


def refill(
    pump: str = "P-1", days: int = 0, strength: Concentration | None = STRONG, volume: Volume | None = ml(20)
) -> NextRefill:
    return NextRefill(pump, after(days), strength, volume, "synchromed-ii-40")


def vials(count: int = 1, expires: int = 365, lot: str = "A", strength: Concentration = STRONG, size: Volume = LARGE) -> Stock:
    return Stock(strength, size, count, lot, after(expires))


def needs(forecast: Forecast) -> list[Need]:
    return [need for week in forecast.weeks for need in week.needs]


def only(forecast: Forecast) -> Need:
    (need,) = needs(forecast)
    return need


def test_a_refill_needs_its_volume_in_its_week_and_is_ordered_a_lead_time_before() -> None:
    """Of the strength, in the fewest vials, from the first day of use back."""
    forecast = drug_forecast([refill(days=16), refill("P-2", 18, volume=ml(38)), refill("P-3", 16, WEAK, ml(18))], TODAY)
    assert [week.start for week in forecast.weeks] == [after(7 * number) for number in range(8)]
    assert [len(week.needs) for week in forecast.weeks] == [0, 0, 2, 0, 0, 0, 0, 0]
    weak, strong = forecast.weeks[2].needs
    assert (weak.strength, weak.refills, weak.needed, weak.order) == (WEAK, 1, ml(18), (Vials(LARGE, 1),))
    assert (strong.strength, strong.refills, strong.needed) == (STRONG, 2, ml(58))
    assert strong.order == strong.least == (Vials(LARGE, 3),)
    assert strong.order_by == after(16 - 10)


def test_a_vial_is_opened_for_one_refill_only() -> None:
    """Two times 10 mL need two vials of 20 mL, not one."""
    need = only(drug_forecast([refill(strength=WEAK, volume=ml(10)), refill("P-2", strength=WEAK, volume=ml(10))], TODAY))
    assert need.least == (Vials(LARGE, 2),)
    assert need.needed == ml(20)


@pytest.mark.parametrize(
    ("volume", "fewest"),
    [
        (0, ()),
        (5, (Vials(SMALL, 1),)),
        (5.000001, (Vials(LARGE, 1),)),
        (20, (Vials(LARGE, 1),)),
        (20.000001, (Vials(LARGE, 1), Vials(SMALL, 1))),
        (25.000001, (Vials(LARGE, 2),)),
        (40, (Vials(LARGE, 2),)),
        (44, (Vials(LARGE, 2), Vials(SMALL, 1))),
    ],
)
def test_the_fewest_vials_and_of_those_the_least_waste(volume: float, fewest: tuple[Vials, ...]) -> None:
    """To the nanolitre."""
    assert least_vials(ml(volume), (SMALL, LARGE)) == fewest


@given(st.integers(1, 60), st.sets(st.integers(3, 25), min_size=1, max_size=3))
def test_no_choice_of_vials_is_better(volume: int, sizes: set[int]) -> None:
    """Against every number of every size: none holds it with fewer, nor with as many and less waste."""
    found = least_vials(ml(volume), [ml(size) for size in sizes])
    count, held = sum(each.count for each in found), sum(each.count * each.size.nl for each in found) // 10**6
    choices = product(*[range(volume // size + 2) for size in sizes])
    sums = [(sum(choice), sum(n * size for n, size in zip(choice, sizes, strict=True))) for choice in choices]
    assert (count, held) == min(each for each in sums if each[1] >= volume)


def test_what_is_in_stock_is_not_ordered() -> None:
    """The rest is; a later week finds only what an earlier one has left."""
    forecast = drug_forecast([refill(days=1), refill("P-2", 8, volume=ml(40))], TODAY, [vials(2)])
    first, second = needs(forecast)
    assert (first.from_stock, first.taken, first.order, first.order_by) == (ml(20), (vials(1),), (), None)
    assert (second.from_stock, second.taken, second.to_order) == (ml(20), (vials(1),), ml(20))
    assert (second.order, second.order_by) == ((Vials(LARGE, 1),), after(8 - 10))
    assert forecast.left == ()


def test_the_first_refill_that_stock_does_not_cover_says_by_when_to_order() -> None:
    """Not the first one of the week."""
    need = only(drug_forecast([refill(days=1), refill("P-2", 3)], TODAY, [vials(1)]))
    assert need.order_by == after(3 - 10)


def test_stock_is_used_first_expiry_first() -> None:
    """Whatever the order in which it is listed; of one expiry the smallest vial that is enough."""
    stock = [vials(1, 300, "late"), vials(1, 30, "early"), vials(1, 100, "middle")]
    need = only(drug_forecast([refill(volume=ml(40))], TODAY, stock))
    assert [lot.lot for lot in need.taken] == ["early", "middle"]
    same_day = [vials(1, 30, "large"), vials(2, 30, "small", size=SMALL)]
    need = only(drug_forecast([refill(volume=ml(4))], TODAY, same_day))
    assert [lot.lot for lot in need.taken] == ["small"]
    need = only(drug_forecast([refill(volume=ml(24))], TODAY, same_day))
    assert [(lot.lot, lot.count) for lot in need.taken] == [("large", 1), ("small", 1)]


def test_stock_that_expires_before_its_use_is_not_counted_and_is_named() -> None:
    """The day on which it expires is the last on which it may be used."""
    refills = [refill(days=20)]
    good = drug_forecast(refills, TODAY, [vials(1, 20, "good")])
    assert (only(good).order, good.expired) == ((), ())
    gone = drug_forecast(refills, TODAY, [vials(3, 19, "gone"), vials(1, -1, "older")])
    assert only(gone).order == (Vials(LARGE, 1),)
    assert gone.expired == (vials(1, -1, "older"), vials(3, 19, "gone"))
    assert gone.left == ()


def test_stock_of_another_strength_is_not_used() -> None:
    forecast = drug_forecast([refill(strength=WEAK)], TODAY, [vials(5)])
    assert only(forecast).from_stock == Volume(0)
    assert forecast.left == (vials(5),)


def test_refills_after_the_eight_weeks_do_not_count() -> None:
    """The last day does, the one after it does not, nor does it use stock."""
    last, beyond = refill(days=55), refill("P-2", 56)
    forecast = drug_forecast([last, beyond], TODAY, [vials(2)])
    assert forecast.end == after(56)
    assert only(forecast).refills == 1
    assert forecast.weeks[-1].needs
    assert forecast.left == (vials(1),)
    assert forecast.unplaced == ()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"strength": None}, "not known: strength"),
        ({"volume": None}, "not known: volume"),
        ({"on": None, "strength": None, "volume": None}, "not known: day, strength, volume"),
        ({"on": after(-1)}, "it was to be on 2026-03-01, which has passed"),
        ({"elsewhere": True}, "refilled elsewhere, on 2026-03-12"),
    ],
)
def test_a_refill_that_cannot_be_counted_is_named_and_not_dropped(change: dict[str, date | bool | None], why: str) -> None:
    """With the reason; the others count."""
    unknown = replace(refill("P-2", 10), **change)  # type: ignore[arg-type]  # each change is of its field
    forecast = drug_forecast([refill(), unknown], TODAY)
    assert [(each.refill, each.why) for each in forecast.unplaced] == [(unknown, why)]
    assert only(forecast).refills == 1


def test_a_strength_without_a_vial_size_is_still_counted() -> None:
    """Its volume is to be ordered, by a day; in which vials nobody knows. Stock of it is used."""
    need = only(drug_forecast([refill(strength=ODD, volume=ml(30))], TODAY, [vials(1, strength=ODD, size=ml(12))]))
    assert (need.least, need.order) == (None, None)
    assert (need.from_stock, need.to_order, need.order_by) == (ml(12), ml(18), after(-10))


def test_a_refill_that_stands_twice_is_refused() -> None:
    """The same pump on another day is another refill."""
    with pytest.raises(InputError, match="stands twice on 2026-03-03"):
        drug_forecast([refill(days=1), refill(days=1, volume=ml(10))], TODAY)
    assert [need.refills for need in needs(drug_forecast([refill(days=1), refill(days=31)], TODAY))] == [1, 1]


VOLUMES = st.integers(1, 45_000_000).map(Volume)
REFILLS = st.lists(
    st.builds(
        NextRefill,
        pump=st.sampled_from([f"P-{number}" for number in range(8)]),
        on=st.integers(-3, 60).map(after) | st.none(),
        strength=st.sampled_from([WEAK, MIDDLE, STRONG, ODD]) | st.none(),
        volume=VOLUMES | st.none(),
    ),
    max_size=12,
    unique_by=lambda each: (each.pump, each.on),
)
STOCKS = st.lists(
    st.builds(
        Stock,
        strength=st.sampled_from([WEAK, MIDDLE, STRONG, ODD]),
        vial=st.sampled_from([SMALL, LARGE, ml(12)]),
        count=st.integers(1, 4),
        lot=st.sampled_from("ABC"),
        expires=st.integers(-10, 90).map(after),
    ),
    max_size=6,
)


def counted(stock: tuple[Stock, ...] | list[Stock]) -> Counter[tuple[Concentration, Volume, str, date]]:
    counter: Counter[tuple[Concentration, Volume, str, date]] = Counter()
    for lot in stock:
        counter[lot.strength, lot.vial, lot.lot, lot.expires] += lot.count
    return counter


@given(REFILLS, STOCKS)
def test_nothing_is_lost_and_nothing_counted_twice(refills: list[NextRefill], stock: list[Stock]) -> None:
    """Every refill is counted, named or after the end; every vial is taken, expired or left; the rest is ordered."""
    forecast = drug_forecast(refills, TODAY, stock)
    all_of_them = needs(forecast)
    later = [each for each in refills if each.on and each.on >= forecast.end and each.strength and each.volume]
    assert sum(need.refills for need in all_of_them) + len(forecast.unplaced) + len(later) == len(refills)
    inside = [each for each in refills if each.on and TODAY <= each.on < forecast.end and each.strength and each.volume]
    assert sum(need.needed.nl for need in all_of_them) == sum(each.volume.nl for each in inside if each.volume)
    taken = tuple(lot for need in all_of_them for lot in need.taken)
    assert counted(taken + forecast.expired + forecast.left) == counted(stock)
    for need in all_of_them:
        assert need.needed == need.from_stock + need.to_order
        assert all(lot.strength == need.strength for lot in need.taken)
        held = sum(lot.count * lot.vial.nl for lot in need.taken)
        assert need.from_stock.nl <= held
        assert bool(need.from_stock.nl) == bool(need.taken)
        assert need.order is None or sum(each.count * each.size.nl for each in need.order) >= need.to_order.nl
        assert bool(need.to_order.nl) == (need.order_by is not None)


@given(REFILLS, STOCKS)
def test_nothing_is_ordered_while_good_stock_is_left(refills: list[NextRefill], stock: list[Stock]) -> None:
    """And nothing is taken after it has expired."""
    forecast = drug_forecast(refills, TODAY, stock)
    for week in forecast.weeks:
        for need in week.needs:
            assert all(lot.expires >= week.start for lot in need.taken)
            assert not need.to_order.nl or not any(lot.strength == need.strength for lot in forecast.left)


@given(REFILLS, STOCKS, st.randoms(use_true_random=False))
def test_the_order_in_which_things_are_listed_changes_nothing(
    refills: list[NextRefill], stock: list[Stock], chance: st.DataObject
) -> None:
    """The same refills and stock come to the same forecast."""
    mixed_refills, mixed_stock = list(refills), list(stock)
    chance.shuffle(mixed_refills)  # type: ignore[attr-defined]  # a random.Random
    chance.shuffle(mixed_stock)  # type: ignore[attr-defined]  # as above
    before, again = drug_forecast(refills, TODAY, stock), drug_forecast(mixed_refills, TODAY, mixed_stock)
    assert again.weeks == before.weeks
    assert counted(again.left) == counted(before.left)


@pytest.mark.parametrize(
    ("mcg_a_day", "days"),
    [(100, ["2026-06-14"]), (700, ["2026-01-23", "2026-02-10", "2026-02-28"])],
)
def test_the_refills_of_a_pump_come_as_often_as_it_empties(mcg_a_day: int, days: list[str]) -> None:
    """Up to a day. 38 mL at 1.4 mL/day and a gain of 14.5 % last 23.7 days, less a buffer of 5: every 18 days."""
    found = refills_ahead(started(mcg_a_day).look(1), "P-1", date(2026, 3, 10))
    assert [each.on.isoformat() for each in found if each.on] == days
    assert {(each.pump, each.strength, each.volume, each.model) for each in found} == {("P-1", WEAK, ml(40), "synchromed-ii-40")}


def test_a_booked_refill_counts_on_its_day_if_that_is_in_time() -> None:
    """One that is too late, on the day by which to refill."""
    booked = started(100).fact(Booked(day(1), "refill", day(100)))
    assert [each.on for each in refills_ahead(booked.look(2), "P-1", date(2026, 6, 1))] == [date(2026, 4, 15)]
    late = started(100).fact(Booked(day(1), "refill", day(170)))
    assert [each.on for each in refills_ahead(late.look(2), "P-1", date(2026, 6, 1))] == [date(2026, 6, 14)]


def test_an_overdue_refill_is_needed_today() -> None:
    """It does not fall out of the forecast."""
    look = started(100).look(200)
    today = look.now.date(look.zone)
    (first, *_) = refills_ahead(look, "P-1", today)
    assert first.on == today
    assert only(drug_forecast([first], today)).refills == 1


def test_a_refill_elsewhere_is_named_until_its_proof_is_due() -> None:
    """Afterwards it is the clinic's own again (SAF-08)."""
    story = started(100).fact(Documented(day(1), "refill elsewhere", day(50), "another clinic"))
    (found,) = refills_ahead(story.look(2), "P-1", date(2026, 12, 31))
    assert (found.elsewhere, found.on) == (True, date(2026, 2, 24))
    again = refills_ahead(story.look(120), "P-1", date(2026, 6, 30))
    assert [each.elsewhere for each in again] == [False]


def test_a_pump_that_was_never_filled_is_named_and_one_that_is_out_is_not() -> None:
    """What nobody knows of it is None."""
    (found,) = refills_ahead(Story().person().implanted(0).look(1), "P-1", date(2026, 12, 31))
    assert (found.on, found.strength, found.volume) == (None, None, None)
    assert drug_forecast([found], TODAY).unplaced[0].why == "not known: day, strength, volume"
    assert refills_ahead(started(100).fact(Explanted(day(1))).look(2), "P-1", date(2026, 12, 31)) == ()


def test_the_settings_of_the_package_say_where_they_come_from() -> None:
    """Sizes by strength; the lead time is no published number."""
    settings = default_settings()
    assert settings.vials == {WEAK: (LARGE,), MIDDLE: (LARGE,), STRONG: (SMALL, LARGE)}
    assert (settings.lead_days, settings.weeks) == (10, 8)
    assert {datum.name: datum.confidence for datum in settings.data}["lead"] == "U"
    assert all(datum.source for datum in settings.data)


def test_a_clinic_may_count_with_its_own() -> None:
    """Another lead time, fewer weeks, only small ampules."""
    own = Settings(21, 2, {STRONG: (SMALL,)})
    forecast = drug_forecast([refill(days=13), refill("P-2", 14)], TODAY, settings=own)
    assert (only(forecast).order, only(forecast).order_by) == ((Vials(SMALL, 4),), after(13 - 21))
    assert forecast_section(forecast)[-1].rows[0] == ("lead", "21 days", "the clinic's own", "D")


@pytest.mark.parametrize(
    ("lead", "weeks", "sizes"), [(-1, 8, (LARGE,)), (10, 0, (LARGE,)), (10, 8, ()), (10, 8, (Volume(0), LARGE))]
)
def test_settings_that_mean_nothing_are_refused(lead: int, weeks: int, sizes: tuple[Volume, ...]) -> None:
    with pytest.raises(InputError):
        Settings(lead, weeks, {STRONG: sizes})


@pytest.mark.parametrize(("count", "size"), [(0, LARGE), (-1, LARGE), (1, Volume(0))])
def test_stock_of_nothing_is_refused(count: int, size: Volume) -> None:
    with pytest.raises(InputError):
        vials(count, size=size)


def test_the_print_names_everything_with_its_unit() -> None:
    """What should have been ordered by today is marked; empty tables are left out."""
    refills = [refill(days=3, volume=ml(38)), refill("P-2", 30, ODD), refill("P-3", 5, None)]
    stock = [vials(1, 2, "gone"), vials(1, 300, "good"), vials(1, 400, "spare", WEAK)]
    weeks, unplaced, expired, left, counted_with = forecast_section(drug_forecast(refills, TODAY, stock))
    assert weeks.title == "Drug from 2026-03-02 to 2026-04-26"
    good = "20 mL: 1 x 20 mL of lot good, expires 2026-12-27"
    assert weeks.rows == (
        ("2026-03-02", "2,000 mcg/mL", "1", "38 mL", "2 x 20 mL", good, "18 mL: 1 x 20 mL", "2026-02-23"),
        (
            "2026-03-30",
            "3,000 mcg/mL",
            "1",
            "20 mL",
            "no vial size on record",
            "none",
            "20 mL: no vial size on record",
            "2026-03-22",
        ),
    )
    assert weeks.marked == {0}
    assert unplaced.rows == (("P-3", "synchromed-ii-40", "not known: strength"),)
    assert expired.rows == (("2,000 mcg/mL", "1 x 20 mL", "gone", "2026-03-04"),)
    assert left.rows == (("500 mcg/mL", "1 x 20 mL", "spare", "2027-04-06"),)
    assert all(len(row) == len(counted_with.columns) for row in counted_with.rows)
    assert [section.title for section in forecast_section(drug_forecast([], TODAY))] == ["Counted with"]
