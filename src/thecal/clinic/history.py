"""A stream of the record, as it was written: what was known when, and the chart that it comes to.

Two times are kept of every entry: when it happened and when it was written down. What a correction takes back counts no longer
from the moment on at which the correction was written down; it is never gone.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar, cast, get_args

from thecal.chart.chart import Chart
from thecal.chart.facts import Fact
from thecal.clinic.entry import Corrected, Entry
from thecal.timeline import Instant

E = TypeVar("E")
_FACTS = frozenset(get_args(Fact))


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry as it stands in its stream: its ``version``, who wrote it down, and when."""

    version: int
    entry: Entry
    who: str
    recorded: Instant


@dataclass(frozen=True)
class History:
    """The entries of one stream, in the order in which they were written down."""

    stream: str
    rows: tuple[Recorded, ...] = ()

    @property
    def version(self) -> int:
        """That of the last entry; 0 of an empty stream."""
        return self.rows[-1].version if self.rows else 0

    def moment(self, now: Instant) -> Instant:
        """When what is done now happens: never before the last entry that counts, as after a clock was set back."""
        return max(now, self.standing[-1].entry.at) if self.standing else now

    def known_at(self, instant: Instant) -> "History":
        """What had been written down by an instant, and nothing that was written later."""
        return History(self.stream, self.rows[: bisect_right(self.rows, instant, key=lambda row: row.recorded)])

    @cached_property
    def taken_back(self) -> dict[int, Recorded]:
        """The entries that count no longer, by version, each with the correction that says so."""
        return {row.entry.version: row for row in self.rows if isinstance(row.entry, Corrected)}

    @cached_property
    def standing(self) -> tuple[Recorded, ...]:
        """The entries that count, by when they happened; those of one second in the order in which they were written down."""
        taken = self.taken_back
        return tuple(sorted((row for row in self.rows if row.version not in taken), key=lambda row: row.entry.at.s))

    @cached_property
    def chart(self) -> Chart:
        """The chart of the facts that count."""
        facts = (row.entry for row in self.standing if type(row.entry) in _FACTS)
        return Chart().after(*cast(Iterator[Fact], facts))

    @cached_property
    def _by_kind(self) -> dict[type, list[Entry]]:
        found: dict[type, list[Entry]] = defaultdict(list)
        for row in self.standing:
            found[type(row.entry)].append(row.entry)
        return dict(found)

    def all(self, kind: type[E]) -> list[E]:
        """The entries of one kind that count, by when they happened."""
        return list(cast(list[E], self._by_kind.get(kind, [])))

    def last(self, kind: type[E]) -> E | None:
        """The latest of them."""
        found = self._by_kind.get(kind)
        return cast(E, found[-1]) if found else None
