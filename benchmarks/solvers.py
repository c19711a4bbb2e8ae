"""The peers of the body: general solvers of ordinary differential equations on the benchmark problem, started anew at each
change.
"""

from collections.abc import Callable, Mapping

import numpy as np
import roadrunner
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from sksundae.cvode import CVODE

from benchmarks.canal import CELLS, DAYS, FLOWS_MCG_PER_H, HOURS, LOOKS, Canal

Floats = NDArray[np.float64]
Peer = Callable[[Mapping[str, float]], Floats]

RELATIVE, ABSOLUTE = 1e-6, 1e-9
_TIMES = np.linspace(0.0, HOURS, LOOKS + 1)


def _march(canal: Canal, piece: Callable[[Floats, float], Floats]) -> Floats:
    """(channels, times), from a solver of one piece: (the start, the flow) to what is there at each look, (looks, amounts)."""
    x, seen = np.zeros(CELLS + 4), [np.zeros((3, 1))]
    for number in range(DAYS * len(FLOWS_MCG_PER_H)):
        there = piece(x, FLOWS_MCG_PER_H[number % len(FLOWS_MCG_PER_H)])
        seen.append(canal.reads @ there.T)
        x = there[-1]
    return np.concatenate(seen, axis=1)


def lsoda(patient: Mapping[str, float]) -> Floats:
    """SciPy's LSODA, with the constant Jacobian."""
    canal = Canal.of(patient)

    def piece(x: Floats, flow: float) -> Floats:
        found = solve_ivp(
            lambda _, y: canal.matrix @ y + canal.enters * flow,
            (0.0, float(HOURS)),
            x,
            "LSODA",
            t_eval=_TIMES[1:],
            jac=lambda _, __: canal.matrix,
            rtol=RELATIVE,
            atol=ABSOLUTE,
        )
        there: Floats = found.y.T
        return there

    return _march(canal, piece)


def cvode(patient: Mapping[str, float]) -> Floats:
    """SUNDIALS' CVODE with its dense solver and the constant Jacobian."""
    canal, flow = Canal.of(patient), np.zeros(1)

    def rises(_: float, y: Floats, yp: Floats) -> None:
        yp[:] = canal.matrix @ y + canal.enters * flow[0]

    def jacobian(_: float, __: Floats, ___: Floats, matrix: Floats) -> None:
        matrix[:] = canal.matrix

    solver = CVODE(rises, jacfn=jacobian, rtol=RELATIVE, atol=ABSOLUTE, max_num_steps=10_000)

    def piece(x: Floats, mcg_per_h: float) -> Floats:
        flow[0] = mcg_per_h
        there: Floats = np.asarray(solver.solve(_TIMES, x).y)[1:]
        return there

    return _march(canal, piece)


class RoadRunner:
    """libroadrunner on the same equations as SBML: compiled once, its coefficients set for each patient."""

    def __init__(self) -> None:
        self._runner = roadrunner.RoadRunner(_sbml())
        self._runner.integrator.relative_tolerance = RELATIVE
        self._runner.integrator.absolute_tolerance = ABSOLUTE
        self._runner.timeCourseSelections = [f"x{n}" for n in range(CELLS + 4)]

    def __call__(self, patient: Mapping[str, float]) -> Floats:
        canal, runner = Canal.of(patient), self._runner
        runner.resetAll()
        for n, m in _PAIRS:
            runner.setValue(f"a{n}_{m}", float(canal.matrix[n, m]))
        for n in range(CELLS):
            runner.setValue(f"b{n}", float(canal.enters[n]))

        def piece(_: Floats, flow: float) -> Floats:
            runner.setValue("flow", flow)
            there: Floats = np.array(runner.simulate(self._begun, self._begun + HOURS, LOOKS + 1))[1:]
            self._begun += HOURS
            return there

        self._begun = 0.0
        return _march(canal, piece)


def _pairs() -> list[tuple[int, int]]:
    """Where the matrix is not zero."""
    ones = Canal.of(dict.fromkeys(_PARAMETERS, 1.0))
    found = {(int(n), int(m)) for n, m in np.argwhere(ones.matrix)}
    segments = {(n, m) for n in range(CELLS + 1) for m in (n - 1, n, n + 1) if 0 <= m <= CELLS}
    return sorted(found | segments)


_PARAMETERS = (
    *(f"area_{region}_cm2" for region in ("lumbosacral", "thoracic", "cervical")),
    *("area_scale", "dispersion_cm2_per_h", "dispersion_thoracic_ratio", "dispersion_cervical_ratio", "canal_length_cm"),
    *("uptake_per_h", "cranial_volume_ml", "cranial_loss_ml_per_h", "renal_fraction", "creatinine_clearance_ml_per_min"),
    *("oral_clearance_l_per_h", "oral_volume_l", "k12_per_h", "k21_per_h", "bioavailability", "ke0_tone_per_h"),
)
_PAIRS = _pairs()


def _sbml() -> str:
    """``x' = a x + b flow`` as rate rules."""

    def product(one: str, other: str) -> str:
        return f"<apply><times/><ci>{one}</ci><ci>{other}</ci></apply>"

    parameters = [f'<parameter id="x{n}" value="0" constant="false"/>' for n in range(CELLS + 4)]
    parameters += [f'<parameter id="a{n}_{m}" value="0" constant="true"/>' for n, m in _PAIRS]
    parameters += [f'<parameter id="b{n}" value="0" constant="true"/>' for n in range(CELLS)]
    parameters.append('<parameter id="flow" value="0" constant="true"/>')
    rules = []
    for n in range(CELLS + 4):
        terms = [product(f"a{n}_{m}", f"x{m}") for row, m in _PAIRS if row == n]
        terms += [product(f"b{n}", "flow")] if n < CELLS else []
        math = f'<math xmlns="http://www.w3.org/1998/Math/MathML"><apply><plus/>{"".join(terms)}</apply></math>'
        rules.append(f'<rateRule variable="x{n}">{math}</rateRule>')
    lists = f"<listOfParameters>{''.join(parameters)}</listOfParameters><listOfRules>{''.join(rules)}</listOfRules>"
    head = (
        '<?xml version="1.0" encoding="UTF-8"?><sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1">'
    )
    return f'{head}<model id="canal">{lists}</model></sbml>'
