"""The folder of a bench, as an option says it, and how what is in it is told."""

from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

from thecal.bench.bench_folder import DEFAULT

Dir = Annotated[
    Path, typer.Option("--dir", metavar="DIR", envvar="THECAL_BENCH", help="The folder of the bench: its pumps, charts and keys.")
]


def advised(command: str, path: Path) -> str:
    """A command for the same bench, as it is typed."""
    return f"thecal {command}" + ("" if path == DEFAULT else f" --dir {quote(str(path))}")


def columns(rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> list[str]:
    """Rows as lines whose columns stand below each other; those of ``right`` end there."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    cells = [
        [cell.rjust(w) if n in right else cell.ljust(w) for n, (cell, w) in enumerate(zip(row, widths, strict=True))]
        for row in rows
    ]
    return ["  ".join(row).rstrip() for row in cells]
