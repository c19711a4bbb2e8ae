"""Where a drill stands: the world as it is, the chart as people know it, what was done and said; and how time passes in it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from thecal.body.schedule import Grid
from thecal.chart.chart import Chart
from thecal.chart.facts import Acted, Fact
from thecal.drill.document import INDICES, SpokenTable, VoiceTable, WhenTable
from thecal.drill.drill import Drill, scene_facts
from thecal.pump.alarms import ALARMS
from thecal.pump.messages import Event
from thecal.report.tables import Line
from thecal.timeline import Duration, Instant
from thecal.twin.action import Action
from thecal.twin.run import run
from thecal.twin.trace import Record, Trace
from thecal.twin.world import PlannedFault, World

Floats = NDArray[np.float64]
_STEP_S = 300
"""How closely a wait is looked at for what somebody says."""
_ALARMS = frozenset(f"{kind.name} alarm" for kind in ALARMS)


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that was done, by the name that a drill knows it by; ``mcg_per_day`` is the 24-h total of a program."""

    at: Instant
    name: str
    mcg_per_day: float | None = None

    def is_of(self, name: str) -> bool:
        """Whether it is the deed of a name, or one of the kind that the name is."""
        return self.name == name or self.name.startswith(f"{name}:")


@dataclass(frozen=True, slots=True)
class State:
    """A drill at an instant. ``course`` is what ran up to now, piece by piece; ``actions`` and ``faults`` are what learner and
    instructor have added to it.

    ``told`` are the voices that have spoken, ``overrode`` the rules that the learner went on in spite of, ``printed`` the
    printout of the last session.
    """

    drill: Drill
    world: World
    chart: Chart
    course: tuple[Trace, ...] = ()
    actions: tuple[Action, ...] = ()
    faults: tuple[PlannedFault, ...] = ()
    deeds: tuple[Deed, ...] = ()
    told: frozenset[str] = frozenset()
    events: tuple[Event, ...] = ()
    overrode: tuple[tuple[Instant, str], ...] = ()
    printed: tuple[Line, ...] = ()
    truth_shown: bool = False
    paused: bool = False
    ended: bool = False

    @property
    def now(self) -> Instant:
        return self.world.now

    @property
    def elapsed(self) -> Duration:
        """Since the beginning of the drill."""
        return Duration(self.now.s - self.drill.start.s)

    @property
    def has_programmer(self) -> bool:
        """Whether there is a programmer at hand."""
        table = self.drill.table.scene.programmer
        if table is None:
            return True
        since = self.since(table.once)
        return since is not None and self.now >= since + table.after

    def since(self, once: Sequence[str]) -> Instant | None:
        """When the last of some deeds was first done; the beginning without any, None where one is missing."""
        firsts = [next((deed.at for deed in self.deeds if deed.is_of(name)), None) for name in once]
        known = [at for at in firsts if at is not None]
        return None if len(known) < len(firsts) else max(known, default=self.drill.start)

    def done(self, name: str, mcg_per_day: float | None = None) -> "State":
        """With something done."""
        return replace(self, deeds=(*self.deeds, Deed(self.now, name, mcg_per_day)))

    def knows(self, facts: Sequence[Fact]) -> "State":
        """With facts on the chart."""
        return replace(self, chart=self.chart.after(*facts)) if facts else self

    def hears(self, spoken: SpokenTable) -> "State":
        """With what somebody's words say on the chart."""
        return self.knows(scene_facts(spoken.fact, self.now, self.drill.zone))

    @property
    def sounding(self) -> bool:
        """Whether an alarm of the pump sounds."""
        return bool(self.world.pump and self.world.pump.memory.alarms)


@dataclass(frozen=True, slots=True)
class Passed:
    """A state after some time: the alarms that began meanwhile, and who speaks at the end of it."""

    state: State
    alarms: tuple[Event, ...]
    voice: VoiceTable | None = None


def begun(drill: Drill) -> State:
    """The drill at its scene: the course up to then has been, and the chart has what people know of it."""
    case = drill.case
    trace = run(case.world, case.source, drill.start, Record(policy=case.policy))
    known = [fact for fact in drill.facts if fact.at <= drill.start]
    chart = Chart().after(*sorted([*trace.chart.facts, *known], key=lambda fact: fact.at))
    return State(drill, trace.world, chart, (trace,))


def acted(state: State, action: Action) -> tuple[State, Acted]:
    """The state after an action in its present second, and how it went; a refused one leaves only the fact that it was."""
    actions = [action]

    def source(_: Chart, __: Instant) -> Action | None:
        return actions.pop() if actions else None

    trace = run(state.world, source, state.now, Record(policy=state.drill.case.policy), state.chart)
    fact = trace.chart.facts[-1]
    assert isinstance(fact, Acted)
    after = replace(_with(state, trace), chart=trace.chart)
    return replace(after, actions=(*state.actions, action)), fact


def passed(state: State, until: Instant, *, heeding: bool) -> Passed:
    """The state after time has passed; ``heeding`` stops where somebody first has something to say."""
    until = min(until, state.drill.table.until)
    whole, events = _run(state, until)
    silent = [voice for voice in state.drill.table.voice if voice.name not in state.told]
    spoken = _first_voice(state, whole, silent) if heeding and silent else None
    if spoken is not None:
        at, voice = spoken
        whole, events = _run(state, at)
        whole = replace(whole, told=whole.told | {voice.name}).hears(voice)
        return Passed(whole, _alarms(events), voice)
    return Passed(whole, _alarms(events))


def body(state: State, instants: Grid | None = None) -> Mapping[str, Floats]:
    """What a condition may ask of the body, by its word, over a grid; now without one."""
    grid = instants or Grid(state.now.s, 1, 1)
    exposure = state.world.exposure
    assert exposure is not None  # a drill has a body
    response = exposure.response(grid, tuple(INDICES.values()))
    return {word: response[channel][0] for word, channel in INDICES.items()}


def holds(state: State, when: WhenTable, levels: Mapping[str, Floats] | None = None) -> bool:
    """Whether a condition holds now."""
    if not _situation(state, when, state.now, state.sounding):
        return False
    if not _asks_the_body(when):
        return True
    return bool(_bounded(when, levels or body(state))[0])


def _run(state: State, until: Instant) -> tuple[State, tuple[Event, ...]]:
    trace = run(state.world, lambda _, __: None, until, Record(policy=state.drill.case.policy), state.chart)
    return _with(state, trace), trace.events


def _with(state: State, trace: Trace) -> State:
    """The state after a piece of the course."""
    return replace(state, world=trace.world, course=(*state.course, trace), events=(*state.events, *trace.events))


def _alarms(events: Sequence[Event]) -> tuple[Event, ...]:
    return tuple(event for event in events if event.kind in _ALARMS and event.severity != "information")


def _first_voice(before: State, after: State, silent: Sequence[VoiceTable]) -> tuple[Instant, VoiceTable] | None:
    """(when, whose words) the first voice speaks in a stretch of time; to the step of the grid."""
    instants = [Instant(s) for s in range(before.now.s, after.now.s, _STEP_S)] + [after.now]
    levels: Mapping[str, Floats] | None = None
    rang = sorted(event.at for event in _alarms(after.events[len(before.events) :]))
    firsts: list[tuple[Instant, int]] = []
    for number, voice in enumerate(silent):
        when = voice.when
        if _asks_the_body(when) and levels is None:
            grid = Grid.over(before.now.s, max(after.now.s, before.now.s + 1), _STEP_S)
            levels = body(after, grid)
        bounded = _bounded(when, levels) if _asks_the_body(when) and levels is not None else None
        for n, at in enumerate(instants):
            sounding = before.sounding or any(rung <= at for rung in rang)
            if _situation(before, when, at, sounding) and (bounded is None or bounded[min(n, len(bounded) - 1)]):
                firsts.append((at, number))
                break
    return (min(firsts)[0], silent[min(firsts)[1]]) if firsts else None


def _situation(state: State, when: WhenTable, at: Instant, sounding: bool) -> bool:
    """Whether what a condition says besides the body holds at an instant."""
    since = state.since(when.once)
    if since is None or any(deed.is_of(name) for name in when.unless for deed in state.deeds):
        return False
    if when.after is not None and at < since + when.after:
        return False
    if when.before is not None and at >= since + when.before:
        return False
    return when.alarm is None or when.alarm == sounding


def _asks_the_body(when: WhenTable) -> bool:
    return any(getattr(when, word) is not None for word in INDICES)


def _bounded(when: WhenTable, levels: Mapping[str, Floats]) -> NDArray[np.bool_]:
    """Where the bounds on the body hold, instant by instant."""
    bounds = {word: getattr(when, word) for word in INDICES if getattr(when, word) is not None}
    within = [np.vectorize(bound.holds, otypes=[bool])(levels[word]) for word, bound in bounds.items()]
    both: NDArray[np.bool_] = np.logical_and.reduce(within)
    return both


def truth(state: State) -> Iterator[str]:
    """What of the truth an instructor sees at once."""
    pump, levels = state.world.pump, body(state)
    if pump is None:
        yield "no pump"
    else:
        known = "nothing" if pump.known_nl is None else f"{pump.known_nl / 10**6:.2f} mL"
        true, holds_ = max(pump.usable_nl, 0) / 10**6, pump.mechanics.reservoir.mcg_per_ml
        yield f"reservoir {true:.2f} mL of {holds_:.0f} mcg/mL, the pump believes {known}"
        yield f"mode {pump.mode}; alarms: {', '.join(alarm.kind.name for alarm in pump.memory.alarms) or 'none'}"
    yield ", ".join(f"{word} {float(level[0]):.2f}" for word, level in levels.items())
