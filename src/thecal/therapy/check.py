"""Every rule that can be checked, by topic; and the check itself."""

from collections.abc import Mapping
from dataclasses import replace
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
    restart,
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
from thecal.therapy.rules import all_rules

Topic = Literal[
    "candidacy", "screening", "implant", "order", "refill", "withdrawal", "troubleshooting", "device", "oral", "interactions",
    "outcomes", "coverage", "visits",
]  # fmt: skip


def _some(table: Checks, *rules: str) -> Checks:
    return {rule: table[rule] for rule in rules}


TOPICS: Mapping[Topic, tuple[Checks, ...]] = {
    "candidacy": (candidacy.CHECKS,),
    "screening": (screening_test.CHECKS,),
    "implant": (implantation.CHECKS,),
    "order": (
        safety.CHECKS,
        titration.CHECKS,
        programming.CHECKS,
        side_effects.CHECKS,
        weaning.CHECKS,
        restart.CHECKS,
        overdose.BEFORE_AN_ORDER,
        _some(troubleshooting.CHECKS, "TRB-09"),
        _some(device.CHECKS, "DEV-01", "SAF-07"),
        _some(interactions.CHECKS, "INT-01"),
        _some(implantation.CHECKS, "IMP-09"),
    ),
    "refill": (refilling.CHECKS,),
    "withdrawal": (withdrawal.CHECKS, overdose.CHECKS),
    "troubleshooting": (troubleshooting.CHECKS,),
    "device": (device.CHECKS, infection.CHECKS),
    "oral": (oral.CHECKS, alternatives.CHECKS, weaning.CHECKS),
    "interactions": (interactions.CHECKS,),
    "outcomes": (outcomes.CHECKS,),
    "coverage": (coverage.CHECKS, _some(candidacy.CHECKS, "CAN-16")),
    "visits": (visiting.CHECKS,),
}
"""The rules of each topic. A rule may stand in several."""


def check(look: Look, topic: Topic | None = None) -> tuple[Finding, ...]:
    """What the rules of a topic, or all of them, find; the gravest first.

    An order that restarts the therapy in active withdrawal is never blocked (SAF-06), nor one that stops or lowers it in an
    overdose (OVD-02): what would stop it is told as a warning, and the second person signs afterwards. What a wrong order is
    wrong by whatever the hurry still stops it.
    """
    found = (finding for rule in checks_of(topic).values() for finding in rule(look))
    return ordered(eased(look, finding) for finding in found)


_WRONG_IN_ANY_HURRY = frozenset(
    {"SAF-01", "SAF-02", "SAF-03", "SAF-04", "ORD-01", "ORD-02", "ORD-03", "ORD-04", "RPC-08", "RPC-16"}
)


def eased(look: Look, finding: Finding) -> Finding:
    """A finding as it counts for this order: where that ends an overdose, or restarts the therapy in active withdrawal, a block
    is a warning, and a second person signs afterwards.
    """
    if finding.severity not in ("block", "second_person"):
        return finding
    if overdose.relieves(look) and finding.rule not in _WRONG_IN_ANY_HURRY - {"SAF-03"}:
        return _afterwards(finding, "The overdose comes first (OVD-02)")
    if not restart.resumes(look):
        return finding
    if finding.rule in _WRONG_IN_ANY_HURRY and not _own_highest(look, finding):
        return finding
    return _afterwards(finding, "Active withdrawal comes first (SAF-06)")


def _afterwards(finding: Finding, first: str) -> Finding:
    if finding.severity == "block":
        return replace(finding, severity="warn", next=f"{first}. Then: {finding.next}")
    return replace(finding, severity="task", next=f"Afterwards: {finding.next}")


def _own_highest(look: Look, finding: Finding) -> bool:
    """Whether the highest dose that is passed is the clinic's own, and not the one that is published (SAF-01)."""
    published = all_rules()["SAF-01"].limits["daily dose"].value * 10**6
    return finding.rule == "SAF-01" and look.asked is not None and look.asked.most is not None and look.asked.most.pg <= published


@cache
def checks_of(topic: Topic | None = None) -> Mapping[str, Check]:
    """The checks of a topic, or all of them, by the id of their rule."""
    topics = get_args(Topic) if topic is None else (topic,)
    return {rule: check for name in topics for table in TOPICS[name] for rule, check in table.items()}
