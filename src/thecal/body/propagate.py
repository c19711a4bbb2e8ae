"""The body over time: doses in, channels out, exactly between changes.

:func:`propagate` takes a batch of patients and what they are given, and returns what a :class:`Record` asks for. One patient is a
batch of one. Linear channels (concentrations) do not depend on the grid, on how a span is cut, or on the order of the doses, to
round-off; effects are evaluated pointwise from them, and tolerance on its own daily grid.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from thecal.body.balance import Balance, balance
from thecal.body.cascade import BLOOD, SITES, Cascade
from thecal.body.column import CELLS, Column
from thecal.body.doses import LUMBAR_PUNCTURE, PUNCTURE_SPREAD_CM, Doses
from thecal.body.effect import (
    ashworth,
    occupancy,
    overdose,
    reflex,
    sedation,
    spasm,
    weakness,
    withdrawal,
    worsening,
)
from thecal.body.engine import Engine, engine_for
from thecal.body.levels import LUMBAR_PUNCTURE_CM, level_cm
from thecal.body.march import Contents, Reading, Steps, through
from thecal.body.patient import Patients
from thecal.body.record import LINEAR, Record, Summary, csf_cm
from thecal.body.response import Response, State
from thecal.body.schedule import Grid, spans
from thecal.body.tolerance import HOUR_S, tolerance_by_day
from thecal.errors import ThecalError
from thecal.timeline import DAY_S

Floats = NDArray[np.float64]

ROUND_OFF = 1e-12
"""Below zero by less than this part of a channel's maximum is round-off and is printed as 0."""
_NG_PER_MCG = 1000.0
_BLOCK_BYTES = 64 * 2**20
_SITE_OF = {
    "ashworth_legs": "legs", "ashworth_arms": "arms", "spasm_penn": "legs", "reflex_percent": "reflex", "weakness_index": "legs",
    "sedation_index": "brain", "overdose_index": "brain", "tolerance": "legs", "withdrawal_index": "legs",
}  # fmt: skip


class NumericsError(ThecalError):
    """The arithmetic gave what no body can hold: a defect, or parameters beyond floating point."""


def propagate(
    patients: Patients, doses: Doses, record: Record, state: State | None = None, cells: int = CELLS, engine: Engine | None = None
) -> Response:
    """The bodies of a batch under the same doses (amounts may differ between them), from the first dose or from a ``state``,
    which holds what was given before it.

    Results do not depend on how many patients are in the batch. Raises NumericsError where a channel is no number, falls below
    zero by more than round-off, or does not close its balance.
    """
    engine = engine or engine_for(patients.count)
    whole = state is not None or record.resumable
    per_patient = 8 * (len(_linear(record.channels)) + 1) * record.grid.count
    block = patients.count if whole else min(max(1, _BLOCK_BYTES // per_patient), patients.count)
    origin = record.implant_s if state is None else state.second
    days = max(0, (record.grid.end_s - origin) // DAY_S)  # none before the implant
    tolerance = np.zeros((patients.count, days + 1)) if _needs_tolerance(record.channels) or whole else None
    response = Response.blank(patients.count, record, tolerance)
    for low in range(0, patients.count, block):
        part = slice(low, min(low + block, patients.count))
        body = _Block(patients.take(part), _part(doses, part, patients.count), record, cells, engine, whole=whole)
        after = body.run(state, response, part)
    return replace(response, state=after) if record.resumable else response


class _Block:
    """Some of the patients: as many as fit into memory together."""

    def __init__(self, patients: Patients, doses: Doses, record: Record, cells: int, engine: Engine, *, whole: bool) -> None:
        self.patients, self.doses, self.record, self.engine = patients, doses, record, engine
        self.linear = _linear(record.channels)
        self.fluid = tuple(name for name in self.linear if name not in LINEAR)
        self.sources = doses.sources or (LUMBAR_PUNCTURE,)
        column = Column.of(patients, cells)
        levels = [csf_cm(name) for name in self.fluid]
        seen = [column.cranial if height is None else column.at(height) for height in levels]
        given = np.stack([_source(column, name) for name in self.sources])
        sites = SITES if whole else tuple(site for site in SITES if f"{site}_ng_per_ml" in self.linear)
        levels_of = np.stack(seen) if seen else np.zeros((0, cells + 1))
        oral = whole or bool(doses.tablets)
        self.cascade = Cascade.of(patients, given, levels_of, column, engine, sites, oral=oral)
        self.steps = Steps(self.cascade)

    def run(self, state: State | None, response: Response, part: slice) -> State | None:
        """Fill in what the record asks for, for these patients, and return them at the start of the last day."""
        record = self.record
        first = min((*self._begins(), record.grid.start_s, record.implant_s))
        start_s, before = (first, Contents.empty(self.cascade)) if state is None else (state.second, state.contents)
        _, seen, closed = self._march(start_s, before, record.grid, self._reading(self.linear))
        if not closed.closes:
            worst = float(np.max(np.abs(closed.gap)))
            raise NumericsError(f"the drug in the body does not balance: {worst:.3g} mcg are missing or too many")
        response.balance.fill(part, closed)
        values = {name: self._checked(name, seen[:, n], part.start) for n, name in enumerate(self.linear)}
        tolerance = None if response.tolerance is None else response.tolerance[part]
        after = state if tolerance is None else self._adapt(tolerance, values, start_s, before, state)
        for name in record.channels:
            channel = values[name] if name in values else self._derived(name, values, tolerance)
            if record.summarize:
                watched = tuple(watch.level for watch in record.watch if watch.channel == name)
                response.summaries[name].fill(part, Summary.of(channel, record.grid.step_s, watched))
            else:
                response.values[name][part] = channel
        return after

    def _begins(self) -> list[int]:
        doses = self.doses
        infused, taken = ([one.start_s for one in several] for several in (doses.infusions, doses.tablets))
        return [*infused, *taken, *(one.at_s for one in doses.boluses)]

    def _march(self, start_s: int, contents: Contents, grid: Grid, reading: Reading) -> tuple[Contents, Floats, Balance]:
        """(the contents at the end of a grid, the channels on it (patients, channels, times), where the drug is then)."""
        before, at = contents, 0
        out = np.empty((self.patients.count, reading.channels, grid.count))
        if grid.start_s == start_s:
            out[:, :, 0], at = reading.of(contents), 1
        total = np.zeros((self.patients.count, len(self.sources) + 1))
        for span in spans(self.doses, self.sources, start_s, grid.end_s, grid):
            contents = through(span, contents, self.steps, reading, self.engine, out, at)
            at += span.seen
            for piece in span.pieces:
                total += span.times * piece.seconds / 3600 * piece.flows
                if piece.given is not None:
                    total += span.times * piece.given
        assert at == grid.count
        return contents, out, balance(self.cascade, before, contents, total)

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

    def _checked(self, name: str, channel: Floats, first: int) -> Floats:
        """The channel with round-off below zero as 0. Raises NumericsError for anything else that no concentration is."""
        least, most = channel.min(axis=1), channel.max(axis=1)
        wrong = ~((least >= -ROUND_OFF * most) & np.isfinite(most))
        if np.any(wrong):
            patient = int(np.flatnonzero(wrong)[0])
            raise NumericsError(
                f"{name} of patient {first + patient} goes from {least[patient]:g} to {most[patient]:g}: no concentration does"
            )
        return np.maximum(channel, 0.0, out=channel) if np.any(least < 0) else channel

    def _adapt(
        self, tolerance: Floats, values: Mapping[str, Floats], start_s: int, before: Contents, state: State | None
    ) -> State | None:
        """Fill in tolerance at the start of each day since the implant or since the state; the body at the last of them."""
        record, days = self.record, tolerance.shape[1] - 1
        origin = record.implant_s if state is None else state.second
        first = np.zeros(self.patients.count) if state is None else state.tolerance
        if days < 1:
            tolerance[:, 0] = first
            return state
        hourly = Grid(origin, HOUR_S, days * DAY_S // HOUR_S + 1)
        picked = None if record.resumable else record.grid.within(hourly)
        if picked is None:
            contents, legs, _ = self._march(start_s, before, hourly, self._reading(("legs_ng_per_ml",)))
            legs_by_hour = self._checked("legs_ng_per_ml", legs[:, 0], 0)
        else:
            contents, legs_by_hour = before, values["legs_ng_per_ml"][:, picked]
        tolerance[:] = tolerance_by_day(self.patients, legs_by_hour, first)
        return State(hourly.end_s, contents, tolerance[:, -1])

    def _derived(self, name: str, values: Mapping[str, Floats], tolerance: Floats | None) -> Floats:
        """One derived channel on the grid."""
        patients, site = self.patients, values[f"{_SITE_OF[name]}_ng_per_ml"]
        if name == "weakness_index":
            return weakness(patients, site)
        if name in ("sedation_index", "overdose_index"):
            return (sedation if name == "sedation_index" else overdose)(patients, site)
        assert tolerance is not None
        hours = self.record.grid.hours - self.record.implant_s / 3600
        first_day = (
            tolerance.shape[1] - 1 - (self.record.grid.end_s - self.record.implant_s) // DAY_S
        )  # of a resumed run: below 0
        day = np.floor(hours / 24).astype(np.intp) + first_day
        held = np.where(day >= 0, tolerance[:, np.clip(day, 0, tolerance.shape[1] - 1)], 0.0)
        match name:
            case "tolerance":
                return held
            case "withdrawal_index":
                return withdrawal(held, occupancy(patients, site))
            case "ashworth_legs" | "ashworth_arms":
                return ashworth(patients, site, held, worsening(patients, hours), name.removeprefix("ashworth_"))
            case "spasm_penn":
                return spasm(patients, site, held, worsening(patients, hours))
            case _:
                return reflex(patients, site, held, worsening(patients, hours))


def _linear(channels: tuple[str, ...]) -> tuple[str, ...]:
    """The linear channels that some channels need, those of the spinal fluid first."""
    needed = dict.fromkeys(f"{_SITE_OF[name]}_ng_per_ml" if name in _SITE_OF else name for name in channels)
    if _needs_tolerance(channels):
        needed["legs_ng_per_ml"] = None  # tolerance is of the legs
    return tuple(sorted(needed, key=lambda name: name in LINEAR))


def _needs_tolerance(channels: tuple[str, ...]) -> bool:
    return any(name in _SITE_OF and name not in ("weakness_index", "sedation_index", "overdose_index") for name in channels)


def _source(column: Column, name: str) -> Floats:
    if name == LUMBAR_PUNCTURE:
        half = PUNCTURE_SPREAD_CM / 2
        return column.between(LUMBAR_PUNCTURE_CM - half, LUMBAR_PUNCTURE_CM + half)
    return column.at(level_cm(name))


def _part(doses: Doses, part: slice, count: int) -> Doses:
    """The doses of some of the patients."""

    def cut(amounts: Floats) -> Floats:
        return amounts[..., part] if amounts.shape[-1] == count and count > 1 else amounts

    return Doses(
        tuple(replace(one, mcg_per_h=cut(one.mcg_per_h) if one.mcg_per_h.ndim > 1 else one.mcg_per_h) for one in doses.infusions),
        tuple(replace(one, mcg=cut(one.mcg)) for one in doses.boluses),
        doses.tablets,
    )
