"""Piece by piece through a span: the body at the end of each, and at those at whose end it is looked at.

A span that repeats is solved as such: its periodic steady state directly, and what differs from that at the start fades without
input, so days are marched only until nothing of the difference is left.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from thecal.body.cascade import Cascade, Step
from thecal.body.schedule import Span

if TYPE_CHECKING:
    from thecal.body.engine import Engine

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in the modes (patients, modes) and the links (patients, links) of a batch."""

    modes: Floats
    links: Floats

    @classmethod
    def empty(cls, cascade: Cascade) -> "Contents":
        """No drug at all."""
        return cls(np.zeros_like(cascade.rate), np.zeros_like(cascade.link_rate))

    def plus(self, other: "Contents") -> "Contents":
        return Contents(self.modes + other.modes, self.links + other.links)

    def less(self, other: "Contents") -> "Contents":
        return Contents(self.modes - other.modes, self.links - other.links)

    def left(self, step: Step) -> "Contents":
        """What a step without input leaves of it."""
        links = np.matmul(step.own, self.links[:, :, None]) + np.matmul(step.feed, self.modes[:, :, None])
        return Contents(step.decay * self.modes, links[:, :, 0])


@dataclass(frozen=True, slots=True)
class Reading:
    """What the channels read: ``links`` (patients, channels, links), and ``modes`` (patients, fluid channels, modes) for the
    first of them, which are those of the spinal fluid.
    """

    modes: Floats
    links: Floats

    @property
    def channels(self) -> int:
        return int(self.links.shape[1])

    def of(self, contents: Contents) -> Floats:
        """(patients, channels)."""
        seen: Floats = np.matmul(self.links, contents.links[:, :, None])[:, :, 0]
        seen[:, : self.modes.shape[1]] += np.matmul(self.modes, contents.modes[:, :, None])[:, :, 0]
        return seen


class Steps:
    """The steps of a cascade by their length in seconds, each computed once."""

    def __init__(self, cascade: Cascade) -> None:
        self.cascade = cascade
        self._known: dict[int, Step] = {}

    def __getitem__(self, seconds: int) -> Step:
        if seconds not in self._known:
            self._known[seconds] = self.cascade.step(seconds / 3600)
        return self._known[seconds]


def through(
    span: Span, contents: Contents, steps: Steps, reading: Reading, engine: "Engine", out: Floats, first: int
) -> Contents:
    """The contents at the end of a span; what is seen in it goes into ``out`` (patients, channels, times) from ``first`` on."""
    after = engine.once(span.pieces, contents, steps, reading, out, first)
    if span.times == 1:
        return after
    whole = steps[span.seconds]
    steady = _steady(after.less(contents.left(whole)), whole, steps.cascade)
    rows, days = span.seen // span.times, span.times - 1
    steady = engine.once(span.pieces, steady, steps, reading, out, first + rows)
    repeated = out[:, :, first + 2 * rows : first + span.seen].reshape(*out.shape[:2], days - 1, rows)
    repeated[:] = out[:, :, None, first + rows : first + 2 * rows]
    apart = after.less(steady)
    engine.fade(apart, span.pieces, steps, reading, out, first + rows, days)
    return steady.plus(apart.left(steps.cascade.step(span.seconds * days / 3600)))


def _steady(gained: Contents, whole: Step, cascade: Cascade) -> Contents:
    """The contents that a period leaves as they were, of what a period leaves in an empty body."""
    modes = gained.modes / -np.expm1(-cascade.rate * whole.hours)
    fed = gained.links + np.matmul(whole.feed, modes[:, :, None])[:, :, 0]
    links = np.linalg.solve(np.eye(fed.shape[1]) - whole.own, fed[:, :, None])[:, :, 0]
    return Contents(modes, links)
