"""Trial arms: some patients, what they are given, and how any output is distributed among them at any time.

    from thecal.body.doses import Bolus, Doses
    from thecal.study.arm import Arm

    arm = Arm.of("adult-cerebral", seed=7, count=500, doses=Doses(boluses=(Bolus(0, 50),)), legs_ashworth=4.2)
    day = arm.run(["ashworth_legs"], until="24 h", every="15 min")
    print(day.quantiles("ashworth_legs", "4 h"))

A :class:`Titration` sets the dose of an infusion anew at visits, by a policy: a pure function of what is seen. Between visits the
bodies go on from where they were, so that years cost what their months cost. Days count from the implant, at time 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from thecal.body.doses import Doses, Infusion, check_amounts
from thecal.body.engine import Engine, engine_for
from thecal.body.patient import Patients, PatientSheet
from thecal.body.propagate import propagate
from thecal.body.record import Record
from thecal.body.schedule import Grid
from thecal.errors import InputError
from thecal.study.bodies import SameCanals
from thecal.study.population import draw
from thecal.timeline import DAY_S, Duration

Floats = NDArray[np.float64]

DOSE = "mcg_per_day"
"""The output of an arm that no body has: the dose that has run up to an instant."""
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
_SEEN = "ashworth_legs"


@dataclass(frozen=True, slots=True)
class Visit:
    """What is seen at a visit, one float for each patient: the score of the legs now (1 to 5) and the dose that has run."""

    day: int
    ashworth_legs: Floats
    mcg_per_day: Floats


Policy = Callable[[Visit], Floats]
"""The next dose of each patient, mcg/day, from what is seen."""


@dataclass(frozen=True, slots=True)
class Titration:
    """An infusion at a vertebral level from time 0, its first dose for all or for each, and the days on which ``policy`` sets it
    anew.

    Raises InputError for days that are not whole, not in order, or before day 1, and for what is no dose.
    """

    first_mcg_per_day: ArrayLike
    policy: Policy
    visits: tuple[int, ...]
    level: str

    def __post_init__(self) -> None:
        if any(not isinstance(day, int) or day <= before for before, day in pairwise((0, *self.visits))):
            raise InputError("visits", str(self.visits), "are not days in order", accepted=("whole days from 1 on, rising",))
        check_amounts("first_mcg_per_day", np.asarray(self.first_mcg_per_day, dtype=np.float64), "mcg/day")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an arm: ``values`` (patients, times) by channel on a grid, with ``mcg_per_day`` among them where the arm was
    titrated.
    """

    grid: Grid
    values: dict[str, Floats]

    def at(self, channel: str, when: str | Duration) -> Floats:
        """A channel at one time, one float for each patient. Raises InputError for a channel or a time that was not kept."""
        if channel not in self.values:
            raise InputError("channel", channel, "was not kept", accepted=self.values)
        second = _seconds(when, "when")
        if not self.grid.holds(second):
            kept = f"every {Duration(self.grid.step_s)} from 0 h to {Duration(self.grid.end_s)}"
            raise InputError("when", str(when), "is not among the times that were kept", accepted=(kept,))
        return self.values[channel][:, (second - self.grid.start_s) // self.grid.step_s]

    def quantiles(self, channel: str, when: str | Duration, levels: Sequence[float] = LEVELS) -> dict[float, float]:
        """The distribution of a channel among the patients at one time: its value at each level from 0 to 1.

        Raises InputError as ``at`` does, and for a level outside 0 to 1.
        """
        odd = next((level for level in levels if not 0 <= level <= 1), None)
        if odd is not None:
            raise InputError("levels", odd, "is not a part of the patients", accepted=("0 to 1",))
        found = np.quantile(self.at(channel, when), levels)
        return dict(zip(levels, found.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Arm:
    """Patients, what they are given besides an infusion that is titrated, and that titration."""

    patients: Patients
    doses: Doses = Doses()  # noqa: RUF009  # frozen
    titration: Titration | None = None

    @classmethod
    def of(
        cls,
        sheet: PatientSheet | str,
        seed: int,
        count: int,
        doses: Doses = Doses(),  # noqa: B008  # frozen
        titration: Titration | None = None,
        **given: ArrayLike,
    ) -> "Arm":
        """The first ``count`` patients of a population, as ``draw`` draws them. Raises InputError as it does."""
        return cls(draw(sheet, seed, range(count), **given), doses, titration)

    def run(
        self, channels: Sequence[str], until: str | Duration, every: str | Duration = "1 h", engine: Engine | None = None
    ) -> Outcome:
        """What becomes of the arm from time 0 ``until`` a time, looked at ``every`` so often: ``"365 days"``, ``"1 day"``.

        Raises InputError for an unknown channel and a time that cannot be read; for a titrated arm also where a day is no
        multiple of ``every``, and where the policy gives no dose for each.
        """
        grid = Grid.over(0, _seconds(until, "until"), _seconds(every, "every"))
        if self.titration is None:
            response = propagate(self.patients, self.doses, Record(grid, tuple(channels)), engine=engine)
            return Outcome(grid, dict(response.values))
        return self._titrated(self.titration, tuple(channels), grid, SameCanals(engine or engine_for(self.patients.count)))

    def _titrated(self, titration: Titration, channels: tuple[str, ...], grid: Grid, engine: Engine) -> Outcome:
        if DAY_S % grid.step_s:
            raise InputError(
                "every", str(Duration(grid.step_s)), "does not meet each visit", accepted=("1 day, or a part of it",)
            )
        kept = tuple(dict.fromkeys(name for name in (*channels, _SEEN) if name != DOSE))
        values = {name: np.empty((self.patients.count, grid.count)) for name in (*kept, DOSE)}
        days = [day * DAY_S for day in titration.visits if day * DAY_S < grid.end_s]
        dose, state = _for_each(titration.first_mcg_per_day, self.patients.count), None
        for start, end in pairwise((0, *days, grid.end_s)):
            doses = self.doses.and_also(Doses((Infusion.constant(dose, titration.level, start, end),)))
            record = Record(Grid.over(start, end, grid.step_s), kept, resumable=end < grid.end_s)
            response = propagate(self.patients, doses, record, state, engine=engine)
            state = response.state
            new = slice(start // grid.step_s + (start > 0), end // grid.step_s + 1)  # at a visit still what led to it
            for name in kept:
                values[name][:, new] = response[name][:, start > 0 :]
            values[DOSE][:, new] = dose[:, None]
            if end < grid.end_s:
                visit = Visit(end // DAY_S, response[_SEEN][:, -1], dose)
                dose = _for_each(titration.policy(visit), self.patients.count)
        return Outcome(grid, {name: values[name] for name in dict.fromkeys((*channels, DOSE))})


def _for_each(dose: ArrayLike, count: int) -> Floats:
    each = np.asarray(dose, dtype=np.float64)
    if each.shape not in ((), (1,), (count,)):
        raise InputError(DOSE, str(each.shape), "is not a dose for each patient", accepted=(f"{count} doses, or one for all",))
    check_amounts(DOSE, each, "mcg/day")
    return np.broadcast_to(each, (count,)).copy()


def _seconds(time: str | Duration, field: str) -> int:
    return time.s if isinstance(time, Duration) else Duration.parse(time, field, zero=field != "every").s
