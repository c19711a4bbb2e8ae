"""The bodies of a block of people, propagated together from one visit to the next.

People whose drug begins and ends at the same seconds go together, whatever their doses; somebody with a fault, a late refill or a
line that fills at its own pace goes alone. Nobody's result depends on who else is in the block, to the last bit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from thecal.body.doses import Bolus, Doses, Infusion, Tablets
from thecal.body.engine import Engine, block_of, curve_of
from thecal.body.march import Contents
from thecal.body.patient import Patients
from thecal.body.propagate import propagate
from thecal.body.record import Record
from thecal.body.response import State
from thecal.body.schedule import Grid
from thecal.errors import ThecalError
from thecal.timeline import DAY_S, Instant
from thecal.twin.exposure import Exposure

Floats = NDArray[np.float64]
Shape = tuple[tuple[object, ...], ...]

CHANNELS = ("ashworth_legs", "spasm_penn", "withdrawal_index", "overdose_index")
ARMS, WEAKNESS = "ashworth_arms", "weakness_index"
REMEMBERED_S = 14 * DAY_S
"""Without a pump the body is followed anew from this long before: of an older tablet nothing is left in floating point."""


@dataclass(frozen=True, slots=True)
class Looks:
    """What the bodies were like from one visit to the next: channels (people, looks), the first look at the start; and what
    went wrong, by the place of a person.
    """

    grid: Grid
    values: Mapping[str, Floats]
    failures: dict[int, str]


class Bodies:
    """The bodies of a block, as they were left at the last visit; other channels of theirs can be looked at ``also``."""

    def __init__(self, patients: Patients, engine: Engine, also: tuple[str, ...] = ()) -> None:
        self._patients, self._channels = patients, (*CHANNELS, *also)
        self._engine = SameCanals(engine)
        self._states: list[State | None] = [None] * patients.count
        self._some: dict[tuple[int, ...], Patients] = {}

    def advance(self, exposures: Sequence[Exposure | None], start_s: int, end_s: int, step_s: int) -> Looks:
        """From one visit to the next, on what each was given; visits are whole days from every implant.

        Who has no exposure is left out and shows nothing (NaN), and so does a body whose arithmetic fails, which is named in
        ``failures``.
        """
        grid = Grid.over(start_s, end_s, step_s)
        looks = Looks(grid, {name: np.full((len(exposures), grid.count), np.nan) for name in self._channels}, {})
        groups: dict[tuple[object, ...], list[int]] = {}
        given: dict[int, tuple[Doses, int | None]] = {}
        for n, exposure in enumerate(exposures):
            if exposure is not None:
                implant_s = exposure.implant.s if exposure.implant else None
                doses = given[n] = (self._given(n, exposure, start_s, end_s), implant_s)
                groups.setdefault((_shape(doses[0]), implant_s, self._states[n] is None), []).append(n)
        for members in groups.values():
            self._propagate(members, given, looks)
        return looks

    def _propagate(self, members: Sequence[int], given: Mapping[int, tuple[Doses, int | None]], looks: Looks) -> None:
        """A group together; where one of them fails, each alone."""
        which, implant_s, grid = np.array(members), given[members[0]][1], looks.grid
        record = Record(grid, self._channels, grid.end_s if implant_s is None else implant_s, resumable=implant_s is not None)
        state, doses = _joined([self._states[n] for n in members]), _together([given[n][0] for n in members])
        try:
            response = propagate(self._of(members), doses, record, state, engine=self._engine)
        except ThecalError as error:
            if len(members) == 1:
                looks.failures[members[0]] = str(error)
            else:
                for n in members:
                    self._propagate([n], given, looks)
            return
        for name in self._channels:
            looks.values[name][which] = response[name]
        if response.state is not None:
            for place, n in enumerate(members):
                self._states[n] = response.state.of(slice(place, place + 1))

    def _of(self, members: Sequence[int]) -> Patients:
        """Some of the patients, who remember what was worked out of them."""
        which = tuple(members)
        if which not in self._some:
            self._some[which] = self._patients.part(members)
        return self._some[which]

    def _given(self, n: int, exposure: Exposure, start_s: int, end_s: int) -> Doses:
        state = self._states[n]
        since = state.second if state else start_s - REMEMBERED_S
        return _within(exposure, end_s, since)


def spent(exposure: Exposure, now_s: int) -> Exposure:
    """An exposure without what a body that has come to this second no longer needs."""
    since = now_s - REMEMBERED_S
    return replace(
        exposure,
        infusions=tuple(one for one in exposure.infusions if one.end_s > now_s),
        boluses=tuple(one for one in exposure.boluses if one.at_s >= (since if exposure.implant is None else now_s)),
        courses=tuple(course for course in exposure.courses if course.end is None or course.end.s > since),
        tablets=tuple(one for one in exposure.tablets if one.end_s > since),
    )


def _within(exposure: Exposure, end_s: int, since_s: int) -> Doses:
    """What was given from one second to another, tablets cut to begin with it."""
    doses = exposure.doses(Instant(end_s), since_s)
    return replace(doses, tablets=tuple(one for one in (_from(tablets, since_s) for tablets in doses.tablets) if one))


def _from(tablets: Tablets, since_s: int) -> Tablets | None:
    """Tablets without the whole periods that were over by a second."""
    over = max(since_s - tablets.start_s, 0) // tablets.period_s * tablets.period_s
    if tablets.start_s + over >= tablets.end_s:
        return None
    return replace(tablets, start_s=tablets.start_s + over)


def _shape(doses: Doses) -> Shape:
    """When and where drug is given, without how much."""
    return (
        tuple((one.start_s, one.end_s, one.level, one.ends_s, one.phase_s) for one in doses.infusions),
        tuple((one.at_s, one.level) for one in doses.boluses),
        tuple((one.start_s, one.end_s, one.times_s, one.period_s, one.form) for one in doses.tablets),
    )


def _together(several: Sequence[Doses]) -> Doses:
    """Doses of one shape as those of a batch."""
    first = several[0]
    if len(several) == 1:
        return first
    infusions = tuple(
        Infusion(
            one.start_s,
            one.end_s,
            one.level,
            np.stack([doses.infusions[k].mcg_per_h for doses in several], axis=1),
            one.ends_s,
            one.phase_s,
        )
        for k, one in enumerate(first.infusions)
    )
    boluses = tuple(
        Bolus(one.at_s, np.concatenate([doses.boluses[k].mcg for doses in several]), one.level)
        for k, one in enumerate(first.boluses)
    )
    tablets = tuple(
        replace(one, mg=tuple(np.array([doses.tablets[k].mg[j] for doses in several]) for j in range(len(one.mg))))
        for k, one in enumerate(first.tablets)
    )
    return Doses(infusions, boluses, tablets)


def _joined(states: Sequence[State | None]) -> State | None:
    """States at one second as that of a batch; None where there are none."""
    known = [state for state in states if state is not None]
    if not known:
        return None
    contents = Contents.joined([state.contents for state in known])
    return State(known[0].second, known[0].implant_s, contents, np.concatenate([state.tolerance for state in known]))


class SameCanals:
    """An engine that finds the modes of a canal once, since only doses change from visit to visit."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._found: dict[bytes, tuple[Floats, Floats]] = {}
        self.once, self.fade = engine.once, engine.fade
        self.hill = curve_of(engine)
        self.block = block_of(engine, 1)

    def decompose(self, diagonal: Floats, beside: Floats, rows: Floats) -> tuple[Floats, Floats]:
        """As the protocol says."""
        keys = [diagonal[n].tobytes() + beside[n].tobytes() + rows[n].tobytes() for n in range(len(diagonal))]
        new = [n for n, key in enumerate(keys) if key not in self._found]
        if new:
            rates, turned = self._engine.decompose(diagonal[new], beside[new], rows[new])
            self._found.update((keys[n], (rates[place], turned[place])) for place, n in enumerate(new))
        found = [self._found[key] for key in keys]
        return np.stack([rate for rate, _ in found]), np.stack([rows for _, rows in found])
