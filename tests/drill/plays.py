"""Drills for tests: a small one whose every part is known, and its runs."""

from collections.abc import Iterable

from thecal.drill.drill import Drill, parse_drill
from thecal.drill.run import Run

SMALL = """
drill = 1
title = "A small drill"
timezone = "Europe/Berlin"
until = "2026-03-14 02:00"
objectives = ["To see it."]
brief = "Look."
hidden = ["The rotor stands."]
sources = ["made up for a test"]

[pump]
model = "synchromed-ii-40"

[catheter]
model = "ascenda-8780"
tip_level = "T10"

[body]
patient = "adult-ms"

[[event]]
at = "2025-03-02 09:00"
kind = "implant"

[[event]]
at = "2025-03-02 10:00"
kind = "refill"
volume = "40 mL"
concentration = "2000 mcg/mL"
[event.program]
mode = "simple continuous"
dose = "228 mcg/day"

[[event]]
at = "2025-03-02 10:05"
kind = "prime"
volume = "0.37 mL"
flow = "24 mL/day"

[[event]]
at = "2025-09-10 10:00"
kind = "refill"
volume = "40 mL"
concentration = "2000 mcg/mL"

[[fact]]
at = "2025-03-01 09:00"
kind = "described"
cause = "multiple sclerosis"
origin = "spinal"
born = "1970-01-01"

[[world.event]]
at = "2026-03-09 14:00"
kind = "stall"

[scene]
start = "2026-03-10 02:00"
place = "A room"
role = "You are here"
programmer = { after = "90 min", once = ["do: send for a programmer"] }

[[voice]]
name = "stiff"
who = "she"
says = "I am stiff."
when = { withdrawal = { at_least = 0.15 } }
fact = [{ kind = "symptom", symptom = "return of spasticity", grade = 2 }]

[[voice]]
name = "late"
who = "he"
says = "It is late."
when = { after = "3 h", unless = ["do: send for a programmer"] }

[[answer]]
to = ["beep"]
who = "he"
says = "It has beeped."
when = { once = ["examine"] }
fact = [{ kind = "alarm", tone = "two-tone" }]

[[answer]]
to = ["beep"]
who = "he"
says = "I do not know."

[[answer]]
to = ["last refill"]
who = "he"
says = "In September."

[[sign]]
says = "Scratches."
when = { tone = { at_least = 1.0 } }

[[critical]]
does = "examines"
by = ["examine"]
within = "10 min"
why = "First."

[[critical]]
does = "reads the pump"
by = ["interrogate"]
within = "2 h"
since = "do: send for a programmer"
why = "Then."
rules = ["WDL-10"]

[[critical]]
does = "gives cover"
by = ["give: baclofen", "give: diazepam"]
why = "Meanwhile."

[[harmful]]
does = "sends her home"
by = ["do: send home"]
unless = ["interrogate"]
why = "No."
rules = ["WDL-04"]
"""


def small(*changes: tuple[str, str]) -> Drill:
    """The small drill, with some of its text replaced."""
    text = SMALL
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse_drill(text.encode(), "small.toml")


def played(drill: Drill, lines: Iterable[str], by: str = "") -> Run:
    """A run of a drill after some lines."""
    run = Run(drill)
    for line in lines:
        run.play(line, by)
    return run
