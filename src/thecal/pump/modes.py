"""What the pump is doing, and what it may then be told: one literal table.

A mode is the program that runs, or the bolus on top of it. Every (mode, command) pair is a row; ``ACCEPTED`` may still be
refused for its content (flows, volumes), and every other entry is the reason why it never happens in that mode.
"""

from thecal.errors import Refusal
from thecal.pump.sheet import PumpSheet

STOPPED, MINIMUM_RATE, SIMPLE_CONTINUOUS, FLEX = "stopped", "minimum rate", "simple continuous", "flex"
SINGLE_BOLUS = "single bolus"
MODES = (STOPPED, MINIMUM_RATE, SIMPLE_CONTINUOUS, FLEX, SINGLE_BOLUS)
COMMANDS = ("interrogate", "update", "start bolus", "cancel bolus")

ACCEPTED = "accepted"
NOT_INFUSING = "no bolus without a running dose"
ONE_BOLUS = "one bolus at a time"
NO_BOLUS = "no bolus is running"
BY_SHEET = "as the data sheet says: update_during_bolus"

TABLE: dict[tuple[str, str], str] = {
    (STOPPED, "interrogate"): ACCEPTED,
    (STOPPED, "update"): ACCEPTED,
    (STOPPED, "start bolus"): NOT_INFUSING,
    (STOPPED, "cancel bolus"): NO_BOLUS,
    (MINIMUM_RATE, "interrogate"): ACCEPTED,
    (MINIMUM_RATE, "update"): ACCEPTED,
    (MINIMUM_RATE, "start bolus"): NOT_INFUSING,
    (MINIMUM_RATE, "cancel bolus"): NO_BOLUS,
    (SIMPLE_CONTINUOUS, "interrogate"): ACCEPTED,
    (SIMPLE_CONTINUOUS, "update"): ACCEPTED,
    (SIMPLE_CONTINUOUS, "start bolus"): ACCEPTED,
    (SIMPLE_CONTINUOUS, "cancel bolus"): NO_BOLUS,
    (FLEX, "interrogate"): ACCEPTED,
    (FLEX, "update"): ACCEPTED,
    (FLEX, "start bolus"): ACCEPTED,
    (FLEX, "cancel bolus"): NO_BOLUS,
    (SINGLE_BOLUS, "interrogate"): ACCEPTED,
    (SINGLE_BOLUS, "update"): BY_SHEET,
    (SINGLE_BOLUS, "start bolus"): ONE_BOLUS,
    (SINGLE_BOLUS, "cancel bolus"): ACCEPTED,
}

_REFUSED = {
    NOT_INFUSING: ("PMP-05", "a bolus is given only on top of a running dose", "Start a program first, then the bolus."),
    ONE_BOLUS: ("PMP-06", "one bolus at a time", "Wait until the running bolus has ended, or cancel it."),
    NO_BOLUS: ("PMP-07", "there must be a bolus to cancel", "Interrogate to see what the pump is doing."),
    BY_SHEET: ("PMP-08", "no update while a bolus runs", "Wait until the bolus has ended, or cancel it; a stop is always taken."),
}


def check_mode(mode: str, command: str, sheet: PumpSheet) -> Refusal | None:
    """The refusal of a command in a mode, or None where the table accepts it."""
    entry = TABLE[mode, command]
    if entry == ACCEPTED or (entry == BY_SHEET and sheet.update_during_bolus == "cancels"):
        return None
    rule, limit, advice = _REFUSED[entry]
    source = sheet.source("update_during_bolus") if entry == BY_SHEET else "thecal: the pump's table of modes"
    return Refusal(rule, f"{command} while the pump is in {mode}", limit, source, advice)
