"""The debrief: what was done and missed, what the patient went through, the hidden truth, what rules and sources say."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from thecal.drill.document import CriticalTable, DosedTable, HarmfulTable
from thecal.drill.drill import Drill
from thecal.drill.state import Deed, State, passed
from thecal.report.effects import Effects, effects_of
from thecal.timeline import DAY_S, Duration, Instant
from thecal.twin.case import Case
from thecal.twin.trace import Trace

Standing = Literal["in time", "late", "missed"]
_BEFORE_S = DAY_S
_SEEN = Duration(3600)  # of the body, even of a drill that was left at once
_PG_PER_MCG = 10**6


@dataclass(frozen=True, slots=True)
class Judged:
    """Something critical, whether it was done in time, when, and until when it should have been; ``mcg`` is a dose at the tip."""

    asked: CriticalTable
    standing: Standing
    at: Instant | None
    due: Instant | None
    mcg: float | None = None


@dataclass(frozen=True, slots=True)
class Harm:
    """Something harmful that was done."""

    asked: HarmfulTable
    at: Instant


@dataclass(frozen=True, slots=True)
class Debrief:
    """A drill that is over, looked back at. ``case`` and ``trace`` are the whole course with what learner and instructor did."""

    state: State
    case: Case
    trace: Trace
    effects: Effects
    judged: tuple[Judged, ...]
    harms: tuple[Harm, ...]

    @property
    def drill(self) -> Drill:
        return self.state.drill

    @property
    def in_time(self) -> int:
        """How many of the critical actions were done in time."""
        return sum(one.standing == "in time" for one in self.judged)

    @property
    def score_percent(self) -> int:
        """The share of the critical actions that were done in time, and nothing of it where something harmful was done."""
        return 0 if self.harms else round(100 * self.in_time / len(self.judged))

    def given_mcg(self, instants: Sequence[Instant]) -> list[float]:
        """Micrograms that had left the tip by each instant."""
        return [pg / _PG_PER_MCG for _, pg in self.trace.delivered_at(instants)]

    def worst(self, channel: str) -> tuple[float, Instant]:
        """(the highest of a channel since the beginning of the drill, when)."""
        grid, values = self.effects.grid, self.effects[channel]
        first = max(0, (self.drill.start.s - grid.start_s) // grid.step_s)
        last = max(first, (self.state.now.s - grid.start_s) // grid.step_s)
        most = first + int(values[first : last + 1].argmax())
        return float(values[most]), Instant(grid.start_s + most * grid.step_s)


def debrief(state: State) -> Debrief:
    """Look back at a drill where it stands."""
    drill, pieces = state.drill, state.course
    if state.elapsed < _SEEN:
        pieces = passed(state, drill.start + _SEEN, heeding=False).state.course
    last = pieces[-1]
    actions = (*drill.case.actions, *state.actions)
    faults = tuple(sorted((*drill.case.faults, *state.faults), key=lambda one: one.at))
    case = replace(drill.case, actions=actions, faults=faults, until=last.end)
    trace = replace(
        last,
        start=pieces[0].start,
        courses=tuple(course for piece in pieces for course in piece.courses),
        events=tuple(event for piece in pieces for event in piece.events),
        tip=tuple(block for piece in pieces for block in piece.tip),
        port=tuple(needle for piece in pieces for needle in piece.port),
    )
    effects = effects_of(case, trace, Instant(drill.start.s - _BEFORE_S))
    assert effects is not None  # a drill has a body, and has lasted
    judged = tuple(_judge(state, trace, one) for one in drill.table.critical)
    harms = tuple(harm for one in drill.table.harmful for harm in _harmed(state, one))
    return Debrief(state, case, trace, effects, judged, harms)


def _judge(state: State, trace: Trace, asked: CriticalTable) -> Judged:
    if asked.gives:
        return _given(state, trace, asked)
    since = state.since([asked.since]) if asked.since else state.drill.start
    due = since + asked.within if since is not None and asked.within else None
    done = [deed.at for deed in state.deeds if any(deed.is_of(name) for name in asked.by) and _dosed(asked.dose, deed)]
    done = [at for at in done if since is not None and at >= since]
    if not done:
        return Judged(asked, "missed", None, due)
    return Judged(asked, "late" if due is not None and done[0] > due else "in time", done[0], due)


def _given(state: State, trace: Trace, asked: CriticalTable) -> Judged:
    """The dose at the tip in its stretch of time; missed where the drill was left before its end."""
    gives = asked.gives
    assert gives is not None
    if state.now < gives.to:
        return Judged(asked, "missed", None, gives.to)
    first, last = (pg for _, pg in trace.delivered_at([Instant(gives.start.s - 1), gives.to]))
    pg = last - first
    low, high = gives.at_least, gives.at_most
    enough = (low is None or pg >= low.pg) and (high is None or pg <= high.pg)
    return Judged(asked, "in time" if enough else "missed", gives.to if enough else None, gives.to, pg / _PG_PER_MCG)


def _harmed(state: State, asked: HarmfulTable) -> list[Harm]:
    """The first time it was done without what makes it right."""
    excused = state.since(asked.unless) if asked.unless else None
    done = [deed for deed in state.deeds if any(deed.is_of(name) for name in asked.by) and _dosed(asked.dose, deed)]
    wrong = [deed.at for deed in done if excused is None or deed.at < excused]
    return [Harm(asked, wrong[0])] if wrong else []


def _dosed(bounds: DosedTable | None, deed: Deed) -> bool:
    if bounds is None:
        return True
    dose = deed.mcg_per_day
    if dose is None:
        return False
    low, high = bounds.at_least, bounds.at_most
    return (low is None or dose >= low.mcg_per_day) and (high is None or dose <= high.mcg_per_day)
