"""Anything that can be said: strategies for the types of the pump's dictionary, from nothing but the types."""

import types
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from tests.courses import START
from thecal.bench.codec import UnreadableError, read, written
from thecal.pump.alarms import ALARMS, AlarmKind
from thecal.pump.messages import Fault, Resistance, SensorError
from thecal.quantity import Gain, Quantity, Volume
from thecal.timeline import DAY_S, Instant

LIFE = 1000  # times what can be typed
WHOLE_MAX = 10**60
_NEAR = st.integers(START.s - 5, START.s + 40 * DAY_S) | st.integers(START.s, START.s + 7200)
_SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    bool: st.booleans(),
    str: st.sampled_from(["", "A", "0f" * 8, "\N{MICRO SIGN}g", "\ud800", "\N{GRINNING FACE}", '"\\\x00']) | st.text(max_size=12),
    int: st.sampled_from([-1, 0, 1, 60, DAY_S]) | st.integers(-3, 10**6) | st.integers(-WHOLE_MAX, WHOLE_MAX),
    Instant: (_NEAR | st.integers(Instant.FIRST, Instant.LAST)).map(Instant),
    Gain: (st.integers(1, 10**7) | st.integers(700_000, 1_300_000)).map(Gain),
    AlarmKind: st.sampled_from(ALARMS),
}


@cache
def anything(kind: Any) -> st.SearchStrategy[Any]:
    """Whatever can be read as a type, absurd or not: nothing in it is within a pump's limits but by chance."""
    origin = get_origin(kind)
    if kind is None or kind is types.NoneType:
        return st.none()
    if kind in _SCALARS:
        return _SCALARS[kind]
    if origin in (Union, types.UnionType):
        return st.one_of(*map(anything, get_args(kind)))
    if origin is Literal:
        return st.sampled_from(get_args(kind))
    if origin is tuple:
        return st.lists(anything(get_args(kind)[0]), max_size=8).map(tuple)
    if isinstance(kind, type) and issubclass(kind, Quantity):
        return _quantity(kind)
    assert isinstance(kind, type)
    assert is_dataclass(kind), kind
    hints = get_type_hints(kind)
    return st.builds(kind, **{each.name: anything(hints[each.name]) for each in fields(kind) if each.init})


def _quantity(kind: Any) -> st.SearchStrategy[Any]:
    """Nothing, what a pump may really have, and up to what nothing has."""
    most = kind.UNITS.base_max
    usual = st.sampled_from([0, 1, 60, 600, 3600, DAY_S, most, LIFE * most]) | st.integers(0, 10**6)
    return (usual | st.integers(0, most)).map(lambda count: min(count, LIFE * most)).map(kind)


@st.composite
def nearly(draw: st.DrawFn, kind: Any, usual: st.SearchStrategy[Any]) -> Any:
    """Something usual in which one number is absurd; where that cannot be read, it stays as it was."""
    value = draw(usual)
    plain = copy = written(value, kind)
    path = draw(st.sampled_from([path for path, here in _numbers(plain)] or [()]))
    if path:
        copy = deepcopy(plain)
        inner = copy
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = draw(st.sampled_from([-1, 0, 1, 59, 61, DAY_S - 1, DAY_S + 1, 10**9, 10**12, 10**60]))
    try:
        return read(kind, copy)
    except UnreadableError:
        return value


def _numbers(plain: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], int]]:
    if type(plain) is int:
        yield path, plain
    pairs = plain.items() if isinstance(plain, dict) else enumerate(plain) if isinstance(plain, list) else ()
    for key, inner in pairs:
        yield from _numbers(inner, (*path, key))


FAULTS = anything(Fault).filter(lambda fault: not isinstance(fault, Resistance | SensorError)) | st.one_of(
    st.integers(0, 10**6).map(Resistance),
    st.integers(-Volume.UNITS.base_max, Volume.UNITS.base_max).map(SensorError),
)
"""Any fault; of a line and a sensor, whose numbers have no unit that bounds them, only such as there can be."""
