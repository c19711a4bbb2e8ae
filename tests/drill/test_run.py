"""Runs of a drill: time, deeds, voices, rewinding; the same lines always make the same run."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.drill.plays import SMALL, played, small
from thecal.chart.clinical import AlarmHeard, Described, Prescribed, SymptomReported
from thecal.chart.facts import Acted
from thecal.drill.debrief import debrief
from thecal.drill.debrief_text import debrief_lines
from thecal.drill.drill import parse_drill
from thecal.drill.run import Run
from thecal.drill.state import State, begun, body
from thecal.errors import InputError, InputErrors
from thecal.timeline import Duration

DRILL = small()
LINES = (
    "look", "ask beep", "examine", "ask when was the last refill", "do send for a programmer", "do call the physician on call",
    "give baclofen 20 mg every 6 h", "give diazepam 10 mg", "stop tablets", "interrogate", "program stopped; anyway a test",
    "program 200 mcg/day; total 200 mcg/day", "bolus 20 mcg over 10 min", "refill 30 mL of 2000 mcg/mL; measured 20 mL",
    "empty reservoir", "aspirate port 0.2 mL", "inject port 0.1 mL", "suspect catheter", "wait 40 min", "wait 3 h",
    "wait until 06:00", "note a word", "rules", "chart", "! pause", "! resume", "! jump 1 h", "! show truth", "! hide truth",
    '! fault kink open="50 %"', "! voice late", "! say she: I am here", "! rewind 1", "! rewind 30 min", "! reset",
)  # fmt: skip
lines = st.lists(st.sampled_from(LINES), max_size=12)


def tried(run: Run, line: str) -> bool:
    """Whether a line could be done; one that could not has changed nothing."""
    before = run.state, list(run.told), list(run.lines)
    try:
        run.play(line)
    except (InputError, InputErrors):
        assert (run.state, run.told, run.lines) == before
        return False
    return True


def seen(state: State) -> tuple[object, ...]:
    """All of a state but the body, whose doses are arrays."""
    world = state.world
    told = (state.deeds, state.told, state.overrode, state.printed, state.truth_shown, state.paused, state.ended)
    return world.now, world.pump, world.line, world.ledger, world.faults, world.slip, state.chart, state.events, told


@pytest.mark.long
@pytest.mark.requirement("DRL-01")
@settings(max_examples=25)
@given(lines)
def test_the_same_lines_make_the_same_run(asked: list[str]) -> None:
    """Whatever was typed: the lines that were done make the same state, and show the same, when they are done again."""
    run = Run(DRILL)
    done = [line for line in asked if tried(run, line)]
    again = played(DRILL, done)
    assert seen(again.state) == seen(run.state)
    assert [told.shown for told in again.told] == [told.shown for told in run.told]


@pytest.mark.long
@pytest.mark.requirement("DRL-02")
@settings(max_examples=25)
@given(lines, st.integers(1, 6))
def test_a_rewind_is_as_if_it_had_not_been(asked: list[str], back: int) -> None:
    """The state and all that counts are those of before; time goes back only so."""
    run = Run(DRILL)
    for line in asked:
        if "rewind" not in line and "reset" not in line:
            before = run.state.now
            tried(run, line)
            assert run.state.now >= before
    states = [run.first, *(told.state for told in run.told)]
    if back < len(states):
        run.play(f"! rewind {back}")
        assert run.state == states[-1 - back]
        assert run.told == run.told[: len(states) - 1 - back]


@pytest.mark.long
@pytest.mark.requirement("DRL-03")
@settings(max_examples=20)
@given(lines)
def test_nothing_is_lost_in_a_drill(asked: list[str]) -> None:
    """The ledger closes after every line, and the chart's facts stand in the order of time."""
    run = Run(DRILL)
    for line in asked:
        tried(run, line)
        assert run.state.world.balance().closes
        times = [fact.at for fact in run.state.chart.facts]
        assert times == sorted(times)


@pytest.mark.long
@pytest.mark.requirement("DRL-03")
@given(st.lists(st.integers(1, 59), min_size=2, max_size=5))
@settings(max_examples=10)
def test_waiting_in_pieces_is_waiting(minutes: list[int]) -> None:
    """World and body are the same however a wait is cut."""
    drill = small(("at_least = 0.15", "at_least = 0.99"), ('after = "3 h"', 'after = "90 h"'))
    whole, pieces = Run(drill), Run(drill)
    whole.play(f"wait {sum(minutes)} min")
    for part in minutes:
        pieces.play(f"wait {part} min")
    assert seen(whole.state) == seen(replace(pieces.state, deeds=whole.state.deeds))
    levels, others = body(whole.state), body(pieces.state)
    assert all(float(levels[word][0]) == pytest.approx(float(others[word][0]), abs=1e-9) for word in levels)


def test_the_scene_begins_where_the_course_ends() -> None:
    """The chart has its facts and sessions, the pump stands as it does in truth, and nobody has done anything."""
    state = begun(DRILL)
    assert state.now == DRILL.start
    assert state.elapsed == Duration(0)
    assert any(isinstance(fact, Described) for fact in state.chart.facts)
    assert state.chart.filled is not None
    assert state.sounding
    assert not state.has_programmer
    assert not state.deeds


def test_a_programmer_comes_when_it_was_sent_for() -> None:
    """Until then nothing is read or written; afterwards it is."""
    run = played(DRILL, ["interrogate"])
    assert "no programmer" in run.told[-1].shown[0].text
    assert not run.state.deeds
    run.play("do send for a programmer")
    sent = run.state.deeds[0].at
    run.play("wait 80 min")
    assert not run.state.has_programmer or run.state.now >= sent + Duration(5400)
    while not run.state.has_programmer:
        run.play("wait 10 min")
    run.play("interrogate")
    assert run.state.deeds[-1].name == "interrogate"
    assert any("motor stall" in line.text for line in run.told[-1].shown)


def test_a_question_has_the_first_answer_that_holds() -> None:
    """Before the examination another than after it; what it says is then on the chart; several words have all to be there."""
    run = played(DRILL, ["ask did it beep at night?"])
    assert "I do not know" in run.told[-1].shown[0].text
    run.play("examine")
    run.play("ask did it beep?")
    assert "It has beeped" in run.told[-1].shown[0].text
    assert isinstance(run.state.chart.facts[-1], AlarmHeard)
    run.play("ask about the refill")
    assert "Nobody here knows" in run.told[-1].shown[0].text
    run.play("ask WHEN was the last, er, refill")
    assert "In September" in run.told[-1].shown[0].text
    assert [deed.name for deed in run.state.deeds] == ["ask: beep", "examine", "ask: beep", "ask", "ask: last refill"]


@pytest.mark.requirement("DRL-04")
def test_a_voice_speaks_once_and_ends_a_wait() -> None:
    """When the body is so far; the rest of the wait is not waited."""
    run = played(DRILL, ["wait 12 h"])
    told = [line.text for line in run.told[-1].shown]
    assert any("I am stiff" in text or "It is late" in text for text in told)
    assert run.state.elapsed.s < 12 * 3600
    for _ in range(6):
        tried(run, "wait 12 h")
    spoken = [line.text for one in run.told for line in one.shown]
    assert sum("I am stiff" in text for text in spoken) == 1
    assert any(isinstance(fact, SymptomReported) for fact in run.state.chart.facts)


@pytest.mark.requirement("DRL-04")
def test_a_voice_is_silent_where_the_learner_has_acted() -> None:
    """What it waits for has been done."""
    run = played(DRILL, ["do send for a programmer", *["wait 12 h"] * 4])
    assert "late" not in run.state.told
    assert "late" in played(DRILL, ["wait 12 h"] * 4).state.told


def test_tablets_reach_the_body_and_the_chart() -> None:
    """Baclofen as it is taken; another medicine on the chart alone."""
    run = played(DRILL, ["give baclofen 20 mg every 6 h", "give diazepam 10 mg"])
    prescribed = [fact for fact in run.state.chart.facts if isinstance(fact, Prescribed)]
    assert [(fact.medicine, fact.per_day, fact.doses_a_day) for fact in prescribed] == [("baclofen", 80, 4), ("diazepam", 10, 1)]
    exposure = run.state.world.exposure
    assert exposure is not None
    assert [len(course.times_s) for course in exposure.courses] == [4]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("exmine", "'examine'"),
        ("do call the fysician on call", "'call the physician on call'"),
        ("suspect cathetr", "'catheter'"),
        ("give baclofen", "baclofen 20 mg every 6 h"),
        ("give baklofen 20 mg", "not known"),
        ("give baclofen 20 mg every 5 h", "divide the 24 hours"),
        ("wait", "wait"),
        ("wait 2", "2"),
        ("wait until 25:00", "25:00"),
        ("program 120", "mcg/day"),
        ("program 120 mcg/day; totl 120 mcg/day", "'total'"),
        ("bolus 20 mcg", "over"),
        ("refill 18 mL", "of"),
        ("measured 3 mL", "begins with no verb"),
        ("aspirate port much", "volume"),
        ("rules refil", "'refill'"),
        ("! rewnd 2", "'rewind'"),
        ("! rewind 99", "so many lines"),
        ("! fault kinck", "'kink'"),
        ('! fault kink open="0 %', "quote"),
        ('! fault stall at="2020-01-01 00:00"', "strikes now"),
        ("! fault kink", "open is missing"),
        ("aspirate port 1000 mL", "40 mL"),
        ("wait until 2026-03-01 08:00", "has passed"),
        ("! fault kink open=all", "begins with a number"),
        ("! fault kink opn=50", "open is missing"),
        ("! show body", "truth"),
        ("! voice nobody", "late, stiff"),
        ("! jump 90 days", "past the end"),
        ("! say something", "says nothing"),
    ],
)
@pytest.mark.requirement("DRL-05")
def test_a_line_that_cannot_be_read_changes_nothing(line: str, says: str) -> None:
    """And is answered with what can be, and with the nearest."""
    run = Run(DRILL)
    with pytest.raises((InputError, InputErrors)) as caught:
        run.play(line)
    assert says in str(caught.value)
    assert (run.state, run.told, run.lines) == (run.first, [], [])


@pytest.mark.requirement("DRL-06")
def test_the_rules_stop_an_order_until_somebody_says_why_it_goes_on() -> None:
    """Nothing is written before; afterwards it stands among what was overridden."""
    ready = ["do send for a programmer", *["wait 60 min"] * 3, "interrogate"]
    run = played(DRILL, ready)
    before = run.state.world.pump
    assert before is not None
    run.play("program stopped")
    assert any("BLOCKED" in line.text for line in run.told[-1].shown)
    after = run.state.world.pump
    assert after is not None
    assert after.memory.program == before.memory.program
    assert not run.state.overrode
    run.play("program stopped; anyway an exercise; total 0 mcg/day")
    assert run.state.overrode
    pump = run.state.world.pump
    assert pump is not None
    assert pump.mode == "stopped"
    assert run.state.deeds[-1].name == "program: stopped"
    run.play("printout")
    assert len(run.told[-1].shown) > 20


@pytest.mark.requirement("DRL-07")
def test_an_instructor_pauses_jumps_and_shows() -> None:
    """A learner waits while it is paused; time passes without a deed; the truth follows every line until it is hidden."""
    run = played(DRILL, ["! pause", "examine"])
    assert "paused" in run.told[-1].shown[0].text
    assert not run.state.deeds
    run.play("! resume")
    run.play("! jump 2 h")
    assert run.state.elapsed == Duration(7200)
    run.play("! show truth")
    run.play("look")
    assert any("the pump believes" in line.text for line in run.told[-1].shown)
    run.play("! hide truth")
    run.play("look")
    assert not any("the pump believes" in line.text for line in run.told[-1].shown)


@pytest.mark.requirement("DRL-07")
def test_an_instructor_lets_something_fail() -> None:
    """From a second later on, as in a case; what the pump cannot have is answered with the data sheet's reason."""
    run = played(DRILL, ['! fault kink open="0 %"'])
    assert run.state.world.line.open_ppm == 0
    assert len(run.state.faults) == 1
    with pytest.raises(InputError, match="cannot happen here"):
        run.play('! fault sensor_error reads=higher by="2 mL"')
    run.play("! reset")
    assert run.state == run.first


@pytest.mark.requirement("DRL-07")
def test_an_instructor_speaks() -> None:
    """In words of their own, or with a voice of the drill, which then has spoken."""
    run = played(DRILL, ["! say wife: he is so hot", "! voice stiff"])
    assert "Wife: “he is so hot”" in run.told[0].shown[0].text
    assert "I am stiff" in run.told[1].shown[0].text
    assert "stiff" in run.state.told


def test_a_drill_that_has_ended_has_ended() -> None:
    """Nothing can be done any more."""
    run = played(DRILL, ["done", "examine"])
    assert run.state.ended
    assert "has ended" in run.told[-1].shown[0].text
    assert not any(isinstance(fact, Acted) and fact.action == "assessment" for fact in run.state.chart.facts)


def test_a_wait_ends_with_the_drill() -> None:
    """No longer than the truth goes on."""
    run = played(DRILL, ["wait 30 days"])
    assert "The drill ends at 2026-03-14 02:00" in run.told[-1].shown[0].text
    assert run.state == run.first


def test_the_time_that_is_shown() -> None:
    """By the clock on the wall, and since the beginning."""
    run = played(DRILL, ["! jump 75 min"])
    assert run.at_text() == "2026-03-10 03:15 (+1:15)"
    assert datetime.fromisoformat(run.at_text()[:16])


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("until 03:00", "2026-03-10 03:00"),
        ("until 01:00", "2026-03-11 01:00"),
        ("until wednesday 08:00", "2026-03-11 08:00"),
        ("until 2026-03-12 08:30", "2026-03-12 08:30"),
    ],
)
def test_a_wait_ends_when_it_says(text: str, at: str) -> None:
    """By the clock on the wall, on a weekday, on a date."""
    silent = small(("at_least = 0.15", "at_least = 0.99"), ('after = "3 h"', 'after = "90 h"'))
    assert played(silent, [f"wait {text}"]).at_text()[:16] == at


def test_the_night_of_the_change_of_clocks_has_its_hours() -> None:
    """21:00 of the next day, whatever the clocks do meanwhile."""
    text = SMALL.replace("2026-03-1", "2026-03-2").replace("2026-03-09", "2026-03-27")
    text = text.replace('start = "2026-03-20 02:00"', 'start = "2026-03-28 22:00"').replace(
        "2026-03-24 02:00", "2026-04-05 02:00"
    )
    text = text.replace("at_least = 0.15", "at_least = 0.99").replace('after = "3 h"', 'after = "190 h"')
    run = played(parse_drill(text.encode(), "clocks.toml"), ["wait until 21:00"])
    assert run.at_text() == "2026-03-29 21:00 (+22:00)"


@pytest.mark.requirement("DRL-13")
def test_a_needle_at_once_and_a_refused_deed() -> None:
    """What a needle gives in the first second counts; what was refused was not done."""
    run = played(DRILL, ["inject port 0.1 mL", "do send for a programmer", *["wait 60 min"] * 3, "cancel bolus", "done"])
    assert "refused: cancel bolus" in [deed.name for deed in run.state.deeds]
    assert not any(deed.is_of("cancel bolus") for deed in run.state.deeds)
    text = " ".join(line.text for line in debrief_lines(debrief(run.state)))
    assert " 0 mcg left the tip" not in text


def test_a_drill_ends_with_its_time() -> None:
    """Nothing can be done any more when its time is over."""
    run = played(DRILL, ["! jump 95 h"])
    run.play("wait 1 h")
    assert run.state.ended
    assert "time of this drill is over" in run.told[-1].shown[-1].text
