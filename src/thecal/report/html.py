"""A page that loads nothing, and its tables."""

from collections.abc import Iterable, Sequence
from html import escape

_STYLE = """
:root { color-scheme: light; }
body { font: 15px/1.45 system-ui, sans-serif; color: #1c2833; margin: 0 auto; max-width: 1280px; padding: 0 1rem 3rem; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.2rem; border-bottom: 1px solid #d5d8dc; }
.banner { background: #fef5e7; border-left: 4px solid #d35400; padding: .5rem .8rem; }
.muted { color: #566573; } .scroll { overflow-x: auto; } .scroll:focus { outline: 2px solid #1b4f72; }
figure { margin: 1rem 0; } svg { width: 100%; min-width: 620px; max-width: 1000px; height: auto; }
table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: #566573; padding-bottom: .3rem; }
th, td { padding: .25rem .45rem; text-align: right; vertical-align: top; border-bottom: 1px solid #eaecee; }
th { border-bottom: 2px solid #aeb6bf; } .text { text-align: left; } .what { min-width: 15rem; }
.time { white-space: nowrap; }
.critical { color: #b03a2e; font-weight: bold; } .non-critical { color: #9c640c; font-weight: bold; }
.done { color: #1e8449; font-weight: bold; } td.line { min-width: 12rem; border-bottom: 1px solid #1c2833; }
.unsensed { color: #6c3483; font-weight: bold; } .refused { color: #6c3483; }
dt { font-weight: 600; } dd { margin: 0 0 .3rem 1rem; }
@media print { .scroll { overflow: visible; } }
"""


def page(title: str, body: Iterable[str]) -> str:
    """A whole page that loads nothing."""
    meta = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    head = f"{meta}<title>{escape(title)}</title>"
    inside = "\n".join(body)
    return f'<!doctype html>\n<html lang="en"><head>{head}<style>{_STYLE}</style></head>\n<body>\n{inside}\n</body></html>\n'


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], classes: dict[int, str], caption: str, *, captioned: bool = True
) -> str:
    """A table whose cells are HTML already, with its columns' classes, in a frame that scrolls."""

    def cell(tag: str, column: int, text: str) -> str:
        kind = f' class="{classes[column]}"' if column in classes else ""
        scope = ' scope="col"' if tag == "th" else ""
        return f"<{tag}{kind}{scope}>{text}</{tag}>"

    head = "".join(cell("th", column, escape(text)) for column, text in enumerate(columns))
    body = "\n".join(f"<tr>{''.join(cell('td', column, text) for column, text in enumerate(row))}</tr>" for row in rows)
    head = f"<thead><tr>{head}</tr></thead>" if any(columns) else ""
    shown = f"<caption>{escape(caption)}</caption>" if captioned else ""
    inside = f"{shown}{head}<tbody>\n{body}\n</tbody>"
    return scrolling(caption, f"<table>{inside}</table>")


def scrolling(label: str, inside: str) -> str:
    """What may be wider than the page, in a frame of its own that scrolls sideways and can be reached by keyboard."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}">{inside}</div>'
