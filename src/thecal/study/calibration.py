"""The fit: which parameters the published numbers decide, and how well, by least squares on the calibration rows alone.

A residual is the logarithm of model over published, in units of half the logarithmic width of what is accepted, so that 1 is
about the edge of a row. Parameters are fitted in logarithms, within the range that the body is defined for.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from thecal.body.patient import DEFAULT_PATIENT, PARAMETERS, Patients, typical
from thecal.datum import read_data
from thecal.study.population import uniforms
from thecal.study.protocols import TYPICAL

Floats = NDArray[np.float64]

ROWS = ("C1", "C2", "C3", "C5", "C6", "C10a", "C10b", "C15", "C18")
FITTED = (
    "dispersion_cm2_per_h",
    "uptake_per_h",
    "ke0_tone_per_h",
    "ec50_tone_ng_per_ml",
    "ec50_spasm_ng_per_ml",
    "ke0_reflex_per_h",
    "ec50_reflex_ng_per_ml",
    "absorption_per_h",
)
_STEP = 1e-3  # of a logarithm, for differences
_EVALUATIONS = 100  # where a direction is flat there is no end to find
_SPREAD = 3.0  # starting points lie within this factor of the sheet


@dataclass(frozen=True, slots=True)
class Variant:
    """A structure of the body: what it adds to the fitted parameters, each with the value to start from and the least that still
    is that structure.
    """

    name: str
    added: Mapping[str, tuple[float, float]]

    @property
    def names(self) -> tuple[str, ...]:
        return (*FITTED, *self.added)

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        """Logarithms of the least and the largest value of each parameter, a step inside what the body is defined for."""
        low = [self.added[name][1] if name in self.added else PARAMETERS[name].low for name in self.names]
        high = [PARAMETERS[name].high for name in self.names]
        return np.log(low) + 2 * _STEP, np.log(high) - 2 * _STEP


_RISING = {"dispersion_thoracic_ratio": (1.5, 1.0), "dispersion_cervical_ratio": (3.0, 1.0)}
_TISSUE = {"tissue_ratio": (1.0, 0.001), "tissue_exchange_per_h": (1.0, 0.001)}
VARIANTS = (
    Variant("one dispersion", {}),
    Variant("dispersion rising cranially", _RISING),
    Variant("reversible uptake by cord tissue", _TISSUE),
    Variant("both", _RISING | _TISSUE),
)


@dataclass(frozen=True, slots=True)
class Fit:
    """Where a fit ended: values by parameter, what each row is then, the residuals, and the Jacobian of these by the logarithms
    of the parameters, (rows, parameters).
    """

    variant: Variant
    values: Mapping[str, float]
    models: Mapping[str, float]
    residuals: Mapping[str, float]
    jacobian: Floats

    @property
    def squares(self) -> float:
        """The sum of squared residuals."""
        return sum(residual**2 for residual in self.residuals.values())

    @property
    def penalties(self) -> tuple[float, float]:
        """Akaike's criterion, lower is better: with the widths of the rows as known errors, and with errors of the size of the
        residuals.

        The correction for small samples divides by rows less parameters less one, which is not positive here.
        """
        parameters = 2 * len(self.variant.names)
        return self.squares + parameters, len(ROWS) * float(np.log(self.squares / len(ROWS))) + parameters

    @property
    def singular_values(self) -> Floats:
        """Of the Jacobian, largest first: the rows say nothing of a direction whose value is 0."""
        found = np.linalg.svd(self.jacobian, compute_uv=False)
        return np.append(found.astype(np.float64), np.zeros(len(self.variant.names) - len(found)))

    @property
    def blind(self) -> dict[str, float]:
        """The direction of which the rows say least, as the part that each parameter has in it."""
        direction = np.linalg.svd(self.jacobian)[2][-1]
        return dict(zip(self.variant.names, (direction * np.sign(direction[np.abs(direction).argmax()])).tolist(), strict=True))

    @property
    def correlations(self) -> Floats:
        """Of the estimates, (parameters, parameters). A prior of a factor of e to either side, in logarithms 1, stands in where
        the rows say nothing.
        """
        covariance = np.linalg.inv(self.jacobian.T @ self.jacobian + np.eye(len(self.variant.names))).astype(np.float64)
        sizes = np.sqrt(np.diag(covariance))
        found: Floats = covariance / np.outer(sizes, sizes)
        return found


def starting_points(variant: Variant, count: int, seed: int) -> Floats:
    """Logarithms of starting points: the sheet's values first, then others within a factor of three of them."""
    sheet = np.log([variant.added[name][0] if name in variant.added else typical()[name][0] for name in variant.names])
    apart = 2 * uniforms(seed, range(1, count), "starting point", len(sheet)) - 1
    return np.vstack([sheet, sheet + np.log(_SPREAD) * apart])


def fit(variant: Variant, start: Floats) -> Fit:
    """The fit of a variant from a starting point."""
    low, high = variant.bounds
    found = least_squares(
        lambda point: residuals(variant, point[None])[0],
        np.clip(start, low + _STEP, high - _STEP),
        lambda point: jacobian(variant, point),
        bounds=(low, high),
        max_nfev=_EVALUATIONS,
    )
    values, models = np.exp(found.x), answers(variant, found.x[None])[0]
    return Fit(
        variant,
        dict(zip(variant.names, values.tolist(), strict=True)),
        dict(zip(ROWS, models.tolist(), strict=True)),
        dict(zip(ROWS, residuals(variant, found.x[None])[0].tolist(), strict=True)),
        jacobian(variant, found.x),
    )


def answers(variant: Variant, logs: Floats) -> Floats:
    """What the rows are at some points, (points, rows): one body for each point."""
    bodies = bodies_of(dict(zip(variant.names, np.exp(logs).T, strict=True)))
    return np.stack([TYPICAL[row](bodies) for row in ROWS], axis=1)


def bodies_of(values: Mapping[str, Floats]) -> Patients:
    """Typical patients with other values of some parameters."""
    count = len(next(iter(values.values())))
    return typical(DEFAULT_PATIENT).take([0] * count).with_values("a fit", **values)


def residuals(variant: Variant, logs: Floats) -> Floats:
    """The residuals at some points, (points, rows)."""
    tables = read_data("validation", "rows")
    published, low, high = (np.array([tables[row][key] for row in ROWS]) for key in ("published", "low", "high"))
    found: Floats = np.log(answers(variant, logs) / published) / (np.log(high / low) / 2)
    return found


def jacobian(variant: Variant, point: Floats) -> Floats:
    """By central differences, (rows, parameters)."""
    steps = _STEP * np.eye(len(point))
    found: Floats = (residuals(variant, point + steps) - residuals(variant, point - steps)).T / (2 * _STEP)
    return found
