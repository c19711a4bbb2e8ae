"""What the pump is saying: one literal table.

An alarm is state: it has an onset and lasts while its condition holds. Its tones are computed on demand: the first at the onset,
then one each interval of its severity. Without a fill sensor both reservoir alarms are computed from the programmed flow: the
pump does not measure its fluid.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from thecal.pump.messages import Event
from thecal.pump.program import EndOfService
from thecal.pump.sheet import PumpSheet
from thecal.timeline import Instant, Interval

if TYPE_CHECKING:
    from thecal.pump.state import PumpState

LOW_BATTERY_RESET, CRITICAL_MEMORY, OTHER_MEMORY = "low battery reset", "critical memory error", "non-critical memory error"


@dataclass(frozen=True, slots=True)
class AlarmKind:
    """An alarm: how loud, whether it is an ``error`` that ends a running bolus, its condition, and what begins and ends it."""

    name: str
    severity: Literal["critical", "non-critical"]
    error: bool
    condition: Callable[["PumpState"], bool]
    begins: str
    ends: str


def _volume_down_to(threshold: Callable[["PumpState"], int]) -> Callable[["PumpState"], bool]:
    def holds(state: "PumpState") -> bool:
        known_nl = state.known_nl
        return known_nl is not None and known_nl <= threshold(state)

    return holds


def _latched(name: str) -> Callable[["PumpState"], bool]:
    return lambda state: name in state.memory.signals.latched


def _stalled(state: "PumpState") -> bool:
    return state.mechanics.stall is not None and state.mechanics.stall.noticed


def _stopped_long(state: "PumpState") -> bool:
    since = state.memory.signals.stopped_since
    return since is not None and state.now.s - since.s >= state.sheet.stopped_alarm_after.s


LOW_RESERVOIR = AlarmKind(
    "low reservoir",
    "non-critical",
    False,
    _volume_down_to(lambda state: state.memory.settings.low_reservoir_nl),
    "the calculated volume has reached the low reservoir threshold",
    "a volume above it is typed in",
)
EMPTY_RESERVOIR = AlarmKind(
    "empty reservoir",
    "critical",
    False,
    _volume_down_to(lambda _: 0),
    "the calculated volume has reached zero",
    "a volume is typed in",
)
ALARMS = (
    LOW_RESERVOIR,
    EMPTY_RESERVOIR,
    AlarmKind(
        "elective replacement",
        "non-critical",
        False,
        lambda state: state.mechanics.battery.eri is not None,
        "the battery has reached its elective replacement indicator (ERI)",
        "the pump is replaced",
    ),
    AlarmKind(
        "end of service",
        "critical",
        True,
        lambda state: isinstance(state.memory.program, EndOfService),
        "the motor has stopped for good",
        "the pump is replaced",
    ),
    AlarmKind("motor stall", "critical", True, _stalled, "the rotor does not turn", "the pump has noticed that it turns again"),
    AlarmKind(
        "pump stopped",
        "critical",
        False,
        _stopped_long,
        "the pump has been stopped for longer than its data sheet allows, after it had infused",
        "it infuses again",
    ),
    AlarmKind(
        LOW_BATTERY_RESET,
        "critical",
        True,
        _latched(LOW_BATTERY_RESET),
        "the supply dipped: the settings are lost and the pump is in its safe state",
        "a program is written",
    ),
    AlarmKind(
        CRITICAL_MEMORY,
        "critical",
        True,
        _latched(CRITICAL_MEMORY),
        "the checksum of the settings does not fit: they are lost and the pump is in its safe state",
        "a program is written",
    ),
    AlarmKind(
        OTHER_MEMORY,
        "non-critical",
        False,
        _latched(OTHER_MEMORY),
        "the checksum of the event log does not fit: the log was cleared",
        "an update is written",
    ),
)
RESERVOIR_ALARMS = (LOW_RESERVOIR, EMPTY_RESERVOIR)


@dataclass(frozen=True, slots=True)
class Alarm:
    """A sounding alarm and since when."""

    kind: AlarmKind
    onset: Instant

    def began(self, sheet: PumpSheet) -> Event:
        """Its onset as an event; a pump with a fill sensor does not calculate."""
        text = self.kind.begins.replace("calculated", "sensed") if sheet.fill_sensor else self.kind.begins
        return Event(self.onset, f"{self.kind.name} alarm", self.kind.severity, text)

    def ended(self, at: Instant, sheet: PumpSheet) -> Event:
        """Its end as an event."""
        text = self.kind.ends.replace("typed in", "sensed") if sheet.fill_sensor else self.kind.ends
        return Event(at, f"{self.kind.name} alarm ended", "information", text)


def tones(alarm: Alarm, sheet: PumpSheet, within: Interval) -> Iterator[Instant]:
    """When the alarm sounds within an interval, as long as it lasts: at its onset, and then once each of its intervals."""
    every = sheet.alarm_interval_critical if alarm.kind.severity == "critical" else sheet.alarm_interval_non_critical
    first = alarm.onset.s + max(0, -(-(within.start.s - alarm.onset.s) // every.s)) * every.s
    yield from (Instant(second) for second in range(first, within.end.s, every.s))
