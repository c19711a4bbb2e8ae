"""The laws of the linear body: nothing is lost, what is added adds up, and how a course is written down changes nothing."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.body.bodies import (
    CONCENTRATIONS,
    DAY,
    EFFECTS,
    FLUID,
    HOUR,
    MINUTE,
    SETTLED,
    SHEETS,
    SPAN,
    Floats,
    alone,
    clearance,
    day_and_night,
    everything,
    grids,
    infusions,
    mcg,
    population,
    populations,
    renal_factor,
    seen,
    typical_of,
    worst,
)
from thecal.body.doses import LUMBAR_PUNCTURE, Bolus, Doses, Infusion, Tablets
from thecal.body.patient import PARAMETERS, Patients
from thecal.body.propagate import NumericsError, propagate
from thecal.body.record import DERIVED, LINEAR, Record
from thecal.body.schedule import Grid

FEW = settings(max_examples=12)
SAME = 1e-12


def merged(infusion: Infusion, *others: Infusion, first: Bolus | None = None) -> Doses:
    return Doses((infusion, *others), (first or Bolus(0, mcg(50)),))


@pytest.mark.requirement("BOD-01")
@FEW
@given(populations, everything(), grids)
def test_nothing_is_lost(patients: Patients, doses: Doses, grid: Grid) -> None:
    """What was given is in the fluid, the gut, the blood, gone, or never absorbed; no part is below nothing."""
    balance = seen(patients, doses, grid).balance
    assert balance.closes
    assert np.all(np.abs(balance.gap) <= 1e-9 * balance.given)
    for part in (balance.fluid, balance.gut, balance.plasma, balance.eliminated, balance.unabsorbed):
        assert np.all(part >= -1e-12 * balance.given)


@pytest.mark.parametrize("sheet", SHEETS)
def test_in_the_end_everything_is_gone(sheet: str) -> None:
    """Long after the last dose all of it is eliminated, or was never absorbed: one less F of what was swallowed."""
    patients = population(5, 11, sheet)
    oral = Tablets(0, 2 * DAY, (10, 20), (0, 9 * HOUR))
    doses = Doses((Infusion.constant(120, "T10", 0, 3 * DAY),), (Bolus(HOUR, mcg(50)),), (oral,))
    balance = seen(patients, doses, Grid.over(0, 300 * DAY, DAY)).balance
    unabsorbed = 60_000 * (1 - patients["bioavailability"])
    assert balance.given == pytest.approx(np.full(5, 360 + 50 + 60_000), rel=1e-12)
    assert balance.unabsorbed == pytest.approx(unabsorbed, rel=1e-9)
    assert balance.eliminated == pytest.approx(360 + 50 + 60_000 - unabsorbed, rel=1e-9)
    for part in (balance.fluid, balance.gut, balance.plasma):
        assert np.all(np.abs(part) <= 1e-9 * balance.given)


def test_at_first_everything_is_where_it_was_given() -> None:
    """A second after a bolus the fluid holds it all but a trace; a second after a tablet's lag the gut does."""
    patients = population(4, 3)
    puncture = seen(patients, alone(Bolus(0, mcg(50))), Grid(0, 1, 2), ("legs_ng_per_ml",)).balance
    assert puncture.fluid == pytest.approx(np.full(4, 50.0), rel=1e-3)
    assert np.all(puncture.fluid < 50)
    oral = alone(Tablets(0, DAY, (10,)))
    before = seen(patients, oral, Grid(0, 1, 15 * MINUTE + 1), ("plasma_ng_per_ml",)).balance
    after = seen(patients, oral, Grid(0, 1, 15 * MINUTE + 2), ("plasma_ng_per_ml",)).balance
    assert np.all(before.given == 0)
    assert np.all(before.gut == 0)
    assert after.gut == pytest.approx(np.full(4, 10_000.0), rel=1e-3)


@pytest.mark.requirement("BOD-02")
@FEW
@given(populations, infusions(), grids, st.data())
def test_an_infusion_cut_in_two(patients: Patients, infusion: Infusion, grid: Grid, data: st.DataObject) -> None:
    """An infusion cut at any second, its pattern entered where the first part left it, is the same infusion."""
    if infusion.end_s - infusion.start_s < 2:
        return
    cut = data.draw(st.integers(infusion.start_s + 1, infusion.end_s - 1))
    ahead, rest = replace(infusion, end_s=cut), replace(infusion, start_s=cut, phase_s=infusion.phase_s + cut - infusion.start_s)
    whole, parts = seen(patients, merged(infusion), grid), seen(patients, merged(ahead, rest), grid)
    assert worst(whole, parts) <= SAME
    assert parts.balance.given == pytest.approx(whole.balance.given, rel=SAME)


@pytest.mark.requirement("BOD-02")
@FEW
@given(populations, everything(), grids, st.integers(-40 * DAY, 4000 * DAY))
def test_the_same_at_another_time(patients: Patients, doses: Doses, grid: Grid, seconds: int) -> None:
    """Doses, grid and implant so much later: the same concentrations and balance, and effects wherever no day begins."""
    grid = replace(grid, start_s=grid.start_s // MINUTE * MINUTE + 1, step_s=grid.step_s // MINUTE * MINUTE)
    channels = (*CONCENTRATIONS, *EFFECTS)
    here = seen(patients, doses, grid, channels)
    moved = replace(grid, start_s=grid.start_s + seconds)
    there = seen(patients, doses.later(seconds), moved, channels, implant_s=seconds)
    assert worst(here, there) <= SAME
    assert worst(here, there, EFFECTS) <= 1e-9
    assert there.balance.eliminated == pytest.approx(here.balance.eliminated, rel=1e-10)


@pytest.mark.parametrize(
    "implant",
    [0, 1, 7 * HOUR, 28_980, 29_460, 29_880],
)
def test_a_day_begins_at_its_second(implant: int) -> None:
    """Exactly a day after the implant tolerance is that of the new day, at whatever second the implant was."""
    doses = alone(Infusion.constant(300, "T10", 0, 3 * DAY)).later(implant)
    response = seen(typical_of(), doses, Grid(implant, HOUR, 73), ("tolerance",), implant)
    assert response.tolerance is not None
    assert np.array_equal(response["tolerance"][:, ::24], response.tolerance)


@pytest.mark.requirement("BOD-02")
@FEW
@given(populations, everything(), everything(), grids)
def test_what_is_given_together_adds_up(patients: Patients, one: Doses, other: Doses, grid: Grid) -> None:
    """The response to two courses together is the sum of the responses to each, in either order."""
    first, second = seen(patients, one, grid), seen(patients, other, grid)
    both, swapped = seen(patients, one.and_also(other), grid), seen(patients, other.and_also(one), grid)
    assert worst(both, swapped) <= SAME
    for name in CONCENTRATIONS:
        most = both[name].max(axis=1, keepdims=True)
        assert np.all(np.abs(first[name] + second[name] - both[name]) <= SAME * most), name


@FEW
@given(populations, infusions(), grids)
def test_two_halves_of_a_flow(patients: Patients, infusion: Infusion, grid: Grid) -> None:
    """The same infusion as two of half the flow is the same infusion."""
    half = replace(infusion, mcg_per_h=infusion.mcg_per_h / 2)
    assert worst(seen(patients, merged(infusion), grid), seen(patients, merged(half, half), grid)) <= SAME


@FEW
@given(populations, everything(), grids, st.floats(1e-3, 1e3))
def test_twice_as_much_is_twice_as_high(patients: Patients, doses: Doses, grid: Grid, factor: float) -> None:
    """Every concentration is in proportion to the doses."""
    scaled = Doses(
        tuple(replace(one, mcg_per_h=one.mcg_per_h * factor) for one in doses.infusions),
        tuple(replace(one, mcg=one.mcg * factor) for one in doses.boluses),
        tuple(replace(one, mg=tuple(mg * factor for mg in one.mg)) for one in doses.tablets),
    )
    once, more = seen(patients, doses, grid), seen(patients, scaled, grid)
    for name in CONCENTRATIONS:
        assert np.all(np.abs(more[name] - factor * once[name]) <= SAME * more[name].max(axis=1, keepdims=True)), name


@FEW
@given(everything(), grids, st.integers(0, 2**32 - 1), st.sampled_from(SHEETS))
def test_a_patient_among_others(doses: Doses, grid: Grid, seed: int, sheet: str) -> None:
    """A patient alone and in a batch of very different patients responds alike."""
    patients = population(4, seed, sheet)
    channels = (*CONCENTRATIONS, *EFFECTS)
    together = seen(patients, doses, grid, channels)
    for each in range(4):
        single = seen(patients.take([each]), doses, grid, channels)
        for name in channels:
            most = np.maximum(together[name][each].max(), 1e-300)
            assert np.abs(single[name][0] - together[name][each]).max() <= 1e-10 * most, name


@pytest.mark.requirement("BOD-04")
@FEW
@given(populations, everything(), grids)
def test_the_grid_only_looks(patients: Patients, doses: Doses, grid: Grid) -> None:
    """Concentrations at an instant do not depend on how often, or since when, the body is looked at."""
    here = seen(patients, doses, grid)
    for other in (replace(grid, step_s=grid.step_s * 2, count=(grid.count + 1) // 2), replace(grid, count=1)):
        few = seen(patients, doses, other)
        for name in CONCENTRATIONS:
            at = here[name][:, :: other.step_s // grid.step_s][:, : other.count]
            assert np.all(np.abs(few[name] - at) <= SAME * here[name].max(axis=1, keepdims=True)), name


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_a_patient_among_others_with_tissue(count: int) -> None:
    """So with tissue that gives drug back, in some of them or in all."""
    for ratios in ([2.0, 0.0, 0.01, 9.0, 0.0], [2.0] * 5):
        patients = population(count, 7).with_values(tissue_ratio=ratios[:count], tissue_exchange_per_h=0.5)
        doses, grid = alone(day_and_night(0, 3 * DAY)), Grid.over(SETTLED, 3 * DAY, HOUR)
        together = seen(patients, doses, grid)
        for each in range(count):
            single = seen(patients.take([each]), doses, grid)
            for name in CONCENTRATIONS:
                assert np.abs(single[name][0] - together[name][each]).max() <= 1e-10 * together[name][each].max(), name


def test_equal_steps_are_one_flow() -> None:
    """A pattern of equal steps is the constant infusion."""
    patients, grid = population(3, 5), Grid.over(0, SPAN, HOUR)
    steps = Infusion(0, SPAN, "T10", mcg(4, 4, 4), (5 * HOUR, 5 * HOUR + 1, DAY), 77)
    assert worst(seen(patients, alone(steps), grid), seen(patients, alone(Infusion.constant(96, "T10", 0, SPAN)), grid)) <= SAME


@pytest.mark.parametrize("step", [HOUR, 37 * MINUTE, 5 * HOUR, DAY, 31 * HOUR])
def test_a_month_of_days_written_out(step: int) -> None:
    """A month of the same day is its 30 days written out, with a bolus in it and tablets beside it, however it is looked at."""
    patients, grid = population(3, 6), Grid.over(SETTLED, 30 * DAY, step)
    beside = Doses((), (Bolus(12 * DAY + 5, mcg(50)),), (Tablets(0, 30 * DAY, (10, 10, 5), (8 * HOUR, 14 * HOUR, 20 * HOUR)),))
    whole = alone(day_and_night(0, 30 * DAY)).and_also(beside)
    days = [day_and_night(day * DAY, (day + 1) * DAY) for day in range(30)]
    pills = [replace(beside.tablets[0], start_s=day * DAY, end_s=(day + 1) * DAY) for day in range(30)]
    written = Doses(tuple(days), beside.boluses, tuple(pills))
    channels = (*CONCENTRATIONS, *EFFECTS)
    one, other = seen(patients, whole, grid, channels), seen(patients, written, grid, channels)
    assert worst(one, other) <= SAME
    assert worst(one, other, EFFECTS) <= 1e-9


@pytest.mark.parametrize("period", [8 * HOUR, DAY, 7 * DAY, 5 * HOUR + 1, 20 * DAY])
@pytest.mark.parametrize("step", [HOUR, 7001])
def test_a_pattern_as_its_steps(period: int, step: int) -> None:
    """A pattern of any period is its steps given one after another, on a grid that need not know the period."""
    patients, grid = population(2, 8), Grid.over(SETTLED, 42 * DAY, step)
    ends = (period // 3, period // 2, period)
    pattern = Infusion(0, 42 * DAY, "T10", mcg(3, 0, 9), ends)
    steps = []
    for begin in range(0, 42 * DAY, period):
        for low, high, rate in zip((0, *ends), ends, (3, 0, 9), strict=False):
            if begin + low < 42 * DAY:
                steps.append(Infusion(begin + low, min(begin + high, 42 * DAY), "T10", mcg(rate)))
    assert worst(seen(patients, alone(pattern), grid), seen(patients, Doses(tuple(steps)), grid)) <= SAME


@pytest.mark.parametrize(
    "late",
    [
        DAY,
        10 * DAY + 1,
        3 * DAY + 8 * HOUR,
        2 * DAY,
        10 * DAY,
    ],
)
@pytest.mark.parametrize("channels", [CONCENTRATIONS, ("ashworth_legs", "tolerance")])
def test_a_grid_that_begins_late(late: int, channels: tuple[str, ...]) -> None:
    """Looked at only after days of a daily pattern, of tablets three times a day or of both, the body is the same."""
    patients = population(2, 21)
    pattern, pills = day_and_night(0, 20 * DAY), Tablets(0, 20 * DAY, (10,), (0,), 8 * HOUR)
    for doses in (alone(pattern), alone(pills), Doses((pattern,), (), (pills,))):
        early = seen(patients, doses, Grid.over(late % HOUR, 20 * DAY, HOUR), channels)
        here = seen(patients, doses, Grid.over(late, 20 * DAY, HOUR), channels)
        for name in channels:
            there = early[name][:, late // HOUR :]
            assert np.abs(here[name] - there).max() <= 1e-9 * max(1e-300, there.max()), name


@pytest.mark.parametrize("implant", [DAY, 4 * DAY, 4 * DAY + 7 * HOUR])
def test_an_implant_after_the_first_dose(implant: int) -> None:
    """Tolerance that counts from a day of a course that has long begun is that of the same course written in days."""
    patients, grid = population(2, 22), Grid.over(0, 12 * DAY, HOUR)
    days = Doses(tuple(day_and_night(day * DAY, (day + 1) * DAY) for day in range(12)))
    one = seen(patients, alone(day_and_night(0, 12 * DAY)), grid, EFFECTS, implant)
    other = seen(patients, days, grid, EFFECTS, implant)
    assert worst(one, other, EFFECTS) <= 1e-9
    assert np.all(one["tolerance"][:, : implant // HOUR] == 0)
    assert np.all(one["tolerance"][:, -1] > 0)


def test_a_grid_before_the_first_dose() -> None:
    """Before anything is given there is nothing; the channels then rise as they would have."""
    patients = population(2, 23)
    doses = alone(Infusion.constant(100, "T10", 3 * DAY, 6 * DAY))
    response = seen(patients, doses, Grid.over(0, 6 * DAY, HOUR), (*CONCENTRATIONS, *SCORES_AND_MORE), 3 * DAY)
    for name in CONCENTRATIONS:
        assert np.all(response[name][:, : 3 * 24 + 1] == 0)
        assert np.all(response[name][:, 4 * 24 :] > 0)
    late = seen(patients, doses, Grid.over(3 * DAY + SETTLED, 6 * DAY, HOUR))
    for name in CONCENTRATIONS:
        there = response[name][:, 3 * 24 + 4 :]
        assert np.abs(late[name] - there).max() <= SAME * there.max()


SCORES_AND_MORE = ("ashworth_legs", "withdrawal_index")


def test_nothing_given() -> None:
    """Without doses there is no drug, no effect, and every score stands at its baseline."""
    patients = population(3, 24)
    response = seen(patients, Doses(), Grid.over(0, 3 * DAY, HOUR), (*CONCENTRATIONS, *EFFECTS))
    for name in CONCENTRATIONS:
        assert np.all(response[name] == 0)
    assert response["ashworth_legs"] == pytest.approx(np.broadcast_to(patients["legs_ashworth"][:, None], (3, 73)))
    assert np.all(response.balance.given == 0)
    assert response.balance.closes


@pytest.mark.parametrize("seconds", [0, DAY, 2 * DAY, 3 * DAY + HOUR, 4 * DAY])
def test_a_bolus_at_an_instant_is_not_seen_in_it(seconds: int) -> None:
    """What is given at an instant of the grid is seen a second later: at a border between days, inside, and at the ends."""
    patients = population(2, 25)
    background = day_and_night(0, 4 * DAY)
    with_it = Doses((background,), (Bolus(seconds, mcg(80)),))
    channel = ("csf_lumbar_puncture_ng_per_ml", "plasma_ng_per_ml")
    grid = Grid.over(0, 4 * DAY, HOUR)
    one, other = seen(patients, with_it, grid, channel), seen(patients, alone(background), grid, channel)
    at = seconds // HOUR
    for name in channel:
        assert np.allclose(one[name][:, : at + 1], other[name][:, : at + 1], rtol=1e-12, atol=1e-12)
        assert np.all(one[name][:, at + 1 :] > other[name][:, at + 1 :])
    a_second_later = seen(patients, with_it, Grid(seconds + 1, 1, 1), channel)
    assert np.all(a_second_later[channel[0]][:, 0] - other[channel[0]][:, at] > 100)
    given = 80.0 if seconds < 4 * DAY else 0.0
    assert one.balance.given - other.balance.given == pytest.approx(np.full(2, given), abs=1e-9)


@pytest.mark.parametrize("days", [1, 2, 9])
@pytest.mark.parametrize("period", [DAY, 8 * HOUR, 3 * DAY])
def test_a_bolus_at_the_first_second_is_given_once(days: int, period: int) -> None:
    """However often the infusion beneath it repeats, in its first second or in that of a later span."""
    patients = population(2, 26)
    end = days * DAY
    infusion = Infusion(0, end, "T10", mcg(1, 5), (period // 2, period))
    for at in (0, end // 2):
        grid = Grid.over(0, end, HOUR)
        one = seen(patients, Doses((infusion,), (Bolus(at, mcg(50)), Bolus(at, mcg(25), "T10"))), grid)
        without, single = seen(patients, alone(infusion), grid), seen(patients, Doses((), (Bolus(at, mcg(75)),)), grid)
        assert one.balance.given - without.balance.given == pytest.approx(np.full(2, 75.0), abs=1e-9)
        assert single.balance.given == pytest.approx(np.full(2, 75.0))
        pair = seen(patients, Doses((), (Bolus(at, mcg(50)), Bolus(at, mcg(25), "T10"))), grid)
        for name in CONCENTRATIONS:
            most = one[name].max(axis=1, keepdims=True)
            assert np.all(np.abs(one[name] - without[name] - pair[name]) <= SAME * most), name


def test_tablets_every_eight_hours() -> None:
    """A period of 8 h, three times in a day, and single doses are the same course."""
    patients, grid = population(2, 27), Grid.over(SETTLED, 4 * DAY, 37 * MINUTE)
    often = alone(Tablets(0, 3 * DAY, (10,), (HOUR,), 8 * HOUR))
    daily = alone(Tablets(0, 3 * DAY, (10, 10, 10), (HOUR, 9 * HOUR, 17 * HOUR)))
    single = Doses(tablets=tuple(Tablets(at, at + 60, (10,), (0,), 60) for at in range(HOUR, 3 * DAY, 8 * HOUR)))
    names = [*LINEAR, *FLUID]
    assert worst(seen(patients, often, grid), seen(patients, daily, grid), names) <= SAME
    assert worst(seen(patients, often, grid), seen(patients, single, grid), names) <= SAME


def test_tablets_that_end_while_the_gut_is_full() -> None:
    """What was swallowed before the end is absorbed after it; of a dose that is due after the end, nothing is given."""
    patients = population(2, 28)
    stopped = alone(Tablets(0, 8 * HOUR + 60, (20,), (0,), 8 * HOUR))
    balance = seen(patients, stopped, Grid.over(0, 60 * DAY, DAY)).balance
    assert balance.given == pytest.approx(np.full(2, 40_000.0))
    assert balance.eliminated == pytest.approx(40_000 * patients["bioavailability"], rel=1e-9)
    shorter = seen(patients, alone(Tablets(0, 8 * HOUR, (20,), (0,), 8 * HOUR)), Grid.over(0, 60 * DAY, DAY)).balance
    assert shorter.given == pytest.approx(np.full(2, 20_000.0))


def test_two_forms_at_once() -> None:
    """Half as tablets and half as solution, at other times, is what each does alone, added."""
    patients, grid = population(2, 29), Grid.over(SETTLED, 5 * DAY, HOUR)
    one, other = Tablets(0, 4 * DAY, (10,), (0,), 8 * HOUR), Tablets(100, 3 * DAY, (5, 7), (0, HOUR), DAY, "solution")
    both = seen(patients, Doses(tablets=(one, other)), grid, tuple(LINEAR))
    each = [seen(patients, alone(tablets), grid, tuple(LINEAR)) for tablets in (one, other)]
    for name in LINEAR:
        assert np.all(np.abs(each[0][name] + each[1][name] - both[name]) <= SAME * both[name].max()), name


@pytest.mark.parametrize("amounts", ["infusion", "bolus"])
def test_each_patient_its_own_dose(amounts: str) -> None:
    """An amount for each patient gives each what it would have alone."""
    patients, doses = population(4, 30), np.array([0.0, 10, 100, 1000])

    def given(some: Floats) -> Doses:
        if amounts == "bolus":
            return alone(Bolus(0, some))
        return alone(Infusion(0, DAY, "T10", np.stack([some, 2 * some]), (7 * HOUR, DAY)))

    together = seen(patients, given(doses), Grid.over(SETTLED, 3 * DAY, HOUR))
    for each in range(4):
        single = seen(patients.take([each]), given(doses[each : each + 1]), Grid.over(SETTLED, 3 * DAY, HOUR))
        for name in CONCENTRATIONS:
            assert np.abs(single[name][0] - together[name][each]).max() <= SAME * together[name][each].max()
    assert np.all(together["legs_ng_per_ml"][0] == 0)


@pytest.mark.parametrize("seconds", [1, 4 * HOUR])
@pytest.mark.parametrize("channel", ["csf_c1_ng_per_ml", "csf_cranial_ng_per_ml", "arms_ng_per_ml", "brain_ng_per_ml"])
def test_soon_after_a_bolus_there_is_nothing_far_away(seconds: int, channel: str) -> None:
    """A grid of one instant, soon after a lumbar bolus: at the head there is next to nothing, and that is no error."""
    patients = typical_of()
    value = seen(patients, alone(Bolus(0, mcg(50))), Grid(seconds, 1, 1), (channel,))[channel]
    assert np.all(value >= 0)
    assert np.all(value < (1e-9 if seconds == 1 else 200))


@pytest.mark.parametrize("sheet", SHEETS)
def test_long_after_the_last_dose(sheet: str) -> None:
    """A grid that begins when all has faded sees next to nothing, and that is no error."""
    patients = population(6, 31, sheet)
    doses = Doses((day_and_night(0, 2 * DAY),), (Bolus(0, mcg(50)),), (Tablets(0, DAY, (20,)),))
    for start in (4 * DAY, 10 * DAY, 40 * DAY, 400 * DAY):
        response = seen(patients, doses, Grid.over(start, start + DAY, HOUR))
        for name in CONCENTRATIONS:
            assert np.all((response[name] >= 0) & (response[name] < 50)), name


@pytest.mark.parametrize("sheet", SHEETS)
def test_what_is_swallowed_reaches_blood_and_leaves_it(sheet: str) -> None:
    """The area under plasma after a tablet is F D / CL, and doubles where clearance halves."""
    patients, grid = population(4, 32, sheet), Grid.over(0, 15 * DAY, 3 * MINUTE)
    plasma = seen(patients, alone(Tablets(0, DAY, (10,))), grid, ("plasma_ng_per_ml",))["plasma_ng_per_ml"]
    area = np.trapezoid(plasma, dx=3 / 60, axis=1)
    expected = 10_000 * patients["bioavailability"] / clearance(patients)
    assert area == pytest.approx(expected, rel=1e-3)
    slower = patients.with_values(oral_clearance_l_per_h=patients["oral_clearance_l_per_h"] / 2)
    twice = seen(slower, alone(Tablets(0, DAY, (10,))), grid, ("plasma_ng_per_ml",))["plasma_ng_per_ml"]
    assert np.trapezoid(twice, dx=3 / 60, axis=1) == pytest.approx(2 * expected, rel=1e-3)


def test_kidneys_that_fail() -> None:
    """A lower creatinine clearance raises the area under plasma in inverse proportion to clearance."""
    crcl = np.array([10.0, 30, 50, 80, 105, 150])
    patients = typical_of(creatinine_clearance_ml_per_min=crcl)
    plasma = seen(patients, alone(Tablets(0, DAY, (10,))), Grid.over(0, 15 * DAY, 3 * MINUTE), ("plasma_ng_per_ml",))
    area = np.asarray(np.trapezoid(plasma["plasma_ng_per_ml"], dx=3 / 60, axis=1))
    assert area * renal_factor(patients) == pytest.approx(np.full(6, area[4]), rel=1e-4)
    assert np.all(np.diff(area) < 0)


@pytest.mark.parametrize("sheet", SHEETS)
def test_plasma_under_a_long_infusion(sheet: str) -> None:
    """In the end as much leaves the blood as the pump gives: plasma is rate over clearance, at any tip."""
    patients = population(4, 33, sheet)
    for tip in ("L3", "T10", "C5"):
        response = seen(patients, alone(Infusion.constant(240, tip, 0, 90 * DAY)), Grid(90 * DAY, HOUR, 1))
        assert response["plasma_ng_per_ml"][:, 0] == pytest.approx(10 / clearance(patients), rel=1e-6)


@pytest.mark.parametrize("sheet", SHEETS)
def test_the_oral_share_at_the_effect_sites(sheet: str) -> None:
    """Under even doses by mouth every site comes to its share of plasma, 0.12 in the typical patient, and so does the fluid."""
    patients = population(3, 34, sheet)
    even = alone(Tablets(0, 60 * DAY, (0.05,), (0,), 60))
    response = seen(patients, even, Grid(60 * DAY, HOUR, 1))
    plasma = response["plasma_ng_per_ml"][:, 0]
    assert plasma == pytest.approx(0.05 * 60 * 1000 * patients["bioavailability"] / clearance(patients), rel=1e-2)
    for name in CONCENTRATIONS:
        if name != "plasma_ng_per_ml":
            assert response[name][:, 0] == pytest.approx(patients["csf_per_plasma"] * plasma, rel=2e-2), name
    assert typical_of()["csf_per_plasma"][0] == 0.12


@FEW
@given(populations)
def test_the_tip_decides_who_gets_more(patients: Patients) -> None:
    """A higher tip gives the arms more and the legs less, once it is above the legs' cord."""
    tips = ("T11", "T8", "T4", "C7")
    runs = [seen(patients, alone(Infusion.constant(100, tip, 0, 30 * DAY)), Grid(30 * DAY, HOUR, 1)) for tip in tips]
    legs = np.stack([run["legs_ng_per_ml"][:, 0] for run in runs])
    arms = np.stack([run["arms_ng_per_ml"][:, 0] for run in runs])
    assert np.all(np.diff(legs, axis=0) < 0)
    assert np.all(np.diff(arms, axis=0) > 0)


@FEW
@given(populations)
def test_concentration_falls_with_distance(patients: Patients) -> None:
    """Above a lumbar tip every level has less than the one below it, and the cranial fluid less than all."""
    channels = [f"csf_{level}_ng_per_ml" for level in ("t12", "t10", "t8", "t4", "t2", "c7", "c4", "c1")]
    channels.append("csf_cranial_ng_per_ml")
    response = seen(patients, alone(Infusion.constant(100, "L2", 0, 30 * DAY)), Grid(30 * DAY, HOUR, 1), channels)
    assert np.all(np.diff(np.stack([response[name][:, 0] for name in channels]), axis=0) < 0)


@pytest.mark.parametrize("sheet", SHEETS)
def test_legs_respond_more_than_arms_to_a_lumbar_bolus(sheet: str) -> None:
    """In concentration, and in Ashworth points from the same baseline."""
    patients = population(5, 35, sheet).with_values(legs_ashworth=4.0, arms_ashworth=4.0)
    channels = ("legs_ng_per_ml", "arms_ng_per_ml", "ashworth_legs", "ashworth_arms")
    response = seen(patients, alone(Bolus(0, mcg(50))), Grid.over(HOUR, 12 * HOUR, HOUR), channels)
    assert np.all(response["legs_ng_per_ml"] > response["arms_ng_per_ml"])
    assert np.all(response["ashworth_legs"] < response["ashworth_arms"])


def at_the_ends(seed: int) -> Patients:
    """Every parameter at an end of its range, or, one in three, at the typical value."""
    rng = np.random.default_rng(seed)
    usual = typical_of()
    ends = rng.integers(0, 3, len(PARAMETERS))
    chosen = [(parameter.low, parameter.high, float(usual[name][0])) for name, parameter in PARAMETERS.items()]
    return Patients({name: chosen[n][ends[n]] for n, name in enumerate(PARAMETERS)})


def right_or_refused(patients: Patients, doses: Doses) -> bool:
    """Whether the run came through; what comes through is finite, not negative, within its scale, and balanced."""
    try:
        response = seen(patients, doses, Grid.over(0, 6 * DAY, HOUR), (*CONCENTRATIONS, *EFFECTS))
    except NumericsError:
        return False
    for name in (*CONCENTRATIONS, *EFFECTS):
        assert np.all(np.isfinite(response[name])), name
        assert np.all(response[name] >= 0), name
    for name in ("weakness_index", "sedation_index", "overdose_index"):
        assert np.all(response[name] <= 1), name
    assert np.all(response["ashworth_legs"] <= patients["legs_ashworth"][:, None] + 1e-12)
    assert response.balance.closes
    return True


ALL_ROUTES = Doses(
    (Infusion.constant(200, "T10", 0, 3 * DAY),),
    (Bolus(2 * HOUR, mcg(50)),),
    (Tablets(0, 2 * DAY, (10, 20), (0, 9 * HOUR)),),
)


@given(st.integers(0, 2**32 - 1))
def test_the_ends_of_every_range(seed: int) -> None:
    """Parameters at the ends of what is accepted give a right result or a clear error, and never a warning."""
    right_or_refused(at_the_ends(seed), ALL_ROUTES)


@pytest.mark.long
def test_the_ends_of_every_range_at_length() -> None:
    """Of a thousand, most come through."""
    assert sum(right_or_refused(at_the_ends(seed), ALL_ROUTES) for seed in range(1000)) > 500


@pytest.mark.parametrize("name", list(PARAMETERS))
@pytest.mark.parametrize("end", ["low", "high"])
def test_one_parameter_at_its_end(name: str, end: str) -> None:
    """With everything else typical the model holds at either end of every range."""
    patients = typical_of(**{name: getattr(PARAMETERS[name], end)})
    assert right_or_refused(patients, ALL_ROUTES)


@pytest.mark.parametrize(
    ("dose", "hill"),
    [
        *((1e-200, 0.3), (1e-30, 12), (1e9, 12), (1e30, 0.3), (1e30, 2.5), (1e30, 4)),
        *((1e30, 12), (1e200, 2.5), (1e300, 12)),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_doses_beyond_all_sense(dose: float, hill: float) -> None:
    """An amount that no syringe holds gives numbers or a NumericsError, and is never printed as no number."""
    patients = typical_of(hill_tone=hill, hill_sedation=hill)
    right_or_refused(patients, alone(Bolus(0, mcg(dose))))


@pytest.mark.requirement("BOD-07")
def test_a_summary_is_no_way_around_the_check() -> None:
    """What is no number is refused in a summary as it is in a trajectory."""
    with pytest.raises(NumericsError), np.errstate(all="ignore"):
        propagate(typical_of(), alone(Bolus(0, mcg(1e308))), Record(Grid.over(0, DAY, HOUR), tuple(DERIVED), summarize=True))


def test_boluses_by_puncture_and_by_catheter() -> None:
    """A bolus through a catheter at the height of the puncture is first less spread, and later the same."""
    patients = population(2, 36)
    grid = Grid.over(HOUR, DAY, HOUR)
    puncture, catheter = (seen(patients, alone(Bolus(0, mcg(50), level)), grid) for level in (LUMBAR_PUNCTURE, "L3"))
    here, there = puncture["csf_lumbar_puncture_ng_per_ml"], catheter["csf_lumbar_puncture_ng_per_ml"]
    assert np.all(np.abs(here - there)[:, 6:] < 0.1 * here[:, 6:])
