"""The door of the re-enactments: what is read, and how each mistake is answered, with the line it stands on."""

from importlib.resources import files

import pytest

from thecal.errors import InputError, InputErrors
from thecal.hazards.play import reenact
from thecal.hazards.reenactment import Reenactment, parse_reenactment
from thecal.twin.document import BoundTable

H06 = (files("thecal") / "data" / "hazards" / "H06.toml").read_text(encoding="utf-8")
HERE_EVENT = '[[here.event]]\nat = "2026-02-02 10:00"\nkind = "session"\nexpect = "refused"\n'
MEASURE = '[[measure]]\nwhat = "dose"\nsays = "mcg at the tip in the three days after the change, of 684 mcg ordered"\n'


def edited(old: str, new: str, text: str = H06) -> str:
    """The first place that reads so, written otherwise."""
    assert old in text
    return text.replace(old, new, 1)


def parsed(text: str) -> Reenactment:
    return parse_reenactment(text.encode(), "H06.toml")


def refused(text: str) -> list[tuple[int, str]]:
    """(line, the rest of the sentence) of every mistake."""
    with pytest.raises(InputErrors) as caught:
        parsed(text)
    found = []
    for error in caught.value.errors:
        name, line, said = str(error).split(":", 2)
        assert name == "H06.toml"
        found.append((int(line), said.strip()))
    return found


def line_of(text: str, part: str) -> int:
    """The line on which something stands first."""
    return text[: text.index(part)].count("\n") + 1


@pytest.mark.requirement("HAZ-01")
def test_both_halves_have_what_both_have_and_their_own() -> None:
    """In order of time, each with its story; the one that has not been answered yet has no second half."""
    told = parsed(H06)
    assert [half.name for half in told.halves] == ["happened", "here"]
    for half, own in ((told.halves[0], 1), (told.halves[1], 2)):
        assert half.document.case is not None
        times = [action.at for action in half.document.case.actions]
        assert times == sorted(times)
        assert len(times) == H06.count("\n[[event]]") + own
    first = edited("happened = { at_most = 180 }\nhere = { at_least = 670, at_most = 700 }", "happened = { at_most = 180 }")
    first = edited("here = { at_most = 2 }\n", "", edited("here = { at_most = 1.5 }\n", "", first))
    alone = parsed(first[: first.index("[here]")])
    assert (alone.here, alone.halves) == (None, (alone.happened,))
    assert reenact(alone).problems() == []
    assert [here for _, _, here in reenact(alone).measured] == [None] * 3


WRONG: dict[str, tuple[str, str, str, str]] = {
    "an unknown key": ("reenactment = 1", "reenactment = 1\ntitel = 'x'", "titel", "is not a key here"),
    "a key of a half": ("[here]\nstory", "[here]\nstories", "stories", "Did you mean 'story'?"),
    "a key of an event of a half": (HERE_EVENT, HERE_EVENT + "brige = true\n", "brige", "Did you mean 'bridge'?"),
    "a kind of an event of a half": (
        HERE_EVENT,
        HERE_EVENT.replace('"session"', '"sesion"'),
        '"sesion"',
        "Did you mean 'session'?",
    ),
    "a key of a measure": ('below = "180', 'bellow = "180', "bellow", "Did you mean 'below'?"),
    "a key of a bound": ("{ at_most = 180 }", "{ at_mst = 180 }", "at_mst", "Did you mean 'at_most'?"),
    "a measure that there is not": ('what = "dose"', 'what = "doses"', '"doses"', "Did you mean 'dose'?"),
    "a measure without what it needs": (
        'below = "180 mcg/day"\n',
        "",
        'what = "hours_below"',
        "is measured with below, from, to",
    ),
    "a measure with what it needs not": (
        MEASURE,
        MEASURE + 'channel = "ashworth_legs"\n',
        'what = "dose"',
        "is measured with from, to, and channel, from, to is given",
    ),
    "a channel that there is not": ('"ashworth_legs"', '"ashworth_leg"', '"ashworth_leg"', "Did you mean 'ashworth_legs'?"),
    "a channel without a body": ('[body]\npatient = "adult-ms"\n', "", 'channel = "ash', "is not seen: no body is described"),
    "a time that runs back": (
        'to = "2026-02-05 10:00"',
        'to = "2026-02-02 10:00"',
        'to = "2026-02-02',
        "is not any time after its from",
    ),
    "less than an hour of hours": (
        'from = "2026-02-02 10:00"\nto = "2026-02-09 10:00"\nbelow',
        'from = "2026-02-09 09:30"\nto = "2026-02-09 10:00"\nbelow',
        'to = "2026-02-09 10:00"\nbelow',
        "is not an hour or more after its from",
    ),
    "nothing to draw": (
        'to = "2026-02-09 10:00"',
        'to = "2026-02-01 10:30"',
        'to = "2026-02-01 10:30"',
        "is not an hour or more after its from",
    ),
    "a time after the end": (
        'to = "2026-02-05 10:00"',
        'to = "2026-03-05 10:00"',
        'to = "2026-03-05',
        "is after the course ends",
    ),
    "a drawing after the end": (
        '[shown]\nfrom = "2026-02-01 10:00"\nto = "2026-02-09',
        '[shown]\nfrom = "2026-02-01 10:00"\nto = "2026-03-09',
        'to = "2026-03-09',
        "is after the course ends",
    ),
    "a bound of nothing": ("{ at_most = 180 }", "{}", "happened = {}", "nothing is bounded"),
    "a bound that cannot be": (
        "{ at_least = 670, at_most = 700 }",
        "{ at_least = 700, at_most = 670 }",
        "at_least = 700",
        "nothing can be both",
    ),
    "an event before the implant": (
        HERE_EVENT,
        HERE_EVENT.replace("2026-02-02 10:00", "2026-01-12 08:00"),
        'kind = "session"\nexpect',
        "here.event[1].kind: 'session' comes before the implant",
    ),
    "an event after the end": (
        HERE_EVENT,
        HERE_EVENT.replace("2026-02-02", "2026-03-02"),
        "2026-03-02",
        "is after the case ends",
    ),
    "a quantity without its unit": (
        'volume = "18 mL"\nconcentration = "2000 mcg/mL"\nmeasured = "8.9 mL"\n[happened',
        'volume = "18"\nconcentration = "2000 mcg/mL"\nmeasured = "8.9 mL"\n[happened',
        'volume = "18"\n',
        "unit",
    ),
    "a pump of a half": (
        "[happened]\nstory",
        '[happened.pump]\nmodel = "reference-21"\n[happened]\nstory',
        'model = "reference-21"',
        "Did you mean 'reference-2",
    ),
    "a look at nothing known": (
        "[[here.event]]",
        '[[here.look]]\nat = "2026-02-03 10:00"\ntopic = "orders"\n\n[[here.event]]',
        'topic = "orders"',
        "Did you mean 'order'?",
    ),
    "a document that there is not": (
        "[[here.event]]",
        '[[here.written]]\ndocument = "cas"\ntext = "x"\nsays = "y"\n\n[[here.event]]',
        'document = "cas"',
        "Did you mean 'case'?",
    ),
    "another version": ("reenactment = 1", "reenactment = 2", "reenactment = 2", "is not a version of this format"),
    "no measure": (H06[H06.index("[[measure]]") : H06.index("[happened]")], "", "#", "measure"),
}


@pytest.mark.requirement("HAZ-06")
@pytest.mark.parametrize("what", WRONG)
def test_a_mistake_is_told_with_its_line(what: str) -> None:
    """Each on its own line, in a half as in what both have, with the nearest where there is one."""
    old, new, where, says = WRONG[what]
    text = edited(old, new)
    found = refused(text)
    assert [line for line, said in found if says in said] == [line_of(text, where)], found


@pytest.mark.requirement("HAZ-05")
def test_halves_that_no_number_tells_apart_are_refused() -> None:
    """Bounds that touch, that lie in one another or that stand in different measures are no difference."""
    one = edited("happened = { at_least = 72 }\nhere = { at_most = 2 }", "happened = { at_least = 72 }")
    one = edited("happened = { at_least = 2.2 }\nhere = { at_most = 1.5 }", "happened = { at_least = 2.2 }", one)
    assert reenact(parsed(one)).problems() == []
    for here in ("{ at_least = 180 }", "{ at_most = 700 }", "{ at_least = 100, at_most = 170 }"):
        ((line, said),) = refused(edited("here = { at_least = 670, at_most = 700 }", f"here = {here}", one))
        assert line == line_of(one, "[[measure]]")
        assert "tells the halves apart by no number" in said
    assert "apart by no number" in refused(edited("happened = { at_most = 180 }\n", "", one))[0][1]


@pytest.mark.requirement("HAZ-02")
def test_a_harm_without_a_size_is_refused() -> None:
    """Nor is a second half bounded that is not there."""
    first_only = H06[: H06.index("[here]")]
    assert {said.split(" ", 1)[1] for _, said in refused(first_only)} == {"bounds a half that is not there."}
    for bound in ("happened = { at_most = 180 }", "happened = { at_least = 72 }", "happened = { at_least = 2.2 }"):
        first_only = edited(f"{bound}\n", "", first_only)
    assert any("no number says how large the harm is" in said for _, said in refused(first_only))


@pytest.mark.requirement("HAZ-02")
def test_bounds_hold_and_lie_apart() -> None:
    """Both ends count as within; a wait without an end is above everything."""
    low, high, both = BoundTable(at_most=2), BoundTable(at_least=5), BoundTable(at_least=2, at_most=5)
    assert [low.holds(value) for value in (-1, 2, 2.1, float("inf"))] == [True, True, False, False]
    assert [both.holds(value) for value in (1.9, 2, 5, 5.1)] == [False, True, True, False]
    assert high.holds(float("inf"))
    assert (low.apart(high), high.apart(low)) == (True, True)
    assert not any(one.apart(both) or both.apart(one) for one in (low, high, both))
    assert [str(one) for one in (low, high, both)] == ["at most 2", "at least 5", "at least 2 and at most 5"]


PROBLEMS: dict[str, tuple[str, str, str]] = {
    "a harm that is smaller": ("at_most = 180", "at_most = 170", "happened: mcg at the tip in the three days"),
    "an answer that is worse": ("at_least = 670, at_most = 700", "at_least = 690", "here: mcg at the tip in the three days"),
    "a refusal that does not come": (
        '[[happened.event]]\nat = "2026-02-02 10:00"\nkind = "refill"\n',
        '[[happened.event]]\nat = "2026-02-02 10:00"\nkind = "refill"\nexpect = "refused"\n',
        "happened: refill at 2026-02-02 10:00 was not refused",
    ),
    "a refusal that nobody expects": ('kind = "session"\nexpect = "refused"\n', 'kind = "session"\n', "refused by SES-03"),
    "a rule that refuses nothing": (
        'refused = ["SES-03"]',
        'refused = ["SES-03", "PMP-02"]',
        "here: nothing was refused by PMP-02",
    ),
    "a document that is taken": (
        "[[here.event]]",
        '[[here.written]]\ndocument = "order"\ntext = "order = 1\\nlow_reservoir = \'2 mL\'"\nsays = "unit"\n\n[[here.event]]',
        "here: the order is answered with None, and not with 'unit'",
    ),
    "an answer in other words": (
        "[[here.event]]",
        '[[here.written]]\ndocument = "order"\ntext = "order = 1\\nlow_reservoir = \'2\'"\nsays = "tea"\n\n[[here.event]]',
        "and not with 'tea'",
    ),
    "a look that finds otherwise": (
        "[[here.event]]",
        '[[here.look]]\nat = "2026-02-03 10:00"\ntopic = "refill"\nfinds = ["REF-10 emergency"]\n\n[[here.event]]',
        "here: at 2026-02-03 10:00 refill: finds",
    ),
}


@pytest.mark.requirement("HAZ-03")
@pytest.mark.parametrize("what", PROBLEMS)
def test_what_does_not_come_out_as_it_says_is_a_problem(what: str) -> None:
    """In either half, with the half's name; what is as it says is none."""
    old, new, says = PROBLEMS[what]
    assert [problem for problem in reenact(parsed(edited(old, new))).problems() if says in problem]


@pytest.mark.parametrize(
    ("measure", "says"),
    [
        ('what = "true_ml"\nat = "2026-01-12 08:00"\n', "has no pump in place"),
        (
            'what = "highest"\nfrom = "2025-12-12 08:00"\nto = "2026-02-02 10:00"\nchannel = "spasm_penn"\n',
            "not within what the body",
        ),
    ],
)
def test_what_is_not_there_is_not_measured(measure: str, says: str) -> None:
    """A reservoir before the implant, a body before its course: told, and no number is made of it."""
    played = reenact(parsed(edited("[happened]", f'[[measure]]\nsays = "x"\n{measure}\n[happened]')))
    with pytest.raises(InputError, match=says):
        played.problems()


def test_a_wait_that_does_not_end_is_without_end() -> None:
    """Until an event, an action, or a rule that refuses or is found; each at its hours."""
    waits = {
        '["SES-03"]': (float("inf"), 24.0),
        '["refill", "session"]': (24.0, 24.0 + 5 / 60),
        '["low reservoir alarm"]': (float("inf"), float("inf")),
    }
    for by, hours in waits.items():
        measure = f'[[measure]]\nwhat = "hours_to"\nsays = "h"\nfrom = "2026-02-01 10:00"\nby = {by}\n\n'
        told = reenact(parsed(edited("[happened]", measure + "[happened]")))
        assert told.measured[-1][1:] == hours, by
