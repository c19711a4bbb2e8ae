"""Screening and titration by the label: who responds, what is given first, and what next."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from thecal.body.doses import Bolus, Doses
from thecal.body.patient import Patients, typical
from thecal.body.propagate import propagate
from thecal.body.record import Record
from thecal.body.schedule import Grid
from thecal.errors import InputError
from thecal.study.arm import Arm, Visit
from thecal.study.population import draw
from thecal.study.titration import (
    LabelPolicy,
    Screening,
    candidates,
    first_doses,
    label_titration,
    screen,
    settings,
)
from thecal.timeline import DAY_S

Floats = NDArray[np.float64]


def typical_with(**values: list[float]) -> Patients:
    count = len(next(iter(values.values())))
    return typical().take([0] * count).with_values("a test", **values)


def test_the_label_s_numbers_are_settings_with_a_source() -> None:
    """The published ranges hold the settings that come from them."""
    written = settings()
    assert all(datum.source and datum.confidence for datum in written.values())
    label = LabelPolicy()
    assert 0.1 <= label.early_rise <= 0.3
    assert 0.1 <= label.later_rise <= 0.4
    assert 0.1 <= label.fall <= 0.2
    assert label.mcg_per_day_max == 2000
    assert written["screening_boluses"].value == "50 75 100 mcg"
    assert (written["first_ratio"].value, written["first_ratio_long"].value, written["long_effect"].value) == ("2", "1", "8 h")


def test_the_policy_raises_lowers_and_holds() -> None:
    """Above one score more, below another less, between them the same; no rise passes the hard stop."""
    policy = LabelPolicy(
        early_rise=0.3, early_days=60, later_rise=0.4, fall=0.1, mcg_per_day_max=2000, raise_above=2, lower_below=1.5
    )
    score, dose = np.array([3, 2, 1.5, 1.2, 4]), np.array([100.0, 100, 100, 100, 1600])
    assert policy(Visit(60, score, dose)) == pytest.approx([130, 100, 100, 90, 1600])
    assert policy(Visit(61, score, dose)) == pytest.approx([140, 100, 100, 90, 1600])
    assert replace(policy, mcg_per_day_max=3000)(Visit(61, score, dose))[-1] == pytest.approx(2240)


def test_screening_goes_up_only_as_far_as_it_must() -> None:
    """The more a cord needs, the larger the bolus that is enough; beyond the largest there is no response."""
    patients = typical_with(ec50_tone_ng_per_ml=[20, 60, 90, 120, 5000], legs_ashworth=[4.2] * 5)
    found = screen(patients)
    sure = found.bolus_mcg[found.responders]
    assert found.bolus_mcg[0] == 50
    assert (np.diff(sure) >= 0).all()
    assert np.isnan(found.bolus_mcg[-1])
    assert np.isnan(found.hours[-1])
    assert (found.hours[found.responders] >= 4).all()


def test_how_long_a_bolus_holds_is_what_the_body_shows() -> None:
    """Minute by minute, to the quarter of an hour at either end that screening looks at."""
    patients = typical_with(ec50_tone_ng_per_ml=[40, 55, 65], legs_ashworth=[4.2] * 3)
    record = Record(Grid.over(0, DAY_S, 60), ("ashworth_legs",))
    score = propagate(patients, Doses(boluses=(Bolus(0, np.array([50.0])),)), record)["ashworth_legs"]
    minutes = (4.2 - score >= 2).sum(axis=1)
    assert screen(patients).hours == pytest.approx(minutes / 60, abs=0.5)


def test_nobody_falls_by_two_points_from_three() -> None:
    """The scale ends at 1, and the largest effect is 95 %."""
    assert not len(screen(typical_with(ec50_tone_ng_per_ml=[1.0], legs_ashworth=[3.0])).responders)


def test_candidates_are_the_first_who_are_spastic_enough() -> None:
    """In the order of their numbers; a population without them is refused."""
    found = candidates("adult-ms", 3, 50)
    many = draw("adult-ms", 3, range(100))["legs_ashworth"]
    assert np.array_equal(found["legs_ashworth"], many[many >= 3][:50])
    with pytest.raises(InputError, match=r"0 of 50 patients.* 3 or more"):
        candidates("adult-ms", 3, 5, legs_ashworth=2.5)


def test_the_first_dose_is_twice_the_bolus_or_once_where_it_lasted() -> None:
    """Longer than 8 h, that is; those who did not respond have none."""
    screening = Screening(np.array([50, 75, np.nan, 100]), np.array([8.0, 8.25, np.nan, 4]))
    assert first_doses(screening).tolist() == [100, 75, 200]
    assert screening.responders.tolist() == [0, 1, 3]


def test_a_titrated_arm_comes_to_rest_where_the_policy_wants_it() -> None:
    """After a year hardly anybody is stiffer than the policy accepts, and nobody has more than the hard stop."""
    patients = candidates("adult-ms", 5, 40)
    screening = screen(patients)
    titration = label_titration(screening)
    assert (titration.visits[0], titration.visits[-1], titration.level) == (1, 360, "T10")
    year = Arm(patients.take(screening.responders), titration=titration).run(["ashworth_legs"], "365 days", "1 day")
    label = LabelPolicy()
    score = year.at("ashworth_legs", "360 days")
    assert np.mean(score <= label.raise_above) >= 0.9
    assert year.values["mcg_per_day"].max() <= label.mcg_per_day_max
    steps = year.values["mcg_per_day"][:, 1:] / year.values["mcg_per_day"][:, :-1]
    assert 1 - label.fall - 1e-12 <= steps.min() <= steps.max() <= 1 + label.later_rise + 1e-12
