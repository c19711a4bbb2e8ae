"""Telemetry: a command in, an answer out. A refused command changes nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from thecal.errors import Refusal
from thecal.pump.alarms import OTHER_MEMORY
from thecal.pump.clock import Clock
from thecal.pump.memory import digest, token
from thecal.pump.messages import (
    BeginUpdate,
    CancelBolus,
    Command,
    Commit,
    Event,
    Interrogate,
    ReadBack,
    Report,
    RequestBolus,
    SetClock,
    Stage,
    StartBolus,
    TestAlarm,
    Update,
    Write,
)
from thecal.pump.modes import check_mode
from thecal.pump.program import (
    Bolus,
    BridgeBolus,
    MinimumRate,
    NoPatientBolus,
    PatientBolus,
    PrimingBolus,
    SafeState,
    SingleBolus,
    Stopped,
    ceiled_flow,
    check_bolus_flow,
    check_flow,
    check_patient_bolus,
    check_program,
    program_pattern,
)
from thecal.pump.settle import cut_short, settle, skip_rest, without_bolus
from thecal.pump.state import Count, Hold, Link, Memory, PumpState, RunningBolus, Settings
from thecal.quantity import Volume
from thecal.timeline import DAY_S, Duration, Instant, Pattern
from thecal.unit import decimal_text

_OFFSET_MAX_S = 14 * 3600


STOP = Update(Stopped())
"""A stop and nothing else: it is always taken."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A command taken: the pump afterwards, what it reports, and the events it caused."""

    state: PumpState
    report: Report
    events: tuple[Event, ...] = ()


def handle(state: PumpState, command: Command) -> Answer | Refusal:
    """Carry out a command, or refuse it and change nothing."""
    stop = command == STOP or (isinstance(command, BeginUpdate) and command.stop)
    under_bolus = stop and state.memory.bolus is not None and not state.memory.hold
    refusal = None if under_bolus else check_mode(state.mode, command.name, state.sheet)
    if refusal:
        return refusal
    if isinstance(command, Update | StartBolus | RequestBolus | CancelBolus | SetClock):
        m = state.memory
        link = Link(m.link.writes + 1, m.link.seen)
        written = Memory(m.settings, m.basal, m.bolus, m.hold, m.count, m.given, m.signals, link)
        state = PumpState(state.sheet, state.now, written, state.mechanics)
    return _COMMANDS[type(command)](state, command)


def report(state: PumpState) -> Report:
    """What the pump says of itself when it is interrogated."""
    memory = state.memory
    settings, signals, bolus = memory.settings, memory.signals, memory.bolus
    left_nl = bolus.bolus.volume.nl - bolus.given_nl(state.now) if bolus and bolus.bolus else 0
    return Report(
        at=state.now,
        mode=state.mode,
        program=settings.program,
        patient=settings.patient,
        concentration=settings.concentration,
        calculated=None if state.known_nl is None else Volume(state.known_nl),
        bolus_left=Volume(left_nl),
        bolus_ends=bolus.end if bolus and bolus.bolus else None,
        low_reservoir=Volume(settings.low_reservoir_nl),
        clock_reading_s=settings.clock.reading_s(state.now),
        alarms=tuple(alarm.kind.name for alarm in signals.alarms),
        replace_by=state.mechanics.battery.replace_by(state.sheet) if state.sheet.programmable else None,
        log=signals.log,
        logged=signals.logged,
        pumped=Volume(memory.count.pumped_nl),
        staged=digest(memory.hold.staged) if memory.hold and memory.hold.staged else None,
    )


def _interrogate(state: PumpState, _: Interrogate) -> Answer:
    hold = state.memory.hold
    if hold is None or hold.mode != "telemetry mode":
        return Answer(state, replace(report(state), token=token(state.memory)))
    event = Event(state.now, "telemetry mode ended", "information", "the pump was interrogated and goes on with its program")
    woken = _answer(state, replace(state.memory, hold=None), event)
    return Answer(woken.state, replace(woken.report, token=token(woken.state.memory)), woken.events)


def _begin_update(state: PumpState, begin: BeginUpdate) -> Answer | Refusal:
    """An update is open from now on, whoever had one open before; refused where the pump was written since it was read."""
    if begin.token is not None and begin.token != token(state.memory):
        return Refusal(
            "PMP-70",
            f"begin update by the token {begin.token}",
            "the token of an interrogation since which the pump was not written",
            "thecal: two people never program one pump from two printouts",
            "Interrogate, and review the change against what the pump says now.",
        )
    stops = state.sheet.stops_while_updating
    return _answer(state, replace(state.memory, hold=Hold("updating", stops, clears=state.now + state.sheet.update_idle_clear)))


def _stage(state: PumpState, stage: Stage) -> Answer | Refusal:
    """Keep what is to be written, if the pump would take it as it is now."""
    hold = state.memory.hold
    assert hold is not None  # the table of modes
    tried = _written(state, stage.write)
    if isinstance(tried, Refusal):
        return tried
    clears = state.now + state.sheet.update_idle_clear
    return _answer(state, replace(state.memory, hold=Hold(hold.mode, hold.stops, stage.write, hold.session, clears)))


def _commit(state: PumpState, commit: Commit) -> Answer | Refusal:
    """Carry out what is staged; the update is closed with it."""
    hold = state.memory.hold
    staged = digest(hold.staged) if hold and hold.staged else None
    if hold is None or hold.staged is None or staged != commit.digest:
        limit = f"the digest of what is staged, {staged}" if staged else "something is staged"
        advice = "Stage what was reviewed, and commit that."
        return Refusal("PMP-71", f"commit {commit.digest}", limit, "thecal: only what was reviewed is written", advice)
    return _written(state, hold.staged)


def _written(state: PumpState, write: Write) -> Answer | Refusal:
    """The pump with the open update closed and the write carried out; a bolus that runs under it has its say as ever."""
    bolus = state.memory.bolus
    refusal = check_mode(bolus.mode, Update.name, state.sheet) if bolus and bolus.bolus and write != STOP else None
    if refusal:
        return refusal
    if isinstance(write, Update):
        return handle(state, write)
    closed = settle(state, replace(state.memory, hold=None), state.mechanics, state.now)
    answer = handle(closed.state, write)
    return answer if isinstance(answer, Refusal) else Answer(answer.state, answer.report, (*closed.events, *answer.events))


def _update(state: PumpState, update: Update) -> Answer | Refusal:
    refusal = _check_update(state, update)
    if refusal:
        return refusal
    memory, now, sheet = state.memory, state.now, state.sheet
    before = memory.settings
    program = before.program if update.program is None else update.program
    events: list[Event] = []
    if memory.bolus and update.program is not None:
        events.extend(cut_short(memory.bolus, now))
        memory = replace(memory, bolus=None)
    signals = memory.signals
    if update.program is not None or OTHER_MEMORY in signals.latched:
        latched = () if update.program is not None else tuple(name for name in signals.latched if name != OTHER_MEMORY)
        signals = replace(signals, latched=latched)
    settings = Settings(
        before.clock,
        program,
        _patient(before.patient, update.patient),
        update.concentration or before.concentration,
        before.low_reservoir_nl if update.low_reservoir is None else update.low_reservoir.nl,
    )
    count = memory.count
    if update.reservoir is not None:
        count = Count(update.reservoir.nl, count.carry, count.pumped_nl)
    memory = Memory(settings, memory.basal, memory.bolus, None, count, memory.given, signals, memory.link)
    if update.bolus is None:
        return _answer(state, memory, *events)
    # The bolus begins in the state that the update leaves, so both are one step: a refused bolus refuses the update.
    updated = settle(state, memory, state.mechanics, now, events)
    refusal = check_mode(updated.state.mode, StartBolus(update.bolus).name, sheet) or _check_bolus(updated.state, update.bolus)
    if refusal:
        return refusal
    with_bolus, started = _with_bolus(updated.state, update.bolus), _started(now, update.bolus)
    begun = settle(updated.state, with_bolus, updated.state.mechanics, now, started)
    return Answer(begun.state, report(begun.state), (*updated.events, *begun.events))


def _patient(before: PatientBolus | None, asked: PatientBolus | NoPatientBolus | None) -> PatientBolus | None:
    if asked is None:
        return before
    return asked if isinstance(asked, PatientBolus) else None


def _check_update(state: PumpState, update: Update) -> Refusal | None:
    sheet, settings = state.sheet, state.memory.settings
    capacity = sheet.reservoir_capacity
    volumes = (
        (update.reservoir, "PMP-09", "volume", "Enter the volume that was injected, not the vial or another pump's size."),
        (update.low_reservoir, "PMP-10", "low reservoir threshold", "Set the threshold below what the reservoir holds."),
    )
    for asked, rule, what, advice in volumes:
        if asked is not None and asked > capacity:
            limit = f"the reservoir holds {capacity}"
            return Refusal(rule, f"a {what} of {asked}", limit, sheet.source("reservoir_capacity"), advice)
    concentration = update.concentration or settings.concentration
    program = settings.program if update.program is None else update.program
    dosing = not isinstance(program, Stopped | MinimumRate | SafeState)
    if dosing and concentration is None:
        return Refusal(
            "PMP-11",
            f"{program.mode} without a concentration",
            "a pump that gives a dose knows its concentration",
            "thecal: a flow is a dose only with a concentration",
            "Enter the concentration from the vial together with the program.",
        )
    changed = settings.concentration is not None and concentration != settings.concentration
    stays = (
        "program" if update.program is None and dosing else "patient bolus" if settings.patient and not update.patient else None
    )
    if changed and stays:
        return Refusal(
            "PMP-12",
            f"concentration {concentration} instead of {settings.concentration} while the {stays} stays",
            f"a new concentration comes with its {stays} in one update",
            "ITB refill practice: the dose would change with the concentration",
            f"Order the {stays} for the new concentration in the same update.",
        )
    refusal = check_program(update.program, sheet) if update.program is not None else None
    patient = _patient(settings.patient, update.patient)
    return refusal or (check_patient_bolus(patient, program, sheet) if patient else None)


def _start_bolus(state: PumpState, start: StartBolus) -> Answer | Refusal:
    bolus = start.bolus
    return _check_bolus(state, bolus) or _answer(state, _with_bolus(state, bolus), *_started(state.now, bolus))


def _started(now: Instant, bolus: Bolus) -> tuple[Event, ...]:
    """What is told of a bolus that begins; a single one is told when it ends."""
    if isinstance(bolus, SingleBolus):
        return ()
    text = f"{bolus.volume} over {decimal_text(bolus.duration.s, 60, 1)} min"
    if isinstance(bolus, BridgeBolus):
        text = f"{bolus.volume} at {bolus.flow}, over {decimal_text(bolus.duration.s, 3600, 1)} h"
    return (Event(now, f"{bolus.mode} started", "information", text),)


def _with_bolus(state: PumpState, bolus: Bolus) -> Memory:
    """The memory with a bolus that begins now."""
    memory, now = state.memory, state.now
    duration_s: int = bolus.duration.s
    own = Pattern((duration_s,), (bolus.volume.nl * DAY_S,), (duration_s * bolus.volume.nl * DAY_S,), DAY_S * duration_s)
    if isinstance(bolus, BridgeBolus):
        own = Pattern.constant(bolus.flow.nl_per_day)
    pattern = _pattern_under(state, bolus)
    return replace(memory, bolus=RunningBolus(bolus, now, Instant(now.s + duration_s), pattern, own))


def _pattern_under(state: PumpState, bolus: Bolus) -> Pattern:
    """Bolus and basal on one denominator, so that both end exact; a prime or a bridge replaces the basal flow."""
    if isinstance(bolus, BridgeBolus):
        return Pattern.constant(bolus.flow.nl_per_day)
    memory, duration_s = state.memory, bolus.duration.s
    continues = state.sheet.basal_during_bolus == "continues" and not isinstance(bolus, PrimingBolus)
    basal = memory.settings.clock.drifted(program_pattern(memory.program, state.sheet, boluses=False))
    spans = basal.window(memory.settings.clock.phase(state.now, basal), duration_s)
    steps = [(span, continues * rate * duration_s + bolus.volume.nl * DAY_S) for span, rate in spans]
    return Pattern.of(steps, DAY_S * duration_s)


def _check_bolus(state: PumpState, bolus: Bolus) -> Refusal | None:
    sheet, memory = state.sheet, state.memory
    refusal = check_bolus_flow(bolus, sheet)
    if refusal:
        return refusal
    critical = memory.critical
    if critical:
        return Refusal(
            "PMP-14",
            f"a bolus while the {critical} alarm sounds",
            "no bolus under a critical alarm",
            "Generic Infusion Pump safety requirements 1.4.11 (UPenn MS-CIS-08-31)",
            "Resolve the alarm first.",
        )
    pattern = _pattern_under(state, bolus)
    refusal = check_flow(ceiled_flow(max(pattern.rates), pattern.per), sheet)
    if refusal:
        return replace(refusal, advice="Check the dose and its unit; give the bolus over another time.")
    known_nl = state.known_nl
    if known_nl is not None and bolus.volume.nl > known_nl:
        return Refusal(
            "PMP-15",
            f"a bolus of {bolus.volume}",
            f"the pump calculates {Volume(known_nl)} left",
            "thecal: conservation of volume",
            "Refill before the bolus.",
        )
    return None


def _request_bolus(state: PumpState, _: RequestBolus) -> Answer | Refusal:
    """The patient's own bolus: allowed, far enough from the last one, and within the allotment of the last 24 h."""
    patient, now = state.memory.settings.patient, state.now
    if patient is None:
        advice = "Ask the clinic, if boluses are wanted."
        where = "thecal: only what was programmed is given"
        return Refusal("PMP-33", "a patient bolus", "none is programmed", where, advice)
    given = tuple(start for start in state.memory.given if now.s - start.s < DAY_S)
    since_s = now.s - given[-1].s if given else DAY_S
    if since_s < patient.lockout.s:
        limit = f"{patient.lockout} from start to start, {Duration(patient.lockout.s - since_s)} still to go"
        return Refusal("PMP-18", "a patient bolus", limit, "the programmed lockout", "Wait until the lockout is over.")
    if len(given) >= patient.per_day:
        wait = Duration(given[0].s + DAY_S - now.s)
        limit = f"{patient.per_day} in any 24 h, the next in {wait}"
        return Refusal("PMP-19", "a patient bolus", limit, "the programmed allotment", "Wait, and tell the clinic of the need.")
    refusal = _check_bolus(state, patient)
    if refusal:
        return refusal
    return _answer(state, replace(_with_bolus(state, patient), given=(*given, now)), *_started(now, patient))


def _cancel_bolus(state: PumpState, _: CancelBolus) -> Answer:
    """The running bolus ends; of a periodic one the rest is skipped."""
    memory, now = state.memory, state.now
    if memory.bolus:
        ended = without_bolus(memory, memory.bolus, state.sheet, now, finished=False)
        return _answer(state, ended, *cut_short(memory.bolus, now))
    whole = Event(now, "periodic bolus cut short", "information", "all of it is skipped")
    at_its_start = (whole,) if memory.begins_periodic_bolus(now) else ()
    return _answer(state, skip_rest(memory, now, begun=True), *at_its_start)


def _set_clock(state: PumpState, setting: SetClock) -> Answer | Refusal:
    offset_s = setting.offset_s
    if abs(offset_s) > _OFFSET_MAX_S:
        return Refusal(
            "PMP-38",
            f"a pump clock {offset_s} s from UTC",
            "at most 14 h east or west",
            "time zones of the world",
            "Give the offset from UTC as hours and minutes.",
        )
    memory = state.memory
    old = memory.settings.clock
    clock = Clock(offset_s, state.now, old.drift_s)
    off_s = clock.reading_s(state.now) - old.reading_s(state.now)
    event = Event(state.now, "clock set", "information", f"{'+' if off_s > 0 else ''}{off_s} s on the pump clock")
    return _answer(state, replace(memory, settings=replace(memory.settings, clock=clock)), event)


def _test_alarm(state: PumpState, test: TestAlarm) -> Answer:
    tone = state.sheet.tone_critical if test.severity == "critical" else state.sheet.tone_non_critical
    return _answer(state, state.memory, Event(state.now, "alarm test", "information", f"{test.severity}: {tone}"))


def _answer(before: PumpState, memory: Memory, *events: Event) -> Answer:
    change = settle(before, memory, before.mechanics, before.now, events)
    return Answer(change.state, report(change.state), change.events)


_COMMANDS: Mapping[type, Callable[[PumpState, Any], Answer | Refusal]] = {
    Interrogate: _interrogate,
    ReadBack: lambda state, _: Answer(state, report(state)),
    BeginUpdate: _begin_update,
    Stage: _stage,
    Commit: _commit,
    Update: _update,
    StartBolus: _start_bolus,
    RequestBolus: _request_bolus,
    CancelBolus: _cancel_bolus,
    SetClock: _set_clock,
    TestAlarm: _test_alarm,
}
