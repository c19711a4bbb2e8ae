"""A small case as text, to mutate."""

from thecal.twin.case import Case, parse_case

CASE = """\
case = 1
title = "a test"
timezone = "Europe/Berlin"
until = "2026-04-20 09:00"

[patient]
label = "somebody"

[pump]
model = "reference-20"
low_reservoir = "2 mL"

[catheter]
model = "indura-8709sc"
tip_level = "T10"
trimmed = "9 cm"

[refill]
buffer = "5 days"

[world]
gain = "+2 %"

[[world.event]]
at = "2026-03-20 12:00"
kind = "gain"
gain = "+3 %"

[[event]]
at = "2026-03-02 09:00"
kind = "implant"

[[event]]
at = "2026-03-02 10:00"
kind = "refill"
volume = "18 mL"
concentration = "500 mcg/mL"
[event.program]
mode = "flex"
daily_total = "200 mcg/day"
steps = [
  { from = "06:00", to = "22:00", dose = "120 mcg" },
  { from = "22:00", to = "06:00", dose = "80 mcg" },
]

[[event]]
at = "2026-03-16 09:00"
kind = "program"
mode = "simple continuous"
dose = "220 mcg/day"

[[event]]
at = "2026-04-10 09:00"
kind = "bolus"
dose = "50 mcg"
over = "10 min"
"""


def case(text: str = CASE) -> Case:
    return parse_case(text.encode(), "test.toml")


def with_line(old: str, new: str) -> str:
    """The case with one piece of text replaced, which must be there."""
    assert old in CASE
    return CASE.replace(old, new, 1)
