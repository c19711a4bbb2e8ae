"""Signs: when tone comes back, and when an index says that something may go wrong. Every threshold is a setting, marked as
such.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from thecal.body.schedule import Grid
from thecal.therapy.settings import settings_of
from thecal.timeline import DAY_S, Instant

Floats = NDArray[np.float64]

TONE = "tone returns"
_NEAR_WORST = 0.02  # of the highest
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
    return float(settings_of("signs")[name].value)


def episodes(grid: Grid, seen: Mapping[str, Floats], since: Instant | None) -> Iterator[Episode]:
    """Every sign in the channels of one body over a grid, in the order of its beginning; that tone returns, from the implant
    on.
    """
    found: list[Episode] = []
    if since is not None:
        ashworth = seen["ashworth_legs"]
        found.extend(above(TONE, grid, ashworth, usual_tone(grid, ashworth, since) + threshold("tone_rise")))
    for channel, (setting, kind) in INDICES.items():
        found.extend(above(kind, grid, seen[channel], np.full(grid.count, threshold(setting))))
    yield from sorted(found, key=lambda episode: (episode.start, episode.kind))


def usual_tone(grid: Grid, ashworth: Floats, since: Instant) -> Floats:
    """What tone was usual before each instant: the median of the 24-h means that ended then and on each of six days before.

    Infinite until 24 h have passed; held while tone stands above it by a sign.
    """
    day, first = DAY_S // grid.step_s, max(0, -(-(since.s - grid.start_s) // grid.step_s))
    means = np.full(grid.count, np.nan)
    if grid.count - first > day:
        sums = np.concatenate([[0.0], np.cumsum(ashworth[first:])])
        means[first + day - 1 :] = (sums[day:] - sums[:-day]) / day
    begun = first + day
    if begun >= grid.count:
        return np.full(grid.count, np.inf)
    before = np.concatenate([np.full(7 * day, np.nan), means])
    week = np.stack([before[7 * day - 1 - n * day : 7 * day - 1 - n * day + grid.count] for n in range(7)])
    usual = np.full(grid.count, np.inf)
    usual[begun:] = np.nanmedian(week[:, begun:], axis=0)
    rise = threshold("tone_rise")
    return held(ashworth, usual + rise) - rise


def held(channel: Floats, limit: Floats) -> Floats:
    """The limit, which stays what it was while the channel stands at it or above: a sign lasts as long as what it tells of."""
    limit = limit.copy()
    over = channel >= limit
    for start in np.flatnonzero(over & ~np.concatenate([[False], over[:-1]])):
        if channel[start] >= limit[start]:  # not within one that began before
            ends = np.flatnonzero(channel[start:] < limit[start])
            limit[start : start + (ends[0] if len(ends) else len(limit))] = limit[start]
    return limit


def above(kind: str, grid: Grid, channel: Floats, limit: Floats) -> Iterator[Episode]:
    """The stretches in which a channel is at its limit or above; those less than a day apart are one.

    At its worst it is when it is first as good as highest: what creeps up to the end has no hour of its own.
    """
    over = np.concatenate([[False], channel >= limit, [False]])
    edges = np.flatnonzero(over[1:] != over[:-1]).tolist()
    stretches: list[tuple[int, int]] = []
    for first, after in zip(edges[::2], edges[1::2], strict=True):
        near = stretches and (first - stretches[-1][1]) * grid.step_s < DAY_S
        stretches[-1:] = [(stretches[-1][0], after)] if near else [*stretches[-1:], (first, after)]
    for first, after in stretches:
        highest = float(channel[first:after].max())
        worst = first + int(np.argmax(channel[first:after] >= highest * (1 - _NEAR_WORST)))
        start, end, at = (Instant(grid.start_s + n * grid.step_s) for n in (first, after - 1, worst))
        yield Episode(kind, start, end, at, highest, after == grid.count)
