"""The drills of the package: each can be won without knowing its truth, and lost; what is wrong in a file is said."""

from functools import cache
from pathlib import Path

import pytest

from tests.drill.plays import SMALL, small
from thecal.drill.bedside import bedside_actions, causes
from thecal.drill.debrief import Debrief, debrief
from thecal.drill.debrief_text import debrief_document, debrief_lines, debrief_page
from thecal.drill.document import INDICES
from thecal.drill.drill import drill_names, parse_drill, read_drill
from thecal.drill.props import prop_lines, prop_page
from thecal.drill.run import Run
from thecal.errors import InputError, InputErrors

SCRIPTS = Path(__file__).parent / "scripts"
ASKED_FOR = (
    "withdrawal-at-night", "overdose-after-refill", "scan", "alarm-that-sounds", "wrong-concentration", "empties-early",
    "flex-night", "update-during-bridge", "call-without-programmer", "leak-like-tolerance",
)  # fmt: skip
HARMS = ("withdrawal", "overdose", "drowsiness", "tone")


@cache
def scripted(name: str, how: str) -> Debrief:
    """A drill played by one of its scripts, to its end."""
    run = Run(read_drill(name))
    for text in (SCRIPTS / f"{name}.{how}.txt").read_text(encoding="utf-8").splitlines():
        line = text.partition("#")[0].strip()
        if line:
            run.play(line)
    assert run.state.ended, f"{name}.{how}.txt does not end with done"
    return debrief(run.state)


def test_the_ten_situations_are_there() -> None:
    """And each has two scripts."""
    assert set(ASKED_FOR) <= set(drill_names())
    assert {path.name for path in SCRIPTS.iterdir()} == {f"{name}.{how}.txt" for name in drill_names() for how in ("good", "bad")}


@pytest.mark.requirement("DRL-11")
@pytest.mark.parametrize("name", drill_names())
def test_a_drill_can_be_won(name: str) -> None:
    """All of it in time, nothing harmful, and no rule gone on in spite of that blocks without a reason."""
    told = scripted(name, "good")
    assert [(one.asked.does, one.standing) for one in told.judged if one.standing != "in time"] == []
    assert told.harms == ()
    assert told.score_percent == 100


@pytest.mark.requirement("DRL-11")
@pytest.mark.requirement("DRL-13")
@pytest.mark.parametrize("name", drill_names())
def test_a_drill_can_be_lost(name: str) -> None:
    """Something missed or late, something harmful, and a body that is in some way worse off for it."""
    told = scripted(name, "bad")
    assert told.score_percent == 0
    assert any(one.standing != "in time" for one in told.judged)
    assert told.harms
    won = scripted(name, "good")
    assert any(told.worst(INDICES[word])[0] > won.worst(INDICES[word])[0] + 0.01 for word in HARMS)


@pytest.mark.parametrize("name", drill_names())
def test_a_drill_is_whole(name: str) -> None:
    """Aims, sources, enough answers, and things to do that rest on rules; its brief gives no cause away."""
    table = read_drill(name).table
    assert 2 <= len(table.objectives) <= 4
    assert table.sources
    assert len(table.answer) >= 12
    assert 4 <= len(table.critical) <= 7
    assert len(table.harmful) >= 2
    assert table.debrief
    assert sum(bool(one.rules) for one in table.critical) + sum(bool(one.rules) for one in table.harmful) >= 4
    assert any(one.gives or one.dose for one in table.critical) or any(one.dose for one in table.harmful)


@pytest.mark.requirement("DRL-13")
@pytest.mark.parametrize("how", ["good", "bad"])
@pytest.mark.parametrize("name", drill_names())
def test_the_debrief_says_everything(name: str, how: str) -> None:
    """As text, as data and on a page: each critical action, the truth, what the patient went through, sources."""
    told = scripted(name, how)
    text = " ".join(" ".join(line.text.split()) for line in debrief_lines(told))
    for part in (*told.drill.table.hidden, *(one.asked.does for one in told.judged), *told.drill.table.sources):
        assert " ".join(part.split()) in text
    document = debrief_document(told)
    assert document["score_percent"] == told.score_percent
    assert len(document["critical"]) == len(told.judged)
    if name == drill_names()[0]:
        assert "<svg" in debrief_page(told)


@pytest.mark.requirement("DRL-14")
@pytest.mark.parametrize("name", drill_names())
def test_what_is_handed_out(name: str) -> None:
    """Card, printout and label, marked as an exercise, and nothing of the truth."""
    drill = read_drill(name)
    text = "\n".join(line.text for line in prop_lines(drill))
    assert all(word in text for word in ("EMERGENCY CARD", "LAST SESSION", "LABEL OF THE VIAL", "FOR PRACTICE ONLY"))
    plain = " ".join(text.split())
    assert not any(" ".join(hidden.split()) in plain for hidden in drill.table.hidden)
    assert prop_page(drill).count("FOR PRACTICE ONLY") == 3


def test_every_action_and_cause_can_be_typed() -> None:
    """None is the beginning of another, and each does and says something."""
    for names in (bedside_actions(), causes()):
        assert not [(one, other) for one in names for other in names if one != other and other.startswith(one)]
    run = Run(small())
    for name, action in bedside_actions().items():
        run.play(f"do {name}")
        assert any(action.says[:20] in line.text for line in run.told[-1].shown)
        run.play("! rewind 1")
    for name in causes():
        run.play(f"suspect {name}")


@pytest.mark.requirement("DRL-12")
@pytest.mark.parametrize(
    ("old", "new", "field", "says"),
    [
        ('by = ["interrogate"]\nwithin', 'by = ["interogate"]\nwithin', "critical[2].by", "'interrogate'"),
        ('by = ["do: send home"]', 'by = ["do: send hom"]', "harmful[1].by", "'send home'"),
        ('by = ["examine"]', 'by = ["suspect: leak"]', "critical[1].by", "is nothing that can be the rest of suspect"),
        ('rules = ["WDL-10"]', 'rules = ["WDL-99"]', "critical[2].rules[1]", "WDL-"),
        ('kind = "stall"', 'kind = "sensor_error"\nreads = "higher"\nby = "2 mL"', "world.event[1].kind", "cannot happen here"),
        ('kind = "stall"', 'kind = "stal"', "world.event[1].kind", "'stall'"),
        ('symptom = "return of spasticity"', 'symptom = "stiffness"', "voice[1].fact", "symptom"),
        ('name = "late"', 'name = "stiff"', "voice[2].name", "two voices"),
        ('place = "A room"', 'plac = "A room"', "scene.plac", "'place'"),
        ('start = "2026-03-10 02:00"', 'start = "2026-03-15 02:00"', "scene.start", "is not within the course"),
        ('start = "2026-03-10 02:00"', 'start = "2025-09-01 02:00"', "event[4].at", "is after the scene begins"),
        ("at_least = 0.15", "at_lest = 0.15", "voice[1].when.withdrawal.at_lest", "'at_least'"),
        ('does = "examines"\nby = ["examine"]', 'does = "examines"', "critical[1].by", "or gives is needed"),
        ('patient = "adult-ms"', 'patient = "adult"', "body.patient", "adult"),
    ],
)
def test_what_is_wrong_in_a_drill_is_said(old: str, new: str, field: str, says: str) -> None:
    """With the line, the field and what was meant."""
    assert old in SMALL
    text = SMALL.replace(old, new)
    with pytest.raises(InputErrors) as caught:
        parse_drill(text.encode(), "mine.toml")
    errors = [error for error in caught.value.errors if error.field == field]
    assert errors, str(caught.value)
    assert says in errors[0].sentence()
    assert errors[0].where is not None
    assert errors[0].where.startswith("mine.toml:")


@pytest.mark.requirement("DRL-12")
def test_a_drill_that_is_not_known_is_answered_with_the_nearest() -> None:
    """Of the package; a path that is not there is a file that is not there."""
    with pytest.raises(InputError, match="'withdrawal-at-night'"):
        read_drill("withdrawal-by-night")
    with pytest.raises(FileNotFoundError):
        read_drill("nowhere.toml")
