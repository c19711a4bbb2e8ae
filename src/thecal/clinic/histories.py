"""Histories that were read lately: a chart that is opened again is not read again, only what was written since.

An entry never changes, and its digest stands for all before it; so a history is still right as long as the record has its last
digest at that version. One that was read inside of a transaction that came to nothing is found out by the same.
"""

import threading
from collections import OrderedDict

from sqlalchemy import Connection, select

from thecal.clinic.history import History
from thecal.clinic.record import GENESIS, RECORDED, recorded
from thecal.clinic.schema import entry as table

KEPT = 128
"""How many histories are held: ten years of a chart take about a megabyte."""


class Histories:
    """The histories of the charts that were opened last, for all threads of a process."""

    def __init__(self, most: int = KEPT) -> None:
        self._most = most
        self._held: OrderedDict[str, tuple[History, str]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, connection: Connection, stream: str) -> History:
        """A stream as it was written; empty where nothing was."""
        with self._lock:
            held, digest = self._held.get(stream, (History(stream), GENESIS))
        found, last = _since(connection, held, digest)
        with self._lock:
            self._held[stream] = (found, last)
            self._held.move_to_end(stream)
            while len(self._held) > self._most:
                self._held.popitem(last=False)
        return found


def _since(connection: Connection, held: History, digest: str) -> tuple[History, str]:
    """(the history with what was written since, its last digest); read as a whole where it does not follow what is held."""
    from_held = table.c.version >= held.version
    query = select(*RECORDED).where(table.c.stream == held.stream, from_held).order_by(table.c.version)
    rows = connection.execute(query).all()
    if held.version:
        if not rows or rows[0].version != held.version or rows[0].digest != digest:
            return _since(connection, History(held.stream), GENESIS)
        rows = rows[1:]
    if not rows:
        return held, digest
    return History(held.stream, (*held.rows, *(recorded(row) for row in rows))), rows[-1].digest
