"""A policy of one's own from a file: a function, or a class with settings, and what is wrong with it."""

from pathlib import Path
from typing import Any

import pytest

from tests.study.clinic_of_one import HEAD, protocol_of, rows_of
from thecal.errors import InputError, ThecalError
from thecal.study.block import run_block
from thecal.study.own_policy import named_policy, policy_file, read_policy_file
from thecal.study.policy import POLICIES

FUNCTION = "def gentle(history):\n    return None\n"
CLASS = """
from dataclasses import dataclass, field
from typing import ClassVar
from thecal.study.history import Decision
from thecal.study.policy import continuous
from thecal.study.titration import LabelPolicy

@dataclass(frozen=True)
class Rising:
    route: ClassVar[str] = "pump"
    by: float = 1.1
    days: int = 3
    rule: LabelPolicy = field(default_factory=LabelPolicy)

    def __call__(self, history):
        if history.since_implant and history.since_implant >= self.days:
            return Decision(continuous(self.by * history.mcg_per_day))
"""


def named(name: str, settings: dict[str, Any] | None = None, **files: str) -> Any:
    return named_policy(name, settings or {}, {f"{file}.py": source for file, source in files.items()})


def test_every_policy_of_the_package_has_a_name_and_a_route() -> None:
    """And can be made without settings."""
    for name in POLICIES:
        policy, route = named(name)
        assert callable(policy)
        assert route in ("pump", "tablets", "tablets then pump", "untreated")
    assert named("tablets")[1] == "tablets"
    assert named("untreated")[1] == "untreated"
    assert named("tablets then pump")[1] == "tablets then pump"


def test_settings_go_to_a_policy_or_to_the_rule_inside_it() -> None:
    """By name, whole numbers where one is whole."""
    policy, _ = named("flex night", {"night_ratio": 2.0, "night_from_h": 21.0, "fall": 0.1})
    assert (policy.night_ratio, policy.night_from_h, policy.rule.fall) == (2.0, 21, 0.1)
    assert isinstance(policy.night_from_h, int)
    assert named("flex night")[0].rule.fall == 0.15
    deep, _ = named("tablets then pump", {"mg_max": 30.0, "days_at_most": 20.0})
    assert (deep.tablets.mg_max, deep.days_at_most) == (30, 20)
    assert named("conservative", {"early_rise": 0.1})[0].rule.early_rise == 0.1


@pytest.mark.parametrize(
    ("policy", "settings"),
    [
        ("periodic bolus", {"every_h": 5.5}),
        ("periodic bolus", {"every_h": 0.0}),
        ("periodic bolus", {"every_h": 5.0}),
        ("periodic bolus", {"bolus_part": 1.5}),
        ("flex night", {"night_from_h": 22.5}),
        ("flex night", {"night_to_h": 22.0}),
        ("tablets", {"times": 5.0}),
    ],
)
def test_a_setting_that_no_order_can_be_made_of_is_told_at_the_door(policy: str, settings: dict[str, Any]) -> None:
    """Not patient by patient, and never as a dose that does not add up."""
    route = "" if policy == "tablets" else 'first_dose = "100 mcg/day"\n'
    ((name, value),) = settings.items()
    text = HEAD.replace("365 days", "3 days") + f'[[arm]]\nname = "a"\npolicy = "{policy}"\n{route}settings.{name} = {value}\n'
    with pytest.raises(ThecalError):
        protocol_of(text)


def test_a_function_of_a_file() -> None:
    """It is the policy itself, and is taken to use a pump."""
    policy, route = named("own.py:gentle", own=FUNCTION)
    assert policy(None) is None
    assert route == "pump"


def test_a_function_may_say_its_route() -> None:
    """As an attribute."""
    assert named("own.py:gentle", own=FUNCTION + 'gentle.route = "tablets"\n')[1] == "tablets"


def test_a_class_with_settings() -> None:
    """Its instance decides, with the settings of the protocol, also those of a rule inside it."""
    policy, route = named("own.py:Rising", {"by": 1.3, "days": 5.0, "fall": 0.2}, own=CLASS)
    assert (policy.by, policy.days, policy.rule.fall) == (1.3, 5, 0.2)
    assert route == "pump"
    text = HEAD.replace("365 days", "20 days") + (
        'visits = ["5 days", "10 days"]\n[[arm]]\nname = "a"\npolicy = "own.py:Rising"\n'
        'first_dose = "100 mcg/day"\nsettings.by = 1.5\n'
    )
    rows = run_block(protocol_of(text, {"own.py": CLASS}), range(2))
    assert rows.failures == ()
    assert [row["mcg_per_day"] for row in rows_of(rows, "visits", patient=0)] == [100, 100, 150, 225]


def test_a_file_with_annotations_as_text() -> None:
    """``from __future__ import annotations`` beside a data class is what many write first."""
    policy, _ = named("own.py:Rising", {"by": 2.0}, own="from __future__ import annotations\n" + CLASS)
    assert policy.by == 2.0


@pytest.mark.parametrize(
    ("name", "settings", "source", "says"),
    [
        ("own.py:gentle", {}, "def gentle(history)\n    return None\n", ["does not run", "SyntaxError", "line 1"]),
        ("own.py:gentle", {}, "import nothing_of_the_sort\n", ["does not run", "ModuleNotFoundError"]),
        ("own.py:gentle", {}, "1 / 0\n", ["does not run", "ZeroDivisionError"]),
        ("own.py:gentel", {}, FUNCTION, ["'gentel'", "is not in own.py", "gentle"]),
        ("own.py:gentle", {"by": 1.0}, FUNCTION, ["by", "given to the function"]),
        ("own.py:Rising", {"bye": 1.0}, CLASS, ["'bye'", "is not a setting", "Did you mean 'by'?", "days"]),
        ("own.py:Rising", {"by": "more"}, CLASS, ["'more'", "is not a number", "by"]),
        ("own.py:Needs", {}, "class Needs:\n    def __init__(self, a):\n        pass\n", ["without settings", "a default"]),
        ("own.py:Plain", {"a": 1.0}, "class Plain:\n    def __call__(self, history):\n        pass\n", ["'a'", "not a setting"]),
        ("own.py:gentle", {}, FUNCTION + 'gentle.route = "injection"\n', ["injection", "tablets"]),
        ("own.py:number", {}, "number = 3\n", ["'number'", "is not in own.py"]),
        ("labell", {}, "", ["'labell'", "is not a policy", "Did you mean 'label'?"]),
        ("label", {"fal": 0.1}, "", ["'fal'", "is not a setting", "Did you mean 'fall'?"]),
        ("fixed", {"fall": 0.1}, "", ["'fall'", "is not a setting", "none"]),
    ],
)
def test_what_is_wrong_is_said(name: str, settings: dict[str, Any], source: str, says: list[str]) -> None:
    """What was asked, what there is, and the nearest; the error is an input error and never a traceback."""
    with pytest.raises(InputError) as raised:
        named(name, settings, own=source)
    for part in says:
        assert part in raised.value.sentence(), raised.value.sentence()


def test_a_file_that_ends_the_program_does_not() -> None:
    """``sys.exit`` in a policy file is an error of the file."""
    with pytest.raises(InputError, match="does not run"):
        named("own.py:gentle", own="import sys\nsys.exit(3)\n" + FUNCTION)


def test_a_class_whose_instances_cannot_be_called_is_told() -> None:
    """Before anybody is treated by it."""
    with pytest.raises(InputError, match="call"):
        named("own.py:Idle", own="class Idle:\n    pass\n")


def test_files_beside_the_protocol_alone(tmp_path: Path) -> None:
    """A file in another folder, a missing one, and one that is no text are named."""
    (tmp_path / "own.py").write_text(FUNCTION)
    (tmp_path / "raw.py").write_bytes(b"\xff\xfe\x00")
    assert read_policy_file("own.py", tmp_path) == FUNCTION
    for name in ("../own.py", "sub/own.py", "missing.py", "raw.py"):
        with pytest.raises(InputError, match=name.replace(".", "\\.")):
            read_policy_file(name, tmp_path)


def test_which_names_are_files() -> None:
    """Those with ``.py:`` in them."""
    assert policy_file("own.py:gentle") == "own.py"
    assert policy_file("label") is None
