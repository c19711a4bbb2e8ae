"""The fit: it finds what made the numbers, says what it cannot tell apart, and asks nothing but the calibration rows."""

from dataclasses import replace

import numpy as np
import pytest

from thecal.datum import read_data
from thecal.study import calibration
from thecal.study.calibration import FITTED, ROWS, VARIANTS, Fit, answers, fit, jacobian, residuals, starting_points

ONE = VARIANTS[0]


def test_no_consistency_row_is_fitted() -> None:
    """Looked at, never tuned to; and no row that needs studies."""
    tables = read_data("validation", "rows")
    assert {tables[row]["role"] for row in ROWS} == {"calibration"}


def test_a_residual_is_one_at_the_edge_of_a_row() -> None:
    """Half the logarithmic width of what is accepted."""
    tables = read_data("validation", "rows")
    sheet = starting_points(ONE, 1, 1)
    found, models = residuals(ONE, sheet)[0], answers(ONE, sheet)[0]
    for row, residual, model in zip(ROWS, found, models, strict=True):
        width = (tables[row]["high"] / tables[row]["low"]) ** 0.5
        assert tables[row]["published"] * width**residual == pytest.approx(model, rel=1e-9)


def test_starting_points_do_not_depend_on_how_many_there_are() -> None:
    """The sheet first, the others within a factor of three of it."""
    few, many = starting_points(ONE, 2, 1), starting_points(ONE, 5, 1)
    assert np.array_equal(few, many[:2])
    assert np.abs(many - many[0]).max() <= np.log(3)
    assert np.ptp(many, axis=0).min() > 0


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Rows that say what a body with these values answers."""
    sheet = starting_points(ONE, 1, 1)[0]
    truth = sheet + np.log([1.2, 0.8, 1.1, 0.9, 1.3, 1.0, 1.2, 0.85])
    models = dict(zip(ROWS, answers(ONE, truth[None])[0], strict=True))
    tables = read_data("validation", "rows")
    made = {row: {**tables[row], "published": models[row]} for row in ROWS}
    monkeypatch.setattr(calibration, "read_data", lambda *_: made)
    return dict(zip(FITTED, np.exp(truth).tolist(), strict=True))


def test_the_fit_finds_what_made_the_numbers(known: dict[str, float]) -> None:
    """From elsewhere; but for the two parameters behind one number of the H reflex, of which it says that it cannot."""
    found = fit(ONE, starting_points(ONE, 2, 1)[1])
    assert found.squares < 1e-8
    for name, truth in known.items():
        if "reflex" not in name:
            assert found.values[name] == pytest.approx(truth, rel=1e-3)
    assert found.singular_values[-1] < 1e-6 < found.singular_values[-2]
    assert {name for name, part in found.blind.items() if abs(part) > 0.1} == {"ke0_reflex_per_h", "ec50_reflex_ng_per_ml"}


def test_more_parameters_cost() -> None:
    """The same squares with two more parameters are worse by four, however the errors are taken."""
    sheet = starting_points(ONE, 1, 1)[0]
    found = residuals(ONE, sheet[None])[0]
    few = Fit(ONE, {}, {}, dict(zip(ROWS, found.tolist(), strict=True)), jacobian(ONE, sheet))
    more = replace(few, variant=VARIANTS[1])
    assert [b - a for a, b in zip(few.penalties, more.penalties, strict=True)] == pytest.approx([4, 4])
    assert np.diag(few.correlations) == pytest.approx(np.ones(len(FITTED)))
