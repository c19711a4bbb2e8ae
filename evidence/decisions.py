"""Whether every decision of modes, alarms and session was taken both ways, and every entry of the tables exercised."""

from typing import Any

from evidence.run import DECIDING, Recorded
from thecal.pump.alarms import ALARMS
from thecal.pump.modes import CHANGES, TABLE, members

WITH_THE_PUMP = "the pump is replaced"
"""What ends an alarm that no pump ends: it has no end that could be exercised."""


def decisions(recorded: Recorded) -> list[dict[str, Any]]:
    """For each file its statements and branches, and how many of them the tests took."""
    found = []
    for name in DECIDING:
        counts = recorded.coverage.get(name, {})
        row = {"file": name}
        for key in ("num_statements", "covered_lines", "num_branches", "covered_branches"):
            row[key] = counts.get(key, 0)
        found.append(row)
    return found


def tables(recorded: Recorded) -> list[dict[str, Any]]:
    """For each table of the pump how many entries it has, and which of them no test exercised."""
    commands = [f"{mode}: {command}" for mode, command in TABLE if (mode, command) not in recorded.entries]
    changes = [
        f"{source} by {cause} to {target}"
        for source, cause, target in CHANGES
        if not {(a, cause, b) for a in members(source) for b in members(target)} & recorded.changes
    ]
    said = {(kind.name, "began") for kind in ALARMS} | {(kind.name, "ended") for kind in ALARMS if kind.ends != WITH_THE_PUMP}
    alarms = [f"{name} {how}" for name, how in sorted(said - recorded.alarms)]
    return [
        {"table": "a command in a mode", "entries": len(TABLE), "idle": commands},
        {"table": "from mode to mode", "entries": len(CHANGES), "idle": changes},
        {"table": "an alarm begins, and ends", "entries": len(said), "idle": alarms},
    ]


def untaken(recorded: Recorded) -> list[str]:
    """What is not whole: what no test took of statements and branches, or exercised of entries; a file that was not measured."""
    problems = []
    for row in decisions(recorded):
        if not row["num_statements"]:
            problems.append(f"{row['file']} was not measured")
        lines, branches = row["num_statements"] - row["covered_lines"], row["num_branches"] - row["covered_branches"]
        if lines or branches:
            problems.append(f"{row['file']}: {lines} statements and {branches} branches were not taken")
    return problems + [f"{row['table']}: not exercised: {entry}" for row in tables(recorded) for entry in row["idle"]]
