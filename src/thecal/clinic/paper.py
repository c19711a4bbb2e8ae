"""Papers: what a clinic prints and hands out. A title, for whom and when, tables as text, and what stands below.

A paper says what the record says. What the record does not say is printed as ``not recorded``, never left out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import escape
from textwrap import wrap
from typing import Literal
from zoneinfo import ZoneInfo

from thecal.programmer.printout import Section
from thecal.quantity import Volume
from thecal.report.html import page
from thecal.report.printout import section_html, section_lines
from thecal.report.tables import WIDTH, Line
from thecal.report.words import BANNER, significant_text
from thecal.therapy.emergency_plan import NOT_RECORDED
from thecal.timeline import Instant

Size = Literal["sheet", "card", "large"]
_UPRIGHT_MAX = 6  # a table of more columns is too narrow on an upright page, and as text


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper. ``lines`` say whom it is about, when and by whom it was printed; the first one stands on every page.

    ``size`` is a ``sheet`` for A4 and Letter, a wallet ``card`` (85.6 x 54 mm, as many pages as it takes), or ``large`` print.
    """

    title: str
    lines: tuple[str, ...]
    sections: tuple[Section, ...]
    foot: tuple[str, ...] = ()
    size: Size = "sheet"

    @property
    def wide(self) -> bool:
        """Whether it is printed across: a table has many columns."""
        return self.size == "sheet" and any(len(section.columns) > _UPRIGHT_MAX for section in self.sections)

    @property
    def below(self) -> tuple[str, ...]:
        """What stands below every paper: its own foot, and what this software is not."""
        return (*self.foot, BANNER)


def printed_line(now: Instant, zone: ZoneInfo, by: str = "", clinic: str = "") -> str:
    """When a paper was printed, by whom and in which clinic."""
    where = f", {clinic}" if clinic else ""
    return f"Printed {now.local_text(zone)} {zone.key} by {by or NOT_RECORDED}{where}"


def recorded(value: object | None) -> str:
    """A value as text; ``not recorded`` where there is none, or an empty one."""
    return NOT_RECORDED if value is None or not str(value).strip() else str(value)


def pairs(title: str, *rows: tuple[str, object | None]) -> Section:
    """A table of labels and values; a value that is not there says so."""
    return Section(title, ("", ""), tuple((label, recorded(value)) for label, value in rows))


def listed(title: str, columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...], nothing: str = NOT_RECORDED) -> Section:
    """A table of rows; one row that says ``nothing`` where there are none."""
    return Section(title, columns, rows or ((nothing, *[""] * (len(columns) - 1)),))


def three_figures(volume: Volume, *, signed: bool = False) -> str:
    """A volume that was worked out, to at most three significant figures: no real pump allows more."""
    return f"{'+' if signed and volume.nl > 0 else ''}{significant_text(volume.ml)} mL"


def paper_lines(paper: Paper) -> Iterator[Line]:
    """A paper as text. A table of many columns is told row by row."""
    yield from (Line(text, "title") for text in wrap(paper.title, WIDTH))
    for text in paper.lines:
        yield from (Line(part) for part in wrap(text, WIDTH))
    for section in paper.sections:
        for part in _narrow(section):
            yield Line("")
            yield from section_lines(part)
    yield Line("")
    for text in paper.below:
        yield from (Line(part, "note") for part in wrap(text, WIDTH))


def _narrow(section: Section) -> Iterator[Section]:
    if len(section.columns) <= _UPRIGHT_MAX:
        yield section
        return
    for row in section.rows:
        cells = tuple(zip(section.columns[1:], row[1:], strict=True))
        yield Section(f"{section.title}: {row[0]}", ("", ""), cells)


def paper_html(paper: Paper) -> str:
    """A paper as one page that loads nothing, made to be printed; all text is escaped."""
    body = [
        f"<h1>{escape(paper.title)}</h1>",
        *(f'<p class="who">{escape(text)}</p>' for text in paper.lines),
        *(_unbroken(part) for section in paper.sections for part in section_html(_breakable(section))),
        *(f'<p class="muted below">{escape(text)}</p>' for text in paper.below),
    ]
    across = "@page { size: landscape; }" if paper.wide else ""
    return page(paper.title, body).replace("</style>", f"{_PRINT}{_SIZES[paper.size]}{across}</style>", 1)


def _breakable(section: Section) -> Section:
    """A table whose longest words may be broken: what has no spaces would run off the paper."""
    rows = tuple(tuple(_LONG_WORD.sub("\\g<0>\u200b", cell) for cell in row) for row in section.rows)
    return replace(section, rows=rows)


def _unbroken(html: str) -> str:
    """The text between tags, its dates and the ids of rules each kept on one line."""
    return _BETWEEN.sub(lambda text: _ONE_WORD.sub(r'<span class="time">\g<0></span>', text[0]), html)


_BETWEEN = re.compile(r"(?<=>)[^<>]+(?=<)")
_ONE_WORD = re.compile(r"\b([0-9]{4}-[0-9]{2}-[0-9]{2}|[A-Z]{3}-[0-9]{2})\b")
_LONG_WORD = re.compile(r"\S{24}(?=\S)")
_PRINT = """
h1 { font-size: 1.5em; margin-top: .6rem; } h2 { font-size: 1.1em; margin: 1.1em 0 .2em; break-after: avoid; }
p { margin: .2em 0; } .who { font-weight: 600; } .below { margin-top: .8em; } table { width: 100%; font-size: inherit; }
td:first-child:nth-last-child(2) { width: 30%; } td, th { overflow-wrap: break-word; } tr { break-inside: avoid; }
thead { display: table-header-group; }
"""
_SIZES: dict[Size, str] = {
    "sheet": "@page { margin: 14mm; } @media print { body { font-size: 9.5pt; padding: 0; max-width: none; } }",
    "card": (
        "body { max-width: 34rem; } @page { size: 85.6mm 54mm; margin: 3mm; } "
        "@media print { body { font-size: 6.5pt; line-height: 1.2; padding: 0; max-width: none; } td, th { padding: .1em .3em; } "
        "tr { break-inside: auto; } }"
    ),
    "large": (
        "body { font-size: 14pt; } @page { margin: 14mm; } "
        "@media print { body { font-size: 14pt; padding: 0; max-width: none; } }"
    ),
}
