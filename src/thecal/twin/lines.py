"""Where things stand in a TOML text: the line of every key, table and array entry."""

import tomllib
from functools import cache

import tree_sitter_toml
from tree_sitter import Language, Node, Parser

Path = tuple[str | int, ...]


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_toml.language()))


def lines_of(text: str) -> dict[Path, int]:
    """The 1-based line of every path of a TOML document, ``("event", 2, "dose")`` for instance."""
    lines: dict[Path, int] = {(): 1}
    counts: dict[Path, int] = {}
    for node in _parser().parse(text.encode()).root_node.named_children:
        match node.type:
            case "pair":
                _pair(node, (), lines)
            case "table":
                here = _resolve(_keys(node.named_children[0]), counts)
                lines[here] = _line(node)
                _pairs(node.named_children[1:], here, lines)
            case "table_array_element":
                place = _resolve(_keys(node.named_children[0]), counts, last=False)
                number = counts.get(place, 0)
                counts[place] = number + 1
                lines.setdefault(place, _line(node))
                lines[(*place, number)] = _line(node)
                _pairs(node.named_children[1:], (*place, number), lines)
    return lines


def _resolve(keys: Path, counts: dict[Path, int], last: bool = True) -> Path:
    """The path of a table header: a name that is an array of tables means its latest entry."""
    path: Path = ()
    for position, key in enumerate(keys):
        path = (*path, key)
        if path in counts and (last or position < len(keys) - 1):
            path = (*path, counts[path] - 1)
    return path


def _pairs(nodes: list[Node], here: Path, lines: dict[Path, int]) -> None:
    for node in nodes:
        if node.type == "pair":
            _pair(node, here, lines)


def _pair(node: Node, here: Path, lines: dict[Path, int]) -> None:
    children = node.named_children
    path = (*here, *_keys(children[0]))
    lines[path] = _line(node)
    if len(children) > 1:
        _value(children[1], path, lines)


def _value(node: Node, path: Path, lines: dict[Path, int]) -> None:
    if node.type == "inline_table":
        _pairs(node.named_children, path, lines)
    elif node.type == "array":
        entries = [child for child in node.named_children if child.type != "comment"]
        for number, entry in enumerate(entries):
            lines[(*path, number)] = _line(entry)
            _value(entry, (*path, number), lines)


def _keys(node: Node) -> Path:
    if node.type == "dotted_key":  # nested to the left, one level for each part
        parts: list[str | int] = []
        while node.type == "dotted_key":
            node, last = node.named_children
            parts.append(*_keys(last))
        return (*_keys(node), *reversed(parts))
    text = (node.text or b"").decode()
    return tuple(tomllib.loads(f"{text} = 0")) if node.type == "quoted_key" else (text,)


def _line(node: Node) -> int:
    return int(node.start_point[0]) + 1
