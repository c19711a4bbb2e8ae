"""What an endpoint of a study rests on: Sobol indices over parameters of the body and settings of the world, and a tornado.

    from pathlib import Path
    from thecal.study.design import read_protocol
    from thecal.study.sensitivity import sensitivity

    if __name__ == "__main__":
        found = sensitivity(read_protocol(Path("protocol.toml")), samples=64, patients=32)
        found.effects[0].total

At every point the same patients are run, with the same chances, and each parameter that is varied has one value for all of them.
So an endpoint is a function of the point, and what chance decides about a patient is in no index. Parameters are varied
independently of one another: what a sheet says about their correlation is not followed.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thecal.errors import InputError, nearest_name
from thecal.report.swing import Swing
from thecal.study.arm_rows import arm_rows
from thecal.study.block import run_block
from thecal.study.design import Protocol
from thecal.study.endpoint import Endpoint, endpoint
from thecal.study.factor import USUAL, Factor, factors_for
from thecal.study.pool import Pool
from thecal.study.rows import COLUMNS, Failure
from thecal.study.summary import value
from thecal.study.task import StudyError, Task
from thecal.study.treatment import Treatment

Floats = NDArray[np.float64]
Model = Callable[[Floats], Floats]
"""The endpoint at points: from (points, factors) to (points,)."""
Told = Callable[[int, int], None]
"""Called with how many points are done and how many there are."""

SAMPLES, SAMPLES_MIN, SAMPLES_MAX = 64, 4, 2**16
PATIENTS = 32
_RANGE_95 = 0.95


@dataclass(frozen=True, slots=True)
class Effect:
    """How much of the variance of an endpoint one factor makes: ``first`` by itself, ``total`` with all that it does together
    with others. A half width is that of the interval of 95 %, by SALib's bootstrap over the samples.
    """

    name: str
    first: float
    first_half_width: float
    total: float
    total_half_width: float


@dataclass(frozen=True, slots=True)
class Explored:
    """A model over its factors: their swings and effects in the order of the factors, and the range of all sampled values."""

    swings: tuple[Swing, ...]
    effects: tuple[Effect, ...]
    least: float
    greatest: float
    points: int


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What an endpoint of an arm rests on. ``left_out`` are usual factors that are not varied, since they have no usual range in
    this arm. ``failures`` are patients who could not be followed, once for each error, with at how many of the points; where
    there are any, not all points are of the same patients.
    """

    protocol: Protocol
    arm: Treatment
    endpoint: Endpoint
    factors: tuple[Factor, ...]
    left_out: tuple[str, ...]
    samples: int
    patients: int
    explored: Explored
    failures: tuple[tuple[Failure, int], ...]

    @property
    def swings(self) -> tuple[Swing, ...]:
        return self.explored.swings

    @property
    def effects(self) -> tuple[Effect, ...]:
        return self.explored.effects


def sensitivity(
    protocol: Protocol,
    *,
    arm: str | None = None,
    vary: Sequence[str] = (),
    endpoint_name: str | None = None,
    samples: int = SAMPLES,
    patients: int | None = None,
    workers: int | None = None,
    told: Told | None = None,
) -> Sensitivity:
    """The sensitivity of an endpoint (the first, where none is named) in an arm (the reference) over the factors ``vary``, each
    ``NAME=LOW:HIGH`` in its unit or ``NAME`` with its usual range (a usual choice of them, where none is named).

    ``samples`` is a power of two; over D factors that is ``samples * (D + 2) + 2 D + 1`` points, at each of which the first
    ``patients`` who are enrolled are run, in ``workers`` processes. A filter chooses patients by what they are, and not by what a
    factor makes of them. ``protocol`` is as a file has it: workers read it anew.

    Raises InputError for what is not known or cannot be, a missing SALib, and an endpoint that is not defined at a point;
    StudyError where a worker dies. KeyboardInterrupt goes through.
    """
    chosen = _arm(protocol, arm)
    measured = _endpoint(protocol, chosen, endpoint_name)
    factors = factors_for(protocol.population, chosen, vary)
    check_samples(samples)
    numbers = _patients(protocol, patients)
    failures: Counter[Failure] = Counter()

    def model(points: Floats) -> Floats:
        at = AtPoint(chosen.name, measured, factors, points, numbers)
        values, failed = _run(protocol, at, workers, told)
        failures.update(failed)
        _check_defined(values, at, tuple(failures))
        return values

    explored = explore(factors, model, samples, protocol.seed)
    counted = tuple(sorted(failures.items(), key=lambda one: (one[0].patient, one[0].error)))
    varied = {factor.name for factor in factors}
    left_out = () if vary else tuple(name for name in USUAL[chosen.route] if name not in varied)
    return Sensitivity(protocol, chosen, measured, factors, left_out, samples, len(numbers), explored, counted)


def explore(factors: Sequence[Factor], model: Model, samples: int, seed: int) -> Explored:
    """A model over factors, each uniform between its ends: one at a time, and by Saltelli's design for Sobol indices.

    The model is asked once for all points, of which ``samples`` is checked to be a power of two. Raises InputError for another
    number, and where SALib is missing.
    """
    check_samples(samples)
    sample, analyze = _salib()
    problem = {
        "num_vars": len(factors),
        "names": [factor.name for factor in factors],
        "bounds": [[factor.low, factor.high] for factor in factors],
    }
    seed += 1  # SALib takes a seed of 0 for none
    alone = _one_at_a_time(factors)
    points = np.vstack([alone, sample(problem, samples, calc_second_order=False, seed=seed)])
    values = model(points)
    base, ends, sampled = float(values[0]), values[1 : len(alone)].reshape(-1, 2), values[len(alone) :]
    swings = tuple(
        Swing(factor.name, factor.unit, factor.low, factor.high, float(low), base, float(high))
        for factor, (low, high) in zip(factors, ends, strict=True)
    )
    if np.ptp(sampled):
        found = analyze(problem, sampled, calc_second_order=False, conf_level=_RANGE_95, seed=seed)
        columns = [found[key].tolist() for key in ("S1", "S1_conf", "ST", "ST_conf")]
        effects = tuple(Effect(factor.name, *row) for factor, row in zip(factors, zip(*columns, strict=True), strict=True))
    else:
        effects = tuple(Effect(factor.name, 0.0, 0.0, 0.0, 0.0) for factor in factors)
    return Explored(swings, effects, float(sampled.min()), float(sampled.max()), len(points))


def check_samples(samples: int) -> None:
    """Raises InputError for a number of samples that is not a power of two, or too small or too large."""
    if not SAMPLES_MIN <= samples <= SAMPLES_MAX or samples & (samples - 1):
        below = 2 ** max(samples.bit_length() - 1, 0)
        near = " or ".join(str(each) for each in (below, 2 * below) if SAMPLES_MIN <= each <= SAMPLES_MAX)
        problem = "is not a power of two: SALib's samples are a Sobol' sequence, which fills the space evenly for those only"
        if samples == below:
            problem = "is out of range"
        such = f", such as {near}" if near else ""
        accepted = (f"a power of two from {SAMPLES_MIN} to {SAMPLES_MAX:,}{such}",)
        raise InputError("--samples", samples, problem, accepted=accepted)


def _one_at_a_time(factors: Sequence[Factor]) -> Floats:
    """All typical; then for each factor its low and its high end with the others typical: (2 D + 1, D)."""
    points = np.tile([factor.typical for factor in factors], (2 * len(factors) + 1, 1)).astype(np.float64)
    for n, factor in enumerate(factors):
        points[1 + 2 * n, n], points[2 + 2 * n, n] = factor.low, factor.high
    return points


@dataclass(frozen=True, slots=True)
class AtPoint:
    """What a worker does: run the patients ``numbers`` at one of the ``points`` and tell the endpoint there, NaN where it is not
    defined. Called with the protocol and the place of the point, as the workers of a study are with places of patients.
    """

    arm: str
    endpoint: Endpoint
    factors: tuple[Factor, ...]
    points: Floats
    numbers: Sequence[int]

    def __call__(self, protocol: Protocol, places: Sequence[int]) -> "Found":
        (place,) = places
        there = self.protocol_at(protocol, place)
        rows: dict[str, list[Any]] = {name: [] for name in COLUMNS["patients"]}
        failures: list[Failure] = []
        for low in range(0, len(self.numbers), protocol.block):
            made = run_block(there, self.numbers[low : low + protocol.block])
            failures += made.failures
            for name in rows:
                rows[name] += made.tables["patients"][name]
        tables = {"patients": {name: np.array(values, dtype=object) for name, values in rows.items()}}
        if not rows["patient"]:
            return Found({"points": {"value": [float("nan")]}}, tuple(failures))
        estimate = value(arm_rows(tables, "patients", self.arm), there, self.endpoint).estimate
        return Found({"points": {"value": [float("nan") if estimate.value is None else estimate.value]}}, tuple(failures))

    def protocol_at(self, protocol: Protocol, place: int) -> Protocol:
        """The protocol with the values of a point, and with this arm alone."""
        chosen = next(arm for arm in protocol.arms if arm.name == self.arm)
        given, own = dict(protocol.population.given), dict[str, str]()
        for factor, number in zip(self.factors, self.points[place].tolist(), strict=True):
            if factor.place == "body":
                given[factor.name] = number
            else:
                own[factor.name] = f"{np.format_float_positional(number, trim='-')} {factor.unit}".rstrip()
        population = replace(protocol.population, given=tuple(given.items()))
        treatment = replace(chosen, world=chosen.world.with_own(own))
        return replace(protocol, population=population, arms=(treatment,), course_hours=0.0)

    def words(self, place: int) -> str:
        """A point in words."""
        pairs = zip(self.factors, self.points[place].tolist(), strict=True)
        return ", ".join(f"{factor.name} {number:.4g} {factor.unit}".rstrip() for factor, number in pairs)


@dataclass(frozen=True, slots=True)
class Found:
    """What came of a point, in the shape in which workers tell it: the table ``points`` has the column ``value``."""

    tables: dict[str, dict[str, list[float]]]
    failures: tuple[Failure, ...]


def _run(protocol: Protocol, at: AtPoint, workers: int | None, told: Told | None) -> tuple[Floats, list[Failure]]:
    """The endpoint at every point, in their order whichever ends first, and who failed at each."""
    count = len(at.points)
    values, failures, next_place, done = np.full(count, np.nan), [list[Failure]() for _ in range(count)], 0, 0
    with closing(Pool(protocol, at, workers)) as pool:
        while done < count:
            while next_place < count and pool.takes(task := Task(next_place, [next_place])):
                pool.give(task)
                next_place += 1
            if told:
                told(done, count)
            for answer in pool.answers():
                place = answer.task.block
                if answer.made is None:
                    why = f"\n{answer.raised}" if answer.raised else " (its worker died, or had not memory enough)"
                    raise StudyError(f"point {place} ({at.words(place)}) cannot be run{why}")
                values[place] = answer.made.tables["points"]["value"][0]
                failures[place] = [Failure(one.patient, one.arm, one.error) for one in answer.made.failures]
                done += 1
    if told:
        told(done, count)
    return values, [one for each in failures for one in each]


def _check_defined(values: Floats, at: AtPoint, failures: Sequence[Failure]) -> None:
    missing = np.flatnonzero(~np.isfinite(values))
    if len(missing):
        why = failures[0].error.strip().splitlines()[-1:] if failures else []
        first = f"; patient {failures[0].patient} failed: {' '.join(why)}" if failures else ""
        told = f"{len(missing)} of {len(values)} points, the first at {at.words(int(missing[0]))}{first}"
        problem = f"are too few: {at.endpoint.title} is not defined for them at {told}"
        accepted = ("more patients: --patients", "ranges at which it is defined: --vary", "another --endpoint")
        raise InputError("--patients", len(at.numbers), problem, accepted=accepted)


def _arm(protocol: Protocol, name: str | None) -> Treatment:
    arms = {arm.name: arm for arm in protocol.arms}
    asked = protocol.reference if name is None else name
    if asked not in arms:
        raise InputError("--arm", asked, f"is no arm of {protocol.name}", accepted=arms, nearest=nearest_name(asked, arms))
    return arms[asked]


def _endpoint(protocol: Protocol, arm: Treatment, name: str | None) -> Endpoint:
    """Raises InputError for one that is none, or that the arm cannot have."""
    found = protocol.endpoints[0] if name is None else endpoint(name, "--endpoint")
    lacks = ""
    if found.pump and not arm.has_pump:
        lacks = f"needs a pump, and the arm {arm.name!r} has none"
    elif found.name == "screening_responders" and not arm.screening:
        lacks = f"needs screening, and the arm {arm.name!r} has none"
    elif found.name == "walking" and protocol.walking is None:
        lacks = "needs walking_ashworth and walking_weakness in [definitions] of the protocol"
    if lacks:
        raise InputError("--endpoint", found.name, lacks, accepted=("an endpoint that the arm has", "another --arm"))
    return found


def _patients(protocol: Protocol, patients: int | None) -> Sequence[int]:
    """The numbers of the first who are enrolled."""
    count = min(PATIENTS, protocol.patients) if patients is None else patients
    if not 1 <= count <= protocol.patients:
        problem = f"is not a number of patients of {protocol.name}"
        raise InputError("--patients", count, problem, accepted=(f"1 to {protocol.patients:,}",))
    if protocol.population.strata:
        return protocol.enrolled()[:count]
    return protocol.population.enrolled(protocol.seed, count)  # the first ones are so without looking for the others


def _salib() -> tuple[Callable[..., Floats], Callable[..., dict[str, Floats]]]:
    """SALib's sampling and its analysis."""
    try:
        from SALib.analyze import sobol as analysis  # type: ignore[import-untyped]  # noqa: PLC0415  # slow, and an extra
        from SALib.sample import sobol as sampling  # type: ignore[import-untyped]  # noqa: PLC0415  # as above
    except ModuleNotFoundError:
        raise InputError("SALib", "", "is not installed", accepted=('pip install "thecal[study]"',)) from None
    return sampling.sample, analysis.analyze
