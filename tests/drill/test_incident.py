"""A case becomes a drill: of nobody, and with the course that it had."""

import re
import tomllib
from pathlib import Path
from typing import Annotated, get_args, get_origin

import pytest
from pydantic import BaseModel

from tests.command import ROOT
from thecal.drill.drill import parse_drill
from thecal.drill.incident import KEPT, TEXTS, drill_from
from thecal.drill.run import Run
from thecal.errors import InputError
from thecal.timeline import Instant
from thecal.twin.case import parse_case
from thecal.twin.document import CaseTable
from thecal.twin.fields import PlainText
from thecal.twin.run import run
from thecal.twin.trace import Record

SCENARIOS = [path for path in sorted((ROOT / "scenarios").glob("*.toml")) if "tablets" not in path.name]
UNTOLD = {"label", "title", "sources"}
"""Texts of tables that a drill does not take over at all, or writes anew."""
TELLING = """
case = 1
title = "SECRET title"
timezone = "America/Argentina/Buenos_Aires"
until = "2024-05-20 10:00"
sources = ["SECRET source"]
patient = { label = "SECRET label" }
pump = { model = "synchromed-ii-40" }
catheter = { model = "ascenda-8780", tip_level = "T10" }
# SECRET comment

[[fact]]
at = "2024-03-01 09:00"
kind = "described"
cause = "multiple sclerosis"
origin = "spinal"
born = "1971-07-23"

[[fact]]
at = "2024-03-02 09:00"
kind = "prescribed"
medicine = "tizanidine"
dose = "8 mg/day"
indication = "SECRET indication"
form = "SECRET form"
strength = "SECRET strength"

[[fact]]
at = "2024-03-03 09:00"
kind = "booked"
visit = "refill"
on = "2024-06-01 09:00"
who = "SECRET who"

[[fact]]
at = "2024-03-04 09:00"
kind = "signed"
author = "SECRET author"
checker = "SECRET checker"
role = "nurse"

[[fact]]
at = "2024-03-05 09:00"
kind = "overrode"
rule = "SAF-06"
reason = "SECRET reason"
by = "SECRET by"
role = "physician"

[[fact]]
at = "2024-03-06 09:00"
kind = "score"
scale = "modified-ashworth"
score = "1+"
rater = "SECRET rater"

[[fact]]
at = "2024-03-07 09:00"
kind = "document"
document = "emergency plan"
by = "SECRET writer"

[[fact]]
at = "2024-03-08 09:00"
kind = "certified"
who = "SECRET certified"
role = "nurse"
permission = "refill"
until = "2025-01-01 09:00"

[[event]]
at = "2024-03-01 09:00"
kind = "implant"

[[event]]
at = "2024-03-01 10:00"
kind = "refill"
volume = "38 mL"
concentration = "500 mcg/mL"
[event.program]
mode = "simple continuous"
dose = "150 mcg/day"

[[event]]
at = "2024-03-01 10:05"
kind = "prime"
volume = "0.3 mL"
flow = "24 mL/day"

[[event]]
at = "2024-03-10 10:00"
kind = "note"
text = "SECRET note"

[[event]]
at = "2024-03-20 10:00"
kind = "session"
programmer = "SECRET programmer"
program = { mode = "simple continuous", dose = "170 mcg/day" }

[[event]]
at = "2024-05-01 10:00"
kind = "session"
concentration = "1000 mcg/mL"
without_bridge = "SECRET bridge"
anyway = "SECRET anyway"
program = { mode = "simple continuous", dose = "170 mcg/day" }
[event.fill]
volume = "30 mL"
concentration = "1000 mcg/mL"
measured = "21 mL"
override = "SECRET override"
by = "SECRET filler"
rinse = "2 mL"
rinses = 3

[[event]]
at = "2024-05-08 10:00"
kind = "interrogate"
programmer = "SECRET programmer"

[[world.event]]
at = "2024-05-07 10:00"
kind = "kink"
open = "10 %"
"""


def texts_of(model: type[BaseModel], seen: set[type]) -> set[str]:
    """The keys of every free text in a document and all that may stand in it."""
    if model in seen:
        return set()
    seen.add(model)
    found: set[str] = set()
    for name, field in model.model_fields.items():
        annotation = field.rebuild_annotation()
        if PlainText in _parts(annotation):
            found.add(field.alias or name)
        for part in _parts(annotation):
            if isinstance(part, type) and issubclass(part, BaseModel):
                found |= texts_of(part, seen)
    return found


def _parts(annotation: object) -> list[object]:
    """A type and all that it is made of."""
    parts: list[object] = [annotation]
    if get_origin(annotation) is Annotated and annotation == PlainText:
        return parts
    for part in get_args(annotation):
        parts += _parts(part)
    return parts


@pytest.mark.requirement("DRL-10")
def test_every_text_of_a_case_is_kept_for_a_reason_or_left_out() -> None:
    """A key for words of people that nobody has decided on would tell of somebody."""
    texts = texts_of(CaseTable, set())
    assert {"text", "who", "by", "override"} <= texts
    assert texts <= set(TEXTS) | KEPT | UNTOLD | {"programmer"}
    assert not set(TEXTS) & KEPT


@pytest.mark.requirement("DRL-10")
def test_nothing_of_anybody_is_left() -> None:
    """No word of people, no name, no comment, no place, no date; whoever reads it finds the course alone."""
    text = drill_from(TELLING.encode(), "telling.toml")
    assert "SECRET" not in text
    assert "Argentina" not in text
    assert not re.search(r"202[45]|1971|-07-23", text)
    document = tomllib.loads(text)
    assert document["timezone"] == "UTC"
    assert {fact["kind"] for fact in document["fact"]} == {"described", "prescribed", "signed", "overrode", "score", "document"}
    drill = parse_drill(text.encode(), "telling.drill.toml")
    assert {"catheter"} == {cause.removeprefix("suspect: ") for cause in drill.table.critical[2].by}
    Run(drill).play("examine")


@pytest.mark.requirement("DRL-10")
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_the_course_is_that_of_the_case(path: Path) -> None:
    """When the learner takes over, pump and line hold to the nanolitre and the picogram what they held then; it can be played."""
    raw = path.read_bytes()
    text = drill_from(raw, path.name)
    drill = parse_drill(text.encode(), "made.toml")
    case, played = parse_case(raw, path.name), Run(drill)
    moved_s = drill.case.actions[0].at.s - case.actions[0].at.s
    start = Instant(drill.start.s - moved_s - 1)  # what people did in the second of the scene is the learner's
    trace = run(case.world, case.source, start, Record(policy=case.policy, keep_rows=False, keep_blocks=False))
    again = run(drill.case.world, drill.case.source, Instant(drill.start.s - 1), Record(keep_rows=False, keep_blocks=False))
    assert again.world.line == trace.world.line
    assert again.balance == trace.balance
    assert (again.world.pump is None) == (trace.world.pump is None)
    if again.world.pump and trace.world.pump:
        assert again.world.pump.memory.program == trace.world.pump.memory.program
        assert again.world.pump.usable_nl == trace.world.pump.usable_nl
    assert drill.start.local(drill.zone).weekday() == Instant(drill.start.s - moved_s).local(case.zone).weekday()
    assert f"{drill.start.local(drill.zone):%H:%M}" == f"{Instant(drill.start.s - moved_s).local(case.zone):%H:%M}"
    played.play("examine")
    played.play("ask how do you feel")


@pytest.mark.requirement("DRL-10")
def test_the_learner_takes_over_when_it_is_said() -> None:
    """At any instant within the course; outside of it the error says what is within."""
    text = drill_from(TELLING.encode(), "telling.toml", "2024-04-01 12:00")
    assert 'start = "2030-07-01 12:00"' in text
    assert "session at" in text
    for at in ("2024-02-01 12:00", "2025-01-01 12:00"):
        with pytest.raises(InputError, match="is not within the case"):
            drill_from(TELLING.encode(), "telling.toml", at)
