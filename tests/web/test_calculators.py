"""The calculators: numbers with units by published rule, refusals in words, and what a chart fills in."""

from collections.abc import Callable

import pytest

from tests.clinic.practice import admit
from tests.web.calculations import asked
from tests.web.visitor import Answer, Visitor
from thecal.chart.line_ledger import line_ledger
from thecal.clinic.audit import read_audit
from thecal.clinic.entry import LineUnknown
from thecal.clinic.practice import By, Practice
from thecal.quantity import Volume
from thecal.web.calculators import CALCULATORS

SignIn = Callable[[str], Visitor]

SAID = {
    "bridge": ("0.4 mL/day", "24 h 0 min", "200 mcg", "50 mcg/day, 25 % of the order, for 4 days", "too little"),
    "prime": ("0.33669 mL", "20.2 min", "mcg, at most 24.6 mcg"),
    "mix": ("605 mcg/mL", "+21 %", "rinse the reservoir"),
    "refill": ("0.25 mL/day", "152 days", "160 days", "145 days after the fill: 2026-07-25, bound by alarm", "(REF-12)"),
    "flow": ("0.275 mL/day", "137.5 mcg/day"),
    "bolus": ("0.1 mL", "0.6 mL/h"),
    "units": ("240 mcg/day", "10 mcg/h"),
}


def ask(visitor: Visitor, kind: str, **changed: str) -> Answer:
    return visitor.get(asked(kind, **changed))


@pytest.mark.parametrize("kind", list(CALCULATORS))
def test_each_answers_with_units_its_formula_and_its_rules(as_: SignIn, kind: str) -> None:
    """For anybody who is signed in; the rule stands with its source."""
    answer = ask(as_("susan"), kind)
    assert answer.status == 200
    for text in (*SAID[kind], CALCULATORS[kind].formula, *CALCULATORS[kind].rules, "Source:"):
        assert text in answer.words, text


def test_what_can_be_read_in_the_address_needs_a_sign_in(as_: SignIn) -> None:
    """Nobody else is answered."""
    assert "/sign-in" in as_("").get("/calculators").url


def test_they_are_named_by_what_they_are_for(as_: SignIn) -> None:
    """And one that is not there says which there are."""
    sol = as_("sol")
    assert all(one.title in sol.get("/calculators").words for one in CALCULATORS.values())
    assert sol.get("/calculators/tea").status == 404


@pytest.mark.parametrize(
    ("kind", "changed", "said"),
    [
        ("bridge", {"dose": "0.2 mg/day"}, "200 mcg/day"),
        ("bridge", {"dose": "200"}, "daily dose"),
        ("bridge", {"to": "500 mcg/mL"}, "nothing to bridge"),
        ("bridge", {"pump": "x"}, "is not one of those"),
        ("prime", {"tubing": ""}, "is missing"),
        ("prime", {"concentration": "strong"}, "concentration"),
        ("mix", {"residual": "0 mL", "fill": "0 mL"}, "there is no mixture"),
        ("refill", {"stability": "6 months"}, "months"),
        ("refill", {"filled_on": "today"}, "is not a date"),
        ("bolus", {"over": "0 min"}, "duration"),
        ("units", {"quantity": "2 mg/day"}, "2,000 mcg/day"),
    ],
)
def test_what_cannot_be_read_is_marked_and_kept(as_: SignIn, kind: str, changed: dict[str, str], said: str) -> None:
    """No answer stands beside it."""
    answer = ask(as_("nils"), kind, **changed)
    assert answer.status == 422
    assert said in answer.words
    assert 'aria-invalid="true"' in answer.text
    assert 'id="answer"' not in answer.text
    name, text = next(iter(changed.items()))
    assert f'value="{text}"' in answer.text or name == "pump"


@pytest.mark.parametrize(
    ("kind", "changed", "rule"),
    [
        ("bridge", {"dose": "2500 mcg/day"}, "SAF-01"),
        ("flow", {"dose": "2500 mcg/day"}, "SAF-01"),
        ("refill", {"dose": "2500 mcg/day"}, "SAF-01"),
        ("refill", {"fill": "41 mL"}, "PMP-20"),
        ("refill", {"fill": "1 mL"}, "REF-01"),
        ("refill", {"buffer": "170 days"}, "REF-04"),
        ("prime", {"flow": "900 mL/day"}, "the pump"),
    ],
)
def test_what_is_declined_is_said_with_its_rule(as_: SignIn, kind: str, changed: dict[str, str], rule: str) -> None:
    """And no number of it is shown."""
    answer = ask(as_("nils"), kind, **changed)
    assert answer.status == 200
    refused = answer.words.partition("Refused by ")[2]
    assert rule in refused
    assert "Calculated, not measured." not in answer.words


def test_a_large_dose_and_an_odd_strength_ask_for_a_person(as_: SignIn) -> None:
    """SAF-01 and SAF-02 stand beside the answer."""
    answer = ask(as_("nils"), "flow", dose="1200 mcg/day", concentration="750 mcg/mL")
    assert "a second person confirms it (SAF-01)" in answer.words
    assert "750 mcg/mL is none of the stocked strengths" in answer.words


def test_an_answer_is_printed_on_a_page_of_its_own(as_: SignIn) -> None:
    """With what went in, who printed it and when, and room for the second person; without the navigation."""
    page = ask(as_("nils"), "bridge", print="1")
    for text in ("What went in", "200 mcg/day", "Nils Nurse", "2026-11-20 09:00", "Checked by a second person"):
        assert text in page.words
    assert 'aria-label="Clinic"' not in page.text
    assert ask(as_("nils"), "bridge", print="1", dose="x").status == 422


def test_a_chart_fills_in_what_it_says(as_: SignIn, practice: Practice) -> None:
    """Dose, strengths, volumes and pump; that it was read is audited, and what was typed stays."""
    stream = admit(practice)
    with practice.reading() as reading:
        look = reading.look(reading.history(stream))
    ledger = line_ledger(look.chart)
    assert ledger is not None
    nils = as_("nils")
    page = nils.get(f"/calculators/bridge?stream={stream}").text
    for value in (str(look.known.dose), str(Volume(ledger.line.volume_nl)), str(ledger.reservoir)):
        assert f'value="{value}"' in page
    assert 'value="synchromed-ii-40" selected' in page
    assert "In the line, as believed" in page
    with practice.database.reading() as connection:
        assert any(line.did == "read the chart for a calculator" and line.stream == stream for line in read_audit(connection))
    typed = nils.get(f"/calculators/bridge?stream={stream}&dose=99+mcg%2Fday").text
    assert 'value="99 mcg/day"' in typed


def test_a_catheter_that_nobody_knows_is_not_filled_in(as_: SignIn, practice: Practice) -> None:
    """The page says that nothing is bridged until it is measured."""
    stream = admit(practice)
    with practice.reading() as reading:
        version = reading.history(stream).version
    practice.write(stream, version, [LineUnknown(practice.now)], By("nora"), "wrote down a transfer")
    page = as_("nils").get(f"/calculators/bridge?stream={stream}")
    assert "no prime and no bridge until it is measured" in page.words
    assert 'id="dead_volume" name="dead_volume" type="text" value=""' in page.text


def test_a_chart_is_only_for_who_may_read_it(as_: SignIn, practice: Practice) -> None:
    """A scheduler calculates without one; an unknown one is not found."""
    stream = admit(practice)
    assert as_("susan").get(f"/calculators/bridge?stream={stream}").status == 403
    assert as_("nils").get("/calculators/bridge?stream=P-NOBODY00").status == 404
    assert as_("nils").get("/calculators/bridge?stream=staff").status == 404
