"""What the bundle takes from docs/: prose by its heading, and tables."""

import re
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt

from tests.command import ROOT

DOCS = ROOT / "docs"
_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "autolink"])
_LINK = re.compile(r"\[([^\]]+)\]\([^)]+\)")


class DocumentError(Exception):
    """A document that the bundle needs is missing, or holds not what it should; the message says which and what."""


def text_of(name: str, folder: Path = DOCS) -> str:
    """A document. Raises DocumentError where there is none."""
    path = folder / name
    if not path.is_file():
        raise DocumentError(f"docs/{name} is missing: the bundle is not whole without it")
    return path.read_text(encoding="utf-8")


def section(text: str, heading: str) -> str:
    """What stands under a heading of the second level. Raises DocumentError where there is no such heading."""
    for part in text.split("\n## ")[1:]:
        title, _, body = part.partition("\n")
        if title.strip() == heading:
            return body.strip()
    raise DocumentError(f"there is no heading {heading!r}")


def tables_in(text: str) -> list[list[dict[str, str]]]:
    """Every table, its rows by the words of its head."""
    found: list[list[dict[str, str]]] = []
    head: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            head = []
        elif not head:
            head = [cell.lower() for cell in cells]
            found.append([])
        elif set(cells[0]) - set("-: "):
            if len(cells) != len(head):
                raise DocumentError(f"a row has {len(cells)} cells under a head of {len(head)}: {line}")
            found[-1].append(dict(zip(head, cells, strict=True)))
    return found


def html_of(text: str) -> str:
    """Prose as HTML, its links without where they lead: the page stands alone."""
    rendered: str = _PARSER.render(_LINK.sub(r"\1", text))
    return rendered


def line_html(text: str) -> str:
    """A cell of a table as HTML."""
    rendered: str = _PARSER.renderInline(_LINK.sub(r"\1", text))
    return rendered


def anomalies(text: str) -> list[dict[str, str]]:
    """The known anomalies. Raises DocumentError where one says not what it is, its effect and what to do."""
    found = tables_in(text)[0] if tables_in(text) else []
    columns = {"id", "in", "what is wrong or missing", "effect", "meanwhile"}
    if not found or any(set(row) != columns or not all(row.values()) for row in found):
        raise DocumentError(f"docs/anomalies.md needs one table of {', '.join(sorted(columns))}, with nothing left out")
    return found


def mutants(text: str) -> dict[str, Any]:
    """The mutants by file, and how many survived. Raises DocumentError where no table counts them."""
    by_file = next((table for table in tables_in(text) if table and {"file", "survived"} <= set(table[0])), None)
    if by_file is None:
        raise DocumentError("docs/mutation.md has no table with the columns file and survived")
    files = [row for row in by_file if "/" in row["file"] or row["file"].strip("`").endswith(".py")]
    try:
        survived = sum(int(row["survived"].replace(",", "").strip("*") or 0) for row in files)
    except ValueError as error:
        raise DocumentError(f"docs/mutation.md: a count of survivors is no number: {error}") from error
    return {"files": files, "survived": survived}
