"""Diagrams of the pump's two machines, drawn from their tables: what it is doing, and what it is saying."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from textwrap import wrap

from thecal.pump.alarms import ALARMS
from thecal.pump.modes import CHANGES, MODES, members
from thecal.pump.sheet import PumpSheet

_INK, _LINE, _CRITICAL, _OTHER = "#1c2833", "#1b4f72", "#b03a2e", "#9c640c"
_ROW = 17
_KEY = (
    "from (down) to (across), gray never; time: the end of a bolus, the pump clock or the battery; "
    "withdraw: a fill sensor sees the reservoir emptied; memory corruption: a stored bit flips"
)


_PLACES: Mapping[str, tuple[str, ...]] = {
    "a program": members("any program"),
    "a bolus": members("a bolus"),
    "held open": ("updating",),
    "held by interference": ("telemetry mode",),
    "fallen back": ("safe state",),
    "over": ("end of service",),
    "no electronics": ("constant flow",),
}
_WIDTH, _HEAD = 196, 216


def modes_diagram() -> str:
    """From every place (rows) to every place (columns) the causes of the table of changes; an empty field never happens."""
    assert {mode for modes in _PLACES.values() for mode in modes} == set(MODES)  # every mode is drawn
    causes = _causes()
    heads = [_cell(_HEAD + _WIDTH * n, 40, _WIDTH, 130, [name], modes) for n, (name, modes) in enumerate(_PLACES.items())]
    y, rows = 170, []
    for name, modes in _PLACES.items():
        cells = [wrap(", ".join(causes.get((name, other), [])), 26) for other in _PLACES]
        height = max(24 + _ROW * len(modes), 16 + 14 * max(len(cell) for cell in cells)) + 8
        rows.append(_cell(10, y, _HEAD - 10, height, [name], modes))
        rows += [_cell(_HEAD + _WIDTH * n, y, _WIDTH, height, cell, ()) for n, cell in enumerate(cells)]
        y += height
    above = _text(10, 26, _KEY, "#566573", size=12)
    title = "What the pump is doing: its modes and what leads from one to another"
    return _svg(_HEAD + _WIDTH * len(_PLACES) + 10, y + 10, title, [above, *heads, *rows])


def _causes() -> Mapping[tuple[str, str], list[str]]:
    """The causes from place to place, each once, in the order of the table."""
    place_of = {mode: name for name, modes in _PLACES.items() for mode in modes}
    causes: dict[tuple[str, str], list[str]] = {}
    for source, cause, target in CHANGES:
        between = causes.setdefault((place_of[members(source)[0]], place_of[members(target)[0]]), [])
        if cause not in between:
            between.append(cause)
    return causes


def _cell(x: int, y: int, width: int, height: int, lines: Sequence[str], modes: Sequence[str]) -> str:
    """A field of the matrix; one that names modes is a head, one without text is gray."""
    fill = "#eaf2f8" if modes else "#fff" if lines else "#f4f6f6"
    color = "#566573" if modes else _LINE
    said = [_text(x + 8, y + 18 + 14 * n, line, color, size=12) for n, line in enumerate(lines)]
    said += [_text(x + 8, y + 37 + _ROW * n, mode, weight="bold", size=12) for n, mode in enumerate(modes)]
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="{fill}" stroke="#aeb6bf"/>' + "".join(said)


def alarms_diagram(sheet: PumpSheet) -> str:
    """Each alarm as a machine of two states: silent, and sounding with its tones."""
    rows = [
        part for n, kind in enumerate(ALARMS) for part in _alarm_row(n, kind.name, kind.severity, kind.begins, kind.ends, sheet)
    ]
    return _svg(1010, 50 + 62 * len(ALARMS), "What the pump is saying: what begins and ends each alarm", rows)


def _alarm_row(n: int, name: str, severity: str, begins: str, ends: str, sheet: PumpSheet) -> Iterator[str]:
    y = 30 + 62 * n
    color = _CRITICAL if severity == "critical" else _OTHER
    critical = severity == "critical"
    every = sheet.alarm_interval_critical if critical else sheet.alarm_interval_non_critical
    tone = sheet.tone_critical if critical else sheet.tone_non_critical
    yield f'<rect x="20" y="{y}" width="90" height="40" rx="8" fill="#fff" stroke="{_INK}"/>'
    yield _text(65, y + 25, "silent", anchor="middle")
    yield f'<rect x="690" y="{y}" width="300" height="40" rx="8" fill="#fff" stroke="{color}" stroke-width="2"/>'
    yield _text(840, y + 17, name, color, weight="bold", anchor="middle")
    yield _text(840, y + 32, f"{severity}: {tone}, every {every}", color, size=11, anchor="middle")
    yield f'<line x1="112" y1="{y + 12}" x2="686" y2="{y + 12}" stroke="{color}" stroke-width="1.4" marker-end="url(#tip)"/>'
    yield _text(400, y + 8, begins, size=11, anchor="middle")
    yield f'<line x1="688" y1="{y + 31}" x2="114" y2="{y + 31}" stroke="{_LINE}" stroke-width="1.2" marker-end="url(#tip)"/>'
    yield _text(400, y + 27, ends, _LINE, size=11, anchor="middle")


def _text(
    x: float, y: float, text: str, color: str = _INK, *, size: int = 13, weight: str = "normal", anchor: str = "start"
) -> str:
    style = f'font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" fill="{color}"'
    return f'<text x="{x}" y="{y}" {style}>{escape(text)}</text>'


def _svg(width: int, height: int, title: str, parts: Iterable[str]) -> str:
    tip = (
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        f'<path d="M0,0 L8,4 L0,8 z" fill="{_LINE}"/></marker></defs>'
    )
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="system-ui, sans-serif" role="img">'
    )
    ground = f'<rect width="{width}" height="{height}" fill="#fff"/>'
    return f"{head}<title>{escape(title)}</title>{tip}{ground}\n" + "\n".join(parts) + "\n</svg>\n"
