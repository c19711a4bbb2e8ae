"""What the pump is doing, and what it may then be told: one literal table.

A mode is the program that runs, the bolus on top of it, or what became of the pump. Every (mode, command) pair is an entry;
``yes`` may still be refused for its content (flows, volumes), every other entry names the reason why it never happens.
"""

from thecal.errors import Refusal
from thecal.pump.sheet import PumpSheet

YES = "yes"
_TABLE = """
mode                     | interrogate    | begin update      | stage             | commit            | read back         | update            | start single bolus | start priming bolus | start bridge bolus | request patient bolus | cancel bolus      | set clock         | test alarm
stopped                  | yes            | yes               | no update         | no update         | yes               | yes               | no dose            | yes                 | no dose            | no dose               | no bolus          | yes               | yes
minimum rate             | yes            | yes               | no update         | no update         | yes               | yes               | no dose            | yes                 | no dose            | no dose               | no bolus          | yes               | yes
simple continuous        | yes            | yes               | no update         | no update         | yes               | yes               | yes                | yes                 | yes                | yes                   | no bolus          | yes               | yes
flex                     | yes            | yes               | no update         | no update         | yes               | yes               | yes                | yes                 | yes                | yes                   | no bolus          | yes               | yes
between periodic boluses | yes            | yes               | no update         | no update         | yes               | yes               | yes                | yes                 | yes                | yes                   | no bolus          | yes               | yes
periodic bolus           | yes            | yes               | no update         | no update         | yes               | yes               | one bolus          | one bolus           | one bolus          | one bolus             | yes               | yes               | yes
single bolus             | yes            | by sheet          | no update         | no update         | yes               | by sheet          | one bolus          | one bolus           | one bolus          | one bolus             | yes               | bolus runs        | yes
patient bolus            | yes            | by sheet          | no update         | no update         | yes               | by sheet          | one bolus          | one bolus           | one bolus          | one bolus             | yes               | bolus runs        | yes
priming bolus            | yes            | by sheet          | no update         | no update         | yes               | by sheet          | one bolus          | one bolus           | one bolus          | one bolus             | yes               | bolus runs        | yes
bridge bolus             | yes            | by sheet          | no update         | no update         | yes               | by sheet          | one bolus          | one bolus           | one bolus          | one bolus             | yes               | bolus runs        | yes
updating                 | yes            | yes               | yes               | yes               | yes               | yes               | update open        | update open         | update open        | update open           | update open       | update open       | yes
telemetry mode           | yes            | interrogate first | interrogate first | interrogate first | interrogate first | interrogate first | interrogate first  | interrogate first   | interrogate first  | interrogate first     | interrogate first | interrogate first | interrogate first
safe state               | yes            | yes               | no update         | no update         | yes               | yes               | no dose            | no dose             | no dose            | no dose               | no bolus          | yes               | yes
end of service           | yes            | ended             | ended             | ended             | yes               | ended             | ended              | ended               | ended              | ended                 | ended             | ended             | yes
constant flow            | no electronics | no electronics    | no electronics    | no electronics    | no electronics    | no electronics    | no electronics     | no electronics      | no electronics     | no electronics        | no electronics    | no electronics    | no electronics
"""  # noqa: E501  # a table is read across

_ROWS = [[cell.strip() for cell in line.split("|")] for line in _TABLE.strip().splitlines()]
COMMANDS = tuple(_ROWS[0][1:])
MODES = tuple(row[0] for row in _ROWS[1:])
TABLE = {(row[0], command): entry for row in _ROWS[1:] for command, entry in zip(COMMANDS, row[1:], strict=True)}

GROUPS = {
    "any program": ("stopped", "minimum rate", "simple continuous", "flex", "between periodic boluses", "periodic bolus"),
    "a running dose": ("simple continuous", "flex", "between periodic boluses"),
    "no dose": ("stopped", "minimum rate"),
    "a bolus": ("single bolus", "patient bolus", "priming bolus", "bridge bolus"),
    "any program, bolus": ("priming bolus", "bridge bolus"),
}
_CHANGES = """
from                      | cause                 | to
any program               | update                | any program
any program               | update                | any program, bolus
a running dose            | start single bolus    | single bolus
a running dose            | start bridge bolus    | bridge bolus
a running dose            | request patient bolus | patient bolus
a running dose            | start priming bolus   | priming bolus
no dose                   | start priming bolus   | priming bolus
a bolus                   | time                  | any program
a bolus                   | cancel bolus          | any program
a bolus                   | update                | any program
a bolus                   | update                | any program, bolus
between periodic boluses  | time                  | periodic bolus
periodic bolus            | time                  | between periodic boluses
periodic bolus            | cancel bolus          | between periodic boluses
periodic bolus            | set clock             | between periodic boluses
between periodic boluses  | set clock             | periodic bolus
periodic bolus            | withdraw              | between periodic boluses
any program               | begin update          | updating
a bolus                   | begin update          | updating
safe state                | begin update          | updating
updating                  | update                | any program
updating                  | update                | safe state
updating                  | commit                | any program
updating                  | commit                | safe state
updating                  | update                | a bolus
updating                  | commit                | a bolus
updating                  | time                  | any program
updating                  | time                  | a bolus
updating                  | time                  | safe state
any program               | interference          | telemetry mode
a bolus                   | interference          | telemetry mode
updating                  | interference          | telemetry mode
safe state                | interference          | telemetry mode
telemetry mode            | interrogate           | any program
telemetry mode            | interrogate           | safe state
any program               | low-battery reset     | safe state
any program               | memory corruption     | safe state
a bolus                   | low-battery reset     | safe state
a bolus                   | memory corruption     | safe state
updating                  | low-battery reset     | safe state
updating                  | memory corruption     | safe state
telemetry mode            | low-battery reset     | safe state
telemetry mode            | memory corruption     | safe state
safe state                | update                | any program
safe state                | update                | any program, bolus
any program               | time                  | end of service
a bolus                   | time                  | end of service
updating                  | time                  | end of service
telemetry mode            | time                  | end of service
safe state                | time                  | end of service
"""
CHANGES = tuple(
    (source, cause, target)
    for source, cause, target in ([cell.strip() for cell in line.split("|")] for line in _CHANGES.strip().splitlines()[1:])
)
"""Every way from one mode to another: (from, cause, to), by mode or by group. ``time`` is the end of a bolus, the pump clock or
the battery; the other causes are commands, procedures and faults by name."""


def members(name: str) -> tuple[str, ...]:
    """The modes of a group, or the one mode of that name."""
    return GROUPS.get(name, (name,))


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
    "no update": ("PMP-71", "an update is begun first", "Interrogate, review, and begin an update."),
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
