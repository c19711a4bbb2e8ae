"""Reading a case document: from bytes to checked tables, and every mistake with the line it stands on."""

import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import ValidationError

from thecal.errors import InputError, InputErrors, nearest_name, printable
from thecal.timeline import read_zone
from thecal.twin.document import CaseTable, ChartTable, kinds, known_keys
from thecal.twin.fields import Document
from thecal.twin.lines import Path, lines_of
from thecal.twin.order_tables import OrderTable

BYTES_MAX = 16 * 2**20
D = TypeVar("D", bound=Document)


@dataclass(frozen=True, slots=True)
class Place:
    """Where things stand in one document; ``moved`` says where something was written that is read elsewhere."""

    name: str
    lines: Mapping[Path, int]
    root: type[Document] = CaseTable
    moved: Mapping[Path, Path] = field(default_factory=dict)

    def written(self, path: Path) -> Path:
        """The path under which it stands in the document."""
        sizes = (size for size in range(len(path), 0, -1) if path[:size] in self.moved)
        size = next(sizes, 0)
        return (*self.moved[path[:size]], *path[size:]) if size else path

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest table around it."""
        path = self.written(path)
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    @property
    def whole(self) -> str:
        """What the whole document is called."""
        return self.root.__name__.removesuffix("Table").lower()

    def error(self, path: Path, error: InputError) -> InputError:
        """The error with its line and with the field as the document calls it."""
        path = self.written(path)
        if (*path, error.field) in self.lines:
            path = (*path, error.field)
        keys = [key for key in path if isinstance(key, str)]
        own = error.field.rstrip("_") == keys[-1] if keys else error.field == self.whole
        field = field_text(path, self.whole) if own else f"{field_text(path)}.{error.field}"
        return error.at(f"{self.name}:{self.line(path)}", field)


@dataclass(slots=True)
class Found:
    """The mistakes of one document so far, each with its line."""

    place: Place
    errors: list[tuple[int, InputError]] = field(default_factory=list)

    @contextmanager
    def at(self, *path: str | int) -> Iterator[None]:
        """An InputError raised inside belongs to this place of the document."""
        try:
            yield
        except InputError as error:
            said = self.place.error(path, error)
            self.errors.append((int((said.where or ":1").rpartition(":")[2]), said))

    def end(self) -> None:
        """Raises InputErrors with all that was found, in the order of lines; nothing where nothing was."""
        if self.errors:
            raise InputErrors(error for _, error in sorted(self.errors, key=lambda pair: pair[0]))


def field_text(path: Path, whole: str = "case") -> str:
    """A path as people write it: the second event's dose is ``event[2].dose``."""
    text = ""
    for key in path:
        text += f"[{key + 1}]" if isinstance(key, int) else f".{printable(key)}" if text else printable(key)
    return text or whole


def read_tables(raw: bytes, name: str) -> tuple[CaseTable, ZoneInfo, Place]:
    """The checked tables of a document, its time zone, and where things stand. Raises InputErrors in the order of lines."""
    return read_timed(CaseTable, raw, name, "case = 1, a title and a timezone to begin with")


def read_timed(root: type[D], raw: bytes, name: str, begins: str) -> tuple[D, ZoneInfo, Place]:
    """The checked tables of a document with times, its time zone, and where things stand. Raises InputErrors."""
    text = _text(raw, name, begins)
    data = _toml(text, name)
    place = Place(name, lines_of(text), root)
    zone = _zone(data, place)
    return _checked(root, data, place, {"zone": zone}), zone, place


def read_document(raw: bytes, name: str) -> tuple[CaseTable | ChartTable, ZoneInfo, Place]:
    """The checked tables of a case, or of a chart (the key ``chart`` says so), with zone and places. Raises InputErrors."""
    text = _text(raw, name, "chart = 1, a title and a timezone to begin with")
    data = _toml(text, name)
    root: type[CaseTable | ChartTable] = ChartTable if "chart" in data else CaseTable
    place = Place(name, lines_of(text), root)
    zone = _zone(data, place)
    return _checked(root, data, place, {"zone": zone}), zone, place


def read_order_table(raw: bytes, name: str) -> OrderTable:
    """The checked tables of an order file. Raises InputErrors in the order of lines."""
    return read_plain(OrderTable, raw, name, "order = 1 and what is to be written")[0]


def read_plain(root: type[D], raw: bytes, name: str, begins: str) -> tuple[D, Place]:
    """The checked tables of a document without times, and where things stand. Raises InputErrors in the order of lines."""
    text = _text(raw, name, begins)
    data = _toml(text, name)
    place = Place(name, lines_of(text), root)
    return _checked(root, data, place, {}), place


def _checked(root: type[D], data: Mapping[str, Any], place: Place, context: dict[str, Any]) -> D:
    try:
        return root.model_validate(data, context=context)
    except ValidationError as error:
        found = [_finding(finding, data, place) for finding in error.errors(include_url=False)]
        raise InputErrors(said for _, said in sorted(found, key=lambda pair: pair[0])) from None


def _text(raw: bytes, name: str, begins: str) -> str:
    if len(raw) > BYTES_MAX:
        raise InputErrors([InputError(name, f"{len(raw):,} bytes", f"is larger than it can be ({BYTES_MAX:,} bytes)")])
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputErrors([InputError(name, "UTF-16", "is the encoding of the file; save it as UTF-8", accepted=("UTF-8",))])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        problem = f"at byte {error.start} is not UTF-8; save the file as UTF-8"
        byte = f"0x{raw[error.start]:02x}"
        raise InputErrors([InputError("document", byte, problem, where=f"{name}:{line}")]) from None
    if not text.strip():
        raise InputErrors([InputError(name, "", "is an empty file", nearest=begins)])
    return text


def _toml(text: str, name: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        said, _, place = str(error).partition(" (at ")
        lines = text.splitlines()
        line = int(place.removeprefix("line ").partition(",")[0]) if place.startswith("line ") else len(lines)
        problem = "repeats a key or a table" if "overwrite" in said or "declare" in said else f"is not TOML: {said}"
        written = lines[line - 1].strip() if line <= len(lines) else "end of file"
        raise InputErrors([InputError("document", written, problem, where=f"{name}:{line}")]) from None
    except RecursionError:
        raise InputErrors([InputError("document", name, "nests too deeply")]) from None
    except ValueError as error:
        raise InputErrors([InputError("document", name, f"holds a number or a date that cannot be: {error}")]) from None


def _zone(data: Mapping[str, Any], place: Place) -> ZoneInfo:
    try:
        if "timezone" not in data:
            known = known_keys((), data)
            unknown = [key for key in data if key not in known and nearest_name(key, ["timezone"])]
            meant = f"; there is a key {unknown[0]!r}" if unknown else ""
            raise InputError("timezone", "", f"is missing{meant}", nearest='timezone = "Europe/Berlin"')
        return read_zone(data["timezone"])
    except InputError as error:
        raise InputErrors([place.error(("timezone",), error)]) from None


def _finding(finding: Any, data: Mapping[str, Any], place: Place) -> tuple[int, InputError]:
    """One of pydantic's findings as (line, our error)."""
    path, value, table = _walk(finding["loc"], data)
    if finding["type"].startswith("union_tag"):
        path = (*path, "kind")
    error = _said(finding, path, value, table, place)
    return place.line(path), place.error(path, error)


def _walk(loc: tuple[str | int, ...], data: Mapping[str, Any]) -> tuple[Path, object, object]:
    """(the path in the document, what stands there, the table around it)."""
    lists = (n for n, key in enumerate(loc[:-1]) if key in ("event", "fact") and isinstance(loc[n + 1], int))
    kind_at = next(lists, len(loc)) + 2
    loc = (*loc[:kind_at], *loc[kind_at + 1 :])  # pydantic puts the kind of an event or a fact between its number and its fields
    path: Path = ()
    value: Any = data
    table: Any = data
    for number, key in enumerate(loc):
        inside = key in value if isinstance(value, dict) else isinstance(value, list) and isinstance(key, int)
        if inside:
            path, table, value = (*path, key), value, value[key]
        elif number == len(loc) - 1 and isinstance(value, dict):
            path, table, value = (*path, key), value, None  # a key that is missing
    return path, value, table


def _said(finding: Any, path: Path, value: object, table: object, place: Place) -> InputError:
    field = str(path[-1]) if path else ""
    match finding["type"]:
        case "input":
            error: InputError = finding["ctx"]["error"]
            return error
        case "extra_forbidden":
            known = known_keys(path[:-1], table, place.root)
            return InputError(field, field, "is not a key here", accepted=known, nearest=nearest_name(field, known))
        case "missing":
            known = known_keys(path[:-1], table, place.root)
            return InputError(field, "", f"is missing; the keys of this table are {', '.join(known)}" if known else "is missing")
        case "union_tag_invalid" | "union_tag_not_found":
            kind = str(value.get("kind", "")) if isinstance(value, dict) else ""
            known_kinds = kinds([key for key in path[:-1] if isinstance(key, str)])
            nearest = nearest_name(kind, known_kinds)
            what = "fact" if "fact" in path else "event"
            return InputError("kind", kind, f"is not a kind of {what}", accepted=known_kinds, nearest=nearest)
        case "literal_error":
            allowed = [part.strip("'") for part in finding["ctx"]["expected"].replace(" or ", ", ").split(", ")]
            return InputError(field, value, "is not accepted", accepted=allowed, nearest=nearest_name(str(value), allowed))
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal":
            (bound,) = finding["ctx"].values()
            word = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}[next(iter(finding["ctx"]))]
            return InputError(field, value, "is out of range", accepted=(f"{word} {bound:g}",))
        case "model_type":
            return InputError(field, value, f"is not a table; write [{field_text(path, place.whole)}] and its keys below")
        case _:
            return InputError(field, value, f"cannot be read: {finding['msg'][:1].lower()}{finding['msg'][1:]}")
