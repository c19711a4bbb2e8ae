"""Every rule that can be checked, by topic; and the check itself."""

from collections.abc import Mapping
from functools import cache
from typing import Literal, get_args

from thecal.therapy import (
    alternatives,
    candidacy,
    coverage,
    device,
    implantation,
    infection,
    interactions,
    oral,
    outcomes,
    overdose,
    programming,
    refilling,
    safety,
    screening_test,
    side_effects,
    titration,
    troubleshooting,
    visiting,
    weaning,
    withdrawal,
)
from thecal.therapy.finding import Finding, ordered
from thecal.therapy.look import Check, Checks, Look

Topic = Literal[
    "candidacy", "screening", "implant", "order", "refill", "withdrawal", "troubleshooting", "device", "oral", "interactions",
    "outcomes", "coverage", "visits",
]  # fmt: skip
TOPICS: Mapping[Topic, tuple[Checks, ...]] = {
    "candidacy": (candidacy.CHECKS,),
    "screening": (screening_test.CHECKS,),
    "implant": (implantation.CHECKS,),
    "order": (safety.CHECKS, titration.CHECKS, programming.CHECKS, side_effects.CHECKS, weaning.CHECKS),
    "refill": (refilling.CHECKS,),
    "withdrawal": (withdrawal.CHECKS, overdose.CHECKS),
    "troubleshooting": (troubleshooting.CHECKS,),
    "device": (device.CHECKS, infection.CHECKS),
    "oral": (oral.CHECKS, alternatives.CHECKS, weaning.CHECKS),
    "interactions": (interactions.CHECKS,),
    "outcomes": (outcomes.CHECKS,),
    "coverage": (coverage.CHECKS,),
    "visits": (visiting.CHECKS,),
}
"""The rules of each topic. A rule may stand in several."""


def check(look: Look, topic: Topic | None = None) -> tuple[Finding, ...]:
    """What the rules of a topic, or all of them, find; the gravest first."""
    return ordered(finding for rule in checks_of(topic).values() for finding in rule(look))


@cache
def checks_of(topic: Topic | None = None) -> Mapping[str, Check]:
    """The checks of a topic, or all of them, by the id of their rule."""
    topics = get_args(Topic) if topic is None else (topic,)
    return {rule: check for name in topics for table in TOPICS[name] for rule, check in table.items()}
