"""An order file: what is asked for in one session, as a document of its own."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from thecal.chart.order_sheet import OrderSheet
from thecal.twin.action import Needle
from thecal.twin.reading import BYTES_MAX, read_order_table


@dataclass(frozen=True, slots=True)
class OrderFile:
    """An order sheet with the refill that it belongs to, and the file that it was read from."""

    name: str
    sha256: str
    note: str | None
    orders: OrderSheet
    needle: Needle | None


def read_order(path: str | Path) -> OrderFile:
    """Read an order file.

    Raises InputErrors, each with its line, for a document that cannot be right, and OSError where there is no file to read.
    """
    path = Path(path)
    with path.open("rb") as file:
        return parse_order(file.read(BYTES_MAX + 1), path.name.encode("utf-8", "backslashreplace").decode())


def parse_order(raw: bytes, name: str) -> OrderFile:
    """An order from the bytes of its file; ``name`` stands in the errors. Raises InputErrors."""
    table = read_order_table(raw, name)
    needle = table.fill.needle() if table.fill else None
    return OrderFile(name, sha256(raw).hexdigest(), table.note, table.sheet(), needle)
