"""docs/protocol.md is the protocol: its tables are the dictionary's, and its vectors are what is sent."""

import re
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest

from tests.command import ROOT
from thecal.bench.codec import read, written
from thecal.bench.entry import Entry
from thecal.bench.frame import CRC_BYTES, FRAME_MAX, HEAD_BYTES, MAGIC, PAYLOAD_MAX, VERSION, Frame, FrameType, decoded
from thecal.bench.wire import SPOKEN, Notice, Welcome
from thecal.errors import Refusal
from thecal.pump.messages import Command, Fault, Procedure, Report, Write

DOCUMENT = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
VECTORS = re.findall(r"^### ([^\n]+)\n\n```text\n(.*?)```", DOCUMENT, flags=re.MULTILINE | re.DOTALL)


def spelled(kind: Any) -> str:
    """A type as the document names it."""
    origin = get_origin(kind)
    if origin in (Union, UnionType):
        named = [spelled(each) for each in get_args(kind) if each is not NoneType]
        return " or ".join([*named, *(["null"] if NoneType in get_args(kind) else [])])
    if origin is Literal:
        return " or ".join(f'"{each}"' for each in get_args(kind))
    if origin is tuple:
        inner = spelled(get_args(kind)[0])
        return f"list of {inner}" if " or " not in inner else f"list of ({inner})"
    return {int: "whole number", str: "text", bool: "true or false"}.get(kind) or str(kind.__name__)


def row(kind: Any) -> str:
    """The row of the dictionary that a message must have in the document."""
    hints = get_type_hints(kind)
    holds = "; ".join(f"`{each.name}` {spelled(hints[each.name])}" for each in fields(kind) if each.init)
    return f"| `{kind.__name__}` | {holds or 'nothing'} |"


def spoken() -> list[Any]:
    """Every dataclass that can stand in a payload, whatever it stands in."""
    found: list[Any] = []
    waiting: list[Any] = [*SPOKEN.values(), Entry, Procedure, Fault]
    while waiting:
        kind = waiting.pop()
        if get_origin(kind):
            waiting += get_args(kind)
        elif isinstance(kind, type) and is_dataclass(kind) and kind not in found:
            found.append(kind)
            hints = get_type_hints(kind)
            waiting += [hints[each.name] for each in fields(kind) if each.init]
    return sorted(found, key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", spoken(), ids=lambda kind: kind.__name__)
@pytest.mark.requirement("BEN-05")
def test_the_dictionary_is_written_down(kind: Any) -> None:
    """Every message and every part of one has its row, with every field and its type."""
    assert row(kind) in DOCUMENT


def test_the_dictionary_holds_nothing_else() -> None:
    """No row of something that is not said any more."""
    rows = set(re.findall(r"^\| `[A-Z]\w+` \| .+ \|$", DOCUMENT, flags=re.MULTILINE))
    assert rows == {row(kind) for kind in spoken()}
    messages = (*get_args(Command), *get_args(Write), Report, Refusal, Welcome, Notice)
    assert {each.__name__ for each in messages} <= {kind.__name__ for kind in spoken()}


def test_the_frame_is_as_it_is_drawn() -> None:
    """Sizes, limits, the first bytes and every type."""
    for number in (HEAD_BYTES, CRC_BYTES, PAYLOAD_MAX, FRAME_MAX):
        assert f"{number:,}" in DOCUMENT
    assert MAGIC.hex(" ") in DOCUMENT
    assert f"version, {VERSION}" in DOCUMENT
    for kind in FrameType:
        assert re.search(rf"^\| {kind.value} \| {kind.name} \|", DOCUMENT, flags=re.MULTILINE)


def test_there_are_vectors() -> None:
    """The next test has something to look at."""
    assert len(VECTORS) >= 6


@pytest.mark.parametrize(("name", "text"), VECTORS, ids=[name for name, _ in VECTORS])
@pytest.mark.requirement("BEN-04")
def test_the_vectors_are_what_is_sent(name: str, text: str) -> None:
    """The bytes are decoded to what stands above them, and that is encoded to the same bytes."""
    said, _, hexed = text.partition("\n\n")
    data = bytes.fromhex(hexed)
    whole = decoded(data)
    assert whole is not None, name
    frame, end = whole
    assert end == len(data)
    head, _, payload = said.partition("\n")
    assert head == f"{frame.type.name} session {frame.session} sequence {frame.sequence}"
    assert data[HEAD_BYTES:-CRC_BYTES].decode("ascii") == payload
    value = read(SPOKEN[frame.type], frame.payload)
    assert Frame(frame.type, frame.session, frame.sequence, written(value, SPOKEN[frame.type])).encoded() == data
