"""A span and a cascade as plain arrays, for compiled loops."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from thecal.body.cascade import Cascade
from thecal.body.march import Reading
from thecal.body.schedule import Span

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class LoopBody(NamedTuple):
    """The arrays of a cascade and of a reading; the gut is among the ``modes`` if anything is given to it."""

    modes: int
    rate: Floats
    link_rate: Floats
    feed: Floats
    between: Floats
    given: Floats
    reads: Floats
    gut: bool
    first_site: int

    @classmethod
    def of(cls, cascade: Cascade, reading: Reading) -> "LoopBody":
        modes = cascade.rate.shape[1] - (0 if cascade.oral else 1)
        reads = np.zeros((*reading.links.shape[:2], modes + reading.links.shape[2]))
        reads[:, : reading.modes.shape[1], :modes], reads[:, :, modes:] = reading.modes[:, :, :modes], reading.links
        arrays = cascade.rate, cascade.link_rate, cascade.feed, cascade.between, cascade.given
        rate, link_rate, feed, between, given = (np.ascontiguousarray(array) for array in arrays)
        return cls(modes, rate, link_rate, feed, between, given, reads, cascade.oral, cascade.first_site)


class Plan(NamedTuple):
    """A span as numbers. ``hours`` are the lengths of all steps; ``pieces`` (pieces, 3) say which of them is theirs, how many
    parts there are, and which of the sights is theirs, if they are looked at; ``kinds`` (sights, 2) say which step a part of a
    sight is, and how many there are. ``once`` is the step of the span and ``rest`` that of its repetitions; ``flows`` and
    ``given`` are (pieces, patients or 1, sources).
    """

    hours: Floats
    pieces: Ints
    kinds: Ints
    once: int
    rest: int
    parts_max: int
    gets: Flags
    flows: Floats
    given: Floats
    times: int
    rows: int

    @classmethod
    def of(cls, span: Span) -> "Plan":
        pieces, ends = span.pieces, (span.seconds, span.seconds * (span.times - 1))
        lengths = dict.fromkeys([*(one.whole_s for one in pieces), *(one.seconds for one in pieces if one.seen), *ends])
        step = {seconds: n for n, seconds in enumerate(lengths)}
        sight = {kind: n for n, kind in enumerate(dict.fromkeys((one.seconds, one.parts) for one in pieces if one.seen))}
        kinds = [(step[seconds], parts) for seconds, parts in sight]
        flows = _by_patient([one.flows for one in pieces])
        nothing = np.zeros(flows.shape[2] + 1)
        return cls(
            np.array(list(lengths)) / 3600,
            np.array([(step[one.whole_s], one.parts, sight[one.seconds, one.parts] if one.seen else -1) for one in pieces]),
            np.array(kinds, dtype=np.int64).reshape(-1, 2),
            step[ends[0]],
            step[ends[1]],
            max((parts for _, parts in kinds), default=0),
            np.array([one.given is not None for one in pieces]),
            flows,
            _by_patient([nothing if one.given is None else one.given for one in pieces]),
            span.times,
            span.rows,
        )


def _by_patient(rows: Sequence[Floats]) -> Floats:
    """(pieces, patients or 1, sources)."""
    count = max(row.shape[0] if row.ndim == 2 else 1 for row in rows)
    if count == 1:
        return np.array([row.reshape(1, -1) for row in rows])
    return np.stack([np.broadcast_to(row, (count, row.shape[-1])) for row in rows])
