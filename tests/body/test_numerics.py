"""The propagation against the equations themselves, assembled here in plain loops and solved by other means.

``A dC/dt = d/dz (A D dC/dz) - A k C + S`` on finite volumes, tissue beside every volume, blood as two compartments for each
route, the gut, and the effect sites: one constant matrix, by an implicit solver and by matrix exponentials in extended precision.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from tests.body.bodies import DAY, HOUR, MINUTE, Floats, alone, mcg, population, seeds, typical_of
from thecal.body.chain import chain2, chain3, filled, filled2
from thecal.body.doses import LUMBAR_PUNCTURE, Bolus, Doses, Infusion, Tablets
from thecal.body.levels import level_cm
from thecal.body.patient import Patients
from thecal.body.plasma import Plasma
from thecal.body.propagate import propagate
from thecal.body.record import LINEAR, Record
from thecal.body.schedule import Grid

Long = NDArray[Any]
"""Arrays of extended precision."""
Place = float | tuple[float, float] | None
"""A height in cm, a stretch of the canal, or the cranial box."""
REAL = np.longdouble
BORDERS = (0, 20, 47, 60)
LAG = 15 * MINUTE
SITES: dict[str, tuple[Place, str]] = {
    "legs_ng_per_ml": ((17.0, 24.0), "ke0_tone_per_h"),
    "arms_ng_per_ml": ((43.5, 53.0), "ke0_tone_per_h"),
    "brain_ng_per_ml": (None, "ke0_tone_per_h"),
    "reflex_ng_per_ml": ((17.0, 24.0), "ke0_reflex_per_h"),
}
LEVELS = ("csf_t12_ng_per_ml", "csf_t2_ng_per_ml", "csf_cranial_ng_per_ml")
CHANNELS = (*LEVELS, *LINEAR)


@dataclass
class System:
    """``x' = matrix x + flow``, and what is read of it, of one patient. ``x`` is in mcg, concentrations of sites in ng/mL.

    First the volumes (the cranial box last) and the tissue beside each; then central and peripheral for the spinal route and for
    the gut's, the gut, and the sites.
    """

    patients: Patients
    cells: int
    volume: list[Any] = field(default_factory=list)
    matrix: Long = field(default_factory=lambda: np.zeros((0, 0)))

    def __post_init__(self) -> None:
        self.fluid = self.cells + 1
        self.blood = 2 * self.fluid
        self.gut = self.blood + 4
        size = self.gut + 1 + len(SITES)
        self.matrix = np.zeros((size, size), REAL)
        self._canal()
        self._blood()
        for n, (place, ke0) in enumerate(SITES.values()):
            self._site(self.gut + 1 + n, place, self.value(ke0))

    def value(self, name: str) -> Any:
        return REAL(self.patients[name][0])

    def integral(self, values: Sequence[Any], low: Any, high: Any) -> Any:
        """Of what is constant between borders, from one height of an adult canal to another."""
        total = REAL(0)
        for value, (begin, end) in zip(values, pairwise(BORDERS), strict=True):
            total += value * max(REAL(0), min(REAL(end), high) - max(REAL(begin), low))
        return total * self.value("canal_length_cm") / 60

    def moves(self, source: int, target: int | None, rate: Any) -> None:
        """So much of one amount goes into another in an hour."""
        self.matrix[source, source] -= rate
        if target is not None:
            self.matrix[target, source] += rate

    def _canal(self) -> None:
        regions = ("lumbosacral", "thoracic", "cervical")
        areas = [self.value(f"area_{region}_cm2") * self.value("area_scale") for region in regions]
        ratios = (REAL(1), self.value("dispersion_thoracic_ratio"), self.value("dispersion_cervical_ratio"))
        resists = [1 / (a * ratio * self.value("dispersion_cm2_per_h")) for a, ratio in zip(areas, ratios, strict=True)]
        height = REAL(60) / self.cells
        middles = [height * (n + REAL(0.5)) for n in range(self.cells)]
        self.volume = [self.integral(areas, n * height, (n + 1) * height) for n in range(self.cells)]
        self.volume.append(self.value("cranial_volume_ml"))
        for n, (low, high) in enumerate(pairwise([*middles, REAL(60)])):
            exchange = 1 / self.integral(resists, low, high)
            self.moves(n, n + 1, exchange / self.volume[n])
            self.moves(n + 1, n, exchange / self.volume[n + 1])
        for n in range(self.fluid):
            inside = n < self.cells
            self.moves(
                n, self.blood, self.value("uptake_per_h") if inside else self.value("cranial_loss_ml_per_h") / self.volume[n]
            )
            if self.value("tissue_ratio") > 0:
                self.moves(n, self.fluid + n, self.value("tissue_exchange_per_h"))
                self.moves(self.fluid + n, n, self.value("tissue_exchange_per_h") / self.value("tissue_ratio"))

    def _blood(self) -> None:
        fe, normal = self.value("renal_fraction"), self.value("creatinine_clearance_ml_per_min") / 105
        k10 = self.value("oral_clearance_l_per_h") * (1 - fe + fe * normal) / self.value("oral_volume_l")
        for central in (self.blood, self.blood + 2):
            self.moves(central, None, k10)
            self.moves(central, central + 1, self.value("k12_per_h"))
            self.moves(central + 1, central, self.value("k21_per_h"))
        self.moves(self.gut, self.blood + 2, self.value("absorption_per_h"))

    @property
    def per_ml(self) -> Any:
        """ng/mL of 1 mcg in the central compartment."""
        return 1 / (self.value("oral_volume_l") * self.value("bioavailability"))

    def seen(self, place: Place) -> Long:
        """The row that reads ng/mL of spinal fluid at a place, what is there by mouth included."""
        row = np.zeros(len(self.matrix), REAL)
        for n, part in enumerate(self.parts(place)):
            row[n] = 1000 * part / self.volume[n]
        row[self.blood + 2] = self.value("csf_per_plasma") * self.value("bioavailability") * self.per_ml
        return row

    def parts(self, place: Place) -> list[Any]:
        """How much of a place each volume is."""
        height, parts = REAL(60) / self.cells, [REAL(0)] * self.fluid
        if place is None:
            parts[-1] = REAL(1)
        elif isinstance(place, tuple):
            begin, end = REAL(place[0]), REAL(place[1])
            for n in range(self.cells):
                covered = min(end, (n + 1) * height) - max(begin, n * height)
                parts[n] = max(REAL(0), covered) / (end - begin)
        else:
            at = min(max(REAL(place) / height - REAL(0.5), REAL(0)), REAL(self.cells - 1))
            low = min(int(at), self.cells - 2)
            parts[low], parts[low + 1] = low + 1 - at, at - low
        return parts

    def _site(self, at: int, place: Place, ke0: Any) -> None:
        driven = self.seen(place)
        if place is None:
            driven[: self.fluid] *= self.value("brain_per_cranial")
        self.matrix[at] += ke0 * driven
        self.matrix[at, at] -= ke0

    def reading(self, channel: str) -> Long:
        """The row that a channel is."""
        row: Long = np.zeros(len(self.matrix), REAL)
        if channel in SITES:
            row[self.gut + 1 + list(SITES).index(channel)] = 1
            return row
        if channel == "plasma_ng_per_ml":
            row[self.blood], row[self.blood + 2] = self.per_ml, self.per_ml * self.value("bioavailability")
            return row
        name = channel.removeprefix("csf_").removesuffix("_ng_per_ml")
        return self.seen(None if name == "cranial" else level_cm(name.upper()))

    def enters(self, source: str) -> Long:
        """Where 1 mcg from a source goes."""
        column = np.zeros(len(self.matrix), REAL)
        if source == "gut":
            column[self.gut] = 1
        else:
            place: Place = (7.0, 13.0) if source == LUMBAR_PUNCTURE else level_cm(source)
            column[: self.fluid] = self.parts(place)
        return column


def changes(doses: Doses, end: int) -> list[int]:
    """Every second up to ``end`` at which a flow changes or something is given, and both ends."""
    found = {0, end} | {bolus.at_s for bolus in doses.boluses}
    for one in doses.infusions:
        found |= {one.start_s, one.end_s}
        for period in range(one.start_s - one.phase_s - one.period_s, one.end_s, one.period_s):
            found |= {period + step for step in one.ends_s if one.start_s < period + step < one.end_s}
    for some in doses.tablets:
        found |= set(taken(some))
    return sorted(second for second in found if 0 <= second <= end)


def taken(tablets: Tablets) -> dict[int, float]:
    """When mcg reach the gut."""
    return {
        start + offset + LAG: 1000 * float(mg)
        for start in range(tablets.start_s, tablets.end_s, tablets.period_s)
        for offset, mg in zip(tablets.times_s, tablets.mg, strict=True)
        if start + offset < tablets.end_s
    }


def given_at(system: System, doses: Doses, second: int) -> Long:
    """What is given at once in a second."""
    total = np.zeros(len(system.matrix), REAL)
    for bolus in doses.boluses:
        if bolus.at_s == second:
            total += REAL(bolus.mcg[0]) * system.enters(bolus.level)
    for some in doses.tablets:
        total += REAL(taken(some).get(second, 0.0)) * system.enters("gut")
    return total


def flow_at(system: System, doses: Doses, second: int) -> Long:
    """What flows in an hour from a second on."""
    total = np.zeros(len(system.matrix), REAL)
    for one in doses.infusions:
        if one.start_s <= second < one.end_s:
            within = (second - one.start_s + one.phase_s) % one.period_s
            step = next(n for n, until in enumerate(one.ends_s) if within < until)
            total += REAL(one.mcg_per_h[step, 0] if one.mcg_per_h.ndim > 1 else one.mcg_per_h[step]) * system.enters(one.level)
    return total


def exponential(matrix: Long) -> Long:
    """By scaling and squaring of the series, in extended precision."""
    halvings = max(0, int(np.ceil(np.log2(float(np.abs(matrix).sum(axis=1).max()) + 1e-300))) + 3)
    small = matrix / REAL(2) ** halvings
    term: Long = np.eye(len(matrix), dtype=REAL)
    total: Long = term
    for n in range(1, 26):
        term = term @ small / n
        total = total + term
    for _ in range(halvings):
        total = total @ total
    return total


def exact(system: System, doses: Doses, grid: Grid, channels: Sequence[str]) -> Floats:
    """(channels, times) by matrix exponentials in extended precision, from one change or look to the next."""
    size, known = len(system.matrix), dict[int, Long]()
    reads = np.stack([system.reading(name) for name in channels])
    looks = [grid.start_s + n * grid.step_s for n in range(grid.count)]
    x, seen = np.zeros(size, REAL), []
    cuts = sorted({*changes(doses, grid.end_s), *looks})
    for begin, end in pairwise([*cuts, None]):
        assert begin is not None
        if begin in looks:
            seen.append(reads @ x)
        if end is None:
            break
        x = x + given_at(system, doses, begin)
        if end - begin not in known:
            both = np.zeros((2 * size, 2 * size), REAL)
            both[:size, :size], both[:size, size:] = system.matrix, np.eye(size)
            known[end - begin] = exponential(both * (REAL(end - begin) / 3600))[:size]
        left, flowed = known[end - begin][:, :size], known[end - begin][:, size:]
        x = left @ x + flowed @ flow_at(system, doses, begin)
    return np.stack(seen, axis=1).astype(np.float64)


def solved(system: System, doses: Doses, grid: Grid, channels: Sequence[str], method: str = "LSODA") -> Floats:
    """(channels, times) by a stiff solver, from one change to the next."""
    matrix = system.matrix.astype(np.float64)
    reads = np.stack([system.reading(name) for name in channels]).astype(np.float64)
    looks = np.array([grid.start_s + n * grid.step_s for n in range(grid.count)])
    seen = np.zeros((len(channels), grid.count))
    x = np.zeros(len(matrix))
    for begin, end in pairwise(changes(doses, grid.end_s)):
        x = x + given_at(system, doses, begin).astype(np.float64)
        flow = flow_at(system, doses, begin).astype(np.float64)
        inside = (looks > begin) & (looks <= end)
        if np.any(x) or np.any(flow):
            found = solve_ivp(
                lambda _, y, b: matrix @ y + b,
                (0.0, (end - begin) / 3600),
                x,
                method,
                t_eval=np.append((looks[inside] - begin) / 3600, (end - begin) / 3600)[: None if end not in looks else -1],
                args=(flow,),
                jac=lambda _, __, ___: matrix,
                rtol=1e-12,
                atol=1e-13 * max(1.0, float(np.abs(x).max())),
            )
            assert found.success, found.message
            seen[:, inside] = reads @ found.y[:, : inside.sum()]
            x = found.y[:, -1]
    return seen


def errors(patients: Patients, doses: Doses, grid: Grid, expected: Floats, channels: Sequence[str], cells: int) -> Floats:
    """The largest error of each channel, as a part of its maximum."""
    response = propagate(patients, doses, Record(grid, tuple(channels)), cells=cells)
    found = np.stack([response[name][0] for name in channels])
    apart: Floats = np.abs(found - expected).max(axis=1) / expected.max(axis=1)
    return apart


def anybody(seed: int) -> Patients:
    """One patient far from the typical one, with tissue, and dispersion that differs between regions."""
    rng = np.random.default_rng(seed)
    ratio, exchange, *dispersion = np.exp(rng.normal(0.0, 0.7, 4))
    return population(1, seed, factor=2).with_values(
        tissue_ratio=ratio,
        tissue_exchange_per_h=exchange,
        dispersion_thoracic_ratio=dispersion[0],
        dispersion_cervical_ratio=dispersion[1],
    )


def anything(seed: int) -> Doses:
    """Two infusions with patterns, the tip elsewhere in the second; boluses by puncture and catheter; tablets."""
    rng = np.random.default_rng(seed)
    moved = int(rng.integers(DAY // 2, DAY))
    ends = tuple(int(second) for second in np.sort(rng.choice(np.arange(1, DAY), 2, replace=False)))
    first, second = rng.choice(["L3", "T12", "T10", "T6", "C5"], 2, replace=False)
    return Doses(
        (
            Infusion(0, moved, str(first), rng.uniform(0, 20, 3), (*ends, DAY), int(rng.integers(0, DAY))),
            Infusion(moved, 2 * DAY, str(second), rng.uniform(0, 20, 2), (5 * HOUR, 9 * HOUR)),
        ),
        (Bolus(int(rng.integers(0, DAY)), mcg(50)), Bolus(int(rng.integers(0, DAY)), mcg(30), "T4")),
        (Tablets(int(rng.integers(0, 9 * HOUR)), DAY, (10, 5), (0, 7 * HOUR + 11)),),
    )


def check_against_a_solver(seed: int, cells: int, method: str) -> None:
    """LSODA gathers an error of its own that can pass its tolerance a thousandfold; then Radau, which keeps it, decides."""
    patients, doses, grid = anybody(seed), anything(seed), Grid.over(0, 3 * DAY // 2, 37 * MINUTE)

    def error(by: str) -> float:
        expected = solved(System(patients, cells), doses, grid, CHANNELS, by)
        return float(np.max(errors(patients, doses, grid, expected, CHANNELS, cells)))

    assert error(method) <= 1e-9 or (method == "LSODA" and error("Radau") <= 1e-9)


@pytest.mark.requirement("BOD-03")
@settings(max_examples=12)
@given(seeds)
def test_against_a_stiff_solver(seed: int) -> None:
    """Random bodies under random schedules of every kind: within 1e-9 of each channel's maximum."""
    check_against_a_solver(seed, 10, "LSODA")


@pytest.mark.long
@settings(max_examples=40)
@example(17305)  # LSODA errs by 1.2e-9 here, Radau and the body by 1.3e-11
@given(seeds)
def test_against_a_stiff_solver_at_length(seed: int) -> None:
    """On the cells that are used."""
    check_against_a_solver(seed, 40, "LSODA")


@pytest.mark.long
@settings(max_examples=8)
@given(seeds)
def test_against_another_method(seed: int) -> None:
    """An implicit Runge-Kutta method, on fewer cells."""
    check_against_a_solver(seed, 10, "Radau")


@settings(max_examples=6)
@given(seeds)
def test_against_extended_precision(seed: int) -> None:
    """The same against matrix exponentials of 64 bits: within 1e-11."""
    patients, doses, grid = anybody(seed), anything(seed), Grid.over(0, 3 * DAY // 2, HOUR)
    expected = exact(System(patients, 8), doses, grid, CHANNELS)
    assert np.all(errors(patients, doses, grid, expected, CHANNELS, 8) <= 1e-11)


def six_steps(days: int) -> Doses:
    """The schedule of the benchmark: six steps of four hours."""
    return alone(Infusion(0, days * DAY, "T10", mcg(9, 6, 7.5, 7.5, 9, 12), tuple(4 * HOUR * n for n in range(1, 7))))


@pytest.mark.parametrize("seed", [1, 2])
def test_the_benchmark_problem(seed: int) -> None:
    """20 segments, six steps a day for 30 days, seen every 15 min: within 1e-11 of each channel's maximum."""
    channels, grid = ("csf_t12_ng_per_ml", "plasma_ng_per_ml", "legs_ng_per_ml"), Grid.over(0, 30 * DAY, 15 * MINUTE)
    patients = population(1, seed, factor=1.6)
    expected = exact(System(patients, 19), six_steps(30), grid, channels)
    assert np.all(errors(patients, six_steps(30), grid, expected, channels, 19) <= 1e-11)


def blood_rates(patients: Patients) -> tuple[float, float]:
    """(alpha, beta) of one patient."""
    fast, slow = Plasma.of(patients).rate[0]
    return float(fast), float(slow)


def meeting(which: str) -> Patients:
    """A patient in whom some rates are the same to the last bit."""
    alpha, beta = blood_rates(typical_of())
    return {
        "ka = alpha": lambda: typical_of(absorption_per_h=alpha),
        "ke0 = beta": lambda: typical_of(ke0_tone_per_h=beta),
        "the sites' ke0": lambda: typical_of(ke0_reflex_per_h=0.11, ke0_tone_per_h=0.11),
        "ka = alpha = ke0": lambda: typical_of(absorption_per_h=alpha, ke0_tone_per_h=alpha, ke0_reflex_per_h=alpha),
        "ka = beta = ke0": lambda: typical_of(absorption_per_h=beta, ke0_tone_per_h=beta, ke0_reflex_per_h=beta),
        "nearly": lambda: typical_of(absorption_per_h=alpha * (1 + 1e-9), ke0_tone_per_h=alpha * (1 - 3e-10)),
        "uptake = ke0": lambda: typical_of(uptake_per_h=0.11, ke0_tone_per_h=0.11, cranial_loss_ml_per_h=0.11 * 140),
        "uptake = beta": lambda: typical_of(uptake_per_h=beta, cranial_loss_ml_per_h=beta * 140, ke0_tone_per_h=beta),
    }[which]()


@pytest.mark.parametrize(
    "which",
    [
        "ka = alpha",
        "ke0 = beta",
        "the sites' ke0",
        "ka = alpha = ke0",
        "ka = beta = ke0",
        "nearly",
        "uptake = ke0",
        "uptake = beta",
    ],
)
def test_rates_that_meet(which: str) -> None:
    """Where rates coincide nothing is lost; with equal losses everywhere the slowest mode decays at just that rate."""
    patients, grid = meeting(which), Grid.over(0, DAY, HOUR)
    doses = Doses(
        (day := Infusion(0, DAY, "T10", mcg(5, 9), (7 * HOUR, DAY)),), (Bolus(HOUR, mcg(50)),), (Tablets(0, DAY, (20,)),)
    )
    assert day.period_s == DAY
    expected = exact(System(patients, 8), doses, grid, CHANNELS)
    assert np.all(errors(patients, doses, grid, expected, CHANNELS, 8) <= 1e-11)


def divided(rates: Sequence[float], hours: float) -> Decimal:
    """The chain through steps of these rates, to 60 digits: their exponentials by partial fractions, after the rates have been
    moved apart by less than a digit that counts.
    """
    with localcontext() as context:
        context.prec = 300
        apart = [Decimal(rate) + n * Decimal("1e-80") for n, rate in enumerate(rates)]
        total = Decimal(0)
        for n, rate in enumerate(apart):
            below = Decimal(1)
            for other in apart[:n] + apart[n + 1 :]:
                below *= other - rate
            total += (-rate * Decimal(hours)).exp() / below
        return total


rates = st.floats(0.01, 20)
nearby = st.one_of(st.just(0.0), st.floats(-12, 0).map(lambda exponent: float(10**exponent)))


@given(rates, nearby, nearby, st.sampled_from([1 / 3600, 0.25, 1.0, 4.0]), st.permutations([0, 1, 2]))
def test_chains_of_steps(rate: float, one: float, other: float, hours: float, order: list[int]) -> None:
    """To 60 digits: two and three steps, in any order of their rates, however near to one another."""
    three = [rate, rate * (1 + one), rate * (1 + one) * (1 + other)]
    a, b, c = (np.array([three[n]]) for n in order)
    passed = chain2(a, b, hours)
    assert passed[0] == pytest.approx(float(divided([a[0], b[0]], hours)), rel=1e-14)
    assert chain3(a, b, c, hours)[0] == pytest.approx(float(divided([a[0], b[0], c[0]], hours)), rel=2e-14)
    assert filled(a, hours)[0] == pytest.approx(float(divided([a[0], 0.0], hours)), rel=1e-14)
    # This one is a difference: exact as a part of what the faster of the two steps alone would hold.
    scale = hours / max(a[0], b[0])
    assert abs(filled2(a, b, hours, passed)[0] - float(divided([a[0], b[0], 0.0], hours))) <= 4e-16 * scale


@pytest.mark.requirement("BOD-08")
@pytest.mark.parametrize("tip", ["L4", "L3", "L1", "T12", "T10", "T8", "T4", "T1", "C5", "C2"])
def test_half_the_cell(tip: str) -> None:
    """Twice as many cells change nothing by 1 % of a channel's maximum, from any tip, under infusion and after a bolus."""
    patients = population(3, 7)
    doses = Doses((Infusion(0, 4 * DAY, tip, mcg(4, 12), (8 * HOUR, DAY)),), (Bolus(2 * DAY, mcg(30)),))
    record = Record(Grid.over(0, 5 * DAY, HOUR), tuple(LINEAR))
    coarse, fine = propagate(patients, doses, record, cells=40), propagate(patients, doses, record, cells=80)
    for name in LINEAR:
        apart = np.abs(coarse[name] - fine[name]).max(axis=1)
        assert np.all(apart <= 0.01 * fine[name].max(axis=1)), name
