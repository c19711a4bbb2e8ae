"""Through a span: the body at the end of it, and what is seen of it on the way.

A piece of constant flow is looked at in equal parts. What its beginning shows at the end of each is the same for every piece of
that kind, so it is tabled once (:class:`Sight`). A span that repeats is solved as such: its periodic steady state directly, and
what differs from that at the start fades without input, so days are followed only until nothing of the difference is left.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from thecal.body.cascade import Cascade, Step
from thecal.body.schedule import Piece, Span

Floats = NDArray[np.float64]

FADED = 1e-18
"""A difference no larger than this part of what it is a difference to is none in floating point."""
_DAYS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Contents:
    """What is in the modes (patients, modes) and the links (patients, links) of a batch."""

    modes: Floats
    links: Floats

    @classmethod
    def empty(cls, cascade: Cascade) -> "Contents":
        """No drug at all."""
        return cls(np.zeros_like(cascade.rate), np.zeros_like(cascade.link_rate))

    @classmethod
    def joined(cls, parts: Sequence["Contents"]) -> "Contents":
        """Those of one batch after those of another."""
        return cls(np.concatenate([part.modes for part in parts]), np.concatenate([part.links for part in parts]))

    def of(self, part: slice | NDArray[np.intp]) -> "Contents":
        """Those of some of the patients."""
        return Contents(self.modes[part], self.links[part])

    def plus(self, other: "Contents") -> "Contents":
        return Contents(self.modes + other.modes, self.links + other.links)

    def less(self, other: "Contents") -> "Contents":
        return Contents(self.modes - other.modes, self.links - other.links)

    def left(self, step: Step) -> "Contents":
        """What a step without input leaves of it."""
        links = np.matmul(step.own, self.links[:, :, None]) + np.matmul(step.feed, self.modes[:, :, None])
        return Contents(step.decay * self.modes, links[:, :, 0])

    def begins(self, piece: Piece, cascade: Cascade) -> "Contents":
        """With what is given at the beginning of a piece."""
        return self if piece.given is None else Contents(self.modes + _into(piece.given, cascade.given), self.links)

    def ends(self, piece: Piece, step: Step) -> "Contents":
        """After the step that a piece is."""
        after = self.left(step)
        if not np.any(piece.flows):
            return after
        return after.plus(Contents(_into(piece.flows, step.mode_given), _into(piece.flows, step.link_given)))


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


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen at the end of each part of a piece: of a unit in each mode and link at its beginning, ``contents`` (patients,
    channels, parts, modes and links); of an infusion of 1 mcg/h at each source of the spinal fluid, ``flows`` (patients,
    channels, parts, sources).
    """

    contents: Floats
    flows: Floats

    @classmethod
    def of(cls, reading: Reading, step: Step, parts: int) -> "Sight":
        """Backwards: what is seen a part later of what is there now is what is seen now of what is left a part later."""
        count, channels, links = reading.links.shape
        modes = step.decay.shape[1]
        shown = np.zeros((count, channels, parts + 1, modes + links))
        shown[:, : reading.modes.shape[1], 0, :modes], shown[:, :, 0, modes:] = reading.modes, reading.links
        for part in range(parts):
            later = shown[:, :, part, modes:]
            shown[:, :, part + 1, :modes] = shown[:, :, part, :modes] * step.decay[:, None, :] + np.matmul(later, step.feed)
            shown[:, :, part + 1, modes:] = np.matmul(later, step.own)
        given = np.concatenate([step.mode_given, step.link_given], axis=2).transpose(0, 2, 1)
        before = np.ascontiguousarray(shown[:, :, :-1])
        flows = np.matmul(before.reshape(count, -1, modes + links), given).reshape(*before.shape[:3], -1)
        return cls(np.ascontiguousarray(shown[:, :, 1:]), np.cumsum(flows, axis=2))


@dataclass(frozen=True, slots=True)
class Room:
    """Where what is seen goes: ``values`` (channels, patients, times), those of a batch from its patient ``low`` on; and the
    ``least`` and ``most`` of it (channels, patients). What is ``reused`` is for one batch after another.
    """

    values: Floats
    least: Floats
    most: Floats
    low: int = 0
    reused: bool = False

    @classmethod
    def for_(cls, channels: int, patients: int, times: int, *, reused: bool = False) -> "Room":
        """An empty one."""
        least, most = np.full((channels, patients), np.inf), np.full((channels, patients), -np.inf)
        return cls(np.empty((channels, patients, times)), least, most, 0, reused)

    def at(self, low: int) -> "Room":
        """For the batch from the patient ``low`` on, or for the next batch."""
        if not self.reused:
            return replace(self, low=low)
        self.least[:], self.most[:] = np.inf, -np.inf
        return self

    def part(self, count: int) -> tuple[Floats, Floats, Floats]:
        """(values, least, most) of so many patients."""
        part = slice(self.low, self.low + count)
        return self.values[:, part], self.least[:, part], self.most[:, part]

    def bound(self, seen: Floats) -> None:
        """Take what is seen (channels, patients, times) into the least and the most."""
        _, least, most = self.part(seen.shape[1])
        np.minimum(least, seen.min(axis=2, initial=np.inf), out=least)
        np.maximum(most, seen.max(axis=2, initial=-np.inf), out=most)


class Steps:
    """The steps of a cascade by their length in seconds, each computed once."""

    def __init__(self, cascade: Cascade) -> None:
        self.cascade = cascade
        self._known: dict[int, Step] = {}

    def __getitem__(self, seconds: int) -> Step:
        if seconds not in self._known:
            self._known[seconds] = self.cascade.step(seconds / 3600)
        return self._known[seconds]


class Sights:
    """What a reading sees of a cascade, by the seconds of a part and the number of parts, each computed once."""

    def __init__(self, steps: Steps, reading: Reading) -> None:
        self.steps, self.reading = steps, reading
        self._known: dict[tuple[int, int], Sight] = {}

    def __getitem__(self, kind: tuple[int, int]) -> Sight:
        if kind not in self._known:
            self._known[kind] = Sight.of(self.reading, self.steps[kind[0]], kind[1])
        return self._known[kind]


def once(span: Span, contents: Contents, sights: Sights, out: Floats, first: int) -> Contents:
    """The contents after one time of a span; what is seen in it goes into ``out`` (channels, patients, times) from ``first``
    on.
    """
    steps, reading = sights.steps, sights.reading
    for piece in span.pieces:
        contents = contents.begins(piece, steps.cascade)
        if piece.seen and piece.parts > 1:
            sight = sights[piece.seconds, piece.parts]
            out[:, :, first : first + piece.parts] = _seen(sight, contents, piece.flows)
        contents = contents.ends(piece, steps[piece.whole_s])
        if piece.seen and piece.parts == 1:
            out[:, :, first] = reading.of(contents).T
        first += piece.parts if piece.seen else 0
    return contents


def fade(span: Span, contents: Contents, sights: Sights, out: Floats, first: int) -> Contents:
    """As ``once``, of a span that repeats."""
    steps, rows, days = sights.steps, span.rows, span.times - 1
    steady = _steady(span, steps)
    apart = once(span, contents, sights, out, first).less(steady)
    first += rows
    once(span, steady, sights, out, first)
    day = out[:, :, first : first + rows]
    out[:, :, first + rows : first + days * rows].reshape(*out.shape[:2], days - 1, rows)[:] = day[:, :, None]
    if rows:
        _add_fading(apart, span, sights, out[:, :, first : first + days * rows])
    return steady.plus(apart.left(steps.cascade.step(span.seconds * days / 3600)))


def _seen(sight: Sight, contents: Contents, flows: Floats) -> Floats:
    """What is seen in a piece, (channels, patients, parts)."""
    count, channels, parts, size = sight.contents.shape
    within = np.concatenate([contents.modes, contents.links], axis=1)
    seen: Floats = np.matmul(sight.contents.reshape(count, channels * parts, size), within[:, :, None])
    if np.any(flows):
        each = np.broadcast_to(flows, (count, flows.shape[-1]))
        seen += np.matmul(sight.flows.reshape(count, channels * parts, -1), each[:, :, None])
    shown: Floats = seen.reshape(count, channels, parts).transpose(1, 0, 2)
    return shown


def _steady(span: Span, steps: Steps) -> Contents:
    """The contents that a period leaves as they were, of what it leaves in an empty body."""
    gained = Contents.empty(steps.cascade)
    for piece in span.pieces:
        gained = gained.begins(piece, steps.cascade).ends(piece, steps[piece.whole_s])
    whole, cascade = steps[span.seconds], steps.cascade
    modes = gained.modes / -np.expm1(-cascade.rate * whole.hours)
    fed = gained.links + np.matmul(whole.feed, modes[:, :, None])[:, :, 0]
    links = np.zeros_like(fed)
    for k in range(fed.shape[1]):  # a link follows only those before it
        before = np.matmul(whole.own[:, k : k + 1, :k], links[:, :k, None])[:, 0, 0]
        links[:, k] = (fed[:, k] + before) / -np.expm1(-cascade.link_rate[:, k] * whole.hours)
    return Contents(modes, links)


def _add_fading(apart: Contents, span: Span, sights: Sights, out: Floats) -> None:
    """Add to the days of ``out`` what ``apart`` shows while it fades without input.

    Several days at once, always as many, and each patient for itself: what is seen does not depend on who else is in the batch.
    """
    steps, (channels, count, times) = sights.steps, out.shape
    days = out.reshape(channels, count, times // span.rows, span.rows)
    most = FADED * np.max(np.abs(days[:, :, 0]), axis=2, initial=0.0)
    whole = steps[span.seconds]
    for day in range(0, days.shape[2], _DAYS_AT_ONCE):
        lanes = [apart]
        while len(lanes) < _DAYS_AT_ONCE:
            lanes.append(lanes[-1].left(whole))
        shown = _lanes(span, lanes, sights)[:, :, : days.shape[2] - day]
        days[:, :, day : day + _DAYS_AT_ONCE] += shown
        going = np.any(np.max(np.abs(shown[:, :, -1]), axis=2) > most, axis=0)
        if not np.any(going):
            return
        apart = lanes[-1].left(whole)
        apart = Contents(np.where(going[:, None], apart.modes, 0.0), np.where(going[:, None], apart.links, 0.0))


def _lanes(span: Span, lanes: Sequence[Contents], sights: Sights) -> Floats:
    """What each of several contents shows in a day without input, (channels, patients, lanes, rows)."""
    steps, reading = sights.steps, sights.reading
    modes, links = np.stack([one.modes for one in lanes], axis=2), np.stack([one.links for one in lanes], axis=2)
    count, size = modes.shape[:2]
    shown = np.empty((reading.channels, count, len(lanes), span.rows))
    row = 0
    for piece in span.pieces:
        if piece.seen:
            kind = sights[piece.seconds, piece.parts].contents
            table = kind.reshape(count, -1, kind.shape[-1])
            seen = np.matmul(table[:, :, :size], modes) + np.matmul(table[:, :, size:], links)
            shown[:, :, :, row : row + piece.parts] = seen.reshape(*kind.shape[:3], len(lanes)).transpose(1, 0, 3, 2)
            row += piece.parts
        step = steps[piece.whole_s]
        links = np.matmul(step.own, links) + np.matmul(step.feed, modes)
        modes = step.decay[:, :, None] * modes
    return shown


def _into(amounts: Floats, given: Floats) -> Floats:
    """Amounts by source, (sources,) or (patients, sources), through what each source gives (patients, sources, ...)."""
    each = np.broadcast_to(amounts, given.shape[:2])
    into: Floats = np.matmul(each[:, None, :], given)[:, 0]
    return into
