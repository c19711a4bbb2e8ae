"""The benchmark problem as its equations, for the peers and the reference, independent of the body that is measured.

Twenty segments of spinal fluid (19 of the canal and the cranial box), plasma in two compartments, one effect site; amounts in
mcg, the site in ng/mL: ``x' = matrix x + flow``. Six steps of four hours a day into the canal at vertebral T10, for 30 days, seen
every 15 minutes at T12, in plasma and at the effect site.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CELLS, DAYS, HOURS = 19, 30, 4
LOOKS = 16  # in four hours
FLOWS_MCG_PER_H = (9.0, 6.0, 7.5, 7.5, 9.0, 12.0)
TIP_CM, SEEN_CM, SITE_CM = 25.0, 20.0, (17.0, 24.0)
_BORDERS_CM = (0.0, 20.0, 47.0, 60.0)
_REGIONS = ("lumbosacral", "thoracic", "cervical")


@dataclass(frozen=True, slots=True)
class Canal:
    """One patient: the matrix (per hour), what a flow of 1 mcg/h enters, and the rows that read the three channels in ng/mL."""

    matrix: Any
    enters: Any
    reads: Any

    @classmethod
    def of(cls, patient: Mapping[str, float], real: type = np.float64) -> "Canal":
        """From the parameters of the body, in any precision."""
        value = {name: real(number) for name, number in patient.items()}
        segments, plasma, site = CELLS + 1, CELLS + 1, CELLS + 3
        matrix: Any = np.zeros((CELLS + 4, CELLS + 4), real)
        volume, exchange = _segments(value, real)
        loss = [volume[n] * value["uptake_per_h"] for n in range(CELLS)] + [value["cranial_loss_ml_per_h"]]

        def moves(source: int, target: int | None, rate: Any) -> None:
            matrix[source, source] -= rate
            if target is not None:
                matrix[target, source] += rate

        for n in range(segments):
            moves(n, plasma, loss[n] / volume[n])
        for n in range(CELLS):
            moves(n, n + 1, exchange[n] / volume[n])
            moves(n + 1, n, exchange[n] / volume[n + 1])
        kidney = 1 - value["renal_fraction"] * (1 - value["creatinine_clearance_ml_per_min"] / 105)
        moves(plasma, None, value["oral_clearance_l_per_h"] * kidney / value["oral_volume_l"])
        moves(plasma, plasma + 1, value["k12_per_h"])
        moves(plasma + 1, plasma, value["k21_per_h"])
        matrix[site, site] = -value["ke0_tone_per_h"]
        enters: Any = np.zeros(CELLS + 4, real)
        reads: Any = np.zeros((3, CELLS + 4), real)
        for n in range(CELLS):
            low, high = real(60) * n / CELLS, real(60) * (n + 1) / CELLS
            part = max(real(0), min(high, real(SITE_CM[1])) - max(low, real(SITE_CM[0]))) / (SITE_CM[1] - SITE_CM[0])
            matrix[site, n] = value["ke0_tone_per_h"] * 1000 * part / volume[n]
            enters[n] = _share(TIP_CM, n, real)
            reads[0, n] = 1000 * _share(SEEN_CM, n, real) / volume[n]
        reads[1, plasma] = 1 / (value["oral_volume_l"] * value["bioavailability"])
        reads[2, site] = 1
        return cls(matrix, enters, reads)


def _segments(value: Mapping[str, Any], real: type) -> tuple[list[Any], list[Any]]:
    """(volumes in mL, what passes between a segment and the one above it in mL/h)."""
    areas = [value[f"area_{region}_cm2"] * value["area_scale"] for region in _REGIONS]
    ratios = (real(1), value["dispersion_thoracic_ratio"], value["dispersion_cervical_ratio"])
    resists = [1 / (area * ratio * value["dispersion_cm2_per_h"]) for area, ratio in zip(areas, ratios, strict=True)]

    def over(each: list[Any], low: Any, high: Any) -> Any:
        total = real(0)
        for n, one in enumerate(each):
            total += one * max(real(0), min(high, real(_BORDERS_CM[n + 1])) - max(low, real(_BORDERS_CM[n])))
        return total * value["canal_length_cm"] / 60

    edges = [real(60) * n / CELLS for n in range(CELLS + 1)]
    middles = [(low + high) / 2 for low, high in pairwise(edges)] + [real(60)]
    volume = [over(areas, low, high) for low, high in pairwise(edges)]
    exchange = [1 / over(resists, low, high) for low, high in pairwise(middles)]
    return [*volume, value["cranial_volume_ml"]], exchange


def _share(height_cm: float, cell: int, real: type) -> Any:
    """How much of a point of the canal is in a cell: it is shared between the two whose middles it lies between."""
    place = real(height_cm) * CELLS / 60 - real(0.5)
    return max(real(0), 1 - abs(place - cell))


def reference(patient: Mapping[str, float]) -> Floats:
    """(channels, times) by the matrix exponential in extended precision, a look after the other."""
    canal = Canal.of(patient, np.longdouble)
    size = len(canal.matrix)
    both = np.zeros((size + 1, size + 1), np.longdouble)
    both[:size, :size], both[:size, size] = canal.matrix, canal.enters
    step = _exponential(both * np.longdouble(HOURS) / LOOKS)[:size]
    x, seen = np.zeros(size, np.longdouble), [np.zeros(3, np.longdouble)]
    for piece in range(DAYS * len(FLOWS_MCG_PER_H)):
        flow = np.longdouble(FLOWS_MCG_PER_H[piece % len(FLOWS_MCG_PER_H)])
        for _ in range(LOOKS):
            x = step[:, :size] @ x + step[:, size] * flow
            seen.append(canal.reads @ x)
    return np.stack(seen, axis=1).astype(np.float64)


def _exponential(matrix: Any) -> Any:
    """By scaling and squaring of the series."""
    halvings = int(np.ceil(np.log2(float(np.abs(matrix).sum(axis=1).max())))) + 3
    small = matrix / np.longdouble(2) ** halvings
    total = term = np.eye(len(matrix), dtype=np.longdouble)
    for n in range(1, 26):
        term = term @ small / n
        total = total + term
    for _ in range(halvings):
        total = total @ total
    return total


def error(found: Floats, expected: Floats) -> float:
    """The largest error of any channel, as a part of its maximum."""
    return float(np.max(np.abs(found - expected).max(axis=1) / expected.max(axis=1)))
