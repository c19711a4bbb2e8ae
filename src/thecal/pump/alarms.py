"""What the pump is saying: one literal table.

An alarm is state: it has an onset and lasts while its condition holds. Both reservoir alarms are computed from the programmed
flow: the pump does not measure its fluid.
"""

from collections.abc import Callable
from dataclasses import dataclass

from thecal.pump.messages import Severity
from thecal.timeline import Instant


@dataclass(frozen=True, slots=True)
class AlarmKind:
    """An alarm that sounds once the calculated volume has come down to ``threshold_nl`` of the low reservoir volume."""

    name: str
    severity: Severity
    threshold_nl: Callable[[int], int]
    text: str


LOW_RESERVOIR = AlarmKind(
    "low reservoir", "non-critical", lambda low_nl: low_nl, "the calculated volume has reached the low reservoir threshold"
)
EMPTY_RESERVOIR = AlarmKind("empty reservoir", "critical", lambda _: 0, "the calculated volume has reached zero")
ALARMS = (LOW_RESERVOIR, EMPTY_RESERVOIR)


@dataclass(frozen=True, slots=True)
class Alarm:
    """A sounding alarm and since when."""

    kind: AlarmKind
    onset: Instant
