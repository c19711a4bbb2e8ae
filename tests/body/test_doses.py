"""What a body is given: what is no dose is refused with its field, its value and what is accepted."""

from collections.abc import Callable
from math import inf, nan

import numpy as np
import pytest

from tests.body.bodies import DAY, HOUR, MINUTE, alone, day_and_night, mcg, population, seen
from thecal.body.doses import LUMBAR_PUNCTURE, Bolus, Doses, Infusion, Tablets, form, forms
from thecal.body.propagate import propagate
from thecal.body.record import Record
from thecal.body.schedule import Grid
from thecal.errors import InputError

REFUSED: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    "a negative flow": (lambda: Infusion(0, DAY, "T10", mcg(-1)), ("mcg_per_h", "-1", "0 mcg/h or more")),
    "a flow that is no number": (lambda: Infusion(0, DAY, "T10", mcg(nan)), ("mcg_per_h", "nan", "0 mcg/h or more")),
    "an infinite flow": (lambda: Infusion(0, DAY, "T10", mcg(inf)), ("mcg_per_h", "inf", "0 mcg/h or more")),
    "one bad flow of many": (lambda: Infusion.constant([1, 2, -3], "T10", 0, DAY), ("mcg_per_h", "-0.125")),
    "an infusion at no level": (lambda: Infusion(0, DAY, "T13", mcg(1)), ("level", "'T13'", "T1 to T12")),
    "an infusion at a small letter": (lambda: Infusion(0, DAY, "t10", mcg(1)), ("level", "'t10'", "T1 to T12")),
    "an infusion nowhere": (lambda: Infusion(0, DAY, "", mcg(1)), ("level", "L1 to L5")),
    "an infusion by puncture": (lambda: Infusion(0, DAY, LUMBAR_PUNCTURE, mcg(1)), ("level", LUMBAR_PUNCTURE)),
    "no time at all": (lambda: Infusion(DAY, DAY, "T10", mcg(1)), ("end_s", str(DAY))),
    "an end before the start": (lambda: Infusion(DAY, 0, "T10", mcg(1)), ("end_s", "'0'", f"more than {DAY}")),
    "too few flows": (lambda: Infusion(0, DAY, "T10", mcg(1), (HOUR, DAY)), ("mcg_per_h", "2 steps")),
    "too many flows": (lambda: Infusion(0, DAY, "T10", mcg(1, 2, 3), (HOUR, DAY)), ("mcg_per_h", "2 steps")),
    "flows of three dimensions": (lambda: Infusion(0, DAY, "T10", np.ones((2, 2, 2)), (HOUR, DAY)), ("mcg_per_h",)),
    "steps out of order": (lambda: Infusion(0, DAY, "T10", mcg(1, 2), (DAY, HOUR)), ("ends_s", str(DAY))),
    "a step of no length": (lambda: Infusion(0, DAY, "T10", mcg(1, 2), (HOUR, HOUR)), ("ends_s", str(HOUR))),
    "a step that ends at once": (lambda: Infusion(0, DAY, "T10", mcg(1, 2), (0, DAY)), ("ends_s",)),
    "no steps": (lambda: Infusion(0, DAY, "T10", mcg(), ()), ("ends_s",)),
    "a negative bolus": (lambda: Bolus(0, mcg(-50)), ("mcg", "-50", "0 mcg or more")),
    "a bolus that is no number": (lambda: Bolus(0, mcg(nan)), ("mcg", "nan", "0 mcg or more")),
    "one bad bolus of many": (lambda: Bolus(0, mcg(1, 2, -inf)), ("mcg", "-inf", "0 mcg or more")),
    "a bolus at no level": (lambda: Bolus(0, mcg(50), "L6"), ("level", "'L6'", "L1 to L5")),
    "a bolus at C0": (lambda: Bolus(0, mcg(50), "C0"), ("level", "'C0'", "C1 to C7")),
    "a bolus by a misspelled puncture": (lambda: Bolus(0, mcg(50), "lumbar-puncture"), ("level", "'lumbar-puncture'")),
    "negative tablets": (lambda: Tablets(0, DAY, (-10,)), ("mg", "-10", "0 mg or more")),
    "tablets of no number": (lambda: Tablets(0, DAY, (10, nan), (0, HOUR)), ("mg", "nan", "0 mg or more")),
    "an unknown form": (lambda: Tablets(0, DAY, (10,), form="tablets"), ("form", "'tablets'", "'tablet'", "solution")),
    "a time outside the period": (lambda: Tablets(0, DAY, (10,), (DAY,)), ("times_s", str(DAY), f"0 to {DAY - 1}")),
    "a time before the period": (lambda: Tablets(0, DAY, (10,), (-1,)), ("times_s", "-1", f"0 to {DAY - 1}")),
    "times out of order": (lambda: Tablets(0, DAY, (10, 5), (HOUR, 0)), ("times_s", "in order")),
    "the same time twice": (lambda: Tablets(0, DAY, (10, 5), (HOUR, HOUR)), ("times_s",)),
    "fewer doses than times": (lambda: Tablets(0, DAY, (10,), (0, HOUR)), ("times_s", "one time for each dose")),
    "a period of nothing": (lambda: Tablets(0, DAY, (10,), (0,), 0), ("times_s",)),
    "tablets that end before they begin": (lambda: Tablets(DAY, 0, (10,)), ("end_s", f"more than {DAY}")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_dose_is_refused(case: str) -> None:
    """With the field, what was written, and what is accepted."""
    make, words = REFUSED[case]
    with pytest.raises(InputError) as refused:
        make()
    for word in words:
        assert word in str(refused.value)


GRID = Grid.over(0, DAY, HOUR)
FIVE = np.ones(5)
WRONG_COUNT: dict[str, Callable[[], Doses]] = {
    "an infusion": lambda: alone(Infusion.constant([1, 2, 3], "T10", 0, DAY)),
    "a pattern": lambda: alone(Infusion(0, DAY, "T10", np.ones((2, 3)), (HOUR, DAY))),
    "a bolus": lambda: alone(Bolus(0, mcg(1, 2, 3))),
    "one of two boluses": lambda: Doses((), (Bolus(0, FIVE), Bolus(HOUR, mcg(1, 2)))),
    "two at once that disagree": lambda: Doses((Infusion.constant(FIVE, "T10", 0, DAY),), (Bolus(0, mcg(1, 2, 3)),)),
    "too many": lambda: alone(Bolus(0, np.ones(6))),
    "an array of arrays": lambda: alone(Bolus(0, np.ones((5, 5)))),
    "none at all": lambda: alone(Bolus(0, mcg())),
}


@pytest.mark.parametrize("case", WRONG_COUNT)
def test_a_wrong_number_of_amounts_for_the_batch(case: str) -> None:
    """Three amounts for five patients are an error of input that says how many are there and how many are needed."""
    with pytest.raises(InputError) as refused:
        propagate(population(5, 1), WRONG_COUNT[case](), Record(GRID, ("plasma_ng_per_ml",)))
    assert "mcg" in str(refused.value)


def test_an_amount_too_many_for_one_patient() -> None:
    """A batch of one takes no amounts for three."""
    with pytest.raises(InputError):
        propagate(population(1, 1), alone(Bolus(0, mcg(1, 2, 3))), Record(GRID, ("plasma_ng_per_ml",)))


def test_an_infusion_that_is_not_looked_at_is_checked_too() -> None:
    """A wrong number of amounts in what begins only after the grid is found as well."""
    doses = Doses((Infusion.constant([1, 2, 3], "T10", 2 * DAY, 3 * DAY),), (Bolus(0, mcg(1)),))
    with pytest.raises(InputError):
        propagate(population(5, 1), doses, Record(GRID, ("plasma_ng_per_ml",)))


def test_one_amount_is_for_all() -> None:
    """A float, an array of one and the same amount for each are the same dose."""
    patients = population(3, 2)
    runs = [
        seen(patients, Doses((infusion,), (bolus,)), GRID, ("legs_ng_per_ml",))["legs_ng_per_ml"]
        for infusion, bolus in (
            (Infusion.constant(48, "T10", 0, DAY), Bolus(0, np.array(5.0))),
            (Infusion.constant([48], "T10", 0, DAY), Bolus(0, mcg(5))),
            (Infusion.constant([48, 48, 48], "T10", 0, DAY), Bolus(0, mcg(5, 5, 5))),
            (Infusion(0, DAY, "T10", np.full((2, 1), 2.0), (HOUR, DAY)), Bolus(0, mcg(5))),
            (Infusion(0, DAY, "T10", np.full((2, 3), 2.0), (HOUR, DAY)), Bolus(0, mcg(5))),
            (Infusion(0, DAY, "T10", mcg(2, 2), (HOUR, DAY)), Bolus(0, mcg(5))),
        )
    ]
    for run in runs[1:]:
        assert np.allclose(run, runs[0], rtol=1e-12, atol=0)


def test_two_steps_for_two_patients() -> None:
    """(steps,) are the steps of every patient, also where there are as many patients as steps."""
    patients = population(2, 3)
    steps = seen(patients, alone(Infusion(0, DAY, "T10", mcg(2, 8), (HOUR, DAY))), GRID, ("legs_ng_per_ml",))
    each = np.array([[2.0, 2.0], [8.0, 8.0]])
    both = seen(patients, alone(Infusion(0, DAY, "T10", each, (HOUR, DAY))), GRID, ("legs_ng_per_ml",))
    assert np.allclose(steps["legs_ng_per_ml"], both["legs_ng_per_ml"], rtol=1e-12, atol=0)


def test_what_the_caller_changes_later_changes_nothing() -> None:
    """A dose keeps its amounts, whatever becomes of the array that they came in."""
    amounts = mcg(50, 60)
    bolus, infusion = Bolus(0, amounts), Infusion(0, DAY, "T10", amounts, (HOUR, DAY))
    amounts[:] = -1
    assert bolus.mcg.tolist() == [50, 60]
    assert infusion.mcg_per_h.tolist() == [50, 60]


def test_later_and_back() -> None:
    """Everything so much later, and back again, is what it was."""
    doses = Doses(
        (day_and_night(0, DAY, phase=5),), (Bolus(3, mcg(50), "T4"),), (Tablets(0, DAY, (10, 5), (0, 77), 8 * HOUR, "solution"),)
    )
    later = doses.later(1001)
    assert (later.infusions[0].start_s, later.infusions[0].end_s, later.infusions[0].phase_s) == (1001, DAY + 1001, 5)
    assert (later.boluses[0].at_s, later.boluses[0].level) == (1004, "T4")
    assert later.tablets[0].form == "solution"
    assert str(later.later(-1001)) == str(doses)


def test_sources_are_named_once() -> None:
    """Every place at which drug enters the spinal fluid, in the order in which it is first named."""
    doses = Doses((day_and_night(0, DAY, "T4"), day_and_night(0, DAY, "T10")), (Bolus(0, mcg(1)), Bolus(9, mcg(1), "T4")))
    assert doses.sources == ("T4", "T10", LUMBAR_PUNCTURE)
    assert Doses().sources == ()
    assert Doses().and_also(doses) == doses


def test_an_infusion_in_words() -> None:
    """Its period is where the last step ends; it is steady where every step gives the same."""
    assert day_and_night(0, DAY).period_s == DAY
    assert not day_and_night(0, DAY).steady
    assert Infusion(0, DAY, "T10", mcg(2, 2), (HOUR, DAY)).steady
    assert Infusion.constant(240, "T10", 0, DAY).mcg_per_h.tolist() == [[10.0]]


def test_every_form_has_its_sources() -> None:
    """Each form says where its lag comes from, and is found by its name."""
    assert {"tablet", "solution"} <= set(forms())
    for name, one in forms().items():
        assert form(name) is one
        assert one.lag.s >= 0
        assert one.source.source
        assert one.source.confidence


def test_forms_of_the_same_lag_are_the_same() -> None:
    """No form has a rate of its own: each is absorbed at the patient's."""
    assert len({one.lag for one in forms().values()}) == 1
    patients = population(2, 4)
    grid = Grid.over(0, DAY, 15 * MINUTE)
    runs = [seen(patients, alone(Tablets(0, DAY, (10,), form=name)), grid, ("plasma_ng_per_ml",)) for name in forms()]
    assert all(np.array_equal(run["plasma_ng_per_ml"], runs[0]["plasma_ng_per_ml"]) for run in runs)
