"""The body over time: doses in, channels out, exactly between changes.

:func:`propagate` takes a batch of patients and what they are given, and returns what a :class:`Record` asks for. One patient is a
batch of one. Linear channels (concentrations) do not depend on the grid, on how a span is cut, or on the order of the doses, to
round-off; effects are evaluated pointwise from them, and tolerance on its own daily grid.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from thecal.body.balance import Balance, balance
from thecal.body.cascade import BLOOD, SITES, Cascade
from thecal.body.column import CELLS, Column
from thecal.body.doses import LUMBAR_PUNCTURE, PUNCTURE_SPREAD_CM, Doses
from thecal.body.effect import SITE_OF, derived, worsening
from thecal.body.engine import Engine, block_of, curve_of, engine_for
from thecal.body.levels import LUMBAR_PUNCTURE_CM, level_cm
from thecal.body.march import Contents, Reading, Room, Sights, Steps
from thecal.body.patient import Patients, Places
from thecal.body.record import LINEAR, Record, Summary, csf_cm
from thecal.body.response import Response, State
from thecal.body.schedule import Grid, Span, spans
from thecal.body.tolerance import tolerance_by_day
from thecal.errors import ThecalError
from thecal.timeline import DAY_S, HOUR_S

Floats = NDArray[np.float64]

ROUND_OFF = 1e-12
"""Below zero by less than this part of a channel's maximum is round-off and is printed as 0."""
_NOTHING_NG_PER_ML = 1.0  # a concentration beside which its own round-off is nothing
_NG_PER_MCG = 1000.0
_BLOCK_BYTES = 64 * 2**20  # of linear channels that are not kept
_WHOLE_MAX = 4096
_CHUNK_BYTES = 2**21  # of one derived channel at once: what is worked on stays in the cache


class NumericsError(ThecalError):
    """The arithmetic gave what no body can hold: a defect, or parameters beyond floating point."""


def propagate(
    patients: Patients, doses: Doses, record: Record, state: State | None = None, cells: int = CELLS, engine: Engine | None = None
) -> Response:
    """The bodies of a batch under the same doses (amounts may differ between them), from the first dose or from a ``state``,
    which holds what was given before it.

    Results do not depend on who else is in the batch, to the last bit; where tissue gives drug back in some, to round-off. Raises
    NumericsError where a channel is no number, falls below zero by more than round-off, or does not close its balance; InputError
    where there is not one amount for each patient, and for a state that this run cannot go on from.
    """
    engine = engine or engine_for(patients.count)
    doses.check(patients.count)
    if state is not None:
        state.check(patients.count, record)
    course = _Course.of(doses, record, state)
    block = block_of(engine, patients.count)
    if course.whole and patients.count <= _WHOLE_MAX:
        block = patients.count  # the next run of the same canals finds them as they were
    room, response = _kept(patients.count, course, block)
    block = room.values.shape[1] if room.reused else block
    states: list[State | None] = []
    for low in range(0, patients.count, block):
        part = slice(low, min(low + block, patients.count))
        some = patients if part.stop - low == patients.count else patients.take(part)
        before = None if state is None else state.of(part)
        states.append(_Block(some, course.of_some(part), part, cells, engine).run(before, response, room))
    return replace(response, state=_joined(states)) if record.resumable else response


@dataclass(frozen=True, slots=True)
class _Course:
    """What is the same for every patient: the spans on the ``grid`` that bodies are followed on, which is the record's or, where
    that holds the record's, the one of tolerance (``hourly``), on which they are followed once more where neither holds the
    other; and the linear channels that the kept ones need, those of the spinal fluid first.

    ``whole`` bodies can be resumed; ``days`` are those of tolerance, below 0 where nothing needs it; ``picked`` are the record's
    instants on the grid.
    """

    record: Record
    grid: Grid
    picked: slice
    start_s: int
    sources: tuple[str, ...]
    linear: tuple[str, ...]
    whole: bool
    oral: bool
    spans: tuple[Span, ...]
    origin_s: int
    days: int
    hourly: Grid | None
    hourly_spans: tuple[Span, ...]

    @classmethod
    def of(cls, doses: Doses, record: Record, state: State | None) -> "_Course":
        """From the first dose, or from a state."""
        grid, sources, linear = record.grid, doses.sources or (LUMBAR_PUNCTURE,), _linear(record.channels)
        infused, taken = ([one.start_s for one in several] for several in (doses.infusions, doses.tablets))
        begins = [*infused, *taken, *(one.at_s for one in doses.boluses)]
        start_s = min((*begins, grid.start_s, record.implant_s)) if state is None else state.second
        origin = record.implant_s if state is None else state.second
        whole = state is not None or record.resumable
        days = -1
        if whole or _needs_tolerance(record.channels):
            days = max(0, (grid.end_s - origin) // DAY_S)  # none before the implant
        hourly = Grid(origin, HOUR_S, days * DAY_S // HOUR_S + 1) if days > 0 else None
        legs = hourly is not None and "legs_ng_per_ml" in linear
        finer = hourly.within(grid) if hourly and legs and hourly.end_s == grid.end_s else None
        held = finer is not None or (hourly and not record.resumable and legs and grid.within(hourly))
        followed = hourly if hourly and finer else grid
        return cls(
            record,
            followed,
            finer or slice(None),
            start_s,
            sources,
            linear,
            whole,
            whole or bool(doses.tablets),
            tuple(spans(doses, sources, start_s, followed.end_s, followed)),
            origin,
            days,
            hourly,
            tuple(spans(doses, sources, start_s, hourly.end_s, hourly)) if hourly and not held else (),
        )

    @property
    def day(self) -> NDArray[np.int64]:
        """The day of tolerance that each instant of the record's grid lies in, below 0 before the implant."""
        grid = self.record.grid
        return (grid.start_s - self.origin_s + grid.step_s * np.arange(grid.count)) // DAY_S

    @property
    def hours(self) -> Floats:
        """The hours since the implant of each instant of the record's grid."""
        grid = self.record.grid
        return (grid.start_s - self.record.implant_s + grid.step_s * np.arange(grid.count)) / 3600

    def of_some(self, part: slice) -> "_Course":
        """The same for some of the patients."""
        if all(
            piece.flows.ndim == 1 and (piece.given is None or piece.given.ndim == 1)
            for span in self.spans
            for piece in span.pieces
        ):
            return self
        on_grid, by_hour = (tuple(span.of(part) for span in several) for several in (self.spans, self.hourly_spans))
        return replace(self, spans=on_grid, hourly_spans=by_hour)


def _kept(count: int, course: _Course, block: int) -> tuple[Room, Response]:
    """(where linear channels go, the response to fill in): where they are kept, if all of them are, or into a block at a time."""
    record, times, linear = course.record, course.grid.count, course.linear
    tolerance = np.zeros((count, course.days + 1)) if course.days >= 0 else None
    if record.summarize or course.grid is not record.grid or not set(linear) <= set(record.channels):
        block = min(count, block, max(1, _BLOCK_BYTES // (8 * times * len(linear))))
        return Room.for_(len(linear), block, times, reused=True), Response.blank(count, record, tolerance)
    room = Room.for_(len(linear), count, times)
    place = {name: n for n, name in enumerate(linear)}
    values = {name: room.values[place[name]] if name in place else np.empty((count, times)) for name in record.channels}
    return room, Response(record.grid, values, {}, tolerance, Balance.blank(count))


class _Block:
    """Some of the patients: as many as are worked on at once."""

    def __init__(self, patients: Patients, course: _Course, part: slice, cells: int, engine: Engine) -> None:
        self.patients, self.course, self.part, self.engine = patients, course, part, engine
        self.fluid = tuple(name for name in course.linear if name not in LINEAR)
        sites = SITES if course.whole else tuple(site for site in SITES if f"{site}_ng_per_ml" in course.linear)
        kind = (course.sources, self.fluid, sites, course.oral, cells, engine)
        canals = partial(self._canals, sites=sites, cells=cells)
        self.cascade, self.volume_ml = patients.remembered(kind, canals, _canals_of_some)
        self.steps = Steps(self.cascade)

    def _canals(self, patients: Patients, sites: tuple[str, ...], cells: int) -> tuple[Cascade, Floats]:
        """The cascades, and how much fluid each holds, mL."""
        column, course = Column.of(patients, cells), self.course
        levels = [csf_cm(name) for name in self.fluid]
        seen = [column.cranial if height is None else column.at(height) for height in levels]
        given = np.stack([_source(column, name) for name in course.sources])
        levels_of = np.stack(seen) if seen else np.zeros((0, cells + 1))
        cascade = Cascade.of(patients, given, levels_of, column, self.engine, sites, oral=course.oral)
        return cascade, column.volume_ml.sum(axis=1)

    def run(self, state: State | None, response: Response, room: Room) -> State | None:
        """Fill in what the record asks for, for these patients, and return them at the start of the last day."""
        course = self.course
        before = Contents.empty(self.cascade) if state is None else state.contents
        room = room.at(self.part.start)
        after = self._march(course.spans, before, course.grid, self._reading(course.linear), room)
        given = np.zeros((self.patients.count, len(course.sources) + 1))
        for span in course.spans:
            given += span.given
        closed = balance(self.cascade, before, after, given)
        if not closed.closes:
            worst = float(np.max(np.abs(closed.gap)))
            raise NumericsError(f"the drug in the body does not balance: {worst:.3g} mcg are missing or too many")
        response.balance.fill(self.part, closed)
        self._check(course.linear, room, closed.given)
        seen = dict(zip(course.linear, room.part(self.patients.count)[0], strict=True))
        last = (
            None
            if response.tolerance is None
            else self._adapt(response.tolerance[self.part], seen, before, after, state, closed.given)
        )
        self._deliver(seen, response, room)
        return last

    def _march(self, several: Sequence[Span], contents: Contents, grid: Grid, reading: Reading, room: Room) -> Contents:
        """The contents at the end of a grid; the channels on it go into the room."""
        sights, begun = Sights(self.steps, reading), reading.of(contents).T
        at = int(grid.start_s == self.course.start_s)
        for span in several:
            through = self.engine.once if span.times == 1 else self.engine.fade
            contents = through(span, contents, sights, room, at)
            at += span.seen
        assert at == grid.count
        if grid.start_s == self.course.start_s:
            out, _, _ = room.part(self.patients.count)
            out[:, :, 0] = begun
            room.bound(out[:, :, :1])
        return contents

    def _reading(self, names: tuple[str, ...]) -> Reading:
        """The channels of some names, spinal fluid first, in ng/mL."""
        cascade, count = self.cascade, self.patients.count
        fluid = [self.fluid.index(name) for name in names if name in self.fluid]
        plasma = cascade.plasma.central / cascade.plasma.volume_ml[:, None]
        by_mouth = plasma * self.patients["bioavailability"][:, None]
        links = np.zeros((count, len(names), cascade.link_rate.shape[1]))
        gut = slice(BLOOD, cascade.first_site)  # empty without doses by mouth
        for n, name in enumerate(names):
            if name == "plasma_ng_per_ml":
                links[:, n, :BLOOD] = plasma
                links[:, n, gut] = by_mouth if cascade.oral else 0.0
            elif name in LINEAR:
                links[:, n, cascade.first_site + cascade.sites.index(name.removesuffix("_ng_per_ml"))] = 1.0
            elif cascade.oral:
                links[:, n, gut] = by_mouth * self.patients["csf_per_plasma"][:, None]
        return Reading(_NG_PER_MCG * cascade.seen[:, fluid], _NG_PER_MCG * links)

    def _check(self, names: Sequence[str], room: Room, given_mcg: Floats) -> None:
        """Put 0 for round-off below zero. Raises NumericsError for anything else that no concentration is.

        Round-off is that of the channel's maximum or, far from where drug is, of all that was given in the whole of the fluid;
        where all is long gone, of 1 ng/mL.
        """
        for name, channel, least, most in zip(names, *room.part(self.patients.count), strict=True):
            scale = np.maximum(most, _NG_PER_MCG * given_mcg / self.volume_ml)
            wrong = ~((least >= -ROUND_OFF * (scale + _NOTHING_NG_PER_ML)) & np.isfinite(most))
            if np.any(wrong):
                patient = int(np.flatnonzero(wrong)[0])
                shown = f"goes from {least[patient]:g} to {most[patient]:g}"
                raise NumericsError(f"{name} of patient {self.part.start + patient} {shown}: no concentration does")
            for below in np.flatnonzero(least < 0):
                np.maximum(channel[below], 0.0, out=channel[below])

    def _adapt(
        self,
        tolerance: Floats,
        seen: Mapping[str, Floats],
        before: Contents,
        after: Contents,
        state: State | None,
        given_mcg: Floats,
    ) -> State | None:
        """Fill in tolerance at the start of each day since the implant or since the state; the body at the last of them."""
        course = self.course
        tolerance[:, 0] = 0.0 if state is None else state.tolerance
        if course.hourly is None:
            return state
        picked = course.record.grid.within(course.hourly)
        if course.hourly_spans:
            room = Room.for_(1, self.patients.count, course.hourly.count)
            reading = self._reading(("legs_ng_per_ml",))
            contents = self._march(course.hourly_spans, before, course.hourly, reading, room)
            legs = room.values[0]
            self._check(("legs_ng_per_ml",), room, given_mcg)
        elif course.grid is course.hourly:
            contents, legs = after, seen["legs_ng_per_ml"]
        else:
            contents, legs = before, seen["legs_ng_per_ml"][:, picked]
        tolerance[:] = tolerance_by_day(self.patients, legs, tolerance[:, 0], curve_of(self.engine))
        return State(course.hourly.end_s, course.record.implant_s, contents, tolerance[:, -1])

    def _deliver(self, seen: Mapping[str, Floats], response: Response, room: Room) -> None:
        """Put every channel where it is kept, a few patients at a time."""
        course, record, count = self.course, self.course.record, self.patients.count
        several = max(1, _CHUNK_BYTES // (8 * record.grid.count))
        kept = [name for name in record.channels if room.reused or name not in seen]
        for low in range(0, count if kept else 0, several):
            chunk = slice(low, min(low + several, count))
            place = slice(self.part.start + chunk.start, self.part.start + chunk.stop)
            tolerance = None if response.tolerance is None else response.tolerance[place]
            known = {name: channel[chunk, course.picked] for name, channel in seen.items()}
            rooms = {} if record.summarize else {name: response.values[name][place] for name in kept}
            known |= self._derived([name for name in kept if name in SITE_OF], known, chunk, tolerance, rooms)
            for name in kept:
                if record.summarize:
                    watched = tuple(watch.level for watch in record.watch if watch.channel == name)
                    response.summaries[name].fill(place, Summary.of(known[name], record.grid.step_s, watched))
                elif known[name] is not rooms[name]:
                    rooms[name][:] = known[name]

    def _derived(
        self,
        names: Sequence[str],
        seen: Mapping[str, Floats],
        chunk: slice,
        tolerance: Floats | None,
        rooms: Mapping[str, Floats],
    ) -> dict[str, Floats]:
        """Derived channels of a few patients, in the rooms that there are for them where they can be worked out in place."""
        patients, course, curve = _Some(self.patients, chunk), self.course, curve_of(self.engine)
        held = worse = np.zeros((chunk.stop - chunk.start, 1))
        if tolerance is not None and names:
            held = np.take(tolerance, np.maximum(course.day, 0), axis=1)
            held[:, course.day < 0] = 0.0
            worse = worsening(patients, course.hours)
        found = {}
        for name in names:
            into = partial(curve, out=rooms[name]) if name in rooms else curve
            found[name] = derived(name, patients, seen[f"{SITE_OF[name]}_ng_per_ml"], held, worse, into)
        return found


def _canals_of_some(canals: tuple[Cascade, Floats], some: Patients, places: Places) -> tuple[Cascade, Floats]:
    cascade, volume_ml = canals
    return cascade.of_some(some, places), volume_ml[places]


@dataclass(frozen=True, slots=True)
class _Some:
    """The parameters of some of the patients."""

    patients: Patients
    which: slice

    def __getitem__(self, name: str) -> Floats:
        return self.patients[name][self.which]


def _linear(channels: tuple[str, ...]) -> tuple[str, ...]:
    """The linear channels that some channels need, those of the spinal fluid first."""
    needed = dict.fromkeys(f"{SITE_OF[name]}_ng_per_ml" if name in SITE_OF else name for name in channels)
    if _needs_tolerance(channels):
        needed["legs_ng_per_ml"] = None  # tolerance is of the legs
    return tuple(sorted(needed, key=lambda name: name in LINEAR))


def _needs_tolerance(channels: tuple[str, ...]) -> bool:
    return any(name in SITE_OF and name not in ("weakness_index", "sedation_index", "overdose_index") for name in channels)


def _source(column: Column, name: str) -> Floats:
    if name == LUMBAR_PUNCTURE:
        half = PUNCTURE_SPREAD_CM / 2
        return column.between(LUMBAR_PUNCTURE_CM - half, LUMBAR_PUNCTURE_CM + half)
    return column.at(level_cm(name))


def _joined(states: Sequence[State | None]) -> State | None:
    """The states of all blocks in one; they are at the same second."""
    found = [state for state in states if state is not None]
    if not found:
        return None
    return State(
        found[0].second,
        found[0].implant_s,
        Contents.joined([state.contents for state in found]),
        np.concatenate([state.tolerance for state in found]),
    )
