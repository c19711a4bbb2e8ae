"""Tablets and examinations in a case: what the door reads, what it refuses and on which line, what an examiner finds."""

from collections.abc import Iterator

import pytest

from tests.twin.cases import CASE
from tests.twin.test_exposure import BERLIN, BODY, ran
from thecal.body.patient import PARAMETERS, patient_sheets
from thecal.chart.facts import Assessed, Fact, TabletsStarted, TabletsStopped, TabletTaken
from thecal.errors import InputError, InputErrors
from thecal.twin.case import parse_case

HEAD = CASE[: CASE.index("[refill]")]
AT = "2026-01-05 08:00"


def event(kind: str, *lines: str, at: str = AT) -> str:
    return "\n".join(["[[event]]", f'at = "{at}"', f'kind = "{kind}"', *lines, ""])


def tablets(*lines: str) -> str:
    return event("tablets", *lines)


def errors(text: str) -> list[InputError]:
    with pytest.raises(InputErrors) as caught:
        parse_case(text.encode(), "case.toml")
    return list(caught.value.errors)


def line_of(text: str, needle: str) -> int:
    """The line on which something stands, which it does once."""
    (line,) = [n for n, line in enumerate(text.splitlines(), 1) if needle in line]
    return line


def facts(text: str, kind: type[Fact]) -> Iterator[Fact]:
    _, trace = ran(text)
    return (fact for fact in trace.chart.facts if isinstance(fact, kind))


# The door -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "field", "says"),
    [
        ('dose = "500 mcg"', "dose", "Accepted: mg."),
        ('dose = "0.01 g"', "dose", 'this would be 10 mg. Accepted: mg. Did you mean "10 mg"?'),
        ("dose = 5", "dose", "needs a unit"),
        ('dose = "5 mg/day"', "dose", "'mg/day', which is not one of an oral dose"),
        ('dose = "-5 mg"', "dose", "must not be negative"),
        ('dose = "0 mg"', "dose", "must be more than zero"),
        ('dose = "20,000 mg"', "dose", "more than an oral dose here can be (10,000 mg)"),
        ('dose = "0.0004 mg"', "dose", "finer than 1 mcg"),
        ('dose = "5 mg"\ntimes = ["24:00"]', "times[1]", "is not a time of day"),
        ('dose = "5 mg"\ntimes = ["08:00", "8:00"]', "times[2]", "is not a time of day"),
        ('dose = "5 mg"\ntimes = ["08:00", "20:00", "08:00"]', "times", "hold one time twice"),
        ('dose = "5 mg"\nform = "tablets"', "form", "Did you mean 'tablet'?"),
        ('dose = "5 mg"\nform = 3', "form", "is not a name in quotes"),
        ('dose = "5 mg"\ntime = "08:00"', "time", "Did you mean 'times'?"),
        ('doses = ["5 mg", "10 mg"]\ntimes = ["08:00"]', "doses", "Accepted: 1 doses."),
    ],
)  # fmt: skip
def test_a_tablet_that_cannot_be_read_is_named_with_its_line(bad: str, field: str, says: str) -> None:
    """Unit, sign, size, time, form and key: the line, the field as the document calls it, and what would be right."""
    text = HEAD + BODY + tablets(*bad.splitlines())
    (error,) = errors(text)
    assert error.where == f"case.toml:{line_of(text, bad.splitlines()[-1] if field != 'doses' else 'doses')}"
    assert error.field == f"event[1].{field}"
    assert says in error.sentence()


@pytest.mark.parametrize("lines", [[], ['times = ["08:00"]'], ['dose = "5 mg"', 'doses = ["5 mg"]', 'times = ["08:00"]']])
def test_tablets_have_one_dose_or_one_for_each_time(lines: list[str]) -> None:
    """Neither and both are errors that say so."""
    (error,) = errors(HEAD + BODY + tablets(*lines))
    assert error.field == "event[1].dose"
    assert "one dose for all times, or one for each" in error.sentence()


def test_no_error_offers_another_amount_of_drug() -> None:
    """What was written in micrograms is half a milligram, or nothing is offered."""
    (error,) = errors(HEAD + BODY + tablets('dose = "500 mcg"'))
    assert error.nearest in {None, '"0.5 mg"'}


@pytest.mark.parametrize(
    ("body", "line", "field", "says"),
    [
        ('patient = "adult-m"', 2, "body.patient", "Did you mean 'adult-ms'?"),
        ("patient = 3", 2, "body.patient", "is not a name in quotes"),
        ('kind = "adult-ms"', 2, "body.kind", "Accepted: patient, parameters."),
        ('[body.parameters]\nleg_ashworth = "3"', 3, "body.parameters.leg_ashworth", "Did you mean 'legs_ashworth'?"),
        ("[body.parameters]\nlegs_ashworth = 3.5", 3, "body.parameters.legs_ashworth", "with its unit, in quotes"),
        ('[body.parameters]\nlegs_ashworth = "3.5 cm"', 3, "body.parameters.legs_ashworth", "with its unit, in quotes"),
        ('[body.parameters]\nlegs_ashworth = "nan"', 3, "body.parameters.legs_ashworth", "with its unit, in quotes"),
        ('[body.parameters]\nlegs_ashworth = "inf"', 3, "body.parameters.legs_ashworth", 'Accepted: "1" to "5".'),
        ('[body.parameters]\nlegs_ashworth = "5.1"', 3, "body.parameters.legs_ashworth", "Accepted: 1 to 5."),
        ('[body.parameters]\ntolerance_days = "20"', 3, "body.parameters.tolerance_days", 'Accepted: "1 days" to "5000 days".'),
        ('[body.parameters]\ntolerance_days = "3 weeks"', 3, "body.parameters.tolerance_days", '"1 days" to "5000 days"'),
        ("parameters = 3", 2, "body.parameters", "is not a table"),
    ],
)  # fmt: skip
def test_a_body_that_cannot_be_read_is_named_with_its_line(body: str, line: int, field: str, says: str) -> None:
    """Kind, key, unit, size and number."""
    text = HEAD + BODY + body + "\n" + tablets('dose = "5 mg"')
    (error,) = errors(text)
    assert error.where == f"case.toml:{line_of(text, '[body]') - 1 + line}"
    assert error.field == field
    assert says in error.sentence()


def test_every_parameter_that_cannot_be_read_is_named() -> None:
    """As with every other mistake in a case, all of them at once."""
    text = HEAD + BODY + '[body.parameters]\nlegs_ashworth = "9"\nspasm_pen = "3"\n' + tablets('dose = "5 mg"')
    assert len(errors(text)) == 2


@pytest.mark.parametrize("number", ["1_0", "+10", "1e1", "\u0661\u0660"])
def test_a_parameter_is_written_as_every_other_quantity(number: str) -> None:
    """A plain number, as the units of a case demand it."""
    errors(HEAD + BODY + f'[body.parameters]\ntolerance_days = "{number} days"\n' + tablets('dose = "5 mg"'))


@pytest.mark.parametrize("kind", sorted(patient_sheets()))
def test_every_kind_of_patient_is_a_body(kind: str) -> None:
    """With the values of its sheet, except those that the case gives itself."""
    body = f'[body]\npatient = "{kind}"\n[body.parameters]\ntolerance_days = "77 days"\n'
    case = parse_case((HEAD + body + tablets('dose = "5 mg"')).encode(), "case.toml")
    assert case.body is not None
    assert (case.body.kind, case.body.given) == (kind, ("tolerance_days",))
    settings = patient_sheets()[kind].settings
    for name in PARAMETERS:
        assert float(case.body.patient[name][0]) == (77.0 if name == "tolerance_days" else settings[name].typical)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("ashworth_legs = 5.5", "at most 5"),
        ("ashworth_legs = 0.9", "at least 1"),
        ("spasm_penn = 4.1", "at most 4"),
        ("spasm_penn = nan", "is out of range"),
        ('ashworth_arms = "3"', "valid number"),
        ("ashworth_leg = 3", "Did you mean 'ashworth_legs'?"),
    ],
)
def test_scores_are_numbers_on_their_scales(line: str, says: str) -> None:
    """Ashworth 1 to 5, Penn 0 to 4."""
    text = HEAD + BODY + event("assessment", line)
    (error,) = errors(text)
    assert error.where == f"case.toml:{line_of(text, line)}"
    assert says in error.sentence()


def test_tablets_need_neither_a_pump_nor_a_body() -> None:
    """Before the implant, without a body, and with a time that TOML knows: they stand in the chart."""
    text = HEAD + tablets('doses = ["10 mg", "5 mg"]', "times = [22:00:00, 08:00:00]")
    text += event("tablets", 'dose = "2.5 mg"', at="2026-01-06 08:00") + event("stop_tablets", at="2026-01-07 08:00")
    (started,) = facts(text, TabletsStarted)
    assert isinstance(started, TabletsStarted)
    assert [(time // 3600, str(dose)) for time, dose in zip(started.times_s, started.doses, strict=True)] == [
        (8, "5 mg"),
        (22, "10 mg"),
    ]
    (once,) = facts(text, TabletTaken)
    assert isinstance(once, TabletTaken)
    assert (str(once.dose), once.form) == ("2.5 mg", "tablet")
    assert len(list(facts(text, TabletsStopped))) == 1


# Examinations ---------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("TWN-06")
def test_an_examination_without_a_body_is_refused() -> None:
    """It is refused with its rule and leaves no trace in the world; with scores that were written down it is none of the sort."""
    text = CASE + "\n" + event("assessment", at="2026-04-12 09:00")
    (_, refused), (_, bare) = ran(text), ran(CASE)
    (one,) = refused.refused
    assert (one.refusal.rule, one.action.name) == ("TWN-06", "assessment")
    assert refused.world == bare.world
    assert not refused.as_expected
    written = CASE + "\n" + event("assessment", "ashworth_legs = 3.5", at="2026-04-12 09:00")
    _, trace = ran(written)
    assert trace.as_expected
    assert [fact for fact in trace.chart.facts if isinstance(fact, Assessed)] == [
        Assessed(trace.chart.facts[-2].at, 3.5, None, None)
    ]


def test_what_was_written_down_stands_even_where_the_body_says_otherwise() -> None:
    """The chart holds the examiner's scores, and only those that were written."""
    text = HEAD + BODY + event("assessment", "ashworth_legs = 1", "spasm_penn = 0")
    (fact,) = facts(text, Assessed)
    assert isinstance(fact, Assessed)
    assert (fact.ashworth_legs, fact.ashworth_arms, fact.spasm_penn) == (1.0, None, 0.0)


def test_an_examination_finds_tenths_at_any_second() -> None:
    """Before the implant, in its second, twice at once and at the very end: untreated scores first, treated ones later."""
    times = ("2026-03-02 08:00", "2026-03-02 09:00", "2026-03-02 09:00", "2026-03-10 09:00", "2026-04-20 09:00")
    before, rest = CASE.split('[[event]]\nat = "2026-03-02 09:00"\nkind = "implant"\n')
    looks = [event("assessment", at=at) for at in times]
    implant = event("implant", at="2026-03-02 09:00")
    filled, later = rest.split('[[event]]\nat = "2026-03-16 09:00"')
    world, events = before.split("[[world.event]]")
    text = world + BODY + "[[world.event]]" + events + looks[0] + implant + looks[1] + looks[2] + filled + looks[3]
    text += '[[event]]\nat = "2026-03-16 09:00"' + later + "\n" + looks[4]
    _, trace = ran(text)
    assert trace.refused == ()
    found = [fact for fact in trace.chart.facts if isinstance(fact, Assessed)]
    sheet = patient_sheets()["adult-ms"].settings
    untreated = tuple(round(sheet[name].typical, 1) for name in ("legs_ashworth", "arms_ashworth", "spasm_penn"))
    scores = [(fact.ashworth_legs, fact.ashworth_arms, fact.spasm_penn) for fact in found]
    assert scores[:3] == [untreated] * 3
    assert scores[3][0] is not None
    assert scores[3][0] < untreated[0] - 1
    assert all(score == round(score, 1) for row in scores for score in row if score is not None)
    assert [fact.at.local_text(BERLIN) for fact in found] == list(times)
