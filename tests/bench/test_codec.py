"""The pump's own dictionary as canonical JSON: read as it was written, and nothing else is read."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bench.days import full_day
from tests.bench.dictionary import WHOLE_MAX, anything
from thecal.bench.codec import UnreadableError, canonical, parse, read, written
from thecal.bench.entry import Entry
from thecal.bench.virtual_pump import Account
from thecal.errors import Refusal
from thecal.pump.messages import Command, Fault, Message, Procedure, Report
from thecal.pump.state import Mechanics, Memory

pytestmark = pytest.mark.requirement("BEN-05")

KINDS: dict[str, Any] = {
    "command": Command,
    "message": Message,
    "report": Report,
    "refusal": Refusal,
    "fault": Fault,
    "procedure": Procedure,
    "entry": Entry,
    "memory": Memory,
    "mechanics": Mechanics,
    "account": Account,
}
Path = tuple[str | int, ...]


@pytest.mark.parametrize("name", KINDS)
@given(st.data())
def test_what_is_written_is_read(name: str, data: st.DataObject) -> None:
    """Whatever it is; and there is one spelling of it."""
    kind = KINDS[name]
    value = data.draw(anything(kind))
    payload = canonical(written(value, kind))
    assert payload.isascii()
    assert read(kind, parse(payload)) == value
    assert canonical(written(read(kind, parse(payload)), kind)) == payload


def places(plain: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every place in a document, with what stands there."""
    yield path, plain
    pairs = plain.items() if isinstance(plain, dict) else enumerate(plain) if isinstance(plain, list) else ()
    for key, inner in pairs:
        yield from places(inner, (*path, key))


def changed(plain: Any, path: Path, change: Callable[[Any, Any], None]) -> Any:
    """A copy of a document in which something was done to one place: to the object that it is in, by its key."""
    copy = [deepcopy(plain)]
    inner: Any = copy
    for key in (0, *path)[:-1]:
        inner = inner[key]
    change(inner, (0, *path)[-1])
    return copy[0]


def put(value: Any) -> Callable[[Any, Any], None]:
    return lambda inner, key: inner.__setitem__(key, value)


def drop(inner: Any, key: Any) -> None:
    del inner[key]


def add(inner: Any, key: Any) -> None:
    inner[key]["another"] = None


def refused(kind: Any, plain: Any) -> None:
    with pytest.raises(UnreadableError) as caught:
        read(kind, plain)
    assert str(caught.value).startswith("payload")


def slips(plain: Any) -> Iterator[Any]:
    """Every way of being wrong in one place."""
    other: Any
    for path, here in places(plain):
        for other in (1.5, 1.0, [None], WHOLE_MAX + 1, -WHOLE_MAX - 1, {"another": 1}):
            yield changed(plain, path, put(other))
        if isinstance(here, dict):
            yield changed(plain, path, add)
            for key in here:
                yield changed(plain, (*path, key), drop)
            for unit in here.keys() & {"nl", "s", "nl_per_day", "mcg_per_ml", "ppm"}:
                yield changed(plain, (*path, unit), put(-1))
                yield changed(plain, (*path, unit), put(10**16))
        elif isinstance(here, bool):
            yield from (changed(plain, path, put(other)) for other in (None, 0, 1, "true"))
        elif isinstance(here, int):
            yield from (changed(plain, path, put(other)) for other in (True, False, str(here), float(here)))
            if path[-1] != "calculated_nl":  # not known before a volume is typed in
                yield changed(plain, path, put(None))
        elif isinstance(here, str):
            yield from (changed(plain, path, put(other)) for other in (0, True, [here]))
        if (
            path and path[-1] in ("kind", "what", "severity", "part", "content") and "log" not in path
        ):  # an event's kind is any text
            yield from (changed(plain, path, put(other)) for other in ("", "Nobody", str(here).upper() + "x", None))


def said() -> list[tuple[Any, Any]]:
    """What a day says, and the pump of its end."""
    day = full_day()
    values: list[tuple[Any, Any]] = [(Entry, entry) for entry in day.entries]
    values += [(Report, outcome.answer) for outcome in day.outcomes[::4] if isinstance(outcome.answer, Report)]
    state = day.pumps[20].state
    return [*values, (Memory, state.memory), (Mechanics, state.mechanics)]


def test_every_slip_of_a_day_is_refused() -> None:
    """A key that is missing or too much, another type, a fraction, a bool for a number, a number out of bounds, no such name."""
    tried = 0
    for kind, value in said():
        plain = written(value, kind)
        if len(canonical(plain)) > 6000:
            continue
        assert read(kind, plain) == value
        for slip in slips(plain):
            refused(kind, slip)
            tried += 1
    assert tried > 10_000


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=30)
@given(st.data())
def test_one_thing_for_another_is_refused_or_meant(name: str, data: st.DataObject) -> None:
    """Anything in any place: it is refused, or it is what that document says."""
    kind = KINDS[name]
    plain = written(data.draw(anything(kind)), kind)
    path, _ = data.draw(st.sampled_from(list(places(plain))))
    leaf = st.none() | st.booleans() | st.integers(-5, 10**9) | st.floats(allow_nan=False) | st.text(max_size=5)
    other = data.draw(leaf | st.lists(leaf, max_size=2) | st.dictionaries(st.sampled_from(["kind", "s", "nl"]), leaf, max_size=2))
    slip = changed(plain, path, put(other))
    try:
        value = read(kind, slip)
    except UnreadableError:
        return
    assert canonical(written(value, kind)) == canonical(slip)


SAID = b'{"at":{"s":5},"kind":"Passed"}'


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b" ",
        b"{",
        b"}",
        b"null",
        b"[]",
        b"1",
        b'"Passed"',
        SAID + b"\n",
        b" " + SAID,
        SAID[:-1],
        SAID + SAID,
        SAID.replace(b":", b": "),
        SAID.replace(b",", b", "),
        b'{"kind":"Passed","at":{"s":5}}',
        b'{"at":{"s":5},"at":{"s":5},"kind":"Passed"}',
        b'{"at":{"s":4,"s":5},"kind":"Passed"}',
        SAID.replace(b"5", b"5.0"),
        SAID.replace(b"5", b"5e0"),
        SAID.replace(b"5", b"5E400"),
        SAID.replace(b"5", b"-0"),
        SAID.replace(b"5", b"+5"),
        SAID.replace(b"5", b"05"),
        SAID.replace(b"5", b"NaN"),
        SAID.replace(b"5", b"Infinity"),
        SAID.replace(b"5", b"-Infinity"),
        SAID.replace(b"5", b"1" * 60_000),
        SAID.replace(b"Passed", b"P\\u0061ssed"),
        SAID.replace(b"Passed", b"Pass\\/ed"),
        SAID.replace(b"Passed", b"\\u00B5"),
        SAID.replace(b"Passed", "\N{MICRO SIGN}".encode()),
        SAID.replace(b"Passed", b"\xb5"),
        SAID.replace(b"Passed", b"a\tb"),
        SAID.replace(b"Passed", b"\\x41"),
        SAID.replace(b'"', b"'"),
        b"\xef\xbb\xbf" + SAID,
        SAID.decode().encode("utf-16"),
        SAID.decode().encode("utf-32-be"),
        b"\0" + SAID,
        b"[" * 65_536,
        b'{"a":' * 10_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"a":' + b"[" * 60_000 + b"]" * 5000,
        b"//" + SAID,
    ],
    ids=lambda payload: repr(payload[:24]),
)
def test_another_spelling_is_refused(payload: bytes) -> None:
    """Whatever else JSON would take, and what is none at all."""
    assert parse(SAID) == {"at": {"s": 5}, "kind": "Passed"}
    with pytest.raises(UnreadableError):
        parse(payload)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4))
def test_an_object_has_one_spelling(plain: dict[str, Any]) -> None:
    """It is what JSON says, and it is ASCII."""
    payload = canonical(plain)
    assert payload.isascii()
    assert json.loads(payload) == parse(payload) == plain


@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_an_answer(payload: bytes) -> None:
    """An object in its one spelling, or UnreadableError."""
    try:
        plain = parse(payload)
    except UnreadableError:
        return
    assert canonical(plain) == payload


@given(st.data())
def test_any_object_is_an_answer(data: st.DataObject) -> None:
    """Whatever JSON holds is one of the dictionary, or UnreadableError."""
    kind = KINDS[data.draw(st.sampled_from(sorted(KINDS)))]
    plain = data.draw(JSON)
    try:
        value = read(kind, plain)
    except UnreadableError:
        return
    assert written(value, kind) == plain
