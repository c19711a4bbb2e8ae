"""The clock of the server is set back in the middle of a visit: everything goes on, in its order, and the page says so."""

from collections.abc import Callable

import pytest

from tests.clinic.practice import Clock, admit
from tests.web.test_real_pump import booked
from tests.web.test_visit import BEFORE, FILL, NEEDLE, VIAL, begun, history_of, printed_now, step
from tests.web.visitor import Visitor
from thecal.chart.facts import Filled, Interrogated, ResidualMeasured
from thecal.clinic.entry import VisitClosed
from thecal.clinic.practice import Practice
from thecal.clinic.record import append, verify
from thecal.therapy.due import refill_due
from thecal.timeline import DAY_S, Duration, Instant

SignIn = Callable[[str], Visitor]
HOUR_S = 3600
STEPS = (
    "before", "symptoms", "scales", "reconciliation", "reading", "verify", "needle", "residual", "fill", "order", "update",
    "printout", "reminder", "next visit",
)  # fmt: skip


def refilled(practice: Practice, nora: Visitor, clock: Clock, stream: str, back_before: str) -> str:
    """A refill from its first step to its last, a minute for each; the clock is set back by an hour before one of them."""
    visit = begun(nora, stream)
    for name in STEPS:
        clock.pass_(Duration(60))
        if name == back_before:
            clock.now = Instant(clock.now.s - HOUR_S)
        if name == "next visit":
            booked(practice, nora, stream)
            continue
        address, data = _step(practice, stream, name)
        answer = step(nora, visit, address, data)
        assert answer.status == 200, f"{name}: {answer.words}"
    return visit


def _step(practice: Practice, stream: str, name: str) -> tuple[str, dict[str, object]]:
    steps: dict[str, tuple[str, dict[str, object]]] = {
        "before": ("before", {"item": BEFORE}),
        "symptoms": ("symptoms", {"none_there": "yes"}),
        "scales": ("scales", {"legs": "2.5", "spasm": "1"}),
        "reconciliation": ("reconciliation", {"reconciled": "yes"}),
        "verify": ("verify", VIAL),
        "needle": ("needle", NEEDLE),
        "fill": ("pump/fill", {**FILL, "volume": "18 mL"}),
        "order": ("routine", {}),
        "printout": ("printout", {"given": "yes"}),
        "reminder": ("reminder", {"told": "yes"}),
    }
    if name in steps:
        return steps[name]
    if name == "update":
        return "pump/printed", {**printed_now(practice, stream, 18.0), "what": "update"}
    now = printed_now(practice, stream)
    return ("pump/printed", now) if name == "reading" else ("pump/aspirate", {"residual": now["calculated"]})


@pytest.mark.parametrize("back_before", STEPS)
def test_a_refill_is_closed_though_the_clock_was_set_back(
    as_: SignIn, practice: Practice, clock: Clock, back_before: str
) -> None:
    """Whenever it was: what was done stands in its order, the fill is entered and counts, and the chains verify."""
    stream = admit(practice, papers=True)
    clock.pass_(Duration(20 * DAY_S))
    nora = as_("nora")
    visit = refilled(practice, nora, clock, stream, back_before)
    answer = step(nora, visit, "close")
    assert answer.status == 200, answer.words
    history = history_of(practice, stream)
    assert history.last(VisitClosed) is not None
    times = [row.entry.at for row in history.rows]
    assert times == sorted(times)
    order = [type(fact) for fact in history.chart.facts if isinstance(fact, Interrogated | ResidualMeasured | Filled)]
    assert order[-3:] == [Interrogated, ResidualMeasured, Filled]
    assert history.chart.fill_session is not None
    with practice.database.reading() as connection:
        assert {head.stream: head.version for head in verify(connection)}[stream] == history.version
    with practice.reading() as reading:
        assert reading.standing(stream).in_time
        due = refill_due(reading.look(history))
    assert due is not None
    assert due.filled == next(fact.at for fact in reversed(history.chart.facts) if isinstance(fact, Filled))


def test_a_visit_says_that_the_clock_was_set_back(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """With both times, and no longer once the clock is there again."""
    stream = admit(practice, papers=True)
    nora = as_("nora")
    visit = begun(nora, stream)
    last, zone = practice.now, practice.office().zone
    told = "The clock of the clinic was set back"
    assert told not in nora.get(visit).words
    clock.now = Instant(last.s - HOUR_S)
    page = nora.get(visit).words
    assert f"{told}: it says {practice.now.local_text(zone)}" in page
    assert f"the last entry of this chart is of {last.local_text(zone)}" in page
    clock.now = last
    assert told not in nora.get(visit).words


def test_every_page_of_a_chart_answers_after_the_clock_was_set_back(as_: SignIn, practice: Practice, clock: Clock) -> None:
    """What was written later than it is now is on the chart, as ever."""
    stream = admit(practice, papers=True)
    clock.pass_(Duration(20 * DAY_S))
    nora = as_("nora")
    refilled(practice, nora, clock, stream, "next visit")
    for page in (
        f"/chart/{stream}", f"/visit/{stream}", f"/book/{stream}", f"/call/{stream}", f"/emergency/{stream}", f"/person/{stream}",
        f"/to-do/{stream}", f"/chart/{stream}/print/refill-note", f"/chart/{stream}/print/emergency-card",
        f"/chart/{stream}/print/admission-sheet", f"/chart/{stream}/record", "/worklist", "/slots",
    ):  # fmt: skip
        assert nora.get(page).status == 200, page
    assert "18 mL" in nora.get(f"/chart/{stream}").words


def test_a_clock_that_is_set_back_while_a_form_is_worked_on_is_told(
    as_: SignIn, practice: Practice, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written of what would happen after it is written down, what was typed is kept, and it can be sent again."""
    stream = admit(practice, papers=True)
    clock.pass_(Duration(20 * DAY_S))
    nora = as_("nora")
    visit = begun(nora, stream)
    clock.pass_(Duration(2 * HOUR_S))
    nora.sign_in()
    version = history_of(practice, stream).version
    with monkeypatch.context() as patch:
        back = Instant(practice.now.s - HOUR_S)
        patch.setattr(
            "thecal.clinic.practice.append", lambda one, it, seen, entries, who, _: append(one, it, seen, entries, who, back)
        )
        answer = step(nora, visit, "before", {"item": BEFORE, "note": "typed by Nora"})
    assert answer.status == 409
    assert "The clock of the clinic was set back" in answer.text
    assert "typed by Nora" in answer.text
    assert history_of(practice, stream).version == version
    assert step(nora, visit, "before", {"item": BEFORE}).status == 200
