"""Signs: when tone comes back, and when an index says that something may go wrong. Every threshold is a setting, marked as
such.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thecal.body.schedule import Grid
from thecal.therapy.rules import rules
from thecal.timeline import DAY_S, Instant

Floats = NDArray[np.float64]

TONE = "tone returns"
INDICES = {
    "withdrawal_index": ("withdrawal", "withdrawal"),
    "weakness_index": ("weakness", "weakness"),
    "sedation_index": ("sedation", "drowsiness"),
    "overdose_index": ("overdose", "overdose"),
}


@dataclass(frozen=True, slots=True)
class Episode:
    """A sign from its first instant to its last, and the instant and the size of its worst."""

    kind: str
    start: Instant
    end: Instant
    worst_at: Instant
    worst: float
    lasting: bool


def threshold(name: str) -> float:
    """The setting of a sign."""
    return float(rules("signs")[name].value)


def episodes(grid: Grid, seen: Mapping[str, Floats], since: Instant | None) -> Iterator[Episode]:
    """Every sign in the channels of one body over a grid, in the order of its beginning; that tone returns, from the implant
    on.
    """
    found: list[Episode] = []
    if since is not None:
        ashworth = seen["ashworth_legs"]
        found.extend(_above(TONE, grid, ashworth, usual_tone(grid, ashworth, since) + threshold("tone_rise")))
    for channel, (setting, kind) in INDICES.items():
        found.extend(_above(kind, grid, seen[channel], np.full(grid.count, threshold(setting))))
    yield from sorted(found, key=lambda episode: (episode.start, episode.kind))


def usual_tone(grid: Grid, ashworth: Floats, since: Instant) -> Floats:
    """The lowest mean of 24 h that ended in the week before each instant; infinite until 24 h have passed."""
    day, first = DAY_S // grid.step_s, max(0, -(-(since.s - grid.start_s) // grid.step_s))
    means = np.full(grid.count, np.inf)
    if grid.count - first > day:
        sums = np.concatenate([[0.0], np.cumsum(ashworth[first:])])
        means[first + day - 1 :] = (sums[day:] - sums[:-day]) / day
    week = 7 * day
    lowest: Floats = np.lib.stride_tricks.sliding_window_view(np.concatenate([np.full(week, np.inf), means]), week + 1).min(
        axis=1
    )
    return lowest


def _above(kind: str, grid: Grid, channel: Floats, limit: Floats) -> Iterator[Episode]:
    """The stretches in which a channel is at its limit or above."""
    over = np.concatenate([[False], channel >= limit, [False]])
    edges = np.flatnonzero(over[1:] != over[:-1])
    for first, after in zip(edges[::2], edges[1::2], strict=True):
        worst = first + int(np.argmax(channel[first:after]))
        start, end, at = (Instant(grid.start_s + int(n) * grid.step_s) for n in (first, after - 1, worst))
        yield Episode(kind, start, end, at, float(channel[worst]), bool(after == grid.count))
