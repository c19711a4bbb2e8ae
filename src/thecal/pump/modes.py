"""What the pump is doing, and what it may then be told: one literal table.

A mode is the program that runs, the bolus on top of it, or what became of the pump. Every (mode, command) pair is an entry;
``yes`` may still be refused for its content (flows, volumes), every other entry names the reason why it never happens.
"""

from thecal.errors import Refusal
from thecal.pump.sheet import PumpSheet

YES = "yes"
_TABLE = """
mode                      | interrogate | begin update | update | start single bolus | start priming bolus | start bridge bolus | request patient bolus | cancel bolus | set clock | test alarm
stopped                   | yes         | yes          | yes    | no dose            | yes                 | no dose            | no dose               | no bolus     | yes       | yes
minimum rate              | yes         | yes          | yes    | no dose            | yes                 | no dose            | no dose               | no bolus     | yes       | yes
simple continuous         | yes         | yes          | yes    | yes                | yes                 | yes                | yes                   | no bolus     | yes       | yes
flex                      | yes         | yes          | yes    | yes                | yes                 | yes                | yes                   | no bolus     | yes       | yes
between periodic boluses  | yes         | yes          | yes    | yes                | yes                 | yes                | yes                   | no bolus     | yes       | yes
periodic bolus            | yes         | yes          | yes    | one bolus          | one bolus           | one bolus          | one bolus             | yes          | yes       | yes
single bolus              | yes         | by sheet     | by sheet | one bolus        | one bolus           | one bolus          | one bolus             | yes          | bolus runs | yes
patient bolus             | yes         | by sheet     | by sheet | one bolus        | one bolus           | one bolus          | one bolus             | yes          | bolus runs | yes
priming bolus             | yes         | by sheet     | by sheet | one bolus        | one bolus           | one bolus          | one bolus             | yes          | bolus runs | yes
bridge bolus              | yes         | by sheet     | by sheet | one bolus        | one bolus           | one bolus          | one bolus             | yes          | bolus runs | yes
updating                  | yes         | yes          | yes    | update open        | update open         | update open        | update open           | update open  | update open | yes
telemetry mode            | yes         | interrogate first | interrogate first | interrogate first | interrogate first | interrogate first | interrogate first | interrogate first | interrogate first | interrogate first
safe state                | yes         | yes          | yes    | no dose            | no dose             | no dose            | no dose               | no bolus     | yes       | yes
end of service            | yes         | ended        | ended  | ended              | ended               | ended              | ended                 | ended        | ended     | yes
constant flow             | no electronics | no electronics | no electronics | no electronics | no electronics | no electronics | no electronics      | no electronics | no electronics | no electronics
"""  # noqa: E501  # a table is read across

_ROWS = [[cell.strip() for cell in line.split("|")] for line in _TABLE.strip().splitlines()]
COMMANDS = tuple(_ROWS[0][1:])
MODES = tuple(row[0] for row in _ROWS[1:])
TABLE = {(row[0], command): entry for row in _ROWS[1:] for command, entry in zip(COMMANDS, row[1:], strict=True)}

REFUSED = {
    "no dose": ("PMP-05", "a bolus is given only with a running dose", "Start a program first, then the bolus."),
    "one bolus": ("PMP-06", "one bolus at a time", "Wait until the running bolus has ended, or cancel it."),
    "no bolus": ("PMP-07", "there must be a bolus to cancel", "Interrogate to see what the pump is doing."),
    "by sheet": (
        "PMP-08",
        "no update while a bolus runs",
        "Wait until the bolus has ended, or cancel it; a stop is always taken.",
    ),
    "bolus runs": ("PMP-34", "the clock is not set under a bolus", "Wait until the bolus has ended, or cancel it."),
    "update open": ("PMP-35", "an update that was begun is written first", "Write the update."),
    "interrogate first": (
        "PMP-36",
        "interference left the pump in telemetry mode, and it infuses nothing",
        "Interrogate the pump: it then goes on with its program.",
    ),
    "ended": ("PMP-37", "the pump has reached the end of its service and gives nothing", "Replace the pump; cover meanwhile."),
    "no electronics": ("PMP-40", "a constant-flow pump takes no command", "Change the dose by the concentration that is filled."),
}
"""Each reason of the table: (rule, what is allowed, what to do)."""


def check_mode(mode: str, command: str, sheet: PumpSheet) -> Refusal | None:
    """The refusal of a command in a mode, or None where the table accepts it."""
    entry = TABLE[mode, command]
    if entry == YES or (entry == "by sheet" and sheet.update_during_bolus == "cancels"):
        return None
    if entry == "no electronics":
        return sheet.check_programmable(command)
    rule, limit, advice = REFUSED[entry]
    source = sheet.source("update_during_bolus") if entry == "by sheet" else "thecal: the pump's table of modes"
    return Refusal(rule, f"{command} while the pump is in {mode}", limit, source, advice)
