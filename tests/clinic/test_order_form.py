"""The fields of the program editor: what they come to, what cannot be read, and the table of steps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thecal.chart.order import (
    FlexDay,
    Order,
    OrderBolus,
    OrderContinuous,
    OrderFlex,
    OrderMinimumRate,
    OrderNoPatient,
    OrderPatient,
    OrderPeriodic,
    OrderStop,
    StepDose,
)
from thecal.chart.order_sheet import OrderSheet
from thecal.clinic.order_form import Group, clock_of, edited, fields_of, groups_of, read_orders, with_groups
from thecal.errors import InputError
from thecal.quantity import Amount, Concentration, DailyDose, FlowRate, Volume
from thecal.timeline import DAY_S, Duration

MCG = 10**6
NIGHT = Group((), "140", (("06:00", "22:00", "80"), ("22:00", "06:00", "60 mcg")))


def flex(*groups: Group, **more: str) -> dict[str, str]:
    """The fields of a flex program."""
    return with_groups({"mode": "flex", **more}, groups)


def test_the_fields_of_a_flex_program_come_to_its_steps() -> None:
    """A number alone has the unit of its label, and its daily total confirms the 24 h of days that are all alike."""
    typed = read_orders(flex(NIGHT))
    steps = (StepDose(6 * 3600, 22 * 3600, Amount(80 * MCG)), StepDose(22 * 3600, 6 * 3600, Amount(60 * MCG)))
    total = DailyDose(140 * MCG)
    assert not typed.errors
    assert typed.orders == OrderSheet(OrderFlex((FlexDay((), total, steps),)), confirm_total=total)


def test_weekdays_have_their_own_totals_and_do_not_confirm_the_24_hours() -> None:
    """The most in any 24 h may be more than that of any day, so somebody has to say it."""
    work = Group(("Mon", "Tue", "Wed", "Thu", "Fri"), "120", (("00:00", "24:00", "120"),))
    free = Group(("Sat", "Sun"), "100", (("00:00", "24:00", "100"),))
    typed = read_orders(flex(work, free))
    assert isinstance(typed.orders.dosing, OrderFlex)
    assert [day.weekdays for day in typed.orders.dosing.days] == [(0, 1, 2, 3, 4), (5, 6)]
    assert typed.orders.confirm_total is None
    assert read_orders(flex(work, free, total="120")).orders.confirm_total == DailyDose(120 * MCG)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"mode": "simple continuous"}, "dose"),
        ({"mode": "simple continuous", "dose": "0.12 mg/day"}, "dose"),
        ({"mode": "simple continuous", "dose": "0"}, "dose"),
        ({"mode": "sometimes"}, "mode"),
        ({"mode": "flex"}, "total-0"),
        ({"mode": "flex", "total-0": "100", "from-0-0": "25:00", "to-0-0": "24:00", "dose-0-0": "100"}, "from-0-0"),
        ({"mode": "flex", "total-0": "100", "from-0-0": "24:00", "to-0-0": "24:00", "dose-0-0": "100"}, "from-0-0"),
        ({"mode": "flex", "total-0": "100", "from-0-0": "00:00", "to-0-0": "", "dose-0-0": "100"}, "to-0-0"),
        (
            {"mode": "periodic bolus", "p_dose": "20", "p_over": "15", "p_every": "6 h", "p_first": "06:00", "p_basal": "60"},
            "p_over",
        ),
        ({"patient": "set", "pb_dose": "5", "pb_over": "5 min", "pb_lockout": "4 h", "pb_per_day": "four"}, "pb_per_day"),
        ({"bolus_dose": "25"}, "bolus_over"),
        ({"bolus_over": "10 min"}, "bolus_dose"),
        ({"concentration": "0.5 mg/mL"}, "concentration"),
        ({"reservoir": "18 cc"}, "reservoir"),
        ({"plan": "no bridge"}, "why_no_bridge"),
        ({"plan": "prime", "prime_flow": "1"}, "prime_flow"),
        ({"total": "fifty"}, "total"),
    ],
)
def test_what_cannot_be_read_is_an_error_of_its_field(fields: dict[str, str], wrong: str) -> None:
    """A duration or a flow without its unit too: hours that were typed as minutes have killed."""
    typed = read_orders(fields)
    assert wrong in typed.errors
    assert typed.errors[wrong].sentence()


def test_fields_of_other_modes_are_not_ordered() -> None:
    """What stands in the table of steps counts only for flex."""
    typed = read_orders(flex(NIGHT) | {"mode": "simple continuous", "dose": "120"})
    assert typed.orders == OrderSheet(OrderContinuous(DailyDose(120 * MCG)))


def test_nothing_is_asked_by_empty_fields_or_a_total_alone() -> None:
    """A total confirms an order and is none."""
    assert not read_orders({}).asks
    assert not read_orders({"total": "120"}).asks
    assert read_orders({"low_reservoir": "2"}).asks


STEPS = st.lists(st.integers(1, 95), min_size=1, max_size=6, unique=True).map(sorted)
DOSES = st.integers(1, 400 * MCG)


@st.composite
def flexes(draw: st.DrawFn) -> OrderFlex:
    """A flex program of quarters of an hour."""
    ends = [*(quarter * 900 for quarter in draw(STEPS)), DAY_S]
    steps = tuple(StepDose(begin, end, Amount(draw(DOSES))) for begin, end in zip([0, *ends], ends, strict=False))
    return OrderFlex((FlexDay((), DailyDose(sum(step.dose.pg for step in steps)), steps),))


ORDERS: st.SearchStrategy[Order] = st.one_of(
    flexes(),
    DOSES.map(lambda pg: OrderContinuous(DailyDose(pg))),
    st.just(OrderPeriodic(Amount(20 * MCG), Duration(900), Duration(6 * 3600), 3600, DailyDose(60 * MCG))),
    st.just(OrderStop()),
    st.just(OrderMinimumRate()),
)
SHEETS = st.builds(
    OrderSheet,
    dosing=ORDERS,
    patient=st.sampled_from([None, OrderNoPatient(), OrderPatient(Amount(5 * MCG), Duration(300), Duration(4 * 3600), 4)]),
    concentration=st.sampled_from([None, Concentration(500), Concentration(2000)]),
    reservoir=st.one_of(st.none(), st.integers(1, 40 * 10**6).map(Volume)),
    low_reservoir=st.sampled_from([None, Volume(0), Volume(2 * 10**6)]),
    without_bridge=st.sampled_from([None, "the line was aspirated"]),
    bolus=st.sampled_from([None, OrderBolus(Amount(25 * MCG), Duration(600))]),
)


@given(SHEETS)
def test_an_order_is_the_same_after_it_was_shown_and_its_totals_typed(orders: OrderSheet) -> None:
    """Every part of it comes back but the totals, which nobody fills in for a person."""
    fields = fields_of(orders)
    assert "total" not in fields
    if isinstance(orders.dosing, OrderFlex):
        assert fields["total-0"] == ""
        fields["total-0"] = str(orders.dosing.days[0].daily_total)
    typed = read_orders({**fields, "total": "7"})
    assert not typed.errors
    assert typed.orders == OrderSheet(
        **{**{name: getattr(orders, name) for name in OrderSheet.__slots__}, "confirm_total": DailyDose(7 * MCG)}
    )


@pytest.mark.parametrize(("plan", "flow"), [("bridge", ""), ("prime", "1 mL/h")])
def test_a_plan_of_the_line_comes_back(plan: str, flow: str) -> None:
    """A bridge, and a prime with its flow."""
    orders = read_orders({"plan": plan, "prime_flow": flow, "concentration": "1000"}).orders
    assert (orders.bridge, orders.prime) == (plan == "bridge", plan == "prime")
    assert orders.prime_flow == (FlowRate(24 * MCG) if flow else None)
    assert read_orders(fields_of(orders)).orders == orders


def test_a_row_is_added_where_the_last_one_ends() -> None:
    """And everything else that was typed stays."""
    fields, focus = edited(flex(NIGHT, total="140"), "add row 0")
    assert groups_of(fields)[0].rows == (*NIGHT.rows, ("06:00", "24:00", ""))
    assert fields["total"] == "140"
    assert focus == "from-0-2"


def test_rows_and_days_are_taken_out_but_the_last_one_stays() -> None:
    """The table never disappears."""
    fields, _ = edited(flex(NIGHT), "remove row 0 0")
    assert groups_of(fields)[0].rows == (NIGHT.rows[1],)
    fields, _ = edited(fields, "remove row 0 0")
    assert groups_of(fields)[0].rows == (("00:00", "24:00", ""),)
    fields, focus = edited(flex(NIGHT), "add days")
    assert focus == "total-1"
    assert len(groups_of(fields)) == 2
    fields, _ = edited(edited(fields, "remove days 0")[0], "remove days 0")
    assert groups_of(fields) == (Group((), "", (("00:00", "24:00", ""),)),)


@pytest.mark.parametrize("do", ["save me", "add row", "add row 7", "remove row 0 9", "remove days 3", "add row 1 2", ""])
def test_another_button_is_refused(do: str) -> None:
    """A word that no button says, and a row that is not there."""
    with pytest.raises(InputError):
        edited(flex(NIGHT), do)


def test_the_clock_of_a_pump_is_read_to_the_minute() -> None:
    """24:00 only where a step ends."""
    assert clock_of("6:05", "from") == 6 * 3600 + 300
    assert clock_of("24:00", "to", end=True) == DAY_S
    for text in ("24:00", "12:60", "noon", "24:01", "-1:00", ""):
        with pytest.raises(InputError):
            clock_of(text, "from")
