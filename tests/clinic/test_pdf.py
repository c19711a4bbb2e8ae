"""PDFs of papers: what is on the paper is in the PDF as text, nothing of it is markup, and nothing is left behind."""

import re
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.clinic.test_papers import EVIL, papers
from thecal.clinic.paper import Paper, Size, pairs
from thecal.clinic.pdf import paper_pdf
from thecal.errors import InputError
from thecal.programmer.printout import Section

MARKUP = ("#set page(fill: red)", "$ x^2 $", "*bold* _it_ `raw`", "= Heading", EVIL, "\\ // /* */", '#import "@preview/x:1.0.0"')
_ESCAPES = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_MM = 72 / 25.4


_TOKEN = re.compile(rb"\bBT\b|\bET\b|/(f\d+) [\d.]+ Tf|\(")


def text_of(pdf: bytes) -> str:
    """All text of a PDF, without spaces: the glyphs of its pages by the tables of its fonts."""
    objects, told = _objects(pdf), ""
    for page in (body for body in objects.values() if b"/Type/Page/" in body):
        resources = objects[int(_one(rb"/Resources (\d+) 0 R", page))]
        fonts = {
            name: _letters(_stream(objects[int(_one(rb"/ToUnicode (\d+) 0 R", objects[int(number)]))]))
            for name, number in re.findall(rb"/(f\d+) (\d+) 0 R", resources)
        }
        for name, string in _shown(_stream(objects[int(_one(rb"/Contents (\d+) 0 R", page))])):
            told += "".join(fonts[name].get(glyph, "\ufffd") for glyph in _glyphs(string))
    return bare(told)


def _objects(pdf: bytes) -> dict[int, bytes]:
    return {int(number): body for number, body in re.findall(rb"\n(\d+) 0 obj\n(.*?)\nendobj", pdf, re.DOTALL)}


def bare(text: str) -> str:
    return re.sub(r"[\s\u200b]", "", text)


def sizes_of(pdf: bytes) -> set[float]:
    """The sizes of all text, in points."""
    objects = _objects(pdf)
    streams = [_stream(objects[int(number)]) for number in re.findall(rb"/Contents (\d+) 0 R", pdf)]
    return {float(size) for stream in streams for size in re.findall(rb"/f\d+ ([\d.]+) Tf", stream)}


def pages_of(pdf: bytes) -> list[tuple[float, float]]:
    """Width and height of every page, in millimetres."""
    boxes = re.findall(rb"/MediaBox\[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    return [(round(float(width) / _MM, 1), round(float(height) / _MM, 1)) for width, height in boxes]


def _one(pattern: bytes, body: bytes) -> bytes:
    found = re.search(pattern, body)
    assert found is not None
    return found[1]


def _stream(body: bytes) -> bytes:
    raw = body[body.index(b"stream\n") + 7 : body.rindex(b"\nendstream")]
    return zlib.decompress(raw)


def _letters(table: bytes) -> dict[int, str]:
    rows = re.findall(rb"<([0-9A-F]{4})> <([0-9A-F]+)>", table)
    return {int(glyph, 16): bytes.fromhex(letters.decode()).decode("utf-16-be") for glyph, letters in rows}


def _shown(stream: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The strings that a page shows, each with the name of its font."""
    font, place, inside = b"", 0, False
    while token := _TOKEN.search(stream, place):
        place = token.end()
        if token[0] == b"(":
            end = _end(stream, place)
            if inside:
                yield font, re.sub(rb"\\([0-7]{1,3}|.)", _unescaped, stream[place : end - 1], flags=re.DOTALL)
            place = end
        elif token[1]:
            font = token[1]
        else:
            inside = token[0] == b"BT"


def _end(stream: bytes, place: int) -> int:
    """Where a string ends that has begun: parentheses in it are in pairs, or escaped."""
    depth = 1
    while depth:
        if stream[place : place + 1] == b"\\":
            place += 1
        else:
            depth += {b"(": 1, b")": -1}.get(stream[place : place + 1], 0)
        place += 1
    return place


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([int(code, 8)]) if code[:1].isdigit() else _ESCAPES.get(code, code)


def _glyphs(string: bytes) -> list[int]:
    return [high * 256 + low for high, low in list(pairwise(string))[::2]]


@pytest.mark.parametrize("name", ["note", "outage", "card", "sheet", "admission", "letter"])
def test_every_word_of_a_paper_is_in_its_pdf_as_text(name: str) -> None:
    """Title, lines, cells and foot can be searched for and read aloud."""
    paper = papers()[name]
    pdf = paper_pdf(paper)
    told = text_of(pdf)
    assert pdf.startswith(b"%PDF-")
    for text in (
        paper.title,
        *paper.lines,
        *paper.below,
        *(cell for part in paper.sections for row in part.rows for cell in row),
    ):
        for piece in text.split():
            assert bare(piece) in told
    assert "\ufffd" not in told


@pytest.mark.parametrize("text", MARKUP)
def test_markup_in_a_paper_is_text(text: str) -> None:
    """What people typed is printed as they typed it, wherever it stands."""
    section = Section(text, (text, "b"), ((text, text),), frozenset({0}))
    told = text_of(paper_pdf(Paper(text, (text,), (section,), (text,))))
    assert told.count(bare(text)) >= 6


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(max_codepoint=0x17F, exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp")), max_size=60))
def test_any_latin_text_is_printed_as_it_is(text: str) -> None:
    """It is neither carried out nor changed, and never a crash."""
    told = text_of(paper_pdf(Paper("t", (), (pairs("t", ("label", f"<{text}>")),))))
    assert "label" in told
    if text.isalnum():
        assert f"<{text}>" in told


def test_a_paper_without_lines_and_sections_is_still_one() -> None:
    """An empty paper has its title and says what it is not."""
    assert text_of(paper_pdf(Paper("Empty", (), ()))).startswith("Empty")


@pytest.mark.parametrize(("size", "page"), [("sheet", (210, 279.4)), ("large", (210, 279.4)), ("card", (85.6, 54))])
def test_pages_are_as_large_as_their_paper(size: Size, page: tuple[float, float]) -> None:
    """A sheet fits on A4 and on Letter, a card into a wallet, on as many pages as it takes."""
    paper = Paper("t", ("who",), (pairs("t", *((f"label {n}", "value") for n in range(90))),), size=size)
    pages = pages_of(paper_pdf(paper))
    assert set(pages) == {page}
    assert len(pages) > 1


def test_a_table_of_many_columns_stands_across() -> None:
    """The outage list is read on a page that is turned."""
    assert set(pages_of(paper_pdf(papers()["outage"]))) == {(279.4, 210)}


def test_large_print_is_large() -> None:
    """Nothing on it is smaller than 14 pt."""
    sizes = sizes_of(paper_pdf(papers()["admission"]))
    assert min(sizes) >= 14
    assert min(sizes_of(paper_pdf(replace(papers()["admission"], size="sheet")))) < 14


def test_the_same_paper_gives_the_same_bytes() -> None:
    """Nothing of the hour or the machine is in it."""
    assert paper_pdf(papers()["note"]) == paper_pdf(papers()["note"])


@pytest.mark.parametrize("text", ["\u6f22\u5b57", "\U0001f600", "a\ud800b", "\x00"])
def test_text_that_the_fonts_cannot_show_is_refused_and_never_left_out(text: str) -> None:
    """A name with a letter missing is another name."""
    with pytest.raises(InputError, match="cannot be shown by the fonts"):
        paper_pdf(Paper("t", (f"Name {text}",), ()))


@pytest.mark.parametrize(
    "text", ["Zo\u00eb \u017di\u017eek", "\u0391\u03b8\u03b7\u03bd\u03ac", "\u041c\u043e\u0441\u043a\u0432\u0430"]
)
def test_names_in_latin_greek_and_cyrillic_are_printed(text: str) -> None:
    """The fonts at hand have their letters."""
    assert bare(text) in text_of(paper_pdf(Paper("t", (text,), ())))


def test_a_word_without_end_stays_on_the_paper() -> None:
    """It is broken, and all of it is there."""
    told = text_of(paper_pdf(Paper("t", (), (pairs("t", ("k", "because_" * 80)),))))
    assert "because_" * 80 in told


def test_a_long_text_on_a_card_goes_on_on_the_next_page() -> None:
    """Nothing is cut off, however much somebody wrote."""
    words = " ".join(f"word{n}" for n in range(600))
    pdf = paper_pdf(Paper("t", ("who",), (pairs("t", ("k", words)),), size="card"))
    assert len(pages_of(pdf)) > 5
    told = text_of(pdf)
    assert not [n for n in range(600) if f"word{n}" not in told]


def test_nothing_of_a_person_is_left_in_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The PDF is made in memory: neither the working nor the temporary folder has a file afterwards."""
    work, temporary = tmp_path / "work", tmp_path / "temporary"
    work.mkdir()
    temporary.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    paper_pdf(papers()["card"])
    assert not list(tmp_path.rglob("*/*"))
