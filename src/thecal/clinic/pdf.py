"""A paper as a PDF, made in memory: no file, no network, no font but those that come with the typesetter.

The paper goes to its template as data, so that nothing in it is read as markup. The PDF is tagged for screen readers (PDF/UA-1),
which also makes the typesetter refuse text that its fonts cannot show: a name is never printed with a letter missing.
"""

import json
import re
from functools import cache
from importlib.resources import files
from typing import Any

import typst

from thecal.clinic.paper import Paper
from thecal.errors import InputError
from thecal.programmer.printout import Section

_UNSHOWN = re.compile(r"the text `\"(?P<text>.*?)\"` could not be displayed", re.DOTALL)
_LONGEST = 60  # letters: a longer cell is wrapped anyway
_SHORT, _SHORT_OF_MANY = 20, 15  # letters that stand on one line; fewer where there are many columns
_LABEL = 28  # letters of the first column that stand on one line, which says what the row is of
_WHOLE, _WHOLE_ON_A_CARD = 1500, 520  # letters of a row that fits on a page: it is not broken


def paper_pdf(paper: Paper) -> bytes:
    """A paper as a PDF; the same paper gives the same bytes.

    Raises InputError for text that no font at hand can show; the page of the same paper can still be printed.
    """
    data = json.dumps(_document(paper), ensure_ascii=False)
    try:
        data.encode()
    except UnicodeEncodeError as error:  # half of a character of two halves
        raise _unprintable(data[error.start : error.end].encode("unicode_escape").decode()) from error
    try:
        made = typst.compile(
            _template(), format="pdf", sys_inputs={"paper": data}, ignore_system_fonts=True, pdf_standards="ua-1", timestamp=0
        )
    except typst.TypstError as error:
        unshown = _UNSHOWN.search(error.message)
        if unshown is None:
            raise
        raise _unprintable(unshown["text"]) from error
    return made


@cache
def _template() -> bytes:
    return (files("thecal") / "data" / "clinic" / "paper.typ").read_bytes()


def _unprintable(text: str) -> InputError:
    accepted = ("Latin, Greek, Cyrillic and Arabic letters", "or the page of this paper instead of its PDF")
    return InputError("paper", text, "cannot be shown by the fonts of the PDF", accepted=accepted)


def _document(paper: Paper) -> dict[str, Any]:
    most = _WHOLE_ON_A_CARD if paper.size == "card" else _WHOLE
    sections = [
        {
            "title": section.title,
            "columns": list(section.columns),
            "rows": [{"cells": list(row), "whole": sum(map(len, row)) <= most} for row in section.rows],
            "marked": sorted(section.marked),
            "widths": _widths(section, wide=paper.wide),
        }
        for section in paper.sections
    ]
    return {
        "title": paper.title,
        "lines": list(paper.lines),
        "sections": sections,
        "below": list(paper.below),
        "size": paper.size,
        "wide": paper.wide,
    }


def _widths(section: Section, *, wide: bool) -> list[int | None]:
    """The share of each column by its longest cell; None of a short one, which is as wide as it must be.

    A table of labels and values has no shares: all of them on a paper are alike.
    """
    if len(section.columns) == 2 and not any(section.columns):
        return []
    rows = (section.columns, *section.rows)
    longest = [max(len(row[column]) for row in rows) for column in range(len(section.columns))]
    short = _SHORT_OF_MANY if wide else _SHORT
    shares: list[int | None] = [None if letters <= short else min(letters, _LONGEST) for letters in longest]
    if longest[0] <= _LABEL and not wide:
        shares[0] = None
    return shares if any(shares) else [*shares[:-1], 1]
