"""Populations: who a patient is, by the number alone.

Patient ``number`` of a population is the same person whatever else is drawn, in any order, alone or among a hundred thousand,
and whatever else chance decides about them: every noun (``body`` here; flow, complications, visits elsewhere) has a stream of
its own.
"""

import operator
from collections.abc import Iterable
from functools import cache
from hashlib import sha256

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from thecal.body.patient import (
    PARAMETERS,
    Patients,
    PatientSheet,
    Setting,
    check_correlations,
    correlation_matrix,
    patient_sheet,
)
from thecal.errors import InputError

Floats = NDArray[np.float64]

WORD_MAX = 2**64 - 1
"""The largest seed and the largest number of a patient: each is half of the key."""
_FRACTION_BITS = 52


def draw(sheet: PatientSheet | str, seed: int, numbers: Iterable[int], **given: ArrayLike) -> Patients:
    """The patients of a population by their numbers, such as ``range(1000)``, as varied as the sheet says.

    ``given`` sets parameters, for all or one for each, in place of what would be drawn; it changes nothing else about anybody.
    One uniform belongs to each parameter in the order of ``PARAMETERS``, also where it does not vary, and becomes a standard
    normal ``z``; those that the sheet correlates are mixed by the Cholesky factor of their correlations. Then ``log-normal`` is
    ``value exp(SD z)`` and ``normal`` is ``value + SD z``, both drawn from that part of the distribution that lies in the
    accepted range, and ``mixture`` has the factor where ``z`` is in the upper part of that size.

    Raises InputError for an empty population, a seed or number that is no whole number from 0 to 2^64 - 1, a sheet that does not
    exist, correlations that cannot hold together, and given values that the body is not defined for.
    """
    kind = patient_sheet(sheet) if isinstance(sheet, str) else sheet
    check_correlations(kind.settings, kind.correlations)
    chosen = _chosen(numbers)
    uniform = uniforms(seed, chosen, "body", len(PARAMETERS))
    normal = _correlated(kind, {name: ndtri(uniform[:, n].copy()) for n, name in enumerate(PARAMETERS) if _varies(kind, name)})
    drawn = {
        name: _value(setting, normal[name]) if name in normal else np.full(len(chosen), setting.typical)
        for name, setting in kind.settings.items()
    }
    odd = next((name for name, values in given.items() if np.size(values) not in (1, len(chosen))), None)
    if odd is not None:
        accepted = ("one for all", f"{len(chosen)}, one for each")
        raise InputError(odd, f"{np.size(given[odd])} values", "are not one for each patient", accepted=accepted)
    return Patients(drawn, f"patient sheet {kind.name}").with_values("a population's own values", **given)


def substream(seed: int, number: int, noun: str) -> np.random.Philox:
    """What chance decides about one patient in the name of one noun: Philox, with the key (seed, number).

    The noun stands in the highest of the four words of the counter, as the first 8 bytes of the SHA-256 of its name (UTF-8),
    least significant first, so that a stream may have 2^192 blocks before it meets that of another noun. Raises InputError for a
    seed or number that is no whole number from 0 to 2^64 - 1.
    """
    key = np.array([_word("seed", seed), _word("number", number)], dtype=np.uint64)
    return np.random.Philox(key=key, counter=np.array([0, 0, 0, _noun_word(noun)], dtype=np.uint64))


def uniforms(seed: int, numbers: Iterable[int], noun: str, count: int) -> Floats:
    """The first ``count`` uniforms between 0 and 1, both excluded, of each patient's substream: (patients, count)."""
    raw = np.array([substream(seed, number, noun).random_raw(count) for number in numbers], dtype=np.uint64).reshape(-1, count)
    return ((raw >> np.uint64(64 - _FRACTION_BITS)).astype(np.float64) + 0.5) * 2.0**-_FRACTION_BITS


@cache
def _noun_word(noun: str) -> int:
    return int.from_bytes(sha256(noun.encode()).digest()[:8], "little")


def _chosen(numbers: Iterable[int]) -> list[int]:
    try:
        chosen = [_word("number", number) for number in numbers]
    except TypeError:
        problem = "is not a series of patient numbers"
        raise InputError("numbers", numbers, problem, accepted=("range(1000) for the first thousand",)) from None
    if not chosen:
        raise InputError("numbers", "0 patients", "is an empty population", accepted=("one patient or more",))
    return chosen


def _word(field: str, value: int) -> int:
    try:
        word = operator.index(value)
    except TypeError:
        word = -1
    if not 0 <= word <= WORD_MAX:
        source = "half of a 128-bit key of the generator Philox"
        raise InputError(field, value, "cannot name a patient", accepted=(f"a whole number from 0 to 2^64 - 1 ({source})",))
    return word


def _varies(kind: PatientSheet, name: str) -> bool:
    return kind.settings[name].spread is not None


def _correlated(kind: PatientSheet, normal: dict[str, Floats]) -> dict[str, Floats]:
    """The normals with the sheet's correlations: the first of the correlated ones as it was, the others mixed with those before.

    What is not correlated stays as it was to the bit, so that a parameter that begins to vary changes nobody. Sums are by element
    and in order: a matrix product may round by the size of the batch.
    """
    named = {name for pair in kind.correlations for name in pair}
    names = [name for name in PARAMETERS if name in named]
    if not names:
        return normal
    factor = np.linalg.cholesky(correlation_matrix(names, kind.correlations))
    mixed = dict(normal)
    for row, name in enumerate(names):
        mixed[name] = factor[row, 0] * normal[names[0]]
        for column in range(1, row + 1):
            mixed[name] = mixed[name] + factor[row, column] * normal[names[column]]
    return mixed


def _value(setting: Setting, normal: Floats) -> Floats:
    """A parameter from its standard normals."""
    spread, parameter, typical = setting.spread, setting.parameter, setting.typical
    assert spread is not None
    match spread.kind:
        case "mixture":
            return np.where(normal > ndtri(1 - spread.size), typical * spread.factor, typical)
        case "log-normal":
            with np.errstate(divide="ignore", invalid="ignore"):  # a range may begin at 0; no logarithm is refused as no number
                inside = _within(normal, np.log(np.array([parameter.low, parameter.high]) / typical) / spread.size)
            drawn = typical * np.exp(spread.size * inside)
        case _:
            inside = _within(normal, (np.array([parameter.low, parameter.high]) - typical) / spread.size)
            drawn = typical + spread.size * inside
    return np.clip(drawn, parameter.low, parameter.high)  # off by round-off at most: the distribution ends there


def _within(normal: Floats, ends: Floats) -> Floats:
    """Standard normals that are distributed as if only those between the ends were kept, by the inverse of that distribution."""
    below, above = ndtr(ends)
    inside: Floats = ndtri(below + ndtr(normal) * (above - below))
    return inside
