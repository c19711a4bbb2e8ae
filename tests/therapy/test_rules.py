"""The rules as data: every one with a statement, a source and a confidence, and what a clinic may change of it."""

import pytest

from thecal.errors import InputError
from thecal.therapy.check import checks_of
from thecal.therapy.clinic import Clinic, Loosened, limit_named
from thecal.therapy.rules import Limit, Rule, all_rules, rule_named

RULES = list(all_rules().values())
LIMITS = [limit for rule in RULES for limit in rule.limits.values()]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_says_what_it_rests_on(rule: Rule) -> None:
    """A statement of its own, a citation, and how sure it is; a check is one that can be run, and nothing else is."""
    assert len(rule.statement) > 20
    assert rule.statement.rstrip().endswith(".")
    assert len(rule.source) > 5
    assert (rule.id in checks_of()) == (rule.kind == "check")
    assert rule.kind != "check" or rule.inputs


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: f"{limit.rule}.{limit.name}")
def test_what_is_recalled_blocks_nothing(limit: Limit) -> None:
    """And everything that nobody published may be set by a clinic, in both directions; what is published only stricter."""
    assert not (limit.confidence == "R" and limit.severity in ("block", "emergency"))
    name = f"{limit.rule}.{limit.name}"
    stricter = limit.value * (0.9 if limit.stricter == "lower" else 1.1)
    looser = limit.value * (1.1 if limit.stricter == "lower" else 0.9)
    if limit.configurable == "yes" or limit.stricter:
        assert Clinic().with_limit(name, stricter).limit(limit.rule, limit.name).value == stricter
    if limit.configurable == "yes" or not limit.value:
        return
    with pytest.raises(InputError, match="is less strict than"):
        Clinic().with_limit(name, looser)
    own = Clinic().with_limit(name, looser, Loosened(name, "a protocol of our own", "Dr A"))
    assert own.limit(limit.rule, limit.name).value == looser
    assert own.loosened[0].reason == "a protocol of our own"


def test_unknown_rules_and_limits_get_the_nearest_name() -> None:
    with pytest.raises(InputError, match="TIT-13"):
        rule_named("TIT-31")
    assert rule_named("tit-03").id == "TIT-03"
    with pytest.raises(InputError, match=r"TIT-03\.rise"):
        limit_named("TIT-03.rises")
